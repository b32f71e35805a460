/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/evidence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mail/build.h"

#define MARK BUILD_MARK_FIELD ": run=0badcafe; target=192.0.2.25; tokens=1\r\n"
#define FIRST                                                                                      \
    "Received: from tester.example (tester.example [198.51.100.7])\r\n"                            \
    "\tby mx.target.example (Postfix) with ESMTP id 4AAA\r\n"                                      \
    "\tfor <tok@probe.example>; Sat, 21 Nov 2026 11:00:00 +0000 (UTC)\r\n"
#define SECOND                                                                                     \
    "Received: from mx.target.example (mx.target.example [192.0.2.25])\r\n"                        \
    "\tby out.isp.example (Postfix) with ESMTPS id 4BBB\r\n"                                       \
    "\tfor <tok@probe.example>; Sat, 21 Nov 2026 11:00:02 +0000 (UTC)\r\n"
#define BOUNCE                                                                                     \
    "From: MAILER-DAEMON@target.example\r\nMIME-Version: 1.0\r\n"                                  \
    "Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n"              \
    "\r\n--b\r\nContent-Type: text/plain\r\n\r\nsorry\r\n"                                         \
    "--b\r\nContent-Type: message/delivery-status\r\n\r\n"                                         \
    "Reporting-MTA: dns; mx.target.example\r\n\r\n"                                                \
    "Final-Recipient: rfc822; x@y\r\nAction: failed\r\nStatus: 5.1.1\r\n--b--\r\n"

/* The same with another Action: what the words of the report make of it. */
#define REPORT(action)                                                                             \
    "From: MAILER-DAEMON@target.example\r\nMIME-Version: 1.0\r\n"                                  \
    "Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n"              \
    "\r\n--b\r\nContent-Type: text/plain\r\n\r\nnews\r\n"                                          \
    "--b\r\nContent-Type: message/delivery-status\r\n\r\n"                                         \
    "Reporting-MTA: dns; mx.target.example\r\n\r\n"                                                \
    "Final-Recipient: rfc822; x@y\r\nAction: " action "\r\nStatus: 4.4.1\r\n--b--\r\n"

static struct ip address(const char *text)
{
    struct ip ip = {0};

    ip_parse(span_str(text), &ip);
    return ip;
}

static struct token token_for(const char *tested, enum token_kind kind)
{
    struct token t = {.kind = kind, .run = 1};

    token_target(address(tested), t.target);
    return t;
}

struct what_case {
    const char *name;
    const char *message;
    enum token_kind kind;
    enum store_what what;
};

static const struct what_case whats[] = {
    {"our message at its recipient", MARK "Subject: x\r\n\r\nhello\r\n", TOKEN_RECIPIENT,
     STORE_WHAT_ARRIVAL},
    {"smuggled inside", MARK "Subject: x\r\n\r\nhello\r\n", TOKEN_INNER, STORE_WHAT_ARRIVAL},
    {"our message sent back", MARK "Subject: x\r\n\r\nhello\r\n", TOKEN_SENDER, STORE_WHAT_BOUNCE},
    {"the mark was lost on the way", "Subject: x\r\n\r\nhello\r\n", TOKEN_RECIPIENT,
     STORE_WHAT_ARRIVAL},
    {"a reply to the sender", "From: a@b\r\nSubject: Re: x\r\n\r\nhello\r\n", TOKEN_SENDER,
     STORE_WHAT_AUTOREPLY},
    {"a bounce to the sender", BOUNCE, TOKEN_SENDER, STORE_WHAT_BOUNCE},
    {"a bounce to the recipient proves nothing", BOUNCE, TOKEN_RECIPIENT, STORE_WHAT_BOUNCE},
    {"a delay notice", REPORT("delayed"), TOKEN_SENDER, STORE_WHAT_DELAY},
    {"a delay notice to the recipient", REPORT("delayed"), TOKEN_RECIPIENT, STORE_WHAT_DELAY},
    {"a receipt", REPORT("delivered"), TOKEN_SENDER, STORE_WHAT_RECEIPT},
    {"a receipt of a relay", REPORT("relayed"), TOKEN_SENDER, STORE_WHAT_RECEIPT},
    {"a vacation note", "Auto-Submitted: auto-replied\r\nSubject: away\r\n\r\nhello\r\n",
     TOKEN_SENDER, STORE_WHAT_AUTOREPLY},
    {"nothing at all", "", TOKEN_RECIPIENT, STORE_WHAT_ARRIVAL},
};

static void what_a_message_is(void **state)
{
    for (size_t i = 0; i < sizeof(whats) / sizeof(whats[0]); i++) {
        struct token t = token_for("192.0.2.25", whats[i].kind);
        struct evidence e;

        assert_int_equal(evidence_read(span_str(whats[i].message), &e), 0);
        if (evidence_what(&e, &t) != whats[i].what)
            fail_msg("%s: %s (%s)", whats[i].name, store_what_name(evidence_what(&e, &t)),
                     dsn_kind_name(e.dsn.kind));
        evidence_deinit(&e);
    }
}

struct way_case {
    const char *name;
    const char *message;
    const char *peer;
    enum evidence_input input;
    const char *output, *seen, *first;
    size_t hops;
};

static const struct way_case ways[] = {
    {"one host", FIRST "\r\n", "192.0.2.25", EVIDENCE_DIRECT, "192.0.2.25", "198.51.100.7",
     "mx.target.example", 1},
    {"two hosts", SECOND FIRST "\r\n", "203.0.113.5", EVIDENCE_CHAIN, "203.0.113.5", "198.51.100.7",
     "mx.target.example", 2},
    {"the host has another address outwards", FIRST "\r\n", "203.0.113.5", EVIDENCE_UNSEEN,
     "203.0.113.5", "198.51.100.7", "mx.target.example", 1},
    {"no trace", "Subject: x\r\n\r\n", "203.0.113.5", EVIDENCE_UNSEEN, "203.0.113.5", "", "", 0},
    {"a mailbox does not tell the peer", SECOND FIRST "\r\n", "", EVIDENCE_DIRECT, "192.0.2.25",
     "198.51.100.7", "mx.target.example", 2},
};

static void how_it_came(void **state)
{
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        const struct way_case *c = &ways[i];
        struct token t = token_for("192.0.2.25", TOKEN_RECIPIENT);
        char output[IP_TEXT_MAX], seen[IP_TEXT_MAX];
        struct evidence_way way;
        struct evidence e;

        assert_int_equal(evidence_read(span_str(c->message), &e), 0);
        evidence_way(&e, &t, address(c->peer), &way);
        if (way.input != c->input || way.hops != c->hops ||
            strcmp(ip_text(way.output, output), c->output) ||
            strcmp(ip_text(way.seen, seen), c->seen) || !span_eq(way.first, span_str(c->first)))
            fail_msg("%s: %s, output %s, seen %s, first %.*s", c->name,
                     evidence_input_name(way.input), output, seen, SPAN_ARG(way.first));
        if (c->input != EVIDENCE_UNSEEN)
            assert_true(ip_eq(way.tested, address("192.0.2.25")));
        evidence_deinit(&e);
    }
}

/* A token for another host, in the same message: nothing here is its way. */
static void another_host(void **state)
{
    struct token t = token_for("192.0.2.99", TOKEN_RECIPIENT);
    struct evidence_way way;
    struct evidence e;

    assert_int_equal(evidence_read(span_str(SECOND FIRST "\r\n"), &e), 0);
    evidence_way(&e, &t, address("192.0.2.25"), &way);
    assert_int_equal(way.input, EVIDENCE_UNSEEN);
    assert_int_equal(way.tested.family, IP_NONE);
    evidence_deinit(&e);
}

static void chain_as_json(void **state)
{
    struct buf out = BUF_INIT(STORE_CHAIN_MAX);
    struct evidence e;

    assert_int_equal(evidence_read(span_str(SECOND FIRST "\r\n"), &e), 0);
    evidence_chain_json(&e, &out);
    assert_string_equal(
        buf_str(&out),
        "[{\"writer\":\"Postfix\",\"by\":\"mx.target.example\",\"with\":\"ESMTP\","
        "\"ip\":\"198.51.100.7\",\"helo\":\"tester.example\",\"name\":\"tester.example\","
        "\"id\":\"4AAA\",\"for\":\"tok@probe.example\",\"tls\":false,\"auth\":false,"
        "\"wall\":1795258800},"
        "{\"writer\":\"Postfix\",\"by\":\"out.isp.example\",\"with\":\"ESMTPS\","
        "\"ip\":\"192.0.2.25\",\"helo\":\"mx.target.example\",\"name\":\"mx.target.example\","
        "\"id\":\"4BBB\",\"for\":\"tok@probe.example\",\"tls\":true,\"auth\":false,"
        "\"wall\":1795258802}]");
    evidence_deinit(&e);
    buf_clear(&out);
    assert_int_equal(
        evidence_read(SPAN_LIT("Received: from a\"b\\\xff ([192.0.2.1]) by x; y\r\n\r\n"), &e), 0);
    evidence_chain_json(&e, &out);
    assert_null(strchr(buf_str(&out), '\xff'));
    assert_non_null(strstr(buf_str(&out), "\\\\xff"));
    evidence_deinit(&e);
    buf_deinit(&out);
}

/* A chain of a hundred long hops still fits, and is still JSON. */
static void long_chain(void **state)
{
    struct buf message = BUF_INIT(1 << 20), out = BUF_INIT(STORE_CHAIN_MAX);
    struct evidence e;

    for (unsigned i = 0; i < 128; i++) {
        buf_addf(&message, "Received: from h%u ([10.0.0.%u]) by ", i, i);
        for (unsigned k = 0; k < 150; k++)
            buf_add(&message, SPAN_LIT("\x01"));
        for (unsigned k = 0; k < 150; k++)
            buf_add(&message, SPAN_LIT("y"));
        buf_addf(&message, " with ");
        for (unsigned k = 0; k < 300; k++)
            buf_add(&message, SPAN_LIT("\x7f"));
        buf_addf(&message, " id x; Sat, 21 Nov 2026 11:00:00 +0000\r\n");
    }
    assert_int_equal(evidence_read(buf_span(&message), &e), 0);
    evidence_chain_json(&e, &out);
    assert_int_equal(out.err, 0);
    assert_true(out.n > 1000 && out.n <= STORE_CHAIN_MAX);
    assert_int_equal(out.p[0], '[');
    assert_int_equal(out.p[out.n - 2], '}');
    assert_int_equal(out.p[out.n - 1], ']');
    evidence_deinit(&e);
    buf_deinit(&message);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_message_is), cmocka_unit_test(how_it_came),
        cmocka_unit_test(another_host),      cmocka_unit_test(chain_as_json),
        cmocka_unit_test(long_chain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
