/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Match lists: the first word that matches decides, "!" turns it round, "/file" stands for the
 * words of a file, "type:table" for its keys. A word that begins with "#" ends the list ("#comment
 * after other text is not allowed", says Postfix, and reads no further).
 *
 * Networks are strict: host bits beyond the prefix make Postfix answer 451 to everybody who gets as
 * far as that word, which closes the server rather than opening it. An IPv4 network written as a
 * mapped IPv6 one matches nobody.
 */
#include "audit/mta_postfix_priv.h"

#include <stdlib.h>

/* --- words ------------------------------------------------------------------------------------ */

struct unfolding {
    struct pf_conf *c;
    struct pf_word *v;
    size_t count, cap;
    unsigned depth;
    bool looped;
};

static void unfold(struct unfolding *u, struct pf_word word, bool negated);

static void unfold_file(struct unfolding *u, const char *path, struct audit_place at, bool negated)
{
    struct audit_source_file f;
    struct audit_lines r;
    struct audit_line line;

    if (u->depth >= AUDIT_NEST_MAX || u->looped) {
        u->looped = true;
        audit_bad(u->c->a, at, "%s names itself without end; take the line out", path);
        return;
    }
    if (audit_text(u->c->a, path, &f) != AUDIT_FILE_OK) {
        struct pf_word fail = {span_str(audit_fmt(u->c->a, "unix:%s", path)), at};

        unfold(u, fail, negated);
        return;
    }
    u->depth++;
    audit_lines_open(&r, u->c->a, AUDIT_LINES_BLANK, &f);
    while (!u->looped && audit_lines_next(&r, &line)) {
        struct span rest = line.text, word;

        while (!u->looped && audit_word(&rest, ", \t\r\n", true, &word) && word.p[0] != '#')
            unfold(u, (struct pf_word){word, {f.name, audit_line_of(&line, word.p)}}, negated);
    }
    u->depth--;
}

static void unfold(struct unfolding *u, struct pf_word word, bool negated)
{
    struct span s = word.s;

    while (s.n > 0 && s.p[0] == '!') {
        negated = !negated;
        s = span_slice(s, 1, s.n);
    }
    if (s.n > 0 && s.p[0] == '/') {
        unfold_file(u, audit_dup(u->c->a, s), word.place, negated);
        return;
    }
    if (u->count >= PF_WORDS_MAX ||
        !audit_grow(u->c->a, &u->v, &u->cap, sizeof(u->v[0]), u->count + 1))
        return;
    if (negated)
        s = span_str(audit_fmt(u->c->a, "!%.*s", (int)s.n, s.p));
    u->v[u->count++] = (struct pf_word){s, word.place};
}

struct pf_words pf_unfold(struct pf_conf *c, const struct pf_words *w)
{
    struct unfolding u = {.c = c};
    struct pf_word *copy;

    for (size_t i = 0; i < w->count && w->v[i].s.p[0] != '#'; i++)
        unfold(&u, w->v[i], false);
    copy = audit_alloc(c->a, u.count * sizeof(copy[0]) + 1);
    if (audit_failed(c->a))
        u.count = 0;
    if (u.count > 0)
        memcpy(copy, u.v, u.count * sizeof(copy[0]));
    free(u.v);
    return (struct pf_words){copy, u.count};
}

static bool take_not(struct span *s)
{
    bool negated = s->n > 0 && s->p[0] == '!';

    if (negated)
        *s = span_slice(*s, 1, s->n);
    return negated;
}

bool pf_parent_style(struct pf_conf *c, const char *setting)
{
    const struct pf_param *over = c->over;
    struct span rest = span_str(setting);
    struct pf_words w;

    if (strcmp(setting, "relay_domains") == 0)
        c->over = c->rewrite; /* which is asked by trivial-rewrite, not by smtpd */
    w = pf_list(c, "parent_domain_matches_subdomains");
    c->over = over;
    for (size_t i = 0; i < w.count; i++)
        if (span_eq(w.v[i].s, rest))
            return true;
    return false;
}

/* --- networks --------------------------------------------------------------------------------- */

bool pf_net_parse(struct span word, struct ip_prefix *ret, bool *ret_bad)
{
    char text[80];
    struct span s = word, mask = SPAN_NULL;
    struct ip ip;
    size_t close;

    *ret_bad = false;
    if (s.n > 0 && s.p[0] == '[') {
        close = span_find(s, ']');
        mask = span_slice(s, close + 1, s.n);
        s = span_slice(s, 1, close);
        if (close == word.n || (mask.n > 0 && mask.p[0] != '/')) {
            *ret_bad = true;
            return false;
        }
    }
    if (s.n + mask.n >= sizeof(text))
        return false;
    memcpy(text, s.p, s.n);
    if (mask.n > 0)
        memcpy(text + s.n, mask.p, mask.n);
    if (!ip_prefix_parse(span_of(text, s.n + mask.n), ret)) {
        *ret_bad = span_find(span_of(text, s.n + mask.n), '/') < s.n + mask.n;
        return false;
    }
    /* A mapped network is one of IPv6 for Postfix, and no client has such an address. */
    s = span_of(text, s.n + mask.n);
    ip = ret->ip;
    return !(ip.family == IP_V4 && span_find(s, ':') < s.n);
}

static bool only(struct span s, const char *chars)
{
    for (size_t i = 0; i < s.n; i++)
        if (!s.p[i] || !strchr(chars, s.p[i]))
            return false;
    return true;
}

#define V4_CHARS "0123456789."
#define V6_CHARS V4_CHARS "abcdefABCDEF:[]/"

/* Whether Postfix would take the word for a network at all, for a client of that family. */
static bool like_net(struct span s, enum ip_family family)
{
    bool six = span_find(s, ':') < s.n;

    return six == (family == IP_V6) && !only(s, V4_CHARS) && only(s, V6_CHARS) &&
           (six || span_find(s, '/') < s.n);
}

static void match_net(struct pf_match *m, struct span s, struct ip ip)
{
    char text[IP_TEXT_MAX];
    struct ip_prefix net;
    struct span bare = s;
    bool bad;

    if (bare.n > 1 && bare.p[0] == '[' && bare.p[bare.n - 1] == ']')
        bare = span_slice(bare, 1, bare.n - 1);
    if (span_eq_nocase(bare, span_str(ip_text(ip, text)))) {
        m->hit = PF_HIT;
        return;
    }
    if (!like_net(s, ip.family))
        return;
    if (pf_net_parse(s, &net, &bad))
        m->hit = ip_prefix_has(net, ip) ? PF_HIT : PF_MISS;
    else
        m->error = bad;
}

/* --- names ------------------------------------------------------------------------------------ */

static bool name_fits(struct span name, struct span pattern, bool parent)
{
    if (span_eq_nocase(name, pattern))
        return true;
    if (pattern.n >= name.n || !span_ends_nocase(name, pattern))
        return false;
    return parent ? name.p[name.n - pattern.n - 1] == '.' : pattern.p[0] == '.';
}

static void table_hit(struct pf_match *m, enum pf_hit hit, const struct pf_table *t,
                      const struct pf_found *f)
{
    if (t->kind == PF_TABLE_FAIL)
        m->error = true;
    m->hit = hit == PF_MAYBE && m->error ? PF_MISS : hit;
    if (hit == PF_HIT)
        m->place = f->place;
}

/* The name, then its parents, as tables with fixed keys are asked. */
static void match_table_name(struct pf_conf *c, struct pf_match *m, const struct pf_table *t,
                             struct span name, bool parent)
{
    struct pf_found f;

    for (size_t at = 0; name.n > 0 && m->hit == PF_MISS && !m->error; at++) {
        size_t dot;

        if (at == 0 || pf_table_fixed(t))
            table_hit(m, pf_lookup(c, t, name, &f), t, &f);
        dot = span_find(span_slice(name, 1, name.n), '.') + 1;
        if (dot >= name.n)
            return;
        name = span_slice(name, dot + parent, name.n);
    }
}

static void match_name(struct pf_conf *c, struct pf_match *m, struct span s, struct span name,
                       bool parent)
{
    if (pf_is_table(s))
        match_table_name(c, m, pf_table(c, s, m->place), name, parent);
    else if (name_fits(name, s, parent))
        m->hit = PF_HIT;
}

static struct pf_match decided(struct pf_match m, bool negated)
{
    if (m.hit == PF_HIT && negated)
        m.hit = PF_MISS;
    return m;
}

struct pf_match pf_match_client(struct pf_conf *c, const char *setting, const struct pf_words *w,
                                const char *name, struct ip ip)
{
    bool parent = pf_parent_style(c, setting);
    enum pf_hit all = PF_MISS;
    struct pf_match m = {0}, maybe = {0};
    char text[IP_TEXT_MAX];
    struct pf_found f;

    for (size_t i = 0; i < w->count; i++) {
        struct span s = w->v[i].s;
        bool negated = take_not(&s);

        m = (struct pf_match){.place = w->v[i].place, .word = w->v[i].s};
        match_name(c, &m, s, span_str(name), parent);
        if (m.hit != PF_HIT && !m.error && pf_is_table(s)) {
            const struct pf_table *t = pf_table(c, s, m.place);
            enum pf_hit was = m.hit;

            table_hit(&m, pf_lookup(c, t, span_str(ip_text(ip, text)), &f), t, &f);
            m.hit = m.hit == PF_MISS ? was : m.hit;
        } else if (m.hit == PF_MISS && !m.error) {
            match_net(&m, s, ip);
        }
        if (m.error || m.hit == PF_HIT)
            return decided(m, negated);
        if (m.hit == PF_MAYBE && all == PF_MISS) {
            all = PF_MAYBE;
            maybe = m;
        }
    }
    return all == PF_MAYBE ? maybe : (struct pf_match){0};
}

static struct pf_match match_any(struct pf_conf *c, const struct pf_words *w, struct span name,
                                 bool domains, bool parent)
{
    struct pf_match maybe = {0};

    for (size_t i = 0; i < w->count; i++) {
        struct pf_match m = {.place = w->v[i].place, .word = w->v[i].s};
        struct span s = w->v[i].s;
        bool negated = take_not(&s);
        struct pf_found f;

        if (domains) {
            match_name(c, &m, s, name, parent);
        } else if (pf_is_table(s)) {
            const struct pf_table *t = pf_table(c, s, m.place);

            table_hit(&m, pf_lookup(c, t, name, &f), t, &f);
        } else if (span_eq_nocase(s, name)) {
            m.hit = PF_HIT;
        }
        if (m.error || m.hit == PF_HIT)
            return decided(m, negated);
        if (m.hit == PF_MAYBE && maybe.hit == PF_MISS)
            maybe = m;
    }
    return maybe;
}

struct pf_match pf_match_domain(struct pf_conf *c, const char *setting, const struct pf_words *w,
                                struct span name)
{
    return match_any(c, w, name, true, pf_parent_style(c, setting));
}

struct pf_match pf_match_string(struct pf_conf *c, const struct pf_words *w, struct span name)
{
    return match_any(c, w, name, false, false);
}

/* --- rows ------------------------------------------------------------------------------------- */

static void table_rows(struct pf_conf *c, const struct pf_table *t, bool negated,
                       struct audit_nets *ret)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct pf_entry *e = &t->v[i];
        struct ip_prefix net = e->net;
        struct audit_place place = {t->file, e->line};

        if (e->op != PF_RULE || (t->kind == PF_TABLE_KEYS && e->key.n == 0))
            continue;
        if (t->kind == PF_TABLE_KEYS) {
            struct ip ip;

            if (!ip_parse(e->key, &ip))
                continue;
            net = ip_prefix_of(ip, ip.family == IP_V4 ? 32 : 128);
        }
        if (e->negated) { /* all of the family that the network does not hold */
            struct ip any = {.family = net.ip.family};

            audit_net_add(c->a, ret, net, !negated, place, e->key);
            net = ip_prefix_of(any, 0);
        }
        audit_net_add(c->a, ret, net, negated, place, e->key);
    }
}

void pf_rows(struct pf_conf *c, const struct pf_words *w, struct audit_nets *ret)
{
    bool bad_v4 = false, bad_v6 = false;

    for (size_t i = 0; i < w->count; i++) {
        struct span s = w->v[i].s;
        bool negated = take_not(&s), bad;
        struct ip_prefix net;

        if (pf_is_table(s)) {
            const struct pf_table *t = pf_table(c, s, w->v[i].place);

            if (t->kind == PF_TABLE_CIDR || t->kind == PF_TABLE_KEYS)
                table_rows(c, t, negated, ret);
            continue;
        }
        if (!pf_net_parse(s, &net, &bad)) {
            /* Whoever gets here gets an error: what stands behind it never counts. */
            bad_v4 = bad_v4 || (bad && like_net(s, IP_V4));
            bad_v6 = bad_v6 || (bad && like_net(s, IP_V6));
            continue;
        }
        if (net.ip.family == IP_V4 ? !bad_v4 : !bad_v6)
            audit_net_add(c->a, ret, net, negated, w->v[i].place, w->v[i].s);
    }
}

/* --- mynetworks ------------------------------------------------------------------------------- */

static unsigned class_len(struct ip ip)
{
    return ip.family == IP_V6 ? 64 : ip.b[0] < 128 ? 8 : ip.b[0] < 192 ? 16 : 24;
}

struct pf_words pf_mynetworks(struct pf_conf *c, bool *ret_unknown)
{
    const char *style = pf_string(c, "mynetworks_style");
    struct audit_place at = pf_where(c, "mynetworks_style");
    const struct audit_interface *v;
    struct pf_word *words;
    size_t count, n = 0;

    *ret_unknown = false;
    if (pf_find(c, "mynetworks")) {
        struct pf_text t = pf_value(c, "mynetworks");
        struct pf_words w = pf_words(c, &t);

        *ret_unknown = t.unknown;
        return pf_unfold(c, &w);
    }
    v = audit_host_interfaces(c->a, &count);
    words = audit_alloc(c->a, (count + 2) * sizeof(words[0]));
    if (audit_failed(c->a))
        return (struct pf_words){words, 0};
    words[n++] = (struct pf_word){SPAN_LIT("127.0.0.0/8"), at};
    words[n++] = (struct pf_word){SPAN_LIT("[::1]/128"), at};
    *ret_unknown = count == 0 && strcmp(style, "host") != 0;
    for (size_t i = 0; i < count; i++) {
        unsigned len = strcmp(style, "host") == 0    ? 128
                       : strcmp(style, "class") == 0 ? class_len(v[i].ip)
                                                     : v[i].len;
        struct ip_prefix net = ip_prefix_of(v[i].ip, len);
        char text[IP_TEXT_MAX];
        bool six = net.ip.family == IP_V6;

        words[n++] =
            (struct pf_word){span_str(audit_fmt(c->a, "%s%s%s/%u", six ? "[" : "",
                                                ip_text(net.ip, text), six ? "]" : "", net.len)),
                             at};
    }
    return (struct pf_words){words, n};
}
