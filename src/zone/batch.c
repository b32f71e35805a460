/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A name's records, in the order in which an answer has them. The question is made up: only its
 * name and its labels are filled in, which is all that zone_say() looks at.
 */
#include "zone/batch.h"

#include "dns/blname.h"
#include "dns/xfr.h"

enum stage { STAGE_A, STAGE_TXT, STAGE_RECORDS, STAGE_END };

void zone_batch_name(struct zone_batch *b, const struct zone *zone, const uint8_t *labels, size_t n)
{
    struct dns_query *q = &b->q;
    unsigned count = 0;
    size_t at = 0;

    memcpy(q->name, labels, n);
    memcpy(q->name + n, zone->name.wire, zone->name.n);
    q->name_n = (uint8_t)(n + zone->name.n);
    for (; q->name[at]; at += 1u + q->name[at])
        q->label_at[count++] = (uint8_t)at;
    q->label_at[count] = (uint8_t)at;
    q->labels = (uint8_t)count;
    b->zone = zone;
    zone_batch_rename(b, labels, n);
    b->say.count = b->say.run_count = 0;
    b->subject_n = 0;
    b->stage = STAGE_A;
    b->at = b->run = 0;
    b->apex = n == 0;
}

void zone_batch_rename(struct zone_batch *b, const uint8_t *labels, size_t n)
{
    memcpy(b->owner, labels, n);
    b->owner_n = n;
}

static void prefix_subject(struct zone_batch *b, const struct ip_prefix *net)
{
    size_t n = strlen(ip_text(net->ip, b->subject));

    b->subject[n++] = '/';
    if (net->len >= 100)
        b->subject[n++] = (char)('0' + net->len / 100);
    if (net->len >= 10)
        b->subject[n++] = (char)('0' + net->len / 10 % 10);
    b->subject[n++] = (char)('0' + net->len % 10);
    b->subject_n = n;
}

void zone_batch_block(struct zone_batch *b, const struct zone *zone,
                      const struct zone_branch *branch, const struct zone_block *block, bool six)
{
    struct ip_prefix net = {zone_wide_ip(block->first, six), block->len};
    struct ip_prefix first = {net.ip, six ? 128 : 32};
    uint8_t owner[DNS_NAME_MAX];
    size_t n = dns_blname_write(&first, owner);

    memcpy(owner + n, branch->sub, branch->sub_n);
    zone_batch_name(b, zone, owner, n + branch->sub_n);
    b->say.ip4 = (uint32_t)block->first;
    b->say.ip6 = (struct zone_ip6){(uint64_t)(block->first >> 64), (uint64_t)block->first};
    if (block->len == first.len)
        return;
    prefix_subject(b, &net);
    memcpy(owner, "\1*", 2);
    n = 2 + dns_blname_write(&net, owner + 2);
    memcpy(owner + n, branch->sub, branch->sub_n);
    zone_batch_rename(b, owner, n + branch->sub_n);
}

void zone_batch_ask(struct zone_batch *b)
{
    zone_say(b->zone, &b->q, b->q.labels - b->zone->labels, ZONE_SAY_ALL, NULL, &b->say);
    b->say.subject = span_of(b->subject, b->subject_n);
}

void zone_batch_hit(struct zone_batch *b, const struct zone_image *im, struct zone_hit hit,
                    enum zone_say_of of)
{
    unsigned n = zone_image_said_count(im, hit);
    struct zone_said said;

    b->say.subject = span_of(b->subject, b->subject_n);
    for (unsigned i = 0; i < n && b->say.count < ZONE_SAY_MAX; i++)
        if (zone_image_said(im, hit, i, &said))
            b->say.v[b->say.count++] =
                (struct zone_saying){.of = of,
                                     .to = (uint8_t)(b->q.labels - b->zone->labels),
                                     .a = said.a,
                                     .ttl = said.ttl ? said.ttl : b->zone->ttl,
                                     .evidence = said.evidence,
                                     .text = said.text};
}

static bool give(struct zone_batch *b, uint16_t type, uint32_t ttl, struct span data,
                 struct zone_rr *rr)
{
    *rr = (struct zone_rr){b->owner, b->owner_n, type, ttl, data};
    return true;
}

static bool next_a(struct zone_batch *b, uint8_t *data, struct zone_rr *rr)
{
    while (b->at < b->say.count) {
        unsigned i = b->at++;

        if (!zone_say_has_a(&b->say, i))
            continue;
        dns_wire_put32(data, b->say.v[i].a);
        return give(b, DNS_TYPE_A, zone_say_ttl(b->zone, &b->say, DNS_TYPE_A), span_of(data, 4),
                    rr);
    }
    return false;
}

static bool next_txt(struct zone_batch *b, uint8_t *data, struct zone_rr *rr)
{
    char text[ZONE_TXT_MAX];

    while (b->at < b->say.count) {
        unsigned i = b->at++;
        size_t n;

        if (!zone_say_has_txt(&b->say, i))
            continue;
        n = zone_say_text(b->zone, &b->q, &b->say, &b->say.v[i], text);
        n = dns_xfr_txt(span_of(text, n), data);
        return give(b, DNS_TYPE_TXT, zone_say_ttl(b->zone, &b->say, DNS_TYPE_TXT), span_of(data, n),
                    rr);
    }
    return false;
}

/* At the zone's own name its configuration goes before the data, as in an answer. */
static bool zone_has(const struct zone *z, uint16_t type)
{
    if (type == DNS_TYPE_NS)
        return z->ns_count > 0;
    if (type == DNS_TYPE_TXT)
        return z->apex_txt != NULL;
    for (size_t i = 0; i < z->apex_count; i++)
        if (type == (z->apex[i].family == IP_V6 ? DNS_TYPE_AAAA : DNS_TYPE_A))
            return true;
    return type == DNS_TYPE_SOA;
}

static bool next_record(struct zone_batch *b, struct zone_rr *rr)
{
    struct zone_record record;

    for (; b->run < b->say.run_count; b->run++, b->at = 0) {
        while (b->at < b->say.runs[b->run].count) {
            size_t i = b->say.runs[b->run].first + b->at++;

            if (!zone_image_record(b->say.runs[b->run].image, i, &record) ||
                (b->apex && zone_has(b->zone, record.type)))
                continue;
            return give(b, record.type, zone_say_ttl(b->zone, &b->say, record.type), record.rdata,
                        rr);
        }
    }
    return false;
}

bool zone_batch_next(struct zone_batch *b, uint8_t *data, struct zone_rr *rr)
{
    for (; b->stage < STAGE_END && b->zone; b->stage++, b->at = 0) {
        if ((b->stage == STAGE_A && next_a(b, data, rr)) ||
            (b->stage == STAGE_TXT && next_txt(b, data, rr)) ||
            (b->stage == STAGE_RECORDS && next_record(b, rr)))
            return true;
    }
    return false;
}
