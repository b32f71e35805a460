/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every renderer against every kind of run: the documents are tests/data/report/NAME.json, what
 * must come out of them stands beside, as NAME.OUTLET.want. After a wanted change of the text, run
 * this program with POSTERN_WRITE_WANT=1 and read the difference that git shows.
 *
 * The second half feeds documents whose members are missing or of any other type.
 */
#include "report/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { OUT_MAX = 64 << 20, FILE_MAX = 4 << 20 };

static const struct report_style plain = {0};
static const struct report_style narrow = {.width = 44};
static const struct report_style rich = {.width = 110, .colour = true, .utf8 = true, .all = true};

/* --- one function an outlet --- */

static void tables(struct buf *out, const struct report_set *s, const struct report_style *style)
{
    for (size_t i = 0; i < s->count; i++)
        report_table_target(out, &s->targets[i], style);
}

static void as_table(struct buf *out, const struct report_set *s)
{
    tables(out, s, &plain);
}

static void as_narrow(struct buf *out, const struct report_set *s)
{
    tables(out, s, &narrow);
}

static void as_rich(struct buf *out, const struct report_set *s)
{
    tables(out, s, &rich);
}

static void as_bulk(struct buf *out, const struct report_set *s)
{
    struct report_summary sum = {0};

    for (size_t i = 0; i < s->count; i++) {
        report_table_line(out, s->targets[i].verdict, &plain);
        report_summary_add(&sum, s->targets[i].verdict);
    }
    report_table_summary(out, &sum, 90500, &plain);
}

static void as_junit(struct buf *out, const struct report_set *s)
{
    report_junit(out, s->targets, s->count);
}

static void as_prometheus(struct buf *out, const struct report_set *s)
{
    report_prometheus(out, s->targets, s->count);
}

static void as_nagios(struct buf *out, const struct report_set *s)
{
    enum report_exit code = report_nagios(out, s->targets, s->count);

    buf_addf(out, "exit %d\n", code);
}

static void as_html(struct buf *out, const struct report_set *s)
{
    report_html(out, s->targets, s->count, "Relay test of <example>");
}

static void drawings(struct buf *out, const struct report_set *s, enum report_svg shape)
{
    const json_t *first = s->count ? s->targets[0].verdict : NULL;
    const json_t *proved = json_array_get(json_object_get(first, "proved"), 0);
    const char *target = json_string_value(json_object_get(first, "target"));

    report_svg(out, proved, target, shape, true);
}

static void as_across(struct buf *out, const struct report_set *s)
{
    drawings(out, s, REPORT_SVG_ACROSS);
}

static void as_down(struct buf *out, const struct report_set *s)
{
    drawings(out, s, REPORT_SVG_DOWN);
}

static void as_lines(struct buf *out, const struct report_set *s)
{
    for (size_t i = 0; i < s->count; i++)
        report_lines(out, s->targets[i].verdict);
}

static const struct outlet {
    const char *name;
    void (*render)(struct buf *out, const struct report_set *s);
} outlets[] = {
    {"table", as_table},   {"narrow.table", as_narrow}, {"rich.table", as_rich},
    {"bulk", as_bulk},     {"junit.xml", as_junit},     {"prom", as_prometheus},
    {"nagios", as_nagios}, {"html", as_html},           {"across.svg", as_across},
    {"down.svg", as_down}, {"lines", as_lines},
};

enum { OUTLETS = sizeof(outlets) / sizeof(outlets[0]) };

static const char *const runs[] = {"closed", "open", "many", "chain", "hostile", "empty"};

/* --- files --- */

static void path_of(char *path, size_t size, const char *name)
{
    const char *source = getenv("POSTERN_SOURCE");

    snprintf(path, size, "%s/tests/data/report/%s", source ? source : ".", name);
}

static struct buf read_file(const char *name)
{
    struct buf b = BUF_INIT(FILE_MAX);
    char path[4096], piece[4096];
    FILE *f;
    size_t n;

    path_of(path, sizeof(path), name);
    f = fopen(path, "rb");
    if (!f)
        fail_msg("%s: cannot read", path);
    while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
        buf_add(&b, span_of(piece, n));
    fclose(f);
    return b;
}

static json_t *read_run(const char *run)
{
    char name[100];
    struct buf text;
    json_error_t err;
    json_t *docs;

    snprintf(name, sizeof(name), "%s.json", run);
    text = read_file(name);
    docs = json_loadb(buf_str(&text), text.n, 0, &err);
    if (!docs)
        fail_msg("%s:%d: %s", name, err.line, err.text);
    buf_deinit(&text);
    return docs;
}

static void set_of(struct report_set *s, const json_t *docs)
{
    report_set_init(s);
    for (size_t i = 0; i < json_array_size(docs); i++)
        assert_true(report_set_add(s, json_array_get(docs, i)) >= 0);
}

static void write_want(const char *name, const struct buf *out)
{
    char path[4096];
    FILE *f;

    path_of(path, sizeof(path), name);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(buf_str(out), 1, out->n, f), out->n);
    assert_int_equal(fclose(f), 0);
}

/* Whole, and told from the first difference, because the files are long. */
static void compare(const char *name, const struct buf *got)
{
    struct buf want = read_file(name);
    size_t at = 0;

    while (at < got->n && at < want.n && got->p[at] == want.p[at])
        at++;
    if (got->n != want.n || at < want.n)
        fail_msg("%s: differs at byte %zu\nwant: %.200s\ngot:  %.200s", name, at,
                 buf_str(&want) + at, buf_str(got) + at);
    buf_deinit(&want);
}

/* What report_lines writes by itself is what jansson would write. */
static void same_as_jansson(json_t *doc)
{
    char *want = json_dumps(doc, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    struct buf got = BUF_INIT(FILE_MAX);

    assert_non_null(want);
    report_lines(&got, doc);
    assert_int_equal(got.n, strlen(want) + 1);
    assert_memory_equal(buf_str(&got), want, strlen(want));
    assert_int_equal(got.p[got.n - 1], '\n');
    free(want);
    buf_deinit(&got);
}

static void test_wanted(void **state)
{
    (void)state;
    for (size_t r = 0; r < sizeof(runs) / sizeof(runs[0]); r++) {
        json_t *docs = read_run(runs[r]);
        struct report_set set;

        same_as_jansson(docs);
        set_of(&set, docs);
        for (size_t o = 0; o < OUTLETS; o++) {
            struct buf out = BUF_INIT(OUT_MAX);
            char name[100];

            snprintf(name, sizeof(name), "%s.%s.want", runs[r], outlets[o].name);
            outlets[o].render(&out, &set);
            assert_int_equal(out.err, 0);
            if (getenv("POSTERN_WRITE_WANT"))
                write_want(name, &out);
            else
                compare(name, &out);
            buf_deinit(&out);
        }
        report_set_deinit(&set);
        json_decref(docs);
    }
}

/* --- what holds for any documents --- */

/*
 * No byte of a stranger leaves raw: but for LF everything is printable ASCII. The rich table brings
 * its own escapes and arrows and is left out here; so are lines, which keep DEL as JSON does.
 */
static void assert_safe(const char *outlet, const struct buf *out)
{
    if (strcmp(outlet, "rich.table") == 0 || strcmp(outlet, "lines") == 0)
        return;
    for (size_t i = 0; i < out->n; i++)
        if (out->p[i] != '\n' && (out->p[i] < ' ' || out->p[i] > '~'))
            fail_msg("%s: byte 0x%02x at %zu", outlet, (unsigned char)out->p[i], i);
    if (strstr(outlet, "html") || strstr(outlet, "svg") || strstr(outlet, "xml"))
        assert_null(strstr(buf_str(out), "<script"));
}

static void render_all(const json_t *docs)
{
    struct report_set set;

    set_of(&set, docs);
    for (size_t o = 0; o < OUTLETS; o++) {
        struct buf out = BUF_INIT(OUT_MAX);

        outlets[o].render(&out, &set);
        assert_int_equal(out.err, 0);
        assert_safe(outlets[o].name, &out);
        buf_deinit(&out);
    }
    report_set_deinit(&set);
}

static const char *const shapes[] = {
    "null",       "true",
    "-1",         "9223372036854775807",
    "1e300",      "-0.5",
    "\"\"",       "[]",
    "{}",         "[null]",
    "[[[]]]",     "[{}]",
    "{\"x\":[]}", "\"\\u0000\\u001b[2J<script>\\\"'&|{}%s%n\\u202e\\u0085\\\\ \\n\\r\\t\"",
};

static unsigned changed;

/* Puts each shape in place of `slot`'s value in turn, then takes it away, and goes deeper. */
static void change(json_t *docs, json_t *at, unsigned depth);

static void try_shapes(json_t *docs, json_t *parent, const char *key, size_t i)
{
    json_t *old = key ? json_object_get(parent, key) : json_array_get(parent, i);

    json_incref(old);
    for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
        json_t *shape = json_loads(shapes[s], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

        assert_non_null(shape);
        same_as_jansson(shape);
        if (key)
            json_object_set_new(parent, key, shape);
        else
            json_array_set_new(parent, i, shape);
        render_all(docs);
        changed++;
    }
    if (key)
        json_object_set(parent, key, old);
    else
        json_array_set(parent, i, old);
    json_decref(old);
}

static void change(json_t *docs, json_t *at, unsigned depth)
{
    if (json_is_object(at)) {
        /* The keys are held, because an object that changes can't be walked. */
        json_t *keys = json_array();
        const char *key;
        json_t *value;

        json_object_foreach(at, key, value) json_array_append_new(keys, json_string(key));
        for (size_t i = 0; i < json_array_size(keys); i++) {
            key = json_string_value(json_array_get(keys, i));
            change(docs, json_object_get(at, key), depth + 1);
            try_shapes(docs, at, key, 0);
            value = json_incref(json_object_get(at, key));
            json_object_del(at, key);
            render_all(docs);
            json_object_set_new(at, key, value);
        }
        json_decref(keys);
    } else if (json_is_array(at) && json_array_size(at) > 0) {
        change(docs, json_array_get(at, 0), depth + 1);
        try_shapes(docs, at, NULL, 0);
    }
}

/* One of each document, all members of it. */
static void test_any_shape(void **state)
{
    json_t *all = read_run("open"), *few = json_array();
    const char *const types[] = {"probe", "door", "verdict"};

    (void)state;
    for (size_t t = 0; t < 3; t++) {
        for (size_t i = 0; i < json_array_size(all); i++) {
            json_t *doc = json_array_get(all, i);

            if (strcmp(json_string_value(json_object_get(doc, "type")), types[t]) == 0) {
                json_array_append_new(few, json_deep_copy(doc));
                break;
            }
        }
    }
    json_decref(all);
    changed = 0;
    for (size_t i = 0; i < json_array_size(few); i++)
        change(few, json_array_get(few, i), 0);
    assert_true(changed > 1000);
    json_decref(few);
}

/* Too small a buffer is its own sticky error and nothing worse, wherever it runs out. */
static void test_small_buffers(void **state)
{
    json_t *docs = read_run("open");
    struct report_set set;

    (void)state;
    set_of(&set, docs);
    for (size_t o = 0; o < OUTLETS; o++) {
        for (size_t max = 0; max < 3000; max += 37) {
            struct buf out = BUF_INIT(max);

            outlets[o].render(&out, &set);
            assert_true(out.n <= max);
            buf_deinit(&out);
        }
    }
    report_set_deinit(&set);
    json_decref(docs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wanted),
        cmocka_unit_test(test_any_shape),
        cmocka_unit_test(test_small_buffers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
