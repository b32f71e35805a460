/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Signed questions are those of secondaries, a few an hour: they are told from the others by one
 * comparison, and all that concerns them stands apart.
 */
#include "cmd/dns/respond.h"

#include "cmd/dns/site.h"

/* A TSIG that does not hold: RFC 8945 §5.2. */
static size_t refuse(struct asked *a, enum dns_tsig_got why, uint8_t *out, size_t max,
                     int64_t now_wall, struct zone_outcome *got)
{
    struct dns_reply r;
    size_t n;

    *got = (struct zone_outcome){.result = ZONE_REFUSED, .type = a->q.type, .rcode = DNS_NOTAUTH};
    if (why == DNS_TSIG_FORMERR) {
        got->result = ZONE_MALFORMED;
        got->rcode = DNS_FORMERR;
    }
    dns_reply_begin(&r, &a->q, out, max);
    if (why != DNS_TSIG_FORMERR)
        dns_reply_keep(&r, dns_tsig_room(&a->tsig));
    dns_reply_rcode(&r, got->rcode);
    n = dns_reply_finish(&r);
    return why == DNS_TSIG_FORMERR ? n : dns_tsig_sign(&a->tsig, out, n, max, now_wall);
}

static size_t respond_signed(const struct served *s, const struct zone_client *client, uint8_t *out,
                             size_t max, struct asked *a, enum dns_parse parsed,
                             struct zone_outcome *got)
{
    struct zone_client signer = *client;
    const struct dns_tsig_key *keys;
    size_t count = site_tsig_keys(s->site, &keys), n;
    enum dns_tsig_got held = dns_tsig_check(&a->tsig, keys, count, &a->q, client->now_wall);

    if (held != DNS_TSIG_OK)
        return refuse(a, held, out, max, client->now_wall, got);
    signer.tsig = a->tsig.key;
    n = zone_answer_query(s->set, &signer, &a->q, parsed, out, max, dns_tsig_room(&a->tsig), got);
    return n ? dns_tsig_sign(&a->tsig, out, n, max, client->now_wall) : 0;
}

size_t respond(const struct served *s, const struct zone_client *client, struct span packet,
               uint8_t *out, size_t max, struct asked *asked, struct zone_outcome *got)
{
    enum dns_parse parsed = dns_query_parse(&asked->q, (const uint8_t *)packet.p, packet.n);

    if (parsed == DNS_PARSE_OK && asked->q.tsig_at)
        return respond_signed(s, client, out, max, asked, parsed, got);
    return zone_answer_query(s->set, client, &asked->q, parsed, out, max, 0, got);
}
