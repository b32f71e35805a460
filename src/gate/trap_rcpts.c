/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Trap recipients: a sorted set of lower-case texts. Local parts are compared without case though
 * RFC 5321 §2.4 leaves that to their host, because a trap stands for nobody and harvested lists
 * come in any case.
 */
#include "gate/trap.h"

#include <errno.h>
#include <stdlib.h>

enum { RCPT_MAX = 320 }; /* 64 + "@" + 255, RFC 5321 §4.5.3.1 */

static bool lower(struct span s, char out[RCPT_MAX + 1])
{
    if (s.n == 0 || !span_copy(s, out, RCPT_MAX + 1))
        return false;
    for (char *p = out; *p; p++)
        *p = ascii_lower(*p);
    return true;
}

static size_t place_of(const struct trap_rcpts *r, const char *text, bool *ret_there)
{
    size_t low = 0, high = r->count;

    *ret_there = false;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(r->v[mid], text);

        if (order == 0) {
            *ret_there = true;
            return mid;
        }
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

int trap_rcpts_add(struct trap_rcpts *r, struct span rcpt)
{
    char text[RCPT_MAX + 1], *copy;
    size_t sign, at;
    bool there;

    rcpt = span_trim(rcpt);
    sign = span_rfind(rcpt, '@');
    if (sign + 1 >= rcpt.n || r->count >= TRAP_RCPTS_MAX || !lower(rcpt, text))
        return TRAP_RCPT_BAD;
    for (size_t i = 0; i < rcpt.n; i++)
        if (rcpt.p[i] <= ' ' || rcpt.p[i] == 127)
            return TRAP_RCPT_BAD;
    at = place_of(r, text, &there);
    if (there)
        return 0;
    copy = strdup(text);
    if (!copy || array_grow(&r->v, &r->cap, sizeof(r->v[0]), r->count + 1) < 0) {
        free(copy);
        return -ENOMEM;
    }
    memmove(&r->v[at + 1], &r->v[at], (r->count - at) * sizeof(r->v[0]));
    r->v[at] = copy;
    r->count++;
    return 0;
}

void trap_rcpts_deinit(struct trap_rcpts *r)
{
    for (size_t i = 0; i < r->count; i++)
        free(r->v[i]);
    free(r->v);
    *r = (struct trap_rcpts){0};
}

bool trap_rcpts_has(const struct trap_rcpts *r, struct span rcpt)
{
    char text[RCPT_MAX + 1];
    size_t sign;
    bool there;

    if (!r->count || !lower(rcpt, text))
        return false;
    place_of(r, text, &there);
    if (there)
        return true;
    sign = span_rfind(rcpt, '@');
    if (sign < rcpt.n)
        place_of(r, text + sign, &there); /* "@domain": all of it */
    return there;
}
