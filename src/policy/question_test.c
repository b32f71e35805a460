/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/question.h"

#include "relay/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_COLONS                                                                                 \
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:"   \
    "EE:FF"

static struct relay_policy *policy;

static void add(int (*fn)(struct relay_policy *, struct span, struct relay_place,
                          struct relay_fault *),
                const char *text)
{
    struct relay_fault fault = {0};

    if (fn(policy, span_str(text), (struct relay_place){0}, &fault) != 0)
        fail_msg("%s: %s", text, fault.why);
}

static int make_policy(void **state)
{
    policy = relay_policy_new(NULL);
    assert_non_null(policy);
    add(relay_policy_add_domain, "own.example");
    add(relay_policy_add_network, "198.51.100.0/24");
    add(relay_policy_add_cert, KEY);
    relay_policy_mx_networks(policy, true);
    return relay_policy_seal(policy);
}

static int drop_policy(void **state)
{
    relay_policy_free(&policy);
    return 0;
}

static void ask(struct question *q, const char *attributes)
{
    struct buf text = BUF_INIT(POLICY_REQUEST_MAX);
    struct policy_request r;
    struct policy_reader reader;
    const char *why;
    struct span in;

    buf_addf(&text, "request=smtpd_access_policy\n%s\n\n", attributes);
    in = buf_span(&text);
    policy_reader_init(&reader);
    if (policy_read(&reader, &in, &r, &why) != POLICY_WHOLE)
        fail_msg("%s: %s", attributes, why);
    assert_true(question_of_request(q, &r, QUESTION_ROLE_AUTO));
    buf_deinit(&text);
    /* The question borrows login alone, and only up to here: it is decided before that. */
    policy_reader_deinit(&reader);
    q->client.login = q->client.login.n ? SPAN_LIT("tim") : SPAN_NULL;
}

#define RCPT(r) "protocol_state=RCPT\nsender=a@far.example\nclient_address=192.0.2.1\nrecipient=" r

static const struct {
    const char *name, *attributes, *action;
} cases[] = {
    {"ours", RCPT("b@own.example"), "DUNNO"},
    {"postmaster", RCPT("postmaster"), "DUNNO"},
    {"stranger's", RCPT("b@far.example"), "REJECT 5.7.1 Relay access denied"},
    {"percent", RCPT("b%far.example@own.example"), "REJECT"},
    {"bang", RCPT("far.example!b@own.example"), "REJECT"},
    {"two at", RCPT("b@far.example@own.example"), "REJECT"},
    {"no domain", RCPT("b"), "REJECT"},
    {"nothing", RCPT(""), "REJECT"},
    {"login", RCPT("b@far.example") "\nsasl_username=tim", "DUNNO"},
    {"login that is empty", RCPT("b@far.example") "\nsasl_username=\nsasl_method=PLAIN", "REJECT"},
    {"a name for a login", RCPT("b@far.example") "\nsasl_sender=tim\nhelo_name=own.example",
     "REJECT"},
    {"our name in HELO and sender",
     "protocol_state=RCPT\nsender=a@own.example\nclient_address=192.0.2.1\n"
     "helo_name=own.example\nclient_name=mx.own.example\nrecipient=b@far.example",
     "REJECT"},
    {"network",
     "protocol_state=RCPT\nclient_address=198.51.100.9\nsender=\nrecipient=b@far.example", "DUNNO"},
    {"no address", "protocol_state=RCPT\nclient_address=unknown\nsender=\nrecipient=b@far.example",
     "REJECT"},
    {"no client at all", "protocol_state=RCPT\nrecipient=b@far.example", "REJECT"},
    {"key", RCPT("b@far.example") "\nccert_pubkey_fingerprint=" KEY_COLONS, "DUNNO"},
    {"key without colons", RCPT("b@far.example") "\nccert_pubkey_fingerprint=" KEY, "DUNNO"},
    {"another digest", RCPT("b@far.example") "\nccert_pubkey_fingerprint=00:11:22:33", "REJECT"},
    {"a digit too many", RCPT("b@far.example") "\nccert_pubkey_fingerprint=" KEY "0", "REJECT"},
    {"submission without a login", RCPT("b@own.example") "\nserver_port=587", "REJECT"},
    {"submission by context", RCPT("b@own.example") "\nserver_port=25\npolicy_context=submission",
     "REJECT"},
    {"mx by context", RCPT("b@own.example") "\nserver_port=587\npolicy_context=mx", "DUNNO"},
    {"465", RCPT("b@own.example") "\nserver_port=465\nsasl_username=tim", "DUNNO"},
    {"sender", "protocol_state=MAIL\nsender=a@far.example\nclient_address=192.0.2.1", "DUNNO"},
    {"null sender", "protocol_state=MAIL\nsender=\nclient_address=192.0.2.1", "DUNNO"},
    {"a sender with a route",
     "protocol_state=MAIL\nsender=a@b@far.example\nclient_address=192.0.2.1", "REJECT"},
    {"connect", "protocol_state=CONNECT\nclient_address=192.0.2.1\nrecipient=b@far.example",
     "DUNNO"},
    {"data with one recipient",
     "protocol_state=DATA\nsender=a@b.example\nclient_address=192.0.2.1\nrecipient=b@far.example",
     "REJECT"},
    {"data with several",
     "protocol_state=DATA\nclient_address=192.0.2.1\nrecipient=\nrecipient_count=2", "DUNNO"},
};

static void decides(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct relay_decision d;
        struct question q;
        char action[QUESTION_ANSWER_MAX];
        bool decided;

        print_message("# %s\n", cases[i].name);
        question_init(&q);
        ask(&q, cases[i].attributes);
        decided = question_decide(&q, policy, &d);
        question_action(decided ? &d : NULL, action);
        if (!span_starts(span_str(action), span_str(cases[i].action)))
            fail_msg("%s", action);
        assert_true(strncmp(action, "OK", 2) != 0 && strncmp(action, "PERMIT", 6) != 0);
        question_deinit(&q);
    }
}

static void blind(void **state)
{
    struct question q;

    question_init(&q);
    ask(&q, "protocol_state=DATA\nrecipient=\nrecipient_count=2");
    assert_int_equal(q.ask, QUESTION_BLIND);
    ask(&q, "protocol_state=VRFY\nrecipient=x");
    assert_int_equal(q.ask, QUESTION_NOTHING);
    question_deinit(&q);
}

static void paths(void **state)
{
    static const struct {
        const char *internal, *want;
    } rows[] = {
        {"", "<>"},
        {"a@b", "<a@b>"},
        {"a.b@c", "<a.b@c>"},
        {"postmaster", "<postmaster>"},
        {"a b@c", "<\"a b\"@c>"},
        {"a@b@c", "<\"a@b\"@c>"},
        {"a\"\\@c", "<\"a\\\"\\\\\"@c>"},
        {".a@c", "<\".a\"@c>"},
        {"a.@c", "<\"a.\"@c>"},
        {"a..b@c", "<\"a..b\"@c>"},
        {"@c", "<\"\"@c>"},
        {"a@[192.0.2.1]", "<a@[192.0.2.1]>"},
        {"\xc3\xa4@c", "<\xc3\xa4@c>"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out = BUF_INIT(100);

        question_path(span_str(rows[i].internal), &out);
        assert_string_equal(buf_str(&out), rows[i].want);
        buf_deinit(&out);
    }
}

static void milter_paths(void **state)
{
    static const struct {
        const char *rcpt, *action;
    } rows[] = {
        {"<b@own.example>", "DUNNO"},
        {"b@own.example", "DUNNO"},
        {"<b@far.example>", "REJECT"},
        {"<@far.example:b@own.example>", "REJECT"},
        {"<\"b@far.example\"@own.example>", "REJECT"},
        {"<postmaster>", "DUNNO"},
        {"", "REJECT"},
        {"<b@own.example> x", "REJECT"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct relay_decision d;
        struct question q;
        char action[QUESTION_ANSWER_MAX];

        print_message("# %s\n", rows[i].rcpt);
        question_init(&q);
        q.client.ip = (struct ip){IP_V4, {192, 0, 2, 1}};
        assert_true(question_paths(&q, "<a@far.example>", rows[i].rcpt));
        assert_true(question_decide(&q, policy, &d));
        question_action(&d, action);
        assert_true(span_starts(span_str(action), span_str(rows[i].action)));
        question_deinit(&q);
    }
}

static void actions(void **state)
{
    struct relay_decision d = {
        .answer = RELAY_DEFER, .enhanced = "4.7.1", .text = "<a@b>: later\nOK"};
    char action[QUESTION_ANSWER_MAX];

    question_action(&d, action);
    assert_string_equal(action, "DEFER_IF_PERMIT 4.7.1 later?OK");
    d = (struct relay_decision){0};
    question_action(&d, action);
    assert_true(span_starts(span_str(action), SPAN_LIT("REJECT")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides),      cmocka_unit_test(blind),   cmocka_unit_test(paths),
        cmocka_unit_test(milter_paths), cmocka_unit_test(actions),
    };

    return cmocka_run_group_tests(tests, make_policy, drop_policy);
}
