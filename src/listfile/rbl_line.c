/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines of a list, and what is said of them. A list has millions: a line is found by memchr, judged
 * by its first bytes, and never copied. Blank lines and comments are passed over here. A line that
 * begins with "$", or with "$" behind a comment sign or a colon (so that rbldns of djbdns takes the
 * same file), is a special one.
 *
 * Remarks are made only while there is room for them: a file of five million bad lines must not
 * cost five million texts.
 */
#include "listfile/rbl_priv.h"
#include "listfile/rbl_word.h"

#include "base/escape.h"

/* Without the blanks around it and the CR of a CR LF. */
static struct span trimmed(struct rbl_lines *lines, struct span s)
{
    if (s.n && s.p[s.n - 1] == '\r') {
        lines->cr = true;
        s.n--;
    }
    rbl_blanks(&s);
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

enum rbl_line rbl_line_next(struct rbl_lines *lines, struct span *ret)
{
    while (lines->left.n) {
        const char *end = memchr(lines->left.p, '\n', lines->left.n);
        size_t n = end ? (size_t)(end - lines->left.p) : lines->left.n;
        struct span s = span_of(lines->left.p, n);

        lines->unended = !end;
        lines->left = span_slice(lines->left, n + 1, lines->left.n);
        lines->line++;
        *ret = SPAN_NULL;
        if (s.n > RBL_LINE_MAX)
            return RBL_LINE_BAD;
        s = trimmed(lines, s);
        if (s.n == 0)
            continue;
        bool comment = rbl_comment(s.p[0]);
        bool hidden = s.n > 1 && s.p[1] == '$' && (comment || s.p[0] == ':');

        if (comment && !hidden)
            continue;
        if (memchr(s.p, 0, s.n))
            return RBL_LINE_BAD;
        bool special = s.p[0] == '$' || hidden;

        *ret = special ? span_slice(s, hidden ? 2 : 1, s.n) : s;
        return special ? RBL_LINE_SPECIAL : RBL_LINE_DATA;
    }
    return RBL_LINE_END;
}

static void remark(struct rbl_work *w, enum zone_remark_kind kind, struct span shown,
                   const char *what, const char *remedy)
{
    struct buf text = BUF_INIT(ZONE_REMARK_TEXT);

    if (w->remarks->n < ZONE_REMARKS_MAX && shown.n)
        escape_text(&text, span_slice(shown, 0, 40));
    if (shown.n)
        zone_remarks_add(w->remarks, kind, w->file, w->line, remedy, "%s: \"%s%s\"", what,
                         buf_str(&text), shown.n > 40 ? "..." : "");
    else
        zone_remarks_add(w->remarks, kind, w->file, w->line, remedy, "%s", what);
    buf_deinit(&text);
}

void rbl_skip(struct rbl_work *w, struct span shown, const char *what, const char *remedy)
{
    if (w->quiet)
        return;
    w->bad++;
    remark(w, ZONE_REMARK_SKIPPED, shown, what, remedy);
}

void rbl_warn(struct rbl_work *w, struct span shown, const char *what, const char *remedy)
{
    if (!w->quiet)
        remark(w, ZONE_REMARK_WARNING, shown, what, remedy);
}

int rbl_refuse(struct rbl_work *w, struct span shown, const char *what, const char *remedy)
{
    remark(w, ZONE_REMARK_REFUSED, shown, what, remedy);
    return RBL_REFUSED;
}
