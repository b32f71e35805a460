/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The signs and their weights. One recipient and a short text alone (2) are no test, since much
 * spam is that too; with the decoy's own address in it, which no spammer has a reason to write into
 * a mailing, they are. Marks of known testers come from data. Signs of a mailing weigh against,
 * but never so much that a tester who tries his whole catalogue in a row is taken for a spammer.
 *
 * An address is looked for in the forms that testers use to hide it from filters: dotted, dashed,
 * hexadecimal, decimal, and in reverse.
 */
#include "decoy/judge.h"

#include "base/num.h"
#include "mail/header.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const known[] = {"Id", "Where", "Match", "Weight", "Source", NULL};

static int fail(struct rows_error *err, const struct row *row, const char *field, const char *why)
{
    rows_fail(err, row_line(row, field), "%s: %s", field, why);
    return -EINVAL;
}

static bool read_where(const char *text, unsigned *ret)
{
    static const struct {
        const char *word;
        unsigned bit;
    } words[] = {
        {"helo", JUDGE_HELO}, {"mail", JUDGE_MAIL}, {"rcpt", JUDGE_RCPT}, {"text", JUDGE_TEXT}};
    struct span rest = span_str(text), word;

    *ret = 0;
    while (span_word(&rest, &word)) {
        size_t i = 0;

        while (i < 4 && !span_eq(word, span_str(words[i].word)))
            i++;
        if (i == 4)
            return false;
        *ret |= words[i].bit;
    }
    return *ret != 0;
}

static int read_mark(const struct row *row, struct judge_mark *m, struct rows_error *err)
{
    const struct row_field *unknown = row_unknown(row, known);
    const char *id = row_get(row, "Id"), *match = row_get(row, "Match");
    const char *weight = row_get(row, "Weight");

    if (unknown) {
        rows_fail(err, unknown->line, "a mark has no field \"%.*s\"",
                  (int)(unknown->name.n < 40 ? unknown->name.n : 40), unknown->name.p);
        return -EINVAL;
    }
    if (!id || !*id)
        return fail(err, row, "Id", "missing");
    if (!match || strlen(match) < 3)
        return fail(err, row, "Match", "wants a text of three characters or more");
    if (!row_get(row, "Source"))
        return fail(err, row, "Source", "missing");
    if (!read_where(row_get(row, "Where"), &m->where))
        return fail(err, row, "Where", "words of helo, mail, rcpt, text");
    if (!weight || !num_uint(span_str(weight), 1, 9, &m->weight))
        return fail(err, row, "Weight", "a number from 1 to 9");
    m->id = span_dup(span_str(id));
    m->match = span_dup(span_str(match));
    return m->id && m->match ? 0 : -ENOMEM;
}

void judge_marks_deinit(struct judge_marks *m)
{
    for (size_t i = 0; i < m->count; i++) {
        free(m->v[i].id);
        free(m->v[i].match);
    }
    free(m->v);
    *m = (struct judge_marks){0};
}

static int add_mark(void *marks, const struct row *row, struct rows_error *err)
{
    struct judge_marks *m = marks;

    if (m->count == JUDGE_MARKS_MAX)
        return fail(err, row, "Id", "too many marks");
    if (array_grow(&m->v, &m->cap, sizeof(m->v[0]), m->count + 1) < 0)
        return -ENOMEM;
    m->v[m->count] = (struct judge_mark){0};
    return read_mark(row, &m->v[m->count++], err);
}

int judge_marks_read(struct span text, struct judge_marks *ret, struct rows_error *err)
{
    int got;

    *ret = (struct judge_marks){0};
    got = rows_each(text, add_mark, ret, err);
    if (got < 0)
        judge_marks_deinit(ret);
    return got;
}

static void sign(struct judge *j, const char *name, int weight)
{
    j->sum += weight;
    if (j->count < JUDGE_SIGNS_MAX)
        j->signs[j->count++] = (struct judge_sign){name, weight};
}

/* In the envelope's texts that `where` names, or in the message. */
static bool seen(const struct judge_case *c, unsigned where, struct span what)
{
    if (where & JUDGE_HELO && span_has_nocase(c->helo, what))
        return true;
    if (where & JUDGE_MAIL && span_has_nocase(c->mail, what))
        return true;
    for (size_t i = 0; where & JUDGE_RCPT && i < c->rcpt_shown; i++)
        if (span_has_nocase(c->rcpts[i], what))
            return true;
    return where & JUDGE_TEXT && span_has_nocase(span_slice(c->text, 0, JUDGE_TEXT_MAX), what);
}

enum { FORMS = 5, FORM_MAX = 48 };

/* The ways to write an address; returns how many there are. */
static size_t forms_of(struct ip ip, char ret[FORMS][FORM_MAX])
{
    uint32_t v = num_get32(ip.b);

    ip_text(ip, ret[0]);
    if (ip.family != IP_V4)
        return ip.family == IP_NONE ? 0 : 1;
    snprintf(ret[1], FORM_MAX, "%u-%u-%u-%u", ip.b[0], ip.b[1], ip.b[2], ip.b[3]);
    snprintf(ret[2], FORM_MAX, "%08x", v);
    snprintf(ret[3], FORM_MAX, "%u.%u.%u.%u", ip.b[3], ip.b[2], ip.b[1], ip.b[0]);
    snprintf(ret[4], FORM_MAX, "%u", v);
    return FORMS;
}

static bool own_seen(const struct judge_case *c, unsigned where)
{
    char forms[FORMS][FORM_MAX];

    if (*c->host && seen(c, where, span_str(c->host)))
        return true;
    for (size_t i = 0; i < c->own_count; i++) {
        size_t n = forms_of(c->own[i], forms);

        for (size_t k = 0; k < n; k++)
            if (seen(c, where, span_str(forms[k])))
                return true;
    }
    return false;
}

static unsigned links(struct span text)
{
    unsigned n = 0;

    text = span_slice(text, 0, JUDGE_TEXT_MAX);
    for (size_t at; n < 10 && (at = span_find_nocase(text, SPAN_LIT("://"))) < text.n; n++)
        text = span_slice(text, at + 3, text.n);
    return n;
}

static void judge_shape(const struct judge_case *c, struct judge *j)
{
    struct span type = header_value(c->text, "Content-Type");

    if (c->rcpt_count == 1)
        sign(j, "one-recipient", 1);
    if (c->rcpt_count >= JUDGE_CROWD)
        sign(j, "many-recipients", -2);
    if (c->rcpt_count >= JUDGE_MASS)
        sign(j, "mass-mailing", -3);
    if (c->size <= JUDGE_SHORT)
        sign(j, "short", 1);
    if (c->size > JUDGE_LONG)
        sign(j, "long", -2);
    if (span_has_nocase(type, SPAN_LIT("text/html")) ||
        span_has_nocase(type, SPAN_LIT("multipart/")))
        sign(j, "made-up-text", -1);
    if (links(header_body(c->text)) > 2)
        sign(j, "links", -1);
}

static void judge_habits(const struct judge_case *c, struct judge *j)
{
    if (c->earlier == 0)
        sign(j, "first-of-client", 0);
    if (c->earlier > JUDGE_BUSY)
        sign(j, "busy-client", -1);
    if (c->again >= JUDGE_AGAIN)
        sign(j, "seen-before", -2);
}

void judge_message(const struct judge_marks *marks, const struct judge_case *c, struct judge *ret)
{
    unsigned best = 0;

    *ret = (struct judge){0};
    judge_shape(c, ret);
    judge_habits(c, ret);
    if (own_seen(c, JUDGE_TEXT))
        sign(ret, "own-address-in-text", 3);
    if (own_seen(c, JUDGE_MAIL | JUDGE_RCPT))
        sign(ret, "own-address-in-envelope", 2);
    /* Several words of one tester are one sign: the strongest counts, the others are told. */
    for (size_t i = 0; i < marks->count; i++) {
        const struct judge_mark *m = &marks->v[i];

        if (!seen(c, m->where, span_str(m->match)))
            continue;
        sign(ret, m->id, m->weight > best ? (int)(m->weight - best) : 0);
        best = m->weight > best ? m->weight : best;
    }
    ret->test = ret->sum >= JUDGE_TEST;
}

static void word(struct buf *out, const char *text)
{
    buf_addf(out, "%s%s", out->n ? "," : "", text);
}

static bool is_own(struct ip ip, const struct ip *own, size_t own_count)
{
    for (size_t i = 0; i < own_count; i++)
        if (ip_eq(ip, own[i]))
            return true;
    return false;
}

void judge_helo(struct span helo, struct ip client, const char *host, const struct ip *own,
                size_t own_count, struct buf *out)
{
    struct span inner = helo;
    struct ip ip = {0};
    bool literal = helo.n > 2 && helo.p[0] == '[' && helo.p[helo.n - 1] == ']';

    if (literal)
        inner = span_slice(helo, 1, helo.n - 1);
    if (span_starts_nocase(inner, SPAN_LIT("IPv6:")))
        inner = span_slice(inner, 5, inner.n);
    if (helo.n == 0) {
        word(out, "none");
    } else if (ip_parse(inner, &ip)) {
        word(out, literal ? "literal" : "bare-address");
        word(out, ip_eq(ip, client)            ? "true-address"
                  : is_own(ip, own, own_count) ? "our-address"
                                               : "false-address");
    } else if (span_eq_nocase(helo, span_str(host))) {
        word(out, "our-name");
    } else if (span_find(helo, '.') == helo.n) {
        word(out, "no-dot");
    }
    for (size_t i = 0; i < helo.n; i++)
        if (!ascii_is_alnum(helo.p[i]) && !strchr(".-[]:", helo.p[i])) {
            word(out, "odd-characters");
            break;
        }
    if (span_has_nocase(helo, SPAN_LIT("localhost")))
        word(out, "localhost");
}
