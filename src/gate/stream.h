/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A message's octets on their way to a backend: framed anew, so that no line end, dot or chunk
 * size that a client wrote is ever read by the backend.
 */
#ifndef POSTERN_GATE_STREAM_H
#define POSTERN_GATE_STREAM_H

#include "smtp/dot.h"

enum {
    GATE_STREAM_CHUNK = 16384, /* octets gathered into one BDAT */
};

enum gate_frame { GATE_FRAME_DOTS, GATE_FRAME_CHUNKS };

struct gate_stream {
    enum gate_frame frame;
    bool clean; /* lone CR, lone LF and NUL become a space */
    bool cr;    /* clean: a CR is held until it is known what it is */
    struct smtp_dot_out dot;
    struct buf held; /* CHUNKS: not yet in a BDAT */
};

void gate_stream_init(struct gate_stream *s, enum gate_frame frame, bool clean);
void gate_stream_deinit(struct gate_stream *s);
/* Takes text. DOTS: framed octets go to *out. CHUNKS: they are held, see gate_stream_full(). */
void gate_stream_write(struct gate_stream *s, struct span text, struct buf *out);
/* Enough is held for a chunk. */
bool gate_stream_full(const struct gate_stream *s);
/* Moves what is held out as one BDAT. */
void gate_stream_chunk(struct gate_stream *s, bool last, struct buf *out);
/* DOTS: the end of data. CHUNKS: what a clean-up still held; the last chunk is the caller's. */
void gate_stream_end(struct gate_stream *s, struct buf *out);

#endif
