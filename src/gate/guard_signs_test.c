/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What one address alone gives away: its packets' way, and whom it relays for. */
#include "gate/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { WALL = 1700000000 };

static struct guard g;
static int64_t now;

static struct ip ip_of(const char *text)
{
    struct ip ip;

    assert_true(ip_parse(span_str(text), &ip));
    return ip;
}

static void set_up(void)
{
    guard_init(&g, 0, 77, false);
    guard_host(&g, ip_of("192.168.9.2"), GUARD_OWN);
    guard_net(&g, ip_prefix_of(ip_of("192.168.9.2"), 24));
    guard_net(&g, ip_prefix_of(ip_of("2001:db8:9::2"), 64));
    now = 1000;
}

static void test_hops(void **state)
{
    static const struct {
        unsigned ttl, hops;
    } cases[] = {{0, 0},   {1, 29},   {30, 0},  {31, 1},  {32, 0},  {52, 8},   {59, 1},  {60, 0},
                 {61, 3},  {63, 1},   {64, 0},  {65, 35}, {100, 0}, {115, 13}, {127, 1}, {128, 0},
                 {200, 0}, {201, 54}, {249, 6}, {254, 1}, {255, 0}, {256, 0}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (guard_hops(cases[i].ttl) != cases[i].hops)
            fail_msg("%u: %u", cases[i].ttl, guard_hops(cases[i].ttl));
}

/* Sessions of one client, in turn with these times to live. */
static const struct path {
    const char *name, *ip, *helo;
    bool trusted;
    unsigned ttls[6];
    unsigned fires; /* at this session; 0: not at all */
} paths[] = {
    {"next door, and from afar", "192.168.9.1", "mx.far.example", true, {52}, 1},
    {"the same without a right", "192.168.9.1", "mx.far.example", false, {52}, 1},
    {"the same under a bare name", "192.168.9.1", "user", true, {113}, 1},
    {"the same over IPv6", "2001:db8:9::77", "mx.far.example", true, {52}, 1},
    {"a stranger that has a neighbour's /64 and no right", "2001:db8:9::77", "x", false, {52}, 0},
    {"link-local", "fe80::1", "mx.far.example", true, {250}, 1},
    {"a neighbour", "192.168.9.7", "nas.office.example", true, {64, 64, 64}, 0},
    {"a neighbour with Windows", "192.168.9.7", "nas.office.example", true, {128}, 0},
    {"a neighbour with AIX", "192.168.9.7", "nas.office.example", true, {60}, 0},
    {"behind a tunnel's end", "192.168.9.7", "nas.office.example", true, {63, 127, 63}, 0},
    {"two systems on a machine", "192.168.9.7", "nas.office.example", true, {64, 128, 64}, 0},
    {"a branch, some routers away", "10.2.0.5", "nas.branch.example", true, {58, 58, 58}, 0},
    {"a detour", "10.2.0.5", "nas.branch.example", true, {58, 55, 58, 55}, 0},
    {"two detours, near each other", "10.2.0.5", "nas.branch.example", true, {56, 55, 54}, 0},
    {"as far as three different hosts", "10.2.0.5", "nas.branch.example", true, {57, 120, 49}, 3},
    {"the same without a right", "10.2.0.5", "nas.branch.example", false, {57, 120, 49}, 3},
    {"an office's public address that may relay",
     "203.0.113.9",
     "mx.a.example",
     true,
     {57, 120, 49},
     3},
    {"a carrier's, which may not", "203.0.113.9", "mx.a.example", false, {57, 120, 49, 40}, 0},
    {"a balancer's packets are its own", "192.168.9.1", "mx.far.example", true, {0, 0, 0}, 0},
};

static void test_paths(void **state)
{
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        const struct path *p = &paths[i];
        unsigned fired = 0;

        set_up();
        for (unsigned n = 0; n < 6 && (n == 0 || p->ttls[n] || !p->fires) && !fired; n++) {
            struct guard_session s = {.client = ip_of(p->ip),
                                      .helo = span_str(p->helo),
                                      .trusted = p->trusted,
                                      .ttl = p->ttls[n]};

            if (guard_see(&g, &s, now += 1000) == GUARD_SUSPENDS)
                fired = n + 1;
        }
        if (fired != p->fires)
            fail_msg("%s: at session %u", p->name, fired);
        if (guard_doubtful(&g, ip_of(p->ip)) != (fired > 0))
            fail_msg("%s: doubt", p->name);
        /* Nobody else has to suffer for it. */
        assert_false(guard_doubtful(&g, ip_of("192.168.9.8")));
        assert_false(guard_doubtful(&g, ip_of("10.2.0.6")));
    }
}

/* What is next door and was rewritten is called a firewall's doing; the rest is told by crowds. */
static void test_cause(void **state)
{
    struct guard_session s = {
        .client = ip_of("192.168.9.1"), .helo = SPAN_LIT("mx.far.example"), .ttl = 50};

    set_up();
    assert_int_equal(guard_see(&g, &s, now), GUARD_SUSPENDS);
    assert_int_equal(g.cause, GUARD_CAUSE_FIREWALL);
    /* Each that comes so keeps the doubt alive, and is no news. */
    assert_int_equal(guard_see(&g, &s, now += GUARD_CALM), GUARD_SAME);
    assert_int_equal(g.calm_since, now);
}

static void test_old_paths_fade(void **state)
{
    struct guard_session s = {
        .client = ip_of("10.2.0.5"), .helo = SPAN_LIT("nas"), .trusted = true};
    static const unsigned ttls[] = {57, 120, 49};

    set_up();
    for (size_t i = 0; i < 3; i++) {
        s.ttl = ttls[i];
        assert_int_equal(guard_see(&g, &s, now += GUARD_WINDOW + 1), GUARD_SAME);
    }
}

/* Relaying for the sake of an address: the names in HELO, in turn. */
static const struct strange {
    const char *name, *ip;
    const char *helos[5];
    const char *ptr;
    bool ours;
    int64_t every;
    unsigned fires;
} stranges[] = {
    {"two strangers", "192.168.9.1", {"mx.a.example", "mx.b.example"}, "", false, 1, 2},
    {"their literals", "192.168.9.1", {"[198.51.100.1]", "[198.51.100.2]"}, "", false, 1, 2},
    {"one and again",
     "192.168.9.1",
     {"mx.a.example", "mx.a.example", "mx2.a.example", "a.example"},
     "",
     false,
     1,
     0},
    {"in turn", "192.168.9.1", {"mx.a.example", "pc7", "mx.b.example"}, "", false, 1, 3},
    {"bare names", "192.168.9.1", {"pc1", "pc2", "localhost", "pc.lan"}, "", false, 1, 0},
    {"private literals", "192.168.9.1", {"[192.168.1.3]", "[10.0.0.3]"}, "", false, 1, 0},
    {"names of ours", "192.168.9.1", {"mx.a.example", "mx.b.example"}, "", true, 1, 0},
    {"its PTR's", "192.168.9.1", {"mx.a.example", "b.a.example"}, "h.a.example", false, 1, 0},
    {"a day apart",
     "192.168.9.1",
     {"mx.a.example", "mx.b.example"},
     "",
     false,
     GUARD_WINDOW + 1,
     0},
    {"a public address", "203.0.113.9", {"mx.a.example", "mx.b.example"}, "", false, 1, 2},
};

static void test_strange_relays(void **state)
{
    for (size_t i = 0; i < sizeof(stranges) / sizeof(stranges[0]); i++) {
        const struct strange *t = &stranges[i];
        unsigned fired = 0;

        set_up();
        for (unsigned n = 0; n < 5 && t->helos[n] && !fired; n++) {
            struct guard_session s = {.client = ip_of(t->ip),
                                      .helo = span_str(t->helos[n]),
                                      .helo_ours = t->ours,
                                      .ptr = span_str(t->ptr),
                                      .trusted = true};

            if (guard_relay(&g, &s, now += t->every) == GUARD_SUSPENDS)
                fired = n + 1;
        }
        if (fired != t->fires)
            fail_msg("%s: at %u", t->name, fired);
        if (guard_doubtful(&g, ip_of(t->ip)) != (fired > 0))
            fail_msg("%s: doubt", t->name);
        assert_false(guard_doubtful(&g, ip_of("192.168.9.8")));
    }
}

/* Hosts of one IPv6 network are hosts. */
static void test_strange_neighbours(void **state)
{
    char ip[40], helo[40];

    set_up();
    for (unsigned i = 1; i < 50; i++) {
        struct guard_session s = {.trusted = true};

        snprintf(ip, sizeof(ip), "2001:db8:5::%x", i);
        snprintf(helo, sizeof(helo), "mx.s%u.example", i);
        s.client = ip_of(ip);
        s.helo = span_str(helo);
        assert_int_equal(guard_relay(&g, &s, ++now), GUARD_SAME);
    }
}

/* Far more addresses of that kind than can be remembered: then it is no one machine. */
static void test_many(void **state)
{
    struct guard_session s = {.helo = SPAN_LIT("mx.far.example"), .ttl = 50};
    char ip[40];

    set_up();
    for (unsigned i = 10; i < 10 + GUARD_CULPRITS; i++) {
        snprintf(ip, sizeof(ip), "192.168.9.%u", i);
        s.client = ip_of(ip);
        assert_int_equal(guard_see(&g, &s, ++now), GUARD_SUSPENDS);
        assert_true(g.only_culprits);
    }
    assert_false(guard_doubtful(&g, ip_of("10.0.0.1")));
    s.client = ip_of("192.168.9.200");
    assert_int_equal(guard_see(&g, &s, ++now), GUARD_SUSPENDS);
    assert_false(g.only_culprits);
    assert_true(guard_doubtful(&g, ip_of("10.0.0.1")));
    assert_true(guard_doubtful(&g, ip_of("192.168.9.10")));
    assert_int_equal(g.culprit_count, GUARD_CULPRITS);
}

/* The operator's own probe needs no second witness. */
static void test_proof(void **state)
{
    static const struct {
        const char *ip;
        bool fires;
        enum guard_cause cause;
    } cases[] = {
        {"198.51.100.9", false, GUARD_CAUSE_NONE},   {"2001:db8:1::9", false, GUARD_CAUSE_NONE},
        {"192.168.9.1", true, GUARD_CAUSE_FIREWALL}, {"192.168.9.7", true, GUARD_CAUSE_BALANCER},
        {"10.7.7.7", true, GUARD_CAUSE_BALANCER},    {"127.0.0.1", true, GUARD_CAUSE_LOCAL},
        {"172.17.0.1", true, GUARD_CAUSE_USERLAND},  {"100.64.0.1", true, GUARD_CAUSE_BALANCER},
        {"203.0.113.1", true, GUARD_CAUSE_FIREWALL}, /* our gateway's, public as it is */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_up();
        guard_host(&g, ip_of("192.168.9.1"), GUARD_GATEWAY);
        guard_host(&g, ip_of("203.0.113.1"), GUARD_GATEWAY);
        guard_host(&g, ip_of("172.17.0.1"), GUARD_BRIDGE);
        if ((guard_prove(&g, ip_of(cases[i].ip), now) == GUARD_SUSPENDS) != cases[i].fires ||
            g.cause != cases[i].cause)
            fail_msg("%s: %s", cases[i].ip, guard_cause_name(g.cause));
        assert_int_equal(guard_doubtful(&g, ip_of("10.0.0.1")), cases[i].fires);
        assert_int_equal(guard_prove(&g, ip_of(cases[i].ip), now), GUARD_SAME);
    }
}

/* --- words ---------------------------------------------------------------------------------- */

static void say(struct buf *out)
{
    buf_clear(out);
    guard_write(&g, now, WALL, out);
    assert_int_equal(out->err, 0);
}

static void test_words(void **state)
{
    struct buf words = BUF_INIT(GUARD_TEXT_MAX), again = BUF_INIT(GUARD_TEXT_MAX);
    struct guard_session s = {.helo = SPAN_LIT("mx.far.example"), .ttl = 50};
    char ip[50];

    set_up();
    say(&words);
    assert_string_equal(buf_str(&words), "");
    assert_int_equal(guard_take(&g, buf_span(&words), now, WALL), GUARD_SAME);
    assert_false(g.suspended);
    for (unsigned i = 1; i <= GUARD_CULPRITS; i++) {
        snprintf(ip, sizeof(ip), "fe80:1111:2222:3333:4444:5555:6666:%x", 0x7770 + i);
        s.client = ip_of(ip);
        guard_see(&g, &s, now);
    }
    now += 5000;
    say(&words);
    assert_true(span_starts(buf_span(&words), SPAN_LIT("firewall-nat only 1699999995 fe80:")));
    set_up();
    assert_int_equal(guard_take(&g, buf_span(&words), now, WALL + 60), GUARD_SUSPENDS);
    assert_int_equal(g.cause, GUARD_CAUSE_FIREWALL);
    assert_int_equal(now - g.since, 65000);
    assert_true(guard_doubtful(&g, s.client));
    assert_false(guard_doubtful(&g, ip_of("10.0.0.1")));
    assert_int_equal(guard_take(&g, buf_span(&words), now, WALL + 60), GUARD_SAME);
    guard_write(&g, now, WALL + 60, &again);
    assert_string_equal(buf_str(&again), buf_str(&words));
    buf_deinit(&words);
    buf_deinit(&again);
}

static void test_taking(void **state)
{
    static const struct {
        const char *words;
        bool all;
        enum guard_cause cause;
        unsigned culprits;
    } cases[] = {
        {"balancer only 1700000000 192.0.2.1", false, GUARD_CAUSE_BALANCER, 1},
        {"balancer only 1700000000 192.0.2.1,10.0.0.9", false, GUARD_CAUSE_BALANCER, 2},
        {"firewall-nat all 1700000000 192.0.2.1", true, GUARD_CAUSE_FIREWALL, 1},
        {"told all 1700000000 -", true, GUARD_CAUSE_TOLD, 0},
        {"told all 9999999999 -", true, GUARD_CAUSE_TOLD, 0}, /* the clock was set back */
        /* What can't be read is taken for the worst. */
        {"balancer only 1700000000 -", true, GUARD_CAUSE_TOLD, 0},
        {"nonsense", true, GUARD_CAUSE_TOLD, 0},
        {"nonsense all 1700000000 -", true, GUARD_CAUSE_TOLD, 0},
        {"none all 1700000000 -", true, GUARD_CAUSE_TOLD, 0},
        {"told some 1700000000 -", true, GUARD_CAUSE_TOLD, 0},
        {"told all soon -", true, GUARD_CAUSE_TOLD, 0},
        {"told all 1700000000 here", true, GUARD_CAUSE_TOLD, 0},
        {"told all 1700000000 - more", true, GUARD_CAUSE_TOLD, 0},
        {"told all 1700000000", true, GUARD_CAUSE_TOLD, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_up();
        assert_int_equal(guard_take(&g, span_str(cases[i].words), now, WALL), GUARD_SUSPENDS);
        if (!g.suspended || g.only_culprits == cases[i].all || g.cause != cases[i].cause ||
            g.culprit_count != cases[i].culprits || g.since > now)
            fail_msg("%s", cases[i].words);
        assert_int_equal(guard_doubtful(&g, ip_of("10.0.0.1")), cases[i].all);
        /* More doubt is taken on, less is not. */
        assert_int_equal(guard_take(&g, SPAN_LIT("told all 1 -"), now, WALL),
                         cases[i].all ? GUARD_SAME : GUARD_SUSPENDS);
        assert_int_equal(guard_take(&g, SPAN_LIT("balancer only 1 10.0.0.77"), now, WALL),
                         GUARD_SAME);
        assert_false(g.only_culprits);
        assert_int_equal(guard_clear(&g, now), GUARD_CLEARS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hops),           cmocka_unit_test(test_paths),
        cmocka_unit_test(test_cause),          cmocka_unit_test(test_old_paths_fade),
        cmocka_unit_test(test_strange_relays), cmocka_unit_test(test_strange_neighbours),
        cmocka_unit_test(test_many),           cmocka_unit_test(test_proof),
        cmocka_unit_test(test_words),          cmocka_unit_test(test_taking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
