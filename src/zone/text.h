/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The TXT of a listing as a template, compiled once: pieces of text, and marks for what only the
 * question and the listing know. Variables of a file ($1, $=) are put in by its reader; what is
 * left is the subject (the address asked for as text, or the name of the entry that matched), the
 * number of the evidence, and the zone's name. An empty template means: no TXT.
 */
#ifndef POSTERN_ZONE_TEXT_H
#define POSTERN_ZONE_TEXT_H

#include "base/buf.h"

#include <stdint.h>

enum { ZONE_TEXT_MAX = 254 }; /* octets of a TXT once put together: rbldnsd cuts there too */

struct zone_text_args {
    struct span subject;
    struct span zone; /* without a dot at the end */
    uint32_t evidence;
};

/* Each adds to the template in *t; an error is in t->err. */
void zone_text_add(struct buf *t, struct span literal);
void zone_text_add_subject(struct buf *t);
void zone_text_add_evidence(struct buf *t); /* in decimal */
void zone_text_add_zone(struct buf *t);

/*
 * Puts the TXT together in out[0..max), cut there, and returns its length. Any bytes may be given
 * as the template: what is none of ours ends it.
 */
size_t zone_text_put(struct span text, const struct zone_text_args *args, char *out, size_t max);
/* True when the pieces fit together: what an image is asked for before it is used. */
bool zone_text_ok(struct span text);
/*
 * The template as text again, with `subject`, `evidence` and `zone` (each may be "$" and the like)
 * in the marks' place: for exports. Errors in out->err.
 */
void zone_text_write(struct span text, const char *subject, const char *evidence, const char *zone,
                     struct buf *out);

#endif
