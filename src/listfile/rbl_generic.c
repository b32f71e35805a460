/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rbldnsd's generic dataset: "name [ttl] [IN] type data", one record a line, A, TXT and MX. Names
 * on the left are below the zone's, those on the right are whole. The text of a TXT is the rest of
 * the line, with or without quotes around it; what stands behind an A is not looked at by rbldnsd,
 * and so not here.
 */
#include "listfile/rbl_addr.h"
#include "listfile/rbl_priv.h"
#include "listfile/rbl_word.h"

#include "base/num.h"
#include "dns/wire.h"

#include <errno.h>

/* The record's data on the wire. 0 when they are bad. */
static size_t put_a(struct span s, uint8_t out[ZONE_RDATA_MAX])
{
    uint32_t a;
    unsigned octets;

    if (rbl_value4(&s, &a, &octets) != RBL_ADDR_OK)
        return 0;
    num_put32(out, a);
    return 4;
}

static size_t put_txt(struct rbl_work *w, struct span s, uint8_t out[ZONE_RDATA_MAX])
{
    if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
        s = span_slice(s, 1, s.n - 1);
    if (s.n > RBL_TXT_MAX) {
        rbl_warn(w, s, "text cut at 255 octets", "shorten it");
        s.n = RBL_TXT_MAX;
    }
    out[0] = (uint8_t)s.n;
    if (s.n)
        memcpy(out + 1, s.p, s.n);
    return s.n + 1;
}

static size_t put_mx(struct span s, uint8_t out[ZONE_RDATA_MAX])
{
    struct dns_name name;
    uint32_t preference;

    if (!rbl_u32(&s, &preference) || preference > UINT16_MAX || !rbl_name(&s, &name) || s.n)
        return 0;
    num_put16(out, (uint16_t)preference);
    memcpy(out + 2, name.wire, name.n);
    return (size_t)name.n + 2;
}

static size_t put_data(struct rbl_work *w, struct span type, struct span s, uint16_t *ret_type,
                       uint8_t out[ZONE_RDATA_MAX])
{
    if (span_eq_nocase(type, SPAN_LIT("a"))) {
        *ret_type = DNS_TYPE_A;
        return put_a(s, out);
    }
    if (span_eq_nocase(type, SPAN_LIT("txt"))) {
        *ret_type = DNS_TYPE_TXT;
        return put_txt(w, s, out);
    }
    if (span_eq_nocase(type, SPAN_LIT("mx"))) {
        *ret_type = DNS_TYPE_MX;
        return put_mx(s, out);
    }
    return 0;
}

/* "@" is the zone's own name, and no other way of writing it. */
static bool owner(struct span *s, struct zone_rname *ret)
{
    if (s->n > 1 && s->p[0] == '@' && (s->p[1] == ' ' || s->p[1] == '\t')) {
        *s = span_slice(*s, 1, s->n);
        rbl_blanks(s);
        *ret = (struct zone_rname){0};
        return true;
    }
    return rbl_rname(s, ret) && ret->n;
}

int rbl_generic(struct rbl_work *w, struct span line, uint32_t ttl, struct zone_table *t)
{
    struct span s = line, word;
    struct zone_rname key;
    uint8_t data[ZONE_RDATA_MAX];
    uint16_t type = 0;
    size_t n = 0;

    bool good = owner(&s, &key);

    if (good && s.n && ascii_is_digit(s.p[0]))
        good = rbl_ttl(&s, w->options, ttl, &ttl);
    rbl_keyword(&s, "in");
    if (good && span_word(&s, &word) && s.n) {
        rbl_blanks(&s);
        n = put_data(w, word, s, &type, data);
    }
    if (n == 0) {
        rbl_skip(w, line, "not a record", "write \"name A 192.0.2.1\", TXT or MX");
        return 0;
    }
    int r = zone_table_add_record(t, &key, type, ttl, span_of(data, n));

    w->good += r == 0;
    return r;
}
