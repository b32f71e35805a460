/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Client and backend both hostile. Each octet of the input is an act; some take the octets behind
 * it along. The world around the session stops the program at the first broken promise.
 */
#include "gate/pass_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Acts 0 and up: the client says; from BACKEND on the backend does. */
static const char *const client_says[] = {
    "EHLO c.test\r\n",
    "HELO c.test\r\n",
    "MAIL FROM:<a@b.test>\r\n",
    "MAIL FROM:<> SIZE=10 BODY=8BITMIME RET=FULL ENVID=x\r\n",
    "RCPT TO:<ok@c.test>\r\n",
    "RCPT TO:<ok2@c.test> NOTIFY=NEVER ORCPT=rfc822;a@b\r\n",
    "RCPT TO:<two@c.test>\r\n",
    "RCPT TO:<foreign@d.test>\r\n",
    "DATA\r\n",
    "Subject: x\r\n\r\n.. text\r\n",
    "\r\n.\r\n",
    ".\r\n",
    "BDAT 5\r\nhello",
    "BDAT 7 LAST\r\nhello\r\n",
    "BDAT 0 LAST\r\n",
    "RSET\r\n",
    "QUIT\r\n",
    "STARTTLS\r\n",
    "AUTH PLAIN AGEAYg==\r\n",
    "\n.\r\nMAIL FROM:<x@y>\r\n",
    "X-Loop: 1\r\n",
};

static const char *const backend_says[] = {
    "220 b.test ESMTP\r\n",
    ("250-b.test\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-DSN\r\n250-8BITMIME\r\n"
     "250-XFORWARD IDENT\r\n250-STARTTLS\r\n250 XCLIENT NAME ADDR PORT PROTO HELO LOGIN\r\n"),
    "250-b.test\r\n250 XCLIENT ADDR\r\n",
    "250 Ok\r\n",
    "250 Ok\r\n250 Ok\r\n",
    "354 go\r\n",
    "550-5.1.1 no\r\n550 5.1.1 such user\r\n",
    "451 4.3.0 later\r\n",
    "421 4.3.2 bye\r\n",
    "554 5.7.1 go away\r\n",
    "25",
    "999 what\r\n",
};

enum {
    CLIENTS = sizeof(client_says) / sizeof(client_says[0]),
    BACKENDS = sizeof(backend_says) / sizeof(backend_says[0]),
    BACKEND = 64,
    RAW = 128, /* of the client; the next octet is how many follow */
    RAW_BACKEND,
    LOSE,
    GONE,
    TICK,
    TICK_BACKEND,
    TLS,
    LATER,
    DECIDE,
    LET_GO,
    SHUT,
};

static void raw(struct world *w, bool client, const uint8_t *data, size_t size, size_t *at)
{
    size_t n = *at < size ? data[(*at)++] : 0;
    struct span s = span_slice(span_of(data, size), *at, *at + n);

    *at += s.n;
    if (client)
        world_client(w, s);
    else
        world_backend(w, s);
}

static void act(struct world *w, unsigned what)
{
    switch (what) {
    case LOSE:
        world_lose(w, GATE_FAULT_GONE);
        break;
    case TICK:
        w->now += 200000;
        gate_pass_tick(&w->pass, w->now);
        break;
    case TICK_BACKEND:
        if (w->pass.backend && w->pass.backend->deadline < INT64_MAX)
            w->now = w->pass.backend->deadline;
        gate_pass_backend_tick(&w->pass, w->now);
        break;
    case TLS:
        if (w->pass.server.state == SMTP_SERVER_TLS)
            gate_pass_tls(&w->pass, w->now);
        break;
    case LATER:
        w->later = !w->later;
        break;
    case DECIDE:
        if (w->asked_later)
            gate_pass_decided(&w->pass, &w->due, w->due_route, w->now);
        w->asked_later = false;
        break;
    case LET_GO:
        gate_pass_let_go(&w->pass, w->now);
        break;
    case SHUT:
        gate_pass_shut(&w->pass, "down", w->now);
        break;
    default:
        break;
    }
    world_settle(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    uint8_t first = size ? data[0] : 0;

    world_open(&w, (enum gate_identity)(first & 3), (enum gate_wrap)((first >> 2 & 3) % 3));
    w.pass.clean = first & 16;
    w.config.refuse_foul = !w.pass.clean;
    for (size_t at = 1; at < size && !gate_pass_over(&w.pass);) {
        unsigned what = data[at++];

        if (what == GONE && !w.pass.gone)
            world_gone(&w);
        else if (what == RAW || what == RAW_BACKEND)
            raw(&w, what == RAW, data, size, &at);
        else if (what >= RAW)
            act(&w, what);
        else if (what >= BACKEND)
            world_backend(&w, span_str(backend_says[(what - BACKEND) % BACKENDS]));
        else if (!w.pass.gone)
            world_client(&w, span_str(client_says[what % CLIENTS]));
    }
    world_close(&w);
    return 0;
}
