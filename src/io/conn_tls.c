/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS on a connection. OpenSSL reads and writes through a BIO of our own that holds nothing: it
 * takes from the bytes just read from the socket and hands records straight to conn_send().
 * OpenSSL's memory BIOs would keep their largest buffer per connection for good, and thousands of
 * sessions are to be cheap.
 *
 * Only the pump calls the owner, and only the loop calls the pump. When the owner pauses, the bytes
 * not yet taken are kept, and conn_resume() has the loop pump them.
 */
#include "base/mac.h"
#include "io/conn_priv.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* Over a pause no more than one read can be left: reading stops with it. */
enum {
    KEPT_MAX = 4 * LOOP_READ_SIZE,
    TLS_NAME_MAX = 256, /* octets of a server name with its NUL */
};

static int bio_read(BIO *bio, char *out, size_t size, size_t *ret)
{
    struct conn *c = BIO_get_data(bio);
    struct span *in = &c->tls->in;

    BIO_clear_retry_flags(bio);
    *ret = 0;
    if (!in->n) {
        BIO_set_retry_read(bio);
        return 0;
    }
    *ret = size < in->n ? size : in->n;
    memcpy(out, in->p, *ret);
    *in = span_slice(*in, *ret, in->n);
    return 1;
}

/* A write that fails is noted in the connection: OpenSSL need not know. */
static int bio_write(BIO *bio, const char *p, size_t n, size_t *ret)
{
    struct conn *c = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    conn_send(c, span_of(p, n));
    *ret = n;
    return 1;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    return cmd == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

/* Made once, by whichever thread comes first; lives as long as the program. */
static BIO_METHOD *the_method;

static void method_make(void)
{
    the_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "postern");
    if (!the_method)
        return;
    BIO_meth_set_read_ex(the_method, bio_read);
    BIO_meth_set_write_ex(the_method, bio_write);
    BIO_meth_set_ctrl(the_method, bio_ctrl);
    BIO_meth_set_create(the_method, bio_create);
}

static const BIO_METHOD *bio_method(void)
{
    static uv_once_t once = UV_ONCE_INIT;

    uv_once(&once, method_make);
    return the_method;
}

void conn_tls_free(struct conn *c)
{
    struct conn_tls *t = c->tls;

    if (!t)
        return;
    SSL_free(t->ssl);
    free(t->server_name);
    buf_deinit(&t->kept);
    buf_deinit(&t->early);
    free(t);
    c->tls = NULL;
}

static void fail(struct conn *c, const char *during)
{
    char why[TLS_ERROR_MAX], text[TLS_ERROR_MAX + 200];
    long verified = SSL_get_verify_result(c->tls->ssl);
    bool mistrusted =
        !c->tls->up && ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED;

    tls_error_text(why);
    snprintf(text, sizeof(text), "%s: %s%s%s", during, why, mistrusted ? ": " : "",
             mistrusted ? X509_verify_cert_error_string(verified) : "");
    conn_end(c, CONN_TLS_FAILED, -EPROTO, text);
}

/* SSL_write through a BIO that takes everything either writes all or has failed for good. */
static int write_all(struct conn *c, struct span bytes)
{
    size_t written;

    ERR_clear_error();
    if (SSL_write_ex(c->tls->ssl, bytes.p, bytes.n, &written) == 1)
        return c->state == CONN_ENDED ? -EPIPE : 0;
    fail(c, "TLS write");
    return -EPIPE;
}

/* True when the handshake is done. */
static bool handshake(struct conn *c)
{
    struct conn_tls *t = c->tls;
    int r;

    ERR_clear_error();
    r = SSL_do_handshake(t->ssl);
    if (r != 1) {
        int e = SSL_get_error(t->ssl, r);

        if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE)
            fail(c, "TLS handshake");
        return false;
    }
    t->up = c->secured = true;
    if (t->early.n) {
        struct buf early = t->early;

        t->early = (struct buf)BUF_INIT(early.max);
        write_all(c, buf_span(&early));
        buf_deinit(&early);
    }
    if (c->state == CONN_OPEN && c->ev && c->ev->secured)
        c->ev->secured(c->cookie, c);
    return true;
}

static void pump(struct conn *c)
{
    struct conn_tls *t = c->tls;

    while (c->state == CONN_OPEN && !c->paused) {
        size_t n;

        if (!t->up) {
            if (!handshake(c))
                return;
            continue;
        }
        ERR_clear_error();
        if (SSL_read_ex(t->ssl, c->loop->plain_buf, LOOP_READ_SIZE, &n) == 1) {
            conn_give(c, span_of(c->loop->plain_buf, n));
            continue;
        }
        switch (SSL_get_error(t->ssl, 0)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
            return;
        case SSL_ERROR_ZERO_RETURN:
            conn_stop_reading(c);
            conn_peer_eof(c);
            return;
        default:
            fail(c, "TLS");
            return;
        }
    }
}

/* Pumps `bytes` and keeps what a pause leaves over. */
static void pump_bytes(struct conn *c, struct span bytes)
{
    struct conn_tls *t = c->tls;

    t->in = bytes;
    pump(c);
    if (t->in.n && c->state == CONN_OPEN) {
        buf_add(&t->kept, t->in);
        if (t->kept.err)
            conn_end(c, CONN_OUR_FAULT, t->kept.err, NULL);
    }
    t->in = SPAN_NULL;
}

void conn_tls_feed(struct conn *c, struct span bytes)
{
    struct conn_tls *t = c->tls;

    if (!t->kept.n) {
        pump_bytes(c, bytes);
        return;
    }
    buf_add(&t->kept, bytes);
    if (t->kept.err)
        conn_end(c, CONN_OUR_FAULT, t->kept.err, NULL);
    else
        conn_tls_resume(c);
}

void conn_tls_resume(struct conn *c)
{
    struct conn_tls *t = c->tls;
    struct buf kept;

    if (!t)
        return;
    kept = t->kept;
    t->kept = (struct buf)BUF_INIT(KEPT_MAX);
    pump_bytes(c, buf_span(&kept));
    buf_deinit(&kept);
}

int conn_tls_send(struct conn *c, struct span bytes)
{
    if (c->tls->up)
        return write_all(c, bytes);
    buf_add(&c->tls->early, bytes);
    return c->tls->early.err;
}

void conn_tls_shutdown(struct conn *c)
{
    if (!c->tls || !c->tls->up || c->write_broken)
        return;
    ERR_clear_error();
    SSL_shutdown(c->tls->ssl);
    ERR_clear_error();
}

static int start(struct conn *c, struct tls_context *ctx, struct span leftover,
                 struct conn_tls **ret)
{
    struct conn_tls *t;
    BIO *bio;

    if (c->state != CONN_OPEN || c->tls)
        return CONN_TLS_UNFIT;
    if (leftover.n)
        return CONN_TLS_LEFTOVER;
    t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    t->ssl = SSL_new(tls_context_ssl(ctx));
    bio = bio_method() ? BIO_new(bio_method()) : NULL;
    if (!t->ssl || !bio) {
        SSL_free(t->ssl);
        BIO_free(bio);
        free(t);
        return -ENOMEM;
    }
    BIO_set_data(bio, c);
    SSL_set_bio(t->ssl, bio, bio);
    buf_init(&t->kept, KEPT_MAX);
    buf_init(&t->early, SIZE_MAX / 2);
    c->tls = *ret = t;
    return CONN_TLS_STARTED;
}

static bool is_address(const char *name)
{
    struct ip ip;

    return ip_parse(span_str(name), &ip);
}

int conn_tls_client(struct conn *c, struct tls_context *ctx, const char *server_name,
                    struct span leftover)
{
    struct conn_tls *t;
    int r = start(c, ctx, leftover, &t);

    if (r != CONN_TLS_STARTED)
        return r;
    /* Longer than any name: as if none was given. */
    if (server_name && *server_name && strlen(server_name) < TLS_NAME_MAX)
        t->server_name = strdup(server_name);
    if (t->server_name && !is_address(server_name))
        SSL_set_tlsext_host_name(t->ssl, t->server_name); /* RFC 6066 §3: no addresses */
    if (t->server_name && SSL_get_verify_mode(t->ssl) != SSL_VERIFY_NONE) {
        if (is_address(server_name))
            X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), server_name);
        else
            SSL_set1_host(t->ssl, server_name);
    }
    SSL_set_connect_state(t->ssl);
    handshake(c); /* says hello; can't end before the peer answered */
    return CONN_TLS_STARTED;
}

int conn_tls_server(struct conn *c, struct tls_context *ctx, struct span leftover)
{
    struct conn_tls *t;
    int r = start(c, ctx, leftover, &t);

    if (r == CONN_TLS_STARTED)
        SSL_set_accept_state(t->ssl);
    return r;
}

void conn_tls_unread(struct conn *c, struct span bytes)
{
    if (!c->tls || c->tls->up || c->state != CONN_OPEN || !bytes.n)
        return;
    buf_add(&c->tls->kept, bytes);
    if (c->tls->kept.err)
        conn_end(c, CONN_OUR_FAULT, c->tls->kept.err, NULL);
    else
        loop_defer(c->loop, &c->later);
}

bool conn_secured(const struct conn *c)
{
    return c->tls && c->tls->up;
}

static void peer_name(X509 *cert, char *out, size_t size)
{
    X509_NAME *subject = X509_get_subject_name(cert);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    unsigned char *utf8 = NULL;
    int n = at < 0 ? -1
                   : ASN1_STRING_to_UTF8(
                         &utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));

    if (n > 0)
        span_copy(span_slice(span_of(utf8, (size_t)n), 0, size - 1), out, size);
    OPENSSL_free(utf8);
}

bool conn_tls_exporter(const struct conn *c, const char *label, uint8_t *ret, size_t n)
{
    SSL *ssl = conn_secured(c) ? c->tls->ssl : NULL;
    bool ok = ssl && (SSL_version(ssl) >= TLS1_3_VERSION || SSL_get_extms_support(ssl) == 1) &&
              SSL_export_keying_material(ssl, ret, n, label, strlen(label), NULL, 0, 0) == 1;

    ERR_clear_error();
    return ok;
}

/* What pins a key through all renewals of its certificate (RFC 7469 §2.4). */
static void key_hash(X509 *cert, char out[65])
{
    unsigned char *der = NULL;
    uint8_t hash[MAC_SIZE];
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

    if (n <= 0)
        return;
    mac_sha256(span_of(der, (size_t)n), hash);
    for (size_t i = 0; i < sizeof(hash); i++)
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
    OPENSSL_free(der);
}

bool conn_tls_info(const struct conn *c, struct conn_tls_info *ret)
{
    X509 *cert;
    long verified;

    *ret = (struct conn_tls_info){0};
    if (!conn_secured(c))
        return false;
    ret->version_name = SSL_get_version(c->tls->ssl);
    ret->cipher_name = SSL_get_cipher_name(c->tls->ssl);
    snprintf(ret->version, sizeof(ret->version), "%s", ret->version_name);
    snprintf(ret->cipher, sizeof(ret->cipher), "%s", SSL_get_cipher_name(c->tls->ssl));
    if (SSL_is_server(c->tls->ssl)) {
        const char *sni = SSL_get_servername(c->tls->ssl, TLSEXT_NAMETYPE_host_name);

        span_copy(span_str(sni), ret->sni, sizeof(ret->sni));
    }
    cert = SSL_get1_peer_certificate(c->tls->ssl);
    if (!cert)
        return true;
    verified = SSL_get_verify_result(c->tls->ssl);
    ret->peer_cert = true;
    ret->chain_ok = verified == X509_V_OK;
    if (!ret->chain_ok)
        snprintf(ret->verify_error, sizeof(ret->verify_error), "%s",
                 X509_verify_cert_error_string(verified));
    if (c->tls->server_name)
        ret->name_ok = is_address(c->tls->server_name)
                           ? X509_check_ip_asc(cert, c->tls->server_name, 0) == 1
                           : X509_check_host(cert, c->tls->server_name, 0, 0, NULL) == 1;
    peer_name(cert, ret->peer_name, sizeof(ret->peer_name));
    key_hash(cert, ret->spki);
    X509_free(cert);
    ERR_clear_error();
    return true;
}
