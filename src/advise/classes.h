/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a probe of the catalogue to the classes of envelopes that the knowledge base speaks of. */
#ifndef POSTERN_ADVISE_CLASSES_H
#define POSTERN_ADVISE_CLASSES_H

#include "advise/book.h"

/*
 * The classes of a probe by its id, "null.percent-host", "third-party.plain.helo-localhost",
 * "third-party.plain+xclient-loopback": a set of bits by the rows of kind "class". `family` is the
 * probe's family, for ids that a user's own rows have made; may be null. C1 stands alone: it is the
 * class of a probe that has no other.
 */
uint64_t advise_classes_of_probe(const struct advise_book *b, struct span id, struct span family);
/* The classes of one form, or 0. `kind`: 's' sender, 'r' recipient, 'h' HELO, 'c' channel. */
uint64_t advise_classes_of_form(const struct advise_book *b, char kind, struct span id);
/* The classes that name this family of the catalogue. */
uint64_t advise_classes_of_family(const struct advise_book *b, struct span family);

#endif
