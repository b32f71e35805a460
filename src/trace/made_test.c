/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages made up by hand in the manner of many writers, each labelled by reasoning before the
 * judge saw it: tests/data/trace/made.txt. All are judged, then the wrong ones counted, so that one
 * run tells them all.
 */
#include "trace/trace.h"

#include "base/buf.h"
#include "guard.h"
#include "source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CASES_MIN = 60 };

struct made {
    char want;
    struct span culprit, name;
    struct trace_options options;
};

static struct span take_line(struct span *rest)
{
    size_t n = span_find(*rest, '\n');
    struct span line = span_slice(*rest, 0, n);

    *rest = span_slice(*rest, n + 1, rest->n);
    return line;
}

/* "% A 198.51.100.5 the name": how a case begins. */
static struct made begin(struct span line)
{
    struct made m = {0};
    struct span class;

    line = span_slice(line, 1, line.n);
    assert_true(span_word(&line, &class) && span_word(&line, &m.culprit));
    m.want = class.p[0];
    m.name = span_trim(line);
    return m;
}

static bool judge(const struct made *m, struct span message)
{
    struct guard g = {0};
    struct trace t = {0};
    char ip[IP_TEXT_MAX];
    bool right;

    assert_int_equal(trace_message(guard_span(&g, message), &m->options, &t), 0);
    ip_text(t.culprit.ip, ip);
    right = trace_class_letter(t.class) == m->want &&
            span_eq(m->culprit, span_str(ip[0] ? ip : "-")) && t.note_count > 0;
    if (!right) {
        print_message("# %.*s: want %c %.*s, got %c %s\n", (int)m->name.n, m->name.p, m->want,
                      (int)m->culprit.n, m->culprit.p, trace_class_letter(t.class), ip);
        for (size_t k = 0; k < t.note_count; k++)
            print_message("#   %s\n", t.notes[k].why);
    }
    trace_deinit(&t);
    guard_free(&g);
    return right;
}

static void made_messages(void **state)
{
    struct buf b = BUF_INIT(1 << 16);
    struct span rest = source_text("tests/data/trace/made.txt"), line;
    struct made m = {0};
    unsigned cases = 0, wrong = 0;

    while (rest.n) {
        line = take_line(&rest);
        if (span_starts(line, SPAN_LIT("% "))) {
            m = begin(line);
            buf_clear(&b);
        } else if (m.want && span_starts(line, SPAN_LIT("! --mx "))) {
            m.options.hosts[m.options.host_count++] = span_slice(line, 7, line.n);
        } else if (m.want && line.n && line.p[0] != '#') {
            buf_add(&b, line);
            buf_add_str(&b, "\r\n");
        }
        if (m.want && buf_span(&b).n && (!rest.n || rest.p[0] == '\n')) {
            buf_add_str(&b, "\r\nbody\r\n");
            cases++;
            wrong += !judge(&m, buf_span(&b));
            m = (struct made){0};
            buf_clear(&b);
        }
    }
    print_message("# %u cases, %u wrong\n", cases, wrong);
    assert_true(cases >= CASES_MIN);
    assert_int_equal(wrong, 0);
    buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(made_messages)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
