/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mailboxes' copies of one transaction with three recipients, as different mail systems store them,
 * and what forgers make of it. The messages are put together from pieces, with tokens made here.
 */
#include "probe/arrival.h"

#include "guard.h"
#include "mail/build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const uint8_t key[MAC_KEY] = "a key of the unit test, 32 bytes";

static struct ip ip(const char *text)
{
    struct ip ret = {0};

    assert_true(ip_parse(span_str(text), &ret));
    return ret;
}

/* $A $B $C: recipients' tokens, $S: the sender's, $I: an inner one, $F: one of another key,
   $P: our message as it was sent; everything else as it stands. */
struct texts {
    char a[TOKEN_TEXT + 1], b[TOKEN_TEXT + 1], c[TOKEN_TEXT + 1], s[TOKEN_TEXT + 1],
        i[TOKEN_TEXT + 1], f[TOKEN_TEXT + 1];
    struct buf probe;
};

static void mint(char out[TOKEN_TEXT + 1], enum token_kind kind, uint16_t serial,
                 const uint8_t with[MAC_KEY])
{
    struct token t = {.kind = kind, .run = 0x0a1b2c3d, .serial = serial, .day = 20000};

    token_target(ip("192.0.2.1"), t.target);
    token_mint(with, &t, out);
}

static void texts_init(struct texts *t)
{
    static const uint8_t other[MAC_KEY] = "a key of somebody else, 32 bytes";
    struct build_token list[3];
    struct build b;

    mint(t->a, TOKEN_RECIPIENT, 1, key);
    mint(t->b, TOKEN_RECIPIENT, 2, key);
    mint(t->c, TOKEN_RECIPIENT, 3, key);
    mint(t->s, TOKEN_SENDER, 1, key);
    mint(t->i, TOKEN_INNER, 9, key);
    mint(t->f, TOKEN_RECIPIENT, 1, other);
    list[0] = (struct build_token){span_str(t->a), SPAN_LIT("plain")};
    list[1] = (struct build_token){span_str(t->b), SPAN_LIT("percent-host")};
    list[2] = (struct build_token){span_str(t->c), SPAN_LIT("bang")};
    b = (struct build){
        .date_wall = 1002542400,
        .from = SPAN_LIT("postmaster@tester.example"),
        .to = SPAN_LIT("probe@probe.example"),
        .message_id = SPAN_LIT("1.2@tester.example"),
        .run = SPAN_LIT("0a1b2c3d"),
        .target = SPAN_LIT("192.0.2.1"),
        .tester = SPAN_LIT("tester.example"),
        .contact = SPAN_LIT("postmaster@tester.example"),
        .uri = SPAN_LIT("https://tester.example/.well-known/probing.txt"),
        .tokens = list,
        .token_count = COUNT(list),
    };
    t->probe = (struct buf)BUF_INIT(BUILD_MESSAGE_MAX);
    assert_int_equal(build_message(&b, &t->probe, NULL), BUILD_OK);
}

static void fill(const struct texts *t, const char *form, struct buf *out)
{
    buf_clear(out);
    for (; *form; form++) {
        if (*form != '$') {
            buf_add_char(out, *form);
            continue;
        }
        switch (*++form) {
        case 'A':
            buf_add_str(out, t->a);
            break;
        case 'B':
            buf_add_str(out, t->b);
            break;
        case 'C':
            buf_add_str(out, t->c);
            break;
        case 'S':
            buf_add_str(out, t->s);
            break;
        case 'I':
            buf_add_str(out, t->i);
            break;
        case 'F':
            buf_add_str(out, t->f);
            break;
        case 'P':
            buf_add(out, buf_span(&t->probe));
            break;
        default:
            fail_msg("bad form");
        }
    }
}

static char letter(const struct token *t)
{
    if (t->kind == TOKEN_SENDER)
        return 'S';
    return t->kind == TOKEN_INNER ? 'I' : (char)('@' + t->serial);
}

/* "kind near/hops from OUTPUT: A=what,scope,trace,path,hop …", tokens in the order of letters. */
static const char *show(const struct arrival *a, struct buf *out)
{
    char text[IP_TEXT_MAX];

    buf_clear(out);
    buf_addf(out, "%s %zu/%zu", dsn_kind_name(a->dsn.kind), a->near, a->chain.count);
    if (a->output.family != IP_NONE)
        buf_addf(out, " from %s", ip_text(a->output, text));
    for (const char *l = "ABCIS"; *l; l++) {
        for (size_t i = 0; i < a->count; i++) {
            const struct arrival_token *t = &a->tokens[i];

            if (letter(&t->token) != *l)
                continue;
            buf_addf(out, " %c=%s,%s,%s,%s", *l, arrival_what_name(arrival_what(a, t)),
                     arrival_scope_name(t->scope), arrival_trace_name(t->trace),
                     arrival_path_name(t->path));
            if (t->path != ARRIVAL_UNSEEN)
                buf_addf(out, "@%zu", t->hop);
            buf_add_str(out, arrival_proves(a, t) ? "!" : arrival_tells(a, t) ? "*" : "");
        }
    }
    return buf_str(out);
}

#define OWN                                                                                        \
    "Received: from relay.example (relay.example [192.0.2.1])\n\tby mx.probe.example (Postfix) "   \
    "with ESMTP id 4B1234ABCD"
#define FOR(x) "\n\tfor <" x "@probe.example>; Mon, 8 Oct 2001 14:00:05 +0200\n"
#define DATED  "; Mon, 8 Oct 2001 14:00:05 +0200\n"
#define TARGET                                                                                     \
    "Received: from tester.example (tester.example [198.51.100.7])\n\tby relay.example "           \
    "(8.11.6/8.11.6) with SMTP id f98C00a01234" DATED
#define OTHER                                                                                      \
    "Received: from joe.example (joe.example [198.51.100.99])\n\tby mx.probe.example (Postfix) "   \
    "with ESMTP id 4B1234ABCD"
#define LMTP                                                                                       \
    "Received: from mx.probe.example ([10.0.0.2])\n\tby imap.probe.example with LMTP id a "        \
    "(envelope-from <x@y>)\n\tfor <me@probe.example>" DATED
#define TRANSACTION(path)                                                                          \
    " A=arrival,transaction,text," path " B=arrival,transaction,text," path                        \
    " C=arrival,transaction,text," path

static const struct {
    const char *name, *form, *want;
} cases[] = {
    {"no trace of the recipient: the transaction is proved", OWN DATED TARGET "$P",
     "probe 1/2 from 192.0.2.1" TRANSACTION("direct@0!")},
    {"Received for", OWN FOR("$B") TARGET "$P",
     "probe 1/2 from 192.0.2.1 A=arrival,transaction,text,direct@0! "
     "B=arrival,recipient,received,direct@0! C=arrival,transaction,text,direct@0!"},
    {"Delivered-To above", "Return-Path: <>\nDelivered-To: me+$A@probe.example\n" OWN DATED "$P",
     "probe 1/1 from 192.0.2.1 A=arrival,recipient,field,direct@0! "
     "B=arrival,transaction,text,direct@0! C=arrival,transaction,text,direct@0!"},
    {"mangled local part", "X-Original-To: \"relay.example:$C\"@probe.example\n" OWN DATED "$P",
     "probe 1/1 from 192.0.2.1 A=arrival,transaction,text,direct@0! "
     "B=arrival,transaction,text,direct@0! C=arrival,recipient,field,direct@0!"},
    {"through an LMTP hop inside", "Envelope-To: me@probe.example\n" LMTP OWN FOR("$A") TARGET "$P",
     "probe 2/3 from 192.0.2.1 A=arrival,recipient,received,direct@1! "
     "B=arrival,transaction,text,direct@1! C=arrival,transaction,text,direct@1!"},
    {"fetched by POP3",
     "Received: from pop.example [203.0.113.5] by localhost with POP3 (fetchmail-6.4.0) for "
     "me@localhost (single-drop)" DATED OWN FOR("$A") "$P",
     "probe 2/2 from 192.0.2.1 A=arrival,recipient,received,direct@1! "
     "B=arrival,transaction,text,direct@1! C=arrival,transaction,text,direct@1!"},
    {"two hops: input and output differ",
     "Received: from out.example (out.example [192.0.2.99])\n\tby mx.probe.example (Postfix) with "
     "ESMTP id 4B1234ABCD" FOR("$A") "Received: from relay.example (relay.example "
                                     "[192.0.2.1])\n\tby out.example (Postfix) with ESMTP "
                                     "id 5B1234ABCD" DATED TARGET "$P",
     "probe 1/3 from 192.0.2.99 A=arrival,recipient,received,chain@1! "
     "B=arrival,transaction,text,chain@1! C=arrival,transaction,text,chain@1!"},
    {"the tested host names its own address",
     "Received: from out.example (out.example [192.0.2.99])\n\tby mx.probe.example (Postfix) with "
     "ESMTP id 4B1234ABCD" DATED
     "Received: from pc (198.51.100.7) by relay.example (192.0.2.1) with Microsoft SMTP Server id "
     "15.1.2507.6" DATED "$P",
     "probe 1/2 from 192.0.2.99" TRANSACTION("chain@1!")},
    {"a copy mailed by a stranger", OTHER DATED "$P",
     "probe 1/1 from 198.51.100.99" TRANSACTION("unseen")},
    {"a copy mailed to a token's address", OTHER FOR("$A") "$P",
     "probe 1/1 from 198.51.100.99 A=arrival,recipient,received,unseen "
     "B=arrival,transaction,text,unseen C=arrival,transaction,text,unseen"},
    {"a copy with invented Delivered-To beneath", OTHER DATED "Delivered-To: $A@probe.example\n$P",
     "probe 1/1 from 198.51.100.99" TRANSACTION("unseen")},
    {"for of the tested host is no note of our own system",
     OWN DATED "Received: from tester.example ([198.51.100.7]) by relay.example with SMTP id 1 for "
               "<$B%probe.example@relay.example>" DATED "$P",
     "probe 1/2 from 192.0.2.1" TRANSACTION("direct@0!")},
    {"for one of many names nobody",
     "Received: from relay.example [192.0.2.1] by mx.probe.example [203.0.113.1] (SLmail 3.2.3113) "
     "with SMTP id 1 for <$A@probe.example> plus 2 more" DATED "$P",
     "probe 1/1 from 192.0.2.1" TRANSACTION("direct@0!")},
    {"a test network: all peers are private",
     "Delivered-To: $A@probe.example\nReceived: from r ([10.1.1.1]) by mx with ESMTP id 1" DATED
     "Delivered-To: $B@probe.example\nReceived: from t ([10.1.1.2]) by r with ESMTP id 2" DATED
     "$P",
     "probe 1/2 from 10.1.1.1 A=arrival,recipient,field,unseen B=arrival,transaction,text,unseen "
     "C=arrival,transaction,text,unseen"},
    {"no Received at all", "Delivered-To: $A@probe.example\n$P",
     "probe 0/0 A=arrival,recipient,field,unseen B=arrival,transaction,text,unseen "
     "C=arrival,transaction,text,unseen"},
    {"tokens of another key", OWN FOR("$F") "X-Postern-Probe: run=1\n\nToken: $F\n",
     "probe 1/1 from 192.0.2.1"},
    {"somebody writes to a token", OWN FOR("$A") "Subject: buy\n\nhello\n",
     "other 1/1 from 192.0.2.1 A=nothing,recipient,received,direct@0"},
    {"our message forwarded",
     OWN DATED
     "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nwhat is this?\n--b\nContent-Type: "
     "message/rfc822\n\n$P\n--b--\n",
     "enclosed 1/1 from 192.0.2.1 A=nothing,transaction,copy,direct@0 "
     "B=nothing,transaction,copy,direct@0 C=nothing,transaction,copy,direct@0"},
    {"a bounce to the sender's token",
     "Delivered-To: $S@probe.example\n" OWN DATED
     "Content-Type: multipart/report; report-type=delivery-status; "
     "boundary=b\n\n--b\n\nsorry\n--b\n"
     "Content-Type: message/delivery-status\n\nReporting-MTA: dns; "
     "relay.example\n\nFinal-Recipient: "
     "rfc822; $B@probe.example\nAction: failed\nStatus: 5.1.1\n\n--b\nContent-Type: "
     "message/rfc822\n\n$P\n--b--\n",
     "bounce 1/1 from 192.0.2.1 A=bounce,transaction,copy,direct@0 "
     "B=bounce,recipient,report,direct@0* "
     "C=bounce,transaction,copy,direct@0 S=bounce,recipient,field,direct@0"},
    {"a bounce in words, with a copy",
     "Return-Path: <>\n" OWN DATED
     "From: MAILER-DAEMON@relay.example\nSubject: failure notice\n\nHi. "
     "This is the qmail-send program at relay.example.\n\n<$A%probe.example@relay.example>:\nNo. "
     "(#5.1.1)\n\n--- Below this line is a copy of the message.\n\n$P",
     "bounce 1/1 from 192.0.2.1 A=bounce,recipient,report,direct@0* "
     "B=bounce,transaction,copy,direct@0 "
     "C=bounce,transaction,copy,direct@0"},
    {"a bounce that names nobody",
     "Delivered-To: $S@probe.example\n" OWN DATED
     "From: MAILER-DAEMON@relay.example\nSubject: failure "
     "notice\n\nsorry\n\n$P",
     "bounce 1/1 from 192.0.2.1 A=bounce,transaction,copy,direct@0 "
     "B=bounce,transaction,copy,direct@0 "
     "C=bounce,transaction,copy,direct@0 S=bounce,recipient,field,direct@0*"},
    {"a bounce that only has the copy",
     OWN DATED "From: MAILER-DAEMON@relay.example\nSubject: failure notice\n\nsorry\n\n$P",
     "bounce 1/1 from 192.0.2.1 A=bounce,transaction,copy,direct@0* "
     "B=bounce,transaction,copy,direct@0* C=bounce,transaction,copy,direct@0*"},
    {"a delay note",
     OWN DATED
     "From: MAILER-DAEMON@relay.example\nSubject: Warning: could not send message for past 4 "
     "hours\n\n$P",
     "delay 1/1 from 192.0.2.1 A=nothing,transaction,copy,direct@0 "
     "B=nothing,transaction,copy,direct@0 C=nothing,transaction,copy,direct@0"},
    {"an answer", OWN DATED "To: $S@probe.example\nAuto-Submitted: auto-replied\n\nI am away.\n",
     "auto-reply 1/1 from 192.0.2.1 S=auto-reply,transaction,text,direct@0*"},
    {"our message sent back to its sender", OWN FOR("$S") "$P",
     "probe 1/1 from 192.0.2.1" TRANSACTION("direct@0!") " S=bounce,recipient,received,direct@0*"},
    {"the inner token in the text of the outer message", OWN DATED "$P\n.\nRCPT TO:<$I@x>\n",
     "probe 1/1 from 192.0.2.1" TRANSACTION("direct@0!") " I=nothing,transaction,text,direct@0"},
    {"the inner envelope arrived", OWN FOR("$I") "$P",
     "probe 1/1 from 192.0.2.1" TRANSACTION("direct@0!") " I=arrival,recipient,received,direct@0!"},
    {"a relay wrote it in base64",
     OWN DATED "X-Postern-Probe: run=1; tokens=1\nContent-Transfer-Encoding: base64\n\n",
     "probe 1/1 from 192.0.2.1"},
    {"a relay broke the lines",
     OWN DATED
     "X-Postern-Probe: run=1; tokens=1\nContent-Type: text/html\nContent-Transfer-Encoding: "
     "quoted-printable\n\n<pre>Token:=20=\n$A<br>=3DEnd</pre>\n",
     "probe 1/1 from 192.0.2.1 A=arrival,transaction,text,direct@0!"},
};

static void mailboxes(void **state)
{
    struct buf m = BUF_INIT(1 << 20), out = BUF_INIT(10000);
    struct guard g = {0};
    struct texts t;
    unsigned wrong = 0;

    texts_init(&t);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arrival a;

        fill(&t, cases[i].form, &m);
        assert_int_equal(arrival_read(key, guard_span(&g, buf_span(&m)), &a), 0);
        if (strcmp(show(&a, &out), cases[i].want) != 0) {
            print_error("%s:\n  got  %s\n  want %s\n", cases[i].name, buf_str(&out), cases[i].want);
            wrong++;
        }
        arrival_deinit(&a);
        arrival_deinit(&a);
    }
    buf_deinit(&t.probe);
    buf_deinit(&m);
    buf_deinit(&out);
    guard_free(&g);
    assert_int_equal(wrong, 0);
}

/* base64 as some relays make of any text: made here, because the tokens are. */
static void base64(void **state)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct buf m = BUF_INIT(1 << 20);
    struct texts t;
    struct arrival a;
    char line[42];

    texts_init(&t);
    snprintf(line, sizeof(line), "Tok: %s", t.b); /* 41 octets: one of padding */
    buf_add_str(&m, "X-Postern-Probe: run=1\nContent-Transfer-Encoding: base64\n\n");
    for (size_t i = 0; i < 41; i += 3) {
        unsigned v = (unsigned)line[i] << 16 | (unsigned)line[i + 1] << 8 |
                     (i + 2 < 41 ? (unsigned)line[i + 2] : 0);

        buf_addf(&m, "%c%c%c%c", set[v >> 18], set[v >> 12 & 63], set[v >> 6 & 63],
                 i + 2 < 41 ? set[v & 63] : '=');
    }
    assert_int_equal(arrival_read(key, buf_span(&m), &a), 0);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.tokens[0].token.serial, 2);
    arrival_deinit(&a);
    buf_deinit(&m);
    buf_deinit(&t.probe);
}

static void wanted(void **state)
{
    static const struct {
        const char *name, *form;
        bool want;
    } rows[] = {
        {"our mark", "x-postern-probe: 1\n\n", true},
        {"a token in To", "To: a, \"b\" <$A@x>\n\n", true},
        {"a token in Delivered-To", "delivered-to: me+$S@x\n\n", true},
        {"a token in Received", OWN FOR("$A") "\n", true},
        {"a report", "Content-Type: multipart/report; x=y\n\n", true},
        {"from the mail system", "From: Mail <MAILER-DAEMON@x>\n\n", true},
        {"null return path", "Return-Path: <>\n\n", true},
        {"an answer", "Auto-Submitted: auto-replied\n\n", true},
        {"no answer", "Auto-Submitted: no\nReturn-Path: <a@b>\n\n", false},
        {"private mail", "From: a@b\nTo: c@d\nSubject: $A\n\n$A", false},
        {"a token of another key", "To: $F@x\n\n", false},
        {"nothing", "", false},
    };
    struct buf m = BUF_INIT(100000);
    struct guard g = {0};
    struct texts t;

    texts_init(&t);
    for (size_t i = 0; i < COUNT(rows); i++) {
        print_message("# %s\n", rows[i].name);
        fill(&t, rows[i].form, &m);
        assert_int_equal(arrival_wanted(key, guard_span(&g, buf_span(&m))), rows[i].want);
    }
    buf_deinit(&t.probe);
    buf_deinit(&m);
    guard_free(&g);
}

/* More tokens than are kept are left out, and it is said. */
static void limit(void **state)
{
    struct buf m = BUF_INIT(1 << 20);
    struct arrival a;

    buf_add_str(&m, "X-Postern-Probe: run=1\n\n");
    for (uint16_t i = 0; i < ARRIVAL_TOKENS_MAX; i++) {
        char text[TOKEN_TEXT + 1];

        mint(text, TOKEN_RECIPIENT, i, key);
        buf_addf(&m, "Token: %s\n", text);
    }
    assert_int_equal(arrival_read(key, buf_span(&m), &a), 0);
    assert_int_equal(a.count, ARRIVAL_TOKENS_MAX);
    assert_false(a.left_out);
    arrival_deinit(&a);
    char more[TOKEN_TEXT + 1];
    mint(more, TOKEN_RECIPIENT, ARRIVAL_TOKENS_MAX, key);
    buf_addf(&m, "Token: %s\n", more);
    assert_int_equal(arrival_read(key, buf_span(&m), &a), 0);
    assert_int_equal(a.count, ARRIVAL_TOKENS_MAX);
    assert_true(a.left_out);
    arrival_deinit(&a);
    buf_deinit(&m);
}

static void prefixes(void **state)
{
    struct buf m = BUF_INIT(1 << 20);
    struct guard g = {0};
    struct texts t;

    texts_init(&t);
    fill(&t, cases[18].form, &m); /* the bounce: it has every kind of part */
    for (size_t n = 0; n <= m.n; n++) {
        struct arrival a;

        assert_int_equal(arrival_read(key, guard_span(&g, span_slice(buf_span(&m), 0, n)), &a), 0);
        for (size_t i = 0; i < a.count; i++)
            assert_false(arrival_proves(&a, &a.tokens[i]));
        arrival_deinit(&a);
    }
    buf_deinit(&t.probe);
    buf_deinit(&m);
    guard_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mailboxes), cmocka_unit_test(base64),   cmocka_unit_test(wanted),
        cmocka_unit_test(limit),     cmocka_unit_test(prefixes),
    };

    return cmocka_run_group_tests_name("arrival", tests, NULL, NULL);
}
