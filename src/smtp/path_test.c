/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"

struct path_case {
    const char *name;
    const char *in;
    enum smtp_path_got got;
    const char *local;
    const char *domain;
    const char *route;
    bool quoted, literal, utf8;
};

static const struct path_case cases[] = {
    {"plain", "<u@d.example>", SMTP_PATH_OK, "u", "d.example", ""},
    {"null", "<>", SMTP_PATH_NULL},
    {"null and more", "<>x", SMTP_PATH_SYNTAX},
    {"postmaster", "<postmaster>", SMTP_PATH_POSTMASTER, "postmaster"},
    {"Postmaster in any case", "<PostMaster>", SMTP_PATH_POSTMASTER, "PostMaster"},
    {"postmaster in quotes is a user", "<\"postmaster\">", SMTP_PATH_NO_DOMAIN, "postmaster", "",
     "", true},
    {"no domain", "<x>", SMTP_PATH_NO_DOMAIN, "x"},
    {"percent alone", "<u%d.example>", SMTP_PATH_NO_DOMAIN, "u%d.example"},
    {"bang alone", "<d.example!u>", SMTP_PATH_NO_DOMAIN, "d.example!u"},
    {"percent", "<u%d.example@h>", SMTP_PATH_OK, "u%d.example", "h", ""},
    {"every atext", "<a!#$%&'*+-/=?^_`{|}~9@d>", SMTP_PATH_OK, "a!#$%&'*+-/=?^_`{|}~9", "d", ""},
    {"dot string", "<a.b.c@d>", SMTP_PATH_OK, "a.b.c", "d", ""},
    {"dot first", "<.a@d>", SMTP_PATH_SYNTAX},
    {"dot last", "<a.@d>", SMTP_PATH_SYNTAX},
    {"two dots", "<a..b@d>", SMTP_PATH_SYNTAX},
    {"empty local part", "<@d>", SMTP_PATH_SYNTAX},
    {"quoted", "<\"u@d\"@h>", SMTP_PATH_OK, "u@d", "h", "", true},
    {"quoted, empty", "<\"\"@h>", SMTP_PATH_OK, "", "h", "", true},
    {"quoted pair", "<\"a\\\"b\\\\c\\ d\"@h>", SMTP_PATH_OK, "a\"b\\c d", "h", "", true},
    {"quoted bracket", "<\"a>b\"@h>", SMTP_PATH_OK, "a>b", "h", "", true},
    {"quoted tab", "<\"a\tb\"@h>", SMTP_PATH_SYNTAX},
    {"quoted pair of a tab", "<\"a\\\tb\"@h>", SMTP_PATH_SYNTAX},
    {"quote not closed", "<\"ab@h>", SMTP_PATH_SYNTAX},
    {"escape at the end", "<\"ab\\", SMTP_PATH_SYNTAX},
    {"atom and quoted string", "<a.\"b\"@h>", SMTP_PATH_SYNTAX},
    {"two ats", "<u@d@h>", SMTP_PATH_SYNTAX},
    {"at last", "<u@d@>", SMTP_PATH_SYNTAX},
    {"no domain behind the at", "<u@>", SMTP_PATH_SYNTAX},
    {"route", "<@a.example,@b:u@d>", SMTP_PATH_OK, "u", "d", "@a.example,@b"},
    {"route without colon", "<@a,@b,u@d>", SMTP_PATH_SYNTAX},
    {"route of a literal", "<@[192.0.2.1]:u@d>", SMTP_PATH_SYNTAX},
    {"route to no domain", "<@a:u>", SMTP_PATH_SYNTAX},
    {"route to postmaster", "<@a:postmaster>", SMTP_PATH_SYNTAX},
    {"colon path", "<h:u@d>", SMTP_PATH_SYNTAX},
    {"comment", "<u(c)@d>", SMTP_PATH_SYNTAX},
    {"comment behind", "<u@d(c)>", SMTP_PATH_SYNTAX},
    {"trailing dot", "<u@d.example.>", SMTP_PATH_SYNTAX},
    {"hyphen first", "<u@-d>", SMTP_PATH_SYNTAX},
    {"hyphen last", "<u@d->", SMTP_PATH_SYNTAX},
    {"hyphen before the dot", "<u@d-.e>", SMTP_PATH_SYNTAX},
    {"hyphens inside", "<u@d--e.f>", SMTP_PATH_OK, "u", "d--e.f", ""},
    {"underscore", "<u@d_e>", SMTP_PATH_SYNTAX},
    {"digits are a domain too", "<u@192.0.2.1>", SMTP_PATH_OK, "u", "192.0.2.1", ""},
    {"literal", "<u@[192.0.2.1]>", SMTP_PATH_OK, "u", "[192.0.2.1]", "", false, true},
    {"literal 6", "<u@[IPv6:2001:db8::1]>", SMTP_PATH_OK, "u", "[IPv6:2001:db8::1]", "", false,
     true},
    {"literal 6 without its tag", "<u@[2001:db8::1]>", SMTP_PATH_OK, "u", "[2001:db8::1]", "",
     false, true},
    {"literal 4 under the tag of 6", "<u@[IPv6:192.0.2.1]>", SMTP_PATH_SYNTAX},
    {"literal with a leading zero", "<u@[192.0.02.1]>", SMTP_PATH_SYNTAX},
    {"literal over 255", "<u@[192.0.2.256]>", SMTP_PATH_SYNTAX},
    {"literal, general", "<u@[x-400:a/b]>", SMTP_PATH_OK, "u", "[x-400:a/b]", "", false, true},
    {"literal, general, hyphen last", "<u@[x-:a]>", SMTP_PATH_SYNTAX},
    {"literal, general, empty", "<u@[x:]>", SMTP_PATH_SYNTAX},
    {"literal, general, backslash", "<u@[x:a\\b]>", SMTP_PATH_SYNTAX},
    {"literal, general, bracket", "<u@[x:a>b]>", SMTP_PATH_SYNTAX},
    {"literal, empty", "<u@[]>", SMTP_PATH_SYNTAX},
    {"literal not closed", "<u@[192.0.2.1>", SMTP_PATH_SYNTAX},
    {"literal and more", "<u@[192.0.2.1].d>", SMTP_PATH_SYNTAX},
    {"utf-8", "<d\xc3\xb6rte@s\xc3\xb6rensen.example>", SMTP_PATH_OK, "d\xc3\xb6rte",
     "s\xc3\xb6rensen.example", "", false, false, true},
    {"utf-8 in quotes", "<\"\xe2\x82\xac\"@d>", SMTP_PATH_OK, "\xe2\x82\xac", "d", "", true, false,
     true},
    {"utf-8 overlong", "<u\xc0\xae@d>", SMTP_PATH_UTF8},
    {"utf-8 overlong, three", "<u\xe0\x80\xae@d>", SMTP_PATH_UTF8},
    {"utf-8 surrogate", "<u\xed\xa0\x80@d>", SMTP_PATH_UTF8},
    {"utf-8 over the end", "<u\xf4\x90\x80\x80@d>", SMTP_PATH_UTF8},
    {"utf-8 cut", "<u@d\xc3>", SMTP_PATH_UTF8},
    {"latin-1", "<d\xf6rte@d>", SMTP_PATH_UTF8},
    {"fullwidth dot",
     "<u@d\xef\xbc\x8e"
     "example>",
     SMTP_PATH_SYNTAX},
    {"ideographic dot",
     "<u@d\xe3\x80\x82"
     "example>",
     SMTP_PATH_SYNTAX},
    {"C1 control",
     "<u@d\xc2\x85"
     "e>",
     SMTP_PATH_SYNTAX},
    {"no brackets", "u@d", SMTP_PATH_SYNTAX},
    {"no closing bracket", "<u@d", SMTP_PATH_SYNTAX},
    {"blank before", " <u@d>", SMTP_PATH_SYNTAX},
    {"blank inside", "<u@d >", SMTP_PATH_SYNTAX},
    {"blank behind", "<u@d> ", SMTP_PATH_SYNTAX},
    {"nothing", "", SMTP_PATH_SYNTAX},
};

static void path_by_the_grammar(void **state)
{
    struct guard g = {0};
    struct smtp_path p;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct path_case *c = &cases[i];
        enum smtp_path_got got = smtp_path_parse(guard_str(&g, c->in), &p, NULL);

        if (got != c->got)
            fail_msg("%s: %s", c->name, smtp_path_got_name(got));
        if (got != SMTP_PATH_OK && got != SMTP_PATH_NO_DOMAIN && got != SMTP_PATH_POSTMASTER)
            continue;
        if (strcmp(p.local, c->local) || p.local_n != strlen(c->local) ||
            !span_eq(p.domain, span_str(c->domain)) || !span_eq(p.route, span_str(c->route)))
            fail_msg("%s: local part %s", c->name, p.local);
        if (p.quoted != c->quoted || p.literal != c->literal || p.utf8 != c->utf8)
            fail_msg("%s: quoted %d literal %d utf8 %d", c->name, p.quoted, p.literal, p.utf8);
    }
    guard_free(&g);
}

/* No prefix of a path is a path, and a NUL ends none. */
static void path_cut_anywhere(void **state)
{
    struct guard g = {0};
    struct smtp_path p;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct span whole = span_str(cases[i].in);

        for (size_t n = 0; cases[i].got == SMTP_PATH_OK && n < whole.n; n++)
            assert_true(smtp_path_parse(guard_span(&g, span_slice(whole, 0, n)), &p, NULL) >=
                        SMTP_PATH_SYNTAX);
    }
    assert_int_equal(smtp_path_parse(SPAN_LIT("<u\0@d>"), &p, NULL), SMTP_PATH_SYNTAX);
    assert_int_equal(smtp_path_parse(SPAN_LIT("<\"u\0\"@d>"), &p, NULL), SMTP_PATH_SYNTAX);
    guard_free(&g);
}

static void path_tells_where(void **state)
{
    struct smtp_path p;
    size_t at;

    smtp_path_parse(SPAN_LIT("<a b@d>"), &p, &at);
    assert_int_equal(at, 2);
    smtp_path_parse(SPAN_LIT("<a@d->"), &p, &at);
    assert_int_equal(at, 4);
}

/* A path of the given sizes: local part, then a domain of labels of 60 and a rest. */
static struct span sized(char *out, size_t local, size_t domain)
{
    size_t n = 0;

    out[n++] = '<';
    memset(out + n, 'a', local);
    n += local;
    out[n++] = '@';
    for (size_t i = 0; i < domain; i++)
        out[n++] = i % 61 == 60 && i + 1 < domain ? '.' : 'd';
    out[n++] = '>';
    return span_of(out, n);
}

static void path_at_the_limits(void **state)
{
    static const struct {
        size_t local, domain;
        enum smtp_path_got got;
    } sizes[] = {
        {64, 10, SMTP_PATH_OK},   {65, 10, SMTP_PATH_LONG_LOCAL}, {1, 252, SMTP_PATH_OK},
        {1, 253, SMTP_PATH_LONG}, {1, 255, SMTP_PATH_LONG},       {1, 256, SMTP_PATH_LONG_DOMAIN},
        {64, 189, SMTP_PATH_OK},  {64, 190, SMTP_PATH_LONG},      {1900, 10, SMTP_PATH_LONG_LOCAL},
    };
    char text[4096];
    struct smtp_path p;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        enum smtp_path_got got =
            smtp_path_parse(sized(text, sizes[i].local, sizes[i].domain), &p, NULL);

        if (got != sizes[i].got)
            fail_msg("%zu@%zu: %s", sizes[i].local, sizes[i].domain, smtp_path_got_name(got));
        assert_true(p.local_n <= SMTP_LOCAL_MAX);
    }
    for (size_t label = 63; label <= 64; label++) {
        memcpy(text, "<u@", 3);
        memset(text + 3, 'x', label);
        text[3 + label] = '>';
        assert_int_equal(smtp_path_parse(span_of(text, label + 4), &p, NULL),
                         label == 63 ? SMTP_PATH_OK : SMTP_PATH_LONG_DOMAIN);
    }
    /* The quotes count: 62 octets and two quotes are 64. */
    for (size_t n = 62; n <= 63; n++) {
        memcpy(text, "<\"", 2);
        memset(text + 2, 'x', n);
        memcpy(text + 2 + n, "\"@d>", 4);
        assert_int_equal(smtp_path_parse(span_of(text, n + 6), &p, NULL),
                         n == 62 ? SMTP_PATH_OK : SMTP_PATH_LONG_LOCAL);
    }
}

static void path_literal_value(void **state)
{
    struct smtp_path p;
    char text[IP_TEXT_MAX];

    assert_int_equal(smtp_path_parse(SPAN_LIT("<u@[IPv6:2001:DB8::1]>"), &p, NULL), SMTP_PATH_OK);
    assert_string_equal(ip_text(p.ip, text), "2001:db8::1");
    assert_int_equal(smtp_path_parse(SPAN_LIT("<u@[x:y]>"), &p, NULL), SMTP_PATH_OK);
    assert_int_equal(p.ip.family, IP_NONE);
}

static void domain_alone(void **state)
{
    assert_true(smtp_domain_ok(SPAN_LIT("mail.example.org")));
    assert_true(smtp_domain_ok(SPAN_LIT("[192.0.2.1]")));
    assert_false(smtp_domain_ok(SPAN_LIT("mail.example.org.")));
    assert_false(smtp_domain_ok(SPAN_LIT("a b")));
    assert_false(smtp_domain_ok(SPAN_NULL));
    assert_true(smtp_domain_under(SPAN_LIT("A.Probe.example."), SPAN_LIT("probe.Example")));
    assert_true(smtp_domain_under(SPAN_LIT("probe.example"), SPAN_LIT("probe.example")));
    assert_false(smtp_domain_under(SPAN_LIT("xprobe.example"), SPAN_LIT("probe.example")));
    assert_false(smtp_domain_under(SPAN_LIT("example"), SPAN_LIT("probe.example")));
    assert_false(smtp_domain_under(SPAN_LIT("example"), SPAN_NULL));
}

static void path_length_in_an_argument(void **state)
{
    static const struct {
        const char *in;
        size_t n;
    } lengths[] = {
        {"<u@d> SIZE=1", 5},
        {"<u@d>", 5},
        {"<> BODY=7BIT", 2},
        {"<\"a>b\"@d> X", 9},
        {"u@d SIZE=1", 3},
        {"\"a b\"@d X", 7},
        {"<\"a@d> SIZE=1", 6},
        {"\"a@d SIZE=1", 4},
        {"<u@d SIZE=1", 4},
        {"<\"a\\\"> \"@d> X", 11},
        {"", 0},
        {"<", 1},
        {"<a b@d> X", 7},
    };

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        if (smtp_path_length(span_str(lengths[i].in)) != lengths[i].n)
            fail_msg("%s: %zu", lengths[i].in, smtp_path_length(span_str(lengths[i].in)));
}

static void domain_under_another(void **state)
{
    static const struct {
        const char *name, *domain;
        bool under;
    } unders[] = {
        {"probe.example", "probe.example", true},
        {"a.probe.example", "probe.example", true},
        {"A.PROBE.example.", "probe.example", true},
        {"a.probe.example", "probe.example.", true},
        {"xprobe.example", "probe.example", false},
        {"example", "probe.example", false},
        {"other.example", "probe.example", false},
        {"a.probe.example", "", false},
        {"", "probe.example", false},
    };

    for (size_t i = 0; i < sizeof(unders) / sizeof(unders[0]); i++)
        if (smtp_domain_under(span_str(unders[i].name), span_str(unders[i].domain)) !=
            unders[i].under)
            fail_msg("%s below %s", unders[i].name, unders[i].domain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_by_the_grammar),        cmocka_unit_test(path_cut_anywhere),
        cmocka_unit_test(path_tells_where),           cmocka_unit_test(path_at_the_limits),
        cmocka_unit_test(path_literal_value),         cmocka_unit_test(domain_alone),
        cmocka_unit_test(path_length_in_an_argument), cmocka_unit_test(domain_under_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
