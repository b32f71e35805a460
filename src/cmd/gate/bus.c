/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One bus a process, so it is kept in static storage: whoever has something to say need not be
 * handed a pointer. Lines that come from the parent are split by LF; the parent itself
 * (workers.c) only copies, whole lines at a time, so that two workers' lines never mix.
 */
#include "cmd/gate/bus.h"

#include "base/buf.h"
#include "io/local.h"
#include "io/log.h"

enum { PENDING_MAX = 1 << 20 };

static struct {
    struct loop *loop;
    struct local *parent;
    struct deferred later;
    struct buf pending; /* lines for ourselves */
    struct buf in;
    struct {
        const char *verb;
        bus_fn fn;
        void *cookie;
    } hears[BUS_LISTENERS];
    size_t count;
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

int bus_open(struct loop *l, int fd)
{
    bus.loop = l;
    bus.later = (struct deferred)DEFERRED(on_later, NULL);
    bus.pending = (struct buf)BUF_INIT(PENDING_MAX);
    bus.in = (struct buf)BUF_INIT(PENDING_MAX);
    return fd < 0 ? 0 : local_open(l, fd, &parent_events, NULL, &bus.parent);
}

void bus_close(void)
{
    local_free(&bus.parent);
    loop_undefer(&bus.later);
    buf_deinit(&bus.pending);
    buf_deinit(&bus.in);
    bus.count = 0;
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

bool bus_say(const char *fmt, ...)
{
    struct buf line = BUF_INIT(BUS_LINE_MAX);
    va_list ap;
    bool said = false;

    va_start(ap, fmt);
    buf_addv(&line, fmt, ap);
    va_end(ap);
    for (size_t i = 0; i < line.n; i++)
        if ((unsigned char)line.p[i] < 32)
            line.p[i] = '?';
    buf_add_char(&line, '\n');
    if (!line.err && bus.parent) {
        said = local_write(bus.parent, buf_span(&line)) == 0;
    } else if (!line.err && bus.loop) {
        buf_add(&bus.pending, buf_span(&line));
        said = bus.pending.err == 0;
        bus.pending.err = 0;
        loop_defer(bus.loop, &bus.later);
    }
    buf_deinit(&line);
    return said;
}
