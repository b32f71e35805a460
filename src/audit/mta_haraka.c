/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Haraka: config/plugins says what runs, in that order. A recipient is taken when some rcpt plugin
 * says OK, or when nobody says anything and the connection is "relaying": by a login, by an address
 * in relay_acl_allow, by all = true, or because an earlier recipient was in relay_dest_domains.
 * What is set for a plugin that is not listed does nothing.
 */
#include "audit/unix.h"

#include "base/num.h"

enum { PLUGINS_MAX = 300 };

struct plugin {
    struct span name;
    struct audit_place place;
};

struct haraka {
    struct audit *a;
    const struct audit_kind *kind;
    const char *dir;
    struct plugin plugins[PLUGINS_MAX];
    size_t count;
};

static const struct plugin *plugin(const struct haraka *h, const char *name)
{
    for (size_t i = 0; i < h->count; i++)
        if (span_eq(h->plugins[i].name, span_str(name)))
            return &h->plugins[i];
    return NULL;
}

static bool open_file(struct haraka *h, const char *name, struct audit_source_file *ret)
{
    return audit_text(h->a, audit_fmt(h->a, "/etc/haraka/config/%s", name), ret) == AUDIT_FILE_OK;
}

static void read_plugins(struct haraka *h)
{
    struct audit_source_file f;
    struct audit_lines r;
    struct audit_line line;

    if (!open_file(h, "plugins", &f))
        return;
    audit_lines_open(&r, h->a, AUDIT_LINES_PLAIN, &f);
    while (audit_lines_next(&r, &line) && h->count < PLUGINS_MAX) {
        struct span s = line.text, word;

        if (strchr("#;", s.p[0]) || !span_word(&s, &word) || strchr("#;", word.p[0]))
            continue;
        if (span_starts(word, SPAN_LIT("haraka-plugin-")))
            word = span_slice(word, strlen("haraka-plugin-"), word.n);
        h->plugins[h->count++] = (struct plugin){word, {f.name, line.first}};
    }
}

/* --- .ini files ------------------------------------------------------------------------------- */

/* Calls `each` with every key; the section is "main" at first. */
typedef void (*ini_fn)(struct haraka *h, void *cookie, struct span section, struct span key,
                       struct span value, struct audit_place place);

static void ini(struct haraka *h, const struct audit_source_file *f, ini_fn each, void *cookie)
{
    struct span section = SPAN_LIT("main");
    struct audit_lines r;
    struct audit_line line;

    audit_lines_open(&r, h->a, AUDIT_LINES_PLAIN, f);
    while (audit_lines_next(&r, &line)) {
        struct span s = span_trim(line.text);
        size_t eq = span_find(s, '=');

        if (s.n == 0 || strchr(";#", s.p[0]))
            continue;
        if (s.p[0] == '[') {
            section = span_slice(s, 1, span_find(s, ']'));
            continue;
        }
        each(h, cookie, section, span_trim(span_slice(s, 0, eq)),
             span_trim(span_slice(s, eq + 1, s.n)), (struct audit_place){f->name, line.first});
    }
}

static bool truth(struct span s, bool otherwise)
{
    if (s.n == 0)
        return otherwise;
    return span_eq_nocase(s, SPAN_LIT("true")) || span_eq_nocase(s, SPAN_LIT("yes")) ||
           span_eq_nocase(s, SPAN_LIT("ok")) || span_eq_nocase(s, SPAN_LIT("enabled")) ||
           span_eq_nocase(s, SPAN_LIT("on")) || span_eq(s, SPAN_LIT("1"));
}

/* --- findings --------------------------------------------------------------------------------- */

static struct audit_finding *raise(struct haraka *h, struct audit_door *d, const char *id,
                                   struct audit_place place, const char *why)
{
    struct audit_finding *f = audit_find(h->a, id, AUDIT_OPEN, d, place);

    f->why = why;
    f->witness = audit_witness(d, audit_stranger(NULL, IP_V4), NULL, NULL);
    return f;
}

struct relay_settings {
    bool acl, all, dest;
    struct audit_place all_place, dest_place;
};

static void relay_key(struct haraka *h, void *cookie, struct span section, struct span key,
                      struct span value, struct audit_place place)
{
    struct relay_settings *r = cookie;

    if (!span_eq(section, SPAN_LIT("relay")))
        return;
    if (span_eq(key, SPAN_LIT("acl")))
        r->acl = truth(value, true);
    if (span_eq(key, SPAN_LIT("all"))) {
        r->all = truth(value, false);
        r->all_place = place;
    }
    if (span_eq(key, SPAN_LIT("dest_domains"))) {
        r->dest = truth(value, false);
        r->dest_place = place;
    }
}

/*
 * An entry without a length is one address; a length of 0 counts as none given, and IPv6 entries
 * without one get 32.
 */
static bool acl_net(struct span s, struct ip_prefix *ret)
{
    size_t slash = span_find(s, '/');

    if (!unix_net(s, ret))
        return false;
    if (slash == s.n && ret->ip.family == IP_V6)
        *ret = ip_prefix_of(ret->ip, 32);
    if (slash < s.n && ret->len == 0)
        *ret = ip_prefix_of(ret->ip, 32);
    return true;
}

/* Meant was one host; trusted is all that its provider has. */
static void judge_short(struct haraka *h, struct audit_door *d, struct span word,
                        struct ip_prefix net, struct audit_place place)
{
    struct audit_finding *f;
    struct ip client = net.ip;

    if (net.ip.family != IP_V6 || net.len != 32 || ip_space(net.ip) == IP_PRIVATE ||
        ip_space(net.ip) == IP_LINKLOCAL || ip_space(net.ip) == IP_LOOPBACK ||
        (span_find(word, '/') < word.n && !span_ends_nocase(word, SPAN_LIT("/0"))) ||
        audit_host_owns(h->a, net))
        return;
    client.b[4] = 0x66;
    client.b[15] = 0x66;
    f = raise(h, d, "HA02", place,
              "an IPv6 address without a length stands for its whole /32, a provider's block: all "
              "of his customers may send anywhere");
    f->witness.client = client;
    audit_fix_lines(
        h->a, f, AUDIT_EDIT_REPLACE, place.file, place.line, place.line,
        audit_fmt(h->a, "%.*s/128", SPAN_ARG(span_slice(word, 0, span_find(word, '/')))));
}

static void judge_acl(struct haraka *h, struct audit_door *d)
{
    struct audit_source_file f;
    struct audit_lines r;
    struct audit_line line;
    struct ip_prefix net;

    if (!open_file(h, "relay_acl_allow", &f))
        return;
    audit_lines_open(&r, h->a, AUDIT_LINES_PLAIN, &f);
    while (audit_lines_next(&r, &line)) {
        struct span s = line.text, word;

        if (strchr("#;", s.p[0]) || !span_word(&s, &word) || !acl_net(word, &net))
            continue;
        judge_short(h, d, word, net, (struct audit_place){f.name, line.first});
        unix_net_drop(h->a, audit_net_add(h->a, &d->trusted, net, false,
                                          (struct audit_place){f.name, line.first}, word));
    }
}

struct destination {
    struct audit_door *d;
    struct audit_place place;
    const char *domain;
};

static void destination_key(struct haraka *h, void *cookie, struct span section, struct span key,
                            struct span value, struct audit_place place)
{
    struct destination *to = cookie;

    if (!span_eq(section, SPAN_LIT("domains")) || to->domain)
        return;
    if (span_has_nocase(value, SPAN_LIT("accept")) ||
        span_has_nocase(value, SPAN_LIT("continue"))) {
        to->domain = audit_dup(h->a, key);
        to->place = place;
    }
}

static void judge_destinations(struct haraka *h, struct audit_door *d)
{
    struct destination to = {.d = d};
    struct audit_source_file f;
    struct audit_finding *found;

    if (!open_file(h, "relay_dest_domains.ini", &f))
        return;
    ini(h, &f, destination_key, &to);
    if (!to.domain)
        return;
    found = raise(h, d, "HA03", to.place,
                  audit_fmt(h->a,
                            "after one recipient at %s the whole connection may relay, so "
                            "that the next one can be anywhere",
                            to.domain));
    found->witness.rcpt[0] = audit_fmt(h->a, "postmaster@%s", to.domain);
    found->witness.rcpt[1] = AUDIT_VICTIM;
    found->fix = "put the domain into host_list instead, and take this line out";
    d->stranger = AUDIT_YES;
}

static void judge_relay(struct haraka *h, struct audit_door *d)
{
    struct relay_settings r = {.acl = true};
    struct audit_source_file f;

    if (plugin(h, "relay_all")) {
        raise(h, d, "HA01", plugin(h, "relay_all")->place,
              "the plugin relay_all lets every client send anywhere")
            ->fix = "take the plugin out";
        d->stranger = AUDIT_YES;
    }
    if (plugin(h, "relay_acl") || plugin(h, "relay")) {
        if (open_file(h, "relay.ini", &f))
            ini(h, &f, relay_key, &r);
        if (plugin(h, "relay") && r.all) {
            struct audit_finding *found =
                raise(h, d, "HA01", r.all_place, "every client may send anywhere");

            audit_fix_lines(h->a, found, AUDIT_EDIT_REPLACE, r.all_place.file, r.all_place.line,
                            r.all_place.line, "all=false");
            d->stranger = AUDIT_YES;
        }
        if (r.acl)
            judge_acl(h, d);
        if (r.dest && plugin(h, "relay"))
            judge_destinations(h, d);
    }
}

/* --- recipients ------------------------------------------------------------------------------- */

static void judge_patterns(struct haraka *h, struct audit_door *d)
{
    static const char *const victims[] = {AUDIT_VICTIM_DOMAIN, "elsewhere.com", "elsewhere.org",
                                          "elsewhere.net"};
    struct audit_source_file f;
    struct audit_lines r;
    struct audit_line line;
    struct audit_finding *found;

    if (!plugin(h, "rcpt_to.in_host_list") || !open_file(h, "host_list_regex", &f))
        return;
    audit_lines_open(&r, h->a, AUDIT_LINES_PLAIN, &f);
    while (audit_lines_next(&r, &line)) {
        struct span s = span_trim(line.text);
        const char *pattern;

        if (s.n == 0 || strchr("#;", s.p[0]))
            continue;
        pattern = audit_fmt(h->a, "^(?:%.*s)$", SPAN_ARG(s));
        for (size_t i = 0; i < sizeof(victims) / sizeof(victims[0]); i++) {
            if (unix_regex(span_str(pattern), span_str(victims[i]), true, NULL) != UNIX_MATCH_YES)
                continue;
            found = raise(h, d, "HA04", (struct audit_place){f.name, line.first},
                          "this pattern takes domains that are anybody's");
            found->witness.rcpt[0] = audit_fmt(h->a, "%s@%s", AUDIT_VICTIM_LOCAL, victims[i]);
            audit_fix_lines(h->a, found, AUDIT_EDIT_DELETE, f.name, line.first, line.first,
                            "(take the line out, and name whole domains)");
            break;
        }
    }
}

static void judge_rcpt_plugins(struct haraka *h, struct audit_door *d)
{
    static const char *const known[] = {
        "rcpt_to.in_host_list", "rcpt_to.host_list_base", "rcpt_to.qmail_deliverable",
        "rcpt_to.ldap",         "rcpt_to.max_count",      "rcpt_to.routes",
        "rcpt_to.access",       "rcpt_to.blocklist",      "rcpt_to.free_email",
        "rcpt_to.max_rcpt",     "rcpt_to.mysql",          "rcpt_to.postgres"};
    struct audit_finding *f;

    for (size_t i = 0; i < h->count; i++) {
        struct span name = h->plugins[i].name;
        bool is_known = false;

        for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
            is_known = is_known || span_eq(name, span_str(known[k]));
        if (span_eq(name, SPAN_LIT("rcpt_to.any")) ||
            span_eq(name, SPAN_LIT("rcpt_to.accept_all")) ||
            span_eq(name, SPAN_LIT("accept_all")) || span_eq(name, SPAN_LIT("rcpt_to.test"))) {
            raise(h, d, "HA05", h->plugins[i].place, "this plugin accepts every recipient")->fix =
                "take the plugin out";
            d->stranger = AUDIT_YES;
        } else if (span_starts(name, SPAN_LIT("rcpt_to.")) && !is_known) {
            f = audit_undecided(h->a, "HA05", AUDIT_OPEN, d, h->plugins[i].place);
            f->why = audit_fmt(h->a,
                               "the plugin %.*s is not known, and may accept recipients of "
                               "any domain",
                               SPAN_ARG(name));
            f->fix = "see that its code says OK only for domains of your own";
        }
    }
}

/* --- proxies ---------------------------------------------------------------------------------- */

static void proxy_key(struct haraka *h, void *cookie, struct span section, struct span key,
                      struct span value, struct audit_place place)
{
    struct audit_door *d = cookie;
    struct ip_prefix net;
    struct audit_net *n;

    if (!span_eq(section, SPAN_LIT("haproxy")) || !span_eq(key, SPAN_LIT("hosts[]")) ||
        !unix_net(value, &net))
        return;
    if (span_find(value, '/') == value.n && net.ip.family == IP_V6)
        net = ip_prefix_of(net.ip, 64);
    d->proxy_how = "PROXY";
    n = audit_net_add(h->a, &d->proxies, net, false, place, value);
    unix_net_drop(h->a, n);
}

static void judge_proxies(struct haraka *h, struct audit_door *d)
{
    struct audit_source_file f;
    struct audit_lines r;
    struct audit_line line;

    if (open_file(h, "connection.ini", &f))
        ini(h, &f, proxy_key, d);
    if (!open_file(h, "haproxy_hosts", &f)) /* of older ones: an address a line */
        return;
    audit_lines_open(&r, h->a, AUDIT_LINES_PLAIN, &f);
    while (audit_lines_next(&r, &line))
        proxy_key(h, d, SPAN_LIT("haproxy"), SPAN_LIT("hosts[]"), span_trim(line.text),
                  (struct audit_place){f.name, line.first});
}

/* --- doors ------------------------------------------------------------------------------------ */

static void open_door(struct haraka *h, struct span host, unsigned port, struct audit_place place)
{
    struct audit_door *d;
    struct ip ip;
    enum audit_bind bind = audit_bind_of(host, &ip);

    d = audit_door(h->a, h->kind, audit_fmt(h->a, "haraka port %u", port), port, bind, place);
    d->address = ip;
    d->stranger = AUDIT_NO;
    for (size_t i = 0; i < h->count; i++)
        d->login = d->login || span_starts(h->plugins[i].name, SPAN_LIT("auth/")) ||
                   span_starts(h->plugins[i].name, SPAN_LIT("auth-"));
    if (plugin(h, "auth/flat_file") && !plugin(h, "tls"))
        audit_note(h->a, "HA07", d, plugin(h, "auth/flat_file")->place,
                   "passwords stand in a file and go over the wire as they are: no tls plugin",
                   "tls, above auth/flat_file");
    judge_relay(h, d);
    judge_patterns(h, d);
    judge_rcpt_plugins(h, d);
    judge_proxies(h, d);
}

struct listening {
    struct span listen, port, host;
    struct audit_place place;
};

static void smtp_key(struct haraka *h, void *cookie, struct span section, struct span key,
                     struct span value, struct audit_place place)
{
    struct listening *l = cookie;

    if (!span_eq(section, SPAN_LIT("main")))
        return;
    if (span_eq(key, SPAN_LIT("listen"))) {
        l->listen = value;
        l->place = place;
    } else if (span_eq(key, SPAN_LIT("port"))) {
        l->port = value;
    } else if (span_eq(key, SPAN_LIT("listen_host"))) {
        l->host = value;
    }
}

static void open_doors(struct haraka *h)
{
    struct listening l = {.place = {h->dir, 0}};
    struct audit_source_file f;
    struct span one;
    unsigned port = 25;

    if (open_file(h, "smtp.ini", &f))
        ini(h, &f, smtp_key, &l);
    if (l.listen.n == 0) {
        num_uint(l.port, 1, 65535, &port);
        open_door(h, l.host, port, l.place);
        return;
    }
    while (span_cut(&l.listen, ',', &one)) {
        struct span host = span_trim(one);
        uint16_t p = 0;

        if (!ip_host_port(span_trim(one), &host, &p))
            p = 25;
        open_door(h, host, p ? p : 25, l.place);
    }
}

/* --- the row ---------------------------------------------------------------------------------- */

static enum audit_guess haraka_probe(struct audit *a, const struct audit_probe *p)
{
    static const char *const signs[] = {"smtp.ini", "plugins", "relay.ini", "relay_acl_allow",
                                        "host_list"};
    size_t found = 0;

    if (!p->folder)
        return strcmp(p->name, "relay.ini") == 0 || strcmp(p->name, "relay_acl_allow") == 0 ||
                       strcmp(p->name, "relay_dest_domains.ini") == 0 ||
                       strcmp(p->name, "host_list_regex") == 0
                   ? AUDIT_GUESS_SURE
                   : AUDIT_GUESS_NO;
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
        found += audit_there(a, audit_join_path(a, p->path, signs[i])) ||
                 audit_there(a, audit_fmt(a, "%s/config/%s", p->path, signs[i]));
    return found >= 2 ? AUDIT_GUESS_SURE : found == 1 ? AUDIT_GUESS_MAYBE : AUDIT_GUESS_NO;
}

static int haraka_read(struct audit *a, const struct audit_kind *kind, const char *path,
                       bool folder)
{
    struct haraka *h = audit_alloc(a, sizeof(*h));
    const char *dir = folder ? path : audit_dirname(a, path);
    const char *config = audit_join_path(a, dir, "config");
    struct audit_source_file f;

    if (audit_failed(a))
        return 0;
    h->a = a;
    h->kind = kind;
    h->dir = dir;
    audit_alias(a, "/etc/haraka/config",
                audit_there(a, audit_join_path(a, config, "plugins")) ||
                        audit_there(a, audit_join_path(a, config, "smtp.ini"))
                    ? config
                    : dir);
    read_plugins(h);
    if (h->count == 0 &&
        !open_file(h, "plugins", &f)) { /* a part of a configuration: as if they were all on */
        h->plugins[h->count++] = (struct plugin){SPAN_LIT("relay"), {dir, 0}};
        h->plugins[h->count++] = (struct plugin){SPAN_LIT("rcpt_to.in_host_list"), {dir, 0}};
    }
    open_doors(h);
    return 0;
}

const struct audit_kind audit_kind_haraka = {
    .name = "haraka",
    .title = "Haraka",
    .reads = "Haraka's folder, or its config",
    .restart = "systemctl restart haraka",
    .rules = {.wide = "HA02", .nat = "HA02", .proxy = "HA06"},
    .probe = haraka_probe,
    .read = haraka_read,
};
