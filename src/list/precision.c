/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two figures judge a list (the accuracy of earlier ones is known only because others measured it):
 * of the tests of listed hosts, how many found them closed already, that is, how stale the list is;
 * and of all listings, how many should not have been. The rest says how good nominations are.
 */
#include "list/precision.h"

#include "list/life.h"

static bool served(struct span state)
{
    enum list_state s;

    return list_state_of(state, &s) && list_state_served(s);
}

static bool is(struct span a, const char *b)
{
    return span_eq(a, span_str(b));
}

void list_precision_add(struct list_precision *p, struct span event, struct span was,
                        struct span became, struct span who, uint64_t count)
{
    bool before = served(was), after = served(became);

    if (is(event, list_event_name(LIST_NOMINATE)) && !is(was, list_state_name(LIST_NOMINATED)) &&
        is(became, list_state_name(LIST_NOMINATED)))
        p->nominated += count;
    if (is(became, list_state_name(LIST_DISMISSED)))
        p->dismissed += count;
    if (is(event, list_event_name(LIST_PROVE)) && !before &&
        !is(was, list_state_name(LIST_CONFIRMED)))
        p->proved += count;
    if (is(was, list_state_name(LIST_CONFIRMED)) && after)
        p->admitted += count;
    if (!before)
        return;
    if (is(event, list_event_name(LIST_PROVE)))
        p->renewed += count;
    if (is(event, list_event_name(LIST_CLOSE))) {
        p->closed += count;
        p->closed_asked += is(who, "queue") || is(who, "rules") ? 0 : count;
    }
    if (is(event, list_event_name(LIST_EXPIRE)))
        p->expired += count;
    if (is(event, list_event_name(LIST_DELIST)) || is(event, list_event_name(LIST_APPEAL)))
        p->delisted += count;
    if (is(event, list_event_name(LIST_APPEAL)))
        p->appeals += count;
}

unsigned list_permille(uint64_t part, uint64_t whole)
{
    return whole ? (unsigned)((part * 1000 + whole / 2) / whole) : 0;
}
