/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/notify.h"

#include "hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct dns_name zone;
static struct dns_soa soa;

static int setup(void **state)
{
    bool ok = dns_name_parse(SPAN_LIT("bl.example"), &zone) &&
              dns_name_parse(SPAN_LIT("ns.example"), &soa.mname) &&
              dns_name_parse(SPAN_LIT("root.ns.example"), &soa.rname);

    soa.serial = 7;
    return ok ? 0 : -1;
}

static void message(void **state)
{
    static const char want[] = "abcd 2400 0001 0001 0000 0000 02626c 076578616d706c65 00 0006 0001"
                               "c00c 0006 0001 00000000 0023 026e73 c00f 04726f6f74 026e73 c00f"
                               "00000007 00000000 00000000 00000000 00000000";
    uint8_t out[512], octets[512];
    char got[1025], text[1025];
    struct dns_notify x;
    size_t n;

    dns_notify_start(&x, 0xabcd, 1000);
    assert_int_equal(dns_notify_step(&x, &zone, &soa, out, sizeof(out), 999), 0);
    n = dns_notify_step(&x, &zone, &soa, out, sizeof(out), 1000);
    assert_string_equal(hex_write(out, n, got),
                        hex_write(octets, hex_read(want, octets, sizeof(octets)), text));
}

static void tries(void **state)
{
    uint8_t out[512];
    struct dns_notify x;
    int64_t now = 5;

    dns_notify_start(&x, 1, now);
    for (unsigned i = 0; i < DNS_NOTIFY_TRIES; i++) {
        assert_int_equal(x.state, DNS_NOTIFY_DUE);
        assert_int_not_equal(dns_notify_step(&x, &zone, &soa, out, sizeof(out), now), 0);
        assert_int_equal(x.next - now, 2000 << i);
        now = x.next;
        assert_int_equal(dns_notify_step(&x, &zone, &soa, out, sizeof(out), now - 1), 0);
    }
    assert_int_equal(dns_notify_step(&x, &zone, &soa, out, sizeof(out), now), 0);
    assert_int_equal(x.state, DNS_NOTIFY_GAVE_UP);
}

static void answers(void **state)
{
#define Q "02424c 076578616d706c65 00 0006 0001"
    static const struct {
        const char *what, *packet;
        bool want;
        uint8_t rcode;
    } cases[] = {
        {"yes", "abcd a400 0001 0000 0000 0000" Q, true, 0},
        {"no", "abcd a405 0001 0000 0000 0000" Q, true, 5},
        {"without the question", "abcd a404 0000 0000 0000 0000", true, 4},
        {"another id", "abce a400 0001 0000 0000 0000" Q, false, 0},
        {"no answer", "abcd 2400 0001 0000 0000 0000" Q, false, 0},
        {"another opcode", "abcd 8400 0001 0000 0000 0000" Q, false, 0},
        {"another zone", "abcd a400 0001 0000 0000 0000 02626d 076578616d706c65 00 0006 0001",
         false, 0},
        {"cut", "abcd a400 0001 0000 0000 00", false, 0},
        {"question cut", "abcd a400 0001 0000 0000 0000 0262", false, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t packet[512], out[512];
        size_t n = hex_read(cases[i].packet, packet, sizeof(packet));
        struct dns_notify x;

        print_message("# %s\n", cases[i].what);
        dns_notify_start(&x, 0xabcd, 0);
        assert_false(dns_notify_answer(&x, &zone, packet, n)); /* nothing sent yet */
        dns_notify_step(&x, &zone, &soa, out, sizeof(out), 0);
        assert_int_equal(dns_notify_answer(&x, &zone, packet, n), cases[i].want);
        assert_int_equal(x.state, cases[i].want ? DNS_NOTIFY_DONE : DNS_NOTIFY_DUE);
        if (cases[i].want) {
            assert_int_equal(x.rcode, cases[i].rcode);
            assert_false(dns_notify_answer(&x, &zone, packet, n));
            assert_int_equal(dns_notify_step(&x, &zone, &soa, out, sizeof(out), 99999), 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message),
        cmocka_unit_test(tries),
        cmocka_unit_test(answers),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
