/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern list search: a line a listing, by state, class, network. */
#include "cmd/list/zones.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

struct args {
    struct list_args common;
    struct option_list states;
    const char *class;
    bool outputs, hosts, all;
    unsigned limit;
};

#define AT(field) offsetof(struct args, field)

static const struct option_row rows[] = {
    {.group = "What"},
    {"status", 0, "STATE",
     "nominated, testing, confirmed, provisional, listed, expired, delisted, "
     "dismissed or exempt; again for more",
     OPTION_LIST, AT(states), .shown = "what is not over"},
    {"all", 'a', NULL, "in whatever state", OPTION_FLAG, AT(all)},
    {"class", 0, "ID", "of this class", OPTION_TEXT, AT(class)},
    {"hosts", 0, NULL, "only hosts that were tested", OPTION_FLAG, AT(hosts)},
    {"outputs", 0, NULL, "only outputs", OPTION_FLAG, AT(outputs)},
    {"limit", 'n', "N", "at most this many", OPTION_UINT, AT(limit), .min = 1, .max = 1000000000,
     .shown = "all"},
    LIST_OPTION_ROWS(struct args, common),
    {0},
};

static const struct options options = {
    .program = "postern list search",
    .about = "Lists what the list knows.",
    .usage = "[OPTION]... [ADDRESS|NETWORK]...",
    .text = "Exit status: 0, 1 nothing was found, 64 misuse, 66 no store.",
    .rows = rows,
};

struct finding {
    struct ledger *g;
    uint64_t count, most;   /* most 0: no limit */
    struct ip_prefix *nets; /* of the operands before this one: what lies in two is told once */
    size_t before;
};

static int line(struct ledger *g, const struct store_listing *l)
{
    char ip[IP_TEXT_MAX], since[VIEW_TIME], expires[VIEW_TIME];

    buf_addf(&g->out, "%-39s  %-6s  %-11s  %-13.*s  %-19s  %-19s  %" PRId64 "\n",
             ip_text(l->address, ip), l->side == STORE_SIDE_OUTPUT ? "output" : "host",
             list_state_name((enum list_state)l->state), SPAN_ARG(l->class),
             view_time(l->changed_wall, since), view_time(l->expires_wall, expires), l->id);
    return g->out.err;
}

static int object(struct ledger *g, const struct store_listing *l)
{
    char ip[IP_TEXT_MAX];
    json_t *doc =
        json_pack("{s:s, s:I, s:s, s:s, s:s}", "type", "listing", "number", (json_int_t)l->id, "ip",
                  ip_text(l->address, ip), "side", l->side == STORE_SIDE_OUTPUT ? "output" : "host",
                  "state", list_state_name((enum list_state)l->state));

    if (!doc || !view_json_text(doc, "class", l->class) ||
        !view_json_time(doc, "since", l->changed_wall) ||
        !view_json_time(doc, "due", l->due_wall) ||
        !view_json_time(doc, "expires", l->expires_wall))
        g->out.err = g->out.err ? g->out.err : -ENOMEM;
    else
        report_lines(&g->out, doc);
    json_decref(doc);
    return g->out.err;
}

static int found(void *ctx, const struct store_listing *l)
{
    struct finding *f = ctx;

    for (size_t i = 0; i < f->before; i++)
        if (ip_prefix_has(f->nets[i], l->address))
            return 0;
    if (f->most && f->count == f->most)
        return 1;
    if (f->count++ == 0 && !f->g->args->json)
        buf_addf(&f->g->out, "%-39s  %-6s  %-11s  %-13s  %-19s  %-19s  %s\n", "ADDRESS", "SIDE",
                 "STATE", "CLASS", "SINCE", "EXPIRES", "NUMBER");
    return f->g->args->json ? object(f->g, l) : line(f->g, l);
}

static bool states_of(const struct args *args, uint32_t *ret)
{
    *ret = args->all ? 0
                     : 1U << LIST_NOMINATED | 1U << LIST_TESTING | 1U << LIST_CONFIRMED |
                           1U << LIST_PROVISIONAL | 1U << LIST_LISTED;
    if (args->states.count)
        *ret = 0;
    for (size_t i = 0; i < args->states.count; i++) {
        enum list_state s;

        if (!list_state_of(span_str(args->states.v[i]), &s) || s == LIST_NONE)
            return false;
        *ret |= 1U << s;
    }
    return true;
}

static int search(struct ledger *g, const struct args *args, uint32_t states, char **words,
                  int count)
{
    struct store_listing_filter filter = {
        .states = states,
        .side = args->outputs ? STORE_SIDE_OUTPUT
                : args->hosts ? STORE_SIDE_HOST
                              : -1,
        .class = span_str(args->class ? args->class : ""),
        .limit = args->limit,
    };
    struct finding f = {.g = g, .nets = calloc((size_t)count + 1, sizeof(*f.nets))};
    struct ip_prefix net;
    int rc = f.nets ? 0 : -ENOMEM;

    if (rc == 0 && count == 0)
        rc = store_listings_each(g->store, &filter, found, &f);
    for (int i = 0; i < count && rc == 0; i++) {
        if (!ip_prefix_parse(span_str(words[i]), &net)) {
            free(f.nets);
            return ledger_say(g, EX_USAGE, "%s: is no address or network", words[i]);
        }
        filter.in = &net;
        /* Of those that are told already none counts against the limit. */
        filter.limit = 0;
        f.most = args->limit;
        rc = store_listings_each(g->store, &filter, found, &f);
        f.nets[f.before++] = net;
    }
    free(f.nets);
    rc = rc > 0 ? 0 : rc;
    if (rc < 0)
        return g->out.err ? ledger_say(g, EX_OSERR, "%s", strerror(-rc))
                          : ledger_store_error(g, rc);
    return f.count ? 0 : 1;
}

int verb_search(int argc, char **argv)
{
    struct args args = {.common = LIST_ARGS_INIT};
    struct list_call call = {.options = &options, .args = &args, .common = &args.common};
    struct ledger g;
    uint32_t states;
    int first, status;

    if (!list_call_start(&call, argc, argv, &first, &status))
        return status;
    if (!states_of(&args, &states)) {
        option_list_deinit(&args.states);
        return list_call_end(&call, options_misuse(&options, "--status: there is no such state"));
    }
    status = ledger_open(&g, &call, LEDGER_LOOK);
    if (status == 0 && args.class && !list_class_of(&g.classes, span_str(args.class)))
        status = ledger_say(&g, EX_USAGE, "--class: there is no class \"%s\"", args.class);
    if (status == 0)
        status = search(&g, &args, states, argv + first, argc - first);
    option_list_deinit(&args.states);
    return list_call_end(&call, ledger_close(&g, status));
}
