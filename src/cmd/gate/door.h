/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A configuration as it is in force: settings, relay policy, backends, certificates. A reload makes
 * a new one beside it; sessions hold the one that they began with until they end.
 */
#ifndef POSTERN_CMD_GATE_DOOR_H
#define POSTERN_CMD_GATE_DOOR_H

#include "cmd/gate/args.h"
#include "cmd/gate/routes.h"
#include "gate/client.h"
#include "io/tls.h"
#include "relay/policy.h"
#include "smtp/server.h"

enum { DOOR_NAME_MAX = 256, DOOR_WEAK_MAX = TLS_ERROR_MAX + 20 };

enum door_kind { DOOR_MX, DOOR_SUBMISSION, DOOR_SUBMISSIONS, DOOR_KINDS };

const char *door_kind_name(enum door_kind kind);

struct trust;

struct door {
    unsigned refs;
    struct gate_args args; /* owned, with the texts in conf */
    struct conf *conf;
    struct relay_policy *policy;
    struct routes routes;
    char name[DOOR_NAME_MAX]; /* ours */
    struct smtp_server_config smtp[DOOR_KINDS];
    struct tls_context *tls[DOOR_KINDS]; /* NULL: no certificate */
    char tls_weak[DOOR_WEAK_MAX]; /* why the users' ports have none, should such a port be open */
    struct trust *trust;          /* of backends */
    struct ip_prefix *proxies;
    size_t proxy_count;
};

/*
 * Takes args and conf over, also when it fails. The reasons go to *messages, a line each. *ret has
 * one reference. 0, or an exit status of sysexits.h.
 */
int door_open(struct gate_args *args, struct conf *conf, struct door **ret, struct buf *messages);
struct door *door_ref(struct door *d);
/* Safe on NULL. */
void door_free(struct door **d);
/* Whether this peer has to speak the PROXY protocol. */
bool door_is_proxy(const struct door *d, struct ip peer);

#endif
