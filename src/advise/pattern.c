/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Our own matcher, not PCRE2: those who write rows should need no second language for what is
 * always the same (a word, a version, a word), the check of a row can say what is wrong with it in
 * words, and a banner of a stranger can never cost more than pattern times line. Between two {*}
 * each element takes a fixed stretch from where it stands, so the leftmost place of a segment is as
 * good as any other and nothing is ever tried twice, as with globs.
 */
#include "advise/pattern.h"

#include <stdint.h>

enum element {
    LITERAL,
    BLANK,
    VERSION,
    RELEASE,
    CONFIGURATION,
    HOST,
    DIGITS,
    HEX,
    HEX32,
    TEXT,
    ANY,
    LINE_END,
    BAD,
};

static const struct {
    const char *name;
    enum element element;
} places[] = {
    {"{v}", VERSION},  {"{r}", RELEASE}, {"{cf}", CONFIGURATION},
    {"{host}", HOST},  {"{n}", DIGITS},  {"{x32}", HEX32},
    {"{x}", HEX},      {"{w}", TEXT},    {"{*}", ANY},
    {"{$}", LINE_END},
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Takes one element off the pattern; *ret_char is a literal's. */
static enum element next_element(struct span *pattern, char *ret_char)
{
    size_t n = 1;

    *ret_char = pattern->p[0];
    for (size_t i = 0; pattern->p[0] == '{' && i < sizeof(places) / sizeof(places[0]); i++) {
        struct span name = span_str(places[i].name);

        if (span_starts(*pattern, name)) {
            *pattern = span_slice(*pattern, name.n, pattern->n);
            return places[i].element;
        }
    }
    if (pattern->p[0] == '{' || pattern->p[0] == '}')
        return BAD;
    if (is_blank(pattern->p[0])) {
        while (n < pattern->n && is_blank(pattern->p[n]))
            n++;
        *pattern = span_slice(*pattern, n, pattern->n);
        return BLANK;
    }
    *pattern = span_slice(*pattern, 1, pattern->n);
    return LITERAL;
}

/* ---- how far each place reaches from the head of a text; 0: not there ---- */

static bool joins(struct span s, size_t at)
{
    char c = s.p[at];
    bool more = at + 1 < s.n;

    if (c == '.' || c == '+')
        return more && ascii_is_alnum(s.p[at + 1]);
    return (c == '-' || c == '_') && more && ascii_is_digit(s.p[at + 1]);
}

static size_t version_length(struct span s)
{
    size_t n = s.n && ascii_lower(s.p[0]) == 'v' ? 1 : 0;

    if (n >= s.n || !ascii_is_digit(s.p[n]))
        return 0;
    while (n < s.n && (ascii_is_alnum(s.p[n]) || joins(s, n)))
        n++;
    return n;
}

static size_t run_length(struct span s, bool (*fits)(char))
{
    size_t n = 0;

    while (n < s.n && fits(s.p[n]))
        n++;
    return n;
}

static bool host_char(char c)
{
    return ascii_is_alnum(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '[' ||
           c == ']' || (unsigned char)c >= 0x80;
}

static bool hex_char(char c)
{
    return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

static bool cf_char(char c)
{
    return !is_blank(c) && c != ';' && c != ',' && c != ')' && c != '(' && c != '/';
}

/* Up to a blank, or to the literal that follows in the pattern. */
static size_t text_length(struct span s, struct span pattern)
{
    char stop = ' ';
    size_t n = 0;

    if (pattern.n && next_element(&pattern, &stop) != LITERAL)
        stop = ' ';
    while (n < s.n && !is_blank(s.p[n]) && s.p[n] != stop)
        n++;
    return n;
}

static size_t element_length(enum element e, char c, struct span s, struct span pattern)
{
    switch (e) {
    case LITERAL:
        return s.n && ascii_lower(s.p[0]) == ascii_lower(c);
    case BLANK:
        return run_length(s, is_blank);
    case VERSION:
        return version_length(s);
    case RELEASE:
    case DIGITS:
        return run_length(s, ascii_is_digit);
    case CONFIGURATION:
        return run_length(s, cf_char);
    case HOST:
        return run_length(s, host_char);
    case HEX:
        return run_length(s, hex_char);
    case HEX32:
        return run_length(s, hex_char) == 32 ? 32 : 0;
    case TEXT:
        return text_length(s, pattern);
    case ANY:
    case LINE_END:
    case BAD:
        break;
    }
    return 0;
}

/* ---- a segment: what stands between two {*} ---- */

struct attempt {
    struct span line;
    struct advise_match found;
};

static void keep(struct attempt *a, enum element e, size_t at, size_t n)
{
    struct span piece = span_slice(a->line, at, at + n);

    /* The "v" in front is spelling, not version. */
    if (e == VERSION && !ascii_is_digit(piece.p[0]))
        piece = span_slice(piece, 1, piece.n);
    if (e == VERSION && !a->found.version.p)
        a->found.version = piece;
    else if (e == RELEASE && a->found.version.p)
        a->found.version.n = (size_t)(piece.p + piece.n - a->found.version.p);
    else if (e == CONFIGURATION && !a->found.cf.p)
        a->found.cf = piece;
}

static bool word_before(struct span line, size_t at)
{
    return at > 0 && ascii_is_alnum(line.p[at - 1]);
}

/* Matches one segment at one place. Where it ends, or SIZE_MAX. */
static size_t segment_at(struct attempt *a, struct span segment, size_t at, bool last)
{
    enum element e = BLANK;
    size_t end = at;
    char c = 0;

    while (segment.n) {
        e = next_element(&segment, &c);
        if (e == LINE_END) {
            if (span_trim(span_slice(a->line, end, a->line.n)).n)
                return SIZE_MAX;
            continue;
        }
        if (end == at && (e == VERSION || (e == LITERAL && ascii_is_alnum(c))) &&
            word_before(a->line, at))
            return SIZE_MAX;
        size_t n = element_length(e, c, span_slice(a->line, end, a->line.n), segment);
        if (n == 0)
            return SIZE_MAX;
        keep(a, e, end, n);
        end += n;
    }
    if (last && e == LITERAL && ascii_is_alnum(c) && end < a->line.n &&
        ascii_is_alnum(a->line.p[end]))
        return SIZE_MAX;
    return end;
}

/* Cuts the next segment off; *ret_last when no {*} stands behind it. */
static struct span next_segment(struct span *pattern, bool *ret_last)
{
    size_t at = span_find_nocase(*pattern, SPAN_LIT("{*}"));
    struct span segment = span_slice(*pattern, 0, at);

    *ret_last = at >= pattern->n;
    *pattern = *ret_last ? SPAN_NULL : span_slice(*pattern, at + 3, pattern->n);
    return segment;
}

static size_t segment_find(struct attempt *a, struct span segment, size_t from, bool last)
{
    if (segment.n == 0)
        return from;
    for (size_t at = from; at <= a->line.n; at++) {
        struct attempt fresh = *a;
        size_t end = segment_at(&fresh, segment, at, last);

        if (end != SIZE_MAX) {
            *a = fresh;
            return end;
        }
    }
    return SIZE_MAX;
}

bool advise_pattern_match(struct span pattern, struct span line, struct advise_match *ret)
{
    struct attempt a = {.line = span_slice(line, 0, ADVISE_LINE_MAX)};
    bool anchored = pattern.n && pattern.p[0] == '^', last = false;
    size_t end = 0;

    if (anchored) {
        pattern = span_slice(pattern, 1, pattern.n);
        struct span segment = next_segment(&pattern, &last);

        while (end < a.line.n && is_blank(a.line.p[end]))
            end++;
        end = segment_at(&a, segment, end, last);
    }
    while (!last && end != SIZE_MAX) {
        struct span segment = next_segment(&pattern, &last);

        end = segment_find(&a, segment, end, last);
    }
    if (end == SIZE_MAX)
        return false;
    a.found.all = span_trim(a.line);
    *ret = a.found;
    return true;
}

const char *advise_pattern_check(struct span pattern)
{
    unsigned fixed = 0, releases = 0, versions = 0;
    enum element before = BAD;
    char c;

    if (pattern.n > ADVISE_PATTERN_MAX)
        return "a pattern is longer than 300 octets";
    if (pattern.n && pattern.p[0] == '^')
        pattern = span_slice(pattern, 1, pattern.n);
    while (pattern.n) {
        enum element e = next_element(&pattern, &c);

        if (e == BAD)
            return "unknown place in braces; {v} {r} {cf} {host} {n} {x} {x32} {w} {*} {$}";
        if (before == LINE_END)
            return "{$} stands at the end only";
        if (e == ANY && before == ANY)
            return "two {*} side by side";
        fixed += e == LITERAL;
        versions += e == VERSION;
        releases += e == RELEASE;
        before = e;
    }
    if (releases && !versions)
        return "{r} needs {v} before it";
    return fixed >= 3 ? NULL : "fewer than three fixed characters: it would match too much";
}

unsigned advise_pattern_weight(struct span pattern)
{
    unsigned fixed = 0;
    char c;

    while (pattern.n) {
        enum element e = next_element(&pattern, &c);

        if (e == BAD)
            break;
        fixed += e == LITERAL && c != '^';
    }
    return fixed;
}
