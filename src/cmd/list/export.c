/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern list export: a list in the form of another program. What that form can't say is counted
 * and told, so that nobody takes a part for the whole.
 */
#include "listfile/export.h"
#include "cmd/list/others.h"
#include "cmd/list/source_priv.h"
#include "io/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

static const char program[] = "postern list export";

struct args {
    struct list_args common;
    struct option_list codes;
    const char *format, *out, *table, *action, *tsig, *name;
    unsigned most;
    bool strict;
};

static const struct option_row rows[] = {
    {"format", 'f', "FORM",
     "ip4set, ip4trie, ip6trie, dnset, generic, combined, rpz, nftables, postfix, csv, json",
     OPTION_TEXT, offsetof(struct args, format), .shown = "combined"},
    {"output", 'o', "FILE", "write here, whole or not at all", OPTION_TEXT,
     offsetof(struct args, out), .shown = "standard output"},
    {"code", 0, "ADDR", "only listings with this A record; may be repeated", OPTION_LIST,
     offsetof(struct args, codes)},
    {"most", 0, "N", "refuse to write more lines", OPTION_UINT, offsetof(struct args, most)},
    {"name", 0, "NAME", "the zone's name in texts and as the head of rpz", OPTION_TEXT,
     offsetof(struct args, name), .shown = "the list's own"},
    {"table", 0, "NAME", "nftables: the table", OPTION_TEXT, offsetof(struct args, table),
     .shown = "postern"},
    {"action", 0, "TEXT", "postfix: what stands behind each prefix", OPTION_TEXT,
     offsetof(struct args, action), .shown = "REJECT"},
    {"tsig", 'y', "KEY", "sign transfers: [alg:]name:base64", OPTION_TEXT,
     offsetof(struct args, tsig)},
    {"strict", 0, NULL, "refuse a list with a bad line", OPTION_FLAG,
     offsetof(struct args, strict)},
    LIST_OPTION_ROWS(struct args, common),
    {0},
};

static const struct options options = {
    .program = program,
    .about = "Writes a list in the form of another program.",
    .usage = "[OPTION]... [LIST]",
    .text = "Without LIST it is the zone of the configuration. A list is zone:NAME (one of ours), "
            "FILE, TYPE:FILE[,FILE]... or axfr:ZONE@ADDR[:PORT], as for postern list import.\n\n"
            "Exit status: 0, 64 misuse, 65 a bad list or more lines than --most, 66 no such list.",
    .rows = rows,
};

static int put(void *ctx, struct span bytes)
{
    struct buf *out = ctx;

    buf_add(out, bytes);
    return out->err;
}

static bool codes_of(const struct args *args, uint32_t codes[EXPORT_CODES_MAX])
{
    if (args->codes.count > EXPORT_CODES_MAX)
        return false;
    for (size_t i = 0; i < args->codes.count; i++) {
        struct ip ip;

        if (!ip_parse(span_str(args->codes.v[i]), &ip) || ip.family != IP_V4)
            return false;
        codes[i] = num_get32(ip.b);
    }
    return true;
}

static void say_left_out(const struct export_count *count, const char *format)
{
    if (count->left_out)
        fprintf(stderr, "%s: %llu entries are left out: %s can't say them\n", program,
                (unsigned long long)count->left_out, format);
    if (count->cut)
        fprintf(stderr, "%s: %llu texts are cut at 255 octets: %s has no longer ones\n", program,
                (unsigned long long)count->cut, format);
}

static int write_out(const struct args *args, const struct buf *out)
{
    int rc;

    if (!args->out)
        return view_print(program, out);
    rc = file_write(args->out, buf_span(out), 0644);
    if (rc == 0)
        return 0;
    fprintf(stderr, "%s: %s: %s\n", program, args->out, strerror(-rc));
    return EX_CANTCREAT;
}

static int export(const struct args *args, enum export_format format, const struct source *s,
                  const char *name)
{
    uint32_t codes[EXPORT_CODES_MAX];
    struct buf out = BUF_INIT(VIEW_OUT_MAX);
    struct zone_sink sink = {put, &out};
    struct export_options o = {
        .zone = name,
        .codes = codes,
        .code_count = args->codes.count,
        .table = args->table,
        .action = args->action,
        .most = args->most,
    };
    struct export_count count = {0};
    int rc, status = EX_OSERR;

    if (!codes_of(args, codes))
        return options_misuse(&options, "--code: an IPv4 address");
    rc = export_write(format, &s->parts[0].view, &o, &sink, &count);
    if (rc == EXPORT_OK) {
        say_left_out(&count, export_format_name(format));
        status = write_out(args, &out);
    } else if (rc == EXPORT_TOO_MANY) {
        fprintf(stderr, "%s: the list has more than %u lines; nothing was written\n", program,
                args->most);
        status = EX_DATAERR;
    } else if (rc == EXPORT_BAD_NAME) {
        status = options_misuse(&options, "--table or --action can't stand in that form");
    } else {
        fprintf(stderr, "%s: %s\n", program, strerror(-rc));
    }
    buf_deinit(&out);
    return status;
}

static int run(const struct args *args, const char *spec)
{
    struct source_options o = {
        .program = program,
        .state = args->common.state,
        .tsig = args->tsig,
        .now_wall = time(NULL),
        .strict = args->strict,
    };
    enum export_format format = EXPORT_COMBINED;
    char own[300], name[DNS_NAME_TEXT_MAX];
    struct source s;
    int status;

    if (args->format && !export_format_of(span_str(args->format), &format))
        return options_misuse(&options,
                              "--format: none of ip4set, ip4trie, ip6trie, dnset, generic, "
                              "combined, rpz, nftables, postfix, csv, json");
    if (!spec && !args->common.zone)
        return options_misuse(&options, "which list? There is no zone in the configuration");
    if (!spec) {
        snprintf(own, sizeof(own), "zone:%.250s", args->common.zone);
        spec = own;
    }
    status = source_open(spec, &o, &s);
    if (status)
        return status;
    if (args->name)
        snprintf(name, sizeof(name), "%.253s", args->name);
    else if (s.parts[0].view.image->meta.zone.n)
        dns_name_text(s.parts[0].view.image->meta.zone.wire, name);
    else
        snprintf(name, sizeof(name), "list.invalid");
    if (s.count > 1)
        fprintf(stderr, "%s: sub-zones are left out: %zu\n", program, s.count - 1);
    status = export(args, format, &s, name);
    source_close(&s);
    return status;
}

int verb_export(int argc, char **argv)
{
    struct args args = {.common = LIST_ARGS_INIT};
    struct list_call call = {.options = &options, .args = &args, .common = &args.common};
    int first, status;

    if (!list_call_start(&call, argc, argv, &first, &status))
        return status;
    if (argc - first > 1)
        status = options_misuse(&options, "one list at a time");
    else
        status = run(&args, first < argc ? argv[first] : NULL);
    option_list_deinit(&args.codes);
    return list_call_end(&call, status);
}
