/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lexer trusts no bracket: one that never closes is a character like any other, because the
 * HELO of a stranger may hold it and must not swallow the receiver's own words behind it. Looking
 * for a closing bracket that is not there costs the rest of the field, so it is done
 * RECEIVED_NEST_MAX times at most; from then on opening brackets are plain characters.
 */
#include "mail/received_token.h"

#include "base/num.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Offset of the bracket that closes the comment at `at`, or s.n. */
static size_t comment_end(struct span s, size_t at)
{
    unsigned depth = 0;

    for (; at < s.n; at++) {
        if (s.p[at] == '\\') {
            at++;
        } else if (s.p[at] == '(') {
            if (++depth > RECEIVED_NEST_MAX)
                return s.n;
        } else if (s.p[at] == ')' && --depth == 0) {
            return at;
        }
    }
    return s.n;
}

/* Offset of the > outside quotes that closes the path at `at`, or s.n. A blank is no part of it. */
static size_t path_end(struct span s, size_t at)
{
    bool quoted = false;

    for (at++; at < s.n; at++) {
        if (s.p[at] == '\\')
            at++;
        else if (s.p[at] == '"')
            quoted = !quoted;
        else if (!quoted && s.p[at] == '>')
            return at;
        else if (!quoted && (s.p[at] == '<' || s.p[at] == ';' || is_space(s.p[at])))
            return s.n;
    }
    return s.n;
}

/*
 * Whether a bracket opened at `at` is one. *budget counts what may still be looked for in vain.
 * Within a word neither "<" nor "[" starts anything: "a<b" is a word.
 */
static bool opens(struct span s, size_t at, unsigned *budget, size_t *ret_end)
{
    size_t end = s.n;

    if (*budget == 0)
        return false;
    if (s.p[at] == '(')
        end = comment_end(s, at);
    else if (s.p[at] == '<')
        end = path_end(s, at);
    if (end == s.n)
        --*budget;
    *ret_end = end;
    return end < s.n;
}

static void add(struct received_tokens *t, enum received_token_kind kind, bool glued,
                struct span text)
{
    if (t->count == RECEIVED_TOKENS_MAX) {
        t->cut = true;
        return;
    }
    t->v[t->count++] = (struct received_token){kind, glued, text};
}

/*
 * Offset behind the quoted string at `at`, as in for "a b"@example.org; `at` itself when it is
 * none. Brackets and semicolons end the hope: a lone quote must not reach over the peer's comment.
 */
static size_t quoted_end(struct span s, size_t at)
{
    for (size_t i = at + 1; i < s.n && !memchr("()[];\r\n", s.p[i], 7); i++) {
        if (s.p[i] == '"')
            return i + 1;
        if (s.p[i] == '\\')
            i++;
    }
    return at;
}

/* Offset behind the word at `at`. A comment ends it, as in "with SMTPSVC(5.0)". */
static size_t word_end(struct span s, size_t at, unsigned *budget)
{
    size_t i = s.p[at] == '"' ? quoted_end(s, at) : at, end;

    for (; i < s.n; i++) {
        if (is_space(s.p[i]) || s.p[i] == ';')
            return i;
        if (s.p[i] == '(' && i > at && opens(s, i, budget, &end))
            return i;
    }
    return s.n;
}

void received_tokenize(struct span s, struct received_tokens *ret)
{
    unsigned budget = RECEIVED_NEST_MAX;
    bool glued = false;

    ret->count = 0;
    ret->cut = s.n > RECEIVED_TEXT_MAX;
    s = span_slice(s, 0, RECEIVED_TEXT_MAX);
    for (size_t at = 0, end; at < s.n; at = end) {
        char c = s.p[at];

        if (is_space(c)) {
            end = at + 1;
            glued = false;
            continue;
        }
        if (c == ';') {
            end = at + 1;
            add(ret, RECEIVED_SEMICOLON, glued, span_slice(s, at, end));
        } else if ((c == '(' || c == '<') && opens(s, at, &budget, &end)) {
            add(ret, c == '(' ? RECEIVED_COMMENT : RECEIVED_PATH, glued,
                span_slice(s, at + 1, end));
            end++;
        } else {
            end = word_end(s, at, &budget);
            add(ret, c == '[' ? RECEIVED_LITERAL : RECEIVED_WORD, glued, span_slice(s, at, end));
        }
        glued = true;
    }
    ret->date = ret->count;
    for (size_t i = 0; i < ret->count; i++)
        if (ret->v[i].kind == RECEIVED_SEMICOLON)
            ret->date = i;
}

bool received_token_is(const struct received_tokens *t, size_t i, size_t end, const char *word)
{
    return i < end && i < t->count && t->v[i].kind == RECEIVED_WORD &&
           span_eq_nocase(t->v[i].text, span_str(word));
}

/* Takes ":25" or ",25" off the end when digits and nothing else stand there. */
static void take_port(struct span *s, char sep, uint16_t *ret_port)
{
    size_t at = span_rfind(*s, sep);
    unsigned port;

    if (at < s->n && num_uint(span_slice(*s, at + 1, s->n), 1, 65535, &port)) {
        *ret_port = (uint16_t)port;
        *s = span_slice(*s, 0, at);
    }
}

/* "192.0.2.1.4321": early Exim puts the port behind one more dot. */
static void take_fifth(struct span *s, uint16_t *ret_port)
{
    size_t dots = 0;

    for (size_t i = 0; i < s->n; i++)
        dots += s->p[i] == '.';
    if (dots == 4)
        take_port(s, '.', ret_port);
}

bool received_ip(struct span s, struct ip *ret, uint16_t *ret_port)
{
    *ret_port = 0;
    while (s.n && (s.p[s.n - 1] == ',' || s.p[s.n - 1] == '.' || s.p[s.n - 1] == ';'))
        s.n--;
    if (s.n && s.p[0] == '[') {
        size_t close = span_find(s, ']');
        struct span behind = span_slice(s, close + 1, s.n);

        if (close == s.n)
            return false;
        if (behind.n)
            take_port(&behind, ':', ret_port);
        if (behind.n)
            return false;
        s = span_slice(s, 1, close);
    }
    if (span_find(s, ':') == span_rfind(s, ':'))
        take_port(&s, ':', ret_port); /* one colon is no IPv6 address */
    take_fifth(&s, ret_port);
    if (span_starts_nocase(s, SPAN_LIT("IPv6:")))
        s = span_slice(s, 5, s.n);
    s = span_slice(s, 0, span_find(s, '%')); /* fe80::1%eth0: the scope is the writer's own */
    return ip_parse(s, ret);
}
