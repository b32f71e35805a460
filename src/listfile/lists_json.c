/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON in the two ways that lists come in: one array, or one value a line. jansson parses it, and
 * only what it gives is looked at. A value a line keeps memory small and gives a fault a line; an
 * array is read as a whole, up to a bound. So is a file that is one object; one of an object a line
 * fails as such at its second line, and to try costs nothing.
 */
#include "listfile/lists_priv.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static struct span string_of(const json_t *v)
{
    return span_of(json_string_value(v), json_string_length(v));
}

/* Members by what they are; a number stands for its text, in `number`. */
static void members(json_t *object, struct span fields[LISTS_FIELDS], char number[24])
{
    const char *key;
    json_t *v;

    json_object_foreach(object, key, v)
    {
        enum lists_field field = lists_field_of(span_str(key));

        if (field >= LISTS_FIELDS || fields[field].n)
            continue;
        if (json_is_string(v)) {
            fields[field] = string_of(v);
        } else if (json_is_integer(v) && field == LISTS_EVIDENCE) {
            snprintf(number, 24, "%lld", (long long)json_integer_value(v));
            fields[field] = span_str(number);
        }
    }
}

/* `shown` is for remarks. */
static int value(struct lists_work *w, json_t *v, struct span shown)
{
    struct span fields[LISTS_FIELDS] = {SPAN_NULL};
    char number[24];

    if (json_is_string(v))
        fields[LISTS_ENTRY] = string_of(v);
    else if (json_is_object(v))
        members(v, fields, number);
    if (fields[LISTS_ENTRY].n || fields[LISTS_NAMED].n)
        return lists_entry(w, fields);
    if (!json_object_get(v, "type"))
        lists_skip(w, shown, "no entry in it",
                   "a string, or an object with a member \"ip\", \"cidr\" or \"name\"");
    return 0;
}

static int elements(struct lists_work *w, json_t *list)
{
    json_t *v;
    size_t i;
    int r = 0;

    json_array_foreach(list, i, v)
    {
        w->line = i < UINT32_MAX ? (uint32_t)i + 1 : 0; /* the element: lines are not told */
        r = value(w, v, SPAN_LIT("element"));
        if (r)
            break;
    }
    return r;
}

static int array(struct lists_work *w, struct span bytes)
{
    json_error_t error;
    json_t *list;
    int r;

    if (bytes.n > LISTS_JSON_MAX)
        return -E2BIG;
    list = json_loadb(bytes.p, bytes.n, JSON_REJECT_DUPLICATES, &error);
    if (!list) {
        if (json_error_code(&error) == json_error_out_of_memory)
            return -ENOMEM;
        w->line = error.line > 0 ? (uint32_t)error.line : 0;
        zone_remarks_add(w->remarks, ZONE_REMARK_REFUSED, w->file, w->line, "fetch it again",
                         "not JSON: %.100s", error.text);
        return LISTS_REFUSED;
    }
    r = elements(w, list);
    json_decref(list);
    return r;
}

/* One object that is all of the file, with lists in it. NULL when it is none. */
static json_t *wrapping(struct span bytes)
{
    struct span fields[LISTS_FIELDS] = {SPAN_NULL};
    char number[24];
    json_t *v = bytes.n && bytes.p[0] == '{' && bytes.n <= LISTS_JSON_MAX
                    ? json_loadb(bytes.p, bytes.n, JSON_REJECT_DUPLICATES, NULL)
                    : NULL;
    bool arrays = false;
    const char *key;
    json_t *member;

    if (!v)
        return NULL;
    members(v, fields, number);
    json_object_foreach(v, key, member) arrays = arrays || json_is_array(member);
    if (arrays && !fields[LISTS_ENTRY].n && !fields[LISTS_NAMED].n)
        return v;
    json_decref(v);
    return NULL;
}

static int unwrapped(struct lists_work *w, json_t *object)
{
    const char *key;
    json_t *member;
    int r = 0;

    json_object_foreach(object, key, member)
    {
        if (json_is_array(member))
            r = elements(w, member);
        if (r)
            break;
    }
    json_decref(object);
    return r;
}

int lists_json(struct lists_work *w, struct span bytes)
{
    struct span line, rest = span_trim(bytes);
    json_t *whole = wrapping(rest);
    json_error_t error;
    int r = 0;

    if (whole)
        return unwrapped(w, whole);
    if (rest.n && rest.p[0] == '[')
        return array(w, rest);
    while (r == 0 && bytes.n && span_cut(&bytes, '\n', &line)) {
        w->line++;
        line = span_trim(line);
        if (line.n == 0)
            continue;
        json_t *v =
            line.n <= LISTS_LINE_MAX
                ? json_loadb(line.p, line.n, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error)
                : NULL;

        if (v)
            r = value(w, v, line);
        else if (line.n <= LISTS_LINE_MAX && json_error_code(&error) == json_error_out_of_memory)
            r = -ENOMEM;
        else
            lists_skip(w, line, "not JSON, or over 16384 octets", "one value a line, or one array");
        json_decref(v);
    }
    return r;
}
