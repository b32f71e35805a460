/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * none ─ nominate ─▶ nominated ─ test ─▶ testing ─ prove ─▶ confirmed ─ admit-one ─▶ provisional
 *                       ▲  ▲               │ │ close              │                  │ prove, admit
 *                       │  └── undecided ──┘ └─▶ dismissed        └───── admit ────▶ listed
 *                       │                                                            │
 *                       └── nominate ── expired, delisted, dismissed ◀── expire, close, delist
 *
 * A listed host stays listed while it is tested again: only a test that finds it closed, a person,
 * or the end of its time takes it out. So no server can leave the list by shutting the tester out,
 * and none stays for it beyond its time. There is one way in, through "confirmed", and that has one
 * cause, a token that arrived. A token may come after its test was called undecided, hours later:
 * then it confirms from "nominated" or "dismissed".
 *
 * Outputs of a relay of several hops come in by "prove" from nothing: they are not tested
 * themselves.
 *
 * The table is whole: what is not in it is refused, and the test of this file goes through all
 * pairs.
 */
#include "list/life.h"

static const struct {
    enum list_state from;
    enum list_event event;
    enum list_state to;
} steps[] = {
    {LIST_NONE, LIST_NOMINATE, LIST_NOMINATED},
    {LIST_NONE, LIST_PROVE, LIST_CONFIRMED},
    {LIST_NONE, LIST_EXCUSE, LIST_EXEMPT},

    {LIST_NOMINATED, LIST_NOMINATE, LIST_NOMINATED},
    {LIST_NOMINATED, LIST_TEST, LIST_TESTING},
    {LIST_NOMINATED, LIST_PROVE, LIST_CONFIRMED},
    {LIST_NOMINATED, LIST_GIVE_UP, LIST_DISMISSED},
    {LIST_NOMINATED, LIST_DELIST, LIST_DISMISSED},
    {LIST_NOMINATED, LIST_EXCUSE, LIST_EXEMPT},

    {LIST_TESTING, LIST_NOMINATE, LIST_TESTING},
    {LIST_TESTING, LIST_PROVE, LIST_CONFIRMED},
    {LIST_TESTING, LIST_CLOSE, LIST_DISMISSED},
    {LIST_TESTING, LIST_UNDECIDED, LIST_NOMINATED},
    {LIST_TESTING, LIST_ABANDON, LIST_NOMINATED},
    {LIST_TESTING, LIST_DELIST, LIST_DISMISSED},
    {LIST_TESTING, LIST_EXCUSE, LIST_EXEMPT},

    {LIST_CONFIRMED, LIST_NOMINATE, LIST_CONFIRMED},
    {LIST_CONFIRMED, LIST_TEST, LIST_CONFIRMED},
    {LIST_CONFIRMED, LIST_PROVE, LIST_CONFIRMED},
    {LIST_CONFIRMED, LIST_ADMIT_ONE, LIST_PROVISIONAL},
    {LIST_CONFIRMED, LIST_ADMIT, LIST_LISTED},
    {LIST_CONFIRMED, LIST_UNDECIDED, LIST_CONFIRMED},
    {LIST_CONFIRMED, LIST_ABANDON, LIST_CONFIRMED},
    {LIST_CONFIRMED, LIST_CLOSE, LIST_DELISTED},
    {LIST_CONFIRMED, LIST_EXPIRE, LIST_EXPIRED},
    {LIST_CONFIRMED, LIST_DELIST, LIST_DELISTED},
    {LIST_CONFIRMED, LIST_APPEAL, LIST_DELISTED},
    {LIST_CONFIRMED, LIST_EXCUSE, LIST_EXEMPT},

    {LIST_PROVISIONAL, LIST_NOMINATE, LIST_PROVISIONAL},
    {LIST_PROVISIONAL, LIST_TEST, LIST_PROVISIONAL},
    {LIST_PROVISIONAL, LIST_PROVE, LIST_PROVISIONAL},
    {LIST_PROVISIONAL, LIST_ADMIT, LIST_LISTED},
    {LIST_PROVISIONAL, LIST_UNDECIDED, LIST_PROVISIONAL},
    {LIST_PROVISIONAL, LIST_ABANDON, LIST_PROVISIONAL},
    {LIST_PROVISIONAL, LIST_CLOSE, LIST_DELISTED},
    {LIST_PROVISIONAL, LIST_EXPIRE, LIST_EXPIRED},
    {LIST_PROVISIONAL, LIST_DELIST, LIST_DELISTED},
    {LIST_PROVISIONAL, LIST_APPEAL, LIST_DELISTED},
    {LIST_PROVISIONAL, LIST_EXCUSE, LIST_EXEMPT},

    {LIST_LISTED, LIST_NOMINATE, LIST_LISTED},
    {LIST_LISTED, LIST_TEST, LIST_LISTED},
    {LIST_LISTED, LIST_PROVE, LIST_LISTED},
    {LIST_LISTED, LIST_UNDECIDED, LIST_LISTED},
    {LIST_LISTED, LIST_ABANDON, LIST_LISTED},
    {LIST_LISTED, LIST_CLOSE, LIST_DELISTED},
    {LIST_LISTED, LIST_EXPIRE, LIST_EXPIRED},
    {LIST_LISTED, LIST_DELIST, LIST_DELISTED},
    {LIST_LISTED, LIST_APPEAL, LIST_DELISTED},
    {LIST_LISTED, LIST_EXCUSE, LIST_EXEMPT},

    {LIST_EXPIRED, LIST_NOMINATE, LIST_NOMINATED},
    {LIST_EXPIRED, LIST_PROVE, LIST_CONFIRMED},
    {LIST_EXPIRED, LIST_EXCUSE, LIST_EXEMPT},

    {LIST_DELISTED, LIST_NOMINATE, LIST_NOMINATED},
    {LIST_DELISTED, LIST_PROVE, LIST_CONFIRMED},
    {LIST_DELISTED, LIST_EXCUSE, LIST_EXEMPT},

    {LIST_DISMISSED, LIST_NOMINATE, LIST_NOMINATED},
    {LIST_DISMISSED, LIST_PROVE, LIST_CONFIRMED},
    {LIST_DISMISSED, LIST_EXCUSE, LIST_EXEMPT},

    {LIST_EXEMPT, LIST_RETURN, LIST_DELISTED},
};

const char *list_state_name(enum list_state s)
{
    switch (s) {
    case LIST_NONE:
        return "none";
    case LIST_NOMINATED:
        return "nominated";
    case LIST_TESTING:
        return "testing";
    case LIST_CONFIRMED:
        return "confirmed";
    case LIST_PROVISIONAL:
        return "provisional";
    case LIST_LISTED:
        return "listed";
    case LIST_EXPIRED:
        return "expired";
    case LIST_DELISTED:
        return "delisted";
    case LIST_DISMISSED:
        return "dismissed";
    case LIST_EXEMPT:
        return "exempt";
    case LIST_STATES:
        break;
    }
    return "?";
}

const char *list_event_name(enum list_event e)
{
    switch (e) {
    case LIST_NOMINATE:
        return "nominate";
    case LIST_TEST:
        return "test";
    case LIST_PROVE:
        return "prove";
    case LIST_ADMIT_ONE:
        return "admit-one";
    case LIST_ADMIT:
        return "admit";
    case LIST_CLOSE:
        return "close";
    case LIST_UNDECIDED:
        return "undecided";
    case LIST_ABANDON:
        return "abandon";
    case LIST_GIVE_UP:
        return "give-up";
    case LIST_EXPIRE:
        return "expire";
    case LIST_DELIST:
        return "delist";
    case LIST_EXCUSE:
        return "excuse";
    case LIST_RETURN:
        return "return";
    case LIST_APPEAL:
        return "appeal";
    case LIST_EVENTS:
        break;
    }
    return "?";
}

bool list_state_of(struct span name, enum list_state *ret)
{
    for (enum list_state s = LIST_NONE; s < LIST_STATES; s++)
        if (span_eq_nocase(name, span_str(list_state_name(s)))) {
            *ret = s;
            return true;
        }
    return false;
}

bool list_life_step(enum list_state from, enum list_event event, enum list_state *ret)
{
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (steps[i].from == from && steps[i].event == event) {
            *ret = steps[i].to;
            return true;
        }
    return false;
}

bool list_state_served(enum list_state s)
{
    return s == LIST_PROVISIONAL || s == LIST_LISTED;
}
