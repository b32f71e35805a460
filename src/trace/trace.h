/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the Received fields of one message to the host that relayed it, and why. The order of work:
 *
 *     facts     the header fields that tell something, with the place where they stand
 *     chain     own lines (trusted), then line by line downwards: who wrote it is who handed the
 *               message to the line above; the first that fails is forged, with all below it
 *     judge     who gave the lowest genuine line its message, and what allowed him to
 *
 * The classes are those of postern-trace(1). A host is blamed in A to D only; a login, an ordinary
 * origin, a list, a spammer's machine and an open case name a source, never a culprit.
 */
#ifndef POSTERN_TRACE_TRACE_H
#define POSTERN_TRACE_TRACE_H

#include "mail/received.h"

enum {
    TRACE_HOPS_MAX = 64,    /* Received fields looked at; RFC 5321 §6.3 loops end at 100 */
    TRACE_NOTES_MAX = 24,   /* deciding lines and reasons of one message */
    TRACE_OTHERS_MAX = 5,   /* alternatives rejected */
    TRACE_NAMES_MAX = 6,    /* names of a culprit */
    TRACE_DOMAINS_MAX = 8,  /* DKIM domains, SPF results remembered */
    TRACE_OPTIONS_MAX = 64, /* --trust, --mx, --org, each */
    TRACE_SKEW = 3600,      /* seconds by which a line may be older than the one below it */
};

enum trace_class {
    TRACE_RELAY = 0, /* A open relay with a public client */
    TRACE_NAT,       /* B NAT hid the client */
    TRACE_APPLIANCE, /* C appliance in front of a trusting server */
    TRACE_HYBRID,    /* D on-premises relay whose cloud tenant then signs */
    TRACE_LOGIN,     /* E stolen login */
    TRACE_OWN,       /* F own or legitimate origin */
    TRACE_LIST,      /* G list, forwarder, bounce */
    TRACE_SPAMMER,   /* H spammer's own machine */
    TRACE_OPEN_CASE, /* U undecidable */
    TRACE_CLASSES,
};

char trace_class_letter(enum trace_class c);
const char *trace_class_name(enum trace_class c); /* "open relay", "stolen login", … */
bool trace_class_blames(enum trace_class c);      /* A to D */

/* Who is trusted; all texts borrowed. Names match themselves and what is below them. */
struct trace_options {
    struct ip_prefix nets[TRACE_OPTIONS_MAX]; /* --trust NET */
    size_t net_count;
    struct span hosts[TRACE_OPTIONS_MAX]; /* --trust HOST, --mx HOST */
    size_t host_count;
    struct span orgs[TRACE_OPTIONS_MAX]; /* --org DOMAIN: own domains */
    size_t org_count;
};

/* What a line is in the chain. */
enum trace_role {
    TRACE_OWN_LINE = 0, /* of the receiving system: trusted */
    TRACE_GENUINE,      /* its writer is the host that the line above names */
    TRACE_INSIDE,       /* below a genuine line, within its organisation */
    TRACE_FORGED,       /* breaks the chain, or is no line of the writer it claims */
    TRACE_BELOW,        /* below a forged one: says nothing */
};

const char *trace_role_name(enum trace_role r);

/* How a line hangs on the one above. */
enum trace_link {
    TRACE_NO_LINK = 0,
    TRACE_BY_TOP,   /* the first line */
    TRACE_BY_LOCAL, /* handed over on one machine, or fetched from a mailbox */
    TRACE_BY_IP,    /* tells the address that the line above saw */
    TRACE_BY_NAME,  /* is the peer's reverse name, or in its domain */
    TRACE_BY_HELO,  /* only the HELO of the line above says so */
    TRACE_BY_PLACE, /* a private network behind the peer */
};

/* What is wrong with a line in itself. */
enum trace_fault {
    TRACE_SOUND = 0,
    TRACE_BAD_DATE,    /* no date, or none that a program writes */
    TRACE_BAD_SHAPE,   /* not the grammar of the writer that it claims */
    TRACE_BAD_ID,      /* an id that the writer does not make */
    TRACE_BAD_CLOCK,   /* the time in the id is not the time of the line */
    TRACE_BAD_ORDER,   /* younger than the line above by more than clocks differ */
    TRACE_BAD_ADDRESS, /* a peer that cannot be: 0.1.2.3, 500.1.1.1, multicast */
    TRACE_REPEATED,    /* the id stands in another line, too */
};

const char *trace_fault_name(enum trace_fault f); /* a phrase: "has an id that …" */

struct trace_hop {
    struct received r;
    unsigned line; /* of the message, from 1 */
    enum trace_role role;
    enum trace_link link;
    enum trace_fault fault;
};

/* A reason, about a hop where `hop` is not SIZE_MAX; `about` is a stranger's text or empty. */
struct trace_note {
    const char *why;
    size_t hop;
    unsigned line; /* of another header field; 0 none */
    struct span about;
};

struct trace_other {
    enum trace_class class;
    const char *why; /* it was rejected, or why it stays possible */
};

/* A host as the message shows it. */
struct trace_host {
    struct ip ip;   /* as the host above saw it; IP_NONE when none did */
    bool witnessed; /* a line of the receiving system saw it */
    struct span names[TRACE_NAMES_MAX];
    size_t name_count;
    enum received_writer writer;
    struct span version;
};

struct trace {
    struct trace_hop *hops; /* newest first; owned */
    size_t count, cap, left_out;
    size_t own;     /* lines of the receiving system, from the top */
    size_t genuine; /* own and linked ones together */
    bool guessed;   /* the boundary is a guess: no option named the receiving system */
    enum trace_class class;
    unsigned confidence;       /* percent */
    struct trace_host culprit; /* of A to D; else empty */
    struct trace_host source;  /* where it came from, as far as lines are genuine */
    struct ip nat;             /* of B and D: the address that stands for all clients */
    bool has_accomplice;
    struct trace_host accomplice; /* of C: the server that trusts the culprit */
    struct trace_note notes[TRACE_NOTES_MAX];
    size_t note_count;
    struct trace_other others[TRACE_OTHERS_MAX];
    size_t other_count;
    struct span message_id, from; /* for the report */
};

/*
 * Judges one message; everything in *ret borrows from it, and from the options. *ret may have been
 * used before: it is overwritten, its memory used again. 0, or -ENOMEM.
 */
int trace_message(struct span message, const struct trace_options *options, struct trace *ret);
void trace_deinit(struct trace *t);

#endif
