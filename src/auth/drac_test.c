/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/drac.h"

#include "base/num.h"
#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { WORDS = 40, PROGRAM = 900101 };

struct call_case {
    const char *name;
    uint32_t words[WORDS]; /* after the xid, which is 7 */
    size_t count;
    enum auth_drac_got got;
    const char *ip;
    uint32_t answer[8]; /* after xid and 1 */
    size_t answer_count;
};

#define HEAD(program, version, procedure) 0, 2, program, version, procedure
#define NONE                              0, 0, 0, 0 /* credential and verifier */

static const struct call_case calls[] = {
    {"add", {HEAD(PROGRAM, 1, 1), NONE, 0xc0000207}, 10, AUTH_DRAC_ADD, "192.0.2.7", {0}, 0},
    {"add by IPv6",
     {HEAD(PROGRAM, 2, 1), NONE, 0x20010db8, 0, 0, 7},
     13,
     AUTH_DRAC_ADD,
     "2001:db8::7",
     {0},
     0},
    {"mapped",
     {HEAD(PROGRAM, 2, 1), NONE, 0, 0, 0xffff, 0xc0000207},
     13,
     AUTH_DRAC_ADD,
     "192.0.2.7",
     {0},
     0},
    {"with a Unix credential",
     {HEAD(PROGRAM, 1, 1), 1, 20, 1, 2, 3, 4, 5, 0, 0, 0xc0000207},
     15,
     AUTH_DRAC_ADD,
     "192.0.2.7",
     {0},
     0},
    {"a credential that is padded",
     {HEAD(PROGRAM, 1, 1), 9, 5, 1, 2, 0, 0, 0xc0000207},
     12,
     AUTH_DRAC_ADD,
     "192.0.2.7",
     {0},
     0},
    {"null", {HEAD(PROGRAM, 1, 0), NONE}, 9, AUTH_DRAC_ANSWER, NULL, {0, 0, 0, 0}, 4},
    {"another program", {HEAD(100000, 2, 3), NONE}, 9, AUTH_DRAC_ANSWER, NULL, {0, 0, 0, 1}, 4},
    {"another version",
     {HEAD(PROGRAM, 3, 1), NONE},
     9,
     AUTH_DRAC_ANSWER,
     NULL,
     {0, 0, 0, 2, 1, 2},
     6},
    {"another procedure", {HEAD(PROGRAM, 1, 2), NONE}, 9, AUTH_DRAC_ANSWER, NULL, {0, 0, 0, 3}, 4},
    {"no argument", {HEAD(PROGRAM, 1, 1), NONE}, 9, AUTH_DRAC_ANSWER, NULL, {0, 0, 0, 4}, 4},
    {"two arguments",
     {HEAD(PROGRAM, 1, 1), NONE, 1, 2},
     11,
     AUTH_DRAC_ANSWER,
     NULL,
     {0, 0, 0, 4},
     4},
    {"IPv4 to version 2",
     {HEAD(PROGRAM, 2, 1), NONE, 1},
     10,
     AUTH_DRAC_ANSWER,
     NULL,
     {0, 0, 0, 4},
     4},
    {"RPC 3", {0, 3, PROGRAM, 1, 1, NONE, 1}, 10, AUTH_DRAC_ANSWER, NULL, {1, 0, 2, 2}, 4},
    {"RPC 3, too short to answer", {0, 3, PROGRAM, 1}, 4, AUTH_DRAC_IGNORE, NULL, {0}, 0},
    {"no verifier", {HEAD(PROGRAM, 1, 1), 0, 0}, 7, AUTH_DRAC_ANSWER, NULL, {1, 1, 1}, 3},
    {"a credential longer than the call",
     {HEAD(PROGRAM, 1, 1), 0, 400, 0, 0, 1},
     10,
     AUTH_DRAC_ANSWER,
     NULL,
     {1, 1, 1},
     3},
    {"a credential of 4 GiB",
     {HEAD(PROGRAM, 1, 1), 0, 0xfffffffd, 0, 0, 1},
     10,
     AUTH_DRAC_ANSWER,
     NULL,
     {1, 1, 1},
     3},
    {"a reply", {1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 10, AUTH_DRAC_IGNORE, NULL, {0}, 0},
    {"no procedure", {0, 2, PROGRAM, 1}, 4, AUTH_DRAC_IGNORE, NULL, {0}, 0},
};

static size_t write_words(uint8_t *out, const uint32_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        num_put32(out + 4 * i, words[i]);
    return 4 * count;
}

static void test_calls(void **state)
{
    struct guard g = {0};

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        const struct call_case *c = &calls[i];
        uint8_t bytes[4 * (WORDS + 1)], want[64];
        struct buf out = BUF_INIT(100);
        struct auth_drac_call call;
        char ip[IP_TEXT_MAX];
        size_t n, want_n;

        num_put32(bytes, 7);
        n = 4 + write_words(bytes + 4, c->words, c->count);
        if (auth_drac_read(guard_span(&g, span_of(bytes, n)), &call, &out) != c->got)
            fail_msg("%s", c->name);
        assert_int_equal(call.xid, 7);
        if (c->ip && strcmp(ip_text(call.ip, ip), c->ip))
            fail_msg("%s: %s", c->name, ip);
        num_put32(want, 7);
        num_put32(want + 4, 1);
        want_n = c->answer_count ? 8 + write_words(want + 8, c->answer, c->answer_count) : 0;
        if (out.n != want_n || (out.n && memcmp(out.p, want, want_n)))
            fail_msg("%s: another answer", c->name);
        if (out.n > n)
            fail_msg("%s: longer than the call", c->name);
        buf_deinit(&out);
        /* Cut anywhere: nothing is granted. */
        for (size_t cut = 0; cut < n; cut++) {
            struct buf other = BUF_INIT(100);

            if (auth_drac_read(guard_span(&g, span_of(bytes, cut)), &call, &other) ==
                    AUTH_DRAC_ADD &&
                (c->got == AUTH_DRAC_ADD || cut < 44))
                fail_msg("%s: its first %zu", c->name, cut);
            assert_true(other.n <= cut);
            buf_deinit(&other);
        }
    }
    guard_free(&g);
}

static void test_size(void **state)
{
    static uint8_t bytes[AUTH_DRAC_MAX + 4];
    static const uint32_t head[] = {7, HEAD(PROGRAM, 1, 1), 0, 400};
    static const uint32_t tail[] = {0, 400};
    struct auth_drac_call call;
    struct buf out = BUF_INIT(100);
    size_t n = write_words(bytes, head, 8) + 400;

    /* The largest call there can be: two credentials of 400. */
    n += write_words(bytes + n, tail, 2) + 400;
    num_put32(bytes + n, 0xc0000207);
    assert_int_equal(auth_drac_read(span_of(bytes, n + 4), &call, &out), AUTH_DRAC_ADD);
    assert_int_equal(auth_drac_read(span_of(bytes, AUTH_DRAC_MAX), &call, &out), AUTH_DRAC_ANSWER);
    assert_int_equal(auth_drac_read(span_of(bytes, AUTH_DRAC_MAX + 4), &call, &out),
                     AUTH_DRAC_IGNORE);
    num_put32(bytes + 28, 401);
    assert_int_equal(auth_drac_read(span_of(bytes, AUTH_DRAC_MAX), &call, &out), AUTH_DRAC_ANSWER);
    buf_deinit(&out);
}

static void test_reply(void **state)
{
    static const uint32_t want[] = {7, 1, 0, 0, 0, 0, AUTH_DRAC_PERM};
    uint8_t bytes[28];
    struct buf out = BUF_INIT(100);

    write_words(bytes, want, 7);
    auth_drac_reply(7, AUTH_DRAC_PERM, &out);
    assert_int_equal(out.n, 28);
    assert_memory_equal(out.p, bytes, 28);
    buf_deinit(&out);
}

static void test_portmap(void **state)
{
    static const uint32_t want[] = {9, 0, 2, 100000, 2, 1, 0, 0, 0, 0, PROGRAM, 1, 17, 1234};
    static const uint32_t yes[] = {9, 1, 0, 0, 0, 0, 1}, no[] = {9, 1, 0, 0, 0, 0, 0};
    uint8_t bytes[56];
    struct buf out = BUF_INIT(100);

    write_words(bytes, want, 14);
    auth_drac_portmap(9, true, 1, 1234, &out);
    assert_int_equal(out.n, 56);
    assert_memory_equal(out.p, bytes, 56);
    write_words(bytes, yes, 7);
    assert_true(auth_drac_portmapped(span_of(bytes, 28), 9));
    assert_false(auth_drac_portmapped(span_of(bytes, 28), 8));
    assert_false(auth_drac_portmapped(span_of(bytes, 27), 9));
    write_words(bytes, no, 7);
    assert_false(auth_drac_portmapped(span_of(bytes, 28), 9));
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_reply),
        cmocka_unit_test(test_portmap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
