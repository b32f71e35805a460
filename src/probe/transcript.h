/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What was said in one session, line by line, in printable form: the evidence behind every verdict.
 * "C: " is what we sent, "S: " what the server answered, "* " what happened (connected, closed). A
 * transcript is bounded; what comes after the bound is counted, not kept.
 */
#ifndef POSTERN_PROBE_TRANSCRIPT_H
#define POSTERN_PROBE_TRANSCRIPT_H

#include "base/buf.h"

#include <stdint.h>

enum {
    TRANSCRIPT_MAX = 256 * 1024, /* bytes of one session */
    TRANSCRIPT_USUAL = 4000,     /* bytes that a session with a closed server takes */
    TRANSCRIPT_LINES_MAX = 8000,
    TRANSCRIPT_LINE_MAX = 2000, /* bytes of one line, before escaping */
    TRANSCRIPT_NONE = UINT16_MAX,
};

struct transcript {
    struct buf text;
    uint32_t *starts;
    size_t count, cap;
    unsigned dropped;
};

void transcript_init(struct transcript *t);
void transcript_deinit(struct transcript *t);
/*
 * Adds one line (a reply of several lines becomes several) and returns the number of its first, or
 * TRANSCRIPT_NONE when it was dropped. Out of memory counts as dropped: evidence is never worth a
 * crash.
 */
uint16_t transcript_add(struct transcript *t, const char *who, struct span bytes);
/* A server's reply with its code put in front of each line of text again. */
uint16_t transcript_add_reply(struct transcript *t, unsigned code, struct span text);
/* Keeps the first `lines` lines and gives the memory of the rest back. */
void transcript_trim(struct transcript *t, size_t lines);
/* Line `n` without its line end, or the null span. */
struct span transcript_line(const struct transcript *t, uint16_t n);

#endif
