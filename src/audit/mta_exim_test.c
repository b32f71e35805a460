/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exim: what opens it, and what only looks as if it did. */
#include "audit/try_test.h"

#define LISTS                                                                                      \
    "domainlist local_domains = @ : example.org\n"                                                 \
    "domainlist relay_to_domains =\n"
#define MAIN "acl_smtp_rcpt = acl_check_rcpt\n"
#define ACL                                                                                        \
    "begin acl\n"                                                                                  \
    "acl_check_rcpt:\n"
#define REST                                                                                       \
    "  accept hosts = +relay_from_hosts\n"                                                         \
    "  accept authenticated = *\n"                                                                 \
    "  require message = relay not permitted\n"                                                    \
    "          domains = +local_domains : +relay_to_domains\n"                                     \
    "  require verify = recipient\n"                                                               \
    "  accept\n"
#define ROUTERS                                                                                    \
    "begin routers\n"                                                                              \
    "dnslookup:\n"                                                                                 \
    "  driver = dnslookup\n"                                                                       \
    "  domains = ! +local_domains\n"                                                               \
    "  transport = remote_smtp\n"                                                                  \
    "  no_more\n"                                                                                  \
    "localuser:\n"                                                                                 \
    "  driver = accept\n"                                                                          \
    "  check_local_user\n"                                                                         \
    "  transport = local_delivery\n"
#define LOOP             "hostlist relay_from_hosts = 127.0.0.1\n"
/* Lines: 1 and 2 lists, 3 acl_smtp_rcpt, 4 hosts, 5 begin acl, 6 name, 7 the first statement. */
#define WITH_ACL(text)   LISTS MAIN LOOP ACL text REST ROUTERS
#define WITH_HOSTS(text) LISTS MAIN "hostlist relay_from_hosts = " text "\n" ACL REST ROUTERS
#define F                "/etc/exim4/exim4.conf"

static const struct try_case cases[] = {
    {"as shipped", {{F, WITH_ACL("  accept hosts = :\n")}}, ""},
    {"no ACL refuses all", {{F, LISTS "begin acl\nacl_other:\n  accept\n"}}, ""},
    {"all hosts",
     {{F, WITH_HOSTS("*")}},
     "EX02:open:4",
     .witness = "spammer@stranger.example|victim@elsewhere.example"},
    {"the whole Internet", {{F, WITH_HOSTS("127.0.0.1 : 0.0.0.0/0")}}, "EX02:open:4"},
    {"over IPv6 only", {{F, WITH_HOSTS("127.0.0.1 : ::::/0")}}, "EX02:open:4"},
    {"a network with strangers", {{F, WITH_HOSTS("127.0.0.1 : 172.0.0.0/8")}}, "EX02:open:4"},
    {"an office", {{F, WITH_HOSTS("127.0.0.1 : 192.168.7.0/24")}}, ""},
    {"an exclusion alone", {{F, WITH_HOSTS("127.0.0.1 : !192.0.2.1")}}, "EX02:open:4"},
    {"an exclusion first", {{F, WITH_HOSTS("!192.168.7.1 : 192.168.7.0/24")}}, ""},
    {"IPv6 in a list with colons", {{F, WITH_HOSTS("127.0.0.1 : 2001:db8::/32")}}, "EX03:latent:4"},
    {"IPv6 with semicolons", {{F, WITH_HOSTS("<; 127.0.0.1 ; ::1 ; 2001:db8:1::/48")}}, ""},
    {"IPv6 doubled", {{F, WITH_HOSTS("127.0.0.1 : ::::1")}}, ""},
    {"include_unknown", {{F, WITH_HOSTS("+include_unknown : *.example.org")}}, "EX04:open:4"},
    {"a name of a domain", {{F, WITH_HOSTS("127.0.0.1 : *.example.org")}}, "EX06:latent:7"},
    {"a name of an ISP", {{F, WITH_HOSTS("127.0.0.1 : *.isp.example")}}, "EX06:forged-sender:7"},
    {"a name that anybody can have",
     {{F, WITH_HOSTS("127.0.0.1 : ^mail\\\\.example\\\\.org")}},
     "EX06:forged-sender:7"},
    {"a list in a file",
     {{F, WITH_HOSTS("/etc/exim4/nets")}, {"/etc/exim4/nets", "# x\n10.1.2.3\n0.0.0.0/0\n"}},
     "EX02:open:3"},
    {"a file that is not there", {{F, WITH_HOSTS("/etc/exim4/nets")}}, "EX07:undecided:4"},
    {"continued, with a comment inside",
     {{F, WITH_HOSTS("127.0.0.1 : \\\n   # the office\n   198.0.0.0/8")}},
     "EX02:open:6"},

    {"every domain",
     {{F, "domainlist local_domains = @\ndomainlist relay_to_domains = example.org : *\n" MAIN LOOP
              ACL REST ROUTERS}},
     "EX01:open:2"},
    {"every domain is local: there are no such users",
     {{F,
       "domainlist local_domains = *\ndomainlist relay_to_domains =\n" MAIN LOOP ACL REST ROUTERS}},
     ""},
    {"every .com",
     {{F, "domainlist local_domains = @\ndomainlist relay_to_domains = example.org : *.com\n" MAIN
              LOOP ACL REST ROUTERS}},
     "EX01:open:2",
     .witness = "spammer@stranger.example|victim@elsewhere.com"},
    {"all below a name of ours",
     {{F, "domainlist local_domains = example.org : *.example.org\n"
          "domainlist relay_to_domains =\n" MAIN LOOP ACL REST ROUTERS}},
     ""},
    {"whose MX we are",
     {{F, "domainlist local_domains = example.org\ndomainlist relay_to_domains = @mx_any\n" MAIN
              LOOP ACL REST ROUTERS}},
     "EX01:forged-sender:2"},
    {"an unused list of all", {{F, "domainlist every = *\n" WITH_ACL("")}}, ""},
    {"lsearch with its star",
     {{F, "domainlist local_domains = @\n"
          "domainlist relay_to_domains = lsearch*;/etc/exim4/domains\n" MAIN LOOP ACL REST ROUTERS},
      {"/etc/exim4/domains", "example.org: x\n*: y\n"}},
     "EX11:open:2"},
    {"the same without it",
     {{F, "domainlist local_domains = lsearch;/etc/exim4/domains\n"
          "domainlist relay_to_domains =\n" MAIN LOOP ACL REST ROUTERS},
      {"/etc/exim4/domains", "example.org: x\n*: y\n"}},
     ""},
    {"a database of domains",
     {{F, "domainlist local_domains = mysql;SELECT d FROM t WHERE d='$domain'\n"
          "domainlist relay_to_domains =\n" MAIN LOOP ACL REST ROUTERS}},
     "EX07:undecided:1"},

    {"sender of ours",
     {{F, WITH_ACL("  accept sender_domains = +local_domains\n")}},
     "EX05:forged-sender:7",
     .witness = "postmaster@example.org|victim@elsewhere.example"},
    {"sender of ours to us",
     {{F, WITH_ACL("  accept sender_domains = example.org\n"
                   "         domains = +local_domains\n"
                   "         verify = recipient\n")}},
     ""},
    {"a sender's address",
     {{F, WITH_ACL("  accept condition = ${if eqi{$sender_address}{boss@example.org}}\n")}},
     "EX05:forged-sender:7",
     .witness = "boss@example.org|victim@elsewhere.example"},
    {"a sender's pattern",
     {{F, WITH_ACL("  accept condition = ${if match{$sender_address}{\\N@example\\.org$\\N}}\n")}},
     "EX05:forged-sender:7"},
    {"senders of a file",
     {{F, WITH_ACL("  accept senders = lsearch;/etc/exim4/senders\n")},
      {"/etc/exim4/senders", "list@example.net: yes\n"}},
     "EX05:forged-sender:7",
     .witness = "list@example.net|victim@elsewhere.example"},
    {"the null sender",
     {{F, WITH_ACL("  accept senders = :\n")}},
     "EX05:forged-sender:7",
     .witness = "|victim@elsewhere.example"},
    {"a sender that verifies, without a router for others",
     {{F, LISTS MAIN LOOP ACL "  require verify = sender\n  accept\n"
                              "begin routers\nlocaluser:\n  driver = accept\n  check_local_user\n"
                              "  domains = +local_domains\n  transport = t\n"}},
     "EX05:forged-sender:8"},
    {"a HELO",
     {{F, WITH_ACL("  accept condition = ${if eq{$sender_helo_name}{backup.example.org}}\n")}},
     "EX05:forged-sender:7"},
    {"postmaster anywhere",
     {{F, WITH_ACL("  accept local_parts = postmaster\n")}},
     "EX07:open:7",
     .witness = "spammer@stranger.example|postmaster@elsewhere.example"},
    {"postmaster here",
     {{F, WITH_ACL("  accept local_parts = postmaster\n         domains = +local_domains\n")}},
     ""},
    {"a list of good hosts before the limit",
     {{F, WITH_ACL("  accept dnslists = list.dnswl.org\n")}},
     "EX07:open:7"},
    {"a list of bad hosts", {{F, WITH_ACL("  deny dnslists = zen.spamhaus.org\n")}}, ""},
    {"whoever can be verified", {{F, WITH_ACL("  accept verify = recipient\n")}}, "EX07:open:7"},
    {"no certificate is asked for", {{F, WITH_ACL("  accept verify = certificate\n")}}, ""},
    {"any certificate",
     {{F, "tls_try_verify_hosts = *\n" WITH_ACL("  accept verify = certificate\n")}},
     "EX09:forged-sender:8"},
    {"a certificate of our own authority",
     {{F, "tls_try_verify_hosts = *\ntls_verify_certificates = /etc/exim4/our-ca.pem\n" WITH_ACL(
              "  accept verify = certificate\n")}},
     "EX09:latent:9"},
    {"over TLS", {{F, WITH_ACL("  accept encrypted = *\n")}}, "EX07:open:7"},
    {"a condition that is false", {{F, WITH_ACL("  accept condition = ${if eq{a}{b}}\n")}}, ""},
    {"a port of its own",
     {{F, "daemon_smtp_ports = 25 : 2525\n" WITH_ACL(
              "  accept condition = ${if eq{$interface_port}{2525}}\n")}},
     "EX07:open:8"},
    {"a program",
     {{F, WITH_ACL("  accept condition = ${run{/bin/check $sender_host_address}}\n")}},
     "EX07:undecided:7"},
    {"a program that may refuse", {{F, WITH_ACL("  deny condition = ${run{/bin/check}}\n")}}, ""},
    {"a nested ACL",
     {{F, LISTS MAIN LOOP "begin acl\nfriends:\n  accept senders = *@example.net\n"
                          "acl_check_rcpt:\n  accept acl = friends\n" REST ROUTERS}},
     "EX05:forged-sender:9"},
    {"a loop of ACLs",
     {{F, LISTS MAIN LOOP "begin acl\na:\n  accept acl = b\nb:\n  accept acl = a\n"
                          "acl_check_rcpt:\n  accept acl = a\n" REST ROUTERS}},
     "EX07:undecided:9"},
    {"endpass refuses",
     {{F, LISTS MAIN LOOP ACL "  accept domains = +local_domains\n    endpass\n"
                              "    verify = recipient\n  accept hosts = 192.168.1.1\n" ROUTERS}},
     ""},
    {"unknown users are taken",
     {{F, LISTS MAIN LOOP ACL "  accept domains = +local_domains\n" ROUTERS}},
     "EX13:half-open:7"},
    {"a warn that sets a variable",
     {{F, WITH_ACL("  warn senders = *@friend.example\n    set acl_m0 = yes\n"
                   "  accept condition = $acl_m0\n")}},
     "EX05:forged-sender:9"},

    {"a macro names the hosts",
     {{F, "NETS = 127.0.0.1 : 0.0.0.0/0\n" WITH_HOSTS("NETS")}},
     "EX02:open:1"},
    {"ifdef", {{F, "OPEN = 1\n" WITH_ACL(".ifdef OPEN\n  accept\n.endif\n")}}, "EX07:open:9"},
    {"ifndef", {{F, "OPEN = 1\n" WITH_ACL(".ifndef OPEN\n  accept\n.endif\n")}}, ""},
    {"ifdef else",
     {{F, WITH_ACL(".ifdef OPEN\n  accept\n.else\n  deny senders = x@y.z\n.endif\n")}},
     ""},
    {"include",
     {{F, WITH_ACL(".include /etc/exim4/more\n")}, {"/etc/exim4/more", "  accept\n"}},
     "EX07:open:1"},
    {"an include loop", {{F, ".include /etc/exim4/exim4.conf\n"}}, "!loop"},
    {"endif alone", {{F, ".endif\n"}}, "!without .ifdef"},
    {"nothing in it", {{F, "\n"}}, "!no Exim configuration"},

    {"PROXY from anybody", {{F, "hosts_proxy = *\n" WITH_ACL("")}}, "EX08:open:1"},
    {"PROXY from one", {{F, "hosts_proxy = 192.168.1.5\n" WITH_ACL("")}}, ""},
    {"percent hack", {{F, "percent_hack_domains = example.org\n" WITH_ACL("")}}, "EX10:latent:1"},
    {"a router that unpacks",
     {{F, LISTS MAIN LOOP ACL
       "  accept domains = +local_domains\n"
       "begin routers\npercent:\n  driver = redirect\n  domains = +local_domains\n"
       "  local_parts = \\N^[^%]+%[^%]+$\\N\n"
       "  data = ${sg{$local_part}{\\N^([^%]+)%([^%]+)$\\N}{\\$1@\\$2}}\n"
       "dnslookup:\n  driver = dnslookup\n  domains = ! +local_domains\n"}},
     "EX10:open:7 EX13:half-open:7",
     .witness = "spammer@stranger.example|victim%elsewhere.example@example.org"},
    {"everybody has a login",
     {{F, WITH_ACL("") "begin authenticators\nplain:\n  driver = plaintext\n"
                       "  public_name = PLAIN\n  server_condition = yes\n"}},
     "EX09:open:27"},
    {"an empty password",
     {{F, WITH_ACL("") "begin authenticators\nplain:\n  driver = plaintext\n"
                       "  server_condition = ${if eq{$auth3}{${lookup{$auth2}lsearch"
                       "{/etc/exim4/passwd}{$value}{}}}}\n"}},
     "EX09:open:26"},
    {"a real check",
     {{F, WITH_ACL("") "begin authenticators\nplain:\n  driver = plaintext\n"
                       "  server_condition = ${if crypteq{$auth3}{${extract{1}{:}{${lookup"
                       "{$auth2}lsearch{/etc/exim4/passwd}{$value}{*:*}}}}}{1}{0}}\n"}},
     ""},
    {"only on loopback",
     {{F, "local_interfaces = 127.0.0.1 : ::::1\n" WITH_HOSTS("*")}},
     "EX02:latent:5"},
};

static const struct audit_memory_file main_part = {
    "/etc/exim4/conf.d/main/01_x",
    "UPEX4CmacrosUPEX4C = 1\ndomainlist local_domains = MAIN_LOCAL_DOMAINS\n"
    "domainlist relay_to_domains = MAIN_RELAY_TO_DOMAINS\n"
    "hostlist relay_from_hosts = MAIN_RELAY_NETS\n" MAIN,
    0};

static void configurations(void **state)
{
    try_cases(cases, sizeof(cases) / sizeof(cases[0]), F);
}

static void debian(void **state)
{
#define DEBIAN(text)                                                                               \
    {                                                                                              \
        {"/etc/exim4/update-exim4.conf.conf", "dc_eximconfig_configtype='internet'\n"              \
                                              "dc_use_split_config='true'\n" text},                \
            main_part, {"/etc/exim4/conf.d/acl/30_x", ACL REST},                                   \
        {                                                                                          \
            "/etc/exim4/conf.d/router/200_x", ROUTERS                                              \
        }                                                                                          \
    }
    const struct try_case v[] = {
        {"as shipped", DEBIAN("dc_other_hostnames='example.org'\ndc_relay_nets=''\n"), ""},
        {"all nets", DEBIAN("dc_other_hostnames='example.org'\ndc_relay_nets='*'\n"),
         "EX02:open:4"},
        {"nets with semicolons", DEBIAN("dc_relay_nets='192.168.1.0/24 ; 2000::/3'\n"),
         "EX02:open:3"},
        {"relay domains", DEBIAN("dc_relay_domains='*'\n"), "EX01:open:3"},
        {"localmacros are of the unsplit one",
         {{"/etc/exim4/update-exim4.conf.conf",
           "dc_eximconfig_configtype='internet'\ndc_use_split_config='false'\n"},
          {"/etc/exim4/exim4.conf.localmacros", "MAIN_RELAY_NETS = 0.0.0.0/0\n"},
          {"/etc/exim4/exim4.conf.template",
           "UPEX4CmacrosUPEX4C = 1\n" LISTS MAIN
           "hostlist relay_from_hosts = MAIN_RELAY_NETS\n" ACL REST ROUTERS}},
         "EX02:open:1"},
    };

    try_cases(v, sizeof(v) / sizeof(v[0]), "/etc/exim4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configurations),
        cmocka_unit_test(debian),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
