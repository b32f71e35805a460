/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connections of Postfix's, over a Unix socket or TCP. They live long and carry one request after
 * the other; an answer is written at once, since a decision waits for nothing.
 *
 * A bad request ends its connection without an answer. Postfix then tries once more and defers the
 * mail: the MTA's own lock stays shut, which is what a fault between us should mean.
 */
#include "cmd/policy/service.h"

#include "io/listen.h"
#include "io/local.h"
#include "io/log.h"
#include "io/timer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

struct asker {
    struct asker *prev, *next;
    struct service *service;
    struct conn *conn; /* one of the two */
    struct local *local;
    struct policy_reader reader;
    struct timer idle;
    bool ended; /* its end is under way */
};

struct service {
    struct loop *loop;
    const struct setup *setup;
    struct listener *tcp[SERVICE_LISTENERS];
    struct local_listener *unix_[SERVICE_LISTENERS];
    size_t tcp_count, unix_count;
    struct asker *askers;
    unsigned clients;
    struct question question; /* of the request that is being answered */
};

static void asker_free(struct asker *a)
{
    struct service *s = a->service;

    if (a->prev)
        a->prev->next = a->next;
    else
        s->askers = a->next;
    if (a->next)
        a->next->prev = a->prev;
    s->clients--;
    timer_stop(&a->idle);
    policy_reader_deinit(&a->reader);
    conn_drop(&a->conn);
    local_free(&a->local);
    free(a);
}

static int send_answer(struct asker *a, const struct relay_decision *d)
{
    char action[QUESTION_ANSWER_MAX], text[QUESTION_ANSWER_MAX + 16];
    int n;

    question_action(a->service->setup->args.log_only ? NULL : d, action);
    n = snprintf(text, sizeof(text), "action=%s\n\n", action);
    if (a->conn)
        return conn_write(a->conn, span_of(text, (size_t)n));
    return local_write(a->local, span_of(text, (size_t)n));
}

static int answer_one(struct asker *a, const struct policy_request *r)
{
    struct service *s = a->service;
    const struct answer_facts facts = {
        .face = "postfix",
        .helo = r->values[POLICY_HELO],
        .login = r->values[POLICY_SASL_USERNAME],
        .queue_id = r->values[POLICY_QUEUE_ID],
        .instance = r->values[POLICY_INSTANCE],
    };
    struct relay_decision d;
    bool decided;

    if (!question_of_request(&s->question, r, (enum question_role)s->setup->args.role))
        return -ENOMEM;
    decided = answer(s->setup, &s->question, &facts, &d);
    return send_answer(a, decided ? &d : NULL);
}

/* False when the connection is to end. */
static bool take(struct asker *a, struct span bytes)
{
    while (bytes.n) {
        struct policy_request r;
        const char *why;
        int err = 0;

        switch (policy_read(&a->reader, &bytes, &r, &why)) {
        case POLICY_MORE:
            return true;
        case POLICY_WHOLE:
            err = answer_one(a, &r);
            break;
        case POLICY_BAD:
            log_warn("bad-request", "why", why, NULL);
            return false;
        case POLICY_MEMORY:
            err = -ENOMEM;
            break;
        }
        if (err < 0) {
            log_warn("unanswered", "error", LOG_ERRNO(err), NULL);
            return false;
        }
    }
    return true;
}

static void rearm(struct asker *a)
{
    timer_start(&a->idle, a->service->loop, a->service->setup->args.idle);
}

static void on_conn_data(void *cookie, struct conn *c, struct span bytes)
{
    struct asker *a = cookie;

    if (take(a, bytes))
        rearm(a);
    else
        conn_abort(c);
}

static void on_conn_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
    struct asker *a = cookie;

    a->conn = NULL;
    asker_free(a);
}

static void on_local_data(void *cookie, struct local *l, struct span bytes)
{
    struct asker *a = cookie;

    if (a->ended)
        return;
    if (take(a, bytes)) {
        rearm(a);
    } else {
        a->ended = true;
        timer_start(&a->idle, a->service->loop, 0); /* not from inside its own callback */
    }
}

static void on_local_closed(void *cookie, struct local *l, int err)
{
    struct asker *a = cookie;

    a->local = NULL;
    asker_free(a);
}

static void on_idle(void *cookie)
{
    asker_free(cookie);
}

static const struct conn_events conn_events = {.data = on_conn_data, .closed = on_conn_closed};
static const struct local_events local_events = {.data = on_local_data, .closed = on_local_closed};

static struct asker *asker_new(struct service *s)
{
    struct asker *a = s->clients < s->setup->args.clients ? calloc(1, sizeof(*a)) : NULL;

    if (!a) {
        log_warn("crowd", "clients", LOG_NUM(s->clients), NULL);
        return NULL;
    }
    a->service = s;
    policy_reader_init(&a->reader);
    timer_init(&a->idle, on_idle, a);
    a->next = s->askers;
    if (a->next)
        a->next->prev = a;
    s->askers = a;
    s->clients++;
    rearm(a);
    return a;
}

static void on_accept(void *cookie, struct listener *li, struct conn *c)
{
    struct asker *a = asker_new(cookie);

    if (!a) {
        conn_drop(&c);
        return;
    }
    a->conn = c;
    conn_queue_limit(c, SERVICE_QUEUE_HIGH);
    conn_own(c, &conn_events, a);
}

static void on_local(void *cookie, struct local *l)
{
    struct asker *a = asker_new(cookie);

    if (!a) {
        local_free(&l);
        return;
    }
    a->local = l;
    local_own(l, &local_events, a);
}

int service_new(struct loop *l, const struct setup *setup, struct service **ret)
{
    struct service *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    s->loop = l;
    s->setup = setup;
    question_init(&s->question);
    *ret = s;
    return 0;
}

static int fail(int status, const char *place, const char *why)
{
    fprintf(stderr, "%s: %s: %s\n", service_options.program, place, why);
    return status;
}

static int listen_tcp(struct service *s, const char *text)
{
    struct listen_place places[LISTEN_PLACES_MAX];
    size_t n = listen_parse(span_str(text), places), opened = 0;
    char err[LISTEN_ERROR_MAX] = "";

    if (n == 0)
        return options_misuse(&service_options, "--listen: \"%s\" is no ADDR:PORT and no /path",
                              text);
    for (size_t i = 0; i < n; i++) {
        int got;

        if (s->tcp_count == SERVICE_LISTENERS)
            return fail(EX_USAGE, text, "too many places");
        got = listener_open(s->loop, &places[i], on_accept, s, &s->tcp[s->tcp_count], err);
        if (got == 0) {
            struct listen_place at = listener_place(s->tcp[s->tcp_count++]);

            opened++;
            log_info("listening", "face", "postfix", "address", LOG_IP(at.ip), "port",
                     LOG_NUM(at.port), NULL);
        } else if (n == 1 || (got != -EAFNOSUPPORT && got != -EADDRNOTAVAIL)) {
            return fail(got == -EACCES ? EX_NOPERM : EX_OSERR, text, err);
        }
    }
    return opened ? 0 : fail(EX_OSERR, text, err);
}

int service_listen(struct service *s, const char *place)
{
    char err[LOCAL_ERROR_MAX];
    unsigned mode;

    if (place[0] != '/')
        return listen_tcp(s, place);
    setup_socket_mode(&s->setup->args, &mode);
    if (s->unix_count == SERVICE_LISTENERS)
        return fail(EX_USAGE, place, "too many places");
    if (local_listen(s->loop, place, (mode_t)mode, on_local, s, &s->unix_[s->unix_count], err) < 0)
        return fail(EX_OSERR, place, err);
    s->unix_count++;
    log_info("listening", "face", "postfix", "socket", place, NULL);
    return 0;
}

void service_set(struct service *s, const struct setup *setup)
{
    s->setup = setup;
}

void service_free(struct service **s)
{
    struct service *gone = *s;

    if (!gone)
        return;
    *s = NULL;
    while (gone->tcp_count)
        listener_free(&gone->tcp[--gone->tcp_count]);
    while (gone->unix_count)
        local_listener_free(&gone->unix_[--gone->unix_count]);
    while (gone->askers)
        asker_free(gone->askers);
    question_deinit(&gone->question);
    free(gone);
}
