/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The edits of all findings as one unified diff. Edits are whole lines; those of one file are put
 * in order, what overlaps a worse finding's edit is left out (auditing again after the patch shows
 * it again), and neighbours closer than twice the context share a hunk.
 */
#include "audit/out.h"

#include <errno.h>
#include <stdlib.h>

enum { CONTEXT = 3 };

struct patch {
    const struct audit *a;
    struct buf *out;
    const struct audit_edit **edits; /* of one file, in order */
    size_t count, cap;
    struct span *lines; /* of that file, without newlines */
    size_t line_count, line_cap;
    bool no_newline; /* at the end of the file */
};

/* The lines [from, to) that an edit takes away, from 0. */
static void extent(const struct audit_edit *e, size_t *ret_from, size_t *ret_to)
{
    *ret_from = e->kind == AUDIT_EDIT_INSERT ? e->first : e->first - 1;
    *ret_to = e->kind == AUDIT_EDIT_INSERT ? e->first : e->last;
}

static bool clash(const struct audit_edit *a, const struct audit_edit *b)
{
    size_t af, at, bf, bt;

    extent(a, &af, &at);
    extent(b, &bf, &bt);
    if (af == bf && at == bt)
        return true;
    return af < bt && bf < at;
}

static int by_place(const void *pa, const void *pb)
{
    size_t af, at, bf, bt;

    extent(*(const struct audit_edit *const *)pa, &af, &at);
    extent(*(const struct audit_edit *const *)pb, &bf, &bt);
    return af < bf ? -1 : af > bf ? 1 : at < bt ? -1 : at > bt;
}

static bool fits(const struct patch *p, const struct audit_edit *e)
{
    size_t from, to;

    extent(e, &from, &to);
    if (from > to || to > p->line_count || (e->kind != AUDIT_EDIT_INSERT && e->first == 0))
        return false;
    for (size_t i = 0; i < p->count; i++)
        if (clash(p->edits[i], e))
            return false;
    return true;
}

static void split(struct patch *p, struct span text)
{
    struct span line;

    p->line_count = 0;
    p->no_newline = text.n > 0 && text.p[text.n - 1] != '\n';
    while (text.n > 0 && span_cut(&text, '\n', &line)) {
        if (array_grow(&p->lines, &p->line_cap, sizeof(p->lines[0]), p->line_count + 1) < 0) {
            p->out->err = p->out->err ? p->out->err : -ENOMEM;
            return;
        }
        p->lines[p->line_count++] = line;
    }
}

static void put(struct patch *p, char sign, size_t i)
{
    buf_add_char(p->out, sign);
    buf_add(p->out, p->lines[i]);
    buf_add_char(p->out, '\n');
    if (p->no_newline && i + 1 == p->line_count)
        buf_add_str(p->out, "\\ No newline at end of file\n");
}

/* A last line without a newline must get one before something can stand behind it. */
static void put_before(struct patch *p, size_t i, bool insertion)
{
    if (!insertion || !p->no_newline || i + 1 != p->line_count) {
        put(p, ' ', i);
        return;
    }
    put(p, '-', i);
    buf_add_char(p->out, '+');
    buf_add(p->out, p->lines[i]);
    buf_add_char(p->out, '\n');
}

static size_t new_lines(const struct audit_edit *e)
{
    size_t n = e->text ? 1 : 0;

    for (const char *c = e->text; c && *c; c++)
        n += *c == '\n';
    return e->kind == AUDIT_EDIT_DELETE ? 0 : n;
}

static void put_new(struct patch *p, const struct audit_edit *e)
{
    struct span text = span_str(e->text), line;

    if (e->kind == AUDIT_EDIT_DELETE || !e->text)
        return;
    while (span_cut(&text, '\n', &line)) {
        buf_add_char(p->out, '+');
        buf_add(p->out, line);
        buf_add_char(p->out, '\n');
    }
}

/* Edits [first, last] are one hunk; `shift` is by how much earlier hunks made the file longer. */
static long hunk(struct patch *p, size_t first, size_t last, long shift)
{
    size_t from, to, end, at, old = 0, added = 0;

    extent(p->edits[first], &from, &to);
    at = from > CONTEXT ? from - CONTEXT : 0;
    extent(p->edits[last], &from, &end);
    end = end + CONTEXT < p->line_count ? end + CONTEXT : p->line_count;
    old = end - at;
    added = old;
    for (size_t i = first; i <= last; i++) {
        extent(p->edits[i], &from, &to);
        added = added + new_lines(p->edits[i]) - (to - from);
    }
    buf_addf(p->out, "@@ -%zu,%zu +%ld,%zu @@\n", old ? at + 1 : at, old,
             (long)(added ? at + 1 : at) + shift, added);
    for (size_t i = first; i <= last; i++) {
        extent(p->edits[i], &from, &to);
        for (; at < from; at++)
            put_before(p, at, p->edits[i]->kind == AUDIT_EDIT_INSERT && at + 1 == from);
        for (; at < to; at++)
            put(p, '-', at);
        put_new(p, p->edits[i]);
    }
    for (; at < end; at++)
        put(p, ' ', at);
    return shift + (long)added - (long)old;
}

static const char *relative(const char *file)
{
    while (*file == '/')
        file++;
    return file;
}

static void one_file(struct patch *p, const char *file)
{
    long shift = 0;

    qsort(p->edits, p->count, sizeof(p->edits[0]), by_place);
    buf_addf(p->out, "--- a/%s\n+++ b/%s\n", relative(file), relative(file));
    for (size_t i = 0, k; i < p->count; i = k + 1) {
        size_t from, to, next, end;

        for (k = i; k + 1 < p->count; k++) {
            extent(p->edits[k], &from, &to);
            extent(p->edits[k + 1], &next, &end);
            if (next > to + 2 * CONTEXT)
                break;
        }
        shift = hunk(p, i, k, shift);
    }
}

static bool is_first(const struct audit_finding *const *v, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (v[k]->edit.kind != AUDIT_EDIT_NONE && v[k]->severity > AUDIT_NOTE &&
            strcmp(v[k]->edit.file, v[i]->edit.file) == 0)
            return false;
    return true;
}

/* Takes those edits of the findings that are for this file; how many. */
static size_t collect(struct patch *p, const struct audit_finding *const *v, size_t count,
                      const char *file)
{
    p->count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct audit_edit *e = &v[i]->edit;

        if (e->kind == AUDIT_EDIT_NONE || v[i]->severity == AUDIT_NOTE ||
            strcmp(e->file, file) != 0 || !fits(p, e))
            continue;
        if (array_grow(&p->edits, &p->cap, sizeof(p->edits[0]), p->count + 1) < 0) {
            p->out->err = p->out->err ? p->out->err : -ENOMEM;
            break;
        }
        p->edits[p->count++] = e;
    }
    return p->count;
}

void audit_out_patch(const struct audit *a, struct buf *out, size_t *ret_left)
{
    size_t count, done = 0, counting = 0;
    const struct audit_finding *const *v = audit_findings(a, &count);
    struct patch p = {.a = a, .out = out};
    struct span text;

    for (size_t i = 0; i < count; i++) {
        counting += v[i]->severity > AUDIT_NOTE;
        if (v[i]->edit.kind == AUDIT_EDIT_NONE || v[i]->severity == AUDIT_NOTE || !is_first(v, i) ||
            audit_read_before(a, v[i]->edit.file, &text) != AUDIT_FILE_OK)
            continue;
        split(&p, text);
        if (collect(&p, v, count, v[i]->edit.file) > 0)
            one_file(&p, v[i]->edit.file);
        done += p.count;
    }
    *ret_left = counting > done ? counting - done : 0;
    free(p.edits);
    free(p.lines);
}
