/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For the tests: a Received line, and one line of text that shows every field of it that is set, so
 * that one set by mistake fails too.
 */
#ifndef POSTERN_MAIL_RECEIVED_SHOWN_TEST_H
#define POSTERN_MAIL_RECEIVED_SHOWN_TEST_H

#include "mail/received.h"

#include "base/buf.h"
#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static inline void add(struct buf *out, const char *key, struct span s)
{
    if (s.n)
        buf_addf(out, " %s=%.*s", key, SPAN_ARG(s));
}

static inline void add_ip(struct buf *out, const char *key, struct ip ip)
{
    char text[IP_TEXT_MAX];

    if (ip.family != IP_NONE)
        buf_addf(out, " %s=%s", key, ip_text(ip, text));
}

static inline const char *show(const struct received *r, struct buf *out)
{
    buf_clear(out);
    buf_add_str(out, received_writer_name(r->writer));
    add(out, "v", r->version);
    add(out, "helo", r->helo);
    if (r->helo_is_literal)
        buf_add_str(out, " literal");
    if (r->helo_apart)
        buf_add_str(out, " apart");
    add_ip(out, "heloip", r->helo_ip);
    add(out, "name", r->name);
    add(out, "ident", r->ident);
    add_ip(out, "ip", r->ip);
    if (r->port)
        buf_addf(out, " port=%u", r->port);
    if (r->may_be_forged)
        buf_add_str(out, " forged");
    if (r->local)
        buf_add_str(out, " local");
    add(out, "by", r->by);
    add_ip(out, "byip", r->by_ip);
    add(out, "via", r->via);
    add(out, "with", r->with);
    if (r->tls != RECEIVED_UNTOLD)
        buf_addf(out, " tls=%s", received_told_name(r->tls));
    if (r->auth != RECEIVED_UNTOLD)
        buf_addf(out, " auth=%s", received_told_name(r->auth));
    add(out, "user", r->auth_user);
    add(out, "id", r->id);
    add(out, "for", r->rcpt);
    if (r->rcpt_more)
        buf_addf(out, " more=%u", r->rcpt_more);
    if (r->has_sender)
        buf_addf(out, " sender=<%.*s>", SPAN_ARG(r->sender));
    if (r->has_date)
        buf_addf(out, " date=%lld%+d", (long long)r->date_wall, r->zone_minutes);
    return buf_str(out);
}

struct writer_case {
    const char *name, *text, *want;
};

static inline void check(const struct writer_case *cases, size_t count)
{
    struct guard g = {0};
    struct buf out = BUF_INIT(10000);
    unsigned wrong = 0;

    for (size_t i = 0; i < count; i++) {
        enum received_got got;
        struct received r;

        got = received_parse(guard_str(&g, cases[i].text), &r);
        if (got != RECEIVED_OK || strcmp(show(&r, &out), cases[i].want) != 0) {
            print_error("%s:\n  got  %s\n  want %s\n", cases[i].name, buf_str(&out), cases[i].want);
            wrong++;
        }
    }
    buf_deinit(&out);
    guard_free(&g);
    assert_int_equal(wrong, 0);
}

#define DATE "Mon, 8 Oct 2001 14:00:00 +0200"
#define WHEN " date=1002542400+120"

#endif
