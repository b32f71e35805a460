/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One message to one recipient by way of a smarthost, from the null sender. */
#ifndef POSTERN_CMD_LIST_LETTER_H
#define POSTERN_CMD_LIST_LETTER_H

#include "base/ip.h"
#include "io/loop.h"

enum {
    LETTER_WHY_MAX = 300,
    LETTER_WAIT = 300000, /* ms for a reply: what RFC 5321 §4.5.3.2 asks for most commands */
    LETTER_WAIT_BODY = 600000,
    LETTER_PORT_TLS = 465, /* TLS from the first octet, RFC 8314 §3.3 */
};

/*
 * AUTO takes what is offered, whoever's certificate it is. With a login it is as ONLY, but to this
 * very host: a password is for one server. NO: a login then is SCRAM or none, but to this host.
 */
enum letter_tls { LETTER_TLS_AUTO, LETTER_TLS_NO, LETTER_TLS_ONLY };

struct letter {
    struct ip ip;
    uint16_t port;
    const char *host; /* the smarthost's name, for its certificate where it must have one */
    enum letter_tls tls;
    const char *ca_file; /* PEM; NULL: the system's authorities */
    const char *login;   /* NULL: none */
    const char *password;
    const char *helo;
    const char *rcpt; /* a checked mailbox */
    struct span message;
};

enum letter_got {
    LETTER_TAKEN = 0,
    LETTER_REFUSED,  /* 5xx to the recipient or the message: do not try again */
    LETTER_DEFERRED, /* 4xx, or 5.7.x to the recipient: nothing was taken */
    LETTER_GONE,     /* no connection, no login, refused before a recipient was named, or silent:
                        nothing was taken, and there is no use in the next letter */
    LETTER_UNKNOWN,  /* the connection broke after the message: it may have been taken */
};

/* An outcome with `why` in printable text, or -errno. */
int letter_send(const struct letter *l, char why[LETTER_WHY_MAX]);

#endif
