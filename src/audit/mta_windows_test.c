/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exchange 5.5, hMailServer, Domino, Mercury, GroupWise: one file each. */
#include "audit/try_test.h"

#define KEY                                                                                        \
    "REGEDIT4\r\n\r\n[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\"                   \
    "MSExchangeIMC\\Parameters]\r\n"
#define RANGES                                                                                     \
    "insert into hm_securityranges (rangepriorityid, rangelowerip1, rangelowerip2, "               \
    "rangeupperip1, rangeupperip2, rangeoptions, rangename, rangeexpires, rangeexpirestime) "      \
    "values "
#define HOME         "(30, 2130706433, NULL, 2130706433, NULL, 71627, 'Mine', 0, '2001-01-01');\n"
#define NET(options) "(10, 0, NULL, 4294967295, NULL, " options ", 'Internet', 0, '2001-01-01');\n"
#define TSV                                                                                        \
    "rangeid\trangepriorityid\trangelowerip1\trangelowerip2\trangeupperip1\trangeupperip2\t"       \
    "rangeoptions\trangename\n"
#define DENY_TO                                                                                    \
    "Deny messages to be sent to the following external internet domains (* means all): "
#define ALLOW_FROM                                                                                 \
    "Allow messages only from the following internet hosts to be sent to external internet "       \
    "domains: "

static const struct try_case cases[] = {
    {"ims, no flags", {{"a.reg", KEY "\"Other\"=dword:00000001\r\n"}}, "E501:open:3"},
    {"ims, deny list only",
     {{"a.reg", KEY "\"RelayFlags\"=dword:00000001\r\n\"RelayDenyList\"=\"10.0.0.1\"\r\n"}},
     "E501:open:4"},
    {"ims, empty allow list", {{"a.reg", KEY "\"RelayFlags\"=dword:00000002\r\n"}}, ""},
    {"ims, allow list with a net",
     {{"a.reg", KEY "\"RelayFlags\"=dword:0000000a\r\n\"RelayAllowList\"=hex(7):31,32,38,2e,30,2e,"
                    "30,2e,30,3b,31,39,\\\r\n  32,2e,30,2e,30,2e,30,00,00\r\n"}},
     "E502:open:5"},
    {"ims, the same in UTF-16 items",
     {{"a.reg", "Windows Registry Editor Version 5.00\r\n[X\\MSExchangeIMC\\Parameters]\r\n"
                "\"RelayFlags\"=dword:00000002\r\n"
                "\"RelayAllowList\"=hex(7):31,00,30,00,2e,00,31,00,2e,00,31,00,2e,00,31,00,00,00,"
                "00,00\r\n"}},
     ""},
    {"ims, behind NAT",
     {{"a.reg", KEY "\"RelayFlags\"=dword:00000002\r\n"
                    "\"RelayAllowList\"=\"10.1.1.0;255.255.255.0\"\r\n"}},
     "E502:nat:5",
     .nat = "10.1.1.1"},
    {"ims, reached on an interface",
     {{"a.reg", KEY "\"RelayFlags\"=dword:00000004\r\n\"RelayLocalIPList\"=\"192.0.2.5\"\r\n"}},
     "E503:open:5"},
    {"ims, login only", {{"a.reg", KEY "\"RelayFlags\"=dword:00000008\r\n"}}, ""},
    {"ims, a build that unpacks",
     {{"a.reg", KEY "\"RelayFlags\"=dword:00000002\r\n"}},
     "E504:open:3",
     .version = "5.5.2448.8"},
    {"ims, a build that does not",
     {{"a.reg", KEY "\"RelayFlags\"=dword:00000002\r\n"}},
     "",
     .version = "5.5.2653.13"},
    {"ims, another key",
     {{"a.reg", "REGEDIT4\r\n[X\\MSExchangeIMC\\Parameters2]\r\n"}},
     "!is not in it"},

    {"hmail, as installed", {{"h.sql", RANGES NET("96203") RANGES HOME}}, ""},
    {"hmail, all without login", {{"h.sql", "\n" RANGES NET("30667") RANGES HOME}}, "HM01:open:2"},
    {"hmail, a local sender without login",
     {{"h.sql", RANGES NET("79819") RANGES HOME}},
     "HM02:forged-sender:1"},
    {"hmail, the higher range wins",
     {{"h.sql", RANGES NET("30667") RANGES
       "(20, 0, NULL, 4294967295, NULL, 96203, 'Closed', 0, '2001-01-01');"}},
     ""},
    {"hmail, a dump without columns",
     {{"h.sql",
       "INSERT INTO `hm_securityranges` VALUES (1,10,0,NULL,4294967295,NULL,96203,'In''net',"
       "0,'2001'),\n(2,30,2886729728,NULL,2887778303,NULL,71627,'Docker',0,'2001');\n"}},
     "HM03:nat:2"},
    {"hmail, IPv6 is all open",
     {{"h.sql", RANGES NET("96203") RANGES "(15, 0, 0, -1, -1, 30667, 'v6', 0, '2001');\n"}},
     "HM01:open:2"},
    {"hmail, exported with tabs",
     {{"h.tsv", TSV "1\t10\t0\tNULL\t4294967295\tNULL\t30667\tInternet\n"}},
     "HM01:open:2"},
    {"hmail, exported with commas",
     {{"h.csv", "\"rangepriorityid\",\"rangelowerip1\",\"rangeupperip1\",\"rangeoptions\","
                "\"rangename\"\n\"10\",\"0.0.0.0\",\"255.255.255.255\",\"96203\",\"a\"\n"}},
     ""},
    {"hmail, relays in front everywhere",
     {{"h.sql",
       RANGES NET(
           "96203") "insert into hm_incoming_relays values (1,'x',0,NULL,4294967295,NULL);\n"}},
     "HM05:latent:2"},
    {"hmail, the backup",
     {{"hMailServerBackup.xml",
       "<Backup>\n<SecurityRanges>\n<SecurityRange Name=\"All\" LowerIP=\"0.0.0.0\" "
       "UpperIP=\"255.255.255.255\" Priority=\"10\" Options=\"30667\" Expires=\"0\"/>\n"
       "<SecurityRange Name=\"Mine\" LowerIP=\"127.0.0.1\" UpperIP=\"127.0.0.1\" "
       "Priority=\"30\" Options=\"71627\"/>\n</SecurityRanges>\n"}},
     "HM01:open:3"},
    {"hmail, no rows", {{"h.sql", "create table hm_securityranges (a int);\n"}}, "!no rows"},

    {"notes 4, all three lines",
     {{"notes.ini", "[Notes]\nSMTPMTA_REJECT_RELAYS=1\n"
                    "SMTP_OCH_REJECT_SMTP_ORIGINATED_MESSAGES=1\nSMTPMTA_RELAY_FORWARDS=1\n"}},
     ""},
    {"notes 4, none", {{"notes.ini", "[Notes]\nServerTasks=Router,SMTPMTA\n"}}, "DN01:open:0"},
    {"notes 4, the trap",
     {{"notes.ini", "[Notes]\nSMTPMTA_REJECT_RELAYS=1\n"
                    "SMTPMTA_OCH_REJECT_SMTP_ORIGINATED_MESSAGES=1\nSMTPMTA_RELAY_FORWARDS=1\n"}},
     "DN02:open:3",
     .witness = "|victim%elsewhere.example@ours.example"},
    {"domino, document missing",
     {{"notes.ini", "[Notes]\nServerTasks=Router,SMTP\n"}},
     "DM00:undecided:0"},
    {"domino, nothing denies", {{"c.txt", DENY_TO "\n" ALLOW_FROM "\n"}}, "DM01:open:0"},
    {"domino, all is denied", {{"c.txt", DENY_TO "*\n" ALLOW_FROM "\n"}}, ""},
    {"domino 6, allow wins", {{"c.txt", DENY_TO "*\n" ALLOW_FROM "*\n"}}, "DM01:open:2"},
    {"domino 5, deny wins", {{"c.txt", DENY_TO "*\n" ALLOW_FROM "*\n"}}, "", .version = "5.0.11"},
    {"domino 6, deny wins by notes.ini",
     {{"c.txt", DENY_TO "*\n" ALLOW_FROM "*\n"},
      {"notes.ini", "[Notes]\nSMTPRelayHostsandDomains=1\n"}},
     "",
     .path = "c.txt notes.ini"},
    {"domino, a name as a suffix",
     {{"c.txt", DENY_TO "*\n" ALLOW_FROM "example.org\n"}},
     "DM04:forged-sender:2"},
    {"domino, addresses", {{"c.txt", DENY_TO "*\n" ALLOW_FROM "[192.0.2.*]; [10.0.0.7]\n"}}, ""},
    {"domino, a wide block", {{"c.txt", DENY_TO "*\n" ALLOW_FROM "[194.*]\n"}}, "DM01:open:2"},
    {"domino, no enforcement",
     {{"c.txt", DENY_TO "*\nPerform Anti-Relay enforcement for these connecting hosts: None\n"}},
     "DM02:open:2"},
    {"domino 5.0.5", {{"c.txt", DENY_TO "*\n"}}, "DM05:open:0", .version = "5.0.5"},

    {"mercury, as the manual says",
     {{"mercury.ini", "[MercuryS]\nRelay : 0\nStrict_Relay : 1\nAllow : 192.0.2.7\n"}},
     ""},
    {"mercury, relays", {{"mercury.ini", "[General]\n[MercuryS]\nRelay : 1\n"}}, "ME01:open:3"},
    {"mercury, not strict",
     {{"mercury.ini", "[Domains]\nsrv : example.org\n[MercuryS]\nRelay : 0\nStrict_Relay : 0\n"}},
     "ME02:forged-sender:5",
     .witness = "info@example.org|victim@elsewhere.example"},
    {"mercury, allows half of the world",
     {{"mercury.ini",
       "[MercuryS]\nRelay: 0\nStrict_Relay: 1\nAllow: 193.0.0.0\nAllow : 0.0.0.0\n"}},
     "ME03:open:4 ME03:open:5"},
    {"mercury, without its server",
     {{"mercury.ini", "[MercuryP]\nPort : 110\n"}},
     "!MercuryS",
     .kind = "mercury"},

    {"gwia, prevented", {{"gwia.cfg", "; gwia\n/home-x\n/NOROUTING\n"}}, ""},
    {"gwia, missing", {{"gwia.cfg", "/home-x\n/dhome-y\n"}}, "GW01:open:0"},
    {"gwia, in a comment", {{"gwia.cfg", "/home-x\n;/NOROUTING\n"}}, "GW01:open:2"},
    {"gwia, on Linux", {{"gwia.cfg", "--home /x\n--norouting\n"}}, ""},
};

static void windows_cases(void **state)
{
    try_cases(cases, sizeof(cases) / sizeof(cases[0]), NULL);
}

/* As many ranges as there may be, and one more. */
static void hmail_limit(void **state)
{
    for (unsigned over = 0; over < 2; over++) {
        struct buf text = BUF_INIT(1 << 20);
        struct try_case c = {.name = "ranges", .expect = over ? "!more than 500 ranges" : ""};

        for (unsigned i = 0; i < 500 + over; i++)
            buf_addf(&text, RANGES "(10, %u, NULL, %u, NULL, 96203, 'r%u', 0, '2001');\n", i * 1000,
                     i * 1000 + 9, i);
        c.files[0] = (struct audit_memory_file){"h.sql", buf_str(&text), 0};
        assert_true(try_case(&c, "h.sql"));
        buf_deinit(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(windows_cases),
                                       cmocka_unit_test(hmail_limit)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
