/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Strict, because what we pass on to another judge must mean the same to it: two texts for one
 * value, or a stray byte that one reader skips, are how parsers come to differ.
 */
#include "auth/base64.h"

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (ascii_is_digit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool auth_base64_ok(struct span text)
{
    size_t pad = 0;

    if (text.n % 4 != 0)
        return false;
    if (text.n == 0)
        return true;
    pad = text.p[text.n - 1] != '=' ? 0 : text.p[text.n - 2] != '=' ? 1 : 2;
    for (size_t i = 0; i < text.n - pad; i++)
        if (value_of(text.p[i]) < 0)
            return false;
    /* One octet fills two characters and leaves four bits over; two leave two. */
    return pad == 0 || (value_of(text.p[text.n - pad - 1]) & (pad == 2 ? 15 : 3)) == 0;
}

bool auth_base64(struct span text, struct buf *out)
{
    unsigned bits = 0, held = 0;

    if (!auth_base64_ok(text))
        return false;
    for (size_t i = 0; i < text.n && text.p[i] != '='; i++) {
        bits = bits << 6 | (unsigned)value_of(text.p[i]);
        held += 6;
        if (held >= 8) {
            held -= 8;
            buf_add_char(out, (char)(bits >> held & 0xff));
        }
    }
    return true;
}
