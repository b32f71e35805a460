/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the sink decides, and what it makes of a message.
 *
 * A token is looked for in the whole text of a recipient, since a relay may have left it in
 * quotes, before a percent sign, behind a route, or as a label of the domain. Whether the domain
 * is ours does not matter then: mail with a valid token that came to our door was sent to us.
 *
 * Postmaster and abuse have no room for a token. Their mail is thrown away, unless it is a probe:
 * then the token of its sender or those in its text say which, with the scope "transaction".
 *
 * Errors of the store are the sender's to retry: 451, and nothing of the message is kept. Who kills
 * us after the commit and before the 250 gets it again, and its proofs are counted twice.
 */
#include "sink/receiver_priv.h"

#include "mail/build.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum { DAY = 86400, ROLE_TOKENS = 64 };

static const struct smtp_say relaying_denied = {550, "5.7.1", "relaying denied"};
static const struct smtp_say come_again = {451, "4.3.0", "Cannot keep mail now, try again later"};
static const struct smtp_say no_room = {452, "4.3.1", "No room for mail now, try again later"};
static const struct smtp_say too_fast = {450, "4.7.1", "Too much mail at once, try again later"};

static int64_t wall_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void deliver_reset(struct session *s)
{
    for (size_t i = 0; i < s->rcpt_count; i++)
        free(s->rcpts[i].text);
    free(s->rcpts);
    s->rcpts = NULL;
    s->rcpt_count = s->rcpt_cap = 0;
    s->receiver->held -= s->counted;
    s->counted = 0;
    buf_deinit(&s->raw);
    buf_deinit(&s->mail);
    buf_deinit(&s->role);
}

static enum smtp_now on_greet(void *owner, struct smtp_server *smtp, struct smtp_say *ret)
{
    struct session *s = owner;

    if (s->receiver->stopping)
        *ret = (struct smtp_say){421, NULL, "Going down, try again later"};
    else if (!s->client)
        *ret = (struct smtp_say){421, NULL, "Too many connections, try again later"};
    return SMTP_NOW;
}

/* The reply that a new transaction has to be put off with, or NULL. */
static const struct smtp_say *hindrance(struct session *s)
{
    struct receiver *r = s->receiver;
    struct ip peer = s->talk.smtp.client;
    uint64_t bytes;
    int err;

    if (rate_deed(r->rate, s->client, loop_now(r->loop)) != RATE_OK) {
        receiver_tell(r, RECEIVER_CROWD, peer, 0);
        return &too_fast;
    }
    if (r->held >= RECEIVER_HELD) {
        receiver_tell(r, RECEIVER_MEMORY, peer, 0);
        return &no_room;
    }
    if (!r->config.store || !r->config.disk_max)
        return NULL;
    err = store_bytes(r->config.store, &bytes);
    if (err < 0) {
        receiver_tell(r, RECEIVER_STORE, peer, err);
        return &come_again;
    }
    if (bytes < r->config.disk_max)
        return NULL;
    receiver_tell(r, RECEIVER_DISK, peer, 0);
    return &no_room;
}

static enum smtp_now on_mail(void *owner, struct smtp_server *smtp, const struct smtp_command *cmd,
                             struct smtp_say *ret)
{
    struct session *s = owner;
    const struct smtp_say *no = hindrance(s);

    if (no) {
        *ret = *no;
        return SMTP_NOW;
    }
    deliver_reset(s);
    s->mail = (struct buf)BUF_INIT(SMTP_COMMAND_TAKEN);
    s->role = (struct buf)BUF_INIT(SMTP_COMMAND_TAKEN);
    s->raw = (struct buf)BUF_INIT(STORE_RAW_MAX);
    buf_add(&s->mail, cmd->path_text);
    if (s->mail.err)
        *ret = come_again;
    return SMTP_NOW;
}

/* postmaster without a domain too, RFC 5321 §4.1.1.3. */
static bool is_role(const struct receiver *r, const struct smtp_command *cmd)
{
    struct span local = span_of(cmd->path.local, cmd->path.local_n);

    if (cmd->path_got == SMTP_PATH_POSTMASTER)
        return true;
    return cmd->path_got == SMTP_PATH_OK && cmd->path.route.n == 0 &&
           (span_eq_nocase(local, SPAN_LIT("postmaster")) ||
            span_eq_nocase(local, SPAN_LIT("abuse"))) &&
           smtp_domain_under(cmd->path.domain, span_str(r->config.domain));
}

static bool in_date(const struct receiver *r, const struct token *t)
{
    int64_t today = wall_ms() / 1000 / DAY;

    /* A day ahead: the tester's clock need not be ours. */
    return t->day <= today + 1 && t->day + (int64_t)r->config.age_days >= today;
}

static bool has_token(const struct session *s, const struct token *t)
{
    for (size_t i = 0; i < s->rcpt_count; i++) {
        const struct token *have = &s->rcpts[i].token;

        if (have->run == t->run && have->serial == t->serial && have->kind == t->kind &&
            have->day == t->day &&
            span_eq(span_of(have->target, TOKEN_TARGET), span_of(t->target, TOKEN_TARGET)))
            return true;
    }
    return false;
}

/* The same token twice in one transaction is one proof. */
static int add_recipient(struct session *s, const struct token *t, struct span text)
{
    char *copy;

    if (has_token(s, t))
        return 0;
    if (array_grow(&s->rcpts, &s->rcpt_cap, sizeof(s->rcpts[0]), s->rcpt_count + 1) < 0)
        return -ENOMEM;
    copy = span_dup(text);
    if (!copy)
        return -ENOMEM;
    s->rcpts[s->rcpt_count++] = (struct recipient){*t, copy};
    return 0;
}

static enum smtp_now on_rcpt(void *owner, struct smtp_server *smtp, const struct smtp_command *cmd,
                             struct smtp_say *ret)
{
    struct session *s = owner;
    struct receiver *r = s->receiver;
    struct token token;

    if (token_find(r->config.key, cmd->path_text, &token) && in_date(r, &token)) {
        if (add_recipient(s, &token, cmd->path_text) < 0)
            *ret = come_again;
        return SMTP_NOW;
    }
    if (is_role(r, cmd)) {
        buf_clear(&s->role);
        buf_add(&s->role, cmd->path_text);
        if (s->role.err)
            *ret = come_again;
        return SMTP_NOW;
    }
    *ret = relaying_denied;
    s->refused++;
    r->counts.refused++;
    if (r->ev.refused)
        r->ev.refused(r->cookie, smtp->client, buf_span(&s->mail), cmd->path_text);
    return SMTP_NOW;
}

/* What is over STORE_RAW_MAX is read and not kept; s->talk.smtp.dot.seen counts all of it. */
static bool on_chunk(void *owner, struct smtp_server *smtp, struct span text)
{
    struct session *s = owner;

    buf_add(&s->raw, span_slice(text, 0, STORE_RAW_MAX - s->raw.n));
    s->receiver->held += s->raw.n - s->counted;
    s->counted = s->raw.n;
    return !s->raw.err && s->raw.n < STORE_RAW_MAX;
}

static void count(struct receiver *r, const struct receiver_arrival *a)
{
    if (a->again)
        r->counts.again++;
    else if (a->what == STORE_WHAT_ARRIVAL)
        r->counts.arrivals++;
    else if (a->what == STORE_WHAT_BOUNCE)
        r->counts.bounces++;
    else if (a->what == STORE_WHAT_AUTOREPLY)
        r->counts.autoreplies++;
    else
        r->counts.notices++;
}

/* A token of a message, and the recipient that it came to. */
struct piece {
    struct token token;
    enum store_what what;
    enum store_scope scope;
    struct span rcpt;
};

static struct store_proof proof_of(const struct receiver *r, const struct receiver_arrival *a,
                                   const struct piece *piece)
{
    struct store_proof proof = {
        .token = {.run = piece->token.run,
                  .serial = piece->token.serial,
                  .day = piece->token.day,
                  .kind = (uint32_t)piece->token.kind},
        .received_wall_ms = a->wall_ms,
        .source = r->config.source,
        .peer = a->peer,
        .helo = a->helo,
        .tls = a->tls,
        .mail = a->mail,
        .rcpt = piece->rcpt,
        .what = piece->what,
        .scope = piece->scope,
        .chain = a->chain,
        .raw = a->raw,
        .size = a->size,
    };

    static_assert((int)STORE_DIGEST == (int)TOKEN_TARGET, "a proof holds the token's digest");
    for (size_t i = 0; i < STORE_DIGEST; i++)
        proof.token.target[i] = piece->token.target[i];
    return proof;
}

/* All of a message's on disk when it returns 0, or none. */
static int keep(struct receiver *r, const struct receiver_arrival *a, const struct piece *pieces,
                size_t count, struct store_added *ret)
{
    struct store_proof *proofs;
    int err;

    if (!r->config.store)
        return 0;
    proofs = calloc(count, sizeof(*proofs));
    if (!proofs)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        proofs[i] = proof_of(r, a, &pieces[i]);
    err = store_proofs_add(r->config.store, proofs, count, ret);
    free(proofs);
    return err;
}

static void tell(struct session *s, struct receiver_arrival *a, const struct piece *piece,
                 const struct store_added *added)
{
    struct receiver *r = s->receiver;

    a->token = piece->token;
    a->what = piece->what;
    a->scope = piece->scope;
    a->rcpt = piece->rcpt;
    a->proof = added->id;
    a->again = added->again;
    evidence_way(a->evidence, &piece->token, a->peer, &a->way);
    count(r, a);
    s->arrivals++;
    r->ev.arrival(r->cookie, a);
}

static int deliver_pieces(struct session *s, struct receiver_arrival *a, const struct piece *pieces,
                          size_t n)
{
    struct store_added *added = calloc(n + 1, sizeof(*added));
    int err = added ? keep(s->receiver, a, pieces, n, added) : -ENOMEM;

    for (size_t i = 0; i < n && err == 0; i++)
        tell(s, a, &pieces[i], &added[i]);
    free(added);
    return err;
}

/* Of a message to a role: the token stands for a recipient that has none, so it itself arrived. */
static struct piece role_piece(const struct session *s, const struct token *token)
{
    return (struct piece){*token, STORE_WHAT_ARRIVAL, STORE_SCOPE_TRANSACTION, buf_span(&s->role)};
}

/* The tokens listed in a probe's own text. */
static int deliver_listed(struct session *s, struct receiver_arrival *a)
{
    struct piece pieces[ROLE_TOKENS];
    struct build_copy copy;
    int got = build_copy_read(a->raw, header_body(a->raw), &copy);
    size_t n = 0;

    for (size_t i = 0; got > 0 && i < copy.count && n < ROLE_TOKENS; i++) {
        struct token token;

        if (token_verify(s->receiver->config.key, copy.tokens[i].text, &token) &&
            in_date(s->receiver, &token))
            pieces[n++] = role_piece(s, &token);
    }
    build_copy_deinit(&copy);
    if (got < 0)
        return got;
    return n ? deliver_pieces(s, a, pieces, n) : 0;
}

static int deliver_role(struct session *s, struct receiver_arrival *a)
{
    struct receiver *r = s->receiver;
    struct piece piece;
    struct token token;

    if (a->evidence->dsn.kind == DSN_KIND_PROBE) {
        if (!token_find(r->config.key, a->mail, &token) || !in_date(r, &token))
            return deliver_listed(s, a);
        piece = role_piece(s, &token);
        return deliver_pieces(s, a, &piece, 1);
    }
    s->roles++;
    r->counts.roles++;
    if (r->ev.role)
        r->ev.role(r->cookie, a->peer, a->mail, buf_span(&s->role));
    return 0;
}

static int deliver_all(struct session *s, struct receiver_arrival *a)
{
    struct piece *pieces;
    int err;

    if (s->rcpt_count == 0)
        return s->role.n ? deliver_role(s, a) : 0;
    pieces = calloc(s->rcpt_count, sizeof(*pieces));
    if (!pieces)
        return -ENOMEM;
    for (size_t i = 0; i < s->rcpt_count; i++)
        pieces[i] =
            (struct piece){s->rcpts[i].token, evidence_what(a->evidence, &s->rcpts[i].token),
                           STORE_SCOPE_RECIPIENT, span_str(s->rcpts[i].text)};
    err = deliver_pieces(s, a, pieces, s->rcpt_count);
    free(pieces);
    return err;
}

static int deliver(struct session *s)
{
    struct buf chain = BUF_INIT(STORE_CHAIN_MAX);
    struct evidence e;
    struct receiver_arrival a = {
        .wall_ms = wall_ms(),
        .peer = s->talk.smtp.client,
        .helo = span_str(s->talk.smtp.hello),
        .tls = span_str(s->tls),
        .mail = buf_span(&s->mail),
        .raw = buf_span(&s->raw),
        .size = s->talk.smtp.dot.seen.octets,
        .foul = smtp_text_foul(&s->talk.smtp.dot.seen),
        .evidence = &e,
    };
    int err = s->raw.err == -ENOMEM ? -ENOMEM : evidence_read(a.raw, &e);

    if (err < 0)
        return err;
    evidence_chain_json(&e, &chain);
    a.chain = buf_span(&chain);
    err = chain.err ? chain.err : deliver_all(s, &a);
    evidence_deinit(&e);
    buf_deinit(&chain);
    return err;
}

static enum smtp_now on_end(void *owner, struct smtp_server *smtp, struct smtp_say *ret)
{
    struct session *s = owner;
    int err = deliver(s);

    if (err < 0) {
        receiver_tell(s->receiver, err == -ENOMEM ? RECEIVER_MEMORY : RECEIVER_STORE, smtp->client,
                      err);
        *ret = come_again;
        return SMTP_NOW;
    }
    s->receiver->counts.messages++;
    *ret = (struct smtp_say){250, "2.0.0", "Kept as evidence"};
    if (s->rcpt_count == 0)
        ret->text = "Ok";
    return SMTP_NOW;
}

static void on_reset(void *owner, struct smtp_server *smtp)
{
    deliver_reset(owner);
}

const struct smtp_server_ops deliver_ops = {
    .greet = on_greet,
    .mail = on_mail,
    .rcpt = on_rcpt,
    .chunk = on_chunk,
    .end = on_end,
    .reset = on_reset,
};
