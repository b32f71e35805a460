/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "listfile/rbl.h"

#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What the rules of a file do with a client, as "action a text". */
static void rules(void **state)
{
    static const struct {
        const char *name, *file, *client, *want;
    } cases[] = {
        {"the default", "192.0.2.0/24\n", "192.0.2.7", "ignore"},
        {"outside", "192.0.2.0/24\n", "192.0.3.7", "none"},
        {"keyword", "192.0.2.0/24 :refuse\n", "192.0.2.7", "refuse"},
        {"with an equals sign and case", "192.0.2 =ReFuse # x\n", "192.0.2.7", "refuse"},
        {"blackhole", ":empty\n192.0.2.1 :blackhole\n", "192.0.2.1", "ignore"},
        {"default changed", ":empty\n192.0.2.1\n", "192.0.2.1", "empty"},
        {"longest", "192.0.2/24 :refuse\n192.0.2.1 :pass\n", "192.0.2.1", "pass"},
        {"the first of two", "192.0.2.1 :refuse\n192.0.2.1 :pass\n", "192.0.2.1", "refuse"},
        {"IPv6", "2001:db8::/32 :refuse\n", "2001:db8::1", "refuse"},
        {"localhost of IPv6", "::1 :refuse\n", "::1", "refuse"},
        {"a value", "192.0.2.1 :5:go away\n", "192.0.2.1", "test 5 go away"},
        {"a text behind a keyword default", ":refuse\n192.0.2.1 go away\n", "192.0.2.1",
         "test 2 go away"},
        {"a value as the default", ":7:bye\n192.0.2.1\n192.0.2.2 :8\n", "192.0.2.2", "test 8 bye"},
        {"no keyword", "192.0.2.1 =refused\n", NULL, "refused"},
        {"exclusions are none", "!192.0.2.1\n", NULL, "refused"},
        {"host bits", "192.0.2.1/24\n", NULL, "refused"},
        {"a hex group alone is no number", "abc\n", NULL, "refused"},
    };
    struct rbl_options o = {0};
    struct guard guard = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct zone_acl *acl = zone_acl_new();
        struct zone_remarks remarks = {0};
        struct rbl_file file = {"acl", guard_str(&guard, cases[i].file), 0};
        char got[300] = "refused";
        struct ip client;
        int r = rbl_read_acl(&file, 1, &o, acl, &remarks);

        assert_int_equal(r == RBL_REFUSED, remarks.refused > 0);
        if (cases[i].client) {
            assert_int_equal(r, RBL_OK);
            assert_int_equal(zone_acl_seal(acl, NULL), 0);
            assert_true(ip_parse(span_str(cases[i].client), &client));
            const struct zone_acl_rule *rule = zone_acl_find(acl, client);

            if (!rule)
                snprintf(got, sizeof(got), "none");
            else if (rule->action == ZONE_ACL_TEST)
                snprintf(got, sizeof(got), "test %u %s", rule->a & 255, rule->text);
            else
                snprintf(got, sizeof(got), "%s", zone_acl_action_name(rule->action));
        } else {
            assert_int_equal(r, RBL_REFUSED);
        }
        if (strcmp(got, cases[i].want) != 0)
            print_error("case \"%s\"\n", cases[i].name);
        assert_string_equal(got, cases[i].want);
        zone_acl_free(acl);
        zone_remarks_deinit(&remarks);
    }
    guard_free(&guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rules)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
