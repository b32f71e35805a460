/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows of kind "class" say which forms of the catalogue are theirs, so that a new form is
 * joined to its advice in data and not here. Ids of probes are read rather than the probes
 * themselves: a stored run of last year has nothing else.
 */
#include "advise/classes.h"

static bool named(const char *globs, struct span id)
{
    struct span rest = span_str(globs), word;

    while (span_word(&rest, &word)) {
        size_t star = span_find(word, '*');

        if (star == word.n ? span_eq_nocase(word, id)
                           : span_starts_nocase(id, span_slice(word, 0, star)))
            return true;
    }
    return false;
}

uint64_t advise_classes_of_form(const struct advise_book *b, char kind, struct span id)
{
    uint64_t got = 0;

    for (size_t i = 0; i < b->class_count; i++) {
        const struct advise_class *c = &b->classes[i];
        const char *globs = kind == 's'   ? c->senders
                            : kind == 'r' ? c->rcpts
                            : kind == 'h' ? c->helos
                                          : c->channels;

        if (named(globs, id))
            got |= UINT64_C(1) << i;
    }
    return got;
}

uint64_t advise_classes_of_family(const struct advise_book *b, struct span family)
{
    uint64_t got = 0;

    for (size_t i = 0; i < b->class_count && family.n; i++)
        if (named(b->classes[i].family, family))
            got |= UINT64_C(1) << i;
    return got;
}

static uint64_t class_bit(const struct advise_book *b, const char *id)
{
    int n = advise_book_class(b, span_str(id));

    return n < 0 ? 0 : UINT64_C(1) << n;
}

uint64_t advise_classes_of_probe(const struct advise_book *b, struct span id, struct span family)
{
    size_t plus = span_find(id, '+');
    struct span rest = span_slice(id, 0, plus), part;
    uint64_t got = 0, plain = class_bit(b, "C1");
    unsigned place = 0;

    for (; span_cut(&rest, '.', &part); place++) {
        if (place < 2)
            got |= advise_classes_of_form(b, place == 0 ? 's' : 'r', part);
        else if (span_starts(part, SPAN_LIT("helo-")))
            got |= advise_classes_of_form(b, 'h', span_slice(part, 5, part.n));
        else if (span_starts(part, SPAN_LIT("after-")))
            got |= class_bit(b, "C14");
    }
    if (plus < id.n)
        got |= advise_classes_of_form(b, 'c', span_slice(id, plus + 1, id.n));
    if (!got)
        got = advise_classes_of_family(b, family);
    return got & ~plain ? got & ~plain : got;
}
