/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The audit trail. A record's hash is SHA-256 over the hash before it and all of the record, each
 * text with its length, so that no two records are the same bytes. Whoever has written the last
 * hash down, or published it, can tell whether any record before it was changed, taken out or put
 * in; the store alone cannot tell whether records are missing at the end, and does not claim to.
 */
#include "store/listing_private.h"

#include "base/mac.h"
#include "base/num.h"

#include <string.h>

enum { FIELDS = 7 };

static void fields_of(const struct store_record *r, struct span ret[FIELDS])
{
    ret[0] = r->subject;
    ret[1] = r->event;
    ret[2] = r->was;
    ret[3] = r->became;
    ret[4] = r->class;
    ret[5] = r->who;
    ret[6] = r->reason;
}

static int hash_of(struct store *store, const uint8_t before[STORE_HASH],
                   const struct store_record *r, uint8_t ret[STORE_HASH])
{
    struct buf all = BUF_INIT(STORE_HASH + 64 + FIELDS * (STORE_TEXT_MAX + 4));
    const uint64_t numbers[] = {(uint64_t)r->seq, (uint64_t)r->listing, (uint64_t)r->wall, r->run,
                                (uint64_t)r->expires_wall};
    struct span fields[FIELDS];
    uint8_t octets[8];
    int rc;

    buf_add(&all, span_of(before, STORE_HASH));
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        num_put32(octets, (uint32_t)(numbers[i] >> 32));
        num_put32(octets + 4, (uint32_t)numbers[i]);
        buf_add(&all, span_of(octets, 8));
    }
    fields_of(r, fields);
    for (size_t i = 0; i < FIELDS; i++) {
        num_put32(octets, (uint32_t)fields[i].n);
        buf_add(&all, span_of(octets, 4));
        buf_add(&all, fields[i]);
    }
    rc = all.err ? fail(store, all.err, "out of memory") : 0;
    if (rc == 0)
        mac_sha256(buf_span(&all), ret);
    buf_deinit(&all);
    return rc;
}

int record_limits(struct store *store, const struct store_record *r)
{
    static const char *const names[FIELDS] = {"subject", "event", "state", "state",
                                              "class",   "name",  "reason"};
    struct span fields[FIELDS];
    int rc = 0;

    fields_of(r, fields);
    for (size_t i = 0; i < FIELDS && rc == 0; i++)
        rc = limit(store, fields[i], i == FIELDS - 1 ? STORE_TEXT_MAX : STORE_NAME_MAX, names[i]);
    return rc;
}

static int last_of(struct store *store, int64_t *ret_seq, uint8_t ret_hash[STORE_HASH])
{
    sqlite3_stmt *q = sql_use(store, SQL_RECORD_LAST);
    int rc = sql_row(store, q);

    *ret_seq = 0;
    memset(ret_hash, 0, STORE_HASH);
    if (rc == STORE_OK) {
        struct span hash = sql_span(q, 1);

        *ret_seq = sqlite3_column_int64(q, 0);
        if (hash.n == STORE_HASH)
            memcpy(ret_hash, hash.p, STORE_HASH);
    }
    sql_done(q);
    return rc == STORE_NONE ? 0 : rc;
}

int record_put(struct store *store, int64_t listing, const struct store_record *given)
{
    uint8_t before[STORE_HASH];
    struct store_record r = *given;
    struct span fields[FIELDS];
    sqlite3_stmt *q;
    int rc = last_of(store, &r.seq, before);

    r.seq++;
    r.listing = listing;
    if (rc == 0)
        rc = hash_of(store, before, &r, r.hash);
    if (rc < 0)
        return rc;
    q = sql_use(store, SQL_RECORD_ADD);
    sqlite3_bind_int64(q, 1, r.seq);
    sqlite3_bind_int64(q, 2, r.listing);
    sqlite3_bind_int64(q, 3, r.wall);
    fields_of(&r, fields);
    for (int i = 0; i < FIELDS; i++)
        sql_text_bind(q, 4 + i, fields[i]);
    sqlite3_bind_int64(q, 11, r.run);
    sqlite3_bind_int64(q, 12, r.expires_wall);
    sql_blob_bind(q, 13, span_of(r.hash, STORE_HASH));
    return sql_run(store, q);
}

static void record_read(sqlite3_stmt *q, struct store_record *r)
{
    struct span hash = sql_span(q, 12);

    *r = (struct store_record){
        .seq = sqlite3_column_int64(q, 0),
        .listing = sqlite3_column_int64(q, 1),
        .wall = sqlite3_column_int64(q, 2),
        .subject = sql_span(q, 3),
        .event = sql_span(q, 4),
        .was = sql_span(q, 5),
        .became = sql_span(q, 6),
        .class = sql_span(q, 7),
        .who = sql_span(q, 8),
        .reason = sql_span(q, 9),
        .run = (uint32_t)sqlite3_column_int64(q, 10),
        .expires_wall = sqlite3_column_int64(q, 11),
    };
    if (hash.n == STORE_HASH)
        memcpy(r->hash, hash.p, STORE_HASH);
}

struct each_record {
    store_record_fn *fn;
    void *ctx;
};

static int each_record(void *ctx, sqlite3_stmt *q)
{
    const struct each_record *each = ctx;
    struct store_record r;

    record_read(q, &r);
    return each->fn(each->ctx, &r);
}

int store_records_each(struct store *store, const int64_t *listing, int64_t after,
                       store_record_fn *fn, void *ctx)
{
    struct each_record each = {fn, ctx};
    sqlite3_stmt *q = sql_use(store, listing ? SQL_RECORDS_OF : SQL_RECORDS);

    if (listing)
        sqlite3_bind_int64(q, 1, *listing);
    sqlite3_bind_int64(q, listing ? 2 : 1, after);
    return sql_each(store, q, each_record, &each);
}

static int each_kind(void *ctx, sqlite3_stmt *q)
{
    const struct each_record *each = ctx;

    return each->fn(each->ctx, &(struct store_record){
                                   .seq = sqlite3_column_int64(q, 5),
                                   .event = sql_span(q, 0),
                                   .was = sql_span(q, 1),
                                   .became = sql_span(q, 2),
                                   .class = sql_span(q, 3),
                                   .who = sql_span(q, 4),
                               });
}

int store_record_counts(struct store *store, int64_t from_wall, store_record_fn *fn, void *ctx)
{
    struct each_record each = {fn, ctx};
    sqlite3_stmt *q = sql_use(store, SQL_RECORD_COUNTS);

    sqlite3_bind_int64(q, 1, from_wall);
    return sql_each(store, q, each_kind, &each);
}

struct walk {
    struct store *store;
    struct store_chain *chain;
    const uint8_t
        *kept; /* the hash that the next one must have; NULL: what follows from the last */
};

static int check_one(void *ctx, const struct store_record *r)
{
    struct walk *w = ctx;
    struct store_chain *c = w->chain;
    uint8_t hash[STORE_HASH];
    int rc = 0;

    if (w->kept)
        memcpy(hash, w->kept, STORE_HASH);
    else
        rc = hash_of(w->store, c->head, r, hash);
    if (rc < 0)
        return rc;
    if ((uint64_t)r->seq != c->records + 1 || memcmp(hash, r->hash, STORE_HASH) != 0) {
        c->broken = (int64_t)c->records + 1;
        return 1;
    }
    c->records++;
    memcpy(c->head, hash, STORE_HASH);
    w->kept = NULL;
    return 0;
}

int store_records_check_since(struct store *store, int64_t seq, const uint8_t hash[STORE_HASH],
                              struct store_chain *ret)
{
    struct walk w = {store, ret, hash};
    int rc;

    *ret = (struct store_chain){.records = (uint64_t)seq - 1};
    rc = store_records_each(store, NULL, seq - 1, check_one, &w);
    /* Cut off at the end: the one that was kept is not there any more. */
    if (rc >= 0 && ret->records < (uint64_t)seq)
        ret->broken = seq;
    return rc < 0 ? rc : 0;
}

int store_records_check(struct store *store, struct store_chain *ret)
{
    struct walk w = {store, ret, NULL};
    int rc;

    *ret = (struct store_chain){0};
    rc = store_records_each(store, NULL, 0, check_one, &w);
    return rc < 0 ? rc : 0;
}
