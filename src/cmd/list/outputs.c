/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Outputs that lead nowhere any more. An output is on the list because an open host led to it; it
 * is not tested itself, so nothing but the fate of its inputs can take it out before its time. When
 * a host is found closed, each output behind it is looked at: one served input keeps it.
 */
#include "cmd/list/collect.h"

enum { OUTPUTS_MAX = 32 }; /* addresses on either side of one listing that are looked at */

struct ends {
    struct ip v[OUTPUTS_MAX];
    size_t count;
    struct ip except;
};

static void ends_add(struct ends *e, struct ip ip)
{
    for (size_t i = 0; i < e->count; i++)
        if (ip_eq(e->v[i], ip))
            return;
    if (e->count < OUTPUTS_MAX && ip.family != IP_NONE && !ip_eq(ip, e->except))
        e->v[e->count++] = ip;
}

static int keep_output(void *ctx, const struct store_listing_proof *p)
{
    ends_add(ctx, p->output);
    return 0;
}

static int keep_input(void *ctx, const struct store_listing_proof *p)
{
    ends_add(ctx, p->input);
    return 0;
}

static int any_open(struct ledger *g, const struct ends *inputs, bool *ret)
{
    int rc = 0;

    *ret = false;
    for (size_t i = 0; i < inputs->count && rc >= 0 && !*ret; i++) {
        struct store_listing l;

        rc = store_listing_get(g->store, inputs->v[i], STORE_SIDE_HOST, &l);
        *ret = rc == STORE_OK && list_state_served((enum list_state)l.state);
    }
    return rc < 0 ? rc : 0;
}

static int output_gone(struct ledger *g, struct ip ip, struct ip input, uint32_t run)
{
    struct ends inputs = {.except = input};
    char text[IP_TEXT_MAX];
    bool open = false;
    struct entry t;
    int rc = entry_open(g, ip, STORE_SIDE_OUTPUT, &t);

    if (rc == 0 && t.l.id)
        rc = store_listing_proofs_each(g->store, t.l.id, t.l.fresh_wall, keep_input, &inputs);
    if (rc == 0)
        rc = any_open(g, &inputs, &open);
    if (rc == 0 && !open &&
        entry_step(g, &t, LIST_CLOSE, "rules", run, "%s, which led here, is closed",
                   ip_text(input, text)))
        rc = entry_commit(g, &t, NULL, NULL, 0);
    entry_close(&t);
    return rc;
}

int collect_outputs_gone(struct ledger *g, int64_t listing, uint32_t run)
{
    struct store_listing l;
    struct ends ends = {0};
    int rc = store_listing_by_id(g->store, listing, &l);

    if (rc == STORE_OK) {
        struct ip input = l.address;

        ends.except = input;
        rc = store_listing_proofs_each(g->store, listing, 0, keep_output, &ends);
        for (size_t i = 0; i < ends.count && rc == 0; i++)
            rc = output_gone(g, ends.v[i], input, run);
    }
    return rc < 0 ? rc : 0;
}
