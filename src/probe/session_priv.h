/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the session machine share: prelude.c, envelopes.c, body.c and session.c. */
#ifndef POSTERN_PROBE_SESSION_PRIV_H
#define POSTERN_PROBE_SESSION_PRIV_H

#include "probe/session.h"

enum {
    SESSION_LINE_MAX = 4096, /* bytes of a command that we write: long forms are the point */
    BODY_MAX = 256 * 1024,   /* bytes of a message that we write */
};

struct transcript *session_log(struct session *s);
void session_note(struct session *s, const char *what);
void session_over(struct session *s, enum door_end end);
/* Sends a line and notes it; returns its line in the transcript. Ends the session on -ENOMEM. */
uint16_t session_say(struct session *s, enum smtp_stage stage, unsigned cookie, struct span line,
                     int64_t now);
uint16_t session_say_raw(struct session *s, enum smtp_stage stage, unsigned cookie,
                         struct span bytes, const char *what, int64_t now);
/* Counts an error reply on the session's and the host's account. */
void session_count_error(struct session *s, enum meaning m, int64_t now);
/* What of this session was the server's time, ms. */
int64_t session_busy(const struct session *s, int64_t now);
void session_quit(struct session *s, enum door_end end, int64_t now);

/* prelude.c: from the connection to the first MAIL. */
void prelude_connected(struct session *s, int64_t now);
void prelude_next(struct session *s, int64_t now);
void prelude_reply(struct session *s, const struct smtp_sent *sent, const struct smtp_reply *reply,
                   enum meaning m, uint16_t line, int64_t now);

/* envelopes_lay.c: the plan as steps. 0 or -ENOMEM. */
int envelopes_lay(struct session *s);
/* Recipients taken in a pipelined survey get their delivery now, one transaction a sender. */
int envelopes_lay_deliveries(struct session *s, bool *ret_any);

/* envelopes.c: says the steps. envelopes_reply.c: reads the answers. */
void envelopes_pump(struct session *s, int64_t now);
void envelopes_reply(struct session *s, const struct smtp_sent *sent,
                     const struct smtp_reply *reply, enum meaning m, uint16_t line, int64_t now);
/* Writes all planned envelopes at once, without waiting for any reply. */
void envelopes_early(struct session *s, int64_t now);
/* Takes back what this session heard, but for messages handed over: a token may come back yet. */
void envelopes_void(struct session *s);
/* Whether every probe that this session asked was refused for good. */
bool envelopes_all_refused(const struct session *s);
/* The server does not take the channel: all planned probes are answered by that. */
void envelopes_channel_refused(struct session *s, enum smtp_stage stage,
                               const struct smtp_reply *reply, enum meaning m);
/* The connection ended: what was asked and not answered goes back to the door. */
void envelopes_unanswered(struct session *s);

/* body.c: the message of a delivery, ready for the wire with its dots. 0 or a negative errno. */
int body_build(struct session *s, size_t tx, int64_t now, struct buf *out);

#endif
