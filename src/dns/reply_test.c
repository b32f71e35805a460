/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/reply.h"

#include "hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* "2.0.0.127.Bl.Example", written by a resolver that mixes case. */
#define NAME     "0132 0130 0130 03313237 02426c 074578616d706c65 00"
#define A_IN     NAME " 0001 0001"
#define HEAD     "1234 0110 0001 0000 0000 "
#define PLAIN    HEAD "0000 " A_IN
#define EDNS     HEAD "0001 " A_IN "00 0029 04d0 00008000 0000"
#define COOKIE   HEAD "0001 " A_IN "00 0029 04d0 00000000 0010 0003 0000 000a 0008 0102030405060708"
#define VERS1    HEAD "0001 " A_IN "00 0029 04d0 00010000 0000"

struct fix {
    uint8_t packet[512], out[70000];
    struct dns_query q;
    struct dns_reply r;
};

static struct fix fix;

static struct dns_reply *begin(const char *hex, size_t max)
{
    size_t n = hex_read(hex, fix.packet, sizeof(fix.packet));

    memset(fix.out, 0xa5, sizeof(fix.out));
    dns_query_parse(&fix.q, fix.packet, n);
    dns_reply_begin(&fix.r, &fix.q, fix.out, max);
    return &fix.r;
}

static void answer_is(struct dns_reply *r, const char *hex)
{
    uint8_t want[1024];
    char text[2 * 1024 + 1], got[2 * 1024 + 1];
    size_t n = hex_read(hex, want, sizeof(want));

    assert_string_equal(hex_write(r->p, dns_reply_finish(r), got), hex_write(want, n, text));
}

static struct dns_name name_of(const char *text)
{
    struct dns_name name;

    assert_true(dns_name_parse(span_str(text), &name));
    return name;
}

static struct dns_soa soa_of(const char *mname, const char *rname)
{
    return (struct dns_soa){name_of(mname), name_of(rname), 1, 2, 3, 4, 5};
}

static void hit(void **state)
{
    struct dns_reply *r = begin(PLAIN, 512);

    dns_reply_aa(r, true);
    assert_true(dns_reply_a(r, DNS_OWNER_QUESTION, 300, 0x7f000002));
    answer_is(r, "1234 8510 0001 0001 0000 0000 " A_IN "c00c 0001 0001 0000012c 0004 7f000002");
}

static void hit_with_edns(void **state)
{
    struct dns_reply *r = begin(EDNS, 1232);

    assert_true(dns_reply_a(r, DNS_OWNER_QUESTION, 300, 0x7f000002));
    answer_is(r, "1234 8110 0001 0001 0000 0001 " A_IN "c00c 0001 0001 0000012c 0004 7f000002"
                 "00 0029 04d0 00008000 0000");
}

static void miss(void **state)
{
    struct dns_soa soa = soa_of("ns.example", "root.bl.example");
    struct dns_name zone = name_of("BL.example");
    struct dns_reply *r = begin(PLAIN, 512);
    struct dns_soa_laid laid;

    dns_reply_rcode(r, DNS_NXDOMAIN);
    dns_reply_section(r, DNS_AUTHORITY);
    /* The zone is bl.example: label 4, at 12 + 10; its "example" at 12 + 13. */
    dns_soa_lay(&soa, &zone, &laid);
    assert_true(dns_reply_soa(r, dns_reply_owner_suffix(&fix.q, 4), 60, &laid));
    answer_is(r, "1234 8113 0001 0000 0001 0000 " A_IN "c016 0006 0001 0000003c 0020"
                 "026e73 c019 04726f6f74 c016 00000001 00000002 00000003 00000004 00000005");
}

/* What a SOA's names share with their zone: all, some labels, the root alone; and the root. */
static void soa_laid(void **state)
{
    static const struct {
        const char *zone, *mname, *rname;
        unsigned label;   /* of the question, where the zone's name begins */
        const char *data; /* without the five numbers */
    } cases[] = {
        {"bl.example", "bl.EXAMPLE", "a.b.bl.example", 4, "c016 0161 0162 c016"},
        {"bl.example", "example", "x.test", 4, "c019 0178 0474657374 00"},
        {"bl.example", "xbl.example", "b.l.example", 4, "0378626c c019 0162 016c c019"},
        {".", ".", "ns.example", 6, "00 026e73 076578616d706c65 00"},
        {"bl.example", ".", "ple", 4, "00 03706c6500"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dns_soa soa = soa_of(cases[i].mname, cases[i].rname);
        struct dns_name zone = name_of(cases[i].zone);
        struct dns_reply *r = begin(PLAIN, 512);
        struct dns_soa_laid laid;
        char want[400];
        size_t n = 0;

        dns_soa_lay(&soa, &zone, &laid);
        for (const char *p = cases[i].data; *p; p++)
            n += *p != ' ';
        snprintf(want, sizeof(want),
                 "1234 8110 0001 0000 0001 0000 " A_IN "%s 0006 0001 00000005 %04zx %s"
                 "00000001 00000002 00000003 00000004 00000005",
                 cases[i].label == 4 ? "c016" : "c021", n / 2 + 20, cases[i].data);
        dns_reply_section(r, DNS_AUTHORITY);
        assert_true(dns_reply_soa(r, dns_reply_owner_suffix(&fix.q, cases[i].label), 5, &laid));
        answer_is(r, want);
    }
}

static void every_type(void **state)
{
    struct dns_name ns = name_of("NS.bl.EXAMPLE"), other = name_of("a.test"), root = name_of(".");
    struct dns_reply *r = begin(PLAIN, 512);
    static const uint8_t v6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};

    assert_true(dns_reply_aaaa(r, DNS_OWNER_QUESTION, 1, v6));
    assert_true(dns_reply_txt(r, DNS_OWNER_QUESTION, 1, SPAN_LIT("hi")));
    assert_true(dns_reply_txt(r, DNS_OWNER_QUESTION, 1, SPAN_NULL));
    assert_true(dns_reply_named(r, DNS_OWNER_QUESTION, DNS_TYPE_NS, 1, &ns));
    assert_true(dns_reply_mx(r, DNS_OWNER_QUESTION, 1, 10, &other));
    dns_reply_section(r, DNS_ADDITIONAL);
    dns_reply_owner(r, &other);
    assert_true(dns_reply_rr(r, DNS_OWNER_OTHER, 65280, 1, SPAN_LIT("\1\2")));
    assert_true(dns_reply_named(r, DNS_OWNER_QUESTION, DNS_TYPE_PTR, 1, &root));
    answer_is(r, "1234 8110 0001 0005 0000 0002 " A_IN
                 "c00c 001c 0001 00000001 0010 20010db8000000000000000000000001"
                 "c00c 0010 0001 00000001 0003 026869"
                 "c00c 0010 0001 00000001 0001 00"
                 "c00c 0002 0001 00000001 0005 024e53 c016"
                 "c00c 000f 0001 00000001 000a 000a 0161 0474657374 00"
                 "0161 0474657374 00 ff00 0001 00000001 0002 0102"
                 "c00c 000c 0001 00000001 0001 00");
}

/* Strings of 255 octets at most, whatever the text. */
static void txt_strings(void **state)
{
    static const struct {
        size_t text, strings;
    } cases[] = {{254, 1}, {255, 1}, {256, 2}, {510, 2}, {511, 3}, {2000, 8}};
    static char text[2000];

    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dns_reply *r = begin(PLAIN, 4096);
        size_t at = fix.q.question_end + 12, end, strings = 0;

        print_message("# %zu octets\n", cases[i].text);
        assert_true(dns_reply_txt(r, DNS_OWNER_QUESTION, 1, span_of(text, cases[i].text)));
        end = dns_reply_finish(r);
        assert_int_equal(dns_wire_get16(fix.out + at - 2), cases[i].text + cases[i].strings);
        for (; at < end; at += fix.out[at] + 1u)
            strings++;
        assert_int_equal(at, end);
        assert_int_equal(strings, cases[i].strings);
    }
}

static void other_outcomes(void **state)
{
    struct dns_reply *r = begin("1234 7900 0000 0000 0000 0000", 512);

    dns_reply_rcode(r, DNS_NOTIMP);
    answer_is(r, "1234 f904 0000 0000 0000 0000");
    r = begin("1234 0000 0002 0000 0000 0000" A_IN A_IN, 512);
    dns_reply_rcode(r, DNS_FORMERR);
    answer_is(r, "1234 8001 0000 0000 0000 0000");
    r = begin(VERS1, 512);
    dns_reply_rcode(r, DNS_BADVERS);
    answer_is(r, "1234 8110 0001 0000 0000 0001 " A_IN "00 0029 04d0 01000000 0000");
    r = begin(PLAIN, 512); /* an upper rcode has no place without OPT */
    dns_reply_rcode(r, DNS_BADCOOKIE);
    answer_is(r, "1234 8112 0001 0000 0000 0000 " A_IN);
}

static void chaos_class(void **state)
{
    struct dns_reply *r = begin("1234 0000 0001 0000 0000 0000 00 0010 0003", 512);

    assert_true(dns_reply_txt(r, DNS_OWNER_QUESTION, 0, SPAN_LIT("v")));
    answer_is(r, "1234 8000 0001 0001 0000 0000 00 0010 0003 c00c 0010 0003 00000000 0002 0176");
}

static void options(void **state)
{
    struct dns_reply *r = begin(COOKIE, 512);
    static const uint8_t cookie[] = "\1\2\3\4\5\6\7\10servers!";

    dns_reply_nsid(r, SPAN_LIT("ns1"));
    dns_reply_cookie(r, cookie, 16);
    dns_reply_keepalive(r, 100); /* not asked for */
    dns_reply_ede(r, DNS_EDE_PROHIBITED, SPAN_LIT("no"));
    dns_reply_ede(r, DNS_EDE_OTHER, SPAN_LIT("the first counts"));
    dns_reply_rcode(r, DNS_REFUSED);
    answer_is(r, "1234 8115 0001 0000 0000 0001 " A_IN "00 0029 04d0 00000000 0023"
                 "0003 0003 6e7331 000a 0010 0102030405060708 7365727665727321"
                 "000f 0004 0012 6e6f");
    r = begin(PLAIN, 512); /* without EDNS there is no place for any */
    dns_reply_nsid(r, SPAN_LIT("ns1"));
    dns_reply_cookie(r, cookie, 16);
    dns_reply_ede(r, DNS_EDE_OTHER, SPAN_LIT("x"));
    answer_is(r, "1234 8110 0001 0000 0000 0000 " A_IN);
    r = begin(HEAD "0001 " A_IN "00 0029 04d0 00000000 0004 000b 0000", 512);
    dns_reply_keepalive(r, 100);
    dns_reply_nsid(r, SPAN_LIT("ns1"));
    answer_is(r, "1234 8110 0001 0000 0000 0001 " A_IN "00 0029 04d0 00000000 0006"
                 "000b 0002 0064");
}

/* A text is cut between characters, never within one. */
static void ede_text_cut(void **state)
{
    char text[200];
    size_t n;

    memset(text, 'x', sizeof(text));
    memcpy(text + DNS_EDE_TEXT_MAX - 1, "\xc3\xa9", 2);
    begin(EDNS, 1232);
    dns_reply_ede(&fix.r, DNS_EDE_OTHER, span_of(text, sizeof(text)));
    n = dns_reply_finish(&fix.r);
    assert_int_equal(n, fix.q.question_end + 11 + 6 + DNS_EDE_TEXT_MAX - 1);
    begin(EDNS, 1232);
    memset(text, 'x', sizeof(text));
    dns_reply_ede(&fix.r, DNS_EDE_OTHER, span_of(text, DNS_EDE_TEXT_MAX));
    n = dns_reply_finish(&fix.r);
    assert_int_equal(n, fix.q.question_end + 11 + 6 + DNS_EDE_TEXT_MAX);
}

/* Records of 16 octets until there is no room; OPT and what is kept for TSIG always fit. */
static void fills(void **state)
{
    static const size_t kept[] = {0, 1, 15, 16, 100};

    for (size_t i = 0; i < COUNT(kept); i++)
        for (size_t max = 512; max < 512 + 17; max++) {
            struct dns_reply *r = begin(EDNS, max);
            size_t room = max - fix.q.question_end - 11 - kept[i], count = 0, n;

            dns_reply_keep(r, kept[i]);
            while (dns_reply_a(r, DNS_OWNER_QUESTION, 1, 2))
                count++;
            assert_int_equal(count, room / 16);
            assert_false(dns_reply_rr(r, DNS_OWNER_QUESTION, 99, 1, SPAN_NULL));
            n = dns_reply_finish(r);
            assert_int_equal(n, fix.q.question_end + 11 + 16 * count);
            assert_int_equal(dns_wire_get16(fix.out + 6), count);
            assert_int_equal(dns_wire_get16(fix.out + 10), 1);
            assert_int_equal(fix.out[2] & 2, 2);
            for (size_t at = n; at < max + 16; at++)
                assert_int_equal(fix.out[at], 0xa5);
        }
}

/* A whole message of 64 kB is the most, whatever the buffer. */
static void message_max(void **state)
{
    struct dns_reply *r = begin(EDNS, sizeof(fix.out));
    static char text[60000];

    assert_true(dns_reply_txt(r, DNS_OWNER_QUESTION, 1, span_of(text, sizeof(text))));
    while (dns_reply_a(r, DNS_OWNER_QUESTION, 1, 2))
        ;
    assert_in_range(dns_reply_finish(r), DNS_MESSAGE_MAX - 15, DNS_MESSAGE_MAX);
}

static void full_additional_is_no_loss(void **state)
{
    struct dns_reply *r = begin(PLAIN, 512);
    static char text[400];

    assert_true(dns_reply_a(r, DNS_OWNER_QUESTION, 1, 2));
    dns_reply_section(r, DNS_ADDITIONAL);
    assert_true(dns_reply_txt(r, DNS_OWNER_QUESTION, 1, span_of(text, 400)));
    assert_false(dns_reply_txt(r, DNS_OWNER_QUESTION, 1, span_of(text, 400)));
    dns_reply_finish(r);
    assert_int_equal(fix.out[2] & 2, 0);
    assert_int_equal(dns_wire_get16(fix.out + 10), 1);
}

static void options_need_room(void **state)
{
    struct dns_reply *r = begin(EDNS, 512);
    static char text[DNS_EDE_TEXT_MAX];
    size_t n;

    while (dns_reply_a(r, DNS_OWNER_QUESTION, 1, 2))
        ;
    dns_reply_ede(r, DNS_EDE_OTHER, span_of(text, sizeof(text)));
    assert_false(r->has_ede);
    n = dns_reply_finish(r);
    assert_in_range(n, 512 - 15, 512);
}

static void slip_and_clear(void **state)
{
    struct dns_reply *r = begin(EDNS, 512);

    dns_reply_rcode(r, DNS_NXDOMAIN);
    dns_reply_aa(r, true);
    assert_true(dns_reply_a(r, DNS_OWNER_QUESTION, 1, 2));
    dns_reply_slip(r);
    answer_is(r, "1234 8310 0001 0000 0000 0001 " A_IN "00 0029 04d0 00008000 0000");
    r = begin(PLAIN, 512);
    while (dns_reply_a(r, DNS_OWNER_QUESTION, 1, 2))
        ;
    dns_reply_clear(r);
    assert_true(dns_reply_a(r, DNS_OWNER_QUESTION, 300, 0x7f000002));
    answer_is(r, "1234 8110 0001 0001 0000 0000 " A_IN "c00c 0001 0001 0000012c 0004 7f000002");
}

/* The longest question leaves room in the smallest answer for a record and an OPT. */
static void longest_question(void **state)
{
    uint8_t packet[512] = {0, 1, 0, 0, 0, 1, [11] = 1};
    size_t n = DNS_HEADER;
    struct dns_query q;
    struct dns_reply r;

    for (unsigned i = 0; i < 127; i++, n += 2)
        memcpy(packet + n, "\1x", 2);
    memcpy(packet + n, "\0\0\1\0\1\0\0\51\4\320\0\0\0\0\0\0", 16);
    assert_int_equal(dns_query_parse(&q, packet, n + 16), DNS_PARSE_OK);
    dns_reply_begin(&r, &q, fix.out, DNS_REPLY_MIN);
    assert_true(dns_reply_a(&r, dns_reply_owner_suffix(&q, 126), 1, 2));
    assert_int_equal(dns_reply_finish(&r), n + 5 + 16 + 11);
    assert_int_equal(dns_wire_get16(fix.out + n + 5), 0xc000 | (12 + 252));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hit),
        cmocka_unit_test(hit_with_edns),
        cmocka_unit_test(miss),
        cmocka_unit_test(soa_laid),
        cmocka_unit_test(every_type),
        cmocka_unit_test(txt_strings),
        cmocka_unit_test(other_outcomes),
        cmocka_unit_test(chaos_class),
        cmocka_unit_test(options),
        cmocka_unit_test(ede_text_cut),
        cmocka_unit_test(fills),
        cmocka_unit_test(message_max),
        cmocka_unit_test(full_additional_is_no_loss),
        cmocka_unit_test(options_need_room),
        cmocka_unit_test(slip_and_clear),
        cmocka_unit_test(longest_question),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
