/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines of an Exim configuration: macros, conditions, includes, continuations, in the order in
 * which Exim does them. A macro is put in wherever its name stands, even inside of another word;
 * an .ifdef is true when some macro was found in its line; an .include may stand in the middle of a
 * value. So this is done on each physical line before they are joined.
 *
 * Every byte of a logical line keeps its place. What a macro put in keeps the place of the macro's
 * own definition, because that is the line to be changed.
 *
 * Options of the command line (-D, -C) are not seen.
 */
#include "audit/mta_exim_priv.h"

#include <errno.h>
#include <stdlib.h>

struct audit_place exim_place(const struct exim_text *t, const char *p)
{
    struct audit_place at = {0};
    size_t off = p >= t->s.p && p <= t->s.p + t->s.n ? (size_t)(p - t->s.p) : 0;

    for (size_t i = 0; i < t->count && (i == 0 || t->marks[i].at <= off); i++)
        at = t->marks[i].place;
    return at;
}

/* Marks count from the start of their text: a part gets its own. */
struct exim_text exim_slice(struct exim_conf *c, const struct exim_text *t, struct span part)
{
    size_t off = part.p && t->s.p ? (size_t)(part.p - t->s.p) : 0, k = 0;
    struct exim_mark *marks = audit_alloc(c->a, (t->count + 1) * sizeof(marks[0]));

    if (audit_failed(c->a))
        return (struct exim_text){part, NULL, 0};
    marks[k++] = (struct exim_mark){0, exim_place(t, part.p)};
    for (size_t i = 0; i < t->count; i++)
        if (t->marks[i].at > off) {
            marks[k] = t->marks[i];
            marks[k++].at -= off;
        }
    return (struct exim_text){part, marks, k};
}

/* --- macros ----------------------------------------------------------------------------------- */

static struct exim_macro *macro_find(const struct exim_conf *c, struct span name)
{
    for (struct exim_macro *m = c->macros; m; m = m->next)
        if (span_eq(span_str(m->name), name))
            return m;
    return NULL;
}

bool exim_macro_has(const struct exim_conf *c, const char *name)
{
    return macro_find(c, span_str(name));
}

void exim_macro_set(struct exim_conf *c, const char *name, struct exim_text value, bool again)
{
    struct exim_macro *m = macro_find(c, span_str(name));

    if (m && again)
        m->value = value;
    if (m)
        return;
    if (c->macro_count++ >= EXIM_MACROS_MAX) {
        audit_bad(c->a, exim_place(&value, value.s.p), "more than %d macros; include fewer files",
                  EXIM_MACROS_MAX);
        return;
    }
    m = audit_alloc(c->a, sizeof(*m));
    *m = (struct exim_macro){audit_dup(c->a, span_str(name)), value, NULL};
    if (!c->macros_end)
        c->macros_end = &c->macros;
    if (audit_failed(c->a))
        return;
    *c->macros_end = m;
    c->macros_end = &m->next;
}

static void add_mark(struct exim_reader *r, struct audit_place place)
{
    size_t n = r->mark_count;

    if (n > 0 && r->marks[n - 1].at == r->text.n) {
        r->marks[n - 1].place = place;
        return;
    }
    if (array_grow(&r->marks, &r->mark_cap, sizeof(r->marks[0]), n + 1) < 0) {
        r->text.err = -ENOMEM;
        return;
    }
    r->marks[r->mark_count++] = (struct exim_mark){r->text.n, place};
}

/* A text that is being changed, with its marks in an arena. */
struct patching {
    struct span s;
    struct exim_mark *marks;
    size_t count;
};

/* Puts the macro's value in place of s[at, at + n). */
static void patch(struct audit *a, struct patching *p, size_t at, size_t n,
                  const struct exim_macro *m, struct audit_place behind)
{
    struct span v = m->value.s;
    char *out = audit_alloc(a, p->s.n - n + v.n + 1);
    struct exim_mark *marks = audit_alloc(a, (p->count + 2) * sizeof(marks[0]));
    struct exim_text old = {p->s, p->marks, p->count};
    struct audit_place after = p->count ? exim_place(&old, p->s.p + at) : behind;
    size_t k = 0;

    if (audit_failed(a))
        return;
    memcpy(out, p->s.p, at);
    if (v.n)
        memcpy(out + at, v.p, v.n);
    memcpy(out + at + v.n, p->s.p + at + n, p->s.n - at - n);
    for (size_t i = 0; i < p->count && p->marks[i].at < at; i++)
        marks[k++] = p->marks[i];
    marks[k++] = (struct exim_mark){at, exim_place(&m->value, v.p)};
    marks[k++] = (struct exim_mark){at + v.n, after};
    for (size_t i = 0; i < p->count; i++)
        if (p->marks[i].at >= at + n && p->marks[i].at > 0) {
            if (k >= p->count + 2)
                break;
            marks[k] = p->marks[i];
            marks[k++].at += v.n - n;
        }
    *p = (struct patching){span_of(out, p->s.n - n + v.n), marks, k};
}

static size_t find_in(struct span s, size_t from, struct span needle)
{
    for (size_t i = from; i + needle.n <= s.n; i++) {
        const char *p = memchr(s.p + i, needle.p[0], s.n - needle.n - i + 1);

        if (!p)
            break;
        i = (size_t)(p - s.p);
        if (memcmp(p, needle.p, needle.n) == 0)
            return i;
    }
    return s.n;
}

/* Where macros may be put in: behind the name that a definition defines. */
static size_t macro_from(struct span s)
{
    size_t i = 0, n;

    if (s.n == 0 || s.p[0] < 'A' || s.p[0] > 'Z')
        return 0;
    while (i < s.n && (ascii_is_alnum(s.p[i]) || s.p[i] == '_'))
        i++;
    n = i;
    while (n < s.n && (s.p[n] == ' ' || s.p[n] == '\t'))
        n++;
    return n < s.n && s.p[n] == '=' ? i : 0;
}

static bool put_macros_in(struct exim_reader *r, struct patching *p, struct audit_place place)
{
    size_t from = macro_from(p->s);
    bool found = false;

    for (struct exim_macro *m = r->c->macros; m; m = m->next) {
        struct span name = span_str(m->name);
        size_t at = from;

        while ((at = find_in(p->s, at, name)) < p->s.n) {
            found = true;
            if (p->s.n + m->value.s.n > AUDIT_LINE_MAX) {
                audit_bad(r->c->a, place, "macros make this line longer than a mebibyte");
                return found;
            }
            patch(r->c->a, p, at, name.n, m, place);
            if (audit_failed(r->c->a))
                return found;
            at += m->value.s.n;
        }
    }
    return found;
}

/* "NAME = text"; false when the line is none. */
static bool definition(struct exim_reader *r, const struct exim_text *t)
{
    size_t n = macro_from(t->s), at = n;
    bool again;

    if (n == 0)
        return false;
    while (t->s.p[at] != '=')
        at++;
    at++;
    again = at < t->s.n && t->s.p[at] == '=';
    exim_macro_set(r->c, audit_dup(r->c->a, span_slice(t->s, 0, n)),
                   exim_slice(r->c, t, span_trim(span_slice(t->s, at + again, t->s.n))), again);
    return true;
}

/* --- conditions and includes ------------------------------------------------------------------ */

static bool is_word(struct span s, const char *word)
{
    size_t n = strlen(word);

    return span_starts(s, span_str(word)) && (s.n == n || s.p[n] == ' ' || s.p[n] == '\t');
}

/* Macros that Exim defines by itself: what a common build has. */
static bool built_in(struct span words)
{
    struct span word;

    while (span_word(&words, &word))
        if (span_starts(word, SPAN_LIT("_HAVE_")) || span_starts(word, SPAN_LIT("_OPT_")) ||
            span_starts(word, SPAN_LIT("_DRIVER_")))
            return true;
    return false;
}

/* .ifdef and its like; false when the line is none. */
static bool condition(struct exim_reader *r, struct span raw, struct audit_place place)
{
    bool ifdef = is_word(raw, ".ifdef"), ifndef = is_word(raw, ".ifndef");
    bool elifdef = is_word(raw, ".elifdef"), elifndef = is_word(raw, ".elifndef");
    struct patching p = {span_slice(raw, span_find(raw, ' '), raw.n), NULL, 0};
    bool want, truth;

    if (is_word(raw, ".endif")) {
        if (r->ifs == 0) {
            audit_bad(r->c->a, place, ".endif without .ifdef");
            return true;
        }
        if (r->skip_at == r->ifs)
            r->skip_at = 0;
        r->ifs--;
        return true;
    }
    if (!ifdef && !ifndef && !elifdef && !elifndef && !is_word(raw, ".else"))
        return false;
    if ((ifdef || ifndef) && r->ifs >= AUDIT_NEST_MAX) {
        audit_bad(r->c->a, place, "more than %d .ifdef within one another", AUDIT_NEST_MAX);
        return true;
    }
    if (!ifdef && !ifndef && r->ifs == 0) {
        audit_bad(r->c->a, place, "%.*s without .ifdef", SPAN_ARG(span_slice(raw, 0, 9)));
        return true;
    }
    if (ifdef || ifndef)
        r->taken[++r->ifs] = false;
    if (r->skip_at && r->skip_at < r->ifs)
        return true;
    truth = p.s.n > 0 && (put_macros_in(r, &p, place) || built_in(p.s));
    want = (ifdef || elifdef) ? truth : (ifndef || elifndef) ? !truth : true;
    want = want && !r->taken[r->ifs];
    r->skip_at = want ? 0 : r->ifs;
    r->taken[r->ifs] = r->taken[r->ifs] || want;
    return true;
}

static bool include(struct exim_reader *r, struct span s, struct audit_place place)
{
    bool exists = is_word(s, ".include_if_exists");
    struct audit_source_file f;
    enum audit_file got;
    const char *name;

    if (!exists && !is_word(s, ".include"))
        return false;
    s = span_trim(span_slice(s, span_find(s, ' '), s.n));
    if (s.n > 1 && s.p[0] == '"' && s.p[s.n - 1] == '"')
        s = span_slice(s, 1, s.n - 1);
    name = audit_join_path(r->c->a, audit_dirname(r->c->a, r->c->file), audit_dup(r->c->a, s));
    if (r->depth >= AUDIT_NEST_MAX) {
        audit_bad(r->c->a, place, "more than %d includes within one another; is %s a loop?",
                  AUDIT_NEST_MAX, name);
        return true;
    }
    got = audit_text(r->c->a, name, &f);
    if (got == AUDIT_FILE_OK) {
        r->depth++;
        exim_read_file(r, &f);
        r->depth--;
    } else if (!exists || got != AUDIT_FILE_MISSING) {
        audit_need(r->c->a, "EX07", place, name, "what this server accepts", &f);
    }
    return true;
}

/* --- lines ------------------------------------------------------------------------------------ */

void exim_reader_open(struct exim_reader *r, struct exim_conf *c, exim_line_fn each, void *cookie)
{
    *r = (struct exim_reader){
        .c = c, .each = each, .cookie = cookie, .text = BUF_INIT(AUDIT_LINE_MAX)};
}

static void line_done(struct exim_reader *r)
{
    struct exim_mark *marks = audit_alloc(r->c->a, r->mark_count * sizeof(marks[0]) + 1);
    struct exim_text t = {span_of(audit_dup(r->c->a, buf_span(&r->text)), r->text.n), marks,
                          r->mark_count};

    r->open = false;
    if (r->text.err || audit_failed(r->c->a)) {
        audit_bad(r->c->a, r->mark_count ? r->marks[0].place : (struct audit_place){0},
                  "a line of more than a mebibyte; split it");
        r->stop = true;
    } else if (r->text.n > 0) {
        memcpy(marks, r->marks, r->mark_count * sizeof(marks[0]));
        if (!definition(r, &t))
            r->stop = !r->each(r->cookie, &t) || audit_failed(r->c->a);
    }
    buf_clear(&r->text);
    r->mark_count = 0;
}

/* One physical line, without blanks at its front and end. */
static void physical(struct exim_reader *r, struct span raw, struct audit_place place)
{
    struct patching p = {raw, NULL, 0};
    bool more;

    if (raw.n == 0 || raw.p[0] == '#')
        return;
    if (raw.p[0] == '.' && condition(r, raw, place))
        return;
    if (r->skip_at)
        return;
    if (r->at_macros && span_starts(raw, SPAN_LIT("UPEX4CmacrosUPEX4C")))
        r->at_macros(r);
    put_macros_in(r, &p, place);
    while (p.s.n > 0 && strchr(" \t", p.s.p[p.s.n - 1]))
        p.s.n--;
    if (p.s.n > 0 && p.s.p[0] == '.' && include(r, p.s, place))
        return;
    more = p.s.n > 0 && p.s.p[p.s.n - 1] == '\\';
    if (more)
        p.s.n--;
    if (p.count == 0 || p.marks[0].at > 0)
        add_mark(r, place);
    for (size_t i = 0, at = 0; i <= p.count; i++) {
        size_t to = i < p.count ? p.marks[i].at : p.s.n;

        if (to > at)
            buf_add(&r->text, span_slice(p.s, at, to));
        if (i < p.count)
            add_mark(r, p.marks[i].place);
        at = to > at ? to : at;
    }
    r->open = more;
    if (!more)
        line_done(r);
}

int exim_read_file(struct exim_reader *r, const struct audit_source_file *file)
{
    struct audit_lines lines;
    struct audit_line line;

    audit_lines_open(&lines, r->c->a, AUDIT_LINES_PLAIN, file);
    while (!r->stop && audit_lines_next(&lines, &line)) {
        physical(r, span_trim(line.text), (struct audit_place){file->name, line.first});
        if (audit_error(r->c->a)[0] || audit_failed(r->c->a))
            r->stop = true;
    }
    return audit_error(r->c->a)[0] ? AUDIT_BAD : 0;
}

void exim_reader_end(struct exim_reader *r)
{
    if (r->text.n > 0 && !r->stop)
        line_done(r);
    buf_deinit(&r->text);
    free(r->marks);
}
