/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Framing and reading are two steps. The framer only looks at line ends and at "{n}" before them;
 * a response is then read as a whole, from memory, by a small token reader. A section that was
 * sent as a quoted string instead of a literal is legal but never seen for messages; its escapes
 * stay in.
 */
#include "io/imap_wire.h"

#include "base/num.h"

#include <errno.h>
#include <string.h>
#include <time.h>

void imap_wire_init(struct imap_wire *w)
{
    *w = (struct imap_wire){.held = BUF_INIT(IMAP_WIRE_MAX)};
}

void imap_wire_deinit(struct imap_wire *w)
{
    buf_deinit(&w->held);
}

/*
 * The number in "{n}", "{n+}" or "~{n}" at the end of a line, RFC 9051 §4.3. A literal larger than
 * any response may be makes the response too large, whatever it is.
 */
static bool ends_in_literal(struct span line, size_t *ret)
{
    size_t open = span_rfind(line, '{');
    uint64_t n;

    if (open == line.n || line.p[line.n - 1] != '}')
        return false;
    line = span_slice(line, open + 1, line.n - 1);
    if (line.n && line.p[line.n - 1] == '+')
        line.n--;
    if (!num_u64(line, 0, UINT64_MAX, &n))
        return false;
    *ret = n > IMAP_WIRE_MAX ? IMAP_WIRE_MAX : (size_t)n;
    return true;
}

/* Looks at what is held for the end of the response; true when it is there. */
static bool whole(struct imap_wire *w)
{
    while (w->scanned < w->held.n) {
        struct span rest = span_slice(buf_span(&w->held), w->scanned, w->held.n);
        struct span line;
        size_t lf, n;

        if (w->skip) {
            n = w->skip < rest.n ? w->skip : rest.n;
            w->skip -= n;
            w->scanned += n;
            w->start = w->scanned;
            continue;
        }
        lf = span_find(rest, '\n');
        if (lf == rest.n) {
            w->scanned = w->held.n;
            return false;
        }
        w->scanned += lf + 1;
        line = span_trim(span_slice(buf_span(&w->held), w->start, w->scanned));
        if (!ends_in_literal(line, &w->skip))
            return true;
        w->start = w->scanned;
    }
    return false;
}

/* As many bytes as may belong to this response: up to a line end, or the rest of a literal. */
static size_t next_piece(const struct imap_wire *w, struct span in)
{
    size_t lf;

    if (w->skip)
        return w->skip < in.n ? w->skip : in.n;
    lf = span_find(in, '\n');
    return lf < in.n ? lf + 1 : in.n;
}

int imap_wire_feed(struct imap_wire *w, struct span *in, struct span *ret)
{
    if (w->done) {
        buf_clear(&w->held);
        w->scanned = w->skip = w->start = 0;
        w->done = false;
    }
    while (in->n) {
        size_t n = next_piece(w, *in);

        buf_add(&w->held, span_slice(*in, 0, n));
        if (w->held.err)
            return w->held.err == -ENOMEM ? -ENOMEM : IMAP_WIRE_BAD;
        *in = span_slice(*in, n, in->n);
        if (whole(w)) {
            struct span line = buf_span(&w->held);

            line.n--;
            if (line.n && line.p[line.n - 1] == '\r')
                line.n--;
            *ret = line;
            w->done = true;
            return IMAP_WIRE_LINE;
        }
    }
    return IMAP_WIRE_MORE;
}

enum kind { ATOM, STRING, OPEN, CLOSE, NIL, END };

/* Takes a quoted string; its escapes stay in. */
static struct span take_quoted(struct span *s)
{
    size_t at = 1;
    struct span text;

    while (at < s->n && s->p[at] != '"')
        at += s->p[at] == '\\' ? 2 : 1;
    text = span_slice(*s, 1, at);
    *s = span_slice(*s, at + 1, s->n);
    return text;
}

/* Takes "{n}" CRLF and n octets; false when they are not all there. */
static bool take_literal(struct span *s, struct span *ret)
{
    size_t lf = span_find(*s, '\n'), n = 0;

    if (lf == s->n || !ends_in_literal(span_trim(span_slice(*s, 0, lf)), &n) || n > s->n - lf - 1)
        return false;
    *ret = span_slice(*s, lf + 1, lf + 1 + n);
    *s = span_slice(*s, lf + 1 + n, s->n);
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\r' || c == '\n' || c == '\t';
}

/* An atom; within [ ] it may hold blanks and brackets, as in BODY[HEADER.FIELDS (A B)]<0>. */
static struct span take_atom(struct span *s)
{
    unsigned square = 0;
    size_t at = 0;
    struct span atom;

    for (; at < s->n; at++) {
        char c = s->p[at];

        square += c == '[';
        square -= c == ']' && square;
        if (!square && (is_space(c) || c == '(' || c == ')' || c == '"'))
            break;
    }
    atom = span_slice(*s, 0, at);
    *s = span_slice(*s, at, s->n);
    return atom;
}

static enum kind take(struct span *s, struct span *ret)
{
    *ret = SPAN_NULL;
    while (s->n && is_space(s->p[0]))
        *s = span_slice(*s, 1, s->n);
    if (!s->n)
        return END;
    switch (s->p[0]) {
    case '(':
        *s = span_slice(*s, 1, s->n);
        return OPEN;
    case ')':
        *s = span_slice(*s, 1, s->n);
        return CLOSE;
    case '"':
        *ret = take_quoted(s);
        return STRING;
    case '~':
    case '{': {
        struct span rest = span_slice(*s, s->p[0] == '~', s->n);

        if (rest.n && rest.p[0] == '{' && take_literal(&rest, ret)) {
            *s = rest;
            return STRING;
        }
        break;
    }
    default:
        break;
    }
    *ret = take_atom(s);
    if (!ret->n) { /* a lone character that starts nothing */
        *s = span_slice(*s, 1, s->n);
        return ATOM;
    }
    return span_eq_nocase(*ret, SPAN_LIT("NIL")) ? NIL : ATOM;
}

/*
 * Passes over a value: one token, or all between brackets. False at the end or when nested too
 * deep.
 */
static bool skip_value(struct span *s, enum kind first)
{
    unsigned depth = first == OPEN;
    struct span text;

    while (depth) {
        enum kind kind = take(s, &text);

        depth += kind == OPEN;
        depth -= kind == CLOSE;
        if (kind == END || depth > IMAP_WIRE_NEST_MAX)
            return false;
    }
    return first != END && first != CLOSE;
}

/* msg-att of RFC 9051 §7.5.2: "(" item value *( item value ) ")", in any order. */
static void read_fetch(struct span s, struct imap_response *ret)
{
    struct span name, value;

    if (take(&s, &value) != OPEN)
        return;
    while (take(&s, &name) == ATOM) {
        enum kind kind = take(&s, &value);
        uint64_t n;

        if (span_eq_nocase(name, SPAN_LIT("UID")) && num_u64(value, 1, UINT32_MAX, &n)) {
            ret->uid = (uint32_t)n;
        } else if (span_eq_nocase(name, SPAN_LIT("RFC822.SIZE"))) {
            num_u64(value, 0, UINT64_MAX, &ret->size);
        } else if (span_starts_nocase(name, SPAN_LIT("BODY[")) && (kind == STRING || kind == NIL)) {
            ret->body = kind == NIL ? SPAN_NULL : value;
            ret->has_body = true;
        }
        if (!skip_value(&s, kind))
            break;
    }
    ret->kind = IMAP_FETCH;
}

static int read_search(struct span s, struct imap_uids *uids, struct imap_response *ret)
{
    struct span word;

    ret->kind = IMAP_SEARCH;
    while (uids && span_word(&s, &word) && uids->count < IMAP_WIRE_UIDS_MAX) {
        uint64_t n;

        if (!num_u64(word, 1, UINT32_MAX, &n))
            break; /* "(MODSEQ 5)" may close the list, RFC 7162 §3.1.5 */
        if (array_grow(&uids->v, &uids->cap, sizeof(uids->v[0]), uids->count + 1) < 0)
            return -ENOMEM;
        uids->v[uids->count++] = (uint32_t)n;
    }
    return 0;
}

static void read_status(struct span s, struct imap_response *ret)
{
    static const char code[] = "OK [UIDVALIDITY ";
    uint64_t n;

    if (span_starts_nocase(s, SPAN_LIT("BYE"))) {
        ret->kind = IMAP_BYE;
        ret->text = span_trim(span_slice(s, 3, s.n));
    } else if (span_starts_nocase(s, SPAN_LIT(code))) {
        s = span_slice(s, sizeof(code) - 1, s.n);
        if (num_u64(span_slice(s, 0, span_find(s, ']')), 1, UINT32_MAX, &n)) {
            ret->kind = IMAP_UIDVALIDITY;
            ret->value = (uint32_t)n;
        }
    }
}

static void read_tagged(struct span s, struct imap_response *ret)
{
    struct span word = SPAN_NULL;

    span_word(&s, &word);
    ret->text = span_trim(s);
    if (span_eq_nocase(word, SPAN_LIT("OK")))
        ret->kind = IMAP_TAGGED_OK;
    else
        ret->kind = span_eq_nocase(word, SPAN_LIT("NO")) ? IMAP_TAGGED_NO : IMAP_TAGGED_BAD;
}

int imap_wire_read(struct span response, struct span tag, struct imap_uids *uids,
                   struct imap_response *ret)
{
    struct span s = response, first, second;
    uint64_t n;

    *ret = (struct imap_response){0};
    if (!span_word(&s, &first))
        return 0;
    if (span_eq(first, SPAN_LIT("+"))) {
        ret->kind = IMAP_GO_ON;
        return 0;
    }
    if (tag.n && span_eq(first, tag)) {
        read_tagged(s, ret);
        return 0;
    }
    if (!span_eq(first, SPAN_LIT("*")))
        return 0;
    s = span_slice(s, 1, s.n);
    read_status(s, ret);
    if (ret->kind != IMAP_OTHER || !span_word(&s, &second))
        return 0;
    if (span_eq_nocase(second, SPAN_LIT("SEARCH")))
        return read_search(s, uids, ret);
    if (num_u64(second, 1, UINT32_MAX, &n) && span_word(&s, &first) &&
        span_eq_nocase(first, SPAN_LIT("FETCH")))
        read_fetch(s, ret);
    return 0;
}

bool imap_wire_quote(struct buf *out, struct span s)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < ' ' || s.p[i] > '~')
            return false;
        if (s.p[i] == '"' || s.p[i] == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, s.p[i]);
    }
    buf_add_char(out, '"');
    return true;
}

void imap_wire_date(struct buf *out, int64_t wall)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)wall;
    struct tm tm = {0};

    gmtime_r(&seconds, &tm);
    buf_addf(out, "%d-%.3s-%d", tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900);
}
