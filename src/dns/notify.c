/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A few tries at growing distances, as §3.6 asks: 2, 4, 8, 16, 32 seconds, about a minute in all.
 * Who does not answer then learns of the change when the refresh time of the SOA has passed.
 */
#include "dns/notify.h"

void dns_notify_start(struct dns_notify *x, uint16_t id, int64_t now)
{
    *x = (struct dns_notify){.state = DNS_NOTIFY_DUE, .id = id, .next = now};
}

/* A query of the zone's SOA with another opcode, and the SOA itself as its answer. */
static size_t message_write(const struct dns_notify *x, const struct dns_name *zone,
                            const struct dns_soa *soa, uint8_t *out, size_t max)
{
    size_t n = dns_query_write(out, max, x->id, zone, DNS_TYPE_SOA, false);
    struct dns_soa_laid laid;
    struct dns_query q;
    struct dns_reply r;

    if (n == 0)
        return 0;
    dns_query_parse(&q, out, n);
    /* The question stands where a reply has it, so the reply can go on in the same packet. */
    r = (struct dns_reply){.p = out, .q = &q, .max = (uint32_t)max};
    dns_reply_clear(&r);
    dns_soa_lay(soa, zone, &laid);
    dns_reply_soa(&r, DNS_OWNER_QUESTION, 0, &laid);
    dns_wire_put16(out + 6, r.counts[DNS_ANSWER]);
    out[2] = DNS_OPCODE_NOTIFY << 3 | 0x04;
    return r.n;
}

size_t dns_notify_step(struct dns_notify *x, const struct dns_name *zone, const struct dns_soa *soa,
                       uint8_t *out, size_t max, int64_t now)
{
    if (x->state != DNS_NOTIFY_DUE || now < x->next)
        return 0;
    if (x->tries == DNS_NOTIFY_TRIES) {
        x->state = DNS_NOTIFY_GAVE_UP;
        return 0;
    }
    x->next = now + ((int64_t)DNS_NOTIFY_FIRST << x->tries);
    x->tries++;
    return message_write(x, zone, soa, out, max);
}

bool dns_notify_answer(struct dns_notify *x, const struct dns_name *zone, const uint8_t *packet,
                       size_t n)
{
    size_t at = DNS_HEADER;
    struct dns_name name;

    if (x->state != DNS_NOTIFY_DUE || x->tries == 0 || n < DNS_HEADER ||
        dns_wire_get16(packet) != x->id || (packet[2] & 0xf8) != (0x80 | DNS_OPCODE_NOTIFY << 3))
        return false;
    /* RFC 1996 §4.7: the question comes back; a server that fails may leave it out. */
    if (dns_wire_get16(packet + 4) > 0 &&
        (!dns_name_read(packet, n, &at, &name) || !dns_name_eq(&name, zone)))
        return false;
    x->rcode = packet[3] & 15;
    x->state = DNS_NOTIFY_DONE;
    return true;
}
