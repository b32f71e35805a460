/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For tests of a pass-through session: scenarios as lists of steps, each played four times: the
 * client's octets whole, one by one, in odd pieces, and with a decision that comes later. All four
 * must read the same.
 *
 *     C text   the client says text and CRLF      c text   the client says just that (\r \n)
 *     B text   the backend says text and CRLF     K text   the next line that the backend got
 *     S text   the next line to the client        L text   the next thing that the owner heard
 *     + n      n ms pass                          s        no line to the client is left
 *     gone     the client goes                    lose     the backend's connection breaks
 *     k        no line to the backend is left     tick     the backend's deadline has come
 *     shut     the gate goes down: yes or no      free     is there no backend any more?
 *     "* "     whatever the client was told up to here
 */
#ifndef POSTERN_GATE_PASS_PLAY_H
#define POSTERN_GATE_PASS_PLAY_H

#include "gate/pass_world.h"

#include "base/num.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { STEPS = 60 };

enum cut { CUT_WHOLE, CUT_BYTES, CUT_ODD, CUT_LATER, CUTS };

struct scenario {
    const char *name;
    enum gate_identity identity;
    const char *steps[STEPS];
};

/* An EHLO with all that there is, behind XCLIENT. */
#define FULL                                                                                       \
    "B 220 b.test ESMTP", "K EHLO gate.test", "B 250-b.test", "B 250-PIPELINING",                  \
        "B 250-8BITMIME", "B 250-DSN", "B 250-SIZE 5000", "B 250 XCLIENT NAME ADDR HELO LOGIN",    \
        "K XCLIENT NAME=[UNAVAILABLE] HELO=c.test LOGIN=[UNAVAILABLE] ADDR=203.0.113.9",           \
        "B 220 b.test", "K EHLO c.test", "B 250-b.test", "B 250-PIPELINING", "B 250-8BITMIME",     \
        "B 250-DSN", "B 250-SIZE 5000", "B 250 XCLIENT NAME ADDR HELO LOGIN"
/* The least that a backend behind XCLIENT can offer. */
#define SLOW                                                                                       \
    "B 220 b.test ESMTP", "K EHLO gate.test", "B 250-b.test", "B 250 XCLIENT ADDR",                \
        "K XCLIENT ADDR=203.0.113.9", "B 220 b.test", "K EHLO c.test", "B 250 b.test"
/* The first recipient that is ours: a backend is opened. */
#define ASK     "* ", "C EHLO c.test", "* ", "C MAIL FROM:<a@b.test>", "* ", "C RCPT TO:<ok@c.test>"
/* A plain backend takes it. */
#define TAKEN   "B 220 b.test", "B 250 b.test", "B 250 ok", "B 250 ok", "* "
#define DATA    "C DATA", "B 354 go", "* "
#define ASKED   ASK, TAKEN
#define SENDING ASK, TAKEN, DATA

struct play {
    const struct scenario *sc;
    enum cut cut;
    size_t step;
    struct world w;
    size_t out_at, sent_at, log_at;
};

static inline void die(struct play *p, const char *why, struct span got)
{
    fail_msg("%s, cut %d, step %zu \"%s\": %s: \"%.*s\"", p->sc->name, (int)p->cut, p->step,
             p->sc->steps[p->step], why, (int)(got.n < 200 ? got.n : 200), got.p ? got.p : "");
}

static inline void say_client(struct play *p, struct span in)
{
    size_t step = p->cut == CUT_BYTES ? 1 : p->cut == CUT_ODD ? 7 : in.n;
    struct buf kept = BUF_INIT(1 << 16);

    for (size_t i = 0; i < in.n; i += step) {
        size_t n;

        buf_add(&kept, span_slice(in, i, i + step));
        n = gate_pass_feed(&p->w.pass, buf_span(&kept), p->w.now);
        buf_consume(&kept, n);
        world_settle(&p->w);
    }
    /* What the machine could not take comes again when it has an answer: kept by the world. */
    buf_add(&p->w.kept, buf_span(&kept));
    buf_deinit(&kept);
}

/* Decisions that were put off, then input that was. */
static inline void settle(struct play *p)
{
    struct world *w = &p->w;
    size_t n = 1;

    while (n) {
        if (w->asked_later) {
            w->asked_later = false;
            gate_pass_decided(&w->pass, &w->due, w->due_route, w->now);
            world_settle(w);
        }
        n = w->kept.n && !w->pass.gone ? gate_pass_feed(&w->pass, buf_span(&w->kept), w->now) : 0;
        buf_consume(&w->kept, n);
        world_settle(w);
        n += w->asked_later;
    }
}

static inline struct span next_line(struct buf *b, size_t *at, const char *end)
{
    struct span rest = span_slice(buf_span(b), *at, b->n);
    size_t n = span_find(rest, '\n');
    struct span line = span_slice(rest, 0, n);

    if (n == rest.n)
        return SPAN_NULL;
    *at += n + 1;
    if (*end == '\r' && line.n && line.p[line.n - 1] == '\r')
        line.n--;
    return line.n ? line : SPAN_LIT("");
}

static inline void expect(struct play *p, struct buf *b, size_t *at, const char *end,
                          const char *want)
{
    struct span got = next_line(b, at, end);

    if (!got.p)
        die(p, "nothing came", SPAN_NULL);
    if (!span_eq(got, span_str(want)))
        die(p, "got", got);
}

static inline void do_client(struct play *p, const char *text, bool line)
{
    struct buf b = BUF_INIT(4000);

    buf_add_str(&b, text);
    if (line)
        buf_add_str(&b, "\r\n");
    say_client(p, buf_span(&b));
    settle(p);
    buf_deinit(&b);
}

static inline void do_backend(struct play *p, const char *text)
{
    struct buf b = BUF_INIT(4000);

    if (!p->w.open)
        die(p, "no backend is open", SPAN_NULL);
    buf_addf(&b, "%s\r\n", text);
    world_backend(&p->w, buf_span(&b));
    settle(p);
    buf_deinit(&b);
}

static inline void do_word(struct play *p, const char *step)
{
    struct world *w = &p->w;
    uint64_t ms = 0;

    if (strcmp(step, "gone") == 0) {
        world_gone(w);
    } else if (strcmp(step, "lose") == 0) {
        world_lose(w, GATE_FAULT_GONE);
    } else if (strcmp(step, "tick") == 0) {
        gate_pass_backend_tick(&w->pass, w->now);
        world_settle(w);
    } else if (strcmp(step, "free") == 0) {
        if (w->pass.backend || w->open)
            die(p, "a backend is there", SPAN_NULL);
    } else if (span_starts(span_str(step), SPAN_LIT("shut "))) {
        if (gate_pass_shut(&w->pass, "down", w->now) != (step[5] == 'y'))
            die(p, "shut", SPAN_NULL);
        world_settle(w);
    } else if (step[0] == '+') {
        num_u64(span_str(step + 2), 0, UINT32_MAX, &ms);
        w->now += (int64_t)ms;
    } else {
        die(p, "no such step", SPAN_NULL);
    }
}

static inline void play_step(struct play *p, const char *step)
{
    struct world *w = &p->w;
    const char *text = step[0] && step[1] == ' ' ? step + 2 : "";

    if (strcmp(step, "s") == 0) {
        if (next_line(&w->out, &p->out_at, "\r").p)
            die(p, "the client was told something", SPAN_NULL);
    } else if (strcmp(step, "k") == 0) {
        if (next_line(&w->sent, &p->sent_at, "\r").p)
            die(p, "the backend was told something", SPAN_NULL);
    } else if (strcmp(step, "* ") == 0) {
        p->out_at = w->out.n; /* whatever the client was told up to here */
    } else if (step[1] == ' ' && step[0] == 'S') {
        expect(p, &w->out, &p->out_at, "\r", text);
    } else if (step[1] == ' ' && step[0] == 'K') {
        expect(p, &w->sent, &p->sent_at, "\r", text);
    } else if (step[1] == ' ' && step[0] == 'L') {
        expect(p, &w->log, &p->log_at, "", text);
    } else if (step[1] == ' ' && step[0] == 'B') {
        do_backend(p, text);
    } else if (step[1] == ' ' && (step[0] == 'C' || step[0] == 'c')) {
        do_client(p, text, step[0] == 'C');
    } else {
        do_word(p, step);
    }
}

static inline void play(const struct scenario *sc, enum cut cut)
{
    static struct play p;

    p = (struct play){.sc = sc, .cut = cut};
    world_open(&p.w, sc->identity, GATE_WRAP_CLEAR);
    p.w.later = cut == CUT_LATER;
    /* A pipelined DATA is judged by whether something came behind it. */
    for (; p.step < STEPS && sc->steps[p.step]; p.step++)
        play_step(&p, sc->steps[p.step]);
    world_close(&p.w);
}

static inline void play_all(const struct scenario *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (enum cut cut = CUT_WHOLE; cut < CUTS; cut++)
            play(&all[i], cut);
}

#endif
