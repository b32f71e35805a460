/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each check is a packet asked and an answer read as a client reads it: header, then the records of
 * the answer section by their own reader (dns/rr.h), so that a fault of the writer shows here too.
 */
#include "zone/selftest.h"

#include "dns/blname.h"
#include "dns/rr.h"
#include "zone/answer_priv.h"
#include "zone/set_priv.h"

#include <stdarg.h>
#include <stdio.h>

enum want {
    WANT_LISTED,  /* an A of 127/8 and a TXT */
    WANT_ABSENT,  /* NXDOMAIN */
    WANT_EMPTY,   /* NOERROR without answers, the SOA behind it */
    WANT_RECORDS, /* NOERROR and answers of the type */
};

struct test {
    const struct zone_set *set;
    const struct zone *zone;
    struct zone_selftest *result;
};

static const char *const want_names[] = {"listed", "NXDOMAIN", "an empty answer", "records"};

__attribute__((format(printf, 2, 3))) static bool fail(const struct test *t, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(t->result->why, sizeof(t->result->why), fmt, ap);
    va_end(ap);
    return false;
}

/* What came: rcode, answers of the type, and whether all of them are in 127/8 where they are A. */
struct came {
    unsigned rcode, answers, authority;
    bool codes, found;
    uint32_t a;
};

static bool read_answer(const uint8_t *p, size_t n, uint16_t type, uint32_t a, struct came *ret)
{
    struct dns_name name;
    struct dns_rr rr;
    size_t at = DNS_HEADER;

    *ret = (struct came){.rcode = p[3] & 15, .codes = true};
    ret->authority = (unsigned)(p[8] << 8 | p[9]);
    if (!dns_name_read(p, n, &at, &name))
        return false;
    at += 4;
    for (unsigned left = (unsigned)(p[6] << 8 | p[7]); left; left--) {
        if (!dns_rr_read(p, n, &at, &rr) || rr.type != type)
            return false;
        ret->answers++;
        if (type != DNS_TYPE_A)
            continue;
        ret->codes &= rr.data.n == 4 && rr.data.p[0] == 127;
        ret->found |=
            rr.data.n == 4 && memcmp(rr.data.p, &(uint8_t[]){a >> 24, a >> 16, a >> 8, a}, 4) == 0;
    }
    return true;
}

/* The question asked through zone_answer(); `a` is looked for among A records, 0 any. */
static bool put(const struct test *t, const struct dns_name *name, uint16_t type, uint32_t a,
                struct came *ret)
{
    uint8_t question[DNS_NAME_MAX + 64], answer[4096];
    struct zone_client client = {.ip = {IP_V4, {127, 0, 0, 1}}, .tcp = true};
    struct zone_outcome what;
    size_t n = dns_query_write(question, sizeof(question), 1, name, type, true);
    struct dns_query q;

    t->result->asked++;
    /* ACLs are the operator's word about others, not about the data: not asked here. */
    if (dns_query_parse(&q, question, n) == DNS_PARSE_OK)
        n = zone_answer_trusted(t->set, &client, &q, answer, sizeof(answer), &what);
    return n && read_answer(answer, n, type, a, ret);
}

static bool ask(const struct test *t, const struct dns_name *name, uint16_t type, enum want want,
                uint32_t a)
{
    char text[DNS_NAME_TEXT_MAX], rtype[DNS_TYPE_TEXT_MAX];
    struct came came;
    bool ok = false;

    dns_wire_type_name(type, rtype);
    dns_name_text(name->wire, text);
    if (!put(t, name, type, a, &came))
        return fail(t, "%.200s %s: no answer that can be read", text, rtype);
    switch (want) {
    case WANT_LISTED:
        ok = came.rcode == DNS_NOERROR && came.answers && came.codes && (a == 0 || came.found);
        break;
    case WANT_ABSENT:
        ok = came.rcode == DNS_NXDOMAIN && !came.answers;
        break;
    case WANT_EMPTY:
        ok = came.rcode == DNS_NOERROR && !came.answers &&
             (came.authority == 1 || !t->zone->has_soa);
        break;
    case WANT_RECORDS:
        ok = came.rcode == DNS_NOERROR && came.answers;
        break;
    }
    if (ok)
        return true;
    return fail(t, "%.180s %s: wanted %s, came code %u with %u answers", text, rtype,
                want_names[want], came.rcode, came.answers);
}

static bool below(const struct test *t, const struct zone_branch *b, const uint8_t *labels,
                  size_t n, struct dns_name *ret)
{
    *ret = t->zone->name;
    return (dns_name_prepend(ret, b->sub, b->sub_n) && dns_name_prepend(ret, labels, n)) ||
           fail(t, "%.200s: no room for an address before it", t->zone->title);
}

static bool ask_address(const struct test *t, const struct zone_branch *b, struct ip ip,
                        unsigned len, uint16_t type, enum want want, uint32_t a)
{
    struct ip_prefix net = ip_prefix_of(ip, len);
    uint8_t labels[DNS_BLNAME_LABELS_MAX];
    struct dns_name name;

    return below(t, b, labels, dns_blname_write(&net, labels), &name) &&
           ask(t, &name, type, want, a);
}

static bool ask_word(const struct test *t, const struct zone_branch *b, const char *wire,
                     uint16_t type, enum want want)
{
    struct dns_name name;

    return below(t, b, (const uint8_t *)wire, strlen(wire), &name) && ask(t, &name, type, want, 0);
}

static struct ip test_ip(uint32_t a, bool six)
{
    struct ip ip = {.family = six ? IP_V6 : IP_V4};
    uint8_t *p = ip.b + (six ? 12 : 0);

    if (six)
        ip.b[10] = ip.b[11] = 0xff;
    p[0] = (uint8_t)(a >> 24);
    p[1] = (uint8_t)(a >> 16);
    p[2] = (uint8_t)(a >> 8);
    p[3] = (uint8_t)a;
    return ip;
}

/* One family of one branch: .1 never, .2 always, each code where it says, and the names above. */
static bool family(const struct test *t, const struct zone_branch *b, bool six)
{
    bool dead = t->zone->state == ZONE_RETIRED, data = t->zone->data_tests;
    enum want want = dead ? WANT_ABSENT : WANT_LISTED;
    unsigned base = six ? 96 : 0;

    if (!ask_address(t, b, test_ip(0x7f000001, six), 128, DNS_TYPE_A, WANT_ABSENT, 0) ||
        !ask_address(t, b, test_ip(0x7f000002, six), 128, DNS_TYPE_A, want, 0) ||
        !ask_address(t, b, test_ip(0x7f000000, six), base + 8, DNS_TYPE_A,
                     dead ? WANT_ABSENT : WANT_EMPTY, 0) ||
        !ask_address(t, b, test_ip(0x7f000000, six), base + 24, DNS_TYPE_TXT,
                     dead ? WANT_ABSENT : WANT_EMPTY, 0))
        return false;
    for (size_t i = 0; i < b->test_count; i++) {
        uint32_t a = b->tests[i].a;

        /* What the data say of a test address may be another code, or have no text. */
        if (!ask_address(t, b, test_ip(a, six), 128, DNS_TYPE_A, want, data || dead ? 0 : a) ||
            (!data && !ask_address(t, b, test_ip(a, six), 128, DNS_TYPE_TXT,
                                   dead ? WANT_ABSENT : WANT_RECORDS, 0)))
            return false;
    }
    return true;
}

static bool branch(const struct test *t, const struct zone_branch *b)
{
    bool dead = t->zone->state == ZONE_RETIRED;

    if (b->tests4 && !family(t, b, false))
        return false;
    if (b->tests6 && !family(t, b, true))
        return false;
    if (!b->tests_names)
        return true;
    return ask_word(t, b, "\7invalid", DNS_TYPE_A, WANT_ABSENT) &&
           ask_word(t, b, "\4test", DNS_TYPE_A, dead ? WANT_ABSENT : WANT_LISTED);
}

/*
 * A name server whose name is in a zone of ours that has no address for it: the parent's glue leads
 * here, but a resolver that asks for itself is told that there is no such server.
 */
static void lame(const struct test *t)
{
    static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA};
    char text[DNS_NAME_TEXT_MAX];

    for (size_t i = 0; i < t->zone->ns_count && !t->result->warning[0]; i++) {
        bool denied = true;

        for (size_t k = 0; k < 2; k++) {
            struct came came;

            denied &= put(t, &t->zone->ns[i], types[k], 0, &came) && !came.answers &&
                      (came.rcode == DNS_NOERROR || came.rcode == DNS_NXDOMAIN);
        }
        if (denied)
            snprintf(t->result->warning, sizeof(t->result->warning),
                     "the name server %.200s is a name in a zone that is served here and has no "
                     "address for it: name one outside",
                     dns_name_text(t->zone->ns[i].wire, text));
    }
}

/* RFC 1035 §5.2 wants one. NSD and Knot take a zone that has none all the same, BIND does not. */
static void without_ns(const struct test *t)
{
    const struct zone *z = t->zone;

    if (!t->result->warning[0] && z->ns_count == 0 && z->transfer_count)
        snprintf(t->result->warning, sizeof(t->result->warning),
                 "it may be transferred and names no name server (NS): BIND does not take it, name "
                 "one");
}

/* Secondaries would hear SERVFAIL, again and again. */
static void without_records(const struct test *t)
{
    const struct zone *z = t->zone;
    bool patterns = false;

    for (size_t i = 0; i < z->branch_count; i++)
        patterns |= z->branches[i].look_patterns;
    if (!t->result->warning[0] && patterns && z->transfer_count)
        snprintf(t->result->warning, sizeof(t->result->warning),
                 "it may be transferred, but has patterns, which no records can tell: every "
                 "transfer fails");
}

bool zone_selftest(const struct zone_set *set, const struct zone *zone,
                   struct zone_selftest *result)
{
    struct test t = {set, zone, result};

    *result = (struct zone_selftest){0};
    if (zone->state == ZONE_BROKEN)
        return fail(&t, "%.200s has no good data", zone->title);
    if (!ask(&t, &zone->name, DNS_TYPE_SOA, zone->has_soa ? WANT_RECORDS : WANT_EMPTY, 0) ||
        (zone->ns_count && !ask(&t, &zone->name, DNS_TYPE_NS, WANT_RECORDS, 0)))
        return false;
    for (size_t i = 0; i < zone->branch_count; i++)
        if (!branch(&t, &zone->branches[i]))
            return false;
    lame(&t);
    without_records(&t);
    without_ns(&t);
    return true;
}
