/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * No relay in between: whose machine was it? Points for and against, none of which alone says much.
 * For a sender of its own: its names agree with each other and with the sender's domain, signatures
 * hold, a provider stands behind it. Against: no name, a name that was made up for the line, a HELO
 * or sender that claims another provider, lines invented below, a filter's word. No host is blamed
 * by either answer; the man page calls the second "the machine, or one that was taken over".
 */
#include "trace/chain.h"
#include "trace/judge.h"
#include "trace/name.h"

struct score {
    struct inquiry *q;
    const struct received *r; /* the line that saw the host */
    struct span name;         /* reverse name, if it can be believed */
    int points;               /* for: positive */
    size_t hop;
    const struct house *house; /* of the sender's own lines, or NULL */
    size_t house_at;
};

static void add(struct score *s, int points, const char *why, struct span about)
{
    s->points += points;
    judge_note(s->q, why, s->hop, about);
}

/* SPF and DMARC were asked about the host that came to us, not about those behind it. */
static bool is_direct(const struct score *s)
{
    return s->hop < s->q->t->own;
}

static bool spf_pass(const struct score *s)
{
    return is_direct(s) && marks_spf_pass(s->q);
}

static bool tells_names(const struct received *r)
{
    return r->writer != RECEIVED_BY_EXCHANGE && r->writer != RECEIVED_BY_SMTPSVC;
}

static void weigh_names(struct score *s)
{
    const struct received *r = s->r;

    if (r->name.n && !r->may_be_forged && !name_is_useless(r->name))
        s->name = r->name;
    if (r->may_be_forged)
        add(s, -1, "reverse and forward name of the sender differ", r->name);
    if (s->name.n && name_is_generic(s->name, r->ip))
        add(s, -2, "the sender's name is one that providers give to lines", s->name);
    else if (!s->name.n && !r->may_be_forged && tells_names(r))
        add(s, -1, "the sender has no reverse name", SPAN_NULL);
    if (span_eq_nocase(r->ident, SPAN_LIT("squid")) ||
        span_starts_nocase(r->ident, SPAN_LIT("cacheflow")))
        add(s, -3, "the connection came out of a web proxy", r->ident);
    if (r->helo_ip.family != IP_NONE && chain_is_private(r->helo_ip))
        s->points += 0; /* a mail program behind its own NAT */
    else if (r->helo_ip.family != IP_NONE && !ip_eq(r->helo_ip, r->ip))
        add(s, -3, "HELO is another address than the sender's", r->helo);
    else if (r->helo.n && !name_is_host(r->helo) && !r->helo_is_literal)
        add(s, -1, "HELO is no host name", r->helo);
}

static void weigh_helo(struct score *s)
{
    const struct received *r = s->r;

    if (!name_is_host(r->helo))
        return;
    if (!s->house && marks_of_house(s->q, 0, r->helo) && !name_same_org(s->name, r->helo) &&
        !spf_pass(s))
        add(s, -3, "HELO claims to be the receiving system", r->helo);
    else if (r->name.n && name_same_host(r->helo, r->by) && !name_same_org(r->name, r->helo))
        add(s, -3, "HELO claims to be the very host that it speaks to", r->helo);
    else if (s->name.n && name_same_org(s->name, r->helo))
        s->points += name_is_generic(s->name, r->ip) ? 1 : 2;
    else if (name_is_freemail(r->helo) && (s->name.n || !spf_pass(s)))
        add(s, -4, "HELO claims to be a large provider, the address is not its", r->helo);
    else if (s->name.n)
        add(s, -1, "HELO and reverse name are of different houses", r->helo);
}

static bool is_senders(struct score *s, struct span domain)
{
    if (name_same_org(s->name, domain))
        return true;
    return !s->name.n && name_same_org(s->r->helo, domain);
}

/* A host within the sender's domain, not the bare domain that bots put there. */
static bool is_named_server(const struct score *s)
{
    const struct facts *f = s->q->f;
    struct span helo = s->r->helo, path = name_domain(f->return_path);

    return name_is_host(helo) && name_org(helo).n < helo.n && !name_is_freemail(helo) &&
           !name_is_throwaway(helo) && name_same_org(helo, f->from_domain) &&
           (!path.n || name_same_org(path, f->from_domain) || f->list.line);
}

/* A named machine behind the host, in its own domain and a private network. */
static bool has_inside(const struct score *s)
{
    const struct received *door = &s->q->t->hops[s->house->door].r;

    return chain_is_private(door->ip) && name_same_org(door->name, door->by);
}

/* One house sends and takes the bounces, another one signs: so do bulk senders for customers. */
static bool is_for_customer(const struct score *s, struct span path)
{
    struct span house = s->name.n ? s->name : s->r->helo;

    return spf_pass(s) && name_same_org(path, house) && name_is_host(s->r->helo) &&
           name_org(s->r->helo).n < s->r->helo.n && !name_same_org(path, s->q->f->from_domain);
}

static void weigh_domain(struct score *s)
{
    const struct facts *f = s->q->f;
    struct span path = name_domain(f->return_path);

    if (marks_dkim(s->q, f->from_domain)) {
        add(s, name_is_freemail(f->from_domain) ? 6 : 2, "a signature of the From domain holds",
            f->from_domain);
        if (is_for_customer(s, path))
            add(s, 3, "the sending house takes the bounces of another that signs", path);
    } else if (name_same_org(s->name, f->from_domain)) {
        add(s, 3, "the From domain is the sender's own", f->from_domain);
    } else if (is_named_server(s)) {
        add(s, 3, "HELO is a host of the From domain", f->from_domain);
    } else if (is_senders(s, f->from_domain)) {
        /* A bare domain as HELO and nothing behind it: so do bots. */
        add(s, spf_pass(s) && !name_is_freemail(f->from_domain) ? 2 : 0,
            "the From domain is the one the sender gives as its own", f->from_domain);
    } else if (name_is_freemail(f->from_domain)) {
        add(s, -3, "From is at a large provider that did not send it", f->from_domain);
    } else if (path.n && !name_same_org(path, f->from_domain)) {
        add(s, -1, "From, reverse-path and sending host are three houses", f->from_domain);
    }
    if (s->house && marks_of_house(s->q, s->house_at, f->from_domain) &&
        !name_is_freemail(f->from_domain))
        add(s, has_inside(s) ? 4 : 2, "the sending host's own lines bear the From domain",
            f->from_domain);
    if (spf_pass(s) && name_same_org(path, f->from_domain))
        s->points += 1;
}

/* Letters without sense under an ending that costs nothing: no chance, no taste. */
static bool is_made_up(struct span host)
{
    struct span org = name_org(host);

    return name_is_cheap(host) && name_is_random(span_slice(org, 0, span_find(org, '.')));
}

static void weigh_from(struct score *s)
{
    const struct facts *f = s->q->f;

    /* Everything agrees with everything where all of it was bought on one day. */
    if (name_is_throwaway(s->name.n ? s->name : s->r->helo) || name_is_throwaway(f->from_domain))
        add(s, is_made_up(s->name.n ? s->name : s->r->helo) ? -4 : -2,
            "a domain of a kind that is bought to be thrown away", f->from_domain);
    else
        weigh_domain(s);
    if (name_same_org(name_domain(s->r->rcpt), f->from_domain) && !is_senders(s, f->from_domain))
        add(s, -2, "From claims to be at home where the message goes", f->from_domain);
    if (is_direct(s) && (f->spf_result == FACTS_SPF_FAIL || f->spf_result == FACTS_SPF_SOFT))
        add(s, -2, "SPF: the sender's domain does not name this host", name_domain(f->return_path));
    if (f->dmarc_fail && is_direct(s))
        add(s, -2, "DMARC of the From domain fails", f->from_domain);
}

/* "(from nobody@localhost)", "(Postfix, from userid 48)": the users that web servers run as. */
static bool is_web_user(const struct received *r)
{
    static const char *const users[] = {"nobody@",    "apache@",  "www@",       "httpd@",
                                        "www-data@",  "wwwuser@", "web@",       "wwwrun@",
                                        "webuser@",   "cgi@",     "userid 33)", "userid 48)",
                                        "userid 80)", "uid 33)",  "uid 48)"};

    for (size_t i = 0; r->local && i < sizeof(users) / sizeof(users[0]); i++)
        if (span_has_nocase(r->field, span_str(users[i])))
            return true;
    return false;
}

/* Sent from the machine itself: a web server's form is its owner's, root on a fresh one is not. */
static void weigh_local(struct score *s, const struct house *h)
{
    const struct facts *f = s->q->f;
    const struct received *door = h ? &s->q->t->hops[h->door].r : NULL;
    bool root = door && door->local &&
                (span_has_nocase(door->field, SPAN_LIT("userid 0)")) ||
                 span_has_nocase(door->field, SPAN_LIT("invoked by uid 0)")));

    for (size_t k = h ? h->top : 1; h && k < h->door; k++)
        root |= s->q->t->hops[k].r.local &&
                span_has_nocase(s->q->t->hops[k].r.field, SPAN_LIT("from userid 0)"));
    if (root || (door && name_is_inside(door->by) && door->by.n && door->local))
        add(s, -4, "written on the machine itself, by root or without a name",
            door ? door->by : SPAN_NULL);
    else if (door && is_web_user(door))
        add(s, 7, "handed in by the machine's web server", SPAN_NULL);
    else if (f->script.line)
        add(s, 4, "handed in by a script of a web server", f->script.value);
    else if (door && !door->local && ip_space(door->ip) == IP_LOOPBACK && !f->spam &&
             !name_is_useless(door->by))
        add(s, 2, "handed in by a program of the machine", SPAN_NULL);
    else if (door && door->local && !name_is_generic(door->by, s->r->ip))
        add(s, 3, "handed in by a user of the machine", SPAN_NULL);
}

static void weigh_words(struct score *s)
{
    const struct facts *f = s->q->f;
    const struct trace *t = s->q->t;

    for (size_t k = t->genuine; k < t->count; k++) {
        if (t->hops[k].role == TRACE_FORGED) {
            if (!t->hops[k].fault && name_same_host(t->hops[k].r.by, s->r->helo))
                break; /* of a form not known here, and nothing else against it */
            add(s, t->hops[k].fault ? -3 : -2, "a line below the last true one is invented",
                t->hops[k].r.by);
            break;
        }
    }
    if (f->spam)
        add(s, -4, "the receiving system's filter took it for spam", SPAN_NULL);
    if (f->ratware)
        add(s, -3, "the Message-ID is a spamming program's", f->message_id);
    if (f->ham)
        s->points += 2;
    if (f->refers)
        s->points += 2;
    if (f->has_agent)
        s->points += 2;
    if (f->bulk && !f->spam && !f->list.line)
        s->points += 2; /* who names a way out of his list seldom hides */
    if (span_has_nocase(f->mailer, SPAN_LIT("Outlook Express 6.00.2600.0000")))
        s->points -= 1;
}

/* Web mail and pick-up lines: nobody outside invents them well. */
static bool is_providers_line(const struct inquiry *q, const struct house *h)
{
    const struct received *r = &q->t->hops[h->door].r;

    return name_is_provider(r->by) && !q->f->dmarc_fail &&
           (q->f->spf_result == FACTS_SPF_UNTOLD || marks_spf_pass(q)) &&
           (r->writer == RECEIVED_BY_SMTPSVC || span_starts_nocase(r->with, SPAN_LIT("HTTP")));
}

/* A provider's name in HELO only: a signature, his or his customer's, or SPF must stand by it. */
static bool is_by_provider(const struct score *s, struct span house)
{
    const struct facts *f = s->q->f;

    return marks_dkim(s->q, house) || marks_dkim(s->q, f->from_domain) ||
           (spf_pass(s) && (name_same_org(name_domain(f->return_path), house) ||
                            (name_is_bulk_sender(house) &&
                             name_same_org(name_domain(f->return_path), f->from_domain)))) ||
           (name_is_tenant_out(s->r->helo) && name_is_tenant_net(s->r->ip));
}

/* Tenants who mean to stay write under their own domain, not the one that the cloud lent them. */
static bool is_bare_tenant(const struct facts *f)
{
    struct span label = span_slice(f->from_domain, 0, span_find(f->from_domain, '.'));

    return span_ends_nocase(f->from_domain, SPAN_LIT(".onmicrosoft.com")) && name_is_random(label);
}

#define YEAR_2012 INT64_C(1325376000)

/*
 * Since signatures are cheap, that everything agrees on a name nobody has checked says no more than
 * that one hand set it up. Asked about are spam messages: so it was the spammer's.
 */
static int least_points(const struct score *s)
{
    const struct facts *f = s->q->f;

    if (f->spam)
        return 1;
    return !s->house && !s->name.n && s->r->date_wall >= YEAR_2012 && !f->refers && !f->has_agent
               ? 3
               : -1;
}

enum trace_class judge_sender(struct inquiry *q, const struct sender *from)
{
    struct score s = {.q = q,
                      .r = from->seen,
                      .hop = from->seen_hop,
                      .house = from->house,
                      .house_at = from->house ? (size_t)(from->house - q->houses) : 0};
    struct span house;

    weigh_names(&s);
    house = s.name.n ? s.name : s.r->helo;
    if (from->house && q->t->hops[from->house->door].r.writer == RECEIVED_BY_SENDGRID) {
        add(&s, 5, "a bulk provider's own lines", house);
        q->margin = s.points;
        return TRACE_OWN;
    }
    if (from->house && !s.name.n && is_providers_line(q, from->house)) {
        add(&s, 5, "the lines of a provider, in its own form", house);
        q->margin = s.points;
        return TRACE_OWN;
    }
    if (is_bare_tenant(q->f)) {
        add(&s, -6, "a tenant without a domain of its own, under a name of no sense",
            q->f->from_domain);
        q->margin = s.points;
        return TRACE_SPAMMER;
    }
    if (spf_pass(&s) && name_is_provider(name_domain(q->f->return_path)) &&
        !name_is_freemail(name_domain(q->f->return_path))) {
        add(&s, 5, "the reverse-path is a bulk provider's, and SPF agrees", q->f->return_path);
        q->margin = s.points;
        return TRACE_OWN;
    }
    if (name_is_provider(house) && !name_is_generic(house, s.r->ip) &&
        (s.name.n || from->house || is_by_provider(&s, house))) {
        add(&s, 6, "sent by a provider for a customer of its own", house);
        q->margin = s.points;
        return TRACE_OWN;
    }
    weigh_helo(&s);
    weigh_from(&s);
    weigh_local(&s, from->house);
    weigh_words(&s);
    q->margin = s.points;
    return s.points > least_points(&s) ? TRACE_OWN : TRACE_SPAMMER;
}
