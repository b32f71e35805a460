/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A made-up server for the door's tests: it counts what real ones count, and answers what they
 * answer; time passes as it lets it.
 */
#ifndef POSTERN_PROBE_DOOR_SERVER_TEST_H
#define POSTERN_PROBE_DOOR_SERVER_TEST_H

#include "probe/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PER_FORM_COUNT = 4096, NEVER = 1000000 };

/* How a server behaves. Numbers count per session unless they say otherwise; 0 is never. */
struct behaviour {
    const char *banner, *ehlo, *refusal;
    unsigned slow_after, cut_after;  /* refused commands */
    unsigned cut_syntax, cut_resets; /* malformed addresses; RSETs */
    unsigned ban_after;              /* refused commands of all sessions: then no more greeting */
    bool hates_pipelining;
    bool quit_drops; /* at QUIT it resets, and what was not sent yet is gone */
    bool takes_all;  /* every recipient is fine */
    bool grey;       /* a triple is put off the first time it is seen */
    bool needs_tls, no_control;
    int64_t reply_ms; /* each reply comes this late */
};

struct server {
    const struct behaviour *b;
    unsigned refused, syntax, resets, all_refused, sessions, messages, slowed, cuts, overrun, drops;
    bool in_mail, in_data, dead;
    char seen[PER_FORM_COUNT][120]; /* envelopes that were put off */
    size_t seen_count;
    char mail[300];
    struct buf out;
    int64_t late[PER_FORM_COUNT]; /* of each reply line in out, ms */
    size_t lines;
    int64_t refused_at[PER_FORM_COUNT];
};

static void refuse(struct server *s, const char *reply, int64_t now)
{
    s->refused++;
    if (s->all_refused < PER_FORM_COUNT)
        s->refused_at[s->all_refused] = now;
    s->all_refused++;
    if (s->b->cut_after && s->refused >= s->b->cut_after) {
        buf_add_str(&s->out, "421 4.7.0 too many errors\r\n");
        s->dead = true;
        s->cuts++;
        return;
    }
    if (s->b->slow_after && s->refused > s->b->slow_after) {
        s->slowed++;
        s->late[s->lines] = 1000;
    }
    buf_addf(&s->out, "%s\r\n", reply);
}

static bool put_off(struct server *s, const char *rcpt)
{
    char triple[120];

    snprintf(triple, sizeof(triple), "%.50s %.60s", s->mail, rcpt);
    for (size_t i = 0; i < s->seen_count; i++)
        if (strcmp(s->seen[i], triple) == 0)
            return false;
    if (s->seen_count < PER_FORM_COUNT)
        snprintf(s->seen[s->seen_count++], sizeof(triple), "%s", triple);
    return true;
}

static void rcpt_in(struct server *s, const char *arg, int64_t now)
{
    size_t n = strlen(arg);
    bool control = strncmp(arg, "<postmaster>", 12) == 0 || strstr(arg, "<postmaster@mx");

    if (!s->in_mail) {
        refuse(s, "503 5.5.1 Error: need MAIL command", now);
    } else if (n < 3 || strstr(arg, "@>") || strchr(arg, '@') != strrchr(arg, '@')) {
        s->syntax++;
        if (s->b->cut_syntax && s->syntax > s->b->cut_syntax) {
            buf_add_str(&s->out, "501 syntactically invalid\r\n");
            s->dead = true;
            s->cuts++;
            return;
        }
        refuse(s, "501 5.1.3 Bad recipient address syntax", now);
    } else if (s->b->grey && put_off(s, arg)) {
        refuse(s, "450 4.2.0 Greylisted, try again in 5 seconds", now);
    } else if (s->b->takes_all || (control && !s->b->no_control)) {
        buf_add_str(&s->out, "250 2.1.5 Ok\r\n");
    } else {
        refuse(s, s->b->refusal, now);
    }
}

static void command_in(struct server *s, const char *line, int64_t now)
{
    s->lines = 0;
    for (size_t i = 0; i < s->out.n; i++)
        s->lines += s->out.p[i] == '\n';
    if (strncmp(line, "EHLO", 4) == 0 || strncmp(line, "HELO", 4) == 0) {
        s->in_mail = false;
        buf_add_str(&s->out, line[0] == 'E' ? s->b->ehlo : "250 mx.example\r\n");
    } else if (strncmp(line, "MAIL FROM:", 10) == 0) {
        if (s->b->needs_tls) {
            refuse(s, "530 5.7.0 Must issue a STARTTLS command first", now);
            return;
        }
        s->in_mail = true;
        snprintf(s->mail, sizeof(s->mail), "%.290s", line + 10);
        buf_add_str(&s->out, "250 2.1.0 Ok\r\n");
    } else if (strncmp(line, "RCPT TO:", 8) == 0) {
        rcpt_in(s, line + 8, now);
    } else if (strcmp(line, "RSET") == 0) {
        s->in_mail = false;
        s->resets++;
        if (s->b->cut_resets && s->resets > s->b->cut_resets) {
            buf_add_str(&s->out, "554 Too many nonmail commands\r\n");
            s->dead = true;
            s->cuts++;
            return;
        }
        buf_add_str(&s->out, "250 2.0.0 Ok\r\n");
    } else if (strcmp(line, "DATA") == 0) {
        s->in_data = true;
        buf_add_str(&s->out, "354 go\r\n");
    } else if (strcmp(line, "QUIT") == 0) {
        if (s->b->quit_drops) {
            s->drops += s->out.n > 0;
            buf_clear(&s->out);
        } else {
            buf_add_str(&s->out, "221 bye\r\n");
        }
        s->dead = true;
    } else {
        refuse(s, "502 5.5.2 unknown", now);
    }
}

/* Eats what the client wrote; lines are whole, because the client writes whole lines. */
static void server_read(struct server *s, struct buf *in, int64_t now)
{
    struct span rest = buf_span(in), line;
    unsigned commands = 0;

    while (!s->dead && rest.n && span_cut(&rest, '\n', &line)) {
        char text[2000];

        line = span_trim(line);
        if (line.n >= sizeof(text) || !span_copy(line, text, sizeof(text)))
            text[0] = '\0';
        if (s->in_data) {
            if (strcmp(text, ".") == 0) {
                s->in_data = s->in_mail = false;
                s->messages++;
                buf_add_str(&s->out, "250 2.0.0 queued\r\n");
            }
            continue;
        }
        if (commands++ && s->b->hates_pipelining) {
            buf_add_str(&s->out, "500 Pipelining not supported\r\n");
            s->dead = true;
            s->overrun++;
            return;
        }
        command_in(s, text, now);
    }
    buf_clear(in);
}

/* One session from greeting to end; time passes as the server lets it. */
static void hold_session(struct door *d, struct server *s, int64_t *now)
{
    struct session session;
    struct ip mine = {.family = IP_V4, .b = {192, 0, 2, 7}};
    int64_t until = 0;

    s->sessions++;
    s->refused = s->syntax = s->resets = 0;
    s->in_mail = s->in_data = s->dead = false;
    buf_clear(&s->out);
    assert_int_equal(session_init(&session, d, pace_left(&d->host->pace, *now, &until), *now), 0);
    if (s->b->ban_after && s->all_refused >= s->b->ban_after) {
        session_closed(&session, DOOR_END_UNREACHABLE, NULL, *now);
    } else {
        session_connected(&session, mine, *now);
        buf_add_str(&s->out, s->b->banner);
    }
    while (!session.over) {
        struct span rest = buf_span(&s->out), line;

        if (session.client.out.n)
            server_read(s, &session.client.out, *now);
        smtp_client_flushed(&session.client);
        rest = buf_span(&s->out);
        if (!rest.n && s->dead)
            session_closed(&session, DOOR_END_CUT, "closed", *now);
        if (!rest.n && !s->dead) {
            *now = session.deadline;
            session_tick(&session, *now);
        }
        for (size_t i = 0; rest.n && !session.over && span_cut(&rest, '\n', &line); i++) {
            struct span whole = {line.p, line.n + 1};

            *now += s->b->reply_ms + s->late[i];
            session_input(&session, whole, *now);
        }
        buf_clear(&s->out);
        memset(s->late, 0, sizeof(s->late));
    }
    session_finish(&session, *now);
    session_deinit(&session);
}

#endif
