/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The FIFO is what makes pipelining safe: a reply is never matched by what it says, only by its
 * place. Buffers start small and grow, because a bulk run holds thousands of these at once.
 */
#include "smtp/client.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { CLIENT_OUT_MAX = 256 * 1024 };

static const struct {
    const char *name;
    bool in_group; /* may be followed by another command before its reply */
} stages[SMTP_STAGES] = {
    [SMTP_STAGE_BANNER] = {"banner", false},     [SMTP_STAGE_EHLO] = {"ehlo", false},
    [SMTP_STAGE_HELO] = {"helo", false},         [SMTP_STAGE_STARTTLS] = {"starttls", false},
    [SMTP_STAGE_AUTH] = {"auth", false},         [SMTP_STAGE_XCLIENT] = {"xclient", false},
    [SMTP_STAGE_XFORWARD] = {"xforward", false}, [SMTP_STAGE_MAIL] = {"mail", true},
    [SMTP_STAGE_RCPT] = {"rcpt", true},          [SMTP_STAGE_DATA] = {"data", false},
    [SMTP_STAGE_BODY] = {"body", false},         [SMTP_STAGE_RSET] = {"rset", true},
    [SMTP_STAGE_QUIT] = {"quit", false},
};

const char *smtp_stage_name(enum smtp_stage stage)
{
    assert(stage < SMTP_STAGES);
    return stages[stage].name;
}

static int sent_push(struct smtp_client *c, enum smtp_stage stage, unsigned cookie, int64_t now)
{
    if (c->sent_count == c->sent_cap) {
        size_t cap = c->sent_cap ? c->sent_cap * 2 : 8;
        struct smtp_sent *ring = calloc(cap, sizeof(*ring));

        if (!ring)
            return -ENOMEM;
        for (size_t i = 0; i < c->sent_count; i++)
            ring[i] = c->sent[(c->sent_from + i) % c->sent_cap];
        free(c->sent);
        c->sent = ring;
        c->sent_cap = cap;
        c->sent_from = 0;
    }
    c->sent[(c->sent_from + c->sent_count++) % c->sent_cap] =
        (struct smtp_sent){stage, cookie, now};
    return 0;
}

int smtp_client_init(struct smtp_client *c, int64_t now)
{
    *c = (struct smtp_client){.out = BUF_INIT(CLIENT_OUT_MAX), .waits = 1};
    smtp_reply_parser_init(&c->parser);
    return sent_push(c, SMTP_STAGE_BANNER, 0, now);
}

void smtp_client_deinit(struct smtp_client *c)
{
    smtp_reply_parser_deinit(&c->parser);
    buf_deinit(&c->out);
    free(c->sent);
    *c = (struct smtp_client){.out = BUF_INIT(CLIENT_OUT_MAX)};
    smtp_reply_parser_init(&c->parser);
}

void smtp_client_pipelining(struct smtp_client *c, bool offered)
{
    c->pipelining = offered;
}

size_t smtp_client_awaiting(const struct smtp_client *c)
{
    return c->sent_count;
}

const struct smtp_sent *smtp_client_next(const struct smtp_client *c)
{
    return c->sent_count ? &c->sent[c->sent_from] : NULL;
}

bool smtp_client_may_send(const struct smtp_client *c, enum smtp_stage stage)
{
    const struct smtp_sent *last;

    if (c->sent_count == 0)
        return true;
    /* A body waits for its 354, whatever else may be pipelined. */
    if (!c->pipelining || stage == SMTP_STAGE_BODY || c->sent_count >= SMTP_GROUP_MAX)
        return false;
    last = &c->sent[(c->sent_from + c->sent_count - 1) % c->sent_cap];
    return stages[last->stage].in_group;
}

static int await(struct smtp_client *c, enum smtp_stage stage, unsigned cookie, int64_t now)
{
    if (c->out.err)
        return c->out.err;
    /* Nothing hangs on the answer to a farewell. */
    if (c->sent_count == 0 && stage != SMTP_STAGE_QUIT)
        c->waits++;
    c->fresh++;
    return sent_push(c, stage, cookie, now);
}

int smtp_client_send(struct smtp_client *c, enum smtp_stage stage, unsigned cookie,
                     struct span line, int64_t now)
{
    buf_add(&c->out, line);
    buf_add_str(&c->out, "\r\n");
    return await(c, stage, cookie, now);
}

int smtp_client_send_raw(struct smtp_client *c, enum smtp_stage stage, unsigned cookie,
                         struct span bytes, int64_t now)
{
    buf_add(&c->out, bytes);
    return await(c, stage, cookie, now);
}

void smtp_client_flushed(struct smtp_client *c)
{
    buf_clear(&c->out);
    buf_shrink(&c->out);
    c->fresh = 0;
}

int smtp_client_feed(struct smtp_client *c, struct span *in, struct smtp_reply *ret,
                     struct smtp_sent *ret_for)
{
    int got = smtp_reply_feed(&c->parser, in, ret);

    switch (got) {
    case SMTP_REPLY_DONE:
        if (c->sent_count <= c->fresh)
            return SMTP_CLIENT_UNASKED;
        *ret_for = c->sent[c->sent_from];
        c->sent_from = (c->sent_from + 1) % c->sent_cap;
        c->sent_count--;
        return SMTP_CLIENT_REPLY;
    case SMTP_REPLY_BAD:
        return SMTP_CLIENT_BAD;
    default:
        return got;
    }
}
