/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stalwart, inside of its interpreter. */
#ifndef POSTERN_AUDIT_MTA_STALWART_PRIV_H
#define POSTERN_AUDIT_MTA_STALWART_PRIV_H

#include "audit/unix.h"

enum { STALWART_CLAUSES_MAX = 50, STALWART_LISTENERS_MAX = 50, STALWART_NEST_MAX = 30 };

enum stalwart_tri { STALWART_NO, STALWART_YES, STALWART_DOUBT };

/* "if" NULL: of "else". */
struct stalwart_clause {
    struct span cond, value;
};

struct stalwart_expression {
    struct stalwart_clause v[STALWART_CLAUSES_MAX];
    size_t count;
    struct audit_place place;
    bool set;
};

struct stalwart_listener {
    const char *name;
    struct span protocol, proxies;
    struct span bind[4];
    size_t binds;
    struct audit_place place, proxies_place;
};

struct stalwart {
    struct audit *a;
    const struct audit_kind *kind;
    const char *file;
    struct stalwart_expression relay, require;
    struct stalwart_listener listeners[STALWART_LISTENERS_MAX];
    size_t listener_count;
    struct span proxies;
    struct audit_place proxies_place, domain_place;
    bool domain_relays;
};

/* Who asks. */
struct stalwart_asker {
    const struct stalwart_listener *l;
    struct audit_door *d;
    unsigned port;
    bool login, sender, helo;
    unsigned asked; /* enum audit_key: what expressions have asked for */
    struct stalwart *s;
    struct audit_place place;
    bool collect;
};

void stalwart_clause(struct stalwart_expression *e, struct span cond, struct span value);
enum stalwart_tri stalwart_decide(struct stalwart_asker *w, const struct stalwart_expression *e);
/* The first text in quotes; a NULL span when there is none. */
struct span stalwart_literal(struct span s);

#endif
