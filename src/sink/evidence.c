/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The token says which address was tested, by a digest: so input and output of a relay are told
 * apart without asking anybody. Who connected to us is the output; if its digest is the token's
 * it is the input too. Otherwise the Received fields are searched for an address that has this
 * digest: they are claims, but no stranger can claim a digest's address without having been told
 * by us or by the host that he wants to blame, and the output stays the one address that we saw
 * ourselves.
 *
 * The tester writes no Received field, so the oldest one is by the host that it spoke to.
 */
#include "sink/evidence.h"

#include "base/escape.h"

#include <errno.h>
#include <string.h>

int evidence_read(struct span message, struct evidence *ret)
{
    int err;

    *ret = (struct evidence){.message = message};
    err = dsn_read(message, &ret->dsn);
    if (err == 0)
        err = received_chain_read(message, &ret->chain);
    if (err < 0)
        evidence_deinit(ret);
    return err;
}

void evidence_deinit(struct evidence *e)
{
    dsn_deinit(&e->dsn);
    received_chain_deinit(&e->chain);
    *e = (struct evidence){0};
}

/*
 * Mail to a sender's token answers a probe and never proves a relay: our own message there was
 * sent back as it is, and what has no mark is somebody's reply. A recipient's token proves,
 * whatever a host between made of the text, unless the message says that it is a report.
 */
enum store_what evidence_what(const struct evidence *e, const struct token *t)
{
    bool sender = t->kind == TOKEN_SENDER;

    switch (e->dsn.kind) {
    case DSN_KIND_BOUNCE:
        return STORE_WHAT_BOUNCE;
    case DSN_KIND_DELAY:
        return STORE_WHAT_DELAY;
    case DSN_KIND_RECEIPT:
        return STORE_WHAT_RECEIPT;
    case DSN_KIND_AUTO_REPLY:
        return STORE_WHAT_AUTOREPLY;
    case DSN_KIND_PROBE:
    case DSN_KIND_ENCLOSED:
        return sender ? STORE_WHAT_BOUNCE : STORE_WHAT_ARRIVAL;
    case DSN_KIND_OTHER:
        break;
    }
    return sender ? STORE_WHAT_AUTOREPLY : STORE_WHAT_ARRIVAL;
}

/* The text in the form of escape_text, as the inside of a JSON string. */
static void add_text(struct buf *out, const char *key, struct span text)
{
    struct buf plain = BUF_INIT(5 * EVIDENCE_TEXT_MAX);

    if (text.n == 0)
        return;
    escape_text(&plain, span_slice(text, 0, EVIDENCE_TEXT_MAX));
    buf_addf(out, "%s\"%s\":\"", out->n > 1 ? "," : "", key);
    for (size_t i = 0; i < plain.n; i++) {
        if (plain.p[i] == '"' || plain.p[i] == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, plain.p[i]);
    }
    buf_add_char(out, '"');
    if (plain.err)
        out->err = plain.err;
    buf_deinit(&plain);
}

static void add_ip(struct buf *out, const char *key, struct ip ip)
{
    char text[IP_TEXT_MAX];

    add_text(out, key, span_str(ip_text(ip, text)));
}

static void add_told(struct buf *out, const char *key, enum received_told told)
{
    if (told != RECEIVED_UNTOLD)
        buf_addf(out, ",\"%s\":%s", key, told == RECEIVED_YES ? "true" : "false");
}

static void add_hop(struct buf *out, const struct received *r)
{
    buf_add_char(out, '{');
    add_text(out, "writer", span_str(received_writer_name(r->writer)));
    add_text(out, "by", r->by);
    add_ip(out, "by_ip", r->by_ip);
    add_text(out, "with", r->with);
    add_ip(out, "ip", r->ip);
    add_text(out, "helo", r->helo);
    add_text(out, "name", r->name);
    add_text(out, "id", r->id);
    add_text(out, "for", r->rcpt);
    add_told(out, "tls", r->tls);
    add_told(out, "auth", r->auth);
    if (r->has_date)
        buf_addf(out, ",\"wall\":%lld", (long long)r->date_wall);
    buf_add_char(out, '}');
}

void evidence_chain_json(const struct evidence *e, struct buf *out)
{
    struct buf all = BUF_INIT(STORE_CHAIN_MAX - 2), hop = BUF_INIT(STORE_CHAIN_MAX);

    buf_add_char(&all, '[');
    for (size_t i = e->chain.count; i-- > 0;) {
        buf_clear(&hop);
        add_hop(&hop, &e->chain.hops[i]);
        if (hop.err || all.n + hop.n + 2 > all.max)
            break;
        if (all.n > 1)
            buf_add_char(&all, ',');
        buf_add(&all, buf_span(&hop));
    }
    buf_add_char(&all, ']');
    buf_add(out, buf_span(&all));
    if (all.err || hop.err == -ENOMEM)
        out->err = -ENOMEM;
    buf_deinit(&all);
    buf_deinit(&hop);
}

const char *evidence_input_name(enum evidence_input input)
{
    static const char *const names[] = {
        [EVIDENCE_DIRECT] = "direct",
        [EVIDENCE_CHAIN] = "chain",
        [EVIDENCE_UNSEEN] = "unseen",
    };

    return names[input];
}

static bool is_target(const struct token *t, struct ip ip)
{
    uint8_t digest[TOKEN_TARGET];

    if (ip.family == IP_NONE)
        return false;
    token_target(ip, digest);
    return memcmp(digest, t->target, TOKEN_TARGET) == 0;
}

void evidence_way(const struct evidence *e, const struct token *t, struct ip peer,
                  struct evidence_way *ret)
{
    const struct received_chain *c = &e->chain;

    *ret = (struct evidence_way){.input = EVIDENCE_UNSEEN, .output = peer, .hops = c->count};
    if (peer.family == IP_NONE && c->count)
        ret->output = c->hops[0].ip;
    if (c->count) {
        ret->seen = c->hops[c->count - 1].ip;
        ret->first = c->hops[c->count - 1].by;
    }
    if (is_target(t, ret->output)) {
        ret->input = EVIDENCE_DIRECT;
        ret->tested = ret->output;
        return;
    }
    for (size_t i = 0; i < c->count && ret->input == EVIDENCE_UNSEEN; i++) {
        struct ip ip = is_target(t, c->hops[i].ip) ? c->hops[i].ip : c->hops[i].by_ip;

        if (is_target(t, ip)) {
            ret->input = EVIDENCE_CHAIN;
            ret->tested = ip;
        }
    }
}
