/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The message of a delivery: one body for all recipients of the transaction, with the token of
 * each. A smuggling probe's message goes on behind an ending that is none, with a second envelope
 * whose recipient carries a token of its own kind: only that token's arrival proves that the ending
 * was believed.
 */
#include "probe/session_priv.h"

#include "mail/build.h"
#include "smtp/dot.h"

#include <errno.h>
#include <string.h>

enum { TOKENS_MAX = PLAN_ITEMS_MAX, TEXT_MAX = 1000 };

struct body_parts {
    char tokens[TOKENS_MAX][TOKEN_TEXT + 1];
    struct build_token list[TOKENS_MAX];
    size_t count;
    char target[IP_TEXT_MAX];
    struct buf from, to, id, run;
};

/* The recipients of this transaction that the server took. */
static void parts_tokens(const struct session *s, size_t tx, struct body_parts *p)
{
    for (size_t i = 0; i < s->step_count && p->count < TOKENS_MAX; i++) {
        const struct session_step *step = &s->steps[i];

        if (step->tx != tx || step->stage != SMTP_STAGE_RCPT || step->filler ||
            s->door->results[step->probe].state != PROBE_TAKEN)
            continue;
        door_token(s->door, step->probe, TOKEN_RECIPIENT, p->tokens[p->count]);
        p->list[p->count] = (struct build_token){
            .text = span_str(p->tokens[p->count]),
            .label = span_str(s->door->host->run->list->probes[step->probe].id),
        };
        p->count++;
    }
}

static void parts_names(const struct session *s, size_t tx, int64_t now, struct body_parts *p)
{
    const struct door *d = s->door;
    size_t lead = s->txs[tx].lead;

    p->from = p->to = p->id = p->run = (struct buf)BUF_INIT(TEXT_MAX);
    door_expand(d, lead, "{s}@{d}", &p->from);
    buf_addf(&p->to, "%s@%s", p->count ? p->tokens[0] : "probe", d->host->run->domain);
    buf_addf(&p->id, "%08x.%x.%x.%llx@%s", d->host->run->run, d->serial_base + (unsigned)lead,
             (unsigned)s->number, (unsigned long long)(now + d->host->run->wall_offset),
             d->host->run->helo);
    buf_addf(&p->run, "%08x", d->host->run->run);
}

static void parts_deinit(struct body_parts *p)
{
    buf_deinit(&p->from);
    buf_deinit(&p->to);
    buf_deinit(&p->id);
    buf_deinit(&p->run);
}

static int message_build(const struct session *s, size_t tx, int64_t now, struct buf *out)
{
    const struct door_run *run = s->door->host->run;
    struct body_parts p = {0};
    const char *which = NULL;
    struct build b;
    int err;

    parts_tokens(s, tx, &p);
    parts_names(s, tx, now, &p);
    b = (struct build){
        .date_wall = (now + run->wall_offset) / 1000,
        .from = buf_span(&p.from),
        .to = buf_span(&p.to),
        .message_id = buf_span(&p.id),
        .run = buf_span(&p.run),
        .target = span_str(s->door->host->given ? s->door->host->given
                                                : ip_text(s->door->host->ip, p.target)),
        .tester = span_str(run->helo),
        .contact = span_str(run->contact),
        .uri = span_str(run->uri),
        .opt_out = span_str(run->opt_out),
        .tokens = p.list,
        .token_count = p.count,
    };
    err = build_message(&b, out, &which);
    parts_deinit(&p);
    return err > 0 ? -EINVAL : err;
}

/* What stands behind the false ending: a whole envelope and its message, to us. */
static int inner_build(const struct session *s, size_t tx, int64_t now, struct buf *out)
{
    const struct door_run *run = s->door->host->run;
    size_t lead = s->txs[tx].lead;
    char token[TOKEN_TEXT + 1];
    int err;

    door_token(s->door, lead, TOKEN_INNER, token);
    err = door_expand(s->door, lead, s->channel->with, out);
    if (err)
        return err > 0 ? -EINVAL : err;
    buf_add_str(out, "MAIL FROM:<");
    door_expand(s->door, lead, "{s}@{d}", out);
    buf_addf(out, ">\r\nRCPT TO:<%s%s%s@%s>\r\nDATA\r\n", run->u_prefix ? run->u_prefix : "", token,
             run->u_suffix ? run->u_suffix : "", run->domain);
    return message_build(s, tx, now, out);
}

int body_build(struct session *s, size_t tx, int64_t now, struct buf *out)
{
    struct buf message = BUF_INIT(BODY_MAX);
    int err = message_build(s, tx, now, &message);

    if (!err && s->channel && s->channel->channel == CHANNEL_BDAT) {
        buf_add(out, buf_span(&message));
    } else if (!err) {
        struct smtp_dot_out dots = {0};

        smtp_dot_write(&dots, buf_span(&message), out);
        if (s->channel && s->channel->channel == CHANNEL_SMUGGLE) {
            /* The ending takes the place of the last line end, so that it is exactly the row's. */
            buf_truncate(out, out->n - 2);
            err = inner_build(s, tx, now, out);
            buf_add_str(out, ".\r\n");
        } else {
            smtp_dot_close(&dots, out);
        }
    }
    buf_deinit(&message);
    return err ? err : out->err;
}
