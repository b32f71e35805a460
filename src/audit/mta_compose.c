/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Docker's files: compose projects, daemon.json, and env files of mail images. They are only noted
 * here (audit/boxes.h): an override, a .env or a daemon.json may come later in the same call.
 */
#include "audit/boxes.h"
#include "audit/yaml.h"
#include "base/num.h"

/* --- compose ---------------------------------------------------------------------------------- */

static const char *const defaults[] = {"compose.yaml", "compose.yml", "docker-compose.yaml",
                                       "docker-compose.yml"};

static const char *default_in(struct audit *a, const char *folder)
{
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
        const char *path = audit_join_path(a, folder, defaults[i]);

        if (audit_there(a, path))
            return path;
    }
    return NULL;
}

/* A line that begins with `key` and a colon. */
static bool has_key(struct span text, const char *key)
{
    struct span line, want = span_str(key);

    while (span_cut(&text, '\n', &line))
        if (span_starts(line, want) && line.n > want.n && line.p[want.n] == ':')
            return true;
    return false;
}

static enum audit_guess compose_probe(struct audit *a, const struct audit_probe *p)
{
    struct span name = span_str(p->name);
    bool yaml =
        span_ends_nocase(name, SPAN_LIT(".yml")) || span_ends_nocase(name, SPAN_LIT(".yaml"));

    if (p->folder)
        return default_in(a, p->path) ? AUDIT_GUESS_SURE : AUDIT_GUESS_NO;
    if (yaml &&
        (span_starts(name, SPAN_LIT("docker-compose")) || span_starts(name, SPAN_LIT("compose")) ||
         span_starts(name, SPAN_LIT("podman-compose"))))
        return AUDIT_GUESS_SURE;
    if (has_key(p->text, "services") && !has_key(p->text, "kind"))
        return AUDIT_GUESS_LIKELY;
    return AUDIT_GUESS_NO;
}

static int compose_read(struct audit *a, const struct audit_kind *kind, const char *path,
                        bool folder)
{
    struct audit_boxes *all = audit_boxes(a);
    const char *file = folder ? default_in(a, path) : path;

    all->compose = kind;
    if (!file)
        return audit_bad(a, (struct audit_place){path, 0},
                         "no docker-compose.yml or compose.yaml in it; give the file");
    audit_box_file_add(a, &all->compose_files, file);
    return 0;
}

const struct audit_kind audit_kind_compose = {
    .name = "compose",
    .title = "Docker Compose",
    .reads = "docker-compose.yml with its overrides and .env, or the folder that holds it",
    .restart = "docker compose up -d",
    .rules = {.wide = "DK01", .nat = "J1", .proxy = "DK04"},
    .facts = true,
    .probe = compose_probe,
    .read = compose_read,
};

/* --- daemon.json ------------------------------------------------------------------------------ */

static enum audit_guess docker_probe(struct audit *a, const struct audit_probe *p)
{
    if (p->folder)
        return AUDIT_GUESS_NO;
    if (strcmp(p->name, "daemon.json") == 0)
        return AUDIT_GUESS_SURE;
    return span_has_nocase(p->text, SPAN_LIT("\"userland-proxy\"")) ||
                   span_has_nocase(p->text, SPAN_LIT("\"ip6tables\""))
               ? AUDIT_GUESS_LIKELY
               : AUDIT_GUESS_NO;
}

static int docker_read(struct audit *a, const struct audit_kind *kind, const char *path,
                       bool folder)
{
    struct audit_docker *d = &audit_boxes(a)->docker;
    const struct audit_node *const *documents, *root, *pools;
    struct audit_source_file f;
    enum audit_file got = audit_text(a, path, &f);
    size_t count;

    if (got != AUDIT_FILE_OK)
        return audit_bad(a, (struct audit_place){path, 0}, "%s", audit_file_name(got));
    if (audit_yaml(a, &f, &documents, &count) != 0)
        return AUDIT_BAD;
    root = count > 0 ? documents[0] : NULL;
    if (!root || root->kind != AUDIT_NODE_MAP)
        return audit_bad(a, (struct audit_place){path, 0},
                         "daemon.json holds one JSON object; this has none");
    d->place = (struct audit_place){f.name, root->line};
    d->userland_proxy = audit_node_bool(audit_node_get(root, "userland-proxy"));
    d->iptables = audit_node_bool(audit_node_get(root, "iptables"));
    d->ip6tables = audit_node_bool(audit_node_get(root, "ip6tables"));
    d->ipv6 = audit_node_bool(audit_node_get(root, "ipv6"));
    if (audit_node_text(audit_node_get(root, "bip"))) {
        struct span len = span_str(audit_node_get(root, "bip")->text), host;
        unsigned n;

        if (!span_cut(&len, '/', &host) || !ip_parse(host, &d->bip_gateway) ||
            !num_uint(len, 0, 128, &n))
            return audit_bad(a, audit_node_place(audit_node_get(root, "bip")),
                             "bip is the bridge's address with a length: 192.168.1.1/24");
        d->bip = ip_prefix_of(d->bip_gateway, n);
    }
    pools = audit_node_get(root, "default-address-pools");
    for (size_t i = 0; pools && pools->kind == AUDIT_NODE_LIST && i < pools->count; i++) {
        const struct audit_node *base = audit_node_get(pools->v[i].value, "base");
        struct ip_prefix net;

        if (!audit_node_text(base) || !ip_prefix_parse(span_str(base->text), &net))
            return audit_bad(a, audit_node_place(pools->v[i].value),
                             "an address pool needs a base such as \"172.30.0.0/16\"");
        if (d->pool_count < AUDIT_BOX_SUBNETS && net.ip.family == IP_V4)
            d->pools[d->pool_count++] = net;
    }
    return 0;
}

const struct audit_kind audit_kind_docker = {
    .name = "docker",
    .title = "Docker daemon",
    .reads = "daemon.json",
    .restart = "systemctl restart docker",
    .facts = true,
    .probe = docker_probe,
    .read = docker_read,
};

/* --- env files -------------------------------------------------------------------------------- */

static bool has_variable(struct span text, const char *name)
{
    struct span line, key;

    while (span_cut(&text, '\n', &line)) {
        key = span_trim(span_slice(line, 0, span_find(line, '=')));
        if (span_starts(key, SPAN_LIT("export ")))
            key = span_trim(span_slice(key, 7, key.n));
        if (key.n < line.n && span_eq(key, span_str(name)))
            return true;
    }
    return false;
}

static enum audit_guess env_probe(struct audit *a, const struct audit_probe *p)
{
    static const char *const sure[] = {
        "PERMIT_DOCKER", "MAILCOW_HOSTNAME",           "ALLOWED_SENDER_DOMAINS",
        "RELAYNETS",     "ALLOW_EMPTY_SENDER_DOMAINS", "TLS_FLAVOR"};
    static const char *const likely[] = {
        "MYNETWORKS",     "POSTFIX_mynetworks", "SMTP_NETWORKS", "ACCEPTED_NETWORKS",
        "RELAY_NETWORKS", "RELAY_FROM_HOSTS",   "MY_NETWORKS",   "POSTFIX_MYNETWORKS"};
    bool name = span_ends_nocase(span_str(p->name), SPAN_LIT(".env")) ||
                strcmp(p->name, "mailcow.conf") == 0;

    if (p->folder)
        return AUDIT_GUESS_NO;
    for (size_t i = 0; i < sizeof(sure) / sizeof(sure[0]); i++)
        if (has_variable(p->text, sure[i]))
            return name ? AUDIT_GUESS_SURE : AUDIT_GUESS_LIKELY;
    for (size_t i = 0; i < sizeof(likely) / sizeof(likely[0]); i++)
        if (has_variable(p->text, likely[i]))
            return name ? AUDIT_GUESS_SURE : AUDIT_GUESS_LIKELY;
    return name ? AUDIT_GUESS_MAYBE : AUDIT_GUESS_NO;
}

static int env_read(struct audit *a, const struct audit_kind *kind, const char *path, bool folder)
{
    struct audit_boxes *all = audit_boxes(a);

    all->env = kind;
    audit_box_file_add(a, &all->env_files, path);
    return 0;
}

const struct audit_kind audit_kind_env = {
    .name = "env",
    .title = "Mail image's environment",
    .reads = "an env file: mailserver.env, mailu.env, mailcow.conf",
    .restart = "recreate the container: docker compose up -d",
    .rules = {.wide = "DK01", .nat = "J1", .proxy = "DK04"},
    .facts = true,
    .probe = env_probe,
    .read = env_read,
};
