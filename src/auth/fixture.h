/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the tests of src/auth: users made from passwords, and a client of libgsasl to log them in. */
#ifndef POSTERN_AUTH_FIXTURE_H
#define POSTERN_AUTH_FIXTURE_H

#include "auth/scram.h"
#include "auth/users.h"

#include <stdlib.h>

/* A line of the file for a password; the salt is the name, doubled up. */
static inline void fixture_line(const char *login, const char *password, unsigned rounds,
                                struct buf *out)
{
    struct auth_user user = {.login = login, .iterations = rounds, .salt_n = AUTH_SALT};
    struct buf ready = BUF_INIT(AUTH_PASSWORD_MAX * 4);
    struct auth_scram s;

    for (size_t i = 0; i < AUTH_SALT; i++)
        user.salt[i] = (uint8_t)login[i % strlen(login)];
    if (!auth_scram_prepare(span_str(password), &ready))
        abort();
    auth_scram_start(&s, buf_span(&ready), span_of(user.salt, user.salt_n), rounds);
    auth_scram_work(&s, rounds);
    auth_scram_keys(&s, user.stored, user.server);
    auth_users_line(&user, out);
    buf_deinit(&ready);
}

#endif
