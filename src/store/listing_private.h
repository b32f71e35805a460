/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the list within the store share. */
#ifndef POSTERN_STORE_LISTING_PRIVATE_H
#define POSTERN_STORE_LISTING_PRIVATE_H

#include "store/listing.h"
#include "store/private.h"

#include <errno.h>

/* Rows of a transaction that is open; 0 or a negative errno. */
int record_limits(struct store *store, const struct store_record *r);
int record_put(struct store *store, int64_t listing, const struct store_record *r);
int evidence_put(struct store *store, int64_t listing, const struct store_evidence *e);
int listing_proof_put(struct store *store, int64_t listing, const struct store_listing_proof *p);

#endif
