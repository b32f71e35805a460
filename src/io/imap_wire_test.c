/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/imap_wire.h"

#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Responses found in `in`, each with a | behind it; "bad" when it broke. `step` bytes at a time. */
static const char *frames(struct span in, size_t step, struct buf *out)
{
    struct imap_wire w;

    buf_clear(out);
    imap_wire_init(&w);
    for (size_t at = 0; at < in.n; at += step) {
        struct span piece = span_slice(in, at, at + step), line;
        int got;

        while ((got = imap_wire_feed(&w, &piece, &line)) == IMAP_WIRE_LINE) {
            buf_add(out, line);
            buf_add_char(out, '|');
        }
        if (got == IMAP_WIRE_BAD) {
            buf_add_str(out, "bad");
            break;
        }
        assert_int_equal(got, IMAP_WIRE_MORE);
        assert_int_equal(piece.n, 0);
    }
    imap_wire_deinit(&w);
    return buf_str(out);
}

static void framing(void **state)
{
    static const struct {
        const char *name, *in, *want;
    } cases[] = {
        {"one line", "* OK hi\r\n", "* OK hi|"},
        {"bare LF", "* OK hi\n", "* OK hi|"},
        {"two lines", "* 1 EXISTS\r\nA OK\r\n", "* 1 EXISTS|A OK|"},
        {"unfinished", "* OK hi\r\nA O", "* OK hi|"},
        {"literal", "* 1 FETCH (B {3}\r\na\nb)\r\nA OK\r\n", "* 1 FETCH (B {3}\r\na\nb)|A OK|"},
        {"literal that looks like the end", "* 1 FETCH (B {6}\r\nA OK\r\n)\r\nA OK x\r\n",
         "* 1 FETCH (B {6}\r\nA OK\r\n)|A OK x|"},
        {"two literals", "* {1}\r\nx {2}\r\nyz\r\nA OK\r\n", "* {1}\r\nx {2}\r\nyz|A OK|"},
        {"empty literal", "* {0}\r\n\r\nA OK\r\n", "* {0}\r\n|A OK|"},
        {"literal whose text ends in a brace", "* {3}\r\n{9}\r\nA OK\r\n", "* {3}\r\n{9}|A OK|"},
        {"literal8", "* ~{2}\r\n\r\n)\r\n", "* ~{2}\r\n\r\n)|"},
        {"non-synchronizing", "* {2+}\r\n\r\n)\r\n", "* {2+}\r\n\r\n)|"},
        {"no literal", "* {x}\r\n* {}\r\n* }\r\n* {3} \r\n", "* {x}|* {}|* }|"},
        {"empty line", "\r\n\n", "||"},
    };
    struct buf out = BUF_INIT(10000);
    struct guard g = {0};
    unsigned wrong = 0;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span in = guard_str(&g, cases[i].in);

        for (size_t step = 1; step <= in.n; step++) {
            if (strcmp(frames(in, step, &out), cases[i].want) != 0) {
                print_error("%s by %zu:\n  got  %s\n  want %s\n", cases[i].name, step,
                            buf_str(&out), cases[i].want);
                wrong++;
                break;
            }
        }
    }
    guard_free(&g);
    buf_deinit(&out);
    assert_int_equal(wrong, 0);
}

static void limits(void **state)
{
    struct buf in = BUF_INIT(1 << 23);
    struct imap_wire w;

    for (size_t more = 0; more < 2; more++) {
        struct span rest, line = SPAN_NULL;

        buf_clear(&in);
        while (in.n < IMAP_WIRE_MAX - 1 + more)
            buf_add_char(&in, 'x');
        buf_add_char(&in, '\n');
        imap_wire_init(&w);
        rest = buf_span(&in);
        assert_int_equal(imap_wire_feed(&w, &rest, &line), more ? IMAP_WIRE_BAD : IMAP_WIRE_LINE);
        imap_wire_deinit(&w);
    }
    /* A literal announced as larger than anything we take is read no further than the limit. */
    buf_clear(&in);
    buf_add_str(&in, "* 1 FETCH (BODY[] {99999999999999999999999}\r\n* {18446744073709551615}\r\n");
    while (in.n < (4 << 20))
        buf_add_str(&in, "line\r\n");
    struct span rest = buf_span(&in), line;
    int got;
    imap_wire_init(&w);
    while ((got = imap_wire_feed(&w, &rest, &line)) == IMAP_WIRE_LINE)
        assert_false(span_starts(line, SPAN_LIT("line")));
    assert_int_equal(got, IMAP_WIRE_BAD);
    imap_wire_deinit(&w);
    buf_deinit(&in);
}

static const char *show(struct span response, struct buf *out)
{
    static const char *const names[] = {"other", "ok",     "no",    "bad",        "+",
                                        "bye",   "search", "fetch", "uidvalidity"};
    struct imap_uids uids = {0};
    struct imap_response r;

    buf_clear(out);
    assert_int_equal(imap_wire_read(response, SPAN_LIT("A7"), &uids, &r), 0);
    buf_add_str(out, names[r.kind]);
    for (size_t i = 0; i < uids.count; i++)
        buf_addf(out, " %u", uids.v[i]);
    if (r.text.n)
        buf_addf(out, " \"%.*s\"", SPAN_ARG(r.text));
    if (r.value)
        buf_addf(out, " =%u", r.value);
    if (r.uid)
        buf_addf(out, " uid=%u", r.uid);
    if (r.size)
        buf_addf(out, " size=%llu", (unsigned long long)r.size);
    if (r.has_body)
        buf_addf(out, " <%.*s>", SPAN_ARG(r.body));
    free(uids.v);
    return buf_str(out);
}

static void responses(void **state)
{
    static const struct {
        const char *name, *in, *want;
    } cases[] = {
        {"tagged ok", "A7 OK [READ-ONLY] done", "ok \"[READ-ONLY] done\""},
        {"tagged no", "A7 NO [NONEXISTENT] no such mailbox",
         "no \"[NONEXISTENT] no such mailbox\""},
        {"tagged bad", "A7 BAD syntax", "bad \"syntax\""},
        {"another tag", "A8 OK x", "other"},
        {"tag in another case", "a7 OK x", "other"},
        {"go on", "+ idling", "+"},
        {"bye", "* BYE going down", "bye \"going down\""},
        {"uidvalidity", "* OK [UIDVALIDITY 1234567] ids", "uidvalidity =1234567"},
        {"uidvalidity over 32 bits", "* OK [UIDVALIDITY 4294967296] ids", "other"},
        {"exists", "* 17 EXISTS", "other"},
        {"search", "* SEARCH 1 22 333", "search 1 22 333"},
        {"search in lower case", "* search 5", "search 5"},
        {"search, nothing", "* SEARCH", "search"},
        {"search with modseq", "* SEARCH 5 (MODSEQ 9)", "search 5"},
        {"fetch", "* 3 FETCH (UID 9 RFC822.SIZE 20 BODY[HEADER]<0> {5}\r\nA: 1\n)",
         "fetch uid=9 size=20 <A: 1\n>"},
        {"fetch, uid last", "* 3 FETCH (BODY[] {3}\r\n)\r\n UID 9)", "fetch uid=9 <)\r\n>"},
        {"fetch with flags", "* 3 FETCH (FLAGS (\\Seen $X) UID 9)", "fetch uid=9"},
        {"fetch, quoted", "* 3 FETCH (UID 9 BODY[] \"a \\\"b\")", "fetch uid=9 <a \\\"b>"},
        {"fetch, nil", "* 3 FETCH (UID 9 BODY[] NIL)", "fetch uid=9 <>"},
        {"fetch of fields", "* 3 FETCH (BODY[HEADER.FIELDS (A B)] {2}\r\nxy UID 9)",
         "fetch uid=9 <xy>"},
        {"fetch, nested value", "* 3 FETCH (X (a (b \")\") {1}\r\n)) UID 9)", "fetch uid=9"},
        {"fetch, literal cut short", "* 3 FETCH (UID 9 BODY[] {5}\r\nab)", "fetch uid=9"},
        {"fetch, never closed", "* 3 FETCH (UID 9 X (((", "fetch uid=9"},
        {"fetch of nothing", "* 3 FETCH", "other"},
        {"text that looks like an item", "* 3 FETCH (BODY[] {8}\r\n) UID 7 UID 9)",
         "fetch uid=9 <) UID 7 >"},
        {"uid 0 is none", "* 3 FETCH (UID 0)", "fetch"},
        {"empty", "", "other"},
        {"star alone", "*", "other"},
    };
    struct buf out = BUF_INIT(10000);
    struct guard g = {0};
    unsigned wrong = 0;

    for (size_t i = 0; i < COUNT(cases); i++) {
        if (strcmp(show(guard_str(&g, cases[i].in), &out), cases[i].want) != 0) {
            print_error("%s:\n  got  %s\n  want %s\n", cases[i].name, buf_str(&out), cases[i].want);
            wrong++;
        }
        for (size_t n = 0; n < strlen(cases[i].in); n++)
            show(guard_span(&g, span_of(cases[i].in, n)), &out);
    }
    guard_free(&g);
    buf_deinit(&out);
    assert_int_equal(wrong, 0);
}

static void commands(void **state)
{
    struct buf out = BUF_INIT(1000);

    assert_true(imap_wire_quote(&out, SPAN_LIT("a \"b\" \\c")));
    assert_string_equal(buf_str(&out), "\"a \\\"b\\\" \\\\c\"");
    assert_false(imap_wire_quote(&out, SPAN_LIT("a\r\nLOGOUT")));
    assert_false(imap_wire_quote(&out, SPAN_LIT("\xc3\xa4")));
    buf_clear(&out);
    imap_wire_date(&out, 1002542400);
    imap_wire_date(&out, 951782399 + 1);
    imap_wire_date(&out, 0);
    imap_wire_date(&out, -1);
    assert_string_equal(buf_str(&out), "8-Oct-200129-Feb-20001-Jan-197031-Dec-1969");
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(framing),
        cmocka_unit_test(limits),
        cmocka_unit_test(responses),
        cmocka_unit_test(commands),
    };

    return cmocka_run_group_tests_name("imap_wire", tests, NULL, NULL);
}
