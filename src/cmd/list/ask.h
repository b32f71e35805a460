/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DNS questions, one at a time and waited for: whose host is it, whom does its network name? */
#ifndef POSTERN_CMD_LIST_ASK_H
#define POSTERN_CMD_LIST_ASK_H

#include "list/notice.h"

struct ask;

/* server: "ADDR:PORT", or NULL: the system's. 0 or an exit status with the reason printed. */
int ask_open(const char *program, const char *server, struct ask **ret);
void ask_close(struct ask **a);

/*
 * The names of the address that lead back to it, each handed to fn. False when DNS could not say
 * (in passing): then nothing is to be concluded from their absence.
 */
bool ask_names(struct ask *a, struct ip ip, void (*fn)(void *cookie, struct span name),
               void *cookie);
/* Does the name lead to the address? */
bool ask_leads_to(struct ask *a, struct span name, struct ip ip);
/* The TXT records of a name, each to fn. */
bool ask_texts(struct ask *a, const char *name, void (*fn)(void *cookie, struct span text),
               void *cookie);
/* The first address of a host that takes mail for us; IP_NONE when there is none. */
struct ip ask_address(struct ask *a, struct span name);

#endif
