/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks once a second whether the configuration or a file that it names (keys, secrets) has
 * changed, and tells it once a second has passed without another change, so that a file is not read
 * while an editor writes it. Zones' data are the hub's.
 */
#ifndef POSTERN_CMD_DNS_FOLLOW_H
#define POSTERN_CMD_DNS_FOLLOW_H

#include "cmd/dns/site.h"
#include "io/timer.h"

enum { FOLLOW_FILES_MAX = 64 };

/* A file as it was; zeroed when it was not there. */
struct follow_stamp {
    uint64_t device, inode;
    int64_t size, mtime_ns;
};

struct follow {
    struct loop *loop;
    void (*changed)(void *cookie);
    void *cookie;
    struct timer timer;
    char *paths[FOLLOW_FILES_MAX];
    size_t count;
    struct follow_stamp was[FOLLOW_FILES_MAX], seen[FOLLOW_FILES_MAX];
};

/* `changed` reads the configuration anew; follow_site() is for the one that is taken. */
void follow_begin(struct follow *f, struct loop *l, void (*changed)(void *cookie), void *cookie);
/* The files of this site, as they are now. With check-files = 0 nothing is looked at. */
void follow_site(struct follow *f, const struct site *s);
void follow_end(struct follow *f); /* safe on a zeroed one */

#endif
