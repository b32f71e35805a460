/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The relay policy of a program: options and settings of one name each, the files that they name,
 * and the facts of this host, made into a sealed struct relay_policy. Gate, policy service and
 * "explain" all get theirs here, so that they cannot differ.
 *
 *     struct args { struct policy_args policy; … };
 *     static const struct option_row rows[] = { POLICY_OPTION_ROWS(struct args, policy), … };
 *     …settings_load(), options_parse()…
 *     r = policy_load(&args.policy, conf, &policy, &messages);
 *     r = policy_refuse_open(policy, &messages);
 */
#ifndef POSTERN_CMD_COMMON_POLICY_H
#define POSTERN_CMD_COMMON_POLICY_H

#include "conf/conf.h"
#include "io/options.h"
#include "relay/check.h"

enum { POLICY_MESSAGES_MAX = 1 << 16 }; /* bytes: what the buffer for messages may hold */

struct policy_args {
    struct option_list domains, domains_file, networks, networks_file, tcprules, hosts_allow,
        access, certs, literals;
    bool mx_networks;
    const char *client_ca; /* PEM file; set by a program that has such an option, else NULL */
};

/* clang-format off */
#define POLICY_OPTION_ROWS(type, field)                                                            \
    {"domains", 0, "NAME", "a domain whose mail we take, .NAME with all below it", OPTION_LIST,    \
     offsetof(type, field.domains)},                                                               \
    {"domains-file", 0, "FILE", "a file with such domains, one a line", OPTION_LIST,               \
     offsetof(type, field.domains_file)},                                                          \
    {"networks", 0, "PREFIX", "a network whose hosts may relay", OPTION_LIST,                      \
     offsetof(type, field.networks)},                                                              \
    {"networks-file", 0, "FILE", "a file with such networks, one a line", OPTION_LIST,             \
     offsetof(type, field.networks_file)},                                                         \
    {"tcprules", 0, "FILE", "a tcprules file whose RELAYCLIENT rules count", OPTION_LIST,          \
     offsetof(type, field.tcprules)},                                                              \
    {"hosts-allow", 0, "FILE", "a hosts.allow file whose RELAYCLIENT lines count", OPTION_LIST,    \
     offsetof(type, field.hosts_allow)},                                                           \
    {"access", 0, "FILE", "an access file of Sendmail or Postfix", OPTION_LIST,                    \
     offsetof(type, field.access)},                                                                \
    {"certs", 0, "SHA256", "the key of a client certificate that may relay", OPTION_LIST,          \
     offsetof(type, field.certs)},                                                                 \
    {"literals", 0, "ADDRESS", "an address of ours: user@[IT] is a mailbox", OPTION_LIST,          \
     offsetof(type, field.literals)},                                                              \
    {"mx-networks", 0, NULL, "let networks and login grants relay on port 25 too", OPTION_FLAG,    \
     offsetof(type, field.mx_networks)}
/* clang-format on */

void policy_args_deinit(struct policy_args *a);

/*
 * Makes the policy. All files are read before anything is returned. `conf` (NULL: none) tells the
 * lines of the values that came from it. Warnings go to *messages, one a line, and so does the
 * reason where the result is no policy: 0, -EINVAL for what is written wrong, -ENOMEM, or the
 * -errno of a file that can't be read.
 */
int policy_load(const struct policy_args *a, const struct conf *conf, struct relay_policy **ret,
                struct buf *messages);

/*
 * Looks at the policy with the facts of this host. How many findings there are, each a line of
 * *messages; 0 for a policy that is safe to serve; -errno when the facts can't be had.
 */
int policy_refuse_open(const struct relay_policy *policy, struct buf *messages);

#endif
