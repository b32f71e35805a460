/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the pass-through machine share. */
#ifndef POSTERN_GATE_PASS_PRIV_H
#define POSTERN_GATE_PASS_PRIV_H

#include "gate/pass.h"

/* pass.c */

extern const struct smtp_server_ops pass_server_ops;
/* Answers the RCPT that is open, inside the server's question or behind it. */
void pass_rcpt_answer(struct gate_pass *p, const struct smtp_say *say, bool by_backend,
                      enum gate_fault fault);
void pass_data_answer(struct gate_pass *p, const struct smtp_say *say);
/* The message's last word is known: tells the client, if it is there, and the owner. */
void pass_verdict(struct gate_pass *p, enum gate_result result, const struct smtp_say *say);
/* From now on everything in this transaction is answered so. */
void pass_stick(struct gate_mail *m, enum gate_result result, enum gate_fault fault,
                const struct smtp_say *say);
/* The same, but another backend may still be asked, as long as this one has accepted nothing. */
void pass_stick_route(struct gate_mail *m, const struct gate_route *route, enum gate_result result,
                      enum gate_fault fault, const struct smtp_say *say);
struct smtp_say pass_stuck(const struct gate_mail *m);

/* pass_back.c */

/* The RCPT that is open goes to this backend. */
void pass_ask(struct gate_pass *p, const struct gate_route *route);
/* Says what may be said now. */
void pass_advance(struct gate_pass *p);
/* Closes in order, by QUIT where it may be said. */
void pass_close(struct gate_pass *p);
/* Closes without a word: never a QUIT, never a dot. */
void pass_abort(struct gate_pass *p);
/* The backend is of no more use. `gone`: its connection is closed already. */
void pass_fail(struct gate_pass *p, enum gate_fault fault, bool gone);
struct smtp_say pass_fault_say(enum gate_fault fault);

/* pass_text.c */

enum smtp_now pass_on_data(void *owner, struct smtp_server *s, struct smtp_say *ret);
bool pass_on_chunk(void *owner, struct smtp_server *s, struct span text);
enum smtp_now pass_on_end(void *owner, struct smtp_server *s, struct smtp_say *ret);
/* Sends a chunk, if one is due and may be sent. */
void pass_chunks(struct gate_pass *p);

#endif
