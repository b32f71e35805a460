/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/command.h"
#include "smtp/ehlo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"

enum {
    ALL = SMTP_EXT_SIZE | SMTP_EXT_8BITMIME | SMTP_EXT_SMTPUTF8 | SMTP_EXT_DSN | SMTP_EXT_AUTH |
          SMTP_EXT_CHUNKING | SMTP_EXT_STARTTLS,
};

struct command_case {
    const char *name;
    const char *in;
    unsigned ext;
    enum smtp_command_got got;
    enum smtp_verb verb;
    unsigned code; /* of the reply to the fault */
};

static const struct command_case cases[] = {
    {"mail", "MAIL FROM:<a@b>", 0, SMTP_COMMAND_OK, SMTP_VERB_MAIL, 250},
    {"any case", "mAiL fRoM:<a@b>", 0, SMTP_COMMAND_OK, SMTP_VERB_MAIL, 250},
    {"null sender", "MAIL FROM:<>", 0, SMTP_COMMAND_OK, SMTP_VERB_MAIL, 250},
    {"trailing blank", "MAIL FROM:<a@b> ", 0, SMTP_COMMAND_OK, SMTP_VERB_MAIL, 250},
    {"blank before the path", "MAIL FROM: <a@b>", 0, SMTP_COMMAND_SYNTAX, SMTP_VERB_MAIL, 501},
    {"blank before the colon", "MAIL FROM :<a@b>", 0, SMTP_COMMAND_SYNTAX, SMTP_VERB_MAIL, 501},
    {"no path", "MAIL FROM:", 0, SMTP_COMMAND_SYNTAX, SMTP_VERB_MAIL, 501},
    {"to for from", "MAIL TO:<a@b>", 0, SMTP_COMMAND_SYNTAX, SMTP_VERB_MAIL, 501},
    {"no brackets", "MAIL FROM:a@b", 0, SMTP_COMMAND_BAD_SENDER, SMTP_VERB_MAIL, 501},
    {"sender without domain", "MAIL FROM:<a>", 0, SMTP_COMMAND_BAD_SENDER, SMTP_VERB_MAIL, 501},
    {"sender postmaster", "MAIL FROM:<postmaster>", 0, SMTP_COMMAND_BAD_SENDER, SMTP_VERB_MAIL,
     501},
    {"comment", "MAIL FROM:<a@b>(c)", 0, SMTP_COMMAND_BAD_SENDER, SMTP_VERB_MAIL, 501},
    {"rcpt", "RCPT TO:<a@b>", 0, SMTP_COMMAND_OK, SMTP_VERB_RCPT, 250},
    {"postmaster", "RCPT TO:<Postmaster>", 0, SMTP_COMMAND_OK, SMTP_VERB_RCPT, 250},
    {"null recipient", "RCPT TO:<>", 0, SMTP_COMMAND_BAD_RECIPIENT, SMTP_VERB_RCPT, 501},
    {"two ats", "RCPT TO:<a@b@c>", 0, SMTP_COMMAND_BAD_RECIPIENT, SMTP_VERB_RCPT, 501},
    {"no argument", "RCPT", 0, SMTP_COMMAND_NEEDS_ARG, SMTP_VERB_RCPT, 501},
    {"blank argument", "RCPT \t ", 0, SMTP_COMMAND_NEEDS_ARG, SMTP_VERB_RCPT, 501},
    {"size", "MAIL FROM:<a@b> SIZE=12", ALL, SMTP_COMMAND_OK, SMTP_VERB_MAIL, 250},
    {"size not offered", "MAIL FROM:<a@b> SIZE=12", 0, SMTP_COMMAND_PARAM_UNKNOWN, SMTP_VERB_MAIL,
     555},
    {"size empty", "MAIL FROM:<a@b> SIZE=", ALL, SMTP_COMMAND_PARAM_VALUE, SMTP_VERB_MAIL, 501},
    {"size without value", "MAIL FROM:<a@b> SIZE", ALL, SMTP_COMMAND_PARAM_VALUE, SMTP_VERB_MAIL,
     501},
    {"size negative", "MAIL FROM:<a@b> SIZE=-1", ALL, SMTP_COMMAND_PARAM_VALUE, SMTP_VERB_MAIL,
     501},
    {"size largest", "MAIL FROM:<a@b> SIZE=18446744073709551615", ALL, SMTP_COMMAND_OK,
     SMTP_VERB_MAIL, 250},
    {"size one past", "MAIL FROM:<a@b> SIZE=18446744073709551616", ALL, SMTP_COMMAND_PARAM_VALUE,
     SMTP_VERB_MAIL, 501},
    {"size twice", "MAIL FROM:<a@b> SIZE=1 size=1", ALL, SMTP_COMMAND_PARAM_TWICE, SMTP_VERB_MAIL,
     501},
    {"size on rcpt", "RCPT TO:<a@b> SIZE=1", ALL, SMTP_COMMAND_PARAM_UNKNOWN, SMTP_VERB_RCPT, 555},
    {"body", "MAIL FROM:<a@b> BODY=8BitMime", ALL, SMTP_COMMAND_OK, SMTP_VERB_MAIL, 250},
    {"binary not offered", "MAIL FROM:<a@b> BODY=BINARYMIME", ALL, SMTP_COMMAND_PARAM_VALUE,
     SMTP_VERB_MAIL, 501},
    {"binary", "MAIL FROM:<a@b> BODY=BINARYMIME", ALL | SMTP_EXT_BINARYMIME, SMTP_COMMAND_OK,
     SMTP_VERB_MAIL, 250},
    {"body of another kind", "MAIL FROM:<a@b> BODY=9BIT", ALL, SMTP_COMMAND_PARAM_VALUE,
     SMTP_VERB_MAIL, 501},
    {"smtputf8", "MAIL FROM:<\xc3\xb6@b> SMTPUTF8", ALL, SMTP_COMMAND_OK, SMTP_VERB_MAIL, 250},
    {"smtputf8 with value", "MAIL FROM:<a@b> SMTPUTF8=1", ALL, SMTP_COMMAND_PARAM_VALUE,
     SMTP_VERB_MAIL, 501},
    {"utf-8 not announced", "MAIL FROM:<\xc3\xb6@b>", ALL, SMTP_COMMAND_NEEDS_UTF8, SMTP_VERB_MAIL,
     553},
    {"utf-8 not offered", "MAIL FROM:<\xc3\xb6@b>", 0, SMTP_COMMAND_BYTES, SMTP_VERB_MAIL, 500},
    {"ret", "MAIL FROM:<a@b> RET=HDRS ENVID=a+2Bb", ALL, SMTP_COMMAND_OK, SMTP_VERB_MAIL, 250},
    {"ret wrong", "MAIL FROM:<a@b> RET=ALL", ALL, SMTP_COMMAND_PARAM_VALUE, SMTP_VERB_MAIL, 501},
    {"envid, bad xtext", "MAIL FROM:<a@b> ENVID=a+2b", ALL, SMTP_COMMAND_PARAM_VALUE,
     SMTP_VERB_MAIL, 501},
    {"envid, cut xtext", "MAIL FROM:<a@b> ENVID=a+2", ALL, SMTP_COMMAND_PARAM_VALUE, SMTP_VERB_MAIL,
     501},
    {"notify", "RCPT TO:<a@b> NOTIFY=SUCCESS,DELAY", ALL, SMTP_COMMAND_OK, SMTP_VERB_RCPT, 250},
    {"notify never and", "RCPT TO:<a@b> NOTIFY=NEVER,DELAY", ALL, SMTP_COMMAND_PARAM_VALUE,
     SMTP_VERB_RCPT, 501},
    {"notify, empty piece", "RCPT TO:<a@b> NOTIFY=DELAY,", ALL, SMTP_COMMAND_PARAM_VALUE,
     SMTP_VERB_RCPT, 501},
    {"orcpt", "RCPT TO:<a@b> ORCPT=rfc822;a@b", ALL, SMTP_COMMAND_OK, SMTP_VERB_RCPT, 250},
    {"orcpt without type", "RCPT TO:<a@b> ORCPT=;a@b", ALL, SMTP_COMMAND_PARAM_VALUE,
     SMTP_VERB_RCPT, 501},
    {"auth", "MAIL FROM:<a@b> AUTH=<>", ALL, SMTP_COMMAND_OK, SMTP_VERB_MAIL, 250},
    {"unknown word", "MAIL FROM:<a@b> FOO", ALL, SMTP_COMMAND_PARAM_UNKNOWN, SMTP_VERB_MAIL, 555},
    {"data", "DATA", 0, SMTP_COMMAND_OK, SMTP_VERB_DATA, 250},
    {"data with argument", "DATA now", 0, SMTP_COMMAND_NO_ARG, SMTP_VERB_DATA, 501},
    {"bdat", "BDAT 10 last", ALL, SMTP_COMMAND_OK, SMTP_VERB_BDAT, 250},
    {"bdat not offered", "BDAT 10", 0, SMTP_COMMAND_NOT_OFFERED, SMTP_VERB_BDAT, 502},
    {"bdat of letters", "BDAT ten", ALL, SMTP_COMMAND_SYNTAX, SMTP_VERB_BDAT, 501},
    {"bdat, another word", "BDAT 10 FIRST", ALL, SMTP_COMMAND_SYNTAX, SMTP_VERB_BDAT, 501},
    {"bdat, more", "BDAT 10 LAST X", ALL, SMTP_COMMAND_SYNTAX, SMTP_VERB_BDAT, 501},
    {"starttls", "STARTTLS", ALL, SMTP_COMMAND_OK, SMTP_VERB_STARTTLS, 250},
    {"starttls not offered", "STARTTLS", 0, SMTP_COMMAND_NOT_OFFERED, SMTP_VERB_STARTTLS, 502},
    {"turn", "TURN", ALL, SMTP_COMMAND_NOT_OFFERED, SMTP_VERB_TURN, 502},
    {"noop with argument", "NOOP x y", 0, SMTP_COMMAND_OK, SMTP_VERB_NOOP, 250},
    {"browser", "GET / HTTP/1.1", 0, SMTP_COMMAND_OK, SMTP_VERB_FOREIGN, 250},
    {"unknown", "HELLO x", 0, SMTP_COMMAND_UNKNOWN, SMTP_VERB_UNKNOWN, 500},
    {"prefix of a verb", "DAT", 0, SMTP_COMMAND_UNKNOWN, SMTP_VERB_UNKNOWN, 500},
    {"more than a verb", "DATAX", 0, SMTP_COMMAND_UNKNOWN, SMTP_VERB_UNKNOWN, 500},
    {"nothing", "", 0, SMTP_COMMAND_UNKNOWN, SMTP_VERB_UNKNOWN, 500},
    {"blank", " ", 0, SMTP_COMMAND_UNKNOWN, SMTP_VERB_UNKNOWN, 500},
    {"control", "NOOP \x01", 0, SMTP_COMMAND_BYTES, SMTP_VERB_NOOP, 500},
    {"bare CR", "NOOP \rQUIT", 0, SMTP_COMMAND_BYTES, SMTP_VERB_NOOP, 500},
    {"delete", "NOOP \x7f", 0, SMTP_COMMAND_BYTES, SMTP_VERB_NOOP, 500},
};

static void command_lines(void **state)
{
    struct guard g = {0};
    struct smtp_command cmd;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct command_case *c = &cases[i];
        struct smtp_command_rules rules = {.ext = c->ext};
        enum smtp_command_got got = smtp_command_parse(guard_str(&g, c->in), &rules, &cmd);
        struct smtp_fault fault = smtp_command_fault(got, &cmd);

        if (got != c->got || cmd.verb != c->verb)
            fail_msg("%s: %s, %s", c->name, smtp_command_got_name(got), smtp_verb_name(cmd.verb));
        if (fault.code != c->code || !fault.text ||
            fault.enhanced[0] != (char)('0' + fault.code / 100))
            fail_msg("%s: %u %s", c->name, fault.code, fault.enhanced);
    }
    guard_free(&g);
}

static void command_values(void **state)
{
    struct smtp_command_rules rules = {.ext = ALL};
    struct smtp_command cmd;

    assert_int_equal(smtp_command_parse(SPAN_LIT("MAIL FROM:<a b@c> X"), &rules, &cmd),
                     SMTP_COMMAND_BAD_SENDER);
    assert_int_equal(
        smtp_command_parse(SPAN_LIT("MAIL FROM:<\"a > b\"@c> SIZE=7 BODY=8BITMIME RET=FULL "
                                    "ENVID=e+20 AUTH=a+3Db"),
                           &rules, &cmd),
        SMTP_COMMAND_OK);
    assert_string_equal(cmd.path.local, "a > b");
    assert_int_equal(cmd.params.size, 7);
    assert_int_equal(cmd.params.body, SMTP_BODY_8BITMIME);
    assert_true(cmd.params.ret_full);
    assert_true(span_eq(cmd.params.envid, SPAN_LIT("e+20")));
    assert_true(span_eq(cmd.params.auth, SPAN_LIT("a+3Db")));
    assert_int_equal(smtp_command_parse(SPAN_LIT("RCPT TO:<a@b> NOTIFY=failure,success "
                                                 "ORCPT=utf-8;\xc3\xb6@b"),
                                        &rules, &cmd),
                     SMTP_COMMAND_OK);
    assert_int_equal(cmd.params.notify, SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_SUCCESS);
    assert_int_equal(smtp_command_parse(SPAN_LIT("BDAT 86 LAST"), &rules, &cmd), SMTP_COMMAND_OK);
    assert_int_equal(cmd.chunk, 86);
    assert_true(cmd.last);
}

/* A refused BDAT still tells how many octets are to be passed over. */
static void command_chunk_of_a_refusal(void **state)
{
    struct smtp_command_rules rules = {0};
    struct smtp_command cmd;

    assert_int_equal(smtp_command_parse(SPAN_LIT("BDAT 99"), &rules, &cmd),
                     SMTP_COMMAND_NOT_OFFERED);
    assert_int_equal(cmd.chunk, 99);
}

static void command_utf8_of_the_transaction(void **state)
{
    struct smtp_command_rules rules = {.ext = ALL};
    struct smtp_command cmd;
    struct span line = SPAN_LIT("RCPT TO:<\xc3\xb6@b>");

    assert_int_equal(smtp_command_parse(line, &rules, &cmd), SMTP_COMMAND_NEEDS_UTF8);
    rules.utf8 = true;
    assert_int_equal(smtp_command_parse(line, &rules, &cmd), SMTP_COMMAND_OK);
}

struct any_case {
    const char *in;
    enum smtp_command_got got;
    const char *path;
    enum smtp_path_got path_got;
};

/* What a sink takes: everything that has a path in it, and still what is wrong with it. */
static const struct any_case anys[] = {
    {"RCPT TO: <a@b>", SMTP_COMMAND_OK, "<a@b>", SMTP_PATH_OK},
    {"RCPT TO:a@b", SMTP_COMMAND_OK, "a@b", SMTP_PATH_SYNTAX},
    {"RCPT TO:<a@b@c>", SMTP_COMMAND_OK, "<a@b@c>", SMTP_PATH_SYNTAX},
    {"RCPT TO:<a@b(c)>", SMTP_COMMAND_OK, "<a@b(c)>", SMTP_PATH_SYNTAX},
    {"RCPT TO:<a@b>(c)", SMTP_COMMAND_OK, "<a@b>(c)", SMTP_PATH_SYNTAX},
    {"RCPT TO:<a b@c>", SMTP_COMMAND_OK, "<a b@c>", SMTP_PATH_SYNTAX},
    {"RCPT TO:<>", SMTP_COMMAND_OK, "<>", SMTP_PATH_NULL},
    {"RCPT TO:<\xf6@b>", SMTP_COMMAND_OK, "<\xf6@b>", SMTP_PATH_UTF8},
    {"RCPT TO:", SMTP_COMMAND_SYNTAX, "", SMTP_PATH_OK},
    {"RCPT TO:<a@b> FOO", SMTP_COMMAND_PARAM_UNKNOWN, "<a@b>", SMTP_PATH_OK},
};

static void command_any_path(void **state)
{
    struct smtp_command_rules rules = {.any_path = true};
    struct smtp_command cmd;

    for (size_t i = 0; i < sizeof(anys) / sizeof(anys[0]); i++) {
        enum smtp_command_got got = smtp_command_parse(span_str(anys[i].in), &rules, &cmd);

        if (got != anys[i].got || !span_eq(cmd.path_text, span_str(anys[i].path)) ||
            cmd.path_got != anys[i].path_got)
            fail_msg("%s: %s, %.*s, %s", anys[i].in, smtp_command_got_name(got),
                     SPAN_ARG(cmd.path_text), smtp_path_got_name(cmd.path_got));
    }
}

static void verbs_found_by_name(void **state)
{
    for (enum smtp_verb v = SMTP_VERB_AUTH; v < SMTP_VERB_FOREIGN; v++) {
        const struct smtp_verb_row *row = smtp_verb_find(span_str(smtp_verb_name(v)));

        assert_non_null(row);
        assert_int_equal(row->verb, v);
    }
    assert_string_equal(smtp_verb_name(SMTP_VERB_UNKNOWN), "?");
    assert_null(smtp_verb_find(SPAN_NULL));
    assert_null(smtp_verb_find(SPAN_LIT("DATA\0X")));
    assert_null(smtp_verb_find(SPAN_LIT("DATA\0")));
    assert_non_null(smtp_verb_find(SPAN_LIT("xforward")));
    assert_int_equal(smtp_verb_find(SPAN_LIT("trace"))->verb, SMTP_VERB_FOREIGN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_lines),
        cmocka_unit_test(command_values),
        cmocka_unit_test(command_chunk_of_a_refusal),
        cmocka_unit_test(command_utf8_of_the_transaction),
        cmocka_unit_test(command_any_path),
        cmocka_unit_test(verbs_found_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
