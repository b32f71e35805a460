/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The session's id is not made a NAME: a backend's access rules may know that name, and names are
 * what strangers' PTR records say. It goes where it can only be logged: SESSION (Dovecot) here, and
 * XFORWARD IDENT (Postfix) with each transaction, see backend.c.
 */
#include "gate/identity.h"

#include "smtp/ehlo.h"
#include "smtp/path.h"
#include "smtp/proxy.h"

#include <string.h>

static const struct span unavailable = {"[UNAVAILABLE]", 13};

const char *gate_identity_name(enum gate_identity identity)
{
    static const char *const names[] = {
        [GATE_IDENTITY_XCLIENT] = "xclient",
        [GATE_IDENTITY_PROXY1] = "proxy1",
        [GATE_IDENTITY_PROXY2] = "proxy2",
        [GATE_IDENTITY_TRANSPARENT] = "transparent",
    };

    return names[identity];
}

bool gate_identity_parse(struct span word, enum gate_identity *ret)
{
    for (unsigned i = GATE_IDENTITY_XCLIENT; i <= GATE_IDENTITY_TRANSPARENT; i++) {
        if (span_eq_nocase(word, span_str(gate_identity_name((enum gate_identity)i)))) {
            *ret = (enum gate_identity)i;
            return true;
        }
    }
    return false;
}

void gate_xtext(struct span s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c > 32 && c < 127 && c != '+' && c != '=')
            buf_add_char(out, s.p[i]);
        else
            buf_addf(out, "+%02X", c);
    }
}

/* What can't be shown as it is, is not shown at all: half a name is another name. */
static bool is_plain(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 33 || (unsigned char)s.p[i] > 126)
            return false;
    return s.n > 0;
}

static bool is_hello(struct span s)
{
    struct ip ip;

    if (!is_plain(s) || s.n > SMTP_DOMAIN_MAX)
        return false;
    return smtp_domain_ok(s) || smtp_literal_parse(s, &ip);
}

struct span gate_identity_hello(const struct gate_client *c, const char *us)
{
    struct span helo = span_str(c->helo);

    return is_hello(helo) ? helo : span_str(us);
}

static void add_address(struct ip ip, struct buf *out)
{
    char text[IP_TEXT_MAX];

    if (ip.family == IP_NONE)
        buf_add(out, unavailable);
    else
        buf_addf(out, "%s%s", ip.family == IP_V6 ? "IPV6:" : "", ip_text(ip, text));
}

static void add_port(uint16_t port, struct buf *out)
{
    if (port)
        buf_addf(out, "%u", port);
    else
        buf_add(out, unavailable);
}

/* A login may hold anything that an authenticator takes; all of it survives in xtext. */
static void add_text(const char *text, bool fit, struct buf *out)
{
    if (*text && fit)
        gate_xtext(span_str(text), out);
    else
        buf_add(out, unavailable);
}

/* What may stand for a host in somebody's rules and logs; an address is no name. */
static bool is_name(struct span s)
{
    struct ip ip;

    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_alnum(s.p[i]) && s.p[i] != '.' && s.p[i] != '-' && s.p[i] != '_')
            return false;
    return s.n > 0 && s.n <= SMTP_DOMAIN_MAX && !ip_parse(s, &ip);
}

/* XCLIENT_README: UNAVAILABLE means that there is none, TEMPUNAVAIL that nobody knows. */
static void add_name(const struct gate_client *c, bool fit, struct buf *out)
{
    struct span name = span_str(c->name);

    if (fit && is_name(name))
        buf_add(out, name);
    else if (!fit && c->name_failed)
        buf_add_str(out, "[TEMPUNAVAIL]");
    else
        buf_add(out, unavailable);
}

static void add_value(const struct gate_client *c, enum smtp_attr attr, struct buf *out)
{
    switch (attr) {
    case SMTP_ATTR_NAME:
        add_name(c, c->name_ok, out);
        break;
    case SMTP_ATTR_REVERSE_NAME:
        add_name(c, *c->name, out);
        break;
    case SMTP_ATTR_ADDR:
        add_address(c->ip, out);
        break;
    case SMTP_ATTR_PORT:
        add_port(c->port, out);
        break;
    case SMTP_ATTR_PROTO:
        buf_add_str(out, c->esmtp ? "ESMTP" : "SMTP");
        break;
    case SMTP_ATTR_HELO:
        add_text(c->helo, is_hello(span_str(c->helo)), out);
        break;
    case SMTP_ATTR_LOGIN:
        add_text(c->login, true, out);
        break;
    case SMTP_ATTR_DESTADDR:
        add_address(c->local_ip, out);
        break;
    case SMTP_ATTR_DESTPORT:
        add_port(c->local_port, out);
        break;
    case SMTP_ATTR_SESSION:
        add_text(c->id, true, out);
        break;
    case SMTP_ATTR_IDENT:
    case SMTP_ATTR_SOURCE:
        break;
    }
}

/* NAME before REVERSE_NAME: Postfix sets both by the first. */
static const struct {
    enum smtp_attr attr;
    const char *name;
} order[] = {
    {SMTP_ATTR_SESSION, "SESSION"},
    {SMTP_ATTR_NAME, "NAME"},
    {SMTP_ATTR_REVERSE_NAME, "REVERSE_NAME"},
    {SMTP_ATTR_HELO, "HELO"},
    {SMTP_ATTR_PROTO, "PROTO"},
    {SMTP_ATTR_LOGIN, "LOGIN"},
    {SMTP_ATTR_DESTADDR, "DESTADDR"},
    {SMTP_ATTR_DESTPORT, "DESTPORT"},
    {SMTP_ATTR_PORT, "PORT"},
    {SMTP_ATTR_ADDR, "ADDR"},
};

/* The address of a balancer that could not name its client is nobody's. */
static bool is_known(const struct gate_client *c)
{
    return c->ip.family != IP_NONE && !c->ip_unknown;
}

unsigned gate_identity_xclient(const struct gate_client *c, unsigned takes, struct buf *out)
{
    struct buf word = BUF_INIT(SMTP_COMMAND_MAX * 4);
    size_t room = 0;
    unsigned lines = 0;

    if (!(takes & SMTP_ATTR_ADDR) || !is_known(c))
        return 0;
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if (!(takes & (unsigned)order[i].attr))
            continue;
        buf_clear(&word);
        buf_addf(&word, " %s=", order[i].name);
        add_value(c, order[i].attr, &word);
        if (word.err || word.n > SMTP_COMMAND_MAX - 9) {
            buf_clear(&word);
            buf_addf(&word, " %s=[UNAVAILABLE]", order[i].name);
        }
        if (word.n > room) {
            if (lines++)
                buf_add_str(out, "\r\n");
            buf_add_str(out, "XCLIENT");
            room = SMTP_COMMAND_MAX - 9; /* with the CRLF */
        }
        room -= word.n;
        buf_add(out, buf_span(&word));
    }
    buf_add_str(out, "\r\n");
    lines = word.err || out->err ? 0 : lines;
    buf_deinit(&word);
    return lines;
}

bool gate_identity_proxy1(const struct gate_client *c, struct buf *out)
{
    char from[IP_TEXT_MAX], to[IP_TEXT_MAX];

    if (!is_known(c) || c->ip.family != c->local_ip.family)
        return false;
    buf_addf(out, "PROXY TCP%u %s %s %u %u\r\n", (unsigned)c->ip.family, ip_text(c->ip, from),
             ip_text(c->local_ip, to), c->port ? c->port : SMTP_PROXY_PORT, c->local_port);
    return true;
}

bool gate_identity_proxy2(const struct gate_client *c, struct buf *out)
{
    if (!is_known(c) || c->ip.family != c->local_ip.family)
        return false;
    smtp_proxy2(c->ip, c->port ? c->port : SMTP_PROXY_PORT, c->local_ip, c->local_port, c->tlvs,
                out);
    return true;
}
