/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

static void empty(void **state)
{
    struct buf b = BUF_INIT(10);

    assert_string_equal(buf_str(&b), "");
    assert_int_equal(buf_span(&b).n, 0);
    buf_consume(&b, 3);
    buf_truncate(&b, 3);
    buf_clear(&b);
    buf_shrink(&b);
    char *taken = buf_take(&b);
    assert_string_equal(taken, "");
    free(taken);
    buf_deinit(&b);
    buf_deinit(&b);
}

static void adding(void **state)
{
    struct buf b = BUF_INIT(1000);

    buf_add(&b, SPAN_LIT("a\0b"));
    buf_add(&b, SPAN_NULL);
    buf_add_str(&b, "cd");
    buf_add_str(&b, NULL);
    buf_add_char(&b, '\0');
    buf_addf(&b, "%d-%s", 42, "x");
    assert_int_equal(b.err, 0);
    assert_int_equal(b.n, 10);
    assert_memory_equal(b.p,
                        "a\0bcd\0"
                        "42-x",
                        11);
    buf_deinit(&b);
}

/* Every way to add, at the limit and one past it: nothing of what is too long may stay. */
static void limit(void **state)
{
    for (int way = 0; way < 3; way++) {
        for (size_t have = 0; have <= 70; have++) {
            struct buf b;

            buf_init(&b, 70);
            for (size_t i = 0; i < have; i++)
                buf_add_char(&b, 'x');
            for (size_t more = 70 - have; more <= 70 - have + 1; more++) {
                char text[80] = "";

                memset(text, 'y', more);
                if (way == 0)
                    buf_add(&b, span_of(text, more));
                else if (way == 1)
                    buf_addf(&b, "%s", text);
                else
                    for (size_t i = 0; i < more; i++)
                        buf_add_char(&b, 'y');
                if (more == 70 - have) {
                    assert_int_equal(b.err, 0);
                    assert_int_equal(b.n, 70);
                    buf_truncate(&b, have);
                } else {
                    assert_int_equal(b.err, -EMSGSIZE);
                    assert_int_equal(b.n, way == 2 ? 70 : have);
                }
                assert_int_equal(strlen(buf_str(&b)), b.n);
                assert_true(b.cap <= 71);
            }
            buf_deinit(&b);
        }
    }
}

static void error_is_sticky(void **state)
{
    struct buf b = BUF_INIT(4);

    buf_add_str(&b, "abc");
    buf_add_str(&b, "de");
    assert_int_equal(b.err, -EMSGSIZE);
    buf_add_char(&b, 'd'); /* would fit */
    buf_addf(&b, "d");
    assert_string_equal(buf_str(&b), "abc");
    assert_null(buf_take(&b));
    buf_clear(&b);
    assert_int_equal(b.err, 0);
    buf_add_str(&b, "abcd");
    assert_int_equal(b.err, 0);
    buf_deinit(&b);
}

static void zeroed_holds_nothing(void **state)
{
    struct buf b = {0};

    buf_add(&b, SPAN_NULL);
    assert_int_equal(b.err, 0);
    buf_add_char(&b, 'a');
    assert_int_equal(b.err, -EMSGSIZE);
    buf_deinit(&b);
}

static void no_wrap_without_limit(void **state)
{
    struct buf b = BUF_INIT(SIZE_MAX);

    assert_int_equal(b.max, BUF_MAX);
    buf_add_str(&b, "abc");
    buf_add(&b, span_of("x", SIZE_MAX - 3)); /* must not be read */
    assert_int_equal(b.err, -EMSGSIZE);
    assert_string_equal(buf_str(&b), "abc");
    buf_clear(&b);
    buf_add(&b, span_of("x", (size_t)BUF_MAX + 1));
    assert_int_equal(b.err, -EMSGSIZE);
    buf_deinit(&b);
}

static void format_grows_in_one_step(void **state)
{
    char text[500];
    struct buf b = BUF_INIT(2000);

    memset(text, 'z', sizeof(text));
    text[499] = '\0';
    for (int i = 0; i < 4; i++)
        buf_addf(&b, "%s.", text);
    assert_int_equal(b.err, 0);
    assert_int_equal(b.n, 2000);
    for (size_t i = 0; i < 2000; i++)
        assert_int_equal(b.p[i], i % 500 == 499 ? '.' : 'z');
    buf_deinit(&b);
}

/* The first try fills the room that is there to the last byte, and has no place for the NUL. */
static void format_just_too_long_for_the_room(void **state)
{
    struct buf b = BUF_INIT(1000);

    buf_add_char(&b, 'x');
    while (b.n < b.cap - 4)
        buf_add_char(&b, 'x');
    buf_addf(&b, "%s", "abcd");
    assert_string_equal(buf_str(&b) + b.n - 5, "xabcd");
    buf_deinit(&b);
}

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1:max_allocation_size_mb=1024";
}

static void no_memory_is_sticky_too(void **state)
{
    struct buf b = BUF_INIT(SIZE_MAX);
    struct rlimit before, little = {.rlim_cur = 1 << 30};

    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    little.rlim_max = before.rlim_max;
    buf_add_str(&b, "abc");
    /* Where a sanitizer watches, its own limit above does it: its shadow alone is larger. */
    if (before.rlim_cur == RLIM_INFINITY && !SANITIZED)
        assert_int_equal(setrlimit(RLIMIT_AS, &little), 0);
    buf_add(&b, span_of("x", BUF_MAX - 3)); /* must not be read */
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_int_equal(b.err, -ENOMEM);
    buf_add_char(&b, 'd');
    assert_string_equal(buf_str(&b), "abc");
    assert_null(buf_take(&b));
    buf_deinit(&b);
}

static void consume_and_truncate(void **state)
{
    struct buf b = BUF_INIT(100);

    buf_add_str(&b, "250-one\r\n250 two\r\n");
    buf_consume(&b, 9);
    assert_string_equal(buf_str(&b), "250 two\r\n");
    buf_consume(&b, 0);
    buf_truncate(&b, 100);
    buf_truncate(&b, 7);
    assert_string_equal(buf_str(&b), "250 two");
    buf_consume(&b, 8);
    assert_string_equal(buf_str(&b), "");
    buf_deinit(&b);
}

static void take_moves_ownership(void **state)
{
    struct buf b = BUF_INIT(100);
    char *p;

    buf_add_str(&b, "mine");
    p = buf_take(&b);
    assert_string_equal(p, "mine");
    assert_int_equal(b.n, 0);
    buf_add_str(&b, "next");
    assert_string_equal(buf_str(&b), "next");
    assert_string_equal(p, "mine");
    free(p);
    buf_deinit(&b);
}

static void shrink_keeps_what_is_held(void **state)
{
    struct buf b = BUF_INIT(100);

    buf_add_str(&b, "x");
    buf_shrink(&b);
    assert_string_equal(buf_str(&b), "x");
    buf_clear(&b);
    assert_non_null(b.p);
    buf_shrink(&b);
    assert_null(b.p);
    assert_int_equal(b.cap, 0);
    buf_add_str(&b, "y");
    assert_string_equal(buf_str(&b), "y");
    buf_deinit(&b);
}

static void reserve_makes_room_once(void **state)
{
    struct buf b = BUF_INIT(1000), over = BUF_INIT(10), bad = BUF_INIT(2);
    char *room;

    buf_reserve(&b, 500);
    assert_int_equal(b.n, 0);
    assert_string_equal(buf_str(&b), "");
    room = b.p;
    for (int i = 0; i < 500; i++)
        buf_add_char(&b, 'x');
    assert_ptr_equal(b.p, room);
    assert_int_equal(b.n, 500);
    /* Less than there is, and what is held. */
    buf_reserve(&b, 20);
    assert_ptr_equal(b.p, room);
    buf_reserve(&b, 900);
    assert_int_equal(b.n, 500);
    assert_int_equal(strlen(buf_str(&b)), 500);
    /* The limit stays the limit, whatever is asked for. */
    buf_reserve(&over, SIZE_MAX);
    assert_int_equal(over.cap, 11);
    buf_add_str(&over, "0123456789");
    assert_int_equal(over.err, 0);
    buf_add_char(&over, 'x');
    assert_int_equal(over.err, -EMSGSIZE);
    buf_add_str(&bad, "abc");
    buf_reserve(&bad, 2);
    assert_int_equal(bad.err, -EMSGSIZE);
    assert_string_equal(buf_str(&bad), "");
    buf_deinit(&b);
    buf_deinit(&over);
    buf_deinit(&bad);
}

static void fit_keeps_what_is_held(void **state)
{
    struct buf b = BUF_INIT(100);

    buf_fit(&b);
    buf_add_str(&b, "abc");
    buf_fit(&b);
    assert_int_equal(b.cap, 4);
    buf_fit(&b);
    assert_string_equal(buf_str(&b), "abc");
    buf_add_str(&b, "def");
    assert_string_equal(buf_str(&b), "abcdef");
    buf_clear(&b);
    buf_fit(&b);
    assert_int_equal(b.cap, 0);
    buf_add_char(&b, 'x');
    assert_string_equal(buf_str(&b), "x");
    buf_deinit(&b);
}

static void array_grows_zeroed(void **state)
{
    uint32_t *a = NULL;
    size_t cap = 0;

    assert_int_equal(array_grow(&a, &cap, sizeof(*a), 1), 0);
    assert_int_equal(cap, 8);
    for (size_t i = 0; i < 8; i++)
        a[i] = 7;
    assert_int_equal(array_grow(&a, &cap, sizeof(*a), 8), 0);
    assert_int_equal(cap, 8);
    assert_int_equal(array_grow(&a, &cap, sizeof(*a), 9), 0);
    assert_int_equal(cap, 16);
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(a[i], i < 8 ? 7 : 0);
    uint32_t *before = a;
    assert_int_equal(array_grow(&a, &cap, sizeof(*a), SIZE_MAX), -ENOMEM);
    assert_int_equal(array_grow(&a, &cap, sizeof(*a), SIZE_MAX / sizeof(*a)), -ENOMEM);
    assert_ptr_equal(a, before);
    assert_int_equal(cap, 16);
    free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty),
        cmocka_unit_test(adding),
        cmocka_unit_test(limit),
        cmocka_unit_test(error_is_sticky),
        cmocka_unit_test(zeroed_holds_nothing),
        cmocka_unit_test(no_wrap_without_limit),
        cmocka_unit_test(format_grows_in_one_step),
        cmocka_unit_test(format_just_too_long_for_the_room),
        cmocka_unit_test(no_memory_is_sticky_too),
        cmocka_unit_test(consume_and_truncate),
        cmocka_unit_test(take_moves_ownership),
        cmocka_unit_test(shrink_keeps_what_is_held),
        cmocka_unit_test(reserve_makes_room_once),
        cmocka_unit_test(fit_keeps_what_is_held),
        cmocka_unit_test(array_grows_zeroed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
