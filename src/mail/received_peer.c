/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who came, from what stands between "from" and "by". Three shapes cover the field:
 *
 *     HELO (ident@NAME [IP])           Postfix, Sendmail, Haraka, Stalwart, …; NAME or IP may miss
 *     NAME (HELO h) (ident@IP)         qmail and kin; the first word is the reverse name
 *     NAME ([IP]:port helo=h ident=i)  Exim; likewise
 *     HELO [IP]                        IMail, SLmail, fetchmail: the address is no comment
 *
 * A word "HELO", "EHLO" or "helo=" in a comment therefore turns the first word from HELO into
 * reverse name. For writers who leave it out when both are equal see received_writers.c.
 *
 * Marks of TLS and login count only behind the peer's address: what stands before it was said by
 * the client, and a client that calls itself "(authenticated)" is not.
 */
#include "mail/received_token.h"

#include "base/num.h"

#include <string.h>

struct peer {
    struct ip ip;
    uint16_t port;
    struct span helo, name, ident;
    bool has_helo, forged;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct span strip(struct span s)
{
    while (s.n && memchr("\"'<,", s.p[0], 4))
        s = span_slice(s, 1, s.n);
    while (s.n && memchr("\"'>,", s.p[s.n - 1], 4))
        s.n--;
    return s;
}

/* The next word of a comment; comments inside it are passed over. */
static bool next_word(struct span *s, struct span *ret)
{
    size_t at = 0, to;
    unsigned depth = 0;

    for (; at < s->n; at++) {
        if (s->p[at] == '(')
            depth++;
        else if (s->p[at] == ')' && depth)
            depth--;
        else if (depth == 0 && !is_space(s->p[at]))
            break;
    }
    for (to = at; to < s->n && !is_space(s->p[to]) && s->p[to] != '('; to++)
        ;
    *ret = strip(span_slice(*s, at, to));
    *s = span_slice(*s, to, s->n);
    return to > at;
}

/* What writers put where a reverse name would stand when there is none. */
static bool is_no_name(struct span s)
{
    static const char *const words[] = {
        "unknown",  "unknownhost", "unknown_domain", "unverified", "unresolved",
        "nxdomain", "softdnserr",  "dnserror",       "noreverse",  "no.reverse",
        "rdns",     "failed",      "misconfigured",  "sender",     "local",
        "running",  "verified",    "with",           "login",
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (span_eq_nocase(s, span_str(words[i])))
            return true;
    return s.n == 0 || span_starts_nocase(s, SPAN_LIT("rhost-flags"));
}

/* A host name as writers show it: Symantec writes Unknown_Domain/N, Gmail a closing dot. */
static struct span host_name(struct span s)
{
    size_t slash = span_find(s, '/');

    if (slash < s.n && is_no_name(span_slice(s, 0, slash)))
        s = span_slice(s, slash + 1, s.n);
    while (s.n && s.p[s.n - 1] == '.')
        s.n--;
    if (is_no_name(s))
        return SPAN_NULL;
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_alnum(s.p[i]) && !memchr("-._:", s.p[i], 4) && (unsigned char)s.p[i] < 0x80)
            return SPAN_NULL;
    return s;
}

static bool key_value(struct span word, const char *key, struct span *ret)
{
    if (!span_starts_nocase(word, span_str(key)))
        return false;
    *ret = span_slice(word, strlen(key), word.n);
    return true;
}

/* One word of a comment that tells of the peer; *rest may give the word behind it. */
static void peer_word(struct span word, struct span *rest, struct peer *p)
{
    size_t at = span_rfind(word, '@');
    struct span next;

    if (key_value(word, "helo=", &next)) {
        p->helo = next;
        p->has_helo = true;
    } else if (key_value(word, "ident=", &next)) {
        p->ident = next;
    } else if (key_value(word, "port=", &next)) {
        unsigned port = 0;

        if (num_uint(next, 1, 65535, &port))
            p->port = (uint16_t)port;
    } else if (span_eq_nocase(word, SPAN_LIT("HELO")) || span_eq_nocase(word, SPAN_LIT("EHLO")) ||
               span_eq_nocase(word, SPAN_LIT("LHLO"))) {
        p->has_helo = true;
        if (next_word(rest, &next))
            p->helo = next;
    } else if (span_eq_nocase(word, SPAN_LIT("account"))) {
        next_word(rest, &next); /* CommuniGate's login: received_marks() takes it */
    } else {
        if (at < word.n) {
            p->ident = span_slice(word, 0, at);
            word = span_slice(word, at + 1, word.n);
        }
        if (p->ip.family == IP_NONE && received_ip(word, &p->ip, &p->port))
            return;
        if (!p->name.n)
            p->name = host_name(word);
    }
}

/*
 * Reads one comment. It is about the peer when it holds an address or a HELO, or when it is a
 * single name; "using TLSv1.2 with cipher …" is neither, and nothing of it is kept.
 */
static void peer_comment(struct span comment, struct span first, struct peer *total)
{
    struct peer p = {0};
    struct span rest = comment, word;
    bool after_literal = first.n && first.p[0] == '[';
    unsigned words = 0;

    p.forged = span_has_nocase(comment, SPAN_LIT("may be forged"));
    for (; words < 64 && next_word(&rest, &word); words++)
        peer_word(word, &rest, &p);
    if (p.ip.family == IP_NONE && !p.has_helo &&
        (words != 1 || (!after_literal && span_find(p.name, '.') == p.name.n)))
        return;
    if (total->ip.family == IP_NONE)
        total->ip = p.ip;
    if (!total->port)
        total->port = p.port;
    if (!total->has_helo && p.has_helo) {
        total->helo = p.helo;
        total->has_helo = true;
    }
    if (!total->name.n)
        total->name = p.name;
    if (!total->ident.n)
        total->ident = p.ident;
    total->forged |= p.forged;
}

/* The words in front: usually one. A HELO with blanks in it is taken whole. */
static size_t first_words(const struct received_tokens *t, size_t i, size_t end, struct span *ret)
{
    const struct received_token *first = &t->v[i];

    *ret = SPAN_NULL;
    if (i < end && first->kind == RECEIVED_LITERAL) {
        *ret = first->text;
        return i + 1;
    }
    for (; i < end && t->v[i].kind == RECEIVED_WORD; i++)
        *ret = span_of(first->text.p, (size_t)(t->v[i].text.p + t->v[i].text.n - first->text.p));
    return i;
}

/* CommuniGate: "from [192.0.2.1] (account joe@example.org)": the peer's address stood in front. */
static bool is_account(struct span comment)
{
    struct span word;

    return next_word(&comment, &word) && span_eq_nocase(word, SPAN_LIT("account")) &&
           next_word(&comment, &word) && span_find(word, '@') < word.n;
}

/* "(joe@192.0.2.1 with login)"; what stands behind HELO is the client's. */
static bool is_qmail_login(struct span comment)
{
    return span_ends_nocase(span_trim(comment), SPAN_LIT(" with login")) &&
           !span_starts_nocase(comment, SPAN_LIT("HELO ")) &&
           !span_starts_nocase(comment, SPAN_LIT("EHLO "));
}

static bool is_hand_over(struct span first)
{
    return span_eq_nocase(first, SPAN_LIT("mail pickup service")) ||
           span_eq_nocase(first, SPAN_LIT("spooler"));
}

/* Whether the first word is an address, and so may be the peer itself rather than its HELO. */
static void settle_first(struct span first, struct peer *p, struct received *r)
{
    struct ip ip;
    uint16_t port;

    if (p->has_helo) {
        r->helo = p->helo;
        r->helo_apart = true;
        if (!received_ip(first, &ip, &port)) {
            p->name = p->name.n ? p->name : host_name(first);
        } else if (p->ip.family == IP_NONE) {
            p->ip = ip;
            p->port = port ? port : p->port; /* "(port=4321 helo=h)" */
        }
    } else if (p->ip.family == IP_NONE && first.n && first.p[0] == '[' &&
               received_ip(first, &ip, &port)) {
        /* Exim, CommuniGate, chasquid: "from [192.0.2.1] (h)" has the peer in front. */
        p->ip = ip;
        p->port = port;
        r->helo = p->name;
        p->name = SPAN_NULL;
    } else {
        r->helo = first;
    }
}

static void finish(struct span first, struct peer *p, const struct peer *beside, struct received *r)
{
    /* Only a writer that has no address in a comment means the one beside the HELO. */
    if (p->ip.family == IP_NONE) {
        p->ip = beside->ip;
        p->port = beside->port ? beside->port : p->port;
    }
    settle_first(first, p, r);
    r->ip = p->ip;
    r->port = p->port;
    r->name = p->name;
    r->ident = p->ident;
    r->may_be_forged = p->forged;
}

void received_peer_clause(const struct received_tokens *t, size_t from, size_t end,
                          struct received *r)
{
    struct peer p = {0}, beside = {0};
    struct span first;

    for (size_t i = first_words(t, from, end, &first); i < end; i++) {
        const struct received_token *token = &t->v[i];
        bool known = p.ip.family != IP_NONE;

        /* What follows "via" is about the next hop: Raptor's "via smtpd (for mail [10.0.0.1])". */
        if (received_token_is(t, i, end, "via"))
            break;
        if (token->kind == RECEIVED_COMMENT) {
            peer_comment(token->text, first, &p);
            if (known || is_account(token->text))
                received_marks(token->text, r);
            if (p.ip.family != IP_NONE && is_qmail_login(token->text)) {
                r->auth = RECEIVED_YES;
                r->auth_user = p.ident;
            }
            r->local |= span_has_nocase(token->text, SPAN_LIT("[local]"));
        } else if (received_token_is(t, i, end, "claiming") && i + 3 < end &&
                   t->v[i + 3].kind == RECEIVED_WORD) {
            p.helo = strip(t->v[i + 3].text); /* Obtuse: 'claiming to be "h"' */
            p.has_helo = true;
        } else if (token->kind == RECEIVED_LITERAL && beside.ip.family == IP_NONE) {
            received_ip(token->text, &beside.ip, &beside.port);
        }
    }
    if (is_hand_over(first)) {
        r->local = true;
        return;
    }
    finish(first, &p, &beside, r);
}

void received_peer_nested(struct span comment, struct received *r)
{
    struct peer p = {0}, beside = {0};
    struct span word, helo = SPAN_NULL;

    next_word(&comment, &word); /* "from" */
    next_word(&comment, &helo);
    peer_comment(comment, helo, &p);
    finish(helo, &p, &beside, r);
}
