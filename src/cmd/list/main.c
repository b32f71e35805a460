/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern list: the life of listings, a verb a file. The table below is all that main() knows of
 * them.
 */
#include "cmd/list/list.h"
#include "cmd/list/others.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const struct {
    const char *name; /* NULL: opens a group */
    const char *line;
    int (*run)(int argc, char **argv);
} verbs[] = {
    {.line = "The life of a listing"},
    {"nominate", "give a reason to test an address", verb_nominate},
    {"test", "test what is due", verb_test},
    {"retest", "test a listed host again now, and delist it when it is closed", verb_retest},
    {"expire", "take out the listings whose time is over", verb_expire},
    {"notice", "tell those who answer for a listed host", verb_notice},
    {.line = "A person's word"},
    {"delist", "take a host out", verb_delist},
    {"exempt", "keep an address or a network out of tests and list", verb_exempt},
    {"confirm", "let a proved host be listed that is a good sender otherwise", verb_confirm},
    {.line = "Look"},
    {"show", "all about an address: evidence, proofs, every step", verb_show},
    {"search", "list what the list knows", verb_search},
    {"stats", "count listings, and how often they were right", verb_stats},
    {.line = "The zones"},
    {"publish", "write the zones' images anew", verb_publish},
    {"check", "check records and zones against the store", verb_check},
    {"retire", "close the list down for good, step by step", verb_retire},
    {.line = "Other lists"},
    {"compare", "what two lists hold, side by side", verb_compare},
    {"import", "serve somebody else's list as a zone of its own", verb_import},
    {"export", "write a list for another program", verb_export},
    {"dynamic", "tell names of dynamic space, or serve them as a zone", verb_dynamic},
};

enum { VERBS = sizeof(verbs) / sizeof(verbs[0]), NAME_COLUMN = 10 };

static int overview(FILE *out)
{
    fputs("Usage: postern list VERB [OPTION]... [ARGUMENT]...\n", out);
    for (size_t i = 0; i < VERBS; i++) {
        if (verbs[i].name)
            fprintf(out, "  %-*s%s\n", NAME_COLUMN, verbs[i].name, verbs[i].line);
        else
            fprintf(out, "\n%s:\n", verbs[i].line);
    }
    fputs("\nThe options of a verb: postern list VERB --help\n", out);
    return fflush(out) == 0 ? 0 : EX_IOERR;
}

static int unknown(const char *word)
{
    const char *words[VERBS] = {NULL}, *near;
    size_t count = 0;

    for (size_t i = 0; i < VERBS; i++)
        if (verbs[i].name)
            words[count++] = verbs[i].name;
    near = options_nearest(word, words, count);
    fprintf(stderr, "postern list: there is no verb of that name%s%s%s\n",
            near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    fputs("Try 'postern list --help' for more.\n", stderr);
    return OPTIONS_EXIT_MISUSE;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";

    if (strcmp(word, "--version") == 0)
        return printf("postern list (Postern) %s\n", POSTERN_VERSION) > 0 && fflush(stdout) == 0
                   ? 0
                   : EX_IOERR;
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return overview(stdout);
    if (argc < 2) {
        overview(stderr);
        return OPTIONS_EXIT_MISUSE;
    }
    for (size_t i = 0; i < VERBS; i++)
        if (verbs[i].name && strcmp(verbs[i].name, word) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    return unknown(word);
}
