/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of the table for people that stand in files of their own. */
#ifndef POSTERN_REPORT_TABLE_H
#define POSTERN_REPORT_TABLE_H

#include "report/report.h"

void report_table_proved(struct buf *out, const struct report_target *t,
                         const struct report_style *style);
void report_table_accepted(struct buf *out, const struct report_target *t,
                           const struct report_style *style);
/* Deferred, lost, untried and skipped probes, and why. */
void report_table_undecided(struct buf *out, const struct report_target *t,
                            const struct report_style *style);
/* Every probe on a line of its own (style->all). */
void report_table_probes(struct buf *out, const struct report_target *t,
                         const struct report_style *style);
/* "454 4.7.1 Relay access denied" */
void report_table_reply(struct buf *out, const json_t *probe);

/* Names of one group's probes, commas between them, " and N more" at the end. Starts zeroed. */
struct report_names {
    struct buf *out;
    size_t written, total;
    bool all; /* or only the first few */
};

void report_names_add(struct report_names *n, struct span name);
void report_names_end(struct report_names *n);

/* A blank line and the heading of a section. */
void report_table_heading(struct buf *out, const struct report_style *style, const char *text);
/* A paragraph at the depth of a section's text. `more` indents its further lines. */
void report_table_paragraph(struct buf *out, const struct report_style *style, unsigned more,
                            const struct buf *text);

#endif
