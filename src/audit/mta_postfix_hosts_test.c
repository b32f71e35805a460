/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Postfix's networks, domains, services and files, each with what must be said of it. */
#include "audit/try_postfix_test.h"

/* --- networks --------------------------------------------------------------------------------- */

static void networks(void **state)
{
    static const struct try_case cases[] = {
        {"the world", {{MAIN, BASE "mynetworks = 127.0.0.0/8, 0.0.0.0/0\n"}}, "PF05:open:3"},
        {"the world on its own line",
         {{MAIN, BASE "mynetworks = 127.0.0.0/8,\n  # why not\n  [::]/0\n"}},
         "PF05:open:5"},
        {"two halves",
         {{MAIN, BASE "mynetworks = 0.0.0.0/1\n 128.0.0.0/1\n"}},
         "PF05:open:3 PF05:open:4"},
        {"a slip", {{MAIN, BASE "mynetworks = 172.0.0.0/8\n"}}, "PF05:open:3"},
        {"host bits are an error for all", {{MAIN, BASE "mynetworks = 172.16.0.0/8\n"}}, ""},
        {"and for what stands behind", {{MAIN, BASE "mynetworks = 10.1.2.3/8 0.0.0.0/0\n"}}, ""},
        {"not for what stands before",
         {{MAIN, BASE "mynetworks = 0.0.0.0/0 10.1.2.3/8\n"}},
         "PF05:open:3"},
        {"mapped networks match nobody", {{MAIN, BASE "mynetworks = [::ffff:0.0.0.0]/96\n"}}, ""},
        {"IPv6 without brackets is a table's name", {{MAIN, BASE "mynetworks = ::/0\n"}}, ""},
        {"a star matches nobody", {{MAIN, BASE "mynetworks = *, 0.0.0.0\n"}}, ""},
        {"all of IPv6, which is off",
         {{MAIN, BASE "inet_protocols = ipv4\nmynetworks = 127.0.0.0/8 [::]/0\n"}},
         ""},
        {"networks that nothing asks for",
         {{MAIN, BASE "mynetworks = 0.0.0.0/0\nsmtpd_relay_restrictions = "
                      "permit_sasl_authenticated, reject_unauth_destination\n"}},
         ""},
        {"all but one address",
         {{MAIN, BASE "mynetworks = !192.0.2.1, 0.0.0.0/0\n"}},
         "PF05:open:3"},
        {"an office network",
         {{MAIN, BASE "mynetworks = 127.0.0.0/8 192.168.1.0/24 10.20.0.0/16 "
                      "203.0.113.0/24 [2001:db8:1::]/48\n"}},
         ""},
        {"a gateway that is known",
         {{MAIN, BASE "mynetworks = 127.0.0.0/8 192.168.1.0/24\n"}},
         "PF07:nat:3",
         .nat = "192.168.1.1"},
        {"a gateway that is not trusted",
         {{MAIN, BASE "mynetworks = 127.0.0.0/8 192.168.1.0/24\n"}},
         "",
         .nat = "10.0.0.1"},
        {"a comment behind words ends the list",
         {{MAIN, BASE "mynetworks = 127.0.0.0/8 # not 0.0.0.0/0\n"}},
         ""},
        {"and the line of a file",
         {{MAIN, BASE "mynetworks = /etc/postfix/nets\n"},
          {MAP("nets"), "10.1.0.0/16 # 0.0.0.0/0\n45.0.0.0/8 # us\n"}},
         "PF05:open:2"},
        {"quotes are none", {{MAIN, BASE "mynetworks = \"127.0.0.0/8, 0.0.0.0/0\"\n"}}, ""},
        {"a semicolon is no separator, a blank is",
         {{MAIN, BASE "mynetworks = 127.0.0.0/8; 0.0.0.0/0\n"}},
         "PF05:open:3"},
        {"a private block",
         {{MAIN, BASE "mynetworks = 127.0.0.0/8\n  10.0.0.0/8\n"}},
         "PF07:nat:4"},
        {"Docker's pool", {{MAIN, BASE "mynetworks = 127.0.0.0/8 172.16.0.0/12\n"}}, "PF07:nat:3"},
        {"no NAT, says the operator",
         {{MAIN, BASE "mynetworks = 127.0.0.0/8 172.16.0.0/12\n"}},
         "",
         .no_nat = true},
        {"from a file",
         {{MAIN, BASE "mynetworks = /etc/postfix/nets\n"},
          {MAP("nets"), "127.0.0.0/8\n# all\n0.0.0.0/0\n"}},
         "PF05:open:3"},
        {"a file taken out",
         {{MAIN, BASE "mynetworks = !/etc/postfix/nets 203.0.113.0/24\n"},
          {MAP("nets"), "0.0.0.0/0\n"}},
         ""},
        {"from a cidr table",
         {{MAIN, BASE "mynetworks = cidr:/etc/postfix/nets\n"},
          {MAP("nets"), "127.0.0.0/8 x\n0.0.0.0/0 x\n"}},
         "PF05:open:2"},
        {"from a hash, where networks match nobody",
         {{MAIN, BASE "mynetworks = hash:/etc/postfix/nets\n"},
          {MAP("nets"), "0.0.0.0/0 OK\n127.0.0.1 OK\n"}},
         ""},
        {"a wide network of one's own",
         {{MAIN, BASE "mynetworks = 198.16.0.0/12\n"}},
         "",
         .own = "198.16.0.0/12"},
        {"one that is not", {{MAIN, BASE "mynetworks = 198.16.0.0/12\n"}}, "PF05:open:3"},
        {"the style, and no word of the interfaces",
         {{MAIN, BASE "mynetworks_style = subnet\n"}},
         "PF06:undecided:3"},
        {"the style in a provider's network",
         {{MAIN, BASE "mynetworks_style = subnet\n"}},
         "PF06:nat:3",
         .interfaces = "203.0.113.5/24"},
        {"class A",
         {{MAIN, BASE "mynetworks_style = class\n"}},
         "PF05:open:3 PF06:nat:3",
         .interfaces = "45.1.2.3/24"},
        {"the style on one address",
         {{MAIN, BASE "mynetworks_style = subnet\n"}},
         "",
         .interfaces = "203.0.113.5/32"},
        {"a set list overrules the style",
         {{MAIN, BASE "mynetworks_style = class\nmynetworks = 127.0.0.0/8\n"}},
         ""},
        {"level 1 and no networks set",
         {{MAIN, "compatibility_level = 1\nmydestination = own.example\n"}},
         "PF06:undecided:0"},
        {"on loopback only",
         {{MAIN, BASE "inet_interfaces = loopback-only\nmynetworks = 0.0.0.0/0\n"}},
         "PF05:latent:4"},
        {"a port that is not published",
         {{MAIN, BASE "mynetworks = 0.0.0.0/0\n"}},
         "PF05:latent:3",
         .published = "587"},
        {"a network for one list and a sender for the other",
         {{MAIN, BASE "mynetworks = 127.0.0.0/8 10.0.0.0/8\nsmtpd_client_restrictions = "
                      "permit_mynetworks, reject\nsmtpd_relay_restrictions = permit\n"
                      "smtpd_recipient_restrictions = check_sender_access "
                      "inline:{own.example=OK}, reject\n"}},
         "PF07:nat:3",
         .witness = "user@own.example|victim@elsewhere.example"},
        {"by a host name",
         {{MAIN, BASE "mynetworks = 127.0.0.0/8 provider.example\n"}},
         "PF02:forged-sender:3"},
        {"everybody by a table",
         {{MAIN, BASE "mynetworks = 127.0.0.0/8 static:all\n"}},
         "PF05:open:3"},
        {"everybody by a pattern",
         {{MAIN, BASE "mynetworks = 127.0.0.0/8 regexp:/etc/postfix/nets\n"},
          {MAP("nets"), "/^[0-9.]+$/ x\n"}},
         "PF05:open:1"},
        {"from a file that was not given",
         {{MAIN, BASE "mynetworks = 127.0.0.0/8 /etc/postfix/nets\n"}},
         "PF05:undecided:3"},
        {"from a table that was not given",
         {{MAIN, BASE "mynetworks = 127.0.0.0/8 cidr:/etc/postfix/nets\n"}},
         "PF05:undecided:3"},
        {"from a template",
         {{MAIN, BASE "mynetworks = 127.0.0.0/8 {{ nets }}\n"}},
         "PF05:undecided:3"},
    };

    try_cases(cases, sizeof(cases) / sizeof(cases[0]), "/etc/postfix");
}

/* --- domains ---------------------------------------------------------------------------------- */

static void domains(void **state)
{
    static const struct try_case cases[] = {
        {"relay_domains with its users",
         {{MAIN, BASE HOST "relay_domains = other.example\nrelay_recipient_maps = hash:/x\n"}},
         ""},
        {"relay_domains without",
         {{MAIN, BASE HOST "relay_domains = other.example\n"}},
         "PF17:half-open:4"},
        {"every domain",
         {{MAIN, BASE HOST "relay_domains = static:all\nrelay_recipient_maps = "
                           "hash:/x\n"}},
         "PF08:open:4"},
        {"every domain by a pattern",
         {{MAIN, BASE HOST "relay_domains = own.example, regexp:/etc/postfix/relay\n"},
          {MAP("relay"), "/\\.example$/ x\n"}},
         "PF08:open:1"},
        {"a top-level domain in a table",
         {{MAIN, BASE HOST "relay_domains = hash:/etc/postfix/relay\nrelay_recipient_maps = "
                           "hash:/x\n"},
          {MAP("relay"), "other.example x\nde x\n"}},
         "PF08:open:2"},
        {"a pattern of one's own",
         {{MAIN, BASE HOST "relay_domains = pcre:/etc/postfix/relay\n"},
          {MAP("relay"), "/^(.+\\.)?other\\.example$/ x\n"}},
         ""},
        {"an open pattern",
         {{MAIN, BASE HOST "relay_domains = pcre:/etc/postfix/relay\n"},
          {MAP("relay"), "/other\\.example/ x\n"}},
         "PF08:forged-sender:1"},
        {"a pattern that was not given",
         {{MAIN, BASE HOST "relay_domains = pcre:/etc/postfix/relay\n"}},
         "PF08:undecided:4"},
        {"every domain is its own",
         {{MAIN, BASE HOST "virtual_mailbox_domains = static:all\n"}},
         "PF17:half-open:4"},
        {"a top-level domain",
         {{MAIN, BASE HOST "relay_domains = com\nrelay_recipient_maps = "
                           "hash:/x\n"}},
         "PF08:open:4"},
        {"a star is no domain",
         {{MAIN, BASE HOST "relay_domains = *\nrelay_recipient_maps = "
                           "hash:/x\n"}},
         ""},
        {"routes to a next host",
         {{MAIN, BASE HOST "relay_domains = other.example\nallow_untrusted_routing = yes\n"
                           "relay_recipient_maps = hash:/x\n"}},
         "PF10:half-open:5"},
        {"routes, and no next host", {{MAIN, BASE HOST "allow_untrusted_routing = yes\n"}}, ""},
        {"an anchored pattern with untrusted routing is asked for what is inside",
         {{MAIN, BASE HOST "allow_untrusted_routing = yes\nsmtpd_relay_restrictions =\n"
                           "smtpd_recipient_restrictions = check_recipient_access "
                           "inline:{own.example=OK}, reject_unauth_destination\n"}},
         ""},
        {"percent and bang are looked into",
         {{MAIN, BASE HOST "allow_percent_hack = yes\n"
                           "swap_bangpath = yes\n"}},
         ""},
        {"local users are not asked for",
         {{MAIN, BASE HOST "local_recipient_maps =\n"}},
         "PF17:half-open:4"},
        {"nor unlisted ones refused",
         {{MAIN, BASE HOST "smtpd_reject_unlisted_recipient = no\n"}},
         "PF17:half-open:4"},
        {"but verified",
         {{MAIN, BASE HOST "local_recipient_maps =\nsmtpd_recipient_restrictions = "
                           "reject_unverified_recipient\n"}},
         ""},
        {"a wildcard alias",
         {{MAIN, BASE HOST "virtual_alias_maps = hash:/etc/postfix/virtual\n"},
          {MAP("virtual"),
           "ours.example x\na@ours.example b@x.example\n@ours.example @theirs.example\n"}},
         "PF17:half-open:3"},
        {"a shared parent",
         {{MAIN, BASE HOST "relay_domains = dyndns.org\nrelay_recipient_maps = "
                           "hash:/x\n"}},
         "PF25:half-open:4"},
        {"tests that come too early",
         {{MAIN, BASE HOST "smtpd_delay_reject = no\nsmtpd_client_restrictions = "
                           "check_recipient_access hash:/x\n"}},
         "PF19:latent:5"},
    };

    try_cases(cases, sizeof(cases) / sizeof(cases[0]), "/etc/postfix");
}

/* --- services --------------------------------------------------------------------------------- */

static void services(void **state)
{
    static const struct try_case cases[] = {
        {"submission as it should be",
         {{MAIN, BASE HOST "smtpd_sasl_auth_enable = yes\n"},
          {MASTER, SMTP "submission inet n - y - - smtpd\n  -o smtpd_tls_security_level=encrypt\n"
                        "  -o smtpd_relay_restrictions=\n"
                        "  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject\n"}},
         ""},
        {"reinjection on loopback",
         {{MAIN, BASE HOST},
          {MASTER, SMTP "127.0.0.1:10025 inet n - n - - smtpd\n  -o smtpd_relay_restrictions=\n"
                        "  -o smtpd_recipient_restrictions=permit_mynetworks,reject\n"
                        "  -o mynetworks=0.0.0.0/0\n"}},
         ""},
        {"reinjection in the open",
         {{MAIN, BASE HOST},
          {MASTER, SMTP "10025 inet n - n - - smtpd\n  -o smtpd_relay_restrictions=\n"
                        "  -o smtpd_recipient_restrictions=permit_mynetworks,reject\n"
                        "  -o mynetworks=0.0.0.0/0\n"}},
         "PF05:open:5"},
        {"another port permits all",
         {{MAIN, BASE HOST},
          {MASTER, SMTP "2525 inet n - n - - smtpd\n"
                        "  -o smtpd_relay_restrictions=check_client_access,static:OK,reject\n"}},
         "PF02:open:3"},
        {"an override in braces",
         {{MAIN, BASE HOST},
          {MASTER, SMTP "2525 inet n - n - - smtpd\n"
                        "  -o { smtpd_relay_restrictions = permit_mynetworks, check_helo_access "
                        "static:OK, reject }\n"}},
         "PF02:open:3"},
        {"an override that holds what main.cf opens",
         {{MAIN, BASE HOST "smtpd_relay_restrictions = check_client_access static:OK, reject\n"},
          {MASTER, "smtp inet n - y - - smtpd -o smtpd_relay_restrictions=permit_mynetworks,"
                   "reject_unauth_destination\n"}},
         ""},
        {"an override of what another value names",
         {{MAIN,
           BASE HOST "mua = permit_sasl_authenticated, reject\nsmtpd_relay_restrictions = $mua\n"},
          {MASTER,
           SMTP "2525 inet n - n - - smtpd\n  -o mua=check_client_access,static:OK,reject\n"}},
         "PF02:open:3"},
        {"an address class of smtpd's own: trivial-rewrite does not see it",
         {{MAIN, BASE HOST "relay_recipient_maps = hash:/x\n"},
          {MASTER, SMTP "2525 inet n - n - - smtpd\n  -o relay_domains=static:all\n"}},
         ""},
        {"nor what its value names",
         {{MAIN, BASE HOST "mine =\nrelay_domains = $mine\nrelay_recipient_maps = hash:/x\n"},
          {MASTER, SMTP "2525 inet n - n - - smtpd\n  -o mine=static:all\n"}},
         ""},
        {"nor closes smtpd what main.cf opens",
         {{MAIN, BASE HOST "relay_domains = static:all\nrelay_recipient_maps = hash:/x\n"},
          {MASTER, "smtp inet n - y - - smtpd -o relay_domains=\n"}},
         "PF08:open:4"},
        {"but trivial-rewrite's own override counts",
         {{MAIN, BASE HOST "relay_recipient_maps = hash:/x\n"},
          {MASTER, SMTP "rewrite unix - - n - - trivial-rewrite\n  -o relay_domains=static:all\n"}},
         "PF08:open:3"},
        {"QMQP for everybody",
         {{MAIN, BASE HOST "qmqpd_authorized_clients = 0.0.0.0/0\n"},
          {MASTER, SMTP "628 inet n - y - - qmqpd\n"}},
         "PF05:open:4"},
        {"QMQP as shipped", {{MAIN, BASE HOST}, {MASTER, SMTP "628 inet n - y - - qmqpd\n"}}, ""},
        {"a service that is a comment",
         {{MAIN, BASE HOST},
          {MASTER, SMTP "#2525 inet n - n - - smtpd\n#  -o smtpd_relay_restrictions=permit\n"}},
         ""},
        {"postscreen hands on to pass",
         {{MAIN, BASE HOST},
          {MASTER, "smtp inet n - y - 1 postscreen\nsmtpd pass - - y - - smtpd\n"
                   "  -o smtpd_relay_restrictions=check_client_access,static:OK,reject\n"}},
         "PF02:open:3"},
        {"a unix socket is no door",
         {{MAIN, BASE HOST}, {MASTER, SMTP "in unix n - n - - smtpd\n  -o mynetworks=0.0.0.0/0\n"}},
         ""},
        {"XCLIENT from everywhere",
         {{MAIN, BASE HOST "smtpd_authorized_xclient_hosts = 0.0.0.0/0\n"}, {MASTER, SMTP}},
         "PF13:open:4"},
        {"XCLIENT from everybody by a table",
         {{MAIN, BASE HOST "smtpd_authorized_xclient_hosts = static:all\n"}},
         "PF13:open:4"},
        {"XCLIENT from a network of containers",
         {{MAIN, BASE HOST "smtpd_authorized_xclient_hosts = 192.168.203.0/24\n"}},
         "PF13:latent:4"},
        {"XCLIENT from the filter",
         {{MAIN, BASE HOST "smtpd_authorized_xclient_hosts = 127.0.0.1 192.0.2.9\n"}},
         ""},
        {"PROXY on port 25",
         {{MAIN, BASE HOST "smtpd_upstream_proxy_protocol = haproxy\n"}},
         "PF13:open:4"},
        {"PROXY on a port that should be inside",
         {{MAIN, BASE HOST},
          {MASTER, SMTP "10465 inet n - n - - smtpd\n"
                        "  -o smtpd_upstream_proxy_protocol=haproxy\n"}},
         "PF13:latent:3"},
        {"which is published",
         {{MAIN, BASE HOST},
          {MASTER, SMTP "10465 inet n - n - - smtpd\n"
                        "  -o smtpd_upstream_proxy_protocol=haproxy\n"}},
         "PF13:open:3",
         .published = "25 10465"},
        {"certificates of anybody",
         {{MAIN,
           BASE HOST "smtpd_tls_ask_ccert = yes\nsmtpd_tls_CAfile = "
                     "/etc/ssl/certs/ca-certificates.crt\nsmtpd_relay_restrictions = "
                     "permit_mynetworks permit_tls_all_clientcerts reject_unauth_destination\n"}},
         "PF14:forged-sender:6"},
        {"certificates of an own authority",
         {{MAIN, BASE HOST "smtpd_tls_ask_ccert = yes\nsmtpd_tls_CAfile = /etc/ssl/own-ca.pem\n"
                           "smtpd_relay_restrictions = permit_mynetworks "
                           "permit_tls_all_clientcerts reject_unauth_destination\n"}},
         ""},
        {"certificates that are not asked for",
         {{MAIN, BASE HOST "smtpd_tls_CAfile = /etc/ssl/certs/ca-certificates.crt\n"
                           "smtpd_relay_restrictions = permit_mynetworks "
                           "permit_tls_all_clientcerts reject_unauth_destination\n"}},
         ""},
        {"anonymous logins",
         {{MAIN, BASE HOST "smtpd_sasl_auth_enable = yes\n"
                           "smtpd_sasl_security_options =\n"}},
         "PF15:forged-sender:5"},
        {"anonymous logins that the mechanisms rule out",
         {{MAIN, BASE HOST "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_security_options =\n"},
          {MAP("sasl/smtpd.conf"), "mech_list: plain login\n"}},
         "PF15:latent:5"},
        {"a level in an expression",
         {{MAIN, BASE HOST "smtpd_relay_restrictions = ${{$compatibility_level} <level {3.7} ? "
                           "{check_client_access static:OK, reject} : {reject}}\n"}},
         "PF02:open:4"},
        {"and the other branch",
         {{MAIN,
           BASE HOST "smtpd_relay_restrictions = ${{$compatibility_level} >=level {3.10} ? "
                     "{check_client_access static:OK, reject} : {reject_unauth_destination}}\n"}},
         ""},
        {"a value that is there",
         {{MAIN, BASE HOST "more = static:OK\nsmtpd_relay_restrictions = "
                           "${more?check_client_access $more,} reject_unauth_destination\n"}},
         "PF02:open:4"},
        {"mailcow's extra.cf",
         {{MAIN, BASE HOST}, {MAP("extra.cf"), "mynetworks = 0.0.0.0/0\n"}},
         "PF05:open:1"},
    };

    try_cases(cases, sizeof(cases) / sizeof(cases[0]), "/etc/postfix");
}

/* --- files ------------------------------------------------------------------------------------ */

#define X8(x)           x " " x " " x " " x " " x " " x " " x " " x " "
#define CLASS(name, of) name " = " X8(of) X8(of) X8(of) X8(of) "\n"

static void files(void **state)
{
    static const struct try_case cases[] = {
        {"a copy in some folder",
         {{"case/main.cf", RCPT_LIST("check_sender_access hash:/etc/postfix/maps/senders")},
          {"case/maps/senders", "own.example OK\n"}},
         "PF04:forged-sender:1",
         .path = "case"},
        {"a copy, flat",
         {{"case/main.cf", RCPT_LIST("check_sender_access hash:/etc/postfix/maps/s")},
          {"case/s", "own.example OK\n"}},
         "PF04:forged-sender:1",
         .path = "case/main.cf"},
        {"never this machine's own",
         {{"case/main.cf", RCPT_LIST("check_sender_access hash:/etc/postfix/senders")},
          {"/etc/postfix/senders", "own.example OK\n"}},
         "PF02:undecided:5",
         .path = "case/main.cf"},
        {"an unpacked system",
         {{"img/etc/postfix/main.cf", RCPT_LIST("check_sender_access hash:/srv/s")},
          {"img/srv/s", "own.example OK\n"}},
         "PF04:forged-sender:1",
         .path = "img/etc/postfix"},
        {"the top of one",
         {{"img/etc/postfix/main.cf", BASE "mynetworks = 0.0.0.0/0\n"}},
         "PF05:open:3",
         .path = "img"},
        {"master.cf is given", {{MAIN, BASE HOST}, {MASTER, SMTP}}, "", .path = MASTER},
        {"without main.cf", {{MASTER, SMTP}}, "!main.cf: is missing", .path = MASTER},
        {"binary",
         {{MAIN, "mynetworks\0= x\n", .n = 15}},
         "!is no text",
         .kind = "postfix",
         .path = MAIN},
        {"something else", {{MAIN, "hello\nworld\n"}}, "!no line \"name = value\"", .path = MAIN},
        {"values that name one another",
         {{MAIN, BASE "mynetworks = $a\na = $b $b\nb = $a $a\n"}},
         "!leads back to itself"},
        {"classes that do",
         {{MAIN, BASE HOST "smtpd_restriction_classes = a, b\na = b\nb = a\n"
                           "smtpd_relay_restrictions = a, reject_unauth_destination\n"}},
         "!restriction classes that name one another"},
        {"classes that unfold too far",
         {{MAIN, BASE HOST "d = sleep 0\n" CLASS("c", "d") CLASS("b", "c")
                     CLASS("a", "b") "smtpd_restriction_classes = a b c d\n"
                                     "smtpd_relay_restrictions = a, reject_unauth_destination\n"}},
         "!restriction classes that unfold"},
        {"a short chain of values",
         {{MAIN, BASE "mynetworks = $a\na = $b\nb = $c\nc = 0.0.0.0/0\n"}},
         "PF05:open:6"},
        {"tables within tables",
         {{MAIN, RCPT_LIST("check_sender_access pipemap:{inline:{a=b},pipemap:{inline:{b=OK}}}")}},
         "PF04:forged-sender:5"},
        {"a file of networks that names itself",
         {{MAIN, BASE "mynetworks = /etc/postfix/nets\n"}, {MAP("nets"), "/etc/postfix/nets\n"}},
         "!names itself without end"},
    };

    try_cases(cases, sizeof(cases) / sizeof(cases[0]), "/etc/postfix");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks),
        cmocka_unit_test(domains),
        cmocka_unit_test(services),
        cmocka_unit_test(files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
