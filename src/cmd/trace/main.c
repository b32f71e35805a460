/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern trace: which host in the chain of one spam message relayed it, and why? Nothing is
 * asked of the network; what cannot be known from the message is said to be open.
 */
#include "cmd/trace/run.h"
#include "cmd/trace/source.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sysexits.h>
#include <time.h>

static const char program[] = "postern trace";

#define AT(field) offsetof(struct args, field)

static const struct option_row rows[] = {
    {.group = "The receiving system"},
    {"mx", 0, "HOST", "a host of it, or the name in its Authentication-Results; again for more",
     OPTION_LIST, AT(mx), .shown = "the unbroken block at the top"},
    {"trust", 0, "NET|HOST", "a network or host whose lines are true: a forwarder, a second MX",
     OPTION_LIST, AT(trust)},
    {"org", 0, "DOMAIN", "a domain of ours: all hosts below it are our own", OPTION_LIST, AT(org)},
    {.group = "Output"},
    {"json", 0, NULL, "one JSON object a message, the verdict last", OPTION_FLAG, AT(json)},
    {"hops", 0, NULL, "with --json: every Received field as read and judged", OPTION_FLAG,
     AT(hops)},
    {"verbose", 'v', NULL, "of many messages too, the whole report of each", OPTION_FLAG,
     AT(verbose)},
    {"summary", 's', NULL, "only the sums and the table of hosts", OPTION_FLAG, AT(summary)},
    {"html", 0, "FILE", "a page with the path drawn; - for standard output", OPTION_TEXT, AT(html)},
    {"nominate", 0, "FILE", "append a nomination for each host blamed, its message as evidence",
     OPTION_TEXT, AT(nominate)},
    {"color", 0, "WHEN", "auto, always or never", OPTION_CHOICE, AT(colour),
     .choices = view_colour_choices, .shown = "auto"},
    {0},
};

static const struct options options = {
    .program = program,
    .about = "Tells from a message's Received fields which host relayed it, and why.",
    .usage = "[OPTION]... [FILE|MBOX|MAILDIR|FOLDER]...",
    .text = "Without FILE, or with \"-\", standard input is read.\n\n"
            "Classes: A open relay, B NAT hid the client, C appliance in front of a trusting "
            "server, D on-premises relay signed by its cloud tenant, E stolen login, F own or "
            "legitimate origin, G list, forwarder or bounce, H spammer's own machine, U "
            "undecidable. Only A to D blame a host.\n\n"
            "Exit status: 0 nobody to blame, 2 a relay was named, 3 undecided or nothing to go "
            "by, 64 misuse, 66 no such file, 73 cannot write a file, 74 reading or writing failed.",
    .rows = rows,
};

static int on_message(void *ctx, struct span where, struct span message)
{
    struct run *r = ctx;
    int rc = trace_message(message, &r->options, &r->trace);

    return rc < 0 ? rc : output_message(r, where, message);
}

static bool add_host(struct run *r, const char *text)
{
    struct trace_options *o = &r->options;
    struct ip_prefix net;

    if (ip_prefix_parse(span_str(text), &net)) {
        if (o->net_count < TRACE_OPTIONS_MAX)
            o->nets[o->net_count] = net;
        return o->net_count++ < TRACE_OPTIONS_MAX;
    }
    if (o->host_count < TRACE_OPTIONS_MAX)
        o->hosts[o->host_count] = span_str(text);
    return o->host_count++ < TRACE_OPTIONS_MAX;
}

/* 0, or the exit status of misuse. */
static int read_options(struct run *r)
{
    const struct option_list *lists[] = {&r->args.trust, &r->args.mx};

    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < lists[k]->count; i++) {
            const char *text = lists[k]->v[i];
            struct span s = span_str(text);
            struct ip_prefix net;

            if (!s.n || (span_find(s, '/') < s.n && !ip_prefix_parse(s, &net)))
                return options_misuse(&options, "--%s %s: no network, address or host name",
                                      k ? "mx" : "trust", text);
            if (!add_host(r, text))
                return options_misuse(&options, "more than %d --trust and --mx", TRACE_OPTIONS_MAX);
        }
    }
    for (size_t i = 0; i < r->args.org.count; i++) {
        if (i == TRACE_OPTIONS_MAX)
            return options_misuse(&options, "more than %d --org", TRACE_OPTIONS_MAX);
        r->options.orgs[r->options.org_count++] = span_str(r->args.org.v[i]);
    }
    if (r->args.hops && !r->args.json)
        return options_misuse(&options, "--hops goes with --json");
    return 0;
}

static int read_file(struct run *r, const char *path)
{
    char err[SOURCE_ERROR_MAX];
    int rc = source_read(path, on_message, r, err);

    if (rc >= 0 || r->status)
        return r->status;
    fprintf(stderr, "%s: %s\n", program, err);
    return rc == -ENOMEM ? EX_OSERR : rc == -EIO || rc == -EISDIR ? EX_IOERR : EX_NOINPUT;
}

static int run(struct run *r, char **files, int count)
{
    static char input[] = "-";
    char *standard[] = {input};
    int status = 0;

    if (!count) {
        files = standard;
        count = 1;
    }
    for (int i = 0; i < count && !status; i++)
        status = read_file(r, files[i]);
    if (status) {
        /* What was found before the file that failed is still worth printing. */
        output_flush(r);
        return status;
    }
    return output_end(r);
}

int main(int argc, char **argv)
{
    struct run r = {.program = program,
                    .out = BUF_INIT(VIEW_OUT_MAX),
                    .page = BUF_INIT(RUN_PAGE_MAX),
                    .nominations = BUF_INIT(VIEW_OUT_MAX),
                    .first = BUF_INIT(1 << 20),
                    .first_verdict = BUF_INIT(1 << 20),
                    .now_wall = time(NULL)};
    struct report_style style;
    int first, status;

    if (!options_start(&options, argc, argv, &r.args, &first, &status))
        return status;
    status = read_options(&r);
    if (!status) {
        view_style(&style, r.args.colour);
        r.style = (struct render_style){.colour = style.colour, .utf8 = style.utf8};
        status = run(&r, argv + first, argc - first);
    }
    hosts_deinit(&r.hosts);
    trace_deinit(&r.trace);
    option_list_deinit(&r.args.trust);
    option_list_deinit(&r.args.mx);
    option_list_deinit(&r.args.org);
    buf_deinit(&r.out);
    buf_deinit(&r.page);
    buf_deinit(&r.nominations);
    buf_deinit(&r.first);
    buf_deinit(&r.first_verdict);
    return status;
}
