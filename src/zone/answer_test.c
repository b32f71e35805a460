/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a list says of a name, by the check lists of RFC 5782 (lists), 6471 (their end) and 8020
 * (empty names), and as rbldnsd's files have it.
 */
#include "zoneset.h"

#include "zone/contents.h"
#include "zone/selftest.h"

static void rfc5782(void **state)
{
    static const struct ask asks[] = {
        {"§2.1 a listed address", "1.2.0.192.bl.example.org", A,
         "NOERROR aa A:300:127.0.0.2 A:300:127.0.0.14", ZONE_LISTED},
        {"§2.3 a TXT for each A, in order", "1.2.0.192.bl.example.org", TXT,
         "NOERROR aa TXT:300:\"open relay, https://bl.example.org/e/77?192.0.2.1\" "
         "TXT:300:\"login trick\"",
         ZONE_LISTED},
        {"the same value of two tables once", "9.2.0.192.bl.example.org", A,
         "NOERROR aa A:300:127.0.0.4", ZONE_LISTED},
        {"and its text once", "9.2.0.192.bl.example.org", TXT, "NOERROR aa TXT:300:\"input\"",
         ZONE_LISTED},
        {"§2.1 an unlisted one", "2.2.0.192.bl.example.org", A, "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"§2.1 first of a range", "0.100.51.198.bl.example.org", A, "NOERROR aa A:300:127.0.0.8",
         ZONE_LISTED},
        {"last of a range, with the address in the text", "255.100.51.198.bl.example.org", TXT,
         "NOERROR aa TXT:300:\"web 198.51.100.255\"", ZONE_LISTED},
        {"an inner part", "7.100.51.198.bl.example.org", A, "NOERROR aa A:300:127.0.0.9",
         ZONE_LISTED},
        {"an exclusion", "9.100.51.198.bl.example.org", A, "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"§2.4 IPv6",
         "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.example.org", TXT,
         "NOERROR aa TXT:300:\"six 2001:db8::25 bl.example.org\"", ZONE_LISTED},
        {"§2.4 in upper case",
         "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.bl.example.org", A,
         "NOERROR aa A:300:127.0.0.2", ZONE_LISTED},
        {"§2.4 in a range",
         "f.f.f.f.f.f.f.f.f.f.f.f.f.f.f.f.f.f.f.f.1.0.0.0.8.b.d.0.1.0.0.2.bl.example.org", A,
         "NOERROR aa A:300:127.0.0.9", ZONE_LISTED},
        {"§5 127.0.0.2 is listed", "2.0.0.127.bl.example.org", A, "NOERROR aa A:300:127.0.0.2",
         ZONE_LISTED},
        {"§5 its text", "2.0.0.127.bl.example.org", TXT, "NOERROR aa TXT:300:\"test of 2\"",
         ZONE_LISTED},
        {"§5 127.0.0.1 is not", "1.0.0.127.bl.example.org", A, "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"§5 an entry for each code", "14.0.0.127.bl.example.org", A, "NOERROR aa A:300:127.0.0.14",
         ZONE_LISTED},
        {"with a text of our own", "14.0.0.127.bl.example.org", TXT,
         "NOERROR aa TXT:300:\"Test entry of bl.example.org (RFC 5782), not a listing\"",
         ZONE_LISTED},
        {"no other in the test network", "3.0.0.127.bl.example.org", A, "NXDOMAIN aa" NEG,
         ZONE_NXDOMAIN},
        {"whatever the data say", "77.0.0.127.bl.example.org", A, "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"§5 ::ffff:7f00:2",
         "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.bl.example.org", A,
         "NOERROR aa A:300:127.0.0.2", ZONE_LISTED},
        {"§5 ::ffff:7f00:1",
         "1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.bl.example.org", A,
         "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"§5 a zone's own first code at .2", "2.0.0.127.outputs.bl.example.org", A,
         "NOERROR aa A:300:127.0.0.5", ZONE_LISTED},
        {"§5 and at its own", "5.0.0.127.outputs.bl.example.org", A, "NOERROR aa A:300:127.0.0.5",
         ZONE_LISTED},
        {"no IPv6 test entry in a list of IPv4",
         "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.outputs.bl.example.org",
         A, "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"an empty list is a list", "2.0.0.127.x.y.bl.example.org", A, "NOERROR aa A:300:127.0.0.2",
         ZONE_LISTED},
        {"§5 apex A", "bl.example.org", A, "NOERROR aa A:300:192.0.2.80", ZONE_META},
        {"§5 apex AAAA", "bl.example.org", DNS_TYPE_AAAA, "NOERROR aa AAAA:300:2001:db8::80",
         ZONE_META},
        {"apex TXT", "bl.example.org", TXT, "NOERROR aa TXT:300:\"see https://bl.example.org/\"",
         ZONE_META},
        {"apex SOA", "bl.example.org", DNS_TYPE_SOA, "NOERROR aa SOA:3600", ZONE_META},
        {"apex NS", "bl.example.org", DNS_TYPE_NS,
         "NOERROR aa NS:7200:ns1.example.org NS:7200:ns2.example.org", ZONE_META},
        {"apex, another type", "bl.example.org", DNS_TYPE_MX, "NOERROR aa" NEG, ZONE_META},
        {"an octet over 255", "256.2.0.192.bl.example.org", A, "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"a leading zero", "01.2.0.192.bl.example.org", A, "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"five labels", "1.1.2.0.192.bl.example.org", A, "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"§3 a name", "plain.example.dn.example.com", A, "NOERROR aa A:300:127.0.0.2", ZONE_LISTED},
        {"its text has the name", "PLAIN.example.dn.example.com", TXT,
         "NOERROR aa TXT:300:\"listed plain.example\"", ZONE_LISTED},
        {"not what is under it", "x.plain.example.dn.example.com", A, "NXDOMAIN aa" NEG,
         ZONE_NXDOMAIN},
        {"§3 a wildcard", "a.b.wild.example.dn.example.com", A, "NOERROR aa A:300:127.0.0.4",
         ZONE_LISTED},
        {"not itself, but it is there", "wild.example.dn.example.com", A, "NOERROR aa" NEG,
         ZONE_NODATA},
        {"both: itself", "both.example.dn.example.com", A, "NOERROR aa A:300:127.0.0.3",
         ZONE_LISTED},
        {"both: under it", "x.both.example.dn.example.com", A, "NOERROR aa A:300:127.0.0.3",
         ZONE_LISTED},
        {"an excluded name: there, for what is under it is listed",
         "good.wild.example.dn.example.com", A, "NOERROR aa" NEG, ZONE_NODATA},
        {"under it", "x.good.wild.example.dn.example.com", A, "NOERROR aa A:300:127.0.0.4",
         ZONE_LISTED},
        {"§5 TEST", "test.dn.example.com", A, "NOERROR aa A:300:127.0.0.2", ZONE_LISTED},
        {"§5 INVALID", "invalid.dn.example.com", A, "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"§5 and under it, whatever the data say", "x.invalid.dn.example.com", A, "NXDOMAIN aa" NEG,
         ZONE_NXDOMAIN},
    };

    check(asks, COUNT(asks), "192.0.2.53", false, false);
}

static void rfc8020(void **state)
{
    static const struct ask asks[] = {
        {"/8", "192.bl.example.org", A, "NOERROR aa" NEG, ZONE_NODATA},
        {"/16", "0.192.bl.example.org", A, "NOERROR aa" NEG, ZONE_NODATA},
        {"/24", "2.0.192.bl.example.org", TXT, "NOERROR aa" NEG, ZONE_NODATA},
        {"NS, as minimising resolvers ask", "2.0.192.bl.example.org", DNS_TYPE_NS, "NOERROR aa" NEG,
         ZONE_NODATA},
        {"/24 of a range", "100.51.198.bl.example.org", A, "NOERROR aa" NEG, ZONE_NODATA},
        {"an empty /8", "10.bl.example.org", A, "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"an empty /24", "3.0.192.bl.example.org", A, "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"above a test entry", "127.bl.example.org", A, "NOERROR aa" NEG, ZONE_NODATA},
        {"/24 of the test entries", "0.0.127.bl.example.org", A, "NOERROR aa" NEG, ZONE_NODATA},
        {"beside them", "1.0.127.bl.example.org", A, "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"IPv6 /32", "8.b.d.0.1.0.0.2.bl.example.org", A, "NOERROR aa" NEG, ZONE_NODATA},
        {"IPv6 /4", "2.bl.example.org", A, "NOERROR aa" NEG, ZONE_NODATA},
        {"an empty IPv6 prefix", "9.b.d.0.1.0.0.2.bl.example.org", A, "NXDOMAIN aa" NEG,
         ZONE_NXDOMAIN},
        {"above the IPv6 test entries",
         "f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.bl.example.org", A, "NOERROR aa" NEG,
         ZONE_NODATA},
        {"higher", "0.0.0.0.0.0.0.0.0.0.0.0.bl.example.org", A, "NOERROR aa" NEG, ZONE_NODATA},
        {"beside them", "1.0.0.0.0.0.0.0.0.0.0.0.bl.example.org", A, "NXDOMAIN aa" NEG,
         ZONE_NXDOMAIN},
        {"above a name", "deep.example.dn.example.com", A, "NOERROR aa" NEG, ZONE_NODATA},
        {"higher", "example.dn.example.com", A, "NOERROR aa" NEG, ZONE_NODATA},
        {"no such name", "org.dn.example.com", A, "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"above a record", "er.www2.rbl.example.net", A, "NOERROR aa" NEG, ZONE_NODATA},
        {"above a zone", "y.bl.example.org", A, "NOERROR aa" NEG, ZONE_NODATA},
        {"beside a zone", "z.y.bl.example.org", A, "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"above a sub-zone", "sub.rbl.example.net", A, "NOERROR aa" NEG, ZONE_NODATA},
        {"the sub-zone's own name", "relays.sub.rbl.example.net", A, "NOERROR aa" NEG, ZONE_NODATA},
        {"in the sub-zone", "200.2.0.192.relays.sub.rbl.example.net", A,
         "NOERROR aa A:300:127.0.0.3", ZONE_LISTED},
        {"its test entry", "2.0.0.127.relays.sub.rbl.example.net", A, "NOERROR aa A:300:127.0.0.2",
         ZONE_LISTED},
        {"only there", "200.2.0.193.relays.sub.rbl.example.net", A, "NXDOMAIN aa" NEG,
         ZONE_NXDOMAIN},
        {"a child zone's DS is the parent's", "outputs.bl.example.org", 43, "NOERROR aa" NEG,
         ZONE_NODATA},
    };

    check(asks, COUNT(asks), "192.0.2.53", false, false);
}

#define TEN    "0.0.0.0.0.0.0.0.0.0."
#define MAPPED "f.f.f.f." TEN TEN

static void rbldnsd(void **state)
{
    static const struct ask asks[] = {
        {"the data's own test entry", "2.0.0.127.rbl.example.net", TXT,
         "NOERROR aa TXT:300:\"their own test\"", ZONE_LISTED},
        {"127.0.0.1 not even then", "1.0.0.127.rbl.example.net", A, "NXDOMAIN aa" NEG,
         ZONE_NXDOMAIN},
        {"MX at the apex", "rbl.example.net", DNS_TYPE_MX, "NOERROR aa MX:300:10:mx.example.net",
         ZONE_META},
        {"an A record", "www.rbl.example.net", A, "NOERROR aa A:300:192.0.2.80", ZONE_META},
        {"NODATA", "www.rbl.example.net", TXT, "NOERROR aa" NEG, ZONE_NODATA},
        {"a TXT record", "deep.er.www2.rbl.example.net", TXT, "NOERROR aa TXT:300:\"hi\"",
         ZONE_META},
        {"ANY of records", "www.rbl.example.net", DNS_TYPE_ANY, "NOERROR aa A:300:192.0.2.80",
         ZONE_META},
        {"a mapped address, as the IPv4 one", "9.0.2.0.0.0.0.c." MAPPED "rbl.example.net", TXT,
         "NOERROR aa TXT:300:\"net 192.0.2.9\"", ZONE_LISTED},
        {"one that is not listed", "9.0.3.0.0.0.0.c." MAPPED "rbl.example.net", A,
         "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"127.0.0.1, mapped", "1.0.0.0.0.0.f.7." MAPPED "rbl.example.net", A, "NXDOMAIN aa" NEG,
         ZONE_NXDOMAIN},
        {"an empty name above listings", "0.0.c." MAPPED "rbl.example.net", A, "NOERROR aa" NEG,
         ZONE_NODATA},
        {"and one above none", "1.0.c." MAPPED "rbl.example.net", A, "NXDOMAIN aa" NEG,
         ZONE_NXDOMAIN},
        {"above all mapped ones", "f.f." TEN TEN "rbl.example.net", A, "NOERROR aa" NEG,
         ZONE_NODATA},
        {"and further up", "0.0.0.rbl.example.net", A, "NOERROR aa" NEG, ZONE_NODATA},
        {"beside that", "1.0.0.rbl.example.net", A, "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"6to4 is looked up as IPv6", TEN TEN "9.0.2.0.0.0.0.c.2.0.0.2.rbl.example.net", A,
         "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"in a list of ours a mapped one too", "1.0.2.0.0.0.0.c." MAPPED "bl.example.org", A,
         "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"no SOA, no SOA in a denial", "9.9.9.9.nosoa.example.org", A, "NXDOMAIN aa",
         ZONE_NXDOMAIN},
        {"nor at the apex", "nosoa.example.org", DNS_TYPE_SOA, "NOERROR aa", ZONE_META},
    };

    check(asks, COUNT(asks), "192.0.2.53", false, false);
}

static void rfc6471(void **state)
{
    static const struct ask asks[] = {
        {"§3.4 nothing is listed", "1.2.0.192.dead.example.org", A, "NXDOMAIN aa / SOA:86400",
         ZONE_NXDOMAIN},
        {"the test entry neither", "2.0.0.127.dead.example.org", A, "NXDOMAIN aa / SOA:86400",
         ZONE_NXDOMAIN},
        {"IPv6 neither",
         "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.dead.example.org", A,
         "NXDOMAIN aa / SOA:86400", ZONE_NXDOMAIN},
        {"no empty names", "192.dead.example.org", A, "NXDOMAIN aa / SOA:86400", ZONE_NXDOMAIN},
        {"the apex says so", "dead.example.org", TXT,
         "NOERROR aa TXT:300:\"This list has ended. Nothing is listed any more: please stop asking "
         "it.\"",
         ZONE_META},
        {"an announced one is served", "5.113.0.203.softkeys.example.org", A,
         "NOERROR aa A:300:127.0.0.5", ZONE_LISTED},
        {"and says that it will end", "softkeys.example.org", TXT,
         "NOERROR aa TXT:300:\"This list will end; see its web page for the date.\"", ZONE_META},
    };

    check(asks, COUNT(asks), "192.0.2.53", false, false);
}

static void patterns(void **state)
{
    static const struct ask asks[] = {
        {"matched", "dsl-1-2.isp.example.p.example.org", A, "NOERROR aa A:300:127.0.0.3",
         ZONE_LISTED},
        {"in upper case, with the name in the text", "DSL-1-2.ISP.example.p.example.org", TXT,
         "NOERROR aa TXT:300:\"dynamic dsl-1-2.isp.example\"", ZONE_LISTED},
        {"an exclusion first", "dsl-static.isp.example.p.example.org", A, "NXDOMAIN aa" NEG,
         ZONE_NXDOMAIN},
        {"not matched", "mail.isp.example.p.example.org", A, "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"TEST", "test.p.example.org", A, "NOERROR aa A:300:127.0.0.2", ZONE_LISTED},
        {"INVALID, though a pattern has it", "dsl-1.invalid.p.example.org", A, "NXDOMAIN aa" NEG,
         ZONE_NXDOMAIN},
    };
    const struct lab_row row = {.a = LAB_CODE(3), .text = "dynamic $"};
    struct zone_source source = {.has_names = true};
    struct zone_set *set, *old = lab.set;
    struct zone_client client = {.ip = {IP_V4, {192, 0, 2, 53}}};
    struct zone_patterns *found;
    struct zone_matcher *matcher;
    struct zone_selftest tested;
    struct zone_contents *c;
    struct zone_set_error err;
    struct zone_table *table;
    struct lab_image im;
    struct zone_data d;
    struct zone_spec z;
    uint32_t value;
    char why[128];
    size_t at;

    zone_data_init(&d);
    value = lab_value(&d, &row);
    lab_need(zone_data_table(&d, ZONE_PATTERN, ZONE_LONGEST, &table) == 0, "table");
    lab_need(zone_table_add_pattern(table, SPAN_LIT("^dsl-static"), ZONE_EXCLUDED, 0) == 0, "add");
    lab_need(zone_table_add_pattern(table, SPAN_LIT("^dsl-[0-9]"), value, 0) == 0, "add");
    lab_image_build(&im, &d);
    zone_data_deinit(&d);
    assert_int_equal(zone_patterns_new(&im.image, &found, &at, why), ZONE_PATTERNS_OK);
    assert_int_equal(zone_matcher_new(&matcher), 0);
    source.view.image = &im.image;
    source.patterns = found;
    z = spec_of("p.example.org", &source);
    assert_int_equal(zone_set_new(&z, 1, NULL, &set, &err), 0);
    lab.set = set;
    client.matcher = matcher;
    for (size_t i = 0; i < COUNT(asks); i++) {
        uint8_t packet[512];
        size_t n = lab_question(packet, sizeof(packet), asks[i].question, asks[i].type, false);

        print_message("# %s\n", asks[i].name);
        check_packet(&client, span_of(packet, n), asks[i].want, asks[i].result);
    }
    lab.set = old;
    assert_true(zone_selftest(set, zone_set_at(set, 0), &tested));
    assert_int_equal(zone_contents_new(set, zone_set_at(set, 0), &c), ZONE_CONTENTS_PATTERNS);
    zone_set_free(set);
    zone_matcher_free(matcher);
    zone_patterns_free(found);
    lab_image_free(&im);
}

static void selftests(void **state)
{
    struct zone_selftest result;

    for (size_t i = 0; i < zone_set_count(lab.set); i++) {
        const struct zone *z = zone_set_at(lab.set, i);
        bool good = zone_selftest(lab.set, z, &result);

        print_message("# %s: %u asked%s%s\n", zone_title(z), result.asked, good ? "" : ": ",
                      result.why);
        assert_int_equal(good, zone_state(z) != ZONE_BROKEN);
        assert_true(good == (result.why[0] == '\0'));
        assert_true(result.asked > 2 || !good);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc5782), cmocka_unit_test(rfc8020),  cmocka_unit_test(rbldnsd),
        cmocka_unit_test(rfc6471), cmocka_unit_test(patterns), cmocka_unit_test(selftests),
    };

    return cmocka_run_group_tests_name("zone/answer", tests, setup, teardown);
}
