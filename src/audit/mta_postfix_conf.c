/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * main.cf and the expansion of its values.
 *
 * The last of two settings of one name counts; an override of the service at hand counts over both,
 * also where another value refers to the name. Expansion is that of postconf(5): $name, ${name},
 * $(name), ${name?text}, ${name:text}, ${name?{text}:{text}} and ${{text} op {text} ? {text} :
 * {text}}. Every byte of a result knows the line that it was written in, so that a restriction
 * which came in by $mua_client_restrictions is told at its own place.
 *
 * A file that is made from a template ("{{ domain }}", "[% dom %]") is read as far as it goes; what
 * the template fills in is unknown, not empty.
 */
#include "audit/mta_postfix_priv.h"

#include <errno.h>
#include <stdlib.h>

/* --- reading ---------------------------------------------------------------------------------- */

static bool name_char(char ch)
{
    return ascii_is_alnum(ch) || ch == '_';
}

static struct pf_param *param_parse(struct audit *a, const struct audit_line *line,
                                    const char *file)
{
    struct span rest = line->text, name;
    struct pf_param *p;

    /* "logical line must not start with whitespace": Postfix leaves it out. */
    if (rest.p[0] == ' ' || rest.p[0] == '\t' || !span_cut(&rest, '=', &name) || !rest.p)
        return NULL;
    name = span_trim(name);
    if (name.n == 0 || name.n == line->text.n)
        return NULL;
    for (size_t i = 0; i < name.n; i++)
        if (!name_char(name.p[i]) && name.p[i] != '-' && name.p[i] != '.' && name.p[i] != '/')
            return NULL;
    p = audit_alloc(a, sizeof(*p));
    if (audit_failed(a))
        return NULL;
    p->name = audit_dup(a, name);
    p->line = *line;
    p->value = span_trim(rest);
    p->file = file;
    return p;
}

void pf_conf_read(struct pf_conf *c, const struct audit_source_file *f)
{
    struct audit_lines r;
    struct audit_line line;

    audit_lines_open(&r, c->a, AUDIT_LINES_BLANK, f);
    while (audit_lines_next(&r, &line)) {
        struct pf_param *p = param_parse(c->a, &line, f->name);

        if (p) {
            p->next = c->main;
            c->main = p;
        }
    }
    c->file = f->name;
    c->lines = 0;
    for (size_t i = 0; i < f->text.n; i++)
        c->lines += f->text.p[i] == '\n';
    if (f->text.n > 0 && f->text.p[f->text.n - 1] != '\n')
        c->lines++;
}

/*
 * smtpd asks trivial-rewrite where an address goes, and that reads main.cf: what a service in
 * master.cf says of these has no effect.
 */
static bool of_rewrite(const char *name)
{
    static const char *const names[] = {"allow_percent_hack",     "mydestination",
                                        "relay_domains",          "resolve_dequoted_address",
                                        "swap_bangpath",          "virtual_alias_domains",
                                        "virtual_mailbox_domains"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static const struct pf_param *find_with(const struct pf_conf *c, const struct pf_param *over,
                                        const char *name)
{
    for (const struct pf_param *p = over; p; p = p->next)
        if (strcmp(p->name, name) == 0)
            return p;
    for (const struct pf_param *p = c->main; p; p = p->next)
        if (strcmp(p->name, name) == 0)
            return p;
    return NULL;
}

const struct pf_param *pf_find(const struct pf_conf *c, const char *name)
{
    return find_with(c, of_rewrite(name) ? c->rewrite : c->over, name);
}

struct audit_place pf_where(const struct pf_conf *c, const char *name)
{
    const struct pf_param *p = pf_find(c, name);

    if (!p)
        return (struct audit_place){c->file, 0};
    return (struct audit_place){p->file,
                                audit_line_of(&p->line, p->value.p ? p->value.p : p->line.text.p)};
}

/* --- expansion -------------------------------------------------------------------------------- */

struct expansion {
    struct pf_conf *c;
    struct buf out;
    struct pf_seg *segs;
    size_t count, cap;
    const struct audit_line *line; /* that the raw text stands in; NULL: all at `place` */
    struct audit_place place;
    bool unknown;
};

static struct audit_place place_at(const struct expansion *e, const char *p)
{
    if (!e->line || p < e->line->text.p || p > e->line->text.p + e->line->text.n)
        return e->place;
    return (struct audit_place){e->place.file, audit_line_of(e->line, p)};
}

static void add_seg(struct expansion *e, struct audit_place place)
{
    struct pf_seg *last = e->count ? &e->segs[e->count - 1] : NULL;

    if (last && last->place.file == place.file && last->place.line == place.line)
        return;
    if (array_grow(&e->segs, &e->cap, sizeof(e->segs[0]), e->count + 1) == 0)
        e->segs[e->count++] = (struct pf_seg){e->out.n, place};
    else
        e->out.err = -ENOMEM;
}

/* Text as it is: a segment for each physical line of it. */
static void add_literal(struct expansion *e, struct span s)
{
    while (s.n > 0) {
        struct audit_place place = place_at(e, s.p);
        size_t n = 1;

        while (e->line && e->line->break_count > 0 && n < s.n &&
               place_at(e, s.p + n).line == place.line)
            n++;
        if (!e->line || e->line->break_count == 0)
            n = s.n;
        add_seg(e, place);
        buf_add(&e->out, span_slice(s, 0, n));
        s = span_slice(s, n, s.n);
    }
}

static void expand_into(struct expansion *e, struct span raw);
static struct pf_text param_text(struct pf_conf *c, const char *name, struct audit_place from);

static void add_text(struct expansion *e, const struct pf_text *t)
{
    for (size_t i = 0; i < t->count; i++) {
        size_t to = i + 1 < t->count ? t->segs[i + 1].at : t->s.n;

        add_seg(e, t->segs[i].place);
        buf_add(&e->out, span_slice(t->s, t->segs[i].at, to));
    }
    e->unknown = e->unknown || t->unknown;
}

/* The end of a bracketed part: s begins behind the opening one; s.n when it is not closed. */
static size_t closing(struct span s, char open, char close)
{
    size_t depth = 1;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == open)
            depth++;
        else if (s.p[i] == close && --depth == 0)
            return i;
    }
    return s.n;
}

static struct span skip_blanks(struct span s)
{
    while (s.n > 0 && strchr(" \t\r\n", s.p[0]) && s.p[0])
        s = span_slice(s, 1, s.n);
    return s;
}

/* "{text}" off the front of *s. */
static bool braced(struct span *s, struct span *ret)
{
    size_t end;

    *s = skip_blanks(*s);
    if (s->n == 0 || s->p[0] != '{')
        return false;
    end = closing(span_slice(*s, 1, s->n), '{', '}');
    *ret = span_trim(span_slice(*s, 1, 1 + end));
    *s = skip_blanks(span_slice(*s, end + 2, s->n));
    return true;
}

static struct span plain_text(struct expansion *e, struct span raw)
{
    struct pf_text t = pf_expand(e->c, raw, e->place);

    e->unknown = e->unknown || t.unknown;
    return span_trim(t.s);
}

static bool all_digits(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_digit(s.p[i]))
            return false;
    return s.n > 0;
}

static int by_bytes(struct span a, struct span b)
{
    int r = memcmp(a.n ? a.p : "", b.n ? b.p : "", a.n < b.n ? a.n : b.n);

    return r ? r : a.n < b.n ? -1 : a.n > b.n;
}

static int compare(struct span a, struct span b, bool level)
{
    unsigned va, vb;

    if ((level || (all_digits(a) && all_digits(b))) && pf_version_parse(a, &va) &&
        pf_version_parse(b, &vb))
        return va < vb ? -1 : va > vb;
    return by_bytes(a, b);
}

/* The operator between the two texts: "==", "<level" and their kin. */
static bool relation(struct span op, struct span a, struct span b)
{
    bool level = span_ends_nocase(op, SPAN_LIT("level"));
    int r = compare(a, b, level);

    if (level)
        op.n -= 5;
    if (span_eq(op, SPAN_LIT("==")))
        return r == 0;
    if (span_eq(op, SPAN_LIT("!=")))
        return r != 0;
    if (span_eq(op, SPAN_LIT("<")))
        return r < 0;
    if (span_eq(op, SPAN_LIT("<=")))
        return r <= 0;
    if (span_eq(op, SPAN_LIT(">")))
        return r > 0;
    return r >= 0;
}

/* Behind "?" or ":": a text in braces, or all up to `until` (0: to the end). */
static struct span branch(struct span *s, char until)
{
    struct span text;
    size_t end;

    if (braced(s, &text))
        return text;
    end = until ? span_find(*s, until) : s->n;
    text = span_slice(*s, 0, end);
    *s = span_slice(*s, end, s->n);
    return text;
}

static void choose(struct expansion *e, struct span rest, bool yes)
{
    struct span text = SPAN_NULL;
    bool positive = rest.n > 0 && rest.p[0] == '?';

    if (rest.n == 0)
        return;
    rest = span_slice(rest, 1, rest.n);
    if (!positive) {
        if (!yes)
            expand_into(e, branch(&rest, 0));
        return;
    }
    /* "?text" goes to the end, unless "?{text}" or a relation: then ":" opens the other branch. */
    text = branch(&rest, 0);
    rest = skip_blanks(rest);
    if (yes) {
        expand_into(e, text);
    } else if (rest.n > 0 && rest.p[0] == ':') {
        rest = span_slice(rest, 1, rest.n);
        expand_into(e, branch(&rest, 0));
    }
}

/* The inside of ${…} or $(…). */
static void expand_braces(struct expansion *e, struct span in)
{
    struct span left, op, right;
    size_t n = 0;

    if (in.n > 0 && skip_blanks(in).n > 0 && skip_blanks(in).p[0] == '{') {
        if (!braced(&in, &left))
            return;
        while (n < in.n && in.p[n] != '{')
            n++;
        op = span_trim(span_slice(in, 0, n));
        in = span_slice(in, n, in.n);
        if (!braced(&in, &right))
            return;
        left = plain_text(e, left);
        right = plain_text(e, right);
        choose(e, in, relation(op, left, right));
        return;
    }
    while (n < in.n && name_char(in.p[n]))
        n++;
    if (n == in.n || in.p[n] == '?' || in.p[n] == ':') {
        struct pf_text t =
            param_text(e->c, audit_dup(e->c->a, span_slice(in, 0, n)), place_at(e, in.p));

        if (n == in.n)
            add_text(e, &t);
        else
            choose(e, span_slice(in, n, in.n), t.s.n > 0);
        e->unknown = e->unknown || t.unknown;
    }
}

static size_t expand_one(struct expansion *e, struct span s)
{
    size_t n = 1, end;

    if (s.n > 1 && s.p[1] == '$') {
        add_literal(e, span_slice(s, 1, 2));
        return 2;
    }
    if (s.n > 1 && (s.p[1] == '{' || s.p[1] == '(')) {
        end = closing(span_slice(s, 2, s.n), s.p[1], s.p[1] == '{' ? '}' : ')');
        expand_braces(e, span_slice(s, 2, 2 + end));
        return end + 3 < s.n ? end + 3 : s.n;
    }
    while (n < s.n && name_char(s.p[n]))
        n++;
    if (n > 1) {
        struct pf_text t =
            param_text(e->c, audit_dup(e->c->a, span_slice(s, 1, n)), place_at(e, s.p));

        add_text(e, &t);
    }
    return n;
}

static bool template_in(struct span s)
{
    for (size_t i = 0; i + 1 < s.n; i++) {
        char was = i > 0 ? s.p[i - 1] : ' ';

        if (s.p[i] == '{' && s.p[i + 1] == '%')
            return true;
        if (s.p[i] == '[' && s.p[i + 1] == '%')
            return true;
        if (s.p[i] == '{' && s.p[i + 1] == '{' && was != '$')
            return true;
        if (s.p[i] == '@' && s.p[i + 1] == '@')
            return true;
    }
    return false;
}

static void expand_into(struct expansion *e, struct span raw)
{
    if (e->c->expanding == 0)
        e->c->expanded = 0;
    e->c->expanded += 64 + raw.n;
    e->c->expanded_all += 64 + raw.n;
    if (e->c->expanded_all > PF_EXPAND_ALL)
        audit_bad(e->c->a, e->place, "values that name one another without end; mend $names");
    if (*audit_error(e->c->a) || e->c->expanding >= AUDIT_NEST_MAX ||
        e->c->expanded > PF_EXPAND_ONE || e->c->expanded_all > PF_EXPAND_ALL) {
        e->unknown = true;
        return;
    }
    e->c->expanding++;
    while (raw.n > 0 && e->out.err == 0) {
        size_t n = span_find(raw, '$');

        add_literal(e, span_slice(raw, 0, n));
        raw = span_slice(raw, n, raw.n);
        if (raw.n > 0)
            raw = span_slice(raw, expand_one(e, raw), raw.n);
    }
    e->c->expanding--;
}

static struct pf_text expand_line(struct pf_conf *c, struct span raw, const struct audit_line *line,
                                  struct audit_place place)
{
    struct expansion e = {.c = c, .out = BUF_INIT(PF_EXPAND_MAX), .line = line, .place = place};
    struct pf_text t = {0};
    struct pf_seg *segs;

    e.unknown = template_in(raw);
    expand_into(&e, raw);
    segs = audit_alloc(c->a, e.count * sizeof(segs[0]) + 1);
    t.s = span_of(audit_dup(c->a, buf_span(&e.out)), e.out.n);
    c->expanded += e.out.n;
    c->expanded_all += e.out.n;
    if (audit_failed(c->a) || e.out.err) {
        t = (struct pf_text){.s = SPAN_LIT(""), .unknown = true};
    } else {
        memcpy(segs, e.segs ? e.segs : segs, e.count * sizeof(segs[0]));
        t.segs = segs;
        t.count = e.count;
        t.unknown = e.unknown;
    }
    buf_deinit(&e.out);
    free(e.segs);
    return t;
}

struct pf_text pf_expand(struct pf_conf *c, struct span raw, struct audit_place place)
{
    return expand_line(c, raw, NULL, place);
}

/* The value of a name that was referred to at `from`: defaults are told there. */
static struct pf_text param_text(struct pf_conf *c, const char *name, struct audit_place from)
{
    const struct pf_param *p = find_with(c, c->over, name);
    const char *text;

    if (c->expanding >= AUDIT_NEST_MAX)
        audit_bad(c->a, from, "$%s leads back to itself; take it out", name);
    if (p)
        return expand_line(c, p->value, &p->line, (struct audit_place){p->file, p->line.first});
    if (strcmp(name, "mydomain") == 0) {
        struct pf_text host = param_text(c, "myhostname", from);
        size_t dot = span_find(host.s, '.');

        if (dot < host.s.n && !host.unknown)
            return expand_line(c, span_slice(host.s, dot + 1, host.s.n), NULL, from);
    }
    text = pf_default(c, name);
    return expand_line(c, span_str(text), NULL, from);
}

void pf_conf_over(struct pf_conf *c, const struct pf_param *over)
{
    c->over = over;
    c->kept_count = 0;
}

static struct pf_kept *keep(struct pf_conf *c, const char *name)
{
    const struct pf_param *over = c->over;
    struct pf_kept *k;

    for (size_t i = 0; i < c->kept_count; i++)
        if (strcmp(c->kept[i].name, name) == 0)
            return &c->kept[i];
    /* The last place is for whatever comes when the others are taken. */
    k = &c->kept[c->kept_count < PF_KEPT_MAX ? c->kept_count++ : PF_KEPT_MAX - 1];
    if (of_rewrite(name)) /* with all that the value names */
        c->over = c->rewrite;
    *k = (struct pf_kept){.name = audit_dup(c->a, span_str(name)),
                          .text = param_text(c, name, pf_where(c, name))};
    c->over = over;
    return k;
}

struct pf_text pf_value(struct pf_conf *c, const char *name)
{
    return keep(c, name)->text;
}

struct audit_place pf_text_place(const struct pf_text *t, const char *p)
{
    struct audit_place at = {0};
    size_t off = (size_t)(p - t->s.p);

    for (size_t i = 0; i < t->count && t->segs[i].at <= off; i++)
        at = t->segs[i].place;
    return at;
}

/* --- words ------------------------------------------------------------------------------------ */

struct pf_words pf_words(struct pf_conf *c, const struct pf_text *t)
{
    struct span rest = t->s, word;
    struct pf_word *v = NULL, *copy;
    size_t count = 0, cap = 0, seg = 0;

    while (count < PF_WORDS_MAX && audit_word(&rest, ", \t\r\n", true, &word)) {
        if (!audit_grow(c->a, &v, &cap, sizeof(v[0]), count + 1))
            break;
        while (seg + 1 < t->count && t->segs[seg + 1].at <= (size_t)(word.p - t->s.p))
            seg++;
        v[count++] =
            (struct pf_word){word, t->count ? t->segs[seg].place : (struct audit_place){0}};
    }
    copy = audit_alloc(c->a, count * sizeof(copy[0]) + 1);
    if (audit_failed(c->a))
        count = 0;
    if (count > 0)
        memcpy(copy, v, count * sizeof(copy[0]));
    free(v);
    return (struct pf_words){copy, count};
}

struct pf_words pf_list(struct pf_conf *c, const char *name)
{
    struct pf_kept *k = keep(c, name);

    if (!k->split)
        k->words = pf_words(c, &k->text);
    k->split = true;
    return k->words;
}

const char *pf_string(struct pf_conf *c, const char *name)
{
    return audit_dup(c->a, span_trim(pf_value(c, name).s));
}

bool pf_yes(struct pf_conf *c, const char *name)
{
    return span_eq_nocase(span_trim(pf_value(c, name).s), SPAN_LIT("yes"));
}

/* "  -o name=value": master.cf has no blanks in a value. */
static const char *override_text(struct pf_conf *c, const char *name, const char *value)
{
    struct span s = span_str(value), word;
    struct buf out = BUF_INIT(PF_EXPAND_MAX);
    const char *text;

    buf_addf(&out, "  -o %s=", name);
    for (bool more = false; audit_word(&s, ", ", true, &word); more = true) {
        buf_add_str(&out, more ? "," : "");
        buf_add(&out, word);
    }
    text = audit_dup(c->a, buf_span(&out));
    buf_deinit(&out);
    return text;
}

/* Whether the override has its physical line for itself. */
static bool alone(const struct pf_param *p, unsigned line)
{
    const struct audit_line *l = &p->line;
    struct span piece, word;
    unsigned words = 0;
    size_t i = 0;

    while (i < l->break_count && l->breaks[i].line != line)
        i++;
    if (i == l->break_count)
        return false;
    piece = span_slice(l->text, l->breaks[i].at,
                       i + 1 < l->break_count ? l->breaks[i + 1].at : l->text.n);
    while (audit_word(&piece, " \t", true, &word))
        words++;
    return words == 2;
}

void pf_fix(struct pf_conf *c, struct audit_finding *f, const char *name, const char *value)
{
    const struct pf_param *p = pf_find(c, name);
    const char *text = audit_fmt(c->a, "%s = %s", name, value);
    unsigned line;

    if (c->script) {
        f->fix = audit_fmt(c->a, "postconf -e '%s'", text);
    } else if (!p) {
        audit_fix_lines(c->a, f, AUDIT_EDIT_INSERT, c->file, c->lines, c->lines, text);
    } else if (!p->master) {
        audit_fix_lines(c->a, f, AUDIT_EDIT_REPLACE, p->file, p->line.first, p->line.last, text);
    } else {
        f->fix = override_text(c, name, value);
        line = audit_line_of(&p->line, p->value.p);
        if (alone(p, line))
            audit_fix_lines(c->a, f, AUDIT_EDIT_REPLACE, p->file, line, line, f->fix);
    }
}
