/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/plan.h"

#include "probe/stage_test.h"

/* What is planned, in letters: "C2 S1 S3 D2": kind and count of each transaction. */
static const char *shape(const struct plan *p)
{
    static char text[1000];
    size_t n = 0;

    text[0] = '\0';
    for (size_t i = 0; i < p->tx_count; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%c%u", i ? " " : "",
                              "CSD"[p->txs[i].kind], p -> txs[i].count);
    return text;
}

static void expect_shape(struct stage *st, unsigned refusals, const char *want)
{
    struct plan p;
    bool any = plan_make(&st->door, st->now, refusals, PLAN_ANY, &p);

    if (strcmp(shape(&p), want) != 0 || any != (want[0] != '\0'))
        fail_msg("\"%s\", not \"%s\"", shape(&p), want);
}

static void test_nothing(void **state)
{
    struct stage *st = stage_new();

    stage_door(st);
    expect_shape(st, BUDGET_NONE, "");
    assert_false(plan_scout(&st->door));
    stage_free(st);
}

/* A sender that was never taken gets one recipient; after that all of them ride together. */
static void test_new_sender_alone(void **state)
{
    struct stage *st = stage_new();

    stage_probe(st, "third", "plain", NULL, NULL);
    stage_probe(st, "third", "percent", NULL, NULL);
    stage_probe(st, "null", "plain", NULL, NULL);
    stage_probe(st, "third", "twoat", NULL, NULL);
    stage_door(st);
    st->door.budget.refusals = 100;
    expect_shape(st, BUDGET_NONE, "C2 S1 S1 S1 S1");
    stage_answer(&st->door, 0, PROBE_REFUSED, MEANING_RELAY_DENIED);
    expect_shape(st, BUDGET_NONE, "C2 S2 S1");
    /* Refused at MAIL is not taken. */
    st->door.results[0].stage = SMTP_STAGE_MAIL;
    expect_shape(st, BUDGET_NONE, "C2 S1 S1 S1");
    stage_free(st);
}

static void test_control_settled(void **state)
{
    struct stage *st = stage_new();
    struct plan p;

    stage_probe(st, "third", "plain", NULL, NULL);
    stage_door(st);
    st->door.control.state = CONTROL_ACCEPTED;
    st->door.control.which = 1;
    assert_true(plan_make(&st->door, st->now, BUDGET_NONE, PLAN_ANY, &p));
    assert_int_equal(p.txs[0].kind, PLAN_CONTROL);
    assert_int_equal(p.txs[0].from, 1);
    assert_int_equal(p.txs[0].count, 1);
    st->door.control.state = CONTROL_REFUSED;
    expect_shape(st, BUDGET_NONE, "C1 S1");
    memset(st->host.controls, 0, sizeof(st->host.controls));
    st->door.control.state = CONTROL_UNTRIED;
    expect_shape(st, BUDGET_NONE, "S1");
    stage_free(st);
}

/* HELO and channel belong to the session, so only probes that share them meet. */
static void test_lead_decides(void **state)
{
    struct stage *st = stage_new();
    struct plan p;

    stage_probe(st, "third", "plain", "localhost", NULL);
    stage_probe(st, "third", "plain", NULL, NULL);
    stage_probe(st, "null", "plain", NULL, "proxy1");
    stage_probe(st, "null", "plain", "localhost", NULL);
    stage_met(stage_door(st));
    assert_true(plan_make(&st->door, st->now, BUDGET_NONE, PLAN_ANY, &p));
    assert_int_equal(p.lead, 0);
    assert_int_equal(p.item_count, 2);
    assert_int_equal(p.items[1], 3);
    assert_true(plan_make(&st->door, st->now, BUDGET_NONE, 2, &p));
    assert_int_equal(p.lead, 2);
    assert_int_equal(p.item_count, 1);
    stage_answer(&st->door, 2, PROBE_REFUSED, MEANING_RELAY_DENIED);
    assert_false(plan_make(&st->door, st->now, BUDGET_NONE, 2, &p));
    assert_int_equal(p.item_count + p.tx_count, 0);
    stage_free(st);
}

/* Budgets: what they buy, and that the smallest still buys one. */
static const struct {
    const char *name;
    unsigned pace, refusals, syntax, resets;
    const char *want;
} purses[] = {
    {"plenty", 100, 100, 100, 100, "C2 S6 S1 S1 S1 S1"},
    {"eight refusals", 100, 8, 100, 100, "C2 S6 S1"},
    {"seven: one goes to the control", 100, 7, 100, 100, "C1 S6"},
    {"three refusals", 100, 3, 100, 100, "C1 S2"},
    {"the pace is less", 2, 3, 100, 100, "C1 S1"},
    {"one refusal", 100, 1, 100, 100, "C1 S1"},
    {"two malformed", 100, 100, 2, 100, "C2 S5"},
    {"one malformed", 100, 100, 1, 100, "C2 S4"},
    {"one reset: the last ends in QUIT", 100, 100, 100, 1, "C2 S6"},
    {"two resets", 100, 100, 100, 2, "C2 S6 S1"},
};

static void test_purse(void **state)
{
    for (size_t i = 0; i < sizeof(purses) / sizeof(purses[0]); i++) {
        struct stage *st = stage_new();
        struct budget *b;

        /* Of one sender that is taken: three plain, three malformed. */
        for (int k = 0; k < 3; k++)
            stage_probe(st, "third", "plain", NULL, NULL);
        for (int k = 0; k < 3; k++)
            stage_probe(st, "third", "twoat", NULL, NULL);
        stage_probe(st, "third", "percent", NULL, NULL);
        for (int k = 0; k < 4; k++)
            stage_probe(st, "bare", "plain", NULL, NULL);
        stage_door(st);
        stage_answer(&st->door, 6, PROBE_REFUSED, MEANING_RELAY_DENIED);
        b = &st->door.budget;
        *b = (struct budget){purses[i].refusals, purses[i].syntax, purses[i].resets, 100};
        struct plan p;

        plan_make(&st->door, st->now, purses[i].pace, PLAN_ANY, &p);
        if (strcmp(shape(&p), purses[i].want) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", purses[i].name, shape(&p), purses[i].want);
        stage_free(st);
    }
}

/* With whatever budget, the sessions together ask everything. */
static void test_all_is_asked(void **state)
{
    for (unsigned n = 1; n < 6 * 6 * 6; n++) {
        struct stage *st = stage_new();
        struct plan p;

        for (int k = 0; k < 12; k++) {
            stage_probe(st, k % 2 ? "bare" : "third", k % 3 ? "twoat" : "plain",
                        k % 5 ? NULL : "localhost", NULL);
            st->probes[k].before = k % 4 ? BEFORE_NONE : BEFORE_REJECTED;
        }
        stage_door(st);
        st->door.budget = (struct budget){1 + n % 6, 1 + n / 6 % 6, 1 + n / 36, 1 + n % 3};
        for (unsigned sessions = 0; plan_make(&st->door, st->now, BUDGET_NONE, PLAN_ANY, &p);
             sessions++) {
            assert_true(p.item_count > 0 && sessions < 12);
            for (size_t i = 0; i < p.item_count; i++) {
                assert_int_equal(st->door.results[p.items[i]].state, PROBE_UNTRIED);
                stage_answer(&st->door, p.items[i], PROBE_REFUSED, MEANING_RELAY_DENIED);
            }
        }
        assert_int_equal(door_count(&st->door).refused, 12);
        stage_free(st);
    }
}

/* What rides before a probe's own recipient would spoil the others of its transaction. */
static void test_before_rides_alone(void **state)
{
    struct stage *st = stage_new();

    stage_probe(st, "third", "plain", NULL, NULL);
    stage_probe(st, "third", "plain", NULL, NULL)->before = BEFORE_REJECTED;
    stage_probe(st, "third", "plain", NULL, NULL);
    stage_probe(st, "third", "percent", NULL, NULL);
    stage_door(st);
    st->door.budget.refusals = 100;
    stage_answer(&st->door, 0, PROBE_REFUSED, MEANING_RELAY_DENIED);
    expect_shape(st, BUDGET_NONE, "C2 S1 S2");
    stage_free(st);
}

static void test_delivery(void **state)
{
    struct stage *st = stage_new();
    struct plan p;

    stage_probe(st, "third", "plain", NULL, NULL);
    stage_probe(st, "third", "percent", NULL, NULL);
    stage_probe(st, "third", "host", NULL, NULL);
    stage_door(st);
    st->host.name_checked = true;
    stage_answer(&st->door, 0, PROBE_TAKEN, MEANING_OK);
    stage_answer(&st->door, 1, PROBE_TAKEN, MEANING_OK);
    /* A delivery costs no refusals: it was taken before. */
    assert_true(plan_make(&st->door, st->now, 1, PLAN_ANY, &p));
    assert_string_equal(shape(&p), "C1 D2 S1");
    assert_int_equal(p.items[0], 0);
    assert_int_equal(p.items[1], 1);
    st->door.budget.rcpts = 1;
    assert_true(plan_make(&st->door, st->now, BUDGET_NONE, PLAN_ANY, &p));
    assert_string_equal(shape(&p), "C1 D1 D1 S1");
    stage_free(st);
}

static void test_recipients_limit(void **state)
{
    struct stage *st = stage_new();

    for (int i = 0; i < 11; i++)
        stage_probe(st, "third", "plain", NULL, NULL);
    stage_door(st);
    stage_answer(&st->door, 0, PROBE_REFUSED, MEANING_RELAY_DENIED);
    st->door.budget = (struct budget){100, 100, 100, 4};
    expect_shape(st, BUDGET_NONE, "C2 S4 S4 S2");
    stage_free(st);
}

/* Limits of one session, at the edge and past it. */
static void test_session_limits(void **state)
{
    struct stage *st = stage_new();
    struct plan p;

    for (int i = 0; i < PLAN_ITEMS_MAX + 2; i++)
        stage_probe(st, "third", "plain", NULL, NULL);
    stage_door(st);
    stage_answer(&st->door, 0, PROBE_REFUSED, MEANING_RELAY_DENIED);
    st->door.budget = (struct budget){BUDGET_NONE, BUDGET_NONE, BUDGET_NONE, BUDGET_NONE};
    assert_true(plan_make(&st->door, st->now, BUDGET_NONE, PLAN_ANY, &p));
    assert_int_equal(p.item_count, PLAN_ITEMS_MAX);
    assert_int_equal(p.tx_count, 2);
    st->door.budget.rcpts = 1;
    assert_true(plan_make(&st->door, st->now, BUDGET_NONE, PLAN_ANY, &p));
    assert_int_equal(p.tx_count, PLAN_TX_MAX);
    assert_int_equal(p.item_count, PLAN_TX_MAX - 1);
    stage_free(st);
}

static void test_deferred(void **state)
{
    struct stage *st = stage_new();
    struct smtp_reply reply = {.code = 450};

    stage_probe(st, "third", "plain", NULL, NULL);
    stage_door(st);
    st->door.wait = 600000;
    door_deferred(&st->door, 0, SMTP_STAGE_RCPT, &reply, MEANING_GREYLISTED, st->now);
    expect_shape(st, BUDGET_NONE, "");
    st->now = st->door.results[0].retry_at - 1;
    assert_false(plan_due(&st->door, 0, st->now));
    st->now++;
    assert_true(plan_due(&st->door, 0, st->now));
    expect_shape(st, BUDGET_NONE, "C1 S1");
    stage_free(st);
}

/* A control that was put off is reason enough for a session. */
static void test_control_due(void **state)
{
    struct stage *st = stage_new();
    struct plan p;

    stage_probe(st, "third", "plain", NULL, NULL);
    stage_door(st);
    stage_answer(&st->door, 0, PROBE_REFUSED, MEANING_RELAY_DENIED);
    st->door.control.state = CONTROL_DEFERRED;
    st->door.control.retry_at = st->now + 1;
    expect_shape(st, BUDGET_NONE, "");
    st->now++;
    expect_shape(st, BUDGET_NONE, "C1");
    /* Greylisting wants to see the very same again, in whatever session. */
    st->door.control.which = 1;
    st->door.session_count = 3;
    assert_true(plan_make(&st->door, st->now, BUDGET_NONE, PLAN_ANY, &p));
    assert_int_equal(p.txs[0].from, 1);
    st->door.session_count = 0;
    stage_free(st);
}

/* Mail to a role of our domain is known by its sender's token, if no other token came with it. */
static void test_roles_ride_alone(void **state)
{
    struct stage *st = stage_new();

    stage_probe(st, "third", "plain", NULL, NULL);
    stage_probe(st, "third", "role", NULL, NULL);
    stage_probe(st, "third", "percent", NULL, NULL);
    stage_probe(st, "third", "role", NULL, NULL);
    stage_door(st);
    st->door.budget.refusals = 100;
    stage_answer(&st->door, 0, PROBE_REFUSED, MEANING_RELAY_DENIED);
    expect_shape(st, BUDGET_NONE, "C2 S1 S1 S1");
    stage_answer(&st->door, 1, PROBE_TAKEN, MEANING_OK);
    stage_answer(&st->door, 2, PROBE_TAKEN, MEANING_OK);
    stage_answer(&st->door, 3, PROBE_TAKEN, MEANING_OK);
    expect_shape(st, BUDGET_NONE, "C2 D1 D1 D1");
    stage_free(st);
}

/*
 * Parameters of MAIL hold for a transaction: without them it is no test of a form that needs them.
 */
static void test_parameters(void **state)
{
    struct stage *st = stage_new();
    struct plan p;

    stage_probe(st, "third", "plain", NULL, NULL);
    stage_probe(st, "third", "plain", NULL, NULL);
    stage_probe(st, "third", "octets", NULL, NULL);
    stage_probe(st, "third", "percent", NULL, NULL);
    stage_met(stage_door(st));
    st->door.ehlo.ext = SMTP_EXT_8BITMIME;
    st->door.budget.refusals = 100;
    stage_answer(&st->door, 0, PROBE_REFUSED, MEANING_RELAY_DENIED);
    assert_true(plan_make(&st->door, st->now, BUDGET_NONE, PLAN_ANY, &p));
    assert_string_equal(shape(&p), "C2 S2 S1");
    assert_int_equal(p.items[1], 3);
    assert_int_equal(p.items[2], 2);
    assert_true(plan_same_mail(&st->probes[0], &st->probes[3]));
    assert_false(plan_same_mail(&st->probes[0], &st->probes[2]));
    stage_free(st);
}

static void test_conditions(void **state)
{
    struct stage *st = stage_new();
    struct door *d;

    stage_probe(st, "third", "octets", NULL, NULL);
    stage_probe(st, "third", "host", NULL, NULL);
    stage_probe(st, "wide", "plain", NULL, NULL);
    d = stage_door(st);
    /* Nothing is known yet: one session asks for just that. */
    assert_false(plan_due(d, 0, st->now) || plan_due(d, 1, st->now) || plan_due(d, 2, st->now));
    assert_true(plan_scout(d));
    d->ehlo_seen = d->banner_seen = true;
    d->ehlo.ext = SMTP_EXT_8BITMIME;
    plan_skip_unmet(d);
    assert_int_equal(d->results[0].state, PROBE_UNTRIED);
    assert_int_equal(d->results[1].state, PROBE_UNTRIED);
    assert_int_equal(d->results[2].state, PROBE_SKIPPED);
    assert_int_equal(d->results[2].need, NEED_SMTPUTF8);
    assert_true(plan_due(d, 0, st->now));
    assert_false(plan_due(d, 1, st->now)); /* the name is still being looked up */
    st->host.name_checked = true;
    plan_skip_unmet(d);
    assert_int_equal(d->results[1].state, PROBE_SKIPPED);
    assert_int_equal(d->results[1].need, NEED_HOST);
    assert_false(plan_scout(d));
    stage_free(st);
}

/* A limited pace pays for its control too. */
static void test_pace(void **state)
{
    struct stage *st = stage_new();

    for (int i = 0; i < 8; i++)
        stage_probe(st, "third", "plain", NULL, NULL);
    st->host.own = false;
    stage_door(st);
    expect_shape(st, PACE_REFUSALS, "C1 S1 S1 S1");
    st->door.control.state = CONTROL_ACCEPTED;
    expect_shape(st, PACE_REFUSALS, "C1 S1 S1 S1 S1");
    stage_free(st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_new_sender_alone),
        cmocka_unit_test(test_control_settled),
        cmocka_unit_test(test_lead_decides),
        cmocka_unit_test(test_purse),
        cmocka_unit_test(test_all_is_asked),
        cmocka_unit_test(test_before_rides_alone),
        cmocka_unit_test(test_delivery),
        cmocka_unit_test(test_recipients_limit),
        cmocka_unit_test(test_session_limits),
        cmocka_unit_test(test_deferred),
        cmocka_unit_test(test_control_due),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_roles_ride_alone),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_pace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
