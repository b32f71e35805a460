/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Arrival is the proof (there is no rule here that looks at a reply code). What remains to be said
 * is of which class a host is, and by how many runs.
 *
 * Runs count, not tokens: one run sends a hundred envelopes, and whatever could be wrong with its
 * surroundings is wrong with all of them. A token that comes twice, by whatever way, is of one run;
 * and of two runs that overlap neither has looked whether what the other found was still so. The
 * queue leaves a day between two; a person who asks for a second one sooner may, but not at once.
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

/* One run, from its beginning to the first arrival. */
struct span_of_run {
    uint32_t run;
    int64_t began, arrived;
    bool counted;
};

struct runs {
    struct span_of_run v[LIST_RUNS_MAX];
    size_t count;
};

static void runs_add(struct runs *all, const struct list_proof *p)
{
    int64_t began = p->began_wall_ms ? p->began_wall_ms : p->arrived_wall_ms;
    size_t i = 0;

    while (i < all->count && all->v[i].run != p->run)
        i++;
    if (i == LIST_RUNS_MAX)
        return;
    if (i == all->count) {
        all->v[all->count++] = (struct span_of_run){p->run, began, p->arrived_wall_ms, false};
        return;
    }
    all->v[i].began = began < all->v[i].began ? began : all->v[i].began;
    all->v[i].arrived =
        p->arrived_wall_ms < all->v[i].arrived ? p->arrived_wall_ms : all->v[i].arrived;
}

/* The most that lie one behind the other: always the next that is over first. */
static unsigned runs_separate(struct runs *all)
{
    unsigned separate = 0;
    int64_t after = INT64_MIN;

    for (;;) {
        struct span_of_run *next = NULL;

        for (size_t i = 0; i < all->count; i++)
            if (!all->v[i].counted && all->v[i].began >= after &&
                (!next || all->v[i].arrived < next->arrived))
                next = &all->v[i];
        if (!next)
            return separate;
        next->counted = true;
        after = next->arrived;
        separate++;
    }
}

struct list_judgement list_judge_host(const struct list_classes *c, const struct list_proof *proofs,
                                      size_t count)
{
    struct list_judgement j = {0};
    struct runs runs = {.count = 0};

    for (size_t i = 0; i < count; i++) {
        const struct list_class *class = class_of(c, &proofs[i]);

        /* Of what several proofs say, the plainest: a relay that also falls for a trick is one. */
        if (class && (!j.class || class->rank < j.class->rank))
            j.class = class;
        runs_add(&runs, &proofs[i]);
    }
    j.runs = runs_separate(&runs);
    return j;
}

struct list_judgement list_judge_output(const struct list_classes *c,
                                        const struct list_proof *proofs, size_t count,
                                        struct ip output)
{
    struct list_judgement j = {0};
    struct runs runs = {.count = 0};

    for (size_t i = 0; i < count; i++)
        if (several(&proofs[i]) && ip_eq(proofs[i].output, output))
            runs_add(&runs, &proofs[i]);
    j.runs = runs_separate(&runs);
    for (size_t i = 0; i < c->count && j.runs; i++)
        if (c->v[i].subject == LIST_SUBJECT_OUTPUT)
            j.class = &c->v[i];
    return j;
}
