/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of a listing as a machine without memory: a state and an event give the next state, or
 * the step is refused. What an event needs before it may happen (an arrived token, a guard, a wait)
 * stands in rules.h, guard.h and waits.h; here is only the order.
 */
#ifndef POSTERN_LIST_LIFE_H
#define POSTERN_LIST_LIFE_H

#include "base/span.h"

/* The numbers are kept in stores: new ones go to the end. */
enum list_state {
    LIST_NONE,        /* nothing is known of the address */
    LIST_NOMINATED,   /* evidence has come in; waits for its test */
    LIST_TESTING,     /* the test is under way */
    LIST_CONFIRMED,   /* a token arrived, but a guard wants a person's word before it is listed */
    LIST_PROVISIONAL, /* listed on proofs of one run */
    LIST_LISTED,      /* listed on proofs of two runs and more */
    LIST_EXPIRED,     /* its time was over, and nothing proved it again */
    LIST_DELISTED,    /* found closed, or taken out by a person */
    LIST_DISMISSED,   /* tested, and nothing was proved */
    LIST_EXEMPT,      /* not to be tested, not to be listed */
    LIST_STATES,
};

enum list_event {
    LIST_NOMINATE,  /* evidence came in */
    LIST_TEST,      /* a test begins */
    LIST_PROVE,     /* a token arrived */
    LIST_ADMIT_ONE, /* the proofs of one run suffice for a provisional listing */
    LIST_ADMIT,     /* proofs of two separate runs */
    LIST_CLOSE,     /* a test asked what was proved before, and all was refused */
    LIST_UNDECIDED, /* blocked, untestable, inconclusive, taken and not seen: says nothing */
    LIST_ABANDON,   /* the tester went away in the middle */
    LIST_GIVE_UP,   /* undecided too often */
    LIST_EXPIRE,
    LIST_DELIST, /* a person's word */
    LIST_EXCUSE, /* exempted */
    LIST_RETURN, /* the exemption is over */
    LIST_APPEAL, /* a person's word that it should not have been listed */
    LIST_EVENTS,
};

/* "nominated", "provisional", …; "?" for what is none. */
const char *list_state_name(enum list_state s);
const char *list_event_name(enum list_event e);
/* False for a word that is no state. */
bool list_state_of(struct span name, enum list_state *ret);

/* Whether the step exists; *ret is set only then. */
bool list_life_step(enum list_state from, enum list_event event, enum list_state *ret);
/* Whether the state is served in DNS. */
bool list_state_served(enum list_state s);

#endif
