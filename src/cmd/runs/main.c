/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postern runs: what was tested, newest first. A line a run, so that the id for `postern show` is
 * quickly found; the sum of blocked, inconclusive and unreachable stands as "undecided", as in the
 * exit codes, and --json has each.
 */
#include "base/escape.h"
#include "cmd/common/view.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <sysexits.h>

static const char program[] = "postern runs";

struct args {
    const char *state;
    unsigned limit;
    bool json, check;
    unsigned colour;
};

static const struct option_row rows[] = {
    {.group = "What"},
    {"limit", 'n', "N", "at most this many runs, the newest", OPTION_UINT,
     offsetof(struct args, limit), .min = 1, .max = 1000000000, .shown = "all"},
    {"check", 0, NULL, "read every page of the store and say whether it is sound", OPTION_FLAG,
     offsetof(struct args, check)},
    {.group = "How"},
    {"json", 0, NULL, "one JSON object a run", OPTION_FLAG, offsetof(struct args, json)},
    {"color", 0, "WHEN", "auto, always or never", OPTION_CHOICE, offsetof(struct args, colour),
     .choices = view_colour_choices, .shown = "auto"},
    {.group = "Where"},
    {"state", 0, "DIR", "the state folder", OPTION_TEXT, offsetof(struct args, state)},
    {0},
};

static const struct options options = {
    .program = program,
    .about = "Lists the runs of postern test, newest first.",
    .usage = "[OPTION]...",
    .text = "Exit status: 0, 64 misuse, 65 damaged store, 66 no store.",
    .rows = rows,
};

struct listing {
    struct buf out;
    struct report_style style;
    bool json;
    uint64_t count;
};

static bool run_document(json_t *doc, const struct store_run *run)
{
    json_t *verdicts = json_object(), *settings;
    json_error_t why;
    char id[16];
    bool ok;

    snprintf(id, sizeof(id), "%08" PRIx32, run->id);
    ok = verdicts && json_object_set_new(doc, "type", json_string("run")) == 0 &&
         json_object_set_new(doc, "run", json_string(id)) == 0 &&
         view_json_time(doc, "started", run->started_wall) &&
         view_json_time(doc, "ended", run->ended_wall) &&
         view_json_text(doc, "state", span_str(store_run_state_name(run->state))) &&
         view_json_text(doc, "command", run->command) &&
         view_json_text(doc, "probe_domain", run->probe_domain) &&
         view_json_text(doc, "tester", run->tester) &&
         view_json_number(doc, "targets", run->targets) &&
         view_json_number(doc, "proofs", run->proofs) &&
         view_json_number(verdicts, "open", run->open) &&
         view_json_number(verdicts, "accepts", run->accepts) &&
         view_json_number(verdicts, "closed", run->closed) &&
         view_json_number(verdicts, "blocked", run->blocked) &&
         view_json_number(verdicts, "inconclusive", run->inconclusive) &&
         view_json_number(verdicts, "unreachable", run->unreachable);
    if (json_object_set_new(doc, "verdicts", verdicts) < 0)
        return false;
    settings = json_loadb(run->options.p ? run->options.p : "", run->options.n, 0, &why);
    if (settings && json_object_set_new(doc, "options", settings) < 0)
        return false;
    return ok;
}

static int run_json(struct listing *l, const struct store_run *run)
{
    json_t *doc = json_object();

    if (!doc || !run_document(doc, run))
        l->out.err = l->out.err ? l->out.err : -ENOMEM;
    else
        report_lines(&l->out, doc);
    json_decref(doc);
    return 0;
}

/* A count in its column; "." for none, so that what is not zero stands out. */
static void add_count(struct listing *l, int width, uint64_t n, enum view_colour colour)
{
    char text[32];

    if (n == 0) {
        buf_addf(&l->out, " %*s", width, ".");
        return;
    }
    snprintf(text, sizeof(text), "%*" PRIu64, width, n);
    buf_add_char(&l->out, ' ');
    view_paint(&l->out, &l->style, colour, text);
}

enum { COMMAND_COLUMN = 90 };

static void run_line(struct listing *l, const struct store_run *run)
{
    uint64_t undecided = run->blocked + run->inconclusive + run->unreachable;
    struct buf command = BUF_INIT(STORE_COMMAND_MAX * 4);
    char when[VIEW_TIME];

    buf_addf(&l->out, "%08" PRIx32 "  %-19s", run->id, view_time(run->started_wall, when));
    add_count(l, 8, run->targets, VIEW_BOLD);
    add_count(l, 6, run->open, VIEW_RED);
    add_count(l, 8, run->accepts, VIEW_YELLOW);
    add_count(l, 7, run->closed, VIEW_GREEN);
    add_count(l, 10, undecided, VIEW_DIM);
    buf_addf(&l->out, "  %-8s", store_run_state_name(run->state));
    escape_text(&command, run->command);
    if (l->style.width > COMMAND_COLUMN && command.n > l->style.width - COMMAND_COLUMN)
        buf_truncate(&command, l->style.width - COMMAND_COLUMN);
    /* On a narrow terminal the command would only make every line two. */
    if (command.n && (l->style.width == 0 || l->style.width > COMMAND_COLUMN))
        buf_addf(&l->out, "  %s", buf_str(&command));
    buf_add_char(&l->out, '\n');
    buf_deinit(&command);
}

static int show_run(void *ctx, const struct store_run *run)
{
    struct listing *l = ctx;

    if (l->json) {
        l->count++;
        return run_json(l, run);
    }
    if (l->count++ == 0)
        buf_addf(&l->out, "%-8s  %-19s %8s %6s %8s %7s %10s  %-8s%s\n", "RUN", "STARTED", "TARGETS",
                 "OPEN", "ACCEPTS", "CLOSED", "UNDECIDED", "STATE",
                 l->style.width == 0 || l->style.width > COMMAND_COLUMN ? "  COMMAND" : "");
    run_line(l, run);
    return 0;
}

static int check_store(const struct args *args)
{
    char err[STATE_ERROR_MAX];
    struct store *store = NULL;
    struct state state;
    int rc = state_open(&state, args->state, false, err);

    if (rc == 0)
        rc = state_store(&state, STORE_READ | STORE_CHECK, &store, err);
    store_close(store);
    if (rc == 0 && printf("%s/postern.db: sound\n", state.folder) > 0 && fflush(stdout) == 0)
        return 0;
    fprintf(stderr, "%s: %s\n", program, rc < 0 ? err : "cannot write");
    return rc < 0 ? state_exit(rc) : EX_IOERR;
}

static int list_runs(const struct args *args)
{
    struct listing l = {.out = BUF_INIT(VIEW_OUT_MAX), .json = args->json};
    struct store *store = NULL;
    int status = view_open(program, args->state, &store), rc;

    if (status)
        return status;
    view_style(&l.style, args->colour);
    rc = store_runs_each(store, args->limit, show_run, &l);
    if (rc < 0)
        status = view_store_error(program, store, rc);
    else
        status = view_print(program, &l.out);
    if (status == 0 && l.count == 0 && !args->json)
        fprintf(stderr, "%s: there is no run yet\n", program);
    store_close(store);
    buf_deinit(&l.out);
    return status;
}

int main(int argc, char **argv)
{
    struct args args = {0};
    int first, status;

    if (!options_start(&options, argc, argv, &args, &first, &status))
        return status;
    if (first < argc)
        return options_misuse(&options, "takes no operand; a single run is shown by postern show");
    return args.check ? check_store(&args) : list_runs(&args);
}
