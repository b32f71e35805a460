/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/fixture.h"

#include <signal.h>
#include <time.h>

static void fields_and_order(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct span more[] = {SPAN_LIT("Mail.Example"), SPAN_LIT("[2001:db8::1]:587")};
    struct buf lines = BUF_INIT(STORE_RESULT_MAX);
    struct store_target t, got;

    fixture_run(store, 1, 2);
    assert_int_equal(store_targets_add(store, 1, more, 2), STORE_OK);
    assert_int_equal(store_targets_add(store, 1, NULL, 0), STORE_OK);
    assert_true(store_targets_add(store, 99, more, 2) < 0);
    assert_int_equal(store_target_find(store, 1, SPAN_LIT("mail.example"), &got), STORE_OK);
    assert_int_equal(got.ordinal, 2);
    assert_text(got.name, "Mail.Example");
    assert_int_equal(got.exit_class, -1);
    assert_int_equal(got.state, STORE_TARGET_PENDING);
    assert_int_equal(store_target_find(store, 1, SPAN_LIT("mail"), &got), STORE_NONE);
    assert_int_equal(store_target_get(store, 4711, &got), STORE_NONE);

    assert_int_equal(store_target_next_pending(store, 1, 1000, &t), STORE_OK);
    assert_text(t.name, "host0.example");
    assert_int_equal(t.state, STORE_TARGET_RUNNING);
    assert_int_equal(t.started_wall, 1000);
    t.state = STORE_TARGET_WAITING;
    t.verdict = SPAN_LIT("accepts");
    t.exit_class = 1;
    t.ended_wall = 1010;
    t.window_wall = 2000;
    assert_int_equal(store_target_finish(store, &t, SPAN_LIT("{\"a\":1}\n{}\n")), STORE_OK);
    assert_int_equal(store_target_get(store, t.id, &got), STORE_OK);
    assert_text(got.verdict, "accepts");
    assert_int_equal(got.exit_class, 1);
    assert_int_equal(got.started_wall, 1000);
    assert_int_equal(got.ended_wall, 1010);
    assert_int_equal(got.window_wall, 2000);
    assert_int_equal(got.state, STORE_TARGET_WAITING);
    /* A null span keeps the lines, another replaces them. */
    assert_int_equal(store_target_finish(store, &t, SPAN_NULL), STORE_OK);
    assert_int_equal(store_target_result(store, t.id, &lines), STORE_OK);
    assert_string_equal(buf_str(&lines), "{\"a\":1}\n{}\n");
    buf_clear(&lines);
    assert_int_equal(store_target_finish(store, &t, SPAN_LIT("{}\n")), STORE_OK);
    assert_int_equal(store_target_result(store, t.id, &lines), STORE_OK);
    assert_string_equal(buf_str(&lines), "{}\n");
    assert_int_equal(store_target_result(store, t.id + 1, &lines), STORE_NONE);
    struct buf small = BUF_INIT(2);
    assert_int_equal(store_target_result(store, t.id, &small), -EMSGSIZE);
    buf_deinit(&small);
    t.id = 4711;
    assert_int_equal(store_target_finish(store, &t, SPAN_LIT("{}\n")), STORE_NONE);
    buf_deinit(&lines);
    store_close(store);
}

struct names {
    struct buf text;
};

static int add_name(void *ctx, const struct store_target *t)
{
    struct names *names = ctx;

    buf_add(&names->text, t->name);
    buf_add_char(&names->text, ' ');
    return 0;
}

static void chosen_by_state(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct names names = {BUF_INIT(1000)};
    struct store_target t;
    uint64_t pending = 0;

    fixture_run(store, 1, 4);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(store_target_next_pending(store, 1, 1, &t), STORE_OK);
        if (i == 1)
            continue; /* stays running, as after a kill */
        t.state = i ? STORE_TARGET_WAITING : STORE_TARGET_DONE;
        t.verdict = i ? SPAN_LIT("accepts") : SPAN_LIT("closed");
        assert_int_equal(store_target_finish(store, &t, SPAN_LIT("{}\n")), STORE_OK);
    }
    assert_int_equal(store_targets_each(store, 1, 1 << STORE_TARGET_RUNNING, add_name, &names), 0);
    assert_string_equal(buf_str(&names.text), "host1.example ");
    buf_clear(&names.text);
    assert_int_equal(store_targets_each(store, 1,
                                        1 << STORE_TARGET_WAITING | 1 << STORE_TARGET_DONE,
                                        add_name, &names),
                     0);
    assert_string_equal(buf_str(&names.text), "host0.example host2.example ");
    buf_clear(&names.text);
    assert_int_equal(store_targets_each(store, 1, 0, add_name, &names), 0);
    assert_string_equal(buf_str(&names.text),
                        "host0.example host1.example host2.example host3.example ");
    buf_clear(&names.text);

    /* What is not done is taken up again, in its order, and keeps what is known of it. */
    assert_int_equal(store_run_resume(store, 1, &pending), STORE_OK);
    assert_int_equal(pending, 3);
    static const char *const left[] = {"host1.example", "host2.example", "host3.example"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(store_target_next_pending(store, 1, 9, &t), STORE_OK);
        assert_text(t.name, left[i]);
        assert_text(t.verdict, i == 1 ? "accepts" : "");
        assert_int_equal(store_target_result(store, t.id, &names.text), i == 1 ? 0 : STORE_NONE);
    }
    assert_string_equal(buf_str(&names.text), "{}\n");
    buf_deinit(&names.text);
    assert_int_equal(store_target_next_pending(store, 1, 9, &t), STORE_NONE);
    assert_int_equal(store_target_next_pending(store, 2, 9, &t), STORE_NONE);
    store_close(store);
}

enum { KILL_TARGETS = 600, KILL_ROUNDS = 25, KILL_BATCH = 7 };

/* A tester: takes targets, says on the pipe what it has committed, until it is killed. */
static void work(const struct fixture *f, int report)
{
    struct store *store = NULL;
    struct store_target t;
    uint64_t pending;
    uint32_t done[KILL_BATCH];
    size_t n = 0;

    if (store_open(f->path, 0, &store) != 0 || store_run_resume(store, 1, &pending) != 0)
        _exit(1);
    for (;;) {
        if (n == 0)
            store_begin(store);
        int rc = store_target_next_pending(store, 1, 1, &t);
        if (rc < 0)
            _exit(2);
        if (rc == STORE_OK) {
            struct store_probe p = {.target = t.id, .serial = 1};

            done[n++] = (uint32_t)t.ordinal;
            t.state = STORE_TARGET_DONE;
            t.verdict = SPAN_LIT("closed");
            if (store_probes_put(store, &p, 1) != 0 ||
                store_target_finish(store, &t, SPAN_LIT("{}\n")) != 0)
                _exit(3);
        }
        if (rc == STORE_NONE || n == KILL_BATCH) {
            if (store_commit(store) != 0)
                _exit(4);
            if (n && write(report, done, n * sizeof(done[0])) < 0)
                _exit(5);
            n = 0;
        }
        if (rc == STORE_NONE)
            _exit(0);
    }
}

struct told {
    unsigned times[KILL_TARGETS];
    unsigned sum;
};

/* Takes one report off the pipe; false at its end. */
static bool hear(int report, struct told *told)
{
    uint32_t done[KILL_BATCH];
    ssize_t n = read(report, done, sizeof(done));

    for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(done[0]); i++) {
        told->sum++;
        /* What the tester knew to be committed is never done again. */
        assert_int_equal(++told->times[done[i]], 1);
    }
    return n > 0;
}

/*
 * Killed again and again, a bulk run ends with every host tested. What a tester was about to report
 * when it was killed may be committed, so the store may know of a batch more for each kill.
 */
static void killed_in_a_loop(void **state)
{
    struct fixture *f = *state;
    struct told *told = calloc(1, sizeof(*told));
    struct store *store = fixture_open(f, STORE_CREATE);
    struct store_run run;
    unsigned kills = 0;
    bool ended = false;

    assert_non_null(told);
    fixture_run(store, 1, KILL_TARGETS);
    store_close(store);
    while (!ended) {
        int report[2], status = 0;

        assert_int_equal(pipe(report), 0);
        pid_t pid = fork();
        if (pid == 0)
            work(f, report[1]);
        close(report[1]);
        if (kills < KILL_ROUNDS && (kills % 2 == 0 || hear(report[0], told))) {
            usleep(kills * 137);
            kill(pid, SIGKILL);
        }
        while (hear(report[0], told))
            ;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        close(report[0]);
        kills += WIFSIGNALED(status);
        ended = WIFEXITED(status);
        assert_true(!ended || WEXITSTATUS(status) == 0);
        store = fixture_open(f, 0);
        assert_int_equal(store_run_get(store, 1, &run), STORE_OK);
        assert_true(run.closed >= told->sum && run.closed <= told->sum + kills * KILL_BATCH);
        assert_int_equal(run.targets, KILL_TARGETS);
        store_close(store);
    }
    assert_true(kills > 3);
    assert_int_equal(run.closed, KILL_TARGETS);
    store_close(fixture_open(f, STORE_CHECK));
    free(told);
}

static double seconds_since(const struct timespec *from)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - from->tv_sec) + (double)(now.tv_nsec - from->tv_nsec) / 1e9;
}

enum { BULK_TARGETS = 10000, BULK_PROBES = 50, BULK_BATCH = 250, BULK_SECONDS = 8 };

/*
 * 10,000 targets of 50 probes with envelopes, replies and results of the usual size take two to
 * three seconds. Stops by the clock: under valgrind or on a busy machine less is done.
 */
static void bulk(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct store_probe *probes = calloc(BULK_PROBES, sizeof(*probes));
    struct timespec from;
    struct store_target t;
    struct buf line = BUF_INIT(STORE_RESULT_MAX);
    size_t done = 0;

    for (int i = 0; i < BULK_PROBES; i++)
        buf_addf(&line, "{\"type\":\"probe\",\"probe\":\"plain-%d\",\"code\":554,\"ms\":120}\n", i);
    clock_gettime(CLOCK_MONOTONIC, &from);
    fixture_run(store, 1, BULK_TARGETS);
    print_message("# %d targets added in %.2f s\n", BULK_TARGETS, seconds_since(&from));
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int rc = STORE_OK; rc == STORE_OK;) {
        if (done % BULK_BATCH == 0)
            assert_int_equal(store_begin(store), 0);
        rc = STORE_NONE;
        if (seconds_since(&from) < BULK_SECONDS)
            rc = store_target_next_pending(store, 1, 1, &t);
        if (rc == STORE_OK) {
            for (uint32_t i = 0; i < BULK_PROBES; i++) {
                probes[i] = (struct store_probe){
                    .target = t.id,
                    .serial = i,
                    .day = 19700,
                    .probe = SPAN_LIT("percent-host"),
                    .address = {IP_V4, {10, 0, (uint8_t)(done >> 8), (uint8_t)done}},
                    .port = 25,
                    .tls = SPAN_LIT("no"),
                    .mail = SPAN_LIT("<postmaster@tester.example>"),
                    .rcpt = SPAN_LIT("<abcdefghijklmnopqrstuvwxyz2345672345%probe.example@mx>"),
                    .helo = SPAN_LIT("tester.example"),
                    .state = STORE_PROBE_REFUSED,
                    .meaning = SPAN_LIT("relay-denied"),
                    .code = 554,
                    .enhanced = SPAN_LIT("5.7.1"),
                    .text = SPAN_LIT("Relay access denied"),
                    .attempts = 1,
                };
                memcpy(probes[i].digest, &done, STORE_DIGEST);
            }
            assert_int_equal(store_probes_put(store, probes, BULK_PROBES), STORE_OK);
            t.state = STORE_TARGET_DONE;
            t.verdict = SPAN_LIT("closed");
            t.exit_class = 0;
            assert_int_equal(store_target_finish(store, &t, buf_span(&line)), STORE_OK);
            done++;
        }
        if (rc == STORE_NONE || done % BULK_BATCH == 0)
            assert_int_equal(store_commit(store), 0);
    }
    double took = seconds_since(&from);
    uint64_t bytes = 0;
    assert_int_equal(store_bytes(store, &bytes), STORE_OK);
    print_message("# %zu x %d probes saved in %.2f s, %.0f MB\n", done, BULK_PROBES, took,
                  (double)bytes / 1e6);
    /* A lost index shows: the work would grow with the square. */
    assert_true(done >= BULK_TARGETS / 50);
    struct store_run run;
    assert_int_equal(store_run_get(store, 1, &run), STORE_OK);
    assert_int_equal(run.closed, done);
    store_close(store);
    buf_deinit(&line);
    free(probes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
        T(fields_and_order),
        T(chosen_by_state),
        T(killed_in_a_loop),
        T(bulk),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
