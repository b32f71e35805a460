/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules that need no walk: settings that make a server take what it can't deliver, trust its
 * neighbours, or open with one more change. Each looks first whether it matters at this service.
 */
#include "audit/mta_postfix_priv.h"

static struct audit_finding *find(struct pf_conf *c, const char *id, enum audit_severity s,
                                  struct audit_place place, const char *why)
{
    struct audit_finding *f = audit_find(c->a, id, s, c->door, place);

    f->why = why;
    return f;
}

/* --- networks --------------------------------------------------------------------------------- */

/* An address of the network that is no interface's own. */
static struct ip neighbour(struct ip_prefix net, struct audit *a)
{
    size_t count, last = net.ip.family == IP_V4 ? 3 : 15;
    const struct audit_interface *v = audit_host_interfaces(a, &count);
    struct ip ip = net.ip;

    /* From the end: the first is the gateway, nearly everywhere. */
    for (unsigned host = 254; host > 0; host--) {
        bool own = false;

        ip.b[last] = (uint8_t)(net.ip.b[last] | host);
        for (size_t i = 0; i < count; i++)
            own = own || ip_eq(v[i].ip, ip);
        if (!own && ip_prefix_has(net, ip))
            break;
    }
    return ip;
}

static void style(struct pf_conf *c, const struct pf_lists *l)
{
    const char *style = pf_string(c, "mynetworks_style");
    struct audit_place at = pf_where(c, "mynetworks_style");
    struct audit_finding *f;

    if (pf_find(c, "mynetworks") || strcmp(style, "host") == 0 || c->door->trusted.count == 0)
        return;
    if (l->mynetworks_unknown) {
        f = audit_undecided(c->a, "PF06", AUDIT_NAT, c->door, at);
        f->why = audit_fmt(c->a,
                           "mynetworks is not set, so all hosts in the networks of this "
                           "host's interfaces are trusted (mynetworks_style = %s), and which "
                           "those are is not known",
                           style);
        pf_fix(c, f, "mynetworks_style", "host");
        return;
    }
    for (size_t i = 0; i < c->door->trusted.count; i++) {
        const struct audit_net *n = &c->door->trusted.v[i];
        enum ip_space space = ip_space(n->net.ip);

        if ((space != IP_PUBLIC && space != IP_DOCUMENT) || audit_host_owns(c->a, n->net) ||
            n->net.len >= (n->net.ip.family == IP_V4 ? 32u : 128u))
            continue;
        f = find(c, "PF06", AUDIT_NAT, at,
                 audit_fmt(c->a,
                           "mynetworks_style = %s trusts every host in the public network "
                           "%s of an interface: neighbours may send anywhere",
                           style, n->text));
        f->certain = true; /* the network is known, and so is that others live in it */
        f->unless = "all hosts of that network are the operator's (--own-net)";
        f->witness = audit_witness(c->door, neighbour(n->net, c->a), NULL, NULL);
        pf_fix(c, f, "mynetworks_style", "host");
        return;
    }
}

/* A table whose file was not given: what is in it decides, and can't be told. */
static const struct pf_table *not_given(struct pf_conf *c, const struct pf_words *w, size_t *ret)
{
    for (size_t i = 0; i < w->count; i++) {
        struct span s = w->v[i].s;
        const struct pf_table *t;

        if (!pf_is_table(s) || s.p[0] == '!')
            continue;
        t = pf_table(c, s, w->v[i].place);
        *ret = i;
        if (t->kind == PF_TABLE_OPAQUE && t->file)
            return t;
        if (t->kind == PF_TABLE_OPAQUE && span_starts(s, SPAN_LIT("unix:/")))
            return t; /* a "/file" of a list, as pf_unfold() leaves it */
    }
    return NULL;
}

static void networks_not_given(struct pf_conf *c, const struct pf_lists *l)
{
    struct audit_finding *f;
    size_t at;

    if (!pf_find(c, "mynetworks") || c->door->trusted.count + l->mynetworks.count == 0 ||
        !not_given(c, &l->mynetworks, &at) || !pf_has(c, l, "permit_mynetworks", NULL))
        return;
    f = audit_undecided(c->a, "PF05", AUDIT_OPEN, c->door, l->mynetworks.v[at].place);
    f->why = audit_fmt(c->a, "%s was not given, so that it can't be told who is trusted",
                       strchr(audit_dup(c->a, l->mynetworks.v[at].s), ':') + 1);
    f->fix = "give that file to the audit too, at its place below --root or beside this one";
}

static void domains_not_given(struct pf_conf *c, const struct pf_lists *l)
{
    struct audit_finding *f;
    const struct pf_table *t;
    size_t at;

    t = not_given(c, &l->domains.relay, &at);
    if (!t || !(span_starts(span_str(t->spec), SPAN_LIT("pcre:")) ||
                span_starts(span_str(t->spec), SPAN_LIT("regexp:"))))
        return;
    f = audit_undecided(c->a, "PF08", AUDIT_OPEN, c->door, l->domains.relay.v[at].place);
    f->why = audit_fmt(c->a,
                       "%s was not given, so that it can't be told for which domains mail is "
                       "relayed",
                       t->file);
    f->fix = "give that file to the audit too, at its place below --root or beside this one";
}

static void unknown_networks(struct pf_conf *c, const struct pf_lists *l)
{
    struct audit_finding *f;

    if (!l->mynetworks_unknown || !pf_find(c, "mynetworks") ||
        !pf_has(c, l, "permit_mynetworks", NULL))
        return;
    f = audit_undecided(c->a, "PF05", AUDIT_OPEN, c->door, pf_where(c, "mynetworks"));
    f->why = "mynetworks is filled in by a template, so that it can't be told who is trusted";
    f->fix = "audit the file that the template makes";
}

/* --- half open -------------------------------------------------------------------------------- */

static bool verified(struct pf_conf *c, const struct pf_lists *l)
{
    return pf_has(c, l, "reject_unverified_recipient", NULL);
}

static bool has_literal(struct pf_conf *c, const struct pf_words *w, const struct pf_words *but,
                        struct pf_word *ret)
{
    for (size_t i = 0; i < w->count; i++) {
        struct span s = w->v[i].s;
        const struct pf_table *t;

        if (s.n == 0 || s.p[0] == '!')
            continue;
        t = pf_is_table(s) ? pf_table(c, s, w->v[i].place) : NULL;
        if (t ? t->kind != PF_TABLE_KEYS || t->count == 0
              : pf_match_string(c, but, s).hit == PF_HIT ||
                    span_starts_nocase(s, SPAN_LIT("localhost")))
            continue;
        *ret = w->v[i];
        return true;
    }
    return false;
}

/* Half open: what is taken for a user who is not there. */
static void nobody(struct pf_conf *c, struct audit_finding *f, struct span domain)
{
    struct ip ip = audit_stranger(NULL, c->door->v4 ? IP_V4 : IP_V6);

    if (pf_is_table(domain) || domain.n == 0 || domain.p[0] == '.')
        return;
    f->witness = audit_witness(c->door, ip, NULL,
                               audit_fmt(c->a, "no-such-user@%.*s", (int)domain.n, domain.p));
}

static void unlisted(struct pf_conf *c, const struct pf_lists *l)
{
    static const struct pf_words none;
    struct audit_finding *f;
    struct pf_word word;

    if (c->door->silent || c->door->internal || verified(c, l))
        return;
    if (pf_find(c, "local_recipient_maps") && !*pf_string(c, "local_recipient_maps") &&
        !*pf_string(c, "luser_relay") && has_literal(c, &l->domains.mydestination, &none, &word)) {
        f = find(c, "PF17", AUDIT_HALF_OPEN, pf_where(c, "local_recipient_maps"),
                 "local_recipient_maps is empty, so mail for unknown users is taken and bounced "
                 "to senders who never wrote it");
        nobody(c, f, word.s);
        pf_fix(c, f, "local_recipient_maps", "proxy:unix:passwd.byname $alias_maps");
    }
    if (!*pf_string(c, "relay_recipient_maps") &&
        has_literal(c, &l->domains.relay, &l->domains.mydestination, &word)) {
        f = find(c, "PF17", AUDIT_HALF_OPEN, word.place,
                 "relay_recipient_maps is empty, so mail for unknown users of relay_domains is "
                 "taken and bounced to senders who never wrote it");
        f->unless = "the next host takes every recipient";
        nobody(c, f, word.s);
        pf_fix(c, f, "relay_recipient_maps", "hash:/etc/postfix/relay_recipients");
    }
    if (!pf_yes(c, "smtpd_reject_unlisted_recipient") &&
        !pf_has(c, l, "reject_unlisted_recipient", NULL) &&
        !pf_has(c, l, "check_recipient_maps", NULL)) {
        f = find(c, "PF17", AUDIT_HALF_OPEN, pf_where(c, "smtpd_reject_unlisted_recipient"),
                 "smtpd_reject_unlisted_recipient is off, so mail for unknown users is taken and "
                 "bounced to senders who never wrote it");
        if (has_literal(c, &l->domains.mydestination, &none, &word))
            nobody(c, f, word.s);
        pf_fix(c, f, "smtpd_reject_unlisted_recipient", "yes");
    }
}

/* "@ours @theirs" takes every local part here and leaves it to another domain to refuse it. */
static void wildcard_alias(struct pf_conf *c, const struct pf_lists *l)
{
    struct pf_words maps = pf_list(c, "virtual_alias_maps");

    if (c->door->silent || c->door->internal || verified(c, l))
        return;
    for (size_t i = 0; i < maps.count; i++) {
        const struct pf_table *t =
            pf_is_table(maps.v[i].s) ? pf_table(c, maps.v[i].s, maps.v[i].place) : NULL;

        for (size_t k = 0; t && t->kind == PF_TABLE_KEYS && k < t->count; k++) {
            const struct pf_entry *e = &t->v[k];
            struct audit_finding *f;

            if (e->key.n < 2 || e->key.p[0] != '@' || e->value.n < 2 || e->value.p[0] != '@')
                continue;
            f = find(c, "PF17", AUDIT_HALF_OPEN, (struct audit_place){t->file, e->line},
                     audit_fmt(c->a,
                               "%.*s takes every recipient of the domain and sends it on to "
                               "%.*s, which bounces those that it does not have",
                               (int)e->key.n, e->key.p, (int)e->value.n, e->value.p));
            nobody(c, f, span_slice(e->key, 1, e->key.n));
            f->fix = "list the recipients one by one";
        }
    }
}

/* Every domain is ours: nothing is relayed, and everything is taken. */
static void all_domains(struct pf_conf *c, const struct pf_lists *l)
{
    struct pf_dest d = pf_resolve(c, &l->domains, SPAN_LIT(AUDIT_VICTIM));
    struct audit_finding *f;

    if (d.class != PF_FINAL || c->door->silent || c->door->internal)
        return;
    f = find(c, "PF17", AUDIT_HALF_OPEN, d.place,
             audit_fmt(c->a,
                       "%.*s makes every domain one of this server's own, so that mail for "
                       "everybody is taken",
                       (int)d.word.n, d.word.p));
    f->unless = "it is a trap or a test server that means to keep all mail";
    f->fix = "list the domains one by one";
}

/* --- a next host ------------------------------------------------------------------------------ */

static void routing(struct pf_conf *c, const struct pf_lists *l)
{
    static const struct pf_words none;
    struct audit_finding *f;
    struct pf_word word;

    if (!has_literal(c, &l->domains.relay, &none, &word) || c->door->silent)
        return;
    if (pf_yes(c, "allow_untrusted_routing")) {
        f = find(c, "PF10", AUDIT_HALF_OPEN, pf_where(c, "allow_untrusted_routing"),
                 "allow_untrusted_routing passes routed addresses on to the hosts of "
                 "relay_domains, one of which may follow the route");
        f->witness =
            audit_witness(c->door, audit_stranger(NULL, IP_V4), NULL,
                          audit_fmt(c->a, AUDIT_VICTIM_LOCAL "%%" AUDIT_VICTIM_DOMAIN "@%.*s",
                                    (int)word.s.n, word.s.p));
        if (pf_is_table(word.s))
            f->witness.client = (struct ip){0};
        pf_fix(c, f, "allow_untrusted_routing", "no");
    }
    if (!pf_yes(c, "resolve_dequoted_address")) {
        f = find(c, "PF11", AUDIT_LATENT, pf_where(c, "resolve_dequoted_address"),
                 "resolve_dequoted_address = no passes quoted routes on to the hosts of "
                 "relay_domains unread");
        f->unless = "no next host unpacks a quoted local part";
        pf_fix(c, f, "resolve_dequoted_address", "yes");
    }
}

/* --- logins ----------------------------------------------------------------------------------- */

static bool anonymous_allowed(struct pf_conf *c)
{
    const char *name = pf_yes(c, "smtpd_tls_auth_only") ? "smtpd_sasl_tls_security_options"
                                                        : "smtpd_sasl_security_options";
    struct pf_words w;

    if (!pf_find(c, name))
        name = "smtpd_sasl_security_options";
    w = pf_list(c, name);
    for (size_t i = 0; i < w.count; i++)
        if (span_eq_nocase(w.v[i].s, SPAN_LIT("noanonymous")))
            return false;
    return true;
}

/* Cyrus offers all mechanisms that are installed, unless mech_list names some. */
static bool cyrus_offers(struct pf_conf *c)
{
    static const char *const files[] = {"/etc/postfix/sasl/smtpd.conf", "/etc/sasl2/smtpd.conf",
                                        "/usr/lib/sasl2/smtpd.conf"};
    struct audit_source_file f;

    for (size_t i = 0; i < 3; i++)
        if (audit_text(c->a, files[i], &f) == AUDIT_FILE_OK)
            return !span_has_nocase(f.text, SPAN_LIT("mech_list")) ||
                   span_has_nocase(f.text, SPAN_LIT("anonymous"));
    return true;
}

static void logins(struct pf_conf *c, const struct pf_lists *l)
{
    bool cyrus = strcmp(pf_string(c, "smtpd_sasl_type"), "cyrus") == 0;
    struct audit_place at =
        pf_where(c, pf_find(c, "smtpd_sasl_security_options") ? "smtpd_sasl_security_options"
                                                              : "smtpd_sasl_tls_security_options");
    struct audit_finding *f;

    if (!c->door->login)
        return;
    if (anonymous_allowed(c)) {
        bool open = cyrus && cyrus_offers(c);

        f = find(c, "PF15", open ? AUDIT_FORGED : AUDIT_LATENT, at,
                 "anonymous logins are allowed, and a login may send anywhere");
        f->unless = "the mechanism ANONYMOUS is neither installed nor configured";
        f->witness = audit_witness(c->door, audit_stranger(NULL, IP_V4), NULL, NULL);
        f->witness.login = "anonymous (SASL ANONYMOUS)";
        pf_fix(c, f, "smtpd_sasl_security_options", "noanonymous");
    }
    if (!*pf_string(c, "smtpd_sender_login_maps"))
        find(c, "PF16", AUDIT_NOTE, c->door->place,
             "every login may use every sender address: smtpd_sender_login_maps is not set");
}

/* PF20, PF24: words of old, and a port that nobody needs. */
static void hygiene(struct pf_conf *c)
{
    static const char *const lists[] = {"smtpd_client_restrictions", "smtpd_helo_restrictions",
                                        "smtpd_sender_restrictions", "smtpd_relay_restrictions",
                                        "smtpd_recipient_restrictions"};
    static const char *const old[] = {"permit_naked_ip_address", "check_relay_domains",
                                      "reject_maps_rbl"};
    bool receives = *pf_string(c, "relay_domains") || *pf_string(c, "virtual_mailbox_domains") ||
                    *pf_string(c, "virtual_alias_domains") || *pf_string(c, "virtual_alias_maps");
    struct pf_words own = pf_list(c, "mydestination");

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct pf_words w = pf_list(c, lists[i]);

        for (size_t k = 0; k < w.count; k++)
            for (size_t n = 0; n < sizeof(old) / sizeof(old[0]); n++)
                if (span_eq(w.v[k].s, span_str(old[n])))
                    audit_note(c->a, "PF20", c->door, pf_where(c, lists[i]),
                               audit_fmt(c->a,
                                         "%s was given up in Postfix 3.9, which does not "
                                         "know it any more",
                                         old[n]),
                               "reject_unauth_destination, or what the manual names in its place");
    }
    for (size_t i = 0; i < own.count; i++)
        receives = receives || !(span_starts(own.v[i].s, SPAN_LIT("localhost")));
    if (!receives && pf_find(c, "mydestination") && c->door->bind == AUDIT_BIND_ANY &&
        !c->door->login)
        audit_note(c->a, "PF24", c->door, pf_where(c, "inet_interfaces"),
                   "this host takes mail for no domain, and listens to everybody all the same",
                   "inet_interfaces = loopback-only");
}

/* --- XCLIENT, PROXY --------------------------------------------------------------------------- */

static void everybody(struct pf_conf *c, struct audit_nets *nets, struct audit_place at,
                      const char *what)
{
    struct ip v4 = {.family = IP_V4}, v6 = {.family = IP_V6};

    audit_net_add(c->a, nets, ip_prefix_of(v4, 0), false, at, span_str(what))->fix =
        "take the setting out, or let a firewall pass only the proxy to this port";
    audit_net_add(c->a, nets, ip_prefix_of(v6, 0), false, at, span_str(what))->fix =
        "take the setting out, or let a firewall pass only the proxy to this port";
}

/* A whole network of hosts that may be whom they say: too many, even where all are inside. */
static void xclient(struct pf_conf *c, struct audit_net *n)
{
    struct audit_finding *f;

    n->fix = "smtpd_authorized_xclient_hosts =";
    if (n->except || n->net.ip.family != IP_V4 || n->net.len > 24 ||
        ip_space(n->net.ip) != IP_PRIVATE)
        return;
    f = find(c, "PF13", AUDIT_LATENT, n->place,
             audit_fmt(c->a,
                       "every host in %s may say by XCLIENT that it is another client or "
                       "logged in",
                       n->text));
    f->unless = "no NAT or container's bridge lends an address of it to strangers";
    f->fix = "list the one host that needs it";
}

static void proxies(struct pf_conf *c)
{
    const char *setting = c->door->proxy_how ? c->door->proxy_how : "smtpd_upstream_proxy_protocol";
    struct audit_place at = pf_where(c, setting);
    bool usual = c->door->port == 25 || c->door->port == 465 || c->door->port == 587;
    struct ip stranger = audit_stranger(NULL, IP_V4);
    struct pf_match any;
    struct pf_words w;

    c->door->proxy_how = NULL;
    w = pf_list(c, "smtpd_authorized_xclient_hosts");
    w = pf_unfold(c, &w);
    if (w.count > 0) {
        c->door->proxy_how = "XCLIENT";
        pf_rows(c, &w, &c->door->proxies);
        for (size_t i = 0; i < c->door->proxies.count; i++)
            xclient(c, &c->door->proxies.v[i]);
        any = pf_match_client(c, "smtpd_authorized_xclient_hosts", &w, "unknown", stranger);
        if (any.hit == PF_HIT && !audit_nets_has(&c->door->proxies, stranger))
            everybody(c, &c->door->proxies, any.place, audit_dup(c->a, any.word));
    }
    if (!*pf_string(c, setting))
        return;
    if (usual || audit_exposed(c->a, c->door) == AUDIT_YES) {
        c->door->proxy_how = "PROXY";
        everybody(c, &c->door->proxies, at, setting);
    } else if (audit_exposed(c->a, c->door) == AUDIT_UNKNOWN) {
        find(c, "PF13", AUDIT_LATENT, at,
             audit_fmt(c->a,
                       "port %u believes a PROXY header from anyone: who reaches it is "
                       "whomever he says; it must never be published",
                       c->door->port))
            ->unless = "a firewall lets only the proxy itself reach this port";
    }
}

/* --- the rest --------------------------------------------------------------------------------- */

static void early(struct pf_conf *c, const struct pf_lists *l)
{
    static const enum pf_list_id ids[] = {PF_CLIENT, PF_HELO, PF_SENDER};
    static const char *const needs[] = {"check_recipient_access", "reject_unauth_destination",
                                        "permit_auth_destination", "reject_unlisted_recipient"};

    if (pf_yes(c, "smtpd_delay_reject"))
        return;
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < l->v[ids[i]].count; k++)
            for (size_t n = 0; n < 4; n++)
                if (span_eq_nocase(l->v[ids[i]].v[k].s, span_str(needs[n])))
                    find(c, "PF19", AUDIT_LATENT, l->v[ids[i]].v[k].place,
                         audit_fmt(c->a,
                                   "%s in %s is never asked for a recipient, because "
                                   "smtpd_delay_reject is off",
                                   needs[n], pf_list_name(ids[i])));
}

/* Names under which anyone can have a domain of his own. */
static bool shared_parent(struct span s)
{
    static const char *const shared[] = {
        "dyndns.org",     "no-ip.org",   "no-ip.com",     "ddns.net",      "duckdns.org",
        "dynu.net",       "freedns.org", "co.uk",         "com.au",        "co.jp",
        "com.br",         "co.nz",       "herokuapp.com", "github.io",     "azurewebsites.net",
        "cloudapp.net",   "appspot.com", "amazonaws.com", "eu.org",        "pp.ua",
        "googleapis.com", "hopto.org",   "zapto.org",     "homelinux.org", "ath.cx"};

    for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
        if (span_eq_nocase(s, span_str(shared[i])))
            return true;
    return false;
}

static void subdomains(struct pf_conf *c, const struct pf_lists *l)
{
    struct audit_finding *f;

    if (c->door->silent || !pf_parent_style(c, "relay_domains"))
        return;
    for (size_t i = 0; i < l->domains.relay.count; i++) {
        struct span s = l->domains.relay.v[i].s;

        if (!shared_parent(s))
            continue;
        f = find(c, "PF25", AUDIT_HALF_OPEN, l->domains.relay.v[i].place,
                 audit_fmt(c->a,
                           "%.*s in relay_domains takes mail for every name below it, and "
                           "those are other people's",
                           (int)s.n, s.p));
        pf_fix(c, f, "relay_domains", "");
    }
}

void pf_rules(struct pf_conf *c, struct pf_lists *l)
{
    style(c, l);
    unknown_networks(c, l);
    networks_not_given(c, l);
    domains_not_given(c, l);
    all_domains(c, l);
    unlisted(c, l);
    wildcard_alias(c, l);
    routing(c, l);
    logins(c, l);
    hygiene(c);
    proxies(c);
    early(c, l);
    subdomains(c, l);
}
