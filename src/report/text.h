/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words, numbers and lines for people; shared by the renderers, nobody else's. */
#ifndef POSTERN_REPORT_TEXT_H
#define POSTERN_REPORT_TEXT_H

#include "report/report.h"

enum {
    REPORT_WIDTH_MIN = 40,
    REPORT_WIDTH_DEFAULT = 80,
    REPORT_ADVICE_LINES = 8, /* of an advice, its heading too */
    REPORT_LINE_MAX = 16384, /* bytes of one paragraph before it is broken into lines */
};

/* Columns to fill under this style. */
unsigned report_text_width(const struct report_style *style);

/* 1234567 → "1,234,567" */
void report_text_number(struct buf *out, uint64_t n);
/* "1 probe", "2,000 probes": the plural is the noun with an s. */
void report_text_plural(struct buf *out, uint64_t n, const char *noun);
/* "0.4 s", "12 min 30 s", "3 h 5 min", from milliseconds; nothing for a negative length. */
void report_text_duration(struct buf *out, int64_t ms);

/*
 * Breaks `text` (escaped already) at its spaces into lines of `width` columns: the first is
 * indented by `first`, the others by `rest`. A word that is longer than a line stays whole, because
 * an envelope is there to be copied.
 */
void report_text_wrap(struct buf *out, unsigned first, unsigned rest, unsigned width,
                      struct span text);
/* Spaces up to `column`, given that the line began at offset `start` of the buffer. */
void report_text_pad(struct buf *out, size_t start, size_t column);

enum report_colour { REPORT_RED, REPORT_YELLOW, REPORT_GREEN, REPORT_CYAN, REPORT_DIM };

void report_text_colour(struct buf *out, const struct report_style *style, enum report_colour c,
                        const char *text);
enum report_colour report_text_verdict_colour(enum report_verdict v);
/* "OPEN RELAY", "CLOSED", … */
const char *report_text_headline(enum report_verdict v);

enum report_severity {
    REPORT_CRITICAL,
    REPORT_HIGH,
    REPORT_MEDIUM,
    REPORT_LOW,
    REPORT_INFO, /* and any word that we do not know */
    REPORT_SEVERITIES,
};

enum report_severity report_text_severity(const json_t *finding);
const char *report_severity_name(enum report_severity s);

/* "192.0.2.1:25", "[2001:db8::1]:25"; the port is left out when it is 0. */
void report_text_endpoint(struct buf *out, const json_t *doc, const char *address);
/* "plain", "STARTTLS", "TLS" for the documents' none, starttls, implicit. */
const char *report_text_tls(const json_t *doc);

#endif
