/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names are compared as text. The Public Suffix List would be a file to read and a library to
 * link, and both sides of every comparison come out of the same message: what matters is that
 * "mx1.example.co.uk" and "example.co.uk" are one and "a.co.uk" and "b.co.uk" are two. So a
 * second-level label that registries use for everybody (co, com, ac, …) under a country's code asks
 * for a third; the few exceptions cost nothing worse than two names of one owner that look foreign.
 */
#include "trace/name.h"

#include "trace/name_lists.h"

/* Without closing dots. */
static struct span bare(struct span s)
{
    while (s.n && s.p[s.n - 1] == '.')
        s.n--;
    return s;
}

static bool is_number(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_digit(s.p[i]))
            return false;
    return s.n > 0;
}

bool name_is_host(struct span host)
{
    host = bare(host);
    if (!host.n || host.n > TRACE_NAME_MAX || span_find(host, '.') == host.n || host.p[0] == '.' ||
        host.p[0] == '-')
        return false;
    for (size_t i = 0; i < host.n; i++)
        if (!ascii_is_alnum(host.p[i]) && !memchr("-._", host.p[i], 3) &&
            (unsigned char)host.p[i] < 0x80)
            return false;
    return !is_number(span_slice(host, span_rfind(host, '.') + 1, host.n));
}

/* Registries' own second levels: "co", "com", "net", "org", "gov", … under two letters. */
static bool is_shared_label(struct span label, struct span tld)
{
    if (tld.n != 2)
        return false;
    for (size_t i = 0; name_second_levels[i]; i++)
        if (span_eq_nocase(label, span_str(name_second_levels[i])))
            return true;
    return label.n == 2 && !span_eq_nocase(tld, SPAN_LIT("me"));
}

struct span name_org(struct span host)
{
    size_t last, second, third;

    host = bare(host);
    if (!name_is_host(host))
        return SPAN_NULL;
    last = span_rfind(host, '.');
    second = span_rfind(span_slice(host, 0, last), '.');
    if (second == last) /* two labels */
        return host;
    if (!is_shared_label(span_slice(host, second + 1, last), span_slice(host, last + 1, host.n)))
        return span_slice(host, second + 1, host.n);
    third = span_rfind(span_slice(host, 0, second), '.');
    return third == second ? host : span_slice(host, third + 1, host.n);
}

static bool fits(struct span org, struct span domain)
{
    if (domain.p[domain.n - 1] == '*')
        return span_starts_nocase(org, span_slice(domain, 0, domain.n - 1));
    return domain.p[domain.n - 1] == '.' ? span_starts_nocase(org, domain)
                                         : span_eq_nocase(org, domain);
}

/* The first entry that begins with this letter, or the one behind where it would be. */
static size_t first_of(char letter)
{
    size_t from = 0, to = name_group_count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (name_groups[middle].domain.p[0] < letter)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* The entry for a provider's domain, or NULL. Entries that end in a dot fit any ending. */
static const struct name_group *provider_of(struct span org)
{
    char letter = org.n ? ascii_lower(org.p[0]) : '\0';

    for (size_t i = org.n ? first_of(letter) : name_group_count;
         i < name_group_count && name_groups[i].domain.p[0] == letter; i++)
        if (fits(org, name_groups[i].domain))
            return &name_groups[i];
    return NULL;
}

static int group_of(struct span org)
{
    const struct name_group *g = provider_of(org);

    return g ? g->group : -1;
}

bool name_same_org(struct span a, struct span b)
{
    struct span x = name_org(a), y = name_org(b);
    int group;

    if (!x.n || !y.n)
        return false;
    if (span_eq_nocase(x, y))
        return true;
    group = group_of(x);
    return group >= 0 && group == group_of(y);
}

bool name_same_host(struct span a, struct span b)
{
    size_t dot_a, dot_b;

    a = bare(a);
    b = bare(b);
    if (!a.n || !b.n)
        return false;
    if (span_eq_nocase(a, b))
        return true;
    dot_a = span_find(a, '.');
    dot_b = span_find(b, '.');
    /* One of them short: "lugh" and "lugh.example.org". */
    return (dot_a == a.n || dot_b == b.n) && dot_a == dot_b && dot_a > 1 &&
           span_eq_nocase(span_slice(a, 0, dot_a), span_slice(b, 0, dot_b));
}

/* The label that the owner chose: "asem" of mail.asem.pr.gov. */
static struct span own_label(struct span host)
{
    struct span org = name_org(host);

    return span_slice(org, 0, span_find(org, '.'));
}

static bool in_list(struct span s, const char *const *list)
{
    char first = s.n ? ascii_lower(s.p[0]) : '\0';

    for (size_t i = 0; list[i]; i++)
        if (list[i][0] == first && span_eq_nocase(s, span_str(list[i])))
            return true;
    return false;
}

/* One of the labels of the host, but its last, is this word. */
static bool has_label(struct span host, struct span word)
{
    struct span rest = span_slice(bare(host), 0, span_rfind(bare(host), '.')), label;

    if (word.n < 4 || in_list(word, name_host_words))
        return false;
    while (span_cut(&rest, '.', &label))
        if (span_eq_nocase(label, word))
            return true;
    return false;
}

bool name_akin(struct span a, struct span b)
{
    struct span x = own_label(a), y = own_label(b);

    if (name_is_inside(a) || name_is_inside(b))
        return false;
    /* example.com and example.net are reserved for any two parties, RFC 2606 §3. */
    if (span_eq_nocase(x, SPAN_LIT("example")) || span_eq_nocase(y, SPAN_LIT("example")))
        return false;
    if (x.n >= 8 && y.n >= 8 && (span_starts_nocase(x, y) || span_starts_nocase(y, x)))
        return true;
    /* asem.pr.gov has the owner's word one label lower than a generic ending would. */
    return has_label(a, y) || has_label(b, x);
}

bool name_is_inside(struct span host)
{
    host = bare(host);
    if (!host.n || span_find(host, '.') == host.n)
        return true;
    return in_list(span_slice(host, span_rfind(host, '.') + 1, host.n), name_inside_tlds);
}

bool name_is_useless(struct span host)
{
    struct ip ip;

    host = bare(host);
    return !host.n || is_number(host) || name_is_inside(host) || ip_parse(host, &ip) ||
           span_starts_nocase(host, SPAN_LIT("localhost")) ||
           span_eq_nocase(host, SPAN_LIT("unknown")) || !name_is_host(host);
}

/* Numbers of one to three digits, decimal, as octets of an address are written into names. */
static unsigned octets_in(struct span host, struct ip ip)
{
    unsigned hits = 0, value = 0, digits = 0;
    bool seen[4] = {false};

    for (size_t i = 0; i <= host.n; i++) {
        if (i < host.n && ascii_is_digit(host.p[i])) {
            value = digits < 4 ? value * 10 + (unsigned)(host.p[i] - '0') : 9999;
            digits++;
            continue;
        }
        for (unsigned k = 0; digits && k < 4; k++) {
            if (!seen[k] && ip.b[k] == value) {
                seen[k] = true;
                hits++;
                break;
            }
        }
        value = digits = 0;
    }
    return hits;
}

static bool has_kind(struct span host, unsigned kind)
{
    const struct name_group *g = provider_of(name_org(host));

    return g && (g->kind & kind);
}

/* "a11-42.smtp-out.example": the numbers tell one mail server of a bank from the next. */
static bool is_outlet(struct span front)
{
    static const char *const words[] = {"smtp-out", "smtpout", "mail-out", "mailout", "outbound"};

    for (size_t i = 0, to; i < front.n; i = to + 1) {
        for (to = i; to < front.n && front.p[to] != '.'; to++)
            ;
        for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
            if (span_starts_nocase(span_slice(front, i, to), span_str(words[k])))
                return true;
    }
    return false;
}

bool name_is_generic(struct span host, struct ip ip)
{
    struct span org = name_org(host), front;
    unsigned digits = 0;

    if (!org.n || org.n >= host.n)
        return false;
    front = span_slice(host, 0, (size_t)(org.p - host.p));
    if (is_outlet(front) || has_kind(host, NAME_MAIL_ONLY))
        return false;
    if (ip.family == IP_V4 && octets_in(front, ip) >= 2)
        return true;
    for (size_t i = 0; i < front.n; i++)
        digits += ascii_is_digit(front.p[i]);
    if (digits >= 9)
        return true;
    /* A word by itself or with a number: "adsl", "cable42", not "dialogue". */
    for (size_t i = 0, to; i < front.n; i = to + 1) {
        for (to = i; to < front.n && ascii_is_alpha(front.p[to]); to++)
            ;
        if (to > i && in_list(span_slice(front, i, to), name_line_words))
            return true;
    }
    return false;
}

bool name_is_workstation(struct span helo)
{
    static const char *const words[] = {
        "user",  "pc",          "desktop", "laptop", "win",  "friend",       "home",
        "admin", "workstation", "owner",   "ws",     "dell", "computer",     "computername",
        "your",  "windows",     "hewlett", "lenovo", "acer", "administrator"};
    struct span stem;
    size_t n = 0;

    helo = bare(helo);
    if (!helo.n || helo.p[0] == '[' || span_find(helo, '.') < helo.n)
        return false;
    while (n < helo.n && ascii_is_alpha(helo.p[n]))
        n++;
    stem = span_slice(helo, 0, n);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (span_eq_nocase(stem, span_str(words[i])))
            return true;
    return span_ends_nocase(helo, SPAN_LIT("-pc")); /* "Anna-PC", as Windows 7 named itself */
}

/* Five consonants or letters and digits in turn: nobody's word. */
static bool is_gibberish(struct span label)
{
    unsigned run = 0, turns = 0, digits = 0;

    for (size_t i = 0; i < label.n; i++) {
        char c = ascii_lower(label.p[i]);
        bool digit = ascii_is_digit(c);

        digits += digit;
        if (i && digit != ascii_is_digit(label.p[i - 1]))
            turns++;
        run = ascii_is_alpha(c) && !memchr("aeiouy", c, 6) ? run + 1 : 0;
        if (run >= 5)
            return true;
    }
    return turns >= 3 || (label.n >= 6 && digits >= 3 && digits < label.n) || label.n > 24;
}

bool name_is_random(struct span label)
{
    for (size_t i = 0; i < label.n; i++)
        if (!ascii_is_alnum(label.p[i]) && !memchr("-._", label.p[i], 3))
            return true;
    return is_gibberish(label);
}

bool name_is_cheap(struct span host)
{
    struct span org = name_org(host);

    return org.n && in_list(span_slice(org, span_rfind(org, '.') + 1, org.n), name_cheap_tlds);
}

bool name_is_throwaway(struct span host)
{
    struct span org = name_org(host);

    return name_is_cheap(host) || (org.n && is_gibberish(own_label(host)));
}

struct span name_domain(struct span address)
{
    size_t at = span_rfind(address, '@');

    return at < address.n ? bare(span_slice(address, at + 1, address.n)) : SPAN_NULL;
}

bool name_is_freemail(struct span domain)
{
    return has_kind(domain, NAME_FREEMAIL);
}

bool name_is_provider(struct span host)
{
    return has_kind(host, NAME_SENDER | NAME_FREEMAIL);
}

bool name_is_bulk_sender(struct span host)
{
    return has_kind(host, NAME_MAIL_ONLY) && !has_kind(host, NAME_FORWARDER);
}

bool name_is_forwarder(struct span host)
{
    return has_kind(host, NAME_FORWARDER);
}

bool name_is_microsoft(struct span host)
{
    return group_of(name_org(host)) == NAME_GROUP_MICROSOFT;
}

bool name_is_tenant_net(struct ip ip)
{
    static const struct ip_prefix nets[] = {
        {{IP_V4, {40, 92}}, 15},
        {{IP_V4, {40, 107}}, 16},
        {{IP_V4, {52, 96}}, 13},
        {{IP_V4, {104, 47}}, 17},
        {{IP_V6, {0x2a, 0x01, 0x01, 0x11}}, 32},
        {{IP_V6, {0x26, 0x03, 0x10}}, 24},
    };

    for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
        if (ip_prefix_has(nets[i], ip))
            return true;
    return false;
}

bool name_is_tenant_in(struct span host)
{
    return name_same_host(host, SPAN_LIT("smtp-relay.gmail.com"));
}

bool name_is_tenant_out(struct span host)
{
    return span_ends_nocase(host, SPAN_LIT(".outbound.protection.outlook.com")) ||
           span_ends_nocase(host, SPAN_LIT(".outbound.mail.protection.outlook.com"));
}
