/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Expansion items, ${if …} and its like, and operators, ${lc:…} and its like. */
#include "audit/mta_exim_priv.h"

#include "base/num.h"

enum { ARGS_MAX = 8 };

/* "fail" as a word. */
static bool take_fail(struct exim_expand *e)
{
    struct exim_expand ahead = *e;

    exim_skip_blank(&ahead);
    if (!span_eq(exim_take_name(&ahead), SPAN_LIT("fail")))
        return false;
    *e = ahead;
    return true;
}

struct exim_value exim_yes_no(struct exim_expand *e, enum exim_tri t, bool skip,
                              struct span otherwise)
{
    struct exim_value yes = exim_known(otherwise), no = exim_known(SPAN_NULL), v;
    bool both = t == EXIM_ANY || t == EXIM_DOUBT, given = false;
    struct span value = e->r->value;

    if (exim_expand_braced(e, skip || t == EXIM_NO, &v)) {
        yes = v;
        given = true;
        if (!both)
            e->r->value = value;
        if (!exim_expand_braced(e, skip || t == EXIM_YES, &no) && take_fail(e))
            no.fail = true;
    } else if (take_fail(e)) {
        no.fail = true;
    }
    if (t == EXIM_YES)
        return yes;
    if (t == EXIM_NO)
        return no;
    v = yes;
    exim_value_join(&v, &no);
    v.fail = yes.fail && no.fail;
    if (!given || !span_eq(yes.text, no.text) || yes.fail != no.fail)
        v.state = v.state == EXIM_DOUBT ? EXIM_DOUBT : t;
    return v;
}

/* Up to `want` braced arguments. */
static unsigned args(struct exim_expand *e, bool skip, struct exim_value *v, unsigned want)
{
    unsigned n = 0;

    while (n < want && n < ARGS_MAX && exim_expand_braced(e, skip, &v[n]))
        n++;
    return n;
}

/* The result of several values is as known as they are. */
static struct exim_value made(const struct exim_value *v, unsigned n, struct span text)
{
    struct exim_value r = exim_known(text);

    for (unsigned i = 0; i < n; i++)
        exim_value_join(&r, &v[i]);
    return r;
}

/* --- lookup ----------------------------------------------------------------------------------- */

/* "${lookup{key} type{file}…" and "${lookup type{query}…". */
static struct exim_value item_lookup(struct exim_expand *e, bool skip)
{
    struct exim_value key = exim_known(SPAN_NULL), file, v;
    bool keyed = exim_expand_braced(e, skip, &key);
    enum exim_tri got = EXIM_DOUBT;
    struct span type, data = SPAN_NULL, before = e->r->value;
    size_t i = 0;

    exim_skip_blank(e);
    while (i < e->s.n && e->s.p[i] != '{')
        i++;
    type = span_trim(span_slice(e->s, 0, i));
    e->s = span_slice(e->s, i, e->s.n);
    if (!exim_expand_braced(e, skip, &file)) {
        e->bad = true;
        return key;
    }
    if (skip || (e->r->guess && !keyed)) {
        got = EXIM_NO;
    } else if (span_starts(type, SPAN_LIT("dnsdb")) && (file.from || key.from)) {
        got = EXIM_ANY; /* the stranger's own names */
    } else if (keyed && key.state == EXIM_YES && file.state == EXIM_YES) {
        got = exim_lookup(e->r, type, file.text, key.text, key.from, e->place, &data);
    } else if (keyed && key.state == EXIM_ANY && file.state == EXIM_YES) {
        got = EXIM_ANY;
    } else {
        exim_doubt(e->r, e->place,
                   audit_fmt(e->r->a, "asks %.*s, which can't be asked here",
                             SPAN_ARG(span_slice(type, 0, 20))));
    }
    e->r->value = got == EXIM_YES ? data : SPAN_NULL;
    e->r->value_state = got;
    v = exim_yes_no(e, got, skip, data);
    e->r->value = before;
    e->r->value_state = EXIM_YES;
    return v;
}

/* --- others ----------------------------------------------------------------------------------- */

/* ${extract{n}{seps}{text}…} and ${extract{key}{text}…}. */
static struct exim_value item_extract(struct exim_expand *e, bool skip)
{
    struct exim_value v[ARGS_MAX], r;
    struct span text, field = SPAN_NULL, before = e->r->value;
    enum exim_tri got = EXIM_NO;
    unsigned n = args(e, skip, v, 2), want;
    bool number = n == 2 && num_uint(v[0].text, 1, 1000, &want);

    if (number)
        n += args(e, skip, v + 2, 1);
    r = made(v, n, SPAN_NULL);
    if (r.state != EXIM_YES) {
        got = r.state;
    } else if (number && n == 3) {
        text = v[2].text;
        while (want > 0 &&
               audit_word(&text, v[1].text.n ? audit_dup(e->r->a, v[1].text) : ":", false, &field))
            want--;
        got = want == 0 ? EXIM_YES : EXIM_NO;
    } else if (n == 2) {
        text = v[1].text;
        while (got == EXIM_NO && audit_word(&text, " \t\n", false, &field)) {
            size_t eq = span_find(field, '=');

            if (!span_eq_nocase(span_slice(field, 0, eq), v[0].text) || eq == field.n)
                continue;
            field = span_slice(field, eq + 1, field.n);
            got = EXIM_YES;
        }
    }
    e->r->value = got == EXIM_YES ? field : SPAN_NULL;
    r = exim_yes_no(e, got, skip, got == EXIM_YES ? field : SPAN_NULL);
    e->r->value = before;
    return r;
}

/* ${sg{subject}{regex}{replacement}}: only what stands in $0 to $9 of it. */
static struct exim_value item_sg(struct exim_expand *e, bool skip)
{
    struct exim_value v[ARGS_MAX], r;
    unsigned n = args(e, skip, v, 3);
    struct buf out = BUF_INIT(1 << 16);
    struct span captures[UNIX_CAPTURES], s;
    unsigned rounds = 0;

    if (n < 3)
        e->bad = true;
    r = made(v, n, SPAN_NULL);
    if (skip || n < 3 || r.state != EXIM_YES)
        return r;
    for (s = v[0].text; rounds < 100; rounds++) {
        size_t at;

        if (unix_regex(v[1].text, s, false, captures) != UNIX_MATCH_YES || captures[0].n == 0)
            break;
        at = (size_t)(captures[0].p - s.p);
        buf_add(&out, span_slice(s, 0, at));
        for (size_t i = 0; i < v[2].text.n; i++) {
            char c = v[2].text.p[i];

            if (c == '$' && i + 1 < v[2].text.n && ascii_is_digit(v[2].text.p[i + 1]))
                buf_add(&out, captures[v[2].text.p[++i] - '0']);
            else
                buf_add_char(&out, c);
        }
        s = span_slice(s, at + captures[0].n, s.n);
        if (v[1].text.n > 0 && v[1].text.p[0] == '^')
            break;
    }
    buf_add(&out, s);
    r.text = span_of(audit_dup(e->r->a, buf_span(&out)), out.n);
    buf_deinit(&out);
    return r;
}

static struct exim_value item_tr(struct exim_expand *e, bool skip)
{
    struct exim_value v[ARGS_MAX], r;
    unsigned n = args(e, skip, v, 3);
    char *text;

    r = made(v, n, SPAN_NULL);
    if (skip || n < 3 || r.state != EXIM_YES || v[2].text.n == 0)
        return r;
    text = audit_alloc(e->r->a, v[0].text.n + 1);
    if (audit_failed(e->r->a))
        return r;
    for (size_t i = 0; i < v[0].text.n; i++) {
        size_t at = span_find(v[1].text, v[0].text.p[i]);

        if (at >= v[2].text.n && at < v[1].text.n)
            at = v[2].text.n - 1;
        text[i] = at < v[1].text.n ? v[2].text.p[at] : v[0].text.p[i];
    }
    r.text = span_of(text, v[0].text.n);
    return r;
}

/* ${acl{name}{arg}…} as a text: its answer. */
static struct exim_value item_acl(struct exim_expand *e, bool skip)
{
    struct exim_value v[ARGS_MAX];
    unsigned n = args(e, skip, v, ARGS_MAX);
    const struct exim_acl *acl = n > 0 ? exim_acl_find(e->r->c, v[0].text) : NULL;
    enum exim_tri t = EXIM_DOUBT;

    if (skip)
        return exim_known(SPAN_NULL);
    for (unsigned i = 1; i < n; i++)
        e->r->args[i - 1] = v[i].text;
    if (acl)
        t = exim_acl_run(e->r, acl);
    return (struct exim_value){.state = t == EXIM_NO ? EXIM_YES : t, .fail = t == EXIM_NO};
}

/* Those whose result nobody can know, or that nothing about relaying hangs on. */
static struct exim_value item_opaque(struct exim_expand *e, struct span name, bool skip)
{
    static const char *const programs[] = {"run",        "perl",     "dlfunc",
                                           "readsocket", "readfile", "env"};
    struct exim_value v[ARGS_MAX];
    unsigned n;

    exim_skip_blank(e);
    if (exim_take(e, ',')) /* ${run,preexpand …} */
        exim_take_name(e);
    n = args(e, skip, v, ARGS_MAX);
    if (!skip && n == 0)
        e->bad = true;
    if (skip)
        return exim_known(SPAN_NULL);
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
        if (span_eq(name, span_str(programs[i])))
            return exim_unknown(e->r, e->place,
                                audit_fmt(e->r->a, "depends on what ${%s} gives", programs[i]));
    return exim_unknown(e->r, e->place,
                        audit_fmt(e->r->a, "uses ${%.*s}, which is not worked out",
                                  SPAN_ARG(span_slice(name, 0, 20))));
}

struct exim_value exim_expand_item(struct exim_expand *e, struct span name, bool skip)
{
    if (!exim_step(e->r, e->place)) {
        e->bad = true;
        return exim_known(SPAN_NULL);
    }
    if (span_eq(name, SPAN_LIT("if"))) {
        enum exim_tri t = exim_if(e, skip);

        return exim_yes_no(e, t, skip, SPAN_LIT("true"));
    }
    if (span_eq(name, SPAN_LIT("lookup")))
        return item_lookup(e, skip);
    if (span_eq(name, SPAN_LIT("extract")))
        return item_extract(e, skip);
    if (span_eq(name, SPAN_LIT("sg")))
        return item_sg(e, skip);
    if (span_eq(name, SPAN_LIT("tr")))
        return item_tr(e, skip);
    if (span_eq(name, SPAN_LIT("acl")))
        return item_acl(e, skip);
    return item_opaque(e, name, skip);
}

/* --- operators -------------------------------------------------------------------------------- */

static struct span folded(struct exim_run *r, struct span s, bool upper)
{
    char *text = audit_alloc(r->a, s.n + 1);

    if (audit_failed(r->a))
        return s;
    for (size_t i = 0; i < s.n; i++)
        text[i] = upper ? (s.p[i] >= 'a' && s.p[i] <= 'z' ? (char)(s.p[i] - 32) : s.p[i])
                        : ascii_lower(s.p[i]);
    return span_of(text, s.n);
}

static struct span address_part(struct span s, bool domain)
{
    size_t at = span_rfind(s, '@');

    if (s.n > 1 && s.p[0] == '<')
        return address_part(span_slice(s, 1, s.n - 1), domain);
    if (at == s.n)
        return domain ? SPAN_NULL : s;
    return domain ? span_slice(s, at + 1, s.n) : span_slice(s, 0, at);
}

/* Sums, products and shifts of constants are not worth an interpreter: only a lone number is. */
static struct exim_value op_eval(struct exim_value v)
{
    uint64_t n;

    v.text = span_trim(v.text);
    if (v.state == EXIM_YES && !num_u64(v.text, 0, UINT64_MAX, &n))
        v.state = EXIM_ANY;
    return v;
}

struct exim_value exim_operator(struct exim_expand *e, struct span name, bool skip)
{
    static const char *const same[] = {
        "quote",         "quote_mysql",  "quote_pgsql",   "quote_ldap",
        "quote_ldap_dn", "quote_sqlite", "quote_redis",   "rxquote",
        "escape",        "utf8clean",    "from_utf8",     "quote_local_part",
        "quote_lsearch", "strlen_",      "time_interval", "ipv6norm"};
    struct exim_value v;
    struct span s;

    exim_take(e, ':');
    v = exim_expand_part(e, true, skip);
    s = v.text;
    if (skip)
        return v;
    if (span_eq(name, SPAN_LIT("lc")) || span_eq(name, SPAN_LIT("lcase"))) {
        v.text = folded(e->r, s, false);
    } else if (span_eq(name, SPAN_LIT("uc"))) {
        v.text = folded(e->r, s, true);
    } else if (span_eq(name, SPAN_LIT("domain"))) {
        v.text = address_part(s, true);
        v.from |= v.from & EXIM_FROM_SENDER ? EXIM_FROM_SENDER_DOMAIN : 0;
    } else if (span_eq(name, SPAN_LIT("local_part"))) {
        v.text = address_part(s, false);
    } else if (span_eq(name, SPAN_LIT("address"))) {
        v.text = s;
    } else if (span_eq(name, SPAN_LIT("expand"))) {
        struct exim_value inner = exim_expand_span(e->r, s, e->place);

        exim_value_join(&v, &inner);
        v.text = inner.text;
    } else if (span_eq(name, SPAN_LIT("strlen"))) {
        v.text = span_str(audit_fmt(e->r->a, "%zu", s.n));
    } else if (span_starts(name, SPAN_LIT("eval"))) {
        v = op_eval(v);
    } else {
        for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
            if (span_eq(name, span_str(same[i])))
                return v;
        if (span_starts(name, SPAN_LIT("h_")) || span_starts(name, SPAN_LIT("header_")))
            return (struct exim_value){.state = EXIM_ANY};
        if (v.state == EXIM_YES && v.from == 0)
            v.from = 0;
        if (v.state == EXIM_YES)
            return exim_unknown(e->r, e->place,
                                audit_fmt(e->r->a, "uses ${%.*s:}, which is not worked out",
                                          SPAN_ARG(span_slice(name, 0, 20))));
    }
    return v;
}
