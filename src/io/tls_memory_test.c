/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/tls_memory.h"

#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void sizes_at_the_edges(void **state)
{
    static const struct {
        size_t n;
        bool slot;
    } cases[] = {
        {1, false},
        {TLS_MEMORY_FROM - 1, false},
        {TLS_MEMORY_FROM, true},
        {TLS_MEMORY_SLOT, true},
        {TLS_MEMORY_SLOT + 1, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned before = tls_memory_used();
        char *p = OPENSSL_malloc(cases[i].n);

        assert_non_null(p);
        memset(p, 'x', cases[i].n);
        assert_int_equal(tls_memory_used() - before, cases[i].slot);
        OPENSSL_free(p);
        assert_int_equal(tls_memory_used(), before);
    }
    assert_null(OPENSSL_malloc(0));
}

/* Up from the heap into the pool, up out of it, and down again: what was in it stays. */
static void contents_move_along(void **state)
{
    static const size_t steps[] = {
        100, TLS_MEMORY_FROM, TLS_MEMORY_SLOT, TLS_MEMORY_SLOT + 1, TLS_MEMORY_FROM + 7, 100};
    unsigned before = tls_memory_used();
    size_t kept = steps[0];
    char *p = OPENSSL_malloc(kept);

    for (size_t i = 0; i < kept; i++)
        p[i] = (char)i;
    for (size_t s = 1; s < sizeof(steps) / sizeof(steps[0]); s++) {
        p = OPENSSL_realloc(p, steps[s]);
        assert_non_null(p);
        for (size_t i = 0; i < kept; i++)
            assert_int_equal(p[i], (char)i);
        memset(p + kept, 'y', steps[s] - kept);
    }
    assert_null(OPENSSL_realloc(p, 0));
    assert_int_equal(tls_memory_used(), before);
}

/* More than there are slots: the rest comes from the heap, none twice. */
static void full_pool(void **state)
{
    enum { MORE = TLS_MEMORY_SLOTS + 10 };
    static uint32_t *taken[MORE];
    unsigned before = tls_memory_used();

    for (uint32_t i = 0; i < MORE; i++) {
        taken[i] = OPENSSL_malloc(TLS_MEMORY_FROM);
        assert_non_null(taken[i]);
        *taken[i] = i;
    }
    assert_int_equal(tls_memory_used(), TLS_MEMORY_SLOTS);
    for (uint32_t i = 0; i < MORE; i++) {
        assert_int_equal(*taken[i], i);
        OPENSSL_free(taken[i]);
    }
    assert_int_equal(tls_memory_used(), before);
    taken[0] = OPENSSL_malloc(TLS_MEMORY_FROM); /* and it works on */
    assert_int_equal(tls_memory_used(), before + 1);
    OPENSSL_free(taken[0]);
}

static int set_up(void **state)
{
    return tls_memory_init() && tls_memory_init() ? 0 : -1; /* twice is as once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_at_the_edges),
        cmocka_unit_test(contents_move_along),
        cmocka_unit_test(full_pool),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
