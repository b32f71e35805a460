/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is kept is decided by probe/arrival.h alone; here it only gets the form that the store and
 * the reports have from the sink.
 */
#include "cmd/prove/keep.h"

#include "sink/evidence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DAY = 86400 };

int64_t keep_wall(const struct keep *k, const struct arrival *a, const struct arrival_token *t)
{
    const struct received *newest = a->chain.count ? &a->chain.hops[0] : NULL;
    int64_t minted = (int64_t)t->token.day * DAY;

    /* A clock that says "before the probe was sent" or "tomorrow" is no witness. */
    if (newest && newest->has_date && newest->date_wall >= minted - DAY &&
        newest->date_wall <= k->now_wall + DAY)
        return newest->date_wall;
    return k->file_wall ? k->file_wall : k->now_wall;
}

void keep_chain(const struct arrival *a, struct buf *out)
{
    /* The sink's view of the same message: everything in it is borrowed. */
    const struct evidence e = {.message = a->message, .dsn = a->dsn, .chain = a->chain};

    evidence_chain_json(&e, out);
}

static enum store_what what_of(enum arrival_what what)
{
    switch (what) {
    case ARRIVAL_BOUNCED:
        return STORE_WHAT_BOUNCE;
    case ARRIVAL_ANSWERED:
        return STORE_WHAT_AUTOREPLY;
    case ARRIVAL_ARRIVED:
    case ARRIVAL_NOTHING: /* never kept */
        break;
    }
    return STORE_WHAT_ARRIVAL;
}

static struct store_proof proof_of(const struct keep *k, const struct arrival *a,
                                   const struct arrival_token *t, struct span chain)
{
    const struct received *taken = a->near ? &a->chain.hops[a->near - 1] : NULL;
    struct store_proof p = {
        .token = {.run = t->token.run,
                  .serial = t->token.serial,
                  .day = t->token.day,
                  .kind = (uint32_t)t->token.kind},
        .received_wall_ms = keep_wall(k, a, t) * 1000,
        .source = k->source,
        .peer = a->output,
        .helo = taken ? taken->helo : SPAN_NULL,
        .mail = header_value(a->message, "Return-Path"),
        .rcpt = t->rcpt,
        .what = what_of(arrival_what(a, t)),
        .scope = t->scope == ARRIVAL_RECIPIENT ? STORE_SCOPE_RECIPIENT : STORE_SCOPE_TRANSACTION,
        .chain = chain,
        .raw = a->message,
        .size = a->message.n + k->cut,
    };

    memcpy(p.token.target, t->token.target, sizeof(p.token.target));
    p.helo = span_slice(p.helo, 0, STORE_NAME_MAX);
    p.mail = span_slice(p.mail, 0, STORE_TEXT_MAX);
    p.rcpt = span_slice(p.rcpt, 0, STORE_TEXT_MAX);
    return p;
}

int keep_tokens(const struct keep *k, const struct arrival *a, int64_t *ret_ids, size_t *ret_new)
{
    struct store_proof *proofs = calloc(a->count + 1, sizeof(*proofs));
    struct store_added *added = calloc(a->count + 1, sizeof(*added));
    struct buf chain = BUF_INIT(STORE_CHAIN_MAX);
    size_t n = 0;
    int rc;

    *ret_new = 0;
    keep_chain(a, &chain);
    rc = proofs && added ? chain.err : -ENOMEM;
    for (size_t i = 0; i < a->count && rc == 0 && k->store; i++)
        if (arrival_tells(a, &a->tokens[i]))
            proofs[n++] = proof_of(k, a, &a->tokens[i], buf_span(&chain));
    if (rc == 0 && n)
        rc = store_proofs_add(k->store, proofs, n, added);
    n = 0;
    for (size_t i = 0; i < a->count && rc == 0; i++) {
        bool kept = k->store && arrival_tells(a, &a->tokens[i]);

        ret_ids[i] = kept ? added[n].id : 0;
        *ret_new += kept && !added[n].again;
        n += kept;
    }
    buf_deinit(&chain);
    free(proofs);
    free(added);
    return rc;
}
