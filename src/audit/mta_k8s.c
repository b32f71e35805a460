/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kubernetes manifests. A Service of type LoadBalancer or NodePort hides its clients behind the
 * nodes' addresses unless its externalTrafficPolicy is Local: kube-proxy rewrites the source of all
 * that comes from outside. Ingress controllers that pass TCP on, and the port mapping of some
 * network plugins (hostPort), do as much.
 *
 * Which addresses nodes and pods have is not in the manifests. The usual pod networks stand here;
 * a trusted network that holds one of them is told.
 *
 * What decides which pod a Service means is its selector; a Service without one, or one that
 * selects no pod that was given, still says that the port is published.
 */
#include "audit/boxes.h"
#include "audit/yaml.h"

#include "base/num.h"

enum { OBJECTS_MAX = 5000 };

struct object {
    struct object *next;
    const struct audit_node *node;
};

struct audit_k8s {
    struct object *objects, **end;
    size_t count;
    bool published, inside; /* a Service leads strangers to a mail port, or none of them */
};

/* --- reading ---------------------------------------------------------------------------------- */

static bool has_line(struct span text, const char *start)
{
    struct span line;

    while (span_cut(&text, '\n', &line)) {
        line = span_trim(line);
        if (span_starts(line, span_str(start)))
            return true;
    }
    return false;
}

static bool manifest(struct span text)
{
    if (span_has_nocase(text, SPAN_LIT("\"apiVersion\"")))
        return span_has_nocase(text, SPAN_LIT("\"kind\""));
    return (has_line(text, "apiVersion:") || has_line(text, "- apiVersion:")) &&
           (has_line(text, "kind:") || has_line(text, "- kind:"));
}

static bool yaml_name(const char *name)
{
    struct span s = span_str(name);

    return span_ends_nocase(s, SPAN_LIT(".yaml")) || span_ends_nocase(s, SPAN_LIT(".yml")) ||
           span_ends_nocase(s, SPAN_LIT(".json"));
}

static enum audit_guess k8s_probe(struct audit *a, const struct audit_probe *p)
{
    const char *const *names;
    struct audit_source_file f;
    size_t count;

    if (!p->folder)
        return manifest(p->text) ? AUDIT_GUESS_SURE : AUDIT_GUESS_NO;
    if (audit_folder(a, p->path, &names, &count) != AUDIT_FILE_OK)
        return AUDIT_GUESS_NO;
    for (size_t i = 0; i < count && i < 100; i++)
        if (yaml_name(names[i]) &&
            audit_text(a, audit_join_path(a, p->path, names[i]), &f) == AUDIT_FILE_OK &&
            manifest(f.text))
            return AUDIT_GUESS_SURE;
    return AUDIT_GUESS_NO;
}

static int keep(struct audit *a, struct audit_k8s *k, const struct audit_node *n, unsigned depth)
{
    const struct audit_node *items = audit_node_get(n, "items");
    const char *kind = audit_node_text(audit_node_get(n, "kind"));
    struct object *o;
    int r = 0;

    if (n->kind != AUDIT_NODE_MAP)
        return n->kind == AUDIT_NODE_TEXT && !audit_node_text(n)
                   ? 0
                   : audit_bad(a, audit_node_place(n),
                               "an object of Kubernetes is a map with "
                               "apiVersion and kind; this is none");
    if (kind && span_ends_nocase(span_str(kind), SPAN_LIT("List")) && depth < AUDIT_NEST_MAX) {
        for (size_t i = 0; items && items->kind == AUDIT_NODE_LIST && i < items->count && r == 0;
             i++)
            r = keep(a, k, items->v[i].value, depth + 1);
        return r;
    }
    if (++k->count > OBJECTS_MAX)
        return audit_bad(a, audit_node_place(n),
                         "more than %d objects; give those of the mail "
                         "server only",
                         OBJECTS_MAX);
    o = audit_alloc(a, sizeof(*o));
    if (audit_failed(a))
        return audit_failed(a);
    o->node = n;
    *k->end = o;
    k->end = &o->next;
    return 0;
}

static int read_file(struct audit *a, struct audit_k8s *k, const char *path, bool whole)
{
    const struct audit_node *const *documents;
    struct audit_source_file f;
    enum audit_file got = audit_text(a, path, &f);
    size_t count;
    int r = 0;

    if (got != AUDIT_FILE_OK)
        return whole ? audit_bad(a, (struct audit_place){path, 0}, "%s", audit_file_name(got)) : 0;
    if (!whole && !manifest(f.text))
        return 0;
    if (audit_yaml(a, &f, &documents, &count) != 0)
        return AUDIT_BAD;
    for (size_t i = 0; i < count && r == 0; i++)
        r = keep(a, k, documents[i], 0);
    return r;
}

static int k8s_read(struct audit *a, const struct audit_kind *kind, const char *path, bool folder)
{
    struct audit_boxes *all = audit_boxes(a);
    const char *const *names;
    size_t count;
    int r = 0;

    all->kubernetes = kind;
    if (!all->k8s) {
        all->k8s = audit_alloc(a, sizeof(*all->k8s));
        all->k8s->end = &all->k8s->objects;
    }
    if (!folder)
        return read_file(a, all->k8s, path, true);
    if (audit_folder(a, path, &names, &count) != AUDIT_FILE_OK)
        return 0;
    for (size_t i = 0; i < count && r == 0; i++)
        if (yaml_name(names[i]))
            r = read_file(a, all->k8s, audit_join_path(a, path, names[i]), false);
    return r;
}

/* --- objects ---------------------------------------------------------------------------------- */

static bool is(const struct object *o, const char *kind)
{
    return audit_node_is(audit_node_get(o->node, "kind"), kind);
}

static const struct audit_node *named(const struct audit_k8s *k, const char *kind, const char *name)
{
    for (const struct object *o = k->objects; o && name; o = o->next)
        if (is(o, kind) && audit_node_is(audit_node_at(o->node, "metadata.name"), name))
            return o->node;
    return NULL;
}

/* The pod of a workload: a map with metadata and spec. NULL: none. */
static const struct audit_node *pod_of(const struct object *o)
{
    const struct audit_node *t = audit_node_at(o->node, "spec.jobTemplate.spec.template");

    if (is(o, "Pod"))
        return o->node;
    return t ? t : audit_node_at(o->node, "spec.template");
}

static bool selects(const struct audit_node *selector, const struct audit_node *pod)
{
    const struct audit_node *labels = audit_node_at(pod, "metadata.labels");

    if (!selector || selector->kind != AUDIT_NODE_MAP || selector->count == 0)
        return false;
    for (size_t i = 0; i < selector->count; i++) {
        const struct audit_node *label = audit_node_get(labels, selector->v[i].key);
        const char *want = audit_node_text(selector->v[i].value);

        if (!label || !want || strcmp(label->text, want) != 0)
            return false;
    }
    return true;
}

static unsigned port_number(const struct audit_node *n)
{
    const char *text = audit_node_text(n);
    unsigned port;

    return text && num_uint(span_str(text), 1, 65535, &port) ? port : 0;
}

static bool tcp(const struct audit_node *port)
{
    const struct audit_node *p = audit_node_get(port, "protocol");

    return !p || audit_node_is(p, "TCP");
}

/* A named port of a pod's containers; 0: it has none of that name. */
static unsigned pod_port(const struct audit_node *pod, const char *name)
{
    const struct audit_node *containers = audit_node_at(pod, "spec.containers");

    for (size_t i = 0; containers && i < containers->count; i++) {
        const struct audit_node *ports = audit_node_get(containers->v[i].value, "ports");

        for (size_t p = 0; ports && ports->kind == AUDIT_NODE_LIST && p < ports->count; p++)
            if (audit_node_is(audit_node_get(ports->v[p].value, "name"), name))
                return port_number(audit_node_get(ports->v[p].value, "containerPort"));
    }
    return 0;
}

/* --- source NAT ------------------------------------------------------------------------------- */

static void snat(struct audit *a, const char *what, bool certain, struct audit_place place)
{
    static const struct {
        uint8_t b[4];
        unsigned len;
        bool usual; /* pod networks that are that of the cluster when a server trusts them */
    } nets[] = {
        {{10, 42, 0, 0}, 16, true},    {{10, 244, 0, 0}, 16, true},  {{10, 233, 64, 0}, 18, true},
        {{10, 128, 0, 0}, 14, true},   {{10, 1, 0, 0}, 16, false},   {{10, 0, 0, 0}, 16, false},
        {{10, 224, 0, 0}, 16, false},  {{10, 217, 0, 0}, 16, false}, {{100, 64, 0, 0}, 10, false},
        {{192, 168, 0, 0}, 16, false}, {{172, 16, 0, 0}, 16, false}, {{172, 20, 0, 0}, 16, false},
        {{172, 31, 0, 0}, 16, false},  {{10, 10, 0, 0}, 16, false},  {{172, 17, 0, 0}, 16, false},
    };

    for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++) {
        struct ip ip = {.family = IP_V4};

        memcpy(ip.b, nets[i].b, 4);
        audit_host_nat(a, ip_prefix_of(ip, nets[i].len), certain && nets[i].usual, what, place);
    }
}

/* --- services --------------------------------------------------------------------------------- */

static bool speaks_proxy(const struct audit_node *service)
{
    const struct audit_node *notes = audit_node_at(service, "metadata.annotations");

    for (size_t i = 0; notes && notes->kind == AUDIT_NODE_MAP && i < notes->count; i++)
        if (span_has_nocase(span_str(notes->v[i].key), SPAN_LIT("proxy-protocol")) &&
            !audit_node_is(notes->v[i].value, "false"))
            return true;
    return false;
}

/* A balancer of the inside, or one that lets only named networks in. */
static bool kept_inside(const struct audit_node *service)
{
    const struct audit_node *notes = audit_node_at(service, "metadata.annotations");
    const struct audit_node *ranges = audit_node_at(service, "spec.loadBalancerSourceRanges");

    for (size_t i = 0; notes && notes->kind == AUDIT_NODE_MAP && i < notes->count; i++)
        if ((span_has_nocase(span_str(notes->v[i].key), SPAN_LIT("internal")) &&
             audit_node_bool(notes->v[i].value) == AUDIT_YES) ||
            audit_node_is(notes->v[i].value, "internal"))
            return true;
    for (size_t i = 0; ranges && ranges->kind == AUDIT_NODE_LIST && i < ranges->count; i++) {
        const char *text = audit_node_text(ranges->v[i].value);
        struct ip_prefix net;

        if (!text || !ip_prefix_parse(span_str(text), &net) || net.len < 8)
            return false;
    }
    return ranges && ranges->count > 0;
}

static unsigned target_of(const struct audit_k8s *k, const struct audit_node *service,
                          const struct audit_node *port)
{
    const struct audit_node *target = audit_node_get(port, "targetPort");
    const struct audit_node *selector = audit_node_at(service, "spec.selector");
    unsigned number = port_number(target);

    if (number || !target)
        return number ? number : port_number(audit_node_get(port, "port"));
    for (const struct object *o = k->objects; o; o = o->next) {
        const struct audit_node *pod = pod_of(o);

        if (pod && selects(selector, pod) && audit_node_text(target) &&
            (number = pod_port(pod, target->text)) > 0)
            return number;
    }
    return port_number(audit_node_get(port, "port"));
}

static void service_facts(struct audit *a, struct audit_k8s *k, const struct audit_node *s)
{
    const struct audit_node *spec = audit_node_get(s, "spec");
    const struct audit_node *type = audit_node_get(spec, "type");
    const struct audit_node *policy = audit_node_get(spec, "externalTrafficPolicy");
    const struct audit_node *ports = audit_node_get(spec, "ports");
    const struct audit_node *external = audit_node_get(spec, "externalIPs");
    bool balanced = audit_node_is(type, "LoadBalancer") && !kept_inside(s);
    bool outside = balanced || audit_node_is(type, "NodePort") || (external && external->count > 0);
    bool mail = false;

    for (size_t i = 0; ports && ports->kind == AUDIT_NODE_LIST && i < ports->count; i++) {
        unsigned port = target_of(k, s, ports->v[i].value);
        unsigned front = port_number(audit_node_get(ports->v[i].value, "port"));

        if (!port || !tcp(ports->v[i].value) || (!audit_mail_port(port) && !audit_mail_port(front)))
            continue;
        k->inside = true;
        if (outside)
            audit_host_publish(a, port, true, true);
        mail = outside;
    }
    if (!mail)
        return;
    k->published = true;
    if (!audit_node_is(policy, "Local") && !speaks_proxy(s))
        snat(a,
             audit_fmt(a, "the cluster's nodes (externalTrafficPolicy: %s)",
                       policy ? "Cluster" : "Cluster, by default"),
             true, policy ? audit_node_place(policy) : audit_node_place(type ? type : spec));
}

/* tcp-services of ingress-nginx: "25": "mail/smtp:25::PROXY". */
static void tcp_services(struct audit *a, struct audit_k8s *k, const struct audit_node *map)
{
    const struct audit_node *data = audit_node_get(map, "data");

    for (size_t i = 0; data && data->kind == AUDIT_NODE_MAP && i < data->count; i++) {
        struct span rest = span_str(audit_node_text(data->v[i].value)), part, name;
        unsigned front, port, n = 0;
        bool proxy = false;

        if (!num_uint(span_str(data->v[i].key), 1, 65535, &front) ||
            span_find(rest, '/') == rest.n || span_find(rest, ':') == rest.n)
            continue;
        port = front;
        name = span_slice(rest, span_find(rest, '/') + 1, span_find(rest, ':'));
        while (span_cut(&rest, ':', &part)) {
            if (n == 1 && !num_uint(part, 1, 65535, &port))
                port = front;
            proxy = proxy || (n == 3 && span_eq_nocase(part, SPAN_LIT("PROXY")));
            n++;
        }
        if (!audit_mail_port(port) && !audit_mail_port(front))
            continue;
        audit_host_publish(a, port, true, true);
        k->published = true;
        if (!proxy)
            snat(a,
                 audit_fmt(a, "the ingress controller's pods (no \"::PROXY\" for %.*s)",
                           SPAN_ARG(name)),
                 true, (struct audit_place){data->v[i].value->file, data->v[i].line});
    }
}

/* --- pods ------------------------------------------------------------------------------------- */

static void add_map(struct audit *a, struct audit_box *b, const struct audit_node *map,
                    const char *prefix)
{
    const struct audit_node *data = audit_node_get(map, "data");

    for (size_t i = 0; data && data->kind == AUDIT_NODE_MAP && i < data->count; i++)
        audit_env_set(a, &b->env,
                      (struct audit_var){audit_fmt(a, "%s%s", prefix, data->v[i].key),
                                         data->v[i].value->text,
                                         {data->v[i].value->file, data->v[i].line},
                                         NULL,
                                         false});
}

static void env_from(struct audit *a, const struct audit_k8s *k, struct audit_box *b,
                     const struct audit_node *list)
{
    for (size_t i = 0; list && list->kind == AUDIT_NODE_LIST && i < list->count; i++) {
        const struct audit_node *item = list->v[i].value;
        const char *name = audit_node_text(audit_node_at(item, "configMapRef.name"));
        const char *prefix = audit_node_text(audit_node_get(item, "prefix"));
        const struct audit_node *map = named(k, "ConfigMap", name);

        if (map)
            add_map(a, b, map, prefix ? prefix : "");
        else if (name)
            audit_env_set(a, &b->env,
                          (struct audit_var){"", audit_fmt(a, "ConfigMap %s", name),
                                             audit_node_place(item), name, false});
    }
}

static void env_one(struct audit *a, const struct audit_k8s *k, struct audit_box *b,
                    const struct audit_node *item)
{
    const struct audit_node *value = audit_node_get(item, "value");
    const char *key = audit_node_text(audit_node_at(item, "valueFrom.configMapKeyRef.key"));
    const char *map = audit_node_text(audit_node_at(item, "valueFrom.configMapKeyRef.name"));
    const struct audit_node *data = audit_node_get(named(k, "ConfigMap", map), "data");
    struct audit_var var = {.name = audit_node_text(audit_node_get(item, "name")),
                            .place = audit_node_place(item)};

    if (!var.name)
        return;
    if (value) {
        var.value = value->text;
        var.place = audit_node_place(value);
    } else if (key && audit_node_get(data, key)) {
        var.value = audit_node_get(data, key)->text;
        var.place = audit_node_place(audit_node_get(data, key));
    } else {
        var.value = "";
        var.unset = map ? map : "valueFrom";
    }
    audit_env_set(a, &b->env, var);
}

static void container(struct audit *a, struct audit_k8s *k, const struct object *o,
                      const struct audit_node *pod, const struct audit_node *c)
{
    const struct audit_node *ports = audit_node_get(c, "ports"), *env = audit_node_get(c, "env");
    const char *image = audit_node_text(audit_node_get(c, "image"));
    const char *name = audit_node_text(audit_node_at(o->node, "metadata.name"));
    bool host = audit_node_bool(audit_node_at(pod, "spec.hostNetwork")) == AUDIT_YES;
    struct audit_box *b = audit_box_add(a, audit_node_place(c));

    b->pod = true;
    b->image = image ? image : "";
    b->name = name ? name : "a pod";
    b->host_network = host;
    env_from(a, k, b, audit_node_get(c, "envFrom"));
    for (size_t i = 0; env && env->kind == AUDIT_NODE_LIST && i < env->count; i++)
        env_one(a, k, b, env->v[i].value);
    for (size_t i = 0; ports && ports->kind == AUDIT_NODE_LIST && i < ports->count; i++) {
        const struct audit_node *n = ports->v[i].value, *hp = audit_node_get(n, "hostPort");
        unsigned port = port_number(audit_node_get(n, "containerPort"));
        struct audit_box_port *p;

        if (!port || !tcp(n))
            continue;
        p = audit_box_port_add(a, b, audit_node_place(n));
        p->first = p->last = port;
        if (!audit_mail_port(port) || (!hp && !host))
            continue;
        audit_host_publish(a, port, true, true);
        k->published = true;
        if (!host)
            snat(a, "the network plugin's port mapping (hostPort)", false, audit_node_place(hp));
    }
}

/* Istio's proxy takes what comes in and makes a connection of its own from 127.0.0.6. */
static void sidecar(struct audit *a, const struct audit_node *pod)
{
    static const char *const marks[] = {"metadata.annotations", "metadata.labels"};
    struct ip ip = {.family = IP_V4, .b = {127, 0, 0, 6}};

    for (size_t i = 0; i < 2; i++) {
        const struct audit_node *n = audit_node_at(pod, marks[i]);
        const struct audit_node *on = audit_node_get(n, "sidecar.istio.io/inject");

        if (audit_node_bool(on) == AUDIT_YES &&
            !audit_node_is(audit_node_get(n, "sidecar.istio.io/interceptionMode"), "TPROXY") &&
            !audit_node_get(n, "traffic.sidecar.istio.io/excludeInboundPorts"))
            audit_host_nat(a, ip_prefix_of(ip, 32), false, "the mesh's sidecar",
                           audit_node_place(on));
    }
}

int audit_k8s_facts(struct audit *a)
{
    struct audit_k8s *k = audit_boxes(a)->k8s;
    bool mail = false;

    for (const struct object *o = k ? k->objects : NULL; o && !audit_failed(a); o = o->next) {
        const struct audit_node *pod = pod_of(o), *list = audit_node_at(pod, "spec.containers");

        if (is(o, "Service"))
            service_facts(a, k, o->node);
        if (is(o, "ConfigMap"))
            tcp_services(a, k, o->node);
        if (!pod)
            continue;
        sidecar(a, pod);
        for (size_t i = 0; list && list->kind == AUDIT_NODE_LIST && i < list->count; i++)
            container(a, k, o, pod, list->v[i].value);
    }
    for (const struct audit_box *b = audit_boxes(a)->boxes; b; b = b->next)
        mail = mail || (b->pod && audit_box_mail(b));
    if (k && (mail || k->published || k->inside)) {
        audit_host_publish(a, 0, false, false);
        audit_host_nat_told(a);
    }
    return audit_failed(a);
}

const struct audit_kind audit_kind_kubernetes = {
    .name = "kubernetes",
    .title = "Kubernetes",
    .reads = "manifests (Service, Deployment, ConfigMap …), or a folder of them",
    .restart = "kubectl apply -f FILE",
    .rules = {.wide = "K801", .nat = "J1", .proxy = "K803"},
    .facts = true,
    .probe = k8s_probe,
    .read = k8s_read,
};
