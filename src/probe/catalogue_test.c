/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/catalogue.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"

#define SENDER "Kind: sender\nId: a\nFamily: f\nForm: <{s}@{d}>\nPrior: 1\nFlaw: w\nSource: s\n\n"
#define RECIPIENT                                                                                  \
    "Kind: recipient\nId: a\nFamily: f\nForm: <{u}@{d}>\nPrior: 1\nFlaw: w\nSource: s\n\n"
#define HELO "Kind: helo\nId: own\nForm: {me}\nPrior: 1\nFlaw: w\nSource: s\n\n"
/* A recipient row with this form, this family. */
#define TO(form, family)                                                                           \
    "Kind: recipient\nId: b\nFamily: " family "\nForm: " form "\nPrior: 1\nFlaw: w\nSource: s\n"
#define FROM(form) "Kind: sender\nId: b\nFamily: f\nForm: " form "\nPrior: 1\nFlaw: w\nSource: s\n"
#define CHANNEL(type, with)                                                                        \
    "Kind: channel\nId: b\nFamily: bdat\nChannel: " type "\nWith: " with                           \
    "\nPrior: 1\nFlaw: w\nSource: s\n"

static void load(struct catalogue *c, const char *text)
{
    struct catalogue_error err = {0};

    if (catalogue_load(c, span_str(text), "good.rows", &err) != 0)
        fail_msg("%s", err.text);
}

static void every_field(void **state)
{
    struct catalogue c;
    const struct form *f;

    catalogue_init(&c);
    load(&c, "# a comment\n"
             "Kind: recipient\n"
             "Id: percent-x\n"
             "Ref: r99\n"
             "Family: percent\n"
             "Form: <{u}%{d}@{H}>\n"
             "Needs: ipv4 pipelining\n"
             "Risk: syntax\n"
             "Before: rejected\n"
             "Prior: 1000\n"
             "Flaw: what\n it does\n"
             "CVE: CVE-1999-0001 CVE-2024-123456\n"
             "Source: a book\n"
             "Note: none\n");
    f = catalogue_find(&c, FORM_RECIPIENT, SPAN_LIT("PERCENT-X"));
    assert_non_null(f);
    assert_string_equal(f->id, "percent-x");
    assert_string_equal(f->ref, "r99");
    assert_string_equal(f->family, "percent");
    assert_string_equal(f->form, "<{u}%{d}@{H}>");
    assert_int_equal(f->needs, NEED_IPV4 | NEED_PIPELINING | NEED_HOST);
    assert_int_equal(f->vars, 1u << EXPAND_U | 1u << EXPAND_D | 1u << EXPAND_HOST);
    assert_true(f->risk_syntax);
    assert_int_equal(f->before, BEFORE_REJECTED);
    assert_int_equal(f->prior, 1000);
    assert_string_equal(f->flaw, "what it does");
    assert_string_equal(f->cve, "CVE-1999-0001 CVE-2024-123456");
    assert_string_equal(f->source, "a book");
    assert_string_equal(f->note, "none");
    assert_string_equal(f->file, "good.rows");
    assert_int_equal(f->line, 2);
    assert_false(f->optin || f->by_sender);
    assert_null(catalogue_find(&c, FORM_SENDER, SPAN_LIT("percent-x")));
    catalogue_deinit(&c);
    catalogue_deinit(&c);
}

static void defaults(void **state)
{
    struct catalogue c;

    catalogue_init(&c);
    load(&c, SENDER HELO);
    assert_int_equal(c.count, 2);
    assert_string_equal(c.forms[0]->ref, "");
    assert_null(c.forms[0]->cve);
    assert_null(c.forms[0]->note);
    assert_int_equal(c.forms[0]->needs, 0);
    assert_int_equal(c.forms[1]->verb, HELO_EHLO);
    assert_string_equal(c.forms[1]->family, "");
    load(&c, "");
    assert_int_equal(c.count, 2);
    catalogue_deinit(&c);
}

static void pair_joins_rows(void **state)
{
    struct catalogue c;
    const struct form *p;

    catalogue_init(&c);
    load(&c, SENDER RECIPIENT HELO);
    load(&c, "Kind: pair\nId: p\nSender: a\nRecipient: A\nHelo: own\nBefore: local\nPrior: "
             "5\nSource: s\n");
    p = catalogue_find(&c, FORM_PAIR, SPAN_LIT("p"));
    assert_non_null(p);
    assert_ptr_equal(p->p_sender, c.forms[0]);
    assert_ptr_equal(p->p_rcpt, c.forms[1]);
    assert_ptr_equal(p->p_helo, c.forms[2]);
    assert_null(p->p_channel);
    assert_null(p->flaw);
    assert_int_equal(p->needs, NEED_LOCAL_RCPT);
    catalogue_deinit(&c);
}

static void auth_steps(void **state)
{
    struct catalogue c;
    struct span step;

    catalogue_init(&c);
    load(&c,
         "Kind: channel\nId: l\nFamily: auth\nChannel: auth\nWith: LOGIN {account} | {password}\n"
         "Prior: 1\nFlaw: w\nSource: s\n\n"
         "Kind: channel\nId: e\nFamily: auth\nChannel: auth\nWith: EXTERNAL\nPrior: 1\nFlaw: w\n"
         "Source: s\n");
    assert_true(channel_auth_step(c.forms[0], 0, &step));
    assert_true(span_eq(step, SPAN_LIT("LOGIN")));
    assert_true(channel_auth_step(c.forms[0], 1, &step));
    assert_true(span_eq(step, SPAN_LIT("{account}")));
    assert_true(channel_auth_step(c.forms[0], 2, &step));
    assert_true(span_eq(step, SPAN_LIT("{password}")));
    assert_false(channel_auth_step(c.forms[0], 3, &step));
    assert_true(channel_auth_step(c.forms[1], 0, &step));
    assert_false(channel_auth_step(c.forms[1], 1, &step));
    assert_int_equal(c.forms[0]->needs, NEED_ACCOUNT);
    assert_true(c.forms[0]->optin);
    catalogue_deinit(&c);
}

/* Each is refused with its line and reason, and leaves what was loaded before. */
static void bad_rows(void **state)
{
    static const struct {
        const char *row;
        unsigned line;
        const char *why;
    } cases[] = {
        {"Id: x\n", 1, "Kind: missing"},
        {"Kind: sender\nKind: sender\n", 2, "stands twice"},
        {"Kind: reciever\n", 1, "one of sender, recipient, helo, channel, pair"},
        {"Kind: sender\nId: x\nColour: red\n", 3, "a sender row has no field \"Colour\""},
        {"Kind: sender\nId: x\nBefore: none\n", 3, "has no field \"Before\""},
        {"Kind: sender\nId: x\nFamily: f\nForm: <>\nFlaw: w\nSource: s\n", 1, "Prior: missing"},
        {"Kind: sender\nId: x\nFamily: f\nForm: <>\nPrior: 1\nFlaw:\nSource: s\n", 6,
         "Flaw: missing"},
        {"Kind: sender\nId: a b\nFamily: f\nForm: <>\nPrior: 1\nFlaw: w\nSource: s\n", 2,
         "Id: 1 to 40"},
        {"Kind: sender\nId: -a\nFamily: f\nForm: <>\nPrior: 1\nFlaw: w\nSource: s\n", 2,
         "Id: 1 to 40"},
        {"Kind: sender\nId: b\nFamily: F!\nForm: <>\nPrior: 1\nFlaw: w\nSource: s\n", 3,
         "Family: 1 to"},
        {"Kind: sender\nId: b\nRef: R\nFamily: f\nForm: <>\nPrior: 1\nFlaw: w\nSource: s\n", 3,
         "Ref: 1"},
        {"Kind: sender\nId: b\nFamily: f\nForm: <>\nPrior: 0\nFlaw: w\nSource: s\n", 5,
         "Prior: a number"},
        {"Kind: sender\nId: b\nFamily: f\nForm: <>\nPrior: 1001\nFlaw: w\nSource: s\n", 5, "Prior"},
        {FROM("<>") "CVE: CVE-99-1\n", 8, "CVE: not of the shape"},
        {FROM("<>") "CVE: CVE-1999-012x\n", 8, "CVE: not of the shape"},
        {FROM("<>") "CVE: CVE-1999-012\n", 8, "CVE: not of the shape"},
        {FROM("<>") "CVE: 1999-0123456\n", 8, "CVE: not of the shape"},
        {FROM("<>") "Needs: ipv4 ipv5\n", 8, "unknown condition \"ipv5\""},
        {FROM("<>") "Risk: high\n", 8, "Risk: one of none, syntax"},
        {FROM("<{s}@{nowhere}>"), 4, "unknown variable {nowhere}"},
        {FROM("<{s}@{d>"), 4, "without a closing one"},
        {FROM("<{u}@{d}>"), 4, "{u} has no place in a sender"},
        {FROM("<{s}@{d}>\\x0d\\x0aRSET"), 4, "CR and LF"},
        {FROM("<{s}@gmail.com>"), 4, "names a host by itself"},
        {SENDER, 2, "sender \"a\" is there already: good.rows:1"},
        {"Kind: helo\nId: b\nForm: {u}\nPrior: 1\nFlaw: w\nSource: s\n", 3, "carries no token"},
        {"Kind: helo\nId: b\nForm: x\nVerb: lhlo\nPrior: 1\nFlaw: w\nSource: s\n", 4,
         "ehlo, helo, none"},
        {CHANNEL("telnet", "x"), 4, "Channel: unknown"},
        {CHANNEL("bdat", "all"), 5, "With: sizes"},
        {CHANNEL("bdat", "last all"), 5, "With: sizes"},
        {CHANNEL("bdat", "all all last"), 5, "With: sizes"},
        {CHANNEL("bdat", "x all last"), 5, "With: sizes"},
        {CHANNEL("xclient", "ADDR"), 5, "With: attributes"},
        {CHANNEL("xclient", "ADDR="), 5, "With: attributes"},
        {CHANNEL("xclient", "COLOUR=red"), 5, "With: attributes"},
        {CHANNEL("xclient", "ADDR=\\x0aQUIT"), 5, "CR and LF"},
        {CHANNEL("proxy1", "TCP4 1 2 3 4"), 5, "begins with \"PROXY \""},
        {CHANNEL("proxy1", "PROXY TCP4\\x0d"), 5, "CR and LF"},
        {CHANNEL("proxy2", "udp4 1 2"), 5, "two addresses"},
        {CHANNEL("proxy2", "tcp4 1"), 5, "two addresses"},
        {CHANNEL("proxy2", "local 1"), 5, "two addresses"},
        {CHANNEL("certificate", "stolen"), 5, "self-signed"},
        {CHANNEL("smuggle", "\\x0a\\x0a"), 5, "no mail program would double"},
        {CHANNEL("smuggle", "\\x0d\\x0a.\\x0d"), 5, "no mail program would double"},
        {CHANNEL("early", "never"), 5, "banner"},
        {CHANNEL("auth", "{account}"), 5, "a mechanism"},
        {"Kind: channel\nId: b\nFamily: mine\nChannel: early\nWith: data\nPrior: 1\nFlaw: "
         "w\nSource: s\n",
         3, "belongs to an opt-in family"},
        {"Kind: pair\nId: p\nSender: x\nRecipient: a\nPrior: 1\nSource: s\n", 3,
         "no sender row is named \"x\""},
        {"Kind: pair\nId: p\nSender: a\nRecipient: b\nPrior: 1\nSource: s\n", 4,
         "no recipient row is named"},
        {"no colon\n", 1, "expected \"Field: value\""},
        {"Kind: sender\nId: x\x01\n", 2, "control character"},
    };
    struct guard g = {0};
    struct catalogue c;

    catalogue_init(&c);
    load(&c, SENDER RECIPIENT HELO);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct catalogue_error err = {0};
        char want[60];

        if (catalogue_load(&c, guard_str(&g, cases[i].row), "bad.rows", &err) != -EINVAL)
            fail_msg("case %zu was taken: %s", i, cases[i].row);
        snprintf(want, sizeof(want), "bad.rows:%u: ", cases[i].line);
        if (strncmp(err.text, want, strlen(want)) != 0 || !strstr(err.text, cases[i].why))
            fail_msg("case %zu said \"%s\", not \"%s%s\"", i, err.text, want, cases[i].why);
        assert_int_equal(err.line, cases[i].line);
        assert_int_equal(c.count, 3);
    }
    guard_free(&g);
    catalogue_deinit(&c);
}

/* No row may reach a mailbox that is not ours. */
static void only_ours_is_reached(void **state)
{
    static const struct {
        const char *row;
        bool fine;
    } cases[] = {
        {TO("<{u}@{d}>", "f"), true},
        {TO("{u}@{d}", "f"), true},
        {TO("<{u}@{D}>", "f"), true},
        {TO("<{u}@x.{d}..>", "f"), true},
        {TO("<{u}@[{myip}]>", "f"), true},
        {TO("<{u}@{mxlabel}>", "f"), true},
        {TO("<{u}%{d}@localhost>", "f"), true},
        {TO("<{u}%{d}@[127.0.0.1]>", "f"), true},
        {TO("<{u}%{d}@[IPv6:::1]>", "f"), true},
        {TO("<{H}!{d}!{u}@{L}>", "f"), true},
        {TO("<@{tester},@{H}:{u}@{d}>", "f"), true},
        {TO("<\"{u}@{d}\"@{H}>", "f"), true},
        {TO("<{u}%{d}@>", "f"), true},
        {TO("<postmaster@{d}>", "f"), true},
        {TO("<abuse@{d}>", "f"), true},
        {TO("<postmaster@{u}.{d}>", "f"), true},
        {TO("<{u}@{L}>", "backscatter"), true},
        {TO("<{mailbox}>", "internal-spoof"), true},
        {TO("<postmaster>", "control"), true},
        {TO("<{u}@{L}>", "f"), false},
        {TO("<{u}@{L}>", "bdat"), false},
        {TO("<{u}>", "f"), false},
        {TO("<{d}@{L}>", "f"), false},
        {TO("<root@{d}>", "f"), false},
        {TO("<postmaster@{L}>", "f"), false},
        {TO("<{s}@{d}>", "f"), false},
        {TO("<{u}%{d}@{partner}>", "f"), false},
        {TO("<{mailbox}>", "f"), false},
        {TO("<{u}%{d},{mailbox}>", "f"), false},
        {TO("<{u}%{d}@example.com>", "f"), false},
        {TO("<{u}@{d}.com>", "f"), false},
        {TO("<{u}@{d}\\xe9>", "f"), false},
        {TO("<{u}@{d}{pad:99}>", "f"), false},
        {TO("<{u}@{d}@aol.com>", "f"), false},
        {TO("<{u}@{d}%aol.com>", "f"), false},
        {TO("<aol!{u}@{d}>", "f"), false},
        {TO("<aol.com!{u}@{d}>", "f"), false},
        {TO("<@aol.com:{u}@{d}>", "f"), false},
        {TO("<@{H},@aol.com:{u}@{d}>", "f"), false},
        {TO("<\"{u}@aol.com\"@{d}>", "f"), false},
        {TO("<x%\\\\\"y@aol.com\\\\\"@{d}{u}>", "f"), false},
        {TO("<{u}%{d}@[192.0.2.1]>", "f"), false},
        {TO("<{u}%{d}@[{ip}.{d}]>", "f"), false},
        {TO("<{u}%{d}@192.0.2.1>", "f"), false},
        {TO("<IMCEASMTP-{u}+40aol+2Ecom@{d}>", "f"), false},
        {TO("</x={u}(a)aol.com/@{d}>", "f"), false},
        {TO("<user@{u}@{d}>", "f"), true}, /* a token alone is a name that resolves nowhere */
        {TO("<{u}@{d}> NOTIFY=NEVER", "f"), true},
        {TO("<{u}@{d}\\x0a>", "f"), false},
        {TO("<victim@aol.com>", "control"), false},
        {TO("<{u}@aol.com>", "backscatter"), false},
        {FROM("<>"), true},
        {FROM("<{s}@localhost>"), true},
        {FROM("<{s}@{partner}>"), true},
        {FROM("<{mailbox}>"), true},
        {FROM("<root@aol.com>"), false},
        {FROM("<aol!{s}>"), false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct catalogue_error err = {0};
        struct catalogue c;
        int got;

        catalogue_init(&c);
        got = catalogue_load(&c, span_str(cases[i].row), "x.rows", &err);
        if ((got == 0) != cases[i].fine)
            fail_msg("%s was %s %s", cases[i].row, got ? "refused:" : "taken", err.text);
        if (got == 0 && strstr(cases[i].row, "Form: <postmaster@{d}>"))
            assert_true(c.forms[0]->by_sender);
        catalogue_deinit(&c);
    }
}

/* The longest form that fits, and one over it. */
static void long_forms(void **state)
{
    for (int over = 0; over < 2; over++) {
        struct catalogue_error err = {0};
        struct buf row = BUF_INIT(4000);
        struct catalogue c;

        buf_add_str(
            &row,
            "Kind: recipient\nId: b\nFamily: f\nPrior: 1\nFlaw: w\nSource: s\nForm: <{u}@{d}>");
        for (int i = 0; i < 1000 - 5 + over; i++)
            buf_add_char(&row, 'x');
        catalogue_init(&c);
        assert_int_equal(catalogue_load(&c, buf_span(&row), "x.rows", &err), over ? -EINVAL : 0);
        if (over)
            assert_non_null(strstr(err.text, "too long"));
        catalogue_deinit(&c);
        buf_deinit(&row);
    }
}

/* A bad row at the end takes the good ones before it along, and nothing else. */
static void all_or_nothing(void **state)
{
    struct catalogue_error err = {0};
    struct catalogue c;
    struct form *kept;

    catalogue_init(&c);
    load(&c, SENDER);
    kept = c.forms[0];
    assert_int_equal(catalogue_load(&c, SPAN_LIT(RECIPIENT HELO "Kind: x\n"), "b.rows", &err),
                     -EINVAL);
    assert_int_equal(c.count, 1);
    assert_ptr_equal(c.forms[0], kept);
    assert_null(catalogue_find(&c, FORM_RECIPIENT, SPAN_LIT("a")));
    load(&c, RECIPIENT);
    assert_ptr_equal(c.forms[0], kept);
    catalogue_deinit(&c);
}

static void names(void **state)
{
    size_t families = 0;

    for (unsigned bit = 0; bit <= 18; bit++) {
        assert_true(*form_need_name((enum form_need)(1u << bit)));
        assert_true(*form_need_words((enum form_need)(1u << bit)));
    }
    assert_string_equal(form_need_name((enum form_need)(1u << 19)), "");
    assert_string_equal(form_kind_name(FORM_HELO), "helo");
    assert_string_equal(channel_type_name(CHANNEL_SMUGGLE), "smuggle");
    while (family_optin_at(families))
        assert_true(family_is_optin(span_str(family_optin_at(families++))));
    assert_int_equal(families, 11);
    assert_false(family_is_optin(SPAN_LIT("percent")));
    assert_false(family_is_optin(SPAN_NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field),     cmocka_unit_test(defaults),
        cmocka_unit_test(pair_joins_rows), cmocka_unit_test(auth_steps),
        cmocka_unit_test(bad_rows),        cmocka_unit_test(only_ours_is_reached),
        cmocka_unit_test(long_forms),      cmocka_unit_test(all_or_nothing),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
