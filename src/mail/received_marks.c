/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Signs of a login, of TLS and of the reverse-path, in the many spellings of writers. A sign is
 * the first word of a comment, never a word somewhere in it: "(envelope-from
 * <auth=yes@example.org>)" is text of a stranger.
 */
#include "mail/received_token.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool next_word(struct span *s, struct span *ret)
{
    size_t at = 0, to;

    while (at < s->n && is_space(s->p[at]))
        at++;
    for (to = at; to < s->n && !is_space(s->p[to]); to++)
        ;
    *ret = span_slice(*s, at, to);
    *s = span_slice(*s, to, s->n);
    return to > at;
}

static bool starts(struct span s, const char *prefix)
{
    return span_starts_nocase(s, span_str(prefix));
}

static bool is(struct span s, const char *word)
{
    return span_eq_nocase(s, span_str(word));
}

static bool is_tls_word(struct span s)
{
    return starts(s, "TLS") || starts(s, "SSL");
}

static struct span user_name(struct span s)
{
    while (s.n && memchr(",;\"'", s.p[s.n - 1], 4))
        s.n--;
    while (s.n && memchr("\"'", s.p[0], 2))
        s = span_slice(s, 1, s.n);
    return s;
}

static void logged_in(struct received *r, struct span user)
{
    r->auth = RECEIVED_YES;
    if (!r->auth_user.n)
        r->auth_user = user_name(user);
}

/* The rest of the comment behind "envelope-from": <path>, "path" or a bare word. */
static void envelope_sender(struct span rest, struct received *r)
{
    struct span s = span_trim(rest);

    if (r->has_sender)
        return;
    if (s.n && s.p[0] == '<')
        s = span_slice(s, 1, span_rfind(s, '>'));
    else
        s = user_name(span_slice(s, 0, span_find(s, ' ')));
    r->sender = s;
    r->has_sender = true;
}

/* A comment of pairs: "version=TLSv1 cipher=X", "user=u mech=PLAIN bits=0". */
static bool pairs(struct span first, struct span rest, struct received *r)
{
    if (starts(first, "version=") && is_tls_word(span_slice(first, 8, first.n)))
        r->tls = RECEIVED_YES;
    else if (starts(first, "cipher="))
        r->tls = RECEIVED_YES;
    else if (starts(first, "user=") && span_has_nocase(rest, SPAN_LIT("mech=")))
        logged_in(r, span_slice(first, 5, first.n));
    else
        return false;
    return true;
}

/* chasquid: "over SMTP, TLS-1.3, CIPHER, envelope from \"x\"", or "plain text!" in place of TLS. */
static void over(struct span rest, struct received *r)
{
    size_t sender = span_find_nocase(rest, SPAN_LIT("envelope from "));
    struct span told = span_slice(rest, 0, sender), word;

    if (sender < rest.n)
        envelope_sender(span_slice(rest, sender + 14, rest.n), r);
    if (span_has_nocase(told, SPAN_LIT("plain text")))
        r->tls = RECEIVED_NO;
    while (next_word(&told, &word))
        if (is_tls_word(word))
            r->tls = RECEIVED_YES;
}

static void login_words(struct span first, struct span rest, struct received *r)
{
    struct span second = SPAN_NULL, third = SPAN_NULL;

    next_word(&rest, &second);
    next_word(&rest, &third);
    if (is(first, "authenticated") && is(second, "sender:"))
        logged_in(r, third); /* Postfix */
    else if (is(first, "authenticated") && is(second, "as"))
        logged_in(r, third); /* Kerio and others */
    else if (is(first, "authenticated") || starts(first, "authenticated:"))
        logged_in(r, SPAN_NULL); /* Sendmail, Haraka: "authenticated bits=0" */
    else if (is(first, "auth:"))
        logged_in(r, third); /* Courier: "AUTH: LOGIN user, TLS: …" */
    else if (is(first, "account") && span_find(second, '@') < second.n)
        logged_in(r, second); /* CommuniGate */
    else if (is(first, "smtp-auth") && is(second, "username"))
        logged_in(r, third); /* qpsmtpd */
    if (is(first, "auth:") &&
        (span_has_nocase(rest, SPAN_LIT("TLS:")) || span_has_nocase(rest, SPAN_LIT("SSL:"))))
        r->tls = RECEIVED_YES;
}

void received_marks(struct span comment, struct received *r)
{
    struct span rest = comment, first, second, more;

    if (!next_word(&rest, &first))
        return;
    more = rest;
    if (!next_word(&more, &second))
        second = SPAN_NULL;
    if (starts(first, "envelope-from") || starts(first, "envelope-sender"))
        envelope_sender(rest, r);
    else if (is(first, "over"))
        over(rest, r);
    else if (is_tls_word(first) || (is(first, "using") && is_tls_word(second)))
        r->tls = RECEIVED_YES;
    else if (!pairs(first, rest, r))
        login_words(first, rest, r);
}
