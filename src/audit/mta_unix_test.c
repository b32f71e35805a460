/* SPDX-License-Identifier: GPL-3.0-or-later */
/* qmail, Courier, OpenSMTPD and Haraka. */
#include "audit/try_test.h"

#define ME                                                                                         \
    {                                                                                              \
        "/var/qmail/control/me", "mx.example.org\n"                                                \
    }
#define HOSTS                                                                                      \
    {                                                                                              \
        "/var/qmail/control/rcpthosts", "example.org\n.branch.example.org\n"                       \
    }
#define TCP(text)                                                                                  \
    {                                                                                              \
        "/etc/tcp.smtp", text                                                                      \
    }
#define RUN(text)                                                                                  \
    {                                                                                              \
        "/var/qmail/supervise/qmail-smtpd/run", "#!/bin/sh\n" text                                 \
    }

static const struct try_case qmail[] = {
    {"as documented", {ME, HOSTS}, ""},
    {"no rcpthosts", {ME}, "QM01:open:0"},
    {"an empty one refuses all", {ME, {"/var/qmail/control/rcpthosts", "\n"}}, ""},
    {"all of .com",
     {ME, {"/var/qmail/control/rcpthosts", "example.org\n.com\n"}},
     "QM03:open:2",
     .witness = "spammer@stranger.example|victim@elsewhere.com"},
    {"set by envdir",
     {ME, HOSTS, {"/var/qmail/supervise/qmail-smtpd/env/RELAYCLIENT", "\n"}},
     "QM02:open:0"},
    {"percenthack",
     {ME, HOSTS, {"/var/qmail/control/percenthack", "example.org\n"}},
     "QM04:open:1",
     .witness = "spammer@stranger.example|victim%elsewhere.example@example.org"},
};

static const struct try_case rules[] = {
    {"own nets",
     {TCP("127.:allow,RELAYCLIENT=\"\"\n192.168.7.:allow,RELAYCLIENT=\"\"\n:allow\n")},
     ""},
    {"everybody", {TCP("127.:allow,RELAYCLIENT=\"\"\n:allow,RELAYCLIENT=\"\"\n")}, "QM02:open:2"},
    {"10 behind a NAT", {TCP("10.:allow,RELAYCLIENT=\"\"\n:allow\n")}, "QM02:nat:1"},
    {"no dot, no match", {TCP("10:allow,RELAYCLIENT=\"\"\n1:allow,RELAYCLIENT=\"\"\n")}, ""},
    {"too short a front", {TCP("198.:allow,RELAYCLIENT=\"\"\n")}, "QM02:open:1"},
    {"a longer rule takes it back",
     {TCP("192.168.:allow,RELAYCLIENT=\"\"\n192.168.1.1:allow\n:deny\n")},
     "QM02:nat:1"},
    {"a range", {TCP("192.168.7.10-20:allow,RELAYCLIENT=\"\"\n")}, ""},
    {"any name", {TCP("=:allow,RELAYCLIENT=\"\"\n")}, "QM02:open:1"},
    {"a name", {TCP("=.isp.example:allow,RELAYCLIENT=\"\"\n")}, "QM02:forged-sender:1"},
    {"CIDR", {TCP("198.0.0.0/8:allow,RELAYCLIENT=\"\"\n")}, "QM02:open:1"},
};

static const struct try_case runs[] = {
    {"names off",
     {ME, HOSTS, TCP("=:allow,RELAYCLIENT=\"\"\n"),
      RUN("exec tcpserver -H -R -x /etc/tcp.smtp.cdb 0 smtp /var/qmail/bin/qmail-smtpd\n")},
     ""},
    {"names on",
     {ME, HOSTS, TCP("=:allow,RELAYCLIENT=\"\"\n"),
      RUN("exec tcpserver -R -x /etc/tcp.smtp.cdb 0 smtp /var/qmail/bin/qmail-smtpd\n")},
     "QM02:open:1"},
    {"no rules used",
     {ME, HOSTS, TCP(":allow,RELAYCLIENT=\"\"\n"),
      RUN("exec tcpserver -R 0 smtp /var/qmail/bin/qmail-smtpd\n")},
     ""},
    {"set for all",
     {ME, HOSTS,
      RUN("export RELAYCLIENT=\"\"\nexec tcpserver -x a.cdb 0 smtp "
          "qmail-smtpd\n")},
     "QM02:open:2"},
    {"true checks passwords",
     {ME, HOSTS,
      RUN("exec tcpserver -x a.cdb 0 smtp qmail-smtpd mx.example.org /bin/true "
          "/bin/true\n")},
     "QM07:open:2"},
    {"no host before the program",
     {ME, HOSTS, RUN("exec tcpserver -x a.cdb 0 smtp qmail-smtpd /bin/checkpassword /bin/true\n")},
     "QM07:undecided:2"},
    {"a real check",
     {ME, HOSTS,
      RUN("exec tcpserver -x a.cdb 0 smtp qmail-smtpd mx.example.org "
          "/bin/checkpassword /bin/true\n")},
     ""},
};

static void of_qmail(void **state)
{
    try_cases(qmail, sizeof(qmail) / sizeof(qmail[0]), "/var/qmail");
    try_cases(rules, sizeof(rules) / sizeof(rules[0]), "/etc/tcp.smtp");
    try_cases(runs, sizeof(runs) / sizeof(runs[0]), "/var/qmail");
}

#define ESMTPD                                                                                     \
    {                                                                                              \
        "/etc/courier/esmtpd", "PORT=smtp\nADDRESS=0\n"                                            \
    }
#define SMTPACCESS(text)                                                                           \
    {                                                                                              \
        "/etc/courier/smtpaccess/default", text                                                    \
    }

static const struct try_case courier[] = {
    {"as shipped",
     {ESMTPD, SMTPACCESS("127.0.0.1\tallow,RELAYCLIENT\n10\tallow,RELAYCLIENT\n"
                         "192.168\tallow,RELAYCLIENT\n")},
     "CO01:nat:2 CO01:nat:3"},
    {"no qmail, for all that it has control files",
     {ESMTPD, {"/etc/courier/me", "mx.example.org\n"}, {"/etc/courier/locals", "localhost\n"}},
     ""},
    {"this host only",
     {ESMTPD, SMTPACCESS("127.0.0.1\tallow,RELAYCLIENT\n"
                         ":0000:0000:0000:0000:0000:0000:0000:0001\tallow,RELAYCLIENT\n")},
     ""},
    {"a short front", {ESMTPD, SMTPACCESS("198\tallow,RELAYCLIENT\n")}, "CO01:open:1"},
    {"denied again", {ESMTPD, SMTPACCESS("192.168.1\tallow,RELAYCLIENT\n192.168.1.1\tdeny\n")}, ""},
    {"everybody", {ESMTPD, SMTPACCESS("*\tallow,RELAYCLIENT\n")}, "CO03:open:1"},
    {"everybody, with a colon", {ESMTPD, SMTPACCESS(":allow,RELAYCLIENT\n")}, "CO03:open:1"},
    {"all of .net",
     {ESMTPD, {"/etc/courier/esmtpacceptmailfor", "example.org\n.net\n"}},
     "CO02:open:2"},
    {"below ours",
     {ESMTPD, {"/etc/courier/esmtpacceptmailfor.dir/x", "example.org\n.example.org\n"}},
     ""},
    {"the environment of the port",
     {{"/etc/courier/esmtpd", "PORT=smtp\nRELAYCLIENT=\"\"\n"}},
     "CO03:open:2"},
};

static void of_courier(void **state)
{
    try_cases(courier, sizeof(courier) / sizeof(courier[0]), "/etc/courier");
}

#define CONF "/etc/smtpd.conf"
#define ACTIONS                                                                                    \
    "listen on 0.0.0.0\naction \"local\" maildir alias <aliases>\naction \"out\" relay\n"

static const struct try_case opensmtpd[] = {
    {"as shipped",
     {{CONF, "table aliases file:/etc/aliases\nlisten on localhost\n"
             "action \"local\" maildir alias <aliases>\naction \"relay\" relay\n"
             "match for local action \"local\"\nmatch from local for any action \"relay\"\n"}},
     ""},
    {"any to any", {{CONF, ACTIONS "match from any for any action \"out\"\n"}}, "OS01:open:4"},
    {"any to any, delivered here",
     {{CONF, ACTIONS "match from any for any action \"local\"\n"}},
     ""},
    {"with a login", {{CONF, ACTIONS "match auth from any for any action \"out\"\n"}}, ""},
    {"from auth", {{CONF, ACTIONS "match from auth for any action \"out\"\n"}}, ""},
    {"refused first",
     {{CONF, ACTIONS "match from any for any reject\nmatch from any for any action \"out\"\n"}},
     ""},
    {"a sender",
     {{CONF, ACTIONS "match from any mail-from \"@example.org\" for any action \"out\"\n"}},
     "OS01:forged-sender:4",
     .witness = "user@example.org|victim@elsewhere.example"},
    {"a sender without its sign",
     {{CONF, "table p { \"partner.example\" }\n" ACTIONS
             "match from mail-from <p> for any action \"out\"\n"}},
     ""},
    {"senders of a table",
     {{CONF, "table p file:/etc/p\n" ACTIONS "match from mail-from <p> for any action \"out\"\n"},
      {"/etc/p", "# x\n@partner.example\n"}},
     "OS01:forged-sender:5"},
    {"a HELO",
     {{CONF, ACTIONS "match from any helo \"backup\" for any action \"out\"\n"}},
     "OS01:forged-sender:4"},
    {"a name",
     {{CONF, ACTIONS "match from rdns regex \"\\\\.isp\\\\.example$\" for any action "
                     "\"out\"\n"}},
     "OS01:forged-sender:4"},
    {"a wide net",
     {{CONF, ACTIONS "match from src { 10.1.0.0/16, 198.0.0.0/8 } for any action "
                     "\"out\"\n"}},
     "OS02:open:4"},
    {"all but one",
     {{CONF, ACTIONS "match from ! src 192.0.2.1 for any action \"out\"\n"}},
     "OS01:open:4"},
    {"a net of ours",
     {{CONF, ACTIONS "match from src 192.168.7.0/24 for any action \"out\"\n"}},
     ""},
    {"for our domain",
     {{CONF, ACTIONS "match from any for domain \"example.org\" action \"out\"\n"}},
     ""},
    {"for every domain",
     {{CONF, ACTIONS "match from any for domain \"*\" action \"out\"\n"}},
     "OS05:open:4"},
    {"for all of .com",
     {{CONF, ACTIONS "match from any for domain \"*.com\" action \"out\"\n"}},
     "OS05:open:4"},
    {"a table that is not here",
     {{CONF, "table n file:/etc/nets\n" ACTIONS "match from src <n> for any action \"out\"\n"}},
     "OS01:undecided:5"},
    {"a port with a login",
     {{CONF, "listen on 0.0.0.0 port 587 tls auth tag SUB\n"
             "action \"out\" relay\n"
             "match tag SUB from any for any action \"out\"\n"}},
     ""},
    {"a port where it is optional",
     {{CONF, "listen on 0.0.0.0 port 587 tls auth-optional tag SUB\naction \"out\" relay\n"
             "match tag SUB from any for any action \"out\"\n"}},
     "OS01:open:3"},
    {"PROXY",
     {{CONF, "listen on 0.0.0.0 proxy-v2\naction \"out\" relay\n"
             "match from local for any action \"out\"\n"}},
     "OS03:open:1"},
    {"a macro",
     {{CONF, "who = \"any\"\n" ACTIONS "match from $who for any action \"out\"\n"}},
     "OS01:open:5"},
    {"on two lines",
     {{CONF, ACTIONS "match from any \\\n  for any \\\n  action \"out\"\n"}},
     "OS01:open:4"},
    {"the old syntax",
     {{CONF, "listen on 0.0.0.0\naccept from any for any relay\n"}},
     "OS01:open:2"},
    {"the old syntax, closed",
     {{CONF, "listen on 0.0.0.0\naccept from any for domain \"example.org\" deliver to mbox\n"
             "accept for any relay\n"}},
     ""},
    {"nothing", {{CONF, "# x\n"}}, "!no OpenSMTPD configuration"},
};

static void of_opensmtpd(void **state)
{
    try_cases(opensmtpd, sizeof(opensmtpd) / sizeof(opensmtpd[0]), CONF);
}

#define PLUGINS(text)                                                                              \
    {                                                                                              \
        "/etc/haraka/config/plugins", text                                                         \
    }
#define LISTEN                                                                                     \
    {                                                                                              \
        "/etc/haraka/config/smtp.ini", "listen=[::0]:25\n"                                         \
    }

static const struct try_case haraka[] = {
    {"as shipped", {LISTEN, PLUGINS("rcpt_to.in_host_list\nrelay\n")}, ""},
    {"all",
     {LISTEN, PLUGINS("relay\n"), {"/etc/haraka/config/relay.ini", "[relay]\nall=true\n"}},
     "HA01:open:2"},
    {"all, but the plugin is off",
     {LISTEN, PLUGINS("#relay\n"), {"/etc/haraka/config/relay.ini", "[relay]\nall=true\n"}},
     ""},
    {"a provider's block",
     {LISTEN,
      PLUGINS("relay\n"),
      {"/etc/haraka/config/relay_acl_allow", "2001:db8::1/128\n198.0.0.0/8\n"}},
     "HA02:open:2"},
    {"an address of IPv6 without a length",
     {LISTEN,
      PLUGINS("relay\n"),
      {"/etc/haraka/config/relay_acl_allow", "2001:db8::1\nfd00::1\n2001:db8::2/128\n"}},
     "HA02:open:1"},
    {"zero is no length",
     {LISTEN, PLUGINS("relay\n"), {"/etc/haraka/config/relay_acl_allow", "0.0.0.0/0\n"}},
     ""},
    {"two halves",
     {LISTEN,
      PLUGINS("relay\n"),
      {"/etc/haraka/config/relay_acl_allow", "0.0.0.0/1\n128.0.0.0/1\n"}},
     "HA02:open:1 HA02:open:2"},
    {"destinations",
     {LISTEN,
      PLUGINS("relay\n"),
      {"/etc/haraka/config/relay.ini", "[relay]\ndest_domains=true\n"},
      {"/etc/haraka/config/relay_dest_domains.ini",
       "[domains]\nexample.net = {\"action\":\"continue\"}\n"}},
     "HA03:open:2",
     .witness = "spammer@stranger.example|postmaster@example.net|victim@elsewhere.example"},
    {"destinations that are off",
     {LISTEN,
      PLUGINS("relay\n"),
      {"/etc/haraka/config/relay_dest_domains.ini",
       "[domains]\nexample.net = {\"action\":\"continue\"}\n"}},
     ""},
    {"a wide pattern",
     {LISTEN,
      PLUGINS("rcpt_to.in_host_list\n"),
      {"/etc/haraka/config/host_list_regex", ".*\\.com\n"}},
     "HA04:open:1"},
    {"a pattern of ours",
     {LISTEN,
      PLUGINS("rcpt_to.in_host_list\n"),
      {"/etc/haraka/config/host_list_regex", ".*example\\.org\n"}},
     ""},
    {"a plugin that takes all", {LISTEN, PLUGINS("rcpt_to.any\n")}, "HA05:open:1"},
    {"a plugin of one's own", {LISTEN, PLUGINS("rcpt_to.mine\n")}, "HA05:undecided:1"},
    {"PROXY from anybody",
     {LISTEN,
      PLUGINS("relay\n"),
      {"/etc/haraka/config/relay_acl_allow", "127.0.0.1\n"},
      {"/etc/haraka/config/connection.ini", "[haproxy]\nhosts[] = 0.0.0.0/0\n"}},
     "HA06:open:2"},
};

static void of_haraka(void **state)
{
    try_cases(haraka, sizeof(haraka) / sizeof(haraka[0]), "/etc/haraka");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_qmail),
        cmocka_unit_test(of_courier),
        cmocka_unit_test(of_opensmtpd),
        cmocka_unit_test(of_haraka),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
