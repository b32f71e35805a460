/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first byte says how long the pieces are. What is sent comes back as the same lines, and the
 * end of data is where the five octets first stand, however the text was cut.
 */
#include "smtp/dot.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool receive(struct span in, size_t step, struct buf *text, size_t *ret_used)
{
    struct smtp_dot_in d = {0};

    for (size_t at = 0; at < in.n; at += step) {
        struct span cut = span_slice(in, at, at + step), piece;
        enum smtp_dot_got got;

        while ((got = smtp_dot_read(&d, &cut, &piece)) == SMTP_DOT_PIECE)
            buf_add(text, piece);
        *ret_used = (size_t)(cut.p - in.p);
        if (got == SMTP_DOT_DONE)
            return true;
    }
    return false;
}

/* What smtp_text_look() has to find, octet by octet. */
static void look_slowly(struct span in, struct smtp_text_seen *seen)
{
    bool cr = false;

    for (size_t i = 0; i < in.n; i++) {
        unsigned char c = (unsigned char)in.p[i];

        seen->bare_lf += c == '\n' && !cr;
        seen->bare_cr += c != '\n' && cr;
        seen->nul += c == 0;
        seen->high += c > 127;
        cr = c == '\r';
    }
    seen->bare_cr += cr;
}

static void check_look(struct span in, size_t step)
{
    struct smtp_text_seen fast = {0}, slow = {0};

    for (size_t at = 0; at < in.n; at += step)
        smtp_text_look(&fast, span_slice(in, at, at + step));
    smtp_text_end(&fast);
    look_slowly(in, &slow);
    if (fast.bare_lf != slow.bare_lf || fast.bare_cr != slow.bare_cr || fast.nul != slow.nul ||
        fast.high != slow.high || fast.octets != in.n)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf text = BUF_INIT(4 << 20), wire = BUF_INIT(4 << 20), back = BUF_INIT(4 << 20);
    struct span in = size ? span_of(data + 1, size - 1) : SPAN_NULL;
    struct smtp_dot_out out = {0};
    size_t step = size ? data[0] + 1u : 1, used = 0;
    const char *end = in.n ? memmem(in.p, in.n, "\r\n.\r\n", 5) : NULL;

    check_look(in, step);
    if (receive(in, step, &text, &used)) {
        bool at_once = span_starts(in, SPAN_LIT(".\r\n"));

        if (!at_once && (!end || used != (size_t)(end - in.p) + 5))
            abort();
    } else if (end) {
        abort();
    }
    smtp_dot_write(&out, buf_span(&text), &wire);
    smtp_dot_close(&out, &wire);
    if (!receive(buf_span(&wire), step, &back, &used) || used != wire.n)
        abort();
    for (size_t i = 0; i < back.n; i++)
        if ((back.p[i] == '\n') != (i > 0 && back.p[i - 1] == '\r'))
            abort();
    buf_deinit(&text);
    buf_deinit(&wire);
    buf_deinit(&back);
    return 0;
}
