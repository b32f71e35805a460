/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A page of its own for counters: nothing else is served there, so that the port can be opened to
 * who gathers metrics without opening anything else.
 */
#include "cmd/common/metrics_page.h"

#include "io/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct metrics_page {
    const char *type;
    metrics_page_fn *fn;
    void *cookie;
    struct http *http[LISTEN_PLACES_MAX];
};

static void on_ask(void *cookie, const struct http_ask *ask, struct http_say *ret)
{
    struct metrics_page *m = cookie;

    if (strcmp(ask->path, "/metrics") != 0) {
        ret->status = 404;
        ret->type = "text/plain";
        buf_add_str(ret->body, "There is only /metrics.\n");
    } else if (strcmp(ask->method, "GET") != 0 && strcmp(ask->method, "HEAD") != 0) {
        ret->status = 405;
    } else if (!m->fn(m->cookie, ret->body)) {
        buf_clear(ret->body);
        ret->status = 500;
    } else {
        ret->status = 200;
        ret->type = m->type;
    }
}

int metrics_page_open(struct loop *l, const char *place, const char *type, metrics_page_fn *fn,
                      void *cookie, struct metrics_page **ret, char err[LISTEN_ERROR_MAX])
{
    struct listen_place places[LISTEN_PLACES_MAX];
    size_t n = listen_parse(span_str(place), places);
    char why[LISTEN_ERROR_MAX];
    struct metrics_page *m;
    int r = -EINVAL;

    *ret = NULL;
    snprintf(err, LISTEN_ERROR_MAX, "metrics-listen: \"%.100s\" is no ADDR:PORT", place);
    if (n == 0)
        return r;
    m = calloc(1, sizeof(*m));
    if (!m)
        return -ENOMEM;
    m->type = type;
    m->fn = fn;
    m->cookie = cookie;
    for (size_t i = 0; i < n; i++) {
        r = http_open(l, &places[i], 0, on_ask, m, &m->http[i], why);
        if (r < 0) {
            snprintf(err, LISTEN_ERROR_MAX, "metrics-listen: %.250s", why);
            metrics_page_close(&m);
            return r;
        }
        log_info("metrics", "address", LOG_IP(http_place(m->http[i]).ip), "port",
                 LOG_NUM(http_place(m->http[i]).port), NULL);
    }
    *ret = m;
    return 0;
}

void metrics_page_close(struct metrics_page **pm)
{
    struct metrics_page *m = *pm;

    *pm = NULL;
    if (!m)
        return;
    for (size_t i = 0; i < LISTEN_PLACES_MAX; i++)
        http_close(&m->http[i]);
    free(m);
}
