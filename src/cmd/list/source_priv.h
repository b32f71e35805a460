/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the readers of sources share. */
#ifndef POSTERN_CMD_LIST_SOURCE_PRIV_H
#define POSTERN_CMD_LIST_SOURCE_PRIV_H

#include "base/escape.h"
#include "cmd/list/source.h"

/* "program: spec: why"; returns status. */
int source_say(const struct source_options *o, int status, const char *spec, const char *why);
/* Data of a new zone of the source, or NULL when out of memory. */
struct zone_data *source_data(struct source *s);

/* "ZONE@ADDR[:PORT]". 0, -errno, or an exit status with the reason printed. */
int source_axfr(struct span place, const char *spec, const struct source_options *o,
                struct source *s);

#endif
