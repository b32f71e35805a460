/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a name of a zone that may be asked has: what it has is asked once (say.c), and the type only
 * chooses from it, so that a name that has anything, or has something below it, can never get
 * NXDOMAIN (RFC 8020), and a type nobody knows gets NODATA like any other (RFC 8906 §3.1.2).
 */
#include "zone/answer_priv.h"
#include "zone/say.h"

#include "base/num.h"

/* The SOA that makes a negative answer cacheable, RFC 2308 §3. */
static void negative(struct zone_way *w, enum dns_rcode rcode)
{
    const struct zone *z = w->zone;

    dns_reply_rcode(&w->r, rcode);
    dns_reply_section(&w->r, DNS_AUTHORITY);
    if (z->has_soa)
        dns_reply_soa(&w->r, dns_reply_owner_suffix(w->q, w->zone_label), z->negative_ttl,
                      &z->laid_soa);
    w->out->result = rcode == DNS_NXDOMAIN ? ZONE_NXDOMAIN : ZONE_NODATA;
}

static unsigned add_a(struct zone_way *w, const struct zone_say *say, uint32_t ttl)
{
    unsigned n = 0;

    for (unsigned i = 0; i < say->count; i++) {
        if (!zone_say_has_a(say, i))
            continue;
        dns_reply_a(&w->r, DNS_OWNER_QUESTION, ttl, say->v[i].a);
        n++;
    }
    return n;
}

/* Two texts may come out the same though they are of different names or templates. */
static bool said_before(const struct zone_way *w, const struct zone_say *say, unsigned i,
                        struct span text)
{
    char other[ZONE_TXT_MAX];

    for (unsigned k = 0; k < i; k++)
        if (say->v[k].text.n &&
            span_eq(text, span_of(other, zone_say_text(w->zone, w->q, say, &say->v[k], other))))
            return true;
    return false;
}

static unsigned add_txt(struct zone_way *w, const struct zone_say *say, uint32_t ttl)
{
    char text[ZONE_TXT_MAX];
    unsigned n = 0;

    for (unsigned i = 0; i < say->count; i++) {
        if (!zone_say_has_txt(say, i))
            continue;
        struct span s = span_of(text, zone_say_text(w->zone, w->q, say, &say->v[i], text));

        if (said_before(w, say, i, s))
            continue;
        dns_reply_txt(&w->r, DNS_OWNER_QUESTION, ttl, s);
        n++;
    }
    return n;
}

/* An RRset has a record once (RFC 2181 §5): is this one among the listings or in a run before? */
static bool had_before(const struct zone_say *say, unsigned run, const struct zone_record *rr)
{
    struct zone_record other;

    for (unsigned i = 0; rr->type == DNS_TYPE_A && rr->rdata.n == 4 && i < say->count; i++)
        if (say->v[i].a == num_get32((const uint8_t *)rr->rdata.p))
            return true;
    for (unsigned i = 0; i < run; i++)
        for (size_t k = 0; k < say->runs[i].count; k++)
            if (zone_image_record(say->runs[i].image, say->runs[i].first + k, &other) &&
                other.type == rr->type && span_eq(other.rdata, rr->rdata))
                return true;
    return false;
}

static unsigned add_records(struct zone_way *w, const struct zone_say *say, uint16_t type,
                            uint32_t ttl)
{
    struct zone_record rr;
    unsigned n = 0;

    for (unsigned i = 0; i < say->run_count; i++) {
        for (size_t k = 0; k < say->runs[i].count; k++) {
            if (!zone_image_record(say->runs[i].image, say->runs[i].first + k, &rr) ||
                rr.type != type || had_before(say, i, &rr))
                continue;
            dns_reply_rr(&w->r, DNS_OWNER_QUESTION, type, ttl, rr.rdata);
            n++;
        }
    }
    return n;
}

/* All that a name has of a type; the number of records. */
static unsigned add_type(struct zone_way *w, const struct zone_say *say, uint16_t type)
{
    uint32_t ttl = zone_say_ttl(w->zone, say, type);
    unsigned n = 0;

    if (type == DNS_TYPE_A)
        n = add_a(w, say, ttl);
    if (type == DNS_TYPE_TXT)
        n = add_txt(w, say, ttl);
    return say->run_count ? n + add_records(w, say, type, ttl) : n;
}

/* ANY gets one set of records, RFC 8482 §4.1: A, or TXT, or whichever comes first. */
static unsigned add_any(struct zone_way *w, const struct zone_say *say)
{
    unsigned n = add_type(w, say, DNS_TYPE_A);
    struct zone_record rr;

    if (n == 0)
        n = add_type(w, say, DNS_TYPE_TXT);
    for (unsigned i = 0; n == 0 && i < say->run_count; i++)
        if (zone_image_record(say->runs[i].image, say->runs[i].first, &rr))
            n = add_type(w, say, rr.type);
    return n;
}

/* What the zone has at its own name, beside records of the data. The number of records. */
static unsigned add_apex(struct zone_way *w, uint16_t type)
{
    const struct zone *z = w->zone;
    unsigned n = 0;

    if (type == DNS_TYPE_SOA && z->has_soa)
        return dns_reply_soa(&w->r, DNS_OWNER_QUESTION, z->soa_ttl, &z->laid_soa), 1;
    if (type == DNS_TYPE_NS)
        for (; n < z->ns_count; n++)
            dns_reply_named(&w->r, DNS_OWNER_QUESTION, DNS_TYPE_NS, z->ns_ttl, &z->ns[n]);
    if (type == DNS_TYPE_TXT && z->apex_txt)
        return dns_reply_txt(&w->r, DNS_OWNER_QUESTION, z->ttl, span_str(z->apex_txt)), 1;
    for (size_t i = 0; i < z->apex_count; i++) {
        const struct ip *ip = &z->apex[i];

        if (type == DNS_TYPE_A && ip->family == IP_V4)
            n += dns_reply_rr(&w->r, DNS_OWNER_QUESTION, type, z->ttl, span_of(ip->b, 4));
        if (type == DNS_TYPE_AAAA && ip->family == IP_V6)
            n += dns_reply_aaaa(&w->r, DNS_OWNER_QUESTION, z->ttl, ip->b);
    }
    return n;
}

void zone_answer_apex(struct zone_way *w)
{
    uint16_t type = w->q->type;
    struct zone_say say;
    unsigned n;

    if (type == DNS_TYPE_ANY)
        type = w->zone->has_soa ? DNS_TYPE_SOA : DNS_TYPE_NS;
    n = add_apex(w, type);
    /* NS and SOA are the zone's to say, RFC 1034 §4.2; the data's would make a second set. */
    if (n == 0) {
        zone_say(w->zone, w->q, 0, ZONE_SAY_RECORDS_ONLY, NULL, &say);
        n = add_type(w, &say, type);
    }
    w->out->result = ZONE_META;
    if (n == 0) {
        negative(w, DNS_NOERROR);
        w->out->result = ZONE_META;
    }
}

/* A TEST rule's own value in place of the zone's, "$" in its text the client, as in rbldnsd. */
static void say_rule(struct zone_way *w, const struct zone_say *say)
{
    const struct zone_acl_rule *rule = w->rule;
    char text[ZONE_ACL_TEXT_MAX + IP_TEXT_MAX], client[IP_TEXT_MAX];
    struct span all = span_str(rule->text), head = span_slice(all, 0, span_find(all, '$'));
    uint16_t type = w->q->type;
    size_t n = head.n;

    memcpy(text, all.p, n);
    if (head.n < all.n) {
        struct span ip = span_str(ip_text(w->client->ip, client));

        memcpy(text + n, ip.p, ip.n);
        n += ip.n;
        memcpy(text + n, all.p + head.n + 1, all.n - head.n - 1);
        n += all.n - head.n - 1;
    }
    w->out->result = ZONE_LISTED;
    if (type == DNS_TYPE_A || type == DNS_TYPE_ANY)
        dns_reply_a(&w->r, DNS_OWNER_QUESTION, w->zone->ttl, rule->a);
    else if (type == DNS_TYPE_TXT && n)
        dns_reply_txt(&w->r, DNS_OWNER_QUESTION, w->zone->ttl, span_of(text, n));
    else
        negative(w, DNS_NOERROR);
}

void zone_answer_below(struct zone_way *w, bool zone_below)
{
    enum zone_acl_action action = w->rule ? w->rule->action : ZONE_ACL_NONE;
    struct zone_say say;
    unsigned n;

    zone_say(w->zone, w->q, w->labels,
             action == ZONE_ACL_EMPTY ? ZONE_SAY_RECORDS_ONLY : ZONE_SAY_ALL, w->client->matcher,
             &say);
    if (action == ZONE_ACL_TEST && say.test) {
        say_rule(w, &say);
        return;
    }
    if (action == ZONE_ACL_TEST && say.run_count == 0 &&
        (say.count || !(say.around || zone_below))) {
        zone_way_refuse(w, DNS_EDE_PROHIBITED, "only the test entries may be asked from here");
        return;
    }
    if (say.count == 0 && say.run_count == 0) {
        negative(w, say.exists || zone_below ? DNS_NOERROR : DNS_NXDOMAIN);
        return;
    }
    n = w->q->type == DNS_TYPE_ANY ? add_any(w, &say) : add_type(w, &say, w->q->type);
    w->out->result = say.count ? ZONE_LISTED : ZONE_META;
    if (n == 0)
        negative(w, DNS_NOERROR);
}
