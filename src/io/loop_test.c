/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/loop.h"

#include "io/random.h"
#include "io/timer.h"
#include "io/wake.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY = 5000 };

static struct loop *loop;

static int set_up(void **state)
{
    return loop_new(&loop);
}

static int tear_down(void **state)
{
    loop_free(&loop);
    loop_free(&loop);
    return 0;
}

struct tick {
    struct timer timer;
    int64_t due, fired;
    struct tick *stops;
    unsigned again;
};

static int64_t last_due;
static unsigned out_of_order, count;

static void on_tick(void *cookie)
{
    struct tick *t = cookie;

    t->fired = loop_now(loop);
    count++;
    if (t->due < last_due)
        out_of_order++;
    last_due = t->due;
    if (t->stops)
        timer_stop(&t->stops->timer);
    if (t->again) {
        t->again--;
        timer_start(&t->timer, loop, 0);
    }
}

static void test_timers_in_order(void **state)
{
    struct tick *ticks = calloc(MANY, sizeof(*ticks));
    int64_t base = loop_now(loop);
    unsigned stopped = 0;

    assert_non_null(ticks);
    count = out_of_order = 0;
    last_due = 0;
    srand(7);
    for (unsigned i = 0; i < MANY; i++) {
        ticks[i].due = base + rand() % 120;
        timer_init(&ticks[i].timer, on_tick, &ticks[i]);
        timer_start_at(&ticks[i].timer, loop, ticks[i].due);
    }
    /* Half of them are moved or stopped again, so that every place in the heap is cut out of. */
    for (unsigned i = 0; i < MANY; i += 2) {
        if (i % 4 == 0) {
            timer_stop(&ticks[i].timer);
            timer_stop(&ticks[i].timer);
            stopped++;
        } else {
            ticks[i].due = base + rand() % 120;
            timer_start_at(&ticks[i].timer, loop, ticks[i].due);
        }
    }
    loop_run(loop);
    assert_int_equal(count, MANY - stopped);
    assert_int_equal(out_of_order, 0);
    for (unsigned i = 0; i < MANY; i++) {
        assert_false(timer_running(&ticks[i].timer));
        if (i % 4 == 0)
            assert_int_equal(ticks[i].fired, 0);
        else
            assert_true(ticks[i].fired >= ticks[i].due);
    }
    free(ticks);
}

static void test_timer_stops_its_equal(void **state)
{
    struct tick a = {0}, b = {0};

    /* Both are due at once; whichever fires first must keep the other from firing. */
    timer_init(&a.timer, on_tick, &a);
    timer_init(&b.timer, on_tick, &b);
    a.stops = &b;
    b.stops = &a;
    count = 0;
    timer_start(&a.timer, loop, 1);
    timer_start(&b.timer, loop, 1);
    loop_run(loop);
    assert_int_equal(count, 1);
}

static void test_timer_starts_itself(void **state)
{
    struct tick a = {.again = 10};

    /* Zero waits must not lock the loop up. */
    timer_init(&a.timer, on_tick, &a);
    count = 0;
    timer_start(&a.timer, loop, -5);
    loop_run(loop);
    assert_int_equal(count, 11);
}

struct freed {
    struct timer timer;
    struct deferred deferred;
};

static void free_it(void *cookie)
{
    struct freed *f = cookie;

    timer_stop(&f->timer);
    loop_undefer(&f->deferred);
    free(f);
    count++;
}

static void test_owner_freed_inside(void **state)
{
    struct freed *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));

    count = 0;
    timer_init(&a->timer, free_it, a);
    a->deferred = (struct deferred)DEFERRED(free_it, a);
    timer_start(&a->timer, loop, 5);
    loop_defer(loop, &a->deferred); /* comes first, and takes the timer with it */
    timer_init(&b->timer, free_it, b);
    timer_start(&b->timer, loop, 1);
    loop_run(loop);
    assert_int_equal(count, 2);
}

static char trace[32], letters[] = "abc";

static void note(void *cookie)
{
    size_t n = strlen(trace);

    assert_true(n + 1 < sizeof(trace));
    trace[n] = *(const char *)cookie;
    trace[n + 1] = '\0';
}

static struct deferred later_a = DEFERRED(note, letters), later_b = DEFERRED(note, letters + 1),
                       later_c = DEFERRED(note, letters + 2);

static void defer_more(void *cookie)
{
    loop_undefer(&later_b);
    loop_defer(loop, &later_c);
}

static void test_deferred_order(void **state)
{
    struct deferred first = DEFERRED(defer_more, NULL);

    trace[0] = '\0';
    loop_defer(loop, &first);
    loop_defer(loop, &later_a);
    loop_defer(loop, &later_b);
    loop_defer(loop, &later_a); /* queued already */
    assert_string_equal(trace, "");
    loop_run(loop);
    assert_string_equal(trace, "ac");
    loop_undefer(&later_a);
}

static void on_signal(void *cookie, int signum)
{
    *(int *)cookie = signum;
    loop_stop(loop);
}

static void test_signals(void **state)
{
    struct tick keep = {0};
    int got = 0, other = 0;

    assert_int_equal(loop_signal(loop, SIGHUP, on_signal, &other), 0);
    assert_int_equal(loop_signal(loop, SIGHUP, on_signal, &got), 0);
    loop_run(loop); /* a signal keeps nothing running */
    timer_init(&keep.timer, on_tick, &keep);
    timer_start(&keep.timer, loop, 5000);
    kill(getpid(), SIGHUP);
    loop_run(loop);
    assert_int_equal(got, SIGHUP);
    assert_int_equal(other, 0);
    timer_stop(&keep.timer);
    assert_int_equal(loop_signal(loop, SIGHUP, NULL, NULL), 0);
    assert_int_equal(loop_signal(loop, 4000, on_signal, NULL), -22);
}

static void test_free_with_work_left(void **state)
{
    struct loop *other;
    struct tick t = {0};

    assert_int_equal(loop_new(&other), 0);
    timer_init(&t.timer, on_tick, &t);
    timer_start(&t.timer, other, 10);
    loop_defer(other, &later_a);
    assert_int_equal(loop_signal(other, SIGUSR1, on_signal, NULL), 0);
    loop_free(&other);
    assert_null(other);
    assert_false(timer_running(&t.timer));
    loop_undefer(&later_a);
}

static void test_clocks_and_limits(void **state)
{
    int64_t a = loop_clock();
    unsigned now = loop_fd_limit(0);

    usleep(3000);
    assert_true(loop_clock() >= a + 2);
    assert_true(loop_wall() > 1600000000);
    assert_true(now > 0);
    assert_true(loop_fd_limit(now + 1) >= now);
}

static void test_random(void **state)
{
    unsigned seen[6] = {0};
    uint8_t a[32], b[32];
    uint32_t v;

    assert_int_equal(random_bytes(a, sizeof(a)), 0);
    assert_int_equal(random_bytes(b, sizeof(b)), 0);
    assert_memory_not_equal(a, b, sizeof(a));
    for (unsigned i = 0; i < 6000; i++) {
        assert_int_equal(random_below(6, &v), 0);
        assert_true(v < 6);
        seen[v]++;
    }
    for (unsigned i = 0; i < 6; i++) /* 1000 each; 800 is more than six deviations off */
        assert_true(seen[i] > 800 && seen[i] < 1200);
    assert_int_equal(random_below(1, &v), 0);
    assert_int_equal(v, 0);
}

/* Two loops in two threads, and a number that goes to and fro between them. */
struct player {
    struct loop *loop;
    struct wake *wake;
    struct player *other;
    pthread_mutex_t *lock;
    int *ball; /* whose turn it is: even or odd */
    int parity, calls;
};

enum { ROUNDS = 2000 };

static void on_ball(void *cookie)
{
    struct player *p = cookie;
    int ball;

    p->calls++;
    pthread_mutex_lock(p->lock);
    if (*p->ball <= ROUNDS && *p->ball % 2 == p->parity)
        ++*p->ball;
    ball = *p->ball;
    pthread_mutex_unlock(p->lock);
    wake_call(p->other->wake);
    if (ball > ROUNDS)
        loop_stop(p->loop);
}

static void *play(void *cookie)
{
    loop_run(((struct player *)cookie)->loop);
    return NULL;
}

static void test_wake(void **state)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    int ball = 0;
    struct player here = {.lock = &lock, .ball = &ball}, there = here;
    pthread_t thread;

    there.parity = 1;
    here.other = &there;
    there.other = &here;
    assert_int_equal(loop_new(&here.loop), 0);
    assert_int_equal(loop_new(&there.loop), 0);
    assert_int_equal(wake_new(here.loop, on_ball, &here, &here.wake), 0);
    assert_int_equal(wake_new(there.loop, on_ball, &there, &there.wake), 0);
    wake_call(here.wake);
    assert_int_equal(pthread_create(&thread, NULL, play, &there), 0);
    play(&here);
    pthread_join(thread, NULL);
    assert_int_equal(ball, ROUNDS + 1);
    assert_true(here.calls + there.calls > ROUNDS);
    wake_free(&here.wake);
    wake_free(&there.wake);
    loop_free(&here.loop);
    loop_free(&there.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_timers_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_timer_stops_its_equal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_timer_starts_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_owner_freed_inside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_deferred_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_signals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_free_with_work_left, set_up, tear_down),
        cmocka_unit_test(test_wake),
        cmocka_unit_test(test_clocks_and_limits),
        cmocka_unit_test(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
