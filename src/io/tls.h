/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS contexts: made once, shared by all connections, freed after the last of them (connections
 * hold a reference of their own, so that the order does not matter).
 *
 * A client context of a tester must talk to anything: it takes TLS 1.0 to 1.3, weak keys and any
 * certificate, and reports what it saw (conn_tls_info). With `verify` it refuses a peer whose chain
 * or name is wrong. Renegotiation and session tickets are off on both sides.
 */
#ifndef POSTERN_IO_TLS_H
#define POSTERN_IO_TLS_H

#include "base/span.h"

enum { TLS_ERROR_MAX = 300 }; /* text of an error, with its NUL */

struct tls_context;

struct tls_client_options {
    bool verify;           /* refuse whose chain or name is wrong */
    bool strict;           /* TLS 1.2 and keys of today, in the peer's chain too */
    const char *ca_file;   /* PEM; whose chains are right; NULL: those of the system's store */
    const char *cert_file; /* PEM certificate chain to offer when asked, or NULL */
    const char *key_file;  /* PEM key; NULL: it is in cert_file */
    const char *self_name; /* make a self-signed one for this name instead, or NULL */
};

/* NULL options: take any server, offer nothing. -errno with the reason and remedy in err. */
int tls_client_new(const struct tls_client_options *o, struct tls_context **ret,
                   char err[TLS_ERROR_MAX]);
/* key_file NULL: the key is in cert_file. */
int tls_server_new(const char *cert_file, const char *key_file, struct tls_context **ret,
                   char err[TLS_ERROR_MAX]);
/*
 * A server with a self-signed certificate for `name`, kept in `path` (mode 0600): read from there
 * when it is there and not about to expire, made and written otherwise.
 */
int tls_server_self(const char *path, const char *name, struct tls_context **ret,
                    char err[TLS_ERROR_MAX]);
struct tls_front_options {
    const char *cert_file, *key_file; /* the default, or NULL: the first of cert_dir */
    const char *cert_dir;  /* NAME.pem files with chain and key, chosen by SNI; or NULL */
    const char *client_ca; /* PEM; whose chains count as `chain_ok`; or NULL: nobody's */
    bool ask_client;       /* ask for a certificate; any is taken, see conn_tls_info() */
    bool strict;           /* TLS 1.2 and keys of today; else what old mail servers speak, too */
};

/*
 * A server for the front: certificates by name, and clients' own. The context must stay as long as
 * connections that began with it shake hands. -EKEYREJECTED: `strict`, and a certificate is too
 * weak.
 */
int tls_front_new(const struct tls_front_options *o, struct tls_context **ret,
                  char err[TLS_ERROR_MAX]);
/* Safe on NULL and twice. */
void tls_context_free(struct tls_context **t);

#endif
