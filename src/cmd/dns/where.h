/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an operator is told of insane data: where they are in his files, and what he can do. */
#ifndef POSTERN_CMD_DNS_WHERE_H
#define POSTERN_CMD_DNS_WHERE_H

#include "cmd/dns/site.h"
#include "zone/sanity.h"

#include "base/buf.h"

/* "FILE:LINE: what; remedy", as far as the place can be found. In any thread. */
void where_tell(const struct site_zone *z, const struct zone_finding *f, struct buf *out);

#endif
