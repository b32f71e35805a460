/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A judged message as JSON, text, page and nomination. Every text of a stranger leaves through
 * base/escape.h. Errors are the buffer's.
 */
#ifndef POSTERN_TRACE_RENDER_H
#define POSTERN_TRACE_RENDER_H

#include "base/buf.h"
#include "trace/trace.h"

enum { RENDER_TEXT_MAX = 300 }; /* octets of one text of a stranger; the rest is cut */

struct render_style {
    bool colour, utf8;
};

/* "key":"text" with a comma before it unless it follows a brace. */
void render_json_text(struct buf *out, const char *key, struct span s);
/* {"type":"message",…} and a LF; postern-trace(1) names the members. */
void render_json(struct buf *out, const struct trace *t, struct span where, bool hops);
/* ,"class":"A","name":…,"confidence":…,"culprit":…,"deciding":[…],"alternatives":[…] */
void render_json_verdict(struct buf *out, const struct trace *t);

/* The whole report, with the path drawn. */
void render_text(struct buf *out, const struct trace *t, struct span where,
                 const struct render_style *style);
/* One line. */
void render_line(struct buf *out, const struct trace *t, struct span where,
                 const struct render_style *style);

/* "mail.example.org 192.0.2.1 (Sendmail 8.9.3)"; what there is of it. */
void render_host(struct buf *out, const struct trace_host *h);

/* The drawing, as an element of HTML; its style is render_svg_css. */
extern const char render_svg_css[];
void render_svg(struct buf *out, const struct trace *t);
/* One message of the page: heading, drawing, reasons, lines. */
void render_card(struct buf *out, const struct trace *t, struct span where);

/*
 * The line of postern-gate(1)'s nominations: {"type":"nomination","source":"trace",…,"message":
 * the header section}. Only for a culprit whose address is known; false when there is none.
 */
bool render_nomination(struct buf *out, const struct trace *t, struct span message, int64_t wall);

#endif
