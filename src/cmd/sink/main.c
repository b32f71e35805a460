/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern sink: receives what relays carry to us. The order of the start is its safety: ports and
 * a certificate of the operator's are opened with the rights of the start, then those rights go,
 * and the state is opened with what is left, so that what works at the start works for good.
 *
 * Everything that happens is one line on standard error; the proofs themselves are in the store.
 */
#include "cmd/common/settings.h"
#include "cmd/common/state.h"
#include "io/idn.h"
#include "io/log.h"
#include "io/options.h"
#include "io/rights.h"
#include "sink/receiver.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum { HOST_MAX = 256 };

struct args {
    struct option_list listen;
    const char *domain, *name, *state, *cert, *key, *user, *config;
    bool tls, verbose;
    uint64_t size_max, disk_max;
    unsigned clients, at_once, per_minute, age_days;
    int64_t idle;
};

static const struct option_row rows[] = {
    {.group = "What"},
    {"probe-domain", 'd', "DOMAIN", "the domain whose mail comes here, with all below it; needed",
     OPTION_TEXT, offsetof(struct args, domain)},
    {"listen", 'l', "ADDR:PORT", "where to listen; may be given again", OPTION_LIST,
     offsetof(struct args, listen), .shown = "*:25"},
    {"name", 0, "HOST", "our host name in the greeting", OPTION_TEXT, offsetof(struct args, name),
     .shown = "this host's"},
    {"age", 0, "DAYS", "how old a token may be", OPTION_UINT, offsetof(struct args, age_days),
     .min = 1, .max = 3650, .shown = "30"},
    {.group = "Encryption"},
    {"cert", 0, "FILE", "certificate chain (PEM)", OPTION_TEXT, offsetof(struct args, cert),
     .shown = "a self-signed one, made once"},
    {"key", 0, "FILE", "its key (PEM)", OPTION_TEXT, offsetof(struct args, key),
     .shown = "in the same file"},
    {"tls", 0, NULL, "offer STARTTLS; --no-tls for not", OPTION_FLAG, offsetof(struct args, tls),
     .shown = "yes"},
    {.group = "Bounds"},
    {"max-size", 0, "BYTES", "of one message", OPTION_SIZE, offsetof(struct args, size_max),
     .min = 1 << 16, .max = 1 << 30, .shown = "10m"},
    {"max-disk", 0, "BYTES", "of the store; mail is put off when it is reached", OPTION_SIZE,
     offsetof(struct args, disk_max), .min = 1 << 20, .shown = "1g"},
    {"clients", 0, "N", "connections at a time", OPTION_UINT, offsetof(struct args, clients),
     .min = 1, .max = 10000, .shown = "500"},
    {"per-client", 0, "N", "connections of one client at a time", OPTION_UINT,
     offsetof(struct args, at_once), .min = 1, .max = 10000, .shown = "20"},
    {"rate", 0, "N", "connections and messages of one client in a minute", OPTION_UINT,
     offsetof(struct args, per_minute), .min = 1, .max = 60000, .shown = "600"},
    {"idle", 0, "TIME", "silence after which a client is sent away", OPTION_TIME,
     offsetof(struct args, idle), .min = 1000, .max = 3600000, .shown = "5m"},
    {.group = "Running"},
    {"config", 'c', "FILE", "read defaults from here", OPTION_TEXT, offsetof(struct args, config),
     .shown = CONF_PATH},
    {"state", 0, "DIR", "the state folder", OPTION_TEXT, offsetof(struct args, state)},
    {"user", 'u', "NAME", "become this user once the ports are open", OPTION_TEXT,
     offsetof(struct args, user)},
    {"verbose", 'v', NULL, "log sessions and refused recipients too, and cut nothing", OPTION_FLAG,
     offsetof(struct args, verbose)},
    {0},
};

static const struct options options = {
    .program = "postern sink",
    .about = "Receives the probes of relay tests, and keeps them as proofs.",
    .usage = "--probe-domain DOMAIN [OPTION]...",
    .text = "Takes mail only for tokens that the key in the state folder has made, and refuses the "
            "rest: it relays for nobody. Sockets that systemd hands over are used in place of "
            "--listen. SIGTERM ends it once messages under way are done.\n"
            "\n"
            "Exit status: 0 ended as asked, 64 misuse, 65 damaged store, 66 no such file, "
            "67 no such user, 71 system error, 73 cannot write, 77 no right, 78 bad configuration.",
    .rows = rows,
};

struct program {
    struct args args;
    char domain[IDN_NAME_MAX];
    char name[HOST_MAX];
    char err[STATE_ERROR_MAX]; /* larger than any other text of an error */
    struct loop *loop;
    struct receiver *receiver;
    struct tls_context *tls;
    struct store *store;
    struct receiver_config config;
    bool stopping;
};

static int fail(struct program *p, int status, const char *what)
{
    fprintf(stderr, "%s: %s%s%s\n", options.program, what ? what : "", what ? ": " : "", p->err);
    return status;
}

static int status_of(int err)
{
    switch (-err) {
    case EACCES:
    case EPERM:
        return EX_NOPERM;
    case ENOENT:
        return EX_NOINPUT;
    default:
        return EX_OSERR;
    }
}

static void on_arrival(void *cookie, const struct receiver_arrival *a)
{
    char run[16];

    snprintf(run, sizeof(run), "%08x", a->token.run);
    log_info(store_what_name(a->what), "client", LOG_IP(a->peer), "run", run, "serial",
             LOG_NUM(a->token.serial), "token", token_kind_name(a->token.kind), "scope",
             store_scope_name(a->scope), "rcpt", LOG_SPAN(a->rcpt), "mail", LOG_SPAN(a->mail),
             "helo", LOG_SPAN(a->helo), "tls", LOG_SPAN(a->tls), "tested", LOG_IP(a->way.tested),
             "way", evidence_input_name(a->way.input), "hops", LOG_NUM((int64_t)a->way.hops),
             "tester_seen_as", LOG_IP(a->way.seen), "size", LOG_NUM((int64_t)a->size), "foul",
             a->foul ? "yes" : "no", "proof", LOG_NUM(a->proof), "again", a->again ? "yes" : "no",
             NULL);
}

static void on_refused(void *cookie, struct ip peer, struct span mail, struct span rcpt)
{
    log_debug("refused", "client", LOG_IP(peer), "mail", LOG_SPAN(mail), "rcpt", LOG_SPAN(rcpt),
              NULL);
}

static void on_role(void *cookie, struct ip peer, struct span mail, struct span rcpt)
{
    log_info("role", "client", LOG_IP(peer), "mail", LOG_SPAN(mail), "rcpt", LOG_SPAN(rcpt), "kept",
             "no", NULL);
}

static void on_session(void *cookie, const struct receiver_session_news *n)
{
    log_debug("session", "client", LOG_IP(n->peer), "helo", LOG_SPAN(n->helo), "tls",
              LOG_SPAN(n->tls), "end", n->end, "proofs", LOG_NUM(n->arrivals), "refused",
              LOG_NUM(n->refused), "roles", LOG_NUM(n->roles), "errors", LOG_NUM(n->errors), "ms",
              LOG_NUM(n->ms), "early", n->early ? "yes" : "no", "out_of_turn",
              n->out_of_turn ? "yes" : "no", NULL);
}

static void on_trouble(void *cookie, enum receiver_trouble trouble, struct ip peer, int err)
{
    struct program *p = cookie;
    const char *text = "";

    if (trouble == RECEIVER_STORE)
        text = store_error(p->store);
    else if (trouble == RECEIVER_DISK)
        text = "the store has reached --max-disk";
    else if (trouble == RECEIVER_CROWD)
        text = "too many connections, or too much mail at once";
    else if (err == 0)
        text = "too much mail in memory at once";
    log_warn("put-off", "why", receiver_trouble_name(trouble), "client", LOG_IP(peer), "text", text,
             "error", err ? LOG_ERRNO(err) : "", NULL);
}

static void on_stopped(void *cookie)
{
    struct program *p = cookie;

    loop_stop(p->loop);
}

static const struct receiver_events events = {
    .arrival = on_arrival,
    .refused = on_refused,
    .role = on_role,
    .session = on_session,
    .trouble = on_trouble,
    .stopped = on_stopped,
};

/* The first asks the sessions to end; the second does not wait for them. */
static void on_signal(void *cookie, int signum)
{
    struct program *p = cookie;

    if (p->stopping) {
        loop_stop(p->loop);
        return;
    }
    p->stopping = true;
    receiver_stop(p->receiver);
    log_info("stopping", "signal", strsignal(signum), NULL);
}

static int check_args(struct program *p)
{
    char host[HOST_MAX] = "";

    if (!p->args.domain)
        return options_misuse(&options, "needs --probe-domain, the domain whose mail comes here");
    if (!idn_to_ascii(span_str(p->args.domain), p->domain))
        return options_misuse(&options, "--probe-domain: \"%s\" is no domain name", p->args.domain);
    if (p->args.key && !p->args.cert)
        return options_misuse(&options, "--key needs --cert");
    if (p->args.name) {
        if (!idn_to_ascii(span_str(p->args.name), p->name))
            return options_misuse(&options, "--name: \"%s\" is no host name", p->args.name);
        return 0;
    }
    if (gethostname(host, sizeof(host) - 1) < 0 || !strchr(host, '.') ||
        !idn_to_ascii(span_str(host), p->name))
        span_copy(span_str(p->domain), p->name, sizeof(p->name));
    return 0;
}

static int listen_at(struct program *p, const char *text)
{
    struct listen_place places[LISTEN_PLACES_MAX];
    size_t n = listen_parse(span_str(text), places);
    size_t opened = 0;
    int err = 0;

    if (n == 0)
        return options_misuse(&options, "--listen: \"%s\" is no ADDR:PORT", text);
    for (size_t i = 0; i < n; i++) {
        int got = receiver_listen(p->receiver, &places[i], p->err);

        opened += got == 0;
        /* One of two families may be missing from this machine; a taken port may not. */
        if (got < 0 && (n == 1 || (got != -EAFNOSUPPORT && got != -EADDRNOTAVAIL)))
            return fail(p, status_of(got), NULL);
        err = got < 0 ? got : err;
    }
    return opened ? 0 : fail(p, status_of(err), NULL);
}

static int listen_all(struct program *p)
{
    unsigned handed = listen_inherited();
    int status = 0;

    for (unsigned i = 0; i < handed; i++) {
        int err = receiver_inherit(p->receiver, i, p->err);

        if (err < 0)
            return fail(p, status_of(err), NULL);
    }
    if (handed)
        return 0;
    if (p->args.listen.count == 0)
        return listen_at(p, "*:25");
    for (size_t i = 0; i < p->args.listen.count && status == 0; i++)
        status = listen_at(p, p->args.listen.v[i]);
    return status;
}

/* What a gate that root runs keeps there (gate-guard) is the gate's, whoever owns the folder. */
static bool is_empty(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *e;
    bool empty = dir != NULL;

    while (dir && empty && (e = readdir(dir)))
        empty =
            !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || !strcmp(e->d_name, "gate-guard");
    if (dir)
        closedir(dir);
    return empty;
}

/* A state folder that root has just made is given to the user whom we are about to become. */
static int give_folder(struct program *p)
{
    const struct passwd *pw;
    struct state state;
    struct stat st;
    int err;

    if (!p->args.user || geteuid() != 0)
        return 0;
    errno = 0;
    pw = getpwnam(p->args.user);
    if (!pw) {
        snprintf(p->err, sizeof(p->err), "%s", errno ? strerror(errno) : "there is no such user");
        return fail(p, EX_NOUSER, p->args.user);
    }
    err = state_open(&state, p->args.state, true, p->err);
    if (err < 0)
        return fail(p, state_exit(err), NULL);
    if (stat(state.folder, &st) == 0 && st.st_uid == 0 && is_empty(state.folder) &&
        chown(state.folder, pw->pw_uid, pw->pw_gid) < 0) {
        snprintf(p->err, sizeof(p->err), "cannot be given to %s: %s", p->args.user,
                 strerror(errno));
        return fail(p, EX_CANTCREAT, state.folder);
    }
    return 0;
}

static int load_certificate(struct program *p)
{
    int err = 0;

    if (p->args.tls && p->args.cert)
        err = tls_server_new(p->args.cert, p->args.key, &p->tls, p->err);
    return err < 0 ? fail(p, EX_NOINPUT, NULL) : 0;
}

static int drop_rights(struct program *p)
{
    struct rights want = {.profile = RIGHTS_SERVER, .user = p->args.user};
    struct rights_done done;
    int err = rights_drop(&want, &done);

    if (err < 0) {
        snprintf(p->err, sizeof(p->err), "cannot become this user: %s", strerror(-err));
        return fail(p, err == -ENOENT ? EX_NOUSER : EX_NOPERM, p->args.user);
    }
    log_info("rights", "user", done.user ? p->args.user : "", "capabilities",
             done.capabilities ? "dropped" : "kept", "no_new_privs",
             done.no_new_privs ? "yes" : "no", "filter", done.filter ? "yes" : "no", "notes",
             done.notes, NULL);
    return 0;
}

static int self_certificate(struct program *p, const struct state *state)
{
    char path[DATADIR_PATH_MAX];
    int err;

    if (!p->args.tls || p->tls)
        return 0;
    if (!datadir_join(state->folder, "sink.pem", path)) {
        snprintf(p->err, sizeof(p->err), "the path is too long");
        return fail(p, EX_CANTCREAT, state->folder);
    }
    err = tls_server_self(path, p->name, &p->tls, p->err);
    return err < 0 ? fail(p, status_of(err), NULL) : 0;
}

static int open_state(struct program *p)
{
    struct state state;
    int err = state_open(&state, p->args.state, true, p->err);

    if (err == 0)
        err = state_key(&state, true, p->config.key, p->err);
    if (err == 0)
        err = state_store(&state, STORE_CREATE, &p->store, p->err);
    if (err < 0)
        return fail(p, state_exit(err), NULL);
    return self_certificate(p, &state);
}

static void log_places(const struct program *p)
{
    struct listen_place places[RECEIVER_LISTENERS];
    size_t n = receiver_places(p->receiver, places, RECEIVER_LISTENERS);

    for (size_t i = 0; i < n; i++)
        log_info("listening", "address", LOG_IP(places[i].ip), "port", LOG_NUM(places[i].port),
                 "domain", p->domain, "name", p->name, "starttls", p->tls ? "yes" : "no", NULL);
}

static int watch_signals(struct program *p)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        int err = loop_signal(p->loop, signals[i], on_signal, p);

        if (err < 0) {
            snprintf(p->err, sizeof(p->err), "%s", strerror(-err));
            return fail(p, EX_OSERR, "cannot watch signals");
        }
    }
    return 0;
}

static void start(struct program *p)
{
    const struct args *a = &p->args;

    p->config.name = p->name;
    p->config.domain = p->domain;
    p->config.store = p->store;
    p->config.source = STORE_SOURCE_SINK;
    p->config.tls = p->tls;
    p->config.size_max = a->size_max;
    p->config.disk_max = a->disk_max;
    p->config.clients = a->clients;
    p->config.at_once = a->at_once;
    p->config.per_minute = a->per_minute;
    p->config.age_days = a->age_days;
    p->config.idle = a->idle;
    loop_fd_limit(a->clients + 256);
    receiver_start(p->receiver, &p->config);
    log_places(p);
}

static int serve(struct program *p)
{
    int status = listen_all(p);

    if (status == 0)
        status = load_certificate(p);
    if (status == 0)
        status = give_folder(p);
    if (status == 0)
        status = drop_rights(p);
    if (status == 0)
        status = open_state(p);
    if (status == 0)
        status = watch_signals(p);
    if (status)
        return status;
    start(p);
    loop_run(p->loop);
    log_info("stopped", "messages", LOG_NUM((int64_t)receiver_counts(p->receiver).messages),
             "arrivals", LOG_NUM((int64_t)receiver_counts(p->receiver).arrivals), NULL);
    log_flush();
    return 0;
}

static int run(struct program *p)
{
    int status;

    if (loop_new(&p->loop) < 0 || receiver_new(p->loop, &events, p, &p->receiver) < 0) {
        snprintf(p->err, sizeof(p->err), "out of memory or file descriptors");
        status = fail(p, EX_OSERR, NULL);
    } else {
        status = serve(p);
    }
    receiver_free(&p->receiver);
    loop_free(&p->loop);
    tls_context_free(&p->tls);
    store_close(p->store);
    option_list_deinit(&p->args.listen);
    return status;
}

int main(int argc, char **argv)
{
    static struct program p = {
        .args = {.tls = true,
                 .size_max = RECEIVER_SIZE,
                 .disk_max = 1 << 30,
                 .clients = RECEIVER_CLIENTS,
                 .at_once = RECEIVER_AT_ONCE,
                 .per_minute = RECEIVER_PER_MINUTE,
                 .age_days = RECEIVER_AGE,
                 .idle = RECEIVER_IDLE},
    };
    static struct conf *conf; /* owns values of the options, so it stays */
    int first, status = settings_load(&options, "sink", argc, argv, &p.args, &conf);

    if (status)
        return status;
    if (!options_start(&options, argc, argv, &p.args, &first, &status))
        return status;
    if (first < argc)
        return options_misuse(&options, "takes no operand, \"%s\" is one", argv[first]);
    if (p.args.verbose) {
        log_set_level(LOG_LEVEL_DEBUG);
        log_set_burst(0);
    }
    status = check_args(&p);
    status = status ? status : run(&p);
    conf_free(&conf);
    return status;
}
