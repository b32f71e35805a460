/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The milter, by libmilter. Of a session it asks for connect, HELO, MAIL and RCPT and nothing that
 * comes later. The MTA's own rules were asked before (Postfix) or will be (Sendmail); what it
 * says here is "go on", "no" or "not now", never "accept": SMFIS_ACCEPT would end the other
 * milters' say and ours about later recipients.
 *
 * libmilter runs a thread a session and keeps its signals to itself, so all of it has a process of
 * its own (see service.h). A setup is never changed: threads take a reference for one decision, a
 * reload puts another one in its place, and who holds the last reference frees it. One lock guards
 * that count and the log.
 *
 * A certificate is known to an MTA by names and by a digest of the whole certificate, not by its
 * key. So where the policy lists keys, a client whose certificate the MTA has verified may have a
 * right that can't be looked up here: such recipients are deferred, never guessed.
 */
#include "cmd/policy/service.h"

#include "io/listen.h"
#include "io/log.h"
#include "io/rights.h"

#include <errno.h>
#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
    READY = 'R',
    FAILED = 'F',
    STOP_MS = 3000,
    CONN_TEXT = 600,
    REPLY_TEXT = 2 * RELAY_TEXT_SIZE
};

/* A setup with its count of users. */
struct shared {
    struct setup setup;
    unsigned refs;
};

struct milter {
    int argc;
    char **argv;
    int fd; /* to the parent */
    pthread_mutex_t lock;
    struct shared *now;
    unsigned sessions;
};

static struct milter milter = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* A session; the MTA asks about one recipient at a time. */
struct session {
    struct question question;
    struct ip ip;
    char *helo, *mail, *login;
    char port[16];
    bool verified; /* the MTA has verified a client certificate */
};

/* --- the setup -------------------------------------------------------------------------------- */

static struct shared *hold(void)
{
    struct shared *s;

    pthread_mutex_lock(&milter.lock);
    s = milter.now;
    s->refs++;
    pthread_mutex_unlock(&milter.lock);
    return s;
}

static void let_go_locked(struct shared *s)
{
    if (--s->refs > 0)
        return;
    setup_deinit(&s->setup);
    free(s);
}

static void let_go(struct shared *s)
{
    pthread_mutex_lock(&milter.lock);
    let_go_locked(s);
    pthread_mutex_unlock(&milter.lock);
}

static void reload(void)
{
    struct shared *s = calloc(1, sizeof(*s));
    bool ok = s && setup_load(milter.argc, milter.argv, &s->setup) == 0;

    pthread_mutex_lock(&milter.lock);
    if (ok) {
        struct shared *old = milter.now;

        s->refs = 1;
        milter.now = s;
        let_go_locked(old);
        log_info("reloaded", "face", "milter", NULL);
    } else {
        free(s);
        log_warn("not-reloaded", "face", "milter", "text", "the old policy stays", NULL);
    }
    pthread_mutex_unlock(&milter.lock);
}

static unsigned sessions_now(void)
{
    unsigned n;

    pthread_mutex_lock(&milter.lock);
    n = milter.sessions;
    pthread_mutex_unlock(&milter.lock);
    return n;
}

/*
 * The parent's words; its end is ours. The process ends here, once the sessions are over or have
 * had their time: smfi_stop() would wait for a lock that the listener holds five seconds long.
 */
static void *listen_to_parent(void *unused)
{
    const struct timespec moment = {.tv_nsec = 20 * 1000 * 1000};
    char c;

    while (read(milter.fd, &c, 1) == 1 && c != MILTER_QUIT)
        if (c == MILTER_RELOAD)
            reload();
    for (unsigned waited = 0; waited < STOP_MS && sessions_now() > 0; waited += 20)
        nanosleep(&moment, NULL);
    pthread_mutex_lock(&milter.lock);
    if (milter.now->setup.args.milter[0] == '/')
        unlink(milter.now->setup.args.milter);
    log_flush();
    _exit(0);
}

/* --- a session -------------------------------------------------------------------------------- */

static char *text_of(const char *s)
{
    return span_dup(span_str(s ? s : ""));
}

static void session_free(SMFICTX *ctx)
{
    struct session *s = smfi_getpriv(ctx);

    if (!s)
        return;
    smfi_setpriv(ctx, NULL);
    question_deinit(&s->question);
    free(s->helo);
    free(s->mail);
    free(s->login);
    free(s);
    pthread_mutex_lock(&milter.lock);
    milter.sessions--;
    pthread_mutex_unlock(&milter.lock);
}

/* A macro of the MTA's, or NULL. libmilter wants the name in memory that it might write to. */
static const char *macro(SMFICTX *ctx, const char *name)
{
    char text[32];

    return span_copy(span_str(name), text, sizeof(text)) ? smfi_getsymval(ctx, text) : NULL;
}

static struct ip ip_of(const _SOCK_ADDR *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
    struct ip ip = {0}, folded;
    char text[IP_TEXT_MAX];

    if (address && v4->sin_family == AF_INET) {
        ip.family = IP_V4;
        memcpy(ip.b, &v4->sin_addr, 4);
    } else if (address && v4->sin_family == AF_INET6) {
        ip.family = IP_V6;
        memcpy(ip.b, &v6->sin6_addr, 16);
    }
    /* By way of its text, where a mapped address becomes what it is. */
    return ip_parse(span_str(ip_text(ip, text)), &folded) ? folded : (struct ip){0};
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
                             unsigned long f3, unsigned long *pf0, unsigned long *pf1,
                             unsigned long *pf2, unsigned long *pf3)
{
    static char connect_macros[] = "{daemon_port} {client_addr}";
    static char mail_macros[] = "{auth_authen} {auth_type} {verify} {cert_subject}";

    *pf0 = 0; /* nothing is ever changed in a message */
    *pf1 = f1 & (SMFIP_NODATA | SMFIP_NOHDRS | SMFIP_NOEOH | SMFIP_NOBODY | SMFIP_NOUNKNOWN);
    *pf2 = *pf3 = 0;
    smfi_setsymlist(ctx, SMFIM_CONNECT, connect_macros);
    smfi_setsymlist(ctx, SMFIM_ENVFROM, mail_macros);
    return SMFIS_CONTINUE;
}

static bool may_enter(void)
{
    bool room;

    pthread_mutex_lock(&milter.lock);
    room = milter.sessions < milter.now->setup.args.clients;
    milter.sessions += room;
    pthread_mutex_unlock(&milter.lock);
    return room;
}

static sfsistat on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *address)
{
    struct session *s;
    const char *port, *ip;

    session_free(ctx); /* one connection of an MTA may carry several sessions */
    if (!may_enter())
        return SMFIS_TEMPFAIL;
    s = calloc(1, sizeof(*s));
    if (!s || smfi_setpriv(ctx, s) != MI_SUCCESS) {
        free(s);
        pthread_mutex_lock(&milter.lock);
        milter.sessions--;
        pthread_mutex_unlock(&milter.lock);
        return SMFIS_TEMPFAIL;
    }
    question_init(&s->question);
    s->ip = ip_of(address);
    ip = macro(ctx, "{client_addr}");
    if (s->ip.family == IP_NONE && ip)
        ip_parse(span_str(ip), &s->ip);
    port = macro(ctx, "{daemon_port}");
    snprintf(s->port, sizeof(s->port), "%s", port ? port : "");
    return SMFIS_CONTINUE;
}

static sfsistat on_helo(SMFICTX *ctx, char *name)
{
    struct session *s = smfi_getpriv(ctx);

    if (!s)
        return SMFIS_TEMPFAIL;
    free(s->helo);
    s->helo = text_of(name);
    return SMFIS_CONTINUE;
}

/* What the decision says, as the milter's reply. */
static sfsistat reply(SMFICTX *ctx, const struct relay_decision *d)
{
    char code[8], enhanced[RELAY_ENHANCED_SIZE], text[REPLY_TEXT];
    size_t n = 0;

    if (d->answer == RELAY_TAKE)
        return SMFIS_CONTINUE;
    snprintf(code, sizeof(code), "%u", d->code % 1000);
    snprintf(enhanced, sizeof(enhanced), "%s", d->enhanced);
    for (const char *p = d->text; *p && n + 2 < sizeof(text); p++) {
        if (*p == '%') /* smfi_setreply() would read it as a format */
            text[n++] = '%';
        text[n++] = *p;
    }
    text[n] = '\0';
    smfi_setreply(ctx, code, enhanced, text);
    return d->answer == RELAY_DEFER ? SMFIS_TEMPFAIL : SMFIS_REJECT;
}

static sfsistat decide(SMFICTX *ctx, struct session *s, const char *rcpt)
{
    struct shared *now = hold();
    struct question *q = &s->question;
    struct relay_decision d;
    sfsistat result = SMFIS_TEMPFAIL;
    bool decided = false;

    q->client = (struct relay_client){
        .ip = s->ip,
        .login = span_str(s->login),
        .role =
            question_role((enum question_role)now->setup.args.role, span_str(s->port), SPAN_NULL),
    };
    if (s->verified && relay_policy_counts(now->setup.policy).certs)
        q->client.failed = RELAY_LOOKUP_RIGHT;
    if (s->mail && question_paths(q, s->mail, rcpt)) {
        const struct answer_facts facts = {
            .face = "milter", .helo = span_str(s->helo), .login = span_str(s->login)};

        pthread_mutex_lock(&milter.lock); /* of the log */
        decided = answer(&now->setup, q, &facts, &d);
        pthread_mutex_unlock(&milter.lock);
        result = decided && !now->setup.args.log_only ? reply(ctx, &d) : SMFIS_CONTINUE;
    }
    let_go(now);
    return result;
}

static sfsistat on_mail(SMFICTX *ctx, char **argv)
{
    struct session *s = smfi_getpriv(ctx);
    const char *login = macro(ctx, "{auth_authen}");
    const char *verify = macro(ctx, "{verify}");

    if (!s)
        return SMFIS_TEMPFAIL;
    free(s->mail);
    free(s->login);
    s->mail = text_of(argv[0]);
    s->login = text_of(login);
    s->verified = verify && strcmp(verify, "OK") == 0;
    if (!s->mail || !s->login)
        return SMFIS_TEMPFAIL;
    return decide(ctx, s, NULL);
}

static sfsistat on_rcpt(SMFICTX *ctx, char **argv)
{
    struct session *s = smfi_getpriv(ctx);

    return s ? decide(ctx, s, argv[0]) : SMFIS_TEMPFAIL;
}

static sfsistat on_close(SMFICTX *ctx)
{
    session_free(ctx);
    return SMFIS_CONTINUE;
}

/* --- the process ------------------------------------------------------------------------------ */

/* Our way to write a place as libmilter's: "/path", "ADDR:PORT". */
static bool place_of(const char *text, char ret[CONN_TEXT])
{
    struct listen_place places[LISTEN_PLACES_MAX];
    char ip[IP_TEXT_MAX];
    size_t n;

    if (text[0] == '/')
        return snprintf(ret, CONN_TEXT, "unix:%s", text) < CONN_TEXT;
    n = listen_parse(span_str(text), places);
    if (n == 0 || places[0].port == 0)
        return false;
    if (n > 1 && text[0] != 'l') /* every address: libmilter's inet6 takes IPv4 as well */
        snprintf(ret, CONN_TEXT, "inet:%u", places[0].port);
    else
        snprintf(ret, CONN_TEXT, "%s:%u@%s", places[0].ip.family == IP_V6 ? "inet6" : "inet",
                 places[0].port, ip_text(places[0].ip, ip));
    return true;
}

static int fail(int status, const char *what, const char *why)
{
    fprintf(stderr, "%s: --milter: %s: %s\n", service_options.program, what, why);
    return status;
}

static int open_milter(const struct service_args *a)
{
    static char name[] = "Postern";
    const struct smfiDesc desc = {
        .xxfi_name = name,
        .xxfi_version = SMFI_VERSION,
        .xxfi_connect = on_connect,
        .xxfi_helo = on_helo,
        .xxfi_envfrom = on_mail,
        .xxfi_envrcpt = on_rcpt,
        .xxfi_close = on_close,
        .xxfi_negotiate = on_negotiate,
    };
    char place[CONN_TEXT];
    unsigned mode;
    mode_t old;
    int r;

    if (!place_of(a->milter, place))
        return fail(EX_USAGE, a->milter, "is no /path and no ADDR:PORT");
    setup_socket_mode(a, &mode);
    if (smfi_register(desc) != MI_SUCCESS || smfi_setconn(place) != MI_SUCCESS)
        return fail(EX_OSERR, a->milter, "libmilter does not take it");
    old = umask((mode_t)(~mode & 0777));
    errno = 0;
    r = smfi_opensocket(1);
    umask(old);
    return r == MI_SUCCESS ? 0 : fail(EX_OSERR, a->milter, errno ? strerror(errno) : "no socket");
}

static int drop_rights(const struct service_args *a)
{
    struct rights_done done;
    int err = rights_drop(&(struct rights){.profile = RIGHTS_SERVER, .user = a->user}, &done);

    if (err < 0)
        return fail(err == -ENOENT ? EX_NOUSER : EX_NOPERM, a->user, strerror(-err));
    return 0;
}

static void tell_parent(char c)
{
    if (write(milter.fd, &c, 1) != 1)
        _exit(EX_OSERR);
}

_Noreturn static void run(const struct setup *setup)
{
    struct shared *first = calloc(1, sizeof(*first));
    pthread_t thread;
    int status = first ? open_milter(&setup->args) : EX_OSERR;

    if (status == 0)
        status = drop_rights(&setup->args);
    if (status) {
        tell_parent(FAILED);
        _exit(status);
    }
    *first = (struct shared){.setup = *setup, .refs = 2}; /* the parent's is never freed here */
    milter.now = first;
    if (pthread_create(&thread, NULL, listen_to_parent, NULL) != 0) {
        tell_parent(FAILED);
        _exit(EX_OSERR);
    }
    log_info("listening", "face", "milter", "socket", setup->args.milter, NULL);
    tell_parent(READY);
    /* Returns only on a signal, or when it can't go on. */
    status = smfi_main() == MI_SUCCESS ? 0 : EX_OSERR;
    log_flush();
    _exit(status);
}

int milter_start(int argc, char **argv, const struct setup *setup, int *ret_fd)
{
    int fds[2];
    char c = FAILED;
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return fail(EX_OSERR, "socketpair", strerror(errno));
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        close(fds[0]);
        milter.argc = argc;
        milter.argv = argv;
        milter.fd = fds[1];
        run(setup);
    }
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        return fail(EX_OSERR, "fork", strerror(errno));
    }
    if (read(fds[0], &c, 1) != 1 || c != READY) {
        int status = 0;

        close(fds[0]);
        /* The child has said why. */
        return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status)
                   ? WEXITSTATUS(status)
                   : EX_OSERR;
    }
    *ret_fd = fds[0];
    return 0;
}
