/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A list by its name on the command line:
 *
 *     FILE                     plain text, CSV or JSON, by what stands in it
 *     TYPE:FILE[,FILE]...      a type of rbldnsd (ip4set, ip4trie, ip4tset, ip6trie, ip6tset,
 *                              dnset, generic, combined), or text, csv, json
 *     zone:NAME                a zone of ours, as it is served at this moment
 *     axfr:ZONE@ADDR[:PORT]    a zone transfer
 *
 * What is read is compiled as for serving, so that ranges, exclusions and precedence count as they
 * do in DNS.
 */
#ifndef POSTERN_CMD_LIST_SOURCE_H
#define POSTERN_CMD_LIST_SOURCE_H

#include "cmd/list/zones_priv.h"
#include "list/compare.h"
#include "listfile/rbl.h"

enum {
    SOURCE_FILE_MAX = 1 << 30, /* octets of one file */
    SOURCE_FILES_MAX = 64,
    SOURCE_ERROR_MAX = 600,
};

struct source_options {
    const char *program;
    const char *state; /* --state, or NULL: for zone:NAME */
    const char *tsig;  /* "[alg:]name:base64", or NULL: for axfr: */
    int64_t now_wall;
    bool strict;      /* a bad line refuses the list */
    uint32_t a;       /* of entries of text, csv and json without one; 0: 127.0.0.2 */
    const char *text; /* the same for their text, or NULL */
};

/* One zone's worth: the list itself, or a sub-zone of a combined file. */
struct source_part {
    struct zone_rname sub; /* n 0: the list itself */
    struct zone_view view;
    struct zone_image image;
    struct span bytes; /* owned image; empty for a zone of ours */
    uint64_t entries;  /* of the list as written: lines that list something */
};

struct source {
    struct rbl_zones zones; /* what was read; empty for a zone of ours */
    struct zone_now now;    /* a zone of ours */
    bool is_now;
    struct zone_remarks remarks;
    uint64_t entries; /* of text, csv and json, where a range is one */
    struct source_part *parts;
    size_t count;
};

/* 0, or an exit status with the reason printed; remarks about bad lines are printed either way. */
int source_open(const char *spec, const struct source_options *o, struct source *ret);
void source_close(struct source *s);
/* Adds all that the list lists. 0, -ENOMEM. */
int source_fill(const struct source *s, struct compare_list *list);
/* Whether the word has the form of a spec rather than of a verb's other arguments; for messages. */
const char *source_forms(void);

#endif
