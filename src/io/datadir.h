/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where things are: data files, the state of a user or the system, the programs beside us. */
#ifndef POSTERN_IO_DATADIR_H
#define POSTERN_IO_DATADIR_H

#include <stdbool.h>

enum { DATADIR_PATH_MAX = 4096 };

/*
 * Finds a data file by its name within the data folder ("probes/plain.rows"): in $POSTERN_DATA,
 * else beside the program in data/, else in the installed place. False, with the last place looked
 * at in ret, when it is nowhere. $POSTERN_DATA set means nowhere else.
 */
bool datadir_find(const char *name, char ret[DATADIR_PATH_MAX]);
/* The folder of the running program, "" when the system won't tell. */
const char *datadir_exe(void);

/*
 * The state folder, made when missing (mode 0700): `flag` when not NULL, else $POSTERN_STATE, else
 * /var/lib/postern for root when it is there or can be made, else $XDG_STATE_HOME/postern, else
 * ~/.local/state/postern. -errno with the folder that failed in ret; -ENOENT when there is no home.
 */
int datadir_state(const char *flag, char ret[DATADIR_PATH_MAX]);
/* folder + "/" + name; false when too long. */
bool datadir_join(const char *folder, const char *name, char ret[DATADIR_PATH_MAX]);

#endif
