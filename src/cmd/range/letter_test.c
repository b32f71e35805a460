/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/range/letter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/range/ntlm.h"

static const struct address_home home = {
    "mail.x.range.example", "x.range.example", {IP_V4, {127, 25, 0, 9}}};

static struct letter sample(void)
{
    return (struct letter){
        .home = &home,
        .helo = "me.example",
        .client = {IP_V4, {127, 0, 0, 1}},
        .esmtp = true,
        .id = 0xabc,
        .rcpt = SPAN_LIT("u@d.example"),
        .date_wall = 1763722800,
    };
}

static void fills(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {"{host} {domain}", "mail.x.range.example x.range.example"},
        {"from {helo} ([{client}]) with {proto} id {id} for <{rcpt}>",
         "from me.example ([127.0.0.1]) with ESMTP id 00000ABC for <u@d.example>"},
        {"{date}", "Fri, 21 Nov 2025 11:00:00 +0000"},
        {"a\\nb", "a\nb"},
        {"{nosuch} {host", "{nosuch} {host"},
    };
    struct letter l = sample();
    struct buf out = BUF_INIT(1000);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_clear(&out);
        letter_fill(cases[i].text, &l, &out);
        assert_string_equal(buf_str(&out), cases[i].want);
    }
    buf_deinit(&out);
}

/* What a client said cannot add a line to a header or end one. */
static void strangers_words_are_cleaned(void **state)
{
    struct letter l = sample();
    struct buf out = BUF_INIT(5000);
    char longer[1000];

    l.helo = "a\r\nX-Evil: b";
    letter_received("from {helo}\\nby {host}; {date}", &l, &out);
    assert_string_equal(buf_str(&out), "Received: from a??X-Evil:?b\r\n\tby mail.x.range.example; "
                                       "Fri, 21 Nov 2025 11:00:00 +0000\r\n");
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    l.helo = longer;
    buf_clear(&out);
    letter_received("{helo}", &l, &out);
    assert_int_equal(out.n, 10 + 300 + 2);
    buf_clear(&out);
    letter_received(NULL, &l, &out);
    assert_int_equal(out.n, 0);
    buf_deinit(&out);
}

static void replies(void **state)
{
    static const struct {
        const char *row;
        unsigned code;
        const char *enhanced, *text;
    } cases[] = {
        {"550 5.7.1 Unable to relay for {rcpt}", 550, "5.7.1", "Unable to relay for u@d.example"},
        {"551 We do not relay", 551, "", "We do not relay"},
        {"454 4.7.1 no", 454, "4.7.1", "no"},
        {"550 5.7.1", 550, "", "5.7.1"},
        {"550 1.2.x no", 550, "", "1.2.x no"},
    };
    struct letter l = sample();
    struct buf out = BUF_INIT(1000);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char enhanced[12];

        buf_clear(&out);
        assert_int_equal(letter_reply(cases[i].row, &l, &out, enhanced), cases[i].code);
        assert_string_equal(enhanced, cases[i].enhanced);
        assert_string_equal(buf_str(&out), cases[i].text);
    }
    buf_deinit(&out);
}

static void bounce(void **state)
{
    static char product[] = "Example 1";
    const struct model m = {.product = product};
    struct letter l = sample();
    struct buf out = BUF_INIT(5000);

    l.rcpt = SPAN_LIT("a@x.range.example b%c@x.range.example");
    letter_bounce(&m, &l, SPAN_LIT("s@d.example"), SPAN_LIT("Subject: one\r\n\r\nbody\r\n"), &out);
    assert_non_null(strstr(buf_str(&out), "To: <s@d.example>\r\n"));
    assert_non_null(strstr(buf_str(&out), "    <a@x.range.example>\r\n"));
    assert_non_null(strstr(buf_str(&out), "    <b%c@x.range.example>\r\n"));
    assert_non_null(strstr(buf_str(&out), "Subject: one\r\n"));
    assert_null(strstr(buf_str(&out), "body"));
    buf_deinit(&out);
}

/* The messages that the catalogue's row auth-ntlm-null sends, and others. */
static void ntlm(void **state)
{
    static const struct {
        const char *line;
        enum ntlm_message got;
    } cases[] = {
        {"TlRMTVNTUAABAAAAB4IAAAAAAAAAAAAAAAAAAAAAAAA=", NTLM_NEGOTIATE},
        {"TlRMTVNTUAADAAAAAQABAEAAAAAAAAAAQQAAAAAAAABAAAAAAAAAAEAAAAAAAAAAQAAAAAAAAABBAAAABQoAAAA=",
         NTLM_NULL},
        {"TlRMTVNTUAADAAAAAQABAEAAAAAAAAAAQQAAAAAAAABAAAAABAAEAEAAAAAAAAAAQAAAAAAAAABBAAAABQoAAAA=",
         NTLM_USER},
        {"TlRMTVNTUAADAAAAAQABAEAAAAAAAAAA", NTLM_NONE},
        {"TlRMTVNTUAACAAAA", NTLM_NONE},
        {"not base64!", NTLM_NONE},
        {"", NTLM_NONE},
        {"=====", NTLM_NONE},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (ntlm_read(span_str(cases[i].line)) != cases[i].got)
            fail_msg("%s", cases[i].line);
    assert_int_equal(ntlm_read(span_str(ntlm_challenge())), NTLM_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills),   cmocka_unit_test(strangers_words_are_cleaned),
        cmocka_unit_test(replies), cmocka_unit_test(bounce),
        cmocka_unit_test(ntlm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
