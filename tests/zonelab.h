/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Zones for tests: images from a few rows, questions as packets, answers as one line of text.
 *
 *     NOERROR aa A:600:127.0.0.2 TXT:600:"why" / SOA:60 / opt ede18:"text"
 *
 * For tests only: what fails here is the test's own data, so it aborts.
 */
#ifndef POSTERN_TESTS_ZONELAB_H
#define POSTERN_TESTS_ZONELAB_H

#include "dns/rr.h"
#include "zone/answer.h"
#include "zone/build.h"
#include "zone/text.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * '4' and '6': a prefix; 'n' a name, 'w' what is under it, 'b' both; 'r' a record (type in `a`, its
 * wire data in `text`, so long as `evidence` says). In texts "$" is the subject, "%" the evidence,
 * "~" the zone. A row with the value LAB_OUT is an exclusion. '|' begins a new table.
 */
struct lab_row {
    char kind;
    const char *key;
    uint32_t a;
    const char *text;
    uint32_t evidence;
};

#define LAB_OUT     0xffffffffu
#define LAB_CODE(n) (0x7f000000u + (n))

struct lab_image {
    struct span bytes;
    struct zone_image image;
};

static inline void lab_need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "zonelab: %s\n", what);
    abort();
}

static inline void lab_template(const char *text, struct buf *t)
{
    for (; *text; text++) {
        if (*text == '$')
            zone_text_add_subject(t);
        else if (*text == '%')
            zone_text_add_evidence(t);
        else if (*text == '~')
            zone_text_add_zone(t);
        else
            zone_text_add(t, span_of(text, 1));
    }
}

static inline uint32_t lab_value(struct zone_data *d, const struct lab_row *row)
{
    struct buf t = BUF_INIT(ZONE_TEMPLATE_MAX);
    struct zone_value v = {.a = row->a};
    uint32_t ret = ZONE_EXCLUDED;

    if (row->a == LAB_OUT)
        return ret;
    if (row->text)
        lab_template(row->text, &t);
    v.text = buf_span(&t);
    lab_need(!t.err && zone_data_value(d, &v, &ret) == 0, "value");
    buf_deinit(&t);
    return ret;
}

static inline struct zone_table *lab_table(struct zone_data *d, struct zone_table **cache,
                                           enum zone_kind kind)
{
    if (!cache[kind])
        lab_need(zone_data_table(d, kind, ZONE_LONGEST, &cache[kind]) == 0, "table");
    return cache[kind];
}

static inline void lab_add(struct zone_data *d, struct zone_table **cache,
                           const struct lab_row *row)
{
    uint32_t value = row->kind == 'r' ? 0 : lab_value(d, row);
    struct zone_rname key;
    struct ip_prefix net;
    const uint8_t *b = net.ip.b;
    int r = -1;

    if (row->kind == '4' || row->kind == '6') {
        lab_need(ip_prefix_parse(span_str(row->key), &net), row->key);
    } else {
        lab_need(zone_rname_parse(span_str(row->key), &key), row->key);
    }
    switch (row->kind) {
    case '4': {
        uint32_t from = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        uint32_t rest = net.len == 32 ? 0 : UINT32_MAX >> net.len;

        r = zone_table_add4(lab_table(d, cache, ZONE_IPV4), from, from | rest, value,
                            row->evidence);
        break;
    }
    case '6':
        r = zone_table_add6(lab_table(d, cache, ZONE_IPV6), zone_ip6_of(b), net.len, value,
                            row->evidence);
        break;
    case 'n':
    case 'w':
    case 'b':
        r = zone_table_add_name(lab_table(d, cache, ZONE_NAME), &key,
                                row->kind == 'n'   ? ZONE_PLAIN
                                : row->kind == 'w' ? ZONE_WILD
                                                   : ZONE_PLAIN | ZONE_WILD,
                                value, row->evidence);
        break;
    case 'r':
        r = zone_table_add_record(lab_table(d, cache, ZONE_RECORDS), &key, (uint16_t)row->a, 0,
                                  span_of(row->text, row->evidence));
        break;
    default:
        break;
    }
    lab_need(r == 0, row->key);
}

static inline void lab_image_build(struct lab_image *im, struct zone_data *d)
{
    lab_need(zone_build(d, &im->bytes) == 0, "build");
    lab_need(zone_image_open(im->bytes, &im->image) == ZONE_IMAGE_OK, "open");
}

static inline void lab_image_new(struct lab_image *im, const struct lab_row *rows, size_t n)
{
    struct zone_table *cache[ZONE_RECORDS + 1] = {0};
    struct zone_data d;

    zone_data_init(&d);
    for (size_t i = 0; i < n; i++) {
        if (rows[i].kind == '|')
            memset(cache, 0, sizeof(cache));
        else
            lab_add(&d, cache, &rows[i]);
    }
    lab_image_build(im, &d);
    zone_data_deinit(&d);
}

static inline void lab_image_free(struct lab_image *im)
{
    free((char *)(uintptr_t)im->bytes.p);
    *im = (struct lab_image){0};
}

static inline struct dns_name lab_name(const char *text)
{
    struct dns_name name;

    lab_need(dns_name_parse(span_str(text), &name), text);
    return name;
}

/* A SOA of serial 7 whose negative answers live 60 seconds. */
static inline struct dns_soa lab_soa(void)
{
    return (struct dns_soa){.mname = lab_name("ns1.example.org"),
                            .rname = lab_name("hostmaster.example.org"),
                            .serial = 7,
                            .refresh = 3600,
                            .retry = 600,
                            .expire = 86400,
                            .minimum = 60};
}

static inline size_t lab_question(uint8_t *out, size_t max, const char *name, uint16_t type,
                                  bool edns)
{
    struct dns_name n = lab_name(name);

    return dns_query_write(out, max, 0x1234, &n, type, edns);
}

static inline void lab_add_quoted(struct buf *out, struct span s)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] > ' ' - 1 && s.p[i] < 127)
            buf_add_char(out, s.p[i]);
        else
            buf_addf(out, "\\%03u", (uint8_t)s.p[i]);
    buf_add_char(out, '"');
}

static inline void lab_add_rr(struct buf *out, const struct dns_rr *rr, const char *question)
{
    char text[DNS_NAME_TEXT_MAX], type[DNS_TYPE_TEXT_MAX];
    const uint8_t *p = (const uint8_t *)rr->data.p;
    struct ip ip = {.family = rr->type == DNS_TYPE_A ? IP_V4 : IP_V6};

    buf_add_char(out, ' ');
    if (question && strcmp(dns_name_text(rr->owner.wire, text), question) != 0)
        buf_addf(out, "%s:", text);
    buf_addf(out, "%s:%u", dns_wire_type_name(rr->type, type), rr->ttl);
    if (rr->type == DNS_TYPE_A || rr->type == DNS_TYPE_AAAA) {
        char address[IP_TEXT_MAX];

        memcpy(ip.b, p, rr->type == DNS_TYPE_A ? 4 : 16);
        buf_addf(out, ":%s", ip_text(ip, address));
    } else if (rr->type == DNS_TYPE_TXT) {
        for (size_t at = 0; at < rr->data.n; at += 1u + p[at]) {
            buf_add_char(out, at ? '+' : ':');
            lab_add_quoted(out, span_of(p + at + 1, p[at]));
        }
    } else if (rr->type == DNS_TYPE_NS) {
        buf_addf(out, ":%s", dns_name_text(p, text));
    } else if (rr->type == DNS_TYPE_MX) {
        buf_addf(out, ":%u:%s", p[0] << 8 | p[1], dns_name_text(p + 2, text));
    }
}

/* The OPT record: its options by name. */
static inline void lab_add_opt(struct buf *out, const struct dns_rr *rr)
{
    const uint8_t *p = (const uint8_t *)rr->data.p;

    buf_addf(out, " opt%u", rr->klass);
    for (size_t at = 0; at + 4 <= rr->data.n;) {
        unsigned code = p[at] << 8 | p[at + 1], n = p[at + 2] << 8 | p[at + 3];
        struct span v = span_of(p + at + 4, n);

        at += 4 + n;
        if (code == DNS_OPTION_EDE) {
            buf_addf(out, " ede%u", (unsigned)((uint8_t)v.p[0] << 8 | (uint8_t)v.p[1]));
            if (n > 2)
                lab_add_quoted(out, span_slice(v, 2, n));
        } else if (code == DNS_OPTION_COOKIE) {
            buf_addf(out, " cookie%u", n);
        } else if (code == DNS_OPTION_NSID) {
            buf_add_str(out, " nsid");
            lab_add_quoted(out, v);
        } else {
            buf_addf(out, " option%u", code);
        }
    }
}

/* The answer as one line; "DROP" when there is none, "BROKEN" when it can't be read. */
static inline void lab_text(const uint8_t *p, size_t n, struct buf *out)
{
    char question[DNS_NAME_TEXT_MAX] = "", rcode[DNS_RCODE_TEXT_MAX];
    unsigned code, section = 1, left;
    struct dns_rr rr, opt = {0};
    struct dns_name name;
    size_t at = DNS_HEADER, head;
    bool bad = false;

    buf_clear(out);
    if (n < DNS_HEADER) {
        buf_add_str(out, n ? "BROKEN" : "DROP");
        return;
    }
    head = out->n;
    if (p[5] && (bad = !dns_name_read(p, n, &at, &name)) == false) {
        dns_name_text(name.wire, question);
        at += 4;
    }
    if (p[2] & 4)
        buf_add_str(out, " aa");
    if (p[2] & 2)
        buf_add_str(out, " tc");
    for (; section <= 3 && !bad; section++) {
        left = p[4 + 2 * section] << 8 | p[5 + 2 * section];
        if (section > 1 && left)
            buf_add_str(out, " /");
        for (; left && !bad; left--) {
            bad = !dns_rr_read(p, n, &at, &rr);
            if (!bad && rr.type == DNS_TYPE_OPT) {
                opt = rr;
                lab_add_opt(out, &opt);
            } else if (!bad)
                lab_add_rr(out, &rr, section == 1 ? question : NULL);
        }
    }
    if (bad || at != n) {
        buf_clear(out);
        buf_add_str(out, "BROKEN");
        return;
    }
    code = (p[3] & 15u) | (opt.type ? opt.ttl >> 24 << 4 : 0);
    {
        char *rest = strdup(out->n > head ? buf_str(out) : "");

        lab_need(rest != NULL, "memory");
        buf_clear(out);
        buf_addf(out, "%s%s", dns_wire_rcode_name(code, rcode), rest);
        free(rest);
    }
}

#endif
