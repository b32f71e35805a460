/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libyaml's events into a tree. The library's own document form is not used: it loses where a key
 * stands, and it expands nothing.
 *
 * An alias is a second pointer to its node, never a copy, so that ten lines of aliases of aliases
 * stay ten lines. An anchor counts once its node is complete: a node can't hold itself. Merge keys
 * are merged here; what a map says itself wins over what it merges, and of several merged maps the
 * first wins.
 *
 * Files with the marks of a template in them are no YAML yet; the error says so.
 */
#include "audit/yaml.h"

#include <stdlib.h>
#include <yaml.h>

struct anchor {
    const char *name;
    const struct audit_node *node;
};

struct loader {
    struct audit *a;
    const struct audit_source_file *file;
    yaml_parser_t parser;
    struct anchor *anchors;
    size_t anchor_count, anchor_cap, nodes;
    bool bad;
};

static void bad(struct loader *l, size_t line, const char *why)
{
    bool template = span_has_nocase(l->file->text, SPAN_LIT("{{")) ||
                    span_has_nocase(l->file->text, SPAN_LIT("{%"));

    audit_bad(l->a, (struct audit_place){l->file->name, (unsigned)line + 1}, "%s; %s", why,
              template ? "this looks like a template: render it first (helm template, docker "
                         "compose config)"
                       : "mend it, or give what 'docker compose config' or 'kubectl get -o yaml' "
                         "prints");
    l->bad = true;
}

static bool next(struct loader *l, yaml_event_t *event)
{
    if (l->bad || audit_failed(l->a))
        return false;
    if (yaml_parser_parse(&l->parser, event))
        return true;
    if (l->parser.error == YAML_MEMORY_ERROR)
        bad(l, 0, "out of memory while reading YAML");
    else
        bad(l, l->parser.problem_mark.line,
            audit_fmt(l->a, "no YAML: %s",
                      l->parser.problem ? l->parser.problem : "it ends early"));
    return false;
}

/* --- nodes ------------------------------------------------------------------------------------ */

static struct audit_node *new_node(struct loader *l, enum audit_node_kind kind,
                                   const yaml_event_t *e, const yaml_char_t *tag)
{
    struct audit_node *n = audit_alloc(l->a, sizeof(*n));

    if (++l->nodes > AUDIT_YAML_NODES_MAX)
        bad(l, e->start_mark.line, "more than half a million nodes in one file");
    *n = (struct audit_node){.kind = kind,
                             .line = (unsigned)e->start_mark.line + 1,
                             .last = (unsigned)e->end_mark.line + 1,
                             .text = "",
                             .file = l->file->name};
    if (tag && tag[0] == '!')
        n->tag = audit_dup(l->a, span_str((const char *)tag));
    return n;
}

static void keep_anchor(struct loader *l, const yaml_char_t *name, const struct audit_node *node)
{
    if (!name)
        return;
    if (array_grow(&l->anchors, &l->anchor_cap, sizeof(l->anchors[0]), l->anchor_count + 1) < 0)
        bad(l, 0, "out of memory while reading YAML");
    else
        l->anchors[l->anchor_count++] =
            (struct anchor){audit_dup(l->a, span_str((const char *)name)), node};
}

static const struct audit_node *alias(struct loader *l, const yaml_event_t *e)
{
    const char *name = (const char *)e->data.alias.anchor;

    for (size_t i = l->anchor_count; i-- > 0;)
        if (strcmp(l->anchors[i].name, name) == 0)
            return l->anchors[i].node;
    bad(l, e->start_mark.line, audit_fmt(l->a, "no anchor '%s' stands before this alias", name));
    return NULL;
}

struct pairs {
    struct audit_pair *v;
    size_t count, cap;
};

static void add_pair(struct loader *l, struct pairs *p, struct audit_pair pair)
{
    if (array_grow(&p->v, &p->cap, sizeof(p->v[0]), p->count + 1) < 0)
        bad(l, 0, "out of memory while reading YAML");
    else
        p->v[p->count++] = pair;
}

static void add_merged(struct loader *l, struct pairs *p, const struct audit_node *from)
{
    for (size_t i = 0; from->kind == AUDIT_NODE_MAP && i < from->count && !l->bad; i++) {
        size_t k = 0;

        while (k < p->count && strcmp(p->v[k].key, from->v[i].key) != 0)
            k++;
        if (k == p->count)
            add_pair(l, p, from->v[i]);
        if (++l->nodes > AUDIT_YAML_NODES_MAX)
            bad(l, from->line - 1, "more than half a million merged keys in one file");
    }
}

/* Merged maps come behind the map's own keys, whichever stood first. */
static void merge(struct loader *l, struct pairs *p, const struct audit_node *from)
{
    if (from->kind != AUDIT_NODE_LIST) {
        add_merged(l, p, from);
        return;
    }
    for (size_t i = 0; i < from->count; i++)
        add_merged(l, p, from->v[i].value);
}

static void keep_pairs(struct loader *l, struct audit_node *n, struct pairs *p)
{
    struct audit_pair *v = audit_alloc(l->a, p->count * sizeof(v[0]) + 1);

    if (p->count > 0 && !audit_failed(l->a)) {
        memcpy(v, p->v, p->count * sizeof(v[0]));
        n->v = v;
        n->count = p->count;
    }
    free(p->v);
}

static const struct audit_node *load(struct loader *l, yaml_event_t *e, unsigned depth);

static void load_items(struct loader *l, struct audit_node *n, unsigned depth)
{
    struct pairs p = {0};
    yaml_event_t e;

    while (next(l, &e)) {
        unsigned line = (unsigned)e.start_mark.line + 1;
        bool end = e.type == YAML_SEQUENCE_END_EVENT;
        const struct audit_node *item = end ? NULL : load(l, &e, depth + 1);

        n->last = end ? (unsigned)e.end_mark.line + 1 : n->last;
        yaml_event_delete(&e);
        if (!item)
            break;
        add_pair(l, &p, (struct audit_pair){NULL, line, item});
    }
    keep_pairs(l, n, &p);
}

static void load_pairs(struct loader *l, struct audit_node *n, unsigned depth)
{
    struct pairs p = {0}, merges = {0};
    yaml_event_t e;

    while (next(l, &e)) {
        unsigned line = (unsigned)e.start_mark.line + 1;
        bool end = e.type == YAML_MAPPING_END_EVENT, plain = false;
        const struct audit_node *key = end ? NULL : load(l, &e, depth + 1), *value;

        n->last = end ? (unsigned)e.end_mark.line + 1 : n->last;
        plain = key && key->plain;
        yaml_event_delete(&e);
        if (!key)
            break;
        if (key->kind != AUDIT_NODE_TEXT)
            bad(l, line - 1, "a key that is no text");
        if (!next(l, &e))
            break;
        value = load(l, &e, depth + 1);
        yaml_event_delete(&e);
        if (!value)
            break;
        if (plain && strcmp(key->text, "<<") == 0)
            add_pair(l, &merges, (struct audit_pair){"<<", line, value});
        else
            add_pair(l, &p, (struct audit_pair){key->text, line, value});
    }
    for (size_t i = 0; i < merges.count; i++)
        merge(l, &p, merges.v[i].value);
    free(merges.v);
    keep_pairs(l, n, &p);
}

/* NULL: an end, or an error. The event stays the caller's. */
static const struct audit_node *load(struct loader *l, yaml_event_t *e, unsigned depth)
{
    struct audit_node *n;

    if (depth > AUDIT_YAML_DEPTH_MAX) {
        bad(l, e->start_mark.line, "collections nested too deeply");
        return NULL;
    }
    switch ((int)e->type) {
    case YAML_ALIAS_EVENT:
        return alias(l, e);
    case YAML_SCALAR_EVENT:
        n = new_node(l, AUDIT_NODE_TEXT, e, e->data.scalar.tag);
        n->text = audit_dup(l->a, span_of(e->data.scalar.value, e->data.scalar.length));
        n->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        keep_anchor(l, e->data.scalar.anchor, n);
        break;
    case YAML_SEQUENCE_START_EVENT:
        n = new_node(l, AUDIT_NODE_LIST, e, e->data.sequence_start.tag);
        load_items(l, n, depth);
        keep_anchor(l, e->data.sequence_start.anchor, n);
        break;
    case YAML_MAPPING_START_EVENT:
        n = new_node(l, AUDIT_NODE_MAP, e, e->data.mapping_start.tag);
        load_pairs(l, n, depth);
        keep_anchor(l, e->data.mapping_start.anchor, n);
        break;
    default:
        return NULL;
    }
    return l->bad || audit_failed(l->a) ? NULL : n;
}

/* --- documents -------------------------------------------------------------------------------- */

static void load_all(struct loader *l, struct pairs *documents)
{
    yaml_event_t e;
    bool end = false;

    while (!end && next(l, &e)) {
        const struct audit_node *n = NULL;

        switch ((int)e.type) {
        case YAML_STREAM_END_EVENT:
            end = true;
            break;
        case YAML_DOCUMENT_START_EVENT:
            l->anchor_count = 0;
            break;
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        default:
            n = load(l, &e, 0);
            break;
        }
        if (n && documents->count >= AUDIT_YAML_DOCUMENTS_MAX)
            bad(l, e.start_mark.line, "more than 2000 documents in one file");
        else if (n)
            add_pair(l, documents, (struct audit_pair){NULL, n->line, n});
        yaml_event_delete(&e);
    }
}

int audit_yaml(struct audit *a, const struct audit_source_file *file,
               const struct audit_node *const **ret_documents, size_t *ret_count)
{
    struct loader l = {.a = a, .file = file};
    const struct audit_node **v;
    struct pairs documents = {0};

    *ret_count = 0;
    if (!yaml_parser_initialize(&l.parser))
        return audit_bad(a, (struct audit_place){file->name, 0}, "out of memory");
    yaml_parser_set_encoding(&l.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(
        &l.parser, (const unsigned char *)(file->text.p ? file->text.p : ""), file->text.n);
    load_all(&l, &documents);
    yaml_parser_delete(&l.parser);
    v = audit_alloc(a, documents.count * sizeof(const void *) + 1);
    if (!l.bad && !audit_failed(a)) {
        for (size_t i = 0; i < documents.count; i++)
            v[i] = documents.v[i].value;
        *ret_count = documents.count;
    }
    *ret_documents = v;
    free(documents.v);
    free(l.anchors);
    return l.bad ? AUDIT_BAD : 0;
}

/* --- looking things up ------------------------------------------------------------------------ */

const struct audit_pair *audit_node_find(const struct audit_node *map, const char *key)
{
    if (map && map->kind == AUDIT_NODE_MAP)
        for (size_t i = map->count; i-- > 0;)
            if (strcmp(map->v[i].key, key) == 0)
                return &map->v[i];
    return NULL;
}

const struct audit_node *audit_node_get(const struct audit_node *map, const char *key)
{
    const struct audit_pair *p = audit_node_find(map, key);

    return p ? p->value : NULL;
}

const struct audit_node *audit_node_at(const struct audit_node *map, const char *path)
{
    struct span rest = span_str(path), part;
    char key[64];

    while (map && span_cut(&rest, '.', &part))
        map = span_copy(part, key, sizeof(key)) ? audit_node_get(map, key) : NULL;
    return map;
}

const char *audit_node_text(const struct audit_node *n)
{
    if (!n || n->kind != AUDIT_NODE_TEXT)
        return NULL;
    if (n->plain && (!n->text[0] || strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0))
        return NULL;
    return n->text;
}

bool audit_node_is(const struct audit_node *n, const char *text)
{
    const char *t = audit_node_text(n);

    return t && span_eq_nocase(span_str(t), span_str(text));
}

enum audit_answer audit_node_bool(const struct audit_node *n)
{
    static const char *const yes[] = {"true", "yes", "on", "1", "y"};
    static const char *const no[] = {"false", "no", "off", "0", "n"};

    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (audit_node_is(n, yes[i]))
            return AUDIT_YES;
        if (audit_node_is(n, no[i]))
            return AUDIT_NO;
    }
    return AUDIT_UNKNOWN;
}

struct audit_place audit_node_place(const struct audit_node *n)
{
    return n ? (struct audit_place){n->file, n->line} : (struct audit_place){0};
}

const struct audit_node *audit_node_map(struct audit *a, const struct audit_node *like,
                                        const struct audit_pair *v, size_t count)
{
    struct audit_node *n = audit_alloc(a, sizeof(*n));
    struct audit_pair *copy = audit_alloc(a, count * sizeof(copy[0]) + 1);

    *n = *like;
    n->kind = AUDIT_NODE_MAP;
    if (count > 0 && !audit_failed(a))
        memcpy(copy, v, count * sizeof(copy[0]));
    n->v = copy;
    n->count = audit_failed(a) ? 0 : count;
    return n;
}
