/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * States and what moves them:
 *
 *     CONNECTING ─connected─▶ GREETING ─220─▶ HELLO ─250─┬─▶ STARTTLS ─220─▶ TLS ─▶ HELLO
 *          └─▶ TLS ──────────────▲                       ├─▶ XCLIENT ─220─▶ … ─▶ HELLO_AGAIN
 *                                                        └─▶ READY             └─250─▶ READY
 *
 * With a PROXY header or a transparent socket the first EHLO is said as the client already. A
 * backend that was told by PROXY and does not know it answers the header as a command: either the
 * answer is one too many, or EHLO is answered by "500": both are read as "identity not taken".
 *
 * A refusal that is meant for the client (554 instead of a greeting; EHLO with its name refused) is
 * handed on as such: in front of that client the backend would have said the same.
 */
#include "gate/backend.h"

#include <errno.h>
#include <string.h>

const char *gate_fault_name(enum gate_fault fault)
{
    static const char *const names[] = {
        [GATE_FAULT_NONE] = "none",         [GATE_FAULT_CONNECT] = "connect",
        [GATE_FAULT_GREETING] = "greeting", [GATE_FAULT_HELLO] = "hello",
        [GATE_FAULT_TLS] = "tls",           [GATE_FAULT_IDENTITY] = "identity",
        [GATE_FAULT_PROTOCOL] = "protocol", [GATE_FAULT_TIMEOUT] = "timeout",
        [GATE_FAULT_GONE] = "gone",         [GATE_FAULT_FULL] = "full",
    };

    return names[fault];
}

void gate_fault_say(enum gate_fault fault, unsigned *ret_code, const char **ret_enhanced,
                    const char **ret_text)
{
    *ret_code = 451;
    *ret_enhanced = "4.3.0";
    *ret_text = "Mail server not available, try again later";
    if (fault == GATE_FAULT_CONNECT) {
        *ret_enhanced = "4.4.1";
    } else if (fault == GATE_FAULT_TIMEOUT || fault == GATE_FAULT_GONE) {
        *ret_enhanced = "4.4.2";
        *ret_text = "Connection to the mail server was lost, try again later";
    } else if (fault == GATE_FAULT_FULL) {
        *ret_code = 450;
        *ret_enhanced = "4.3.2";
        *ret_text = "Mail server busy, try again later";
    }
}

static enum gate_backend_got fail(struct gate_backend *b, enum gate_fault fault)
{
    b->fault = fault;
    b->state = GATE_BACKEND_CLOSED;
    b->deadline = INT64_MAX;
    return GATE_BACKEND_FAILED;
}

static bool as_client_at_once(const struct gate_backend *b)
{
    return b->route->identity != GATE_IDENTITY_XCLIENT;
}

int gate_backend_init(struct gate_backend *b, const struct gate_route *route,
                      const struct gate_client *client, const char *us, int64_t now)
{
    *b = (struct gate_backend){
        .route = route,
        .client = client,
        .us = us,
        .lines = BUF_INIT(SMTP_COMMAND_MAX * 8),
        .deadline = now + GATE_WAIT_CONNECT,
        .helo = route->helo,
    };
    return smtp_client_init(&b->wire, now);
}

void gate_backend_deinit(struct gate_backend *b)
{
    smtp_client_deinit(&b->wire);
    buf_deinit(&b->lines);
    b->state = GATE_BACKEND_CLOSED;
}

static void wait_for(struct gate_backend *b, enum gate_backend_state state, int64_t now)
{
    b->state = state;
    b->deadline = now + GATE_WAIT_SETUP;
}

static enum gate_backend_got shake_hands(struct gate_backend *b, int64_t now)
{
    wait_for(b, GATE_BACKEND_TLS, now);
    return GATE_BACKEND_START_TLS;
}

enum gate_backend_got gate_backend_connected(struct gate_backend *b, int64_t now)
{
    bool known = true;

    if (b->route->identity == GATE_IDENTITY_PROXY1)
        known = gate_identity_proxy1(b->client, &b->wire.out);
    else if (b->route->identity == GATE_IDENTITY_PROXY2)
        known = gate_identity_proxy2(b->client, &b->wire.out);
    if (!known)
        return fail(b, GATE_FAULT_IDENTITY);
    if (b->route->wrap == GATE_WRAP_TLS)
        return shake_hands(b, now);
    wait_for(b, GATE_BACKEND_GREETING, now);
    return GATE_BACKEND_MORE;
}

static enum gate_backend_got check_wire(struct gate_backend *b)
{
    return b->wire.out.err ? fail(b, GATE_FAULT_FULL) : GATE_BACKEND_MORE;
}

static enum gate_backend_got hello(struct gate_backend *b, enum gate_backend_state state,
                                   int64_t now)
{
    bool as_client = state == GATE_BACKEND_HELLO_AGAIN || as_client_at_once(b);
    struct span name = as_client ? gate_identity_hello(b->client, b->us) : span_str(b->us);
    struct buf line = BUF_INIT(SMTP_COMMAND_MAX);

    buf_add_str(&line, b->helo ? "HELO " : "EHLO ");
    buf_add(&line, name);
    if (line.err || smtp_client_send(&b->wire, SMTP_STAGE_EHLO, 0, buf_span(&line), now) < 0)
        b->wire.out.err = -ENOMEM;
    buf_deinit(&line);
    wait_for(b, state, now);
    return check_wire(b);
}

enum gate_backend_got gate_backend_secured(struct gate_backend *b, int64_t now)
{
    b->secured = true;
    if (b->route->wrap == GATE_WRAP_TLS) {
        wait_for(b, GATE_BACKEND_GREETING, now);
        return GATE_BACKEND_MORE;
    }
    return hello(b, GATE_BACKEND_HELLO, now);
}

static enum gate_backend_got ready(struct gate_backend *b)
{
    b->state = GATE_BACKEND_READY;
    b->deadline = INT64_MAX;
    smtp_client_pipelining(&b->wire, (b->ext & SMTP_EXT_PIPELINING) != 0);
    return GATE_BACKEND_IS_READY;
}

/* The next XCLIENT line; behind the last one EHLO, as the client. */
static enum gate_backend_got next_line(struct gate_backend *b, int64_t now)
{
    size_t n = span_find(buf_span(&b->lines), '\r');

    if (b->lines.n == 0) {
        buf_shrink(&b->lines);
        return hello(b, GATE_BACKEND_HELLO_AGAIN, now);
    }
    if (smtp_client_send(&b->wire, SMTP_STAGE_XCLIENT, 0, span_slice(buf_span(&b->lines), 0, n),
                         now) < 0)
        return fail(b, GATE_FAULT_FULL);
    buf_consume(&b->lines, n + 2);
    wait_for(b, GATE_BACKEND_XCLIENT, now);
    return GATE_BACKEND_MORE;
}

static void learn(struct gate_backend *b)
{
    struct smtp_ehlo ehlo;

    smtp_ehlo_parse(b->reply.text, &ehlo);
    b->ext = ehlo.ext;
    b->xclient = ehlo.xclient;
    b->xforward = ehlo.xforward;
    b->size = ehlo.size;
    b->seen = ehlo.seen_client;
}

static enum gate_backend_got greeted(struct gate_backend *b, int64_t now)
{
    if (b->reply.code == 220)
        return hello(b, GATE_BACKEND_HELLO, now);
    b->fault = GATE_FAULT_GREETING;
    /* RFC 5321 §3.1: 554 and 421 are what a server says that does not want this client now. */
    if (as_client_at_once(b) && b->reply.code == 554) {
        b->state = GATE_BACKEND_CLOSED;
        return GATE_BACKEND_REFUSED;
    }
    return fail(b, GATE_FAULT_GREETING);
}

static bool unknown_command(unsigned code)
{
    return code == 500 || code == 502 || code == 503 || code == 221 || code == 421;
}

/*
 * RFC 5321 §3.2: who does not know EHLO is asked by HELO, and has no extensions. In the same
 * connection only where nothing was said before: behind a PROXY header "500" may be its answer, and
 * the answer to EHLO would then pass for that to HELO. There a test begins with HELO at once, in a
 * connection of its own (gate_route.helo).
 */
static bool may_say_helo(const struct gate_backend *b)
{
    return b->route->identity == GATE_IDENTITY_TRANSPARENT && b->state == GATE_BACKEND_HELLO &&
           !b->helo && b->reply.code >= 500 && b->reply.code != 554;
}

static enum gate_backend_got no_hello(struct gate_backend *b, bool as_client, int64_t now)
{
    bool unknown = unknown_command(b->reply.code);

    if (may_say_helo(b)) {
        b->helo = true;
        return hello(b, GATE_BACKEND_HELLO, now);
    }
    /* XCLIENT is an extension, and behind a PROXY header see above. */
    if (unknown && b->route->identity != GATE_IDENTITY_TRANSPARENT)
        return fail(b, GATE_FAULT_IDENTITY);
    if (!as_client || b->reply.code < 400 || unknown)
        return fail(b, GATE_FAULT_HELLO);
    b->fault = GATE_FAULT_HELLO;
    b->state = GATE_BACKEND_CLOSED;
    return GATE_BACKEND_REFUSED;
}

static enum gate_backend_got hello_answered(struct gate_backend *b, int64_t now)
{
    if (b->reply.code != 250)
        return no_hello(b, as_client_at_once(b), now);
    if (!b->helo)
        learn(b);
    if (b->route->wrap == GATE_WRAP_STARTTLS && !b->secured) {
        if (!(b->ext & SMTP_EXT_STARTTLS))
            return fail(b, GATE_FAULT_TLS);
        if (smtp_client_send(&b->wire, SMTP_STAGE_STARTTLS, 0, SPAN_LIT("STARTTLS"), now) < 0)
            return fail(b, GATE_FAULT_FULL);
        wait_for(b, GATE_BACKEND_STARTTLS, now);
        return GATE_BACKEND_MORE;
    }
    if (as_client_at_once(b))
        return ready(b);
    if (gate_identity_xclient(b->client, b->xclient, &b->lines) == 0)
        return fail(b, GATE_FAULT_IDENTITY);
    return next_line(b, now);
}

/* Behind XCLIENT the answer is a greeting anew, and may refuse the client as one. */
static enum gate_backend_got xclient_answered(struct gate_backend *b, int64_t now)
{
    if (b->reply.code == 220)
        return next_line(b, now);
    if (b->reply.code == 554 && b->lines.n == 0) {
        b->fault = GATE_FAULT_GREETING;
        b->state = GATE_BACKEND_CLOSED;
        return GATE_BACKEND_REFUSED;
    }
    return fail(b, GATE_FAULT_IDENTITY);
}

/* A reply that is due before the backend is ready. */
static enum gate_backend_got set_up(struct gate_backend *b, int64_t now)
{
    switch (b->state) {
    case GATE_BACKEND_GREETING:
        return greeted(b, now);
    case GATE_BACKEND_HELLO:
        return hello_answered(b, now);
    case GATE_BACKEND_STARTTLS:
        return b->reply.code == 220 ? shake_hands(b, now) : fail(b, GATE_FAULT_TLS);
    case GATE_BACKEND_XCLIENT:
        return xclient_answered(b, now);
    case GATE_BACKEND_HELLO_AGAIN:
        if (b->reply.code != 250)
            return no_hello(b, true, now);
        learn(b);
        return ready(b);
    case GATE_BACKEND_READY:
        b->deadline = smtp_client_awaiting(&b->wire) ? b->deadline : INT64_MAX;
        return GATE_BACKEND_ANSWER;
    case GATE_BACKEND_CONNECTING:
    case GATE_BACKEND_TLS:
    case GATE_BACKEND_CLOSED:
        break;
    }
    return fail(b, GATE_FAULT_PROTOCOL);
}

static enum gate_backend_got nonsense(struct gate_backend *b)
{
    bool by_header =
        b->route->identity == GATE_IDENTITY_PROXY1 || b->route->identity == GATE_IDENTITY_PROXY2;

    return fail(b, by_header && b->state != GATE_BACKEND_READY ? GATE_FAULT_IDENTITY
                                                               : GATE_FAULT_PROTOCOL);
}

enum gate_backend_got gate_backend_feed(struct gate_backend *b, struct span *in, int64_t now)
{
    if (b->state == GATE_BACKEND_CLOSED || in->n == 0)
        return GATE_BACKEND_MORE;
    if (b->state == GATE_BACKEND_CONNECTING || b->state == GATE_BACKEND_TLS)
        return fail(b, GATE_FAULT_PROTOCOL); /* octets in a handshake: injected */
    switch (smtp_client_feed(&b->wire, in, &b->reply, &b->reply_to)) {
    case SMTP_CLIENT_MORE:
        return GATE_BACKEND_MORE;
    case SMTP_CLIENT_REPLY:
        /* RFC 3207 §6, from the client's side: nothing may come in clear behind the 220. */
        if (b->state == GATE_BACKEND_STARTTLS && in->n)
            return fail(b, GATE_FAULT_TLS);
        return set_up(b, now);
    case SMTP_CLIENT_UNASKED:
        if (b->state == GATE_BACKEND_READY && b->reply.code >= 400)
            return GATE_BACKEND_EARLY;
        return nonsense(b);
    case SMTP_CLIENT_BAD:
        b->reply = (struct smtp_reply){0};
        return nonsense(b);
    default:
        return fail(b, GATE_FAULT_FULL);
    }
}

enum gate_backend_got gate_backend_late(struct gate_backend *b)
{
    b->reply = (struct smtp_reply){0};
    return fail(b, b->state == GATE_BACKEND_CONNECTING ? GATE_FAULT_CONNECT : GATE_FAULT_TIMEOUT);
}

void gate_backend_sent(struct gate_backend *b)
{
    smtp_client_flushed(&b->wire);
}

bool gate_backend_may(const struct gate_backend *b, enum smtp_stage stage)
{
    return b->state == GATE_BACKEND_READY && smtp_client_may_send(&b->wire, stage);
}

void gate_backend_say(struct gate_backend *b, enum smtp_stage stage, struct span line, int64_t now)
{
    if (smtp_client_send(&b->wire, stage, 0, line, now) < 0)
        b->wire.out.err = -ENOMEM;
    b->deadline = now + GATE_WAIT_REPLY;
}

void gate_backend_text(struct gate_backend *b, struct span octets, int64_t now)
{
    buf_add(&b->wire.out, octets);
}

void gate_backend_end(struct gate_backend *b, struct span octets, unsigned cookie, int64_t now)
{
    if (smtp_client_send_raw(&b->wire, SMTP_STAGE_BODY, cookie, octets, now) < 0)
        b->wire.out.err = -ENOMEM;
    b->deadline = now + (cookie ? GATE_WAIT_END : GATE_WAIT_REPLY);
}

void gate_backend_quit(struct gate_backend *b, int64_t now)
{
    if (b->state == GATE_BACKEND_READY && smtp_client_awaiting(&b->wire) == 0)
        smtp_client_send(&b->wire, SMTP_STAGE_QUIT, 0, SPAN_LIT("QUIT"), now);
    b->state = GATE_BACKEND_CLOSED;
    b->deadline = INT64_MAX;
}

void gate_backend_progress(struct gate_backend *b, bool waits, int64_t now)
{
    if (b->state == GATE_BACKEND_READY && smtp_client_awaiting(&b->wire) == 0)
        b->deadline = waits ? now + GATE_WAIT_PROGRESS : INT64_MAX;
}
