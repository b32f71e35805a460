/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whom we may test, whom never, and when we last did. The lists are only kept here; what a pattern
 * means and what follows from it is decided in probe/scope.c.
 *
 * The time of the last test is asked and set in one transaction, so that two testers that come to
 * the same host at once cannot both find that a day has passed.
 */
#include "store/private.h"

#include <errno.h>
#include <string.h>

enum {
    NETWORK_V4 = 24, /* what one operator's neighbourhood usually is */
    NETWORK_V6 = 48,
    DAY = 86400,
};

int store_rule_add(struct store *store, enum store_list list, const struct store_rule *rule)
{
    int rc = limit(store, rule->pattern, STORE_NAME_MAX, "pattern");
    sqlite3_stmt *q;

    if (rc == 0)
        rc = limit(store, rule->reason, STORE_TEXT_MAX, "reason");
    if (rc == 0)
        rc = limit(store, rule->who, STORE_NAME_MAX, "name");
    if (rc == 0)
        rc = write_begin(store);
    if (rc < 0)
        return rc;
    q = sql_use(store, SQL_RULE_ADD);
    sqlite3_bind_int(q, 1, (int)list);
    sql_text_bind(q, 2, rule->pattern);
    sql_text_bind(q, 3, rule->reason);
    sql_text_bind(q, 4, rule->who);
    sqlite3_bind_int64(q, 5, rule->added_wall);
    rc = sql_run(store, q);
    if (rc == 0 && sqlite3_changes(store->db) == 0)
        rc = STORE_EXISTS;
    return write_end(store, rc);
}

int store_rule_remove(struct store *store, enum store_list list, struct span pattern)
{
    int rc = write_begin(store);
    sqlite3_stmt *q;

    if (rc < 0)
        return rc;
    q = sql_use(store, SQL_RULE_REMOVE);
    sqlite3_bind_int(q, 1, (int)list);
    sql_text_bind(q, 2, pattern);
    rc = sql_run(store, q);
    if (rc == 0 && sqlite3_changes(store->db) == 0)
        rc = STORE_NONE;
    return write_end(store, rc);
}

struct each_rule {
    store_rule_fn *fn;
    void *ctx;
    enum store_list list;
};

static int each_rule(void *ctx, sqlite3_stmt *q)
{
    const struct each_rule *each = ctx;

    return each->fn(each->ctx, each->list,
                    &(struct store_rule){
                        .pattern = sql_span(q, 0),
                        .reason = sql_span(q, 1),
                        .who = sql_span(q, 2),
                        .added_wall = sqlite3_column_int64(q, 3),
                    });
}

int store_rules_each(struct store *store, enum store_list list, store_rule_fn *fn, void *ctx)
{
    struct each_rule each = {fn, ctx, list};
    sqlite3_stmt *q = sql_use(store, SQL_RULES);

    sqlite3_bind_int(q, 1, (int)list);
    return sql_each(store, q, each_rule, &each);
}

int store_tested_get(struct store *store, struct ip address, int64_t *ret_wall)
{
    sqlite3_stmt *q = sql_use(store, SQL_TESTED_GET);
    int rc;

    sql_ip_bind(q, 1, address);
    rc = sql_row(store, q);
    if (rc == STORE_OK)
        *ret_wall = sqlite3_column_int64(q, 0);
    sql_done(q);
    return rc;
}

/* The network as a key: its address bytes; their number tells the families apart. */
static void network_bind(sqlite3_stmt *q, struct ip address, int64_t now_wall)
{
    bool v4 = address.family == IP_V4;
    struct ip_prefix net = ip_prefix_of(address, v4 ? NETWORK_V4 : NETWORK_V6);

    sql_ip_bind(q, 1, net.ip);
    sqlite3_bind_int64(q, 2, now_wall / DAY);
}

static int tested_put(struct store *store, struct ip address, int64_t now_wall)
{
    sqlite3_stmt *q = sql_use(store, SQL_TESTED_PUT);
    int rc;

    sql_ip_bind(q, 1, address);
    sqlite3_bind_int64(q, 2, now_wall);
    rc = sql_run(store, q);
    if (rc < 0)
        return rc;
    q = sql_use(store, SQL_NETWORK_ADD);
    network_bind(q, address, now_wall);
    return sql_run(store, q);
}

int store_tested_claim(struct store *store, struct ip address, int64_t now_wall, int64_t gap_s,
                       int64_t *ret_last_wall)
{
    int64_t last = 0;
    int rc = write_begin(store);

    if (rc < 0)
        return rc;
    rc = store_tested_get(store, address, &last);
    /* A last test in the future is a clock that was set back; it must not lock the host out. */
    if (rc == STORE_OK && last <= now_wall && now_wall - last < gap_s)
        rc = STORE_SOON;
    else if (rc >= 0)
        rc = tested_put(store, address, now_wall);
    *ret_last_wall = last;
    return write_end(store, rc);
}

int store_network_tests(struct store *store, struct ip address, int64_t now_wall, uint64_t *ret)
{
    sqlite3_stmt *q = sql_use(store, SQL_NETWORK_GET);
    int rc;

    *ret = 0;
    network_bind(q, address, now_wall);
    rc = sql_row(store, q);
    if (rc == STORE_OK)
        *ret = (uint64_t)sqlite3_column_int64(q, 0);
    sql_done(q);
    return rc == STORE_NONE ? STORE_OK : rc;
}
