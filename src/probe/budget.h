/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a server forgives in one session before it slows down or hangs up. Known servers are rows of
 * data/servers/budgets.rows, found by words in their banner or EHLO reply; what a server shows by
 * its own behaviour overrules the row.
 */
#ifndef POSTERN_PROBE_BUDGET_H
#define POSTERN_PROBE_BUDGET_H

#include "base/rows.h"

struct budget {
    unsigned refusals; /* refused commands in a session */
    unsigned syntax;   /* of them, refused as malformed */
    unsigned resets;   /* RSET */
    unsigned rcpts;    /* recipients in a transaction */
    bool lock_step;    /* never pipeline, whatever EHLO offers */
    bool quit_alone;   /* QUIT apart from all else, and its reply not waited for: it comes late */
    bool found;        /* the server has shown where its limit is: nothing more is dared */
};

enum { BUDGET_NONE = 10000 }; /* "no limit" as a number */

struct budget_server {
    char name[32];
    char *banner, *ehlo; /* words to find, without case; NULL: not asked */
    struct budget budget;
    char *source;
};

struct budget_table {
    struct budget_server *servers; /* the last row is the one for unknown servers */
    size_t count, cap;
};

/* As much as any server is known to forgive: the careful start with an unknown one. */
struct budget budget_careful(void);

/* 0, -EINVAL with *err filled and the table as it was, -ENOMEM. */
int budget_load(struct budget_table *t, struct span text, struct rows_error *err);
void budget_deinit(struct budget_table *t);
/* NULL when no row fits. The text of a reply, lines joined by LF; either may be the null span. */
const struct budget_server *budget_find(const struct budget_table *t, struct span banner,
                                        struct span ehlo);

/* How a session ended, as far as budgets are concerned. */
struct budget_spent {
    unsigned refusals, syntax, resets;
    unsigned slow_at;   /* refusals seen when replies began to be held back; 0: never */
    bool cut;           /* the server hung up or said 421 before we were done */
    struct span reason; /* the last reply's text */
};

/*
 * Draws the lesson: a cut or a slow-down lowers the limit that it points to (never below one); a
 * session without either, of a server that no row knows, doubles what is dared next. `known` rows
 * are only ever lowered.
 */
void budget_learn(struct budget *b, const struct budget_spent *spent, bool known);

#endif
