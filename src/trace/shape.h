/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a line can be what it says it is: seen by itself, without the rest of the chain. */
#ifndef POSTERN_TRACE_SHAPE_H
#define POSTERN_TRACE_SHAPE_H

#include "trace/trace.h"

/* What is wrong with this line, first found; TRACE_SOUND when nothing is known to be. */
enum trace_fault shape_fault(const struct received *r);

/* The time that an id holds, where the writer puts one there (Exim, Sendmail, InterMail). */
bool shape_id_time(const struct received *r, int64_t *ret_wall);

#endif
