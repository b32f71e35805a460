/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of the DNS on the wire: labels of a length octet and up to 63 octets, ended by the root's
 * zero (RFC 1035 §3.1). A label may hold any octet. Case is folded in ASCII only (RFC 4343).
 */
#ifndef POSTERN_DNS_NAME_H
#define POSTERN_DNS_NAME_H

#include "base/span.h"
#include "dns/wire.h"

#include <stdint.h>

/* An uncompressed name; n is at least 1, the root. A zeroed one is no name. */
struct dns_name {
    uint8_t n;
    uint8_t wire[DNS_NAME_MAX];
};

/* The longest text of dns_name_text(): "\255" for each octet, dots, and the NUL. */
enum { DNS_NAME_TEXT_MAX = 1010 };

/*
 * Text as in master files, RFC 1035 §5.1: "\." and "\DDD" are octets, the last dot may be left out,
 * every name is absolute; "." is the root. False for "", an empty or too long label, or name.
 */
bool dns_name_parse(struct span text, struct dns_name *ret);
/* Without the last dot, "." for the root. wire is a whole, checked name. Returns out. */
const char *dns_name_text(const uint8_t *wire, char out[DNS_NAME_TEXT_MAX]);

/* Octets of the uncompressed name at p, of n at most; 0 when it is broken or goes on past n. */
size_t dns_name_size(const uint8_t *p, size_t n);
/* Copies a whole name of dns_name_size(). False when it is none. */
bool dns_name_set(struct dns_name *name, const uint8_t *p, size_t n);
/*
 * The name at *at of a message of n octets, compression undone (RFC 1035 §4.1.4): a pointer must
 * lead back before the name's own start, so there is no loop. *at moves behind the name.
 */
bool dns_name_read(const uint8_t *message, size_t n, size_t *at, struct dns_name *ret);

/* Labels, the root not counted, of a checked name. */
unsigned dns_name_labels(const uint8_t *wire);
/* Folds the case of a whole checked name in place; length octets are never letters. */
void dns_name_lower(struct dns_name *name);
bool dns_name_eq(const struct dns_name *a, const struct dns_name *b);
/* The canonical order of RFC 4034 §6.1: by labels from the root down, case folded. */
int dns_name_cmp(const struct dns_name *a, const struct dns_name *b);
/* Is name the zone's, or below it? Then *ret_labels is how many labels it has more. */
bool dns_name_below(const struct dns_name *name, const struct dns_name *zone, unsigned *ret_labels);
/* Puts labels (wire, no root) before a name; false when it gets too long. */
bool dns_name_prepend(struct dns_name *name, const uint8_t *labels, size_t n);

#endif
