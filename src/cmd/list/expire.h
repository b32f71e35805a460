/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ends what has come to its end. */
#ifndef POSTERN_CMD_LIST_EXPIRE_H
#define POSTERN_CMD_LIST_EXPIRE_H

#include "cmd/list/entry.h"

/*
 * Listings whose time is over expire; what the guard covers now is excused, and what it covers no
 * longer returns. The files follow, and old images are renewed. 0 or an exit status with the reason
 * printed; *ret_count (may be NULL) how many listings expired.
 */
int expire_over(struct ledger *g, uint64_t *ret_count);

#endif
