/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/gunzip.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

enum { LONG = 3000001, PACKED_MAX = 1 << 20 };

/* A gzip member behind what is there; the new length. */
static size_t pack(char *to, size_t at, const char *text, size_t n)
{
    z_stream z = {0};

    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)text;
    z.avail_in = (uInt)n;
    z.next_out = (Bytef *)to + at;
    z.avail_out = (uInt)(PACKED_MAX - at);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    at = PACKED_MAX - z.avail_out;
    deflateEnd(&z);
    return at;
}

static char packed[PACKED_MAX];

static void expect(size_t n, size_t max, int want, const char *text, size_t text_n)
{
    size_t got_n = 0;
    char *got = NULL;

    assert_int_equal(gunzip(span_of(packed, n), max, &got, &got_n), want);
    if (want == 0) {
        assert_int_equal(got_n, text_n);
        assert_memory_equal(got, text, text_n);
        assert_int_equal(got[got_n], '\0');
    }
    free(got);
}

static void one_member_and_two(void **state)
{
    size_t n = pack(packed, 0, "192.0.2.1\n", 10);

    assert_true(gunzip_is(span_of(packed, n)));
    assert_false(gunzip_is(SPAN_LIT("192.0.2.1")));
    assert_false(gunzip_is(SPAN_LIT("\x1f\x8b")));
    expect(n, 10, 0, "192.0.2.1\n", 10);
    expect(n, 9, -EFBIG, NULL, 0);
    for (size_t cut = 0; cut < n; cut++)
        expect(cut, 100, -EBADMSG, NULL, 0);
    n = pack(packed, n, "192.0.2.2\n", 10);
    expect(n, 20, 0, "192.0.2.1\n192.0.2.2\n", 20);
    expect(n - 1, 20, -EBADMSG, NULL, 0);
    packed[n - 5] ^= 1; /* the second member's checksum */
    expect(n, 20, -EBADMSG, NULL, 0);
}

static void long_text(void **state)
{
    char *text = malloc(LONG);
    size_t n;

    assert_non_null(text);
    for (size_t i = 0; i < LONG; i++)
        text[i] = (char)('a' + i % 23);
    n = pack(packed, 0, text, LONG);
    expect(n, LONG, 0, text, LONG);
    expect(n, LONG - 1, -EFBIG, NULL, 0);
    expect(n, 1000, -EFBIG, NULL, 0);
    n = pack(packed, n, "", 0);
    expect(n, LONG, 0, text, LONG);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_member_and_two),
        cmocka_unit_test(long_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
