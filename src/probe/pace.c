/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A session spends its refusals at once, so the next one waits until the window is empty: some
 * probes cost two, and a window that has room for one would hold them back for ever.
 */
#include "probe/pace.h"

#include "probe/budget.h"

void pace_init(struct pace *p, bool limited)
{
    *p = (struct pace){.limited = limited};
}

void pace_refused(struct pace *p, int64_t now)
{
    p->newest = now;
    p->any = true;
}

unsigned pace_left(const struct pace *p, int64_t now, int64_t *ret_until)
{
    if (!p->limited)
        return BUDGET_NONE;
    if (!p->any || now - p->newest >= PACE_WINDOW_MS + PACE_MARGIN_MS)
        return PACE_REFUSALS;
    *ret_until = p->newest + PACE_WINDOW_MS + PACE_MARGIN_MS;
    return 0;
}
