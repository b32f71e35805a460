/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a decoy keeps what it saw, and never more of it than it may:
 *
 *     <folder>/records/2026-03-01.000.jsonl   a day's records, in pieces
 *     <folder>/bodies/<sha256>                a body that was seen, once
 *     <review>/<time>-<id>.eml                a relay test, whole, for the operator
 *
 * Over its bound it deletes the oldest of records and bodies. Files in the review folder are the
 * operator's: they are never deleted, and there are at most DEPOT_REVIEW_MAX of them.
 *
 * A record is with the kernel when depot_add_line() returns, so it survives the end of the process
 * however it ends; a power cut may take the last seconds.
 */
#ifndef POSTERN_CMD_DECOY_DEPOT_H
#define POSTERN_CMD_DECOY_DEPOT_H

#include "base/buf.h"
#include "decoy/record.h"

enum {
    DEPOT_ERROR_MAX = 600,
    DEPOT_FILES_MAX = 200000, /* records' files and bodies */
    DEPOT_PIECES = 16,        /* a file of records has at most this part of the bound */
    DEPOT_REVIEW_MAX = 1000,
    DEPOT_SEEN = 4096,  /* bodies whose count is remembered */
    DEPOT_BLOCK = 4096, /* a file costs whole blocks */
};

#define DEPOT_PIECE_MAX (UINT64_C(64) << 20) /* octets of one file of records */

struct depot;

/* Makes the folders. -errno with the reason in err. `review` NULL: nothing is handed over. */
int depot_open(const char *folder, const char *review, uint64_t bytes_max, struct depot **ret,
               char err[DEPOT_ERROR_MAX]);
/* Safe on NULL and twice. */
void depot_close(struct depot **d);

/* Appends one line (with its LF) to the day's file. 0 or -errno. */
int depot_add_line(struct depot *d, struct span line, int64_t wall);
/*
 * Keeps a body unless it is there. Writes its name of RECORD_BODY_ID digits and a NUL, and how
 * often it was seen before. 0 or -errno.
 */
int depot_add_body(struct depot *d, struct span body, char ret_id[RECORD_BODY_ID + 1],
                   unsigned *ret_again);
/* 1 written, 0 there is no review folder or it is full, or -errno. */
int depot_add_review(struct depot *d, const char *id, int64_t wall, struct span text);

struct depot_counts {
    uint64_t bytes; /* of records and bodies, in whole blocks */
    size_t files;
    uint64_t evicted; /* files deleted since the start */
};

struct depot_counts depot_counts(const struct depot *d);

/*
 * Reads all records, the oldest first, a line at a time without its LF. fn returns false to stop.
 * 0, or -errno; a folder that is not there is empty. Lines over RECORD_LINE_MAX are passed over.
 */
typedef bool (*depot_line_fn)(void *cookie, struct span line);
int depot_read(const char *folder, depot_line_fn fn, void *cookie);

#endif
