/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logical lines. Each MTA has its own way to continue a line, and each has let administrators lose
 * a setting in it; so it is done here once a way, and every byte of a joined line still knows the
 * physical line that it stands in: a finding about the fourth network of a list names the fourth
 * line.
 *
 * Lines that are not joined are borrowed from the file; joined ones are copied.
 */
#include "audit/interp.h"

#include <errno.h>
#include <stdlib.h>

void audit_lines_open(struct audit_lines *r, struct audit *a, enum audit_lines_style style,
                      const struct audit_source_file *file)
{
    struct span text = file->text;

    /* A byte order mark is none of the text. */
    if (span_starts(text, SPAN_LIT("\xEF\xBB\xBF")))
        text = span_slice(text, 3, text.n);
    *r = (struct audit_lines){a, file->name, style, text, 1};
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static struct span left_trim(struct span s)
{
    size_t i = 0;

    while (i < s.n && blank(s.p[i]))
        i++;
    return span_slice(s, i, s.n);
}

static struct span right_trim(struct span s)
{
    while (s.n > 0 && blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* A physical line without its ending. */
static bool physical(struct audit_lines *r, struct span *ret)
{
    if (r->text.n == 0 || !span_cut(&r->text, '\n', ret))
        return false;
    if (ret->n > 0 && ret->p[ret->n - 1] == '\r')
        ret->n--;
    r->line++;
    return true;
}

/* Nothing that the MTA would look at. */
static bool empty(const struct audit_lines *r, struct span s)
{
    struct span t = left_trim(s);

    if (t.n == 0)
        return true;
    switch (r->style) {
    case AUDIT_LINES_TAB:
        return s.p[0] == '#';
    case AUDIT_LINES_BLANK:
    case AUDIT_LINES_BACKSLASH:
        return t.p[0] == '#';
    case AUDIT_LINES_PLAIN:
        break;
    }
    return false;
}

/* Parts of a logical line while they are joined. */
struct joining {
    struct buf text;
    struct audit_break *breaks;
    size_t count, cap;
    struct span first; /* borrowed: the only one, as long as there is one */
    bool open;         /* the last one ended in a backslash */
};

static void part_add(struct joining *j, struct span part, unsigned line, const char *between)
{
    if (j->count == 0)
        j->first = part;
    if (j->count == 1)
        buf_add(&j->text, j->first);
    if (array_grow(&j->breaks, &j->cap, sizeof(j->breaks[0]), j->count + 1) < 0) {
        j->text.err = -ENOMEM;
        return;
    }
    if (j->count > 0)
        buf_add_str(&j->text, between);
    j->breaks[j->count++] = (struct audit_break){j->text.n, line};
    if (j->count > 1)
        buf_add(&j->text, part);
}

/* Takes the backslash off the end, and notes whether there was one. */
static struct span open_end(struct joining *j, struct span s)
{
    s = right_trim(s);
    j->open = s.n > 0 && s.p[s.n - 1] == '\\';
    if (j->open)
        s.n--;
    return s;
}

/* Whether the next physical line goes on with this one; takes it (or what is skipped) if so. */
static bool more(struct audit_lines *r, struct joining *j)
{
    struct audit_lines ahead = *r;
    unsigned line = r->line;
    struct span next;

    if (!physical(&ahead, &next))
        return false;
    switch (r->style) {
    case AUDIT_LINES_PLAIN:
        return false;
    case AUDIT_LINES_BLANK:
        if (next.n > 0 && next.p[0] != '#' && !blank(next.p[0]))
            return false;
        *r = ahead;
        if (!empty(r, next))
            part_add(j, next, line, "");
        return true;
    case AUDIT_LINES_TAB:
        if (next.n == 0 || !blank(next.p[0]))
            return false;
        *r = ahead;
        part_add(j, next, line, "\n");
        return true;
    case AUDIT_LINES_BACKSLASH:
        if (!j->open)
            return false;
        *r = ahead;
        next = left_trim(next);
        if (next.n == 0 || next.p[0] != '#')
            part_add(j, open_end(j, next), line, "");
        return true;
    }
    return false;
}

/* The joined text with its own copy of where each part begins. */
static bool joined(struct audit_lines *r, const struct joining *j, struct audit_line *ret)
{
    struct audit_break *breaks = audit_alloc(r->a, j->count * sizeof(breaks[0]));

    ret->text = span_of(audit_dup(r->a, buf_span(&j->text)), j->text.n);
    if (audit_failed(r->a))
        return false;
    memcpy(breaks, j->breaks, j->count * sizeof(breaks[0]));
    ret->breaks = breaks;
    ret->break_count = j->count;
    return true;
}

bool audit_lines_next(struct audit_lines *r, struct audit_line *ret)
{
    struct joining j = {.text = BUF_INIT(AUDIT_LINE_MAX)};
    struct span s;
    bool ok;

    *ret = (struct audit_line){0};
    do {
        ret->first = r->line;
        if (!physical(r, &s))
            return false;
    } while (empty(r, s));
    part_add(&j, r->style == AUDIT_LINES_BACKSLASH ? open_end(&j, s) : s, ret->first, "");
    while (j.text.err == 0 && more(r, &j))
        ;
    ok = j.text.err == 0 && j.first.n <= AUDIT_LINE_MAX;
    if (!ok)
        audit_bad(r->a, (struct audit_place){r->file, ret->first},
                  "a line of more than a mebibyte; split it");
    ret->text = j.first;
    ret->last = r->line - 1;
    if (ok && j.count > 1)
        ok = joined(r, &j, ret);
    buf_deinit(&j.text);
    free(j.breaks);
    return ok;
}

unsigned audit_line_of(const struct audit_line *line, const char *p)
{
    unsigned at = line->first;
    size_t off = (size_t)(p - line->text.p);

    for (size_t i = 0; i < line->break_count && line->breaks[i].at <= off; i++)
        at = line->breaks[i].line;
    return at;
}

bool audit_word(struct span *s, const char *seps, bool braces, struct span *ret)
{
    size_t i = 0, from, depth = 0;

    while (i < s->n && strchr(seps, s->p[i]) && s->p[i])
        i++;
    if (i >= s->n) {
        *s = span_slice(*s, s->n, s->n);
        return false;
    }
    for (from = i; i < s->n; i++) {
        if (braces && s->p[i] == '{')
            depth++;
        else if (braces && s->p[i] == '}' && depth > 0)
            depth--;
        else if (depth == 0 && s->p[i] && strchr(seps, s->p[i]))
            break;
    }
    *ret = span_slice(*s, from, i);
    *s = span_slice(*s, i, s->n);
    return true;
}
