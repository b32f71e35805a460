/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Documents rather than a test's own structs are read, so that a stored run gets the same advice as
 * a fresh one, by the knowledge base of the day on which somebody looks.
 *
 * The greeting of any door may name the product: of several doors all greetings are looked at
 * together, since they are one mail system. Replies to recipients are taken where the probes are
 * kept, which they are unless many targets were tested at once.
 */
#include "cmd/common/advice.h"

#include "advise/classes.h"
#include "io/datadir.h"
#include "io/file.h"
#include "report/doc.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIGN_MAX = 32768, /* octets of all doors' texts for one place */
    REPLIES_MAX = 60, /* replies that are looked at */
    LINES_MAX = 20000,
};

/* ---- files ---- */

static int load_file(struct advise_book *b, const char *path, char err[ADVICE_ERROR_MAX])
{
    struct buf text = BUF_INIT(ADVICE_FILE_MAX);
    struct advise_error why;
    int rc = file_read(path, &text);

    if (rc < 0) {
        snprintf(err, ADVICE_ERROR_MAX, "%s: %s", path, strerror(-rc));
    } else {
        rc = advise_book_load(b, buf_span(&text), path, &why);
        if (rc == -EINVAL)
            snprintf(err, ADVICE_ERROR_MAX, "%s", why.text);
        else if (rc < 0)
            snprintf(err, ADVICE_ERROR_MAX, "out of memory");
    }
    buf_deinit(&text);
    return rc;
}

static int is_rows(const struct dirent *e)
{
    struct span name = span_str(e->d_name);

    return name.n > 5 && span_ends_nocase(name, SPAN_LIT(".rows")) && name.p[0] != '.' &&
           strcmp(e->d_name, "classes.rows") != 0;
}

static int load_folder(struct advise_book *b, const char *folder, char err[ADVICE_ERROR_MAX])
{
    struct dirent **list = NULL;
    int count = scandir(folder, &list, is_rows, alphasort), rc = 0;
    char path[DATADIR_PATH_MAX];

    if (count < 0) {
        rc = -errno;
        snprintf(err, ADVICE_ERROR_MAX, "%s: %s", folder, strerror(-rc));
    }
    for (int i = 0; i < count; i++) {
        if (rc == 0 && datadir_join(folder, list[i]->d_name, path))
            rc = load_file(b, path, err);
        free(list[i]);
    }
    free(list);
    return rc;
}

int advice_load(struct advise_book *b, const char *const *more, size_t count,
                char err[ADVICE_ERROR_MAX])
{
    struct advise_error why;
    char path[DATADIR_PATH_MAX];
    int rc;

    advise_book_init(b);
    if (!datadir_find("products/classes.rows", path)) {
        snprintf(err, ADVICE_ERROR_MAX,
                 "%s: no such data file; set POSTERN_DATA to the folder that holds products/",
                 path);
        return -ENOENT;
    }
    rc = load_file(b, path, err);
    if (rc == 0) {
        path[strlen(path) - strlen("/classes.rows")] = '\0';
        rc = load_folder(b, path, err);
    }
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = load_file(b, more[i], err);
    if (rc == 0 && advise_book_check(b, &why) < 0) {
        snprintf(err, ADVICE_ERROR_MAX, "%s", why.text);
        rc = -EINVAL;
    }
    if (rc < 0)
        advise_book_deinit(b);
    return rc;
}

/* ---- documents ---- */

static void add_line(struct buf *out, struct span line)
{
    if (!line.n || out->n + line.n + 1 > SIGN_MAX)
        return;
    buf_add(out, line);
    buf_add_char(out, '\n');
}

/* Lines of an array of texts; from the one at `from`. */
static void add_lines(struct buf *out, const json_t *lines, size_t from)
{
    for (size_t i = from; i < json_array_size(lines); i++) {
        const json_t *v = json_array_get(lines, i);

        if (json_is_string(v))
            add_line(out, span_of(json_string_value(v), json_string_length(v)));
    }
}

static void add_door(struct buf texts[ADVISE_PLACES], const json_t *door)
{
    const json_t *greeting = report_doc_array(door, "greeting");
    const json_t *ehlo = report_doc_array(door, "ehlo_lines");

    add_lines(&texts[ADVISE_BANNER], greeting, 0);
    if (!greeting)
        add_line(&texts[ADVISE_BANNER], report_doc_text(door, "banner"));
    if (ehlo && json_is_string(json_array_get(ehlo, 0)))
        add_line(&texts[ADVISE_HELLO], span_of(json_string_value(json_array_get(ehlo, 0)),
                                               json_string_length(json_array_get(ehlo, 0))));
    /* The keywords of the first door that shows some: "only" is about one server. */
    if (!texts[ADVISE_EHLO].n)
        add_lines(&texts[ADVISE_EHLO], ehlo, 1);
    add_line(&texts[ADVISE_REPLY], report_doc_text(report_doc_object(door, "control"), "text"));
}

/* A reply with its code, as patterns that begin with one want it. */
static void add_reply(struct buf *out, const json_t *probe)
{
    struct span text = report_doc_text(probe, "text");
    uint64_t code = report_doc_count(probe, "code");

    if (!text.n || code < 400 || out->n + text.n + 8 > SIGN_MAX)
        return;
    buf_addf(out, "%u ", (unsigned)(code % 1000));
    add_line(out, text);
}

int advice_known(const struct advise_book *b, const struct report_target *t,
                 struct advise_known_list *ret)
{
    struct buf texts[ADVISE_PLACES];
    struct advise_signs signs = {0};
    size_t replies = 0;
    int rc;

    for (unsigned p = 0; p < ADVISE_PLACES; p++)
        buf_init(&texts[p], SIGN_MAX);
    for (size_t i = 0; i < json_array_size(t->doors); i++)
        add_door(texts, json_array_get(t->doors, i));
    for (size_t i = 0; i < json_array_size(t->probes) && replies < REPLIES_MAX; i++) {
        size_t before = texts[ADVISE_REPLY].n;

        add_reply(&texts[ADVISE_REPLY], json_array_get(t->probes, i));
        replies += texts[ADVISE_REPLY].n > before;
    }
    for (unsigned p = 0; p < ADVISE_PLACES; p++)
        signs.text[p] = buf_span(&texts[p]);
    rc = advise_know(b, &signs, ret);
    /* Lines of evidence go with the texts. */
    for (size_t i = 0; i < ret->count; i++)
        for (size_t k = 0; k < ret->v[i].evidence_count; k++)
            ret->v[i].evidence[k].line = SPAN_NULL;
    for (unsigned p = 0; p < ADVISE_PLACES; p++)
        buf_deinit(&texts[p]);
    return rc;
}

size_t advice_proofs(const struct advise_book *b, const json_t *verdict, uint64_t *ret)
{
    const json_t *proved = report_doc_array(verdict, "proved");
    size_t count = 0;

    for (size_t i = 0; i < json_array_size(proved) && count < ADVISE_PROOFS_MAX; i++) {
        const json_t *p = json_array_get(proved, i);
        uint64_t classes = advise_classes_of_probe(b, report_doc_text(p, "probe"),
                                                   report_doc_text(p, "probe_family"));

        if (classes)
            ret[count++] = classes;
    }
    return count;
}

static uint64_t class_bit(const struct advise_book *b, const char *id)
{
    int n = advise_book_class(b, span_str(id));

    return n < 0 ? 0 : UINT64_C(1) << n;
}

/* What the findings say that no envelope does. */
static uint64_t finding_classes(const struct advise_book *b, const json_t *verdict)
{
    const json_t *findings = report_doc_array(verdict, "findings");
    uint64_t classes = 0;

    for (size_t i = 0; i < json_array_size(findings); i++) {
        const json_t *f = json_array_get(findings, i);

        if (report_doc_is(f, "id", "source-nat"))
            classes |= class_bit(b, "C17");
        if (report_doc_is(f, "id", "backscatter"))
            classes |= class_bit(b, "C19");
    }
    return classes;
}

static json_t *class_names(const struct advise_book *b, uint64_t classes)
{
    json_t *all = json_array();

    for (size_t i = 0; i < b->class_count; i++)
        if (classes >> i & 1)
            json_array_append_new(all, json_string(b->classes[i].id));
    return all;
}

static json_t *lines_json(const struct buf *text)
{
    struct span rest = buf_span(text), line;
    json_t *all = json_array();

    while (rest.n && span_cut(&rest, '\n', &line))
        json_array_append_new(all, json_stringn(line.p, line.n));
    return all;
}

static json_t *advice_json(const struct advise_book *b, const struct advise_known *known,
                           const struct advise_advice *advice, uint64_t classes)
{
    const struct advise_choice *best = advice->count ? &advice->v[0] : NULL;
    struct buf text = BUF_INIT(LINES_MAX);
    char more[ADVISE_ID_MAX + 1];
    json_t *o = json_object(), *lines;

    advise_lines(b, known, advice, classes, &text, more);
    lines = lines_json(&text);
    buf_deinit(&text);
    json_object_set_new(o, "product", known ? json_string(known->lead->product) : json_null());
    if (known)
        json_object_set_new(o, "name", json_string(known->called));
    if (known && known->version[0])
        json_object_set_new(o, "version", json_string(known->version));
    if (known && known->cf[0])
        json_object_set_new(o, "configuration", json_string(known->cf));
    if (best)
        json_object_set_new(o, "row", json_string(best->row->id));
    json_object_set_new(o, "status",
                        json_string(advise_status_name(best ? best->status : ADVISE_IS_UNKNOWN)));
    json_object_set_new(o, "classes", class_names(b, advice->proved | classes));
    json_object_set_new(o, "lines", lines);
    if (more[0])
        json_object_set_new(o, "more", json_sprintf("postern advise %s", more));
    return o;
}

json_t *advice_of_target(const struct advise_book *b, const struct report_target *t)
{
    enum report_verdict v = report_verdict_of(t->verdict);
    uint64_t classes = finding_classes(b, t->verdict), *proofs;
    struct advise_known_list known = {.count = 0};
    struct advise_advice advice;
    json_t *o = NULL;
    size_t count;

    if (b->count == 0 || (v != REPORT_OPEN && v != REPORT_ACCEPTS && !classes))
        return NULL;
    proofs = calloc(ADVISE_PROOFS_MAX, sizeof(*proofs));
    if (!proofs || advice_known(b, t, &known) < 0) {
        free(proofs);
        return NULL;
    }
    count = advice_proofs(b, t->verdict, proofs);
    const struct advise_known *k = known.count && known.v[0].sure ? &known.v[0] : NULL;
    advise_choose(b, k ? k->lead->product : NULL, span_str(k ? k->version : ""),
                  k ? k->pair : ADVISE_PAIR_NONE, proofs, count, &advice);
    if (k || advice.proved || classes)
        o = advice_json(b, k, &advice, classes);
    free(proofs);
    return o;
}
