/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/finding.h"

#include "probe/stage_test.h"

static struct ip ip_of(const char *text)
{
    struct ip ip = {0};

    if (text[0])
        assert_true(ip_parse(span_str(text), &ip));
    return ip;
}

static const struct finding *find(const struct finding_list *l, const char *id)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->findings[i].id, id) == 0)
            return &l->findings[i];
    return NULL;
}

static void expect(const struct finding_list *l, const char *id, enum severity severity,
                   const char *says)
{
    const struct finding *f = find(l, id);

    if (!f)
        fail_msg("no finding %s", id);
    if (f->severity != severity || !strstr(f->text, says))
        fail_msg("%s: %s: %s", id, severity_name(f->severity), f->text);
}

static void test_add(void **state)
{
    struct finding_list l = {0};

    assert_int_equal(finding_add(&l, SEVERITY_LOW, "a", "port %d", 25), 0);
    assert_int_equal(finding_add(&l, SEVERITY_LOW, "a", "port %d", 25), 0);
    assert_int_equal(l.count, 1);
    finding_add(&l, SEVERITY_LOW, "a", "port %d", 587);
    finding_add(&l, SEVERITY_LOW, "b", "port %d", 25);
    assert_int_equal(l.count, 3);
    assert_string_equal(l.findings[1].text, "port 587");
    finding_list_deinit(&l);
    finding_list_deinit(&l);
}

static const struct {
    const char *seen, *cause; /* NULL: nothing typical */
} causes[] = {
    {"172.17.0.1", "Docker's bridge"},
    {"172.16.0.0", "container bridge"},
    {"172.31.255.255", "container bridge"},
    {"172.32.0.0", NULL},
    {"10.0.2.100", "rootless"},
    {"10.0.3.0", "rewrites the clients"},
    {"10.42.7.1", "Kubernetes"},
    {"10.244.0.1", "Kubernetes"},
    {"100.64.0.1", "carrier-grade"},
    {"100.128.0.1", NULL},
    {"192.168.1.1", "router"},
    {"127.0.0.1", "on the server itself"},
    {"::1", "on the server itself"},
    {"fd12::1", "unique local"},
    {"fe80::1", "link-local"},
    {"169.254.1.1", "cloud balancers"},
    {"192.0.2.9", NULL},
    {"2001:db8::1", NULL},
};

static void test_nat_cause(void **state)
{
    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
        const char *got = finding_nat_cause(ip_of(causes[i].seen));

        if (!got != !causes[i].cause || (got && !strstr(got, causes[i].cause)))
            fail_msg("%s: %s", causes[i].seen, got ? got : "nothing");
    }
}

/* We are 198.51.100.7, the target is 192.0.2.1. */
static const struct {
    const char *name, *seen;
    enum verdict verdict;
    const char *id; /* NULL: no finding */
    enum severity severity;
} views[] = {
    {"as we are", "198.51.100.7", VERDICT_OPEN, NULL, 0},
    {"not told", "", VERDICT_OPEN, NULL, 0},
    {"Docker, closed", "172.17.0.1", VERDICT_CLOSED, "source-nat", SEVERITY_HIGH},
    {"Docker, open", "172.17.0.1", VERDICT_OPEN, "source-nat", SEVERITY_CRITICAL},
    {"as the server itself", "192.0.2.1", VERDICT_CLOSED, "source-nat", SEVERITY_HIGH},
    {"another public address", "203.0.113.4", VERDICT_CLOSED, "address-translated", SEVERITY_INFO},
};

static void test_seen(void **state)
{
    for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
        struct stage *st = stage_new();
        struct verdict_door one = {.door = &st->door, .verdict = views[i].verdict};
        struct finding_list l = {0};

        stage_met(stage_door(st));
        st->door.ehlo.seen_client = ip_of(views[i].seen);
        assert_int_equal(finding_all(&l, &one, 1, NULL, 0), 0);
        if (l.count != (views[i].id != NULL))
            fail_msg("%s: %zu findings", views[i].name, l.count);
        if (views[i].id)
            expect(&l, views[i].id, views[i].severity, views[i].seen);
        finding_list_deinit(&l);
        stage_free(st);
    }
}

/* What the returned probe's Received line says weighs as much as the greeting. */
static void test_seen_in_arrival(void **state)
{
    struct stage *st = stage_new();
    struct verdict_door one = {.door = &st->door, .verdict = VERDICT_OPEN};
    struct finding_arrival ways[] = {
        {ip_of("192.0.2.1"), ip_of("192.0.2.1"), ip_of("172.17.0.1")},
        {ip_of("192.0.2.1"), ip_of("192.0.2.1"), ip_of("172.17.0.1")},
        {ip_of("192.0.2.2"), ip_of("192.0.2.2"), ip_of("10.42.0.1")}, /* another host's */
    };
    struct finding_list l = {0};

    stage_met(stage_door(st));
    assert_int_equal(finding_all(&l, &one, 1, ways, 3), 0);
    expect(&l, "source-nat", SEVERITY_CRITICAL, "172.17.0.1");
    assert_int_equal(l.count, 1);
    finding_list_deinit(&l);
    stage_free(st);
}

static void test_multi_hop(void **state)
{
    struct finding_arrival ways[] = {
        {ip_of("192.0.2.1"), ip_of("192.0.2.9"), {0}},
        {ip_of("192.0.2.1"), ip_of("192.0.2.1"), {0}},
        {ip_of("192.0.2.1"), {0}, {0}}, /* a mailbox does not tell */
        {ip_of("192.0.2.1"), ip_of("192.0.2.9"), {0}},
    };
    struct finding_list l = {0};

    assert_int_equal(finding_all(&l, NULL, 0, ways, 4), 0);
    assert_int_equal(l.count, 1);
    expect(&l, "multi-hop", SEVERITY_HIGH, "192.0.2.1 came out at 192.0.2.9");
    finding_list_deinit(&l);
}

/* A server with two addresses takes mail at one and sends it from the other. */
static void test_one_server_is_no_chain(void **state)
{
    struct stage *st = stage_new(), *other = stage_new();
    struct verdict_door doors[2];
    struct finding_arrival way = {ip_of("2001:db8::1"), ip_of("192.0.2.9"), {0}};
    const struct {
        const char *in, *out;
        size_t want;
    } names[] = {{"mx.test.example", "MX.test.example", 0},
                 {"mx.test.example", "b.example", 1},
                 {"", "", 1}};

    stage_probe(st, "third", "plain", NULL, NULL);
    stage_probe(other, "third", "plain", NULL, NULL);
    doors[0] = (struct verdict_door){.door = stage_door(st), .verdict = VERDICT_OPEN};
    doors[1] = (struct verdict_door){.door = stage_door(other), .verdict = VERDICT_OPEN};
    st->host.ip = way.input;
    other->host.ip = way.output;
    st->host.name = other->host.name = NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct finding_list l = {0};
        size_t chains = 0;

        snprintf(st->door.name, sizeof(st->door.name), "%s", names[i].in);
        snprintf(other->door.name, sizeof(other->door.name), "%s", names[i].out);
        assert_int_equal(finding_all(&l, doors, 2, &way, 1), 0);
        for (size_t k = 0; k < l.count; k++)
            chains += strcmp(l.findings[k].id, "multi-hop") == 0;
        assert_int_equal(chains, names[i].want);
        finding_list_deinit(&l);
    }
    stage_free(st);
    stage_free(other);
}

static void test_behaviour(void **state)
{
    struct stage *st = stage_new();
    struct verdict_door one = {.door = &st->door, .verdict = VERDICT_ACCEPTS};
    struct finding_list l = {0};
    struct door *d;

    for (int i = 0; i < 4; i++)
        stage_probe(st, "third", "plain", NULL, NULL);
    d = stage_door(st);
    stage_met(d);
    d->ehlo.ext = SMTP_EXT_XCLIENT | SMTP_EXT_XFORWARD;
    d->plaintext_injected = true;
    d->sessions = calloc(3, sizeof(d->sessions[0]));
    assert_non_null(d->sessions);
    d->session_count = d->session_cap = 3;
    d->sessions[0].end = d->sessions[2].end = DOOR_END_BUDGET;
    d->banned = true;
    d->refusals = 77;
    d->results[0].state = PROBE_DEFERRED;
    d->results[1].state = PROBE_BOUNCED;
    d->results[2].state = PROBE_BOUNCED;
    assert_int_equal(finding_all(&l, &one, 1, NULL, 0), 0);
    expect(&l, "xclient-offered", SEVERITY_HIGH, "port 25");
    expect(&l, "xforward-offered", SEVERITY_LOW, "port 25");
    expect(&l, "starttls-injection", SEVERITY_MEDIUM, "STARTTLS");
    expect(&l, "self-ban", SEVERITY_INFO, "77 refusals");
    expect(&l, "slows-down", SEVERITY_INFO, "2 sessions");
    expect(&l, "greylisting", SEVERITY_INFO, "1 probes");
    expect(&l, "backscatter", SEVERITY_MEDIUM, "2 envelopes");
    assert_int_equal(l.count, 7);
    finding_list_deinit(&l);
    stage_free(st);
}

static void test_postmaster(void **state)
{
    static const struct {
        const char *name;
        enum control_state control;
        enum meaning meaning;
        bool want;
    } cases[] = {
        {"accepted", CONTROL_ACCEPTED, MEANING_OK, false},
        {"refused", CONTROL_REFUSED, MEANING_UNKNOWN_USER, true},
        {"login wanted", CONTROL_REFUSED, MEANING_AUTH, false},
        {"TLS wanted", CONTROL_REFUSED, MEANING_TLS, false},
        {"never asked", CONTROL_UNTRIED, MEANING_NONE, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct stage *st = stage_new();
        struct verdict_door one = {.door = &st->door, .verdict = VERDICT_CLOSED};
        struct finding_list l = {0};

        stage_met(stage_door(st));
        st->door.control.state = (uint8_t)cases[i].control;
        st->door.control.meaning = (uint8_t)cases[i].meaning;
        assert_int_equal(finding_all(&l, &one, 1, NULL, 0), 0);
        if ((find(&l, "postmaster-refused") != NULL) != cases[i].want)
            fail_msg("%s", cases[i].name);
        finding_list_deinit(&l);
        stage_free(st);
    }
}

/* Differences that matter: let through here, refused there. */
static const struct {
    const char *name;
    struct {
        const char *ip;
        uint16_t port;
        enum door_tls tls;
        enum verdict verdict;
    } doors[2];
    const char *id; /* NULL: none */
} pairs[] = {
    {"families",
     {{"192.0.2.1", 25, DOOR_PLAIN, VERDICT_CLOSED}, {"2001:db8::1", 25, DOOR_PLAIN, VERDICT_OPEN}},
     "differs-by-family"},
    {"TLS",
     {{"192.0.2.1", 25, DOOR_PLAIN, VERDICT_CLOSED},
      {"192.0.2.1", 25, DOOR_STARTTLS, VERDICT_OPEN}},
     "differs-by-tls"},
    {"ports",
     {{"192.0.2.1", 25, DOOR_PLAIN, VERDICT_CLOSED}, {"192.0.2.1", 587, DOOR_PLAIN, VERDICT_OPEN}},
     "differs-by-port"},
    {"addresses",
     {{"192.0.2.1", 25, DOOR_PLAIN, VERDICT_BLOCKED},
      {"192.0.2.2", 25, DOOR_PLAIN, VERDICT_ACCEPTS}},
     "differs-by-address"},
    {"both open",
     {{"192.0.2.1", 25, DOOR_PLAIN, VERDICT_OPEN}, {"192.0.2.2", 25, DOOR_PLAIN, VERDICT_ACCEPTS}},
     NULL},
    {"one not there",
     {{"192.0.2.1", 25, DOOR_PLAIN, VERDICT_OPEN}, {"192.0.2.1", 587, DOOR_PLAIN, VERDICT_ABSENT}},
     NULL},
    {"one undecided",
     {{"192.0.2.1", 25, DOOR_PLAIN, VERDICT_OPEN},
      {"192.0.2.1", 587, DOOR_PLAIN, VERDICT_INCONCLUSIVE}},
     NULL},
};

static void test_differences(void **state)
{
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct stage *st[2] = {stage_new(), stage_new()};
        struct verdict_door both[2];
        struct finding_list l = {0};

        for (int k = 0; k < 2; k++) {
            st[k]->host.ip = ip_of(pairs[i].doors[k].ip);
            stage_door(st[k]);
            st[k]->door.port = pairs[i].doors[k].port;
            st[k]->door.tls = pairs[i].doors[k].tls;
            both[k] = (struct verdict_door){&st[k]->door, pairs[i].doors[k].verdict, false};
        }
        assert_int_equal(finding_all(&l, both, 2, NULL, 0), 0);
        if (l.count != (pairs[i].id != NULL))
            fail_msg("%s: %zu findings", pairs[i].name, l.count);
        if (pairs[i].id)
            expect(&l, pairs[i].id, SEVERITY_HIGH, "port 25");
        finding_list_deinit(&l);
        stage_free(st[0]);
        stage_free(st[1]);
    }
}

/* The likeliest that arrived gives its name and its flaw. */
static void test_proved(void **state)
{
    struct stage *st = stage_new();
    struct verdict_door one = {.door = &st->door, .verdict = VERDICT_OPEN};
    struct finding_list l = {0};

    stage_probe(st, "third", "plain", NULL, NULL);
    stage_probe(st, "third", "percent", NULL, NULL);
    stage_probe(st, "null", "percent", NULL, NULL);
    stage_met(stage_door(st));
    st->door.results[1].state = st->door.results[2].state = PROBE_PROVED;
    assert_int_equal(finding_all(&l, &one, 1, NULL, 0), 0);
    expect(&l, "relay-proved", SEVERITY_CRITICAL, "2 envelopes arrived");
    expect(&l, "relay-proved", SEVERITY_CRITICAL, st->probes[1].id);
    expect(&l, "relay-proved", SEVERITY_CRITICAL, "A flaw.");
    assert_int_equal(l.count, 1);
    finding_list_deinit(&l);
    stage_free(st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add),         cmocka_unit_test(test_nat_cause),
        cmocka_unit_test(test_seen),        cmocka_unit_test(test_seen_in_arrival),
        cmocka_unit_test(test_multi_hop),   cmocka_unit_test(test_one_server_is_no_chain),
        cmocka_unit_test(test_behaviour),   cmocka_unit_test(test_postmaster),
        cmocka_unit_test(test_differences), cmocka_unit_test(test_proved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
