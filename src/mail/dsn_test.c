/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The samples stand in tests/corpus/mail-dsn, one message a file, as each mail system writes them
 * (some with LF, some with CRLF), and serve the fuzzer too. They are made up: documentation names
 * and addresses, one token.
 */
#include "mail/dsn.h"

#include "guard.h"
#include "source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TOKEN    "oiqcgmkthaaq2cxgmfzwk3tfnzxw4zlsmvzg"
#define TO       TOKEN "@probe.example"

static void read_sample(const char *name, struct buf *out)
{
    char path[200];

    snprintf(path, sizeof(path), "tests/corpus/mail-dsn/%s", name);
    buf_clear(out);
    buf_add(out, source_text(path));
}

static void add(struct buf *out, const char *key, struct span s)
{
    if (s.n)
        buf_addf(out, " %s=%.*s", key, SPAN_ARG(s));
}

/* Kind, style, reporting host, then each recipient; "+copy" when our message was found inside. */
static const char *show(struct span message, struct buf *out)
{
    struct dsn d;

    buf_clear(out);
    assert_int_equal(dsn_read(message, &d), 0);
    assert_non_null(d.why);
    buf_addf(out, "%s, %s%s", dsn_kind_name(d.kind), dsn_style_name(d.style),
             d.null_path ? ", null" : "");
    add(out, "by", d.reporting_mta);
    for (size_t i = 0; i < d.count; i++) {
        buf_addf(out, " [%.*s", SPAN_ARG(d.recipients[i].action));
        add(out, "to", d.recipients[i].final);
        add(out, "orig", d.recipients[i].original);
        add(out, "st", d.recipients[i].status);
        add(out, "at", d.recipients[i].remote_mta);
        buf_add_str(out, "]");
    }
    if (d.enclosed.n)
        buf_add_str(out,
                    span_has_nocase(d.enclosed, SPAN_LIT("Token: " TOKEN)) ? " +copy" : " +head");
    dsn_deinit(&d);
    dsn_deinit(&d);
    return buf_str(out);
}

static const struct {
    const char *name, *want;
} samples[] = {
    {"probe", "probe, none"},
    {"probe-null-path", "probe, none, null"},
    {"probe-new-id", "probe, none"},
    {"probe-footer-multipart", "probe, none"},
    {"postfix", "bounce, RFC 3464, null by=relay.example [failed to=" TO " orig=" TOKEN
                "%probe.example@relay.example st=5.1.1 at=mx.probe.example] +copy"},
    {"postfix-delay", "delay, RFC 3464, null by=relay.example [delayed to=" TO " orig=" TOKEN
                      "%probe.example@relay.example st=4.4.1 at=mx.probe.example] +copy"},
    {"postfix-success", "receipt, RFC 3464, null by=relay.example [relayed to=" TO " orig=" TOKEN
                        "%probe.example@relay.example st=2.0.0 at=mx.probe.example] +copy"},
    {"postfix-headers-only", "bounce, RFC 3464, null by=relay.example [failed to=" TO " orig=" TOKEN
                             "%probe.example@relay.example st=5.1.1 at=mx.probe.example] +head"},
    {"postfix-old-plain", "bounce, Postfix, null by=relay.example [failed to=" TO "] +copy"},
    {"exim", "bounce, Exim, null by=relay.example [failed to=" TO " st=5.7.1] +copy"},
    {"exim-delay", "delay, Exim, null by=relay.example [delayed to=" TO "]"},
    {"qmail", "bounce, qmail, null by=relay.example [failed to=" TOKEN
              "%probe.example@relay.example st=5.1.1] +copy"},
    {"qmail-other-name", "bounce, qmail, null by=relay.example [failed to=" TOKEN
                         "%probe.example@relay.example st=5.1.1] +copy"},
    {"sendmail", "bounce, RFC 3464, null by=relay.example [failed to=" TO
                 " st=5.7.1 at=mx.probe.example] +copy"},
    {"sendmail-old", "bounce, Sendmail by=relay.example [failed to=" TO "] +copy"},
    {"sendmail-warning", "delay, Sendmail, null by=relay.example [delayed to=" TO "]"},
    {"exchange-2016", "bounce, RFC 3464 by=relay.example [failed to=" TO " st=5.7.1] +copy"},
    {"exchange-5.5", "bounce, Exchange by=relay.example [failed to=" TO "] +copy"},
    {"iis-smtpsvc", "bounce, RFC 3464 by=relay.example [failed to=" TO " st=5.1.1] +copy"},
    {"domino", "bounce, RFC 3464 by=relay.example [failed to=" TO " st=5.1.1] +copy"},
    {"courier", "bounce, Courier, null by=relay.example [failed to=" TO " st=5.1.1] +copy"},
    {"mercury", "bounce, Mercury by=relay.example [failed to=" TO "] +copy"},
    {"imail", "bounce, IMail by=relay.example [failed to=" TO "] +copy"},
    {"plain-daemon", "bounce, plain by=relay.example [failed to=" TO "] +copy"},
    {"null-path-no-words", "bounce, plain, null by=relay.example +copy"},
    {"bounce-no-copy", "bounce, qmail, null by=relay.example [failed to=" TO " st=5.1.2]"},
    {"bounce-copies-head", "bounce, Sendmail, null by=relay.example"},
    {"vacation", "auto-reply, none, null"},
    {"outlook-away", "auto-reply, none"},
    {"responder-quotes", "auto-reply, none +copy"},
    {"forwarded", "enclosed, none +copy"},
    {"abuse-report", "enclosed, none +copy"},
    {"read-receipt", "receipt, RFC 8098 [displayed to=joe@example.net orig=" TO "]"},
    {"two-recipients", "bounce, RFC 3464, null by=relay.example [delayed to=" TO " orig=" TOKEN
                       "%probe.example@relay.example st=5.1.1 at=mx.probe.example] [failed "
                       "to=b@probe.example st=5.2.2] +copy"},
    {"one-group", "bounce, RFC 3464 by=relay.example [failed to=" TO " st=5.1.1] +copy"},
    {"unrelated", "other, none"},
    {"unrelated-null", "other, none, null"},
    {"list-of-words", "other, none"},
};

static void kinds(void **state)
{
    struct buf m = BUF_INIT(1 << 20), out = BUF_INIT(10000);
    struct guard g = {0};
    unsigned wrong = 0;

    for (size_t i = 0; i < COUNT(samples); i++) {
        read_sample(samples[i].name, &m);
        if (strcmp(show(guard_span(&g, buf_span(&m)), &out), samples[i].want) != 0) {
            print_error("%s:\n  got  %s\n  want %s\n", samples[i].name, buf_str(&out),
                        samples[i].want);
            wrong++;
        }
    }
    buf_deinit(&m);
    buf_deinit(&out);
    guard_free(&g);
    assert_int_equal(wrong, 0);
}

/*
 * However much of a message came through: what is about a probe never turns into the probe, and a
 * probe whose mark came through never turns into a bounce.
 */
static void cut_messages(void **state)
{
    struct buf m = BUF_INIT(1 << 20);
    struct guard g = {0};

    for (size_t i = 0; i < COUNT(samples); i++) {
        bool probe = span_starts(span_str(samples[i].want), SPAN_LIT("probe"));

        read_sample(samples[i].name, &m);
        for (size_t n = 0; n < m.n; n++) {
            struct dsn d;

            assert_int_equal(dsn_read(guard_span(&g, span_slice(buf_span(&m), 0, n)), &d), 0);
            if (probe)
                assert_true(d.kind == (d.has_mark ? DSN_KIND_PROBE : DSN_KIND_OTHER));
            else
                assert_int_not_equal(d.kind, DSN_KIND_PROBE);
            dsn_deinit(&d);
        }
    }
    buf_deinit(&m);
    guard_free(&g);
}

static void statuses(void **state)
{
    static const struct {
        const char *name, *line, *want;
    } cases[] = {
        {"plain", "550 5.1.1 no", "5.1.1"},
        {"in brackets", "no mailbox (#5.1.1)", "5.1.1"},
        {"wide", "5.123.456", "5.123.456"},
        {"an address is none", "host 5.1.1.4 said no", ""},
        {"end of an address", "[192.0.5.1.1]", ""},
        {"too wide", "5.1234.1", ""},
        {"class 3", "3.1.1", ""},
        {"full stop behind", "failed with 4.4.7.", "4.4.7"},
        {"glued", "v5.1.1", ""},
        {"letter behind", "5.1.1a", ""},
        {"at the end of the text", "x 5.1.", ""},
    };
    struct buf m = BUF_INIT(1000);
    struct guard g = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dsn d;

        print_message("# %s\n", cases[i].name);
        buf_clear(&m);
        buf_addf(&m, "Subject: Returned mail: x\n\n<a@b>\n%s", cases[i].line);
        assert_int_equal(dsn_read(guard_span(&g, buf_span(&m)), &d), 0);
        assert_int_equal(d.count, 1);
        assert_true(span_eq(d.recipients[0].status, span_str(cases[i].want)));
        dsn_deinit(&d);
    }
    buf_deinit(&m);
    guard_free(&g);
}

static void limit(void **state)
{
    struct buf m = BUF_INIT(1 << 20);
    struct dsn d;

    buf_add_str(&m,
                "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n"
                "Content-Type: message/delivery-status\n\n");
    for (int i = 0; i < DSN_RECIPIENTS_MAX + 1; i++) {
        buf_add_str(&m, "\n\nAction: failed\n");
        assert_int_equal(dsn_read(buf_span(&m), &d), 0);
        assert_int_equal(d.count, i < DSN_RECIPIENTS_MAX ? i + 1 : DSN_RECIPIENTS_MAX);
        dsn_deinit(&d);
    }
    buf_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(cut_messages),
        cmocka_unit_test(statuses),
        cmocka_unit_test(limit),
    };

    return cmocka_run_group_tests_name("dsn", tests, NULL, NULL);
}
