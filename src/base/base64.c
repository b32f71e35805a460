/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How strict a reader has to be is its own matter (auth/base64 takes one text for one value,
 * mail/mime passes over what is not in the alphabet); what the characters mean is the same for all.
 */
#include "base/base64.h"

int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (ascii_is_digit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(struct span text, uint8_t *out, size_t max, size_t *ret_n)
{
    uint32_t bits = 0;
    unsigned held = 0;
    size_t n = 0;

    while (text.n && text.p[text.n - 1] == '=')
        text.n--;
    for (size_t i = 0; i < text.n; i++) {
        int v = base64_digit(text.p[i]);

        if (v < 0 || n == max)
            return false;
        bits = bits << 6 | (uint32_t)v;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[n++] = (uint8_t)(bits >> held);
        }
    }
    *ret_n = n;
    return true;
}
