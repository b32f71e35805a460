/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A set of zones of every kind, and questions as rows of a table: for the tests of answers. setup()
 * and teardown() are cmocka's; what fails in the lab itself aborts.
 */
#ifndef POSTERN_TESTS_ZONESET_H
#define POSTERN_TESTS_ZONESET_H

#include "zonelab.h"

#include "guard.h"

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

/* 60 values of one address, whose A records do not fit into 512 octets, nor their TXT in 1232. */
static struct lab_row many_rows[2 * 60];

static struct lab {
    struct lab_image own, out, rbl, sub, names, many, empty;
    struct zone_acl *acl, *global;
    struct zone_transfer pass;
    struct zone_keys *keys;
    struct dns_cookie_keys cookies;
    struct zone_set *set, *strict; /* the same, with cookies required */
    char texts[60][80];
} lab;

static const uint8_t key_secret[MAC_KEY] = "a secret of thirty-two octets..";

static inline void add_rule(struct zone_acl *acl, const char *net, enum zone_acl_action action,
                            uint32_t a, const char *text)
{
    struct zone_acl_rule rule = {action, a, text};
    struct ip_prefix prefix;

    lab_need(ip_prefix_parse(span_str(net), &prefix), net);
    lab_need(zone_acl_add(acl, prefix, &rule) == ZONE_ACL_ADDED, "rule");
}

static inline void make_acls(void)
{
    lab.acl = zone_acl_new();
    lab.global = zone_acl_new();
    add_rule(lab.acl, "10.0.0.1", ZONE_ACL_IGNORE, 0, NULL);
    add_rule(lab.acl, "10.0.0.2", ZONE_ACL_REFUSE, 0, "over quota");
    add_rule(lab.acl, "10.0.0.3", ZONE_ACL_EMPTY, 0, NULL);
    add_rule(lab.acl, "10.0.0.4", ZONE_ACL_TEST, LAB_CODE(99), "you are $");
    add_rule(lab.acl, "10.0.0.0/24", ZONE_ACL_PASS, 0, NULL);
    add_rule(lab.global, "10.9.0.0/16", ZONE_ACL_REFUSE, 0, "public resolver: use a key");
    add_rule(lab.global, "10.8.0.0/16", ZONE_ACL_IGNORE, 0, NULL);
    lab_need(ip_prefix_parse(SPAN_LIT("10.0.0.53"), &lab.pass.net), "network");
    lab_need(zone_acl_seal(lab.acl, NULL) == 0, "seal");
    lab_need(zone_acl_seal(lab.global, NULL) == 0, "seal");
}

static inline void make_many(void)
{
    for (size_t i = 0; i < 60; i++) {
        snprintf(lab.texts[i], sizeof(lab.texts[i]), "reason %zu of very many for this address", i);
        many_rows[2 * i] =
            (struct lab_row){'4', "192.0.2.1", LAB_CODE(2 + (uint32_t)i), lab.texts[i], 0};
        many_rows[2 * i + 1] = (struct lab_row){'|', "", 0, NULL, 0};
    }
}

static inline struct zone_spec spec_of(const char *name, const struct zone_source *source)
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

static inline void make_data(void)
{
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
}

static inline int setup(void **state)
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

    make_data();
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
    z[0].transfers = &lab.pass;
    z[0].transfer_count = 1;
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
    options.acl = lab.global;
    if (zone_set_new(z, COUNT(z), &options, &lab.set, &err) < 0) {
        fprintf(stderr, "zone %zu: %s\n", err.zone, err.why);
        return -1;
    }
    options.cookie_required = true;
    return zone_set_new(z, COUNT(z), &options, &lab.strict, &err);
}

static inline int teardown(void **state)
{
    zone_set_free(lab.set);
    zone_set_free(lab.strict);
    zone_set_free(NULL);
    zone_acl_free(lab.acl);
    zone_acl_free(lab.global);
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

static inline const struct zone_client *client_of(const char *ip, bool tcp)
{
    static struct zone_client c;

    c = (struct zone_client){.tcp = tcp, .now_wall = 1800000000};
    lab_need(ip_parse(span_str(ip), &c.ip), ip);
    return &c;
}

static inline void check_packet(const struct zone_client *client, struct span packet,
                                const char *want, enum zone_result result)
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

static inline void check(const struct ask *asks, size_t count, const char *client, bool edns,
                         bool tcp)
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

#endif
