/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A finished audit, written for people and for machines. Everything is appended to `out`; no memory
 * or too much text is the buffer's sticky error. Bytes of the files audited reach the output only
 * in the forms of base/escape.h, or in JSON as UTF-8.
 */
#ifndef POSTERN_AUDIT_OUT_H
#define POSTERN_AUDIT_OUT_H

#include "audit/audit.h"
#include "base/buf.h"

enum { AUDIT_WIDTH_MIN = 40, AUDIT_WIDTH_DEFAULT = 80 };

struct audit_style {
    bool colour;
    bool notes;     /* show findings of AUDIT_NOTE too */
    unsigned width; /* columns; 0: AUDIT_WIDTH_DEFAULT */
};

void audit_out_text(const struct audit *a, const struct audit_style *style, struct buf *out);
/*
 * One object a line: "door" for each listening service, "finding" for each, and last "verdict" with
 * severity (as audit_verdict_name()), exit, witness, and all findings that count once more.
 */
void audit_out_json(const struct audit *a, bool notes, struct buf *out);
/* The verdict line alone, for an audit that ended with an error. */
void audit_out_json_error(const char *error, struct buf *out);
/* SARIF 2.1.0 (OASIS). */
void audit_out_sarif(const struct audit *a, bool notes, struct buf *out);
/*
 * A unified diff of all edits that do not overlap; of those that do, the worst finding's. Nothing
 * when no finding has an edit. *ret_left: findings that count and have none in the patch.
 */
void audit_out_patch(const struct audit *a, struct buf *out, size_t *ret_left);

#endif
