/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How far a long job is, on standard error. On a terminal one line that is written over; elsewhere
 * a line every 10 seconds. The caller keeps the counts and calls progress_show() as often as it
 * likes.
 */
#ifndef POSTERN_IO_PROGRESS_H
#define POSTERN_IO_PROGRESS_H

#include "base/span.h"

#include <stdint.h>
#include <stdio.h>

struct progress {
    const char *noun; /* "targets"; borrowed */
    FILE *out;
    bool tty;
    int64_t started, shown; /* ms, monotonic */
    uint64_t first;         /* done before this run began: does not count for the rate */
    bool line;              /* a line is on the terminal that must be wiped */
};

/* `done` of `total` may be done already (a resumed job). `now` is loop_now(). */
void progress_start(struct progress *p, const char *noun, uint64_t done, int64_t now);
/* total 0: not known. `note` (or NULL) stands behind the counts; it must be fit for a terminal. */
void progress_show(struct progress *p, uint64_t done, uint64_t total, const char *note,
                   int64_t now);
/* Wipes the line, so that other output can be written; the next show draws it again. */
void progress_hide(struct progress *p);
/* The text of the line, without escapes: for tests and for other outlets. Returns out. */
const char *progress_text(const struct progress *p, uint64_t done, uint64_t total, const char *note,
                          int64_t now, char out[160]);

#endif
