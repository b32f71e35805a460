/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The state folder: postern.db (the store), key (what tokens are made with), scope and never (lists
 * of postern-scope(5)), locks. Folder 0700, files 0600.
 *
 * Functions return 0 or a negative errno; `err` then holds one printable line that names the file,
 * the fault and the remedy.
 */
#ifndef POSTERN_CMD_COMMON_STATE_H
#define POSTERN_CMD_COMMON_STATE_H

#include "base/mac.h"
#include "io/datadir.h"
#include "probe/scope.h"
#include "store/store.h"

enum {
    STATE_ERROR_MAX = 1400,
    STATE_LIST_MAX = 8 << 20, /* bytes of one list file */
};

struct state {
    char folder[DATADIR_PATH_MAX];
};

/*
 * Finds the folder (datadir_state) and refuses one that others may write to. With `make`, it is
 * made when it is missing; without, a folder that was named and is not there is -ENOENT.
 */
int state_open(struct state *state, const char *flag, bool make, char err[STATE_ERROR_MAX]);

/*
 * The store of the folder, with the flags of store_open(). Outcomes of store_open() become errno:
 * missing -ENOENT; foreign, damaged and newer -EBADMSG. The caller closes *ret; NULL on error.
 */
int state_store(const struct state *state, unsigned flags, struct store **ret,
                char err[STATE_ERROR_MAX]);
/* For programs that only look: nothing is written, but an older store is converted first. */
int state_store_look(const struct state *state, struct store **ret, char err[STATE_ERROR_MAX]);

/*
 * Reads the key. With `make`, the first to ask makes it; of two at once, both get the same. A key
 * that others may read is -EPERM, what is no key -EBADMSG: it is never replaced, because with a new
 * one no earlier proof verifies.
 */
int state_key(const struct state *state, bool make, uint8_t ret[MAC_KEY],
              char err[STATE_ERROR_MAX]);

/*
 * Holds a run for this process until *ret_fd is closed (or the process ends, however it does).
 * -EBUSY when another works on it.
 */
int state_lock_run(const struct state *state, uint32_t run, int *ret_fd, char err[STATE_ERROR_MAX]);

/*
 * Both lists, from the folder's files where they are there, the files named (NULL: none), and the
 * store (NULL: none). Lists are initialised here, and empty on error. A bad line is -EBADMSG.
 */
int state_lists(const struct state *state, struct store *store, const char *scope_file,
                const char *never_file, struct scope_list *ret_scope, struct scope_list *ret_never,
                char err[STATE_ERROR_MAX]);

/* The exit status of sysexits.h for an error of these functions or of the store. */
int state_exit(int error);

#endif
