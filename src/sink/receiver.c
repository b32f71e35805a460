/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listeners, the list of sessions, the way down. Clients over the limits are let in to be told
 * 421, since a connection that is merely dropped is tried again at once; far over them they wait
 * in the kernel's queue.
 */
#include "sink/receiver_priv.h"

#include <errno.h>
#include <stdlib.h>

enum {
    WAIT_MESSAGE = 600000,
    WAIT_SESSION = 1800000,
    JUNK = 100,
    COMMANDS = 10000,
    TOLD_MORE = 100, /* clients over the limit that are told so at a time */
};

const char *receiver_trouble_name(enum receiver_trouble trouble)
{
    static const char *const names[] = {
        [RECEIVER_STORE] = "store",
        [RECEIVER_DISK] = "disk",
        [RECEIVER_MEMORY] = "memory",
        [RECEIVER_CROWD] = "crowd",
    };

    return names[trouble];
}

void receiver_tell(struct receiver *r, enum receiver_trouble trouble, struct ip peer, int err)
{
    if (r->ev.trouble)
        r->ev.trouble(r->cookie, trouble, peer, err);
}

static void set_defaults(struct receiver_config *c)
{
    c->size_max = c->size_max ? c->size_max : RECEIVER_SIZE;
    c->clients = c->clients ? c->clients : RECEIVER_CLIENTS;
    c->at_once = c->at_once ? c->at_once : RECEIVER_AT_ONCE;
    c->per_minute = c->per_minute ? c->per_minute : RECEIVER_PER_MINUTE;
    c->age_days = c->age_days ? c->age_days : RECEIVER_AGE;
    c->idle = c->idle ? c->idle : RECEIVER_IDLE;
}

static struct smtp_server_config smtp_config(const struct receiver_config *c)
{
    unsigned ext = SMTP_EXT_PIPELINING | SMTP_EXT_SIZE | SMTP_EXT_8BITMIME | SMTP_EXT_SMTPUTF8 |
                   SMTP_EXT_CHUNKING | SMTP_EXT_ENHANCED;

    /* Evidence is taken as it comes: any path, any line end, anything out of turn. */
    return (struct smtp_server_config){
        .name = c->name,
        .software = "Postern sink: takes probes of relay tests only",
        .help = "This server takes probes of relay tests only.\nIt relays for nobody.",
        .ext = ext | (c->tls ? SMTP_EXT_STARTTLS : 0),
        .any_path = true,
        .lf_commands = true,
        .size_max = c->size_max,
        .rcpt_max = RECEIVER_RCPTS,
        .error_max = RECEIVER_ERRORS,
        .junk_max = JUNK,
        .command_max = COMMANDS,
        .wait_command = c->idle,
        .wait_chunk = c->idle,
        .wait_message = WAIT_MESSAGE,
        .wait_session = WAIT_SESSION,
    };
}

static void check_stopped(struct receiver *r)
{
    if (r->stopping && !r->sessions)
        loop_defer(r->loop, &r->stopped);
}

static void on_stopped(void *cookie)
{
    struct receiver *r = cookie;

    timer_stop(&r->stop_timer);
    if (r->ev.stopped)
        r->ev.stopped(r->cookie);
}

static void on_stop_time(void *cookie)
{
    struct receiver *r = cookie;

    for (struct session *s = r->sessions; s; s = s->next)
        session_stop(s, true);
}

int receiver_new(struct loop *l, const struct receiver_events *ev, void *cookie,
                 struct receiver **ret)
{
    struct receiver *r = calloc(1, sizeof(*r));
    struct rate *rate = calloc(1, sizeof(*rate));

    if (!r || !rate) {
        free(r);
        free(rate);
        return -ENOMEM;
    }
    r->loop = l;
    r->ev = *ev;
    r->cookie = cookie;
    r->rate = rate;
    timer_init(&r->stop_timer, on_stop_time, r);
    r->stopped = (struct deferred)DEFERRED(on_stopped, r);
    *ret = r;
    return 0;
}

static void resume_listeners(struct receiver *r)
{
    for (size_t i = 0; i < r->listener_count; i++)
        listener_resume(r->listeners[i]);
}

void receiver_start(struct receiver *r, const struct receiver_config *config)
{
    r->config = *config;
    set_defaults(&r->config);
    r->smtp = smtp_config(&r->config);
    r->rate->at_once = r->config.at_once;
    r->rate->per_minute = r->config.per_minute;
    resume_listeners(r);
}

static void pause_listeners(struct receiver *r)
{
    for (size_t i = 0; i < r->listener_count; i++)
        listener_pause(r->listeners[i]);
}

static void on_accept(void *cookie, struct listener *li, struct conn *c)
{
    struct receiver *r = cookie;

    if (r->stopping) {
        conn_drop(&c);
        return;
    }
    session_open(r, c);
    if (r->counts.clients >= r->config.clients + TOLD_MORE)
        pause_listeners(r);
}

void receiver_left(struct receiver *r, struct session *s)
{
    if (s->prev)
        s->prev->next = s->next;
    else
        r->sessions = s->next;
    if (s->next)
        s->next->prev = s->prev;
    if (s->client)
        rate_leave(r->rate, s->client, loop_now(r->loop));
    if (r->counts.clients-- >= r->config.clients + TOLD_MORE)
        resume_listeners(r);
    check_stopped(r);
}

static bool has_room(const struct receiver *r, char err[LISTEN_ERROR_MAX])
{
    if (r->listener_count < RECEIVER_LISTENERS)
        return true;
    span_copy(SPAN_LIT("too many places to listen on"), err, LISTEN_ERROR_MAX);
    return false;
}

static void keep_listener(struct receiver *r, struct listener *li)
{
    listener_pause(li);
    r->listeners[r->listener_count++] = li;
}

int receiver_listen(struct receiver *r, const struct listen_place *at, char err[LISTEN_ERROR_MAX])
{
    struct listener *li = NULL;
    int got = has_room(r, err) ? 0 : -E2BIG;

    if (got == 0)
        got = listener_open(r->loop, at, on_accept, r, &li, err);
    if (got == 0)
        keep_listener(r, li);
    return got;
}

int receiver_inherit(struct receiver *r, unsigned index, char err[LISTEN_ERROR_MAX])
{
    struct listener *li = NULL;
    int got = has_room(r, err) ? 0 : -E2BIG;

    if (got == 0)
        got = listener_inherit(r->loop, index, on_accept, r, &li, err);
    if (got == 0)
        keep_listener(r, li);
    return got;
}

size_t receiver_places(const struct receiver *r, struct listen_place *ret, size_t max)
{
    for (size_t i = 0; i < r->listener_count && i < max; i++)
        ret[i] = listener_place(r->listeners[i]);
    return r->listener_count;
}

struct receiver_counts receiver_counts(const struct receiver *r)
{
    return r->counts;
}

static void free_listeners(struct receiver *r)
{
    while (r->listener_count)
        listener_free(&r->listeners[--r->listener_count]);
}

void receiver_stop(struct receiver *r)
{
    struct session *next;

    if (r->stopping)
        return;
    r->stopping = true;
    free_listeners(r);
    for (struct session *s = r->sessions; s; s = next) {
        next = s->next;
        session_stop(s, false);
    }
    timer_start(&r->stop_timer, r->loop, RECEIVER_STOP_MS);
    check_stopped(r);
}

void receiver_free(struct receiver **r)
{
    struct receiver *gone = *r;

    if (!gone)
        return;
    *r = NULL;
    free_listeners(gone);
    gone->stopping = false;
    while (gone->sessions)
        session_free(gone->sessions);
    timer_stop(&gone->stop_timer);
    loop_undefer(&gone->stopped);
    free(gone->rate);
    free(gone);
}
