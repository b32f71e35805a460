/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *     multipart-body = [preamble LF] "--" boundary LF part *(LF "--" boundary LF part)
 *                      LF "--" boundary "--" [LF epilogue]                 RFC 2046 §5.1.1
 *
 * A stack of bodies being walked instead of a tree: a part is cut out of its parent before it is
 * looked into, so an inner boundary can't reach beyond it, and each octet is scanned once a level.
 * Real reports are often broken (no closing boundary, LF for CRLF, a boundary that never comes);
 * what is there is handed out all the same.
 */
#include "mail/mime.h"

#include "base/base64.h"

#include <string.h>

static size_t line_length(struct span s)
{
    size_t lf = span_find(s, '\n');

    return lf < s.n ? lf + 1 : s.n;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Offset behind the quoted string or comment at `at`. */
static size_t skip_nested(struct span s, size_t at)
{
    char close = s.p[at] == '(' ? ')' : '"';

    for (at++; at < s.n && s.p[at] != close; at++)
        if (s.p[at] == '\\')
            at++;
    return at < s.n ? at + 1 : s.n;
}

/* Takes the text up to the next semicolon outside quotes and comments. */
static struct span take_piece(struct span *s)
{
    struct span piece;
    size_t at = 0;

    while (at < s->n && s->p[at] != ';')
        at = s->p[at] == '"' || s->p[at] == '(' ? skip_nested(*s, at) : at + 1;
    piece = span_trim(span_slice(*s, 0, at));
    *s = span_slice(*s, at + 1, s->n);
    return piece;
}

struct span mime_param(struct span params, const char *name)
{
    while (params.n) {
        struct span piece = take_piece(&params);
        size_t equals = span_find(piece, '=');
        struct span value = span_trim(span_slice(piece, equals + 1, piece.n));

        if (equals == piece.n ||
            !span_eq_nocase(span_trim(span_slice(piece, 0, equals)), span_str(name)))
            continue;
        if (value.n && value.p[0] == '"') {
            size_t end = skip_nested(value, 0);

            return span_slice(value, 1, end > 1 && value.p[end - 1] == '"' ? end - 1 : end);
        }
        return span_slice(value, 0, span_find(value, ' '));
    }
    return SPAN_NULL;
}

/* The token at the front: a comment or blank ends it. */
static struct span token(struct span s)
{
    size_t n = 0;

    s = span_trim(s);
    while (n < s.n && !is_blank(s.p[n]) && s.p[n] != '(')
        n++;
    return span_slice(s, 0, n);
}

static void read_part(struct span whole, bool digest, struct mime_part *part)
{
    struct span value = header_value(whole, "Content-Type");
    struct span kind = take_piece(&value);
    size_t slash = span_find(kind, '/');

    part->whole = whole;
    part->body = header_body(whole);
    part->params = value;
    part->type = token(span_slice(kind, 0, slash));
    part->subtype = token(span_slice(kind, slash + 1, kind.n));
    if (!part->type.n || !part->subtype.n) {
        part->type = digest ? SPAN_LIT("message") : SPAN_LIT("text");
        part->subtype = digest ? SPAN_LIT("rfc822") : SPAN_LIT("plain");
        part->params = SPAN_NULL;
    }
}

bool mime_is(const struct mime_part *part, const char *type, const char *subtype)
{
    return span_eq_nocase(part->type, span_str(type)) &&
           span_eq_nocase(part->subtype, span_str(subtype));
}

static bool is_encoded(struct span whole, const char *encoding)
{
    return span_eq_nocase(token(header_value(whole, "Content-Transfer-Encoding")),
                          span_str(encoding));
}

/* What may be looked into goes on the stack. */
static void descend(struct mime_iter *it, const struct mime_part *part, bool in_message)
{
    struct mime_level level = {.rest = part->body, .in_message = in_message};

    if (span_eq_nocase(part->type, SPAN_LIT("multipart"))) {
        level.boundary = mime_param(part->params, "boundary");
        level.digest = span_eq_nocase(part->subtype, SPAN_LIT("digest"));
        if (!level.boundary.n || level.boundary.n > MIME_BOUNDARY_MAX)
            return;
    } else if (mime_is(part, "message", "rfc822") || mime_is(part, "message", "global")) {
        /* RFC 2046 §5.2.1 forbids to encode it; who does hides it from us. */
        if (is_encoded(part->whole, "base64") || is_encoded(part->whole, "quoted-printable"))
            return;
        level.in_message = true;
    } else {
        return;
    }
    if (it->depth == MIME_DEPTH_MAX) {
        it->cut = true;
        return;
    }
    it->levels[it->depth++] = level;
}

/*
 * Offset of the next line that is a delimiter, s.n when there is none. *ret_behind is the offset
 * behind that line, *ret_close tells the last one.
 */
static size_t find_delimiter(struct span s, struct span boundary, size_t *ret_behind,
                             bool *ret_close)
{
    size_t at = 0, n;

    for (; at < s.n; at += n) {
        struct span line = span_slice(s, at, s.n), tail;

        n = line_length(line);
        line.n = n;
        if (!span_starts(line, SPAN_LIT("--")) ||
            !span_starts(span_slice(line, 2, line.n), boundary))
            continue;
        tail = span_trim(span_slice(line, 2 + boundary.n, line.n));
        *ret_close = span_starts(tail, SPAN_LIT("--"));
        if (tail.n && !*ret_close)
            continue;
        *ret_behind = at + n;
        return at;
    }
    *ret_behind = s.n;
    *ret_close = true;
    return s.n;
}

/* The line end before a delimiter belongs to the delimiter. */
static struct span without_last_line_end(struct span s)
{
    if (s.n && s.p[s.n - 1] == '\n')
        s.n--;
    if (s.n && s.p[s.n - 1] == '\r')
        s.n--;
    return s;
}

/* Takes the next part off a level; false when there is none left. */
static bool take_part(struct mime_level *level, struct span *ret)
{
    size_t at, behind;
    bool close;

    if (!level->boundary.n) {
        *ret = level->rest;
        level->rest = SPAN_NULL;
        return ret->n > 0;
    }
    if (!level->started) {
        find_delimiter(level->rest, level->boundary, &behind, &close);
        level->rest = close ? SPAN_NULL : span_slice(level->rest, behind, level->rest.n);
        level->started = true;
    }
    if (!level->rest.n)
        return false;
    at = find_delimiter(level->rest, level->boundary, &behind, &close);
    *ret = at < level->rest.n ? without_last_line_end(span_slice(level->rest, 0, at)) : level->rest;
    level->rest = close ? SPAN_NULL : span_slice(level->rest, behind, level->rest.n);
    return true;
}

void mime_open(struct mime_iter *it, struct span message)
{
    memset(it, 0, sizeof(*it));
    it->message = message;
}

enum mime_got mime_next(struct mime_iter *it, struct mime_part *ret)
{
    struct mime_part part = {0};
    struct span whole = it->message;
    bool digest = false;

    while (it->parts && it->depth) {
        struct mime_level *level = &it->levels[it->depth - 1];

        if (take_part(level, &whole)) {
            part.depth = it->depth;
            part.in_message = level->in_message;
            digest = level->digest;
            break;
        }
        it->depth--;
    }
    if (it->parts && !it->depth)
        return it->cut ? MIME_LIMIT : MIME_END;
    if (it->parts == MIME_PARTS_MAX)
        return MIME_LIMIT;
    it->parts++;
    read_part(whole, digest, &part);
    descend(it, &part, part.in_message);
    *ret = part;
    return MIME_PART;
}

/* RFC 2045 §6.8: what is not in the alphabet is passed over; "=" ends it. */
static void decode_base64(struct span s, struct buf *out)
{
    unsigned bits = 0, held = 0;

    for (size_t i = 0; i < s.n && s.p[i] != '='; i++) {
        int v = base64_digit(s.p[i]);

        if (v < 0)
            continue;
        bits = (bits << 6 | (unsigned)v) & 0xffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            buf_add_char(out, (char)(bits >> held & 0xff));
        }
    }
}

static int hex_value(char c)
{
    c = ascii_lower(c);
    if (ascii_is_digit(c))
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 2045 §6.7. A "=" that is neither hex nor a soft break stays as it is. */
static void decode_quoted(struct span s, struct buf *out)
{
    for (size_t i = 0, text; i < s.n; i++) {
        text = span_find(span_slice(s, i, s.n), '=');
        buf_add(out, span_slice(s, i, i + text));
        i += text;
        if (i + 2 < s.n && hex_value(s.p[i + 1]) >= 0 && hex_value(s.p[i + 2]) >= 0) {
            buf_add_char(out, (char)(hex_value(s.p[i + 1]) << 4 | hex_value(s.p[i + 2])));
            i += 2;
        } else if (i < s.n) {
            size_t n = line_length(span_slice(s, i, s.n));

            if (span_trim(span_slice(s, i + 1, i + n)).n == 0)
                i += n - 1;
            else
                buf_add_char(out, '=');
        }
    }
}

void mime_decode(const struct mime_part *part, struct buf *out)
{
    if (is_encoded(part->whole, "base64"))
        decode_base64(part->body, out);
    else if (is_encoded(part->whole, "quoted-printable"))
        decode_quoted(part->body, out);
    else
        buf_add(out, part->body);
}
