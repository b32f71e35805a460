/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern list test: works the queue off. What is due is tested if it may be: with a nomination as
 * its cause, in the scope, not within 24 hours of the last time, never from the exclusion list.
 * Started by a timer, or by hand with addresses, which is then a person's word and cause enough for
 * hosts that are nominated or listed already.
 */
#include "cmd/list/expire.h"
#include "cmd/list/round.h"
#include "cmd/list/zones.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

struct args {
    struct list_args common;
    unsigned batch, most;
    bool dry_run;
};

#define AT(field) offsetof(struct args, field)

static const struct option_row rows[] = {
    {.group = "How much"},
    {"batch", 0, "N", "hosts in one run of the tester", OPTION_UINT, AT(batch), .min = 1,
     .max = TESTER_TARGETS_MAX, .shown = "100"},
    {"most", 'm', "N", "at most this many hosts in all", OPTION_UINT, AT(most), .min = 1,
     .max = 1000000, .shown = "1000"},
    {"dry-run", 'n', NULL, "say what would be tested, and what not and why", OPTION_FLAG,
     AT(dry_run)},
    {"quiet", 'q', NULL, "no progress on standard error", OPTION_FLAG, AT(common.quiet)},
    LIST_OPTION_ROWS(struct args, common),
    {0},
};

static const struct options options = {
    .program = "postern list test",
    .about = "Tests what is due: nominated hosts, and listed ones before their time is over.",
    .usage = "[OPTION]... [ADDRESS]... [-- OPTION-OF-POSTERN-TEST...]",
    .text = "Words behind \"--\" go to postern test as they are.\n\n"
            "Exit status: 0, 64 misuse, 66 no such listing, 69 the tester gave up, 75 another "
            "tester of the list is at work.",
    .rows = rows,
};

struct queue {
    int64_t *first;                /* nominated: many in one run */
    size_t first_count, strangers; /* strangers: outside the scope */
    int64_t *again;                /* listed: one by one */
    bool *gentle;
    size_t again_count;
    size_t room;
    uint64_t seen;
};

struct picking {
    int64_t *v;
    size_t count, room;
};

static int pick(void *ctx, const struct store_listing *l)
{
    struct picking *p = ctx;

    if (p->count < p->room)
        p->v[p->count++] = l->id;
    return 0;
}

static void tell_skipped(struct round *r, const struct store_listing *l, const char *why,
                         int64_t until, bool json)
{
    char ip[IP_TEXT_MAX], when[VIEW_TIME];
    struct buf *out = &r->g->out;

    ip_text(l->address, ip);
    if (json) {
        json_t *doc = json_pack("{s:s, s:s}", "type", "skipped", "ip", ip);

        /* The reason may be a line of the operator's own lists. */
        if (doc && view_json_text(doc, "why", span_str(why)) && view_json_time(doc, "until", until))
            report_lines(out, doc);
        json_decref(doc);
        return;
    }
    if (until)
        buf_addf(out, "%s  not before %s: ", ip, view_time(until, when));
    else
        buf_addf(out, "%s  not tested: ", ip);
    view_safe(out, span_str(why));
    buf_add_char(out, '\n');
}

/* What may not be tested now is put off, so that it does not stand first in the queue for ever. */
static int put_off(struct round *r, const struct store_listing *l, enum round_may may,
                   const char *why, int64_t until, bool dry)
{
    struct entry e;
    int rc;

    if (dry)
        return 0;
    rc = entry_open_id(r->g, l->id, &e);
    if (rc == 0 && may == ROUND_NEVER)
        entry_step(r->g, &e, LIST_GIVE_UP, "rules", 0, "%s", why);
    if (rc == 0) {
        e.l.due_wall = may == ROUND_NEVER && entry_state(&e) == LIST_DISMISSED ? 0
                       : may == ROUND_SOON                                     ? until
                                           : r->g->now_wall + LIST_TEST_GAP;
        rc = entry_commit(r->g, &e, NULL, NULL, 0);
    }
    entry_close(&e);
    return rc;
}

static int sort_out(struct round *r, struct queue *q, int64_t id, bool person,
                    const struct args *args)
{
    struct store_listing l;
    const char *why;
    int64_t until = 0;
    bool gentle = false;
    enum round_may may;
    int rc = store_listing_by_id(r->g->store, id, &l);

    if (rc)
        return rc < 0 ? rc : 0;
    may = round_may(r, &l, &why, &until, &gentle);
    if (may == ROUND_OUTSIDE && person)
        may = list_soon(r->g->now_wall, l.tested_wall, LIST_TEST_GAP, &until) ? ROUND_SOON
                                                                              : ROUND_MAY;
    q->seen++;
    if (may != ROUND_MAY) {
        tell_skipped(r, &l, why, may == ROUND_SOON ? until : 0, args->common.json);
        return put_off(r, &l, may, why, until, args->dry_run);
    }
    if (l.state == LIST_NOMINATED) {
        q->first[q->first_count++] = id;
        q->strangers += gentle;
    } else {
        q->gentle[q->again_count] = gentle;
        q->again[q->again_count++] = id;
    }
    if (args->dry_run) {
        char ip[IP_TEXT_MAX];

        buf_addf(&r->g->out,
                 args->common.json ? "{\"type\":\"due\",\"ip\":\"%s\",\"state\":\"%s\"}\n"
                                   : "%s  would be tested: %s\n",
                 ip_text(l.address, ip), list_state_name((enum list_state)l.state));
    }
    return 0;
}

/* Left in "testing" by a tester that is no more: we are the only one now. */
static int heal(struct round *r)
{
    static const struct store_listing_filter testing = {.states = 1U << LIST_TESTING, .side = -1};
    int64_t ids[TESTER_TARGETS_MAX];
    struct picking p = {.v = ids, .room = TESTER_TARGETS_MAX};
    int rc = store_listings_each(r->g->store, &testing, pick, &p);

    for (size_t i = 0; i < p.count && rc == 0; i++) {
        struct entry e;

        rc = entry_open_id(r->g, ids[i], &e);
        if (rc == 0 && entry_step(r->g, &e, LIST_ABANDON, "rules", 0, "its tester was stopped")) {
            e.l.due_wall = e.l.tested_wall + LIST_TEST_GAP;
            rc = entry_commit(r->g, &e, NULL, NULL, 0);
        }
        entry_close(&e);
    }
    return rc;
}

static int named(struct round *r, struct queue *q, char **words, int count, const struct args *args)
{
    for (int i = 0; i < count && i < (int)q->room; i++) {
        struct store_listing l;
        struct ip ip;
        int rc;

        if (!ip_parse(span_str(words[i]), &ip))
            return ledger_say(r->g, EX_USAGE, "%s: is no address", words[i]);
        rc = store_listing_get(r->g->store, ip, STORE_SIDE_HOST, &l);
        if (rc == STORE_NONE ||
            (rc == 0 && l.state != LIST_NOMINATED && l.state != LIST_CONFIRMED &&
             !list_state_served((enum list_state)l.state)))
            return ledger_say(r->g, EX_NOINPUT, "%s: is neither nominated nor listed", words[i]);
        rc = rc < 0 ? rc : sort_out(r, q, l.id, true, args);
        if (rc < 0)
            return ledger_store_error(r->g, rc);
    }
    return 0;
}

static int due(struct round *r, struct queue *q, const struct args *args)
{
    struct picking p = {.v = malloc(q->room * sizeof(*p.v)), .room = q->room};
    int rc = p.v ? store_listings_due(r->g->store, r->g->now_wall, q->room, pick, &p) : -ENOMEM;

    for (size_t i = 0; i < p.count && rc == 0; i++)
        rc = sort_out(r, q, p.v[i], false, args);
    free(p.v);
    return rc < 0 ? ledger_store_error(r->g, rc) : 0;
}

static int work(struct round *r, const struct queue *q, const struct args *args, bool person)
{
    const struct round_request asked = {r->g->who, "a person asked"};
    enum round_end end;
    int status = 0;

    r->shown.total = q->first_count + q->again_count;
    if (q->strangers && !args->common.json && !args->common.quiet)
        fprintf(stderr,
                "%s: %zu outside the scope, gently: no more than four refusals in ten minutes, so "
                "half an hour and more\n",
                r->g->program, q->strangers);
    for (size_t i = 0; i < q->first_count && status == 0; i += args->batch) {
        size_t n = q->first_count - i < args->batch ? q->first_count - i : args->batch;

        status = round_first(r, q->first + i, n, person ? r->g->who : NULL);
    }
    for (size_t i = 0; i < q->again_count && status == 0; i++)
        status = round_again(r, q->again[i], person ? &asked : NULL, q->gentle[i], &end);
    return status;
}

static void tell(struct ledger *g, const struct round *r, const struct collected *sum, bool json)
{
    buf_addf(&g->out,
             json ? "{\"type\":\"tested\",\"tested\":%" PRIu64 ",\"proved\":%" PRIu64
                    ",\"closed\":%" PRIu64 ",\"undecided\":%" PRIu64 ",\"late\":%" PRIu64 "}\n"
                  : "tested %" PRIu64 ": %" PRIu64 " proved, %" PRIu64 " closed, %" PRIu64
                    " undecided; %" PRIu64 " late proofs\n",
             r->tested, r->proved, r->closed, r->undecided, sum->proofs);
}

static int run(struct ledger *g, const struct args *args, char **words, int count, char **more,
               int more_count)
{
    struct queue q = {.room = args->most};
    struct collected sum = {0};
    struct round r;
    int alone = -1, status = tester_alone(g, false, &alone), rc;

    if (status)
        return status;
    status = round_open(&r, g, more, (size_t)more_count);
    q.first = calloc(q.room, sizeof(*q.first));
    q.again = calloc(q.room, sizeof(*q.again));
    q.gentle = calloc(q.room, sizeof(*q.gentle));
    if (!q.first || !q.again || !q.gentle)
        status = ledger_say(g, EX_OSERR, "out of memory");
    if (status == 0 && !args->dry_run) {
        rc = heal(&r);
        status = rc < 0 ? ledger_store_error(g, rc) : collect(g, &sum);
        if (status == 0)
            status = expire_over(g, NULL);
    }
    if (status == 0)
        status = count ? named(&r, &q, words, count, args) : due(&r, &q, args);
    if (status == 0 && !args->dry_run)
        status = work(&r, &q, args, count > 0);
    if (!args->dry_run)
        tell(g, &r, &sum, args->common.json);
    free(q.first);
    free(q.again);
    free(q.gentle);
    round_close(&r);
    close(alone);
    return status;
}

int verb_test(int argc, char **argv)
{
    struct args args = {.common = LIST_ARGS_INIT, .batch = 100, .most = 1000};
    struct list_call call = {.options = &options, .args = &args, .common = &args.common};
    struct ledger g;
    int more = 1, first, status;

    /* What stands behind "--" is not ours to read. */
    while (more < argc && strcmp(argv[more], "--") != 0)
        more++;
    if (!list_call_start(&call, more, argv, &first, &status))
        return status;
    status = ledger_open(&g, &call, LEDGER_CHANGE);
    if (status == 0)
        status = run(&g, &args, argv + first, more - first, argv + more + 1,
                     more < argc ? argc - more - 1 : 0);
    return list_call_end(&call, ledger_close(&g, status));
}
