/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What workers tell each other: lines of text, each said once by whoever learned it and heard by
 * every worker, the sayer too, so that there is one way in which a table changes.
 *
 *     grant <ip> <until_wall> <user> <source>
 *     trap <ip> <until_wall> <reason>
 *     guard suspend|clear …                  (guard_watch.h)
 *     brake, login, offence, saw, relayed <pid> …    counts; the sayer passes its own over
 *
 * With one worker a line comes back from the loop's next turn. With more it goes through the
 * parent, which passes it on to all. Lines may be lost when a worker dies; none is ever cut. When
 * the parent itself has died, each worker hears "drain".
 *
 * A worker that took the place of one that died asks once for what the others know (bus_ask()). The
 * parent has the eldest of them answer, with lines for that worker alone:
 *
 *     sync                said by the new one; the eldest hears "sync <number> <its own>"
 *     @<number> <line>    said by the eldest; the new one hears the line
 *     more <eldest>       the last line of a piece; the new one answers "go", and the next comes
 *     synced <lines>      the last of them
 */
#ifndef POSTERN_CMD_GATE_BUS_H
#define POSTERN_CMD_GATE_BUS_H

#include "base/buf.h"
#include "io/loop.h"

enum {
    BUS_LINE_MAX = 1000,
    BUS_LISTENERS = 24,
    BUS_TELLERS = 8,
    BUS_COUNTS = 8,           /* verbs of bus_count() */
    BUS_SPARE = 100,          /* lines of one such verb that a worker says in a second */
    BUS_SYNC_MAX = 8 << 20,   /* octets of all that a new worker is told */
    BUS_SYNC_PIECE = 8 << 10, /* octets of it at a time */
    BUS_SYNC_WAIT = 1000,     /* ms until the next piece goes without an answer to the last */
};

/* The words behind the verb, without line end; control characters are gone. */
typedef void (*bus_fn)(void *cookie, struct span words);

/* fd: our end of the pair to the parent, or -1 where there is one worker. -errno. */
int bus_open(struct loop *l, int fd);
void bus_close(void);
/* Who wants to hear lines that begin with `verb`. Several may want the same. */
void bus_hear(const char *verb, bus_fn fn, void *cookie);
/* "grant 192.0.2.1 1700000000 anna dovecot". Longer than BUS_LINE_MAX: false, nothing is said. */
bool bus_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Whether there are other workers. */
bool bus_shared(void);
/*
 * Counts what only several workers have to hear: "verb <our pid> …"; the verb is a constant. Not
 * said where there is one worker, nor beyond BUS_SPARE a second: then each worker knows its own
 * share, and no more. A flood of one kind takes nothing from another.
 */
bool bus_count(const char *verb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The words behind the pid of such a line; false for our own, and for nonsense. */
bool bus_counted(struct span *words);

/* Adds lines that rebuild a table, each with its LF. */
typedef void (*bus_tell_fn)(void *cookie, struct buf *out);
void bus_tell(bus_tell_fn fn, void *cookie);
/* Asks for what the others know. */
void bus_ask(void);

#endif
