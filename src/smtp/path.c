/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One cursor walks the text once; each rule of the grammar is a function that moves it past what
 * it takes or leaves it where the fault is. Limits are looked at after the syntax, so that the
 * answer to "what is wrong" does not depend on where a text was cut.
 *
 * Where the grammar leaves a choice the narrower one is taken, because every reading that two mail
 * systems may differ in is a way through one of them:
 *   - octets of an IPv4 literal have no leading zeros (some read those as octal);
 *   - a domain has no other characters that IDNA maps to a dot (U+3002, U+FF0E, U+FF61), and no C1
 *     control; whether its labels are right U-labels is for those who have IDNA tables;
 *   - no angle bracket stands in an address literal, so that the first ">" outside of quotes ends a
 *     path for everybody;
 *   - source routes hold domains only, as RFC 5321 has it, no address literals.
 * No canonical form is made here, and no decision: the relay layer owns both.
 */
#include "smtp/path.h"

#include <string.h>

enum { LABEL_MAX = 63 }; /* RFC 1035 §2.3.4 */

struct cursor {
    struct span s;
    size_t at;
    bool utf8;     /* an octet over 127 was passed */
    bool bad_utf8; /* and was not UTF-8 */
};

const char *smtp_path_got_name(enum smtp_path_got got)
{
    static const char *const names[] = {
        [SMTP_PATH_OK] = "ok",
        [SMTP_PATH_NULL] = "null",
        [SMTP_PATH_POSTMASTER] = "postmaster",
        [SMTP_PATH_NO_DOMAIN] = "no-domain",
        [SMTP_PATH_SYNTAX] = "syntax",
        [SMTP_PATH_UTF8] = "utf8",
        [SMTP_PATH_LONG_LOCAL] = "long-local",
        [SMTP_PATH_LONG_DOMAIN] = "long-domain",
        [SMTP_PATH_LONG] = "long",
    };

    return names[got];
}

static bool at_end(const struct cursor *c)
{
    return c->at >= c->s.n;
}

static unsigned char peek(const struct cursor *c)
{
    return at_end(c) ? 0 : (unsigned char)c->s.p[c->at];
}

static bool take(struct cursor *c, char want)
{
    if (at_end(c) || c->s.p[c->at] != want)
        return false;
    c->at++;
    return true;
}

/*
 * Octets of the UTF-8 character at `at`, RFC 3629 §4; 0 when there is none. Overlong forms,
 * surrogates and what is over U+10FFFF are none.
 */
static size_t utf8_length(struct span s, size_t at)
{
    const unsigned char *p = (const unsigned char *)s.p + at;
    size_t left = s.n - at, n;
    unsigned char low = 0x80, high = 0xbf;

    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;
    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        n = 3;
        low = p[0] == 0xe0 ? 0xa0 : 0x80;
        high = p[0] == 0xed ? 0x9f : 0xbf;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        low = p[0] == 0xf0 ? 0x90 : 0x80;
        high = p[0] == 0xf4 ? 0x8f : 0xbf;
    } else {
        return 0;
    }
    if (left < n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    return n;
}

/* UTF8-non-ascii of RFC 6532 §3.1. */
static bool take_utf8(struct cursor *c)
{
    size_t n;

    if (peek(c) < 0x80)
        return false;
    n = utf8_length(c->s, c->at);
    c->bad_utf8 |= n == 0;
    c->utf8 |= n > 0;
    c->at += n;
    return n > 0;
}

/* atext of RFC 5322 §3.2.3. */
static bool is_atext(unsigned char ch)
{
    return ascii_is_alnum((char)ch) || (ch && strchr("!#$%&'*+-/=?^_`{|}~", ch));
}

static bool take_atom(struct cursor *c)
{
    size_t from = c->at;

    while (!at_end(c)) {
        if (is_atext(peek(c)))
            c->at++;
        else if (!take_utf8(c))
            break;
    }
    return c->at > from;
}

/* Dot-string = Atom *("."  Atom) */
static bool take_dot_string(struct cursor *c)
{
    do {
        if (!take_atom(c))
            return false;
    } while (take(c, '.'));
    return true;
}

static void keep(struct smtp_path *path, char ch)
{
    if (path->local_n < SMTP_LOCAL_MAX)
        path->local[path->local_n++] = ch;
}

/*
 * Quoted-string = DQUOTE *QcontentSMTP DQUOTE
 * QcontentSMTP  = %d32-33 / %d35-91 / %d93-126 / UTF8-non-ascii / "\" %d32-126
 */
static bool take_quoted(struct cursor *c, struct smtp_path *path)
{
    if (!take(c, '"'))
        return false;
    while (!at_end(c) && peek(c) != '"') {
        size_t from = c->at;

        if (peek(c) >= 0x80) {
            if (!take_utf8(c))
                return false;
        } else {
            if (take(c, '\\'))
                from = c->at;
            if (peek(c) < 32 || peek(c) > 126)
                return false;
            c->at++;
        }
        for (size_t i = from; i < c->at; i++)
            keep(path, c->s.p[i]);
    }
    path->quoted = true;
    return take(c, '"');
}

static bool take_local(struct cursor *c, struct smtp_path *path)
{
    size_t from = c->at;

    if (peek(c) == '"') {
        if (!take_quoted(c, path))
            return false;
    } else {
        if (!take_dot_string(c))
            return false;
        for (size_t i = from; i < c->at; i++)
            keep(path, c->s.p[i]);
    }
    path->local[path->local_n] = '\0';
    path->raw = span_slice(c->s, from, c->at);
    return true;
}

/* Characters that are no part of a label, though UTF-8: see the head of this file. */
static bool is_false_label(struct span ch)
{
    static const char *const dots[] = {"\xe3\x80\x82", "\xef\xbc\x8e", "\xef\xbd\xa1"};

    for (size_t i = 0; i < 3; i++)
        if (span_eq(ch, span_str(dots[i])))
            return true;
    return ch.n == 2 && ch.p[0] == '\xc2' && (unsigned char)ch.p[1] < 0xa0;
}

/* sub-domain = Let-dig [Ldh-str] / U-label; no hyphen at either end. */
static bool take_label(struct cursor *c)
{
    size_t from = c->at;

    if (peek(c) == '-')
        return false;
    while (!at_end(c)) {
        size_t was = c->at;

        if (ascii_is_alnum((char)peek(c)) || peek(c) == '-')
            c->at++;
        else if (!take_utf8(c))
            break;
        else if (is_false_label(span_slice(c->s, was, c->at))) {
            c->at = was;
            return false;
        }
    }
    if (c->at > from && c->s.p[c->at - 1] == '-') {
        c->at--;
        return false;
    }
    return c->at > from;
}

static bool take_domain(struct cursor *c, bool *long_label)
{
    do {
        size_t from = c->at;

        if (!take_label(c))
            return false;
        *long_label |= c->at - from > LABEL_MAX;
    } while (take(c, '.'));
    return true;
}

/* A-d-l ":", with A-d-l = "@" Domain *( "," "@" Domain ) */
static bool take_route(struct cursor *c, struct smtp_path *path, bool *long_label)
{
    size_t from = c->at;

    do {
        if (!take(c, '@') || !take_domain(c, long_label))
            return false;
    } while (take(c, ','));
    path->route = span_slice(c->s, from, c->at);
    return take(c, ':');
}

bool smtp_literal_parse(struct span s, struct ip *ret)
{
    static const struct span tag6 = {"IPv6:", 5};
    struct span in;
    size_t colon;

    *ret = (struct ip){0};
    if (s.n < 3 || s.p[0] != '[' || s.p[s.n - 1] != ']')
        return false;
    in = span_slice(s, 1, s.n - 1);
    if (span_starts_nocase(in, tag6)) {
        in = span_slice(in, tag6.n, in.n);
        return span_find(in, ':') < in.n && ip_parse(in, ret);
    }
    colon = span_find(in, ':');
    if (colon == in.n)
        return ip_parse(in, ret);
    /* General-address-literal = Ldh-str ":" 1*( %d33-90 / %d94-126 ) */
    for (size_t i = 0; i < colon; i++)
        if (!ascii_is_alnum(in.p[i]) && in.p[i] != '-')
            return false;
    for (size_t i = colon + 1; i < in.n; i++)
        if (in.p[i] < 33 || in.p[i] > 126 || strchr("[\\]<>", in.p[i]))
            return false;
    return colon > 0 && in.p[colon - 1] != '-' && colon + 1 < in.n;
}

static bool take_literal(struct cursor *c, struct smtp_path *path)
{
    struct span rest = span_slice(c->s, c->at, c->s.n);
    size_t close = span_find(rest, ']');

    if (close == rest.n || !smtp_literal_parse(span_slice(rest, 0, close + 1), &path->ip))
        return false;
    path->literal = true;
    c->at += close + 1;
    return true;
}

bool smtp_domain_ok(struct span s)
{
    struct cursor c = {.s = s};
    struct ip ip;
    bool long_label = false;

    if (s.n == 0 || s.n > SMTP_DOMAIN_MAX)
        return false;
    if (s.p[0] == '[')
        return smtp_literal_parse(s, &ip);
    return take_domain(&c, &long_label) && at_end(&c) && !long_label;
}

static enum smtp_path_got take_path(struct cursor *c, struct smtp_path *path, bool *long_label)
{
    size_t from;

    if (!take(c, '<'))
        return SMTP_PATH_SYNTAX;
    if (take(c, '>'))
        return SMTP_PATH_NULL;
    if (peek(c) == '@' && !take_route(c, path, long_label))
        return SMTP_PATH_SYNTAX;
    if (!take_local(c, path))
        return SMTP_PATH_SYNTAX;
    if (take(c, '>')) {
        if (path->route.n)
            return SMTP_PATH_SYNTAX;
        return span_eq_nocase(path->raw, SPAN_LIT("postmaster")) ? SMTP_PATH_POSTMASTER
                                                                 : SMTP_PATH_NO_DOMAIN;
    }
    if (!take(c, '@'))
        return SMTP_PATH_SYNTAX;
    from = c->at;
    if (peek(c) == '[' ? !take_literal(c, path) : !take_domain(c, long_label))
        return SMTP_PATH_SYNTAX;
    path->domain = span_slice(c->s, from, c->at);
    return take(c, '>') ? SMTP_PATH_OK : SMTP_PATH_SYNTAX;
}

/* Each domain of a route is one; together they are bounded by the path. */
static bool route_too_long(struct span route)
{
    struct span hop;

    while (span_cut(&route, ',', &hop))
        if (hop.n > SMTP_DOMAIN_MAX + 1)
            return true;
    return false;
}

enum smtp_path_got smtp_path_parse(struct span text, struct smtp_path *ret, size_t *ret_at)
{
    struct cursor c = {.s = text};
    bool long_label = false;
    enum smtp_path_got got;

    *ret = (struct smtp_path){0};
    got = take_path(&c, ret, &long_label);
    if (ret_at)
        *ret_at = c.at;
    if (got == SMTP_PATH_NULL)
        return at_end(&c) ? SMTP_PATH_NULL : SMTP_PATH_SYNTAX;
    if (c.bad_utf8)
        return SMTP_PATH_UTF8;
    if (got == SMTP_PATH_SYNTAX || !at_end(&c))
        return SMTP_PATH_SYNTAX;
    ret->text = span_slice(text, 1, text.n - 1);
    ret->utf8 = c.utf8;
    if (ret->raw.n > SMTP_LOCAL_MAX)
        return SMTP_PATH_LONG_LOCAL;
    if (ret->domain.n > SMTP_DOMAIN_MAX || long_label || route_too_long(ret->route))
        return SMTP_PATH_LONG_DOMAIN;
    return text.n > SMTP_PATH_MAX ? SMTP_PATH_LONG : got;
}
