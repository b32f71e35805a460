/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal of one zone of our own list: what changed since some serial, in order. It is the
 * overlay's food, the steps of IXFR, and the trail of what was served when.
 *
 * A change assigns: from its serial on, all of its prefix (or its name) says `now`, whatever was
 * said before, and `was` is what all of it said until then; class 0 is nothing. So a new listing
 * has was.class_id 0, a delisting now.class_id 0. A writer whose prefix covers parts that said
 * different things writes a change for each part; what is nested (a /64 within a listed /48) it
 * writes with what is to be said from then on: delisting the inner one assigns the outer one's
 * class again.
 *
 * Changes of one serial are one step: all but the last have `more` set, and a reader takes a step
 * whole or not at all.
 *
 * On disk, <state>/zones/<zone>/: `image`, `journal`, `lock`. Order of operations (io/zonefile.h
 * has the calls; all of it is done under an exclusive flock on `lock`):
 *   change   read the journal, append the step with one write, fdatasync; only then is it
 *            acknowledged. A torn tail is not cut in place: the good part and the step replace the
 *            file, as an image is replaced
 *   compile  write image.tmp with the journal's last serial as its own, fsync, rename to `image`,
 *            fsync the folder; the journal is left alone
 *   trim     after a compile: write journal.tmp with the base raised (at most to the image's
 *            serial) and the changes after it, fsync, rename, fsync the folder
 *   begin    an empty journal with base = the image's serial comes before or after the first image
 * A kill at any point leaves the old or the new file, whole, and at most a torn tail that was never
 * acknowledged. A reader takes no lock: it maps or reads `image`, then `journal` (neither ever gets
 * shorter), and applies the changes after the image's serial. When the journal's base is after the
 * image's serial, both were replaced in between: it opens the image again. A journal whose last
 * serial is before the image's is fine, nothing is to be applied. A torn tail is a step that is
 * still being written: what stands before it is served.
 */
#ifndef POSTERN_ZONE_JOURNAL_H
#define POSTERN_ZONE_JOURNAL_H

#include "zone/data.h"

enum {
    ZONE_JOURNAL_HEAD = 32, /* octets of the header */
    ZONE_REASON_MAX = 200,  /* octets of a reason */
    ZONE_CHANGE_MAX = 512,  /* octets of one change on disk */
};

enum zone_journal_got {
    ZONE_JOURNAL_CHANGE,  /* *ret is the next change of a whole step */
    ZONE_JOURNAL_END,     /* all was read */
    ZONE_JOURNAL_TORN,    /* the rest is no whole step: cut off, or not yet written */
    ZONE_JOURNAL_FOREIGN, /* no journal of ours, or a damaged header */
    ZONE_JOURNAL_VERSION,
};

/* What is said: a class of our own list and its evidence. */
struct zone_word {
    uint16_t class_id; /* 0: nothing is said */
    uint32_t evidence;
};

struct zone_change {
    uint32_t serial;
    int64_t wall;        /* seconds since 1970 */
    enum zone_kind kind; /* ZONE_IPV4, ZONE_IPV6 or ZONE_NAME */
    bool more;           /* another change of this serial follows */
    struct zone_ip6 ip;  /* ZONE_IPV6 */
    uint32_t ip4;        /* ZONE_IPV4 */
    uint8_t len;         /* of the prefix */
    bool wild;           /* ZONE_NAME: what is under the key, not the key */
    struct zone_rname key;
    struct zone_word was, now;
    struct span reason; /* printable; in what was read it points into the bytes read */
};

struct zone_journal {
    struct span bytes;
    uint32_t base; /* the serial before the first change */
    uint32_t last; /* of the last whole step; base when there is none */
    size_t good;   /* octets up to the end of the last whole step: what is kept of the file */
    bool torn;     /* there is something behind it */
    size_t at;     /* of the next change to be read */
};

const char *zone_journal_got_name(enum zone_journal_got got);

/* The header of a new journal. */
void zone_journal_begin(uint32_t base, struct buf *out);
/*
 * Adds one change. -EINVAL: a prefix with host bits, a reason too long or not printable, both words
 * nothing; else out->err.
 */
int zone_journal_add(const struct zone_change *change, struct buf *out);
/*
 * Reads the header and looks for the end of the last whole step: END, TORN (both may be read),
 * FOREIGN or VERSION. Serials that do not rise by RFC 1982 end the good part too.
 */
enum zone_journal_got zone_journal_open(struct span bytes, struct zone_journal *ret);
/* CHANGE or END, of whole steps only. */
enum zone_journal_got zone_journal_next(struct zone_journal *j, struct zone_change *ret);
/* Skips to the first change after `serial`. False when the journal begins after it: too old. */
bool zone_journal_seek(struct zone_journal *j, uint32_t serial);
/*
 * The same journal begun later, so that no more than `max` octets are left, but never after
 * `image_serial`; writes it to *out. 0 or out->err.
 */
int zone_journal_trim(const struct zone_journal *j, uint32_t image_serial, size_t max,
                      struct buf *out);

#endif
