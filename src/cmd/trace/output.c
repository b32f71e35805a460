/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One message is told in full. Of many each gets a line, and the hosts a table at the end. In JSON
 * every message is an object and the last object is the verdict over all; for a single message it
 * says the same as that message's, so that a script can read just the last line.
 */
#include "cmd/trace/run.h"

#include "base/escape.h"
#include "io/file.h"
#include "report/html.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

int output_flush(struct run *r)
{
    int status = 0;

    if (r->out.n || r->out.err)
        status = view_print(r->program, &r->out);
    buf_clear(&r->out);
    if (status && !r->status)
        r->status = status;
    return status;
}

static void add_message(struct run *r, struct span where)
{
    if (r->args.summary)
        return;
    if (r->args.json)
        render_json(&r->out, &r->trace, where, r->args.hops);
    else if (r->args.verbose)
        render_text(&r->out, &r->trace, where, &r->style);
    else
        render_line(&r->out, &r->trace, where, &r->style);
}

/* The first message is kept in both forms. */
static void keep_first(struct run *r, struct span where)
{
    r->only = r->trace.class;
    if (r->args.json) {
        render_json_verdict(&r->first_verdict, &r->trace);
        return;
    }
    render_text(&r->first, &r->trace, where, &r->style);
}

int output_message(struct run *r, struct span where, struct span message)
{
    r->messages++;
    r->by_class[r->trace.class]++;
    if (r->messages == 1)
        keep_first(r, where);
    add_message(r, where);
    if (trace_class_blames(r->trace.class) && hosts_add(&r->hosts, &r->trace) < 0)
        return -ENOMEM;
    if (r->args.html && r->cards < RUN_CARDS_MAX &&
        (r->cards == 0 || trace_class_blames(r->trace.class))) {
        render_card(&r->page, &r->trace, where);
        r->cards++;
    }
    if (r->args.nominate)
        r->nominated += render_nomination(&r->nominations, &r->trace, message, r->now_wall);
    /* Of the first, nothing is written before a second has come. */
    if (r->messages > 1 && r->out.n > RUN_FLUSH)
        return output_flush(r) ? -EPIPE : 0;
    return r->out.err ? r->out.err : r->page.err ? r->page.err : r->nominations.err;
}

static void add_classes(struct run *r)
{
    for (unsigned c = 0; c < TRACE_CLASSES; c++)
        if (r->by_class[c])
            buf_addf(&r->out, "  %c %8" PRIu64 "  %s\n", trace_class_letter((enum trace_class)c),
                     r->by_class[c], trace_class_name((enum trace_class)c));
}

static void add_hosts(struct run *r)
{
    char ip[IP_TEXT_MAX];

    if (!r->hosts.count)
        return;
    buf_addf(&r->out, "\n%8s  %-7s %4s  %-39s  %s\n", "MESSAGES", "CLASSES", "SURE", "ADDRESS",
             "NAME");
    for (size_t i = 0; i < r->hosts.count; i++) {
        const struct host *h = &r->hosts.v[i];
        char classes[TRACE_CLASSES + 1] = "";
        size_t n = 0;

        for (unsigned c = 0; c < TRACE_CLASSES; c++)
            if (h->by_class[c])
                classes[n++] = trace_class_letter((enum trace_class)c);
        buf_addf(&r->out, "%8" PRIu64 "  %-7s %3u%%  %-39s  ", h->count, classes, h->confidence,
                 ip_text(h->ip, ip));
        escape_text(&r->out, span_str(h->name));
        buf_addf(&r->out, "%s%s%s\n", h->product ? " (" : "", h->product ? h->product : "",
                 h->product ? ")" : "");
    }
}

static void add_text_end(struct run *r)
{
    if (r->messages == 1 && !r->args.summary) {
        buf_clear(&r->out);
        buf_add(&r->out, buf_span(&r->first));
        return;
    }
    buf_addf(&r->out, "%s%" PRIu64 " message%s\n", r->args.summary ? "" : "\n", r->messages,
             r->messages == 1 ? "" : "s");
    add_classes(r);
    add_hosts(r);
}

static void add_json_hosts(struct run *r)
{
    char ip[IP_TEXT_MAX];

    buf_add_str(&r->out, ",\"hosts\":[");
    for (size_t i = 0; i < r->hosts.count; i++) {
        const struct host *h = &r->hosts.v[i];
        const char *comma = "";

        buf_add_str(&r->out, i ? ",{" : "{");
        render_json_text(&r->out, "address", span_str(ip_text(h->ip, ip)));
        if (h->name)
            render_json_text(&r->out, "name", span_str(h->name));
        if (h->product)
            render_json_text(&r->out, "product", span_str(h->product));
        buf_addf(&r->out, ",\"messages\":%" PRIu64 ",\"confidence\":%u,\"classes\":{", h->count,
                 h->confidence);
        for (unsigned c = 0; c < TRACE_CLASSES; c++) {
            if (!h->by_class[c])
                continue;
            buf_addf(&r->out, "%s\"%c\":%" PRIu64, comma, trace_class_letter((enum trace_class)c),
                     h->by_class[c]);
            comma = ",";
        }
        buf_add_str(&r->out, "}}");
    }
    buf_add_char(&r->out, ']');
}

static int exit_of(const struct run *r)
{
    if (r->hosts.count)
        return TRACE_EXIT_RELAY;
    return r->by_class[TRACE_OPEN_CASE] || !r->messages ? TRACE_EXIT_UNDECIDED : TRACE_EXIT_NOBODY;
}

static void add_json_end(struct run *r)
{
    const char *comma = "";

    buf_add_str(&r->out, "{\"type\":\"verdict\"");
    if (r->messages == 1) {
        buf_add_char(&r->out, ',');
        buf_add(&r->out, buf_span(&r->first_verdict));
    }
    buf_addf(&r->out, ",\"verdict\":\"%s\",\"messages\":%" PRIu64 ",\"classes\":{",
             exit_of(r) == TRACE_EXIT_RELAY       ? "relay"
             : exit_of(r) == TRACE_EXIT_UNDECIDED ? "undecided"
                                                  : "nobody",
             r->messages);
    for (unsigned c = 0; c < TRACE_CLASSES; c++) {
        if (!r->by_class[c])
            continue;
        buf_addf(&r->out, "%s\"%c\":%" PRIu64, comma, trace_class_letter((enum trace_class)c),
                 r->by_class[c]);
        comma = ",";
    }
    buf_add_char(&r->out, '}');
    add_json_hosts(r);
    buf_add_str(&r->out, "}\n");
}

static int write_page(struct run *r)
{
    struct buf page = BUF_INIT(RUN_PAGE_MAX);
    int status;

    buf_addf(&page,
             "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\"><head>"
             "<meta charset=\"utf-8\"/><meta http-equiv=\"Content-Security-Policy\" "
             "content=\"default-src 'none'; style-src 'unsafe-inline'\"/>"
             "<meta name=\"viewport\" content=\"width=device-width\"/>"
             "<title>Who relayed</title><style>%s%s</style></head>\n<body><main>\n"
             "<header><h1>Who relayed</h1><p class=\"sub\">%" PRIu64
             " message%s, %zu host%s to blame</p></header>\n",
             report_html_css, render_svg_css, r->messages, r->messages == 1 ? "" : "s",
             r->hosts.count, r->hosts.count == 1 ? "" : "s");
    buf_add(&page, buf_span(&r->page));
    if (r->messages > r->cards)
        buf_addf(&page, "<p class=\"soft\">%" PRIu64 " more messages are not shown.</p>\n",
                 r->messages - r->cards);
    buf_add_str(&page, "</main></body></html>\n");
    status = view_write(r->program, r->args.html, &page);
    buf_deinit(&page);
    return status;
}

/* Behind what is there: nominations of many runs gather in one file. */
static int write_nominations(struct run *r)
{
    struct span s = buf_span(&r->nominations);
    int fd = open(r->args.nominate, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), error = 0;

    if (fd < 0)
        error = errno;
    while (!error && s.n) {
        ssize_t n = write(fd, s.p, s.n);

        if (n < 0 && errno != EINTR)
            error = errno;
        else if (n > 0)
            s = span_slice(s, (size_t)n, s.n);
    }
    if (fd >= 0 && close(fd) < 0 && !error)
        error = errno;
    if (!error) {
        fprintf(stderr, "%s: %" PRIu64 " nomination%s in %s\n", r->program, r->nominated,
                r->nominated == 1 ? "" : "s", r->args.nominate);
        return 0;
    }
    fprintf(stderr, "%s: %s: %s\n", r->program, r->args.nominate, strerror(error));
    return EX_CANTCREAT;
}

int output_end(struct run *r)
{
    int status;

    hosts_sort(&r->hosts);
    if (r->args.json)
        add_json_end(r);
    else if (r->messages)
        add_text_end(r);
    status = output_flush(r);
    if (!status && r->args.html)
        status = write_page(r);
    if (!status && r->args.nominate)
        status = write_nominations(r);
    if (!status && !r->messages)
        fprintf(stderr, "%s: there was no message\n", r->program);
    return status ? status : exit_of(r);
}
