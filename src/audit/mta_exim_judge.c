/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who gets through: sessions of strangers are run through the ACLs, first the plain one, then those
 * that claim what the configuration itself names (a sender, a HELO, a reverse name, a local part),
 * then recipients that say another address inside. Each that is accepted is its own witness.
 *
 * Networks are told apart by being tried: a net is trusted when a client inside of it, and inside
 * of no narrower one that is named, may send to the victim. Whether it is too wide is for the join.
 */
#include "audit/mta_exim_priv.h"

#include <stdlib.h>

struct judge {
    struct exim_conf *c;
    struct audit *a;
    struct audit_door *d;
    const struct exim_found *found;
    struct exim_world base;
    struct ip client;         /* of the witness */
    struct audit_place plain; /* the statement that lets everybody in; no line: none */
    struct audit_place told[EXIM_CANDIDATES_MAX];
    size_t told_count;
    bool doubted;
};

static bool told(struct judge *j, struct audit_place place)
{
    for (size_t i = 0; i < j->told_count; i++)
        if (j->told[i].line == place.line && j->told[i].file == place.file)
            return true;
    if (j->told_count < EXIM_CANDIDATES_MAX)
        j->told[j->told_count++] = place;
    return false;
}

/* --- what was found --------------------------------------------------------------------------- */

/* The list item that made the difference, with its rule. */
static const struct exim_hit *blame(const struct exim_run *r, const char **ret_id)
{
    const struct exim_hit *hits[] = {&r->hosts, &r->domains, &r->required};

    for (size_t i = 0; i < 3; i++) {
        const struct exim_hit *h = hits[i];

        switch (h->how) {
        case EXIM_HOW_STAR:
        case EXIM_HOW_END:
        case EXIM_HOW_SUFFIX:
        case EXIM_HOW_REGEX:
        case EXIM_HOW_MX:
            *ret_id = i == 0 ? "EX02" : "EX01";
            return h;
        case EXIM_HOW_UNKNOWN:
            *ret_id = "EX04";
            return h;
        case EXIM_HOW_DEFAULT:
            *ret_id = "EX11";
            return h;
        case EXIM_HOW_NONE:
        case EXIM_HOW_PLAIN:
        case EXIM_HOW_NET:
            break;
        }
    }
    return NULL;
}

static const char *blame_words(struct audit *a, const struct exim_hit *h, bool hosts)
{
    const char *what = hosts ? "client" : "recipient domain";

    switch (h->how) {
    case EXIM_HOW_STAR:
        return audit_fmt(a, "the item \"%.*s\" matches every %s", SPAN_ARG(h->item), what);
    case EXIM_HOW_END:
        return audit_fmt(a,
                         "the list ends in the negated item \"!%.*s\", and such a list matches "
                         "every %s that it does not name",
                         SPAN_ARG(h->item), what);
    case EXIM_HOW_SUFFIX:
    case EXIM_HOW_REGEX:
        return audit_fmt(a, "the item \"%.*s\" matches %ss that are anybody's", SPAN_ARG(h->item),
                         what);
    case EXIM_HOW_MX:
        return audit_fmt(a,
                         "\"%.*s\" takes every domain whose MX record names this host, and "
                         "anybody can publish one",
                         SPAN_ARG(h->item));
    case EXIM_HOW_DEFAULT:
        return "the entry \"*\" of this file answers for every domain that is not in it";
    case EXIM_HOW_UNKNOWN:
        return "+include_unknown lets clients without a reverse name match";
    case EXIM_HOW_NONE:
    case EXIM_HOW_PLAIN:
    case EXIM_HOW_NET:
        break;
    }
    return "";
}

/* The statement at that line has a condition of that name. */
static bool has_condition(const struct exim_conf *c, struct audit_place at, const char *name)
{
    for (const struct exim_acl *acl = c->acls; acl; acl = acl->next)
        for (const struct exim_statement *s = acl->statements; s; s = s->next)
            for (const struct exim_cond *cond = s->conds; cond; cond = cond->next)
                if (s->place.line == at.line && s->place.file == at.file &&
                    strcmp(cond->name, name) == 0)
                    return true;
    return false;
}

/* One more condition for the statement, where a line can be put behind its first. */
static void limit(struct judge *j, struct audit_finding *f, struct audit_place at, bool login)
{
    struct span line = unix_line(j->a, at.file, at.line);
    bool lists = exim_list_find(j->c, EXIM_DOMAINS, SPAN_LIT("local_domains"));
    bool relay = exim_list_find(j->c, EXIM_DOMAINS, SPAN_LIT("relay_to_domains"));
    const char *text = login || has_condition(j->c, at, "domains") ? "          authenticated = *"
                       : !lists ? "          domains = YOUR.DOMAIN"
                       : relay  ? "          domains = +local_domains : +relay_to_domains"
                                : "          domains = +local_domains";

    if (line.n == 0 || line.p[line.n - 1] == '\\' || (!lists && !login)) {
        f->fix = span_trim(span_str(text)).p;
        return;
    }
    audit_fix_lines(j->a, f, AUDIT_EDIT_INSERT, at.file, at.line, at.line, text);
}

static void blame_fix(struct judge *j, struct audit_finding *f, const struct exim_hit *h)
{
    const char *text = unix_line_without(j->a, h->place.file, h->place.line, h->item, ":;");

    if (h->how == EXIM_HOW_DEFAULT)
        audit_fix_lines(j->a, f, AUDIT_EDIT_DELETE, h->place.file, h->place.line, h->place.line,
                        "(take the line out)");
    else if (h->how == EXIM_HOW_END)
        f->fix = "name the hosts or domains that are meant, instead of those that are not";
    else if (text)
        audit_fix_lines(j->a, f, AUDIT_EDIT_REPLACE, h->place.file, h->place.line, h->place.line,
                        text);
    else
        f->fix = "name the hosts or domains one by one";
}

static void fill_witness(struct judge *j, struct audit_finding *f, const struct exim_world *w)
{
    f->witness = audit_witness(j->d, w->client.family ? w->client : j->client, w->sender,
                               audit_fmt(j->a, "%s@%s", w->rcpt_local, w->rcpt_domain));
    f->witness.ptr = w->ptr;
    f->witness.helo = w->helo;
    if (w->cert)
        f->witness.tls = "a certificate that some trusted authority signed";
    if (w->login)
        f->witness.login = "any account";
    if (w->mx_here)
        unix_mx_witness(j->a, f);
}

/* Raises what a run has shown; `id` NULL: by what the run blames. */
static void raise(struct judge *j, const struct exim_run *r, const char *id,
                  enum audit_severity severity, const char *why)
{
    const char *blamed_id = "EX07";
    const struct exim_hit *h = id ? NULL : blame(r, &blamed_id);
    struct audit_place place = r->accepted;
    struct audit_finding *f;

    if (h)
        place = h->place;
    else if (!id && r->lookup_default) {
        blamed_id = "EX11";
        place = r->default_place;
    }
    if (told(j, place))
        return;
    f = audit_find(j->a, id ? id : blamed_id, severity, j->d, place);
    f->why = h     ? blame_words(j->a, h, h == &r->hosts)
             : why ? why
                   : "this statement accepts any recipient from any client, before the recipient's "
                     "domain is asked for";
    if (h)
        blame_fix(j, f, h);
    else
        limit(j, f, place, severity == AUDIT_FORGED || severity == AUDIT_LATENT);
    fill_witness(j, f, &r->w);
}

static void raise_doubt(struct judge *j, const struct exim_run *r, enum audit_severity severity)
{
    struct audit_finding *f;

    if (!r->doubt || told(j, r->doubt_place))
        return;
    f = audit_undecided(j->a, "EX07", severity, j->d, r->doubt_place);
    f->why = audit_fmt(j->a, "whether strangers may relay hangs on this line, and it %s", r->doubt);
    f->fix =
        "try it on the server: exim -bh with an outside address, then MAIL and RCPT of another "
        "domain";
    fill_witness(j, f, &r->w);
    j->doubted = true;
}

/* --- trials ----------------------------------------------------------------------------------- */

static enum exim_tri session(struct judge *j, const struct exim_world *w, struct exim_run *r)
{
    *r = exim_run_new(j->c, w);
    return exim_session(r);
}

static bool passes(enum exim_tri t)
{
    return t == EXIM_YES || t == EXIM_ANY;
}

/* Tries one world; true when it passed. */
static bool try_world(struct judge *j, const struct exim_world *w, const char *id,
                      enum audit_severity severity, const char *why)
{
    struct exim_run r;
    enum exim_tri t = session(j, w, &r);

    if (passes(t))
        raise(j, &r, id, severity, why);
    else if (t == EXIM_DOUBT && !j->doubted)
        raise_doubt(j, &r, severity);
    return passes(t);
}

static void try_recipients(struct judge *j)
{
    const struct exim_found *f = j->found;
    struct exim_world w = j->base;

    w.mx_here = true;
    try_world(j, &w, NULL, AUDIT_FORGED, NULL);
    w = j->base;
    for (size_t i = 0; i < f->suffixes.count; i++) {
        w.rcpt_domain = f->suffixes.v[i];
        try_world(j, &w, NULL, AUDIT_OPEN, NULL);
    }
    for (size_t i = 0; i < f->domains.count; i++) {
        w.rcpt_domain = f->domains.v[i];
        try_world(j, &w, NULL,
                  span_ends_nocase(span_str(w.rcpt_domain), SPAN_LIT(AUDIT_VICTIM_DOMAIN))
                      ? AUDIT_HALF_OPEN
                      : AUDIT_LATENT,
                  NULL);
    }
    w = j->base;
    for (size_t i = 0; i < f->locals.count; i++) {
        w.rcpt_local = f->locals.v[i];
        try_world(j, &w, "EX07", AUDIT_OPEN,
                  audit_fmt(j->a, "mail for %s is accepted at any domain", w.rcpt_local));
    }
}

/* What was asked for before the sign is tried with the domains that may stand behind it. */
static void try_local_part(struct judge *j, const char *local)
{
    const struct exim_candidates *owns = &j->found->owns;
    struct exim_world w = j->base;

    for (size_t i = 0; i <= owns->count && i <= EXIM_PAIRS_MAX / 2; i++) {
        w.sender = audit_fmt(j->a, "%s@%s", local, i ? owns->v[i - 1] : "stranger.example");
        if (try_world(j, &w, "EX05", AUDIT_FORGED,
                      "who claims such a sender may send to any domain, and anybody can claim it"))
            j->d->keys |= AUDIT_KEY_SENDER;
    }
}

static void try_senders(struct judge *j)
{
    const struct exim_found *f = j->found;
    struct exim_world w = j->base;

    w.sender = "";
    if (try_world(j, &w, "EX05", AUDIT_FORGED,
                  "the null sender may send to any domain, and anybody can claim it"))
        j->d->keys |= AUDIT_KEY_SENDER;
    for (size_t i = 0; i < f->owns.count && i < EXIM_PAIRS_MAX / 2; i++) {
        w.sender = audit_fmt(j->a, "postmaster@%s", f->owns.v[i]);
        if (try_world(j, &w, "EX05", AUDIT_FORGED,
                      "who claims a sender of ours may send to any domain, and anybody can claim "
                      "it"))
            j->d->keys |= AUDIT_KEY_SENDER;
    }
    for (size_t i = 0; i < f->senders.count; i++) {
        if (!strchr(f->senders.v[i], '@'))
            try_local_part(j, f->senders.v[i]);
        w = j->base;
        w.sender = f->senders.v[i];
        if (try_world(j, &w, "EX05", AUDIT_FORGED,
                      "who claims such a sender may send to any domain, and anybody can claim it"))
            j->d->keys |= AUDIT_KEY_SENDER;
        for (size_t k = 0; k < f->locals.count && k < EXIM_PAIRS_MAX / 2; k++) {
            w.rcpt_local = f->locals.v[k];
            try_world(j, &w, "EX05", AUDIT_FORGED,
                      "who claims such a sender may send to any domain, and anybody can claim it");
        }
    }
}

/* Without one of these no client is asked for a certificate. */
static bool asks_certificates(const struct exim_conf *c)
{
    const struct exim_option *verify = exim_option(c->options, "tls_verify_hosts");
    const struct exim_option *try = exim_option(c->options, "tls_try_verify_hosts");

    return (verify && span_trim(verify->value.s).n > 0) || (try && span_trim(try->value.s).n > 0);
}

/* The default, and any bundle of the public ones. */
static bool system_authorities(const struct exim_conf *c)
{
    const struct exim_option *o = exim_option(c->options, "tls_verify_certificates");

    return !o || span_has_nocase(o->value.s, SPAN_LIT("system")) ||
           span_has_nocase(o->value.s, SPAN_LIT("/etc/ssl/certs")) ||
           span_has_nocase(o->value.s, SPAN_LIT("/etc/pki")) ||
           span_has_nocase(o->value.s, SPAN_LIT("ca-certificates")) ||
           span_has_nocase(o->value.s, SPAN_LIT("ca-bundle"));
}

static void try_names(struct judge *j)
{
    const struct exim_found *f = j->found;
    struct exim_world w;

    for (size_t i = 0; i <= f->senders.count && i <= EXIM_PAIRS_MAX; i++) {
        const char *sender = i ? f->senders.v[i - 1] : j->base.sender;

        for (size_t k = 0; k < f->helos.count; k++) {
            w = j->base;
            w.sender = sender;
            w.helo = f->helos.v[k];
            if (try_world(j, &w, "EX05", AUDIT_FORGED,
                          "who says this name in HELO may send to any domain, and anybody can say "
                          "it"))
                j->d->keys |= AUDIT_KEY_HELO;
        }
        for (size_t k = 0; k < f->ptrs.count; k++) {
            bool forged;

            w = j->base;
            w.sender = sender;
            w.ptr = f->ptrs.v[k];
            forged = true; /* but for names in a domain of our own */
            for (size_t n = 0; n < f->owns.count; n++)
                forged = forged && !unix_below(span_str(w.ptr), span_str(f->owns.v[n]));
            if (try_world(j, &w, "EX06", forged ? AUDIT_FORGED : AUDIT_LATENT,
                          forged ? "clients with such a reverse name may send to any domain, and "
                                   "strangers can have one"
                                 : "clients with such a reverse name may send to any domain: who "
                                   "gets a name in that domain relays"))
                j->d->keys |= AUDIT_KEY_PTR;
        }
    }
    w = j->base;
    w.cert = true;
    if (asks_certificates(j->c) &&
        try_world(j, &w, "EX09", system_authorities(j->c) ? AUDIT_FORGED : AUDIT_LATENT,
                  system_authorities(j->c)
                      ? "a verified certificate gives the right to relay, and with the system's "
                        "authorities anybody can have one"
                      : "every certificate of tls_verify_certificates' authority gives the right "
                        "to relay"))
        j->d->keys |= AUDIT_KEY_CERT;
}

/* --- recipients with another address inside --------------------------------------------------- */

static void try_form(struct judge *j, const char *own, const char *sender, unsigned form,
                     const char *local)
{
    struct exim_world w = j->base;
    struct exim_run r, way;
    struct audit_finding *f;
    struct span domain;

    w.rcpt_local = local;
    w.rcpt_domain = own;
    w.sender = sender;
    if (!passes(session(j, &w, &r)))
        return;
    way = exim_run_new(j->c, &w);
    if (exim_route(&way, span_str(local), span_str(own), &domain) != EXIM_ROUTE_REMOTE)
        return;
    if (!span_eq_nocase(domain, SPAN_LIT(AUDIT_VICTIM_DOMAIN))) {
        j->d->passes |= form;
        return;
    }
    if (told(j, r.accepted))
        return;
    f = audit_find(j->a, "EX10", *sender ? AUDIT_OPEN : AUDIT_FORGED, j->d, r.accepted);
    f->why = "a router or a rewriting rule turns this recipient into one of another domain after "
             "the ACL has accepted it as one of ours";
    f->fix = "deny local_parts = ^.*[@%!/|] before this statement";
    fill_witness(j, f, &w);
}

static void try_forms(struct judge *j)
{
    static const struct {
        unsigned form;
        const char *local;
    } forms[] = {
        {AUDIT_FORM_PERCENT, AUDIT_VICTIM_LOCAL "%" AUDIT_VICTIM_DOMAIN},
        {AUDIT_FORM_BANG, AUDIT_VICTIM_DOMAIN "!" AUDIT_VICTIM_LOCAL},
        {AUDIT_FORM_QUOTED, AUDIT_VICTIM_LOCAL "@" AUDIT_VICTIM_DOMAIN},
        {0, AUDIT_VICTIM_LOCAL "=" AUDIT_VICTIM_DOMAIN},
    };

    for (size_t i = 0; i < j->found->owns.count && i < 6; i++)
        for (size_t k = 0; k < sizeof(forms) / sizeof(forms[0]); k++) {
            try_form(j, j->found->owns.v[i], AUDIT_SPAMMER, forms[k].form, forms[k].local);
            try_form(j, j->found->owns.v[i], "", forms[k].form, forms[k].local);
        }
}

static void try_unknown_user(struct judge *j)
{
    struct exim_world w = j->base;
    struct exim_run r, way;
    struct audit_finding *f;
    struct span domain;

    w.rcpt_local = "no-such-user-zq9";
    for (size_t i = 0; i < j->found->owns.count && i < 6 && j->c->routers; i++) {
        w.rcpt_domain = j->found->owns.v[i];
        if (!passes(session(j, &w, &r)) || r.verified)
            continue;
        way = exim_run_new(j->c, &w);
        if (exim_route(&way, span_str(w.rcpt_local), span_str(w.rcpt_domain), &domain) !=
            EXIM_ROUTE_NONE)
            continue;
        f = audit_find(j->a, "EX13", AUDIT_HALF_OPEN, j->d, r.accepted);
        f->why = audit_fmt(j->a,
                           "recipients at %s are accepted without being verified, so that "
                           "mail for unknown users bounces to forged senders",
                           w.rcpt_domain);
        f->fix = "require verify = recipient";
        fill_witness(j, f, &w);
        return;
    }
}

/* --- networks --------------------------------------------------------------------------------- */

static int by_length(const void *pa, const void *pb)
{
    const struct exim_named_net *const *a = pa, *const *b = pb;

    return (int)(*b)->net.len - (int)(*a)->net.len;
}

static bool net_passes(struct judge *j, const struct exim_named_net *n, struct ip client)
{
    const struct exim_candidates *s = &j->found->senders;
    struct exim_world w = j->base;
    struct exim_run r;

    w.client = client;
    for (size_t i = 0; i < s->count + 2 && i < 12; i++) {
        enum exim_tri t;

        w.sender = i == 0 ? j->base.sender : i == 1 ? "" : s->v[i - 2];
        t = session(j, &w, &r);
        if (passes(t) &&
            (!j->plain.line || r.accepted.line != j->plain.line || r.hosts.how == EXIM_HOW_NET) &&
            (i == 0 || r.hosts.how == EXIM_HOW_NET || !told(j, r.accepted)))
            return true;
        if (t == EXIM_DOUBT && i == 0 && n->net.len < 8)
            raise_doubt(j, &r, AUDIT_OPEN);
    }
    return false;
}

static void try_nets(struct judge *j)
{
    size_t n = j->found->net_count;
    struct ip_prefix *all = audit_alloc(j->a, (n + 1) * sizeof(all[0]));
    struct exim_named_net **order = audit_alloc(j->a, (n + 1) * sizeof(order[0]));
    bool *in = audit_alloc(j->a, 2 * n + 1), *out = in + n;

    for (size_t i = 0; i < n && !audit_failed(j->a); i++) {
        all[i] = j->found->nets[i].net;
        order[i] = &j->found->nets[i];
    }
    if (audit_failed(j->a) || n == 0)
        return;
    qsort(order, n, sizeof(order[0]), by_length);
    for (size_t i = n; i-- > 0;) { /* widest first: an exception is one only from a wider net */
        struct ip client;

        in[i] = unix_inside(order[i]->net, all, n, &client) && net_passes(j, order[i], client);
        for (size_t k = i + 1; k < n && !in[i]; k++)
            out[i] = out[i] || (in[k] && order[k]->net.len < order[i]->net.len &&
                                ip_prefix_has(order[k]->net, order[i]->net.ip));
    }
    for (size_t i = 0; i < n; i++)
        if (in[i] || out[i])
            unix_net_fix(j->a,
                         audit_net_add(j->a, &j->d->trusted, order[i]->net, out[i], order[i]->place,
                                       order[i]->text),
                         ":;");
}

/* --- all of it -------------------------------------------------------------------------------- */

static void choose_client(struct judge *j)
{
    struct relay_nets named = {0};

    for (size_t i = 0; i < j->found->net_count; i++)
        relay_nets_add(&named, j->found->nets[i].net);
    j->client = audit_stranger(&named, IP_V4);
    relay_nets_deinit(&named);
}

void exim_judge(struct exim_conf *c, struct audit_door *d)
{
    struct exim_found found = {0};
    struct judge j = {.c = c, .a = c->a, .d = d, .found = &found};
    struct exim_run r;
    enum exim_tri t;

    j.base = (struct exim_world){.sender = AUDIT_SPAMMER,
                                 .helo = AUDIT_SPAMMER_HELO,
                                 .rcpt_local = AUDIT_VICTIM_LOCAL,
                                 .rcpt_domain = AUDIT_VICTIM_DOMAIN,
                                 .port = d->port};
    exim_collect(c, d->port, &found);
    choose_client(&j);
    exim_judge_options(c, d);
    t = session(&j, &j.base, &r);
    if (passes(t)) {
        raise(&j, &r, NULL, AUDIT_OPEN, NULL);
        j.plain = r.accepted;
        d->stranger = AUDIT_YES;
    } else {
        d->stranger = t == EXIM_DOUBT ? AUDIT_UNKNOWN : AUDIT_NO;
        if (t == EXIM_DOUBT)
            raise_doubt(&j, &r, AUDIT_OPEN);
        try_recipients(&j);
        try_senders(&j);
        try_names(&j);
        try_forms(&j);
        try_unknown_user(&j);
        exim_judge_logins(c, d, &found);
    }
    try_nets(&j);
    if (found.more_nets.line) {
        struct audit_finding *f = audit_undecided(c->a, "EX02", AUDIT_OPEN, d, found.more_nets);

        f->why = audit_fmt(c->a,
                           "more than %d networks are named, and those from here on were not "
                           "tried",
                           EXIM_NETS_MAX);
        f->fix = "name networks instead of their addresses";
    }
    d->smarthost = exim_smarthost(c, &d->smarthost_place);
    free(found.nets);
}
