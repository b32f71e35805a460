/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the rbldnsd readers share. */
#ifndef POSTERN_ZONE_RBL_PRIV_H
#define POSTERN_ZONE_RBL_PRIV_H

#include "zone/rbl.h"

enum { ZONE_RBL_VARS = 11, ZONE_RBL_BASE = 10 }; /* $0 to $9, and $= */

enum zone_rbl_line {
    ZONE_RBL_LINE_END,
    ZONE_RBL_LINE_DATA,
    ZONE_RBL_LINE_SPECIAL, /* what stands behind the dollar sign */
    ZONE_RBL_LINE_BAD,     /* too long, or with a NUL; *ret is empty */
};

struct zone_rbl_lines {
    struct span left;
    uint32_t line; /* of the last one returned, from 1 */
    bool cr;       /* one ended in CR LF */
    bool unended;  /* the last line has no end */
};

/* An entry's A and text as they stand in the file; the text borrows. */
struct zone_rbl_raw {
    uint32_t a;
    struct span text;
};

/* Lines in one file that belong to one dataset, and what holds where they begin. */
struct zone_rbl_part {
    const char *file;
    struct span text;
    uint32_t line, max_range4, ttl;
};

/* A dataset: of a file list, or of a $DATASET line. */
struct zone_rbl_set {
    enum zone_rbl_type type;
    uint32_t ttl;
    bool def_known; /* trivial sets have one default for all their entries */
    struct zone_rbl_raw def;
    struct span vars[ZONE_RBL_VARS];
    struct zone_rbl_part *parts;
    size_t part_count, part_cap;
    size_t *zones; /* indices of the zones that it belongs to */
    size_t zone_count, zone_cap;
};

/* One reading of a dataset. */
struct zone_rbl_work {
    const struct zone_rbl_options *options;
    struct zone_rbl_zones *zones;
    struct zone_remarks *remarks;
    struct zone_rbl_set **sets; /* combined: sets[0] is the common section, with no entries */
    size_t set_count, set_cap;
    struct zone_rbl_set *set; /* of the line that the first pass is at */
    struct zone_meta meta;    /* what the $ lines of this dataset say */
    bool combined;
    uint64_t good, bad;
    const char *file;
    uint32_t line;
    uint32_t max_range4;
    bool quiet;      /* this part was read before, into another zone: say nothing again */
    struct buf text; /* a template in the making */
};

enum zone_rbl_line zone_rbl_line_next(struct zone_rbl_lines *lines, struct span *ret);

/*
 * Remarks on the line that is read: "what: "shown"", the bytes escaped and cut; an empty span shows
 * nothing. SKIPPED counts the line as bad; refusing returns ZONE_RBL_REFUSED.
 */
void zone_rbl_skip(struct zone_rbl_work *w, struct span shown, const char *what,
                   const char *remedy);
void zone_rbl_warn(struct zone_rbl_work *w, struct span shown, const char *what,
                   const char *remedy);
int zone_rbl_refuse(struct zone_rbl_work *w, struct span shown, const char *what,
                    const char *remedy);

/* ":A:TXT", ":A", ":A:" or text. False when it is bad, told. */
bool zone_rbl_raw_parse(struct zone_rbl_work *w, struct span s, const struct zone_rbl_raw *def,
                        struct zone_rbl_raw *ret);
extern const struct zone_rbl_raw zone_rbl_raw_default; /* 127.0.0.2, no text */
/* The value of an entry, variables put in. 0, -ENOMEM, -E2BIG. */
int zone_rbl_value(struct zone_rbl_work *w, const struct zone_rbl_set *set,
                   const struct zone_rbl_raw *raw, struct zone_data *data, uint32_t *ret);

/* First pass: specials, and which lines belong to which dataset. 0, an outcome, -errno. */
int zone_rbl_outline(struct zone_rbl_work *w, enum zone_rbl_type type,
                     const struct zone_rbl_file *files, size_t count);
/* The few specials that mean something line by line; false: not one of them, or a bad one. */
bool zone_rbl_max_range(struct span s, struct zone_rbl_work *w, bool tell);
bool zone_rbl_ttl(struct span *s, const struct zone_rbl_options *o, uint32_t dflt, uint32_t *ret);
/* Second pass: the entries of one set into one zone. 0, -ENOMEM, -E2BIG. */
int zone_rbl_entries(struct zone_rbl_work *w, const struct zone_rbl_set *set,
                     struct zone_data *data);
/* One entry of generic. 0 also when it is bad, told. */
int zone_rbl_generic(struct zone_rbl_work *w, struct span s, uint32_t ttl, struct zone_table *t);

/* Finds or makes the zone. 0, -ENOMEM, -E2BIG. */
int zone_rbl_zone(struct zone_rbl_zones *zones, const struct zone_rname *sub, size_t *ret);

static inline bool zone_rbl_comment(char c)
{
    return c == '#' || c == ';';
}

/* What may stand behind an address. */
static inline bool zone_rbl_tail_ok(struct span s)
{
    return s.n == 0 || s.p[0] == ' ' || s.p[0] == '\t' || s.p[0] == ':' || zone_rbl_comment(s.p[0]);
}

#endif
