/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How right the list is, counted from its own records. Nobody else's word is in these figures, so
 * they can be published beside the hash that stands for the records.
 */
#ifndef POSTERN_LIST_PRECISION_H
#define POSTERN_LIST_PRECISION_H

#include "base/span.h"

#include <stdint.h>

struct list_precision {
    uint64_t nominated;    /* came into the queue */
    uint64_t dismissed;    /* tested and not proved */
    uint64_t proved;       /* came from a nomination to "confirmed" */
    uint64_t admitted;     /* came to be served */
    uint64_t renewed;      /* proved again while served */
    uint64_t closed;       /* found closed while served: the listing had outlived its cause */
    uint64_t closed_asked; /* of which somebody had asked for the test */
    uint64_t expired;      /* ran out while served */
    uint64_t delisted;     /* by a person, while served */
    uint64_t appeals;      /* of which it should not have been listed */
};

/* One kind of record, so many times. Words are those of list/life.h. */
void list_precision_add(struct list_precision *p, struct span event, struct span was,
                        struct span became, struct span who, uint64_t count);
/* Parts of a thousand; 0 where the whole is 0. */
unsigned list_permille(uint64_t part, uint64_t whole);

#endif
