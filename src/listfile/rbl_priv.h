/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the rbldnsd readers share. */
#ifndef POSTERN_LISTFILE_RBL_PRIV_H
#define POSTERN_LISTFILE_RBL_PRIV_H

#include "listfile/rbl.h"

enum { RBL_VARS = 11, RBL_BASE = 10 }; /* $0 to $9, and $= */

enum rbl_line {
    RBL_LINE_END,
    RBL_LINE_DATA,
    RBL_LINE_SPECIAL, /* what stands behind the dollar sign */
    RBL_LINE_BAD,     /* too long, or with a NUL; *ret is empty */
};

struct rbl_lines {
    struct span left;
    uint32_t line; /* of the last one returned, from 1 */
    bool cr;       /* one ended in CR LF */
    bool unended;  /* the last line has no end */
};

/* An entry's A and text as they stand in the file; the text borrows. */
struct rbl_raw {
    uint32_t a;
    struct span text;
};

/* Lines in one file that belong to one dataset, and what holds where they begin. */
struct rbl_part {
    const char *file;
    struct span text;
    uint32_t line, max_range4, ttl;
};

/* A dataset: of a file list, or of a $DATASET line. */
struct rbl_set {
    enum rbl_type type;
    uint32_t ttl;
    bool def_known; /* trivial sets have one default for all their entries */
    struct rbl_raw def;
    struct span vars[RBL_VARS];
    struct rbl_part *parts;
    size_t part_count, part_cap;
    size_t *zones; /* indices of the zones that it belongs to */
    size_t zone_count, zone_cap;
};

/* One reading of a dataset. */
struct rbl_work {
    const struct rbl_options *options;
    struct rbl_zones *zones;
    struct zone_remarks *remarks;
    struct rbl_set **sets; /* combined: sets[0] is the common section, with no entries */
    size_t set_count, set_cap;
    struct rbl_set *set;   /* of the line that the first pass is at */
    struct zone_meta meta; /* what the $ lines of this dataset say */
    bool combined;
    uint64_t good, bad;
    const char *file;
    uint32_t line;
    uint32_t max_range4;
    bool quiet;      /* this part was read before, into another zone: say nothing again */
    struct buf text; /* a template in the making */
};

enum rbl_line rbl_line_next(struct rbl_lines *lines, struct span *ret);

/*
 * Remarks on the line that is read: "what: "shown"", the bytes escaped and cut; an empty span shows
 * nothing. SKIPPED counts the line as bad; refusing returns RBL_REFUSED.
 */
void rbl_skip(struct rbl_work *w, struct span shown, const char *what, const char *remedy);
void rbl_warn(struct rbl_work *w, struct span shown, const char *what, const char *remedy);
int rbl_refuse(struct rbl_work *w, struct span shown, const char *what, const char *remedy);

/* ":A:TXT", ":A", ":A:" or text. False when it is bad, told. */
bool rbl_raw_parse(struct rbl_work *w, struct span s, const struct rbl_raw *def,
                   struct rbl_raw *ret);
extern const struct rbl_raw rbl_raw_default; /* 127.0.0.2, no text */
/* The value of an entry, variables put in. 0, -ENOMEM, -E2BIG. */
int rbl_value(struct rbl_work *w, const struct rbl_set *set, const struct rbl_raw *raw,
              struct zone_data *data, uint32_t *ret);

/* First pass: specials, and which lines belong to which dataset. 0, an outcome, -errno. */
int rbl_outline(struct rbl_work *w, enum rbl_type type, const struct rbl_file *files, size_t count);
/* The few specials that mean something line by line; false: not one of them, or a bad one. */
bool rbl_max_range(struct span s, struct rbl_work *w, bool tell);
bool rbl_ttl(struct span *s, const struct rbl_options *o, uint32_t dflt, uint32_t *ret);
/* Second pass: the entries of one set into one zone. 0, -ENOMEM, -E2BIG. */
int rbl_entries(struct rbl_work *w, const struct rbl_set *set, struct zone_data *data);
/* One entry of generic. 0 also when it is bad, told. */
int rbl_generic(struct rbl_work *w, struct span s, uint32_t ttl, struct zone_table *t);

/* Finds or makes the zone. 0, -ENOMEM, -E2BIG. */
int rbl_zone(struct rbl_zones *zones, const struct zone_rname *sub, size_t *ret);

static inline bool rbl_comment(char c)
{
    return c == '#' || c == ';';
}

/* What may stand behind an address. */
static inline bool rbl_tail_ok(struct span s)
{
    return s.n == 0 || s.p[0] == ' ' || s.p[0] == '\t' || s.p[0] == ':' || rbl_comment(s.p[0]);
}

#endif
