/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern list expire: for a timer. `test` does it too; a list that is not tested any more must
 * still come to its end. What the guard covers by now leaves with it, and what it no longer covers
 * may be nominated again.
 */
#include "cmd/list/expire.h"

#include "cmd/list/zones.h"

#include <errno.h>
#include <inttypes.h>
#include <sysexits.h>

enum { AT_ONCE = 1000 };

struct args {
    struct list_args common;
};

static const struct option_row rows[] = {
    LIST_OPTION_ROWS(struct args, common),
    {0},
};

static const struct options options = {
    .program = "postern list expire",
    .about = "Takes out the listings whose time is over.",
    .usage = "[OPTION]...",
    .text = "Exit status: 0, 64 misuse, 75 try again.",
    .rows = rows,
};

struct ids {
    int64_t v[AT_ONCE];
    size_t count;
};

/* What is looked for, some at a time, and what becomes of each. */
struct sweep {
    int (*gather)(struct ledger *g, struct ids *ids);
    bool (*change)(struct ledger *g, struct entry *e); /* false: nothing to write */
};

static int sweep_one(struct ledger *g, const struct sweep *s, int64_t id)
{
    struct entry e;
    int rc = entry_open_id(g, id, &e);

    if (rc == 0 && s->change(g, &e))
        rc = entry_commit(g, &e, NULL, NULL, 0);
    entry_close(&e);
    return rc;
}

static int sweep(struct ledger *g, const struct sweep *s, uint64_t *ret_count)
{
    struct ids ids;
    int rc;

    do {
        ids.count = 0;
        rc = s->gather(g, &ids);
        for (size_t i = 0; i < ids.count && rc >= 0; i++)
            rc = sweep_one(g, s, ids.v[i]);
        *ret_count += ids.count;
    } while (rc >= 0 && ids.count == AT_ONCE);
    return rc < 0 ? rc : 0;
}

/* --- what is over ---------------------------------------------------------------------------- */

static int keep(void *ctx, const struct store_listing *l)
{
    struct ids *ids = ctx;

    ids->v[ids->count++] = l->id;
    return ids->count == AT_ONCE;
}

static int gather_over(struct ledger *g, struct ids *ids)
{
    return store_listings_over(g->store, g->now_wall, AT_ONCE, keep, ids);
}

static bool expire(struct ledger *g, struct entry *e)
{
    /* A state without an end has none: then only the number was left over. */
    if (!entry_step(g, e, LIST_EXPIRE, "rules", 0, "not proved again in time"))
        e->l.expires_wall = 0;
    return true;
}

/* --- what a guard covers now, and what it no longer covers ----------------------------------- */

struct guarding {
    const struct ledger *g;
    struct ids *ids;
    bool covered; /* which of the two */
};

/* What is not looked for is passed over, or it would stand before the rest for ever. */
static int keep_guarded(void *ctx, const struct store_listing *l)
{
    struct guarding *c = ctx;
    struct ip_prefix net;
    bool covered =
        list_guard_ask(&c->g->guard, l->address, c->g->now_wall, &net) > LIST_GUARD_PERSON;

    return covered == c->covered ? keep(c->ids, l) : 0;
}

static int gather_covered(struct ledger *g, struct ids *ids)
{
    static const struct store_listing_filter served = {
        .states = 1U << LIST_PROVISIONAL | 1U << LIST_LISTED,
        .side = -1,
    };
    struct guarding c = {g, ids, true};

    return store_listings_each(g->store, &served, keep_guarded, &c);
}

/* A line was added to a file of the guard: what was listed before steps aside, too. */
static bool excuse(struct ledger *g, struct entry *e)
{
    struct ip_prefix net;
    const char *why = list_guard_why(list_guard_ask(&g->guard, e->l.address, g->now_wall, &net));

    return entry_step(g, e, LIST_EXCUSE, "guard", 0, "%s %s", e->subject, why);
}

static int gather_returned(struct ledger *g, struct ids *ids)
{
    static const struct store_listing_filter exempt = {.states = 1U << LIST_EXEMPT, .side = -1};
    struct guarding c = {g, ids, false};

    return store_listings_each(g->store, &exempt, keep_guarded, &c);
}

static bool let_return(struct ledger *g, struct entry *e)
{
    return entry_step(g, e, LIST_RETURN, "rules", 0, "no exemption covers it any more");
}

int expire_over(struct ledger *g, uint64_t *ret_count)
{
    static const struct sweep over = {gather_over, expire};
    static const struct sweep guarded[] = {{gather_covered, excuse}, {gather_returned, let_return}};
    uint64_t count = 0, others = 0;
    int rc = sweep(g, &over, &count);

    for (size_t i = 0; i < sizeof(guarded) / sizeof(guarded[0]) && rc == 0; i++)
        rc = sweep(g, &guarded[i], &others);
    if (ret_count)
        *ret_count = count;
    if (rc < 0)
        return ledger_store_error(g, rc);
    rc = zones_follow(g);
    return rc == 0 ? zones_refresh(g) : rc;
}

int verb_expire(int argc, char **argv)
{
    struct args args = {.common = LIST_ARGS_INIT};
    struct list_call call = {.options = &options, .args = &args, .common = &args.common};
    uint64_t count = 0;
    struct ledger g;
    int first, status;

    if (!list_call_start(&call, argc, argv, &first, &status))
        return status;
    if (first < argc)
        return list_call_end(&call, options_misuse(&options, "takes no operand; see delist"));
    status = ledger_open(&g, &call, LEDGER_CHANGE);
    if (status == 0)
        status = expire_over(&g, &count);
    if (status == 0)
        buf_addf(&g.out,
                 args.common.json ? "{\"type\":\"expired\",\"count\":%" PRIu64 "}\n"
                                  : "%" PRIu64 " expired\n",
                 count);
    return list_call_end(&call, ledger_close(&g, status));
}
