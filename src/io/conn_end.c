/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a connection ends. All ends meet in conn_end(): it notes the reason once and defers `closed`,
 * so that no owner is ever called from inside its own call, and a connection that fails in
 * conn_connect() ends by the same path as one that fails after an hour.
 *
 * The struct goes when two are done with it: libuv (its close callback) and the owner (`closed`
 * returned, or conn_drop()). After any callback the struct is therefore still there to be looked
 * at, because libuv's close callback comes from the loop only.
 *
 * A connection that we close in order while the peer still sends is not closed at the socket at
 * once: the kernel would answer the peer's bytes with a reset, which can overtake our last reply.
 * It lingers without an owner, half closed, its input thrown away, for LINGER_AFTER at most, and
 * keeps no loop running.
 */
#include "io/conn_priv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    LINGER_AFTER = 2000, /* ms that a closed connection waits for the peer's end */
    LINGER_SWEEP = 250,  /* ms between looks at those that linger */
};

static const char *const reason_names[] = {
    [CONN_LOCAL] = "closed here",      [CONN_EOF] = "closed by peer",
    [CONN_RESET] = "reset by peer",    [CONN_REFUSED] = "refused",
    [CONN_TIMEOUT] = "timeout",        [CONN_UNREACHABLE] = "unreachable",
    [CONN_TLS_FAILED] = "TLS failure", [CONN_OUR_FAULT] = "out of resources",
};

const char *conn_reason_name(enum conn_reason r)
{
    return reason_names[r];
}

static void conn_release(struct conn *c)
{
    if (!c->uv_gone || !c->owner_gone)
        return;
    assert(!c->flying && !timer_running(&c->timer) && !c->later.next);
    conn_write_free(c);
    conn_tls_free(c);
    free(c->text);
    free(c);
}

static void on_uv_closed(uv_handle_t *h)
{
    struct conn *c = h->data;

    c->uv_gone = true;
    conn_release(c);
}

static void unlinger(struct conn *c)
{
    if (!c->lingering.next)
        return;
    c->lingering.prev->next = c->lingering.next;
    c->lingering.next->prev = c->lingering.prev;
    c->lingering.prev = c->lingering.next = NULL;
}

void conn_uv_end(struct conn *c)
{
    unlinger(c);
    c->reading = false;
    if (!uv_is_closing((uv_handle_t *)&c->tcp))
        uv_close((uv_handle_t *)&c->tcp, on_uv_closed);
}

static void on_sweep(uv_timer_t *sweeper)
{
    struct loop *l = sweeper->loop->data;
    struct loop_list *head = &l->lingering;

    while (head->next != head) {
        struct conn *c =
            (struct conn *)(void *)((char *)head->next - offsetof(struct conn, lingering));

        if (c->linger_by > loop_now(l))
            break; /* they stand in the order of their ends */
        conn_uv_end(c);
    }
    if (head->next == head)
        uv_timer_stop(sweeper);
}

/* Half closes and leaves the rest to the sweeper; false when that is not worth it. */
static bool linger(struct conn *c)
{
    struct loop *l = c->loop;
    uv_os_fd_t fd;

    if (c->reason != CONN_LOCAL || c->peer_eof || c->write_broken || c->flying || c->queue.n ||
        uv_fileno((uv_handle_t *)&c->tcp, &fd) < 0 || shutdown(fd, SHUT_WR) < 0)
        return false;
    c->linger_by = loop_now(l) + LINGER_AFTER;
    c->lingering.prev = l->lingering.prev;
    c->lingering.next = &l->lingering;
    c->lingering.prev->next = c->lingering.next->prev = &c->lingering;
    uv_unref((uv_handle_t *)&c->tcp);
    if (!uv_is_active((uv_handle_t *)&l->sweeper))
        uv_timer_start(&l->sweeper, on_sweep, LINGER_SWEEP, LINGER_SWEEP);
    c->paused = false;
    conn_start_reading(c);
    return c->reading;
}

static void tell_closed(struct conn *c)
{
    struct conn_end end = {
        .reason = (enum conn_reason)c->reason,
        .err = c->err,
        .text = c->text  ? c->text
                : c->err ? strerror(-c->err)
                         : reason_names[c->reason],
        .connected = c->connected,
        .secured = c->secured,
    };

    if (c->ev)
        c->ev->closed(c->cookie, c, &end);
    c->ev = NULL;
    c->owner_gone = true;
    conn_release(c);
}

void conn_end(struct conn *c, enum conn_reason reason, int err, const char *text)
{
    if (c->state == CONN_ENDED)
        return;
    if (c->state == CONN_CLOSING)
        reason = (enum conn_reason)c->reason; /* the end was decided before this came */
    c->state = CONN_ENDED;
    c->reason = (uint8_t)reason;
    c->err = reason == CONN_LOCAL || reason == CONN_EOF ? 0 : err;
    if (text && reason != CONN_LOCAL)
        c->text = strdup(text);
    timer_stop(&c->timer);
    loop_defer(c->loop, &c->later); /* reads on until then, for nobody: it may linger */
}

void conn_finish(struct conn *c)
{
    conn_end(c, (enum conn_reason)c->reason, 0, NULL);
}

void conn_on_later(void *cookie)
{
    struct conn *c = cookie;

    if (c->state != CONN_ENDED) {
        conn_tls_resume(c);
        return;
    }
    if (!linger(c))
        conn_uv_end(c);
    tell_closed(c);
}

/* Sends what is queued, then ends for the reason given. */
void conn_begin_close(struct conn *c, enum conn_reason reason)
{
    if (c->state == CONN_CONNECTING) {
        conn_end(c, reason, 0, NULL);
        return;
    }
    if (c->state != CONN_OPEN)
        return;
    conn_tls_shutdown(c);
    if (c->state != CONN_OPEN)
        return;
    c->state = CONN_CLOSING;
    c->reason = (uint8_t)reason;
    if (!conn_queued(c)) {
        conn_finish(c);
        return;
    }
    c->linger_by = loop_now(c->loop) + CONN_LINGER;
    conn_arm(c);
}

void conn_close(struct conn *c)
{
    conn_begin_close(c, CONN_LOCAL);
}

void conn_abort(struct conn *c)
{
    if (c->state == CONN_ENDED)
        return;
    c->write_broken = true; /* nothing to linger for */
    c->reason = CONN_LOCAL; /* also where conn_close() or the peer's end came first */
    conn_end(c, CONN_LOCAL, 0, NULL);
}

void conn_drop(struct conn **pc)
{
    struct conn *c = *pc;

    if (!c)
        return;
    *pc = NULL;
    c->state = CONN_ENDED;
    c->ev = NULL;
    timer_stop(&c->timer);
    loop_undefer(&c->later);
    c->owner_gone = true;
    conn_uv_end(c);
}

void conn_drop_handle(struct loop_handle *h)
{
    struct conn *c = (struct conn *)(void *)h;

    conn_drop(&c);
}
