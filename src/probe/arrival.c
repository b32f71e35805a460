/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the near side ends decides which notes about the envelope are believed. Without knowing
 * the reader's own network it can only be read off the Received fields: those above the first
 * peer from outside. A peer from a private network may be a hop inside of the reader's system or,
 * in a test network, the tested host itself; so a peer whose digest a token names ends the near
 * side too, and where all peers are private, the first one does.
 *
 * A Received field below the near side is a claim of whoever handed the message over. It is still
 * worth something: the token's digest is of an address that only the tester and the tested host
 * know to belong to this token, and a forger who merely has the text must guess which one to write.
 * (The text names the target too. Who reads it and forges a whole chain gets as far as "chain", and
 * no further: "direct" is written by the reader's own system.)
 */
#include "probe/arrival.h"

#include "mail/build.h"
#include "probe/arrival_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *arrival_scope_name(enum arrival_scope scope)
{
    return scope == ARRIVAL_RECIPIENT ? "recipient" : "transaction";
}

const char *arrival_path_name(enum arrival_path path)
{
    static const char *const names[] = {
        [ARRIVAL_UNSEEN] = "unseen",
        [ARRIVAL_CHAIN] = "chain",
        [ARRIVAL_DIRECT] = "direct",
    };

    return names[path];
}

const char *arrival_trace_name(enum arrival_trace trace)
{
    static const char *const names[] = {
        [ARRIVAL_IN_FIELD] = "field",   [ARRIVAL_IN_RECEIVED] = "received",
        [ARRIVAL_IN_REPORT] = "report", [ARRIVAL_IN_COPY] = "copy",
        [ARRIVAL_IN_TEXT] = "text",
    };

    return names[trace];
}

const char *arrival_what_name(enum arrival_what what)
{
    static const char *const names[] = {
        [ARRIVAL_NOTHING] = "nothing",
        [ARRIVAL_ARRIVED] = "arrival",
        [ARRIVAL_BOUNCED] = "bounce",
        [ARRIVAL_ANSWERED] = "auto-reply",
    };

    return names[what];
}

/* Digests of the chain's addresses, made once: many tokens are compared with many hops. */
struct digests {
    uint8_t peer[RECEIVED_CHAIN_MAX][TOKEN_TARGET], by[RECEIVED_CHAIN_MAX][TOKEN_TARGET];
};

static void make_digests(const struct received_chain *chain, struct digests *ret)
{
    for (size_t i = 0; i < chain->count; i++) {
        token_target(chain->hops[i].ip, ret->peer[i]);
        token_target(chain->hops[i].by_ip, ret->by[i]);
    }
}

static bool is_target(const struct arrival_token *t, struct ip ip,
                      const uint8_t digest[TOKEN_TARGET])
{
    return ip.family != IP_NONE && memcmp(digest, t->token.target, TOKEN_TARGET) == 0;
}

static bool is_any_target(const struct arrival *a, struct ip ip, const uint8_t digest[TOKEN_TARGET])
{
    for (size_t i = 0; i < a->count; i++)
        if (is_target(&a->tokens[i], ip, digest))
            return true;
    return false;
}

/* A hop without a peer from elsewhere: local hand-over, a filter on loopback, a fetched mailbox. */
static bool stays_inside(const struct received *hop)
{
    return hop->local || hop->ip.family == IP_NONE || ip_space(hop->ip) == IP_LOOPBACK ||
           hop->writer == RECEIVED_BY_FETCHMAIL ||
           span_starts_nocase(hop->with, SPAN_LIT("POP3")) ||
           span_starts_nocase(hop->with, SPAN_LIT("IMAP"));
}

static bool is_private(struct ip ip)
{
    enum ip_space space = ip_space(ip);

    return space == IP_PRIVATE || space == IP_LINKLOCAL || space == IP_SHARED;
}

static size_t near_side(const struct arrival *a, const struct digests *d)
{
    size_t first_private = 0;

    for (size_t i = 0; i < a->chain.count; i++) {
        const struct received *hop = &a->chain.hops[i];

        if (is_any_target(a, hop->ip, d->peer[i]))
            return i + 1;
        if (stays_inside(hop))
            continue;
        if (!is_private(hop->ip))
            return i + 1;
        if (!first_private)
            first_private = i + 1;
    }
    return first_private ? first_private : a->chain.count;
}

static void find_path(const struct arrival *a, const struct digests *d, struct arrival_token *t)
{
    t->path = ARRIVAL_UNSEEN;
    t->hop = a->chain.count;
    for (size_t i = 0; i < a->chain.count && t->path == ARRIVAL_UNSEEN; i++) {
        const struct received *hop = &a->chain.hops[i];
        bool peer = is_target(t, hop->ip, d->peer[i]);

        if (!peer && !is_target(t, hop->by_ip, d->by[i]))
            continue;
        t->path = peer && i + 1 == a->near ? ARRIVAL_DIRECT : ARRIVAL_CHAIN;
        t->target = peer ? hop->ip : hop->by_ip;
        t->hop = i;
    }
}

int arrival_read(const uint8_t key[MAC_KEY], struct span message, struct arrival *ret)
{
    struct arrival a = {.message = message};
    struct digests d;
    int err;

    *ret = (struct arrival){0};
    err = dsn_read(message, &a.dsn);
    if (!err)
        err = received_chain_read(message, &a.chain);
    make_digests(&a.chain, &d);
    /* The text first: its tokens tell whose address ends the near side. */
    if (!err)
        err = arrival_find_text(key, &a);
    a.near = near_side(&a, &d);
    if (!err)
        err = arrival_find_recipients(key, &a);
    if (err) {
        arrival_deinit(&a);
        return err;
    }
    /* A token that only the envelope had may name the host that ends it. */
    a.near = near_side(&a, &d);
    if (a.near)
        a.output = a.chain.hops[a.near - 1].ip;
    for (size_t i = 0; i < a.count; i++)
        find_path(&a, &d, &a.tokens[i]);
    *ret = a;
    return 0;
}

void arrival_deinit(struct arrival *a)
{
    dsn_deinit(&a->dsn);
    received_chain_deinit(&a->chain);
    free(a->tokens);
    *a = (struct arrival){0};
}

/*
 * The inner token of a smuggling probe stands in the text of the outer message, where it proves
 * nothing: only as the recipient of an envelope of its own does it. A sender's token is nobody's
 * recipient, so our message there came back.
 */
static enum arrival_what of_probe(const struct arrival_token *t)
{
    switch (t->token.kind) {
    case TOKEN_RECIPIENT:
        return ARRIVAL_ARRIVED;
    case TOKEN_INNER:
        return t->scope == ARRIVAL_RECIPIENT ? ARRIVAL_ARRIVED : ARRIVAL_NOTHING;
    case TOKEN_SENDER:
        return t->scope == ARRIVAL_RECIPIENT ? ARRIVAL_BOUNCED : ARRIVAL_NOTHING;
    }
    return ARRIVAL_NOTHING;
}

enum arrival_what arrival_what(const struct arrival *a, const struct arrival_token *t)
{
    switch (a->dsn.kind) {
    case DSN_KIND_PROBE:
        return of_probe(t);
    case DSN_KIND_BOUNCE:
        return ARRIVAL_BOUNCED;
    case DSN_KIND_AUTO_REPLY:
        return ARRIVAL_ANSWERED;
    case DSN_KIND_DELAY:
    case DSN_KIND_RECEIPT:
    case DSN_KIND_ENCLOSED:
    case DSN_KIND_OTHER:
        break;
    }
    return ARRIVAL_NOTHING;
}

bool arrival_proves(const struct arrival *a, const struct arrival_token *t)
{
    return arrival_what(a, t) == ARRIVAL_ARRIVED && t->path != ARRIVAL_UNSEEN;
}

/* From the surest to the weakest sign of what a bounce is about. */
static unsigned closeness(const struct arrival_token *t)
{
    if (t->trace == ARRIVAL_IN_REPORT)
        return 0;
    return t->scope == ARRIVAL_RECIPIENT ? 1 : 2;
}

bool arrival_tells(const struct arrival *a, const struct arrival_token *t)
{
    enum arrival_what what = arrival_what(a, t);

    if (what == ARRIVAL_NOTHING)
        return false;
    if (what == ARRIVAL_ARRIVED)
        return arrival_proves(a, t);
    for (size_t i = 0; i < a->count; i++)
        if (arrival_what(a, &a->tokens[i]) == what && closeness(&a->tokens[i]) < closeness(t))
            return false;
    return true;
}

static bool looks_like_report(struct span name, struct span body)
{
    struct span address;

    if (span_eq_nocase(name, SPAN_LIT("Content-Type")))
        return span_starts_nocase(body, SPAN_LIT("multipart/report"));
    if (span_eq_nocase(name, SPAN_LIT("Return-Path")))
        return span_eq(body, SPAN_LIT("<>"));
    if (span_eq_nocase(name, SPAN_LIT("Auto-Submitted")))
        return !span_starts_nocase(body, SPAN_LIT("no"));
    if (!span_eq_nocase(name, SPAN_LIT("From")))
        return span_eq_nocase(name, SPAN_LIT("X-Failed-Recipients"));
    address = header_address(body);
    return span_starts_nocase(address, SPAN_LIT("mailer-daemon@")) ||
           span_starts_nocase(address, SPAN_LIT("postmaster@"));
}

bool arrival_wanted(const uint8_t key[MAC_KEY], struct span header)
{
    struct header_iter it;
    struct header_field f;
    struct token token;

    header_open(&it, header);
    while (header_next(&it, &f) == HEADER_FIELD) {
        if (span_eq_nocase(f.name, SPAN_LIT(BUILD_MARK_FIELD)) || looks_like_report(f.name, f.body))
            return true;
        if ((arrival_is_trace_field(f.name) || span_eq_nocase(f.name, SPAN_LIT("To")) ||
             span_eq_nocase(f.name, SPAN_LIT("Cc")) ||
             span_eq_nocase(f.name, SPAN_LIT("Received"))) &&
            token_find(key, f.body, &token))
            return true;
    }
    return false;
}
