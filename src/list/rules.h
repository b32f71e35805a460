/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules of evidence: what the tokens that arrived say about the host that was tested and about
 * the hosts that brought them back.
 */
#ifndef POSTERN_LIST_RULES_H
#define POSTERN_LIST_RULES_H

#include "base/ip.h"
#include "list/classes.h"

#include <stdint.h>

enum {
    LIST_RUNS_LISTED = 2, /* separate runs that make a listing more than provisional */
    LIST_RUNS_MAX = 64,   /* that are told apart; what comes behind is not counted */
};

/* One token that arrived. */
struct list_proof {
    uint32_t run;
    struct ip input;       /* the address that was given the envelope */
    struct ip output;      /* the address that brought it; IP_NONE where nobody saw it */
    struct span family;    /* of the probe; empty where it is not known */
    int64_t began_wall_ms; /* when its run went to the host; 0: not known, the arrival counts */
    int64_t arrived_wall_ms;
};

/*
 * Runs are separate when each went to the host after a token of the one before had arrived: then
 * the second has repeated what the first found. Runs side by side are one.
 */
struct list_judgement {
    const struct list_class *class; /* NULL: nothing is proved */
    unsigned runs;                  /* separate runs among the proofs */
};

/* Of the host that was tested: all proofs are of this input. */
struct list_judgement list_judge_host(const struct list_classes *c, const struct list_proof *proofs,
                                      size_t count);
/* Of one output: proofs whose output is another address than their input. */
struct list_judgement list_judge_output(const struct list_classes *c,
                                        const struct list_proof *proofs, size_t count,
                                        struct ip output);

#endif
