/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one place that looks a member up by name and checks its type. A report must come out of any
 * document, however old or damaged: what a renderer asks for and does not get is simply left
 * unsaid. jansson's own readers do half of that (they take NULL and wrong types), but not for
 * lengths, signs and ranges.
 */
#include "report/doc.h"

#include "base/escape.h"
#include "base/num.h"

#include <time.h>

struct span report_doc_text(const json_t *doc, const char *key)
{
    const json_t *v = json_object_get(doc, key);

    return json_is_string(v) ? span_of(json_string_value(v), json_string_length(v)) : SPAN_NULL;
}

bool report_doc_is(const json_t *doc, const char *key, const char *value)
{
    return span_eq(report_doc_text(doc, key), span_str(value));
}

bool report_doc_true(const json_t *doc, const char *key)
{
    return json_is_true(json_object_get(doc, key));
}

uint64_t report_doc_count(const json_t *doc, const char *key)
{
    const json_t *v = json_object_get(doc, key);

    return json_is_integer(v) && json_integer_value(v) > 0 ? (uint64_t)json_integer_value(v) : 0;
}

int64_t report_doc_milli(const json_t *doc, const char *key)
{
    const json_t *v = json_object_get(doc, key);
    double d = json_is_number(v) ? json_number_value(v) : -1;

    /* The bound keeps the conversion defined; 30,000 years are enough for any test. */
    return d >= 0 && d < 1e12 ? (int64_t)(d * 1000 + 0.5) : -1;
}

const json_t *report_doc_array(const json_t *doc, const char *key)
{
    const json_t *v = json_object_get(doc, key);

    return json_is_array(v) ? v : NULL;
}

const json_t *report_doc_object(const json_t *doc, const char *key)
{
    const json_t *v = json_object_get(doc, key);

    return json_is_object(v) ? v : NULL;
}

int64_t report_doc_wall(struct span s)
{
    /*                           "2026-11-21T12:00:00" */
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    unsigned year, month, day, hour, min, sec;

    if (s.n < sizeof(shape) || s.p[s.n - 1] != 'Z')
        return -1;
    for (size_t i = 0; i < sizeof(shape) - 1; i++)
        if (shape[i] == 'd' ? !ascii_is_digit(s.p[i]) : s.p[i] != shape[i])
            return -1;
    if (!num_uint(span_slice(s, 0, 4), 1970, 9999, &year) ||
        !num_uint(span_slice(s, 5, 7), 1, 12, &month) ||
        !num_uint(span_slice(s, 8, 10), 1, 31, &day) ||
        !num_uint(span_slice(s, 11, 13), 0, 23, &hour) ||
        !num_uint(span_slice(s, 14, 16), 0, 59, &min) ||
        !num_uint(span_slice(s, 17, 19), 0, 60, &sec))
        return -1;
    return timegm(&(struct tm){.tm_year = (int)year - 1900,
                               .tm_mon = (int)month - 1,
                               .tm_mday = (int)day,
                               .tm_hour = (int)hour,
                               .tm_min = (int)min,
                               .tm_sec = (int)sec});
}

struct span report_doc_target(const struct report_target *t)
{
    const json_t *any = t->verdict ? t->verdict : json_array_get(t->doors, 0);

    return report_doc_text(any ? any : json_array_get(t->probes, 0), "target");
}

static void show(struct buf *out, struct span s, void (*escape)(struct buf *, struct span))
{
    struct span rest = span_slice(s, 0, REPORT_DOC_TEXT_MAX);
    size_t at;

    while ((at = span_find(rest, '\\')) < rest.n) {
        escape(out, span_slice(rest, 0, at));
        buf_add_char(out, '\\');
        rest = span_slice(rest, at + 1, rest.n);
    }
    escape(out, rest);
    if (s.n > REPORT_DOC_TEXT_MAX)
        buf_add_str(out, "...");
}

void report_doc_show(struct buf *out, struct span s)
{
    show(out, s, escape_text);
}

void report_doc_markup(struct buf *out, struct span s)
{
    show(out, s, escape_html);
}
