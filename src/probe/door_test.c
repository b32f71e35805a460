/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Doors and sessions against servers of the kinds that cut testers off, with the real catalogue, a
 * made-up network and a made-up clock.
 */
#include "probe/door_server_test.h"
#include "probe/verdict.h"
#include "source.h"

static struct catalogue catalogue;
static struct probe_list list;
static struct budget_table budgets;
static const uint8_t key[MAC_KEY] = {1, 2, 3};

static int load(void **state)
{
    static const char *const files[] = {"data/probes/senders.rows", "data/probes/recipients.rows",
                                        "data/probes/helos.rows", "data/probes/channels.rows",
                                        "data/probes/pairs.rows"};
    struct pairs_options o = {0};
    struct rows_error rows_err;
    struct catalogue_error err;
    char why[200];

    catalogue_init(&catalogue);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        assert_int_equal(catalogue_load(&catalogue, source_text(files[i]), files[i], &err), 0);
    probe_list_init(&list);
    assert_int_equal(pairs_make(&catalogue, &o, &list, why, sizeof(why)), 0);
    assert_int_equal(budget_load(&budgets, source_text("data/servers/budgets.rows"), &rows_err), 0);
    return 0;
}

static int unload(void **state)
{
    probe_list_deinit(&list);
    catalogue_deinit(&catalogue);
    budget_deinit(&budgets);
    return 0;
}

struct stage {
    struct door_run run;
    struct door_host host;
    struct door door;
    struct server *server;
    int64_t now;
};

static void stage_init(struct stage *st, const struct behaviour *b, bool gentle, int64_t wait)
{
    memset(st, 0, sizeof(*st));
    st->server = calloc(1, sizeof(*st->server));
    assert_non_null(st->server);
    st->server->b = b;
    st->server->out = (struct buf)BUF_INIT(1 << 20);
    st->now = 1000000;
    st->run = (struct door_run){.list = &list,
                                .servers = &budgets,
                                .key = key,
                                .run = 7,
                                .day = 9,
                                .domain = "probe.example",
                                .helo = "t.example",
                                .tester = "t.example",
                                .contact = "postmaster@probe.example",
                                .uri = "mailto:postmaster@probe.example",
                                .opt_out = "postmaster@probe.example",
                                .rand = "abcdefgh",
                                .timeout_ms = 60000,
                                .wildcard_mx = true};
    st->host = (struct door_host){.run = &st->run,
                                  .name = "mx.example",
                                  .local_domain = "mx.example",
                                  .given = "mx.example",
                                  .ip = {.family = IP_V4, .b = {192, 0, 2, 1}},
                                  .controls = {"<postmaster>", "<postmaster@mx.example>"},
                                  .own = !gentle};
    pace_init(&st->host.pace, gentle);
    assert_int_equal(door_init(&st->door, &st->host, 25, DOOR_PLAIN, 0, wait, st->now), 0);
}

static void stage_run(struct stage *st)
{
    enum door_next next = DOOR_SESSION;

    for (unsigned rounds = 0; next != DOOR_DONE && rounds < 5000; rounds++) {
        int64_t until = 0;

        next = door_next(&st->door, st->now, &until);
        if (next == DOOR_SESSION)
            hold_session(&st->door, st->server, &st->now);
        else if (next == DOOR_WAIT)
            st->now = until;
    }
    assert_int_equal(next, DOOR_DONE);
}

static void stage_deinit(struct stage *st)
{
    door_deinit(&st->door);
    buf_deinit(&st->server->out);
    free(st->server);
}

static const char postfix_ehlo[] = "250-mx.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n";
static const char plain_ehlo[] = "250 mx.example\r\n";
static const char denied[] = "554 5.7.1 <x>: Relay access denied";

static void expect_all_judged(const struct stage *st, const char *name)
{
    struct door_counts n = door_count(&st->door);
    char why[VERDICT_WHY_MAX];

    if (n.lost + n.untried + n.deferred)
        fail_msg("%s: %u lost, %u deferred, last end %s", name, n.lost + n.untried, n.deferred,
                 door_end_name(st->door.last_end));
    assert_true(n.refused > 100);
    assert_int_equal(verdict_of_door(&st->door, why), VERDICT_CLOSED);
}

static void closed_servers_are_judged_whole(void **state)
{
    static const struct {
        const char *name;
        struct behaviour b;
        unsigned cuts; /* that the tester may run into before it has learned */
    } cases[] = {
        {"postfix",
         {"220 mx ESMTP Postfix\r\n", postfix_ehlo, denied, .slow_after = 10, .cut_after = 20},
         0},
        {"postfix that refuses for now",
         {"220 mx ESMTP Postfix\r\n", postfix_ehlo, "454 4.7.1 <x>: Relay access denied",
          .slow_after = 10, .cut_after = 20},
         0},
        {"exim",
         {"220 mx ESMTP Exim 4.96\r\n", postfix_ehlo, "550 relay not permitted", .cut_syntax = 3,
          .cut_resets = 10},
         3},
        {"opensmtpd",
         {"220 mx ESMTP OpenSMTPD\r\n", plain_ehlo, "550 Invalid recipient: <x>",
          .hates_pipelining = true},
         0},
        {"unknown, without limits", {"220 mx ESMTP\r\n", postfix_ehlo, denied}, 0},
        {"unknown, cuts at the fifth",
         {"220 mx ESMTP\r\n", postfix_ehlo, denied, .cut_after = 5},
         2},
        {"unknown, cuts at the third",
         {"220 mx ESMTP\r\n", postfix_ehlo, denied, .cut_after = 3},
         4},
        {"unknown, few resets", {"220 mx ESMTP\r\n", postfix_ehlo, denied, .cut_resets = 3}, 10},
        {"hidden exim",
         {"220 mx ESMTP\r\n", postfix_ehlo, "550 relay not permitted", .cut_syntax = 3,
          .cut_resets = 10},
         4},
        {"drops replies at QUIT",
         {"220 mx ESMTP\r\n", postfix_ehlo, denied, .quit_drops = true},
         0},
        {"slow by nature", {"220 mx ESMTP\r\n", postfix_ehlo, denied, .reply_ms = 5000}, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct stage st;

        stage_init(&st, &cases[i].b, false, 0);
        stage_run(&st);
        if (st.server->cuts > cases[i].cuts || st.server->overrun)
            fail_msg("%s: cut %u times, pipelined at it %u times", cases[i].name, st.server->cuts,
                     st.server->overrun);
        if (st.server->drops > 1 || (cases[i].b.quit_drops && st.server->sessions > 60))
            fail_msg("%s: replies lost in %u of %u sessions; one is enough to learn it",
                     cases[i].name, st.server->drops, st.server->sessions);
        expect_all_judged(&st, cases[i].name);
        assert_int_equal(st.server->messages, 0);
        stage_deinit(&st);
    }
}

static void known_postfix_costs_few_waits_and_no_delay(void **state)
{
    static const struct behaviour b = {"220 mx ESMTP Postfix\r\n", postfix_ehlo, denied,
                                       .slow_after = 10, .cut_after = 20};
    struct door_counts n;
    struct stage st;

    stage_init(&st, &b, false, 0);
    stage_run(&st);
    n = door_count(&st.door);
    assert_int_equal(st.server->slowed, 0);
    if (st.door.waits * 2 >= n.refused + n.inferred)
        fail_msg("%u waits in %zu sessions for %u forms", st.door.waits, st.door.session_count,
                 n.refused + n.inferred);
    stage_deinit(&st);
}

static void soft_limit_of_an_unknown_server_is_learned(void **state)
{
    static const struct behaviour b = {"220 mx ESMTP\r\n", postfix_ehlo, denied, .slow_after = 10};
    struct stage st;

    stage_init(&st, &b, false, 0);
    stage_run(&st);
    expect_all_judged(&st, "");
    if (st.server->slowed > 12)
        fail_msg("%u replies were held back", st.server->slowed);
    stage_deinit(&st);
}

static void open_server_gets_a_body_for_each_sender(void **state)
{
    static const struct behaviour b[] = {
        {"220 mx ESMTP Postfix\r\n", postfix_ehlo, denied, .takes_all = true},
        {"220 mx ESMTP OpenSMTPD\r\n", plain_ehlo, denied, .takes_all = true},
    };

    for (size_t i = 0; i < 2; i++) {
        struct door_counts n;
        struct stage st;
        char why[VERDICT_WHY_MAX];

        stage_init(&st, &b[i], false, 0);
        stage_run(&st);
        n = door_count(&st.door);
        assert_true(n.delivered > 100);
        assert_int_equal(n.taken + n.held + n.untried + n.lost, 0);
        /* Many recipients share a body. */
        assert_true(st.server->messages < n.delivered);
        assert_int_equal(verdict_of_door(&st.door, why), VERDICT_ACCEPTS);
        door_arrived(&st.door, 0);
        assert_int_equal(verdict_of_door(&st.door, why), VERDICT_OPEN);
        stage_deinit(&st);
    }
}

static void greylisting_passes_with_the_same_triple(void **state)
{
    static const struct behaviour b = {"220 mx ESMTP Postfix\r\n", postfix_ehlo, denied,
                                       .grey = true, .takes_all = true};
    struct door_counts n;
    struct stage st;

    stage_init(&st, &b, false, 120000);
    stage_run(&st);
    n = door_count(&st.door);
    assert_int_equal(n.deferred + n.lost + n.untried, 0);
    assert_true(n.delivered > 100);
    stage_deinit(&st);
}

static void greylisting_without_patience_stays_pending(void **state)
{
    static const struct behaviour b = {"220 mx ESMTP Postfix\r\n", postfix_ehlo, denied,
                                       .grey = true, .takes_all = true};
    char why[VERDICT_WHY_MAX];
    struct stage st;

    stage_init(&st, &b, false, 0);
    stage_run(&st);
    assert_true(door_count(&st.door).deferred > 100);
    assert_int_equal(st.server->messages, 0);
    assert_int_equal(verdict_of_door(&st.door, why), VERDICT_INCONCLUSIVE);
    assert_true(door_due(&st.door) == INT64_MAX);
    stage_deinit(&st);
}

static void a_ban_is_noticed(void **state)
{
    static const struct behaviour b = {"220 mx ESMTP Postfix\r\n", postfix_ehlo, denied,
                                       .ban_after = 5};
    char why[VERDICT_WHY_MAX];
    struct stage st;

    stage_init(&st, &b, false, 60000);
    stage_run(&st);
    assert_true(st.door.banned);
    assert_true(st.server->sessions < 6);
    assert_int_equal(verdict_of_door(&st.door, why), VERDICT_BLOCKED);
    assert_true(door_count(&st.door).lost > 0);
    stage_deinit(&st);
}

static void gentle_stays_below_five_refusals_in_ten_minutes(void **state)
{
    static const struct {
        const char *name;
        struct behaviour b;
    } cases[] = {
        {"closed", {"220 mx ESMTP Postfix\r\n", postfix_ehlo, denied}},
        {"unknown to us", {"220 mx ESMTP\r\n", postfix_ehlo, denied}},
        {"one by one", {"220 mx ESMTP\r\n", plain_ehlo, denied}},
        {"refuses the control too",
         {"220 mx ESMTP Postfix\r\n", postfix_ehlo, denied, .no_control = true}},
        {"refuses every MAIL",
         {"220 mx ESMTP Postfix\r\n", postfix_ehlo, denied, .needs_tls = true}},
        {"puts off", {"220 mx ESMTP Postfix\r\n", postfix_ehlo, denied, .grey = true}},
    };

    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        struct stage st;

        stage_init(&st, &cases[k].b, true, 0);
        stage_run(&st);
        for (unsigned i = PACE_REFUSALS; i < st.server->all_refused; i++)
            if (st.server->refused_at[i] - st.server->refused_at[i - PACE_REFUSALS] <
                PACE_WINDOW_MS)
                fail_msg("%s: five refusals in ten minutes, the last is number %u", cases[k].name,
                         i + 1);
        if (k < 3)
            expect_all_judged(&st, cases[k].name);
        stage_deinit(&st);
    }
}

static void refusal_for_all_is_no_closed_server(void **state)
{
    static const struct {
        struct behaviour b;
        enum verdict verdict;
    } cases[] = {
        {{"220 mx ESMTP Postfix\r\n", postfix_ehlo, denied, .no_control = true}, VERDICT_BLOCKED},
        {{"220 mx ESMTP Postfix\r\n", postfix_ehlo,
          "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using bl.example",
          .no_control = true},
         VERDICT_BLOCKED},
        {{"220 mx ESMTP Postfix\r\n", postfix_ehlo, denied, .needs_tls = true}, VERDICT_CLOSED},
        {{"554 mx go away\r\n", postfix_ehlo, denied}, VERDICT_BLOCKED},
        {{"hello\r\n", postfix_ehlo, denied}, VERDICT_INCONCLUSIVE},
        {{"220 mx\r\n250 what?\r\n", postfix_ehlo, denied}, VERDICT_INCONCLUSIVE},
        {{"", postfix_ehlo, denied}, VERDICT_INCONCLUSIVE},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char why[VERDICT_WHY_MAX];
        struct stage st;

        stage_init(&st, &cases[i].b, false, 0);
        stage_run(&st);
        if (verdict_of_door(&st.door, why) != cases[i].verdict)
            fail_msg("case %zu: %s (%s)", i, verdict_name(verdict_of_door(&st.door, why)), why);
        assert_true(st.server->sessions <= 400);
        stage_deinit(&st);
    }
}

static void a_tarpit_ends_when_the_time_is_up(void **state)
{
    static const struct behaviour b = {"220 mx ESMTP\r\n", plain_ehlo, denied,
                                       .hates_pipelining = true, .reply_ms = 2000};
    struct door_counts n;
    char why[VERDICT_WHY_MAX];
    struct stage st;
    int64_t began;

    stage_init(&st, &b, false, 0);
    st.run.limit_ms = 60000;
    began = st.now;
    stage_run(&st);
    n = door_count(&st.door);
    assert_true(st.door.out_of_time);
    assert_true(st.now - began < 200000); /* the least number alone takes two minutes here */
    assert_true(n.refused >= DOOR_JUDGED_LEAST);
    assert_int_equal(n.untried + n.lost, 0);
    assert_int_equal(verdict_of_door(&st.door, why), VERDICT_CLOSED);
    stage_deinit(&st);
}

/* Whether the tester read each reply late, or the server gave it late, makes the difference. */
static void lag_of_our_own_is_not_the_servers(void **state)
{
    static const struct {
        const char *name;
        struct behaviour b;
        int64_t lag;
        bool left_out;
    } cases[] = {
        {"one by one, late to read",
         {"220 mx ESMTP\r\n", plain_ehlo, denied, .hates_pipelining = true, .reply_ms = 2000},
         2000,
         false},
        {"one by one, later than we read",
         {"220 mx ESMTP\r\n", plain_ehlo, denied, .hates_pipelining = true, .reply_ms = 3000},
         1000,
         true},
        {"in groups, late to read",
         {"220 mx ESMTP Postfix\r\n", postfix_ehlo, denied, .reply_ms = 2000},
         2000,
         false},
    };
    static const struct behaviour swift = {"220 mx ESMTP Postfix\r\n", postfix_ehlo, denied};
    struct stage st, calm;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        stage_init(&st, &cases[i].b, false, 0);
        st.run.limit_ms = 60000;
        st.run.lag_ms = cases[i].lag;
        stage_run(&st);
        if (st.door.out_of_time != cases[i].left_out)
            fail_msg("%s: %s", cases[i].name, st.door.out_of_time ? "out of time" : "in time");
        if (!cases[i].left_out && st.door.busy != 0)
            fail_msg("%s: %lld ms are the server's", cases[i].name, (long long)st.door.busy);
        if (i == 2) { /* nor does it seem slow: as many sessions as without the lag */
            stage_init(&calm, &swift, false, 0);
            stage_run(&calm);
            assert_int_equal(st.door.session_count, calm.door.session_count);
            stage_deinit(&calm);
        }
        stage_deinit(&st);
    }
}

static void texts_are_the_same_each_time(void **state)
{
    static const struct behaviour b = {"220 mx\r\n", postfix_ehlo, denied};
    struct stage st;

    stage_init(&st, &b, false, 0);
    for (size_t i = 0; i < list.count; i++) {
        struct buf one = BUF_INIT(EXPAND_MAX), two = BUF_INIT(EXPAND_MAX);
        int got = door_rcpt_text(&st.door, i, &one);

        assert_int_equal(door_rcpt_text(&st.door, i, &two), got);
        assert_true(span_eq(buf_span(&one), buf_span(&two)));
        buf_deinit(&one);
        buf_deinit(&two);
    }
    stage_deinit(&st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_servers_are_judged_whole),
        cmocka_unit_test(known_postfix_costs_few_waits_and_no_delay),
        cmocka_unit_test(soft_limit_of_an_unknown_server_is_learned),
        cmocka_unit_test(open_server_gets_a_body_for_each_sender),
        cmocka_unit_test(greylisting_passes_with_the_same_triple),
        cmocka_unit_test(greylisting_without_patience_stays_pending),
        cmocka_unit_test(a_ban_is_noticed),
        cmocka_unit_test(gentle_stays_below_five_refusals_in_ten_minutes),
        cmocka_unit_test(refusal_for_all_is_no_closed_server),
        cmocka_unit_test(a_tarpit_ends_when_the_time_is_up),
        cmocka_unit_test(lag_of_our_own_is_not_the_servers),
        cmocka_unit_test(texts_are_the_same_each_time),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
