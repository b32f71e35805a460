/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The text of --help, the same shape for every program:
 *
 *     Usage: postern test [OPTION]... TARGET...
 *     Finds open relays and proves them by delivery.
 *
 *     Waiting:
 *       -w, --wait=TIME       how long to wait for arrivals
 *                             (default: 10m)
 */
#include "io/options.h"

#include <stdio.h>
#include <string.h>

enum {
    HELP_COLUMN = 28,
    HELP_WIDTH_MIN = 50,
    HELP_WIDTH_MAX = 100, /* longer lines are hard to read */
};

/* Columns of UTF-8 text: bytes that don't continue a character. */
static size_t columns(struct span s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

static void pad(struct buf *out, size_t n)
{
    while (n--)
        buf_add_char(out, ' ');
}

/* Words of text from column `at` on, continued at column `indent`. Ends the line. */
static void wrap(struct buf *out, struct span text, size_t at, size_t indent, size_t width)
{
    bool first = true;
    struct span word;

    while (span_word(&text, &word)) {
        if (!first && at + 1 + columns(word) > width) {
            buf_add_char(out, '\n');
            pad(out, indent);
            at = indent;
            first = true;
        }
        if (!first) {
            buf_add_char(out, ' ');
            at++;
        }
        buf_add(out, word);
        at += columns(word);
        first = false;
    }
    buf_add_char(out, '\n');
}

static void help_row(struct buf *out, const char *name, char letter, const char *arg,
                     const char *help, const char *shown, size_t width)
{
    char left[100], right[1000];
    size_t n;

    if (letter)
        snprintf(left, sizeof(left), "  -%c, --%s%s%s", letter, name, arg ? "=" : "",
                 arg ? arg : "");
    else
        snprintf(left, sizeof(left), "      --%s%s%s", name, arg ? "=" : "", arg ? arg : "");
    snprintf(right, sizeof(right), shown ? "%s (default: %s)" : "%s", help, shown);
    n = columns(span_str(left));
    buf_add_str(out, left);
    if (n + 2 > HELP_COLUMN) {
        buf_add_char(out, '\n');
        n = 0;
    }
    pad(out, HELP_COLUMN - n);
    wrap(out, span_str(right), HELP_COLUMN, HELP_COLUMN, width);
}

static void help_usage(struct buf *out, const struct options *o)
{
    struct span lines = span_str(o->usage), line;
    const char *lead = "Usage:";

    while (span_cut(&lines, '\n', &line)) {
        buf_addf(out, "%s %s ", lead, o->program);
        buf_add(out, line);
        buf_add_char(out, '\n');
        lead = "   or:";
    }
}

/* Paragraphs are wrapped; a line that starts with a blank is an example and stays as it is. */
static void help_text(struct buf *out, const char *text, size_t width)
{
    struct span rest = span_trim(span_str(text)), line;

    buf_add_char(out, '\n');
    while (span_cut(&rest, '\n', &line)) {
        if (line.n && line.p[0] == ' ') {
            buf_add(out, line);
            buf_add_char(out, '\n');
        } else {
            wrap(out, line, 0, 0, width);
        }
    }
}

void options_help(const struct options *o, unsigned width, struct buf *out)
{
    bool any_group = false;

    if (width < HELP_WIDTH_MIN)
        width = HELP_WIDTH_MIN;
    if (width > HELP_WIDTH_MAX)
        width = HELP_WIDTH_MAX;
    help_usage(out, o);
    wrap(out, span_str(o->about), 0, 0, width);
    for (const struct option_row *row = o->rows; row->name || row->group; row++) {
        if (row->group) {
            buf_addf(out, "\n%s:\n", row->group);
            any_group = true;
        } else if (!any_group) {
            buf_add_str(out, "\nOptions:\n");
            any_group = true;
        }
        if (row->name && !row->hidden)
            help_row(out, row->name, row->letter, row->arg, row->help, row->shown, width);
    }
    buf_add_str(out, "\nHelp:\n");
    help_row(out, "help", 'h', NULL, "show this text", NULL, width);
    help_row(out, "version", 0, NULL, "show the version", NULL, width);
    if (o->text)
        help_text(out, o->text, width);
}
