/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What two hosts make together.
 *
 * J2, chain. The edge takes mail for any recipient, or in a form that it does not read, and passes
 * it to a server that trusts the edge's address; the server then routes what is inside. Each host
 * alone is right: the edge relays for nobody but its server, the server for nobody but its edge.
 *
 * J8, smarthost. A server that lets strangers through leaves by a host or tenant that trusts it,
 * and in that one's name.
 */
#include "audit/system_priv.h"

static const struct {
    unsigned form;
    const char *name, *rcpt; /* %s: a domain of ours */
} forms[] = {
    {AUDIT_FORM_PERCENT, "percent", AUDIT_VICTIM_LOCAL "%" AUDIT_VICTIM_DOMAIN "@"},
    {AUDIT_FORM_BANG, "bang", AUDIT_VICTIM_DOMAIN "!" AUDIT_VICTIM_LOCAL "@"},
    {AUDIT_FORM_DOUBLE, "double at", AUDIT_VICTIM "@"},
    {AUDIT_FORM_QUOTED, "quoted", "\"" AUDIT_VICTIM "\"@"},
    {AUDIT_FORM_ROUTE, "source route", NULL},
};

static const char *our_domain(struct audit *j, const struct system_host *e,
                              const struct system_host *h)
{
    const char *name;
    const char *dot;

    if (e->domains.count > 0)
        return e->domains.v[0];
    if (h->domains.count > 0)
        return h->domains.v[0];
    name = audit_host_get_name(h->a) ? audit_host_get_name(h->a) : audit_host_get_name(e->a);
    dot = name ? strchr(name, '.') : NULL;
    if (dot && strchr(dot + 1, '.'))
        return audit_dup(j, span_str(dot + 1));
    return name ? name : "ours.example";
}

/* The net of the server's door that holds an address of the edge; NULL: none does. */
static const struct audit_net *trusts_edge(const struct audit_door *d, const struct system_host *e,
                                           struct ip *ret)
{
    struct ip_prefix net;

    for (size_t i = 0; i < e->addresses.count; i++) {
        if (!ip_prefix_parse(span_str(e->addresses.v[i]), &net))
            continue;
        for (size_t k = 0; k < d->trusted.count; k++)
            if (ip_prefix_has(d->trusted.v[k].net, net.ip)) {
                if (d->trusted.v[k].except)
                    break;
                *ret = net.ip;
                return &d->trusted.v[k];
            }
    }
    for (size_t i = 0; i < e->a->interface_count; i++)
        if (audit_nets_has(&d->trusted, e->a->interfaces[i].ip))
            for (size_t k = 0; k < d->trusted.count; k++)
                if (ip_prefix_has(d->trusted.v[k].net, e->a->interfaces[i].ip)) {
                    *ret = e->a->interfaces[i].ip;
                    return &d->trusted.v[k];
                }
    return NULL;
}

static struct audit_finding *chain(struct audit_system *s, const struct system_host *e,
                                   const struct system_host *h, const struct audit_net *net,
                                   const char *what, const char *rcpt)
{
    struct audit *j = s->joint;
    struct audit_finding *f = audit_find(j, "J2", AUDIT_OPEN, NULL, net->place);

    f->why = audit_fmt(j,
                       "%s and %s: %s takes %s from strangers and passes it to %s, which trusts %s "
                       "(%s) and sends it anywhere",
                       e->name, h->name, e->name, what, h->name, e->name, net->text);
    f->witness = audit_witness(NULL, audit_stranger(NULL, IP_V4), NULL, rcpt);
    f->witness.port = 25;
    f->ports = "25";
    f->fix =
        audit_fmt(j,
                  "on %s: take %s out of the trusted networks; mail for our own domains is taken "
                  "from %s all the same",
                  h->name, net->text, e->name);
    f->restart = "restart both";
    f->prove = audit_fmt(j, "--own --ports 25 --rcpt '<%s>' %s", "{u}@{d}",
                         audit_host_get_name(e->a) ? audit_host_get_name(e->a) : e->name);
    return f;
}

static const char *prove_of(struct audit *j, const struct system_host *e, const char *form,
                            const char *domain)
{
    return audit_fmt(j, "--own --ports 25 --rcpt '<%s@%s>' %s", form, domain,
                     audit_host_get_name(e->a) ? audit_host_get_name(e->a) : e->name);
}

/* Findings of an edge that say which forms it hands on unread. */
static const struct {
    const char *id;
    unsigned forms;
} rules[] = {
    {"PF10", AUDIT_FORM_PERCENT | AUDIT_FORM_BANG | AUDIT_FORM_DOUBLE},
    {"PF11", AUDIT_FORM_QUOTED},
    {"SM07", AUDIT_FORM_PERCENT},
    {"SM08", AUDIT_FORM_BANG},
};

static unsigned forms_of(const struct audit_finding *f)
{
    for (size_t k = 0; k < sizeof(rules) / sizeof(rules[0]); k++)
        if (strcmp(f->id, rules[k].id) == 0)
            return rules[k].forms;
    return 0;
}

/* What ends it on the edge ends the chain, and hurts nobody. */
static void take_rule_fix(struct audit_finding *f, const struct system_host *e, unsigned form)
{
    for (size_t i = 0; i < e->a->finding_count; i++)
        if (forms_of(e->a->findings[i]) & form && e->a->findings[i]->fix) {
            f->fix = e->a->findings[i]->fix;
            f->edit = e->a->findings[i]->edit;
            f->restart = e->a->findings[i]->restart;
            return;
        }
}

/*
 * What a server makes of routing in a local part of its own domains, for whom it trusts. Postfix
 * swaps percent signs and bangs and looks into quotes as shipped, and so does Sendmail; both refuse
 * the result to strangers only.
 */
static unsigned unpacks_of(const struct audit_door *d)
{
    const char *kind = d->kind ? d->kind->name : "";

    if (d->unpacks)
        return d->unpacks;
    if (strcmp(kind, "postfix") == 0 || strcmp(kind, "sendmail") == 0)
        return AUDIT_FORM_PERCENT | AUDIT_FORM_BANG | AUDIT_FORM_DOUBLE | AUDIT_FORM_QUOTED;
    return 0;
}

static unsigned passes_of(const struct system_host *e)
{
    unsigned passes = 0;

    for (size_t i = 0; i < e->a->finding_count; i++)
        passes |= forms_of(e->a->findings[i]);

    for (size_t i = 0; i < e->a->door_count; i++)
        if (!e->a->doors[i]->silent)
            passes |= e->a->doors[i]->passes;
    return passes;
}

/* An edge that relays for all by its own configuration leads on all the same. */
static bool takes_any(const struct system_host *e)
{
    bool any = e->any_recipient;

    for (size_t i = 0; i < e->a->door_count; i++)
        any = any || e->a->doors[i]->stranger == AUDIT_YES;
    return any;
}

static void join_form(struct audit_system *s, const struct system_host *e,
                      const struct system_host *h, const struct audit_door *d,
                      const struct audit_net *net)
{
    static const char *const prove[] = {"{u}%{d}", "{d}!{u}", "{u}@{d}", "\"{u}@{d}\"", NULL};
    const char *domain = our_domain(s->joint, e, h);
    unsigned both = passes_of(e) & unpacks_of(d);

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct audit_finding *f;
        const char *rcpt;

        if (!(both & forms[i].form))
            continue;
        rcpt = forms[i].rcpt ? audit_fmt(s->joint, "%s%s", forms[i].rcpt, domain)
                             : audit_fmt(s->joint, "@%s:" AUDIT_VICTIM, domain);
        f = chain(s, e, h, net,
                  audit_fmt(s->joint, "a recipient for our domain in the %s form", forms[i].name),
                  rcpt);
        f->prove = prove[i] ? prove_of(s->joint, e, prove[i], domain) : NULL;
        take_rule_fix(f, e, forms[i].form);
        return; /* one witness is enough */
    }
}

/* An appliance of which nothing is said, before a server that trusts it. */
static void unsure(struct audit_system *s, const struct system_host *e, const struct system_host *h,
                   const struct audit_net *net)
{
    struct audit_finding *f = audit_undecided(s->joint, "J2", AUDIT_OPEN, NULL, e->place);

    f->why = audit_fmt(s->joint,
                       "%s and %s: %s trusts %s (%s), and it is not told whether %s takes "
                       "mail for other domains than ours",
                       e->name, h->name, h->name, e->name, net->text, e->name);
    f->fix =
        audit_fmt(s->joint, "say \"recipients = known\" or \"recipients = any\" of %s", e->name);
}

static void join_pair(struct audit_system *s, const struct system_host *e,
                      const struct system_host *h)
{
    for (size_t i = 0; i < h->a->door_count; i++) {
        const struct audit_door *d = h->a->doors[i];
        const struct audit_net *net;
        struct ip ip;

        if (d->internal || d->bind == AUDIT_BIND_LOOPBACK || d->bind == AUDIT_BIND_LOCAL)
            continue;
        net = trusts_edge(d, e, &ip);
        if (!net)
            continue;
        if (takes_any(e))
            chain(s, e, h, net, "any recipient", NULL);
        else if (e->paths.count == 0 && !e->recipient_place.file && passes_of(e) == 0)
            unsure(s, e, h, net);
        else
            join_form(s, e, h, d, net);
        return;
    }
}

/* --- where it leaves -------------------------------------------------------------------------- */

static bool leaks(const struct system_host *h)
{
    for (size_t i = 0; i < h->a->finding_count; i++)
        if (h->a->findings[i]->severity >= AUDIT_NAT && !h->a->findings[i]->undecided)
            return true;
    return false;
}

static const char *smarthost_of(const struct system_host *h, struct audit_place *place)
{
    *place = h->smarthost_place;
    if (h->smarthost)
        return h->smarthost;
    for (size_t i = 0; i < h->a->door_count; i++)
        if (h->a->doors[i]->smarthost) {
            *place = h->a->doors[i]->smarthost_place;
            return h->a->doors[i]->smarthost;
        }
    return NULL;
}

/* "mail", "mail.example.org:587" and "[mail]" begin with "mail"; "mailer" does not. */
static bool begins(const char *smarthost, const char *name)
{
    struct span s = span_str(smarthost), n = span_str(name);

    if (s.n > 0 && s.p[0] == '[')
        s = span_slice(s, 1, s.n);
    return n.n > 0 && span_starts_nocase(s, n) && (s.n == n.n || strchr(".:]", s.p[n.n]));
}

static const struct system_host *host_at(struct audit_system *s, const char *smarthost)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct system_host *o = &s->hosts[i];

        if (!o->a)
            continue;
        if (begins(smarthost, o->name) || (o->host_name && begins(smarthost, o->host_name)))
            return o;
        for (size_t k = 0; k < o->addresses.count; k++)
            if (begins(smarthost, o->addresses.v[k]))
                return o;
    }
    return NULL;
}

static void join_smarthost(struct audit_system *s, const struct system_host *h, bool open)
{
    struct audit_place place;
    const char *smarthost = smarthost_of(h, &place);
    const struct system_host *o = smarthost ? host_at(s, smarthost) : NULL;
    bool cloud = smarthost &&
                 (span_has_nocase(span_str(smarthost), SPAN_LIT("mail.protection.outlook.com")) ||
                  span_has_nocase(span_str(smarthost), SPAN_LIT("smtp-relay.gmail.com")));
    struct audit_finding *f;

    if (!smarthost || !open || o == h || (!o && !cloud))
        return;
    f = audit_find(s->joint, "J8", AUDIT_HALF_OPEN, NULL, place);
    f->why = cloud ? audit_fmt(s->joint,
                               "what strangers send through %s leaves by the tenant behind "
                               "%s, with its name and signature",
                               h->name, smarthost)
                   : audit_fmt(s->joint, "what strangers send through %s leaves by %s, in its name",
                               h->name, o->name);
    f->fix = audit_fmt(s->joint,
                       "close %s first; then ask of %s that it takes mail of our own "
                       "senders only",
                       h->name, cloud ? "the tenant's connector" : o->name);
}

void system_join(struct audit_system *s)
{
    bool chained[AUDIT_SYSTEM_HOSTS_MAX] = {false};

    for (size_t i = 0; i < s->count; i++)
        for (size_t k = 0; k < s->hosts[i].to.count; k++) {
            struct system_host *h = system_named(s, s->hosts[i].to.v[k]);
            size_t before = s->joint->finding_count;

            if (s->hosts[i].role != SYSTEM_NAT && h && h->a && h != &s->hosts[i])
                join_pair(s, &s->hosts[i], h);
            if (s->joint->finding_count > before)
                chained[h - s->hosts] = true;
        }
    for (size_t i = 0; i < s->count; i++)
        if (s->hosts[i].a)
            join_smarthost(s, &s->hosts[i], chained[i] || leaks(&s->hosts[i]));
}
