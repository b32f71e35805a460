/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * By stat(2) and not by inotify: these are a handful of files, a second is soon enough, and it
 * works on every file system and through every way that an editor replaces a file.
 */
#include "cmd/dns/follow.h"

#include <stdlib.h>
#include <sys/stat.h>

enum { LOOK = 1000 };

static void look(const struct follow *f, struct follow_stamp ret[FOLLOW_FILES_MAX])
{
    memset(ret, 0, FOLLOW_FILES_MAX * sizeof(*ret));
    for (size_t i = 0; i < f->count; i++) {
        struct stat st;

        if (stat(f->paths[i], &st) == 0)
            ret[i] = (struct follow_stamp){.device = st.st_dev,
                                           .inode = st.st_ino,
                                           .size = st.st_size,
                                           .mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 +
                                                       st.st_mtim.tv_nsec};
    }
}

static void on_time(void *cookie)
{
    struct follow_stamp now[FOLLOW_FILES_MAX];
    struct follow *f = cookie;
    bool changed, settled;

    look(f, now);
    changed = memcmp(now, f->was, sizeof(now)) != 0;
    settled = memcmp(now, f->seen, sizeof(now)) == 0;
    memcpy(f->seen, now, sizeof(now));
    timer_start(&f->timer, f->loop, LOOK);
    if (!changed || !settled)
        return;
    /* Also when it is refused: the same fault is not told every second. */
    memcpy(f->was, now, sizeof(now));
    f->changed(f->cookie);
}

void follow_begin(struct follow *f, struct loop *l, void (*changed)(void *cookie), void *cookie)
{
    *f = (struct follow){.loop = l, .changed = changed, .cookie = cookie};
    timer_init(&f->timer, on_time, f);
}

static void add(struct follow *f, const char *path)
{
    if (path && f->count < FOLLOW_FILES_MAX && (f->paths[f->count] = strdup(path)))
        f->count++;
}

static void forget(struct follow *f)
{
    while (f->count)
        free(f->paths[--f->count]);
}

void follow_site(struct follow *f, const struct site *s)
{
    const struct dns_args *a = &s->args;

    forget(f);
    if (!a->check_files) {
        timer_stop(&f->timer);
        return;
    }
    add(f, a->config ? a->config : CONF_PATH);
    add(f, a->tsig_keys);
    add(f, a->cookie_secret);
    add(f, a->key_secret);
    for (size_t i = 0; i < a->keys.count; i++) {
        const char *equals = strchr(a->keys.v[i], '=');

        add(f, equals ? equals + 1 : NULL);
    }
    look(f, f->was);
    memcpy(f->seen, f->was, sizeof(f->seen));
    timer_start(&f->timer, f->loop, LOOK);
}

void follow_end(struct follow *f)
{
    timer_stop(&f->timer);
    forget(f);
}
