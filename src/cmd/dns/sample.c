/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One writer and one reader a ring, so two counters are all the order that is needed. */
#include "cmd/dns/sample.h"

#include "io/log.h"

void sample_put(struct sample_ring *r, const struct zone_client *client, struct span packet,
                const struct zone_outcome *got)
{
    uint32_t in = atomic_load_explicit(&r->in, memory_order_relaxed);
    const uint8_t *name = (const uint8_t *)packet.p + DNS_HEADER;
    struct sample *s = &r->v[in % SAMPLE_RING];
    size_t n = packet.n > DNS_HEADER ? dns_name_size(name, packet.n - DNS_HEADER) : 0;

    if (in - atomic_load_explicit(&r->out, memory_order_acquire) == SAMPLE_RING) {
        atomic_fetch_add_explicit(&r->lost, 1, memory_order_relaxed);
        return;
    }
    s->client = client->ip;
    s->result = got->result;
    s->type = got->type;
    s->rcode = got->rcode;
    s->tcp = client->tcp;
    s->name[0] = 0;
    memcpy(s->name, name, n);
    /* A customer's key says who asks, and others could ask with it. */
    if (got->key_at && got->key_at < n) {
        size_t at = got->key_at - 1u, after = at + 1u + s->name[at];

        memmove(s->name + at, s->name + after, n - after);
    }
    atomic_store_explicit(&r->in, in + 1, memory_order_release);
}

static void log_one(const struct sample *s, bool client, bool name)
{
    char type[DNS_TYPE_TEXT_MAX], rcode[DNS_RCODE_TEXT_MAX], text[DNS_NAME_TEXT_MAX];
    const char *transport = s->tcp ? "tcp" : "udp";

    dns_wire_type_name(s->type, type);
    dns_wire_rcode_name(s->rcode, rcode);
    if (client && name)
        log_info("query", "client", LOG_IP(s->client), "name", dns_name_text(s->name, text), "type",
                 type, "result", zone_result_name(s->result), "rcode", rcode, "transport",
                 transport, NULL);
    else if (client)
        log_info("query", "client", LOG_IP(s->client), "result", zone_result_name(s->result),
                 "transport", transport, NULL);
    else
        log_info("query", "name", dns_name_text(s->name, text), "type", type, "result",
                 zone_result_name(s->result), "rcode", rcode, NULL);
}

void sample_log(struct sample_ring *r, bool pairs)
{
    uint32_t in = atomic_load_explicit(&r->in, memory_order_acquire);
    uint32_t out = atomic_load_explicit(&r->out, memory_order_relaxed);

    for (; out != in; out++)
        log_one(&r->v[out % SAMPLE_RING], pairs || out % 2 == 0, pairs || out % 2 == 1);
    atomic_store_explicit(&r->out, out, memory_order_release);
}
