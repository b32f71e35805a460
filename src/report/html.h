/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of the page that stand in files of their own. */
#ifndef POSTERN_REPORT_HTML_H
#define POSTERN_REPORT_HTML_H

#include "report/report.h"

extern const char report_html_css[];

/* One target, all of it. `place` makes its anchor; `brief` leaves out probes that were refused. */
void report_html_target(struct buf *out, const struct report_target *t, size_t place, bool brief);
void report_html_proved(struct buf *out, const struct report_target *t);
void report_html_accepted(struct buf *out, const struct report_target *t);
/* Every probe with its dialogue, folded away. */
void report_html_probes(struct buf *out, const struct report_target *t, bool brief);

/* <element class="css">text</element>, nothing when the text is empty; `css` may be NULL. */
void report_html_text(struct buf *out, const char *element, const char *css, struct span text);
/* "2026-11-21 12:00:00 UTC"; a text that is no time stays as it is. */
void report_html_time(struct buf *out, struct span time);
/* The verdict's word on its colour. */
void report_html_badge(struct buf *out, enum report_verdict v);

#endif
