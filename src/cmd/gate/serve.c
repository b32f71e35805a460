/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern gate, the service. The order of the start is its safety: configuration read whole and
 * judged, ports and certificates opened with the rights of the start, then those rights go, then
 * the first client.
 */
#include "cmd/common/kept.h"
#include "cmd/common/metrics_page.h"
#include "cmd/common/settings.h"
#include "cmd/gate/admin.h"
#include "cmd/gate/backends.h"
#include "cmd/gate/bus.h"
#include "cmd/gate/gate.h"
#include "cmd/gate/grant.h"
#include "cmd/gate/hygiene.h"
#include "cmd/gate/login.h"
#include "cmd/gate/metrics_all.h"
#include "cmd/gate/places.h"
#include "cmd/gate/sessions.h"
#include "cmd/gate/workers.h"
#include "io/file.h"
#include "io/listen.h"
#include "io/log.h"
#include "io/rights.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    RELOAD_ERROR_MAX = 400,
};

struct entry {
    struct serve *serve;
    enum door_kind kind;
    struct listener *li;
};

struct serve {
    int argc;
    char **argv;
    unsigned worker;
    int bus; /* -1: there is one worker */
    struct places *places;
    struct loop *loop;
    struct door *door;
    struct sessions sessions;
    struct metrics *metrics; /* one a worker */
    struct metrics_all metrics_all;
    struct metrics_page *metrics_page;
    struct admin *admin;
    struct hygiene *hygiene;
    struct entry entries[PLACES_MAX];
    size_t count;
    struct backends *backends;
    bool stopping, open, tested; /* open: clients are let in; tested: backends, or they are now */
    bool anew;                   /* in place of a worker that died */
};

static int fail(int status, const char *text)
{
    fprintf(stderr, "%s: %s\n", gate_options.program, text);
    return status;
}

/* The same of a setting, with its place. */
static int fail_setting(const struct serve *v, int status, const char *text)
{
    return settings_fail(&gate_options, v->door->conf, "gate", status, text);
}

static void on_client(void *cookie, struct listener *li, struct conn *c)
{
    struct entry *e = cookie;

    sessions_accept(&e->serve->sessions, e->kind, c);
}

static int listen_all(struct serve *v)
{
    const struct place *place = places_of(v->places, v->worker);
    char err[LISTEN_ERROR_MAX];

    for (size_t i = 0; i < v->places->count; i++) {
        struct entry *e = &v->entries[v->count];

        *e = (struct entry){v, place[i].kind, NULL};
        if (listener_take(v->loop, place[i].fd, on_client, e, &e->li, err) < 0)
            return fail(EX_OSERR, err);
        listener_pause(e->li);
        v->count++;
    }
    return 0;
}

static void log_messages(const struct buf *messages, bool failed)
{
    struct span rest = buf_span(messages), line;

    while (span_cut(&rest, '\n', &line)) {
        if (line.n == 0)
            continue;
        if (failed)
            log_error("configuration", "text", LOG_SPAN(line), NULL);
        else
            log_warn("configuration", "text", LOG_SPAN(line), NULL);
    }
}

static int open_door(struct gate_args *args, struct conf *conf, struct door **ret)
{
    struct buf messages = BUF_INIT(POLICY_MESSAGES_MAX);
    int status = door_open(args, conf, ret, &messages);

    log_messages(&messages, status != 0);
    buf_deinit(&messages);
    return status;
}

static void open_for_clients(struct serve *v)
{
    if (v->open || v->stopping)
        return;
    v->open = true;
    for (size_t i = 0; i < v->count; i++) {
        struct listen_place at = listener_place(v->entries[i].li);

        log_info("listening", "role", door_kind_name(v->entries[i].kind), "address", LOG_IP(at.ip),
                 "port", LOG_NUM(at.port), "name", v->door->name, NULL);
        listener_resume(v->entries[i].li);
    }
}

static void on_tested(void *cookie)
{
    open_for_clients(cookie);
}

/* Clients come in once it is known what the backends can do. */
static void test_backends(struct serve *v)
{
    if (!v->stopping && backends_take(v->backends, v->door) < 0)
        open_for_clients(v);
    v->tested = true;
}

/* All are asked before the first one changes: a reload is taken whole or not at all. */
static bool take_settings(struct serve *v, struct door *door, char why[RELOAD_ERROR_MAX])
{
    const struct gate_args *a = &door->args;

    return places_fit(v->places, door, why) && hygiene_check(a, why) && !login_check(a, why) &&
           !grant_check(a, why) && hygiene_change(v->hygiene, a, why) == 0 &&
           !login_reload(a, why) && !grant_reload(a, why);
}

/* What needs the rights of the start stays as it was. */
static void tell_kept(const struct gate_args *was, const struct gate_args *is)
{
    const struct kept kept[] = {
        {"listen-mx", kept_list(&was->listen_mx, &is->listen_mx)},
        {"listen-submission", kept_list(&was->listen_submission, &is->listen_submission)},
        {"listen-submissions", kept_list(&was->listen_submissions, &is->listen_submissions)},
        {"admin", kept_text(was->admin, is->admin)},
        {"metrics-listen", kept_text(was->metrics_listen, is->metrics_listen)},
        {"state", kept_text(was->state, is->state)},
        {"pid-file", kept_text(was->pid_file, is->pid_file)},
        {"user", kept_text(was->user, is->user)},
        {"workers", was->workers == is->workers},
    };

    kept_tell(kept, sizeof(kept) / sizeof(kept[0]));
}

static void on_reload(void *cookie, int signum)
{
    struct serve *v = cookie;
    struct gate_args args;
    struct conf *conf;
    struct door *door = NULL;
    char why[RELOAD_ERROR_MAX];
    struct buf text = BUF_INIT(5000);
    int first, status = gate_args_read(v->argc, v->argv, &args, &conf, &first);

    if (status) {
        gate_args_deinit(&args);
        conf_free(&conf);
    } else {
        status = open_door(&args, conf, &door);
    }
    if (status) {
        log_error("reload", "result", "refused", "text", "the old configuration stays", NULL);
        return;
    }
    if (!take_settings(v, door, why)) {
        settings_place(door->conf, "gate", why, &text);
        buf_add_str(&text, why);
        log_error("reload", "result", "refused", "text", buf_str(&text), NULL);
        buf_deinit(&text);
        door_free(&door);
        return;
    }
    tell_kept(&v->door->args, &door->args);
    routes_inherit(&door->routes, &v->door->routes);
    sessions_change(&v->sessions, door);
    door_free(&v->door);
    v->door = door;
    log_info("reload", "result", "done", NULL);
    test_backends(v);
}

static void on_drained(void *cookie)
{
    struct serve *v = cookie;

    loop_stop(v->loop);
}

static void on_stop(void *cookie, int signum)
{
    struct serve *v = cookie;

    if (v->stopping) {
        loop_stop(v->loop);
        return;
    }
    v->stopping = true;
    backends_rest(v->backends);
    log_info("stopping", "signal", strsignal(signum), "sessions", LOG_NUM(v->sessions.count), NULL);
    for (size_t i = 0; i < v->count; i++)
        listener_free(&v->entries[i].li);
    sessions_drain(&v->sessions, v->door->args.drain_time, on_drained, v);
}

static int drop_rights(struct serve *v, enum rights_profile profile)
{
    struct rights want = {.profile = profile, .user = v->door->args.user};
    struct rights_done done;
    int err;

    for (size_t i = 0; i < v->door->routes.count; i++)
        want.keep_raw |= v->door->routes.v[i].gate.identity == GATE_IDENTITY_TRANSPARENT;
    err = rights_drop(&want, &done);
    if (err < 0)
        return fail(err == -ENOENT ? EX_NOUSER : EX_NOPERM, "cannot become the user asked for");
    log_info("rights", "user", done.user ? v->door->args.user : "", "capabilities",
             done.capabilities ? "dropped" : "kept", "no_new_privs",
             done.no_new_privs ? "yes" : "no", "filter", done.filter ? "yes" : "no", "notes",
             done.notes, NULL);
    return 0;
}

static int watch_signals(struct serve *v)
{
    if (loop_signal(v->loop, SIGTERM, on_stop, v) < 0 ||
        loop_signal(v->loop, SIGINT, on_stop, v) < 0 ||
        loop_signal(v->loop, SIGHUP, on_reload, v) < 0)
        return fail(EX_OSERR, "cannot watch signals");
    return 0;
}

static int open_hygiene(struct serve *v)
{
    const struct gate_args *args = &v->door->args;
    struct metrics *own = v->metrics + v->worker;
    char why[HYGIENE_ERROR_MAX], err[LISTEN_ERROR_MAX];

    if (hygiene_open(v->loop, args, v->worker, own, &v->hygiene, why) < 0)
        return fail_setting(v, EX_CONFIG, why);
    v->metrics_all = (struct metrics_all){v->metrics, args->workers};
    if (v->worker == 0 && args->metrics_listen &&
        metrics_page_open(v->loop, args->metrics_listen, METRICS_TYPE, metrics_all_text,
                          &v->metrics_all, &v->metrics_page, err) < 0)
        return fail_setting(v, EX_CONFIG, err);
    return 0;
}

static void on_status(void *cookie, struct buf *out)
{
    struct serve *v = cookie;
    const struct sessions *all = &v->sessions;

    buf_addf(out, "version %s\nworker %u of %u\nsessions %u\nbackends %u\n", POSTERN_VERSION,
             v->worker, v->door->args.workers, all->count, all->backends);
    buf_addf(out, "total %llu\nturned-away %llu\npassed %llu\nrefused %llu\ndraining %s\n",
             (unsigned long long)all->total, (unsigned long long)all->turned_away,
             (unsigned long long)all->passed, (unsigned long long)all->refused,
             all->draining ? "yes" : "no");
    buf_addf(out, "grants %zu\n", grant_count());
    hygiene_status(v->hygiene, out);
}

static int open_admin(struct serve *v)
{
    const struct gate_args *a = &v->door->args;
    struct admin_config config = {a->admin, a->trap_time, on_status, v};
    char err[LOCAL_ERROR_MAX], text[LOCAL_ERROR_MAX + 10];

    if (v->worker || !a->admin)
        return 0;
    if (admin_open(v->loop, &config, &v->admin, err) == 0)
        return 0;
    snprintf(text, sizeof(text), "admin: %s", err);
    return fail_setting(v, EX_CANTCREAT, text);
}

static void hear_reload(void *cookie, struct span words)
{
    on_reload(cookie, SIGHUP);
}

static void hear_drain(void *cookie, struct span words)
{
    on_stop(cookie, SIGTERM);
}

/* All that needs the rights of the start, then none of them. */
static int prepare(struct serve *v)
{
    char err[LOGIN_ERROR_MAX];
    int status = listen_all(v);

    if (status == 0 && (status = login_open(v->loop, &v->door->args, err)))
        fail_setting(v, status, err);
    if (status == 0 && (status = grant_open(v->loop, &v->door->args, v->worker == 0, err)))
        fail_setting(v, status, err);
    grant_metrics(v->metrics + v->worker);
    if (status == 0)
        status = open_hygiene(v);
    if (status == 0)
        status = open_admin(v);
    if (status == 0)
        status = drop_rights(v, RIGHTS_CLIENT);
    if (status == 0)
        status = watch_signals(v);
    if (status == 0 && bus_open(v->loop, v->bus) < 0)
        status = fail(EX_OSERR, "out of memory");
    if (status == 0 && backends_open(v->loop, v->worker == 0, v->metrics + v->worker, on_tested, v,
                                     &v->backends) < 0)
        status = fail(EX_OSERR, "out of memory");
    bus_hear("reload", hear_reload, v);
    bus_hear("drain", hear_drain, v);
    return status;
}

static void close_all(struct serve *v)
{
    backends_close(&v->backends);
    admin_close(&v->admin);
    login_close();
    grant_close();
    bus_close();
    metrics_page_close(&v->metrics_page);
    hygiene_close(&v->hygiene);
}

static int run(struct serve *v)
{
    int status = prepare(v);

    if (status) {
        close_all(v);
        return status;
    }
    if (sessions_open(&v->sessions, v->loop, v->door, v->worker) < 0)
        return fail(EX_OSERR, "out of memory");
    v->sessions.hygiene = v->hygiene;
    v->sessions.watch = v->backends;
    loop_fd_limit(2 * v->door->args.sessions_max + 256);
    /* What the parent has read may be out of force by now, and the tables are empty. */
    if (v->anew) {
        on_reload(v, SIGHUP);
        bus_ask();
    }
    if (!v->tested)
        test_backends(v);
    loop_run(v->loop);
    log_info("stopped", "sessions", LOG_NUM((int64_t)v->sessions.total), "passed",
             LOG_NUM((int64_t)v->sessions.passed), "refused", LOG_NUM((int64_t)v->sessions.refused),
             NULL);
    sessions_close(&v->sessions);
    close_all(v);
    log_flush();
    return 0;
}

static int work(void *cookie, unsigned worker, int bus)
{
    struct serve *v = cookie;
    int status;

    v->worker = worker;
    v->bus = bus;
    if (bus >= 0)
        places_keep(v->places, worker);
    if (loop_new(&v->loop) < 0)
        status = fail(EX_OSERR, "out of memory or file descriptors");
    else
        status = run(v);
    for (size_t i = 0; i < v->count; i++)
        listener_free(&v->entries[i].li);
    loop_free(&v->loop);
    return status;
}

/* The parent of workers keeps nothing but the way to start them. */
static void after_start(void *cookie)
{
    struct serve *v = cookie;

    v->anew = true;
    drop_rights(cookie, RIGHTS_NONE);
}

static int write_pid(const char *path)
{
    char text[24], err[300];
    int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    int r = path ? file_write(path, span_of(text, (size_t)n), 0644) : 0;

    if (r == 0)
        return 0;
    snprintf(err, sizeof(err), "pid-file: %.200s: %s", path, strerror(-r));
    return fail(EX_CANTCREAT, err);
}

int gate_serve(int argc, char **argv, struct gate_args *args, struct conf *conf)
{
    struct places places = {0};
    struct serve v = {.argc = argc, .argv = argv, .places = &places};
    char err[LISTEN_ERROR_MAX];
    int status = open_door(args, conf, &v.door);
    unsigned workers;

    if (status)
        return status;
    workers = v.door->args.workers;
    v.metrics = metrics_shared(workers);
    status = v.metrics ? places_open(&places, v.door, err) : EX_OSERR;
    if (status)
        fail(status, v.metrics ? err : "out of memory");
    if (status == 0)
        status = write_pid(v.door->args.pid_file);
    if (status == 0)
        status = workers > 1 ? workers_run(workers, work, after_start, &v) : work(&v, 0, -1);
    places_close(&places, workers > 1 ? workers : 0);
    door_free(&v.door);
    return status;
}
