/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Exchange 2007 to SE, from what its shell prints: receive connectors, their permissions, accepted
 * domains, send connectors, the recipient filter. Any of them in one file or several, as list, CSV
 * or JSON.
 *
 * A session belongs to the connector with the narrowest range that holds its address, of those with
 * its port. It may relay when its account there has ms-Exch-SMTP-Accept-Any-Recipient; anonymous
 * sessions have the account ANONYMOUS LOGON, whose name Windows translates and whose SID it does
 * not. A connector that is "externally secured" takes every session for an Exchange server's.
 *
 * The group AnonymousUsers alone gives no right to relay: an auditor who flags it flags every
 * server that receives mail.
 */
#include "audit/records.h"

#include "base/num.h"

#include <stdlib.h>

enum { CONNECTORS_MAX = 500 };

struct connector {
    const struct audit_record *r;
    const char *name;
    struct relay_nets nets; /* of the heap */
    struct span ranges;
    bool anonymous, any, denied, submit, external, disabled, custom, known, cut;
    struct audit_place right; /* of the permission */
    unsigned port;
    enum audit_bind bind;
};

struct exchange {
    struct audit *a;
    const struct audit_kind *kind;
    struct connector v[CONNECTORS_MAX];
    size_t count;
    const struct audit_record *all;
    bool permissions; /* some were given */
};

extern const struct audit_kind audit_kind_exchange_external;

/* --- recognising records ---------------------------------------------------------------------- */

static bool is_connector(const struct audit_record *r)
{
    return audit_record_find(r, "Bindings") &&
           (audit_record_find(r, "RemoteIPRanges") || audit_record_find(r, "PermissionGroups") ||
            audit_record_find(r, "AuthMechanism"));
}

static bool is_permission(const struct audit_record *r)
{
    return audit_record_find(r, "User") &&
           (audit_record_find(r, "ExtendedRights") || audit_record_find(r, "AccessRights"));
}

/* --- accounts --------------------------------------------------------------------------------- */

/* Whether the SID stands there as a whole: S-1-5-7, not S-1-5-70. */
static bool has_sid(struct span s, struct span sid)
{
    size_t at = span_find_nocase(s, sid);

    return at < s.n &&
           (at + sid.n == s.n || !(ascii_is_digit(s.p[at + sid.n]) || s.p[at + sid.n] == '-'));
}

/* The well-known account in the languages of Windows; its SID where the export has that. */
static bool anonymous(const char *user)
{
    static const char *const parts[] = {
        "ANONYM",        /* ANONYMOUS LOGON, ANONYMOUS-ANMELDUNG */
        "ANONIM",        /* Italian, Polish */
        "AN\xC3\x93NIM", /* Spanish, Portuguese */
        "AN\xC3\xB3nim",
        "AN\xC3\x94NIM", /* Brazilian */
        "AN\xC3\xB4nim",
        "N\xC3\x89VTELEN",                                  /* Hungarian */
        "\xD0\x90\xD0\x9D\xD0\x9E\xD0\x9D\xD0\x98\xD0\x9C", /* Russian */
        "\xD0\x90\xD0\xBD\xD0\xBE\xD0\xBD\xD0\xB8\xD0\xBC",
        "\xE5\x8C\xBF\xE5\x90\x8D", /* Chinese, Japanese */
    };
    struct span u = span_str(user);

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (span_has_nocase(u, span_str(parts[i])))
            return true;
    return has_sid(u, SPAN_LIT("S-1-5-7"));
}

/* "SERVER\Connector" and "Connector" are one; distinguished names begin with "CN=Connector,". */
static bool same_name(const char *identity, const struct audit_record *r)
{
    static const char *const fields[] = {"Identity", "Name", "DistinguishedName"};
    struct span id = span_str(identity), tail = id;
    size_t slash = span_rfind(id, '\\');

    if (slash < id.n)
        tail = span_slice(id, slash + 1, id.n);
    if (span_starts_nocase(tail, SPAN_LIT("CN=")))
        tail = span_slice(tail, 3, span_find(tail, ','));
    for (size_t i = 0; i < 3; i++) {
        struct span own = span_str(audit_record_get(r, fields[i]));
        size_t s = span_rfind(own, '\\');

        if (own.n == 0)
            continue;
        if (span_eq_nocase(own, id))
            return true;
        /* A server that is named must be the same one. */
        if (slash < id.n && s < own.n)
            continue;
        if (span_eq_nocase(s < own.n ? span_slice(own, s + 1, own.n) : own, tail))
            return true;
    }
    return false;
}

static bool right(const struct audit_record *r, const char *name)
{
    const char *v = audit_record_get(r, "ExtendedRights");

    return v && (audit_list_has(v, name) || audit_list_has(v, "All"));
}

static void permissions(struct exchange *x, struct connector *c)
{
    for (const struct audit_record *r = x->all; r; r = r->next) {
        const char *user, *identity = audit_record_get(r, "Identity");

        if (!is_permission(r) || !identity || !same_name(identity, c->r))
            continue;
        c->known = true;
        user = audit_record_get(r, "User");
        if (!anonymous(user))
            continue;
        if (right(r, "ms-Exch-SMTP-Submit"))
            c->submit = true;
        if (right(r, "ms-Exch-SMTP-Accept-Authoritative-Domain-Sender") &&
            !audit_record_true(r, "Deny"))
            audit_note(x->a, "XC06", NULL, audit_record_place(r, "ExtendedRights"),
                       "anonymous sessions may claim senders of the own domains",
                       "Remove-ADPermission of ms-Exch-SMTP-Accept-Authoritative-Domain-Sender")
                ->kind = x->kind;
        if (!right(r, "ms-Exch-SMTP-Accept-Any-Recipient"))
            continue;
        if (audit_record_true(r, "Deny")) {
            c->denied = true;
        } else {
            c->any = true;
            c->right = audit_record_place(r, "ExtendedRights");
        }
    }
}

/* --- connectors ------------------------------------------------------------------------------- */

/* A name of a flag, or its bit where JSON has the sum. */
static bool flag(const struct audit_record *r, const char *name, const char *word, unsigned bit)
{
    const char *v = audit_record_get(r, name);
    unsigned sum;

    if (v && num_uint(span_str(v), 0, 1u << 20, &sum))
        return sum & bit;
    return v && audit_list_has(v, word);
}

static int read_ranges(struct exchange *x, struct connector *c)
{
    const char *list = audit_record_get(c->r, "RemoteIPRanges");
    struct span rest, one;
    struct ip low, high;
    int r = 0;

    if (!list)
        return relay_nets_add_all(&c->nets);
    c->ranges = span_str(list);
    for (rest = c->ranges; r == 0 && audit_list_next(&rest, &one);) {
        if (span_ends_nocase(one, SPAN_LIT("...")) || span_has_nocase(one, SPAN_LIT("Multi")))
            c->cut = true;
        else if (audit_range_parse(one, &low, &high))
            r = audit_range_add(&c->nets, low, high);
        else
            c->cut = true;
    }
    return r;
}

static void read_binding(struct connector *c)
{
    struct span rest = span_str(audit_record_get(c->r, "Bindings")), one, host;
    uint16_t port = 0;
    struct ip ip;

    while (audit_list_next(&rest, &one) && !c->port)
        if (ip_host_port(one, &host, &port) && port) {
            c->port = port;
            c->bind = audit_bind_of(host, &ip);
        }
    if (!c->port)
        c->port = 25;
}

static int read_connector(struct exchange *x, const struct audit_record *r)
{
    struct connector *c = &x->v[x->count++];
    const char *name = audit_record_get(r, "Name"), *enabled = audit_record_get(r, "Enabled");
    const char *groups = audit_record_get(r, "PermissionGroups");

    *c = (struct connector){.r = r, .name = name ? name : audit_record_get(r, "Identity")};
    c->name = c->name ? c->name : "receive connector";
    c->anonymous = !groups || flag(r, "PermissionGroups", "AnonymousUsers", 1);
    c->custom = flag(r, "PermissionGroups", "Custom", 32);
    c->external = flag(r, "AuthMechanism", "ExternalAuthoritative", 32) &&
                  (!groups || flag(r, "PermissionGroups", "ExchangeServers", 4));
    c->disabled = enabled && !audit_record_true(r, "Enabled");
    read_binding(c);
    permissions(x, c);
    x->permissions = x->permissions || c->known;
    return read_ranges(x, c);
}

/* Who is a narrower connector's session is not this one's. */
static int narrower(struct exchange *x, const struct connector *c, const struct connector *other,
                    struct relay_nets *left)
{
    int r = 0;

    if (other == c || other->disabled || other->port != c->port || other->cut)
        return 0;
    for (size_t i = 0; i < other->nets.count && r == 0; i++)
        for (size_t k = 0; k < c->nets.count && r == 0; k++)
            if (other->nets.v[i].len > c->nets.v[k].len &&
                ip_prefix_has(c->nets.v[k], other->nets.v[i].ip))
                r = relay_nets_remove(left, other->nets.v[i]);
    return r;
}

/* --- findings --------------------------------------------------------------------------------- */

static const char *fix_of(struct exchange *x, const struct connector *c)
{
    if (c->external)
        return audit_fmt(x->a,
                         "Set-ReceiveConnector \"%s\" -AuthMechanism Tls -PermissionGroups "
                         "AnonymousUsers",
                         c->name);
    return audit_fmt(x->a,
                     "Get-ReceiveConnector \"%s\" | Get-ADPermission -User \"S-1-5-7\" | where "
                     "{$_.ExtendedRights -like \"*Accept-Any-Recipient\"} | Remove-ADPermission",
                     c->name);
}

static int trust(struct exchange *x, struct connector *c, struct audit_door *d)
{
    struct relay_nets left = {0};
    char ip[IP_TEXT_MAX];
    int r = 0;

    for (size_t i = 0; i < c->nets.count && r == 0; i++)
        r = relay_nets_add(&left, c->nets.v[i]);
    for (size_t i = 0; i < x->count && r == 0; i++)
        r = narrower(x, c, &x->v[i], &left);
    for (size_t i = 0; i < left.count && r == 0; i++) {
        const char *text = audit_fmt(x->a, "%s/%u", ip_text(left.v[i].ip, ip), left.v[i].len);
        struct audit_net *n =
            audit_net_add(x->a, &d->trusted, left.v[i], false,
                          c->right.file ? c->right : audit_record_place(c->r, "RemoteIPRanges"),
                          span_str(audit_fmt(x->a, "%s of connector %s", text, c->name)));

        n->fix = fix_of(x, c);
    }
    relay_nets_deinit(&left);
    return r;
}

static void unsure(struct exchange *x, struct connector *c, struct audit_door *d, const char *why,
                   const char *fix)
{
    struct audit_finding *f =
        audit_undecided(x->a, "XC01", AUDIT_OPEN, d, audit_record_place(c->r, "PermissionGroups"));

    f->why = why;
    f->fix = fix;
}

static bool whole_world(const struct connector *c)
{
    for (size_t i = 0; i < c->nets.count; i++)
        if (c->nets.v[i].len == 0)
            return true;
    return false;
}

static bool by_setup(const char *name)
{
    static const char *const heads[] = {"Default ", "Client ", "Outbound Proxy "};

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        if (span_starts_nocase(span_str(name), span_str(heads[i])))
            return true;
    return strstr(name, "Default") != NULL;
}

static int judge(struct exchange *x, struct connector *c)
{
    const struct audit_kind *kind = c->external ? &audit_kind_exchange_external : x->kind;
    struct audit_door *d = audit_door(x->a, kind, c->name, c->port, c->bind,
                                      (struct audit_place){c->r->file, c->r->line});
    bool relays = c->external || (c->any && !c->denied && (c->anonymous || c->submit));

    d->silent = !c->anonymous && !c->external;
    if (c->anonymous && c->port != 25 && c->port != 587 && c->port != 465 &&
        audit_record_get(c->r, "PermissionGroups"))
        audit_note(x->a, "XC08", d, audit_record_place(c->r, "Bindings"),
                   audit_fmt(x->a,
                             "anonymous sessions come in at port %u too, past what guards "
                             "port 25",
                             c->port),
                   "let a firewall pass that port from the other Exchange servers alone");
    d->login = true;
    d->stranger = AUDIT_NO;
    if (relays && c->cut)
        unsure(x, c, d,
               audit_fmt(x->a, "connector %s relays, and its address ranges are cut off", c->name),
               "$FormatEnumerationLimit = -1 before the export");
    if (relays)
        return trust(x, c, d);
    if (c->anonymous && !c->known && (c->custom || !by_setup(c->name)) && whole_world(c))
        unsure(x, c, d,
               audit_fmt(x->a,
                         "connector %s takes anonymous sessions of everybody, and its "
                         "permissions are not given",
                         c->name),
               "Get-ReceiveConnector | Get-ADPermission | fl Identity,User,Deny,ExtendedRights");
    return 0;
}

static void accepted_domain(struct exchange *x, const struct audit_record *r, bool filtered)
{
    const char *domain = audit_record_get(r, "DomainName"),
               *type = audit_record_get(r, "DomainType");
    const char *book = audit_record_get(r, "AddressBookEnabled");
    bool relay =
        type && (audit_list_has(type, "InternalRelay") || audit_list_has(type, "ExternalRelay") ||
                 audit_list_has(type, "1") || audit_list_has(type, "2"));
    bool internal = type && (audit_list_has(type, "InternalRelay") || audit_list_has(type, "2"));
    struct audit_finding *f;

    if (!domain || !relay)
        return;
    if (strcmp(domain, "*") == 0) {
        f = audit_find(x->a, "XC04", AUDIT_OPEN, NULL, audit_record_place(r, "DomainName"));
        f->kind = x->kind;
        f->why = audit_fmt(x->a,
                           "every domain is accepted (\"*\" as %s), so any client may send "
                           "anywhere",
                           type);
        f->witness = audit_witness(NULL, audit_stranger(NULL, IP_V4), NULL, NULL);
        f->witness.port = 25;
        f->fix = "Remove-AcceptedDomain of the domain \"*\"";
    } else if (internal && book && !audit_record_true(r, "AddressBookEnabled") && !filtered) {
        f = audit_find(x->a, "XC05", AUDIT_HALF_OPEN, NULL,
                       audit_record_place(r, "AddressBookEnabled"));
        f->kind = x->kind;
        f->why = audit_fmt(x->a,
                           "recipients of %s are not looked up: what does not exist is taken, "
                           "passed on and bounced",
                           domain);
        f->unless = "the next host refuses unknown recipients in its dialogue";
        f->fix = audit_fmt(x->a,
                           "Set-AcceptedDomain %s -AddressBookEnabled $true; "
                           "Set-RecipientFilterConfig -RecipientValidationEnabled $true",
                           domain);
    }
}

static bool recipients_filtered(const struct audit_record *all)
{
    for (; all; all = all->next)
        if (audit_record_true(all, "RecipientValidationEnabled"))
            return true;
    return false;
}

/* Where foreign mail goes: a tenant's smarthost signs what an open connector lets through. */
static void smarthost(struct exchange *x, const struct audit_record *r)
{
    const char *hosts = audit_record_get(r, "SmartHosts");
    const char *spaces = audit_record_get(r, "AddressSpaces");
    const struct audit_door *const *doors;
    struct span rest = span_str(hosts), one;
    size_t count;

    if (!spaces || !span_has_nocase(span_str(spaces), SPAN_LIT("*")) ||
        !audit_list_next(&rest, &one))
        return;
    doors = audit_doors(x->a, &count);
    for (size_t i = 0; i < count; i++)
        if (doors[i]->kind == x->kind || doors[i]->kind == &audit_kind_exchange_external) {
            struct audit_door *d = audit_door_edit(x->a, i);

            d->smarthost = audit_dup(x->a, one);
            d->smarthost_place = audit_record_place(r, "SmartHosts");
        }
}

/* --- the interpreter -------------------------------------------------------------------------- */

static enum audit_guess exchange_probe(struct audit *a, const struct audit_probe *p)
{
    struct span t = p->text;

    if (p->folder)
        return AUDIT_GUESS_NO;
    if ((span_has_nocase(t, SPAN_LIT("RemoteIPRanges")) ||
         span_has_nocase(t, SPAN_LIT("PermissionGroups"))) &&
        span_has_nocase(t, SPAN_LIT("Bindings")))
        return AUDIT_GUESS_SURE;
    if (span_has_nocase(t, SPAN_LIT("ms-Exch-SMTP-")) ||
        span_has_nocase(t, SPAN_LIT("New-ReceiveConnector")) ||
        span_has_nocase(t, SPAN_LIT("Set-ReceiveConnector")))
        return AUDIT_GUESS_LIKELY;
    if (span_has_nocase(t, SPAN_LIT("DomainType")) &&
        (span_has_nocase(t, SPAN_LIT("Authoritative")) || span_has_nocase(t, SPAN_LIT("Relay"))))
        return AUDIT_GUESS_LIKELY;
    return span_has_nocase(t, SPAN_LIT("AddressSpaces")) ||
                   span_has_nocase(t, SPAN_LIT("RecipientValidationEnabled"))
               ? AUDIT_GUESS_LIKELY
               : AUDIT_GUESS_NO;
}

static int judge_all(struct exchange *x)
{
    const struct audit_record *r;
    int err = 0;

    for (r = x->all; r && err == 0; r = r->next)
        if (is_connector(r) && !audit_record_find(r, "AddressSpaces") && x->count < CONNECTORS_MAX)
            err = read_connector(x, r);
    for (size_t i = 0; i < x->count && err == 0; i++)
        if (!x->v[i].disabled)
            err = judge(x, &x->v[i]);
    for (r = x->all; r && err == 0; r = r->next) {
        if (audit_record_find(r, "DomainType"))
            accepted_domain(x, r, recipients_filtered(x->all));
        if (audit_record_find(r, "AddressSpaces"))
            smarthost(x, r);
    }
    for (size_t i = 0; i < x->count; i++)
        relay_nets_deinit(&x->v[i].nets);
    return err;
}

/* Whether it is output rather than a script: then "Bindings" stands at the beginning of a line. */
static bool listed(struct span text)
{
    struct span line;

    while (span_cut(&text, '\n', &line))
        if (span_starts_nocase(line, SPAN_LIT("Bindings ")) ||
            span_starts_nocase(line, SPAN_LIT("ExtendedRights ")) ||
            span_starts_nocase(line, SPAN_LIT("DomainType ")) ||
            span_starts_nocase(line, SPAN_LIT("Identity ")))
            return true;
    return false;
}

/* All exports of one server are judged together, when the last of them is read. */
static int exchange_read(struct audit *a, const struct audit_kind *kind, const char *path,
                         bool folder)
{
    struct audit_record *first = NULL, **end = &first;
    struct exchange *x;
    size_t count;
    const char *const *paths = audit_inputs(a, kind, &count);
    int r = 0;

    if (count == 0 || strcmp(paths[0], path) != 0)
        return 0; /* read with the first */
    for (size_t i = 0; i < count && r == 0; i++) {
        struct audit_source_file f;
        enum audit_file got = audit_text(a, paths[i], &f);

        if (got != AUDIT_FILE_OK)
            return audit_bad(a, (struct audit_place){paths[i], 0}, "%s", audit_file_name(got));
        if (!listed(f.text) && audit_records_shell(a, &f, end))
            ;
        else
            r = audit_records_read(a, &f, end);
        if (r == 0 && !*end)
            r = audit_bad(a, (struct audit_place){paths[i], 0},
                          "no records of Exchange; export with '| fl', Export-Csv or "
                          "ConvertTo-Json");
        while (*end)
            end = &(*end)->next;
    }
    x = r == 0 ? calloc(1, sizeof(*x)) : NULL;
    if (r != 0 || !x)
        return r ? r : audit_bad(a, (struct audit_place){path, 0}, "out of memory");
    x->a = a;
    x->kind = kind;
    x->all = first;
    r = judge_all(x);
    free(x);
    return r;
}

const struct audit_kind audit_kind_exchange = {
    .name = "exchange",
    .title = "Exchange",
    .reads = "output of Get-ReceiveConnector, Get-ADPermission, Get-AcceptedDomain",
    .restart = "Restart-Service MSExchangeFrontEndTransport, MSExchangeTransport",
    .rules = {.wide = "XC01", .nat = "XC03"},
    .probe = exchange_probe,
    .read = exchange_read,
};

/* Connectors that are externally secured: the same, by another rule. */
const struct audit_kind audit_kind_exchange_external = {
    .name = "exchange",
    .title = "Exchange",
    .restart = "Restart-Service MSExchangeFrontEndTransport, MSExchangeTransport",
    .rules = {.wide = "XC02", .nat = "XC03"},
};
