/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/arf.h"

#include "guard.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define TOP                                                                                        \
    "From: <abuse@example.com>\r\nMIME-Version: 1.0\r\n"                                           \
    "Content-Type: multipart/report; report-type=feedback-report; boundary=\"b\"\r\n\r\n"          \
    "--b\r\nContent-Type: text/plain\r\n\r\nwords\r\n--b\r\n"                                      \
    "Content-Type: message/feedback-report\r\n\r\n"
#define LEAST "Feedback-Type: abuse\r\nUser-Agent: SomeGenerator/1.0\r\nVersion: 1\r\n"
#define SPAM                                                                                       \
    "\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nReceived: from x\r\nSubject: Earn\r\n\r\n"     \
    "Spam Spam Spam\r\n--b--\r\n"

static const char *show(const struct arf *a, struct buf *out)
{
    char ip[IP_TEXT_MAX];

    buf_clear(out);
    buf_addf(out, "%s v%u from=%.*s rcpt=", arf_type_name(a->type), a->version,
             SPAN_ARG(a->mail_from));
    for (size_t i = 0; i < a->rcpt_to.count; i++)
        buf_addf(out, "%.*s,", SPAN_ARG(a->rcpt_to.v[i]));
    buf_addf(out, " mta=%.*s ip=%s port=%u n=%llu", SPAN_ARG(a->reporting_mta),
             ip_text(a->source, ip), a->source_port, (unsigned long long)a->incidents);
    return buf_str(out);
}

static void reads(void **state)
{
    static const struct {
        const char *name, *in;
        int got;
        const char *want; /* of show(), or of why */
    } cases[] = {
        {"least", TOP LEAST SPAM, ARF_OK, "abuse v1 from= rcpt= mta= ip= port=0 n=1"},
        {"RFC 5965 B.2",
         TOP LEAST "Original-Mail-From: <somespammer@example.net>\r\n"
                   "Original-Rcpt-To: <user@example.com>\r\nOriginal-Rcpt-To: <b@example.com>\r\n"
                   "Arrival-Date: Thu, 8 Mar 2005 14:00:00 EDT\r\n"
                   "Reporting-MTA: dns; mail.example.com\r\nSource-IP: 192.0.2.1\r\n"
                   "Reported-Domain: example.net\r\nReported-Uri: http://example.net/\r\n" SPAM,
         ARF_OK,
         "abuse v1 from=somespammer@example.net rcpt=user@example.com,b@example.com, "
         "mta=mail.example.com ip=192.0.2.1 port=0 n=1"},
        {"null path, port, count",
         TOP LEAST "Original-Mail-From: <>\r\nSource-IP: 2001:db8::1\r\nSource-Port: 65535\r\n"
                   "Incidents: 7\r\n" SPAM,
         ARF_OK, "abuse v1 from= rcpt= mta= ip=2001:db8::1 port=65535 n=7"},
        {"address literal", TOP LEAST "Source-IP: [IPv6:2001:db8::1]\r\n" SPAM, ARF_OK,
         "abuse v1 from= rcpt= mta= ip=2001:db8::1 port=0 n=1"},
        {"version of the drafts", TOP "Feedback-Type: fraud\r\nUser-Agent: x\r\nVersion: 0.1\r\n",
         ARF_OK, "fraud v0 from= rcpt= mta= ip= port=0 n=1"},
        {"unknown type and field",
         TOP "Feedback-Type: novel\r\nUser-Agent: x\r\nVersion: 1\r\nNew: 1\r\nNew: 2\r\n", ARF_OK,
         "other v1 from= rcpt= mta= ip= port=0 n=1"},
        {"not a report", "Subject: x\r\n\r\nbody", ARF_NONE, NULL},
        {"a bounce",
         "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b--\r\n",
         ARF_NONE, NULL},
        {"a forwarded report",
         "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n"
         "Content-Type: message/rfc822\r\n\r\n" TOP LEAST SPAM "\r\n--c--\r\n",
         ARF_NONE, NULL},
        {"no second part",
         "Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b--\r\n",
         ARF_BAD, "Feedback-Type is missing"},
        {"no agent", TOP "Feedback-Type: abuse\r\nVersion: 1\r\n" SPAM, ARF_BAD,
         "User-Agent is missing"},
        {"no version", TOP "Feedback-Type: abuse\r\nUser-Agent: x\r\n" SPAM, ARF_BAD,
         "Version is missing or no number"},
        {"two sources", TOP LEAST "Source-IP: 192.0.2.1\r\nSource-IP: 192.0.2.2\r\n" SPAM, ARF_BAD,
         "Source-IP stands twice"},
        {"two sources, the first empty", TOP LEAST "Source-IP:\r\nSource-IP: 192.0.2.2\r\n" SPAM,
         ARF_BAD, "Source-IP stands twice"},
        {"a source that is none", TOP LEAST "Source-IP: 192.0.2.256\r\n" SPAM, ARF_BAD,
         "Source-IP is no address"},
        {"a port that is none", TOP LEAST "Source-Port: 65536\r\n" SPAM, ARF_BAD,
         "Source-Port is no port"},
        {"a count that is none", TOP LEAST "Incidents: -1\r\n" SPAM, ARF_BAD,
         "Incidents is no number"},
    };
    struct buf out = BUF_INIT(4096);
    struct guard g = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arf a;

        if (arf_read(guard_span(&g, span_str(cases[i].in)), &a) != cases[i].got)
            fail_msg("%s: got another outcome: %s", cases[i].name, a.why ? a.why : "-");
        if (cases[i].got == ARF_OK && strcmp(show(&a, &out), cases[i].want) != 0)
            fail_msg("%s: %s", cases[i].name, buf_str(&out));
        if (cases[i].got == ARF_BAD && strcmp(a.why, cases[i].want) != 0)
            fail_msg("%s: %s", cases[i].name, a.why);
        arf_deinit(&a);
        arf_deinit(&a);
    }
    buf_deinit(&out);
    guard_free(&g);
}

static void encloses(void **state)
{
    struct arf a;

    assert_int_equal(arf_read(SPAN_LIT(TOP LEAST SPAM), &a), ARF_OK);
    assert_true(span_starts(a.enclosed, SPAN_LIT("Received: from x\r\n")));
    assert_true(span_eq(a.text, SPAN_LIT("words")));
    assert_false(a.headers_only);
    arf_deinit(&a);
    assert_int_equal(arf_read(SPAN_LIT(TOP LEAST "\r\n--b\r\nContent-Type: text/rfc822-headers\r\n"
                                                 "\r\nReceived: from y\r\n--b--\r\n"),
                              &a),
                     ARF_OK);
    assert_true(a.headers_only);
    assert_true(span_eq(a.enclosed, SPAN_LIT("Received: from y")));
    arf_deinit(&a);
}

/* Repeated fields are kept up to the limit, and a header section of any length is survived. */
static void bounds(void **state)
{
    struct buf in = BUF_INIT(1 << 20);
    struct arf a;

    buf_add_str(&in, TOP LEAST);
    for (unsigned i = 0; i <= ARF_VALUES_MAX; i++)
        buf_addf(&in, "Original-Rcpt-To: <u%u@example.com>\r\n", i);
    buf_add_str(&in, SPAM);
    assert_int_equal(arf_read(buf_span(&in), &a), ARF_OK);
    assert_int_equal(a.rcpt_to.count, ARF_VALUES_MAX);
    arf_deinit(&a);
    buf_deinit(&in);
}

static struct arf_message sample(void)
{
    static const struct span rcpts[] = {SPAN_LIT("<\"weird\"@probe.example")};
    static const struct arf_attachment json = {"application/json", "xarf.json",
                                               SPAN_LIT("{\"xarf_version\":\"4.0.0\"}")};

    return (struct arf_message){
        .date_wall = 1772366400,
        .from_name = SPAN_LIT("The list"),
        .from = SPAN_LIT("list@bl.example"),
        .to = SPAN_LIT("postmaster@mx.test.example"),
        .message_id = SPAN_LIT("1.2@bl.example"),
        .subject = SPAN_LIT("Open mail relay at 192.0.2.1"),
        .boundary = SPAN_LIT("4f1c9a77d2e84b06"),
        .text = SPAN_LIT("Hello,\n\nyour server relays.\r\n"),
        .type = ARF_TYPE_ABUSE,
        .user_agent = SPAN_LIT("Postern/0.1"),
        .mail_from = SPAN_LIT(""),
        .rcpt_to = rcpts,
        .rcpt_count = 1,
        .arrival_wall = 1772366300,
        .reporting_mta = SPAN_LIT("sink.bl.example"),
        .source = {IP_V4, {192, 0, 2, 1}},
        .source_port = 25,
        .incidents = 3,
        .enclosed = SPAN_LIT("Received: from mx\xc3\xbc\n\tby sink\r\nSubject: x\r\n"),
        .headers_only = true,
        .attachments = &json,
        .attachment_count = 1,
    };
}

static void writes(void **state)
{
    struct arf_message m = sample();
    struct buf out = BUF_INIT(ARF_MESSAGE_MAX), shown = BUF_INIT(4096);
    struct mime_iter it;
    struct mime_part part;
    struct arf a;
    unsigned json = 0;

    assert_int_equal(arf_write(&m, &out, NULL), ARF_WRITTEN);
    assert_int_equal(arf_read(buf_span(&out), &a), ARF_OK);
    assert_string_equal(show(&a, &shown),
                        "abuse v1 from= rcpt=<\"weird\"@probe.example, mta=sink.bl.example "
                        "ip=192.0.2.1 port=25 n=3");
    assert_true(a.mail_from.p != NULL && a.headers_only);
    assert_true(span_starts(a.enclosed, SPAN_LIT("Received: from mx??\r\n\tby sink\r\n")));
    assert_true(
        span_eq(header_value(buf_span(&out), "Auto-Submitted"), SPAN_LIT("auto-generated")));
    mime_open(&it, buf_span(&out));
    while (mime_next(&it, &part) == MIME_PART)
        if (mime_is(&part, "application", "json")) {
            buf_clear(&shown);
            mime_decode(&part, &shown);
            assert_string_equal(buf_str(&shown), "{\"xarf_version\":\"4.0.0\"}");
            json++;
        }
    assert_int_equal(json, 1);
    for (uint32_t i = 0; i < out.n; i++) /* 7-bit, CRLF only */
        assert_true((unsigned char)out.p[i] < 127 &&
                    (out.p[i] != '\n' || (i && out.p[i - 1] == '\r')));
    arf_deinit(&a);
    buf_deinit(&out);
    buf_deinit(&shown);
}

/* Words that are not ASCII, and lines too long for a message, arrive as they were. */
static void encodes(void **state)
{
    struct arf_message m = sample();
    struct buf out = BUF_INIT(ARF_MESSAGE_MAX), text = BUF_INIT(1 << 16), got = BUF_INIT(1 << 16);
    struct mime_iter it;
    struct mime_part part;

    buf_add_str(&text, "Gr\xc3\xbc\xc3\x9f"
                       "e = ");
    for (unsigned i = 0; i < 2000; i++)
        buf_add_char(&text, (char)('a' + i % 26));
    buf_add_str(&text, "\r\nblank at the end \r\n");
    m.text = buf_span(&text);
    m.attachment_count = 0;
    assert_int_equal(arf_write(&m, &out, NULL), ARF_WRITTEN);
    mime_open(&it, buf_span(&out));
    while (mime_next(&it, &part) == MIME_PART)
        if (mime_is(&part, "text", "plain"))
            mime_decode(&part, &got);
    buf_truncate(&text, text.n - 2); /* the line end before a boundary is the boundary's */
    assert_string_equal(buf_str(&got), buf_str(&text));
    buf_deinit(&out);
    buf_deinit(&text);
    buf_deinit(&got);
}

/* The words before the address, as they stand in the field. */
static void names(void **state)
{
    static const struct {
        const char *name, *want;
    } cases[] = {
        {"", "From: <"},
        {"The list, of relays (open)", "From: \"The list, of relays (open)\" <"},
        {"a\" <x@y>, \"b", "From: =?UTF-8?B?YSIgPHhAeT4sICJi?=\r\n <"},
        {"back\\slash", "From: =?UTF-8?B?YmFja1xzbGFzaA==?=\r\n <"},
        {"\xc3\xbc", "From: =?UTF-8?B?w7w=?=\r\n <"},
        /* 41 octets, then one of two: the second word begins with it. */
        {"12345678901234567890123456789012345678901\xc3\xbc",
         "From: =?UTF-8?B?MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=?=\r\n "
         "=?UTF-8?B?w7w=?=\r\n <"},
    };
    struct buf out = BUF_INIT(ARF_MESSAGE_MAX);

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arf_message m = sample();

        m.from_name = span_str(cases[i].name);
        assert_int_equal(arf_write(&m, &out, NULL), ARF_WRITTEN);
        if (!strstr(buf_str(&out), cases[i].want))
            fail_msg("%s: %s", cases[i].name, buf_str(&out));
        buf_clear(&out);
    }
    buf_deinit(&out);
}

static void refuses(void **state)
{
    static const struct {
        const char *name;
        size_t at; /* of a span in the message */
        const char *value, *which;
    } cases[] = {
        {"a new field in To", offsetof(struct arf_message, to), "a@b\r\nBcc: c@d", "to"},
        {"two recipients", offsetof(struct arf_message, to), "a@b,c@d", "to"},
        {"no recipient", offsetof(struct arf_message, to), "", "to"},
        {"a new field in the subject", offsetof(struct arf_message, subject), "x\nBcc: c@d",
         "subject"},
        {"a new field in the name", offsetof(struct arf_message, from_name), "a\r\nBcc: <x@y>",
         "from-name"},
        {"a name that is no UTF-8", offsetof(struct arf_message, from_name), "a\xff", "from-name"},
        {"a new field in the report", offsetof(struct arf_message, mail_from), "a\r\nSource-IP: 1",
         "mail-from"},
        {"a blank in the agent is fine, a control not", offsetof(struct arf_message, user_agent),
         "a\tb", "user-agent"},
        {"a short boundary", offsetof(struct arf_message, boundary), "abc", "boundary"},
        {"a boundary in the text", offsetof(struct arf_message, text), "--4f1c9a77d2e84b06--",
         "boundary"},
        {"a boundary in the copy", offsetof(struct arf_message, enclosed), "--4F1C9a77d2e84b06",
         "boundary"},
        {"no text", offsetof(struct arf_message, text), "", "text"},
        {"text that is no UTF-8", offsetof(struct arf_message, text), "\xff", "text"},
        {"a host with a blank", offsetof(struct arf_message, reporting_mta), "a b",
         "reporting-mta"},
    };
    struct buf out = BUF_INIT(ARF_MESSAGE_MAX);

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arf_message m = sample();
        const char *which = NULL;

        *(struct span *)((char *)&m + cases[i].at) = span_str(cases[i].value);
        if (arf_write(&m, &out, &which) != ARF_BAD_VALUE || strcmp(which, cases[i].which) != 0)
            fail_msg("%s: %s", cases[i].name, which ? which : "was written");
        assert_int_equal(out.n, 0);
    }
    buf_deinit(&out);
}

static void limits(void **state)
{
    struct arf_message m = sample();
    char *long_text = malloc(ARF_TEXT_MAX + 1);
    struct buf out = BUF_INIT(ARF_MESSAGE_MAX), small = BUF_INIT(500);

    memset(long_text, 'x', ARF_TEXT_MAX + 1);
    m.enclosed = span_of(long_text, ARF_TEXT_MAX);
    assert_int_equal(arf_write(&m, &out, NULL), ARF_WRITTEN);
    buf_clear(&out);
    m.enclosed.n++;
    assert_int_equal(arf_write(&m, &out, NULL), ARF_TOO_LONG);
    m = sample();
    m.text = span_of(long_text, ARF_TEXT_MAX);
    assert_int_equal(arf_write(&m, &out, NULL), ARF_WRITTEN);
    m.text.n++;
    assert_int_equal(arf_write(&m, &out, NULL), ARF_TOO_LONG);
    m = sample();
    assert_int_equal(arf_write(&m, &small, NULL), -EMSGSIZE);
    assert_int_equal(small.n, 0);
    free(long_text);
    buf_deinit(&out);
    buf_deinit(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),  cmocka_unit_test(encloses), cmocka_unit_test(bounds),
        cmocka_unit_test(writes), cmocka_unit_test(encodes),  cmocka_unit_test(refuses),
        cmocka_unit_test(limits), cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
