/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is known of a client: the facts that a relay decision, a brake, a list or a log line may
 * use. One struct a session, filled by the program as it learns; everybody else reads.
 *
 * Facts that the client merely claims (HELO) and facts that it proved (address, login, key of its
 * certificate) stand in one place, but only the latter may ever grant anything.
 */
#ifndef POSTERN_GATE_CLIENT_H
#define POSTERN_GATE_CLIENT_H

#include "base/ip.h"

enum gate_role {
    GATE_ROLE_MX,         /* port 25: from anyone to our domains */
    GATE_ROLE_SUBMISSION, /* 587 and 465: from our users to anyone */
};

const char *gate_role_name(enum gate_role role); /* "mx", "submission" */

enum { GATE_ID_MAX = 16 }; /* a session's id with its NUL */

/* No text is ever NULL; "" is "none" or "not known". */
struct gate_client {
    struct ip ip;       /* the true client: of the connection, or of a trusted PROXY header */
    struct ip local_ip; /* where it connected to, also after a PROXY header */
    struct ip peer;     /* who really connected: the balancer where PROXY was spoken, else ip */
    uint16_t port;
    uint16_t local_port;
    enum gate_role role;
    bool proxied;
    bool ip_unknown;   /* a balancer could not say who it is: ip is the balancer's */
    bool balancer;     /* a balancer on its own account: ip is right, and gives no right */
    bool implicit_tls; /* TLS from the start (465) */
    bool tls;          /* TLS is up now */
    bool esmtp;        /* it said EHLO */
    bool cert_ca;      /* its certificate leads to client-ca; its key was proved in any case */
    uint8_t ttl;       /* of its packets as they came in; 0: not known, or a balancer's */
    bool name_ok;      /* `name` was looked up and points back to ip */
    bool name_failed;  /* it could not be looked up, in passing: there may be one, or another one */
    const char *tls_version; /* "TLSv1.3"; this one and the next are constants, never freed */
    const char *tls_cipher;
    const char *sni;      /* the server name that it asked for */
    const char *cert;     /* SHA-256 of the public key (SPKI) of its certificate, 64 hex digits */
    const char *login;    /* who logged in, as the authenticator wrote it */
    const char *helo;     /* claimed; printable */
    const char *name;     /* of its address by PTR, printable; prove nothing by it */
    struct span tlvs;     /* of its PROXY header, to be handed on (smtp/proxy_tlv.h); owned */
    char id[GATE_ID_MAX]; /* of the session; a transaction's is this, a dot and a number */
};

void gate_client_init(struct gate_client *c);
void gate_client_deinit(struct gate_client *c);
/* Replaces one of the texts by a copy; bytes that are not printable ASCII or UTF-8 become "?". */
bool gate_client_set(const char **text, struct span value);
/* Keeps a copy of what smtp_proxy_tlvs_pick() left. False: no memory, and there are none. */
bool gate_client_set_tlvs(struct gate_client *c, struct span tlvs);
/* Its address gives it no right, whatever a policy says. */
bool gate_client_unplaced(const struct gate_client *c);

#endif
