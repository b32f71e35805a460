/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The short form of an advice, for the end of a report and for notices: what it is, how it stands,
 * what to do. The whole row is a command away; a postmaster who reads only this must still do the
 * right thing, so the first steps of the fix and the restart are never left out.
 */
#include "advise/advice.h"

#include <string.h>

enum { STEPS = 3, CLASS_LINES = 3 };

static void line_end(struct buf *out, unsigned *lines)
{
    buf_add_char(out, '\n');
    (*lines)++;
}

void advise_words(const struct advise_known *known, struct buf *out)
{
    static const char *const by[ADVISE_PLACES] = {
        "by its greeting",      "by its reply to EHLO", "by its EHLO keywords",
        "by its reply to HELP", "by its replies",       "by the Received line it wrote"};

    if (!known || !known->sure) {
        buf_add_str(out, "A server that does not show what it is");
        return;
    }
    buf_add_str(out, known->called);
    if (known->version[0])
        buf_addf(out, " (version %s%s%s)", known->version, known->cf[0] ? ", configuration " : "",
                 known->cf);
    for (size_t i = 0; i < known->evidence_count; i++) {
        if (known->evidence[i].hint)
            continue;
        buf_addf(out, ", %s", by[known->evidence[i].place]);
        break;
    }
}

/* The first steps of a fix, each on a line of its own. */
static void add_steps(const char *fix, unsigned most, struct buf *out, unsigned *lines)
{
    struct span rest = span_str(fix), step;
    unsigned n = 0;

    while (n < most && *lines < ADVISE_LINES_MAX - 1 && advise_part(&rest, &step)) {
        buf_addf(out, "%u. %.*s", ++n, SPAN_ARG(step));
        if (n == most && rest.n)
            buf_add_str(out, " ...");
        line_end(out, lines);
    }
}

static void add_proved(const struct advise_book *b, const struct advise_advice *a, struct buf *out,
                       unsigned *lines)
{
    if (!a->proved)
        return;
    buf_add_str(out, a->unexplained == a->proved ? "What came through is new for it: "
                                                 : "What came through is known for it: ");
    advise_book_class_names(b, a->proved, out);
    buf_add_char(out, '.');
    line_end(out, lines);
}

/* Where the product is not known, or does not explain it: what closes these classes anywhere. */
static void add_classes(const struct advise_book *b, uint64_t classes, unsigned most,
                        struct buf *out, unsigned *lines)
{
    for (size_t i = 0; i < b->class_count && most && *lines < ADVISE_LINES_MAX; i++) {
        struct span rest = span_str(b->classes[i].fix), step;

        if (!(classes >> i & 1) || !advise_part(&rest, &step))
            continue;
        buf_addf(out, "%s (%s): %.*s", b->classes[i].id, b->classes[i].name, SPAN_ARG(step));
        line_end(out, lines);
        most--;
    }
}

static void copy_id(char ret[ADVISE_ID_MAX + 1], const char *id)
{
    span_copy(span_slice(span_str(id), 0, ADVISE_ID_MAX), ret, ADVISE_ID_MAX + 1);
}

static void class_lines(const struct advise_book *b, uint64_t classes, struct buf *out,
                        unsigned *lines, char ret_more[ADVISE_ID_MAX + 1])
{
    for (size_t i = 0; i < b->class_count && !ret_more[0]; i++)
        if (classes >> i & 1)
            copy_id(ret_more, b->classes[i].id);
    add_classes(b, classes, CLASS_LINES, out, lines);
    if (*lines < ADVISE_LINES_MAX) {
        buf_add_str(out, "Tell its name, or show another of its signs, to postern advise for the "
                         "steps of that product.");
        line_end(out, lines);
    }
}

void advise_lines(const struct advise_book *b, const struct advise_known *known,
                  const struct advise_advice *advice, uint64_t classes, struct buf *out,
                  char ret_more[ADVISE_ID_MAX + 1])
{
    const struct advise_choice *best = advice->count ? &advice->v[0] : NULL;
    const char *pair = known && best && best->row->pair_set ? advise_pair_words(known->pair) : NULL;
    unsigned lines = 0;

    ret_more[0] = '\0';
    advise_words(known, out);
    line_end(out, &lines);
    if (!best) {
        class_lines(b, advice->proved | classes, out, &lines, ret_more);
        return;
    }
    copy_id(ret_more, best->row->id);
    if (pair) {
        buf_add_str(out, pair);
    } else {
        buf_addf(out, "%s: %s", best->row->name,
                 advise_status_words(best->status, best->row->cause));
    }
    line_end(out, &lines);
    add_proved(b, advice, out, &lines);
    /* What no product's row can close: a network that hides its clients. */
    add_classes(b, classes & ~advice->proved, 1, out, &lines);
    if (advice->unexplained && advice->unexplained == advice->proved)
        add_classes(b, advice->unexplained, 1, out, &lines);
    add_steps(best->row->fix, STEPS, out, &lines);
    buf_addf(out, "Then: %s", best->row->restart);
    line_end(out, &lines);
}
