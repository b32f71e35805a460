/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Workers count each into their own struct, in one shared mapping; whoever answers reads them all.
 * So nothing has to be asked of a worker, and a dead one's counts are still there.
 */
#include "cmd/gate/metrics_http.h"

#include "io/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

struct metrics_http {
    const struct metrics *all;
    size_t workers;
    struct http *http[LISTEN_PLACES_MAX];
};

struct metrics *metrics_shared(size_t workers)
{
    void *p = mmap(NULL, workers * sizeof(struct metrics), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

static void on_ask(void *cookie, const struct http_ask *ask, struct http_say *ret)
{
    struct metrics_http *m = cookie;
    const struct metrics **each;

    if (strcmp(ask->path, "/metrics") != 0) {
        ret->status = 404;
        ret->type = "text/plain";
        buf_add_str(ret->body, "There is only /metrics.\n");
        return;
    }
    if (strcmp(ask->method, "GET") != 0 && strcmp(ask->method, "HEAD") != 0) {
        ret->status = 405;
        return;
    }
    each = calloc(m->workers, sizeof(const struct metrics *));
    if (!each) {
        ret->status = 500;
        return;
    }
    for (size_t i = 0; i < m->workers; i++)
        each[i] = &m->all[i];
    ret->status = 200;
    ret->type = METRICS_TYPE;
    metrics_text(each, m->workers, ret->body);
    free(each);
}

int metrics_http_open(struct loop *l, const char *place, const struct metrics *all, size_t workers,
                      struct metrics_http **ret, char err[LISTEN_ERROR_MAX])
{
    struct listen_place places[LISTEN_PLACES_MAX];
    size_t n = listen_parse(span_str(place), places);
    char why[LISTEN_ERROR_MAX];
    struct metrics_http *m;
    int r = -EINVAL;

    *ret = NULL;
    if (n == 0) {
        snprintf(err, LISTEN_ERROR_MAX, "metrics-listen: \"%.100s\" is no ADDR:PORT", place);
        return r;
    }
    m = calloc(1, sizeof(*m));
    if (!m)
        return -ENOMEM;
    m->all = all;
    m->workers = workers;
    for (size_t i = 0; i < n; i++) {
        r = http_open(l, &places[i], 0, on_ask, m, &m->http[i], why);
        if (r < 0) {
            snprintf(err, LISTEN_ERROR_MAX, "metrics-listen: %.250s", why);
            metrics_http_close(&m);
            return r;
        }
        log_info("metrics", "address", LOG_IP(http_place(m->http[i]).ip), "port",
                 LOG_NUM(http_place(m->http[i]).port), NULL);
    }
    *ret = m;
    return 0;
}

void metrics_http_close(struct metrics_http **pm)
{
    struct metrics_http *m = *pm;

    *pm = NULL;
    if (!m)
        return;
    for (size_t i = 0; i < LISTEN_PLACES_MAX; i++)
        http_close(&m->http[i]);
    free(m);
}
