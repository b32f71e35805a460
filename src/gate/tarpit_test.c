/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/tarpit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct tarpit t;

static struct ip ip_of(const char *text)
{
    struct ip ip;

    assert_true(ip_parse(span_str(text), &ip));
    return ip;
}

static void set_up(unsigned sessions_max, int64_t delay_max)
{
    struct tarpit_config c = {.on = true, .sessions_max = sessions_max, .delay_max = delay_max};

    tarpit_init(&t, &c, 99);
}

static unsigned offend(struct ip ip, int64_t now)
{
    struct tarpit_session s = {0};

    return tarpit_offence(&t, &s, ip, now);
}

static void test_who(void **state)
{
    static const struct {
        const char *name;
        bool off, trusted, listed, after354;
        unsigned offences;
        enum tarpit_says says;
    } cases[] = {
        {"a plain client", .says = TARPIT_GO},
        {"a listed one", .listed = true, .says = TARPIT_HOLD},
        {"listed, and trusted", .listed = true, .trusted = true, .says = TARPIT_GO},
        {"listed, behind 354", .listed = true, .after354 = true, .says = TARPIT_GO},
        {"two offences", .offences = TARPIT_OFFENCES - 1, .says = TARPIT_GO},
        {"three", .offences = TARPIT_OFFENCES, .says = TARPIT_HOLD},
        {"three, and trusted", .offences = TARPIT_OFFENCES, .trusted = true, .says = TARPIT_GO},
        {"off", .off = true, .listed = true, .offences = 50, .says = TARPIT_GO},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tarpit_facts f = {.client = ip_of("192.0.2.1"),
                                 .trusted = cases[i].trusted,
                                 .listed = cases[i].listed,
                                 .after354 = cases[i].after354};
        struct tarpit_session s = {0};
        int64_t ms = -1;
        enum tarpit_says says;

        set_up(0, 0);
        t.config.on = !cases[i].off;
        for (unsigned k = 0; k < cases[i].offences; k++)
            tarpit_offence(&t, &s, f.client, 0);
        says = tarpit_ask(&t, &s, &f, 0, &ms);
        if (says != cases[i].says)
            fail_msg("%s: %d", cases[i].name, says);
        assert_int_equal(ms, says == TARPIT_HOLD ? TARPIT_FIRST : -1);
        assert_int_equal(t.held_count, says == TARPIT_HOLD);
        tarpit_release(&t, &s);
        tarpit_release(&t, &s);
        assert_int_equal(t.held_count, 0);
    }
}

static void test_backoff(void **state)
{
    static const int64_t delays[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    struct tarpit_facts f = {.client = ip_of("192.0.2.1"), .listed = true};
    struct tarpit_session s = {0};
    int64_t ms, total = 0;

    set_up(0, 0);
    for (unsigned i = 0; i < TARPIT_REPLIES; i++) {
        assert_int_equal(tarpit_ask(&t, &s, &f, 0, &ms), TARPIT_HOLD);
        assert_int_equal(ms, i < 8 ? delays[i] : TARPIT_DELAY);
        total += ms;
        tarpit_release(&t, &s);
    }
    assert_int_equal(tarpit_ask(&t, &s, &f, 0, &ms), TARPIT_REFUSE);
    assert_int_equal(t.delayed_ms, total);
    assert_int_equal(t.delayed, TARPIT_REPLIES);
}

static void test_level(void **state)
{
    struct tarpit_facts f = {.client = ip_of("192.0.2.1")};
    int64_t ms, last = 0;

    set_up(0, 0);
    for (unsigned i = 1; i < 100; i++) {
        struct tarpit_session s = {0}, other = {0};

        tarpit_offence(&t, &other, f.client, 0);
        if (tarpit_ask(&t, &s, &f, 0, &ms) == TARPIT_HOLD) {
            assert_true(ms >= last && ms <= TARPIT_DELAY);
            last = ms;
        }
        tarpit_release(&t, &s);
    }
    assert_int_equal(last, TARPIT_DELAY);
}

static void test_never_over_the_clients_patience(void **state)
{
    struct tarpit_facts f = {.client = ip_of("192.0.2.1"), .listed = true};
    struct tarpit_session s = {0};
    int64_t ms;

    set_up(0, INT64_C(1) << 40);
    while (tarpit_ask(&t, &s, &f, 0, &ms) == TARPIT_HOLD) {
        assert_true(ms <= TARPIT_REPLY_MAX && ms < 300000);
        tarpit_release(&t, &s);
    }
}

static void test_bound_and_shed(void **state)
{
    struct tarpit_facts f = {.client = ip_of("192.0.2.1"), .listed = true};
    struct tarpit_session s[4] = {0};
    int64_t ms;

    set_up(3, 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(tarpit_ask(&t, &s[i], &f, 0, &ms), i < 3 ? TARPIT_HOLD : TARPIT_REFUSE);
    tarpit_release(&t, &s[1]);
    assert_ptr_equal(tarpit_shed(&t), &s[0]);
    assert_ptr_equal(tarpit_shed(&t), &s[2]);
    assert_null(tarpit_shed(&t));
    assert_int_equal(t.shed, 2);
    assert_int_equal(t.held_count, 0);
}

static void test_fading(void **state)
{
    struct ip ip = ip_of("192.0.2.1");

    set_up(0, 0);
    for (int i = 0; i < 8; i++)
        offend(ip, 0);
    assert_int_equal(tarpit_offences(&t, ip, TARPIT_FADE - 1), 8);
    assert_int_equal(tarpit_offences(&t, ip, TARPIT_FADE), 4);
    assert_int_equal(tarpit_offences(&t, ip, 3 * TARPIT_FADE), 1);
    assert_int_equal(tarpit_offences(&t, ip, 100 * TARPIT_FADE), 0);
    assert_int_equal(offend(ip, TARPIT_FADE), 5);
    assert_int_equal(tarpit_offences(&t, ip_of("192.0.2.2"), 0), 0);
    for (int i = 0; i < 2 * TARPIT_OFFENCES_MAX; i++)
        offend(ip, TARPIT_FADE);
    assert_int_equal(tarpit_offences(&t, ip, TARPIT_FADE), TARPIT_OFFENCES_MAX);
    /* A /64 is one client. */
    offend(ip_of("2001:db8::1"), 0);
    assert_int_equal(offend(ip_of("2001:db8::2"), 0), 2);
    assert_int_equal(offend(ip_of("2001:db8:0:1::2"), 0), 1);
}

/* No flood of newcomers pushes an old offender out; each look-up finds its own. */
static void test_flood(void **state)
{
    struct ip old = ip_of("192.0.2.1"), ip;
    char text[64];

    set_up(0, 0);
    for (int i = 0; i < 50; i++)
        offend(old, 0);
    for (unsigned i = 0; i < 10 * TARPIT_CLIENTS; i++) {
        snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
        ip = ip_of(text);
        assert_int_equal(offend(ip, 0), 1);
        assert_int_equal(tarpit_offences(&t, ip, 0), 1);
    }
    assert_int_equal(tarpit_offences(&t, old, 0), 50);
    assert_int_equal(t.count, TARPIT_CLIENTS);
}

/* More offenders than the table holds, each in one session: none gets away. */
static void test_crowd(void **state)
{
    static struct tarpit_session sessions[3 * TARPIT_CLIENTS];
    size_t count = sizeof(sessions) / sizeof(sessions[0]);
    char text[64];
    int64_t ms;

    set_up(0, 0);
    memset(sessions, 0, sizeof(sessions));
    for (unsigned n = 1; n <= TARPIT_OFFENCES; n++) {
        for (size_t i = 0; i < count; i++) {
            struct tarpit_facts f = {0};

            snprintf(text, sizeof(text), "10.%zu.%zu.%zu", i >> 16, i >> 8 & 255, i & 255);
            f.client = ip_of(text);
            tarpit_offence(&t, &sessions[i], f.client, 0);
            assert_int_equal(tarpit_ask(&t, &sessions[i], &f, 0, &ms),
                             n < TARPIT_OFFENCES ? TARPIT_GO : TARPIT_HOLD);
        }
    }
    assert_int_equal(t.held_count, count);
}

static void test_first_delay(void **state)
{
    struct tarpit_config c = {.on = true, .delay_first = 300, .delay_max = 1000};
    struct tarpit_facts f = {.client = ip_of("192.0.2.1"), .listed = true};
    static const int64_t delays[] = {300, 600, 1000, 1000};
    struct tarpit_session s = {0};
    int64_t ms;

    tarpit_init(&t, &c, 1);
    for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        assert_int_equal(tarpit_ask(&t, &s, &f, 0, &ms), TARPIT_HOLD);
        assert_int_equal(ms, delays[i]);
        tarpit_release(&t, &s);
    }
}

static void test_drip(void **state)
{
    static const struct {
        const char *name, *reply, *line, *rest;
    } cases[] = {
        {"greeting", "220 a ESMTP\r\n", "220-a ESMTP\r\n", "220 a ESMTP\r\n"},
        {"EHLO", "250-a\r\n250-SIZE\r\n250 DSN\r\n", "250-a\r\n", "250-SIZE\r\n250 DSN\r\n"},
        {"its end", "250 DSN\r\n", "250-DSN\r\n", "250 DSN\r\n"},
        {"refused", "554 5.7.1 no\r\n", "554-5.7.1 no\r\n", "554 5.7.1 no\r\n"},
        {"deferred", "451 4.7.1 x\r\n", "451-4.7.1 x\r\n", "451 4.7.1 x\r\n"},
        {"two replies", "554 a\r\n250 b\r\n", "554-a\r\n", "554 a\r\n250 b\r\n"},
        {"code alone", "250\r\n", "250-\r\n", "250\r\n"},
        {"no text", "250 \r\n", "250-\r\n", "250 \r\n"},
        {"challenge", "334 x\r\n", NULL, "334 x\r\n"},
        {"go on", "354 x\r\n", NULL, "354 x\r\n"},
        {"logged in", "235 x\r\n", NULL, "235 x\r\n"},
        {"the last word", "421 x\r\n", NULL, "421 x\r\n"},
        {"nothing", "", NULL, ""},
        {"half a line", "250 x", NULL, "250 x"},
        {"no code", "25\r\n", NULL, "25\r\n"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf reply = BUF_INIT(100), line = BUF_INIT(100), small = BUF_INIT(6);

        buf_add_str(&reply, cases[i].reply);
        if (tarpit_drip(&reply, &line) != (cases[i].line != NULL) ||
            strcmp(buf_str(&reply), cases[i].rest) != 0 ||
            (cases[i].line && strcmp(buf_str(&line), cases[i].line) != 0))
            fail_msg("%s: \"%s\", \"%s\"", cases[i].name, buf_str(&line), buf_str(&reply));
        if (reply.n > 6) { /* what is too long for a line stays whole */
            assert_false(tarpit_drip(&reply, &small));
            assert_string_equal(buf_str(&reply), cases[i].rest);
        }
        buf_deinit(&reply);
        buf_deinit(&line);
        buf_deinit(&small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who),
        cmocka_unit_test(test_backoff),
        cmocka_unit_test(test_level),
        cmocka_unit_test(test_never_over_the_clients_patience),
        cmocka_unit_test(test_bound_and_shed),
        cmocka_unit_test(test_fading),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_crowd),
        cmocka_unit_test(test_first_delay),
        cmocka_unit_test(test_drip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
