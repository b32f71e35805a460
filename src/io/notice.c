/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One inotify descriptor on the loop. What the kernel tells in one read is told on without being
 * sorted: a journal that grows by a record comes as one NOTICE_WRITTEN, which is all that its
 * reader wants to know, and the kernel joins equal events that follow each other by itself.
 */
#include "io/notice.h"

#include "io/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROOM = 16384 };

struct notice {
    int fd;
    struct watch *watch;
    notice_fn fn;
    void *cookie;
};

static void tell(struct notice *n, const struct inotify_event *e)
{
    const char *name = e->len ? e->name : "";

    if (e->mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT))
        n->fn(n->cookie, e->wd, "", NOTICE_LOST);
    else if (e->mask & (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE))
        n->fn(n->cookie, e->wd, name, NOTICE_CLOSED);
    else if (e->mask & (IN_DELETE | IN_MOVED_FROM))
        n->fn(n->cookie, e->wd, name, NOTICE_GONE);
    else if (e->mask & IN_MODIFY)
        n->fn(n->cookie, e->wd, name, NOTICE_WRITTEN);
}

static void on_ready(void *cookie)
{
    struct notice *n = cookie;
    char room[ROOM] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t got;

    while ((got = read(n->fd, room, sizeof(room))) > 0)
        for (ssize_t at = 0; at < got;) {
            const struct inotify_event *e = (const struct inotify_event *)(void *)(room + at);

            tell(n, e);
            at += (ssize_t)(sizeof(*e) + e->len);
        }
}

int notice_open(struct loop *l, notice_fn fn, void *cookie, struct notice **ret)
{
    struct notice *n = calloc(1, sizeof(*n));
    int r;

    if (!n)
        return -ENOMEM;
    n->fn = fn;
    n->cookie = cookie;
    n->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    r = n->fd < 0 ? -errno : watch_open(l, n->fd, on_ready, n, &n->watch);
    if (r < 0) {
        notice_close(&n);
        return r;
    }
    *ret = n;
    return 0;
}

int notice_add(struct notice *n, const char *folder)
{
    int wd = inotify_add_watch(n->fd, folder,
                               IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE |
                                   IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);

    return wd < 0 ? -errno : wd;
}

/* A path on the way: the folder that was reached, and the rest. */
struct way {
    char at[PATH_MAX], rest[PATH_MAX];
    char name[NAME_MAX + 1]; /* taken off the rest */
};

static bool next_name(struct way *w)
{
    size_t from = strspn(w->rest, "/"), n = strcspn(w->rest + from, "/");

    if (n == 0 || n > NAME_MAX)
        return false;
    memcpy(w->name, w->rest + from, n);
    w->name[n] = '\0';
    memmove(w->rest, w->rest + from + n, strlen(w->rest + from + n) + 1);
    return true;
}

static bool join(const struct way *w, char ret[PATH_MAX])
{
    return (size_t)snprintf(ret, PATH_MAX, "%s/%s", w->at, w->name) < PATH_MAX;
}

/* The link's target comes before the rest. */
static bool follow(struct way *w, const char *link)
{
    char target[PATH_MAX], rest[PATH_MAX];
    ssize_t n = readlink(link, target, sizeof(target) - 1);

    if (n <= 0)
        return false;
    target[n] = '\0';
    if ((size_t)snprintf(rest, sizeof(rest), "%s/%s", target, w->rest) >= sizeof(rest))
        return false;
    memcpy(w->rest, rest, sizeof(rest));
    if (target[0] == '/')
        w->at[0] = '\0';
    return true;
}

size_t notice_add_way(struct notice *n, const char *file, int ret[NOTICE_WAY_MAX],
                      bool *ret_winding)
{
    struct way w = {.at = "."};
    size_t count = 0;
    char path[PATH_MAX];
    struct stat st;

    *ret_winding = false;
    if ((size_t)snprintf(w.rest, sizeof(w.rest), "%s", file) >= sizeof(w.rest))
        return 0;
    if (file[0] == '/')
        w.at[0] = '\0';
    while (count < NOTICE_WAY_MAX && next_name(&w) && join(&w, path)) {
        bool there = lstat(path, &st) == 0;

        if (!there || !S_ISDIR(st.st_mode)) {
            int wd = notice_add(n, w.at[0] ? w.at : "/");

            if (wd >= 0)
                ret[count++] = wd;
            /* Again: it may have come before it could be told of. */
            there = lstat(path, &st) == 0;
        }
        if (there && S_ISDIR(st.st_mode)) {
            memcpy(w.at, path, sizeof(path));
            continue;
        }
        *ret_winding = *ret_winding || !there || S_ISLNK(st.st_mode);
        if (!there || !S_ISLNK(st.st_mode) || !follow(&w, path))
            break;
    }
    return count;
}

void notice_remove(struct notice *n, int folder)
{
    inotify_rm_watch(n->fd, folder);
}

void notice_close(struct notice **n)
{
    if (!*n)
        return;
    watch_close(&(*n)->watch);
    if ((*n)->fd >= 0)
        close((*n)->fd);
    free(*n);
    *n = NULL;
}
