/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Feedback reports (ARF, RFC 5965): what one mail system tells another about a message of its.
 *
 *     multipart/report; report-type=feedback-report
 *         text/plain                                for people
 *         message/feedback-report                   fields, one group
 *         message/rfc822 or text/rfc822-headers     the message, or its header section
 *
 * The reader takes what others write: nominations come so, with the spam that a relay carried. The
 * writer makes notices. It puts attachments (an XARF document) into the first part, where RFC 6522
 * §3 allows any type: a fourth part of the report would be none that a reader must look at, and
 * around the report nothing may stand (RFC 5965 §2 a).
 */
#ifndef POSTERN_MAIL_ARF_H
#define POSTERN_MAIL_ARF_H

#include "base/ip.h"
#include "mail/mime.h"

enum {
    ARF_VALUES_MAX = 50,       /* values of one repeated field that are kept */
    ARF_TEXT_MAX = 64 << 10,   /* octets of the words, or of the enclosed message, that we write */
    ARF_ATTACHMENTS_MAX = 4,   /* in one report of ours */
    ARF_MESSAGE_MAX = 2 << 20, /* octets of a report of ours, its attachments in base64 included */
    ARF_NAME_MAX = 200,        /* octets of the words before our address */
    ARF_BOUNDARY_MAX = 40,     /* octets of the boundary that the caller gives */
    ARF_BASE64_LINE = 76,      /* RFC 2045 §6.8 */
};

/* The registry of RFC 5965 §7.3 and its later rows. */
enum arf_type {
    ARF_TYPE_OTHER = 0, /* "other", or one that we do not know */
    ARF_TYPE_ABUSE,
    ARF_TYPE_FRAUD,
    ARF_TYPE_VIRUS,
    ARF_TYPE_NOT_SPAM,     /* RFC 6430 */
    ARF_TYPE_AUTH_FAILURE, /* RFC 6591 */
    ARF_TYPE_OPT_OUT,      /* of the drafts, still seen */
};

const char *arf_type_name(enum arf_type type); /* as it stands in the field */

struct arf_values {
    struct span *v; /* owned array of borrowed spans */
    size_t count, cap;
};

struct arf {
    enum arf_type type;
    struct span type_text; /* Feedback-Type as it stands */
    struct span user_agent;
    unsigned version; /* 1, or what is told: a later one may mean more */
    struct span envelope_id, mail_from, arrival_date, reporting_mta, source_text;
    struct ip source;     /* Source-IP, IP_NONE without or when it is no address */
    unsigned source_port; /* RFC 6692; 0 not told */
    uint64_t incidents;   /* 1 when not told, RFC 5965 §3.2 */
    struct arf_values rcpt_to, domains, uris, auth_results;
    struct span text;     /* body of the first text part, encoded as it stands */
    struct span enclosed; /* the reported message, or its header section; empty: none */
    bool headers_only;    /* of enclosed: text/rfc822-headers */
    const char *why;      /* ARF_BAD: what is wrong */
};

enum arf_got {
    ARF_OK = 0,
    ARF_NONE = 1, /* no feedback report at all */
    ARF_BAD = 2,  /* one that breaks RFC 5965 §3: *ret holds what could be read */
};

/*
 * Fills *ret (overwritten, not freed); spans borrow from the message. enum arf_got, or -ENOMEM with
 * *ret empty. Whether what the report says is true is another matter: anyone can write one.
 */
int arf_read(struct span message, struct arf *ret);
/* Safe twice, and whatever arf_read() returned. */
void arf_deinit(struct arf *arf);

struct arf_attachment {
    const char *type; /* "application/json" */
    const char *name; /* file name: letters, digits, dots, hyphens */
    struct span bytes;
};

struct arf_message {
    int64_t date_wall;
    int zone_minutes;
    struct span from_name;  /* words before the address, UTF-8; may be empty */
    struct span from;       /* mailbox */
    struct span to;         /* mailbox */
    struct span reply_to;   /* mailbox, or empty */
    struct span message_id; /* without <> */
    struct span subject;    /* printable ASCII */
    struct span boundary;   /* letters and digits by chance, at most ARF_BOUNDARY_MAX */
    struct span text;       /* lines ended by LF or CRLF; UTF-8, no controls but tab */
    /* The report. */
    enum arf_type type;
    struct span user_agent;
    struct span mail_from;      /* of the enclosed message, without <>; SPAN_NULL: not told */
    const struct span *rcpt_to; /* likewise */
    size_t rcpt_count;
    int64_t arrival_wall;      /* of the enclosed message; 0: not told */
    struct span reporting_mta; /* host name, or empty */
    struct ip source;
    unsigned source_port;        /* 0: not told */
    uint64_t incidents;          /* 0 or 1: not told */
    struct span reported_domain; /* or empty */
    struct span reported_uri;    /* or empty */
    /* What is enclosed. Any bytes: written as quoted-printable is not allowed there (RFC 2046
     * §5.2.1), so octets over 127 and controls are shown as "?". */
    struct span enclosed;
    bool headers_only;
    const struct arf_attachment *attachments;
    size_t attachment_count;
};

enum arf_write_got {
    ARF_WRITTEN = 0,
    ARF_BAD_VALUE = 1, /* *ret_which names what must not stand in a header, or is missing */
    ARF_TOO_LONG = 2,  /* text, enclosed or attachments over their bounds */
};

/*
 * Adds the message with CRLF to *out, or nothing. The enclosed text may hold the boundary only by a
 * guess: ARF_BAD_VALUE "boundary" then. Also -ENOMEM, -EMSGSIZE of the buffer.
 */
int arf_write(const struct arf_message *m, struct buf *out, const char **ret_which);

#endif
