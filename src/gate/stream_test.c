/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each text goes in whole, octet by octet, and cut at each place: the same must come out. */
#include "gate/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *name;
    struct span in;
    bool clean;
    const char *dots, *chunk;
} cases[] = {
    {"lines", SPAN_LIT("a\r\nb\r\n"), false, "a\r\nb\r\n.\r\n", "BDAT 6 LAST\r\na\r\nb\r\n"},
    {"nothing", SPAN_LIT(""), false, ".\r\n", "BDAT 0 LAST\r\n"},
    {"dots", SPAN_LIT(".\r\n..\r\nx.\r\n"), false, "..\r\n...\r\nx.\r\n.\r\n",
     "BDAT 11 LAST\r\n.\r\n..\r\nx.\r\n"},
    {"no line end at the end", SPAN_LIT("a\r\nb"), false, "a\r\nb\r\n.\r\n",
     "BDAT 4 LAST\r\na\r\nb"},
    {"lone LF and its dot", SPAN_LIT("a\n.\r\nb\r\n"), true, "a .\r\nb\r\n.\r\n",
     "BDAT 8 LAST\r\na .\r\nb\r\n"},
    {"lone CR", SPAN_LIT("a\rb\r\r\n\r"), true, "a b \r\n \r\n.\r\n", "BDAT 7 LAST\r\na b \r\n "},
    {"NUL", SPAN_LIT("a\0b\r\n\0"), true, "a b\r\n \r\n.\r\n", "BDAT 6 LAST\r\na b\r\n "},
    {"the end in another spelling", SPAN_LIT("a\r\n\r.\r\nb\r\n"), true, "a\r\n .\r\nb\r\n.\r\n",
     "BDAT 10 LAST\r\na\r\n .\r\nb\r\n"},
};

static void run(size_t i, enum gate_frame frame, size_t cut, size_t step)
{
    struct gate_stream s;
    struct buf out = BUF_INIT(1000);
    const char *want = frame == GATE_FRAME_DOTS ? cases[i].dots : cases[i].chunk;

    gate_stream_init(&s, frame, cases[i].clean);
    for (size_t at = 0; at < cases[i].in.n; at += at < cut ? cut : step)
        gate_stream_write(&s, span_slice(cases[i].in, at, at + (at < cut ? cut : step)), &out);
    gate_stream_end(&s, &out);
    if (frame == GATE_FRAME_CHUNKS)
        gate_stream_chunk(&s, true, &out);
    if (strcmp(buf_str(&out), want))
        fail_msg("%s, cut %zu, step %zu: \"%s\"", cases[i].name, cut, step, buf_str(&out));
    gate_stream_deinit(&s);
    buf_deinit(&out);
}

static void test_frames(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t cut = 0; cut <= cases[i].in.n; cut++) {
            run(i, GATE_FRAME_DOTS, cut, 1000);
            run(i, GATE_FRAME_CHUNKS, cut, 1000);
        }
        run(i, GATE_FRAME_DOTS, 0, 1);
        run(i, GATE_FRAME_CHUNKS, 0, 1);
    }
}

/* Full at the limit, not one before. */
static void test_full(void **state)
{
    struct gate_stream s;
    struct buf out = BUF_INIT(1 << 20);
    static const char text[GATE_STREAM_CHUNK] = {1};

    gate_stream_init(&s, GATE_FRAME_CHUNKS, false);
    gate_stream_write(&s, span_of(text, GATE_STREAM_CHUNK - 1), &out);
    assert_false(gate_stream_full(&s));
    gate_stream_write(&s, span_of(text, 1), &out);
    assert_true(gate_stream_full(&s));
    gate_stream_chunk(&s, false, &out);
    assert_false(gate_stream_full(&s));
    assert_int_equal(out.n, GATE_STREAM_CHUNK + strlen("BDAT 16384\r\n"));
    gate_stream_deinit(&s);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
