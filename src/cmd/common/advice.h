/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The knowledge base for the programs: its files, and the advice that fits what a test has proved.
 * Results and notices carry it as a member "advice" of the verdict document; see postern-test(1).
 */
#ifndef POSTERN_CMD_COMMON_ADVICE_H
#define POSTERN_CMD_COMMON_ADVICE_H

#include "advise/advice.h"
#include "report/report.h"

enum { ADVICE_ERROR_MAX = 4600, ADVICE_FILE_MAX = 4 << 20 };

/*
 * Reads all of products/ *.rows in the data folder, classes first, then the files named (NULL:
 * none).
 * 0, or a negative errno with one printable line in err; the book is empty then.
 */
int advice_load(struct advise_book *b, const char *const *more, size_t count,
                char err[ADVICE_ERROR_MAX]);

/*
 * What the documents of one target amount to: which product its doors show, which classes came
 * through, what closes them. A new reference, or NULL where there is nothing to advise: the target
 * is closed or was not reached, or memory is out. Any member of `t` may be NULL.
 *
 *     {"product": slug or null, "name", "version", "configuration", "row", "status", "classes": [],
 *      "lines": [heading and 2 to 7 more], "more": "postern advise ROW"}
 */
json_t *advice_of_target(const struct advise_book *b, const struct report_target *t);

/* The signs of a target's documents; their texts are in *ret, the caller's to free. */
int advice_known(const struct advise_book *b, const struct report_target *t,
                 struct advise_known_list *ret);
/* The classes of each proved envelope; how many. `ret` has room for ADVISE_PROOFS_MAX. */
size_t advice_proofs(const struct advise_book *b, const json_t *verdict, uint64_t *ret);

#endif
