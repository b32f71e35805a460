/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules, in the order in which they decide:
 *
 *     a token arrived                                    open
 *     a body or a recipient was taken                    accepts
 *     never greeted                                      by how the connection failed
 *     no longer let in after refusals                    blocked
 *     all refused, and TLS or a login is wanted first    closed
 *     all refused, control taken                         closed
 *     all refused, control refused                       blocked
 *     otherwise                                          inconclusive
 */
#include "probe/verdict.h"

#include <stdio.h>

const char *verdict_name(enum verdict v)
{
    static const char *const names[] = {
        [VERDICT_OPEN] = "open",
        [VERDICT_ACCEPTS] = "accepts",
        [VERDICT_CLOSED] = "closed",
        [VERDICT_BLOCKED] = "blocked",
        [VERDICT_INCONCLUSIVE] = "inconclusive",
        [VERDICT_UNREACHABLE] = "unreachable",
        [VERDICT_ABSENT] = "absent",
    };

    return names[v];
}

int verdict_exit(enum verdict v)
{
    switch (v) {
    case VERDICT_OPEN:
        return 2;
    case VERDICT_ACCEPTS:
        return 1;
    case VERDICT_CLOSED:
        return 0;
    case VERDICT_BLOCKED:
    case VERDICT_INCONCLUSIVE:
    case VERDICT_UNREACHABLE:
    case VERDICT_ABSENT:
        break;
    }
    return 3;
}

struct tally {
    struct door_counts n;
    unsigned refused; /* refused or inferred, for good */
    unsigned blocked; /* of them: we were refused, not the envelope */
    unsigned tls, auth;
};

static struct tally tally_of(const struct door *d)
{
    struct tally t = {.n = door_count(d)};

    for (size_t i = 0; i < d->result_count; i++) {
        const struct result *r = &d->results[i];

        if (r->state != PROBE_REFUSED && r->state != PROBE_INFERRED)
            continue;
        t.refused++;
        t.blocked += r->meaning == MEANING_BLOCKED;
        t.tls += r->meaning == MEANING_TLS;
        t.auth += r->meaning == MEANING_AUTH;
    }
    return t;
}

static enum verdict of_failure(const struct door *d, char why[VERDICT_WHY_MAX])
{
    snprintf(why, VERDICT_WHY_MAX, "%s", door_end_text(d->last_end));
    switch (d->last_end) {
    case DOOR_END_REFUSED:
    case DOOR_END_NO_TLS:
        return VERDICT_ABSENT;
    case DOOR_END_UNREACHABLE:
        return VERDICT_UNREACHABLE;
    case DOOR_END_BANNER:
        return VERDICT_BLOCKED;
    case DOOR_END_NONE:
        snprintf(why, VERDICT_WHY_MAX, "not tested yet");
        return VERDICT_INCONCLUSIVE;
    case DOOR_END_DONE:
    case DOOR_END_BUDGET:
    case DOOR_END_CUT:
    case DOOR_END_TIMEOUT:
    case DOOR_END_GARBAGE:
    case DOOR_END_TLS:
    case DOOR_END_LOCAL:
    case DOOR_ENDS:
        break;
    }
    return VERDICT_INCONCLUSIVE;
}

/* Every probe was refused: was it the envelope that was refused, or we? */
static enum verdict of_refusals(const struct door *d, const struct tally *t,
                                char why[VERDICT_WHY_MAX])
{
    bool control = d->control.state == CONTROL_ACCEPTED;

    /*
     * What the control is told holds for everyone; a form or two may be refused for another
     * reason.
     */
    if (!control && d->control.meaning == MEANING_TLS && t->tls * 2 > t->refused) {
        snprintf(why, VERDICT_WHY_MAX, "nothing is taken here without TLS");
        return VERDICT_CLOSED;
    }
    if (!control && d->control.meaning == MEANING_AUTH && (t->auth + t->tls) * 2 > t->refused) {
        snprintf(why, VERDICT_WHY_MAX, "nothing is taken here without a login");
        return VERDICT_CLOSED;
    }
    if (control && t->blocked * 2 <= t->refused) {
        snprintf(why, VERDICT_WHY_MAX, "all %u probes were refused, and the control was taken%s",
                 t->refused, d->control.by_login ? " after a login" : "");
        return VERDICT_CLOSED;
    }
    if (d->control.state == CONTROL_DEFERRED) {
        snprintf(why, VERDICT_WHY_MAX,
                 "all %u probes were refused, but the control recipient is still put off (%s)",
                 t->refused, meaning_text((enum meaning)d->control.meaning));
        return VERDICT_INCONCLUSIVE;
    }
    if (t->blocked * 2 > t->refused)
        snprintf(why, VERDICT_WHY_MAX, "the server refuses us, not the envelopes");
    else if (d->control.state == CONTROL_REFUSED)
        snprintf(why, VERDICT_WHY_MAX,
                 "the control recipient was refused too (%s); name one that exists with --control",
                 meaning_text((enum meaning)d->control.meaning));
    else
        snprintf(why, VERDICT_WHY_MAX, "no control recipient was tried");
    return VERDICT_BLOCKED;
}

static enum verdict of_silence(const struct door *d, const struct tally *t,
                               char why[VERDICT_WHY_MAX])
{
    if (t->n.skipped && t->n.skipped == d->result_count)
        snprintf(why, VERDICT_WHY_MAX, "none of the %u probes could be tried here", t->n.skipped);
    else if (t->n.deferred)
        snprintf(why, VERDICT_WHY_MAX, "%u probes are put off (greylisting or a passing fault)",
                 t->n.deferred);
    else if (t->refused == 0)
        snprintf(why, VERDICT_WHY_MAX, "no probe got an answer: %s", door_end_text(d->last_end));
    else
        snprintf(why, VERDICT_WHY_MAX, "%u probes got no answer (%u were refused): %s",
                 t->n.lost + t->n.untried, t->refused, door_end_text(d->last_end));
    return VERDICT_INCONCLUSIVE;
}

enum verdict verdict_of_door(const struct door *d, char why[VERDICT_WHY_MAX])
{
    struct tally t = tally_of(d);
    unsigned taken = t.n.delivered + t.n.bounced + t.n.taken + t.n.held;

    if (t.n.proved) {
        snprintf(why, VERDICT_WHY_MAX, "%u of our envelopes arrived through it", t.n.proved);
        return VERDICT_OPEN;
    }
    if (taken) {
        snprintf(why, VERDICT_WHY_MAX, "%u envelopes were taken, %s", taken,
                 t.n.bounced == taken ? "and came back as bounces" : "and none has arrived");
        return VERDICT_ACCEPTS;
    }
    if (t.refused == 0 && t.n.deferred == 0 && !d->ehlo_seen)
        return of_failure(d, why);
    if (d->banned) {
        snprintf(why, VERDICT_WHY_MAX, "no longer let in after %u refusals", d->refusals);
        return VERDICT_BLOCKED;
    }
    if (t.refused && !t.n.deferred && !t.n.lost && !t.n.untried)
        return of_refusals(d, &t, why);
    if (d->last_end == DOOR_END_NO_TLS && t.refused == 0)
        return of_failure(d, why);
    return of_silence(d, &t, why);
}

/* From the worst for the owner to the best; what is not a way in does not count. */
static const enum verdict worst_first[] = {VERDICT_OPEN, VERDICT_ACCEPTS, VERDICT_BLOCKED,
                                           VERDICT_INCONCLUSIVE};

static bool counts(const struct verdict_door *d)
{
    return d->verdict != VERDICT_ABSENT && !(d->optional && d->verdict == VERDICT_UNREACHABLE);
}

static void door_name(const struct door *d, char *out, size_t size)
{
    char ip[IP_TEXT_MAX];

    snprintf(out, size, "%s port %u%s", ip_text(d->host->ip, ip), d->port,
             d->tls == DOOR_STARTTLS ? " after STARTTLS" : "");
}

enum verdict verdict_of_target(const struct verdict_door *doors, size_t count,
                               char why[VERDICT_WHY_MAX])
{
    char reason[VERDICT_WHY_MAX], name[100];
    size_t closed = 0, unreachable = 0, control = 0;

    for (size_t w = 0; w < sizeof(worst_first) / sizeof(worst_first[0]); w++) {
        for (size_t i = 0; i < count; i++) {
            if (doors[i].verdict != worst_first[w])
                continue;
            verdict_of_door(doors[i].door, reason);
            door_name(doors[i].door, name, sizeof(name));
            snprintf(why, VERDICT_WHY_MAX, "%.100s: %.180s", name, reason);
            return doors[i].verdict;
        }
    }
    for (size_t i = 0; i < count; i++) {
        closed += doors[i].verdict == VERDICT_CLOSED;
        control += doors[i].door->control.state == CONTROL_ACCEPTED;
        if (doors[i].verdict == VERDICT_CLOSED)
            verdict_of_door(doors[i].door, reason);
        unreachable += counts(&doors[i]) && doors[i].verdict == VERDICT_UNREACHABLE;
        if (counts(&doors[i]) && doors[i].verdict == VERDICT_UNREACHABLE)
            door_name(doors[i].door, name, sizeof(name));
    }
    if (closed && unreachable) {
        snprintf(why, VERDICT_WHY_MAX, "closed where we got in, but %.100s could not be reached",
                 name);
        return VERDICT_INCONCLUSIVE;
    }
    if (closed && !control) {
        snprintf(why, VERDICT_WHY_MAX, "%s", reason);
        return VERDICT_CLOSED;
    }
    if (closed) {
        snprintf(why, VERDICT_WHY_MAX,
                 "every probe was refused at every door, and the control recipient was taken");
        return VERDICT_CLOSED;
    }
    snprintf(why, VERDICT_WHY_MAX, "no mail server answered");
    return VERDICT_UNREACHABLE;
}
