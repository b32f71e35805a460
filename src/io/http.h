/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A small HTTP server on the loop, for questions that are answered at once: metrics, Dovecot's
 * policy requests. libmicrohttpd reads HTTP; we give it a place, a limit and an answer.
 */
#ifndef POSTERN_IO_HTTP_H
#define POSTERN_IO_HTTP_H

#include "base/buf.h"
#include "io/listen.h"

enum {
    HTTP_CONNECTIONS = 64,    /* at a time */
    HTTP_IDLE = 30,           /* seconds of silence */
    HTTP_REPLY_MAX = 1 << 20, /* octets of an answer's body */
};

struct http;
struct http_request;

/* Texts are good inside the call. */
struct http_ask {
    struct ip peer;
    const char *method; /* "GET" */
    const char *path;   /* "/metrics"; a stranger's bytes */
    struct span body;
    const struct http_request *request;
};

/* The value of "?name=value", or NULL. */
const char *http_query(const struct http_ask *ask, const char *name);
/* The value of a header field of the request, or NULL. */
const char *http_field(const struct http_ask *ask, const char *name);

struct http_say {
    unsigned status;  /* 200 */
    const char *type; /* of the body; a literal, or NULL */
    struct buf *body; /* empty at first */
};

typedef void (*http_fn)(void *cookie, const struct http_ask *ask, struct http_say *ret);

/* body_max: octets of a request's body; more is 413, without fn. -errno with the reason in err. */
int http_open(struct loop *l, const struct listen_place *at, size_t body_max, http_fn fn,
              void *cookie, struct http **ret, char err[LISTEN_ERROR_MAX]);
struct listen_place http_place(const struct http *h); /* with the port that it got */
/* Safe on NULL and twice; not from fn. */
void http_close(struct http **h);

#endif
