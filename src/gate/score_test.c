/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/score.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct ip ip_of(const char *text)
{
    struct ip ip;

    assert_true(ip_parse(span_str(text), &ip));
    return ip;
}

static void test_settings(void **state)
{
    static const struct {
        const char *name, *text;
        bool white, good;
        const char *zone, *shown;
        int weight;
        unsigned codes;
    } cases[] = {
        {"plain", "zen.example.org 3", false, true, "zen.example.org", "zen.example.org", 3, 0},
        {"trailing dot", "zen.example.org. 3", false, true, "zen.example.org", "zen.example.org", 3,
         0},
        {"white", "list.example.org 5", true, true, "list.example.org", "list.example.org", -5, 0},
        {"codes", "bl.example.org 1 127.0.0.2-127.0.0.11,127.0.0.20", false, true, "bl.example.org",
         "bl.example.org", 1, 2},
        {"short codes", "bl.example.org 1 2,4-11", false, true, "bl.example.org", "bl.example.org",
         1, 2},
        {"secret", "k3y.zen.example.org=zen.example.org 1", false, true, "k3y.zen.example.org",
         "zen.example.org", 1, 0},
        {"largest weight", "bl.example.org 1000", false, true, "bl.example.org", "bl.example.org",
         1000, 0},
        {"empty", "", false, false},
        {"no weight", "bl.example.org", false, false},
        {"no weight, codes", "bl.example.org 127.0.0.2", false, false},
        {"weight 0", "bl.example.org 0", false, false},
        {"weight over", "bl.example.org 1001", false, false},
        {"negative weight", "bl.example.org -3", false, false},
        {"one label", "localhost 3", false, false},
        {"a URL", "http://bl.example.org 3", false, false},
        {"empty label", "bl..example.org 3", false, false},
        {"code outside 127/8", "bl.example.org 3 10.0.0.2", false, false},
        {"code backwards", "bl.example.org 3 11-4", false, false},
        {"code empty", "bl.example.org 3 ,", false, false},
        {"code and more", "bl.example.org 3 2 x", false, false},
        {"17 codes", "bl.example.org 3 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", false, false},
        {"16 codes", "bl.example.org 3 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", false, true,
         "bl.example.org", "bl.example.org", 3, 16},
    };
    char err[SCORE_ERROR_MAX];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct score_zone z;
        bool good = score_zone_parse(span_str(cases[i].text), cases[i].white, &z, err);

        if (good != cases[i].good)
            fail_msg("%s: %s", cases[i].name, good ? "taken" : err);
        if (!good)
            continue;
        assert_string_equal(z.zone, cases[i].zone);
        assert_string_equal(z.shown, cases[i].shown);
        assert_int_equal(z.weight, cases[i].weight);
        assert_int_equal(z.code_count, cases[i].codes);
        assert_int_equal(z.health, SCORE_UNTESTED);
    }
    /* A reason never shows the secret part. */
    assert_false(score_zone_parse(SPAN_LIT("k3y.zen.example.org=zen.example.org 0"), false,
                                  &(struct score_zone){0}, err));
    assert_null(strstr(err, "k3y"));
}

static void test_zone_length(void **state)
{
    struct buf b = BUF_INIT(1000);
    char err[SCORE_ERROR_MAX], name[SCORE_NAME_MAX];
    struct score_zone z;

    /* 186 octets: three labels of 61 and two dots, and one more. */
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < (i < 2 ? 61 : 62); k++)
            buf_add_char(&b, 'a');
        if (i < 2)
            buf_add_char(&b, '.');
    }
    assert_int_equal(b.n, SCORE_ZONE_MAX);
    buf_add_str(&b, " 1");
    assert_true(score_zone_parse(buf_span(&b), false, &z, err));
    score_name(&z, ip_of("2001:db8::1"), name);
    assert_int_equal(strlen(name), 64 + SCORE_ZONE_MAX);
    buf_clear(&b);
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < (i < 1 ? 61 : 62); k++)
            buf_add_char(&b, 'a');
        if (i < 2)
            buf_add_char(&b, '.');
    }
    buf_add_str(&b, " 1");
    assert_false(score_zone_parse(buf_span(&b), false, &z, err));
    buf_deinit(&b);
}

static struct score_zone zone_of(const char *text, bool white)
{
    struct score_zone z;
    char err[SCORE_ERROR_MAX];

    assert_true(score_zone_parse(span_str(text), white, &z, err));
    return z;
}

static void test_names(void **state)
{
    static const struct {
        const char *ip, *name;
    } cases[] = {
        {"192.0.2.99", "99.2.0.192.bl.example.org"},
        {"::ffff:192.0.2.99", "99.2.0.192.bl.example.org"},
        /* RFC 5782 §2.4 */
        {"2001:db8:1:2:3:4:567:89ab",
         "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.example.org"},
    };
    struct score_zone z = zone_of("bl.example.org 1", false);
    char name[SCORE_NAME_MAX];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        score_name(&z, ip_of(cases[i].ip), name);
        assert_string_equal(name, cases[i].name);
    }
    score_name(&z, score_point_ip(SCORE_POINT_LISTED), name);
    assert_string_equal(name, "2.0.0.127.bl.example.org");
    score_name(&z, score_point_ip(SCORE_POINT_FREE), name);
    assert_string_equal(name, "1.0.0.127.bl.example.org");
    /* ::FFFF:7F00:2, RFC 5782 §5 */
    score_name(&z, score_point_ip(SCORE_POINT_LISTED6), name);
    assert_string_equal(name, "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
                              "bl.example.org");
    score_name(&z, score_point_ip(SCORE_POINT_FREE6), name);
    assert_string_equal(name, "1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
                              "bl.example.org");
}

static void test_askable(void **state)
{
    static const struct {
        const char *ip;
        bool askable;
    } cases[] = {
        {"192.0.2.1", true}, {"8.8.8.8", true},      {"2001:db8::1", true}, {"127.0.0.1", false},
        {"10.0.0.1", false}, {"192.168.1.1", false}, {"100.64.0.1", false}, {"169.254.1.1", false},
        {"::1", false},      {"fe80::1", false},     {"fd00::1", false},    {"224.0.0.1", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(score_askable(ip_of(cases[i].ip)), cases[i].askable);
    assert_false(score_askable((struct ip){0}));
}

static void test_answers(void **state)
{
    static const struct {
        const char *name, *zone;
        bool white;
        const char *answers[4];
        enum score_got got;
    } cases[] = {
        {"nothing", "bl.example.org 1", false, {NULL}, SCORE_NO},
        {"any code", "bl.example.org 1", false, {"127.0.0.2"}, SCORE_LISTED},
        {"another code", "bl.example.org 1 2-3", false, {"127.0.0.4"}, SCORE_NO},
        {"first of the range", "bl.example.org 1 4-11", false, {"127.0.0.4"}, SCORE_LISTED},
        {"last of the range", "bl.example.org 1 4-11", false, {"127.0.0.11"}, SCORE_LISTED},
        {"one past the range", "bl.example.org 1 4-11", false, {"127.0.0.12"}, SCORE_NO},
        {"one of several", "bl.example.org 1 4", false, {"127.0.0.2", "127.0.0.4"}, SCORE_LISTED},
        {"far code", "bl.example.org 1 127.1.2.3", false, {"127.1.2.3"}, SCORE_LISTED},
        {"public resolver", "bl.example.org 1", false, {"127.255.255.254"}, SCORE_REFUSED},
        {"too many questions", "bl.example.org 1 2", false, {"127.255.255.255"}, SCORE_REFUSED},
        {"typing error code", "bl.example.org 1", false, {"127.255.255.252"}, SCORE_REFUSED},
        {"error beside a listing",
         "bl.example.org 1",
         false,
         {"127.0.0.2", "127.255.255.254"},
         SCORE_REFUSED},
        {"error code even if configured",
         "bl.example.org 1 127.255.255.254",
         false,
         {"127.255.255.254"},
         SCORE_REFUSED},
        {"just below the error codes",
         "bl.example.org 1",
         false,
         {"127.255.254.255"},
         SCORE_LISTED},
        {"blocked at a white list", "wl.example.org 1", true, {"127.0.0.255"}, SCORE_REFUSED},
        {"255 at a black list", "bl.example.org 1", false, {"127.0.0.255"}, SCORE_LISTED},
        {"white", "wl.example.org 1 127.0.0.0-127.0.255.3", true, {"127.0.5.1"}, SCORE_LISTED},
        {"parked", "bl.example.org 1", false, {"203.0.113.80"}, SCORE_FOREIGN},
        {"parked beside a listing",
         "bl.example.org 1",
         false,
         {"127.0.0.2", "203.0.113.80"},
         SCORE_FOREIGN},
        {"IPv6 answer", "bl.example.org 1", false, {"2001:db8::1"}, SCORE_FOREIGN},
        {"126.255.255.255", "bl.example.org 1", false, {"126.255.255.255"}, SCORE_FOREIGN},
        {"128.0.0.0", "bl.example.org 1", false, {"128.0.0.0"}, SCORE_FOREIGN},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct score_zone z = zone_of(cases[i].zone, cases[i].white);
        struct ip answers[4];
        size_t n = 0;
        enum score_got got;

        while (n < 4 && cases[i].answers[n]) {
            answers[n] = ip_of(cases[i].answers[n]);
            n++;
        }
        got = score_read(&z, answers, n);
        if (got != cases[i].got)
            fail_msg("%s: %s", cases[i].name, score_got_name(got));
    }
}

enum { T = -1 /* no answer */ };

static void test_points(void **state)
{
    static const struct {
        const char *name;
        int got[SCORE_POINTS]; /* listed, free, listed6, free6; T: none */
        enum score_health was, health, health6;
        bool soon; /* the next test comes soon */
    } cases[] = {
        {"good",
         {SCORE_LISTED, SCORE_NO, SCORE_LISTED, SCORE_NO},
         SCORE_UNTESTED,
         SCORE_GOOD,
         SCORE_GOOD,
         false},
        {"IPv4 alone",
         {SCORE_LISTED, SCORE_NO, SCORE_NO, SCORE_NO},
         SCORE_UNTESTED,
         SCORE_GOOD,
         SCORE_BAD,
         false},
        {"dead, wildcard",
         {SCORE_LISTED, SCORE_LISTED, SCORE_LISTED, SCORE_LISTED},
         SCORE_GOOD,
         SCORE_BAD,
         SCORE_BAD,
         false},
        {"empty",
         {SCORE_NO, SCORE_NO, SCORE_NO, SCORE_NO},
         SCORE_GOOD,
         SCORE_BAD,
         SCORE_BAD,
         false},
        {"error codes",
         {SCORE_REFUSED, SCORE_REFUSED, T, T},
         SCORE_GOOD,
         SCORE_BAD,
         SCORE_GOOD,
         false},
        {"error on the free point",
         {SCORE_LISTED, SCORE_REFUSED, SCORE_LISTED, SCORE_NO},
         SCORE_GOOD,
         SCORE_BAD,
         SCORE_GOOD,
         false},
        {"parked",
         {SCORE_FOREIGN, SCORE_FOREIGN, SCORE_NO, SCORE_NO},
         SCORE_GOOD,
         SCORE_BAD,
         SCORE_BAD,
         false},
        {"silent at start", {T, T, T, T}, SCORE_UNTESTED, SCORE_UNTESTED, SCORE_UNTESTED, true},
        {"silent later", {T, T, T, T}, SCORE_GOOD, SCORE_GOOD, SCORE_GOOD, true},
        {"silent after bad", {T, T, T, T}, SCORE_BAD, SCORE_BAD, SCORE_BAD, true},
        {"half silent at start",
         {SCORE_LISTED, T, T, T},
         SCORE_UNTESTED,
         SCORE_UNTESTED,
         SCORE_UNTESTED,
         true},
        {"half silent, and listing the world",
         {T, SCORE_LISTED, T, T},
         SCORE_GOOD,
         SCORE_BAD,
         SCORE_GOOD,
         true},
        {"well again",
         {SCORE_LISTED, SCORE_NO, SCORE_LISTED, SCORE_NO},
         SCORE_BAD,
         SCORE_GOOD,
         SCORE_GOOD,
         false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct score_zone z = zone_of("bl.example.org 1", false);
        struct score_test t = {0};
        bool changed;

        z.health = z.health6 = cases[i].was;
        for (int p = 0; p < SCORE_POINTS; p++) {
            t.answered[p] = cases[i].got[p] != T;
            t.got[p] = t.answered[p] ? (enum score_got)cases[i].got[p] : SCORE_NO;
        }
        changed = score_test_judge(&z, &t, 1000);
        if (z.health != cases[i].health || z.health6 != cases[i].health6)
            fail_msg("%s: %s %s", cases[i].name, score_health_name(z.health),
                     score_health_name(z.health6));
        assert_int_equal(changed,
                         cases[i].was != cases[i].health || cases[i].was != cases[i].health6);
        assert_int_equal(z.test_at, 1000 + (cases[i].soon ? SCORE_TEST_AGAIN : SCORE_TEST_EVERY));
        assert_int_equal(score_in_use(&z, ip_of("192.0.2.1")), z.health == SCORE_GOOD);
        assert_int_equal(score_in_use(&z, ip_of("2001:db8::1")), z.health6 == SCORE_GOOD);
        if (z.health == SCORE_BAD && cases[i].was != SCORE_BAD)
            assert_non_null(z.why);
    }
}

static void test_spoiled(void **state)
{
    struct score_zone z = zone_of("bl.example.org 1", false);

    z.health = SCORE_GOOD;
    assert_false(score_spoiled(&z, SCORE_LISTED, 0));
    assert_int_equal(z.health, SCORE_GOOD);
    assert_true(score_spoiled(&z, SCORE_REFUSED, 5));
    assert_false(score_in_use(&z, ip_of("192.0.2.1")));
    assert_int_equal(z.test_at, 5 + SCORE_TEST_AGAIN);
    assert_false(score_spoiled(&z, SCORE_FOREIGN, 6)); /* told once */
}

static void test_sum(void **state)
{
    struct score_zone zones[3] = {zone_of("k.one.example=one.example 3", false),
                                  zone_of("two.example 4", false),
                                  zone_of("white.example 5", true)};
    struct score_tally t = {.asked = 7};
    struct buf out = BUF_INIT(200);

    score_count(&t, zones, 0, SCORE_LISTED);
    score_count(&t, zones, 0, SCORE_LISTED); /* once only */
    assert_int_equal(t.sum, 3);
    score_count(&t, zones, 2, SCORE_LISTED);
    assert_int_equal(t.sum, -2);
    assert_false(score_complete(&t));
    score_count(&t, zones, 1, SCORE_REFUSED);
    assert_int_equal(t.sum, -2);
    assert_true(score_complete(&t));
    score_names(&t, zones, 3, &out);
    assert_string_equal(buf_str(&out), "one.example,white.example");
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings), cmocka_unit_test(test_zone_length),
        cmocka_unit_test(test_names),    cmocka_unit_test(test_askable),
        cmocka_unit_test(test_answers),  cmocka_unit_test(test_points),
        cmocka_unit_test(test_spoiled),  cmocka_unit_test(test_sum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
