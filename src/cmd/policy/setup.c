/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The settings of two sections: `policy` for the service itself, and of `gate` those that make the
 * relay policy, so that gate and service decide by one text. The command line wins over both.
 */
#include "cmd/policy/service.h"

#include "cmd/common/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct target {
    struct service_args *args;
};

static bool is_policy_setting(const char *name)
{
    static const struct option_row rows[] = {POLICY_OPTION_ROWS(struct service_args, policy), {0}};

    for (const struct option_row *row = rows; row->name; row++)
        if (strcmp(row->name, name) == 0)
            return true;
    return false;
}

static bool set(void *cookie, const char *name, const char *value, char err[CONF_ERROR_MAX])
{
    struct target *t = cookie;

    return !is_policy_setting(name) || options_set(&service_options, t->args, name, value, err);
}

/* The settings of the section `gate` that are ours too. */
static int load_gate(struct setup *s)
{
    struct target t = {&s->args};
    char err[CONF_ERROR_MAX];

    if (!s->conf || conf_each(s->conf, "gate", set, &t, err))
        return 0;
    fprintf(stderr, "%s: %s\n", service_options.program, err);
    return EX_CONFIG;
}

static void print_messages(const struct buf *messages)
{
    struct span rest = buf_span(messages), line;

    while (span_cut(&rest, '\n', &line))
        if (line.n)
            fprintf(stderr, "%s: %.*s\n", service_options.program, SPAN_ARG(line));
}

static int load_policy(struct setup *s)
{
    struct buf messages = BUF_INIT(POLICY_MESSAGES_MAX);
    int err = policy_load(&s->args.policy, s->conf, &s->policy, &messages), status = 0;

    if (err < 0) {
        status = err == -EINVAL ? EX_CONFIG : err == -ENOMEM ? EX_OSERR : EX_NOINPUT;
    } else if ((err = policy_refuse_open(s->policy, &messages)) != 0) {
        buf_add_str(&messages, err > 0 ? "this policy would relay for strangers\n"
                                       : "the addresses of this host can't be had\n");
        status = EX_CONFIG;
    }
    print_messages(&messages);
    buf_deinit(&messages);
    return status;
}

bool setup_socket_mode(const struct service_args *a, unsigned *ret)
{
    unsigned mode = 0;

    if (!a->socket_mode) {
        *ret = 0666;
        return true;
    }
    for (const char *p = a->socket_mode; *p; p++) {
        if (*p < '0' || *p > '7' || mode > 0777 >> 3)
            return false;
        mode = mode * 8 + (unsigned)(*p - '0');
    }
    *ret = mode;
    return *a->socket_mode != '\0';
}

static int check(const struct service_args *a, int argc, char **argv, int first)
{
    unsigned mode;

    if (first < argc && strcmp(argv[first], "check") != 0 && strcmp(argv[first], "serve") != 0)
        return options_misuse(&service_options, "\"%s\" is none of serve, check", argv[first]);
    if (first + 1 < argc)
        return options_misuse(&service_options, "\"%s\" is one operand too many", argv[first + 1]);
    if (!setup_socket_mode(a, &mode))
        return options_misuse(&service_options, "--socket-mode: \"%s\" is no mode like 0660",
                              a->socket_mode);
    return 0;
}

int setup_load(int argc, char **argv, struct setup *ret)
{
    int first, status;

    *ret = (struct setup){.args = {.clients = SERVICE_CLIENTS, .idle = SERVICE_IDLE}};
    status = settings_load(&service_options, "policy", argc, argv, &ret->args, &ret->conf);
    if (status == 0)
        status = load_gate(ret);
    if (status == 0) {
        switch (options_parse(&service_options, argc, argv, &ret->args, &first)) {
        case OPTIONS_DONE:
            status = -1;
            break;
        case OPTIONS_MISUSE:
            status = OPTIONS_EXIT_MISUSE;
            break;
        case OPTIONS_RUN:
            status = check(&ret->args, argc, argv, first);
            ret->check_only = status == 0 && first < argc && strcmp(argv[first], "check") == 0;
            break;
        }
    }
    if (status == 0)
        status = load_policy(ret);
    if (status)
        setup_deinit(ret);
    return status;
}

void setup_deinit(struct setup *s)
{
    relay_policy_free(&s->policy);
    policy_args_deinit(&s->args.policy);
    option_list_deinit(&s->args.listen);
    conf_free(&s->conf);
    *s = (struct setup){0};
}
