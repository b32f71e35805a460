/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A nomination: an address, and why it should be tested. It is never more than a reason for a test,
 * whoever brings it. The lines are those of gate/evidence.h and trace/render.h; members that are
 * not known are left alone, so that others can write them too.
 */
#ifndef POSTERN_LIST_NOMINATE_H
#define POSTERN_LIST_NOMINATE_H

#include "base/ip.h"

#include <stdint.h>

enum {
    LIST_LINE_MAX = 1 << 17, /* octets of a line: the header section of a message is in some */
    LIST_WORD_MAX = 64,      /* octets of source, reason, witness */
    LIST_EVIDENCE_MAX = 64 << 10,
};

enum list_witness {
    LIST_WITNESS_UNTOLD,
    LIST_WITNESS_OWN,    /* a host of the nominator saw the address itself */
    LIST_WITNESS_CHAIN,  /* only other hosts' Received lines name it */
    LIST_WITNESS_PERSON, /* somebody says so */
};

const char *list_witness_name(enum list_witness w);

struct list_nomination {
    struct ip ip;
    int64_t wall;                   /* 0 where it is not told */
    char source[LIST_WORD_MAX + 1]; /* "gate", "trace", … */
    char reason[LIST_WORD_MAX + 1]; /* "relay-attempt", "relayed", … */
    enum list_witness witness;
    struct span text; /* the evidence as it came: the line; borrowed */
};

enum list_nominated {
    LIST_NOMINATION = 0,
    LIST_NOMINATION_OTHER, /* an object of another type: not ours to judge */
    LIST_NOMINATION_BAD,   /* not JSON, or without an address */
};

/* Reads one line. enum list_nominated, *ret_why a phrase for what is bad; or -ENOMEM. */
int list_nomination_read(struct span line, struct list_nomination *ret, const char **ret_why);

#endif
