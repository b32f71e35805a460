/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lookups in files. A cdb or dbm file is binary; the text that it was made from usually lies beside
 * it under its name without the ending, and is read in its place. Databases and directories over
 * the network can't be asked: they leave doubt.
 *
 * "lsearch*" and "lsearch" differ by one character and by the whole Internet: with the star, the
 * entry "*" of the file is for every key that is not there.
 */
#include "audit/mta_exim_priv.h"

#include "base/num.h"

struct kind {
    struct span name; /* without its other parts */
    unsigned partial; /* the least number of parts; 0: no partial- */
    struct span affix;
    bool star, star_at;
};

static struct kind kind_of(struct span type)
{
    struct kind k = {.affix = SPAN_LIT("*.")};

    if (span_starts(type, SPAN_LIT("partial"))) {
        size_t dash = span_find(type, '-');
        struct span head = span_slice(type, 7, dash);
        size_t open = span_find(head, '(');

        k.partial = 2;
        num_uint(span_slice(head, 0, open), 0, 20, &k.partial);
        if (open < head.n)
            k.affix = span_slice(head, open + 1, head.n - 1);
        type = span_slice(type, dash + 1, type.n);
    }
    type = span_slice(type, 0, span_find(type, ','));
    if (type.n > 1 && type.p[type.n - 1] == '@' && type.p[type.n - 2] == '*') {
        k.star_at = k.star = true;
        type.n -= 2;
    } else if (type.n > 0 && type.p[type.n - 1] == '*') {
        k.star = true;
        type.n--;
    }
    k.name = type;
    return k;
}

/* --- a file's lines --------------------------------------------------------------------------- */

struct entry {
    struct span key, data;
    struct audit_place place;
};

struct entries {
    struct audit_lines lines;
    const char *file;
};

static bool entry_next(struct audit *a, struct entries *in, struct entry *ret)
{
    struct audit_line line;

    while (audit_lines_next(&in->lines, &line)) {
        struct span s = line.text, key;
        size_t n = 0;

        if (s.p[0] == '#' || s.p[0] == ' ' || s.p[0] == '\t')
            continue;
        if (s.p[0] == '"') {
            n = 1 + span_find(span_slice(s, 1, s.n), '"');
            key = span_slice(s, 1, n);
            n++;
        } else {
            while (n < s.n && !strchr(": \t", s.p[n]))
                n++;
            key = span_slice(s, 0, n);
        }
        s = span_trim(span_slice(s, n, s.n));
        if (s.n > 0 && s.p[0] == ':')
            s = span_trim(span_slice(s, 1, s.n));
        *ret = (struct entry){key, s, {in->file, line.first}};
        return true;
    }
    return false;
}

/* iplsearch and the keys of IPv6 have colons in them: only quotes or blanks end those. */
static bool net_key(struct span s, struct ip_prefix *ret)
{
    struct span word;

    return span_word(&s, &word) &&
           (unix_net(word, ret) || unix_net(span_slice(word, 0, word.n > 0 ? word.n - 1 : 0), ret));
}

static bool wild_match(struct exim_run *r, struct span pattern, struct span key)
{
    if (pattern.n > 0 && pattern.p[0] == '^')
        return unix_regex(pattern, key, true, r->captures) == UNIX_MATCH_YES;
    if (pattern.n > 0 && pattern.p[0] == '*')
        return span_ends_nocase(key, span_slice(pattern, 1, pattern.n));
    return span_eq_nocase(pattern, key);
}

/* --- one key in one file ---------------------------------------------------------------------- */

struct search {
    struct exim_run *r;
    struct kind kind;
    struct audit_source_file f;
    unsigned from;
};

static bool find_key(const struct search *q, struct span key, struct entry *ret)
{
    bool wild = span_ends_nocase(q->kind.name, SPAN_LIT("wildlsearch"));
    bool net = span_eq(q->kind.name, SPAN_LIT("iplsearch"));
    struct entries in = {.file = q->f.name};
    struct ip_prefix p;
    struct entry e;
    struct ip ip;

    audit_lines_open(&in.lines, q->r->a, AUDIT_LINES_PLAIN, &q->f);
    while (entry_next(q->r->a, &in, &e)) {
        if (q->r->found && !net)
            exim_candidate(q->r, q->from, e.key, wild && e.key.n > 0 && e.key.p[0] == '^', e.place);
        if (net) {
            struct span s = unix_line(q->r->a, e.place.file, e.place.line);

            if (!net_key(s, &p) || !ip_parse(key, &ip) || !ip_prefix_has(p, ip))
                continue;
        } else if (!(wild ? wild_match(q->r, e.key, key) : span_eq_nocase(e.key, key))) {
            continue;
        }
        *ret = e;
        if (wild && span_eq(e.key, SPAN_LIT("*"))) {
            q->r->lookup_default = true;
            q->r->default_place = e.place;
        }
        return true;
    }
    return false;
}

static bool find_partial(const struct search *q, struct span key, struct entry *ret)
{
    struct span rest = key;
    unsigned parts = 1;

    if (find_key(q, key, ret))
        return true;
    if (!q->kind.partial)
        return false;
    for (size_t i = 0; i < key.n; i++)
        parts += key.p[i] == '.';
    for (; parts >= q->kind.partial && parts > 0; parts--) {
        struct span k =
            span_str(audit_fmt(q->r->a, "%.*s%.*s", SPAN_ARG(q->kind.affix), SPAN_ARG(rest)));

        if (find_key(q, k, ret))
            return true;
        rest = span_slice(rest, span_find(rest, '.') + 1, rest.n);
    }
    return q->kind.partial == 0;
}

static enum exim_tri search(const struct search *q, struct span key, struct span *ret_data)
{
    struct entry e;
    size_t at = span_rfind(key, '@');

    if (find_partial(q, key, &e)) {
        *ret_data = e.data;
        return EXIM_YES;
    }
    if (q->kind.star_at && at < key.n &&
        find_key(q, span_str(audit_fmt(q->r->a, "*%.*s", SPAN_ARG(span_slice(key, at, key.n)))),
                 &e)) {
        *ret_data = e.data;
        return EXIM_YES;
    }
    if (q->kind.star && find_key(q, SPAN_LIT("*"), &e)) {
        *ret_data = e.data;
        q->r->lookup_default = true;
        q->r->default_place = e.place;
        return EXIM_YES;
    }
    return EXIM_NO;
}

/* --- all types -------------------------------------------------------------------------------- */

static enum exim_tri in_folder(struct exim_run *r, struct span folder, struct span key,
                               struct audit_place place, struct span *ret_data)
{
    const char *const *names;
    size_t count;

    if (audit_folder(r->a, audit_dup(r->a, folder), &names, &count) != AUDIT_FILE_OK) {
        exim_doubt(r, place,
                   audit_fmt(r->a, "looks into %.*s, which is not here", SPAN_ARG(folder)));
        return EXIM_DOUBT;
    }
    for (size_t i = 0; i < count; i++)
        if (span_eq(span_str(names[i]), key)) {
            *ret_data = key;
            return EXIM_YES;
        }
    return EXIM_NO;
}

/* The text behind a binary map. */
static enum audit_file source_text(struct exim_run *r, struct span file,
                                   struct audit_source_file *ret)
{
    const char *path = audit_dup(r->a, span_trim(file));
    enum audit_file got = audit_text(r->a, path, ret);
    const char *dot = strrchr(path, '.');

    if (got == AUDIT_FILE_OK || !dot || strchr(dot, '/'))
        return got;
    if (strcmp(dot, ".cdb") == 0 || strcmp(dot, ".db") == 0 || strcmp(dot, ".dbm") == 0)
        return audit_text(r->a, audit_dup(r->a, span_of(path, (size_t)(dot - path))), ret);
    return got;
}

enum exim_tri exim_lookup(struct exim_run *r, struct span type, struct span file, struct span key,
                          unsigned from, struct audit_place place, struct span *ret_data)
{
    static const char *const files[] = {"lsearch", "wildlsearch", "nwildlsearch", "iplsearch",
                                        "cdb",     "dbm",         "dbmnz"};
    struct search q = {.r = r, .kind = kind_of(type), .from = from};
    enum audit_file got;

    *ret_data = SPAN_NULL;
    if (span_eq(q.kind.name, SPAN_LIT("dsearch")))
        return in_folder(r, file, key, place, ret_data);
    if (span_eq(q.kind.name, SPAN_LIT("passwd"))) /* a user of the host: not the victim */
        return EXIM_NO;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (!span_eq(q.kind.name, span_str(files[i])))
            continue;
        got = source_text(r, file, &q.f);
        if (got == AUDIT_FILE_OK)
            return search(&q, key, ret_data);
        if (r->guess)
            return EXIM_NO;
        exim_doubt(r, place,
                   audit_fmt(r->a, "needs %.*s, which %s", SPAN_ARG(span_trim(file)),
                             audit_file_name(got)));
        return EXIM_DOUBT;
    }
    if (r->guess)
        return EXIM_NO;
    exim_doubt(r, place,
               audit_fmt(r->a, "asks %.*s, which can't be asked here",
                         SPAN_ARG(span_slice(q.kind.name, 0, 20))));
    return EXIM_DOUBT;
}
