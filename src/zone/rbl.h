/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files of rbldnsd(8), read as they are: ip4set, ip4trie, ip4tset, ip6trie, ip6tset, dnset,
 * generic, combined and acl, with their $ lines, values and substitutions. What comes out is
 * zone/data.h, one for the zone and one for each sub-zone that a combined file names.
 *
 * A bad line is left out and told, as rbldnsd does: operators' files have some. Stricter than
 * rbldnsd, because what it serves then is not what anybody wrote:
 *
 * - a file with more bad lines than good ones (ZONE_RBL_BAD_MIN at least) is refused: it is of
 *   another type, or a page of HTML;
 * - a value outside 127/8, or 127.0.0.1, makes the line bad: clients take it for a dead or hijacked
 *   list (RFC 5782 §2.3 and §5);
 * - a line over ZONE_RBL_LINE_MAX, or with a NUL, is bad; rbldnsd cuts it and takes the rest;
 * - names with an empty label and addresses with two "::" are bad;
 * - an acl line that has everything listed for a client becomes ZONE_ACL_TEST;
 * - an acl with a bad line is refused: who may ask is not decided by half a file.
 *
 * Laxer: line ends of CR LF are taken; a bad TTL or MX in generic costs its line, not the file.
 */
#ifndef POSTERN_ZONE_RBL_H
#define POSTERN_ZONE_RBL_H

#include "zone/acl.h"
#include "zone/data.h"
#include "zone/remarks.h"

enum {
    ZONE_RBL_LINE_MAX = 4096,
    ZONE_RBL_TXT_MAX = 255, /* octets of an entry's text; the rest is cut, as rbldnsd does */
    ZONE_RBL_BAD_MIN = 10,
    ZONE_RBL_SETS_MAX = 64, /* $DATASET lines of one combined dataset */
    ZONE_RBL_SUBZONES_MAX = 256,
};

enum zone_rbl_type {
    ZONE_RBL_IP4SET,
    ZONE_RBL_IP4TRIE,
    ZONE_RBL_IP4TSET,
    ZONE_RBL_IP6TRIE,
    ZONE_RBL_IP6TSET,
    ZONE_RBL_DNSET,
    ZONE_RBL_GENERIC,
    ZONE_RBL_COMBINED,
    ZONE_RBL_ACL,
    ZONE_RBL_TYPES
};

/* A file as a whole, unpacked. */
struct zone_rbl_file {
    const char *name; /* for remarks */
    struct span text;
    int64_t mtime_wall;
};

struct zone_rbl_options {
    int64_t now_wall;          /* for $TIMESTAMP */
    bool loose_cidr;           /* rbldnsd -e: 127.2.3.4/24 is 127.2.3.0/24 */
    bool strict;               /* any bad line refuses the dataset */
    uint32_t ttl_min, ttl_max; /* bounds of TTLs in files; 0 none (rbldnsd -t) */
};

/* The zone itself, or a sub-zone of a combined dataset. */
struct zone_rbl_zone {
    struct zone_rname sub; /* n 0: the zone itself */
    struct zone_data data;
};

/*
 * What one zone is made of. Several datasets may be read into one in turn; the first SOA and the
 * first NS hold, the earliest end, as in rbldnsd. v[0] is the zone itself once anything was read.
 * Sub-zones carry the zone's SOA and NS.
 */
struct zone_rbl_zones {
    struct zone_rbl_zone **v;
    size_t n, cap;
};

enum zone_rbl_got {
    ZONE_RBL_OK = 0,
    ZONE_RBL_REFUSED, /* the last remark tells why; what was read so far must not be served */
};

/* NULL for a number that is none. */
const char *zone_rbl_type_name(enum zone_rbl_type type);
/* "ip4set" and so on; false for what rbldnsd has not. */
bool zone_rbl_type_of(struct span name, enum zone_rbl_type *ret);

/*
 * Reads one dataset, whose files are taken as one, into *zones. The files' bytes are copied where
 * needed. An outcome, -ENOMEM, or -E2BIG over a limit of zone/data.h (told in a remark too).
 * Not for ZONE_RBL_ACL.
 */
int zone_rbl_read(enum zone_rbl_type type, const struct zone_rbl_file *files, size_t count,
                  const struct zone_rbl_options *options, struct zone_rbl_zones *zones,
                  struct zone_remarks *remarks);
/* Safe on a zeroed one, and twice. */
void zone_rbl_zones_deinit(struct zone_rbl_zones *zones);

/* Adds the rules of acl files; the caller seals. An outcome or -ENOMEM. */
int zone_rbl_read_acl(const struct zone_rbl_file *files, size_t count,
                      const struct zone_rbl_options *options, struct zone_acl *acl,
                      struct zone_remarks *remarks);

#endif
