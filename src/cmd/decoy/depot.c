/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All files are in one queue, the oldest in front; a body keeps the place of its first sight. At
 * the start the queue is made from the folders by the time of last change. Nothing else is stored
 * about them, so that a killed process leaves nothing to repair but perhaps a torn last line, which
 * the next start closes.
 */
#include "cmd/decoy/depot.h"

#include "io/datadir.h"
#include "io/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_MAX_OURS = 72, FOLDERS = 2 };

static const char *const folders[FOLDERS] = {"records", "bodies"};
enum folder { RECORDS, BODIES };

struct item {
    char name[NAME_MAX_OURS];
    int64_t changed;
    uint64_t size;
    enum folder folder;
};

struct seen {
    char id[RECORD_BODY_ID];
    unsigned count;
    uint64_t last;
};

struct depot {
    int dirs[FOLDERS];
    int review, fd; /* fd: of the open piece, -1 none */
    uint64_t bytes_max, bytes, evicted, tick;
    struct item *items; /* the queue is [head, count) */
    size_t head, count, cap;
    size_t open_item; /* of the open piece */
    char open_name[NAME_MAX_OURS];
    unsigned reviews; /* files in the review folder when last counted, and since */
    int64_t review_counted;
    struct seen seen[DEPOT_SEEN];
};

static uint64_t blocks(uint64_t bytes)
{
    return (bytes + DEPOT_BLOCK - 1) / DEPOT_BLOCK * DEPOT_BLOCK;
}

static int add_item(struct depot *d, enum folder folder, const char *name, uint64_t size,
                    int64_t changed)
{
    struct item *it;

    if (array_grow(&d->items, &d->cap, sizeof(d->items[0]), d->count + 1) < 0)
        return -ENOMEM;
    it = &d->items[d->count];
    *it = (struct item){.changed = changed, .size = size, .folder = folder};
    if (!span_copy(span_str(name), it->name, sizeof(it->name)))
        return -EINVAL;
    d->count++;
    d->bytes += blocks(size);
    return 0;
}

static bool is_record(const char *name)
{
    /* "2026-03-01.000.jsonl" */
    return strlen(name) == 20 && span_ends_nocase(span_str(name), SPAN_LIT(".jsonl")) &&
           name[4] == '-' && name[7] == '-' && name[10] == '.';
}

static bool is_body(const char *name)
{
    return strlen(name) == RECORD_BODY_ID && strspn(name, "0123456789abcdef") == RECORD_BODY_ID;
}

static int scan(struct depot *d, enum folder folder)
{
    int fd = openat(d->dirs[folder], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *e;
    struct stat st;

    if (!dir) {
        err = -errno;
        if (fd >= 0)
            close(fd);
        return err;
    }
    while (err == 0 && (e = readdir(dir))) {
        if (!(folder == RECORDS ? is_record(e->d_name) : is_body(e->d_name)) ||
            fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
            continue;
        err = add_item(d, folder, e->d_name, (uint64_t)st.st_size,
                       (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000);
    }
    closedir(dir);
    return err;
}

static int by_age(const void *a, const void *b)
{
    const struct item *x = a, *y = b;

    if (x->changed != y->changed)
        return x->changed < y->changed ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int open_folder(const char *folder, const char *name, int *ret)
{
    char path[DATADIR_PATH_MAX];
    int err;

    if (!datadir_join(folder, name, path))
        return -ENAMETOOLONG;
    err = file_mkdirs(path, 0700);
    if (err < 0)
        return err;
    *ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret < 0 ? -errno : 0;
}

static void close_piece(struct depot *d)
{
    if (d->fd >= 0)
        close(d->fd);
    d->fd = -1;
}

/* The piece that is being written is as young as its last line: it goes to the queue's end. */
static bool spare_open_piece(struct depot *d)
{
    struct item kept = d->items[d->head];

    if (d->fd < 0 || d->open_item != d->head || d->count - d->head < 2)
        return false;
    memmove(d->items + d->head, d->items + d->head + 1,
            (d->count - d->head - 1) * sizeof(d->items[0]));
    d->items[d->count - 1] = kept;
    d->open_item = d->count - 1;
    return true;
}

static void evict_one(struct depot *d)
{
    struct item *it = &d->items[d->head];

    if (spare_open_piece(d))
        return;
    if (d->fd >= 0 && d->open_item == d->head)
        close_piece(d);
    /* One that can't be deleted is forgotten all the same: the loop that calls this must end. */
    unlinkat(d->dirs[it->folder], it->name, 0);
    d->bytes -= blocks(it->size);
    d->evicted++;
    d->head++;
    if (d->head > 1024 && d->head > d->count / 2) {
        memmove(d->items, d->items + d->head, (d->count - d->head) * sizeof(d->items[0]));
        d->count -= d->head;
        d->open_item -= d->head;
        d->head = 0;
    }
}

/* Makes room for `more` octets. */
static void make_room(struct depot *d, uint64_t more)
{
    while (d->head < d->count &&
           (d->bytes + blocks(more) > d->bytes_max || d->count - d->head >= DEPOT_FILES_MAX))
        evict_one(d);
}

static int fail(const char *folder, const char *name, int err, char text[DEPOT_ERROR_MAX])
{
    snprintf(text, DEPOT_ERROR_MAX, "%.300s%s%s: %s", folder, *name ? "/" : "", name,
             strerror(-err));
    return err;
}

int depot_open(const char *folder, const char *review, uint64_t bytes_max, struct depot **ret,
               char err[DEPOT_ERROR_MAX])
{
    struct depot *d = calloc(1, sizeof(*d));
    int r;

    if (!d)
        return fail(folder, "", -ENOMEM, err);
    r = file_mkdirs(folder, 0700);
    if (r < 0)
        fail(folder, "", r, err);
    d->review = d->fd = d->dirs[RECORDS] = d->dirs[BODIES] = -1;
    d->bytes_max = bytes_max;
    for (unsigned i = 0; i < FOLDERS && r == 0; i++) {
        r = open_folder(folder, folders[i], &d->dirs[i]);
        r = r < 0 ? r : scan(d, (enum folder)i);
        if (r < 0)
            fail(folder, folders[i], r, err);
    }
    if (r == 0 && review) {
        d->review = open(review, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (d->review < 0 || faccessat(d->review, ".", W_OK | X_OK, AT_EACCESS) < 0)
            r = fail(review, "", -errno, err);
    }
    if (r < 0) {
        depot_close(&d);
        return r;
    }
    if (d->count)
        qsort(d->items, d->count, sizeof(d->items[0]), by_age);
    make_room(d, 0);
    *ret = d;
    return 0;
}

void depot_close(struct depot **d)
{
    struct depot *gone = *d;

    if (!gone)
        return;
    *d = NULL;
    close_piece(gone);
    for (unsigned i = 0; i < FOLDERS; i++)
        if (gone->dirs[i] >= 0)
            close(gone->dirs[i]);
    if (gone->review >= 0)
        close(gone->review);
    free(gone->items);
    free(gone);
}

struct depot_counts depot_counts(const struct depot *d)
{
    return (struct depot_counts){d->bytes, d->count - d->head, d->evicted};
}

/* --- records ---------------------------------------------------------------------------------- */

static uint64_t piece_max(const struct depot *d)
{
    uint64_t part = d->bytes_max / DEPOT_PIECES;

    return part < DEPOT_PIECE_MAX ? part : DEPOT_PIECE_MAX;
}

/* The queue's item of that name, or count. */
static size_t find_item(const struct depot *d, const char *name)
{
    size_t i = d->count;

    while (i > d->head && strcmp(d->items[i - 1].name, name) != 0)
        i--;
    return i > d->head ? i - 1 : d->count;
}

/* A line that a killed process left torn must not swallow the next one. */
static int close_torn_line(struct depot *d, struct item *it)
{
    char last = '\n';

    if (it->size == 0 || pread(d->fd, &last, 1, (off_t)it->size - 1) != 1 || last == '\n')
        return 0;
    if (write(d->fd, "\n", 1) != 1)
        return -errno;
    it->size++;
    return 0;
}

static int open_piece(struct depot *d, const char *name)
{
    struct stat st;
    int err = 0;

    d->fd =
        openat(d->dirs[RECORDS], name, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (d->fd < 0)
        return -errno;
    d->open_item = find_item(d, name);
    if (d->open_item == d->count)
        err = fstat(d->fd, &st) < 0 ? -errno : add_item(d, RECORDS, name, (uint64_t)st.st_size, 0);
    err = err < 0 ? err : close_torn_line(d, &d->items[d->open_item]);
    if (err < 0) {
        close_piece(d);
        return err;
    }
    span_copy(span_str(name), d->open_name, sizeof(d->open_name));
    return 0;
}

/* The day's last piece, or a new one when it is full. */
static int open_today(struct depot *d, int64_t wall, size_t more)
{
    char time[RECORD_TIME_MAX], name[NAME_MAX_OURS];
    unsigned piece = 0;
    size_t at;

    record_time(wall, time);
    if (d->fd >= 0 && memcmp(d->open_name, time, 10) == 0 &&
        d->items[d->open_item].size + more <= piece_max(d))
        return 0;
    for (size_t i = d->head; i < d->count; i++)
        if (d->items[i].folder == RECORDS && memcmp(d->items[i].name, time, 10) == 0) {
            unsigned n = (unsigned)((d->items[i].name[11] - '0') * 100 +
                                    (d->items[i].name[12] - '0') * 10 + d->items[i].name[13] - '0');

            piece = n > piece ? n : piece;
        }
    for (;; piece++) {
        if (piece > 999)
            return -EFBIG;
        snprintf(name, sizeof(name), "%.10s.%03u.jsonl", time, piece);
        at = find_item(d, name);
        if (at == d->count || d->items[at].size + more <= piece_max(d))
            break;
    }
    close_piece(d);
    return open_piece(d, name);
}

int depot_add_line(struct depot *d, struct span line, int64_t wall)
{
    struct item *it;
    ssize_t n;
    int err;

    make_room(d, line.n);
    err = open_today(d, wall, line.n);
    if (err < 0)
        return err;
    n = write(d->fd, line.p, line.n);
    if (n < 0)
        return -errno;
    it = &d->items[d->open_item];
    d->bytes -= blocks(it->size);
    it->size += (uint64_t)n;
    d->bytes += blocks(it->size);
    if ((size_t)n == line.n)
        return 0;
    close_piece(d); /* torn: the next one closes the line */
    return -ENOSPC;
}

/* --- bodies ----------------------------------------------------------------------------------- */

/* How often the body was seen before; it is counted. */
static unsigned count_seen(struct depot *d, const char *id)
{
    struct seen *oldest = &d->seen[0];

    d->tick++;
    for (size_t i = 0; i < DEPOT_SEEN; i++) {
        struct seen *s = &d->seen[i];

        if (s->count && memcmp(s->id, id, RECORD_BODY_ID) == 0) {
            s->last = d->tick;
            return s->count++;
        }
        if (s->last < oldest->last)
            oldest = s;
    }
    memcpy(oldest->id, id, RECORD_BODY_ID);
    oldest->count = 1;
    oldest->last = d->tick;
    return 0;
}

static int write_new(int dir, const char *name, struct span bytes)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    int err = 0;

    if (fd < 0)
        return -errno;
    while (bytes.n && err == 0) {
        ssize_t n = write(fd, bytes.p, bytes.n);

        if (n < 0 && errno != EINTR)
            err = -errno;
        else if (n > 0)
            bytes = span_slice(bytes, (size_t)n, bytes.n);
    }
    if (close(fd) < 0 && err == 0)
        err = -errno;
    if (err < 0)
        unlinkat(dir, name, 0);
    return err;
}

int depot_add_body(struct depot *d, struct span body, char ret_id[RECORD_BODY_ID + 1],
                   unsigned *ret_again)
{
    uint8_t hash[MAC_SIZE];
    int err;

    mac_sha256(body, hash);
    for (unsigned i = 0; i < MAC_SIZE; i++)
        snprintf(ret_id + (size_t)2 * i, 3, "%02x", hash[i]);
    *ret_again = count_seen(d, ret_id);
    make_room(d, body.n);
    err = write_new(d->dirs[BODIES], ret_id, body);
    if (err == -EEXIST) {
        *ret_again = *ret_again ? *ret_again : 1;
        return 0;
    }
    return err < 0 ? err : add_item(d, BODIES, ret_id, body.n, 0);
}

/* --- for review ------------------------------------------------------------------------------- */

static unsigned count_reviews(const struct depot *d)
{
    int fd = openat(d->review, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    unsigned n = 0;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return DEPOT_REVIEW_MAX;
    }
    while (readdir(dir))
        n++;
    closedir(dir);
    return n > 2 ? n - 2 : 0;
}

int depot_add_review(struct depot *d, const char *id, int64_t wall, struct span text)
{
    enum { RECOUNT = 60 };
    char time[RECORD_TIME_MAX], name[RECORD_TIME_MAX + RECORD_ID_MAX + 8];
    int err;

    if (d->review < 0)
        return 0;
    /* Counted anew once a minute when it seems full: the operator may have tidied. */
    if (d->review_counted == 0 ||
        (d->reviews >= DEPOT_REVIEW_MAX && wall - d->review_counted >= RECOUNT)) {
        d->reviews = count_reviews(d);
        d->review_counted = wall;
    }
    if (d->reviews >= DEPOT_REVIEW_MAX)
        return 0;
    snprintf(name, sizeof(name), "%s-%s.eml", record_time(wall, time), id);
    err = write_new(d->review, name, text);
    if (err < 0)
        return err;
    d->reviews++;
    return 1;
}

/* --- reading ---------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct item *)a)->name, ((const struct item *)b)->name);
}

static int read_piece(int dir, const char *name, depot_line_fn fn, void *cookie, bool *go_on)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;

    if (!file) {
        if (fd >= 0)
            close(fd);
        return errno == ENOENT ? 0 : -errno; /* evicted while we looked */
    }
    while (*go_on && (n = getline(&line, &cap, file)) > 0)
        if (n <= RECORD_LINE_MAX)
            *go_on = fn(cookie, span_trim(span_of(line, (size_t)n)));
    free(line);
    fclose(file);
    return 0;
}

int depot_read(const char *folder, depot_line_fn fn, void *cookie)
{
    struct depot d = {.dirs = {-1, -1}, .review = -1, .fd = -1};
    char path[DATADIR_PATH_MAX];
    bool go_on = true;
    int err = 0;

    if (!datadir_join(folder, folders[RECORDS], path))
        return -ENAMETOOLONG;
    d.dirs[RECORDS] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d.dirs[RECORDS] < 0)
        return errno == ENOENT ? 0 : -errno;
    err = scan(&d, RECORDS);
    if (err == 0 && d.count)
        qsort(d.items, d.count, sizeof(d.items[0]), by_name);
    for (size_t i = 0; i < d.count && err == 0 && go_on; i++)
        err = read_piece(d.dirs[RECORDS], d.items[i].name, fn, cookie, &go_on);
    close(d.dirs[RECORDS]);
    free(d.items);
    return err;
}
