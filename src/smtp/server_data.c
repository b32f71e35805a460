/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The message, by DATA with its dots or by BDAT in counted chunks (RFC 3030). Both give its
 * octets to the owner as they come and ask about the whole at the end; nothing is kept here.
 *
 * A message that is refused half-way is still read to its end, because its octets would otherwise
 * be read as commands; only one that is too long to be worth it ends the session. After a refused
 * chunk the transaction is gone, so that later chunks of the same message find none (503) and are
 * passed over as well.
 */
#include "smtp/server_priv.h"

static const struct smtp_say no_rcpt = {503, "5.5.1", "Need RCPT command"};
static const struct smtp_say no_valid_rcpt = {554, "5.5.1", "No valid recipients"};
static const struct smtp_say in_chunks = {503, "5.5.1", "Message has begun with BDAT"};
static const struct smtp_say needs_bdat = {503, "5.5.1", "BINARYMIME needs BDAT"};
static const struct smtp_say too_big = {552, "5.3.4", "Message too big"};
static const struct smtp_say foul = {550, "5.6.0", "Bare CR, bare LF or NUL in the message"};

/* What stands against a message at this point, or NULL. */
static const struct smtp_say *hindrance(const struct smtp_server *s)
{
    if (s->rcpts)
        return NULL;
    return s->rcpts_bad ? &no_valid_rcpt : &no_rcpt;
}

void server_rate_begin(struct smtp_server *s, int64_t now)
{
    if (!s->config->rate_min)
        return;
    s->rate_left = (uint64_t)s->config->rate_min * (SMTP_RATE_WINDOW / 1000);
    s->rate_deadline = now + SMTP_RATE_WINDOW;
}

/* Enough octets in time earn the next window at its time; a fast client is never asked. */
static void rate_count(struct smtp_server *s, size_t n, int64_t now)
{
    s->rate_left -= n < s->rate_left ? n : s->rate_left;
    if (s->rate_left == 0)
        server_rate_begin(s, now);
}

static void begin(struct smtp_server *s, int64_t now)
{
    server_rate_begin(s, now);
    s->dot = (struct smtp_dot_in){0};
    s->full = s->dropping = s->too_big = false;
    s->passed = 0;
    s->deadline = server_later(now, s->config->wait_chunk);
    s->message_deadline = server_later(now, s->config->wait_message);
}

static enum smtp_now ask_data(struct smtp_server *s, struct smtp_say *say)
{
    *say = (struct smtp_say){354, NULL, "End data with <CR><LF>.<CR><LF>"};
    return s->ops->data ? s->ops->data(s->owner, s, say) : SMTP_NOW;
}

void server_data(struct smtp_server *s, const struct smtp_command *cmd, int64_t now)
{
    const struct smtp_say *no = hindrance(s);
    struct smtp_say say;
    enum smtp_now when;

    if (s->by_bdat)
        no = &in_chunks;
    else if (s->body == SMTP_BODY_BINARYMIME)
        no = &needs_bdat;
    if (no) {
        server_reply(s, no);
        return;
    }
    s->chunked = false;
    when = ask_data(s, &say);
    server_asked(s, SERVER_ASK_DATA, when, &say, now);
}

void server_data_answered(struct smtp_server *s, const struct smtp_say *say, int64_t now)
{
    server_reply(s, say);
    if (say->code != 354 || s->state == SMTP_SERVER_CLOSED)
        return;
    s->state = SMTP_SERVER_DATA;
    begin(s, now);
}

/* All octets of the message were read. */
static void ask_end(struct smtp_server *s, int64_t now)
{
    uint64_t max = s->config->size_max;
    struct smtp_say say = {451, "4.3.0", "No answer"};
    const struct smtp_say *no = NULL;

    s->too_big = max && s->dot.seen.octets > max;
    if (s->too_big)
        no = &too_big;
    else if (s->config->refuse_foul && smtp_text_foul(&s->dot.seen))
        no = &foul;
    server_listen(s, now);
    s->message_deadline = s->rate_deadline = INT64_MAX;
    if (no) {
        server_drop_mail(s);
        server_reply(s, no);
        return;
    }
    server_asked(s, SERVER_ASK_END, s->ops->end(s->owner, s, &say), &say, now);
}

/* Hands octets on while somebody wants them. False when the session is over. */
static bool give(struct smtp_server *s, struct span text)
{
    uint64_t max = s->config->size_max;

    if (max && s->dot.seen.octets > max) {
        s->too_big = true;
        s->passed += text.n;
        if (s->passed > SMTP_TEXT_PASSED) {
            server_drop_mail(s);
            server_end(s, SMTP_END_TOO_BIG, too_big.code, too_big.enhanced, too_big.text);
            return false;
        }
    } else if (!s->full) {
        s->full = !s->ops->chunk(s->owner, s, text);
    }
    return true;
}

void server_take_data(struct smtp_server *s, struct span *in, int64_t now)
{
    enum smtp_dot_got got;
    struct span piece;

    s->deadline = server_later(now, s->config->wait_chunk);
    rate_count(s, in->n, now);
    while ((got = smtp_dot_read(&s->dot, in, &piece)) == SMTP_DOT_PIECE) {
        if (!give(s, piece))
            return;
    }
    if (got == SMTP_DOT_DONE)
        ask_end(s, now);
}

static void chunk_done(struct smtp_server *s, int64_t now)
{
    struct buf text = BUF_INIT(64);

    server_listen(s, now);
    if (s->dropping) {
        s->dropping = false;
        server_say_later(s);
        return;
    }
    if (s->chunk_last) {
        smtp_text_end(&s->dot.seen);
        ask_end(s, now);
        return;
    }
    buf_addf(&text, "%llu octets received", (unsigned long long)s->chunk_size);
    server_say(s, 250, "2.0.0", buf_str(&text));
    buf_deinit(&text);
}

/* Waits for the octets of the chunk; a chunk of none is done at once. */
static void open_chunk(struct smtp_server *s, int64_t now)
{
    s->state = SMTP_SERVER_BDAT;
    s->deadline = server_later(now, s->config->wait_chunk);
    if (s->chunk_left == 0)
        chunk_done(s, now);
}

static void refuse_chunk(struct smtp_server *s, const struct smtp_say *say, int64_t now)
{
    bool ends = s->chunk_left > SMTP_TEXT_PASSED || say->code == 421;

    /* The owner's words may stand in what its reset frees: they are written first. */
    if (ends)
        server_end(s, say->code == 421 ? SMTP_END_REFUSED : SMTP_END_TOO_BIG, say->code,
                   say->enhanced, say->text);
    else
        server_write(&s->later, say);
    server_drop_mail(s);
    if (ends)
        return;
    s->dropping = true;
    /* Counted now, said when the octets are through; over the budget, the session ends here. */
    s->errors++;
    if (s->later.err || (s->config->error_max && s->errors > s->config->error_max)) {
        server_end(s, SMTP_END_ERRORS, 421, "4.7.0", "Too many errors");
        return;
    }
    open_chunk(s, now);
}

void server_bdat_refuse(struct smtp_server *s, const struct smtp_command *cmd,
                        const struct smtp_say *say, int64_t now)
{
    s->chunk_left = cmd->chunk;
    refuse_chunk(s, say, now);
}

void server_bdat(struct smtp_server *s, const struct smtp_command *cmd, int64_t now)
{
    uint64_t max = s->config->size_max;
    const struct smtp_say *no = hindrance(s);
    struct smtp_say say;
    enum smtp_now when;

    s->chunk_left = s->chunk_size = cmd->chunk;
    s->chunk_last = cmd->last;
    if (!s->by_bdat)
        s->dot.seen = (struct smtp_text_seen){0};
    s->too_big = !no && max && (cmd->chunk > max || s->dot.seen.octets > max - cmd->chunk);
    if (s->too_big)
        no = &too_big;
    if (no) {
        refuse_chunk(s, no, now);
    } else if (s->by_bdat) {
        open_chunk(s, now);
    } else {
        s->chunked = true;
        when = ask_data(s, &say);
        server_asked(s, SERVER_ASK_CHUNKS, when, &say, now);
    }
}

void server_chunks_answered(struct smtp_server *s, const struct smtp_say *say, int64_t now)
{
    if (say->code != 354) {
        refuse_chunk(s, say, now);
        return;
    }
    begin(s, now);
    s->by_bdat = true;
    open_chunk(s, now);
}

void server_take_chunk(struct smtp_server *s, struct span *in, int64_t now)
{
    size_t n = in->n < s->chunk_left ? in->n : (size_t)s->chunk_left;
    struct span piece = span_slice(*in, 0, n);

    s->deadline = server_later(now, s->config->wait_chunk);
    rate_count(s, n, now);
    *in = span_slice(*in, n, in->n);
    s->chunk_left -= n;
    if (!s->dropping) {
        smtp_text_look(&s->dot.seen, piece);
        if (!give(s, piece))
            return;
    }
    if (s->chunk_left == 0)
        chunk_done(s, now);
}
