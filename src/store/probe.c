/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every probe that may come back or must be asked again. The key (target, serial) is also the order
 * of writing, so that a bulk run appends and never searches; what a token says is found through
 * `digests`, one small row for each address of a target instead of an index over all probes.
 */
#include "store/private.h"

#include <errno.h>
#include <string.h>

const char *store_probe_state_name(enum store_probe_state state)
{
    switch (state) {
    case STORE_PROBE_PLANNED:
        return "planned";
    case STORE_PROBE_DEFERRED:
        return "deferred";
    case STORE_PROBE_REFUSED:
        return "refused";
    case STORE_PROBE_ACCEPTED:
        return "accepted";
    case STORE_PROBE_PROVED:
        return "proved";
    case STORE_PROBE_UNDECIDED:
        return "undecided";
    }
    return "?";
}

static int probe_limits(struct store *store, const struct store_probe *p)
{
    int rc = limit(store, p->probe, STORE_NAME_MAX, "probe id");

    if (rc == 0)
        rc = limit(store, p->tls, STORE_NAME_MAX, "TLS state");
    if (rc == 0)
        rc = limit(store, p->mail, STORE_TEXT_MAX, "sender form");
    if (rc == 0)
        rc = limit(store, p->rcpt, STORE_TEXT_MAX, "recipient form");
    if (rc == 0)
        rc = limit(store, p->helo, STORE_TEXT_MAX, "HELO");
    if (rc == 0)
        rc = limit(store, p->meaning, STORE_NAME_MAX, "meaning");
    if (rc == 0)
        rc = limit(store, p->enhanced, STORE_NAME_MAX, "enhanced code");
    return rc == 0 ? limit(store, p->text, STORE_TEXT_MAX, "reply text") : rc;
}

static int probe_put(struct store *store, const struct store_probe *p)
{
    sqlite3_stmt *q = sql_use(store, SQL_PROBE_PUT);

    sqlite3_bind_int64(q, 1, p->target);
    sqlite3_bind_int64(q, 2, p->serial);
    sql_blob_bind(q, 3, span_of(p->digest, sizeof(p->digest)));
    sqlite3_bind_int64(q, 4, p->day);
    sql_text_bind(q, 5, p->probe);
    sql_ip_bind(q, 6, p->address);
    sqlite3_bind_int(q, 7, p->port);
    sql_text_bind(q, 8, p->tls);
    sql_blob_bind(q, 9, p->mail);
    sql_blob_bind(q, 10, p->rcpt);
    sql_blob_bind(q, 11, p->helo);
    sqlite3_bind_int(q, 12, (int)p->state);
    sql_text_bind(q, 13, p->meaning);
    sqlite3_bind_int(q, 14, p->code);
    sql_text_bind(q, 15, p->enhanced);
    sql_blob_bind(q, 16, p->text);
    sqlite3_bind_int64(q, 17, p->attempts);
    sqlite3_bind_int64(q, 18, p->retry_wall);
    sqlite3_bind_int64(q, 19, p->sent_wall_ms);
    return sql_run(store, q);
}

static int digest_put(struct store *store, const struct store_probe *p)
{
    sqlite3_stmt *q = sql_use(store, SQL_DIGEST_PUT);

    sqlite3_bind_int64(q, 1, p->target);
    sql_blob_bind(q, 2, span_of(p->digest, sizeof(p->digest)));
    return sql_run(store, q);
}

static bool same_digest(const struct store_probe *a, const struct store_probe *b)
{
    return a->target == b->target && memcmp(a->digest, b->digest, STORE_DIGEST) == 0;
}

int store_probes_put(struct store *store, const struct store_probe *probes, size_t count)
{
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = probe_limits(store, &probes[i]);
    if (rc == 0)
        rc = write_begin(store);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count && rc == 0; i++) {
        if (i == 0 || !same_digest(&probes[i - 1], &probes[i]))
            rc = digest_put(store, &probes[i]);
        if (rc == 0)
            rc = probe_put(store, &probes[i]);
    }
    return write_end(store, rc);
}

struct each_probe {
    store_probe_fn *fn;
    void *ctx;
    bool any;
};

static int each_probe(void *ctx, sqlite3_stmt *q)
{
    struct each_probe *each = ctx;
    struct span digest = sql_span(q, 2);
    struct store_probe p = {
        .target = sqlite3_column_int64(q, 0),
        .serial = (uint32_t)sqlite3_column_int64(q, 1),
        .day = (uint32_t)sqlite3_column_int64(q, 3),
        .probe = sql_span(q, 4),
        .address = sql_ip(q, 5),
        .port = (uint16_t)sqlite3_column_int(q, 6),
        .tls = sql_span(q, 7),
        .mail = sql_span(q, 8),
        .rcpt = sql_span(q, 9),
        .helo = sql_span(q, 10),
        .state = (enum store_probe_state)sqlite3_column_int(q, 11),
        .meaning = sql_span(q, 12),
        .code = sqlite3_column_int(q, 13),
        .enhanced = sql_span(q, 14),
        .text = sql_span(q, 15),
        .attempts = (unsigned)sqlite3_column_int64(q, 16),
        .retry_wall = sqlite3_column_int64(q, 17),
        .sent_wall_ms = sqlite3_column_int64(q, 18),
    };

    if (digest.n == STORE_DIGEST)
        memcpy(p.digest, digest.p, STORE_DIGEST);
    each->any = true;
    return each->fn(each->ctx, &p);
}

int store_probes_each(struct store *store, int64_t target, store_probe_fn *fn, void *ctx)
{
    struct each_probe each = {fn, ctx, false};
    sqlite3_stmt *q = sql_use(store, SQL_PROBES);

    sqlite3_bind_int64(q, 1, target);
    return sql_each(store, q, each_probe, &each);
}

int store_probes_of_token(struct store *store, const struct store_token *token, store_probe_fn *fn,
                          void *ctx)
{
    struct each_probe each = {fn, ctx, false};
    sqlite3_stmt *q = sql_use(store, SQL_PROBES_OF_TOKEN);
    int rc;

    sqlite3_bind_int64(q, 1, token->run);
    sql_blob_bind(q, 2, span_of(token->target, sizeof(token->target)));
    sqlite3_bind_int64(q, 3, token->serial);
    rc = sql_each(store, q, each_probe, &each);
    return rc == STORE_OK && !each.any ? STORE_NONE : rc;
}

int store_deferred_due(struct store *store, uint32_t run, int64_t now_wall, store_probe_fn *fn,
                       void *ctx)
{
    struct each_probe each = {fn, ctx, false};
    sqlite3_stmt *q = sql_use(store, SQL_DEFERRED_DUE);

    sqlite3_bind_int64(q, 1, run);
    sqlite3_bind_int64(q, 2, now_wall);
    return sql_each(store, q, each_probe, &each);
}

int store_deferred_next(struct store *store, uint32_t run, int64_t *ret_wall)
{
    sqlite3_stmt *q = sql_use(store, SQL_DEFERRED_NEXT);
    int rc;

    sqlite3_bind_int64(q, 1, run);
    rc = sql_row(store, q);
    if (rc == STORE_OK)
        *ret_wall = sqlite3_column_int64(q, 0);
    sql_done(q);
    return rc;
}
