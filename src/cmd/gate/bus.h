/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What workers tell each other: lines of text, each said once by whoever learned it and heard by
 * every worker, the sayer too, so that there is one way in which a table changes.
 *
 *     grant <ip> <until_wall> <user> <source>
 *     trap <ip> <until_wall> <reason>
 *     guard suspend|clear <reason>
 *
 * With one worker a line comes back from the loop's next turn. With more it goes through the
 * parent, which passes it on to all. Lines may be lost when a worker dies; none is ever cut. When
 * the parent itself has died, each worker hears "drain".
 */
#ifndef POSTERN_CMD_GATE_BUS_H
#define POSTERN_CMD_GATE_BUS_H

#include "base/span.h"
#include "io/loop.h"

enum { BUS_LINE_MAX = 1000, BUS_LISTENERS = 16 };

/* The words behind the verb, without line end; control characters are gone. */
typedef void (*bus_fn)(void *cookie, struct span words);

/* fd: our end of the pair to the parent, or -1 where there is one worker. -errno. */
int bus_open(struct loop *l, int fd);
void bus_close(void);
/* Who wants to hear lines that begin with `verb`. Several may want the same. */
void bus_hear(const char *verb, bus_fn fn, void *cookie);
/* "grant 192.0.2.1 1700000000 anna dovecot". Longer than BUS_LINE_MAX: false, nothing is said. */
bool bus_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
