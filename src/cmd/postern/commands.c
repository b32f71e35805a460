/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each command is a program of its own, postern-NAME, so that a daemon links no more than it needs
 * and others can add commands: whatever stands beside this program, or in the installed folder, is
 * one. $PATH is not searched: a root shell's "." must not decide what "postern test" runs.
 *
 * Only what is there is shown; the table gives known ones their group and line.
 */
#include "cmd/postern/commands.h"

#include "io/options.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name; /* NULL: opens a group */
    const char *line;
    bool built_in;
} table[] = {
    {NULL, "Find open relays and prove them"},
    {"test", "test mail systems with the catalogue of envelopes"},
    {"sink", "receive the probes that came through, and keep them as proofs"},
    {"prove", "take a message that came back as a proof, from standard input"},
    {NULL, "Look at results"},
    {"runs", "list what was tested"},
    {"show", "show a run with its verdicts and transcripts"},
    {"proofs", "list the proofs, and the messages behind them"},
    {NULL, "Explain"},
    {"trace", "tell from a message which host relayed it, and why"},
    {"audit", "say from a mail server's configuration what lets strangers relay"},
    {"advise", "say what closes the relay of a product, a banner, a host or a run"},
    {NULL, "List"},
    {"list", "nominate, test, list and delist hosts, with evidence and an end"},
    {"dns", "answer as a DNS blocklist: lists of ours, and rbldnsd's files"},
    {NULL, "Close"},
    {"gate", "stand before a mail server and relay for nobody unknown"},
    {"policy", "answer Postfix and milters by the gate's relay decision"},
    {"decoy", "look like an open relay, deliver nothing, and keep record"},
    {NULL, "Learn and set up"},
    {"range", "run models of old mail servers on this machine, to practise on"},
    {"conf", "check a configuration file, or write a sample", true},
    {"help", "show the manual page of a command", true},
};

enum { TABLE = sizeof(table) / sizeof(table[0]), NAME_COLUMN = 12 };

bool commands_name_ok(const char *name)
{
    for (const char *p = name; *p; p++)
        if (!ascii_is_alnum(*p) && (*p != '-' || p == name))
            return false;
    return *name && strlen(name) < sizeof(((struct command_list *)NULL)->names[0]);
}

bool commands_find(const char *name, char ret[DATADIR_PATH_MAX])
{
    const char *const folders[] = {datadir_exe(), POSTERN_LIBEXECDIR};
    char program[80];

    if (!commands_name_ok(name))
        return false;
    snprintf(program, sizeof(program), "postern-%s", name);
    for (size_t i = 0; i < 2; i++)
        if (*folders[i] && datadir_join(folders[i], program, ret) && access(ret, X_OK) == 0)
            return true;
    return false;
}

static bool has(const struct command_list *all, const char *name)
{
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(all->names[i], name) == 0)
            return true;
    return false;
}

static void add(struct command_list *all, const char *name)
{
    if (all->count < COMMANDS_MAX && commands_name_ok(name) && !has(all, name))
        snprintf(all->names[all->count++], sizeof(all->names[0]), "%s", name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Programs that the table does not know. In a build folder there are files of other kinds too. */
static void add_others(struct command_list *all, const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *e;

    while (dir && (e = readdir(dir))) {
        char path[DATADIR_PATH_MAX];
        const char *name = e->d_name + strlen("postern-");

        if (strncmp(e->d_name, "postern-", strlen("postern-")) == 0 && commands_find(name, path))
            add(all, name);
    }
    if (dir)
        closedir(dir);
}

void commands_all(struct command_list *ret)
{
    char path[DATADIR_PATH_MAX];
    size_t ours;

    *ret = (struct command_list){0};
    for (size_t i = 0; i < TABLE; i++)
        if (table[i].name && (table[i].built_in || commands_find(table[i].name, path)))
            add(ret, table[i].name);
    ours = ret->count;
    add_others(ret, datadir_exe());
    add_others(ret, POSTERN_LIBEXECDIR);
    qsort(ret->names + ours, ret->count - ours, sizeof(ret->names[0]), by_name);
}

const char *commands_nearest(const struct command_list *all, const char *name)
{
    const char *words[COMMANDS_MAX];

    for (size_t i = 0; i < all->count; i++)
        words[i] = all->names[i];
    return options_nearest(name, words, all->count);
}

static size_t row_of(const char *name)
{
    size_t i = 0;

    while (i < TABLE && (!table[i].name || strcmp(table[i].name, name) != 0))
        i++;
    return i;
}

void commands_overview(struct buf *out)
{
    const char *group = NULL;
    struct command_list all;

    commands_all(&all);
    buf_add_str(out, "Postern finds open mail relays and proves them by delivery.\n"
                     "\n"
                     "Usage: postern COMMAND [ARGUMENT]...\n"
                     "       postern help COMMAND\n"
                     "       postern --version\n");
    for (size_t i = 0, at = 0; i < all.count; i++) {
        size_t row = row_of(all.names[i]);
        const char *new_group = group ? group : "";

        for (; row < TABLE && at <= row; at++)
            if (!table[at].name)
                new_group = table[at].line;
        if (row == TABLE)
            new_group = "Other commands";
        if (!group || strcmp(group, new_group) != 0)
            buf_addf(out, "\n%s:\n", new_group);
        group = new_group;
        if (row == TABLE)
            buf_addf(out, "  %s\n", all.names[i]);
        else
            buf_addf(out, "  %-*s%s\n", NAME_COLUMN, all.names[i], table[row].line);
    }
}
