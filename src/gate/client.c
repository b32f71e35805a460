/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Most sessions never learn most of the facts, and there may be a hundred thousand of them: so a
 * text costs memory only once it is there, and "" is one constant for all.
 */
#include "gate/client.h"

#include <stdint.h>
#include <stdlib.h>

static const char nothing[] = "";

const char *gate_role_name(enum gate_role role)
{
    return role == GATE_ROLE_SUBMISSION ? "submission" : "mx";
}

void gate_client_init(struct gate_client *c)
{
    *c = (struct gate_client){
        .tls_version = nothing,
        .tls_cipher = nothing,
        .sni = nothing,
        .cert = nothing,
        .login = nothing,
        .helo = nothing,
        .name = nothing,
    };
}

static void drop(const char **text)
{
    char *own;

    if (*text && *text != nothing) {
        memcpy(&own, text, sizeof(own)); /* ours, and const only for the readers */
        free(own);
    }
    *text = nothing;
}

void gate_client_deinit(struct gate_client *c)
{
    const char **const texts[] = {&c->sni, &c->cert, &c->login, &c->helo, &c->name};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        drop(texts[i]);
    gate_client_set_tlvs(c, SPAN_NULL);
}

bool gate_client_set_tlvs(struct gate_client *c, struct span tlvs)
{
    char *copy = tlvs.n ? malloc(tlvs.n) : NULL;

    free((char *)(uintptr_t)c->tlvs.p);
    c->tlvs = SPAN_NULL;
    if (!copy)
        return tlvs.n == 0;
    memcpy(copy, tlvs.p, tlvs.n);
    c->tlvs = span_of(copy, tlvs.n);
    return true;
}

bool gate_client_unplaced(const struct gate_client *c)
{
    return c->ip_unknown || c->balancer;
}

bool gate_client_set(const char **text, struct span value)
{
    bool utf8 = span_is_utf8(value);
    char *copy;

    drop(text);
    if (value.n == 0)
        return true;
    copy = span_dup(value);
    if (!copy)
        return false;
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)copy[i];

        if (c < 32 || c == 127 || (c > 127 && !utf8))
            copy[i] = '?';
    }
    *text = copy;
    return true;
}
