/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/escape.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void outlets(void **state)
{
    static const struct {
        const char *name, *in, *text, *log, *html, *uri;
    } cases[] = {
        {"plain", "abc", "abc", "abc", "abc", "abc"},
        {"empty", "", "", "\"\"", "", ""},
        {"space", "a b", "a b", "\"a b\"", "a b", "a%20b"},
        {"line end", "a\r\n", "a\\r\\n", "\"a\\r\\n\"", "a\\r\\n", "a%0D%0A"},
        {"bare lf and tab", "\n\t", "\\n\\t", "\"\\n\\t\"", "\\n\\t", "%0A%09"},
        {"backslash", "a\\b", "a\\\\b", "a\\\\b", "a\\\\b", "a%5Cb"},
        {"terminal sequence", "\x1b[2J", "\\x1b[2J", "\"\\x1b[2J\"", "\\x1b[2J", "%1B%5B2J"},
        {"delete", "\x7f", "\\x7f", "\"\\x7f\"", "\\x7f", "%7F"},
        {"high", "\xc3\xa9", "\\xc3\\xa9", "\"\\xc3\\xa9\"", "\\xc3\\xa9", "%C3%A9"},
        {"log forgery", "x verdict=closed", "x verdict=closed", "\"x verdict=closed\"",
         "x verdict=closed", "x%20verdict%3Dclosed"},
        {"quote", "a\"b", "a\"b", "\"a\\\"b\"", "a&quot;b", "a%22b"},
        {"markup", "<b a='1'>&", "<b a='1'>&", "\"<b a='1'>&\"", "&lt;b a=&#39;1&#39;&gt;&amp;",
         "%3Cb%20a%3D%271%27%3E%26"},
        {"address", "u%d@[192.0.2.1]", "u%d@[192.0.2.1]", "u%d@[192.0.2.1]", "u%d@[192.0.2.1]",
         "u%25d%40%5B192.0.2.1%5D"},
        {"unreserved", "-._~", "-._~", "-._~", "-._~", "-._~"},
    };
    struct buf b = BUF_INIT(1000);

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span in = span_str(cases[i].in);

        print_message("# %s\n", cases[i].name);
        escape_text(&b, in);
        assert_string_equal(buf_str(&b), cases[i].text);
        buf_clear(&b);
        escape_log(&b, in);
        assert_string_equal(buf_str(&b), cases[i].log);
        buf_clear(&b);
        escape_html(&b, in);
        assert_string_equal(buf_str(&b), cases[i].html);
        buf_clear(&b);
        escape_uri(&b, in);
        assert_string_equal(buf_str(&b), cases[i].uri);
        buf_clear(&b);
    }
    buf_deinit(&b);
}

static void every_byte_there_and_back(void **state)
{
    char all[256];
    struct buf text = BUF_INIT(2000), back = BUF_INIT(256);

    for (size_t i = 0; i < 256; i++)
        all[i] = (char)i;
    escape_text(&text, span_of(all, 256));
    for (size_t i = 0; i < text.n; i++)
        assert_true(text.p[i] >= ' ' && text.p[i] <= '~');
    assert_true(escape_undo(&back, buf_span(&text)));
    assert_int_equal(back.n, 256);
    assert_memory_equal(back.p, all, 256);
    buf_deinit(&text);
    buf_deinit(&back);
}

/* RFC 4648 §10, and the two characters that are no letters or digits. */
static void base64(void **state)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xef\xff", "++//"},
    };
    struct buf b = BUF_INIT(100);

    for (size_t i = 0; i < COUNT(cases); i++) {
        escape_base64(&b, span_str(cases[i].in));
        assert_string_equal(buf_str(&b), cases[i].want);
        buf_clear(&b);
    }
    escape_base64(&b, span_of("\0a\0b", 4)); /* "\0user\0password" of AUTH PLAIN */
    assert_string_equal(buf_str(&b), "AGEAYg==");
    buf_deinit(&b);
}

static void undo_refuses(void **state)
{
    static const char *const bad[] = {"\\",    "a\\",   "\\q",  "\\x",  "\\x1",
                                      "\\x1g", "\\xg1", "\\\"", "\\X41"};
    struct buf b = BUF_INIT(100);

    for (size_t i = 0; i < COUNT(bad); i++) {
        print_message("# %s\n", bad[i]);
        assert_false(escape_undo(&b, span_str(bad[i])));
        buf_clear(&b);
    }
    assert_true(escape_undo(&b, SPAN_LIT("\\x4A\\x4a")));
    assert_string_equal(buf_str(&b), "JJ");
    buf_deinit(&b);
}

static void uri_there_and_back(void **state)
{
    static const char *const bad[] = {"%", "a%", "%4", "%g1", "%1g", "%%41"};
    struct buf b = BUF_INIT(300), back = BUF_INIT(100);
    char all[64];

    for (unsigned first = 0; first < 256; first += sizeof(all)) {
        for (size_t i = 0; i < sizeof(all); i++)
            all[i] = (char)(first + i);
        buf_clear(&b);
        buf_clear(&back);
        escape_uri(&b, span_of(all, sizeof(all)));
        assert_true(escape_uri_undo(&back, buf_span(&b)));
        assert_true(span_eq(buf_span(&back), span_of(all, sizeof(all))));
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        print_message("# %s\n", bad[i]);
        buf_clear(&back);
        assert_false(escape_uri_undo(&back, span_str(bad[i])));
    }
    buf_deinit(&b);
    buf_deinit(&back);
}

static void too_long_is_an_error(void **state)
{
    struct buf b = BUF_INIT(4);

    escape_text(&b, SPAN_LIT("\x01"));
    assert_int_equal(b.err, 0);
    buf_clear(&b);
    escape_text(&b, SPAN_LIT("a\x01"));
    assert_int_equal(b.err, -EMSGSIZE);
    assert_false(escape_undo(&b, SPAN_LIT("")));
    buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outlets),
        cmocka_unit_test(every_byte_there_and_back),
        cmocka_unit_test(base64),
        cmocka_unit_test(undo_refuses),
        cmocka_unit_test(uri_there_and_back),
        cmocka_unit_test(too_long_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
