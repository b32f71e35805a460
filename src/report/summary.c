/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Verdicts as words and numbers, and totals over the targets of a run. The order of the exit codes
 * is that of Nagios (0 well, 1 warning, 2 critical, 3 unknown), but over many targets the worst is
 * not the highest number: one open relay among unknowns is critical.
 */
#include "report/doc.h"
#include "report/report.h"

static const char *const names[REPORT_VERDICTS] = {
    [REPORT_OPEN] = "open",
    [REPORT_ACCEPTS] = "accepts",
    [REPORT_CLOSED] = "closed",
    [REPORT_BLOCKED] = "blocked",
    [REPORT_INCONCLUSIVE] = "inconclusive",
    [REPORT_UNREACHABLE] = "unreachable",
    [REPORT_ABSENT] = "absent",
    [REPORT_UNKNOWN] = "unknown",
};

const char *report_verdict_name(enum report_verdict v)
{
    return v < REPORT_VERDICTS ? names[v] : names[REPORT_UNKNOWN];
}

enum report_verdict report_verdict_of(const json_t *doc)
{
    struct span word = report_doc_text(doc, "verdict");

    for (unsigned v = 0; v < REPORT_VERDICTS; v++)
        if (span_eq(word, span_str(names[v])))
            return (enum report_verdict)v;
    return REPORT_UNKNOWN;
}

enum report_exit report_exit_of(enum report_verdict v)
{
    switch (v) {
    case REPORT_OPEN:
        return REPORT_EXIT_OPEN;
    case REPORT_ACCEPTS:
        return REPORT_EXIT_ACCEPTS;
    case REPORT_CLOSED:
        return REPORT_EXIT_CLOSED;
    case REPORT_BLOCKED:
    case REPORT_INCONCLUSIVE:
    case REPORT_UNREACHABLE:
    case REPORT_ABSENT:
    case REPORT_UNKNOWN:
    case REPORT_VERDICTS:
        break;
    }
    return REPORT_EXIT_UNDECIDED;
}

void report_summary_add(struct report_summary *s, const json_t *verdict)
{
    const json_t *counts = report_doc_object(verdict, "counts");
    int64_t ms = report_doc_milli(verdict, "ms");

    s->targets++;
    s->by_verdict[report_verdict_of(verdict)]++;
    s->tried += report_doc_count(counts, "tried");
    s->refused += report_doc_count(counts, "refused");
    s->accepted += report_doc_count(counts, "accepted");
    s->proved += report_doc_count(counts, "proved");
    s->bounced += report_doc_count(counts, "bounced");
    s->deferred += report_doc_count(counts, "deferred");
    s->skipped += report_doc_count(counts, "skipped");
    s->ms += ms > 0 ? (uint64_t)ms / 1000 : 0;
}

enum report_exit report_summary_exit(const struct report_summary *s)
{
    if (s->by_verdict[REPORT_OPEN])
        return REPORT_EXIT_OPEN;
    if (s->by_verdict[REPORT_ACCEPTS])
        return REPORT_EXIT_ACCEPTS;
    /* Nothing tested has shown nothing. */
    return s->targets && s->by_verdict[REPORT_CLOSED] == s->targets ? REPORT_EXIT_CLOSED
                                                                    : REPORT_EXIT_UNDECIDED;
}
