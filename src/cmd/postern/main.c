/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern: finds the program of a command and becomes it. No option of its own stands before the
 * command's, so that all behind the command belongs to the command.
 */
#include "cmd/postern/commands.h"
#include "cmd/postern/conf_command.h"
#include "io/options.h"
#include "io/term.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

extern char **environ;

static int overview(void)
{
    struct buf text = BUF_INIT(1 << 16);

    commands_overview(&text);
    fputs(buf_str(&text), stdout);
    buf_deinit(&text);
    return 0;
}

static int unknown(const char *name)
{
    struct command_list all;
    const char *near;

    commands_all(&all);
    near = commands_nearest(&all, name);
    fprintf(stderr, "postern: no command '%.60s'", name);
    if (near)
        fprintf(stderr, "; did you mean '%s'?", near);
    fprintf(stderr, "\nTry 'postern' for all commands.\n");
    return OPTIONS_EXIT_MISUSE;
}

/* Becomes the program; comes back only when that failed. argv[0] is replaced. */
static int become(const char *name, char **argv)
{
    char path[DATADIR_PATH_MAX], *file;

    if (!commands_find(name, path))
        return unknown(name);
    file = strrchr(path, '/') + 1;
    argv[0] = file;
    execv(path, argv);
    fprintf(stderr, "postern: %s: %s\n", path, strerror(errno));
    return EX_OSERR;
}

/* Is there a manual page of that name? man(1) would say so only after we have become it. */
static bool has_page(char *page)
{
    char man[] = "man", where[] = "-w", *argv[] = {man, where, page, NULL};
    posix_spawn_file_actions_t quiet;
    int status = -1;
    pid_t pid;

    if (posix_spawn_file_actions_init(&quiet) != 0)
        return false;
    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", 1, 0);
    posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", 1, 0);
    if (posix_spawnp(&pid, man, &quiet, NULL, argv, environ) == 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
    posix_spawn_file_actions_destroy(&quiet);
    return status == 0;
}

/* The manual page on a terminal; --help where there is none, or in a pipe. */
static int help(char *name)
{
    char page[80], man[] = "man", option[] = "--help", *of_man[] = {man, page, NULL};
    char *of_command[] = {name, option, NULL}, path[DATADIR_PATH_MAX];
    bool conf = strcmp(name, "conf") == 0, self = strcmp(name, "help") == 0;

    if (!conf && !self && !commands_find(name, path))
        return unknown(name);
    snprintf(page, sizeof(page), "%s%s",
             conf   ? "postern."
             : self ? "postern"
                    : "postern-",
             self ? "" : name);
    if (term_is(STDOUT_FILENO) && has_page(page)) {
        execvp(man, of_man);
        perror("postern: man");
    }
    if (conf)
        return conf_command(2, of_command);
    return self ? overview() : become(name, of_command);
}

int main(int argc, char **argv)
{
    const char *first = argc > 1 ? argv[1] : "help";

    if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0) {
        printf("postern (Postern) %s\n", POSTERN_VERSION);
        return 0;
    }
    if (strcmp(first, "help") == 0 || strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
        return argc > 2 ? help(argv[2]) : overview();
    if (first[0] == '-') {
        fprintf(stderr,
                "postern: no option %.60s; options stand behind the command\n"
                "Try 'postern' for all commands.\n",
                first);
        return OPTIONS_EXIT_MISUSE;
    }
    if (strcmp(first, "conf") == 0)
        return conf_command(argc - 1, argv + 1);
    return become(first, argv + 1);
}
