/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A message on the page: a card with the path as boxes from top to bottom, oldest first. Sizes are
 * counted in characters, for nothing here can measure a font; colours come from classes alone, so
 * that one drawing serves light, dark and paper. No ids, no references, nothing loaded.
 */
#include "base/escape.h"
#include "trace/render.h"

enum {
    BOX_WIDTH = 520,
    BOX_HEIGHT = 44,
    GAP = 30,
    SHOWN = 62, /* characters of a line in a box */
    HOPS = 24,  /* boxes; the middle of a longer path is left out */
};

const char render_svg_css[] =
    ".tr{font-family:system-ui,'DejaVu Sans',sans-serif;max-width:100%;height:auto}"
    ".tr text{fill:#1d2733;font-size:12.5px}.tr .ad{font-size:11px;fill:#5b6875}"
    ".tr rect{fill:#fff;stroke:#8593a1;stroke-width:1.5}.tr .bad rect{fill:#fdecea;stroke:#b3261e}"
    ".tr .own rect{fill:#e3f1fc;stroke:#1466a8}"
    ".tr .not rect{stroke-dasharray:4 3}.tr .not text{fill:#5b6875}"
    ".tr path{fill:none;stroke:#5b6875;stroke-width:1.6}"
    "@media screen and (prefers-color-scheme:dark){.tr text{fill:#e6ebf0}"
    ".tr .ad,.tr .not text{fill:#9aa7b4}.tr rect{fill:#1c242d;stroke:#6d7b89}"
    ".tr .bad rect{fill:#3b1a19;stroke:#f2857c}.tr .own rect{fill:#10304a;stroke:#6db6ee}}";

/* A line in a box, cut. */
static void add_line(struct buf *out, const char *css, int y, struct buf *text)
{
    if (text->n > SHOWN) {
        buf_truncate(text, SHOWN - 3);
        buf_add_str(text, "...");
    }
    buf_addf(out, "<text class=\"%s\" x=\"14\" y=\"%d\">", css, y);
    escape_html(out, buf_span(text));
    buf_add_str(out, "</text>");
    buf_clear(text);
}

static void add_arrow(struct buf *out, int y)
{
    buf_addf(out, "<path d=\"M30 %dV%dM25 %dl5 7l5-7\"/>", y, y + GAP - 4, y + GAP - 11);
}

static bool is_culprits(const struct trace *t, const struct trace_hop *hop)
{
    for (size_t i = 0; i < t->culprit.name_count; i++)
        if (span_eq_nocase(t->culprit.names[i], hop->r.by))
            return true;
    return false;
}

static const char *css_of(const struct trace *t, const struct trace_hop *hop)
{
    if (hop->role == TRACE_FORGED || hop->role == TRACE_BELOW)
        return "not";
    if (hop->role == TRACE_OWN_LINE)
        return "own";
    return is_culprits(t, hop) ? "bad" : "hop";
}

static void add_box(struct buf *out, const struct trace *t, size_t k, int y)
{
    const struct trace_hop *hop = &t->hops[k];
    struct buf text = BUF_INIT(4096);
    char ip[IP_TEXT_MAX];

    buf_addf(out, "<g class=\"%s\"><rect x=\"1\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"7\"/>",
             css_of(t, hop), y, BOX_WIDTH - 2, BOX_HEIGHT);
    buf_addf(&text, "%zu. ", k + 1);
    escape_text(&text, span_slice(hop->r.by.n ? hop->r.by : SPAN_LIT("?"), 0, RENDER_TEXT_MAX));
    if (hop->r.writer)
        buf_addf(&text, " (%s)", received_writer_name(hop->r.writer));
    add_line(out, "nm", y + 18, &text);
    buf_addf(&text, "%s%s%s", trace_role_name(hop->role), hop->r.ip.family ? ", from " : "",
             ip_text(hop->r.ip, ip));
    if (hop->r.helo.n) {
        buf_add_str(&text, ", HELO ");
        escape_text(&text, span_slice(hop->r.helo, 0, RENDER_TEXT_MAX));
    }
    if (hop->r.auth == RECEIVED_YES)
        buf_add_str(&text, ", login");
    add_line(out, "ad", y + 35, &text);
    buf_add_str(out, "</g>");
    buf_deinit(&text);
}

void render_svg(struct buf *out, const struct trace *t)
{
    size_t count = t->count < HOPS ? t->count : HOPS;
    int height = (int)count * (BOX_HEIGHT + GAP) - GAP + 2, y = 1;

    if (!count)
        return;
    buf_addf(out,
             "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"tr\" role=\"img\" width=\"%d\" "
             "height=\"%d\" viewBox=\"0 0 %d %d\"><title>The path of the message, oldest line "
             "first</title>",
             BOX_WIDTH, height, BOX_WIDTH, height);
    for (size_t i = 0; i < count; i++) {
        /* The oldest half and the newest half, where there are too many. */
        size_t k = t->count <= HOPS || i < HOPS / 2 ? t->count - 1 - i : count - 1 - i;

        if (i) {
            add_arrow(out, y);
            y += GAP;
        }
        add_box(out, t, k, y);
        y += BOX_HEIGHT;
    }
    buf_add_str(out, "</svg>\n");
}

static void add_html(struct buf *out, struct span s)
{
    escape_html(out, span_slice(s, 0, RENDER_TEXT_MAX));
}

static void add_reasons(struct buf *out, const struct trace *t)
{
    buf_add_str(out, "<h3>Why</h3>\n<ul>\n");
    for (size_t i = 0; i < t->note_count; i++) {
        const struct trace_note *n = &t->notes[i];

        buf_add_str(out, "<li>");
        if (n->hop != SIZE_MAX)
            buf_addf(out, "Received %zu (line %u): ", n->hop + 1, n->line);
        else if (n->line)
            buf_addf(out, "line %u: ", n->line);
        add_html(out, span_str(n->why));
        if (n->about.n) {
            buf_add_str(out, ": <code>");
            add_html(out, n->about);
            buf_add_str(out, "</code>");
        }
        buf_add_str(out, "</li>\n");
    }
    buf_add_str(out, "</ul>\n");
    for (size_t i = 0; i < t->other_count; i++) {
        buf_addf(out, "%s<li>not %c, %s: ", i ? "" : "<h3>Rejected</h3>\n<ul>\n",
                 trace_class_letter(t->others[i].class), trace_class_name(t->others[i].class));
        add_html(out, span_str(t->others[i].why));
        buf_addf(out, "</li>\n%s", i + 1 == t->other_count ? "</ul>\n" : "");
    }
}

void render_card(struct buf *out, const struct trace *t, struct span where)
{
    struct buf host = BUF_INIT(16384);
    const char *family = trace_class_blames(t->class)  ? "open"
                         : t->class == TRACE_OPEN_CASE ? "accepts"
                                                       : "closed";

    buf_addf(out, "<section class=\"card is-%s\">\n<div class=\"head\"><h2>", family);
    add_html(out, where);
    buf_addf(out, "</h2><span class=\"badge v-%s\">%c, %s</span></div>\n<dl>\n", family,
             trace_class_letter(t->class), trace_class_name(t->class));
    if (trace_class_blames(t->class)) {
        render_host(&host, &t->culprit);
        buf_add_str(out, "<dt>culprit</dt><dd>");
        escape_html(out, buf_span(&host));
        buf_add_str(out, "</dd>\n");
        buf_clear(&host);
    }
    render_host(&host, &t->source);
    buf_add_str(out, "<dt>came from</dt><dd>");
    escape_html(out, buf_span(&host));
    buf_addf(out, "</dd>\n<dt>sure</dt><dd>%u %%</dd>\n</dl>\n<figure>\n", t->confidence);
    render_svg(out, t);
    buf_add_str(out, "</figure>\n");
    add_reasons(out, t);
    buf_add_str(out, "</section>\n");
    if (host.err && !out->err)
        out->err = host.err;
    buf_deinit(&host);
}
