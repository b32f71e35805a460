/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The classes of listings, read from data/list/classes.rows: what a listing of each answers, where
 * it is served, and which proofs make one. The file's head describes the fields.
 */
#ifndef POSTERN_LIST_CLASSES_H
#define POSTERN_LIST_CLASSES_H

#include "base/rows.h"

enum {
    LIST_CLASSES_MAX = 64,
    LIST_CLASS_ID_MAX = 32, /* octets of an id */
    LIST_CLASS_TEXT_MAX = 200,
    LIST_CLASS_LABEL_MAX = 63, /* RFC 1035 §2.3.4 */
};

enum list_subject {
    LIST_SUBJECT_HOST,
    LIST_SUBJECT_OUTPUT,
    LIST_SUBJECT_NAME,
};

enum list_path {
    LIST_PATH_ANY,
    LIST_PATH_ONE,
    LIST_PATH_SEVERAL,
    LIST_PATH_NEVER, /* no proof of ours leads here */
};

const char *list_subject_name(enum list_subject s);

struct list_class {
    char *id;
    uint32_t code; /* as a number: 127.0.0.2 is 0x7f000002 */
    char *zone;    /* label below the list's zone; "" the zone itself */
    enum list_subject subject;
    enum list_path path;
    char *family; /* words; "" all */
    unsigned rank;
    bool score;       /* clients should score, not block */
    bool provisional; /* stands for all others until a second run */
    char *text;
};

struct list_classes {
    struct list_class v[LIST_CLASSES_MAX];
    size_t count;
};

/*
 * Adds the rows of a text; a row whose Id is there already takes the other's place. 0, -EINVAL with
 * *err (the classes are then unusable), -ENOMEM. Zeroed before the first call.
 */
int list_classes_read(struct list_classes *c, struct span text, struct rows_error *err);
/* Whether there is what the rules need: exactly one provisional class, and one for outputs. */
bool list_classes_whole(const struct list_classes *c, struct rows_error *err);
void list_classes_deinit(struct list_classes *c);

const struct list_class *list_class_of(const struct list_classes *c, struct span id);
const struct list_class *list_class_provisional(const struct list_classes *c);

#endif
