/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands: which there are, where their programs are. */
#ifndef POSTERN_CMD_POSTERN_COMMANDS_H
#define POSTERN_CMD_POSTERN_COMMANDS_H

#include "base/buf.h"
#include "io/datadir.h"

enum { COMMANDS_MAX = 100 };

struct command_list {
    char names[COMMANDS_MAX][40];
    size_t count;
};

/* Letters, digits and hyphens: what can be the end of a program's name and no path. */
bool commands_name_ok(const char *name);
/* Finds postern-NAME beside this program or in the installed place. */
bool commands_find(const char *name, char ret[DATADIR_PATH_MAX]);
/* All that can be run here, ours first in the order of the overview, then others by name. */
void commands_all(struct command_list *ret);
/* The overview: commands in groups, each with its line. */
void commands_overview(struct buf *out);
/* The nearest command to a misspelt one, or NULL. The text lives as long as *all. */
const char *commands_nearest(const struct command_list *all, const char *name);

#endif
