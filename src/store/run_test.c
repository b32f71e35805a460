/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/fixture.h"

static void fields_come_back(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct store_run want = {.id = 0xfedcba98,
                             .started_wall = 1700000000,
                             .state = STORE_RUN_RUNNING,
                             .command = SPAN_LIT("postern test \xc3\xa4 b"),
                             .probe_domain = SPAN_LIT("probe.example"),
                             .options = SPAN_LIT("{}")};
    struct store_run got;

    assert_int_equal(store_run_add(store, &want), STORE_OK);
    assert_int_equal(store_run_add(store, &want), STORE_EXISTS);
    assert_int_equal(store_run_get(store, want.id, &got), STORE_OK);
    assert_int_equal(got.id, want.id);
    assert_int_equal(got.started_wall, want.started_wall);
    assert_int_equal(got.ended_wall, 0);
    assert_true(span_eq(got.command, want.command));
    assert_text(got.probe_domain, "probe.example");
    assert_text(got.options, "{}");
    assert_int_equal(got.tester.n, 0);
    assert_int_equal(got.targets + got.open + got.proofs, 0);
    assert_int_equal(store_run_set_state(store, want.id, STORE_RUN_DONE, 1700000009), STORE_OK);
    assert_int_equal(store_run_get(store, want.id, &got), STORE_OK);
    assert_int_equal(got.state, STORE_RUN_DONE);
    assert_int_equal(got.ended_wall, 1700000009);
    assert_int_equal(store_run_get(store, 1, &got), STORE_NONE);
    assert_int_equal(store_run_set_state(store, 1, STORE_RUN_DONE, 1), STORE_NONE);
    store_close(store);
}

static void found_by_name(void **state)
{
    static const struct {
        const char *name;
        int want;
        uint32_t id;
    } cases[] = {
        {"last", STORE_OK, 0x00000012},
        {"LAST", STORE_OK, 0x00000012},
        {"deadbeef", STORE_OK, 0xdeadbeef},
        {"DEADBEEF", STORE_OK, 0xdeadbeef},
        {"dead", STORE_MANY, 0},
        {"deadb", STORE_OK, 0xdeadbeef},
        {"deadc", STORE_OK, 0xdeadc0de},
        {"f", STORE_OK, 0xffffffff},
        {"ffffffff", STORE_OK, 0xffffffff},
        {"0", STORE_MANY, 0},
        {"00000012", STORE_OK, 0x12},
        {"12", STORE_NONE, 0},
        {"00000000", STORE_OK, 0},
        {"1", STORE_NONE, 0},
        {"", STORE_NONE, 0},
        {"deadbeef0", STORE_NONE, 0},
        {"xyz", STORE_NONE, 0},
        {"dead beef", STORE_NONE, 0},
        {"-1", STORE_NONE, 0},
        {"0x12", STORE_NONE, 0},
    };
    static const uint32_t ids[] = {0xdeadbeef, 0xffffffff, 0, 0xdeadc0de, 0x12};
    struct store *store = fixture_open(*state, STORE_CREATE);
    uint32_t id = 5;

    assert_int_equal(store_run_find(store, SPAN_LIT("last"), &id), STORE_NONE);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        assert_int_equal(store_run_add(store, &(struct store_run){.id = ids[i]}), STORE_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        id = 5;
        int rc = store_run_find(store, span_str(cases[i].name), &id);
        if (rc != cases[i].want || id != (rc == STORE_OK ? cases[i].id : 5))
            fail_msg("\"%s\": %d, %08x", cases[i].name, rc, id);
    }
    store_close(store);
}

struct seen {
    uint32_t ids[8];
    size_t count;
};

static int see(void *ctx, const struct store_run *run)
{
    struct seen *seen = ctx;

    assert_true(seen->count < 8);
    seen->ids[seen->count++] = run->id;
    return 0;
}

static void newest_first(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct seen seen = {0};

    /* The order of making, also within a second and against the order of ids. */
    fixture_run(store, 9, 0);
    fixture_run(store, 3, 0);
    fixture_run(store, 6, 0);
    assert_int_equal(store_runs_each(store, 0, see, &seen), STORE_OK);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.ids[0], 6);
    assert_int_equal(seen.ids[2], 9);
    seen.count = 0;
    assert_int_equal(store_runs_each(store, 1, see, &seen), STORE_OK);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.ids[0], 6);
    store_close(store);
}

static void counts_by_verdict(void **state)
{
    static const char *const verdicts[] = {"open",    "closed",       "closed",     "accepts",
                                           "blocked", "inconclusive", "unreachable"};
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct store_target t;
    struct store_run run;

    fixture_run(store, 1, 8);
    fixture_run(store, 2, 1);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(store_target_next_pending(store, 1, 1, &t), STORE_OK);
        t.verdict = span_str(verdicts[i]);
        t.state = STORE_TARGET_DONE;
        assert_int_equal(store_target_finish(store, &t, SPAN_NULL), STORE_OK);
    }
    for (int i = 0; i < 3; i++) {
        struct store_proof proof = {.token = {.run = 1, .serial = (uint32_t)i}};

        proof.what = i == 2 ? STORE_WHAT_BOUNCE : STORE_WHAT_ARRIVAL;
        assert_int_equal(store_proof_add(store, &proof, NULL), STORE_OK);
    }
    assert_int_equal(store_run_get(store, 1, &run), STORE_OK);
    assert_int_equal(run.targets, 8);
    assert_int_equal(run.open, 1);
    assert_int_equal(run.closed, 2);
    assert_int_equal(run.accepts, 1);
    assert_int_equal(run.blocked, 1);
    assert_int_equal(run.inconclusive, 1);
    assert_int_equal(run.unreachable, 1);
    assert_int_equal(run.proofs, 2);
    assert_int_equal(store_run_get(store, 2, &run), STORE_OK);
    assert_int_equal(run.targets, 1);
    assert_int_equal(run.open + run.closed + run.proofs, 0);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
        T(fields_come_back),
        T(found_by_name),
        T(newest_first),
        T(counts_by_verdict),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
