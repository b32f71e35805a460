/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A thread of its own instead of libuv's pool: a round may wait for minutes on a slow server, and
 * the pool also serves look-ups of others. Thread and loop share one struct under one lock: the
 * round that is done and not yet told. The thread starts no new round before the last was told, so
 * a slow loop holds at most one round's messages.
 *
 * Only the thread touches the session, only the loop touches the callbacks. `wanted` is the one
 * exception, and the header says so.
 */
#include "io/imap.h"

#include "io/imap_session.h"
#include "io/loop_uv.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BACKOFF_FIRST = 2000 };

struct imap {
    struct loop_handle handle; /* first: the async's data */
    uv_async_t async;
    uv_thread_t thread;
    struct imap_setup setup;
    struct imap_session *session;
    struct imap_events events;
    void *cookie;
    int64_t interval_ms, backoff_ms;
    atomic_bool stop;
    uv_mutex_t lock;
    uv_cond_t turn;
    bool told;               /* the loop has taken the last round */
    struct imap_round round; /* the thread's until told is false, then the loop's */
    int64_t again_ms;        /* until the next round, when this one is not the last */
};

static void free_found(struct imap_round *r)
{
    while (r->found) {
        struct imap_found *f = r->found;

        r->found = f->next;
        free(f);
    }
}

/* How long to wait after a round; -1: there is no use in another. */
static int64_t next_in(struct imap *i)
{
    switch (i->round.fault) {
    case IMAP_FINE:
        i->backoff_ms = 0;
        return i->round.more ? 0 : i->interval_ms;
    case IMAP_AGAIN:
        i->backoff_ms = i->backoff_ms ? 2 * i->backoff_ms : BACKOFF_FIRST;
        if (i->backoff_ms > IMAP_BACKOFF_MAX)
            i->backoff_ms = IMAP_BACKOFF_MAX;
        return i->backoff_ms;
    case IMAP_HOPELESS:
    case IMAP_STOPPED:
        break;
    }
    return -1;
}

/* Under the lock: until the loop has taken the round and the time is over, or we are to stop. */
static void rest(struct imap *i, int64_t ms)
{
    uint64_t until = uv_hrtime() + (uint64_t)ms * 1000000, now;

    while (!i->told && !atomic_load(&i->stop))
        uv_cond_wait(&i->turn, &i->lock);
    while (!atomic_load(&i->stop) && (now = uv_hrtime()) < until)
        uv_cond_timedwait(&i->turn, &i->lock, until - now);
}

static void work(void *arg)
{
    struct imap *i = arg;
    int64_t wait = 0;

    while (wait >= 0 && !atomic_load(&i->stop)) {
        struct imap_round round;

        imap_session_round(i->session, &round);
        uv_mutex_lock(&i->lock);
        i->round = round;
        i->again_ms = wait = next_in(i);
        i->told = false;
        uv_async_send(&i->async);
        if (wait >= 0)
            rest(i, wait);
        uv_mutex_unlock(&i->lock);
    }
}

/* On the loop: takes the round over and tells it. */
static void on_async(uv_async_t *async)
{
    struct imap *i = (struct imap *)async->data;
    struct imap_round round;
    int64_t again;

    uv_mutex_lock(&i->lock);
    if (i->told) {
        uv_mutex_unlock(&i->lock);
        return;
    }
    round = i->round;
    again = i->again_ms;
    i->round = (struct imap_round){0};
    uv_mutex_unlock(&i->lock);

    for (struct imap_found *f = round.found; f; f = f->next)
        if (i->events.message)
            i->events.message(i->cookie, f->uid, span_of(f->bytes, f->n), f->cut);
    if (round.fault == IMAP_FINE && i->events.round)
        i->events.round(i->cookie, round.count);
    if (round.fault == IMAP_FINE && !round.more && i->events.idle)
        i->events.idle(i->cookie);
    if ((round.fault == IMAP_AGAIN || round.fault == IMAP_HOPELESS) && i->events.trouble)
        i->events.trouble(i->cookie, round.why, again < 0 ? 0 : again);
    free_found(&round);

    uv_mutex_lock(&i->lock);
    i->told = true;
    uv_cond_signal(&i->turn);
    uv_mutex_unlock(&i->lock);
    if (again < 0)
        uv_unref((uv_handle_t *)async); /* nothing more will come: this keeps no loop running */
}

static void on_closed(uv_handle_t *h)
{
    struct imap *i = h->data;

    uv_cond_destroy(&i->turn);
    uv_mutex_destroy(&i->lock);
    free(i);
}

static void drop(struct loop_handle *h)
{
    struct imap *i = (struct imap *)h;

    if (uv_is_closing((uv_handle_t *)&i->async))
        return;
    uv_mutex_lock(&i->lock);
    atomic_store(&i->stop, true);
    uv_cond_signal(&i->turn);
    uv_mutex_unlock(&i->lock);
    uv_thread_join(&i->thread);
    free_found(&i->round);
    imap_session_free(&i->session);
    imap_setup_deinit(&i->setup);
    uv_close((uv_handle_t *)&i->async, on_closed);
}

static int fail(struct imap *i, char err[IMAP_ERROR_MAX], int rc)
{
    imap_session_free(&i->session);
    imap_setup_deinit(&i->setup);
    free(i);
    if (rc != -EINVAL)
        snprintf(err, IMAP_ERROR_MAX, "%s", strerror(-rc));
    return rc;
}

int imap_new(struct loop *l, const struct imap_config *config, const struct imap_events *events,
             void *cookie, struct imap **ret, char err[IMAP_ERROR_MAX])
{
    struct imap *i;
    int rc;

    *ret = NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(i = calloc(1, sizeof(*i)))) {
        snprintf(err, IMAP_ERROR_MAX, "out of memory");
        return -ENOMEM;
    }
    i->handle.drop = drop;
    i->events = *events;
    i->cookie = cookie;
    i->interval_ms = config->interval_ms ? config->interval_ms : IMAP_INTERVAL;
    i->told = true;
    rc = imap_setup_init(&i->setup, config, err);
    if (!rc)
        rc = imap_session_new(&i->setup, &i->stop, &i->session);
    if (rc)
        return fail(i, err, rc);
    if (uv_mutex_init(&i->lock) < 0 || uv_cond_init(&i->turn) < 0)
        return fail(i, err, -ENOMEM);
    rc = uv_async_init(loop_uv(l), &i->async, on_async);
    if (rc < 0)
        return fail(i, err, rc);
    i->async.data = &i->handle;
    rc = uv_thread_create(&i->thread, work, i);
    if (rc < 0) {
        uv_close((uv_handle_t *)&i->async, on_closed);
        imap_session_free(&i->session);
        imap_setup_deinit(&i->setup);
        snprintf(err, IMAP_ERROR_MAX, "%s", strerror(-rc));
        return rc;
    }
    *ret = i;
    return 0;
}

void imap_free(struct imap **i)
{
    if (*i)
        drop(&(*i)->handle);
    *i = NULL;
}
