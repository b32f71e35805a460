/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Probes on the page. As in the table for people, probes that came by one way share its drawing.
 * The drawing stands there twice, across and down, and the style shows the one that fits: text in a
 * drawing that is shrunk to a phone's width could not be read.
 */
#include "report/html.h"

#include "report/doc.h"
#include "report/svg.h"
#include "report/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

enum {
    UNFOLDED = 3,   /* proved envelopes of one way that are seen at once */
    ACROSS_MAX = 5, /* hosts that fit beside each other on a page */
};

static const json_t *probe_of(const struct report_target *t, const json_t *proved)
{
    struct span id = report_doc_text(proved, "probe");
    const json_t *close = NULL;

    for (size_t i = 0; i < json_array_size(t->probes); i++) {
        const json_t *p = json_array_get(t->probes, i);

        if (!span_eq(report_doc_text(p, "probe"), id))
            continue;
        if (report_doc_count(p, "port") == report_doc_count(proved, "port") &&
            span_eq(report_doc_text(p, "tls"), report_doc_text(proved, "tls")) &&
            span_eq(report_doc_text(p, "address"), report_doc_text(proved, "input")))
            return p;
        close = close ? close : p;
    }
    return close;
}

static void add_transcript(struct buf *out, const json_t *probe, bool evidence)
{
    const json_t *lines = report_doc_array(probe, "transcript");

    if (!json_array_size(lines))
        return;
    buf_addf(out, "<details%s><summary>Dialogue</summary><pre>",
             evidence ? " class=\"evidence\"" : "");
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i);

        if (!json_is_string(line))
            continue;
        report_doc_markup(out, span_of(json_string_value(line), json_string_length(line)));
        buf_add_char(out, '\n');
    }
    buf_add_str(out, "</pre></details>\n");
}

static void add_envelope(struct buf *out, const json_t *probe)
{
    buf_add_str(out, "HELO ");
    report_doc_markup(out, report_doc_text(probe, "helo"));
    buf_add_str(out, "\nMAIL FROM:");
    report_doc_markup(out, report_doc_text(probe, "mail"));
    buf_add_str(out, "\nRCPT TO:");
    report_doc_markup(out, report_doc_text(probe, "rcpt"));
}

static void add_proof(struct buf *out, const struct report_target *t, const json_t *proved)
{
    const json_t *probe = probe_of(t, proved);
    const json_t *told = report_doc_text(proved, "flaw").n ? proved : probe;
    int64_t delay = report_doc_milli(proved, "delay");

    buf_add_str(out, "<div class=\"probe\"><p><code><strong>");
    report_doc_markup(out, report_doc_text(proved, "probe"));
    buf_add_str(out, "</strong></code> ");
    report_html_text(out, "span", "badge v-open", report_doc_text(told, "cve"));
    buf_add_str(out, " ");
    report_doc_markup(out, report_doc_text(told, "flaw"));
    if (delay >= 0) {
        buf_add_str(out, " <span class=\"soft nb\">&#183; arrived after ");
        report_text_duration(out, delay);
        buf_add_str(out, "</span>");
    }
    buf_add_str(out, "</p><pre>");
    add_envelope(out, proved);
    buf_add_str(out, "</pre>");
    add_transcript(out, probe, true);
    buf_add_str(out, "</div>\n");
}

static void add_way(struct buf *out, const struct report_target *t, const json_t *proved,
                    const struct report_path *paths, bool *done, size_t first)
{
    struct report_path path = paths[first];
    const char *tls = report_text_tls(json_array_get(proved, first));
    size_t written = 0;

    path.delay_ms = -1;
    buf_addf(out, "<figure%s>\n", path.count > ACROSS_MAX ? " class=\"long\"" : "");
    if (path.count <= ACROSS_MAX)
        report_svg_path(out, &path, tls, REPORT_SVG_ACROSS, false);
    report_svg_path(out, &path, tls, REPORT_SVG_DOWN, false);
    for (size_t i = first; i < json_array_size(proved); i++) {
        if (done[i] || !report_path_same(&paths[first], &paths[i]))
            continue;
        done[i] = true;
        if (written++ == UNFOLDED)
            buf_add_str(out, "<details class=\"evidence\"><summary>More that came the same way"
                             "</summary>\n");
        add_proof(out, t, json_array_get(proved, i));
    }
    buf_add_str(out, written > UNFOLDED ? "</details></figure>\n" : "</figure>\n");
}

void report_html_proved(struct buf *out, const struct report_target *t)
{
    const json_t *proved = report_doc_array(t->verdict, "proved");
    size_t count = json_array_size(proved);
    struct report_path *paths = count ? calloc(count, sizeof(*paths)) : NULL;
    bool *done = count ? calloc(count, sizeof(*done)) : NULL;

    if (count && paths && done) {
        buf_add_str(out, "<h3>Proved: ");
        report_text_plural(out, count, "envelope");
        buf_add_str(out, " came through to the sink</h3>\n");
        for (size_t i = 0; i < count; i++)
            report_path_of(&paths[i], json_array_get(proved, i), report_doc_target(t));
        for (size_t i = 0; i < count; i++)
            if (!done[i])
                add_way(out, t, proved, paths, done, i);
    } else if (count) {
        out->err = -ENOMEM;
    }
    free(paths);
    free(done);
}

static void add_reply(struct buf *out, const json_t *probe)
{
    uint64_t code = report_doc_count(probe, "code");

    if (code)
        buf_addf(out, "%u ", (unsigned)(code % 1000));
    if (report_doc_text(probe, "enhanced").n) {
        report_doc_markup(out, report_doc_text(probe, "enhanced"));
        buf_add_char(out, ' ');
    }
    report_doc_markup(out, report_doc_text(probe, "text"));
}

void report_html_accepted(struct buf *out, const struct report_target *t)
{
    const json_t *accepted = report_doc_array(t->verdict, "accepted_unproved");

    if (!json_array_size(accepted))
        return;
    buf_add_str(out,
                "<h3>Accepted, but nothing arrived</h3><p class=\"soft\">A reply is no proof: "
                "the server may discard, bounce or hold such mail.</p><div class=\"wide\">"
                "<table class=\"stack\"><thead><tr><th>Probe</th><th>Envelope</th><th>Reply</th>"
                "</tr></thead><tbody>\n");
    for (size_t i = 0; i < json_array_size(accepted); i++) {
        const json_t *a = json_array_get(accepted, i);

        buf_add_str(out, "<tr><td>");
        report_html_text(out, "code", NULL, report_doc_text(a, "probe"));
        buf_addf(out, "<br /><span class=\"soft nb\">port %" PRIu64 ", %s</span></td><td><pre>",
                 report_doc_count(a, "port"), report_text_tls(a));
        add_envelope(out, a);
        buf_add_str(out, "</pre></td><td class=\"mono\">");
        add_reply(out, a);
        buf_add_str(out, "</td></tr>\n");
    }
    buf_add_str(out, "</tbody></table></div>\n");
}

static const char *css_of(const json_t *probe)
{
    if (report_doc_is(probe, "state", "proved"))
        return "badge v-open";
    if (report_doc_is(probe, "state", "accepted") || report_doc_is(probe, "state", "bounced"))
        return "badge v-accepts";
    if (report_doc_is(probe, "state", "refused") || report_doc_is(probe, "state", "inferred"))
        return "badge v-closed";
    return "badge v-other";
}

static void add_probe(struct buf *out, const json_t *probe)
{
    struct span because = report_doc_text(probe, "because");
    struct buf door = BUF_INIT(REPORT_LINE_MAX);

    buf_add_str(out, "<tr><td>");
    report_html_text(out, "span", css_of(probe), report_doc_text(probe, "state"));
    buf_add_str(out, "</td><td>");
    report_html_text(out, "code", NULL, report_doc_text(probe, "probe"));
    buf_add_str(out, "<br /><span class=\"soft\">");
    report_text_endpoint(&door, probe, "address");
    report_doc_markup(out, buf_span(&door));
    buf_deinit(&door);
    buf_addf(out, " %s</span></td><td><pre>", report_text_tls(probe));
    add_envelope(out, probe);
    buf_add_str(out, "</pre></td><td><span class=\"mono\">");
    add_reply(out, probe);
    buf_add_str(out, "</span>");
    if (because.n) {
        buf_add_str(out, "<br /><span class=\"soft\">inferred from </span>");
        report_html_text(out, "code", NULL, because);
    }
    add_transcript(out, probe, false);
    buf_add_str(out, "</td></tr>\n");
}

void report_html_probes(struct buf *out, const struct report_target *t, bool brief)
{
    size_t count = json_array_size(t->probes), left = 0;

    if (!count)
        return;
    buf_add_str(out, "<details><summary>Every probe</summary><div class=\"wide\"><table "
                     "class=\"stack\"><thead><tr><th>Outcome</th><th>Probe</th><th>Envelope</th>"
                     "<th>Reply</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < count; i++) {
        const json_t *probe = json_array_get(t->probes, i);

        if (brief &&
            (report_doc_is(probe, "state", "refused") || report_doc_is(probe, "state", "inferred")))
            left++;
        else
            add_probe(out, probe);
    }
    buf_add_str(out, "</tbody></table></div>");
    if (left) {
        buf_add_str(out, "<p class=\"soft\">");
        report_text_plural(out, left, "refused probe");
        buf_add_str(out, " left out.</p>");
    }
    buf_add_str(out, "</details>\n");
}
