/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sink has verified each token's MAC before it kept the proof; what is checked here is that the
 * token belongs to an envelope that a run of ours sent to that very address. Proofs are grouped by
 * run and host, so that a hundred tokens of one run are one record and not a hundred.
 *
 * The place in the proofs is written after each batch. A kill before that makes the batch come
 * again; a proof that a listing has already is passed over, so nothing is counted twice.
 */
#include "cmd/list/collect.h"

#include "base/num.h"
#include "cmd/common/load.h"
#include "cmd/list/sent.h"
#include "cmd/list/zones.h"
#include "probe/token.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH = 1000,
    SAME_DIGEST_MAX = 8, /* hosts whose addresses have one digest: two are a marvel */
    OUTPUTS_MAX = 32,    /* of one host in one batch */
    NAMED_MAX = 3,       /* probes that a record names */
    ID_MAX = 300,
};

struct item {
    int64_t id, wall;
    struct store_token token;
    struct ip peer;
    enum store_source source;
    char
        *role; /* owned: it came to this address of ours, and the token only stood in it; or NULL */
    bool done;
};

struct batch {
    struct item v[BATCH];
    size_t count;
};

struct judged {
    struct ledger *g;
    struct list_proof *v;
    char **families;
    size_t count, cap;
    bool output;
    struct ip ip;
};

/* --- reading --------------------------------------------------------------------------------- */

/* A sink saw the envelope: such a token was not the recipient. */
static bool by_text(const struct store_proof *p)
{
    return p->scope == STORE_SCOPE_TRANSACTION &&
           (p->source == STORE_SOURCE_SINK || p->source == STORE_SOURCE_EMBEDDED);
}

static bool counts(const struct store_proof *p)
{
    if (p->what != STORE_WHAT_ARRIVAL)
        return false;
    return p->token.kind == TOKEN_RECIPIENT ||
           p->token.kind == (by_text(p) ? TOKEN_SENDER : TOKEN_INNER);
}

static int keep(void *ctx, const struct store_proof *p)
{
    struct batch *b = ctx;
    char *role = counts(p) && by_text(p) ? span_dup(p->rcpt) : NULL;

    if (!role && counts(p) && by_text(p))
        return -ENOMEM;
    b->v[b->count++] = (struct item){
        .id = p->id,
        .wall = p->received_wall_ms / 1000,
        .token = p->token,
        .peer = p->peer,
        .source = p->source,
        .role = role,
        .done = !counts(p),
    };
    return b->count == BATCH;
}

static void batch_clear(struct batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        free(b->v[i].role);
    b->count = 0;
}

struct envelope {
    struct ip address;
    bool found;
    int64_t target;
    char probe[ID_MAX];
};

static int keep_sent(void *ctx, const struct store_probe *p)
{
    struct envelope *s = ctx;

    if (!ip_eq(p->address, s->address))
        return 0;
    s->found = true;
    s->target = p->target;
    span_copy(p->probe, s->probe, sizeof(s->probe));
    return 1;
}

/* Of a token that only stood in a message to a role: the envelope that went there, if any. */
static int as_role(struct ledger *g, const struct item *i, struct envelope *sent)
{
    struct sent_role role = {.target = sent->target,
                             .address = sent->address,
                             .rcpt = span_str(i->role),
                             .probe = sent->probe,
                             .room = sizeof(sent->probe)};

    return sent_to_role(g, &role, &sent->found);
}

struct family_of {
    const char *probe;
    char *family;
};

static int find_family(void *ctx, json_t *doc)
{
    struct family_of *f = ctx;
    const char *type = json_string_value(json_object_get(doc, "type"));
    const char *probe = json_string_value(json_object_get(doc, "probe"));
    const char *family = json_string_value(json_object_get(doc, "probe_family"));

    if (!type || strcmp(type, "probe") != 0 || !probe || strcmp(probe, f->probe) != 0 || !family)
        return 0;
    f->family = span_dup(span_str(family));
    return f->family ? 1 : -ENOMEM;
}

/* "" for a target whose result is not there yet. The caller frees it; NULL when out of memory. */
static char *family_of(struct ledger *g, const struct envelope *s)
{
    struct family_of f = {.probe = s->probe};
    struct load_faults faults = {0};
    int rc = load_each(g->store, s->target, find_family, &f, &faults);

    if (rc < 0 && rc != -ENOMEM)
        rc = 0;
    return f.family || rc < 0 ? f.family : span_dup(SPAN_LIT(""));
}

/* Who brought it: not where that is our own mail server in front of the sink. */
static struct ip output_of(struct ledger *g, const struct item *i)
{
    struct ip_prefix net;

    if ((i->source != STORE_SOURCE_SINK && i->source != STORE_SOURCE_EMBEDDED) ||
        i->peer.family == IP_NONE ||
        list_guard_ask(&g->guard, i->peer, g->now_wall, &net) == LIST_GUARD_OWN)
        return (struct ip){0};
    return i->peer;
}

/* --- judging --------------------------------------------------------------------------------- */

/* A run has one beginning with a host, whichever of its proofs is asked. */
static int began(const struct judged *j, const struct store_listing_proof *p, int64_t target,
                 int64_t *ret)
{
    for (size_t i = 0; i < j->count; i++)
        if (j->v[i].run == p->run && ip_eq(j->v[i].input, p->input)) {
            *ret = j->v[i].began_wall_ms;
            return 0;
        }
    return sent_began(j->g, target, ret);
}

static int judge_add(void *ctx, const struct store_listing_proof *p)
{
    struct judged *j = ctx;
    size_t cap = j->cap;
    char *text = span_dup(p->family);
    struct sent sent;
    int64_t at = 0;
    int rc = text ? 0 : -ENOMEM;

    if (rc == 0 && (array_grow(&j->v, &j->cap, sizeof(*j->v), j->count + 1) < 0 ||
                    array_grow(&j->families, &cap, sizeof(*j->families), j->count + 1) < 0))
        rc = -ENOMEM;
    if (rc == 0)
        rc = sent_of_proof(j->g, p->proof, p->input, &sent);
    if (rc == 0)
        rc = began(j, p, sent.target, &at);
    if (rc < 0) {
        free(text);
        return rc;
    }
    j->families[j->count] = text;
    j->v[j->count++] = (struct list_proof){
        .run = p->run,
        .input = p->input,
        .output = p->output,
        .family = span_str(text),
        .began_wall_ms = at,
        .arrived_wall_ms = sent.arrived_wall_ms ? sent.arrived_wall_ms : p->wall * 1000,
    };
    return 0;
}

static void judge_free(struct judged *j)
{
    for (size_t i = 0; i < j->count; i++)
        free(j->families[i]);
    free(j->families);
    free(j->v);
}

static struct list_judgement judge_end(const struct judged *j)
{
    return j->output ? list_judge_output(&j->g->classes, j->v, j->count, j->ip)
                     : list_judge_host(&j->g->classes, j->v, j->count);
}

int collect_judge(struct ledger *g, const struct store_listing *l, struct list_judgement *ret)
{
    struct judged j = {.g = g, .output = l->side == STORE_SIDE_OUTPUT, .ip = l->address};
    int rc = store_listing_proofs_each(g->store, l->id, l->fresh_wall, judge_add, &j);

    *ret = judge_end(&j);
    judge_free(&j);
    return rc;
}

/* --- a group: one run, one host -------------------------------------------------------------- */

struct group {
    struct ledger *g;
    struct collected *sum;
    uint32_t run;
    struct store_listing_proof *proofs; /* of the listing that is in hand */
    char **texts;                       /* their probes and families, two each */
    size_t count;
    int64_t known[BATCH]; /* proofs that the listing has already */
    size_t known_count;
};

static int keep_known(void *ctx, const struct store_listing_proof *p)
{
    struct group *group = ctx;

    if (p->run == group->run && group->known_count < BATCH)
        group->known[group->known_count++] = p->proof;
    return 0;
}

static bool is_known(const struct group *group, int64_t proof)
{
    for (size_t i = 0; i < group->known_count; i++)
        if (group->known[i] == proof)
            return true;
    return false;
}

static int group_known(struct group *group, int64_t listing)
{
    group->known_count = 0;
    return listing ? store_listing_proofs_each(group->g->store, listing, 0, keep_known, group) : 0;
}

static int group_add(struct group *group, const struct store_listing *l, const struct item *i)
{
    struct envelope sent = {.address = l->address};
    int rc = 0;

    /* What is older than a listing may be says nothing of today. */
    if (i->wall + ledger_expire_after(group->g) > group->g->now_wall)
        rc = store_probes_of_token(group->g->store, &i->token, keep_sent, &sent);
    if (rc >= 0 && sent.found && i->role)
        rc = as_role(group->g, i, &sent);
    if (rc < 0 || !sent.found)
        return rc < 0 ? rc : 0;
    group->texts[2 * group->count] = span_dup(span_str(sent.probe));
    group->texts[2 * group->count + 1] = family_of(group->g, &sent);
    if (!group->texts[2 * group->count] || !group->texts[2 * group->count + 1]) {
        free(group->texts[2 * group->count]);
        free(group->texts[2 * group->count + 1]);
        return -ENOMEM;
    }
    group->proofs[group->count] = (struct store_listing_proof){
        .proof = i->id,
        .run = group->run,
        .wall = i->wall,
        .input = l->address,
        .output = output_of(group->g, i),
        .probe = span_str(group->texts[2 * group->count]),
        .family = span_str(group->texts[2 * group->count + 1]),
    };
    group->count++;
    return 0;
}

static void group_clear(struct group *group)
{
    for (size_t i = 0; i < 2 * group->count; i++)
        free(group->texts[i]);
    group->count = 0;
}

static void name_probes(const struct group *group, char *text, size_t cap)
{
    size_t at = 0;

    *text = '\0';
    for (size_t i = 0; i < group->count && i < NAMED_MAX && at < cap; i++)
        at += (size_t)snprintf(text + at, cap - at, "%s%s", i ? ", " : "", group->texts[2 * i]);
    if (group->count > NAMED_MAX && at < cap)
        snprintf(text + at, cap - at, ", ...");
}

static void count_listed(struct collected *sum, bool served_before, enum list_state now)
{
    if (list_state_served(now))
        *(served_before ? &sum->renewed : &sum->listed) += 1;
    else if (now == LIST_CONFIRMED)
        sum->held++;
}

/* The proofs of group->proofs, to a listing that is open in t. */
static int prove(struct group *group, struct entry *t, const struct store_listing_proof *proofs,
                 size_t count, const char *how)
{
    struct ledger *g = group->g;
    struct judged j = {.g = g, .output = t->l.side == STORE_SIDE_OUTPUT, .ip = t->l.address};
    int64_t last = 0;
    int rc = 0;

    if (t->l.id)
        rc = store_listing_proofs_each(g->store, t->l.id, t->l.fresh_wall, judge_add, &j);
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = judge_add(&j, &proofs[i]);
        last = proofs[i].wall > last ? proofs[i].wall : last;
    }
    /* The sink's clock may have been ahead: no listing lives longer for that. */
    last = last < g->now_wall ? last : g->now_wall;
    if (rc == 0 && last + ledger_expire_after(g) > t->l.expires_wall)
        t->l.expires_wall = last + ledger_expire_after(g);
    if (rc == 0 && entry_step(g, t, LIST_PROVE, "tester", group->run, "%s", how)) {
        entry_admit(g, t, judge_end(&j), group->run, NULL);
        count_listed(group->sum, t->served_before, entry_state(t));
        rc = entry_commit(g, t, NULL, proofs, count);
    }
    judge_free(&j);
    return rc;
}

static int output(struct group *group, struct ip input, struct ip ip)
{
    struct store_listing_proof *proofs = calloc(group->count, sizeof(*proofs));
    char how[200], text[IP_TEXT_MAX];
    struct ip_prefix net;
    struct entry t = {0};
    size_t count = 0;
    int rc = proofs ? 0 : -ENOMEM;

    if (rc == 0 &&
        list_guard_ask(&group->g->guard, ip, group->g->now_wall, &net) > LIST_GUARD_PERSON)
        goto out;
    if (rc == 0)
        rc = entry_open(group->g, ip, STORE_SIDE_OUTPUT, &t);
    if (rc == 0)
        rc = group_known(group, t.l.id);
    for (size_t i = 0; i < group->count && rc == 0; i++)
        if (ip_eq(group->proofs[i].output, ip) && !is_known(group, group->proofs[i].proof) &&
            group->proofs[i].wall >= t.l.fresh_wall - (t.l.id ? 0 : LIST_DAY))
            proofs[count++] = group->proofs[i];
    if (rc == 0 && count) {
        /* A new output's life begins with the proofs that made it. */
        if (!t.l.id)
            t.l.fresh_wall = proofs[0].wall;
        snprintf(how, sizeof(how), "brought %zu token%s back that %s was given", count,
                 count == 1 ? "" : "s", ip_text(input, text));
        rc = prove(group, &t, proofs, count, how);
    }
out:
    entry_close(&t);
    free(proofs);
    return rc;
}

static int outputs(struct group *group, struct ip input)
{
    struct ip seen[OUTPUTS_MAX];
    size_t count = 0;
    int rc = 0;

    for (size_t i = 0; i < group->count && rc == 0 && count < OUTPUTS_MAX; i++) {
        struct ip ip = group->proofs[i].output;
        bool again = ip.family == IP_NONE || ip_eq(ip, input);

        for (size_t k = 0; k < count && !again; k++)
            again = ip_eq(seen[k], ip);
        if (again)
            continue;
        seen[count++] = ip;
        rc = output(group, input, ip);
    }
    return rc;
}

static int host(struct group *group, struct entry *t, const struct batch *b, size_t first)
{
    char names[4 * ID_MAX], how[4 * ID_MAX + 80];
    size_t fresh = 0;
    int rc = group_known(group, t->l.id);

    for (size_t i = first; i < b->count && rc == 0; i++)
        if (!b->v[i].done && b->v[i].token.run == group->run &&
            memcmp(b->v[i].token.target, b->v[first].token.target, STORE_DIGEST) == 0)
            rc = group_add(group, &t->l, &b->v[i]);
    /* What the listing knows stays in the group for its outputs, behind what is new. */
    for (size_t i = 0; i < group->count; i++) {
        struct store_listing_proof p = group->proofs[i];
        char *probe = group->texts[2 * i], *family = group->texts[2 * i + 1];

        if (is_known(group, p.proof))
            continue;
        group->proofs[i] = group->proofs[fresh];
        group->texts[2 * i] = group->texts[2 * fresh];
        group->texts[2 * i + 1] = group->texts[2 * fresh + 1];
        group->proofs[fresh] = p;
        group->texts[2 * fresh] = probe;
        group->texts[2 * fresh + 1] = family;
        fresh++;
    }
    group->sum->proofs += fresh;
    name_probes(group, names, sizeof(names));
    snprintf(how, sizeof(how), "%zu token%s arrived: %s", fresh, fresh == 1 ? "" : "s", names);
    if (rc == 0 && fresh)
        rc = prove(group, t, group->proofs, fresh, how);
    if (rc == 0 && group->count)
        rc = outputs(group, t->l.address);
    return rc;
}

struct same {
    int64_t ids[SAME_DIGEST_MAX];
    size_t count;
};

static int keep_same(void *ctx, const struct store_listing *l)
{
    struct same *s = ctx;

    if (s->count < SAME_DIGEST_MAX)
        s->ids[s->count++] = l->id;
    return 0;
}

static int take_group(struct group *group, struct batch *b, size_t first)
{
    const struct store_token token = b->v[first].token;
    struct same same = {0};
    struct store_run run;
    int rc = store_listings_of_token(group->g->store, token.target, keep_same, &same);
    int64_t started = 0;

    group->run = token.run;
    if (rc == 0 && same.count) {
        rc = store_run_get(group->g->store, token.run, &run);
        started = rc == STORE_OK ? run.started_wall : -1;
    }
    for (size_t i = 0; i < same.count && rc >= 0 && started >= 0; i++) {
        struct entry t;

        rc = entry_open_id(group->g, same.ids[i], &t);
        /* A run of before says what was then. */
        if (rc == 0 && started >= t.l.fresh_wall)
            rc = host(group, &t, b, first);
        entry_close(&t);
        group_clear(group);
    }
    for (size_t i = first; i < b->count; i++)
        if (b->v[i].token.run == token.run &&
            memcmp(b->v[i].token.target, token.target, STORE_DIGEST) == 0)
            b->v[i].done = true;
    return rc < 0 ? rc : 0;
}

/* --- all of it ------------------------------------------------------------------------------- */

static int place_get(struct ledger *g, int64_t *ret)
{
    struct buf value = BUF_INIT(64);
    uint64_t n = 0;
    int rc = store_value_get(g->store, SPAN_LIT("proofs"), &value);

    if (rc == STORE_OK)
        num_u64(buf_span(&value), 0, INT64_MAX, &n);
    *ret = (int64_t)n;
    buf_deinit(&value);
    return rc < 0 ? rc : 0;
}

static int place_set(struct ledger *g, int64_t place)
{
    char text[32];

    snprintf(text, sizeof(text), "%" PRId64, place);
    return store_value_set(g->store, SPAN_LIT("proofs"), span_str(text), NULL);
}

static int take(struct ledger *g, const uint32_t *run, struct collected *ret)
{
    struct group group = {.g = g, .sum = ret};
    struct batch *b = calloc(1, sizeof(*b));
    int64_t after = 0;
    int rc;

    group.proofs = calloc(BATCH, sizeof(*group.proofs));
    group.texts = calloc(2 * BATCH, sizeof(*group.texts));
    rc = b && group.proofs && group.texts ? 0 : -ENOMEM;
    if (rc == 0 && !run)
        rc = place_get(g, &after);
    while (rc == 0) {
        batch_clear(b);
        rc = store_proofs_since(g->store, run, after, keep, b);
        for (size_t i = 0; i < b->count && rc >= 0; i++)
            if (!b->v[i].done)
                rc = take_group(&group, b, i);
        if (rc < 0 || b->count == 0)
            break;
        after = b->v[b->count - 1].id;
        rc = run ? 0 : place_set(g, after);
    }
    free(group.proofs);
    free(group.texts);
    if (b)
        batch_clear(b);
    free(b);
    return rc;
}

int collect(struct ledger *g, struct collected *ret)
{
    int rc;

    *ret = (struct collected){0};
    rc = take(g, NULL, ret);
    return rc < 0 ? ledger_store_error(g, rc) : zones_follow(g);
}

int collect_run(struct ledger *g, uint32_t run, struct collected *ret)
{
    int rc;

    *ret = (struct collected){0};
    rc = take(g, &run, ret);
    return rc < 0 ? ledger_store_error(g, rc) : zones_follow(g);
}
