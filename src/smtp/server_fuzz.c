/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hostile client. The first byte chooses the server, the second the cuts: pieces of that many
 * octets, and an owner who answers every other question later. What comes out must be whole reply
 * lines, few of them waiting, and the machine must stand still only where it says so.
 */
#include "smtp/server.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_owner {
    unsigned asked;
    bool waiting;
};

static enum smtp_now ask(struct fuzz_owner *o)
{
    o->waiting = ++o->asked & 1;
    return o->waiting ? SMTP_LATER : SMTP_NOW;
}

static enum smtp_now on_command(void *owner, struct smtp_server *s, const struct smtp_command *cmd,
                                struct smtp_say *ret)
{
    if (cmd->path_text.n % 3 == 1)
        *ret = (struct smtp_say){550, "5.7.1", "no"};
    return ask(owner);
}

static enum smtp_now on_end(void *owner, struct smtp_server *s, struct smtp_say *ret)
{
    if (s->config->size_max && s->dot.seen.octets > s->config->size_max)
        abort();
    *ret = (struct smtp_say){250, "2.0.0", "kept"};
    return ask(owner);
}

static enum smtp_now on_auth(void *owner, struct smtp_server *s, struct span line, bool first,
                             struct smtp_say *ret)
{
    *ret = (struct smtp_say){first ? 334 : 235, NULL, ""};
    return ask(owner);
}

static bool on_chunk(void *owner, struct smtp_server *s, struct span text)
{
    if (!s->in_mail || !s->rcpts)
        abort();
    return text.n < 100;
}

static const struct smtp_server_ops ops = {
    .mail = on_command,
    .rcpt = on_command,
    .chunk = on_chunk,
    .end = on_end,
    .other = on_command,
    .auth = on_auth,
};

static const struct smtp_server_config configs[] = {
    {.name = "a.test", .ext = ~0u, .size_max = 200, .rcpt_max = 3, .error_max = 10},
    {.name = "a.test", .ext = ~0u, .turns = SMTP_TURNS_STRICT, .refuse_foul = true},
    {.name = "a.test", .ext = ~0u, .any_path = true, .lf_commands = true, .mechs = "PLAIN"},
    {.name = "a.test", .tls_needed = true, .command_max = 50, .ext = SMTP_EXT_STARTTLS},
};

static void check_out(struct smtp_server *s)
{
    if (s->out.n > SMTP_OUT_HIGH + SMTP_OUT_HIGH)
        abort();
    for (size_t i = 0; i < s->out.n; i++)
        if ((s->out.p[i] == '\n') != (i > 0 && s->out.p[i - 1] == '\r'))
            abort();
    buf_consume(&s->out, s->out.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_owner o = {0};
    struct smtp_server s;
    size_t step = size > 1 ? data[1] + 1u : 1;

    smtp_server_init(&s, &configs[size ? data[0] % 4 : 0], &ops, &o, (struct ip){0});
    smtp_server_start(&s, 0);
    for (size_t at = 2; at < size && s.state != SMTP_SERVER_CLOSED;) {
        struct span in = span_slice(span_of(data, size), at, at + step);
        size_t n = smtp_server_feed(&s, in, (int64_t)at);
        struct smtp_say say = {data[at] & 1 ? 250 : 451, NULL, NULL};

        at += n;
        check_out(&s);
        if (s.state == SMTP_SERVER_TLS)
            smtp_server_tls(&s, (int64_t)at);
        else if (s.state == SMTP_SERVER_ASKED && o.waiting)
            smtp_server_resume(&s, &say, (int64_t)at);
        else if (n == 0 && s.state != SMTP_SERVER_CLOSED)
            abort();
    }
    smtp_server_tick(&s, INT64_MAX);
    smtp_server_deinit(&s);
    return 0;
}
