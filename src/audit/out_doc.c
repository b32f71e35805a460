/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Building JSON so that one look at the end tells whether memory held. */
#include "audit/out_doc.h"

#include "base/escape.h"

#include <errno.h>

json_t *audit_doc_text(const char *text)
{
    struct buf safe = BUF_INIT(AUDIT_LINE_MAX * 4);
    json_t *value;

    if (!text)
        return json_null();
    if (span_is_utf8(span_str(text)))
        return json_string(text);
    escape_text(&safe, span_str(text));
    value = safe.err ? NULL : json_string(buf_str(&safe));
    buf_deinit(&safe);
    return value;
}

bool audit_doc_set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

bool audit_doc_str(json_t *object, const char *key, const char *text)
{
    return audit_doc_set(object, key, audit_doc_text(text));
}

bool audit_doc_opt(json_t *object, const char *key, const char *text)
{
    return !text || audit_doc_str(object, key, text);
}

bool audit_doc_int(json_t *object, const char *key, size_t n)
{
    return audit_doc_set(object, key, json_integer((json_int_t)n));
}

static int add(const char *bytes, size_t n, void *cookie)
{
    struct buf *out = cookie;

    buf_add(out, span_of(bytes, n));
    return out->err ? -1 : 0;
}

void audit_doc_line(struct buf *out, json_t *doc, size_t indent)
{
    size_t flags = indent ? JSON_INDENT(indent) : JSON_COMPACT;

    if (!doc || json_dump_callback(doc, add, out, flags) < 0)
        out->err = out->err ? out->err : -ENOMEM;
    buf_add_char(out, '\n');
    json_decref(doc);
}
