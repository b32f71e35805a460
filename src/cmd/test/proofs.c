/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What came back, from whichever source, ends here: the token names run, address and probe, and the
 * door learns that its envelope arrived. Another process (a sink, `postern prove`) may write proofs
 * into the store at any time, so the store is asked twice a second.
 */
#include "cmd/test/test.h"

#include "cmd/test/way.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 500, ARRIVALS_MAX = 4000 };

struct place {
    struct target *target;
    size_t host, door, probe;
};

static bool host_has(const struct host *h, const struct store_token *token, struct place *ret)
{
    uint8_t digest[TOKEN_TARGET];

    token_target(h->info.ip, digest);
    if (memcmp(digest, token->target, sizeof(digest)) != 0 || token->serial > UINT16_MAX)
        return false;
    for (size_t d = 0; d < h->door_count; d++) {
        if (door_serial(&h->doors[d], (uint16_t)token->serial, &ret->probe)) {
            ret->door = d;
            return true;
        }
    }
    return false;
}

static bool find(struct test *t, const struct store_token *token, struct place *ret)
{
    for (struct target *target = t->active; target; target = target->next) {
        for (size_t h = 0; h < target->host_count && target->phase != TARGET_DONE; h++) {
            if (host_has(target->hosts[h], token, ret)) {
                ret->target = target;
                ret->host = h;
                return true;
            }
        }
    }
    return false;
}

static bool known(const struct place *at, bool bounce)
{
    for (size_t i = 0; i < at->target->arrival_count; i++) {
        const struct returned *a = &at->target->arrivals[i];

        if (a->host == at->host && a->door == at->door && a->probe == at->probe &&
            a->bounce == bounce)
            return true;
    }
    return false;
}

static void enter(const struct place *at, const struct store_proof *proof, bool bounce)
{
    struct target *target = at->target;
    struct host *h = target->hosts[at->host];
    const struct result *r = &h->doors[at->door].results[at->probe];
    int64_t sent = r->sent_at + target->test->run_full.wall_offset;
    struct returned *a;

    if (known(at, bounce) || target->arrival_count == ARRIVALS_MAX ||
        array_grow(&target->arrivals, &target->arrival_cap, sizeof(*a), target->arrival_count + 1) <
            0)
        return;
    a = &target->arrivals[target->arrival_count++];
    *a = (struct returned){.host = at->host,
                           .door = at->door,
                           .probe = at->probe,
                           .at_wall_ms = proof->received_wall_ms,
                           .output = proof->peer,
                           .bounce = bounce};
    a->delay_ms = proof->received_wall_ms > sent ? proof->received_wall_ms - sent : 0;
    a->json = way_json(proof, h->info.ip, a->delay_ms, &a->seen);
    if (!bounce && a->delay_ms > target->slowest_ms)
        target->slowest_ms = a->delay_ms;
}

/*
 * A bounce comes to the sender's token, which many probes share; the one that it quotes is not
 * always to be read, so every envelope of that sender that is still unaccounted for counts.
 */
static void bounced(const struct place *at, const struct store_proof *proof, bool by_sender)
{
    struct door *d = &at->target->hosts[at->host]->doors[at->door];
    const struct probe *probes = d->host->run->list->probes;

    for (size_t i = 0; i < d->result_count; i++) {
        struct place each = *at;

        if ((d->results[i].state != PROBE_DELIVERED && d->results[i].state != PROBE_TAKEN) ||
            (by_sender ? probes[i].sender != probes[at->probe].sender : i != at->probe))
            continue;
        each.probe = i;
        enter(&each, proof, true);
        door_bounced(d, i);
    }
}

/* Without its brackets: servers write an address with and without them. */
static struct span bare(struct span path)
{
    if (path.n >= 2 && path.p[0] == '<' && path.p[path.n - 1] == '>')
        return span_slice(path, 1, path.n - 1);
    return path;
}

/*
 * A recipient with no room for a token (postmaster at our domain) is known by the sender's token
 * and by its own address.
 */
static bool by_sender(struct place *at, const struct store_proof *proof)
{
    const struct door *d = &at->target->hosts[at->host]->doors[at->door];
    const struct probe *probes = d->host->run->list->probes;
    size_t lead = at->probe;

    for (size_t i = 0; i < d->result_count; i++) {
        struct buf rcpt = BUF_INIT(EXPAND_MAX);
        bool same = false;

        if (probes[i].sender != probes[lead].sender || !probes[i].rcpt->by_sender ||
            d->results[i].state < PROBE_TAKEN)
            continue;
        if (door_rcpt_text(d, i, &rcpt) == EXPAND_OK)
            same = span_eq_nocase(bare(buf_span(&rcpt)), bare(proof->rcpt));
        buf_deinit(&rcpt);
        at->probe = i;
        if (same)
            return true;
    }
    at->probe = lead;
    return false;
}

/*
 * Mail to a role of our domain carries its token elsewhere: in the sender, or in the text, which
 * names every recipient of its transaction. The address itself tells which one it was.
 */
static bool at_role(struct place *at, const struct store_proof *proof)
{
    struct place role = *at;

    if (proof->token.kind == TOKEN_INNER ||
        (proof->what != STORE_WHAT_ARRIVAL && proof->what != STORE_WHAT_BOUNCE) ||
        !by_sender(&role, proof))
        return false;
    *at = role;
    return true;
}

static bool proves(const struct place *at, const struct store_proof *proof)
{
    const struct door *d = &at->target->hosts[at->host]->doors[at->door];

    if (proof->what != STORE_WHAT_ARRIVAL)
        return false;
    /*
     * The token inside a smuggled envelope, and nothing else, proves that the ending was believed.
     */
    if (d->host->run->list->probes[at->probe].channel &&
        d->host->run->list->probes[at->probe].channel->channel == CHANNEL_SMUGGLE)
        return proof->token.kind == TOKEN_INNER;
    return proof->token.kind == TOKEN_RECIPIENT;
}

/* A sink saw the envelope: what it found only in the text was not the recipient. */
static bool text_only(const struct store_proof *proof)
{
    return proof->scope == STORE_SCOPE_TRANSACTION &&
           (proof->source == STORE_SOURCE_SINK || proof->source == STORE_SOURCE_EMBEDDED);
}

/* Tells the door. False: it is no news for it. */
static bool told(struct place *at, const struct store_proof *proof)
{
    struct target *target = at->target;

    if (at_role(at, proof) || (proves(at, proof) && !text_only(proof))) {
        enter(at, proof, false);
        door_arrived(&target->hosts[at->host]->doors[at->door], at->probe);
        target->arrived_at = loop_now(target->test->loop);
        return true;
    }
    if (proof->what == STORE_WHAT_BOUNCE)
        bounced(at, proof, proof->token.kind == TOKEN_SENDER);
    return proof->what == STORE_WHAT_BOUNCE;
}

void proofs_take(struct test *t, const struct store_proof *proof)
{
    struct worker *worker;
    struct place at;
    bool news;

    if (proof->token.run != t->run_id || !find(t, &proof->token, &at))
        return;
    worker = at.target->hosts[at.host]->worker;
    worker_lock(worker);
    news = told(&at, proof);
    worker_unlock(worker);
    if (news)
        target_arrived(at.target);
}

static int on_proof(void *ctx, const struct store_proof *proof)
{
    struct test *t = ctx;

    if (proof->id > t->polled)
        t->polled = proof->id;
    proofs_take(t, proof);
    return 0;
}

void proofs_look(struct test *t)
{
    if (t->store)
        store_proofs_since(t->store, &t->run_id, t->polled, on_proof, t);
}

static void on_poll(void *cookie)
{
    struct test *t = cookie;

    proofs_look(t);
    timer_start(&t->poll_timer, t->loop, POLL_MS);
}

void proofs_poll_start(struct test *t)
{
    if (!t->store)
        return;
    timer_init(&t->poll_timer, on_poll, t);
    timer_start(&t->poll_timer, t->loop, POLL_MS);
}
