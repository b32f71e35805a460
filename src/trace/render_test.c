/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a stranger wrote leaves as text in every form, and each form says what was found. */
#include "trace/render.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char message[] =
    "Received: from mail.victim.example (mail.victim.example [198.51.100.5]) by "
    "mx.receiver.example "
    "(Postfix) with ESMTP id 4A1B2C3D4E for <joe@receiver.example>; Mon, 5 Aug 2024 10:00:00 "
    "+0000\n"
    "Received: from User (unknown [203.0.113.9]) by mail.victim.example (Postfix) with SMTP id "
    "AB12CD34EF; Mon, 5 Aug 2024 09:59:00 +0000\n"
    "From: <a.rich.man@gmail.com>\n"
    "Reply-To: b@yandex.com\n"
    "Message-ID: <\"<script>\\\033[31m@x>\n"
    "\n"
    "body";

struct rendered {
    struct trace trace;
    struct buf out;
};

static int setup(void **state)
{
    static const struct trace_options none;
    static struct rendered r;

    r = (struct rendered){.out = BUF_INIT(1 << 20)};
    *state = &r;
    return trace_message(span_str(message), &none, &r.trace);
}

static int teardown(void **state)
{
    struct rendered *r = *state;

    trace_deinit(&r->trace);
    buf_deinit(&r->out);
    return 0;
}

static bool has(const struct rendered *r, const char *text)
{
    return span_has_nocase(buf_span(&r->out), span_str(text));
}

static void json(void **state)
{
    struct rendered *r = *state;

    render_json(&r->out, &r->trace, SPAN_LIT("a\"b\\c\n"), true);
    assert_true(has(r, "\"type\":\"message\",\"where\":\"a\\\"b\\\\\\\\c\\\\n\""));
    assert_true(has(r, "\"class\":\"A\",\"name\":\"open relay\""));
    assert_true(
        has(r, "\"culprit\":{\"address\":\"198.51.100.5\",\"names\":[\"mail.victim.example\"]"));
    assert_true(has(r, "\"witness\":\"own\""));
    assert_true(has(r, "\"received\":2"));
    assert_true(has(r, "\"role\":\"genuine\",\"link\":\"name\""));
    assert_true(has(r, "\"guessed\":true"));
    assert_false(has(r, "\033"));
    assert_int_equal(r->out.p[r->out.n - 1], '\n');
}

static void text(void **state)
{
    static const struct render_style plain;
    struct rendered *r = *state;

    render_text(&r->out, &r->trace, SPAN_LIT("m\033"), &plain);
    assert_true(has(r, "m\\x1b: A  open relay"));
    assert_true(has(r, "culprit      mail.victim.example [198.51.100.5] (Postfix)"));
    assert_true(has(r, "!  2 genuine mail.victim.example"));
    assert_true(has(r, "nobody named it"));
    assert_true(has(r, "not E, stolen login"));
    assert_false(has(r, "\033"));
    buf_clear(&r->out);
    render_line(&r->out, &r->trace, SPAN_LIT("m"), &plain);
    assert_true(has(r, "m  mail.victim.example [198.51.100.5]"));
}

static void page(void **state)
{
    struct rendered *r = *state;

    render_card(&r->out, &r->trace, SPAN_LIT("<b>"));
    assert_true(has(r, "&lt;b&gt;"));
    assert_true(has(r, "<svg"));
    assert_true(has(r, "class=\"bad\""));
    assert_false(has(r, "<script>"));
    assert_false(has(r, "<b>"));
}

static void nomination(void **state)
{
    struct rendered *r = *state;

    assert_true(render_nomination(&r->out, &r->trace, span_str(message), 1772366400));
    assert_true(has(r, "{\"type\":\"nomination\",\"time\":\"2026-03-01T12:00:00Z\","
                       "\"wall\":1772366400,\"ip\":\"198.51.100.5\",\"source\":\"trace\""));
    assert_true(has(r, "\"message\":\"Received: from mail.victim.example"));
    assert_false(has(r, "body"));
    r->trace.class = TRACE_LOGIN;
    assert_false(render_nomination(&r->out, &r->trace, span_str(message), 0));
    r->trace.class = TRACE_RELAY;
    r->trace.culprit.ip = (struct ip){0};
    assert_false(render_nomination(&r->out, &r->trace, span_str(message), 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(json, setup, teardown),
        cmocka_unit_test_setup_teardown(text, setup, teardown),
        cmocka_unit_test_setup_teardown(page, setup, teardown),
        cmocka_unit_test_setup_teardown(nomination, setup, teardown),
    };

    return cmocka_run_group_tests_name("trace render", tests, NULL, NULL);
}
