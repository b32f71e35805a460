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

static int keep(void *ctx, const struct store_listing *l)
{
    struct ids *ids = ctx;

    ids->v[ids->count++] = l->id;
    return ids->count == AT_ONCE;
}

static int one(struct ledger *g, int64_t id)
{
    struct entry e;
    int rc = entry_open_id(g, id, &e);

    if (rc == 0) {
        /* A state without an end has none: then only the number was left over. */
        if (!entry_step(g, &e, LIST_EXPIRE, "rules", 0, "not proved again in time"))
            e.l.expires_wall = 0;
        rc = entry_commit(g, &e, NULL, NULL, 0);
    }
    entry_close(&e);
    return rc;
}

static int all(struct ledger *g, uint64_t *ret_count)
{
    struct ids ids;
    int rc;

    do {
        ids.count = 0;
        rc = store_listings_over(g->store, g->now_wall, AT_ONCE, keep, &ids);
        for (size_t i = 0; i < ids.count && rc >= 0; i++)
            rc = one(g, ids.v[i]);
        *ret_count += ids.count;
    } while (rc >= 0 && ids.count == AT_ONCE);
    return rc < 0 ? rc : 0;
}

/* --- what a guard covers now ----------------------------------------------------------------- */

struct guarding {
    const struct ledger *g;
    struct ids ids;
};

static int keep_covered(void *ctx, const struct store_listing *l)
{
    struct guarding *c = ctx;
    struct ip_prefix net;

    if (list_guard_ask(&c->g->guard, l->address, c->g->now_wall, &net) > LIST_GUARD_PERSON)
        c->ids.v[c->ids.count++] = l->id;
    return c->ids.count == AT_ONCE;
}

/* A line was added to a file of the guard: what was listed before steps aside, too. */
static int covered(struct ledger *g)
{
    static const struct store_listing_filter served = {
        .states = 1U << LIST_PROVISIONAL | 1U << LIST_LISTED,
        .side = -1,
    };
    struct guarding c = {.g = g};
    struct ip_prefix net;
    int rc;

    do {
        c.ids.count = 0;
        rc = store_listings_each(g->store, &served, keep_covered, &c);
        for (size_t i = 0; i < c.ids.count && rc >= 0; i++) {
            struct entry e;

            rc = entry_open_id(g, c.ids.v[i], &e);
            if (rc == 0 && entry_step(g, &e, LIST_EXCUSE, "guard", 0, "%s %s", e.subject,
                                      list_guard_why(list_guard_ask(&g->guard, e.l.address,
                                                                    g->now_wall, &net))))
                rc = entry_commit(g, &e, NULL, NULL, 0);
            entry_close(&e);
        }
    } while (rc >= 0 && c.ids.count == AT_ONCE);
    return rc < 0 ? rc : 0;
}

/* --- exemptions that are over ---------------------------------------------------------------- */

/* What is still covered is passed over, or it would stand before the rest for ever. */
static int keep_returned(void *ctx, const struct store_listing *l)
{
    struct guarding *c = ctx;
    struct ip_prefix net;

    if (list_guard_ask(&c->g->guard, l->address, c->g->now_wall, &net) <= LIST_GUARD_PERSON)
        c->ids.v[c->ids.count++] = l->id;
    return c->ids.count == AT_ONCE;
}

static int returned(struct ledger *g)
{
    static const struct store_listing_filter exempt = {.states = 1U << LIST_EXEMPT, .side = -1};
    struct guarding c = {.g = g};
    int rc;

    do {
        c.ids.count = 0;
        rc = store_listings_each(g->store, &exempt, keep_returned, &c);
        for (size_t i = 0; i < c.ids.count && rc >= 0; i++) {
            struct entry e;

            rc = entry_open_id(g, c.ids.v[i], &e);
            if (rc == 0 &&
                entry_step(g, &e, LIST_RETURN, "rules", 0, "no exemption covers it any more"))
                rc = entry_commit(g, &e, NULL, NULL, 0);
            entry_close(&e);
        }
    } while (rc >= 0 && c.ids.count == AT_ONCE);
    return rc < 0 ? rc : 0;
}

int expire_over(struct ledger *g, uint64_t *ret_count)
{
    uint64_t count = 0;
    int rc = all(g, &count);

    if (rc == 0)
        rc = covered(g);
    if (rc == 0)
        rc = returned(g);
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
