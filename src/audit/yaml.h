/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * YAML, and JSON as a part of it, as a tree that knows its lines. Anchors are resolved, merge keys
 * ("<<") are merged; one node may so stand at several places. Belongs to the audit's memory.
 */
#ifndef POSTERN_AUDIT_YAML_H
#define POSTERN_AUDIT_YAML_H

#include "audit/interp.h"

enum {
    AUDIT_YAML_DEPTH_MAX = 60,      /* collections in one another */
    AUDIT_YAML_NODES_MAX = 500000,  /* nodes and merged keys of one file */
    AUDIT_YAML_DOCUMENTS_MAX = 2000 /* "---" in one file */
};

enum audit_node_kind { AUDIT_NODE_TEXT, AUDIT_NODE_LIST, AUDIT_NODE_MAP };

struct audit_node;

struct audit_pair {
    const char *key; /* NULL in a list */
    unsigned line;   /* of the key, or of the item */
    const struct audit_node *value;
};

struct audit_node {
    enum audit_node_kind kind;
    unsigned line, last; /* physical lines, from 1 */
    const char *text;    /* of a text; "" otherwise */
    bool plain;          /* a text without quotes: null, true and ~ have their meaning */
    const char *tag;     /* "!reset", "!override"; NULL: none */
    const struct audit_pair *v;
    size_t count;
    const char *file;
};

/* 0; AUDIT_BAD, and the audit's error has file, line and remedy. Sticky errors give 0 documents. */
int audit_yaml(struct audit *a, const struct audit_source_file *file,
               const struct audit_node *const **ret_documents, size_t *ret_count);

/* All of these take NULL and a node of another kind for "not there". */
const struct audit_pair *audit_node_find(const struct audit_node *map, const char *key);
const struct audit_node *audit_node_get(const struct audit_node *map, const char *key);
/* The same down a path: "spec.template.spec". */
const struct audit_node *audit_node_at(const struct audit_node *map, const char *path);
const char *audit_node_text(const struct audit_node *n);          /* NULL: no text, or null */
bool audit_node_is(const struct audit_node *n, const char *text); /* without case */
enum audit_answer audit_node_bool(const struct audit_node *n);
struct audit_place audit_node_place(const struct audit_node *n);

/* For trees that are put together by hand (a merge of two files). */
const struct audit_node *audit_node_map(struct audit *a, const struct audit_node *like,
                                        const struct audit_pair *v, size_t count);

#endif
