/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/netif.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void describe(const struct netif_facts *f, struct buf *out)
{
    static const char *const kinds[] = {"address", "bridge", "gateway"};
    char text[IP_TEXT_MAX];

    for (size_t i = 0; i < f->count; i++)
        buf_addf(out, "%s %s %s;", kinds[f->v[i].kind], ip_text(f->v[i].ip, text),
                 f->v[i].interface);
}

#define HEAD "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
#define ALL0 "00000000000000000000000000000000"

static void test_tables(void **state)
{
    static const struct {
        const char *name;
        int (*read)(struct netif_facts *f, struct span text);
        const char *text;
        int got;
        const char *want;
    } cases[] = {
        {"no route", netif_read_route4, HEAD, 0, ""},
        {"a gateway", netif_read_route4,
         HEAD "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
              "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n",
         0, "gateway 192.0.2.1 eth0;"},
        {"two, one twice", netif_read_route4,
         HEAD "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
              "eth0\t0064A8C0\t010200C0\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
              "tun0\t00000000\t076433C6\t0007\t0\t0\t9\t00000000\t0\t0\t0\n",
         0, "gateway 192.0.2.1 eth0;gateway 198.51.100.7 tun0;"},
        {"a short line", netif_read_route4, HEAD "eth0\t00000000\n", -EINVAL, ""},
        {"no hex", netif_read_route4, HEAD "eth0\t00000000\t010200Cx\t0003\n", -EINVAL, ""},
        {"nine digits", netif_read_route4, HEAD "eth0\t00000000\t010200C00\t0003\n", -EINVAL, ""},
        {"no route of IPv6", netif_read_route6, "", 0, ""},
        {"gateways of IPv6", netif_read_route6,
         ALL0 " 00 " ALL0 " 00 fd000000000000000000000000000001 00000400 00000003 00000000 "
              "00000003     eth0\n"
              "fd000000000000000000000000000000 40 " ALL0 " 00 " ALL0
              " 00000100 00000001 00000000 00000001     eth0\n",
         0, "gateway fd00::1 eth0;"},
        {"a short line of IPv6", netif_read_route6, ALL0 " 00\n", -EINVAL, ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct netif_facts f = {0};
        struct buf said = BUF_INIT(1000);
        int got = cases[i].read(&f, span_str(cases[i].text));

        describe(&f, &said);
        if (got != cases[i].got || strcmp(buf_str(&said), cases[i].want) != 0)
            fail_msg("%s: %d, %s", cases[i].name, got, buf_str(&said));
        netif_facts_deinit(&f);
        netif_facts_deinit(&f);
        buf_deinit(&said);
    }
}

/* Each network namespace has a loopback interface, perhaps without an address. */
static void test_this_host(void **state)
{
    struct netif_facts f;

    assert_int_equal(netif_facts(&f), 0);
    for (size_t i = 0; i < f.count; i++) {
        assert_int_not_equal(f.v[i].ip.family, IP_NONE);
        assert_true(f.v[i].interface[0]);
        assert_in_range(f.v[i].len, 1, f.v[i].ip.family == IP_V4 ? 32 : 128);
        if (ip_space(f.v[i].ip) == IP_LOOPBACK && f.v[i].ip.family == IP_V4)
            assert_true(f.v[i].len == 8 || f.v[i].len == 32);
    }
    netif_facts_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_this_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
