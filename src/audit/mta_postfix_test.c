/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Postfix's restrictions and tables, each with what must be said of it and nothing else. */
#include "audit/try_postfix_test.h"

/* --- lists ------------------------------------------------------------------------------------ */

static void lists(void **state)
{
    static const struct try_case cases[] = {
        {"defaults", {{MAIN, BASE HOST}}, ""},
        {"recipient list only, with the refusal",
         {{MAIN, BASE HOST "smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = "
                           "permit_mynetworks, permit_sasl_authenticated, "
                           "reject_unauth_destination\n"}},
         ""},
        {"permit behind reject_unauth_destination",
         {{MAIN, BASE HOST "smtpd_relay_restrictions = permit_mynetworks, "
                           "reject_unauth_destination, permit\n"}},
         ""},
        {"both lists run: a permit in one cancels nothing",
         {{MAIN, BASE HOST "smtpd_recipient_restrictions = permit\n"}},
         ""},
        {"a reject in the recipient list holds a permitting relay list",
         {{MAIN, BASE HOST
           "smtpd_relay_restrictions = permit\n"
           "smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination\n"}},
         ""},
        {"relay list permits, recipient list does not refuse",
         {{MAIN, BASE HOST "smtpd_relay_restrictions = check_client_access static:OK, reject\n"}},
         "PF02:open:4",
         .witness = "spammer@stranger.example|victim@elsewhere.example"},
        {"permit first passes the guard by a class",
         {{MAIN, BASE HOST "smtpd_restriction_classes = all\nall = permit\n"
                           "smtpd_relay_restrictions = all, reject_unauth_destination\n"}},
         "PF03:open:5"},
        {"OK as a word in a class is an error, so closed",
         {{MAIN, BASE HOST "smtpd_restriction_classes = all\nall = OK\n"
                           "smtpd_relay_restrictions = all, reject_unauth_destination\n"}},
         ""},
        {"a bare permit alone does not start",
         {{MAIN, BASE HOST "smtpd_relay_restrictions = permit\n"}},
         ""},
        {"level 0 without lists does not start",
         {{MAIN, "mydestination = own.example\nmynetworks = 127.0.0.0/8\n"}},
         ""},
        {"relay list empty, defer_if_permit satisfies the guard and defers all",
         {{MAIN, BASE HOST "smtpd_relay_restrictions =\n"
                           "smtpd_recipient_restrictions = defer_if_permit\n"}},
         ""},
        {"sleep and check_etrn_access are no refusal",
         {{MAIN, BASE HOST "smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = sleep 1, "
                           "check_helo_access static:OK, reject_unauth_destination\n"}},
         "PF02:open:5"},
        {"warn_if_reject before the only refusal",
         {{MAIN, BASE HOST "smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = "
                           "permit_mynetworks, warn_if_reject reject_unauth_destination, "
                           "check_client_access static:DUNNO, defer_if_permit\n"}},
         ""},
        {"warn_if_reject on one of two",
         {{MAIN, BASE HOST "smtpd_relay_restrictions = permit_mynetworks,\n  warn_if_reject\n  "
                           "reject_unauth_destination\nsmtpd_recipient_restrictions = "
                           "check_client_access static:OK, reject\n"}},
         "PF02:open:7"},
        {"warn_if_reject, and the guard is satisfied elsewhere",
         {{MAIN, BASE HOST "smtpd_relay_restrictions = permit_mynetworks, warn_if_reject\n"
                           "  reject_unauth_destination\n"
                           "smtpd_recipient_restrictions = check_recipient_access "
                           "inline:{own.example=reject_unauth_destination}, permit_mynetworks, "
                           "check_sender_access inline:{x@y.example=reject}, "
                           "check_client_access inline:{192.0.2.9=defer_if_permit}, "
                           "check_helo_access inline:{bad=reject},smtpd_x\n"}},
         ""},
        {"client list that refuses outsiders",
         {{MAIN, BASE HOST "smtpd_client_restrictions = permit_mynetworks, reject\n"
                           "smtpd_relay_restrictions = check_client_access static:OK, reject\n"}},
         ""},
        {"OK in the sender list grants nothing",
         {{MAIN,
           BASE HOST "smtpd_sender_restrictions = check_sender_access inline:{own.example=OK}\n"}},
         ""},
        {"dnswl before the refusal is passed over",
         {{MAIN, BASE HOST "smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = "
                           "permit_dnswl_client list.example, permit_rhswl_client list.example, "
                           "reject_unauth_destination\n"}},
         ""},
        {"data list that refuses",
         {{MAIN, BASE HOST "smtpd_relay_restrictions = check_client_access static:OK, reject\n"
                           "smtpd_data_restrictions = permit_mynetworks, reject\n"}},
         ""},
        {"DISCARD is no relay",
         {{MAIN,
           BASE HOST "smtpd_relay_restrictions = check_client_access static:DISCARD, reject\n"}},
         ""},
        {"a result of digits means OK",
         {{MAIN, BASE HOST "smtpd_relay_restrictions = check_client_access static:1234, reject\n"}},
         "PF02:open:4"},
        {"500 with a text refuses, and so does 450",
         {{MAIN, BASE HOST "smtpd_relay_restrictions = check_client_access static:{500 no}, "
                           "check_helo_access static:{450 no}, reject_unauth_destination\n"}},
         ""},
        {"two words in one line: the last setting of a name counts",
         {{MAIN,
           BASE HOST "smtpd_relay_restrictions = check_client_access static:OK, reject\n"
                     "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\n"}},
         ""},
        {"a leading blank swallows the next setting",
         {{MAIN, BASE "mynetworks = 127.0.0.0/8\n  smtpd_relay_restrictions = permit_mynetworks, "
                      "reject_unauth_destination\n"}},
         ""},
        {"old check_relay_domains refuses",
         {{MAIN, BASE HOST "smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = "
                           "permit_mynetworks, check_relay_domains\n"}},
         ""},
        {"permit_naked_ip_address believes HELO",
         {{MAIN,
           BASE HOST "smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = "
                     "permit_mynetworks, permit_naked_ip_address, reject_unauth_destination\n"}},
         "PF02:forged-sender:5"},
        {"and is an error since 3.9",
         {{MAIN,
           BASE HOST "smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = "
                     "permit_mynetworks, permit_naked_ip_address, reject_unauth_destination\n"}},
         "",
         .version = "3.9.1"},
        {"before 2.10 there is no relay list",
         {{MAIN, BASE HOST "smtpd_recipient_restrictions = check_client_access static:OK, "
                           "reject_unauth_destination\n"}},
         "PF02:open:4",
         .version = "2.9"},
        {"permit_mx_backup",
         {{MAIN, BASE HOST "smtpd_relay_restrictions = permit_mynetworks, "
                           "permit_mx_backup, reject_unauth_destination\n"}},
         "PF09:forged-sender:4"},
        {"permit_mx_backup behind the refusal",
         {{MAIN, BASE HOST "smtpd_relay_restrictions = permit_mynetworks, "
                           "reject_unauth_destination, permit_mx_backup\n"}},
         ""},
        {"permit_mx_backup with networks",
         {{MAIN, BASE HOST "permit_mx_backup_networks = 192.0.2.0/24\nsmtpd_relay_restrictions = "
                           "permit_mynetworks, permit_mx_backup, reject_unauth_destination\n"}},
         ""},
        {"a known policy service before the refusal",
         {{MAIN, BASE HOST "smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = "
                           "check_policy_service inet:127.0.0.1:10023, permit_mynetworks, "
                           "reject_unauth_destination\n"}},
         ""},
        {"an unknown one: undecided",
         {{MAIN, BASE HOST "smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = "
                           "check_policy_service inet:127.0.0.1:9999, permit_mynetworks, "
                           "reject_unauth_destination\n"}},
         "PF02:undecided:5"},
        {"an unknown one, held by the relay list",
         {{MAIN, BASE HOST "smtpd_recipient_restrictions = "
                           "check_policy_service inet:127.0.0.1:9999, permit_mynetworks\n"}},
         ""},
    };

    try_cases(cases, sizeof(cases) / sizeof(cases[0]), "/etc/postfix");
}

/* --- tables ----------------------------------------------------------------------------------- */

static void tables(void **state)
{
    static const struct try_case cases[] = {
        {"sender by domain",
         {{MAIN, RCPT_LIST("check_sender_access hash:/etc/postfix/senders")},
          {MAP("senders"), "# ours\n\nbad.example REJECT\npartner.example  OK\n"}},
         "PF04:forged-sender:4",
         .witness = "user@partner.example|victim@elsewhere.example"},
        {"sender by address, in the relay list",
         {{MAIN, BASE HOST "smtpd_relay_restrictions = permit_mynetworks check_sender_access "
                           "texthash:/etc/postfix/senders reject\n"},
          {MAP("senders"), "boss@own.example RELAY\n"}},
         "PF04:forged-sender:1",
         .witness = "boss@own.example|victim@elsewhere.example"},
        {"null sender",
         {{MAIN, RCPT_LIST("check_sender_access hash:/etc/postfix/senders")},
          {MAP("senders"), "<> OK\n"}},
         "PF04:forged-sender:1",
         .witness = "|victim@elsewhere.example"},
        {"sender pattern",
         {{MAIN, RCPT_LIST("check_sender_access pcre:/etc/postfix/senders")},
          {MAP("senders"), "/^bounce-\\d+@list\\.(own|other)\\.example$/ OK\n"}},
         "PF04:forged-sender:1",
         .witness = "bounce-1@list.own.example|victim@elsewhere.example"},
        {"sender pattern that all match",
         {{MAIN, RCPT_LIST("check_sender_access regexp:/etc/postfix/senders")},
          {MAP("senders"), "/./ OK\n"}},
         "PF04:open:1"},
        {"the owner's addresses are held by their login",
         {{MAIN, BASE HOST "smtpd_sasl_auth_enable = yes\nsmtpd_sender_login_maps = "
                           "hash:/etc/postfix/owners\nsmtpd_sender_restrictions = "
                           "reject_sender_login_mismatch\nsmtpd_relay_restrictions = "
                           "check_sender_access inline:{boss@own.example=OK}, "
                           "permit_sasl_authenticated, reject\n"},
          {MAP("owners"), "boss@own.example boss\n"}},
         ""},
        {"HELO by name",
         {{MAIN, RCPT_LIST("check_helo_access hash:/etc/postfix/helo")},
          {MAP("helo"), "gw.own.example OK\n"}},
         "PF02:forged-sender:1"},
        {"client by host name",
         {{MAIN, RCPT_LIST("check_client_access hash:/etc/postfix/clients")},
          {MAP("clients"), ".dialup.example OK\n"}},
         ""}, /* smtpd_access_maps are asked for parents without the dot */
        {"client by host name and below",
         {{MAIN, RCPT_LIST("check_client_access hash:/etc/postfix/clients")},
          {MAP("clients"), "dialup.example OK\n"}},
         "PF02:forged-sender:1"},
        {"clients by an own name",
         {{MAIN, RCPT_LIST("check_client_access hash:/etc/postfix/clients")},
          {MAP("clients"), "own.example OK\nmx.own.example OK\n"}},
         ""},
        {"clients by the beginning of an address",
         {{MAIN, RCPT_LIST("check_client_access regexp:/etc/postfix/clients")},
          {MAP("clients"), "/^203\\.0\\.113\\./ OK\n/^198\\./ OK\n"}},
         "PF02:open:2"},
        {"clients by an open pattern of names",
         {{MAIN, RCPT_LIST("check_client_access pcre:/etc/postfix/clients")},
          {MAP("clients"), "/own\\.example/ OK\n"}},
         "PF02:forged-sender:1"},
        {"clients by an anchored one",
         {{MAIN, RCPT_LIST("check_client_access pcre:/etc/postfix/clients")},
          {MAP("clients"), "/\\.own\\.example$/ OK\n"}},
         ""},
        {"client without a name",
         {{MAIN, RCPT_LIST("check_client_access hash:/etc/postfix/clients")},
          {MAP("clients"), "unknown OK\n"}},
         "PF02:open:1"},
        {"one own client",
         {{MAIN, RCPT_LIST("check_client_access hash:/etc/postfix/clients")},
          {MAP("clients"), "203.0.113.9 OK\n198.51.100 OK\n"}},
         ""},
        {"octets that make a wide network",
         {{MAIN, RCPT_LIST("check_client_access hash:/etc/postfix/clients")},
          {MAP("clients"), "203.0.113.9 OK\n198 OK\n"}},
         "PF05:open:2"},
        {"a network in a hash table matches nobody",
         {{MAIN, RCPT_LIST("check_client_access hash:/etc/postfix/clients")},
          {MAP("clients"), "0.0.0.0/0 OK\n"}},
         ""},
        {"and in a cidr table everybody",
         {{MAIN, RCPT_LIST("check_client_access cidr:/etc/postfix/clients")},
          {MAP("clients"), "192.0.2.0/24 REJECT\n0.0.0.0/0 OK\n"}},
         "PF05:open:2"},
        {"all but a network",
         {{MAIN, RCPT_LIST("check_client_access cidr:/etc/postfix/clients")},
          {MAP("clients"), "!10.0.0.0/8 OK\n"}},
         "PF02:open:1"},
        {"half the world",
         {{MAIN, RCPT_LIST("check_client_access cidr:/etc/postfix/clients")},
          {MAP("clients"), "0.0.0.0/1 DUNNO\n128.0.0.0/1 OK\n"}},
         "PF05:open:2"},
        {"recipients of one's own",
         {{MAIN, RCPT_LIST("check_recipient_access hash:/etc/postfix/rcpt")},
          {MAP("rcpt"), "own.example OK\nabuse@own.example OK\n"}},
         ""},
        {"recipients by an anchored pattern",
         {{MAIN, RCPT_LIST("check_recipient_access pcre:/etc/postfix/rcpt")},
          {MAP("rcpt"), "/@own\\.example$/ OK\n"}},
         ""},
        {"recipients by an open pattern",
         {{MAIN, RCPT_LIST("check_recipient_access pcre:/etc/postfix/rcpt")},
          {MAP("rcpt"), "/@own\\.example/ OK\n"}},
         "PF02:forged-sender:1"},
        {"postmaster anywhere",
         {{MAIN, RCPT_LIST("check_recipient_access hash:/etc/postfix/rcpt")},
          {MAP("rcpt"), "postmaster@ OK\n"}},
         "PF02:latent:1"},
        {"every recipient", {{MAIN, RCPT_LIST("check_recipient_access static:OK")}}, "PF02:open:5"},
        {"a class for a sender",
         {{MAIN, BASE HOST "smtpd_restriction_classes = trusted\ntrusted = check_helo_access "
                           "inline:{mx.partner.example=permit}\nsmtpd_relay_restrictions = "
                           "check_sender_access inline:{partner.example=trusted}, reject\n"}},
         "PF04:forged-sender:6"},
        {"a table in the right side is an error",
         {{MAIN, RCPT_LIST("check_sender_access inline:{{own.example = hash:/x OK}}")}},
         ""},
        {"several tables behind one word are one word too many",
         {{MAIN, RCPT_LIST("check_sender_access hash:/etc/postfix/a, hash:/etc/postfix/b")},
          {MAP("a"), "x.example REJECT\n"},
          {MAP("b"), "own.example OK\n"}},
         ""}, /* the second is asked for the recipient */
        {"a short form in the sender list",
         {{MAIN, BASE HOST "smtpd_relay_restrictions = "
                           "hash:/etc/postfix/a, reject\n"},
          {MAP("a"), "own.example OK\n"}},
         ""},
        {"a union",
         {{MAIN, RCPT_LIST("check_sender_access unionmap:{inline:{a.example=REJECT},"
                           "inline:{b.example=OK}}")}},
         "PF04:forged-sender:5"},
        {"a pipe",
         {{MAIN, RCPT_LIST("check_sender_access pipemap:{inline:{b.example=friend},"
                           "inline:{friend=OK}}")}},
         "PF04:forged-sender:5"},
        {"a pattern that ends at the sign",
         {{MAIN, RCPT_LIST("check_sender_access pcre:/etc/postfix/senders")},
          {MAP("senders"), "/^(ok|reject)-.*@/ $1\n"}},
         "PF04:forged-sender:1",
         .witness = "ok-x@stranger.example|victim@elsewhere.example"},
        {"classes know case",
         {{MAIN, BASE HOST "smtpd_restriction_classes = friends\nfriends = permit\n"
                           "smtpd_relay_restrictions = Friends, reject_unauth_destination\n"}},
         ""},
        {"two OK of a union are none",
         {{MAIN, RCPT_LIST("check_sender_access unionmap:{inline:{b.example=OK},"
                           "inline:{b.example=OK}}")}},
         ""},
        {"through proxymap",
         {{MAIN, RCPT_LIST("check_sender_access proxy:hash:/etc/postfix/senders")},
          {MAP("senders"), "own.example OK\n"}},
         "PF04:forged-sender:1"},
        {"a table that is not there",
         {{MAIN, RCPT_LIST("check_sender_access hash:/etc/postfix/gone")}},
         "PF02:undecided:5"},
        {"senders in a database",
         {{MAIN, RCPT_LIST("check_sender_access mysql:/etc/postfix/x.cf")}},
         "PF02:undecided:5"},
        {"recipients in a database",
         {{MAIN, RCPT_LIST("check_recipient_access mysql:/etc/postfix/x.cf")}},
         ""},
        {"a type that Postfix does not know",
         {{MAIN, RCPT_LIST("check_sender_access nosuch:/etc/postfix/x")}},
         ""},
        {"if and endif",
         {{MAIN, RCPT_LIST("check_sender_access regexp:/etc/postfix/senders")},
          {MAP("senders"), "if /@nobody\\.example$/\n/^a/ OK\nendif\n/^b@own/ OK\n"}},
         "PF04:forged-sender:2 PF04:forged-sender:4"},
        {"the stranger's own example domain",
         {{MAIN, RCPT_LIST("check_sender_access inline:{stranger.example=OK}")}},
         "PF04:forged-sender:5",
         .witness = "user@stranger.example|victim@elsewhere.example"},
        {"a pattern within if",
         {{MAIN, RCPT_LIST("check_sender_access regexp:/etc/postfix/senders")},
          {MAP("senders"), "if /@partner\\.example$/\n/^news-[0-9]+@/ 250\nendif\n/./ DUNNO\n"}},
         "PF04:forged-sender:2",
         .witness = "news-0@partner.example|victim@elsewhere.example"},
        {"a sender that two tables ask for, one his name, one his domain",
         {{MAIN, BASE HOST "smtpd_restriction_classes = c3\nc3 = permit\n"
                           "smtpd_relay_restrictions = check_sender_access pcre:/etc/postfix/boss,"
                           " reject_unauth_destination\n"
                           "smtpd_recipient_restrictions = "
                           "check_sender_access inline:{partner.example=c3}, reject\n"},
          {MAP("boss"), "if !/@probe\\.example$/\n/^boss@/ permit\nendif\n"}},
         "PF04:forged-sender:2",
         .witness = "boss@partner.example|victim@elsewhere.example"},
        {"the same of keys, the domain first",
         {{MAIN, BASE HOST "smtpd_relay_restrictions = check_sender_access "
                           "inline:{partner.example=OK}, "
                           "reject_unauth_destination\n"
                           "smtpd_recipient_restrictions = "
                           "check_sender_access inline:{boss@=OK}, reject\n"}},
         "PF04:forged-sender:4",
         .witness = "boss@partner.example|victim@elsewhere.example"},
        {"two tables that no sender satisfies",
         {{MAIN, BASE HOST "smtpd_relay_restrictions = check_sender_access "
                           "inline:{boss@=OK}, reject_unauth_destination\n"
                           "smtpd_recipient_restrictions = check_sender_access "
                           "inline:{partner.example=OK boss@partner.example=REJECT}, reject\n"}},
         ""},
        {"reverse names may not say OK",
         {{MAIN, RCPT_LIST("check_reverse_client_hostname_access static:OK")}},
         ""},
    };

    try_cases(cases, sizeof(cases) / sizeof(cases[0]), "/etc/postfix");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
