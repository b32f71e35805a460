/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks through a message for tokens. Text is read part by part with its transfer encoding undone,
 * because a relay may have re-encoded it; each run of characters long enough to be a token is put
 * to the test. A run costs a MAC only where its kind and padding fit (probe/token.c), so the time
 * stays linear in the message.
 */
#include "probe/arrival_priv.h"

#include <errno.h>
#include <string.h>

bool arrival_is_trace_field(struct span name)
{
    static const char *const names[] = {
        "Delivered-To",   "X-Original-To", "Envelope-To",          "X-Envelope-To",
        "X-Delivered-To", "X-Rcpt-To",     "X-Resolved-To",        "X-Apparently-To",
        "X-Received-For", "X-Recipient",   "X-Original-Recipient", "Original-Recipient",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (span_eq_nocase(name, span_str(names[i])))
            return true;
    return false;
}

static bool same(const struct token *a, const struct token *b)
{
    return a->kind == b->kind && a->run == b->run && a->serial == b->serial && a->day == b->day &&
           memcmp(a->target, b->target, sizeof(a->target)) == 0;
}

/* Each token once: a better scope, then a better trace replaces what was known. */
static int add(struct arrival *a, const struct token *token, enum arrival_scope scope,
               enum arrival_trace trace, struct span rcpt)
{
    struct arrival_token *t = NULL;

    for (size_t i = 0; i < a->count && !t; i++)
        if (same(&a->tokens[i].token, token))
            t = &a->tokens[i];
    if (t && (t->scope < scope || (t->scope == scope && t->trace <= trace)))
        return 0;
    if (!t) {
        if (a->count == ARRIVAL_TOKENS_MAX) {
            a->left_out = true;
            return 0;
        }
        if (array_grow(&a->tokens, &a->cap, sizeof(*t), a->count + 1) < 0)
            return -ENOMEM;
        t = &a->tokens[a->count++];
    }
    *t = (struct arrival_token){.token = *token, .scope = scope, .trace = trace, .rcpt = rcpt};
    return 0;
}

static int scan(const uint8_t key[MAC_KEY], struct span text, enum arrival_trace trace,
                struct arrival *a)
{
    for (size_t at = 0, end; at < text.n; at = end + 1) {
        struct token token;

        for (end = at; end < text.n && base32_is(text.p[end]); end++)
            ;
        /* A run glued to a longer one is cut into what token_find looks at, with an overlap. */
        for (size_t from = at; from + TOKEN_TEXT <= end; from += TOKEN_FIND_MAX - TOKEN_TEXT) {
            if (token_find(key, span_slice(text, from, end), &token) &&
                add(a, &token, ARRIVAL_TRANSACTION, trace, SPAN_NULL) < 0)
                return -ENOMEM;
        }
    }
    return 0;
}

static bool within(struct span part, struct span whole)
{
    return part.p && whole.p && part.p >= whole.p && part.p < whole.p + whole.n;
}

static int scan_part(const uint8_t key[MAC_KEY], const struct mime_part *part, struct arrival *a)
{
    bool copy = part->in_message || within(part->body, a->dsn.enclosed);
    struct buf text = BUF_INIT(MIME_DECODED_MAX);
    int err = 0;

    /* The header of a copy names its sender and recipient; that of the message is for others. */
    if (copy)
        err =
            scan(key, span_slice(part->whole, 0, part->whole.n - part->body.n), ARRIVAL_IN_COPY, a);
    if (!err && !span_eq_nocase(part->type, SPAN_LIT("multipart")) &&
        !mime_is(part, "message", "rfc822")) {
        mime_decode(part, &text);
        if (text.err == -ENOMEM)
            err = -ENOMEM;
        else if (text.err) /* longer than we decode: what is plain in it can still be read */
            err = scan(key, part->body, copy ? ARRIVAL_IN_COPY : ARRIVAL_IN_TEXT, a);
        else
            err = scan(key, buf_span(&text), copy ? ARRIVAL_IN_COPY : ARRIVAL_IN_TEXT, a);
    }
    buf_deinit(&text);
    return err;
}

int arrival_find_text(const uint8_t key[MAC_KEY], struct arrival *a)
{
    struct mime_iter it;
    struct mime_part part;
    int err = 0;

    mime_open(&it, a->message);
    while (!err && mime_next(&it, &part) == MIME_PART)
        err = scan_part(key, &part, a);
    /* An auto-reply often quotes nothing, but it is addressed to the probe's sender. */
    if (!err)
        err = scan(key, header_value(a->message, "To"), ARRIVAL_IN_TEXT, a);
    if (!err)
        err = scan(key, a->dsn.enclosed, ARRIVAL_IN_COPY, a);
    return err;
}

static int try_recipient(const uint8_t key[MAC_KEY], struct span text, enum arrival_trace trace,
                         struct arrival *a)
{
    struct token token;

    return token_find(key, text, &token) ? add(a, &token, ARRIVAL_RECIPIENT, trace, text) : 0;
}

/* Fields above the line that our own system wrote when it took the message from elsewhere. */
static int find_fields(const uint8_t key[MAC_KEY], struct arrival *a)
{
    struct header_iter it;
    struct header_field f;
    size_t received = 0;
    int err = 0;

    header_open(&it, a->message);
    while (!err && header_next(&it, &f) == HEADER_FIELD) {
        if (span_eq_nocase(f.name, SPAN_LIT("Received")) && ++received >= a->near)
            break;
        if (arrival_is_trace_field(f.name))
            err = try_recipient(key, f.body, ARRIVAL_IN_FIELD, a);
    }
    return err;
}

int arrival_find_recipients(const uint8_t key[MAC_KEY], struct arrival *a)
{
    int err = find_fields(key, a);

    for (size_t i = 0; i < a->near && !err; i++) {
        const struct received *hop = &a->chain.hops[i];

        /* "for <a> plus 47 more" names one of many: not this copy's. */
        if (!hop->rcpt_more)
            err = try_recipient(key, hop->rcpt, ARRIVAL_IN_RECEIVED, a);
    }
    for (size_t i = 0; i < a->dsn.count && !err; i++) {
        err = try_recipient(key, a->dsn.recipients[i].final, ARRIVAL_IN_REPORT, a);
        if (!err)
            err = try_recipient(key, a->dsn.recipients[i].original, ARRIVAL_IN_REPORT, a);
    }
    return err;
}
