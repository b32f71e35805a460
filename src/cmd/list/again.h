/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What proved a listing, and whether a new test asked it again: the envelope and the port. TLS is
 * tried where it was tried then.
 */
#ifndef POSTERN_CMD_LIST_AGAIN_H
#define POSTERN_CMD_LIST_AGAIN_H

#include "cmd/list/tester.h"

enum {
    AGAIN_MAX = 400,     /* of what was proved, what is remembered */
    AGAIN_ASKED = 64,    /* envelopes in one test */
    AGAIN_GENTLE = 3,    /* of a stranger: with the control what probe/pace.h lets pass at once */
    AGAIN_PORTS_MAX = 8, /* at which a host was proved */
    AGAIN_WHY_MAX = 400,
};

struct again_proved {
    char *id;      /* owned */
    uint16_t port; /* 0: not known any more */
    bool chosen, refused, cannot;
};

struct again {
    struct again_proved v[AGAIN_MAX];
    size_t count;
    bool tls, optin; /* something needs it */
    uint16_t ports[AGAIN_PORTS_MAX];
    size_t port_count;
    char ports_text[8 * (AGAIN_PORTS_MAX + 16)];
    char *quick[TESTER_QUICK_MAX]; /* owned: the likeliest besides */
    size_t quick_count;
};

/* The fresh proofs of a listing. 0 or -errno; free it either way. */
int again_read(struct ledger *g, const struct store_listing *l, struct again *ret);
void again_free(struct again *a);
/*
 * What is asked now, into *job, which borrows from *a: all of it and the likeliest besides, or of
 * many an even choice; of a stranger the likeliest few. 0 or -errno.
 */
int again_choose(struct ledger *g, struct again *a, struct tester_job *job);
/* The minutes that a gentle test of this will take; 0: at once. */
unsigned again_minutes(const struct again *a, const struct tester_job *job);
/*
 * Whether the run of that target refused what was chosen. A port that is shut refuses all.
 * ret_why[AGAIN_WHY_MAX] says what is missing. 0 or -errno.
 */
int again_answered(struct ledger *g, struct again *a, const char *target, uint32_t run, bool *ret,
                   char *ret_why);

#endif
