/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What hygiene.c (sessions) and hygiene_open.c (settings) share. */
#ifndef POSTERN_CMD_GATE_HYGIENE_PRIV_H
#define POSTERN_CMD_GATE_HYGIENE_PRIV_H

#include "cmd/gate/dnsbl.h"
#include "cmd/gate/evidence_file.h"
#include "cmd/gate/guard_watch.h"
#include "cmd/gate/hygiene.h"
#include "cmd/gate/names.h"
#include "cmd/gate/traps.h"

struct hygiene {
    struct loop *loop;
    struct metrics *metrics;
    struct dnsbl *dnsbl; /* NULL: no list */
    struct names *names;
    char *names_server;
    bool names_on; /* of all clients; else of those whom the guard needs it for */
    struct traps *traps;
    struct guard_watch *guard;
    struct evidence_file *evidence; /* NULL: none */
    char *evidence_dir;
    struct hygiene_log log;
    struct tarpit tarpit;
    struct ip_prefix *exempt;
    size_t exempt_count;
    unsigned worker, hops_max, active;
};

#endif
