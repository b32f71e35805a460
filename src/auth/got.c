/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The names of the outcomes, for logs and tests, and what a login may look like. */
#include "auth/brakes.h"
#include "auth/grants.h"
#include "auth/sasl.h"

const char *auth_got_name(enum auth_got got)
{
    static const char *const names[] = {
        [AUTH_CHALLENGE] = "challenge",
        [AUTH_WORK] = "work",
        [AUTH_OK] = "ok",
        [AUTH_FAIL] = "fail",
        [AUTH_BAD] = "bad",
        [AUTH_TOO_LONG] = "too-long",
        [AUTH_UNKNOWN] = "unknown",
        [AUTH_WEAK] = "weak",
        [AUTH_TEMP] = "temp",
        [AUTH_ASK] = "ask",
    };

    return names[got];
}

bool auth_login_ok(struct span login)
{
    for (size_t i = 0; i < login.n; i++)
        if ((unsigned char)login.p[i] < ' ' || login.p[i] == 0x7f)
            return false;
    return login.n > 0 && login.n <= AUTH_LOGIN_MAX && span_is_utf8(login);
}

const char *auth_brake_name(enum auth_brake b)
{
    static const char *const names[] = {
        [AUTH_BRAKE_NONE] = "none",
        [AUTH_BRAKE_RECIPIENTS] = "recipients",
        [AUTH_BRAKE_PREFIXES] = "prefixes",
        [AUTH_BRAKE_FAILURES] = "failures",
    };

    return names[b];
}

const char *auth_grants_got_name(enum auth_grants_got got)
{
    static const char *const names[] = {
        [AUTH_GRANTS_NEW] = "new",     [AUTH_GRANTS_LONGER] = "longer",
        [AUTH_GRANTS_SPACE] = "space", [AUTH_GRANTS_SHARED] = "shared",
        [AUTH_GRANTS_PAST] = "past",   [AUTH_GRANTS_BAD] = "bad",
    };

    return names[got];
}
