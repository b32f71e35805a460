/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines of a .cf file: rule sets, macros, classes, maps and options. Macros are put into rules when
 * they are read, as Sendmail does; "$&x" waits for the session.
 */
#include "audit/mta_sendmail_priv.h"

/* --- reading rules ---------------------------------------------------------------------------- */

/* Macros are put in when the file is read, but for "$&x". */
static struct span put_macros_in(struct sm_cf *cf, struct span s)
{
    struct buf out = BUF_INIT(1 << 16);
    struct span r;

    for (size_t i = 0; i < s.n; i++) {
        struct span name = SPAN_NULL;
        size_t n;

        if (s.p[i] != '$' || i + 1 >= s.n || !(ascii_is_alpha(s.p[i + 1]) || s.p[i + 1] == '{')) {
            bool whole = s.p[i] == '$' && i + 1 < s.n;

            n = whole ? sm_dollar_length(span_slice(s, i, s.n)) : 1;
            buf_add(&out, span_slice(s, i, i + n));
            i += n - 1;
            continue;
        }
        n = sm_dollar_length(span_slice(s, i, s.n));
        name = span_slice(s, i + 1, i + n);
        for (const struct sm_macro *m = cf->macros; m; m = m->next)
            if (span_eq(m->name, name)) {
                buf_add(&out, m->value);
                break;
            }
        i += n - 1;
    }
    r = span_of(audit_dup(cf->c->a, buf_span(&out)), out.n);
    buf_deinit(&out);
    return r;
}

static const struct span *keep_tokens(struct sm_cf *cf, struct span text, size_t *ret_n)
{
    struct sm_tokens *work = cf->pool[0][0];
    struct span *v;

    *ret_n = 0;
    if (!work)
        work = cf->pool[0][0] = audit_alloc(cf->c->a, sizeof(*work));
    if (audit_failed(cf->c->a)) {
        cf->pool[0][0] = NULL;
        return NULL;
    }
    sm_tokenize_as(cf, put_macros_in(cf, text), true, work);
    v = audit_alloc(cf->c->a, work->n * sizeof(v[0]) + 1);
    if (audit_failed(cf->c->a))
        return NULL;
    memcpy(v, work->v, work->n * sizeof(v[0]));
    *ret_n = work->n;
    return v;
}

static void read_rule(struct sm_cf *cf, struct span s, struct audit_place place)
{
    struct sm_ruleset *set = cf->sets; /* the last that was begun */
    struct sm_rule *rule = audit_alloc(cf->c->a, sizeof(*rule));
    size_t tab = span_find(s, '\t');
    struct span rhs = span_slice(s, tab, s.n);

    while (rhs.n > 0 && (rhs.p[0] == '\t' || rhs.p[0] == '\n'))
        rhs = span_slice(rhs, 1, rhs.n);
    if (!set)
        return;
    rhs = span_slice(rhs, 0, span_find(rhs, '\t')); /* a third part is a comment */
    rule->place = place;
    rule->lhs = keep_tokens(cf, span_slice(s, 0, tab), &rule->lhs_n);
    rule->rhs = keep_tokens(cf, rhs, &rule->rhs_n);
    if (audit_failed(cf->c->a))
        return;
    *set->end = rule;
    set->end = &rule->next;
}

static struct span unquote(struct span s)
{
    s = span_trim(s);
    return s.n > 1 && s.p[0] == '"' && s.p[s.n - 1] == '"' ? span_slice(s, 1, s.n - 1) : s;
}

struct sm_ruleset *sm_ruleset(const struct sm_cf *cf, struct span name)
{
    name = unquote(name);
    for (struct sm_ruleset *s = cf->sets; s; s = s->next)
        if (span_eq_nocase(s->name, name) || (s->number.n && span_eq(s->number, name)))
            return s;
    return NULL;
}

/* "Sname", "Sname=3": what is there already goes on. */
static void read_set(struct sm_cf *cf, struct span s)
{
    size_t eq = span_find(s, '=');
    struct span name = unquote(span_slice(s, 0, eq));
    struct sm_ruleset *set = sm_ruleset(cf, name), **at = &cf->sets;

    if (set) { /* to the front: it is the one that rules are added to */
        while (*at != set)
            at = &(*at)->next;
        *at = set->next;
    } else {
        set = audit_alloc(cf->c->a, sizeof(*set));
        set->name = name;
        set->end = &set->rules;
    }
    if (audit_failed(cf->c->a))
        return;
    if (eq < s.n)
        set->number = span_trim(span_slice(s, eq + 1, s.n));
    set->next = cf->sets;
    cf->sets = set;
}

struct sm_class *sm_class(struct sm_cf *cf, struct span name)
{
    struct sm_class *k;

    for (k = cf->classes; k; k = k->next)
        if (span_eq(k->name, name))
            return k;
    k = audit_alloc(cf->c->a, sizeof(*k));
    if (audit_failed(cf->c->a))
        return k;
    k->name = name;
    k->next = cf->classes;
    cf->classes = k;
    return k;
}

/* One letter, or "{name}". */
static struct span take_name(struct span *s)
{
    size_t n = s->n > 0 && s->p[0] == '{' ? span_find(*s, '}') + 1 : 1;
    struct span name = span_slice(*s, 0, n);

    *s = span_slice(*s, n, s->n);
    return name;
}

static void read_macro(struct sm_cf *cf, struct span s)
{
    struct sm_macro *m = audit_alloc(cf->c->a, sizeof(*m));

    m->name = take_name(&s);
    m->value = put_macros_in(cf, s);
    m->next = cf->macros;
    if (!audit_failed(cf->c->a))
        cf->macros = m;
}

static void read_map(struct sm_cf *cf, struct span s, struct audit_place place)
{
    struct sm_map *m = audit_alloc(cf->c->a, sizeof(*m));

    s = span_trim(s);
    if (!span_word(&s, &m->name))
        return;
    span_word(&s, &m->type);
    m->rest = span_trim(s);
    m->place = place;
    m->next = cf->maps;
    if (!audit_failed(cf->c->a))
        cf->maps = m;
}

static void read_option(struct sm_cf *cf, struct span s, struct audit_place place)
{
    size_t eq = span_find(s, '=');
    struct span name = span_trim(span_slice(s, 0, eq)), value = span_slice(s, eq + 1, s.n);
    struct sm_daemon *d;

    if (span_eq_nocase(name, SPAN_LIT("OperatorChars"))) {
        cf->operators = value;
    } else if (span_eq_nocase(name, SPAN_LIT("DaemonPortOptions"))) {
        d = audit_alloc(cf->c->a, sizeof(*d));
        *d = (struct sm_daemon){value, place, cf->c->daemons};
        if (!audit_failed(cf->c->a))
            cf->c->daemons = d;
    }
}

static void read_class(struct sm_cf *cf, struct span s, struct audit_place place)
{
    struct sm_class *k = sm_class(cf, take_name(&s));
    struct span word;

    s = put_macros_in(cf, s);
    while (audit_word(&s, " \t\n", false, &word))
        sm_words_add(cf->c, &k->words, word, place);
}

/* "Fw-o /etc/mail/x %[^\#]"; programs and maps are not read. */
static void read_file_class(struct sm_cf *cf, struct span s)
{
    struct sm_class *k = sm_class(cf, take_name(&s));
    struct span word;

    s = span_trim(s);
    if (span_starts(s, SPAN_LIT("-o")))
        s = span_trim(span_slice(s, 2, s.n));
    if (s.n == 0 || s.p[0] != '/' || !span_word(&s, &word))
        return;
    if (span_eq(k->name, SPAN_LIT("R")))
        cf->c->relay_file = audit_dup(cf->c->a, word);
    sm_words_file(cf->c, &k->words, audit_dup(cf->c->a, word), false);
}

void sm_cf_line(struct sm_cf *cf, struct span line, struct audit_place place)
{
    struct span s = span_slice(line, 1, line.n);

    switch (line.n > 0 ? line.p[0] : '\0') {
    case 'R':
        read_rule(cf, s, place);
        break;
    case 'S':
        read_set(cf, span_trim(span_slice(s, 0, span_find(s, '\t'))));
        break;
    case 'D':
        if (s.n > 0 && s.p[0] == 'Z') {
            cf->version = span_trim(span_slice(s, 1, s.n));
            cf->version_place = place;
        }
        read_macro(cf, s);
        break;
    case 'C':
        read_class(cf, s, place);
        break;
    case 'F':
        read_file_class(cf, s);
        break;
    case 'K':
        read_map(cf, s, place);
        break;
    case 'O':
        read_option(cf, span_trim(s), place);
        break;
    case 'V':
        cf->vendor = span_trim(s);
        break;
    default:
        break;
    }
}
