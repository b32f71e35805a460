/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Strict, because what we pass on to another judge must mean the same to it: two texts for one
 * value, or a stray byte that one reader skips, are how parsers come to differ.
 */
#include "auth/base64.h"

#include "base/base64.h"

bool auth_base64_ok(struct span text)
{
    size_t pad = 0;

    if (text.n % 4 != 0)
        return false;
    if (text.n == 0)
        return true;
    pad = text.p[text.n - 1] != '=' ? 0 : text.p[text.n - 2] != '=' ? 1 : 2;
    for (size_t i = 0; i < text.n - pad; i++)
        if (base64_digit(text.p[i]) < 0)
            return false;
    /* One octet fills two characters and leaves four bits over; two leave two. */
    return pad == 0 || (base64_digit(text.p[text.n - pad - 1]) & (pad == 2 ? 15 : 3)) == 0;
}

bool auth_base64(struct span text, struct buf *out)
{
    unsigned bits = 0, held = 0;

    if (!auth_base64_ok(text))
        return false;
    for (size_t i = 0; i < text.n && text.p[i] != '='; i++) {
        bits = bits << 6 | (unsigned)base64_digit(text.p[i]);
        held += 6;
        if (held >= 8) {
            held -= 8;
            buf_add_char(out, (char)(bits >> held & 0xff));
        }
    }
    return true;
}
