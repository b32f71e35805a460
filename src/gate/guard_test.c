/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sites as tables: who comes, under which names; whether the guard fires, and what it names. */
#include "gate/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct guard g;

static struct ip ip_of(const char *text)
{
    struct ip ip;

    assert_true(ip_parse(span_str(text), &ip));
    return ip;
}

/*
 * Sessions of one kind. A '#' in ip or helo is the session's number (1 …), so that "mx.s#.example"
 * is another stranger each time. Numbers in an address are 1 to 250.
 */
struct visit {
    unsigned count;
    const char *ip, *helo, *ptr;
    bool ours;
    int64_t every; /* ms between two; 0: a minute */
};

static void fill(const char *pattern, unsigned n, char *out, size_t cap)
{
    struct buf b = BUF_INIT(cap - 1);

    for (const char *p = pattern ? pattern : ""; *p; p++) {
        if (*p == '#')
            buf_addf(&b, "%u", n);
        else
            buf_add_char(&b, *p);
    }
    assert_true(span_copy(buf_span(&b), out, cap));
    buf_deinit(&b);
}

static int64_t now;

static enum guard_event come(const struct visit *v, unsigned n)
{
    char ip[64], helo[300], ptr[300];
    struct guard_session s = {.helo_ours = v->ours};

    fill(v->ip, (n - 1) % 250 + 1, ip, sizeof(ip));
    fill(v->helo, n, helo, sizeof(helo));
    fill(v->ptr, n, ptr, sizeof(ptr));
    s.client = ip_of(ip);
    s.helo = span_str(helo);
    s.ptr = span_str(ptr);
    now += v->every ? v->every : 60000;
    return guard_see(&g, &s, now);
}

struct host_ip {
    const char *ip;
    enum guard_role role;
};

struct site {
    const char *name;
    bool container;
    struct host_ip host[4];
    struct visit visits[4];
    enum guard_cause cause; /* GUARD_CAUSE_NONE: it must not fire */
    const char *culprit;    /* a client in doubt then */
    const char *sure;       /* a client that is not in doubt, or NULL */
    unsigned fires_within;  /* sessions; 0: any */
};

static const struct site sites[] = {
    /* What must be seen. */
    {"firewall with source NAT",
     false,
     {{"192.168.1.1", GUARD_GATEWAY}, {"192.168.1.10", GUARD_OWN}},
     {{30, "192.168.1.1", "mx#.s#.example"}},
     GUARD_CAUSE_FIREWALL,
     "192.168.1.1",
     "203.0.113.9",
     4},
    {"the same, beside an inside client and a monitor",
     false,
     {{"192.168.1.1", GUARD_GATEWAY}},
     {{500, "192.168.1.7", "nas.office.example"},
      {500, "192.168.1.8", "monitor", NULL, false, 1000},
      {10, "192.168.1.1", "mx.s#.example"}},
     GUARD_CAUSE_FIREWALL,
     "192.168.1.1",
     NULL,
     0},
    {"NAT by a firewall that is not our gateway",
     false,
     {{"192.168.1.1", GUARD_GATEWAY}},
     {{30, "192.168.1.254", "mx.s#.example"}},
     GUARD_CAUSE_BALANCER,
     "192.168.1.254",
     "203.0.113.9",
     20},
    {"strangers that say their public address",
     false,
     {{"192.168.1.1", GUARD_GATEWAY}},
     {{30, "192.168.1.1", "[198.51.100.#]"}},
     GUARD_CAUSE_FIREWALL,
     "192.168.1.1",
     NULL,
     4},
    {"userland proxy in a container",
     true,
     {{"172.17.0.1", GUARD_GATEWAY}, {"172.17.0.2", GUARD_OWN}},
     {{30, "172.17.0.1", "mx.s#.example"}},
     GUARD_CAUSE_USERLAND,
     "172.17.0.1",
     "203.0.113.9",
     4},
    {"userland proxy, seen from the host",
     false,
     {{"10.9.9.1", GUARD_GATEWAY}, {"172.17.0.1", GUARD_BRIDGE}},
     {{30, "172.17.0.1", "mx.s#.example"}},
     GUARD_CAUSE_USERLAND,
     "172.17.0.1",
     NULL,
     4},
    {"IPv6 clients through docker-proxy, IPv4 clients as they are",
     true,
     {{"172.17.0.1", GUARD_GATEWAY}},
     {{200, "203.0.113.#", "mx.t#.example"}, {10, "172.17.0.1", "mx.s#.example"}},
     GUARD_CAUSE_V6_PROXY,
     "172.17.0.1",
     "203.0.113.9",
     204},
    {"the same, told by literals alone",
     true,
     {{"172.17.0.1", GUARD_GATEWAY}},
     {{30, "172.17.0.1", "[IPv6:2001:db8::#]"}},
     GUARD_CAUSE_V6_PROXY,
     "172.17.0.1",
     NULL,
     4},
    {"rootless podman, slirp4netns",
     true,
     {{"10.0.2.2", GUARD_GATEWAY}, {"10.0.2.100", GUARD_OWN}},
     {{30, "10.0.2.100", "mx.s#.example"}},
     GUARD_CAUSE_ROOTLESS,
     "10.0.2.100",
     "203.0.113.9",
     4},
    {"rootless podman, rootlesskit",
     true,
     {{"10.0.2.2", GUARD_GATEWAY}, {"10.0.2.100", GUARD_OWN}},
     {{30, "127.0.0.1", "mx.s#.example"}},
     GUARD_CAUSE_ROOTLESS,
     "127.0.0.1",
     NULL,
     4},
    {"a proxy on the same host",
     false,
     {{"192.0.2.1", GUARD_GATEWAY}},
     {{30, "127.0.0.1", "mx.s#.example"}},
     GUARD_CAUSE_LOCAL,
     "127.0.0.1",
     "203.0.113.9",
     6},
    {"the same over IPv6",
     false,
     {{"192.0.2.1", GUARD_GATEWAY}},
     {{30, "::1", "mx.s#.example"}},
     GUARD_CAUSE_LOCAL,
     "::1",
     NULL,
     6},
    {"hairpin: our own address comes to us",
     false,
     {{"192.168.1.1", GUARD_GATEWAY}, {"192.168.1.10", GUARD_OWN}},
     {{30, "192.168.1.10", "mx.s#.example"}},
     GUARD_CAUSE_LOCAL,
     "192.168.1.10",
     NULL,
     6},
    {"Kubernetes: three nodes rewrite",
     true,
     {{"10.244.0.1", GUARD_GATEWAY}},
     {{90, "10.0.0.5", "a.s#.example"},
      {90, "10.0.0.6", "b.t#.example"},
      {90, "10.0.0.7", "c.u#.example"}},
     GUARD_CAUSE_BALANCER,
     "10.0.0.5",
     "203.0.113.9",
     0},
    {"a balancer of carrier space",
     false,
     {{"192.0.2.1", GUARD_GATEWAY}},
     {{30, "100.64.0.9", "mx.s#.example"}},
     GUARD_CAUSE_BALANCER,
     "100.64.0.9",
     NULL,
     20},
    {"IPv6 only, NAT66 to a unique local address",
     false,
     {{"fe80::1", GUARD_GATEWAY}},
     {{30, "fd00:1::1", "mx.s#.example"}},
     GUARD_CAUSE_BALANCER,
     "fd00:1::1",
     "2001:db8::9",
     20},
    {"IPv6 only, through a gateway with a link-local address",
     false,
     {{"fe80::1", GUARD_GATEWAY}},
     {{30, "fe80::1", "mx.s#.example"}},
     GUARD_CAUSE_FIREWALL,
     "fe80::1",
     "2001:db8::9",
     4},
    {"a firewall with a public inside address",
     false,
     {{"203.0.113.1", GUARD_GATEWAY}},
     {{30, "203.0.113.1", "mx.s#.example"}},
     GUARD_CAUSE_FIREWALL,
     "203.0.113.1",
     "203.0.113.9",
     4},
    {"a balancer with a public address: only it is in doubt",
     false,
     {{"203.0.113.1", GUARD_GATEWAY}},
     {{60, "203.0.113.77", "mx.s#.example"}},
     GUARD_CAUSE_BALANCER,
     "203.0.113.77",
     "192.168.1.5",
     20},
    {"IPv4 behind a private NAT, IPv6 direct and busy",
     false,
     {{"10.1.1.1", GUARD_GATEWAY}},
     {{250, "2001:db8:#::1", "mx.t#.example"}, {30, "10.1.1.9", "mx.s#.example"}},
     GUARD_CAUSE_BALANCER,
     "10.1.1.9",
     "2001:db8:7::1",
     0},

    /* What must not. */
    {"one inside client that really is one",
     false,
     {{"192.168.1.1", GUARD_GATEWAY}},
     {{5000, "192.168.1.7", "nas.office.example"}}},
    {"one inside client with bare and private names",
     false,
     {{"192.168.1.1", GUARD_GATEWAY}},
     {{500, "192.168.1.7", "pc#"},
      {500, "192.168.1.7", "pc#.office.local"},
      {250, "192.168.1.7", "[192.168.1.#]"},
      {250, "192.168.1.7", "localhost.localdomain"}}},
    {"a monitor each second from loopback, on an idle gate",
     false,
     {{"192.168.1.1", GUARD_GATEWAY}},
     {{100000, "127.0.0.1", "monitor.example", NULL, false, 1000}}},
    {"a monitor each second from the gateway, without HELO",
     false,
     {{"192.168.1.1", GUARD_GATEWAY}},
     {{100000, "192.168.1.1", "", NULL, false, 1000}}},
    {"a normal site",
     false,
     {{"203.0.113.1", GUARD_GATEWAY}},
     {{2000, "198.51.100.#", "mx.s#.example"}, {50, "192.168.1.7", "nas.office.example"}}},
    {"a normal site, IPv6 only",
     false,
     {{"fe80::1", GUARD_GATEWAY}},
     {{2000, "2001:db8:#::25", "mx.s#.example"}}},
    {"a forwarder that brings one name",
     false,
     {{"203.0.113.1", GUARD_GATEWAY}},
     {{5000, "198.51.100.7", "out#.filter.example"}}},
    {"a web host inside with many of our own names",
     false,
     {{"192.168.1.1", GUARD_GATEWAY}},
     {{500, "192.168.1.7", "www.c#.example", NULL, true}}},
    {"inside hosts whose PTR is in the domain that they say",
     false,
     {{"192.168.1.1", GUARD_GATEWAY}},
     {{500, "192.168.1.7", "www.c#.example", "host.c#.example"}}},
    {"a busy public spammer with many names, among others",
     false,
     {{"203.0.113.1", GUARD_GATEWAY}},
     {{250, "198.51.100.#", "mx.s#.example"},
      {2000, "203.0.113.66", "x.r#.example"},
      {250, "198.51.100.#", "mx.s#.example"}}},
    {"an inside server among many outside ones",
     false,
     {{"192.168.1.1", GUARD_GATEWAY}},
     {{250, "198.51.100.#", "mx.s#.example"}, {20, "192.168.1.7", "lists.t#.example"}}},
    {"three names from the gateway: a router, a printer, a guest",
     false,
     {{"192.168.1.1", GUARD_GATEWAY}},
     {{100, "192.168.1.1", "router.maker.example"},
      {100, "192.168.1.1", "printer.vendor.example"},
      {100, "192.168.1.1", "guest.friend.example"}}},
    {"another network's 10.0.2.100, in no container",
     false,
     {{"10.0.2.1", GUARD_GATEWAY}},
     {{100, "198.51.100.#", "mx.s#.example"}, {5, "10.0.2.100", "a.t#.example"}}},
};

static void set_up(const struct site *s)
{
    guard_init(&g, 0, 0x1234567, s->container);
    for (size_t i = 0; i < 4 && s->host[i].ip; i++)
        guard_host(&g, ip_of(s->host[i].ip), s->host[i].role);
    now = 1000;
}

/* The number of the session at which it fired, or 0. */
static unsigned play(const struct site *s)
{
    unsigned n = 0;

    for (size_t v = 0; v < 4 && s->visits[v].count; v++) {
        for (unsigned i = 1; i <= s->visits[v].count; i++) {
            n++;
            if (come(&s->visits[v], i) == GUARD_SUSPENDS)
                return n;
        }
    }
    return 0;
}

static void test_sites(void **state)
{
    for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++) {
        const struct site *s = &sites[i];
        unsigned at;

        set_up(s);
        at = play(s);
        if ((at != 0) != (s->cause != GUARD_CAUSE_NONE))
            fail_msg("%s: %s", s->name, at ? "fired" : "did not fire");
        if (!at)
            continue;
        if (g.cause != s->cause)
            fail_msg("%s: named %s", s->name, guard_cause_name(g.cause));
        if (s->fires_within && at > s->fires_within)
            fail_msg("%s: fired at session %u only", s->name, at);
        assert_true(guard_doubtful(&g, ip_of(s->culprit)));
        if (s->sure && guard_doubtful(&g, ip_of(s->sure)))
            fail_msg("%s: %s is in doubt", s->name, s->sure);
    }
}

/* Several nodes that come in turn are named as a cluster. */
static void test_cluster(void **state)
{
    static const char *const nodes[] = {"10.0.0.5", "10.0.0.6", "10.0.0.7"};
    struct visit v = {1, NULL, "mx.s#.example"};
    enum guard_event e = GUARD_SAME;

    guard_init(&g, 0, 7, true);
    guard_host(&g, ip_of("10.244.0.1"), GUARD_GATEWAY);
    now = 0;
    for (unsigned i = 1; i < 100 && e == GUARD_SAME; i++) {
        v.ip = nodes[i % 3];
        e = come(&v, i);
    }
    assert_int_equal(e, GUARD_SUSPENDS);
    assert_int_equal(g.cause, GUARD_CAUSE_CLUSTER);
    for (size_t i = 0; i < 3; i++)
        assert_true(guard_doubtful(&g, ip_of(nodes[i])));
}

static void fire(void)
{
    set_up(&sites[0]);
    assert_true(play(&sites[0]) > 0);
}

static void test_no_calm_while_it_lasts(void **state)
{
    struct visit nat = {1, "192.168.1.1", "mx.v#.example"};

    fire();
    for (unsigned i = 1; i <= 3000; i++)
        assert_int_equal(come(&nat, i), GUARD_SAME);
    assert_true(g.suspended);
}

static void test_diversity_clears_it(void **state)
{
    struct visit world = {1, "198.51.100.#", "mx.s#.example"};
    enum guard_event e = GUARD_SAME;
    int64_t since;

    fire();
    since = now;
    for (unsigned i = 1; e == GUARD_SAME && i < 1000; i++)
        e = come(&world, i);
    assert_int_equal(e, GUARD_CLEARS);
    assert_true(now - since >= GUARD_CALM);
    assert_false(guard_doubtful(&g, ip_of("192.168.1.7")));
    /* The next time it needs twice as long. */
    assert_true(play(&sites[0]) > 0);
    since = now;
    e = GUARD_SAME;
    for (unsigned i = 1; e == GUARD_SAME && i < 1000; i++)
        e = come(&world, i);
    assert_int_equal(e, GUARD_CLEARS);
    assert_true(now - since >= 2 * GUARD_CALM);
}

static void test_few_addresses_do_not_clear_it(void **state)
{
    struct visit one = {1, "198.51.100.7", "mx.s#.example"};

    fire();
    for (unsigned i = 1; i <= 19; i++)
        assert_int_equal(come(&one, i), GUARD_SAME);
    now += 10 * GUARD_CALM_MAX;
    one.helo = "mx.same.example";
    for (unsigned i = 1; i <= 100; i++)
        assert_int_equal(come(&one, i), GUARD_SAME);
    assert_true(g.suspended);
}

static void test_words(void **state)
{
    fire();
    assert_true(guard_doubtful(&g, ip_of("192.168.1.7")));
    assert_int_equal(guard_clear(&g, now), GUARD_CLEARS);
    assert_false(guard_doubtful(&g, ip_of("192.168.1.7")));
    assert_int_equal(guard_clear(&g, now), GUARD_SAME);
    assert_int_equal(guard_suspend(&g, now), GUARD_SUSPENDS);
    assert_int_equal(guard_suspend(&g, now), GUARD_SAME);
    assert_true(guard_doubtful(&g, ip_of("192.168.1.1")));
    assert_true(guard_doubtful(&g, ip_of("10.0.0.1")));
    assert_false(guard_doubtful(&g, ip_of("198.51.100.1")));
    assert_int_equal(guard_clear(&g, now), GUARD_CLEARS);
}

static void test_limits(void **state)
{
    struct visit few = {1, "192.168.1.1", "mx.s#.example"},
                 inside = {1, "10.3.3.3", "a.s#.example"};

    /* One under each limit is silent, the limit fires. */
    set_up(&sites[0]);
    for (unsigned i = 1; i < GUARD_STRANGERS_FEW; i++)
        assert_int_equal(come(&few, i), GUARD_SAME);
    assert_int_equal(come(&few, GUARD_STRANGERS_FEW), GUARD_SUSPENDS);
    set_up(&sites[0]);
    for (unsigned i = 1; i < GUARD_SESSIONS; i++)
        assert_int_equal(come(&inside, i), GUARD_SAME);
    assert_int_equal(come(&inside, GUARD_SESSIONS), GUARD_SUSPENDS);
    /* The share: 95 of 100 fires, 94 does not. */
    for (unsigned crowd = 94; crowd <= 95; crowd++) {
        struct visit world = {1, "198.51.100.#", "mx.w#.example"};
        bool fired = false;

        set_up(&sites[0]);
        for (unsigned i = 1; i <= 100 - crowd; i++)
            assert_int_equal(come(&world, i), GUARD_SAME);
        for (unsigned i = 1; i <= crowd; i++)
            fired = come(&inside, i) == GUARD_SUSPENDS || fired;
        assert_int_equal(fired, crowd == 95);
    }
}

static void test_old_names_fade(void **state)
{
    struct visit few = {1, "192.168.1.1", "mx.s#.example", NULL, false, GUARD_WINDOW / 2};

    set_up(&sites[0]);
    for (unsigned i = 1; i < 50; i++)
        assert_int_equal(come(&few, i), GUARD_SAME);
}

/* A flood of public addresses pushes no inside address out of the table. */
static void test_flood(void **state)
{
    struct visit few = {1, "192.168.1.1", "mx.s#.example", NULL, false, 1};
    char ip[64], helo[64];

    set_up(&sites[0]);
    for (unsigned i = 1; i < GUARD_STRANGERS_FEW; i++)
        assert_int_equal(come(&few, i), GUARD_SAME);
    for (unsigned i = 0; i < 5000; i++) {
        struct guard_session s = {.helo = span_str(helo)};

        snprintf(ip, sizeof(ip), "198.51.%u.%u", i / 250, i % 250);
        snprintf(helo, sizeof(helo), "mx.f%u.example", i);
        s.helo = span_str(helo);
        s.client = ip_of(ip);
        assert_int_equal(guard_see(&g, &s, ++now), GUARD_SAME);
    }
    assert_int_equal(come(&few, GUARD_STRANGERS_FEW), GUARD_SUSPENDS);
}

static void test_host_table(void **state)
{
    char ip[64];

    guard_init(&g, 0, 1, false);
    for (unsigned i = 0; i < GUARD_HOST_IPS + 50; i++) {
        snprintf(ip, sizeof(ip), "192.0.%u.%u", i / 200, i % 200);
        guard_host(&g, ip_of(ip), GUARD_OWN);
    }
    assert_int_equal(g.host_count, GUARD_HOST_IPS);
    guard_host(&g, ip_of("192.168.1.1"), GUARD_GATEWAY);
    guard_host(&g, ip_of("192.168.1.1"), GUARD_OWN);
    for (unsigned i = 1; i <= GUARD_STRANGERS_FEW; i++) {
        struct visit v = {1, "192.168.1.1", "mx.s#.example"};

        assert_int_equal(come(&v, i), i < GUARD_STRANGERS_FEW ? GUARD_SAME : GUARD_SUSPENDS);
    }
}

static void test_translators_are_never_sure(void **state)
{
    guard_init(&g, 0, 1, false);
    guard_host(&g, ip_of("192.168.1.1"), GUARD_GATEWAY);
    guard_host(&g, ip_of("172.17.0.1"), GUARD_BRIDGE);
    guard_host(&g, ip_of("192.168.1.10"), GUARD_OWN);
    assert_true(guard_doubtful(&g, ip_of("192.168.1.1")));
    assert_true(guard_doubtful(&g, ip_of("172.17.0.1")));
    assert_false(guard_doubtful(&g, ip_of("192.168.1.10")));
    assert_false(guard_doubtful(&g, ip_of("192.168.1.7")));
    assert_false(guard_doubtful(&g, ip_of("127.0.0.1")));
}

static void test_report(void **state)
{
    struct buf out = BUF_INIT(GUARD_REPORT_MAX);

    for (enum guard_cause c = GUARD_CAUSE_NONE; c <= GUARD_CAUSE_TOLD; c++) {
        assert_non_null(guard_cause_name(c));
        assert_non_null(guard_cause_advice(c));
    }
    fire();
    guard_report(&g, now, &out);
    assert_int_equal(out.err, 0);
    assert_non_null(strstr(buf_str(&out), "clients=192.168.1.1"));
    assert_non_null(strstr(buf_str(&out), "cause=firewall-nat"));
    buf_clear(&out);
    guard_clear(&g, now);
    guard_report(&g, now, &out);
    assert_string_equal(buf_str(&out), "guard watching sessions=0");
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sites),
        cmocka_unit_test(test_cluster),
        cmocka_unit_test(test_no_calm_while_it_lasts),
        cmocka_unit_test(test_diversity_clears_it),
        cmocka_unit_test(test_few_addresses_do_not_clear_it),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_old_names_fade),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_host_table),
        cmocka_unit_test(test_translators_are_never_sure),
        cmocka_unit_test(test_report),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
