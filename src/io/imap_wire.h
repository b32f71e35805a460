/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Responses of an IMAP server (RFC 9051 §9, RFC 3501 §9) to the few commands that we use. Pure:
 * bytes in, values out. The server is not trusted: sizes are bounded, and a message's text can't
 * be taken for the server's word, because literals are counted and not searched.
 *
 *     response  = ( "* " / tag " " / "+ " ) text *( "{" n "}" CRLF n-octets text ) CRLF
 */
#ifndef POSTERN_IO_IMAP_WIRE_H
#define POSTERN_IO_IMAP_WIRE_H

#include "base/buf.h"

#include <stdint.h>

enum {
    IMAP_WIRE_MAX = 1536 << 10,  /* octets of one response, literals included */
    IMAP_WIRE_NEST_MAX = 32,     /* brackets within brackets */
    IMAP_WIRE_UIDS_MAX = 100000, /* of one SEARCH */
};

enum imap_wire_got {
    IMAP_WIRE_MORE = 0, /* all bytes taken, no whole response yet */
    IMAP_WIRE_LINE = 1, /* *ret holds a response without its last CRLF, literals as they came */
    IMAP_WIRE_BAD = 2,  /* over IMAP_WIRE_MAX: the connection is of no more use */
};

struct imap_wire {
    struct buf held;
    size_t scanned; /* octets of held that were looked at */
    size_t skip;    /* octets of a literal still to come, from scanned on */
    size_t start;   /* where the line goes on behind the last literal */
    bool done;      /* held was handed out: the next byte starts a new response */
};

void imap_wire_init(struct imap_wire *w);
void imap_wire_deinit(struct imap_wire *w);
/* Takes bytes off the front of *in. *ret is good until the next call. -ENOMEM. */
int imap_wire_feed(struct imap_wire *w, struct span *in, struct span *ret);

enum imap_kind {
    IMAP_OTHER = 0, /* untagged, and of no use to us */
    IMAP_TAGGED_OK,
    IMAP_TAGGED_NO,
    IMAP_TAGGED_BAD,
    IMAP_GO_ON, /* "+": the server waits for more of a command */
    IMAP_BYE,
    IMAP_SEARCH,      /* uids are filled */
    IMAP_FETCH,       /* uid, size, text */
    IMAP_UIDVALIDITY, /* value */
};

struct imap_response {
    enum imap_kind kind;
    struct span text; /* of a tagged response or BYE: what the server says */
    uint32_t value;   /* of UIDVALIDITY */
    uint32_t uid;     /* of FETCH; 0 when not told */
    uint64_t size;    /* RFC822.SIZE; 0 when not told */
    struct span body; /* the one BODY[…] section asked for, borrowed */
    bool has_body;    /* tells an empty section from none */
};

/*
 * Reads one response. `tag` is that of the command under way. The numbers of a SEARCH are appended
 * to *uids (an array as of array_grow); NULL: they are not wanted. 0, or -ENOMEM. What can't be
 * understood is IMAP_OTHER.
 */
struct imap_uids {
    uint32_t *v; /* owned by whoever gave it */
    size_t count, cap;
};
int imap_wire_read(struct span response, struct span tag, struct imap_uids *uids,
                   struct imap_response *ret);

/*
 * Adds a string in quotes, RFC 9051 §9 quoted; false for what needs a literal (CR, LF, NUL,
 * 8-bit).
 */
bool imap_wire_quote(struct buf *out, struct span s);
/* Adds "8-Oct-2001", UTC. */
void imap_wire_date(struct buf *out, int64_t wall);

#endif
