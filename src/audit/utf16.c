/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Texts of Windows programs: regedit and PowerShell's ">" write UTF-16 with a byte order mark. They
 * are turned into UTF-8 as they are read, so that no interpreter has to know.
 */
#include "audit/audit_priv.h"

static size_t put(char *out, unsigned c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

void audit_utf16(struct audit *a, struct span *text)
{
    bool little = span_starts(*text, SPAN_LIT("\xFF\xFE"));
    const uint8_t *in = (const uint8_t *)text->p;
    size_t n = 0;
    char *out;

    if (!little && !span_starts(*text, SPAN_LIT("\xFE\xFF")))
        return;
    out = audit_alloc(a, text->n / 2 * 3 + 1);
    if (a->err)
        return;
    for (size_t i = 2; i + 1 < text->n; i += 2) {
        unsigned c = little ? in[i] | (unsigned)in[i + 1] << 8 : (unsigned)in[i] << 8 | in[i + 1];

        if (c >= 0xd800 && c < 0xdc00 && i + 3 < text->n) {
            unsigned d = little ? in[i + 2] | (unsigned)in[i + 3] << 8
                                : (unsigned)in[i + 2] << 8 | in[i + 3];

            c = 0x10000 + ((c & 0x3ff) << 10) + (d & 0x3ff);
            i += 2;
        }
        n += put(out + n, c);
    }
    *text = span_of(out, n);
}
