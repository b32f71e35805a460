/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order of the questions is the design:
 *
 *   1. Is it a report by its type (RFC 3464, RFC 8098)? Then it is one, whatever else stands in it.
 *   2. Does our mark stand at the top? Then it is our message: it arrived. One exception: some
 *      systems bounce by rewriting the head of the very message. That shows in a Message-ID that
 *      is not ours together with the words of a bounce.
 *   3. Do the words and fields of a bounce or auto-reply stand there?
 *   4. Is our message inside, with a null reverse-path around it? Nobody forwards with that: it is
 *      a bounce.
 *   5. Is our message inside at all?
 *
 * The null reverse-path alone decides nothing, and neither does the sender's name.
 *
 * Not done: bounces that come as an image, in base64 text, or in words of other languages and
 * without a report type. They end as "enclosed" or "other", never as an arrival.
 */
#include "mail/dsn.h"

#include "mail/build.h"
#include "mail/dsn_parts.h"

#include <errno.h>
#include <stdlib.h>

const char *dsn_kind_name(enum dsn_kind kind)
{
    static const char *const names[] = {
        [DSN_KIND_OTHER] = "other",       [DSN_KIND_PROBE] = "probe",
        [DSN_KIND_BOUNCE] = "bounce",     [DSN_KIND_DELAY] = "delay",
        [DSN_KIND_RECEIPT] = "receipt",   [DSN_KIND_AUTO_REPLY] = "auto-reply",
        [DSN_KIND_ENCLOSED] = "enclosed",
    };

    return names[kind];
}

const char *dsn_style_name(enum dsn_style style)
{
    static const char *const names[] = {
        [DSN_STYLE_NONE] = "none",         [DSN_STYLE_REPORT] = "RFC 3464",
        [DSN_STYLE_MDN] = "RFC 8098",      [DSN_STYLE_POSTFIX] = "Postfix",
        [DSN_STYLE_EXIM] = "Exim",         [DSN_STYLE_QMAIL] = "qmail",
        [DSN_STYLE_SENDMAIL] = "Sendmail", [DSN_STYLE_EXCHANGE] = "Exchange",
        [DSN_STYLE_DOMINO] = "Domino",     [DSN_STYLE_COURIER] = "Courier",
        [DSN_STYLE_MERCURY] = "Mercury",   [DSN_STYLE_IMAIL] = "IMail",
        [DSN_STYLE_PLAIN] = "plain",
    };

    return names[style];
}

static bool has_mark(struct span header)
{
    struct header_field field;

    return header_first(header, BUILD_MARK_FIELD, &field);
}

static struct span take_line(struct span *s)
{
    struct span line = SPAN_NULL;

    span_cut(s, '\n', &line);
    return line;
}

static bool is_quote(char c)
{
    return c == '>' || c == '|';
}

static struct span unquoted(struct span line)
{
    while (line.n && (is_quote(line.p[0]) || line.p[0] == ' ' || line.p[0] == '\t'))
        line = span_slice(line, 1, line.n);
    return line;
}

/*
 * Our mark in running text, where a bounce quotes the message. The copy starts at the first line of
 * that paragraph, or where the marks of quotation begin: it is the header as it was sent back. It
 * ends with the text.
 */
static struct span quoted_copy(struct span text)
{
    const char *start = text.p;
    struct span rest = text;
    bool was_quoted = false;

    while (rest.p) {
        struct span line = take_line(&rest), bare = unquoted(line);
        bool quoted = line.n && is_quote(line.p[0]);

        if (quoted && !was_quoted)
            start = line.p;
        was_quoted = quoted;
        if (span_starts_nocase(bare, SPAN_LIT(BUILD_MARK_FIELD ":")))
            return span_of(start, (size_t)(text.p + text.n - start));
        if (span_trim(bare).n == 0 && rest.p)
            start = rest.p;
    }
    return SPAN_NULL;
}

static void look_at_part(const struct mime_part *part, struct dsn_view *v)
{
    bool is_text = span_eq_nocase(part->type, SPAN_LIT("text"));
    bool is_headers = span_ends_nocase(part->subtype, SPAN_LIT("rfc822-headers"));

    if (!v->enclosed.n && (mime_is(part, "message", "rfc822") || is_headers) &&
        has_mark(part->body))
        v->enclosed = part->body;
    if (part->in_message)
        return;
    if (mime_is(part, "message", "delivery-status") ||
        mime_is(part, "message", "global-delivery-status"))
        v->status = part->body;
    else if (mime_is(part, "message", "disposition-notification"))
        v->disposition = part->body;
    else if (is_text && !is_headers && !v->text.p)
        v->text = part->body;
    if (is_text && !is_headers && !v->enclosed.n)
        v->enclosed = quoted_copy(part->body);
}

static void look(struct span message, struct dsn_view *v)
{
    struct mime_iter it;
    struct mime_part part;

    *v = (struct dsn_view){.message = message};
    mime_open(&it, message);
    while (mime_next(&it, &part) == MIME_PART) {
        if (part.depth == 0)
            v->top = part;
        look_at_part(&part, v);
    }
    if (mime_is(&v->top, "multipart", "report"))
        v->report_type = mime_param(v->top.params, "report-type");
    /* The words of a bounce end where the copy begins. */
    if (v->text.n && v->enclosed.p >= v->text.p && v->enclosed.p <= v->text.p + v->text.n)
        v->text.n = (size_t)(v->enclosed.p - v->text.p);
}

/* Whether the top's Message-ID is the one that our mark tells. */
static bool id_is_ours(struct span message)
{
    struct span id = header_address(header_value(message, "Message-ID"));
    struct build_copy copy;
    bool same;

    if (build_copy_read(message, SPAN_NULL, &copy) <= 0)
        return false;
    same = id.n && span_eq_nocase(copy.message_id, id);
    build_copy_deinit(&copy);
    return same;
}

static int settle(struct dsn *d, enum dsn_kind kind, enum dsn_style style, const char *why)
{
    d->kind = kind;
    d->style = style;
    d->why = why;
    return 0;
}

static int by_type(const struct dsn_view *v, struct dsn *d)
{
    int fault;

    if (v->status.p || span_eq_nocase(v->report_type, SPAN_LIT("delivery-status"))) {
        fault = dsn_report_read(v->status, d);
        settle(d, dsn_report_kind(d), DSN_STYLE_REPORT, "a delivery status report");
        return fault < 0 ? fault : 1;
    }
    if (v->disposition.p || span_eq_nocase(v->report_type, SPAN_LIT("disposition-notification"))) {
        fault = dsn_report_read(v->disposition, d);
        settle(d, DSN_KIND_RECEIPT, DSN_STYLE_MDN, "a disposition notification");
        return fault < 0 ? fault : 1;
    }
    return 0;
}

static int decide(const struct dsn_view *v, struct dsn *d)
{
    bool ours = d->has_mark && id_is_ours(v->message);
    int got = by_type(v, d);

    if (got)
        return got < 0 ? got : 0;
    if (ours && !header_value(v->message, "X-Failed-Recipients").n)
        return settle(d, DSN_KIND_PROBE, DSN_STYLE_NONE, "our mark and Message-ID at the top");
    if (dsn_plain_find(v, d))
        return d->kind == DSN_KIND_AUTO_REPLY ? 0 : dsn_plain_read(v, d);
    if (d->has_mark)
        return settle(d, DSN_KIND_PROBE, DSN_STYLE_NONE, "our mark at the top");
    if (v->enclosed.n && d->null_path)
        settle(d, DSN_KIND_BOUNCE, DSN_STYLE_PLAIN, "a null return path around our message");
    else if (v->enclosed.n)
        settle(d, DSN_KIND_ENCLOSED, DSN_STYLE_NONE, "our message inside another");
    else
        settle(d, DSN_KIND_OTHER, DSN_STYLE_NONE, "no mark of ours and no sign of a report");
    return d->kind == DSN_KIND_BOUNCE ? dsn_plain_read(v, d) : 0;
}

int dsn_read(struct span message, struct dsn *ret)
{
    struct dsn d = {0};
    struct header_field path;
    struct dsn_view v;

    *ret = d;
    look(message, &v);
    d.has_mark = has_mark(message);
    d.null_path = header_first(message, "Return-Path", &path) && span_eq(path.body, SPAN_LIT("<>"));
    d.enclosed = v.enclosed;
    if (decide(&v, &d) < 0) {
        dsn_deinit(&d);
        return -ENOMEM;
    }
    *ret = d;
    return 0;
}

void dsn_deinit(struct dsn *dsn)
{
    free(dsn->recipients);
    *dsn = (struct dsn){0};
}
