/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The password file as it lies on disk: read whole, judged whole, and warned of when others may
 * read it: what is in it lets nobody log in, but lets anyone guess without asking us.
 */
#include "cmd/gate/login_judge.h"
#include "io/file.h"
#include "io/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

static int status_of(int err)
{
    return err == -ENOENT ? EX_NOINPUT : err == -EACCES ? EX_NOPERM : EX_OSERR;
}

int login_file_read(const char *path, struct auth_users **ret, char err[LOGIN_ERROR_MAX])
{
    struct buf text = BUF_INIT(AUTH_USERS_FILE_MAX + 1);
    struct auth_users_error why = {0};
    struct stat st;
    int got = file_read(path, &text);

    if (got < 0) {
        snprintf(err, LOGIN_ERROR_MAX, "auth-file %s: %s", path, strerror(-got));
        buf_deinit(&text);
        return status_of(got);
    }
    if (stat(path, &st) == 0 && (st.st_mode & 07))
        log_warn("configuration", "file", path, "text",
                 "others may read the password file; make it 0600", NULL);
    got = auth_users_parse(buf_span(&text), ret, &why);
    if (text.p)
        explicit_bzero(text.p, text.cap);
    buf_deinit(&text);
    if (got == -EINVAL)
        snprintf(err, LOGIN_ERROR_MAX, "auth-file %s:%u: %s", path, why.line, why.why);
    else if (got < 0)
        snprintf(err, LOGIN_ERROR_MAX, "auth-file %s: %s", path, strerror(-got));
    return got == 0 ? 0 : got == -EINVAL ? EX_CONFIG : EX_OSERR;
}
