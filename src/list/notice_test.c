/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "list/notice.h"

#include "list/xarf.h"
#include "mail/arf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TOKEN    "ojaqyaaaaaab4xgqcmd2mabzku5q3nqmrm7a"

static void mailboxes(void **state)
{
    static const struct {
        const char *mailbox;
        bool ok;
    } cases[] = {
        {"abuse@example.net", true},
        {"a.b+c@sub.example.net", true},
        {"abuse@localhost", false},
        {"abuse", false},
        {"@example.net", false},
        {"abuse@", false},
        {"a b@example.net", false},
        {"<abuse@example.net>", false},
        {"a@b@example.net", false},
        {"a%b@example.net", false},
        {"a!b@example.net", false},
        {".a@example.net", false},
        {"a..b@example.net", false},
        {"a.@example.net", false},
        {"a@-x.example.net", false},
        {"a@x..example.net", false},
        {"a@[192.0.2.1]", false},
        {"a\r\nRCPT TO:<b@c.example>@example.net", false},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.net", true},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.net", false},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        if (notice_mailbox_ok(span_str(cases[i].mailbox)) != cases[i].ok)
            fail_msg("%s", cases[i].mailbox);
}

static void postmasters(void **state)
{
    static const struct {
        const char *name, *want; /* NULL: nobody */
    } cases[] = {
        {"mail.example.com", "postmaster@example.com"},
        {"MX1.Dept.Example.CO.UK.", "postmaster@example.co.uk"},
        {"example.com", "postmaster@example.com"},
        {"co.uk", NULL},
        {"com", NULL},
        {"localhost", NULL},
        {"mail..example.com", NULL},
        {"mail example.com", NULL},
        {"", NULL},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct notice_list l = {0};
        bool got = notice_add_postmaster(&l, span_str(cases[i].name));

        if (got != (cases[i].want != NULL) || (got && strcmp(l.v[0].mailbox, cases[i].want) != 0))
            fail_msg("%s: %s", cases[i].name, got ? l.v[0].mailbox : "nobody");
    }
}

static void contacts(void **state)
{
    struct notice_list l = {0};
    char name[40];

    assert_int_equal(notice_add_contact(&l, SPAN_LIT("mailto:Abuse@Example.NET, noc@example.net;"
                                                     " junk <x> ABUSE@example.net")),
                     2);
    assert_string_equal(l.v[0].mailbox, "Abuse@example.net");
    assert_string_equal(l.v[1].mailbox, "noc@example.net");
    assert_int_equal(l.v[1].role, NOTICE_ABUSE);
    for (unsigned i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "a%u@example.net", i);
        notice_add_contact(&l, span_str(name));
    }
    assert_int_equal(l.count, NOTICE_TO_MAX);
    assert_false(notice_add_postmaster(&l, SPAN_LIT("mail.example.com")));
}

static void contact_file(void **state)
{
    static const char file[] = "# ours\n192.0.2.0/24 abuse@isp.example # the net\n"
                               "192.0.2.128/25  noc@isp.example abuse@isp.example\r\n"
                               "0.0.0.0/0 world@rir.example\n2001:db8::/32 v6@isp.example\n";
    static const struct {
        const char *ip, *want;
    } cases[] = {
        {"192.0.2.1", "abuse@isp.example"},
        {"192.0.2.200", "noc@isp.example abuse@isp.example"},
        {"198.51.100.1", "world@rir.example"},
        {"2001:db8::1", "v6@isp.example"},
        {"2001:db9::1", ""},
    };
    unsigned line;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ip ip;
        struct span got;

        assert_true(ip_parse(span_str(cases[i].ip), &ip));
        got = notice_contact_of(SPAN_LIT(file), ip, &line);
        assert_true(span_eq(got, span_str(cases[i].want)));
        assert_int_equal(line, 0);
    }
    notice_contact_of(SPAN_LIT("\n192.0.2.0/24\nx y@z.example\n"), (struct ip){0}, &line);
    assert_int_equal(line, 2);
}

static void decisions(void **state)
{
    const struct notice_question fine = {
        .mailbox = SPAN_LIT("postmaster@example.com"),
        .listed = true,
        .domain_limit = 2,
        .own_domain = SPAN_LIT("bl.example"),
    };
    struct notice_question q = fine;

    assert_int_equal(notice_decide(&q), NOTICE_SEND);
    q.listed = false;
    assert_int_equal(notice_decide(&q), NOTICE_NOT_LISTED);
    q = fine;
    q.already = true;
    assert_int_equal(notice_decide(&q), NOTICE_ALREADY);
    q = fine;
    q.domain_today = 1;
    assert_int_equal(notice_decide(&q), NOTICE_SEND);
    q.domain_today = 2;
    assert_int_equal(notice_decide(&q), NOTICE_DOMAIN_FULL);
    q = fine;
    q.own_domain = SPAN_LIT("EXAMPLE.com");
    assert_int_equal(notice_decide(&q), NOTICE_OURSELVES);
    q = fine;
    q.refused_file = SPAN_LIT("# asked on 2026-01-01\npostmaster@example.org\nexample.net\n");
    assert_int_equal(notice_decide(&q), NOTICE_SEND);
    q.mailbox = SPAN_LIT("abuse@mail.EXAMPLE.net");
    assert_int_equal(notice_decide(&q), NOTICE_OPTED_OUT);
    q.mailbox = SPAN_LIT("abuse@badexample.net");
    assert_int_equal(notice_decide(&q), NOTICE_SEND);
    q.mailbox = SPAN_LIT("Postmaster@example.org");
    assert_int_equal(notice_decide(&q), NOTICE_OPTED_OUT);
}

static void redaction(void **state)
{
    static const struct {
        const char *name, *in, *want;
    } cases[] = {
        {"a token", "C: RCPT TO:<" TOKEN "%probe.example@mx>",
         "C: RCPT TO:<[token]%probe.example@mx>\n"},
        {"folded", "C: RCPT TO:<OJAQYAAAAAAB4XGQCMD2MABZKU5Q3NQMRM7A@d>",
         "C: RCPT TO:<[token]@d>\n"},
        {"at the edge", "S: 250 abcdefghijklmnopqrstuvw", "S: 250 abcdefghijklmnopqrstuvw\n"},
        {"one past", "S: 250 abcdefghijklmnopqrstuvwx", "S: 250 [token]\n"},
        {"login at once", "C: AUTH PLAIN AHRpbQB0YW5z\nS: 235 ok\nC: MAIL FROM:<>",
         "C: AUTH [struck out]\nS: 235 ok\nC: MAIL FROM:<>\n"},
        {"login in steps",
         "C: auth login\nS: 334 VXNlcm5hbWU6\nC: dGlt\nS: 334 UGFz\nC: dGFu\n"
         "S: 535 no\nC: QUIT\r\n",
         "C: AUTH [struck out]\nS: 334 VXNlcm5hbWU6\nC: [struck out]\nS: 334 UGFz\n"
         "C: [struck out]\nS: 535 no\nC: QUIT\n"},
        {"no end of line", "a", "a\n"},
        {"nothing", "", ""},
    };
    struct buf out = BUF_INIT(4096);

    for (size_t i = 0; i < COUNT(cases); i++) {
        buf_clear(&out);
        notice_redact(span_str(cases[i].in), 1000, &out);
        if (strcmp(buf_str(&out), cases[i].want) != 0)
            fail_msg("%s: %s", cases[i].name, buf_str(&out));
    }
    buf_clear(&out);
    notice_redact(SPAN_LIT("123\n456\n789\n"), 9, &out);
    assert_string_equal(buf_str(&out), "123\n456\n[1 more lines]\n");
    buf_deinit(&out);
}

static struct notice sample(void)
{
    static const struct notice_proof proofs[] = {
        {1772366400,
         SPAN_LIT("percent-host"),
         SPAN_LIT("<a@probe.example>"),
         SPAN_LIT("<" TOKEN "%probe.example@mx.test.example>"),
         {IP_V4, {192, 0, 2, 1}}},
    };
    struct notice n = {
        .id = 17,
        .address = {IP_V4, {192, 0, 2, 1}},
        .port = 25,
        .host = SPAN_LIT("mx.test.example"),
        .zone = SPAN_LIT("bl.example"),
        .class = SPAN_LIT("relay"),
        .class_text = SPAN_LIT("open relay: mail came through"),
        .listed_wall = 1772366500,
        .expires_wall = 1774958500,
        .page = SPAN_LIT("https://bl.example/17"),
        .proofs = proofs,
        .proof_count = 1,
        .path = SPAN_LIT("us -> 192.0.2.1 -> sink.bl.example\n"),
        .proof_header = SPAN_LIT("Received: from mx.test.example ([192.0.2.1])\r\n\tfor <" TOKEN
                                 "@probe.example>\r\nSubject: caf\xe9\r\n"),
        .transcript = SPAN_LIT("S: 220 mx\nC: RCPT TO:<" TOKEN "%probe.example@mx>\nS: 250 ok\n"),
        .advice = SPAN_LIT("Postfix 3.7\nset smtpd_relay_restrictions\n"),
        .retest = SPAN_LIT("mailto:retest@bl.example"),
        .opt_out = SPAN_LIT("opt-out@bl.example"),
        .org = SPAN_LIT("The list"),
        .from = SPAN_LIT("list@bl.example"),
        .contact = SPAN_LIT("human@bl.example"),
        .tester = SPAN_LIT("tester.bl.example"),
        .now_wall = 1772366600,
    };

    for (unsigned i = 0; i < NOTICE_CHANCE; i++)
        n.chance[i] = (uint8_t)(i * 37 + 11);
    return n;
}

static bool has(struct span s, const char *word)
{
    return span_has_nocase(s, span_str(word));
}

static void check_xarf(struct span text)
{
    json_error_t why;
    json_t *doc = json_loadb(text.p, text.n, 0, &why), *item;
    const char *uuid;

    assert_non_null(doc);
    assert_string_equal(json_string_value(json_object_get(doc, "xarf_version")), "4.0.0");
    assert_string_equal(json_string_value(json_object_get(doc, "category")), "vulnerability");
    assert_string_equal(json_string_value(json_object_get(doc, "type")), "misconfiguration");
    assert_string_equal(json_string_value(json_object_get(doc, "source_identifier")), "192.0.2.1");
    assert_string_equal(json_string_value(json_object_get(doc, "timestamp")),
                        "2026-03-01T12:00:00Z");
    uuid = json_string_value(json_object_get(doc, "report_id"));
    assert_true(strlen(uuid) == 36 && uuid[14] == '4' && strchr("89ab", uuid[19]));
    item = json_array_get(json_object_get(doc, "evidence"), 0);
    assert_int_equal(strlen(json_string_value(json_object_get(item, "hash"))), 7 + 64);
    assert_int_equal(json_array_size(json_object_get(doc, "evidence")), 2);
    json_decref(doc);
}

static void writes(void **state)
{
    const struct notice_to to = {"postmaster@test.example", NOTICE_POSTMASTER};
    struct notice n = sample();
    struct buf out = BUF_INIT(NOTICE_MESSAGE_MAX), part_text = BUF_INIT(NOTICE_MESSAGE_MAX);
    struct mime_iter it;
    struct mime_part part;
    const char *why;
    struct arf a;

    assert_int_equal(notice_write(&n, &to, &out, &why), NOTICE_OK);
    assert_int_equal(arf_read(buf_span(&out), &a), ARF_OK);
    assert_true(a.type == ARF_TYPE_ABUSE && a.headers_only && a.source_port == 25);
    assert_true(has(a.enclosed, "for <[token]@probe.example>") && has(a.enclosed, "caf?"));
    assert_true(
        span_eq(header_value(buf_span(&out), "Auto-Submitted"), SPAN_LIT("auto-generated")));
    assert_true(has(header_value(buf_span(&out), "To"), "postmaster@test.example"));
    mime_open(&it, buf_span(&out));
    while (mime_next(&it, &part) == MIME_PART) {
        buf_clear(&part_text);
        mime_decode(&part, &part_text);
        assert_false(has(buf_span(&part_text), TOKEN)); /* in no part, in no encoding */
        if (mime_is(&part, "application", "json"))
            check_xarf(buf_span(&part_text));
        if (mime_is(&part, "text", "plain")) {
            static const char *const words[] = {"192.0.2.1 (mx.test.example)",
                                                "probe percent-host",
                                                "us -> 192.0.2.1",
                                                "smtpd_relay_restrictions",
                                                "number:   17",
                                                "mailto:retest@bl.example",
                                                "opt-out@bl.example",
                                                "https://bl.example/17",
                                                "until:",
                                                "S: 250 ok"};

            for (size_t i = 0; i < COUNT(words); i++)
                if (!has(buf_span(&part_text), words[i]))
                    fail_msg("%s is missing:\n%s", words[i], buf_str(&part_text));
        }
    }
    arf_deinit(&a);
    buf_deinit(&out);
    buf_deinit(&part_text);
}

static void refuses(void **state)
{
    const struct notice_to to = {"postmaster@test.example", NOTICE_POSTMASTER};
    struct buf out = BUF_INIT(NOTICE_MESSAGE_MAX);
    struct notice n = sample();
    const char *why = NULL;

    n.from = SPAN_LIT("list@bl.example\r\nBcc: all@test.example");
    assert_int_equal(notice_write(&n, &to, &out, &why), NOTICE_BAD);
    assert_string_equal(why, "from");
    n = sample();
    n.class_text = SPAN_LIT("\xff");
    assert_int_equal(notice_write(&n, &to, &out, &why), NOTICE_BAD);
    assert_int_equal(out.n, 0);
    buf_deinit(&out);
}

/* A server that says as much as it can, and puts what it likes into its lines. */
static void long_dialogue(void **state)
{
    const struct notice_to to = {"abuse@test.example", NOTICE_ABUSE};
    struct buf out = BUF_INIT(NOTICE_MESSAGE_MAX), text = BUF_INIT(1 << 20);
    struct notice n = sample();
    const char *why;
    struct arf a;

    for (unsigned i = 0; i < 20000; i++)
        buf_addf(&text, "S: 250-line %u --%02x--\n", i, i & 255);
    n.transcript = buf_span(&text);
    n.path = n.advice = n.proof_header = n.transcript;
    assert_int_equal(notice_write(&n, &to, &out, &why), NOTICE_OK);
    assert_in_range(out.n, 10000, NOTICE_MESSAGE_MAX);
    assert_int_equal(arf_read(buf_span(&out), &a), ARF_OK);
    arf_deinit(&a);
    buf_deinit(&out);
    buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mailboxes),     cmocka_unit_test(postmasters),
        cmocka_unit_test(contacts),      cmocka_unit_test(contact_file),
        cmocka_unit_test(decisions),     cmocka_unit_test(redaction),
        cmocka_unit_test(writes),        cmocka_unit_test(refuses),
        cmocka_unit_test(long_dialogue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
