/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sliding window of the last few refusals; older ones can no longer be part of a full window. */
#include "probe/pace.h"

#include "probe/budget.h"

#include <string.h>

void pace_init(struct pace *p, bool limited)
{
    *p = (struct pace){.limited = limited};
}

void pace_refused(struct pace *p, int64_t now)
{
    if (p->count == PACE_REFUSALS) {
        memmove(p->at, p->at + 1, (PACE_REFUSALS - 1) * sizeof(p->at[0]));
        p->count--;
    }
    p->at[p->count++] = now;
}

unsigned pace_left(const struct pace *p, int64_t now, int64_t *ret_until)
{
    unsigned recent = 0;

    if (!p->limited)
        return BUDGET_NONE;
    for (unsigned i = 0; i < p->count; i++)
        if (now - p->at[i] < PACE_WINDOW_MS + PACE_MARGIN_MS)
            recent++;
    if (recent == PACE_REFUSALS)
        *ret_until = p->at[0] + PACE_WINDOW_MS + PACE_MARGIN_MS;
    return PACE_REFUSALS - recent;
}
