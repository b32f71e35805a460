/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listings. The row is what is asked for; the records are what is believed. Both change in one
 * transaction, and with them the mark for the zone's files: whatever kills the program afterwards,
 * the next one finds the mark and writes the files.
 */
#include "store/listing_private.h"

#include <string.h>

static void listing_read(sqlite3_stmt *q, struct store_listing *l)
{
    struct span digest = sql_span(q, 5);

    *l = (struct store_listing){
        .id = sqlite3_column_int64(q, 0),
        .address = sql_ip(q, 1),
        .side = (enum store_side)sqlite3_column_int(q, 2),
        .state = (unsigned)sqlite3_column_int(q, 3),
        .class = sql_span(q, 4),
        .created_wall = sqlite3_column_int64(q, 6),
        .changed_wall = sqlite3_column_int64(q, 7),
        .fresh_wall = sqlite3_column_int64(q, 8),
        .expires_wall = sqlite3_column_int64(q, 9),
        .due_wall = sqlite3_column_int64(q, 10),
        .tested_wall = sqlite3_column_int64(q, 11),
        .tries = (unsigned)sqlite3_column_int(q, 12),
        .times = (unsigned)sqlite3_column_int(q, 13),
        .failed = (unsigned)sqlite3_column_int(q, 14),
    };
    if (digest.n == sizeof(l->digest))
        memcpy(l->digest, digest.p, sizeof(l->digest));
}

static int listing_put(struct store *store, struct store_listing *l)
{
    sqlite3_stmt *q = sql_use(store, l->id ? SQL_LISTING_SET : SQL_LISTING_ADD);
    int rc;

    if (!l->id) {
        sql_ip_bind(q, 1, l->address);
        sqlite3_bind_int(q, 2, (int)l->side);
        sql_blob_bind(q, 5, span_of(l->digest, sizeof(l->digest)));
        sqlite3_bind_int64(q, 6, l->created_wall);
    } else {
        sqlite3_bind_int64(q, 15, l->id);
    }
    sqlite3_bind_int(q, 3, (int)l->state);
    sql_text_bind(q, 4, l->class);
    sqlite3_bind_int64(q, 7, l->changed_wall);
    sqlite3_bind_int64(q, 8, l->fresh_wall);
    sqlite3_bind_int64(q, 9, l->expires_wall);
    sqlite3_bind_int64(q, 10, l->due_wall);
    sqlite3_bind_int64(q, 11, l->tested_wall);
    sqlite3_bind_int64(q, 12, l->tries);
    sqlite3_bind_int64(q, 13, l->times);
    sqlite3_bind_int64(q, 14, l->failed);
    rc = sql_run(store, q);
    if (rc == 0 && l->id && sqlite3_changes(store->db) == 0)
        return fail(store, -ENOENT, "there is no listing %lld", (long long)l->id);
    if (rc == 0 && !l->id)
        l->id = sqlite3_last_insert_rowid(store->db);
    return rc;
}

static int change_put(struct store *store, const struct store_change *c)
{
    int64_t id = 0;
    int rc = 0;

    if (c->listing) {
        rc = listing_put(store, c->listing);
        id = c->listing->id;
    }
    for (size_t i = 0; i < c->record_count && rc == 0; i++)
        rc = record_put(store, id, &c->records[i]);
    if (rc == 0 && c->evidence)
        rc = evidence_put(store, id, c->evidence);
    for (size_t i = 0; i < c->proof_count && rc == 0; i++)
        rc = listing_proof_put(store, id, &c->proofs[i]);
    if (rc == 0 && c->dirty) {
        sqlite3_stmt *q = sql_use(store, SQL_DIRTY_ADD);

        sqlite3_bind_int64(q, 1, id);
        rc = sql_run(store, q);
    }
    return rc;
}

int store_listing_change(struct store *store, const struct store_change *c)
{
    int64_t before = c->listing ? c->listing->id : 0;
    int rc = c->listing ? limit(store, c->listing->class, STORE_NAME_MAX, "class") : 0;

    for (size_t i = 0; i < c->record_count && rc == 0; i++)
        rc = record_limits(store, &c->records[i]);
    if (rc == 0)
        rc = write_begin(store);
    if (rc < 0)
        return rc;
    rc = write_end(store, change_put(store, c));
    if (rc < 0 && c->listing)
        c->listing->id = before;
    return rc;
}

static int one(struct store *store, sqlite3_stmt *q, struct store_listing *ret)
{
    int rc = sql_row(store, q);

    if (rc == STORE_OK) {
        struct span *fields[] = {&ret->class};

        listing_read(q, ret);
        rc = record_keep(store, fields, 1);
    }
    sql_done(q);
    return rc;
}

int store_listing_get(struct store *store, struct ip address, enum store_side side,
                      struct store_listing *ret)
{
    sqlite3_stmt *q = sql_use(store, SQL_LISTING_GET);

    sql_ip_bind(q, 1, address);
    sqlite3_bind_int(q, 2, (int)side);
    return one(store, q, ret);
}

int store_listing_by_id(struct store *store, int64_t id, struct store_listing *ret)
{
    sqlite3_stmt *q = sql_use(store, SQL_LISTING_ID);

    sqlite3_bind_int64(q, 1, id);
    return one(store, q, ret);
}

struct each_listing {
    store_listing_fn *fn;
    void *ctx;
};

static int each_listing(void *ctx, sqlite3_stmt *q)
{
    const struct each_listing *each = ctx;
    struct store_listing l;

    listing_read(q, &l);
    return each->fn(each->ctx, &l);
}

static struct ip last_of(struct ip_prefix net)
{
    struct ip ip = net.ip;

    for (unsigned bit = net.len; bit < (ip.family == IP_V4 ? 32U : 128U); bit++)
        ip.b[bit / 8] |= (uint8_t)(0x80U >> bit % 8);
    return ip;
}

int store_listings_each(struct store *store, const struct store_listing_filter *f,
                        store_listing_fn *fn, void *ctx)
{
    struct each_listing each = {fn, ctx};
    sqlite3_stmt *q = sql_use(store, f->in ? SQL_LISTINGS_IN : SQL_LISTINGS);

    sqlite3_bind_int64(q, 1, f->states);
    sqlite3_bind_int(q, 2, f->side);
    sql_text_bind(q, 3, f->class);
    sqlite3_bind_int64(q, 4, f->limit ? (int64_t)f->limit : -1);
    if (f->in) {
        sql_ip_bind(q, 5, f->in->ip);
        sql_ip_bind(q, 6, last_of(*f->in));
    }
    return sql_each(store, q, each_listing, &each);
}

int store_listings_of_token(struct store *store, const uint8_t digest[STORE_DIGEST],
                            store_listing_fn *fn, void *ctx)
{
    struct each_listing each = {fn, ctx};
    sqlite3_stmt *q = sql_use(store, SQL_LISTINGS_OF_TOKEN);

    sql_blob_bind(q, 1, span_of(digest, STORE_DIGEST));
    return sql_each(store, q, each_listing, &each);
}

static int until(struct store *store, enum sql which, int64_t now_wall, uint64_t most,
                 struct each_listing *each)
{
    sqlite3_stmt *q = sql_use(store, which);

    sqlite3_bind_int64(q, 1, now_wall);
    sqlite3_bind_int64(q, 2, most ? (int64_t)most : -1);
    return sql_each(store, q, each_listing, each);
}

int store_listings_due(struct store *store, int64_t now_wall, uint64_t most, store_listing_fn *fn,
                       void *ctx)
{
    return until(store, SQL_LISTINGS_DUE, now_wall, most, &(struct each_listing){fn, ctx});
}

int store_listings_over(struct store *store, int64_t now_wall, uint64_t most, store_listing_fn *fn,
                        void *ctx)
{
    return until(store, SQL_LISTINGS_OVER, now_wall, most, &(struct each_listing){fn, ctx});
}

struct each_count {
    store_listing_count_fn *fn;
    void *ctx;
};

static int each_count(void *ctx, sqlite3_stmt *q)
{
    const struct each_count *each = ctx;

    return each->fn(each->ctx, (unsigned)sqlite3_column_int(q, 0),
                    (enum store_side)sqlite3_column_int(q, 1), sql_span(q, 2),
                    (uint64_t)sqlite3_column_int64(q, 3));
}

int store_listing_counts(struct store *store, store_listing_count_fn *fn, void *ctx)
{
    struct each_count each = {fn, ctx};

    return sql_each(store, sql_use(store, SQL_LISTING_COUNTS), each_count, &each);
}
