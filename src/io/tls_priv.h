/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tls.c and tls_front.c share. */
#ifndef POSTERN_IO_TLS_PRIV_H
#define POSTERN_IO_TLS_PRIV_H

#include "io/tls.h"

#include <openssl/ssl.h>

struct tls_name {
    char *name;   /* in lower case, without a closing dot; "*.example.org" for one label more */
    SSL_CTX *ssl; /* owned once, by the first of its names */
    bool first;
};

struct tls_context {
    SSL_CTX *ssl;
    struct tls_name *names; /* by name */
    size_t count, cap;
};

/* -ENOMEM with the reason in err. */
int tls_context_server(struct tls_context **ret, char err[TLS_ERROR_MAX]);
/* TLS 1.2 and keys of today, for what is loaded from now on, too. */
void tls_context_strict(SSL_CTX *ssl);
int tls_context_load(SSL_CTX *ssl, const char *cert, const char *key, char err[TLS_ERROR_MAX]);
void tls_names_free(struct tls_context *t);

#endif
