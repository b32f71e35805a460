/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A value against its row: by type, by bounds, by the row's own check, in that order. */
#include "conf/schema.h"

#include "base/num.h"

#include <stdio.h>
#include <string.h>

enum { SECOND = 1000 };

static bool refuse(char reason[CONF_REASON_MAX], const char *why)
{
    snprintf(reason, CONF_REASON_MAX, "%s", why);
    return false;
}

const char *conf_type_name(enum conf_type t)
{
    static const char *const names[] = {
        [CONF_TEXT] = "text", [CONF_FLAG] = "yes or no", [CONF_NUMBER] = "number",
        [CONF_TIME] = "time", [CONF_SIZE] = "size",      [CONF_CHOICE] = "word",
    };

    return names[t];
}

const struct conf_row *conf_row_of(const char *section, const char *name)
{
    for (const struct conf_row *row = conf_rows; row->name; row++)
        if (strcmp(row->section, section) == 0 && strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

static bool check_bounds(const struct conf_row *row, uint64_t v, char reason[CONF_REASON_MAX])
{
    uint64_t scale = row->type == CONF_TIME ? SECOND : 1;

    if (v >= row->min && v <= row->max)
        return true;
    snprintf(reason, CONF_REASON_MAX, "must be between %llu and %llu%s%s",
             (unsigned long long)((row->min + scale - 1) / scale),
             (unsigned long long)(row->max / scale), row->type == CONF_TIME ? " seconds" : "",
             row->type == CONF_SIZE ? " bytes" : "");
    return false;
}

static bool check_choice(const struct conf_row *row, const char *value,
                         char reason[CONF_REASON_MAX])
{
    int n = snprintf(reason, CONF_REASON_MAX, "'%.60s' is none of", value);

    for (size_t i = 0; row->choices[i]; i++) {
        if (strcmp(row->choices[i], value) == 0)
            return true;
        n += snprintf(reason + n, CONF_REASON_MAX - (size_t)n, "%s %s", i ? "," : "",
                      row->choices[i]);
    }
    return false;
}

static bool check_type(const struct conf_row *row, const char *value, char reason[CONF_REASON_MAX])
{
    struct span s = span_str(value);
    uint64_t v = 0;
    int64_t ms = 0;

    switch (row->type) {
    case CONF_TEXT:
        return true;
    case CONF_FLAG:
        return strcmp(value, "yes") == 0 || strcmp(value, "no") == 0 ||
               refuse(reason, "must be yes or no");
    case CONF_NUMBER:
        if (!num_u64(s, 0, UINT64_MAX, &v))
            return refuse(reason, "is no number");
        return check_bounds(row, v, reason);
    case CONF_TIME:
        if (!num_duration(s, &ms))
            return refuse(reason, "is no time (90, 90s, 10m, 2h, 1d)");
        return check_bounds(row, (uint64_t)ms, reason);
    case CONF_SIZE:
        if (!num_size(s, &v))
            return refuse(reason, "is no size (512, 64k, 10m, 1g)");
        return check_bounds(row, v, reason);
    case CONF_CHOICE:
        return check_choice(row, value, reason);
    }
    return false;
}

bool conf_row_check(const struct conf_row *row, const char *value, char reason[CONF_REASON_MAX])
{
    if (!*value)
        return refuse(reason, "is empty; comment the line out for the default");
    for (const char *p = value; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return refuse(reason, "holds a control character");
    return check_type(row, value, reason) && (!row->check || row->check(value, reason));
}
