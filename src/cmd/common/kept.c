/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/common/kept.h"

#include "io/log.h"

#include <string.h>

bool kept_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

bool kept_list(const struct option_list *a, const struct option_list *b)
{
    bool same = a->count == b->count;

    for (size_t i = 0; same && i < a->count; i++)
        same = strcmp(a->v[i], b->v[i]) == 0;
    return same;
}

void kept_tell(const struct kept *v, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!v[i].same)
            log_warn("reload", "setting", v[i].name, "text", "takes effect at the next start",
                     NULL);
}
