/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whom a notice may reach. Postmaster of a registrable domain (RFC 2142 §5, RFC 5321 §4.5.1) is the
 * only mailbox that we make up; every other one was published as a contact.
 */
#include "list/notice.h"

#include <libpsl.h>
#include <string.h>

const char *notice_role_name(enum notice_role role)
{
    return role == NOTICE_POSTMASTER ? "postmaster" : "abuse";
}

static bool domain_ok(struct span domain)
{
    struct span label;
    bool dotted = span_find(domain, '.') < domain.n;

    if (!domain.n || domain.p[domain.n - 1] == '.')
        return false;
    while (domain.n) {
        if (!span_cut(&domain, '.', &label) || !label.n || label.n > 63)
            return false;
        for (size_t i = 0; i < label.n; i++)
            if (!ascii_is_alnum(label.p[i]) && label.p[i] != '-')
                return false;
        if (label.p[0] == '-' || label.p[label.n - 1] == '-')
            return false;
    }
    return dotted;
}

bool notice_mailbox_ok(struct span mailbox)
{
    size_t at = span_rfind(mailbox, '@');
    bool dot = true; /* none in front, none twice, none behind */

    if (at == mailbox.n || at == 0 || at > 64 || mailbox.n > NOTICE_MAILBOX_MAX)
        return false;
    for (size_t i = 0; i < at; i++) {
        char c = mailbox.p[i];

        if (c == '.' && dot)
            return false;
        /* Of atext (RFC 5322 §3.2.3) what means nothing to a relay: no % and no ! */
        if (!ascii_is_alnum(c) && !memchr("#$&'*+-/=?^_`{|}~.", c, 18))
            return false;
        dot = c == '.';
    }
    return !dot && domain_ok(span_slice(mailbox, at + 1, mailbox.n));
}

static bool add(struct notice_list *l, struct span mailbox, enum notice_role role)
{
    struct notice_to *to = &l->v[l->count];
    size_t at = span_rfind(mailbox, '@');

    if (l->count == NOTICE_TO_MAX || !notice_mailbox_ok(mailbox))
        return false;
    for (size_t i = 0; i < l->count; i++)
        if (span_eq_nocase(span_str(l->v[i].mailbox), mailbox))
            return false;
    span_copy(mailbox, to->mailbox, sizeof(to->mailbox));
    for (char *p = to->mailbox + at; *p; p++)
        *p = ascii_lower(*p);
    to->role = role;
    l->count++;
    return true;
}

bool notice_add_postmaster(struct notice_list *l, struct span name)
{
    char text[256], mailbox[NOTICE_MAILBOX_MAX + 1] = "postmaster@";
    const psl_ctx_t *list = psl_builtin();
    const char *at = text, *domain = NULL;

    if (name.n && name.p[name.n - 1] == '.')
        name.n--;
    if (!list || !domain_ok(name) || !span_copy(name, text, sizeof(text)))
        return false;
    for (char *p = text; *p; p++)
        *p = ascii_lower(*p);
    /* Private suffixes count here: who has a name under one answers for that name alone. */
    while (at && !psl_is_public_suffix2(list, at, PSL_TYPE_ANY)) {
        domain = at;
        at = strchr(at, '.');
        if (at)
            at++;
    }
    if (!at || !domain || strlen(domain) + strlen(mailbox) > NOTICE_MAILBOX_MAX)
        return false;
    memcpy(mailbox + strlen(mailbox), domain, strlen(domain) + 1);
    return add(l, span_str(mailbox), NOTICE_POSTMASTER);
}

size_t notice_add_contact(struct notice_list *l, struct span text)
{
    size_t before = l->count;

    while (text.n) {
        size_t n = 0, skip;

        while (n < text.n && !memchr(" \t,;\r\n", text.p[n], 6))
            n++;
        if (n) {
            struct span word = span_slice(text, 0, n);

            if (span_starts_nocase(word, SPAN_LIT("mailto:")))
                word = span_slice(word, 7, word.n);
            add(l, word, NOTICE_ABUSE);
        }
        skip = n < text.n ? n + 1 : n;
        text = span_slice(text, skip, text.n);
    }
    return l->count - before;
}

struct span notice_contact_of(struct span file, struct ip ip, unsigned *ret_line)
{
    struct span best = SPAN_NULL, line, word;
    unsigned number = 0, len = 0;

    *ret_line = 0;
    while (span_cut(&file, '\n', &line)) {
        struct ip_prefix net;

        number++;
        line = span_trim(span_slice(line, 0, span_find(line, '#')));
        if (!line.n)
            continue;
        if (!span_word(&line, &word) || !ip_prefix_parse(word, &net) || !span_trim(line).n) {
            if (!*ret_line)
                *ret_line = number;
            continue;
        }
        if (ip_prefix_has(net, ip) && (!best.p || net.len >= len)) {
            best = span_trim(line);
            len = net.len;
        }
    }
    return best;
}

/* ---- whether ---- */

const char *notice_answer_why(enum notice_answer a)
{
    static const char *const words[] = {
        "may be sent",
        "the host is not listed now",
        "this listing has had its notice",
        "its domain has had its share of notices for today",
        "it is our own domain",
        "it wants no notices",
    };

    return words[a];
}

/* "user@example.org" itself, or "example.org" and all below it. */
static bool wants_none(struct span file, struct span mailbox)
{
    struct span domain = span_slice(mailbox, span_rfind(mailbox, '@') + 1, mailbox.n), line;

    while (span_cut(&file, '\n', &line)) {
        line = span_trim(span_slice(line, 0, span_find(line, '#')));
        if (!line.n)
            continue;
        if (span_find(line, '@') < line.n ? span_eq_nocase(line, mailbox)
                                          : span_eq_nocase(line, domain))
            return true;
        if (domain.n > line.n && domain.p[domain.n - line.n - 1] == '.' &&
            span_ends_nocase(domain, line))
            return true;
    }
    return false;
}

enum notice_answer notice_decide(const struct notice_question *q)
{
    struct span domain = span_slice(q->mailbox, span_rfind(q->mailbox, '@') + 1, q->mailbox.n);

    if (!q->listed)
        return NOTICE_NOT_LISTED;
    if (q->already)
        return NOTICE_ALREADY;
    if (q->own_domain.n && span_eq_nocase(domain, q->own_domain))
        return NOTICE_OURSELVES;
    if (wants_none(q->refused_file, q->mailbox))
        return NOTICE_OPTED_OUT;
    return q->domain_today >= q->domain_limit ? NOTICE_DOMAIN_FULL : NOTICE_SEND;
}
