/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the terminal on a stream can do. */
#ifndef POSTERN_IO_TERM_H
#define POSTERN_IO_TERM_H

#include "base/span.h"

enum term_color { TERM_COLOR_AUTO, TERM_COLOR_ALWAYS, TERM_COLOR_NEVER };

bool term_color_parse(struct span text, enum term_color *ret);
/* AUTO: a terminal, TERM is not "dumb", and NO_COLOR (no-color.org) is unset or empty. */
bool term_color(enum term_color want, int fd);
/* Columns: of the terminal, else $COLUMNS, else 80. */
unsigned term_width(int fd);
bool term_is(int fd);

#endif
