/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Arrival is the proof (there is no rule here that looks at a reply code). What remains to be said
 * is of which class a host is, and by how many runs.
 *
 * Runs count, not tokens: one run sends a hundred envelopes, and whatever could be wrong with its
 * surroundings is wrong with all of them. A second run comes a day later, with another key day and
 * from a process of its own.
 *
 * An output is whoever connected to the sink. That it carried a stranger's mail says how the chain
 * goes on behind the relay, not that strangers may use it, so it gets the class for outputs and no
 * other, and only where it is not the input itself.
 */
#include "list/rules.h"

static bool has_word(const char *words, struct span word)
{
    struct span rest = span_str(words), one;

    while (span_word(&rest, &one))
        if (span_eq_nocase(one, word))
            return true;
    return false;
}

static bool several(const struct list_proof *p)
{
    return p->output.family != IP_NONE && !ip_eq(p->input, p->output);
}

static bool fits(const struct list_class *c, const struct list_proof *p)
{
    if (c->subject != LIST_SUBJECT_HOST || c->provisional || c->path == LIST_PATH_NEVER)
        return false;
    if (c->path != LIST_PATH_ANY && (c->path == LIST_PATH_SEVERAL) != several(p))
        return false;
    return !*c->family || has_word(c->family, p->family);
}

/* A class that names the probe's family says more than one that takes all. */
static bool better(const struct list_class *a, const struct list_class *b)
{
    if (!b)
        return true;
    if (!*a->family != !*b->family)
        return *a->family != '\0';
    return a->rank < b->rank;
}

static const struct list_class *class_of(const struct list_classes *c, const struct list_proof *p)
{
    const struct list_class *best = NULL;

    for (size_t i = 0; i < c->count; i++)
        if (fits(&c->v[i], p) && better(&c->v[i], best))
            best = &c->v[i];
    return best;
}

/* Whether no proof before this one is of its run. */
static bool first_of_run(const struct list_proof *proofs, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (proofs[i].run == proofs[at].run)
            return false;
    return true;
}

struct list_judgement list_judge_host(const struct list_classes *c, const struct list_proof *proofs,
                                      size_t count)
{
    struct list_judgement j = {0};

    for (size_t i = 0; i < count; i++) {
        const struct list_class *class = class_of(c, &proofs[i]);

        /* Of what several proofs say, the plainest: a relay that also falls for a trick is one. */
        if (class && (!j.class || class->rank < j.class->rank))
            j.class = class;
        j.runs += first_of_run(proofs, i);
    }
    return j;
}

struct list_judgement list_judge_output(const struct list_classes *c,
                                        const struct list_proof *proofs, size_t count,
                                        struct ip output)
{
    struct list_judgement j = {0};

    for (size_t i = 0; i < count; i++) {
        bool seen = false;

        if (!several(&proofs[i]) || !ip_eq(proofs[i].output, output))
            continue;
        for (size_t before = 0; before < i && !seen; before++)
            seen = proofs[before].run == proofs[i].run && several(&proofs[before]) &&
                   ip_eq(proofs[before].output, output);
        j.runs += !seen;
    }
    for (size_t i = 0; i < c->count && j.runs; i++)
        if (c->v[i].subject == LIST_SUBJECT_OUTPUT)
            j.class = &c->v[i];
    return j;
}
