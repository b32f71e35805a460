/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs over many targets: a line each, the verdict first so that the eye (and grep) finds the open
 * ones, and totals at the end. The line is cut to the terminal's width, because the full story of a
 * target is one `postern show` away.
 */
#include "report/doc.h"
#include "report/path.h"
#include "report/text.h"

enum { VERDICT_COLUMN = 14, TARGET_COLUMN = 28 };

/* What matters most of a target, in few words. */
static void add_gist(struct buf *out, const json_t *verdict)
{
    const json_t *proved = report_doc_array(verdict, "proved");
    const json_t *first = json_array_get(proved, 0);
    const json_t *counts = report_doc_object(verdict, "counts");
    struct span output = report_doc_text(first, "output");

    if (json_array_size(proved) == 0) {
        if (report_verdict_of(verdict) == REPORT_CLOSED && report_doc_count(counts, "refused")) {
            report_text_plural(out, report_doc_count(counts, "refused"), "envelope");
            buf_add_str(out, " refused");
        } else {
            report_doc_show(out, report_doc_text(verdict, "why"));
        }
        return;
    }
    buf_add_str(out, "proved by ");
    report_doc_show(out, report_doc_text(first, "probe"));
    if (json_array_size(proved) > 1) {
        buf_add_str(out, " and ");
        report_text_number(out, json_array_size(proved) - 1);
        buf_add_str(out, " more");
    }
    if (output.n) {
        buf_add_str(out, ", through ");
        report_doc_show(out, output);
    }
}

void report_table_line(struct buf *out, const json_t *verdict, const struct report_style *style)
{
    enum report_verdict v = report_verdict_of(verdict);
    const char *name = report_verdict_name(v);
    struct buf rest = BUF_INIT(REPORT_LINE_MAX);
    size_t room = report_text_width(style) - VERDICT_COLUMN;

    report_doc_show(&rest, report_doc_text(verdict, "target"));
    report_text_pad(&rest, 0, TARGET_COLUMN - 2);
    buf_add_str(&rest, "  ");
    add_gist(&rest, verdict);
    if (rest.n > room) {
        buf_truncate(&rest, room - 3);
        buf_add_str(&rest, "...");
    }
    report_text_colour(out, style, report_text_verdict_colour(v), name);
    while (rest.n && rest.p[rest.n - 1] == ' ')
        buf_truncate(&rest, rest.n - 1);
    if (rest.n)
        buf_addf(out, "%*s", (int)(VERDICT_COLUMN - span_str(name).n), "");
    buf_add(out, buf_span(&rest));
    buf_add_char(out, '\n');
    buf_deinit(&rest);
}

void report_table_summary(struct buf *out, const struct report_summary *s, int64_t wall_ms,
                          const struct report_style *style)
{
    static const char *const words[REPORT_VERDICTS] = {
        [REPORT_OPEN] = "open",
        [REPORT_ACCEPTS] = "accepting without proof",
        [REPORT_CLOSED] = "closed",
        [REPORT_BLOCKED] = "blocking us",
        [REPORT_INCONCLUSIVE] = "inconclusive",
        [REPORT_UNREACHABLE] = "unreachable",
        [REPORT_ABSENT] = "absent",
        [REPORT_UNKNOWN] = "without a verdict",
    };
    struct buf line = BUF_INIT(REPORT_LINE_MAX);

    report_text_plural(&line, s->targets, "target");
    for (unsigned v = 0, begun = 0; v < REPORT_VERDICTS; v++) {
        if (s->by_verdict[v] == 0)
            continue;
        buf_add_str(&line, begun ? ", " : ": ");
        report_text_number(&line, s->by_verdict[v]);
        buf_addf(&line, " %s", words[v]);
        begun = 1;
    }
    buf_add_str(&line, ". ");
    report_text_plural(&line, s->tried, "envelope");
    buf_add_str(&line, " tried");
    if (s->proved) {
        buf_add_str(&line, ", ");
        report_text_number(&line, s->proved);
        buf_add_str(&line, " proved");
    }
    if (wall_ms > 0) {
        buf_add_str(&line, ", in ");
        report_text_duration(&line, wall_ms);
        if (s->targets > 1 && wall_ms >= 1000) {
            buf_add_str(&line, " (");
            report_text_plural(&line, s->targets * 60000 / (uint64_t)wall_ms, "target");
            buf_add_str(&line, " a minute)");
        }
    }
    buf_add_char(&line, '.');
    report_text_wrap(out, 0, 2, report_text_width(style), buf_span(&line));
    buf_deinit(&line);
}
