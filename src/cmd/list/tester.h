/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tester as a child: what is asked of it, and its verdicts as they come. */
#ifndef POSTERN_CMD_LIST_TESTER_H
#define POSTERN_CMD_LIST_TESTER_H

#include "cmd/list/ledger.h"

enum {
    TESTER_TARGETS_MAX = 200,
    TESTER_QUICK_MAX = 24,
    TESTER_ONLY_MAX = 64 + 8 + TESTER_QUICK_MAX,
};

struct tester_job {
    const char *targets[TESTER_TARGETS_MAX]; /* addresses as text */
    size_t target_count;
    const char *only[TESTER_ONLY_MAX]; /* exact ids of probes; none: the tester's own set */
    size_t only_count;
    const char *scope;               /* a scope file, or NULL */
    const char *ports, *tls, *limit; /* as the tester's options; NULL: its own */
    bool optin;                      /* families that must be asked for by name are among `only` */
    bool gentle;
    char *const *more; /* further words for the tester, from behind "--" */
    size_t more_count;
    struct tester_shown *shown; /* NULL: nothing is said meanwhile */
};

/* How far it is, on standard error; nothing with --json or --quiet. The caller counts. */
struct tester_shown {
    uint64_t done, total; /* hosts */
    const char *note;     /* "gently"; or NULL */
};

struct tester_verdict {
    const char *target;  /* as in the job */
    const char *verdict; /* "open", "closed", … */
    const char *why;
    uint32_t run;
};

typedef int tester_fn(void *ctx, const struct tester_verdict *v);

/*
 * Runs `postern test` to its end and calls fn for each verdict. The list's lock must not be held.
 * 0; what fn returned; or an exit status with the reason printed, when the tester can't be started
 * or stops with an error of its own.
 */
int tester_run(const struct ledger *g, const struct tester_job *job, tester_fn *fn, void *ctx);

/*
 * Which of ids[n] the catalogue has, with all opt-in families; *ret_optin whether one of them is of
 * those. 0 or -errno.
 */
int tester_knows(const struct ledger *g, const struct tester_job *job, const char *const *ids,
                 size_t n, bool *ret_have, bool *ret_optin);

/* The ids of the quick set, into ids[max], to be freed each. How many, or -errno. */
int tester_quick(const struct ledger *g, char **ids, size_t max);

/*
 * One tester of the queue at a time: *ret_fd is to be closed at the end, and goes with the process
 * in any case. EX_TEMPFAIL with the reason printed where another has it and `wait` is false.
 */
int tester_alone(const struct ledger *g, bool wait, int *ret_fd);

#endif
