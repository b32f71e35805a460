/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One function, field_length(), knows what a field is; everything else walks with it. It looks only
 * at what it is given, so the iterator bounds the work by handing out less. There is no list of
 * fields in memory: a header section is read a few times at most, and a stranger chooses its size.
 *
 * Not done: charsets, encoded words, and any repair of a section that a mail system would not have
 * let through. Bytes above 127 are text like any other.
 */
#include "mail/header.h"

#include <string.h>

/* Octets of the first line with its line end. */
static size_t line_length(struct span s)
{
    size_t lf = span_find(s, '\n');

    return lf < s.n ? lf + 1 : s.n;
}

static struct span line_text(struct span s)
{
    struct span line = span_slice(s, 0, line_length(s));

    if (line.n && line.p[line.n - 1] == '\n')
        line.n--;
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Octets of the mbox line in front, or 0: such a line has a blank where a field has its colon. */
static size_t mbox_line(struct span message)
{
    if (span_starts(message, SPAN_LIT("From ")) || span_starts(message, SPAN_LIT(">From ")))
        return line_length(message);
    return 0;
}

/* Octets of the name when this line starts a field, else 0; the colon stands at *ret_colon. */
static size_t name_length(struct span line, size_t *ret_colon)
{
    size_t n = 0, colon;

    while (n < line.n && line.p[n] > ' ' && line.p[n] < 0x7f && line.p[n] != ':')
        n++;
    for (colon = n; colon < line.n && is_blank(line.p[colon]); colon++)
        ;
    if (n == 0 || colon == line.n || line.p[colon] != ':')
        return 0;
    *ret_colon = colon;
    return n;
}

/* Octets of the field that s starts with, its folds included; 0 when s does not start with one. */
static size_t field_length(struct span s, struct header_field *ret, unsigned *ret_lines)
{
    struct span line = line_text(s);
    size_t colon, name = name_length(line, &colon);
    size_t n = line_length(s);
    unsigned lines = 1;

    if (name == 0)
        return 0;
    while (n < s.n && is_blank(s.p[n])) {
        n += line_length(span_slice(s, n, s.n));
        lines++;
    }
    ret->name = span_slice(s, 0, name);
    ret->body = span_trim(span_slice(s, colon + 1, n));
    ret->raw = span_slice(s, 0, n);
    *ret_lines = lines;
    return n;
}

void header_open(struct header_iter *it, struct span message)
{
    size_t skip = mbox_line(message);

    *it = (struct header_iter){
        .rest = span_slice(message, skip, message.n),
        .left = HEADER_BLOCK_MAX,
        .line = skip ? 2 : 1,
    };
}

enum header_got header_next(struct header_iter *it, struct header_field *ret)
{
    size_t most = it->left < HEADER_FIELD_MAX ? it->left : HEADER_FIELD_MAX;
    /* Two octets more than a field may have: enough to see that it is over, or an empty line. */
    struct span seen = span_slice(it->rest, 0, most + 2);
    struct header_field field;
    unsigned lines;
    size_t n;

    if (it->rest.n == 0)
        return HEADER_END;
    n = field_length(seen, &field, &lines);
    if (n == 0 && (seen.n == it->rest.n || span_find(seen, '\n') < seen.n)) {
        it->rest = SPAN_NULL;
        return HEADER_END;
    }
    if (n == 0 || n > most || it->fields == HEADER_FIELDS_MAX || field.name.n > HEADER_NAME_MAX)
        return HEADER_LIMIT;
    field.line = it->line;
    it->line += lines;
    it->fields++;
    it->left -= n;
    it->rest = span_slice(it->rest, n, it->rest.n);
    *ret = field;
    return HEADER_FIELD;
}

static bool find(struct span message, const char *name, bool last, struct header_field *ret)
{
    struct header_iter it;
    struct header_field field;
    bool found = false;

    header_open(&it, message);
    while (header_next(&it, &field) == HEADER_FIELD) {
        if (!span_eq_nocase(field.name, span_str(name)))
            continue;
        *ret = field;
        found = true;
        if (!last)
            break;
    }
    return found;
}

bool header_first(struct span message, const char *name, struct header_field *ret)
{
    return find(message, name, false, ret);
}

bool header_last(struct span message, const char *name, struct header_field *ret)
{
    return find(message, name, true, ret);
}

unsigned header_count(struct span message, const char *name)
{
    struct header_iter it;
    struct header_field field;
    unsigned n = 0;

    header_open(&it, message);
    while (header_next(&it, &field) == HEADER_FIELD)
        n += span_eq_nocase(field.name, span_str(name));
    return n;
}

struct span header_value(struct span message, const char *name)
{
    struct header_field field;

    return header_first(message, name, &field) ? field.body : SPAN_NULL;
}

/* Without the limits of the iterator: where the body starts is a fact that no size may hide. */
size_t header_body_offset(struct span message)
{
    size_t at = mbox_line(message), n;
    struct header_field field;
    unsigned lines;

    do {
        n = field_length(span_slice(message, at, message.n), &field, &lines);
        at += n;
    } while (n);
    if (at < message.n && line_text(span_slice(message, at, message.n)).n == 0)
        at += line_length(span_slice(message, at, message.n));
    return at;
}

struct span header_body(struct span message)
{
    return span_slice(message, header_body_offset(message), message.n);
}

void header_unfold(struct buf *out, struct span body)
{
    bool folded = false;

    body = span_trim(body);
    while (body.n) {
        struct span line = line_text(body);

        if (folded)
            line = span_trim(line);
        if (folded && line.n)
            buf_add_char(out, ' ');
        /* The blanks before the line end belong to the fold too. */
        while (line.n && is_blank(line.p[line.n - 1]))
            line.n--;
        buf_add(out, line);
        body = span_slice(body, line_length(body), body.n);
        folded = true;
    }
}

/* The offset behind a quoted string or comment that starts at `at`; s.n when it never ends. */
static size_t skip_quoted(struct span s, size_t at)
{
    unsigned depth = 0;
    char open = s.p[at];

    for (; at < s.n; at++) {
        if (s.p[at] == '\\') {
            at++;
        } else if (open == '(') {
            depth += s.p[at] == '(';
            depth -= s.p[at] == ')';
            if (depth == 0)
                return at + 1;
        } else if (s.p[at] == '"' && depth++) {
            return at + 1;
        }
    }
    return s.n;
}

/* What stands between the < at `at` and its >; the offset behind it goes to *ret_end. */
static struct span angle(struct span s, size_t at, size_t *ret_end)
{
    size_t from = at + 1;

    for (at = from; at < s.n && s.p[at] != '>';)
        at = s.p[at] == '"' ? skip_quoted(s, at) : at + 1;
    *ret_end = at < s.n ? at + 1 : s.n;
    return span_slice(s, from, at);
}

struct span header_address(struct span body)
{
    struct span found = SPAN_NULL, bare = SPAN_NULL;
    size_t at = 0, word = 0;
    bool in_angle = false;

    while (at < body.n) {
        char c = body.p[at];

        if (c == '<') {
            found = span_trim(angle(body, at, &at));
            in_angle = true;
            word = at;
        } else if (c == '(') {
            word = at = skip_quoted(body, at);
        } else if (c == '"') {
            at = skip_quoted(body, at);
        } else if (is_blank(c) || c == '\r' || c == '\n' || c == ',' || c == ';') {
            word = ++at;
        } else {
            at++;
            if (c == '@' && !bare.n)
                for (bare = span_slice(body, word, at);
                     at < body.n && body.p[at] > ' ' && !strchr(",;()<>", body.p[at]); at++)
                    bare.n++;
        }
    }
    return in_angle ? found : bare;
}
