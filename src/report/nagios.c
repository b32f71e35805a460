/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One line as the monitoring plugins' guidelines want it: service, state, text, a bar, performance
 * data. A bar or a line end in the text would end it early, so a stranger's bar is escaped like his
 * control characters.
 */
#include "report/doc.h"
#include "report/report.h"
#include "report/text.h"

#include <inttypes.h>

static void add_text(struct buf *out, struct span s)
{
    struct buf safe = BUF_INIT(REPORT_LINE_MAX);

    report_doc_show(&safe, s);
    for (size_t i = 0; i < safe.n; i++) {
        if (safe.p[i] == '|')
            buf_add_str(out, "\\x7c");
        else
            buf_add_char(out, safe.p[i]);
    }
    buf_deinit(&safe);
}

static void add_one(struct buf *out, const struct report_target *t)
{
    const json_t *first = json_array_get(report_doc_array(t->verdict, "proved"), 0);
    struct span why = report_doc_text(t->verdict, "why");

    add_text(out, report_doc_target(t));
    buf_addf(out, " %s", report_verdict_name(report_verdict_of(t->verdict)));
    if (why.n) {
        buf_add_str(out, ": ");
        add_text(out, why);
    }
    if (first) {
        buf_add_str(out, " (");
        add_text(out, report_doc_text(first, "probe"));
        if (report_doc_text(first, "output").n) {
            buf_add_str(out, " through ");
            add_text(out, report_doc_text(first, "output"));
        }
        buf_add_char(out, ')');
    }
}

/* Many targets: how many of each verdict, and the names of the worst. */
static void add_many(struct buf *out, const struct report_target *targets, size_t count,
                     const struct report_summary *sum)
{
    enum { NAMED = 5 };
    enum report_exit worst = report_summary_exit(sum);
    unsigned named = 0;

    report_text_plural(out, sum->targets, "target");
    for (unsigned v = 0; v < REPORT_VERDICTS; v++)
        if (sum->by_verdict[v])
            buf_addf(out, ", %" PRIu64 " %s", sum->by_verdict[v],
                     report_verdict_name((enum report_verdict)v));
    for (size_t i = 0; i < count && worst != REPORT_EXIT_CLOSED; i++) {
        if (report_exit_of(report_verdict_of(targets[i].verdict)) != worst)
            continue;
        if (named++ == NAMED) {
            buf_add_str(out, ", ...");
            break;
        }
        buf_add_str(out, named == 1 ? ": " : ", ");
        add_text(out, report_doc_target(&targets[i]));
    }
}

enum report_exit report_nagios(struct buf *out, const struct report_target *targets, size_t count)
{
    static const char *const words[] = {[REPORT_EXIT_CLOSED] = "OK",
                                        [REPORT_EXIT_ACCEPTS] = "WARNING",
                                        [REPORT_EXIT_OPEN] = "CRITICAL",
                                        [REPORT_EXIT_UNDECIDED] = "UNKNOWN"};
    struct report_summary sum = {0};
    enum report_exit code;

    for (size_t i = 0; i < count; i++)
        report_summary_add(&sum, targets[i].verdict);
    code = report_summary_exit(&sum);
    buf_addf(out, "RELAY %s - ", words[code]);
    if (count == 1 && targets[0].verdict)
        add_one(out, &targets[0]);
    else
        add_many(out, targets, count, &sum);
    /* label=value;warn;crit;min - any accepted envelope warns, any proved one is critical. */
    buf_addf(out,
             " | proved=%" PRIu64 ";;0;0 accepted=%" PRIu64 ";0;;0 refused=%" PRIu64
             ";;;0 deferred=%" PRIu64 ";;;0 tried=%" PRIu64 ";;;0 time=%" PRIu64 ".%03" PRIu64
             "s;;;0\n",
             sum.proved, sum.accepted, sum.refused, sum.deferred, sum.tried, sum.ms / 1000,
             sum.ms % 1000);
    return code;
}
