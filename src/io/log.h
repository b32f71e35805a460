/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines of key=value on standard error:
 *
 *     2026-03-01T12:00:00Z info event=session client=192.0.2.1 helo="a b"
 *
 * Under journald (JOURNAL_STREAM is our standard error) the time is left out and the level is the
 * <N> prefix of sd-daemon(3). Every value is escaped, so bytes of strangers may be logged. An event
 * that comes too often is cut, and one line tells how many were left out.
 */
#ifndef POSTERN_IO_LOG_H
#define POSTERN_IO_LOG_H

#include "base/ip.h"

#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum {
    LOG_WINDOW = 10000,   /* ms over which lines of one event are counted */
    LOG_BURST = 100,      /* lines of one event in a window; errors count too */
    LOG_VALUE_MAX = 1000, /* bytes of one value; the rest is cut and "…" shown */
};

const char *log_level_name(enum log_level level);
/* False for a word that is no level. */
bool log_level_parse(struct span text, enum log_level *ret);
/* Lines above this are not written. Starts as LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);
bool log_wants(enum log_level level);
/* Lines of one event in a window; 0: never cut. Starts as LOG_BURST. */
void log_set_burst(unsigned lines);

/*
 * log_info("session", "client", ip, "helo", helo, NULL): an event, then pairs of key and text, then
 * NULL. A pair whose value is NULL can't be told from the end: use LOG_STR for what may be NULL.
 */
void log_error(const char *event, ...) __attribute__((sentinel));
void log_warn(const char *event, ...) __attribute__((sentinel));
void log_info(const char *event, ...) __attribute__((sentinel));
void log_debug(const char *event, ...) __attribute__((sentinel));
/* Tells what was left out so far: before the end of the program. */
void log_flush(void);

/* A line that somebody made and bounded elsewhere, without its LF: never cut, never held back. */
void log_line(enum log_level level, struct span line);
/*
 * The same as a line of syslog in a file, "Mar  1 12:00:00 host tag[123]: line", in local time;
 * under journald without all that, which the journal adds (SyslogIdentifier=tag in the unit).
 */
void log_syslog(enum log_level level, const char *tag, struct span line);

/* Values that are no C strings; the text lives to the end of the enclosing block. */
#define LOG_NUM(n)   log_num((char[24]){0}, (n))
#define LOG_IP(ip)   ip_text((ip), (char[IP_TEXT_MAX]){0})
#define LOG_SPAN(s)  log_span((char[LOG_VALUE_MAX + 1]){0}, (s)) /* NULs become "?" */
#define LOG_STR(s)   log_str(s)
#define LOG_ERRNO(e) log_errno(e) /* of a negative or positive errno */

const char *log_num(char buf[24], int64_t n);
const char *log_span(char *buf, struct span s);
const char *log_str(const char *s);
const char *log_errno(int err);

#endif
