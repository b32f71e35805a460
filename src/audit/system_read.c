/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The system file: sections "role name { key = value, value … }". A setting may come again and then
 * adds to its list. Nothing in it is guessed: an unknown word is an error with its line.
 */
#include "audit/system_priv.h"

#include "base/num.h"

struct lexer {
    struct audit_system *s;
    const char *file;
    struct span text;
    unsigned line;
};

enum setting_kind { SETTING_LIST, SETTING_TEXT, SETTING_FLAG };

struct setting {
    const char *name;
    enum setting_kind kind;
    size_t at;
};

#define AT(field) offsetof(struct system_host, field)

static const struct setting settings[] = {
    {"path", SETTING_LIST, AT(paths)},
    {"kind", SETTING_LIST, AT(kinds)},
    {"to", SETTING_LIST, AT(to)},
    {"interface", SETTING_LIST, AT(interfaces)},
    {"address", SETTING_LIST, AT(addresses)},
    {"inside", SETTING_LIST, AT(addresses)},
    {"nat", SETTING_LIST, AT(nats)},
    {"published", SETTING_LIST, AT(published)},
    {"own-net", SETTING_LIST, AT(own)},
    {"trusts", SETTING_LIST, AT(trusts)},
    {"passes", SETTING_LIST, AT(passes)},
    {"unpacks", SETTING_LIST, AT(unpacks)},
    {"domain", SETTING_LIST, AT(domains)},
    {"host-name", SETTING_TEXT, AT(host_name)},
    {"mta-version", SETTING_TEXT, AT(version)},
    {"smarthost", SETTING_TEXT, AT(smarthost)},
    {"no-nat", SETTING_FLAG, AT(no_nat)},
    {"hides-clients", SETTING_FLAG, AT(hides)},
};

enum { SETTINGS = sizeof(settings) / sizeof(settings[0]) };

/* --- words ------------------------------------------------------------------------------------ */

static int bad(struct lexer *x, const char *why)
{
    return audit_bad(x->s->joint, (struct audit_place){x->file, x->line}, "%s", why);
}

static void skip(struct lexer *x)
{
    while (x->text.n > 0) {
        char c = x->text.p[0];

        if (c == '#') {
            x->text = span_slice(x->text, span_find(x->text, '\n'), x->text.n);
            continue;
        }
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n' && c != ';')
            return;
        x->line += c == '\n';
        x->text = span_slice(x->text, 1, x->text.n);
    }
}

/* A word, a quoted text, or one of { } = , as itself. NULL: the end. */
static const char *word(struct lexer *x)
{
    const char *text;
    size_t n = 0;

    skip(x);
    if (x->text.n == 0)
        return NULL;
    if (x->text.p[0] == '"') {
        n = span_find(span_slice(x->text, 1, x->text.n), '"') + 1;
        text = audit_dup(x->s->joint, span_slice(x->text, 1, n));
        x->text = span_slice(x->text, n + 1, x->text.n);
        return text;
    }
    if (strchr("{}=,", x->text.p[0]) && x->text.p[0])
        n = 1;
    while (n == 0 || (n < x->text.n && !strchr("{}=,", x->text.p[0]) &&
                      !strchr(" \t\r\n;{}=,#\"", x->text.p[n])))
        n++;
    text = audit_dup(x->s->joint, span_slice(x->text, 0, n));
    x->text = span_slice(x->text, n, x->text.n);
    return text;
}

static bool peek(struct lexer *x, char c)
{
    skip(x);
    return x->text.n > 0 && x->text.p[0] == c;
}

/* --- settings --------------------------------------------------------------------------------- */

static bool yes(const char *value)
{
    return strcmp(value, "yes") == 0 || strcmp(value, "true") == 0 || strcmp(value, "on") == 0;
}

/* "recipients = any": the edge takes mail for every domain. */
static int recipients(struct lexer *x, struct system_host *h, const char *value)
{
    if (strcmp(value, "any") != 0 && strcmp(value, "known") != 0)
        return bad(x, "recipients is 'any' (all domains) or 'known' (our own)");
    h->any_recipient = strcmp(value, "any") == 0;
    h->recipient_place = (struct audit_place){x->file, x->line};
    return 0;
}

static int put(struct lexer *x, struct system_host *h, const struct setting *set, const char *value)
{
    char *base = (char *)h + set->at;
    struct system_list *list = (struct system_list *)(void *)base;

    switch (set->kind) {
    case SETTING_TEXT:
        *(const char **)(void *)base = value;
        if (set->at == AT(smarthost))
            h->smarthost_place = (struct audit_place){x->file, x->line};
        return 0;
    case SETTING_FLAG:
        *(bool *)base = yes(value);
        if (set->at == AT(hides))
            h->keeps = !yes(value);
        return 0;
    case SETTING_LIST:
        break;
    }
    if (list->count >= AUDIT_SYSTEM_VALUES_MAX)
        return bad(x, "too many values of one setting");
    list->at[list->count] = (struct audit_place){x->file, x->line};
    list->v[list->count++] = value;
    return 0;
}

static int read_setting(struct lexer *x, struct system_host *h, const char *name)
{
    const struct setting *set = NULL;
    const char *value;
    int r;

    for (size_t i = 0; i < SETTINGS; i++)
        if (strcmp(settings[i].name, name) == 0)
            set = &settings[i];
    if (!set && strcmp(name, "recipients") != 0)
        return bad(x, audit_fmt(x->s->joint,
                                "'%s' is no setting of a host; see "
                                "postern-audit-system(5)",
                                name));
    if (!peek(x, '='))
        return bad(x, audit_fmt(x->s->joint, "'=' is missing behind %s", name));
    word(x);
    do {
        if (peek(x, ','))
            word(x);
        value = word(x);
        if (!value || strchr("{}=,", value[0]))
            return bad(x, audit_fmt(x->s->joint, "%s has no value", name));
        r = set ? put(x, h, set, value) : recipients(x, h, value);
    } while (r == 0 && peek(x, ','));
    return r;
}

static int read_host(struct lexer *x, const char *role)
{
    static const char *const roles[] = {"server", "edge", "nat"};
    struct system_host *h = &x->s->hosts[x->s->count];
    const char *name;
    int r = 0;

    if (x->s->count >= AUDIT_SYSTEM_HOSTS_MAX)
        return bad(x, "more than 100 hosts");
    *h = (struct system_host){.role = SYSTEM_NAT + 1, .place = {x->file, x->line}};
    for (unsigned i = 0; i < 3; i++)
        if (strcmp(role, roles[i]) == 0)
            h->role = (enum system_role)i;
    if (h->role > SYSTEM_NAT)
        return bad(x, audit_fmt(x->s->joint, "'%s' is no section: edge, nat or server", role));
    name = word(x);
    if (!name || strchr("{}=,", name[0]))
        return bad(x, "a section needs a name: server mail { … }");
    if (system_named(x->s, name))
        return bad(x, audit_fmt(x->s->joint, "a second host is called %s", name));
    h->name = name;
    if (!peek(x, '{'))
        return bad(x, audit_fmt(x->s->joint, "'{' is missing behind %s", name));
    word(x);
    x->s->count++;
    while (r == 0 && !peek(x, '}')) {
        name = word(x);
        r = name ? read_setting(x, h, name) : bad(x, "'}' is missing at the end");
    }
    if (r == 0)
        word(x);
    return r;
}

/* --- checks ----------------------------------------------------------------------------------- */

struct system_host *system_named(struct audit_system *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->hosts[i].name && strcmp(s->hosts[i].name, name) == 0)
            return &s->hosts[i];
    return NULL;
}

static int check(struct audit_system *s, const struct system_host *h)
{
    for (size_t i = 0; i < h->to.count; i++)
        if (!system_named(s, h->to.v[i]))
            return audit_bad(s->joint, h->to.at[i], "no host here is called %s", h->to.v[i]);
    if (h->role == SYSTEM_NAT && (h->addresses.count == 0 || h->to.count == 0))
        return audit_bad(s->joint, h->place,
                         "a nat needs 'inside' (the address that clients get) "
                         "and 'to' (the hosts behind it)");
    if (h->hides && h->addresses.count == 0)
        return audit_bad(s->joint, h->place,
                         "hides-clients needs the 'address' that the edge has "
                         "towards the hosts behind it");
    return 0;
}

int system_parse(struct audit_system *s, const struct audit_source_file *f)
{
    struct lexer x = {s, f->name, f->text, 1};
    const char *role;
    int r = 0;

    while (r == 0 && (role = word(&x)))
        r = read_host(&x, role);
    for (size_t i = 0; i < s->count && r == 0; i++)
        r = check(s, &s->hosts[i]);
    if (r == 0 && s->count == 0)
        r = audit_bad(s->joint, (struct audit_place){f->name, 0},
                      "no host in it; see postern-audit-system(5)");
    return r ? r : s->joint->err;
}
