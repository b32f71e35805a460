/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Up to a NUL a client's line, behind it a server's bytes; what we send is one line a question. */
#include "auth/dovecot.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_ready(void *cookie, struct auth_dovecot *d)
{
}

static void on_answer(void *cookie, uint32_t id, void *owner, const struct auth_dovecot_answer *a)
{
    if (a->got == AUTH_OK && !auth_login_ok(span_str(a->login)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct auth_dovecot_events events = {.ready = on_ready, .answer = on_answer};
    static const struct auth_facts facts = {.tls = true, .sni = "", .cert_login = ""};
    static const struct auth_offer offer = {0};
    struct span in = span_of(data, size), line = SPAN_NULL, out;
    struct auth_dovecot *d;
    uint32_t id = 0;

    span_cut(&in, '\0', &line);
    if (auth_dovecot_new(&events, NULL, 1, &d) < 0)
        return 0;
    auth_dovecot_start(d);
    auth_dovecot_feed(d, SPAN_LIT("VERSION\t1\t2\nMECH\tPLAIN\nDONE\n"));
    buf_clear(auth_dovecot_out(d));
    auth_dovecot_ask(d, &offer, &facts, line, NULL, &id);
    out = buf_span(auth_dovecot_out(d));
    if (out.n && span_find(out, '\n') != out.n - 1)
        abort();
    auth_dovecot_feed(d, in);
    auth_dovecot_continue(d, id, line);
    auth_dovecot_lost(d);
    auth_dovecot_free(&d);
    return 0;
}
