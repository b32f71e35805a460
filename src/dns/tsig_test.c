/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * With messages that dnspython has signed; tests/e2e/test_dns_oracle.py has more of them, and of
 * kdig and dig, for every algorithm.
 */
#include "dns/tsig.h"

#include "guard.h"
#include "hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define NOW      INT64_C(1700000000)
#define KEY      "hmac-sha256:key.example:dGhpcnR5LXR3byBvY3RldHMgb2YgYSBzZWNyZXQuLi4="

#define QUESTION "0001 0000 0000 0001 02626c 076578616d706c65 00 00fc 0001 "
#define TSIG                                                                                       \
    "034b6579 c00f 00fa 00ff 00000000 003d 0b686d61632d736861323536 00 00006553f100 012c 0020 "
#define TAIL " 1234 0000 0000"
#define REQUEST                                                                                    \
    "1234 0100" QUESTION TSIG                                                                      \
    "b0d32688ccd1b6fc11fdf66ebaec52b352b6356fef8ddf8fd50bb085c7780b31" TAIL
#define ANSWER(mac) "1234 8100" QUESTION TSIG mac TAIL

static const char *const answers[] = {
    ANSWER("ad3e06d9083b2250176a62ad95e45b322fa8d5cbee1c502157e6001aaeb2a247"),
    ANSWER("8b9efb5cad1da7315055cf87e924a077b5deb7062f4cae3ccafb35c91eee9fc2"),
    ANSWER("b040b26b2ddf1d6f407677ee1fdf7392f3302ad872d88527577b692e20f0424d"),
};

static struct dns_tsig_key key_of(const char *text)
{
    struct dns_tsig_key key;

    assert_true(dns_tsig_key_parse(span_str(text), &key));
    return key;
}

static void keys(void **state)
{
    static const struct {
        const char *text;
        bool want;
    } cases[] = {
        {KEY, true},
        {"key.example:c2VjcmV0", true},
        {"HMAC-SHA512:Key.Example.:c2VjcmV0", true},
        {"hmac-md5:key:c2VjcmV0", false},
        {"key.example", false},
        {"key.example:", false},
        {":c2VjcmV0", false},
        {"key..example:c2VjcmV0", false},
        {"key.example:not base64", false},
        {"hmac-sha256:key.example:c2VjcmV0:more", false},
        {"", false},
    };
    struct dns_tsig_key key;

    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("# %s\n", cases[i].text);
        assert_int_equal(dns_tsig_key_parse(span_str(cases[i].text), &key), cases[i].want);
    }
    key = key_of("HMAC-SHA512:Key.Example.:c2VjcmV0");
    assert_int_equal(key.alg, DNS_HMAC_SHA512);
    assert_int_equal(key.secret_n, 6);
    assert_memory_equal(key.name.wire, "\3key\7example", 13);
}

static enum dns_tsig_got check(struct dns_tsig *t, const struct dns_tsig_key *key, const char *hex,
                               int64_t now)
{
    static uint8_t wire[1024];
    static struct guard g;
    struct span s = guard_span(&g, span_of(wire, hex_read(hex, wire, sizeof(wire))));
    struct dns_query q;

    assert_int_equal(dns_query_parse(&q, (const uint8_t *)s.p, s.n), DNS_PARSE_OK);
    return dns_tsig_check(t, key, 1, &q, now);
}

static void requests(void **state)
{
    static const struct {
        const char *what, *key;
        int64_t late;
        enum dns_tsig_got want;
    } cases[] = {
        {"good", KEY, 0, DNS_TSIG_OK},
        {"late", KEY, 300, DNS_TSIG_OK},
        {"too late", KEY, 301, DNS_TSIG_BADTIME},
        {"early", KEY, -300, DNS_TSIG_OK},
        {"too early", KEY, -301, DNS_TSIG_BADTIME},
        {"before 1970", KEY, -NOW - 1, DNS_TSIG_BADTIME},
        {"another secret", "key.example:c2VjcmV0", 0, DNS_TSIG_BADSIG},
        {"another secret, too late", "key.example:c2VjcmV0", 301, DNS_TSIG_BADSIG},
        {"another name", "kez.example:c2VjcmV0", 0, DNS_TSIG_BADKEY},
        {"another algorithm", "hmac-sha1:key.example:c2VjcmV0", 0, DNS_TSIG_BADKEY},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dns_tsig_key key = key_of(cases[i].key);
        struct dns_tsig t;

        print_message("# %s\n", cases[i].what);
        assert_int_equal(check(&t, &key, REQUEST, NOW + cases[i].late), cases[i].want);
        assert_int_equal(t.error, cases[i].want);
    }
}

/* Records that are no TSIG at all; the message around them is sound. */
static void broken(void **state)
{
#define WITH(record) "1234 0100" QUESTION record
    static const struct {
        const char *what, *packet;
        enum dns_tsig_got want;
    } cases[] = {
        {"none", "1234 0100 0001 0000 0000 0000 02626c 076578616d706c65 00 00fc 0001",
         DNS_TSIG_ABSENT},
        {"no data", WITH("034b6579 c00f 00fa 00ff 00000000 0000"), DNS_TSIG_FORMERR},
        {"class IN",
         WITH("034b6579 c00f 00fa 0001 00000000 001d 0b686d61632d736861323536 00"
              "00006553f100 012c 0000 1234 0000 0000"),
         DNS_TSIG_FORMERR},
        {"a TTL",
         WITH("034b6579 c00f 00fa 00ff 00000001 001d 0b686d61632d736861323536 00"
              "00006553f100 012c 0000 1234 0000 0000"),
         DNS_TSIG_FORMERR},
        {"no MAC",
         WITH("034b6579 c00f 00fa 00ff 00000000 001d 0b686d61632d736861323536 00"
              "00006553f100 012c 0000 1234 0000 0000"),
         DNS_TSIG_FORMERR},
        {"MAC runs over",
         WITH("034b6579 c00f 00fa 00ff 00000000 001d 0b686d61632d736861323536 00"
              "00006553f100 012c 0001 1234 0000 0000"),
         DNS_TSIG_FORMERR},
        {"other data runs over",
         WITH("034b6579 c00f 00fa 00ff 00000000 001d 0b686d61632d736861323536"
              "00 00006553f100 012c 0000 1234 0000 0001"),
         DNS_TSIG_FORMERR},
        {"MAC of 15",
         WITH("034b6579 c00f 00fa 00ff 00000000 002c 0b686d61632d736861323536 00"
              "00006553f100 012c 000f b0d32688ccd1b6fc11fdf66ebaec52 1234 0000 0000"),
         DNS_TSIG_FORMERR},
        {"MAC of 16, as it should be",
         WITH("034b6579 c00f 00fa 00ff 00000000 002d"
              "0b686d61632d736861323536 00 00006553f100 012c 0010"
              "b0d32688ccd1b6fc11fdf66ebaec52b3 1234 0000 0000"),
         DNS_TSIG_BADTRUNC},
        {"MAC of 33",
         WITH("034b6579 c00f 00fa 00ff 00000000 003e 0b686d61632d736861323536 00"
              "00006553f100 012c 0021"
              "b0d32688ccd1b6fc11fdf66ebaec52b352b6356fef8ddf8fd50bb085c7780b3100"
              "1234 0000 0000"),
         DNS_TSIG_FORMERR},
        {"unknown algorithm",
         WITH("034b6579 c00f 00fa 00ff 00000000 0013 0178 00"
              "00006553f100 012c 0000 1234 0000 0000"),
         DNS_TSIG_BADKEY},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dns_tsig_key key = key_of(KEY);
        struct dns_tsig t;

        print_message("# %s\n", cases[i].what);
        assert_int_equal(check(&t, &key, cases[i].packet, NOW), cases[i].want);
    }
}

/* Of a request any octet but those of the names' case is covered. */
static void every_octet(void **state)
{
    uint8_t packet[512], changed[512];
    size_t n = hex_read(REQUEST, packet, sizeof(packet));
    struct dns_tsig_key key = key_of(KEY);

    for (size_t i = 0; i < n; i++) {
        struct dns_tsig t;
        struct dns_query q;

        memcpy(changed, packet, n);
        changed[i] ^= 0x10;
        if (dns_query_parse(&q, changed, n) != DNS_PARSE_OK)
            continue;
        if (i < 2) /* the message's id: the original one stands in the TSIG */
            assert_int_equal(dns_tsig_check(&t, &key, 1, &q, NOW), DNS_TSIG_OK);
        else
            assert_int_not_equal(dns_tsig_check(&t, &key, 1, &q, NOW), DNS_TSIG_OK);
    }
}

/* The id of a request that a forwarder changed: the answer is signed with the one it has. */
static void original_id(void **state)
{
    uint8_t packet[512];
    size_t n = hex_read(REQUEST, packet, sizeof(packet));
    struct dns_tsig_key key = key_of(KEY);
    struct dns_query q;
    struct dns_tsig t;

    packet[0] = 0x99;
    assert_int_equal(dns_query_parse(&q, packet, n), DNS_PARSE_OK);
    assert_int_equal(dns_tsig_check(&t, &key, 1, &q, NOW), DNS_TSIG_OK);
}

/* The very octets of dnspython's answers come out, but that the key's name is not compressed. */
static void signs_as_dnspython(void **state)
{
    struct dns_tsig_key key = key_of(KEY);
    struct dns_tsig t;

    assert_int_equal(check(&t, &key, REQUEST, NOW), DNS_TSIG_OK);
    for (size_t i = 0; i < COUNT(answers); i++) {
        uint8_t want[512], got[512];
        size_t n = hex_read(answers[i], want, sizeof(want)), plain = n - 77, size;

        memcpy(got, want, plain);
        got[11] = 0;
        size = dns_tsig_sign(&t, got, plain, plain + dns_tsig_room(&t), NOW);
        assert_int_equal(size, n + 7); /* "example" written out, without a pointer */
        assert_memory_equal(got, want, plain);
        assert_memory_equal(got + size - 61, want + n - 61, 61);
        got[11] = 0;
        assert_int_equal(dns_tsig_sign(&t, got, plain, size - 1, NOW), 0);
        memcpy(t.mac, want + n - 38, 32); /* the try moved the chain on */
    }
}

static void verifies_dnspython(void **state)
{
    struct dns_tsig_key key = key_of(KEY);
    uint8_t packet[512], want[512];
    struct dns_tsig t;
    size_t n = hex_read(REQUEST, want, sizeof(want)), size;

    memcpy(packet, want, n);
    packet[11] = 0;
    size = dns_tsig_ask(&t, &key, packet, n - 77, sizeof(packet), NOW);
    assert_int_equal(size, n + 7);
    assert_memory_equal(packet + size - 61, want + n - 61, 61);
    for (size_t i = 0; i < COUNT(answers); i++) {
        n = hex_read(answers[i], packet, sizeof(packet));
        assert_int_equal(dns_tsig_verify(&t, packet, &n, NOW), DNS_TSIG_OK);
        assert_int_equal(n, hex_read(answers[i], want, sizeof(want)) - 77);
        assert_int_equal(packet[11], 0);
    }
    n = hex_read(answers[0], packet, sizeof(packet));
    assert_int_equal(dns_tsig_verify(&t, packet, &n, NOW), DNS_TSIG_BADSIG);
}

/* Server and client of our own, with unsigned messages between. */
static void unsigned_between(void **state)
{
    struct dns_tsig_key key = key_of(KEY);
    uint8_t packet[512], message[512];
    struct dns_tsig client, server;
    size_t n = hex_read(REQUEST, packet, sizeof(packet)) - 77, m;
    struct dns_query q;

    packet[11] = 0;
    m = n;
    assert_int_equal(dns_tsig_verify(&(struct dns_tsig){.key = &key}, packet, &m, NOW),
                     DNS_TSIG_ABSENT); /* the first must be signed: the caller sees to it */
    n = dns_tsig_ask(&client, &key, packet, n, sizeof(packet), NOW);
    assert_int_equal(dns_query_parse(&q, packet, n), DNS_PARSE_OK);
    assert_int_equal(dns_tsig_check(&server, &key, 1, &q, NOW), DNS_TSIG_OK);
    memcpy(message, packet, n - 84);
    message[2] |= 0x80;
    message[11] = 0;
    m = dns_tsig_sign(&server, message, n - 84, sizeof(message), NOW);
    assert_int_equal(dns_tsig_verify(&client, message, &m, NOW), DNS_TSIG_OK);
    assert_int_equal(m, n - 84);
    for (unsigned i = 0; i < DNS_TSIG_GAP_MAX; i++)
        assert_int_equal(dns_tsig_verify(&client, message, &m, NOW), DNS_TSIG_ABSENT);
    assert_int_equal(client.gap, DNS_TSIG_GAP_MAX);
    assert_int_equal(dns_tsig_verify(&client, message, &m, NOW), DNS_TSIG_BADSIG);
}

static void room(void **state)
{
    struct dns_tsig_key key = key_of(KEY);
    uint8_t packet[512];
    struct dns_tsig t;

    assert_int_equal(check(&t, &key, REQUEST, NOW + 1000), DNS_TSIG_BADTIME);
    hex_read(REQUEST, packet, sizeof(packet));
    packet[11] = 0;
    /* The longest answer, with the time of BADTIME, fits just into its room. */
    assert_int_equal(dns_tsig_sign(&t, packet, 28, 28 + dns_tsig_room(&t), NOW),
                     28 + dns_tsig_room(&t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),
        cmocka_unit_test(requests),
        cmocka_unit_test(broken),
        cmocka_unit_test(every_octet),
        cmocka_unit_test(original_id),
        cmocka_unit_test(signs_as_dnspython),
        cmocka_unit_test(verifies_dnspython),
        cmocka_unit_test(unsigned_between),
        cmocka_unit_test(room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
