/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files about a house's door share; see judge_client.c. */
#ifndef POSTERN_TRACE_DOOR_H
#define POSTERN_TRACE_DOOR_H

#include "trace/judge.h"

struct door {
    struct inquiry *q;
    size_t house;
    const struct house *h;
    const struct received *r; /* the line of the door */
};

unsigned door_sure(struct door *d, unsigned percent);
/* TRACE_OPEN_CASE, with a note. */
enum trace_class door_open_case(struct door *d, const char *why);
/* The peer's reverse name where it can be believed, else empty. */
struct span door_seen_name(const struct received *r);
bool door_replies_elsewhere(const struct facts *f);

/* ---- judge_private.c ---- */

/* What the client called itself has no business in this house. */
bool door_foreign_helo(struct door *d);
/* The server gave the message its id, for the sender's program gave none. */
bool door_id_is_house(struct door *d);
/* A mail program that is set up for a mailbox of this house put its domain into the id. */
bool door_id_is_users(struct door *d);
enum trace_class door_private(struct door *d);

#endif
