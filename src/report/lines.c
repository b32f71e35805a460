/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON Lines: one object, one line. Everything beyond ASCII and every control character leaves as
 * \uXXXX, so that the lines are as safe on a terminal as in a file.
 *
 * Objects, arrays and plain strings are written here: jansson looks at each letter and keeps a
 * table of the objects that it is in, and in a run over thousands of targets that was a tenth of
 * our work. What needs more thought, a string with something to escape or a number with a fraction,
 * is still left to it, so that there is one way of escaping only. The documents are trees that we
 * built or parsed, and no deeper than the parser allows.
 */
#include "report/report.h"

#include <stdint.h>

static int add_piece(const char *piece, size_t n, void *data)
{
    struct buf *out = data;

    buf_add(out, span_of(piece, n));
    return out->err ? -1 : 0;
}

static bool add_by_jansson(struct buf *out, const json_t *j)
{
    return json_dump_callback(j, add_piece, out,
                              JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY) == 0;
}

/* Nothing in it that JSON, or a terminal, takes for more than a letter. */
static bool plain(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] > '~' || s.p[i] == '"' || s.p[i] == '\\')
            return false;
    return true;
}

static void add_quoted(struct buf *out, struct span plain_text)
{
    buf_add_char(out, '"');
    buf_add(out, plain_text);
    buf_add_char(out, '"');
}

static bool add_string(struct buf *out, const json_t *j)
{
    struct span s = span_of(json_string_value(j), json_string_length(j));

    if (!plain(s))
        return add_by_jansson(out, j);
    add_quoted(out, s);
    return true;
}

static bool add_key(struct buf *out, const char *key)
{
    json_t *j;
    bool good;

    if (plain(span_str(key))) {
        add_quoted(out, span_str(key));
        return true;
    }
    j = json_string(key);
    good = j && add_by_jansson(out, j);
    json_decref(j);
    return good;
}

static bool add_value(struct buf *out, json_t *j);

static bool add_array(struct buf *out, json_t *j)
{
    json_t *value;
    size_t i;

    buf_add_char(out, '[');
    json_array_foreach(j, i, value)
    {
        if (i > 0)
            buf_add_char(out, ',');
        if (!add_value(out, value))
            return false;
    }
    buf_add_char(out, ']');
    return true;
}

static bool add_object(struct buf *out, json_t *j)
{
    bool first = true;
    const char *key;
    json_t *value;

    buf_add_char(out, '{');
    json_object_foreach(j, key, value)
    {
        if (!first)
            buf_add_char(out, ',');
        first = false;
        if (!add_key(out, key))
            return false;
        buf_add_char(out, ':');
        if (!add_value(out, value))
            return false;
    }
    buf_add_char(out, '}');
    return true;
}

static bool add_value(struct buf *out, json_t *j)
{
    switch (json_typeof(j)) {
    case JSON_OBJECT:
        return add_object(out, j);
    case JSON_ARRAY:
        return add_array(out, j);
    case JSON_STRING:
        return add_string(out, j);
    case JSON_INTEGER:
        buf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(j));
        return true;
    case JSON_TRUE:
        buf_add_str(out, "true");
        return true;
    case JSON_FALSE:
        buf_add_str(out, "false");
        return true;
    case JSON_NULL:
        buf_add_str(out, "null");
        return true;
    case JSON_REAL:
        break;
    }
    return add_by_jansson(out, j);
}

void report_lines(struct buf *out, const json_t *doc)
{
    json_t *walked = (json_t *)(uintptr_t)doc; /* which changes nothing in it */
    size_t before = out->n;

    /* Half an object would read as a broken one: take back what was written of it. */
    if (!doc || !add_value(out, walked) || out->err) {
        buf_truncate(out, before);
        return;
    }
    buf_add_char(out, '\n');
}
