/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Clients, and what others are told about them: a nomination for each doubling of a client's spam,
 * in the same lines as the gate's evidence; and the spamtrap list, a file for rbldnsd. Who only
 * tests is neither nominated nor listed: testers use their own machines, spam comes through
 * somebody else's.
 */
#include "cmd/decoy/decoy.h"

#include "gate/evidence.h"
#include "io/file.h"
#include "io/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DAY = 86400 };

struct decoy_known *known_find(struct decoy *d, struct ip ip, int64_t wall)
{
    struct ip_prefix net = ip_prefix_of(ip, ip.family == IP_V6 ? 64 : 32);
    struct decoy_known *oldest = &d->known[0], *k = NULL;

    for (size_t i = 0; i < DECOY_KNOWN && !k; i++) {
        if (d->known[i].net.ip.family == net.ip.family && ip_eq(d->known[i].net.ip, net.ip))
            k = &d->known[i];
        else if (d->known[i].last_wall < oldest->last_wall)
            oldest = &d->known[i];
    }
    if (!k) {
        k = oldest;
        *k = (struct decoy_known){.net = net, .since_wall = wall};
    }
    if (wall - k->since_wall >= DAY) {
        k->since_wall = wall;
        k->messages = 0;
    }
    k->ip = ip;
    k->last_wall = wall;
    return k;
}

static void nominate(struct decoy *d, const struct decoy_known *k, const struct record_message *m)
{
    struct record_nomination n = {
        .ip = m->peer.client,
        .wall = m->peer.wall,
        .reason = "spam",
        .session = m->peer.id,
        .helo = m->helo,
        .mail = m->mail,
        .rcpt = m->rcpt_shown ? m->rcpts[0] : SPAN_NULL,
        .count = k->spam,
    };
    struct buf line = BUF_INIT(4 * EVIDENCE_LINE_MAX);
    char name[EVIDENCE_NAME_MAX], path[DATADIR_PATH_MAX];
    int fd = -1, err = record_nomination(&n, &line);
    struct stat st;

    record_time(n.wall, path);
    snprintf(name, sizeof(name), "%.10s.jsonl", path);
    if (err == 0 && !datadir_join(d->args->evidence, name, path))
        err = -ENAMETOOLONG;
    if (err == 0) {
        fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (fd < 0 || fstat(fd, &st) < 0)
            err = -errno;
        else if ((uint64_t)st.st_size + line.n > EVIDENCE_DAY_MAX)
            err = -EFBIG;
        else if (write(fd, line.p, line.n) != (ssize_t)line.n)
            err = errno ? -errno : -ENOSPC;
    }
    if (fd >= 0)
        close(fd);
    if (err < 0)
        log_warn("evidence", "client", LOG_IP(n.ip), "error", LOG_ERRNO(err), NULL);
    buf_deinit(&line);
}

/* --- the trap list ---------------------------------------------------------------------------- */

static bool trap_path(const struct decoy *d, enum ip_family family, char ret[DATADIR_PATH_MAX])
{
    return snprintf(ret, DATADIR_PATH_MAX, "%s%s", d->args->trap_file, family == IP_V6 ? "6" : "") <
           DATADIR_PATH_MAX;
}

static void write_traps(void *cookie)
{
    static const enum ip_family families[] = {IP_V4, IP_V6};
    struct decoy *d = cookie;
    char path[DATADIR_PATH_MAX];

    trap_expire(&d->traps, loop_wall());
    for (unsigned i = 0; i < 2; i++) {
        struct buf text = BUF_INIT(TRAP_FILE_MAX);
        int err;

        trap_write(&d->traps, families[i], loop_wall(), &text);
        err = text.err                          ? text.err
              : trap_path(d, families[i], path) ? file_write(path, buf_span(&text), 0644)
                                                : -ENAMETOOLONG;
        if (err < 0)
            log_warn("trap-file", "file", d->args->trap_file, "error", LOG_ERRNO(err), NULL);
        buf_deinit(&text);
    }
    d->traps.changed = false;
}

static void list(struct decoy *d, struct ip ip, int64_t wall)
{
    int got =
        trap_add(&d->traps, ip, wall + d->args->trap_time / 1000, SPAN_LIT("decoy-spam"), wall);

    if (got < 0)
        log_warn("trap", "client", LOG_IP(ip), "error", LOG_ERRNO(got), NULL);
    else if (d->traps.changed && !timer_running(&d->trap_timer))
        timer_start(&d->trap_timer, d->loop, DECOY_TRAP_WRITE);
}

static int read_traps(struct decoy *d, enum ip_family family)
{
    struct buf text = BUF_INIT(TRAP_FILE_MAX);
    char path[DATADIR_PATH_MAX];
    int64_t now = loop_wall();
    size_t bad = 0;
    int err = trap_path(d, family, path) ? file_read(path, &text) : -ENAMETOOLONG;

    if (err == -ENOENT)
        err = 0;
    else if (err == 0)
        err = trap_read(&d->traps, buf_span(&text), now + d->args->trap_time / 1000, now, &bad);
    if (err < 0)
        fprintf(stderr, "postern decoy: %s: %s\n", path, strerror(-err));
    buf_deinit(&text);
    return err;
}

int known_open(struct decoy *d)
{
    int err;

    timer_init(&d->trap_timer, write_traps, d);
    if (!d->args->trap_file)
        return 0;
    err = read_traps(d, IP_V4);
    err = err < 0 ? err : read_traps(d, IP_V6);
    if (err < 0)
        return err;
    /* Written at once, so that a folder that can't be written to shows at the start. */
    write_traps(d);
    return 0;
}

void known_close(struct decoy *d)
{
    if (d->args->trap_file && d->traps.changed)
        write_traps(d);
    timer_stop(&d->trap_timer);
    trap_deinit(&d->traps);
}

void known_judged(struct decoy *d, struct decoy_known *k, const struct record_message *m)
{
    bool test = m->judge->test;

    k->messages++;
    k->tests += test;
    k->spam += !test;
    log_info("message", "id", m->id, "client", LOG_IP(m->peer.client), "verdict",
             test ? "test" : "spam", "sum", LOG_NUM(m->judge->sum), "helo", LOG_SPAN(m->helo),
             "mail", LOG_SPAN(m->mail), "rcpt", LOG_SPAN(m->rcpt_shown ? m->rcpts[0] : SPAN_NULL),
             "rcpts", LOG_NUM((int64_t)m->rcpt_count), "size", LOG_NUM((int64_t)m->size),
             "delivered", "no", NULL);
    if (test)
        return;
    if (d->args->evidence && evidence_due(k->spam))
        nominate(d, k, m);
    if (d->args->trap_file)
        list(d, m->peer.client, m->peer.wall);
}
