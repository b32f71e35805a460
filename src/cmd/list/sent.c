/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A listing keeps of each proof what is shown: probe, run, addresses. What a new test must know
 * besides stands with the probe itself, and is looked up there: the token leads to it. A store from
 * which the run was taken knows no more, which is no error.
 */
#include "cmd/list/sent.h"

struct looking {
    struct ip address;
    struct sent *to;
};

static int on_probe(void *ctx, const struct store_probe *p)
{
    struct looking *l = ctx;

    if (!ip_eq(p->address, l->address))
        return 0;
    l->to->found = true;
    l->to->port = p->port;
    l->to->tls = p->tls.n && !span_eq(p->tls, SPAN_LIT("none"));
    l->to->target = p->target;
    return 1;
}

int sent_of_proof(struct ledger *g, int64_t proof, struct ip address, struct sent *ret)
{
    struct looking looking = {address, ret};
    struct store_token token;
    struct store_proof p;
    int rc;

    *ret = (struct sent){0};
    rc = store_proof_get(g->store, proof, &p);
    if (rc != STORE_OK)
        return rc < 0 ? rc : 0;
    ret->arrived_wall_ms = p.received_wall_ms;
    token = p.token;
    rc = store_probes_of_token(g->store, &token, on_probe, &looking);
    return rc < 0 ? rc : 0;
}

static int on_session(void *ctx, const struct store_transcript *t)
{
    *(int64_t *)ctx = t->started_wall_ms;
    return 1;
}

int sent_began(struct ledger *g, int64_t target, int64_t *ret_wall_ms)
{
    struct store_target t;
    int rc;

    *ret_wall_ms = 0;
    if (!target)
        return 0;
    rc = store_transcripts_each(g->store, target, on_session, ret_wall_ms);
    if (rc < 0 || *ret_wall_ms)
        return rc < 0 ? rc : 0;
    /* Without a transcript only the second is known. */
    rc = store_target_get(g->store, target, &t);
    if (rc == STORE_OK)
        *ret_wall_ms = t.started_wall * 1000;
    return rc < 0 ? rc : 0;
}

struct role {
    const struct sent_role *r;
    bool found;
};

static struct span bare(struct span path)
{
    bool has = path.n >= 2 && path.p[0] == '<' && path.p[path.n - 1] == '>';

    return has ? span_slice(path, 1, path.n - 1) : path;
}

static int on_role(void *ctx, const struct store_probe *p)
{
    struct role *role = ctx;

    if (!ip_eq(p->address, role->r->address) ||
        (p->state != STORE_PROBE_ACCEPTED && p->state != STORE_PROBE_PROVED) ||
        !span_eq_nocase(bare(p->rcpt), bare(role->r->rcpt)))
        return 0;
    role->found = true;
    span_copy(p->probe, role->r->probe, role->r->room);
    return 1;
}

int sent_to_role(struct ledger *g, const struct sent_role *r, bool *ret)
{
    struct role role = {.r = r};
    int rc = store_probes_each(g->store, r->target, on_role, &role);

    *ret = role.found;
    return rc < 0 ? rc : 0;
}
