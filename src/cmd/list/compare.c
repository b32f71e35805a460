/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern list compare: what two lists hold, side by side. With --sample, addresses drawn by chance
 * from what only A holds are tested by postern test, and counted by verdict: how many of them are
 * closed tells what A's listings are worth today.
 *
 * A sample is tested only where the operator has written it into the scope: that somebody lists an
 * address is no cause to go and test it (D6). What lies outside is counted, never asked.
 */
#include "cmd/list/others.h"
#include "cmd/list/sample.h"
#include "cmd/list/source_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

static const char program[] = "postern list compare";
static const char *const wheres[] = {"only-a", "only-b", "both", "none", NULL};

enum { SHOW_NONE = 3 };

struct args {
    struct list_args common;
    struct sample_args sample;
    const char *tsig;
    unsigned show, from;
    bool strict;
};

static const struct option_row rows[] = {
    {"show", 0, "WHICH", "print that part as prefixes and names: only-a, only-b, both",
     OPTION_CHOICE, offsetof(struct args, show), .choices = wheres, .shown = "none"},
    {"tsig", 'y', "KEY", "sign transfers: [alg:]name:base64", OPTION_TEXT,
     offsetof(struct args, tsig)},
    {"strict", 0, NULL, "refuse a list with a bad line", OPTION_FLAG,
     offsetof(struct args, strict)},
    {.group = "Sample"},
    {"sample", 'n', "N", "test N addresses drawn by chance, of those in the scope", OPTION_UINT,
     offsetof(struct args, sample.count), .max = SAMPLE_MAX, .shown = "0"},
    {"from", 0, "WHICH", "where to draw them from: only-a, only-b, both", OPTION_CHOICE,
     offsetof(struct args, from), .choices = wheres, .shown = "only-a"},
    {"seed", 0, "N", "draw the same sample as another time", OPTION_UINT,
     offsetof(struct args, sample.seed)},
    {"scope", 0, "FILE", "what may be tested, besides the state folder's list", OPTION_TEXT,
     offsetof(struct args, sample.scope)},
    {"never", 0, "FILE", "what may not", OPTION_TEXT, offsetof(struct args, sample.never)},
    LIST_OPTION_ROWS(struct args, common),
    {0},
};

static const struct options options = {
    .program = program,
    .about = "Compares two lists by the addresses and names that they hold.",
    .usage = "[OPTION]... A B [-- OPTION-OF-TEST...]",
    .text = "A list is FILE (plain text, CSV or JSON), TYPE:FILE[,FILE]... with a type of rbldnsd "
            "(ip4set, ip4trie, ip4tset, ip6trie, ip6tset, dnset, generic, combined) or text, csv, "
            "json, zone:NAME (one of ours) or axfr:ZONE@ADDR[:PORT] (a zone transfer).\n\n"
            "What stands behind -- is handed to postern test with each address of the sample.\n\n"
            "Exit status: 0 the lists hold the same, 1 they differ, 64 misuse, 65 a bad list, 66 "
            "no such list, 69 a transfer failed.",
    .rows = rows,
};

struct pair {
    struct source source[2];
    struct compare_list list[2];
    struct compare got;
};

static int load(struct pair *p, const struct args *args, char **specs)
{
    struct source_options o = {
        .program = program,
        .state = args->common.state,
        .tsig = args->tsig,
        .now_wall = time(NULL),
        .strict = args->strict,
    };
    int rc = 0;

    compare_list_init(&p->list[0]);
    compare_list_init(&p->list[1]);
    for (unsigned i = 0; i < 2 && rc == 0; i++) {
        rc = source_open(specs[i], &o, &p->source[i]);
        if (rc == 0 &&
            (source_fill(&p->source[i], &p->list[i]) < 0 || compare_list_settle(&p->list[i]) < 0))
            rc = source_say(&o, EX_OSERR, specs[i], "out of memory");
        source_close(&p->source[i]); /* the image is not needed any more */
    }
    if (rc == 0 && compare_lists(&p->list[0], &p->list[1], &p->got) < 0)
        rc = source_say(&o, EX_OSERR, specs[0], "out of memory");
    return rc;
}

static void unload(struct pair *p)
{
    compare_list_deinit(&p->list[0]);
    compare_list_deinit(&p->list[1]);
    compare_deinit(&p->got);
}

static bool same(const struct pair *p)
{
    const struct compare *c = &p->got;

    for (unsigned i = COMPARE_ONLY_A; i <= COMPARE_ONLY_B; i++)
        if (c->addresses[i].v4.count || c->addresses[i].v6.count || c->names[i])
            return false;
    return true;
}

/* ---- for people ---- */

static void share(struct buf *out, ranges_wide part, ranges_wide whole)
{
    /* Thousandths, without overflow for the largest sets. */
    while (whole >> 100) {
        whole >>= 10;
        part >>= 10;
    }
    if (whole) {
        unsigned n = (unsigned)(part * 1000 / whole);

        buf_addf(out, "%u.%u %%", n / 10, n % 10);
    }
}

static void add_row(struct buf *out, const char *what, const ranges_wide n[5])
{
    char text[RANGES_WIDE_TEXT];
    struct buf of_a = BUF_INIT(20), of_b = BUF_INIT(20);

    if (!(n[0] | n[1] | n[2] | n[3] | n[4]))
        return;
    buf_addf(out, "%-10s", what);
    for (unsigned i = 0; i < 5; i++)
        buf_addf(out, " %15s", ranges_wide_text(n[i], text));
    share(&of_a, n[4], n[0]);
    share(&of_b, n[4], n[1]);
    buf_addf(out, " %8s %8s\n", buf_str(&of_a), buf_str(&of_b));
    buf_deinit(&of_a);
    buf_deinit(&of_b);
}

static void add_table(const struct pair *p, char **specs, struct buf *out)
{
    const struct compare *c = &p->got;
    const struct ranges *r = c->addresses;
    ranges_wide v4[5] = {ranges_size(&p->list[0].ranges.v4), ranges_size(&p->list[1].ranges.v4),
                         ranges_size(&r[COMPARE_ONLY_A].v4), ranges_size(&r[COMPARE_ONLY_B].v4),
                         ranges_size(&r[COMPARE_BOTH].v4)};
    ranges_wide v6[5] = {ranges_size(&p->list[0].ranges.v6), ranges_size(&p->list[1].ranges.v6),
                         ranges_size(&r[COMPARE_ONLY_A].v6), ranges_size(&r[COMPARE_ONLY_B].v6),
                         ranges_size(&r[COMPARE_BOTH].v6)};
    ranges_wide names[5] = {p->list[0].name_count, p->list[1].name_count, c->names[COMPARE_ONLY_A],
                            c->names[COMPARE_ONLY_B], c->names[COMPARE_BOTH]};

    for (unsigned i = 0; i < 2; i++) {
        buf_addf(out, "%c  ", 'A' + (int)i);
        escape_text(out, span_slice(span_str(specs[i]), 0, 200));
        buf_addf(out, ", %llu entries\n", (unsigned long long)p->list[i].entries);
    }
    buf_addf(out, "\n%-10s %15s %15s %15s %15s %15s %8s %8s\n", "", "in A", "in B", "only in A",
             "only in B", "in both", "of A", "of B");
    add_row(out, "IPv4", v4);
    add_row(out, "IPv6", v6);
    add_row(out, "names", names);
}

/* ---- for machines ---- */

static bool add_wide(json_t *o, const char *key, ranges_wide n)
{
    char text[RANGES_WIDE_TEXT];

    /* JSON's readers hold 53 bits at least; what is larger goes as text. */
    if (n < (ranges_wide)1 << 53)
        return json_object_set_new(o, key, json_integer((json_int_t)n)) == 0;
    return json_object_set_new(o, key, json_string(ranges_wide_text(n, text))) == 0;
}

static json_t *document(const struct pair *p, char **specs)
{
    static const char *const keys[] = {"only_a", "only_b", "both"};
    json_t *o = json_pack("{ss}", "type", "comparison");
    bool fine = o != NULL;

    for (unsigned i = 0; i < 2 && fine; i++) {
        json_t *one = json_object();

        fine = one && view_json_text(one, "source", span_str(specs[i])) &&
               view_json_number(one, "entries", p->list[i].entries) &&
               add_wide(one, "ipv4", ranges_size(&p->list[i].ranges.v4)) &&
               add_wide(one, "ipv6", ranges_size(&p->list[i].ranges.v6)) &&
               view_json_number(one, "names", p->list[i].name_count) &&
               json_object_set(o, i ? "b" : "a", one) == 0;
        json_decref(one);
    }
    for (unsigned i = 0; i < COMPARE_WHERES && fine; i++) {
        json_t *one = json_object();

        fine = one && add_wide(one, "ipv4", ranges_size(&p->got.addresses[i].v4)) &&
               add_wide(one, "ipv6", ranges_size(&p->got.addresses[i].v6)) &&
               view_json_number(one, "names", p->got.names[i]) &&
               json_object_set(o, keys[i], one) == 0;
        json_decref(one);
    }
    if (fine)
        return o;
    json_decref(o);
    return NULL;
}

/* ---- a part as a list ---- */

static int add_prefix(void *cookie, struct ip_prefix net)
{
    char ip[IP_TEXT_MAX];
    struct buf *out = cookie;

    buf_addf(out, "%s", ip_text(net.ip, ip));
    if (net.len != (net.ip.family == IP_V4 ? 32U : 128U))
        buf_addf(out, "/%u", net.len);
    buf_add_char(out, '\n');
    return out->err;
}

static int add_name(void *cookie, struct span name)
{
    buf_add(cookie, name);
    buf_add_char(cookie, '\n');
    return ((struct buf *)cookie)->err;
}

static int show(const struct pair *p, unsigned which, struct buf *out)
{
    const struct compare_list *a = &p->list[which == COMPARE_ONLY_B];
    const struct compare_list *b = &p->list[which != COMPARE_ONLY_B];
    int rc = ranges_prefixes(&p->got.addresses[which], add_prefix, out);

    return rc ? rc : compare_names_each(a, b, which == COMPARE_BOTH, add_name, out);
}

static int say(const struct pair *p, const struct args *args, char **specs, struct buf *out)
{
    json_t *doc;
    char *text;

    if (args->show != SHOW_NONE)
        return show(p, args->show, out);
    if (!args->common.json) {
        add_table(p, specs, out);
        return out->err;
    }
    doc = document(p, specs);
    text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
    json_decref(doc);
    if (!text)
        return -ENOMEM;
    buf_addf(out, "%s\n", text);
    free(text);
    return out->err;
}

static int run(struct args *args, const struct list_call *call, char **specs, char **rest)
{
    struct buf out = BUF_INIT(VIEW_OUT_MAX);
    struct pair p = {0};
    int status = load(&p, args, specs);

    if (status == 0) {
        if (say(&p, args, specs, &out) < 0)
            status = EX_OSERR;
        if (status == 0)
            status = view_print(program, &out);
        if (status == 0 && args->sample.count)
            status = sample_run(&args->sample, program, call, &p.got.addresses[args->from], rest);
        if (status == 0)
            status = same(&p) ? 0 : 1;
    }
    unload(&p);
    buf_deinit(&out);
    return status;
}

int verb_compare(int argc, char **argv)
{
    struct args args = {.common = LIST_ARGS_INIT, .show = SHOW_NONE};
    struct list_call call = {.options = &options, .args = &args, .common = &args.common};
    int first, status;

    if (!list_call_start(&call, argc, argv, &first, &status))
        return status;
    if (argc - first < 2)
        status = options_misuse(&options, "two lists are compared");
    else if (argc - first > 2 && !args.sample.count)
        status = options_misuse(&options, "options of a test need --sample");
    else if (args.from == SHOW_NONE)
        status = options_misuse(&options, "--from: only-a, only-b or both");
    else
        status = run(&args, &call, argv + first, argv + first + 2);
    return list_call_end(&call, status);
}
