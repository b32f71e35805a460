/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Exim's lists of domains, hosts, addresses and local parts. The rules that have opened servers:
 * a list whose last item is negated matches all that it does not name; a doubled separator is one
 * character of the item, and a single one ends it, so that an IPv6 address in a list with colons
 * falls into pieces; a host list that comes to a name while the client has none ends there without
 * a match, unless +include_unknown says that it matches.
 */
#include "audit/mta_exim_priv.h"

#include "base/num.h"

/* --- items ------------------------------------------------------------------------------------ */

void exim_list_open(struct exim_list_reader *l, struct span text, struct span *ret_rest)
{
    size_t i = 0;

    *l = (struct exim_list_reader){text, ':'};
    while (i < text.n && strchr(" \t\n", text.p[i]) && text.p[i])
        i++;
    if (i + 1 < text.n && text.p[i] == '<' && !ascii_is_alnum(text.p[i + 1]) &&
        text.p[i + 1] != ' ') {
        l->sep = text.p[i + 1];
        l->rest = span_slice(text, i + 2, text.n);
        if (l->sep == '\\' && l->rest.n > 0 && l->rest.p[0] == 'n') {
            l->sep = '\n';
            l->rest = span_slice(l->rest, 1, l->rest.n);
        }
    }
    *ret_rest = l->rest;
}

bool exim_list_next(struct audit *a, struct exim_list_reader *l, struct span *ret,
                    const char **ret_at)
{
    struct span s = l->rest;
    size_t i = 0, doubled = 0;

    while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t' || (s.p[i] == '\n' && l->sep != '\n')))
        i++;
    if (i == s.n)
        return false;
    s = span_slice(s, i, s.n);
    for (i = 0; i < s.n; i++) {
        if (s.p[i] != l->sep)
            continue;
        if (i + 1 < s.n && s.p[i + 1] == l->sep && l->sep != '\n') {
            doubled++;
            i++;
            continue;
        }
        break;
    }
    *ret = span_trim(span_slice(s, 0, i));
    *ret_at = s.p;
    l->rest = span_slice(s, i + 1, s.n);
    if (doubled) {
        char *copy = audit_alloc(a, ret->n + 1);
        size_t n = 0;

        if (audit_failed(a))
            return false;
        for (size_t k = 0; k < ret->n; k++) {
            copy[n++] = ret->p[k];
            if (ret->p[k] == l->sep)
                k++;
        }
        *ret = span_of(copy, n);
    }
    return true;
}

/* --- names ------------------------------------------------------------------------------------ */

struct match {
    struct exim_run *r;
    enum exim_list_kind kind;
    const struct exim_value *subject;
    struct audit_place place; /* of the item */
    struct exim_hit *hit;
    bool include_unknown, ignore_unknown;
    bool give_up; /* the client has no name: the list ends here */
};

static enum exim_tri yes(struct match *m, enum exim_how how, struct span item)
{
    *m->hit = (struct exim_hit){how, m->place, item};
    return EXIM_YES;
}

static bool is_lookup(struct span item)
{
    size_t semi = span_find(item, ';'), i = 0;

    /* type, with its partial-(x) and its stars */
    while (i < semi && (ascii_is_alnum(item.p[i]) || strchr("-_()*@,=.", item.p[i])))
        i++;
    return semi < item.n && i == semi && semi > 0;
}

/* What would please an item, for the judge to try. */
static void note_pattern(struct match *m, struct span item)
{
    struct exim_run *r = m->r;
    unsigned from = m->subject->from;
    bool star = item.n > 0 && item.p[0] == '*', front, end;
    struct span tail = span_slice(item, star, item.n);
    struct exim_candidates *to = &r->found->suffixes;
    const char *s;

    if (item.n > 0 && item.p[0] == '^') {
        exim_candidate(r, from, item, true, m->place);
        s = m->kind == EXIM_DOMAINS ? unix_regex_sample(r->a, item, true, &front, &end) : NULL;
        if (s && from & EXIM_FROM_RCPT && front && to->count < EXIM_CANDIDATES_MAX) {
            struct span dots = span_str(s);

            dots = span_slice(dots, span_find(dots, '.') + 1, dots.n);
            if (!unix_shared_suffix(dots))
                return;
            to->place[to->count] = m->place;
            to->v[to->count++] = audit_fmt(r->a, "elsewhere.%s", dots.p);
        }
        return;
    }
    if (!star && m->kind == EXIM_DOMAINS && from & EXIM_FROM_RCPT && item.n > 0 &&
        !is_lookup(item) && !span_starts(item, SPAN_LIT("@"))) {
        to = &r->found->owns;
        if (to->count < EXIM_CANDIDATES_MAX) {
            to->place[to->count] = m->place;
            to->v[to->count++] = audit_dup(r->a, item);
        }
        return;
    }
    if (!star) {
        exim_candidate(r, from, item, false, m->place);
        return;
    }
    if (from & EXIM_FROM_RCPT && m->kind == EXIM_DOMAINS && tail.n > 0) {
        if (tail.p[0] == '.')
            tail = span_slice(tail, 1, tail.n);
        if (!unix_shared_suffix(tail) || to->count >= EXIM_CANDIDATES_MAX)
            return;
        to->place[to->count] = m->place;
        to->v[to->count++] = unix_victim_below(r->a, tail) + strlen(AUDIT_VICTIM_LOCAL "@");
    } else if (tail.n > 0) {
        s = audit_fmt(r->a, "%s%.*s", tail.p[0] == '.' ? "host" : "", SPAN_ARG(tail));
        exim_candidate(r, from, span_str(s), false, m->place);
    }
}

static enum exim_tri by_lookup(struct match *m, struct span item, struct span key)
{
    size_t semi = span_find(item, ';');
    struct span data, type = span_slice(item, 0, semi);
    bool before = m->r->lookup_default;
    enum exim_tri t;

    m->r->lookup_default = false;
    t = exim_lookup(m->r, type, span_trim(span_slice(item, semi + 1, item.n)), key,
                    m->subject->from, m->place, &data);
    if (t == EXIM_YES) {
        if (m->r->lookup_default)
            m->place = m->r->default_place;
        yes(m, m->r->lookup_default ? EXIM_HOW_DEFAULT : EXIM_HOW_PLAIN, item);
    }
    m->r->lookup_default = before;
    return t;
}

static struct span primary(struct exim_run *r)
{
    return exim_variable(r, SPAN_LIT("primary_hostname"), (struct audit_place){0}).text;
}

/* A domain, or a local part: the same but for the words that begin with "@". */
static enum exim_tri match_name(struct match *m, struct span item, struct span name)
{
    struct exim_run *r = m->r;

    if (r->found)
        note_pattern(m, item);
    if (m->kind == EXIM_DOMAINS && span_eq(item, SPAN_LIT("@")))
        return span_eq_nocase(name, primary(r)) ? yes(m, EXIM_HOW_PLAIN, item) : EXIM_NO;
    if (m->kind == EXIM_DOMAINS && span_eq(item, SPAN_LIT("@[]")))
        return EXIM_NO; /* literals are no domains of victims */
    if (m->kind == EXIM_DOMAINS && span_starts(item, SPAN_LIT("@mx_")))
        return r->w.mx_here && m->subject->from & EXIM_FROM_RCPT ? yes(m, EXIM_HOW_MX, item)
                                                                 : EXIM_NO;
    if (item.n > 0 && item.p[0] == '^') {
        enum unix_match u = unix_regex(item, name, true, r->captures);

        if (u == UNIX_MATCH_BAD) {
            exim_doubt(r, m->place, "has a pattern that can't be tried");
            return EXIM_DOUBT;
        }
        return u == UNIX_MATCH_YES ? yes(m, EXIM_HOW_REGEX, item) : EXIM_NO;
    }
    if (is_lookup(item))
        return by_lookup(m, item, name);
    if (span_eq(item, SPAN_LIT("*")))
        return yes(m, EXIM_HOW_STAR, item);
    if (item.n > 0 && item.p[0] == '*')
        return span_ends_nocase(name, span_slice(item, 1, item.n)) ? yes(m, EXIM_HOW_SUFFIX, item)
                                                                   : EXIM_NO;
    return span_eq_nocase(item, name) ? yes(m, EXIM_HOW_PLAIN, item) : EXIM_NO;
}

/* --- addresses -------------------------------------------------------------------------------- */

static void note_address(struct match *m, struct span local, struct span domain)
{
    struct exim_run *r = m->r;
    struct exim_candidates *to = &r->found->locals;

    if (m->subject->from & EXIM_FROM_RCPT) {
        if (local.n > 0 && local.p[0] != '*' && local.p[0] != '^' &&
            to->count < EXIM_CANDIDATES_MAX) {
            to->place[to->count] = m->place;
            to->v[to->count++] = audit_dup(r->a, local);
        }
        return;
    }
    if (domain.n == 0 || strchr("^@+", domain.p[0]))
        return;
    if (local.n > 0 && local.p[0] == '*')
        local = local.n > 1 ? span_str(audit_fmt(r->a, "user%.*s", (int)local.n - 1, local.p + 1))
                            : SPAN_LIT("user");
    if (domain.p[0] == '*')
        domain = domain.n > 1
                     ? span_str(audit_fmt(r->a, "host%.*s", (int)domain.n - 1, domain.p + 1))
                     : SPAN_LIT("any.example");
    exim_candidate(r, EXIM_FROM_SENDER,
                   span_str(audit_fmt(r->a, "%.*s@%.*s", SPAN_ARG(local), SPAN_ARG(domain))), false,
                   m->place);
}

static enum exim_tri match_address(struct match *m, struct span item, struct span address)
{
    size_t at = span_rfind(address, '@'), cut = span_rfind(item, '@');
    struct span local = span_slice(address, 0, at), domain = span_slice(address, at + 1, address.n);
    struct exim_run *r = m->r;
    struct exim_value name = *m->subject;
    struct match sub = *m;
    enum exim_tri t;

    if (item.n > 0 && item.p[0] == '^') {
        enum unix_match u = unix_regex(item, address, true, r->captures);

        if (r->found)
            exim_candidate(r, m->subject->from, item, true, m->place);
        return u == UNIX_MATCH_BAD  ? EXIM_DOUBT
               : u == UNIX_MATCH_NO ? EXIM_NO
                                    : yes(m, EXIM_HOW_REGEX, item);
    }
    if (span_starts(item, SPAN_LIT("@@"))) {
        exim_doubt(r, m->place, "has a list with @@, which is not worked out");
        return EXIM_DOUBT;
    }
    if (is_lookup(item))
        return by_lookup(m, item, address);
    if (span_eq(item, SPAN_LIT("*")))
        return yes(m, EXIM_HOW_STAR, item);
    if (r->found)
        note_address(m, cut < item.n ? span_slice(item, 0, cut) : SPAN_LIT("*"),
                     cut < item.n ? span_slice(item, cut + 1, item.n) : item);
    if (address.n == 0 || item.n == 0)
        return address.n == 0 && item.n == 0 ? yes(m, EXIM_HOW_PLAIN, item) : EXIM_NO;
    sub.kind = EXIM_DOMAINS;
    name.text = domain;
    name.from = 0;
    sub.subject = &name;
    if (cut < item.n) {
        struct span pl = span_slice(item, 0, cut);
        bool star = pl.n > 0 && pl.p[0] == '*';

        if (!(star ? span_ends_nocase(local, span_slice(pl, 1, pl.n)) : span_eq_nocase(local, pl)))
            return EXIM_NO;
        item = span_slice(item, cut + 1, item.n);
    }
    t = match_name(&sub, item, domain);
    m->give_up = sub.give_up;
    return t;
}

/* --- hosts ------------------------------------------------------------------------------------ */

static void note_net(struct match *m, struct ip_prefix net, struct span item)
{
    struct exim_found *f = m->r->found;

    for (size_t i = 0; i < f->net_count; i++)
        if (f->nets[i].net.len == net.len && ip_eq(f->nets[i].net.ip, net.ip))
            return;
    if (f->net_count >= EXIM_NETS_MAX ||
        array_grow(&f->nets, &f->net_cap, sizeof(f->nets[0]), f->net_count + 1) < 0) {
        f->more_nets = f->more_nets.line ? f->more_nets : m->place;
        return;
    }
    f->nets[f->net_count++] = (struct exim_named_net){net, m->place, item};
}

static enum exim_tri match_net(struct match *m, struct ip_prefix net, struct span item)
{
    if (m->r->found)
        note_net(m, net, item);
    /* A client of no address is one that no network names, not even the whole Internet. */
    return m->r->w.client.family && ip_prefix_has(net, m->r->w.client) ? yes(m, EXIM_HOW_NET, item)
                                                                       : EXIM_NO;
}

/* A pattern for names: the client has to have one. */
static enum exim_tri match_host_name(struct match *m, struct span item)
{
    struct exim_value name = {.state = EXIM_YES, .from = EXIM_FROM_PTR};
    struct match sub = *m;
    enum exim_tri t;

    if (!m->r->w.ptr) {
        if (m->r->found) {
            sub.kind = EXIM_LOCALS;
            sub.subject = &name;
            match_name(&sub, item, SPAN_NULL);
        }
        if (m->include_unknown)
            return yes(m, EXIM_HOW_UNKNOWN, item);
        m->give_up = !m->ignore_unknown && !m->r->found;
        return EXIM_NO;
    }
    name.text = span_str(m->r->w.ptr);
    sub.kind = EXIM_LOCALS;
    sub.subject = &name;
    t = match_name(&sub, item, name.text);
    return t;
}

/* "net-lsearch;/file", "net24-iplsearch;/file" */
static enum exim_tri match_net_lookup(struct match *m, struct span item)
{
    size_t dash = span_find(item, '-');
    struct span head = span_slice(item, 3, dash), rest = span_slice(item, dash + 1, item.n);
    size_t semi = span_find(rest, ';');
    struct audit_source_file f;
    struct audit_lines lines;
    struct audit_line line;
    struct ip_prefix net;
    struct span word;
    enum exim_tri t = EXIM_NO;
    unsigned len = 0;

    num_uint(head, 0, 128, &len);
    if (audit_text(m->r->a, audit_dup(m->r->a, span_trim(span_slice(rest, semi + 1, rest.n))),
                   &f) != AUDIT_FILE_OK) {
        exim_doubt(m->r, m->place, "needs a file that is not here");
        return EXIM_DOUBT;
    }
    audit_lines_open(&lines, m->r->a, AUDIT_LINES_PLAIN, &f);
    while (audit_lines_next(&lines, &line)) {
        struct span s = line.text;

        if (s.p[0] == '#' || !span_word(&s, &word))
            continue;
        if (word.p[0] == '"')
            word = span_slice(word, 1, 1 + span_find(span_slice(word, 1, word.n), '"'));
        else if (word.p[word.n - 1] == ':')
            word.n--;
        m->place = (struct audit_place){f.name, line.first};
        if (span_eq(word, SPAN_LIT("*")) && span_find(span_slice(rest, 0, semi), '*') < semi)
            return yes(m, EXIM_HOW_DEFAULT, word);
        if (unix_net(word, &net)) {
            if (len && net.len > len && span_find(word, '/') < word.n)
                continue;
            t = t == EXIM_YES ? t : match_net(m, net, word);
        }
        if (t == EXIM_YES && !m->r->found)
            break;
    }
    return t;
}

static enum exim_tri match_host(struct match *m, struct span item)
{
    struct exim_run *r = m->r;
    struct ip_prefix net;

    if (item.n == 0)
        return EXIM_NO; /* no host: not over the network */
    if (span_eq(item, SPAN_LIT("*")))
        return yes(m, EXIM_HOW_STAR, item);
    if (span_eq(item, SPAN_LIT("@")) || span_eq(item, SPAN_LIT("@[]")))
        return r->w.client.family && ip_space(r->w.client) == IP_LOOPBACK
                   ? yes(m, EXIM_HOW_PLAIN, item)
                   : EXIM_NO;
    if (unix_net(item, &net))
        return match_net(m, net, item);
    if (span_starts(item, SPAN_LIT("net")) && span_find(item, '-') < span_find(item, ';') &&
        span_find(item, ';') < item.n)
        return match_net_lookup(m, item);
    if (is_lookup(item) || item.p[0] == '*' || item.p[0] == '^')
        return match_host_name(m, item);
    /* A name stands for its addresses. One that can't have any ends the list. */
    if (span_find(item, ':') < item.n || span_find(item, '.') == item.n) {
        if (span_eq_nocase(item, SPAN_LIT("localhost"))) {
            unix_net(SPAN_LIT("::1"), &net);
            if (match_net(m, net, item) == EXIM_YES)
                return EXIM_YES;
            unix_net(SPAN_LIT("127.0.0.1"), &net);
            return match_net(m, net, item);
        }
        if (m->include_unknown)
            return yes(m, EXIM_HOW_UNKNOWN, item);
        m->give_up = !m->ignore_unknown && !r->found;
    }
    return EXIM_NO;
}

/* --- lists ------------------------------------------------------------------------------------ */

static enum exim_tri match_item(struct match *m, struct span item);

/* One pattern a line. */
static enum exim_tri match_file(struct match *m, struct span path)
{
    struct audit_source_file f;
    struct audit_lines lines;
    struct audit_line line;
    enum exim_tri t = EXIM_NO;
    enum audit_file got = audit_text(m->r->a, audit_dup(m->r->a, path), &f);

    if (got != AUDIT_FILE_OK) {
        exim_doubt(
            m->r, m->place,
            audit_fmt(m->r->a, "needs %.*s, which %s", SPAN_ARG(path), audit_file_name(got)));
        return EXIM_DOUBT;
    }
    audit_lines_open(&lines, m->r->a, AUDIT_LINES_PLAIN, &f);
    while (audit_lines_next(&lines, &line)) {
        struct span s = span_trim(span_slice(line.text, 0, span_find(line.text, '#')));
        bool negated = s.n > 0 && s.p[0] == '!';
        enum exim_tri one;

        if (s.n == 0)
            continue;
        m->place = (struct audit_place){f.name, line.first};
        one = match_item(m, negated ? span_trim(span_slice(s, 1, s.n)) : s);
        if (one == EXIM_YES && !m->r->found)
            return negated ? EXIM_NO : EXIM_YES;
        t = exim_or(t, one);
    }
    return m->r->found ? EXIM_NO : t;
}

static enum exim_tri match_item(struct match *m, struct span item)
{
    const struct exim_list *named;
    enum exim_tri t;

    /* Plain items cost little, and long lists are no loops. */
    if (item.n > 0 && strchr("+/^", item.p[0]) && !exim_step(m->r, m->place))
        return EXIM_DOUBT;
    if (m->kind == EXIM_HOSTS && span_eq(item, SPAN_LIT("+include_unknown"))) {
        m->include_unknown = true;
        return EXIM_NO;
    }
    if (m->kind == EXIM_HOSTS && span_eq(item, SPAN_LIT("+ignore_unknown"))) {
        m->ignore_unknown = true;
        m->include_unknown = false;
        return EXIM_NO;
    }
    if (span_eq(item, SPAN_LIT("+caseful")) || span_eq(item, SPAN_LIT("+include_defer")) ||
        span_eq(item, SPAN_LIT("+ignore_defer")))
        return EXIM_NO;
    if (item.n > 1 && item.p[0] == '+') {
        named = exim_list_find(m->r->c, m->kind, span_slice(item, 1, item.n));
        if (!named || m->r->depth >= EXIM_DEPTH_MAX) {
            exim_doubt(m->r, m->place,
                       named ? "names a list that names itself" : "names a list that is not there");
            return EXIM_DOUBT;
        }
        m->r->depth++;
        t = exim_list(m->r, m->kind, &named->value, m->subject, m->hit);
        m->r->depth--;
        return t;
    }
    if (item.n > 0 && item.p[0] == '/' && m->kind != EXIM_LOCALS)
        return match_file(m, item);
    if (m->kind == EXIM_HOSTS)
        return match_host(m, item);
    if (m->kind == EXIM_ADDRESSES)
        return match_address(m, item, m->subject->text);
    return match_name(m, item, m->subject->text);
}

static enum exim_tri match_list(struct match *m, struct span text, const struct exim_text *marks,
                                struct audit_place place)
{
    enum exim_tri doubt = EXIM_NO, t = EXIM_NO;
    bool negated = false, any = false;
    struct exim_list_reader l;
    struct span item = SPAN_NULL, rest;
    const char *at;

    exim_list_open(&l, text, &rest);
    while (exim_list_next(m->r->a, &l, &item, &at)) {
        any = true;
        m->place = marks ? exim_place(marks, at) : place;
        negated = item.n > 0 && item.p[0] == '!';
        if (negated)
            item = span_trim(span_slice(item, 1, item.n));
        t = match_item(m, item);
        if (m->give_up)
            return doubt;
        if (t == EXIM_YES && !m->r->found)
            return negated ? doubt : EXIM_YES;
        if (t == EXIM_DOUBT || (t == EXIM_ANY && doubt == EXIM_NO))
            doubt = t;
    }
    if (any && negated) {
        m->place = marks ? exim_place(marks, marks->s.p + marks->s.n) : place;
        yes(m, EXIM_HOW_END, item);
        return doubt != EXIM_NO ? doubt : EXIM_YES;
    }
    return doubt;
}

enum exim_tri exim_list_span(struct exim_run *r, enum exim_list_kind kind, struct span text,
                             struct audit_place place, const struct exim_value *subject,
                             struct exim_hit *ret)
{
    struct match m = {.r = r, .kind = kind, .subject = subject, .place = place, .hit = ret};

    *ret = (struct exim_hit){0};
    return match_list(&m, text, NULL, place);
}

enum exim_tri exim_list(struct exim_run *r, enum exim_list_kind kind, const struct exim_text *text,
                        const struct exim_value *subject, struct exim_hit *ret)
{
    struct match m = {.r = r, .kind = kind, .subject = subject, .hit = ret};
    struct exim_value v = exim_expand(r, text);

    *ret = (struct exim_hit){0};
    if (v.fail)
        return EXIM_NO;
    if (v.state != EXIM_YES)
        return v.state;
    return match_list(&m, v.text, v.text.p == text->s.p ? text : NULL, exim_place(text, text->s.p));
}
