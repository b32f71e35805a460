/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Own lines, genuine lines, forged ones: from top to bottom. */
#ifndef POSTERN_TRACE_CHAIN_H
#define POSTERN_TRACE_CHAIN_H

#include "trace/trace.h"

/* Fills role, link and fault of every hop, and own, genuine, guessed of t. */
void chain_judge(struct trace *t, const struct trace_options *o);

/* The peer of a line is on the same machine, or in a network that only the writer can see. */
bool chain_is_private(struct ip ip);
/* A line that tells of no peer and no writer, as "(qmail 123 invoked from network)". */
bool chain_is_mute(const struct received *r);

#endif
