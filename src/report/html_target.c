/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The story of one target: verdict and reason first, then doors, proofs, findings, what to do. */
#include "report/html.h"

#include "report/doc.h"
#include "report/text.h"

#include <inttypes.h>

enum { ENDPOINT_MAX = 48 }; /* characters of an address with its port, in brackets */

static void begin_fact(struct buf *out, const char *name)
{
    buf_addf(out, "<dt>%s</dt><dd>", name);
}

static void add_fact(struct buf *out, const char *name, const char *css, struct span value)
{
    if (!value.n)
        return;
    begin_fact(out, name);
    report_html_text(out, "span", css, value);
    buf_add_str(out, "</dd>");
}

/* The different values of a member of the doors, as one fact. */
static void add_distinct(struct buf *out, const json_t *doors, const char *key, const char *name)
{
    struct buf all = BUF_INIT(REPORT_LINE_MAX);

    for (size_t i = 0; i < json_array_size(doors); i++) {
        struct span value = report_doc_text(json_array_get(doors, i), key);
        bool known = value.n == 0;

        for (size_t k = 0; k < i && !known; k++)
            known = span_eq_nocase(report_doc_text(json_array_get(doors, k), key), value);
        if (known)
            continue;
        buf_add_str(&all, all.n ? ", " : "");
        report_doc_show(&all, value);
    }
    add_fact(out, name, "mono", buf_span(&all));
    buf_deinit(&all);
}

static void add_control(struct buf *out, const json_t *control)
{
    uint64_t code = report_doc_count(control, "code");

    if (!control)
        return;
    begin_fact(out, "Control recipient");
    report_html_text(out, "code", NULL, report_doc_text(control, "rcpt"));
    buf_add_str(out, report_doc_true(control, "accepted") ? " accepted" : " refused");
    if (code) {
        buf_addf(out, ": <code>%u ", (unsigned)(code % 1000));
        report_doc_markup(out, report_doc_text(control, "text"));
        buf_add_str(out, "</code>");
    }
    buf_add_str(out, "</dd>");
}

static void add_facts(struct buf *out, const struct report_target *t)
{
    const json_t *addresses = report_doc_array(t->verdict, "addresses");
    struct buf text = BUF_INIT(REPORT_LINE_MAX);

    buf_add_str(out, "<dl>");
    for (size_t i = 0; i < json_array_size(addresses); i++) {
        const json_t *a = json_array_get(addresses, i);

        if (!json_is_string(a))
            continue;
        buf_add_str(&text, text.n ? ", " : "");
        report_doc_show(&text, span_of(json_string_value(a), json_string_length(a)));
    }
    add_fact(out, "Addresses", "mono", buf_span(&text));
    add_control(out, report_doc_object(t->verdict, "control"));
    add_distinct(out, t->doors, "server", "Server");
    add_distinct(out, t->doors, "seen_client", "It sees us as");
    if (report_doc_text(t->verdict, "started").n) {
        begin_fact(out, "Tested");
        report_html_time(out, report_doc_text(t->verdict, "started"));
        buf_add_str(out, "</dd>");
    }
    buf_clear(&text);
    report_text_duration(&text, report_doc_milli(t->verdict, "ms") / 1000);
    if (report_doc_milli(t->verdict, "ms") >= 0)
        add_fact(out, "Took", NULL, buf_span(&text));
    buf_add_str(out, "</dl>\n");
    buf_deinit(&text);
}

static void add_bar(struct buf *out, const json_t *counts)
{
    static const char *const states[] = {"proved",  "accepted", "bounced",
                                         "refused", "deferred", "skipped"};
    enum { STATES = sizeof(states) / sizeof(states[0]) };
    uint64_t sum = 0;

    for (unsigned i = 0; i < STATES; i++)
        sum += report_doc_count(counts, states[i]) % UINT32_MAX;
    if (sum == 0)
        return;
    buf_add_str(out, "<div class=\"bar\" aria-hidden=\"true\">");
    for (unsigned i = 0; i < STATES; i++)
        if (report_doc_count(counts, states[i]))
            buf_addf(out, "<i class=\"b-%s\" style=\"flex:%" PRIu64 "\"></i>", states[i],
                     report_doc_count(counts, states[i]));
    buf_add_str(out, "</div><p class=\"key\">");
    for (unsigned i = 0; i < STATES; i++)
        if (report_doc_count(counts, states[i]))
            buf_addf(out, "<span><b class=\"b-%s\"></b>%" PRIu64 " %s</span> ", states[i],
                     report_doc_count(counts, states[i]), states[i]);
    buf_add_str(out, "</p>\n");
}

static void add_cell(struct buf *out, const json_t *door, const char *key)
{
    buf_addf(out, "<td class=\"n\" data-l=\"%s\">%" PRIu64 "</td>", key,
             report_doc_count(door, key));
}

static void add_door(struct buf *out, const json_t *door)
{
    struct buf name = BUF_INIT(REPORT_LINE_MAX);

    report_text_endpoint(&name, door, "address");
    buf_addf(out, "<tr><td class=\"mono%s\">", name.n <= ENDPOINT_MAX ? " nb" : "");
    report_doc_markup(out, buf_span(&name));
    buf_deinit(&name);
    buf_addf(out, "</td><td class=\"nb\">%s</td><td>", report_text_tls(door));
    report_html_badge(out, report_verdict_of(door));
    buf_add_str(out, "</td>");
    if (report_verdict_of(door) == REPORT_ABSENT) {
        buf_add_str(out, "<td></td><td></td><td></td><td></td>");
    } else {
        add_cell(out, door, "tried");
        add_cell(out, door, "refused");
        add_cell(out, door, "accepted");
        add_cell(out, door, "proved");
    }
    buf_add_str(out, "<td class=\"soft\">");
    report_doc_markup(out, report_doc_text(door, "why"));
    buf_add_str(out, "</td></tr>\n");
}

static void add_doors(struct buf *out, const struct report_target *t)
{
    if (!json_array_size(t->doors))
        return;
    buf_add_str(out,
                "<h3>Doors</h3><div class=\"wide\"><table class=\"stack\"><thead><tr>"
                "<th>Address and port</th><th>TLS</th><th>Verdict</th><th class=\"n\">Tried</th>"
                "<th class=\"n\">Refused</th><th class=\"n\">Accepted</th>"
                "<th class=\"n\">Proved</th><th>Why</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < json_array_size(t->doors); i++)
        add_door(out, json_array_get(t->doors, i));
    buf_add_str(out, "</tbody></table></div>\n");
}

static void add_findings(struct buf *out, const json_t *findings)
{
    if (!json_array_size(findings))
        return;
    buf_add_str(out, "<h3>Findings</h3><ul class=\"plain\">\n");
    for (unsigned s = 0; s < REPORT_SEVERITIES; s++) {
        const char *name = report_severity_name((enum report_severity)s);

        for (size_t i = 0; i < json_array_size(findings); i++) {
            const json_t *f = json_array_get(findings, i);

            if (report_text_severity(f) != (enum report_severity)s)
                continue;
            buf_addf(out, "<li><span class=\"badge s-%s\">%s</span><span>", name, name);
            report_html_text(out, "code", NULL, report_doc_text(f, "id"));
            buf_add_str(out, " ");
            report_doc_markup(out, report_doc_text(f, "text"));
            buf_add_str(out, "</span></li>\n");
        }
    }
    buf_add_str(out, "</ul>\n");
}

static void add_advice(struct buf *out, const json_t *advice)
{
    const json_t *lines = report_doc_array(advice, "lines");
    struct span more = report_doc_text(advice, "more");

    if (!json_array_size(lines))
        return;
    buf_add_str(out, "<h3>Advice</h3><div class=\"advice\">\n");
    for (size_t i = 0; i < json_array_size(lines) && i < REPORT_ADVICE_LINES; i++) {
        const json_t *l = json_array_get(lines, i);

        if (json_is_string(l))
            report_html_text(out, "p", i ? NULL : "why",
                             span_of(json_string_value(l), json_string_length(l)));
    }
    if (more.n) {
        buf_add_str(out, "<p>More: ");
        report_html_text(out, "code", NULL, more);
        buf_add_str(out, "</p>");
    }
    buf_add_str(out, "</div>\n");
}

static void add_next(struct buf *out, const json_t *next)
{
    if (!json_array_size(next))
        return;
    buf_add_str(out, "<h3>Next</h3><ul>\n");
    for (size_t i = 0; i < json_array_size(next); i++) {
        const json_t *n = json_array_get(next, i);

        if (json_is_string(n))
            report_html_text(out, "li", NULL, span_of(json_string_value(n), json_string_length(n)));
    }
    buf_add_str(out, "</ul>\n");
}

void report_html_target(struct buf *out, const struct report_target *t, size_t place, bool brief)
{
    enum report_verdict v = report_verdict_of(t->verdict);
    bool plain = v == REPORT_OPEN || v == REPORT_ACCEPTS || v == REPORT_CLOSED;

    buf_addf(out, "<section class=\"card is-%s\" id=\"t%zu\">\n<div class=\"head\"><h2>",
             plain ? report_verdict_name(v) : "other", place);
    report_doc_markup(out, report_doc_target(t));
    buf_add_str(out, "</h2>");
    report_html_badge(out, v);
    buf_add_str(out, "</div>\n");
    report_html_text(out, "p", "why", report_doc_text(t->verdict, "why"));
    add_bar(out, report_doc_object(t->verdict, "counts"));
    add_facts(out, t);
    report_html_proved(out, t);
    add_findings(out, report_doc_array(t->verdict, "findings"));
    add_advice(out, report_doc_object(t->verdict, "advice"));
    add_next(out, report_doc_array(t->verdict, "next"));
    add_doors(out, t);
    report_html_accepted(out, t);
    report_html_probes(out, t, brief);
    buf_add_str(out, "</section>\n");
}
