/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes of strangers never reach a terminal, log, page or document raw: each outlet has its way of
 * writing them, and they all stand here. Output that does not fit sets the buffer's sticky error.
 */
#ifndef POSTERN_BASE_ESCAPE_H
#define POSTERN_BASE_ESCAPE_H

#include "base/buf.h"

/* For terminals and transcripts: printable ASCII as it is, \r \n \t \\ and \xHH for the rest. */
void escape_text(struct buf *out, struct span s);
/* For key=value logs: as escape_text, in quotes when a space, quote or equals sign is in it. */
void escape_log(struct buf *out, struct span s);
/* For HTML and XML text and attributes: & < > " ' as entities, the rest as escape_text. */
void escape_html(struct buf *out, struct span s);
/* For a URI component: unreserved characters of RFC 3986 §2.3 as they are, %HH for the rest. */
void escape_uri(struct buf *out, struct span s);
/* Base64 of RFC 4648 §4, with padding, on one line. */
void escape_base64(struct buf *out, struct span s);
/* Undoes escape_text; false on a broken escape. */
bool escape_undo(struct buf *out, struct span s);
/* Undoes escape_uri; false on a "%" without two hexadecimal digits behind it. */
bool escape_uri_undo(struct buf *out, struct span s);

#endif
