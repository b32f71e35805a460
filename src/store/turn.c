/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Turns of the writers. SQLite has one write lock and no queue for it: who finds it taken sleeps
 * and looks again, and a bulk tester, whose next batch begins right after the last, is nearly
 * always there first. A sink could wait its whole patience out for a single proof.
 *
 * So a writer first takes its turn, a lock on a file beside the store, keeps that while it waits
 * for SQLite's lock, and gives it back as soon as it has that. Who waits therefore shows: a batch
 * looks, before each of its writes, whether the turn is taken, and if so commits what it has and
 * queues up again behind the one who waits.
 *
 * The lock belongs to the open file (F_OFD_SETLK), so that two stores of one process are two
 * writers, and it is not on the store's own file: closing a descriptor of that would drop SQLite's
 * locks. Nothing is kept in the file; it may be removed when nobody is there.
 */
#include "store/private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_AGAIN_MS = 2 };

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = LOOK_AGAIN_MS * 1000000L}, NULL);
}

int turn_busy(void *ctx, int count)
{
    if (count > STORE_BUSY_MS / LOOK_AGAIN_MS)
        return 0;
    nap();
    return 1;
}

static int turn_open(struct store *store)
{
    struct buf name = BUF_INIT(strlen(store->path) + 16);

    buf_addf(&name, "%s-turn", store->path);
    if (!name.err)
        store->turn = open(buf_str(&name), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    buf_deinit(&name);
    if (store->turn < 0)
        return fail(store, -errno, "its lock file -turn cannot be opened: %s", strerror(errno));
    schema_give(store, store->turn);
    return 0;
}

int turn_take(struct store *store)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int rc = store->turn < 0 ? turn_open(store) : 0;

    for (int tries = 0; rc == 0 && fcntl(store->turn, F_OFD_SETLK, &whole) < 0; tries++) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            rc = fail(store, -errno, "its lock file -turn cannot be used: %s", strerror(errno));
        else if (tries > STORE_BUSY_MS / LOOK_AGAIN_MS)
            rc = fail_sql(store, SQLITE_BUSY);
        else
            nap();
    }
    return rc;
}

void turn_give(struct store *store)
{
    struct flock whole = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

    fcntl(store->turn, F_OFD_SETLK, &whole);
}

bool turn_wanted(const struct store *store)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return store->turn >= 0 && fcntl(store->turn, F_OFD_GETLK, &whole) == 0 &&
           whole.l_type != F_UNLCK;
}

void turn_close(struct store *store)
{
    if (store->turn >= 0)
        close(store->turn);
    store->turn = -1;
}
