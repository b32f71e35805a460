/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Places where mail may still come in. Without --wait an IMAP mailbox is read once; with it, IMAP
 * and Maildirs are watched until something is proved or the time is over.
 */
#include "cmd/prove/prove.h"

#include "io/imap.h"
#include "io/maildir.h"
#include "io/timer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { POLL_MS = 500 };

struct watch {
    struct prove *p;
    struct loop *loop;
    struct imap *imap;
    struct maildir **boxes;
    char **names;
    size_t count;
    struct timer poll, end;
};

static void stop_on(struct watch *w, int rc)
{
    if (rc < 0 && !w->p->status)
        w->p->status = rc == -ENOMEM ? EX_OSERR : view_store_error(w->p->program, w->p->store, rc);
    if (prove_flush(w->p) || w->p->status || w->p->proved)
        loop_stop(w->loop);
}

/* ---- Maildirs ---- */

struct box {
    struct watch *w;
    const char *name;
    bool judged; /* the failure, if any, is not the Maildir's */
};

static int on_maildir(void *ctx, const char *file, struct span text, bool cut, int64_t wall)
{
    struct box *box = ctx;
    struct buf where = BUF_INIT(8192);
    int rc;

    buf_addf(&where, "%s/%s", box->name, file);
    rc = where.err ? where.err
                   : judge(box->w->p, &(struct source_message){.where = buf_str(&where),
                                                               .text = text,
                                                               .cut = cut,
                                                               .wall = wall,
                                                               .source = STORE_SOURCE_MAILDIR});
    buf_deinit(&where);
    box->judged = rc < 0;
    return rc;
}

static void on_poll(void *cookie)
{
    struct watch *w = cookie;

    for (size_t i = 0; i < w->count && !w->p->status; i++) {
        struct box box = {.w = w, .name = w->names[i]};
        int rc = maildir_poll(w->boxes[i], on_maildir, &box);

        if (rc < 0 && !box.judged) {
            fprintf(stderr, "%s: %s: %s\n", w->p->program, box.name, strerror(-rc));
            w->p->status = EX_NOINPUT;
        }
        stop_on(w, box.judged ? rc : 0);
    }
    timer_start(&w->poll, w->loop, POLL_MS);
}

static int open_boxes(struct watch *w, char **files, int count)
{
    char err[MAILDIR_ERROR_MAX];

    w->boxes = calloc((size_t)count + 1, sizeof(*w->boxes));
    w->names = files;
    if (!w->boxes)
        return EX_OSERR;
    for (int i = 0; i < count; i++) {
        if (maildir_open(files[i], loop_wall() - w->p->args.since / 1000, &w->boxes[w->count],
                         err) < 0) {
            fprintf(stderr, "%s: %s\n", w->p->program, err);
            return EX_NOINPUT;
        }
        w->count++;
    }
    return 0;
}

/* ---- IMAP ---- */

static bool wanted(const void *ctx, struct span header)
{
    return arrival_wanted(ctx, header);
}

static void on_message(void *cookie, uint32_t uid, struct span text, bool cut)
{
    struct watch *w = cookie;
    struct buf where = BUF_INIT(8192);

    buf_addf(&where, "%s UID %u", w->p->args.imap, uid);
    stop_on(w, judge(w->p, &(struct source_message){.where = buf_str(&where),
                                                    .text = text,
                                                    .cut = cut,
                                                    .source = STORE_SOURCE_IMAP}));
    buf_deinit(&where);
}

static void on_idle(void *cookie)
{
    struct watch *w = cookie;

    if (w->p->args.wait == 0)
        loop_stop(w->loop);
}

static void on_trouble(void *cookie, const char *why, int64_t again_ms)
{
    struct watch *w = cookie;
    bool last = again_ms == 0 || w->p->args.wait == 0;

    fprintf(stderr, "%s: %s: %s%s\n", w->p->program, w->p->args.imap, why,
            last ? "" : "; trying again");
    if (last) {
        w->p->status = again_ms == 0 ? EX_NOINPUT : EX_TEMPFAIL;
        loop_stop(w->loop);
    }
}

static int open_imap(struct watch *w)
{
    static const struct imap_events events = {
        .message = on_message, .idle = on_idle, .trouble = on_trouble};
    const struct args *args = &w->p->args;
    struct buf password = BUF_INIT(4096);
    char err[IMAP_ERROR_MAX] = "";
    struct imap_config config = {.url = args->imap,
                                 .user = args->imap_user,
                                 .ca_file = args->imap_ca_file,
                                 .plain = args->imap_plain,
                                 .since_wall = loop_wall() - args->since / 1000,
                                 .interval_ms = 2000,
                                 .wanted = wanted,
                                 .wanted_ctx = w->p->key};
    int rc = imap_password(args->imap_password_file, &password, err);

    config.password = password.n ? buf_str(&password) : NULL;
    if (!rc)
        rc = imap_new(w->loop, &config, &events, w, &w->imap, err);
    if (password.p)
        explicit_bzero(password.p, password.n);
    buf_deinit(&password);
    if (!rc)
        return 0;
    fprintf(stderr, "%s: --imap: %s\n", w->p->program, err);
    return rc == -EINVAL ? EX_USAGE : EX_NOINPUT;
}

static void on_end(void *cookie)
{
    loop_stop(((struct watch *)cookie)->loop);
}

static void on_signal(void *cookie, int signum)
{
    loop_stop(((struct watch *)cookie)->loop);
}

int watch(struct prove *p, char **files, int count)
{
    struct watch w = {.p = p};
    int status = loop_new(&w.loop) < 0 ? EX_OSERR : 0;

    timer_init(&w.poll, on_poll, &w);
    timer_init(&w.end, on_end, &w);
    if (!status)
        status = open_boxes(&w, files, count);
    if (!status && p->args.imap)
        status = open_imap(&w);
    if (!status) {
        loop_signal(w.loop, SIGINT, on_signal, &w);
        loop_signal(w.loop, SIGTERM, on_signal, &w);
        if (w.count)
            timer_start(&w.poll, w.loop, 0);
        if (p->args.wait)
            timer_start(&w.end, w.loop, p->args.wait);
        loop_run(w.loop);
        status = p->status;
    }
    imap_free(&w.imap);
    for (size_t i = 0; i < w.count; i++)
        maildir_close(&w.boxes[i]);
    free(w.boxes);
    loop_free(&w.loop);
    return status;
}
