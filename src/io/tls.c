/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Contexts. Debian's openssl.cnf asks for TLS 1.2 and security level 2; a tester that obeyed would
 * find half of the old appliances "unreachable over TLS" and a sink would lose the very proof that
 * an old relay tries to deliver. So both sides go down to TLS 1.0 and level 0. That is no loss:
 * nothing we send is secret, and with `verify` the chain is checked at the system's level all the
 * same.
 *
 * No tickets, no session cache, no renegotiation: nothing is carried from one connection to
 * another.
 */
#include "io/tls.h"

#include "base/buf.h"
#include "io/conn_priv.h"
#include "io/file.h"
#include "io/tls_priv.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum {
    SELF_DAYS = 3650,
    SELF_RENEW_DAYS = 30, /* a kept certificate is made anew this long before its end */
    PEM_MAX = 65536,
    STRICT_LEVEL = 2, /* of OpenSSL: 112 bits, so RSA from 2,048 on, and no SHA-1 */
};

SSL_CTX *tls_context_ssl(struct tls_context *t)
{
    return t->ssl;
}

const char *tls_error_text(char out[TLS_ERROR_MAX])
{
    unsigned long e = ERR_peek_error();
    const char *reason = e ? ERR_reason_error_string(e) : NULL;

    if (e && ERR_SYSTEM_ERROR(e))
        reason = strerror(ERR_GET_REASON(e));
    snprintf(out, TLS_ERROR_MAX, "%s", reason ? reason : "unknown TLS error");
    ERR_clear_error();
    return out;
}

static int context_new(const SSL_METHOD *method, struct tls_context **ret, char err[TLS_ERROR_MAX])
{
    struct tls_context *t = calloc(1, sizeof(*t));

    if (!t)
        return -ENOMEM;
    t->ssl = SSL_CTX_new(method);
    if (!t->ssl) {
        tls_error_text(err);
        free(t);
        return -ENOMEM;
    }
    SSL_CTX_set_min_proto_version(t->ssl, TLS1_VERSION);
    SSL_CTX_set_security_level(t->ssl, 0);
    SSL_CTX_set_cipher_list(t->ssl, "ALL:!aNULL:!eNULL:@SECLEVEL=0");
    SSL_CTX_set_options(t->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                    SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_LEGACY_SERVER_CONNECT |
                                    SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(t->ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(t->ssl, 0);
    SSL_CTX_set_mode(t->ssl, SSL_MODE_RELEASE_BUFFERS);
    *ret = t;
    return 0;
}

void tls_context_free(struct tls_context **t)
{
    if (!*t)
        return;
    tls_names_free(*t);
    SSL_CTX_free((*t)->ssl);
    free(*t);
    *t = NULL;
}

/*
 * Before anything is loaded: OpenSSL measures a certificate against the level when it comes in, and
 * does not look at it again, but ends each handshake later.
 */
void tls_context_strict(SSL_CTX *ssl)
{
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_security_level(ssl, STRICT_LEVEL);
}

/* It can be read, but its key or signature is one that the level does not allow. */
static bool too_weak(unsigned long e)
{
    static const int reasons[] = {SSL_R_EE_KEY_TOO_SMALL, SSL_R_CA_KEY_TOO_SMALL,
                                  SSL_R_CA_MD_TOO_WEAK};

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (ERR_GET_LIB(e) == ERR_LIB_SSL && ERR_GET_REASON(e) == reasons[i])
            return true;
    return false;
}

int tls_context_load(SSL_CTX *ssl, const char *cert, const char *key, char err[TLS_ERROR_MAX])
{
    char why[TLS_ERROR_MAX];
    bool weak;
    const char *what = cert;

    ERR_clear_error();
    if (!key)
        key = cert;
    if (SSL_CTX_use_certificate_chain_file(ssl, cert) == 1) {
        what = key;
        if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) == 1 &&
            SSL_CTX_check_private_key(ssl) == 1)
            return 0;
    }
    weak = too_weak(ERR_peek_error());
    tls_error_text(why);
    if (weak)
        snprintf(err, TLS_ERROR_MAX, "%.120s: too weak for passwords of users: %.100s", what, why);
    else
        snprintf(err, TLS_ERROR_MAX, "%.120s: can't be used as %s in PEM form: %.120s", what,
                 what == cert ? "a certificate" : "the certificate's key", why);
    return weak ? -EKEYREJECTED : -EINVAL;
}

static bool add_extension(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    bool ok = e && X509_add_ext(cert, e, -1) == 1;

    X509_EXTENSION_free(e);
    return ok;
}

/* A name that could not stand in a configuration value of OpenSSL gets no subjectAltName. */
static bool plain_name(const char *name)
{
    for (const char *p = name; *p; p++)
        if (!ascii_is_alnum(*p) && *p != '.' && *p != '-' && *p != '_')
            return false;
    return *name && strlen(name) <= 64;
}

static X509 *self_signed(EVP_PKEY *key, const char *name)
{
    X509 *cert = X509_new();
    BIGNUM *serial = BN_new();
    char alt[80];
    bool ok = cert && serial && key && plain_name(name);

    if (ok) {
        X509_NAME *subject = X509_get_subject_name(cert);

        snprintf(alt, sizeof(alt), "DNS:%s", name);
        ok = X509_set_version(cert, X509_VERSION_3) &&
             BN_rand(serial, 120, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
             BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert)) &&
             X509_gmtime_adj(X509_getm_notBefore(cert), -86400) &&
             X509_time_adj_ex(X509_getm_notAfter(cert), SELF_DAYS, 0, NULL) &&
             X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name,
                                        -1, -1, 0) &&
             X509_set_issuer_name(cert, subject) && X509_set_pubkey(cert, key) &&
             add_extension(cert, NID_subject_alt_name, alt) && X509_sign(cert, key, EVP_sha256());
    }
    BN_free(serial);
    if (ok)
        return cert;
    X509_free(cert);
    return NULL;
}

/* Makes a key and a certificate and writes both as PEM. */
static int self_pem(const char *name, struct buf *out)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = self_signed(key, name);
    BIO *bio = BIO_new(BIO_s_mem());
    int r = -EINVAL;
    char *p;

    if (cert && bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) &&
        PEM_write_bio_X509(bio, cert)) {
        long n = BIO_get_mem_data(bio, &p);

        buf_add(out, span_of(p, (size_t)n));
        r = out->err;
    }
    BIO_free(bio);
    X509_free(cert);
    EVP_PKEY_free(key);
    return r;
}

/* Uses one key and one certificate; *ret_days is how long it is still good. */
static bool use_pem(struct tls_context *t, struct span pem, int *ret_days)
{
    BIO *a = BIO_new_mem_buf(pem.p, (int)pem.n), *b = BIO_new_mem_buf(pem.p, (int)pem.n);
    EVP_PKEY *key = a ? PEM_read_bio_PrivateKey(a, NULL, NULL, NULL) : NULL;
    X509 *cert = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;
    int days = 0, seconds;
    bool ok = key && cert && SSL_CTX_use_certificate(t->ssl, cert) == 1 &&
              SSL_CTX_use_PrivateKey(t->ssl, key) == 1 &&
              ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)) == 1;

    *ret_days = days;
    X509_free(cert);
    EVP_PKEY_free(key);
    BIO_free(a);
    BIO_free(b);
    return ok;
}

static int use_self(struct tls_context *t, const char *name, char err[TLS_ERROR_MAX])
{
    struct buf pem = BUF_INIT(PEM_MAX);
    int days, r = self_pem(name, &pem);

    if (r == 0 && !use_pem(t, buf_span(&pem), &days))
        r = -EINVAL;
    if (r < 0)
        snprintf(err, TLS_ERROR_MAX, "can't make a certificate for the name %.200s", name);
    ERR_clear_error();
    buf_deinit(&pem);
    return r;
}

/* Loaded in any case: the verdict on a chain is reported even where it decides nothing. */
static int load_roots(SSL_CTX *ssl, const char *file, char err[TLS_ERROR_MAX])
{
    char why[TLS_ERROR_MAX];

    if (!file) {
        SSL_CTX_set_default_verify_paths(ssl);
        ERR_clear_error();
        return 0;
    }
    ERR_clear_error();
    if (SSL_CTX_load_verify_file(ssl, file) == 1)
        return 0;
    tls_error_text(why);
    snprintf(err, TLS_ERROR_MAX, "%.120s: can't be used as certificates in PEM form: %.120s", file,
             why);
    return -EINVAL;
}

int tls_client_new(const struct tls_client_options *o, struct tls_context **ret,
                   char err[TLS_ERROR_MAX])
{
    struct tls_context *t;
    int r = context_new(TLS_client_method(), &t, err);

    if (r < 0)
        return r;
    if (o && o->strict)
        tls_context_strict(t->ssl);
    r = load_roots(t->ssl, o ? o->ca_file : NULL, err);
    SSL_CTX_set_verify(t->ssl, o && o->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (r == 0 && o && o->cert_file)
        r = tls_context_load(t->ssl, o->cert_file, o->key_file, err);
    else if (r == 0 && o && o->self_name)
        r = use_self(t, o->self_name, err);
    if (r < 0) {
        tls_context_free(&t);
        return r;
    }
    *ret = t;
    return 0;
}

int tls_context_server(struct tls_context **ret, char err[TLS_ERROR_MAX])
{
    int r = context_new(TLS_server_method(), ret, err);

    if (r < 0)
        return r;
    SSL_CTX_set_dh_auto((*ret)->ssl, 1);
    SSL_CTX_set_options((*ret)->ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
    /* No certificate is asked of clients: old relays stumble over the question. */
    return 0;
}

int tls_server_new(const char *cert_file, const char *key_file, struct tls_context **ret,
                   char err[TLS_ERROR_MAX])
{
    struct tls_context *t;
    int r = tls_context_server(&t, err);

    if (r < 0)
        return r;
    r = tls_context_load(t->ssl, cert_file, key_file, err);
    if (r < 0) {
        tls_context_free(&t);
        return r;
    }
    *ret = t;
    return 0;
}

/* Makes a certificate and keeps it before it is used: the next start must show the same one. */
static int make_kept(struct tls_context *t, const char *path, const char *name,
                     char err[TLS_ERROR_MAX])
{
    struct buf pem = BUF_INIT(PEM_MAX);
    int days, r = self_pem(name, &pem);

    if (r < 0 || !use_pem(t, buf_span(&pem), &days)) {
        snprintf(err, TLS_ERROR_MAX, "can't make a certificate for the name %.200s", name);
        r = r < 0 ? r : -EINVAL;
    } else if ((r = file_write(path, buf_span(&pem), 0600)) < 0) {
        snprintf(err, TLS_ERROR_MAX, "%.200s: can't be written: %s", path, strerror(-r));
    }
    OPENSSL_cleanse(pem.p, pem.cap);
    buf_deinit(&pem);
    return r;
}

static int use_kept(struct tls_context *t, const char *path, const char *name,
                    char err[TLS_ERROR_MAX])
{
    struct buf pem = BUF_INIT(PEM_MAX);
    int days = 0, r = file_read(path, &pem);
    bool usable = r == 0 && use_pem(t, buf_span(&pem), &days);

    ERR_clear_error();
    OPENSSL_cleanse(pem.p, pem.cap);
    buf_deinit(&pem);
    if (usable && days >= SELF_RENEW_DAYS)
        return 0;
    if (usable || r == -ENOENT)
        return make_kept(t, path, name, err);
    if (r < 0)
        snprintf(err, TLS_ERROR_MAX, "%.200s: can't be read: %s", path, strerror(-r));
    else /* somebody's file of another kind: not ours to overwrite */
        snprintf(err, TLS_ERROR_MAX, "%.200s: holds no key with its certificate; move it away",
                 path);
    return r < 0 ? r : -EINVAL;
}

int tls_server_self(const char *path, const char *name, struct tls_context **ret,
                    char err[TLS_ERROR_MAX])
{
    struct tls_context *t;
    int r = tls_context_server(&t, err);

    if (r < 0)
        return r;
    r = use_kept(t, path, name, err);
    if (r < 0) {
        tls_context_free(&t);
        return r;
    }
    *ret = t;
    return 0;
}
