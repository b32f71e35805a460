/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the verbs of `postern list` share. A verb is a file of its own with a row in main.c:
 *
 *     struct args { struct list_args common; bool all; };
 *     static const struct option_row rows[] = {
 *         {"all", 'a', NULL, "…", OPTION_FLAG, offsetof(struct args, all)},
 *         LIST_OPTION_ROWS(struct args, common),
 *         {0},
 *     };
 *     int verb_stats(int argc, char **argv)     (argv[0] is the verb)
 *     {
 *         struct args args = {.common = LIST_ARGS_INIT};
 *         struct list_call call = {.options = &options, .args = &args, .common = &args.common};
 *         int first, status;
 *
 *         if (!list_call_start(&call, argc, argv, &first, &status))
 *             return status;
 *         status = ledger_open(&call, LEDGER_LOOK, &ledger);
 *         …
 *         ledger_close(&ledger);
 *         return list_call_end(&call, status);
 *     }
 */
#ifndef POSTERN_CMD_LIST_LIST_H
#define POSTERN_CMD_LIST_LIST_H

#include "cmd/common/settings.h"
#include "cmd/common/view.h"

#include <stddef.h>

/* Options of every verb; each may stand in the section "list" of postern.conf(5). */
struct list_args {
    const char *config, *state;
    const char *zone; /* the list's own zone; sub-zones lie below it */
    const char *url;  /* the page behind a listing; its evidence id is put behind it */
    const char *classes;
    struct option_list never_list, dnswl, own, lab;
    const char *scope, *never, *ports; /* what the section "test" names for postern test; or NULL */
    int64_t expire_after, retest_wait; /* ms */
    bool outside_scope;
    bool json;
    bool quiet; /* of the verbs that test */
    unsigned colour;
};

#define LIST_ARGS_INIT                                                                             \
    {                                                                                              \
        .expire_after = INT64_C(30) * 86400000, .retest_wait = INT64_C(3600000)                    \
    }

/* clang-format off */
#define LIST_OPTION_ROWS(type, field)                                                              \
    {.group = "The list"},                                                                         \
    {"zone", 'z', "NAME", "the zone that the list is served as", OPTION_TEXT,                      \
     offsetof(type, field.zone)},                                                                  \
    {"url", 0, "URL", "the page that explains a listing; its number is put behind it",           \
     OPTION_TEXT, offsetof(type, field.url)},                                                      \
    {"classes", 0, "FILE", "classes of listings besides the shipped ones", OPTION_TEXT,            \
     offsetof(type, field.classes)},                                                               \
    {"never-list", 0, "FILE", "addresses that are never tested nor listed", OPTION_LIST,           \
     offsetof(type, field.never_list)},                                                            \
    {"dnswl", 0, "FILE", "good senders: proved, they wait for a person's word", OPTION_LIST,       \
     offsetof(type, field.dnswl)},                                                                 \
    {"own-networks", 0, "PREFIX", "our own networks, besides this host's addresses", OPTION_LIST,  \
     offsetof(type, field.own)},                                                                   \
    {"lab-networks", 0, "PREFIX", "reserved space that may be listed: practice lists", OPTION_LIST,\
     offsetof(type, field.lab)},                                                                   \
    {"expire-after", 0, "TIME", "the life of a listing that is not proved again", OPTION_TIME,     \
     offsetof(type, field.expire_after), .min = 86400000, .max = UINT64_C(90) * 86400000,          \
     .shown = "30d"},                                                                              \
    {"retest-wait", 0, "TIME", "wait after a retest that found the host open; doubles each time",  \
     OPTION_TIME, offsetof(type, field.retest_wait), .min = 60000, .max = 86400000,                \
     .shown = "1h"},                                                                               \
    {"outside-scope", 0, NULL, "test nominated hosts outside the scope as well, gently",           \
     OPTION_FLAG, offsetof(type, field.outside_scope)},                                            \
    {.group = "Output"},                                                                           \
    {"json", 'j', NULL, "one JSON object a line", OPTION_FLAG, offsetof(type, field.json)},        \
    {"color", 0, "WHEN", "auto, always or never", OPTION_CHOICE, offsetof(type, field.colour),     \
     .choices = view_colour_choices, .shown = "auto"},                                             \
    {.group = "Places"},                                                                           \
    {"config", 'c', "FILE", "read defaults from here", OPTION_TEXT, offsetof(type, field.config),  \
     .shown = CONF_PATH},                                                                          \
    {"state", 's', "DIR", "the state folder", OPTION_TEXT, offsetof(type, field.state)}
/* clang-format on */

/* One call of a verb: its options, the configuration behind them. */
struct list_call {
    const struct options *options;
    void *args;
    struct list_args *common; /* inside args */
    struct conf *conf;
};

/* Configuration, then the command line. False with the exit status when there is nothing to do. */
bool list_call_start(struct list_call *call, int argc, char **argv, int *ret_first,
                     int *ret_status);
/* Frees what the call holds; returns status. */
int list_call_end(struct list_call *call, int status);

/* The verbs. Each returns the exit status. */
int verb_nominate(int argc, char **argv);
int verb_test(int argc, char **argv);
int verb_show(int argc, char **argv);
int verb_search(int argc, char **argv);
int verb_delist(int argc, char **argv);
int verb_exempt(int argc, char **argv);
int verb_expire(int argc, char **argv);
int verb_retest(int argc, char **argv);
int verb_confirm(int argc, char **argv);
int verb_stats(int argc, char **argv);
int verb_retire(int argc, char **argv);
int verb_publish(int argc, char **argv);
int verb_check(int argc, char **argv);

#endif
