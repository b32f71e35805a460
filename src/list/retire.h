/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Closing a list down, RFC 6471 §3.4: announced for a month, then an empty zone for a month, then
 * dead. Steps can't be skipped or hurried, and none of them lists anything: lists that ended by
 * listing the world, or by vanishing, hurt those who had trusted them.
 */
#ifndef POSTERN_LIST_RETIRE_H
#define POSTERN_LIST_RETIRE_H

#include "base/span.h"

#include <stdint.h>

enum list_retire {
    LIST_IN_SERVICE,
    LIST_ANNOUNCED, /* served as ever; the zone says that it will end */
    LIST_EMPTY,     /* nothing is listed; test entries still answer */
    LIST_DEAD,      /* test entries too are gone; the name servers should become unreachable ones */
};

enum { LIST_RETIRE_WAIT = 30 * 86400 }; /* seconds between steps */

/* "in-service", "announced", "empty", "dead". */
const char *list_retire_name(enum list_retire step);
bool list_retire_of(struct span name, enum list_retire *ret);

enum list_retire_answer {
    LIST_RETIRE_GO,
    LIST_RETIRE_SKIPS, /* a step lies between, or behind */
    LIST_RETIRE_EARLY, /* *ret_from */
    LIST_RETIRE_OVER,  /* from the dead nothing comes back */
};

/*
 * May the list go from `now` (entered at since_wall) to `want`? Back to service is always one step.
 */
enum list_retire_answer list_retire_step(enum list_retire now, int64_t since_wall,
                                         enum list_retire want, int64_t now_wall,
                                         int64_t *ret_from);

#endif
