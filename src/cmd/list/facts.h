/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a notice says of one listing, gathered from the store: proofs, dialogue, way, advice. */
#ifndef POSTERN_CMD_LIST_FACTS_H
#define POSTERN_CMD_LIST_FACTS_H

#include "cmd/common/advice.h"
#include "cmd/list/ledger.h"
#include "list/notice.h"

enum { FACTS_NAMES_MAX = 16 };

struct facts {
    struct store_listing l; /* its class is the text below */
    struct notice n;        /* borrows from what follows; who we are is the caller's to fill */
    struct notice_proof proofs[NOTICE_PROOFS_SHOWN];
    size_t kept;                          /* of them */
    char *texts[3 * NOTICE_PROOFS_SHOWN]; /* owned */
    size_t text_count;
    char class[LIST_CLASS_ID_MAX + 1];
    struct buf path, header, transcript, advice, page;
    char names[FACTS_NAMES_MAX][256]; /* by which the server calls itself; not verified */
    size_t name_count;
};

/* `book` may be empty. 0, -errno, or STORE_NONE when there is no proof. */
int facts_gather(struct ledger *g, const struct advise_book *book, const struct store_listing *l,
                 struct facts *ret);
void facts_free(struct facts *f);

#endif
