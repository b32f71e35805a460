/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When: tests, retests, the end of a listing. Seconds since 1970 and seconds; no clock in here. */
#ifndef POSTERN_LIST_WAITS_H
#define POSTERN_LIST_WAITS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    LIST_DAY = 86400,
    LIST_TEST_GAP = LIST_DAY,          /* between tests without request, RFC 6471 §3.6.2 */
    LIST_EXPIRE_AFTER = 30 * LIST_DAY, /* unless proved again */
    LIST_RENEW_BEFORE = 3 * LIST_DAY,  /* a listing is tested again so long before its end */
    LIST_TRIES_MAX = 4,                /* undecided tests before a nomination is dropped */
    LIST_UNDECIDED_MAX = 8 * LIST_DAY, /* the longest wait between them */
    LIST_RETEST_AGAIN = 600,           /* after one that could not tell */
    LIST_RETEST_WAIT = 3600,           /* after the first retest that found it open still */
    LIST_RETEST_MAX = 7 * LIST_DAY,    /* RFC 6471 §2.2.3: an answer within seven days */
};

/*
 * How long a retest on request must wait after the last test: 0 for the first, then `first`,
 * doubled for each retest that found the host open, and for each listing of it before this one.
 */
int64_t list_wait_retest(unsigned failed, unsigned listed_before, int64_t first, int64_t most);
/* After an undecided test: a day, then two, four, eight. */
int64_t list_wait_undecided(unsigned tries);
/* When the worker should look at a listed host again; 0 never. */
int64_t list_due_listed(bool provisional, int64_t tested_wall, int64_t expires_wall);
/* A test at `tested` that is in the future is a clock that was set back, and counts as none. */
bool list_soon(int64_t now_wall, int64_t tested_wall, int64_t wait, int64_t *ret_until);

#endif
