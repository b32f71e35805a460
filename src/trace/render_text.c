/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For people: what it is, who it was, the path from the bottom to the top, then why. The path is
 * drawn in the order of travel, each line with its number from the top as the message has it.
 */
#include "base/escape.h"
#include "trace/render.h"

#include <stdio.h>

enum { RED = 31, GREEN = 32, YELLOW = 33, DIM = 2, BOLD = 1 };

static void paint(struct buf *out, const struct render_style *style, int code, const char *text)
{
    if (style->colour)
        buf_addf(out, "\033[%dm%s\033[0m", code, text);
    else
        buf_add_str(out, text);
}

static void show(struct buf *out, struct span s)
{
    escape_text(out, span_slice(s, 0, RENDER_TEXT_MAX));
    if (s.n > RENDER_TEXT_MAX)
        buf_add_str(out, "...");
}

static int colour_of(enum trace_class c)
{
    if (trace_class_blames(c))
        return RED;
    return c == TRACE_OPEN_CASE || c == TRACE_LOGIN ? YELLOW : GREEN;
}

void render_host(struct buf *out, const struct trace_host *h)
{
    char ip[IP_TEXT_MAX];
    size_t before = out->n;

    for (size_t i = 0; i < h->name_count; i++) {
        buf_add_str(out, i ? ", " : "");
        show(out, h->names[i]);
    }
    if (h->ip.family != IP_NONE)
        buf_addf(out, "%s[%s]", out->n > before ? " " : "", ip_text(h->ip, ip));
    if (h->writer) {
        buf_addf(out, "%s(%s", out->n > before ? " " : "", received_writer_name(h->writer));
        if (h->version.n) {
            buf_add_char(out, ' ');
            show(out, h->version);
        }
        buf_add_char(out, ')');
    }
    if (out->n == before)
        buf_add_str(out, "unknown");
}

static void add_name(struct buf *out, const struct render_style *style, const char *name)
{
    char padded[24];

    snprintf(padded, sizeof(padded), "  %-13s", name);
    paint(out, style, DIM, padded);
}

static void add_peer(struct buf *out, const struct received *r)
{
    char ip[IP_TEXT_MAX];

    if (r->local || (r->ip.family == IP_NONE && !r->helo.n)) {
        buf_add_str(out, "on the machine itself");
        return;
    }
    if (r->name.n)
        show(out, r->name);
    if (r->ip.family != IP_NONE)
        buf_addf(out, "%s[%s]", r->name.n ? " " : "", ip_text(r->ip, ip));
    if (r->helo.n && !span_eq_nocase(r->helo, r->name)) {
        buf_add_str(out, " HELO ");
        show(out, r->helo);
    }
    if (r->auth == RECEIVED_YES) {
        buf_add_str(out, ", login ");
        show(out, r->auth_user);
    }
}

static bool is_culprits(const struct trace *t, const struct trace_hop *hop)
{
    for (size_t i = 0; i < t->culprit.name_count; i++)
        if (hop->role != TRACE_FORGED && span_eq_nocase(t->culprit.names[i], hop->r.by))
            return true;
    return false;
}

/* One line of the drawing: mark, number, who wrote it, from whom. */
static void add_hop(struct buf *out, const struct trace *t, size_t k,
                    const struct render_style *style)
{
    const struct trace_hop *hop = &t->hops[k];
    const char *mark = hop->role == TRACE_FORGED || hop->role == TRACE_BELOW ? "x"
                       : is_culprits(t, hop)                                 ? "!"
                                                                             : " ";

    buf_addf(out, "  %s %2zu ", mark, k + 1);
    paint(out, style,
          *mark == 'x'   ? DIM
          : *mark == '!' ? RED
                         : GREEN,
          *mark == 'x'                  ? "forged  "
          : hop->role == TRACE_OWN_LINE ? "own     "
                                        : "genuine ");
    if (hop->r.by.n)
        show(out, hop->r.by);
    else
        buf_add_str(out, "?");
    if (hop->r.writer)
        buf_addf(out, " (%s)", received_writer_name(hop->r.writer));
    buf_add_str(out, style->utf8 ? " \xe2\x97\x80\xe2\x94\x80 " : " <- ");
    add_peer(out, &hop->r);
    if (hop->fault)
        buf_addf(out, "; %s", trace_fault_name(hop->fault));
    else if (hop->role == TRACE_FORGED)
        buf_add_str(out, "; not written by the host above");
    buf_add_char(out, '\n');
}

static void add_path(struct buf *out, const struct trace *t, const struct render_style *style)
{
    if (!t->count)
        return;
    buf_add_str(out, "\n  Path, as it travelled (Received fields by their number from the top)\n");
    for (size_t k = t->count; k-- > 0;)
        add_hop(out, t, k, style);
    if (t->left_out)
        buf_addf(out, "       %zu more were not read\n", t->left_out);
}

static void add_reasons(struct buf *out, const struct trace *t)
{
    buf_add_str(out, "\n  Why\n");
    for (size_t i = 0; i < t->note_count; i++) {
        const struct trace_note *n = &t->notes[i];

        if (n->hop != SIZE_MAX)
            buf_addf(out, "    Received %zu (line %u): ", n->hop + 1, n->line);
        else if (n->line)
            buf_addf(out, "    line %u: ", n->line);
        else
            buf_add_str(out, "    ");
        buf_add_str(out, n->why);
        if (n->about.n) {
            buf_add_str(out, ": ");
            show(out, n->about);
        }
        buf_add_char(out, '\n');
    }
    if (t->guessed && t->count)
        buf_addf(out,
                 "    the first %zu line%s taken as the receiving system's: nobody named it "
                 "(--mx, --trust)\n",
                 t->own, t->own == 1 ? " is" : "s are");
    for (size_t i = 0; i < t->other_count; i++)
        buf_addf(out, "%s    not %c, %s: %s\n", i ? "" : "\n  Rejected\n",
                 trace_class_letter(t->others[i].class), trace_class_name(t->others[i].class),
                 t->others[i].why);
}

static const char *advice_of(enum trace_class c)
{
    switch (c) {
    case TRACE_RELAY:
        return "postern test it, with cause; postern advise names the fix for its product";
    case TRACE_NAT:
        return "look at the firewall or balancer in front: it must pass the clients' addresses";
    case TRACE_APPLIANCE:
        return "the first host must refuse foreign recipients, or the second stop trusting it";
    case TRACE_HYBRID:
        return "close the on-premises host; until then its cloud connector signs for strangers";
    case TRACE_LOGIN:
        return "no relay: reset the password, and look where it was lost";
    case TRACE_SPAMMER:
        return "no relay: tell the network's abuse desk";
    case TRACE_OPEN_CASE:
        return "ask the host's own log; test it only with more cause than this";
    case TRACE_OWN:
    case TRACE_LIST:
    case TRACE_CLASSES:
        break;
    }
    return NULL;
}

void render_text(struct buf *out, const struct trace *t, struct span where,
                 const struct render_style *style)
{
    char head[80];

    show(out, where);
    buf_add_str(out, ": ");
    snprintf(head, sizeof(head), "%c  %s", trace_class_letter(t->class),
             trace_class_name(t->class));
    paint(out, style, colour_of(t->class), head);
    buf_addf(out, ", %u %% sure\n", t->confidence);
    if (trace_class_blames(t->class)) {
        add_name(out, style, "culprit");
        render_host(out, &t->culprit);
        buf_add_str(out, t->culprit.witnessed ? "\n" : ", by the word of others\n");
    }
    if (t->has_accomplice) {
        add_name(out, style, "trusted by");
        render_host(out, &t->accomplice);
        buf_add_char(out, '\n');
    }
    if (t->nat.family != IP_NONE) {
        char ip[IP_TEXT_MAX];

        add_name(out, style, "hidden by");
        buf_addf(out, "%s\n", ip_text(t->nat, ip));
    }
    if (t->source.ip.family != IP_NONE || t->source.name_count) {
        add_name(out, style, "came from");
        render_host(out, &t->source);
        buf_add_char(out, '\n');
    }
    add_path(out, t, style);
    add_reasons(out, t);
    if (advice_of(t->class))
        buf_addf(out, "\n  Next\n    %s\n", advice_of(t->class));
}

void render_line(struct buf *out, const struct trace *t, struct span where,
                 const struct render_style *style)
{
    char head[4] = {trace_class_letter(t->class), '\0'};

    paint(out, style, colour_of(t->class), head);
    buf_addf(out, " %3u  ", t->confidence);
    show(out, where);
    buf_add_str(out, "  ");
    if (trace_class_blames(t->class))
        render_host(out, &t->culprit);
    else
        buf_add_str(out, trace_class_name(t->class));
    buf_add_char(out, '\n');
}
