/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The genuine lines are cut into houses, and the lowest door is asked first: whoever came in there
 * started it. If that was a spammer's machine with lines of its own, the house above is asked what
 * let that machine in. A list or forwarder on the way clears itself, not what fed it; so the answer
 * "list" is given only when nothing below it is to blame.
 */
#include "trace/judge.h"

#include "trace/chain.h"
#include "trace/name.h"

static bool starts_house(const struct trace *t, size_t k, size_t up)
{
    const struct trace_hop *hop = &t->hops[k];
    const struct received *above = &t->hops[up].r;

    if (k == t->own)
        return true;
    if (k < t->own || chain_is_mute(&t->hops[k - 1].r))
        return false;
    if (chain_is_mute(&hop->r)) {
        while (k < t->genuine && chain_is_mute(&t->hops[k].r))
            k++;
        return above->ip.family != IP_NONE && !chain_is_private(above->ip) &&
               (k == t->genuine || !name_same_org(above->by, t->hops[k].r.by));
    }
    if (!hop->r.by.n)
        return false;
    if (above->ip.family == IP_NONE || chain_is_private(above->ip))
        return false;
    if (name_same_org(above->by, hop->r.by))
        return name_is_tenant_out(above->helo) || name_is_tenant_out(above->name);
    return true;
}

static void add_house(struct inquiry *q, size_t k, size_t up)
{
    const struct trace *t = q->t;
    struct house *h;

    if (q->count == JUDGE_HOUSES_MAX)
        return;
    h = &q->houses[q->count++];
    *h = (struct house){.top = k, .door = k};
    if (k == 0)
        return;
    h->seen = &t->hops[up].r;
    for (size_t i = k; i-- > 0;) {
        const struct received *r = &t->hops[i].r;

        if (r->ip.family == IP_NONE)
            continue;
        if (h->ip.family == IP_NONE || !chain_is_private(r->ip)) {
            h->ip = r->ip;
            h->witnessed = i < t->own;
        }
        if (!chain_is_private(r->ip))
            break;
    }
}

static void cut_houses(struct inquiry *q)
{
    const struct trace *t = q->t;
    size_t up = 0;

    for (size_t k = 0; k < t->genuine; k++) {
        if (k == 0 || starts_house(t, k, up))
            add_house(q, k, up);
        else if (q->count)
            q->houses[q->count - 1].door = k;
        if (!chain_is_mute(&t->hops[k].r))
            up = k;
    }
}

static void add_name(struct trace_host *host, struct span name)
{
    if (name_is_useless(name) && !name_is_inside(name))
        return;
    if (!name.n || host->name_count == TRACE_NAMES_MAX ||
        span_starts_nocase(name, SPAN_LIT("localhost")))
        return;
    for (size_t i = 0; i < host->name_count; i++)
        if (span_eq_nocase(host->names[i], name))
            return;
    host->names[host->name_count++] = name;
}

/* The house as one host: its address outside, and what it and others call it. */
static void fill_host(const struct inquiry *q, size_t house, struct trace_host *ret)
{
    const struct house *h = &q->houses[house];
    const struct received *door = &q->t->hops[h->door].r;

    *ret = (struct trace_host){
        .ip = h->ip, .witnessed = h->witnessed, .writer = door->writer, .version = door->version};
    add_name(ret, door->by);
    if (h->seen) {
        add_name(ret, h->seen->name);
        if (h->seen->helo_ip.family == IP_NONE)
            add_name(ret, h->seen->helo);
    }
    for (size_t k = h->door; k-- > h->top;)
        add_name(ret, q->t->hops[k].r.by);
}

/* Who came in at the lowest door. */
static void fill_source(struct inquiry *q)
{
    const struct house *h = &q->houses[q->count - 1];
    const struct received *r = &q->t->hops[h->door].r;
    struct trace_host *s = &q->t->source;

    if (r->ip.family == IP_NONE ||
        (chain_is_private(r->ip) && h->seen && q->t->nat.family == IP_NONE)) {
        fill_host(q, q->count - 1, s);
        return;
    }
    s->ip = r->ip;
    s->witnessed = h->door < q->t->own;
    add_name(s, r->name);
    if (r->helo_ip.family == IP_NONE)
        add_name(s, r->helo);
}

static void fill_accomplice(struct inquiry *q, size_t house)
{
    const struct house *h = &q->houses[house];
    const struct received *top = &q->t->hops[h->top].r;
    struct trace_host *a = &q->t->accomplice;

    q->t->has_accomplice = true;
    a->ip = h->ip;
    a->writer = top->writer;
    a->version = top->version;
    add_name(a, top->by);
}

/* A cloud stands above the house, and it is one whose tenants relay through it. */
static bool is_hybrid(const struct inquiry *q, size_t house)
{
    const struct house *cloud = &q->houses[house - 1];

    return house >= 2 && cloud->seen &&
           (name_is_tenant_out(cloud->seen->helo) || name_is_tenant_out(cloud->seen->name) ||
            name_is_tenant_in(q->t->hops[cloud->door].r.by));
}

static void blame(struct inquiry *q, size_t house)
{
    struct trace *t = q->t;

    fill_host(q, house, &t->culprit);
    if (t->class == TRACE_APPLIANCE)
        fill_accomplice(q, house);
    if (is_hybrid(q, house)) {
        judge_note(q, "a cloud took it from this host as its tenant's own, and signed it",
                   q->houses[house - 1].door, SPAN_NULL);
        judge_other(q, t->class,
                    "so it is, and its cloud tenant then signs: SPF and DKIM passes of "
                    "the tenant are worth nothing");
        t->class = TRACE_HYBRID;
    }
}

static bool passes_lists(const struct inquiry *q)
{
    for (size_t i = 1; i < q->count; i++)
        if (marks_list_here(q, i) || marks_passes_on(q, i))
            return true;
    return marks_list(q) || q->f->forward.line;
}

/* Direct to the receiving system: no line of another house is genuine. */
static void judge_direct(struct inquiry *q)
{
    const struct house *own = &q->houses[0];
    const struct received *r = &q->t->hops[own->door].r;
    struct sender s = {r, own->door, NULL};

    q->t->confidence = 75;
    if (r->auth == RECEIVED_YES || q->f->login.line) {
        if (q->f->login.line)
            judge_note_line(q, "a field names who logged in", q->f->login.line, q->f->login.value);
        else
            judge_note(q, "a login is shown", own->door, r->auth_user);
        q->t->class = TRACE_LOGIN;
    } else if (r->local || chain_is_mute(r) || chain_is_private(r->ip) ||
               (r->ip.family == IP_NONE && !r->helo.n)) {
        judge_note(q, "written inside the receiving system", own->door, SPAN_NULL);
        q->t->class = TRACE_OWN;
    } else {
        q->t->class = judge_sender(q, &s);
        q->t->confidence = (unsigned)(60 + 5 * (q->margin < 0 ? -q->margin : q->margin));
    }
    judge_other(q, TRACE_RELAY, "no host stands between the sender and the receiving system");
}

/* A spammer's machine with lines of its own: whom did it use? */
static void judge_above(struct inquiry *q)
{
    const struct received *door = &q->t->hops[q->houses[q->count - 1].door].r;

    if (door->ip.family != IP_NONE && !chain_is_private(door->ip) && !chain_is_mute(door))
        return; /* its own lines show who came: that is where it began */
    for (size_t i = q->count - 1; i-- > 1 && q->t->class == TRACE_SPAMMER;) {
        size_t notes = q->t->note_count, others = q->t->other_count;
        enum trace_class c = judge_door(q, i);

        if (!trace_class_blames(c) && c != TRACE_LOGIN) {
            q->t->note_count = notes; /* it told nothing new */
            q->t->other_count = others;
        }
        if (c == TRACE_OPEN_CASE || c == TRACE_OWN)
            break;
        q->t->class = c;
        if (trace_class_blames(c)) {
            blame(q, i);
            return;
        }
    }
}

static void finish_lists(struct inquiry *q)
{
    struct trace *t = q->t;

    if (marks_bounce(q) && t->class != TRACE_LOGIN) {
        judge_note(q, "a bounce: written by the system that it came from", 0, SPAN_NULL);
        t->class = TRACE_LIST;
        t->confidence = 85;
    } else if (t->class == TRACE_OWN && passes_lists(q)) {
        if (marks_list(q))
            judge_note_line(q, "a list sent it on", q->f->list.line, q->f->list.value);
        t->class = TRACE_LIST;
    } else if (t->class == TRACE_SPAMMER && passes_lists(q) &&
               q->margin > (marks_list(q) ? -5 : -2)) {
        judge_note_line(q, "a list sent it on", q->f->list.line, q->f->list.value);
        judge_other(q, TRACE_SPAMMER, "what fed the list shows too little against it");
        t->class = TRACE_LIST;
    }
}

void judge(struct trace *t, const struct facts *f, const struct trace_options *o)
{
    struct inquiry q = {.t = t, .f = f, .o = o};

    if (!t->genuine) {
        t->class = TRACE_OPEN_CASE;
        judge_note_line(&q, "there is no line to go by", 0, SPAN_NULL);
        return;
    }
    cut_houses(&q);
    if (q.count == 1) {
        judge_direct(&q);
    } else {
        t->class = judge_door(&q, q.count - 1);
        if (trace_class_blames(t->class))
            blame(&q, q.count - 1);
        else if (t->class == TRACE_SPAMMER)
            judge_above(&q);
    }
    fill_source(&q);
    finish_lists(&q);
    if (!trace_class_blames(t->class))
        t->culprit = (struct trace_host){0};
    if (t->confidence > 99)
        t->confidence = 99;
}
