/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Octets written as hexadecimal digits, blanks between them as one likes; for tests only. */
#ifndef POSTERN_TESTS_HEX_H
#define POSTERN_TESTS_HEX_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static inline int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* At most max octets; aborts on what is no pair of digits. */
static inline size_t hex_read(const char *text, uint8_t *out, size_t max)
{
    size_t n = 0;

    for (; *text; text++) {
        int a = hex_digit(text[0]), b;

        if (*text == ' ')
            continue;
        b = hex_digit(*++text);
        if (a < 0 || b < 0 || n == max) {
            fprintf(stderr, "hex_read: not hexadecimal, or too long: %s\n", text);
            abort();
        }
        out[n++] = (uint8_t)(a << 4 | b);
    }
    return n;
}

/* out holds 2 * n + 1 characters. Returns out. */
static inline const char *hex_write(const uint8_t *p, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * n] = '\0';
    return out;
}

#endif
