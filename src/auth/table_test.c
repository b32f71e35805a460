/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const uint8_t key[MAC_KEY] = {1};

static struct auth_table_id id(unsigned n)
{
    return auth_table_id(key, 't', span_of(&n, sizeof(n)));
}

static void put(struct auth_table *t, unsigned n)
{
    struct auth_table_id at = id(n);

    *(unsigned *)auth_table_take(t, &at) = n;
}

static bool has(const struct auth_table *t, unsigned n)
{
    struct auth_table_id at = id(n);
    const unsigned *row = auth_table_find(t, &at);

    assert_true(!row || *row == n);
    return row;
}

static void test_eviction(void **state)
{
    struct auth_table *t;

    assert_int_equal(auth_table_new(3, sizeof(unsigned), &t), 0);
    assert_null(auth_table_at(t, 0));
    put(t, 1);
    put(t, 2);
    put(t, 3);
    put(t, 1); /* touched: 2 is the oldest now */
    put(t, 4);
    assert_true(has(t, 1) && !has(t, 2) && has(t, 3) && has(t, 4));
    assert_true(has(t, 3)); /* a look is no touch */
    put(t, 5);
    assert_false(has(t, 3));
    assert_int_equal(auth_table_count(t), 3);
    assert_non_null(auth_table_at(t, 2));
    assert_null(auth_table_at(t, 3));
    auth_table_free(&t);
    auth_table_free(&t);
}

static void test_one_row(void **state)
{
    struct auth_table *t;

    assert_int_equal(auth_table_new(1, 1, &t), 0);
    for (unsigned n = 0; n < 5; n++) {
        struct auth_table_id at = id(n);
        char *row = auth_table_take(t, &at);

        assert_int_equal(*row, 0);
        *row = 1;
        assert_ptr_equal(auth_table_find(t, &at), row);
    }
    auth_table_free(&t);
}

/* The last `rows` ones touched are there, and no other, whatever was done before. */
static void test_many(void **state)
{
    enum { ROWS = 100, ALL = 300 };
    unsigned order[ALL], next = 12345;
    struct auth_table *t;
    size_t count = 0;

    assert_int_equal(auth_table_new(ROWS, sizeof(unsigned), &t), 0);
    for (unsigned step = 0; step < 20000; step++) {
        unsigned n = (next = next * 1103515245 + 12345) >> 16 & 0xff;
        size_t at = 0;

        put(t, n);
        while (at < count && order[at] != n)
            at++;
        if (at == count)
            count++;
        memmove(order + 1, order, at * sizeof(*order));
        order[0] = n;
        if (step % 1000 == 999)
            for (size_t i = 0; i < count; i++)
                assert_int_equal(has(t, order[i]), i < ROWS);
    }
    assert_int_equal(auth_table_count(t), ROWS);
    auth_table_free(&t);
}

static void test_login_case(void **state)
{
    struct auth_table_id a = auth_table_login(key, 'l', SPAN_LIT("Joe@Example.ORG"));
    struct auth_table_id b = auth_table_login(key, 'l', SPAN_LIT("joe@example.org"));
    struct auth_table_id c = auth_table_login(key, 'm', SPAN_LIT("joe@example.org"));

    assert_memory_equal(&a, &b, sizeof(a));
    assert_memory_not_equal(&a, &c, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eviction),
        cmocka_unit_test(test_one_row),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_login_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
