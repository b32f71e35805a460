/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sample file comes from the schema, so that it can't go stale; a test reads it back in. */
#include "conf/conf.h"

#include <string.h>

enum { WIDTH = 78 };

static void comment(struct buf *out, const char *indent, const char *text)
{
    struct span rest = span_str(text), word;
    size_t at = 0;

    while (span_word(&rest, &word)) {
        if (at && at + 1 + word.n > WIDTH) {
            buf_add_char(out, '\n');
            at = 0;
        }
        if (!at) {
            buf_addf(out, "%s#", indent);
            at = strlen(indent) + 1;
        }
        buf_add_char(out, ' ');
        buf_add(out, word);
        at += 1 + word.n;
    }
    buf_add_char(out, '\n');
}

static void about_value(const struct conf_row *row, struct buf *out)
{
    if (row->type == CONF_CHOICE) {
        for (size_t i = 0; row->choices[i]; i++)
            buf_addf(out, "%s%s", i ? ", " : "", row->choices[i]);
    } else if (row->type == CONF_NUMBER) {
        buf_addf(out, "%llu to %llu %s", (unsigned long long)row->min, (unsigned long long)row->max,
                 row->unit);
    } else if (row->type != CONF_TEXT) {
        buf_add_str(out, conf_type_name(row->type));
    }
    if (row->list)
        buf_add_str(out, "one or several: { a, b }");
}

static void sample_row(struct buf *out, const struct conf_row *row)
{
    struct buf what = BUF_INIT(500), text = BUF_INIT(1000);

    about_value(row, &what);
    buf_add_char(&text, (char)(row->help[0] >= 'a' && row->help[0] <= 'z' ? row->help[0] - 32
                                                                          : row->help[0]));
    buf_add_str(&text, row->help + 1);
    if (what.n)
        buf_addf(&text, " (%s)", buf_str(&what));
    buf_add_char(&text, '.');
    buf_add_char(out, '\n');
    comment(out, "    ", buf_str(&text));
    /* Quotes always: a value that starts with * or holds a comma needs them. */
    buf_addf(out, "    #%s = \"%s\"\n", row->name, row->fallback);
    buf_deinit(&what);
    buf_deinit(&text);
}

void conf_sample(struct buf *out)
{
    buf_add_str(out, "# " CONF_PATH ", see postern.conf(5).\n"
                     "# Lines that are commented out show the defaults. The command line wins.\n");
    for (const struct conf_section *s = conf_sections; s->name; s++) {
        buf_add_char(out, '\n');
        comment(out, "", s->help);
        buf_addf(out, "%s {", s->name);
        for (const struct conf_row *row = conf_rows; row->name; row++)
            if (strcmp(row->section, s->name) == 0)
                sample_row(out, row);
        buf_add_str(out, "}\n");
    }
}
