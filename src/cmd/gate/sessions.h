/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sessions of a worker: from accept to the log line. The neighbours (lists, guard, logins,
 * grants) are called from here and from decide.c.
 */
#ifndef POSTERN_CMD_GATE_SESSIONS_H
#define POSTERN_CMD_GATE_SESSIONS_H

#include "cmd/gate/door.h"
#include "gate/pass.h"
#include "io/conn.h"
#include "io/timer.h"

struct backends;
struct hosts;
struct hygiene;
struct session;

/* One a worker. */
struct sessions {
    struct loop *loop;
    struct door *door; /* for new sessions */
    struct session *first;
    struct hosts *hosts;
    /* The owner's; set between sessions_open() and the first session. */
    struct hygiene *hygiene;
    struct backends *watch;
    struct timer drain_timer;
    void (*drained)(void *cookie);
    void *cookie;
    unsigned worker;
    unsigned count;    /* sessions now */
    unsigned backends; /* connections to backends now */
    uint64_t ids;
    int64_t spare_at; /* no session has a backend to spare before */
    bool draining;
    /* since the start */
    uint64_t total, turned_away, passed, refused;
};

/* Takes a reference of the door. -ENOMEM. */
int sessions_open(struct sessions *all, struct loop *l, struct door *door, unsigned worker);
/* New sessions begin with this one; old ones keep theirs. */
void sessions_change(struct sessions *all, struct door *door);
/* A client is there. */
void sessions_accept(struct sessions *all, enum door_kind kind, struct conn *c);
/*
 * No new sessions. Those that are open end with 421 once their message is through, at the latest
 * in `wait` ms; then `drained` is called.
 */
void sessions_drain(struct sessions *all, int64_t wait, void (*drained)(void *cookie),
                    void *cookie);
void sessions_close(struct sessions *all);

#endif
