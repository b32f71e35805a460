/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "relay/canon.h"
#include "relay/policy.h"
#include "relay/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CERT  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define CERT2 "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct relay_place at(unsigned line)
{
    return (struct relay_place){"conf", line};
}

static void must(int got, const struct relay_fault *fault)
{
    if (got != 0)
        fail_msg("%d, line %u: %s", got, fault->line, fault->why);
}

/* Lines: 1 to 4 domains, 5 and 6 networks, 7 certificate, 8 literal, 9 authority; file "access". */
static struct relay_policy *policy_of(bool mx_networks)
{
    static const char access[] = "Connect:198.51.100.66 REJECT\n"
                                 "Connect:192.0.2.66 450 4.7.1 later, please\n"
                                 "From:bad.example REJECT\n"
                                 "From:<> DEFER\n"
                                 "To:gone@own.example 550 5.1.1 no such user\n"
                                 "From:nice@bad.example OK\n"
                                 "To:off@ REJECT\n";
    struct relay_policy *p = relay_policy_new(NULL);
    struct relay_fault fault;

    must(relay_policy_add_domain(p, SPAN_LIT("own.example"), at(1), &fault), &fault);
    must(relay_policy_add_domain(p, SPAN_LIT(".tree.example"), at(2), &fault), &fault);
    must(relay_policy_add_domain(p, SPAN_LIT("odd.example routes"), at(3), &fault), &fault);
    must(relay_policy_add_domain(p, SPAN_LIT("XN--TDA.example"), at(4), &fault), &fault);
    must(relay_policy_add_network(p, SPAN_LIT("192.0.2.0/24"), at(5), &fault), &fault);
    must(relay_policy_add_network(p, SPAN_LIT("!192.0.2.1"), at(6), &fault), &fault);
    must(relay_policy_add_cert(p, SPAN_LIT(CERT " printer"), at(7), &fault), &fault);
    must(relay_policy_add_literal(p, SPAN_LIT("203.0.113.25"), at(8), &fault), &fault);
    must(relay_policy_trust_ca(p, at(9)), &fault);
    must(relay_policy_read(p, RELAY_READ_ACCESS, span_str(access), "access", &fault), &fault);
    relay_policy_mx_networks(p, mx_networks);
    assert_int_equal(relay_policy_seal(p), 0);
    return p;
}

struct who {
    const char *ip, *login, *cert;
    bool ca, granted, doubtful;
    unsigned failed;
};

static struct relay_client client_of(const struct who *w, enum relay_role role)
{
    struct relay_client c = {.login = span_str(w->login),
                             .cert = span_str(w->cert),
                             .cert_ca = w->ca,
                             .granted = w->granted,
                             .ip_doubtful = w->doubtful,
                             .failed = w->failed,
                             .role = role};

    assert_true(!w->ip || ip_parse(span_str(w->ip), &c.ip));
    return c;
}

/* A decision in one line: "take own-domain conf:1". */
static const char *in_short(const struct relay_decision *d, char out[200])
{
    char place[100] = "";

    if (d->place.file)
        snprintf(place, sizeof(place), " %s:%u", d->place.file, d->place.line);
    snprintf(out, 200, "%s %s%s", relay_answer_name(d->answer), relay_reason_name(d->reason),
             place);
    return out;
}

static const struct who nobody = {.ip = "198.51.100.1"}, inside = {.ip = "192.0.2.7"};

/* Each right on each role, with and without addresses on the MX listener. */
static void test_rights(void **state)
{
    static const struct {
        const char *name;
        struct who who;
        const char *mx, *mx_networks, *submission; /* of a foreign recipient */
    } cases[] = {
        {"stranger",
         {.ip = "198.51.100.1"},
         "refuse denied",
         "refuse denied",
         "refuse login-needed"},
        {"no address", {0}, "refuse denied", "refuse denied", "refuse login-needed"},
        {"login", {.ip = "198.51.100.1", .login = "u"}, "take login", "take login", "take login"},
        {"certificate",
         {.ip = "198.51.100.1", .cert = CERT},
         "take certificate conf:7",
         "take certificate conf:7",
         "take certificate conf:7"},
        {"certificate in capitals",
         {.cert = "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF"},
         "take certificate conf:7",
         "take certificate conf:7",
         "take certificate conf:7"},
        {"unknown certificate",
         {.cert = CERT2},
         "refuse denied",
         "refuse denied",
         "refuse login-needed"},
        {"certificate of the authority",
         {.cert = CERT2, .ca = true},
         "take certificate conf:9",
         "take certificate conf:9",
         "take certificate conf:9"},
        {"authority without a certificate",
         {.ca = true},
         "refuse denied",
         "refuse denied",
         "refuse login-needed"},
        {"half a certificate",
         {.cert = "00112233"},
         "refuse denied",
         "refuse denied",
         "refuse login-needed"},
        {"network",
         {.ip = "192.0.2.7"},
         "refuse denied",
         "take network conf:5",
         "take network conf:5"},
        {"last of the network",
         {.ip = "192.0.2.255"},
         "refuse denied",
         "take network conf:5",
         "take network conf:5"},
        {"one past it",
         {.ip = "192.0.3.0"},
         "refuse denied",
         "refuse denied",
         "refuse login-needed"},
        {"one before it",
         {.ip = "192.0.1.255"},
         "refuse denied",
         "refuse denied",
         "refuse login-needed"},
        {"taken out", {.ip = "192.0.2.1"}, "refuse denied", "refuse denied", "refuse login-needed"},
        {"mapped",
         {.ip = "::ffff:192.0.2.7"},
         "refuse denied",
         "take network conf:5",
         "take network conf:5"},
        {"grant",
         {.ip = "198.51.100.1", .granted = true},
         "refuse denied",
         "take grant",
         "take grant"},
        {"grant without an address",
         {.granted = true},
         "refuse denied",
         "refuse denied",
         "refuse login-needed"},
        {"grant for one taken out",
         {.ip = "192.0.2.1", .granted = true},
         "refuse denied",
         "take grant",
         "take grant"},
        {"doubtful network",
         {.ip = "192.0.2.7", .doubtful = true},
         "refuse denied",
         "defer doubtful conf:5",
         "defer doubtful conf:5"},
        {"doubtful grant",
         {.ip = "198.51.100.1", .granted = true, .doubtful = true},
         "refuse denied",
         "defer doubtful",
         "defer doubtful"},
        {"doubtful stranger",
         {.ip = "198.51.100.1", .doubtful = true},
         "refuse denied",
         "refuse denied",
         "refuse login-needed"},
        {"login in doubt of addresses",
         {.ip = "192.0.2.7", .login = "u", .doubtful = true},
         "take login",
         "take login",
         "take login"},
        {"failed: right",
         {.ip = "198.51.100.1", .failed = RELAY_LOOKUP_RIGHT},
         "defer lookup",
         "defer lookup",
         "defer lookup"},
        {"failed: grant",
         {.ip = "198.51.100.1", .failed = RELAY_LOOKUP_GRANT},
         "refuse denied",
         "defer lookup",
         "defer lookup"},
        {"failed: grant, no address",
         {.failed = RELAY_LOOKUP_GRANT},
         "refuse denied",
         "refuse denied",
         "refuse login-needed"},
        {"failed: domain",
         {.ip = "198.51.100.1", .failed = RELAY_LOOKUP_DOMAIN},
         "defer lookup",
         "defer lookup",
         "refuse login-needed"},
        {"failed: narrow",
         {.ip = "198.51.100.1", .failed = RELAY_LOOKUP_NARROW},
         "refuse denied",
         "refuse denied",
         "refuse login-needed"},
        {"failed: narrow, with login",
         {.ip = "198.51.100.1", .login = "u", .failed = RELAY_LOOKUP_NARROW},
         "defer lookup",
         "defer lookup",
         "defer lookup"},
        {"failed: right, with login",
         {.ip = "198.51.100.1", .login = "u", .failed = RELAY_LOOKUP_RIGHT},
         "take login",
         "take login",
         "take login"},
        {"refused client with login",
         {.ip = "198.51.100.66", .login = "u"},
         "refuse client-access access:1",
         "refuse client-access access:1",
         "refuse client-access access:1"},
        {"deferred client in the network",
         {.ip = "192.0.2.66"},
         "refuse denied",
         "defer client-access access:2",
         "defer client-access access:2"},
    };
    struct relay_policy *p[2] = {policy_of(false), policy_of(true)};
    struct relay_mail mail = {SPAN_LIT("<s@foreign.example>"), false};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *want[] = {cases[i].mx, cases[i].mx_networks, cases[i].submission,
                              cases[i].submission};

        for (size_t k = 0; k < 4; k++) {
            struct relay_client c =
                client_of(&cases[i].who, k < 2 ? RELAY_ROLE_MX : RELAY_ROLE_SUBMISSION);
            struct relay_decision d;
            char text[200];

            relay_decide(p[k % 2], &c, &mail, SPAN_LIT("<r@foreign.example>"), &d);
            if (strcmp(in_short(&d, text), want[k]) != 0)
                fail_msg("%s, %zu: %s", cases[i].name, k, text);
            assert_false(d.own);
        }
    }
    relay_policy_free(&p[0]);
    relay_policy_free(&p[1]);
    relay_policy_free(&p[1]);
}

static void test_envelopes(void **state)
{
    static const struct {
        const char *name;
        const struct who *who;
        const char *mail, *rcpt, *want, *out_mail, *out_rcpt;
    } cases[] = {
        {"to us", &nobody, "<s@f.example>", "<r@own.example>", "take own-domain conf:1",
         "<s@f.example>", "<r@own.example>"},
        {"to us in capitals", &nobody, "<S@F.Example>", "<R@OWN.Example>", "take own-domain conf:1",
         "<S@f.example>", "<R@own.example>"},
        {"a bounce to us", &nobody, "<>", "<r@tree.example>", "take own-domain conf:2", "<>",
         "<r@tree.example>"},
        {"below", &nobody, "<s@f.example>", "<r@a.b.tree.example>", "take own-domain conf:2",
         "<s@f.example>", "<r@a.b.tree.example>"},
        {"below what stands for itself", &nobody, "<s@f.example>", "<r@a.own.example>",
         "refuse denied", "<s@f.example>", "<r@a.own.example>"},
        {"our name at the end of another", &nobody, "<s@f.example>", "<r@notown.example>",
         "refuse denied", "<s@f.example>", "<r@notown.example>"},
        {"our name at the end of a label", &nobody, "<s@f.example>", "<r@xtree.example>",
         "refuse denied", "<s@f.example>", "<r@xtree.example>"},
        {"above ours", &nobody, "<s@f.example>", "<r@example>", "refuse denied", "<s@f.example>",
         "<r@example>"},
        {"an A-label", &nobody, "<s@f.example>", "<r@xn--tda.EXAMPLE>", "take own-domain conf:4",
         "<s@f.example>", "<r@xn--tda.example>"},
        {"postmaster", &nobody, "<>", "<POSTMASTER>", "take postmaster", "<>", "<postmaster>"},
        {"our literal", &nobody, "<>", "<r@[203.0.113.25]>", "take own-domain conf:8", "<>",
         "<r@[203.0.113.25]>"},
        {"another literal", &nobody, "<>", "<r@[203.0.113.26]>", "refuse literal", "", ""},
        {"another literal, from inside", &inside, "<>", "<r@[203.0.113.26]>", "refuse literal", "",
         ""},
        {"percent to us", &nobody, "<>", "<a%f.example@own.example>", "refuse route", "", ""},
        {"percent from inside", &inside, "<>", "<a%f.example@own.example>", "refuse route", "", ""},
        {"percent to others, from inside", &inside, "<>", "<a%f.example@g.example>", "refuse route",
         "", ""},
        {"percent where we know it", &nobody, "<>", "<a%f.example@odd.example>",
         "take own-domain conf:3", "<>", "<a%f.example@odd.example>"},
        {"bang where we know it", &nobody, "<>", "<f!a@odd.example>", "take own-domain conf:3",
         "<>", "<f!a@odd.example>"},
        {"@ where we know percent", &nobody, "<>", "<\"a@f.example\"@odd.example>", "refuse route",
         "", ""},
        {"a source route", &inside, "<>", "<@own.example:r@f.example>", "refuse route", "", ""},
        {"no syntax", &inside, "<>", "<r@f.example", "refuse syntax", "", ""},
        {"no domain", &nobody, "<>", "<r>", "refuse syntax", "", ""},
        {"UTF-8", &inside, "<>", "<\xc3\xbc@own.example>", "refuse utf8", "", ""},
        {"sender without a domain", &inside, "<s>", "<r@own.example>", "refuse sender-syntax", "",
         ""},
        {"postmaster as the sender", &inside, "<postmaster>", "<r@own.example>",
         "refuse sender-syntax", "", ""},
        {"sender with a route", &inside, "<@a.example:s@f.example>", "<r@own.example>",
         "refuse sender-route", "", ""},
        {"percent in a foreign sender", &nobody, "<s%x@f.example>", "<r@own.example>",
         "take own-domain conf:1", "<s%x@f.example>", "<r@own.example>"},
        {"percent in a sender of ours", &nobody, "<s%x@own.example>", "<r@own.example>",
         "refuse sender-route", "", ""},
        {"percent in a sender whose host knows it", &nobody, "<s%x@odd.example>", "<r@own.example>",
         "take own-domain conf:1", "<s%x@odd.example>", "<r@own.example>"},
        {"sender with a literal", &nobody, "<s@[198.51.100.1]>", "<r@own.example>",
         "refuse sender-literal", "", ""},
        {"sender with our literal", &nobody, "<s@[203.0.113.25]>", "<r@own.example>",
         "take own-domain conf:1", "<s@[203.0.113.25]>", "<r@own.example>"},
        {"a sender of ours grants nothing", &nobody, "<s@own.example>", "<r@f.example>",
         "refuse denied", "<s@own.example>", "<r@f.example>"},
        {"a sender refused", &nobody, "<x@a.bad.example>", "<r@own.example>",
         "refuse sender-access access:3", "<x@a.bad.example>", "<r@own.example>"},
        {"a sender spared", &nobody, "<Nice@bad.example>", "<r@own.example>",
         "take own-domain conf:1", "<Nice@bad.example>", "<r@own.example>"},
        {"a sender spared relays no more", &nobody, "<nice@bad.example>", "<r@f.example>",
         "refuse denied", "<nice@bad.example>", "<r@f.example>"},
        {"the null sender", &nobody, "<>", "<gone@own.example>", "refuse rcpt-access access:5",
         "<>", "<gone@own.example>"},
        {"a recipient gone", &nobody, "<s@f.example>", "<Gone@own.example>",
         "refuse rcpt-access access:5", "<s@f.example>", "<Gone@own.example>"},
        {"a user gone everywhere", &nobody, "<s@f.example>", "<off@tree.example>",
         "refuse rcpt-access access:7", "<s@f.example>", "<off@tree.example>"},
    };
    struct relay_policy *p = policy_of(true);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct relay_client c = client_of(cases[i].who, RELAY_ROLE_MX);
        struct relay_mail mail = {span_str(cases[i].mail), false};
        struct relay_decision d;
        bool null = strcmp(cases[i].mail, "<>") == 0;
        char text[200];

        relay_decide(p, &c, &mail, span_str(cases[i].rcpt), &d);
        in_short(&d, text);
        /* The access file puts the null sender off: what would be taken is deferred. */
        if (null && strncmp(cases[i].want, "take", 4) == 0)
            assert_string_equal(text, "defer sender-access access:4");
        else if (strcmp(text, cases[i].want) != 0)
            fail_msg("%s: %s", cases[i].name, text);
        if (strcmp(d.mail, cases[i].out_mail) != 0 || strcmp(d.rcpt, cases[i].out_rcpt) != 0)
            fail_msg("%s: writes %s %s", cases[i].name, d.mail, d.rcpt);
        assert_int_equal(d.answer == RELAY_TAKE    ? 2
                         : d.answer == RELAY_DEFER ? 4
                                                   : 5,
                         d.code / 100);
        assert_int_equal(d.enhanced[0] - '0', d.code / 100);
    }
    relay_policy_free(&p);
}

static void test_mail(void **state)
{
    static const struct {
        const char *mail, *want;
    } cases[] = {
        {"<>", "take sender"},
        {"<s@f.example>", "take sender"},
        {"<s@own.example>", "take sender"},
        {"<s@a.bad.example>", "refuse sender-access access:3"},
        {"<s>", "refuse sender-syntax"},
        {"s@f.example", "refuse sender-syntax"},
        {"<@a.example:s@f.example>", "refuse sender-route"},
    };
    struct relay_policy *p = policy_of(false);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int role = RELAY_ROLE_MX; role <= RELAY_ROLE_SUBMISSION; role++) {
            struct relay_client c = client_of(&nobody, (enum relay_role)role);
            struct relay_mail mail = {span_str(cases[i].mail), false};
            struct relay_decision d;
            char text[200];

            relay_decide_mail(p, &c, &mail, &d);
            if (strcmp(in_short(&d, text), cases[i].want) != 0)
                fail_msg("%s: %s", cases[i].mail, text);
            assert_string_equal(d.rcpt, "");
        }
    }
    relay_policy_free(&p);
}

/* Whatever is said, only no is added. */
static void test_narrow(void **state)
{
    struct relay_policy *p = policy_of(true);
    struct relay_mail mail = {SPAN_LIT("<s@f.example>"), false};
    struct relay_decision before[3], d;
    struct who later = {.ip = "198.51.100.1", .failed = RELAY_LOOKUP_RIGHT};
    struct relay_client c = client_of(&nobody, RELAY_ROLE_MX), l = client_of(&later, RELAY_ROLE_MX);

    relay_decide(p, &c, &mail, SPAN_LIT("<r@f.example>"), &before[RELAY_REFUSE]);
    relay_decide(p, &l, &mail, SPAN_LIT("<r@f.example>"), &before[RELAY_DEFER]);
    relay_decide(p, &c, &mail, SPAN_LIT("<r@own.example>"), &before[RELAY_TAKE]);
    for (int from = RELAY_REFUSE; from <= RELAY_TAKE; from++) {
        assert_int_equal(before[from].answer, from);
        for (int to = RELAY_REFUSE; to <= RELAY_TAKE; to++) {
            for (int why = 0; why < RELAY_WHYS; why++) {
                d = before[from];
                relay_narrow(&d, (enum relay_answer)to, (enum relay_reason)why, 250, "2.0.0",
                             "a\r\nb");
                if (to >= from) {
                    assert_memory_equal(&d, &before[from], sizeof(d));
                    continue;
                }
                assert_int_equal(d.answer, to);
                assert_int_equal(d.reason, why);
                assert_int_equal(d.code / 100, to == RELAY_DEFER ? 4 : 5);
                assert_int_equal(d.enhanced[0], to == RELAY_DEFER ? '4' : '5');
                assert_string_equal(d.text, "a??b");
                assert_string_equal(d.rcpt, before[from].rcpt);
            }
        }
    }
    d = before[RELAY_TAKE];
    relay_narrow(&d, RELAY_DEFER, RELAY_WHY_POLICY, 452, "4.3.1", "full");
    assert_int_equal(d.code, 452);
    assert_string_equal(d.enhanced, "4.3.1");
    relay_narrow(&d, RELAY_REFUSE, RELAY_WHY_LISTED, 0, NULL, NULL);
    assert_int_equal(d.code, 554);
    assert_string_equal(d.text, "Client host is on a blocklist");
    d = before[RELAY_TAKE];
    relay_narrow(&d, RELAY_REFUSE, RELAY_WHY_POLICY, 550, "5.7..1", "x");
    assert_string_equal(d.enhanced, "5.7.1");
    relay_policy_free(&p);
}

/* A stranger's address in the reply is printable and cut, and the reply fits a line. */
static void test_text(void **state)
{
    struct relay_policy *p = policy_of(false);
    struct relay_client c = client_of(&nobody, RELAY_ROLE_MX);
    struct relay_mail mail = {SPAN_LIT("<>"), true};
    char rcpt[2000];
    struct relay_decision d;

    for (int fill = 0; fill < 256; fill++) {
        memset(rcpt, fill, sizeof(rcpt));
        relay_decide(p, &c, &mail, span_of(rcpt, sizeof(rcpt)), &d);
        assert_int_equal(d.answer, RELAY_REFUSE);
        assert_true(strlen(d.text) < 200);
        for (const char *t = d.text; *t; t++)
            assert_true(*t >= ' ' && *t <= '~');
    }
    relay_decide(p, &c, &mail, SPAN_LIT("<r@f.example>"), &d);
    assert_string_equal(d.text, "<r@f.example>: Relay access denied");
    assert_int_equal(d.code, 554);
    assert_string_equal(d.enhanced, "5.7.1");
    relay_policy_free(&p);
}

/* Nothing is taken by a policy that says nothing, but postmaster. */
static void test_empty(void **state)
{
    struct relay_policy *p = relay_policy_new(NULL);
    struct relay_mail mail = {SPAN_LIT("<>"), true};
    static const char *const rcpts[] = {
        "<r@own.example>", "<r@localhost>", "<r@[127.0.0.1]>", "<r@>", "<>", ""};
    struct relay_decision d;

    assert_int_equal(relay_policy_seal(p), 0);
    for (size_t i = 0; i < sizeof(rcpts) / sizeof(rcpts[0]); i++) {
        struct relay_client c = client_of(&(struct who){.ip = "127.0.0.1"}, RELAY_ROLE_MX);

        relay_decide(p, &c, &mail, span_str(rcpts[i]), &d);
        assert_int_equal(d.answer, RELAY_REFUSE);
        c.role = RELAY_ROLE_SUBMISSION;
        relay_decide(p, &c, &mail, SPAN_LIT("<postmaster>"), &d);
        assert_int_equal(d.answer, RELAY_REFUSE);
    }
    relay_policy_free(&p);
}

/* Every value has a name of its own, and sentences for people. */
static void test_names(void **state)
{
    for (int i = 0; i < RELAY_WHYS; i++) {
        assert_true(relay_reason_name((enum relay_reason)i)[0]);
        assert_true(relay_reason_words((enum relay_reason)i)[0]);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(relay_reason_name((enum relay_reason)i),
                                    relay_reason_name((enum relay_reason)k));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rights), cmocka_unit_test(test_envelopes),
        cmocka_unit_test(test_mail),   cmocka_unit_test(test_narrow),
        cmocka_unit_test(test_text),   cmocka_unit_test(test_empty),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
