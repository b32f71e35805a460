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

static size_t choices(const struct pf_trying *t, enum pf_dimension d)
{
    switch (d) {
    case PF_D_IP:
        return t->ch.ip_count;
    case PF_D_NAME:
        return t->ch.names.count;
    case PF_D_HELO:
        return t->ch.helos.count;
    case PF_D_MAIL:
        return t->ch.mails.count;
    case PF_D_RCPT:
        return t->ch.rcpts.count;
    case PF_D_CERT:
        return t->certs ? 2 : 1;
    case PF_D_MX:
        return t->mx ? 2 : 1;
    case PF_DIMENSIONS:
        break;
    }
    return 0;
}

static struct pf_client client(const struct pf_trying *t)
{
    return (struct pf_client){.ip = t->ch.ips[t->at[PF_D_IP]],
                              .name = t->ch.names.v[t->at[PF_D_NAME]],
                              .helo = t->ch.helos.v[t->at[PF_D_HELO]],
                              .mail = t->ch.mails.v[t->at[PF_D_MAIL]],
                              .rcpt = t->ch.rcpts.v[t->at[PF_D_RCPT]],
                              .cert = t->at[PF_D_CERT] == 1,
                              .mx_here = t->at[PF_D_MX] == 1};
}

/* --- trying ----------------------------------------------------------------------------------- */

static void walk(struct pf_trying *t)
{
    struct pf_client who = client(t);
    struct pf_outcome o;

    t->walks++;
    o = pf_walk(t->c, t->l, &who, t->bold);
    t->work += t->ch.weight + o.steps * (size_t)8;
    if (o.relays)
        pf_tell(t, &who, &o);
}

static bool tired(const struct pf_trying *t)
{
    return t->walks >= PF_WALKS_MAX || t->work >= PF_WORK_MAX || audit_failed(t->c->a) ||
           *audit_error(t->c->a);
}

/* All ways to choose `left` more things, from dimension `from` on. */
static void vary(struct pf_trying *t, size_t from, unsigned left)
{
    if (left == 0) {
        walk(t);
        return;
    }
    for (size_t d = from; d < PF_DIMENSIONS; d++) {
        for (size_t i = 1; i < choices(t, (enum pf_dimension)d) && !tired(t); i++) {
            t->at[d] = i;
            vary(t, d + 1, left - 1);
        }
        t->at[d] = 0;
    }
}

/* Certificates count only where they are asked for, MX records only where they are looked at. */
static void open_choices(struct pf_trying *t)
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

static bool plain_relays(struct pf_trying *t)
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

static struct pf_outcome walk_from(struct pf_trying *t, struct ip ip, const char *mail)
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

static bool trusted_at(struct pf_trying *t, struct ip ip, enum pf_why want)
{
    struct pf_outcome o = walk_from(t, ip, t->ch.mails.v[0]);

    return o.relays && o.cause.why == want;
}

/*
 * A sender with which hosts of the network relay and strangers don't: a network that gets a client
 * past one list, and a sender that gets him past another. NULL: there is none.
 */
static const char *trusted_with(struct pf_trying *t, struct ip ip)
{
    for (size_t i = 1; i < t->ch.mails.count && !tired(t); i++) {
        const char *mail = t->ch.mails.v[i];

        if (walk_from(t, ip, mail).relays && !walk_from(t, t->ch.ips[0], mail).relays)
            return mail;
    }
    return NULL;
}

/* The line that narrows them, once for all networks. */
static void make_fix(struct pf_trying *t, struct audit_finding *f)
{
    if (pf_find(t->c, "mynetworks"))
        pf_fix(t->c, f, "mynetworks", pf_narrow_networks(t));
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

static void trust_mynetworks(struct pf_trying *t)
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
    struct pf_trying *t = cookie;
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

static bool takes(struct pf_trying *t, const char *rcpt)
{
    struct pf_client who = client(t);

    who.rcpt = rcpt;
    return !pf_walk(t->c, t->l, &who, false).refused;
}

static void forms(struct pf_trying *t)
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
    struct pf_trying t = {.c = c, .l = l};

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
