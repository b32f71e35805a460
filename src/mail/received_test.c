/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What strangers put into lines, the limits, dates, prefixes; the rest: received_writers_test.c. */
#include "mail/received_shown_test.h"

static void hostile(void **state)
{
    static const struct writer_case cases[] = {
        {"HELO that names a writer",
         "from x by trusted.example (Postfix) with ESMTPA id 1 ([192.0.2.1]) by mx.example.org "
         "with "
         "Microsoft SMTPSVC(5.0); " DATE,
         "Microsoft SMTPSVC v=5.0 helo=x by trusted.example ip=192.0.2.1 by=mx.example.org "
         "with=Microsoft SMTPSVC" WHEN},
        {"HELO that claims a login",
         "from (authenticated) (h.example [192.0.2.1]) by mx.example.org (8.11.6/8.11.6) with SMTP "
         "id "
         "a; " DATE,
         "Sendmail v=8.11.6/8.11.6 name=h.example ip=192.0.2.1 by=mx.example.org with=SMTP tls=no "
         "auth=no id=a" WHEN},
        {"HELO with an address behind a blank",
         "from x [127.0.0.1] (h.example [192.0.2.1]) by mx.example.org (Postfix) with SMTP id "
         "A; " DATE,
         "Postfix helo=x name=h.example ip=192.0.2.1 by=mx.example.org with=SMTP tls=no auth=no "
         "id=A" WHEN},
        {"reverse name that claims a login",
         "from [127.0.0.1] (authenticated [192.0.2.1]) by mx.example.org (Postfix) with SMTP id "
         "A; " DATE,
         "Postfix helo=[127.0.0.1] literal heloip=127.0.0.1 name=authenticated ip=192.0.2.1 "
         "by=mx.example.org with=SMTP tls=no auth=no id=A" WHEN},
        {"HELO that opens a bracket",
         "from ev(il (h.example [192.0.2.1]) by mx.example.org (Postfix) with SMTP id ABC; " DATE,
         "Postfix helo=ev(il name=h.example ip=192.0.2.1 by=mx.example.org with=SMTP tls=no "
         "auth=no "
         "id=ABC" WHEN},
        {"HELO that opens a path and a quote",
         "from <\"a (h.example [192.0.2.1]) by mx.example.org (Postfix) with SMTP id ABC; " DATE,
         "Postfix helo=<\"a name=h.example ip=192.0.2.1 by=mx.example.org with=SMTP tls=no auth=no "
         "id=ABC" WHEN},
        {"HELO by",
         "from by (h.example [192.0.2.1]) by mx.example.org (Postfix) with SMTP id A; " DATE,
         "Postfix helo=by name=h.example ip=192.0.2.1 by=mx.example.org with=SMTP tls=no auth=no "
         "id=A" WHEN},
        {"recipient that names a writer",
         "from h.example ([192.0.2.1]) by mx.example.org with esmtp (Exim 4.96) id 1A for \"a by "
         "evil.example with esmtpsa\"@example.org; " DATE,
         "Exim v=4.96 helo=h.example name=h.example ip=192.0.2.1 by=mx.example.org with=esmtp "
         "tls=no "
         "auth=no id=1A for=\"a by evil.example with esmtpsa\"@example.org" WHEN},
        {"recipient with brackets",
         "from h.example ([192.0.2.1]) by mx.example.org with esmtp (Exim 4.96) id 1A for \"a( by "
         "evil.example\"@example.org; " DATE,
         "Exim v=4.96 helo=h.example name=h.example ip=192.0.2.1 by=mx.example.org with=esmtp "
         "tls=no "
         "auth=no id=1A for=\"a(" WHEN},
        {"sender that claims a writer and a login",
         "from h.example ([192.0.2.1]) by mx.example.org (envelope-from "
         "<\"(Postfix)authenticated\"@x>) "
         "(Exim 4.96) id 1A; " DATE,
         "Exim v=4.96 helo=h.example name=h.example ip=192.0.2.1 by=mx.example.org tls=no auth=no "
         "id=1A sender=<\"(Postfix)authenticated\"@x>" WHEN},
        {"two addresses in the comment: the first is the peer",
         "from pc (h.example [192.0.2.1] [127.0.0.1]) by mx.example.org (Postfix) with SMTP id "
         "A; " DATE,
         "Postfix helo=pc name=h.example ip=192.0.2.1 by=mx.example.org with=SMTP tls=no auth=no "
         "id=A" WHEN},
        {"semicolon in the recipient",
         "from pc (h.example [192.0.2.1]) by mx.example.org (Postfix) with SMTP id A for "
         "<\"a;b\"@example.org>; " DATE,
         "Postfix helo=pc name=h.example ip=192.0.2.1 by=mx.example.org with=SMTP tls=no auth=no "
         "id=A "
         "for=\"a;b\"@example.org" WHEN},
    };

    check(cases, COUNT(cases));
}

static void strange(void **state)
{
    static const char *const cases[] = {
        "",  " ",   ";",      ("; " DATE), "hello world",     "from", "by", "(",
        ")", "(((", "from ;", "\t\n",      "with id for via", "<>",   "[]"};
    struct guard g = {0};
    struct received r;

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(received_parse(guard_str(&g, cases[i]), &r), RECEIVED_STRANGE);
    }
    assert_int_equal(received_parse(SPAN_NULL, &r), RECEIVED_STRANGE);
    guard_free(&g);
}

/* One past the limits is cut, at the limit is not; the time stays bounded for the worst input. */
static void limits(void **state)
{
    struct buf text = BUF_INIT(1 << 20);
    struct guard g = {0};
    struct received r;

    buf_add_str(&text, "by mx.example.org ");
    while (text.n < RECEIVED_TEXT_MAX)
        buf_add_char(&text, ' ');
    assert_int_equal(received_parse(guard_span(&g, buf_span(&text)), &r), RECEIVED_OK);
    buf_add_char(&text, ' ');
    assert_int_equal(received_parse(guard_span(&g, buf_span(&text)), &r), RECEIVED_CUT);
    assert_true(span_eq(r.by, SPAN_LIT("mx.example.org")));

    buf_clear(&text);
    buf_add_str(&text, "by a");
    for (unsigned i = 2; i < RECEIVED_TOKENS_MAX; i++)
        buf_add_str(&text, " x");
    assert_int_equal(received_parse(guard_span(&g, buf_span(&text)), &r), RECEIVED_OK);
    buf_add_str(&text, " x");
    assert_int_equal(received_parse(guard_span(&g, buf_span(&text)), &r), RECEIVED_CUT);

    for (const char *c = "([<\";\\ @="; *c; c++) {
        buf_clear(&text);
        for (unsigned i = 0; i < RECEIVED_TEXT_MAX; i++)
            buf_add_char(&text, i % 3 == 2 ? 'a' : *c);
        received_parse(guard_span(&g, buf_span(&text)), &r);
    }
    buf_deinit(&text);
    guard_free(&g);
}

static void nested_comments(void **state)
{
    struct buf text = BUF_INIT(10000);
    struct received r;

    for (unsigned depth = RECEIVED_NEST_MAX; depth <= RECEIVED_NEST_MAX + 1; depth++) {
        buf_clear(&text);
        buf_add_str(&text, "from pc (h.example [192.0.2.1] ");
        for (unsigned i = 1; i < depth; i++)
            buf_add_char(&text, '(');
        for (unsigned i = 0; i < depth; i++)
            buf_add_char(&text, ')');
        buf_add_str(&text, " by mx.example.org with SMTP id 1");
        assert_int_equal(received_parse(buf_span(&text), &r), RECEIVED_OK);
        assert_true(span_eq(r.by, SPAN_LIT("mx.example.org")));
        /* Deeper than anyone nests: the outer bracket is taken as text, and the name with it. */
        assert_int_equal(r.name.n != 0, depth == RECEIVED_NEST_MAX);
    }
    buf_deinit(&text);
}

static void dates(void **state)
{
    static const struct {
        const char *name, *text;
        int64_t wall;
        int zone;
    } cases[] = {
        {"standard", "Mon, 8 Oct 2001 14:00:00 +0200", 1002542400, 120},
        {"west", "Mon, 8 Oct 2001 05:00:00 -0700", 1002542400, -420},
        {"half hours", "Mon, 8 Oct 2001 17:30:00 +0530", 1002542400, 330},
        {"comment", "Mon, 8 Oct 2001 14:00:00 +0200 (CEST)", 1002542400, 120},
        {"no day name", "8 Oct 2001 12:00:00 -0000", 1002542400, 0},
        {"no comma", "Mon 8 Oct 2001 12:00:00 GMT", 1002542400, 0},
        {"no seconds", "Mon, 08 Oct 2001 12:00 UT", 1002542400, 0},
        {"no zone", "Mon, 8 Oct 2001 12:00:00", 1002542400, 0},
        {"named zone", "Mon, 8 Oct 2001 08:00:00 EDT", 1002542400, -240},
        {"unknown zone", "Mon, 8 Oct 2001 12:00:00 XYZT", 1002542400, 0},
        {"two-digit year", "Mon, 8 Oct 01 12:00:00 GMT", 1002542400, 0},
        {"three-digit year", "Mon, 8 Oct 101 12:00:00 GMT", 1002542400, 0},
        {"ctime", "Mon Oct  8 12:00:00 2001", 1002542400, 0},
        {"ctime with zone", "Mon Oct  8 14:00:00 2001 +0200", 1002542400, 120},
        {"hyphens", "8-Oct-2001 14:00:00 +0200", 1002542400, 120},
        {"long month", "8 October 2001 12:00:00 +0000", 1002542400, 0},
        {"folded", "\r\n\tMon,\r\n 8 Oct 2001 12:00:00 +0000", 1002542400, 0},
        {"fraction", "8 Oct 2001 12:00:00.123 +0000", 1002542400, 0},
        {"leap day", "29 Feb 2000 00:00:00 +0000", 951782400, 0},
        {"after a leap day", "1 Mar 2000 00:00:00 +0000", 951868800, 0},
        {"first day", "1 Jan 1970 00:00:00 +0000", 0, 0},
        {"last of a year", "31 Dec 2024 23:59:60 +0000", 1735689600, 0},
        {"future", "8 Oct 2126 12:00:00 +0000", 4947134400, 0},
    };
    static const char *const bad[] = {"",
                                      "Mon",
                                      "Mon, 8 Oct 2001",
                                      "12:00:00",
                                      "8 Oct 2001 12",
                                      "32 Oct 2001 12:00:00",
                                      "8 Oct 1969 12:00:00",
                                      "8 Oct 2001 12:60:00",
                                      "8 Oct 2001 25:00:00",
                                      "8 Oct 2001 1:2:3:4",
                                      "8 Foo 2001 12:00:00",
                                      "8 Oct 99999 12:00:00"};
    struct guard g = {0};
    int64_t wall;
    int zone;

    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        assert_true(received_date(guard_str(&g, cases[i].text), &wall, &zone));
        assert_int_equal(wall, cases[i].wall);
        assert_int_equal(zone, cases[i].zone);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        print_message("# bad: %s\n", bad[i]);
        assert_false(received_date(guard_str(&g, bad[i]), &wall, &zone));
    }
    guard_free(&g);
}

/* Every prefix of a line parses without harm, and what was found lies inside of it. */
static void prefixes(void **state)
{
    struct span whole = SPAN_LIT("from mail.example ([192.0.2.1]:4321 helo=\"pc\" ident=joe)\n\tby "
                                 "mx.example.org (10.0.0.1) "
                                 "with esmtps (TLS1.3) (Exim 4.96) (envelope-from <s@x>) id 1A for "
                                 "<\"a b\"@c> plus 3 more; " DATE);
    struct guard g = {0};

    for (size_t n = 0; n <= whole.n; n++) {
        struct span s = guard_span(&g, span_slice(whole, 0, n));
        struct received r;
        struct span all[] = {SPAN_NULL, SPAN_NULL, SPAN_NULL, SPAN_NULL, SPAN_NULL};

        received_parse(s, &r);
        all[0] = r.helo;
        all[1] = r.by;
        all[2] = r.with;
        all[3] = r.rcpt;
        all[4] = r.sender;
        for (size_t i = 0; i < COUNT(all); i++)
            assert_true(!all[i].n || (all[i].p >= s.p && all[i].p + all[i].n <= s.p + s.n));
    }
    guard_free(&g);
}

static void every_writer_has_a_name(void **state)
{
    for (unsigned i = 0; i < RECEIVED_WRITERS; i++)
        assert_true(received_writer_name((enum received_writer)i)[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile),
        cmocka_unit_test(strange),
        cmocka_unit_test(limits),
        cmocka_unit_test(nested_comments),
        cmocka_unit_test(dates),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(every_writer_has_a_name),
    };

    return cmocka_run_group_tests_name("received", tests, NULL, NULL);
}
