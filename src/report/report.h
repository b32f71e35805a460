/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Results of a relay test, written for people and for machines. `postern test` (fresh results) and
 * `postern show` (stored ones) both come through here, so that a run looks the same on the day and
 * a year later. Pure: documents go in, text is appended to a buffer; no files, no clock, no locale.
 *
 * Documents are jansson objects with a member "type":
 *   "probe"    one envelope tried at one door
 *   "door"     one address, port and TLS state of a target
 *   "verdict"  the last of a target; sums it up
 * Any member may be missing, null or of another type than expected (an old run, a damaged store):
 * it then counts as absent, and what can still be said is said. Lengths of time are milliseconds in
 * "ms" and seconds in "delay". "hops" stand in the order of travel: the host that took the message
 * from us first, the one that brought it to the sink last.
 *
 * Texts of strangers stand in the documents in the form of escape_text (base/escape.h), because
 * JSON can hold no raw bytes. The renderers therefore keep a backslash as it is and escape all else
 * that is not printable ASCII, and what is special to the outlet; a document that holds raw control
 * bytes is harmless, only no longer reversible.
 *
 * Every renderer appends to `out`, never clears it, and reports nothing itself: too much text or no
 * memory is the buffer's sticky error, which the caller reads once.
 */
#ifndef POSTERN_REPORT_REPORT_H
#define POSTERN_REPORT_REPORT_H

#include "base/buf.h"

#include <jansson.h>
#include <stdint.h>

/* Exit codes, the same as a Nagios plugin's (design D1). */
enum report_exit {
    REPORT_EXIT_CLOSED = 0,
    REPORT_EXIT_ACCEPTS = 1,
    REPORT_EXIT_OPEN = 2,
    REPORT_EXIT_UNDECIDED = 3,
};

enum report_verdict {
    REPORT_OPEN,
    REPORT_ACCEPTS,
    REPORT_CLOSED,
    REPORT_BLOCKED,
    REPORT_INCONCLUSIVE,
    REPORT_UNREACHABLE,
    REPORT_ABSENT,  /* of a door only: nothing listens, or no TLS is offered */
    REPORT_UNKNOWN, /* no verdict document, or a word that we do not know */
    REPORT_VERDICTS,
};

/* "open", "accepts", … as in the documents; "unknown" for REPORT_UNKNOWN. */
const char *report_verdict_name(enum report_verdict v);
/* Never fails: REPORT_UNKNOWN for anything else. */
enum report_verdict report_verdict_of(const json_t *doc);
enum report_exit report_exit_of(enum report_verdict v);

/* What is known of one target. All borrowed; each may be NULL (bulk runs keep verdicts only). */
struct report_target {
    const json_t *verdict;
    const json_t *doors;  /* array of door documents */
    const json_t *probes; /* array of probe documents */
};

/*
 * Sorts documents by their target, in the order in which targets first appear. A second verdict or
 * door document for the same thing replaces the first, so that series and anchors stay unique.
 */
struct report_set {
    struct report_target *targets; /* what the renderers take; valid until the next change */
    size_t count;
    size_t cap;
    json_t *index; /* target's name → what is held of it; owns all documents */
};

enum report_add {
    REPORT_ADDED,
    REPORT_NOT_OURS, /* no object, or of a type that is not rendered; left out */
};

void report_set_init(struct report_set *s);
/* Safe on a zeroed set, and twice. */
void report_set_deinit(struct report_set *s);
/* Keeps a reference of its own to `doc`. enum report_add, or -ENOMEM with the set as it was. */
int report_set_add(struct report_set *s, json_t *doc);

/* Totals of a run, gathered target by target so that a bulk run need not keep its documents. */
struct report_summary {
    uint64_t targets;
    uint64_t by_verdict[REPORT_VERDICTS];
    uint64_t tried, refused, accepted, proved, bounced, deferred, skipped; /* probes */
    uint64_t ms; /* sum over the targets, not the length of the run */
};

/* `verdict` may be NULL: a target without a verdict counts as unknown. */
void report_summary_add(struct report_summary *s, const json_t *verdict);
/* The worst of all targets: open before accepts before undecided before closed. */
enum report_exit report_summary_exit(const struct report_summary *s);

struct report_style {
    unsigned width; /* columns of the terminal; 0 means 80; never less than 40 */
    bool colour;    /* ANSI colours */
    bool utf8;      /* arrows and lines beyond ASCII */
    bool all;       /* every probe, nothing summed up */
};

/* --- for people --- */

/* A target in full: some ten lines for a closed one. */
void report_table_target(struct buf *out, const struct report_target *t,
                         const struct report_style *style);
/* A target in one line, for runs over many. */
void report_table_line(struct buf *out, const json_t *verdict, const struct report_style *style);
/* Totals. `wall_ms` is the length of the whole run, 0 when unknown. */
void report_table_summary(struct buf *out, const struct report_summary *s, int64_t wall_ms,
                          const struct report_style *style);

/* A self-contained page: nothing is loaded from elsewhere, no script. `title` may be NULL. */
void report_html(struct buf *out, const struct report_target *targets, size_t count,
                 const char *title);

enum report_svg {
    REPORT_SVG_ACROSS, /* left to right, for wide screens and paper */
    REPORT_SVG_DOWN,   /* top to bottom, for narrow ones */
};

/*
 * The way of one proved probe from us to the sink. `proved` is a member of a verdict's "proved".
 * `standalone` adds the style that report_html has for all its drawings (for a file of its own).
 */
void report_svg(struct buf *out, const json_t *proved, const char *target, enum report_svg shape,
                bool standalone);

/* --- for machines --- */

/* Any document as JSON on one line, ASCII only, LF behind it. */
void report_lines(struct buf *out, const json_t *doc);

/* A test suite a target, a test case a probe; a case a door where no probes are held. */
void report_junit(struct buf *out, const struct report_target *targets, size_t count);

/* Prometheus text exposition 0.0.4: verdicts, doors, probe counts, findings, age and length. */
void report_prometheus(struct buf *out, const struct report_target *targets, size_t count);

/* One line with performance data, LF behind it. Returns the plugin's exit status. */
enum report_exit report_nagios(struct buf *out, const struct report_target *targets, size_t count);

#endif
