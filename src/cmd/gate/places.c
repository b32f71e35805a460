/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/gate/places.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

const struct place *places_of(const struct places *p, unsigned worker)
{
    return p->v + worker * p->count;
}

void places_keep(struct places *p, unsigned worker)
{
    for (unsigned w = 0; w < p->workers; w++)
        for (size_t i = 0; w != worker && i < p->count; i++)
            if (p->v[w * p->count + i].fd >= 0)
                close(p->v[w * p->count + i].fd);
}

void places_close(struct places *p, unsigned keep)
{
    places_keep(p, keep);
    free(p->v);
    *p = (struct places){0};
}

static int status_of(int err)
{
    return err == -EACCES || err == -EPERM ? EX_NOPERM : err == -EINVAL ? EX_CONFIG : EX_OSERR;
}

/* One set of one place: a socket for each worker. Returns 0 or -errno. */
static int add(struct places *p, enum door_kind kind, const struct listen_place *at,
               char err[LISTEN_ERROR_MAX])
{
    int r = 0;

    if (p->count == PLACES_MAX) {
        snprintf(err, LISTEN_ERROR_MAX, "too many places to listen on");
        return -EINVAL;
    }
    /* While they are opened the sets stand apart, PLACES_MAX each. */
    for (unsigned w = 0; w < p->workers && r == 0; w++) {
        struct place *one = &p->v[w * PLACES_MAX + p->count];

        *one = (struct place){kind, -1};
        r = listen_socket(at, p->workers > 1, &one->fd, err);
    }
    if (r == 0)
        p->count++;
    return r;
}

static int add_text(struct places *p, enum door_kind kind, const char *text,
                    char err[LISTEN_ERROR_MAX])
{
    struct listen_place at[LISTEN_PLACES_MAX];
    size_t n = listen_parse(span_str(text), at), opened = 0;
    int r = -EINVAL;

    snprintf(err, LISTEN_ERROR_MAX, "listen-%s: \"%.100s\" is no ADDR:PORT", door_kind_name(kind),
             text);
    for (size_t i = 0; i < n; i++) {
        int got = add(p, kind, &at[i], err);

        opened += got == 0;
        /* One of two families may be missing from this machine; a taken port may not. */
        if (got < 0 && (n == 1 || (got != -EAFNOSUPPORT && got != -EADDRNOTAVAIL)))
            return got;
        r = got;
    }
    return opened ? 0 : r;
}

static int add_list(struct places *p, enum door_kind kind, const struct option_list *list,
                    char err[LISTEN_ERROR_MAX])
{
    int r = 0;

    for (size_t i = 0; i < list->count && r == 0; i++)
        r = add_text(p, kind, list->v[i], err);
    return r;
}

static enum door_kind kind_of(unsigned index, int fd)
{
    struct span names = span_str(getenv("LISTEN_FDNAMES")), name = SPAN_NULL;
    struct sockaddr_storage ss;
    socklen_t n = sizeof(ss);
    unsigned port = 0;

    for (unsigned i = 0; i <= index && span_cut(&names, ':', &name); i++)
        if (i == index)
            for (unsigned kind = 0; kind < DOOR_KINDS; kind++)
                if (span_eq(name, span_str(door_kind_name((enum door_kind)kind))))
                    return (enum door_kind)kind;
    if (getsockname(fd, (struct sockaddr *)&ss, &n) == 0)
        port = ntohs(ss.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&ss)->sin6_port
                                              : ((struct sockaddr_in *)&ss)->sin_port);
    return port == 465 ? DOOR_SUBMISSIONS : port == 587 ? DOOR_SUBMISSION : DOOR_MX;
}

static int inherit(struct places *p, unsigned n, char err[LISTEN_ERROR_MAX])
{
    for (unsigned i = 0; i < n && i < PLACES_MAX; i++) {
        int fd = listen_inherited_socket(i, err);

        if (fd < 0)
            return fd;
        for (unsigned w = 0; w < p->workers; w++)
            p->v[w * PLACES_MAX + i] = (struct place){kind_of(i, fd), w ? dup(fd) : fd};
        p->count++;
    }
    return 0;
}

/* Closes the gaps between the sets. */
static void pack(struct places *p)
{
    for (unsigned w = 1; w < p->workers; w++)
        memmove(p->v + w * p->count, p->v + (size_t)w * PLACES_MAX, p->count * sizeof(*p->v));
}

bool places_fit(const struct places *p, const struct door *door, char err[LISTEN_ERROR_MAX])
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->v[i].kind != DOOR_MX && door->tls_weak[0]) {
            snprintf(err, LISTEN_ERROR_MAX, "%.*s", LISTEN_ERROR_MAX - 1, door->tls_weak);
            return false;
        }
        if (p->v[i].kind == DOOR_SUBMISSIONS && !door->tls[DOOR_SUBMISSIONS]) {
            snprintf(err, LISTEN_ERROR_MAX, "cert: the open submissions port needs one");
            return false;
        }
    }
    return true;
}

int places_open(struct places *p, const struct door *door, char err[LISTEN_ERROR_MAX])
{
    const struct gate_args *a = &door->args;
    unsigned inherited = listen_inherited();
    int r;

    *p = (struct places){.workers = a->workers};
    p->v = calloc((size_t)p->workers * PLACES_MAX, sizeof(*p->v));
    if (!p->v) {
        snprintf(err, LISTEN_ERROR_MAX, "out of memory");
        return EX_OSERR;
    }
    if (inherited)
        r = inherit(p, inherited, err);
    else if (!a->listen_mx.count && !a->listen_submission.count && !a->listen_submissions.count)
        r = add_text(p, DOOR_MX, "*:25", err);
    else
        r = add_list(p, DOOR_MX, &a->listen_mx, err);
    if (r == 0 && !inherited)
        r = add_list(p, DOOR_SUBMISSION, &a->listen_submission, err);
    if (r == 0 && !inherited)
        r = add_list(p, DOOR_SUBMISSIONS, &a->listen_submissions, err);
    pack(p);
    if (r < 0)
        return status_of(r);
    return places_fit(p, door, err) ? 0 : EX_CONFIG;
}
