/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/build.h"

#include "guard.h"
#include "mail/header.h"
#include "mail/received.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct build_token two[] = {
    {SPAN_LIT("OIAAAAAA2345"), SPAN_LIT("percent-host")},
    {SPAN_LIT("x.oibbbbbb2345"), SPAN_LIT("")},
};

static struct build sample(void)
{
    return (struct build){
        .date_wall = 1002542400,
        .zone_minutes = 120,
        .from = SPAN_LIT("postmaster@tester.example"),
        .to = SPAN_LIT("oiaaaaaa2345@probe.example"),
        .message_id = SPAN_LIT("0a1b.1@tester.example"),
        .run = SPAN_LIT("0a1b2c3d"),
        .target = SPAN_LIT("192.0.2.1"),
        .tester = SPAN_LIT("tester.example"),
        .contact = SPAN_LIT("abuse@tester.example"),
        .uri = SPAN_LIT("https://tester.example/.well-known/probing.txt"),
        .tokens = two,
        .token_count = COUNT(two),
    };
}

static void must_build(const struct build *b, struct buf *out)
{
    const char *which = NULL;

    buf_clear(out);
    assert_int_equal(build_message(b, out, &which), BUILD_OK);
    assert_null(which);
}

/* CRLF at each line and nowhere else, 7-bit, no dot in front; the longest line is returned. */
static size_t longest_line(struct span m)
{
    size_t longest = 0;
    struct span line;

    assert_true(m.n > 2 && m.p[m.n - 1] == '\n');
    while (m.n && span_cut(&m, '\n', &line)) {
        assert_true(line.n && line.p[line.n - 1] == '\r');
        line.n--;
        for (size_t i = 0; i < line.n; i++)
            assert_true((line.p[i] >= ' ' && line.p[i] <= '~') || line.p[i] == '\t');
        assert_true(line.n == 0 || line.p[0] != '.');
        if (line.n > longest)
            longest = line.n;
    }
    return longest;
}

static void fields(void **state)
{
    struct build b = sample();
    struct buf out = BUF_INIT(BUILD_MESSAGE_MAX);
    struct span m;

    must_build(&b, &out);
    m = buf_span(&out);
    assert_true(longest_line(m) <= MAIL_LINE_GOOD);
    assert_true(span_eq(header_value(m, "Date"), SPAN_LIT("Mon, 8 Oct 2001 14:00:00 +0200")));
    assert_true(span_eq(header_address(header_value(m, "From")), b.from));
    assert_true(span_eq(header_address(header_value(m, "To")), b.to));
    assert_true(span_eq(header_address(header_value(m, "Message-ID")), b.message_id));
    assert_true(span_eq(header_value(m, "Auto-Submitted"), SPAN_LIT("auto-generated")));
    assert_true(span_eq(header_value(m, "X-Postern-Description"), b.uri));
    assert_true(span_eq(header_value(m, "X-Postern-Contact"), b.contact));
    assert_int_equal(header_count(m, "Subject"), 1);
    assert_int_equal(header_count(m, "Received"), 0);
    assert_int_equal(header_count(m, "Precedence"), 0);
    assert_int_equal(header_count(m, "Return-Path"), 0);
    /* Each who, whom and how stands in words too. */
    assert_true(span_has_nocase(header_body(m), b.target));
    assert_true(span_has_nocase(header_body(m), b.tester));
    assert_true(span_has_nocase(header_body(m), b.contact));
    assert_true(span_has_nocase(header_body(m), b.uri));
    b.opt_out = SPAN_LIT("https://tester.example/stop");
    must_build(&b, &out);
    assert_true(span_has_nocase(header_body(buf_span(&out)), b.opt_out));
    buf_deinit(&out);
}

static void extra_goes_last_and_as_it_is(void **state)
{
    struct build b = sample();
    struct buf out = BUF_INIT(BUILD_MESSAGE_MAX);

    b.extra = SPAN_LIT("\n.\nMAIL FROM:<a@b>\r\n");
    must_build(&b, &out);
    assert_true(span_ends_nocase(buf_span(&out), b.extra));
    buf_deinit(&out);
}

static void dates(void **state)
{
    static const struct {
        int64_t wall;
        int zone;
        const char *want;
    } cases[] = {
        {0, 0, "Thu, 1 Jan 1970 00:00:00 +0000"},
        {0, -60, "Wed, 31 Dec 1969 23:00:00 -0100"},
        {951782400, 0, "Tue, 29 Feb 2000 00:00:00 +0000"},
        {951868799, 0, "Tue, 29 Feb 2000 23:59:59 +0000"},
        {951868800, 0, "Wed, 1 Mar 2000 00:00:00 +0000"},
        {1735689599, 330, "Wed, 1 Jan 2025 05:29:59 +0530"},
        {4102444800, -720, "Thu, 31 Dec 2099 12:00:00 -1200"},
    };
    struct buf out = BUF_INIT(BUILD_MESSAGE_MAX);
    struct build b = sample();

    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t wall;
        int zone;

        b.date_wall = cases[i].wall;
        b.zone_minutes = cases[i].zone;
        must_build(&b, &out);
        struct span date = header_value(buf_span(&out), "Date");
        assert_true(span_eq(date, span_str(cases[i].want)));
        if (cases[i].wall + cases[i].zone * 60 < 0)
            continue; /* our reader takes no year before 1970 */
        assert_true(received_date(date, &wall, &zone));
        assert_int_equal(wall, cases[i].wall);
        assert_int_equal(zone, cases[i].zone);
    }
    buf_deinit(&out);
}

static void bad_values(void **state)
{
    static const char *const evil[] = {"",        "a\r\nX: y", "a b@c",     "<a@b>",
                                       "a\x7f@b", "a@b\n",     "\xc3\xa4@b"};
    struct buf out = BUF_INIT(BUILD_MESSAGE_MAX);
    const char *which;

    for (size_t i = 0; i < COUNT(evil); i++) {
        struct build b = sample();
        struct build_token bad[] = {{.text = span_str(evil[i])}};
        struct {
            struct span *at;
            const char *name;
        } all[] = {
            {&b.from, "from"},       {&b.to, "to"},         {&b.message_id, "message-id"},
            {&b.run, "run"},         {&b.target, "target"}, {&b.tester, "tester"},
            {&b.contact, "contact"}, {&b.uri, "uri"},
        };

        for (size_t k = 0; k < COUNT(all); k++) {
            struct span good = *all[k].at;

            *all[k].at = span_str(evil[i]);
            assert_int_equal(build_message(&b, &out, &which), BUILD_BAD_VALUE);
            assert_string_equal(which, all[k].name);
            *all[k].at = good;
        }
        b.tokens = bad;
        b.token_count = 1;
        assert_int_equal(build_message(&b, &out, &which), BUILD_BAD_VALUE);
        assert_string_equal(which, "token");
    }
    assert_int_equal(out.n, 0);
    buf_deinit(&out);
}

static void more_bad_values(void **state)
{
    static const struct {
        const char *name, *message_id, *from;
        int zone;
        int64_t wall;
        const char *want;
    } cases[] = {
        {"two at signs", "a@b@c", "a@b", 0, 0, "message-id"},
        {"no right side", "a@", "a@b", 0, 0, "message-id"},
        {"semicolon would split the mark", "a;b@c", "a@b", 0, 0, "message-id"},
        {"no at sign", "a@b", "ab", 0, 0, "from"},
        {"zone", "a@b", "a@b", 1440, 0, "zone"},
        {"zone, west", "a@b", "a@b", -1440, 0, "zone"},
        {"year 10000", "a@b", "a@b", 0, 253402300800, "date"},
    };
    struct buf out = BUF_INIT(BUILD_MESSAGE_MAX);
    const char *which;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct build b = sample();

        print_message("# %s\n", cases[i].name);
        b.message_id = span_str(cases[i].message_id);
        b.from = span_str(cases[i].from);
        b.zone_minutes = cases[i].zone;
        b.date_wall = cases[i].wall;
        assert_int_equal(build_message(&b, &out, &which), BUILD_BAD_VALUE);
        assert_string_equal(which, cases[i].want);
    }
    buf_deinit(&out);
}

/* The longest values fold, and no line but a lone value is long. */
static void limits(void **state)
{
    static char local[64], host[255], longer[BUILD_VALUE_MAX + 1];
    static struct build_token many[BUILD_TOKENS_MAX + 1];
    struct buf out = BUF_INIT(BUILD_MESSAGE_MAX), name = BUF_INIT(1000);
    struct build b = sample();
    const char *which;

    memset(local, 'l', sizeof(local));
    memset(host, 'h', sizeof(host));
    memset(longer, 'x', sizeof(longer));
    buf_add(&name, span_of(local, sizeof(local)));
    buf_add_char(&name, '@');
    buf_add(&name, span_of(host, sizeof(host)));
    b.from = b.to = b.contact = b.message_id = buf_span(&name);
    b.run = b.target = b.tester = b.uri = span_of(longer, BUILD_VALUE_MAX);
    must_build(&b, &out);
    assert_true(longest_line(buf_span(&out)) <= BUILD_VALUE_MAX + 24);
    assert_true(span_eq(header_address(header_value(buf_span(&out), "From")), b.from));
    b.run = span_of(longer, BUILD_VALUE_MAX + 1);
    assert_int_equal(build_message(&b, &out, &which), BUILD_BAD_VALUE);

    b = sample();
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = (struct build_token){span_of(local, 64), span_of(longer, 60)};
    b.tokens = many;
    b.token_count = BUILD_TOKENS_MAX;
    must_build(&b, &out);
    assert_true(longest_line(buf_span(&out)) <= MAIL_LINE_GOOD);
    b.token_count++;
    assert_int_equal(build_message(&b, &out, &which), BUILD_TOO_MANY);
    buf_deinit(&out);

    struct buf small = BUF_INIT(100);
    b.token_count = 0;
    buf_add_str(&small, "before");
    assert_int_equal(build_message(&b, &small, NULL), -EMSGSIZE);
    assert_string_equal(buf_str(&small), "before");
    buf_deinit(&small);
    buf_deinit(&name);
}

static void copy_of_own_message(void **state)
{
    struct build b = sample();
    struct buf out = BUF_INIT(BUILD_MESSAGE_MAX);
    struct build_copy copy;
    bool found[2];

    must_build(&b, &out);
    assert_int_equal(build_copy_read(buf_span(&out), header_body(buf_span(&out)), &copy), 1);
    assert_true(copy.whole);
    assert_int_equal(copy.declared, 2);
    assert_int_equal(copy.count, 2);
    assert_true(span_eq(copy.run, b.run));
    assert_true(span_eq(copy.target, b.target));
    assert_true(span_eq(copy.message_id, b.message_id));
    assert_true(span_eq(copy.tokens[0].label, two[0].label));
    assert_int_equal(build_copy_compare(&copy, two, 2, found), 2);
    build_copy_deinit(&copy);
    build_copy_deinit(&copy);

    b.token_count = 0;
    must_build(&b, &out);
    assert_int_equal(build_copy_read(buf_span(&out), header_body(buf_span(&out)), &copy), 1);
    assert_true(copy.whole);
    build_copy_deinit(&copy);
    buf_deinit(&out);
}

static void copies_as_relays_leave_them(void **state)
{
    static const char mark[] =
        "x-postern-probe: run=1;target=[192.0.2.1] ;\n\ttokens=2; id=a@b\n\n";
    static const struct {
        const char *name, *body;
        size_t count;
        bool whole, first, second;
    } cases[] = {
        {"LF, lower case", "Token: oiaaaaaa2345 p\nToken: x.oibbbbbb2345\nEnd of tokens: 2\n", 2,
         true, true, true},
        {"quoted", "> Token: OIAAAAAA2345\n>> token: x.oibbbbbb2345\n> End of tokens: 2\n", 2, true,
         true, true},
        {"cut", "Token: oiaaaaaa2345 p\nToken: x.oibb", 2, false, true, false},
        {"cut before the list", "hello", 0, false, false, false},
        {"one line lost", "Token: x.oibbbbbb2345\nEnd of tokens: 2", 1, false, false, true},
        {"nothing after the end", "Token: oiaaaaaa2345\nEnd of tokens: 2\nToken: x.oibbbbbb2345\n",
         1, false, true, false},
        {"empty lines", "Token:\nToken: \n", 0, false, false, false},
        {"blank body", "", 0, false, false, false},
    };
    struct guard gh = {0}, gb = {0};
    struct build_copy copy;

    for (size_t i = 0; i < COUNT(cases); i++) {
        bool found[2];

        print_message("# %s\n", cases[i].name);
        assert_int_equal(
            build_copy_read(guard_str(&gh, mark), guard_str(&gb, cases[i].body), &copy), 1);
        assert_true(span_eq(copy.target, SPAN_LIT("[192.0.2.1]")));
        assert_int_equal(copy.count, cases[i].count);
        assert_int_equal(copy.whole, cases[i].whole);
        build_copy_compare(&copy, two, 2, found);
        assert_int_equal(found[0], cases[i].first);
        assert_int_equal(found[1], cases[i].second);
        build_copy_deinit(&copy);
    }
    assert_int_equal(build_copy_read(SPAN_LIT("A: 1\n\n"), SPAN_LIT("Token: a\n"), &copy), 0);
    assert_int_equal(copy.count, 0);
    guard_free(&gh);
    guard_free(&gb);
}

static void copy_is_bounded(void **state)
{
    struct buf body = BUF_INIT(1 << 20);
    struct build_copy copy;

    for (int i = 0; i < BUILD_TOKENS_MAX + 1; i++)
        buf_add_str(&body, "Token: a\n");
    assert_int_equal(build_copy_read(SPAN_LIT(BUILD_MARK_FIELD ": tokens=99999999999\n\n"),
                                     buf_span(&body), &copy),
                     1);
    assert_int_equal(copy.count, BUILD_TOKENS_MAX);
    assert_int_equal(copy.declared, 0);
    build_copy_deinit(&copy);
    buf_deinit(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),
        cmocka_unit_test(extra_goes_last_and_as_it_is),
        cmocka_unit_test(dates),
        cmocka_unit_test(bad_values),
        cmocka_unit_test(more_bad_values),
        cmocka_unit_test(limits),
        cmocka_unit_test(copy_of_own_message),
        cmocka_unit_test(copies_as_relays_leave_them),
        cmocka_unit_test(copy_is_bounded),
    };

    return cmocka_run_group_tests_name("build", tests, NULL, NULL);
}
