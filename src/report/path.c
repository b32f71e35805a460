/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each host that carried the message added a Received field: "from" is who gave it to that host, by
 * its own words, "by" is that host's own name. So the host of field i has the address that field
 * i + 1 saw; of the first we know the address because we connected to it, of the last because it
 * connected to the sink. A host that hands the message to a filter and takes it back adds several
 * fields in a row: those are one host here.
 *
 * A target whose own field is missing (it adds none, or a gateway strips it) is still drawn: that
 * we gave it the message is no claim of the message's.
 */
#include "report/path.h"

#include "base/ip.h"
#include "report/doc.h"
#include "report/text.h"

#include <inttypes.h>

const char *report_node_name(enum report_node_kind kind)
{
    static const char *const names[] = {
        [REPORT_NODE_TESTER] = "tester", [REPORT_NODE_TARGET] = "target",
        [REPORT_NODE_HOP] = "hop",       [REPORT_NODE_GAP] = "more hops",
        [REPORT_NODE_OUTPUT] = "output", [REPORT_NODE_SINK] = "sink",
    };

    return names[kind];
}

static const json_t *hop_at(const json_t *hops, size_t i)
{
    return json_array_get(hops, i);
}

static bool same_host(const json_t *a, const json_t *b)
{
    struct span by = report_doc_text(a, "by");

    return by.n != 0 && span_eq_nocase(by, report_doc_text(b, "by"));
}

/* The last hop of the run of hops that one host added, starting at i. */
static size_t host_end(const json_t *hops, size_t count, size_t i)
{
    while (i + 1 < count && same_host(hop_at(hops, i), hop_at(hops, i + 1)))
        i++;
    return i;
}

static size_t hosts_of(const json_t *hops, size_t count)
{
    size_t hosts = 0;

    for (size_t i = 0; i < count; i = host_end(hops, count, i) + 1)
        hosts++;
    return hosts;
}

static struct report_node *add(struct report_path *path, enum report_node_kind kind)
{
    struct report_node *node = &path->nodes[path->count++];

    *node = (struct report_node){.kind = kind};
    return node;
}

/* The hosts behind the target, from hop `i` on; `hosts` counts them. */
static void add_hosts(struct report_path *path, const json_t *hops, size_t count, size_t i,
                      size_t hosts)
{
    /* Tester, target and sink have their places; a gap takes one. */
    size_t room = REPORT_PATH_MAX - 3, at = 0;
    size_t gap = hosts > room ? hosts - room + 1 : 0, gap_from = room / 2;

    for (; i < count; at++) {
        const json_t *hop = hop_at(hops, i);
        struct report_node *node;

        i = host_end(hops, count, i) + 1;
        if (gap != 0 && at >= gap_from && at < gap_from + gap) {
            if (at == gap_from)
                add(path, REPORT_NODE_GAP);
            path->left_out++;
            continue;
        }
        node = add(path, REPORT_NODE_HOP);
        node->name = report_doc_text(hop, "by");
        node->with = report_doc_text(hop, "with");
        node->address = i < count ? report_doc_text(hop_at(hops, i), "ip") : SPAN_NULL;
    }
}

/* A mailbox is where other people's servers delivered to; the sink is our own. */
static struct span sink_of(const json_t *proved)
{
    bool mailbox = report_doc_is(proved, "source", "maildir") ||
                   report_doc_is(proved, "source", "imap") ||
                   report_doc_is(proved, "source", "message");

    return mailbox ? SPAN_LIT("mailbox") : SPAN_LIT("sink");
}

/* "192.0.2.1:25" is no name: the drawing has the address already. */
static struct span name_of(struct span target, struct span address)
{
    struct span host;
    uint16_t port;

    return ip_host_port(target, &host, &port) && span_eq_nocase(host, address) ? SPAN_NULL : target;
}

void report_path_of(struct report_path *path, const json_t *proved, struct span target)
{
    const json_t *hops = report_doc_array(proved, "hops");
    size_t count = json_array_size(hops), hosts;
    struct span output = report_doc_text(proved, "output");
    struct report_node *node;
    int64_t delay = report_doc_milli(proved, "delay");

    *path = (struct report_path){.tls = report_doc_text(proved, "tls"), .delay_ms = delay};
    if (count > REPORT_DOC_HOPS_MAX)
        count = REPORT_DOC_HOPS_MAX;
    hosts = hosts_of(hops, count);

    node = add(path, REPORT_NODE_TESTER);
    /* Not the HELO: some probes lie in it, and a drawing must not repeat that. */
    node->name = SPAN_LIT("tester");
    node->address = report_doc_text(hop_at(hops, 0), "ip");

    node = add(path, REPORT_NODE_TARGET);
    node->address = report_doc_text(proved, "input");
    node->name = name_of(target, node->address);
    node->port = report_doc_count(proved, "port");
    node->with = report_doc_text(hop_at(hops, 0), "with");

    if (hosts > 1) {
        add_hosts(path, hops, count, host_end(hops, count, 0) + 1, hosts - 1);
        node = &path->nodes[path->count - 1];
        node->kind = REPORT_NODE_OUTPUT;
        node->address = output;
    } else if (output.n != 0 && !span_eq_nocase(output, node->address)) {
        /* One host by its Received fields, two addresses: it sends from another than it takes. */
        node = add(path, REPORT_NODE_OUTPUT);
        node->address = output;
    }
    add(path, REPORT_NODE_SINK)->name = sink_of(proved);
}

bool report_path_same(const struct report_path *a, const struct report_path *b)
{
    if (a->count != b->count || a->left_out != b->left_out || !span_eq(a->tls, b->tls))
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct report_node *x = &a->nodes[i], *y = &b->nodes[i];

        if (x->kind != y->kind || x->port != y->port || !span_eq(x->name, y->name) ||
            !span_eq(x->address, y->address))
            return false;
    }
    return true;
}

static void add_node(struct buf *out, const struct report_node *node, size_t left_out)
{
    bool bracket = span_find(node->address, ':') < node->address.n;

    if (node->kind == REPORT_NODE_GAP) {
        buf_add_char(out, '(');
        report_text_plural(out, left_out, "more host");
        buf_add_char(out, ')');
        return;
    }
    report_doc_show(out, node->name);
    if (node->kind == REPORT_NODE_TESTER) {
        buf_add_str(out, node->address.n ? ", seen as " : "");
        report_doc_show(out, node->address);
        return;
    }
    if (node->address.n != 0 && !span_eq(node->address, node->name)) {
        buf_add_str(out, node->name.n ? " " : "");
        buf_add_str(out, bracket ? "[" : "");
        report_doc_show(out, node->address);
        buf_add_str(out, bracket ? "]" : "");
    } else if (node->name.n == 0) {
        buf_add_str(out, "?");
    }
    if (node->port != 0)
        buf_addf(out, ":%" PRIu64, node->port);
}

void report_path_text(struct buf *out, const struct report_path *path,
                      const struct report_style *style)
{
    for (size_t i = 0; i < path->count; i++) {
        if (i > 0)
            buf_add_str(out, style->utf8 ? " \xe2\x94\x80\xe2\x96\xb6 " : " --> ");
        add_node(out, &path->nodes[i], path->left_out);
    }
    if (path->delay_ms >= 0) {
        buf_add_str(out, " (");
        report_text_duration(out, path->delay_ms);
        buf_add_char(out, ')');
    }
}
