/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line is built in memory and written by one write(2), so that lines of several programs on one
 * journal never mix. Nothing here can fail towards the caller: a log that can't be written is lost,
 * a service that stops for its log is worse. So a reader that has stopped is waited for once, and
 * what he misses is counted and told when he reads on.
 *
 * The flood cut counts per event name, in a small table; a program has some dozens of events. When
 * the table is full the rest share its last place.
 */
#include "io/log.h"

#include "base/escape.h"
#include "io/loop.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES = 16384,
    EVENTS_MAX = 64,
    PATIENCE = 500, /* ms with a reader who does not read */
};

struct event {
    const char *name; /* a literal of the program: compared by text, kept by pointer */
    int64_t since;    /* start of its window */
    unsigned lines, held;
};

static struct {
    enum log_level level;
    unsigned burst;
    bool looked, journal, torn; /* torn: the last line has no end */
    unsigned long long missed;  /* lines since the reader stopped */
    struct event events[EVENTS_MAX];
} logger = {.level = LOG_LEVEL_INFO, .burst = LOG_BURST};

static const struct {
    const char *name;
    char prefix[4]; /* sd-daemon(3) */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", "<3>"},
    [LOG_LEVEL_WARN] = {"warn", "<4>"},
    [LOG_LEVEL_INFO] = {"info", "<6>"},
    [LOG_LEVEL_DEBUG] = {"debug", "<7>"},
};

const char *log_level_name(enum log_level level)
{
    return levels[level].name;
}

bool log_level_parse(struct span text, enum log_level *ret)
{
    for (unsigned i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (span_eq(text, span_str(levels[i].name))) {
            *ret = (enum log_level)i;
            return true;
        }
    }
    return false;
}

void log_set_level(enum log_level level)
{
    logger.level = level;
}

bool log_wants(enum log_level level)
{
    return level <= logger.level;
}

void log_set_burst(unsigned lines)
{
    logger.burst = lines;
}

/* systemd.exec(5): JOURNAL_STREAM names the device and inode of the stream that is the journal. */
static bool under_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char ours[64];
    struct stat st;

    if (!stream || fstat(STDERR_FILENO, &st) < 0)
        return false;
    snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(stream, ours) == 0;
}

static bool add_journal_head(struct buf *line, enum log_level level)
{
    if (!logger.looked) {
        logger.journal = under_journal();
        logger.looked = true;
    }
    if (logger.journal)
        buf_add_str(line, levels[level].prefix);
    return logger.journal;
}

static void add_head(struct buf *line, enum log_level level)
{
    time_t now = time(NULL);
    char text[32];
    struct tm tm;

    if (add_journal_head(line, level))
        return;
    if (gmtime_r(&now, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ ", &tm))
        buf_add_str(line, text);
    buf_addf(line, "%s ", levels[level].name);
}

static void add_pair(struct buf *line, const char *key, const char *value)
{
    struct span s = span_str(value);
    bool cut = s.n > LOG_VALUE_MAX;

    buf_addf(line, " %s=", key);
    escape_log(line, span_slice(s, 0, LOG_VALUE_MAX));
    if (cut)
        buf_add_str(line, "...");
}

static bool is_read(void)
{
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    int r;

    do
        r = poll(&p, 1, logger.missed ? 0 : PATIENCE);
    while (r < 0 && errno == EINTR);
    return r != 0; /* of an error the write tells */
}

/* False when it could not be written as a whole. PIPE_BUF octets never wait behind a poll(2). */
static bool put(struct span s)
{
    bool begun = false;

    while (s.n) {
        bool read = is_read();
        ssize_t n = read ? write(STDERR_FILENO, s.p, s.n < PIPE_BUF ? s.n : PIPE_BUF) : -1;

        if (read && n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            logger.torn = logger.torn || begun;
            return false;
        }
        begun = true;
        s = span_slice(s, (size_t)n, s.n);
    }
    return true;
}

static void tell_missed(void)
{
    struct buf line = BUF_INIT(LINE_MAX_BYTES);

    if (logger.torn)
        buf_add_char(&line, '\n');
    add_head(&line, LOG_LEVEL_WARN);
    buf_addf(&line, "event=log-missed lines=%llu\n", logger.missed);
    if (put(buf_span(&line))) {
        logger.missed = 0;
        logger.torn = false;
    }
    buf_deinit(&line);
}

static void put_line(struct buf *line)
{
    line->err = 0; /* a line that grew too long is cut */
    buf_add_char(line, '\n');
    if (logger.missed)
        tell_missed();
    if (logger.missed || !put(buf_span(line)))
        logger.missed++;
}

static void tell_held(struct event *e)
{
    struct buf line = BUF_INIT(LINE_MAX_BYTES);

    if (!e->held)
        return;
    add_head(&line, LOG_LEVEL_WARN);
    buf_addf(&line, "event=log-cut of=%s lines=%u seconds=%d", e->name, e->held, LOG_WINDOW / 1000);
    put_line(&line);
    buf_deinit(&line);
    e->held = 0;
}

static struct event *event_of(const char *name)
{
    size_t i = 0;

    while (i < EVENTS_MAX - 1 && logger.events[i].name && strcmp(logger.events[i].name, name) != 0)
        i++;
    if (!logger.events[i].name)
        logger.events[i].name = name;
    return &logger.events[i];
}

static bool allowed(const char *name)
{
    struct event *e = event_of(name);
    int64_t now = loop_clock();

    if (!e->lines || now - e->since >= LOG_WINDOW) {
        tell_held(e);
        e->since = now;
        e->lines = 0;
    }
    if (logger.burst && e->lines >= logger.burst) {
        e->held++;
        return false;
    }
    e->lines++;
    return true;
}

void log_flush(void)
{
    for (size_t i = 0; i < EVENTS_MAX && logger.events[i].name; i++)
        tell_held(&logger.events[i]);
}

static void log_va(enum log_level level, const char *event, va_list ap)
{
    struct buf line = BUF_INIT(LINE_MAX_BYTES);
    const char *key, *value;

    if (!log_wants(level) || !allowed(event))
        return;
    add_head(&line, level);
    buf_addf(&line, "event=%s", event);
    while ((key = va_arg(ap, const char *)) && (value = va_arg(ap, const char *)))
        add_pair(&line, key, value);
    put_line(&line);
    buf_deinit(&line);
}

void log_line(enum log_level level, struct span text)
{
    struct buf line = BUF_INIT(LINE_MAX_BYTES);

    if (!log_wants(level))
        return;
    add_head(&line, level);
    buf_add(&line, span_slice(text, 0, LINE_MAX_BYTES - 100));
    put_line(&line);
    buf_deinit(&line);
}

/* RFC 3164 §4.1.2 as syslogd writes it into files: the month in English, the day padded. */
void log_syslog(enum log_level level, const char *tag, struct span text)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct buf line = BUF_INIT(LINE_MAX_BYTES);
    char host[HOST_NAME_MAX + 1] = "localhost";
    time_t now = time(NULL);
    struct tm tm;

    if (!log_wants(level))
        return;
    if (!add_journal_head(&line, level) && localtime_r(&now, &tm)) {
        gethostname(host, sizeof(host) - 1);
        host[strcspn(host, ".")] = '\0';
        buf_addf(&line, "%.3s %2d %02d:%02d:%02d %s %s[%d]: ", months + (size_t)tm.tm_mon * 3,
                 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, host, tag, (int)getpid());
    }
    buf_add(&line, span_slice(text, 0, LINE_MAX_BYTES - 400));
    put_line(&line);
    buf_deinit(&line);
}

#define LOG_AT(function, level)                                                                    \
    void function(const char *event, ...)                                                          \
    {                                                                                              \
        va_list ap;                                                                                \
                                                                                                   \
        va_start(ap, event);                                                                       \
        log_va(level, event, ap);                                                                  \
        va_end(ap);                                                                                \
    }

LOG_AT(log_error, LOG_LEVEL_ERROR)
LOG_AT(log_warn, LOG_LEVEL_WARN)
LOG_AT(log_info, LOG_LEVEL_INFO)
LOG_AT(log_debug, LOG_LEVEL_DEBUG)

const char *log_num(char buf[24], int64_t n)
{
    snprintf(buf, 24, "%" PRId64, n);
    return buf;
}

const char *log_span(char *buf, struct span s)
{
    size_t n = s.n < LOG_VALUE_MAX ? s.n : LOG_VALUE_MAX;

    for (size_t i = 0; i < n; i++)
        buf[i] = s.p[i] ? s.p[i] : '?';
    buf[n] = '\0';
    return buf;
}

const char *log_str(const char *s)
{
    return s ? s : "-";
}

const char *log_errno(int err)
{
    return strerror(err < 0 ? -err : err);
}
