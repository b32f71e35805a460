/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two bounds on lines: one of a kind, one of a client, so that one flood neither fills the disk nor
 * hides what others did. Clients are counted in slots by hash; two that share a slot share its
 * bound, which costs a line and never more memory.
 */
#include "gate/logline.h"

const char *logline_kind_name(enum logline_kind k)
{
    static const char *const names[] = {
        [LOGLINE_CONNECT] = "connect", [LOGLINE_SESSION] = "session", [LOGLINE_MAIL] = "mail",
        [LOGLINE_REFUSAL] = "refusal", [LOGLINE_LOGIN] = "login",     [LOGLINE_KINDS] = "",
    };

    return names[k];
}

void logline_rate_init(struct logline_rate *r, uint32_t seed)
{
    *r = (struct logline_rate){.seed = seed};
}

static uint32_t hash_ip(uint32_t seed, struct ip ip)
{
    uint32_t h = seed ^ 2166136261U;

    if (ip.family == IP_V6)
        ip = ip_prefix_of(ip, 64).ip;
    for (size_t i = 0; i < sizeof(ip.b); i++)
        h = (h ^ ip.b[i]) * 16777619U;
    h = (h ^ (h >> 15) ^ seed) * 0x2c1b3c6dU;
    return h ^ (h >> 13);
}

bool logline_rate_turn(struct logline_rate *r, int64_t now, uint64_t ret_dropped[LOGLINE_KINDS])
{
    bool any = false;

    if (now - r->since < LOGLINE_WINDOW)
        return false;
    r->since = now;
    for (unsigned k = 0; k < LOGLINE_KINDS; k++) {
        ret_dropped[k] = r->dropped[k];
        any = any || r->dropped[k];
        r->dropped[k] = r->lines[k] = 0;
    }
    memset(r->client_lines, 0, sizeof(r->client_lines));
    return any;
}

bool logline_rate_ask(struct logline_rate *r, enum logline_kind k, struct ip client)
{
    unsigned at = hash_ip(r->seed, client) % LOGLINE_CLIENTS;

    if (k == LOGLINE_MAIL)
        return true;
    if (r->lines[k] >= LOGLINE_BURST || r->client_lines[at] >= LOGLINE_BURST_ONE) {
        r->dropped[k]++;
        return false;
    }
    r->lines[k]++;
    r->client_lines[at]++;
    return true;
}
