/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON building that the machine-readable forms share. Inside of the layer only. */
#ifndef POSTERN_AUDIT_OUT_DOC_H
#define POSTERN_AUDIT_OUT_DOC_H

#include "audit/out.h"

#include <jansson.h>

/* A text as it is where it is UTF-8, else as escape_text writes it; null for NULL. */
json_t *audit_doc_text(const char *text);
/* Sets a member; takes the value over. NULL values make the sum false. */
bool audit_doc_set(json_t *object, const char *key, json_t *value);
bool audit_doc_str(json_t *object, const char *key, const char *text);
/* The same, but nothing for NULL. */
bool audit_doc_opt(json_t *object, const char *key, const char *text);
bool audit_doc_int(json_t *object, const char *key, size_t n);
/* One line of JSON and a newline; takes the document over. NULL: out of memory. */
void audit_doc_line(struct buf *out, json_t *doc, size_t indent);

#endif
