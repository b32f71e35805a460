/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Limits of an audit: what is longer, deeper or more is told with its file and line, never cut. */
#ifndef POSTERN_AUDIT_LIMITS_H
#define POSTERN_AUDIT_LIMITS_H

enum {
    AUDIT_FILE_MAX = 32 << 20,   /* bytes of one file */
    AUDIT_TOTAL_MAX = 128 << 20, /* bytes of all files that one audit reads */
    AUDIT_FILES_MAX = 4000,   /* files of one audit: an include loop that changes names ends here */
    AUDIT_PATH_MAX = 4096,    /* bytes of a path with its NUL */
    AUDIT_LINE_MAX = 1 << 20, /* bytes of one logical line */
    AUDIT_NEST_MAX = 20,      /* includes, classes, macros or maps within one another */
    AUDIT_DOORS_MAX = 500,
    AUDIT_FINDINGS_MAX = 2000,
    AUDIT_NETS_MAX = 1 << 20,   /* prefixes of one set */
    AUDIT_MEMORY_MAX = 1 << 30, /* bytes that one audit may hold: -E2BIG over that */
};

#endif
