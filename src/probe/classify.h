/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a server means by a reply. Codes alone mislead: a Postfix as shipped refuses relaying with
 * 454, which is no greylisting, and a blocklisted tester gets the same 554 as a spammer's relay
 * attempt. So code, enhanced code and text are read together, in the place where they were said.
 */
#ifndef POSTERN_PROBE_CLASSIFY_H
#define POSTERN_PROBE_CLASSIFY_H

#include "smtp/client.h"

enum meaning {
    MEANING_NONE,         /* no reply yet */
    MEANING_OK,           /* 2xx, and 354 to DATA */
    MEANING_RELAY_DENIED, /* this server does not relay there, 4xx or 5xx */
    MEANING_SYNTAX,       /* the address or command is malformed to this server */
    MEANING_SENDER,       /* the reverse-path is not welcome (domain not found, not allowed) */
    MEANING_UNKNOWN_USER, /* taken for a local address that does not exist */
    MEANING_AUTH,         /* log in first */
    MEANING_TLS,          /* STARTTLS first */
    MEANING_BLOCKED,      /* we, not the envelope, are refused: DNSBL, reputation, PTR, HELO */
    MEANING_GREYLISTED,   /* come again later with the same triple */
    MEANING_TEMPORARY,    /* any other 4xx about the envelope */
    MEANING_RCPT_LIMIT,   /* too many recipients in this transaction, RFC 5321 §4.5.3.1.10 */
    MEANING_TOO_MANY,     /* too many errors or commands: the session's budget is spent */
    MEANING_SHUTDOWN,     /* 421 for another reason */
    MEANING_SEQUENCE,     /* 503: follows from an earlier refusal, says nothing of its own */
    MEANING_UNSUPPORTED,  /* command or parameter not known here */
    MEANING_REFUSED,      /* any other 5xx */
};

const char *meaning_name(enum meaning m); /* "relay-denied", … : stable, for JSON */
const char *meaning_text(enum meaning m); /* for people: "relaying refused", … */

enum meaning meaning_of(enum smtp_stage stage, const struct smtp_reply *reply);

/* The envelope was judged for good, and not let through. */
bool meaning_is_refusal(enum meaning m);
/* The same envelope may fare better later. */
bool meaning_is_deferral(enum meaning m);
/* The server takes nothing more in this session. */
bool meaning_ends_session(enum meaning m);

/*
 * Seconds that the text asks us to wait ("in 5 minutes", "for 00:04:30", "300 seconds"), or 0. At
 * most a day.
 */
unsigned meaning_retry_hint(struct span text);

#endif
