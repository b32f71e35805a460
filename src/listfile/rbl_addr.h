/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Addresses as rbldnsd's files write them: short forms, ranges and CIDR. Each reader takes what it
 * knows off the front of *s; what may stand behind is the caller's matter. Octets are decimal,
 * leading zeros and all (010 is ten, as rbldnsd has it).
 */
#ifndef POSTERN_LISTFILE_RBL_ADDR_H
#define POSTERN_LISTFILE_RBL_ADDR_H

#include "base/ip.h"

/* Why an address was not taken. */
enum rbl_addr {
    RBL_ADDR_OK = 0,
    RBL_ADDR_BAD,     /* no address, or one that does not end where it should */
    RBL_ADDR_BARE,    /* a lone number: "127" may be 127.0.0.0/8 or a slip */
    RBL_ADDR_BITS,    /* a prefix length over 32 or 128 */
    RBL_ADDR_MIXED,   /* a range whose two ends have not the same number of octets */
    RBL_ADDR_REVERSE, /* a range that ends before it begins */
    RBL_ADDR_HOST,    /* bits set behind the prefix length */
};

const char *rbl_addr_name(enum rbl_addr addr);

/*
 * One to four octets; the missing ones are zero. *ret_bits is 8, 16, 24 or 32.
 */
enum rbl_addr rbl_addr4(struct span *s, uint32_t *ret, unsigned *ret_bits);
/*
 * "1.2.3.4", "1.2", "1.2/16", "1.2.3.4-5.6.7.8", "1.2-3" (the last octet given), "1.2-1.3": first
 * and last address. HOST is the only outcome but OK that fills them, host bits cleared (rbldnsd
 * -e). Without `ranges` the forms with a hyphen are BAD. *ret_bits is the prefix length, 32 for a
 * range.
 */
enum rbl_addr rbl_range4(struct span *s, bool ranges, uint32_t *ret_first, uint32_t *ret_last,
                         unsigned *ret_bits);
/*
 * As the A of an entry: "2" is 0.0.0.2, "127.2" is 127.0.0.2 (inet_aton's way, but decimal only).
 * *ret_octets says how many were given.
 */
enum rbl_addr rbl_value4(struct span *s, uint32_t *ret, unsigned *ret_octets);

/*
 * Groups of hex digits with at most one "::"; fewer than eight are a prefix: "2001:db8" is a /32.
 * *ret_bits is 16 to 128. No dotted IPv4 in it, as in rbldnsd.
 */
enum rbl_addr rbl_addr6(struct span *s, uint8_t ret[16], unsigned *ret_bits);
/* The same with "/bits" behind it if wanted; HOST as above. A lone group is BARE. */
enum rbl_addr rbl_cidr6(struct span *s, uint8_t ret[16], unsigned *ret_bits);

#endif
