/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Deeds are paid in time: each costs 60 s / per_minute, and a client may be in debt by a minute.
 * That is a token bucket held in one number, with nothing to refill.
 *
 * The table is searched from end to end. A thousand comparisons cost less than the accept() before
 * them, and there is no hash for an attacker to aim at.
 */
#include "sink/rate.h"

enum { MINUTE = 60000 };

const char *rate_got_name(enum rate_got got)
{
    static const char *const names[] = {
        [RATE_OK] = "ok",
        [RATE_BUSY] = "busy",
        [RATE_FAST] = "fast",
    };

    return names[got];
}

static struct rate_client *find(struct rate *r, struct ip_prefix net)
{
    struct rate_client *silent = NULL;

    for (size_t i = 0; i < RATE_CLIENTS; i++) {
        struct rate_client *c = &r->clients[i];

        if (ip_eq(c->net.ip, net.ip))
            return c;
        if (c->active == 0 && (!silent || c->last < silent->last))
            silent = c;
    }
    if (silent)
        *silent = (struct rate_client){.net = net};
    return silent;
}

enum rate_got rate_deed(struct rate *r, struct rate_client *client, int64_t now)
{
    client->last = now;
    if (r->per_minute == 0)
        return RATE_OK;
    if (client->spent_until < now)
        client->spent_until = now;
    if (client->spent_until + MINUTE / r->per_minute > now + MINUTE)
        return RATE_FAST;
    client->spent_until += MINUTE / r->per_minute;
    return RATE_OK;
}

enum rate_got rate_enter(struct rate *r, struct ip ip, int64_t now, struct rate_client **ret_client)
{
    struct ip_prefix net = ip_prefix_of(ip, ip.family == IP_V6 ? 64 : 32);
    struct rate_client *client = find(r, net);
    enum rate_got got;

    if (!client || (r->at_once && client->active >= r->at_once))
        return RATE_BUSY;
    got = rate_deed(r, client, now);
    if (got != RATE_OK)
        return got;
    client->active++;
    *ret_client = client;
    return RATE_OK;
}

void rate_leave(struct rate *r, struct rate_client *client, int64_t now)
{
    client->active--;
    client->last = now;
}
