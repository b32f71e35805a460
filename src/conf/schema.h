/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What may stand in the configuration file. A new setting is one row in schema.c, one paragraph in
 * postern.conf(5) (a test holds them together) and one option of the program.
 */
#ifndef POSTERN_CONF_SCHEMA_H
#define POSTERN_CONF_SCHEMA_H

#include "base/span.h"

#include <stdint.h>

enum conf_type {
    CONF_TEXT,
    CONF_FLAG, /* yes or no */
    CONF_NUMBER,
    CONF_TIME,   /* 90, 90s, 10m, 2h, 1d; bounds in milliseconds */
    CONF_SIZE,   /* 512, 64k, 10m, 1g; bounds in bytes */
    CONF_CHOICE, /* one of the words in `choices` */
};

const char *conf_type_name(enum conf_type t);

enum { CONF_REASON_MAX = 200 };

struct conf_row {
    const char *section;
    const char *name;
    enum conf_type type;
    bool list;                  /* takes { a, b, c } as well */
    const char *fallback;       /* the default as text, "" for none */
    uint64_t min, max;          /* of NUMBER, TIME, SIZE */
    const char *unit;           /* of NUMBER: "days"; else NULL */
    const char *const *choices; /* NULL-ended */
    /* False with a reason; for what the type can't see. May be NULL. */
    bool (*check)(const char *value, char reason[CONF_REASON_MAX]);
    const char *help; /* one sentence, no capital, no full stop */
};

struct conf_section {
    const char *name;
    const char *help;
};

extern const struct conf_section conf_sections[]; /* ended by a NULL name */
extern const struct conf_row conf_rows[];         /* ended by a NULL name, sections together */

const struct conf_row *conf_row_of(const char *section, const char *name);
/* True when the text is a value for the row. */
bool conf_row_check(const struct conf_row *row, const char *value, char reason[CONF_REASON_MAX]);

#endif
