/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Base64 of RFC 4648 §4, the way in; escape_base64() of base/escape.h is the way out. */
#ifndef POSTERN_AUTH_BASE64_H
#define POSTERN_AUTH_BASE64_H

#include "base/buf.h"

/*
 * Adds what the text stands for. False, and nothing added, when it is not base64 to the last bit:
 * with its padding, no blank, no line end, no bit set that stands for nothing. Out of memory or of
 * out->max shows in out->err.
 */
bool auth_base64(struct span text, struct buf *out);
/* The same without making anything of it. */
bool auth_base64_ok(struct span text);

#endif
