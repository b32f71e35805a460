/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The restriction lists as smtpd walks them, for one client and one envelope.
 *
 *     client, helo, sender     an OK ends  that list and grants nothing
 *     relay, recipient         both always run; only a refusal ends it all
 *     data, end of data        may still refuse
 *
 * A recipient relays when nobody has refused it and its domain is not final here. What decides by
 * things that the client chooses (DNS names, listings, address syntax, callouts) is passed over: a
 * stranger who wants to relay chooses well. What decides by things that can't be known offline (a
 * policy service, a table that is not there) says nothing in a cautious walk and OK in a bold one;
 * where the two differ the auditor is undecided.
 */
#include "audit/mta_postfix_walk.h"

/* --- causes ----------------------------------------------------------------------------------- */

/* Of two causes on one way the one that explains more stays. */
void pf_note(struct pf_walking *w, enum pf_why why, struct audit_place place, struct span word)
{
    if (why > w->cause.why || !w->cause.place.file)
        w->cause = (struct pf_cause){why, w->list, place, word};
}

enum pf_status pf_granted(struct pf_walking *w, enum pf_why why, const struct pf_word *at)
{
    pf_note(w, why, at->place, at->s);
    return PF_OK;
}

enum pf_status pf_maybe(struct pf_walking *w, const struct pf_word *at)
{
    return w->bold ? pf_granted(w, PF_WHY_UNKNOWN, at) : PF_DUNNO;
}

enum pf_status pf_refused(struct pf_walking *w, struct audit_place place)
{
    if (!w->warn)
        return PF_NO;
    if (!w->warned.file)
        w->warned = place;
    return PF_DUNNO;
}

/* --- other restrictions ----------------------------------------------------------------------- */

static bool authorised(const struct pf_walking *w)
{
    if (w->dest.class == PF_FOREIGN)
        return false;
    return !w->dest.routed || pf_yes(w->c, "allow_untrusted_routing");
}

static enum pf_status networks(struct pf_walking *w, const struct pf_word *at)
{
    struct pf_match m;

    m = pf_match_client(w->c, "mynetworks", &w->l->mynetworks, w->who->name, w->who->ip);
    if (m.error)
        return pf_refused(w, m.place);
    if (m.hit == PF_HIT) {
        bool by_name = strcmp(w->who->name, "unknown") != 0;
        struct pf_match bare =
            pf_match_client(w->c, "mynetworks", &w->l->mynetworks, "unknown", w->who->ip);

        pf_note(w, by_name && bare.hit != PF_HIT ? PF_WHY_PTR : PF_WHY_NETWORK, m.place, m.word);
        return PF_OK;
    }
    return PF_DUNNO;
}

/* Policy services that are known for what they answer: never an PF_OK to relay. */
static bool harmless_policy(struct span server)
{
    static const char *const known[] = {"spf",    "postgrey", "greylist", "sqlgrey", "gld",
                                        ":10023", ":2501",    ":7777",    ":12340",  "quota",
                                        "rate",   "iredapd",  "postsrsd", NULL};

    for (size_t i = 0; known[i]; i++)
        if (span_has_nocase(server, span_str(known[i])))
            return true;
    return false;
}

/* reject_*_sender_login_mismatch: who is not logged in may not use a sender that has an owner. */
static enum pf_status mismatch(struct pf_walking *w, const struct pf_word *at)
{
    struct span address = span_str(w->who->mail);
    struct pf_words maps;

    if (!pf_yes(w->c, "smtpd_sasl_auth_enable") || address.n == 0 || w->who->login ||
        span_eq_nocase(at->s, SPAN_LIT("reject_authenticated_sender_login_mismatch")))
        return PF_DUNNO;
    maps = pf_list(w->c, "smtpd_sender_login_maps");
    for (size_t i = 0; i < maps.count; i++) {
        const struct pf_table *t = pf_table(w->c, maps.v[i].s, maps.v[i].place);
        enum pf_hit hit = pf_ask_owner(w, t, address);

        /* What a database has of our own domains are owners. */
        if (hit == PF_HIT ||
            (hit == PF_MAYBE && pf_resolve(w->c, &w->l->domains, address).class != PF_FOREIGN))
            return pf_refused(w, at->place);
    }
    return PF_DUNNO;
}

static bool in_class_list(const struct pf_walking *w, struct span name)
{
    for (size_t i = 0; i < w->l->classes.count; i++)
        if (span_eq(w->l->classes.v[i].s, name))
            return true;
    return false;
}

static enum pf_status by_class(struct pf_walking *w, const struct pf_word *at,
                               enum pf_action implied)
{
    struct pf_words words;

    if (pf_template(at->s))
        return pf_maybe(w, at);
    if (!in_class_list(w, at->s)) /* "unknown smtpd restriction": 451 */
        return pf_refused(w, at->place);
    words = pf_list(w->c, audit_dup(w->c->a, at->s));
    return pf_walk_words(w, &words, implied);
}

static bool naked_ip(const char *helo)
{
    struct ip ip;

    return ip_parse(span_str(helo), &ip);
}

/* Authorities that anyone can get a certificate from. */
static bool public_ca(struct pf_conf *c)
{
    static const char *const bundles[] = {"ca-certificates", "ca-bundle", "/etc/ssl/cert",
                                          "/etc/pki/", "cacert.pem"};
    const char *file = pf_string(c, "smtpd_tls_CAfile"), *path = pf_string(c, "smtpd_tls_CApath");

    if (pf_yes(c, "tls_append_default_CA") && (*file || *path))
        return true;
    for (size_t i = 0; i < sizeof(bundles) / sizeof(bundles[0]); i++)
        if (strstr(file, bundles[i]) || strstr(path, bundles[i]))
            return true;
    return false;
}

static bool any_cert(struct pf_walking *w)
{
    struct pf_words maps = pf_list(w->c, "relay_clientcerts");

    for (size_t i = 0; w->who->cert && i < maps.count; i++)
        if (pf_is_table(maps.v[i].s) &&
            pf_ask_cert(w, pf_table(w->c, maps.v[i].s, maps.v[i].place)))
            return true;
    return false;
}

static enum pf_status mx_backup(struct pf_walking *w, const struct pf_word *at)
{
    if (authorised(w))
        return PF_OK;
    /* With networks the domain's best MX must lie in them: that is nobody else's to arrange. */
    if (!w->who->mx_here || w->dest.routed || pf_list(w->c, "permit_mx_backup_networks").count > 0)
        return PF_DUNNO;
    return pf_granted(w, PF_WHY_MX, at);
}

static enum pf_status one(struct pf_walking *w, const struct pf_restriction *r,
                          const struct pf_word *at, const struct pf_word *arg,
                          enum pf_action implied)
{
    switch (r ? r->action : A_UNKNOWN) {
    case A_PERMIT:
        return pf_granted(w, PF_WHY_PERMIT, at);
    case A_REJECT:
        return pf_refused(w, at->place);
    case A_DEFER_IF_PERMIT:
        w->defer = w->defer || !w->warn;
        return PF_DUNNO;
    case A_NETWORKS:
        return networks(w, at);
    case A_LOGIN:
        return w->who->login && pf_yes(w->c, "smtpd_sasl_auth_enable")
                   ? pf_granted(w, PF_WHY_LOGIN, at)
                   : PF_DUNNO;
    case A_CERTS:
        return w->who->cert && public_ca(w->c) ? pf_granted(w, PF_WHY_CERT, at) : PF_DUNNO;
    case A_KNOWN_CERTS:
        return any_cert(w) ? pf_granted(w, PF_WHY_CERT, at) : PF_DUNNO;
    case A_AUTH_DEST:
        return authorised(w) ? PF_OK : PF_DUNNO;
    case A_UNAUTH_DEST:
        if (!authorised(w))
            return pf_refused(w, at->place);
        if (w->dest.class == PF_RELAYED)
            pf_note(w, PF_WHY_DOMAIN, w->dest.place, w->dest.word);
        return PF_DUNNO;
    case A_MX_BACKUP:
        return mx_backup(w, at);
    case A_NAKED_IP:
        if (w->c->version >= 3009)
            return pf_refused(w, at->place);
        return naked_ip(w->who->helo) ? pf_granted(w, PF_WHY_HELO, at) : PF_DUNNO;
    case A_RELAY_DOMAINS:
        return authorised(w) && w->c->version < 3009 ? PF_OK : pf_refused(w, at->place);
    case A_MISMATCH:
        return mismatch(w, at);
    case A_POLICY:
        return !arg || harmless_policy(arg->s) ? PF_DUNNO : pf_maybe(w, arg);
    case A_TABLE_CLIENT:
    case A_TABLE_REVERSE:
    case A_TABLE_HELO:
    case A_TABLE_SENDER:
    case A_TABLE_RCPT:
    case A_TABLE_CERT:
    case A_TABLE_SASL:
    case A_TABLE_SERVER:
    case A_TABLE_ETRN:
        return arg ? pf_by_table(w, r->action, arg, implied) : pf_refused(w, at->place);
    case A_UNKNOWN:
        return by_class(w, at, implied);
    case A_PASSED:
    case A_WARN:
        break;
    }
    return PF_DUNNO;
}

enum pf_status pf_walk_words(struct pf_walking *w, const struct pf_words *words,
                             enum pf_action implied)
{
    enum pf_status s = PF_DUNNO;

    if (w->depth >= AUDIT_NEST_MAX) { /* "unreasonable recursion": 451 */
        audit_bad(w->c->a, words->count ? words->v[0].place : (struct audit_place){0},
                  "restriction classes that name one another without end; take one of them out");
        return PF_NO;
    }
    w->depth++;
    for (size_t i = 0; i < words->count && s == PF_DUNNO; i++) {
        const struct pf_word *at = &words->v[i], *arg = NULL;
        const struct pf_restriction *r = pf_restriction(at->s);

        if (++w->steps > PF_STEPS_MAX || audit_failed(w->c->a)) {
            audit_bad(w->c->a, at->place,
                      "restriction classes that unfold into more than %d restrictions; take some "
                      "out",
                      PF_STEPS_MAX);
            s = PF_NO;
            break;
        }
        if (r && r->action == A_WARN) {
            w->warn = w->warn ? w->warn : w->depth;
            continue;
        }
        if (!r && pf_is_table(at->s) && !pf_template(at->s)) {
            s = implied == A_UNKNOWN ? PF_NO : pf_by_table(w, implied, at, implied);
        } else {
            if (r && r->args > 0 && i + 1 < words->count)
                arg = &words->v[++i];
            s = one(w, r, at, arg, implied);
        }
        if (w->warn >= w->depth)
            w->warn = 0;
    }
    w->depth--;
    if (w->warn > w->depth)
        w->warn = 0;
    return s;
}

/* --- all lists -------------------------------------------------------------------------------- */

void pf_lists_read(struct pf_conf *c, struct pf_lists *ret)
{
    *ret = (struct pf_lists){0};
    for (size_t i = 0; i < PF_LISTS; i++) {
        struct pf_text t = pf_value(c, pf_list_name(i));

        /* Before 2.10 there was no relay list. */
        if (i == PF_RELAY && c->version < 2010)
            t = (struct pf_text){.s = SPAN_LIT("")};
        ret->v[i] = pf_words(c, &t);
        ret->unknown[i] = t.unknown;
    }
    ret->classes = pf_list(c, "smtpd_restriction_classes");
    ret->mynetworks = pf_mynetworks(c, &ret->mynetworks_unknown);
    pf_domains_read(c, &ret->domains);
}

static enum pf_status walk_list(struct pf_walking *w, enum pf_list_id id)
{
    w->list = id;
    w->warn = 0;
    return pf_walk_words(w, &w->l->v[id], pf_implied(id));
}

/* The two that grant; the cause is the better of both. */
static enum pf_status walk_rcpt(struct pf_walking *w, struct pf_cause *ret)
{
    static const enum pf_list_id order[] = {PF_RELAY, PF_RCPT};
    struct pf_cause best = {0};
    enum pf_status s = PF_DUNNO;

    for (size_t i = 0; i < 2; i++) {
        w->cause = (struct pf_cause){.list = order[i]};
        s = walk_list(w, order[i]);
        if (s == PF_NO || s == PF_DROP)
            return s;
        if (w->cause.why > best.why || (i == 0 && w->cause.place.file))
            best = w->cause;
    }
    *ret = best;
    return PF_DUNNO;
}

struct pf_outcome pf_walk(struct pf_conf *c, const struct pf_lists *l, const struct pf_client *who,
                          bool bold)
{
    static const enum pf_list_id before[] = {PF_CLIENT, PF_HELO, PF_SENDER};
    static const enum pf_list_id after[] = {PF_DATA, PF_EOD};
    struct pf_walking w = {.c = c, .l = l, .who = who, .bold = bold};
    struct pf_outcome out = {0};
    enum pf_status s = PF_DUNNO;

    w.dest = pf_resolve(c, &l->domains, span_str(who->rcpt));
    for (size_t i = 0; i < 3 && s != PF_NO && s != PF_DROP; i++)
        s = walk_list(&w, before[i]);
    if (s != PF_NO && s != PF_DROP)
        s = walk_rcpt(&w, &out.cause);
    if (s != PF_NO && s != PF_DROP && w.defer)
        s = PF_NO;
    for (size_t i = 0; i < 2 && s != PF_NO && s != PF_DROP; i++)
        s = walk_list(&w, after[i]);
    out.warned = w.warned;
    out.dropped = s == PF_DROP;
    out.refused = s == PF_NO;
    out.steps = w.steps;
    out.relays = s != PF_NO && s != PF_DROP && w.dest.class != PF_FINAL;
    return out;
}
