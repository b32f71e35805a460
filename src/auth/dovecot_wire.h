/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of Dovecot's auth protocol: fields between TABs, escapes with \001. */
#ifndef POSTERN_AUTH_DOVECOT_WIRE_H
#define POSTERN_AUTH_DOVECOT_WIRE_H

#include "auth/limits.h"
#include "base/buf.h"

/* Adds "\t" and a field; what could be read as an end of it is escaped. value may be NULL. */
void auth_dovecot_field(struct buf *out, const char *name, struct span value);
/* Undoes the escapes. False on a \001 that no known character follows, or when it does not fit. */
bool auth_dovecot_unescape(struct span s, char *out, size_t cap);
/* Takes "user=" and the like off the front; false when the field has another name. */
bool auth_dovecot_value(struct span field, const char *name, struct span *ret);

#endif
