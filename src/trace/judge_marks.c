/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The questions that every judgement is made of. What a stranger may have written (From, HELO,
 * header fields) is never enough to blame a host, but may be enough not to: who forges the sender's
 * domain to look like the house's own is then taken for a user of the house. That is the side to
 * err on.
 */
#include "trace/chain.h"
#include "trace/judge.h"
#include "trace/name.h"

void judge_note(struct inquiry *q, const char *why, size_t hop, struct span about)
{
    if (q->t->note_count < TRACE_NOTES_MAX)
        q->t->notes[q->t->note_count++] =
            (struct trace_note){why, hop, q->t->hops[hop].line, about};
}

void judge_note_line(struct inquiry *q, const char *why, unsigned line, struct span about)
{
    if (q->t->note_count < TRACE_NOTES_MAX)
        q->t->notes[q->t->note_count++] = (struct trace_note){why, SIZE_MAX, line, about};
}

void judge_other(struct inquiry *q, enum trace_class class, const char *why)
{
    if (q->t->other_count < TRACE_OTHERS_MAX)
        q->t->others[q->t->other_count++] = (struct trace_other){class, why};
}

static bool same(struct span a, struct span b)
{
    return name_same_org(a, b) || (name_is_host(a) && name_akin(a, b));
}

bool marks_of_house(const struct inquiry *q, size_t house, struct span domain)
{
    const struct house *h = &q->houses[house];

    if (!domain.n)
        return false;
    for (size_t k = h->top; k <= h->door; k++) {
        const struct received *r = &q->t->hops[k].r;

        if (same(r->by, domain) || (k < h->door && same(r->name, domain)))
            return true;
    }
    return h->seen && (same(h->seen->name, domain) || same(h->seen->helo, domain));
}

bool marks_dkim(const struct inquiry *q, struct span domain)
{
    for (size_t i = 0; i < q->f->dkim_count; i++)
        if (name_same_org(q->f->dkim_pass[i], domain))
            return true;
    return false;
}

bool marks_spf_pass(const struct inquiry *q)
{
    return q->f->spf_result == FACTS_SPF_PASS && q->f->spf.place < q->t->own + 1;
}

bool marks_aligned(const struct inquiry *q, size_t house)
{
    if (marks_of_house(q, house, q->f->from_domain))
        return true;
    if (marks_dkim(q, q->f->from_domain))
        return true;
    return marks_spf_pass(q) && name_same_org(name_domain(q->f->return_path), q->f->from_domain) &&
           house == 1;
}

/* The list's domain stands in the field, behind an @ or after the list's own label. */
static bool list_has(struct span list, struct span domain)
{
    struct span org = name_org(domain);

    return org.n && span_has_nocase(list, org);
}

/* Of the first address in the field: "list talk@club.example; contact …" */
static struct span list_domain(struct span list)
{
    size_t at = span_find(list, '@'), to = at + 1;

    while (to < list.n && (ascii_is_alnum(list.p[to]) || memchr("-.", list.p[to], 2)))
        to++;
    return span_slice(list, at + 1, to);
}

/* Spam bears list fields, too: one that names nobody on the way and no recipient is a fake. */
bool marks_list(const struct inquiry *q)
{
    const struct trace *t = q->t;

    if (!q->f->list.line)
        return false;
    for (size_t k = 0; k < t->genuine; k++) {
        const struct received *r = &t->hops[k].r;
        struct span rcpt = r->rcpt;

        if (name_same_org(list_domain(q->f->list_name), r->by) ||
            list_has(q->f->list_name, r->by) || list_has(q->f->list_name, r->name) ||
            list_has(q->f->list_name, r->helo) || list_has(q->f->list_name, name_domain(rcpt)) ||
            (span_find(rcpt, '@') < rcpt.n && span_has_nocase(q->f->list_name, rcpt)))
            return true;
    }
    return list_has(q->f->list_name, name_domain(q->f->return_path)) ||
           list_has(q->f->list_name, name_domain(q->f->sender));
}

/*
 * A house above bears the list's name: it is the one that runs it, and this one sent a member's
 * mail there, or a liar's.
 */
static bool is_list_above(const struct inquiry *q, const struct house *h)
{
    const struct received *door = &q->t->hops[h->door].r;

    if (!name_is_freemail(door->helo) || name_same_org(door->helo, door->name))
        return false;
    for (size_t k = q->houses[0].door + 1; k < h->top; k++)
        if (list_has(q->f->list_name, q->t->hops[k].r.by))
            return true;
    return false;
}

bool marks_list_here(const struct inquiry *q, size_t house)
{
    const struct house *h = &q->houses[house];

    if (house == 0 || !marks_list(q))
        return false;
    for (size_t k = h->top; k <= h->door; k++) {
        const struct received *r = &q->t->hops[k].r;

        if (list_has(q->f->list_name, r->by) ||
            (list_has(q->f->list_name, name_domain(r->rcpt)) && !is_list_above(q, h)))
            return true;
    }
    for (size_t k = h->top; k < h->door; k++)
        if (q->t->hops[k].r.local || ip_space(q->t->hops[k].r.ip) == IP_LOOPBACK)
            return true; /* it went through a program of the machine, and out again */
    return h->seen && (list_has(q->f->list_name, h->seen->name) || house == 1);
}

/* The recipient that a line above the house tells, or empty. */
static struct span rcpt_above(const struct inquiry *q, const struct house *h)
{
    for (size_t k = h->top; k-- > 0;)
        if (span_find(q->t->hops[k].r.rcpt, '@') < q->t->hops[k].r.rcpt.n)
            return q->t->hops[k].r.rcpt;
    return SPAN_NULL;
}

/* An address of ours that is named after the house: shop.example@ours, jm-shop@ours. */
static bool tells_house(const struct inquiry *q, const struct house *h, struct span local)
{
    for (size_t k = h->top; k <= h->door; k++) {
        struct span org = name_org(q->t->hops[k].r.by);
        struct span label = span_slice(org, 0, span_find(org, '.'));

        if (label.n >= 4 && span_has_nocase(local, label))
            return true;
    }
    return false;
}

/* It came in for one address and went out for another: an alias. Relays change no recipient. */
static bool is_readdressed(const struct inquiry *q, const struct house *h)
{
    struct span above = rcpt_above(q, h), in = q->t->hops[h->door].r.rcpt;

    if (!above.n || name_is_provider(q->t->hops[h->door].r.by) || span_find(in, '@') == in.n ||
        q->t->hops[h->door].r.rcpt_more)
        return false;
    return !span_eq_nocase(above, in);
}

/*
 * A host with a confirmed name that hands us mail for just our own user may be a second MX or the
 * forwarder of an address of ours. Nobody has one in front of a large mailbox provider, nobody who
 * named his hosts has one without a name, and friends stopped to do that for each other when spam
 * came to prefer the second MX.
 */
static bool is_our_mx(const struct inquiry *q, size_t house)
{
    const struct house *h = &q->houses[house];
    const struct received *own = &q->t->hops[0].r;
    struct span above = rcpt_above(q, h), in = q->t->hops[h->door].r.rcpt;

    if (!q->t->guessed || q->t->hops[h->door].r.date_wall >= JUDGE_YEAR_2006)
        return false;
    if ((house > 1 && !marks_forwards(q, house - 1)) || !in.n || !span_eq_nocase(above, in) ||
        name_is_freemail(own->by) || name_is_provider(own->by))
        return false;
    return h->seen && h->seen->name.n && !h->seen->may_be_forged &&
           name_same_org(h->seen->name, q->t->hops[h->door].r.by) &&
           !name_is_generic(h->seen->name, h->ip);
}

bool marks_forwards(const struct inquiry *q, size_t house)
{
    const struct house *h = &q->houses[house];
    struct span above = rcpt_above(q, h);

    return marks_passes_on(q, house) || is_our_mx(q, house) ||
           name_is_forwarder(q->t->hops[h->door].r.by) ||
           (above.n && tells_house(q, h, span_slice(above, 0, span_find(above, '@'))));
}

bool marks_passes_on(const struct inquiry *q, size_t house)
{
    const struct house *h = &q->houses[house];
    struct span path = name_domain(q->f->return_path);

    if (marks_list_here(q, house))
        return true;
    for (size_t k = h->top; k <= h->door; k++)
        if (marks_of_house(q, house, name_domain(q->t->hops[k].r.rcpt)))
            return true;
    if (is_readdressed(q, h))
        return true;
    for (size_t k = h->top; k < h->door; k++) {
        const struct received *r = &q->t->hops[k].r;

        /* A user of the machine sent it on: an alias or a list. Scanners do it in transit. */
        if (r->local && r->writer != RECEIVED_BY_QMAIL && span_find(r->rcpt, '@') < r->rcpt.n)
            return true;
    }
    if (span_starts_nocase(q->f->return_path, SPAN_LIT("SRS")) && marks_of_house(q, house, path))
        return true;
    /* A forwarder clears itself, not the host below that it got the message from. */
    return q->f->forward.line && q->f->forward.place <= h->door + 1 &&
           (!q->f->forward.place || q->f->forward.place >= h->top);
}

bool marks_gateway(struct ip ip, struct span name)
{
    if (span_starts_nocase(name, SPAN_LIT("gateway")) ||
        span_starts_nocase(name, SPAN_LIT("_gateway")) || span_starts_nocase(name, SPAN_LIT("gw.")))
        return true;
    if (ip.family == IP_V6)
        return ip_space(ip) == IP_LINKLOCAL;
    if (ip.family != IP_V4 || !chain_is_private(ip) || ip_space(ip) == IP_LOOPBACK)
        return false;
    if (ip.b[0] == 10 && ((ip.b[1] == 0 && ip.b[2] == 2) || ip.b[1] == 42 || ip.b[1] == 244))
        return true; /* slirp4netns, container networks of clusters */
    return ip.b[3] == 1 || ip.b[3] == 254 || ip.b[3] == 253 || ip_space(ip) == IP_SHARED;
}

bool marks_same_net(struct ip a, struct ip b)
{
    if (a.family == IP_NONE || a.family != b.family)
        return false;
    return ip_prefix_has(ip_prefix_of(a, a.family == IP_V4 ? 16 : 48), b);
}

bool marks_bounce(const struct inquiry *q)
{
    struct span local = span_slice(q->f->from, 0, span_find(q->f->from, '@'));
    bool daemon = span_eq_nocase(local, SPAN_LIT("MAILER-DAEMON")) ||
                  span_eq_nocase(local, SPAN_LIT("postmaster"));

    return q->f->report || (q->f->has_return_path && !q->f->return_path.n && daemon);
}
