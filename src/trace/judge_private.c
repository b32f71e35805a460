/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A client with a private address: a machine of the house, or a NAT that stands for everybody. What
 * the client called itself tells them apart more often than the address does, so points are
 * gathered, and where they do not reach the case stays open.
 */
#include "trace/door.h"

#include "trace/chain.h"
#include "trace/name.h"

bool door_foreign_helo(struct door *d)
{
    const struct received *r = d->r;

    if (r->helo_ip.family != IP_NONE)
        return !chain_is_private(r->helo_ip) && !ip_eq(r->helo_ip, d->h->ip) &&
               !marks_same_net(r->helo_ip, d->h->ip);
    return name_is_host(r->helo) && !name_is_inside(r->helo) &&
           !marks_of_house(d->q, d->house, r->helo) &&
           !span_starts_nocase(r->helo, SPAN_LIT("localhost"));
}

static struct span id_host(const struct facts *f)
{
    struct span id = f->message_id, host = span_slice(id, span_rfind(id, '@') + 1, id.n);

    return span_slice(host, 0, span_find(host, '>'));
}

bool door_id_is_house(struct door *d)
{
    struct span host = id_host(d->q->f);

    return host.n && span_find(d->q->f->message_id, '$') == d->q->f->message_id.n &&
           (name_same_host(host, d->r->by) || name_same_org(host, d->r->by)) &&
           !name_same_org(host, d->q->f->from_domain);
}

bool door_id_is_users(struct door *d)
{
    return !d->q->f->ratware && span_find(d->q->f->message_id, '$') < d->q->f->message_id.n &&
           name_same_org(id_host(d->q->f), d->r->by);
}

static int nat_helo(struct door *d)
{
    const struct received *r = d->r;
    struct inquiry *q = d->q;

    if (r->helo_ip.family != IP_NONE && door_foreign_helo(d)) {
        judge_note(q, "a stranger's address as HELO, and a private peer", d->h->door, r->helo);
        return 5;
    }
    if (door_foreign_helo(d)) {
        judge_note(q, "HELO of another house, and a private peer", d->h->door, r->helo);
        if (name_is_freemail(r->helo))
            return 4;
        return name_same_org(r->helo, q->f->from_domain) && !door_replies_elsewhere(q->f) ? 1 : 3;
    }
    if (!name_is_workstation(r->helo))
        return 0;
    judge_note(q, "HELO is what a program calls itself, no host of the house", d->h->door, r->helo);
    return span_eq_nocase(r->helo, SPAN_LIT("User")) ? 3 : marks_gateway(r->ip, r->name) ? 2 : 1;
}

static int nat_points(struct door *d)
{
    const struct received *r = d->r;
    const struct facts *f = d->q->f;
    struct inquiry *q = d->q;
    int points = nat_helo(d);

    if (marks_gateway(r->ip, r->name)) {
        judge_note(q, "the peer's address is one that gateways have", d->h->door, SPAN_NULL);
        points += 1;
    }
    if (ip_eq(f->probe_ip, d->h->ip) && f->probe_ip.family != IP_NONE) {
        judge_note(q, "the subject holds the relay's address: it was being sounded", d->h->door,
                   f->subject);
        points += 3;
    }
    if (!points)
        return 0;
    points += door_replies_elsewhere(f) + f->ratware * 2 + door_id_is_house(d) * 2 +
              name_is_freemail(f->from_domain);
    return points + span_has_nocase(f->mailer, SPAN_LIT("Outlook Express 6.00.2600.0000"));
}

/* Forwarders and clouds write themselves into it (SRS): then it is no word of the house. */
static bool has_own_path(struct door *d)
{
    struct span path = d->q->f->return_path;

    return marks_of_house(d->q, d->house, name_domain(path)) &&
           !span_has_nocase(path, SPAN_LIT("SRS0=")) && !span_has_nocase(path, SPAN_LIT("SRS1=")) &&
           !span_has_nocase(path, SPAN_LIT("+SRS="));
}

/* HELO, sender and reverse-path agree on another domain: the house runs it for somebody. */
static bool is_hosted(struct door *d)
{
    const struct facts *f = d->q->f;

    return name_is_host(d->r->helo) && !name_is_freemail(d->r->helo) && !f->spam && !f->ratware &&
           !door_replies_elsewhere(f) && name_same_org(d->r->helo, f->from_domain) &&
           name_same_org(name_domain(f->return_path), f->from_domain);
}

enum trace_class door_private(struct door *d)
{
    const struct received *r = d->r;
    struct inquiry *q = d->q;
    struct sender s = {d->h->seen, d->h->top ? d->h->top - 1 : 0, d->h};
    bool own = marks_aligned(q, d->house);
    int points;

    if (ip_space(r->ip) == IP_LOOPBACK && !door_foreign_helo(d))
        return judge_sender(q, &s); /* the machine's own */
    if (name_is_provider(r->by) || (d->h->seen && name_is_provider(door_seen_name(d->h->seen))))
        return judge_sender(q, &s);
    if (own && !(r->helo_ip.family != IP_NONE && door_foreign_helo(d))) {
        judge_note(q, "sender and house agree", d->h->door, q->f->from_domain);
        return judge_sender(q, &s);
    }
    if (has_own_path(d) && !door_foreign_helo(d) &&
        !(name_is_workstation(r->helo) && door_replies_elsewhere(q->f))) {
        judge_note(q, "the reverse-path is the house's own", d->h->door, q->f->return_path);
        return judge_sender(q, &s);
    }
    points = nat_points(d);
    if (ip_space(r->ip) == IP_LOOPBACK && nat_helo(d) < 4)
        points = 0; /* programs of the machine call themselves what they like */
    if (points >= 4 && !own) {
        q->t->nat = r->ip;
        judge_note(q, "the sender is none of the house's", d->h->door, q->f->from_domain);
        judge_other(
            q, TRACE_OPEN_CASE,
            "an infected machine inside would show the same: ask whether the peer's address "
            "is a gateway's");
        judge_other(q, TRACE_LOGIN, "no login is shown");
        door_sure(d, 45 + 6 * (unsigned)points);
        return TRACE_NAT;
    }
    if (ip_space(r->ip) == IP_LOOPBACK)
        return judge_sender(q, &s); /* some program of the machine */
    if (is_hosted(d) || (!points && marks_list(q) && !q->f->spam && !q->f->ratware))
        return TRACE_OWN; /* a list's members have no reason to hide */
    if (has_own_path(d) || marks_of_house(q, d->house, r->helo) ||
        span_has_nocase(r->with, SPAN_LIT("HTTP"))) {
        judge_note(q, "a machine of the house itself handed it in", d->h->door, r->helo);
        return judge_sender(q, &s);
    }
    if ((q->f->refers || q->f->has_agent || q->f->ham) && !q->f->spam && points < 3)
        return TRACE_OWN;
    if (name_is_useless(r->by) && !(d->h->seen && door_seen_name(d->h->seen).n))
        return judge_sender(q, &s); /* a machine at somebody's home, no house */
    judge_other(q, TRACE_NAT, "the HELO fits a machine inside as well as a hidden stranger");
    judge_other(q, TRACE_LOGIN, "no login is shown");
    return door_open_case(d, "a private client, and no sign whether it is one or stands for all");
}
