/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The branch of the narrowest sub-zone that holds the name is asked and no other: names that the
 * zone itself has under a sub-zone's are not seen (rbldnsd's way). In it every source is asked, and
 * of every kind of data that it has, for "1.2" may be the end of an IPv4 address, of an IPv6 one,
 * or a name. What is said is put together in that order, the same value once.
 *
 * Test entries (RFC 5782 §5) come before the data and are not theirs to change: in 127.0.0.0/8 and
 * its mapped twin nothing is listed but the codes, and under INVALID nothing is. Only where the
 * data are rbldnsd's files may they say more of a test address (`data_tests`), for many of these
 * have test entries with texts of their own; 127.0.0.1 stays unlisted even then.
 */
#include "zone/say.h"

#include "dns/blname.h"
#include "zone/text.h"

#include <string.h>

struct asking {
    const struct zone *zone;
    const struct dns_query *q;
    struct zone_matcher *matcher;
    struct zone_say *say;
};

enum { MAPPED = 0xffff }; /* bits 80 to 95 of ::ffff:0:0/96 */

static void add(struct zone_say *say, const struct zone_saying *v)
{
    for (unsigned i = 0; i < say->count; i++) {
        struct zone_saying *o = &say->v[i];

        if (o->a == v->a && o->evidence == v->evidence && o->of == v->of && o->from == v->from &&
            o->to == v->to && span_eq(o->text, v->text)) {
            o->ttl = v->ttl < o->ttl ? v->ttl : o->ttl;
            return;
        }
    }
    if (say->count < ZONE_SAY_MAX)
        say->v[say->count++] = *v;
}

/* All values of a hit. */
static void add_hit(const struct asking *a, const struct zone_image *im, struct zone_hit hit,
                    struct zone_saying like)
{
    unsigned n = zone_image_said_count(im, hit);
    struct zone_said said;

    for (unsigned i = 0; i < n; i++) {
        if (!zone_image_said(im, hit, i, &said))
            continue;
        like.a = said.a;
        like.ttl = said.ttl ? said.ttl : a->zone->ttl;
        like.evidence = said.evidence;
        like.text = said.text;
        add(a->say, &like);
        a->say->exists = true;
    }
}

static void add_test(const struct asking *a, const struct zone_test *t)
{
    struct zone_saying v = {.of = ZONE_OF_TEST, .a = t->a, .ttl = a->zone->ttl, .text = t->text};

    add(a->say, &v);
    a->say->exists = a->say->test = true;
}

/* The test entry of an address in 127/8, or NULL. A zone without a code .2 has its first there. */
static const struct zone_test *test_of(const struct zone_branch *b, uint32_t ip)
{
    for (size_t i = 0; i < b->test_count; i++)
        if (b->tests[i].a == ip)
            return &b->tests[i];
    return ip == 0x7f000002 ? &b->tests[0] : NULL;
}

static bool test_within(const struct zone_branch *b, uint32_t ip, unsigned len)
{
    uint32_t mask = len ? UINT32_MAX << (32 - len) : 0;

    if (((ip ^ 0x7f000002) & mask) == 0)
        return true;
    for (size_t i = 0; i < b->test_count; i++)
        if (((ip ^ b->tests[i].a) & mask) == 0)
            return true;
    return false;
}

static void list4(const struct asking *a, const struct zone_branch *b, uint32_t ip)
{
    struct zone_hit hit;

    for (size_t i = 0; i < b->source_count; i++)
        if (zone_view_find4(&b->sources[i].view, ip, &hit))
            add_hit(a, b->sources[i].view.image, hit, (struct zone_saying){.of = ZONE_OF_IPV4});
}

static void list6(const struct asking *a, const struct zone_branch *b, struct zone_ip6 ip)
{
    struct zone_hit hit;

    for (size_t i = 0; i < b->source_count; i++)
        if (zone_view_find6(&b->sources[i].view, ip, &hit))
            add_hit(a, b->sources[i].view.image, hit, (struct zone_saying){.of = ZONE_OF_IPV6});
}

static bool below4(const struct zone_branch *b, uint32_t ip, unsigned len)
{
    for (size_t i = 0; i < b->source_count; i++)
        if (zone_view_below4(&b->sources[i].view, ip, len))
            return true;
    return false;
}

static bool below6(const struct zone_branch *b, struct zone_ip6 ip, unsigned len)
{
    for (size_t i = 0; i < b->source_count; i++)
        if (zone_view_below6(&b->sources[i].view, ip, len))
            return true;
    return false;
}

static void ask4(const struct asking *a, const struct zone_branch *b, unsigned labels)
{
    struct zone_say *say = a->say;
    const struct zone_test *test;
    unsigned len;
    uint32_t ip;
    bool data, loop;

    switch (dns_blname_read4(a->q->name, a->q->label_at, labels, &ip, &len)) {
    case DNS_BLNAME_ADDRESS:
        loop = ip >> 24 == 127;
        data = !loop || (a->zone->data_tests && ip != 0x7f000001);
        say->ip4 = ip;
        if (data && b->look4)
            list4(a, b, ip);
        if (!loop)
            break;
        say->around |= b->tests4;
        test = b->tests4 && ip != 0x7f000001 ? test_of(b, ip) : NULL;
        if (test && say->count == 0)
            add_test(a, test);
        say->test |= say->count != 0;
        break;
    case DNS_BLNAME_PREFIX:
        loop = ip >> 24 == 127;
        if (!say->exists && b->look4 && (!loop || a->zone->data_tests))
            say->exists = below4(b, ip, len);
        if (loop && b->tests4 && test_within(b, ip, len))
            say->exists = say->around = true;
        break;
    case DNS_BLNAME_LONG:
    case DNS_BLNAME_BAD:
        break;
    }
}

/* In ::ffff:0:0/96: the lower 32 bits are an IPv4 address. */
static bool mapped(struct zone_ip6 ip)
{
    return ip.hi == 0 && ip.lo >> 32 == MAPPED;
}

/*
 * Is something listed as IPv4 within this prefix? rbldnsd answers for mapped addresses with what it
 * has of the IPv4 address inside, so do zones of its files. Lists of ours have no such names, which
 * records of a transfer could not tell.
 */
static bool below_mapped(const struct zone_branch *b, struct zone_ip6 ip, unsigned len)
{
    if (ip.hi != 0)
        return false;
    if (len > 96)
        return mapped(ip) && below4(b, (uint32_t)ip.lo, len - 96);
    return (len <= 64 || (ip.lo ^ (uint64_t)MAPPED << 32) >> (128 - len) == 0) && below4(b, 0, 0);
}

/* In ::ffff:127.0.0.0/104, or a prefix of it: there the test entries are. */
static bool mapped_loop(struct zone_ip6 ip)
{
    return ip.hi == 0 && ip.lo >> 24 == ((uint64_t)MAPPED << 8 | 127);
}

/* Is a test entry within this prefix? */
static bool test_within6(const struct zone_branch *b, struct zone_ip6 ip, unsigned len)
{
    uint64_t first = (uint64_t)MAPPED << 32 | UINT64_C(0x7f000000);

    if (len <= 64)
        return ip.hi == 0;
    if (len <= 104)
        return ip.hi == 0 && (ip.lo ^ first) >> (128 - len) == 0;
    return mapped_loop(ip) && test_within(b, (uint32_t)ip.lo, len - 96);
}

static void ask6(const struct asking *a, const struct zone_branch *b, unsigned labels)
{
    struct zone_say *say = a->say;
    const struct zone_test *test;
    struct zone_ip6 ip;
    uint64_t half[2];
    unsigned len;
    bool data, loop;

    switch (dns_blname_read6(a->q->name, a->q->label_at, labels, half, &len)) {
    case DNS_BLNAME_ADDRESS:
        ip = (struct zone_ip6){half[0], half[1]};
        loop = mapped_loop(ip);
        data = !loop || (a->zone->data_tests && (uint32_t)ip.lo != 0x7f000001);
        say->ip6 = ip;
        if (data && b->look6)
            list6(a, b, ip);
        if (data && b->look4 && a->zone->data_tests && mapped(ip)) {
            say->ip4 = (uint32_t)ip.lo;
            list4(a, b, say->ip4);
        }
        if (!loop)
            break;
        say->around |= b->tests6;
        test = b->tests6 && (uint32_t)ip.lo != 0x7f000001 ? test_of(b, (uint32_t)ip.lo) : NULL;
        if (test && say->count == 0)
            add_test(a, test);
        say->test |= say->count != 0;
        break;
    case DNS_BLNAME_PREFIX:
        ip = (struct zone_ip6){half[0], half[1]};
        if (!say->exists && b->look6 && (len < 104 || !mapped_loop(ip) || a->zone->data_tests))
            say->exists = below6(b, ip, len);
        if (!say->exists && b->look4 && a->zone->data_tests)
            say->exists = below_mapped(b, ip, len);
        if (b->tests6 && test_within6(b, ip, len))
            say->exists = say->around = true;
        break;
    case DNS_BLNAME_LONG:
    case DNS_BLNAME_BAD:
        break;
    }
}

/* Labels [from, to) of the question as text, dots between; the octets as they are, no NUL. */
static size_t labels_text(const struct dns_query *q, unsigned from, unsigned to, char *out,
                          size_t max)
{
    size_t n = 0;

    for (unsigned i = from; i < to; i++) {
        const uint8_t *label = q->name + q->label_at[i];
        size_t len = label[0];

        if (n + len + 1 > max)
            break;
        if (n)
            out[n++] = '.';
        memcpy(out + n, label + 1, len);
        n += len;
    }
    return n;
}

static bool label_is(const struct dns_query *q, unsigned label, struct span word)
{
    const uint8_t *p = q->name + q->label_at[label];

    return span_eq(span_of(p + 1, p[0]), word);
}

static void list_names(const struct asking *a, const struct zone_source *s, unsigned labels,
                       const struct zone_rname *name)
{
    struct zone_name_hit hits[ZONE_NAME_TABLES_MAX];
    unsigned n = zone_view_find_name(&s->view, name, hits);

    for (unsigned i = 0; i < n; i++)
        add_hit(a, s->view.image, hits[i].hit,
                (struct zone_saying){.of = ZONE_OF_NAME,
                                     .from = (uint8_t)(labels - hits[i].labels),
                                     .to = (uint8_t)labels});
}

static void list_patterns(const struct asking *a, const struct zone_source *s, unsigned labels)
{
    char text[DNS_NAME_MAX];
    struct zone_hit hit;
    size_t n = labels_text(a->q, 0, labels, text, sizeof(text));

    if (a->matcher && zone_patterns_find(s->patterns, a->matcher, span_of(text, n), &hit))
        add_hit(a, s->view.image, hit,
                (struct zone_saying){.of = ZONE_OF_NAME, .to = (uint8_t)labels});
}

/* INVALID, or a name under it. */
static bool is_invalid(const struct dns_query *q, unsigned labels)
{
    return labels && label_is(q, labels - 1, SPAN_LIT("invalid"));
}

static void ask_names(const struct asking *a, const struct zone_branch *b, unsigned labels,
                      const struct zone_rname *name)
{
    bool invalid = is_invalid(a->q, labels);
    bool test = labels == 1 && label_is(a->q, 0, SPAN_LIT("test"));

    for (size_t i = 0; labels && !invalid && (!test || a->zone->data_tests) && i < b->source_count;
         i++) {
        if (b->look_names)
            list_names(a, &b->sources[i], labels, name);
        if (b->sources[i].patterns)
            list_patterns(a, &b->sources[i], labels);
    }
    if (test && b->tests_names && a->say->count == 0)
        add_test(a, &b->tests[0]);
    a->say->test |= test && a->say->count != 0;
    a->say->around |= b->tests_names && (test || invalid);
}

static void ask_records(const struct asking *a, const struct zone_branch *b,
                        const struct zone_rname *name)
{
    struct zone_say *say = a->say;

    for (size_t i = 0; i < b->source_count; i++) {
        const struct zone_image *im = b->sources[i].view.image;
        size_t first, n = zone_image_find_records(im, name, &first);

        if (n == 0)
            continue;
        say->exists = true;
        if (say->run_count < ZONE_SAY_RECORDS) {
            say->runs[say->run_count].image = im;
            say->runs[say->run_count].first = first;
            say->runs[say->run_count++].count = n;
        }
    }
}

static void ask_branch(const struct asking *a, const struct zone_branch *b, unsigned labels,
                       enum zone_say_mode mode)
{
    bool list = mode == ZONE_SAY_ALL && a->zone->state != ZONE_RETIRED;
    bool names = list && (b->look_names || b->look_patterns || b->tests_names);
    struct zone_rname name;

    if (labels == 0)
        a->say->exists = true;
    if (list && labels && (b->look4 || b->tests4))
        ask4(a, b, labels);
    if (list && labels && (b->look6 || b->tests6 || (b->look4 && a->zone->data_tests)))
        ask6(a, b, labels);
    if (!names && !b->look_records)
        return;
    if (!zone_rname_of_wire(a->q->name, a->q->label_at[labels], &name))
        return;
    if (names)
        ask_names(a, b, labels, &name);
    if (b->look_records)
        ask_records(a, b, &name);
    list = list && !is_invalid(a->q, labels);
    for (size_t i = 0; !a->say->exists && i < b->source_count; i++)
        if (list || b->sources[i].view.image->counts.records)
            a->say->exists = zone_view_below_name(&b->sources[i].view, &name);
}

/* Is the sub-zone under the question's first `labels` labels? Then that name is there, empty. */
static bool above(const struct dns_query *q, unsigned labels, const struct zone_branch *b)
{
    size_t n = q->label_at[labels], at = 0;

    while (at + n < b->sub_n)
        at += 1u + b->sub[at];
    return at + n == b->sub_n && memcmp(b->sub + at, q->name, n) == 0;
}

void zone_say(const struct zone *zone, const struct dns_query *q, unsigned labels,
              enum zone_say_mode mode, struct zone_matcher *matcher, struct zone_say *ret)
{
    struct asking a = {zone, q, matcher, ret};
    const struct zone_branch *narrowest = NULL;

    ret->exists = labels == 0;
    ret->test = ret->around = false;
    ret->count = ret->run_count = 0;
    ret->subject.n = 0;
    for (size_t i = 0; i < zone->branch_count; i++) {
        const struct zone_branch *b = &zone->branches[i];
        unsigned in = labels - b->labels;

        if (labels < b->labels) {
            bool on_the_way = above(q, labels, b);

            ret->exists |= on_the_way;
            ret->around |= on_the_way;
        } else if ((!narrowest || b->labels > narrowest->labels) &&
                   q->label_at[labels] - q->label_at[in] == b->sub_n &&
                   memcmp(q->name + q->label_at[in], b->sub, b->sub_n) == 0) {
            narrowest = b;
        }
    }
    if (narrowest)
        ask_branch(&a, narrowest, labels - narrowest->labels, mode);
}

bool zone_say_has_a(const struct zone_say *say, unsigned i)
{
    if (say->v[i].a == 0)
        return false;
    for (unsigned k = 0; k < i; k++)
        if (say->v[k].a == say->v[i].a)
            return false;
    return true;
}

bool zone_say_has_txt(const struct zone_say *say, unsigned i)
{
    const struct zone_saying *v = &say->v[i];

    if (v->text.n == 0)
        return false;
    for (unsigned k = 0; k < i; k++) { /* the same text may stand with another A */
        const struct zone_saying *o = &say->v[k];

        if (o->of == v->of && o->evidence == v->evidence && o->from == v->from &&
            span_eq(o->text, v->text))
            return false;
    }
    return true;
}

uint32_t zone_say_ttl(const struct zone *zone, const struct zone_say *say, uint16_t type)
{
    uint32_t ttl = UINT32_MAX;
    struct zone_record rr;

    for (unsigned i = 0; i < say->count; i++)
        if (((type == DNS_TYPE_A && say->v[i].a) || (type == DNS_TYPE_TXT && say->v[i].text.n)) &&
            say->v[i].ttl < ttl)
            ttl = say->v[i].ttl;
    for (unsigned i = 0; i < say->run_count; i++)
        for (size_t k = 0; k < say->runs[i].count; k++)
            if (zone_image_record(say->runs[i].image, say->runs[i].first + k, &rr) &&
                rr.type == type && (rr.ttl ? rr.ttl : zone->ttl) < ttl)
                ttl = rr.ttl ? rr.ttl : zone->ttl;
    return ttl < ZONE_TTL_MAX ? ttl : ZONE_TTL_MAX;
}

size_t zone_say_ip4(uint32_t ip, char *out)
{
    char *p = out;

    for (int shift = 24; shift >= 0; shift -= 8) {
        unsigned v = ip >> shift & 255;

        if (v >= 100)
            *p++ = (char)('0' + v / 100);
        if (v >= 10)
            *p++ = (char)('0' + v / 10 % 10);
        *p++ = (char)('0' + v % 10);
        if (shift)
            *p++ = '.';
    }
    return (size_t)(p - out);
}

size_t zone_say_text(const struct zone *zone, const struct dns_query *q, const struct zone_say *say,
                     const struct zone_saying *v, char out[ZONE_TXT_MAX])
{
    char subject[DNS_NAME_MAX];
    struct zone_text_args args = {.zone = span_str(zone->title), .evidence = v->evidence};
    struct ip ip = {.family = IP_V6};
    size_t n = 0;

    switch (v->of) {
    case ZONE_OF_TEST:
        n = v->text.n < ZONE_TXT_MAX ? v->text.n : ZONE_TXT_MAX;
        memcpy(out, v->text.p, n);
        return n;
    case ZONE_OF_IPV4:
        n = zone_say_ip4(say->ip4, subject);
        break;
    case ZONE_OF_IPV6:
        zone_ip6_bytes(say->ip6, ip.b);
        n = strlen(ip_text(ip, subject));
        break;
    case ZONE_OF_NAME:
        n = labels_text(q, v->from, v->to, subject, sizeof(subject));
        break;
    }
    args.subject = say->subject.n && v->of != ZONE_OF_NAME ? say->subject : span_of(subject, n);
    return zone_text_put(v->text, &args, out, ZONE_TXT_MAX);
}
