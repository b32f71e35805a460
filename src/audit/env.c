/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Env files decide who may relay as much as main.cf does, and they have a grammar of their own: a
 * value may be quoted, may go on over lines, may name other variables. It is Compose's; a shell
 * that sources the same file (mailcow.conf) reads it the same way as long as no command stands in
 * it, and what would be one ("$(...)") is left as it is and told as not certain.
 */
#include "audit/env.h"

#include "base/num.h"

/* --- the set ---------------------------------------------------------------------------------- */

void audit_env_set(struct audit *a, struct audit_env *env, struct audit_var var)
{
    for (size_t i = 0; i < env->count; i++)
        if (strcmp(env->v[i].name, var.name) == 0) {
            env->v[i] = var;
            return;
        }
    if (env->count >= AUDIT_ENV_MAX) {
        audit_bad(a, var.place, "more than %d variables; leave out what is no mail setting",
                  AUDIT_ENV_MAX);
        return;
    }
    if (env->count == env->cap) {
        size_t cap = env->cap ? 2 * env->cap : 32;
        struct audit_var *v;

        v = audit_alloc(a, cap * sizeof(v[0]));
        if (audit_failed(a))
            return;
        if (env->count > 0)
            memcpy(v, env->v, env->count * sizeof(v[0]));
        env->v = v;
        env->cap = cap;
    }
    env->v[env->count++] = var;
}

const struct audit_var *audit_env_find(const struct audit_env *env, const char *name)
{
    for (size_t i = 0; env && i < env->count; i++)
        if (strcmp(env->v[i].name, name) == 0)
            return &env->v[i];
    return NULL;
}

const char *audit_env_get(const struct audit_env *env, const char *name)
{
    const struct audit_var *v = audit_env_find(env, name);

    return v && v->value[0] ? v->value : NULL;
}

/* --- references ------------------------------------------------------------------------------- */

struct expansion {
    struct audit *a;
    const struct audit_env *env, *outer;
    const char *unset;
};

static const struct audit_var *look(const struct expansion *x, struct span name)
{
    char text[256];
    const struct audit_var *v;

    if (!span_copy(name, text, sizeof(text)))
        return NULL;
    v = audit_env_find(x->env, text);
    return v ? v : audit_env_find(x->outer, text);
}

static size_t name_length(struct span s)
{
    size_t n = 0;

    while (n < s.n && (ascii_is_alnum(s.p[n]) || s.p[n] == '_') && (n > 0 || s.p[0] > '9'))
        n++;
    return n;
}

/* Where the brace that is open at `from` closes; s.n: nowhere. */
static size_t brace_end(struct span s, size_t from)
{
    size_t depth = 1;

    for (size_t i = from; i < s.n; i++) {
        if (s.p[i] == '{' && i > 0 && s.p[i - 1] == '$')
            depth++;
        else if (s.p[i] == '}' && --depth == 0)
            return i;
    }
    return s.n;
}

static void expand(struct expansion *x, struct span s, struct buf *out, unsigned depth);

static void note_unset(struct expansion *x, struct span name)
{
    if (!x->unset)
        x->unset = audit_dup(x->a, name);
}

/* The inside of ${...}. */
static void expand_braced(struct expansion *x, struct span in, struct buf *out, unsigned depth)
{
    size_t n = name_length(in);
    struct span name = span_slice(in, 0, n), rest = span_slice(in, n, in.n), word;
    const struct audit_var *v = look(x, name);
    bool colon = rest.n > 0 && rest.p[0] == ':', there;
    char op;

    if (colon)
        rest = span_slice(rest, 1, rest.n);
    op = rest.n > 0 ? rest.p[0] : '\0';
    word = span_slice(rest, 1, rest.n);
    there = v && (!colon || v->value[0]);
    if (v && v->unset && !x->unset)
        x->unset = v->unset;
    if (op == '+') {
        if (there)
            expand(x, word, out, depth + 1);
    } else if (there) {
        buf_add_str(out, v->value);
    } else if (op == '-') {
        expand(x, word, out, depth + 1);
    } else {
        note_unset(x, name);
    }
}

static void expand(struct expansion *x, struct span s, struct buf *out, unsigned depth)
{
    for (size_t i = 0; i < s.n; i++) {
        struct span rest = span_slice(s, i + 1, s.n);
        size_t n;

        if (s.p[i] != '$' || rest.n == 0 || depth > AUDIT_NEST_MAX) {
            buf_add(out, span_slice(s, i, i + 1));
        } else if (rest.p[0] == '$') {
            buf_add_char(out, '$');
            i++;
        } else if (rest.p[0] == '{') {
            size_t end = brace_end(rest, 1);

            expand_braced(x, span_slice(rest, 1, end), out, depth);
            i += end + (end < rest.n);
        } else if ((n = name_length(rest)) > 0) {
            const struct audit_var *v = look(x, span_slice(rest, 0, n));

            if (v)
                buf_add_str(out, v->value);
            else
                note_unset(x, span_slice(rest, 0, n));
            i += n;
        } else {
            if (rest.p[0] == '(')
                note_unset(x, SPAN_LIT("$(...)"));
            buf_add_char(out, '$');
        }
    }
}

static const char *expand_in(struct audit *a, const struct audit_env *env,
                             const struct audit_env *outer, struct span text,
                             const char **ret_unset)
{
    struct expansion x = {.a = a, .env = env, .outer = outer};
    struct buf out = BUF_INIT(AUDIT_LINE_MAX);
    const char *value;

    *ret_unset = NULL;
    if (span_find(text, '$') == text.n)
        return audit_dup(a, text);
    expand(&x, text, &out, 0);
    if (out.err)
        x.unset = "a value of more than a mebibyte";
    value = audit_dup(a, buf_span(&out));
    buf_deinit(&out);
    *ret_unset = x.unset;
    return value;
}

const char *audit_env_expand(struct audit *a, const struct audit_env *env, struct span text,
                             const char **ret_unset)
{
    return expand_in(a, env, NULL, text, ret_unset);
}

/* --- files ------------------------------------------------------------------------------------ */

/* The value of a quoted text that begins at text.p[0]; *text is moved behind its end. */
static struct span quoted(struct span *text, struct buf *out, unsigned *lines)
{
    char quote = text->p[0];
    size_t i = 1;

    for (; i < text->n && text->p[i] != quote; i++) {
        if (text->p[i] == '\n')
            ++*lines;
        if (quote == '"' && text->p[i] == '\\' && i + 1 < text->n) {
            i++;
            buf_add_char(out, text->p[i] == 'n' ? '\n' : text->p[i]);
        } else {
            buf_add_char(out, text->p[i]);
        }
    }
    *text = span_slice(*text, i + 1, text->n);
    return buf_span(out);
}

/* Without a comment, which needs a blank before its '#'. */
static struct span unquoted(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '#' && (i == 0 || s.p[i - 1] == ' ' || s.p[i - 1] == '\t'))
            s = span_slice(s, 0, i);
    return span_trim(s);
}

/* One setting; moves *text behind it. */
static void read_one(struct audit *a, struct audit_env *env, const struct audit_env *outer,
                     const struct audit_source_file *file, struct span *text, unsigned *line)
{
    struct audit_var var = {.place = {file->name, *line}, .line = true};
    struct buf out = BUF_INIT(AUDIT_LINE_MAX);
    struct span all = *text, s, name;
    size_t eq;

    span_cut(text, '\n', &s);
    s = span_trim(s);
    if (span_starts(s, SPAN_LIT("export ")))
        s = span_trim(span_slice(s, 7, s.n));
    eq = span_find(s, '=');
    name = span_trim(span_slice(s, 0, eq));
    if (eq == s.n || name.n == 0 || name.p[0] == '#')
        return;
    s = span_trim(span_slice(s, eq + 1, s.n));
    var.name = audit_dup(a, name);
    if (s.n > 0 && (s.p[0] == '"' || s.p[0] == '\'')) {
        bool literal = s.p[0] == '\'';
        struct span rest = span_of(s.p, (size_t)(all.p + all.n - s.p)), value;

        value = quoted(&rest, &out, line);
        var.value = literal ? audit_dup(a, value) : expand_in(a, env, outer, value, &var.unset);
        *text = rest;
        span_cut(text, '\n', &rest);
    } else {
        var.value = expand_in(a, env, outer, unquoted(s), &var.unset);
    }
    audit_env_set(a, env, var);
    buf_deinit(&out);
}

int audit_env_read(struct audit *a, struct audit_env *env, const struct audit_env *outer,
                   const struct audit_source_file *file)
{
    struct span text = file->text;
    unsigned line = 1;

    if (span_starts(text, SPAN_LIT("\xEF\xBB\xBF")))
        text = span_slice(text, 3, text.n);
    while (text.n > 0 && !audit_failed(a)) {
        read_one(a, env, outer, file, &text, &line);
        line++;
    }
    return audit_failed(a) ? audit_failed(a) : 0;
}

/* --- lists of networks ------------------------------------------------------------------------ */

/* "[::1]/128" and "[::1]" lose their brackets. */
static const char *bare(struct audit *a, struct span word)
{
    size_t end = span_find(word, ']');

    if (word.n > 0 && word.p[0] == '[' && end < word.n)
        return audit_fmt(a, "%.*s%.*s", SPAN_ARG(span_slice(word, 1, end)),
                         SPAN_ARG(span_slice(word, end + 1, word.n)));
    return audit_dup(a, word);
}

/* Host bits that are set: Postfix refuses such a list, other programs cut them. */
static bool parse_net(struct span word, struct ip_prefix *ret)
{
    struct span len = word, host;
    struct ip ip;
    unsigned n;

    if (ip_prefix_parse(word, ret))
        return true;
    if (!span_cut(&len, '/', &host) || !ip_parse(host, &ip) || !num_uint(len, 0, 128, &n))
        return false;
    *ret = ip_prefix_of(ip, n);
    return true;
}

void audit_env_nets(struct audit *a, struct audit_door *d, struct audit_nets *nets,
                    const struct audit_var *var, const char *id)
{
    struct span rest = span_str(var->value), word;

    while (audit_word(&rest, " ,;\t\r\n", false, &word)) {
        bool except = word.p[0] == '!';
        const char *text = bare(a, span_slice(word, except, word.n));
        struct ip_prefix net;
        struct audit_net *n;

        if (!parse_net(span_str(text), &net)) {
            struct audit_finding *f = audit_undecided(a, id, AUDIT_OPEN, d, var->place);

            f->why = audit_fmt(a, "%s has %s, which is no network that can be judged here",
                               var->name, text);
            f->fix = audit_fmt(a, "write the networks of %s as addresses", var->name);
            continue;
        }
        n = audit_net_add(a, nets, net, except, var->place, word);
        n->fix = audit_fmt(a, "%s=127.0.0.0/8 and the addresses of the hosts that send", var->name);
        if (var->line)
            n->edit =
                (struct audit_edit){AUDIT_EDIT_REPLACE, var->place.file, var->place.line,
                                    var->place.line, audit_fmt(a, "%s=127.0.0.0/8", var->name)};
    }
}
