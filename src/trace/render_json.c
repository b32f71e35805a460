/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Written by hand for speed: in bulk a message costs a few microseconds to judge, and a JSON
 * library would cost more than that for its objects. Texts go through escape_text(), so they are
 * printable ASCII, and what is left to do for JSON is the quote and the backslash.
 */
#include "base/escape.h"
#include "trace/render.h"

#include <time.h>

enum { HEADER_SHOWN = 65536 }; /* octets of a message's header that a nomination carries */

static bool is_plain(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] > '~' || s.p[i] == '"' || s.p[i] == '\\')
            return false;
    return true;
}

static void add_escaped(struct buf *out, struct span s)
{
    struct buf text = BUF_INIT(s.n * 4 + 8);

    escape_text(&text, s);
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"' || text.p[i] == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, text.p[i]);
    }
    if (text.err && !out->err)
        out->err = text.err;
    buf_deinit(&text);
}

static void add_quoted(struct buf *out, struct span s)
{
    buf_add_char(out, '"');
    if (is_plain(s))
        buf_add(out, s);
    else
        add_escaped(out, s);
    buf_add_char(out, '"');
}

static void add_key(struct buf *out, const char *key)
{
    if (out->n && out->p[out->n - 1] != '{')
        buf_add_char(out, ',');
    buf_add_char(out, '"');
    buf_add_str(out, key);
    buf_add(out, SPAN_LIT("\":"));
}

void render_json_text(struct buf *out, const char *key, struct span s)
{
    add_key(out, key);
    add_quoted(out, span_slice(s, 0, RENDER_TEXT_MAX));
}

static void add_some(struct buf *out, const char *key, struct span s)
{
    if (s.n)
        render_json_text(out, key, s);
}

static void add_number(struct buf *out, const char *key, size_t n)
{
    add_key(out, key);
    buf_addf(out, "%zu", n);
}

static void add_flag(struct buf *out, const char *key, bool on)
{
    add_key(out, key);
    buf_add_str(out, on ? "true" : "false");
}

static void add_ip(struct buf *out, const char *key, struct ip ip)
{
    char text[IP_TEXT_MAX];

    if (ip.family != IP_NONE)
        render_json_text(out, key, span_str(ip_text(ip, text)));
}

static void add_host(struct buf *out, const char *key, const struct trace_host *h)
{
    add_key(out, key);
    buf_add_char(out, '{');
    add_ip(out, "address", h->ip);
    add_key(out, "names");
    buf_add_char(out, '[');
    for (size_t i = 0; i < h->name_count; i++) {
        buf_add_str(out, i ? "," : "");
        add_quoted(out, span_slice(h->names[i], 0, RENDER_TEXT_MAX));
    }
    buf_add_char(out, ']');
    if (h->writer)
        render_json_text(out, "product", span_str(received_writer_name(h->writer)));
    add_some(out, "version", h->version);
    render_json_text(out, "witness", span_str(h->witnessed ? "own" : "chain"));
    buf_add_char(out, '}');
}

/* The line of the message and its number among the Received fields, from 1, newest first. */
static void add_note(struct buf *out, const struct trace_note *n)
{
    buf_add_char(out, '{');
    if (n->line)
        add_number(out, "line", n->line);
    if (n->hop != SIZE_MAX)
        add_number(out, "received", n->hop + 1);
    render_json_text(out, "why", span_str(n->why));
    add_some(out, "text", n->about);
    buf_add_char(out, '}');
}

void render_json_verdict(struct buf *out, const struct trace *t)
{
    const char letter[2] = {trace_class_letter(t->class), '\0'};

    render_json_text(out, "class", span_str(letter));
    render_json_text(out, "name", span_str(trace_class_name(t->class)));
    add_number(out, "confidence", t->confidence);
    if (trace_class_blames(t->class)) {
        add_host(out, "culprit", &t->culprit);
    } else {
        add_key(out, "culprit");
        buf_add_str(out, "null");
    }
    if (t->has_accomplice)
        add_host(out, "accomplice", &t->accomplice);
    if (t->source.ip.family != IP_NONE || t->source.name_count)
        add_host(out, "source", &t->source);
    add_ip(out, "nat", t->nat);
    add_key(out, "deciding");
    buf_add_char(out, '[');
    for (size_t i = 0; i < t->note_count; i++) {
        buf_add_str(out, i ? "," : "");
        add_note(out, &t->notes[i]);
    }
    buf_add_str(out, "]");
    add_key(out, "alternatives");
    buf_add_char(out, '[');
    for (size_t i = 0; i < t->other_count; i++) {
        const char other[2] = {trace_class_letter(t->others[i].class), '\0'};

        buf_add_str(out, i ? ",{" : "{");
        render_json_text(out, "class", span_str(other));
        render_json_text(out, "why", span_str(t->others[i].why));
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

static void add_time(struct buf *out, const char *key, int64_t wall)
{
    time_t at = (time_t)wall;
    struct tm tm;

    if (!gmtime_r(&at, &tm))
        return;
    add_key(out, key);
    buf_addf(out, "\"%04d-%02d-%02dT%02d:%02d:%02dZ\"", tm.tm_year + 1900, tm.tm_mon + 1,
             tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void add_hop(struct buf *out, const struct trace_hop *hop)
{
    static const char *const links[] = {
        [TRACE_NO_LINK] = "none",  [TRACE_BY_TOP] = "top",   [TRACE_BY_LOCAL] = "local",
        [TRACE_BY_IP] = "address", [TRACE_BY_NAME] = "name", [TRACE_BY_HELO] = "helo",
        [TRACE_BY_PLACE] = "place"};
    const struct received *r = &hop->r;

    buf_add_char(out, '{');
    add_number(out, "line", hop->line);
    render_json_text(out, "role", span_str(trace_role_name(hop->role)));
    render_json_text(out, "link", span_str(links[hop->link]));
    if (hop->fault)
        render_json_text(out, "fault", span_str(trace_fault_name(hop->fault)));
    add_some(out, "by", r->by);
    if (r->writer)
        render_json_text(out, "product", span_str(received_writer_name(r->writer)));
    add_some(out, "version", r->version);
    add_some(out, "helo", r->helo);
    add_some(out, "reverse", r->name);
    add_ip(out, "address", r->ip);
    if (r->auth != RECEIVED_UNTOLD)
        render_json_text(out, "login", span_str(received_told_name(r->auth)));
    add_some(out, "user", r->auth_user);
    add_some(out, "for", r->rcpt);
    add_some(out, "id", r->id);
    if (r->has_date)
        add_time(out, "time", r->date_wall);
    buf_add_char(out, '}');
}

void render_json(struct buf *out, const struct trace *t, struct span where, bool hops)
{
    buf_add_char(out, '{');
    render_json_text(out, "type", SPAN_LIT("message"));
    render_json_text(out, "where", where);
    add_some(out, "message_id", t->message_id);
    add_some(out, "from", t->from);
    render_json_verdict(out, t);
    add_key(out, "boundary");
    buf_add_char(out, '{');
    add_number(out, "own", t->own);
    add_number(out, "genuine", t->genuine);
    add_number(out, "lines", t->count);
    add_flag(out, "guessed", t->guessed);
    buf_add_char(out, '}');
    if (hops) {
        add_key(out, "hops");
        buf_add_char(out, '[');
        for (size_t i = 0; i < t->count; i++) {
            buf_add_str(out, i ? "," : "");
            add_hop(out, &t->hops[i]);
        }
        buf_add_char(out, ']');
    }
    buf_add_str(out, "}\n");
}

static struct span header_of(struct span message)
{
    for (size_t i = 0; i + 1 < message.n; i++)
        if (message.p[i] == '\n' &&
            (message.p[i + 1] == '\n' ||
             (message.p[i + 1] == '\r' && i + 2 < message.n && message.p[i + 2] == '\n')))
            return span_slice(message, 0, i + 1 < HEADER_SHOWN ? i + 1 : HEADER_SHOWN);
    return span_slice(message, 0, HEADER_SHOWN);
}

/* An address that a mail server on the Internet can have (or an example of one). */
static bool is_host(struct ip ip)
{
    enum ip_space space = ip_space(ip);

    return ip.family != IP_NONE &&
           (space == IP_PUBLIC || space == IP_DOCUMENT || space == IP_BENCHMARK);
}

bool render_nomination(struct buf *out, const struct trace *t, struct span message, int64_t wall)
{
    const char letter[2] = {trace_class_letter(t->class), '\0'};

    if (!trace_class_blames(t->class) || !is_host(t->culprit.ip))
        return false;
    buf_add_char(out, '{');
    render_json_text(out, "type", SPAN_LIT("nomination"));
    add_time(out, "time", wall);
    add_number(out, "wall", (size_t)(wall > 0 ? wall : 0));
    add_ip(out, "ip", t->culprit.ip);
    render_json_text(out, "source", SPAN_LIT("trace"));
    render_json_text(out, "reason", SPAN_LIT("relayed"));
    render_json_text(out, "class", span_str(letter));
    add_number(out, "confidence", t->confidence);
    render_json_text(out, "witness", span_str(t->culprit.witnessed ? "own" : "chain"));
    add_host(out, "culprit", &t->culprit);
    add_some(out, "message_id", t->message_id);
    add_number(out, "count", 1);
    add_key(out, "message");
    add_quoted(out, header_of(message));
    buf_add_str(out, "}\n");
    return true;
}
