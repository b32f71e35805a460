/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A system of hosts: each gets an audit of its own, with the facts that its neighbours make true
 * (a firewall's inside address, a proxy in front), and all findings end in one joint audit that the
 * renderers print as they print any other. Texts in it name the host first.
 */
#include "audit/system_priv.h"

#include "base/num.h"

#include <errno.h>
#include <stdlib.h>

/* Hosts that are only described: an appliance, or a server whose files can't be had. */
static enum audit_guess no_probe(struct audit *a, const struct audit_probe *p)
{
    return AUDIT_GUESS_NO;
}

static const struct audit_kind described = {
    .name = "system", .title = "as described", .rules = {.nat = "J1"}, .probe = no_probe};

struct audit_system *audit_system_new(const struct audit_files *files)
{
    struct audit_system *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->files = *files;
    s->joint = audit_new(files);
    s->failed = s->joint;
    if (!s->joint) {
        free(s);
        return NULL;
    }
    return s;
}

void audit_system_free(struct audit_system **ss)
{
    struct audit_system *s = *ss;

    *ss = NULL;
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++)
        audit_free(&s->hosts[i].a);
    audit_free(&s->joint);
    free(s);
}

const char *audit_system_error(const struct audit_system *s)
{
    return audit_error(s->failed);
}

const struct audit *audit_system_joint(const struct audit_system *s)
{
    return s->joint;
}

size_t audit_system_hosts(const struct audit_system *s)
{
    return s->count;
}

const struct audit *audit_system_host(const struct audit_system *s, size_t at,
                                      const char **ret_name)
{
    *ret_name = s->hosts[at].name;
    return s->hosts[at].a;
}

int audit_system_read(struct audit_system *s, const char *path)
{
    struct audit_source_file f;
    enum audit_file got = audit_text(s->joint, path, &f);
    const char *dir = audit_dirname(s->joint, path);
    int r;

    if (s->joint->err)
        return s->joint->err;
    if (got != AUDIT_FILE_OK)
        return audit_bad(s->joint, (struct audit_place){path, 0}, "%s", audit_file_name(got));
    r = system_parse(s, &f);
    for (size_t i = 0; i < s->count && r == 0; i++)
        for (size_t k = 0; k < s->hosts[i].paths.count; k++)
            s->hosts[i].paths.v[k] = strcmp(dir, ".") == 0
                                         ? s->hosts[i].paths.v[k]
                                         : audit_join_path(s->joint, dir, s->hosts[i].paths.v[k]);
    return r;
}

/* --- facts of a host -------------------------------------------------------------------------- */

static int wrong(struct audit_system *s, const struct system_list *l, size_t i, const char *what)
{
    return audit_bad(s->joint, l->at[i], "'%s' is no %s", l->v[i], what);
}

static int give_interfaces(struct audit_system *s, struct system_host *h)
{
    for (size_t i = 0; i < h->interfaces.count; i++) {
        struct span len = span_str(h->interfaces.v[i]), host;
        struct ip ip;
        unsigned n;

        if (!span_cut(&len, '/', &host) || !ip_parse(host, &ip))
            return wrong(s, &h->interfaces, i, "address/length of an interface");
        if (!num_uint(len, 0, ip.family == IP_V4 ? 32 : 128, &n))
            n = ip.family == IP_V4 ? 32 : 128;
        audit_host_address(h->a, ip, n);
    }
    return 0;
}

static int give_nets(struct audit_system *s, struct system_host *h)
{
    struct ip_prefix net;
    unsigned port;

    for (size_t i = 0; i < h->nats.count; i++)
        if (ip_prefix_parse(span_str(h->nats.v[i]), &net))
            audit_host_nat(h->a, net, true, "a NAT, as the system file says", h->nats.at[i]);
        else
            return wrong(s, &h->nats, i, "network or address");
    for (size_t i = 0; i < h->own.count; i++)
        if (ip_prefix_parse(span_str(h->own.v[i]), &net))
            audit_host_own(h->a, net);
        else
            return wrong(s, &h->own, i, "network");
    for (size_t i = 0; i < h->published.count; i++)
        if (num_uint(span_str(h->published.v[i]), 1, 65535, &port))
            audit_host_publish(h->a, port, true, true);
        else
            return wrong(s, &h->published, i, "port");
    return 0;
}

static int forms(struct audit_system *s, const struct system_list *l, unsigned *ret)
{
    static const char *const names[] = {"percent", "bang", "route", "double", "quoted"};

    for (size_t i = 0; i < l->count; i++) {
        unsigned k = 0;

        while (k < 5 && strcmp(l->v[i], names[k]) != 0)
            k++;
        if (k == 5)
            return wrong(s, l, i, "form: percent, bang, route, double, quoted");
        *ret |= 1u << k;
    }
    return 0;
}

/* A door for what the file says of a host that has no configuration here, or besides it. */
static int give_door(struct audit_system *s, struct system_host *h)
{
    struct audit_door *d;
    struct ip_prefix net;
    int r;

    if (h->trusts.count + h->passes.count + h->unpacks.count == 0 && !h->any_recipient)
        return 0;
    d = audit_door(h->a, &described, h->name, 25, AUDIT_BIND_ANY, h->place);
    d->stranger = AUDIT_NO;
    d->smarthost = h->smarthost;
    d->smarthost_place = h->smarthost_place;
    for (size_t i = 0; i < h->trusts.count; i++)
        if (ip_prefix_parse(span_str(h->trusts.v[i]), &net))
            audit_net_add(h->a, &d->trusted, net, false, h->trusts.at[i], span_str(h->trusts.v[i]));
        else
            return wrong(s, &h->trusts, i, "network or address");
    r = forms(s, &h->passes, &d->passes);
    return r ? r : forms(s, &h->unpacks, &d->unpacks);
}

/* --- what neighbours make true ---------------------------------------------------------------- */

static bool leads_to(const struct system_host *from, const struct system_host *h)
{
    for (size_t i = 0; i < from->to.count; i++)
        if (strcmp(from->to.v[i], h->name) == 0)
            return true;
    return false;
}

static bool is_front(const char *path, const struct system_host *e, size_t i)
{
    struct span s = span_str(path);

    if (i < e->kinds.count && e->kinds.count == e->paths.count)
        return strcmp(e->kinds.v[i], "haproxy") == 0 || strcmp(e->kinds.v[i], "nginx") == 0;
    return span_ends_nocase(s, SPAN_LIT("haproxy.cfg")) ||
           span_ends_nocase(s, SPAN_LIT("nginx.conf"));
}

static int neighbours(struct audit_system *s, struct system_host *h)
{
    int r = 0;

    for (size_t i = 0; i < s->count && r == 0; i++) {
        const struct system_host *n = &s->hosts[i];
        bool lends = n->role == SYSTEM_NAT || (n->role == SYSTEM_EDGE && n->hides);

        if (n == h || !leads_to(n, h))
            continue;
        for (size_t k = 0; k < n->addresses.count && lends && r == 0; k++) {
            struct ip_prefix net;

            if (ip_prefix_parse(span_str(n->addresses.v[k]), &net))
                audit_host_nat(h->a, net, true,
                               audit_fmt(h->a, "%s %s",
                                         n->role == SYSTEM_NAT ? "the NAT" : "the edge", n->name),
                               n->addresses.at[k]);
            else
                r = wrong(s, &n->addresses, k, "address");
        }
        for (size_t k = 0; k < n->paths.count && r == 0 && n->role == SYSTEM_EDGE; k++)
            if (is_front(n->paths.v[k], n, k))
                r = audit_path(h->a, NULL, n->paths.v[k]);
    }
    return r;
}

/* --- the run ---------------------------------------------------------------------------------- */

static int run_host(struct audit_system *s, struct system_host *h)
{
    int r;

    s->failed = s->joint; /* not the host before */
    h->a = audit_new(&s->files);
    if (!h->a)
        return -ENOMEM;
    if (h->host_name)
        audit_host_name(h->a, h->host_name);
    if (h->version)
        audit_host_version(h->a, h->version);
    if (h->no_nat)
        audit_host_no_nat(h->a);
    r = give_interfaces(s, h);
    if (r == 0)
        r = give_nets(s, h);
    if (r == 0)
        r = give_door(s, h);
    if (r != 0)
        return r;
    s->failed = h->a;
    for (size_t i = 0; i < h->paths.count && r == 0; i++)
        r = audit_path(h->a,
                       h->kinds.count == h->paths.count ? h->kinds.v[i]
                       : h->kinds.count == 1            ? h->kinds.v[0]
                                                        : NULL,
                       h->paths.v[i]);
    if (r == 0)
        r = neighbours(s, h);
    if (r == 0 || s->joint->error[0] == '\0')
        r = r ? r : audit_finish(h->a);
    if (s->joint->error[0])
        s->failed = s->joint;
    return r;
}

/* Copies of a host's findings, with its name before the reason. */
static void gather(struct audit_system *s, const struct system_host *h)
{
    struct audit *j = s->joint;

    for (size_t i = 0; i < h->a->door_count; i++)
        if (audit_grow(j, &j->doors, &j->door_cap, sizeof(j->doors[0]), j->door_count + 1)) {
            struct audit_door *d = audit_alloc(j, sizeof(*d));

            *d = *h->a->doors[i];
            d->trusted = d->proxies = (struct audit_nets){0}; /* of the host's own audit */
            d->service = audit_fmt(j, "%s: %s", h->name, d->service ? d->service : "");
            j->doors[j->door_count++] = d;
        }
    for (size_t i = 0; i < h->a->finding_count; i++) {
        struct audit_finding *f;

        if (!audit_grow(j, &j->findings, &j->finding_cap, sizeof(j->findings[0]),
                        j->finding_count + 1))
            return;
        f = audit_alloc(j, sizeof(*f));
        *f = *h->a->findings[i];
        f->why = audit_fmt(j, "%s: %s", h->name, f->why);
        j->findings[j->finding_count++] = f;
    }
}

int audit_system_finish(struct audit_system *s)
{
    int r = 0;

    for (size_t i = 0; i < s->count && r == 0; i++)
        if (s->hosts[i].role != SYSTEM_NAT)
            r = run_host(s, &s->hosts[i]);
    if (r != 0)
        return r;
    s->failed = s->joint;
    for (size_t i = 0; i < s->count; i++)
        if (s->hosts[i].a)
            gather(s, &s->hosts[i]);
    s->joint->finished = true;
    system_join(s);
    audit_order(s->joint);
    return s->joint->err ? s->joint->err : s->joint->error[0] ? AUDIT_BAD : 0;
}
