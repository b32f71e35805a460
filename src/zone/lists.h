/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Other people's lists in plainer forms than rbldnsd's: addresses, prefixes, ranges and names, one
 * an entry, into the tables of zone/data.h.
 *
 *   text   one entry a line, the first word; what follows it, or '#', ';' or "//", is a comment
 *   csv    RFC 4180 with ',', ';' or a tab between fields, with a head line that names the columns
 *          or without one (then the first column is the entry)
 *   json   an array, or one value a line; a value is a string or an object. An object with no entry
 *          but a "type" (as the metadata of Spamhaus' DROP) is passed over
 *
 * Columns and members, without case: the entry is the first of `entry ip address prefix network
 * cidr range name domain host`; `code value a` an A record, `text reason txt` a text, `evidence` a
 * number. An address is strict (base/ip.h): no short forms, no host bits. "a - b" is a range.
 * A name is itself; "*.name" all under it; ".name" both.
 */
#ifndef POSTERN_ZONE_LISTS_H
#define POSTERN_ZONE_LISTS_H

#include "zone/data.h"
#include "zone/remarks.h"

enum {
    ZONE_LISTS_LINE_MAX = 16384, /* of text and JSON; also a record of CSV */
    ZONE_LISTS_FIELDS_MAX = 64,  /* of CSV */
    ZONE_LISTS_TEXT_MAX = 255,
    ZONE_LISTS_BAD_MIN = 10,       /* more bad entries than good ones, and this many: refused */
    ZONE_LISTS_JSON_MAX = 1 << 28, /* octets of one array */
};

enum zone_lists_format { ZONE_LISTS_TEXT, ZONE_LISTS_CSV, ZONE_LISTS_JSON, ZONE_LISTS_FORMATS };

enum zone_lists_got {
    ZONE_LISTS_OK = 0,
    ZONE_LISTS_REFUSED, /* the last remark tells why */
};

struct zone_lists_options {
    uint32_t a;       /* of entries without one; 0 is 127.0.0.2 */
    struct span text; /* the same for the text, as it stands */
    bool strict;      /* any bad entry refuses the list */
};

const char *zone_lists_format_name(enum zone_lists_format format);
bool zone_lists_format_of(struct span name, enum zone_lists_format *ret);
/* What the bytes look like: what begins with [ or { is JSON, a first line with a comma outside of
 * a comment CSV. */
enum zone_lists_format zone_lists_guess(struct span bytes);

/*
 * Adds the entries to *d, in tables that it makes as they are needed: LONGEST for addresses. An
 * outcome, -ENOMEM, or -E2BIG over a limit of zone/data.h. `name` is for remarks.
 */
int zone_lists_read(enum zone_lists_format format, const char *name, struct span bytes,
                    const struct zone_lists_options *options, struct zone_data *d,
                    struct zone_remarks *remarks);

#endif
