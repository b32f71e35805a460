/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/range/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"

static const struct address_home home = {
    "mail.x.range.example", "x.range.example", {IP_V4, {127, 25, 0, 9}}};

#define C(n) MODEL_CLASS(n)

static void recipients(void **state)
{
    static const struct {
        const char *path;
        int kind;
        uint32_t classes;
        const char *out;
    } cases[] = {
        {"<u@d.example>", ADDRESS_FOREIGN, C(1), "u@d.example"},
        {"u@d.example", ADDRESS_FOREIGN, C(1) | C(13), "u@d.example"},
        {"<u@d.example.>", ADDRESS_FOREIGN, C(1), "u@d.example"},
        {"<info@x.range.example>", ADDRESS_LOCAL, 0, "info"},
        {"<info@MAIL.x.range.example.>", ADDRESS_LOCAL, 0, "info"},
        {"<info@range.example>", ADDRESS_LOCAL, 0, "info"},
        {"<info@[127.25.0.9]>", ADDRESS_LOCAL, 0, "info"},
        {"<info@[127.25.0.8]>", ADDRESS_FOREIGN, C(1), "info@[127.25.0.8]"},
        {"<postmaster>", ADDRESS_LOCAL, 0, "postmaster"},
        {"<u%d.example@mail.x.range.example>", ADDRESS_FOREIGN, C(8), "u@d.example"},
        {"<u%d.example@[127.25.0.9]>", ADDRESS_FOREIGN, C(8), "u@d.example"},
        {"<u%d.example>", ADDRESS_FOREIGN, C(8), "u@d.example"},
        {"<u%d.example@>", ADDRESS_FOREIGN, C(8), "u@d.example"},
        {"<u%d.example%x.range.example@x.range.example>", ADDRESS_FOREIGN, C(8), "u@d.example"},
        {"<u%d.example@other.example>", ADDRESS_FOREIGN, C(1), "u%d.example@other.example"},
        {"<\"u@d.example\">", ADDRESS_FOREIGN, C(6), "u@d.example"},
        {"<\"u%d.example\">", ADDRESS_FOREIGN, C(6) | C(8), "u@d.example"},
        {"<\"u@d.example\"@x.range.example>", ADDRESS_FOREIGN, C(7), "u@d.example"},
        {"<\"u\\@d.example\"@x.range.example>", ADDRESS_FOREIGN, C(7), "u@d.example"},
        {"<\"info\"@x.range.example>", ADDRESS_BAD, 0, NULL},
        {"<u@d.example@x.range.example>", ADDRESS_FOREIGN, C(9), "u@d.example"},
        {"<u@d.example@>", ADDRESS_FOREIGN, C(9), "u@d.example"},
        {"<d.example!u>", ADDRESS_FOREIGN, C(10), "u@d.example"},
        {"<d.example!u@x.range.example>", ADDRESS_FOREIGN, C(10), "u@d.example"},
        {"<mail.x.range.example!d.example!u>", ADDRESS_FOREIGN, C(10), "u@d.example"},
        {"<x.range.example!d.example!u@mail.x.range.example>", ADDRESS_FOREIGN, C(10),
         "u@d.example"},
        {"<x.range.example!info>", ADDRESS_LOCAL, 0, "info"},
        {"<@x.range.example:u@d.example>", ADDRESS_FOREIGN, C(11), "u@d.example"},
        {"<@d.example,@x.range.example:u@d.example>", ADDRESS_FOREIGN, C(11), "u@d.example"},
        {"<@other.example:u@d.example>", ADDRESS_FOREIGN, C(1), "u@d.example"},
        {"<@[127.25.0.9]:u@d.example>", ADDRESS_FOREIGN, C(11), "u@d.example"},
        {"<@x.range.example:info@x.range.example>", ADDRESS_LOCAL, 0, "info"},
        {"<x.range.example:u@d.example>", ADDRESS_FOREIGN, C(12), "u@d.example"},
        {"<IMCEASMTP-u+40d+2Eexample@x.range.example>", ADDRESS_FOREIGN, C(15), "u@d.example"},
        {"<IMCEASMTP-u+40d+2Eexample@d.example>", ADDRESS_FOREIGN, C(1),
         "IMCEASMTP-u+40d+2Eexample@d.example"},
        {"<IMCEASMTP-u+40d+00.example@x.range.example>", ADDRESS_BAD, 0, NULL},
        {"<IMCEASMTP-u+40d+0D+0Aexample@x.range.example>", ADDRESS_BAD, 0, NULL},
        {"<>", ADDRESS_BAD, 0, NULL},
        {"<@d.example>", ADDRESS_BAD, 0, NULL},
        {"<u@d.example(x.range.example)>", ADDRESS_BAD, 0, NULL},
        {"<u v@d.example>", ADDRESS_BAD, 0, NULL},
        {"<u\xe9@d.example>", ADDRESS_BAD, 0, NULL},
        {"<\"u>\\x@d.example\">", ADDRESS_BAD, 0, NULL},
        {"<u\\@d.example@x.range.example>", ADDRESS_BAD, 0, NULL},
        {"<@x.range.example:>", ADDRESS_BAD, 0, NULL},
        {"", ADDRESS_BAD, 0, NULL},
        {"<", ADDRESS_BAD, 0, NULL},
    };
    struct buf out = BUF_INIT(ADDRESS_MAX);
    struct guard g = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t classes;
        int kind = address_rcpt(&home, guard_str(&g, cases[i].path), &out, &classes);

        if (kind != cases[i].kind || classes != cases[i].classes ||
            (cases[i].out && strcmp(buf_str(&out), cases[i].out) != 0))
            fail_msg("%s: kind %d, classes %x, %s", cases[i].path, kind, classes, buf_str(&out));
    }
    guard_free(&g);
    buf_deinit(&out);
}

static void senders(void **state)
{
    static const struct {
        const char *path;
        uint32_t classes;
    } cases[] = {
        {"<>", C(2)},
        {"<s@x.range.example>", C(3)},
        {"<s@mail.x.range.example>", C(3)},
        {"<s@localhost>", C(3)},
        {"<s>", C(4)},
        {"<d.example!s>", C(4)},
        {"<s@[127.25.0.9]>", C(5)},
        {"<s@[127.0.0.1]>", C(5)},
        {"<s@192.0.2.1>", C(5)},
        {"<s@d.example>", 0},
        {"s@d.example", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (address_sender(&home, span_str(cases[i].path)) != cases[i].classes)
            fail_msg("%s", cases[i].path);
}

/* The longest address that fits, and one over it. */
static void bounded(void **state)
{
    struct buf path = BUF_INIT(3000), out = BUF_INIT(ADDRESS_MAX);
    uint32_t classes;

    for (size_t i = 0; i < ADDRESS_MAX - 2; i++)
        buf_add_char(&path, 'u');
    buf_add_str(&path, "@d");
    assert_int_equal(address_rcpt(&home, buf_span(&path), &out, &classes), ADDRESS_FOREIGN);
    buf_add_str(&path, "d");
    assert_int_equal(address_rcpt(&home, buf_span(&path), &out, &classes), ADDRESS_BAD);
    buf_deinit(&path);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recipients),
        cmocka_unit_test(senders),
        cmocka_unit_test(bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
