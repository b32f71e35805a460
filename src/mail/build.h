/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The message that a probe carries, as bytes: one body proves every recipient of its transaction,
 * so it lists the token of each. It says who tests whom, why, and how to make it stop (RFC 9511,
 * and our own manners), in fields and in words. It asks for no answer: Auto-Submitted (RFC 3834
 * §5) keeps responders quiet. There is no Precedence field: Sendmail queues "bulk" behind
 * everything else and bounces it without its body, and it is the body that we want to see again.
 *
 * CRLF, 7-bit, no line that starts with a dot. Lines keep to MAIL_LINE_GOOD octets; one that holds
 * nothing but a single long value may grow to MAIL_LINE_MAX.
 */
#ifndef POSTERN_MAIL_BUILD_H
#define POSTERN_MAIL_BUILD_H

#include "base/buf.h"
#include "mail/limits.h"

#include <stdint.h>

/* The field by which we know our own message again, at the top of a copy or inside a report. */
#define BUILD_MARK_FIELD "X-Postern-Probe"

struct build_token {
    struct span text;  /* the token as in the recipient's local part: letters, digits, . - _ = + */
    struct span label; /* the probe's id for people, same letters; may be empty, and is left out
                          where the line would be too long */
};

struct build {
    int64_t date_wall;      /* seconds since 1970 */
    int zone_minutes;       /* of the Date field, east of UTC, -1439 to 1439 */
    struct span from;       /* mailbox of From: whoever sends the probe; not the envelope's */
    struct span to;         /* mailbox of To */
    struct span message_id; /* without <>: dot-atom@dot-atom of RFC 5322 §3.6.4 */
    struct span run;        /* id of the run: letters, digits, - */
    struct span target;     /* the tested host as it was named, or its address */
    struct span tester;     /* host name of the tester, as in HELO */
    struct span contact;    /* mailbox of a human */
    struct span uri;        /* Probe Description URI, RFC 9511 §2.1: https:, mailto: or tel: */
    struct span opt_out;    /* URI or mailbox for "do not test this host again"; empty: contact */
    const struct build_token *tokens; /* of the transaction's recipients */
    size_t token_count;
    struct span
        extra; /* further body lines as they are (smuggled dialogue and the like): no checks */
};

enum build_got {
    BUILD_OK = 0,
    BUILD_BAD_VALUE = 1, /* a value is missing, over BUILD_VALUE_MAX, or holds what must not stand
                            in a header; *ret_which names it */
    BUILD_TOO_MANY = 2,  /* more than BUILD_TOKENS_MAX tokens */
};

/*
 * Adds the message to *out, or nothing. BUILD_…, or -ENOMEM or -EMSGSIZE from the buffer, whose
 * limit should be BUILD_MESSAGE_MAX and what `extra` needs. ret_which may be NULL.
 */
int build_message(const struct build *b, struct buf *out, const char **ret_which);

/*
 * "Fri, 21 Nov 2025 11:00:00 +0000": a date-time of RFC 5322 §3.3; years 1900 to 9999, the zone in
 * minutes east, less than a day.
 */
void build_date(struct buf *out, int64_t wall, int zone_minutes);

/* What a received copy still has of it. Spans borrow from the text given. */
struct build_copy {
    struct span run, target, message_id; /* of the mark field */
    unsigned declared;                   /* tokens that were sent */
    struct build_token *tokens;          /* owned array: those that stand in the body */
    size_t count, cap;
    bool whole; /* as many as declared, and the closing line: nothing was cut off */
};

/*
 * Reads the mark field from a header section and the list from a body; the body is given apart, so
 * that the caller may decode it first. 1 it is a copy of ours, 0 the header has no mark field (*ret
 * is empty), -ENOMEM. The tokens are text: only a key tells whether they are true.
 */
int build_copy_read(struct span header, struct span body, struct build_copy *ret);
void build_copy_deinit(struct build_copy *copy);

/*
 * Which of these tokens stand in the copy: found[i] is set for tokens[i]. Returns how many;
 * compared without case, because relays fold it.
 */
size_t build_copy_compare(const struct build_copy *copy, const struct build_token *tokens,
                          size_t count, bool *found);

#endif
