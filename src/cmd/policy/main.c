/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern policy: the gate's relay decision for an existing Postfix (policy service) or any MTA
 * with milters. This process serves Postfix and holds the signals; the milter is its child.
 */
#include "cmd/policy/service.h"

#include "io/local.h"
#include "io/log.h"
#include "io/rights.h"
#include "io/timer.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define AT(field) offsetof(struct service_args, field)

static const char *const roles[] = {"auto", "mx", "submission", NULL};

static const struct option_row rows[] = {
    {.group = "Where it is asked"},
    {"listen", 'l', "PLACE", "serve Postfix here: a /path or ADDR:PORT; may be given again",
     OPTION_LIST, AT(listen)},
    {"milter", 'm', "PLACE", "be a milter here: a /path or ADDR:PORT", OPTION_TEXT, AT(milter)},
    {"socket-mode", 0, "MODE", "of the sockets that are paths", OPTION_TEXT, AT(socket_mode),
     .shown = "0666"},
    {.group = "What it answers"},
    {"log-only", 'n', NULL, "refuse nothing, only log what would be refused", OPTION_FLAG,
     AT(log_only)},
    {"role", 0, "ROLE",
     "what clients come in by: mx, submission, or auto, as the server's port tells", OPTION_CHOICE,
     AT(role), .choices = roles, .shown = "auto"},
    {.group = "Who may relay"},
    POLICY_OPTION_ROWS(struct service_args, policy),
    {.group = "Running"},
    {"clients", 0, "N", "connections at a time, to each of both faces", OPTION_UINT, AT(clients),
     .min = 1, .max = 100000, .shown = "1000"},
    {"idle", 0, "TIME", "silence after which a connection of Postfix's is closed", OPTION_TIME,
     AT(idle), .min = 1000, .max = 86400000, .shown = "20m"},
    {"config", 'c', "FILE", "read settings from here", OPTION_TEXT, AT(config), .shown = CONF_PATH},
    {"user", 'u', "NAME", "become this user once the sockets are open", OPTION_TEXT, AT(user)},
    {"verbose", 'v', NULL, "leave no line of the log out", OPTION_FLAG, AT(verbose)},
    {0},
};

const struct options service_options = {
    .program = "postern policy",
    .about = "Answers other mail servers: may this client send from here to there?",
    .usage = "[--listen PLACE]... [--milter PLACE] [OPTION]...\n"
             "check [OPTION]...",
    .text = "The same decision as the gate's, by the same settings: those of the section gate in "
            "the configuration file count here too. It can only narrow: what it does not refuse "
            "is still the mail server's own to decide. check reads the settings and says whether "
            "they are safe. SIGHUP reads them again; what is wrong leaves the old ones in force.\n"
            "\n"
            "Exit status: 0 ended as asked, 64 misuse, 66 no such file, 67 no such user, 70 the "
            "milter ended by itself, 71 system error, 77 no right, 78 bad configuration, or a "
            "policy that relays for strangers.",
    .rows = rows,
};

enum { STOP_MS = 5000 };

struct program {
    int argc;
    char **argv;
    struct setup setup;
    struct loop *loop;
    struct service *service;
    struct local *milter; /* NULL: none */
    struct timer stop;
    bool stopping;
    int status;
};

static void say_milter(struct program *p, char c)
{
    if (p->milter)
        local_write(p->milter, span_of(&c, 1));
}

static void set_log(const struct service_args *a)
{
    /* Every decision is a line: to be complete is what this log is for. */
    log_set_burst(a->verbose || a->log_only ? 0 : 10 * LOG_BURST);
}

static void reload(struct program *p)
{
    struct setup fresh, old = p->setup;
    int status = setup_load(p->argc, p->argv, &fresh);

    if (status) {
        log_warn("not-reloaded", "face", "postfix", "text", "the old policy stays", NULL);
        return;
    }
    p->setup = fresh;
    service_set(p->service, &p->setup);
    set_log(&p->setup.args);
    setup_deinit(&old);
    log_info("reloaded", "face", "postfix", NULL);
    say_milter(p, MILTER_RELOAD);
}

static void on_stop_time(void *cookie)
{
    struct program *p = cookie;

    loop_stop(p->loop);
}

/* The first asks the milter to end; the second does not wait for it. */
static void on_signal(void *cookie, int signum)
{
    struct program *p = cookie;

    if (signum == SIGHUP) {
        if (!p->stopping) /* then there is nothing left to load it for */
            reload(p);
        return;
    }
    log_info("stopping", "signal", strsignal(signum), NULL);
    service_free(&p->service);
    if (p->stopping || !p->milter) {
        loop_stop(p->loop);
        return;
    }
    p->stopping = true;
    say_milter(p, MILTER_QUIT);
    timer_start(&p->stop, p->loop, STOP_MS);
}

static void on_milter_data(void *cookie, struct local *l, struct span bytes)
{
}

/* Half a service would be an MTA without its lock: better to end, and be started again. */
static void on_milter_closed(void *cookie, struct local *l, int err)
{
    struct program *p = cookie;

    p->milter = NULL;
    if (!p->stopping) {
        log_error("milter-ended", "error", err ? LOG_ERRNO(err) : "", NULL);
        p->status = EX_SOFTWARE;
    }
    loop_stop(p->loop);
}

static const struct local_events milter_events = {.data = on_milter_data,
                                                  .closed = on_milter_closed};

static int fail(int status, const char *what, int err)
{
    fprintf(stderr, "%s: %s: %s\n", service_options.program, what, strerror(-err));
    return status;
}

static int drop_rights(const struct program *p)
{
    const char *user = p->setup.args.user;
    struct rights_done done;
    int err = rights_drop(&(struct rights){.profile = RIGHTS_SERVER, .user = user}, &done);

    if (err < 0)
        return fail(err == -ENOENT ? EX_NOUSER : EX_NOPERM, user, err);
    log_info("rights", "user", done.user ? user : "", "capabilities",
             done.capabilities ? "dropped" : "kept", "no_new_privs",
             done.no_new_privs ? "yes" : "no", "filter", done.filter ? "yes" : "no", "notes",
             done.notes, NULL);
    return 0;
}

static int watch_signals(struct program *p)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        int err = loop_signal(p->loop, signals[i], on_signal, p);

        if (err < 0)
            return fail(EX_OSERR, "cannot watch signals", err);
    }
    return 0;
}

static int open_all(struct program *p, int milter_fd)
{
    const struct service_args *a = &p->setup.args;
    int err = loop_new(&p->loop), status = 0;

    if (err == 0)
        err = service_new(p->loop, &p->setup, &p->service);
    if (err == 0 && milter_fd >= 0)
        err = local_open(p->loop, milter_fd, &milter_events, p, &p->milter);
    if (err < 0)
        return fail(EX_OSERR, "cannot start", err);
    timer_init(&p->stop, on_stop_time, p);
    loop_fd_limit(a->clients + 64);
    for (size_t i = 0; i < a->listen.count && status == 0; i++)
        status = service_listen(p->service, a->listen.v[i]);
    if (status == 0)
        status = drop_rights(p);
    return status ? status : watch_signals(p);
}

static int serve(struct program *p)
{
    const struct service_args *a = &p->setup.args;
    struct relay_counts n = relay_policy_counts(p->setup.policy);
    int fd = -1, status = 0;

    if (a->listen.count == 0 && !a->milter)
        return options_misuse(&service_options, "needs --listen, or --milter, or both");
    set_log(a);
    if (a->milter)
        status = milter_start(p->argc, p->argv, &p->setup, &fd);
    if (status == 0)
        status = open_all(p, fd);
    if (status == 0) {
        log_info("serving", "domains", LOG_NUM((int64_t)n.domains), "networks",
                 LOG_NUM((int64_t)n.networks), "certs", LOG_NUM((int64_t)n.certs), "access",
                 LOG_NUM((int64_t)n.access), "mode", a->log_only ? "log-only" : "enforce", NULL);
        loop_run(p->loop);
        status = p->status;
    }
    service_free(&p->service);
    timer_stop(&p->stop);
    local_free(&p->milter);
    loop_free(&p->loop);
    log_flush();
    return status;
}

int main(int argc, char **argv)
{
    static struct program p;
    int status = setup_load(argc, argv, &p.setup);

    if (status)
        return status < 0 ? 0 : status;
    p.argc = argc;
    p.argv = argv;
    if (p.setup.check_only) {
        struct relay_counts n = relay_policy_counts(p.setup.policy);

        printf("%zu domains, %zu networks, %zu keys, %zu access rules: safe to serve\n", n.domains,
               n.networks, n.certs, n.access);
        status = 0;
    } else {
        status = serve(&p);
    }
    setup_deinit(&p.setup);
    return status;
}
