/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines are built as JSON documents and not printed piece by piece: a comma too many would make a
 * day's evidence unreadable. Memory runs out in one place only (json_dumps of an incomplete object
 * is noticed by the count of failures).
 */
#include "decoy/record.h"

#include "base/escape.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct doc {
    json_t *object;
    unsigned failed;
};

const char *record_time(int64_t wall, char out[RECORD_TIME_MAX])
{
    time_t t = (time_t)wall;
    struct tm tm = {0};

    gmtime_r(&t, &tm);
    snprintf(out, RECORD_TIME_MAX, "%04u-%02u-%02uT%02u:%02u:%02uZ",
             (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
             (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
             (unsigned)tm.tm_sec % 100);
    return out;
}

static void set(struct doc *d, const char *key, json_t *value)
{
    d->failed += json_object_set_new(d->object, key, value) < 0;
}

static json_t *text_of(struct span s, size_t max)
{
    struct buf text = BUF_INIT(4 * RECORD_HEADER_MAX + 16);
    json_t *value;

    escape_text(&text, span_slice(s, 0, max));
    if (s.n > max)
        buf_add_str(&text, "...");
    value = text.err ? NULL : json_stringn(buf_str(&text), text.n);
    buf_deinit(&text);
    return value;
}

static void set_text(struct doc *d, const char *key, struct span s)
{
    if (s.n)
        set(d, key, text_of(s, RECORD_TEXT_MAX));
}

static void set_number(struct doc *d, const char *key, uint64_t n)
{
    set(d, key, json_integer((json_int_t)n));
}

static void set_ip(struct doc *d, const char *key, struct ip ip)
{
    char text[IP_TEXT_MAX];

    if (ip.family != IP_NONE)
        set(d, key, json_string(ip_text(ip, text)));
}

static void append(struct doc *d, json_t *list, json_t *value)
{
    d->failed += json_array_append_new(list, value) < 0;
}

static void set_texts(struct doc *d, const char *key, const struct span *v, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        append(d, list, text_of(v[i], RECORD_TEXT_MAX));
    set(d, key, list);
}

static void start(struct doc *d, const char *type, int64_t wall)
{
    char time[RECORD_TIME_MAX];

    d->object = json_object();
    d->failed = d->object == NULL;
    set(d, "type", json_string(type));
    set(d, "time", json_string(record_time(wall, time)));
    set_number(d, "wall", (uint64_t)wall);
}

static void set_peer(struct doc *d, const struct record_peer *p)
{
    set_ip(d, "client", p->client);
    set_number(d, "port", p->port);
    set_ip(d, "local", p->local);
    set_text(d, "persona", span_str(p->persona));
}

static int finish(struct doc *d, struct buf *out)
{
    char *text = d->failed ? NULL : json_dumps(d->object, JSON_COMPACT);

    json_decref(d->object);
    if (!text)
        return -ENOMEM;
    buf_add_str(out, text);
    buf_add_char(out, '\n');
    free(text);
    return out->err;
}

static void set_judge(struct doc *d, const struct judge *j)
{
    json_t *why = json_array();
    char text[100];

    for (size_t i = 0; i < j->count; i++) {
        snprintf(text, sizeof(text), "%.60s %+d", j->signs[i].name, j->signs[i].weight);
        append(d, why, json_string(text));
    }
    set(d, "verdict", json_string(j->test ? "test" : "spam"));
    set(d, "sum", json_integer(j->sum));
    set(d, "why", why);
}

int record_message(const struct record_message *m, struct buf *out)
{
    struct doc d;

    start(&d, "message", m->peer.wall);
    set_text(&d, "id", span_str(m->id));
    set_text(&d, "session", span_str(m->peer.id));
    set_peer(&d, &m->peer);
    set_text(&d, "helo", m->helo);
    set_text(&d, "tls", m->tls);
    set_text(&d, "login", m->login);
    set_text(&d, "mail", m->mail);
    set_texts(&d, "rcpts", m->rcpts, m->rcpt_shown);
    set_number(&d, "rcpt_count", m->rcpt_count);
    set_number(&d, "size", m->size);
    if (m->foul)
        set(&d, "foul", json_true());
    set(&d, "header", text_of(m->header, RECORD_HEADER_MAX));
    set_text(&d, "body", span_str(m->body));
    set_number(&d, "body_kept", m->body_kept);
    set_number(&d, "again", m->again);
    set_judge(&d, m->judge);
    return finish(&d, out);
}

static void set_codes(struct doc *d, json_t *into, const char *key, const uint16_t *v, size_t n)
{
    json_t *list = json_array();
    char text[8];

    for (size_t i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "%04x", v[i]);
        append(d, list, json_string(text));
    }
    d->failed += json_object_set_new(into, key, list) < 0;
}

static void set_tls(struct doc *d, const struct record_session *s)
{
    const struct clienthello *h = s->hello;
    struct doc tls = {.object = json_object()};
    struct buf ja3 = BUF_INIT(CLIENTHELLO_JA3_MAX);

    clienthello_ja3(h, &ja3);
    set_text(&tls, "version", span_str(s->tls_version));
    set_text(&tls, "cipher", span_str(s->tls_cipher));
    set(&tls, "ja3", json_string(buf_str(&ja3)));
    set_text(&tls, "ja3_md5", span_str(s->ja3_md5));
    set_text(&tls, "name", h->name);
    set_text(&tls, "alpn", span_str(h->alpn));
    set_codes(&tls, tls.object, "versions", h->versions, h->version_count);
    set_codes(&tls, tls.object, "ciphers", h->ciphers, h->cipher_count);
    d->failed += tls.failed;
    set(d, "tls", tls.object);
    buf_deinit(&ja3);
}

static void set_logins(struct doc *d, const struct record_session *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->login_shown; i++) {
        struct doc one = {.object = json_object()};

        set_text(&one, "mech", span_str(s->logins[i].mech));
        set_text(&one, "user", span_str(s->logins[i].user));
        set_text(&one, "password", span_str(s->logins[i].hash));
        d->failed += one.failed;
        append(d, list, one.object);
    }
    set(d, "logins", list);
    set_number(d, "login_count", s->login_count);
}

int record_session(const struct record_session *s, struct buf *out)
{
    struct doc d;

    start(&d, "session", s->peer.wall);
    set_text(&d, "id", span_str(s->peer.id));
    set_peer(&d, &s->peer);
    set_number(&d, "ms", (uint64_t)s->ms);
    set_texts(&d, "helos", s->helos, s->helo_count);
    set_text(&d, "helo_traits", s->helo_traits);
    set(&d, "esmtp", json_boolean(s->esmtp));
    set(&d, "early", json_boolean(s->early));
    set_number(&d, "out_of_turn", s->out_of_turn);
    set_number(&d, "lf_lines", s->lf_lines);
    set_number(&d, "commands", s->commands);
    set_number(&d, "errors", s->errors);
    set_number(&d, "messages", s->messages);
    set_number(&d, "unrecorded", s->unrecorded);
    set_text(&d, "end", span_str(s->end));
    if (s->hello)
        set_tls(&d, s);
    if (s->login_count)
        set_logins(&d, s);
    return finish(&d, out);
}

int record_nomination(const struct record_nomination *n, struct buf *out)
{
    struct doc d;

    start(&d, "nomination", n->wall);
    set_ip(&d, "ip", n->ip);
    set(&d, "source", json_string("decoy"));
    set_text(&d, "reason", span_str(n->reason));
    set_text(&d, "session", span_str(n->session));
    set_text(&d, "helo", n->helo);
    set_text(&d, "mail", n->mail);
    set_text(&d, "rcpt", n->rcpt);
    set_number(&d, "count", n->count);
    return finish(&d, out);
}
