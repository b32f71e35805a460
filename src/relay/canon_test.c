/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "relay/canon.h"

#include "smtp/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"

/* Stands for IDNA: "ü" and "Ü" become "xn--tda", a wide "a" becomes "a"; all else is no name. */
static bool ascii(struct span name, char ret[RELAY_NAME_SIZE])
{
    struct buf out = BUF_INIT(RELAY_NAME_SIZE - 1);
    bool ok = true;

    for (size_t i = 0; i < name.n && ok; i++) {
        struct span rest = span_slice(name, i, name.n);

        if (span_starts(rest, SPAN_LIT("\xc3\xbc")) || span_starts(rest, SPAN_LIT("\xc3\x9c"))) {
            buf_add_str(&out, "xn--tda");
            i += 1;
        } else if (span_starts(rest, SPAN_LIT("\xef\xbd\x81"))) {
            buf_add_char(&out, 'a');
            i += 2;
        } else if (span_starts(rest, SPAN_LIT("\xef\xbc\x91"))) {
            buf_add_char(&out, '1');
            i += 2;
        } else {
            ok = (unsigned char)name.p[i] < 0x80;
            buf_add_char(&out, ascii_lower(name.p[i]));
        }
    }
    ok = ok && !out.err && span_copy(buf_span(&out), ret, RELAY_NAME_SIZE);
    buf_deinit(&out);
    return ok;
}

#define L16 "0123456789abcdef"
#define L64 L16 L16 L16 L16
#define L60 L16 L16 L16 "0123456789ab"
#define D63 L16 L16 L16 "0123456789abcde"

static const struct {
    const char *name, *in;
    enum relay_canon_got got;
    const char *out; /* of OK, NULL and POSTMASTER */
    bool utf8, marked;
} cases[] = {
    {"plain", "<a@b.example>", RELAY_CANON_OK, "<a@b.example>"},
    {"case of the domain", "<A.b@B.eXample>", RELAY_CANON_OK, "<A.b@b.example>"},
    {"null", "<>", RELAY_CANON_NULL, "<>"},
    {"postmaster", "<PostMaster>", RELAY_CANON_POSTMASTER, "<postmaster>"},
    {"postmaster in quotes", "<\"postmaster\">", RELAY_CANON_SYNTAX, NULL},
    {"postmaster with a domain", "<postmaster@b.example>", RELAY_CANON_OK,
     "<postmaster@b.example>"},
    {"quotes that need not be", "<\"a.b\"@b.example>", RELAY_CANON_OK, "<a.b@b.example>"},
    {"an escape that need not be", "<\"\\a\"@b.example>", RELAY_CANON_OK, "<a@b.example>"},
    {"a blank", "<\"a b\"@b.example>", RELAY_CANON_OK, "<\"a b\"@b.example>"},
    {"dots at odd places", "<\"a..b\"@b.example>", RELAY_CANON_OK, "<\"a..b\"@b.example>"},
    {"a dot at the front", "<\".a\"@b.example>", RELAY_CANON_OK, "<\".a\"@b.example>"},
    {"a dot at the end", "<\"a.\"@b.example>", RELAY_CANON_OK, "<\"a.\"@b.example>"},
    {"odd atext", "<a+b=c{d}|e~'*#$&?^_`-/f@b.example>", RELAY_CANON_OK,
     "<a+b=c{d}|e~'*#$&?^_`-/f@b.example>"},
    {"one label", "<a@b>", RELAY_CANON_OK, "<a@b>"},
    {"a label that is a number", "<a@1.example>", RELAY_CANON_OK, "<a@1.example>"},
    {"64 octets of local part", "<" L64 "@b.example>", RELAY_CANON_OK, "<" L64 "@b.example>"},
    {"65 octets of local part", "<x" L64 "@b.example>", RELAY_CANON_SYNTAX, NULL},
    {"256 octets of path", "<" L60 "@" D63 "." D63 "." D63 ".b>", RELAY_CANON_OK,
     "<" L60 "@" D63 "." D63 "." D63 ".b>"},
    {"257 octets of path", "<" L60 "@" D63 "." D63 "." D63 ".bb>", RELAY_CANON_SYNTAX, NULL},
    {"a label of 64", "<a@" D63 "x.example>", RELAY_CANON_SYNTAX, NULL},

    {"no brackets", "a@b.example", RELAY_CANON_SYNTAX, NULL},
    {"no domain", "<a>", RELAY_CANON_SYNTAX, NULL},
    {"an empty domain", "<a@>", RELAY_CANON_SYNTAX, NULL},
    {"an empty local part", "<@b.example>", RELAY_CANON_SYNTAX, NULL},
    {"an empty quoted local part", "<\"\"@b.example>", RELAY_CANON_SYNTAX, NULL},
    {"a dot behind the domain", "<a@b.example.>", RELAY_CANON_SYNTAX, NULL},
    {"a blank behind the path", "<a@b.example> ", RELAY_CANON_SYNTAX, NULL},
    {"two @", "<a@c.example@b.example>", RELAY_CANON_SYNTAX, NULL},
    {"a comment", "<a@b.example(c)>", RELAY_CANON_SYNTAX, NULL},
    {"an underscore", "<a@b_c.example>", RELAY_CANON_SYNTAX, NULL},
    {"a control", "<a\x01@b.example>", RELAY_CANON_SYNTAX, NULL},
    {"a control in quotes", "<\"a\tb\"@b.example>", RELAY_CANON_SYNTAX, NULL},
    {"a path in a path", "<<a@b.example>>", RELAY_CANON_SYNTAX, NULL},
    {"nothing", "", RELAY_CANON_SYNTAX, NULL},

    {"a source route", "<@c.example:a@b.example>", RELAY_CANON_ROUTE, NULL},
    {"two hops", "<@c.example,@d.example:a@b.example>", RELAY_CANON_ROUTE, NULL},
    {"@ in quotes", "<\"a@c.example\"@b.example>", RELAY_CANON_ROUTE, NULL},
    {"@ escaped", "<\"a\\@c.example\"@b.example>", RELAY_CANON_ROUTE, NULL},
    {"a colon in quotes", "<\"c:a\"@b.example>", RELAY_CANON_ROUTE, NULL},
    {"MAIL-11", "<\"gw::smtp%\\\"a@c\\\"\"@b.example>", RELAY_CANON_ROUTE, NULL},
    {"a quote in quotes", "<\"a\\\"b\"@b.example>", RELAY_CANON_ROUTE, NULL},
    {"a backslash in quotes", "<\"a\\\\b\"@b.example>", RELAY_CANON_ROUTE, NULL},
    {"a comma in quotes", "<\"a,b\"@b.example>", RELAY_CANON_ROUTE, NULL},
    {"brackets in quotes", "<\"<a>\"@b.example>", RELAY_CANON_ROUTE, NULL},
    {"a comment in quotes", "<\"a(b)\"@b.example>", RELAY_CANON_ROUTE, NULL},

    {"percent", "<a%c.example@b.example>", RELAY_CANON_OK, "<a%c.example@b.example>",
     .marked = true},
    {"bang", "<c.example!a@b.example>", RELAY_CANON_OK, "<c.example!a@b.example>", .marked = true},
    {"percent in quotes", "<\"a%c\"@b.example>", RELAY_CANON_OK, "<a%c@b.example>", .marked = true},
    {"X.400", "<\"/c=us/o=x/\"@b.example>", RELAY_CANON_OK, "</c=us/o=x/@b.example>",
     .marked = true},
    {"a slash behind the front", "<a/b@b.example>", RELAY_CANON_OK, "<a/b@b.example>"},
    {"a command", "<|x@b.example>", RELAY_CANON_OK, "<|x@b.example>", .marked = true},
    {"IMCEASMTP", "<imceaSMTP-a+40c+2Eexample@b.example>", RELAY_CANON_OK,
     "<imceaSMTP-a+40c+2Eexample@b.example>", .marked = true},
    {"IMCEA of another type", "<IMCEAX400-x@b.example>", RELAY_CANON_OK, "<IMCEAX400-x@b.example>",
     .marked = true},
    {"IMCEAEX", "<IMCEAEX-_O=x@b.example>", RELAY_CANON_OK, "<IMCEAEX-_O=x@b.example>"},
    {"IMCEA without a type", "<imcea-x@b.example>", RELAY_CANON_OK, "<imcea-x@b.example>"},
    {"IMCEA without a hyphen", "<imceasmtp@b.example>", RELAY_CANON_OK, "<imceasmtp@b.example>"},

    {"a literal", "<a@[192.0.2.1]>", RELAY_CANON_OK, "<a@[192.0.2.1]>"},
    {"a literal of IPv6", "<a@[ipv6:2001:DB8:0::1]>", RELAY_CANON_OK, "<a@[IPv6:2001:db8::1]>"},
    {"a mapped literal", "<a@[IPv6:::ffff:192.0.2.1]>", RELAY_CANON_OK, "<a@[192.0.2.1]>"},
    {"another literal", "<a@[x400:c=us]>", RELAY_CANON_LITERAL, NULL},
    {"an address without brackets", "<a@192.0.2.1>", RELAY_CANON_LITERAL, NULL},
    {"half an address", "<a@2.1>", RELAY_CANON_LITERAL, NULL},
    {"a number", "<a@3221225985>", RELAY_CANON_LITERAL, NULL},
    {"a wide number", "<a@192.0.2.\xef\xbc\x91>", RELAY_CANON_LITERAL, NULL},

    {"a name in UTF-8", "<a@\xc3\xbc.example>", RELAY_CANON_OK, "<a@xn--tda.example>"},
    {"the same in upper case", "<a@\xc3\x9c.Example>", RELAY_CANON_OK, "<a@xn--tda.example>"},
    {"a wide letter", "<a@\xef\xbd\x81.example>", RELAY_CANON_OK, "<a@a.example>"},
    {"a name that is none by IDNA", "<a@\xe2\x98\x83.example>", RELAY_CANON_UTF8, NULL},
    {"a full stop of another script",
     "<a@b\xe3\x80\x82"
     "c.example>",
     RELAY_CANON_SYNTAX, NULL},
    {"UTF-8 before the @", "<\xc3\xbc@b.example>", RELAY_CANON_OK, "<\xc3\xbc@b.example>",
     .utf8 = true},
    {"not UTF-8", "<\xc3@b.example>", RELAY_CANON_UTF8, NULL},
    {"a wide @",
     "<a\xef\xbc\xa0"
     "c@b.example>",
     RELAY_CANON_ROUTE, NULL},
    {"a small percent",
     "<a\xef\xb9\xaa"
     "c@b.example>",
     RELAY_CANON_ROUTE, NULL},
    {"two bangs in one",
     "<c\xe2\x80\xbc"
     "a@b.example>",
     RELAY_CANON_ROUTE, NULL},
    {"a C1 control", "<a\xc2\x85@b.example>", RELAY_CANON_ROUTE, NULL},
    {"the first that is none", "<a\xc2\xa0@b.example>", RELAY_CANON_OK, "<a\xc2\xa0@b.example>",
     .utf8 = true},
};

static void test_cases(void **state)
{
    struct guard g = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct relay_address a;
        enum relay_canon_got got = relay_canon(guard_str(&g, cases[i].in), true, ascii, &a);

        if (got != cases[i].got || strcmp(a.path, cases[i].out ? cases[i].out : "") != 0 ||
            a.utf8 != cases[i].utf8 || a.marked != cases[i].marked)
            fail_msg("%s: %s, '%s'%s%s", cases[i].name, relay_canon_got_name(got), a.path,
                     a.utf8 ? " utf8" : "", a.marked ? " marked" : "");
    }
    guard_free(&g);
}

/* Without SMTPUTF8, and without IDNA. */
static void test_ascii_only(void **state)
{
    struct relay_address a;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct span in = span_str(cases[i].in);
        bool high = false;
        enum relay_canon_got got = relay_canon(in, false, ascii, &a);

        for (size_t k = 0; k < in.n; k++)
            high = high || (unsigned char)in.p[k] >= 0x80;
        if (high ? got != RELAY_CANON_UTF8 && got != RELAY_CANON_SYNTAX : got != cases[i].got)
            fail_msg("%s: %s", cases[i].name, relay_canon_got_name(got));
    }
    assert_int_equal(relay_canon(SPAN_LIT("<a@\xc3\xbc.example>"), true, NULL, &a),
                     RELAY_CANON_UTF8);
    assert_int_equal(relay_canon(SPAN_LIT("<\xc3\xbc@b.example>"), true, NULL, &a), RELAY_CANON_OK);
}

/* What we write is read by us as we wrote it, and by the grammar as a plain path. */
static void test_stable(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct relay_address a, b;
        struct smtp_path path;
        enum relay_canon_got got = relay_canon(span_str(cases[i].in), true, ascii, &a);

        if (got != RELAY_CANON_OK)
            continue;
        assert_int_equal(relay_canon(span_str(a.path), true, ascii, &b), RELAY_CANON_OK);
        assert_string_equal(a.path, b.path);
        assert_string_equal(a.local, b.local);
        assert_int_equal(smtp_path_parse(span_str(a.path), &path, NULL), SMTP_PATH_OK);
        assert_int_equal(path.route.n, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_ascii_only),
        cmocka_unit_test(test_stable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
