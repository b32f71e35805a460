/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines of POP and IMAP servers' logs that tell of a login, as pop-before-smtp(8) read them.
 * Whatever a stranger can choose (a name that was tried, a HELO) must not look like one: a line
 * counts only where the server's own words stand where that server writes them, and one that names
 * two addresses, or a second login, does not.
 */
#ifndef POSTERN_AUTH_LOGLINE_H
#define POSTERN_AUTH_LOGLINE_H

#include "auth/limits.h"
#include "base/ip.h"
#include "base/span.h"

struct auth_logline {
    struct ip ip;
    char login[AUTH_LOGIN_MAX + 1];
    const char *server; /* whose form it was: "dovecot", "courier", "cyrus", "uw", "qpopper" … */
};

/* One line without its end. True when it tells of a login that worked. */
bool auth_logline_read(struct span line, struct auth_logline *ret);

#endif
