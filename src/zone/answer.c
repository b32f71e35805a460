/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a question to its answer, in the order in which a reason to say no may stand: the packet
 * itself, its class, cookies, whose zone, who asks, what may be had by whom; then the name, then
 * the type (answer_name.c).
 *
 * Nobody is ever told "listed" to be got rid of: who may not ask is refused with a reason (RFC
 * 8914).
 */
#include "zone/answer.h"

#include "zone/answer_priv.h"

#include <assert.h>

enum {
    TYPE_DS = 43, /* lives on the parent's side of a zone cut, RFC 4035 §3.1.4.1 */
};

static const char *const result_names[ZONE_RESULTS] = {
    "dropped", "malformed", "notimp",    "refused",  "failed",   "listed", "nxdomain",
    "nodata",  "meta",      "badcookie", "transfer", "notified", "signed",
};

const char *zone_result_name(enum zone_result result)
{
    return result_names[result];
}

void zone_way_refuse(struct zone_way *w, enum dns_ede why, const char *text)
{
    dns_reply_clear(&w->r);
    dns_reply_rcode(&w->r, DNS_REFUSED);
    dns_reply_ede(&w->r, why, span_str(text));
    w->out->result = ZONE_REFUSED;
}

static bool may_transfer(const struct zone_way *w)
{
    const struct dns_tsig_key *signer = w->client->tsig;

    for (size_t i = 0; i < w->zone->transfer_count; i++) {
        const struct zone_transfer *t = &w->zone->transfers[i];

        if (ip_prefix_has(t->net, w->client->ip) &&
            (t->key.n == 0 || (signer && dns_name_eq(&t->key, &signer->name))))
            return true;
    }
    return false;
}

static void no_data(struct zone_way *w)
{
    dns_reply_rcode(&w->r, DNS_SERVFAIL);
    dns_reply_ede(&w->r, DNS_EDE_NOT_READY, SPAN_LIT("no good data of this zone"));
    w->out->result = ZONE_FAILED;
}

/* AXFR and IXFR. A stream is the server's to send; by UDP there is only IXFR's short answer. */
static void transfer(struct zone_way *w)
{
    const struct zone *z = w->zone;
    uint32_t have;

    if (w->zone_label != 0 || !z->has_soa) {
        dns_reply_rcode(&w->r, DNS_NOTAUTH);
        w->out->result = ZONE_REFUSED;
    } else if (!may_transfer(w)) {
        zone_way_refuse(w, DNS_EDE_PROHIBITED, "no transfer of this zone for this client");
    } else if (w->q->type == DNS_TYPE_IXFR && !dns_query_ixfr_serial(w->q, &have)) {
        dns_reply_rcode(&w->r, DNS_FORMERR); /* RFC 1995 §3: from what on? */
        w->out->result = ZONE_MALFORMED;
    } else if (z->state == ZONE_BROKEN) {
        no_data(w);
    } else if (w->client->tcp) {
        w->out->result = ZONE_TRANSFER;
    } else if (w->q->type == DNS_TYPE_IXFR) {
        /* RFC 1995 §2: the SOA alone, by which the client sees that it must come by TCP, or not. */
        dns_reply_aa(&w->r, true);
        dns_reply_soa(&w->r, DNS_OWNER_QUESTION, z->soa_ttl, &z->laid_soa);
        w->out->result = ZONE_META;
    } else {
        zone_way_refuse(w, DNS_EDE_NOT_SUPPORTED, "AXFR is by TCP only (RFC 5936)");
    }
}

/* The label before the zone's: a key? False when the question is refused for it. */
static bool customer(struct zone_way *w)
{
    const struct zone *z = w->zone;
    const uint8_t *label;
    uint32_t number;

    if (w->labels == 0)
        return true;
    label = w->q->name + w->q->label_at[w->labels - 1];
    w->out->key_at = z->key_required ? w->q->label_at[w->labels - 1] + 1 : 0;
    switch (zone_keys_check(z->keys, span_of(label + 1, label[0]), &number)) {
    case ZONE_KEY_GOOD:
        w->out->key_at = w->q->label_at[w->labels - 1] + 1;
        w->labels--;
        w->out->customer = number;
        return true;
    case ZONE_KEY_REVOKED:
        w->out->key_at = w->q->label_at[w->labels - 1] + 1;
        w->out->customer = number;
        zone_way_refuse(w, DNS_EDE_PROHIBITED, "this key is revoked");
        return false;
    case ZONE_KEY_UNKNOWN:
        break;
    }
    if (!z->key_required)
        return true;
    zone_way_refuse(w, DNS_EDE_PROHIBITED, "a key is needed as the label before the zone");
    return false;
}

/* CHAOS: who are you. RFC 4892; anything else of that class is refused. */
static void chaos(struct zone_way *w)
{
    static const struct {
        uint8_t wire[16], n;
        bool version;
    } names[] = {
        {"\7version\4bind", 14, true},
        {"\7version\6server", 16, true},
        {"\2id\6server", 11, false},
        {"\10hostname\4bind", 15, false},
    };
    bool txt = w->q->type == DNS_TYPE_TXT || w->q->type == DNS_TYPE_ANY;

    for (size_t i = 0; txt && i < sizeof(names) / sizeof(names[0]); i++) {
        struct span say = names[i].version ? span_of(w->set->version, w->set->version_n)
                                           : span_of(w->set->nsid, w->set->nsid_n);

        if (w->q->name_n != names[i].n || say.n == 0 ||
            memcmp(w->q->name, names[i].wire, names[i].n) != 0)
            continue;
        dns_reply_aa(&w->r, true);
        dns_reply_txt(&w->r, DNS_OWNER_QUESTION, 0, say);
        w->out->result = ZONE_META;
        return;
    }
    zone_way_refuse(w, DNS_EDE_OTHER, "");
}

/* Puts our cookie into the answer. */
static void cookie(struct zone_way *w)
{
    struct span in = dns_query_cookie(w->q);
    const struct dns_cookie_keys *keys = &w->set->cookie_keys;
    uint8_t full[DNS_COOKIE_FULL];
    enum dns_cookie got = dns_cookie_check(keys, in, w->client->ip, w->client->now_wall);

    w->out->cookie_good = got == DNS_COOKIE_GOOD || got == DNS_COOKIE_OLD;
    if (got == DNS_COOKIE_GOOD) {
        dns_reply_cookie(&w->r, (const uint8_t *)in.p, in.n);
    } else if (got != DNS_COOKIE_NONE) {
        dns_cookie_make(keys, (const uint8_t *)in.p, w->client->ip, w->client->now_wall, full);
        dns_reply_cookie(&w->r, full, sizeof(full));
    }
}

/* Who sends cookies comes again with ours (RFC 7873 §5.2.3); who knows none, by TCP. */
static void ask_again(struct zone_way *w)
{
    if (w->q->edns.cookie_n)
        dns_reply_rcode(&w->r, DNS_BADCOOKIE);
    else
        dns_reply_slip(&w->r);
    w->out->result = ZONE_BADCOOKIE;
}

/* No question, only a cookie, RFC 7873 §5.4: it gets ours, and learns of a false one. */
static void cookie_alone(struct zone_way *w)
{
    bool first = dns_query_cookie(w->q).n == DNS_COOKIE_CLIENT;

    if (!w->set->has_cookies) {
        dns_reply_rcode(&w->r, DNS_FORMERR);
        w->out->result = ZONE_MALFORMED;
        return;
    }
    cookie(w);
    dns_reply_rcode(&w->r, first || w->out->cookie_good ? DNS_NOERROR : DNS_BADCOOKIE);
    w->out->result = first || w->out->cookie_good ? ZONE_META : ZONE_BADCOOKIE;
}

static bool is_transfer(uint16_t type)
{
    return type == DNS_TYPE_AXFR || type == DNS_TYPE_IXFR;
}

/* The zone is known, and the client may ask it. */
static void in_zone(struct zone_way *w, bool zone_below)
{
    const struct zone *z = w->zone;

    if (is_transfer(w->q->type)) {
        transfer(w);
        return;
    }
    if (z->state == ZONE_BROKEN) {
        no_data(w);
        return;
    }
    dns_reply_aa(&w->r, true);
    if (w->labels == 0 && w->zone_label == 0)
        zone_answer_apex(w);
    else if (!z->keys || w->trusted || zone_below || customer(w))
        zone_answer_below(w, zone_below);
}

/* Finds the zone and asks the ACLs. */
static void in_class(struct zone_way *w)
{
    const struct zone_set *set = w->set;
    bool zone_below;
    const struct zone *z = zone_set_look(set, w->q, &w->zone_label, &zone_below);

    if (z && w->q->type == TYPE_DS && w->zone_label == 0 && zone_set_parent(set, z)) {
        z = zone_set_parent(set, z);
        w->zone_label = w->q->labels - z->labels;
        zone_below = true;
    }
    w->zone = w->out->zone = z;
    w->labels = w->zone_label;
    if (z && z->acl && !w->trusted)
        w->rule = zone_acl_stronger(w->rule, zone_acl_find(z->acl, w->client->ip));
    if (w->rule && w->rule->action == ZONE_ACL_IGNORE)
        w->out->result = ZONE_DROPPED;
    else if (w->stranger)
        ask_again(w);
    else if (w->rule && w->rule->action == ZONE_ACL_REFUSE)
        zone_way_refuse(w, DNS_EDE_PROHIBITED, w->rule->text);
    else if (!z)
        zone_way_refuse(w, DNS_EDE_NOT_AUTHORITATIVE, "");
    else
        in_zone(w, zone_below);
}

/* What is no question that could be answered. */
static void no_question(struct zone_way *w, enum dns_parse parsed)
{
    switch (parsed) {
    case DNS_PARSE_OK:
    case DNS_PARSE_DROP:
        break;
    case DNS_PARSE_FORMERR:
        dns_reply_rcode(&w->r, DNS_FORMERR);
        w->out->result = ZONE_MALFORMED;
        break;
    case DNS_PARSE_BADVERS:
        dns_reply_rcode(&w->r, DNS_BADVERS);
        w->out->result = ZONE_MALFORMED;
        break;
    case DNS_PARSE_NOTIMP: {
        /* RFC 1996 §3.10: a NOTIFY to who is nobody's secondary. */
        bool notify = w->q->opcode == DNS_OPCODE_NOTIFY;

        dns_reply_rcode(&w->r, notify ? DNS_NOTAUTH : DNS_NOTIMP);
        w->out->result = notify ? ZONE_NOTIFIED : ZONE_NOTIMP;
        break;
    }
    case DNS_PARSE_COOKIE:
        cookie_alone(w);
        break;
    }
}

static void question(struct zone_way *w)
{
    const struct dns_query *q = w->q;
    const struct zone_set *set = w->set;

    if (q->edns.cookie_at && set->has_cookies)
        cookie(w);
    /* TCP and a good TSIG have shown the address already. */
    w->stranger = set->cookie_required && !w->out->cookie_good && !w->client->tcp &&
                  !w->client->tsig && !w->trusted;
    if (q->klass == DNS_CLASS_IN)
        in_class(w);
    else if (w->stranger)
        ask_again(w);
    else if (q->klass == DNS_CLASS_CH)
        chaos(w);
    else
        zone_way_refuse(w, DNS_EDE_OTHER, "");
}

/* All of it but what stands before a parsed question. */
static size_t finish(struct zone_way *w, enum dns_parse parsed, uint8_t *out, size_t max,
                     size_t kept)
{
    const struct dns_query *q = w->q;
    const struct zone_set *set = w->set;
    size_t n;

    *w->out = (struct zone_outcome){.result = ZONE_DROPPED};
    if (parsed == DNS_PARSE_DROP)
        return 0;
    if (!w->client->tcp) {
        size_t udp = dns_query_udp_max(q, set->udp_max);

        max = udp < max ? udp : max;
    }
    w->out->type = q->question_end ? q->type : 0;
    w->out->edns = q->edns.present;
    dns_reply_begin(&w->r, q, out, max);
    if (kept)
        dns_reply_keep(&w->r, kept);
    if (q->edns.nsid && set->nsid_n)
        dns_reply_nsid(&w->r, span_of(set->nsid, set->nsid_n));
    if (q->edns.keepalive && w->client->tcp)
        dns_reply_keepalive(&w->r, w->client->keepalive);
    if (set->any_acl && !w->trusted)
        w->rule = zone_acl_find(set->acl, w->client->ip);
    if (w->rule && w->rule->action == ZONE_ACL_IGNORE)
        return 0; /* whatever it is that came */
    if (parsed == DNS_PARSE_OK)
        question(w);
    else
        no_question(w, parsed);
    if (w->out->result == ZONE_DROPPED || w->out->result == ZONE_TRANSFER)
        return 0;
    w->out->rcode = w->r.rcode;
    n = dns_reply_finish(&w->r);
    w->out->truncated = w->r.tc;
    return n;
}

size_t zone_answer_query(const struct zone_set *set, const struct zone_client *client,
                         const struct dns_query *q, enum dns_parse parsed, uint8_t *out, size_t max,
                         size_t kept, struct zone_outcome *ret)
{
    struct zone_way w = {.set = set, .client = client, .q = q, .out = ret};

    return finish(&w, parsed, out, max, kept);
}

size_t zone_answer_trusted(const struct zone_set *set, const struct zone_client *client,
                           const struct dns_query *q, uint8_t *out, size_t max,
                           struct zone_outcome *ret)
{
    struct zone_way w = {.set = set, .client = client, .q = q, .out = ret, .trusted = true};

    return finish(&w, DNS_PARSE_OK, out, max, 0);
}

size_t zone_answer(const struct zone_set *set, const struct zone_client *client,
                   const uint8_t *packet, size_t n, uint8_t *out, size_t max,
                   struct zone_outcome *ret)
{
    struct dns_query q;
    enum dns_parse parsed = dns_query_parse(&q, packet, n);

    if (parsed == DNS_PARSE_OK && q.tsig_at) {
        *ret = (struct zone_outcome){.result = ZONE_SIGNED, .type = q.type, .edns = q.edns.present};
        return 0;
    }
    return zone_answer_query(set, client, &q, parsed, out, max, 0, ret);
}
