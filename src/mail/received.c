/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The frame: which words belong to from, by, via, with, id and for. The clauses behind "by" are the
 * writer's own, but for the recipient; what stands before it was partly said by the client. So "by"
 * is the first such word behind the peer's address: a client whose HELO is "x by trusted.example
 * with ESMTPA" does not get to name the writer or to log itself in, and neither does the recipient
 * "y by trusted.example"@example.org. (Writers should refuse a HELO with blanks. Some never did.)
 *
 * Every lookup runs over at most RECEIVED_TOKENS_MAX tokens; no memory is allocated, and everything
 * found borrows from the field.
 */
#include "mail/received.h"

#include "base/num.h"
#include "mail/received_token.h"

#include <string.h>

struct frame {
    const struct received_tokens *t;
    size_t end;  /* of the clauses: index of the date's semicolon */
    size_t from; /* index behind "from"; end when there is none */
    size_t by;   /* index of the host name behind "by"; end when there is none */
};

static bool is_host(const struct received_tokens *t, size_t i, size_t end)
{
    return i < end && (t->v[i].kind == RECEIVED_WORD || t->v[i].kind == RECEIVED_LITERAL);
}

/* Whether an address stands in this token: the peer's, when it is in front of "by". */
static bool tells_address(const struct received_token *token)
{
    struct span rest = token->text, word;
    struct ip ip;
    uint16_t port;

    if (token->kind == RECEIVED_LITERAL)
        return received_ip(token->text, &ip, &port);
    while (token->kind == RECEIVED_COMMENT && span_word(&rest, &word)) {
        size_t at = span_rfind(word, '@');

        word = span_trim(at < word.n ? span_slice(word, at + 1, word.n) : word);
        if (received_ip(word, &ip, &port))
            return true;
    }
    return false;
}

static struct frame find_frame(const struct received_tokens *t)
{
    struct frame f = {.t = t, .end = t->date, .from = t->date, .by = t->date};
    bool peer_seen = false;
    size_t i = 0;

    while (i < f.end && t->v[i].kind == RECEIVED_COMMENT)
        i++;
    if (received_token_is(t, i, f.end, "from"))
        f.from = i + 1;
    for (; i < f.end; i++) {
        if (received_token_is(t, i, f.end, "by") && is_host(t, i + 1, f.end)) {
            if (peer_seen || f.by == f.end)
                f.by = i + 1;
            if (peer_seen)
                break;
        }
        /* Behind a "by" that came first, an address may be the writer's own. */
        peer_seen |= tells_address(&t->v[i]);
    }
    return f;
}

static bool is_keyword(const struct received_tokens *t, size_t i, size_t end)
{
    static const char *const words[] = {"via", "with", "id", "for", "tls", "envelope-from", "over"};

    for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
        if (received_token_is(t, i, end, words[k]))
            return true;
    return false;
}

/* The text of the words from i on up to the next keyword or anything that is no word. */
static struct span words_at(const struct received_tokens *t, size_t i, size_t end)
{
    struct span first = i < end && t->v[i].kind == RECEIVED_WORD ? t->v[i].text : SPAN_NULL;
    struct span all = first;

    for (i++; first.n && i < end && t->v[i].kind == RECEIVED_WORD && !is_keyword(t, i, end); i++)
        all = span_of(first.p, (size_t)(t->v[i].text.p + t->v[i].text.n - first.p));
    return all;
}

/* RFC 3848 and RFC 6531 §4.3: [UTF8]SMTP, ESMTP or LMTP, then S for TLS and A for a login. */
static void protocol_word(struct span word, struct received *r)
{
    if (span_eq_nocase(word, SPAN_LIT("ASMTP"))) { /* Merak, before there was an RFC */
        r->auth = RECEIVED_YES;
        return;
    }
    if (span_starts_nocase(word, SPAN_LIT("UTF8")))
        word = span_slice(word, 4, word.n);
    if (span_starts_nocase(word, SPAN_LIT("ESMTP")) || span_starts_nocase(word, SPAN_LIT("LMTP")))
        word = span_slice(word, ascii_lower(word.p[0]) == 'e' ? 5 : 4, word.n);
    else if (span_starts_nocase(word, SPAN_LIT("SMTP")))
        word = span_slice(word, 4, word.n);
    else
        return;
    if (word.n && ascii_lower(word.p[0]) == 's') {
        r->tls = RECEIVED_YES;
        word = span_slice(word, 1, word.n);
    }
    if (word.n == 1 && ascii_lower(word.p[0]) == 'a')
        r->auth = RECEIVED_YES;
    if (span_starts_nocase(word, SPAN_LIT("/TLS"))) /* IronPort: ESMTP/TLS/cipher */
        r->tls = RECEIVED_YES;
}

static void read_with(const struct frame *f, size_t i, struct received *r)
{
    /* qpsmtpd puts the cipher between: "with (TLS_AES_256_GCM_SHA384 encrypted) ESMTPS". */
    while (i < f->end && f->t->v[i].kind == RECEIVED_COMMENT)
        i++;
    if (r->with.n || i >= f->end || f->t->v[i].kind != RECEIVED_WORD)
        return;
    r->with = words_at(f->t, i, f->end);
    protocol_word(f->t->v[i].text, r);
    if (span_starts_nocase(r->with, SPAN_LIT("MailEnable ")) && i + 1 < f->end)
        protocol_word(f->t->v[i + 1].text, r);
    r->local |= span_eq_nocase(r->with, SPAN_LIT("local"));
}

/* "for <a> plus 47 more": SLmail counts what it does not name. */
static void read_for(const struct frame *f, size_t i, struct received *r)
{
    const struct received_tokens *t = f->t;

    if (r->rcpt.p || i >= f->end ||
        (t->v[i].kind != RECEIVED_PATH && t->v[i].kind != RECEIVED_WORD))
        return;
    r->rcpt = t->v[i].text;
    while (r->rcpt.n && r->rcpt.p[r->rcpt.n - 1] == ',')
        r->rcpt.n--;
    if (received_token_is(t, i + 1, f->end, "plus") && received_token_is(t, i + 3, f->end, "more"))
        num_uint(t->v[i + 2].text, 0, 1000000, &r->rcpt_more);
}

static void read_sender(const struct frame *f, size_t i, struct received *r)
{
    if (r->has_sender || i >= f->end ||
        (f->t->v[i].kind != RECEIVED_PATH && f->t->v[i].kind != RECEIVED_WORD))
        return;
    r->sender = f->t->v[i].text;
    r->has_sender = true;
}

/* OpenSMTPD's words outside any comment. */
static void read_loose(struct span word, struct received *r)
{
    if (span_eq_nocase(word, SPAN_LIT("auth=yes")))
        r->auth = RECEIVED_YES;
    else if (span_starts_nocase(word, SPAN_LIT("user=")) && r->auth == RECEIVED_YES)
        r->auth_user = span_slice(word, 5, word.n);
}

static void read_clauses(const struct frame *f, size_t i, struct received *r)
{
    const struct received_tokens *t = f->t;

    for (; i < f->end; i++) {
        if (t->v[i].kind == RECEIVED_COMMENT) {
            received_marks(t->v[i].text, r);
        } else if (received_token_is(t, i, f->end, "with")) {
            read_with(f, ++i, r);
        } else if (received_token_is(t, i, f->end, "via") && !r->via.n) {
            r->via = words_at(t, ++i, f->end);
        } else if (received_token_is(t, i, f->end, "id") && i + 1 < f->end && !r->id.n) {
            i++;
            if (t->v[i].kind == RECEIVED_PATH || t->v[i].kind == RECEIVED_WORD)
                r->id = t->v[i].text;
        } else if (received_token_is(t, i, f->end, "for")) {
            read_for(f, ++i, r);
        } else if (received_token_is(t, i, f->end, "envelope-from") ||
                   (received_token_is(t, i, f->end, "from") && i + 1 < f->end &&
                    t->v[i + 1].kind == RECEIVED_PATH)) {
            read_sender(f, ++i, r); /* XMail: "for <a> from <b>" */
        } else if (received_token_is(t, i, f->end, "tls") ||
                   received_token_is(t, i, f->end, "over")) {
            r->tls = RECEIVED_YES; /* Exim, chasquid: a cipher follows; SMTPSVC: "over TLS" */
            i++;
        } else if (t->v[i].kind == RECEIVED_WORD) {
            read_loose(t->v[i].text, r);
        }
    }
}

/* The writer's own address: its name, a literal behind it, or the comment that follows it. */
static void read_by(const struct frame *f, struct received *r)
{
    const struct received_tokens *t = f->t;
    uint16_t port;

    r->by = t->v[f->by].text;
    while (r->by.n && r->by.p[r->by.n - 1] == ',')
        r->by.n--;
    if (received_ip(r->by, &r->by_ip, &port) || f->by + 1 >= f->end)
        return;
    if (t->v[f->by + 1].kind == RECEIVED_LITERAL) {
        received_ip(t->v[f->by + 1].text, &r->by_ip, &port);
    } else if (t->v[f->by + 1].kind == RECEIVED_COMMENT) {
        struct span comment = span_trim(t->v[f->by + 1].text), word;

        if (span_word(&comment, &word))
            received_ip(span_trim(word), &r->by_ip, &port);
    }
}

/* Hand-over on the machine itself leaves no peer, only these traces. */
static void read_local(const struct frame *f, struct received *r)
{
    static const char *const signs[] = {"from ", "uid ", "Postfix, from userid "};

    for (size_t i = 0; i < f->end; i++) {
        struct span text = f->t->v[i].text;

        if (f->t->v[i].kind != RECEIVED_COMMENT || (i < f->by && r->ip.family != IP_NONE))
            continue;
        for (size_t k = 0; k < sizeof(signs) / sizeof(signs[0]); k++)
            r->local |= span_starts_nocase(text, span_str(signs[k]));
        if (span_starts_nocase(text, SPAN_LIT("qmail ")) || span_has_nocase(text, SPAN_LIT("pid ")))
            r->local |= span_has_nocase(text, SPAN_LIT("invoked by "));
    }
}

static void read_date(const struct received_tokens *t, struct span body, struct received *r)
{
    struct span date;

    if (t->date == t->count)
        return;
    date = t->v[t->date].text;
    date = span_slice(body, (size_t)(date.p + date.n - body.p), body.n);
    r->has_date = received_date(date, &r->date_wall, &r->zone_minutes);
    /* PowerMTA has the sender behind the date, some Couriers the id. */
    for (size_t i = t->date; i < t->count; i++) {
        if (t->v[i].kind == RECEIVED_COMMENT &&
            span_starts_nocase(t->v[i].text, SPAN_LIT("envelope-from")))
            received_marks(t->v[i].text, r);
        else if (received_token_is(t, i, t->count, "id") && i + 1 < t->count && !r->id.n)
            r->id = t->v[i + 1].text;
    }
}

/*
 * "from 192.0.2.1 by host with HTTP": web mail names the browser's address, which is no HELO. With
 * SMTP the same words would be a HELO in the form of an address.
 */
static void read_web(struct received *r)
{
    if (r->ip.family != IP_NONE || r->helo_is_literal || r->helo_ip.family == IP_NONE ||
        !r->with.n || span_has_nocase(r->with, SPAN_LIT("SMTP")))
        return;
    r->ip = r->helo_ip;
    r->helo = SPAN_NULL;
    r->helo_ip = (struct ip){0};
}

/*
 * Web mail's "(SquirrelMail authenticated user u)": nobody says HELO to it, so nobody can forge
 * it.
 */
static void read_web_login(const struct frame *f, struct received *r)
{
    for (size_t i = 0; i < f->end && span_starts_nocase(r->with, SPAN_LIT("HTTP")); i++) {
        struct span rest = f->t->v[i].text, product, word;

        if (f->t->v[i].kind == RECEIVED_COMMENT && span_word(&rest, &product) &&
            span_word(&rest, &word) && span_eq_nocase(word, SPAN_LIT("authenticated")) &&
            span_word(&rest, &word) && span_eq_nocase(word, SPAN_LIT("user"))) {
            r->auth = RECEIVED_YES;
            span_word(&rest, &r->auth_user);
        }
    }
}

enum received_got received_parse(struct span body, struct received *ret)
{
    struct received_tokens t;
    struct received r = {.field = body};
    struct frame f;
    uint16_t port;

    received_tokenize(body, &t);
    f = find_frame(&t);
    if (t.count && t.v[0].kind == RECEIVED_COMMENT && tells_address(&t.v[0]) &&
        span_starts_nocase(t.v[0].text, SPAN_LIT("from ")))
        received_peer_nested(t.v[0].text, &r);
    if (f.from < f.end) {
        /* Without a "by" the client's words end at the first word that can only be the writer's. */
        size_t stop = f.by < f.end ? f.by - 1 : f.from + 1;

        while (f.by == f.end && stop < f.end && !is_keyword(&t, stop, f.end))
            stop++;
        received_peer_clause(&t, f.from, stop, &r);
        r.helo_is_literal =
            r.helo.n && r.helo.p[0] == '[' && received_ip(r.helo, &r.helo_ip, &port);
        if (!r.helo_is_literal)
            received_ip(r.helo, &r.helo_ip, &port);
        if (f.by == f.end)
            read_clauses(&f, stop, &r);
    }
    if (f.by < f.end) {
        read_by(&f, &r);
        read_clauses(&f, f.by + 1, &r);
    }
    read_web(&r);
    read_web_login(&f, &r);
    read_local(&f, &r);
    read_date(&t, body, &r);
    received_writer_find(&t, f.by < f.end ? f.by + 1 : 0, &r);
    received_writer_silence(&r);
    *ret = r;
    if (t.cut)
        return RECEIVED_CUT;
    return r.by.n || r.helo.n || r.ip.family != IP_NONE || r.local || r.writer ? RECEIVED_OK
                                                                               : RECEIVED_STRANGE;
}

const char *received_told_name(enum received_told told)
{
    static const char *const names[] = {
        [RECEIVED_UNTOLD] = "unknown",
        [RECEIVED_NO] = "no",
        [RECEIVED_YES] = "yes",
    };

    return names[told];
}
