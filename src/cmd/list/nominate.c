/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern list nominate: a reason to test an address. What comes is told by what it is: JSON lines
 * (the gate's evidence, `postern trace --nominate`), a spam sample, a bounce or a
 * feedback report, an address on a person's word, a run of the tester. None of them lists anything.
 *
 * A sample blames whom `postern trace` would blame. Where the trace is open (only one host is seen)
 * it is the host that gave the message to us. What the trace finds to be no relay is not nominated,
 * unless the address is named by --host and a genuine line shows it.
 */
#include "list/nominate.h"
#include "cmd/list/collect.h"
#include "cmd/list/zones.h"
#include "io/file.h"
#include "mail/arf.h"
#include "mail/dsn.h"
#include "mail/mime.h"
#include "trace/trace.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { FILE_MAX = 256 << 20, MESSAGE_MAX = 1 << 20, REASON_MAX = 1000 };

struct args {
    struct list_args common;
    struct option_list trust, mx;
    const char *reason, *host, *run, *who;
};

#define AT(field) offsetof(struct args, field)

static const struct option_row rows[] = {
    {.group = "What"},
    {"reason", 'r', "TEXT", "why an address is nominated on a person's word", OPTION_TEXT,
     AT(reason)},
    {"run", 0, "RUN", "the hosts that this run of postern test proved open", OPTION_TEXT, AT(run)},
    {"who", 0, "NAME", "on whose word, where it is not the caller's", OPTION_TEXT, AT(who)},
    {.group = "Samples"},
    {"host", 0, "IP", "the address in the sample to nominate, whatever the trace says", OPTION_TEXT,
     AT(host)},
    {"mx", 0, "HOST", "a host of the receiving system; again for more", OPTION_LIST, AT(mx)},
    {"trust", 0, "NET|HOST", "a network or host whose lines are true", OPTION_LIST, AT(trust)},
    LIST_OPTION_ROWS(struct args, common),
    {0},
};

static const struct options options = {
    .program = "postern list nominate",
    .about = "Gives a reason to test an address.",
    .usage = "[OPTION]... FILE...\n[OPTION]... --reason TEXT ADDRESS...\n"
             "[OPTION]... --run RUN",
    .text = "A file holds JSON lines (evidence of the gate, postern trace --nominate), or one "
            "message: a spam sample, a bounce or a feedback report (ARF), or an mbox of them. "
            "\"-\" is standard input.\n\n"
            "Exit status: 0 nominated, 1 nothing to nominate, 64 misuse, 65 a file is neither, 66 "
            "no such file, 75 try again.",
    .rows = rows,
};

struct work {
    struct ledger g;
    struct args *args;
    uint64_t nominated, again, refused, other, bad;
    bool failed; /* the store */
};

/* --- one nomination -------------------------------------------------------------------------- */

static int tell(struct work *w, struct ip ip, int got, const char *why)
{
    static const char *const words[] = {"nominated", "known", "refused"};
    char text[IP_TEXT_MAX];
    struct buf *out = &w->g.out;

    ip_text(ip, text);
    if (w->args->common.json)
        buf_addf(out, "{\"type\":\"nominated\",\"ip\":\"%s\",\"result\":\"%s\"%s%s%s}\n", text,
                 words[got], got == ENTRY_REFUSED ? ",\"why\":\"" : "",
                 got == ENTRY_REFUSED ? why : "", got == ENTRY_REFUSED ? "\"" : "");
    else if (got == ENTRY_REFUSED)
        buf_addf(out, "%s  refused: %s\n", text, why);
    else
        buf_addf(out, "%s  %s\n", text,
                 got == ENTRY_AGAIN ? "known already; evidence kept" : words[got]);
    *(got == ENTRY_NOMINATED ? &w->nominated : got == ENTRY_AGAIN ? &w->again : &w->refused) += 1;
    return 0;
}

static int nominate(struct work *w, struct entry_nomination *n)
{
    const char *why;
    int got;

    n->who = w->args->who ? w->args->who : w->g.who;
    n->evidence.who = span_str(n->who);
    n->evidence.wall = n->evidence.wall ? n->evidence.wall : w->g.now_wall;
    got = entry_nominate(&w->g, n, &why);
    w->failed |= got < 0;
    return got < 0 ? ledger_store_error(&w->g, got) : tell(w, n->ip, got, why);
}

/* --- JSON lines ------------------------------------------------------------------------------ */

static int lines(struct work *w, const char *path, struct span text)
{
    struct span line;
    unsigned number = 0;
    int rc = 0;

    while (rc == 0 && span_cut(&text, '\n', &line)) {
        struct list_nomination n;
        const char *why;

        number++;
        line = span_trim(line);
        if (line.n == 0)
            continue;
        rc = list_nomination_read(line, &n, &why);
        if (rc < 0)
            return ledger_say(&w->g, EX_OSERR, "out of memory");
        if (rc == LIST_NOMINATION_OTHER)
            w->other++;
        if (rc == LIST_NOMINATION_BAD) {
            w->bad++;
            ledger_say(&w->g, 0, "%s:%u: %s", path, number, why);
        }
        rc = rc == LIST_NOMINATION
                 ? nominate(w,
                            &(struct entry_nomination){
                                .ip = n.ip,
                                /* Forged or not is for the test to say, and soon. */
                                .first = n.witness == LIST_WITNESS_CHAIN,
                                .evidence = {.wall = n.wall,
                                             .source = span_str(n.source),
                                             .reason = span_str(n.reason),
                                             .witness = span_str(list_witness_name(n.witness)),
                                             .text = n.text}})
                 : 0;
    }
    return rc;
}

/* --- messages -------------------------------------------------------------------------------- */

static void trace_options_of(const struct args *a, struct trace_options *ret)
{
    *ret = (struct trace_options){0};
    for (size_t i = 0; i < a->trust.count + a->mx.count; i++) {
        struct span s = span_str(i < a->trust.count ? a->trust.v[i] : a->mx.v[i - a->trust.count]);
        struct ip_prefix net;

        if (ip_prefix_parse(s, &net) && ret->net_count < TRACE_OPTIONS_MAX)
            ret->nets[ret->net_count++] = net;
        else if (ret->host_count < TRACE_OPTIONS_MAX)
            ret->hosts[ret->host_count++] = s;
    }
}

/* The genuine line that shows the address. */
static bool shown(const struct trace *t, struct ip ip, bool *ret_own)
{
    for (size_t i = 0; i < t->count; i++) {
        enum trace_role role = t->hops[i].role;

        if (role == TRACE_FORGED || role == TRACE_BELOW)
            break;
        if (ip_eq(t->hops[i].r.ip, ip)) {
            *ret_own = role == TRACE_OWN_LINE;
            return true;
        }
    }
    return false;
}

/* The message that a bounce gives back, whole or its head; empty where it gives none. */
static struct span given_back(struct span bounce)
{
    struct mime_iter it;
    struct mime_part part;

    mime_open(&it, bounce);
    while (mime_next(&it, &part) == MIME_PART)
        if (!part.in_message &&
            (mime_is(&part, "message", "rfc822") || mime_is(&part, "message", "global") ||
             mime_is(&part, "text", "rfc822-headers")))
            return part.body;
    return SPAN_NULL;
}

/* Whom the message gives cause to test; a phrase where it is nobody. */
static const char *blamed(const struct work *w, const struct trace *t, struct ip *ret,
                          bool *ret_own)
{
    static char why[120];

    if (w->args->host) {
        ip_parse(span_str(w->args->host), ret);
        return shown(t, *ret, ret_own) ? NULL : "no genuine line of it shows the address of --host";
    }
    if (trace_class_blames(t->class) && t->culprit.ip.family != IP_NONE) {
        *ret = t->culprit.ip;
        *ret_own = t->culprit.witnessed;
        return NULL;
    }
    if (t->class == TRACE_OPEN_CASE && t->own && t->hops[t->own - 1].r.ip.family != IP_NONE) {
        *ret = t->hops[t->own - 1].r.ip;
        *ret_own = true;
        return NULL;
    }
    snprintf(why, sizeof(why), "blames no relay (class %c, %s); --host ADDRESS names one",
             trace_class_letter(t->class), trace_class_name(t->class));
    return why;
}

/* What is judged: the message itself, or the one inside somebody's bounce or feedback report. */
struct sample {
    struct span message;
    const char *source;
    bool foreign;   /* somebody else's system wrote every line of it */
    struct ip seen; /* of a feedback report: whom its writer saw, Source-IP; or IP_NONE */
};

static int unpack(struct span text, struct sample *ret)
{
    struct arf report;
    struct dsn dsn;
    int rc = arf_read(text, &report);

    *ret = (struct sample){.message = text, .source = "sample"};
    if (rc == ARF_OK || rc == ARF_BAD) {
        *ret = (struct sample){report.enclosed, "feedback-report", true, report.source};
        /* Of one that breaks the rules the fields are nobody's word. */
        if (rc == ARF_BAD)
            ret->seen = (struct ip){0};
        arf_deinit(&report);
        return 0;
    }
    if (rc < 0)
        return rc;
    rc = dsn_read(text, &dsn);
    if (rc == 0 && (dsn.kind == DSN_KIND_BOUNCE || dsn.kind == DSN_KIND_DELAY))
        *ret = (struct sample){given_back(text), "bounce", true, {0}};
    if (rc == 0)
        dsn_deinit(&dsn);
    return rc;
}

/* Whom it gives cause to test; *ret_why a phrase where it is nobody. 0 or -ENOMEM. */
static int judge(struct work *w, const struct sample *s, struct ip *ret, bool *ret_own,
                 bool *ret_bad, const char **ret_why)
{
    struct trace_options trust;
    struct trace trace = {0};
    int rc = 0;

    trace_options_of(w->args, &trust);
    if (s->message.n)
        rc = trace_message(s->message, &trust, &trace);
    *ret_bad = trace.count == 0;
    if (trace.count)
        *ret_why = blamed(w, &trace, ret, ret_own);
    else
        *ret_why = s->foreign ? "encloses no message with Received fields"
                              : "holds neither nominations nor a message with Received fields";
    /* A report whose message blames nobody: whom its writer took it from. */
    if (*ret_why && !w->args->host && s->seen.family != IP_NONE) {
        *ret = s->seen;
        *ret_why = NULL;
    }
    trace_deinit(&trace);
    return rc;
}

static int message(struct work *w, const char *path, struct span text)
{
    bool own = false, bad = false;
    const char *why = NULL;
    struct sample sample;
    struct ip ip = {0};
    int rc = unpack(text, &sample);

    if (rc == 0)
        rc = judge(w, &sample, &ip, &own, &bad, &why);
    if (rc < 0)
        return ledger_say(&w->g, EX_OSERR, "out of memory");
    if (why)
        return ledger_say(&w->g, bad ? EX_DATAERR : 0, "%s: %s", path, why);
    own = own && !sample.foreign;
    return nominate(w, &(struct entry_nomination){
                           .ip = ip,
                           .first = !own,
                           .evidence = {.source = span_str(sample.source),
                                        .reason = SPAN_LIT("relayed"),
                                        .witness = own ? SPAN_LIT("own") : SPAN_LIT("chain"),
                                        .text = span_slice(text, 0, LIST_EVIDENCE_MAX)}});
}

/* "From a@b.example Sat Nov 21 20:00:05 2026": not every "From " in a text begins a message. */
static bool separates(struct span line)
{
    if (!span_starts(line, SPAN_LIT("From ")))
        return false;
    for (size_t i = 7; i + 2 < line.n; i++)
        if (line.p[i] == ':' && ascii_is_digit(line.p[i - 2]) && ascii_is_digit(line.p[i - 1]) &&
            ascii_is_digit(line.p[i + 1]) && ascii_is_digit(line.p[i + 2]))
            return true;
    return false;
}

/* The first message of an mbox, which is taken off *rest: up to an empty line and a separator. */
static struct span cut_message(struct span *rest)
{
    struct span all = *rest, line;
    bool empty = false, begun = false;

    while (rest->n) {
        struct span before = *rest;

        span_cut(rest, '\n', &line);
        if (begun && empty && separates(line)) {
            *rest = before;
            return span_slice(all, 0, all.n - before.n);
        }
        begun = true;
        empty = line.n == 0 || (line.n == 1 && line.p[0] == '\r');
    }
    return all;
}

static int mbox(struct work *w, const char *path, struct span text)
{
    unsigned number = 0;
    int status = 0;

    while (text.n && (status == 0 || status == EX_DATAERR)) {
        struct span one = cut_message(&text);
        char where[PATH_MAX + 20];

        snprintf(where, sizeof(where), "%s#%u", path, ++number);
        /* One that says nothing does not stand in the way of the others. */
        status = message(w, where, span_slice(one, 0, MESSAGE_MAX));
        w->bad += status == EX_DATAERR;
    }
    return status == EX_DATAERR ? 0 : status;
}

/* The mark that some editors of text put in front. */
static struct span without_bom(struct span s)
{
    return span_starts(s, SPAN_LIT("\xef\xbb\xbf")) ? span_slice(s, 3, s.n) : s;
}

static int file(struct work *w, const char *path)
{
    struct buf text = BUF_INIT(FILE_MAX);
    int rc = file_read(path, &text), status;
    struct span whole = without_bom(buf_span(&text)), s = span_trim(whole);

    if (rc < 0)
        status = ledger_say(&w->g, EX_NOINPUT, "%s: %s", path, strerror(-rc));
    else if (s.n == 0 || s.p[0] == '{')
        status = lines(w, path, s);
    else if (span_starts(whole, SPAN_LIT("From ")))
        status = mbox(w, path, whole);
    else
        status = message(w, path, span_slice(whole, 0, MESSAGE_MAX));
    buf_deinit(&text);
    return status;
}

/* --- a run ----------------------------------------------------------------------------------- */

struct open_hosts {
    struct ip v[1000];
    size_t count;
};

static int keep_open(void *ctx, const struct store_probe *p)
{
    struct open_hosts *all = ctx;

    if (p->state != STORE_PROBE_PROVED)
        return 0;
    for (size_t i = 0; i < all->count; i++)
        if (ip_eq(all->v[i], p->address))
            return 0;
    if (all->count < sizeof(all->v) / sizeof(all->v[0]))
        all->v[all->count++] = p->address;
    return 0;
}

struct targets {
    int64_t v[1000];
    size_t count;
};

static int keep_target(void *ctx, const struct store_target *t)
{
    struct targets *all = ctx;

    if (span_eq(t->verdict, SPAN_LIT("open")) && all->count < sizeof(all->v) / sizeof(all->v[0]))
        all->v[all->count++] = t->id;
    return 0;
}

static int from_run(struct work *w, const char *name)
{
    static struct open_hosts hosts;
    static struct targets targets;
    struct collected sum;
    struct store_run run;
    uint32_t id = 0;
    char text[64];
    int rc, status = view_run(w->g.program, w->g.store, name, &id);

    if (status)
        return status;
    rc = store_run_get(w->g.store, id, &run);
    if (rc == 0)
        rc = store_targets_each(w->g.store, id, 1U << STORE_TARGET_DONE, keep_target, &targets);
    for (size_t i = 0; i < targets.count && rc == 0; i++)
        rc = store_probes_each(w->g.store, targets.v[i], keep_open, &hosts);
    if (rc < 0)
        return ledger_store_error(&w->g, rc);
    snprintf(text, sizeof(text), "run %08x", (unsigned)id);
    for (size_t i = 0; i < hosts.count && status == 0; i++)
        status = nominate(w, &(struct entry_nomination){.ip = hosts.v[i],
                                                        .fresh_wall = run.started_wall,
                                                        .evidence = {.source = SPAN_LIT("run"),
                                                                     .reason = span_str(text),
                                                                     .witness = SPAN_LIT("own"),
                                                                     .text = span_str(text)}});
    return status ? status : collect_run(&w->g, id, &sum);
}

/* --- the verb -------------------------------------------------------------------------------- */

/* As much of it as a record holds; the evidence keeps the whole. */
static struct span in_short(const char *reason)
{
    struct span s = span_slice(span_str(reason), 0, REASON_MAX);

    /* Not in the middle of a character. */
    while (s.n == REASON_MAX && s.n && ((unsigned char)reason[s.n] & 0xc0) == 0x80)
        s.n--;
    return s;
}

static int addresses(struct work *w, char **words, int count)
{
    int status = 0;

    for (int i = 0; i < count && status == 0; i++) {
        struct entry_nomination n = {.evidence = {.source = SPAN_LIT("person"),
                                                  .reason = in_short(w->args->reason),
                                                  .witness = SPAN_LIT("person"),
                                                  .text = span_str(w->args->reason)}};

        if (!ip_parse(span_str(words[i]), &n.ip))
            return ledger_say(&w->g, EX_USAGE, "%s: is no address", words[i]);
        status = nominate(w, &n);
    }
    return status;
}

/* A day of a gate's evidence is thousands of lines: one commit for them, not one each. */
static int together(struct work *w, char **words, int count)
{
    int rc = store_begin(w->g.store), status = 0;

    if (rc < 0)
        return ledger_store_error(&w->g, rc);
    if (w->args->reason)
        status = addresses(w, words, count);
    for (int i = 0; !w->args->reason && i < count && status == 0; i++)
        status = file(w, words[i]);
    /* What came before a bad word or file counts, as if each had been given alone. */
    rc = store_commit(w->g.store);
    /* What was undone with it must not be told as done. */
    if (rc < 0 || w->failed) {
        buf_deinit(&w->g.out);
        w->g.out = (struct buf)BUF_INIT(VIEW_OUT_MAX);
    }
    return status == 0 && rc < 0 ? ledger_store_error(&w->g, rc) : status;
}

int verb_nominate(int argc, char **argv)
{
    struct args args = {.common = LIST_ARGS_INIT};
    struct list_call call = {.options = &options, .args = &args, .common = &args.common};
    struct work w = {.args = &args};
    struct ip ip;
    int first, status;

    if (!list_call_start(&call, argc, argv, &first, &status))
        return status;
    if (args.run ? first < argc : first == argc)
        return list_call_end(&call, options_misuse(&options, args.run ? "--run takes no file"
                                                                      : "what is to be read?"));
    if (!args.run && (!args.reason || !*args.reason) && ip_parse(span_str(argv[first]), &ip))
        return list_call_end(&call, options_misuse(&options, "an address needs --reason TEXT"));
    if (args.host && !ip_parse(span_str(args.host), &ip))
        return list_call_end(&call, options_misuse(&options, "--host is no address"));
    status = ledger_open(&w.g, &call, LEDGER_CHANGE);
    if (status == 0 && args.run)
        status = from_run(&w, args.run);
    else if (status == 0)
        status = together(&w, argv + first, argc - first);
    if (status == 0 && w.bad)
        status = EX_DATAERR;
    if (status == 0 && w.nominated + w.again == 0)
        status = 1;
    option_list_deinit(&args.trust);
    option_list_deinit(&args.mx);
    if (status == 1 || status == EX_DATAERR) {
        int printed = ledger_close(&w.g, 0);

        return list_call_end(&call, printed ? printed : status);
    }
    return list_call_end(&call, ledger_close(&w.g, status));
}
