/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the readers of lists have to say: for each fault the file, the line, what is wrong and what
 * to do about it. The first ZONE_REMARKS_MAX are kept, the rest is counted; the one that refuses a
 * file is always kept.
 */
#ifndef POSTERN_ZONE_REMARKS_H
#define POSTERN_ZONE_REMARKS_H

#include "base/span.h"

#include <stdint.h>

enum {
    ZONE_REMARKS_MAX = 50,
    ZONE_REMARK_TEXT = 160,  /* with its NUL; a stranger's bytes in it are escaped */
    ZONE_REMARK_WORDS = 160, /* of the remedy, with its NUL */
    ZONE_REMARK_FILE = 100,  /* of the file's name, with its NUL; a longer one loses its head */
};

enum zone_remark_kind {
    ZONE_REMARK_WARNING, /* taken, but probably not what was meant */
    ZONE_REMARK_SKIPPED, /* the line is left out */
    ZONE_REMARK_REFUSED, /* the whole list is refused */
};

struct zone_remark {
    enum zone_remark_kind kind;
    uint32_t line; /* 0: the file as a whole */
    char file[ZONE_REMARK_FILE];
    char text[ZONE_REMARK_TEXT];
    char remedy[ZONE_REMARK_WORDS];
};

struct zone_remarks {
    struct zone_remark *v; /* in the order of the file; v[n - 1] is the refusal if there is one */
    size_t n, cap;
    uint64_t warnings, skipped, refused;
};

const char *zone_remark_kind_name(enum zone_remark_kind kind);

/* Safe on a zeroed one, and twice. */
void zone_remarks_deinit(struct zone_remarks *remarks);
/* Out of memory loses the remark, never the count. */
void zone_remarks_add(struct zone_remarks *remarks, enum zone_remark_kind kind, const char *file,
                      uint32_t line, const char *remedy, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
/* "file:line: text; remedy" into out[cap], cut to fit. Returns out. */
const char *zone_remark_text(const struct zone_remark *remark, char *out, size_t cap);

#endif
