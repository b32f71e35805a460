/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The service, and the check of what it would serve. */
#ifndef POSTERN_CMD_DNS_SERVE_H
#define POSTERN_CMD_DNS_SERVE_H

#include "cmd/dns/args.h"

/* Each takes args and conf over, also when it fails, and returns an exit status. */
int dns_serve(int argc, char **argv, struct dns_args *args, struct conf *conf);
int dns_check(struct dns_args *args, struct conf *conf);
int dns_make_key(struct dns_args *args, struct conf *conf);

#endif
