/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sample of a list, tested: how many of those that somebody lists are open today? */
#ifndef POSTERN_CMD_LIST_SAMPLE_H
#define POSTERN_CMD_LIST_SAMPLE_H

#include "cmd/list/list.h"
#include "list/ranges.h"

enum { SAMPLE_MAX = 200 };

struct sample_args {
    unsigned count, seed; /* seed 0: by chance */
    const char *scope, *never;
};

/*
 * Draws from the set, drops what is not in the scope, has the rest tested by postern test, prints
 * the count of each verdict. `rest`: further words for it, ended by NULL. An exit status.
 */
int sample_run(const struct sample_args *args, const char *program, const struct list_call *call,
               const struct ranges *set, char **rest);

#endif
