/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the page and the drawing share. */
#ifndef POSTERN_REPORT_SVG_H
#define POSTERN_REPORT_SVG_H

#include "report/path.h"

/* The style of all drawings: goes into the page once, or into a drawing that stands alone. */
extern const char report_svg_css[];

/* `tls` is the word at the first arrow. */
void report_svg_path(struct buf *out, const struct report_path *path, const char *tls,
                     enum report_svg shape, bool standalone);

#endif
