/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A round of tests: from a listing that is due, by the tester, to what its verdict means for the
 * listing. `test` and `retest` share it.
 */
#ifndef POSTERN_CMD_LIST_ROUND_H
#define POSTERN_CMD_LIST_ROUND_H

#include "cmd/list/collect.h"
#include "cmd/list/tester.h"
#include "probe/scope.h"

/* Who may be tested: the operator's lists. */
struct round {
    struct ledger *g;
    struct scope_list scope, never;
    char *const *more;
    size_t more_count;
    uint64_t tested, proved, closed, undecided;
    struct tester_shown shown; /* the caller sets its total */
};

/* 0 or an exit status with the reason printed. Close it either way. */
int round_open(struct round *r, struct ledger *g, char *const *more, size_t more_count);
void round_close(struct round *r);

enum round_may {
    ROUND_MAY,
    ROUND_NEVER,   /* on the never-test list, exempt, or ours */
    ROUND_OUTSIDE, /* outside the scope, and tests there are not wanted */
    ROUND_SOON,    /* *ret_until */
};

/* May this address be tested by ourselves? *ret_why is a phrase; *ret_gentle: outside the scope. */
enum round_may round_may(struct round *r, const struct store_listing *l, const char **ret_why,
                         int64_t *ret_until, bool *ret_gentle);

/* How a test that was asked for differs from one that was due. */
struct round_request {
    const char *who; /* NULL: nobody asked */
    const char *reason;
};

enum round_end {
    ROUND_OPEN,
    ROUND_CLOSED,
    ROUND_UNDECIDED,
};

/*
 * Tests one listing that may be served already: with what was proved before. The lock is held at
 * the call and after it, not in between. 0 or an exit status; *ret_end.
 */
int round_again(struct round *r, int64_t listing, const struct round_request *request, bool gentle,
                enum round_end *ret_end);
/* Tests nominated hosts, many in one run. Likewise. */
int round_first(struct round *r, const int64_t *listings, size_t count, const char *who);

#endif
