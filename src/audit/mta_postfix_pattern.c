/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * regexp: and pcre: tables. Both are matched with PCRE2 under a small match limit: what an extended
 * POSIX expression and a Perl one mean differently is nothing that access tables hold, and a
 * pattern that runs away must not hold the audit up.
 *
 * From a pattern also comes a text that it matches: the witness must be a sender or HELO name that
 * this very rule lets pass. The generator takes the first alternative and the least repetition of
 * each part; what it makes is asked of the pattern again before anyone believes it.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "audit/mta_postfix_priv.h"

#include "base/num.h"

#include <pcre2.h>

enum { MATCH_LIMIT = 20000, SAMPLE_MAX = 300, GROUPS = 20 };

/* --- parsing ---------------------------------------------------------------------------------- */

static bool word_is(struct span s, const char *word)
{
    size_t n = strlen(word);

    return s.n >= n && span_eq_nocase(span_slice(s, 0, n), span_str(word)) &&
           (s.n == n || !ascii_is_alnum(s.p[n]));
}

/* "/pattern/flags" off the front of *s. */
static bool take_pattern(struct span *s, struct pf_entry *e, struct span *ret_flags)
{
    size_t i = 1, end;
    char delim;

    while (s->n > 0 && strchr("! \t", s->p[0])) {
        e->negated = e->negated != (s->p[0] == '!');
        *s = span_slice(*s, 1, s->n);
    }
    if (s->n < 2)
        return false;
    delim = s->p[0];
    while (i < s->n && s->p[i] != delim)
        i += s->p[i] == '\\' ? 2 : 1;
    if (i >= s->n)
        return false;
    e->key = span_slice(*s, 1, i);
    end = ++i;
    while (end < s->n && ascii_is_alpha(s->p[end]))
        end++;
    *ret_flags = span_slice(*s, i, end);
    *s = span_slice(*s, end, s->n);
    return true;
}

static uint32_t options(struct span flags, bool pcre)
{
    uint32_t o = PCRE2_CASELESS | (pcre ? PCRE2_DOTALL : 0);

    for (size_t i = 0; i < flags.n; i++)
        switch (flags.p[i]) {
        case 'i':
            o ^= PCRE2_CASELESS;
            break;
        case 'm':
            o ^= PCRE2_MULTILINE;
            break;
        case 's':
            o ^= PCRE2_DOTALL;
            break;
        case 'x':
            o ^= pcre ? PCRE2_EXTENDED : 0;
            break;
        case 'A':
            o ^= PCRE2_ANCHORED;
            break;
        case 'E':
            o ^= PCRE2_DOLLAR_ENDONLY;
            break;
        case 'U':
            o ^= PCRE2_UNGREEDY;
            break;
        default:
            break;
        }
    return o;
}

void pf_pattern_parse(struct pf_conf *c, struct pf_entry *e, struct audit_line *line, bool pcre,
                      const char *file)
{
    struct span s = span_trim(line->text), flags;
    PCRE2_SIZE at;
    int error;

    if (word_is(s, "endif")) {
        e->op = PF_ENDIF;
        return;
    }
    if (word_is(s, "if")) {
        e->op = PF_IF;
        s = span_slice(s, 2, s.n);
    }
    if (!take_pattern(&s, e, &flags))
        return;
    e->value = span_trim(s);
    e->code =
        pcre2_compile((PCRE2_SPTR)e->key.p, e->key.n, options(flags, pcre), &error, &at, NULL);
}

void pf_pattern_free(void *code)
{
    pcre2_code_free(code);
}

/* --- matching --------------------------------------------------------------------------------- */

enum match { NO, YES, RUNAWAY };

static enum match match(const struct pf_entry *e, struct span key, pcre2_match_data *data)
{
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    int r;

    if (!limits)
        return RUNAWAY;
    pcre2_set_match_limit(limits, MATCH_LIMIT);
    pcre2_set_depth_limit(limits, MATCH_LIMIT);
    r = pcre2_match(e->code, (PCRE2_SPTR)(key.p ? key.p : ""), key.n, 0, 0, data, limits);
    pcre2_match_context_free(limits);
    if (r < 0 && r != PCRE2_ERROR_NOMATCH)
        return RUNAWAY;
    return (r >= 0) != e->negated ? YES : NO;
}

/* "$1", "${1}", "$(1)" of the result. */
static struct span substitute(struct pf_conf *c, struct span value, struct span key,
                              pcre2_match_data *data)
{
    PCRE2_SIZE *at = pcre2_get_ovector_pointer(data);
    struct buf out = BUF_INIT(AUDIT_LINE_MAX);
    struct span got;

    if (span_find(value, '$') == value.n)
        return value;
    for (size_t i = 0; i < value.n; i++) {
        size_t k = i + 1, digits;
        bool braced = k < value.n && (value.p[k] == '{' || value.p[k] == '(');
        unsigned group;

        k += braced;
        for (digits = k; digits < value.n && ascii_is_digit(value.p[digits]); digits++)
            ;
        if (value.p[i] != '$' || !num_uint(span_slice(value, k, digits), 1, GROUPS - 1, &group)) {
            buf_add(&out, span_slice(value, i, i + 1));
            continue;
        }
        if (group < pcre2_get_ovector_count(data) && at[2 * group] != PCRE2_UNSET)
            buf_add(&out, span_slice(key, at[2 * group], at[2 * group + 1]));
        i = digits + braced - 1;
    }
    got = span_of(audit_dup(c->a, buf_span(&out)), out.n);
    buf_deinit(&out);
    return got;
}

enum pf_hit pf_pattern_lookup(struct pf_conf *c, const struct pf_table *t, struct span key,
                              struct pf_found *ret)
{
    pcre2_match_data *data = pcre2_match_data_create(GROUPS, NULL);
    enum pf_hit got = PF_MISS;
    size_t skipping = 0;

    for (size_t i = 0; data && i < t->count && got == PF_MISS; i++) {
        const struct pf_entry *e = &t->v[i];
        enum match m;

        if (e->op == PF_ENDIF) {
            skipping -= skipping > 0;
            continue;
        }
        m = skipping || !e->code ? NO : match(e, key, data);
        if (m == RUNAWAY)
            got = PF_MAYBE;
        else if (e->op == PF_IF)
            skipping += skipping > 0 || m == NO;
        else if (m == YES) {
            *ret = (struct pf_found){e->negated ? e->value : substitute(c, e->value, key, data),
                                     {t->file, e->line}};
            got = PF_HIT;
        }
    }
    if (!data)
        got = PF_MAYBE;
    pcre2_match_data_free(data);
    return got;
}

/* --- a text that matches ---------------------------------------------------------------------- */

struct sampler {
    struct span s; /* the pattern */
    size_t i;
    struct buf *out;
    unsigned depth;
};

static void sample_alternatives(struct sampler *r, bool quiet);

static char class_member(struct span name)
{
    static const struct {
        const char *name;
        char c;
    } classes[] = {{"alpha", 'a'}, {"alnum", 'a'},  {"lower", 'a'}, {"upper", 'A'},
                   {"digit", '1'}, {"xdigit", '1'}, {"punct", '-'}, {"word", 'a'}};

    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (span_eq(name, span_str(classes[i].name)))
            return classes[i].c;
    return 'a';
}

/* "[…]" from r->i: where it ends, and a first member. */
static size_t bracket_end(const struct sampler *r, char *ret_first, bool *ret_negated)
{
    size_t i = r->i + 1;

    *ret_negated = i < r->s.n && r->s.p[i] == '^';
    i += *ret_negated;
    *ret_first = i < r->s.n ? r->s.p[i] : 'a';
    if (*ret_first == '[' && i + 1 < r->s.n && r->s.p[i + 1] == ':') {
        size_t from = i + 2, to = from;

        while (to < r->s.n && r->s.p[to] != ':')
            to++;
        *ret_first = class_member(span_slice(r->s, from, to));
    } else if (*ret_first == '\\' && i + 1 < r->s.n) {
        char e = r->s.p[i + 1];

        *ret_first = e == 'd' ? '1' : e == 'w' ? 'a' : e;
    }
    for (size_t from = i; i < r->s.n && (r->s.p[i] != ']' || i == from); i++) {
        if (r->s.p[i] == '\\')
            i++;
        else if (r->s.p[i] == '[' && i + 1 < r->s.n && r->s.p[i + 1] == ':')
            for (i += 2; i < r->s.n && r->s.p[i] != ']'; i++)
                ;
    }
    return i + 1;
}

static char bracket(struct sampler *r)
{
    static const char tries[] = "xa1-_9";
    char first;
    bool negated;
    size_t end = bracket_end(r, &first, &negated), from = r->i;

    r->i = end < r->s.n ? end : r->s.n;
    if (!negated)
        return first;
    for (const char *t = tries; *t; t++)
        if (span_find(span_slice(r->s, from, end), *t) >= end - from)
            return *t;
    return 'x';
}

static void escape(struct sampler *r, char *ret, bool *ret_none)
{
    char e = r->i + 1 < r->s.n ? r->s.p[r->i + 1] : '\\';

    r->i = r->i + 2 < r->s.n ? r->i + 2 : r->s.n;
    *ret_none = strchr("bBAzZG<>", e) && e;
    *ret = e == 'd'               ? '1'
           : e == 'w'             ? 'a'
           : e == 's'             ? ' '
           : e == 'S' || e == 'D' ? 'a'
           : e == 'W'             ? '-'
                                  : e;
    if (ascii_is_digit(e))
        *ret_none = true;
}

/* A quantifier behind a part: the least number of times, but once rather than never. */
static unsigned quantifier(struct sampler *r)
{
    unsigned n = 1;
    size_t to;

    if (r->i < r->s.n && strchr("*+?", r->s.p[r->i])) {
        r->i++;
    } else if (r->i < r->s.n && r->s.p[r->i] == '{') {
        for (to = r->i + 1; to < r->s.n && ascii_is_digit(r->s.p[to]); to++)
            ;
        if (to == r->i + 1 || !num_uint(span_slice(r->s, r->i + 1, to), 0, SAMPLE_MAX, &n))
            return 1;
        while (to < r->s.n && r->s.p[to] != '}')
            to++;
        r->i = to < r->s.n ? to + 1 : r->s.n;
    } else {
        return 1;
    }
    if (r->i < r->s.n && strchr("?+", r->s.p[r->i])) /* lazy, possessive */
        r->i++;
    return n ? n : 1;
}

/* "(…)": what it matches goes to the output, unless it only looks around. */
static void group(struct sampler *r, bool quiet)
{
    bool looks = false;

    r->i++;
    if (r->i + 1 < r->s.n && r->s.p[r->i] == '?') {
        char kind = r->s.p[r->i + 1];

        looks = kind == '=' || kind == '!' || kind == '<';
        r->i++;
        while (r->i < r->s.n && !strchr(":=!>)", r->s.p[r->i]))
            r->i++;
        if (r->i < r->s.n && r->s.p[r->i] != ')')
            r->i++;
    }
    sample_alternatives(r, quiet || looks);
    if (r->i < r->s.n)
        r->i++; /* the closing one */
}

static void part(struct sampler *r, bool quiet)
{
    size_t from = r->out->n, n;
    bool none = false;
    char c = r->s.p[r->i];

    switch (c) {
    case '(':
        group(r, quiet);
        none = true;
        break;
    case '[':
        c = bracket(r);
        break;
    case '\\':
        escape(r, &c, &none);
        break;
    case '^':
    case '$':
        none = true;
        r->i++;
        break;
    case '.':
        c = 'x';
        r->i++;
        break;
    default:
        r->i++;
        break;
    }
    if (!none && !quiet)
        buf_add_char(r->out, c);
    n = r->out->n - from;
    for (unsigned times = quantifier(r); times > 1 && n > 0 && r->out->n < SAMPLE_MAX; times--) {
        char copy[SAMPLE_MAX];

        if (n > sizeof(copy))
            break;
        memcpy(copy, r->out->p + from, n);
        buf_add(r->out, span_of(copy, n));
    }
}

static void sample_alternatives(struct sampler *r, bool quiet)
{
    if (++r->depth > AUDIT_NEST_MAX) {
        r->i = r->s.n;
        return;
    }
    while (r->i < r->s.n && r->s.p[r->i] != ')') {
        if (r->s.p[r->i] == '|') {
            quiet = true;
            r->i++;
        } else {
            part(r, quiet);
        }
    }
    r->depth--;
}

bool pf_pattern_sample(const struct pf_entry *e, struct buf *ret)
{
    struct sampler r = {.s = e->key, .out = ret};
    pcre2_match_data *data;
    bool fits;

    if (!e->code || e->negated)
        return false;
    while (r.i < r.s.n && ret->n < SAMPLE_MAX) {
        sample_alternatives(&r, false);
        if (r.i < r.s.n) /* a stray closing bracket */
            r.i++;
    }
    data = pcre2_match_data_create(1, NULL);
    fits = data && ret->err == 0 && match(e, buf_span(ret), data) == YES;
    pcre2_match_data_free(data);
    return fits;
}
