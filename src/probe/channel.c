/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each channel is a few bytes more or less in front of, inside or around the same envelopes. What
 * they are is data; what is here is only the wire form that data cannot express.
 */
#include "probe/channel.h"

#include "base/escape.h"
#include "base/num.h"
#include "smtp/proxy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct form *channel_of(const struct door *d, size_t probe)
{
    return d->host->run->list->probes[probe].channel;
}

/* "tcp4 127.0.0.1 192.0.2.1": family, claimed source, destination. */
static int proxy2_header(const struct door *d, struct span with, struct buf *out)
{
    struct span family, word;
    struct ip from, to;

    if (!span_word(&with, &family))
        return 1;
    if (span_eq_nocase(family, SPAN_LIT("local"))) {
        smtp_proxy2_local(out);
        return out->err;
    }
    if (!span_word(&with, &word) || !ip_parse(word, &from) || !span_word(&with, &word) ||
        !ip_parse(word, &to) || from.family != to.family)
        return 1;
    smtp_proxy2(from, SMTP_PROXY_PORT, to, d->port, SPAN_NULL, out);
    return out->err;
}

int channel_proxy_header(const struct door *d, size_t probe, struct buf *out)
{
    const struct form *channel = channel_of(d, probe);
    struct buf with = BUF_INIT(EXPAND_MAX);
    int err;

    if (!channel || (channel->channel != CHANNEL_PROXY1 && channel->channel != CHANNEL_PROXY2))
        return 1;
    err = door_expand(d, probe, channel->with, &with);
    if (!err && channel->channel == CHANNEL_PROXY1) {
        buf_add(out, buf_span(&with));
        buf_add_str(out, "\r\n");
        err = out->err;
    } else if (!err) {
        err = proxy2_header(d, buf_span(&with), out);
    }
    buf_deinit(&with);
    return err;
}

const struct form *channel_login(const struct door *d)
{
    static const struct form plain = {.kind = FORM_CHANNEL,
                                      .id = "control-login",
                                      .channel = CHANNEL_AUTH,
                                      .with = "PLAIN \\x00{account}\\x00{password}"};
    static const struct form login = {.kind = FORM_CHANNEL,
                                      .id = "control-login",
                                      .channel = CHANNEL_AUTH,
                                      .with = "LOGIN {account} | {password}"};

    if (d->ehlo.mechs & SMTP_MECH_PLAIN)
        return &plain;
    return d->ehlo.mechs & SMTP_MECH_LOGIN ? &login : NULL;
}

int channel_auth_line(const struct door *d, const struct form *channel, size_t probe, unsigned step,
                      struct buf *out)
{
    struct buf clear = BUF_INIT(EXPAND_MAX);
    struct span form;
    char *copy;
    int err;

    if (!channel || !channel_auth_step(channel, step, &form))
        return 1;
    copy = span_dup(form);
    err = copy ? door_expand(d, probe, copy, &clear) : -ENOMEM;
    if (!err && step == 0) {
        buf_add_str(out, "AUTH ");
        buf_add(out, buf_span(&clear));
    } else if (!err) {
        escape_base64(out, buf_span(&clear));
    }
    /* A password must not lie about in freed memory. */
    if (clear.p)
        explicit_bzero(clear.p, clear.cap);
    buf_deinit(&clear);
    free(copy);
    return err ? err : out->err;
}

/* Word `n` of the row's sizes, and whether "last" stands behind it. */
static bool bdat_word(const struct form *channel, size_t n, struct span *ret, bool *ret_last)
{
    struct span with = span_str(channel->with), word, next;
    size_t at = 0;

    while (span_word(&with, &word)) {
        struct span rest = with;

        if (span_eq_nocase(word, SPAN_LIT("last")))
            return false;
        *ret_last = span_word(&rest, &next) && span_eq_nocase(next, SPAN_LIT("last"));
        *ret = word;
        if (at++ == n)
            return true;
    }
    return false;
}

bool channel_bdat_next(const struct form *channel, struct span message, struct channel_chunk *c)
{
    size_t left = message.n - c->done, size = left;
    struct span word;
    uint64_t number;
    bool last;

    if (!channel || c->last || !bdat_word(channel, c->count, &word, &last))
        return false;
    if (num_u64(word, 0, UINT64_MAX, &number))
        size = number < left ? (size_t)number : left;
    /* The last chunk ends the message: what its size leaves over goes into one before it. */
    if (last && size < left) {
        c->bytes = span_slice(message, c->done, c->done + left - size);
        c->done += left - size;
        return true;
    }
    c->bytes = span_slice(message, c->done, c->done + size);
    c->done += size;
    c->count++;
    c->last = last;
    return true;
}

static bool early(const struct form *channel, const char *where)
{
    return channel && channel->channel == CHANNEL_EARLY &&
           span_eq_nocase(span_str(channel->with), span_str(where));
}

bool channel_early_at_banner(const struct form *channel)
{
    return early(channel, "banner");
}

bool channel_early_past_data(const struct form *channel)
{
    return early(channel, "data");
}
