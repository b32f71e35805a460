/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which product, and which version of it, a mail server is by what it says and writes. One sure
 * sign makes it known. Signs that others share ("~" before a pattern) never do, however many: they
 * are told as hints, and the server stays unknown.
 */
#ifndef POSTERN_ADVISE_KNOW_H
#define POSTERN_ADVISE_KNOW_H

#include "advise/book.h"

enum {
    ADVISE_TEXT_MAX = 65536,  /* octets of one sign that are looked at */
    ADVISE_EVIDENCE_MAX = 12, /* of one product */
    ADVISE_KNOWN_MAX = 8,     /* products that are told */
};

/*
 * What was seen, borrowed: lines with LF or CRLF between them. Replies may have their codes in
 * front or not. A Received field may be folded and have its name or not; several stand on lines of
 * their own.
 */
struct advise_signs {
    struct span text[ADVISE_PLACES];
};

/* Sets hello and keywords from a whole reply to EHLO. */
void advise_signs_ehlo(struct advise_signs *s, struct span reply);

struct advise_evidence {
    enum advise_place place;
    bool hint; /* others show it too */
    unsigned weight;
    struct span line; /* borrowed from the signs, but for a folded Received: then null */
};

struct advise_known {
    const struct advise_row *lead; /* the first row of the product */
    const char *called;            /* the product without its versions */
    bool sure;
    char version[ADVISE_VERSION_MAX + 1]; /* "": not shown */
    char cf[ADVISE_VERSION_MAX + 1];      /* Sendmail's configuration */
    enum advise_pair pair;
    struct advise_evidence evidence[ADVISE_EVIDENCE_MAX];
    size_t evidence_count;
    unsigned score;
};

struct advise_known_list {
    struct advise_known v[ADVISE_KNOWN_MAX]; /* the surest first */
    size_t count;
};

/* -ENOMEM. */
int advise_know(const struct advise_book *b, const struct advise_signs *s,
                struct advise_known_list *ret);

/*
 * Sendmail prints the version of its program and that of its configuration. A configuration that
 * was kept from before 8.9.3 keeps the holes of its time.
 */
enum advise_pair advise_pair_of(struct span version, struct span cf);

#endif
