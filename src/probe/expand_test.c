/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/expand.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"

static struct expand_values all_values(void)
{
    struct expand_values v = {
        .u_token = "utoken",
        .s_token = "stoken",
        .domain = "probe.example",
        .target_host = "mx.target.example",
        .local_domain = "target.example",
        .helo = "tester.probe.example",
        .tester = "box.lan",
        .rand = "zqx7",
        .mx_label = "m1.probe.example",
        .mailbox = "info@target.example",
        .partner = "partner.example",
        .account = "relaytest",
        .password = "s3cret",
    };

    assert_true(ip_parse(SPAN_LIT("192.0.2.1"), &v.target));
    assert_true(ip_parse(SPAN_LIT("198.51.100.9"), &v.mine));
    return v;
}

static void fills(void **state)
{
    static const struct {
        const char *form, *want;
        size_t want_n; /* where the result holds a NUL */
    } cases[] = {
        {"", ""},
        {"<>", "<>"},
        {"<{u}@{d}>", "<utoken@probe.example>"},
        {"<{s}@{rand}.{d}>", "<stoken@zqx7.probe.example>"},
        {"<{u}@{D}>", "<utoken@PROBE.EXAMPLE>"},
        {"<IMCEASMTP-{u.imcea}+40{d.imcea}@{L}>",
         "<IMCEASMTP-utoken+40probe+2Eexample@target.example>"},
        {"<{u}@{d.wide}>", "<utoken@probe\xe3\x80\x82"
                           "example>"},
        {"<{u}%{d}@[{ip}]>", "<utoken%probe.example@[192.0.2.1]>"},
        {"{ip.bare}", "192.0.2.1"},
        {"<{u}@[{myip}]>", "<utoken@[198.51.100.9]>"},
        {"<{u}@{myip.bare}>", "<utoken@198.51.100.9>"},
        {"<@{H}:{u}@{d}>", "<@mx.target.example:utoken@probe.example>"},
        {"{me} {tester} {mxlabel}", "tester.probe.example box.lan m1.probe.example"},
        {"{mailbox} {partner} {account} {password}",
         "info@target.example partner.example relaytest s3cret"},
        {"a\\x41\\\\\\{u\\}", "aA\\{u}"},
        {"<{u}\\x00@{d}>", "<utoken\0@probe.example>", 23},
        {"\\xE9\\xe9", "\xe9\xe9"},
    };
    struct expand_values v = all_values();
    struct buf out = BUF_INIT(EXPAND_MAX);
    struct guard g = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t n = cases[i].want_n ? cases[i].want_n : strlen(cases[i].want);

        buf_clear(&out);
        assert_int_equal(expand_form(guard_str(&g, cases[i].form), &v, &out, NULL), EXPAND_OK);
        if (!span_eq(buf_span(&out), span_of(cases[i].want, n)))
            fail_msg("%s became %s, not %s", cases[i].form, buf_str(&out), cases[i].want);
    }
    guard_free(&g);
    buf_deinit(&out);
}

static void ipv6_has_its_tag(void **state)
{
    struct expand_values v = all_values();
    struct buf out = BUF_INIT(EXPAND_MAX);

    assert_true(ip_parse(SPAN_LIT("2001:db8::1"), &v.target));
    assert_true(ip_parse(SPAN_LIT("2001:db8::2"), &v.mine));
    assert_int_equal(expand_form(SPAN_LIT("[{ip}] {ip.bare} [{myip}] {myip.bare}"), &v, &out, NULL),
                     0);
    assert_string_equal(buf_str(&out),
                        "[IPv6:2001:db8::1] 2001:db8::1 [IPv6:2001:db8::2] 2001:db8::2");
    buf_deinit(&out);
}

static void prefix_and_suffix(void **state)
{
    struct expand_values v = all_values();
    struct buf out = BUF_INIT(EXPAND_MAX);

    v.u_prefix = "me+";
    v.u_suffix = ".x";
    v.s_prefix = "me-";
    assert_int_equal(expand_form(SPAN_LIT("{u} {u.imcea} {s}"), &v, &out, NULL), EXPAND_OK);
    assert_string_equal(buf_str(&out), "me+utoken.x me+2Butoken+2Ex me-stoken");
    buf_clear(&out);
    v.u_prefix = "me\r\n";
    assert_int_equal(expand_form(SPAN_LIT("{u}"), &v, &out, NULL), EXPAND_NEEDS);
    buf_deinit(&out);
}

/* Each variable alone, with no value at all, names itself. */
static void missing_values_are_named(void **state)
{
    struct expand_values none = {0};
    struct buf out = BUF_INIT(EXPAND_MAX);

    buf_add_str(&out, "kept");
    for (unsigned i = 0; i < EXPAND_PAD; i++) {
        struct buf form = BUF_INIT(100);
        enum expand_var missing = EXPAND_PAD;
        uint32_t vars = 0;
        char why[100];

        buf_addf(&form, "before {%s} behind", expand_var_name((enum expand_var)i));
        assert_int_equal(expand_form(buf_span(&form), &none, &out, &missing), EXPAND_NEEDS);
        assert_int_equal(missing, i);
        assert_true(*expand_var_words(missing));
        assert_string_equal(buf_str(&out), "kept");
        assert_true(expand_check(buf_span(&form), &vars, why, sizeof(why)));
        assert_int_equal(vars, 1u << i);
        buf_deinit(&form);
    }
    buf_deinit(&out);
}

/* What a hostile greeting could try to put into our commands. */
static void values_cannot_break_out(void **state)
{
    static const char *const bad[] = {
        "mx.example\r\nRCPT TO:<victim@other.example>",
        "mx\n",
        "mx\x7f",
        "mx>",
        "mx other",
        "a@b",
        "a%b",
        "a!b",
        "a,@b:c",
        "\"",
        "(x)",
        "a:b",
        "[192.0.2.1]",
        "a\tb",
    };
    struct expand_values v = all_values();
    struct buf out = BUF_INIT(EXPAND_MAX);

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        v.target_host = bad[i];
        assert_int_equal(expand_form(SPAN_LIT("<{u}@{H}>"), &v, &out, NULL), EXPAND_NEEDS);
    }
    v.target_host = "b\xc3\xbc"
                    "cher-1_a.example";
    assert_int_equal(expand_form(SPAN_LIT("<{u}@{H}>"), &v, &out, NULL), EXPAND_OK);
    buf_deinit(&out);
}

static void filler(void **state)
{
    static const struct {
        const char *form;
        size_t word_from, word_to; /* offsets from the start and from the end of the result */
        size_t want;               /* length of the word */
    } cases[] = {
        {"<{u}{pad:64}@{d}>", 1, 15, 64}, {"<{pad:64}{u}@{d}>", 1, 15, 64},
        {"<{u}{pad:65}@{d}>", 1, 15, 65}, {"<{u}@{pad:255}.{d}>", 8, 1, 255},
        {"<{u}@{pad:65}.{d}>", 8, 1, 65}, {"<{u}{pad:1200}@{d}>", 1, 15, 1200},
        {"<{u}{pad:7}@{d}>", 1, 15, 7},   {"<{u}{pad:6}@{d}>", 1, 15, 6},
        {"<{u}{pad:3}@{d}>", 1, 15, 6},
    };
    struct expand_values v = all_values();
    struct buf out = BUF_INIT(EXPAND_MAX);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_clear(&out);
        assert_int_equal(expand_form(span_str(cases[i].form), &v, &out, NULL), EXPAND_OK);
        assert_int_equal(out.n - cases[i].word_from - cases[i].word_to, cases[i].want);
    }
    buf_deinit(&out);
}

/* Every label of a long domain is one that DNS can hold, whatever the length asked for. */
static void filler_makes_labels(void **state)
{
    struct expand_values v = all_values();
    struct buf out = BUF_INIT(EXPAND_MAX), form = BUF_INIT(100);

    for (unsigned n = 1; n < 400; n++) {
        struct span rest, label;

        buf_clear(&out);
        buf_clear(&form);
        buf_addf(&form, "<{u}@{pad:%u}.{d}>", n);
        assert_int_equal(expand_form(buf_span(&form), &v, &out, NULL), EXPAND_OK);
        rest = span_slice(buf_span(&out), 8, out.n - 1);
        if (n <= rest.n && n > 14)
            assert_int_equal(rest.n, n);
        /* With no room for filler the form's own dot stands first; no other label may be empty. */
        if (rest.p[0] == '.')
            continue;
        while (span_cut(&rest, '.', &label))
            assert_in_range(label.n, 1, 63);
    }
    buf_deinit(&form);
    buf_deinit(&out);
}

static void bad_forms(void **state)
{
    static const struct {
        const char *form, *why;
    } cases[] = {
        {"<{u}@{nosuch}>", "unknown variable {nosuch}"},
        {"{}", "unknown variable"},
        {"{U}", "unknown variable {U}"},
        {"<{u>", "without a closing one"},
        {"<u}>", "without an opening one"},
        {"{pad:0}", "unknown variable {pad:0}"},
        {"{pad:1201}", "unknown variable {pad:1201}"},
        {"{pad:}", "unknown variable {pad:}"},
        {"{pad}", "unknown variable {pad}"},
        {"{pad:3}{pad:4}", "filler stands twice"},
        {"\\", "backslash"},
        {"\\x", "backslash"},
        {"\\x1", "backslash"},
        {"\\xg0", "two hex digits"},
        {"\\x0g", "two hex digits"},
        {"\\n", "backslash"},
    };
    struct expand_values v = all_values();
    struct buf out = BUF_INIT(EXPAND_MAX);
    struct guard g = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char why[100] = "";
        uint32_t vars;

        assert_false(expand_check(guard_str(&g, cases[i].form), &vars, why, sizeof(why)));
        if (!strstr(why, cases[i].why))
            fail_msg("%s: said \"%s\"", cases[i].form, why);
        assert_int_equal(expand_form(guard_str(&g, cases[i].form), &v, &out, NULL), -EINVAL);
        assert_int_equal(out.n, 0);
    }
    guard_free(&g);
    buf_deinit(&out);
}

/* The limit is the buffer's: the edge fits, one less does not, and what was there stays. */
static void bounded(void **state)
{
    struct expand_values v = all_values();
    struct buf out = BUF_INIT(22 + 2);

    buf_add_str(&out, "ab");
    assert_int_equal(expand_form(SPAN_LIT("<{u}@{d}>"), &v, &out, NULL), EXPAND_OK);
    buf_truncate(&out, 2);
    out.max--;
    assert_int_equal(expand_form(SPAN_LIT("<{u}@{d}>"), &v, &out, NULL), -EMSGSIZE);
    assert_string_equal(buf_str(&out), "ab");
    assert_int_equal(expand_form(SPAN_LIT("<{pad:300}>"), &v, &out, NULL), -EMSGSIZE);
    assert_string_equal(buf_str(&out), "ab");
    buf_deinit(&out);
}

static void pieces(void **state)
{
    struct span form = SPAN_LIT("<{d}\\x2e{pad:9}"), name;
    struct expand_piece p;

    assert_null(expand_next(&form, &p, &name));
    assert_true(!p.is_var && p.byte == '<');
    assert_null(expand_next(&form, &p, &name));
    assert_true(p.is_var && p.var == EXPAND_D);
    assert_null(expand_next(&form, &p, &name));
    assert_true(!p.is_var && p.byte == '.');
    assert_null(expand_next(&form, &p, &name));
    assert_true(p.is_var && p.var == EXPAND_PAD && p.pad == 9);
    assert_int_equal(form.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills),
        cmocka_unit_test(ipv6_has_its_tag),
        cmocka_unit_test(prefix_and_suffix),
        cmocka_unit_test(missing_values_are_named),
        cmocka_unit_test(values_cannot_break_out),
        cmocka_unit_test(filler),
        cmocka_unit_test(filler_makes_labels),
        cmocka_unit_test(bad_forms),
        cmocka_unit_test(bounded),
        cmocka_unit_test(pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
