/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What conn.c, conn_write.c, conn_tls.c and listen.c share. */
#ifndef POSTERN_IO_CONN_PRIV_H
#define POSTERN_IO_CONN_PRIV_H

#include "base/buf.h"
#include "io/conn.h"
#include "io/loop_uv.h"

#include <openssl/ssl.h>

enum conn_state {
    CONN_CONNECTING,
    CONN_OPEN,
    CONN_CLOSING, /* the queue goes out, then the end */
    CONN_ENDED,   /* `closed` is due or was called */
};

struct conn_tls {
    SSL *ssl;
    struct span in;   /* what the peer sent and OpenSSL has not taken; borrowed */
    struct buf kept;  /* the same, over a pause */
    struct buf early; /* plaintext written before the handshake was done */
    bool up;
    char *server_name; /* asked for, or NULL */
};

struct conn_write {
    uv_write_t uv;
    struct conn *conn;
    char *p;
    size_t n;
};

struct conn {
    struct loop_handle handle; /* first: loop_free() finds the rest behind it */
    struct loop_list lingering;
    uv_tcp_t tcp;
    struct loop *loop;
    const struct conn_events *ev;
    void *cookie;
    struct timer timer;
    struct deferred later;     /* `closed`, or what a resume finds */
    struct conn_write *flying; /* with the kernel */
    struct buf queue;          /* behind it */
    struct conn_tls *tls;
    int64_t connect_by, deadline, linger_by; /* 0: none */
    struct ip peer;
    uint16_t peer_port;
    uint8_t state;  /* enum conn_state */
    uint8_t reason; /* enum conn_reason, once ENDED or CLOSING */
    int err;
    uint32_t limit; /* of what may be queued */
    char *text;     /* owned; NULL: from err */
    bool connected, secured;
    bool paused, reading;
    bool peer_eof; /* nothing more will be read */
    bool eof_told;
    bool write_broken;        /* the peer can't be written to; what it sent before is still read */
    bool uv_gone, owner_gone; /* freed when both */
};

/* A connection of an accepted socket, without an owner. NULL when out of memory or it is gone. */
struct conn *conn_accept(struct loop *l, uv_stream_t *server);
/*
 * The end, for a reason; `closed` follows from the loop. text is copied. Does nothing the second
 * time.
 */
void conn_end(struct conn *c, enum conn_reason reason, int err, const char *text);
void conn_start_reading(struct conn *c);
void conn_stop_reading(struct conn *c);
/* Hands bytes to an owner who may pause, end or drop the connection in the meantime. */
void conn_give(struct conn *c, struct span bytes);
/* The peer will send no more. */
void conn_peer_eof(struct conn *c);
void conn_arm(struct conn *c);

/* conn_end.c. Sends what is queued, then ends for the reason given. */
void conn_begin_close(struct conn *c, enum conn_reason reason);
void conn_uv_end(struct conn *c);
void conn_on_later(void *cookie);
void conn_drop_handle(struct loop_handle *h);

/* conn_write.c: bytes as they go onto the wire. */
int conn_send(struct conn *c, struct span bytes);
void conn_write_free(struct conn *c);
/* The queue ran empty in CLOSING, or its time is up. */
void conn_finish(struct conn *c);

/* conn_tls.c */
void conn_tls_feed(struct conn *c, struct span bytes);
void conn_tls_resume(struct conn *c);
int conn_tls_send(struct conn *c, struct span bytes);
void conn_tls_shutdown(struct conn *c);
void conn_tls_free(struct conn *c);

/* tls.c */
SSL_CTX *tls_context_ssl(struct tls_context *t);
/* The first error of OpenSSL's queue in words, and an empty queue. */
const char *tls_error_text(char out[TLS_ERROR_MAX]);

#endif
