/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of the table for people that stand in files of their own. */
#ifndef POSTERN_REPORT_TABLE_H
#define POSTERN_REPORT_TABLE_H

#include "report/report.h"

void report_table_proved(struct buf *out, const struct report_target *t,
                         const struct report_style *style);
void report_table_accepted(struct buf *out, const struct report_target *t,
                           const struct report_style *style);
/* Deferred, lost and skipped probes, and why. */
void report_table_undecided(struct buf *out, const struct report_target *t,
                            const struct report_style *style);
/* Every probe on a line of its own (style->all). */
void report_table_probes(struct buf *out, const struct report_target *t,
                         const struct report_style *style);
/* A blank line and the heading of a section. */
void report_table_heading(struct buf *out, const struct report_style *style, const char *text);
/* A paragraph at the depth of a section's text. `more` indents its further lines. */
void report_table_paragraph(struct buf *out, const struct report_style *style, unsigned more,
                            const struct buf *text);

#endif
