/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Variables as Compose and its env files have them: files of NAME=VALUE lines, and texts with
 * ${NAME:-default} in them. All memory is the audit's.
 */
#ifndef POSTERN_AUDIT_ENV_H
#define POSTERN_AUDIT_ENV_H

#include "audit/interp.h"

enum { AUDIT_ENV_MAX = 4000 }; /* variables of one environment */

struct audit_var {
    const char *name, *value;
    struct audit_place place;
    const char *unset; /* name of a variable in it that nobody sets: the value is not certain */
    bool line;         /* a line NAME=VALUE of its own: it can be replaced */
};

struct audit_env {
    struct audit_var *v;
    size_t count, cap; /* cap: room in v, which is of the arena */
};

/* Sets or replaces. */
void audit_env_set(struct audit *a, struct audit_env *env, struct audit_var var);
const struct audit_var *audit_env_find(const struct audit_env *env, const char *name);
/* Its value; NULL: not set, or empty. */
const char *audit_env_get(const struct audit_env *env, const char *name);
/*
 * Reads an env file: comments, "export", quotes, values over lines in quotes. References are
 * resolved from `env` itself, then from `outer` (may be NULL). Later lines win. 0 or AUDIT_BAD.
 */
int audit_env_read(struct audit *a, struct audit_env *env, const struct audit_env *outer,
                   const struct audit_source_file *file);
/*
 * Resolves $NAME, ${NAME}, ${NAME:-x}, ${NAME-x}, ${NAME:?x}, ${NAME:+x}, $$. *ret_unset is the
 * first name that nobody sets and that has no default, or NULL.
 */
const char *audit_env_expand(struct audit *a, const struct audit_env *env, struct span text,
                             const char **ret_unset);

/* Networks from a list with blanks and commas: for "trusted" lists of images. */
struct audit_door;
/*
 * Adds each network of a list (separators: blank, comma, semicolon; brackets and "!" as in Postfix)
 * to nets. What is no network becomes an undecided finding with rule `id`. When `line` names the
 * variable, each network's fix is that line with loopback only.
 */
void audit_env_nets(struct audit *a, struct audit_door *d, struct audit_nets *nets,
                    const struct audit_var *var, const char *id);

#endif
