/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Into the store and back. A run's options are its own command line, so that --resume can parse
 * them again. A target's results go in whole when it ends; those of a bulk run are committed a few
 * times a second. What is resumed is a target without a result (it begins anew, with the same
 * tokens) or one with deferred probes (they alone are asked again, with the same triple).
 */
#include "cmd/test/test.h"

#include "io/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH_MS = 400 };

static int store_fails(struct test *t)
{
    complain("%s", store_error(t->store));
    return TEST_EXIT_SOFTWARE;
}

/* What was said on standard output is on disk: a run that is killed repeats nobody. */
void save_commit(struct test *t)
{
    timer_stop(&t->batch_timer);
    if (t->batch && store_commit(t->store) < 0)
        complain("%s", store_error(t->store));
    t->batch = false;
    worker_kept(t);
    output_release(t);
}

static void batch_end(void *cookie)
{
    save_commit(cookie);
}

void save_batch(struct test *t)
{
    if (!t->store || t->batch || store_begin(t->store) != STORE_OK)
        return;
    t->batch = true;
    timer_init(&t->batch_timer, batch_end, t);
    timer_start(&t->batch_timer, t->loop, BATCH_MS);
}

/* The command line, for people and for --resume. */
static void command_text(int argc, char **argv, struct buf *people, struct buf *options,
                         uint16_t day)
{
    json_t *list = json_array(), *all;
    char *text;

    for (int i = 1; i < argc; i++) {
        buf_addf(people, "%s%s", i > 1 ? " " : "", argv[i]);
        json_array_append_new(list, json_string(argv[i]));
    }
    all = json_pack("{s:o, s:i}", "argv", list, "day", (int)day);
    text = json_dumps(all, JSON_COMPACT);
    buf_add_str(options, text ? text : "{}");
    free(text);
    json_decref(all);
}

static int targets_enter(struct test *t)
{
    struct span *names = calloc(t->name_count + 1, sizeof(*names));
    int err;

    if (!names)
        return -ENOMEM;
    for (size_t i = 0; i < t->name_count; i++)
        names[i] = span_str(t->names[i]);
    err = store_targets_add(t->store, t->run_id, names, t->name_count);
    free(names);
    return err;
}

int save_run_begin(struct test *t, int argc, char **argv)
{
    struct buf people = BUF_INIT(STORE_COMMAND_MAX), options = BUF_INIT(STORE_COMMAND_MAX);
    struct store_run run = {.started_wall = loop_wall(), .state = STORE_RUN_RUNNING};
    char err[STATE_ERROR_MAX];
    int got = STORE_EXISTS;

    if (!t->store)
        return 0;
    t->begun_wall = run.started_wall;
    command_text(argc, argv, &people, &options, t->run_full.day);
    run.command = buf_span(&people);
    run.options = buf_span(&options);
    run.probe_domain = span_str(t->domain);
    run.tester = span_str(t->helo);
    for (int i = 0; i < 10 && got == STORE_EXISTS; i++) {
        run.id = t->run_id;
        got = store_run_add(t->store, &run);
        if (got == STORE_EXISTS && random_bytes(&t->run_id, sizeof(t->run_id)) < 0)
            got = -EIO;
    }
    buf_deinit(&people);
    buf_deinit(&options);
    t->run_full.run = t->run_quick.run = t->run_id;
    if (got != STORE_OK || targets_enter(t) != STORE_OK)
        return store_fails(t);
    if (state_lock_run(&t->state, t->run_id, &t->lock, err) < 0) {
        complain("%s", err);
        return TEST_EXIT_SOFTWARE;
    }
    return 0;
}

void save_run_end(struct test *t)
{
    enum store_run_state state = STORE_RUN_DONE;
    int64_t next;

    if (!t->store)
        return;
    save_commit(t);
    if (t->stopping)
        state = STORE_RUN_RUNNING;
    else if (store_deferred_next(t->store, t->run_id, &next) == STORE_OK)
        state = STORE_RUN_WAITING;
    store_run_set_state(t->store, t->run_id, state, state == STORE_RUN_RUNNING ? 0 : loop_wall());
}

/* A run that went on is judged as a whole, whichever of its targets were left. */
int save_run_exit(struct test *t, int status)
{
    struct store_run run;

    if (!t->store || !t->args.resume || store_run_get(t->store, t->run_id, &run) != STORE_OK)
        return status;
    if (run.open)
        return REPORT_EXIT_OPEN;
    if (run.accepts)
        return REPORT_EXIT_ACCEPTS;
    return run.blocked || run.inconclusive || run.unreachable || run.targets != run.closed
               ? REPORT_EXIT_UNDECIDED
               : REPORT_EXIT_CLOSED;
}

static enum store_probe_state state_of(const struct result *r)
{
    switch ((enum probe_state)r->state) {
    case PROBE_REFUSED:
    case PROBE_INFERRED:
        return STORE_PROBE_REFUSED;
    case PROBE_DEFERRED:
        return STORE_PROBE_DEFERRED;
    case PROBE_TAKEN:
    case PROBE_HELD:
    case PROBE_DELIVERED:
    case PROBE_BOUNCED:
        return STORE_PROBE_ACCEPTED;
    case PROBE_PROVED:
        return STORE_PROBE_PROVED;
    case PROBE_UNTRIED:
    case PROBE_SKIPPED:
        return STORE_PROBE_PLANNED;
    case PROBE_LOST:
        break;
    }
    return STORE_PROBE_UNDECIDED;
}

/* The texts of one probe's row; they must live until the row is written. */
struct row_texts {
    struct buf mail, rcpt, helo;
    char enhanced[16];
};

static void row_fill(const struct target *target, const struct host *h, const struct door *d,
                     size_t i, struct row_texts *texts, struct store_probe *row)
{
    const struct result *r = &d->results[i];
    struct smtp_reply reply = {.enhanced = {r->enhanced[0], r->enhanced[1], r->enhanced[2]}};
    int64_t offset = target->test->run_full.wall_offset;

    texts->mail = texts->rcpt = texts->helo = (struct buf)BUF_INIT(EXPAND_MAX);
    door_mail_text(d, i, &texts->mail);
    door_rcpt_text(d, i, &texts->rcpt);
    door_helo_text(d, i, &texts->helo);
    *row = (struct store_probe){
        .target = target->store_id,
        .serial = d->serial_base + (uint32_t)i,
        .day = h->info.run->day,
        .probe = span_str(h->info.run->list->probes[i].id),
        .address = h->info.ip,
        .port = d->port,
        .tls = span_str(door_tls_name(d->tls)),
        .mail = buf_span(&texts->mail),
        .rcpt = buf_span(&texts->rcpt),
        .helo = buf_span(&texts->helo),
        .state = state_of(r),
        .meaning = span_str(meaning_name((enum meaning)r->meaning)),
        .code = r->code,
        .enhanced = span_str(smtp_reply_enhanced(&reply, texts->enhanced)),
        .attempts = r->attempts,
        .retry_wall = r->state == PROBE_DEFERRED && r->retry_at < INT64_MAX
                          ? (r->retry_at + offset) / 1000
                          : 0,
        .sent_wall_ms = r->attempts ? r->sent_at + offset : 0,
    };
    token_target(h->info.ip, row->digest);
}

/* What was never asked has no token in the world that could come back. */
static bool row_wanted(const struct result *r, bool brief)
{
    return r->state != PROBE_UNTRIED && r->state != PROBE_SKIPPED && r->state != PROBE_INFERRED &&
           !(brief && r->state == PROBE_REFUSED);
}

static size_t rows_wanted(const struct door *d, bool brief)
{
    size_t n = 0;

    for (size_t i = 0; i < d->result_count; i++)
        n += row_wanted(&d->results[i], brief);
    return n;
}

static int save_door(const struct target *target, const struct host *h, const struct door *d,
                     bool brief)
{
    size_t n = 0, wanted = rows_wanted(d, brief);
    struct row_texts *texts = calloc(wanted + 1, sizeof(*texts));
    struct store_probe *rows = calloc(wanted + 1, sizeof(*rows));
    int err = -ENOMEM;

    for (size_t i = 0; texts && rows && n < wanted; i++) {
        if (!row_wanted(&d->results[i], brief))
            continue;
        row_fill(target, h, d, i, &texts[n], &rows[n]);
        n++;
    }
    if (texts && rows)
        err = n ? store_probes_put(target->test->store, rows, n) : 0;
    for (size_t i = 0; i < n; i++) {
        buf_deinit(&texts[i].mail);
        buf_deinit(&texts[i].rcpt);
        buf_deinit(&texts[i].helo);
    }
    free(texts);
    free(rows);
    return err;
}

static int save_transcripts(const struct target *target, const struct host *h, const struct door *d)
{
    char label[128], ip[IP_TEXT_MAX];
    int err = 0;

    for (size_t i = 0; i < d->session_count && !err; i++) {
        struct store_transcript row = {
            .target = target->store_id,
            .started_wall_ms = d->sessions[i].began + target->test->run_full.wall_offset,
            .text = buf_span(&d->sessions[i].log.text),
        };

        if (d->sessions[i].log.count == 0)
            continue;
        snprintf(label, sizeof(label), "%s port %u TLS %s session %zu: %s", ip_text(h->info.ip, ip),
                 d->port, door_tls_name(d->tls), i, door_end_name(d->sessions[i].end));
        row.label = span_str(label);
        err = store_transcript_add(target->test->store, &row);
    }
    return err;
}

static bool any_deferred(const struct target *target)
{
    for (size_t h = 0; h < target->host_count; h++)
        for (size_t k = 0; k < target->hosts[h]->door_count; k++)
            if (door_count(&target->hosts[h]->doors[k]).deferred)
                return true;
    return false;
}

static int save_parts(const struct target *target)
{
    /* What comes again must know what it need not ask. */
    bool brief = target->test->run_full.brief && !any_deferred(target);
    int err = 0;

    for (size_t h = 0; h < target->host_count && !err; h++) {
        for (size_t k = 0; k < target->hosts[h]->door_count && !err; k++) {
            const struct door *d = &target->hosts[h]->doors[k];

            err = save_door(target, target->hosts[h], d, brief);
            if (!err)
                err = save_transcripts(target, target->hosts[h], d);
        }
    }
    return err;
}

void save_target(struct target *target, json_t *probes, json_t *doors, json_t *verdict)
{
    struct test *t = target->test;
    struct buf lines = BUF_INIT(STORE_RESULT_MAX);
    const char *name = json_string_value(json_object_get(verdict, "verdict"));
    struct store_target row = {
        .id = target->store_id,
        .run = t->run_id,
        .state = any_deferred(target) ? STORE_TARGET_WAITING : STORE_TARGET_DONE,
        .verdict = span_str(name),
        .exit_class = (int)report_exit_of(report_verdict_of(verdict)),
        .ended_wall = loop_wall(),
    };

    /* A target that was interrupted stays pending: --resume begins it anew. */
    if (!t->store || t->stopping)
        return;
    save_batch(t);
    for (size_t i = 0; i < json_array_size(probes); i++)
        report_lines(&lines, json_array_get(probes, i));
    for (size_t i = 0; i < json_array_size(doors); i++)
        report_lines(&lines, json_array_get(doors, i));
    report_lines(&lines, verdict);
    if (lines.err || save_parts(target) < 0 ||
        store_target_finish(t->store, &row, buf_span(&lines)) != STORE_OK)
        complain("%s: the result could not be kept: %s", target->name, store_error(t->store));
    buf_deinit(&lines);
}

int save_resume(struct test *t, const char *name)
{
    char err[STATE_ERROR_MAX];
    uint64_t pending = 0;
    struct store_run run;
    int got = store_run_find(t->store, span_str(name), &t->run_id);

    if (got == STORE_NONE || got == STORE_MANY) {
        complain("%s: %s; postern runs lists them", name,
                 got == STORE_NONE ? "no such run" : "more than one run begins so");
        return TEST_EXIT_NO_INPUT;
    }
    if (got < 0)
        return store_fails(t);
    if (state_lock_run(&t->state, t->run_id, &t->lock, err) < 0) {
        complain("%s", err);
        return TEST_EXIT_SOFTWARE;
    }
    if (store_run_get(t->store, t->run_id, &run) != STORE_OK ||
        store_run_resume(t->store, t->run_id, &pending) < 0 ||
        store_run_set_state(t->store, t->run_id, STORE_RUN_RUNNING, 0) < 0)
        return store_fails(t);
    t->begun_wall = run.started_wall;
    t->total = pending;
    t->run_full.run = t->run_quick.run = t->run_id;
    if (t->total == 0)
        note(t, "run %08x has nothing left to do", t->run_id);
    return 0;
}

struct restoring {
    struct target *target;
    unsigned strange;
};

static enum probe_state state_from(enum store_probe_state s)
{
    switch (s) {
    case STORE_PROBE_DEFERRED:
        return PROBE_DEFERRED;
    case STORE_PROBE_REFUSED:
        return PROBE_REFUSED;
    case STORE_PROBE_ACCEPTED:
        return PROBE_DELIVERED;
    case STORE_PROBE_PROVED:
        return PROBE_PROVED;
    case STORE_PROBE_PLANNED:
        return PROBE_UNTRIED;
    case STORE_PROBE_UNDECIDED:
        break;
    }
    return PROBE_LOST;
}

static uint8_t meaning_from(struct span name)
{
    for (enum meaning m = MEANING_NONE; m <= MEANING_REFUSED; m++)
        if (span_eq(name, span_str(meaning_name(m))))
            return (uint8_t)m;
    return MEANING_NONE;
}

static void restore_result(const struct test *t, struct result *r, const struct store_probe *row)
{
    r->state = (uint8_t)state_from(row->state);
    r->meaning = meaning_from(row->meaning);
    r->stage = SMTP_STAGE_RCPT;
    r->code = (uint16_t)row->code;
    r->attempts = (uint8_t)(row->attempts < UINT8_MAX ? row->attempts : UINT8_MAX);
    r->session = UINT16_MAX;
    r->sent_at = row->sent_wall_ms - t->run_full.wall_offset;
    r->retry_at = row->retry_wall * 1000 - t->run_full.wall_offset;
    r->first_at = loop_now(t->loop); /* patience begins anew */
    /* The wait before is over already: what the server wanted has long passed. */
    if (r->state == PROBE_DEFERRED && r->attempts >= DOOR_ATTEMPTS_MAX)
        r->attempts = 1;
}

static int on_row(void *ctx, const struct store_probe *row)
{
    struct restoring *all = ctx;

    for (size_t h = 0; h < all->target->host_count; h++) {
        struct host *host = all->target->hosts[h];

        if (!ip_eq(host->info.ip, row->address))
            continue;
        for (size_t k = 0; k < host->door_count; k++) {
            struct door *d = &host->doors[k];
            size_t i;

            if (d->port != row->port || row->serial > UINT16_MAX ||
                !span_eq(row->tls, span_str(door_tls_name(d->tls))) ||
                !door_serial(d, (uint16_t)row->serial, &i))
                continue;
            if (span_eq(row->probe, span_str(host->info.run->list->probes[i].id)))
                restore_result(all->target->test, &d->results[i], row);
            else
                all->strange++;
        }
    }
    return 0;
}

void save_restore(struct target *target)
{
    struct test *t = target->test;
    struct restoring all = {.target = target};

    if (!t->store || !t->args.resume)
        return;
    store_probes_each(t->store, target->store_id, on_row, &all);
    if (all.strange)
        note(t, "%s: %u probes of the first test are no longer in the catalogue and are left out",
             target->name, all.strange);
}
