/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The steps of a life, applied. Numbers that hang on a step (when it expires, when it is tested
 * next) are set where the step is taken, so that no verb can forget them.
 */
#include "cmd/list/entry.h"

#include "probe/token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int take(struct entry *t, int rc)
{
    t->class = span_dup(t->l.class);
    t->l.class = span_str(t->class);
    ip_text(t->l.address, t->subject);
    t->served_before = list_state_served(entry_state(t));
    return rc < 0 ? rc : t->class ? 0 : -ENOMEM;
}

int entry_open(struct ledger *g, struct ip address, enum store_side side, struct entry *t)
{
    int rc;

    *t = (struct entry){0};
    rc = store_listing_get(g->store, address, side, &t->l);
    if (rc == STORE_NONE) {
        t->l = (struct store_listing){.address = address,
                                      .side = side,
                                      .state = LIST_NONE,
                                      .created_wall = g->now_wall,
                                      .fresh_wall = g->now_wall};
        token_target(address, t->l.digest);
    }
    return take(t, rc);
}

int entry_open_id(struct ledger *g, int64_t id, struct entry *t)
{
    int rc;

    *t = (struct entry){0};
    rc = store_listing_by_id(g->store, id, &t->l);
    return take(t, rc == STORE_NONE ? -ENOENT : rc);
}

void entry_close(struct entry *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->texts[i]);
    free(t->class);
    *t = (struct entry){0};
}

enum list_state entry_state(const struct entry *t)
{
    return (enum list_state)t->l.state;
}

void entry_class(struct entry *t, const char *class)
{
    char *copy = span_dup(span_str(class));

    if (!copy) {
        t->err = -ENOMEM;
        return;
    }
    free(t->class);
    t->class = copy;
    t->l.class = span_str(copy);
    for (size_t i = 0; i < t->count; i++)
        t->records[i].class = t->l.class;
}

/* What follows from having come to a state. */
static void arrive(const struct ledger *g, struct entry *t, enum list_state was)
{
    enum list_state now = entry_state(t);

    if (now != LIST_TESTING && now != LIST_NOMINATED)
        t->l.tries = 0;
    switch (now) {
    case LIST_PROVISIONAL:
    case LIST_LISTED:
        t->l.expires_wall =
            t->l.expires_wall ? t->l.expires_wall : g->now_wall + ledger_expire_after(g);
        t->l.due_wall =
            t->l.side == STORE_SIDE_HOST
                ? list_due_listed(now == LIST_PROVISIONAL, t->l.tested_wall, t->l.expires_wall)
                : 0;
        if (was == LIST_CONFIRMED) {
            t->l.times++;
            t->l.failed = 0;
        }
        break;
    case LIST_CONFIRMED:
        t->l.due_wall = 0;
        break;
    case LIST_DISMISSED:
        t->l.due_wall = 0; /* but a token of its test may still arrive */
        t->l.expires_wall = 0;
        break;
    case LIST_EXPIRED:
    case LIST_DELISTED:
    case LIST_EXEMPT:
        t->l.due_wall = 0;
        t->l.expires_wall = 0;
        t->l.fresh_wall = g->now_wall + 1; /* what came before proves nothing of what comes */
        break;
    case LIST_NONE:
    case LIST_NOMINATED:
    case LIST_TESTING:
    case LIST_STATES:
        break;
    }
}

/* A reason too long for its record is cut, but not inside a character; the caller frees it. */
__attribute__((format(printf, 1, 0))) static char *reason_of(const char *fmt, va_list ap)
{
    char text[STORE_TEXT_MAX + 1];
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    size_t end = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;

    if (n >= (int)sizeof(text))
        while (end && ((unsigned char)text[end - 1] & 0x80)) {
            end--;
            if (((unsigned char)text[end] & 0xc0) == 0xc0)
                break;
        }
    return span_dup(span_of(text, end));
}

bool entry_step(struct ledger *g, struct entry *t, enum list_event event, const char *who,
                uint32_t run, const char *fmt, ...)
{
    enum list_state was = entry_state(t), now;
    va_list ap;

    if (t->count == ENTRY_STEPS_MAX || !list_life_step(was, event, &now))
        return false;
    va_start(ap, fmt);
    t->texts[t->count] = reason_of(fmt, ap);
    va_end(ap);
    if (!t->texts[t->count]) {
        t->err = -ENOMEM;
        return false;
    }
    t->l.state = now;
    t->l.changed_wall = g->now_wall;
    arrive(g, t, was);
    t->records[t->count] = (struct store_record){
        .wall = g->now_wall,
        .subject = span_str(t->subject),
        .event = span_str(list_event_name(event)),
        .was = span_str(list_state_name(was)),
        .became = span_str(list_state_name(now)),
        .class = t->l.class,
        .who = span_str(who),
        .reason = span_str(t->texts[t->count]),
        .run = run,
        .expires_wall = t->l.expires_wall,
    };
    t->count++;
    return true;
}

int entry_commit(struct ledger *g, struct entry *t, const struct store_evidence *evidence,
                 const struct store_listing_proof *proofs, size_t proof_count)
{
    bool served = list_state_served(entry_state(t));
    struct store_change change = {
        .listing = &t->l,
        .records = t->records,
        .record_count = t->count,
        .evidence = evidence,
        .proofs = proofs,
        .proof_count = proof_count,
        .dirty = served || t->served_before,
    };

    return t->err ? t->err : store_listing_change(g->store, &change);
}

/* The guard's word on a listing that is proved: true when it may be listed. */
static bool guarded(struct ledger *g, struct entry *t, uint32_t run, const char *person)
{
    struct ip_prefix net;
    enum list_guard_answer a = list_guard_ask(&g->guard, t->l.address, g->now_wall, &net);
    char text[IP_TEXT_MAX];

    switch (a) {
    case LIST_GUARD_PASS:
        return true;
    case LIST_GUARD_PERSON:
        return person != NULL;
    case LIST_GUARD_SPACE:
    case LIST_GUARD_OWN:
    case LIST_GUARD_EXEMPT:
        break;
    }
    entry_step(g, t, LIST_EXCUSE, "guard", run, "%s %s%s%s", t->subject, list_guard_why(a),
               net.ip.family ? ": " : "", net.ip.family ? ip_text(net.ip, text) : "");
    return false;
}

void entry_admit(struct ledger *g, struct entry *t, struct list_judgement j, uint32_t run,
                 const char *person)
{
    const char *who = person ? person : "rules";
    bool in = list_state_served(entry_state(t));

    if (!j.class || (entry_state(t) != LIST_CONFIRMED && !in) ||
        !guarded(g, t, run, in ? "was admitted before" : person))
        return;
    entry_class(t, j.class->id);
    if (j.runs >= LIST_RUNS_LISTED)
        entry_step(g, t, LIST_ADMIT, who, run, "proved by %u separate runs", j.runs);
    else
        entry_step(g, t, LIST_ADMIT_ONE, who, run, "proved by one run so far");
}

int entry_nominate(struct ledger *g, const struct entry_nomination *n, const char **ret_why)
{
    struct ip_prefix net;
    enum list_guard_answer a = list_guard_ask(&g->guard, n->ip, g->now_wall, &net);
    enum list_state was;
    struct entry t;
    int rc;

    *ret_why = list_guard_why(a);
    if (a != LIST_GUARD_PASS && a != LIST_GUARD_PERSON)
        return ENTRY_REFUSED;
    rc = entry_open(g, n->ip, STORE_SIDE_HOST, &t);
    was = entry_state(&t);
    if (rc == 0 && !entry_step(g, &t, LIST_NOMINATE, n->who, 0, "%.*s: %.*s",
                               SPAN_ARG(n->evidence.source), SPAN_ARG(n->evidence.reason))) {
        entry_close(&t);
        *ret_why = "is exempt";
        return ENTRY_REFUSED;
    }
    if (rc == 0) {
        int64_t soonest = t.l.tested_wall ? t.l.tested_wall + LIST_TEST_GAP : 0;
        bool begins = was != LIST_NOMINATED && entry_state(&t) == LIST_NOMINATED;

        if (begins) {
            t.l.tries = 0;
            /* A clock that was ahead must not shut out what comes now. */
            if (t.l.fresh_wall > g->now_wall + 1)
                t.l.fresh_wall = g->now_wall;
        }
        /* A run from before its last test or its last life proves nothing of what came after. */
        if (n->fresh_wall && n->fresh_wall < t.l.fresh_wall && t.l.times == 0 &&
            t.l.tested_wall <= n->fresh_wall && entry_state(&t) == LIST_NOMINATED)
            t.l.fresh_wall = n->fresh_wall;
        /* What only others' lines tell is tested first: nobody else looks at it. */
        if (begins || (n->first && entry_state(&t) == LIST_NOMINATED))
            t.l.due_wall = soonest > g->now_wall ? soonest : n->first ? 1 : g->now_wall;
        rc = entry_commit(g, &t, &n->evidence, NULL, 0);
    }
    entry_close(&t);
    if (rc < 0)
        return rc;
    return was == LIST_NOMINATED || was == LIST_TESTING || was == LIST_CONFIRMED ||
                   list_state_served(was)
               ? ENTRY_AGAIN
               : ENTRY_NOMINATED;
}
