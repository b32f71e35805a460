/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the programs that show stored things share: style, times, names of runs, the way out. */
#ifndef POSTERN_CMD_COMMON_VIEW_H
#define POSTERN_CMD_COMMON_VIEW_H

#include "cmd/common/state.h"
#include "io/options.h"
#include "report/report.h"

enum { VIEW_TIME = 32, VIEW_OUT_MAX = 1 << 30 };

/* A row of the options' table: --color, kept as the index of VIEW_COLOUR_CHOICES (io/term.h). */
extern const char *const view_colour_choices[];

/* For standard output: colour if wanted, the terminal's width, UTF-8 if the locale has it. */
void view_style(struct report_style *ret, unsigned colour);

enum view_colour { VIEW_BOLD, VIEW_RED, VIEW_YELLOW, VIEW_GREEN, VIEW_DIM };

void view_paint(struct buf *out, const struct report_style *style, enum view_colour colour,
                const char *text);

/* Local time, "2026-03-01 12:00:00"; "-" for 0. Returns out. */
const char *view_time(int64_t wall, char out[VIEW_TIME]);
/* "2026-03-01T12:00:00Z", with milliseconds if `ms` is not negative. Returns out. */
const char *view_time_utc(int64_t wall, int ms, char out[VIEW_TIME]);

/*
 * Adds a member to a JSON object. Texts get the form of escape_text, for JSON holds no raw bytes;
 * times are left out when they are 0. False when out of memory.
 */
bool view_json_text(json_t *object, const char *key, struct span text);
bool view_json_time(json_t *object, const char *key, int64_t wall);
bool view_json_number(json_t *object, const char *key, uint64_t number);
/* "hops": the stored Received chain, ours by the sink; one that can't be read is left out. */
bool view_json_chain(json_t *object, struct span chain);

/* Text in the form of escape_text, made safe: lines stay lines, all else unprintable is escaped. */
void view_safe(struct buf *out, struct span text);

/* Opens state folder and store for a program that looks. Prints why not; 0 or the exit status. */
int view_open(const char *program, const char *flag, struct store **ret);
/* The run of that name or prefix, or "last". As above. */
int view_run(const char *program, struct store *store, const char *name, uint32_t *ret);
/* Prints "program: text" of the store's last error; the exit status for it. */
int view_store_error(const char *program, const struct store *store, int error);

/* Writes to standard output; 0, or the exit status, with the reason printed. */
int view_print(const char *program, const struct buf *out);
/* To a file, or with "-" to standard output. */
int view_write(const char *program, const char *path, const struct buf *out);

#endif
