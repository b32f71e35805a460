/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One reader for all models. It takes an address apart the way the worst of them does, and says by
 * which trick it got outside; whether a model falls for that trick is the row's to say. What has no
 * trick in it and names another host is C1.
 *
 * Local names are stripped again and again, because double forms (u%d%here@here, here!d!u) are made
 * to get past a reader that does it once. Each round makes the text shorter, so it ends.
 */
#include "cmd/range/address.h"

#include <errno.h>
#include <string.h>

static bool name_is(struct span s, const char *name)
{
    if (s.n && s.p[s.n - 1] == '.')
        s.n--;
    return name && span_eq_nocase(s, span_str(name));
}

static bool host_local(const struct address_home *home, struct span s)
{
    struct span inner = s;
    struct ip ip;

    if (name_is(s, home->host) || name_is(s, home->domain) || name_is(s, "localhost") ||
        name_is(s, ADDRESS_RANGE_DOMAIN))
        return true;
    if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
        inner = span_slice(s, 1, s.n - 1);
    return ip_parse(inner, &ip) && ip_eq(ip, home->ip);
}

struct span address_bare(struct span path)
{
    path = span_trim(path);
    if (path.n >= 2 && path.p[0] == '<' && path.p[path.n - 1] == '>')
        return span_trim(span_slice(path, 1, path.n - 1));
    return path;
}

uint32_t address_sender(const struct address_home *home, struct span path)
{
    struct span s = address_bare(path), domain;
    size_t at = span_rfind(s, '@');
    struct ip ip;

    if (s.n == 0)
        return MODEL_CLASS(2);
    if (at == s.n)
        return MODEL_CLASS(4);
    domain = span_slice(s, at + 1, s.n);
    if (domain.n && (domain.p[0] == '[' || ip_parse(domain, &ip)))
        return MODEL_CLASS(5);
    return host_local(home, domain) ? MODEL_CLASS(3) : 0;
}

/* What a round of reading leaves. */
struct reading {
    const struct address_home *home;
    struct buf *out; /* the address now; a local part once it is ours */
    uint32_t classes;
};

static void set(struct reading *r, struct span s)
{
    /* The span may lie in the buffer itself, so it goes by way of a copy. */
    struct buf copy = BUF_INIT(ADDRESS_MAX);

    buf_add(&copy, s);
    buf_clear(r->out);
    buf_add(r->out, buf_span(&copy));
    if (copy.err)
        r->out->err = copy.err;
    buf_deinit(&copy);
}

static void set_mailbox(struct reading *r, struct span user, struct span host)
{
    struct buf made = BUF_INIT(ADDRESS_MAX);

    buf_add(&made, user);
    buf_add_char(&made, '@');
    buf_add(&made, host);
    if (made.err)
        r->out->err = made.err;
    else
        set(r, buf_span(&made));
    buf_deinit(&made);
}

/* @a,@b:rest */
static bool strip_route(struct reading *r, struct span s)
{
    size_t colon = span_find(s, ':');
    struct span hops = span_slice(s, 0, colon), hop;

    if (s.n == 0 || s.p[0] != '@' || colon == s.n)
        return false;
    while (span_cut(&hops, ',', &hop))
        if (hop.n && host_local(r->home, span_slice(span_trim(hop), 1, hop.n)))
            r->classes |= MODEL_CLASS(11);
    set(r, span_slice(s, colon + 1, s.n));
    return true;
}

/* The length of a quoted string at the front with its quotes, or 0. */
static size_t quoted_length(struct span s)
{
    if (s.n == 0 || s.p[0] != '"')
        return 0;
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '\\')
            i++;
        else if (s.p[i] == '"')
            return i + 1;
    }
    return 0;
}

static void set_dequoted(struct reading *r, struct span inner)
{
    struct buf plain = BUF_INIT(ADDRESS_MAX);

    for (size_t i = 0; i < inner.n; i++) {
        if (inner.p[i] == '\\' && i + 1 < inner.n)
            i++;
        buf_add_char(&plain, inner.p[i]);
    }
    set(r, buf_span(&plain));
    buf_deinit(&plain);
}

/* "a@b" alone, or "a@b"@here */
static bool strip_quotes(struct reading *r, struct span s)
{
    size_t n = quoted_length(s);
    struct span inner = span_slice(s, 1, n ? n - 1 : 1), rest = span_slice(s, n, s.n);
    bool routed = span_find(inner, '@') < inner.n || span_find(inner, '%') < inner.n ||
                  span_find(inner, '!') < inner.n;

    if (n == 0 || !routed)
        return false;
    if (rest.n == 0) {
        r->classes |= MODEL_CLASS(6);
    } else if (rest.p[0] == '@' && host_local(r->home, span_slice(rest, 1, rest.n))) {
        r->classes |= MODEL_CLASS(7);
    } else {
        return false;
    }
    set_dequoted(r, inner);
    return true;
}

/* a!b!u: the first host is where it goes next. */
static bool strip_bang(struct reading *r, struct span s)
{
    size_t bang = span_find(s, '!');
    struct span host = span_slice(s, 0, bang), rest = span_slice(s, bang + 1, s.n);

    if (bang == s.n || host.n == 0 || rest.n == 0)
        return false;
    r->classes |= MODEL_CLASS(10);
    if (host_local(r->home, host))
        set(r, rest);
    else
        set_mailbox(r, rest, host);
    return true;
}

static bool strip_percent(struct reading *r, struct span s)
{
    size_t at = span_rfind(s, '%');

    if (at == s.n || at == 0 || at + 1 == s.n)
        return false;
    r->classes |= MODEL_CLASS(8);
    set_mailbox(r, span_slice(s, 0, at), span_slice(s, at + 1, s.n));
    return true;
}

/* IMCEASMTP-user+40domain: +XX is the octet with that number. */
static bool strip_imcea(struct reading *r, struct span s)
{
    const struct span mark = SPAN_LIT("IMCEASMTP-");
    struct buf plain = BUF_INIT(ADDRESS_MAX);

    if (!span_starts_nocase(s, mark))
        return false;
    r->classes |= MODEL_CLASS(15);
    for (size_t i = mark.n; i < s.n; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *hi =
            s.p[i] == '+' && i + 2 < s.n ? strchr(digits, ascii_lower(s.p[i + 1])) : NULL;
        const char *lo = hi && *hi ? strchr(digits, ascii_lower(s.p[i + 2])) : NULL;

        if (lo && *lo) {
            buf_add_char(&plain, (char)((hi - digits) << 4 | (lo - digits)));
            i += 2;
        } else {
            buf_add_char(&plain, s.p[i]);
        }
    }
    set(r, buf_span(&plain));
    buf_deinit(&plain);
    return true;
}

/* here:u@d, of which the @ belongs to the address behind the colon. */
static bool strip_colon(struct reading *r, struct span s)
{
    size_t colon = span_find(s, ':');

    if (colon == s.n || !host_local(r->home, span_slice(s, 0, colon)))
        return false;
    r->classes |= MODEL_CLASS(12);
    set(r, span_slice(s, colon + 1, s.n));
    return true;
}

/* A local part behind which only names of ours stood: what else may be in it? */
static bool strip_local_part(struct reading *r, struct span local)
{
    if (span_find(local, '@') < local.n) {
        r->classes |= MODEL_CLASS(9);
        set(r, local);
        return true;
    }
    return strip_imcea(r, local) || strip_bang(r, local) || strip_percent(r, local);
}

/* One round: ADDRESS_… when it is done, -EAGAIN when there may be more to strip. */
static int read_round(struct reading *r)
{
    struct span s = buf_span(r->out), local, domain;
    size_t at = span_rfind(s, '@');

    if (s.n == 0)
        return ADDRESS_BAD;
    if (strip_route(r, s) || strip_quotes(r, s) || strip_colon(r, s))
        return -EAGAIN;
    local = span_slice(s, 0, at);
    domain = span_slice(s, at + 1, s.n);
    if (at < s.n && local.n == 0)
        return ADDRESS_BAD;
    if (at == s.n || domain.n == 0 || host_local(r->home, domain)) {
        if (strip_local_part(r, local))
            return -EAGAIN;
        set(r, local);
        return ADDRESS_LOCAL;
    }
    if (domain.p[domain.n - 1] == '.')
        buf_truncate(r->out, s.n - 1);
    return ADDRESS_FOREIGN;
}

/* Blanks, 8-bit, control characters, comments: no model takes them apart. */
static bool clean(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x7f || s.p[i] <= ' ' || s.p[i] == '<' || s.p[i] == '>' ||
            s.p[i] == '(')
            return false;
    return s.n > 0;
}

/* An address that can stand in a command of ours with no quoting. */
static bool simple(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_alnum(s.p[i]) && (!s.p[i] || !strchr("._+-=:@%![]/'#~", s.p[i])))
            return false;
    return s.n > 0;
}

int address_rcpt(const struct address_home *home, struct span path, struct buf *out,
                 uint32_t *ret_classes)
{
    struct span s = address_bare(path);
    struct reading r = {home, out, 0};
    int got = -EAGAIN;

    buf_clear(out);
    *ret_classes = 0;
    if (!clean(s))
        return ADDRESS_BAD;
    buf_add(out, s);
    while (got == -EAGAIN && !out->err)
        got = read_round(&r);
    if (out->err)
        return out->err == -ENOMEM ? -ENOMEM : ADDRESS_BAD;
    if (got != ADDRESS_BAD && !simple(buf_span(out)))
        return ADDRESS_BAD;
    if (got != ADDRESS_FOREIGN)
        return got;
    if (!(r.classes & MODEL_RCPT_CLASSES)) {
        r.classes |= MODEL_CLASS(1);
        if (span_trim(path).n && span_trim(path).p[0] != '<')
            r.classes |= MODEL_CLASS(13);
    }
    *ret_classes = r.classes;
    return ADDRESS_FOREIGN;
}
