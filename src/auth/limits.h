/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sizes of everything that src/auth takes from others, each with what sets it. */
#ifndef POSTERN_AUTH_LIMITS_H
#define POSTERN_AUTH_LIMITS_H

enum {
    AUTH_LOGIN_MAX = 255,      /* octets of a login name; it must fit into a log line and XCLIENT */
    AUTH_MECH_MAX = 20,        /* octets of a mechanism's name, RFC 4422 §3.1 */
    AUTH_RESPONSE_MAX = 12288, /* octets of a client's base64 line, RFC 4954 §4 */
    AUTH_PASSWORD_MAX = 1024,  /* octets of a password; more is work for nothing */
    AUTH_DOVECOT_LINE_MAX = 16384, /* octets of a line of the Dovecot auth protocol, with its LF */
    AUTH_DOVECOT_ASKED_MAX = 512,  /* logins that wait for one Dovecot at a time */

    AUTH_USERS_FILE_MAX = 1 << 24, /* octets of a password file */
    AUTH_USERS_LINE_MAX = 2000,    /* octets of a line of it */
    AUTH_USERS_MAX = 100000,       /* entries */
    AUTH_ITERATIONS_MIN = 4096,    /* RFC 7677 §4 */
    AUTH_ITERATIONS_MAX = 1000000, /* what a stranger may make us compute is bounded */
    AUTH_ITERATIONS = 10000,       /* of a new entry */
    AUTH_SALT_MIN = 8,             /* octets; the same bounds as for what others have made */
    AUTH_SALT_MAX = 64,
    AUTH_SALT = 16, /* of a new entry */

    AUTH_GRANT_SOURCE_MAX = 15, /* octets of the name of a grant's source */
    AUTH_GRANT_USERS_MAX = 16,  /* the most that can be set for users of one address */
    AUTH_DRAC_MAX = 1024,       /* octets of an RPC message; a call of DRAC has 44 to 500 */
    AUTH_REPORT_MAX = 65536,    /* octets of the body of an auth-policy request */
    AUTH_LOGLINE_MAX = 4096,    /* octets of a log line that is looked at */
};

#endif
