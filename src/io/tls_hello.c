/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * By OpenSSL's message callback and not its client_hello_cb, because the latter shows only the
 * extensions that OpenSSL itself knows: what tells one program from another is as often one that it
 * does not. The message comes whole, however many records it was cut into.
 *
 * The function stands in the context's application data; the connection is found through the BIO
 * that conn_tls.c hung under the session.
 */
#include "io/tls_hello.h"

#include "io/conn_priv.h"

/* A function in a void pointer: POSIX guarantees that it fits (dlsym), ISO C does not. */
union hello_pointer {
    tls_hello_fn fn;
    void *p;
};

static void on_message(int write_p, int version, int type, const void *bytes, size_t n, SSL *ssl,
                       void *arg)
{
    struct conn *c = SSL_get_rbio(ssl) ? BIO_get_data(SSL_get_rbio(ssl)) : NULL;
    union hello_pointer to = {.p = arg};

    if (!write_p && type == SSL3_RT_HANDSHAKE && n > 0 && to.fn && c &&
        *(const unsigned char *)bytes == SSL3_MT_CLIENT_HELLO)
        to.fn(c->cookie, span_of(bytes, n));
}

void tls_watch_hello(struct tls_context *t, tls_hello_fn fn)
{
    union hello_pointer to = {.fn = fn};

    SSL_CTX_set_msg_callback(tls_context_ssl(t), fn ? on_message : NULL);
    SSL_CTX_set_msg_callback_arg(tls_context_ssl(t), to.p);
}
