/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a person decides, each with a reason that is kept: delist, exempt, confirm. There is no verb
 * by which a person lists a host: only a token that arrived does that, and `confirm` only lets it.
 */
#include "cmd/list/collect.h"
#include "cmd/list/expire.h"
#include "cmd/list/zones.h"

#include "base/num.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct args {
    struct list_args common;
    const char *reason, *who;
    int64_t until;
    bool output, appeal, remove, list;
};

#define AT(field) offsetof(struct args, field)

/* clang-format off */
#define REASON_ROWS                                                                                \
    {.group = "Why"},                                                                              \
    {"reason", 'r', "TEXT", "why, for the record", OPTION_TEXT, AT(reason)},                       \
    {"who", 0, "NAME", "who says so, where it is not the caller", OPTION_TEXT, AT(who)}
/* clang-format on */

static const struct option_row delist_rows[] = {
    REASON_ROWS,
    {"appeal", 0, NULL, "it should not have been listed: counts against our precision", OPTION_FLAG,
     AT(appeal)},
    {"output", 0, NULL, "the listing as an output, not as a relay", OPTION_FLAG, AT(output)},
    LIST_OPTION_ROWS(struct args, common),
    {0},
};

static const struct options delist_options = {
    .program = "postern list delist",
    .about = "Takes a host out of the list, or a nomination out of the queue.",
    .usage = "[OPTION]... --reason TEXT ADDRESS...",
    .text = "Exit status: 0, 1 not listed, 64 misuse, 75 try again.",
    .rows = delist_rows,
};

static const struct option_row exempt_rows[] = {
    REASON_ROWS,
    {.group = "What"},
    {"until", 0, "TIME", "from now on for so long", OPTION_TIME, AT(until), .min = 60000,
     .shown = "for good"},
    {"remove", 0, NULL, "end the exemption", OPTION_FLAG, AT(remove)},
    {"list", 0, NULL, "show the exemptions", OPTION_FLAG, AT(list)},
    LIST_OPTION_ROWS(struct args, common),
    {0},
};

static const struct options exempt_options = {
    .program = "postern list exempt",
    .about = "Keeps an address or a network out of tests and out of the list.",
    .usage = "[OPTION]... --reason TEXT ADDRESS|NETWORK...\n--list [OPTION]...",
    .text = "Exit status: 0, 1 there is no such exemption, 64 misuse, 75 try again.",
    .rows = exempt_rows,
};

static const struct option_row confirm_rows[] = {
    REASON_ROWS,
    LIST_OPTION_ROWS(struct args, common),
    {0},
};

static const struct options confirm_options = {
    .program = "postern list confirm",
    .about = "Lets a proved host be listed that stands on the list of good senders.",
    .usage = "[OPTION]... --reason TEXT ADDRESS...",
    .text = "Exit status: 0, 1 not waiting for a word, 64 misuse, 75 try again.",
    .rows = confirm_rows,
};

static const char *who_of(const struct ledger *g, const struct args *a)
{
    return a->who ? a->who : g->who;
}

static void tell(struct ledger *g, const char *type, const char *subject, const char *result)
{
    buf_addf(&g->out,
             g->args->json ? "{\"type\":\"%s\",\"subject\":\"%s\",\"result\":\"%s\"}\n"
                           : "%.0s%s  %s\n",
             type, subject, result);
}

/* --- delist ---------------------------------------------------------------------------------- */

static int delist(struct ledger *g, const struct args *args, struct ip ip, int *ret_status)
{
    char text[IP_TEXT_MAX];
    struct entry e;
    int64_t id;
    int rc = entry_open(g, ip, args->output ? STORE_SIDE_OUTPUT : STORE_SIDE_HOST, &e);
    bool done = false;

    id = e.l.id;
    if (rc == 0)
        done = entry_step(g, &e, args->appeal ? LIST_APPEAL : LIST_DELIST, who_of(g, args), 0, "%s",
                          args->reason);
    if (rc == 0 && done)
        rc = entry_commit(g, &e, NULL, NULL, 0);
    if (rc == 0 && done && !args->output)
        rc = collect_outputs_gone(g, id, 0);
    if (rc == 0)
        tell(g, "delist", ip_text(ip, text),
             done ? list_state_name(entry_state(&e)) : "is not listed");
    if (!done)
        *ret_status = 1;
    entry_close(&e);
    return rc;
}

/* --- confirm --------------------------------------------------------------------------------- */

static int confirm(struct ledger *g, const struct args *args, struct ip ip, int *ret_status)
{
    struct list_judgement j = {0};
    char text[IP_TEXT_MAX];
    struct entry e;
    int rc = entry_open(g, ip, STORE_SIDE_HOST, &e);
    bool waits = rc == 0 && entry_state(&e) == LIST_CONFIRMED;

    if (waits)
        rc = collect_judge(g, &e.l, &j);
    if (rc == 0 && waits) {
        entry_admit(g, &e, j, 0, who_of(g, args));
        rc = e.count ? entry_commit(g, &e, NULL, NULL, 0) : 0;
    }
    if (rc == 0)
        tell(g, "confirm", ip_text(ip, text),
             waits ? list_state_name(entry_state(&e)) : "does not wait for a word");
    if (!waits || !list_state_served(entry_state(&e)))
        *ret_status = 1;
    entry_close(&e);
    return rc;
}

typedef int address_fn(struct ledger *g, const struct args *args, struct ip ip, int *ret_status);

static int each_address(const struct options *options, int argc, char **argv, address_fn *fn)
{
    struct args args = {.common = LIST_ARGS_INIT};
    struct list_call call = {.options = options, .args = &args, .common = &args.common};
    struct ledger g;
    int first, status, rc = 0, result = 0, printed;

    if (!list_call_start(&call, argc, argv, &first, &status))
        return status;
    if (first == argc || !args.reason || !*args.reason)
        return list_call_end(&call, options_misuse(options, "needs --reason TEXT and an address"));
    status = ledger_open(&g, &call, LEDGER_CHANGE);
    for (int i = first; i < argc && status == 0 && rc == 0; i++) {
        struct ip ip;

        if (!ip_parse(span_str(argv[i]), &ip))
            status = ledger_say(&g, EX_USAGE, "%s: is no address", argv[i]);
        else
            rc = fn(&g, &args, ip, &result);
    }
    if (rc < 0)
        status = ledger_store_error(&g, rc);
    else if (status == 0)
        status = zones_follow(&g);
    printed = ledger_close(&g, status);
    return list_call_end(&call, printed ? printed : result);
}

int verb_delist(int argc, char **argv)
{
    return each_address(&delist_options, argc, argv, delist);
}

int verb_confirm(int argc, char **argv)
{
    return each_address(&confirm_options, argc, argv, confirm);
}

/* --- exempt ---------------------------------------------------------------------------------- */

struct covered {
    int64_t v[1000];
    size_t count;
};

static int keep(void *ctx, const struct store_listing *l)
{
    struct covered *c = ctx;

    c->v[c->count++] = l->id;
    return c->count == sizeof(c->v) / sizeof(c->v[0]);
}

/* Everything that the list has there steps aside, a thousand at a time. */
static int excuse_in(struct ledger *g, const struct args *args, struct ip_prefix net)
{
    const struct store_listing_filter in = {
        .in = &net, .side = -1, .states = ~(1U << LIST_EXEMPT | 1U << LIST_NONE)};
    static struct covered c;
    int rc;

    do {
        c.count = 0;
        rc = store_listings_each(g->store, &in, keep, &c);
        for (size_t i = 0; i < c.count && rc >= 0; i++) {
            struct entry e;

            rc = entry_open_id(g, c.v[i], &e);
            if (rc == 0 && entry_step(g, &e, LIST_EXCUSE, who_of(g, args), 0, "%s", args->reason))
                rc = entry_commit(g, &e, NULL, NULL, 0);
            entry_close(&e);
        }
    } while (rc >= 0 && c.count == sizeof(c.v) / sizeof(c.v[0]));
    return rc < 0 ? rc : 0;
}

static int exempt(struct ledger *g, const struct args *args, struct ip_prefix net, int *ret_status)
{
    char ip[IP_TEXT_MAX], text[IP_TEXT_MAX + 8];
    struct store_record record = {.wall = g->now_wall,
                                  .event = args->remove ? SPAN_LIT("return") : SPAN_LIT("excuse"),
                                  .became = args->remove ? SPAN_LIT("") : SPAN_LIT("exempt"),
                                  .who = span_str(who_of(g, args)),
                                  .reason = span_str(args->reason)};
    int rc;

    snprintf(text, sizeof(text), "%s/%u", ip_text(net.ip, ip), net.len);
    record.subject = span_str(text);
    if (args->remove)
        rc = store_exempt_remove(g->store, span_str(text), &record);
    else
        rc = store_exempt_add(g->store,
                              &(struct store_exempt){
                                  .pattern = span_str(text),
                                  .reason = span_str(args->reason),
                                  .who = span_str(who_of(g, args)),
                                  .added_wall = g->now_wall,
                                  .until_wall = args->until ? g->now_wall + args->until / 1000 : 0},
                              &record);
    if (rc == 0 && !args->remove)
        rc = excuse_in(g, args, net);
    if (rc == STORE_NONE)
        *ret_status = 1;
    if (rc < 0)
        return rc;
    tell(g, "exempt", text,
         rc == STORE_NONE ? "was not exempt"
         : args->remove   ? "no more exempt"
                          : "exempt");
    return 0;
}

static int show_exempt(void *ctx, const struct store_exempt *e)
{
    struct ledger *g = ctx;
    char when[VIEW_TIME];

    if (g->args->json) {
        json_t *doc = json_pack("{s:s}", "type", "exempt");

        if (doc && view_json_text(doc, "network", e->pattern) &&
            view_json_text(doc, "reason", e->reason) && view_json_text(doc, "who", e->who) &&
            view_json_time(doc, "added", e->added_wall) &&
            view_json_time(doc, "until", e->until_wall))
            report_lines(&g->out, doc);
        json_decref(doc);
        return 0;
    }
    buf_addf(&g->out, "%-20.*s  until %-19s  ", SPAN_ARG(e->pattern),
             e->until_wall ? view_time(e->until_wall, when) : "removed");
    view_safe(&g->out, e->who);
    buf_add_str(&g->out, ": ");
    view_safe(&g->out, e->reason);
    buf_add_char(&g->out, '\n');
    return g->out.err;
}

static int exempt_all(struct ledger *g, const struct args *args, char **words, int count,
                      int *ret_result)
{
    int rc = 0, status = 0;

    for (int i = 0; i < count && status == 0 && rc == 0; i++) {
        struct ip_prefix net;

        if (!ip_prefix_parse(span_str(words[i]), &net))
            status = ledger_say(g, EX_USAGE, "%s: is no address or network", words[i]);
        else
            rc = exempt(g, args, net, ret_result);
    }
    if (rc < 0)
        return ledger_store_error(g, rc);
    if (status == 0)
        status = ledger_guard(g);
    return status == 0 ? expire_over(g, NULL) : status;
}

int verb_exempt(int argc, char **argv)
{
    struct args args = {.common = LIST_ARGS_INIT};
    struct list_call call = {.options = &exempt_options, .args = &args, .common = &args.common};
    struct ledger g;
    int first, status, result = 0, rc, printed;

    if (!list_call_start(&call, argc, argv, &first, &status))
        return status;
    if (args.list ? first < argc : first == argc || !args.reason || !*args.reason)
        return list_call_end(
            &call, options_misuse(&exempt_options,
                                  args.list ? "--list stands alone"
                                            : "needs --reason TEXT and an address or a network"));
    status = ledger_open(&g, &call, args.list ? LEDGER_LOOK : LEDGER_CHANGE);
    if (status == 0 && args.list) {
        rc = store_exempts_each(g.store, show_exempt, &g);
        status = rc < 0 ? ledger_store_error(&g, rc) : 0;
    } else if (status == 0) {
        status = exempt_all(&g, &args, argv + first, argc - first, &result);
    }
    printed = ledger_close(&g, status);
    return list_call_end(&call, printed ? printed : result);
}
