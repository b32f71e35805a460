/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line of postern-test(1). */
#ifndef POSTERN_CMD_TEST_ARGS_H
#define POSTERN_CMD_TEST_ARGS_H

#include "io/options.h"
#include "io/term.h"

enum {
    ARGS_PORTS_MAX = 16,
    ARGS_WAIT = 30 * 1000, /* ms, see --wait */
    ARGS_WAIT_MAX =
        7 * 24 * 3600 * 1000, /* greylisting may ask for hours; RFC 5321 §4.5.4.1 for days */
    ARGS_TIMEOUT = 60 * 1000, /* ms, see --timeout; RFC 5321 §4.5.3.2 allows 300 s */
    ARGS_CONNECT = 10 * 1000,
    ARGS_LIMIT = 40 * 1000, /* ms, see --limit */
    ARGS_PARALLEL = 1000,
};

enum args_set { ARGS_SET_AUTO, ARGS_SET_QUICK, ARGS_SET_STANDARD, ARGS_SET_FULL };
enum args_tls { ARGS_TLS_AUTO, ARGS_TLS_NO, ARGS_TLS_ONLY };

struct args {
    /* whom */
    struct option_list domains;
    const char *targets_file, *ports;
    unsigned tls;
    bool v4_only, v6_only, own, gentle;
    const char *scope_file, *never_file;
    struct option_list controls, local_domains;
    const char *local_rcpt, *partner, *mx_label;
    /* what */
    struct option_list probe_files, only, skip, family, with;
    unsigned set;
    const char *from, *rcpt, *helo;
    const char *account, *password_file, *cert, *cert_key;
    /* who we are */
    const char *probe_domain, *probe_address, *name, *contact, *uri, *opt_out;
    /* proof */
    struct option_list sink_listen;
    const char *maildir, *imap_url, *imap_user, *imap_password_file, *imap_ca_file;
    /* time */
    int64_t wait, timeout, connect_timeout, limit;
    unsigned parallel, per_network, jobs;
    /* what else to do */
    bool list_probes, dry_run, preflight, no_preflight, resume;
    const char *dnsbl;
    /* output */
    bool json, junit, prometheus, nagios, all, quiet, no_store, no_transcript;
    const char *html;
    unsigned color;
    /* where */
    const char *state, *resolver, *config, *local_address;

    /* made of the above */
    uint16_t port[ARGS_PORTS_MAX];
    size_t port_count; /* 0: the usual ones */
};

extern const struct options args_options;

void args_defaults(struct args *a);
void args_deinit(struct args *a);
/* Where the command line and what was preset by the configuration exclude each other: it wins. */
void args_over_preset(struct args *a, const struct args *preset);
/* What must not stand beside --resume. */
int args_check_resume(const struct args *a, int operands);
/* What the table can't see: options that exclude each other, ports. The exit status, or 0. */
int args_check(struct args *a, int operands);

#endif
