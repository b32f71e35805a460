/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One escaped form serves people, logs and evidence alike: it is printable ASCII, reversible, and
 * shows a bare LF or a NUL for what it is. UTF-8 is escaped too: a look-alike letter in a
 * transcript is evidence, and a reader must see that it is one.
 */
#include "base/escape.h"

static void escape_byte(struct buf *out, char c)
{
    switch (c) {
    case '\r':
        buf_add_str(out, "\\r");
        break;
    case '\n':
        buf_add_str(out, "\\n");
        break;
    case '\t':
        buf_add_str(out, "\\t");
        break;
    case '\\':
        buf_add_str(out, "\\\\");
        break;
    default:
        if (c >= ' ' && c <= '~')
            buf_add_char(out, c);
        else
            buf_addf(out, "\\x%02x", (unsigned char)c);
    }
}

static size_t plain(struct span s)
{
    size_t i = 0;

    while (i < s.n && s.p[i] >= ' ' && s.p[i] <= '~' && s.p[i] != '\\')
        i++;
    return i;
}

/* Nearly all of it is plain, and goes over in one piece. */
void escape_text(struct buf *out, struct span s)
{
    while (s.n) {
        size_t n = plain(s);

        buf_add(out, span_slice(s, 0, n));
        if (n < s.n)
            escape_byte(out, s.p[n]);
        s = span_slice(s, n + 1, s.n);
    }
}

void escape_log(struct buf *out, struct span s)
{
    bool quote = s.n == 0;

    for (size_t i = 0; i < s.n && !quote; i++)
        quote = s.p[i] <= ' ' || s.p[i] == '"' || s.p[i] == '=' || s.p[i] > '~';
    if (quote)
        buf_add_char(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            buf_add_str(out, "\\\"");
        else
            escape_byte(out, s.p[i]);
    }
    if (quote)
        buf_add_char(out, '"');
}

void escape_html(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        switch (s.p[i]) {
        case '&':
            buf_add_str(out, "&amp;");
            break;
        case '<':
            buf_add_str(out, "&lt;");
            break;
        case '>':
            buf_add_str(out, "&gt;");
            break;
        case '"':
            buf_add_str(out, "&quot;");
            break;
        case '\'':
            buf_add_str(out, "&#39;");
            break;
        default:
            escape_byte(out, s.p[i]);
        }
    }
}

void escape_uri(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (ascii_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~')
            buf_add_char(out, c);
        else
            buf_addf(out, "%%%02X", (unsigned char)c);
    }
}

void escape_base64(struct buf *out, struct span s)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < s.n; i += 3) {
        size_t held = s.n - i < 3 ? s.n - i : 3;
        unsigned bits = 0;

        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < held ? (unsigned char)s.p[i + k] : 0u);
        for (size_t k = 0; k < 4; k++)
            buf_add_char(out, k <= held ? alphabet[bits >> (18 - 6 * k) & 63] : '=');
    }
}

static int hex_value(char c)
{
    c = ascii_lower(c);
    if (ascii_is_digit(c))
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool escape_undo(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '\\') {
            buf_add_char(out, s.p[i]);
            continue;
        }
        if (++i == s.n)
            return false;
        switch (s.p[i]) {
        case 'r':
            buf_add_char(out, '\r');
            break;
        case 'n':
            buf_add_char(out, '\n');
            break;
        case 't':
            buf_add_char(out, '\t');
            break;
        case '\\':
            buf_add_char(out, '\\');
            break;
        case 'x':
            if (s.n - i < 3 || hex_value(s.p[i + 1]) < 0 || hex_value(s.p[i + 2]) < 0)
                return false;
            buf_add_char(out, (char)(hex_value(s.p[i + 1]) << 4 | hex_value(s.p[i + 2])));
            i += 2;
            break;
        default:
            return false;
        }
    }
    return out->err == 0;
}

bool escape_uri_undo(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '%') {
            buf_add_char(out, s.p[i]);
            continue;
        }
        if (s.n - i < 3 || hex_value(s.p[i + 1]) < 0 || hex_value(s.p[i + 2]) < 0)
            return false;
        buf_add_char(out, (char)(hex_value(s.p[i + 1]) << 4 | hex_value(s.p[i + 2])));
        i += 2;
    }
    return out->err == 0;
}
