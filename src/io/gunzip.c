/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * zlib counts what it is fed in 32 bits, so input goes in by pieces; output grows by doubling,
 * which a file of some bytes that unpacks to gigabytes meets at `max`.
 */
#include "io/gunzip.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

enum {
    STEP = 1 << 18,             /* octets in and out at a time */
    GZIP_BITS = 16 + MAX_WBITS, /* zlib's word for "gzip, any window" */
    TOO_LARGE = -100,           /* beside zlib's own Z_ errors */
};

bool gunzip_is(struct span s)
{
    return s.n > 2 && (uint8_t)s.p[0] == 0x1f && (uint8_t)s.p[1] == 0x8b;
}

struct out {
    char *p;
    size_t n, room, max;
};

/* Room for one step and a NUL. */
static int grow(struct out *o)
{
    size_t more = o->room ? 2 * o->room : 4 * STEP;
    char *p;

    if (o->room - o->n > STEP)
        return Z_OK;
    if (o->n > o->max)
        return TOO_LARGE;
    p = realloc(o->p, more);
    if (!p)
        return Z_MEM_ERROR;
    o->p = p;
    o->room = more;
    return Z_OK;
}

static int step(z_stream *z, struct out *o, bool last)
{
    int r = grow(o);

    if (r != Z_OK)
        return r;
    z->next_out = (Bytef *)o->p + o->n;
    z->avail_out = STEP;
    r = inflate(z, Z_NO_FLUSH);
    o->n += STEP - z->avail_out;
    if (r == Z_STREAM_END && (z->avail_in || !last))
        return inflateReset(z);
    /* Nothing more comes in, and nothing more came out: cut off. */
    return r == Z_OK && last && !z->avail_in && z->avail_out ? Z_DATA_ERROR : r;
}

int gunzip(struct span packed, size_t max, char **ret, size_t *ret_n)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)packed.p};
    struct out o = {.max = max};
    size_t fed = 0;
    int r = inflateInit2(&z, GZIP_BITS);

    if (r != Z_OK)
        return -ENOMEM;
    while (r == Z_OK) {
        if (z.avail_in == 0) {
            z.avail_in = (uInt)(packed.n - fed < STEP ? packed.n - fed : STEP);
            fed += z.avail_in;
        }
        r = step(&z, &o, fed == packed.n);
    }
    inflateEnd(&z);
    if (r == Z_STREAM_END && o.n <= max) {
        o.p[o.n] = '\0';
        *ret = o.p;
        *ret_n = o.n;
        return 0;
    }
    free(o.p);
    return r == Z_MEM_ERROR ? -ENOMEM : r == TOO_LARGE || r == Z_STREAM_END ? -EFBIG : -EBADMSG;
}
