/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern dns, the service. The order of the start is its safety: configuration read whole and
 * judged, sockets opened with the rights of the start, then those rights go, then zones are loaded
 * and threads made, then the first packet is read. Packets that come meanwhile wait in the sockets.
 *
 *     main thread     configuration, journals, publishing, NOTIFY, metrics, signals
 *     N workers       datagrams; each with sockets of its own
 *     one for TCP     connections and transfers
 *     two loaders     files: one for the start, one that makes way for all others
 */
#include "cmd/dns/serve.h"

#include "cmd/common/kept.h"
#include "cmd/common/metrics_page.h"
#include "cmd/common/settings.h"
#include "cmd/dns/follow.h"
#include "cmd/dns/hub.h"
#include "cmd/dns/metrics.h"
#include "cmd/dns/places.h"
#include "cmd/dns/tcp.h"
#include "cmd/dns/worker.h"
#include "io/file.h"
#include "io/log.h"
#include "io/random.h"
#include "io/rights.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum { MESSAGES_MAX = 1 << 16, SAMPLES = 250 /* ms between two looks at the rings */ };

struct serve {
    int argc;
    char **argv;
    struct loop *loop;
    struct site *site;
    struct places places;
    struct served_slot slot;
    struct worker *workers[256];
    size_t worker_count;
    struct tcp *tcp;
    struct hub *hub;
    struct notifier *notifier;
    struct metrics_of of;
    struct metrics_page *metrics;
    struct timer samples;
    struct follow follow;
    void *rate_table;
};

static int fail(int status, const char *text)
{
    fprintf(stderr, "%s: %s\n", dns_options.program, text);
    return status;
}

static int fail_setting(const struct serve *v, int status, const char *text)
{
    return settings_fail(&dns_options, v->site->conf, "dns", status, text);
}

static int read_site(struct dns_args *args, struct conf *conf, struct site **ret, bool running)
{
    struct buf messages = BUF_INIT(MESSAGES_MAX);
    int status = site_new(args, conf, ret, &messages);
    struct span rest = buf_span(&messages), line;

    while (span_cut(&rest, '\n', &line)) {
        if (line.n && running)
            log_error("configuration", "text", LOG_SPAN(line), NULL);
        else if (line.n)
            fprintf(stderr, "%s: %.*s\n", dns_options.program, SPAN_ARG(line));
    }
    buf_deinit(&messages);
    return status;
}

/* --- signals ---------------------------------------------------------------------------------- */

/* What needs the rights of the start stays as it was. */
static void tell_kept(const struct dns_args *was, const struct dns_args *is)
{
    const struct kept kept[] = {
        {"listen", kept_list(&was->listen, &is->listen)},
        {"workers", was->workers == is->workers},
        {"receive-buffer", was->receive_buffer == is->receive_buffer},
        {"tcp", was->tcp == is->tcp},
        {"metrics-listen", kept_text(was->metrics_listen, is->metrics_listen)},
        {"state", kept_text(was->state, is->state)},
        {"pid-file", kept_text(was->pid_file, is->pid_file)},
        {"user", kept_text(was->user, is->user)},
    };

    kept_tell(kept, sizeof(kept) / sizeof(kept[0]));
}

/* Files say the same under both: an operator who allows more wants to see it served. */
static bool same_reading(const struct dns_args *was, const struct dns_args *is)
{
    return was->ttl_min == is->ttl_min && was->ttl_max == is->ttl_max &&
           was->unaligned == is->unaligned && was->widest4 == is->widest4 &&
           was->widest6 == is->widest6 && was->share_max == is->share_max &&
           was->growth_max == is->growth_max && was->shrink_max == is->shrink_max;
}

static void reload(struct serve *v, bool again)
{
    struct site *site = NULL;
    struct dns_args args;
    struct conf *conf;
    int status = dns_args_read(v->argc, v->argv, &args, &conf);

    if (status) {
        dns_args_deinit(&args);
        conf_free(&conf);
    } else {
        status = read_site(&args, conf, &site, true);
    }
    if (status) {
        log_error("reload", "result", "refused", "text", "the old configuration stays", NULL);
        return;
    }
    again = again || !same_reading(&v->site->args, &site->args);
    tell_kept(&v->site->args, &site->args);
    site_unref(&v->site);
    v->site = site_ref(site);
    follow_site(&v->follow, site);
    hub_reload(v->hub, site, again);
    hub_look(v->hub);
    log_info("reload", "result", "done", NULL);
}

static void on_reload(void *cookie, int signum)
{
    reload(cookie, true);
}

static void on_changed(void *cookie)
{
    reload(cookie, false);
}

static void on_stop(void *cookie, int signum)
{
    struct serve *v = cookie;

    log_info("stopping", "signal", strsignal(signum), NULL);
    loop_stop(v->loop);
}

static int watch_signals(struct serve *v)
{
    if (loop_signal(v->loop, SIGTERM, on_stop, v) < 0 ||
        loop_signal(v->loop, SIGINT, on_stop, v) < 0 ||
        loop_signal(v->loop, SIGHUP, on_reload, v) < 0)
        return fail(EX_OSERR, "cannot watch signals");
    return 0;
}

static void on_samples(void *cookie)
{
    struct serve *v = cookie;
    bool pairs = v->site->args.query_log_pairs;

    for (size_t i = 0; i < v->worker_count; i++)
        sample_log(worker_samples(v->workers[i]), pairs);
    if (v->tcp)
        sample_log(tcp_samples(v->tcp), pairs);
    timer_start(&v->samples, v->loop, SAMPLES);
}

/* --- the start -------------------------------------------------------------------------------- */

static unsigned cores(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) < 0 || CPU_COUNT(&set) < 1)
        return 1;
    return CPU_COUNT(&set) < 256 ? (unsigned)CPU_COUNT(&set) : 256;
}

/* A folder of root's with nothing in it but our own: one that we have just made. */
static bool is_ours(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *e;
    struct stat st;
    bool ours = dir && fstat(dirfd(dir), &st) == 0 && st.st_uid == 0;

    while (dir && (e = readdir(dir)))
        ours = ours && (e->d_name[0] == '.' || strcmp(e->d_name, "dns") == 0);
    if (dir)
        closedir(dir);
    return ours;
}

/* What root has made here is the user's, who is to read it again after a reload. */
static void hand_over(const struct site *s)
{
    static const char *const names[] = {"", "/dns", "/dns/key-secret", "/dns/cookies",
                                        "/dns/cache"};
    const struct passwd *pw = s->args.user && geteuid() == 0 ? getpwnam(s->args.user) : NULL;
    char path[sizeof(s->state) + 20];

    if (!pw || !s->state[0] || !is_ours(s->state))
        return;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", s->state, names[i]);
        if (lchown(path, pw->pw_uid, pw->pw_gid) < 0 && errno != ENOENT)
            log_warn("state", "path", path, "text", LOG_ERRNO(errno), NULL);
    }
}

static int drop_rights(const struct serve *v)
{
    struct rights want = {.profile = RIGHTS_SERVER, .user = v->site->args.user};
    struct rights_done done;
    int r = rights_drop(&want, &done);
    char err[300];

    if (r < 0) {
        snprintf(err, sizeof(err), "user: can't become %.200s: %s", want.user,
                 r == -ENOENT ? "there is no such user" : strerror(-r));
        return fail_setting(v, r == -ENOENT ? EX_NOUSER : EX_NOPERM, err);
    }
    log_info("rights", "user", done.user ? v->site->args.user : "", "capabilities",
             done.capabilities ? "dropped" : "kept", "no_new_privs",
             done.no_new_privs ? "yes" : "no", "filter", done.filter ? "yes" : "no", "notes",
             done.notes, NULL);
    return 0;
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

static int make_workers(struct serve *v)
{
    unsigned bits = DNS_RRL_BITS;
    uint8_t key[DNS_COOKIE_KEY];

    v->rate_table = aligned_alloc(64, dns_rrl_size(bits));
    if (!v->rate_table || random_bytes(key, sizeof(key)) < 0)
        return fail(EX_OSERR, "out of memory");
    for (unsigned w = 0; w < v->places.workers; w++) {
        int r = worker_new(&v->slot, v->places.udp + w * v->places.udp_count, v->places.udp_count,
                           v->rate_table, bits, key, &v->workers[w]);

        if (r < 0)
            return fail(EX_OSERR, strerror(-r));
        v->worker_count++;
    }
    return 0;
}

static int make_tcp(struct serve *v)
{
    size_t count = v->places.tcp_count;
    char err[LISTEN_ERROR_MAX];
    int r;

    if (count == 0)
        return 0;
    v->places.tcp_count = 0; /* taken over */
    r = tcp_new(&v->slot, v->places.tcp, count, &v->tcp, err);
    return r < 0 ? fail(EX_OSERR, err) : 0;
}

/* All that needs the rights of the start, then none of them. */
static int prepare(struct serve *v)
{
    const struct dns_args *a = &v->site->args;
    char err[LISTEN_ERROR_MAX];
    int status = 0, r;

    if (loop_new(&v->loop) < 0)
        return fail(EX_OSERR, "out of memory or file descriptors");
    r = places_open(a, a->workers ? a->workers : cores(), &v->places, err);
    if (r < 0)
        return fail_setting(v, r == -EACCES ? EX_NOPERM : EX_OSERR, err);
    status = write_pid(a->pid_file);
    if (status == 0)
        status = make_workers(v);
    if (status == 0)
        status = make_tcp(v);
    if (status == 0 && notifier_new(v->loop, v->places.at, v->places.udp_count, &v->notifier) < 0)
        status = fail(EX_OSERR, "out of memory");
    if (status == 0 && hub_new(v->loop, &v->slot, v->site, v->notifier, &v->hub) < 0)
        status = fail(EX_OSERR, "out of memory");
    v->of = (struct metrics_of){v->hub, v->workers, v->worker_count, v->tcp, v->notifier};
    if (status == 0 && a->metrics_listen &&
        metrics_page_open(v->loop, a->metrics_listen, METRICS_TYPE, metrics_page, &v->of,
                          &v->metrics, err) < 0)
        status = fail_setting(v, EX_OSERR, err);
    if (status == 0)
        loop_fd_limit(2 * a->tcp_clients + 256);
    hand_over(v->site);
    return status == 0 ? drop_rights(v) : status;
}

static int start_threads(struct serve *v)
{
    for (size_t i = 0; i < v->worker_count; i++)
        if (worker_start(v->workers[i]) < 0)
            return fail(EX_OSERR, "cannot start a thread");
    if (v->tcp && tcp_start(v->tcp) < 0)
        return fail(EX_OSERR, "cannot start a thread");
    for (size_t i = 0; i < v->places.udp_count; i++)
        log_info("listening", "address", LOG_IP(v->places.at[i].ip), "port",
                 LOG_NUM(v->places.at[i].port), "workers", LOG_NUM((int64_t)v->worker_count), "tcp",
                 v->tcp ? "yes" : "no", NULL);
    return 0;
}

static void stop_threads(struct serve *v)
{
    /* A second signal ends it at once. */
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    if (v->hub)
        hub_stop(v->hub);
    for (size_t i = 0; i < v->worker_count; i++)
        worker_stop(v->workers[i]);
    if (v->tcp)
        tcp_stop(v->tcp, v->site->args.drain_time);
}

static void close_all(struct serve *v)
{
    timer_stop(&v->samples);
    follow_end(&v->follow);
    metrics_page_close(&v->metrics);
    hub_close(&v->hub); /* before those whose doors it closes */
    tcp_free(&v->tcp);
    notifier_free(&v->notifier);
    for (size_t i = 0; i < v->worker_count; i++)
        worker_free(&v->workers[i]);
    places_close(&v->places);
    loop_free(&v->loop);
    free(v->rate_table);
    site_unref(&v->site);
}

static int run(struct serve *v)
{
    int status = prepare(v);

    if (status == 0)
        status = watch_signals(v);
    if (status == 0 && hub_start(v->hub) < 0)
        status = fail(EX_OSERR, "the zones can't be served, see above");
    if (status == 0)
        status = start_threads(v);
    if (status == 0) {
        follow_begin(&v->follow, v->loop, on_changed, v);
        follow_site(&v->follow, v->site);
        timer_init(&v->samples, on_samples, v);
        timer_start(&v->samples, v->loop, SAMPLES);
        loop_run(v->loop);
        on_samples(v);
    }
    stop_threads(v);
    if (status == 0)
        log_info("stopped", NULL);
    close_all(v);
    log_flush();
    return status;
}

int dns_serve(int argc, char **argv, struct dns_args *args, struct conf *conf)
{
    struct serve v = {.argc = argc, .argv = argv};
    int status = read_site(args, conf, &v.site, false);

    return status ? status : run(&v);
}
