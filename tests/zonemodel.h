/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The naive model of a zone: a few rows, scanned for each question, against zone_answer() over the
 * image compiled from them. Bytes decide the rows and the questions, so that a fuzzer and a test of
 * random bytes can both drive it. Space is small on purpose: everything meets everything.
 */
#ifndef POSTERN_TESTS_ZONEMODEL_H
#define POSTERN_TESTS_ZONEMODEL_H

#include "zonelab.h"

#include <assert.h>

enum {
    MODEL_ROWS = 24,
    MODEL_ASKS = 60,
    MODEL_LABELS = 3, /* of a name */
};

struct model_row {
    uint8_t kind; /* '4' or 'n' */
    uint32_t from, to;
    unsigned len;
    char labels[MODEL_LABELS + 1]; /* one letter each, the rightmost first */
    unsigned spans;
    uint32_t a; /* LAB_OUT: an exclusion */
    unsigned table;
};

struct model {
    struct model_row rows[MODEL_ROWS];
    size_t count;
    unsigned tables;
    bool data_tests;
};

/* The bytes, one after the other; zeroes when they are used up. */
struct model_in {
    const uint8_t *p;
    size_t n;
};

static inline unsigned model_draw(struct model_in *in, unsigned below)
{
    unsigned v = 0;

    if (in->n) {
        v = *in->p++;
        in->n--;
    }
    return v % below;
}

/* 10.0.0-1.0-15, 10.3.0.0-15 and 127.0.0.0-15. */
static inline uint32_t model_ip(struct model_in *in)
{
    static const uint32_t bases[] = {0x0a000000, 0x0a000100, 0x0a030000, 0x7f000000};

    return bases[model_draw(in, 4)] + model_draw(in, 16);
}

/* In text, and with the rightmost label first. */
static inline void model_name(struct model_in *in, char labels[MODEL_LABELS + 1])
{
    unsigned n = 1 + model_draw(in, MODEL_LABELS), i;

    for (i = 0; i < n; i++)
        labels[i] = (char)('a' + model_draw(in, 3));
    labels[i] = '\0';
}

static inline void model_name_text(const char *labels, char out[2 * MODEL_LABELS + 1])
{
    size_t n = strlen(labels);

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = labels[n - 1 - i];
        out[2 * i + 1] = '.';
    }
    out[n ? 2 * n - 1 : 0] = '\0';
}

static inline void model_fill(struct model *m, struct model_in *in)
{
    size_t n = 1 + model_draw(in, MODEL_ROWS);

    *m = (struct model){.data_tests = model_draw(in, 2)};
    for (m->count = 0; m->count < n; m->count++) {
        struct model_row *r = &m->rows[m->count];

        r->kind = model_draw(in, 3) ? '4' : 'n';
        r->a = model_draw(in, 5) ? LAB_CODE(2 + model_draw(in, 3)) : LAB_OUT;
        if (m->tables + 1 < ZONE_NAME_TABLES_MAX && model_draw(in, 6) == 0)
            m->tables++;
        r->table = m->tables;
        if (r->kind == '4') {
            static const unsigned lens[] = {32, 32, 32, 31, 30, 28, 24, 22, 16};

            r->len = lens[model_draw(in, sizeof(lens) / sizeof(lens[0]))];
            r->from = model_ip(in) & (UINT32_MAX << (32 - r->len));
            r->to = r->from | (r->len == 32 ? 0 : UINT32_MAX >> r->len);
        } else {
            model_name(in, r->labels);
            r->spans = 1 + model_draw(in, 3);
        }
    }
}

/* --- what the model says ---------------------------------------------------------------------- */

struct model_said {
    uint32_t v[MODEL_ROWS];
    size_t n;
};

static inline void model_add(struct model_said *s, uint32_t a)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i] == a)
            return;
    s->v[s->n++] = a;
}

/* The rows of a table that are as close as any: all of them, or none when one is an exclusion. */
static inline void model_table4(const struct model *m, unsigned table, uint32_t ip,
                                struct model_said *ret)
{
    unsigned best = 0;

    for (size_t i = 0; i < m->count; i++) {
        const struct model_row *r = &m->rows[i];

        if (r->kind == '4' && r->table == table && r->from <= ip && ip <= r->to && r->len > best)
            best = r->len;
    }
    for (size_t i = 0; best && i < m->count; i++)
        if (m->rows[i].kind == '4' && m->rows[i].table == table && m->rows[i].len == best &&
            m->rows[i].from <= ip && ip <= m->rows[i].to && m->rows[i].a == LAB_OUT)
            return;
    for (size_t i = 0; best && i < m->count; i++)
        if (m->rows[i].kind == '4' && m->rows[i].table == table && m->rows[i].len == best &&
            m->rows[i].from <= ip && ip <= m->rows[i].to)
            model_add(ret, m->rows[i].a);
}

static inline bool model_covers(const struct model_row *r, const char *name, size_t depth,
                                bool plain)
{
    return r->kind == 'n' && strlen(r->labels) == depth && strncmp(r->labels, name, depth) == 0 &&
           r->spans & (plain ? ZONE_PLAIN : ZONE_WILD);
}

static inline void model_table_name(const struct model *m, unsigned table, const char *name,
                                    struct model_said *ret)
{
    size_t depth = strlen(name);
    bool plain = true, found = false, out = false;

    for (;;) {
        for (size_t i = 0; i < m->count; i++) {
            const struct model_row *r = &m->rows[i];

            if (r->table == table && model_covers(r, name, depth, plain)) {
                found = true;
                out |= r->a == LAB_OUT;
            }
        }
        if (found || depth == 0)
            break;
        depth--;
        plain = false;
    }
    for (size_t i = 0; found && !out && i < m->count; i++)
        if (m->rows[i].table == table && model_covers(&m->rows[i], name, depth, plain))
            model_add(ret, m->rows[i].a);
}

static inline void model_ask4(const struct model *m, uint32_t ip, struct model_said *ret)
{
    bool loop = ip >> 24 == 127;

    ret->n = 0;
    if (!loop || (m->data_tests && ip != 0x7f000001))
        for (unsigned t = 0; t <= m->tables; t++)
            model_table4(m, t, ip, ret);
    if (ret->n == 0 && ip == 0x7f000002)
        model_add(ret, 0x7f000002);
}

static inline void model_ask_name(const struct model *m, const char *name, struct model_said *ret)
{
    ret->n = 0;
    for (unsigned t = 0; t <= m->tables; t++)
        model_table_name(m, t, name, ret);
}

/* Is any address of the prefix listed? Rows reach beyond the small space: their ends are asked. */
static inline bool model_below4(const struct model *m, uint32_t ip, unsigned len)
{
    uint32_t from = ip & (UINT32_MAX << (32 - len)), to = from | UINT32_MAX >> len;
    struct model_said said;

    for (size_t i = 0; i < m->count; i++) {
        const struct model_row *r = &m->rows[i];
        uint32_t ends[] = {r->from, r->from - 1, r->to, r->to + 1, from, to};

        for (size_t k = 0; k < 6; k++)
            if (ends[k] >= from && ends[k] <= to) {
                model_ask4(m, ends[k], &said);
                if (said.n)
                    return true;
            }
    }
    model_ask4(m, 0x7f000002, &said);
    return from <= 0x7f000002 && 0x7f000002 <= to && said.n;
}

/* Is any name under it listed? A name nobody wrote stands for all of its kind at each depth. */
static inline bool model_below_name(const struct model *m, const char *name)
{
    struct model_said said;
    char under[16];

    for (size_t i = 0; i < m->count; i++) {
        const struct model_row *r = &m->rows[i];

        if (r->kind != 'n')
            continue;
        if (strlen(r->labels) > strlen(name) && strncmp(r->labels, name, strlen(name)) == 0) {
            model_ask_name(m, r->labels, &said);
            if (said.n)
                return true;
            snprintf(under, sizeof(under), "%s~", r->labels);
            model_ask_name(m, under, &said);
            if (said.n)
                return true;
        }
    }
    snprintf(under, sizeof(under), "%s~", name);
    model_ask_name(m, under, &said);
    return said.n != 0;
}

/* --- both ------------------------------------------------------------------------------------- */

static inline void model_image(const struct model *m, struct lab_image *im)
{
    struct lab_row rows[2 * MODEL_ROWS];
    char keys[MODEL_ROWS][24];
    unsigned table = 0;
    size_t n = 0;

    for (size_t i = 0; i < m->count; i++) {
        const struct model_row *r = &m->rows[i];

        for (; table < r->table; table++)
            rows[n++] = (struct lab_row){.kind = '|'};
        if (r->kind == '4')
            snprintf(keys[i], sizeof(keys[i]), "%u.%u.%u.%u/%u", r->from >> 24, r->from >> 16 & 255,
                     r->from >> 8 & 255, r->from & 255, r->len);
        else
            model_name_text(r->labels, keys[i]);
        rows[n++] = (struct lab_row){.kind = r->kind == '4'  ? '4'
                                             : r->spans == 1 ? 'n'
                                             : r->spans == 2 ? 'w'
                                                             : 'b',
                                     .key = keys[i],
                                     .a = r->a};
    }
    lab_image_new(im, rows, n);
}

/* "1.2.0.192 -> NOERROR aa A:300:127.0.0.2" as the model has it. */
static inline void model_expect(const struct model_said *s, bool exists, struct buf *out)
{
    buf_clear(out);
    if (s->n == 0) {
        buf_add_str(out, exists ? "NOERROR aa / SOA:60" : "NXDOMAIN aa / SOA:60");
        return;
    }
    buf_add_str(out, "NOERROR aa");
    for (size_t i = 0; i < s->n; i++)
        buf_addf(out, " A:300:127.0.0.%u", s->v[i] & 255);
}

static inline void model_question(const struct model *m, struct model_in *in, char name[80],
                                  struct buf *want)
{
    static const unsigned lens[] = {32, 32, 32, 24, 16, 8};
    struct model_said said = {0};
    uint32_t ip;

    if (model_draw(in, 3)) {
        unsigned len = lens[model_draw(in, 6)];
        bool exists = false;

        ip = model_ip(in);
        if (len == 32)
            model_ask4(m, ip, &said);
        else
            exists = model_below4(m, ip, len);
        snprintf(name, 80, "%u.%u.%u.%u.bl.example.org", ip & 255, ip >> 8 & 255, ip >> 16 & 255,
                 ip >> 24);
        for (; len < 32; len += 8) /* the labels of the last octets go */
            memmove(name, strchr(name, '.') + 1, strlen(strchr(name, '.')));
        model_expect(&said, exists, want);
    } else {
        char labels[MODEL_LABELS + 1], text[2 * MODEL_LABELS + 1];

        model_name(in, labels);
        model_name_text(labels, text);
        model_ask_name(m, labels, &said);
        snprintf(name, 80, "%s.bl.example.org", text);
        model_expect(&said, model_below_name(m, labels), want);
    }
}

/* Returns the number of questions that got "listed", so that a test can see that some did. */
static inline size_t model_check(const uint8_t *p, size_t n)
{
    static uint8_t out[4096];
    struct zone_client client = {.ip = {IP_V4, {192, 0, 2, 53}}, .tcp = true};
    struct buf want = BUF_INIT(4096), got = BUF_INIT(4096);
    struct model_in in = {p, n};
    struct lab_image im;
    struct zone_source source = {.view = {.image = &im.image}, .has4 = true};
    struct zone_spec spec = {.name = lab_name("bl.example.org"),
                             .sources = &source,
                             .source_count = 1,
                             .has_soa = true,
                             .soa = lab_soa(),
                             .ttl = 300};
    struct zone_set_error err;
    struct zone_outcome what;
    struct zone_set *set;
    size_t listed = 0;
    struct model m;

    model_fill(&m, &in);
    model_image(&m, &im);
    spec.data_tests = m.data_tests;
    lab_need(zone_set_new(&spec, 1, NULL, &set, &err) == 0, err.why);
    for (int i = 0; i < MODEL_ASKS; i++) {
        uint8_t packet[200];
        char name[80];
        size_t size;

        model_question(&m, &in, name, &want);
        size = lab_question(packet, sizeof(packet), name, DNS_TYPE_A, false);
        size = zone_answer(set, &client, packet, size, out, sizeof(out), &what);
        lab_text(out, size, &got);
        if (strcmp(buf_str(&got), buf_str(&want)) != 0) {
            fprintf(stderr, "%s: wanted \"%s\", got \"%s\"\n", name, buf_str(&want), buf_str(&got));
            abort();
        }
        listed += what.result == ZONE_LISTED;
        if (!in.n)
            break;
    }
    zone_set_free(set);
    lab_image_free(&im);
    buf_deinit(&want);
    buf_deinit(&got);
    return listed;
}

#endif
