/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The settings of postern-dns: one field an option, one option a row of conf/schema.c. A reload
 * reads them anew into a fresh struct; whoever keeps a pointer into one holds its `conf` too.
 *
 * A command line of rbldnsd is taken as it stands: its options are read by their letters, and those
 * that have no use here say what to do instead.
 */
#ifndef POSTERN_CMD_DNS_ARGS_H
#define POSTERN_CMD_DNS_ARGS_H

#include "conf/conf.h"
#include "io/options.h"

enum dns_public { DNS_PUBLIC_ANSWER, DNS_PUBLIC_REFUSE };

enum { DNS_MADE_MAX = 64 };

/* Options that only rbldnsd has, and that take nothing. */
struct dns_rbl_flags {
    bool stay, fork, quick, minimal, v4, v6; /* nothing to do */
    bool full, plain_files, dump;            /* refused */
};

struct dns_args {
    const char *config;
    /* where queries come in */
    struct option_list listen;
    unsigned workers; /* 0: one a core */
    uint64_t receive_buffer;
    bool tcp;
    unsigned tcp_clients, tcp_per_client;
    int64_t tcp_idle;
    unsigned udp_max;
    /* zones; the operands of the command line stand behind them */
    struct option_list zone;
    char **operands;
    size_t operand_count;
    const char *workdir;
    struct option_list ns, soa, web;
    int64_t negative_ttl, ttl, ttl_min, ttl_max, check_files;
    bool unaligned;
    /* what data are taken */
    struct option_list accept, reserved;
    unsigned widest4, widest6, share_max, growth_max, shrink_max;
    /* who may ask */
    struct option_list acl, keys, public_resolvers;
    unsigned public_answer; /* enum dns_public */
    const char *key_secret;
    /* secondaries */
    struct option_list transfer, notify;
    const char *tsig_keys;
    unsigned transfers_max;
    /* defence */
    unsigned rate, rate_slip;
    struct option_list rate_exempt;
    const char *cookie_secret;
    bool cookies_required;
    /* running */
    const char *nsid, *version_text, *metrics_listen, *state, *pid_file, *user, *make_key;
    unsigned query_log;
    bool query_log_pairs;
    int64_t drain_time;
    bool check, json, verbose;
    struct dns_rbl_flags rbl;
    char *made[DNS_MADE_MAX]; /* owned: texts put together from rbldnsd's -b */
    size_t made_count;
};

extern const struct options dns_options;

enum { DNS_ARGS_DONE = -1 }; /* help was shown: exit 0 */

/*
 * Defaults, then the configuration, then the command line. 0, DNS_ARGS_DONE, or an exit status
 * after the reason was printed. *ret_conf owns values of *args: free it after dns_args_deinit().
 * argv is reordered, and may be read again.
 */
int dns_args_read(int argc, char **argv, struct dns_args *args, struct conf **ret_conf);
void dns_args_deinit(struct dns_args *args);

#endif
