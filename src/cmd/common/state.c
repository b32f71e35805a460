/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The key is text (base32, one line), so that it can be carried by hand from a tester to a sink on
 * another machine. It is made aside and linked into place: of two programs that start at once one
 * makes it, and the other reads that one. It is never written over.
 *
 * Locks on runs are bytes of one file, one for each run id: such locks vanish with the process,
 * also by kill -9, and leave no litter.
 */
#include "cmd/common/state.h"

#include "base/escape.h"
#include "io/file.h"
#include "io/random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

static int say(char err[STATE_ERROR_MAX], int rc, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* "<path>: text", printable whatever the path holds. */
static int say(char err[STATE_ERROR_MAX], int rc, const char *path, const char *fmt, ...)
{
    struct buf line = BUF_INIT(STATE_ERROR_MAX - 1);
    va_list ap;

    escape_text(&line, span_slice(span_str(path), 0, 200));
    buf_add_str(&line, ": ");
    va_start(ap, fmt);
    buf_addv(&line, fmt, ap);
    va_end(ap);
    snprintf(err, STATE_ERROR_MAX, "%s", buf_str(&line));
    buf_deinit(&line);
    return rc;
}

int state_open(struct state *state, const char *flag, bool make, char err[STATE_ERROR_MAX])
{
    const char *named = flag ? flag : getenv("POSTERN_STATE");
    struct stat st;
    int rc;

    if (!make && named && *named && stat(named, &st) < 0)
        return say(err, -errno, named, "%s",
                   errno == ENOENT ? "there is no such state folder" : strerror(errno));
    rc = datadir_state(flag, state->folder);
    if (rc < 0)
        return say(err, rc, state->folder,
                   "the state folder cannot be made or used: %s; name another with --state",
                   strerror(-rc));
    if (stat(state->folder, &st) < 0)
        return say(err, -errno, state->folder, "%s", strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return say(err, -ENOTDIR, state->folder, "the state folder is no folder");
    /* Who can write here can put a key of his own in place, and forge proofs. */
    if (st.st_mode & 022)
        return say(err, -EPERM, state->folder,
                   "the state folder may be written to by others; chmod 700 it, or name another "
                   "with --state");
    return 0;
}

static int path_in(const struct state *state, const char *name, char path[DATADIR_PATH_MAX],
                   char err[STATE_ERROR_MAX])
{
    return datadir_join(state->folder, name, path)
               ? 0
               : say(err, -ENAMETOOLONG, state->folder, "the name of the folder is too long");
}

static int store_errno(int rc)
{
    switch (rc) {
    case STORE_MISSING:
        return -ENOENT;
    case STORE_FOREIGN:
    case STORE_DAMAGED:
    case STORE_NEWER:
    case STORE_OLDER:
        return -EBADMSG;
    default:
        return rc;
    }
}

static int store_at(const struct state *state, unsigned flags, struct store **ret, int *ret_outcome,
                    char err[STATE_ERROR_MAX])
{
    char path[DATADIR_PATH_MAX];
    int rc = path_in(state, "postern.db", path, err);

    *ret = NULL;
    *ret_outcome = rc;
    if (rc < 0)
        return rc;
    *ret_outcome = store_open(path, flags, ret);
    if (*ret_outcome == STORE_OK)
        return 0;
    snprintf(err, STATE_ERROR_MAX, "%s", store_error(*ret));
    store_close(*ret);
    *ret = NULL;
    return store_errno(*ret_outcome);
}

int state_store(const struct state *state, unsigned flags, struct store **ret,
                char err[STATE_ERROR_MAX])
{
    int outcome;

    return store_at(state, flags, ret, &outcome, err);
}

int state_store_look(const struct state *state, struct store **ret, char err[STATE_ERROR_MAX])
{
    int outcome, rc = store_at(state, STORE_READ, ret, &outcome, err);

    return outcome == STORE_OLDER ? store_at(state, 0, ret, &outcome, err) : rc;
}

/* What the superuser makes in a service's folder is that service's, or it could not read it. */
static void give(const char *folder, const char *path)
{
    struct stat st;

    if (geteuid() == 0 && stat(folder, &st) == 0 && st.st_uid != 0 &&
        lchown(path, st.st_uid, st.st_gid) < 0)
        errno = 0; /* the service will be told that it may not open the file */
}

static int key_make(const char *folder, const char *path, char err[STATE_ERROR_MAX])
{
    uint8_t key[MAC_KEY];
    char text[BASE32_LEN(MAC_KEY) + 2];
    int rc = random_bytes(key, sizeof(key));

    if (rc < 0)
        return say(err, rc, path, "no randomness for a key: %s", strerror(-rc));
    base32_encode(key, sizeof(key), text);
    memcpy(text + BASE32_LEN(MAC_KEY), "\n", 2);
    rc = file_create(path, span_str(text), 0600);
    explicit_bzero(key, sizeof(key));
    explicit_bzero(text, sizeof(text));
    if (rc < 0 && rc != -EEXIST)
        return say(err, rc, path, "the key cannot be made: %s", strerror(-rc));
    if (rc == 0)
        give(folder, path);
    return 0;
}

static int key_check(int fd, const char *path, char err[STATE_ERROR_MAX])
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return say(err, -errno, path, "%s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return say(err, -EBADMSG, path, "the key is no ordinary file");
    if (st.st_mode & 077)
        return say(err, -EPERM, path,
                   "the key may be read or written by others, who could forge proofs; chmod 600 "
                   "it, or remove it and have a new one made");
    return 0;
}

static int key_read(int fd, const char *path, uint8_t ret[MAC_KEY], char err[STATE_ERROR_MAX])
{
    char text[BASE32_LEN(MAC_KEY) + 16];
    ssize_t n = read(fd, text, sizeof(text));
    struct span line;
    bool good;

    if (n < 0)
        return say(err, -errno, path, "the key cannot be read: %s", strerror(errno));
    line = span_trim(span_of(text, (size_t)n));
    good = line.n == BASE32_LEN(MAC_KEY) && base32_decode(line, ret, MAC_KEY);
    explicit_bzero(text, sizeof(text));
    if (!good)
        return say(err, -EBADMSG, path,
                   "this is no key (%d letters and digits on one line); put the right one back: "
                   "with a new one no earlier proof verifies",
                   (int)BASE32_LEN(MAC_KEY));
    return 0;
}

int state_key(const struct state *state, bool make, uint8_t ret[MAC_KEY], char err[STATE_ERROR_MAX])
{
    char path[DATADIR_PATH_MAX];
    int rc = path_in(state, "key", path, err), fd;

    if (rc < 0)
        return rc;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT && make) {
        rc = key_make(state->folder, path, err);
        if (rc < 0)
            return rc;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    }
    if (fd < 0)
        return say(err, -errno, path, "%s",
                   errno == ENOENT ? "there is no key yet; the first test makes it"
                                   : strerror(errno));
    rc = key_check(fd, path, err);
    if (rc == 0)
        rc = key_read(fd, path, ret, err);
    close(fd);
    return rc;
}

int state_lock_run(const struct state *state, uint32_t run, int *ret_fd, char err[STATE_ERROR_MAX])
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = run, .l_len = 1};
    char path[DATADIR_PATH_MAX];
    int rc = path_in(state, "locks", path, err), fd;

    if (rc < 0)
        return rc;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return say(err, -errno, path, "%s", strerror(errno));
    give(state->folder, path);
    /* Of the open file, not of the process: closing some other descriptor must not give it up. */
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0) {
        *ret_fd = fd;
        return 0;
    }
    rc = errno == EAGAIN || errno == EACCES
             ? say(err, -EBUSY, path, "another postern test works on run %08x", (unsigned)run)
             : say(err, -errno, path, "%s", strerror(errno));
    close(fd);
    return rc;
}

static int list_file(struct scope_list *list, const char *path, bool may_miss,
                     char err[STATE_ERROR_MAX])
{
    struct buf text = BUF_INIT(STATE_LIST_MAX);
    struct scope_error bad = {0};
    int rc = file_read(path, &text);

    if (rc == -ENOENT && may_miss)
        rc = 0;
    else if (rc < 0)
        rc = say(err, rc, path, "the list cannot be read: %s", strerror(-rc));
    else
        rc = scope_list_parse(list, buf_span(&text), path, &bad);
    if (rc == SCOPE_BAD) {
        snprintf(err, STATE_ERROR_MAX, "%s:%u: %s", path, bad.line, bad.why);
        rc = -EBADMSG;
    } else if (rc == -ENOMEM) {
        say(err, rc, path, "out of memory");
    }
    buf_deinit(&text);
    return rc;
}

struct from_store {
    struct scope_list *list;
    char *err;
};

static int add_rule(void *ctx, enum store_list which, const struct store_rule *rule)
{
    const struct from_store *from = ctx;
    struct scope_error bad = {0};
    int rc = scope_list_add(from->list, rule->pattern, rule->reason, "store", 0, &bad);

    if (rc == SCOPE_BAD)
        return say(from->err, -EBADMSG, "store", "%s", bad.why);
    return rc < 0 ? say(from->err, rc, "store", "out of memory") : 0;
}

static int list_load(const struct state *state, struct store *store, const char *name,
                     const char *file, enum store_list which, struct scope_list *list,
                     char err[STATE_ERROR_MAX])
{
    struct from_store from = {list, err};
    char path[DATADIR_PATH_MAX];
    int rc = path_in(state, name, path, err);

    err[0] = '\0';
    if (rc == 0)
        rc = list_file(list, path, true, err);
    if (rc == 0 && file)
        rc = list_file(list, file, false, err);
    if (rc == 0 && store) {
        rc = store_rules_each(store, which, add_rule, &from);
        if (rc < 0 && !err[0])
            snprintf(err, STATE_ERROR_MAX, "%s", store_error(store));
    }
    return rc;
}

int state_lists(const struct state *state, struct store *store, const char *scope_file,
                const char *never_file, struct scope_list *ret_scope, struct scope_list *ret_never,
                char err[STATE_ERROR_MAX])
{
    int rc;

    scope_list_init(ret_scope, false);
    scope_list_init(ret_never, true);
    rc = list_load(state, store, "scope", scope_file, STORE_LIST_SCOPE, ret_scope, err);
    if (rc == 0)
        rc = list_load(state, store, "never", never_file, STORE_LIST_NEVER, ret_never, err);
    if (rc < 0) {
        scope_list_deinit(ret_scope);
        scope_list_deinit(ret_never);
    }
    return rc;
}

int state_exit(int error)
{
    switch (-error) {
    case ENOENT:
    case ENOTDIR:
        return EX_NOINPUT;
    case EBADMSG:
    case EUCLEAN:
        return EX_DATAERR;
    case EACCES:
    case EPERM:
    case EROFS:
        return EX_NOPERM;
    case EBUSY:
        return EX_TEMPFAIL;
    case ENOMEM:
        return EX_OSERR;
    default:
        return EX_IOERR;
    }
}
