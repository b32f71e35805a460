/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/ehlo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *name;
    const char *text;
    const char *host;
    const char *seen;
    unsigned ext;
    unsigned mechs;
    uint64_t size;
} cases[] = {
    {"postfix",
     "mx.example\nPIPELINING\nSIZE 10240000\nVRFY\nETRN\nSTARTTLS\nENHANCEDSTATUSCODES\n"
     "8BITMIME\nDSN\nSMTPUTF8\nCHUNKING",
     "mx.example", "",
     SMTP_EXT_PIPELINING | SMTP_EXT_SIZE | SMTP_EXT_VRFY | SMTP_EXT_ETRN | SMTP_EXT_STARTTLS |
         SMTP_EXT_ENHANCED | SMTP_EXT_8BITMIME | SMTP_EXT_DSN | SMTP_EXT_SMTPUTF8 |
         SMTP_EXT_CHUNKING,
     0, 10240000},
    {"exim",
     "mx.example Hello t.example [192.0.2.7]\nSIZE 52428800\n8BITMIME\nPIPELINING\n"
     "PIPECONNECT\nHELP",
     "mx.example", "192.0.2.7",
     SMTP_EXT_SIZE | SMTP_EXT_8BITMIME | SMTP_EXT_PIPELINING | SMTP_EXT_PIPECONNECT | SMTP_EXT_HELP,
     0, 52428800},
    {"sendmail",
     "mx.example Hello t.example [IPv6:2001:db8::7], pleased to meet you\nAUTH PLAIN LOGIN",
     "mx.example", "2001:db8::7", SMTP_EXT_AUTH, SMTP_MECH_PLAIN | SMTP_MECH_LOGIN, 0},
    {"opensmtpd", "mx.example Hello t.example [10.0.0.1], pleased to meet you\nHELP", "mx.example",
     "10.0.0.1", SMTP_EXT_HELP, 0, 0},
    {"address without brackets", "mx Hello 192.0.2.9 nice", "mx", "192.0.2.9", 0, 0, 0},
    {"port behind the address", "mx Hello ([192.0.2.9])", "mx", "192.0.2.9", 0, 0, 0},
    {"old AUTH spelling", "mx\nAUTH=LOGIN CRAM-MD5", "mx", "", SMTP_EXT_AUTH, SMTP_MECH_LOGIN, 0},
    {"no host name", "*****", "", "", 0, 0, 0},
    {"unknown words", "mx\nX-FOO bar\nXCLIENT NAME ADDR\nXFORWARD NAME", "mx", "",
     SMTP_EXT_XCLIENT | SMTP_EXT_XFORWARD, 0, 0},
    {"size that is no number", "mx\nSIZE lots", "mx", "", SMTP_EXT_SIZE, 0, 0},
    {"empty", "", "", "", 0, 0, 0},
};

static void ehlo_of_servers(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct smtp_ehlo e;
        char seen[IP_TEXT_MAX];

        smtp_ehlo_parse(span_str(cases[i].text), &e);
        assert_string_equal(e.name, cases[i].host);
        assert_string_equal(ip_text(e.seen_client, seen), cases[i].seen);
        if (e.ext != cases[i].ext)
            fail_msg("%s: extensions %x, expected %x", cases[i].name, e.ext, cases[i].ext);
        assert_int_equal(e.mechs, cases[i].mechs);
        assert_int_equal(e.size, cases[i].size);
    }
}

static void name_at_the_limit(void **state)
{
    char text[400];
    struct smtp_ehlo e;

    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = 'a';
    smtp_ehlo_parse((struct span){text, sizeof(e.name) - 1}, &e);
    assert_int_equal(span_str(e.name).n, sizeof(e.name) - 1);
    smtp_ehlo_parse((struct span){text, sizeof(e.name)}, &e);
    assert_string_equal(e.name, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ehlo_of_servers),
        cmocka_unit_test(name_at_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
