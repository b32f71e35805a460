/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What hangs on a listing: evidence and proofs; and what stands beside all of them: exemptions, the
 * marks for the zone's files, small facts. The same piece of evidence twice (a file read again) is
 * one, told by its SHA-256; one that is too long is cut, and the hash is still of the whole.
 */
#include "store/listing_private.h"

#include "base/mac.h"

int evidence_put(struct store *store, int64_t listing, const struct store_evidence *e)
{
    uint8_t sum[MAC_SIZE];
    sqlite3_stmt *q;
    int rc = limit(store, e->source, STORE_NAME_MAX, "source");

    if (rc == 0)
        rc = limit(store, e->reason, STORE_TEXT_MAX, "reason");
    if (rc == 0)
        rc = limit(store, e->who, STORE_NAME_MAX, "name");
    if (rc < 0)
        return rc;
    mac_sha256(e->text, sum);
    q = sql_use(store, SQL_EVIDENCE_ADD);
    sqlite3_bind_int64(q, 1, listing);
    sqlite3_bind_int64(q, 2, e->wall);
    sql_text_bind(q, 3, e->source);
    sql_text_bind(q, 4, e->reason);
    sql_text_bind(q, 5, e->witness);
    sql_text_bind(q, 6, e->who);
    sql_blob_bind(q, 7, span_of(sum, sizeof(sum)));
    sql_blob_bind(q, 8, span_slice(e->text, 0, STORE_EVIDENCE_MAX));
    return sql_run(store, q);
}

struct each {
    store_evidence_fn *evidence;
    store_listing_proof_fn *proof;
    store_exempt_fn *exempt;
    void *ctx;
};

static int each_evidence(void *ctx, sqlite3_stmt *q)
{
    const struct each *each = ctx;

    return each->evidence(each->ctx, &(struct store_evidence){
                                         .id = sqlite3_column_int64(q, 0),
                                         .listing = sqlite3_column_int64(q, 1),
                                         .wall = sqlite3_column_int64(q, 2),
                                         .source = sql_span(q, 3),
                                         .reason = sql_span(q, 4),
                                         .witness = sql_span(q, 5),
                                         .who = sql_span(q, 6),
                                         .text = sql_span(q, 7),
                                     });
}

int store_evidence_each(struct store *store, int64_t listing, store_evidence_fn *fn, void *ctx)
{
    struct each each = {.evidence = fn, .ctx = ctx};
    sqlite3_stmt *q = sql_use(store, SQL_EVIDENCE);

    sqlite3_bind_int64(q, 1, listing);
    return sql_each(store, q, each_evidence, &each);
}

int listing_proof_put(struct store *store, int64_t listing, const struct store_listing_proof *p)
{
    sqlite3_stmt *q = sql_use(store, SQL_LISTING_PROOF_ADD);

    sqlite3_bind_int64(q, 1, listing);
    sqlite3_bind_int64(q, 2, p->proof);
    sqlite3_bind_int64(q, 3, p->run);
    sqlite3_bind_int64(q, 4, p->wall);
    sql_ip_bind(q, 5, p->input);
    sql_ip_bind(q, 6, p->output);
    sql_text_bind(q, 7, p->probe);
    sql_text_bind(q, 8, p->family);
    return sql_run(store, q);
}

static int each_proof(void *ctx, sqlite3_stmt *q)
{
    const struct each *each = ctx;

    return each->proof(each->ctx, &(struct store_listing_proof){
                                      .listing = sqlite3_column_int64(q, 0),
                                      .proof = sqlite3_column_int64(q, 1),
                                      .run = (uint32_t)sqlite3_column_int64(q, 2),
                                      .wall = sqlite3_column_int64(q, 3),
                                      .input = sql_ip(q, 4),
                                      .output = sql_ip(q, 5),
                                      .probe = sql_span(q, 6),
                                      .family = sql_span(q, 7),
                                  });
}

int store_listing_proofs_each(struct store *store, int64_t listing, int64_t from_wall,
                              store_listing_proof_fn *fn, void *ctx)
{
    struct each each = {.proof = fn, .ctx = ctx};
    sqlite3_stmt *q = sql_use(store, SQL_LISTING_PROOFS);

    sqlite3_bind_int64(q, 1, listing);
    sqlite3_bind_int64(q, 2, from_wall);
    return sql_each(store, q, each_proof, &each);
}

int store_exempt_add(struct store *store, const struct store_exempt *e,
                     const struct store_record *record)
{
    int rc = limit(store, e->pattern, STORE_NAME_MAX, "pattern");
    sqlite3_stmt *q;

    if (rc == 0)
        rc = limit(store, e->reason, STORE_TEXT_MAX, "reason");
    if (rc == 0)
        rc = record_limits(store, record);
    if (rc == 0)
        rc = write_begin(store);
    if (rc < 0)
        return rc;
    q = sql_use(store, SQL_EXEMPT_ADD);
    sql_text_bind(q, 1, e->pattern);
    sql_text_bind(q, 2, e->reason);
    sql_text_bind(q, 3, e->who);
    sqlite3_bind_int64(q, 4, e->added_wall);
    sqlite3_bind_int64(q, 5, e->until_wall);
    rc = sql_run(store, q);
    return write_end(store, rc == 0 ? record_put(store, 0, record) : rc);
}

int store_exempt_remove(struct store *store, struct span pattern, const struct store_record *record)
{
    int rc = write_begin(store);
    sqlite3_stmt *q;

    if (rc < 0)
        return rc;
    q = sql_use(store, SQL_EXEMPT_REMOVE);
    sql_text_bind(q, 1, pattern);
    rc = sql_run(store, q);
    if (rc == 0)
        rc = sqlite3_changes(store->db) ? record_put(store, 0, record) : STORE_NONE;
    return write_end(store, rc);
}

static int each_exempt(void *ctx, sqlite3_stmt *q)
{
    const struct each *each = ctx;

    return each->exempt(each->ctx, &(struct store_exempt){
                                       .pattern = sql_span(q, 0),
                                       .reason = sql_span(q, 1),
                                       .who = sql_span(q, 2),
                                       .added_wall = sqlite3_column_int64(q, 3),
                                       .until_wall = sqlite3_column_int64(q, 4),
                                   });
}

int store_exempts_each(struct store *store, store_exempt_fn *fn, void *ctx)
{
    struct each each = {.exempt = fn, .ctx = ctx};

    return sql_each(store, sql_use(store, SQL_EXEMPTS), each_exempt, &each);
}

int store_dirty_get(struct store *store, int64_t *ids, size_t most, size_t *ret_count)
{
    sqlite3_stmt *q = sql_use(store, SQL_DIRTY);
    int rc;

    *ret_count = 0;
    sqlite3_bind_int64(q, 1, (int64_t)most);
    while ((rc = sql_row(store, q)) == STORE_OK && *ret_count < most)
        ids[(*ret_count)++] = sqlite3_column_int64(q, 0);
    sql_done(q);
    return rc < 0 ? rc : 0;
}

int store_dirty_clear(struct store *store, const int64_t *ids, size_t count)
{
    int rc = count ? write_begin(store) : 0;

    if (rc < 0 || count == 0)
        return rc;
    for (size_t i = 0; i < count && rc == 0; i++) {
        sqlite3_stmt *q = sql_use(store, SQL_DIRTY_REMOVE);

        sqlite3_bind_int64(q, 1, ids[i]);
        rc = sql_run(store, q);
    }
    return write_end(store, rc);
}

int store_value_set(struct store *store, struct span name, struct span value,
                    const struct store_record *record)
{
    int rc = limit(store, value, STORE_TEXT_MAX, "value");
    sqlite3_stmt *q;

    if (rc == 0 && record)
        rc = record_limits(store, record);
    if (rc == 0)
        rc = write_begin(store);
    if (rc < 0)
        return rc;
    q = sql_use(store, SQL_VALUE_SET);
    sql_text_bind(q, 1, name);
    sql_text_bind(q, 2, value);
    rc = sql_run(store, q);
    if (rc == 0 && record)
        rc = record_put(store, 0, record);
    return write_end(store, rc);
}

int store_value_get(struct store *store, struct span name, struct buf *ret)
{
    sqlite3_stmt *q = sql_use(store, SQL_VALUE_GET);
    int rc;

    sql_text_bind(q, 1, name);
    rc = sql_row(store, q);
    if (rc == STORE_OK)
        buf_add(ret, sql_span(q, 0));
    sql_done(q);
    return rc == STORE_OK && ret->err ? ret->err : rc;
}
