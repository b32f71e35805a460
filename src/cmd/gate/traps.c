/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file is written at most every WRITE_EVERY: a flood of traps must not become a flood of
 * fsync(). What a crash can lose is that much time's listings; they fall into the trap again.
 *
 * A file that can't be written is an alarm, not an end: the list works from memory.
 */
#include "cmd/gate/traps.h"

#include "base/num.h"
#include "cmd/gate/bus.h"
#include "cmd/gate/traps_from.h"
#include "io/file.h"
#include "io/log.h"
#include "io/timer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { WRITE_EVERY = 5000, EXPIRE_EVERY = 60000 };

struct traps {
    struct loop *loop;
    struct metrics *metrics;
    struct timer write_timer, expire_timer;
    struct trap_list list;
    struct trap_rcpts rcpts;
    struct traps_from *from; /* lists of others; NULL: none */
    char *file;              /* NULL: none */
    int64_t time;            /* s */
    unsigned worker;
    bool on;
    bool unwritable; /* told already */
};

bool traps_on(const struct traps *t)
{
    return t->on;
}

size_t traps_count(const struct traps *t)
{
    return t->list.count;
}

size_t traps_count_from(const struct traps *t)
{
    return traps_from_count(t->from);
}

const char *traps_has(const struct traps *t, struct ip client)
{
    const struct trap_entry *e = trap_find(&t->list, client, loop_wall());

    return e ? e->reason : traps_from_has(t->from, client);
}

bool traps_is_rcpt(const struct traps *t, struct span rcpt)
{
    return trap_rcpts_has(&t->rcpts, rcpt);
}

void traps_say(const struct traps *t, struct ip client, const char *why)
{
    if (t->on && trap_fit(client))
        bus_say("trap %s %lld %s", LOG_IP(client), (long long)(loop_wall() + t->time), why);
}

/* --- the file -------------------------------------------------------------------------------- */

static bool write_family(struct traps *t, enum ip_family family, const char *path)
{
    struct buf text = BUF_INIT(TRAP_FILE_MAX);
    int r;

    trap_write(&t->list, family, loop_wall(), &text);
    r = text.err ? text.err : file_write(path, buf_span(&text), 0644);
    buf_deinit(&text);
    if (r < 0 && !t->unwritable)
        log_error("trap-file", "file", path, "error", LOG_ERRNO(r), "meaning",
                  "the timed list is kept in memory alone", NULL);
    return r == 0;
}

static void write_files(struct traps *t)
{
    char path6[4096];
    bool fine;

    if (!t->file || !t->list.changed)
        return;
    t->list.changed = false;
    fine = write_family(t, IP_V4, t->file);
    if (snprintf(path6, sizeof(path6), "%s6", t->file) < (int)sizeof(path6))
        fine = write_family(t, IP_V6, path6) && fine;
    t->unwritable = !fine;
}

static void on_write_time(void *cookie)
{
    write_files(cookie);
}

static void changed(struct traps *t)
{
    metrics_set(t->metrics, METRIC_TRAP_ENTRIES, 0, t->worker ? 0 : t->list.count);
    if (t->file && t->worker == 0 && t->list.changed && !timer_running(&t->write_timer))
        timer_start(&t->write_timer, t->loop, WRITE_EVERY);
}

static void on_expire_time(void *cookie)
{
    struct traps *t = cookie;

    trap_expire(&t->list, loop_wall());
    changed(t);
    timer_start(&t->expire_timer, t->loop, EXPIRE_EVERY);
}

/* A file that is not there yet is none; one that can't be read is said. */
static int read_family(struct traps *t, const char *path, char err[TRAPS_ERROR_MAX])
{
    struct buf text = BUF_INIT(TRAP_FILE_MAX);
    size_t bad = 0;
    int r = file_read(path, &text);

    if (r == -ENOENT) {
        r = 0;
    } else if (r < 0) {
        snprintf(err, TRAPS_ERROR_MAX, "trap-file: %s: %s", path, strerror(-r));
    } else {
        r = trap_read(&t->list, buf_span(&text), loop_wall() + t->time, loop_wall(), &bad);
        if (bad)
            log_warn("trap-file", "file", path, "lines_passed_over", LOG_NUM((int64_t)bad), NULL);
    }
    buf_deinit(&text);
    return r;
}

static int read_files(struct traps *t, char err[TRAPS_ERROR_MAX])
{
    char path6[4096];
    int r;

    if (!t->file)
        return 0;
    if (snprintf(path6, sizeof(path6), "%s6", t->file) >= (int)sizeof(path6)) {
        snprintf(err, TRAPS_ERROR_MAX, "trap-file: the name is too long");
        return -ENAMETOOLONG;
    }
    r = read_family(t, t->file, err);
    if (r == 0)
        r = read_family(t, path6, err);
    t->list.changed =
        true; /* written anew even when nothing was read: who serves it wants a file */
    return r;
}

/* --- the bus --------------------------------------------------------------------------------- */

static bool read_client(struct span *words, struct ip *ret)
{
    struct span word;

    return span_word(words, &word) && ip_parse(word, ret);
}

static void on_trap(void *cookie, struct span words)
{
    struct traps *t = cookie;
    struct span until, reason = SPAN_LIT("operator");
    uint64_t wall;
    struct ip ip;
    int r;

    if (!read_client(&words, &ip)) {
        log_warn("trap", "error", "no address", NULL);
        return;
    }
    if (!span_word(&words, &until) || !num_u64(until, 0, INT64_MAX / 2, &wall))
        wall = (uint64_t)(loop_wall() + t->time);
    span_word(&words, &reason);
    r = trap_add(&t->list, ip, (int64_t)wall, reason, loop_wall());
    if (r == TRAP_ADDED && t->worker == 0) {
        metrics_add(t->metrics, METRIC_TRAPS, 0, 1);
        log_info("trap", "client", LOG_IP(ip), "reason", LOG_SPAN(reason), "until",
                 LOG_NUM((int64_t)wall), NULL);
    } else if (r == TRAP_UNFIT && t->worker == 0) {
        log_warn("trap", "client", LOG_IP(ip), "error", "not a public address, or over already",
                 NULL);
    }
    changed(t);
}

/* "listed <ip> <until> <reason>": what others knew before this worker was born; said already. */
static void on_listed(void *cookie, struct span words)
{
    struct traps *t = cookie;
    struct span until;
    uint64_t wall;
    struct ip ip;

    /* A file need not give reasons, so there may be none. */
    if (read_client(&words, &ip) && span_word(&words, &until) &&
        num_u64(until, 0, INT64_MAX / 2, &wall))
        trap_add(&t->list, ip, (int64_t)wall, span_trim(words), loop_wall());
    changed(t);
}

static void tell(void *cookie, struct buf *out)
{
    const struct traps *t = cookie;
    int64_t now = loop_wall();

    for (size_t i = 0; i < t->list.count; i++) {
        const struct trap_entry *e = &t->list.entries[i];

        if (e->until_wall > now)
            buf_addf(out, "listed %s %lld %s\n", LOG_IP(e->ip), (long long)e->until_wall,
                     e->reason);
    }
}

static void on_untrap(void *cookie, struct span words)
{
    struct traps *t = cookie;
    struct ip ip = {0};
    bool there = read_client(&words, &ip) && trap_remove(&t->list, ip);

    if (t->worker == 0)
        log_info("untrap", "client", LOG_IP(ip), "was_there", there ? "yes" : "no", NULL);
    changed(t);
}

/* --- opening --------------------------------------------------------------------------------- */

static int set_rcpts(struct trap_rcpts *r, const struct gate_args *args, char err[TRAPS_ERROR_MAX])
{
    for (size_t i = 0; i < args->traps.count; i++) {
        int got = trap_rcpts_add(r, span_str(args->traps.v[i]));

        if (got == TRAP_RCPT_BAD)
            snprintf(err, TRAPS_ERROR_MAX,
                     "traps: '%.100s' is no recipient: write user@domain or @domain",
                     args->traps.v[i]);
        if (got != 0)
            return got < 0 ? got : -EINVAL;
    }
    return 0;
}

/* Who reads what he writes himself keeps its entries for good. */
static int check_from(const struct gate_args *args, char err[TRAPS_ERROR_MAX])
{
    const struct option_list *list = &args->traps_from;

    if (list->count > TRAPS_FROM_MAX) {
        snprintf(err, TRAPS_ERROR_MAX, "traps-from: more than %d files", TRAPS_FROM_MAX);
        return -E2BIG;
    }
    for (size_t i = 0; i < list->count; i++)
        if (args->trap_file && strcmp(list->v[i], args->trap_file) == 0) {
            snprintf(err, TRAPS_ERROR_MAX, "traps-from: %.200s is our own trap-file", list->v[i]);
            return -EINVAL;
        }
    return 0;
}

bool traps_check(const struct gate_args *args, char err[TRAPS_ERROR_MAX])
{
    struct trap_rcpts rcpts = {0};
    int r = set_rcpts(&rcpts, args, err);

    trap_rcpts_deinit(&rcpts);
    return r == 0 && check_from(args, err) == 0;
}

int traps_change(struct traps *t, const struct gate_args *args, char err[TRAPS_ERROR_MAX])
{
    struct trap_rcpts rcpts = {0};
    struct traps_from *from = t->from;
    char *file = args->trap_file ? strdup(args->trap_file) : NULL;
    int r = set_rcpts(&rcpts, args, err);

    if (r == 0)
        r = check_from(args, err);
    if (r == 0 && args->trap_file && !file)
        r = -ENOMEM;
    if (r == 0 && !traps_from_is(t->from, &args->traps_from))
        r = traps_from_open(t->loop, &args->traps_from, t->worker == 0, &from);
    if (r < 0) {
        trap_rcpts_deinit(&rcpts);
        free(file);
        return r;
    }
    if (from != t->from)
        traps_from_close(&t->from);
    t->from = from;
    trap_rcpts_deinit(&t->rcpts);
    t->rcpts = rcpts;
    free(t->file);
    t->file = file;
    t->time = args->trap_time / 1000;
    t->on = rcpts.count > 0 || file;
    return 0;
}

int traps_open(struct loop *l, const struct gate_args *args, unsigned worker, struct metrics *m,
               struct traps **ret, char err[TRAPS_ERROR_MAX])
{
    struct traps *t = calloc(1, sizeof(*t));
    int r;

    if (!t)
        return -ENOMEM;
    t->loop = l;
    t->metrics = m;
    t->worker = worker;
    timer_init(&t->write_timer, on_write_time, t);
    timer_init(&t->expire_timer, on_expire_time, t);
    r = traps_change(t, args, err);
    if (r == 0)
        r = read_files(t, err);
    if (r < 0) {
        t->list.changed = false;
        traps_close(&t);
        return r;
    }
    bus_hear("trap", on_trap, t);
    bus_hear("untrap", on_untrap, t);
    bus_hear("listed", on_listed, t);
    bus_tell(tell, t);
    timer_start(&t->expire_timer, l, EXPIRE_EVERY);
    changed(t);
    *ret = t;
    return 0;
}

void traps_close(struct traps **pt)
{
    struct traps *t = *pt;

    *pt = NULL;
    if (!t)
        return;
    if (t->worker == 0)
        write_files(t);
    timer_stop(&t->write_timer);
    timer_stop(&t->expire_timer);
    traps_from_close(&t->from);
    trap_deinit(&t->list);
    trap_rcpts_deinit(&t->rcpts);
    free(t->file);
    free(t);
}
