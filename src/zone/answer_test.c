/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The check lists of the RFCs as questions and answers: 5782 (lists), 6471 (their end), 8020 (empty
 * names), 8482 (ANY), 8906 (what servers must say to the unexpected), 8914 (why not).
 */
#include "zonelab.h"

#include "guard.h"
#include "zone/selftest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Our own list: two families, ranges with an inner part, a hole, several values. */
static const struct lab_row own_rows[] = {
    {'4', "192.0.2.1", LAB_CODE(2), "open relay, https://bl.example.org/e/%?$", 77},
    {'4', "192.0.2.9", LAB_CODE(4), "input", 78},
    {'4', "198.51.100.0/24", LAB_CODE(8), "web $", 79},
    {'4', "198.51.100.7", LAB_CODE(9), "proxy", 80},
    {'4', "198.51.100.9", LAB_OUT, NULL, 0},
    {'4', "127.0.0.77", LAB_CODE(2), "smuggled in", 0},
    {'6', "2001:db8::25", LAB_CODE(2), "six $ ~", 81},
    {'6', "2001:db8:1::/48", LAB_CODE(9), "net", 82},
    {'|', "", 0, NULL, 0},
    {'4', "192.0.2.1", LAB_CODE(14), "login trick", 83},
    {'4', "192.0.2.9", LAB_CODE(4), "input", 78},
};

static const struct lab_row out_rows[] = {
    {'4', "203.0.113.5", LAB_CODE(5), "output", 90},
};

/* As read from rbldnsd's files: sub-zones, records, test entries of its own. */
static const struct lab_row rbl_rows[] = {
    {'4', "127.0.0.2", LAB_CODE(2), "their own test", 0},
    {'4', "127.0.0.1", LAB_CODE(2), "never", 0},
    {'4', "192.0.2.0/24", LAB_CODE(2), "net $", 0},
    {'r', "", DNS_TYPE_MX, "\0\12\2mx\7example\3net", 18},
    {'r', "www", DNS_TYPE_A, "\300\0\2\120", 4},
    {'r', "deep.er.www2", DNS_TYPE_TXT, "\2hi", 3},
};

static const struct lab_row sub_rows[] = {
    {'4', "192.0.2.200", LAB_CODE(3), "in the sub-zone", 0},
};

static const struct lab_row name_rows[] = {
    {'n', "plain.example", LAB_CODE(2), "listed $", 0},
    {'b', "both.example", LAB_CODE(3), "both $", 0},
    {'w', "wild.example", LAB_CODE(4), "wild $", 0},
    {'n', "good.wild.example", LAB_OUT, NULL, 0},
    {'n', "a.deep.example", LAB_CODE(2), "deep", 0},
    {'w', "invalid", LAB_CODE(2), "not so", 0},
};

/* 80 values of one address, whose A records do not fit into 512 octets, nor their TXT in 1232. */
static struct lab_row many_rows[2 * 60];

static struct lab {
    struct lab_image own, out, rbl, sub, names, many, empty;
    struct zone_acl *acl, *global, *pass;
    struct zone_keys *keys;
    struct dns_cookie_keys cookies;
    struct zone_set *set;
    char texts[60][80];
} lab;

static const uint8_t key_secret[MAC_KEY] = "a secret of thirty-two octets..";

static void add_rule(struct zone_acl *acl, const char *net, enum zone_acl_action action, uint32_t a,
                     const char *text)
{
    struct zone_acl_rule rule = {action, a, text};
    struct ip_prefix prefix;

    lab_need(ip_prefix_parse(span_str(net), &prefix), net);
    lab_need(zone_acl_add(acl, prefix, &rule) == ZONE_ACL_ADDED, "rule");
}

static void make_acls(void)
{
    lab.acl = zone_acl_new();
    lab.global = zone_acl_new();
    lab.pass = zone_acl_new();
    add_rule(lab.acl, "10.0.0.1", ZONE_ACL_IGNORE, 0, NULL);
    add_rule(lab.acl, "10.0.0.2", ZONE_ACL_REFUSE, 0, "over quota");
    add_rule(lab.acl, "10.0.0.3", ZONE_ACL_EMPTY, 0, NULL);
    add_rule(lab.acl, "10.0.0.4", ZONE_ACL_TEST, LAB_CODE(99), "you are $");
    add_rule(lab.acl, "10.0.0.0/24", ZONE_ACL_PASS, 0, NULL);
    add_rule(lab.global, "10.9.0.0/16", ZONE_ACL_REFUSE, 0, "public resolver: use a key");
    add_rule(lab.pass, "10.0.0.53", ZONE_ACL_PASS, 0, NULL);
    lab_need(zone_acl_seal(lab.acl, NULL) == 0, "seal");
    lab_need(zone_acl_seal(lab.global, NULL) == 0, "seal");
    lab_need(zone_acl_seal(lab.pass, NULL) == 0, "seal");
}

static void make_many(void)
{
    for (size_t i = 0; i < 60; i++) {
        snprintf(lab.texts[i], sizeof(lab.texts[i]), "reason %zu of very many for this address", i);
        many_rows[2 * i] =
            (struct lab_row){'4', "192.0.2.1", LAB_CODE(2 + (uint32_t)i), lab.texts[i], 0};
        many_rows[2 * i + 1] = (struct lab_row){'|', "", 0, NULL, 0};
    }
}

static struct zone_spec spec_of(const char *name, const struct zone_source *source)
{
    static struct dns_name ns[2];

    ns[0] = lab_name("ns1.example.org");
    ns[1] = lab_name("ns2.example.org");
    return (struct zone_spec){.name = lab_name(name),
                              .sources = source,
                              .source_count = source != NULL,
                              .has_soa = true,
                              .soa = lab_soa(),
                              .soa_ttl = 3600,
                              .ns = ns,
                              .ns_count = 2,
                              .ns_ttl = 7200,
                              .ttl = 300};
}

static int setup(void **state)
{
    static const struct zone_code codes[] = {
        {LAB_CODE(2), SPAN_LIT("test of 2")}, {LAB_CODE(4), {0}}, {LAB_CODE(14), {0}}};
    static const struct zone_code five = {.a = LAB_CODE(5)};
    static const uint8_t cookie_key[DNS_COOKIE_KEY] = "sixteen octets.";
    static struct zone_source own, out, rbl[2], names, many, empty;
    struct zone_set_options options = {.nsid = SPAN_LIT("ns1"), .version = SPAN_LIT("Postern")};
    struct ip apex[2];
    struct zone_spec z[11];
    struct zone_set_error err;

    lab_image_new(&lab.own, own_rows, COUNT(own_rows));
    lab_image_new(&lab.out, out_rows, COUNT(out_rows));
    lab_image_new(&lab.rbl, rbl_rows, COUNT(rbl_rows));
    lab_image_new(&lab.sub, sub_rows, COUNT(sub_rows));
    lab_image_new(&lab.names, name_rows, COUNT(name_rows));
    make_many();
    /* Tables are limited in number: two rows of one prefix in one table are two values as well. */
    lab_image_new(&lab.many, many_rows, COUNT(many_rows));
    lab_image_new(&lab.empty, NULL, 0);
    make_acls();
    lab.keys = zone_keys_new(key_secret);
    lab_need(zone_keys_list(lab.keys, SPAN_LIT("customer-1"), 1001) == 0, "key");
    lab_need(zone_keys_list(lab.keys, SPAN_LIT("customer-2"), 1002) == 0, "key");
    lab_need(zone_keys_revoke(lab.keys, 1002, ZONE_KEY_ANY_ISSUE) == 0, "key");
    own = (struct zone_source){.view = {.image = &lab.own.image}, .has4 = true, .has6 = true};
    out = (struct zone_source){.view = {.image = &lab.out.image}, .has4 = true};
    rbl[0] = (struct zone_source){.view = {.image = &lab.rbl.image}, .has4 = true};
    rbl[1] = (struct zone_source){.view = {.image = &lab.sub.image}, .has4 = true};
    lab_need(zone_rname_parse(SPAN_LIT("relays.sub"), &rbl[1].sub), "sub");
    names = (struct zone_source){.view = {.image = &lab.names.image}, .has_names = true};
    many = (struct zone_source){.view = {.image = &lab.many.image}, .has4 = true};
    empty = (struct zone_source){.view = {.image = &lab.empty.image}, .has4 = true};
    z[0] = spec_of("bl.example.org", &own);
    z[0].codes = codes;
    z[0].code_count = COUNT(codes);
    z[0].apex_txt = SPAN_LIT("see https://bl.example.org/");
    lab_need(ip_parse(SPAN_LIT("192.0.2.80"), &apex[0]), "ip");
    lab_need(ip_parse(SPAN_LIT("2001:db8::80"), &apex[1]), "ip");
    z[0].apex = apex;
    z[0].apex_count = 2;
    z[0].acl = lab.acl;
    z[0].transfer_acl = lab.pass;
    z[1] = spec_of("Outputs.BL.example.org.", &out);
    z[1].codes = &five;
    z[1].code_count = 1;
    z[2] = spec_of("rbl.example.net", rbl);
    z[2].source_count = 2;
    z[2].data_tests = true;
    z[3] = spec_of("dn.example.com", &names);
    z[4] = spec_of("keys.example.org", &out);
    z[4].keys = lab.keys;
    z[4].key_required = true;
    z[5] = spec_of("dead.example.org", &own);
    z[5].state = ZONE_RETIRED;
    z[6] = spec_of("broken.example.org", NULL);
    z[6].state = ZONE_BROKEN;
    z[7] = spec_of("many.example.org", &many);
    z[8] = spec_of("nosoa.example.org", &empty);
    z[8].has_soa = false;
    z[8].ns_count = 0;
    z[9] = spec_of("x.y.bl.example.org", &empty);
    z[10] = spec_of("softkeys.example.org", &out);
    z[10].keys = lab.keys;
    z[10].state = ZONE_ANNOUNCED;
    memcpy(lab.cookies.now, cookie_key, sizeof(cookie_key));
    options.cookie_keys = &lab.cookies;
    options.cookie_required = true;
    options.acl = lab.global;
    if (zone_set_new(z, COUNT(z), &options, &lab.set, &err) < 0) {
        fprintf(stderr, "zone %zu: %s\n", err.zone, err.why);
        return -1;
    }
    return 0;
}

static int teardown(void **state)
{
    zone_set_free(lab.set);
    zone_set_free(NULL);
    zone_acl_free(lab.acl);
    zone_acl_free(lab.global);
    zone_acl_free(lab.pass);
    zone_keys_free(lab.keys);
    lab_image_free(&lab.own);
    lab_image_free(&lab.out);
    lab_image_free(&lab.rbl);
    lab_image_free(&lab.sub);
    lab_image_free(&lab.names);
    lab_image_free(&lab.many);
    lab_image_free(&lab.empty);
    return 0;
}

struct ask {
    const char *name, *question;
    uint16_t type;
    const char *want;
    enum zone_result result;
};

static const struct zone_client *client_of(const char *ip, bool tcp)
{
    static struct zone_client c;

    c = (struct zone_client){.tcp = tcp, .now_wall = 1800000000};
    lab_need(ip_parse(span_str(ip), &c.ip), ip);
    return &c;
}

static void check_packet(const struct zone_client *client, struct span packet, const char *want,
                         enum zone_result result)
{
    static uint8_t out[65535];
    struct guard g = {0};
    struct span in = guard_span(&g, packet);
    struct buf text = BUF_INIT(SIZE_MAX);
    struct zone_outcome what;
    size_t n = zone_answer(lab.set, client, (const uint8_t *)in.p, in.n, out,
                           client->tcp ? sizeof(out) : 4096, &what);

    lab_text(out, n, &text);
    assert_string_equal(buf_str(&text), want);
    assert_string_equal(zone_result_name(what.result), zone_result_name(result));
    if (n)
        assert_memory_equal(out, in.p, 2); /* the id */
    buf_deinit(&text);
    guard_free(&g);
}

static void check(const struct ask *asks, size_t count, const char *client, bool edns, bool tcp)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t packet[512];
        size_t n = lab_question(packet, sizeof(packet), asks[i].question, asks[i].type, edns);

        print_message("# %s\n", asks[i].name);
        check_packet(client_of(client, tcp), span_of(packet, n), asks[i].want, asks[i].result);
    }
}

#define NEG     " / SOA:60"
#define A       DNS_TYPE_A
#define TXT     DNS_TYPE_TXT
#define REFUSED "REFUSED"

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
        {"no SOA, no SOA in a denial", "9.9.9.9.nosoa.example.org", A, "NXDOMAIN aa",
         ZONE_NXDOMAIN},
        {"nor at the apex", "nosoa.example.org", DNS_TYPE_SOA, "NOERROR aa", ZONE_META},
    };

    check(asks, COUNT(asks), "192.0.2.53", false, false);
}

/* RFC 8906 §3, RFC 8482, and what else a server must not be silent about. */
static void unexpected(void **state)
{
    static const struct ask asks[] = {
        {"§3.1.2 a type nobody knows", "1.2.0.192.bl.example.org", 1000, "NOERROR aa" NEG,
         ZONE_NODATA},
        {"at the apex", "bl.example.org", 1000, "NOERROR aa" NEG, ZONE_META},
        {"of no name", "2.2.0.192.bl.example.org", 65535, "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"AAAA of a listing", "1.2.0.192.bl.example.org", DNS_TYPE_AAAA, "NOERROR aa" NEG,
         ZONE_NODATA},
        {"RFC 8482: ANY is A", "1.2.0.192.bl.example.org", DNS_TYPE_ANY,
         "NOERROR aa A:300:127.0.0.2 A:300:127.0.0.14", ZONE_LISTED},
        {"ANY at the apex", "bl.example.org", DNS_TYPE_ANY, "NOERROR aa SOA:3600", ZONE_META},
        {"not our zone", "www.example.com", A, REFUSED, ZONE_REFUSED},
        {"above our zone", "example.org", A, REFUSED, ZONE_REFUSED},
        {"the root", ".", DNS_TYPE_NS, REFUSED, ZONE_REFUSED},
        {"AXFR by UDP", "bl.example.org", DNS_TYPE_AXFR, REFUSED, ZONE_REFUSED},
        {"AXFR of what is no zone", "2.bl.example.org", DNS_TYPE_AXFR, "NOTAUTH", ZONE_REFUSED},
        {"no good data", "1.2.0.192.broken.example.org", A, "SERVFAIL", ZONE_FAILED},
    };
    static const struct ask with_edns[] = {
        {"OPT is answered", "2.2.0.192.bl.example.org", A, "NXDOMAIN aa / SOA:60 / opt1232",
         ZONE_NXDOMAIN},
        {"RFC 8914: not authoritative", "www.example.com", A, "REFUSED / opt1232 ede20",
         ZONE_REFUSED},
        {"RFC 8914: not ready", "1.2.0.192.broken.example.org", A,
         "SERVFAIL / opt1232 ede14\"no good data of this zone\"", ZONE_FAILED},
        {"RFC 8914: transfers", "bl.example.org", DNS_TYPE_AXFR,
         "REFUSED / opt1232 ede18\"no transfer of this zone for this client\"", ZONE_REFUSED},
    };

    check(asks, COUNT(asks), "192.0.2.53", false, false);
    check(with_edns, COUNT(with_edns), "192.0.2.53", true, false);
}

static void transfers(void **state)
{
    static const struct ask udp[] = {
        {"AXFR by UDP from a secondary", "bl.example.org", DNS_TYPE_AXFR,
         "REFUSED / opt1232 ede21\"AXFR is by TCP only (RFC 5936)\"", ZONE_REFUSED},
        {"IXFR by UDP: the SOA", "bl.example.org", DNS_TYPE_IXFR, "NOERROR aa SOA:3600 / opt1232",
         ZONE_META},
    };
    static const struct ask tcp[] = {
        {"AXFR", "bl.example.org", DNS_TYPE_AXFR, "DROP", ZONE_TRANSFER},
        {"IXFR", "bl.example.org", DNS_TYPE_IXFR, "DROP", ZONE_TRANSFER},
        {"of a zone that nobody may have", "rbl.example.net", DNS_TYPE_AXFR,
         "REFUSED / opt1232 ede18\"no transfer of this zone for this client\"", ZONE_REFUSED},
    };

    check(udp, COUNT(udp), "10.0.0.53", true, false);
    check(tcp, COUNT(tcp), "10.0.0.53", true, true);
}

static void clients(void **state)
{
    static const struct ask refused = {"refuse", "1.2.0.192.bl.example.org", A,
                                       "REFUSED / opt1232 ede18\"over quota\"", ZONE_REFUSED};
    static const struct ask ignored = {"ignore", "1.2.0.192.bl.example.org", A, "DROP",
                                       ZONE_DROPPED};
    static const struct ask global = {"the server's own ACL", "1.2.0.192.rbl.example.net", A,
                                      "REFUSED / opt1232 ede18\"public resolver: use a key\"",
                                      ZONE_REFUSED};
    static const struct ask empty[] = {
        {"nothing is listed", "1.2.0.192.bl.example.org", A, "NXDOMAIN aa" NEG, ZONE_NXDOMAIN},
        {"the test entries neither", "2.0.0.127.bl.example.org", A, "NXDOMAIN aa" NEG,
         ZONE_NXDOMAIN},
        {"but the apex is there", "bl.example.org", DNS_TYPE_SOA, "NOERROR aa SOA:3600", ZONE_META},
    };
    static const struct ask test[] = {
        {"a test entry, with the rule's value", "2.0.0.127.bl.example.org", A,
         "NOERROR aa A:300:127.0.0.99 / opt1232", ZONE_LISTED},
        {"and text", "2.0.0.127.bl.example.org", TXT,
         "NOERROR aa TXT:300:\"you are 10.0.0.4\" / opt1232", ZONE_LISTED},
        {"its own types only", "2.0.0.127.bl.example.org", DNS_TYPE_MX,
         "NOERROR aa / SOA:60 / opt1232", ZONE_NODATA},
        {"a listing is refused", "1.2.0.192.bl.example.org", A,
         "REFUSED / opt1232 ede18\"only the test entries may be asked from here\"", ZONE_REFUSED},
        {"what is not listed too: never \"listed\"", "9.9.9.9.bl.example.org", A,
         "REFUSED / opt1232 ede18\"only the test entries may be asked from here\"", ZONE_REFUSED},
        {"127.0.0.1 too", "1.0.0.127.bl.example.org", A,
         "REFUSED / opt1232 ede18\"only the test entries may be asked from here\"", ZONE_REFUSED},
    };
    static const struct ask pass = {"pass", "9.2.0.192.bl.example.org", A,
                                    "NOERROR aa A:300:127.0.0.4", ZONE_LISTED};

    check(&ignored, 1, "10.0.0.1", true, false);
    check(&refused, 1, "10.0.0.2", true, false);
    check(empty, COUNT(empty), "10.0.0.3", false, false);
    check(test, COUNT(test), "10.0.0.4", true, false);
    check(&pass, 1, "10.0.0.5", false, false);
    check(&global, 1, "10.9.1.1", true, false);
}

static void keys(void **state)
{
    static const struct ask asks[] = {
        {"a listed key", "5.113.0.203.customer-1.keys.example.org", A,
         "NOERROR aa A:300:127.0.0.5 / opt1232", ZONE_LISTED},
        {"in another case", "5.113.0.203.CUSTOMER-1.keys.example.org", A,
         "NOERROR aa A:300:127.0.0.5 / opt1232", ZONE_LISTED},
        {"not listed", "6.113.0.203.customer-1.keys.example.org", A,
         "NXDOMAIN aa / SOA:60 / opt1232", ZONE_NXDOMAIN},
        {"an empty name under a key", "203.customer-1.keys.example.org", A,
         "NOERROR aa / SOA:60 / opt1232", ZONE_NODATA},
        {"the key's own name", "customer-1.keys.example.org", DNS_TYPE_NS,
         "NOERROR aa / SOA:60 / opt1232", ZONE_NODATA},
        {"without a key", "5.113.0.203.keys.example.org", A,
         "REFUSED / opt1232 ede18\"a key is needed as the label before the zone\"", ZONE_REFUSED},
        {"a false key", "5.113.0.203.customer-3.keys.example.org", A,
         "REFUSED / opt1232 ede18\"a key is needed as the label before the zone\"", ZONE_REFUSED},
        {"a revoked key", "5.113.0.203.customer-2.keys.example.org", A,
         "REFUSED / opt1232 ede18\"this key is revoked\"", ZONE_REFUSED},
        {"the apex needs none", "keys.example.org", DNS_TYPE_SOA, "NOERROR aa SOA:3600 / opt1232",
         ZONE_META},
        {"keys as an offer: with", "5.113.0.203.customer-1.softkeys.example.org", A,
         "NOERROR aa A:300:127.0.0.5 / opt1232", ZONE_LISTED},
        {"without", "5.113.0.203.softkeys.example.org", A, "NOERROR aa A:300:127.0.0.5 / opt1232",
         ZONE_LISTED},
        {"revoked", "5.113.0.203.customer-2.softkeys.example.org", A,
         "REFUSED / opt1232 ede18\"this key is revoked\"", ZONE_REFUSED},
    };
    char label[ZONE_KEY_LABEL + 1], name[100];
    struct ask made = {"a made key", name, A, "NOERROR aa A:300:127.0.0.5 / opt1232", ZONE_LISTED};

    zone_keys_make(key_secret, 4711, 1, label);
    snprintf(name, sizeof(name), "5.113.0.203.%s.keys.example.org", label);
    check(asks, COUNT(asks), "192.0.2.53", true, false);
    check(&made, 1, "192.0.2.53", true, false);
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

/* Answers that do not fit: TC, and never a cut record. */
static void sizes(void **state)
{
    uint8_t packet[512], out[65535];
    struct zone_outcome what;
    struct {
        const char *name;
        uint16_t type;
        bool edns, tcp;
        size_t max;
        bool tc;
    } cases[] = {
        {"A by plain UDP", A, false, false, 512, true},
        {"A with EDNS", A, true, false, 1232, false},
        {"TXT with EDNS", TXT, true, false, 1232, true},
        {"TXT by TCP", TXT, true, true, 65535, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = lab_question(packet, sizeof(packet), "1.2.0.192.many.example.org", cases[i].type,
                                cases[i].edns);

        print_message("# %s\n", cases[i].name);
        n = zone_answer(lab.set, client_of("192.0.2.53", cases[i].tcp), packet, n, out, sizeof(out),
                        &what);
        assert_in_range(n, 12, cases[i].max);
        assert_int_equal((out[2] & 2) != 0, cases[i].tc);
        assert_int_equal(what.truncated, cases[i].tc);
        assert_int_equal((out[11] == 1), cases[i].edns); /* the OPT is there, full or not */
        if (!cases[i].tc)
            assert_int_equal(out[6] << 8 | out[7], 60);
    }
}

static void packets(void **state)
{
    static const struct {
        const char *name;
        const char *p;
        size_t n;
        const char *want;
        enum zone_result result;
    } cases[] = {
#define P(s) s, sizeof(s) - 1
        {"nothing", P(""), "DROP", ZONE_DROPPED},
        {"eleven octets", P("\0\1\0\0\0\1\0\0\0\0\0"), "DROP", ZONE_DROPPED},
        {"an answer", P("\0\1\200\0\0\1\0\0\0\0\0\0\0\0\1\0\1"), "DROP", ZONE_DROPPED},
        {"no question", P("\0\1\0\0\0\0\0\0\0\0\0\0"), "FORMERR", ZONE_MALFORMED},
        {"two questions", P("\0\1\0\0\0\2\0\0\0\0\0\0\0\0\1\0\1\0\0\1\0\1"), "FORMERR",
         ZONE_MALFORMED},
        {"a question cut off", P("\0\1\0\0\0\1\0\0\0\0\0\0\2bl"), "FORMERR", ZONE_MALFORMED},
        {"UPDATE", P("\0\1\50\0\0\1\0\0\0\0\0\0\2bl\7example\3org\0\0\6\0\1"), "NOTIMP",
         ZONE_NOTIMP},
        {"STATUS", P("\0\1\20\0\0\0\0\0\0\0\0\0"), "NOTIMP", ZONE_NOTIMP},
        {"NOTIFY", P("\0\1\44\0\0\1\0\0\0\0\0\0\2bl\7example\3org\0\0\6\0\1"), "NOTAUTH",
         ZONE_NOTIFIED},
        {"EDNS version 1",
         P("\0\1\0\0\0\1\0\0\0\0\0\1\2bl\7example\3org\0\0\6\0\1\0\0\51\20\0\0\1\0\0\0\0"),
         "BADVERS / opt1232", ZONE_MALFORMED},
        {"an option nobody knows",
         P("\0\1\0\0\0\1\0\0\0\0\0\1\2bl\7example\3org\0\0\6\0\1\0\0\51\20\0\0\0\0\0\0\6\377\0\0\2"
           "ab"),
         "NOERROR aa SOA:3600 / opt1232", ZONE_META},
        {"NSID",
         P("\0\1\0\0\0\1\0\0\0\0\0\1\2bl\7example\3org\0\0\6\0\1\0\0\51\20\0\0\0\0\0\0\4\0\3\0\0"),
         "NOERROR aa SOA:3600 / opt1232 nsid\"ns1\"", ZONE_META},
        {"a client's cookie: asked to come again",
         P("\0\1\0\0\0\1\0\0\0\0\0\1\2bl\7example\3org\0\0\6\0\1\0\0\51\20\0\0\0\0\0\0\14\0\12\0\10"
           "12345678"),
         "BADCOOKIE / opt1232 cookie24", ZONE_BADCOOKIE},
        {"a cookie without a question",
         P("\0\1\0\0\0\0\0\0\0\0\0\1\0\0\51\20\0\0\0\0\0\0\14\0\12\0\10"
           "12345678"),
         "NOERROR / opt1232 cookie24", ZONE_META},
        {"a cookie of no length there is",
         P("\0\1\0\0\0\1\0\0\0\0\0\1\2bl\7example\3org\0\0\6\0\1\0\0\51\20\0\0\0\0\0\0\13\0\12\0\7"
           "1234567"),
         "FORMERR / opt1232", ZONE_MALFORMED},
        {"class CH, version.bind", P("\0\1\0\0\0\1\0\0\0\0\0\0\7version\4bind\0\0\20\0\3"),
         "NOERROR aa TXT:0:\"Postern\"", ZONE_META},
        {"class CH, id.server", P("\0\1\0\0\0\1\0\0\0\0\0\0\2ID\6server\0\0\20\0\3"),
         "NOERROR aa TXT:0:\"ns1\"", ZONE_META},
        {"class CH, another", P("\0\1\0\0\0\1\0\0\0\0\0\0\7authors\4bind\0\0\20\0\3"), "REFUSED",
         ZONE_REFUSED},
        {"a class nobody knows", P("\0\1\0\0\0\1\0\0\0\0\0\0\2bl\7example\3org\0\0\6\1\1"),
         "REFUSED", ZONE_REFUSED},
        {"the case of the question is kept",
         P("\0\1\0\0\0\1\0\0\0\0\0\0\2bL\7eXAmple\3ORG\0\0\6\0\1"), "NOERROR aa SOA:3600",
         ZONE_META},
    };
    uint8_t out[4096];
    struct zone_outcome what;

    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        check_packet(client_of("192.0.2.53", false), span_of(cases[i].p, cases[i].n), cases[i].want,
                     cases[i].result);
    }
    /* The last one again: the question's own octets, and a name that points to them. */
    zone_answer(lab.set, client_of("192.0.2.53", false), (const uint8_t *)cases[19].p, cases[19].n,
                out, sizeof(out), &what);
    assert_memory_equal(out + 12, "\2bL\7eXAmple\3ORG\0\0\6\0\1\300\14", 22);
}

/* A good cookie comes back, and says so; a false one does not; by TCP none is needed. */
static void cookies(void **state)
{
    static const uint8_t head[] =
        "\0\1\0\0\0\1\0\0\0\0\0\1\2bl\7example\3org\0\0\6\0\1\0\0\51\20\0\0\0\0\0\0\34\0\12\0\30";
    const struct zone_client *client = client_of("192.0.2.53", false);
    uint8_t packet[100], out[4096];
    size_t n = sizeof(head) - 1;
    struct zone_outcome what;

    memcpy(packet, head, n);
    dns_cookie_make(&lab.cookies, (const uint8_t *)"12345678", client->ip, client->now_wall,
                    packet + n);
    n += DNS_COOKIE_FULL;
    check_packet(client, span_of(packet, n), "NOERROR aa SOA:3600 / opt1232 cookie24", ZONE_META);
    assert_true(zone_answer(lab.set, client, packet, n, out, sizeof(out), &what));
    assert_true(what.cookie_good);
    packet[n - 1] ^= 1;
    check_packet(client, span_of(packet, n), "BADCOOKIE / opt1232 cookie24", ZONE_BADCOOKIE);
    client = client_of("192.0.2.53", true);
    check_packet(client, span_of(packet, n), "NOERROR aa SOA:3600 / opt1232 cookie24", ZONE_META);
    assert_true(zone_answer(lab.set, client, packet, n, out, sizeof(out), &what));
    assert_false(what.cookie_good);
}

static void counters(void **state)
{
    struct zone_counters c[12] = {0}, sum = {0};
    struct zone_outcome what = {.result = ZONE_LISTED, .zone = zone_set_at(lab.set, 3), .type = A};

    assert_int_equal(zone_set_count(lab.set), 11);
    zone_count(c, 11, &what, false);
    what.type = TXT;
    what.edns = what.truncated = true;
    zone_count(c, 11, &what, true);
    what = (struct zone_outcome){.result = ZONE_REFUSED};
    zone_count(c, 11, &what, false);
    assert_int_equal(c[3].result[ZONE_LISTED], 2);
    assert_int_equal(c[11].result[ZONE_REFUSED], 1);
    for (size_t i = 0; i < 12; i++)
        zone_counters_add(&sum, &c[i]);
    assert_int_equal(sum.result[ZONE_LISTED] + sum.result[ZONE_REFUSED], 3);
    assert_int_equal(sum.type_a + sum.type_txt + sum.type_other, 3);
    assert_int_equal(sum.tcp + sum.edns + sum.truncated, 3);
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
        cmocka_unit_test(rfc5782),    cmocka_unit_test(rfc8020),   cmocka_unit_test(rbldnsd),
        cmocka_unit_test(unexpected), cmocka_unit_test(transfers), cmocka_unit_test(clients),
        cmocka_unit_test(keys),       cmocka_unit_test(rfc6471),   cmocka_unit_test(sizes),
        cmocka_unit_test(packets),    cmocka_unit_test(cookies),   cmocka_unit_test(counters),
        cmocka_unit_test(selftests),
    };

    return cmocka_run_group_tests_name("zone/answer", tests, setup, teardown);
}
