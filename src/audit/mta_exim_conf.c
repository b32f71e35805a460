/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logical lines of an Exim configuration become options, lists, ACLs, routers and authenticators.
 *
 * Only what can decide about relaying is kept: transports and retry rules are read over. Of two
 * main options with one name Exim refuses the second, so the first found counts and order does not
 * matter.
 */
#include "audit/mta_exim_priv.h"

enum section { MAIN, ACLS, ROUTERS, AUTHS, REWRITES, OTHER };

static bool word_char(char c)
{
    return ascii_is_alnum(c) || c == '_';
}

static struct span take_word(struct span *s)
{
    size_t n = 0;

    *s = span_trim(*s);
    while (n < s->n && word_char(s->p[n]))
        n++;
    struct span word = span_slice(*s, 0, n);

    *s = span_trim(span_slice(*s, n, s->n));
    return word;
}

/* "…": escapes are undone; the copy keeps only the place of its beginning. */
static struct exim_text unquoted(struct exim_conf *c, struct exim_text t)
{
    struct buf out = BUF_INIT(AUDIT_LINE_MAX);
    struct exim_mark *mark;

    if (t.s.n < 2 || t.s.p[0] != '"')
        return t;
    for (size_t i = 1; i < t.s.n && t.s.p[i] != '"'; i++) {
        char ch = t.s.p[i];

        if (ch == '\\' && i + 1 < t.s.n) {
            ch = t.s.p[++i];
            ch = ch == 'n' ? '\n' : ch == 't' ? '\t' : ch == 'r' ? '\r' : ch;
        }
        buf_add_char(&out, ch);
    }
    mark = audit_alloc(c->a, sizeof(*mark));
    *mark = (struct exim_mark){0, exim_place(&t, t.s.p)};
    t = (struct exim_text){span_of(audit_dup(c->a, buf_span(&out)), out.n), mark, 1};
    buf_deinit(&out);
    return t;
}

static struct exim_option *new_option(struct exim_conf *c, const struct exim_text *line,
                                      struct span name, struct span value, bool set)
{
    struct exim_option *o = audit_alloc(c->a, sizeof(*o));
    bool no = !set && (span_starts(name, SPAN_LIT("no_")) || span_starts(name, SPAN_LIT("not_")));

    if (no)
        name = span_slice(name, span_find(name, '_') + 1, name.n);
    o->name = audit_dup(c->a, name);
    o->place = exim_place(line, line->s.p);
    o->value = set ? unquoted(c, exim_slice(c, line, value))
                   : (struct exim_text){no ? SPAN_LIT("false") : SPAN_LIT("true"), NULL, 0};
    return o;
}

/* "name = value", "name", "no_name". */
static struct exim_option *read_option(struct exim_conf *c, const struct exim_text *line)
{
    struct span s = line->s, name = take_word(&s);
    bool set = s.n > 0 && s.p[0] == '=';

    if (span_eq(name, SPAN_LIT("hide"))) {
        name = take_word(&s);
        set = s.n > 0 && s.p[0] == '=';
    }
    if (name.n == 0)
        return NULL;
    return new_option(c, line, name, set ? span_trim(span_slice(s, 1, s.n)) : SPAN_NULL, set);
}

const struct exim_option *exim_option(const struct exim_option *o, const char *name)
{
    for (; o; o = o->next)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

bool exim_option_true(const struct exim_option *o, const char *name, bool otherwise)
{
    o = exim_option(o, name);
    return !o ? otherwise
              : !(span_eq_nocase(o->value.s, SPAN_LIT("false")) ||
                  span_eq_nocase(o->value.s, SPAN_LIT("no")));
}

/* --- the main section ------------------------------------------------------------------------- */

static bool named_list(struct exim_conf *c, const struct exim_text *line)
{
    static const char *const words[] = {"domainlist", "hostlist", "addresslist", "localpartlist"};
    struct span s = line->s, word = take_word(&s), name;
    struct exim_list *l;

    if (span_eq(word, SPAN_LIT("hide")))
        word = take_word(&s);
    if (span_ends_nocase(word, SPAN_LIT("_cache")))
        word.n -= strlen("_cache");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!span_eq(word, span_str(words[i])))
            continue;
        name = take_word(&s);
        if (s.n == 0 || s.p[0] != '=')
            return false;
        l = audit_alloc(c->a, sizeof(*l));
        l->kind = (enum exim_list_kind)i;
        l->name = audit_dup(c->a, name);
        l->value = unquoted(c, exim_slice(c, line, span_trim(span_slice(s, 1, s.n))));
        l->next = c->lists;
        c->lists = l;
        return true;
    }
    return false;
}

const struct exim_list *exim_list_find(const struct exim_conf *c, enum exim_list_kind kind,
                                       struct span name)
{
    for (const struct exim_list *l = c->lists; l; l = l->next)
        if (l->kind == kind && span_eq(span_str(l->name), name))
            return l;
    return NULL;
}

/* --- ACLs ------------------------------------------------------------------------------------- */

const struct exim_acl *exim_acl_find(const struct exim_conf *c, struct span name)
{
    for (const struct exim_acl *acl = c->acls; acl; acl = acl->next)
        if (span_eq(span_str(acl->name), name))
            return acl;
    return NULL;
}

/* "name:" alone. */
static bool label(struct span s, struct span *ret)
{
    size_t n = 0;

    while (n < s.n && (word_char(s.p[n]) || s.p[n] == '-' || s.p[n] == '$'))
        n++;
    *ret = span_slice(s, 0, n);
    return n > 0 && span_trim(span_slice(s, n, s.n)).n == 1 && s.p[s.n - 1] == ':';
}

static bool verb_of(struct span word, enum exim_verb *ret)
{
    static const struct {
        const char *word;
        enum exim_verb verb;
    } verbs[] = {
        {"accept", EXIM_ACCEPT}, {"deny", EXIM_DENY},    {"drop", EXIM_DENY},
        {"defer", EXIM_DENY},    {"discard", EXIM_DENY}, {"require", EXIM_REQUIRE},
        {"warn", EXIM_WARN},
    };

    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (span_eq(word, span_str(verbs[i].word))) {
            *ret = verbs[i].verb;
            return true;
        }
    return false;
}

static void add_cond(struct exim_sections *s, const struct exim_text *line, struct span text)
{
    struct exim_cond *cond = audit_alloc(s->c->a, sizeof(*cond)), **end;
    struct span rest = text;

    if (text.n == 0 || !s->statement)
        return;
    cond->place = exim_place(line, text.p);
    if (rest.p[0] == '!') {
        cond->negated = true;
        rest = span_slice(rest, 1, rest.n);
    }
    cond->name = audit_dup(s->c->a, take_word(&rest));
    if (strcmp(cond->name, "set") == 0)
        cond->variable = audit_dup(s->c->a, take_word(&rest));
    if (rest.n > 0 && rest.p[0] == '=')
        rest = span_trim(span_slice(rest, 1, rest.n));
    cond->value = unquoted(s->c, exim_slice(s->c, line, rest));
    end = &s->statement->conds;
    while (*end)
        end = &(*end)->next;
    *end = cond;
}

static void acl_line(struct exim_sections *s, const struct exim_text *line)
{
    struct span rest = line->s, word;
    struct exim_statement **end;
    enum exim_verb verb;
    struct exim_acl *acl;

    if (label(line->s, &word)) {
        acl = audit_alloc(s->c->a, sizeof(*acl));
        acl->name = audit_dup(s->c->a, word);
        acl->next = s->c->acls;
        s->c->acls = s->acl = acl;
        s->statement = NULL;
        return;
    }
    word = take_word(&rest);
    if (s->acl && verb_of(word, &verb)) {
        s->statement = audit_alloc(s->c->a, sizeof(*s->statement));
        s->statement->verb = verb;
        s->statement->place = exim_place(line, line->s.p);
        end = &s->acl->statements;
        while (*end)
            end = &(*end)->next;
        *end = s->statement;
        add_cond(s, line, rest);
    } else {
        add_cond(s, line, line->s);
    }
}

/* --- drivers ---------------------------------------------------------------------------------- */

static void driver_line(struct exim_sections *s, const struct exim_text *line,
                        struct exim_driver **list)
{
    struct exim_option *o, **end_option;
    struct exim_driver **end = list;
    struct span word;

    if (label(line->s, &word)) {
        s->driver = audit_alloc(s->c->a, sizeof(*s->driver));
        s->driver->name = audit_dup(s->c->a, word);
        s->driver->place = exim_place(line, line->s.p);
        while (*end)
            end = &(*end)->next;
        *end = s->driver;
        return;
    }
    o = s->driver ? read_option(s->c, line) : NULL;
    if (!o)
        return;
    end_option = &s->driver->options;
    while (*end_option)
        end_option = &(*end_option)->next;
    *end_option = o;
}

static void rewrite_line(struct exim_sections *s, const struct exim_text *line)
{
    struct exim_rewrite *rw = audit_alloc(s->c->a, sizeof(*rw)), **end = &s->c->rewrites;
    struct span rest = line->s, word, flags = SPAN_NULL;

    if (!span_word(&rest, &word))
        return;
    rest = span_trim(rest);
    rw->place = exim_place(line, line->s.p);
    rw->pattern = exim_slice(s->c, line, word);
    /* Flags are the last word, if of letters only: the replacement may have blanks. */
    size_t at = rest.n;

    while (at > 0 && rest.p[at - 1] != ' ' && rest.p[at - 1] != '\t')
        at--;
    flags = span_slice(rest, at, rest.n);
    for (size_t i = 0; i < flags.n; i++)
        if (!ascii_is_alpha(flags.p[i]))
            flags = SPAN_NULL;
    if (at == 0)
        flags = SPAN_NULL;
    rw->flags = flags;
    rw->replacement =
        unquoted(s->c, exim_slice(s->c, line, span_trim(span_slice(rest, 0, rest.n - flags.n))));
    while (*end)
        end = &(*end)->next;
    *end = rw;
}

/* --- all of it -------------------------------------------------------------------------------- */

static int section_of(struct span word)
{
    static const struct {
        const char *name;
        enum section section;
    } names[] = {
        {"acl", ACLS}, {"routers", ROUTERS}, {"authenticators", AUTHS}, {"rewrite", REWRITES}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (span_eq(word, span_str(names[i].name)))
            return (int)names[i].section;
    return OTHER;
}

bool exim_conf_line(void *cookie, const struct exim_text *line)
{
    struct exim_sections *s = cookie;
    struct span rest = line->s;
    struct exim_option *o;

    if (span_eq(take_word(&rest), SPAN_LIT("begin")) && rest.n > 0) {
        s->section = section_of(take_word(&rest));
        s->driver = NULL;
        s->acl = NULL;
        s->c->router_section = s->c->router_section || s->section == ROUTERS;
        return true;
    }
    switch ((enum section)s->section) {
    case MAIN:
        if (named_list(s->c, line))
            break;
        o = read_option(s->c, line);
        if (o && !exim_option(s->c->options, o->name)) {
            o->next = s->c->options;
            s->c->options = o;
        }
        break;
    case ACLS:
        acl_line(s, line);
        break;
    case ROUTERS:
        driver_line(s, line, &s->c->routers);
        break;
    case AUTHS:
        driver_line(s, line, &s->c->auths);
        break;
    case REWRITES:
        rewrite_line(s, line);
        break;
    case OTHER:
        break;
    }
    return true;
}
