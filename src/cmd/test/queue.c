/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which target next: as many at once as --parallel allows, at most a few of one network outside of
 * the operator's scope. With a store the targets wait in the store, so that a killed run goes on
 * where it was; without one they wait here.
 */
#include "cmd/test/test.h"

#include "base/escape.h"
#include "io/file.h"
#include "io/idn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    TARGETS_FILE_MAX = 64 << 20,
    PROGRESS_MS = 200,
    BURST = 250,       /* targets begun at once */
    BREATH_MS = 5,     /* between two bursts */
    LAG_MOST_MS = 400, /* of the loop; beyond, no more targets are begun */
};

static int name_add(struct test *t, struct span name, bool domain, size_t *cap)
{
    struct buf text = BUF_INIT(STORE_NAME_MAX);

    if (array_grow(&t->names, cap, sizeof(t->names[0]), t->name_count + 1) < 0)
        return -ENOMEM;
    if (domain)
        buf_add_str(&text, "domain:");
    buf_add(&text, name);
    t->names[t->name_count] = buf_take(&text);
    buf_deinit(&text);
    if (!t->names[t->name_count])
        return -ENOMEM;
    t->name_count++;
    return 0;
}

/* What can be no target is said before anything is sent to anybody. */
static bool name_good(struct span name, bool domain)
{
    char ascii[IDN_NAME_MAX];
    struct span host = name;
    uint16_t port;
    struct ip ip;

    if (!domain && !ip_host_port(name, &host, &port))
        return false;
    return (!domain && ip_parse(host, &ip)) || idn_to_ascii(host, ascii);
}

/* A list of addresses is a list of thousands: a line that is wrong must name itself. */
static int line_add(struct test *t, const char *path, unsigned number, struct span line,
                    size_t *cap)
{
    struct span whole = line, word, more;
    struct buf shown = BUF_INIT(1000);

    if (!span_word(&line, &word))
        return 0;
    if (name_good(word, false) && !span_word(&line, &more)) {
        if (name_add(t, word, false, cap) == 0)
            return 0;
        complain("%s:%u: out of memory, or a name longer than %d bytes", path, number,
                 STORE_NAME_MAX);
        return TEST_EXIT_SOFTWARE;
    }
    escape_text(&shown, span_slice(whole, 0, 100));
    complain("%s:%u: \"%s\" is no target: a line holds one host name, address, HOST:PORT or "
             "[IPV6]:PORT, and # begins a comment",
             path, number, buf_str(&shown));
    buf_deinit(&shown);
    return TEST_EXIT_CONFIG;
}

static int names_of_file(struct test *t, const char *path, size_t *cap)
{
    struct buf text = BUF_INIT(TARGETS_FILE_MAX);
    int err = file_read(path, &text);
    struct span rest = buf_span(&text), line;
    unsigned number = 0;

    if (err < 0) {
        complain("%s: %s; name a file with one target a line", path, strerror(-err));
        buf_deinit(&text);
        return TEST_EXIT_NO_INPUT;
    }
    while (!err && span_cut(&rest, '\n', &line)) {
        line = span_trim(span_slice(line, 0, span_find(line, '#')));
        err = line_add(t, path, ++number, line, cap);
    }
    buf_deinit(&text);
    return err;
}

int queue_check(struct test *t, int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (!name_good(span_str(argv[i]), false))
            return options_misuse(&args_options,
                                  "\"%s\" is no host name, address, HOST:PORT or "
                                  "[IPV6]:PORT",
                                  argv[i]);
    for (size_t i = 0; i < t->args.domains.count; i++)
        if (!name_good(span_str(t->args.domains.v[i]), true))
            return options_misuse(&args_options, "--domain: \"%s\" is no domain name",
                                  t->args.domains.v[i]);
    return 0;
}

int queue_fill(struct test *t, int argc, char **argv)
{
    size_t cap = 0;
    int err = queue_check(t, argc, argv);

    if (err)
        return err;
    for (int i = 0; i < argc && !err; i++)
        err = name_add(t, span_str(argv[i]), false, &cap);
    for (size_t i = 0; i < t->args.domains.count && !err; i++)
        err = name_add(t, span_str(t->args.domains.v[i]), true, &cap);
    if (err < 0) {
        complain("a target's name is longer than %d bytes, or memory is short", STORE_NAME_MAX);
        return OPTIONS_EXIT_MISUSE;
    }
    if (t->args.targets_file)
        err = names_of_file(t, t->args.targets_file, &cap);
    t->total = t->name_count;
    if (!err && t->total == 0) {
        complain("no target is given");
        err = OPTIONS_EXIT_MISUSE;
    }
    return err;
}

static struct target *next_of_store(struct test *t)
{
    struct store_target row;
    char name[STORE_NAME_MAX + 1];
    int got = store_target_next_pending(t->store, t->run_id, loop_wall(), &row);

    if (got < 0)
        complain("%s; the targets that are left are not tested, see --resume",
                 store_error(t->store));
    if (got != STORE_OK || !span_copy(row.name, name, sizeof(name)))
        return NULL;
    return target_new(t, name, row.ordinal, row.id);
}

static struct target *next_target(struct test *t)
{
    if (t->store)
        return next_of_store(t);
    if (t->name_next == t->name_count)
        return NULL;
    struct target *target = target_new(t, t->names[t->name_next], t->name_next, 0);

    t->name_next++;
    return target;
}

static void enter(struct test *t, struct target *target)
{
    target->next = t->active;
    if (t->active)
        t->active->prev = target;
    t->active = target;
    t->active_count++;
}

static void leave(struct test *t, struct target *target)
{
    if (target->prev)
        target->prev->next = target->next;
    else
        t->active = target->next;
    if (target->next)
        target->next->prev = target->prev;
    t->active_count--;
}

static void show_progress(void *cookie)
{
    struct test *t = cookie;

    progress_show(&t->progress, t->finished, t->total, NULL, loop_now(t->loop));
    timer_start(&t->progress_timer, t->loop, PROGRESS_MS);
}

/*
 * A few at a time, so that those before are heard in between; and none while the loop is behind its
 * work, for servers would seem slow that are not.
 */
static void queue_more(struct test *t)
{
    if (t->total > 1)
        save_batch(t);
    for (unsigned i = 0; !t->stopping && t->active_count < t->args.parallel; i++) {
        bool busy = i == BURST || (t->active_count > 0 && worker_lag(t) > LAG_MOST_MS);
        struct target *target = busy ? NULL : next_target(t);

        if (busy && !timer_running(&t->more))
            timer_start(&t->more, t->loop, BREATH_MS);
        if (!target)
            break;
        enter(t, target);
        target_begin(target);
    }
    if (t->active_count == 0)
        loop_stop(t->loop);
}

static void on_begin(void *cookie)
{
    worker_kept(cookie);
    queue_more(cookie);
}

void queue_begin(struct test *t)
{
    if (!t->args.quiet && t->total > 1) {
        progress_start(&t->progress, "targets", t->finished, loop_now(t->loop));
        timer_init(&t->progress_timer, show_progress, t);
        timer_start(&t->progress_timer, t->loop, PROGRESS_MS);
    }
    timer_init(&t->more, on_begin, t);
    timer_start(&t->more, t->loop, 0);
}

/* Targets are freed from the loop, never from inside their own callbacks. */
static void on_free(void *cookie)
{
    struct target *target = cookie;
    struct test *t = target->test;

    leave(t, target);
    target_free(target);
    queue_more(t);
}

void queue_target_done(struct target *target)
{
    struct test *t = target->test;

    t->finished++;
    timer_init(&target->timer, on_free, target);
    timer_start(&target->timer, t->loop, 0);
}

bool queue_network_free(struct test *t, struct ip_prefix net)
{
    unsigned busy = 0;

    for (const struct target *other = t->active; other; other = other->next)
        if (other->network.ip.family == net.ip.family && other->network.len == net.len &&
            ip_eq(other->network.ip, net.ip))
            busy++;
    return busy < t->args.per_network;
}
