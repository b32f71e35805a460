/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Exim's string expansion, as far as it can be known without a session. A value is known, or of the
 * stranger's choice (what he writes into the message, what DNS says of him), or in doubt (a
 * database, a program). A value that is partly in doubt is in doubt as a whole.
 *
 * Branches that are not taken are read over with `skip`, because only reading tells where they end:
 * a "{" in plain text does not open anything, a "}" ends the part that it stands in.
 */
#include "audit/mta_exim_priv.h"

#include "base/num.h"

#include <stdio.h>

enum { TEXT_MAX = 1 << 18 };

struct exim_value exim_known(struct span s)
{
    return (struct exim_value){.state = EXIM_YES, .text = s};
}

struct exim_value exim_unknown(struct exim_run *r, struct audit_place place, const char *why)
{
    exim_doubt(r, place, why);
    return (struct exim_value){.state = EXIM_DOUBT};
}

void exim_value_join(struct exim_value *into, const struct exim_value *part)
{
    if (part->state == EXIM_DOUBT || into->state == EXIM_DOUBT)
        into->state = EXIM_DOUBT;
    else if (part->state == EXIM_ANY)
        into->state = EXIM_ANY;
    into->from |= part->from;
    into->fail = into->fail || part->fail;
}

void exim_skip_blank(struct exim_expand *e)
{
    size_t i = 0;

    while (i < e->s.n && strchr(" \t\n\r", e->s.p[i]) && e->s.p[i])
        i++;
    e->s = span_slice(e->s, i, e->s.n);
}

bool exim_take(struct exim_expand *e, char c)
{
    if (e->s.n == 0 || e->s.p[0] != c)
        return false;
    e->s = span_slice(e->s, 1, e->s.n);
    return true;
}

struct span exim_take_name(struct exim_expand *e)
{
    size_t i = 0;

    while (i < e->s.n && (ascii_is_alnum(e->s.p[i]) || e->s.p[i] == '_'))
        i++;
    struct span name = span_slice(e->s, 0, i);

    e->s = span_slice(e->s, i, e->s.n);
    return name;
}

/* --- variables -------------------------------------------------------------------------------- */

static struct exim_value text_from(const char *text, unsigned from)
{
    return (struct exim_value){.state = EXIM_YES, .from = from, .text = span_str(text ? text : "")};
}

static const char *ip_string(struct exim_run *r)
{
    char text[IP_TEXT_MAX];

    /* An address that nobody names: text of a kind that no list holds. */
    return r->w.client.family ? audit_fmt(r->a, "%s", ip_text(r->w.client, text))
                              : "254.254.254.254";
}

static struct span part(const char *address, bool domain)
{
    struct span s = span_str(address);
    size_t at = span_rfind(s, '@');

    if (at == s.n)
        return domain ? SPAN_NULL : s;
    return domain ? span_slice(s, at + 1, s.n) : span_slice(s, 0, at);
}

/* What tells about the client and the envelope. */
static bool session_variable(struct exim_run *r, struct span name, struct exim_value *ret)
{
    const struct exim_world *w = &r->w;
    char port[12];

    if (span_eq(name, SPAN_LIT("sender_host_address"))) {
        *ret = text_from(ip_string(r), EXIM_FROM_CLIENT);
    } else if (span_eq(name, SPAN_LIT("sender_host_name"))) {
        *ret = text_from(w->ptr, EXIM_FROM_PTR);
    } else if (span_eq(name, SPAN_LIT("sender_helo_name"))) {
        *ret = text_from(w->helo, EXIM_FROM_HELO);
    } else if (span_eq(name, SPAN_LIT("sender_address")) ||
               span_eq(name, SPAN_LIT("return_path"))) {
        *ret = text_from(w->sender, EXIM_FROM_SENDER);
    } else if (span_eq(name, SPAN_LIT("sender_address_domain"))) {
        *ret = exim_known(part(w->sender, true));
        ret->from = EXIM_FROM_SENDER_DOMAIN;
    } else if (span_eq(name, SPAN_LIT("sender_address_local_part"))) {
        *ret = exim_known(part(w->sender, false));
        ret->from = EXIM_FROM_SENDER;
    } else if (span_eq(name, SPAN_LIT("local_part")) ||
               span_eq(name, SPAN_LIT("original_local_part"))) {
        *ret = text_from(w->rcpt_local, EXIM_FROM_RCPT | EXIM_FROM_LOCAL);
    } else if (span_eq(name, SPAN_LIT("domain")) || span_eq(name, SPAN_LIT("original_domain"))) {
        *ret = text_from(w->rcpt_domain, EXIM_FROM_RCPT);
    } else if (span_eq(name, SPAN_LIT("recipients")) || span_eq(name, SPAN_LIT("recipient_data"))) {
        *ret = text_from(audit_fmt(r->a, "%s@%s", w->rcpt_local, w->rcpt_domain), EXIM_FROM_RCPT);
    } else if (span_eq(name, SPAN_LIT("interface_port")) ||
               span_eq(name, SPAN_LIT("received_port"))) {
        snprintf(port, sizeof(port), "%u", w->port ? w->port : 25);
        *ret = text_from(audit_dup(r->a, span_str(port)), 0);
    } else if (span_eq(name, SPAN_LIT("authenticated_id")) ||
               span_eq(name, SPAN_LIT("sender_host_authenticated"))) {
        *ret = text_from(w->login ? "user" : "", 0);
    } else if (span_eq(name, SPAN_LIT("interface_address")) ||
               span_eq(name, SPAN_LIT("received_ip_address"))) {
        *ret = (struct exim_value){.state = EXIM_ANY};
    } else {
        return false;
    }
    return true;
}

static struct exim_value auth_variable(struct exim_run *r, unsigned i)
{
    struct exim_value v = {.state = EXIM_ANY};

    if (i < 3 && r->w.auth[i])
        v = exim_known(span_str(r->w.auth[i]));
    return v;
}

/* Numbers, and names of one run. */
static bool run_variable(struct exim_run *r, struct span name, struct exim_value *ret)
{
    unsigned n;

    for (const struct exim_variable *v = r->variables; v; v = v->next)
        if (span_eq(name, span_str(v->name))) {
            *ret = exim_known(v->text);
            ret->state = v->state;
            return true;
        }
    if (num_uint(name, 0, 9, &n)) {
        *ret = exim_known(r->captures[n]);
        if (r->w.auth[0] && n >= 1 && n <= 3)
            *ret = auth_variable(r, n - 1);
        return true;
    }
    if (span_starts(name, SPAN_LIT("auth")) && num_uint(span_slice(name, 4, name.n), 1, 3, &n))
        *ret = auth_variable(r, n - 1);
    else if (span_eq(name, SPAN_LIT("value")))
        *ret = (struct exim_value){
            .state = r->value_state == EXIM_DOUBT || r->value_state == EXIM_ANY ? r->value_state
                                                                                : EXIM_YES,
            .text = r->value};
    else if (span_eq(name, SPAN_LIT("item")))
        *ret = exim_known(r->item);
    else if (span_starts(name, SPAN_LIT("acl_arg")) &&
             num_uint(span_slice(name, 7, name.n), 1, 9, &n))
        *ret = exim_known(r->args[n - 1]);
    else if (span_starts(name, SPAN_LIT("acl_c")) || span_starts(name, SPAN_LIT("acl_m")) ||
             span_starts(name, SPAN_LIT("acl_narg")))
        *ret = exim_known(SPAN_NULL); /* never set: empty */
    else
        return false;
    return true;
}

/* What the host says of itself. */
static bool host_variable(struct exim_run *r, struct span name, struct audit_place place,
                          struct exim_value *ret)
{
    const struct exim_option *o = exim_option(r->c->options, "primary_hostname");
    const char *host = audit_host_get_name(r->a);
    bool qualify =
        span_eq(name, SPAN_LIT("qualify_domain")) || span_eq(name, SPAN_LIT("qualify_recipient"));

    if (!qualify && !span_eq(name, SPAN_LIT("primary_hostname")) &&
        !span_eq(name, SPAN_LIT("smtp_active_hostname")))
        return false;
    if (qualify && exim_option(r->c->options, "qualify_domain"))
        o = exim_option(r->c->options, "qualify_domain");
    if (o && r->depth < EXIM_DEPTH_MAX && span_find(o->value.s, '$') == o->value.s.n)
        *ret = exim_known(o->value.s);
    else if (host)
        *ret = exim_known(span_str(host));
    else
        *ret = exim_known(SPAN_LIT("this.host.invalid"));
    return true;
}

struct exim_value exim_variable(struct exim_run *r, struct span name, struct audit_place place)
{
    static const char *const empty[] = {
        "local_part_suffix", "local_part_prefix",     "home",
        "parent_domain",     "host_lookup_failed",    "rcpt_fail_count",
        "local_user_uid",    "authenticated_fail_id", "caller_uid"};
    static const char *const zero[] = {"rcpt_count",
                                       "recipients_count",
                                       "rcpt_fail_count",
                                       "rcpt_defer_count",
                                       "host_lookup_deferred",
                                       "acl_verify_message",
                                       "smtp_count_at_connection_start"};
    struct exim_value v;

    if (session_variable(r, name, &v) || run_variable(r, name, &v) ||
        host_variable(r, name, place, &v))
        return v;
    for (size_t i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
        if (span_eq(name, span_str(zero[i])))
            return exim_known(SPAN_LIT("0"));
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
        if (span_eq(name, span_str(empty[i])))
            return exim_known(SPAN_NULL);
    if (span_eq(name, SPAN_LIT("domain_data")) || span_eq(name, SPAN_LIT("local_part_data")) ||
        span_eq(name, SPAN_LIT("sender_data")))
        return exim_unknown(r, place, "depends on what an earlier lookup gave");
    if (span_eq(name, SPAN_LIT("config_dir")))
        return exim_known(span_str(audit_dirname(r->a, r->c->file)));
    if (span_eq(name, SPAN_LIT("spool_directory")))
        return exim_known(SPAN_LIT("/var/spool/exim4"));
    /* All others are the stranger's, the message's or the moment's. */
    return (struct exim_value){.state = EXIM_ANY};
}

/* --- parts ------------------------------------------------------------------------------------ */

static void escaped(struct exim_expand *e, struct buf *out)
{
    char c;

    if (e->s.n == 0)
        return;
    c = e->s.p[0];
    e->s = span_slice(e->s, 1, e->s.n);
    if (c == 'N') { /* verbatim up to the next \N */
        size_t end = 0;

        while (end + 1 < e->s.n && !(e->s.p[end] == '\\' && e->s.p[end + 1] == 'N'))
            end++;
        if (end + 1 >= e->s.n)
            end = e->s.n;
        buf_add(out, span_slice(e->s, 0, end));
        e->s = span_slice(e->s, end + 2, e->s.n);
        return;
    }
    buf_add_char(out, c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c);
}

/* Behind a "$". */
static struct exim_value dollar(struct exim_expand *e, bool skip)
{
    struct exim_value v = exim_known(SPAN_NULL);
    struct span name;

    if (!exim_take(e, '{')) {
        name = exim_take_name(e);
        if (name.n > 1 && ascii_is_digit(name.p[0])) { /* "$1abc" is $1 and text */
            e->s = span_of(name.p + 1, e->s.n + name.n - 1);
            name = span_slice(name, 0, 1);
        }
        if (span_starts(name, SPAN_LIT("h_")) || span_starts(name, SPAN_LIT("header_")) ||
            span_starts(name, SPAN_LIT("rh_")) || span_starts(name, SPAN_LIT("bh_"))) {
            size_t end = 0;

            while (end < e->s.n && (ascii_is_alnum(e->s.p[end]) || strchr("-_", e->s.p[end])))
                end++;
            e->s = span_slice(e->s, end, e->s.n);
            exim_take(e, ':');
            return (struct exim_value){.state = EXIM_ANY};
        }
        return skip ? v : exim_variable(e->r, name, e->place);
    }
    if (++e->nest > EXIM_NEST_MAX) {
        e->bad = true;
        return exim_unknown(e->r, e->place, "has braces within too many others");
    }
    exim_skip_blank(e);
    name = exim_take_name(e);
    if (e->s.n > 0 && e->s.p[0] == ':')
        v = exim_operator(e, name, skip);
    else if (e->s.n > 0 && e->s.p[0] == '}')
        v = skip ? v : exim_variable(e->r, name, e->place);
    else
        v = exim_expand_item(e, name, skip);
    exim_skip_blank(e);
    if (!exim_take(e, '}'))
        e->bad = true;
    e->nest--;
    return v;
}

struct exim_value exim_expand_part(struct exim_expand *e, bool ket, bool skip)
{
    struct exim_value v = exim_known(SPAN_NULL), piece;
    struct buf out = BUF_INIT(TEXT_MAX);

    while (e->s.n > 0 && !e->bad) {
        char c = e->s.p[0];

        if (c == '}' && ket)
            break;
        e->s = span_slice(e->s, 1, e->s.n);
        if (c == '\\') {
            escaped(e, &out);
        } else if (c == '$') {
            piece = dollar(e, skip);
            exim_value_join(&v, &piece);
            buf_add(&out, piece.text);
        } else {
            buf_add_char(&out, c);
        }
    }
    if (out.err)
        v = exim_unknown(e->r, e->place, "grows too long");
    else if (!skip)
        v.text = span_of(audit_dup(e->r->a, buf_span(&out)), out.n);
    buf_deinit(&out);
    return v;
}

bool exim_expand_braced(struct exim_expand *e, bool skip, struct exim_value *ret)
{
    exim_skip_blank(e);
    *ret = exim_known(SPAN_NULL);
    if (!exim_take(e, '{'))
        return false;
    if (++e->nest > EXIM_NEST_MAX)
        e->bad = true;
    *ret = exim_expand_part(e, true, skip);
    e->nest--;
    if (!exim_take(e, '}'))
        e->bad = true;
    return true;
}

struct exim_value exim_expand_span(struct exim_run *r, struct span s, struct audit_place place)
{
    struct exim_expand e = {.r = r, .s = s, .place = place};
    struct exim_value v;

    if (span_find(s, '$') == s.n && span_find(s, '\\') == s.n)
        return exim_known(s);
    if (r->depth >= EXIM_DEPTH_MAX || !exim_step(r, place))
        return exim_unknown(r, place, "has expansions within too many others");
    r->depth++;
    v = exim_expand_part(&e, false, false);
    r->depth--;
    if (e.bad)
        return exim_unknown(r, place, "has an expansion that is not understood");
    return v;
}

struct exim_value exim_expand(struct exim_run *r, const struct exim_text *text)
{
    return exim_expand_span(r, text->s, exim_place(text, text->s.p));
}
