/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a verb works on: the store, the classes, the guard, the time, and who calls. A verb that
 * changes anything holds the list's lock from LEDGER_CHANGE to the end, so that what it reads stays
 * true until the zone's files say so as well; two at once wait for each other.
 */
#ifndef POSTERN_CMD_LIST_LEDGER_H
#define POSTERN_CMD_LIST_LEDGER_H

#include "cmd/list/list.h"
#include "list/classes.h"
#include "list/guard.h"
#include "list/life.h"
#include "list/waits.h"
#include "store/listing.h"

enum {
    LEDGER_WAIT_MS = 30000,      /* patience with another verb */
    LEDGER_FILE_MAX = 256 << 20, /* octets of a file of addresses */
    LEDGER_WHO_MAX = 64,
};

enum ledger_mode {
    LEDGER_LOOK,   /* nothing is written, and no lock taken */
    LEDGER_CHANGE, /* takes the lock, and first heals what a killed verb left */
};

struct ledger {
    const char *program; /* "postern list test" */
    const struct list_args *args;
    struct state state;
    struct store *store;
    struct list_classes classes;
    struct list_guard guard;
    int64_t now_wall;
    int lock;       /* -1 where it is not held */
    bool withdrawn; /* the shutdown is past its announcement: nothing is served */
    char who[LEDGER_WHO_MAX];
    struct report_style style;
    struct buf out; /* printed by ledger_close() */
};

/* 0, or the exit status with the reason printed. Close it either way. */
int ledger_open(struct ledger *g, const struct list_call *call, enum ledger_mode mode);
/* Prints what is in g->out unless status says that something failed; the exit status. */
int ledger_close(struct ledger *g, int status);
/* Gives the lock back while a test runs, and takes it again. 0 or an exit status. */
void ledger_leave(struct ledger *g);
int ledger_enter(struct ledger *g);

/* Prints the store's last error; the exit status. */
int ledger_store_error(const struct ledger *g, int error);
/* "program: text" on standard error; returns status. */
int ledger_say(const struct ledger *g, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A life in seconds, and so on. */
int64_t ledger_expire_after(const struct ledger *g);

/* Rereads exemptions after one was added or removed. 0 or a negative errno. */
int ledger_guard(struct ledger *g);

#endif
