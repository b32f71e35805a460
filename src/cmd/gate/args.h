/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The settings of postern-gate: one field an option, one option a row of conf/schema.c. A reload
 * reads them anew into a fresh struct; whoever keeps a pointer into one holds its `conf` too.
 */
#ifndef POSTERN_CMD_GATE_ARGS_H
#define POSTERN_CMD_GATE_ARGS_H

#include "cmd/common/policy.h"
#include "conf/conf.h"
#include "io/options.h"

enum gate_bare { GATE_BARE_REFUSE, GATE_BARE_REPLACE };
enum gate_log_style { GATE_LOG_PLAIN, GATE_LOG_POSTFIX };

struct gate_args {
    /* who we are, where we listen */
    const char *name, *config;
    struct option_list listen_mx, listen_submission, listen_submissions, proxy_from;
    /* the relay policy (RELAY) */
    struct policy_args policy;
    const char *client_ca;
    /* where mail goes (CORE) */
    struct option_list backend;
    const char *outbound, *backend_ca;
    /* TLS (CORE) */
    const char *cert, *key, *cert_dir;
    /* logins (AUTH) */
    const char *auth_dovecot, *auth_file;
    bool auth_plain_loopback, mx_logins, drac_portmap;
    unsigned login_failures, recipients_per_hour, prefixes_per_day;
    const char *grants_listen, *grants_socket, *grants_log, *drac_listen;
    struct option_list grants_from, grants_users, grant_networks;
    int64_t grant_time;
    unsigned grant_users_max;
    /* hygiene (HYGIENE) */
    struct option_list dnsbl, dnswl, traps, traps_from, exempt;
    unsigned dnsbl_threshold;
    int64_t dnsbl_timeout;
    const char *resolver;
    bool client_names;
    bool tarpit;
    unsigned tarpit_max;
    int64_t tarpit_delay, trap_time;
    const char *trap_file, *evidence;
    unsigned hops_max;
    bool guard;
    unsigned guard_sessions;
    /* bounds and running (CORE) */
    uint64_t size_max;
    unsigned sessions_max, sessions_per_host, backend_max, rcpt_max, workers;
    unsigned bare_newlines; /* enum gate_bare */
    unsigned log_style;     /* enum gate_log_style */
    int64_t greet_wait, drain_time, backend_idle;
    const char *admin, *metrics_listen, *pid_file, *user, *state;
    bool backend_test, verbose;
    bool json; /* of explain */
};

extern const struct options gate_options;

enum { GATE_ARGS_DONE = -1 }; /* help was shown: exit 0 */

/*
 * Defaults, then the configuration, then the command line. 0, GATE_ARGS_DONE, or an exit status
 * after the reason was printed; *ret_first is the first operand. *ret_conf owns values of *args:
 * free it after gate_args_deinit().
 */
int gate_args_read(int argc, char **argv, struct gate_args *args, struct conf **ret_conf,
                   int *ret_first);
void gate_args_deinit(struct gate_args *args);

#endif
