/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The page is one file that can be mailed, kept and opened years later: no script, no font, no
 * picture from elsewhere, and a policy in its head that forbids them should a stranger's bytes ever
 * slip through as markup. It is written as XML that is also HTML, so that a strict parser can check
 * it in the tests. There is no "made at": the page says when the tests ran, and so two pages of one
 * run are the same bytes.
 *
 * Over many targets the page holds an index of all and the story of those that are not closed.
 */
#include "report/html.h"

#include "report/doc.h"
#include "report/svg.h"
#include "report/text.h"

#include <inttypes.h>

enum { BRIEF_FROM = 20 }; /* targets from which closed ones stand in the index only */

void report_html_text(struct buf *out, const char *element, const char *css, struct span text)
{
    if (!text.n)
        return;
    buf_addf(out, "<%s", element);
    if (css)
        buf_addf(out, " class=\"%s\"", css);
    buf_add_char(out, '>');
    report_doc_markup(out, text);
    buf_addf(out, "</%s>", element);
}

void report_html_time(struct buf *out, struct span time)
{
    bool known = report_doc_wall(time) >= 0;

    report_doc_markup(out, known ? span_slice(time, 0, 10) : time);
    if (known) {
        buf_add_char(out, ' ');
        report_doc_markup(out, span_slice(time, 11, 19));
        buf_add_str(out, " UTC");
    }
}

static const char *family_of(enum report_verdict v)
{
    switch (v) {
    case REPORT_OPEN:
    case REPORT_ACCEPTS:
    case REPORT_CLOSED:
        return report_verdict_name(v);
    case REPORT_ABSENT:
        return "mute";
    case REPORT_BLOCKED:
    case REPORT_INCONCLUSIVE:
    case REPORT_UNREACHABLE:
    case REPORT_UNKNOWN:
    case REPORT_VERDICTS:
        break;
    }
    return "other";
}

void report_html_badge(struct buf *out, enum report_verdict v)
{
    buf_addf(out, "<span class=\"badge nb v-%s\">%s</span>", family_of(v), report_verdict_name(v));
}

static void add_tiles(struct buf *out, const struct report_summary *sum)
{
    buf_add_str(out, "<ul class=\"tiles\">\n");
    for (unsigned v = 0; v < REPORT_VERDICTS; v++) {
        if (!sum->by_verdict[v])
            continue;
        buf_addf(out, "<li class=\"v-%s\"><b>", family_of((enum report_verdict)v));
        report_text_number(out, sum->by_verdict[v]);
        buf_addf(out, "</b>%s</li>\n", report_verdict_name((enum report_verdict)v));
    }
    buf_add_str(out, "</ul>\n");
}

static bool has_story(const struct report_target *t, bool brief)
{
    return !brief || report_verdict_of(t->verdict) != REPORT_CLOSED;
}

static void add_index(struct buf *out, const struct report_target *targets, size_t count,
                      bool brief)
{
    buf_add_str(out, "<section class=\"card\"><table class=\"stack\"><thead><tr><th>Target</th>"
                     "<th>Verdict</th><th class=\"n\">Proved</th><th class=\"n\">Tried</th>"
                     "<th>Why</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < count; i++) {
        const json_t *verdict = targets[i].verdict;
        const json_t *counts = report_doc_object(verdict, "counts");

        buf_add_str(out, "<tr><td>");
        if (has_story(&targets[i], brief))
            buf_addf(out, "<a href=\"#t%zu\">", i);
        report_doc_markup(out, report_doc_target(&targets[i]));
        buf_add_str(out, has_story(&targets[i], brief) ? "</a></td><td>" : "</td><td>");
        report_html_badge(out, report_verdict_of(verdict));
        buf_addf(out,
                 "</td><td class=\"n\" data-l=\"Proved\">%" PRIu64
                 "</td><td class=\"n\" data-l=\"Tried\">%" PRIu64 "</td><td class=\"soft\">",
                 report_doc_count(counts, "proved"), report_doc_count(counts, "tried"));
        report_doc_markup(out, report_doc_text(verdict, "why"));
        buf_add_str(out, "</td></tr>\n");
    }
    buf_add_str(out, "</tbody></table></section>\n");
}

static void add_head(struct buf *out, const char *title)
{
    buf_add_str(out, "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n"
                     "<head>\n<meta charset=\"utf-8\" />\n"
                     "<meta http-equiv=\"Content-Security-Policy\" "
                     "content=\"default-src 'none'; style-src 'unsafe-inline'\" />\n"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n"
                     "<meta name=\"referrer\" content=\"no-referrer\" />\n"
                     "<meta name=\"color-scheme\" content=\"light dark\" />\n<title>");
    report_doc_markup(out, span_str(title));
    buf_addf(out, "</title>\n<style>%s\n%s</style>\n</head>\n<body>\n<main>\n<header><h1>",
             report_html_css, report_svg_css);
    report_doc_markup(out, span_str(title));
    buf_add_str(out, "</h1>");
}

static void add_subtitle(struct buf *out, const struct report_target *targets, size_t count,
                         const struct report_summary *sum)
{
    struct span run = count ? report_doc_text(targets[0].verdict, "run") : SPAN_NULL;
    struct span from = count ? report_doc_text(targets[0].verdict, "started") : SPAN_NULL;

    buf_add_str(out, "<p class=\"sub\">");
    report_text_plural(out, sum->targets, "target");
    buf_add_str(out, ", ");
    report_text_plural(out, sum->tried, "envelope");
    buf_add_str(out, " tried");
    if (run.n) {
        buf_add_str(out, ", run ");
        report_doc_markup(out, run);
    }
    if (from.n) {
        buf_add_str(out, ", started ");
        report_html_time(out, from);
    }
    buf_add_str(out, "</p></header>\n");
}

void report_html(struct buf *out, const struct report_target *targets, size_t count,
                 const char *title)
{
    struct report_summary sum = {0};
    bool brief = count >= BRIEF_FROM;

    for (size_t i = 0; i < count; i++)
        report_summary_add(&sum, targets[i].verdict);
    add_head(out, title ? title : "Relay test");
    add_subtitle(out, targets, count, &sum);
    if (count > 1) {
        add_tiles(out, &sum);
        add_index(out, targets, count, brief);
    }
    for (size_t i = 0; i < count; i++)
        if (has_story(&targets[i], brief))
            report_html_target(out, &targets[i], i, brief);
    buf_add_str(
        out, "<footer><p>Open: at least one envelope from a stranger to a stranger arrived at the "
             "tester's own sink by way of the target, known by its signed token. Accepts: the "
             "target took such envelopes, but none arrived. Closed: the control recipient was "
             "accepted and every such envelope was refused. A reply code alone proves nothing."
             "</p><p>Tested with Postern ");
    /* The program that tested, which is not always the one that writes this. */
    report_doc_markup(out, report_doc_text(count ? targets[0].verdict : NULL, "version"));
    buf_add_str(out, "</p></footer>\n</main>\n</body>\n</html>\n");
}
