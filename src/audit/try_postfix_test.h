/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the tests: what cases of Postfix are put together from. */
#ifndef POSTERN_AUDIT_TRY_POSTFIX_TEST_H
#define POSTERN_AUDIT_TRY_POSTFIX_TEST_H

#include "audit/try_test.h"

#define MAIN      "/etc/postfix/main.cf"
#define MASTER    "/etc/postfix/master.cf"
#define MAP(name) "/etc/postfix/" name
/* Two lines, so that a case's own begin with line 3. */
#define BASE      "compatibility_level = 3.6\nmydestination = own.example, localhost\n"
#define SMTP      "smtp inet n - y - - smtpd\n"
#define HOST      "mynetworks = 127.0.0.0/8\n"
/* Lines: 3 the networks, 4 the relay list, 5 this one. */
#define RCPT_LIST(word)                                                                            \
    BASE HOST                                                                                      \
        "smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = permit_mynetworks, " word      \
        ", reject_unauth_destination\n"

#endif
