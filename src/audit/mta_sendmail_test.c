/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sendmail: features of a .mc, entries of the lists, and rules of a .cf that are run. */
#include "audit/try_test.h"

#define MC         "/etc/mail/sendmail.mc"
#define CF         "/etc/mail/sendmail.cf"
#define ACCESS     "/etc/mail/access"
#define RELAY      "/etc/mail/relay-domains"
#define HEAD       "divert(-1)\n# FEATURE(`promiscuous_relay')\ndivert(0)dnl\nOSTYPE(`linux')dnl\n"
#define TAIL       "FEATURE(`no_default_msa')dnl\nMAILER(`local')dnl\nMAILER(`smtp')dnl\n"
/* The text is line 5. */
#define WITH(text) HEAD text "\n" TAIL
#define MAPPED     WITH("FEATURE(`access_db')dnl")

static const struct try_case features[] = {
    {"plain", {{MC, WITH("dnl")}}, ""},
    {"promiscuous",
     {{MC, WITH("FEATURE(`promiscuous_relay')dnl")}},
     "SM01:open:5",
     .witness = "spammer@stranger.example|victim@elsewhere.example"},
    {"begins with its version",
     {{MC, "VERSIONID(`x')\nOSTYPE(`linux')\nFEATURE(`promiscuous_relay')\nMAILER(`smtp')\n"}},
     "SM01:open:3"},
    {"promiscuous in a comment", {{MC, WITH("dnl FEATURE(`promiscuous_relay')")}}, ""},
    {"promiscuous behind a number sign", {{MC, WITH("# FEATURE(`promiscuous_relay')")}}, ""},
    {"promiscuous without quotes", {{MC, WITH("FEATURE(promiscuous_relay)")}}, "SM01:open:5"},
    {"promiscuous in an ifdef",
     {{MC, WITH("define(`X', `1')ifdef(`X', `FEATURE(`promiscuous_relay')')dnl")}},
     "SM01:open:5"},
    {"promiscuous in the other branch",
     {{MC, WITH("ifdef(`X', `FEATURE(`promiscuous_relay')', `')dnl")}},
     ""},
    {"on loopback only",
     {{MC, WITH("DAEMON_OPTIONS(`Port=smtp, Addr=127.0.0.1, Name=MTA')dnl\n"
                "FEATURE(`promiscuous_relay')dnl")}},
     "SM01:latent:6"},
    {"loopback, but for the default MSA",
     {{MC, HEAD "DAEMON_OPTIONS(`Addr=127.0.0.1')\nFEATURE(`promiscuous_relay')\nMAILER(smtp)\n"}},
     "SM01:open:6 SM01:latent:6"},
    {"local sender",
     {{MC, WITH("FEATURE(`relay_local_from')dnl")}},
     "SM03:forged-sender:5",
     .host = "mx.example.org",
     .witness = "user@mx.example.org|victim@elsewhere.example"},
    {"named sender",
     {{MC, WITH("FEATURE(`access_db')dnl\nFEATURE(`relay_mail_from')dnl")},
      {ACCESS, "From:boss@example.org RELAY\n"}},
     "SM04:forged-sender:6",
     .witness = "boss@example.org|victim@elsewhere.example"},
    {"a sender's domain without the argument",
     {{MC, WITH("FEATURE(`access_db')dnl\nFEATURE(`relay_mail_from')dnl")},
      {ACCESS, "From:example.org RELAY\n"}},
     "SM04:latent:6"},
    {"a sender's domain",
     {{MC, WITH("FEATURE(`access_db')dnl\nFEATURE(`relay_mail_from', `domain')dnl")},
      {ACCESS, "From:example.org RELAY\n"}},
     "SM04:forged-sender:6"},
    {"senders without the feature", {{MC, MAPPED}, {ACCESS, "From:example.org RELAY\n"}}, ""},
    {"by MX", {{MC, WITH("FEATURE(`relay_based_on_MX')dnl")}}, "SM05:forged-sender:5"},
    {"entire domain, host unknown",
     {{MC, WITH("FEATURE(`relay_entire_domain')dnl")}},
     "SM06:undecided:5"},
    {"entire domain",
     {{MC, WITH("FEATURE(`relay_entire_domain')dnl")}},
     "SM06:latent:5",
     .host = "mx.example.org"},
    {"entire top-level domain",
     {{MC, WITH("FEATURE(`relay_entire_domain')dnl")}},
     "SM06:open:5",
     .host = "example.com",
     .witness = "spammer@stranger.example|victim@elsewhere.com"},
    {"loose, local domains only", {{MC, WITH("FEATURE(`loose_relay_check')dnl")}}, ""},
    {"loose, with a relayed domain",
     {{MC, WITH("FEATURE(`loose_relay_check')dnl")}, {RELAY, "example.net\n"}},
     "SM07:half-open:5",
     .witness = "spammer@stranger.example|victim%elsewhere.example@example.net"},
    {"nouucp", {{MC, WITH("FEATURE(`nouucp')dnl\nRELAY_DOMAIN(`example.net')")}}, "SM08:latent:5"},
    {"nouucp that rejects",
     {{MC, WITH("FEATURE(`nouucp', `reject')dnl\nRELAY_DOMAIN(`example.net')")}},
     ""},
    {"best MX is local", {{MC, WITH("FEATURE(`bestmx_is_local')dnl")}}, "SM13:half-open:5"},
    {"unknown users go elsewhere",
     {{MC, WITH("define(`LUSER_RELAY', `relay:hub.example.org')")}},
     "SM13:half-open:5"},
    {"a part that is not here",
     {{MC, WITH("HA"
                "CK(`local')")}},
     "SM01:undecided:5"},
    {"an included part",
     {{MC, WITH("include(`/etc/mail/more.m4')")},
      {"/etc/mail/more.m4", "\nFEATURE(`promiscuous_relay')\n"}},
     "SM01:open:2"},
    {"an include loop", {{MC, WITH("include(`/etc/mail/sendmail.mc')")}}, "!loop"},
    {"a rule of its own that accepts",
     {{MC, HEAD TAIL "LOCAL_RULESETS\nSLocal_check_rcpt\nR$*\t$#OK\n"}},
     "SM01:open:10"},
    {"a rule of its own that refuses",
     {{MC, HEAD TAIL "LOCAL_RULESETS\nSLocal_check_rcpt\nR<x@y>\t$#error $: 550 no\n"}},
     ""},
};

static const struct try_case lists[] = {
    {"an office", {{MC, MAPPED}, {ACCESS, "Connect:192.168.7 RELAY\n127.0.0.1 RELAY\n"}}, ""},
    {"half the Internet", {{MC, MAPPED}, {ACCESS, "# x\nConnect:198 RELAY\n"}}, "SM02:open:2"},
    {"an untagged number", {{MC, MAPPED}, {ACCESS, "198 RELAY\n"}}, "SM02:open:1"},
    {"a mask is no number", {{MC, MAPPED}, {ACCESS, "0.0.0.0/0 RELAY\n"}}, ""},
    {"OK does not relay", {{MC, MAPPED}, {ACCESS, "Connect:198 OK\nTo:com OK\n"}}, ""},
    {"a top-level domain",
     {{MC, MAPPED}, {ACCESS, "com RELAY\n"}},
     "SM02:open:1",
     .witness = "spammer@stranger.example|victim@elsewhere.com"},
    {"a domain of ours", {{MC, MAPPED}, {ACCESS, "example.org RELAY\nTo:example.net RELAY\n"}}, ""},
    {"clients by name",
     {{MC, MAPPED}, {ACCESS, "Connect:isp.example RELAY\n"}},
     "SM09:forged-sender:1"},
    {"clients by a name of ours",
     {{MC, MAPPED}, {ACCESS, "Connect:example.org RELAY\n"}},
     "SM09:latent:1",
     .host = "mx.example.org"},
    {"all of .net by name",
     {{MC, MAPPED}, {ACCESS, "Connect:net RELAY\n"}},
     "SM09:forged-sender:1"},
    {"without access_db it is not read", {{MC, WITH("dnl")}, {ACCESS, "com RELAY\n"}}, ""},
    {"relay domains", {{MC, WITH("dnl")}, {RELAY, "example.net\n192.168.7\n"}}, ""},
    {"10 behind a firewall", {{MC, WITH("dnl")}, {RELAY, "10\n"}}, "SM02:nat:1"},
    {"a number too short", {{MC, WITH("dnl")}, {RELAY, "example.net\n192\n"}}, "SM02:open:2"},
    {"all of .org", {{MC, WITH("dnl")}, {RELAY, "org\n"}}, "SM02:open:1"},
    {"all of .co.uk", {{MC, WITH("dnl")}, {RELAY, "co.uk\n"}}, "SM02:open:1"},
    {"all of .org, hosts only", {{MC, WITH("FEATURE(`relay_hosts_only')")}, {RELAY, "org\n"}}, ""},
    {"a network with a hole",
     {{MC, MAPPED}, {ACCESS, "Connect:198 RELAY\nConnect:198.0 REJECT\n"}},
     "SM02:open:1"},
};

/* The heart of the shipped rules, by hand. */
#define RULES                                                                                      \
    "Scanonify=3\nR$* < $+ > $*\t$2\nR$+ @ $+\t$: $1 < @ $2 >\n"                                   \
    "Sparse=0\nR$+ < @ $=w >\t$#local $: $1\nR$+ < @ $+ >\t$#esmtp $@ $2 $: $1 < @ $2 >\n"         \
    "Scheck_rcpt\nR$*\t\t$: $>3 $1\nR$+ < @ $=w >\t$@ RELAY\nR$+ < @ $* $=R >\t$@ RELAY\n"         \
    "R$*\t$: $&{client_addr}\nR127.0.0.1\t$@ RELAY\nR$=R $*\t$@ RELAY\n"

static const struct try_case rules[] = {
    {"closed",
     {{CF,
       "V10/Berkeley\nCwexample.org\n" RULES "R$*\t$#error $@ 5.7.1 $: \"550 Relaying denied\"\n"}},
     ""},
    {"falls off its end", {{CF, "V10/Berkeley\nCwexample.org\n" RULES}}, "SM01:open:13"},
    {"no check at all",
     {{CF, "V10/Berkeley\nMlocal, P=x\nS0\nR$*\t$#local $: $1\n"}},
     "SM01:open:0"},
    {"a number in class R",
     {{CF, "V10/Berkeley\nCwexample.org\nCR198\n" RULES "R$*\t$#error $: no\n"}},
     "SM02:open:3"},
    {"all of .com",
     {{CF, "V10/Berkeley\nCwexample.org\nCRcom\n" RULES "R$*\t$#error $: no\n"}},
     "SM02:open:13 SM07:half-open:13",
     .witness = "spammer@stranger.example|victim@elsewhere.com"},
    {"a local sender",
     {{CF, "V10/Berkeley\nCwexample.org\n" RULES
           "R$*\t$: $>3 $&f\nR$+ < @ $=w >\t$@ RELAY\nR$*\t$#error $: no\n"}},
     "SM03:forged-sender:17"},
    {"old rules",
     {{CF, "V8/Berkeley\nDZ8.9.1\nCwexample.org\n" RULES "R$*\t$#error $: no\n"}},
     "SM14:forged-sender:2"},
    {"a percent is unpacked",
     {{CF, "V10/Berkeley\nCwexample.org\nCRexample.net\n"
           "Scanonify=3\nR$* < $+ > $*\t$2\nR$+ @ $+\t$: $1 < @ $2 >\n"
           "Sparse=0\nR$+ % $+ < @ $=w >\t$1 < @ $2 >\nR$+ < @ $=w >\t$#local $: $1\n"
           "R$+ < @ $+ >\t$#esmtp $@ $2 $: $1 < @ $2 >\n"
           "Scheck_rcpt\nR$*\t\t$: $>3 $1\nR$+ < @ $=w >\t$@ RELAY\n"
           "R$*\t$#error $: no\n"}},
     "SM07:open:13"},
    {"a loop of rules",
     {{CF, "V10/Berkeley\nScheck_rcpt\nR$*\t$>check_rcpt $1\n"}},
     "SM01:undecided:3"},
    {"no configuration", {{CF, "hello\n"}}, "!no Sendmail configuration"},
    {"beside a .mc that is closed",
     {{MC, WITH("dnl")}, {CF, "V10/Berkeley\nMlocal, P=x\nS0\nR$*\t$#local $: $1\n"}},
     "SM14:open:0"},
};

static void of_features(void **state)
{
    try_cases(features, sizeof(features) / sizeof(features[0]), "/etc/mail");
}

static void of_lists(void **state)
{
    try_cases(lists, sizeof(lists) / sizeof(lists[0]), "/etc/mail");
}

static void of_rules(void **state)
{
    try_cases(rules, sizeof(rules) / sizeof(rules[0]), "/etc/mail");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_features),
        cmocka_unit_test(of_lists),
        cmocka_unit_test(of_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
