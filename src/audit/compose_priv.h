/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compose files: the merge of several into one tree, and reading that. */
#ifndef POSTERN_AUDIT_COMPOSE_PRIV_H
#define POSTERN_AUDIT_COMPOSE_PRIV_H

#include "audit/boxes.h"
#include "audit/yaml.h"

/* One project: a folder, its variables, and its merged tree. */
struct compose {
    struct audit *a;
    const char *dir;
    struct audit_env env; /* .env: what ${NAME} means */
    const struct audit_node *root;
};

/* A text with its references resolved; NULL: no text. *ret_unset may be NULL. */
const char *compose_text(struct compose *c, const struct audit_node *n, const char **ret_unset);
/* "true" and so on behind references. */
enum audit_answer compose_bool(struct compose *c, const struct audit_node *n);
/* Two trees as Compose merges them: `over` wins, maps are merged, lists are joined. */
const struct audit_node *compose_merge(struct audit *a, const struct audit_node *base,
                                       const struct audit_node *over, unsigned depth);
/* Adds a file, with its `include`s, to the tree. 0 or AUDIT_BAD. */
int compose_add_file(struct compose *c, const char *path, unsigned depth);
/* Services and networks of the tree into boxes. 0 or AUDIT_BAD. */
int compose_project(struct compose *c);
/* A service with its `extends` resolved. NULL after audit_bad(). */
const struct audit_node *compose_extended(struct compose *c, const struct audit_node *services,
                                          const struct audit_pair *service, unsigned depth);

#endif
