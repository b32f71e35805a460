/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records of named fields, as exports of Windows programs come: "Name : value" blocks
 * (Format-List), CSV with a line of names, JSON. One shape for all; lists are joined by ", ".
 */
#ifndef POSTERN_AUDIT_RECORDS_H
#define POSTERN_AUDIT_RECORDS_H

#include "audit/interp.h"

enum { AUDIT_RECORDS_MAX = 20000, AUDIT_FIELDS_MAX = 500 };

struct audit_field {
    const char *name, *value;
    unsigned line;
};

struct audit_record {
    struct audit_record *next;
    const char *file;
    unsigned line;
    struct audit_field *v;
    size_t count;
};

/* 0, or AUDIT_BAD when it is none of the three. */
int audit_records_read(struct audit *a, const struct audit_source_file *f,
                       struct audit_record **ret);
/*
 * The same from a script of Exchange's shell or of DSC, at the end of the list *ret. False: it is
 * neither.
 */
bool audit_records_shell(struct audit *a, const struct audit_source_file *f,
                         struct audit_record **ret);
/* Names without case; NULL: no such field. */
const struct audit_field *audit_record_find(const struct audit_record *r, const char *name);
const char *audit_record_get(const struct audit_record *r, const char *name);
bool audit_record_true(const struct audit_record *r, const char *name);
struct audit_place audit_record_place(const struct audit_record *r, const char *name);
/* Whether a list ("{a, b}", "a, b") has the word, without case. */
bool audit_list_has(const char *list, const char *word);
/* The next item of a list. */
bool audit_list_next(struct span *list, struct span *ret);
/* One line of CSV into fields; *text moves on. False at the end. For tables without quotes too. */
bool audit_csv_line(struct audit *a, struct span *text, char separator, const char **fields,
                    size_t max, size_t *ret_count, unsigned *line);

/* --- addresses ------------------------------------------------------------------------------ */

/* All of "low" to "high" as prefixes, both families. 0, -ENOMEM. */
int audit_range_add(struct relay_nets *set, struct ip low, struct ip high);
/* "a-b", "a/n", "a", "a(mask)", "a/mask". False: none of these. */
bool audit_range_parse(struct span s, struct ip *ret_low, struct ip *ret_high);

#endif
