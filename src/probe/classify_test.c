/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/classify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Replies as real servers give them, with what a postmaster would read in them. */
static const struct {
    const char *who;
    enum smtp_stage stage;
    const char *reply;
    enum meaning meaning;
} cases[] = {
    {"postfix as shipped", SMTP_STAGE_RCPT, "454 4.7.1 <a@b>: Relay access denied",
     MEANING_RELAY_DENIED},
    {"postfix strict", SMTP_STAGE_RCPT, "554 5.7.1 <a@b>: Relay access denied",
     MEANING_RELAY_DENIED},
    {"exim", SMTP_STAGE_RCPT, "550 relay not permitted", MEANING_RELAY_DENIED},
    {"sendmail", SMTP_STAGE_RCPT, "550 5.7.1 <a@b>... Relaying denied", MEANING_RELAY_DENIED},
    {"sendmail no rdns", SMTP_STAGE_RCPT,
     "550 5.7.1 <a@b>... Relaying denied. IP name lookup failed [192.0.2.1]", MEANING_RELAY_DENIED},
    {"qmail", SMTP_STAGE_RCPT,
     "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", MEANING_RELAY_DENIED},
    {"exchange", SMTP_STAGE_RCPT,
     "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", MEANING_RELAY_DENIED},
    {"opensmtpd", SMTP_STAGE_RCPT, "550 Invalid recipient: <a@b>", MEANING_UNKNOWN_USER},
    {"courier", SMTP_STAGE_RCPT, "513 Relaying denied.", MEANING_RELAY_DENIED},
    {"haraka", SMTP_STAGE_RCPT, "550 I cannot deliver mail for <a@b>", MEANING_REFUSED},
    {"plain 5.7.1", SMTP_STAGE_RCPT, "550 5.7.1 no", MEANING_RELAY_DENIED},
    {"plain 551", SMTP_STAGE_RCPT, "551 no", MEANING_RELAY_DENIED},
    {"postgrey", SMTP_STAGE_RCPT,
     "450 4.2.0 <a@b>: Recipient address rejected: Greylisted, see http://postgrey.example/",
     MEANING_GREYLISTED},
    {"sqlgrey", SMTP_STAGE_RCPT,
     "450 4.7.1 <a@b>: Recipient address rejected: Greylisted for 5 minutes", MEANING_GREYLISTED},
    {"exim greylist", SMTP_STAGE_RCPT, "451 Temporary local problem - please try later",
     MEANING_GREYLISTED},
    {"a full disk", SMTP_STAGE_MAIL, "452 4.3.1 Insufficient system storage", MEANING_TEMPORARY},
    {"postfix sender domain", SMTP_STAGE_RCPT,
     "450 4.1.8 <x@y>: Sender address rejected: Domain not found", MEANING_SENDER},
    {"sendmail sender domain", SMTP_STAGE_MAIL,
     "553 5.1.8 <x@y>... Domain of sender address x@y does not exist", MEANING_SENDER},
    {"postfix dnsbl", SMTP_STAGE_RCPT,
     "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using relays.example; open "
     "relay",
     MEANING_BLOCKED},
    {"postfix client", SMTP_STAGE_RCPT,
     "554 5.7.1 <t[192.0.2.1]>: Client host rejected: Access denied", MEANING_BLOCKED},
    {"helo", SMTP_STAGE_RCPT, "504 5.5.2 <x>: Helo command rejected: need fully-qualified hostname",
     MEANING_BLOCKED},
    {"banner of refusal", SMTP_STAGE_BANNER, "554 mx.example ESMTP not for you", MEANING_BLOCKED},
    {"exim literal", SMTP_STAGE_MAIL, "501 <x@[192.0.2.1]>: domain literals not allowed",
     MEANING_SYNTAX},
    {"exim characters", SMTP_STAGE_RCPT, "550 Restricted characters in address", MEANING_SYNTAX},
    {"postfix syntax", SMTP_STAGE_RCPT, "501 5.1.3 Bad recipient address syntax", MEANING_SYNTAX},
    {"unknown user", SMTP_STAGE_RCPT,
     "550 5.1.1 <a@b>: Recipient address rejected: User unknown in local recipient table",
     MEANING_UNKNOWN_USER},
    {"exim user", SMTP_STAGE_RCPT, "550 Unrouteable address", MEANING_UNKNOWN_USER},
    {"submission", SMTP_STAGE_MAIL, "530 5.7.0 Authentication required", MEANING_AUTH},
    {"submission, not 530", SMTP_STAGE_RCPT, "550 5.7.1 Client must authenticate", MEANING_AUTH},
    {"starttls", SMTP_STAGE_MAIL, "530 5.7.0 Must issue a STARTTLS command first", MEANING_TLS},
    {"postfix cut", SMTP_STAGE_RCPT, "421 4.7.0 mx.example Error: too many errors",
     MEANING_TOO_MANY},
    {"exim cut", SMTP_STAGE_RSET, "554 Too many nonmail commands", MEANING_TOO_MANY},
    {"stalwart cut", SMTP_STAGE_RCPT, "451 4.3.0 Too many errors, disconnecting", MEANING_TOO_MANY},
    {"shutdown", SMTP_STAGE_RCPT, "421 4.3.2 System shutting down", MEANING_SHUTDOWN},
    {"rate", SMTP_STAGE_BANNER, "421 4.7.0 too many connections from your host", MEANING_BLOCKED},
    {"recipients", SMTP_STAGE_RCPT, "452 4.5.3 Error: too many recipients", MEANING_RCPT_LIMIT},
    {"no MAIL yet", SMTP_STAGE_RCPT, "503 5.5.1 Error: need MAIL command", MEANING_SEQUENCE},
    {"no such command", SMTP_STAGE_XCLIENT, "502 5.5.2 Error: command not recognized",
     MEANING_UNSUPPORTED},
    {"taken", SMTP_STAGE_RCPT, "250 2.1.5 Ok", MEANING_OK},
    {"data", SMTP_STAGE_DATA, "354 End data with <CR><LF>.<CR><LF>", MEANING_OK},
};

static struct smtp_reply parse(struct smtp_reply_parser *p, const char *line)
{
    struct smtp_reply r;
    struct span in = span_str(line), end = SPAN_LIT("\r\n");

    smtp_reply_parser_init(p);
    assert_int_equal(smtp_reply_feed(p, &in, &r), SMTP_REPLY_MORE);
    assert_int_equal(smtp_reply_feed(p, &end, &r), SMTP_REPLY_DONE);
    return r;
}

static void replies_of_servers(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct smtp_reply_parser p;
        struct smtp_reply r = parse(&p, cases[i].reply);
        enum meaning m = meaning_of(cases[i].stage, &r);

        if (m != cases[i].meaning)
            fail_msg("%s: \"%s\" read as %s, not %s", cases[i].who, cases[i].reply, meaning_name(m),
                     meaning_name(cases[i].meaning));
        smtp_reply_parser_deinit(&p);
    }
}

static void no_meaning_is_two_things(void **state)
{
    for (enum meaning m = MEANING_NONE; m <= MEANING_REFUSED; m++) {
        assert_true(meaning_is_refusal(m) + meaning_is_deferral(m) + meaning_ends_session(m) <= 1);
        assert_true(meaning_name(m)[0] != '\0' && meaning_text(m)[0] != '\0');
    }
}

static void hints(void **state)
{
    static const struct {
        const char *text;
        unsigned seconds;
    } table[] = {
        {"Greylisted for 5 minutes", 300},
        {"try again in 300 seconds", 300},
        {"Greylisting in action, please come back in 00:04:30", 270},
        {"come back in 1 hour", 3600},
        {"try again in 60s", 0},
        {"no number minutes", 0},
        {"in 99999999999 seconds", 0},
        {"in 86400 seconds", 86400},
        {"in 86401 seconds", 0},
        {"at 12:30", 0},
        {"", 0},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        assert_int_equal(meaning_retry_hint(span_str(table[i].text)), table[i].seconds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_of_servers),
        cmocka_unit_test(no_meaning_is_two_things),
        cmocka_unit_test(hints),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
