/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trace/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void organisations(void **state)
{
    static const struct {
        const char *host, *org;
    } cases[] = {
        {"mail.example.org", "example.org"},
        {"example.org", "example.org"},
        {"example.org.", "example.org"},
        {"a.b.c.example.co.uk", "example.co.uk"},
        {"mx.example.com.br", "example.com.br"},
        {"co.uk", "co.uk"},
        {"www.example.de", "example.de"},
        {"pc", ""},
        {"", ""},
        {"192.0.2.1", ""},
        {"[192.0.2.1]", ""},
        {"a b.example", ""},
        {".example", ""},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("# %s\n", cases[i].host);
        assert_true(span_eq(name_org(span_str(cases[i].host)), span_str(cases[i].org)));
    }
}

static void relations(void **state)
{
    enum relation { NOTHING, AKIN, ORG, HOST };
    static const struct {
        const char *a, *b;
        enum relation want;
    } cases[] = {
        {"mx1.example.org", "mx2.example.org", ORG},
        {"mx1.example.org", "MX1.EXAMPLE.ORG", HOST},
        {"lugh", "lugh.example.org", HOST},
        {"lugh.one.example", "lugh.two.example", NOTHING},
        {"mail.com", "mail.one.example", NOTHING},
        {"mail.asembla.pr.gov", "asembla.org", AKIN},
        {"a.example.co.uk", "b.other.co.uk", NOTHING},
        {"mail.hotmail.com", "x.outlook.com", ORG},
        {"yahoo.com", "mta1.mail.yahoo.co.jp", ORG},
        {"a.org", "b.org", NOTHING},
        {"", "", NOTHING},
        {"local.lan", "local.org", NOTHING},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span a = span_str(cases[i].a), b = span_str(cases[i].b);

        print_message("# %s, %s\n", cases[i].a, cases[i].b);
        assert_int_equal(name_same_host(a, b), cases[i].want == HOST);
        if (cases[i].want != HOST)
            assert_int_equal(name_same_org(a, b), cases[i].want == ORG);
        if (cases[i].want == AKIN || cases[i].want == NOTHING)
            assert_int_equal(name_akin(a, b), cases[i].want == AKIN);
        assert_int_equal(name_same_org(a, b), name_same_org(b, a));
        assert_int_equal(name_akin(a, b), name_akin(b, a));
    }
}

static void kinds(void **state)
{
    static const struct {
        const char *name;
        bool (*fn)(struct span);
        bool want;
    } cases[] = {
        {"localhost", name_is_useless, true},
        {"0", name_is_useless, true},
        {"gateway.", name_is_useless, true},
        {"mx.example.org", name_is_useless, false},
        {"exch01.corp.local", name_is_inside, true},
        {"exch01", name_is_inside, true},
        {"mx.example.org", name_is_inside, false},
        {"User", name_is_workstation, true},
        {"DESKTOP-AB12", name_is_workstation, true},
        {"pc7", name_is_workstation, true},
        {"userland", name_is_workstation, false},
        {"mx.example.org", name_is_workstation, false},
        {"[192.0.2.1]", name_is_workstation, false},
        {"ufhqwkt.com", name_is_throwaway, true},
        {"offers.top", name_is_throwaway, true},
        {"offers.top", name_is_cheap, true},
        {"example.org", name_is_throwaway, false},
        {"gmail.com", name_is_freemail, true},
        {"yahoo.co.jp", name_is_freemail, true},
        {"example.com", name_is_freemail, false},
        {"o1.sendgrid.net", name_is_provider, true},
        {"s4.csa1.acemsb3.com", name_is_provider, true},
        {"acem.com", name_is_provider, false},
        {"out1-2.dm.aliyun.com", name_is_bulk_sender, true},
        {"mx1.pphosted.com", name_is_bulk_sender, false},
        {"NAM10-DM6-obe.outbound.protection.outlook.com", name_is_tenant_out, true},
        {"DB8.mail.protection.outlook.com", name_is_tenant_out, false},
        {"smtp-relay.gmail.com", name_is_tenant_in, true},
        {"smtp.gmail.com", name_is_tenant_in, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        assert_int_equal(cases[i].fn(span_str(cases[i].name)), cases[i].want);
    }
}

static void generic_names(void **state)
{
    static const struct {
        const char *name, *ip;
        bool want;
    } cases[] = {
        {"dsl-192-0-2-7.example.net", "192.0.2.7", true},
        {"7.2.0.192.example.net", "192.0.2.7", true},
        {"host7.pool2.example.net", "192.0.2.7", true},
        {"adsl42.example.net", "198.51.100.9", true},
        {"a2-7.smtp-out.example.net", "192.0.2.7", false},
        {"a2-7.smtp.example.net", "192.0.2.7", true},
        {"m2-7.eu.mailgun.net", "192.0.2.7", false},
        {"dialogue.example.net", "198.51.100.9", false},
        {"mail.example.net", "198.51.100.9", false},
        {"mx1.example.net", "192.0.2.1", false},
        {"example.net", "192.0.2.1", false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ip ip;

        print_message("# %s\n", cases[i].name);
        assert_true(ip_parse(span_str(cases[i].ip), &ip));
        assert_int_equal(name_is_generic(span_str(cases[i].name), ip), cases[i].want);
    }
}

/* A name of 255 octets is one, of 256 none. */
static void limits(void **state)
{
    char text[TRACE_NAME_MAX + 2];

    memset(text, 'a', sizeof(text));
    memcpy(text + 200, ".example", 8);
    memcpy(text + 240, ".org.aaaaaaaaaaa", 15);
    assert_true(name_is_host(span_of(text, TRACE_NAME_MAX)));
    assert_false(name_is_host(span_of(text, TRACE_NAME_MAX + 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(organisations), cmocka_unit_test(relations), cmocka_unit_test(kinds),
        cmocka_unit_test(generic_names), cmocka_unit_test(limits),
    };

    return cmocka_run_group_tests_name("trace name", tests, NULL, NULL);
}
