/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A list of five million lines may have five million faults, and none of them may cost memory or
 * drown the one that matters. So the first few are kept with all that an operator needs to mend
 * them, and the rest is only counted, kind by kind: the counts decide what becomes of the file, the
 * texts only tell. The last place is held for a refusal, which comes after everything else.
 */
#include "zone/remarks.h"

#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *zone_remark_kind_name(enum zone_remark_kind kind)
{
    switch (kind) {
    case ZONE_REMARK_WARNING:
        return "warning";
    case ZONE_REMARK_SKIPPED:
        return "skipped";
    case ZONE_REMARK_REFUSED:
        return "refused";
    }
    return "?";
}

void zone_remarks_deinit(struct zone_remarks *remarks)
{
    free(remarks->v);
    *remarks = (struct zone_remarks){0};
}

/* The end of a long name tells more than its head: the folder is the same for all. */
static void name_copy(char out[ZONE_REMARK_FILE], const char *file)
{
    size_t n = strlen(file);

    snprintf(out, ZONE_REMARK_FILE, "%s",
             n < ZONE_REMARK_FILE ? file : file + n - ZONE_REMARK_FILE + 1);
}

void zone_remarks_add(struct zone_remarks *remarks, enum zone_remark_kind kind, const char *file,
                      uint32_t line, const char *remedy, const char *fmt, ...)
{
    uint64_t *counts[] = {&remarks->warnings, &remarks->skipped, &remarks->refused};

    ++*counts[kind];
    if (remarks->n >= ZONE_REMARKS_MAX - (kind == ZONE_REMARK_REFUSED ? 0 : 1))
        return;
    if (array_grow(&remarks->v, &remarks->cap, sizeof(remarks->v[0]), remarks->n + 1) < 0)
        return;
    struct zone_remark *remark = &remarks->v[remarks->n++];
    va_list ap;

    remark->kind = kind;
    remark->line = line;
    name_copy(remark->file, file);
    snprintf(remark->remedy, sizeof(remark->remedy), "%s", remedy);
    va_start(ap, fmt);
    vsnprintf(remark->text, sizeof(remark->text), fmt, ap);
    va_end(ap);
}

const char *zone_remark_text(const struct zone_remark *remark, char *out, size_t cap)
{
    if (remark->line)
        snprintf(out, cap, "%s:%u: %s; %s", remark->file, remark->line, remark->text,
                 remark->remedy);
    else
        snprintf(out, cap, "%s: %s; %s", remark->file, remark->text, remark->remedy);
    return out;
}
