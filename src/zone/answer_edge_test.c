/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a server says to the unexpected: RFC 8482 (ANY), 8906 (types, opcodes, versions, classes),
 * 8914 (why not), to clients of every kind, and where there is no room.
 */
#include "dns/xfr.h"
#include "zone/slip.h"
#include "zoneset.h"

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
    const struct dns_name zone = lab_name("bl.example.org");
    static const struct ask udp[] = {
        {"AXFR by UDP from a secondary", "bl.example.org", DNS_TYPE_AXFR,
         "REFUSED / opt1232 ede21\"AXFR is by TCP only (RFC 5936)\"", ZONE_REFUSED},
        {"IXFR that does not say from where", "bl.example.org", DNS_TYPE_IXFR, "FORMERR / opt1232",
         ZONE_MALFORMED},
    };
    static const struct ask tcp[] = {
        {"AXFR", "bl.example.org", DNS_TYPE_AXFR, "DROP", ZONE_TRANSFER},
        {"IXFR that does not say from where", "bl.example.org", DNS_TYPE_IXFR, "FORMERR / opt1232",
         ZONE_MALFORMED},
        {"of a zone that nobody may have", "rbl.example.net", DNS_TYPE_AXFR,
         "REFUSED / opt1232 ede18\"no transfer of this zone for this client\"", ZONE_REFUSED},
    };
    uint8_t packet[512];
    size_t n;

    check(udp, COUNT(udp), "10.0.0.53", true, false);
    check(tcp, COUNT(tcp), "10.0.0.53", true, true);
    n = dns_xfr_ask(packet, sizeof(packet), 0x1234, &zone, DNS_TYPE_IXFR, 1);
    print_message("# IXFR by UDP: the SOA; by TCP: the steps\n");
    check_packet(client_of("10.0.0.53", false), span_of(packet, n), "NOERROR aa SOA:3600",
                 ZONE_META);
    check_packet(client_of("10.0.0.53", true), span_of(packet, n), "DROP", ZONE_TRANSFER);
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
        {"an empty name, above listings only", "192.bl.example.org", A,
         "REFUSED / opt1232 ede18\"only the test entries may be asked from here\"", ZONE_REFUSED},
        {"127.0.0.1 is never listed: a client sees it", "1.0.0.127.bl.example.org", A,
         "NXDOMAIN aa / SOA:60 / opt1232", ZONE_NXDOMAIN},
        {"so is no code that the zone has not", "77.0.0.127.bl.example.org", A,
         "NXDOMAIN aa / SOA:60 / opt1232", ZONE_NXDOMAIN},
        {"a resolver finds its way", "127.bl.example.org", A, "NOERROR aa / SOA:60 / opt1232",
         ZONE_NODATA},
        {"label by label", "0.0.127.bl.example.org", A, "NOERROR aa / SOA:60 / opt1232",
         ZONE_NODATA},
        {"and down to the zones below", "y.bl.example.org", A, "NOERROR aa / SOA:60 / opt1232",
         ZONE_NODATA},
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
         "NOERROR aa SOA:3600 / opt1232 cookie24", ZONE_META},
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
    check_packet(client, span_of(packet, n), "NOERROR aa SOA:3600 / opt1232 cookie24", ZONE_META);
    assert_true(zone_answer(lab.set, client, packet, n, out, sizeof(out), &what));
    assert_false(what.cookie_good);
}

/* Where cookies are required: by UDP only for who shows one, or a key. */
static void strangers(void **state)
{
    enum { NO_OPT, NO_COOKIE, CLIENT, FALSE_ONE, GOOD };
    static const char again[] = "NOERROR tc", opt[] = "NOERROR tc / opt1232",
                      bad[] = "BADCOOKIE / opt1232 cookie24";
    static const struct {
        const char *name, *question, *from;
        int sends;
        bool tcp, tsig;
        const char *want;
        enum zone_result result;
    } cases[] = {
        {"no EDNS", "bl.example.org", "192.0.2.53", NO_OPT, false, false, again, ZONE_BADCOOKIE},
        {"no cookie", "bl.example.org", "192.0.2.53", NO_COOKIE, false, false, opt, ZONE_BADCOOKIE},
        {"a new one", "bl.example.org", "192.0.2.53", CLIENT, false, false, bad, ZONE_BADCOOKIE},
        {"a false one", "bl.example.org", "192.0.2.53", FALSE_ONE, false, false, bad,
         ZONE_BADCOOKIE},
        {"a good one", "bl.example.org", "192.0.2.53", GOOD, false, false,
         "NOERROR aa SOA:3600 / opt1232 cookie24", ZONE_META},
        {"TCP", "bl.example.org", "192.0.2.53", NO_OPT, true, false, "NOERROR aa SOA:3600",
         ZONE_META},
        {"TCP, a false one", "bl.example.org", "192.0.2.53", FALSE_ONE, true, false,
         "NOERROR aa SOA:3600 / opt1232 cookie24", ZONE_META},
        {"signed", "bl.example.org", "192.0.2.53", NO_OPT, false, true, "NOERROR aa SOA:3600",
         ZONE_META},
        {"no zone of ours", "example.org", "192.0.2.53", NO_OPT, false, false, again,
         ZONE_BADCOOKIE},
        {"ignored by the zone", "bl.example.org", "10.0.0.1", NO_OPT, false, false, "DROP",
         ZONE_DROPPED},
        {"ignored by all", "example.org", "10.8.0.1", CLIENT, false, false, "DROP", ZONE_DROPPED},
    };
    struct zone_set *usual = lab.set;

    lab.set = lab.strict;
    for (size_t i = 0; i < COUNT(cases); i++) {
        static const struct dns_tsig_key key;
        struct zone_client client = *client_of(cases[i].from, cases[i].tcp);
        bool edns = cases[i].sends != NO_OPT;
        uint8_t packet[512];
        size_t n = lab_question(packet, sizeof(packet), cases[i].question, DNS_TYPE_SOA, edns);

        print_message("# %s\n", cases[i].name);
        if (cases[i].tsig)
            client.tsig = &key;
        if (cases[i].sends > NO_COOKIE) {
            size_t size = cases[i].sends == CLIENT ? DNS_COOKIE_CLIENT : DNS_COOKIE_FULL;

            dns_wire_put16(packet + n - 2, (uint16_t)(4 + size));
            dns_wire_put16(packet + n, DNS_OPTION_COOKIE);
            dns_wire_put16(packet + n + 2, (uint16_t)size);
            dns_cookie_make(&lab.cookies, (const uint8_t *)"12345678", client.ip, client.now_wall,
                            packet + n + 4);
            packet[n + 4 + size - 1] ^= cases[i].sends == FALSE_ONE;
            n += 4 + size;
        }
        check_packet(&client, span_of(packet, n), cases[i].want, cases[i].result);
    }
    lab.set = usual;
}

/* Over the rate limit: TC, or the cookie that lifts it. */
static void slips(void **state)
{
#define Q "\0\1\0\0\0\1\0\0\0\0\0"
#define N "\2bl\7example\3org\0\0\1\0\1"
    static const struct {
        const char *name;
        struct span packet;
        const char *want;
    } cases[] = {
        {"no EDNS", SPAN_LIT(Q "\0" N), "NOERROR tc"},
        {"no cookie", SPAN_LIT(Q "\1" N "\0\0\51\20\0\0\0\0\0\0\0"), "NOERROR tc / opt1232"},
        {"a client's cookie",
         SPAN_LIT(Q "\1" N "\0\0\51\20\0\0\0\0\0\0\14\0\12\0\10"
                    "12345678"),
         "BADCOOKIE / opt1232 cookie24"},
        {"a cookie of no length there is",
         SPAN_LIT(Q "\1" N "\0\0\51\20\0\0\0\0\0\0\13\0\12\0\7"
                    "1234567"),
         "NOERROR tc / opt1232"},
        {"a cookie without a question",
         SPAN_LIT("\0\1\0\0\0\0\0\0\0\0\0\1\0\0\51\20\0\0\0\0\0\0\14\0\12\0\10"
                  "12345678"),
         "NOERROR tc / opt1232"},
    };
#undef Q
#undef N
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf text = BUF_INIT(SIZE_MAX);
        uint8_t out[DNS_REPLY_MIN];
        struct dns_query q;

        print_message("# %s\n", cases[i].name);
        dns_query_parse(&q, (const uint8_t *)cases[i].packet.p, cases[i].packet.n);
        lab_text(out, zone_slip(lab.set, client_of("192.0.2.53", false), &q, out), &text);
        assert_string_equal(buf_str(&text), cases[i].want);
        buf_deinit(&text);
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unexpected), cmocka_unit_test(transfers), cmocka_unit_test(clients),
        cmocka_unit_test(keys),       cmocka_unit_test(sizes),     cmocka_unit_test(packets),
        cmocka_unit_test(cookies),    cmocka_unit_test(strangers), cmocka_unit_test(slips),
        cmocka_unit_test(counters),
    };

    return cmocka_run_group_tests_name("zone/answer_edge", tests, setup, teardown);
}
