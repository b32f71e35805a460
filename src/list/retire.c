/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * in service > announced > empty > dead, and from "announced" and "empty" back. What a step does to
 * the zone is for those who write it; here is only what may follow what.
 */
#include "list/retire.h"

const char *list_retire_name(enum list_retire step)
{
    switch (step) {
    case LIST_IN_SERVICE:
        return "in-service";
    case LIST_ANNOUNCED:
        return "announced";
    case LIST_EMPTY:
        return "empty";
    case LIST_DEAD:
        return "dead";
    }
    return "?";
}

bool list_retire_of(struct span name, enum list_retire *ret)
{
    for (enum list_retire s = LIST_IN_SERVICE; s <= LIST_DEAD; s++)
        if (span_eq_nocase(name, span_str(list_retire_name(s)))) {
            *ret = s;
            return true;
        }
    return false;
}

enum list_retire_answer list_retire_step(enum list_retire now, int64_t since_wall,
                                         enum list_retire want, int64_t now_wall, int64_t *ret_from)
{
    *ret_from = now == LIST_IN_SERVICE ? now_wall : since_wall + LIST_RETIRE_WAIT;
    if (now == LIST_DEAD)
        return LIST_RETIRE_OVER;
    if (want == LIST_IN_SERVICE)
        return now == LIST_IN_SERVICE ? LIST_RETIRE_SKIPS : LIST_RETIRE_GO;
    if (want != now + 1)
        return LIST_RETIRE_SKIPS;
    return now_wall < *ret_from ? LIST_RETIRE_EARLY : LIST_RETIRE_GO;
}
