/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/mime.h"

#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* "depth type/subtype [!] <body>;" for each part; ! is a part of somebody's message. */
static const char *show(struct span message, struct buf *out)
{
    struct mime_iter it;
    struct mime_part part;
    enum mime_got got;

    buf_clear(out);
    mime_open(&it, message);
    while ((got = mime_next(&it, &part)) == MIME_PART) {
        buf_addf(out, "%u %.*s/%.*s%s", part.depth, SPAN_ARG(part.type), SPAN_ARG(part.subtype),
                 part.in_message ? "!" : "");
        if (!span_eq_nocase(part.type, SPAN_LIT("multipart")) &&
            !mime_is(&part, "message", "rfc822")) {
            buf_add_str(out, " <");
            mime_decode(&part, out);
            buf_add_str(out, ">");
        }
        buf_add_char(out, ';');
    }
    assert_int_equal(mime_next(&it, &part), got);
    buf_add_str(out, got == MIME_END ? "" : "limit");
    return buf_str(out);
}

#define MIXED "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n"

static void parts(void **state)
{
    static const struct {
        const char *name, *in, *want;
    } cases[] = {
        {"empty", "", "0 text/plain <>;"},
        {"no type", "A: 1\r\n\r\nx", "0 text/plain <x>;"},
        {"type", "Content-Type: TEXT/Html; charset=x\r\n\r\nx", "0 TEXT/Html <x>;"},
        {"broken type", "Content-Type: text\r\n\r\nx", "0 text/plain <x>;"},
        {"type with a comment", "Content-Type: text/html (a;b) ; c=d\n\nx", "0 text/html <x>;"},
        {"mixed", MIXED "pre\r\n--b\r\n\r\nx\r\n--b\r\nA: 1\r\n\r\ny\r\n--b--\r\npost",
         "0 multipart/mixed;1 text/plain <x>;1 text/plain <y>;"},
        {"LF", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n",
         "0 multipart/mixed;1 text/plain <x>;"},
        {"blanks behind the boundary", MIXED "--b \t\r\n\r\nx\r\n--b-- \r\n",
         "0 multipart/mixed;1 text/plain <x>;"},
        {"never closed", MIXED "--b\r\n\r\nx\r\n", "0 multipart/mixed;1 text/plain <x\r\n>;"},
        {"never opened", MIXED "x", "0 multipart/mixed;"},
        {"closed at once", MIXED "--b--\r\nx", "0 multipart/mixed;"},
        {"longer boundary is text", MIXED "--b\r\n\r\n--bc\r\n--b--",
         "0 multipart/mixed;1 text/plain "
         "<--bc>;"},
        {"empty part", MIXED "--b\r\n--b\r\n\r\n--b--",
         "0 multipart/mixed;1 text/plain <>;1 "
         "text/plain <>;"},
        {"no boundary told", "Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\nx\r\n--b--",
         "0 multipart/mixed;"},
        {"nested",
         "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative;\n "
         "boundary = \"b c\"\n\n--b c\n\nx\n--b c--\n--a\n\ny\n--a--\n",
         "0 multipart/mixed;1 multipart/alternative;2 text/plain <x>;1 text/plain <y>;"},
        {"inner part never closed",
         "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: "
         "multipart/mixed; boundary=b\n\n--b\n\nx\n--a\n\ny\n--a--\n",
         "0 multipart/mixed;1 multipart/mixed;2 text/plain <x>;1 text/plain <y>;"},
        {"message",
         MIXED "--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: "
               "text/html\r\n\r\nx\r\n--b--",
         "0 multipart/mixed;1 message/rfc822;2 text/html! <x>;"},
        {"multipart in a message",
         "Content-Type: message/rfc822\n\nContent-Type: multipart/mixed; "
         "boundary=b\n\n--b\n\nx\n--b--",
         "0 message/rfc822;1 multipart/mixed!;2 text/plain! <x>;"},
        {"message in base64 stays shut",
         "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQQ==",
         "0 message/rfc822;"},
        {"digest", "Content-Type: multipart/digest; boundary=b\n\n--b\n\nA: 1\n\nx\n--b--",
         "0 multipart/digest;1 message/rfc822;2 text/plain! <x>;"},
        {"base64", "Content-Transfer-Encoding: BASE64\n\nSGVs\r\nbG8s I!Hdvcmxk\n",
         "0 text/plain "
         "<Hello, world>;"},
        {"base64 padded", "Content-Transfer-Encoding: base64\n\nQUI=\nQUI=", "0 text/plain <AB>;"},
        {"quoted", "Content-Transfer-Encoding: quoted-printable\n\na=3Db=\r\nc=  \nd=zz=4=",
         "0 text/plain <a=bcd=zz=4>;"},
        {"8bit", "Content-Transfer-Encoding: 8bit\n\n=41", "0 text/plain <=41>;"},
    };
    struct guard g = {0};
    struct buf out = BUF_INIT(10000);
    unsigned wrong = 0;

    for (size_t i = 0; i < COUNT(cases); i++) {
        if (strcmp(show(guard_str(&g, cases[i].in), &out), cases[i].want) != 0) {
            print_error("%s:\n  got  %s\n  want %s\n", cases[i].name, buf_str(&out), cases[i].want);
            wrong++;
        }
        for (size_t n = 0; n < strlen(cases[i].in); n++)
            show(guard_span(&g, span_of(cases[i].in, n)), &out);
    }
    buf_deinit(&out);
    guard_free(&g);
    assert_int_equal(wrong, 0);
}

static void params(void **state)
{
    static const struct {
        const char *name, *in, *want;
    } cases[] = {
        {"bare", "a=1; b=2", "2"},
        {"first of two", "b=1; b=2", "1"},
        {"case", "B=2", "2"},
        {"quoted", "b=\"x;y\"", "x;y"},
        {"quoted semicolon before", "a=\"b=1;\"; b=2", "2"},
        {"blanks around", " ; b = 2 ", "2"},
        {"comment", "b=2 (c; b=3)", "2"},
        {"none", "a=1", ""},
        {"no value", "b=", ""},
        {"no equals", "b", ""},
        {"unclosed quote", "b=\"x", "x"},
        {"lone quote", "b=\"", ""},
        {"escape at the end", "b=\"\\", "\\"},
    };
    struct guard g = {0};
    unsigned wrong = 0;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span got = mime_param(guard_str(&g, cases[i].in), "b");

        if (!span_eq(got, span_str(cases[i].want))) {
            print_error("%s: got \"%.*s\"\n", cases[i].name, SPAN_ARG(got));
            wrong++;
        }
    }
    guard_free(&g);
    assert_int_equal(wrong, 0);
}

static enum mime_got count(const struct buf *m, unsigned *ret_parts)
{
    struct mime_iter it;
    struct mime_part part;
    enum mime_got got;

    *ret_parts = 0;
    mime_open(&it, buf_span(m));
    while ((got = mime_next(&it, &part)) == MIME_PART)
        ++*ret_parts;
    return got;
}

static void limits(void **state)
{
    struct buf m = BUF_INIT(1 << 20);
    unsigned n;

    for (unsigned more = 0; more < 2; more++) {
        buf_clear(&m);
        buf_add_str(&m, MIXED);
        for (unsigned i = 1; i < MIME_PARTS_MAX + more; i++)
            buf_add_str(&m, "--b\r\n\r\nx\r\n");
        assert_int_equal(count(&m, &n), more ? MIME_LIMIT : MIME_END);
        assert_int_equal(n, MIME_PARTS_MAX);

        buf_clear(&m);
        for (unsigned i = 0; i < MIME_DEPTH_MAX + more; i++)
            buf_add_str(&m, "Content-Type: message/rfc822\n\n");
        buf_add_str(&m, "\nx");
        assert_int_equal(count(&m, &n), more ? MIME_LIMIT : MIME_END);
        assert_int_equal(n, MIME_DEPTH_MAX + 1);

        buf_clear(&m);
        buf_add_str(&m, "Content-Type: multipart/mixed; boundary=");
        for (unsigned i = 0; i < MIME_BOUNDARY_MAX + more; i++)
            buf_add_char(&m, 'b');
        buf_add_str(&m, "\n\n--");
        for (unsigned i = 0; i < MIME_BOUNDARY_MAX + more; i++)
            buf_add_char(&m, 'b');
        buf_add_str(&m, "\n\nx\n");
        assert_int_equal(count(&m, &n), MIME_END);
        assert_int_equal(n, more ? 1 : 2);
    }
    buf_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts),
        cmocka_unit_test(params),
        cmocka_unit_test(limits),
    };

    return cmocka_run_group_tests_name("mime", tests, NULL, NULL);
}
