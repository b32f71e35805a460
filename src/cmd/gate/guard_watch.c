/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether we run in a container only helps to name the cause and to know a rootless one's loopback
 * for what it is: the signs are those that podman, docker and systemd-nspawn leave
 * (/run/.containerenv, /.dockerenv, container= of the first process as told by our own
 * environment), and Kubernetes' service variables.
 *
 * The facts are read anew now and then: a container's network may come up after us. Where the
 * filter of system calls or a missing /proc denies that, the last facts stay.
 *
 * The file of the verdict is opened with the rights of the start, or, where those are not enough to
 * reach the user's own folder, once we are that user.
 */
#include "cmd/gate/guard_watch.h"

#include "base/escape.h"
#include "base/num.h"
#include "cmd/gate/bus.h"
#include "cmd/gate/guard_file.h"
#include "cmd/gate/guard_probe.h"
#include "io/datadir.h"
#include "io/log.h"
#include "io/netif.h"
#include "io/random.h"
#include "io/timer.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct guard_watch {
    struct loop *loop;
    struct metrics *metrics;
    struct timer timer;
    struct timer file_timer; /* the second try to open it */
    struct guard_file *file; /* NULL: none, or not yet */
    char *path;              /* of the file */
    unsigned worker;
    bool on;
    struct guard guard;
};

static bool in_container(void)
{
    return access("/run/.containerenv", F_OK) == 0 || access("/.dockerenv", F_OK) == 0 ||
           getenv("container") || getenv("KUBERNETES_SERVICE_HOST");
}

static void read_host(struct guard_watch *w)
{
    static const enum guard_role roles[] = {
        [NETIF_ADDRESS] = GUARD_OWN,
        [NETIF_BRIDGE] = GUARD_BRIDGE,
        [NETIF_GATEWAY] = GUARD_GATEWAY,
    };
    struct netif_facts facts = {0};
    int r = netif_facts(&facts);

    if (r < 0) {
        log_debug("guard", "error", LOG_ERRNO(r), NULL);
        return;
    }
    guard_host_clear(&w->guard);
    for (size_t i = 0; i < facts.count; i++) {
        const struct netif_fact *f = &facts.v[i];

        if (ip_space(f->ip) == IP_LOOPBACK)
            continue;
        guard_host(&w->guard, f->ip, roles[f->kind]);
        if (f->kind != NETIF_GATEWAY)
            guard_net(&w->guard, ip_prefix_of(f->ip, f->len));
    }
    netif_facts_deinit(&facts);
}

static void alarm_suspended(const struct guard_watch *w)
{
    const struct guard *g = &w->guard;

    if (w->worker != 0)
        return;
    log_error("guard", "state", "suspended", "cause", guard_cause_name(g->cause), "client",
              LOG_IP(g->culprits[g->culprit_count ? g->culprit_count - 1 : 0]), "addresses",
              LOG_NUM(g->culprit_count), "meaning",
              g->only_culprits ? "strangers come from an address that may relay: it may not now, "
                                 "logins work"
                               : "clients share an address: relaying by address is off, logins "
                                 "work",
              "advice", guard_cause_advice(g->cause), NULL);
}

/* --- the file -------------------------------------------------------------------------------- */

static void keep(struct guard_watch *w)
{
    struct buf words = BUF_INIT(GUARD_TEXT_MAX);
    int r;

    if (!w->file || w->worker != 0)
        return;
    guard_write(&w->guard, loop_now(w->loop), loop_wall(), &words);
    r = words.err ? words.err : guard_file_write(w->file, buf_span(&words));
    if (r < 0)
        log_error("guard", "file", w->path, "error", LOG_ERRNO(r), "meaning",
                  "the next start will not know of this", NULL);
    buf_deinit(&words);
}

static void remember(struct guard_watch *w)
{
    struct buf words = BUF_INIT(GUARD_FILE_WORDS);
    int r = guard_file_read(w->file, &words);

    if (r < 0 && w->worker == 0)
        log_warn("guard", "file", w->path, "error", LOG_ERRNO(r), "meaning",
                 "what was suspended before is not known", NULL);
    if (r == 0 &&
        guard_take(&w->guard, buf_span(&words), loop_now(w->loop), loop_wall()) == GUARD_SUSPENDS)
        alarm_suspended(w);
    buf_deinit(&words);
}

static void cannot_keep(const struct guard_watch *w, int error)
{
    if (w->worker == 0)
        log_warn("guard", "file", w->path ? w->path : GUARD_WATCH_FILE, "error", LOG_ERRNO(error),
                 "meaning", "a suspension will not outlive this process; see state", NULL);
}

static int open_file(struct guard_watch *w, uid_t owner)
{
    int r = guard_file_open(w->path, owner, &w->file);

    if (r == 0)
        remember(w);
    return r;
}

static void on_file_time(void *cookie)
{
    struct guard_watch *w = cookie;
    int r = open_file(w, (uid_t)-1);

    if (r < 0)
        cannot_keep(w, r);
}

static bool is_empty(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *e;
    bool empty = dir != NULL;

    while (empty && (e = readdir(dir)))
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    if (dir)
        closedir(dir);
    return empty;
}

/* A folder that we have just made as root is the user's whom we are about to become. */
static void give_folder(const char *folder, const struct passwd *user)
{
    struct stat st;

    if (stat(folder, &st) == 0 && st.st_uid == 0 && is_empty(folder) &&
        chown(folder, user->pw_uid, user->pw_gid) < 0)
        log_warn("guard", "folder", folder, "error", LOG_ERRNO(-errno), NULL);
}

static void find_file(struct guard_watch *w, const struct gate_args *args)
{
    const struct passwd *user = geteuid() == 0 && args->user ? getpwnam(args->user) : NULL;
    char folder[DATADIR_PATH_MAX], path[DATADIR_PATH_MAX];
    int r = datadir_state(args->state, folder);

    if (r == 0 && !datadir_join(folder, GUARD_WATCH_FILE, path))
        r = -ENAMETOOLONG;
    w->path = r == 0 ? strdup(path) : NULL;
    if (r == 0 && !w->path)
        r = -ENOMEM;
    if (r == 0 && user)
        give_folder(folder, user);
    if (r == 0)
        r = open_file(w, user ? user->pw_uid : (uid_t)-1);
    if (r == -EACCES || r == -EPERM)
        timer_start(&w->file_timer, w->loop, 0);
    else if (r < 0)
        cannot_keep(w, r);
}

/* --- verdicts -------------------------------------------------------------------------------- */

static void happened(struct guard_watch *w, enum guard_event e)
{
    switch (e) {
    case GUARD_SAME:
        return;
    case GUARD_SUSPENDS:
        alarm_suspended(w);
        break;
    case GUARD_CLEARS:
        if (w->worker == 0)
            log_warn("guard", "state", "watching", "meaning", "relaying by address is on again",
                     NULL);
        break;
    }
    keep(w);
    metrics_set(w->metrics, METRIC_GUARD, 0, w->worker == 0 && w->guard.suspended);
}

static void write_verdict(const struct guard_watch *w, struct buf *out)
{
    buf_add_str(out, "guard suspend ");
    guard_write(&w->guard, loop_now(w->loop), loop_wall(), out);
}

/* Our own verdict; the others have heard what we saw, but perhaps not all of it. */
static void judged(struct guard_watch *w, enum guard_event e)
{
    struct buf line = BUF_INIT(BUS_LINE_MAX);

    happened(w, e);
    if (e == GUARD_SUSPENDS && bus_shared()) {
        write_verdict(w, &line);
        bus_say("%s", buf_str(&line));
    }
    buf_deinit(&line);
}

static void tell(void *cookie, struct buf *out)
{
    const struct guard_watch *w = cookie;

    if (!w->on || !w->guard.suspended)
        return;
    write_verdict(w, out);
    buf_add_char(out, '\n');
}

static void on_time(void *cookie)
{
    struct guard_watch *w = cookie;

    read_host(w);
    if (w->on && w->guard.suspended)
        alarm_suspended(w);
    timer_start(&w->timer, w->loop, GUARD_WATCH_EVERY);
}

/* --- what others saw ------------------------------------------------------------------------- */

static void add_name(struct buf *out, struct span name)
{
    size_t from = name.n > GUARD_WATCH_NAME ? name.n - GUARD_WATCH_NAME : 0;

    if (name.n == 0)
        buf_add_char(out, '-');
    else
        escape_uri(out, span_slice(name, from, name.n));
}

static void say_seen(const struct guard_watch *w, const char *verb, const struct guard_session *s)
{
    struct buf ptr = BUF_INIT(BUS_LINE_MAX), helo = BUF_INIT(BUS_LINE_MAX);

    if (bus_shared() && w->guard.news) {
        add_name(&ptr, s->ptr);
        add_name(&helo, s->helo);
        bus_count(verb, "%s %u %d%d %s %s", LOG_IP(s->client), s->ttl, s->trusted, s->helo_ours,
                  buf_str(&ptr), buf_str(&helo));
    }
    buf_deinit(&ptr);
    buf_deinit(&helo);
}

/* The names are in ptr and helo, good as long as these. */
static bool read_seen(struct span words, struct guard_session *s, struct buf *ptr, struct buf *helo)
{
    struct span ip, ttl, flags, name;
    uint64_t n;

    *s = (struct guard_session){0};
    if (!span_word(&words, &ip) || !ip_parse(ip, &s->client) || !span_word(&words, &ttl) ||
        !num_u64(ttl, 0, 255, &n) || !span_word(&words, &flags) || flags.n != 2)
        return false;
    s->ttl = (unsigned)n;
    s->trusted = flags.p[0] == '1';
    s->helo_ours = flags.p[1] == '1';
    if (!span_word(&words, &name) ||
        (!span_eq(name, SPAN_LIT("-")) && !escape_uri_undo(ptr, name)) ||
        !span_word(&words, &name) || !escape_uri_undo(helo, name))
        return false;
    s->ptr = buf_span(ptr);
    s->helo = buf_span(helo);
    return true;
}

static void hear_seen(struct guard_watch *w, struct span words, bool relayed)
{
    struct buf ptr = BUF_INIT(GUARD_WATCH_NAME), helo = BUF_INIT(GUARD_WATCH_NAME);
    struct guard_session s;

    if (bus_counted(&words) && read_seen(words, &s, &ptr, &helo))
        happened(w, relayed ? guard_relay(&w->guard, &s, loop_now(w->loop))
                            : guard_see(&w->guard, &s, loop_now(w->loop)));
    buf_deinit(&ptr);
    buf_deinit(&helo);
}

static void on_saw(void *cookie, struct span words)
{
    struct guard_watch *w = cookie;

    if (w->on)
        hear_seen(w, words, false);
}

static void on_relayed(void *cookie, struct span words)
{
    struct guard_watch *w = cookie;

    if (w->on)
        hear_seen(w, words, true);
}

static void on_bus(void *cookie, struct span words)
{
    struct guard_watch *w = cookie;
    struct span verb;

    if (!w->on || !span_word(&words, &verb))
        return;
    if (span_eq(verb, SPAN_LIT("suspend")))
        happened(w, guard_take(&w->guard, words, loop_now(w->loop), loop_wall()));
    else if (span_eq(verb, SPAN_LIT("clear")))
        happened(w, guard_clear(&w->guard, loop_now(w->loop)));
    else
        log_warn("guard", "error", "neither suspend nor clear", NULL);
}

/* --- sessions -------------------------------------------------------------------------------- */

/* Our own domains in HELO are no strangers' names: inside hosts say them. */
static bool is_ours(const struct relay_policy *policy, const char *helo)
{
    char name[RELAY_NAME_SIZE];
    struct relay_place place;
    bool routes;

    return relay_policy_ascii(policy, span_str(helo), name) &&
           relay_policy_own(policy, name, &place, &routes);
}

static struct guard_session session_of(const struct gate_client *client,
                                       const struct relay_policy *policy)
{
    struct relay_place place;

    return (struct guard_session){
        .client = client->ip,
        .helo = span_str(client->helo),
        .helo_ours = is_ours(policy, client->helo),
        .ptr = client->name_ok ? span_str(client->name) : SPAN_NULL,
        .trusted = relay_policy_trusts(policy, client->ip, &place),
        .ttl = client->ttl,
    };
}

void guard_watch_helo(struct guard_watch *w, const struct gate_client *client,
                      const struct relay_policy *policy)
{
    struct guard_session s;

    if (!w->on)
        return;
    if (guard_probe_met(span_str(client->helo), client->ip)) {
        judged(w, guard_prove(&w->guard, client->ip, loop_now(w->loop)));
        return;
    }
    s = session_of(client, policy);
    judged(w, guard_see(&w->guard, &s, loop_now(w->loop)));
    say_seen(w, "saw", &s);
}

/* "<a@example.org>" with a domain of ours; a bounce has none, and tells nothing. */
static bool is_our_sender(const struct relay_policy *policy, struct span mail)
{
    size_t at = span_rfind(mail, '@');
    char name[RELAY_NAME_SIZE];

    return at >= mail.n || !span_copy(span_slice(mail, at + 1, mail.n - 1), name, sizeof(name)) ||
           is_ours(policy, name);
}

void guard_watch_relay(struct guard_watch *w, const struct gate_client *client,
                       const struct relay_policy *policy, struct span mail)
{
    struct guard_session s;

    if (!w->on || is_our_sender(policy, mail))
        return;
    s = session_of(client, policy);
    judged(w, guard_relay(&w->guard, &s, loop_now(w->loop)));
    say_seen(w, "relayed", &s);
}

bool guard_watch_doubtful(const struct guard_watch *w, struct ip client)
{
    return w->on && guard_doubtful(&w->guard, client);
}

void guard_watch_status(const struct guard_watch *w, struct buf *out)
{
    if (w->on)
        guard_report(&w->guard, loop_now(w->loop), out);
    else
        buf_add_str(out, "guard off");
    buf_add_char(out, '\n');
    guard_probe_status(out);
}

void guard_watch_change(struct guard_watch *w, const struct gate_args *args)
{
    w->on = args->guard;
    w->guard.sessions_min = args->guard_sessions ? args->guard_sessions : GUARD_SESSIONS;
    metrics_set(w->metrics, METRIC_GUARD, 0, w->worker == 0 && w->on && w->guard.suspended);
}

int guard_watch_open(struct loop *l, const struct gate_args *args, unsigned worker,
                     struct metrics *m, struct guard_watch **ret)
{
    struct guard_watch *w = calloc(1, sizeof(*w));
    uint32_t seed;

    if (!w)
        return -ENOMEM;
    if (random_below(UINT32_MAX, &seed) < 0)
        seed = (uint32_t)getpid();
    w->loop = l;
    w->metrics = m;
    w->worker = worker;
    guard_init(&w->guard, args->guard_sessions, seed, in_container());
    guard_watch_change(w, args);
    timer_init(&w->timer, on_time, w);
    timer_init(&w->file_timer, on_file_time, w);
    read_host(w);
    timer_start(&w->timer, l, GUARD_WATCH_EVERY);
    if (w->on)
        find_file(w, args);
    metrics_set(m, METRIC_GUARD, 0, w->worker == 0 && w->guard.suspended);
    bus_hear("guard", on_bus, w);
    guard_probe_open(l, worker == 0);
    bus_hear("saw", on_saw, w);
    bus_hear("relayed", on_relayed, w);
    bus_tell(tell, w);
    *ret = w;
    return 0;
}

void guard_watch_close(struct guard_watch **pw)
{
    struct guard_watch *w = *pw;

    *pw = NULL;
    if (!w)
        return;
    timer_stop(&w->timer);
    timer_stop(&w->file_timer);
    guard_file_close(&w->file);
    free(w->path);
    free(w);
}
