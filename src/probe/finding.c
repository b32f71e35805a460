/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A relay's cause is often not in the server but before it: something rewrites the clients'
 * addresses, and the server trusts what it sees. That shows only where the address that the target
 * saw is held against the one that we have, and where the doors of one system differ.
 */
#include "probe/finding.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { FINDING_TEXT_MAX = 2000 };

const char *severity_name(enum severity s)
{
    static const char *const names[] = {
        [SEVERITY_CRITICAL] = "critical", [SEVERITY_HIGH] = "high", [SEVERITY_MEDIUM] = "medium",
        [SEVERITY_LOW] = "low",           [SEVERITY_INFO] = "info",
    };

    return names[s];
}

void finding_list_deinit(struct finding_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->findings[i].text);
    free(l->findings);
    *l = (struct finding_list){0};
}

int finding_add(struct finding_list *l, enum severity severity, const char *id, const char *fmt,
                ...)
{
    struct buf text = BUF_INIT(FINDING_TEXT_MAX);
    va_list ap;
    char *s;

    va_start(ap, fmt);
    buf_addv(&text, fmt, ap);
    va_end(ap);
    s = buf_take(&text);
    buf_deinit(&text);
    if (!s)
        return -ENOMEM;
    for (size_t i = 0; i < l->count; i++) {
        if (strcmp(l->findings[i].id, id) == 0 && strcmp(l->findings[i].text, s) == 0) {
            free(s);
            return 0;
        }
    }
    if (array_grow(&l->findings, &l->cap, sizeof(l->findings[0]), l->count + 1) < 0) {
        free(s);
        return -ENOMEM;
    }
    l->findings[l->count++] = (struct finding){id, severity, s};
    return 0;
}

const char *finding_nat_cause(struct ip seen)
{
    static const struct {
        const char *net, *cause;
    } causes[] = {
        {"10.0.2.0/24", "the user-mode network of rootless containers (slirp4netns, passt)"},
        {"10.42.0.0/16",
         "a Kubernetes pod network (externalTrafficPolicy: Cluster rewrites clients)"},
        {"10.244.0.0/16",
         "a Kubernetes pod network (externalTrafficPolicy: Cluster rewrites clients)"},
        {"172.17.0.0/16", "Docker's bridge gateway (userland proxy, or iptables switched off)"},
        {"172.16.0.0/12", "a container bridge's gateway (Docker compose networks lie here)"},
        {"169.254.0.0/16", "a link-local hop, as cloud balancers use"},
        {"100.64.0.0/10", "carrier-grade NAT or an overlay network"},
        {"127.0.0.0/8", "a proxy on the server itself"},
        {"::1/128", "a proxy on the server itself"},
        {"fd00::/8", "a container or inside network with unique local addresses"},
        {"fe80::/10", "a link-local hop"},
        {"10.0.0.0/8", "a firewall, balancer or proxy that rewrites the clients' addresses"},
        {"192.168.0.0/16", "a firewall, router or proxy that rewrites the clients' addresses"},
    };

    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
        struct ip_prefix net;

        if (ip_prefix_parse(span_str(causes[i].net), &net) && ip_prefix_has(net, seen))
            return causes[i].cause;
    }
    return NULL;
}

/*
 * An inside address in place of ours means that the server cannot tell strangers from its own. Only
 * an address that is not our own counts: a tester inside the same network is seen as it is.
 */
static int check_seen(struct finding_list *l, const struct door *d, struct ip seen, bool open)
{
    char text[IP_TEXT_MAX], mine[IP_TEXT_MAX];
    const char *cause = finding_nat_cause(seen);
    struct ip have = d->host->mine;

    if (seen.family == IP_NONE || have.family == IP_NONE || ip_eq(seen, have))
        return 0;
    ip_text(seen, text);
    ip_text(have, mine);
    if (cause || ip_eq(seen, d->host->ip))
        return finding_add(l, open ? SEVERITY_CRITICAL : SEVERITY_HIGH, "source-nat",
                           "the server sees us as %s, but we are %s: %s. Whoever trusts that "
                           "address trusts the whole Internet",
                           text, mine,
                           cause ? cause
                                 : "its own address, so something in front of "
                                   "it speaks for all clients");
    return finding_add(l, SEVERITY_INFO, "address-translated",
                       "the server sees us as %s; our own address is %s (NAT on our side, or a "
                       "balancer on theirs)",
                       text, mine);
}

static int check_ehlo(struct finding_list *l, const struct door *d)
{
    int err = 0;

    if (!d->ehlo_seen)
        return 0;
    if (d->ehlo.ext & SMTP_EXT_XCLIENT)
        err = finding_add(l, SEVERITY_HIGH, "xclient-offered",
                          "port %u offers XCLIENT to us: a client may say whose address it has; "
                          "list only your proxies in smtpd_authorized_xclient_hosts "
                          "(--with xclient tries it)",
                          d->port);
    if (!err && (d->ehlo.ext & SMTP_EXT_XFORWARD))
        err = finding_add(l, SEVERITY_LOW, "xforward-offered",
                          "port %u offers XFORWARD to us: a client may forge your log", d->port);
    if (!err && d->plaintext_injected)
        err = finding_add(l, SEVERITY_MEDIUM, "starttls-injection",
                          "port %u sends bytes behind its reply to STARTTLS: something writes into "
                          "the clear part of the session",
                          d->port);
    return err;
}

static unsigned left_for_time(const struct door *d)
{
    unsigned n = 0;

    for (size_t i = 0; i < d->result_count; i++)
        n += d->results[i].state == PROBE_SKIPPED && !d->results[i].need;
    return n;
}

static int check_behaviour(struct finding_list *l, const struct door *d)
{
    struct door_counts n = door_count(d);
    unsigned slow = 0;
    int err = 0;

    for (size_t i = 0; i < d->session_count; i++)
        slow += d->sessions[i].end == DOOR_END_BUDGET;
    if (d->banned)
        err = finding_add(l, SEVERITY_INFO, "self-ban",
                          "port %u no longer lets us in after %u refusals: a ban rule is at work; "
                          "test from a listed address, or with --gentle",
                          d->port, d->refusals);
    if (!err && slow)
        err = finding_add(l, SEVERITY_INFO, "slows-down",
                          "port %u holds its replies back after some refusals (seen in %u "
                          "sessions); later sessions stayed below that",
                          d->port, slow);
    if (!err && d->out_of_time)
        err = finding_add(l, SEVERITY_INFO, "answers-slowly",
                          "port %u answers so slowly that %u of the less likely probes were left "
                          "out; a longer --limit tries them",
                          d->port, left_for_time(d));
    if (!err && (n.deferred || d->control.state == CONTROL_DEFERRED))
        err = finding_add(l, SEVERITY_INFO, "greylisting",
                          "port %u puts mail off (%u probes are still pending); run again with "
                          "--resume, or with a longer --wait",
                          d->port, n.deferred);
    if (!err && n.bounced)
        err = finding_add(l, SEVERITY_MEDIUM, "backscatter",
                          "%u envelopes were taken and came back as bounces: the server sends "
                          "reports to forged senders; refuse unknown recipients in the dialogue",
                          n.bounced);
    if (!err && d->control.state == CONTROL_REFUSED && d->ehlo_seen && !d->banned &&
        d->control.meaning != MEANING_AUTH && d->control.meaning != MEANING_TLS)
        err = finding_add(l, SEVERITY_LOW, "postmaster-refused",
                          "port %u refuses mail for postmaster (RFC 5321 §4.5.1 wants it taken)",
                          d->port);
    return err;
}

/* The words by which two doors that should be alike may differ. */
static bool same_but_family(const struct door *a, const struct door *b)
{
    return a->port == b->port && a->tls == b->tls && a->host->ip.family != b->host->ip.family;
}

static bool same_but_port(const struct door *a, const struct door *b)
{
    return a->port != b->port && ip_eq(a->host->ip, b->host->ip);
}

static bool same_but_tls(const struct door *a, const struct door *b)
{
    return a->port == b->port && a->tls != b->tls && ip_eq(a->host->ip, b->host->ip);
}

static bool same_but_address(const struct door *a, const struct door *b)
{
    return a->port == b->port && a->tls == b->tls && a->host->ip.family == b->host->ip.family &&
           !ip_eq(a->host->ip, b->host->ip);
}

static int check_difference(struct finding_list *l, const struct verdict_door *a,
                            const struct verdict_door *b)
{
    static const struct {
        bool (*alike)(const struct door *, const struct door *);
        const char *id, *hint;
    } kinds[] = {
        {same_but_family, "differs-by-family",
         "one address family takes another way in (a container's proxy, a second firewall rule)"},
        {same_but_tls, "differs-by-tls", "the rules are bound to TLS, or to a certificate"},
        {same_but_port, "differs-by-port", "the services have different rules"},
        {same_but_address, "differs-by-address", "not every server of the system is set up alike"},
    };
    char one[IP_TEXT_MAX], other[IP_TEXT_MAX];

    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        if (!kinds[k].alike(a->door, b->door))
            continue;
        return finding_add(l, SEVERITY_HIGH, kinds[k].id,
                           "%s port %u (TLS: %s) is %s, %s port %u (TLS: %s) is %s: %s",
                           ip_text(a->door->host->ip, one), a->door->port,
                           door_tls_name(a->door->tls), verdict_name(a->verdict),
                           ip_text(b->door->host->ip, other), b->door->port,
                           door_tls_name(b->door->tls), verdict_name(b->verdict), kinds[k].hint);
    }
    return 0;
}

/* Only a difference that matters: open here, refused there. */
static int check_differences(struct finding_list *l, const struct verdict_door *doors, size_t count)
{
    int err = 0;

    for (size_t i = 0; i < count && !err; i++)
        for (size_t k = 0; k < count && !err; k++)
            if ((doors[i].verdict == VERDICT_OPEN || doors[i].verdict == VERDICT_ACCEPTS) &&
                (doors[k].verdict == VERDICT_CLOSED || doors[k].verdict == VERDICT_BLOCKED))
                err = check_difference(l, &doors[i], &doors[k]);
    return err;
}

/* The flaw behind the likeliest probe that arrived. */
static int check_proved(struct finding_list *l, const struct door *d)
{
    char ip[IP_TEXT_MAX];

    for (size_t i = 0; i < d->result_count; i++) {
        const struct probe *p = &d->host->run->list->probes[i];

        if (d->results[i].state != PROBE_PROVED)
            continue;
        return finding_add(l, SEVERITY_CRITICAL, "relay-proved",
                           "%s port %u%s relays for strangers: %u envelopes arrived, first of all "
                           "%s%s%s. %s",
                           ip_text(d->host->ip, ip), d->port,
                           d->tls == DOOR_STARTTLS ? " after STARTTLS" : "", door_count(d).proved,
                           p->id, p->cause && p->cause->cve ? " " : "",
                           p->cause && p->cause->cve ? p->cause->cve : "",
                           p->cause && p->cause->flaw ? p->cause->flaw : "");
    }
    return 0;
}

static bool same_name(const char *a, const char *b)
{
    return a && b && a[0] && span_eq_nocase(span_str(a), span_str(b));
}

/* Two addresses of one server: both were met under the same name. */
static bool one_server(const struct verdict_door *doors, size_t count, struct ip a, struct ip b)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count && ip_eq(doors[i].door->host->ip, a); k++)
            if (ip_eq(doors[k].door->host->ip, b) &&
                (same_name(doors[i].door->name, doors[k].door->name) ||
                 same_name(doors[i].door->host->name, doors[k].door->host->name)))
                return true;
    return false;
}

static int check_path(struct finding_list *l, const struct verdict_door *doors, size_t count,
                      const struct finding_arrival *a)
{
    char input[IP_TEXT_MAX], output[IP_TEXT_MAX];

    if (a->output.family == IP_NONE || ip_eq(a->input, a->output) ||
        one_server(doors, count, a->input, a->output))
        return 0;
    return finding_add(
        l, SEVERITY_HIGH, "multi-hop",
        "what went in at %s came out at %s: a chain of hosts relays; the one to close "
        "is the first that takes mail from strangers",
        ip_text(a->input, input), ip_text(a->output, output));
}

int finding_all(struct finding_list *l, const struct verdict_door *doors, size_t count,
                const struct finding_arrival *arrivals, size_t arrival_count)
{
    int err = 0;

    for (size_t i = 0; i < count && !err; i++) {
        const struct door *d = doors[i].door;

        err = check_proved(l, d);
        if (!err && d->ehlo_seen)
            err = check_seen(l, d, d->ehlo.seen_client, doors[i].verdict == VERDICT_OPEN);
        for (size_t k = 0; k < arrival_count && !err; k++)
            if (ip_eq(arrivals[k].input, d->host->ip))
                err = check_seen(l, d, arrivals[k].seen, true);
        if (!err)
            err = check_ehlo(l, d);
        if (!err)
            err = check_behaviour(l, d);
    }
    for (size_t k = 0; k < arrival_count && !err; k++)
        err = check_path(l, doors, count, &arrivals[k]);
    return err ? err : check_differences(l, doors, count);
}
