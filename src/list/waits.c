/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The times of a listing. Two of them are promises to others: no host is tested by ourselves more
 * than once in 24 hours, and nobody waits longer than a week for the retest that he asks for,
 * however often he came back.
 */
#include "list/waits.h"

enum { DOUBLINGS_MAX = 30 };

static int64_t doubled(int64_t first, unsigned times, int64_t most)
{
    int64_t wait = first;

    for (unsigned i = 0; i < times && i < DOUBLINGS_MAX && wait < most; i++)
        wait *= 2;
    return wait < most ? wait : most;
}

int64_t list_wait_retest(unsigned failed, unsigned listed_before, int64_t first, int64_t most)
{
    unsigned steps = failed < DOUBLINGS_MAX ? failed : DOUBLINGS_MAX;

    steps += listed_before < DOUBLINGS_MAX ? listed_before : DOUBLINGS_MAX;
    return steps ? doubled(first, steps - 1, most) : 0;
}

int64_t list_wait_undecided(unsigned tries)
{
    return doubled(LIST_TEST_GAP, tries ? tries - 1 : 0, LIST_UNDECIDED_MAX);
}

int64_t list_due_listed(bool provisional, int64_t tested_wall, int64_t expires_wall)
{
    int64_t soonest = tested_wall + LIST_TEST_GAP, renew = expires_wall - LIST_RENEW_BEFORE;

    return provisional || renew < soonest ? soonest : renew;
}

bool list_soon(int64_t now_wall, int64_t tested_wall, int64_t wait, int64_t *ret_until)
{
    *ret_until = tested_wall + wait;
    return tested_wall > 0 && tested_wall <= now_wall && now_wall < *ret_until;
}
