/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names below a zone's own, lower case, their labels in turn from the right, each with its length
 * before it: "mail.example.org" is [3]org[7]example[4]mail. So all that lies under a name begins
 * with that name, and a sorted list holds it in one piece. Limits are those of a whole name, RFC
 * 1035 §2.3.4.
 */
#ifndef POSTERN_ZONE_RNAME_H
#define POSTERN_ZONE_RNAME_H

#include "dns/name.h"

enum {
    ZONE_RNAME_MAX = DNS_NAME_MAX - 1, /* octets, for there is no root */
};

struct zone_rname {
    uint8_t n;      /* octets; 0: the zone's own name */
    uint8_t labels; /* how many */
    uint8_t b[ZONE_RNAME_MAX];
};

/*
 * From labels on the wire at p[0..n), with the root behind them or without. Case is folded. False
 * when those are no whole labels, or too many.
 */
bool zone_rname_of_wire(const uint8_t *p, size_t n, struct zone_rname *ret);
/* From text as dns_name_parse() reads it; "" and "@" are the zone's own name. */
bool zone_rname_parse(struct span text, struct zone_rname *ret);
/* The name in its usual order without a dot at the end; "" for the zone's own. Returns out. */
const char *zone_rname_text(const uint8_t *p, size_t n, char out[DNS_NAME_TEXT_MAX]);
/* The labels on the wire without the root: returns the length. p[0..n) is a checked rname. */
size_t zone_rname_wire(const uint8_t *p, size_t n, uint8_t out[ZONE_RNAME_MAX]);
/* Whole labels that fill p[0..n), within the limits, lower case. */
bool zone_rname_ok(const uint8_t *p, size_t n);
/* How many labels a checked one has. */
uint8_t zone_rname_labels(const uint8_t *p, size_t n);

/* By octets, the shorter first: what lies under a name follows it. */
static inline int zone_rname_cmp(const uint8_t *a, size_t an, const uint8_t *b, size_t bn)
{
    int r = memcmp(a, b, an < bn ? an : bn);

    return r ? r : (an > bn) - (an < bn);
}

#endif
