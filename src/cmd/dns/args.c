/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of options, in the order of --help; the same names stand in conf/schema.c. */
#include "cmd/dns/args.h"

#include "base/num.h"
#include "cmd/common/settings.h"
#include "listfile/rbl_addr.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, WEEK = 7 * 24 * HOUR };

#define AT(field) offsetof(struct dns_args, field)

static const char *const public_choices[] = {"answer", "refuse", NULL};

/* --- what rbldnsd calls otherwise ------------------------------------------------------------- */

/* -b ADDRESS[/PORT] */
static bool take_bind(void *cookie, const char *text, char err[OPTIONS_ERROR_MAX])
{
    struct dns_args *a = cookie;
    struct span s = span_str(text), host = span_slice(s, 0, span_find(s, '/'));
    struct span port = host.n < s.n ? span_slice(s, host.n + 1, s.n) : SPAN_LIT("53");
    bool v6 = span_find(host, ':') < host.n && host.p[0] != '[';
    struct span rest = host;
    char made[100], ip[IP_TEXT_MAX];
    unsigned octets;
    uint32_t v4;

    if (host.n > 60 || port.n > 5 || a->made_count == DNS_MADE_MAX) {
        snprintf(err, OPTIONS_ERROR_MAX, "'%.60s' is no ADDRESS/PORT, or one too many", text);
        return false;
    }
    /* "127.2" is 127.0.0.2 there, and in the examples that come with it. */
    if (rbl_value4(&rest, &v4, &octets) == RBL_ADDR_OK && rest.n == 0 && octets < 4)
        host = span_str(
            ip_text((struct ip){IP_V4, {v4 >> 24, v4 >> 16 & 255, v4 >> 8 & 255, v4 & 255}}, ip));
    snprintf(made, sizeof(made), v6 ? "[%.*s]:%.*s" : "%.*s:%.*s", SPAN_ARG(host), SPAN_ARG(port));
    if (a->listen.preset)
        a->listen.count = 0;
    a->listen.preset = false;
    a->made[a->made_count] = strdup(made);
    if (!a->made[a->made_count] ||
        array_grow(&a->listen.v, &a->listen.cap, sizeof(char *), a->listen.count + 1) < 0) {
        snprintf(err, OPTIONS_ERROR_MAX, "out of memory");
        return false;
    }
    a->listen.v[a->listen.count++] = a->made[a->made_count++];
    return true;
}

/* -t DEFAULT:MIN:MAX, any of which may be left out */
static bool take_ttl(void *cookie, const char *text, char err[OPTIONS_ERROR_MAX])
{
    static const char *const names[] = {"ttl", "ttl-min", "ttl-max"};
    struct span rest = span_str(text), piece;
    struct dns_args *a = cookie;
    int64_t *const fields[] = {&a->ttl, &a->ttl_min, &a->ttl_max};

    for (size_t i = 0; span_cut(&rest, ':', &piece); i++) {
        int64_t ms = 0;

        if (i == 3 || (piece.n && (!num_duration(piece, &ms) || ms > WEEK))) {
            snprintf(err, OPTIONS_ERROR_MAX, "'%.60s' is no TTL: write it as 35m, or 35m:1m:1h",
                     text);
            return false;
        }
        if (piece.n)
            *fields[i] = ms;
        if (piece.n && i == 0 && ms == 0) {
            snprintf(err, OPTIONS_ERROR_MAX, "a %s of 0 makes every client ask each time",
                     names[i]);
            return false;
        }
    }
    return true;
}

static bool refuse(char err[OPTIONS_ERROR_MAX], const char *what)
{
    snprintf(err, OPTIONS_ERROR_MAX, "rbldnsd's option is not had here: %s", what);
    return false;
}

static bool no_root(void *cookie, const char *text, char err[OPTIONS_ERROR_MAX])
{
    return refuse(err,
                  "leave it out, and where files have no path of their own write -w DIR; rights "
                  "are given up without a chroot, and RootDirectory= of the unit makes one");
}

static bool no_statistics(void *cookie, const char *text, char err[OPTIONS_ERROR_MAX])
{
    return refuse(err, "--metrics-listen ADDR:PORT tells them to Prometheus");
}

static bool no_facility(void *cookie, const char *text, char err[OPTIONS_ERROR_MAX])
{
    return refuse(err, "the log goes to standard error, which the journal keeps");
}

static bool no_extension(void *cookie, const char *text, char err[OPTIONS_ERROR_MAX])
{
    return refuse(err, "there are no extensions");
}

static const struct {
    size_t at;
    const char *letter, *what;
} refused[] = {
    {AT(rbl.full), "A",
     "the authority section is only in answers that need it, for short answers "
     "are bad weapons"},
    {AT(rbl.plain_files), "C", "files that are compressed (gzip) are always read"},
    {AT(rbl.dump), "d", "`postern list export` writes zones, and a transfer (dig AXFR) shows them"},
};

/* --- the table -------------------------------------------------------------------------------- */

static const struct option_row rows[] = {
    {.group = "Where queries come in"},
    {"listen", 'l', "ADDR:PORT", "answer here, by UDP and TCP", OPTION_LIST, AT(listen),
     .shown = "*:53"},
    {"workers", 0, "N", "threads that answer", OPTION_UINT, AT(workers), .max = 256,
     .shown = "0, one a core"},
    {"receive-buffer", 0, "BYTES", "of the kernel's queue of a socket", OPTION_SIZE,
     AT(receive_buffer), .max = 1 << 28, .shown = "4m"},
    {"udp-max", 0, "BYTES", "the longest answer by UDP", OPTION_UINT, AT(udp_max), .min = 512,
     .max = 4096, .shown = "1232"},
    {"tcp", 0, NULL, "answer by TCP too", OPTION_FLAG, AT(tcp), .shown = "yes"},
    {"tcp-clients", 0, "N", "connections at a time", OPTION_UINT, AT(tcp_clients), .min = 1,
     .max = 100000, .shown = "1000"},
    {"tcp-per-client", 0, "N", "of one address or /64 network", OPTION_UINT, AT(tcp_per_client),
     .min = 1, .max = 100000, .shown = "20"},
    {"tcp-idle", 0, "TIME", "silence after which a connection ends", OPTION_TIME, AT(tcp_idle),
     .min = SECOND, .max = HOUR, .shown = "10s"},
    {.group = "Zones"},
    {"zone", 'z', "ZONE", "as the operands: NAME, or NAME:TYPE:FILE[,FILE]...", OPTION_LIST,
     AT(zone)},
    {"workdir", 'w', "DIR", "where files without a path are", OPTION_TEXT, AT(workdir)},
    {"check-files", 0, "TIME", "look at the files so often, besides being told of changes",
     OPTION_TIME, AT(check_files), .max = 24 * HOUR, .shown = "60s"},
    {"ns", 0, "RULE", "\"[ZONE=]HOST\": a name server of the zone", OPTION_LIST, AT(ns)},
    {"soa", 0, "RULE", "\"[ZONE=]PRIMARY CONTACT\": of zones whose data have no SOA", OPTION_LIST,
     AT(soa)},
    {"negative-ttl", 0, "TIME", "of answers that nothing is listed, where the data say nothing",
     OPTION_TIME, AT(negative_ttl), .min = SECOND, .max = 24 * HOUR, .shown = "60s"},
    {"web", 0, "RULE", "\"[ZONE=]ADDRESS\": the web server that explains the list", OPTION_LIST,
     AT(web)},
    {"ttl", 0, "TIME", "of listings in files that give none", OPTION_TIME, AT(ttl), .min = SECOND,
     .max = WEEK, .shown = "35m"},
    {"ttl-min", 0, "TIME", "raise shorter ones of files to this", OPTION_TIME, AT(ttl_min),
     .max = WEEK, .shown = "0"},
    {"ttl-max", 0, "TIME", "cut longer ones to this", OPTION_TIME, AT(ttl_max), .max = WEEK,
     .shown = "0, no bound"},
    {"unaligned", 'e', NULL, "take ranges whose address has host bits: 192.0.2.1/24", OPTION_FLAG,
     AT(unaligned)},
    {.group = "What data are taken"},
    {"accept", 0, "ZONE", "serve this zone's data though they look insane, and say so in the log",
     OPTION_LIST, AT(accept)},
    {"widest4", 0, "BITS", "no IPv4 listing may be wider than this prefix", OPTION_UINT,
     AT(widest4), .min = 1, .max = 32, .shown = "16"},
    {"widest6", 0, "BITS", "no IPv6 listing may be wider than this prefix", OPTION_UINT,
     AT(widest6), .min = 1, .max = 128, .shown = "32"},
    {"share-max", 0, "PERCENT", "of the public IPv4 space in one zone", OPTION_UINT, AT(share_max),
     .min = 1, .max = 100, .shown = "10"},
    {"growth-max", 0, "PERCENT", "by which data may grow at once; 0 no bound", OPTION_UINT,
     AT(growth_max), .max = 1000000, .shown = "50"},
    {"shrink-max", 0, "PERCENT", "by which data may shrink at once; 0 no bound", OPTION_UINT,
     AT(shrink_max), .max = 100, .shown = "50"},
    {"reserved", 0, "ZONE", "may list private and reserved space: a list of bogons", OPTION_LIST,
     AT(reserved)},
    {.group = "Who may ask"},
    {"acl", 0, "RULE", "\"[ZONE=]NETWORK pass|refuse|ignore|empty\"; the narrowest network counts",
     OPTION_LIST, AT(acl)},
    {"keys", 0, "ZONE=FILE", "customers' keys: without a good one the zone does not answer",
     OPTION_LIST, AT(keys)},
    {"key-secret", 0, "FILE", "what keys are made with", OPTION_TEXT, AT(key_secret),
     .shown = "STATE/dns/key-secret"},
    {"make-key", 0, "N[:ISSUE]", "print the key of customer N, and end", OPTION_TEXT, AT(make_key)},
    {"public-resolvers", 0, "NETWORK", "resolvers that hide who asks", OPTION_LIST,
     AT(public_resolvers)},
    {"public-answer", 0, "WHAT", "what they get: answer or refuse", OPTION_CHOICE,
     AT(public_answer), .choices = public_choices, .shown = "answer"},
    {.group = "Secondaries"},
    {"transfer", 0, "RULE", "\"[ZONE=]NETWORK [KEY]\": who may have AXFR and IXFR", OPTION_LIST,
     AT(transfer)},
    {"transfers-max", 0, "N", "transfers at a time", OPTION_UINT, AT(transfers_max), .min = 1,
     .max = 1000, .shown = "10"},
    {"notify", 0, "RULE", "\"[ZONE=]ADDR[:PORT] [KEY]\": whom to tell of changes", OPTION_LIST,
     AT(notify)},
    {"tsig-keys", 0, "FILE", "lines \"[ALGORITHM:]NAME:BASE64\", as dig -y takes them", OPTION_TEXT,
     AT(tsig_keys)},
    {.group = "Defence"},
    {"rate", 0, "N", "answers a second to one address, before they are limited; 0 no limit",
     OPTION_UINT, AT(rate), .max = 100000, .shown = "1000"},
    {"rate-slip", 0, "N", "of what is over, one in N says: ask by TCP", OPTION_UINT, AT(rate_slip),
     .max = 100, .shown = "2"},
    {"rate-exempt", 0, "NETWORK", "never limited", OPTION_LIST, AT(rate_exempt)},
    {"cookie-secret", 0, "FILE", "32 hexadecimal digits a line: the secret, and the one before",
     OPTION_TEXT, AT(cookie_secret), .shown = "made and changed daily"},
    {"cookies-required", 0, NULL, "who shows no cookie by UDP is asked to, or to come by TCP",
     OPTION_FLAG, AT(cookies_required)},
    {.group = "Running"},
    {"check", 0, NULL, "check configuration and data, and end", OPTION_FLAG, AT(check)},
    {"json", 0, NULL, "of --check: a JSON object a line", OPTION_FLAG, AT(json)},
    {"config", 'c', "FILE", "read settings from here", OPTION_TEXT, AT(config), .shown = CONF_PATH},
    {"nsid", 0, "TEXT", "which server this is, for who asks (NSID)", OPTION_TEXT, AT(nsid)},
    {"version-text", 0, "TEXT", "what version.bind says", OPTION_TEXT, AT(version_text),
     .shown = "refused"},
    {"query-log", 0, "N", "log one query in N; 0 none", OPTION_UINT, AT(query_log),
     .max = 1000000000, .shown = "0"},
    {"query-log-pairs", 0, NULL, "with client and name in one line", OPTION_FLAG,
     AT(query_log_pairs)},
    {"metrics-listen", 0, "ADDR:PORT", "Prometheus metrics by HTTP", OPTION_TEXT,
     AT(metrics_listen)},
    {"drain-time", 0, "TIME", "at the end, how long to wait for transfers under way", OPTION_TIME,
     AT(drain_time), .max = HOUR, .shown = "10s"},
    {"state", 0, "DIR", "the state folder: zones of postern list, secrets", OPTION_TEXT, AT(state),
     .shown = "/var/lib/postern"},
    {"pid-file", 'p', "FILE", "write our process id here", OPTION_TEXT, AT(pid_file)},
    {"user", 'u', "NAME", "become this user once the ports are open", OPTION_TEXT, AT(user)},
    {"verbose", 'v', NULL, "log more, and cut nothing", OPTION_FLAG, AT(verbose)},
    /* rbldnsd's letters. */
    {"rbldnsd-b", 'b', "ADDR/PORT", "--listen", OPTION_CALL, .call = take_bind, .hidden = true},
    {"rbldnsd-t", 't', "TTL", "--ttl", OPTION_CALL, .call = take_ttl, .hidden = true},
    {"rbldnsd-n", 'n', NULL, "nothing", OPTION_FLAG, AT(rbl.stay), .hidden = true},
    {"rbldnsd-f", 'f', NULL, "nothing", OPTION_FLAG, AT(rbl.fork), .hidden = true},
    {"rbldnsd-q", 'q', NULL, "nothing", OPTION_FLAG, AT(rbl.quick), .hidden = true},
    {"rbldnsd-a", 'a', NULL, "nothing", OPTION_FLAG, AT(rbl.minimal), .hidden = true},
    {"rbldnsd-4", '4', NULL, "nothing", OPTION_FLAG, AT(rbl.v4), .hidden = true},
    {"rbldnsd-6", '6', NULL, "nothing", OPTION_FLAG, AT(rbl.v6), .hidden = true},
    {"rbldnsd-A", 'A', NULL, "refused", OPTION_FLAG, AT(rbl.full), .hidden = true},
    {"rbldnsd-C", 'C', NULL, "refused", OPTION_FLAG, AT(rbl.plain_files), .hidden = true},
    {"rbldnsd-d", 'd', NULL, "refused", OPTION_FLAG, AT(rbl.dump), .hidden = true},
    {"rbldnsd-r", 'r', "DIR", "refused", OPTION_CALL, .call = no_root, .hidden = true},
    {"rbldnsd-s", 's', "FILE", "refused", OPTION_CALL, .call = no_statistics, .hidden = true},
    {"rbldnsd-F", 'F', "NAME", "refused", OPTION_CALL, .call = no_facility, .hidden = true},
    {"rbldnsd-x", 'x', "FILE", "refused", OPTION_CALL, .call = no_extension, .hidden = true},
    {"rbldnsd-X", 'X', "ARG", "refused", OPTION_CALL, .call = no_extension, .hidden = true},
    {0},
};

const struct options dns_options = {
    .program = "postern dns",
    .about = "A DNS server for blocklists.",
    .usage = "[OPTION]... [ZONE[:TYPE:FILE[,FILE]...]]...\n"
             "--check [OPTION]... [ZONE...]...\n"
             "--make-key N[:ISSUE] [OPTION]...",
    .text = "A bare ZONE is a list of our own, kept by postern list in the state folder. "
            "ZONE:TYPE:FILE,... is rbldnsd's: TYPE is ip4set, ip4tset, ip4trie, ip6tset, ip6trie, "
            "dnset, generic, combined or acl; the same zone may be given again with more. Options "
            "of rbldnsd are taken by their letters.\n"
            "\n"
            "New data are read aside and swapped in whole; data that can't be read or look insane "
            "are not taken, the old ones stay, and the log says why. SIGHUP reads configuration "
            "and files again. SIGTERM ends it once what came in is answered.\n"
            "\n"
            "Exit status: 0 ended as asked, 1 --check found a fault, 64 misuse, 66 no such file, "
            "67 no such user, 71 system error, 77 no right, 78 bad configuration.",
    .rows = rows,
};

static void set_defaults(struct dns_args *a)
{
    *a = (struct dns_args){
        .receive_buffer = 4 << 20,
        .tcp = true,
        .tcp_clients = 1000,
        .tcp_per_client = 20,
        .tcp_idle = 10 * SECOND,
        .udp_max = 1232,
        .ttl = 35 * MINUTE,
        .negative_ttl = MINUTE,
        .check_files = MINUTE,
        .widest4 = 16,
        .widest6 = 32,
        .share_max = 10,
        .growth_max = 50,
        .shrink_max = 50,
        .transfers_max = 10,
        .rate = 1000,
        .rate_slip = 2,
        .drain_time = 10 * SECOND,
    };
}

/* rbldnsd's -c is a time and no file: "-c 60", "-c60", "-c 1m". */
static void translate(int argc, char **argv)
{
    static char check_files[] = "--check-files", glued[64];
    int64_t ms;

    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], "-c", 2) != 0)
            continue;
        if (!argv[i][2] && i + 1 < argc && num_duration(span_str(argv[i + 1]), &ms))
            argv[i] = check_files;
        if (!num_duration(span_str(argv[i] + 2), &ms) || strlen(argv[i]) > 40)
            continue;
        snprintf(glued, sizeof(glued), "%s=%s", check_files, argv[i] + 2);
        argv[i] = glued; /* one is enough: the last one counts */
    }
}

static int judge(struct dns_args *a)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (*(const bool *)((const char *)a + refused[i].at))
            return options_misuse(&dns_options, "-%s: rbldnsd's option is not had here: %s",
                                  refused[i].letter, refused[i].what);
    if (a->user && strchr(a->user, ':'))
        return options_misuse(&dns_options, "--user: name the user alone, its groups go with it");
    if (a->ttl_max && a->ttl_min > a->ttl_max)
        return options_misuse(&dns_options, "--ttl-min: is over --ttl-max");
    return 0;
}

int dns_args_read(int argc, char **argv, struct dns_args *args, struct conf **ret_conf)
{
    int status, first = argc;

    set_defaults(args);
    *ret_conf = NULL;
    translate(argc, argv);
    status = settings_load(&dns_options, "dns", argc, argv, args, ret_conf);
    if (status)
        return status;
    switch (options_parse(&dns_options, argc, argv, args, &first)) {
    case OPTIONS_DONE:
        return DNS_ARGS_DONE;
    case OPTIONS_MISUSE:
        return OPTIONS_EXIT_MISUSE;
    case OPTIONS_RUN:
        break;
    }
    args->operands = argv + first;
    args->operand_count = (size_t)(argc - first);
    return judge(args);
}

void dns_args_deinit(struct dns_args *a)
{
    struct option_list *lists[] = {
        &a->listen,   &a->zone,   &a->accept,      &a->acl, &a->keys, &a->public_resolvers,
        &a->transfer, &a->notify, &a->rate_exempt, &a->ns,  &a->soa,  &a->web,
        &a->reserved,
    };

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        option_list_deinit(lists[i]);
    for (size_t i = 0; i < a->made_count; i++)
        free(a->made[i]);
    a->made_count = 0;
}
