/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Look-up tables, opened from their source text. Of hash:/etc/postfix/access we read
 * /etc/postfix/access, which postmap makes the database from; where only the database is there, or
 * the table is a server's (SQL, LDAP, sockets), the answer is "maybe" and the auditor says so
 * instead of guessing.
 *
 * The type decides what a key means: a network in a hash table is a string that no client's address
 * equals; partial keys (parent domains, octets of an address) are asked of tables with fixed keys
 * only, never of cidr and pattern tables.
 */
#include "audit/mta_postfix_priv.h"

#include <errno.h>
#include <stdlib.h>

bool pf_is_table(struct span word)
{
    return word.n > 0 && word.p[0] != '[' && span_find(word, ':') < word.n;
}

bool pf_table_fixed(const struct pf_table *t)
{
    /* The first of several decides. */
    if (t->kind == PF_TABLE_UNION || t->kind == PF_TABLE_PIPE)
        return t->inner_count > 0 && pf_table_fixed(t->inner[0]);
    return t->kind == PF_TABLE_KEYS || t->kind == PF_TABLE_OPAQUE || t->kind == PF_TABLE_STATIC;
}

/* --- entries ---------------------------------------------------------------------------------- */

/* While a table is read; moved into the arena when it is done. */
struct entries {
    struct pf_entry *v;
    size_t count, cap;
    struct pf_entry spare;
};

static struct pf_entry *entry_add(struct pf_conf *c, struct entries *e)
{
    if (!audit_grow(c->a, &e->v, &e->cap, sizeof(e->v[0]), e->count + 1))
        return &e->spare;
    return &e->v[e->count++];
}

static struct span folded(struct pf_conf *c, struct span s)
{
    char *p;
    bool upper = false;

    for (size_t i = 0; i < s.n && !upper; i++)
        upper = ascii_lower(s.p[i]) != s.p[i];
    if (!upper)
        return s;
    p = audit_alloc(c->a, s.n + 1);
    if (audit_failed(c->a))
        return s;
    for (size_t i = 0; i < s.n; i++)
        p[i] = ascii_lower(s.p[i]);
    return span_of(p, s.n);
}

static void split_key(struct span text, struct span *ret_key, struct span *ret_value)
{
    size_t n = 0;

    while (n < text.n && !strchr(" \t\r\n", text.p[n]))
        n++;
    *ret_key = span_slice(text, 0, n);
    *ret_value = span_trim(span_slice(text, n, text.n));
}

static void keys_line(struct pf_conf *c, struct entries *e, const struct audit_line *line)
{
    struct span key, value;
    struct pf_entry *n;

    if (line->text.p[0] == ' ' || line->text.p[0] == '\t')
        return;
    split_key(line->text, &key, &value);
    if (value.n == 0) /* postmap: "expected format: key whitespace value" */
        return;
    n = entry_add(c, e);
    *n = (struct pf_entry){.key = folded(c, key), .value = value, .line = line->first};
}

static bool word_is(struct span s, const char *word)
{
    size_t n = strlen(word);

    return s.n >= n && span_eq_nocase(span_slice(s, 0, n), span_str(word)) &&
           (s.n == n || !ascii_is_alnum(s.p[n]));
}

/* "!", blanks: whether the pattern is to be taken the other way round. */
static bool negations(struct span *s)
{
    bool not = false;

    while (s->n > 0 && (s->p[0] == '!' || s->p[0] == ' ' || s->p[0] == '\t')) {
        not = not != (s->p[0] == '!');
        *s = span_slice(*s, 1, s->n);
    }
    return not ;
}

static void cidr_line(struct pf_conf *c, struct entries *e, const struct audit_line *line)
{
    struct pf_entry n = {.line = line->first};
    struct span s = span_trim(line->text), key;
    bool bad;

    if (word_is(s, "endif")) {
        n.op = PF_ENDIF;
        *entry_add(c, e) = n;
        return;
    }
    if (word_is(s, "if")) {
        n.op = PF_IF;
        s = span_slice(s, 2, s.n);
    }
    n.negated = negations(&s);
    split_key(s, &key, &n.value);
    n.key = key;
    /* Postfix leaves a bad rule out, with a warning; one without a result too. */
    if (!pf_net_parse(key, &n.net, &bad) || (n.op == PF_RULE && n.value.n == 0))
        return;
    *entry_add(c, e) = n;
}

static void pattern_line(struct pf_conf *c, struct entries *e, struct audit_line *line, bool pcre,
                         const char *file)
{
    struct pf_entry n = {.line = line->first};

    pf_pattern_parse(c, &n, line, pcre, file);
    if (n.op != PF_RULE || n.code)
        *entry_add(c, e) = n;
}

/* --- index ------------------------------------------------------------------------------------ */

static size_t hash_of(struct span s)
{
    size_t h = 14695981039346656037u;

    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 1099511628211u;
    return h;
}

/* Of two equal keys the first counts, as postmap keeps it. */
static void index_build(struct pf_conf *c, struct pf_table *t)
{
    size_t size = 16;

    while (size < t->count * 2)
        size *= 2;
    t->index = audit_alloc(c->a, size * sizeof(t->index[0]));
    if (audit_failed(c->a)) {
        t->count = 0;
        t->index_size = 0;
        return;
    }
    t->index_size = size;
    for (size_t i = 0; i < t->count; i++) {
        size_t at = hash_of(t->v[i].key) & (size - 1);

        while (t->index[at] && !span_eq(t->v[t->index[at] - 1].key, t->v[i].key))
            at = (at + 1) & (size - 1);
        if (!t->index[at])
            t->index[at] = i + 1;
    }
}

static const struct pf_entry *index_find(const struct pf_table *t, struct span key)
{
    size_t at = t->index_size ? hash_of(key) & (t->index_size - 1) : 0;

    while (t->index_size && t->index[at]) {
        if (span_eq(t->v[t->index[at] - 1].key, key))
            return &t->v[t->index[at] - 1];
        at = (at + 1) & (t->index_size - 1);
    }
    return NULL;
}

/* --- opening ---------------------------------------------------------------------------------- */

static void settle_entries(struct pf_conf *c, struct pf_table *t, struct entries *e)
{
    t->v = audit_alloc(c->a, e->count * sizeof(e->v[0]) + 1);
    if (!audit_failed(c->a)) {
        t->count = e->count;
        if (e->count > 0)
            memcpy(t->v, e->v, e->count * sizeof(e->v[0]));
    } else {
        for (size_t i = 0; i < e->count; i++)
            pf_pattern_free(e->v[i].code);
        t->count = 0;
    }
    free(e->v);
    if (t->kind == PF_TABLE_KEYS)
        index_build(c, t);
}

static void read_file(struct pf_conf *c, struct pf_table *t, const char *path, bool pcre)
{
    struct audit_source_file f;
    struct audit_lines r;
    struct audit_line line;
    struct entries e = {0};

    t->missing = audit_text(c->a, path, &f);
    if (t->missing != AUDIT_FILE_OK) {
        t->kind = PF_TABLE_OPAQUE;
        t->file = path;
        return;
    }
    t->file = f.name;
    audit_lines_open(&r, c->a, AUDIT_LINES_BLANK, &f);
    while (audit_lines_next(&r, &line)) {
        if (t->kind == PF_TABLE_CIDR)
            cidr_line(c, &e, &line);
        else if (t->kind == PF_TABLE_PATTERN)
            pattern_line(c, &e, &line, pcre, f.name);
        else
            keys_line(c, &e, &line);
    }
    settle_entries(c, t, &e);
}

/* "{ rule, { rule with blanks } }" of inline:, and of cidr:, regexp: and pcre: since 3.7. */
static void read_inline(struct pf_conf *c, struct pf_table *t, struct span text, bool pcre)
{
    struct span rest = span_slice(text, 1, text.n > 1 ? text.n - 1 : 1), word;
    struct entries e = {0};

    t->file = t->at.file;
    while (audit_word(&rest, ", \t\r\n", true, &word)) {
        struct audit_line line = {.first = t->at.line, .last = t->at.line};
        size_t eq;

        if (word.n > 1 && word.p[0] == '{' && word.p[word.n - 1] == '}')
            word = span_trim(span_slice(word, 1, word.n - 1));
        if (word.n == 0)
            continue;
        line.text = word;
        if (t->kind == PF_TABLE_CIDR) {
            cidr_line(c, &e, &line);
        } else if (t->kind == PF_TABLE_PATTERN) {
            pattern_line(c, &e, &line, pcre, t->file);
        } else if ((eq = span_find(word, '=')) < word.n) {
            *entry_add(c, &e) =
                (struct pf_entry){.key = folded(c, span_trim(span_slice(word, 0, eq))),
                                  .value = span_trim(span_slice(word, eq + 1, word.n)),
                                  .line = t->at.line};
        }
    }
    settle_entries(c, t, &e);
}

static void open_inner(struct pf_conf *c, struct pf_table *t, struct span text)
{
    struct span rest, word;

    if (text.n > 1 && text.p[0] == '{' && text.p[text.n - 1] == '}')
        text = span_slice(text, 1, text.n - 1);
    rest = text;
    while (t->inner_count < 8 && audit_word(&rest, ", \t\r\n", true, &word))
        t->inner[t->inner_count++] = pf_table(c, word, t->at);
    if (t->inner_count == 0)
        t->kind = PF_TABLE_OPAQUE;
}

static bool is(struct span type, const char *name)
{
    return span_eq(type, span_str(name));
}

static bool keyed(struct span type)
{
    static const char *const types[] = {"hash", "btree", "lmdb",     "cdb",    "dbm",
                                        "sdbm", "mdb",   "texthash", "inline", NULL};

    for (size_t i = 0; types[i]; i++)
        if (is(type, types[i]))
            return true;
    return false;
}

static bool opaque(struct span type)
{
    static const char *const types[] = {"ldap",    "mysql",     "pgsql",    "sqlite",   "mongodb",
                                        "tcp",     "socketmap", "memcache", "unix",     "nis",
                                        "netinfo", "nisplus",   "environ",  "internal", NULL};

    for (size_t i = 0; types[i]; i++)
        if (is(type, types[i]))
            return true;
    return false;
}

static void open_type(struct pf_conf *c, struct pf_table *t, struct span type, struct span name)
{
    bool pcre = is(type, "pcre");

    if (keyed(type))
        t->kind = PF_TABLE_KEYS;
    else if (is(type, "cidr"))
        t->kind = PF_TABLE_CIDR;
    else if (pcre || is(type, "regexp"))
        t->kind = PF_TABLE_PATTERN;
    else if (is(type, "static"))
        t->kind = PF_TABLE_STATIC;
    else if (is(type, "unionmap") || is(type, "randmap"))
        t->kind = PF_TABLE_UNION;
    else if (is(type, "pipemap"))
        t->kind = PF_TABLE_PIPE;
    else if (opaque(type))
        t->kind = PF_TABLE_OPAQUE;
    else /* also a type that Postfix does not know: every question is an error */
        t->kind = PF_TABLE_FAIL;
    if (t->kind == PF_TABLE_UNION || t->kind == PF_TABLE_PIPE) {
        open_inner(c, t, name);
    } else if (t->kind == PF_TABLE_KEYS || t->kind == PF_TABLE_CIDR ||
               t->kind == PF_TABLE_PATTERN) {
        if (name.n > 0 && name.p[0] == '{')
            read_inline(c, t, name, pcre);
        else
            read_file(
                c, t,
                audit_join_path(c->a, pf_string(c, "config_directory"), audit_dup(c->a, name)),
                pcre);
    }
}

const struct pf_table *pf_table(struct pf_conf *c, struct span spec, struct audit_place at)
{
    static const struct pf_table none = {.spec = "", .kind = PF_TABLE_OPAQUE};
    struct span name = spec, type;
    struct pf_table *t;

    /* proxymap(8) and debug: change nothing in what a table says. */
    while (span_starts(spec, SPAN_LIT("proxy:")) || span_starts(spec, SPAN_LIT("debug:")) ||
           span_starts(spec, SPAN_LIT("maybe:")))
        spec = span_slice(spec, 6, spec.n);
    for (t = c->tables; t; t = t->next)
        if (span_eq(span_str(t->spec), spec))
            return t;
    if (c->expanding >= AUDIT_NEST_MAX)
        return &none;
    t = audit_alloc(c->a, sizeof(*t));
    if (audit_failed(c->a))
        return &none;
    c->expanding++;
    name = spec;
    if (!span_cut(&name, ':', &type))
        type = SPAN_NULL;
    *t = (struct pf_table){.spec = audit_dup(c->a, spec), .at = at, .kind = PF_TABLE_OPAQUE};
    open_type(c, t, type, span_trim(name));
    c->expanding--;
    t->next = c->tables;
    c->tables = t;
    return t;
}

void pf_tables_deinit(struct pf_conf *c)
{
    for (struct pf_table *t = c->tables; t; t = t->next)
        for (size_t i = 0; t->kind == PF_TABLE_PATTERN && i < t->count; i++)
            pf_pattern_free(t->v[i].code);
    c->tables = NULL;
}

/* --- asking ----------------------------------------------------------------------------------- */

static enum pf_hit found(struct pf_found *ret, struct span value, const char *file, unsigned line)
{
    *ret = (struct pf_found){value, {file, line}};
    return PF_HIT;
}

static enum pf_hit cidr_lookup(const struct pf_table *t, struct span key, struct pf_found *ret)
{
    struct ip ip;
    size_t skipping = 0;

    if (!ip_parse(key, &ip))
        return PF_MISS;
    for (size_t i = 0; i < t->count; i++) {
        const struct pf_entry *e = &t->v[i];
        bool hit;

        if (e->op == PF_ENDIF) {
            skipping -= skipping > 0;
            continue;
        }
        hit = !skipping && e->net.ip.family == ip.family && ip_prefix_has(e->net, ip) != e->negated;
        if (e->op == PF_IF)
            skipping += skipping > 0 || !hit;
        else if (hit)
            return found(ret, e->value, t->file, e->line);
    }
    return PF_MISS;
}

/* All that is found, joined by commas: two times "OK" is no OK but a list of restrictions. */
static enum pf_hit union_lookup(struct pf_conf *c, const struct pf_table *t, struct span key,
                                struct pf_found *ret)
{
    bool maybe = false, found_one = false;
    struct pf_found one;

    for (size_t i = 0; i < t->inner_count; i++) {
        enum pf_hit hit = pf_lookup(c, t->inner[i], key, &one);

        maybe = maybe || hit == PF_MAYBE;
        if (hit != PF_HIT)
            continue;
        if (found_one)
            one =
                (struct pf_found){span_str(audit_fmt(c->a, "%.*s,%.*s", (int)ret->value.n,
                                                     ret->value.p, (int)one.value.n, one.value.p)),
                                  ret->place};
        *ret = one;
        found_one = true;
    }
    return found_one ? PF_HIT : maybe ? PF_MAYBE : PF_MISS;
}

static enum pf_hit pipe_lookup(struct pf_conf *c, const struct pf_table *t, struct span key,
                               struct pf_found *ret)
{
    for (size_t i = 0; i < t->inner_count; i++) {
        enum pf_hit hit = pf_lookup(c, t->inner[i], key, ret);

        if (hit != PF_HIT)
            return hit;
        key = ret->value;
    }
    return PF_HIT;
}

enum pf_hit pf_lookup(struct pf_conf *c, const struct pf_table *t, struct span key,
                      struct pf_found *ret)
{
    struct span value = span_str(t->spec);
    const struct pf_entry *e;

    *ret = (struct pf_found){SPAN_NULL, t->at};
    switch (t->kind) {
    case PF_TABLE_KEYS:
        e = index_find(t, folded(c, key));
        return e ? found(ret, e->value, t->file, e->line) : PF_MISS;
    case PF_TABLE_CIDR:
        return cidr_lookup(t, key, ret);
    case PF_TABLE_PATTERN:
        return pf_pattern_lookup(c, t, key, ret);
    case PF_TABLE_STATIC:
        value = span_trim(span_slice(value, span_find(value, ':') + 1, value.n));
        if (value.n > 1 && value.p[0] == '{' && value.p[value.n - 1] == '}')
            value = span_trim(span_slice(value, 1, value.n - 1));
        return found(ret, value, t->at.file, t->at.line);
    case PF_TABLE_UNION:
        return union_lookup(c, t, key, ret);
    case PF_TABLE_PIPE:
        return pipe_lookup(c, t, key, ret);
    case PF_TABLE_FAIL:
    case PF_TABLE_OPAQUE:
        break;
    }
    return PF_MAYBE;
}
