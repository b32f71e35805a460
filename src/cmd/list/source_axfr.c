/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A zone's records as a list. An owner that reads as an address or a prefix ("*.2.0.192") is one,
 * any other is a name; the apex and the test entries of RFC 5782 §5 (127.0.0.2 and its kin, TEST)
 * are no listings. Sub-zones' delegations and all types but A and TXT are passed over, and an A
 * outside 127.0.0.0/8: that is a host's (ns1.bl.example.org), no code (RFC 5782 §2.3).
 */
#include "cmd/list/source_priv.h"
#include "cmd/list/transfer.h"
#include "dns/blname.h"
#include "zone/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

struct axfr {
    struct zone_data *data;
    struct zone_table *v4, *v6, *names;
    struct dns_name zone, owner; /* of the records at hand */
    uint32_t a[16];
    size_t a_count;
    uint32_t ttl;
    uint8_t txt[ZONE_TEMPLATE_MAX / 2];
    size_t txt_n;
};

/* Where each label before the zone begins; how many. */
static unsigned labels_of(const struct axfr *x, uint8_t at[DNS_LABELS_MAX + 1])
{
    unsigned count = 0, before = 0;
    size_t p = 0;

    if (!dns_name_below(&x->owner, &x->zone, &before))
        return 0;
    for (; count < before; count++) {
        at[count] = (uint8_t)p;
        p += x->owner.wire[p] + 1U;
    }
    at[count] = (uint8_t)p;
    return count;
}

static int add_address(struct axfr *x, const uint8_t *at, unsigned labels, bool wild,
                       uint32_t value, bool *ret_done)
{
    uint32_t ip4;
    uint64_t ip6[2];
    unsigned len;
    enum dns_blname got = dns_blname_read4(x->owner.wire, at, labels, &ip4, &len);

    *ret_done = true;
    if (labels && (got == DNS_BLNAME_ADDRESS || (got == DNS_BLNAME_PREFIX && wild))) {
        uint32_t rest = len ? (uint32_t)((UINT64_C(1) << (32 - len)) - 1) : UINT32_MAX;

        return ip4 >> 24 == 127 ? 0 : zone_table_add4(x->v4, ip4, ip4 | rest, value, 0);
    }
    got = dns_blname_read6(x->owner.wire, at, labels, ip6, &len);
    if (labels && (got == DNS_BLNAME_ADDRESS || (got == DNS_BLNAME_PREFIX && wild))) {
        struct zone_ip6 from = {ip6[0], ip6[1]};

        /* ::ffff:127.0.0.2 */
        if (!from.hi && from.lo >> 24 == UINT64_C(0xffff7f))
            return 0;
        return zone_table_add6(x->v6, from, len, value, 0);
    }
    *ret_done = false;
    return 0;
}

static int add_name(struct axfr *x, const uint8_t *at, unsigned labels, bool wild, uint32_t value)
{
    struct zone_rname key;
    const uint8_t *first = x->owner.wire + at[0];
    bool test = labels == 1 && ((first[0] == 4 && memcmp(first + 1, "test", 4) == 0) ||
                                (first[0] == 7 && memcmp(first + 1, "invalid", 7) == 0));

    if (test || !zone_rname_of_wire(first, (size_t)(at[labels] - at[0]), &key))
        return 0;
    return zone_table_add_name(x->names, &key, wild ? ZONE_WILD : ZONE_PLAIN, value, 0);
}

static int add_value(struct axfr *x, uint32_t a, const uint8_t *at, unsigned labels, bool wild)
{
    struct buf text = BUF_INIT(ZONE_TEMPLATE_MAX);
    uint32_t value;
    bool done;
    int rc;

    if (x->txt_n)
        zone_text_add(&text, span_of(x->txt, x->txt_n));
    rc = text.err
             ? text.err
             : zone_data_value(x->data,
                               &(struct zone_value){.a = a, .ttl = x->ttl, .text = buf_span(&text)},
                               &value);
    buf_deinit(&text);
    if (rc == 0)
        rc = add_address(x, at, labels, wild, value, &done);
    if (rc == 0 && !done)
        rc = add_name(x, at, labels, wild, value);
    return rc;
}

static int flush(struct axfr *x)
{
    uint8_t at[DNS_LABELS_MAX + 1];
    unsigned labels = x->owner.n ? labels_of(x, at) : 0;
    bool wild = labels && x->owner.wire[0] == 1 && x->owner.wire[1] == '*';
    int rc = 0;

    for (size_t i = 0; i < x->a_count && labels && rc == 0; i++)
        rc = add_value(x, x->a[i], at + wild, labels - wild, wild);
    x->a_count = x->txt_n = 0;
    return rc;
}

/* The first string of the first TXT: what clients show. */
static void take_txt(struct axfr *x, const struct dns_rr *rr)
{
    size_t n = rr->data.n ? (uint8_t)rr->data.p[0] : 0;

    if (x->txt_n || n + 1 > rr->data.n)
        return;
    memcpy(x->txt, rr->data.p + 1, n);
    x->txt_n = n;
}

static int on_record(void *cookie, const struct dns_rr *rr)
{
    struct axfr *x = cookie;
    struct dns_name owner = rr->owner;
    int rc = 0;

    dns_name_lower(&owner);
    if (!dns_name_eq(&owner, &x->owner)) {
        rc = flush(x);
        x->owner = owner;
    }
    if (rr->type == DNS_TYPE_A && rr->data.n == 4 && rr->data.p[0] == 127 && x->a_count < 16) {
        x->a[x->a_count++] = num_get32((const uint8_t *)rr->data.p);
        x->ttl = rr->ttl;
    } else if (rr->type == DNS_TYPE_TXT) {
        take_txt(x, rr);
    }
    return rc;
}

static int begin(struct axfr *x, struct source *s)
{
    x->data = source_data(s);
    if (!x->data || zone_data_table(x->data, ZONE_IPV4, ZONE_LONGEST, &x->v4) < 0 ||
        zone_data_table(x->data, ZONE_IPV6, ZONE_LONGEST, &x->v6) < 0 ||
        zone_data_table(x->data, ZONE_NAME, ZONE_LONGEST, &x->names) < 0)
        return -ENOMEM;
    return 0;
}

int source_axfr(struct span place, const char *spec, const struct source_options *o,
                struct source *s)
{
    struct axfr *x = calloc(1, sizeof(*x));
    struct transfer t = {0};
    struct dns_tsig_key key;
    size_t at = span_rfind(place, '@');
    char why[TRANSFER_ERROR_MAX];
    struct span host;
    int rc;

    if (!x)
        return -ENOMEM;
    if (at == place.n || !dns_name_parse(span_slice(place, 0, at), &t.zone) ||
        !ip_host_port(span_slice(place, at + 1, place.n), &host, &t.port) ||
        !ip_parse(host, &t.ip)) {
        free(x);
        return source_say(o, EX_USAGE, spec, "a transfer is axfr:ZONE@ADDRESS[:PORT]");
    }
    if (o->tsig && !dns_tsig_key_parse(span_str(o->tsig), &key)) {
        free(x);
        return source_say(o, EX_USAGE, spec, "the key is no [alg:]name:base64");
    }
    t.key = o->tsig ? &key : NULL;
    dns_name_lower(&t.zone);
    x->zone = t.zone;
    rc = begin(x, s);
    if (rc == 0)
        rc = transfer_run(&t, on_record, x, why);
    if (rc == 0)
        rc = flush(x);
    else if (why[0])
        rc = source_say(o, EX_UNAVAILABLE, spec, why);
    free(x);
    return rc;
}
