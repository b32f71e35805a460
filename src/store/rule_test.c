/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/fixture.h"

static struct ip ip(const char *text)
{
    struct ip got;

    assert_true(ip_parse(span_str(text), &got));
    return got;
}

struct lines {
    struct buf text;
};

static int add_line(void *ctx, enum store_list list, const struct store_rule *rule)
{
    struct lines *lines = ctx;

    buf_addf(&lines->text, "%d ", (int)list);
    buf_add(&lines->text, rule->pattern);
    buf_add_char(&lines->text, '/');
    buf_add(&lines->text, rule->reason);
    buf_add_char(&lines->text, '/');
    buf_add(&lines->text, rule->who);
    buf_addf(&lines->text, " %lld;", (long long)rule->added_wall);
    return 0;
}

static void rules(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct store_rule rule = {SPAN_LIT("mx.example"), SPAN_LIT("ours"), SPAN_LIT("anna"), 10};
    struct lines lines = {BUF_INIT(1000)};

    assert_int_equal(store_rule_add(store, STORE_LIST_NEVER, &rule), STORE_OK);
    assert_int_equal(store_rule_add(store, STORE_LIST_NEVER, &rule), STORE_EXISTS);
    assert_int_equal(store_rule_add(store, STORE_LIST_SCOPE, &rule), STORE_OK);
    rule.pattern = SPAN_LIT("192.0.2.0/24");
    rule.added_wall = 5;
    assert_int_equal(store_rule_add(store, STORE_LIST_SCOPE, &rule), STORE_OK);
    assert_int_equal(store_rules_each(store, STORE_LIST_SCOPE, add_line, &lines), STORE_OK);
    assert_string_equal(buf_str(&lines.text),
                        "0 192.0.2.0/24/ours/anna 5;0 mx.example/ours/anna 10;");
    buf_clear(&lines.text);
    assert_int_equal(store_rule_remove(store, STORE_LIST_NEVER, SPAN_LIT("mx.example")), STORE_OK);
    assert_int_equal(store_rule_remove(store, STORE_LIST_NEVER, SPAN_LIT("mx.example")),
                     STORE_NONE);
    assert_int_equal(store_rules_each(store, STORE_LIST_NEVER, add_line, &lines), STORE_OK);
    assert_string_equal(buf_str(&lines.text), "");
    buf_deinit(&lines.text);
    store_close(store);
}

static void one_test_a_day(void **state)
{
    enum { DAY = 86400 };
    struct store *store = fixture_open(*state, STORE_CREATE);
    const int64_t start = 1700000000;
    int64_t last = -1;
    uint64_t tests = 9;

    assert_int_equal(store_tested_get(store, ip("192.0.2.1"), &last), STORE_NONE);
    assert_int_equal(store_tested_claim(store, ip("192.0.2.1"), start, DAY, &last), STORE_OK);
    assert_int_equal(last, 0);
    assert_int_equal(store_tested_claim(store, ip("192.0.2.1"), start + DAY - 1, DAY, &last),
                     STORE_SOON);
    assert_int_equal(last, start);
    assert_int_equal(store_tested_get(store, ip("192.0.2.1"), &last), STORE_OK);
    assert_int_equal(last, start);
    assert_int_equal(store_tested_claim(store, ip("::ffff:192.0.2.1"), start + 5, DAY, &last),
                     STORE_SOON);
    assert_int_equal(store_tested_claim(store, ip("192.0.2.1"), start + DAY, DAY, &last), STORE_OK);
    /* A clock set back does not lock the host out. */
    assert_int_equal(store_tested_claim(store, ip("192.0.2.1"), start, DAY, &last), STORE_OK);
    /* No gap, no rule. */
    assert_int_equal(store_tested_claim(store, ip("192.0.2.1"), start, 0, &last), STORE_OK);

    assert_int_equal(store_tested_claim(store, ip("192.0.2.255"), start, DAY, &last), STORE_OK);
    assert_int_equal(store_tested_claim(store, ip("192.0.3.0"), start, DAY, &last), STORE_OK);
    assert_int_equal(store_tested_claim(store, ip("2001:db8:1:2::3"), start, DAY, &last), STORE_OK);
    assert_int_equal(store_tested_claim(store, ip("2001:db8:1:9::"), start, DAY, &last), STORE_OK);
    assert_int_equal(store_network_tests(store, ip("192.0.2.77"), start, &tests), STORE_OK);
    assert_int_equal(tests, 4);
    assert_int_equal(store_network_tests(store, ip("192.0.2.77"), start + DAY, &tests), STORE_OK);
    assert_int_equal(tests, 1);
    assert_int_equal(store_network_tests(store, ip("2001:db8:1::"), start, &tests), STORE_OK);
    assert_int_equal(tests, 2);
    assert_int_equal(store_network_tests(store, ip("2001:db8:2::"), start, &tests), STORE_OK);
    assert_int_equal(tests, 0);
    store_close(store);
}

static void claim_at_once(void *ctx)
{
    const struct fixture *f = ctx;
    pid_t pids[8];
    int won = 0;

    for (size_t i = 0; i < 8; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct store *store = NULL;
            int64_t last;

            if (store_open(f->path, 0, &store) != 0)
                _exit(9);
            _exit(store_tested_claim(store, ip("192.0.2.1"), 1000000, 86400, &last));
        }
    }
    for (size_t i = 0; i < 8; i++) {
        int status = 0;

        waitpid(pids[i], &status, 0);
        if (!WIFEXITED(status) ||
            (WEXITSTATUS(status) != STORE_OK && WEXITSTATUS(status) != STORE_SOON))
            _exit(1);
        won += WEXITSTATUS(status) == STORE_OK;
    }
    _exit(won == 1 ? 0 : 2);
}

static void one_of_many_testers_wins(void **state)
{
    struct fixture *f = *state;

    store_close(fixture_open(f, STORE_CREATE));
    fixture_in_child(claim_at_once, f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
        T(rules),
        T(one_test_a_day),
        T(one_of_many_testers_wins),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
