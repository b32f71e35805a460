/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a path ends in an argument, and whether a domain lies under another: both asked of texts
 * that need not be a path by the grammar. Quotes may hide a ">" or a blank; a quote that is never
 * closed hides nothing, or one octet would swallow the parameters behind the path.
 */
#include "smtp/path.h"

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
