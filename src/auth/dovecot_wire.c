/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A field is a name, or a name, "=" and a value. TAB, LF, CR, NUL and the escape itself are written
 * as \001 and one of t n r 0 1. Nothing of ours needs that but for a stranger who tries to.
 */
#include "auth/dovecot_wire.h"

static const char plain[] = "\001\t\n\r\0", escaped[] = "1tnr0";

enum { ESCAPES = sizeof(escaped) - 1 };

void auth_dovecot_field(struct buf *out, const char *name, struct span value)
{
    buf_add_char(out, '\t');
    buf_add_str(out, name);
    if (!value.p)
        return;
    buf_add_char(out, '=');
    for (size_t i = 0; i < value.n; i++) {
        const char *at = memchr(plain, value.p[i], ESCAPES);

        if (at)
            buf_add_char(out, '\001');
        buf_add_char(out, at ? escaped[at - plain] : value.p[i]);
    }
}

bool auth_dovecot_unescape(struct span s, char *out, size_t cap)
{
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == '\001') {
            const char *at = i + 1 < s.n ? memchr(escaped, s.p[i + 1], ESCAPES) : NULL;

            if (!at)
                return false;
            c = plain[at - escaped];
            i++;
        }
        /* A NUL would cut the value short in whoever reads it as a string. */
        if (n + 1 >= cap || c == '\0') {
            out[0] = '\0';
            return false;
        }
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
}

bool auth_dovecot_value(struct span field, const char *name, struct span *ret)
{
    size_t n = strlen(name);

    if (!span_starts(field, span_str(name)) || field.n <= n || field.p[n] != '=')
        return false;
    *ret = span_slice(field, n + 1, field.n);
    return true;
}
