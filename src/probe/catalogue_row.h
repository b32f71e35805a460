/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of the catalogue: one row of a file becomes one form. */
#ifndef POSTERN_PROBE_CATALOGUE_ROW_H
#define POSTERN_PROBE_CATALOGUE_ROW_H

#include "base/rows.h"
#include "probe/catalogue.h"

/*
 * Checks a row and makes a form of it, which catalogue_form_free() frees. `c` holds the rows before
 * it, for the names that a pair uses. 0, -EINVAL with *err filled, -ENOMEM.
 */
int catalogue_row_form(const struct catalogue *c, const struct row *row, const char *file,
                       struct form **ret, struct rows_error *err);
void catalogue_form_free(struct form *f); /* free(NULL) is safe */

/* Hosts that may stand in a form by themselves; a row of the catalogue has none. */
struct reach {
    const char *domain;       /* it and names below it are ours; NULL: none */
    const char *const *hosts; /* of the target, and names below them */
    size_t host_count;
};

/*
 * What is wrong with where the form could send mail, or make a bounce go; NULL when it can only
 * reach us or the target itself. Looks at form->form, kind, family and vars.
 */
const char *catalogue_reach_fault(const struct form *f);
/* The same for a recipient that somebody wrote by hand, which may name the hosts of r. */
const char *catalogue_reach_hand(const struct form *f, const struct reach *r);

/* Whether the form has no place for a token and its local part is one that RFC 2142 gives us. */
bool catalogue_by_sender(const struct form *f);

#endif
