/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Only SCOPE_ALLOWED counts here. postern test itself would go to a host outside of the scope,
 * gently, because somebody asked for that very host; nobody asked for one that was drawn by chance.
 * So the figure is about the part of a list that the operator has to do with, and says so.
 *
 * The seed is printed: with it and the same two lists anybody draws the same addresses.
 */
#include "cmd/list/sample.h"

#include "cmd/list/tester.h"
#include "io/random.h"
#include "probe/scope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { VERDICTS = 6 };

static const char *const verdicts[VERDICTS] = {"open",    "accepts",      "closed",
                                               "blocked", "inconclusive", "unreachable"};

struct sample {
    struct ip ips[2 * SAMPLE_MAX];
    char text[SAMPLE_MAX][IP_TEXT_MAX];
    size_t drawn, outside;
    unsigned seed, tested, by[VERDICTS], other;
    struct tester_job job;
};

/* IPv4 and IPv6 share the number by how many addresses of each there are, IPv6 no more than half.
 */
static void draw(struct sample *s, const struct ranges *set, unsigned count)
{
    unsigned six = set->v6.count ? (set->v4.count ? count / 2 : count) : 0;
    size_t got = ranges_sample(set, IP_V4, count - six, s->seed, s->ips);

    s->drawn = got + ranges_sample(set, IP_V6, six, s->seed, s->ips + got);
}

static int choose(struct sample *s, struct ledger *g, const struct sample_args *args)
{
    struct scope_list scope, never;
    char err[STATE_ERROR_MAX];
    int rc = state_lists(&g->state, g->store, args->scope, args->never, &scope, &never, err);

    if (rc < 0)
        return ledger_say(g, state_exit(rc), "%s", err);
    for (size_t i = 0; i < s->drawn && s->job.target_count < SAMPLE_MAX; i++) {
        struct scope_question q = {
            .address = s->ips[i], .now_wall = g->now_wall, .gap_s = SCOPE_GAP};

        if (scope_decide(&q, &scope, &never).answer != SCOPE_ALLOWED) {
            s->outside++;
            continue;
        }
        s->job.targets[s->job.target_count] = ip_text(s->ips[i], s->text[s->job.target_count]);
        s->job.target_count++;
    }
    scope_list_deinit(&scope);
    scope_list_deinit(&never);
    return 0;
}

static int on_verdict(void *ctx, const struct tester_verdict *v)
{
    struct sample *s = ctx;
    unsigned i = 0;

    while (i < VERDICTS && strcmp(verdicts[i], v->verdict) != 0)
        i++;
    if (i < VERDICTS)
        s->by[i]++;
    else
        s->other++;
    s->tested++;
    return 0;
}

static int say(const struct sample *s, struct ledger *g)
{
    json_t *doc;
    char *text;

    if (!g->args->json) {
        buf_addf(&g->out, "\nSample: %zu drawn (seed %u), %zu outside the scope, %u tested\n",
                 s->drawn, s->seed, s->outside, s->tested);
        for (unsigned i = 0; i < VERDICTS; i++)
            if (s->by[i])
                buf_addf(&g->out, "  %-14s%u\n", verdicts[i], s->by[i]);
        return g->out.err;
    }
    doc = json_pack("{ss si si si si}", "type", "sample", "seed", (int)s->seed, "drawn",
                    (int)s->drawn, "outside", (int)s->outside, "tested", (int)s->tested);
    for (unsigned i = 0; doc && i < VERDICTS; i++)
        view_json_number(doc, verdicts[i], s->by[i]);
    text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
    json_decref(doc);
    if (!text)
        return -ENOMEM;
    buf_addf(&g->out, "%s\n", text);
    free(text);
    return g->out.err;
}

static int run(struct sample *s, struct ledger *g, const struct sample_args *args,
               const struct ranges *set, char **rest)
{
    int status;

    draw(s, set, args->count);
    s->job.scope = args->scope;
    s->job.more = rest;
    while (rest[s->job.more_count])
        s->job.more_count++;
    status = choose(s, g, args);
    ledger_leave(g); /* the tester takes its time, and other verbs theirs */
    if (status == 0 && s->job.target_count)
        status = tester_run(g, &s->job, on_verdict, s);
    if (status == 0 && say(s, g) < 0)
        status = EX_OSERR;
    return status;
}

int sample_run(const struct sample_args *args, const char *program, const struct list_call *call,
               const struct ranges *set, char **rest)
{
    struct sample *s = calloc(1, sizeof(*s));
    struct ledger g;
    int status = s ? ledger_open(&g, call, LEDGER_CHANGE) : EX_OSERR;

    if (!s)
        return status;
    s->seed = args->seed;
    /* 31 bits, so that the number can be given back. */
    if (status == 0 && !s->seed && random_below(INT32_MAX, &s->seed) < 0)
        status = EX_OSERR;
    if (status == 0)
        status = run(s, &g, args, set, rest);
    status = ledger_close(&g, status);
    free(s);
    return status;
}
