/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compose projects: what each service publishes, on which networks it stands, what its environment
 * says. The files of one folder are one project, as "docker compose" itself takes them: the default
 * file, its override, and others in the order in which they were given (-f a -f b).
 *
 * `environment` wins over `env_file`; later env files win over earlier ones. A shape that Compose
 * itself would refuse is an error with its line, never skipped.
 */
#include "audit/compose_priv.h"

#include "base/num.h"

#include <stdlib.h>

static int shape(struct compose *c, const struct audit_node *n, const char *want)
{
    return audit_bad(c->a, audit_node_place(n), "%s; see the Compose specification", want);
}

/* --- ports ------------------------------------------------------------------------------------ */

static bool range(struct span s, unsigned *first, unsigned *last)
{
    size_t dash = span_find(s, '-');

    if (!num_uint(span_slice(s, 0, dash), 0, 65535, first))
        return false;
    *last = *first;
    return dash == s.n ||
           (num_uint(span_slice(s, dash + 1, s.n), 0, 65535, last) && *last >= *first);
}

static void set_host(struct audit_box_port *p, const char *host)
{
    struct span text = span_str(host);

    p->bind = audit_bind_of(text, &p->host);
    p->v4 = p->v6 = true;
    if (text.n == 0 || span_eq(text, SPAN_LIT("*")))
        return;
    if (p->host.family || span_eq(text, SPAN_LIT("0.0.0.0"))) {
        p->v4 = p->host.family != IP_V6;
        p->v6 = p->host.family == IP_V6;
    } else if (span_find(text, ':') < text.n) {
        p->v4 = false; /* "::" */
    }
}

static int short_port(struct compose *c, struct audit_box *b, const struct audit_node *n)
{
    const char *unset, *text = compose_text(c, n, &unset);
    struct span s = span_str(text), proto, host = SPAN_NULL, inside;
    struct audit_box_port *p;
    unsigned first, last;
    size_t colon;

    proto = span_slice(s, span_find(s, '/'), s.n);
    s = span_slice(s, 0, s.n - proto.n);
    colon = span_rfind(s, ':');
    inside = colon < s.n ? span_slice(s, colon + 1, s.n) : s;
    if (colon < s.n)
        host = span_slice(s, 0, colon);
    if (!range(inside, &first, &last))
        return unset ? 0
                     : shape(c, n, audit_fmt(c->a, "'%s' is no port: HOST:PORT:PORT/tcp", text));
    if (span_eq_nocase(proto, SPAN_LIT("/udp")) || span_eq_nocase(proto, SPAN_LIT("/sctp")))
        return 0;
    p = audit_box_port_add(c->a, b, audit_node_place(n));
    p->first = first;
    p->last = last;
    /* What stands before the last colon: PORT, ADDRESS:PORT, [ADDRESS]:PORT. */
    colon = span_rfind(host, ':');
    set_host(p, colon < host.n ? audit_dup(c->a, span_slice(host, 0, colon)) : "");
    if (host.n > 0 && host.p[0] == '[' && span_find(host, ']') < host.n)
        set_host(p, audit_dup(c->a, span_slice(host, 1, span_find(host, ']'))));
    return 0;
}

static int long_port(struct compose *c, struct audit_box *b, const struct audit_node *n)
{
    const char *target = compose_text(c, audit_node_get(n, "target"), NULL);
    const char *host = compose_text(c, audit_node_get(n, "host_ip"), NULL);
    const char *proto = compose_text(c, audit_node_get(n, "protocol"), NULL);
    const char *mode = compose_text(c, audit_node_get(n, "mode"), NULL);
    struct span text = span_str(host ? host : "");
    struct audit_box_port *p;
    unsigned first, last;

    if (!target || !range(span_str(target), &first, &last))
        return shape(c, n, "a port in long form needs a number as its target");
    if (proto && strcmp(proto, "tcp") != 0)
        return 0;
    p = audit_box_port_add(c->a, b, audit_node_place(n));
    p->first = first;
    p->last = last;
    p->mesh = !mode ? AUDIT_UNKNOWN : strcmp(mode, "ingress") == 0 ? AUDIT_YES : AUDIT_NO;
    if (text.n > 1 && text.p[0] == '[')
        text = span_slice(text, 1, text.n - 1);
    set_host(p, audit_dup(c->a, text));
    return 0;
}

static int read_ports(struct compose *c, struct audit_box *b, const struct audit_node *ports)
{
    int r = 0;

    if (!ports || (ports->kind == AUDIT_NODE_TEXT && !audit_node_text(ports)))
        return 0;
    if (ports->kind != AUDIT_NODE_LIST)
        return shape(c, ports, "ports must be a list");
    for (size_t i = 0; i < ports->count && r == 0; i++) {
        const struct audit_node *n = ports->v[i].value;

        if (n->kind == AUDIT_NODE_MAP)
            r = long_port(c, b, n);
        else if (audit_node_text(n))
            r = short_port(c, b, n);
        else
            r = shape(c, n, "a port must be a text or a map");
    }
    return r;
}

/* --- environment ------------------------------------------------------------------------------ */

static int read_env_file(struct compose *c, struct audit_box *b, const struct audit_node *n)
{
    const struct audit_node *path_node = n->kind == AUDIT_NODE_MAP ? audit_node_get(n, "path") : n;
    const char *path = compose_text(c, path_node, NULL);
    struct audit_source_file f;

    if (!path)
        return 0;
    path = audit_join_path(c->a, c->dir, path);
    if (audit_text(c->a, path, &f) == AUDIT_FILE_OK)
        return audit_env_read(c->a, &b->env, &c->env, &f);
    if (audit_node_bool(audit_node_get(n, "required")) != AUDIT_NO)
        audit_env_set(c->a, &b->env,
                      (struct audit_var){"", path, audit_node_place(path_node), path, false});
    return audit_failed(c->a);
}

static int read_env_files(struct compose *c, struct audit_box *b, const struct audit_node *n)
{
    int r = 0;

    if (!n)
        return 0;
    if (n->kind != AUDIT_NODE_LIST)
        return read_env_file(c, b, n);
    for (size_t i = 0; i < n->count && r == 0; i++)
        r = read_env_file(c, b, n->v[i].value);
    return r;
}

static int read_environment(struct compose *c, struct audit_box *b, const struct audit_node *n)
{
    if (!n || (n->kind == AUDIT_NODE_TEXT && !audit_node_text(n)))
        return 0;
    if (n->kind == AUDIT_NODE_TEXT)
        return shape(c, n, "environment must be a list of NAME=VALUE or a map");
    for (size_t i = 0; i < n->count; i++) {
        const struct audit_node *item = n->v[i].value;
        struct audit_var var = {.name = n->v[i].key, .place = audit_node_place(item)};
        const char *text = compose_text(c, item, &var.unset);

        if (n->kind == AUDIT_NODE_LIST) {
            struct span rest = span_str(text), name;
            bool has = text && strchr(text, '=');

            if (!text || !span_cut(&rest, '=', &name))
                continue;
            var.name = audit_dup(c->a, name);
            text = has ? rest.p : NULL;
        } else if (n->v[i].line) {
            var.place.line = n->v[i].line;
        }
        if (!text) { /* a bare NAME takes the value of the shell, or of .env */
            const struct audit_var *outer = audit_env_find(&c->env, var.name);

            text = outer ? outer->value : "";
            var.unset = outer ? NULL : var.name;
        }
        var.value = text;
        audit_env_set(c->a, &b->env, var);
    }
    return audit_failed(c->a);
}

/* --- networks --------------------------------------------------------------------------------- */

static const struct audit_box_net *net_named(struct compose *c, const char *name)
{
    for (const struct audit_box_net *n = audit_boxes(c->a)->nets; n; n = n->next)
        if (strcmp(n->name, name) == 0)
            return n;
    return NULL;
}

static struct ip ip_of(struct compose *c, const struct audit_node *n)
{
    const char *text = compose_text(c, n, NULL);
    struct ip ip = {0};

    if (!text || !ip_parse(span_str(text), &ip))
        ip = (struct ip){0};
    return ip;
}

/* The daemon's own bridge, of network_mode: bridge. */
static const struct audit_box_net *docker0(struct compose *c)
{
    const struct audit_docker *d = &audit_boxes(c->a)->docker;
    const struct audit_box_net *known = net_named(c, "(docker0)");
    struct ip ip = {.family = IP_V4, .b = {172, 17}};
    struct audit_box_net *net;

    if (known)
        return known;
    net = audit_box_net_add(c->a, "(docker0)", d->place);
    net->ipv6 = d->ipv6;
    net->subnets[0].net = d->bip.ip.family ? d->bip : ip_prefix_of(ip, 16);
    net->subnets[0].gateway = d->bip_gateway;
    net->subnet_count = 1;
    return net;
}

static int read_links(struct compose *c, struct audit_box *b, const struct audit_node *n)
{
    if (n && n->kind == AUDIT_NODE_TEXT && audit_node_text(n))
        return shape(c, n, "networks of a service must be a list or a map");
    for (size_t i = 0; n && i < n->count; i++) {
        const struct audit_node *v = n->v[i].value;
        const char *name = n->v[i].key ? n->v[i].key : compose_text(c, v, NULL);
        const struct audit_box_net *net = name ? net_named(c, name) : NULL;

        if (!name)
            return shape(c, v, "a network of a service must be a name");
        if (!net)
            net = audit_box_net_add(c->a, name, audit_node_place(v));
        audit_box_link_add(c->a, b, net, ip_of(c, audit_node_get(v, "ipv4_address")),
                           ip_of(c, audit_node_get(v, "ipv6_address")));
    }
    if (b->network_mode && strcmp(b->network_mode, "bridge") == 0)
        audit_box_link_add(c->a, b, docker0(c), (struct ip){0}, (struct ip){0});
    if (!b->links && !b->network_mode) {
        const struct audit_box_net *net = net_named(c, "default");

        if (!net)
            net = audit_box_net_add(c->a, "default", b->place);
        audit_box_link_add(c->a, b, net, (struct ip){0}, (struct ip){0});
    }
    return 0;
}

static int read_subnet(struct compose *c, struct audit_box_net *net, const struct audit_node *n)
{
    const char *unset, *text = compose_text(c, audit_node_get(n, "subnet"), &unset);
    struct audit_box_subnet s = {.gateway = ip_of(c, audit_node_get(n, "gateway"))};

    if (!text || unset)
        return 0;
    if (!ip_prefix_parse(span_str(text), &s.net))
        return shape(c, n, audit_fmt(c->a, "'%s' is no subnet: 172.20.0.0/16", text));
    if (net->subnet_count < AUDIT_BOX_SUBNETS)
        net->subnets[net->subnet_count++] = s;
    return 0;
}

static int read_network(struct compose *c, const struct audit_pair *p)
{
    struct audit_box_net *net =
        audit_box_net_add(c->a, p->key, (struct audit_place){p->value->file, p->line});
    const struct audit_node *n = p->value, *external = audit_node_get(n, "external");
    const struct audit_node *config = audit_node_at(n, "ipam.config");
    int r = 0;

    net->driver = compose_text(c, audit_node_get(n, "driver"), NULL);
    net->external =
        external && (external->kind == AUDIT_NODE_MAP || compose_bool(c, external) == AUDIT_YES);
    net->ipv6 = compose_bool(c, audit_node_get(n, "enable_ipv6"));
    for (size_t i = 0; config && config->kind == AUDIT_NODE_LIST && i < config->count && r == 0;
         i++)
        r = read_subnet(c, net, config->v[i].value);
    return r;
}

/* --- services --------------------------------------------------------------------------------- */

static void read_volumes(struct compose *c, struct audit_box *b, const struct audit_node *n)
{
    for (size_t i = 0; n && n->kind == AUDIT_NODE_LIST && i < n->count; i++) {
        const struct audit_node *v = n->v[i].value;
        const char *source = compose_text(c, audit_node_get(v, "source"), NULL);
        const char *target = compose_text(c, audit_node_get(v, "target"), NULL);
        struct span rest = span_str(compose_text(c, v, NULL)), from, to;
        struct audit_box_volume *vol;

        if (rest.n > 0 && span_cut(&rest, ':', &from) && span_cut(&rest, ':', &to)) {
            source = audit_dup(c->a, from);
            target = audit_dup(c->a, to);
        }
        if (!source || !target)
            continue;
        if (strncmp(source, "./", 2) == 0)
            source += 2;
        vol = audit_alloc(c->a, sizeof(*vol));
        *vol = (struct audit_box_volume){b->volumes, audit_join_path(c->a, c->dir, source), target};
        b->volumes = vol;
    }
}

/* Traefik's labels of a TCP service. */
static void read_labels(struct compose *c, struct audit_box *b, const struct audit_node *n)
{
    for (size_t i = 0; n && n->kind != AUDIT_NODE_TEXT && i < n->count; i++) {
        const char *text = compose_text(c, n->v[i].value, NULL);
        struct span key = span_str(n->v[i].key ? n->v[i].key : text);

        if (span_has_nocase(key, SPAN_LIT("loadbalancer.proxyprotocol")))
            b->proxied = true;
    }
}

/* Sockets of an engine that runs as a user give rootless mode away. */
static void look_for_rootless(struct compose *c, const struct audit_box *b)
{
    struct audit_docker *d = &audit_boxes(c->a)->docker;

    for (const struct audit_box_volume *v = b->volumes; v && d->rootless != AUDIT_YES; v = v->next)
        if (span_starts(span_str(v->source), SPAN_LIT("/run/user/"))) {
            d->rootless = AUDIT_YES;
            d->rootless_why = audit_fmt(c->a, "the volume %s is of a user's own engine", v->source);
            d->rootless_place = b->place;
        }
}

static int read_service(struct compose *c, const struct audit_node *services,
                        const struct audit_pair *p)
{
    const struct audit_node *n = compose_extended(c, services, p, 0);
    const char *image;
    struct audit_box *b;
    int r;

    if (!n)
        return audit_failed(c->a) ? audit_failed(c->a) : AUDIT_BAD;
    if (n->kind != AUDIT_NODE_MAP)
        return shape(c, n, audit_fmt(c->a, "service %s must be a map", p->key));
    b = audit_box_add(c->a, (struct audit_place){p->value->file, p->line});
    b->name = p->key;
    image = compose_text(c, audit_node_get(n, "image"), NULL);
    b->image = image ? image : "";
    b->network_mode = compose_text(c, audit_node_get(n, "network_mode"), NULL);
    b->host_network = b->network_mode && strcmp(b->network_mode, "host") == 0;
    read_volumes(c, b, audit_node_get(n, "volumes"));
    read_labels(c, b, audit_node_get(n, "labels"));
    look_for_rootless(c, b);
    r = read_ports(c, b, audit_node_get(n, "ports"));
    if (r == 0)
        r = read_env_files(c, b, audit_node_get(n, "env_file"));
    if (r == 0)
        r = read_environment(c, b, audit_node_get(n, "environment"));
    return r ? r : read_links(c, b, audit_node_get(n, "networks"));
}

int compose_project(struct compose *c)
{
    const struct audit_node *services = audit_node_get(c->root, "services");
    const struct audit_node *networks = audit_node_get(c->root, "networks");
    int r = 0;

    if (!services && audit_node_get(c->root, "version") == NULL)
        services = c->root; /* version 1 had no sections */
    if (!services || services->kind != AUDIT_NODE_MAP)
        return shape(c, c->root, "a compose file needs 'services:', a map of them");
    for (size_t i = 0;
         networks && networks->kind == AUDIT_NODE_MAP && i < networks->count && r == 0; i++)
        r = read_network(c, &networks->v[i]);
    for (size_t i = 0; i < services->count && r == 0; i++)
        if (strncmp(services->v[i].key, "x-", 2) != 0)
            r = read_service(c, services, &services->v[i]);
    return r;
}

/* --- projects --------------------------------------------------------------------------------- */

static bool listed(const struct audit_box_file *list, const char *path)
{
    for (; list; list = list->next)
        if (strcmp(list->path, path) == 0)
            return true;
    return false;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* The override that "docker compose" adds by itself to a default file. */
static const char *override_of(struct compose *c, const char *path)
{
    static const char *const names[] = {"docker-compose.override.yml",
                                        "docker-compose.override.yaml", "compose.override.yml",
                                        "compose.override.yaml"};
    const char *name = base_name(path);

    if (strcmp(name, "docker-compose.yml") != 0 && strcmp(name, "docker-compose.yaml") != 0 &&
        strcmp(name, "compose.yml") != 0 && strcmp(name, "compose.yaml") != 0)
        return NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *at = audit_join_path(c->a, c->dir, names[i]);

        if (audit_there(c->a, at))
            return at;
    }
    return NULL;
}

static int load_files(struct compose *c, const struct audit_box_file *files)
{
    const char *over;
    int r = 0;

    for (const struct audit_box_file *f = files; f && r == 0; f = f->next) {
        if (strcmp(audit_dirname(c->a, f->path), c->dir) != 0)
            continue;
        r = compose_add_file(c, f->path, 0);
        over = override_of(c, f->path);
        if (r == 0 && over && !listed(files, over))
            r = compose_add_file(c, over, 0);
    }
    return r;
}

/* COMPOSE_FILE of .env names the files where none was named. */
static int load_named(struct compose *c, const struct audit_box_file *files, bool *ret_done)
{
    const char *list = audit_env_get(&c->env, "COMPOSE_FILE");
    const char *sep = audit_env_get(&c->env, "COMPOSE_PATH_SEPARATOR");
    struct span rest = span_str(list), one;
    int r = 0;

    *ret_done = false;
    for (size_t i = 0; files && i < 2; i++, files = files->next)
        if (i == 1 && strcmp(audit_dirname(c->a, files->path), c->dir) == 0)
            return 0; /* several were given: they are the choice */
    while (list && r == 0 && span_cut(&rest, sep ? sep[0] : ':', &one)) {
        r = compose_add_file(c, audit_join_path(c->a, c->dir, audit_dup(c->a, one)), 0);
        *ret_done = true;
    }
    return r;
}

static int load_env(struct compose *c)
{
    struct audit_docker *d = &audit_boxes(c->a)->docker;
    struct audit_source_file f;
    const struct audit_var *host;
    int r = 0;

    if (audit_text(c->a, audit_join_path(c->a, c->dir, ".env"), &f) == AUDIT_FILE_OK ||
        audit_text(c->a, audit_join_path(c->a, c->dir, "mailcow.conf"), &f) == AUDIT_FILE_OK)
        r = audit_env_read(c->a, &c->env, NULL, &f);
    host = audit_env_find(&c->env, "DOCKER_HOST");
    if (host && span_has_nocase(span_str(host->value), SPAN_LIT("/run/user/"))) {
        d->rootless = AUDIT_YES;
        d->rootless_why = "DOCKER_HOST is a user's own engine";
        d->rootless_place = host->place;
    }
    return r;
}

int audit_compose_load(struct audit *a)
{
    const struct audit_box_file *files = audit_boxes(a)->compose_files;
    int r = 0;

    for (const struct audit_box_file *f = files; f && r == 0; f = f->next) {
        struct compose c = {.a = a, .dir = audit_dirname(a, f->path)};
        const struct audit_box_file *before = files;
        bool done = false;

        while (before != f && strcmp(audit_dirname(a, before->path), c.dir) != 0)
            before = before->next;
        if (before != f)
            continue; /* its project has been read */
        r = load_env(&c);
        if (r == 0)
            r = load_named(&c, f, &done);
        if (r == 0 && !done)
            r = load_files(&c, files);
        if (r == 0 && c.root)
            r = compose_project(&c);
    }
    return r ? r : audit_failed(a);
}
