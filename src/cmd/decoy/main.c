/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern decoy: the command line. Without an operand it serves; with one it looks. */
#include "cmd/decoy/decoy.h"

#include "io/log.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define AT(field) offsetof(struct decoy_args, field)

static const char *const kinds[] = {"all", "test", "spam", NULL};

static const struct option_row rows[] = {
    {.group = "What it pretends"},
    {"listen", 'l', "ADDR:PORT", "where to listen, on an address of its own; may be given again",
     OPTION_LIST, AT(listen)},
    {"persona", 'p', "NAME", "what server to look like", OPTION_TEXT, AT(persona),
     .shown = "postfix"},
    {"personas", 0, "FILE", "rows of personas in place of those that come with Postern",
     OPTION_TEXT, AT(personas)},
    {"name", 0, "HOST", "our host name in the greeting", OPTION_TEXT, AT(name),
     .shown = "this host's"},
    {"address", 0, "ADDR", "an address that clients know us by, when it is not the one above",
     OPTION_LIST, AT(address)},
    {"tls", 0, NULL, "offer STARTTLS where the persona does; --no-tls for not", OPTION_FLAG,
     AT(tls), .shown = "yes"},
    {"cert", 0, "FILE", "certificate chain (PEM)", OPTION_TEXT, AT(cert),
     .shown = "a self-signed one, made once"},
    {"key", 0, "FILE", "its key (PEM)", OPTION_TEXT, AT(key), .shown = "in the same file"},
    {"tarpit", 0, "TIME", "the longest wait of a client that sent spam; 0: none waits", OPTION_TIME,
     AT(tarpit), .max = 240000, .shown = "0"},
    {.group = "What becomes of it"},
    {"review", 0, "DIR", "write what looks like a relay test into this folder, for you to see",
     OPTION_TEXT, AT(review), .shown = "nothing leaves the state folder"},
    {"evidence", 0, "DIR", "write nominations of clients that sent spam into this folder",
     OPTION_TEXT, AT(evidence)},
    {"trap-file", 0, "FILE", "keep a list of clients that sent spam, for rbldnsd", OPTION_TEXT,
     AT(trap_file)},
    {"trap-time", 0, "TIME", "how long they stand in it", OPTION_TIME, AT(trap_time), .min = 60000,
     .shown = "7d"},
    {.group = "Bounds"},
    {"max-disk", 0, "BYTES", "of records and bodies; the oldest go first", OPTION_SIZE,
     AT(disk_max), .min = 8 << 20, .shown = "1g"},
    {"max-body", 0, "BYTES", "kept of one message", OPTION_SIZE, AT(body_max), .min = 1024,
     .max = 1 << 20, .shown = "64k"},
    {"clients", 0, "N", "connections at a time", OPTION_UINT, AT(clients), .min = 1, .max = 10000,
     .shown = "500"},
    {"per-client", 0, "N", "connections of one client at a time", OPTION_UINT, AT(at_once),
     .min = 1, .max = 10000, .shown = "20"},
    {"rate", 0, "N", "connections and recorded messages of one client in a minute", OPTION_UINT,
     AT(per_minute), .min = 1, .max = 60000, .shown = "120"},
    {"idle", 0, "TIME", "silence after which a client is sent away", OPTION_TIME, AT(idle),
     .min = 1000, .max = 3600000, .shown = "60s"},
    {.group = "Looking"},
    {"client", 0, "ADDR", "only this client, or this network", OPTION_TEXT, AT(client)},
    {"since", 0, "DATE", "only from this day on (2026-03-01)", OPTION_TEXT, AT(since)},
    {"kind", 0, "KIND", "only all, test or spam", OPTION_CHOICE, AT(kind), .choices = kinds,
     .shown = "all"},
    {"json", 0, NULL, "one JSON object a line", OPTION_FLAG, AT(json)},
    {.group = "Running"},
    {"config", 'c', "FILE", "read defaults from here", OPTION_TEXT, AT(config), .shown = CONF_PATH},
    {"state", 0, "DIR", "the state folder", OPTION_TEXT, AT(state)},
    {"user", 'u', "NAME", "become this user once the ports are open; root must", OPTION_TEXT,
     AT(user)},
    {"verbose", 'v', NULL, "log sessions too, and cut nothing", OPTION_FLAG, AT(verbose)},
    {0},
};

const struct options decoy_options = {
    .program = "postern decoy",
    .about = "Looks like an open relay, takes everything, delivers nothing, and keeps record.",
    .usage = "--listen ADDR:PORT [OPTION]...\n"
             "show [ID] [OPTION]...\n"
             "clients [OPTION]...\n"
             "drops [OPTION]...",
    .text = "Without a command it serves. show lists messages, or shows one; clients lists who "
            "came; drops lists the mailboxes that relay tests were addressed to.\n"
            "It never sends mail. It refuses an address that the gate of the same configuration "
            "uses, and to run as root.\n"
            "\n"
            "Exit status: 0 ended as asked, 1 nothing found, 64 misuse, 66 no such file, 67 no "
            "such user, 71 system error, 73 cannot write, 77 no right, 78 bad configuration.",
    .rows = rows,
};

static int command(int argc, char **argv, struct decoy_args *args, const struct conf *conf)
{
    static const char *const looks[] = {"show", "clients", "drops", NULL};

    if (argc == 0 || strcmp(argv[0], "serve") == 0)
        return argc < 2 ? serve(args, conf)
                        : options_misuse(&decoy_options, "serve takes no operand");
    for (size_t i = 0; looks[i]; i++)
        if (strcmp(argv[0], looks[i]) == 0) {
            if (argc > (i == 0 ? 2 : 1))
                return options_misuse(&decoy_options, "\"%s\" is one operand too many",
                                      argv[argc - 1]);
            return look(looks[i], argc > 1 ? argv[1] : NULL, args);
        }
    return options_misuse(&decoy_options, "\"%s\" is none of show, clients, drops", argv[0]);
}

int main(int argc, char **argv)
{
    static struct decoy_args args = {.persona = "postfix",
                                     .tls = true,
                                     .disk_max = DECOY_DISK,
                                     .body_max = DECOY_BODY,
                                     .clients = DECOY_CLIENTS,
                                     .at_once = DECOY_AT_ONCE,
                                     .per_minute = DECOY_PER_MINUTE,
                                     .idle = DECOY_IDLE,
                                     .trap_time = DECOY_TRAP_TIME};
    struct conf *conf = NULL;
    int first, status = settings_load(&decoy_options, "decoy", argc, argv, &args, &conf);

    if (status)
        return status;
    switch (options_parse(&decoy_options, argc, argv, &args, &first)) {
    case OPTIONS_DONE:
        return 0;
    case OPTIONS_MISUSE:
        return OPTIONS_EXIT_MISUSE;
    case OPTIONS_RUN:
        break;
    }
    if (args.verbose) {
        log_set_level(LOG_LEVEL_DEBUG);
        log_set_burst(0);
    }
    status = command(argc - first, argv + first, &args, conf);
    option_list_deinit(&args.listen);
    option_list_deinit(&args.address);
    conf_free(&conf);
    return status;
}
