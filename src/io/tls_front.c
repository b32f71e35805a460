/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The context of a front server: a certificate by the name that the client asks for, and a look at
 * the client's own.
 *
 * Which names a file stands for is what its certificate says, not how the file is called: so a
 * folder that certbot or an admin fills needs no table, and a wrong one is not possible. Unknown
 * names get the default: a mail server that ends the handshake for a name it does not know only
 * makes the client go on in clear.
 *
 * A client's certificate is taken whatever its chain: what counts is that the client has its key,
 * which the handshake proves, and whether the fingerprint is on the list. No session is ever
 * resumed (no cache, no tickets), so a right by certificate is proved anew in each connection.
 */
#include "base/buf.h"
#include "io/conn_priv.h"
#include "io/tls_priv.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_TEXT = 1024 };

void tls_names_free(struct tls_context *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free(t->names[i].name);
        if (t->names[i].first)
            SSL_CTX_free(t->names[i].ssl);
    }
    free(t->names);
    t->names = NULL;
    t->count = t->cap = 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tls_name *)a)->name, ((const struct tls_name *)b)->name);
}

static struct tls_name *find(const struct tls_context *t, char *name)
{
    struct tls_name key = {.name = name};

    return t->count ? bsearch(&key, t->names, t->count, sizeof(key), by_name) : NULL;
}

/* The name itself, or "*." and what is behind its first label (RFC 6125 §6.4.3). */
static SSL_CTX *context_for(const struct tls_context *t, const char *asked)
{
    char name[256], wild[258];
    struct tls_name *got;
    char *dot;
    size_t n;

    if (!span_copy(span_str(asked), name, sizeof(name)))
        return NULL;
    n = strlen(name);
    if (n && name[n - 1] == '.')
        name[n - 1] = '\0';
    for (char *p = name; *p; p++)
        *p = ascii_lower(*p);
    got = find(t, name);
    dot = strchr(name, '.');
    if (!got && dot) {
        snprintf(wild, sizeof(wild), "*%s", dot);
        got = find(t, wild);
    }
    return got ? got->ssl : NULL;
}

static int on_name(SSL *ssl, int *alert, void *arg)
{
    const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    SSL_CTX *to = asked ? context_for(arg, asked) : NULL;

    if (to)
        SSL_set_SSL_CTX(ssl, to);
    return SSL_TLSEXT_ERR_OK;
}

/* Any certificate will do here; what it is worth is decided by who reads its key's fingerprint. */
static int on_verify(int ok, X509_STORE_CTX *store)
{
    return 1;
}

static int add_name(struct tls_context *t, SSL_CTX *ssl, struct span name, bool *first)
{
    char *copy = name.n ? span_dup(name) : NULL;

    if (!copy)
        return name.n ? -ENOMEM : 0;
    for (char *p = copy; *p; p++)
        *p = ascii_lower(*p);
    if (array_grow(&t->names, &t->cap, sizeof(*t->names), t->count + 1) < 0) {
        free(copy);
        return -ENOMEM;
    }
    t->names[t->count++] = (struct tls_name){copy, ssl, *first};
    *first = false;
    return 0;
}

/* Every DNS name of the certificate. */
static int add_names(struct tls_context *t, SSL_CTX *ssl, bool *first)
{
    GENERAL_NAMES *all =
        X509_get_ext_d2i(SSL_CTX_get0_certificate(ssl), NID_subject_alt_name, NULL, NULL);
    int r = 0;

    for (int i = 0; r == 0 && i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);

        if (g->type == GEN_DNS)
            r = add_name(t, ssl,
                         span_of(ASN1_STRING_get0_data(g->d.dNSName),
                                 (size_t)ASN1_STRING_length(g->d.dNSName)),
                         first);
    }
    GENERAL_NAMES_free(all);
    return r;
}

/* One PEM file with chain and key. It takes its settings over from the default's context. */
static int add_file(struct tls_context *t, const char *path, bool strict, char err[TLS_ERROR_MAX])
{
    struct tls_context *one = NULL;
    bool first = true;
    int r = tls_context_server(&one, err);

    if (r < 0)
        return r;
    if (strict)
        tls_context_strict(one->ssl);
    r = tls_context_load(one->ssl, path, NULL, err);
    if (r == 0)
        r = add_names(t, one->ssl, &first);
    if (r == 0 && first) {
        snprintf(err, TLS_ERROR_MAX, "%.200s: its certificate stands for no DNS name", path);
        r = -EINVAL;
    }
    if (!first)
        one->ssl = NULL; /* the names have it */
    tls_context_free(&one);
    return r;
}

static int add_folder(struct tls_context *t, const char *folder, bool strict,
                      char err[TLS_ERROR_MAX])
{
    DIR *dir = opendir(folder);
    struct dirent *e;
    char path[PATH_TEXT];
    int r = 0;

    if (!dir) {
        r = -errno;
        snprintf(err, TLS_ERROR_MAX, "%.200s: can't be read: %s", folder, strerror(-r));
        return r;
    }
    while (r == 0 && (e = readdir(dir))) {
        if (e->d_name[0] == '.' || !span_ends_nocase(span_str(e->d_name), SPAN_LIT(".pem")))
            continue;
        snprintf(path, sizeof(path), "%.700s/%.255s", folder, e->d_name);
        r = add_file(t, path, strict, err);
    }
    closedir(dir);
    if (r == 0 && t->count == 0) {
        snprintf(err, TLS_ERROR_MAX, "%.200s: has no certificate (NAME.pem)", folder);
        r = -ENOENT;
    }
    if (t->count)
        qsort(t->names, t->count, sizeof(*t->names), by_name);
    return r;
}

/* Without a default of its own, the folder's first certificate is shown to who asks for nothing. */
static int use_first(struct tls_context *t)
{
    SSL_CTX *from = t->names[0].ssl;
    STACK_OF(X509) *chain = NULL;

    SSL_CTX_get0_chain_certs(from, &chain);
    return SSL_CTX_use_certificate(t->ssl, SSL_CTX_get0_certificate(from)) == 1 &&
                   SSL_CTX_use_PrivateKey(t->ssl, SSL_CTX_get0_privatekey(from)) == 1 &&
                   (!chain || SSL_CTX_set1_chain(t->ssl, chain) == 1)
               ? 0
               : -EINVAL;
}

static int trust(struct tls_context *t, const char *ca, char err[TLS_ERROR_MAX])
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca);

    if (!names || SSL_CTX_load_verify_file(t->ssl, ca) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        ERR_clear_error();
        snprintf(err, TLS_ERROR_MAX, "%.200s: can't be used as certificates in PEM form", ca);
        return -EINVAL;
    }
    SSL_CTX_set_client_CA_list(t->ssl, names); /* takes it over */
    /* A handshake that went over to another name's context looks for roots there. */
    for (size_t i = 0; i < t->count; i++)
        if (t->names[i].first)
            SSL_CTX_set1_cert_store(t->names[i].ssl, SSL_CTX_get_cert_store(t->ssl));
    return 0;
}

static int fill(struct tls_context *t, const struct tls_front_options *o, char err[TLS_ERROR_MAX])
{
    int r = o->cert_file ? tls_context_load(t->ssl, o->cert_file, o->key_file, err) : 0;

    if (r == 0 && o->cert_dir)
        r = add_folder(t, o->cert_dir, o->strict, err);
    if (r == 0 && !o->cert_file) {
        r = use_first(t);
        if (r < 0)
            tls_error_text(err);
    }
    if (r == 0 && o->client_ca)
        r = trust(t, o->client_ca, err);
    return r;
}

int tls_front_new(const struct tls_front_options *o, struct tls_context **ret,
                  char err[TLS_ERROR_MAX])
{
    struct tls_context *t = NULL;
    int r = tls_context_server(&t, err);

    if (r < 0)
        return r;
    ERR_clear_error();
    /* A level goes over with the certificate; the versions stay those of the default. */
    if (o->strict)
        tls_context_strict(t->ssl);
    r = fill(t, o, err);
    if (r < 0) {
        tls_context_free(&t);
        return r;
    }
    if (o->ask_client)
        SSL_CTX_set_verify(t->ssl, SSL_VERIFY_PEER, on_verify);
    SSL_CTX_set_tlsext_servername_callback(t->ssl, on_name);
    SSL_CTX_set_tlsext_servername_arg(t->ssl, t);
    *ret = t;
    return 0;
}
