/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a model relays goes by SMTP to the one place that the range was given, from the model's own
 * address, so that the sink sees the model as the host that delivered it. Lock-step, one message a
 * connection: a range has no hurry. A few tries, then the message is dropped and the log says so;
 * nothing is ever bounced from here, since a bounce that fails would bounce again.
 */
#include "cmd/range/range.h"

#include <stdlib.h>
#include <string.h>

#include "io/log.h"
#include "smtp/client.h"
#include "smtp/dot.h"

enum {
    WAIT_CONNECT = 5000, /* ms */
    WAIT_REPLY = 30000,
};

struct sending {
    struct sending *prev, *next;
    struct parcel *parcel;
    struct conn *conn;
    struct smtp_client client;
    struct span rest; /* recipients that were not said yet */
    unsigned taken;   /* recipients that the sink took */
    bool delivered;   /* the sink took the message */
    bool refused;     /* it said no for good: no further try */
};

static void start_next(struct range *r);

struct parcel *parcel_new(const struct post *post, struct span sender)
{
    struct parcel *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->post = post;
    p->range = post->range;
    p->older = p->range->newest;
    if (p->older)
        p->older->newer = p;
    p->range->newest = p;
    p->sender = span_dup(sender);
    buf_init(&p->rcpts, (size_t)RANGE_RCPTS_MAX * ADDRESS_MAX);
    buf_init(&p->text, RANGE_MESSAGE_MAX + 8192);
    if (!p->sender) {
        parcel_free(p);
        return NULL;
    }
    return p;
}

void parcel_free(struct parcel *p)
{
    if (!p)
        return;
    if (p->newer)
        p->newer->older = p->older;
    else
        p->range->newest = p->older;
    if (p->older)
        p->older->newer = p->newer;
    timer_stop(&p->timer);
    buf_deinit(&p->rcpts);
    buf_deinit(&p->text);
    free(p->sender);
    free(p);
}

bool parcel_room(const struct range *r)
{
    /* A message may become a relayed one and a bounce. */
    return r->parcels + 2 <= RANGE_PARCELS_MAX && r->bytes <= RANGE_BYTES_MAX;
}

/* A parcel that was posted is delivered or given up. */
static void parcel_done(struct parcel *p)
{
    p->range->parcels--;
    p->range->bytes -= p->text.n;
    parcel_free(p);
}

/* --- the dialogue ----------------------------------------------------------------------------- */

static void flush(struct sending *s)
{
    if (s->client.out.err || conn_write(s->conn, buf_span(&s->client.out)) < 0) {
        conn_abort(s->conn);
        return;
    }
    smtp_client_flushed(&s->client);
    conn_deadline(s->conn, loop_now(s->parcel->range->loop) + WAIT_REPLY);
}

static void say(struct sending *s, enum smtp_stage stage, const char *verb, struct span what,
                const char *end)
{
    struct buf line = BUF_INIT(SMTP_COMMAND_TAKEN);

    buf_add_str(&line, verb);
    buf_add(&line, what);
    buf_add_str(&line, end);
    if (line.err || smtp_client_send(&s->client, stage, 0, buf_span(&line),
                                     loop_now(s->parcel->range->loop)) < 0)
        conn_abort(s->conn);
    else
        flush(s);
    buf_deinit(&line);
}

static void quit(struct sending *s)
{
    say(s, SMTP_STAGE_QUIT, "QUIT", SPAN_NULL, "");
}

static void next_rcpt(struct sending *s)
{
    struct span rcpt;

    if (span_word(&s->rest, &rcpt))
        say(s, SMTP_STAGE_RCPT, "RCPT TO:<", rcpt, ">");
    else if (s->taken)
        say(s, SMTP_STAGE_DATA, "DATA", SPAN_NULL, "");
    else
        quit(s);
}

static void send_body(struct sending *s)
{
    struct buf wire = BUF_INIT(3 * RANGE_MESSAGE_MAX);
    struct smtp_dot_out dots = {0};

    smtp_dot_write(&dots, buf_span(&s->parcel->text), &wire);
    smtp_dot_close(&dots, &wire);
    if (wire.err || smtp_client_send_raw(&s->client, SMTP_STAGE_BODY, 0, buf_span(&wire),
                                         loop_now(s->parcel->range->loop)) < 0)
        conn_abort(s->conn);
    else
        flush(s);
    buf_deinit(&wire);
}

static void answered(struct sending *s, enum smtp_stage stage, const struct smtp_reply *r)
{
    struct span host = span_str(s->parcel->post->host);
    bool yes = r->code < 400;

    if (r->code >= 500 && stage != SMTP_STAGE_EHLO && stage != SMTP_STAGE_RCPT)
        s->refused = true;
    if (!yes && stage == SMTP_STAGE_EHLO) {
        say(s, SMTP_STAGE_HELO, "HELO ", host, "");
    } else if (!yes && stage != SMTP_STAGE_RCPT) {
        quit(s);
    } else if (stage == SMTP_STAGE_BANNER) {
        say(s, SMTP_STAGE_EHLO, "EHLO ", host, "");
    } else if (stage == SMTP_STAGE_EHLO || stage == SMTP_STAGE_HELO) {
        say(s, SMTP_STAGE_MAIL, "MAIL FROM:<", span_str(s->parcel->sender), ">");
    } else if (stage == SMTP_STAGE_MAIL || stage == SMTP_STAGE_RCPT) {
        s->taken += stage == SMTP_STAGE_RCPT && yes;
        next_rcpt(s);
    } else if (stage == SMTP_STAGE_DATA) {
        send_body(s);
    } else if (stage == SMTP_STAGE_BODY) {
        s->delivered = true;
        quit(s);
    } else {
        conn_close(s->conn);
    }
}

static void on_data(void *cookie, struct conn *c, struct span bytes)
{
    struct sending *s = cookie;
    struct smtp_reply reply;
    struct smtp_sent sent;
    int got;

    while ((got = smtp_client_feed(&s->client, &bytes, &reply, &sent)) == SMTP_CLIENT_REPLY) {
        enum smtp_stage stage = sent.stage;

        if (stage == SMTP_STAGE_RCPT && reply.code >= 400)
            log_warn("refused", "model", s->parcel->post->model->id, "reply", LOG_SPAN(reply.text),
                     NULL);
        answered(s, stage, &reply);
    }
    if (got != SMTP_CLIENT_MORE)
        conn_abort(c);
}

static void on_connected(void *cookie, struct conn *c)
{
    struct sending *s = cookie;

    conn_deadline(c, loop_now(s->parcel->range->loop) + WAIT_REPLY);
}

static void try_again(void *cookie)
{
    struct parcel *p = cookie, **at = &p->range->waiting;

    while (*at)
        at = &(*at)->next;
    p->next = NULL;
    *at = p;
    start_next(p->range);
}

static void sending_free(struct sending *s)
{
    struct range *r = s->parcel->range;

    if (s->prev)
        s->prev->next = s->next;
    else if (r->sendings == s)
        r->sendings = s->next;
    if (s->next)
        s->next->prev = s->prev;
    smtp_client_deinit(&s->client);
    free(s);
}

static void finish(struct sending *s, const char *why)
{
    struct parcel *p = s->parcel;
    struct range *r = p->range;
    /* All recipients refused is an answer; a connection that broke is none. */
    bool over = s->delivered || s->refused || (!s->taken && s->rest.n == 0);

    bool delivered = s->delivered;

    r->senders--;
    if (delivered)
        log_info("delivered", "model", p->post->model->id, "rcpts", LOG_NUM(s->taken), NULL);
    sending_free(s);
    if (!over && ++p->tries < RANGE_TRIES) {
        timer_init(&p->timer, try_again, p);
        timer_start(&p->timer, r->loop, RANGE_TRY_WAIT);
    } else {
        if (!delivered)
            log_warn("dropped", "model", p->post->model->id, "why", why, NULL);
        parcel_done(p);
    }
    start_next(r);
}

static void on_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
    finish(cookie, conn_reason_name(end->reason));
}

static const struct conn_events events = {
    .connected = on_connected,
    .data = on_data,
    .closed = on_closed,
};

static void start(struct parcel *p)
{
    struct range *r = p->range;
    struct conn_target to = {r->to.ip, r->to.port, p->post->ip, WAIT_CONNECT};
    struct sending *s = calloc(1, sizeof(*s));
    bool ok = s && smtp_client_init(&s->client, loop_now(r->loop)) == 0;

    if (ok) {
        s->parcel = p;
        s->rest = buf_span(&p->rcpts);
        ok = conn_connect(r->loop, &to, &events, s, &s->conn) == 0;
    }
    if (ok) {
        r->senders++;
        s->next = r->sendings;
        if (s->next)
            s->next->prev = s;
        r->sendings = s;
        return;
    }
    log_error("dropped", "model", p->post->model->id, "why", "out of memory", NULL);
    if (s)
        smtp_client_deinit(&s->client);
    free(s);
    parcel_done(p);
}

static void start_next(struct range *r)
{
    while (r->waiting && r->senders < RANGE_SENDERS_MAX) {
        struct parcel *p = r->waiting;

        r->waiting = p->next;
        p->next = NULL;
        start(p);
    }
}

void parcel_post(struct parcel *p)
{
    struct range *r = p->range;
    struct parcel **at = &r->waiting;

    if (r->to.ip.family == IP_NONE) {
        log_info("kept", "model", p->post->model->id, "why", "no --relay-to was given", NULL);
        parcel_free(p);
        return;
    }
    r->parcels++;
    r->bytes += p->text.n;
    while (*at)
        at = &(*at)->next;
    *at = p;
    start_next(r);
}

void parcels_free(struct range *r)
{
    while (r->sendings) {
        conn_drop(&r->sendings->conn);
        sending_free(r->sendings);
    }
    while (r->newest)
        parcel_free(r->newest);
    r->waiting = NULL;
}
