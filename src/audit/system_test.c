/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Systems of several hosts: what each shows, and what only all of them show. */
#include "audit/system.h"
#include "audit/try_test.h"

#define MERCURY(allow)                                                                             \
    {                                                                                              \
        "/s/m/mercury.ini", "[MercuryS]\nRelay : 0\nStrict_Relay : 1\nAllow : " allow "\n"         \
    }
#define SYSTEM(text)                                                                               \
    {                                                                                              \
        "/s/system", text                                                                          \
    }
#define MAIL "server mail { path = m/mercury.ini }\n"

static const struct try_case cases[] = {
    {"an edge that limits recipients",
     {SYSTEM(MAIL "edge gw { address = 10.0.0.5; recipients = known; to = mail }\n"),
      MERCURY("10.0.0.5")},
     ""},
    {"an edge that takes any recipient, and a server that trusts it",
     {SYSTEM(MAIL "edge gw {\n  address = 10.0.0.5\n  recipients = any\n  to = mail\n}\n"),
      MERCURY("10.0.0.5")},
     "J2:open:4",
     .witness = "spammer@stranger.example|victim@elsewhere.example"},
    {"an edge that takes any recipient, and a server that does not trust it",
     {SYSTEM(MAIL "edge gw { address = 10.0.0.5; recipients = any; to = mail }\n"),
      MERCURY("10.0.0.6")},
     ""},
    {"an edge of which nothing is told",
     {SYSTEM(MAIL "edge gw { address = 10.0.0.5; to = mail }\n"), MERCURY("10.0.0.5")},
     "J2:undecided:2"},
    {"percent through two hosts",
     {SYSTEM("edge gw { address = 10.0.0.5; recipients = known; passes = percent, bang; to = mail\n"
             "domain = example.org }\n"
             "server mail { trusts = 10.0.0.0/24; unpacks = percent }\n")},
     "J2:open:3",
     .witness = "spammer@stranger.example|victim%elsewhere.example@example.org"},
    {"bang through two hosts",
     {SYSTEM("edge gw { address = 10.0.0.5; recipients = known; passes = bang; to = mail\n"
             "domain = example.org }\n"
             "server mail { trusts = 10.0.0.0/24; unpacks = bang }\n")},
     "J2:open:3",
     .witness = "spammer@stranger.example|elsewhere.example!victim@example.org"},
    {"what one passes the other does not unpack",
     {SYSTEM("edge gw { address = 10.0.0.5; recipients = known; passes = bang; to = mail }\n"
             "server mail { trusts = 10.0.0.0/24; unpacks = percent }\n")},
     ""},
    {"a firewall with source NAT",
     {SYSTEM(MAIL "nat fw { inside = 10.0.0.1; to = mail }\n"), MERCURY("10.0.0.0")},
     "ME03:nat:4"},
    {"a firewall without the trusted net",
     {SYSTEM(MAIL "nat fw { inside = 10.7.0.1; to = mail }\n"), MERCURY("192.168.7.7")},
     ""},
    {"a firewall before another host",
     {SYSTEM(MAIL "server web { no-nat = yes; trusts = 192.0.2.9 }\n"
                  "nat fw { inside = 10.0.0.1; to = web }\n"),
      MERCURY("10.0.0.1")},
     ""},
    {"a proxy that hides its clients",
     {SYSTEM(
          MAIL
          "edge lb { address = 10.0.0.9; recipients = known; hides-clients = yes; to = mail }\n"),
      MERCURY("10.0.0.9")},
     "ME03:nat:4"},
    {"a proxy by its configuration",
     {SYSTEM(MAIL "edge lb { path = lb/haproxy.cfg; to = mail }\n"),
      MERCURY("10.0.0.0"),
      {"/s/lb/haproxy.cfg", "listen smtp\n  bind :25\n  server m 10.0.0.7:25\n"}},
     "ME03:nat:4"},
    {"a proxy that tells its clients",
     {SYSTEM(MAIL "edge lb { path = lb/haproxy.cfg; to = mail }\n"),
      MERCURY("10.0.0.0"),
      {"/s/lb/haproxy.cfg", "listen smtp\n  bind :25\n  server m 10.0.0.7:25 send-proxy\n"}},
     ""},
    {"a tenant behind an open server",
     {SYSTEM("nat fw { inside = 10.0.0.1; to = mail }\nserver mail {\n trusts = 10.0.0.0/24\n"
             " smarthost = example-org.mail.protection.outlook.com\n}\n")},
     "J1:nat:3 J8:half-open:4"},
    {"a tenant behind a closed server",
     {SYSTEM("server mail { trusts = 10.0.0.7\n smarthost = x.mail.protection.outlook.com }\n")},
     ""},
    {"a smarthost of the system",
     {SYSTEM("server out { trusts = 10.0.0.7; interface = 10.0.0.8/24 }\n"
             "server mail { smarthost = out.example.org; trusts = 0.0.0.0/0 }\n")},
     "J5:open:2 J8:half-open:2"},
    {"an unknown setting", {SYSTEM("server a {\n trust = 1.2.3.4 }\n")}, "!/s/system:2: 'trust'"},
    {"an unknown host", {SYSTEM("edge a { to = b }\n")}, "!no host here is called b"},
    {"a slip in the second host",
     {SYSTEM("edge a { }\nserver b { interface = x }\n")},
     "!/s/system:2: 'x' is no address"},
    {"two of a name", {SYSTEM("edge a { }\nserver a { }\n")}, "!second host"},
    {"no end", {SYSTEM("edge a {\n")}, "!'}' is missing"},
    {"no address", {SYSTEM("edge a { nat = x }\n")}, "!'x' is no network"},
    {"nothing", {SYSTEM("# empty\n")}, "!no host"},
    {"a missing file", {SYSTEM(MAIL)}, "!is missing"},
};

static bool run(const struct try_case *c)
{
    struct buf out = BUF_INIT(1 << 16), witness = BUF_INIT(4096);
    struct audit_memory memory = {c->files, 0};
    struct audit_files files = audit_files_memory(&memory);
    struct audit_system *s = audit_system_new(&files);
    bool fine;
    int r;

    while (memory.count < TRY_FILES && c->files[memory.count].name)
        memory.count++;
    r = audit_system_read(s, "/s/system");
    if (r == 0)
        r = audit_system_finish(s);
    if (r == AUDIT_BAD)
        buf_addf(&out, "!%s", audit_system_error(s));
    else
        try_found(audit_system_joint(s), &out, &witness);
    fine = try_judge(c, r, &out, &witness);
    if (!fine)
        try_tell(audit_system_joint(s));
    buf_deinit(&out);
    buf_deinit(&witness);
    audit_system_free(&s);
    return fine;
}

static void system_cases(void **state)
{
    size_t wrong = 0;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        wrong += !run(&cases[i]);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(system_cases)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
