/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests of Dovecot's authentication policy (auth_policy_server_url): JSON objects by HTTP POST,
 * "?command=allow" before and after a password is checked, "?command=report" when all is over. We
 * only listen: everything is allowed, and a report of a login that worked is a grant.
 *
 *     {"device_id":"","login":"joe","protocol":"imap","pwhash":"00","remote":"192.0.2.1",
 *      "tls":true,"success":true,"policy_reject":false}
 */
#ifndef POSTERN_AUTH_REPORT_H
#define POSTERN_AUTH_REPORT_H

#include "auth/limits.h"
#include "base/ip.h"
#include "base/span.h"

enum auth_report_got {
    AUTH_REPORT_GRANT,   /* a mailbox was opened from ip by login */
    AUTH_REPORT_NOTHING, /* understood, and no reason to grant */
    AUTH_REPORT_BAD,     /* no JSON object, or one without what it must have */
};

struct auth_report {
    struct ip ip;
    char login[AUTH_LOGIN_MAX + 1];
    char protocol[16];
    const char *why; /* NOTHING and BAD: for the log */
};

enum auth_report_got auth_report_read(struct span json, struct auth_report *ret);
/*
 * The same told by an event_exporter of Dovecot (transport http-post, format json), for those whose
 * policy server is another one. Only auth_request_finished counts:
 *
 *     {"event":"auth_request_finished","fields":{"success":"yes","policy_result":"ok",
 *      "service":"imap","remote_ip":"192.0.2.1","user":"joe"}}
 */
enum auth_report_got auth_event_read(struct span json, struct auth_report *ret);

/* The answer to both commands. */
#define AUTH_REPORT_REPLY "{\"status\":0,\"msg\":\"\"}"

#endif
