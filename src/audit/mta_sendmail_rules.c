/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sendmail's rewriting rules. What a .cf file lets through can't be told from what stands in it,
 * only from running it: rule sets check_relay, check_mail and check_rcpt are run over the session
 * of a stranger, with the classes and the maps that the file names.
 *
 * A workspace is a list of tokens. A left side is matched with backtracking, "$*" and "$+" taking
 * as little as they can. A rule is repeated as long as it matches, unless its right side begins
 * with "$:" (once) or "$@" (and the rule set ends); "$#" ends it, too. "$>name" runs a rule set
 * over the rest of the right side. Everything is bounded as Sendmail bounds it.
 *
 * Tokens that begin with "$" are Sendmail's own operators: no address can hold them, since there
 * "$" is a token by itself.
 */
#include "audit/mta_sendmail_priv.h"

static bool is(struct span t, const char *s)
{
    return span_eq(t, span_str(s));
}

static bool operator_char(const struct sm_cf *cf, char c)
{
    return (c && strchr("()<>,;\"\r\n", c)) || span_find(cf->operators, c) < cf->operators.n;
}

static void put(struct sm_tokens *out, struct span t)
{
    if (out->n < SM_TOKENS_MAX)
        out->v[out->n++] = t;
}

/* "$*", "$=w", "$={name}", "$&{name}", "$1", "$|" … as one token. */
size_t sm_dollar_length(struct span s)
{
    size_t n = 2;

    if (s.n < 2)
        return s.n;
    if (strchr("=~&?", s.p[1]) && s.n > 2)
        n = 3;
    if (s.p[n - 1] == '{') {
        size_t end = span_find(s, '}');

        return end < s.n ? end + 1 : s.n;
    }
    return n;
}

void sm_tokenize_as(const struct sm_cf *cf, struct span s, bool rule, struct sm_tokens *out)
{
    size_t i = 0;

    out->n = 0;
    while (i < s.n && out->n < SM_TOKENS_MAX) {
        char c = s.p[i];
        size_t from = i;

        if (strchr(" \t\n\r", c) && c) {
            i++;
            continue;
        }
        if (rule && c == '$') {
            i += sm_dollar_length(span_slice(s, i, s.n));
        } else if (c == '"') {
            for (i++; i < s.n && s.p[i] != '"'; i++)
                if (s.p[i] == '\\')
                    i++;
            i = i < s.n ? i + 1 : s.n;
        } else if (operator_char(cf, c)) {
            i++;
        } else {
            while (i < s.n && !operator_char(cf, s.p[i]) && !strchr(" \t\n\r", s.p[i]) &&
                   !(rule && s.p[i] == '$'))
                i++;
        }
        put(out, span_slice(s, from, i));
    }
}

void sm_tokenize(const struct sm_cf *cf, struct span s, struct sm_tokens *out)
{
    sm_tokenize_as(cf, s, false, out);
}

static bool atom(struct span t)
{
    return t.n > 0 && (ascii_is_alnum(t.p[0]) || t.p[0] == '_' || t.p[0] == '-');
}

struct span sm_join(struct audit *a, const struct span *v, size_t n)
{
    struct buf out = BUF_INIT(1 << 16);
    struct span s;

    for (size_t i = 0; i < n; i++) {
        if (i > 0 && atom(v[i - 1]) && atom(v[i]))
            buf_add_char(&out, ' ');
        buf_add(&out, v[i]);
    }
    s = span_of(audit_dup(a, buf_span(&out)), out.n);
    buf_deinit(&out);
    return s;
}

static void copy(struct sm_tokens *to, const struct sm_tokens *from)
{
    to->n = from->n;
    memcpy(to->v, from->v, from->n * sizeof(from->v[0]));
}

/* One of the workspaces of this depth: made once, used by every session. */
static struct sm_tokens *scratch(struct sm_run *r, unsigned which)
{
    struct sm_tokens **at = &r->cf->pool[r->depth][which];

    if (!*at) {
        struct sm_tokens *t = audit_alloc(r->a, sizeof(*t));

        if (audit_failed(r->a))
            return NULL;
        *at = t;
    }
    return *at;
}

/* --- matching --------------------------------------------------------------------------------- */

struct bind {
    size_t from, to;
};

struct matching {
    struct sm_run *r;
    const struct sm_rule *rule;
    const struct sm_tokens *w;
    struct bind bound[10];
    size_t count;
};

static bool in_class(struct matching *m, struct span name, size_t from, size_t to)
{
    struct sm_class *k = sm_class(m->r->cf, name);
    struct span text = SPAN_NULL;
    size_t length = 0;

    for (size_t i = from; i < to; i++)
        length += m->w->v[i].n;
    for (size_t i = 0; i < k->words.count; i++) {
        size_t at = 0;
        bool same = k->words.v[i].text.n == length;

        for (size_t t = from; same && t < to; t++) {
            text = span_slice(k->words.v[i].text, at, at + m->w->v[t].n);
            same = span_eq_nocase(text, m->w->v[t]);
            at += m->w->v[t].n;
        }
        if (same)
            return true;
    }
    return false;
}

static bool match_from(struct matching *m, size_t l, size_t t);

/* The tokens [from, to) go to the next "$n". */
static bool bound(struct matching *m, size_t l, size_t from, size_t to)
{
    size_t before = m->count;

    if (m->count < 10)
        m->bound[m->count++] = (struct bind){from, to};
    if (match_from(m, l + 1, to))
        return true;
    m->count = before;
    return false;
}

/* "$&x" on the left side: its tokens have to stand there. */
static bool match_now(struct matching *m, size_t l, size_t t, struct span name)
{
    struct sm_tokens *now = scratch(m->r, 2);

    if (!now)
        return false;
    sm_tokenize(m->r->cf, sm_macro_now(m->r, name), now);
    for (size_t i = 0; i < now->n; i++)
        if (t + i >= m->w->n || !span_eq_nocase(now->v[i], m->w->v[t + i]))
            return false;
    return match_from(m, l + 1, t + now->n);
}

static bool match_from(struct matching *m, size_t l, size_t t)
{
    struct span op;

    if (m->r->steps++ > SM_STEPS_MAX || m->r->cf->total++ > SM_TOTAL_MAX)
        return false;
    if (l == m->rule->lhs_n)
        return t == m->w->n;
    op = m->rule->lhs[l];
    if (op.n < 2 || op.p[0] != '$' || op.p[1] == '|' || op.p[1] == '#')
        return t < m->w->n && span_eq_nocase(op, m->w->v[t]) && match_from(m, l + 1, t + 1);
    switch (op.p[1]) {
    case '*':
    case '+':
        for (size_t to = t + (op.p[1] == '+'); to <= m->w->n; to++)
            if (bound(m, l, t, to))
                return true;
        return false;
    case '-':
        return t < m->w->n && bound(m, l, t, t + 1);
    case '@':
        return t == m->w->n && match_from(m, l + 1, t);
    case '=':
        for (size_t to = t + 1; to <= m->w->n; to++)
            if (in_class(m, span_slice(op, 2, op.n), t, to) && bound(m, l, t, to))
                return true;
        return false;
    case '~':
        return t < m->w->n && !in_class(m, span_slice(op, 2, op.n), t, t + 1) &&
               bound(m, l, t, t + 1);
    case '&':
        return match_now(m, l, t, span_slice(op, 2, op.n));
    default:
        return false;
    }
}

/* --- right sides ------------------------------------------------------------------------------ */

static void put_now(struct sm_run *r, struct span name, struct sm_tokens *out)
{
    struct sm_tokens *now = scratch(r, 2);

    if (!now)
        return;
    sm_tokenize(r->cf, sm_macro_now(r, name), now);
    for (size_t i = 0; i < now->n; i++)
        put(out, now->v[i]);
}

/* "$1" and "$&x" are put in; maps and calls stay for later. */
static void substitute(struct matching *m, size_t from, struct sm_tokens *out)
{
    out->n = 0;
    for (size_t i = from; i < m->rule->rhs_n; i++) {
        struct span op = m->rule->rhs[i];

        if (op.n == 2 && op.p[0] == '$' && ascii_is_digit(op.p[1])) {
            size_t n = (size_t)(op.p[1] - '1');

            for (size_t t = n < m->count ? m->bound[n].from : 0; n < m->count && t < m->bound[n].to;
                 t++)
                put(out, m->w->v[t]);
        } else if (op.n > 2 && op.p[0] == '$' && op.p[1] == '&') {
            put_now(m->r, span_slice(op, 2, op.n), out);
        } else {
            put(out, op);
        }
    }
}

/* Where the "$)" or "$]" of an opener at `at` stands; n when nowhere. */
static size_t closing(const struct sm_tokens *w, size_t at)
{
    size_t depth = 0;

    for (size_t i = at; i < w->n; i++) {
        if (is(w->v[i], "$(") || is(w->v[i], "$["))
            depth++;
        else if ((is(w->v[i], "$)") || is(w->v[i], "$]")) && --depth == 0)
            return i;
    }
    return w->n;
}

/* "$(map key $@ arg $: default $)" and "$[host $: default $]", the innermost first. */
static bool one_map(struct sm_run *r, struct sm_tokens *w, struct sm_tokens *spare)
{
    size_t at = w->n, end, key, key_end, def, args_n = 0;
    struct span args[9], value, map;
    bool host, found;

    for (size_t i = 0; i < w->n; i++)
        if (is(w->v[i], "$(") || is(w->v[i], "$["))
            at = i;
    if (at == w->n)
        return false;
    end = closing(w, at);
    host = is(w->v[at], "$[");
    key = key_end = at + (host ? 1 : 2);
    while (key_end < end && !is(w->v[key_end], "$@") && !is(w->v[key_end], "$:"))
        key_end++;
    for (def = key_end; def < end && !is(w->v[def], "$:"); def++) {
        size_t to = def + 1;

        if (!is(w->v[def], "$@") || args_n == 9)
            continue;
        while (to < end && !is(w->v[to], "$@") && !is(w->v[to], "$:"))
            to++;
        args[args_n++] = sm_join(r->a, w->v + def + 1, to - def - 1);
    }
    map = host ? SPAN_LIT("host") : at + 1 < w->n ? w->v[at + 1] : SPAN_NULL;
    found = sm_map_get(r, map, sm_join(r->a, w->v + key, key_end - key), args, args_n, &value);
    spare->n = 0;
    for (size_t i = 0; i < at; i++)
        put(spare, w->v[i]);
    if (found) {
        struct sm_tokens *v = scratch(r, 3);

        if (!v)
            return false;
        sm_tokenize(r->cf, value, v);
        for (size_t i = 0; i < v->n; i++)
            put(spare, v->v[i]);
    } else if (def < end) {
        for (size_t i = def + 1; i < end; i++)
            put(spare, w->v[i]);
    } else {
        for (size_t i = key; i < key_end; i++)
            put(spare, w->v[i]);
    }
    for (size_t i = end + 1; i < w->n; i++)
        put(spare, w->v[i]);
    copy(w, spare);
    return true;
}

/* "$>name rest": the last one first, so that those before it get its result. */
static bool one_call(struct sm_run *r, struct sm_tokens *w, struct sm_tokens *spare)
{
    size_t at = w->n;

    for (size_t i = 0; i < w->n; i++)
        if (is(w->v[i], "$>"))
            at = i;
    if (at + 1 >= w->n)
        return false;
    spare->n = w->n - at - 2;
    memcpy(spare->v, w->v + at + 2, spare->n * sizeof(spare->v[0]));
    sm_call(r, w->v[at + 1], spare);
    w->n = at;
    for (size_t i = 0; i < spare->n; i++)
        put(w, spare->v[i]);
    return true;
}

/* --- rule sets -------------------------------------------------------------------------------- */

enum round { NEXT, AGAIN, DONE };

static enum round apply(struct sm_run *r, const struct sm_rule *rule, struct sm_tokens *w,
                        struct sm_tokens *work, struct sm_tokens *spare)
{
    struct matching m = {.r = r, .rule = rule, .w = w};
    enum round round = AGAIN;
    size_t from = 0;

    if (!match_from(&m, 0, 0))
        return NEXT;
    r->last = rule->place;
    if (rule->rhs_n > 0 && is(rule->rhs[0], "$:")) {
        round = NEXT;
        from = 1;
    } else if (rule->rhs_n > 0 && is(rule->rhs[0], "$@")) {
        round = DONE;
        from = 1;
    }
    substitute(&m, from, work);
    while (one_map(r, work, spare))
        ;
    while (one_call(r, work, spare))
        ;
    copy(w, work);
    r->steps += (unsigned)w->n;
    r->cf->total += (unsigned)w->n;
    return w->n > 0 && is(w->v[0], "$#") ? DONE : round;
}

bool sm_call(struct sm_run *r, struct span name, struct sm_tokens *w)
{
    const struct sm_ruleset *set = sm_ruleset(r->cf, name);
    struct sm_tokens *work, *spare;
    enum round round = NEXT;

    if (!set)
        return false;
    if (r->depth >= SM_CALLS_MAX) {
        r->doubt = true;
        return true;
    }
    r->depth++;
    work = scratch(r, 0);
    spare = scratch(r, 1);
    if (!work || !spare)
        return false;
    for (const struct sm_rule *rule = set->rules; rule && round != DONE; rule = rule->next) {
        unsigned rounds = 0;

        do {
            round = apply(r, rule, w, work, spare);
        } while (round == AGAIN && rounds++ < SM_ROUNDS_MAX && !audit_failed(r->a));
        if (r->steps > SM_STEPS_MAX || r->cf->total > SM_TOTAL_MAX) {
            r->doubt = true;
            r->doubt_place = rule->place;
            r->doubt_why = "takes too many steps to be followed";
            round = DONE;
        }
    }
    r->depth--;
    return true;
}
