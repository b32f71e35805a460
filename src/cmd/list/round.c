/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a verdict means:
 *
 *     open          the proofs in the store say so, and collect() has acted on them; not this file
 *     closed        of a host with nothing proved: dismissed. Of one that is listed: delisted, if
 *                   the envelopes that were proved before are among those that were refused now
 *     accepts, blocked, inconclusive, unreachable
 *                   nothing. What was not listed waits and is tried again, less and less often;
 *                   what was listed stays so until its time is over
 *
 * A test of a listed host asks the very envelopes that came through before, where they came
 * through: again.h. To a stranger (outside the scope) no more than a few are put, for all of them
 * would look like an attack.
 */
#include "cmd/list/round.h"

#include "cmd/list/again.h"
#include "cmd/list/zones.h"
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

int round_open(struct round *r, struct ledger *g, char *const *more, size_t more_count)
{
    char err[STATE_ERROR_MAX];
    int rc;

    *r = (struct round){.g = g, .more = more, .more_count = more_count};
    rc =
        state_lists(&g->state, g->store, g->args->scope, g->args->never, &r->scope, &r->never, err);
    if (rc == 0)
        return 0;
    fprintf(stderr, "%s: %s\n", g->program, err);
    return state_exit(rc);
}

void round_close(struct round *r)
{
    scope_list_deinit(&r->scope);
    scope_list_deinit(&r->never);
}

enum round_may round_may(struct round *r, const struct store_listing *l, const char **ret_why,
                         int64_t *ret_until, bool *ret_gentle)
{
    struct ledger *g = r->g;
    const struct scope_question q = {.address = l->address, .now_wall = g->now_wall};
    struct scope_decision d = scope_decide(&q, &r->scope, &r->never);
    struct ip_prefix net;
    enum list_guard_answer a = list_guard_ask(&g->guard, l->address, g->now_wall, &net);
    int64_t tested = l->tested_wall, other;

    *ret_gentle = d.answer == SCOPE_OUTSIDE;
    *ret_why = d.rule && *d.rule->reason ? d.rule->reason : d.why;
    if (d.answer == SCOPE_EXCLUDED)
        return ROUND_NEVER;
    *ret_why = list_guard_why(a);
    if (a != LIST_GUARD_PASS && a != LIST_GUARD_PERSON)
        return ROUND_NEVER;
    *ret_why = "is outside the scope; see --outside-scope";
    if (d.answer == SCOPE_OUTSIDE && !g->args->outside_scope)
        return ROUND_OUTSIDE;
    *ret_why = "was tested less than 24 hours ago";
    if (store_tested_get(g->store, l->address, &other) == STORE_OK && other > tested)
        tested = other;
    return list_soon(g->now_wall, tested, LIST_TEST_GAP, ret_until) ? ROUND_SOON : ROUND_MAY;
}

/* --- the verdict ----------------------------------------------------------------------------- */

static void undecided(struct round *r, struct entry *e, const struct tester_verdict *v,
                      const char *who, const char *why)
{
    struct ledger *g = r->g;
    unsigned tries = e->l.tries + 1;

    r->undecided++;
    if (!entry_step(g, e, LIST_UNDECIDED, who, v->run, "%s: %s", v->verdict, why))
        return;
    e->l.tries = tries;
    e->l.due_wall = g->now_wall + list_wait_undecided(tries);
    if (entry_state(e) == LIST_NOMINATED && tries >= LIST_TRIES_MAX)
        entry_step(g, e, LIST_GIVE_UP, "rules", v->run, "undecided %u times", tries);
}

/* Whether a verdict "closed" is one about what was proved before. 0 or -errno. */
static int enough_of(struct ledger *g, const struct store_listing *l,
                     const struct tester_verdict *v, struct again *asked, bool *ret, char *ret_why)
{
    struct again *own = NULL;
    int rc = 0;

    /* Nothing was proved when the test began; but a token may have come late since. */
    if (!asked) {
        own = malloc(sizeof(*own));
        rc = own ? again_read(g, l, own) : -ENOMEM;
        for (size_t i = 0; rc == 0 && i < own->count; i++)
            own->v[i].chosen = true;
        asked = own;
    }
    if (rc == 0)
        rc = again_answered(g, asked, v->target, v->run, ret, ret_why);
    if (own)
        again_free(own);
    free(own);
    return rc;
}

/* Lock held, proofs collected. 0 or -errno. */
static int conclude(struct round *r, int64_t listing, const struct tester_verdict *v,
                    const char *who, struct again *asked, enum round_end *ret_end)
{
    struct ledger *g = r->g;
    struct entry e;
    char why[AGAIN_WHY_MAX];
    bool enough = false, gone = false;
    int rc = entry_open_id(g, listing, &e);

    *ret_end = ROUND_OPEN;
    if (rc == 0 && strcmp(v->verdict, "open") == 0 && entry_state(&e) != LIST_TESTING) {
        r->proved++;
    } else if (rc == 0 && strcmp(v->verdict, "closed") == 0) {
        rc = enough_of(g, &e.l, v, asked, &enough, why);
        if (rc == 0 && enough) {
            *ret_end = ROUND_CLOSED;
            r->closed++;
            gone = entry_step(g, &e, LIST_CLOSE, who, v->run, "closed: %s", v->why);
        } else if (rc == 0) {
            *ret_end = ROUND_UNDECIDED;
            undecided(r, &e, v, who, why);
        }
    } else if (rc == 0) {
        *ret_end = ROUND_UNDECIDED;
        undecided(r, &e, v, who,
                  strcmp(v->verdict, "open") == 0 ? "no proof of it is in the store" : v->why);
    }
    if (rc == 0 && e.count)
        rc = entry_commit(g, &e, NULL, NULL, 0);
    if (rc == 0 && gone)
        rc = collect_outputs_gone(g, listing, v->run);
    entry_close(&e);
    return rc;
}

struct waiting {
    struct round *r;
    const int64_t *listings;
    char (*names)[IP_TEXT_MAX];
    bool *done;
    size_t count;
    const char *who;
    struct again *asked; /* of one that may be served; else NULL */
    enum round_end *end;
};

static int on_verdict(void *ctx, const struct tester_verdict *v)
{
    struct waiting *w = ctx;
    struct ledger *g = w->r->g;
    struct collected sum;
    size_t i = 0;
    int status;

    while (i < w->count && (w->done[i] || strcmp(w->names[i], v->target) != 0))
        i++;
    if (i == w->count)
        return 0;
    w->done[i] = true;
    w->r->tested++;
    w->r->shown.done++;
    status = ledger_enter(g);
    if (status == 0)
        status = collect(g, &sum);
    if (status == 0) {
        int rc = conclude(w->r, w->listings[i], v, w->who, w->asked, w->end);

        status = rc < 0 ? ledger_store_error(g, rc) : zones_follow(g);
    }
    ledger_leave(g);
    return status;
}

static int begin(struct round *r, int64_t listing, const char *who, const char *reason,
                 char name[IP_TEXT_MAX], bool *ret_may)
{
    struct entry e;
    int rc = entry_open_id(r->g, listing, &e);

    *ret_may = false;
    if (rc == 0) {
        unsigned tries = e.l.tries;

        e.l.tested_wall = r->g->now_wall;
        *ret_may = entry_step(r->g, &e, LIST_TEST, who, 0, "%s", reason);
        e.l.tries = tries;
        if (entry_state(&e) == LIST_TESTING)
            e.l.due_wall = 0;
        if (*ret_may)
            rc = entry_commit(r->g, &e, NULL, NULL, 0);
        ip_text(e.l.address, name);
    }
    entry_close(&e);
    return rc;
}

/* Those that the tester said nothing of: it was stopped, or gave up. */
static int abandon(struct waiting *w)
{
    int rc = 0;

    for (size_t i = 0; i < w->count && rc == 0; i++) {
        struct entry e;

        if (w->done[i])
            continue;
        rc = entry_open_id(w->r->g, w->listings[i], &e);
        if (rc == 0 &&
            entry_step(w->r->g, &e, LIST_ABANDON, "rules", 0, "the tester said nothing of it")) {
            e.l.due_wall = w->r->g->now_wall + LIST_TEST_GAP;
            rc = entry_commit(w->r->g, &e, NULL, NULL, 0);
        }
        entry_close(&e);
    }
    return rc;
}

/* The lock is held before and after. */
static int test(struct waiting *w, const struct tester_job *job)
{
    struct ledger *g = w->r->g;
    struct collected sum;
    int status, entered;

    ledger_leave(g);
    status = tester_run(g, job, on_verdict, w);
    ledger_leave(g);
    entered = ledger_enter(g);
    if (entered == 0)
        entered = collect(g, &sum);
    if (entered == 0) {
        int rc = abandon(w);

        if (rc < 0)
            entered = ledger_store_error(g, rc);
    }
    return status ? status : entered;
}

int round_first(struct round *r, const int64_t *listings, size_t count, const char *who)
{
    struct tester_job job = {.more = r->more, .more_count = r->more_count, .shown = &r->shown};
    char(*names)[IP_TEXT_MAX] = calloc(count, sizeof(*names));
    int64_t *ids = calloc(count, sizeof(*ids));
    bool *done = calloc(count, sizeof(*done)), may;
    enum round_end end;
    struct waiting w = {r, ids, names, done, 0, who ? who : "queue", NULL, &end};
    int rc = names && ids && done ? 0 : -ENOMEM, status = 0;

    for (size_t i = 0; i < count && i < TESTER_TARGETS_MAX && rc == 0; i++) {
        rc = begin(r, listings[i], w.who, who ? "a person asked" : "its turn has come",
                   names[w.count], &may);
        if (rc == 0 && may) {
            ids[w.count] = listings[i];
            job.targets[w.count] = names[w.count];
            w.count++;
        }
    }
    job.target_count = w.count;
    if (rc == 0 && w.count)
        status = test(&w, &job);
    free(names);
    free(ids);
    free(done);
    return rc < 0 ? ledger_store_error(r->g, rc) : status;
}

/* A file with one line, that lets a retest on request come sooner than a day after the last. */
static int scope_file(struct round *r, const char *name, char path[DATADIR_PATH_MAX])
{
    char line[IP_TEXT_MAX + 40];
    int fd;

    if (!datadir_join(r->g->state.folder, "list-scope-XXXXXX", path))
        return -ENAMETOOLONG;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    snprintf(line, sizeof(line), "%s asked for its retest\n", name);
    if (write(fd, line, strlen(line)) != (ssize_t)strlen(line)) {
        close(fd);
        unlink(path);
        return -EIO;
    }
    close(fd);
    return 0;
}

/* Who watches should know that it takes its time, and why. */
static void tell_gentle(struct round *r, const struct tester_job *job, const struct again *proved,
                        const char *name)
{
    const struct list_args *a = r->g->args;
    unsigned minutes = job->only_count ? again_minutes(proved, job) : 0;
    size_t n = job->only_count;
    char time[80] = "";

    r->shown.note = job->gentle ? "gently" : NULL;
    if (!job->gentle || a->json || a->quiet)
        return;
    if (minutes)
        snprintf(time, sizeof(time), "; about %u minutes, for no more than four refusals in ten",
                 minutes);
    fprintf(stderr, "%s: %s is outside the scope: %zu envelope%s%s\n", r->g->program, name, n,
            n == 1 ? "" : "s", time);
}

static int again(struct round *r, int64_t listing, struct tester_job *job, struct again *ret)
{
    struct store_listing l;
    int rc = store_listing_by_id(r->g->store, listing, &l);

    if (rc == 0)
        rc = again_read(r->g, &l, ret);
    return rc == 0 ? again_choose(r->g, ret, job) : rc;
}

int round_again(struct round *r, int64_t listing, const struct round_request *request, bool gentle,
                enum round_end *ret_end)
{
    const char *who = request && request->who ? request->who : "queue";
    struct tester_job job = {.more = r->more,
                             .more_count = r->more_count,
                             .gentle = gentle,
                             .target_count = 1,
                             .shown = &r->shown};
    char name[IP_TEXT_MAX], path[DATADIR_PATH_MAX] = "";
    struct again *proved = calloc(1, sizeof(*proved));
    bool done = false, may = false;
    struct waiting w = {r, &listing, &name, &done, 1, who, proved, ret_end};
    int status = 0, rc = proved ? 0 : -ENOMEM;

    *ret_end = ROUND_UNDECIDED;
    if (rc == 0)
        rc = begin(r, listing, who, request ? request->reason : "its turn has come", name, &may);
    if (rc == 0)
        rc = again(r, listing, &job, proved);
    if (rc == 0 && request)
        rc = scope_file(r, name, path);
    job.scope = *path ? path : NULL;
    job.targets[0] = name;
    if (rc == 0 && may) {
        tell_gentle(r, &job, proved, name);
        status = test(&w, &job);
    }
    if (*path)
        unlink(path);
    if (proved)
        again_free(proved);
    free(proved);
    return rc < 0 ? ledger_say(r->g, EX_OSERR, "%s", strerror(-rc)) : status;
}
