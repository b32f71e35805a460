/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading result documents without trust in their shape: every accessor takes any JSON value, NULL
 * too, and answers "absent" for a member that is missing or of another type. Texts borrow from the
 * document.
 */
#ifndef POSTERN_REPORT_DOC_H
#define POSTERN_REPORT_DOC_H

#include "report/report.h"

enum {
    REPORT_DOC_TEXT_MAX = 2000, /* bytes of one stranger's text that any outlet shows */
    REPORT_DOC_HOPS_MAX = 100,  /* of one Received chain; RFC 5321 §6.3 calls 100 a loop */
};

/* The span is null when absent, and not null for "". */
struct span report_doc_text(const json_t *doc, const char *key);
bool report_doc_is(const json_t *doc, const char *key, const char *value);
bool report_doc_true(const json_t *doc, const char *key);
/* Whole numbers 0 to INT64_MAX; 0 when absent, negative or of another type. */
uint64_t report_doc_count(const json_t *doc, const char *key);
/* A whole or real number as thousandths, -1 when absent or negative. */
int64_t report_doc_milli(const json_t *doc, const char *key);
/* NULL when absent; the jansson readers take NULL as empty. */
const json_t *report_doc_array(const json_t *doc, const char *key);
const json_t *report_doc_object(const json_t *doc, const char *key);
/* Seconds since 1970 of "2026-11-21T12:00:00[.123]Z" (RFC 3339 in UTC); -1 when it is not that. */
int64_t report_doc_wall(struct span time);
/* The name of a target from whichever document of it there is. */
struct span report_doc_target(const struct report_target *t);

/*
 * Texts of documents are in the form of escape_text already, so a backslash stays one; whatever
 * else is not printable ASCII is escaped. Cut at REPORT_DOC_TEXT_MAX with "..." behind it.
 */
void report_doc_show(struct buf *out, struct span s);
/* The same for HTML and XML. */
void report_doc_markup(struct buf *out, struct span s);

#endif
