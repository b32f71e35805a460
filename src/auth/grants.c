/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A row an address: when its grant ends, and who has logged in from there lately. Users are kept
 * as keyed hashes with the time they were last seen; one more of them than are allowed to share is
 * all that needs remembering, and while there is that one more, nothing is granted. So an office
 * behind one NAT address with more users than that never gets a grant, and a carrier's gateway
 * loses it as soon as it shows itself.
 *
 * What this can't see is a stranger behind the same address who has no account here. That is why
 * addresses that are shared by their very kind are refused, and why grants are short.
 */
#include "auth/grants.h"

#include "auth/sasl.h"
#include "auth/table.h"

#include <errno.h>
#include <stdlib.h>

struct user {
    uint64_t hash; /* 0: none */
    int64_t seen;
};

struct row {
    struct auth_grant grant; /* until_wall 0: none */
    struct user users[AUTH_GRANT_USERS_MAX + 1];
};

struct auth_grants {
    struct auth_grants_config config; /* listed is ours */
    struct auth_table *table;
};

static int take_config(struct auth_grants *g, const struct auth_grants_config *config)
{
    struct ip_prefix *listed = NULL;

    if (config->listed_n) {
        listed = calloc(config->listed_n, sizeof(*listed));
        if (!listed)
            return -ENOMEM;
        memcpy(listed, config->listed, config->listed_n * sizeof(*listed));
    }
    g->config = *config;
    g->config.listed = listed;
    if (g->config.users_max > AUTH_GRANT_USERS_MAX)
        g->config.users_max = AUTH_GRANT_USERS_MAX;
    return 0;
}

static void free_listed(const struct auth_grants_config *config)
{
    free((void *)(uintptr_t)config->listed);
}

int auth_grants_new(const struct auth_grants_config *config, struct auth_grants **ret)
{
    struct auth_grants *g = calloc(1, sizeof(*g));

    if (!g)
        return -ENOMEM;
    if (take_config(g, config) < 0 ||
        auth_table_new(config->rows, sizeof(struct row), &g->table) < 0) {
        auth_grants_free(&g);
        return -ENOMEM;
    }
    *ret = g;
    return 0;
}

void auth_grants_free(struct auth_grants **g)
{
    if (!*g)
        return;
    auth_table_free(&(*g)->table);
    free_listed(&(*g)->config);
    free(*g);
    *g = NULL;
}

static bool space_fits(const struct auth_grants *g, struct ip ip)
{
    for (size_t i = 0; i < g->config.listed_n; i++)
        if (ip_prefix_has(g->config.listed[i], ip))
            return true;
    switch (ip_space(ip)) {
    case IP_PUBLIC:
    case IP_DOCUMENT:
        return true;
    case IP_LOOPBACK:
    case IP_PRIVATE:
    case IP_LINKLOCAL:
    case IP_SHARED:
    case IP_BENCHMARK:
    case IP_MULTICAST:
    case IP_RESERVED:
        break;
    }
    return false;
}

static unsigned users_seen(const struct auth_grants *g, const struct row *row, int64_t now_wall)
{
    unsigned n = 0;

    for (size_t i = 0; i <= AUTH_GRANT_USERS_MAX; i++)
        n += row->users[i].hash && now_wall - row->users[i].seen < g->config.shared_time;
    return n;
}

int auth_grants_change(struct auth_grants *g, const struct auth_grants_config *config)
{
    struct auth_grants_config was = g->config;
    struct row *row;

    if (take_config(g, config) < 0)
        return -ENOMEM;
    g->config.rows = was.rows;
    memcpy(g->config.key, was.key, sizeof(was.key));
    free_listed(&was);
    for (size_t i = 0; (row = auth_table_at(g->table, i)); i++)
        if (!space_fits(g, row->grant.ip))
            row->grant.until_wall = 0;
    return 0;
}

static struct auth_table_id id_of(const struct auth_grants *g, struct ip ip)
{
    uint8_t bytes[1 + sizeof(ip.b)];

    bytes[0] = (uint8_t)ip.family;
    memcpy(bytes + 1, ip.b, sizeof(ip.b));
    return auth_table_id(g->config.key, 'g', span_of(bytes, sizeof(bytes)));
}

/* Notes that the user was here; the one longest unseen makes room. */
static void note_user(const struct auth_grants *g, struct row *row, struct span user,
                      int64_t now_wall)
{
    struct auth_table_id id = auth_table_login(g->config.key, 'u', user);
    struct user *at = &row->users[0];
    uint64_t hash;

    memcpy(&hash, id.b, sizeof(hash));
    hash |= 1; /* 0 is none */
    for (size_t i = 0; i <= AUTH_GRANT_USERS_MAX && at->hash != hash; i++)
        if (row->users[i].hash == hash || row->users[i].seen < at->seen || !row->users[i].hash)
            at = &row->users[i];
    *at = (struct user){.hash = hash, .seen = now_wall};
}

enum auth_grants_got auth_grants_allow(struct auth_grants *g, struct ip ip, int64_t until_wall,
                                       struct span user, struct span source, int64_t now_wall)
{
    struct auth_table_id id;
    enum auth_grants_got got;
    struct row *row;

    if (ip.family == IP_NONE || (user.n && !auth_login_ok(user)) || !auth_login_ok(source) ||
        source.n > AUTH_GRANT_SOURCE_MAX)
        return AUTH_GRANTS_BAD;
    if (until_wall <= now_wall)
        return AUTH_GRANTS_PAST;
    if (!space_fits(g, ip))
        return AUTH_GRANTS_SPACE;
    id = id_of(g, ip);
    row = auth_table_take(g->table, &id);
    row->grant.ip = ip;
    note_user(g, row, user, now_wall);
    if (users_seen(g, row, now_wall) > g->config.users_max) {
        row->grant.until_wall = 0;
        return AUTH_GRANTS_SHARED;
    }
    got = row->grant.until_wall > now_wall ? AUTH_GRANTS_LONGER : AUTH_GRANTS_NEW;
    if (until_wall - now_wall > g->config.life_max)
        until_wall = now_wall + g->config.life_max;
    if (until_wall > row->grant.until_wall)
        row->grant.until_wall = until_wall;
    span_copy(user, row->grant.user, sizeof(row->grant.user));
    span_copy(source, row->grant.source, sizeof(row->grant.source));
    return got;
}

bool auth_grants_has(const struct auth_grants *g, struct ip ip, int64_t now_wall,
                     struct auth_grant *ret)
{
    struct auth_table_id id = id_of(g, ip);
    const struct row *row = auth_table_find(g->table, &id);

    if (!row || row->grant.until_wall <= now_wall)
        return false;
    /* The clock was set back: no grant lasts longer for it. */
    if (row->grant.until_wall - now_wall > g->config.life_max)
        return false;
    if (ret)
        *ret = row->grant;
    return true;
}

bool auth_grants_drop(struct auth_grants *g, struct ip ip)
{
    struct auth_table_id id = id_of(g, ip);
    struct row *row = auth_table_find(g->table, &id);
    bool was = row && row->grant.until_wall != 0;

    if (row)
        row->grant.until_wall = 0;
    return was;
}

size_t auth_grants_count(const struct auth_grants *g, int64_t now_wall)
{
    const struct row *row;
    size_t n = 0;

    for (size_t i = 0; (row = auth_table_at(g->table, i)); i++)
        n += row->grant.until_wall > now_wall;
    return n;
}

void auth_grants_each(const struct auth_grants *g, int64_t now_wall,
                      void (*fn)(void *cookie, const struct auth_grant *grant), void *cookie)
{
    const struct row *row;

    for (size_t i = 0; (row = auth_table_at(g->table, i)); i++)
        if (row->grant.until_wall > now_wall)
            fn(cookie, &row->grant);
}

void auth_grants_each_shared(const struct auth_grants *g, int64_t now_wall,
                             void (*fn)(void *cookie, struct ip ip, int64_t seen_wall),
                             void *cookie)
{
    const struct row *row;

    for (size_t i = 0; (row = auth_table_at(g->table, i)); i++) {
        int64_t first = INT64_MAX;

        if (users_seen(g, row, now_wall) <= g->config.users_max)
            continue;
        for (size_t u = 0; u < sizeof(row->users) / sizeof(row->users[0]); u++)
            if (row->users[u].hash && now_wall - row->users[u].seen < g->config.shared_time &&
                row->users[u].seen < first)
                first = row->users[u].seen;
        fn(cookie, row->grant.ip, first);
    }
}

/* Who they are nobody can say any more; that there are too many of them is enough. */
void auth_grants_share(struct auth_grants *g, struct ip ip, int64_t seen_wall)
{
    struct auth_table_id id;
    struct row *row;

    if (ip.family == IP_NONE || !space_fits(g, ip))
        return;
    id = id_of(g, ip);
    row = auth_table_take(g->table, &id);
    row->grant.ip = ip;
    row->grant.until_wall = 0;
    for (size_t u = 0; u <= g->config.users_max; u++)
        row->users[u] = (struct user){.hash = u + 1, .seen = seen_wall};
}
