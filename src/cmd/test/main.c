/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern-test(1): read the command line, make ready, run the loop, report. */
#include "cmd/test/test.h"

#include "io/rights.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void on_signal(void *cookie, int signum)
{
    struct test *t = cookie;

    /* The first one ends in order, the second at once. */
    if (t->stopping)
        _exit(128 + signum);
    t->stopping = true;
    note(t, "stopping; postern test --resume goes on from here");
    loop_stop(t->loop);
}

static void style_setup(struct test *t)
{
    setlocale(LC_CTYPE, "");
    t->style = (struct report_style){
        .width = term_width(STDOUT_FILENO),
        .colour = term_color((enum term_color)t->args.color, STDOUT_FILENO),
        .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
        .all = t->args.all,
    };
}

static int loop_setup(struct test *t)
{
    struct resolver_options o = {.server = t->args.resolver};
    char err[RESOLVER_ERROR_MAX];

    if (loop_new(&t->loop) < 0) {
        complain("no event loop can be had");
        return TEST_EXIT_SOFTWARE;
    }
    if (resolver_new(t->loop, &o, &t->resolver, err) < 0) {
        complain("--resolver: %s", err);
        return OPTIONS_EXIT_MISUSE;
    }
    loop_signal(t->loop, SIGINT, on_signal, t);
    loop_signal(t->loop, SIGTERM, on_signal, t);
    t->began = loop_now(t->loop);
    t->began_wall = loop_wall();
    if (t->args.parallel > loop_fd_limit(t->args.parallel + 64) - 64)
        t->args.parallel = loop_fd_limit(0) - 64;
    return 0;
}

/* With a store, proofs may also come from a sink in another process. */
static int sources_start(struct test *t)
{
    int bad = embedded_start(t);

    if (!bad)
        bad = mailbox_start(t);
    if (!bad)
        proofs_poll_start(t);
    t->has_source = t->has_source || t->store;
    return bad;
}

static int run_loop(struct test *t)
{
    int err = workers_start(t);

    if (err == 0) {
        queue_begin(t);
        loop_run(t->loop);
    } else {
        complain("--jobs: no more threads can be had: %s", strerror(-err));
    }
    workers_stop(t);
    while (t->active) {
        struct target *target = t->active;

        t->active = target->next;
        target_free(target);
    }
    workers_free(t);
    timer_stop(&t->poll_timer);
    timer_stop(&t->progress_timer);
    return err == 0 ? t->refused : TEST_EXIT_SOFTWARE;
}

/*
 * Ports are bound and files open: what is left needs no rights. libcurl's own threads may want more
 * system calls than the filter knows, so a run with an IMAP mailbox goes without the filter.
 */
static void give_up_rights(struct test *t)
{
    struct rights want = {.profile = t->args.imap_url ? RIGHTS_NONE : RIGHTS_CLIENT};
    struct rights_done done;

    if (rights_drop(&want, &done) < 0)
        note(t, "rights could not be given up: %s", done.notes);
}

static int run(struct test *t, int argc, char **argv, int all_argc, char **all_argv)
{
    int bad = t->args.resume ? 0 : queue_fill(t, argc, argv);

    if (!bad)
        bad = output_writable(t);
    if (!bad)
        bad = setup_run(t);
    if (!bad && t->args.resume)
        bad = save_resume(t, argc > 0 ? argv[0] : "last");
    t->run_full.brief = t->run_quick.brief = t->total >= BRIEF_TARGETS && !output_needs_all(t);
    if (!bad && !t->args.resume)
        bad = save_run_begin(t, all_argc, all_argv);
    if (!bad)
        bad = sources_start(t);
    if (bad)
        return bad;
    if (t->total > 0) {
        give_up_rights(t);
        bad = run_loop(t);
        t->stopping = t->stopping || bad;
    }
    save_run_end(t);
    if (bad)
        return bad;
    return t->stopping ? TEST_EXIT_UNDECIDED : output_end(t);
}

/* What is asked of the program apart from a test. */
static int dispatch(struct test *t, int argc, char **argv, int all_argc, char **all_argv)
{
    int bad = t->args.list_probes && !t->args.probe_domain && !t->args.probe_address
                  ? 0
                  : identity_setup(t);

    if (!bad)
        bad = setup_probes(t, argc, argv);
    if (bad)
        return bad;
    if (t->args.list_probes)
        return list_probes(t);
    bad = loop_setup(t);
    if (bad)
        return bad;
    if (t->args.preflight)
        return preflight(t);
    if (t->args.dry_run) {
        bad = setup_run(t);
        return bad ? bad : dry_run(t, argc, argv);
    }
    return run(t, argc, argv, all_argc, all_argv);
}

/* An exit status, 0 to go on, -1 when --help or --version was all. */
static int arguments(struct test *t, int argc, char **argv, int *first)
{
    struct args preset;
    int bad;

    args_defaults(&t->args);
    bad = settings_load(&args_options, "test", argc, argv, &t->args, &t->conf);
    if (bad)
        return bad;
    preset = t->args;
    switch (options_parse(&args_options, argc, argv, &t->args, first)) {
    case OPTIONS_DONE:
        return -1;
    case OPTIONS_MISUSE:
        return OPTIONS_EXIT_MISUSE;
    case OPTIONS_RUN:
        break;
    }
    if (t->args.resume)
        bad = args_check_resume(&t->args, argc - *first);
    if (!bad && t->args.resume)
        bad = resume_arguments(t, argc, argv, first);
    else
        args_over_preset(&t->args, &preset);
    return bad ? bad : args_check(&t->args, argc - *first);
}

/* A result that could not be written is no result, whatever it was. */
static int output_check(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    complain("standard output: %s", strerror(errno));
    return status >= OPTIONS_EXIT_MISUSE ? status : TEST_EXIT_IO;
}

int main(int argc, char **argv)
{
    struct test t = {.lock = -1};
    char **words = NULL;
    int first = 0, bad;

    words = calloc((size_t)argc + 1, sizeof(*words));
    if (!words)
        return TEST_EXIT_SOFTWARE;
    memcpy(words, argv, (size_t)argc * sizeof(*words));
    bad = arguments(&t, argc, argv, &first);
    if (bad < 0) {
        args_deinit(&t.args);
        conf_free(&t.conf);
        free(words);
        return 0;
    }
    style_setup(&t);
    report_set_init(&t.kept);
    if (!bad)
        bad = dispatch(&t, argc - first, argv + first, argc, words);
    mailbox_stop(&t);
    embedded_stop(&t);
    resolver_free(&t.resolver);
    loop_free(&t.loop);
    setup_deinit(&t);
    resume_free();
    conf_free(&t.conf);
    free(words);
    return output_check(bad);
}
