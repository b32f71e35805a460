/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Message text on the wire, RFC 5321 §4.5.2: dots out, dots in, and what does not belong in a
 * text.
 *
 * The end of data is CR LF . CR LF and nothing else; a lone CR or LF is never a line end (RFC
 * 5321 §4.1.1.4, §2.3.8). That both ends of every hop agree on this is what keeps a second
 * envelope from being smuggled in a body (CVE-2023-51764 and its kin). All of it works fed in any
 * cut.
 */
#ifndef POSTERN_SMTP_DOT_H
#define POSTERN_SMTP_DOT_H

#include "base/buf.h"

#include <stdint.h>

/* What was seen in a message; each is a fault of the sender unless it says otherwise. */
struct smtp_text_seen {
    uint64_t octets; /* not a fault */
    uint64_t bare_cr;
    uint64_t bare_lf;
    uint64_t nul;
    uint64_t long_lines; /* over SMTP_TEXT_MAX octets with CRLF */
    uint64_t high;       /* octets over 127: a fault only without 8BITMIME */
    uint64_t line;       /* octets of the line that is open */
    bool cr;             /* the last octet was a CR: not yet known what it is */
};

/* Counts over text with no dots in the way (of BDAT, RFC 3030); zeroed struct to begin with. */
void smtp_text_look(struct smtp_text_seen *seen, struct span text);
/* At the end of a BDAT message: a CR that is still open is a bare one. */
void smtp_text_end(struct smtp_text_seen *seen);
/* Bare CR, bare LF or NUL. */
bool smtp_text_foul(const struct smtp_text_seen *seen);

enum smtp_dot_at {
    SMTP_DOT_LINE = 0, /* at the start of a line: where a message starts */
    SMTP_DOT_DOT,      /* a dot at the start of a line, held */
    SMTP_DOT_DOT_CR,   /* that dot and a CR, held */
    SMTP_DOT_TEXT,
    SMTP_DOT_CR, /* a CR in the line, given out already */
    SMTP_DOT_END,
};

/* Receiving. A zeroed struct is ready to go. */
struct smtp_dot_in {
    enum smtp_dot_at at;
    struct smtp_text_seen seen; /* counted over the text without its stuffing */
};

enum smtp_dot_got {
    SMTP_DOT_MORE = 0, /* all was taken, the message goes on */
    SMTP_DOT_PIECE,    /* *ret_piece is the next piece of text: from *in, or constant */
    SMTP_DOT_DONE,     /* end of data was read; what is left in *in is the next command */
};

/*
 * Takes bytes off the front of *in; call until it says MORE or DONE. The text given out ends in
 * the CRLF that stands before the closing dot. After DONE the struct must be zeroed again.
 */
enum smtp_dot_got smtp_dot_read(struct smtp_dot_in *d, struct span *in, struct span *ret_piece);

/* Sending. A zeroed struct is ready to go. */
struct smtp_dot_out {
    bool in_line; /* not at the start of a line */
    bool cr;      /* the last octet in was a CR, and no line end was written for it yet */
};

/*
 * Writes text with dots stuffed. Every line end written is CRLF: a lone CR or LF in the text
 * becomes one, so that no receiver can see a line end that we did not write. The buffer's err is
 * sticky.
 */
void smtp_dot_write(struct smtp_dot_out *d, struct span text, struct buf *out);
/* Ends an open line, then the data. */
void smtp_dot_close(struct smtp_dot_out *d, struct buf *out);

#endif
