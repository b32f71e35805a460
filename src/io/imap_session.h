/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One reader of one mailbox, blocking: the inside of imap.h, for its worker thread alone. It keeps
 * its connection between rounds and makes a new one after any failure.
 */
#ifndef POSTERN_IO_IMAP_SESSION_H
#define POSTERN_IO_IMAP_SESSION_H

#include "io/imap.h"

#include <stdatomic.h>

enum {
    IMAP_ROUND_BYTES = 16 << 20, /* octets of messages handed out in one round */
    IMAP_BATCH = 20,             /* headers asked for in one command */
};

/* Owned copies of struct imap_config. */
struct imap_setup {
    char *server;  /* scheme://host[:port]/; with the user in it when there is no password */
    char *mailbox; /* decoded */
    char *user, *password, *ca_file; /* NULL: none */
    bool plain;
    int64_t since_wall;
    bool (*wanted)(const void *ctx, struct span header);
    const void *wanted_ctx;
};

/* 0, or -EINVAL or -ENOMEM with the reason in err. Deinit also after an error. */
int imap_setup_init(struct imap_setup *s, const struct imap_config *config,
                    char err[IMAP_ERROR_MAX]);
void imap_setup_deinit(struct imap_setup *s);

struct imap_found {
    struct imap_found *next;
    uint32_t uid;
    bool cut;
    size_t n;
    char bytes[];
};

enum imap_fault {
    IMAP_FINE = 0,
    IMAP_AGAIN,    /* the network's or the server's: it may go away */
    IMAP_HOPELESS, /* the operator must do something */
    IMAP_STOPPED,  /* *stop was set */
};

struct imap_round {
    struct imap_found *found, **tail; /* in the order of UIDs; the caller frees each */
    unsigned count;
    bool more;             /* there is more to look at, now */
    enum imap_fault fault; /* what was found before it is handed out all the same */
    char why[IMAP_ERROR_MAX];
};

struct imap_session;

int imap_session_new(const struct imap_setup *setup, const atomic_bool *stop,
                     struct imap_session **ret);
void imap_session_free(struct imap_session **s);
/* Fills *ret, which needs no initialisation. */
void imap_session_round(struct imap_session *s, struct imap_round *ret);

#endif
