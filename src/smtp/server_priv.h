/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the server machine share. */
#ifndef POSTERN_SMTP_SERVER_PRIV_H
#define POSTERN_SMTP_SERVER_PRIV_H

#include "smtp/server.h"

/* The questions to the owner; one at most is open. */
enum server_ask {
    SERVER_ASK_NONE = 0,
    SERVER_ASK_GREET,
    SERVER_ASK_HELLO,
    SERVER_ASK_MAIL,
    SERVER_ASK_RCPT,
    SERVER_ASK_DATA,
    SERVER_ASK_CHUNKS, /* the same of BDAT */
    SERVER_ASK_END,
    SERVER_ASK_OTHER,
    SERVER_ASK_AUTH,
};

/* A deadline `wait` from now; 0 is never. */
int64_t server_later(int64_t now, int64_t wait);

/* server_say.c: replies onto the wire. */

/* Writes a reply to any buffer: bounded lines, no control characters. */
void server_write(struct buf *out, const struct smtp_say *say);
/* The reply to a command: written and, from 400 on, counted as an error. */
void server_reply(struct smtp_server *s, const struct smtp_say *say);
void server_say(struct smtp_server *s, unsigned code, const char *enhanced, const char *text);
void server_fault(struct smtp_server *s, const struct smtp_fault *fault);
/* The last reply of the session. */
void server_end(struct smtp_server *s, enum smtp_server_end end, unsigned code,
                const char *enhanced, const char *text);
/* The reply to a refused chunk, now that its octets are through. */
void server_say_later(struct smtp_server *s);
void server_say_greeting(struct smtp_server *s, const struct smtp_say *say);
void server_say_hello(struct smtp_server *s, const struct smtp_say *say);
/* What EHLO shows now. */
unsigned server_offers(const struct smtp_server *s);

/* server_verb.c: commands and what the owner says to them. */

/* `behind`: the client has sent more already. */
void server_command(struct smtp_server *s, struct span line, bool behind, int64_t now);
void server_auth_line(struct smtp_server *s, struct span line, int64_t now);
void server_answered(struct smtp_server *s, enum server_ask ask, const struct smtp_say *say,
                     int64_t now);
/* Either the owner has answered at once, or the machine stops until it does. */
void server_asked(struct smtp_server *s, enum server_ask ask, enum smtp_now when,
                  const struct smtp_say *say, int64_t now);
void server_ask_greeting(struct smtp_server *s, int64_t now);
/* Waits for the next command. */
void server_listen(struct smtp_server *s, int64_t now);
/* No HELO was said. */
void server_forget_hello(struct smtp_server *s);
/* The transaction, if there is one, is over. */
void server_drop_mail(struct smtp_server *s);

/* server_data.c: the message. */

void server_data(struct smtp_server *s, const struct smtp_command *cmd, int64_t now);
void server_bdat(struct smtp_server *s, const struct smtp_command *cmd, int64_t now);
/* BDAT is refused; its octets come all the same. */
void server_bdat_refuse(struct smtp_server *s, const struct smtp_command *cmd,
                        const struct smtp_say *say, int64_t now);
void server_data_answered(struct smtp_server *s, const struct smtp_say *say, int64_t now);
void server_chunks_answered(struct smtp_server *s, const struct smtp_say *say, int64_t now);
/* A window of the least rate begins. */
void server_rate_begin(struct smtp_server *s, int64_t now);
void server_take_data(struct smtp_server *s, struct span *in, int64_t now);
void server_take_chunk(struct smtp_server *s, struct span *in, int64_t now);

#endif
