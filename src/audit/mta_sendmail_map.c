/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What rules ask from outside: macros of the session, maps, names. Maps are read from the text that
 * they were made from. What DNS would say is the stranger's own to arrange: his domains resolve.
 */
#include "audit/mta_sendmail_priv.h"

#include "base/num.h"

static bool is(struct span t, const char *s)
{
    return span_eq(t, span_str(s));
}

static const char *client_text(struct sm_run *r)
{
    char text[IP_TEXT_MAX];

    if (!r->s->client.family)
        return "254.254.254.254";
    return audit_fmt(r->a, "%s%s", r->s->client.family == IP_V6 ? "IPv6:" : "",
                     ip_text(r->s->client, text));
}

struct span sm_macro_now(struct sm_run *r, struct span name)
{
    static const struct {
        const char *name, *value;
    } fixed[] = {{"{deliveryMode}", "b"},       {"{verify}", "NONE"},   {"{addr_type}", "e r"},
                 {"{client_port}", "40000"},    {"{if_addr}", ""},      {"{ntries}", "0"},
                 {"{client_connections}", "1"}, {"{client_rate}", "1"}, {"{total_rate}", "1"},
                 {"{nbadrcpts}", "0"}};

    if (is(name, "{client_addr}"))
        return span_str(client_text(r));
    if (is(name, "{client_name}") || is(name, "{client_ptr}"))
        return span_str(r->s->ptr ? r->s->ptr : audit_fmt(r->a, "[%s]", client_text(r)));
    if (is(name, "{client_resolve}"))
        return r->s->ptr ? SPAN_LIT("OK") : SPAN_LIT("FAIL");
    if (is(name, "{mail_from}") || is(name, "f"))
        return span_str(audit_fmt(r->a, is(name, "f") ? "%s" : "<%s>", r->s->sender));
    if (is(name, "{auth_type}"))
        return r->s->login ? SPAN_LIT("PLAIN") : SPAN_NULL;
    if (is(name, "{auth_authen}") || is(name, "{auth_author}"))
        return r->s->login ? SPAN_LIT("user") : SPAN_NULL;
    if (is(name, "{daemon_flags}"))
        return span_str(r->s->flags);
    if (is(name, "s"))
        return SPAN_LIT(AUDIT_SPAMMER_HELO);
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        if (is(name, fixed[i].name))
            return span_str(fixed[i].value);
    for (const struct sm_macro *m = r->cf->macros; m; m = m->next)
        if (span_eq(m->name, name))
            return m->value;
    return SPAN_NULL;
}

/* --- maps ------------------------------------------------------------------------------------- */

/* An option of a K line: "-a<OKR>" gives "<OKR>". */
static struct span map_option(const struct sm_map *m, char letter)
{
    struct span s = m->rest, word;

    while (span_word(&s, &word))
        if (word.n >= 2 && word.p[0] == '-' && word.p[1] == letter)
            return span_slice(word, 2, word.n);
    return SPAN_NULL;
}

static struct span map_file(const struct sm_map *m)
{
    struct span s = m->rest, word, last = SPAN_NULL;

    while (span_word(&s, &word))
        if (word.p[0] == '/')
            last = word;
    if (span_ends_nocase(last, SPAN_LIT(".db")))
        last.n -= 3;
    return last;
}

static void load(struct sm_run *r, struct sm_map *m)
{
    struct sm_words *w = audit_alloc(r->a, sizeof(*w));
    struct span file = map_file(m);
    struct audit_source_file f;

    if (audit_failed(r->a))
        return;
    m->lines = w;
    m->missing = file.n == 0 || audit_text(r->a, audit_dup(r->a, file), &f) != AUDIT_FILE_OK;
    if (!m->missing)
        sm_words_file(r->cf->c, w, audit_dup(r->a, file), true);
}

/* A text file's "key value"; "%1" in the value stands for the argument. */
static bool file_get(struct sm_run *r, struct sm_map *m, struct span key, const struct span *args,
                     size_t arg_count, struct span *ret)
{
    if (!m->lines)
        load(r, m);
    for (size_t i = 0; m->lines && i < m->lines->count; i++) {
        struct span s = m->lines->v[i].text, word, value;
        size_t at;

        if (!span_word(&s, &word))
            continue;
        if (word.n > 1 && word.p[word.n - 1] == ':' && is(m->name, "aliases"))
            word.n--;
        if (!span_eq_nocase(word, key))
            continue;
        value = span_trim(s);
        at = span_find_nocase(value, SPAN_LIT("%1"));
        if (at < value.n)
            value = span_str(audit_fmt(r->a, "%.*s%.*s%.*s", SPAN_ARG(span_slice(value, 0, at)),
                                       SPAN_ARG(arg_count ? args[0] : key),
                                       SPAN_ARG(span_slice(value, at + 2, value.n))));
        *ret = value;
        return true;
    }
    return false;
}

static bool arith(const struct span *args, size_t n, struct span key, struct span *ret,
                  struct audit *a)
{
    uint64_t x, y;

    if (n < 2 || !num_u64(args[0], 0, INT32_MAX, &x) || !num_u64(args[1], 0, INT32_MAX, &y))
        return false;
    if (is(key, "l") || is(key, "=")) {
        *ret = (is(key, "l") ? x < y : x == y) ? SPAN_LIT("TRUE") : SPAN_LIT("FALSE");
        return true;
    }
    if (is(key, "+") || is(key, "*") || (is(key, "-") && x >= y)) {
        *ret = span_str(audit_fmt(a, "%llu",
                                  (unsigned long long)(is(key, "+")   ? x + y
                                                       : is(key, "*") ? x * y
                                                                      : x - y)));
        return true;
    }
    return false;
}

static struct span regex_pattern(const struct sm_map *m)
{
    struct span s = m->rest, word;

    for (;;) {
        struct span before = span_trim(s);

        if (!span_word(&s, &word) || word.p[0] != '-')
            return before;
    }
}

static bool dequoted(struct sm_run *r, struct span key, struct span *ret)
{
    char *out;
    size_t n = 0;

    if (span_find(key, '"') == key.n)
        return false;
    out = audit_alloc(r->a, key.n + 1);
    if (audit_failed(r->a))
        return false;
    for (size_t i = 0; i < key.n; i++)
        if (key.p[i] != '"' && !(key.p[i] == '\\' && i + 1 < key.n))
            out[n++] = key.p[i];
    *ret = span_of(out, n);
    return true;
}

/* The stranger's own domain may name this host as its MX; all others name themselves. */
static bool best_mx(struct sm_run *r, struct span key, struct span *ret)
{
    const struct sm_class *w = sm_class(r->cf, SPAN_LIT("w"));

    *ret = key;
    if (r->s->mx_here && w->words.count > 0)
        *ret = span_str(audit_fmt(r->a, "%.*s.", SPAN_ARG(w->words.v[0].text)));
    return true;
}

static struct sm_map *map_named(const struct sm_cf *cf, struct span name)
{
    for (struct sm_map *m = cf->maps; m; m = m->next)
        if (span_eq_nocase(m->name, name))
            return m;
    return NULL;
}

static void doubt(struct sm_run *r, const struct sm_map *m, const char *why)
{
    if (r->doubt)
        return;
    r->doubt = true;
    r->doubt_place = m ? m->place : r->last;
    r->doubt_why = why;
}

bool sm_map_get(struct sm_run *r, struct span name, struct span key, const struct span *args,
                size_t arg_count, struct span *ret)
{
    static const char *const files[] = {"hash", "btree", "dbm", "text", "cdb", "ndbm", "implicit"};
    struct sm_map *m = map_named(r->cf, name);
    struct span type = m ? m->type : name;

    if (span_eq_nocase(type, SPAN_LIT("host"))) {
        struct span tail = m ? map_option(m, 'a') : SPAN_NULL;

        *ret = span_str(audit_fmt(r->a, "%.*s%s%.*s", SPAN_ARG(key),
                                  key.n > 0 && strchr(".]", key.p[key.n - 1]) ? "" : ".",
                                  SPAN_ARG(tail)));
        return true;
    }
    if (is(type, "dequote"))
        return dequoted(r, key, ret);
    if (is(type, "arith"))
        return arith(args, arg_count, key, ret, r->a);
    if (is(type, "macro") || is(type, "syslog")) {
        *ret = SPAN_NULL;
        return true;
    }
    if (is(type, "bestmx"))
        return best_mx(r, key, ret);
    if (is(type, "user") || is(type, "null") || is(type, "stab"))
        return false;
    if (is(type, "regex")) {
        if (unix_regex(regex_pattern(m), key, true, NULL) != UNIX_MATCH_YES)
            return false;
        *ret = map_option(m, 'a');
        return true;
    }
    for (size_t i = 0; m && i < sizeof(files) / sizeof(files[0]); i++)
        if (is(type, files[i]))
            return file_get(r, m, key, args, arg_count, ret);
    if (is(type, "dns")) { /* blocklists: the stranger's address is clean */
        return false;
    }
    doubt(r, m,
          audit_fmt(r->a, "asks a map of type %.*s, which can't be asked here",
                    SPAN_ARG(span_slice(type, 0, 20))));
    return false;
}

/* --- sessions --------------------------------------------------------------------------------- */

static void set_text(struct sm_run *r, struct sm_tokens *w, const char *text)
{
    sm_tokenize(r->cf, span_str(text), w);
    for (size_t i = 0; i + 1 < w->n; i++) /* "$|" between the arguments of check_relay */
        if (is(w->v[i], "$") && is(w->v[i + 1], "|")) {
            w->v[i] = SPAN_LIT("$|");
            memmove(w->v + i + 1, w->v + i + 2, (w->n - i - 2) * sizeof(w->v[0]));
            w->n--;
        }
}

/* "$#error" and "$#discard" refuse; everything else goes on. */
static bool refused(const struct sm_tokens *w)
{
    if (w->n < 2 || !is(w->v[0], "$#"))
        return false;
    return span_eq_nocase(w->v[1], SPAN_LIT("error")) ||
           span_eq_nocase(w->v[1], SPAN_LIT("discard")) ||
           span_eq_nocase(w->v[1], SPAN_LIT("TEMP"));
}

enum sm_answer sm_check(struct sm_cf *cf, const struct sm_session *s, struct sm_run *ret)
{
    static const char *const sets[] = {"check_relay", "check_mail", "check_rcpt"};
    struct audit *a = cf->c->a;
    struct sm_tokens *w = audit_alloc(a, sizeof(*w));
    bool any = false;

    *ret = (struct sm_run){.cf = cf, .a = a, .s = s};
    if (audit_failed(a))
        return SM_REFUSED;
    for (size_t i = 0; i < 3; i++) {
        const char *text =
            i == 0
                ? audit_fmt(a, "%s $| %s", s->ptr ? s->ptr : audit_fmt(a, "[%s]", client_text(ret)),
                            client_text(ret))
            : i == 1 ? audit_fmt(a, "<%s>", s->sender)
                     : audit_fmt(a, "<%s>", s->rcpt);

        set_text(ret, w, text);
        if (!sm_call(ret, span_str(sets[i]), w))
            continue;
        any = any || i == 2;
        if (refused(w))
            return ret->doubt ? SM_DOUBT : SM_REFUSED;
    }
    if (!any)
        ret->last = (struct audit_place){cf->c->file, 0};
    return ret->doubt ? SM_DOUBT : SM_ACCEPTED;
}

bool sm_goes_out(struct sm_cf *cf, const struct sm_session *s, bool *ret_as_is)
{
    struct sm_run r = {.cf = cf, .a = cf->c->a, .s = s};
    struct sm_tokens *w = audit_alloc(r.a, sizeof(*w));
    size_t user;

    *ret_as_is = false;
    if (audit_failed(r.a))
        return false;
    set_text(&r, w, s->rcpt);
    if (!sm_call(&r, SPAN_LIT("3"), w) || !sm_call(&r, SPAN_LIT("0"), w) || w->n < 2 ||
        !is(w->v[0], "$#") || span_eq_nocase(w->v[1], SPAN_LIT("error")) ||
        span_eq_nocase(w->v[1], SPAN_LIT("local")))
        return false;
    for (user = 0; user < w->n && !is(w->v[user], "$:"); user++)
        ;
    for (size_t i = user; i + 1 < w->n; i++)
        if (is(w->v[i], "<") && is(w->v[i + 1], "@")) {
            struct span domain = sm_join(r.a, w->v + i + 2, w->n - i - 2);

            *ret_as_is = !span_starts_nocase(domain, SPAN_LIT(AUDIT_VICTIM_DOMAIN));
            return true;
        }
    return false;
}
