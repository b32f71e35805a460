/* SPDX-License-Identifier: GPL-3.0-or-later */
/* At a reload: settings that need the rights of the start stay as they were, and that is said. */
#ifndef POSTERN_CMD_COMMON_KEPT_H
#define POSTERN_CMD_COMMON_KEPT_H

#include "io/options.h"

#include <stdbool.h>

struct kept {
    const char *name;
    bool same; /* as before */
};

/* NULL is as "". */
bool kept_text(const char *a, const char *b);
bool kept_list(const struct option_list *a, const struct option_list *b);
/* Warns of each that is not the same. */
void kept_tell(const struct kept *v, size_t count);

#endif
