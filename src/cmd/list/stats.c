/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern list stats: what stands in the list, and how right it was. The hash at the end stands for
 * every record up to now: published with the figures, it makes later changes to them visible.
 */
#include "cmd/list/zones.h"
#include "list/precision.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

enum { DAYS = 90 };

struct args {
    struct list_args common;
    int64_t since;
};

static const struct option_row rows[] = {
    {.group = "What"},
    {"since", 0, "TIME", "precision over so much time until now", OPTION_TIME,
     offsetof(struct args, since), .min = 1000, .shown = "90d"},
    LIST_OPTION_ROWS(struct args, common),
    {0},
};

static const struct options options = {
    .program = "postern list stats",
    .about = "Counts listings, and how often they were right.",
    .usage = "[OPTION]...",
    .text = "Exit status: 0, 64 misuse, 65 the records do not hold together, 66 no store.",
    .rows = rows,
};

struct counting {
    struct ledger *g;
    json_t *list;
    struct list_precision p;
};

static int count_listing(void *ctx, unsigned state, enum store_side side, struct span class,
                         uint64_t n)
{
    struct counting *c = ctx;
    const char *side_name = side == STORE_SIDE_OUTPUT ? "output" : "host";

    if (c->list) {
        json_t *doc = json_pack("{s:s, s:s, s:I}", "state", list_state_name((enum list_state)state),
                                "side", side_name, "count", (json_int_t)n);

        return doc && view_json_text(doc, "class", class) &&
                       json_array_append_new(c->list, doc) == 0
                   ? 0
                   : -ENOMEM;
    }
    buf_addf(&c->g->out, "  %-12s %-7s %-14.*s %10" PRIu64 "\n",
             list_state_name((enum list_state)state), side_name, SPAN_ARG(class), n);
    return c->g->out.err;
}

static int count_record(void *ctx, const struct store_record *r)
{
    struct counting *c = ctx;

    list_precision_add(&c->p, r->event, r->was, r->became, r->who, (uint64_t)r->seq);
    return 0;
}

static void hex(const uint8_t *p, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", p[i]);
}

static void rate(struct buf *out, const char *what, uint64_t part, uint64_t whole)
{
    unsigned permille = list_permille(part, whole);

    buf_addf(out, "  %-44s %8" PRIu64 " of %-8" PRIu64 " %3u.%u %%\n", what, part, whole,
             permille / 10, permille % 10);
}

static void say_text(struct counting *c, const struct store_chain *chain, const char *head)
{
    const struct list_precision *p = &c->p;
    struct buf *out = &c->g->out;

    buf_add_str(out, "\nPrecision\n");
    rate(out, "tests of listed hosts that found them closed", p->closed, p->closed + p->renewed);
    rate(out, "listings that should not have been (appeals)", p->appeals, p->admitted);
    rate(out, "nominations that were proved", p->proved, p->proved + p->dismissed);
    buf_addf(out,
             "  expired %" PRIu64 ", closed on request %" PRIu64 ", taken out by a person %" PRIu64
             "\n",
             p->expired, p->closed_asked, p->delisted);
    buf_addf(out, "\nRecords  %" PRIu64 "  %s\n", chain->records, head);
}

static int say_json(struct counting *c, json_t *doc, const struct store_chain *chain,
                    const char *head, int64_t from)
{
    const struct list_precision *p = &c->p;
    json_t *all = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "nominated", (json_int_t)p->nominated,
        "dismissed", (json_int_t)p->dismissed, "proved", (json_int_t)p->proved, "admitted",
        (json_int_t)p->admitted, "renewed", (json_int_t)p->renewed, "closed", (json_int_t)p->closed,
        "closed_asked", (json_int_t)p->closed_asked, "expired", (json_int_t)p->expired, "delisted",
        (json_int_t)p->delisted, "appeals", (json_int_t)p->appeals);

    if (!all || !view_json_time(all, "since", from) ||
        json_object_set_new(all, "stale_permille",
                            json_integer(list_permille(p->closed, p->closed + p->renewed))) < 0 ||
        json_object_set_new(all, "appeals_permille",
                            json_integer(list_permille(p->appeals, p->admitted))) < 0 ||
        json_object_set_new(doc, "precision", all) < 0 ||
        !view_json_number(doc, "records", chain->records) ||
        json_object_set_new(doc, "head", json_string(head)) < 0)
        return -ENOMEM;
    report_lines(&c->g->out, doc);
    return 0;
}

static int stats(struct ledger *g, const struct args *args)
{
    int64_t from = g->now_wall - args->since / 1000;
    json_t *doc = args->common.json ? json_pack("{s:s, s:[]}", "type", "stats", "listings") : NULL;
    struct counting c = {.g = g, .list = doc ? json_object_get(doc, "listings") : NULL};
    char head[2 * STORE_HASH + 1];
    struct store_chain chain;
    int rc;

    if (!doc)
        buf_add_str(&g->out, "Listings\n");
    rc = store_listing_counts(g->store, count_listing, &c);
    if (rc == 0)
        rc = store_record_counts(g->store, from, count_record, &c);
    if (rc == 0)
        rc = store_records_check(g->store, &chain);
    if (rc == 0) {
        hex(chain.head, sizeof(chain.head), head);
        if (doc)
            rc = say_json(&c, doc, &chain, head, from);
        else
            say_text(&c, &chain, head);
    }
    json_decref(doc);
    if (rc < 0)
        return ledger_store_error(g, rc);
    return chain.broken
               ? ledger_say(g, EX_DATAERR, "record %" PRId64 " is not what it was", chain.broken)
               : 0;
}

int verb_stats(int argc, char **argv)
{
    struct args args = {.common = LIST_ARGS_INIT, .since = DAYS * INT64_C(86400000)};
    struct list_call call = {.options = &options, .args = &args, .common = &args.common};
    struct ledger g;
    int first, status;

    if (!list_call_start(&call, argc, argv, &first, &status))
        return status;
    if (first < argc)
        return list_call_end(&call, options_misuse(&options, "takes no operand"));
    status = ledger_open(&g, &call, LEDGER_LOOK);
    if (status == 0)
        status = stats(&g, &args);
    return list_call_end(&call, ledger_close(&g, status));
}
