/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern show: a stored run, or one target of it, through the same renderers as a fresh one.
 *
 * For people, a run of a few targets is shown in full and a larger one as a line a target, read,
 * printed and dropped one by one; so are JSON lines and transcripts. The documents for machines
 * need all targets at once: of runs over more than SHOW_WITH_PROBES targets they are made without
 * the single probes, whose number (some millions) would fill the memory and no reader's screen.
 */
#include "base/escape.h"
#include "cmd/common/load.h"
#include "cmd/common/view.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

static const char program[] = "postern show";

enum {
    SHOW_IN_FULL = 5,
    SHOW_WITH_PROBES = 200,
    SHOW_DRAIN = 1 << 20, /* bytes of output that wait before they are printed */
};

struct args {
    const char *state, *target, *html, *junit;
    bool json, prometheus, nagios, transcript, all;
    unsigned colour;
};

static const struct option_row rows[] = {
    {.group = "What"},
    {"target", 't', "NAME", "only this target of the run, as it was given", OPTION_TEXT,
     offsetof(struct args, target)},
    {"transcript", 0, NULL, "the dialogues, line by line", OPTION_FLAG,
     offsetof(struct args, transcript)},
    {"all", 0, NULL, "every probe, nothing summed up", OPTION_FLAG, offsetof(struct args, all)},
    {.group = "How (one of them; without, a table)"},
    {"json", 0, NULL, "the JSON lines of the test", OPTION_FLAG, offsetof(struct args, json)},
    {"html", 0, "FILE", "a page of its own, with the way of each proof drawn; - is standard output",
     OPTION_TEXT, offsetof(struct args, html)},
    {"junit", 0, "FILE", "JUnit XML; - is standard output", OPTION_TEXT,
     offsetof(struct args, junit)},
    {"prometheus", 0, NULL, "Prometheus text", OPTION_FLAG, offsetof(struct args, prometheus)},
    {"nagios", 0, NULL, "one line and the exit status of a Nagios plugin", OPTION_FLAG,
     offsetof(struct args, nagios)},
    {"color", 0, "WHEN", "auto, always or never", OPTION_CHOICE, offsetof(struct args, colour),
     .choices = view_colour_choices, .shown = "auto"},
    {.group = "Where"},
    {"state", 0, "DIR", "the state folder", OPTION_TEXT, offsetof(struct args, state)},
    {0},
};

static const struct options options = {
    .program = program,
    .about = "Shows a stored run of postern test again.",
    .usage = "[OPTION]... RUN",
    .text =
        "RUN is the id that postern runs lists, its first digits, or \"last\".\n\n"
        "Exit status: 0, 64 misuse, 65 damaged store, 66 no such run or target; with --nagios 0 "
        "closed, 1 accepts, 2 open, 3 undecided.",
    .rows = rows,
};

struct show {
    const struct args *args;
    struct store *store;
    struct store_run run;
    struct report_style style;
    struct report_set set;
    struct report_summary summary;
    struct load_faults faults;
    struct buf out;
    struct advise_book book; /* empty when it cannot be read: then nothing is added */
    enum load_depth depth;
    bool full;
    int printed; /* the exit status when printing has failed */
    uint64_t targets, late, sessions;
};

/* Prints what has gathered. 0, or a negative errno when that or the gathering failed. */
static int drain(struct show *s)
{
    if (s->out.err || s->out.n < SHOW_DRAIN)
        return s->out.err;
    s->printed = view_print(program, &s->out);
    buf_clear(&s->out);
    return s->printed ? -EIO : 0;
}

/* ---- for people ---- */

static int show_table_target(void *ctx, const struct store_target *target)
{
    struct show *s = ctx;
    int rc = load_target(s->store, target, s->depth, &s->set, &s->faults);

    load_advise(&s->book, &s->set);
    for (size_t i = 0; i < s->set.count && rc == 0; i++) {
        const struct report_target *t = &s->set.targets[i];

        report_summary_add(&s->summary, t->verdict);
        if (s->full && s->targets + i > 0)
            buf_add_char(&s->out, '\n');
        if (s->full)
            report_table_target(&s->out, t, &s->style);
        else
            report_table_line(&s->out, t->verdict, &s->style);
    }
    s->targets++;
    report_set_deinit(&s->set);
    report_set_init(&s->set);
    return rc < 0 ? rc : drain(s);
}

static void add_head(struct show *s)
{
    char when[VIEW_TIME], id[40];

    snprintf(id, sizeof(id), "Run %08" PRIx32, s->run.id);
    view_paint(&s->out, &s->style, VIEW_BOLD, id);
    buf_addf(&s->out, ", %s, %s\n", view_time(s->run.started_wall, when),
             store_run_state_name(s->run.state));
    if (s->run.command.n) {
        escape_text(&s->out, s->run.command);
        buf_add_char(&s->out, '\n');
    }
    buf_add_char(&s->out, '\n');
}

static int count_late(void *ctx, const struct store_proof *proof)
{
    struct show *s = ctx;

    s->late +=
        proof->what == STORE_WHAT_ARRIVAL && proof->received_wall_ms / 1000 > s->run.ended_wall;
    return 0;
}

/* Proofs may come when the tester has long gone, and then no verdict knows of them. */
static int add_late(struct show *s)
{
    int rc = 0;

    if (s->run.ended_wall)
        rc = store_proofs_since(s->store, &s->run.id, 0, count_late, s);
    if (rc == 0 && s->late)
        buf_addf(&s->out,
                 "\nAfter the end of this run %" PRIu64 " of its probes arrived: postern proofs "
                 "--run %08" PRIx32 " shows them, postern test --resume judges again.\n",
                 s->late, s->run.id);
    return rc;
}

static int each_target(struct show *s, store_target_fn *fn)
{
    struct store_target target;
    int rc;

    if (!s->args->target)
        return store_targets_each(s->store, s->run.id, 0, fn, s);
    rc = store_target_find(s->store, s->run.id, span_str(s->args->target), &target);
    if (rc != STORE_OK)
        return rc;
    /* The record holds only until the next call: its texts are needed longer. */
    char *name = span_dup(target.name), *verdict = span_dup(target.verdict);
    target.name = span_of(name, target.name.n);
    target.verdict = span_of(verdict, target.verdict.n);
    rc = name && verdict ? fn(s, &target) : -ENOMEM;
    free(name);
    free(verdict);
    return rc;
}

static int show_table(struct show *s)
{
    int64_t wall = s->run.ended_wall - s->run.started_wall;
    int rc;

    s->full = s->args->target || s->args->all || s->run.targets <= SHOW_IN_FULL;
    s->depth = s->full ? LOAD_ALL : LOAD_VERDICT;
    add_head(s);
    rc = each_target(s, show_table_target);
    if (rc != 0)
        return rc;
    if (!s->args->target && s->targets > 1) {
        buf_add_char(&s->out, '\n');
        report_table_summary(&s->out, &s->summary, s->run.ended_wall && wall > 0 ? wall * 1000 : 0,
                             &s->style);
    }
    return add_late(s);
}

/* ---- transcripts ---- */

static int show_session(void *ctx, const struct store_transcript *t)
{
    struct show *s = ctx;
    char when[VIEW_TIME];

    s->sessions++;
    buf_add_str(&s->out, "-- ");
    escape_text(&s->out, t->label);
    buf_addf(&s->out, ", %s\n", view_time(t->started_wall_ms / 1000, when));
    view_safe(&s->out, t->text);
    if (t->text.n && t->text.p[t->text.n - 1] != '\n')
        buf_add_char(&s->out, '\n');
    if (t->cut)
        buf_add_str(&s->out, "-- the rest was too long to be kept\n");
    buf_add_char(&s->out, '\n');
    return drain(s);
}

static int show_transcript(void *ctx, const struct store_target *target)
{
    struct show *s = ctx;
    struct buf head = BUF_INIT(STORE_NAME_MAX * 4 + 10);
    int rc;

    buf_add_str(&head, "== ");
    escape_text(&head, target->name);
    view_paint(&s->out, &s->style, VIEW_BOLD, buf_str(&head));
    buf_deinit(&head);
    buf_add_char(&s->out, '\n');
    s->sessions = 0;
    rc = store_transcripts_each(s->store, target->id, show_session, s);
    if (rc == 0 && s->sessions == 0)
        buf_add_str(&s->out, "no transcript was kept\n\n");
    return rc;
}

/* ---- for machines ---- */

static int show_document(void *ctx, json_t *doc)
{
    struct show *s = ctx;

    report_lines(&s->out, doc);
    return drain(s);
}

static int show_json(void *ctx, const struct store_target *target)
{
    struct show *s = ctx;

    return load_each(s->store, target->id, show_document, s, &s->faults);
}

static int collect(void *ctx, const struct store_target *target)
{
    struct show *s = ctx;

    return load_target(s->store, target, s->depth, &s->set, &s->faults);
}

/* Returns 0 or an error of the store; *ret_status is what a Nagios plugin would exit with. */
static int show_documents(struct show *s, int *ret_status)
{
    char title[60];
    int rc;

    s->depth = s->run.targets <= SHOW_WITH_PROBES || s->args->target ? LOAD_ALL : LOAD_VERDICT;
    rc = each_target(s, collect);
    if (rc != 0)
        return rc;
    load_advise(&s->book, &s->set);
    snprintf(title, sizeof(title), "Relay test %08" PRIx32, s->run.id);
    if (s->args->html)
        report_html(&s->out, s->set.targets, s->set.count, title);
    else if (s->args->junit)
        report_junit(&s->out, s->set.targets, s->set.count);
    else if (s->args->prometheus)
        report_prometheus(&s->out, s->set.targets, s->set.count);
    else
        *ret_status = (int)report_nagios(&s->out, s->set.targets, s->set.count);
    return 0;
}

/* ---- */

static int render(struct show *s, int *ret_status)
{
    const struct args *a = s->args;

    if (a->transcript)
        return each_target(s, show_transcript);
    if (a->json)
        return each_target(s, show_json);
    if (a->html || a->junit || a->prometheus || a->nagios)
        return show_documents(s, ret_status);
    return show_table(s);
}

static int end(struct show *s, int rc, int status)
{
    const char *file = s->args->html ? s->args->html : s->args->junit;
    int written;

    if (s->printed)
        return s->printed;
    if (rc == STORE_NONE) {
        fprintf(stderr,
                "%s: run %08" PRIx32 " has no such target; postern show %08" PRIx32 " lists them\n",
                program, s->run.id, s->run.id);
        return EX_NOINPUT;
    }
    if (rc < 0 && rc != s->out.err && store_error(s->store)[0])
        return view_store_error(program, s->store, rc);
    if (rc < 0 && rc != s->out.err) {
        fprintf(stderr, "%s: out of memory\n", program);
        return EX_OSERR;
    }
    written = file ? view_write(program, file, &s->out) : view_print(program, &s->out);
    if (s->faults.lines)
        fprintf(stderr, "%s: %" PRIu64 " stored lines could not be read and were left out\n",
                program, s->faults.lines);
    return written ? written : status;
}

/* A run can be shown without the knowledge base; what is amiss with it is said all the same. */
static void book_open(struct advise_book *book)
{
    char err[ADVICE_ERROR_MAX];

    if (advice_load(book, NULL, 0, err) < 0)
        fprintf(stderr, "%s: no advice is added: %s\n", program, err);
}

static int show(const struct args *args, const char *name)
{
    struct show s = {.args = args, .out = BUF_INIT(VIEW_OUT_MAX)};
    int rc, verdict = 0, status = view_open(program, args->state, &s.store);

    if (status == 0)
        status = view_run(program, s.store, name, &s.run.id);
    if (status == 0) {
        rc = store_run_get(s.store, s.run.id, &s.run);
        /* Later calls take the record's texts away; only the command is needed. */
        char *command = rc == STORE_OK ? span_dup(s.run.command) : NULL;

        s.run.command = span_str(command);
        view_style(&s.style, args->colour);
        s.style.all = args->all;
        report_set_init(&s.set);
        book_open(&s.book);
        if (rc == STORE_OK)
            rc = render(&s, &verdict);
        status = end(&s, rc, verdict);
        report_set_deinit(&s.set);
        advise_book_deinit(&s.book);
        free(command);
    }
    store_close(s.store);
    buf_deinit(&s.out);
    return status;
}

int main(int argc, char **argv)
{
    struct args args = {0};
    int first, status, ways;

    if (!options_start(&options, argc, argv, &args, &first, &status))
        return status;
    if (argc - first != 1)
        return options_misuse(&options, first == argc ? "which run? see postern runs, or say last"
                                                      : "one run at a time");
    ways = args.json + args.prometheus + args.nagios + args.transcript + (args.html != NULL) +
           (args.junit != NULL);
    if (ways > 1)
        return options_misuse(&options, "--transcript, --json, --html, --junit, --prometheus and "
                                        "--nagios exclude each other");
    return show(&args, argv[first]);
}
