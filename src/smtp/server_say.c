/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All octets that the server sends are written here, so that the form of a reply (RFC 5321
 * §4.2.1) is kept in one place: no owner's text, and no client's word echoed in one, can make a
 * line end, a line over 512 octets, or a reply without end.
 */
#include "smtp/server_priv.h"

#include <assert.h>

static void write_line(struct buf *out, const struct smtp_say *say, char sep, struct span text)
{
    /* A challenge may be as long as what answers it, RFC 4954 §4. */
    size_t room = (say->code == 334 ? SMTP_AUTH_MAX : SMTP_REPLY_MAX) - 2 - 4;

    buf_addf(out, "%03u%c", say->code, sep);
    if (say->enhanced) {
        size_t n = span_str(say->enhanced).n + 1;

        buf_addf(out, "%s ", say->enhanced);
        room -= n < room ? n : room;
    }
    for (size_t i = 0; i < text.n && i < room; i++) {
        unsigned char c = (unsigned char)text.p[i];

        buf_add_char(out, c < 32 || c == 127 ? '?' : text.p[i]);
    }
    buf_add(out, SPAN_LIT("\r\n"));
}

void server_write(struct buf *out, const struct smtp_say *say)
{
    struct span rest = say->text ? span_str(say->text) : SPAN_LIT("Ok"), line;
    unsigned lines = 0;

    assert(say->code >= 200 && say->code <= 599);
    while (span_cut(&rest, '\n', &line)) {
        bool last = !rest.p || ++lines == SMTP_SAY_LINES;

        write_line(out, say, last ? ' ' : '-', line);
        if (last)
            break;
    }
}

/* Out of memory there is nothing left to say. */
static void check_out(struct smtp_server *s)
{
    if (s->out.err) {
        s->state = SMTP_SERVER_CLOSED;
        s->end = SMTP_END_FAULT;
    }
}

static void count_error(struct smtp_server *s)
{
    unsigned max = s->config->error_max;

    if (++s->errors > max && max)
        server_end(s, SMTP_END_ERRORS, 421, "4.7.0", "Too many errors");
}

void server_reply(struct smtp_server *s, const struct smtp_say *say)
{
    server_write(&s->out, say);
    check_out(s);
    if (s->state == SMTP_SERVER_CLOSED)
        return;
    if (say->code == 421) {
        s->state = SMTP_SERVER_CLOSED;
        s->end = SMTP_END_REFUSED;
    } else if (say->code >= 400) {
        count_error(s);
    }
}

void server_say(struct smtp_server *s, unsigned code, const char *enhanced, const char *text)
{
    struct smtp_say say = {(uint16_t)code, enhanced, text};

    server_reply(s, &say);
}

void server_fault(struct smtp_server *s, const struct smtp_fault *fault)
{
    server_say(s, fault->code, fault->enhanced, fault->text);
}

void server_end(struct smtp_server *s, enum smtp_server_end end, unsigned code,
                const char *enhanced, const char *text)
{
    struct smtp_say say = {(uint16_t)code, enhanced, text};

    if (s->state == SMTP_SERVER_CLOSED)
        return;
    server_write(&s->out, &say);
    s->state = SMTP_SERVER_CLOSED;
    s->end = end;
    check_out(s);
}

void server_say_later(struct smtp_server *s)
{
    buf_add(&s->out, buf_span(&s->later));
    buf_clear(&s->later);
    buf_shrink(&s->later);
    check_out(s);
}

void server_say_greeting(struct smtp_server *s, const struct smtp_say *say)
{
    struct buf text = BUF_INIT(SMTP_REPLY_MAX);
    struct smtp_say whole = *say;

    if (!say->text) {
        buf_addf(&text, "%s ESMTP%s%s", s->config->name, s->config->software ? " " : "",
                 s->config->software ? s->config->software : "");
        whole.text = buf_str(&text);
    }
    whole.enhanced = NULL; /* a greeting has none, RFC 2034 §4 */
    server_write(&s->out, &whole);
    check_out(s);
    buf_deinit(&text);
}

static const char *server_mechs(const struct smtp_server *s)
{
    if (s->mechs)
        return s->mechs;
    return s->config->mechs ? s->config->mechs : "";
}

unsigned server_offers(const struct smtp_server *s)
{
    unsigned ext = s->config->ext & ~(unsigned)SMTP_EXT_AUTH;

    if (s->tls)
        ext &= ~(unsigned)SMTP_EXT_STARTTLS;
    if (s->ops->auth && *server_mechs(s))
        ext |= SMTP_EXT_AUTH;
    return ext & ~s->hide;
}

static void add_keywords(const struct smtp_server *s, struct buf *text)
{
    static const enum smtp_ext plain[] = {
        SMTP_EXT_PIPELINING, SMTP_EXT_8BITMIME, SMTP_EXT_SMTPUTF8,    SMTP_EXT_CHUNKING,
        SMTP_EXT_BINARYMIME, SMTP_EXT_DSN,      SMTP_EXT_ETRN,        SMTP_EXT_STARTTLS,
        SMTP_EXT_VRFY,       SMTP_EXT_HELP,     SMTP_EXT_PIPECONNECT,
    };
    unsigned ext = server_offers(s);

    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        if (ext & plain[i])
            buf_addf(text, "\n%s", smtp_ext_name(plain[i]));
    if (ext & SMTP_EXT_SIZE)
        buf_addf(text, "\nSIZE %llu",
                 (unsigned long long)(s->size_shown ? s->size_shown : s->config->size_max));
    if (ext & SMTP_EXT_AUTH)
        buf_addf(text, "\nAUTH %s", server_mechs(s));
    if (ext & SMTP_EXT_XCLIENT)
        buf_add_str(text, "\nXCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT");
    if (ext & SMTP_EXT_XFORWARD)
        buf_add_str(text, "\nXFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE");
    if ((ext & SMTP_EXT_LIMITS) && s->config->rcpt_max)
        buf_addf(text, "\nLIMITS RCPTMAX=%u", s->config->rcpt_max);
    if (ext & SMTP_EXT_ENHANCED)
        buf_addf(text, "\n%s", smtp_ext_name(SMTP_EXT_ENHANCED));
}

/* The client's address is shown because that is what a client behind a NAT wants to know. */
void server_say_hello(struct smtp_server *s, const struct smtp_say *say)
{
    struct buf text = BUF_INIT(SMTP_OUT_HIGH);
    struct smtp_say whole = {250, NULL, NULL}; /* no enhanced codes in hello, RFC 2034 §4 */
    char ip[IP_TEXT_MAX];

    if (say->text)
        buf_add_str(&text, say->text);
    else if (s->client.family == IP_NONE)
        buf_addf(&text, "%s Hello %s", s->config->name, s->hello);
    else
        buf_addf(&text, "%s Hello %s [%s]", s->config->name, s->hello, ip_text(s->client, ip));
    if (s->esmtp)
        add_keywords(s, &text);
    whole.text = buf_str(&text);
    server_write(&s->out, &whole);
    if (text.err)
        s->out.err = text.err;
    check_out(s);
    buf_deinit(&text);
}
