/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Walking a service's lists with everybody whom it could matter to let through, plainest first: the
 * stranger as he is, then with one thing of his choosing, then with two and three. What passes is
 * told once for each entry that let it pass, with the envelope that did.
 *
 * One cause, one finding: where a stranger passes because mynetworks holds him, the network is told
 * (audit/join.c), not the list.
 */
#include "audit/mta_postfix_try.h"

#include <stdlib.h>

enum dimension { D_IP, D_NAME, D_HELO, D_MAIL, D_RCPT, D_CERT, D_MX, DIMENSIONS };

enum { TOLD_MAX = 100 };

struct trying {
    struct pf_conf *c;
    struct pf_lists *l;
    struct pf_choices ch;
    size_t at[DIMENSIONS]; /* the choice of each; 0: the plain one */
    size_t walks, work;
    bool bold, all_open, certs, mx;
    struct pf_cause told[TOLD_MAX];
    size_t told_count;
};

static size_t choices(const struct trying *t, enum dimension d)
{
    switch (d) {
    case D_IP:
        return t->ch.ip_count;
    case D_NAME:
        return t->ch.names.count;
    case D_HELO:
        return t->ch.helos.count;
    case D_MAIL:
        return t->ch.mails.count;
    case D_RCPT:
        return t->ch.rcpts.count;
    case D_CERT:
        return t->certs ? 2 : 1;
    case D_MX:
        return t->mx ? 2 : 1;
    case DIMENSIONS:
        break;
    }
    return 0;
}

static struct pf_client client(const struct trying *t)
{
    return (struct pf_client){.ip = t->ch.ips[t->at[D_IP]],
                              .name = t->ch.names.v[t->at[D_NAME]],
                              .helo = t->ch.helos.v[t->at[D_HELO]],
                              .mail = t->ch.mails.v[t->at[D_MAIL]],
                              .rcpt = t->ch.rcpts.v[t->at[D_RCPT]],
                              .cert = t->at[D_CERT] == 1,
                              .mx_here = t->at[D_MX] == 1};
}

/* --- telling ---------------------------------------------------------------------------------- */

static struct audit_witness witness(const struct trying *t, const struct pf_client *who)
{
    struct audit_witness w = audit_witness(t->c->door, who->ip, who->mail, who->rcpt);

    w.helo = who->helo;
    if (strcmp(who->name, "unknown") != 0)
        w.ptr = who->name;
    if (who->cert)
        w.tls = "a certificate of any authority that the server trusts";
    if (who->mx_here)
        w.rcpt[0] = "anyone@" AUDIT_MX_DOMAIN;
    return w;
}

/* In a domain that the stranger made for it: "own.example.elsewhere.example". */
static bool made_domain(const char *rcpt)
{
    return span_ends_nocase(span_str(rcpt), SPAN_LIT("." AUDIT_VICTIM_DOMAIN));
}

/* A mailbox that only some have, "postmaster": nothing to send spam to. */
static bool narrow_rcpt(const char *rcpt)
{
    struct span s = span_str(rcpt);

    return !made_domain(rcpt) && !span_has_nocase(s, SPAN_LIT("victim@elsewhere.")) &&
           !span_has_nocase(s, SPAN_LIT("victim%elsewhere.")) &&
           !span_has_nocase(s, SPAN_LIT("elsewhere.example!victim"));
}

static enum audit_severity severity(const struct trying *t, const struct pf_client *who)
{
    if (t->at[D_RCPT] && narrow_rcpt(who->rcpt))
        return AUDIT_LATENT;
    if (t->at[D_NAME] || t->at[D_HELO] || t->at[D_MAIL] || t->at[D_CERT] || t->at[D_MX] ||
        (t->at[D_RCPT] && made_domain(who->rcpt)))
        return AUDIT_FORGED;
    return AUDIT_OPEN;
}

static bool overridden(const struct trying *t)
{
    const struct pf_param *relay = pf_find(t->c, "smtpd_relay_restrictions");
    const struct pf_param *rcpt = pf_find(t->c, "smtpd_recipient_restrictions");

    return (relay && relay->master) || (rcpt && rcpt->master);
}

static const char *rule_of(const struct trying *t, const struct pf_outcome *o)
{
    switch (o->cause.why) {
    case PF_WHY_DOMAIN:
        return "PF08";
    case PF_WHY_MX:
        return "PF09";
    case PF_WHY_CERT:
        return "PF14";
    case PF_WHY_LOGIN:
        return "PF15";
    case PF_WHY_SENDER:
        return "PF04";
    case PF_WHY_NOTHING:
        if (o->warned.file)
            return "PF23";
        return overridden(t) ? "PF21" : "PF01";
    case PF_WHY_PERMIT:
        if (overridden(t))
            return "PF21";
        return o->cause.list == PF_RELAY ? "PF03" : "PF02";
    case PF_WHY_NETWORK:
    case PF_WHY_RCPT:
    case PF_WHY_CLIENT:
    case PF_WHY_PTR:
    case PF_WHY_HELO:
    case PF_WHY_UNKNOWN:
        break;
    }
    return "PF02";
}

static struct audit_place place_of(const struct trying *t, const struct pf_outcome *o)
{
    if (o->cause.why == PF_WHY_NOTHING && o->warned.file)
        return o->warned;
    if (o->cause.place.file && o->cause.why != PF_WHY_NOTHING)
        return o->cause.place;
    if (pf_find(t->c, "smtpd_relay_restrictions"))
        return pf_where(t->c, "smtpd_relay_restrictions");
    return pf_where(t->c, "smtpd_recipient_restrictions");
}

/* Why a table could not be opened, where it is one of a file. */
static const char *missing(const struct trying *t, const struct pf_outcome *o)
{
    const struct pf_table *tab;

    if (!pf_is_table(o->cause.word))
        return "";
    tab = pf_table(t->c, o->cause.word, o->cause.place);
    if (tab->kind != PF_TABLE_OPAQUE || !tab->file)
        return "";
    return audit_fmt(t->c->a, " (%s %s)", tab->file, audit_file_name(tab->missing));
}

static const char *why_text(const struct trying *t, const struct pf_outcome *o)
{
    struct audit *a = t->c->a;
    const char *list = pf_list_name(o->cause.list);
    const char *word = audit_dup(a, o->cause.word);

    switch (o->cause.why) {
    case PF_WHY_NOTHING:
        if (o->warned.file)
            return "warn_if_reject takes the force of the only restriction that refuses strangers";
        return "nothing in smtpd_relay_restrictions or smtpd_recipient_restrictions refuses a "
               "stranger's mail to a foreign domain";
    case PF_WHY_PERMIT:
        return audit_fmt(a,
                         "a bare permit in %s lets everybody through who gets there, and no "
                         "list refuses strangers before it",
                         list);
    case PF_WHY_DOMAIN:
        return audit_fmt(a, "%s in relay_domains takes mail for domains of strangers", word);
    case PF_WHY_NETWORK:
        return audit_fmt(a, "%s in mynetworks holds strangers", word);
    case PF_WHY_MX:
        return "permit_mx_backup takes mail for every domain whose owner publishes an MX record "
               "that names this host";
    case PF_WHY_LOGIN:
        return "whoever logs in may send anywhere, and logging in takes nothing";
    case PF_WHY_CERT:
        return audit_fmt(a, "%s lets every client with a certificate send anywhere", word);
    case PF_WHY_RCPT:
        return audit_fmt(a,
                         "this entry says OK to recipients of foreign domains before %s "
                         "refuses them",
                         list);
    case PF_WHY_CLIENT:
        return audit_fmt(a,
                         "this entry says OK to clients that anyone can be, before %s refuses "
                         "them",
                         list);
    case PF_WHY_PTR:
        return audit_fmt(a,
                         "this entry says OK in %s to every client with such a host name; all "
                         "hosts of that domain may send anywhere",
                         list);
    case PF_WHY_HELO:
        return audit_fmt(a,
                         "this entry says OK in %s to a HELO name, which every client chooses "
                         "as it likes",
                         list);
    case PF_WHY_SENDER:
        return audit_fmt(a,
                         "this entry says OK in %s to a sender address, which every client "
                         "chooses as it likes",
                         list);
    case PF_WHY_UNKNOWN:
        break;
    }
    return audit_fmt(a,
                     "%s stands in %s before strangers are refused, and what it answers can't be "
                     "known from here%s: an OK would let them send anywhere",
                     word, list, missing(t, o));
}

static void fix(struct trying *t, struct audit_finding *f, const struct pf_outcome *o)
{
    struct buf rest = BUF_INIT(PF_EXPAND_MAX);
    struct pf_words w;

    if (o->cause.why == PF_WHY_MX) {
        f->unless = "all domains with such an MX record are the operator's";
    } else if (o->cause.why == PF_WHY_PTR) {
        f->unless = "all hosts with such a name are the operator's";
    } else if (o->cause.why == PF_WHY_UNKNOWN) {
        f->unless = "it never answers OK for strangers";
    }
    if (o->cause.why != PF_WHY_DOMAIN) {
        pf_fix(t->c, f, "smtpd_relay_restrictions", PF_CLOSED);
        return;
    }
    w = pf_list(t->c, "relay_domains");
    for (size_t i = 0; i < w.count; i++)
        if (!span_eq(w.v[i].s, o->cause.word)) {
            buf_add_str(&rest, rest.n ? ", " : "");
            buf_add(&rest, w.v[i].s);
        }
    pf_fix(t->c, f, "relay_domains", buf_str(&rest));
    buf_deinit(&rest);
}

static bool told(struct trying *t, const struct pf_outcome *o)
{
    struct audit_place at = place_of(t, o);

    for (size_t i = 0; i < t->told_count; i++)
        if (t->told[i].why == o->cause.why && t->told[i].place.line == at.line &&
            t->told[i].place.file == at.file)
            return true;
    if (t->told_count >= TOLD_MAX)
        return true;
    t->told[t->told_count] = o->cause;
    t->told[t->told_count++].place = at;
    return false;
}

/* Whether the entry is a network of a client table: its width tells then, as a network's does. */
static bool by_network(struct trying *t, const struct pf_outcome *o)
{
    const struct pf_table *tab;
    struct ip_prefix net;

    if (o->cause.why != PF_WHY_CLIENT || !pf_is_table(o->cause.word))
        return o->cause.why == PF_WHY_NETWORK;
    tab = pf_table(t->c, o->cause.word, o->cause.place);
    if (tab->kind == PF_TABLE_CIDR)
        return true;
    for (size_t i = 0; tab->kind == PF_TABLE_KEYS && i < tab->count; i++)
        if (tab->v[i].line == o->cause.place.line)
            return pf_client_key_net(tab->v[i].key, &net);
    return false;
}

static void tell(struct trying *t, const struct pf_client *who, const struct pf_outcome *o)
{
    struct audit_finding *f;
    enum audit_severity s = severity(t, who);

    if (by_network(t, o))
        return;
    if (t->bold && o->cause.why != PF_WHY_UNKNOWN)
        return;
    if (told(t, o))
        return;
    if (t->bold)
        f = audit_undecided(t->c->a, rule_of(t, o), s, t->c->door, place_of(t, o));
    else
        f = audit_find(t->c->a, rule_of(t, o), s, t->c->door, place_of(t, o));
    f->why = why_text(t, o);
    if (s == AUDIT_LATENT || made_domain(who->rcpt))
        f->why = audit_fmt(t->c->a, "%s; only for recipients like %s", f->why, who->rcpt);
    f->witness = witness(t, who);
    fix(t, f, o);
    if (t->bold)
        return;
    if (t->at[D_MAIL])
        t->c->door->keys |= AUDIT_KEY_SENDER;
    if (t->at[D_HELO])
        t->c->door->keys |= AUDIT_KEY_HELO;
    if (t->at[D_NAME])
        t->c->door->keys |= AUDIT_KEY_PTR;
    if (s == AUDIT_OPEN)
        t->c->door->stranger = AUDIT_YES;
}

/* --- trying ----------------------------------------------------------------------------------- */

static void walk(struct trying *t)
{
    struct pf_client who = client(t);
    struct pf_outcome o;

    t->walks++;
    o = pf_walk(t->c, t->l, &who, t->bold);
    t->work += t->ch.weight + o.steps * (size_t)8;
    if (o.relays)
        tell(t, &who, &o);
}

static bool tired(const struct trying *t)
{
    return t->walks >= PF_WALKS_MAX || t->work >= PF_WORK_MAX || audit_failed(t->c->a) ||
           *audit_error(t->c->a);
}

/* All ways to choose `left` more things, from dimension `from` on. */
static void vary(struct trying *t, size_t from, unsigned left)
{
    if (left == 0) {
        walk(t);
        return;
    }
    for (size_t d = from; d < DIMENSIONS; d++) {
        for (size_t i = 1; i < choices(t, (enum dimension)d) && !tired(t); i++) {
            t->at[d] = i;
            vary(t, d + 1, left - 1);
        }
        t->at[d] = 0;
    }
}

/* Certificates count only where they are asked for, MX records only where they are looked at. */
static void open_choices(struct trying *t)
{
    size_t kept = 0;

    t->certs = pf_yes(t->c, "smtpd_tls_ask_ccert") || pf_yes(t->c, "smtpd_tls_req_ccert");
    t->mx = pf_has(t->c, t->l, "permit_mx_backup", NULL);
    for (size_t i = 0; i < t->ch.ip_count; i++) {
        bool six = t->ch.ips[i].family == IP_V6;

        if (six ? t->c->door->v6 : t->c->door->v4)
            t->ch.ips[kept++] = t->ch.ips[i];
    }
    t->ch.ip_count = kept;
}

static bool plain_relays(struct trying *t)
{
    struct pf_client who = client(t);
    struct pf_outcome o = pf_walk(t->c, t->l, &who, false);

    return o.relays;
}

/* --- whom the lists trust --------------------------------------------------------------------- */

static struct ip one_of(struct ip_prefix net)
{
    struct ip ip = net.ip;

    if (net.len < (ip.family == IP_V4 ? 32u : 128u))
        ip.b[ip.family == IP_V4 ? 3 : 15] |= 1;
    return ip;
}

static struct pf_outcome walk_from(struct trying *t, struct ip ip, const char *mail)
{
    struct pf_client who = {.ip = ip,
                            .name = "unknown",
                            .helo = AUDIT_SPAMMER_HELO,
                            .mail = mail,
                            .rcpt = AUDIT_VICTIM};
    struct pf_outcome o = pf_walk(t->c, t->l, &who, false);

    t->work += t->ch.weight + o.steps * (size_t)8;
    return o;
}

static bool trusted_at(struct trying *t, struct ip ip, enum pf_why want)
{
    struct pf_outcome o = walk_from(t, ip, t->ch.mails.v[0]);

    return o.relays && o.cause.why == want;
}

/*
 * A sender with which hosts of the network relay and strangers don't: a network that gets a client
 * past one list, and a sender that gets him past another. NULL: there is none.
 */
static const char *trusted_with(struct trying *t, struct ip ip)
{
    for (size_t i = 1; i < t->ch.mails.count && !tired(t); i++) {
        const char *mail = t->ch.mails.v[i];

        if (walk_from(t, ip, mail).relays && !walk_from(t, t->ch.ips[0], mail).relays)
            return mail;
    }
    return NULL;
}

/* mynetworks without its too wide and its doubtful words. */
static const char *narrow_networks(struct trying *t)
{
    struct buf out = BUF_INIT(PF_EXPAND_MAX);
    const struct pf_words *w = &t->l->mynetworks;
    const char *text;

    buf_add_str(&out, "127.0.0.0/8 [::1]/128");
    for (size_t i = 0; i < w->count; i++) {
        struct ip_prefix net;
        bool bad;

        if (!pf_net_parse(w->v[i].s, &net, &bad) ||
            net.len < (net.ip.family == IP_V4 ? 17u : 48u) || ip_space(net.ip) == IP_LOOPBACK)
            continue;
        buf_add_char(&out, ' ');
        buf_add(&out, w->v[i].s);
    }
    text = audit_dup(t->c->a, buf_span(&out));
    buf_deinit(&out);
    return text;
}

/* The line that narrows them, once for all networks. */
static void make_fix(struct trying *t, struct audit_finding *f)
{
    if (pf_find(t->c, "mynetworks"))
        pf_fix(t->c, f, "mynetworks", narrow_networks(t));
    else
        pf_fix(t->c, f, "mynetworks_style", "host");
}

static void give_fix(struct audit_net *n, const struct audit_finding *f)
{
    struct span s = span_str(n->text);
    struct ip_prefix net;
    bool bad;

    /* Words of a table or file are narrowed there. */
    if (!pf_net_parse(s, &net, &bad) ||
        strcmp(n->place.file ? n->place.file : "", f->edit.file ? f->edit.file : "") != 0)
        return;
    n->fix = f->fix;
    n->edit = f->edit;
}

static void trust_mynetworks(struct trying *t)
{
    struct audit_nets rows = {0};
    struct audit_finding fix = {0};
    const char *mail = NULL;
    bool honoured = false;

    pf_rows(t->c, &t->l->mynetworks, &rows);
    for (size_t i = 0; i < rows.count && i < 16 && !honoured; i++)
        honoured = !rows.v[i].except && trusted_at(t, one_of(rows.v[i].net), PF_WHY_NETWORK);
    for (size_t i = 0; i < rows.count && i < 8 && !honoured && !t->all_open; i++) {
        mail = rows.v[i].except ? NULL : trusted_with(t, one_of(rows.v[i].net));
        honoured = mail != NULL;
    }
    make_fix(t, &fix);
    for (size_t i = 0; i < rows.count && honoured; i++) {
        const struct audit_net *n = &rows.v[i];
        struct audit_net *row;

        if (n->net.ip.family == IP_V4 ? !t->c->door->v4 : !t->c->door->v6)
            continue;
        row = audit_net_add(t->c->a, &t->c->door->trusted, n->net, n->except, n->place,
                            span_str(n->text));
        row->mail = mail;
        give_fix(row, &fix);
    }
    if (mail)
        t->c->door->keys |= AUDIT_KEY_SENDER;
    free(rows.v);
}

/* Entries of client tables that open the way: one walk for each result that a table has. */
static void trust_table(void *cookie, const struct pf_table *tab, enum pf_why why)
{
    struct trying *t = cookie;
    struct span last = SPAN_NULL;
    bool trusts = false;

    if (why != PF_WHY_CLIENT || (tab->kind != PF_TABLE_CIDR && tab->kind != PF_TABLE_KEYS))
        return;
    for (size_t i = 0; i < tab->count && !tired(t); i++) {
        const struct pf_entry *e = &tab->v[i];
        struct ip_prefix net = e->net;

        if (e->op != PF_RULE || e->negated)
            continue;
        if (tab->kind == PF_TABLE_KEYS && !pf_client_key_net(e->key, &net))
            continue;
        if (!last.p || !span_eq(last, e->value)) {
            t->work += t->ch.weight;
            trusts = trusted_at(t, one_of(net), PF_WHY_CLIENT);
            last = e->value;
        }
        if (trusts)
            audit_net_add(t->c->a, &t->c->door->trusted, net, false,
                          (struct audit_place){tab->file, e->line}, e->key)
                ->fix = "take this entry out, or answer DUNNO for it";
    }
}

/* --- what a join needs ------------------------------------------------------------------------ */

static bool takes(struct trying *t, const char *rcpt)
{
    struct pf_client who = client(t);

    who.rcpt = rcpt;
    return !pf_walk(t->c, t->l, &who, false).refused;
}

static void forms(struct trying *t)
{
    struct audit_door *d = t->c->door;
    const char *own;

    d->silent = !takes(t, "postmaster");
    for (size_t i = 0; i < t->l->domains.relay.count && i < 20; i++) {
        struct span s = t->l->domains.relay.v[i].s;

        if (pf_is_table(s) || s.n == 0 || s.p[0] == '.' || s.p[0] == '!')
            continue;
        own = audit_dup(t->c->a, s);
        if (takes(t, audit_fmt(t->c->a, AUDIT_VICTIM_LOCAL "%%" AUDIT_VICTIM_DOMAIN "@%s", own)))
            d->passes |= AUDIT_FORM_PERCENT;
        if (takes(t, audit_fmt(t->c->a, AUDIT_VICTIM_DOMAIN "!" AUDIT_VICTIM_LOCAL "@%s", own)))
            d->passes |= AUDIT_FORM_BANG;
        if (takes(t, audit_fmt(t->c->a, "\"" AUDIT_VICTIM "\"@%s", own)))
            d->passes |= AUDIT_FORM_QUOTED;
    }
    if (t->l->domains.mydestination.count > 0) {
        d->unpacks = AUDIT_FORM_ROUTE | AUDIT_FORM_DOUBLE;
        d->unpacks |= pf_yes(t->c, "allow_percent_hack") ? AUDIT_FORM_PERCENT : 0;
        d->unpacks |= pf_yes(t->c, "swap_bangpath") ? AUDIT_FORM_BANG : 0;
        d->unpacks |= pf_yes(t->c, "resolve_dequoted_address") ? AUDIT_FORM_QUOTED : 0;
    }
    d->login = pf_yes(t->c, "smtpd_sasl_auth_enable") &&
               pf_has(t->c, t->l, "permit_sasl_authenticated", NULL);
}

void pf_try(struct pf_conf *c, struct pf_lists *l)
{
    struct trying t = {.c = c, .l = l};

    pf_choices_read(c, l, &t.ch);
    open_choices(&t);
    if (t.ch.ip_count > 0 && !audit_failed(c->a)) {
        c->door->stranger = AUDIT_NO;
        t.all_open = plain_relays(&t);
        for (unsigned choosing = 0; choosing <= (t.all_open ? 0u : 3u); choosing++)
            vary(&t, 0, choosing);
        trust_mynetworks(&t);
        pf_each_table(c, l, trust_table, &t);
        forms(&t);
        t.bold = true;
        t.walks = 0;
        for (unsigned choosing = 0; choosing <= 1 && !t.all_open; choosing++)
            vary(&t, 0, choosing);
    }
    pf_choices_deinit(&t.ch);
}
