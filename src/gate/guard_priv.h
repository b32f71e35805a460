/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the guard's files share: guard.c (the table), guard_name.c, guard_judge.c. */
#ifndef POSTERN_GATE_GUARD_PRIV_H
#define POSTERN_GATE_GUARD_PRIV_H

#include "gate/guard.h"

enum { GUARD_NOT_A_STRANGER = 0 };

enum guard_role guard_role_of(const struct guard *g, struct ip ip);
/* Identities of an address, those that found no room included. */
unsigned guard_weight(const struct guard_address *a);
void guard_forget(struct guard *g);

/* Such as a stranger's own would be. */
bool guard_is_public(struct ip ip);
/* Which stranger a session shows, or GUARD_NOT_A_STRANGER. *ret_v6: by an IPv6 literal. */
uint32_t guard_identity_of(const struct guard *g, const struct guard_session *s, bool *ret_v6);

/* The identities that crowd a translator, or 0 when the address is none. */
unsigned guard_translator_limit(const struct guard *g, struct ip ip);
bool guard_is_culprit(const struct guard *g, struct ip ip);
/* Notes over how many routers a session came; true: its address is surely somebody else's. */
bool guard_path(struct guard *g, struct guard_address *a, const struct guard_session *s,
                int64_t now);
/*
 * In doubt is this address alone, if not more already. rewritten: its packets have shown that a
 * router writes it onto others'. GUARD_SUSPENDS or GUARD_SAME.
 */
enum guard_event guard_blame_one(struct guard *g, struct ip ip, bool rewritten, int64_t now);
/* Adds a reason, the oldest goes where there is no room. True when it is a new one. */
bool guard_add_culprit(struct guard *g, struct ip ip);
/* Looks for crowds and suspends; GUARD_SUSPENDS or GUARD_SAME. */
enum guard_event guard_judge(struct guard *g, int64_t now);

#endif
