/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern gate: reads its settings and starts what the first word asks for. */
#include "cmd/gate/admin.h"
#include "cmd/gate/explain.h"
#include "cmd/gate/gate.h"
#include "cmd/gate/passwd.h"
#include "io/log.h"
#include "io/tls_memory.h"

#include <string.h>

static const struct {
    const char *name;
    bool takes_operands;
} verbs[] = {{"serve", false}, {"check", false}};

/* Takes args and conf over when it starts anything. */
static int run(int argc, char **argv, struct gate_args *args, struct conf **conf, int first)
{
    struct conf *own = *conf;

    const char *verb = first < argc ? argv[first] : "serve";

    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (strcmp(verb, verbs[i].name) == 0 && !verbs[i].takes_operands && first + 1 < argc)
            return options_misuse(&gate_options, "%s takes no operand, \"%s\" is one", verb,
                                  argv[first + 1]);
    if (strcmp(verb, "ctl") == 0)
        return gate_ctl(args, argc - first - 1, argv + first + 1);
    if (strcmp(verb, "explain") == 0)
        return gate_explain(args, own, argc - first - 1, argv + first + 1);
    if (strcmp(verb, "passwd") == 0)
        return gate_passwd(args, argc - first - 1, argv + first + 1);
    *conf = NULL;
    if (strcmp(verb, "check") == 0)
        return gate_check(args, own);
    if (strcmp(verb, "serve") == 0)
        return gate_serve(argc, argv, args, own);
    *conf = own;
    return options_misuse(&gate_options, "\"%s\" is none of serve, check, explain, passwd, ctl",
                          verb);
}

int main(int argc, char **argv)
{
    struct gate_args args;
    struct conf *conf;
    int first, status;

    tls_memory_init(); /* where it fails a TLS session is a little larger, no more */
    status = gate_args_read(argc, argv, &args, &conf, &first);
    if (status == 0) {
        if (args.verbose) {
            log_set_level(LOG_LEVEL_DEBUG);
            log_set_burst(0);
        }
        status = run(argc, argv, &args, &conf, first);
    }
    gate_args_deinit(&args);
    conf_free(&conf);
    return status == GATE_ARGS_DONE ? 0 : status;
}
