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
};

/* One token that arrived. */
struct list_proof {
    uint32_t run;
    struct ip input;    /* the address that was given the envelope */
    struct ip output;   /* the address that brought it; IP_NONE where nobody saw it */
    struct span family; /* of the probe; empty where it is not known */
};

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
