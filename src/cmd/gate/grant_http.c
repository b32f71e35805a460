/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dovecot's auth policy server, as far as it concerns us, and a place for its events:
 *
 *     auth_policy_server_url = http://127.0.0.1:4001/
 *     auth_policy_hash_nonce = …              (it wants one; we look at no hash)
 *
 *     event_exporter …: transport = http-post, format = json,
 *                       transport_args = http://127.0.0.1:4001/?command=event
 *
 * Everything is allowed: who may read mail is not ours to say, and an answer in haste keeps Dovecot
 * from waiting for us. Only hosts of grants-from are listened to, since what is said here opens a
 * door; what others say is answered by 403.
 */
#include "auth/report.h"
#include "cmd/gate/grant_sources.h"
#include "io/http.h"
#include "io/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PLACES = LISTEN_PLACES_MAX };

static struct http *servers[PLACES];

static void read_report(const struct http_ask *ask, bool event)
{
    struct auth_report r;

    switch (event ? auth_event_read(ask->body, &r) : auth_report_read(ask->body, &r)) {
    case AUTH_REPORT_GRANT:
        grant_allow(r.ip, span_str(r.login), event ? "event" : "policy");
        break;
    case AUTH_REPORT_NOTHING:
        log_debug("policy", "peer", LOG_IP(ask->peer), "text", r.why, NULL);
        break;
    case AUTH_REPORT_BAD:
        log_warn("policy", "peer", LOG_IP(ask->peer), "text", r.why, "body", LOG_SPAN(ask->body),
                 NULL);
        break;
    }
}

static void on_ask(void *cookie, const struct http_ask *ask, struct http_say *ret)
{
    const char *command = http_query(ask, "command");
    bool event = command && strcmp(command, "event") == 0;

    if (!grant_from(ask->peer)) {
        log_warn("policy", "peer", LOG_IP(ask->peer), "text", "it is not in grants-from", NULL);
        ret->status = 403;
        return;
    }
    if (strcmp(ask->method, "POST") != 0 || !command ||
        (!event && strcmp(command, "allow") != 0 && strcmp(command, "report") != 0)) {
        ret->status = strcmp(ask->method, "POST") == 0 ? 400 : 405;
        return;
    }
    if (event || strcmp(command, "report") == 0)
        read_report(ask, event);
    ret->status = 200;
    ret->type = "application/json";
    buf_add_str(ret->body, AUTH_REPORT_REPLY);
}

int grant_http_open(struct loop *l, const struct gate_args *args, char err[GRANT_ERROR_MAX])
{
    struct listen_place places[LISTEN_PLACES_MAX];
    size_t n = listen_parse(span_str(args->grants_listen), places);
    char why[LISTEN_ERROR_MAX];
    int got = -EINVAL;

    snprintf(err, GRANT_ERROR_MAX, "grants-listen: \"%s\" is no ADDR:PORT", args->grants_listen);
    for (size_t i = 0; i < n; i++) {
        got = http_open(l, &places[i], AUTH_REPORT_MAX, on_ask, NULL, &servers[i], why);
        if (got < 0) {
            snprintf(err, GRANT_ERROR_MAX, "grants-listen: %s", why);
            return got;
        }
        log_info("grants", "by", "policy", "address", LOG_IP(http_place(servers[i]).ip), "port",
                 LOG_NUM(http_place(servers[i]).port), NULL);
    }
    return got;
}

void grant_http_close(void)
{
    for (size_t i = 0; i < PLACES; i++)
        http_close(&servers[i]);
}
