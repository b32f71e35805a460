/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Proved probes for people. A server that relays for anybody proves a hundred envelopes at once,
 * all by one way; a reader wants that way once, a few envelopes to try by hand, and the names of
 * the rest. So they are grouped by their way, and each group shows a few unless the style asks for
 * all.
 */
#include "report/doc.h"
#include "report/path.h"
#include "report/table.h"
#include "report/text.h"

#include <errno.h>
#include <stdlib.h>

enum {
    SHOWN = 3, /* envelopes of a way that are written out */
    IN = 6,    /* columns before an envelope */
};

/* What the probe document knows beyond the verdict's entry: the flaw and its CVE. */
static const json_t *details_of(const struct report_target *t, const json_t *proved)
{
    struct span id = report_doc_text(proved, "probe");

    if (report_doc_text(proved, "flaw").p)
        return proved;
    for (size_t i = 0; i < json_array_size(t->probes); i++)
        if (span_eq(report_doc_text(json_array_get(t->probes, i), "probe"), id))
            return json_array_get(t->probes, i);
    return proved;
}

/* A line of the dialogue, never broken or respaced: blanks are part of some envelopes. */
static void add_command(struct buf *out, const char *verb, struct span argument)
{
    buf_addf(out, "%*s%s", IN + 2, "", verb);
    report_doc_show(out, argument);
    buf_add_char(out, '\n');
}

static void add_envelope(struct buf *out, const struct report_target *t, const json_t *proved,
                         const struct report_style *style)
{
    const json_t *more = details_of(t, proved);
    struct span flaw = report_doc_text(more, "flaw"), cve = report_doc_text(more, "cve");
    struct span scope = report_doc_text(proved, "scope");
    struct buf line = BUF_INIT(REPORT_LINE_MAX);

    report_doc_show(&line, report_doc_text(proved, "probe"));
    if (flaw.n) {
        buf_add_str(&line, ": ");
        report_doc_show(&line, flaw);
    }
    if (cve.n) {
        buf_add_str(&line, " (");
        report_doc_show(&line, cve);
        buf_add_char(&line, ')');
    }
    report_text_wrap(out, IN, IN + 2, report_text_width(style), buf_span(&line));
    add_command(out, "HELO ", report_doc_text(proved, "helo"));
    add_command(out, "MAIL FROM:", report_doc_text(proved, "mail"));
    add_command(out, "RCPT TO:", report_doc_text(proved, "rcpt"));
    buf_clear(&line);
    if (report_doc_milli(proved, "delay") >= 0) {
        buf_add_str(&line, "arrived after ");
        report_text_duration(&line, report_doc_milli(proved, "delay"));
    }
    if (scope.n && !span_eq(scope, SPAN_LIT("recipient"))) {
        buf_add_str(&line, line.n ? ", " : "");
        buf_add_str(&line, "known by the token in the message, not in its recipient");
    }
    if (line.n)
        report_text_wrap(out, IN + 2, IN + 4, report_text_width(style), buf_span(&line));
    buf_deinit(&line);
}

/* All probes that came by the way of entry `first`; marks them as done. */
static void add_way(struct buf *out, const struct report_target *t, const json_t *proved,
                    const struct report_path *paths, bool *done, size_t first,
                    const struct report_style *style)
{
    struct buf line = BUF_INIT(REPORT_LINE_MAX);
    struct report_names names = {.out = &line, .all = style->all};
    const json_t *entry = json_array_get(proved, first);
    struct report_path path = paths[first];
    size_t shown = 0;

    path.delay_ms = -1; /* each envelope has its own */
    report_path_text(&line, &path, style);
    buf_addf(&line, ", %s", report_text_tls(entry)[0] ? report_text_tls(entry) : "?");
    report_table_paragraph(out, style, 4, &line);
    buf_clear(&line);
    for (size_t i = first; i < json_array_size(proved); i++) {
        if (done[i] || !report_path_same(&paths[first], &paths[i]))
            continue;
        done[i] = true;
        if (style->all || shown++ < SHOWN)
            add_envelope(out, t, json_array_get(proved, i), style);
        else
            report_names_add(&names, report_doc_text(json_array_get(proved, i), "probe"));
    }
    report_names_end(&names);
    if (line.n) {
        struct buf also = BUF_INIT(REPORT_LINE_MAX);

        buf_add_str(&also, "The same way came");
        buf_add(&also, buf_span(&line));
        report_text_wrap(out, IN, IN + 2, report_text_width(style), buf_span(&also));
        buf_deinit(&also);
    }
    buf_deinit(&line);
}

void report_table_proved(struct buf *out, const struct report_target *t,
                         const struct report_style *style)
{
    const json_t *proved = report_doc_array(t->verdict, "proved");
    size_t count = json_array_size(proved);
    struct buf heading = BUF_INIT(REPORT_LINE_MAX);
    struct report_path *paths;
    bool *done;

    if (count == 0)
        return;
    paths = calloc(count, sizeof(*paths));
    done = calloc(count, sizeof(*done));
    if (!paths || !done) {
        out->err = -ENOMEM;
        free(paths);
        free(done);
        return;
    }
    buf_add_str(&heading, "Proved: ");
    report_text_plural(&heading, count, "envelope");
    buf_add_str(&heading, " came through to the sink");
    report_table_heading(out, style, buf_str(&heading));
    buf_deinit(&heading);
    for (size_t i = 0; i < count; i++)
        report_path_of(&paths[i], json_array_get(proved, i), report_doc_target(t));
    for (size_t i = 0; i < count; i++)
        if (!done[i])
            add_way(out, t, proved, paths, done, i, style);
    free(paths);
    free(done);
}

void report_table_probes(struct buf *out, const struct report_target *t,
                         const struct report_style *style)
{
    if (json_array_size(t->probes) != 0)
        report_table_heading(out, style, "Every probe");
    for (size_t i = 0; i < json_array_size(t->probes); i++) {
        const json_t *probe = json_array_get(t->probes, i);
        struct buf reply = BUF_INIT(REPORT_LINE_MAX);

        /* One line each, however long: these are for grep and for copying. */
        buf_add_str(out, "    ");
        report_doc_show(out, report_doc_text(probe, "state"));
        buf_add_str(out, "  ");
        report_text_endpoint(out, probe, "address");
        buf_addf(out, " %s  ", report_text_tls(probe));
        report_doc_show(out, report_doc_text(probe, "probe"));
        buf_add_str(out, "  HELO ");
        report_doc_show(out, report_doc_text(probe, "helo"));
        buf_add_str(out, "  MAIL FROM:");
        report_doc_show(out, report_doc_text(probe, "mail"));
        buf_add_str(out, "  RCPT TO:");
        report_doc_show(out, report_doc_text(probe, "rcpt"));
        report_table_reply(&reply, probe);
        if (reply.n)
            buf_add_str(out, style->utf8 ? "  \xe2\x86\x92 " : "  -> ");
        buf_add(out, span_trim(buf_span(&reply)));
        buf_add_char(out, '\n');
        buf_deinit(&reply);
    }
}
