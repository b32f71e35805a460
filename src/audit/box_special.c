/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images with a logic of their own. docker-mailserver turns one word (PERMIT_DOCKER) into networks;
 * with host networking the word "host" means the /16 of the host's own, often public, address.
 * bokysan's relay lets a sender's domain decide, for clients of its networks. mailcow and Mailu
 * trust the network that they stand on.
 */
#include "audit/box_image_priv.h"

/* --- docker-mailserver ------------------------------------------------------------------------ */

static struct audit_finding *public_16(struct audit *a, struct audit_door *d,
                                       const struct audit_var *var)
{
    struct audit_finding *f = audit_find(a, "DK03", AUDIT_OPEN, d, var->place);

    f->why = "with host networking PERMIT_DOCKER=host trusts the /16 of the host's own address, so "
             "65,536 addresses of the provider";
    f->witness = audit_witness(d, audit_stranger(NULL, IP_V4), NULL, NULL);
    f->unless = "the host's own address is a private one";
    f->fix = "PERMIT_DOCKER=none";
    if (var->line)
        audit_fix_lines(a, f, AUDIT_EDIT_REPLACE, var->place.file, var->place.line, var->place.line,
                        "PERMIT_DOCKER=none");
    return f;
}

/* "host" without a network of its own: what the host's addresses make of it. */
static void dms_host(struct audit *a, struct audit_box *b, struct audit_door *d,
                     const struct audit_var *var)
{
    size_t count;
    const struct audit_interface *v = audit_host_interfaces(a, &count);
    char ip[IP_TEXT_MAX];
    bool v4 = false;

    for (size_t i = 0; i < count; i++) {
        struct ip_prefix net = ip_prefix_of(v[i].ip, 16);

        if (v[i].ip.family != IP_V4 || ip_space(v[i].ip) == IP_LOOPBACK)
            continue;
        v4 = true;
        if (ip_space(v[i].ip) != IP_PRIVATE && ip_space(v[i].ip) != IP_LINKLOCAL) {
            struct ip neighbour = net.ip;

            neighbour.b[2] = (uint8_t)(v[i].ip.b[2] + 1);
            neighbour.b[3] = 66;
            public_16(a, d, var)->witness = audit_witness(d, neighbour, NULL, NULL);
            continue;
        }
        box_trust_text(a, b, d, audit_fmt(a, "%s/16", ip_text(net.ip, ip)), "PERMIT_DOCKER=host",
                       var->place);
    }
    if (!v4)
        public_16(a, d, var);
}

static bool slirp(const struct audit_box *b)
{
    return span_starts(span_str(b->network_mode), SPAN_LIT("slirp4netns"));
}

/* The /16 around each network of the container. */
static void dms_sixteen(struct audit *a, struct audit_box *b, struct audit_door *d,
                        const struct audit_var *var)
{
    bool known = slirp(b);
    char ip[IP_TEXT_MAX];

    for (const struct audit_box_link *l = b->links; l; l = l->next)
        for (size_t i = 0; i < l->net->subnet_count; i++) {
            struct ip_prefix net = ip_prefix_of(l->net->subnets[i].net.ip, 16);

            if (net.ip.family != IP_V4)
                continue;
            known = true;
            box_trust_text(a, b, d, audit_fmt(a, "%s/16", ip_text(net.ip, ip)),
                           "PERMIT_DOCKER=host", var->place);
        }
    if (slirp(b))
        box_trust_text(a, b, d, "10.0.0.0/16", "PERMIT_DOCKER=host", var->place);
    if (!known)
        box_trust_text(a, b, d, b->pod ? "10.42.0.0/16 10.244.0.0/16" : "172.16.0.0/12",
                       "PERMIT_DOCKER=host: the /16 of the container's network", var->place);
}

/* Its own address, which is also that of all clients where a forwarder runs inside of it. */
static void dms_container(struct audit *a, struct audit_box *b, struct audit_door *d,
                          const struct audit_var *var)
{
    char ip[IP_TEXT_MAX];

    if (slirp(b))
        box_trust_text(a, b, d, "10.0.2.100/32", "PERMIT_DOCKER=container", var->place);
    for (const struct audit_box_link *l = b->links; l; l = l->next)
        if (l->v4.family)
            box_trust_text(a, b, d, audit_fmt(a, "%s/32", ip_text(l->v4, ip)),
                           "PERMIT_DOCKER=container", var->place);
}

static const struct audit_box_volume *volume_at(const struct audit_box *b, const char *target)
{
    for (const struct audit_box_volume *v = b->volumes; v; v = v->next)
        if (span_starts(span_str(v->target), span_str(target)))
            return v;
    return NULL;
}

/* postfix-main.cf of the user goes over what PERMIT_DOCKER made. True when it names networks. */
static bool dms_override(struct audit *a, struct audit_box *b, struct audit_door *d)
{
    const struct audit_box_volume *vol = volume_at(b, "/tmp/docker-mailserver");
    struct audit_source_file f;
    struct audit_lines r;
    struct audit_line line;
    bool found = false;

    if (!vol ||
        audit_text(a, audit_join_path(a, vol->source, "postfix-main.cf"), &f) != AUDIT_FILE_OK)
        return false;
    audit_lines_open(&r, a, AUDIT_LINES_BLANK, &f);
    while (audit_lines_next(&r, &line)) {
        struct span value = line.text, name;

        span_cut(&value, '=', &name);
        name = span_trim(name);
        if (span_eq(name, SPAN_LIT("mynetworks"))) {
            struct audit_var var = {
                "mynetworks", audit_dup(a, span_trim(value)), {f.name, line.first}, NULL, false};

            d->trusted.count = 0;
            audit_env_nets(a, d, &d->trusted, &var, "DK01");
            found = true;
        } else if (span_eq(name, SPAN_LIT("smtpd_relay_restrictions")) ||
                   span_eq(name, SPAN_LIT("smtpd_recipient_restrictions"))) {
            audit_env_set(a, &b->env,
                          (struct audit_var){audit_fmt(a, "POSTFIX_%.*s", SPAN_ARG(name)),
                                             audit_dup(a, span_trim(value)),
                                             {f.name, line.first},
                                             NULL,
                                             false});
        }
    }
    return found;
}

void box_image_dms(struct audit *a, struct audit_box *b, struct audit_door *d)
{
    const struct audit_var *var = audit_env_find(&b->env, "PERMIT_DOCKER");
    struct span value = span_trim(span_str(var ? var->value : ""));
    size_t first = d->trusted.count;

    if (dms_override(a, b, d)) {
        box_image_lists(a, b, d);
        return;
    }
    box_image_lists(a, b, d);
    if (box_unset(a, d, var))
        return;
    if (!var && audit_env_find(&b->env, "")) {
        struct audit_finding *f = audit_undecided(a, "DK01", AUDIT_NAT, d, b->place);
        const struct audit_var *missing = audit_env_find(&b->env, "");

        f->why = audit_fmt(a, "%s is missing, so that PERMIT_DOCKER is not known", missing->value);
        f->fix = audit_fmt(a, "give %s too", missing->value);
        return;
    }
    if (span_eq(value, SPAN_LIT("network")))
        box_trust_text(a, b, d, "172.16.0.0/12", "PERMIT_DOCKER=network", var->place);
    else if (span_eq(value, SPAN_LIT("container")))
        dms_container(a, b, d, var);
    else if (span_eq(value, SPAN_LIT("connected-networks")) && slirp(b))
        box_trust_text(a, b, d, "10.0.2.0/24", "PERMIT_DOCKER=connected-networks", var->place);
    else if (span_eq(value, SPAN_LIT("connected-networks")))
        box_trust_nets(a, b, d, "PERMIT_DOCKER=connected-networks", var->place);
    else if (span_eq(value, SPAN_LIT("host")) && b->host_network)
        dms_host(a, b, d, var);
    else if (span_eq(value, SPAN_LIT("host")))
        dms_sixteen(a, b, d, var);
    for (size_t i = first; i < d->trusted.count; i++) {
        d->trusted.v[i].fix = "PERMIT_DOCKER=none";
        if (var && var->line)
            d->trusted.v[i].edit =
                (struct audit_edit){AUDIT_EDIT_REPLACE, var->place.file, var->place.line,
                                    var->place.line, "PERMIT_DOCKER=none"};
    }
}

/* --- mailcow ---------------------------------------------------------------------------------- */

/* mailcow.conf alone: its network, and whether IPv6 reaches it by itself. */
static void mailcow_conf(struct audit *a, struct audit_box *b, struct audit_door *d)
{
    const char *net = audit_env_get(&b->env, "IPV4_NETWORK");
    const struct audit_var *v6 = audit_env_find(&b->env, "ENABLE_IPV6");
    const char *port = audit_env_get(&b->env, "SMTP_PORT");
    struct ip gateway;

    net = net ? net : "172.22.1";
    box_trust_text(a, b, d, audit_fmt(a, "%s.0/24", net), "mailcow's own network",
                   v6 ? v6->place : b->place);
    if (!v6 || !span_eq_nocase(span_str(v6->value), SPAN_LIT("false")))
        return;
    if (port && strchr(port, ':') && port[0] != '[') { /* 0.0.0.0:25 */
        audit_host_nat_told(a);
        return;
    }
    if (ip_parse(span_str(audit_fmt(a, "%s.1", net)), &gateway))
        audit_host_nat(a, ip_prefix_of(gateway, 32), false,
                       "mailcow's bridge, by the userland proxy for clients over IPv6", v6->place);
    for (size_t i = 0; i < d->trusted.count; i++) {
        d->trusted.v[i].fix = "SMTP_PORT=0.0.0.0:25";
        d->trusted.v[i].edit =
            (struct audit_edit){AUDIT_EDIT_INSERT, v6->place.file, v6->place.line, v6->place.line,
                                "SMTP_PORT=0.0.0.0:25"};
    }
}

void box_image_mailcow(struct audit *a, struct audit_box *b, struct audit_door *d)
{
    const struct audit_box_volume *vol = volume_at(b, "/opt/postfix/conf");

    for (const struct audit_box *o = audit_boxes(a)->boxes; b->bare && o; o = o->next)
        if (!o->bare && o->image && strstr(o->image, "mailcow/postfix"))
            return; /* its compose file has said it */
    if (b->bare) {
        mailcow_conf(a, b, d);
        return;
    }
    if (vol && audit_there(a, audit_join_path(a, vol->source, "main.cf")))
        audit_input_add(a, &audit_kind_postfix, vol->source, true);
    else
        box_trust_nets(a, b, d, "mailcow's own networks (mynetworks_style = subnet)", b->place);
}

/* --- Mailu ------------------------------------------------------------------------------------ */

static bool mailu_proxy(const char *list)
{
    struct span rest = span_str(list), word;

    while (audit_word(&rest, " ,", false, &word))
        if (span_eq(word, SPAN_LIT("25")) || span_eq_nocase(word, SPAN_LIT("mail")) ||
            span_eq_nocase(word, SPAN_LIT("all")) || span_eq_nocase(word, SPAN_LIT("all-but-http")))
            return true;
    return false;
}

void box_image_mailu(struct audit *a, struct audit_box *b, struct audit_door *d)
{
    static const char *const vars[] = {"SUBNET", "SUBNET6", "RELAYNETS"};
    const char *proxy = audit_env_get(&b->env, "PROXY_PROTOCOL");
    const struct audit_var *from = audit_env_find(&b->env, "REAL_IP_FROM");

    box_trust_text(a, b, d, "127.0.0.1/32", "Mailu", b->place);
    for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++) {
        const struct audit_var *v = audit_env_find(&b->env, vars[i]);

        if (v && !box_unset(a, d, v))
            audit_env_nets(a, d, &d->trusted, v, "DK01");
    }
    for (size_t i = 0; i < d->trusted.count; i++)
        if (d->trusted.v[i].fix && d->trusted.v[i].edit.text &&
            !span_starts(span_str(d->trusted.v[i].edit.text), SPAN_LIT("RELAYNETS"))) {
            /* Mailu needs its own subnet: what helps is a port that only IPv4 reaches. */
            d->trusted.v[i].edit = (struct audit_edit){0};
            d->trusted.v[i].fix = "in docker-compose.yml: \"0.0.0.0:25:25\" instead of \"25:25\", "
                                  "or enable_ipv6 for the network";
        }
    if (proxy && mailu_proxy(proxy) && from && from->value[0]) {
        d->proxy_how = "PROXY";
        audit_env_nets(a, d, &d->proxies, from, "DK04");
    }
}

/* --- bokysan/docker-postfix ------------------------------------------------------------------- */

/*
 * smtpd_client_restrictions keep clients of other networks out; of those that are let in the
 * sender's domain decides. A network with strangers in it is therefore open to who claims that
 * domain, not to all.
 */
void box_image_bokysan(struct audit *a, struct audit_box *b, struct audit_door *d)
{
    const char *domains = audit_env_get(&b->env, "ALLOWED_SENDER_DOMAINS");
    const struct audit_var *client = audit_env_find(&b->env, "POSTFIX_smtpd_client_restrictions");
    struct span rest = span_str(domains), domain;

    if (!domains || !audit_word(&rest, " ,", false, &domain)) {
        box_image_lists(a, b, d);
        return;
    }
    d->keys |= AUDIT_KEY_SENDER;
    for (size_t i = 0; i < d->trusted.count; i++)
        d->trusted.v[i].mail = audit_fmt(a, "info@%.*s", SPAN_ARG(domain));
    if (client && !strstr(client->value, "reject")) {
        struct audit_finding *f = audit_find(a, "DK02", AUDIT_FORGED, d, client->place);

        f->why = audit_fmt(a,
                           "clients are not limited, and who claims a sender at %.*s may send "
                           "anywhere",
                           SPAN_ARG(domain));
        f->witness = audit_witness(d, audit_stranger(NULL, IP_V4),
                                   audit_fmt(a, "info@%.*s", SPAN_ARG(domain)), NULL);
        f->fix = "take POSTFIX_smtpd_client_restrictions out";
    }
}

/* --- Postfix's lists as variables ------------------------------------------------------------- */

/* What a stranger with a foreign recipient meets in a list. */
static enum audit_answer list_stops(const char *list)
{
    static const char *const stops[] = {"reject", "defer", "reject_unauth_destination",
                                        "defer_unauth_destination"};
    struct span rest = span_str(list), word;
    bool warn = false, maybe = false;

    while (audit_word(&rest, " ,\t\r\n", false, &word)) {
        for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++)
            if (span_eq_nocase(word, span_str(stops[i])) && !warn)
                return maybe ? AUDIT_UNKNOWN : AUDIT_YES;
        if (span_eq_nocase(word, SPAN_LIT("permit")))
            break;
        if (span_starts_nocase(word, SPAN_LIT("check_")) ||
            span_eq_nocase(word, SPAN_LIT("permit_mx_backup")))
            maybe = true;
        warn = span_eq_nocase(word, SPAN_LIT("warn_if_reject"));
    }
    return AUDIT_NO;
}

void box_image_lists(struct audit *a, struct audit_box *b, struct audit_door *d)
{
    const struct audit_var *relay = audit_env_find(&b->env, "POSTFIX_smtpd_relay_restrictions");
    const struct audit_var *rcpt = audit_env_find(&b->env, "POSTFIX_smtpd_recipient_restrictions");
    enum audit_answer stops = relay ? list_stops(relay->value) : AUDIT_YES;
    enum audit_answer also = rcpt ? list_stops(rcpt->value) : AUDIT_NO;
    struct audit_finding *f;

    if (!relay || stops == AUDIT_YES || also == AUDIT_YES)
        return;
    if (stops == AUDIT_UNKNOWN || also == AUDIT_UNKNOWN) {
        f = audit_undecided(a, "DK02", AUDIT_OPEN, d, relay->place);
        f->why = "tables that are not given here decide who may relay";
        f->fix = "give the container's /etc/postfix to the audit";
        return;
    }
    f = audit_find(a, "DK02", AUDIT_OPEN, d, relay->place);
    f->why = "neither smtpd_relay_restrictions nor smtpd_recipient_restrictions refuses a foreign "
             "recipient of a stranger";
    f->witness = audit_witness(d, audit_stranger(NULL, IP_V4), NULL, NULL);
    f->fix = audit_fmt(a,
                       "%s=permit_mynetworks, permit_sasl_authenticated, "
                       "reject_unauth_destination",
                       relay->name);
    if (relay->line)
        f->edit = (struct audit_edit){AUDIT_EDIT_REPLACE, relay->place.file, relay->place.line,
                                      relay->place.line, f->fix};
    d->stranger = AUDIT_YES;
}
