/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern list: the life of listings, a verb a file. The table below is all that main() knows of
 * them.
 */
#include "cmd/list/list.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const struct {
    const char *name; /* NULL: opens a group */
    const char *line;
    int (*run)(int argc, char **argv);
} verbs[] = {
    {.line = "The life of a listing"},
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
    const char *words[VERBS], *near;
    size_t count = 0;

    for (size_t i = 0; i < VERBS; i++)
        if (verbs[i].name)
            words[count++] = verbs[i].name;
    near = options_nearest(word, words, count);
    fprintf(stderr, "postern list: there is no verb of that name%s%s%s\n",
            near ? "; did you mean \"" : "; postern list --help names them", near ? near : "",
            near ? "\"?" : "");
    return OPTIONS_EXIT_MISUSE;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";

    if (strcmp(word, "--version") == 0)
        return printf("postern list %s\n", POSTERN_VERSION) > 0 && fflush(stdout) == 0 ? 0
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
