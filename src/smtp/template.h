/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replies that stand in rows of data, as "550 5.7.1 <{rcpt}>... Relaying denied\nGo away": words in
 * braces are filled in, and "\n" (two characters) ends a line.
 */
#ifndef POSTERN_SMTP_TEMPLATE_H
#define POSTERN_SMTP_TEMPLATE_H

#include "base/buf.h"

enum { SMTP_TEMPLATE_ENHANCED = 12 }; /* "5.7.1" with its NUL */

/* Adds what the word stands for. False: it knows no such word. */
typedef bool (*smtp_template_fn)(const void *cookie, struct span word, struct buf *out);

/* Fills a template; a word in braces that fn does not know stays as it is. */
void smtp_template_fill(struct span text, smtp_template_fn fn, const void *cookie, struct buf *out);
/*
 * Splits "550 5.7.1 text": the code, which must stand there, the enhanced code or "", and *text is
 * the rest.
 */
unsigned smtp_template_split(struct span *text, char ret_enhanced[SMTP_TEMPLATE_ENHANCED]);
/* A stranger's word in a line of ours: at most `max` octets, "?" for what is not printable. */
void smtp_template_said(struct span said, size_t max, struct buf *out);

#endif
