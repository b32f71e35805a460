/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern dns: reads its settings and starts what they ask for. */
#include "cmd/dns/serve.h"
#include "io/log.h"

int main(int argc, char **argv)
{
    struct dns_args args;
    struct conf *conf;
    int status = dns_args_read(argc, argv, &args, &conf);

    if (status) {
        dns_args_deinit(&args);
        conf_free(&conf);
        return status == DNS_ARGS_DONE ? 0 : status;
    }
    if (args.verbose) {
        log_set_level(LOG_LEVEL_DEBUG);
        log_set_burst(0);
    }
    if (args.make_key)
        return dns_make_key(&args, conf);
    return args.check ? dns_check(&args, conf) : dns_serve(argc, argv, &args, conf);
}
