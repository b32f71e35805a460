/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern list retest: the way out for whoever runs a listed host, without anybody at our end: it
 * is what a web form or a mail robot calls. The first one is at once. Each that finds the host open
 * still makes the next wait longer, and so does each listing of it before this one; a week is the
 * most, and nothing is ever to be paid. One that could not tell costs ten minutes, so that a form
 * that anybody can press does not turn the tester on somebody without end.
 */
#include "cmd/list/round.h"
#include "cmd/list/zones.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

struct args {
    struct list_args common;
    const char *who, *reason;
};

#define AT(field) offsetof(struct args, field)

static const struct option_row rows[] = {
    {.group = "Who asks"},
    {"who", 0, "NAME", "who asks, for the record", OPTION_TEXT, AT(who), .shown = "the caller"},
    {"reason", 'r', "TEXT", "what was changed, for the record", OPTION_TEXT, AT(reason)},
    {"quiet", 'q', NULL, "no progress on standard error", OPTION_FLAG, AT(common.quiet)},
    LIST_OPTION_ROWS(struct args, common),
    {0},
};

static const struct options options = {
    .program = "postern list retest",
    .about = "Tests a listed host again now, and delists it when it is closed.",
    .usage = "[OPTION]... ADDRESS [-- OPTION-OF-POSTERN-TEST...]",
    .text = "Exit status: 0 closed, and delisted; 1 not listed; 2 still open; 3 undecided, and "
            "still listed; 64 misuse; 69 the tester gave up; 75 too soon.",
    .rows = rows,
};

enum { EXIT_CLOSED, EXIT_UNLISTED, EXIT_OPEN, EXIT_UNDECIDED };

static int tell(struct ledger *g, const char *ip, const char *result, int64_t until, int status)
{
    char when[VIEW_TIME];

    if (g->args->json) {
        buf_addf(&g->out, "{\"type\":\"retest\",\"ip\":\"%s\",\"result\":\"%s\"", ip, result);
        if (until)
            buf_addf(&g->out, ",\"next\":\"%s\"", view_time_utc(until, -1, when));
        buf_add_str(&g->out, "}\n");
    } else if (until) {
        buf_addf(&g->out, "%s  %s; next retest from %s\n", ip, result, view_time(until, when));
    } else {
        buf_addf(&g->out, "%s  %s\n", ip, result);
    }
    return status;
}

static int64_t wait_of(const struct ledger *g, const struct store_listing *l)
{
    int64_t first = g->args->retest_wait / 1000;
    int64_t wait = list_wait_retest(l->failed, l->times ? l->times - 1 : 0, first, LIST_RETEST_MAX);
    int64_t again = first < LIST_RETEST_AGAIN ? first : LIST_RETEST_AGAIN;

    return l->tries && wait < again ? again : wait;
}

/* Open still: counted, so that the next one waits longer. */
static int failed(struct ledger *g, int64_t id, int64_t *ret_next)
{
    struct entry e;
    int rc = entry_open_id(g, id, &e);

    if (rc == 0) {
        e.l.failed++;
        *ret_next = e.l.tested_wall + wait_of(g, &e.l);
        rc = entry_commit(g, &e, NULL, NULL, 0);
    }
    entry_close(&e);
    return rc;
}

static int undecided(struct ledger *g, int64_t id, const char *ip)
{
    struct store_listing l;
    int rc = store_listing_by_id(g->store, id, &l);

    if (rc < 0)
        return ledger_store_error(g, rc);
    return tell(g, ip, "undecided: the test could not tell, so nothing changed",
                rc == 0 && l.tested_wall ? l.tested_wall + wait_of(g, &l) : 0, EXIT_UNDECIDED);
}

static int test(struct round *r, const struct store_listing *l, const struct args *args,
                const char *ip)
{
    struct ledger *g = r->g;
    const struct round_request request = {args->who ? args->who : g->who,
                                          args->reason ? args->reason : "a retest was asked for"};
    struct scope_question q = {.address = l->address, .now_wall = g->now_wall};
    struct scope_decision d = scope_decide(&q, &r->scope, &r->never);
    enum round_end end = ROUND_UNDECIDED;
    int64_t id = l->id, next = 0;
    int rc = 0, status;

    if (!scope_answer_may(d.answer))
        return tell(g, ip, "may not be tested (on the never-test list): ask a person", 0,
                    EXIT_UNDECIDED);
    status = round_again(r, id, &request, d.answer == SCOPE_OUTSIDE, &end);
    if (status)
        return status;
    switch (end) {
    case ROUND_CLOSED:
        return tell(g, ip, "closed: delisted", 0, EXIT_CLOSED);
    case ROUND_OPEN:
        rc = failed(g, id, &next);
        return rc < 0 ? ledger_store_error(g, rc) : tell(g, ip, "still open", next, EXIT_OPEN);
    case ROUND_UNDECIDED:
        break;
    }
    return undecided(g, id, ip);
}

/* The listing to be tested; else *ret_status, told. */
static bool listed(struct ledger *g, struct ip ip, const char *text, struct store_listing *ret,
                   int *ret_status)
{
    struct store_listing out;
    int64_t until;
    int rc = store_listing_get(g->store, ip, STORE_SIDE_HOST, ret);

    if (rc == STORE_OK &&
        (ret->state == LIST_CONFIRMED || list_state_served((enum list_state)ret->state))) {
        if (!list_soon(g->now_wall, ret->tested_wall, wait_of(g, ret), &until))
            return true;
        *ret_status = tell(g, text, "too soon", until, EX_TEMPFAIL);
        return false;
    }
    if (rc >= 0)
        rc = store_listing_get(g->store, ip, STORE_SIDE_OUTPUT, &out);
    if (rc < 0)
        *ret_status = ledger_store_error(g, rc);
    else if (rc == STORE_OK && list_state_served((enum list_state)out.state))
        *ret_status = tell(g, text,
                           "is not listed but as an output, which goes when no open relay leads "
                           "to it",
                           0, EXIT_UNLISTED);
    else
        *ret_status = tell(g, text, "is not listed", 0, EXIT_UNLISTED);
    return false;
}

static int retest(struct ledger *g, const struct args *args, const char *text, char **more,
                  int more_count)
{
    struct store_listing l;
    struct round r;
    struct ip ip;
    int alone = -1, status;

    if (!ip_parse(span_str(text), &ip))
        return ledger_say(g, EX_USAGE, "%s: is no address", text);
    if (!listed(g, ip, text, &l, &status))
        return status;
    /* The queue's tester may be at work for long: it must not stand in the way of who wants out. */
    ledger_leave(g);
    status = tester_alone(g, true, &alone);
    if (status == 0)
        status = ledger_enter(g);
    /* Somebody else may have asked meanwhile: of many who press a button at once, one is tested. */
    if (status == 0 && listed(g, ip, text, &l, &status)) {
        status = round_open(&r, g, more, (size_t)more_count);
        r.shown = (struct tester_shown){.total = 1};
        if (status == 0)
            status = test(&r, &l, args, text);
        round_close(&r);
    }
    if (alone >= 0)
        close(alone);
    return status;
}

int verb_retest(int argc, char **argv)
{
    struct args args = {.common = LIST_ARGS_INIT};
    struct list_call call = {.options = &options, .args = &args, .common = &args.common};
    struct ledger g;
    int more = 1, first, status, printed;

    while (more < argc && strcmp(argv[more], "--") != 0)
        more++;
    if (!list_call_start(&call, more, argv, &first, &status))
        return status;
    if (more - first != 1)
        return list_call_end(&call, options_misuse(&options, "needs one address"));
    status = ledger_open(&g, &call, LEDGER_CHANGE);
    if (status == 0)
        status = retest(&g, &args, argv[first], argv + more + 1, more < argc ? argc - more - 1 : 0);
    printed = ledger_close(&g, 0);
    return list_call_end(&call, status ? status : printed);
}
