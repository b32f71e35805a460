/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For people: what it is and how it stands first, then what to do, then where that is known from.
 * Texts of the knowledge base are printed as they are (rows hold no control characters); what a
 * server has said is escaped.
 */
#include "cmd/advise/advise.h"

#include "base/escape.h"
#include "report/text.h"

#include <string.h>

enum { LABEL = 13, INDENT = 2, PARA_MAX = 20000 };

/* "  Label      text", wrapped behind the label; nothing for no text. */
static void fact(struct buf *out, const struct report_style *style, const char *label,
                 const char *text)
{
    struct buf lines = BUF_INIT(PARA_MAX);
    unsigned left = INDENT + LABEL;

    if (!text || !*text)
        return;
    report_text_wrap(&lines, left, left, report_text_width(style), span_str(text));
    buf_consume(&lines, left);
    buf_addf(out, "%*s%-*s", INDENT, "", LABEL, label);
    buf_add(out, buf_span(&lines));
    buf_deinit(&lines);
}

static void steps(struct buf *out, const struct report_style *style, const char *fix)
{
    struct span rest = span_str(fix), step;
    unsigned n = 0;

    view_paint(out, style, VIEW_BOLD, "  Fix\n");
    while (advise_part(&rest, &step)) {
        struct buf line = BUF_INIT(PARA_MAX);

        buf_addf(&line, "%u. %.*s", ++n, SPAN_ARG(step));
        report_text_wrap(out, INDENT * 2, INDENT * 2 + 3, report_text_width(style),
                         buf_span(&line));
        buf_deinit(&line);
    }
}

static void class_line(struct buf *out, const struct advise_book *book, const char *classes)
{
    struct span rest = span_str(classes), term, one;

    while (span_word(&rest, &term)) {
        struct span left = term;

        buf_add_str(out, out->n ? ", " : "");
        buf_add(out, term);
        if (span_find(term, '+') == term.n && span_cut(&left, '+', &one) &&
            advise_book_class(book, one) >= 0)
            buf_addf(out, " (%s)", book->classes[advise_book_class(book, one)].name);
    }
}

static void versions(struct buf *out, const struct advise_row *row)
{
    if (row->unsecurable)
        buf_addf(out, "%s cannot be secured", row->unsecurable);
    if (row->affected)
        buf_addf(out, "%s%s affected", out->n ? "; " : "", row->affected);
    if (row->safe)
        buf_addf(out, "%s%s safe", out->n ? "; " : "", row->safe);
}

static const char *cause_words(const struct advise_row *row)
{
    switch (row->cause) {
    case ADVISE_AS_SHIPPED:
        return "as shipped";
    case ADVISE_BY_BUG:
        return "in spite of its settings, by a fault";
    case ADVISE_BY_SETTING:
        return "only where a setting opens it";
    case ADVISE_NO_RELAY:
        break;
    }
    return "no way is known";
}

static void signs(struct buf *out, const struct advise_row *row, const struct report_style *style)
{
    static const char *const labels[ADVISE_PLACES] = {"Greeting", "Hello", "EHLO",
                                                      "HELP",     "Reply", "Received"};

    for (unsigned p = 0; p < ADVISE_PLACES; p++)
        fact(out, style, labels[p], row->signs[p]);
    fact(out, style, "No sign", row->silent);
}

void say_row(struct buf *out, const struct advise_row *row, const struct advise_book *book,
             const struct report_style *style)
{
    struct buf text = BUF_INIT(PARA_MAX);

    view_paint(out, style, VIEW_BOLD, row->id);
    buf_addf(out, "  %s\n", row->name);
    fact(out, style, "Maker", row->vendor);
    versions(&text, row);
    fact(out, style, "Versions", buf_str(&text));
    fact(out, style, "Relays", cause_words(row));
    buf_clear(&text);
    if (row->term_count)
        class_line(&text, book, row->classes);
    fact(out, style, "Classes", buf_str(&text));
    fact(out, style, "No relay", row->bounces);
    fact(out, style, "CVE", row->cve);
    signs(out, row, style);
    steps(out, style, row->fix);
    fact(out, style, "Restart", row->restart);
    fact(out, style, "Note", row->note);
    fact(out, style, "Source", row->source);
    buf_deinit(&text);
}

void say_class(struct buf *out, const struct advise_class *c, const struct report_style *style)
{
    view_paint(out, style, VIEW_BOLD, c->id);
    buf_addf(out, "  %s\n", c->name);
    steps(out, style, c->fix);
    fact(out, style, "Note", c->note);
    fact(out, style, "Source", c->source);
}

void say_list(struct buf *out, const struct advise_book *book, const struct report_style *style)
{
    const char *product = NULL;

    for (size_t i = 0; i < book->count; i++) {
        const struct advise_row *row = book->rows[i];

        if (!product || strcmp(product, row->product) != 0) {
            buf_add_str(out, i ? "\n" : "");
            view_paint(out, style, VIEW_BOLD, advise_book_called(book, row->product));
            buf_add_char(out, '\n');
        }
        product = row->product;
        buf_addf(out, "  %-24s %s\n", row->id, row->name);
    }
}

static void say_evidence(struct buf *out, const struct advise_known *k,
                         const struct report_style *style)
{
    for (size_t i = 0; i < k->evidence_count; i++) {
        const struct advise_evidence *e = &k->evidence[i];
        struct buf text = BUF_INIT(PARA_MAX);

        escape_text(&text, span_slice(e->line, 0, 300));
        if (e->line.n)
            fact(out, style, advise_place_name(e->place), buf_str(&text));
        buf_deinit(&text);
    }
}

static void say_others(struct buf *out, const struct finding *f, const struct report_style *style)
{
    const struct advise_known *k = finding_known(f);
    struct buf text = BUF_INIT(PARA_MAX);

    for (size_t i = 0; i < f->known.count; i++)
        if (&f->known.v[i] != k)
            buf_addf(&text, "%s%s", text.n ? ", " : "", f->known.v[i].called);
    fact(out, style, k ? "Also there" : "May be", buf_str(&text));
    if (!k && text.n)
        fact(out, style, "", "These signs are shown by others too: no product is taken from them.");
    buf_deinit(&text);
}

/* The rows that fit besides the first, in a line each. */
static void say_rest(struct buf *out, const struct finding *f, const struct report_style *style)
{
    if (f->advice.count < 2)
        return;
    view_paint(out, style, VIEW_BOLD, "\nOther causes in this version\n");
    for (size_t i = 1; i < f->advice.count; i++)
        buf_addf(out, "  %-24s %s\n", f->advice.v[i].row->id, f->advice.v[i].row->name);
}

static void say_unknown_name(struct buf *out, const struct finding *f)
{
    buf_add_str(out, "Nothing is known by the name \"");
    escape_text(out, span_str(f->asked));
    buf_add_str(out, "\".\n");
    for (size_t i = 0; i < f->near_count; i++)
        buf_addf(out, "%s%s", i ? ", " : "Near it: ", f->near[i]);
    buf_add_str(out, f->near_count ? "\n" : "");
    buf_add_str(out, "postern advise --list names all.\n");
}

static void say_name(struct buf *out, const struct finding *f, const struct report_style *style)
{
    if (f->klass)
        say_class(out, f->klass, style);
    else if (f->named)
        say_row(out, f->named, f->book, style);
    else if (!f->advice.count)
        say_unknown_name(out, f);
    for (size_t i = 0; i < f->advice.count && f->version[0]; i++) {
        buf_add_str(out, i ? "\n" : "");
        say_row(out, f->advice.v[i].row, f->book, style);
    }
    /* Without a version: all of the product, from old to new. */
    for (size_t i = 0, n = 0; i < f->book->count && f->product && !f->version[0]; i++) {
        if (strcmp(f->book->rows[i]->product, f->product) != 0)
            continue;
        buf_add_str(out, n++ ? "\n" : "");
        say_row(out, f->book->rows[i], f->book, style);
    }
}

void say_finding(struct buf *out, const struct finding *f, const struct report_style *style)
{
    const struct advise_known *k = finding_known(f);
    struct buf text = BUF_INIT(PARA_MAX);
    struct span rest, line;
    char more[ADVISE_ID_MAX + 1];
    bool first = true;

    if (f->by_name) {
        say_name(out, f, style);
        return;
    }
    if (f->asked) {
        escape_text(out, span_str(f->asked));
        buf_add_char(out, '\n');
    }
    advise_lines(f->book, k, &f->advice, f->classes, &text, more);
    rest = buf_span(&text);
    /* The rows below say the rest of what a short advice says. */
    for (unsigned n = 0; rest.n && span_cut(&rest, '\n', &line); n++) {
        if (f->advice.count && n >= 2 && !f->advice.proved)
            break;
        if (f->advice.count && line.n && ascii_is_digit(line.p[0]))
            break;
        report_text_wrap(out, first ? 0 : INDENT, INDENT, report_text_width(style), line);
        first = false;
    }
    if (k)
        say_evidence(out, k, style);
    say_others(out, f, style);
    if (f->advice.count) {
        buf_add_char(out, '\n');
        say_row(out, f->advice.v[0].row, f->book, style);
        say_rest(out, f, style);
    }
    buf_deinit(&text);
}
