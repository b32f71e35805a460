/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void names(void **state)
{
    char type[DNS_TYPE_TEXT_MAX], rcode[DNS_RCODE_TEXT_MAX];

    assert_string_equal(dns_wire_type_name(DNS_TYPE_TXT, type), "TXT");
    assert_string_equal(dns_wire_type_name(DNS_TYPE_IXFR, type), "IXFR");
    assert_string_equal(dns_wire_type_name(0, type), "TYPE0");
    assert_string_equal(dns_wire_type_name(65535, type), "TYPE65535");
    assert_string_equal(dns_wire_rcode_name(DNS_NXDOMAIN, rcode), "NXDOMAIN");
    assert_string_equal(dns_wire_rcode_name(DNS_BADCOOKIE, rcode), "BADCOOKIE");
    assert_string_equal(dns_wire_rcode_name(6, rcode), "RCODE6");
    assert_string_equal(dns_wire_rcode_name(4095, rcode), "RCODE4095");
}

static void numbers(void **state)
{
    uint8_t p[4];

    dns_wire_put32(p, 0x01fe80ff);
    assert_int_equal(dns_wire_get32(p), 0x01fe80ff);
    assert_int_equal(dns_wire_get16(p), 0x01fe);
    dns_wire_put16(p, 0xfffe);
    assert_int_equal(dns_wire_get16(p), 0xfffe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
