/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random zones and questions, and a model that scans the rows for each: they must agree. */
#include "zonemodel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void random_zones(void **state)
{
    uint64_t seed = 3;
    size_t listed = 0;

    for (int round = 0; round < 3000; round++) {
        uint8_t bytes[600];

        for (size_t i = 0; i < sizeof(bytes); i++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            bytes[i] = (uint8_t)(seed >> 56);
        }
        listed += model_check(bytes, sizeof(bytes));
    }
    print_message("# %zu of 180000 listed\n", listed);
    assert_in_range(listed, 20000, 120000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_zones)};

    return cmocka_run_group_tests_name("zone/model", tests, NULL, NULL);
}
