/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lists come packed as well, and rbldnsd reads them so: gzip, by its first two octets, several
 * members one behind the other. What is cut off or damaged is refused: half a list is none.
 */
#include "cmd/list/source_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

enum { STEP = 1 << 18 };

static bool is_packed(struct span s)
{
    return s.n > 2 && (uint8_t)s.p[0] == 0x1f && (uint8_t)s.p[1] == 0x8b;
}

/* One step of output; Z_STREAM_END only behind the last member. */
static int inflate_step(z_stream *z, uint8_t *piece, struct buf *out)
{
    int r;

    z->next_out = piece;
    z->avail_out = STEP;
    r = inflate(z, Z_NO_FLUSH);
    buf_add(out, span_of(piece, STEP - z->avail_out));
    if (r == Z_STREAM_END && z->avail_in)
        return inflateReset(z);
    /* Nothing more comes in, and nothing more came out: cut off. */
    if (r == Z_OK && !z->avail_in && z->avail_out)
        return Z_DATA_ERROR;
    return r;
}

int source_gunzip(struct buf *text)
{
    struct span packed = buf_span(text);
    struct buf out = BUF_INIT(SOURCE_FILE_MAX);
    z_stream z = {.next_in = (Bytef *)(uintptr_t)packed.p, .avail_in = (uInt)packed.n};
    uint8_t *piece;
    int r;

    if (!is_packed(packed))
        return 0;
    piece = malloc(STEP);
    r = piece && inflateInit2(&z, 16 + MAX_WBITS) == Z_OK ? Z_OK : Z_MEM_ERROR;
    while (r == Z_OK && !out.err)
        r = inflate_step(&z, piece, &out);
    if (piece)
        inflateEnd(&z);
    free(piece);
    if (r != Z_STREAM_END || out.err) {
        int err = out.err ? out.err : r == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;

        buf_deinit(&out);
        return err == -EMSGSIZE ? -EFBIG : err;
    }
    buf_deinit(text);
    *text = out;
    return 0;
}
