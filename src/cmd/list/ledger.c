/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening the list. The lock is one file beside the store, held for milliseconds by all verbs but
 * `test` and `retest`, which give it back while the tester is at work.
 */
#include "cmd/list/ledger.h"

#include "base/escape.h"
#include "cmd/list/zones.h"
#include "io/datadir.h"
#include "io/file.h"
#include "io/netif.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { CLASSES_FILE_MAX = 1 << 20, LOOK_AGAIN_MS = 5 };

int ledger_say(const struct ledger *g, int status, const char *fmt, ...)
{
    struct buf line = BUF_INIT(4000), safe = BUF_INIT(16000);
    va_list ap;

    va_start(ap, fmt);
    buf_addv(&line, fmt, ap);
    va_end(ap);
    escape_text(&safe, buf_span(&line));
    fprintf(stderr, "%s: %s\n", g->program, buf_str(&safe));
    buf_deinit(&line);
    buf_deinit(&safe);
    return status;
}

int ledger_store_error(const struct ledger *g, int error)
{
    return view_store_error(g->program, g->store, error);
}

int64_t ledger_expire_after(const struct ledger *g)
{
    return g->args->expire_after / 1000;
}

/* Under sudo it is the person, not root, who has said so. */
static void who_of(char ret[LEDGER_WHO_MAX])
{
    const char *sudo = getenv("SUDO_USER");
    const struct passwd *pw = sudo && *sudo ? NULL : getpwuid(getuid());
    struct buf safe = BUF_INIT(LEDGER_WHO_MAX - 1);

    escape_text(&safe, span_str(sudo && *sudo ? sudo : pw ? pw->pw_name : "unknown"));
    snprintf(ret, LEDGER_WHO_MAX, "%s", buf_str(&safe));
    buf_deinit(&safe);
}

/* --- classes --------------------------------------------------------------------------------- */

static int classes_file(struct ledger *g, const char *path)
{
    struct buf text = BUF_INIT(CLASSES_FILE_MAX);
    struct rows_error err = {0};
    int rc = file_read(path, &text);

    if (rc < 0) {
        buf_deinit(&text);
        return ledger_say(g, EX_NOINPUT, "%s: %s", path, strerror(-rc));
    }
    rc = list_classes_read(&g->classes, buf_span(&text), &err);
    buf_deinit(&text);
    if (rc == -EINVAL)
        return ledger_say(g, EX_CONFIG, "%s:%u: %s", path, err.line, err.why);
    return rc < 0 ? ledger_say(g, EX_OSERR, "%s", strerror(-rc)) : 0;
}

static int classes_open(struct ledger *g)
{
    char path[DATADIR_PATH_MAX];
    struct rows_error err = {0};
    int status;

    if (!datadir_find("list/classes.rows", path))
        return ledger_say(g, EX_NOINPUT, "%s is missing; is Postern installed whole?", path);
    status = classes_file(g, path);
    if (status == 0 && g->args->classes)
        status = classes_file(g, g->args->classes);
    if (status == 0 && !list_classes_whole(&g->classes, &err))
        status =
            ledger_say(g, EX_CONFIG, "%s: %s", g->args->classes ? g->args->classes : path, err.why);
    return status;
}

/* --- guard ----------------------------------------------------------------------------------- */

static int guard_file(struct ledger *g, enum list_guard_kind kind, const char *path)
{
    struct buf text = BUF_INIT(LEDGER_FILE_MAX);
    unsigned line = 0;
    int rc = file_read(path, &text);

    if (rc < 0)
        rc = ledger_say(g, EX_NOINPUT, "%s: %s", path, strerror(-rc));
    else if ((rc = list_guard_read(&g->guard, kind, buf_span(&text), &line)) == -EINVAL)
        rc = ledger_say(g, EX_CONFIG, "%s:%u: does not begin with an address or a prefix", path,
                        line);
    else if (rc < 0)
        rc = ledger_say(g, EX_OSERR, "%s", strerror(-rc));
    buf_deinit(&text);
    return rc;
}

static int guard_nets(struct ledger *g, enum list_guard_kind kind, const struct option_list *list,
                      const char *option)
{
    struct ip_prefix net;

    for (size_t i = 0; i < list->count; i++) {
        if (!ip_prefix_parse(span_str(list->v[i]), &net))
            return ledger_say(g, EX_CONFIG, "%s: %s: is no address or network", option, list->v[i]);
        if (list_guard_add(&g->guard, kind, net, 0) < 0)
            return ledger_say(g, EX_OSERR, "out of memory");
    }
    return 0;
}

static int add_exempt(void *ctx, const struct store_exempt *e)
{
    struct list_guard *guard = ctx;
    struct ip_prefix net;

    if (!ip_prefix_parse(e->pattern, &net))
        return 0;
    return list_guard_add(guard, LIST_GUARD_OF_EXEMPT, net, e->until_wall);
}

static int guard_host(struct ledger *g)
{
    struct netif_facts facts = {0};
    int rc = netif_facts(&facts);

    for (size_t i = 0; rc == 0 && i < facts.count; i++) {
        struct ip ip = facts.v[i].ip;

        if (facts.v[i].kind == NETIF_ADDRESS && ip_space(ip) != IP_LOOPBACK)
            rc = list_guard_add(&g->guard, LIST_GUARD_OF_OWN,
                                ip_prefix_of(ip, ip.family == IP_V4 ? 32 : 128), 0);
    }
    netif_facts_deinit(&facts);
    return rc;
}

int ledger_guard(struct ledger *g)
{
    const struct list_args *a = g->args;
    int rc = 0, status;

    list_guard_deinit(&g->guard);
    list_guard_init(&g->guard);
    status = guard_nets(g, LIST_GUARD_OF_OWN, &a->own, "own-networks");
    if (status == 0)
        status = guard_nets(g, LIST_GUARD_OF_LAB, &a->lab, "lab-networks");
    for (size_t i = 0; i < a->never_list.count && status == 0; i++)
        status = guard_file(g, LIST_GUARD_OF_EXEMPT, a->never_list.v[i]);
    for (size_t i = 0; i < a->dnswl.count && status == 0; i++)
        status = guard_file(g, LIST_GUARD_OF_GOOD, a->dnswl.v[i]);
    if (status)
        return status;
    rc = guard_host(g);
    if (rc == 0)
        rc = store_exempts_each(g->store, add_exempt, &g->guard);
    if (rc < 0)
        return ledger_say(g, EX_OSERR, "%s", strerror(-rc));
    list_guard_seal(&g->guard);
    return 0;
}

/* --- the lock -------------------------------------------------------------------------------- */

int ledger_enter(struct ledger *g)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[DATADIR_PATH_MAX];

    if (!datadir_join(g->state.folder, "list.lock", path))
        return ledger_say(g, EX_CANTCREAT, "the state folder's name is too long");
    g->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (g->lock < 0)
        return ledger_say(g, EX_CANTCREAT, "%s: %s", path, strerror(errno));
    for (int waited = 0; fcntl(g->lock, F_OFD_SETLK, &whole) < 0; waited += LOOK_AGAIN_MS) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return ledger_say(g, EX_OSERR, "%s: %s", path, strerror(errno));
        if (waited >= LEDGER_WAIT_MS)
            return ledger_say(g, EX_TEMPFAIL, "another postern list is at work; try again");
        nanosleep(&(struct timespec){.tv_nsec = LOOK_AGAIN_MS * 1000000L}, NULL);
    }
    g->now_wall = (int64_t)time(NULL);
    return 0;
}

void ledger_leave(struct ledger *g)
{
    if (g->lock >= 0)
        close(g->lock);
    g->lock = -1;
}

int ledger_open(struct ledger *g, const struct list_call *call, enum ledger_mode mode)
{
    char err[STATE_ERROR_MAX];
    int rc, status;

    *g = (struct ledger){.program = call->options->program,
                         .args = call->common,
                         .lock = -1,
                         .now_wall = (int64_t)time(NULL),
                         .out = BUF_INIT(VIEW_OUT_MAX)};
    who_of(g->who);
    view_style(&g->style, call->common->colour);
    rc = state_open(&g->state, call->common->state, mode == LEDGER_CHANGE, err);
    if (rc == 0)
        rc = mode == LEDGER_CHANGE ? state_store(&g->state, STORE_CREATE, &g->store, err)
                                   : state_store_look(&g->state, &g->store, err);
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", g->program, err);
        return state_exit(rc);
    }
    status = classes_open(g);
    if (status == 0)
        status = ledger_guard(g);
    if (status == 0 && mode == LEDGER_CHANGE)
        status = ledger_enter(g);
    return status == 0 && mode == LEDGER_CHANGE ? zones_follow(g) : status;
}

int ledger_close(struct ledger *g, int status)
{
    int printed = g->out.n || g->out.err ? view_print(g->program, &g->out) : 0;

    ledger_leave(g);
    store_close(g->store);
    list_classes_deinit(&g->classes);
    list_guard_deinit(&g->guard);
    buf_deinit(&g->out);
    return status ? status : printed;
}
