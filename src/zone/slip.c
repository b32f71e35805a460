/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Without its cookie in it, an answer that is cut would send who has cookies by TCP each time that
 * somebody forges its address. Of a question that was not understood, the cookie is not trusted to
 * be one.
 */
#include "zone/slip.h"

#include "zone/set_priv.h"

size_t zone_slip(const struct zone_set *set, const struct zone_client *client,
                 const struct dns_query *q, uint8_t *out)
{
    uint8_t full[DNS_COOKIE_FULL];
    struct dns_reply r;

    dns_reply_begin(&r, q, out, DNS_REPLY_MIN);
    if (set->has_cookies && q->edns.cookie_n && q->question_end && q->opcode == DNS_OPCODE_QUERY) {
        dns_cookie_make(&set->cookie_keys, (const uint8_t *)dns_query_cookie(q).p, client->ip,
                        client->now_wall, full);
        dns_reply_cookie(&r, full, sizeof(full));
        dns_reply_rcode(&r, DNS_BADCOOKIE);
    } else {
        dns_reply_slip(&r);
    }
    return dns_reply_finish(&r);
}
