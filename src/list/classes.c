/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows into classes. A class is refused here when it could do harm by what it says: a code outside
 * 127/8 would be a listing of somebody's address in the eyes of clients, 127.0.0.1 says "this list
 * is dead" to several, and 127.255.255.x are the codes with which servers refuse (RFC 5782 §2.3).
 * A class for outputs must have a zone of its own, or it would be an open-relay listing after all.
 */
#include "list/classes.h"

#include "base/ip.h"
#include "base/num.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const subjects[] = {"host", "output", "name", NULL};
static const char *const paths[] = {"any", "one", "several", "never", NULL};
static const char *const uses[] = {"block", "score", NULL};
static const char *const grades[] = {"proved", "provisional", NULL};
static const char *const known[] = {"Id",   "Code", "Zone", "Subject", "Path",   "Family",
                                    "Rank", "Use",  "Text", "Grade",   "Source", NULL};

const char *list_subject_name(enum list_subject s)
{
    return subjects[s];
}

static void class_deinit(struct list_class *c)
{
    free(c->id);
    free(c->zone);
    free(c->family);
    free(c->text);
    *c = (struct list_class){0};
}

void list_classes_deinit(struct list_classes *c)
{
    for (size_t i = 0; i < c->count; i++)
        class_deinit(&c->v[i]);
    c->count = 0;
}

const struct list_class *list_class_of(const struct list_classes *c, struct span id)
{
    for (size_t i = 0; i < c->count; i++)
        if (span_eq(id, span_str(c->v[i].id)))
            return &c->v[i];
    return NULL;
}

const struct list_class *list_class_provisional(const struct list_classes *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->v[i].provisional)
            return &c->v[i];
    return NULL;
}

static int bad(struct rows_error *err, const struct row *row, const char *field, const char *why)
{
    rows_fail(err, row_line(row, field), "%s: %s", field, why);
    return -EINVAL;
}

static bool code_of(const char *text, uint32_t *ret)
{
    struct ip ip;

    if (!text || !ip_parse(span_str(text), &ip) || ip.family != IP_V4 || ip.b[0] != 127)
        return false;
    *ret = (uint32_t)ip.b[0] << 24 | (uint32_t)ip.b[1] << 16 | (uint32_t)ip.b[2] << 8 | ip.b[3];
    return *ret != 0x7f000001 && *ret != 0x7f000000 && (*ret & 0xffff00) != 0xffff00;
}

/* The word's number; a field that is not there is the first word. -1: another word. */
static int word(const struct row *row, const char *field, const char *const *words)
{
    const char *value = row_get(row, field);

    return value ? rows_word_of(span_str(value), words) : 0;
}

static int texts(const struct row *row, struct list_class *c)
{
    const char *zone = row_get(row, "Zone"), *family = row_get(row, "Family");

    c->id = span_dup(span_str(row_get(row, "Id")));
    c->zone = span_dup(span_str(zone ? zone : ""));
    c->family = span_dup(span_str(family ? family : ""));
    c->text = span_dup(span_str(row_get(row, "Text")));
    return c->id && c->zone && c->family && c->text ? 0 : -ENOMEM;
}

static int row_words(const struct row *row, struct list_class *c, struct rows_error *err)
{
    int subject = word(row, "Subject", subjects), path = word(row, "Path", paths);
    int use = word(row, "Use", uses), grade = word(row, "Grade", grades);
    const char *rank = row_get(row, "Rank");

    if (subject < 0)
        return bad(err, row, "Subject", "is none of host, output, name");
    if (path < 0)
        return bad(err, row, "Path", "is none of any, one, several, never");
    if (use < 0)
        return bad(err, row, "Use", "is neither block nor score");
    if (grade < 0)
        return bad(err, row, "Grade", "is neither proved nor provisional");
    if (!rank || !num_uint(span_str(rank), 1, 1000, &c->rank))
        return bad(err, row, "Rank", "must be a number from 1 to 1000");
    c->subject = (enum list_subject)subject;
    c->path = (enum list_path)path;
    c->score = use == 1;
    c->provisional = grade == 1;
    return 0;
}

static int row_class(const struct row *row, struct list_class *c, struct rows_error *err)
{
    const char *id = row_get(row, "Id"), *zone = row_get(row, "Zone"), *text = row_get(row, "Text");
    const struct row_field *strange = row_unknown(row, known);
    int rc;

    if (strange) {
        rows_fail(err, strange->line, "unknown field");
        return -EINVAL;
    }
    if (!id || !rows_slug_ok(id, "-", LIST_CLASS_ID_MAX))
        return bad(err, row, "Id", "must be letters, digits and hyphens");
    if (!code_of(row_get(row, "Code"), &c->code))
        return bad(err, row, "Code",
                   "must be an address of 127.0.0.0/8, other than 127.0.0.1 and 127.255.255.x");
    if (zone && !rows_slug_ok(zone, "-", LIST_CLASS_LABEL_MAX))
        return bad(err, row, "Zone", "must be one label");
    if (!text || !*text || strlen(text) > LIST_CLASS_TEXT_MAX)
        return bad(err, row, "Text", "must be there, in 200 octets at most");
    rc = row_words(row, c, err);
    if (rc == 0 && c->subject != LIST_SUBJECT_HOST && !zone)
        return bad(err, row, "Zone", "what is no host needs a zone of its own");
    return rc == 0 ? texts(row, c) : rc;
}

static int keep(struct list_classes *c, struct list_class *row, unsigned line,
                struct rows_error *err)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->v[i].id, row->id) == 0) {
            class_deinit(&c->v[i]);
            c->v[i] = *row;
            return 0;
        }
    if (c->count == LIST_CLASSES_MAX) {
        rows_fail(err, line, "more than %d classes", LIST_CLASSES_MAX);
        return -EINVAL;
    }
    c->v[c->count++] = *row;
    return 0;
}

static int take_class(void *classes, const struct row *row, struct rows_error *err)
{
    struct list_class class = {0};
    int rc = row_class(row, &class, err);

    if (rc == 0)
        rc = keep(classes, &class, row->line, err);
    if (rc < 0)
        class_deinit(&class);
    return rc;
}

int list_classes_read(struct list_classes *c, struct span text, struct rows_error *err)
{
    return rows_each(text, take_class, c, err);
}

bool list_classes_whole(const struct list_classes *c, struct rows_error *err)
{
    unsigned provisional = 0, outputs = 0;

    for (size_t i = 0; i < c->count; i++) {
        provisional += c->v[i].provisional;
        outputs += c->v[i].subject == LIST_SUBJECT_OUTPUT;
    }
    if (provisional != 1)
        rows_fail(err, 0, "%u classes have Grade: provisional; there must be one", provisional);
    else if (outputs != 1)
        rows_fail(err, 0, "%u classes have Subject: output; there must be one", outputs);
    return provisional == 1 && outputs == 1;
}
