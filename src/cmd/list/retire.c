/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern list retire: closes the list down for good, a step a call, a month between them. Each
 * asks for the zone's name to be typed, since thousands of mail servers feel what it does.
 */
#include "list/retire.h"
#include "cmd/list/zones.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

struct args {
    struct list_args common;
    const char *reason, *confirm;
};

#define AT(field) offsetof(struct args, field)

static const struct option_row rows[] = {
    {.group = "Why"},
    {"reason", 'r', "TEXT", "why, for the record", OPTION_TEXT, AT(reason)},
    {"confirm", 0, "ZONE", "the zone's name, where nobody can type it", OPTION_TEXT, AT(confirm)},
    LIST_OPTION_ROWS(struct args, common),
    {0},
};

static const struct options options = {
    .program = "postern list retire",
    .about = "Closes the list down for good, step by step (RFC 6471 section 3.4).",
    .usage = "[OPTION]...\n[OPTION]... --reason TEXT STEP",
    .text = "Without a step it says where the list stands. Steps, a month between two:\n"
            "  announced   served as ever, and the zone says that it will end\n"
            "  empty       lists nothing\n"
            "  dead        stops answering for test entries as well\n"
            "  in-service  takes it back, from announced or empty\n\n"
            "Exit status: 0, 64 misuse, 65 a step would be skipped or hurried, 77 not confirmed.",
    .rows = rows,
};

static const char *const what_follows[] = {
    "The list is in service.",
    "The zone says that the list will end. Tell its users by other ways too.",
    "Nothing is listed any more.",
    "Test entries are gone too. Point the zone's NS records at unroutable addresses "
    "(192.0.2.0/24), "
    "and keep the domain registered.",
};

static int now_of(struct ledger *g, enum list_retire *ret, int64_t *ret_since)
{
    char step[16];
    int rc = zones_retired(g, step, ret_since);

    *ret = LIST_IN_SERVICE;
    if (rc == 0 && *step && !list_retire_of(span_str(step), ret))
        return -EBADMSG;
    return rc;
}

static int tell(struct ledger *g, enum list_retire now, int64_t since)
{
    char when[VIEW_TIME];

    if (g->args->json)
        buf_addf(&g->out, "{\"type\":\"retire\",\"step\":\"%s\",\"since\":%" PRId64 "}\n",
                 list_retire_name(now), since);
    else
        buf_addf(&g->out, "%s%s%s: %s\n", list_retire_name(now), since ? " since " : "",
                 since ? view_time(since, when) : "", what_follows[now]);
    return 0;
}

static int confirmed(const struct ledger *g, const struct args *args, enum list_retire want)
{
    char line[300] = "";
    size_t n;

    if (args->confirm)
        return strcasecmp(args->confirm, g->args->zone) == 0
                   ? 0
                   : ledger_say(g, EX_NOPERM, "--confirm is not the zone's name; nothing was done");
    if (!isatty(STDIN_FILENO))
        return ledger_say(g, EX_NOPERM, "needs --confirm %s; nothing was done", g->args->zone);
    fprintf(stderr,
            "The list %s becomes \"%s\". %s\nType the zone's name to go on: ", g->args->zone,
            list_retire_name(want), what_follows[want]);
    if (!fgets(line, sizeof(line), stdin))
        return ledger_say(g, EX_NOPERM, "nothing was done");
    n = strcspn(line, "\r\n");
    line[n] = '\0';
    return strcasecmp(line, g->args->zone) == 0
               ? 0
               : ledger_say(g, EX_NOPERM, "that is not its name; nothing was done");
}

static int compile_one(void *ctx, const char *zone)
{
    return zones_compile(ctx, zone, true, NULL);
}

static int step(struct ledger *g, const struct args *args, enum list_retire now,
                enum list_retire want)
{
    struct store_record record = {.wall = g->now_wall,
                                  .subject = span_str(g->args->zone),
                                  .event = SPAN_LIT("retire"),
                                  .was = span_str(list_retire_name(now)),
                                  .became = span_str(list_retire_name(want)),
                                  .who = span_str(g->who),
                                  .reason = span_str(args->reason)};
    char value[64];
    int64_t since;
    int rc;

    snprintf(value, sizeof(value), "%s %" PRId64, list_retire_name(want), g->now_wall);
    rc = store_value_set(g->store, SPAN_LIT("retire"),
                         want == LIST_IN_SERVICE ? SPAN_LIT("") : span_str(value), &record);
    if (rc == 0)
        rc = now_of(g, &now, &since);
    if (rc < 0)
        return ledger_store_error(g, rc);
    rc = zones_each(g, compile_one, g);
    return rc ? rc : tell(g, now, since);
}

static int retire(struct ledger *g, const struct args *args, const char *word)
{
    enum list_retire now, want = LIST_IN_SERVICE;
    int64_t since, from;
    char when[VIEW_TIME];
    int status, rc = now_of(g, &now, &since);

    if (rc < 0)
        return ledger_store_error(g, rc);
    if (!word)
        return tell(g, now, since);
    if (!list_retire_of(span_str(word), &want))
        return ledger_say(g, EX_USAGE, "%s: is none of announced, empty, dead, in-service", word);
    if (!g->args->zone)
        return ledger_say(g, EX_CONFIG, "there is no zone to retire; see --zone");
    switch (list_retire_step(now, since, want, g->now_wall, &from)) {
    case LIST_RETIRE_GO:
        status = confirmed(g, args, want);
        return status ? status : step(g, args, now, want);
    case LIST_RETIRE_SKIPS:
        return ledger_say(g, EX_DATAERR, "from \"%s\" the next step is not \"%s\"",
                          list_retire_name(now), word);
    case LIST_RETIRE_EARLY:
        return ledger_say(g, EX_DATAERR, "not before %s: a month lies between two steps",
                          view_time(from, when));
    case LIST_RETIRE_OVER:
        break;
    }
    return ledger_say(g, EX_DATAERR, "the list is dead; begin a new one under another name");
}

int verb_retire(int argc, char **argv)
{
    struct args args = {.common = LIST_ARGS_INIT};
    struct list_call call = {.options = &options, .args = &args, .common = &args.common};
    struct ledger g;
    int first, status;

    if (!list_call_start(&call, argc, argv, &first, &status))
        return status;
    if (argc - first > 1 || (first < argc && (!args.reason || !*args.reason)))
        return list_call_end(&call, options_misuse(&options, "needs --reason TEXT and one step"));
    status = ledger_open(&g, &call, first < argc ? LEDGER_CHANGE : LEDGER_LOOK);
    if (status == 0)
        status = retire(&g, &args, first < argc ? argv[first] : NULL);
    return list_call_end(&call, ledger_close(&g, status));
}
