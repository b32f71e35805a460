/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern list import: somebody else's list as a zone of its own under our DNS. It stays what it
 * is: its own name, its own codes and texts, no evidence number, no life in the store.
 */
#include "cmd/list/others.h"
#include "cmd/list/source_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

static const char program[] = "postern list import";

struct args {
    struct list_args common;
    const char *as, *tsig, *text, *code;
    unsigned widest4, widest6;
    int64_t keep;
    bool strict, reserved, force, check;
};

static const struct option_row rows[] = {
    {"as", 'a', "NAME", "the zone to serve it as", OPTION_TEXT, offsetof(struct args, as)},
    {"keep", 0, "TIME", "goes out by itself unless imported again", OPTION_TIME,
     offsetof(struct args, keep), .min = 60000, .max = UINT64_C(366) * 86400000, .shown = "7d"},
    {"code", 0, "ADDR", "the A record of entries that have none", OPTION_TEXT,
     offsetof(struct args, code), .shown = "127.0.0.2"},
    {"text", 0, "TEXT", "the text of entries that have none", OPTION_TEXT,
     offsetof(struct args, text)},
    {"tsig", 'y', "KEY", "sign transfers: [alg:]name:base64", OPTION_TEXT,
     offsetof(struct args, tsig)},
    {"check", 'n', NULL, "only look at it", OPTION_FLAG, offsetof(struct args, check)},
    {.group = "What is taken"},
    {"strict", 0, NULL, "refuse a list with a bad line", OPTION_FLAG,
     offsetof(struct args, strict)},
    {"widest4", 0, "LEN", "the widest IPv4 prefix that may be listed whole", OPTION_UINT,
     offsetof(struct args, widest4), .min = 1, .max = 32, .shown = "16"},
    {"widest6", 0, "LEN", "the same for IPv6", OPTION_UINT, offsetof(struct args, widest6),
     .min = 1, .max = 128, .shown = "32"},
    {"reserved", 0, NULL, "reserved and private space may be listed", OPTION_FLAG,
     offsetof(struct args, reserved)},
    {"force", 0, NULL, "let it grow or shrink by any amount at once", OPTION_FLAG,
     offsetof(struct args, force)},
    LIST_OPTION_ROWS(struct args, common),
    {0},
};

static const struct options options = {
    .program = program,
    .about = "Serves somebody else's list as a zone of its own.",
    .usage = "[OPTION]... --as NAME LIST",
    .text = "A list is FILE (plain text, CSV or JSON), TYPE:FILE[,FILE]... with a type of rbldnsd "
            "(ip4set, ip4trie, ip4tset, ip6trie, ip6tset, dnset, generic, combined) or text, csv, "
            "json, or axfr:ZONE@ADDR[:PORT] (a zone transfer). Sub-zones of a combined file become "
            "zones below NAME.\n\n"
            "Exit status: 0, 64 misuse, 65 a list that is refused, 66 no such list, 69 a transfer "
            "failed, 73 NAME is a zone of another kind.",
    .rows = rows,
};

static int say_made(const struct args *args, const char *name, const struct others_made *m)
{
    struct buf out = BUF_INIT(4096);
    const struct zone_image_counts *c = &m->counts;
    int status;

    if (args->common.json)
        buf_addf(&out,
                 "{\"type\":\"import\",\"zone\":\"%s\",\"serial\":%u,\"ipv4\":%llu,\"ipv6\":%llu,"
                 "\"names\":%llu,\"octets\":%llu}\n",
                 name, m->serial, (unsigned long long)c->v4_addresses,
                 (unsigned long long)(c->v6_half + c->v6_full + c->v6_range),
                 (unsigned long long)c->names, (unsigned long long)m->octets);
    else
        buf_addf(&out,
                 "%s: serial %u, %llu IPv4 addresses, %llu IPv6 entries, %llu names, %llu octets\n",
                 name, m->serial, (unsigned long long)c->v4_addresses,
                 (unsigned long long)(c->v6_half + c->v6_full + c->v6_range),
                 (unsigned long long)c->names, (unsigned long long)m->octets);
    status = view_print(program, &out);
    buf_deinit(&out);
    return status;
}

/* The name of a sub-zone: its own labels before the zone's. */
static bool name_of(const struct source_part *p, const char *as, char ret[2 * DNS_NAME_TEXT_MAX])
{
    char sub[DNS_NAME_TEXT_MAX];
    int n;

    zone_rname_text(p->sub.b, p->sub.n, sub);
    n = snprintf(ret, 2 * DNS_NAME_TEXT_MAX, "%s%s%s", sub, *sub ? "." : "", as);
    return n > 0 && n < 254;
}

static int check_only(const struct args *args, const struct source_part *p,
                      const struct others_zone *z)
{
    struct others_made made = {p->image.meta.serial, p->bytes.n, p->image.counts};
    int status = others_check(z, &p->image);

    return status ? status : say_made(args, z->name, &made);
}

static int import_parts(const struct args *args, struct source *s, const struct others_zone *like)
{
    char name[2 * DNS_NAME_TEXT_MAX];
    int status = 0;

    for (size_t i = 0; i < s->count && status == 0; i++) {
        struct others_zone z = *like;
        struct others_made made;

        if (!name_of(&s->parts[i], args->as, name)) {
            fprintf(stderr, "%s: the name of a sub-zone is too long\n", program);
            return EX_DATAERR;
        }
        z.name = name;
        if (args->check) {
            status = check_only(args, &s->parts[i], &z);
            continue;
        }
        status = others_publish(&z, &s->zones.v[i]->data, &made);
        if (status == 0)
            status = say_made(args, name, &made);
    }
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
        .text = args->text,
    };
    struct others_zone z = {
        .program = program,
        .state = args->common.state,
        .own = args->common.zone,
        .name = args->as,
        .origin = "import",
        .source = spec,
        .now_wall = o.now_wall,
        .keep_s = args->keep / 1000,
        .limits = zone_limits_usual,
        .force = args->force,
    };
    struct ip code = {0};
    struct source s;
    int status;

    if (args->code && (!ip_parse(span_str(args->code), &code) || code.family != IP_V4 ||
                       code.b[0] != 127 || num_get32(code.b) == 0x7f000001))
        return options_misuse(&options, "--code: an address of 127.0.0.0/8, but 127.0.0.1");
    if (code.family == IP_V4)
        o.a = num_get32(code.b);
    z.limits.widest4 = args->widest4;
    z.limits.widest6 = args->widest6;
    z.limits.reserved = args->reserved;
    status = others_name(&z);
    if (status == 0)
        status = source_open(spec, &o, &s);
    if (status)
        return status;
    if (s.is_now) {
        fprintf(stderr, "%s: a zone of ours is no list of somebody else's\n", program);
        status = EX_USAGE;
    } else {
        status = import_parts(args, &s, &z);
    }
    source_close(&s);
    return status;
}

int verb_import(int argc, char **argv)
{
    struct args args = {.common = LIST_ARGS_INIT, .keep = INT64_C(7) * 86400000};
    struct list_call call = {.options = &options, .args = &args, .common = &args.common};
    int first, status;

    args.widest4 = zone_limits_usual.widest4;
    args.widest6 = zone_limits_usual.widest6;
    if (!list_call_start(&call, argc, argv, &first, &status))
        return status;
    if (argc - first != 1)
        status = options_misuse(&options, "one list at a time");
    else
        status = run(&args, argv[first]);
    return list_call_end(&call, status);
}
