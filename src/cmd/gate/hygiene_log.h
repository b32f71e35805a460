/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The gate's record lines (gate/logline.h) on their way out: style, and the bound on floods. */
#ifndef POSTERN_CMD_GATE_HYGIENE_LOG_H
#define POSTERN_CMD_GATE_HYGIENE_LOG_H

#include "gate/logline.h"
#include "gate/metrics.h"
#include "io/loop.h"

struct hygiene_log {
    struct loop *loop;
    struct metrics *metrics;
    enum logline_style style;
    bool all; /* --verbose: nothing is left out */
    struct logline_rate rate;
};

void hygiene_log_init(struct hygiene_log *l, struct loop *loop, struct metrics *m, uint32_t seed);

void hygiene_log_connect(struct hygiene_log *l, const struct gate_client *c);
void hygiene_log_session(struct hygiene_log *l, const struct logline_session *s);
void hygiene_log_mail(struct hygiene_log *l, const struct logline_mail *m);
void hygiene_log_refusal(struct hygiene_log *l, const struct logline_refusal *r);
void hygiene_log_login_failed(struct hygiene_log *l, const struct logline_login *f);
/* Tells what was left out so far. */
void hygiene_log_flush(struct hygiene_log *l);

#endif
