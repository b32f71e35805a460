/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The door of a house: what let this client in? In the order of how sure each answer is:
 *
 *     a login is shown                            E, whatever else there is
 *     written on the machine itself               its own, or the spammer's machine
 *     the client is private                       B, its own, or an open case
 *     the client is public: of the house's own network or name, or the sender is the house's own;
 *     the house delivered to its own user, or to a list; else it relayed: A, or C through two hosts
 *
 * Servers that never show a login (Microsoft's) leave "relay or stolen account" open. In the years
 * when nobody had a login to steal they do not.
 */
#include "trace/door.h"

#include "trace/chain.h"
#include "trace/name.h"

unsigned door_sure(struct door *d, unsigned percent)
{
    return d->q->t->confidence = percent > 99 ? 99 : percent;
}

enum trace_class door_open_case(struct door *d, const char *why)
{
    judge_note(d->q, why, d->h->door, SPAN_NULL);
    door_sure(d, 50);
    return TRACE_OPEN_CASE;
}

static bool hides_logins(const struct received *r)
{
    return r->writer == RECEIVED_BY_SMTPSVC || r->writer == RECEIVED_BY_EXCHANGE;
}

struct span door_seen_name(const struct received *r)
{
    return r->name.n && !r->may_be_forged && !name_is_useless(r->name) ? r->name : SPAN_NULL;
}

/* ---- logins ---- */

bool door_replies_elsewhere(const struct facts *f)
{
    struct span to = name_domain(f->reply_to);

    return to.n && !name_same_org(to, f->from_domain) && !f->list.line;
}

/* Nothing about it but that somebody logged in: most who do are who they say. */
static bool is_ordinary_login(struct door *d)
{
    const struct facts *f = d->q->f;
    bool own = marks_aligned(d->q, d->house) ||
               name_same_org(name_domain(d->r->auth_user), f->from_domain) ||
               name_same_org(d->r->helo, f->from_domain);

    return own && !f->spam && !door_replies_elsewhere(f) &&
           (f->refers || f->has_agent || marks_list(d->q));
}

/*
 * Root of the machine handed it in above: what stands below is then root's text. (Users do the
 * same when they forward, so only root counts.)
 */
static bool is_under_root(struct door *d)
{
    for (size_t k = d->h->top; k < d->h->door; k++) {
        struct span field = d->q->t->hops[k].r.field;

        if (d->q->t->hops[k].r.local && span_has_nocase(field, SPAN_LIT("from userid 0)")))
            return true;
    }
    return false;
}

static bool shows_login(struct door *d)
{
    const struct facts *f = d->q->f;

    if (d->r->auth == RECEIVED_YES && !is_under_root(d)) {
        judge_note(d->q, "a login is shown", d->h->door, d->r->auth_user);
        return true;
    }
    if (f->login.line) {
        judge_note_line(d->q, "a field names who logged in", f->login.line, f->login.value);
        return true;
    }
    /* Outlook on the web and its like: the address is a browser's, or the private one in front. */
    if (f->origin.line && d->r->writer == RECEIVED_BY_EXCHANGE &&
        d->h->door + 1 == d->q->t->genuine && !name_is_microsoft(d->r->by)) {
        judge_note_line(d->q, "X-Originating-IP: sent by web mail or a client of the house",
                        f->origin.line, f->origin.value);
        return true;
    }
    return false;
}
/* ---- public clients ---- */

static bool is_related(struct door *d)
{
    const struct received *r = d->r;
    struct inquiry *q = d->q;
    struct span name = door_seen_name(r);

    if (name.n && marks_of_house(q, d->house, name)) {
        judge_note(q, "the client is of the same house by its name", d->h->door, name);
        return true;
    }
    if (d->h->ip.family == IP_V4 && ip_prefix_has(ip_prefix_of(d->h->ip, 20), r->ip)) {
        judge_note(q, "the client is in the house's own network", d->h->door, SPAN_NULL);
        return true;
    }
    if (name_is_microsoft(r->by) && name_is_microsoft(r->helo) && name_is_tenant_net(r->ip)) {
        judge_note(q, "from one machine of the cloud to the next", d->h->door, r->helo);
        return true;
    }
    if (!name.n && marks_same_net(r->ip, d->h->ip) && !door_foreign_helo(d)) {
        judge_note(q, "the client is in the house's own network", d->h->door, SPAN_NULL);
        return true;
    }
    return false;
}

/* Writers that look nothing up: no name is no sign. */
static bool hides_names(const struct received *r)
{
    return r->writer == RECEIVED_BY_SMTPSVC || r->writer == RECEIVED_BY_EXCHANGE ||
           r->writer == RECEIVED_BY_COMMUNIGATE;
}

/* A company that sends through its provider: its own name and its own sender. */
static bool is_customer(struct door *d)
{
    const struct received *r = d->r;
    const struct facts *f = d->q->f;
    struct span name = door_seen_name(r);
    const struct trace *t = d->q->t;

    if (f->ratware || (t->genuine < t->count && t->hops[t->genuine].role == TRACE_FORGED))
        return false; /* nobody invents lines who has nothing to hide */
    if (name.n && !name_is_generic(name, r->ip) && name_same_org(name, f->from_domain))
        return true;
    if (!name.n && hides_names(r) && name_is_host(r->helo) && !name_is_freemail(r->helo) &&
        name_same_org(r->helo, f->from_domain) && name_org(r->helo).n < r->helo.n &&
        !door_replies_elsewhere(f))
        return true;
    return name.n && name_same_org(name, r->helo) && !name_is_generic(name, r->ip) &&
           (name_same_org(name, name_domain(f->return_path)) || f->refers || f->ham);
}

static int stranger_points(struct door *d)
{
    const struct received *r = d->r;
    const struct facts *f = d->q->f;
    struct span name = door_seen_name(r);
    int points = 0;

    if (!name.n && r->writer != RECEIVED_BY_EXCHANGE && r->writer != RECEIVED_BY_SMTPSVC)
        points += 1;
    else if (name.n && name_is_generic(name, r->ip))
        points += 1;
    if (r->helo_ip.family != IP_NONE && chain_is_private(r->helo_ip))
        points -= 1; /* a mail program behind its own NAT */
    else if (r->helo_ip.family != IP_NONE && !ip_eq(r->helo_ip, r->ip))
        points += 2;
    else if (name_is_host(r->helo) && !name_same_org(name, r->helo))
        points += name_is_freemail(r->helo) ? 3 : 1;
    else if (r->helo.n && !name_is_host(r->helo) && !r->helo_is_literal)
        points += 1;
    if (name_is_freemail(f->from_domain))
        points += 1;
    if (!name_same_org(f->from_domain, name))
        points += 1;
    if (door_replies_elsewhere(f))
        points += 1;
    if (r->rcpt_more)
        points += 2;
    if (f->spam)
        points += 1;
    if (f->ratware)
        points += 3;
    if (ip_eq(f->probe_ip, d->h->ip) && f->probe_ip.family != IP_NONE)
        points += 3;
    return points - 2 * f->refers - 2 * f->has_agent - f->ham;
}

/* The HELO is a lie: of another house than the address, or of nobody's making. */
static bool lies_in_helo(struct door *d)
{
    const struct received *r = d->r;
    struct span name = door_seen_name(r);

    if (r->helo_ip.family != IP_NONE)
        return !chain_is_private(r->helo_ip) && !ip_eq(r->helo_ip, r->ip);
    if (!r->helo.n)
        return false;
    if (!name_is_host(r->helo))
        return name_is_random(r->helo) || span_eq_nocase(r->helo, SPAN_LIT("User")) ||
               span_eq_nocase(r->helo, SPAN_LIT("localhost"));
    if (name.n)
        return !name_same_org(name, r->helo);
    /* Bots take a bare domain, servers are hosts of one. */
    return name_is_freemail(r->helo) || name_org(r->helo).n == r->helo.n ||
           !name_same_org(r->helo, d->q->f->from_domain);
}

/* What tells a stranger from a user on the road: he claims to be of another house. */
static bool pretends(struct door *d)
{
    const struct facts *f = d->q->f;
    const struct trace *t = d->q->t;

    if (name_is_freemail(f->from_domain) || door_replies_elsewhere(f) || f->ratware || f->spam)
        return true;
    if (t->genuine < t->count && t->hops[t->genuine].role == TRACE_FORGED)
        return true;
    if (d->r->rcpt_more || door_id_is_house(d) ||
        (f->probe_ip.family != IP_NONE && ip_eq(f->probe_ip, d->h->ip)))
        return true;
    return lies_in_helo(d);
}

/* The host that has the client at the door, and another above it that trusts the first. */
static bool is_appliance(struct door *d)
{
    const struct trace *t = d->q->t;

    for (size_t k = d->h->top; k < d->h->door; k++) {
        const struct received *r = &t->hops[k].r;

        if (chain_is_private(r->ip) && ip_space(r->ip) != IP_LOOPBACK && r->by.n &&
            !name_same_host(r->by, d->r->by) && r->auth != RECEIVED_YES)
            return true;
    }
    return false;
}

/*
 * A mail system that others could misuse: a product that takes mail from clients, under a name that
 * is not bought by the dozen. Engines for mass mail take it from their owner only.
 */
static bool is_credible(struct door *d)
{
    const struct received *r = d->r;
    struct span behind = span_slice(r->field, (size_t)(r->by.p + r->by.n - r->field.p), r->field.n);

    if (r->writer == RECEIVED_BY_POWERMTA || r->writer == RECEIVED_BY_LSMTP ||
        r->writer == RECEIVED_BY_KUMOMTA || r->writer == RECEIVED_BY_ECELERITY ||
        r->writer == RECEIVED_BY_SENDGRID || r->writer == RECEIVED_BY_HALON)
        return false;
    if (name_is_cheap(r->by) && !(d->h->seen && door_seen_name(d->h->seen).n))
        return false;
    behind = span_trim(behind);
    /* One known product in the house speaks for the nameless one in front of it. */
    for (size_t k = d->h->top; k < d->h->door; k++)
        if (d->q->t->hops[k].r.writer != RECEIVED_BY_UNKNOWN &&
            chain_is_private(d->q->t->hops[k].r.ip))
            return true;
    return r->writer != RECEIVED_BY_UNKNOWN ||
           (behind.n > 1 && behind.p[0] == '(' && (r->id.n || r->date_wall < JUDGE_YEAR_2006));
}

/* "Undisclosed.Recipients@": a list of people that a program wrote as an address. */
static bool is_nobody(struct span address)
{
    return span_starts_nocase(address, SPAN_LIT("undisclosed")) ||
           span_starts_nocase(address, SPAN_LIT("recipient"));
}

/* The message shows a recipient in this house: it may have been for him, and he has it sent on. */
static bool is_for_house(struct door *d)
{
    const struct facts *f = d->q->f;
    struct span domain = name_domain(f->to);

    return d->q->t->guessed && !is_nobody(f->to) && marks_of_house(d->q, d->house, domain);
}

/*
 * The boundary is a guess, and what stands before it may be a second MX or forwarder of ours: it
 * has its own name in the DNS, tells no recipient, and its client claims no more than to be the
 * sender's own server, which is how mail comes to every MX.
 */
static bool may_be_ours(struct door *d)
{
    const struct facts *f = d->q->f;
    struct span name = d->house == 1 && d->h->seen ? door_seen_name(d->h->seen) : SPAN_NULL;

    return d->q->t->guessed && name_same_org(name, d->r->by) && !name_is_generic(name, d->h->ip) &&
           !d->r->rcpt.n && !d->r->rcpt_more && name_is_host(d->r->helo) &&
           name_same_org(d->r->helo, f->from_domain) && !name_is_freemail(f->from_domain) &&
           !door_replies_elsewhere(f) && d->h->top == d->h->door;
}

static enum trace_class relayed(struct door *d)
{
    struct sender whole = {d->h->seen, d->h->top ? d->h->top - 1 : 0, d->h};
    struct inquiry *q = d->q;
    int points = stranger_points(d);
    unsigned percent = 60 + 5 * (unsigned)(points > 0 ? points : 0);

    if (!is_credible(d)) {
        judge_note(q, "no mail system that others could misuse shows at this door", d->h->door,
                   d->r->by);
        return judge_sender(q, &whole);
    }
    if (!q->f->spam &&
        (door_id_is_users(d) || (points < 3 && (q->f->refers || q->f->has_agent || q->f->ham)))) {
        judge_note(q, "an ordinary user far from home: a mail program, an answer to mail",
                   d->h->door, q->f->from_domain);
        return TRACE_OWN;
    }
    if (points < 3 && !pretends(d) && marks_list(q))
        return TRACE_OWN;
    if (points < 2 || !pretends(d)) {
        judge_other(q, TRACE_RELAY, "the client is too ordinary to be a stranger for sure");
        return door_open_case(d, "a client of another house, and no sign of what let it in");
    }
    if (hides_logins(d->r) && (!d->r->has_date || d->r->date_wall >= JUDGE_YEAR_2006)) {
        judge_other(q, TRACE_RELAY, "possible: test the host");
        judge_other(q, TRACE_LOGIN, "possible: this server never shows a login");
        return door_open_case(d, "a stranger sent through it; this server does not show logins");
    }
    if (is_for_house(d) || may_be_ours(d)) {
        judge_other(q, TRACE_RELAY, "possible: test the host");
        judge_other(q, TRACE_LIST, "possible: name it by --trust if it forwards mail of yours");
        return door_open_case(d, "it may have taken it for a user of its own, and sent it on");
    }
    judge_note(q, "a public client of another house", d->h->door, d->r->helo);
    if (d->r->auth == RECEIVED_NO)
        judge_note(q, "this server shows logins, and shows none", d->h->door, SPAN_NULL);
    judge_note(q, "neither sender nor client is of the house", d->h->door, q->f->from_domain);
    judge_other(q, TRACE_LOGIN,
                d->r->auth == RECEIVED_NO ? "this server would show a login" : "no login is shown");
    judge_other(q, TRACE_SPAMMER, "the client is not in the host's network or domain");
    door_sure(d, percent + (d->r->auth == RECEIVED_NO ? 5 : 0));
    if (!is_appliance(d))
        return TRACE_RELAY;
    judge_note(q, "behind the door a server of the house took it from a private address", d->h->top,
               SPAN_NULL);
    return TRACE_APPLIANCE;
}

/* It says no login, or uses the words of RFC 3848 without the A. */
static bool is_plain_smtp(const struct received *r)
{
    return r->auth == RECEIVED_NO ||
           (r->auth == RECEIVED_UNTOLD && !hides_logins(r) &&
            (span_eq_nocase(r->with, SPAN_LIT("ESMTP")) || span_eq(r->with, SPAN_LIT("ESMTPS")) ||
             span_eq_nocase(r->with, SPAN_LIT("SMTP"))));
}

/*
 * Since mail programs log in, a stranger with the house's sender and no login is one that a relay
 * believed for his sender. Before, users on the road looked the same. An address as HELO is left
 * out: so do the customers of a provider whose line somebody rents to spammers.
 */
static bool is_forged_sender(struct door *d)
{
    return is_plain_smtp(d->r) && d->r->date_wall >= JUDGE_YEAR_2006 &&
           !name_is_provider(d->r->by) && stranger_points(d) >= 3 &&
           (span_eq_nocase(d->r->helo, SPAN_LIT("User")) ||
            (d->r->helo_ip.family == IP_NONE && name_is_host(d->r->helo) && lies_in_helo(d) &&
             (door_replies_elsewhere(d->q->f) || d->q->f->spam)));
}

static enum trace_class behind_public(struct door *d)
{
    struct inquiry *q = d->q;
    struct sender client = {d->r, d->h->door, NULL};
    struct sender whole = {d->h->seen, d->h->top ? d->h->top - 1 : 0, d->h};

    if (is_related(d)) {
        /* A line of the provider's own, through the provider's own server. */
        if (door_seen_name(d->r).n && name_is_generic(d->r->name, d->r->ip) &&
            !name_is_cheap(d->r->by))
            return TRACE_OWN;
        return judge_sender(q, &whole);
    }
    if (q->f->origin.line && ip_eq(q->f->origin_ip, d->r->ip)) {
        judge_note_line(q, "the house notes the address of its customer", q->f->origin.line,
                        q->f->origin.value);
        return judge_sender(q, &whole);
    }
    if (marks_forwards(q, d->house)) {
        judge_note(q, "the house took it for a user or a list of its own", d->h->door, d->r->rcpt);
        return judge_sender(q, &client);
    }
    if (name_is_tenant_out(d->h->seen->helo) || name_is_tenant_out(d->h->seen->name)) {
        judge_note(q, "a cloud took it from this host as its tenant's, and no relay shows below",
                   d->h->door, d->r->helo);
        if (q->f->spam || q->f->dmarc_fail)
            return TRACE_SPAMMER; /* his tenant, too */
        return judge_sender(q, &client);
    }
    if (name_is_provider(d->r->by) ||
        (d->h->seen && name_is_provider(door_seen_name(d->h->seen)))) {
        judge_note(q, "a provider took it from a customer", d->h->door, SPAN_NULL);
        return judge_sender(q, &whole);
    }
    if (marks_aligned(q, d->house) && is_forged_sender(d)) {
        judge_note(q, "the sender claims to be of the house, but did not log in", d->h->door,
                   q->f->from_domain);
        return relayed(d);
    }
    if (marks_aligned(q, d->house)) {
        judge_note(q, "the sender is a user of the house", d->h->door, q->f->from_domain);
        return judge_sender(q, &whole);
    }
    if (is_customer(d)) {
        judge_note(q, "a house that sends through another, under its own name", d->h->door,
                   door_seen_name(d->r));
        return judge_sender(q, &client);
    }
    return relayed(d);
}

/* A line without a client that is no hand-over on the machine either. */
static bool is_untold(struct door *d)
{
    const struct received *r = d->r;

    return !r->local && !chain_is_mute(r) && r->ip.family == IP_NONE && !r->helo.n &&
           (r->writer == RECEIVED_BY_UNKNOWN || r->writer == RECEIVED_BY_SENDMAIL) &&
           !name_is_provider(r->by) && !marks_aligned(d->q, d->house) && !d->q->f->bulk &&
           !d->q->f->script.line && !marks_list(d->q);
}

enum trace_class judge_door(struct inquiry *q, size_t house)
{
    const struct house *h = &q->houses[house];
    struct door d = {q, house, h, &q->t->hops[h->door].r};
    struct sender s = {h->seen, h->top ? h->top - 1 : 0, h};

    door_sure(&d, 70);
    if (is_under_root(&d))
        return judge_sender(q, &s);
    if (shows_login(&d)) {
        judge_other(q, TRACE_RELAY, "who logs in is no stranger");
        if (is_ordinary_login(&d))
            return TRACE_OWN;
        door_sure(&d, 90);
        return TRACE_LOGIN;
    }
    if (is_untold(&d)) {
        judge_other(q, TRACE_RELAY, "the line does not tell who came");
        return door_open_case(&d, "somebody else's sender, and no word of the client");
    }
    if (d.r->local || chain_is_mute(d.r) ||
        (d.r->ip.family == IP_NONE && d.r->helo_ip.family == IP_NONE))
        return judge_sender(q, &s);
    if (chain_is_private(d.r->ip))
        return door_private(&d);
    return behind_public(&d);
}
