/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern advise: what closes the relay, by a product's name, by what a server shows, by asking it,
 * or by what a stored run has proved.
 */
#include "cmd/advise/advise.h"

#include "io/file.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

const char program[] = "postern advise";

enum { SIGN_MAX = 65536, TIMEOUT = 60000, TIMEOUT_MAX = 600000 };

static const struct option_row rows[] = {
    {.group =
         "What a server shows (each may be given again and again; together they are one server)"},
    {"banner", 'b', "TEXT", "its greeting, with \"220\" or without", OPTION_LIST,
     offsetof(struct args, banners)},
    {"ehlo", 'e', "FILE|TEXT", "its whole reply to EHLO, in a file or as it is", OPTION_LIST,
     offsetof(struct args, ehlos)},
    {"help-reply", 0, "TEXT", "its reply to HELP", OPTION_LIST, offsetof(struct args, helps)},
    {"reply", 0, "TEXT", "any other reply, such as a refusal", OPTION_LIST,
     offsetof(struct args, replies)},
    {"received", 'r', "LINE", "a Received field that it wrote", OPTION_LIST,
     offsetof(struct args, received)},
    {.group = "Where to look instead"},
    {"host", 0, "HOST[:PORT]", "ask a host: greeting, EHLO, HELP, QUIT", OPTION_TEXT,
     offsetof(struct args, host)},
    {"own", 0, NULL, "that host is yours: it may be asked at any time", OPTION_FLAG,
     offsetof(struct args, own)},
    {"run", 0, "RUN", "a stored run of postern test: its id, or \"last\"", OPTION_TEXT,
     offsetof(struct args, run)},
    {"target", 't', "NAME", "only this target of the run", OPTION_TEXT,
     offsetof(struct args, target)},
    {"list", 'l', NULL, "list all products", OPTION_FLAG, offsetof(struct args, list)},
    {.group = "How"},
    {"json", 0, NULL, "one JSON object a line", OPTION_FLAG, offsetof(struct args, json)},
    {"color", 0, "WHEN", "auto, always or never", OPTION_CHOICE, offsetof(struct args, colour),
     .choices = view_colour_choices, .shown = "auto"},
    {"products", 0, "FILE", "rows of products besides those that come with Postern", OPTION_LIST,
     offsetof(struct args, files)},
    {"timeout", 0, "TIME", "how long a host may take in all", OPTION_TIME,
     offsetof(struct args, timeout), 1000, TIMEOUT_MAX, .shown = "60s"},
    {"resolver", 0, "ADDR[:PORT]", "DNS server to ask", OPTION_TEXT,
     offsetof(struct args, resolver)},
    {"scope", 0, "FILE", "hosts and networks that are yours, besides STATE/scope", OPTION_TEXT,
     offsetof(struct args, scope)},
    {"never", 0, "FILE", "hosts and networks that must not be asked, besides STATE/never",
     OPTION_TEXT, offsetof(struct args, never)},
    {"state", 0, "DIR", "the state folder", OPTION_TEXT, offsetof(struct args, state)},
    {0},
};

static const struct options options = {
    .program = program,
    .about = "Says what closes an open relay: the product, its versions, the steps.",
    .usage = "[OPTION]... [PRODUCT]...",
    .text =
        "PRODUCT is a name, with a version or without (\"sendmail 8.8.8\", \"domino\"), an id of "
        "--list, or a class of envelopes (C8).\n\n"
        "Exit status: 0 it refuses to relay as shipped, or a name was looked up; 1 some versions "
        "relay; 2 it relays, or a run has proved it; 3 not recognised, or no such name; 64 and "
        "up: misuse and failures.",
    .rows = rows,
};

const struct advise_known *finding_known(const struct finding *f)
{
    return f->known.count && f->known.v[0].sure ? &f->known.v[0] : NULL;
}

int finding_exit(const struct finding *f)
{
    if (f->advice.proved)
        return ADVISE_EXIT_OPEN;
    if (f->klass || f->named || (f->by_name && f->advice.count && !f->version[0]))
        return ADVISE_EXIT_FINE;
    if (!f->advice.count)
        return ADVISE_EXIT_UNKNOWN;
    switch (f->advice.v[0].status) {
    case ADVISE_IS_UNKNOWN:
    case ADVISE_IS_SAFE:
    case ADVISE_IS_BY_SETTING:
        break;
    case ADVISE_IS_UNSURE:
        return ADVISE_EXIT_UNSURE;
    case ADVISE_IS_OPEN:
    case ADVISE_IS_UNSECURABLE:
        return ADVISE_EXIT_OPEN;
    }
    return ADVISE_EXIT_FINE;
}

struct telling {
    const struct args *args;
    const struct advise_book *book;
    struct report_style style;
    struct buf out;
    int worst; /* of all findings, open before unsure before unknown before fine */
    size_t told;
};

static int worse(int a, int b)
{
    static const int rank[] = {0, 2, 3, 1};

    return rank[a] > rank[b] ? a : b;
}

static int tell(void *cookie, const struct finding *f)
{
    struct telling *t = cookie;

    if (t->told++ && !t->args->json)
        buf_add_char(&t->out, '\n');
    if (t->args->json)
        document_finding(&t->out, f);
    else
        say_finding(&t->out, f, &t->style);
    t->worst = worse(t->worst, finding_exit(f));
    return t->out.err;
}

/* ---- by name ---- */

static int by_name(struct telling *t, const char *name)
{
    struct finding f = {.book = t->book, .asked = name, .by_name = true};
    struct advise_named named;

    if (!advise_lookup(t->book, span_str(name), &named)) {
        f.near_count = advise_near(t->book, span_str(name), f.near);
        return tell(t, &f);
    }
    f.named = named.row;
    f.klass = named.klass;
    f.product = named.product;
    span_copy(span_str(named.version), f.version, sizeof(f.version));
    if (named.product || (named.row && named.version[0])) {
        advise_choose(t->book, named.product ? named.product : named.row->product,
                      span_str(named.version), ADVISE_PAIR_NONE, NULL, 0, &f.advice);
        f.named = f.advice.count ? NULL : named.row;
    }
    return tell(t, &f);
}

/* "sendmail 8.9.1" without quotes is two words of the command line. */
static int by_names(struct telling *t, int argc, char **argv)
{
    for (int i = 0; i < argc;) {
        struct buf name = BUF_INIT(ADVISE_NAME_MAX);
        struct advise_named named;
        int n = 1, rc;

        buf_add_str(&name, argv[i]);
        if (i + 1 < argc && !name.err) {
            struct buf both = BUF_INIT(ADVISE_NAME_MAX);

            buf_addf(&both, "%s %s", argv[i], argv[i + 1]);
            if (!both.err && advise_lookup(t->book, buf_span(&both), &named)) {
                buf_addf(&name, " %s", argv[i + 1]);
                n = 2;
            }
            buf_deinit(&both);
        }
        rc = by_name(t, name.err ? argv[i] : buf_str(&name));
        buf_deinit(&name);
        if (rc < 0)
            return EX_OSERR;
        i += n;
    }
    return 0;
}

/* ---- by signs ---- */

static void add_text(struct buf *out, const char *text)
{
    if (out->n && out->p[out->n - 1] != '\n')
        buf_add_char(out, '\n');
    buf_add_str(out, text);
}

static void add_list(struct buf *out, const struct option_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        add_text(out, list->v[i]);
}

/* A file that is there, or "-"; else the reply itself. */
static int add_ehlo(struct buf *out, const struct option_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        bool is_file = strcmp(list->v[i], "-") == 0 ||
                       (!strchr(list->v[i], '\n') && access(list->v[i], F_OK) == 0);
        int rc = 0;

        if (is_file)
            rc = file_read(list->v[i], out);
        else
            add_text(out, list->v[i]);
        if (rc < 0) {
            fprintf(stderr, "%s: %s: %s\n", program, list->v[i], strerror(-rc));
            return EX_NOINPUT;
        }
    }
    return 0;
}

static int by_signs(struct telling *t, struct advise_signs *signs, const char *asked)
{
    struct finding f = {.book = t->book, .asked = asked};
    const struct advise_known *k;

    if (advise_know(t->book, signs, &f.known) < 0)
        return -ENOMEM;
    k = finding_known(&f);
    advise_choose(t->book, k ? k->lead->product : NULL, span_str(k ? k->version : ""),
                  k ? k->pair : ADVISE_PAIR_NONE, NULL, 0, &f.advice);
    return tell(t, &f);
}

static int shown(struct telling *t, const struct args *a, struct host_signs *host)
{
    struct buf received = BUF_INIT(SIGN_MAX);
    struct advise_signs signs = {0};
    int status = add_ehlo(&host->ehlo, &a->ehlos);

    add_list(&host->banner, &a->banners);
    add_list(&host->help, &a->helps);
    add_list(&host->reply, &a->replies);
    add_list(&received, &a->received);
    advise_signs_ehlo(&signs, buf_span(&host->ehlo));
    signs.text[ADVISE_BANNER] = buf_span(&host->banner);
    signs.text[ADVISE_HELP] = buf_span(&host->help);
    signs.text[ADVISE_REPLY] = buf_span(&host->reply);
    signs.text[ADVISE_RECEIVED] = buf_span(&received);
    if (status == 0 && by_signs(t, &signs, a->host) < 0)
        status = EX_OSERR;
    buf_deinit(&received);
    return status;
}

static int by_shown(struct telling *t, const struct args *a)
{
    struct host_signs host = {BUF_INIT(SIGN_MAX), BUF_INIT(SIGN_MAX), BUF_INIT(SIGN_MAX),
                              BUF_INIT(SIGN_MAX)};
    int status = a->host ? host_ask(a, &host) : 0;

    if (status == 0)
        status = shown(t, a, &host);
    host_signs_deinit(&host);
    return status;
}

static void list_all(struct telling *t)
{
    struct finding f = {.book = t->book};

    for (size_t i = 0; i < t->book->count && t->args->json; i++)
        document_row(&t->out, &f, t->book->rows[i]);
    for (size_t i = 0; i < t->book->class_count && t->args->json; i++)
        document_class(&t->out, &t->book->classes[i]);
    if (!t->args->json)
        say_list(&t->out, t->book, &t->style);
}

/* ---- */

static bool has_signs(const struct args *a)
{
    return a->banners.count || a->ehlos.count || a->helps.count || a->replies.count ||
           a->received.count;
}

static int ask(struct telling *t, const struct args *a, int argc, char **argv)
{
    int status = 0;

    if (a->list)
        list_all(t);
    if (a->run)
        status = stored_run(a, t->book, tell, t);
    if (status == 0 && (a->host || has_signs(a)))
        status = by_shown(t, a);
    return status ? status : by_names(t, argc, argv);
}

static int advise(const struct args *a, int argc, char **argv)
{
    char err[ADVICE_ERROR_MAX];
    struct advise_book book;
    struct telling t = {.args = a, .book = &book, .out = BUF_INIT(VIEW_OUT_MAX)};
    int rc = advice_load(&book, a->files.v, a->files.count, err), status, printed;

    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", program, err);
        return rc == -EINVAL ? EX_CONFIG : rc == -ENOMEM ? EX_OSERR : EX_NOINPUT;
    }
    view_style(&t.style, a->colour);
    status = ask(&t, a, argc, argv);
    printed = view_print(program, &t.out);
    buf_deinit(&t.out);
    advise_book_deinit(&book);
    if (status || printed)
        return status ? status : printed;
    return t.worst;
}

int main(int argc, char **argv)
{
    struct args args = {.timeout = TIMEOUT};
    int first, status;

    if (!options_start(&options, argc, argv, &args, &first, &status))
        return status;
    if (first == argc && !args.list && !args.run && !args.host && !has_signs(&args))
        status = options_misuse(&options, "name a product, or what a server shows; see --list");
    else if (args.target && !args.run)
        status = options_misuse(&options, "--target belongs to --run");
    else
        status = advise(&args, argc - first, argv + first);
    option_list_deinit(&args.banners);
    option_list_deinit(&args.ehlos);
    option_list_deinit(&args.helps);
    option_list_deinit(&args.replies);
    option_list_deinit(&args.received);
    option_list_deinit(&args.files);
    return status;
}
