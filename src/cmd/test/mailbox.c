/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Arrivals in a mailbox: a Maildir that the mail system delivers into, or an IMAP account, for the
 * many who can't open port 25. A copy in a mailbox shows its envelope recipient only as far as the
 * last mail server wrote it down; evidence without one proves the transaction, not the form.
 */
#include "cmd/test/test.h"

#include "io/imap.h"
#include "io/maildir.h"
#include "probe/arrival.h"
#include "sink/evidence.h"

#include <stdlib.h>
#include <string.h>

enum { MAILDIR_MS = 1000 };

struct mailbox {
    struct maildir *maildir;
    struct timer timer;
    struct imap *imap;
};

static bool wanted(const void *ctx, struct span header)
{
    return arrival_wanted(ctx, header);
}

static enum store_what what_of(enum arrival_what what)
{
    switch (what) {
    case ARRIVAL_BOUNCED:
        return STORE_WHAT_BOUNCE;
    case ARRIVAL_ANSWERED:
        return STORE_WHAT_AUTOREPLY;
    case ARRIVAL_NOTHING:
    case ARRIVAL_ARRIVED:
        break;
    }
    return STORE_WHAT_ARRIVAL;
}

static struct store_proof proof_of(const struct arrival *a, const struct arrival_token *token,
                                   enum store_source source, struct span chain, int64_t wall)
{
    struct store_proof proof = {
        .token = {.run = token->token.run,
                  .serial = token->token.serial,
                  .day = token->token.day,
                  .kind = (uint32_t)token->token.kind},
        .received_wall_ms = wall * 1000,
        .source = source,
        .peer = a->output,
        .rcpt = token->rcpt,
        .what = what_of(arrival_what(a, token)),
        .scope =
            token->scope == ARRIVAL_RECIPIENT ? STORE_SCOPE_RECIPIENT : STORE_SCOPE_TRANSACTION,
        .chain = chain,
        .raw = a->message,
    };

    memcpy(proof.token.target, token->token.target, sizeof(proof.token.target));
    return proof;
}

static void tokens_in(struct test *t, const struct arrival *a, enum store_source source,
                      struct span chain, int64_t wall)
{
    struct store_proof *proofs = calloc(a->count, sizeof(*proofs));
    struct store_added *added = calloc(a->count, sizeof(*added));
    size_t n = 0;

    for (size_t i = 0; proofs && added && i < a->count; i++) {
        const struct arrival_token *token = &a->tokens[i];

        /* Whoever mails a copy of the text has true tokens, but not the way through the target. */
        if (arrival_what(a, token) != ARRIVAL_NOTHING && arrival_tells(a, token))
            proofs[n++] = proof_of(a, token, source, chain, wall);
    }
    if (t->store && n && store_proofs_add(t->store, proofs, n, added) < 0)
        note(t, "%s", store_error(t->store));
    for (size_t i = 0; i < n; i++) {
        proofs[i].id = added[i].id;
        proofs_take(t, &proofs[i]);
    }
    free(proofs);
    free(added);
}

static void message_in(struct test *t, struct span message, enum store_source source, int64_t wall)
{
    struct buf chain = BUF_INIT(STORE_CHAIN_MAX);
    struct evidence e;
    struct arrival a;

    if (arrival_read(t->key, message, &a) < 0)
        return;
    if (a.count && evidence_read(message, &e) == 0) {
        evidence_chain_json(&e, &chain);
        tokens_in(t, &a, source, buf_span(&chain), wall);
        evidence_deinit(&e);
    }
    arrival_deinit(&a);
    buf_deinit(&chain);
}

static int on_maildir(void *ctx, const char *file, struct span message, bool cut, int64_t wall)
{
    message_in(ctx, message, STORE_SOURCE_MAILDIR, wall);
    return 0;
}

static void on_timer(void *cookie)
{
    struct test *t = cookie;

    maildir_poll(t->mailbox->maildir, on_maildir, t);
    timer_start(&t->mailbox->timer, t->loop, MAILDIR_MS);
}

static void on_imap(void *cookie, uint32_t uid, struct span message, bool cut)
{
    message_in(cookie, message, STORE_SOURCE_IMAP, loop_wall());
}

static void on_round(void *cookie, unsigned found)
{
}

static void on_trouble(void *cookie, const char *why, int64_t again_ms)
{
    note(cookie, "IMAP: %s%s", why, again_ms ? "; trying again" : "");
}

static const struct imap_events imap_events = {
    .message = on_imap, .round = on_round, .trouble = on_trouble};

/* From the run's beginning, not only this process's; a minute for clocks that differ. */
static int64_t since(const struct test *t)
{
    return (t->begun_wall ? t->begun_wall : loop_wall()) - 60;
}

static int imap_start(struct test *t)
{
    struct buf password = BUF_INIT(4096);
    struct imap_config config = {.url = t->args.imap_url,
                                 .user = t->args.imap_user,
                                 .ca_file = t->args.imap_ca_file,
                                 .since_wall = since(t),
                                 .wanted = wanted,
                                 .wanted_ctx = t->key};
    char err[IMAP_ERROR_MAX] = "";
    int got = imap_password(t->args.imap_password_file, &password, err);

    config.password = password.n ? buf_str(&password) : NULL;
    if (got >= 0)
        got = imap_new(t->loop, &config, &imap_events, t, &t->mailbox->imap, err);
    buf_deinit(&password);
    if (got < 0) {
        complain("--imap: %s", err);
        return TEST_EXIT_NO_INPUT;
    }
    return 0;
}

int mailbox_start(struct test *t)
{
    char err[MAILDIR_ERROR_MAX] = "";

    if (!t->args.maildir && !t->args.imap_url)
        return 0;
    t->mailbox = calloc(1, sizeof(*t->mailbox));
    if (!t->mailbox)
        return TEST_EXIT_SOFTWARE;
    t->has_source = true;
    if (t->args.maildir) {
        if (maildir_open(t->args.maildir, since(t), &t->mailbox->maildir, err) < 0) {
            complain("--maildir: %s", err);
            return TEST_EXIT_NO_INPUT;
        }
        timer_init(&t->mailbox->timer, on_timer, t);
        timer_start(&t->mailbox->timer, t->loop, MAILDIR_MS);
    }
    return t->args.imap_url ? imap_start(t) : 0;
}

void mailbox_stop(struct test *t)
{
    if (!t->mailbox)
        return;
    timer_stop(&t->mailbox->timer);
    maildir_close(&t->mailbox->maildir);
    imap_free(&t->mailbox->imap);
    free(t->mailbox);
    t->mailbox = NULL;
}
