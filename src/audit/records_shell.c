/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connectors as scripts make them: the commands New- and Set-ReceiveConnector, Add-ADPermission and
 * New- and Set-AcceptedDomain, and DSC's xExchReceiveConnector. They become the same records that
 * the server would print. Of a command only its literal values count: a variable in one makes
 * nothing up, it stays as the text that it is.
 */
#include "audit/records.h"

#include "base/buf.h"

struct shell {
    struct audit *a;
    const char *file;
    struct audit_record **end;
};

/* --- records ---------------------------------------------------------------------------------- */

enum { FIELDS_MAX = 60 };

static struct audit_record *start(struct shell *x, unsigned line)
{
    struct audit_record *r = audit_alloc(x->a, sizeof(*r));

    *r = (struct audit_record){.file = x->file, .line = line};
    r->v = audit_alloc(x->a, FIELDS_MAX * sizeof(r->v[0]));
    if (audit_failed(x->a))
        return r;
    *x->end = r;
    x->end = &r->next;
    return r;
}

static void put(struct audit_record *r, const char *name, const char *value, unsigned line)
{
    if (r->v && r->count < FIELDS_MAX)
        r->v[r->count++] = (struct audit_field){name, value, line};
}

/* --- words of PowerShell ---------------------------------------------------------------------- */

/* Quotes are taken off; "@(", brackets and backticks are blanks. False: the command ends. */
static bool word(struct shell *x, struct span *s, const char **ret, bool *ret_option)
{
    char quote;
    size_t n = 0;

    while (s->n > 0 && strchr(" \t\r@(){}`,", s->p[0]) && s->p[0])
        *s = span_slice(*s, 1, s->n);
    if (s->n == 0 || s->p[0] == '|' || s->p[0] == ';' || s->p[0] == '\n' || s->p[0] == '#')
        return false;
    quote = s->p[0];
    if (quote == '"' || quote == '\'') {
        n = span_find(span_slice(*s, 1, s->n), quote) + 1;
        *ret = audit_dup(x->a, span_slice(*s, 1, n));
        *ret_option = false;
        *s = span_slice(*s, n + 1, s->n);
        return true;
    }
    while (n < s->n && !(strchr(" \t\r\n(){},|;", s->p[n]) && s->p[n]))
        n++;
    n += n == 0;
    *ret = audit_dup(x->a, span_slice(*s, 0, n));
    *ret_option = s->p[0] == '-' && n > 1 && ascii_is_alpha(s->p[1]);
    *s = span_slice(*s, n, s->n);
    return true;
}

/* "-Name value, value": the values of one option are one list. */
static void options(struct shell *x, struct audit_record *r, struct span s, const char *first,
                    unsigned line)
{
    const char *w, *name = first;
    bool option, valued = false;

    while (word(x, &s, &w, &option)) {
        struct audit_field *f = r->v && r->count > 0 ? &r->v[r->count - 1] : NULL;

        if (option) {
            size_t colon = span_find(span_str(w), ':'); /* -Deny:$true */

            if (name && !valued && name != first)
                put(r, name, "True", line);
            name = audit_dup(x->a, span_slice(span_str(w), 1, colon));
            valued = false;
            if (w[colon] == ':') {
                put(r, name, strstr(w + colon, "true") ? "True" : "False", line);
                valued = true;
            }
        } else if (name && !valued) {
            put(r, name,
                strcmp(w, "$true") == 0    ? "True"
                : strcmp(w, "$false") == 0 ? "False"
                                           : w,
                line);
            valued = true;
        } else if (name && f) {
            f->value = audit_fmt(x->a, "%s, %s", f->value, w);
        }
    }
    if (name && !valued && name != first)
        put(r, name, "True", line);
}

/* The connector that is piped into a command: Get-ReceiveConnector "NAME" | … */
static const char *piped(struct shell *x, struct span before)
{
    static const char *const heads[] = {"Get-ReceiveConnector", "New-ReceiveConnector"};
    const char *w = NULL;
    bool option;

    for (size_t i = 0; i < 2; i++) {
        size_t at = span_find_nocase(before, span_str(heads[i]));
        struct span s = span_slice(before, at + strlen(heads[i]), before.n);

        if (at == before.n)
            continue;
        while (word(x, &s, &w, &option))
            if (!option)
                return w;
    }
    return NULL;
}

/* --- commands --------------------------------------------------------------------------------- */

static void command(struct shell *x, struct span line, unsigned number)
{
    static const struct {
        const char *name, *first; /* the option that a first word without one is of */
    } v[] = {
        {"New-ReceiveConnector", "Name"},     {"Set-ReceiveConnector", "Identity"},
        {"Add-ADPermission", "Identity"},     {"New-AcceptedDomain", "Name"},
        {"Set-AcceptedDomain", "DomainName"}, {"Set-RecipientFilterConfig", "x"},
    };

    for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        size_t at = span_find_nocase(line, span_str(v[i].name));
        struct audit_record *r;
        const char *from;

        if (at == line.n || span_find(span_slice(line, 0, at), '#') < at)
            continue;
        r = start(x, number);
        options(x, r, span_slice(line, at + strlen(v[i].name), line.n), v[i].first, number);
        from = i == 2 ? piped(x, span_slice(line, 0, at)) : NULL;
        if (from)
            put(r, "Identity", from, number);
        if (i == 1 && audit_record_get(r, "Identity"))
            put(r, "Name", audit_record_get(r, "Identity"), number);
        if (i < 2 && !audit_record_find(r, "Bindings"))
            put(r, "Bindings", "0.0.0.0:25", number);
        if (i == 0 && !audit_record_find(r, "PermissionGroups"))
            put(r, "PermissionGroups", "None", number);
    }
}

/* Joins what a backtick, a pipe or an open bracket leaves open. */
static void commands(struct shell *x, struct span text)
{
    struct buf joined = BUF_INIT(AUDIT_LINE_MAX);
    unsigned number = 0, first = 1;
    struct span line;

    while (span_cut(&text, '\n', &line) && !audit_failed(x->a)) {
        struct span t = span_trim(line);

        number++;
        if (joined.n == 0)
            first = number;
        buf_add(&joined, t);
        buf_add_char(&joined, ' ');
        if (t.n > 0 && (t.p[t.n - 1] == '`' || t.p[t.n - 1] == '|' || t.p[t.n - 1] == ','))
            continue;
        command(x, buf_span(&joined), first);
        buf_clear(&joined);
    }
    buf_deinit(&joined);
}

/* --- DSC -------------------------------------------------------------------------------------- */

/* An entry of ExtendedRightAllowEntries is a permission of its own. */
static void dsc_line(struct shell *x, struct audit_record *r, const char **key, bool *rights,
                     bool deny, struct span line, unsigned number)
{
    struct span value = line, name;
    const char *w = NULL;
    bool option;

    if (!span_cut(&value, '=', &name) || value.n == 0)
        return;
    name = span_trim(name);
    value = span_trim(value);
    word(x, &value, &w, &option);
    if (!w)
        return;
    if (*rights && span_ends_nocase(name, SPAN_LIT("Key"))) {
        *key = w;
    } else if (*rights && span_ends_nocase(name, SPAN_LIT("Value")) && *key) {
        struct audit_record *p = start(x, number);

        put(p, "Identity", audit_record_get(r, "Identity"), number);
        put(p, "User", *key, number);
        put(p, "Deny", deny ? "True" : "False", number);
        put(p, "ExtendedRights", w, number);
    } else {
        struct audit_field *f;

        put(r, audit_dup(x->a, name), w, number);
        f = r->v && r->count > 0 ? &r->v[r->count - 1] : NULL;
        while (f && word(x, &value, &w, &option))
            f->value = audit_fmt(x->a, "%s, %s", f->value, w);
    }
}

static void dsc(struct shell *x, struct span text)
{
    struct audit_record *r = NULL;
    const char *key = NULL;
    bool rights = false, deny = false;
    unsigned number = 0;
    struct span line;

    while (span_cut(&text, '\n', &line) && !audit_failed(x->a)) {
        struct span t = span_trim(line);

        number++;
        if (span_starts_nocase(t, SPAN_LIT("xExchReceiveConnector")) ||
            span_starts_nocase(t, SPAN_LIT("ExchReceiveConnector"))) {
            r = start(x, number);
            rights = false;
            continue;
        }
        if (span_starts_nocase(t, SPAN_LIT("ExtendedRightAllowEntries")) ||
            span_starts_nocase(t, SPAN_LIT("ExtendedRightDenyEntries"))) {
            rights = true;
            deny = span_starts_nocase(t, SPAN_LIT("ExtendedRightDeny"));
            continue;
        }
        if (r)
            dsc_line(x, r, &key, &rights, deny, t, number);
        if (t.n == 1 && t.p[0] == ')')
            rights = false;
    }
}

bool audit_records_shell(struct audit *a, const struct audit_source_file *f,
                         struct audit_record **ret)
{
    struct shell x = {a, f->name, ret};
    bool script = span_has_nocase(f->text, SPAN_LIT("-ReceiveConnector")) ||
                  span_has_nocase(f->text, SPAN_LIT("Add-ADPermission")) ||
                  span_has_nocase(f->text, SPAN_LIT("-AcceptedDomain"));
    bool block = span_has_nocase(f->text, SPAN_LIT("ExchReceiveConnector "));

    if (block)
        dsc(&x, f->text);
    else if (script)
        commands(&x, f->text);
    return block || script;
}
