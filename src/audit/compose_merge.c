/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Several compose files as one. A port that is bound to loopback in docker-compose.yml is as often
 * published by docker-compose.override.yml, so no file of a project can be judged alone.
 *
 * The rules are Compose's: maps are merged, lists are joined, other values are replaced; command
 * and entrypoint are replaced whole; "!reset" takes away, "!override" replaces. Lists of
 * "NAME=VALUE" (environment, labels) and of names (networks) are maps in another dress.
 */
#include "audit/compose_priv.h"

#include <stdlib.h>

/* --- texts ------------------------------------------------------------------------------------ */

const char *compose_text(struct compose *c, const struct audit_node *n, const char **ret_unset)
{
    const char *text = audit_node_text(n), *unset = NULL;

    if (text)
        text = audit_env_expand(c->a, &c->env, span_str(text), &unset);
    if (ret_unset)
        *ret_unset = unset;
    return text;
}

enum audit_answer compose_bool(struct compose *c, const struct audit_node *n)
{
    struct audit_node resolved;

    if (!audit_node_text(n))
        return AUDIT_UNKNOWN;
    resolved = *n;
    resolved.text = compose_text(c, n, NULL);
    return audit_node_bool(&resolved);
}

/* --- merging ---------------------------------------------------------------------------------- */

struct joined {
    struct audit_pair *v;
    size_t count, cap;
};

static void add(struct audit *a, struct joined *j, struct audit_pair pair)
{
    if (audit_failed(a))
        return;
    if (array_grow(&j->v, &j->cap, sizeof(j->v[0]), j->count + 1) < 0)
        audit_bad(a, audit_node_place(pair.value), "out of memory");
    else
        j->v[j->count++] = pair;
}

static bool map_like(const char *key)
{
    static const char *const keys[] = {"environment", "labels",     "networks",
                                       "extra_hosts", "depends_on", "sysctls"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

/* A list of "NAME=VALUE" as a map. */
static const struct audit_node *as_map(struct audit *a, const struct audit_node *list)
{
    const struct audit_node *map;
    struct joined j = {0};

    if (list->kind != AUDIT_NODE_LIST)
        return list;
    for (size_t i = 0; i < list->count; i++) {
        const struct audit_node *item = list->v[i].value;
        struct span text = span_str(item->text), name;
        struct audit_node *value = audit_alloc(a, sizeof(*value));
        size_t eq = span_find(text, '=');

        name = span_slice(text, 0, eq);
        *value = *item;
        value->text = audit_dup(a, span_slice(text, eq + 1, text.n));
        value->plain = eq == text.n; /* a bare NAME: null */
        add(a, &j, (struct audit_pair){audit_dup(a, name), item->line, value});
    }
    map = audit_node_map(a, list, j.v, j.count);
    free(j.v);
    return map;
}

static const struct audit_node *join_lists(struct audit *a, const struct audit_node *base,
                                           const struct audit_node *over)
{
    struct audit_node *n = audit_alloc(a, sizeof(*n));
    struct joined j = {0};

    for (size_t i = 0; i < base->count; i++)
        add(a, &j, base->v[i]);
    for (size_t i = 0; i < over->count; i++)
        add(a, &j, over->v[i]);
    *n = *audit_node_map(a, over, j.v, j.count);
    n->kind = AUDIT_NODE_LIST;
    free(j.v);
    return n;
}

static const struct audit_node *merge_value(struct audit *a, const char *key,
                                            const struct audit_node *base,
                                            const struct audit_node *over, unsigned depth)
{
    if (over->tag && strcmp(over->tag, "!override") == 0)
        return over;
    if (strcmp(key, "command") == 0 || strcmp(key, "entrypoint") == 0)
        return over;
    if (map_like(key)) {
        base = as_map(a, base);
        over = as_map(a, over);
    }
    if (over->kind != base->kind)
        return over;
    return over->kind == AUDIT_NODE_TEXT ? over : compose_merge(a, base, over, depth + 1);
}

static bool reset(const struct audit_node *n)
{
    return n->tag && strcmp(n->tag, "!reset") == 0;
}

const struct audit_node *compose_merge(struct audit *a, const struct audit_node *base,
                                       const struct audit_node *over, unsigned depth)
{
    const struct audit_node *n;
    struct joined j = {0};

    if (depth > AUDIT_YAML_DEPTH_MAX || base->kind != over->kind || over->kind == AUDIT_NODE_TEXT)
        return over;
    if (over->kind == AUDIT_NODE_LIST)
        return join_lists(a, base, over);
    for (size_t i = 0; i < base->count; i++) {
        const struct audit_node *other = audit_node_get(over, base->v[i].key);
        struct audit_pair pair = base->v[i];

        if (other && reset(other))
            continue;
        if (other)
            pair.value = merge_value(a, pair.key, pair.value, other, depth);
        add(a, &j, pair);
    }
    for (size_t i = 0; i < over->count; i++)
        if (!audit_node_get(base, over->v[i].key) && !reset(over->v[i].value))
            add(a, &j, over->v[i]);
    n = audit_node_map(a, over, j.v, j.count);
    free(j.v);
    return n;
}

/* --- files ------------------------------------------------------------------------------------ */

static int load(struct compose *c, const char *path, struct audit_place from,
                const struct audit_node **ret)
{
    const struct audit_node *const *documents;
    struct audit_source_file f;
    enum audit_file got = audit_text(c->a, path, &f);
    size_t count;

    *ret = NULL;
    if (audit_failed(c->a))
        return audit_failed(c->a);
    if (got != AUDIT_FILE_OK)
        return audit_bad(c->a, from, "%s %s; give it too, or the output of 'docker compose config'",
                         path, audit_file_name(got));
    if (audit_yaml(c->a, &f, &documents, &count) != 0)
        return AUDIT_BAD;
    for (size_t i = 0; i < count; i++) {
        if (documents[i]->kind != AUDIT_NODE_MAP)
            return audit_bad(c->a, audit_node_place(documents[i]),
                             "a compose file has its sections (services:, networks:) at the top; "
                             "this has none");
        *ret = *ret ? compose_merge(c->a, *ret, documents[i], 0) : documents[i];
    }
    return 0;
}

static int add_included(struct compose *c, const struct audit_node *item, unsigned depth)
{
    const struct audit_node *path =
        item->kind == AUDIT_NODE_MAP ? audit_node_get(item, "path") : item;
    int r = 0;

    if (path && path->kind == AUDIT_NODE_LIST) {
        for (size_t i = 0; i < path->count && r == 0; i++)
            r = add_included(c, path->v[i].value, depth);
        return r;
    }
    if (!audit_node_text(path))
        return 0;
    return compose_add_file(c, audit_join_path(c->a, c->dir, compose_text(c, path, NULL)),
                            depth + 1);
}

int compose_add_file(struct compose *c, const char *path, unsigned depth)
{
    const struct audit_node *root, *include;
    int r;

    if (depth > AUDIT_NEST_MAX)
        return audit_bad(c->a, (struct audit_place){path, 0},
                         "files include one another more than %d deep; break the loop",
                         AUDIT_NEST_MAX);
    r = load(c, path, (struct audit_place){path, 0}, &root);
    if (r != 0 || !root)
        return r;
    include = audit_node_get(root, "include");
    for (size_t i = 0; include && include->kind == AUDIT_NODE_LIST && i < include->count; i++)
        if ((r = add_included(c, include->v[i].value, depth)) != 0)
            return r;
    c->root = c->root ? compose_merge(c->a, c->root, root, 0) : root;
    return audit_failed(c->a);
}

/* --- extends ---------------------------------------------------------------------------------- */

const struct audit_node *compose_extended(struct compose *c, const struct audit_node *services,
                                          const struct audit_pair *service, unsigned depth)
{
    const struct audit_node *extends = audit_node_get(service->value, "extends"), *root;
    const char *name = compose_text(c, extends, NULL), *file = NULL;
    const struct audit_pair *base;
    const struct audit_node *parent;

    if (!extends)
        return service->value;
    if (depth > AUDIT_NEST_MAX) {
        audit_bad(c->a, audit_node_place(extends),
                  "services extend one another more than %d deep; break the loop", AUDIT_NEST_MAX);
        return NULL;
    }
    if (extends->kind == AUDIT_NODE_MAP) {
        name = compose_text(c, audit_node_get(extends, "service"), NULL);
        file = compose_text(c, audit_node_get(extends, "file"), NULL);
    }
    if (file) {
        if (load(c, audit_join_path(c->a, c->dir, file), audit_node_place(extends), &root) != 0)
            return NULL;
        services = audit_node_get(root, "services");
    }
    base = name ? audit_node_find(services, name) : NULL;
    if (!base) {
        audit_bad(c->a, audit_node_place(extends),
                  "it extends a service that is not there; name "
                  "one of the file, or give the other file");
        return NULL;
    }
    parent = compose_extended(c, services, base, depth + 1);
    return parent ? compose_merge(c->a, parent, service->value, 0) : NULL;
}
