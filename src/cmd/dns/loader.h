/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A thread for work that takes long: reading files, compiling, checking. Jobs are done one after
 * the other; the loop is told when one is done. With `humble` the thread takes the processor only
 * when nobody else wants it, so that answers come as fast while a million entries are read.
 */
#ifndef POSTERN_CMD_DNS_LOADER_H
#define POSTERN_CMD_DNS_LOADER_H

#include "io/loop.h"

struct job {
    void (*run)(struct job *j);  /* in the thread */
    void (*done)(struct job *j); /* in the loop; frees it */
    struct job *next;            /* private */
};

struct loader;

/* -errno. */
int loader_new(struct loop *l, bool humble, struct loader **ret);
void loader_add(struct loader *l, struct job *j);
/* How many are not done yet. */
unsigned loader_busy(const struct loader *l);
/* Waits for the job at hand; done() is called for all that were added, run() not for the rest. */
void loader_free(struct loader **l);

#endif
