/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The m4 of a .mc file, as far as such files use it: calls with quoted arguments, define and
 * undefine, ifdef, include, dnl, and the sections that hold raw lines of a .cf. Text in quotes is
 * not looked into; "#" begins a comment for m4, too.
 */
#include "audit/mta_sendmail_priv.h"

enum { ARGS_MAX = 6 };

struct mc {
    struct sm_conf *c;
    const char *file;
    struct span s; /* what is left */
    unsigned line;
    unsigned depth;
    bool raw; /* in a section of .cf lines */
};

const struct sm_define *sm_define(const struct sm_conf *c, const char *name)
{
    for (const struct sm_define *d = c->defines; d; d = d->next)
        if (span_eq(d->name, span_str(name)))
            return d->value.p ? d : NULL;
    return NULL;
}

void sm_words_add(struct sm_conf *c, struct sm_words *w, struct span text, struct audit_place at)
{
    if (audit_failed(c->a) || w->count >= AUDIT_NETS_MAX)
        return;
    if (w->count == w->cap) {
        size_t cap = w->cap ? 2 * w->cap : 16;
        struct sm_word *v = audit_alloc(c->a, cap * sizeof(v[0]));

        if (audit_failed(c->a))
            return;
        if (w->count)
            memcpy(v, w->v, w->count * sizeof(v[0]));
        w->v = v;
        w->cap = cap;
    }
    w->v[w->count++] = (struct sm_word){text, at};
}

void sm_words_file(struct sm_conf *c, struct sm_words *w, const char *path, bool whole_lines)
{
    struct audit_source_file f;
    struct audit_lines r;
    struct audit_line line;

    if (audit_text(c->a, path, &f) != AUDIT_FILE_OK)
        return;
    audit_lines_open(&r, c->a, AUDIT_LINES_PLAIN, &f);
    while (audit_lines_next(&r, &line)) {
        struct span s = line.text, word;

        if (s.p[0] == '#')
            continue;
        if (!whole_lines && !span_word(&s, &word))
            continue;
        sm_words_add(c, w, whole_lines ? s : word, (struct audit_place){f.name, line.first});
    }
}

/* --- m4 --------------------------------------------------------------------------------------- */

static void step(struct mc *m, size_t n)
{
    for (size_t i = 0; i < n && i < m->s.n; i++)
        m->line += m->s.p[i] == '\n';
    m->s = span_slice(m->s, n, m->s.n);
}

static void skip_line(struct mc *m)
{
    step(m, span_find(m->s, '\n') + 1);
}

/* The text of `…', which may hold other quotes. */
static struct span quoted(struct mc *m)
{
    size_t i = 1, depth = 1;
    struct span s;

    while (i < m->s.n && depth > 0) {
        if (m->s.p[i] == '`')
            depth++;
        else if (m->s.p[i] == '\'')
            depth--;
        i++;
    }
    s = span_slice(m->s, 1, depth == 0 ? i - 1 : i);
    step(m, i);
    return s;
}

static bool at_word(const struct mc *m, const char *word)
{
    size_t n = strlen(word);

    return span_starts(m->s, span_str(word)) &&
           (m->s.n == n || !(ascii_is_alnum(m->s.p[n]) || m->s.p[n] == '_'));
}

/* One argument: its pieces, with one level of quotes taken off; ends at "," or ")". */
static struct span argument(struct mc *m)
{
    struct buf out = BUF_INIT(1 << 16);
    unsigned depth = 0;
    struct span s;

    while (m->s.n > 0 && strchr(" \t\n\r", m->s.p[0]))
        step(m, 1);
    while (m->s.n > 0) {
        char c = m->s.p[0];

        if (c == '`') {
            buf_add(&out, quoted(m));
            continue;
        }
        if (at_word(m, "dnl")) {
            skip_line(m);
            continue;
        }
        if (depth == 0 && (c == ',' || c == ')'))
            break;
        depth += c == '(';
        depth -= c == ')';
        buf_add_char(&out, c);
        step(m, 1);
    }
    s = span_of(audit_dup(m->c->a, buf_span(&out)), out.n);
    buf_deinit(&out);
    return s;
}

static unsigned arguments(struct mc *m, struct span args[ARGS_MAX])
{
    unsigned n = 0;

    memset(args, 0, ARGS_MAX * sizeof(args[0]));
    if (m->s.n == 0 || m->s.p[0] != '(')
        return 0;
    do {
        struct span one;

        step(m, 1);
        one = argument(m);
        if (n < ARGS_MAX)
            args[n] = one;
        n++;
    } while (m->s.n > 0 && m->s.p[0] == ',');
    step(m, 1);
    return n < ARGS_MAX ? n : ARGS_MAX;
}

/* --- what calls mean -------------------------------------------------------------------------- */

/* m4 looks again at what an argument became: a name that is defined stands for its value. */
static struct span expanded(const struct sm_conf *c, struct span name)
{
    for (unsigned i = 0; i < AUDIT_NEST_MAX && name.n; i++) {
        const struct sm_define *d = sm_define(c, audit_dup(c->a, name));

        if (!d)
            break;
        name = span_trim(d->value);
    }
    return name;
}

static void feature(struct mc *m, const struct span *args, struct audit_place place)
{
    static const struct {
        const char *name;
        enum sm_feature feature;
    } names[] = {
        {"promiscuous_relay", SM_PROMISCUOUS},
        {"relay_local_from", SM_LOCAL_FROM},
        {"relay_mail_from", SM_MAIL_FROM},
        {"relay_based_on_MX", SM_BY_MX},
        {"relay_entire_domain", SM_ENTIRE_DOMAIN},
        {"loose_relay_check", SM_LOOSE},
        {"relay_hosts_only", SM_HOSTS_ONLY},
        {"nouucp", SM_NOUUCP},
        {"bestmx_is_local", SM_BESTMX_LOCAL},
        {"access_db", SM_ACCESS_DB},
        {"use_cw_file", SM_CW_FILE},
        {"no_default_msa", SM_NO_MSA},
        {"delay_checks", SM_DELAY_CHECKS},
        {"accept_unresolvable_domains", SM_UNRESOLVABLE},
        {"accept_unqualified_senders", SM_UNQUALIFIED},
        {"msp", SM_MSP},
    };
    struct span name = expanded(m->c, span_trim(args[0]));

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (span_eq(name, span_str(names[i].name))) {
            struct sm_set_feature *f = &m->c->features[names[i].feature];

            f->on = true;
            f->place = place;
            memcpy(f->args, args + 1, sizeof(f->args));
        }
}

static void words(struct mc *m, struct sm_words *to, struct span s, struct audit_place place)
{
    struct span word;

    s = expanded(m->c, s);
    while (audit_word(&s, " \t\n", false, &word))
        sm_words_add(m->c, to, word, place);
}

static void define(struct mc *m, struct span name, struct span value, struct audit_place place)
{
    struct sm_define *d = audit_alloc(m->c->a, sizeof(*d));

    *d = (struct sm_define){span_trim(name), value, place, m->c->defines};
    if (!audit_failed(m->c->a))
        m->c->defines = d;
}

static void daemon(struct mc *m, struct span options, struct audit_place place)
{
    struct sm_daemon *d = audit_alloc(m->c->a, sizeof(*d));

    *d = (struct sm_daemon){options, place, m->c->daemons};
    if (!audit_failed(m->c->a))
        m->c->daemons = d;
}

static void read_text(struct mc *m);

/* Text that m4 goes on with, as if it stood at this line. */
static void again(struct mc *m, struct span text, const char *file, unsigned line)
{
    struct mc in = {m->c, file, text, line, m->depth + 1, false};

    if (in.depth > AUDIT_NEST_MAX) {
        audit_bad(m->c->a, (struct audit_place){m->file, m->line},
                  "more than %d includes within one another; is it a loop?", AUDIT_NEST_MAX);
        return;
    }
    read_text(&in);
}

/* A file that is included, a domain's, a local change: a part that may hold anything. */
static void include(struct mc *m, const char *path, bool harmless, struct audit_place place)
{
    struct audit_source_file f;
    struct audit_finding *found;

    if (audit_text(m->c->a, path, &f) == AUDIT_FILE_OK) {
        again(m, f.text, f.name, 1);
        return;
    }
    if (harmless)
        return;
    m->c->doubt = true;
    found = audit_undecided(m->c->a, "SM01", AUDIT_OPEN, NULL, place);
    found->why = audit_fmt(m->c->a, "%s is not here, and could hold features that relay", path);
    found->fix = "give that file to the audit too, or the .cf that was made from this one";
}

static bool shipped(struct span name)
{
    static const char *const names[] = {"generic", "debian-mta", "debian-msp",
                                        "unspecified-domain"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (span_eq(name, span_str(names[i])))
            return true;
    return false;
}

static void include_path(struct mc *m, struct span path, struct audit_place place)
{
    path = span_trim(path);
    /* Sendmail's own m4, and the two that Debian's generator writes. */
    include(m, audit_dup(m->c->a, path),
            span_ends_nocase(path, SPAN_LIT("cf.m4")) ||
                span_ends_nocase(path, SPAN_LIT("dialup.m4")) ||
                span_ends_nocase(path, SPAN_LIT("provider.m4")) ||
                span_starts(path, SPAN_LIT("/usr/share/sendmail")) ||
                span_ends_nocase(path, SPAN_LIT("sasl.m4")) ||
                span_ends_nocase(path, SPAN_LIT("starttls.m4")),
            place);
}

static void call(struct mc *m, struct span name, const struct span *args, unsigned n,
                 struct audit_place place)
{
    struct sm_conf *c = m->c;

    if (span_eq(name, SPAN_LIT("FEATURE"))) {
        feature(m, args, place);
    } else if (span_eq(name, SPAN_LIT("define"))) {
        define(m, args[0], args[1].p ? args[1] : SPAN_LIT(""), place);
    } else if (span_eq(name, SPAN_LIT("undefine"))) {
        define(m, args[0], SPAN_NULL, place);
    } else if (span_eq(name, SPAN_LIT("DAEMON_OPTIONS"))) {
        daemon(m, args[0], place);
    } else if (span_eq(name, SPAN_LIT("LOCAL_DOMAIN"))) {
        words(m, &c->local, args[0], place);
    } else if (span_eq(name, SPAN_LIT("RELAY_DOMAIN"))) {
        words(m, &c->relay, args[0], place);
    } else if (span_eq(name, SPAN_LIT("RELAY_DOMAIN_FILE"))) {
        c->relay_file = audit_dup(c->a, span_trim(args[0]));
    } else if (span_eq(name, SPAN_LIT("TRUST_AUTH_MECH"))) {
        define(m, SPAN_LIT("TRUST_AUTH_MECH"), args[0], place);
    } else if (span_eq(name, SPAN_LIT("ifdef"))) {
        const struct sm_define *d = sm_define(c, audit_dup(c->a, span_trim(args[0])));

        again(m, d ? args[1] : args[2], place.file, place.line);
    } else if (span_eq(name, SPAN_LIT("include")) || span_eq(name, SPAN_LIT("sinclude"))) {
        include_path(m, args[0], place);
    } else if (span_eq(name, SPAN_LIT("DOMAIN"))) {
        include(m, audit_fmt(c->a, "/usr/share/sendmail/cf/domain/%.*s.m4", SPAN_ARG(args[0])),
                shipped(args[0]), place);
    } else if (span_eq(name, SPAN_LIT("HA"
                                      "CK"))) {
        include(m, audit_fmt(c->a, "/usr/share/sendmail/cf/hack/%.*s.m4", SPAN_ARG(args[0])), false,
                place);
    }
    (void)n;
}

/* --- raw lines -------------------------------------------------------------------------------- */

static bool section(struct span name)
{
    return span_starts(name, SPAN_LIT("LOCAL_RULE")) || span_eq(name, SPAN_LIT("LOCAL_CONFIG")) ||
           span_starts(name, SPAN_LIT("LOCAL_NET_CONFIG"));
}

/* A line of a .cf that stands in the .mc. */
static void raw_line(struct mc *m)
{
    size_t end = span_find(m->s, '\n');
    struct span line = span_slice(m->s, 0, end);
    struct audit_place place = {m->file, m->line};
    size_t dnl = span_find_nocase(line, SPAN_LIT("dnl"));
    struct span s = span_slice(line, 0, dnl);

    if (line.n > 0 && line.p[0] == 'C' && line.n > 1 && (line.p[1] == 'w' || line.p[1] == 'R'))
        words(m, line.p[1] == 'w' ? &m->c->local : &m->c->relay, span_slice(s, 2, s.n), place);
    if (line.n > 0 && (line.p[0] == 'R' || line.p[0] == 'S')) {
        m->c->raw = true;
        if (!m->c->raw_place.line || span_has_nocase(s, SPAN_LIT("check_rcpt")))
            m->c->raw_place = place;
    }
    if (line.n > 0 && strchr("RSCKDF", line.p[0])) {
        if (!m->c->rules)
            m->c->rules = sm_cf_new(m->c);
        if (!audit_failed(m->c->a))
            sm_cf_line(m->c->rules, s, place);
    }
    step(m, end + 1);
}

static bool name_char(char ch)
{
    return ascii_is_alnum(ch) || ch == '_';
}

/* In raw text a line that begins with a call ends it. */
static bool raw_ends(const struct mc *m)
{
    static const char *const calls[] = {"MAILER(",    "LOCAL_",          "FEATURE(", "define(",
                                        "MAILER_DEF", "DAEMON_OPTIONS(", "divert("};

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (span_starts(m->s, span_str(calls[i])))
            return true;
    return false;
}

static void read_text(struct mc *m)
{
    while (m->s.n > 0 && !audit_failed(m->c->a) && !audit_error(m->c->a)[0]) {
        char ch = m->s.p[0];
        size_t n = 0;

        if (m->raw && !raw_ends(m)) {
            raw_line(m);
            continue;
        }
        m->raw = false;
        if (ch == '#' || at_word(m, "dnl")) {
            skip_line(m);
        } else if (ch == '`') {
            struct span text;
            unsigned line = m->line;

            text = quoted(m);
            (void)text; /* output only */
            (void)line;
        } else if (ascii_is_alpha(ch) || ch == '_') {
            struct audit_place place = {m->file, m->line};
            struct span args[ARGS_MAX], name;

            while (n < m->s.n && name_char(m->s.p[n]))
                n++;
            name = span_slice(m->s, 0, n);
            step(m, n);
            if (section(name)) {
                m->raw = true;
                skip_line(m);
            } else {
                n = arguments(m, args);
                call(m, name, args, (unsigned)n, place);
            }
        } else {
            /* lines of a .cf may stand anywhere: "Cwname", but they begin with a letter above */
            step(m, 1);
        }
    }
}

/* "Cw…" and "CR…" lines outside of any section: words that are no calls. */
static void plain_classes(struct sm_conf *c, const struct audit_source_file *f)
{
    struct audit_lines r;
    struct audit_line line;
    struct mc m = {.c = c, .file = f->name};

    audit_lines_open(&r, c->a, AUDIT_LINES_PLAIN, f);
    while (audit_lines_next(&r, &line)) {
        struct span s = line.text;

        if (s.n > 2 && s.p[0] == 'C' && (s.p[1] == 'w' || s.p[1] == 'R') && s.p[2] != '(') {
            s = span_slice(s, 0, span_find_nocase(s, SPAN_LIT("dnl")));
            words(&m, s.p[1] == 'w' ? &c->local : &c->relay, span_slice(s, 2, s.n),
                  (struct audit_place){f->name, line.first});
        }
    }
}

int sm_read_mc(struct sm_conf *c, const struct audit_source_file *f)
{
    struct mc m = {c, f->name, f->text, 1, 0, false};

    c->file = f->name;
    read_text(&m);
    plain_classes(c, f);
    if (audit_error(c->a)[0])
        return AUDIT_BAD;
    return 0;
}
