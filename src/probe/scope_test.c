/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/scope.h"

#include "guard.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *name;
    const char *text;
    bool never;
    int want;
    unsigned n; /* rules, or the bad line */
    const char *says;
} files[] = {
    {"empty", "", false, SCOPE_READ, 0, ""},
    {"comments and blank lines", "# a\n\n  \t\n   # b\r\n", false, SCOPE_READ, 0, ""},
    {"all kinds", "192.0.2.0/24 a\n2001:db8::1\nMail.Example.ORG. b c # d\n", false, SCOPE_READ, 3,
     ""},
    {"no last newline", "192.0.2.1", false, SCOPE_READ, 1, ""},
    {"CRLF", "192.0.2.1\r\n192.0.2.2 x\r\n", false, SCOPE_READ, 2, ""},
    {"tabs", "\t192.0.2.1\tours\n", false, SCOPE_READ, 1, ""},
    {"underscore", "_mail.example", false, SCOPE_READ, 1, ""},
    {"one label", "localhost", false, SCOPE_READ, 1, ""},
    {"mapped address", "::ffff:192.0.2.1", false, SCOPE_READ, 1, ""},
    {"reason in UTF-8",
     "192.0.2.1 gepr\xc3\xbc"
     "ft",
     false, SCOPE_READ, 1, ""},
    {"bad line after good ones", "192.0.2.1\n# x\nnot/a/prefix\n", false, SCOPE_BAD, 3,
     "\"not/a/prefix\""},
    {"host bits", "192.0.2.1/24", false, SCOPE_BAD, 1, "no bit set"},
    {"length past the end", "192.0.2.0/33", false, SCOPE_BAD, 1, "prefix"},
    {"address with an octet too many", "192.0.2.1.5", false, SCOPE_BAD, 1, "no address"},
    {"octet past 255", "192.0.2.256", false, SCOPE_BAD, 1, "no address"},
    {"leading zero", "192.0.2.01", false, SCOPE_BAD, 1, "no address"},
    {"star", "*.example.org", false, SCOPE_BAD, 1, "no pattern"},
    {"leading dot", ".example.org", false, SCOPE_BAD, 1, "label"},
    {"two dots", "a..b", false, SCOPE_BAD, 1, "label"},
    {"hyphen first", "-a.example", false, SCOPE_BAD, 1, "letter or digit"},
    {"address of mail", "user@example.org", false, SCOPE_BAD, 1, "neither"},
    {"port", "mail.example:25", false, SCOPE_BAD, 1, "neither"},
    {"comma", "192.0.2.1, mine", false, SCOPE_BAD, 1, "neither"},
    {"U-label",
     "b\xc3\xbc"
     "cher.example",
     false, SCOPE_BAD, 1, "xn--"},
    {"not UTF-8", "192.0.2.1 \xff", false, SCOPE_BAD, 1, "UTF-8"},
    {"control character", "192.0.2.1 \x1b[31m", false, SCOPE_BAD, 1, "control"},
    {"the world", "0.0.0.0/0", false, SCOPE_BAD, 1, "too wide"},
    {"half the world", "\n128.0.0.0/7", false, SCOPE_BAD, 2, "too wide"},
    {"as wide as may be", "10.0.0.0/8\n2001::/16", false, SCOPE_READ, 2, ""},
    {"too wide in IPv6", "2000::/15", false, SCOPE_BAD, 1, "too wide"},
    {"never the world", "0.0.0.0/0\n::/0\nmil", true, SCOPE_READ, 3, ""},
};

static void texts(void **state)
{
    struct guard guard = {0};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct scope_error err = {0};
        struct scope_list list;

        scope_list_init(&list, files[i].never);
        assert_int_equal(
            scope_list_add(&list, SPAN_LIT("first.example"), SPAN_NULL, "test", 0, &err),
            SCOPE_READ);
        int rc = scope_list_parse(&list, guard_str(&guard, files[i].text), "file", &err);
        size_t want = rc == SCOPE_READ ? files[i].n + 1 : 1;
        if (rc != files[i].want || list.count != want || !strstr(err.why, files[i].says) ||
            (rc == SCOPE_BAD && err.line != files[i].n))
            fail_msg("%s: %d, %zu rules, line %u: %s", files[i].name, rc, list.count, err.line,
                     err.why);
        scope_list_deinit(&list);
        scope_list_deinit(&list);
    }
    guard_free(&guard);
}

static void rule_keeps_what_it_was_given(void **state)
{
    struct scope_list list = {.never = true};
    struct scope_error err;

    assert_int_equal(scope_list_parse(&list,
                                      SPAN_LIT("#\nMail.Example.  asked  by them  # note\n"
                                               "192.0.2.0/24\n"),
                                      "/etc/never", &err),
                     SCOPE_READ);
    assert_string_equal(list.rules[0].name, "mail.example");
    assert_string_equal(list.rules[0].reason, "asked  by them");
    assert_string_equal(list.rules[0].source, "/etc/never");
    assert_int_equal(list.rules[0].line, 2);
    assert_null(list.rules[1].name);
    assert_string_equal(list.rules[1].reason, "");
    assert_int_equal(list.rules[1].net.len, 24);
    scope_list_deinit(&list);
}

static void lengths(void **state)
{
    char text[SCOPE_LINE_MAX + 2];
    struct scope_list list = {0};
    struct scope_error err;

    /* A line at the limit and one past. */
    memset(text, 'r', sizeof(text));
    memcpy(text, "192.0.2.1 ", 10);
    assert_int_equal(scope_list_parse(&list, span_of(text, SCOPE_LINE_MAX), "f", &err), SCOPE_READ);
    assert_int_equal(scope_list_parse(&list, span_of(text, SCOPE_LINE_MAX + 1), "f", &err),
                     SCOPE_BAD);
    assert_non_null(strstr(err.why, "too long"));
    /* A label, and a name. */
    memset(text, 'a', sizeof(text));
    assert_int_equal(scope_list_parse(&list, span_of(text, SCOPE_LABEL_MAX), "f", &err),
                     SCOPE_READ);
    assert_int_equal(scope_list_parse(&list, span_of(text, SCOPE_LABEL_MAX + 1), "f", &err),
                     SCOPE_BAD);
    for (size_t i = 50; i < 300; i += 50)
        text[i] = '.';
    assert_int_equal(scope_list_parse(&list, span_of(text, SCOPE_NAME_MAX), "f", &err), SCOPE_READ);
    assert_int_equal(scope_list_parse(&list, span_of(text, SCOPE_NAME_MAX + 1), "f", &err),
                     SCOPE_BAD);
    assert_int_equal(list.count, 3);
    scope_list_deinit(&list);
}

static const char scope_text[] = "192.0.2.0/24 lab\n"
                                 "2001:db8::/32 lab six\n"
                                 "ours.example\n"
                                 "intranet\n"
                                 "198.51.100.7\n";
static const char never_text[] = "192.0.2.128/25 asked us 2026-01-02\n"
                                 "quiet.example wants no tests\n"
                                 "mil\n"
                                 "2001:db8:dead::/48\n";

enum { NOW = 1700000000, DAY = SCOPE_GAP };

static const struct {
    const char *name;
    const char *address; /* "" when not known */
    const char *names[3];
    bool own;
    int64_t last;
    enum scope_answer want;
    const char *reason; /* of the rule; NULL when there is none */
} cases[] = {
    {"in the scope", "192.0.2.1", {NULL}, false, 0, SCOPE_ALLOWED, "lab"},
    {"in the scope by name", "203.0.113.1", {"MX.Ours.Example."}, false, 0, SCOPE_ALLOWED, ""},
    {"the name itself", "203.0.113.1", {"ours.example"}, false, 0, SCOPE_ALLOWED, ""},
    {"a name that only ends so", "203.0.113.1", {"yours.example"}, false, 0, SCOPE_OUTSIDE, NULL},
    {"a name above", "203.0.113.1", {"example"}, false, 0, SCOPE_OUTSIDE, NULL},
    {"one label, itself", "203.0.113.1", {"intranet"}, false, 0, SCOPE_ALLOWED, ""},
    {"one label, below", "203.0.113.1", {"x.intranet"}, false, 0, SCOPE_OUTSIDE, NULL},
    {"by the second name",
     "203.0.113.1",
     {"a.example", "ours.example"},
     false,
     0,
     SCOPE_ALLOWED,
     ""},
    {"address not known yet", "", {"ours.example"}, false, 0, SCOPE_ALLOWED, ""},
    {"nothing known", "", {NULL}, false, 0, SCOPE_OUTSIDE, NULL},
    {"outside", "203.0.113.1", {"mx.other.example"}, false, 0, SCOPE_OUTSIDE, NULL},
    {"one address", "198.51.100.7", {NULL}, false, 0, SCOPE_ALLOWED, ""},
    {"its neighbour", "198.51.100.8", {NULL}, false, 0, SCOPE_OUTSIDE, NULL},
    {"mapped", "::ffff:192.0.2.1", {NULL}, false, 0, SCOPE_ALLOWED, "lab"},
    {"IPv6", "2001:db8::1", {NULL}, false, 0, SCOPE_ALLOWED, "lab six"},
    {"own", "203.0.113.1", {NULL}, true, 0, SCOPE_OWN, NULL},
    {"own, tested just now", "203.0.113.1", {NULL}, true, NOW, SCOPE_OWN, NULL},
    {"own and in the scope", "192.0.2.1", {NULL}, true, 0, SCOPE_OWN, "lab"},
    {"excluded though in the scope",
     "192.0.2.200",
     {NULL},
     false,
     0,
     SCOPE_EXCLUDED,
     "asked us 2026-01-02"},
    {"excluded though own", "192.0.2.200", {NULL}, true, 0, SCOPE_EXCLUDED, "asked us 2026-01-02"},
    {"excluded by name",
     "192.0.2.1",
     {"ours.example", "mx.quiet.example"},
     true,
     0,
     SCOPE_EXCLUDED,
     "wants no tests"},
    {"excluded by top level", "203.0.113.1", {"mx.navy.MIL"}, false, 0, SCOPE_EXCLUDED, ""},
    {"excluded in IPv6", "2001:db8:dead::1", {NULL}, false, 0, SCOPE_EXCLUDED, ""},
    {"excluded before too soon",
     "192.0.2.200",
     {NULL},
     false,
     NOW,
     SCOPE_EXCLUDED,
     "asked us 2026-01-02"},
    {"multicast", "224.0.0.1", {NULL}, true, 0, SCOPE_EXCLUDED, NULL},
    {"reserved", "240.0.0.1", {NULL}, true, 0, SCOPE_EXCLUDED, NULL},
    {"loopback is somebody", "127.0.0.1", {NULL}, false, 0, SCOPE_OUTSIDE, NULL},
    {"too soon", "192.0.2.1", {NULL}, false, NOW - DAY + 1, SCOPE_TOO_SOON, "lab"},
    {"a day later", "192.0.2.1", {NULL}, false, NOW - DAY, SCOPE_ALLOWED, "lab"},
    {"too soon outside", "203.0.113.1", {NULL}, false, NOW, SCOPE_TOO_SOON, NULL},
    {"clock set back", "203.0.113.1", {NULL}, false, NOW + 1, SCOPE_OUTSIDE, NULL},
};

static void load(struct scope_list *scope, struct scope_list *never)
{
    struct scope_error err;

    scope_list_init(scope, false);
    scope_list_init(never, true);
    assert_int_equal(scope_list_parse(scope, span_str(scope_text), "scope", &err), SCOPE_READ);
    assert_int_equal(scope_list_parse(never, span_str(never_text), "never", &err), SCOPE_READ);
}

static void decisions(void **state)
{
    struct scope_list scope, never;

    load(&scope, &never);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct span names[3];
        struct scope_question q = {.names = names,
                                   .own = cases[i].own,
                                   .now_wall = NOW,
                                   .last_wall = cases[i].last,
                                   .gap_s = DAY};

        for (; q.count < 3 && cases[i].names[q.count]; q.count++)
            names[q.count] = span_str(cases[i].names[q.count]);
        if (cases[i].address[0])
            assert_true(ip_parse(span_str(cases[i].address), &q.address));
        struct scope_decision d = scope_decide(&q, &scope, &never);
        bool reason =
            cases[i].reason ? d.rule && strcmp(d.rule->reason, cases[i].reason) == 0 : !d.rule;
        if (d.answer != cases[i].want || !reason || !d.why[0])
            fail_msg("%s: %s, %s", cases[i].name, scope_answer_name(d.answer),
                     d.rule ? d.rule->reason : "no rule");
        assert_int_equal(scope_answer_may(d.answer), d.answer < SCOPE_TOO_SOON);
        if (d.answer == SCOPE_TOO_SOON)
            assert_int_equal(d.until_wall, cases[i].last + DAY);
    }
    scope_list_deinit(&scope);
    scope_list_deinit(&never);
}

static void extremes_of_time(void **state)
{
    struct scope_list scope = {0}, never = {.never = true};
    struct scope_question q = {.now_wall = INT64_MAX, .last_wall = 1, .gap_s = INT64_MAX};

    assert_true(ip_parse(SPAN_LIT("203.0.113.1"), &q.address));
    q.last_wall = 1;
    q.gap_s = DAY;
    assert_int_equal(scope_decide(&q, &scope, &never).answer, SCOPE_OUTSIDE);
    q.now_wall = NOW;
    q.last_wall = NOW;
    q.gap_s = 0;
    assert_int_equal(scope_decide(&q, &scope, &never).answer, SCOPE_OUTSIDE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(rule_keeps_what_it_was_given),
        cmocka_unit_test(lengths),
        cmocka_unit_test(decisions),
        cmocka_unit_test(extremes_of_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
