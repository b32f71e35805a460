/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The handshake itself refuses no certificate: it is judged when TLS is up and nothing was said,
 * so that the reason can name the key that was shown. An admin who knows it to be right makes a pin
 * of it; one who does not has caught somebody.
 *
 * A backend that has to be known is spoken to with TLS 1.2 at least: below that somebody between
 * could break the handshake, and what it proves with it. Whoever has an old one may say
 * "unverified", and knows then what he has. Its chain needs keys of today; a key that was pinned is
 * the admin's own choice.
 */
#include "cmd/gate/trust.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct trust {
    struct tls_context *any, *strict;
};

int trust_open(const char *ca, struct trust **ret, char err[TLS_ERROR_MAX])
{
    struct tls_client_options any = {0}, strict = {.strict = true, .ca_file = ca};
    struct trust *t = calloc(1, sizeof(*t));
    int r = -ENOMEM;

    snprintf(err, TLS_ERROR_MAX, "out of memory");
    if (t)
        r = tls_client_new(&any, &t->any, err);
    if (r == 0)
        r = tls_client_new(&strict, &t->strict, err);
    if (r < 0)
        trust_close(&t);
    else
        *ret = t;
    return r;
}

void trust_close(struct trust **pt)
{
    struct trust *t = *pt;

    *pt = NULL;
    if (!t)
        return;
    tls_context_free(&t->any);
    tls_context_free(&t->strict);
    free(t);
}

/* It is the first member. */
static const struct route_trust *of(const struct gate_route *route)
{
    return &((const struct route *)route)->trust;
}

int trust_shake_hands(const struct trust *t, const struct gate_route *route, struct conn *c)
{
    return conn_tls_client(c, of(route)->any ? t->any : t->strict, of(route)->name, SPAN_NULL);
}

static bool is_pinned(const struct route_trust *t, const char *spki)
{
    for (size_t i = 0; i < t->pin_count; i++)
        if (strcmp(t->pins[i], spki) == 0)
            return true;
    return t->pin_count == 0;
}

bool trust_holds(const struct gate_route *route, const struct conn *c, char why[TRUST_WHY_MAX])
{
    const struct route_trust *t = of(route);
    struct conn_tls_info info;
    const char *reason = NULL;
    char other[160];

    if (t->any)
        return true;
    if (!conn_tls_info(c, &info) || !info.peer_cert) {
        reason = "it shows no certificate";
    } else if (!is_pinned(t, info.spki)) {
        reason = "its key has no pin";
    } else if (t->verify && !info.chain_ok) {
        snprintf(other, sizeof(other), "its certificate is not trusted (%s)", info.verify_error);
        reason = other;
    } else if (t->verify && !info.name_ok) {
        snprintf(other, sizeof(other), "its certificate is not for %.100s", t->name);
        reason = other;
    }
    if (reason)
        snprintf(why, TRUST_WHY_MAX, "%s; its key is %s", reason,
                 info.spki[0] ? info.spki : "none");
    return !reason;
}
