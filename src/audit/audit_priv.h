/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The audit itself. Inside of the core only: interpreters see audit/interp.h. */
#ifndef POSTERN_AUDIT_AUDIT_PRIV_H
#define POSTERN_AUDIT_AUDIT_PRIV_H

#include "audit/interp.h"

enum { AUDIT_SPARE = 4096, AUDIT_CHUNK = 64 << 10 };

struct audit_chunk {
    struct audit_chunk *next;
    size_t used, cap;
    /* bytes follow */
};

/* A file that was asked for, under the path that was found. */
struct audit_cached {
    const char *path;
    enum audit_file got;
    struct span text;
};

struct audit_alias {
    const char *from, *to;
    bool copy; /* `to` is a copy of some system, not this machine's own */
};

struct audit_input {
    const struct audit_kind *kind;
    const char *path;
    bool folder;
};

/* Addresses that clients from the Internet can have. */
struct audit_nat {
    struct ip_prefix net;
    bool certain;
    const char *what;
    struct audit_place place;
};

struct audit_publish {
    unsigned port;
    bool v4, v6;
};

struct audit_boxes;

struct audit {
    struct audit_files files;
    bool whole; /* the provider has a whole system, and nothing but it */
    int err;    /* sticky: -ENOMEM, -E2BIG */
    struct audit_chunk *chunks;
    size_t memory;
    _Alignas(16) char spare[AUDIT_SPARE];

    struct audit_cached *cached;
    size_t cached_count, cached_cap, bytes_read;
    struct audit_alias *aliases;
    size_t alias_count, alias_cap;
    struct audit_input *inputs;
    size_t input_count, input_cap;

    const char *name, *version;
    struct audit_interface *interfaces;
    size_t interface_count, interface_cap;
    struct audit_nat *nats;
    size_t nat_count, nat_cap;
    struct audit_publish *published;
    size_t published_count, published_cap;
    struct relay_nets own;
    bool no_nat, nat_told;
    unsigned *forwarded;
    size_t forwarded_count, forwarded_cap;
    struct audit_boxes *boxes; /* audit/boxes.h: containers, while their files are read */

    struct audit_door **doors;
    size_t door_count, door_cap;
    struct audit_door spare_door;
    struct audit_net spare_net;
    struct audit_finding **findings;
    size_t finding_count, finding_cap;
    struct audit_finding spare_finding;

    char error[800];
    bool finished;
};

/* Sets the sticky error; the first stays. */
void audit_stick(struct audit *a, int err);
extern const struct audit_kind *const audit_kind_table[];
/* A public address of `net` that no narrow network of `named` (may be NULL) holds. */
bool audit_public_in(const struct relay_nets *named, struct ip_prefix net, struct ip *ret);
unsigned audit_wide_len(enum ip_family family);
/* audit/utf16.c: a text with a byte order mark of UTF-16 becomes UTF-8. */
void audit_utf16(struct audit *a, struct span *text);
/* audit/boxes.c: what was said of containers becomes facts and doors. 0 or AUDIT_BAD. */
int audit_boxes_settle(struct audit *a);
/* audit/join.c: findings from doors and facts. */
void audit_join(struct audit *a);
/* audit/settle.c: what findings have in common: lowering, joining, proving, order. */
void audit_settle(struct audit *a);
/* The worst first. */
void audit_order(struct audit *a);

#endif
