/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A target for people. The order is that of the questions a postmaster asks: what is it, why do you
 * say so, at which door, by which envelope and which way, what else did you see, what do I do now.
 * A section that has nothing to say is not there, so a closed host takes some ten lines and an open
 * one as many as its holes need.
 */
#include "report/table.h"

#include "report/doc.h"
#include "report/text.h"

enum { INDENT = 2, DOOR_MAX = 64, DISTINCT_MAX = 8 };

void report_table_heading(struct buf *out, const struct report_style *style, const char *text)
{
    buf_add_char(out, '\n');
    buf_addf(out, "%*s", INDENT, "");
    if (style->colour)
        buf_addf(out, "\033[1m%s\033[0m\n", text);
    else
        buf_addf(out, "%s\n", text);
}

void report_table_paragraph(struct buf *out, const struct report_style *style, unsigned more,
                            const struct buf *text)
{
    report_text_wrap(out, INDENT * 2, INDENT * 2 + more, report_text_width(style), buf_span(text));
}

static void add_headline(struct buf *out, const struct report_target *t,
                         const struct report_style *style)
{
    enum report_verdict v = report_verdict_of(t->verdict);
    const json_t *addresses = report_doc_array(t->verdict, "addresses");
    struct buf line = BUF_INIT(REPORT_LINE_MAX);
    struct span target = report_doc_target(t);

    report_text_colour(out, style, report_text_verdict_colour(v), report_text_headline(v));
    buf_add_str(out, "  ");
    report_doc_show(out, target);
    buf_add_char(out, '\n');
    report_doc_show(&line, report_doc_text(t->verdict, "why"));
    if (line.n)
        report_text_wrap(out, INDENT, INDENT, report_text_width(style), buf_span(&line));
    buf_clear(&line);
    for (size_t i = 0; i < json_array_size(addresses); i++) {
        const json_t *a = json_array_get(addresses, i);
        struct span s = span_of(json_string_value(a), json_string_length(a));

        if (json_is_string(a) && !span_eq_nocase(s, target)) {
            buf_add_str(&line, line.n ? ", " : "Addresses: ");
            report_doc_show(&line, s);
        }
    }
    if (line.n)
        report_text_wrap(out, INDENT, INDENT + 2, report_text_width(style), buf_span(&line));
    buf_deinit(&line);
}

static void add_control(struct buf *out, const struct report_target *t,
                        const struct report_style *style)
{
    const json_t *control = report_doc_object(t->verdict, "control");
    struct buf line = BUF_INIT(REPORT_LINE_MAX);
    uint64_t code = report_doc_count(control, "code");

    if (!control)
        return;
    buf_add_str(&line, "Control: ");
    report_doc_show(&line, report_doc_text(control, "rcpt"));
    buf_add_str(&line, report_doc_true(control, "accepted") ? " accepted" : " refused");
    if (code != 0 && report_doc_true(control, "accepted")) {
        buf_addf(&line, " (%u)", (unsigned)(code % 1000));
    } else if (code != 0) {
        buf_addf(&line, ": %u ", (unsigned)(code % 1000));
        report_doc_show(&line, report_doc_text(control, "text"));
    }
    report_text_wrap(out, INDENT, INDENT + 2, report_text_width(style), buf_span(&line));
    buf_deinit(&line);
}

/* The different values of a member over all doors as "label: a, b"; nothing if there are none. */
static void add_distinct(struct buf *out, const json_t *doors, const char *key, const char *label,
                         const struct report_style *style)
{
    struct buf line = BUF_INIT(REPORT_LINE_MAX);
    struct span seen[DISTINCT_MAX];
    size_t count = 0;

    for (size_t i = 0; i < json_array_size(doors) && count < DISTINCT_MAX; i++) {
        struct span value = report_doc_text(json_array_get(doors, i), key);
        size_t at = 0;

        while (at < count && !span_eq_nocase(seen[at], value))
            at++;
        if (value.n == 0 || at < count)
            continue;
        buf_add_str(&line, count ? ", " : label);
        report_doc_show(&line, value);
        seen[count++] = value;
    }
    if (count)
        report_text_wrap(out, INDENT, INDENT + 2, report_text_width(style), buf_span(&line));
    buf_deinit(&line);
}

static void add_count(struct buf *out, bool *begun, const json_t *door, const char *key)
{
    uint64_t n = report_doc_count(door, key);

    if (n == 0)
        return;
    buf_add_str(out, *begun ? ", " : "");
    report_text_number(out, n);
    buf_addf(out, " %s", key);
    *begun = true;
}

/* "118 refused, 2 proved of 120", and why it is not simply closed. */
static void door_outcome(struct buf *out, const json_t *door)
{
    enum report_verdict v = report_verdict_of(door);
    struct span why = report_doc_text(door, "why");
    bool begun = false;

    add_count(out, &begun, door, "proved");
    add_count(out, &begun, door, "accepted");
    add_count(out, &begun, door, "bounced");
    add_count(out, &begun, door, "deferred");
    add_count(out, &begun, door, "refused");
    if (begun && report_doc_count(door, "tried") != report_doc_count(door, "refused")) {
        buf_add_str(out, " of ");
        report_text_number(out, report_doc_count(door, "tried"));
    }
    if (why.n != 0 && v != REPORT_CLOSED && v != REPORT_OPEN) {
        buf_add_str(out, begun ? "; " : "");
        report_doc_show(out, why);
    }
}

static void door_name(struct buf *out, const json_t *door)
{
    report_text_endpoint(out, door, "address");
    buf_addf(out, " %s", report_text_tls(door));
}

static void add_door(struct buf *out, const json_t *door, size_t column,
                     const struct report_style *style)
{
    enum report_verdict v = report_verdict_of(door);
    struct buf outcome = BUF_INIT(REPORT_LINE_MAX), lines = BUF_INIT(REPORT_LINE_MAX);
    unsigned hang = (unsigned)(INDENT * 2 + column + 2 + 14);
    size_t start = out->n;

    /* On a narrow terminal what came of it goes to lines of its own. */
    bool narrow = hang + 36 > report_text_width(style);

    buf_addf(out, "%*s", INDENT * 2, "");
    door_name(out, door);
    report_text_pad(out, start, INDENT * 2 + column + 2);
    report_text_colour(out, style, report_text_verdict_colour(v), report_verdict_name(v));
    door_outcome(&outcome, door);
    if (outcome.n == 0 || narrow) {
        buf_add_char(out, '\n');
    } else {
        for (size_t n = span_str(report_verdict_name(v)).n; n < 14; n++)
            buf_add_char(out, ' ');
    }
    if (outcome.n) {
        hang = narrow ? INDENT * 4 : hang;
        report_text_wrap(&lines, hang, hang, report_text_width(style), buf_span(&outcome));
        buf_consume(&lines, narrow ? 0 : hang);
        buf_add(out, buf_span(&lines));
    }
    buf_deinit(&lines);
    buf_deinit(&outcome);
}

/* Doors that are not there at all share a line: there is nothing to say of each. */
static void add_absent(struct buf *out, const json_t *doors, const struct report_style *style)
{
    struct buf line = BUF_INIT(REPORT_LINE_MAX);

    for (size_t i = 0; i < json_array_size(doors); i++) {
        const json_t *door = json_array_get(doors, i);

        if (report_verdict_of(door) != REPORT_ABSENT)
            continue;
        buf_add_str(&line, line.n ? ", " : "not there: ");
        door_name(&line, door);
    }
    if (line.n)
        report_table_paragraph(out, style, 2, &line);
    buf_deinit(&line);
}

static void add_doors(struct buf *out, const struct report_target *t,
                      const struct report_style *style)
{
    size_t column = 0, count = json_array_size(t->doors);

    if (count == 0)
        return;
    add_distinct(out, t->doors, "server", "Server: ", style);
    add_distinct(out, t->doors, "seen_client", "It sees us as: ", style);
    report_table_heading(out, style, "Doors");
    for (size_t i = 0; i < count; i++) {
        struct buf name = BUF_INIT(REPORT_LINE_MAX);

        if (report_verdict_of(json_array_get(t->doors, i)) != REPORT_ABSENT)
            door_name(&name, json_array_get(t->doors, i));
        if (name.n > column && name.n <= DOOR_MAX)
            column = name.n;
        buf_deinit(&name);
    }
    for (size_t i = 0; i < count; i++)
        if (report_verdict_of(json_array_get(t->doors, i)) != REPORT_ABSENT)
            add_door(out, json_array_get(t->doors, i), column, style);
    add_absent(out, t->doors, style);
}

static void add_findings(struct buf *out, const struct report_target *t,
                         const struct report_style *style)
{
    static const enum report_colour colours[REPORT_SEVERITIES] = {
        REPORT_RED, REPORT_RED, REPORT_YELLOW, REPORT_CYAN, REPORT_DIM};
    const json_t *findings = report_doc_array(t->verdict, "findings");
    const unsigned label = 10, left = INDENT * 2 + label;
    struct buf text = BUF_INIT(REPORT_LINE_MAX), lines = BUF_INIT(REPORT_LINE_MAX);

    if (json_array_size(findings) != 0)
        report_table_heading(out, style, "Findings");
    for (unsigned s = 0; s < REPORT_SEVERITIES; s++) {
        for (size_t i = 0; i < json_array_size(findings); i++) {
            const json_t *f = json_array_get(findings, i);
            const char *name = report_severity_name((enum report_severity)s);

            if (report_text_severity(f) != (enum report_severity)s)
                continue;
            buf_clear(&text);
            buf_clear(&lines);
            report_doc_show(&text, report_doc_text(f, "id"));
            buf_add_str(&text, ": ");
            report_doc_show(&text, report_doc_text(f, "text"));
            report_text_wrap(&lines, left, left, report_text_width(style), buf_span(&text));
            buf_consume(&lines, left);
            buf_addf(out, "%*s", INDENT * 2, "");
            report_text_colour(out, style, colours[s], name);
            buf_addf(out, "%*s", (int)(label - span_str(name).n), "");
            buf_add(out, buf_span(&lines));
        }
    }
    buf_deinit(&lines);
    buf_deinit(&text);
}

/* A heading, then lines of which each says one thing to do. */
static void add_advice(struct buf *out, const struct report_target *t,
                       const struct report_style *style)
{
    const json_t *advice = report_doc_object(t->verdict, "advice");
    const json_t *lines = report_doc_array(advice, "lines");
    struct buf line = BUF_INIT(REPORT_LINE_MAX);
    struct span more = report_doc_text(advice, "more");

    if (json_array_size(lines) != 0)
        report_table_heading(out, style, "Advice");
    for (size_t i = 0; i < json_array_size(lines) && i < REPORT_ADVICE_LINES; i++) {
        const json_t *l = json_array_get(lines, i);

        buf_clear(&line);
        report_doc_show(&line, span_of(json_string_value(l), json_string_length(l)));
        if (json_is_string(l))
            report_table_paragraph(out, style, i ? 3 : 0, &line);
    }
    if (json_array_size(lines) != 0 && more.n) {
        buf_clear(&line);
        buf_add_str(&line, "More: ");
        report_doc_show(&line, more);
        report_table_paragraph(out, style, 3, &line);
    }
    buf_deinit(&line);
}

static void add_next(struct buf *out, const struct report_target *t,
                     const struct report_style *style)
{
    const json_t *next = report_doc_array(t->verdict, "next");
    struct buf line = BUF_INIT(REPORT_LINE_MAX);

    if (json_array_size(next) != 0)
        report_table_heading(out, style, "Next");
    for (size_t i = 0; i < json_array_size(next); i++) {
        const json_t *n = json_array_get(next, i);

        buf_clear(&line);
        buf_add_str(&line, "- ");
        report_doc_show(&line, span_of(json_string_value(n), json_string_length(n)));
        if (json_is_string(n))
            report_table_paragraph(out, style, 2, &line);
    }
    buf_deinit(&line);
}

void report_table_target(struct buf *out, const struct report_target *t,
                         const struct report_style *style)
{
    add_headline(out, t, style);
    add_control(out, t, style);
    add_doors(out, t, style);
    report_table_proved(out, t, style);
    report_table_accepted(out, t, style);
    report_table_undecided(out, t, style);
    if (style->all)
        report_table_probes(out, t, style);
    add_findings(out, t, style);
    add_advice(out, t, style);
    add_next(out, t, style);
    buf_add_char(out, '\n');
}
