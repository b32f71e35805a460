/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files of rbldnsd(8), read as they are: ip4set, ip4trie, ip4tset, ip6trie, ip6tset, dnset,
 * generic, combined and acl, with their $ lines, values and substitutions. What comes out is
 * zone/data.h, one for the zone and one for each sub-zone that a combined file names.
 *
 * A bad line is left out and told, as rbldnsd does: operators' files have some. Stricter than
 * rbldnsd, because what it serves then is not what anybody wrote:
 *
 * - a file with more bad lines than good ones (RBL_BAD_MIN at least) is refused: it is of
 *   another type, or a page of HTML;
 * - a value outside 127/8, or 127.0.0.1, makes the line bad: clients take it for a dead or hijacked
 *   list (RFC 5782 §2.3 and §5);
 * - a line over RBL_LINE_MAX, or with a NUL, is bad; rbldnsd cuts it and takes the rest;
 * - names with an empty label and addresses with two "::" are bad;
 * - an acl line that has everything listed for a client becomes ZONE_ACL_TEST;
 * - an acl with a bad line is refused: who may ask is not decided by half a file.
 *
 * Laxer: line ends of CR LF are taken; a bad TTL or MX in generic costs its line, not the file.
 */
#ifndef POSTERN_LISTFILE_RBL_H
#define POSTERN_LISTFILE_RBL_H

#include "zone/acl.h"
#include "zone/data.h"
#include "zone/remarks.h"

enum {
    RBL_LINE_MAX = 4096,
    RBL_TXT_MAX = 255, /* octets of an entry's text; the rest is cut, as rbldnsd does */
    RBL_BAD_MIN = 10,
    RBL_SETS_MAX = 64, /* $DATASET lines of one combined dataset */
    RBL_SUBZONES_MAX = 256,
};

enum rbl_type {
    RBL_IP4SET,
    RBL_IP4TRIE,
    RBL_IP4TSET,
    RBL_IP6TRIE,
    RBL_IP6TSET,
    RBL_DNSET,
    RBL_GENERIC,
    RBL_COMBINED,
    RBL_ACL,
    RBL_TYPES
};

/* A file as a whole, unpacked. */
struct rbl_file {
    const char *name; /* for remarks */
    struct span text;
    int64_t mtime_wall;
};

struct rbl_options {
    int64_t now_wall;          /* for $TIMESTAMP */
    bool loose_cidr;           /* rbldnsd -e: 127.2.3.4/24 is 127.2.3.0/24 */
    bool strict;               /* any bad line refuses the dataset */
    uint32_t ttl_min, ttl_max; /* bounds of TTLs in files; 0 none (rbldnsd -t) */
};

/* The zone itself, or a sub-zone of a combined dataset. */
struct rbl_zone {
    struct zone_rname sub; /* n 0: the zone itself */
    struct zone_data data;
};

/*
 * What one zone is made of. Several datasets may be read into one in turn; the first SOA and the
 * first NS hold, the earliest end, as in rbldnsd. v[0] is the zone itself once anything was read.
 * Sub-zones carry the zone's SOA and NS.
 */
struct rbl_zones {
    struct rbl_zone **v;
    size_t n, cap;
};

enum rbl_got {
    RBL_OK = 0,
    RBL_REFUSED, /* the last remark tells why; what was read so far must not be served */
};

/* NULL for a number that is none. */
const char *rbl_type_name(enum rbl_type type);
/* "ip4set" and so on; false for what rbldnsd has not. */
bool rbl_type_of(struct span name, enum rbl_type *ret);

/*
 * Reads one dataset, whose files are taken as one, into *zones. The files' bytes are copied where
 * needed. An outcome, -ENOMEM, or -E2BIG over a limit of zone/data.h (told in a remark too).
 * Not for RBL_ACL.
 */
int rbl_read(enum rbl_type type, const struct rbl_file *files, size_t count,
             const struct rbl_options *options, struct rbl_zones *zones,
             struct zone_remarks *remarks);
/* Safe on a zeroed one, and twice. */
void rbl_zones_deinit(struct rbl_zones *zones);

/* Adds the rules of acl files; the caller seals. An outcome or -ENOMEM. */
int rbl_read_acl(const struct rbl_file *files, size_t count, const struct rbl_options *options,
                 struct zone_acl *acl, struct zone_remarks *remarks);

#endif
