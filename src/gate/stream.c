/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two framings. Dots: smtp/dot writes them, and ends every line by CRLF. Chunks (RFC 3030): text as
 * it is, counted; a message that does not end in CRLF stays one. What the client used makes no
 * difference to what the backend gets, but for that last CRLF.
 *
 * Cleaning puts a space in the place of what is no line end and no text, as Sendmail and Postfix
 * do: the length stays, so that SIZE and what was announced still fit.
 */
#include "gate/stream.h"

#include <string.h>

void gate_stream_init(struct gate_stream *s, enum gate_frame frame, bool clean)
{
    *s = (struct gate_stream){
        .frame = frame,
        .clean = clean,
        .held = BUF_INIT(GATE_STREAM_CHUNK * 8),
    };
}

void gate_stream_deinit(struct gate_stream *s)
{
    buf_deinit(&s->held);
}

static void put(struct gate_stream *s, struct span text, struct buf *out)
{
    if (s->frame == GATE_FRAME_DOTS)
        smtp_dot_write(&s->dot, text, out);
    else
        buf_add(&s->held, text);
}

static void put_clean(struct gate_stream *s, struct span text, struct buf *out)
{
    size_t from = 0;

    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        bool was_cr = s->cr;

        s->cr = false;
        if (was_cr)
            put(s, c == '\n' ? SPAN_LIT("\r\n") : SPAN_LIT(" "), out);
        if (c == '\r' || (c == '\n' && was_cr) || c == '\n' || c == '\0') {
            put(s, span_slice(text, from, i), out);
            from = i + 1;
            s->cr = c == '\r';
            if (c == '\0' || (c == '\n' && !was_cr))
                put(s, SPAN_LIT(" "), out);
        }
    }
    put(s, span_slice(text, from, text.n), out);
}

void gate_stream_write(struct gate_stream *s, struct span text, struct buf *out)
{
    if (s->clean)
        put_clean(s, text, out);
    else
        put(s, text, out);
}

bool gate_stream_full(const struct gate_stream *s)
{
    return s->held.n >= GATE_STREAM_CHUNK;
}

void gate_stream_chunk(struct gate_stream *s, bool last, struct buf *out)
{
    buf_addf(out, "BDAT %zu%s\r\n", buf_span(&s->held).n, last ? " LAST" : "");
    buf_add(out, buf_span(&s->held));
    if (s->held.err)
        out->err = s->held.err;
    buf_clear(&s->held);
}

void gate_stream_end(struct gate_stream *s, struct buf *out)
{
    if (s->cr)
        put(s, SPAN_LIT(" "), out);
    s->cr = false;
    if (s->frame == GATE_FRAME_DOTS)
        smtp_dot_close(&s->dot, out);
}
