/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/metrics.h"

#include "relay/relay.h"
#include "smtp/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct metrics a, b;

static int set_up(void **state)
{
    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    return 0;
}

static void has(const char *line)
{
    const struct metrics *all[] = {&a, &b};
    struct buf out = BUF_INIT(METRICS_TEXT_MAX);

    metrics_text(all, 2, &out);
    assert_int_equal(out.err, 0);
    if (!strstr(buf_str(&out), line))
        fail_msg("no \"%s\" in:\n%s", line, buf_str(&out));
    buf_deinit(&out);
}

static void test_sums(void **state)
{
    metrics_add(&a, METRIC_SESSIONS, 0, 2);
    metrics_add(&b, METRIC_SESSIONS, 0, 3);
    metrics_add(&b, METRIC_SESSIONS, 1, 1);
    metrics_set(&a, METRIC_GUARD, 0, 1);
    has("# TYPE postern_gate_sessions counter\n");
    has("\npostern_gate_sessions_total{role=\"mx\"} 5\n");
    has("\npostern_gate_sessions_total{role=\"submission\"} 1\n");
    has("# TYPE postern_gate_guard_suspended gauge\n");
    has("\npostern_gate_guard_suspended 1\n");
    has("# EOF\n");
}

static void test_words(void **state)
{
    metrics_add_named(&a, METRIC_REFUSALS, relay_reason_name(RELAY_WHY_LISTED), 4);
    has("postern_gate_refusals_total{reason=\"listed\"} 4\n");
    metrics_add_named(&a, METRIC_SESSION_ENDS, smtp_server_end_name(SMTP_END_QUIT), 1);
    has("postern_gate_session_ends_total{end=\"quit\"} 1\n");
    metrics_add_named(&a, METRIC_BACKENDS, "ok", 1);
    metrics_add_named(&a, METRIC_BACKENDS, "a\"} forged 1\n", 7);
    has("postern_gate_backend_connections_total{outcome=\"ok\"} 1\n");
    has("postern_gate_backend_connections_total{outcome=\"other\"} 7\n");
    metrics_add_named(&a, METRIC_HOPS, "anything", 1);
    has("postern_gate_loops_total 1\n");
}

static void test_every_row(void **state)
{
    for (unsigned m = 0; m < METRIC_COUNT; m++) {
        metrics_add(&a, (enum metric)m, 0, 1);
        metrics_add(&a, (enum metric)m, 1000000, 1); /* to the last, never outside */
        assert_int_equal(metrics_get(&a, (enum metric)m, METRICS_LABELS), 0);
    }
    has("# EOF\n");
}

/* Each line is a comment or "name[{label="value"}] number". */
static void test_form(void **state)
{
    const struct metrics *all[] = {&a};
    struct buf out = BUF_INIT(METRICS_TEXT_MAX);
    struct span text, line, word;

    metrics_text(all, 1, &out);
    text = buf_span(&out);
    assert_true(span_ends_nocase(text, SPAN_LIT("\n# EOF\n")));
    text.n--; /* the last line's end */
    while (span_cut(&text, '\n', &line)) {
        assert_true(line.n > 0);
        if (line.p[0] == '#')
            continue;
        assert_true(span_word(&line, &word));
        assert_true(span_starts(word, SPAN_LIT("postern_gate_")));
        assert_true(span_word(&line, &word));
        assert_true(ascii_is_digit(word.p[0]));
        assert_false(span_word(&line, &word));
    }
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_sums, set_up), cmocka_unit_test_setup(test_words, set_up),
        cmocka_unit_test_setup(test_every_row, set_up), cmocka_unit_test_setup(test_form, set_up)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
