/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stalwart: whether a recipient of a foreign domain is taken is one expression, session.rcpt.relay
 * of the TOML up to 0.15 and MtaStageRcpt's allowRelaying of the JSON from 0.16 on; left alone it
 * asks for a login. Expressions are worked out for a stranger at each listener; what they ask of
 * the sender or the HELO he can claim.
 *
 * Settings that live in the server's database are not seen.
 */
#include "audit/mta_stalwart_priv.h"

#include "base/num.h"

#include <jansson.h>

static bool has(struct span s, const char *word)
{
    return span_has_nocase(s, span_str(word));
}

/* --- TOML ------------------------------------------------------------------------------------- */

static struct span bare(struct span s)
{
    s = span_trim(s);
    if (s.n > 1 && (s.p[0] == '"' || s.p[0] == '\''))
        s = span_slice(s, 1, 1 + span_find(span_slice(s, 1, s.n), s.p[0]));
    return s;
}

/* Where the value at the front of s ends. */
static size_t value_end(struct span s)
{
    size_t i = 0, depth = 0;

    for (; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\'')
            i += 1 + span_find(span_slice(s, i + 1, s.n), s.p[i]);
        else if (strchr("[{", s.p[i]))
            depth++;
        else if (strchr("]}", s.p[i]) && depth-- == 0)
            break;
        else if (depth == 0 && s.p[i] == ',')
            break;
    }
    return i < s.n ? i : s.n;
}

/* "[ { if = "…", then = true }, { else = false } ]", or one value. */
static void read_expression(struct stalwart_expression *e, struct span s, struct audit_place place)
{
    struct span cond = SPAN_NULL;

    *e = (struct stalwart_expression){.place = place, .set = true};
    s = span_trim(s);
    if (s.n == 0 || s.p[0] != '[') {
        stalwart_clause(e, SPAN_NULL, bare(s));
        return;
    }
    while (s.n > 0) {
        size_t eq = span_find(s, '='), from = 0;
        struct span key, value;

        while (from < eq && strchr("[{}], \t\n", s.p[from]))
            from++;
        key = span_trim(span_slice(s, from, eq));
        s = span_slice(s, eq + 1, s.n);
        value = span_slice(s, 0, value_end(s));
        s = span_slice(s, value.n, s.n);
        if (span_eq(key, SPAN_LIT("if")))
            cond = bare(value);
        else if (span_eq(key, SPAN_LIT("then")))
            stalwart_clause(e, cond, bare(value));
        else if (span_eq(key, SPAN_LIT("else")))
            stalwart_clause(e, SPAN_NULL, bare(value));
    }
}

static struct stalwart_listener *listener(struct stalwart *s, struct span name,
                                          struct audit_place place)
{
    for (size_t i = 0; i < s->listener_count; i++)
        if (span_eq(span_str(s->listeners[i].name), name))
            return &s->listeners[i];
    if (s->listener_count == STALWART_LISTENERS_MAX)
        return &s->listeners[0];
    s->listeners[s->listener_count] =
        (struct stalwart_listener){.name = audit_dup(s->a, name), .place = place};
    return &s->listeners[s->listener_count++];
}

static void read_binds(struct stalwart_listener *l, struct span s)
{
    while (s.n > 0 && l->binds < 4) {
        struct span one = stalwart_literal(s);

        if (!one.p)
            break;
        l->bind[l->binds++] = one;
        s = span_slice(s, (size_t)(one.p - s.p) + one.n + 1, s.n);
    }
}

static void setting(struct stalwart *s, struct span key, struct span value,
                    struct audit_place place)
{
    static const char prefix[] = "server.listener.";

    if (span_eq(key, SPAN_LIT("session.rcpt.relay"))) {
        read_expression(&s->relay, value, place);
    } else if (span_eq(key, SPAN_LIT("session.auth.require"))) {
        read_expression(&s->require, value, place);
    } else if (span_eq(key, SPAN_LIT("session.rcpt.catch-all")) &&
               !span_eq(bare(value), SPAN_LIT("false"))) {
        audit_note(s->a, "ST05", NULL, place,
                   "all addresses of a domain exist where one is its catch-all: everything is "
                   "taken",
                   "session.rcpt.catch-all = false")
            ->kind = s->kind;
    } else if (span_eq(key, SPAN_LIT("server.proxy.trusted-networks"))) {
        s->proxies = value;
        s->proxies_place = place;
    } else if (span_starts(key, SPAN_LIT("server.listener."))) {
        struct span rest = span_slice(key, strlen(prefix), key.n);
        size_t dot = span_find(rest, '.');
        struct stalwart_listener *l = listener(s, span_slice(rest, 0, dot), place);
        struct span last = span_slice(rest, dot + 1, rest.n);

        if (span_eq(last, SPAN_LIT("bind")))
            read_binds(l, value);
        else if (span_eq(last, SPAN_LIT("protocol")))
            l->protocol = bare(value);
        else if (span_eq(last, SPAN_LIT("proxy.trusted-networks"))) {
            l->proxies = value;
            l->proxies_place = place;
        }
    }
}

/* Dots of the table and of the key, without quotes and blanks. */
static struct span joined(struct stalwart *s, struct span table, struct span key)
{
    struct buf out = BUF_INIT(2048);
    struct span r;

    for (unsigned part = 0; part < 2; part++) {
        struct span t = part ? key : table;

        if (part && table.n > 0)
            buf_add_char(&out, '.');
        for (size_t i = 0; i < t.n; i++)
            if (!strchr("\"' \t", t.p[i]))
                buf_add_char(&out, t.p[i]);
    }
    r = span_of(audit_dup(s->a, buf_span(&out)), out.n);
    buf_deinit(&out);
    return r;
}

static size_t open_brackets(struct span s)
{
    size_t depth = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\'')
            i += 1 + span_find(span_slice(s, i + 1, s.n), s.p[i]);
        else if (strchr("[{", s.p[i]))
            depth++;
        else if (strchr("]}", s.p[i]) && depth > 0)
            depth--;
    }
    return depth;
}

static void read_toml(struct stalwart *s, const struct audit_source_file *f)
{
    struct span table = SPAN_NULL;
    struct audit_lines r;
    struct audit_line line;

    audit_lines_open(&r, s->a, AUDIT_LINES_PLAIN, f);
    while (audit_lines_next(&r, &line) && !audit_failed(s->a)) {
        struct audit_place place = {f->name, line.first};
        struct span t = span_trim(line.text), value;
        size_t eq = span_find(t, '=');
        struct buf more = BUF_INIT(1 << 16);

        if (t.n == 0 || t.p[0] == '#')
            continue;
        if (t.p[0] == '[' && (eq == t.n || span_find(t, ']') < eq)) {
            while (t.n > 0 && t.p[0] == '[')
                t = span_slice(t, 1, t.n);
            table = span_slice(t, 0, span_find(t, ']'));
            continue;
        }
        if (eq == t.n)
            continue;
        value = span_trim(span_slice(t, eq + 1, t.n));
        buf_add(&more, value);
        while (more.err == 0 && open_brackets(buf_span(&more)) > 0 && audit_lines_next(&r, &line)) {
            struct span next = span_trim(line.text);

            buf_add_char(&more, ' ');
            if (next.p[0] != '#')
                buf_add(&more, next);
        }
        value = span_of(audit_dup(s->a, buf_span(&more)), more.n);
        buf_deinit(&more);
        setting(s, joined(s, table, span_slice(t, 0, eq)), value, place);
    }
}

/* --- JSON ------------------------------------------------------------------------------------- */

static struct span json_text(struct stalwart *s, const json_t *v)
{
    if (json_is_true(v))
        return SPAN_LIT("true");
    if (json_is_string(v))
        return span_str(audit_dup(s->a, span_str(json_string_value(v))));
    return SPAN_LIT("false");
}

/* jansson tells no lines: the first that has the word. */
static struct audit_place line_with(const struct stalwart *s, struct span text, const char *word)
{
    size_t at = span_find_nocase(text, span_str(word));
    unsigned line = 1;

    for (size_t i = 0; i < at && at < text.n; i++)
        line += text.p[i] == '\n';
    return (struct audit_place){s->file, at < text.n ? line : 0};
}

static void json_expression(struct stalwart *s, const json_t *v, struct stalwart_expression *e,
                            struct audit_place place)
{
    const json_t *match = json_object_get(v, "match"), *one;
    size_t i;

    *e = (struct stalwart_expression){.place = place, .set = true};
    if (!json_is_object(v)) {
        stalwart_clause(e, SPAN_NULL, json_text(s, v));
        return;
    }
    if (json_is_array(match)) {
        json_array_foreach(match, i, one)
            stalwart_clause(e, json_text(s, json_object_get(one, "if")),
                            json_text(s, json_object_get(one, "then")));
    } else if (json_is_object(match)) {
        const char *key;
        json_t *each = json_object_get(v, "match");

        json_object_foreach(each, key, each)
            stalwart_clause(e, json_text(s, json_object_get(each, "if")),
                            json_text(s, json_object_get(each, "then")));
    }
    stalwart_clause(e, SPAN_NULL, json_text(s, json_object_get(v, "else")));
}

static void json_walk(struct stalwart *s, json_t *v, struct span text, unsigned depth)
{
    const char *type = json_string_value(json_object_get(v, "@type")), *key;
    json_t *child;
    size_t i;

    if (depth > STALWART_NEST_MAX)
        return;
    if (json_is_array(v)) {
        json_array_foreach(v, i, child) json_walk(s, child, text, depth + 1);
        return;
    }
    if (!json_is_object(v))
        return;
    json_object_foreach(v, key, child)
    {
        if (strcmp(key, "allowRelaying") == 0 && json_is_boolean(child) &&
            !(type && strcmp(type, "MtaStageRcpt") == 0) && json_object_get(v, "name")) {
            s->domain_relays = s->domain_relays || json_is_true(child);
            s->domain_place = line_with(s, text, "allowRelaying");
        } else if (strcmp(key, "allowRelaying") == 0) {
            json_expression(s, child, &s->relay, line_with(s, text, "allowRelaying"));
        } else if (strcmp(key, "proxyTrustedNetworks") == 0) {
            char *dump = json_dumps(child, JSON_ENCODE_ANY);

            s->proxies = dump ? span_str(audit_dup(s->a, span_str(dump))) : SPAN_NULL;
            s->proxies_place = line_with(s, text, key);
            free(dump);
        } else {
            json_walk(s, child, text, depth + 1);
        }
    }
}

static int read_json(struct stalwart *s, const struct audit_source_file *f)
{
    json_error_t err;
    json_t *root = json_loadb(f->text.p ? f->text.p : "", f->text.n, 0, &err);

    if (!root)
        return audit_bad(s->a,
                         (struct audit_place){f->name, (unsigned)(err.line > 0 ? err.line : 0)},
                         "no JSON: %s; mend it", err.text);
    json_walk(s, root, f->text, 0);
    json_decref(root);
    return 0;
}

/* --- judging ---------------------------------------------------------------------------------- */

static void add_proxies(struct stalwart *s, struct audit_door *d, struct span list,
                        struct audit_place place)
{
    while (list.n > 0) {
        struct span one = stalwart_literal(list);
        struct ip_prefix net;

        if (!one.p)
            return;
        d->proxy_how = "PROXY";
        if (unix_net(one, &net))
            audit_net_add(s->a, &d->proxies, net, false, place, one)->fix =
                "name only the proxy's own address";
        list = span_slice(list, (size_t)(one.p - list.p) + one.n + 1, list.n);
    }
}

static void judge(struct stalwart *s, struct audit_door *d, const struct stalwart_listener *l)
{
    struct stalwart_asker w = {.l = l, .d = d, .port = d->port, .s = s};
    struct audit_finding *f;
    enum stalwart_tri t, login;

    /* Off port 25 a login is asked for, unless that was changed. */
    login = s->require.set  ? stalwart_decide(&w, &s->require)
            : d->port != 25 ? STALWART_YES
                            : STALWART_NO;
    d->login = true;
    d->silent = login == STALWART_YES;
    d->stranger = AUDIT_NO;
    add_proxies(s, d, l && l->proxies.p ? l->proxies : s->proxies,
                l && l->proxies.p ? l->proxies_place : s->proxies_place);
    if (d->port != 25 && s->require.set && login == STALWART_NO)
        audit_note(s->a, "ST02", d, s->require.place,
                   "a port that is not 25 asks for no login: only session.rcpt.relay is between "
                   "strangers and everybody",
                   "local_port != 25");
    if (d->silent || !s->relay.set)
        return;
    w.asked = 0;
    t = stalwart_decide(&w, &s->relay);
    if (t == STALWART_YES) {
        f = audit_find(s->a, s->file && strstr(s->file, ".json") ? "ST03" : "ST01", AUDIT_OPEN, d,
                       s->relay.place);
        f->why = "recipients of any domain are taken from clients that are not logged in";
        f->witness = audit_witness(d, audit_stranger(NULL, IP_V4), NULL, NULL);
        f->fix = "!is_empty(authenticated_as)";
        d->stranger = AUDIT_YES;
        return;
    }
    if (t == STALWART_DOUBT) {
        f = audit_undecided(s->a, "ST01", AUDIT_OPEN, d, s->relay.place);
        f->why = "whether strangers may relay hangs on an expression that can't be worked out here";
        f->fix = "!is_empty(authenticated_as)";
        d->stranger = AUDIT_UNKNOWN;
        return;
    }
    w.sender = w.helo = true;
    if (w.asked && stalwart_decide(&w, &s->relay) == STALWART_YES) {
        f = audit_find(s->a, "ST01", AUDIT_FORGED, d, s->relay.place);
        f->why = "who claims the sender or HELO that this asks for may send anywhere, and anybody "
                 "can claim it";
        f->witness =
            audit_witness(d, audit_stranger(NULL, IP_V4), "user@a-local-domain.example", NULL);
        f->fix = "!is_empty(authenticated_as)";
        d->keys |= w.asked;
    }
    w.sender = w.helo = false;
    w.collect = true;
    stalwart_decide(&w, &s->relay);
}

static void open_doors(struct stalwart *s)
{
    struct audit_place place = {s->file, 0};
    bool any = false;

    for (size_t i = 0; i < s->listener_count; i++) {
        const struct stalwart_listener *l = &s->listeners[i];

        if (l->protocol.n > 0 && !span_eq(l->protocol, SPAN_LIT("smtp")))
            continue;
        for (size_t k = 0; k < l->binds; k++) {
            struct audit_door *d;
            struct span host;
            uint16_t port = 0;
            struct ip ip;

            if (!ip_host_port(l->bind[k], &host, &port))
                host = SPAN_NULL;
            d = audit_door(s->a, s->kind, l->name, port, audit_bind_of(host, &ip), l->place);
            d->address = ip;
            judge(s, d, l);
            any = true;
        }
    }
    if (!any)
        judge(s, audit_door(s->a, s->kind, "smtp", 25, AUDIT_BIND_ANY, place), NULL);
    if (s->domain_relays) {
        struct audit_finding *f = audit_find(s->a, "ST03", AUDIT_HALF_OPEN, NULL, s->domain_place);

        f->kind = s->kind;
        f->why = "mail for unknown users of this domain is taken and sent on to another host";
        f->fix = "\"allowRelaying\": false";
    }
}

/* --- the row ---------------------------------------------------------------------------------- */

static enum audit_guess stalwart_probe(struct audit *a, const struct audit_probe *p)
{
    if (p->folder) {
        struct audit_source_file f;

        if (audit_text(a, audit_join_path(a, p->path, "config.json"), &f) == AUDIT_FILE_OK &&
            (has(f.text, "MtaStageRcpt") || has(f.text, "allowRelaying")))
            return AUDIT_GUESS_SURE;
        return audit_text(a, audit_join_path(a, p->path, "config.toml"), &f) == AUDIT_FILE_OK &&
                       (has(f.text, "server.listener") || has(f.text, "session.rcpt"))
                   ? AUDIT_GUESS_SURE
                   : AUDIT_GUESS_NO;
    }
    if (has(p->text, "[server.listener") || has(p->text, "session.rcpt") ||
        has(p->text, "MtaStageRcpt"))
        return AUDIT_GUESS_SURE;
    return has(p->text, "\"allowRelaying\"") || has(p->text, "proxyTrustedNetworks")
               ? AUDIT_GUESS_LIKELY
               : AUDIT_GUESS_NO;
}

static int stalwart_read(struct audit *a, const struct audit_kind *kind, const char *path,
                         bool folder)
{
    struct stalwart *s = audit_alloc(a, sizeof(*s));
    struct audit_source_file f;
    enum audit_file got;
    struct span text;

    if (audit_failed(a))
        return 0;
    audit_alias(a, "/opt/stalwart/etc", folder ? path : audit_dirname(a, path));
    if (folder)
        path = audit_join_path(a, path,
                               audit_there(a, audit_join_path(a, path, "config.toml"))
                                   ? "config.toml"
                                   : "config.json");
    got = audit_text(a, path, &f);
    if (got != AUDIT_FILE_OK)
        return audit_bad(a, (struct audit_place){path, 0}, "%s", audit_file_name(got));
    *s = (struct stalwart){.a = a, .kind = kind, .file = f.name};
    text = span_trim(f.text);
    if (text.n > 0 && (text.p[0] == '{' ||
                       (text.p[0] == '[' && span_ends_nocase(span_str(path), SPAN_LIT(".json"))))) {
        if (read_json(s, &f) != 0)
            return AUDIT_BAD;
    } else {
        read_toml(s, &f);
    }
    if (!audit_failed(a))
        open_doors(s);
    return 0;
}

const struct audit_kind audit_kind_stalwart = {
    .name = "stalwart",
    .title = "Stalwart",
    .reads = "config.toml, or a JSON export of its settings",
    .restart = "systemctl restart stalwart",
    .rules = {.wide = "ST01", .nat = "ST01", .proxy = "ST04"},
    .probe = stalwart_probe,
    .read = stalwart_read,
};
