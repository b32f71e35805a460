/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The proofs of the last run speak; of the first of them the way, the header section and the
 * dialogue are shown. A dialogue has many probes in it, and only one of them came through: so its
 * head (greeting, EHLO) is kept, and the transaction of that probe.
 *
 * What the store no longer has is left out: a proof stands by its token alone.
 */
#include "cmd/list/facts.h"

#include "base/escape.h"
#include "cmd/common/load.h"
#include "mail/header.h"
#include "report/doc.h"
#include "report/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_LINES = 14, PART_LINES = 60, RAW_MAX = STORE_RAW_MAX + 1 };

/* The first proofs of the last run: probes go out with the likeliest forms first. */
struct newest {
    uint32_t run;
    struct store_listing_proof at[NOTICE_PROOFS_SHOWN];
    char *probe[NOTICE_PROOFS_SHOWN];
    size_t count, all; /* kept; of every run */
};

static void forget(struct newest *w)
{
    while (w->count)
        free(w->probe[--w->count]);
}

static int on_proof(void *ctx, const struct store_listing_proof *p)
{
    struct newest *w = ctx;

    if (w->run != p->run)
        forget(w);
    w->run = p->run;
    w->all++;
    if (w->count == NOTICE_PROOFS_SHOWN)
        return 0;
    w->at[w->count] = *p;
    w->probe[w->count] = span_dup(p->probe);
    return w->probe[w->count++] ? 0 : -ENOMEM;
}

static struct span keep(struct facts *f, struct span s)
{
    char *text = f->text_count < sizeof(f->texts) / sizeof(f->texts[0]) ? span_dup(s) : NULL;

    if (text)
        f->texts[f->text_count++] = text;
    return text ? span_of(text, s.n) : SPAN_NULL;
}

/* The probe behind a token. */
struct probe {
    struct facts *f;
    struct notice_proof *to;
    int64_t target;
    unsigned port;
    bool found;
};

static int on_probe(void *ctx, const struct store_probe *p)
{
    struct probe *b = ctx;

    if (b->found)
        return 0;
    b->found = true;
    b->target = p->target;
    b->port = p->port;
    b->to->mail = keep(b->f, p->mail);
    b->to->rcpt = keep(b->f, p->rcpt);
    return 0;
}

/* ---- of the newest ---- */

static int draw(struct facts *f, const struct store_proof *proof, unsigned port)
{
    static const struct report_style plain = {.width = 78};
    char input[IP_TEXT_MAX], output[IP_TEXT_MAX];
    json_t *doc = json_pack("{ss si}", "input", ip_text(f->l.address, input), "port", (int)port);
    struct report_path path;

    if (!doc || !view_json_chain(doc, proof->chain) ||
        !view_json_text(doc, "source", span_str(store_source_name(proof->source))) ||
        !view_json_text(doc, "output_helo", proof->helo) ||
        (proof->peer.family != IP_NONE &&
         json_object_set_new(doc, "output", json_string(ip_text(proof->peer, output))) < 0)) {
        json_decref(doc);
        return -ENOMEM;
    }
    report_path_of(&path, doc, span_str(input));
    buf_add_str(&f->path, "  ");
    report_path_text(&f->path, &path, &plain);
    if (f->path.n && f->path.p[f->path.n - 1] != '\n')
        buf_add_char(&f->path, '\n');
    json_decref(doc);
    return f->path.err;
}

static int header_of(struct ledger *g, struct facts *f, int64_t proof)
{
    struct buf raw = BUF_INIT(RAW_MAX);
    int rc = store_proof_raw(g->store, proof, &raw);

    if (rc == 0)
        buf_add(&f->header, span_slice(buf_span(&raw), 0,
                                       header_body_offset(buf_span(&raw)) < NOTICE_HEADER_MAX
                                           ? header_body_offset(buf_span(&raw))
                                           : NOTICE_HEADER_MAX));
    buf_deinit(&raw);
    return rc < 0 ? rc : f->header.err;
}

/* ---- the dialogue ---- */

struct excerpt {
    struct span rcpt; /* as escaped text */
    struct buf *out;
};

static bool says(struct span line, const char *verb)
{
    return span_starts(line, SPAN_LIT("C: ")) &&
           span_starts_nocase(span_slice(line, 3, line.n), span_str(verb));
}

/* Where the recipient stands in a transaction that went on to its message; text.n: nowhere. */
static size_t delivered_at(struct span text, struct span rcpt)
{
    for (size_t from = 0;;) {
        size_t at = from + span_find_nocase(span_slice(text, from, text.n), rcpt);
        struct span rest = span_slice(text, at, text.n), line;

        if (at >= text.n)
            return text.n;
        while (span_cut(&rest, '\n', &line) && !says(line, "MAIL") && !says(line, "QUIT"))
            if (says(line, "DATA") || says(line, "BDAT"))
                return at;
        from = at + rcpt.n;
    }
}

static void add_line(struct buf *out, struct span line)
{
    buf_add(out, line);
    buf_add_char(out, '\n');
}

/* The head of the session, and the transaction around `at` up to the end of its message. */
static void cut_out(struct span text, size_t at, struct buf *out)
{
    struct span rest = text, line;
    size_t from = 0, n = 0;
    bool data = false;

    for (; n < HEAD_LINES && span_cut(&rest, '\n', &line) && !says(line, "MAIL"); n++)
        add_line(out, line);
    for (rest = text; span_cut(&rest, '\n', &line) && (size_t)(line.p - text.p) <= at;)
        if (says(line, "MAIL"))
            from = (size_t)(line.p - text.p);
    rest = span_slice(text, from, text.n);
    for (n = 0; n < PART_LINES && span_cut(&rest, '\n', &line); n++) {
        if (data && (says(line, "MAIL") || says(line, "RSET") || says(line, "QUIT")))
            break;
        data = data || says(line, "DATA") || says(line, "BDAT");
        add_line(out, line);
    }
}

static int on_transcript(void *ctx, const struct store_transcript *t)
{
    struct excerpt *e = ctx;
    size_t at = e->out->n || !e->rcpt.n ? t->text.n : delivered_at(t->text, e->rcpt);

    if (at < t->text.n)
        cut_out(t->text, at, e->out);
    return 0;
}

static int dialogue(struct ledger *g, struct facts *f, int64_t target, struct span rcpt)
{
    struct buf shown = BUF_INIT(STORE_TEXT_MAX * 4);
    struct excerpt e = {.out = &f->transcript};
    int rc;

    escape_text(&shown, rcpt);
    e.rcpt = buf_span(&shown);
    rc = store_transcripts_each(g->store, target, on_transcript, &e);
    buf_deinit(&shown);
    return rc < 0 ? rc : f->transcript.err;
}

/* ---- what the run's documents say ---- */

static void add_name(struct facts *f, struct span text)
{
    struct span word = SPAN_NULL;

    if (!span_word(&text, &word) || f->name_count == FACTS_NAMES_MAX)
        return;
    if (span_copy(word, f->names[f->name_count], sizeof(f->names[0])))
        f->name_count++;
}

/* "220 mx.example.org ESMTP": what stands behind the code, which the document may have or not. */
static void add_greeting(struct facts *f, struct span text)
{
    struct span word = SPAN_NULL, rest = text;

    span_word(&rest, &word);
    if (word.n == 3 && ascii_is_digit(word.p[0]))
        text = rest;
    add_name(f, text);
}

static void add_door(struct facts *f, const json_t *door)
{
    const json_t *hello = json_array_get(report_doc_array(door, "ehlo_lines"), 0);

    if (json_is_string(hello))
        add_name(f, span_of(json_string_value(hello), json_string_length(hello)));
    add_greeting(f, report_doc_text(door, "banner"));
}

static void add_advice(struct facts *f, const struct report_target *t)
{
    const json_t *lines = report_doc_array(report_doc_object(t->verdict, "advice"), "lines");

    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i);

        if (!json_is_string(line))
            continue;
        view_safe(&f->advice, span_of(json_string_value(line), json_string_length(line)));
        buf_add_char(&f->advice, '\n');
    }
}

static int documents(struct ledger *g, struct facts *f, const struct advise_book *book, int64_t id)
{
    struct load_faults faults = {0};
    struct store_target target;
    struct report_set set;
    char *name;
    int rc = store_target_get(g->store, id, &target);

    if (rc != STORE_OK)
        return rc < 0 ? rc : 0;
    name = span_dup(target.name);
    if (!name)
        return -ENOMEM;
    target.name = span_of(name, target.name.n);
    target.verdict = SPAN_NULL;
    report_set_init(&set);
    rc = load_target(g->store, &target, LOAD_ALL, &set, &faults);
    if (rc == 0)
        load_advise(book, &set);
    for (size_t i = 0; rc == 0 && i < set.count; i++) {
        for (size_t k = 0; k < json_array_size(set.targets[i].doors); k++)
            add_door(f, json_array_get(set.targets[i].doors, k));
        add_advice(f, &set.targets[i]);
    }
    report_set_deinit(&set);
    free(name);
    return rc < 0 ? rc : f->advice.err;
}

/* ---- together ---- */

static int one_proof(struct ledger *g, const struct advise_book *book, struct facts *f,
                     const struct newest *w, size_t i)
{
    struct notice_proof *to = &f->proofs[f->kept];
    struct probe b = {.f = f, .to = to};
    bool first = f->kept == 0;
    struct store_proof proof;
    struct store_token token;
    int rc;

    *to = (struct notice_proof){
        .wall = w->at[i].wall, .probe = keep(f, span_str(w->probe[i])), .output = w->at[i].output};
    f->kept++;
    rc = store_proof_get(g->store, w->at[i].proof, &proof);
    if (rc != STORE_OK)
        return rc < 0 ? rc : 0;
    token = proof.token;
    to->wall = proof.received_wall_ms / 1000;
    rc = store_probes_of_token(g->store, &token, on_probe, &b);
    if (rc < 0 || !first)
        return rc < 0 ? rc : 0;
    f->n.port = b.port;
    /* The record was good until the next call only. */
    rc = store_proof_get(g->store, w->at[i].proof, &proof);
    rc = rc == STORE_OK ? draw(f, &proof, b.port) : rc;
    if (rc == 0)
        rc = header_of(g, f, w->at[i].proof);
    if (rc == 0 && b.found)
        rc = dialogue(g, f, b.target, to->rcpt);
    if (rc == 0 && b.found)
        rc = documents(g, f, book, b.target);
    return rc < 0 ? rc : 0;
}

static void fill(struct ledger *g, struct facts *f)
{
    const struct list_class *c = list_class_of(&g->classes, span_str(f->class));

    f->n.id = f->l.id;
    f->n.address = f->l.address;
    f->n.class = span_str(f->class);
    f->n.class_text = c ? span_str(c->text) : SPAN_LIT("open relay");
    f->n.provisional = f->l.state == LIST_PROVISIONAL;
    f->n.listed_wall = f->l.changed_wall;
    f->n.expires_wall = f->l.expires_wall;
    f->n.zone = span_str(g->args->zone);
    if (g->args->url)
        buf_addf(&f->page, "%s%lld", g->args->url, (long long)f->l.id);
    f->n.page = buf_span(&f->page);
    f->n.proofs = f->proofs;
    f->n.proof_count = f->kept;
    f->n.path = buf_span(&f->path);
    f->n.proof_header = buf_span(&f->header);
    f->n.transcript = buf_span(&f->transcript);
    f->n.advice = buf_span(&f->advice);
    f->n.now_wall = g->now_wall;
}

int facts_gather(struct ledger *g, const struct advise_book *book, const struct store_listing *l,
                 struct facts *f)
{
    struct newest w = {0};
    int rc;

    *f = (struct facts){
        .l = *l,
        .path = BUF_INIT(NOTICE_TRANSCRIPT_MAX),
        .header = BUF_INIT(NOTICE_HEADER_MAX),
        .transcript = BUF_INIT(STORE_TRANSCRIPT_MAX * 2),
        .advice = BUF_INIT(NOTICE_TRANSCRIPT_MAX),
        .page = BUF_INIT(2000),
    };
    if (!span_copy(l->class, f->class, sizeof(f->class)))
        return -EINVAL;
    f->l.class = span_str(f->class);
    rc = store_listing_proofs_each(g->store, l->id, l->fresh_wall, on_proof, &w);
    for (size_t i = 0; rc == 0 && i < w.count; i++)
        rc = one_proof(g, book, f, &w, i);
    if (rc == 0 && !w.count)
        rc = STORE_NONE;
    forget(&w);
    if (rc == 0) {
        f->n.proof_more = w.all - f->kept;
        fill(g, f);
        rc = f->page.err;
    }
    return rc;
}

void facts_free(struct facts *f)
{
    for (size_t i = 0; i < f->text_count; i++)
        free(f->texts[i]);
    buf_deinit(&f->path);
    buf_deinit(&f->header);
    buf_deinit(&f->transcript);
    buf_deinit(&f->advice);
    buf_deinit(&f->page);
    *f = (struct facts){0};
}
