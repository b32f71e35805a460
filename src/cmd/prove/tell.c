/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One message in words:
 *
 *     mail/new/1.host: our message, arrived
 *       proved      percent-host at relay.example, run 0a1b2c3d (proof 12)
 *                   to "token%probe.example@relay.example", noted by the receiving system as …
 *       path        192.0.2.1 brought it itself
 *       way         [198.51.100.7] > relay.example (Sendmail 8.11.6) > mx.probe.example (Postfix)
 *
 * Tokens that only stand in the text are told together: they prove one transaction, not each form.
 */
#include "cmd/prove/prove.h"

#include "base/escape.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum { NAMED_MAX = 12, NAME_WIDTH = 12, TEXT_SHOWN = 200 };

static void add_escaped(struct buf *out, struct span s)
{
    escape_text(out, span_slice(s, 0, TEXT_SHOWN));
    if (s.n > TEXT_SHOWN)
        buf_add_str(out, "...");
}

/* ---- JSON ---- */

static bool set(json_t *doc, const char *key, json_t *value)
{
    return json_object_set_new(doc, key, value) == 0;
}

static bool set_ip(json_t *doc, const char *key, struct ip ip)
{
    char text[IP_TEXT_MAX];

    return ip.family == IP_NONE || set(doc, key, json_string(ip_text(ip, text)));
}

static bool set_text(json_t *doc, const char *key, struct span text)
{
    return !text.n || view_json_text(doc, key, text);
}

static json_t *token_json(const struct judged *j, size_t i)
{
    const struct arrival_token *t = &j->a->tokens[i];
    char run[9], digest[2 * TOKEN_TARGET + 1];
    json_t *doc = json_object();
    bool ok;

    snprintf(run, sizeof(run), "%08" PRIx32, t->token.run);
    for (size_t k = 0; k < TOKEN_TARGET; k++)
        snprintf(digest + 2 * k, 3, "%02x", t->token.target[k]);
    ok = doc && set(doc, "run", json_string(run)) &&
         set(doc, "token", json_string(token_kind_name(t->token.kind))) &&
         set(doc, "serial", json_integer(t->token.serial)) &&
         set(doc, "digest", json_string(digest)) &&
         set(doc, "what", json_string(arrival_what_name(arrival_what(j->a, t)))) &&
         set(doc, "scope", json_string(arrival_scope_name(t->scope))) &&
         set(doc, "trace", json_string(arrival_trace_name(t->trace))) &&
         set(doc, "path", json_string(arrival_path_name(t->path))) &&
         set_ip(doc, "target", t->target) && set_text(doc, "rcpt", t->rcpt) &&
         set(doc, "proved", json_boolean(arrival_proves(j->a, t))) &&
         set(doc, "known", json_boolean(j->tolds[i].probe != NULL));
    if (ok && j->tolds[i].probe)
        ok = set(doc, "probe", json_string(j->tolds[i].probe));
    if (ok && j->tolds[i].target)
        ok = set(doc, "name", json_string(j->tolds[i].target));
    if (ok && j->tolds[i].sent_rcpt)
        ok = set(doc, "sent_rcpt", json_string(j->tolds[i].sent_rcpt));
    if (ok && j->proofs[i])
        ok = set(doc, "proof", json_integer(j->proofs[i]));
    if (ok)
        return doc;
    json_decref(doc);
    return NULL;
}

static json_t *report_json(const struct dsn *d)
{
    json_t *doc = json_object(), *list = json_array();
    bool ok = doc && list && set_text(doc, "by", d->reporting_mta) &&
              set(doc, "style", json_string(dsn_style_name(d->style)));

    for (size_t i = 0; ok && i < d->count; i++) {
        const struct dsn_recipient *r = &d->recipients[i];
        json_t *each = json_object();

        ok = each && set_text(each, "rcpt", r->final) && set_text(each, "original", r->original) &&
             set_text(each, "action", r->action) && set_text(each, "status", r->status) &&
             set_text(each, "remote", r->remote_mta) && set_text(each, "diagnostic", r->diagnostic);
        if (json_array_append_new(list, each) < 0)
            ok = false;
    }
    ok = ok && set(doc, "recipients", json_incref(list));
    json_decref(list);
    if (ok)
        return doc;
    json_decref(doc);
    return NULL;
}

int tell_json(struct prove *p, const struct judged *j)
{
    const struct arrival *a = j->a;
    json_t *doc = json_object(), *tokens = json_array();
    bool ok = doc && tokens, proved = false;

    for (size_t i = 0; ok && i < a->count; i++) {
        ok = json_array_append_new(tokens, token_json(j, i)) == 0;
        proved |= arrival_proves(a, &a->tokens[i]);
    }
    ok = ok && set(doc, "type", json_string("message")) &&
         view_json_text(doc, "where", span_str(j->m->where)) &&
         set(doc, "source", json_string(store_source_name(j->m->source))) &&
         set(doc, "kind", json_string(dsn_kind_name(a->dsn.kind))) &&
         set(doc, "why", json_string(a->dsn.why)) && set(doc, "ours", json_boolean(a->count > 0)) &&
         set(doc, "proved", json_boolean(proved)) && set(doc, "cut", json_boolean(j->m->cut)) &&
         set_ip(doc, "output", a->output) && set(doc, "near", json_integer((json_int_t)a->near)) &&
         set(doc, "hops", json_loadb(j->chain.p, j->chain.n, 0, NULL)) &&
         set(doc, "tokens", json_incref(tokens));
    if (ok && (a->dsn.kind == DSN_KIND_BOUNCE || a->dsn.kind == DSN_KIND_DELAY ||
               a->dsn.kind == DSN_KIND_RECEIPT))
        ok = set(doc, "report", report_json(&a->dsn));
    if (ok)
        report_lines(&p->out, doc);
    json_decref(tokens);
    json_decref(doc);
    return ok ? 0 : -ENOMEM;
}

/* ---- words ---- */

static void add_name(struct prove *p, enum view_colour colour, const char *name)
{
    buf_add_str(&p->out, "  ");
    view_paint(&p->out, &p->style, colour, name);
    for (size_t n = span_str(name).n; n < NAME_WIDTH; n++)
        buf_add_char(&p->out, ' ');
}

static const char *headline(const struct arrival *a)
{
    switch (a->dsn.kind) {
    case DSN_KIND_PROBE:
        return a->count ? "our message, arrived" : "has our mark, but no token of our key";
    case DSN_KIND_BOUNCE:
        return a->count ? "a bounce about our message" : "a bounce, not about us";
    case DSN_KIND_DELAY:
        return a->count ? "a delay note about our message" : "a delay note, not about us";
    case DSN_KIND_RECEIPT:
        return a->count ? "a receipt about our message" : "a receipt, not about us";
    case DSN_KIND_AUTO_REPLY:
        return a->count ? "an automatic answer to our message" : "an automatic answer, not to us";
    case DSN_KIND_ENCLOSED:
        return a->count ? "our message inside another"
                        : "has our mark inside, but no token of our key";
    case DSN_KIND_OTHER:
        break;
    }
    return a->count ? "mail with our token, but not our message" : "not ours";
}

static void add_probe(struct prove *p, const struct judged *j, size_t i)
{
    const struct arrival_token *t = &j->a->tokens[i];
    const struct told *told = &j->tolds[i];

    if (told->probe)
        buf_addf(&p->out, "%s", told->probe);
    else
        buf_addf(&p->out, "%sprobe %u", t->token.kind == TOKEN_SENDER ? "the sender of " : "",
                 t->token.serial);
    if (told->target)
        buf_addf(&p->out, " at %s", told->target);
    buf_addf(&p->out, ", run %08" PRIx32 "%s", t->token.run,
             told->probe || !p->store ? "" : " (not in this store)");
    if (j->proofs[i])
        buf_addf(&p->out, ", proof %" PRId64, j->proofs[i]);
    buf_add_char(&p->out, '\n');
}

static void add_recipient(struct prove *p, const struct judged *j, size_t i)
{
    const struct arrival_token *t = &j->a->tokens[i];
    bool proved = arrival_proves(j->a, t);

    switch (arrival_what(j->a, t)) {
    case ARRIVAL_ARRIVED:
        add_name(p, proved ? VIEW_RED : VIEW_YELLOW, proved ? "proved" : "not proved");
        break;
    case ARRIVAL_BOUNCED:
        add_name(p, VIEW_YELLOW, "bounced");
        break;
    case ARRIVAL_ANSWERED:
        add_name(p, VIEW_YELLOW, "answered");
        break;
    case ARRIVAL_NOTHING:
        add_name(p, VIEW_DIM, "token");
        break;
    }
    add_probe(p, j, i);
    if (t->rcpt.n) {
        add_name(p, VIEW_DIM, "");
        buf_add_str(&p->out, "to ");
        add_escaped(&p->out, t->rcpt);
        buf_addf(&p->out, ", as %s\n",
                 t->trace == ARRIVAL_IN_REPORT ? "the report says" : "the receiving system noted");
    }
}

/* All tokens of the transaction that differ in nothing that matters, in one line. */
static void add_transaction(struct prove *p, const struct judged *j)
{
    const struct arrival *a = j->a;
    const struct arrival_token *first = NULL;
    size_t count = 0, named = 0;
    const char *name;

    for (size_t i = 0; i < a->count; i++) {
        if (a->tokens[i].scope != ARRIVAL_TRANSACTION)
            continue;
        count++;
        if (!first)
            first = &a->tokens[i];
    }
    if (!first)
        return;
    name = arrival_proves(a, first)                    ? "proved"
           : arrival_what(a, first) == ARRIVAL_ARRIVED ? "not proved"
                                                       : "tokens";
    add_name(p, arrival_proves(a, first) ? VIEW_RED : VIEW_DIM, name);
    buf_addf(&p->out, "%s%zu token%s in the %s, run %08" PRIx32, count > 1 ? "one of " : "", count,
             count > 1 ? "s" : "", first->trace == ARRIVAL_IN_COPY ? "copy" : "text",
             first->token.run);
    for (size_t i = 0; i < a->count && named < NAMED_MAX; i++)
        if (a->tokens[i].scope == ARRIVAL_TRANSACTION && j->tolds[i].probe)
            buf_addf(&p->out, "%s %s", named++ ? "," : ":", j->tolds[i].probe);
    buf_addf(&p->out, "%s\n", named && named < count ? ", ..." : "");
}

static void add_path(struct prove *p, const struct arrival *a)
{
    const struct arrival_token *t = &a->tokens[0];
    char text[IP_TEXT_MAX];

    for (size_t i = 1; i < a->count; i++)
        if (a->tokens[i].path > t->path)
            t = &a->tokens[i];
    add_name(p, VIEW_DIM, "path");
    switch (t->path) {
    case ARRIVAL_DIRECT:
        buf_addf(&p->out, "the tested address %s brought it itself\n", ip_text(t->target, text));
        break;
    case ARRIVAL_CHAIN:
        buf_addf(&p->out, "the tested address %s is named in the chain", ip_text(t->target, text));
        buf_addf(&p->out, "; %s brought it\n",
                 a->output.family ? ip_text(a->output, text) : "an unknown host");
        break;
    case ARRIVAL_UNSEEN:
        buf_addf(&p->out, "the tested address is nowhere on it; %s brought it. Who has the text\n",
                 a->output.family ? ip_text(a->output, text) : "an unknown host");
        add_name(p, VIEW_DIM, "");
        buf_add_str(&p->out, "can mail a copy of it, so this proves nothing\n");
        break;
    }
}

static void add_way(struct prove *p, const struct arrival *a)
{
    const char *arrow = p->style.utf8 ? " \xe2\x86\x92 " : " > ";
    char text[IP_TEXT_MAX];

    if (!a->chain.count)
        return;
    add_name(p, VIEW_DIM, "way");
    if (a->chain.hops[a->chain.count - 1].ip.family)
        buf_addf(&p->out, "[%s]%s", ip_text(a->chain.hops[a->chain.count - 1].ip, text), arrow);
    for (size_t i = a->chain.count; i-- > 0;) {
        const struct received *hop = &a->chain.hops[i];

        if (hop->by.n)
            add_escaped(&p->out, hop->by);
        else
            buf_add_str(&p->out, "?");
        if (hop->writer)
            buf_addf(&p->out, " (%s)", received_writer_name(hop->writer));
        if (i)
            buf_add_str(&p->out, arrow);
    }
    buf_add_char(&p->out, '\n');
}

static void add_report(struct prove *p, const struct dsn *d)
{
    if (!d->reporting_mta.n && !d->count)
        return;
    add_name(p, VIEW_DIM, "report");
    if (d->reporting_mta.n) {
        buf_add_str(&p->out, "by ");
        add_escaped(&p->out, d->reporting_mta);
    }
    if (d->count && d->recipients[0].status.n) {
        buf_add_str(&p->out, ": ");
        add_escaped(&p->out, d->recipients[0].status);
    }
    buf_add_char(&p->out, '\n');
}

void tell_text(struct prove *p, const struct judged *j)
{
    const struct arrival *a = j->a;

    add_escaped(&p->out, span_str(j->m->where));
    buf_addf(&p->out, ": %s\n", headline(a));
    if (!a->count)
        return;
    for (size_t i = 0; i < a->count; i++)
        if (a->tokens[i].scope == ARRIVAL_RECIPIENT)
            add_recipient(p, j, i);
    add_transaction(p, j);
    if (a->dsn.kind == DSN_KIND_PROBE)
        add_path(p, a);
    else
        add_report(p, &a->dsn);
    add_way(p, a);
    if (j->m->cut)
        buf_addf(&p->out, "  (only the first %d KiB were read)\n", SOURCE_MESSAGE_MAX >> 10);
}
