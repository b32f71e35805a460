/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Other people's lists in plainer forms than rbldnsd's: addresses, prefixes, ranges and names, one
 * an entry, into the tables of zone/data.h.
 *
 *   text   one entry a line, the first word; what follows it, or '#', ';' or "//", is a comment
 *   csv    RFC 4180 with ',', ';' or a tab between fields, with a head line that names the columns
 *          or without one (then the first column is the entry). Lines that begin with '#' are
 *          none
 *   json   an array, or one value a line; a value is a string or an object. An object with no entry
 *          but a "type" (as the metadata of Spamhaus' DROP) is passed over. A file that is one
 *          object without an entry holds its list in the arrays that it has as members
 *
 * Columns and members, without case, blanks, hyphens and underscores: the entry is the first of
 * `entry ip ipaddress ipaddr ipv4 ipv6 srcip dstip sourceip address prefix network subnet netblock
 * cidr range iprange ipprefix ipv4prefix ipv6prefix`, or where there is none of these, of `name
 * domain host hostname domainname fqdn`; `code value a` an A record, `text reason txt` a text,
 * `evidence` a number. An address is strict (base/ip.h): no short forms, no host bits. "a - b" is a
 * range. A name is itself; "*.name" all under it; ".name" both. A byte order mark in front is
 * passed over, UTF-16 refused.
 */
#ifndef POSTERN_LISTFILE_LISTS_H
#define POSTERN_LISTFILE_LISTS_H

#include "zone/data.h"
#include "zone/remarks.h"

enum {
    LISTS_LINE_MAX = 16384, /* of text and JSON; also a record of CSV */
    LISTS_FIELDS_MAX = 64,  /* of CSV */
    LISTS_TEXT_MAX = 255,
    LISTS_BAD_MIN = 10,       /* more bad entries than good ones, and this many: refused; */
                              /* as is a list that has nothing but bad ones */
    LISTS_JSON_MAX = 1 << 28, /* octets of one array */
};

enum lists_format { LISTS_TEXT, LISTS_CSV, LISTS_JSON, LISTS_FORMATS };

enum lists_got {
    LISTS_OK = 0,
    LISTS_REFUSED, /* the last remark tells why */
};

struct lists_options {
    uint32_t a;        /* of entries without one; 0 is 127.0.0.2 */
    struct span text;  /* the same for the text, as it stands */
    bool strict;       /* any bad entry refuses the list */
    uint64_t *entries; /* NULL, or what was taken is added: a range is one entry */
};

const char *lists_format_name(enum lists_format format);
bool lists_format_of(struct span name, enum lists_format *ret);
/* What the bytes look like: what begins with [ or { is JSON; a first line that names columns, or
 * whose first word has a comma behind it, CSV. */
enum lists_format lists_guess(struct span bytes);

/*
 * Adds the entries to *d, in tables that it makes as they are needed: LONGEST for addresses. An
 * outcome, -ENOMEM, or -E2BIG over a limit of zone/data.h. `name` is for remarks.
 */
int lists_read(enum lists_format format, const char *name, struct span bytes,
               const struct lists_options *options, struct zone_data *d,
               struct zone_remarks *remarks);

#endif
