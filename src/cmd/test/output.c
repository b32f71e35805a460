/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Results as they come: JSON lines and the table go out target by target; formats that are one
 * document keep what they need until the end. Standard output is for results alone; notes and the
 * progress line go to standard error.
 */
#include "cmd/test/test.h"

#include "io/file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OUTPUT_MAX = 1 << 30 };

void complain(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fputs("postern test: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

void note(struct test *t, const char *fmt, ...)
{
    va_list ap;

    if (t->args.quiet)
        return;
    progress_hide(&t->progress);
    va_start(ap, fmt);
    fputs("postern test: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

static bool keeps_all(const struct test *t)
{
    return t->args.junit || t->args.prometheus || t->args.nagios || t->args.html;
}

bool output_needs_all(const struct test *t)
{
    return keeps_all(t) || t->args.json || t->args.all;
}

static void put(struct buf *text)
{
    fwrite(buf_str(text), 1, text->n, stdout);
    fflush(stdout);
    buf_deinit(text);
}

void output_release(struct test *t)
{
    if (t->held.n) {
        progress_hide(&t->progress);
        put(&t->held);
    }
    t->held = (struct buf)BUF_INIT(OUTPUT_MAX);
}

/* Results wait here until they are on disk too. */
static void put_later(struct test *t, struct buf *text)
{
    if (t->held.max == 0)
        t->held = (struct buf)BUF_INIT(OUTPUT_MAX);
    buf_add(&t->held, buf_span(text));
    buf_deinit(text);
    if (!t->batch)
        output_release(t);
}

static void put_lines(const json_t *documents, struct buf *out)
{
    for (size_t i = 0; i < json_array_size(documents); i++)
        report_lines(out, json_array_get(documents, i));
}

static void put_target(struct test *t, json_t *probes, json_t *doors, json_t *verdict)
{
    struct buf out = BUF_INIT(OUTPUT_MAX);
    struct report_target target = {verdict, doors, probes};

    if (t->args.json) {
        put_lines(probes, &out);
        put_lines(doors, &out);
        report_lines(&out, verdict);
    } else if (t->total > 1 && !t->args.all) {
        report_table_line(&out, verdict, &t->style);
    } else {
        report_table_target(&out, &target, &t->style);
    }
    put_later(t, &out);
}

static void keep(struct test *t, json_t *documents)
{
    for (size_t i = 0; i < json_array_size(documents); i++)
        report_set_add(&t->kept, json_array_get(documents, i));
}

void output_target(struct target *target, json_t *probes, json_t *doors, json_t *verdict)
{
    struct test *t = target->test;

    report_summary_add(&t->summary, verdict);
    if (keeps_all(t)) {
        keep(t, probes);
        keep(t, doors);
        report_set_add(&t->kept, verdict);
    }
    if (t->args.json || !(t->args.junit || t->args.prometheus || t->args.nagios))
        put_target(t, probes, doors, verdict);
}

int output_writable(struct test *t)
{
    char folder[DATADIR_PATH_MAX];
    struct span path = span_str(t->args.html);
    size_t slash = span_rfind(path, '/');

    if (!t->args.html)
        return 0;
    if (slash == path.n)
        snprintf(folder, sizeof(folder), ".");
    else if (!span_copy(span_slice(path, 0, slash ? slash : 1), folder, sizeof(folder)))
        folder[0] = '\0';
    if (access(folder, W_OK) == 0)
        return 0;
    complain("%s: the report cannot be written there: %s", t->args.html, strerror(errno));
    return TEST_EXIT_CANNOT_WRITE;
}

static int write_html(struct test *t)
{
    struct buf out = BUF_INIT(OUTPUT_MAX);
    int err;

    report_html(&out, t->kept.targets, t->kept.count, NULL);
    err = out.err ? out.err : file_write(t->args.html, buf_span(&out), 0644);
    buf_deinit(&out);
    if (err < 0) {
        complain("%s: %s", t->args.html, strerror(-err));
        return TEST_EXIT_CANNOT_WRITE;
    }
    return 0;
}

int output_end(struct test *t)
{
    struct buf out = BUF_INIT(OUTPUT_MAX);
    int bad = 0;

    progress_hide(&t->progress);
    if (t->args.junit)
        report_junit(&out, t->kept.targets, t->kept.count);
    else if (t->args.prometheus)
        report_prometheus(&out, t->kept.targets, t->kept.count);
    else if (t->args.nagios)
        report_nagios(&out, t->kept.targets, t->kept.count);
    else if (!t->args.json && t->total > 1)
        report_table_summary(&out, &t->summary, loop_now(t->loop) - t->began, &t->style);
    put(&out);
    if (t->args.html)
        bad = write_html(t);
    return bad ? bad : save_run_exit(t, (int)report_summary_exit(&t->summary));
}
