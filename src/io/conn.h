/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A TCP connection with optional TLS, made for thousands at once: an idle plain connection costs
 * one struct and no buffer, since all connections of a loop read into one.
 *
 * Life: conn_connect() or a listener makes it, callbacks tell what happens, and `closed` is the
 * last one, called exactly once, whoever ended it. The pointer is good until `closed` returns or
 * conn_drop() was called. Every function here may be called from any callback, and after the end of
 * the connection but before `closed` (they then do nothing).
 *
 *     connecting ── connected ──┬─ data*, drained*, eof?, deadline* ──── closed
 *         │                     └─ conn_tls_client ─ secured ─ data* …      │
 *         └───────────────────────────── failed ────────────────────────────┘
 */
#ifndef POSTERN_IO_CONN_H
#define POSTERN_IO_CONN_H

#include "base/ip.h"
#include "io/loop.h"
#include "io/tls.h"

enum {
    CONN_QUEUE_MAX = 1 << 20, /* bytes that may wait to be sent, see conn_queue_limit() */
    CONN_LINGER = 5000,       /* ms that conn_close() waits for the queue to go out */
};

struct conn;

enum conn_reason {
    CONN_LOCAL,       /* conn_close() or conn_abort() */
    CONN_EOF,         /* the peer closed in order */
    CONN_RESET,       /* the peer broke the connection */
    CONN_REFUSED,     /* nobody listens there, or a firewall says so */
    CONN_TIMEOUT,     /* the connect took too long, or a deadline passed that had no callback */
    CONN_UNREACHABLE, /* no route, administratively prohibited, or no local address for it */
    CONN_TLS_FAILED,  /* the handshake or a record failed; text is OpenSSL's */
    CONN_OUR_FAULT,   /* we ran out of memory or of file descriptors */
};

const char *conn_reason_name(enum conn_reason r);

struct conn_end {
    enum conn_reason reason;
    int err;          /* negative errno behind it, or 0 */
    const char *text; /* for people; good inside the callback only */
    bool connected;   /* it had been connected before it ended */
    bool secured;     /* TLS had been up */
};

struct conn_events {
    /* Optional, for conn_connect() only. Not called for accepted connections. */
    void (*connected)(void *cookie, struct conn *c);
    /* Required. Bytes as they came, never empty; good inside the callback only. */
    void (*data)(void *cookie, struct conn *c, struct span bytes);
    /*
     * Optional: the queue has run empty. Most writes go to the kernel at once and queue nothing:
     * who waits for this looks at conn_queued() first.
     */
    void (*drained)(void *cookie, struct conn *c);
    /* Optional: the TLS handshake is done. */
    void (*secured)(void *cookie, struct conn *c);
    /*
     * Optional: the peer sends no more but may still read (half-close); the owner must conn_close()
     * in time. Without it the queue is sent and the connection ends as CONN_EOF.
     */
    void (*eof)(void *cookie, struct conn *c);
    /* Optional: conn_deadline() passed. Without it the connection ends as CONN_TIMEOUT. */
    void (*deadline)(void *cookie, struct conn *c);
    /* Required. The connection is gone when this returns. */
    void (*closed)(void *cookie, struct conn *c, const struct conn_end *end);
};

struct conn_target {
    struct ip ip;
    uint16_t port;
    struct ip local;    /* address to come from; IP_NONE: the kernel's choice */
    bool transparent;   /* `local` is somebody else's: needs CAP_NET_RAW and routes back to us */
    int64_t timeout_ms; /* for the TCP connect; 0: as long as the kernel tries */
};

/*
 * Fails at once only with -ENOMEM or -EINVAL (families of ip and local differ, no address); all
 * else comes as `closed`. *ret is set before any callback.
 */
int conn_connect(struct loop *l, const struct conn_target *to, const struct conn_events *ev,
                 void *cookie, struct conn **ret);
/* Takes over a connection from a listener, or hands one to another owner. */
void conn_own(struct conn *c, const struct conn_events *ev, void *cookie);

/*
 * Copies the bytes and sends them in order; during a TLS handshake they wait for its end. 0, or
 * -ENOBUFS when the queue would grow over its limit (nothing was taken), -EPIPE when the connection
 * is ending, -ENOTCONN before it is connected, -ENOMEM.
 */
int conn_write(struct conn *c, struct span bytes);
size_t conn_queued(const struct conn *c); /* bytes not yet handed to the kernel */
void conn_queue_limit(struct conn *c, size_t bytes);

/* Back-pressure: while paused no `data` and no `eof` comes. Need not be balanced. */
void conn_pause(struct conn *c);
void conn_resume(struct conn *c);

/* The one deadline of the connection, at a time of loop_now(); 0: none. Bytes do not move it. */
void conn_deadline(struct conn *c, int64_t at_ms);

/* Sends what is queued (at most CONN_LINGER ms long), then ends. Only `closed` comes after this. */
void conn_close(struct conn *c);
/* Ends now, the queue is lost. Only `closed` comes after this, from the loop. */
void conn_abort(struct conn *c);
/* Ends now and in silence: no callback comes after this. Sets *c to NULL; safe on NULL. */
void conn_drop(struct conn **c);

/*
 * Starts TLS on a plain connection. `leftover` is what the caller was given by `data` and has not
 * used: bytes behind the STARTTLS command or its reply were injected (RFC 3207 §6) and must never
 * be taken for protected ones. When there are any, CONN_TLS_LEFTOVER is returned and nothing is
 * done; who wants TLS nevertheless throws them away knowingly and calls again with SPAN_NULL. A
 * failed handshake comes as `closed` with CONN_TLS_FAILED.
 */
enum conn_tls_start {
    CONN_TLS_STARTED = 0,
    CONN_TLS_LEFTOVER = 1, /* refused: plaintext was injected */
    CONN_TLS_UNFIT = 2,    /* not connected, ending, or TLS already */
};
/* server_name: for SNI and for the check of the certificate, or NULL. Also -ENOMEM. */
int conn_tls_client(struct conn *c, struct tls_context *t, const char *server_name,
                    struct span leftover);
int conn_tls_server(struct conn *c, struct tls_context *t, struct span leftover);

/*
 * Octets of the peer's handshake that had been read before TLS was started, behind something that
 * came first (a PROXY header); they are read again from the loop. Right after conn_tls_server().
 */
void conn_tls_unread(struct conn *c, struct span bytes);

struct conn_tls_info {
    char version[16]; /* "TLSv1.3" */
    char cipher[64];
    char peer_name[256];   /* common name of its certificate, or ""; bytes of a stranger */
    bool peer_cert;        /* the peer showed a certificate */
    bool chain_ok;         /* it leads to a root of this system's store and is in its dates */
    bool name_ok;          /* it stands for the server name that was asked */
    char verify_error[80]; /* why chain_ok is false, or "" */
    char sni[256];         /* of a server: the name that the client asked for, or "" */
    /* The same as version and cipher, but constants that live as long as the program. */
    const char *version_name, *cipher_name;
    char spki[65]; /* SHA-256 of the key of the peer's certificate, in hex, or "" */
};
/* False when the connection has no TLS that is up. */
bool conn_tls_info(const struct conn *c, struct conn_tls_info *ret);
bool conn_secured(const struct conn *c);
/*
 * Keying material of this very TLS connection under a label, without context (RFC 5705): what a
 * login can be bound to (RFC 9266). False without TLS, and below TLS 1.3 where the handshake has no
 * extended master secret (RFC 7627), since two connections could then share it.
 */
bool conn_tls_exporter(const struct conn *c, const char *label, uint8_t *ret, size_t n);

/* Whether octets of the peer wait to be read right now. */
bool conn_has_input(const struct conn *c);

/* Good while it is connected, else IP_NONE and 0. The far end is known from the start. */
struct ip conn_local(const struct conn *c, uint16_t *ret_port);
struct ip conn_local_ip(const struct conn *c);
struct ip conn_peer_ip(const struct conn *c);
uint16_t conn_peer_port(const struct conn *c);
/*
 * The time to live (IPv6: hop limit) that the peer's first packets had left, 0 where it is not
 * known. It is the packets': a proxy's where one ends the connection.
 */
unsigned conn_peer_ttl(const struct conn *c);
struct loop *conn_loop(const struct conn *c);

#endif
