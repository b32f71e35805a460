/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "begin rewrite": rules that turn an envelope address into another once the ACL has taken it.
 * Those with flag S work before, on what the client says, so the ACL judges what they make of it;
 * they are left out here. So are those for headers only.
 */
#include "audit/mta_exim_priv.h"

static bool has_flag(struct span flags, char c)
{
    return span_find(flags, c) < flags.n;
}

/* No flag that names a place: all places. */
static bool is_for_recipients(struct span flags)
{
    if (has_flag(flags, 'S'))
        return false;
    if (has_flag(flags, 'E') || has_flag(flags, 'T'))
        return true;
    for (size_t i = 0; i < flags.n; i++)
        if (strchr("Fbcfhrst", flags.p[i]))
            return false;
    return true;
}

/* $1 of "*@domain" is what the star stood for; a regular expression has set its own. */
static void capture_star(struct exim_run *r, const struct exim_rewrite *rw, struct span address)
{
    struct span item = rw->pattern.s, local = span_slice(address, 0, span_rfind(address, '@'));
    size_t tail = span_rfind(item, '@');

    if (item.n == 0 || item.p[0] != '*' || tail == 0 || tail - 1 > local.n)
        return;
    r->captures[0] = address;
    r->captures[1] = span_slice(local, 0, local.n - (tail - 1));
}

/* The address of a replacement, which may be written "Name <address>"; empty: none. */
static struct span address_of(struct span s)
{
    size_t open = span_rfind(s, '<'), close = span_find(s, '>');

    if (open < s.n && close > open)
        s = span_slice(s, open + 1, close);
    s = span_trim(s);
    return span_rfind(s, '@') < s.n ? s : SPAN_NULL;
}

static enum exim_tri matches(struct exim_run *r, const struct exim_rewrite *rw, struct span address)
{
    struct exim_value subject = exim_known(address);
    struct exim_hit hit = {0};

    return exim_list(r, EXIM_ADDRESSES, &rw->pattern, &subject, &hit);
}

struct span exim_rewritten(struct exim_run *r, struct span address)
{
    const char *local = r->w.rcpt_local, *domain = r->w.rcpt_domain;

    for (const struct exim_rewrite *rw = r->c->rewrites; rw; rw = rw->next) {
        size_t at = span_rfind(address, '@');
        struct exim_value v;
        struct span made;

        if (!is_for_recipients(rw->flags) || matches(r, rw, address) != EXIM_YES)
            continue;
        if (span_eq(rw->replacement.s, SPAN_LIT("*")))
            break;
        capture_star(r, rw, address);
        r->w.rcpt_local = audit_dup(r->a, span_slice(address, 0, at));
        r->w.rcpt_domain = audit_dup(r->a, span_slice(address, at + 1, address.n));
        v = exim_expand(r, &rw->replacement);
        made = v.state == EXIM_YES && !v.fail ? address_of(v.text) : SPAN_NULL;
        if (made.n)
            address = span_str(audit_dup(r->a, made));
        if (v.fail || (made.n && has_flag(rw->flags, 'q')))
            break;
    }
    r->w.rcpt_local = local;
    r->w.rcpt_domain = domain;
    return address;
}
