/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A connection reads, answers, and stops reading where its answers pile up or a transfer runs; what
 * it has read by then waits in its buffer, at most one message and what came with it.
 *
 *     reading ── whole message ── answered ── reading
 *        │             └── transfer allowed ── sending ── reading
 *        └── silence, too long a message, TCP_QUEUE_MAX not taken in time ── ended
 *
 * The deadline moves with each whole message and with each message of a transfer that the peer
 * took, never with single octets: who sends one a second is silent.
 *
 * When all places are taken the connection that was quiet the longest makes room, but for one with
 * a transfer; so connections that are held open for nothing don't shut others out.
 */
#include "cmd/dns/tcp.h"

#include "base/num.h"
#include "cmd/dns/respond.h"
#include "cmd/dns/site.h"
#include "cmd/dns/transfer.h"
#include "io/batch.h"
#include "io/random.h"
#include "io/timer.h"
#include "io/wake.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { AT_ONCE = 4 /* messages of a transfer before others have their turn */ };

struct tcp_client {
    struct tcp *tcp;
    struct conn *conn;
    struct buf in;
    struct transfer *transfer;
    struct deferred more;
    uint32_t slot; /* in tcp->per_address */
    bool paused;
    struct tcp_client *prev, *next; /* by the time of the last message, the latest first */
};

struct tcp {
    struct served_door door; /* first: it is aligned */
    struct loop *loop;
    struct wake *wake;
    struct listener *listeners[BATCH_SOCKETS_MAX];
    size_t listener_count;
    struct tcp_client *first, *last;
    uint16_t per_address[TCP_CLIENT_SLOTS];
    uint64_t seed;
    struct zone_matcher *matcher;
    struct tcp_counts counts;
    struct sample_ring samples;
    struct timer drain;
    int64_t drain_ms;
    atomic_bool stop;
    bool stopping, started;
    pthread_t thread;
    uint8_t out[2 + DNS_MESSAGE_MAX];
};

/* --- the list of clients ---------------------------------------------------------------------- */

static void unlink_client(struct tcp_client *c)
{
    struct tcp *t = c->tcp;

    *(c->prev ? &c->prev->next : &t->first) = c->next;
    *(c->next ? &c->next->prev : &t->last) = c->prev;
}

static void link_first(struct tcp_client *c)
{
    struct tcp *t = c->tcp;

    c->prev = NULL;
    c->next = t->first;
    *(t->first ? &t->first->prev : &t->last) = c;
    t->first = c;
}

static void end_when_drained(struct tcp *t)
{
    if (t->stopping && t->counts.transfers == 0)
        loop_stop(t->loop);
}

static void forget(struct tcp_client *c)
{
    struct tcp *t = c->tcp;

    unlink_client(c);
    t->per_address[c->slot]--;
    t->counts.clients--;
    if (c->transfer)
        t->counts.transfers--;
    transfer_free(&c->transfer);
    loop_undefer(&c->more);
    buf_deinit(&c->in);
    free(c);
    end_when_drained(t);
}

/* --- transfers -------------------------------------------------------------------------------- */

static void read_on(struct tcp_client *c);

static void touch(struct tcp_client *c, const struct served *s)
{
    unlink_client(c);
    link_first(c);
    conn_deadline(c->conn, loop_now(c->tcp->loop) + site_tcp_idle(s->site));
}

static void end_transfer(struct tcp_client *c)
{
    loop_undefer(&c->more);
    transfer_free(&c->transfer);
    c->tcp->counts.transfers--;
    end_when_drained(c->tcp);
    read_on(c);
}

static void send_more(void *cookie)
{
    struct tcp_client *c = cookie;
    struct tcp *t = c->tcp;
    int64_t wall = loop_wall();

    for (int i = 0; i < AT_ONCE && conn_queued(c->conn) == 0; i++) {
        struct span message = transfer_next(c->transfer, wall);

        if (message.n == 0) {
            end_transfer(c);
            return;
        }
        t->counts.transfer_octets += message.n;
        if (conn_write(c->conn, message) < 0) {
            conn_abort(c->conn);
            return;
        }
        touch(c, served_enter(&t->door));
        served_leave(&t->door);
    }
    if (conn_queued(c->conn) == 0)
        loop_defer(t->loop, &c->more);
}

/* An answer that says no, where a transfer was allowed and can't be had. */
static size_t excuse(struct asked *a, struct tcp *t, const char *why, int64_t wall)
{
    struct dns_reply r;
    size_t n;

    t->counts.transfers_failed++;
    dns_reply_begin(&r, &a->q, t->out + 2, DNS_MESSAGE_MAX);
    if (a->q.tsig_at)
        dns_reply_keep(&r, dns_tsig_room(&a->tsig));
    dns_reply_rcode(&r, DNS_SERVFAIL);
    dns_reply_ede(&r, DNS_EDE_OTHER, span_str(why));
    n = dns_reply_finish(&r);
    return a->q.tsig_at ? dns_tsig_sign(&a->tsig, t->out + 2, n, DNS_MESSAGE_MAX, wall) : n;
}

static size_t begin_transfer(struct tcp_client *c, const struct served *s, const struct zone *zone,
                             struct asked *a, int64_t wall)
{
    struct tcp *t = c->tcp;

    if (t->counts.transfers >= site_transfers_max(s->site))
        return excuse(a, t, "too many transfers at a time, try again", wall);
    switch (transfer_new(s, zone, a, &c->transfer)) {
    case 0:
        break;
    case -ENODATA:
        return excuse(a, t, "this zone can't be told in records", wall);
    default:
        return excuse(a, t, "out of memory", wall);
    }
    t->counts.transfers++;
    switch (transfer_kind(c->transfer)) {
    case TRANSFER_FULL:
        t->counts.transfers_full++;
        break;
    case TRANSFER_STEPS:
        t->counts.transfers_steps++;
        break;
    case TRANSFER_SAME:
        t->counts.transfers_same++;
        break;
    }
    loop_defer(t->loop, &c->more);
    return 0;
}

/* --- questions -------------------------------------------------------------------------------- */

/* 0, "end it now" (RFC 7828 §3.4), where others wait for the place and where the end is near. */
static uint16_t keepalive(const struct tcp *t, const struct served *s)
{
    if (t->stopping || t->counts.clients >= site_tcp_clients(s->site))
        return 0;
    return (uint16_t)(site_tcp_idle(s->site) / 100);
}

static void answer(struct tcp_client *c, struct span packet)
{
    struct tcp *t = c->tcp;
    const struct served *s = served_enter(&t->door);
    struct zone_client client = {.ip = conn_peer_ip(c->conn),
                                 .tcp = true,
                                 .keepalive = keepalive(t, s),
                                 .now_wall = loop_wall(),
                                 .matcher = t->matcher};
    struct zone_outcome got;
    struct asked asked;
    size_t n = respond(s, &client, packet, t->out + 2, DNS_MESSAGE_MAX, &asked, &got);

    t->counts.queries++;
    zone_count(served_counters(s, &t->door), s->zones, &got, true);
    if (sample_due(&t->samples, site_query_log(s->site)))
        sample_put(&t->samples, &client, packet, &got);
    if (got.result == ZONE_TRANSFER)
        n = begin_transfer(c, s, got.zone, &asked, client.now_wall);
    touch(c, s);
    served_leave(&t->door);
    if (n) {
        num_put16(t->out, (uint16_t)n);
        if (conn_write(c->conn, span_of(t->out, n + 2)) < 0)
            conn_abort(c->conn);
    } else if (got.result == ZONE_DROPPED) {
        conn_abort(c->conn); /* who sends what is no question is not waited for */
    }
}

static bool must_wait(const struct tcp_client *c)
{
    return c->transfer || conn_queued(c->conn) > TCP_QUEUE_MAX / 2;
}

/* Answers what has been read; then reads on, or waits until it may. */
static void read_on(struct tcp_client *c)
{
    size_t used = 0;

    while (!must_wait(c) && c->in.n - used >= 2) {
        size_t n = num_get16((const uint8_t *)c->in.p + used);

        if (n < DNS_HEADER || n > TCP_MESSAGE_MAX) {
            conn_abort(c->conn);
            return;
        }
        if (c->in.n - used < n + 2)
            break;
        answer(c, span_of(c->in.p + used + 2, n));
        used += n + 2;
    }
    buf_consume(&c->in, used);
    if (c->in.n == 0)
        buf_shrink(&c->in);
    if (must_wait(c) != c->paused) {
        c->paused = !c->paused;
        if (c->paused)
            conn_pause(c->conn);
        else
            conn_resume(c->conn);
    }
}

static void on_data(void *cookie, struct conn *conn, struct span bytes)
{
    struct tcp_client *c = cookie;

    buf_add(&c->in, bytes);
    if (c->in.err)
        conn_abort(conn);
    else
        read_on(c);
}

static void on_drained(void *cookie, struct conn *conn)
{
    struct tcp_client *c = cookie;

    if (c->transfer)
        send_more(c);
    else
        read_on(c);
}

static void on_closed(void *cookie, struct conn *conn, const struct conn_end *end)
{
    forget(cookie);
}

static const struct conn_events events = {
    .data = on_data,
    .drained = on_drained,
    .closed = on_closed,
};

/* --- connections ------------------------------------------------------------------------------ */

/* Somebody without a transfer who was quiet the longest. */
static bool push_one_out(struct tcp *t)
{
    for (struct tcp_client *c = t->last; c; c = c->prev)
        if (!c->transfer) {
            conn_drop(&c->conn);
            forget(c);
            t->counts.pushed_out++;
            return true;
        }
    return false;
}

static void on_client(void *cookie, struct listener *li, struct conn *conn)
{
    struct tcp *t = cookie;
    const struct served *s = served_enter(&t->door);
    unsigned all = site_tcp_clients(s->site), one = site_tcp_per_client(s->site);
    int64_t idle = site_tcp_idle(s->site);
    struct ip ip = conn_peer_ip(conn);
    uint32_t slot;
    struct tcp_client *c;

    served_leave(&t->door);
    slot = ip_hash(ip_prefix_of(ip, ip.family == IP_V6 ? 64 : 32).ip, t->seed) % TCP_CLIENT_SLOTS;
    if (t->per_address[slot] >= one || (t->counts.clients >= all && !push_one_out(t)) ||
        !(c = calloc(1, sizeof(*c)))) {
        t->counts.turned_away++;
        conn_drop(&conn);
        return;
    }
    c->tcp = t;
    c->conn = conn;
    c->slot = slot;
    c->more = (struct deferred)DEFERRED(send_more, c);
    /* One message that is not whole yet, and what one read brings behind it. */
    buf_init(&c->in, 4 * (TCP_MESSAGE_MAX + 2) + (1 << 16));
    link_first(c);
    t->per_address[slot]++;
    t->counts.clients++;
    t->counts.taken++;
    conn_queue_limit(conn, TCP_QUEUE_MAX + DNS_MESSAGE_MAX);
    conn_deadline(conn, loop_now(t->loop) + idle);
    conn_own(conn, &events, c);
}

/* --- the thread ------------------------------------------------------------------------------- */

static void on_drain_over(void *cookie)
{
    struct tcp *t = cookie;

    loop_stop(t->loop);
}

static void on_wake(void *cookie)
{
    struct tcp *t = cookie;

    if (!atomic_load(&t->stop) || t->stopping)
        return;
    t->stopping = true;
    for (size_t i = 0; i < t->listener_count; i++)
        listener_free(&t->listeners[i]);
    timer_init(&t->drain, on_drain_over, t);
    timer_start(&t->drain, t->loop, t->drain_ms);
    end_when_drained(t);
}

static int set_up(struct tcp *t, const int *fds, size_t count, char err[LISTEN_ERROR_MAX])
{
    int r = random_bytes(&t->seed, sizeof(t->seed));

    snprintf(err, LISTEN_ERROR_MAX, "out of memory or file descriptors");
    if (r == 0)
        r = loop_new(&t->loop);
    if (r == 0)
        r = wake_new(t->loop, on_wake, t, &t->wake);
    if (r == 0)
        r = zone_matcher_new(&t->matcher);
    return r;
}

int tcp_new(struct served_slot *slot, const int *fds, size_t count, struct tcp **ret,
            char err[LISTEN_ERROR_MAX])
{
    struct tcp *t = aligned_alloc(_Alignof(struct tcp), sizeof(*t));
    int r = t ? 0 : -ENOMEM;

    if (t) {
        memset(t, 0, sizeof(*t));
        r = set_up(t, fds, count, err);
    }
    for (size_t i = 0; i < count; i++) {
        if (r == 0)
            r = listener_take(t->loop, fds[i], on_client, t, &t->listeners[t->listener_count++],
                              err);
        else
            close(fds[i]);
    }
    if (r < 0) {
        tcp_free(&t);
        return r;
    }
    served_door_open(slot, &t->door);
    *ret = t;
    return 0;
}

/* With their transfers, which hold what is served. */
static void drop_all(struct tcp *t)
{
    t->stopping = false;
    while (t->first) {
        struct tcp_client *c = t->first;

        conn_drop(&c->conn);
        forget(c);
    }
}

static void *work(void *cookie)
{
    struct tcp *t = cookie;

    loop_run(t->loop);
    return NULL;
}

int tcp_start(struct tcp *t)
{
    sigset_t all, old;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    r = pthread_create(&t->thread, NULL, work, t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    t->started = r == 0;
    return -r;
}

void tcp_stop(struct tcp *t, int64_t drain_ms)
{
    if (!t->started)
        return;
    t->drain_ms = drain_ms;
    atomic_store(&t->stop, true);
    wake_call(t->wake);
    pthread_join(t->thread, NULL);
    t->started = false;
    drop_all(t);
}

void tcp_free(struct tcp **pt)
{
    struct tcp *t = *pt;

    *pt = NULL;
    if (!t)
        return;
    drop_all(t);
    timer_stop(&t->drain);
    for (size_t i = 0; i < t->listener_count; i++)
        listener_free(&t->listeners[i]);
    wake_free(&t->wake);
    loop_free(&t->loop);
    zone_matcher_free(t->matcher);
    free(t);
}

const struct tcp_counts *tcp_counts(const struct tcp *t)
{
    return &t->counts;
}

struct sample_ring *tcp_samples(struct tcp *t)
{
    return &t->samples;
}
