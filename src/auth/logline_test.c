/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/logline.h"

#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define SYSLOG "Nov 21 10:00:00 mail "
#define DOVE   "dovecot: imap-login: "
#define REST   ", method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, mpid=4711, TLS, session=<abc>"

static const struct {
    const char *name, *line;
    const char *login; /* NULL: it is none */
    const char *ip, *server;
} lines[] = {
    {"dovecot by syslog", SYSLOG DOVE "Login: user=<joe>" REST, "joe", "192.0.2.7", "dovecot"},
    {"with a number", SYSLOG "dovecot[17]: pop3-login: Login: user=<joe@example.org>" REST,
     "joe@example.org", "192.0.2.7", "dovecot"},
    {"a one-digit day", "Nov  1 10:00:00 mail " DOVE "Login: user=<joe>" REST, "joe", "192.0.2.7",
     "dovecot"},
    {"ISO time", "2026-11-21T10:00:00.123+01:00 mail " DOVE "Login: user=<joe>" REST, "joe",
     "192.0.2.7", "dovecot"},
    {"its own log", "Nov 21 10:00:00 imap-login: Info: Login: user=<joe>" REST, "joe", "192.0.2.7",
     "dovecot"},
    {"its own log, ISO", "2026-11-21 10:00:00 imap-login: Info: Login: user=<joe>" REST, "joe",
     "192.0.2.7", "dovecot"},
    {"journalctl -o cat", "imap-login: Login: user=<joe>" REST, "joe", "192.0.2.7", "dovecot"},
    {"2.4", SYSLOG DOVE "Logged in: user=<joe>, method=PLAIN, rip=2001:db8::7, lip=::1", "joe",
     "2001:db8::7", "dovecot"},
    {"mapped", SYSLOG DOVE "Login: user=<joe>, method=PLAIN, rip=::ffff:192.0.2.7, lip=::1", "joe",
     "192.0.2.7", "dovecot"},
    {"courier", SYSLOG "imapd: LOGIN, user=joe, ip=[::ffff:192.0.2.7], port=[1025], protocol=IMAP",
     "joe", "192.0.2.7", "courier"},
    {"courier pop", SYSLOG "pop3d-ssl: LOGIN, user=joe, ip=[2001:db8::7]", "joe", "2001:db8::7",
     "courier"},
    {"cyrus", SYSLOG "imap[99]: login: pc.example.net [192.0.2.7] joe plaintext User logged in",
     "joe", "192.0.2.7", "cyrus"},
    {"cyrus 3",
     SYSLOG "cyrus/pop3[99]: login: [192.0.2.7] joe plain+TLS User logged in SESSIONID=<x-1>",
     "joe", "192.0.2.7", "cyrus"},
    {"uw", SYSLOG "imapd[99]: Login user=joe host=pc.example.net [192.0.2.7]", "joe", "192.0.2.7",
     "uw"},
    {"uw pop", SYSLOG "ipop3d[99]: Auth user=joe host=[192.0.2.7] nmsgs=0/0", "joe", "192.0.2.7",
     "uw"},
    {"qpopper",
     SYSLOG "popper[99]: (v4.0.5) POP login by user \"joe\" at (pc.example.net) 192.0.2.7 "
            "[pop_log.c:244]",
     "joe", "192.0.2.7", "qpopper"},

    {"nothing", "", NULL, NULL, NULL},
    {"time alone", "Nov 21 10:00:00 ", NULL, NULL, NULL},
    {"failed", SYSLOG DOVE "Disconnected (auth failed, 1 attempts): user=<joe>" REST, NULL, NULL,
     NULL},
    {"aborted", SYSLOG DOVE "Aborted login (auth failed): user=<joe>" REST, NULL, NULL, NULL},
    {"submission is no mailbox", SYSLOG "dovecot: submission-login: Login: user=<joe>" REST, NULL,
     NULL, NULL},
    {"a failed name that tells of another login",
     SYSLOG DOVE "Disconnected (auth failed): user=<imap-login: Login: user=<joe>" REST ">" REST,
     NULL, NULL, NULL},
    {"a name with an address",
     SYSLOG DOVE "Login: user=<joe>, method=PLAIN, rip=203.0.113.1, lip=x>" REST, NULL, NULL, NULL},
    {"two addresses",
     SYSLOG DOVE "Login: user=<joe>, method=PLAIN, rip=192.0.2.7, lip=::1, rip=::2", NULL, NULL,
     NULL},
    {"a method with a blank", SYSLOG DOVE "Login: user=<joe>, method=x y, rip=192.0.2.7, lip=::1",
     NULL, NULL, NULL},
    {"no address", SYSLOG DOVE "Login: user=<joe>, method=PLAIN, rip=localhost, lip=::1", NULL,
     NULL, NULL},
    {"no name", SYSLOG DOVE "Login: user=<>" REST, NULL, NULL, NULL},
    {"cut", SYSLOG DOVE "Login: user=<joe>, method=PLAIN, rip=192.0.2.7", NULL, NULL, NULL},
    {"another program's line",
     SYSLOG "sshd[1]: Invalid user dovecot: imap-login: Login: user=<joe>" REST, NULL, NULL, NULL},
    {"a web server's", "192.0.2.9 - - imap-login: Login: user=<joe>" REST, NULL, NULL, NULL},
    {"two hosts", SYSLOG "other imap-login: Login: user=<joe>" REST, NULL, NULL, NULL},
    {"courier failed", SYSLOG "imapd: LOGIN FAILED, user=joe, ip=[192.0.2.7]", NULL, NULL, NULL},
    {"courier logout", SYSLOG "imapd: LOGOUT, user=joe, ip=[192.0.2.7]", NULL, NULL, NULL},
    {"courier with two addresses",
     SYSLOG "imapd: LOGIN, user=joe, ip=[203.0.113.1], x, ip=[192.0.2.7]", NULL, NULL, NULL},
    {"cyrus failed", SYSLOG "imap[99]: badlogin: [192.0.2.7] plaintext joe SASL(-13)", NULL, NULL,
     NULL},
    {"cyrus, a name server that lies",
     SYSLOG "imap[99]: login: a [203.0.113.1] joe plain User logged in [192.0.2.7] joe x User",
     NULL, NULL, NULL},
    {"cyrus, a name with a bracket",
     SYSLOG "imap[99]: login: a[203.0.113.1] [192.0.2.7] joe plain User logged in", NULL, NULL,
     NULL},
    {"uw, a name server that lies",
     SYSLOG "imapd[99]: Login user=joe host=a [203.0.113.1] [192.0.2.7]", NULL, NULL, NULL},
    {"uw failed", SYSLOG "imapd[99]: Login failed user=joe auth=joe host=[192.0.2.7]", NULL, NULL,
     NULL},
    {"qpopper, a name server that lies",
     SYSLOG
     "popper[99]: (v4) POP login by user \"joe\" at (a) 203.0.113.1 [) 192.0.2.7 [pop_log.c]",
     NULL, NULL, NULL},
};

static void test_lines(void **state)
{
    struct guard g = {0};
    char text[IP_TEXT_MAX];

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct auth_logline got;
        bool is = auth_logline_read(guard_str(&g, lines[i].line), &got);

        if (is != (lines[i].login != NULL))
            fail_msg("%s: %s %s", lines[i].name, got.server, got.login);
        if (is && (strcmp(got.login, lines[i].login) || strcmp(got.server, lines[i].server) ||
                   strcmp(ip_text(got.ip, text), lines[i].ip)))
            fail_msg("%s: %s %s %s", lines[i].name, got.server, got.login, ip_text(got.ip, text));
        for (size_t n = 0; n < strlen(lines[i].line); n++)
            auth_logline_read(guard_span(&g, span_of(lines[i].line, n)), &got);
    }
    guard_free(&g);
}

static void test_length(void **state)
{
    static const char begin[] = DOVE "Login: user=<joe>" REST;
    static char line[AUTH_LOGLINE_MAX + 1];
    struct auth_logline got;

    memset(line, 'x', sizeof(line));
    memcpy(line, begin, sizeof(begin) - 1);
    assert_true(auth_logline_read(span_of(line, AUTH_LOGLINE_MAX), &got));
    assert_false(auth_logline_read(span_of(line, AUTH_LOGLINE_MAX + 1), &got));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines), cmocka_unit_test(test_length)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
