/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Watches an IMAP mailbox (RFC 9051 and RFC 3501). libcurl connects, checks the certificate and
 * logs in; then the mailbox is opened with EXAMINE and read with BODY.PEEK, so nothing in it
 * changes: no message is marked, moved or deleted. Each round runs on a worker thread of libuv;
 * all callbacks but `wanted` come from the loop.
 *
 * Of every new message the header is looked at first (`wanted`), and only what may be ours is read
 * whole: the mailbox is a person's.
 */
#ifndef POSTERN_IO_IMAP_H
#define POSTERN_IO_IMAP_H

#include "base/buf.h"
#include "io/loop.h"

enum {
    IMAP_MESSAGE_MAX = 1 << 20, /* octets read of one message; what is longer is cut */
    IMAP_HEADER_MAX = 1 << 16,  /* octets of a header that `wanted` is shown */
    IMAP_ROUND_MAX = 500,       /* messages looked at in one round */
    IMAP_INTERVAL = 5000,       /* ms between rounds when nothing else is set */
    IMAP_BACKOFF_MAX = 300000,  /* ms between attempts after failures, doubling up to it */
    IMAP_TIMEOUT = 60,          /* s that a connection or a command may take */
    IMAP_ERROR_MAX = 400,
};

struct imap;

/* Texts are copied. */
struct imap_config {
    const char *url;      /* imaps://[user@]host[:port]/MAILBOX; imap:// only with STARTTLS */
    const char *user;     /* NULL: of the URL */
    const char *password; /* NULL: of ~/.netrc */
    const char *ca_file;  /* PEM; NULL: the system's authorities */
    bool plain;           /* imap:// may go on without TLS: for a server on this very machine */
    int64_t
        since_wall; /* messages that came before are passed over (by the day: RFC 9051 §6.4.4) */
    int64_t interval_ms; /* 0: IMAP_INTERVAL */
    /* On a worker thread: touch nothing but what wanted_ctx points to, and that must not change. */
    bool (*wanted)(const void *wanted_ctx, struct span header);
    const void *wanted_ctx;
};

struct imap_events {
    /* A message that was wanted. Borrowed for the call. */
    void (*message)(void *cookie, uint32_t uid, struct span message, bool cut);
    /* A round ended well; `found` messages were handed out in it. */
    void (*round)(void *cookie, unsigned found);
    /* All that the mailbox held has been looked at; more may come. */
    void (*idle)(void *cookie);
    /* A round failed and will be tried again in `again_ms`; 0: never, the fault is ours to mend
       (password, certificate, no such mailbox). One line for people. */
    void (*trouble)(void *cookie, const char *why, int64_t again_ms);
};

/*
 * The first round starts at once. -EINVAL with the reason in err for a URL that can't be used: one
 * with a password in it is refused, because command lines are public.
 */
int imap_new(struct loop *l, const struct imap_config *config, const struct imap_events *events,
             void *cookie, struct imap **ret, char err[IMAP_ERROR_MAX]);
/*
 * No callback comes after it. Waits for a round under way, whose next network event or the timeout
 * ends it early. Safe on NULL and twice; not from inside a callback.
 */
void imap_free(struct imap **i);

/*
 * The password from the first line of a file that only its owner can read, else from the
 * environment variable POSTERN_IMAP_PASSWORD, else none (*ret empty). -errno with the reason in
 * err.
 */
int imap_password(const char *file, struct buf *ret, char err[IMAP_ERROR_MAX]);

#endif
