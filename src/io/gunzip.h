/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gzip in memory (RFC 1952), of as many members one behind the other as there are. */
#ifndef POSTERN_IO_GUNZIP_H
#define POSTERN_IO_GUNZIP_H

#include "base/span.h"

/* Begins as gzip does. */
bool gunzip_is(struct span s);
/*
 * *ret is the caller's to free(), with *ret_n octets and a NUL behind them. -EBADMSG: damaged, or
 * it ends too early (half a file is none); -EFBIG: over `max` octets; -ENOMEM.
 */
int gunzip(struct span packed, size_t max, char **ret, size_t *ret_n);

#endif
