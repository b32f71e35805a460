/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hMailServer keeps its IP ranges in a table: from its SQL scripts, a dump of the data base, or an
 * export of hm_securityranges with a line of names. Of the ranges that hold an address, that with
 * the highest priority counts, alone.
 *
 * The bits are of SecurityRange.h: deliver from local or remote senders to local or remote
 * recipients, and for each of the four whether a login is needed. Who is "local" is told by MAIL
 * FROM, so local to remote without a login is open to who claims an address of ours.
 */
#include "audit/records.h"

#include "base/num.h"

#include <stdlib.h>

enum {
    BIT_SMTP = 1,
    BIT_LOCAL_TO_REMOTE = 128,
    BIT_REMOTE_TO_REMOTE = 512,
    BIT_LOGIN_LOCAL_TO_REMOTE = 16384,
    BIT_LOGIN_REMOTE_TO_REMOTE = 65536,
    RANGES_MAX = 500,
    COLUMNS_MAX = 40,
};

struct range {
    const char *name;
    unsigned priority, options;
    struct ip low, high;
    struct audit_place place;
};

struct hmail {
    struct audit *a;
    const struct audit_kind *kind;
    const char *file, *domain; /* domain: one of ours, for the witness */
    struct range v[RANGES_MAX + 1];
    size_t count;
    bool seen; /* the table was there */
};

static const char *const usual[] = {
    "rangeid",       "rangepriorityid", "rangelowerip1", "rangelowerip2", "rangeupperip1",
    "rangeupperip2", "rangeoptions",    "rangename",     "rangeexpires",  "rangeexpirestime"};

/* --- rows ------------------------------------------------------------------------------------- */

struct row {
    const char *names[COLUMNS_MAX], *values[COLUMNS_MAX];
    size_t names_count, count;
};

/* Columns of the table, and what the backup and the administrator call them. */
static const char *alias(const char *name)
{
    static const char *const v[][2] = {{"rangename", "Name"},
                                       {"rangepriorityid", "Priority"},
                                       {"rangeoptions", "Options"},
                                       {"rangelowerip1", "LowerIP"},
                                       {"rangeupperip1", "UpperIP"}};

    for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
        if (strcmp(v[i][0], name) == 0)
            return v[i][1];
    return name;
}

static const char *get(const struct row *r, const char *name)
{
    for (size_t i = 0; i < r->names_count && i < r->count; i++)
        if (span_eq_nocase(span_str(r->names[i]), span_str(name)) ||
            span_eq_nocase(span_str(r->names[i]), span_str(alias(name))))
            return r->values[i];
    return NULL;
}

/* Signed, as the data base stores halves of IPv6 addresses. */
static bool number(const char *text, uint64_t *ret)
{
    struct span s = span_trim(span_str(text));
    bool minus = s.n > 0 && s.p[0] == '-';

    if (minus)
        s = span_slice(s, 1, s.n);
    if (!num_u64(s, 0, UINT64_MAX, ret))
        return false;
    if (minus)
        *ret = 0 - *ret;
    return true;
}

static bool row_ip(const struct row *r, const char *first, const char *second, struct ip *ret)
{
    const char *one = get(r, first), *two = get(r, second);
    uint64_t high, low;

    if (!one)
        return false;
    if (ip_parse(span_trim(span_str(one)), ret))
        return true;
    if (!number(one, &high))
        return false;
    if (two && number(two, &low)) {
        *ret = (struct ip){.family = IP_V6};
        for (unsigned i = 0; i < 8; i++) {
            ret->b[7 - i] = (uint8_t)(high >> 8 * i);
            ret->b[15 - i] = (uint8_t)(low >> 8 * i);
        }
        return true;
    }
    *ret = (struct ip){.family = IP_V4};
    num_put32(ret->b, (uint32_t)high);
    return high <= UINT32_MAX;
}

static void add_row(struct hmail *h, const struct row *r, unsigned line)
{
    const char *priority = get(r, "rangepriorityid"), *options = get(r, "rangeoptions");
    const char *name = get(r, "rangename");
    struct range *g = &h->v[h->count];
    uint64_t n, o;

    h->seen = true;
    *g = (struct range){.name = name ? name : "?", .place = {h->file, line}};
    if (!priority || !options || !number(priority, &n) || !number(options, &o) ||
        !row_ip(r, "rangelowerip1", "rangelowerip2", &g->low) ||
        !row_ip(r, "rangeupperip1", "rangeupperip2", &g->high)) {
        audit_bad(h->a, g->place,
                  "a range without priority, options or addresses; export all "
                  "columns of hm_securityranges");
        return;
    }
    g->priority = (unsigned)n;
    g->options = (unsigned)o;
    if (h->count < RANGES_MAX)
        h->count++;
    else
        audit_bad(h->a, g->place, "more than %d ranges; export less", RANGES_MAX);
}

/* --- SQL -------------------------------------------------------------------------------------- */

struct sql {
    struct span text;
    unsigned line;
};

static void skip(struct sql *s, size_t n)
{
    for (size_t i = 0; i < n && i < s->text.n; i++)
        s->line += s->text.p[i] == '\n';
    s->text = span_slice(s->text, n, s->text.n);
}

static void blanks(struct sql *s)
{
    while (s->text.n > 0 && (strchr(" \t\r\n,", s->text.p[0]) && s->text.p[0]))
        skip(s, 1);
}

/* A quoted text, a name in quotes of names, or a bare word. */
static const char *sql_value(struct audit *a, struct sql *s)
{
    struct buf out = BUF_INIT(AUDIT_LINE_MAX);
    char quote = s->text.n > 0 ? s->text.p[0] : '\0';
    const char *text;
    size_t i = 0;

    if (quote == 'N' && s->text.n > 1 && s->text.p[1] == '\'') {
        skip(s, 1);
        quote = '\'';
    }
    if (quote == '\'' || quote == '`' || quote == '"' || quote == '[') {
        char end = quote == '[' ? ']' : quote;

        for (i = 1; i < s->text.n; i++) {
            if (s->text.p[i] == '\\' && i + 1 < s->text.n)
                i++;
            else if (s->text.p[i] == end && i + 1 < s->text.n && s->text.p[i + 1] == end)
                i++;
            else if (s->text.p[i] == end)
                break;
            buf_add_char(&out, s->text.p[i]);
        }
        i++;
    } else {
        while (i < s->text.n && !strchr(",() \t\r\n;", s->text.p[i]))
            buf_add_char(&out, s->text.p[i++]);
        i += i == 0;
    }
    skip(s, i);
    text = audit_dup(a, buf_span(&out));
    buf_deinit(&out);
    return text;
}

/* "(a, b, c)" */
static size_t sql_list(struct audit *a, struct sql *s, const char **v)
{
    size_t n = 0;

    skip(s, 1);
    for (;;) {
        blanks(s);
        if (s->text.n == 0 || audit_failed(a))
            break;
        if (s->text.p[0] == ')') {
            skip(s, 1);
            break;
        }
        if (n < COLUMNS_MAX)
            v[n++] = sql_value(a, s);
        else
            sql_value(a, s);
    }
    return n;
}

static bool next_insert(struct sql *s, const char *table)
{
    for (;;) {
        size_t at = span_find_nocase(s->text, SPAN_LIT("insert into"));
        const char *name;
        size_t n = 0;

        if (at == s->text.n)
            return false;
        skip(s, at + 11);
        while (s->text.n > 0 && strchr(" \t\r\n`\"[", s->text.p[0]) && s->text.p[0])
            skip(s, 1);
        name = s->text.p;
        while (n < s->text.n && (ascii_is_alnum(name[n]) || strchr("_.`]\"", name[n])) && name[n])
            n++;
        at = span_find_nocase(span_slice(s->text, 0, n), span_str(table));
        skip(s, n);
        if (at < n)
            return true;
    }
}

typedef void (*row_fn)(struct hmail *h, const struct row *r, unsigned line);

static void read_inserts(struct hmail *h, struct span text, const char *table,
                         const char *const *columns, size_t columns_count, row_fn fn)
{
    struct sql s = {text, 1};

    while (next_insert(&s, table) && !audit_failed(h->a)) {
        struct row *r = audit_alloc(h->a, sizeof(*r));
        unsigned line;

        for (size_t i = 0; i < columns_count; i++)
            r->names[i] = columns[i];
        r->names_count = columns_count;
        blanks(&s);
        if (s.text.n > 0 && s.text.p[0] == '(')
            r->names_count = sql_list(h->a, &s, r->names);
        blanks(&s);
        if (!span_starts_nocase(s.text, SPAN_LIT("values")))
            continue;
        skip(&s, 6);
        for (blanks(&s); s.text.n > 0 && s.text.p[0] == '(' && !audit_failed(h->a); blanks(&s)) {
            line = s.line;
            r->count = sql_list(h->a, &s, r->values);
            fn(h, r, line);
        }
    }
}

static void domain_row(struct hmail *h, const struct row *r, unsigned line)
{
    const char *name = get(r, "domainname");

    if (!h->domain && name && strchr(name, '.'))
        h->domain = name;
}

/* --- tables with a line of names -------------------------------------------------------------- */

static void trim_row(const char **v, size_t *n)
{
    size_t kept = 0;

    for (size_t i = 0; i < *n; i++) /* "| a | b |" has empty ends */
        if (v[i][0] || (i > 0 && i + 1 < *n))
            v[kept++] = v[i];
    *n = kept;
}

static void read_table(struct hmail *h, struct span text)
{
    struct row *r = audit_alloc(h->a, sizeof(*r));
    struct span head = span_slice(text, span_find_nocase(text, SPAN_LIT("range")), text.n);
    char sep = ',';
    unsigned line = 1;

    head = span_slice(head, 0, span_find(head, '\n'));
    for (const char *c = "\t;|"; *c; c++)
        if (span_find(head, *c) < head.n)
            sep = *c;
    for (bool named = false; !audit_failed(h->a);) {
        unsigned at = line++;
        const char **into = named ? r->values : r->names;
        size_t n;

        if (!audit_csv_line(h->a, &text, sep, into, COLUMNS_MAX, &n, &line))
            break;
        if (sep == '|')
            trim_row(into, &n);
        if (n < 5)
            continue;
        r->count = n;
        if (named)
            add_row(h, r, at);
        else
            r->names_count = n;
        named = true;
    }
}

/* --- the backup ------------------------------------------------------------------------------- */

/* <SecurityRange Name="Internet" LowerIP="0.0.0.0" …/>, as hMailServerBackup.xml has it. */
static void read_backup(struct hmail *h, struct span text)
{
    static const char tag[] = "<SecurityRange ";
    struct sql s = {text, 1};

    while (!audit_failed(h->a)) {
        struct row *r;
        size_t at = span_find_nocase(s.text, span_str(tag));
        unsigned line;

        if (at == s.text.n)
            return;
        skip(&s, at + sizeof(tag) - 1);
        line = s.line;
        r = audit_alloc(h->a, sizeof(*r));
        while (s.text.n > 0 && s.text.p[0] != '>' && r->count < COLUMNS_MAX) {
            size_t eq = span_find(s.text, '=');
            struct span name = span_trim(span_slice(s.text, 0, eq));

            if (eq > span_find(s.text, '>'))
                break;
            skip(&s, eq + 1);
            r->names[r->names_count++] = audit_dup(h->a, name);
            r->values[r->count++] = sql_value(h->a, &s);
            blanks(&s);
        }
        add_row(h, r, line);
    }
}

/* --- judging ---------------------------------------------------------------------------------- */

static int by_priority(const void *pa, const void *pb)
{
    const struct range *a = pa, *b = pb;

    return a->priority > b->priority ? -1 : a->priority < b->priority;
}

/* Whether strangers are in it. */
static int has_strangers(struct hmail *h, const struct relay_nets *nets, struct ip *ret)
{
    struct ip *v = NULL;
    size_t count;
    int r = audit_strangers(h->a, nets, &v, &count), found = 0;

    for (size_t i = 0; r == 0 && i < count && !found; i++)
        for (size_t k = 0; k < nets->count && !found; k++)
            if (ip_prefix_has(nets->v[k], v[i])) {
                *ret = v[i];
                found = 1;
            }
    free(v);
    return r ? r : found;
}

static void trust(struct hmail *h, struct audit_door *d, const struct range *g,
                  const struct relay_nets *nets)
{
    char ip[IP_TEXT_MAX];

    for (size_t i = 0; i < nets->count; i++) {
        struct audit_net *n =
            audit_net_add(h->a, &d->trusted, nets->v[i], false, g->place,
                          span_str(audit_fmt(h->a, "%s/%u (range \"%s\")",
                                             ip_text(nets->v[i].ip, ip), nets->v[i].len, g->name)));

        n->fix = audit_fmt(h->a,
                           "range \"%s\": tick \"Require SMTP authentication\" for external to "
                           "external and local to external",
                           g->name);
    }
}

static int judge(struct hmail *h, struct audit_door *d, const struct range *g,
                 const struct relay_nets *nets)
{
    bool all = (g->options & BIT_REMOTE_TO_REMOTE) && !(g->options & BIT_LOGIN_REMOTE_TO_REMOTE);
    bool local = (g->options & BIT_LOCAL_TO_REMOTE) && !(g->options & BIT_LOGIN_LOCAL_TO_REMOTE);
    const char *domain = h->domain ? h->domain : audit_host_get_name(h->a);
    struct audit_finding *f;
    struct ip client;
    int r;

    if (!(g->options & BIT_SMTP) || (!all && !local))
        return 0;
    r = all ? 0 : has_strangers(h, nets, &client);
    if (r < 0)
        return r;
    if (all || r == 0) {
        trust(h, d, g, nets);
        return 0;
    }
    d->keys |= AUDIT_KEY_SENDER;
    f = audit_find(h->a, "HM02", AUDIT_FORGED, d, g->place);
    f->why = audit_fmt(h->a,
                       "range \"%s\" lets who claims a local sender send anywhere without a "
                       "login",
                       g->name);
    f->witness = audit_witness(
        d, client, audit_fmt(h->a, "info@%s", domain ? domain : "a-domain-of-ours"), NULL);
    f->fix = audit_fmt(h->a,
                       "range \"%s\": tick \"Require SMTP authentication: local to external\" "
                       "(options %u)",
                       g->name, g->options | BIT_LOGIN_LOCAL_TO_REMOTE);
    return 0;
}

static int judge_all(struct hmail *h)
{
    struct audit_door *d =
        audit_door(h->a, h->kind, "SMTP", 25, AUDIT_BIND_ANY, (struct audit_place){h->file, 0});
    struct relay_nets taken = {0};
    int r = 0;

    d->stranger = AUDIT_NO;
    d->login = true;
    if (h->count > 1)
        qsort(h->v, h->count, sizeof(h->v[0]), by_priority);
    for (size_t i = 0; i < h->count && r == 0; i++) {
        struct relay_nets own = {0}, all = {0};

        r = audit_range_add(&own, h->v[i].low, h->v[i].high);
        if (r == 0)
            r = audit_range_add(&all, h->v[i].low, h->v[i].high);
        if (r == 0)
            r = relay_nets_remove_all(&own, &taken);
        if (r == 0)
            r = judge(h, d, &h->v[i], &own);
        for (size_t k = 0; k < all.count && r == 0; k++)
            r = relay_nets_add(&taken, all.v[k]);
        relay_nets_deinit(&own);
        relay_nets_deinit(&all);
    }
    relay_nets_deinit(&taken);
    return r;
}

/* Relays of our own in front, whose Received fields are believed. */
static void incoming_row(struct hmail *h, const struct row *r, unsigned line)
{
    struct relay_nets nets = {0};
    struct ip low, high, client;
    struct audit_finding *f;

    if (!row_ip(r, "relaylowerip1", "relaylowerip2", &low) ||
        !row_ip(r, "relayupperip1", "relayupperip2", &high) ||
        audit_range_add(&nets, low, high) != 0)
        return;
    if (has_strangers(h, &nets, &client) == 1) {
        f = audit_find(h->a, "HM05", AUDIT_LATENT, NULL, (struct audit_place){h->file, line});
        f->kind = h->kind;
        f->why = "strangers are in a range of incoming relays: the address in their own Received "
                 "field is believed";
        f->fix = "name the addresses of the relays in front, no others";
    }
    relay_nets_deinit(&nets);
}

static int hmail_read(struct audit *a, const struct audit_kind *kind, const char *path, bool folder)
{
    static const char *const relays[] = {"relayid",       "relayname",     "relaylowerip1",
                                         "relaylowerip2", "relayupperip1", "relayupperip2"};
    static const char *const domains[] = {"domainid", "domainname"};
    struct audit_source_file f;
    enum audit_file got = audit_text(a, path, &f);
    struct hmail *h;
    int r = 0;

    if (got != AUDIT_FILE_OK)
        return audit_bad(a, (struct audit_place){path, 0}, "%s", audit_file_name(got));
    h = calloc(1, sizeof(*h));
    if (!h)
        return audit_bad(a, (struct audit_place){path, 0}, "out of memory");
    h->a = a;
    h->kind = kind;
    h->file = f.name;
    read_inserts(h, f.text, "hm_domains", domains, 2, domain_row);
    if (span_has_nocase(f.text, SPAN_LIT("insert into")))
        read_inserts(h, f.text, "hm_securityranges", usual, sizeof(usual) / sizeof(usual[0]),
                     add_row);
    else if (span_has_nocase(f.text, SPAN_LIT("<SecurityRange ")))
        read_backup(h, f.text);
    else
        read_table(h, f.text);
    if (audit_error(a)[0])
        r = AUDIT_BAD;
    else if (!h->seen)
        r = audit_bad(
            a, (struct audit_place){path, 0},
            "no rows of hm_securityranges in it; export that table with its column names");
    if (r == 0)
        r = judge_all(h);
    if (r == 0)
        read_inserts(h, f.text, "hm_incoming_relays", relays, 6, incoming_row);
    free(h);
    return r ? r : audit_failed(a);
}

static enum audit_guess hmail_probe(struct audit *a, const struct audit_probe *p)
{
    if (p->folder)
        return AUDIT_GUESS_NO;
    if (span_has_nocase(p->text, SPAN_LIT("hm_securityranges")) ||
        span_has_nocase(p->text, SPAN_LIT("<SecurityRange ")) ||
        span_has_nocase(span_slice(p->text, 0, 400), SPAN_LIT("rangeoptions")))
        return AUDIT_GUESS_SURE;
    return AUDIT_GUESS_NO;
}

const struct audit_kind audit_kind_hmailserver = {
    .name = "hmailserver",
    .title = "hMailServer",
    .reads = "a dump or export of hm_securityranges (SQL, CSV, tabs), or hMailServerBackup.xml",
    .restart = "restart the hMailServer service",
    .rules = {.wide = "HM01", .nat = "HM03"},
    .probe = hmail_probe,
    .read = hmail_read,
};
