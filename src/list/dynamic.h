/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names that networks give to dial-up and dynamic addresses, as the lists DUL and DSSL collected
 * them. A name alone tells less than an address list: so what is found here is a reason to score,
 * and to send mail by the provider's server; never a listing of an open relay.
 *
 * Only the host part is judged, what stands before the registrable domain of the public suffix
 * list: mail.dynamic.example is a mail server of the company Dynamic, cable-1.dynamic.isp.example
 * is not.
 *
 *     Id: dsl
 *     Kind: dynamic
 *     Words: adsl vdsl dsl
 *     Why: a digital subscriber line
 *     Source: …
 *     Hits: adsl-12-34.isp.example dsl7.isp.example
 *     Misses: dslam.isp.example
 *
 * Kind    static:  names that look chosen (a mail server, "static"): they win over all others
 *         dynamic: names that say that the address is handed out
 *         generic: an address inside the name and no more: made by a machine, by whom is not said
 * Words   match where no letter stands on either side; of `dynamic` and `generic` rows the host
 *         part must hold a digit as well, since a number is what makes a name one of many
 * Pattern PCRE2, in place of Words: searched in the host part in lower case with its last dot. "$"
 *         and "\z" have no place in it: the domain follows
 * Hits    names that the row must match, at least one; Misses: names that it must not
 */
#ifndef POSTERN_LIST_DYNAMIC_H
#define POSTERN_LIST_DYNAMIC_H

#include "base/rows.h"

enum {
    DYNAMIC_ROWS_MAX = 500,
    DYNAMIC_PATTERN_MAX = 3000, /* octets of a pattern as it is compiled */
    DYNAMIC_NAME_MAX = 253,     /* octets of a name without its last dot */
    DYNAMIC_ID_MAX = 32,
    DYNAMIC_STEPS = 20000, /* of PCRE2 for one row and one name: zone/pattern.h has the same */
};

enum dynamic_kind {
    DYNAMIC_STATIC,
    DYNAMIC_DYNAMIC,
    DYNAMIC_GENERIC,
};

const char *dynamic_kind_name(enum dynamic_kind kind);

struct dynamic_row {
    char *id, *why, *hits, *misses; /* owned */
    char *pattern;                  /* as it is searched in a host part */
    enum dynamic_kind kind;
    unsigned line;
    void *code; /* of PCRE2 */
};

struct dynamic_rules {
    struct dynamic_row *rows; /* static ones first, else in the order of the file */
    size_t count, cap;
    void *data; /* of PCRE2, for matches */
};

/*
 * Adds the rows of a text; a row whose Id is there takes the other's place. 0, -EINVAL with *err
 * (the rules are as they were, but for rows already taken), -ENOMEM. Zeroed before the first call.
 */
int dynamic_read(struct dynamic_rules *r, struct span text, struct rows_error *err);
void dynamic_deinit(struct dynamic_rules *r);

/* Each row against its own Hits and Misses, alone and among all. -EINVAL with *err for the first.
 */
int dynamic_check(const struct dynamic_rules *r, struct rows_error *err);

enum dynamic_got {
    DYNAMIC_NO = 0,  /* no row matches */
    DYNAMIC_YES,     /* a dynamic row */
    DYNAMIC_MADE,    /* a generic row, and no dynamic one */
    DYNAMIC_CHOSEN,  /* a static row */
    DYNAMIC_DOMAIN,  /* a registrable domain or a public suffix: there is no host part */
    DYNAMIC_BAD,     /* no name */
    DYNAMIC_RUNAWAY, /* a pattern ran out of steps: nothing is said */
};

const char *dynamic_got_name(enum dynamic_got got); /* "no", "dynamic", "generic", "static", … */

struct dynamic_judgement {
    enum dynamic_got got;
    const struct dynamic_row *row; /* that decided, or NULL */
    size_t host;                   /* octets of the name's host part, without its last dot */
};

/* Case and a last dot do not matter. Not for two threads on the same rules at a time. */
struct dynamic_judgement dynamic_judge(const struct dynamic_rules *r, struct span name);

/*
 * The row as one pattern for whole names, as a pattern table of a zone wants it. There is no public
 * suffix list behind such a table: the registrable domain is taken to be two labels, or three where
 * a country's registry has the usual second level (co.uk, com.br). -EMSGSIZE of the buffer,
 * -ENOMEM.
 */
int dynamic_whole_pattern(const struct dynamic_row *row, struct buf *out);

#endif
