/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of dynamic.h share. Not for use outside. */
#ifndef POSTERN_LIST_DYNAMIC_PRIV_H
#define POSTERN_LIST_DYNAMIC_PRIV_H

#include "list/dynamic.h"

#define PCRE2_CODE_UNIT_WIDTH 8

/* Whether one row matches the name, whatever the others say: 1, 0, or -1 out of steps. */
int dynamic_row_matches(const struct dynamic_rules *r, const struct dynamic_row *row,
                        struct span name);

#endif
