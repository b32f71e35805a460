/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What to do: of the rows of a known product those that fit its version and what was proved, the
 * likeliest cause first; where the product is not known, what closes the classes of envelopes that
 * came through. Then a few lines for a report or a notice.
 */
#ifndef POSTERN_ADVISE_ADVICE_H
#define POSTERN_ADVISE_ADVICE_H

#include "advise/know.h"

enum {
    ADVISE_CHOICES_MAX = 16,
    ADVISE_PROOFS_MAX = 1000,
    ADVISE_LINES_MAX = 8, /* of advise_lines(), with its heading */
};

/* From the best to the worst. */
enum advise_status {
    ADVISE_IS_UNKNOWN,     /* no row tells anything about this server */
    ADVISE_IS_SAFE,        /* refuses relaying as shipped, and no hole is known */
    ADVISE_IS_BY_SETTING,  /* refuses as shipped; the row says which settings open it */
    ADVISE_IS_UNSURE,      /* relays or not: the version that is shown does not tell */
    ADVISE_IS_OPEN,        /* relays as shipped, or in spite of its settings */
    ADVISE_IS_UNSECURABLE, /* and nothing closes it but another server */
};

const char *advise_status_name(enum advise_status s); /* "by-setting" */

struct advise_choice {
    const struct advise_row *row;
    enum advise_status status;
    unsigned explains; /* how many of the proofs its classes explain */
    int score;
    size_t order; /* among equal scores */
};

struct advise_advice {
    struct advise_choice v[ADVISE_CHOICES_MAX]; /* the likeliest cause first */
    size_t count;
    uint64_t proved;      /* classes proved, without those that came along with a cause */
    uint64_t unexplained; /* of them, those that no row chosen knows */
    size_t proofs;
};

/* How a row stands to a version; "" where none is known. ADVISE_IS_UNKNOWN: it is not about it. */
enum advise_status advise_status_of(const struct advise_row *row, struct span version);

/*
 * Chooses among the rows of `product` (NULL: not known, then nothing is chosen). `proofs` are the
 * classes of each envelope that came through, see advise_classes_of_probe().
 */
void advise_choose(const struct advise_book *b, const char *product, struct span version,
                   enum advise_pair pair, const uint64_t *proofs, size_t count,
                   struct advise_advice *ret);

/*
 * The advice in few lines, each with LF: first a heading, then 2 to 7 more. `known` may be NULL.
 * `classes` are further ones that were seen otherwise (a network that hides its clients).
 * *ret_more is what "postern advise" takes for the whole story; "" when there is none.
 */
void advise_lines(const struct advise_book *b, const struct advise_known *known,
                  const struct advise_advice *advice, uint64_t classes, struct buf *out,
                  char ret_more[ADVISE_ID_MAX + 1]);

/* "Sendmail 8.8.8, by its banner", "an unknown server". */
void advise_words(const struct advise_known *known, struct buf *out);
/* One sentence about a row: "Relays as shipped.", without LF. */
const char *advise_status_words(enum advise_status s, enum advise_cause cause);
/* What the pair of Sendmail's versions says, or NULL for nothing worth saying. */
const char *advise_pair_words(enum advise_pair pair);

#endif
