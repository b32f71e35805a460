/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each pattern of each row is tried on each line of the place that it is for; of the matches in one
 * place only those with the most fixed text count, so that "MetaInfo Sendmail" is not also
 * Sendmail. Places differ when two servers stand behind one another: what greets is told first,
 * because its settings are met first.
 *
 * Of a Received field only what stands behind "by" was written by the server about itself; HELO and
 * reverse name before it are the client's to choose. Patterns that begin with "^from" or "^(" look
 * at the whole field: they are about its shape.
 */
#include "advise/know.h"

#include "advise/pattern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINES_MAX = 200, /* of one sign */
    SURE = 100,
    HINT = 10,
};

/* A reply line without "220-", a header without its name. */
static struct span bare(enum advise_place place, struct span line)
{
    line = span_trim(line);
    if (place == ADVISE_RECEIVED) {
        if (span_starts_nocase(line, SPAN_LIT("Received:")))
            line = span_trim(span_slice(line, 9, line.n));
        return line;
    }
    if (line.n >= 3 && ascii_is_digit(line.p[0]) && ascii_is_digit(line.p[1]) &&
        ascii_is_digit(line.p[2]) && (line.n == 3 || line.p[3] == ' ' || line.p[3] == '-'))
        line = span_slice(line, line.n == 3 ? 3 : 4, line.n);
    return line;
}

/* What stands from the first "by" on that is in no comment. */
static struct span by_part(struct span line)
{
    unsigned depth = 0;

    for (size_t i = 0; i < line.n; i++) {
        char c = line.p[i];

        if (c == '(')
            depth++;
        else if (c == ')' && depth)
            depth--;
        else if (depth == 0 && (i == 0 || line.p[i - 1] == ' ' || line.p[i - 1] == '\t') &&
                 span_starts_nocase(span_slice(line, i, line.n), SPAN_LIT("by ")))
            return span_slice(line, i, line.n);
    }
    return SPAN_NULL;
}

static bool whole_field(struct span pattern)
{
    return span_starts(pattern, SPAN_LIT("^from")) || span_starts(pattern, SPAN_LIT("^("));
}

/* ---- keywords of EHLO ---- */

static struct span keyword_of(struct span line)
{
    struct span word = SPAN_NULL;

    line = bare(ADVISE_EHLO, line);
    span_word(&line, &word);
    return word;
}

/* "XVERP" is also "XVERP=Courier"; "XVERP=Courier" is that alone. */
static bool has_keyword(struct span lines, struct span want)
{
    bool whole = span_find(want, '=') < want.n;
    struct span line;

    while (span_cut(&lines, '\n', &line)) {
        struct span word = keyword_of(line);

        if (span_eq_nocase(whole ? word : span_slice(word, 0, span_find(word, '=')), want))
            return true;
    }
    return false;
}

/* "A B": both are there. "only A B": these, in this order, and no other. */
static bool keywords_match(struct span pattern, struct span lines)
{
    struct span word, line, rest = pattern;
    bool exact = span_word(&rest, &word) && span_eq(word, SPAN_LIT("only"));

    if (!exact) {
        while (span_word(&pattern, &word))
            if (!has_keyword(lines, word))
                return false;
        return true;
    }
    while (span_cut(&lines, '\n', &line)) {
        struct span keyword = keyword_of(line);

        if (keyword.n && (!span_word(&rest, &word) || !span_eq_nocase(keyword, word)))
            return false;
    }
    return !span_word(&rest, &word);
}

static unsigned keywords_weight(struct span pattern)
{
    return (unsigned)(pattern.n > 30 ? 30 : pattern.n);
}

/* ---- one sign of one row ---- */

struct found {
    const struct advise_row *row;
    struct advise_match match;
    struct span line;
    bool hint;
    unsigned weight;
};

static bool line_match(enum advise_place place, struct span pattern, struct span line,
                       struct advise_match *ret)
{
    /* A pattern that begins with a code is about a code that others do not use. */
    if (place != ADVISE_REPLY || !pattern.n || !ascii_is_digit(pattern.p[0]))
        line = bare(place, line);
    if (place == ADVISE_RECEIVED && !whole_field(pattern))
        line = by_part(line);
    return line.n && advise_pattern_match(pattern, line, ret);
}

/* Of two patterns of one row: a sure one before a hint, then one that tells the version. */
static bool better(const struct found *a, const struct found *b)
{
    if (!b->row || a->hint != b->hint)
        return !b->row || b->hint;
    if ((a->match.version.n != 0) != (b->match.version.n != 0))
        return a->match.version.n != 0;
    return a->weight > b->weight;
}

static void place_match(enum advise_place place, const struct advise_row *row, struct span pattern,
                        struct span text, struct found *best)
{
    struct found f = {.row = row, .hint = pattern.n && pattern.p[0] == '~'};
    struct span line;
    unsigned lines = 0;

    if (f.hint)
        pattern = span_trim(span_slice(pattern, 1, pattern.n));
    f.weight = place == ADVISE_EHLO ? keywords_weight(pattern) : advise_pattern_weight(pattern);
    if (place == ADVISE_EHLO) {
        if (keywords_match(pattern, text) && better(&f, best))
            *best = f;
        return;
    }
    while (lines++ < LINES_MAX && span_cut(&text, '\n', &line)) {
        if (!line_match(place, pattern, line, &f.match))
            continue;
        f.line = span_trim(line);
        if (better(&f, best))
            *best = f;
        return;
    }
}

/* The best match of a row in one place; best.row is NULL when there is none. */
static struct found row_match(enum advise_place place, const struct advise_row *row,
                              struct span text)
{
    struct span rest = span_str(row->signs[place]), pattern;
    struct found best = {0};

    while (text.n && advise_part(&rest, &pattern))
        place_match(place, row, pattern, text, &best);
    return best;
}

/* ---- all of them ---- */

/* The first row of a product speaks for it. */
static const struct advise_row *lead_of(const struct advise_book *b, const struct advise_row *row)
{
    for (size_t i = 0; i < b->count; i++)
        if (strcmp(b->rows[i]->product, row->product) == 0)
            return b->rows[i];
    return row;
}

static struct advise_known *candidate(const struct advise_book *b, struct advise_known *all,
                                      size_t *count, const struct advise_row *row)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp(all[i].lead->product, row->product) == 0)
            return &all[i];
    all[*count] = (struct advise_known){.lead = lead_of(b, row),
                                        .called = advise_book_called(b, row->product)};
    return &all[(*count)++];
}

static void take(struct advise_known *k, enum advise_place place, const struct found *f)
{
    if (k->evidence_count == ADVISE_EVIDENCE_MAX)
        return;
    k->evidence[k->evidence_count++] = (struct advise_evidence){place, f->hint, f->weight, f->line};
    k->score += f->hint ? HINT : SURE + f->weight;
    k->sure |= !f->hint;
    if (f->match.version.n && !k->version[0])
        span_copy(span_slice(f->match.version, 0, ADVISE_VERSION_MAX), k->version,
                  sizeof(k->version));
    if (f->match.cf.n && !k->cf[0])
        span_copy(span_slice(f->match.cf, 0, ADVISE_VERSION_MAX), k->cf, sizeof(k->cf));
}

static int by_weight(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    if (x->hint != y->hint)
        return x->hint - y->hint;
    return x->weight < y->weight ? 1 : x->weight > y->weight ? -1 : 0;
}

static int place_know(const struct advise_book *b, enum advise_place place, struct span text,
                      struct advise_known *all, size_t *count)
{
    struct found *found = calloc(b->count + 1, sizeof(*found));
    size_t n = 0;

    if (!found)
        return -ENOMEM;
    text = span_slice(text, 0, ADVISE_TEXT_MAX);
    for (size_t i = 0; i < b->count && text.n; i++) {
        found[n] = row_match(place, b->rows[i], text);
        n += found[n].row != NULL;
    }
    qsort(found, n, sizeof(*found), by_weight);
    for (size_t i = 0; i < n; i++) {
        struct advise_known *k;

        /* Where one is sure, what is shorter is a part of it, and hints tell nothing more. */
        if (!found[0].hint && (found[i].hint || found[i].weight < found[0].weight))
            break;
        k = candidate(b, all, count, found[i].row);
        if (k->evidence_count == 0 || k->evidence[k->evidence_count - 1].place != place)
            take(k, place, &found[i]);
    }
    free(found);
    return 0;
}

static int by_score(const void *a, const void *b)
{
    const struct advise_known *x = a, *y = b;

    if (x->sure != y->sure)
        return y->sure - x->sure;
    /* Who greets comes before who only wrote a line. */
    if (x->sure && x->evidence[0].place != y->evidence[0].place)
        return (int)x->evidence[0].place - (int)y->evidence[0].place;
    return x->score < y->score ? 1 : x->score > y->score ? -1 : 0;
}

/* Folded fields become one line each; the lines in *ret are the caller's to free. */
static void unfold(struct span text, struct buf *ret)
{
    struct span line;

    while (span_cut(&text, '\n', &line)) {
        bool more = line.n && (line.p[0] == ' ' || line.p[0] == '\t');

        if (ret->n)
            buf_add_char(ret, more ? ' ' : '\n');
        buf_add(ret, span_trim(line));
    }
}

int advise_know(const struct advise_book *b, const struct advise_signs *s,
                struct advise_known_list *ret)
{
    struct advise_known *all = calloc(b->count + 1, sizeof(*all));
    struct buf received = BUF_INIT(ADVISE_TEXT_MAX);
    size_t count = 0;
    int rc = all ? 0 : -ENOMEM;

    *ret = (struct advise_known_list){.count = 0};
    unfold(span_slice(s->text[ADVISE_RECEIVED], 0, ADVISE_TEXT_MAX), &received);
    for (unsigned p = 0; p < ADVISE_PLACES && rc == 0; p++)
        rc = place_know(b, (enum advise_place)p,
                        p == ADVISE_RECEIVED ? buf_span(&received) : s->text[p], all, &count);
    for (size_t i = 0; i < count && rc == 0; i++) {
        all[i].pair = advise_pair_of(span_str(all[i].version), span_str(all[i].cf));
        for (size_t k = 0; k < all[i].evidence_count; k++)
            if (all[i].evidence[k].place == ADVISE_RECEIVED)
                all[i].evidence[k].line = SPAN_NULL;
    }
    if (rc == 0 && count)
        qsort(all, count, sizeof(*all), by_score);
    for (size_t i = 0; i < count && i < ADVISE_KNOWN_MAX && rc == 0; i++)
        ret->v[ret->count++] = all[i];
    buf_deinit(&received);
    free(all);
    return rc;
}

void advise_signs_ehlo(struct advise_signs *s, struct span reply)
{
    struct span first;

    s->text[ADVISE_HELLO] = s->text[ADVISE_EHLO] = SPAN_NULL;
    if (!span_cut(&reply, '\n', &first))
        return;
    s->text[ADVISE_HELLO] = first;
    s->text[ADVISE_EHLO] = reply;
}

enum advise_pair advise_pair_of(struct span version, struct span cf)
{
    if (cf.n == 0)
        return ADVISE_PAIR_NONE;
    if (span_starts_nocase(cf, SPAN_LIT("linuxconf")))
        return ADVISE_PAIR_LINUXCONF;
    if (span_starts_nocase(cf, SPAN_LIT("SCO")) || span_starts_nocase(cf, SPAN_LIT("SMI")) ||
        span_starts_nocase(version, SPAN_LIT("SMI")))
        return ADVISE_PAIR_VENDOR;
    if (!ascii_is_digit(cf.p[0]))
        return ADVISE_PAIR_OWN_NAME;
    return advise_version_compare(cf, SPAN_LIT("8.9.3"), false) == ADVISE_LESS ? ADVISE_PAIR_OLD
                                                                               : ADVISE_PAIR_SAME;
}
