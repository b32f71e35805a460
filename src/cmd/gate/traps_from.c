/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Polling and not a watch on the folder: no event comes over NFS, where a farm of gates would keep
 * such a file, and two seconds are little for a list that lasts for days. A file is read again when
 * its size, its time or its inode is another one; who writes it renames it into place.
 *
 * What stands in a file stays apart from our own timed list: it ends when the file says so or no
 * longer has it, and is not written into our own file, or two gates that read each other would keep
 * an entry alive for good.
 */
#include "cmd/gate/traps_from.h"

#include "gate/trap.h"
#include "io/file.h"
#include "io/log.h"
#include "io/timer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct source {
    char *path;
    bool second; /* of IPv6 clients: it may well be missing */
    bool there;
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime;
    int err; /* told already */
    struct trap_list list;
};

struct traps_from {
    struct loop *loop;
    struct timer timer;
    struct source *v;
    size_t count;
    bool tells;
};

static void note_error(const struct traps_from *f, struct source *s, int err)
{
    if (err < 0 && err != s->err && f->tells && !(s->second && err == -ENOENT))
        log_warn("traps-from", "file", s->path, "error", LOG_ERRNO(err), "meaning",
                 err == -ENOENT ? "nobody is listed by it" : "what was read of it before stays",
                 NULL);
    s->err = err;
}

static void take_list(const struct traps_from *f, struct source *s, struct trap_list *list,
                      size_t bad)
{
    trap_deinit(&s->list);
    s->list = *list;
    if (f->tells)
        log_info("traps-from", "file", s->path, "clients", LOG_NUM((int64_t)list->count),
                 "lines_passed_over", LOG_NUM((int64_t)bad), NULL);
}

/* An entry without an end stays as long as the file has it. */
static int read_list(struct source *s, struct trap_list *list, size_t *ret_bad)
{
    struct buf text = BUF_INIT(TRAP_FILE_MAX);
    int r = file_read(s->path, &text);

    if (r == 0)
        r = trap_read(list, buf_span(&text), INT64_MAX / 2, loop_wall(), ret_bad);
    buf_deinit(&text);
    return r;
}

static bool same(const struct source *s, const struct stat *st)
{
    return s->there && s->dev == st->st_dev && s->ino == st->st_ino && s->size == st->st_size &&
           s->mtime.tv_sec == st->st_mtim.tv_sec && s->mtime.tv_nsec == st->st_mtim.tv_nsec;
}

static void look_at(struct traps_from *f, struct source *s)
{
    struct trap_list list = {0};
    struct stat st;
    size_t bad = 0;
    int r;

    if (stat(s->path, &st) < 0) {
        note_error(f, s, -errno);
        if (s->err == -ENOENT)
            trap_deinit(&s->list);
        s->there = false;
        return;
    }
    if (same(s, &st))
        return;
    r = read_list(s, &list, &bad);
    note_error(f, s, r);
    if (r < 0)
        trap_deinit(&list);
    else
        take_list(f, s, &list, bad);
    s->there = r == 0; /* what can't be read is tried at each look */
    s->dev = st.st_dev;
    s->ino = st.st_ino;
    s->size = st.st_size;
    s->mtime = st.st_mtim;
}

static void look(void *cookie)
{
    struct traps_from *f = cookie;

    for (size_t i = 0; i < f->count; i++)
        look_at(f, &f->v[i]);
    timer_start(&f->timer, f->loop, TRAPS_FROM_LOOK);
}

static int add_source(struct traps_from *f, const char *path, bool second)
{
    struct source *s = &f->v[f->count];
    struct buf name = BUF_INIT(4096);
    int r;

    buf_addf(&name, "%s%s", path, second ? "6" : "");
    *s = (struct source){.path = name.err ? NULL : strdup(buf_str(&name)), .second = second};
    r = name.err ? -ENAMETOOLONG : s->path ? 0 : -ENOMEM;
    buf_deinit(&name);
    f->count += r == 0;
    return r;
}

int traps_from_open(struct loop *l, const struct option_list *files, bool tells,
                    struct traps_from **ret)
{
    struct traps_from *f;
    int r = 0;

    *ret = NULL;
    if (files->count == 0)
        return 0;
    if (files->count > TRAPS_FROM_MAX)
        return -E2BIG;
    f = calloc(1, sizeof(*f));
    if (f)
        f->v = calloc(2 * files->count, sizeof(*f->v));
    if (!f || !f->v) {
        free(f);
        return -ENOMEM;
    }
    f->loop = l;
    f->tells = tells;
    timer_init(&f->timer, look, f);
    for (size_t i = 0; i < 2 * files->count && r == 0; i++)
        r = add_source(f, files->v[i / 2], i % 2 == 1);
    if (r < 0) {
        traps_from_close(&f);
        return r;
    }
    look(f);
    *ret = f;
    return 0;
}

bool traps_from_is(const struct traps_from *f, const struct option_list *files)
{
    if ((f ? f->count : 0) != 2 * files->count)
        return false;
    for (size_t i = 0; i < files->count; i++)
        if (strcmp(f->v[2 * i].path, files->v[i]) != 0)
            return false;
    return true;
}

const char *traps_from_has(const struct traps_from *f, struct ip client)
{
    int64_t now = loop_wall();

    for (size_t i = 0; f && i < f->count; i++) {
        const struct trap_entry *e = trap_find(&f->v[i].list, client, now);

        if (e)
            return e->reason;
    }
    return NULL;
}

size_t traps_from_count(const struct traps_from *f)
{
    size_t n = 0;

    for (size_t i = 0; f && i < f->count; i++)
        n += f->v[i].list.count;
    return n;
}

void traps_from_close(struct traps_from **pf)
{
    struct traps_from *f = *pf;

    *pf = NULL;
    if (!f)
        return;
    timer_stop(&f->timer);
    for (size_t i = 0; i < f->count; i++) {
        trap_deinit(&f->v[i].list);
        free(f->v[i].path);
    }
    free(f->v);
    free(f);
}
