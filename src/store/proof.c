/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Proofs. One body may carry fifty recipients and so prove fifty tokens: the message is kept once,
 * found by its SHA-256, and every proof points at it. A sink that is killed between its commit and
 * its 250 will get the message again from the relay's queue; the second copy has the same bytes
 * (a queue adds its Received line once) and is counted in the first row.
 *
 * The commit stands inside store_proofs_add, whatever batch is under way, because the sink answers
 * 250 right after it and a tester's batch may be a second from its end. There is one for the whole
 * message: each waits for the disk, and two hundred recipients would cost the relay that many
 * waits.
 */
#include "store/private.h"

#include "base/mac.h"

#include <errno.h>
#include <string.h>

const char *store_source_name(enum store_source source)
{
    switch (source) {
    case STORE_SOURCE_SINK:
        return "sink";
    case STORE_SOURCE_EMBEDDED:
        return "embedded";
    case STORE_SOURCE_MAILDIR:
        return "maildir";
    case STORE_SOURCE_IMAP:
        return "imap";
    case STORE_SOURCE_MESSAGE:
        return "message";
    }
    return "?";
}

const char *store_what_name(enum store_what what)
{
    switch (what) {
    case STORE_WHAT_ARRIVAL:
        return "arrival";
    case STORE_WHAT_BOUNCE:
        return "bounce";
    case STORE_WHAT_AUTOREPLY:
        return "auto-reply";
    case STORE_WHAT_DELAY:
        return "delay-notice";
    case STORE_WHAT_RECEIPT:
        return "receipt";
    }
    return "?";
}

const char *store_scope_name(enum store_scope scope)
{
    switch (scope) {
    case STORE_SCOPE_RECIPIENT:
        return "recipient";
    case STORE_SCOPE_TRANSACTION:
        return "transaction";
    }
    return "?";
}

static int message_put(struct store *store, const struct store_proof *proof, int64_t *ret_id)
{
    uint64_t size = proof->size > proof->raw.n ? proof->size : proof->raw.n;
    uint8_t sum[MAC_SIZE];
    sqlite3_stmt *q = sql_use(store, SQL_MESSAGE_FIND);
    int rc;

    mac_sha256(proof->raw, sum);
    sql_blob_bind(q, 1, span_of(sum, sizeof(sum)));
    rc = sql_row(store, q);
    if (rc == STORE_OK)
        *ret_id = sqlite3_column_int64(q, 0);
    sql_done(q);
    if (rc != STORE_NONE)
        return rc;
    q = sql_use(store, SQL_MESSAGE_ADD);
    sql_blob_bind(q, 1, span_of(sum, sizeof(sum)));
    sqlite3_bind_int64(q, 2, (int64_t)size);
    sql_blob_bind(q, 3, span_slice(proof->raw, 0, STORE_RAW_MAX));
    rc = sql_run(store, q);
    *ret_id = sqlite3_last_insert_rowid(store->db);
    return rc;
}

/* The columns that tell one proof from another: parameters 1 to 9 of both statements. */
static void proof_bind_key(sqlite3_stmt *q, const struct store_proof *proof, int64_t message)
{
    const struct store_token *t = &proof->token;

    sqlite3_bind_int64(q, 1, t->run);
    sql_blob_bind(q, 2, span_of(t->target, sizeof(t->target)));
    sqlite3_bind_int64(q, 3, t->serial);
    sqlite3_bind_int64(q, 4, t->day);
    sqlite3_bind_int64(q, 5, t->kind);
    sqlite3_bind_int(q, 6, (int)proof->what);
    sql_ip_bind(q, 7, proof->peer);
    sqlite3_bind_int64(q, 8, message);
    sqlite3_bind_int64(q, 9, proof->received_wall_ms);
}

static int proof_insert(struct store *store, const struct store_proof *proof, int64_t message,
                        int64_t *ret_id)
{
    sqlite3_stmt *q = sql_use(store, SQL_PROOF_ADD);
    int rc;

    proof_bind_key(q, proof, message);
    sqlite3_bind_int(q, 10, (int)proof->source);
    sql_blob_bind(q, 11, proof->helo);
    sql_text_bind(q, 12, proof->tls);
    sql_blob_bind(q, 13, proof->mail);
    sql_blob_bind(q, 14, proof->rcpt);
    sqlite3_bind_int(q, 15, (int)proof->scope);
    sql_text_bind(q, 16, proof->chain);
    rc = sql_run(store, q);
    *ret_id = sqlite3_last_insert_rowid(store->db);
    return rc;
}

static int proof_limits(struct store *store, const struct store_proof *proof)
{
    int rc = limit(store, proof->helo, STORE_TEXT_MAX, "HELO");

    if (rc == 0)
        rc = limit(store, proof->tls, STORE_NAME_MAX, "TLS state");
    if (rc == 0)
        rc = limit(store, proof->mail, STORE_TEXT_MAX, "sender");
    if (rc == 0)
        rc = limit(store, proof->rcpt, STORE_TEXT_MAX, "recipient");
    return rc == 0 ? limit(store, proof->chain, STORE_CHAIN_MAX, "Received chain") : rc;
}

/* One row of an open transaction. */
static int proof_put(struct store *store, const struct store_proof *proof, int64_t message,
                     struct store_added *ret)
{
    sqlite3_stmt *q = sql_use(store, SQL_PROOF_SEEN);
    int seen;

    proof_bind_key(q, proof, message);
    seen = sql_row(store, q);
    if (seen == STORE_OK)
        ret->id = sqlite3_column_int64(q, 0);
    sql_done(q);
    ret->again = seen == STORE_OK;
    return seen == STORE_NONE ? proof_insert(store, proof, message, &ret->id) : seen;
}

static int proofs_put(struct store *store, const struct store_proof *proofs, size_t count,
                      struct store_added *ret)
{
    int64_t message = 0;
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++) {
        bool same = i > 0 && proofs[i].raw.p == proofs[i - 1].raw.p &&
                    proofs[i].raw.n == proofs[i - 1].raw.n;

        rc = same ? 0 : message_put(store, &proofs[i], &message);
        if (rc == 0)
            rc = proof_put(store, &proofs[i], message, &ret[i]);
    }
    return rc;
}

int store_proofs_add(struct store *store, const struct store_proof *proofs, size_t count,
                     struct store_added *ret)
{
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = proof_limits(store, &proofs[i]);
    if (rc == 0 && count)
        rc = write_begin(store);
    if (rc < 0 || count == 0)
        return rc;
    rc = write_end(store, proofs_put(store, proofs, count, ret));
    return rc == 0 && store->batch ? write_flush(store) : rc;
}

int store_proof_add(struct store *store, const struct store_proof *proof, int64_t *ret_id)
{
    struct store_added added;
    int rc = store_proofs_add(store, proof, 1, &added);

    if (rc == 0 && ret_id)
        *ret_id = added.id;
    return rc == 0 && added.again ? STORE_EXISTS : rc;
}

static void proof_read(sqlite3_stmt *q, struct store_proof *p)
{
    struct span digest = sql_span(q, 2);

    *p = (struct store_proof){
        .id = sqlite3_column_int64(q, 0),
        .token = {.run = (uint32_t)sqlite3_column_int64(q, 1),
                  .serial = (uint32_t)sqlite3_column_int64(q, 3),
                  .day = (uint32_t)sqlite3_column_int64(q, 4),
                  .kind = (uint32_t)sqlite3_column_int64(q, 5)},
        .received_wall_ms = sqlite3_column_int64(q, 6),
        .source = (enum store_source)sqlite3_column_int(q, 7),
        .peer = sql_ip(q, 8),
        .helo = sql_span(q, 9),
        .tls = sql_span(q, 10),
        .mail = sql_span(q, 11),
        .rcpt = sql_span(q, 12),
        .what = (enum store_what)sqlite3_column_int(q, 13),
        .scope = (enum store_scope)sqlite3_column_int(q, 14),
        .chain = sql_span(q, 15),
        .size = (uint64_t)sqlite3_column_int64(q, 16),
        .cut = sqlite3_column_int(q, 17) != 0,
        .seen = (uint64_t)sqlite3_column_int64(q, 18),
        .last_wall_ms = sqlite3_column_int64(q, 19),
    };
    if (digest.n == STORE_DIGEST)
        memcpy(p->token.target, digest.p, STORE_DIGEST);
}

struct each_proof {
    store_proof_fn *fn;
    void *ctx;
};

static int each_proof(void *ctx, sqlite3_stmt *q)
{
    const struct each_proof *each = ctx;
    struct store_proof proof;

    proof_read(q, &proof);
    return each->fn(each->ctx, &proof);
}

int store_proofs_since(struct store *store, const uint32_t *run, int64_t after, store_proof_fn *fn,
                       void *ctx)
{
    struct each_proof each = {fn, ctx};
    sqlite3_stmt *q = sql_use(store, SQL_PROOFS_SINCE);

    if (run)
        sqlite3_bind_int64(q, 1, *run);
    sqlite3_bind_int64(q, 2, after);
    return sql_each(store, q, each_proof, &each);
}

int store_proof_get(struct store *store, int64_t id, struct store_proof *ret)
{
    sqlite3_stmt *q = sql_use(store, SQL_PROOF_GET);
    struct store_proof p;
    int rc;

    sqlite3_bind_int64(q, 1, id);
    rc = sql_row(store, q);
    if (rc == STORE_OK) {
        proof_read(q, &p);
        rc = record_keep(store, (struct span *const[]){&p.helo, &p.tls, &p.mail, &p.rcpt, &p.chain},
                         5);
    }
    sql_done(q);
    if (rc == STORE_OK)
        *ret = p;
    return rc;
}

int store_proof_raw(struct store *store, int64_t id, struct buf *ret)
{
    sqlite3_stmt *q = sql_use(store, SQL_PROOF_RAW);
    int rc;

    sqlite3_bind_int64(q, 1, id);
    rc = sql_row(store, q);
    if (rc == STORE_OK) {
        buf_add(ret, sql_span(q, 0));
        if (ret->err)
            rc = fail(store, ret->err, "a proof's message does not fit");
    }
    sql_done(q);
    return rc;
}
