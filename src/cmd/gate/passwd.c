/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The password comes from the terminal, without echo and twice, or from the first line of standard
 * input: never from the command line, where all users of a host can read it. The file is read,
 * edited and replaced under a lock, so that two administrators do not undo each other's work, and a
 * file that the gate could not read is not written.
 */
#include "cmd/gate/passwd.h"

#include "auth/scram.h"
#include "cmd/gate/gate.h"
#include "io/file.h"
#include "io/random.h"
#include "io/term.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

struct edit {
    struct auth_user user;
    bool remove, was;
    struct auth_users_error err;
};

static int fail(int status, const char *what, const char *why)
{
    fprintf(stderr, "postern gate passwd: %s: %s\n", what, why);
    return status;
}

static int edit_file(void *cookie, struct span old, struct buf *ret)
{
    struct edit *e = cookie;
    struct auth_users *users = NULL;
    int got;

    auth_users_edit(old, &e->user, e->remove, ret, &e->was);
    if (e->remove && !e->was)
        return -ESRCH;
    got = ret->err ? ret->err : auth_users_parse(buf_span(ret), &users, &e->err);
    auth_users_free(&users);
    return got;
}

/* One line without its end, from a terminal or a pipe. False at the end of the input. */
static bool read_line(int fd, struct buf *out)
{
    char c;

    while (read(fd, &c, 1) == 1 && out->err == 0) {
        if (c == '\n')
            return true;
        buf_add_char(out, c);
    }
    return out->n > 0;
}

static bool ask(int tty, const char *prompt, struct buf *out)
{
    struct termios was, quiet;
    bool ok;

    if (tcgetattr(tty, &was) < 0)
        return false;
    quiet = was;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    dprintf(tty, "%s", prompt);
    tcsetattr(tty, TCSAFLUSH, &quiet);
    ok = read_line(tty, out);
    tcsetattr(tty, TCSAFLUSH, &was);
    dprintf(tty, "\n");
    return ok;
}

static void wipe(struct buf *b)
{
    if (b->p)
        explicit_bzero(b->p, b->cap);
    buf_deinit(b);
}

static int ask_twice(struct buf *out)
{
    struct buf again = BUF_INIT(AUTH_PASSWORD_MAX);
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), status = 0;

    if (tty < 0)
        return fail(EX_UNAVAILABLE, "/dev/tty", strerror(errno));
    if (!ask(tty, "New password: ", out) || !ask(tty, "The same again: ", &again))
        status = fail(EX_DATAERR, "password", "none was given");
    else if (out->err || again.err || !span_eq(buf_span(out), buf_span(&again)))
        status = fail(EX_DATAERR, "password", "the two are not the same, or too long");
    wipe(&again);
    close(tty);
    return status;
}

static int make_keys(struct span password, struct auth_user *ret)
{
    struct buf ready = BUF_INIT(AUTH_PASSWORD_MAX * 4);
    struct auth_scram s;
    int status = 0;

    ret->iterations = AUTH_ITERATIONS;
    ret->salt_n = AUTH_SALT;
    if (!auth_scram_prepare(password, &ready) || ready.err) {
        status = fail(EX_DATAERR, "password",
                      "is empty, too long, no UTF-8, or has characters that RFC 4013 forbids");
    } else if (random_bytes(ret->salt, AUTH_SALT) < 0) {
        status = fail(EX_OSERR, "random numbers", "the system has none");
    } else {
        auth_scram_start(&s, buf_span(&ready), span_of(ret->salt, ret->salt_n), ret->iterations);
        auth_scram_work(&s, ret->iterations);
        auth_scram_keys(&s, ret->stored, ret->server);
        auth_scram_wipe(&s);
    }
    wipe(&ready);
    return status;
}

static int read_password(struct auth_user *ret)
{
    struct buf password = BUF_INIT(AUTH_PASSWORD_MAX);
    int status = 0;

    if (term_is(STDIN_FILENO))
        status = ask_twice(&password);
    else if (!read_line(STDIN_FILENO, &password) || password.err)
        status = fail(EX_DATAERR, "password", "none on standard input, or too long");
    if (status == 0)
        status = make_keys(buf_span(&password), ret);
    wipe(&password);
    return status;
}

static int change(const char *path, struct edit *e)
{
    int got = file_change(path, AUTH_USERS_FILE_MAX, 0600, edit_file, e);
    char why[250];

    if (got == 0)
        return 0;
    if (got == -ESRCH)
        return fail(EX_NOUSER, e->user.login, "there is no such user in the file");
    snprintf(why, sizeof(why), "%s", strerror(-got));
    if (got == -EINVAL && e->err.why[0])
        snprintf(why, sizeof(why), "line %u: %s; nothing was changed", e->err.line, e->err.why);
    return fail(got == -EACCES || got == -EPERM ? EX_NOPERM
                : got == -EINVAL                ? EX_CONFIG
                                                : EX_CANTCREAT,
                path, why);
}

int gate_passwd(const struct gate_args *args, int argc, char **words)
{
    struct edit e = {0};
    const char *verb = argc == 2 ? words[1] : "";
    int status = 0;

    if (argc < 1 || argc > 2 || (*verb && strcmp(verb, "lock") && strcmp(verb, "remove")))
        return options_misuse(&gate_options, "passwd takes USER, and perhaps lock or remove");
    if (!args->auth_file)
        return options_misuse(&gate_options, "passwd needs --auth-file, or auth-file in the "
                                             "configuration");
    if (!auth_users_name_ok(span_str(words[0])))
        return fail(EX_DATAERR, words[0], "cannot be a user's name");
    e.user.login = words[0];
    e.remove = strcmp(verb, "remove") == 0;
    e.user.locked = strcmp(verb, "lock") == 0;
    if (!*verb)
        status = read_password(&e.user);
    if (status == 0)
        status = change(args->auth_file, &e);
    explicit_bzero(&e.user, sizeof(e.user));
    if (status == 0)
        printf("%s: %s %s\n", args->auth_file,
               e.remove ? "removed"
               : e.was  ? "changed"
                        : "added",
               words[0]);
    return status;
}
