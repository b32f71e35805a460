/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/channel.h"

#include "probe/stage_test.h"

#define SIGNATURE "\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"

static void expect_header(struct stage *st, size_t probe, int want, struct span bytes)
{
    struct buf out = BUF_INIT(1000);

    assert_int_equal(channel_proxy_header(&st->door, probe, &out), want);
    if (want == 0 && !span_eq(buf_span(&out), bytes))
        fail_msg("%s: other bytes", st->probes[probe].channel->id);
    buf_deinit(&out);
}

static void test_proxy(void **state)
{
    static const char two[] = SIGNATURE "\x21\x11\x00\x0c\x7f\x00\x00\x01\xc0\x00\x02\x01\xc0\x00"
                                        "\x00\x19";
    static const char own[] = SIGNATURE "\x20\x00\x00\x00";
    struct stage *st = stage_new();

    stage_probe(st, "third", "plain", NULL, "proxy1");
    stage_probe(st, "third", "plain", NULL, "proxy2");
    stage_probe(st, "third", "plain", NULL, "proxy2-own");
    stage_probe(st, "third", "plain", NULL, "proxy2-six");
    stage_door(st);
    expect_header(st, 0, 0, SPAN_LIT("PROXY TCP4 127.0.0.1 192.0.2.1 1 25\r\n"));
    expect_header(st, 1, 0, span_of(two, sizeof(two) - 1));
    expect_header(st, 2, 0, span_of(own, sizeof(own) - 1));
    /* One family for both ends: over IPv6 the same row has no header to make. */
    st->host.ip = (struct ip){.family = IP_V6, .b = {0x20, 1, 0xd, 0xb8}};
    expect_header(st, 1, 1, SPAN_NULL);
    expect_header(st, 3, 0,
                  SPAN_LIT(SIGNATURE "\x21\x21\x00\x24\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                                     "\x00\x00\x00\x00\x00\x01\x20\x01\x0d\xb8\x00\x00\x00\x00"
                                     "\x00\x00\x00\x00\x00\x00\x00\x01\xc0\x00\x00\x19"));
    stage_free(st);
}

static void expect_auth(struct stage *st, size_t probe, unsigned step, int want, const char *line)
{
    struct buf out = BUF_INIT(1000);

    assert_int_equal(channel_auth_line(&st->door, st->probes[probe].channel, probe, step, &out),
                     want);
    if (want == 0)
        assert_string_equal(buf_str(&out), line);
    buf_deinit(&out);
}

/* The base64 of the secrets is written out: it must not be made by the code under test. */
static void test_auth(void **state)
{
    struct stage *st = stage_new();

    stage_probe(st, "third", "plain", NULL, "login");
    stage_probe(st, "third", "plain", NULL, "plain-login");
    stage_door(st);
    expect_auth(st, 0, 0, 0, "AUTH LOGIN");
    expect_auth(st, 0, 1, 1, NULL); /* no account was given */
    st->run.account = "tim";
    st->run.password = "tanstaaftanstaaf";
    expect_auth(st, 0, 1, 0, "dGlt");
    expect_auth(st, 0, 2, 0, "dGFuc3RhYWZ0YW5zdGFhZg==");
    expect_auth(st, 0, 3, 1, NULL);
    expect_auth(st, 1, 0, 0, "AUTH PLAIN");
    expect_auth(st, 1, 1, 0, "AHRpbQB0YW5zdGFhZnRhbnN0YWFm"); /* RFC 4616 §4, without authzid */
    expect_auth(st, 1, 2, 1, NULL);
    stage_free(st);
}

/* When the control is asked once more, and how. */
static void test_control_login(void **state)
{
    struct stage *st = stage_new();
    struct door *d = &st->door;

    stage_probe(st, "third", "plain", NULL, NULL);
    stage_door(st);
    assert_null(channel_login(d));
    d->ehlo.mechs = SMTP_MECH_LOGIN | SMTP_MECH_OTHER;
    assert_string_equal(channel_login(d)->with, "LOGIN {account} | {password}");
    d->ehlo.mechs |= SMTP_MECH_PLAIN;
    assert_true(span_starts(span_str(channel_login(d)->with), SPAN_LIT("PLAIN ")));
    d->control.state = CONTROL_REFUSED;
    d->control.meaning = MEANING_AUTH;
    d->tls = DOOR_STARTTLS;
    assert_false(door_login_due(d)); /* no account was given */
    st->run.account = "tim";
    st->run.password = "tanstaaf";
    assert_true(door_login_due(d));
    d->tls = DOOR_PLAIN;
    assert_false(door_login_due(d)); /* never in clear */
    d->tls = DOOR_IMPLICIT;
    d->control.meaning = MEANING_RELAY_DENIED;
    assert_false(door_login_due(d));
    d->control.meaning = MEANING_AUTH;
    d->control.login_tried = true;
    assert_false(door_login_due(d));
    d->control.login_tried = false;
    d->control.state = CONTROL_ACCEPTED;
    assert_false(door_login_due(d));
    d->control.state = CONTROL_REFUSED;
    d->ehlo.mechs = SMTP_MECH_OTHER;
    assert_false(door_login_due(d));
    stage_free(st);
}

/* What the chunks of a 30-octet message hold, in octets, and which is the last. */
static const struct {
    const char *name, *channel;
    size_t n;
    size_t sizes[6]; /* up to the one that is the last */
    size_t count;
} chunks[] = {
    {"one", "bdat-one", 30, {30}, 1},
    {"cut", "bdat-cut", 30, {1, 20, 9}, 3},
    {"shorter than the cuts", "bdat-cut", 10, {1, 9, 0}, 3},
    {"empty last", "bdat-empty", 30, {30, 0}, 2},
    {"empty message", "bdat-one", 0, {0}, 1},
    {"empty message, cut", "bdat-cut", 0, {0, 0, 0}, 3},
};

static void test_bdat(void **state)
{
    static const char message[] = "abcdefghijklmnopqrstuvwxyz0123";
    struct stage *st = stage_new();

    for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
        const struct form *channel = stage_form(st, FORM_CHANNEL, chunks[i].channel);
        struct span text = span_of(message, chunks[i].n);
        struct buf whole = BUF_INIT(100);
        struct channel_chunk c = {0};
        size_t n = 0;
        bool last = false;

        while (channel_bdat_next(channel, text, &c)) {
            assert_false(last);
            last = c.last;
            if (n >= chunks[i].count || c.bytes.n != chunks[i].sizes[n])
                fail_msg("%s: chunk %zu has %zu octets", chunks[i].name, n, c.bytes.n);
            buf_add(&whole, c.bytes);
            n++;
        }
        if (!last || n != chunks[i].count || !span_eq(buf_span(&whole), text))
            fail_msg("%s: %zu chunks with %zu octets", chunks[i].name, n, (size_t)whole.n);
        buf_deinit(&whole);
    }
    stage_free(st);
}

/* Plain SMTP has no header, no login and no chunks. */
static void test_plain(void **state)
{
    struct stage *st = stage_new();
    struct channel_chunk c = {0};

    stage_probe(st, "third", "plain", NULL, NULL);
    stage_probe(st, "third", "plain", NULL, "bdat-one");
    stage_door(st);
    expect_header(st, 0, 1, SPAN_NULL);
    expect_header(st, 1, 1, SPAN_NULL);
    expect_auth(st, 0, 0, 1, NULL);
    assert_false(channel_bdat_next(NULL, SPAN_LIT("x"), &c));
    stage_free(st);
}

static void test_early(void **state)
{
    struct stage *st = stage_new();
    const struct form *banner = stage_form(st, FORM_CHANNEL, "early-banner");
    const struct form *data = stage_form(st, FORM_CHANNEL, "early-data");
    const struct form *other = stage_form(st, FORM_CHANNEL, "bdat-one");

    assert_true(channel_early_at_banner(banner));
    assert_false(channel_early_past_data(banner));
    assert_true(channel_early_past_data(data));
    assert_false(channel_early_at_banner(data));
    assert_false(channel_early_at_banner(other) || channel_early_past_data(other));
    assert_false(channel_early_at_banner(NULL) || channel_early_past_data(NULL));
    stage_free(st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proxy),         cmocka_unit_test(test_auth),
        cmocka_unit_test(test_control_login), cmocka_unit_test(test_bdat),
        cmocka_unit_test(test_plain),         cmocka_unit_test(test_early),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
