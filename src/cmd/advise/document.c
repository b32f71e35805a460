/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One object a line: the rows that fit, the likeliest cause first, then one of type "verdict". The
 * shapes are those of postern-advise(1).
 */
#include "cmd/advise/advise.h"

#include <string.h>

static json_t *parts_json(const char *text)
{
    struct span rest = span_str(text), part;
    json_t *all = json_array();

    while (advise_part(&rest, &part))
        json_array_append_new(all, json_stringn(part.p, part.n));
    return all;
}

static void add_text(json_t *o, const char *key, const char *text)
{
    if (text)
        json_object_set_new(o, key, json_string(text));
}

static json_t *terms_json(const char *classes)
{
    struct span rest = span_str(classes), word;
    json_t *all = json_array();

    while (span_word(&rest, &word))
        if (!span_eq(word, SPAN_LIT("none")))
            json_array_append_new(all, json_stringn(word.p, word.n));
    return all;
}

static json_t *signs_json(const struct advise_row *row)
{
    json_t *o = json_object();

    for (unsigned p = 0; p < ADVISE_PLACES; p++)
        if (row->signs[p])
            json_object_set_new(o, advise_place_name((enum advise_place)p),
                                parts_json(row->signs[p]));
    return o;
}

static const struct advise_choice *choice_of(const struct finding *f, const struct advise_row *row)
{
    for (size_t i = 0; i < f->advice.count; i++)
        if (f->advice.v[i].row == row)
            return &f->advice.v[i];
    return NULL;
}

void document_row(struct buf *out, const struct finding *f, const struct advise_row *row)
{
    const struct advise_choice *c = choice_of(f, row);
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:s}", "type",
                          "product", "id", row->id, "product", row->product, "name", row->name,
                          "vendor", row->vendor, "cause", advise_cause_name(row->cause), "classes",
                          terms_json(row->classes), "signs", signs_json(row), "fix",
                          parts_json(row->fix), "restart", row->restart, "source", row->source);

    if (c)
        json_object_set_new(o, "status", json_string(advise_status_name(c->status)));
    add_text(o, "affected", row->affected);
    add_text(o, "safe", row->safe);
    add_text(o, "unsecurable", row->unsecurable);
    add_text(o, "silent", row->silent);
    add_text(o, "false_results", row->bounces);
    add_text(o, "cve", row->cve);
    add_text(o, "note", row->note);
    report_lines(out, o);
    json_decref(o);
}

void document_class(struct buf *out, const struct advise_class *c)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:o, s:s}", "type", "class", "id", c->id, "name",
                          c->name, "fix", parts_json(c->fix), "source", c->source);

    add_text(o, "families", c->family);
    add_text(o, "note", c->note);
    report_lines(out, o);
    json_decref(o);
}

static json_t *evidence_json(const struct advise_known *k)
{
    json_t *all = json_array();

    for (size_t i = 0; i < k->evidence_count; i++) {
        const struct advise_evidence *e = &k->evidence[i];
        json_t *o = json_pack("{s:s, s:b}", "sign", advise_place_name(e->place), "hint", e->hint);

        if (e->line.n)
            view_json_text(o, "text", e->line);
        json_array_append_new(all, o);
    }
    return all;
}

static json_t *known_json(const struct advise_known *k)
{
    json_t *o = json_pack("{s:s, s:s, s:b, s:o}", "product", k->lead->product, "name", k->called,
                          "sure", k->sure, "evidence", evidence_json(k));

    if (k->version[0])
        json_object_set_new(o, "version", json_string(k->version));
    return o;
}

static json_t *classes_json(const struct finding *f, uint64_t classes)
{
    json_t *all = json_array();

    for (size_t i = 0; i < f->book->class_count; i++)
        if (classes >> i & 1)
            json_array_append_new(all, json_string(f->book->classes[i].id));
    return all;
}

static void add_known(json_t *o, const struct finding *f)
{
    const struct advise_known *k = finding_known(f);
    json_t *others = json_array();

    if (k) {
        add_text(o, "name", k->called);
        add_text(o, "version", k->version[0] ? k->version : NULL);
        if (k->cf[0]) {
            add_text(o, "configuration", k->cf);
            add_text(o, "pair", advise_pair_name(k->pair));
        }
        json_object_set_new(o, "evidence", evidence_json(k));
    } else if (f->by_name && f->version[0]) {
        add_text(o, "version", f->version);
    }
    for (size_t i = 0; i < f->known.count; i++)
        if (&f->known.v[i] != k)
            json_array_append_new(others, known_json(&f->known.v[i]));
    json_object_set_new(o, k ? "others" : "hints", others);
}

static const char *verdict_of(const struct finding *f)
{
    if (f->klass || f->named || (f->by_name && f->advice.count))
        return "named";
    return finding_known(f) ? "recognised" : "unknown";
}

void document_finding(struct buf *out, const struct finding *f)
{
    const struct advise_choice *best = f->advice.count ? &f->advice.v[0] : NULL;
    const char *product = best               ? best->row->product
                          : f->named         ? f->named->product
                          : finding_known(f) ? finding_known(f)->lead->product
                                             : NULL;
    const struct advise_row *row = f->named ? f->named : best ? best->row : NULL;
    struct buf text = BUF_INIT(20000);
    char more[ADVISE_ID_MAX + 1];
    json_t *o = json_object(), *near = json_array();

    if (f->named)
        document_row(out, f, f->named);
    if (f->klass)
        document_class(out, f->klass);
    for (size_t i = 0; i < f->advice.count; i++)
        document_row(out, f, f->advice.v[i].row);
    add_text(o, "type", "verdict");
    add_text(o, "verdict", verdict_of(f));
    if (f->asked)
        view_json_text(o, "asked", span_str(f->asked));
    json_object_set_new(o, "product", product ? json_string(product) : json_null());
    add_known(o, f);
    if (row)
        add_text(o, "row", row->id);
    add_text(o, "status", advise_status_name(best ? best->status : ADVISE_IS_UNKNOWN));
    json_object_set_new(o, "classes", row ? terms_json(row->classes) : classes_json(f, f->classes));
    json_object_set_new(o, "proved", classes_json(f, f->advice.proved));
    if (row) {
        json_object_set_new(o, "fix", parts_json(row->fix));
        add_text(o, "restart", row->restart);
    }
    if (!f->by_name) {
        advise_lines(f->book, finding_known(f), &f->advice, f->classes, &text, more);
        json_object_set_new(o, "advice", json_stringn(buf_str(&text), text.n));
    }
    for (size_t i = 0; i < f->near_count; i++)
        json_array_append_new(near, json_string(f->near[i]));
    json_object_set_new(o, "near", near);
    json_object_set_new(o, "exit", json_integer(finding_exit(f)));
    report_lines(out, o);
    buf_deinit(&text);
    json_decref(o);
}
