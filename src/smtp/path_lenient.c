/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading what is left of an address after a relay had it. Each relay undoes another part of the
 * probe's form (a route, a percent sign, quotes, a comment) and some add their own, so no grammar
 * is tried: whatever can stand in a domain is one candidate, everything else parts candidates.
 * That is enough because nothing is granted by it; a token is checked by its MAC, and "is this
 * for the probe domain" is asked of what was found.
 */
#include "smtp/path.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Length of a path in s from `from` up to `stop`, or 0 when quotes are open at the end. */
static size_t length_to(struct span s, size_t from, bool bracket, bool heed_quotes)
{
    bool quoted = false;

    for (size_t i = from; i < s.n; i++) {
        if (heed_quotes && quoted && s.p[i] == '\\')
            i++;
        else if (heed_quotes && s.p[i] == '"')
            quoted = !quoted;
        else if (!quoted && bracket && s.p[i] == '>')
            return i + 1;
        else if (!quoted && !bracket && is_blank(s.p[i]))
            return i;
    }
    return quoted || bracket ? 0 : s.n;
}

size_t smtp_path_length(struct span s)
{
    bool bracket = s.n && s.p[0] == '<';
    size_t n = length_to(s, 0, bracket, true);

    if (n == 0)
        n = length_to(s, 0, bracket, false);
    return n ? n : length_to(s, 0, false, false);
}

static bool is_domain_char(char c)
{
    return ascii_is_alnum(c) || c == '.' || c == '-' || c == '_' || (unsigned char)c >= 0x80;
}

static void add_domain(struct smtp_lenient *l, struct span name)
{
    while (name.n && name.p[name.n - 1] == '.')
        name.n--;
    while (name.n && name.p[0] == '.')
        name = span_slice(name, 1, name.n);
    if (name.n == 0 || name.n > SMTP_DOMAIN_MAX)
        return;
    if (name.p[0] != '[' && span_find(name, '.') == name.n)
        return;
    if (l->domain_count == SMTP_LENIENT_DOMAINS) {
        memmove(l->domains, l->domains + 1, (SMTP_LENIENT_DOMAINS - 1) * sizeof(l->domains[0]));
        l->domain_count--;
    }
    l->domains[l->domain_count++] = name;
}

/* The address literal or run of domain characters at `from`; its end is at least from + 1. */
static size_t run_end(struct span s, size_t from)
{
    size_t to = from;

    if (s.p[from] == '[') {
        size_t close = span_find(span_slice(s, from, s.n), ']');
        struct ip ip;

        if (from + close < s.n && smtp_literal_parse(span_slice(s, from, from + close + 1), &ip))
            return from + close + 1;
        return from + 1;
    }
    while (to < s.n && is_domain_char(s.p[to]))
        to++;
    return to > from ? to : from + 1;
}

static struct span strip(struct span s)
{
    s = span_trim(s);
    if (s.n && s.p[0] == '<')
        s = span_slice(s, 1, s.n);
    if (s.n && s.p[s.n - 1] == '>')
        s.n--;
    return span_trim(s);
}

static bool is_domain_text(struct span s)
{
    return s.n > 0 && run_end(s, 0) == s.n && (s.n > 1 || is_domain_char(s.p[0]));
}

void smtp_path_lenient(struct span text, struct smtp_lenient *ret)
{
    size_t at;

    *ret = (struct smtp_lenient){0};
    text = strip(span_slice(text, 0, SMTP_COMMAND_TAKEN));
    at = span_rfind(text, '@');
    ret->text = text;
    ret->local = is_domain_text(span_slice(text, at + 1, text.n)) ? span_slice(text, 0, at) : text;
    for (size_t i = 0; i < text.n;) {
        size_t to = run_end(text, i);

        if (is_domain_char(text.p[i]) || to > i + 1)
            add_domain(ret, span_slice(text, i, to));
        i = to;
    }
}

bool smtp_domain_under(struct span name, struct span domain)
{
    if (name.n && name.p[name.n - 1] == '.')
        name.n--;
    if (domain.n && domain.p[domain.n - 1] == '.')
        domain.n--;
    if (domain.n == 0 || !span_ends_nocase(name, domain))
        return false;
    return name.n == domain.n || name.p[name.n - domain.n - 1] == '.';
}

bool smtp_lenient_under(const struct smtp_lenient *l, struct span domain)
{
    for (size_t i = 0; i < l->domain_count; i++)
        if (smtp_domain_under(l->domains[i], domain))
            return true;
    return false;
}
