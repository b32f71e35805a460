/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Facts of a host as options, and their way into an audit. */
#ifndef POSTERN_CMD_AUDIT_FACTS_H
#define POSTERN_CMD_AUDIT_FACTS_H

#include "audit/audit.h"
#include "io/options.h"

struct facts {
    const char *name, *version;
    struct option_list interfaces, nat, published, own;
    bool no_nat;
};

/* clang-format off */
#define FACTS_OPTION_ROWS(type, field)                                                             \
    {"host-name", 0, "NAME", "the host's full name", OPTION_TEXT, offsetof(type, field.name)},     \
    {"interface", 0, "ADDRESS/LENGTH", "an address of the host with the length of its network",    \
     OPTION_LIST, offsetof(type, field.interfaces)},                                               \
    {"nat", 0, "NETWORK", "clients from the Internet can come with these addresses: a gateway, a " \
     "balancer, a node", OPTION_LIST, offsetof(type, field.nat)},                                  \
    {"no-nat", 0, NULL, "clients keep their own addresses all the way", OPTION_FLAG,               \
     offsetof(type, field.no_nat)},                                                                \
    {"published", 0, "PORT", "strangers reach this port, and no other but those given",            \
     OPTION_LIST, offsetof(type, field.published)},                                                \
    {"own-net", 0, "NETWORK", "a public network that is all your own", OPTION_LIST,                \
     offsetof(type, field.own)},                                                                   \
    {"mta-version", 0, "VERSION", "the mail server's version", OPTION_TEXT,                        \
     offsetof(type, field.version), .shown = "see postern-audit(1)"}
/* clang-format on */

/* 0, or -EINVAL with the reason in err. */
int facts_give(const struct facts *f, struct audit *a, char err[OPTIONS_ERROR_MAX]);
void facts_deinit(struct facts *f);

#endif
