/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/query.h"

#include "guard.h"
#include "hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a)                    (sizeof(a) / sizeof((a)[0]))

#define HEAD(flags, qd, an, ns, ar) "1234 " flags " " qd " " an " " ns " " ar " "
#define ONE(flags)                  HEAD(flags, "0001", "0000", "0000", "0000")
#define MORE(ar)                    HEAD("0100", "0001", "0000", "0000", ar)
#define NAME                        "0231 32 02424c 00"
#define QUESTION                    NAME " 0001 0001"
#define OPT                         "00 0029 1000 00000000 0000"
#define OPT_OF(len)                 "00 0029 04d0 00008000 " len " "
#define TSIG                        "0161 00 00fa 00ff 00000000 0000"
#define RECORD                      "c00c 0001 0001 00000000 0004 7f000001"

static enum dns_parse parse(struct guard *g, struct dns_query *q, const char *hex)
{
    static uint8_t wire[1024];
    struct span s = guard_span(g, span_of(wire, hex_read(hex, wire, sizeof(wire))));

    return dns_query_parse(q, (const uint8_t *)s.p, s.n);
}

static void outcomes(void **state)
{
    static const struct {
        const char *what, *packet;
        enum dns_parse want;
        bool question, edns;
    } cases[] = {
        {"plain", ONE("0100") QUESTION, DNS_PARSE_OK, true, false},
        {"root", ONE("0000") "00 0002 0001", DNS_PARSE_OK, true, false},
        {"empty", "", DNS_PARSE_DROP, false, false},
        {"11 octets", "1234 0100 0001 0000 0000 00", DNS_PARSE_DROP, false, false},
        {"an answer", ONE("8180") QUESTION, DNS_PARSE_DROP, false, false},
        {"header alone", HEAD("0100", "0000", "0000", "0000", "0000"), DNS_PARSE_FORMERR, false,
         false},
        {"a question less", HEAD("0100", "0001", "0000", "0000", "0000"), DNS_PARSE_FORMERR, false,
         false},
        {"no question, an OPT", HEAD("0100", "0000", "0000", "0000", "0001") OPT, DNS_PARSE_FORMERR,
         false, true},
        {"no question, a cookie",
         HEAD("0100", "0000", "0000", "0000", "0001") OPT_OF("000c") "000a 0008 0102030405060708",
         DNS_PARSE_COOKIE, false, true},
        {"no question, a broken cookie",
         HEAD("0100", "0000", "0000", "0000", "0001") OPT_OF("000b") "000a 0007 01020304050607",
         DNS_PARSE_FORMERR, false, true},
        {"no question, EDNS version 1",
         HEAD("0100", "0000", "0000", "0000", "0001") "00 0029 1000 00010000 0000",
         DNS_PARSE_BADVERS, false, true},
        {"no question, a cookie, opcode 1",
         HEAD("0800", "0000", "0000", "0000", "0001") OPT_OF("000c") "000a 0008 0102030405060708",
         DNS_PARSE_NOTIMP, false, true},
        {"two questions", HEAD("0100", "0002", "0000", "0000", "0000") QUESTION QUESTION,
         DNS_PARSE_FORMERR, false, false},
        {"no root", ONE("0100") "023132 02424c 0001 0001", DNS_PARSE_FORMERR, false, false},
        {"compressed question", ONE("0100") "0231 32 c00c 0001 0001", DNS_PARSE_FORMERR, false,
         false},
        {"class cut", ONE("0100") NAME " 0001 00", DNS_PARSE_FORMERR, false, false},
        {"trailing octet", ONE("0100") QUESTION "00", DNS_PARSE_FORMERR, true, false},
        {"a record less", MORE("0001") QUESTION, DNS_PARSE_FORMERR, true, false},
        {"EDNS", MORE("0001") QUESTION OPT, DNS_PARSE_OK, true, true},
        {"EDNS cut", MORE("0001") QUESTION "00 0029 1000 00000000 00", DNS_PARSE_FORMERR, true,
         false},
        {"two OPT", MORE("0002") QUESTION OPT OPT, DNS_PARSE_FORMERR, true, true},
        {"OPT of another name", MORE("0001") QUESTION "0161 00 0029 1000 00000000 0000",
         DNS_PARSE_FORMERR, true, false},
        {"OPT by a pointer", MORE("0001") QUESTION "c012 0029 1000 00000000 0000",
         DNS_PARSE_FORMERR, true, false},
        {"EDNS version 1", MORE("0001") QUESTION "00 0029 1000 00010000 0000", DNS_PARSE_BADVERS,
         true, true},
        {"version 1, then broken", MORE("0002") QUESTION "00 0029 1000 00010000 0000",
         DNS_PARSE_FORMERR, true, true},
        {"unknown option", MORE("0001") QUESTION OPT_OF("0006") "0064 0002 abcd", DNS_PARSE_OK,
         true, true},
        {"option runs over", MORE("0001") QUESTION OPT_OF("0006") "0064 0003 abcd",
         DNS_PARSE_FORMERR, true, true},
        {"option cut", MORE("0001") QUESTION OPT_OF("0003") "0064 00", DNS_PARSE_FORMERR, true,
         true},
        {"cookie of 8", MORE("0001") QUESTION OPT_OF("000c") "000a 0008 0102030405060708",
         DNS_PARSE_OK, true, true},
        {"cookie of 7", MORE("0001") QUESTION OPT_OF("000b") "000a 0007 01020304050607",
         DNS_PARSE_FORMERR, true, true},
        {"cookie of 9", MORE("0001") QUESTION OPT_OF("000d") "000a 0009 010203040506070809",
         DNS_PARSE_FORMERR, true, true},
        {"cookie of 15",
         MORE("0001") QUESTION OPT_OF("0013") "000a 000f "
                                              "010203040506070809101112131415",
         DNS_PARSE_FORMERR, true, true},
        {"cookie of 16",
         MORE("0001") QUESTION OPT_OF("0014") "000a 0010 "
                                              "01020304050607080910111213141516",
         DNS_PARSE_OK, true, true},
        {"cookie of 40",
         MORE("0001") QUESTION OPT_OF("002c") "000a 0028 "
                                              "0102030405060708010203040506070801020304050607080102"
                                              "0304050607080102030405060708",
         DNS_PARSE_OK, true, true},
        {"cookie of 41",
         MORE("0001") QUESTION OPT_OF("002d") "000a 0029 "
                                              "0102030405060708010203040506070801020304050607080102"
                                              "030405060708010203040506070809",
         DNS_PARSE_FORMERR, true, true},
        {"an answer within", HEAD("0100", "0001", "0001", "0000", "0000") QUESTION RECORD,
         DNS_PARSE_OK, true, false},
        {"record with a broken owner", MORE("0001") QUESTION "4161 00 0001 0001 00000000 0000",
         DNS_PARSE_FORMERR, true, false},
        {"data runs over", MORE("0001") QUESTION "c00c 0001 0001 00000000 0005 7f000001",
         DNS_PARSE_FORMERR, true, false},
        {"TSIG", MORE("0001") QUESTION TSIG, DNS_PARSE_OK, true, false},
        {"EDNS and TSIG", MORE("0002") QUESTION OPT TSIG, DNS_PARSE_OK, true, true},
        {"TSIG among the answers", HEAD("0000", "0001", "0001", "0000", "0000") QUESTION TSIG,
         DNS_PARSE_FORMERR, true, false},
        {"TSIG in the authority section",
         HEAD("0000", "0001", "0000", "0001", "0000") QUESTION TSIG, DNS_PARSE_FORMERR, true,
         false},
        {"TSIG not last", MORE("0002") QUESTION TSIG OPT, DNS_PARSE_FORMERR, true, false},
        {"OPT among the answers", HEAD("0100", "0001", "0001", "0000", "0000") QUESTION OPT,
         DNS_PARSE_OK, true, false},
        {"opcode 15, nothing else", HEAD("7800", "0000", "0000", "0000", "0000"), DNS_PARSE_NOTIMP,
         false, false},
        {"opcode 1 with a question", ONE("0800") QUESTION, DNS_PARSE_NOTIMP, true, false},
        {"UPDATE with rubbish", ONE("2800") "ffffff", DNS_PARSE_NOTIMP, false, false},
        {"NOTIFY", HEAD("2400", "0001", "0001", "0000", "0001") QUESTION RECORD OPT,
         DNS_PARSE_NOTIMP, true, true},
        {"flags that mean nothing", ONE("0fef") QUESTION, DNS_PARSE_NOTIMP, true, false},
        {"Z, AD, AA, TC, RA in a query", ONE("07f0") QUESTION, DNS_PARSE_OK, true, false},
    };
    struct guard g = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dns_query q;

        memset(&q, 0xa5, sizeof(q));
        print_message("# %s\n", cases[i].what);
        assert_int_equal(parse(&g, &q, cases[i].packet), cases[i].want);
        if (cases[i].want == DNS_PARSE_DROP)
            continue;
        assert_int_equal(q.id, 0x1234);
        assert_int_equal(q.question_end != 0, cases[i].question);
        assert_int_equal(q.edns.present, cases[i].edns);
    }
    guard_free(&g);
}

static void fields(void **state)
{
    struct guard g = {0};
    struct dns_query q;

    assert_int_equal(parse(&g, &q,
                           MORE("0003") NAME " 0010 0003" RECORD OPT_OF(
                               "0016") "0003 0000 000b 0000 000a 0008 0102030405060708"
                                       "ffff 0000"
                                       "0161 00 00fa 00ff 00000000 0000"),
                     DNS_PARSE_FORMERR); /* one octet of option too few */
    assert_int_equal(parse(&g, &q,
                           MORE("0003") NAME " 0010 0003" RECORD OPT_OF(
                               "0018") "0003 0000 000b 0000 000a 0008 0102030405060708"
                                       "ffff 0000"
                                       "0161 00 00fa 00ff 00000000 0000"),
                     DNS_PARSE_OK);
    assert_true(q.rd);
    assert_false(q.cd);
    assert_int_equal(q.type, DNS_TYPE_TXT);
    assert_int_equal(q.klass, DNS_CLASS_CH);
    assert_int_equal(q.labels, 2);
    assert_int_equal(q.name_n, 7);
    assert_memory_equal(q.name, "\00212\002bl", 7);
    assert_memory_equal(q.label_at, "\0\3\6", 3);
    assert_int_equal(q.question_end, 12 + 7 + 4);
    assert_int_equal(q.edns.udp_size, 1232);
    assert_true(q.edns.do_bit && q.edns.nsid && q.edns.keepalive);
    assert_true(span_eq(dns_query_cookie(&q), span_str("\1\2\3\4\5\6\7\10")));
    assert_int_equal(q.tsig_at, q.n - 13);
    assert_int_equal(dns_query_udp_max(&q, 4096), 1232);
    assert_int_equal(dns_query_udp_max(&q, 1000), 1000);
    guard_free(&g);
}

/* Of two cookies the first counts. */
static void options_twice(void **state)
{
    struct guard g = {0};
    struct dns_query q;

    assert_int_equal(parse(&g, &q,
                           MORE("0001") QUESTION OPT_OF(
                               "0018") "000a 0008 0102030405060708 000a 0008 1112131415161718"),
                     DNS_PARSE_OK);
    assert_true(span_eq(dns_query_cookie(&q), span_str("\1\2\3\4\5\6\7\10")));
    guard_free(&g);
}

static void udp_sizes(void **state)
{
    struct guard g = {0};
    struct dns_query q;

    assert_int_equal(parse(&g, &q, ONE("0000") QUESTION), DNS_PARSE_OK);
    assert_int_equal(dns_query_udp_max(&q, 1232), 512);
    assert_int_equal(parse(&g, &q, MORE("0001") QUESTION "00 0029 0000 00000000 0000"),
                     DNS_PARSE_OK);
    assert_int_equal(dns_query_udp_max(&q, 1232), 512);
    guard_free(&g);
}

/* Names at the limits: 63 octets a label, 127 labels, 255 octets. */
static void name_limits(void **state)
{
    static const struct {
        const char *what;
        unsigned label, labels, last;
        enum dns_parse want;
    } cases[] = {
        {"63 octets", 63, 1, 0, DNS_PARSE_OK},       {"64 octets", 64, 1, 0, DNS_PARSE_FORMERR},
        {"127 labels", 1, 127, 0, DNS_PARSE_OK},     {"128 labels", 1, 128, 0, DNS_PARSE_FORMERR},
        {"255 octets", 63, 3, 61, DNS_PARSE_OK},     {"256 octets", 63, 3, 62, DNS_PARSE_FORMERR},
        {"257 octets", 63, 4, 0, DNS_PARSE_FORMERR}, {"far too long", 63, 9, 0, DNS_PARSE_FORMERR},
    };
    struct guard g = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t wire[1024] = {0, 1, 0, 0, 0, 1};
        size_t n = DNS_HEADER;
        struct dns_query q;
        struct span s;

        print_message("# %s\n", cases[i].what);
        for (unsigned l = 0; l < cases[i].labels + (cases[i].last > 0); l++) {
            unsigned size = l < cases[i].labels ? cases[i].label : cases[i].last;

            wire[n] = (uint8_t)size;
            memset(wire + n + 1, 'Z', size);
            n += size + 1;
        }
        memcpy(wire + n, "\0\0\1\0\1", 5);
        s = guard_span(&g, span_of(wire, n + 5));
        assert_int_equal(dns_query_parse(&q, (const uint8_t *)s.p, s.n), cases[i].want);
        if (cases[i].want != DNS_PARSE_OK)
            continue;
        assert_int_equal(q.name_n, n + 1 - DNS_HEADER);
        for (unsigned l = 0; l < q.labels; l++)
            assert_int_equal(q.name[q.label_at[l] + 1], 'z');
    }
    guard_free(&g);
}

/* Whatever octet: just A to Z change. */
static void lower_all(void **state)
{
    for (unsigned c = 0; c < 256; c++) {
        uint8_t wire[] = {0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, (uint8_t)c, 0, 0, 1, 0, 1};
        struct dns_query q;

        assert_int_equal(dns_query_parse(&q, wire, sizeof(wire)), DNS_PARSE_OK);
        assert_int_equal(q.name[1], c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
}

static void ixfr_serial(void **state)
{
    static const struct {
        const char *what, *packet;
        bool want;
    } cases[] = {
        {"compressed owner",
         HEAD("0000", "0001", "0000", "0001", "0000") NAME
         " 00fb 0001"
         "c00c 0006 0001 00000000 0016 00 00 01020304 00000000 00000000 00000000 00000000",
         true},
        {"names in the data",
         HEAD("0000", "0001", "0000", "0001", "0000") NAME
         " 00fb 0001"
         "c00c 0006 0001 00000000 0018 c00c c00c 01020304 00000000 00000000 00000000 00000000",
         true},
        {"with an answer before",
         HEAD("0000", "0001", "0001", "0001", "0000") NAME
         " 00fb 0001" RECORD
         "c00c 0006 0001 00000000 0016 00 00 01020304 00000000 00000000 00000000 00000000",
         true},
        {"of another zone",
         HEAD("0000", "0001", "0000", "0001", "0000") NAME
         " 00fb 0001"
         "00 0006 0001 00000000 0016 00 00 01020304 00000000 00000000 00000000 00000000",
         false},
        {"none", ONE("0000") NAME " 00fb 0001", false},
        {"no SOA", HEAD("0000", "0001", "0000", "0001", "0000") NAME " 00fb 0001" RECORD, false},
        {"SOA too short",
         HEAD("0000", "0001", "0000", "0001", "0000") NAME
         " 00fb 0001"
         "c00c 0006 0001 00000000 0015 00 00 01020304 00000000 00000000 00000000 000000",
         false},
        {"SOA without names",
         HEAD("0000", "0001", "0000", "0001", "0000") NAME " 00fb 0001"
                                                           "c00c 0006 0001 00000000 0000",
         false},
    };
    struct guard g = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dns_query q;
        uint32_t serial = 0;

        print_message("# %s\n", cases[i].what);
        assert_int_equal(parse(&g, &q, cases[i].packet), DNS_PARSE_OK);
        assert_int_equal(dns_query_ixfr_serial(&q, &serial), cases[i].want);
        assert_int_equal(serial, cases[i].want ? 0x01020304 : 0);
    }
    guard_free(&g);
}

static void written_and_read(void **state)
{
    uint8_t out[64];
    struct dns_name name;
    struct dns_query q;
    size_t n;

    assert_true(dns_name_parse(SPAN_LIT("2.0.0.127.bl.example"), &name));
    n = dns_query_write(out, sizeof(out), 7, &name, DNS_TYPE_A, true);
    assert_int_equal(n, 12 + name.n + 4 + 11);
    assert_int_equal(dns_query_parse(&q, out, n), DNS_PARSE_OK);
    assert_true(q.edns.present && !q.rd && q.id == 7 && q.type == DNS_TYPE_A);
    assert_memory_equal(q.name, name.wire, name.n);
    assert_int_equal(dns_query_write(out, n, 7, &name, DNS_TYPE_A, true), n);
    assert_int_equal(dns_query_write(out, n - 1, 7, &name, DNS_TYPE_A, true), 0);
    assert_int_equal(dns_query_write(out, n - 11, 7, &name, DNS_TYPE_A, false), n - 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes),      cmocka_unit_test(fields),
        cmocka_unit_test(options_twice), cmocka_unit_test(udp_sizes),
        cmocka_unit_test(name_limits),   cmocka_unit_test(lower_all),
        cmocka_unit_test(ixfr_serial),   cmocka_unit_test(written_and_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
