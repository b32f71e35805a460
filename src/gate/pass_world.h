/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For tests: a pass-through session between a client and a backend that are both made of octets,
 * and a reader of all that the backend is sent, who stops the program when a promise of pass.h is
 * broken.
 */
#ifndef POSTERN_GATE_PASS_WORLD_H
#define POSTERN_GATE_PASS_WORLD_H

#include "base/num.h"
#include "gate/pass.h"

#include <stdio.h>
#include <stdlib.h>

#define PROMISE(held, what)                                                                        \
    do {                                                                                           \
        if (!(held)) {                                                                             \
            fprintf(stderr, "broken promise: %s\n", what);                                         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

enum { WORLD_ROUTES = 2 };

struct world {
    struct smtp_server_config config;
    struct gate_client client;
    struct gate_pass pass;
    struct gate_route routes[WORLD_ROUTES];
    int64_t now;
    struct buf out;          /* to the client */
    struct buf kept;         /* of the client: not taken yet */
    struct buf log;          /* what ops heard, a line each */
    struct buf text;         /* of the message, as the client's side gave it */
    struct buf taken;        /* canonical recipients that were taken, a line each */
    bool later, asked_later; /* decide later; a decision is due */
    struct relay_decision due;
    const struct gate_route *due_route;

    /* The backend's end of the present connection. */
    bool open, tls, hold; /* open: connected; hold: the test connects by itself */
    struct buf sent;      /* everything, for the test to look at */
    struct buf line;
    bool identified, headed; /* ADDR or a header came; */
    bool in_data, whole;     /* whole: the end of data was sent, */
    unsigned verdict;        /* and this was said behind it: 0 nothing yet */
    uint64_t chunk;
    bool chunk_last;
    struct smtp_dot_in dot;
    struct buf got;  /* the message, unframed */
    struct buf said; /* by the backend: the line that is open */
    unsigned mails;
};

/* The digits in front. */
static inline uint64_t world_number(struct span s)
{
    size_t n = 0;
    uint64_t v = 0;

    while (n < s.n && ascii_is_digit(s.p[n]))
        n++;
    return num_u64(span_slice(s, 0, n), 0, UINT64_MAX, &v) ? v : 0;
}

/* The policy stands in the address: "ok…" and "two…" (the second backend) are ours. */
static inline enum smtp_now world_rcpt(void *owner, const struct relay_mail *mail, struct span rcpt,
                                       struct relay_decision *ret,
                                       const struct gate_route **ret_route)
{
    struct world *w = owner;
    bool two = span_starts(rcpt, SPAN_LIT("<two"));

    *ret = (struct relay_decision){.answer = RELAY_REFUSE, .code = 554};
    snprintf(ret->enhanced, sizeof(ret->enhanced), "5.7.1");
    snprintf(ret->text, sizeof(ret->text), "Relay access denied");
    if (two || span_starts(rcpt, SPAN_LIT("<ok"))) {
        ret->answer = RELAY_TAKE;
        ret->code = 250;
        snprintf(ret->rcpt, sizeof(ret->rcpt), "%.*s", SPAN_ARG(rcpt));
        buf_addf(&w->taken, "%s\n", ret->rcpt);
        *ret_route = &w->routes[two];
    }
    if (!w->later)
        return SMTP_NOW;
    w->due = *ret;
    w->due_route = *ret_route;
    w->asked_later = true;
    return SMTP_LATER;
}

static inline void world_mail(void *owner, const struct relay_mail *mail,
                              struct relay_decision *ret)
{
    bool no = span_starts(mail->path, SPAN_LIT("<no"));

    *ret =
        (struct relay_decision){.answer = no ? RELAY_REFUSE : RELAY_TAKE, .code = no ? 553 : 250};
    snprintf(ret->enhanced, sizeof(ret->enhanced), no ? "5.1.7" : "2.1.0");
    snprintf(ret->text, sizeof(ret->text), no ? "Bad sender" : "Ok");
    snprintf(ret->mail, sizeof(ret->mail), "%.*s", SPAN_ARG(mail->path));
}

static inline bool world_text(void *owner, struct span octets, struct smtp_say *ret)
{
    static const char mark[] = "X-Loop:";
    struct world *w = owner;
    size_t from = w->text.n < sizeof(mark) ? 0 : w->text.n - sizeof(mark);

    buf_add(&w->text, octets);
    *ret = (struct smtp_say){554, "5.4.6", "Loop"};
    /* A mark may lie across the border of two pieces. */
    return !span_has_nocase(span_slice(buf_span(&w->text), from, w->text.n), span_str(mark));
}

static inline void world_answered(void *owner, const struct gate_answer *a)
{
    struct world *w = owner;

    buf_addf(&w->log, "rcpt %u%s\n", a->code, a->by_backend ? " backend" : "");
}

static inline void world_done(void *owner, const struct gate_report *r)
{
    struct world *w = owner;

    buf_addf(&w->log, "done %s %u %u/%u%s\n", gate_result_name(r->result), r->code, r->accepted,
             r->refused, r->told ? "" : " untold");
    if (r->result == GATE_RESULT_PASSED) {
        PROMISE(w->whole && w->verdict >= 200 && w->verdict < 300, "2xx only after the backend's");
        /* DATA ends every message in CRLF; a chunk may not have. */
        PROMISE(w->got.n == w->text.n || w->got.n == w->text.n + 2, "the whole message");
        PROMISE(w->pass.clean || memcmp(buf_str(&w->got), buf_str(&w->text), w->text.n) == 0,
                "the same octets");
    }
    buf_clear(&w->text);
    buf_clear(&w->taken);
}

static inline void world_trouble(void *owner, const struct gate_route *route, enum gate_fault fault,
                                 const struct smtp_reply *reply)
{
    struct world *w = owner;

    buf_addf(&w->log, "trouble %s\n", gate_fault_name(fault));
}

static inline enum smtp_now world_auth(void *owner, struct span line, bool first,
                                       struct smtp_say *ret)
{
    *ret = (struct smtp_say){235, "2.7.0", "Welcome"};
    return SMTP_NOW;
}

static const struct gate_pass_ops world_ops = {
    .mail = world_mail,
    .rcpt = world_rcpt,
    .text = world_text,
    .answered = world_answered,
    .done = world_done,
    .trouble = world_trouble,
    .auth = world_auth,
};

/* --- the backend's reader -------------------------------------------------------------------- */

static inline void world_line(struct world *w, struct span line)
{
    struct span rest = line, verb = SPAN_NULL;
    char taken[600];

    for (size_t i = 0; i < line.n; i++)
        PROMISE(line.p[i] >= 32 && line.p[i] != 127, "no control character in a command");
    PROMISE(line.n + 2 <= SMTP_COMMAND_TAKEN, "no endless command");
    span_word(&rest, &verb);
    if (!w->headed && span_eq(verb, SPAN_LIT("PROXY"))) {
        PROMISE(w->mails == 0, "a header comes first");
        w->headed = w->identified = true;
    } else if (span_eq(verb, SPAN_LIT("XCLIENT"))) {
        PROMISE(line.n + 2 <= SMTP_COMMAND_MAX, "XCLIENT under 512");
        w->identified |= span_ends_nocase(line, SPAN_LIT(" ADDR=203.0.113.9"));
    } else if (span_starts(line, SPAN_LIT("MAIL FROM:<")) ||
               span_starts(line, SPAN_LIT("RCPT TO:<"))) {
        PROMISE(w->identified || w->pass.backend->route->identity == GATE_IDENTITY_TRANSPARENT,
                "nothing before the identity");
        w->mails++;
        if (line.p[0] == 'R') {
            snprintf(taken, sizeof(taken), "%.*s\n",
                     (int)(span_find(span_slice(line, 8, line.n), '>') + 1), line.p + 8);
            PROMISE(strstr(buf_str(&w->taken), taken), "only recipients that were taken");
        }
    } else if (span_eq(line, SPAN_LIT("DATA"))) {
        w->in_data = true;
        w->whole = false;
        w->verdict = 0;
        w->dot = (struct smtp_dot_in){0};
        buf_clear(&w->got);
    } else if (span_eq(verb, SPAN_LIT("BDAT"))) {
        w->chunk_last = span_ends_nocase(line, SPAN_LIT(" LAST"));
        w->chunk = world_number(span_slice(line, 5, line.n));
        if (w->whole)
            buf_clear(&w->got);
        w->whole = w->chunk_last && w->chunk == 0;
        w->verdict = 0;
    } else {
        PROMISE(span_eq(verb, SPAN_LIT("EHLO")) || span_eq(verb, SPAN_LIT("HELO")) ||
                    span_eq(line, SPAN_LIT("RSET")) || span_eq(line, SPAN_LIT("QUIT")) ||
                    span_eq(line, SPAN_LIT("STARTTLS")) ||
                    span_starts(line, SPAN_LIT("XFORWARD IDENT=")),
                "no other command");
        if (span_eq(line, SPAN_LIT("RSET")) || span_eq(verb, SPAN_LIT("EHLO"))) {
            buf_clear(&w->got);
            w->whole = false;
        }
    }
}

/* DATA was refused: what comes next is a command again. */
static inline void world_reads(struct world *w, struct span in)
{
    struct span piece;

    buf_add(&w->sent, in);
    if (w->pass.backend->route->identity == GATE_IDENTITY_PROXY2 && !w->headed) {
        PROMISE(in.n >= 28 &&
                    memcmp(in.p, "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09", 20) == 0,
                "a header with the client's address first");
        w->headed = w->identified = true;
        in = span_slice(in, 28, in.n);
    }
    while (in.n) {
        if (w->chunk) {
            size_t n = in.n < w->chunk ? in.n : (size_t)w->chunk;

            buf_add(&w->got, span_slice(in, 0, n));
            in = span_slice(in, n, in.n);
            w->chunk -= n;
            w->whole = w->chunk == 0 && w->chunk_last;
        } else if (w->in_data) {
            enum smtp_dot_got got = smtp_dot_read(&w->dot, &in, &piece);

            if (got == SMTP_DOT_PIECE)
                buf_add(&w->got, piece);
            PROMISE(!w->dot.seen.bare_lf && !w->dot.seen.bare_cr, "only CRLF to a backend");
            if (got == SMTP_DOT_DONE) {
                w->in_data = false;
                w->whole = true;
            }
        } else {
            size_t n = span_find(in, '\n');

            buf_add(&w->line, span_slice(in, 0, n + 1));
            in = span_slice(in, n + 1, in.n);
            if (w->line.n && w->line.p[w->line.n - 1] == '\n') {
                PROMISE(w->line.n > 1 && w->line.p[w->line.n - 2] == '\r', "only CRLF");
                world_line(w, span_slice(buf_span(&w->line), 0, w->line.n - 2));
                buf_clear(&w->line);
            }
        }
    }
}

static inline void world_disconnect(struct world *w)
{
    if (w->in_data || w->chunk)
        PROMISE(!w->whole, "never a dot that the client did not send");
    w->open = w->tls = w->identified = w->headed = w->in_data = w->whole = false;
    w->chunk = w->mails = 0;
    buf_clear(&w->line);
    buf_clear(&w->said);
    buf_clear(&w->got);
}

static inline void world_settle(struct world *w)
{
    for (bool again = true; again;) {
        struct buf *out = gate_pass_out(&w->pass);
        struct buf *replies = &w->pass.server.out;

        again = false;
        for (size_t i = 0; i < replies->n; i++)
            PROMISE((replies->p[i] == '\n') == (i > 0 && replies->p[i - 1] == '\r'),
                    "whole lines to the client");
        buf_add(&w->out, buf_span(replies));
        buf_clear(replies);
        if (out) {
            PROMISE(w->open, "octets for an open connection only");
            world_reads(w, buf_span(out));
            gate_backend_sent(w->pass.backend);
            again = true;
        }
        if (w->pass.want == GATE_WANT_OPEN && !w->hold) {
            w->pass.want = GATE_WANT_NOTHING;
            w->open = again = true;
            gate_pass_connected(&w->pass, w->now);
        } else if (w->pass.want == GATE_WANT_TLS) {
            w->pass.want = GATE_WANT_NOTHING;
            w->tls = again = true;
            gate_pass_secured(&w->pass, w->now);
        } else if (w->pass.want == GATE_WANT_CLOSE || w->pass.want == GATE_WANT_ABORT) {
            again = true;
            world_disconnect(w);
            gate_pass_closed(&w->pass, w->now);
        }
    }
}

static inline void world_client(struct world *w, struct span in)
{
    while (in.n) {
        size_t n = gate_pass_feed(&w->pass, span_slice(in, 0, GATE_PASS_PIECE), w->now);

        in = span_slice(in, n, in.n);
        world_settle(w);
        if (n == 0)
            return;
    }
}

/* Reads along what the backend says, for the verdict. */
static inline void world_hears(struct world *w, struct span in)
{
    for (size_t i = 0; i < in.n; i++) {
        buf_add_char(&w->said, in.p[i]);
        if (in.p[i] != '\n')
            continue;
        if (w->said.n >= 4 && w->said.p[3] != '-') {
            unsigned code = (unsigned)world_number(buf_span(&w->said));

            if (w->whole && !w->verdict)
                w->verdict = code;
            if (w->in_data && code >= 400 && w->got.n == 0)
                w->in_data = false;
        }
        buf_clear(&w->said);
    }
}

/* Byte by byte, so that every answer is judged by what was sent before it. */
static inline void world_backend(struct world *w, struct span in)
{
    for (size_t i = 0; i < in.n && w->open; i++) {
        world_hears(w, span_slice(in, i, i + 1));
        gate_pass_backend_feed(&w->pass, span_slice(in, i, i + 1), w->now);
        world_settle(w);
    }
}

static inline void world_lose(struct world *w, enum gate_fault fault)
{
    if (!w->pass.backend)
        return;
    world_disconnect(w);
    gate_pass_lost(&w->pass, fault, w->now);
    world_settle(w);
}

static inline void world_open(struct world *w, enum gate_identity identity, enum gate_wrap wrap)
{
    *w = (struct world){
        .config = {.name = "gate.test",
                   .ext = SMTP_EXT_PIPELINING | SMTP_EXT_SIZE | SMTP_EXT_8BITMIME | SMTP_EXT_DSN |
                          SMTP_EXT_SMTPUTF8 | SMTP_EXT_CHUNKING | SMTP_EXT_STARTTLS,
                   .turns = SMTP_TURNS_STRICT,
                   .refuse_foul = true,
                   .mechs = "PLAIN",
                   .size_max = 100000,
                   .rcpt_max = 100},
        .out = BUF_INIT(1 << 24),
        .kept = BUF_INIT(1 << 24),
        .log = BUF_INIT(1 << 24),
        .text = BUF_INIT(1 << 24),
        .taken = BUF_INIT(1 << 24),
        .sent = BUF_INIT(1 << 24),
        .line = BUF_INIT(1 << 20),
        .got = BUF_INIT(1 << 24),
        .said = BUF_INIT(1 << 24),
    };
    gate_client_init(&w->client);
    ip_parse(SPAN_LIT("203.0.113.9"), &w->client.ip);
    ip_parse(SPAN_LIT("192.0.2.1"), &w->client.local_ip);
    w->client.port = 40000;
    w->client.local_port = 25;
    snprintf(w->client.id, sizeof(w->client.id), "abc");
    for (size_t i = 0; i < WORLD_ROUTES; i++)
        w->routes[i] = (struct gate_route){.name = i ? "two:25" : "one:25",
                                           .ip = w->client.local_ip,
                                           .port = 25,
                                           .identity = identity,
                                           .wrap = wrap};
    gate_pass_init(&w->pass, &w->config, &world_ops, w, &w->client);
    gate_pass_start(&w->pass, 0);
    world_settle(w);
}

static inline void world_gone(struct world *w)
{
    gate_pass_client_gone(&w->pass, w->now);
    world_settle(w);
}

static inline void world_close(struct world *w)
{
    struct buf *all[] = {&w->kept, &w->out,  &w->log, &w->text, &w->taken,
                         &w->sent, &w->line, &w->got, &w->said};

    gate_pass_deinit(&w->pass);
    gate_client_deinit(&w->client);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        buf_deinit(all[i]);
}

#endif
