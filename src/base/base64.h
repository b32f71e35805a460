/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Base64 of RFC 4648 §4, the way in; escape_base64() of base/escape.h is the way out. */
#ifndef POSTERN_BASE_BASE64_H
#define POSTERN_BASE_BASE64_H

#include "base/span.h"

#include <stdint.h>

/* What a character of the alphabet stands for, or -1. */
int base64_digit(char c);
/*
 * Missing padding and bits that stand for nothing are forgiven, other characters are not. False for
 * those, and for more than `max` octets.
 */
bool base64_decode(struct span text, uint8_t *out, size_t max, size_t *ret_n);

#endif
