/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The knowledge base: rows of data/products/ *.rows, checked. postern-products(5) describes each
 * field. A row of kind "product" is one class of versions of one product: what relays, why, how to
 * close it. Rows with the same Product share their signs. A row of kind "class" is one class of
 * envelopes (C1 to C19, or a family of the probe catalogue): what to do where the product is not
 * known.
 *
 * The book owns all texts; rows keep their address until it is freed.
 */
#ifndef POSTERN_ADVISE_BOOK_H
#define POSTERN_ADVISE_BOOK_H

#include "advise/version.h"
#include "base/rows.h"

#include <stdint.h>

enum {
    ADVISE_ID_MAX = 40,
    ADVISE_ROWS_MAX = 1000,
    ADVISE_CLASSES_MAX = 64,  /* rows of kind "class": one bit each */
    ADVISE_TERMS_MAX = 24,    /* in Classes */
    ADVISE_PATTERNS_MAX = 24, /* in one field of signs */
    ADVISE_ERROR_MAX = 400,
};

/* Why a server of these versions relays. */
enum advise_cause {
    ADVISE_AS_SHIPPED, /* open until somebody closes it */
    ADVISE_BY_BUG,     /* passes although the settings say no */
    ADVISE_BY_SETTING, /* closed as shipped; a setting opens it */
    ADVISE_NO_RELAY,   /* none is known */
};

/* What Sendmail's binary and configuration versions say together. */
enum advise_pair {
    ADVISE_PAIR_NONE,      /* no configuration version was shown */
    ADVISE_PAIR_SAME,      /* or so near that it means nothing */
    ADVISE_PAIR_OLD,       /* a configuration from before 8.9.3 */
    ADVISE_PAIR_LINUXCONF, /* made by Linuxconf */
    ADVISE_PAIR_VENDOR,    /* a maker's old one: SCO5, SMI-… */
    ADVISE_PAIR_OWN_NAME,  /* a name that says nothing */
};

/* Where a sign is looked for. */
enum advise_place {
    ADVISE_BANNER,
    ADVISE_HELLO,    /* the first line of the reply to EHLO or HELO */
    ADVISE_EHLO,     /* its keywords */
    ADVISE_HELP,     /* the reply to HELP */
    ADVISE_REPLY,    /* any other reply */
    ADVISE_RECEIVED, /* a Received line that it wrote */
    ADVISE_PLACES,
};

/* A row of kind "class". */
struct advise_class {
    const char *id;     /* "C8", "mx-backup" */
    const char *name;   /* "percent hack" */
    const char *family; /* families of the catalogue, with blanks between */
    const char *senders, *rcpts, *helos, *channels; /* form ids, "percent-*"; NULL: none */
    const char *fix, *source, *note;
};

/* One way through: all of these classes together. */
struct advise_term {
    uint64_t classes;
};

struct advise_row {
    const char *id;
    const char *product; /* rows with the same one are versions of one product */
    const char *called;  /* the product without its versions; NULL: see the product's first row */
    const char *name, *vendor;
    const char *also;                          /* other names, with commas between; NULL: none */
    const char *affected, *safe, *unsecurable; /* ranges; NULL: none */
    enum advise_cause cause;
    bool decimal; /* see advise_version_compare() */
    bool pair_set;
    enum advise_pair pair; /* the row is about such a pair */
    struct advise_term terms[ADVISE_TERMS_MAX];
    size_t term_count;
    const char *classes;              /* as written */
    const char *signs[ADVISE_PLACES]; /* patterns with " | " between; NULL: none */
    const char *silent;               /* why it cannot be known by what it says; NULL: it can */
    const char *fix;                  /* steps with " | " between */
    const char *restart, *bounces, *cve, *note, *source; /* NULL: none, but restart and source */
    const char *file;
    unsigned line;
    char *block; /* owns the texts */
};

struct advise_book {
    struct advise_row **rows;
    size_t count, cap;
    struct advise_class *classes;
    char **blocks; /* of the classes */
    size_t class_count, class_cap, block_cap;
};

struct advise_error {
    unsigned line;
    char text[ADVISE_ERROR_MAX]; /* "file:line: reason" */
};

void advise_book_init(struct advise_book *b);
void advise_book_deinit(struct advise_book *b); /* safe twice and on a zeroed one */
/*
 * Appends the rows of one file; rows of kind "class" must stand before the products that name them.
 * 0; -EINVAL with *err filled for the first bad row, or -ENOMEM: the book is as it was then.
 */
int advise_book_load(struct advise_book *b, struct span text, const char *file,
                     struct advise_error *err);
/*
 * What only the whole can show: that each product has a sign or says why it has none. 0, or
 * -EINVAL.
 */
int advise_book_check(const struct advise_book *b, struct advise_error *err);

/* NULL when there is none. */
const struct advise_row *advise_book_row(const struct advise_book *b, struct span id);
/* The number of a class, or -1. */
int advise_book_class(const struct advise_book *b, struct span id);
/* "C8 C2" for a set; nothing for an empty one. */
void advise_book_class_names(const struct advise_book *b, uint64_t classes, struct buf *out);

const char *advise_cause_name(enum advise_cause cause); /* "as-shipped" */
const char *advise_place_name(enum advise_place place); /* "banner" */
const char *advise_pair_name(enum advise_pair pair);    /* "old" */

/* A product without its versions: the Called of one of its rows, or the name of its first. */
const char *advise_book_called(const struct advise_book *b, const char *product);

/* Takes the next part of a text with " | " between; false when nothing is left. */
bool advise_part(struct span *rest, struct span *ret);

#endif
