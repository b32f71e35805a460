/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct zone_text_args args = {SPAN_LIT("192.0.2.1"), SPAN_LIT("bl.example.org"),
                                           4294967295};

static void expect(struct buf *t, const char *want)
{
    char out[1000];
    size_t n = zone_text_put(buf_span(t), &args, out, sizeof(out));

    assert_int_equal(t->err, 0);
    assert_true(zone_text_ok(buf_span(t)));
    assert_true(span_eq(span_of(out, n), span_str(want)));
    buf_deinit(t);
}

static void test_pieces(void **state)
{
    struct buf t = BUF_INIT(1000);

    expect(&t, "");
    zone_text_add(&t, SPAN_NULL);
    expect(&t, "");
    zone_text_add(&t, SPAN_LIT("listed: "));
    zone_text_add_subject(&t);
    zone_text_add(&t, SPAN_LIT(" in "));
    zone_text_add_zone(&t);
    zone_text_add(&t, SPAN_LIT(" #"));
    zone_text_add_evidence(&t);
    expect(&t, "listed: 192.0.2.1 in bl.example.org #4294967295");
}

/* Text over the length of one piece, and octets that are marks elsewhere. */
static void test_long(void **state)
{
    struct buf t = BUF_INIT(1000);
    char text[601];

    for (size_t i = 0; i < 600; i++)
        text[i] = (char)(1 + i % 255);
    text[600] = '\0';
    for (size_t n = 0; n <= 600; n += n < 120 || n > 140 ? 60 : 1) {
        char out[600];

        zone_text_add(&t, span_of(text, n));
        assert_true(zone_text_ok(buf_span(&t)));
        assert_int_equal(zone_text_put(buf_span(&t), &args, out, sizeof(out)), n);
        assert_memory_equal(out, text, n);
        buf_clear(&t);
    }
    buf_deinit(&t);
}

/* Cut at each length, also within a mark's text; nothing is written behind the end. */
static void test_cut(void **state)
{
    static const char want[] = "a192.0.2.1b4294967295";
    struct buf t = BUF_INIT(100);

    zone_text_add(&t, SPAN_LIT("a"));
    zone_text_add_subject(&t);
    zone_text_add(&t, SPAN_LIT("b"));
    zone_text_add_evidence(&t);
    for (size_t max = 0; max <= sizeof(want); max++) {
        size_t n = max < sizeof(want) - 1 ? max : sizeof(want) - 1;
        char *out = malloc(max + 1);

        out[max] = '!';
        assert_int_equal(zone_text_put(buf_span(&t), &args, out, max), n);
        assert_memory_equal(out, want, n);
        assert_int_equal(out[max], '!');
        free(out);
    }
    buf_deinit(&t);
}

static void test_damaged(void **state)
{
    static const struct {
        const char *name;
        struct span bytes;
        const char *put;
    } cases[] = {
        {"zero", SPAN_LIT("\0"), ""},
        {"a mark that is none", SPAN_LIT("\x83"), ""},
        {"text shorter than it says",
         SPAN_LIT("\x03"
                  "ab"),
         ""},
        {"good, then bad",
         SPAN_LIT("\x02"
                  "ab\xff"),
         "ab"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[100];
        size_t n = zone_text_put(cases[i].bytes, &args, out, sizeof(out));

        if (zone_text_ok(cases[i].bytes) || !span_eq(span_of(out, n), span_str(cases[i].put)))
            fail_msg("%s", cases[i].name);
    }
}

static void test_written(void **state)
{
    struct buf t = BUF_INIT(100), out = BUF_INIT(100);

    zone_text_add(&t, SPAN_LIT("a "));
    zone_text_add_subject(&t);
    zone_text_add_evidence(&t);
    zone_text_add_zone(&t);
    zone_text_write(buf_span(&t), "$", "%", "zone", &out);
    assert_string_equal(buf_str(&out), "a $%zone");
    buf_deinit(&t);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),  cmocka_unit_test(test_long),    cmocka_unit_test(test_cut),
        cmocka_unit_test(test_damaged), cmocka_unit_test(test_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
