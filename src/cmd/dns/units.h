/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hub's data, one unit each: what is loaded when. For hub.c, units.c, metrics.c. */
#ifndef POSTERN_CMD_DNS_UNITS_H
#define POSTERN_CMD_DNS_UNITS_H

#include "cmd/dns/hub.h"

struct unit *unit_of(const struct hub *h, const struct site_zone *z);
/*
 * The rules of a file for the clients of all zones; NULL where none is named. False when one is
 * named and was never good: then it is not known who may ask, and no zone answers.
 */
bool units_everyone(const struct hub *h, const struct loaded **ret);
/* Makes the units of h->site; those that are as before stay, with their data. -ENOMEM. */
int units_make(struct hub *h);
void units_free(struct hub *h);
/* Reads those rules where there are none yet, at once: they are few, and all hangs on them. */
void units_load_everyone(struct hub *h);
/* Maps what needs no compiling and has no data yet: at the start, before anything is served. */
void units_load_mapped(struct hub *h);
/* Orders what else is missing, and the rest of the check of what was mapped. */
void units_load_rest(struct hub *h);
/* The same where all files are to be read again, changed or not. */
void units_read_again(struct hub *h);
/* Watches the folders that there are now. */
void unit_watch(struct hub *h, struct unit *u);
void units_watch(struct hub *h);
/* Writes to the cache what was published and is not there, and clears the cache up. */
void units_keep(struct hub *h, int64_t now);
void units_sweep(struct hub *h);
void units_retry(struct hub *h, int64_t now);
void units_on_notice(void *cookie, int folder, const char *name, enum notice_what what);
/* Has anything changed? Then it is loaded. */
void unit_look(struct hub *h, struct unit *u);
/* The data that were not good go, those before come back. */
void unit_take_back(struct unit *u);
/* What was published is good: those before may go. */
void unit_settle(struct unit *u);

int hub_publish(struct hub *h);

#endif
