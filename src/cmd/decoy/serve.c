/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The start, in the order of its safety: data is read and ports are bound with the rights of the
 * start, then those rights go, and what a stranger's bytes will reach is opened with what is left.
 */
#include "cmd/decoy/decoy.h"

#include "cmd/common/state.h"
#include "io/file.h"
#include "io/log.h"
#include "io/random.h"
#include "io/rights.h"
#include "io/tls_hello.h"
#include "smtp/ehlo.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    ROWS_FILE_MAX = 1 << 20,
    WAIT_MESSAGE = 600000,
    WAIT_SESSION = 1800000,
    COMMANDS = 10000,
};

static int fail(int status, const char *what, const char *why)
{
    fprintf(stderr, "%s: %s%s%s\n", decoy_options.program, what ? what : "", what ? ": " : "", why);
    return status;
}

/* --- data ------------------------------------------------------------------------------------- */

/* Reads the rows of a file named, or of the data folder. 0 or an exit status. */
static int read_rows(const char *path, const char *name, struct buf *text,
                     char found[DATADIR_PATH_MAX])
{
    int err = 0;

    if (path)
        span_copy(span_str(path), found, DATADIR_PATH_MAX);
    else if (!datadir_find(name, found))
        err = -ENOENT;
    err = err < 0 ? err : file_read(found, text);
    return err < 0 ? fail(EX_NOINPUT, found, strerror(-err)) : 0;
}

static int rows_fault(const char *path, int err, const struct rows_error *why)
{
    char text[300];

    snprintf(text, sizeof(text), "line %u: %s", why->line,
             err == -EINVAL ? why->why : strerror(-err));
    return fail(EX_CONFIG, path, text);
}

static int read_data(struct decoy *d)
{
    struct buf text = BUF_INIT(ROWS_FILE_MAX);
    char path[DATADIR_PATH_MAX];
    struct rows_error why = {0};
    int err, status = read_rows(d->args->personas, "personas/personas.rows", &text, path);

    if (status == 0 && (err = personas_read(buf_span(&text), &d->personas, &why)) < 0)
        status = rows_fault(path, err, &why);
    buf_clear(&text);
    if (status == 0)
        status = read_rows(NULL, "personas/marks.rows", &text, path);
    if (status == 0 && (err = judge_marks_read(buf_span(&text), &d->marks, &why)) < 0)
        status = rows_fault(path, err, &why);
    buf_deinit(&text);
    if (status)
        return status;
    d->persona = personas_find(&d->personas, d->args->persona);
    if (d->persona)
        return 0;
    fprintf(stderr, "%s: there is no persona \"%s\"; there are:", decoy_options.program,
            d->args->persona);
    for (size_t i = 0; i < d->personas.count; i++)
        fprintf(stderr, " %s", d->personas.v[i].id);
    fputc('\n', stderr);
    return EX_USAGE;
}

static int check_args(struct decoy *d)
{
    const struct decoy_args *a = d->args;
    char host[256] = "";
    struct ip ip;

    if (a->listen.count == 0 && listen_inherited() == 0)
        return options_misuse(&decoy_options, "needs --listen, an address of the decoy's own");
    if (geteuid() == 0 && !a->user)
        return options_misuse(&decoy_options, "does not run as root: give --user");
    if (a->key && !a->cert)
        return options_misuse(&decoy_options, "--key needs --cert");
    for (size_t i = 0; i < a->address.count; i++) {
        if (!ip_parse(span_str(a->address.v[i]), &ip) || d->own_count == DECOY_OWN)
            return options_misuse(&decoy_options,
                                  "--address: \"%s\" is no address, or one too many",
                                  a->address.v[i]);
        d->own[d->own_count++] = ip;
    }
    if (a->name)
        return idn_to_ascii(span_str(a->name), d->name)
                   ? 0
                   : options_misuse(&decoy_options, "--name: \"%s\" is no host name", a->name);
    if (gethostname(host, sizeof(host) - 1) < 0 || !strchr(host, '.') ||
        !idn_to_ascii(span_str(host), d->name))
        return options_misuse(&decoy_options, "needs --name, a full host name to greet with");
    return 0;
}

/* --- ports ------------------------------------------------------------------------------------ */

static int keep_listener(struct decoy *d, struct listener *li)
{
    struct listen_place at = listener_place(li);

    listener_pause(li);
    d->listeners[d->listener_count++] = li;
    if (d->own_count < DECOY_OWN)
        d->own[d->own_count++] = at.ip;
    return gate_leaves(d->conf, &at) ? 0 : EX_CONFIG;
}

static int listen_at(struct decoy *d, const char *text)
{
    struct listen_place places[LISTEN_PLACES_MAX];
    size_t n = listen_parse(span_str(text), places), opened = 0;
    char err[LISTEN_ERROR_MAX] = "";
    int status = 0;

    if (n == 0)
        return options_misuse(&decoy_options, "--listen: \"%s\" is no ADDR:PORT", text);
    for (size_t i = 0; i < n && status == 0; i++) {
        struct listener *li;
        int got;

        if (!gate_leaves(d->conf, &places[i]))
            return EX_CONFIG;
        if (d->listener_count == DECOY_LISTENERS)
            return fail(EX_USAGE, "--listen", "too many places");
        got = listener_open(d->loop, &places[i], visit_new, d, &li, err);
        if (got == 0) {
            opened++;
            status = keep_listener(d, li);
        } else if (n == 1 || (got != -EAFNOSUPPORT && got != -EADDRNOTAVAIL)) {
            return fail(got == -EACCES ? EX_NOPERM : EX_OSERR, NULL, err);
        }
    }
    return status || opened ? status : fail(EX_OSERR, NULL, err);
}

static int listen_all(struct decoy *d)
{
    unsigned handed = listen_inherited();
    char err[LISTEN_ERROR_MAX];
    int status = 0;

    for (unsigned i = 0; i < handed && i < DECOY_LISTENERS && status == 0; i++) {
        struct listener *li;

        if (listener_inherit(d->loop, i, visit_new, d, &li, err) < 0)
            return fail(EX_OSERR, NULL, err);
        status = keep_listener(d, li);
    }
    for (size_t i = 0; i < d->args->listen.count && status == 0 && handed == 0; i++)
        status = listen_at(d, d->args->listen.v[i]);
    return status;
}

/* --- rights and state ------------------------------------------------------------------------- */

/* A state folder that root has just made is given to the user whom we are about to become. */
static int give_folder(const struct decoy *d)
{
    const struct passwd *pw;
    char err[STATE_ERROR_MAX];
    struct state state;
    struct stat st;
    int got;

    if (!d->args->user || geteuid() != 0)
        return 0;
    pw = getpwnam(d->args->user);
    if (!pw)
        return fail(EX_NOUSER, d->args->user, "there is no such user");
    got = state_open(&state, d->args->state, true, err);
    if (got < 0)
        return fail(state_exit(got), NULL, err);
    /* rmdir(2) and mkdir(2) tell whether it is empty without a look that could be raced. */
    if (stat(state.folder, &st) == 0 && st.st_uid == 0 && rmdir(state.folder) == 0 &&
        (mkdir(state.folder, 0700) < 0 || chown(state.folder, pw->pw_uid, pw->pw_gid) < 0))
        return fail(EX_CANTCREAT, state.folder, strerror(errno));
    return 0;
}

static int drop_rights(const struct decoy *d)
{
    struct rights_done done;
    int err = rights_drop(&(struct rights){.profile = RIGHTS_SERVER, .user = d->args->user}, &done);

    if (err < 0)
        return fail(err == -ENOENT ? EX_NOUSER : EX_NOPERM, d->args->user, strerror(-err));
    log_info("rights", "user", done.user ? d->args->user : "", "capabilities",
             done.capabilities ? "dropped" : "kept", "no_new_privs",
             done.no_new_privs ? "yes" : "no", "filter", done.filter ? "yes" : "no", "notes",
             done.notes, NULL);
    return 0;
}

/* The key of password hashes; the first start makes it. */
static int open_key(struct decoy *d)
{
    char path[DATADIR_PATH_MAX];
    struct buf key = BUF_INIT(MAC_KEY);
    int err = datadir_join(d->folder, "key", path) ? file_read(path, &key) : -ENAMETOOLONG;

    if (err == -ENOENT) {
        err = random_bytes(d->key, MAC_KEY);
        if (err == 0)
            err = file_create(path, span_of(d->key, MAC_KEY), 0600);
    } else if (err == 0 && key.n != MAC_KEY) {
        err = -EBADMSG;
    } else if (err == 0) {
        memcpy(d->key, key.p, MAC_KEY);
    }
    buf_deinit(&key);
    return err < 0 ? fail(EX_OSERR, path, strerror(-err)) : 0;
}

static int open_tls(struct decoy *d)
{
    char path[DATADIR_PATH_MAX], err[TLS_ERROR_MAX];

    if (!d->args->tls || !(d->persona->ext & SMTP_EXT_STARTTLS) || d->tls)
        return 0;
    if (!datadir_join(d->folder, "decoy.pem", path))
        return fail(EX_CANTCREAT, d->folder, "the path is too long");
    return tls_server_self(path, d->name, &d->tls, err) < 0 ? fail(EX_OSERR, NULL, err) : 0;
}

static int load_certificate(struct decoy *d)
{
    char err[TLS_ERROR_MAX];

    if (d->args->tls && d->args->cert &&
        tls_server_new(d->args->cert, d->args->key, &d->tls, err) < 0)
        return fail(EX_NOINPUT, NULL, err);
    return 0;
}

static int open_state(struct decoy *d)
{
    const struct decoy_args *a = d->args;
    char err[STATE_ERROR_MAX];
    struct state state;
    int got = state_open(&state, a->state, true, err), status;

    if (got < 0)
        return fail(state_exit(got), NULL, err);
    if (!datadir_join(state.folder, "decoy", d->folder))
        return fail(EX_CANTCREAT, state.folder, "the path is too long");
    if (depot_open(d->folder, a->review, a->disk_max, &d->depot, err) < 0)
        return fail(EX_CANTCREAT, NULL, err);
    if (a->evidence && access(a->evidence, W_OK | X_OK) < 0)
        return fail(EX_CANTCREAT, a->evidence, strerror(errno));
    status = open_key(d);
    if (status == 0)
        status = open_tls(d);
    if (status == 0 && known_open(d) < 0)
        status = EX_CANTCREAT;
    return status;
}

/* --- the life --------------------------------------------------------------------------------- */

static void on_stop_time(void *cookie)
{
    struct decoy *d = cookie;

    for (struct visit *v = d->visits; v; v = v->next)
        visit_stop(v, true);
}

void serve_left(struct decoy *d)
{
    if (!d->stopping && d->clients + 1 == d->args->clients + DECOY_TOLD_MORE)
        for (size_t i = 0; i < d->listener_count; i++)
            listener_resume(d->listeners[i]);
    if (d->stopping && !d->visits)
        loop_stop(d->loop);
}

/* The first asks the sessions to end; the second does not wait for them. */
static void on_signal(void *cookie, int signum)
{
    struct decoy *d = cookie;
    struct visit *next;

    if (d->stopping) {
        loop_stop(d->loop);
        return;
    }
    d->stopping = true;
    log_info("stopping", "signal", strsignal(signum), NULL);
    while (d->listener_count)
        listener_free(&d->listeners[--d->listener_count]);
    timer_start(&d->stop_timer, d->loop, DECOY_STOP_MS);
    for (struct visit *v = d->visits; v; v = next) {
        next = v->next;
        visit_stop(v, false);
    }
    serve_left(d);
}

static int watch_signals(struct decoy *d)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        if (loop_signal(d->loop, signals[i], on_signal, d) < 0)
            return fail(EX_OSERR, NULL, "cannot watch signals");
    return 0;
}

static struct smtp_server_config smtp_config(const struct decoy *d)
{
    const struct persona *p = d->persona;
    unsigned ext = p->ext & ~(unsigned)SMTP_EXT_AUTH;

    return (struct smtp_server_config){
        .name = d->name,
        .mechs = p->mechs,
        .ext = d->tls ? ext : ext & ~(unsigned)SMTP_EXT_STARTTLS,
        .any_path = true,
        .lf_commands = p->lf,
        .turns = p->turns ? SMTP_TURNS_STRICT : SMTP_TURNS_LAX,
        .size_max = p->size ? p->size : DECOY_SIZE,
        .rcpt_max = p->rcpts ? p->rcpts : DECOY_RCPTS,
        .error_max = p->errors ? p->errors : 100,
        .junk_max = 1000,
        .command_max = COMMANDS,
        .wait_command = d->args->idle,
        .wait_chunk = d->args->idle,
        .wait_message = WAIT_MESSAGE,
        .wait_session = WAIT_SESSION,
    };
}

static void start(struct decoy *d)
{
    d->smtp = smtp_config(d);
    d->rate.at_once = d->args->at_once;
    d->rate.per_minute = d->args->per_minute;
    timer_init(&d->stop_timer, on_stop_time, d);
    if (d->tls)
        tls_watch_hello(d->tls, visit_hello);
    loop_fd_limit(d->args->clients + DECOY_TOLD_MORE + 256);
    for (size_t i = 0; i < d->listener_count; i++) {
        struct listen_place at = listener_place(d->listeners[i]);

        listener_resume(d->listeners[i]);
        log_info("listening", "address", LOG_IP(at.ip), "port", LOG_NUM(at.port), "persona",
                 d->persona->id, "name", d->name, "starttls", d->tls ? "yes" : "no", "delivers",
                 "nothing", NULL);
    }
}

static int run(struct decoy *d)
{
    int status = check_args(d);

    if (status == 0)
        status = read_data(d);
    if (status == 0)
        status = listen_all(d);
    if (status == 0)
        status = load_certificate(d);
    if (status == 0)
        status = give_folder(d);
    if (status == 0)
        status = drop_rights(d);
    if (status == 0)
        status = open_state(d);
    if (status == 0)
        status = watch_signals(d);
    if (status)
        return status;
    start(d);
    loop_run(d->loop);
    log_info("stopped", "sessions", LOG_NUM((int64_t)d->sessions), "messages",
             LOG_NUM((int64_t)d->messages), "tests", LOG_NUM((int64_t)d->tests), "unrecorded",
             LOG_NUM((int64_t)d->unrecorded), "evicted",
             LOG_NUM((int64_t)depot_counts(d->depot).evicted), NULL);
    log_flush();
    return 0;
}

int serve(struct decoy_args *args, const struct conf *conf)
{
    static struct decoy d; /* large */
    int status;

    d.args = args;
    d.conf = conf;
    if (loop_new(&d.loop) < 0)
        return fail(EX_OSERR, NULL, "out of memory or file descriptors");
    status = run(&d);
    d.stopping = true;
    while (d.visits)
        visit_free(d.visits);
    known_close(&d);
    timer_stop(&d.stop_timer);
    while (d.listener_count)
        listener_free(&d.listeners[--d.listener_count]);
    loop_free(&d.loop);
    tls_context_free(&d.tls);
    depot_close(&d.depot);
    personas_deinit(&d.personas);
    judge_marks_deinit(&d.marks);
    return status;
}
