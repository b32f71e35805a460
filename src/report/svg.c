/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way of a probe as boxes and arrows. Sizes are counted from the number of characters, because
 * nothing here can measure a font: addresses are set in a fixed-width face whose advance is 0.6 em
 * in all common fonts, names get room for wide letters. Colours come from the classes of
 * report_svg_css alone, so that one drawing serves light, dark and paper. There are no ids and no
 * references: many drawings stand in one page, and a reference is one way out of it.
 *
 * Solid boxes are hosts that we saw ourselves, dashed ones stand in the message's Received fields
 * only, which any host on the way can forge.
 */
#include "report/svg.h"

#include "report/doc.h"
#include "report/path.h"
#include "report/text.h"

#include <inttypes.h>

enum {
    NAME_MAX_SHOWN = 34, /* characters; the whole name is in the drawing's title */
    NAME_ADVANCE = 84,   /* tenths of a pixel */
    MONO_ADVANCE = 69,
    LABEL_ADVANCE = 66,
    BOX_MIN = 76,
    BOX_HEIGHT = 48,
    BOX_PAD = 12,
    CAPTION = 18, /* height of the line over a box */
    GAP_ACROSS = 52,
    GAP_DOWN = 40,
};

const char report_svg_css[] =
    ".way{font-family:system-ui,'DejaVu Sans',sans-serif}"
    ".way text{fill:#1d2733}.way .nm{font-size:13px;font-weight:600}"
    ".way .ad{font-size:11.5px;font-family:ui-monospace,Menlo,'DejaVu Sans Mono',monospace}"
    ".way .cp{font-size:11px;fill:#5b6875}"
    ".way rect{fill:#fff;stroke:#8593a1;stroke-width:1.5}"
    ".way .target rect{fill:#fdecea;stroke:#b3261e}"
    ".way .output rect{fill:#fff4e0;stroke:#a15c00}"
    ".way .sink rect{fill:#e3f1fc;stroke:#1466a8}"
    ".way .hop rect,.way .gap rect{stroke-dasharray:4 3}"
    ".way .ar{fill:none;stroke:#5b6875;stroke-width:1.6}.way .hd{fill:#5b6875}"
    "@media screen and (prefers-color-scheme:dark){"
    ".way text{fill:#e6ebf0}.way .cp{fill:#9aa7b4}"
    ".way rect{fill:#1c242d;stroke:#6d7b89}"
    ".way .target rect{fill:#3b1a19;stroke:#f2857c}"
    ".way .output rect{fill:#3a2a10;stroke:#e5a850}"
    ".way .sink rect{fill:#10304a;stroke:#6db6ee}"
    ".way .ar{stroke:#9aa7b4}.way .hd{fill:#9aa7b4}}";

struct box {
    struct buf name, address, step; /* step: what stands at the arrow that leads here */
    int x, y, width;
};

static const char *class_of(enum report_node_kind kind)
{
    static const char *const classes[] = {
        [REPORT_NODE_TESTER] = "tester", [REPORT_NODE_TARGET] = "target",
        [REPORT_NODE_HOP] = "hop",       [REPORT_NODE_GAP] = "gap",
        [REPORT_NODE_OUTPUT] = "output", [REPORT_NODE_SINK] = "sink",
    };

    return classes[kind];
}

static void cut(struct buf *text, size_t max)
{
    if (text->n > max) {
        buf_truncate(text, max - 3);
        buf_add_str(text, "...");
    }
}

static void fill_address(struct buf *out, const struct report_node *node)
{
    bool bracket = node->port && span_find(node->address, ':') < node->address.n;

    if (!node->address.n)
        return;
    buf_add_str(out, node->kind == REPORT_NODE_TESTER ? "seen as " : "");
    buf_add_str(out, bracket ? "[" : "");
    report_doc_show(out, node->address);
    buf_add_str(out, bracket ? "]" : "");
    if (node->port)
        buf_addf(out, ":%" PRIu64, node->port);
}

static void fill_box(struct box *b, const struct report_path *path, size_t i, const char *tls)
{
    const struct report_node *node = &path->nodes[i];
    int names, addresses;

    buf_init(&b->name, REPORT_LINE_MAX);
    buf_init(&b->address, REPORT_LINE_MAX);
    buf_init(&b->step, REPORT_LINE_MAX);
    if (node->kind == REPORT_NODE_GAP)
        report_text_plural(&b->name, path->left_out, "more host");
    else if (!span_eq_nocase(node->name, node->address))
        report_doc_show(&b->name, node->name);
    fill_address(&b->address, node);
    if (node->kind == REPORT_NODE_TARGET)
        buf_add_str(&b->step, tls);
    else
        report_doc_show(&b->step, node->with);
    if (node->kind == REPORT_NODE_SINK && path->delay_ms >= 0) {
        buf_add_str(&b->step, "after ");
        report_text_duration(&b->step, path->delay_ms);
    }
    cut(&b->name, NAME_MAX_SHOWN);
    cut(&b->address, NAME_MAX_SHOWN + 14); /* a full IPv6 address with its port is 47 */
    cut(&b->step, NAME_MAX_SHOWN / 2);
    names = (int)b->name.n * NAME_ADVANCE / 10;
    addresses = (int)b->address.n * MONO_ADVANCE / 10;
    b->width = (names > addresses ? names : addresses) + 2 * BOX_PAD;
    if (b->width < BOX_MIN)
        b->width = BOX_MIN;
}

static void add_text(struct buf *out, const char *css, int x, int y, bool middle, struct span text)
{
    if (!text.n)
        return;
    buf_addf(out, "<text class=\"%s\" x=\"%d\" y=\"%d\"%s>", css, x, y,
             middle ? " text-anchor=\"middle\"" : "");
    report_doc_markup(out, text);
    buf_add_str(out, "</text>");
}

static void add_box(struct buf *out, const struct box *b)
{
    int middle = b->x + b->width / 2, one = b->y + BOX_HEIGHT / 2 + 4;
    bool both = b->name.n && b->address.n;

    buf_addf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"7\"/>", b->x, b->y,
             b->width, BOX_HEIGHT);
    add_text(out, "nm", middle, both ? b->y + 20 : one, true, buf_span(&b->name));
    add_text(out, "ad", middle, both ? b->y + 38 : one, true, buf_span(&b->address));
}

/* The others say in the box what they are. */
static bool has_caption(const struct report_node *node)
{
    return node->kind == REPORT_NODE_TARGET || node->kind == REPORT_NODE_HOP ||
           node->kind == REPORT_NODE_OUTPUT;
}

/* From left to right; returns the width of the drawing. */
static int lay_across(struct box *boxes, size_t count)
{
    int x = 1;

    for (size_t i = 0; i < count; i++) {
        int step = (int)boxes[i].step.n * LABEL_ADVANCE / 10 + 30;

        if (i > 0)
            x += step > GAP_ACROSS ? step : GAP_ACROSS;
        boxes[i].x = x;
        boxes[i].y = CAPTION + 1;
        x += boxes[i].width;
    }
    return x + 1;
}

static void draw_across(struct buf *out, const struct report_path *path, const struct box *boxes)
{
    const int middle = CAPTION + 1 + BOX_HEIGHT / 2;

    for (size_t i = 0; i < path->count; i++) {
        const struct box *b = &boxes[i];
        const struct report_node *node = &path->nodes[i];

        buf_addf(out, "<g class=\"%s\">", class_of(node->kind));
        if (i > 0) {
            int from = boxes[i - 1].x + boxes[i - 1].width + 3, to = b->x - 3;

            buf_addf(
                out,
                "<path class=\"ar\" d=\"M%d %dH%d\"/><path class=\"hd\" d=\"M%d %dl-9-5v10z\"/>",
                from, middle, to - 7, to, middle);
            add_text(out, "cp", (from + to) / 2 - 3, middle - 8, true, buf_span(&b->step));
        }
        if (has_caption(node))
            add_text(out, "cp", b->x + b->width / 2, CAPTION - 6, true,
                     span_str(report_node_name(node->kind)));
        add_box(out, b);
        buf_add_str(out, "</g>");
    }
}

/* From top to bottom, all boxes of one width; returns the height of the drawing. */
static int lay_down(struct box *boxes, size_t count, int *ret_width)
{
    int y = 1, width = BOX_MIN * 2; /* the tester stands first and has no caption */

    for (size_t i = 0; i < count; i++)
        if (boxes[i].width > width)
            width = boxes[i].width;
    for (size_t i = 0; i < count; i++) {
        boxes[i].x = 1;
        boxes[i].y = y;
        boxes[i].width = width;
        y += BOX_HEIGHT + GAP_DOWN;
    }
    *ret_width = width + 2;
    return y - GAP_DOWN + 1;
}

static void draw_down(struct buf *out, const struct report_path *path, const struct box *boxes)
{
    enum { ARROW_X = 20 };

    for (size_t i = 0; i < path->count; i++) {
        const struct box *b = &boxes[i];
        const struct report_node *node = &path->nodes[i];
        struct buf caption = BUF_INIT(REPORT_LINE_MAX);

        buf_addf(out, "<g class=\"%s\">", class_of(node->kind));
        if (i > 0)
            buf_addf(
                out,
                "<path class=\"ar\" d=\"M%d %dV%d\"/><path class=\"hd\" d=\"M%d %dl-5-9h10z\"/>",
                ARROW_X, b->y - GAP_DOWN + 3, b->y - 10, ARROW_X, b->y - 3);
        buf_add_str(&caption, has_caption(node) ? report_node_name(node->kind) : "");
        buf_add_str(&caption, caption.n && b->step.n ? ", " : "");
        buf_add(&caption, buf_span(&b->step));
        add_text(out, "cp", ARROW_X + 14, b->y - GAP_DOWN / 2 + 4, false, buf_span(&caption));
        add_box(out, b);
        buf_add_str(out, "</g>");
        buf_deinit(&caption);
    }
}

void report_svg_path(struct buf *out, const struct report_path *path, const char *tls,
                     enum report_svg shape, bool standalone)
{
    struct box boxes[REPORT_PATH_MAX];
    struct report_style plain = {0};
    struct buf title = BUF_INIT(REPORT_LINE_MAX);
    int width, height = CAPTION + BOX_HEIGHT + 3;

    for (size_t i = 0; i < path->count; i++)
        fill_box(&boxes[i], path, i, tls);
    if (shape == REPORT_SVG_ACROSS)
        width = lay_across(boxes, path->count);
    else
        height = lay_down(boxes, path->count, &width);
    report_path_text(&title, path, &plain);
    buf_addf(out,
             "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"way %s\" role=\"img\" "
             "width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\"><title>",
             shape == REPORT_SVG_ACROSS ? "across" : "down", width, height, width, height);
    report_doc_markup(out, buf_span(&title));
    buf_add_str(out, "</title>");
    if (standalone)
        buf_addf(out, "<style>%s</style>", report_svg_css);
    if (shape == REPORT_SVG_ACROSS)
        draw_across(out, path, boxes);
    else
        draw_down(out, path, boxes);
    buf_add_str(out, "</svg>\n");
    buf_deinit(&title);
    for (size_t i = 0; i < path->count; i++) {
        buf_deinit(&boxes[i].name);
        buf_deinit(&boxes[i].address);
        buf_deinit(&boxes[i].step);
    }
}

void report_svg(struct buf *out, const json_t *proved, const char *target, enum report_svg shape,
                bool standalone)
{
    struct report_path path;

    report_path_of(&path, proved, span_str(target));
    report_svg_path(out, &path, report_text_tls(proved), shape, standalone);
}
