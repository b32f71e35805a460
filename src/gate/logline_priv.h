/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What logline.c and logline_postfix.c share. */
#ifndef POSTERN_GATE_LOGLINE_PRIV_H
#define POSTERN_GATE_LOGLINE_PRIV_H

#include "gate/logline.h"

void logline_postfix_connect(const struct gate_client *c, struct buf *out);
void logline_postfix_session(const struct logline_session *s, struct buf *out);
void logline_postfix_refusal(const struct logline_refusal *r, struct buf *out);
void logline_postfix_login_failed(const struct logline_login *l, struct buf *out);
void logline_postfix_mail(const struct logline_mail *m, struct buf *out);

#endif
