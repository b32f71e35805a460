/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Evidence of relay attempts: one JSON object a line, which `postern list nominate` reads.
 *
 *     {"type":"nomination","time":"2026-03-01T12:00:00Z","wall":1772366400,"ip":"192.0.2.1",
 *      "source":"gate","reason":"relay-attempt","session":"…","helo":"…","mail":"<…>",
 *      "rcpt":"<…>","count":3}
 *
 * Texts are the client's, as escape_text() writes them. A client is told once for each doubling of
 * its attempts, so that a flood fills no disk: count says how many there were by then.
 */
#ifndef POSTERN_GATE_EVIDENCE_H
#define POSTERN_GATE_EVIDENCE_H

#include "base/buf.h"
#include "base/ip.h"

enum {
    EVIDENCE_LINE_MAX = 8000, /* octets of a line: one write(2) */
    EVIDENCE_TEXT_MAX = 320,  /* octets of one text; the rest is cut */
};
#define EVIDENCE_DAY_MAX (UINT64_C(16) << 20) /* octets of one day's file */
enum { EVIDENCE_DAYS = 30 };                  /* files that are kept */

struct evidence {
    int64_t wall;
    struct ip client;
    const char *reason; /* "relay-attempt", "spamtrap" */
    const char *session;
    struct span helo, mail, rcpt;
    unsigned count;
};

/* Whether the attempt with this number (from 1) is told: 1, 2, 4, 8, … */
bool evidence_due(unsigned count);
/* One line with its LF; out needs room for EVIDENCE_LINE_MAX. */
void evidence_line(const struct evidence *e, struct buf *out);
/* The day's file name, "2026-03-01.jsonl". */
enum { EVIDENCE_NAME_MAX = 24 };
void evidence_file(int64_t wall, char out[EVIDENCE_NAME_MAX]);
/* Whether the file is one of ours and too old to keep. */
bool evidence_stale(struct span name, int64_t wall);

#endif
