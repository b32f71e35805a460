/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recipients are counted in thirteen slices of five minutes, so that no hour has more than the
 * limit, wherever it begins. Networks are kept with the time they were last seen from. Failures are
 * counted from the first one on, and all forgotten together when failure_time has passed since.
 *
 * A success does not clear the failures of its address: who guesses passwords may well own an
 * account here. Failures of a login only slow down the answers to further failures.
 */
#include "auth/brakes.h"

#include "auth/table.h"

#include <errno.h>
#include <stdlib.h>

enum {
    SLICES = 13,
    SLICE = 300000, /* ms */
    DAY = 86400000, /* ms */
};

struct failures {
    unsigned count;
    int64_t since;
};

struct address {
    struct failures failures;
};

struct network {
    uint64_t hash; /* 0: free */
    int64_t seen;
};

struct login {
    struct failures failures;
    int64_t slice; /* the number of the newest one */
    unsigned recipients[SLICES];
    struct network networks[AUTH_BRAKES_PREFIXES_MAX];
};

struct auth_brakes {
    struct auth_brakes_config config;
    struct auth_table *logins, *addresses;
};

static void take_config(struct auth_brakes *b, const struct auth_brakes_config *config)
{
    b->config = *config;
    if (b->config.prefixes_per_day > AUTH_BRAKES_PREFIXES_MAX)
        b->config.prefixes_per_day = AUTH_BRAKES_PREFIXES_MAX;
}

int auth_brakes_new(const struct auth_brakes_config *config, struct auth_brakes **ret)
{
    struct auth_brakes *b = calloc(1, sizeof(*b));

    if (!b)
        return -ENOMEM;
    take_config(b, config);
    if (auth_table_new(config->rows, sizeof(struct login), &b->logins) < 0 ||
        auth_table_new(config->rows, sizeof(struct address), &b->addresses) < 0) {
        auth_brakes_free(&b);
        return -ENOMEM;
    }
    *ret = b;
    return 0;
}

void auth_brakes_free(struct auth_brakes **b)
{
    if (!*b)
        return;
    auth_table_free(&(*b)->logins);
    auth_table_free(&(*b)->addresses);
    explicit_bzero(*b, sizeof(**b));
    free(*b);
    *b = NULL;
}

void auth_brakes_change(struct auth_brakes *b, const struct auth_brakes_config *config)
{
    struct auth_brakes_config was = b->config;

    take_config(b, config);
    b->config.rows = was.rows;
    memcpy(b->config.key, was.key, sizeof(was.key));
}

static struct auth_table_id prefix_id(const struct auth_brakes *b, struct ip ip, unsigned v4,
                                      unsigned v6)
{
    struct ip_prefix net = ip_prefix_of(ip, ip.family == IP_V6 ? v6 : v4);
    uint8_t bytes[1 + sizeof(net.ip.b)];

    bytes[0] = (uint8_t)net.ip.family;
    memcpy(bytes + 1, net.ip.b, sizeof(net.ip.b));
    return auth_table_id(b->config.key, 'a', span_of(bytes, sizeof(bytes)));
}

static unsigned live(const struct auth_brakes *b, const struct failures *f, int64_t now)
{
    return f->count && now - f->since < b->config.failure_time ? f->count : 0;
}

static unsigned count_failure(const struct auth_brakes *b, struct failures *f, int64_t now)
{
    if (live(b, f, now) == 0)
        *f = (struct failures){.since = now};
    return ++f->count;
}

enum auth_brake auth_brakes_try(struct auth_brakes *b, struct ip ip, int64_t now)
{
    struct auth_table_id id = prefix_id(b, ip, 32, 64);
    const struct address *a = auth_table_find(b->addresses, &id);

    if (!a || b->config.failures_max == 0 || live(b, &a->failures, now) < b->config.failures_max)
        return AUTH_BRAKE_NONE;
    return AUTH_BRAKE_FAILURES;
}

static struct login *take_login(struct auth_brakes *b, struct span login)
{
    struct auth_table_id id = auth_table_login(b->config.key, 'l', login);

    return auth_table_take(b->logins, &id);
}

int64_t auth_brakes_failed(struct auth_brakes *b, struct span login, struct ip ip, int64_t now)
{
    struct auth_table_id id = prefix_id(b, ip, 32, 64);
    struct address *a = auth_table_take(b->addresses, &id);
    unsigned n = count_failure(b, &a->failures, now);
    int64_t delay = b->config.delay_first;

    if (login.n) {
        unsigned of_login = count_failure(b, &take_login(b, login)->failures, now);

        n = of_login > n ? of_login : n;
    }
    while (--n > 0 && delay < b->config.delay_max)
        delay *= 2;
    return delay < b->config.delay_max ? delay : b->config.delay_max;
}

/* The network's row, one that is free or out of date, or NULL when the day's are all in use. */
static struct network *network_of(const struct auth_brakes *b, struct login *l, uint64_t hash,
                                  int64_t now)
{
    struct network *room = NULL;
    unsigned used = 0;

    for (size_t i = 0; i < AUTH_BRAKES_PREFIXES_MAX; i++) {
        struct network *n = &l->networks[i];

        if (n->hash && now - n->seen >= DAY)
            *n = (struct network){0};
        if (n->hash == hash)
            return n;
        used += n->hash != 0;
        if (!n->hash && !room)
            room = n;
    }
    return used < b->config.prefixes_per_day ? room : NULL;
}

enum auth_brake auth_brakes_login(struct auth_brakes *b, struct span login, struct ip ip,
                                  int64_t now)
{
    struct auth_table_id id = prefix_id(b, ip, 24, 48);
    struct network *n;
    uint64_t hash;

    if (b->config.prefixes_per_day == 0)
        return AUTH_BRAKE_NONE;
    memcpy(&hash, id.b, sizeof(hash));
    hash |= 1; /* 0 is a free row */
    n = network_of(b, take_login(b, login), hash, now);
    if (!n)
        return AUTH_BRAKE_PREFIXES;
    *n = (struct network){.hash = hash, .seen = now};
    return AUTH_BRAKE_NONE;
}

/* Moves the slices on to now, forgetting what is older than an hour; their sum. */
static uint64_t turn_slices(struct login *l, int64_t now)
{
    int64_t slice = now / SLICE;
    uint64_t sum = 0;

    if (slice - l->slice >= SLICES || slice < l->slice)
        memset(l->recipients, 0, sizeof(l->recipients));
    for (int64_t s = l->slice + 1; s <= slice && slice - l->slice < SLICES; s++)
        l->recipients[s % SLICES] = 0;
    l->slice = slice;
    for (size_t i = 0; i < SLICES; i++)
        sum += l->recipients[i];
    return sum;
}

static void count_recipients(struct login *l, unsigned n)
{
    unsigned *at = &l->recipients[l->slice % SLICES];

    *at = n > UINT32_MAX - *at ? UINT32_MAX : *at + n;
}

enum auth_brake auth_brakes_recipient(struct auth_brakes *b, struct span login, int64_t now)
{
    struct login *l;

    if (b->config.recipients_per_hour == 0)
        return AUTH_BRAKE_NONE;
    l = take_login(b, login);
    if (turn_slices(l, now) >= b->config.recipients_per_hour)
        return AUTH_BRAKE_RECIPIENTS;
    count_recipients(l, 1);
    return AUTH_BRAKE_NONE;
}

void auth_brakes_heard(struct auth_brakes *b, struct span login, unsigned recipients, int64_t now)
{
    struct login *l;

    if (b->config.recipients_per_hour == 0)
        return;
    l = take_login(b, login);
    turn_slices(l, now);
    count_recipients(l, recipients);
}
