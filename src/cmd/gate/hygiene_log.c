/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A Postfix-like line names its program before a colon ("smtpd: …"); that becomes the tag of the
 * syslog line, postfix/smtpd, which is what rules look for.
 */
#include "cmd/gate/hygiene_log.h"

#include "io/log.h"

void hygiene_log_init(struct hygiene_log *l, struct loop *loop, struct metrics *m, uint32_t seed)
{
    *l = (struct hygiene_log){.loop = loop, .metrics = m};
    logline_rate_init(&l->rate, seed);
    l->rate.since = loop_now(loop);
}

static void turn(struct hygiene_log *l, int64_t now)
{
    uint64_t dropped[LOGLINE_KINDS];

    if (!logline_rate_turn(&l->rate, now, dropped))
        return;
    for (unsigned k = 0; k < LOGLINE_KINDS; k++) {
        if (!dropped[k])
            continue;
        metrics_add(l->metrics, METRIC_LOG_DROPPED, 0, dropped[k]);
        log_warn("log-cut", "of", logline_kind_name((enum logline_kind)k), "lines",
                 LOG_NUM((int64_t)dropped[k]), "seconds", LOG_NUM(LOGLINE_WINDOW / 1000), NULL);
    }
}

static bool wanted(struct hygiene_log *l, enum logline_kind kind, const struct gate_client *c)
{
    turn(l, loop_now(l->loop));
    return log_wants(LOG_LEVEL_INFO) && (l->all || logline_rate_ask(&l->rate, kind, c->ip));
}

static void put_postfix(struct span line)
{
    size_t colon = span_find(line, ':');
    char tag[24] = "postfix/";

    span_copy(span_slice(line, 0, colon), tag + 8, sizeof(tag) - 8);
    log_syslog(LOG_LEVEL_INFO, tag, span_slice(line, colon + 2, line.n));
}

static void put(const struct hygiene_log *l, struct buf *text)
{
    struct span rest = buf_span(text), line;

    if (l->style == LOGLINE_PLAIN && rest.n) {
        log_line(LOG_LEVEL_INFO, rest);
    } else {
        while (rest.n && span_cut(&rest, '\n', &line))
            put_postfix(line);
    }
    buf_deinit(text);
}

void hygiene_log_connect(struct hygiene_log *l, const struct gate_client *c)
{
    struct buf text = BUF_INIT(LOGLINE_MAIL_MAX);

    if (l->style == LOGLINE_PLAIN || !wanted(l, LOGLINE_CONNECT, c))
        return;
    logline_connect(l->style, c, &text);
    put(l, &text);
}

void hygiene_log_session(struct hygiene_log *l, const struct logline_session *s)
{
    struct buf text = BUF_INIT(LOGLINE_MAIL_MAX);

    if (!wanted(l, LOGLINE_SESSION, s->client))
        return;
    logline_session(l->style, s, &text);
    put(l, &text);
}

void hygiene_log_mail(struct hygiene_log *l, const struct logline_mail *m)
{
    struct buf text = BUF_INIT(LOGLINE_MAIL_MAX);

    if (!wanted(l, LOGLINE_MAIL, m->client))
        return;
    logline_mail(l->style, m, &text);
    put(l, &text);
}

void hygiene_log_refusal(struct hygiene_log *l, const struct logline_refusal *r)
{
    struct buf text = BUF_INIT(LOGLINE_MAIL_MAX);

    if (!wanted(l, LOGLINE_REFUSAL, r->client))
        return;
    logline_refusal(l->style, r, &text);
    put(l, &text);
}

void hygiene_log_login_failed(struct hygiene_log *l, const struct logline_login *f)
{
    struct buf text = BUF_INIT(LOGLINE_MAIL_MAX);

    if (!wanted(l, LOGLINE_LOGIN, f->client))
        return;
    logline_login_failed(l->style, f, &text);
    put(l, &text);
}

void hygiene_log_flush(struct hygiene_log *l)
{
    turn(l, l->rate.since + LOGLINE_WINDOW);
}
