/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One bus a process, so it is kept in static storage: whoever has something to say need not be
 * handed a pointer. Lines that come from the parent are split by LF; the parent itself
 * (workers.c) only copies, whole lines at a time, so that two workers' lines never mix.
 */
#include "cmd/gate/bus.h"

#include "base/num.h"
#include "io/local.h"
#include "io/log.h"
#include "io/timer.h"

#include <string.h>
#include <unistd.h>

enum { PENDING_MAX = 1 << 20 };

static struct {
    struct loop *loop;
    struct local *parent;
    struct deferred later;
    struct buf pending; /* lines for ourselves */
    struct buf in;
    struct buf sync; /* lines for new workers, "@<number> " before each */
    struct timer sync_timer;
    unsigned number; /* ours, once we were asked */
    struct {
        const char *verb; /* NULL: free */
        int64_t second;   /* of `said` */
        unsigned said;
    } counts[BUS_COUNTS];
    struct {
        const char *verb;
        bus_fn fn;
        void *cookie;
    } hears[BUS_LISTENERS];
    struct {
        bus_tell_fn fn;
        void *cookie;
    } tells[BUS_TELLERS];
    size_t count, tell_count;
} bus;

static void hear(struct span line)
{
    struct span verb, rest = line;

    if (!span_word(&rest, &verb))
        return;
    rest = span_trim(rest);
    for (size_t i = 0; i < bus.count; i++)
        if (span_eq(verb, span_str(bus.hears[i].verb)))
            bus.hears[i].fn(bus.hears[i].cookie, rest);
}

/* Takes whole lines off the front. */
static void hear_lines(struct buf *b)
{
    size_t used = 0;

    while (used < b->n) {
        struct span rest = span_slice(buf_span(b), used, b->n);
        size_t n = span_find(rest, '\n');

        if (n == rest.n)
            break;
        hear(span_slice(rest, 0, n));
        used += n + 1;
    }
    buf_consume(b, used);
    buf_shrink(b);
}

static void on_later(void *cookie)
{
    struct buf lines = bus.pending;

    /* What is said while it is heard comes in the next turn. */
    bus.pending = (struct buf)BUF_INIT(PENDING_MAX);
    hear_lines(&lines);
    buf_deinit(&lines);
}

static void on_data(void *cookie, struct local *s, struct span bytes)
{
    buf_add(&bus.in, bytes);
    if (bus.in.err)
        buf_clear(&bus.in);
    hear_lines(&bus.in);
}

static void on_closed(void *cookie, struct local *s, int err)
{
    bus.parent = NULL;
    /* Without a parent nobody would ever stop us, and the next start finds the ports shared. */
    hear(SPAN_LIT("drain parent is gone"));
}

static const struct local_events parent_events = {.data = on_data, .closed = on_closed};

/* --- what a new worker is told --------------------------------------------------------------- */

/*
 * Piece by piece, each when the one before has been heard: the whole may be megabytes, and what a
 * worker is too slow for would be lost. Where two new ones wait, a piece may be for both; then one
 * of them sets the pace.
 */
static void send_sync(void *cookie)
{
    struct span piece = span_slice(buf_span(&bus.sync), 0, BUS_SYNC_PIECE);
    size_t whole = bus.sync.n > piece.n ? span_rfind(piece, '\n') + 1 : piece.n;
    struct buf out = BUF_INIT(2 * BUS_SYNC_PIECE);
    struct span number = span_slice(piece, 0, span_find(piece, ' '));

    if (!bus.parent || bus.sync.n == 0)
        return;
    buf_add(&out, span_slice(piece, 0, whole));
    if (bus.sync.n > whole)
        buf_addf(&out, "%.*s more %u\n", SPAN_ARG(number), bus.number);
    if (!out.err && local_write(bus.parent, buf_span(&out)) == 0)
        buf_consume(&bus.sync, whole);
    buf_deinit(&out);
    buf_shrink(&bus.sync);
    if (bus.sync.n)
        timer_start(&bus.sync_timer, bus.loop, BUS_SYNC_WAIT);
}

/* "more <eldest>" */
static void on_more(void *cookie, struct span words)
{
    struct buf out = BUF_INIT(40);
    uint64_t eldest;

    if (num_u64(span_trim(words), 0, UINT16_MAX, &eldest))
        buf_addf(&out, "@%u go\n", (unsigned)eldest);
    if (out.n && bus.parent)
        local_write(bus.parent, buf_span(&out));
    buf_deinit(&out);
}

static void on_go(void *cookie, struct span words)
{
    send_sync(NULL);
}

/* "sync <number> <our own>" */
static void on_sync(void *cookie, struct span words)
{
    struct buf lines = BUF_INIT(BUS_SYNC_MAX);
    struct span rest, line, whose;
    uint64_t number, own, count = 0;

    if (!span_word(&words, &whose) || !num_u64(whose, 0, UINT16_MAX, &number) ||
        !num_u64(span_trim(words), 0, UINT16_MAX, &own))
        return;
    bus.number = (unsigned)own;
    for (size_t i = 0; i < bus.tell_count; i++)
        bus.tells[i].fn(bus.tells[i].cookie, &lines);
    rest = buf_span(&lines);
    while (rest.n && span_cut(&rest, '\n', &line)) {
        buf_addf(&bus.sync, "@%u %.*s\n", (unsigned)number, SPAN_ARG(line));
        count++;
    }
    buf_addf(&bus.sync, "@%u synced %llu\n", (unsigned)number, (unsigned long long)count);
    if (lines.err || bus.sync.err) {
        log_warn("bus", "worker", LOG_NUM((int64_t)number), "text",
                 "it can't be told all that is known: out of memory", NULL);
        buf_clear(&bus.sync);
    }
    buf_deinit(&lines);
    send_sync(NULL);
}

static void on_synced(void *cookie, struct span words)
{
    log_info("worker", "text", "knows what the others know", "lines", LOG_SPAN(words), NULL);
}

void bus_tell(bus_tell_fn fn, void *cookie)
{
    if (bus.tell_count == BUS_TELLERS) {
        log_error("bus", "text", "too many tellers", NULL);
        return;
    }
    bus.tells[bus.tell_count].fn = fn;
    bus.tells[bus.tell_count++].cookie = cookie;
}

void bus_ask(void)
{
    if (bus.parent)
        local_write(bus.parent, SPAN_LIT("sync\n"));
}

/* --------------------------------------------------------------------------------------------- */

int bus_open(struct loop *l, int fd)
{
    bus.loop = l;
    bus.later = (struct deferred)DEFERRED(on_later, NULL);
    bus.pending = (struct buf)BUF_INIT(PENDING_MAX);
    bus.in = (struct buf)BUF_INIT(PENDING_MAX);
    bus.sync = (struct buf)BUF_INIT(2 * BUS_SYNC_MAX);
    timer_init(&bus.sync_timer, send_sync, NULL);
    bus_hear("sync", on_sync, NULL);
    bus_hear("synced", on_synced, NULL);
    bus_hear("more", on_more, NULL);
    bus_hear("go", on_go, NULL);
    return fd < 0 ? 0 : local_open(l, fd, &parent_events, NULL, &bus.parent);
}

void bus_close(void)
{
    local_free(&bus.parent);
    loop_undefer(&bus.later);
    timer_stop(&bus.sync_timer);
    buf_deinit(&bus.pending);
    buf_deinit(&bus.in);
    buf_deinit(&bus.sync);
    bus.count = bus.tell_count = 0;
    bus.loop = NULL;
}

void bus_hear(const char *verb, bus_fn fn, void *cookie)
{
    if (bus.count == BUS_LISTENERS) {
        log_error("bus", "text", "too many listeners", NULL);
        return;
    }
    bus.hears[bus.count].verb = verb;
    bus.hears[bus.count].fn = fn;
    bus.hears[bus.count++].cookie = cookie;
}

/* Takes the line over. */
static bool say(struct buf *line)
{
    bool said = false;

    for (size_t i = 0; i < line->n; i++)
        if ((unsigned char)line->p[i] < 32)
            line->p[i] = '?';
    buf_add_char(line, '\n');
    if (!line->err && bus.parent) {
        said = local_write(bus.parent, buf_span(line)) == 0;
    } else if (!line->err && bus.loop) {
        buf_add(&bus.pending, buf_span(line));
        said = bus.pending.err == 0;
        bus.pending.err = 0;
        loop_defer(bus.loop, &bus.later);
    }
    buf_deinit(line);
    return said;
}

bool bus_say(const char *fmt, ...)
{
    struct buf line = BUF_INIT(BUS_LINE_MAX);
    va_list ap;

    va_start(ap, fmt);
    buf_addv(&line, fmt, ap);
    va_end(ap);
    return say(&line);
}

bool bus_shared(void)
{
    return bus.parent != NULL;
}

static bool may_count(const char *verb)
{
    int64_t second = loop_now(bus.loop) / 1000;
    size_t i = 0;

    while (i < BUS_COUNTS && bus.counts[i].verb && strcmp(bus.counts[i].verb, verb) != 0)
        i++;
    if (i == BUS_COUNTS)
        return false;
    if (bus.counts[i].second != second)
        bus.counts[i].said = 0;
    bus.counts[i].verb = verb;
    bus.counts[i].second = second;
    return bus.counts[i].said++ < BUS_SPARE;
}

bool bus_count(const char *verb, const char *fmt, ...)
{
    struct buf line = BUF_INIT(BUS_LINE_MAX);
    va_list ap;

    if (!bus.parent || !may_count(verb))
        return false;
    buf_addf(&line, "%s %ld ", verb, (long)getpid());
    va_start(ap, fmt);
    buf_addv(&line, fmt, ap);
    va_end(ap);
    return say(&line);
}

bool bus_counted(struct span *words)
{
    struct span pid;
    uint64_t n;

    return span_word(words, &pid) && num_u64(pid, 0, INT32_MAX, &n) && (long)n != (long)getpid();
}
