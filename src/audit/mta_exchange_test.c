/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exchange's exports: connectors, permissions, accepted domains. */
#include "audit/try_test.h"

#define CONNECTOR(name, ranges, auth, groups)                                                      \
    "Name             : " name "\r\nIdentity         : EX1\\" name "\r\n"                          \
    "Bindings         : {0.0.0.0:25}\r\nRemoteIPRanges   : {" ranges "}\r\n"                       \
    "AuthMechanism    : " auth "\r\nPermissionGroups : " groups                                    \
    "\r\nEnabled          : True\r\n\r\n"
#define RIGHT(name, user, deny)                                                                    \
    "Identity       : EX1\\" name "\r\nUser           : " user "\r\nDeny           : " deny "\r\n" \
    "ExtendedRights : {ms-Exch-SMTP-Accept-Any-Recipient}\r\n\r\n"
#define WORLD "0.0.0.0-255.255.255.255"
#define PLAIN                                                                                      \
    CONNECTOR("Default Frontend EX1", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff, " WORLD,        \
              "Tls, Integrated, BasicAuth", "AnonymousUsers, ExchangeServers")

static const struct try_case cases[] = {
    {"a plain server", {{"/x/rc.txt", PLAIN}}, ""},
    {"relay for all",
     {{"/x/rc.txt", CONNECTOR("Relay", WORLD, "Tls", "AnonymousUsers")
                        RIGHT("Relay", "NT AUTHORITY\\ANONYMOUS LOGON", "False")}},
     "XC01:open:12"},
    {"relay for all, in German",
     {{"/x/rc.txt", CONNECTOR("Relay", WORLD, "Tls", "AnonymousUsers")
                        RIGHT("Relay", "NT-AUTORIT\xC3\x84T\\ANONYMOUS-ANMELDUNG", "False")}},
     "XC01:open:12"},
    {"relay for all, by SID",
     {{"/x/rc.txt",
       CONNECTOR("Relay", WORLD, "Tls", "AnonymousUsers") RIGHT("Relay", "S-1-5-7", "False")}},
     "XC01:open:12"},
    {"the right of another account",
     {{"/x/rc.txt",
       CONNECTOR("Relay", WORLD, "Tls", "AnonymousUsers") RIGHT("Relay", "EXAMPLE\\app", "False")}},
     ""},
    {"denied besides",
     {{"/x/rc.txt", CONNECTOR("Relay", WORLD, "Tls", "AnonymousUsers")
                        RIGHT("Relay", "NT AUTHORITY\\ANONYMOUS LOGON", "False")
                            RIGHT("Relay", "NT AUTHORITY\\ANONYMOUS LOGON", "True")}},
     ""},
    {"relay for two hosts",
     {{"/x/rc.txt",
       PLAIN CONNECTOR("Relay", "10.4.0.9, 10.4.0.10-10.4.0.11", "Tls", "AnonymousUsers")
           RIGHT("Relay", "NT AUTHORITY\\ANONYMOUS LOGON", "False")}},
     ""},
    {"relay for the inside, behind a balancer",
     {{"/x/rc.txt", PLAIN CONNECTOR("Relay", "10.0.0.0/8", "Tls", "AnonymousUsers")
                        RIGHT("Relay", "NT AUTHORITY\\ANONYMOUS LOGON", "False")}},
     "XC03:nat:20",
     .nat = "10.160.0.7"},
    {"externally secured, for all",
     {{"/x/rc.txt", CONNECTOR("App", WORLD, "Tls, ExternalAuthoritative", "ExchangeServers")}},
     "XC02:open:4"},
    {"externally secured, for one host",
     {{"/x/rc.txt", PLAIN CONNECTOR("App", "192.0.2.7", "ExternalAuthoritative",
                                    "ExchangeServers, AnonymousUsers")}},
     ""},
    {"a narrower connector takes the strangers away",
     {{"/x/rc.txt", CONNECTOR("Relay", "0.0.0.0/1", "Tls", "AnonymousUsers")
                        CONNECTOR("In", "0.0.0.0/2, 64.0.0.0/2", "Tls", "AnonymousUsers")
                            RIGHT("Relay", "NT AUTHORITY\\ANONYMOUS LOGON", "False")
                                RIGHT("In", "EX\\nobody", "False")}},
     ""},
    {"an own connector for all, permissions not given",
     {{"/x/rc.txt", CONNECTOR("Relay", WORLD, "Tls", "AnonymousUsers")}},
     "XC01:undecided:6"},
    {"disabled",
     {{"/x/rc.txt", "Name : Relay\nBindings : {0.0.0.0:25}\nRemoteIPRanges : {" WORLD "}\n"
                    "AuthMechanism : ExternalAuthoritative\nPermissionGroups : ExchangeServers\n"
                    "Enabled : False\n"}},
     ""},
    {"JSON with sums of flags",
     {{"/x/rc.json", "[\n {\"Name\": \"App\", \"Bindings\": [\"0.0.0.0:25\"],\n"
                     "  \"RemoteIPRanges\": [{\"Expression\": \"0.0.0.0-255.255.255.255\"}],\n"
                     "  \"AuthMechanism\": 33, \"PermissionGroups\": 5, \"Enabled\": true}]\n"}},
     "XC02:open:3"},
    {"CSV",
     {{"/x/rc.csv", "#TYPE x\n\"Name\",\"Bindings\",\"RemoteIPRanges\",\"AuthMechanism\","
                    "\"PermissionGroups\",\"Enabled\"\n\"App\",\"0.0.0.0:25\",\"" WORLD
                    "\",\"ExternalAuthoritative\",\"ExchangeServers\",\"True\"\n"}},
     "XC02:open:3"},
    {"two files",
     {{"/x/rc.txt", CONNECTOR("Relay", WORLD, "Tls", "AnonymousUsers")},
      {"/x/ad.txt", RIGHT("Relay", "NT AUTHORITY\\ANONYMOUS LOGON", "False")}},
     "XC01:open:4",
     .path = "/x/rc.txt /x/ad.txt"},
    {"a script that opens it",
     {{"/x/relay.ps1",
       "# relay\nNew-ReceiveConnector -Name \"Relay\" -Server EX1 -Bindings 0.0.0.0:25 `\n"
       "  -RemoteIPRanges 0.0.0.0-255.255.255.255 -PermissionGroups AnonymousUsers\n"
       "Get-ReceiveConnector \"EX1\\Relay\" | Add-ADPermission -User \"NT AUTHORITY\\ANONYMOUS "
       "LOGON\" -ExtendedRights \"Ms-Exch-SMTP-Accept-Any-Recipient\"\n"}},
     "XC01:open:4"},
    {"a script for two hosts",
     {{"/x/relay.ps1",
       "New-ReceiveConnector \"Relay\" -Bindings 0.0.0.0:25 -RemoteIPRanges 10.1.1.1,10.1.1.2 "
       "-PermissionGroups AnonymousUsers\n"
       "Get-ReceiveConnector Relay | Add-ADPermission -User 'S-1-5-7' -ExtendedRights "
       "'Ms-Exch-SMTP-Accept-Any-Recipient'\n"}},
     ""},
    {"a script that secures it externally",
     {{"/x/relay.ps1",
       "Set-ReceiveConnector 'App' -PermissionGroups ExchangeServers -AuthMechanism "
       "'Tls, ExternalAuthoritative' -RemoteIPRanges 0.0.0.0-255.255.255.255\n"}},
     "XC02:open:1"},
    {"DSC",
     {{"/x/dsc.ps1", "xExchReceiveConnector Relay\n{\n  Identity = 'EX1\\Relay'\n"
                     "  Bindings = '0.0.0.0:25'\n  RemoteIPRanges = '0.0.0.0-255.255.255.255'\n"
                     "  PermissionGroups = 'AnonymousUsers'\n  ExtendedRightAllowEntries = @(\n"
                     "    MSFT_KeyValuePair {\n      Key = 'NT AUTHORITY\\ANONYMOUS LOGON'\n"
                     "      Value = 'Ms-Exch-SMTP-Accept-Any-Recipient'\n    }\n  )\n}\n"}},
     "XC01:open:10"},
    {"every domain",
     {{"/x/ad.txt", "Name : All\nDomainName : *\nDomainType : InternalRelay\nDefault : False\n"}},
     "XC04:open:2",
     .path = "/x/ad.txt"},
    {"recipients of a relay domain",
     {{"/x/ad.txt", "DomainName : example.org\nDomainType : InternalRelay\n"
                    "AddressBookEnabled : False\n"}},
     "XC05:half-open:3",
     .path = "/x/ad.txt"},
    {"recipients are filtered",
     {{"/x/ad.txt", "DomainName : example.org\nDomainType : InternalRelay\n"
                    "AddressBookEnabled : False\n\nRecipientValidationEnabled : True\n"}},
     "",
     .path = "/x/ad.txt"},
    {"authoritative",
     {{"/x/ad.txt", "DomainName : example.org\nDomainType : Authoritative\n"}},
     "",
     .path = "/x/ad.txt"},
    {"ranges that were cut off",
     {{"/x/rc.txt",
       CONNECTOR("App", "10.0.0.1, 10.0.0.2...", "ExternalAuthoritative", "ExchangeServers")}},
     "XC01:undecided:6"},
};

static void exchange_cases(void **state)
{
    try_cases(cases, sizeof(cases) / sizeof(cases[0]), NULL);
}

/* PowerShell's ">" writes UTF-16. */
static void exchange_utf16(void **state)
{
    static const char text[] = CONNECTOR("App", WORLD, "ExternalAuthoritative", "ExchangeServers");
    static char wide[2 * sizeof(text) + 2] = "\xFF\xFE";
    struct try_case c = {.name = "UTF-16", .expect = "XC02:open:4"};

    for (size_t i = 0; i + 1 < sizeof(text); i++)
        wide[2 + 2 * i] = text[i];
    c.files[0] = (struct audit_memory_file){"/x/rc.txt", wide, 2 * sizeof(text)};
    assert_true(try_case(&c, "/x/rc.txt"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exchange_cases),
        cmocka_unit_test(exchange_utf16),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
