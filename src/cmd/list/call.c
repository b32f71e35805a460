/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The start and the end of every verb: what the configuration says, then the command line. */
#include "cmd/list/list.h"

bool list_call_start(struct list_call *call, int argc, char **argv, int *ret_first, int *ret_status)
{
    *ret_status = settings_load(call->options, "list", argc, argv, call->args, &call->conf);
    if (call->conf) {
        call->common->scope = conf_get(call->conf, "test", "scope");
        call->common->never = conf_get(call->conf, "test", "never");
        call->common->ports = conf_get(call->conf, "test", "ports");
    }
    if (*ret_status == 0 &&
        options_start(call->options, argc, argv, call->args, ret_first, ret_status))
        return true;
    list_call_end(call, 0);
    return false;
}

int list_call_end(struct list_call *call, int status)
{
    option_list_deinit(&call->common->never_list);
    option_list_deinit(&call->common->dnswl);
    option_list_deinit(&call->common->own);
    option_list_deinit(&call->common->lab);
    conf_free(&call->conf);
    return status;
}
