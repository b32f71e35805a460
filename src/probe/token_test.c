/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "guard.h"

static const uint8_t key[MAC_KEY] = "an operator's key of 32 octets..";
static const uint8_t other_key[MAC_KEY] = "somebody else's key of 32 octets";

static struct ip address(const char *text)
{
    struct ip ip;

    assert_true(ip_parse(span_str(text), &ip));
    return ip;
}

static struct token sample(enum token_kind kind)
{
    struct token t = {.kind = kind, .run = 0x01020304, .serial = 65535, .day = 20000};

    token_target(address("192.0.2.1"), t.target);
    return t;
}

static void assert_same(const struct token *a, const struct token *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->run, b->run);
    assert_memory_equal(a->target, b->target, TOKEN_TARGET);
    assert_int_equal(a->serial, b->serial);
    assert_int_equal(a->day, b->day);
}

/* What was minted is read back, for every kind and for the ends of each number. */
static void round_trip(void **state)
{
    static const enum token_kind kinds[] = {TOKEN_RECIPIENT, TOKEN_SENDER, TOKEN_INNER};
    static const uint32_t runs[] = {0, 1, 0x80000000, UINT32_MAX};
    static const uint16_t ends[] = {0, 1, UINT16_MAX};
    struct mac_keyed keyed;

    mac_keyed_init(&keyed, key);
    for (size_t k = 0; k < 3; k++) {
        for (size_t r = 0; r < 4; r++) {
            for (size_t e = 0; e < 3; e++) {
                struct token t = sample(kinds[k]), got;
                char text[TOKEN_TEXT + 1], same[TOKEN_TEXT + 1];

                t.run = runs[r];
                t.serial = t.day = ends[e];
                token_mint(key, &t, text);
                token_mint_keyed(&keyed, &t, same);
                assert_string_equal(same, text);
                assert_int_equal(strlen(text), TOKEN_TEXT);
                assert_true(token_verify(key, span_str(text), &got));
                assert_same(&t, &got);
            }
        }
    }
}

/* The format is a promise between versions: tokens in flight must verify after an upgrade. */
static void format_is_fixed(void **state)
{
    struct token t = sample(TOKEN_RECIPIENT);
    char text[TOKEN_TEXT + 1];

    token_mint(key, &t, text);
    assert_string_equal(text, "oiaqeayej2rqnm64777u4ifj33umgugwtyaa");
}

static void length_is_exact(void **state)
{
    struct token t = sample(TOKEN_RECIPIENT), got;
    char text[TOKEN_TEXT + 2];

    token_mint(key, &t, text);
    text[TOKEN_TEXT] = 'a';
    assert_false(token_verify(key, span_of(text, TOKEN_TEXT - 1), &got));
    assert_true(token_verify(key, span_of(text, TOKEN_TEXT), &got));
    assert_false(token_verify(key, span_of(text, TOKEN_TEXT + 1), &got));
    assert_false(token_verify(key, SPAN_NULL, &got));
}

/* What relays do to a local part on the way: testers.md 2c and what the forms can make of it. */
static void mangled(void **state)
{
    static const struct {
        const char *name, *before, *after;
    } cases[] = {
        {"as it was", "", ""},
        {"with domain and brackets", "<", "@probe.example>"},
        {"percent", "", "%probe.example@mx.example"},
        {"percent, first", "probe.example%", "@mx.example"},
        {"double percent", "", "%probe.example%mx.example@mx.example"},
        {"bang", "probe.example!", ""},
        {"bang path", "mx.example!probe.example!", "@mx.example"},
        {"quoted whole", "\"", "@probe.example\""},
        {"quoted local part", "\"", "@probe.example\"@mx.example"},
        {"escaped quotes", "\\\"", "\\\"@probe.example"},
        {"quoted pairs", "\\", "\\@probe.example"},
        {"double at", "", "@probe.example@mx.example"},
        {"source route", "@mx.example:", "@probe.example"},
        {"host before a colon", "\"mx.example:", "\"@probe.example"},
        {"host and colon, glued", "H:", ""},
        {"plus-addressing", "postern+", ""},
        {"detail behind", "", "+x"},
        {"empty domain", "", "%probe.example@"},
        {"comment", "", "(probe.example)@mx.example"},
        {"trailing dot", "", "@probe.example."},
        {"literal", "", "@[192.0.2.9]"},
        {"encapsulated", "IMCEASMTP-", "+40probe+2Eexample@mx.example"},
        {"X.400", "/c=us/admd=/prmd=x/dd.rfc-822=", "(a)probe.example/"},
        {"MAIL-11", "gw::smtp%\\\"", "@probe.example\\\""},
        {"SRS", "SRS0=abcd=xy=probe.example=", "@mx.example"},
        {"VERP", "bounces-77-", "=probe.example@mx.example"},
        {"glued before", "prefix", ""},
        {"glued behind", "", "suffix"},
        {"glued on both sides with letters of the alphabet", "rsi234567", "rrr"},
        {"after a token's length of letters", "abcdefghijklmnopqrstuvwxyz234567abcd", "a"},
        {"among blanks", "  \t", " "},
    };
    struct guard g = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct token t = sample(TOKEN_RECIPIENT), got;
        char text[TOKEN_TEXT + 1];
        struct buf all = BUF_INIT(2000);

        token_mint(key, &t, text);
        for (int upper = 0; upper < 2; upper++) {
            buf_clear(&all);
            buf_addf(&all, "%s%s%s", cases[i].before, text, cases[i].after);
            for (size_t k = 0; upper && k < all.n; k++)
                if (all.p[k] >= 'a' && all.p[k] <= 'z')
                    all.p[k] = (char)(all.p[k] - 'a' + 'A');
            if (!token_find(key, guard_span(&g, buf_span(&all)), &got))
                fail_msg("%s%s: not found", cases[i].name, upper ? ", upper case" : "");
            assert_same(&t, &got);
            assert_false(token_find(other_key, guard_span(&g, buf_span(&all)), &got));
        }
        buf_deinit(&all);
    }
    guard_free(&g);
}

/* Every one of the 180 bits counts, the four that carry nothing too. */
static void bit_flips_never_verify(void **state)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    struct token t = sample(TOKEN_SENDER), got;
    char text[TOKEN_TEXT + 1];

    token_mint(key, &t, text);
    for (size_t i = 0; i < TOKEN_TEXT; i++) {
        char was = text[i];

        for (size_t v = 0; v < 32; v++) {
            if (alphabet[v] == was)
                continue;
            text[i] = alphabet[v];
            assert_false(token_verify(key, span_str(text), &got));
            assert_false(token_find(key, span_str(text), &got));
        }
        text[i] = was;
    }
    assert_true(token_verify(key, span_str(text), &got));
}

/*
 * A payload of one token with the MAC of another is no token: a host cannot be framed by a splice.
 */
static void splices_never_verify(void **state)
{
    struct token a = sample(TOKEN_RECIPIENT), b = a, got;
    char text[3][TOKEN_TEXT + 1];

    token_target(address("192.0.2.2"), b.target);
    token_mint(key, &a, text[0]);
    token_mint(key, &b, text[1]);
    for (size_t cut = 1; cut < TOKEN_TEXT; cut++) {
        snprintf(text[2], sizeof(text[2]), "%.*s%s", (int)cut, text[0], text[1] + cut);
        if (strcmp(text[2], text[0]) != 0 && strcmp(text[2], text[1]) != 0)
            assert_false(token_verify(key, span_str(text[2]), &got));
    }
}

static void unknown_kind_is_refused(void **state)
{
    struct token t = sample((enum token_kind)'x'), got;
    char text[TOKEN_TEXT + 1];

    token_mint(key, &t, text);
    assert_false(token_verify(key, span_str(text), &got));
    assert_string_equal(token_kind_name((enum token_kind)'x'), "");
    assert_string_equal(token_kind_name(TOKEN_INNER), "inner");
}

/* The edge of what is looked at, and one past it. */
static void search_is_bounded(void **state)
{
    struct token t = sample(TOKEN_RECIPIENT), got;
    char text[TOKEN_TEXT + 1], all[TOKEN_FIND_MAX + 1];

    token_mint(key, &t, text);
    memset(all, '.', sizeof(all));
    memcpy(all + TOKEN_FIND_MAX - TOKEN_TEXT, text, TOKEN_TEXT);
    assert_true(token_find(key, span_of(all, sizeof(all)), &got));
    memset(all, '.', sizeof(all));
    memcpy(all + TOKEN_FIND_MAX + 1 - TOKEN_TEXT, text, TOKEN_TEXT);
    assert_false(token_find(key, span_of(all, sizeof(all)), &got));
}

static void nothing_in_nothing(void **state)
{
    struct token got = {.run = 7};
    char letters[TOKEN_FIND_MAX];

    memset(letters, 'r', sizeof(letters));
    assert_false(token_find(key, SPAN_NULL, &got));
    assert_false(token_find(key, SPAN_LIT("postmaster@probe.example"), &got));
    assert_false(token_find(key, span_of(letters, sizeof(letters)), &got));
    assert_int_equal(got.run, 7);
}

/* One host's digest in either spelling; another's for another host or family. */
static void target_digest(void **state)
{
    uint8_t a[TOKEN_TARGET], b[TOKEN_TARGET];

    token_target(address("192.0.2.1"), a);
    token_target(address("::ffff:192.0.2.1"), b);
    assert_memory_equal(a, b, TOKEN_TARGET);
    token_target(address("192.0.2.2"), b);
    assert_memory_not_equal(a, b, TOKEN_TARGET);
    token_target(address("c000:201::"), b);
    assert_memory_not_equal(a, b, TOKEN_TARGET);
    token_target((struct ip){0}, b);
    assert_memory_not_equal(a, b, TOKEN_TARGET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(format_is_fixed),
        cmocka_unit_test(length_is_exact),
        cmocka_unit_test(mangled),
        cmocka_unit_test(bit_flips_never_verify),
        cmocka_unit_test(splices_never_verify),
        cmocka_unit_test(unknown_kind_is_refused),
        cmocka_unit_test(search_is_bounded),
        cmocka_unit_test(nothing_in_nothing),
        cmocka_unit_test(target_digest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
