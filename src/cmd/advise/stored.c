/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stored run: for each target the product that its doors showed and what was proved of it. Read
 * and told target by target, so that a run over thousands needs no more memory than one.
 */
#include "cmd/advise/advise.h"
#include "cmd/common/load.h"
#include "report/doc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

struct telling {
    const struct args *args;
    const struct advise_book *book;
    struct store *store;
    struct load_faults faults;
    int (*fn)(void *cookie, const struct finding *f);
    void *cookie;
    size_t told;
};

static uint64_t class_bit(const struct advise_book *b, const char *id)
{
    int n = advise_book_class(b, span_str(id));

    return n < 0 ? 0 : UINT64_C(1) << n;
}

/* Closed targets have nothing to mend; one that was named is told all the same. */
static bool wanted(const struct telling *t, const struct report_target *target)
{
    enum report_verdict v = report_verdict_of(target->verdict);

    return t->args->target || v == REPORT_OPEN || v == REPORT_ACCEPTS;
}

static uint64_t seen_classes(const struct advise_book *b, const json_t *verdict)
{
    const json_t *findings = report_doc_array(verdict, "findings");
    uint64_t classes = 0;

    for (size_t i = 0; i < json_array_size(findings); i++)
        if (report_doc_is(json_array_get(findings, i), "id", "source-nat"))
            classes |= class_bit(b, "C17");
    return classes;
}

static int tell(struct telling *t, const struct report_target *target, uint64_t *proofs)
{
    struct finding f = {.book = t->book, .classes = seen_classes(t->book, target->verdict)};
    struct span name = report_doc_target(target);
    char *asked = span_dup(name);
    size_t count = advice_proofs(t->book, target->verdict, proofs);
    int rc = asked ? advice_known(t->book, target, &f.known) : -1;

    if (rc == 0) {
        const struct advise_known *k;

        f.asked = asked;
        k = finding_known(&f);
        advise_choose(t->book, k ? k->lead->product : NULL, span_str(k ? k->version : ""),
                      k ? k->pair : ADVISE_PAIR_NONE, proofs, count, &f.advice);
        rc = t->fn(t->cookie, &f);
        t->told++;
    }
    free(asked);
    return rc;
}

static int one_target(void *ctx, const struct store_target *target)
{
    struct telling *t = ctx;
    struct report_set set;
    uint64_t *proofs = calloc(ADVISE_PROOFS_MAX, sizeof(*proofs));
    int rc;

    report_set_init(&set);
    rc = proofs ? load_target(t->store, target, LOAD_ALL, &set, &t->faults) : -1;
    for (size_t i = 0; i < set.count && rc == 0; i++)
        if (wanted(t, &set.targets[i]))
            rc = tell(t, &set.targets[i], proofs);
    report_set_deinit(&set);
    free(proofs);
    return rc;
}

/* The record holds only until the next call of the store: its texts are needed longer. */
static int named_target(struct telling *t, uint32_t run)
{
    struct store_target target;
    char *name, *verdict;
    int rc = store_target_find(t->store, run, span_str(t->args->target), &target);

    if (rc != STORE_OK)
        return rc;
    name = span_dup(target.name);
    verdict = span_dup(target.verdict);
    target.name = span_of(name, target.name.n);
    target.verdict = span_of(verdict, target.verdict.n);
    rc = name && verdict ? one_target(t, &target) : -1;
    free(name);
    free(verdict);
    return rc;
}

int stored_run(const struct args *a, const struct advise_book *book,
               int (*fn)(void *cookie, const struct finding *f), void *cookie)
{
    struct telling t = {.args = a, .book = book, .fn = fn, .cookie = cookie};
    uint32_t run = 0;
    int rc, status = view_open(program, a->state, &t.store);

    if (status == 0)
        status = view_run(program, t.store, a->run, &run);
    if (status == 0) {
        rc =
            a->target ? named_target(&t, run) : store_targets_each(t.store, run, 0, one_target, &t);
        if (rc == STORE_NONE) {
            fprintf(stderr, "%s: that run has no such target; postern show lists them\n", program);
            status = EX_NOINPUT;
        } else if (rc != 0) {
            status = store_error(t.store)[0] ? view_store_error(program, t.store, rc) : EX_OSERR;
        } else if (t.told == 0) {
            fprintf(stderr, "%s: no target of that run is open or takes such mail\n", program);
        }
    }
    store_close(t.store);
    return status;
}
