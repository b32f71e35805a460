/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the header says besides its Received fields. Each mark that a host may have added keeps its
 * place: `place` is the number of Received fields above it, so it is the word of the host that
 * wrote line `place`, or of one before it.
 */
#ifndef POSTERN_TRACE_FACTS_H
#define POSTERN_TRACE_FACTS_H

#include "trace/trace.h"

enum facts_spf {
    FACTS_SPF_UNTOLD = 0,
    FACTS_SPF_PASS,
    FACTS_SPF_NONE,
    FACTS_SPF_SOFT,
    FACTS_SPF_FAIL
};

struct facts_mark {
    size_t place;
    unsigned line;
    struct span value;
};

struct facts {
    struct span from, from_domain;
    struct span return_path, sender, reply_to;
    struct span to; /* the first address of To */
    bool has_return_path;
    struct span message_id, mailer, subject;
    bool has_agent;            /* User-Agent, or X-Mailer of a known mail program */
    bool refers;               /* In-Reply-To or References */
    struct facts_mark list;    /* List-Id, X-BeenThere, Mailing-List, …; line 0: none */
    struct span list_name;     /* text that holds the list's domain */
    bool bulk;                 /* Precedence: bulk or list, List-Unsubscribe */
    struct facts_mark forward; /* Resent-From, X-Forwarded-To, Delivered-To twice */
    unsigned delivered_to;     /* fields of that name */
    bool report;               /* multipart/report */
    struct facts_mark login;   /* a field that names who logged in */
    struct facts_mark script;  /* a field of a web server's script */
    struct facts_mark origin;  /* X-Originating-IP */
    struct facts_mark wall;    /* what a Barracuda writes beside its line */
    struct ip origin_ip;
    bool ratware;          /* a Message-ID in the manner of a known spamming program */
    bool zimbra;           /* Message-ID of Zimbra's web mail */
    struct facts_mark spf; /* topmost */
    enum facts_spf spf_result;
    struct span dkim_pass[TRACE_DOMAINS_MAX];
    size_t dkim_count;
    bool dmarc_pass, dmarc_fail;
    bool spam;          /* the receiving system's filter says so */
    bool ham;           /* or says the opposite */
    struct ip probe_ip; /* an address in the subject: how relays are sounded */
};

/* Reads all fields; Received fields become hops of t (only `r` and `line` are set). */
int facts_read(struct span message, struct trace *t, struct facts *f);

#endif
