/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON lines: doors, findings, and last the verdict, which alone says all that counts. */
#include "audit/out_doc.h"

#include <errno.h>

static json_t *place_doc(struct audit_place p)
{
    json_t *doc;

    if (!p.file)
        return json_null();
    doc = json_object();
    if (doc && audit_doc_str(doc, "file", p.file) &&
        (!p.line || audit_doc_int(doc, "line", p.line)))
        return doc;
    json_decref(doc);
    return NULL;
}

static json_t *witness_doc(const struct audit_witness *w)
{
    json_t *doc, *rcpts = json_array();
    char ip[IP_TEXT_MAX];
    bool ok = rcpts;

    if (!w->client.family) {
        json_decref(rcpts);
        return json_null();
    }
    doc = json_object();
    for (size_t i = 0; ok && i < 2 && w->rcpt[i]; i++)
        ok = json_array_append_new(rcpts, audit_doc_text(w->rcpt[i])) == 0;
    ok = ok && doc && audit_doc_str(doc, "client", ip_text(w->client, ip)) &&
         audit_doc_opt(doc, "ptr", w->ptr) && audit_doc_opt(doc, "helo", w->helo) &&
         audit_doc_opt(doc, "login", w->login) && audit_doc_opt(doc, "tls", w->tls) &&
         audit_doc_opt(doc, "proxy", w->proxy) &&
         (!w->port || audit_doc_int(doc, "port", w->port)) && audit_doc_opt(doc, "mail", w->mail) &&
         audit_doc_set(doc, "rcpt", rcpts);
    if (ok)
        return doc;
    json_decref(doc);
    return NULL;
}

static json_t *edit_doc(const struct audit_edit *e)
{
    static const char *const kinds[] = {
        [AUDIT_EDIT_NONE] = NULL,
        [AUDIT_EDIT_REPLACE] = "replace",
        [AUDIT_EDIT_INSERT] = "insert",
        [AUDIT_EDIT_DELETE] = "delete",
    };
    json_t *doc;

    if (e->kind == AUDIT_EDIT_NONE)
        return json_null();
    doc = json_object();
    if (doc && audit_doc_str(doc, "kind", kinds[e->kind]) && audit_doc_str(doc, "file", e->file) &&
        audit_doc_int(doc, "first", e->first) && audit_doc_int(doc, "last", e->last) &&
        audit_doc_opt(doc, "text", e->text))
        return doc;
    json_decref(doc);
    return NULL;
}

static bool finding_fill(json_t *doc, const struct audit_finding *f)
{
    return audit_doc_str(doc, "type", "finding") && audit_doc_str(doc, "id", f->id) &&
           audit_doc_str(doc, "severity", audit_severity_of(f)) &&
           (!f->undecided || audit_doc_str(doc, "worst", audit_severity_name(f->severity))) &&
           (f->severity != AUDIT_NAT || audit_doc_set(doc, "certain", json_boolean(f->certain))) &&
           audit_doc_opt(doc, "kind", f->kind ? audit_kind_name(f->kind) : NULL) &&
           audit_doc_opt(doc, "service", f->door ? f->door->service : NULL) &&
           audit_doc_opt(doc, "ports", f->ports) && audit_doc_opt(doc, "file", f->place.file) &&
           (!f->place.line || audit_doc_int(doc, "line", f->place.line)) &&
           audit_doc_str(doc, "why", f->why) && audit_doc_opt(doc, "unless", f->unless) &&
           (!f->unless ||
            audit_doc_set(doc, "ruled_out", json_boolean(f->unless_state == AUDIT_UNLESS_RULED))) &&
           audit_doc_set(doc, "witness", witness_doc(&f->witness)) &&
           audit_doc_opt(doc, "fix", f->fix) && audit_doc_set(doc, "edit", edit_doc(&f->edit)) &&
           audit_doc_opt(doc, "restart", f->restart) && audit_doc_opt(doc, "prove", f->prove);
}

static json_t *finding_doc(const struct audit_finding *f)
{
    json_t *doc = json_object();

    if (doc && finding_fill(doc, f))
        return doc;
    json_decref(doc);
    return NULL;
}

static json_t *nets_doc(const struct audit_nets *nets)
{
    json_t *all = json_array();
    bool ok = all;

    for (size_t i = 0; ok && i < nets->count; i++) {
        char ip[IP_TEXT_MAX], text[IP_TEXT_MAX + 8];
        const struct audit_net *n = &nets->v[i];

        snprintf(text, sizeof(text), "%s%s/%u", n->except ? "!" : "", ip_text(n->net.ip, ip),
                 n->net.len);
        ok = json_array_append_new(all, json_string(text)) == 0;
    }
    if (ok)
        return all;
    json_decref(all);
    return NULL;
}

static bool door_fill(json_t *doc, const struct audit_door *d)
{
    static const char *const binds[] = {
        [AUDIT_BIND_ANY] = "any",       [AUDIT_BIND_LOOPBACK] = "loopback",
        [AUDIT_BIND_LOCAL] = "local",   [AUDIT_BIND_PRIVATE] = "private",
        [AUDIT_BIND_PUBLIC] = "public",
    };
    static const char *const answers[] = {
        [AUDIT_UNKNOWN] = "unknown", [AUDIT_NO] = "no", [AUDIT_YES] = "yes"};

    return audit_doc_str(doc, "type", "door") &&
           audit_doc_opt(doc, "kind", d->kind ? audit_kind_name(d->kind) : NULL) &&
           audit_doc_str(doc, "service", d->service) &&
           (!d->port || audit_doc_int(doc, "port", d->port)) &&
           audit_doc_str(doc, "bind", binds[d->bind]) &&
           audit_doc_set(doc, "place", place_doc(d->place)) &&
           audit_doc_str(doc, "stranger", answers[d->stranger]) &&
           audit_doc_set(doc, "login", json_boolean(d->login)) &&
           audit_doc_set(doc, "trusted", nets_doc(&d->trusted)) &&
           audit_doc_set(doc, "proxies", nets_doc(&d->proxies)) &&
           audit_doc_opt(doc, "smarthost", d->smarthost);
}

static json_t *door_doc(const struct audit_door *d)
{
    json_t *doc = json_object();

    if (doc && door_fill(doc, d))
        return doc;
    json_decref(doc);
    return NULL;
}

static json_t *verdict_doc(const struct audit *a, bool notes)
{
    json_t *doc = json_object(), *all = json_array();
    struct audit_verdict verdict;
    size_t count;
    const struct audit_finding *const *v = audit_findings(a, &count);
    bool ok = doc && all;

    audit_verdict(a, &verdict);
    for (size_t i = 0; ok && i < count; i++)
        if (v[i]->severity > AUDIT_NOTE || notes)
            ok = json_array_append_new(all, finding_doc(v[i])) == 0;
    ok = ok && audit_doc_str(doc, "type", "verdict") &&
         audit_doc_str(doc, "severity", audit_verdict_name(&verdict)) &&
         audit_doc_int(doc, "exit", (size_t)verdict.exit) &&
         audit_doc_set(doc, "witness",
                       verdict.finding ? witness_doc(&verdict.finding->witness) : json_null());
    if (ok && audit_doc_set(doc, "findings", json_incref(all))) {
        json_decref(all);
        return doc;
    }
    json_decref(all);
    json_decref(doc);
    return NULL;
}

void audit_out_json(const struct audit *a, bool notes, struct buf *out)
{
    size_t count;
    const struct audit_door *const *doors = audit_doors(a, &count);
    const struct audit_finding *const *v;

    for (size_t i = 0; i < count; i++)
        audit_doc_line(out, door_doc(doors[i]), 0);
    v = audit_findings(a, &count);
    for (size_t i = 0; i < count; i++)
        if (v[i]->severity > AUDIT_NOTE || notes)
            audit_doc_line(out, finding_doc(v[i]), 0);
    audit_doc_line(out, verdict_doc(a, notes), 0);
}

void audit_out_json_error(const char *error, struct buf *out)
{
    json_t *doc = json_object();

    if (doc && audit_doc_str(doc, "type", "verdict") &&
        audit_doc_str(doc, "severity", "undecided") && audit_doc_str(doc, "error", error) &&
        audit_doc_set(doc, "witness", json_null()) &&
        audit_doc_set(doc, "findings", json_array())) {
        audit_doc_line(out, doc, 0);
        return;
    }
    json_decref(doc);
    out->err = out->err ? out->err : -ENOMEM;
}
