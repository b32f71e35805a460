/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What it means that a walk got through: the rule, the place, the words, and the line that closes
 * it. The first way through an entry is the plainest, and the only one told of it.
 */
#include "audit/mta_postfix_try.h"

static struct audit_witness witness(const struct pf_trying *t, const struct pf_client *who)
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

static enum audit_severity severity(const struct pf_trying *t, const struct pf_client *who)
{
    if (t->at[PF_D_RCPT] && narrow_rcpt(who->rcpt))
        return AUDIT_LATENT;
    if (t->at[PF_D_NAME] || t->at[PF_D_HELO] || t->at[PF_D_MAIL] || t->at[PF_D_CERT] ||
        t->at[PF_D_MX] || (t->at[PF_D_RCPT] && made_domain(who->rcpt)))
        return AUDIT_FORGED;
    return AUDIT_OPEN;
}

static bool overridden(const struct pf_trying *t)
{
    const struct pf_param *relay = pf_find(t->c, "smtpd_relay_restrictions");
    const struct pf_param *rcpt = pf_find(t->c, "smtpd_recipient_restrictions");

    return (relay && relay->master) || (rcpt && rcpt->master);
}

static const char *rule_of(const struct pf_trying *t, const struct pf_outcome *o)
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
        return "PF05";
    case PF_WHY_RCPT:
    case PF_WHY_CLIENT:
    case PF_WHY_PTR:
    case PF_WHY_HELO:
    case PF_WHY_UNKNOWN:
        break;
    }
    return "PF02";
}

static struct audit_place place_of(const struct pf_trying *t, const struct pf_outcome *o)
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
static const char *missing(const struct pf_trying *t, const struct pf_outcome *o)
{
    const struct pf_table *tab;

    if (!pf_is_table(o->cause.word))
        return "";
    tab = pf_table(t->c, o->cause.word, o->cause.place);
    if (tab->kind != PF_TABLE_OPAQUE || !tab->file)
        return "";
    return audit_fmt(t->c->a, " (%s %s)", tab->file, audit_file_name(tab->missing));
}

static const char *why_text(const struct pf_trying *t, const struct pf_outcome *o)
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

const char *pf_narrow_networks(struct pf_trying *t)
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

static void fix(struct pf_trying *t, struct audit_finding *f, const struct pf_outcome *o)
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
    if (o->cause.why == PF_WHY_NETWORK) {
        pf_fix(t->c, f, "mynetworks", pf_narrow_networks(t));
        return;
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

static bool told(struct pf_trying *t, const struct pf_outcome *o)
{
    struct audit_place at = place_of(t, o);

    for (size_t i = 0; i < t->told_count; i++)
        if (t->told[i].why == o->cause.why && t->told[i].place.line == at.line &&
            t->told[i].place.file == at.file)
            return true;
    if (t->told_count >= PF_TOLD_MAX)
        return true;
    t->told[t->told_count] = o->cause;
    t->told[t->told_count++].place = at;
    return false;
}

/* Whether the entry is a network of a client table: its width tells then, as a network's does. */
static bool by_network(struct pf_trying *t, const struct pf_outcome *o)
{
    const struct pf_table *tab;
    struct ip_prefix net;

    if (o->cause.why != PF_WHY_CLIENT && o->cause.why != PF_WHY_NETWORK)
        return false;
    if (!pf_is_table(o->cause.word))
        return o->cause.why == PF_WHY_NETWORK;
    tab = pf_table(t->c, o->cause.word, o->cause.place);
    if (tab->kind == PF_TABLE_KEYS && o->cause.why == PF_WHY_NETWORK)
        return true;
    for (size_t i = 0; i < tab->count; i++) {
        if (tab->v[i].line != o->cause.place.line)
            continue;
        if (tab->kind == PF_TABLE_CIDR)
            return !tab->v[i].negated || o->cause.why == PF_WHY_NETWORK;
        return tab->kind == PF_TABLE_KEYS && pf_client_key_net(tab->v[i].key, &net);
    }
    return false;
}

void pf_tell(struct pf_trying *t, const struct pf_client *who, const struct pf_outcome *o)
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
    if (t->at[PF_D_MAIL])
        t->c->door->keys |= AUDIT_KEY_SENDER;
    if (t->at[PF_D_HELO])
        t->c->door->keys |= AUDIT_KEY_HELO;
    if (t->at[PF_D_NAME])
        t->c->door->keys |= AUDIT_KEY_PTR;
    if (s == AUDIT_OPEN)
        t->c->door->stranger = AUDIT_YES;
}
