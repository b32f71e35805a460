/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SARIF 2.1.0: what code scanners and review tools read. An undecided finding is of kind "review"
 * (§3.27.9), whose level must be "none". Edits are whole lines: from the first column of the first
 * to the first column behind the last (§3.30).
 */
#include "audit/out_doc.h"

#include "base/escape.h"

#include <errno.h>

static const char *level(const struct audit_finding *f)
{
    if (f->undecided)
        return "none";
    if (f->severity >= AUDIT_FORGED || (f->severity == AUDIT_NAT && f->certain))
        return "error";
    return f->severity == AUDIT_NOTE ? "note" : "warning";
}

/* Takes over what is given; NULL with nothing left over when one failed. */
static json_t *object1(const char *key, json_t *value)
{
    json_t *doc = json_object();

    if (doc && audit_doc_set(doc, key, value))
        return doc;
    if (!doc)
        json_decref(value);
    json_decref(doc);
    return NULL;
}

static json_t *array1(json_t *value)
{
    json_t *doc = json_array();

    if (doc && json_array_append_new(doc, value) == 0)
        return doc;
    if (!doc)
        json_decref(value);
    json_decref(doc);
    return NULL;
}

static json_t *text_object(const char *text)
{
    return object1("text", audit_doc_text(text));
}

/* A path as a URI reference: slashes stay. */
static json_t *artifact(const char *file)
{
    struct buf uri = BUF_INIT(AUDIT_PATH_MAX * 4);
    struct span rest = span_str(file), part;
    const char *sep = rest.n && rest.p[0] == '/' ? "file://" : "";
    json_t *doc;

    while (span_cut(&rest, '/', &part)) {
        buf_add_str(&uri, sep);
        escape_uri(&uri, part);
        sep = "/";
    }
    doc = uri.err ? NULL : object1("uri", json_string(buf_str(&uri)));
    buf_deinit(&uri);
    return doc;
}

static json_t *location(const struct audit_finding *f)
{
    json_t *physical = json_object();
    bool ok = physical && audit_doc_set(physical, "artifactLocation", artifact(f->place.file));

    if (ok && f->place.line) {
        json_t *region = object1("startLine", json_integer((json_int_t)f->place.line));

        ok = audit_doc_set(physical, "region", region);
    }
    if (ok)
        return array1(object1("physicalLocation", physical));
    json_decref(physical);
    return NULL;
}

static json_t *replacement(const struct audit_edit *e)
{
    bool insert = e->kind == AUDIT_EDIT_INSERT;
    json_t *doc = json_object(), *region = json_object();
    struct buf text = BUF_INIT(AUDIT_LINE_MAX);
    bool ok;

    if (e->text)
        buf_addf(&text, "%s\n", e->text);
    ok = doc && region && text.err == 0 &&
         audit_doc_int(region, "startLine", insert ? e->first + 1 : e->first) &&
         audit_doc_int(region, "startColumn", 1) &&
         audit_doc_int(region, "endLine", (insert ? e->first : e->last) + 1) &&
         audit_doc_int(region, "endColumn", 1) &&
         audit_doc_set(doc, "deletedRegion", json_incref(region)) &&
         (e->kind == AUDIT_EDIT_DELETE ||
          audit_doc_set(doc, "insertedContent", text_object(buf_str(&text))));
    buf_deinit(&text);
    json_decref(region);
    if (ok)
        return doc;
    json_decref(doc);
    return NULL;
}

static json_t *fixes(const struct audit_finding *f)
{
    json_t *change = json_object(), *fix = json_object();
    bool ok = change && fix && audit_doc_set(change, "artifactLocation", artifact(f->edit.file)) &&
              audit_doc_set(change, "replacements", array1(replacement(&f->edit))) &&
              audit_doc_set(fix, "description", text_object(f->restart ? f->restart : "edit")) &&
              audit_doc_set(fix, "artifactChanges", array1(json_incref(change)));

    json_decref(change);
    if (ok)
        return array1(fix);
    json_decref(fix);
    return NULL;
}

static json_t *properties(const struct audit_finding *f)
{
    json_t *doc = json_object();

    if (doc && audit_doc_str(doc, "severity", audit_severity_of(f)) &&
        audit_doc_opt(doc, "unless", f->unless) && audit_doc_opt(doc, "fix", f->fix) &&
        audit_doc_opt(doc, "restart", f->restart) && audit_doc_opt(doc, "prove", f->prove) &&
        audit_doc_opt(doc, "ports", f->ports) && audit_doc_opt(doc, "mail", f->witness.mail) &&
        audit_doc_opt(doc, "rcpt", f->witness.rcpt[1] ? f->witness.rcpt[1] : f->witness.rcpt[0]))
        return doc;
    json_decref(doc);
    return NULL;
}

static json_t *result(const struct audit_finding *f)
{
    json_t *doc = json_object();

    if (doc && audit_doc_str(doc, "ruleId", f->id) && audit_doc_str(doc, "level", level(f)) &&
        audit_doc_str(doc, "kind", f->undecided ? "review" : "fail") &&
        audit_doc_set(doc, "message", text_object(f->why)) &&
        (!f->place.file || audit_doc_set(doc, "locations", location(f))) &&
        (f->edit.kind == AUDIT_EDIT_NONE || audit_doc_set(doc, "fixes", fixes(f))) &&
        audit_doc_set(doc, "properties", properties(f)))
        return doc;
    json_decref(doc);
    return NULL;
}

/* Each rule that has a finding, once. */
static json_t *rules(const struct audit_finding *const *v, size_t count)
{
    json_t *all = json_array();
    bool ok = all;

    for (size_t i = 0; ok && i < count; i++) {
        json_t *doc;
        size_t k = 0;

        while (k < i && strcmp(v[k]->id, v[i]->id) != 0)
            k++;
        if (k < i)
            continue;
        doc = object1("id", json_string(v[i]->id));
        if (doc && !audit_doc_set(doc, "shortDescription", text_object(v[i]->why))) {
            json_decref(doc);
            doc = NULL;
        }
        ok = json_array_append_new(all, doc) == 0;
    }
    if (ok)
        return all;
    json_decref(all);
    return NULL;
}

static json_t *run(const struct audit_finding *const *v, size_t count, bool notes)
{
    json_t *driver = object1("name", json_string("postern audit")), *doc = json_object();
    json_t *results = json_array();
    bool ok = driver && doc && results && audit_doc_str(driver, "version", POSTERN_VERSION) &&
              audit_doc_set(driver, "rules", rules(v, count));

    for (size_t i = 0; ok && i < count; i++)
        if (v[i]->severity > AUDIT_NOTE || notes)
            ok = json_array_append_new(results, result(v[i])) == 0;
    ok = ok && audit_doc_set(doc, "tool", object1("driver", json_incref(driver))) &&
         audit_doc_set(doc, "columnKind", json_string("unicodeCodePoints")) &&
         audit_doc_set(doc, "results", json_incref(results));
    json_decref(driver);
    json_decref(results);
    if (ok)
        return doc;
    json_decref(doc);
    return NULL;
}

void audit_out_sarif(const struct audit *a, bool notes, struct buf *out)
{
    size_t count;
    const struct audit_finding *const *v = audit_findings(a, &count);
    json_t *doc = json_object();

    if (doc && audit_doc_str(doc, "$schema", "https://json.schemastore.org/sarif-2.1.0.json") &&
        audit_doc_str(doc, "version", "2.1.0") &&
        audit_doc_set(doc, "runs", array1(run(v, count, notes)))) {
        audit_doc_line(out, doc, 2);
        return;
    }
    json_decref(doc);
    out->err = out->err ? out->err : -ENOMEM;
}
