/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mail images that are configured by their environment. What an image trusts when nothing is said
 * stands here as data, from the images' own start scripts: relays for a container network are as a
 * rule open to whoever reaches them, and rely on nobody publishing their port.
 *
 * An image that is not known is judged by the variables that most have in common (MYNETWORKS and
 * its like); one that has none of them gets no door: what it does is told by its own files.
 */
#include "audit/box_image_priv.h"

#define PRIVATE_NETS "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16"

static const struct box_image images[] = {
    {.names = {"docker-mailserver/docker-mailserver", "tvial/docker-mailserver",
               "docker-mailserver"},
     .marks = {"PERMIT_DOCKER"},
     .ports = {25},
     .more = box_image_dms},
    {.names = {"mailcow/postfix"},
     .marks = {"MAILCOW_HOSTNAME", "IPV4_NETWORK"},
     .ports = {25},
     .more = box_image_mailcow},
    {.names = {"mailu/postfix"},
     .marks = {"RELAYNETS", "TLS_FLAVOR"},
     .ports = {25},
     .more = box_image_mailu},
    {.names = {"boky/postfix", "bokysan/docker-postfix", "bokysan/postfix"},
     .marks = {"ALLOWED_SENDER_DOMAINS", "ALLOW_EMPTY_SENDER_DOMAINS"},
     .trust = {"MYNETWORKS", "POSTFIX_mynetworks"},
     .preset = "127.0.0.0/8 " PRIVATE_NETS,
     .ports = {587, 25},
     .smarthost = {"RELAYHOST"},
     .more = box_image_bokysan},
    {.names = {"mwader/postfix-relay", "wader/postfix-relay"},
     .trust = {"POSTFIX_mynetworks"},
     .preset = "0.0.0.0/0",
     .ports = {25},
     .smarthost = {"POSTFIX_relayhost"},
     .more = box_image_lists},
    {.names = {"loganmarchione/docker-postfixrelay", "loganmarchione/postfixrelay"},
     .trust = {"MYNETWORKS"},
     .preset = "0.0.0.0/0",
     .ports = {25},
     .smarthost = {"RELAY_HOST"}},
    {.names = {"juanluisbaptiste/postfix"},
     .trust = {"SMTP_NETWORKS"},
     .always = PRIVATE_NETS,
     .ports = {25},
     .smarthost = {"SMTP_SERVER"}},
    {.names = {"alterrebe/postfix-relay", "alterrebe/docker-mail-relay"},
     .trust = {"ACCEPTED_NETWORKS"},
     .preset = PRIVATE_NETS,
     .ports = {25},
     .smarthost = {"EXT_RELAY_HOST"}},
    {.names = {"devture/exim-relay"},
     .trust = {"RELAY_FROM_HOSTS"},
     .preset = PRIVATE_NETS,
     .colons = true,
     .ports = {8025, 25},
     .smarthost = {"SMARTHOST"}},
    {.names = {"namshi/smtp", "namshi/docker-smtp"},
     .trust = {"RELAY_NETWORKS"},
     .colons = true,
     .subnet = true,
     .ports = {25}},
    {.names = {"simplelogin/postfix"}, .subnet = true, .ports = {25}, .smarthost = {"RELAY_HOST"}},
    {.names = {"anonaddy/anonaddy", "addy/addy"}, .preset = PRIVATE_NETS, .ports = {25}},
    {.trust = {"MYNETWORKS", "POSTFIX_mynetworks", "POSTFIX_MYNETWORKS", "POSTCONF_mynetworks",
               "MAINCF_mynetworks", "MY_NETWORKS", "POSTFIX_MY_NETWORKS", "RELAY_NETWORKS",
               "SMTP_NETWORKS", "ACCEPTED_NETWORKS", "ALLOWED_NETWORKS", "RELAY_FROM_HOSTS",
               "RELAY_NETS", "POSTFIX_RELAY_NETWORKS", "TRUSTED_NETWORKS", "MYNETWORK"},
     .colons = true,
     .ports = {25, 587, 2525, 8025},
     .smarthost = {"RELAYHOST", "RELAY_HOST", "POSTFIX_relayhost", "SMARTHOST"},
     .more = box_image_lists},
};

enum { IMAGES = sizeof(images) / sizeof(images[0]) };

/* --- which one -------------------------------------------------------------------------------- */

/* "registry/owner/name:tag@digest" ends in "owner/name". */
static bool named(const char *image, const char *name)
{
    struct span s = span_str(image), n = span_str(name);
    size_t slash, colon;

    s = span_slice(s, 0, span_find(s, '@'));
    slash = span_rfind(s, '/');
    colon = span_rfind(s, ':');
    if (colon < s.n && (slash == s.n || colon > slash))
        s = span_slice(s, 0, colon);
    if (!span_ends_nocase(s, n))
        return false;
    return s.n == n.n || s.p[s.n - n.n - 1] == '/';
}

static bool has_mark(const struct box_image *row, const struct audit_box *b)
{
    for (size_t i = 0; i < BOX_WORDS && row->marks[i]; i++)
        if (audit_env_find(&b->env, row->marks[i]))
            return true;
    return false;
}

static const struct box_image *image_of(const struct audit_box *b)
{
    for (size_t i = 0; i < IMAGES && b->image && b->image[0]; i++)
        for (size_t k = 0; k < BOX_WORDS && images[i].names[k]; k++)
            if (named(b->image, images[i].names[k]))
                return &images[i];
    for (size_t i = 0; i < IMAGES && (b->bare || !b->image[0]); i++)
        if (has_mark(&images[i], b))
            return &images[i];
    for (size_t i = 0; i < BOX_WORDS && images[IMAGES - 1].trust[i]; i++)
        if (audit_env_get(&b->env, images[IMAGES - 1].trust[i]) && (b->bare || audit_box_mail(b)))
            return &images[IMAGES - 1];
    return NULL;
}

/* --- doors ------------------------------------------------------------------------------------ */

static bool publishes(const struct audit_box *b, unsigned port)
{
    for (const struct audit_box_port *p = b->ports; p; p = p->next)
        if (p->first <= port && port <= p->last)
            return true;
    return false;
}

static struct audit_door *open_door(struct audit *a, const struct audit_box *b, unsigned port)
{
    struct audit_boxes *all = audit_boxes(a);
    const struct audit_kind *kind = b->kind               ? b->kind
                                    : b->pod              ? all->kubernetes
                                    : b->bare && all->env ? all->env
                                                          : all->compose;
    struct audit_door *d =
        audit_door(a, kind ? kind : &audit_kind_compose, b->name, port, AUDIT_BIND_ANY, b->place);

    d->stranger = AUDIT_NO;
    if (b->pod && kind != &audit_kind_quadlet)
        d->restart = "kubectl apply -f FILE; kubectl rollout restart of the workload";
    else if (!b->bare && !b->pod && kind != &audit_kind_run)
        d->restart = audit_fmt(a, "docker compose up -d %s", b->name);
    return d;
}

void box_trust_text(struct audit *a, const struct audit_box *b, struct audit_door *d,
                    const char *list, const char *what, struct audit_place place)
{
    struct audit_var var = {.name = what, .value = list, .place = place};
    size_t first = d->trusted.count;

    audit_env_nets(a, d, &d->trusted, &var, "DK01");
    for (size_t i = first; i < d->trusted.count; i++) {
        d->trusted.v[i].text = audit_fmt(a, "%s (%s)", d->trusted.v[i].text, what);
        d->trusted.v[i].fix = NULL;
    }
}

void box_trust_nets(struct audit *a, const struct audit_box *b, struct audit_door *d,
                    const char *what, struct audit_place place)
{
    char ip[IP_TEXT_MAX];
    bool known = false;

    for (const struct audit_box_link *l = b->links; l; l = l->next)
        for (size_t i = 0; i < l->net->subnet_count; i++) {
            struct ip_prefix net = l->net->subnets[i].net;

            known = true;
            box_trust_text(a, b, d, audit_fmt(a, "%s/%u", ip_text(net.ip, ip), net.len), what,
                           place);
        }
    if (!known && !b->host_network)
        box_trust_text(a, b, d, "172.16.0.0/12 192.168.0.0/16",
                       audit_fmt(a, "%s: one of Docker's own pools", what), place);
}

/* Exim's lists have colons between their items, and doubled ones in IPv6 addresses. */
static const char *uncolon(struct audit *a, const char *list)
{
    struct buf out = BUF_INIT(AUDIT_LINE_MAX);
    struct span s = span_str(list);
    const char *text;

    if (span_find(s, '.') == s.n || span_find(s, ':') == s.n)
        return list;
    for (size_t i = 0; i < s.n; i++) {
        bool twice = s.p[i] == ':' && i + 1 < s.n && s.p[i + 1] == ':';

        if (s.p[i] == ':' && !twice)
            buf_add_char(&out, ' ');
        else
            buf_add_char(&out, s.p[i]);
        i += twice;
    }
    text = audit_dup(a, buf_span(&out));
    buf_deinit(&out);
    return text;
}

static const struct audit_var *trust_var(const struct box_image *row, const struct audit_box *b)
{
    for (size_t i = 0; i < BOX_WORDS && row->trust[i]; i++)
        if (audit_env_get(&b->env, row->trust[i]))
            return audit_env_find(&b->env, row->trust[i]);
    return NULL;
}

bool box_unset(struct audit *a, struct audit_door *d, const struct audit_var *var)
{
    struct audit_finding *f;

    if (!var || !var->unset)
        return false;
    f = audit_undecided(a, "DK01", AUDIT_OPEN, d, var->place);
    f->why = audit_fmt(a, "%s depends on %s, which no file here sets", var->name, var->unset);
    f->fix = audit_fmt(a,
                       "give the .env file that sets %s, or the output of "
                       "'docker compose config'",
                       var->unset);
    return true;
}

/* The file of settings that the service wants is not there. */
static void missing_file(struct audit *a, const struct audit_box *b, struct audit_door *d)
{
    const struct audit_var *missing = audit_env_find(&b->env, "");
    struct audit_finding *f;

    if (!missing)
        return;
    f = audit_undecided(a, "DK01", AUDIT_OPEN, d, missing->place);
    f->why = audit_fmt(a, "%s is missing, so that it can't be told whom %s trusts", missing->value,
                       b->name);
    f->fix = audit_fmt(a, "give %s too", missing->value);
}

static void fill(struct audit *a, const struct box_image *row, struct audit_box *b,
                 struct audit_door *d)
{
    const struct audit_var *var = trust_var(row, b);

    for (size_t i = 0; i < BOX_WORDS && row->smarthost[i] && !d->smarthost; i++) {
        const struct audit_var *s = audit_env_find(&b->env, row->smarthost[i]);

        if (s && s->value[0]) {
            d->smarthost = s->value;
            d->smarthost_place = s->place;
        }
    }
    if (row->subnet)
        box_trust_nets(a, b, d, "its own networks, which the image trusts", b->place);
    if (row->always)
        box_trust_text(a, b, d, row->always, "always trusted by the image", b->place);
    if (var && !box_unset(a, d, var)) {
        struct audit_var plain = *var;

        if (row->colons)
            plain.value = uncolon(a, var->value);
        audit_env_nets(a, d, &d->trusted, &plain, "DK01");
    } else if (!var && row->preset) {
        missing_file(a, b, d);
        box_trust_text(a, b, d, row->preset, "the image's default", b->place);
    }
    if (row->more)
        row->more(a, b, d);
}

/* A configuration of Postfix that is mounted is judged too, unless it is a template. */
static void follow(struct audit *a, const struct audit_box *b)
{
    for (const struct audit_box_volume *v = b->volumes; v; v = v->next) {
        struct span target = span_str(v->target);
        bool folder =
            span_eq(target, SPAN_LIT("/etc/postfix")) || span_eq(target, SPAN_LIT("/etc/postfix/"));
        struct audit_source_file f;

        if (!folder && !span_eq(target, SPAN_LIT("/etc/postfix/main.cf")))
            continue;
        if (audit_text(a, folder ? audit_join_path(a, v->source, "main.cf") : v->source, &f) ==
                AUDIT_FILE_OK &&
            !span_has_nocase(f.text, SPAN_LIT("{{")) && !span_has_nocase(f.text, SPAN_LIT("{%")))
            audit_input_add(a, &audit_kind_postfix, v->source, folder);
    }
}

void audit_box_image(struct audit *a, struct audit_box *b)
{
    const struct box_image *row = image_of(b);
    bool any = false;

    follow(a, b);
    if (!row)
        return;
    for (size_t i = 0; i < BOX_PORTS && row->ports[i]; i++)
        if (publishes(b, row->ports[i])) {
            any = true;
            fill(a, row, b, open_door(a, b, row->ports[i]));
        }
    if (!any)
        fill(a, row, b, open_door(a, b, row->ports[0]));
}
