/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Targets, their results and their transcripts. A target is finished when its verdict and its
 * result stand in the same transaction, so a kill leaves it either finished or not begun: `running`
 * is only a note for those who look on, and for store_run_resume.
 *
 * Results and transcripts have tables of their own, to keep the rows that every iteration reads
 * small.
 */
#include "store/private.h"

#include <errno.h>

const char *store_target_state_name(enum store_target_state state)
{
    switch (state) {
    case STORE_TARGET_PENDING:
        return "pending";
    case STORE_TARGET_RUNNING:
        return "running";
    case STORE_TARGET_WAITING:
        return "waiting";
    case STORE_TARGET_DONE:
        return "done";
    }
    return "?";
}

static int first_ordinal(struct store *store, uint32_t run, int64_t *ret)
{
    sqlite3_stmt *q = sql_use(store, SQL_TARGET_COUNT);
    int rc;

    sqlite3_bind_int64(q, 1, run);
    rc = sql_row(store, q);
    if (rc == STORE_OK)
        *ret = sqlite3_column_int64(q, 0);
    sql_done(q);
    return rc;
}

int store_targets_add(struct store *store, uint32_t run, const struct span *names, size_t count)
{
    int64_t ordinal = 0;
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = limit(store, names[i], STORE_NAME_MAX, "target");
    if (rc == 0)
        rc = write_begin(store);
    if (rc < 0)
        return rc;
    rc = first_ordinal(store, run, &ordinal);
    for (size_t i = 0; i < count && rc == 0; i++) {
        sqlite3_stmt *q = sql_use(store, SQL_TARGET_ADD);

        sqlite3_bind_int64(q, 1, run);
        sqlite3_bind_int64(q, 2, ordinal + (int64_t)i);
        sql_text_bind(q, 3, names[i]);
        rc = sql_run(store, q);
    }
    return write_end(store, rc);
}

static void target_read(sqlite3_stmt *q, struct store_target *target)
{
    *target = (struct store_target){
        .id = sqlite3_column_int64(q, 0),
        .run = (uint32_t)sqlite3_column_int64(q, 1),
        .ordinal = (uint64_t)sqlite3_column_int64(q, 2),
        .name = sql_span(q, 3),
        .state = (enum store_target_state)sqlite3_column_int(q, 4),
        .verdict = sql_span(q, 5),
        .exit_class = sqlite3_column_int(q, 6),
        .started_wall = sqlite3_column_int64(q, 7),
        .ended_wall = sqlite3_column_int64(q, 8),
        .window_wall = sqlite3_column_int64(q, 9),
    };
}

static int target_one(struct store *store, sqlite3_stmt *q, struct store_target *ret)
{
    struct store_target t;
    int rc = sql_row(store, q);

    if (rc == STORE_OK) {
        target_read(q, &t);
        rc = record_keep(store, (struct span *const[]){&t.name, &t.verdict}, 2);
    }
    sql_done(q);
    if (rc == STORE_OK)
        *ret = t;
    return rc;
}

int store_target_next_pending(struct store *store, uint32_t run, int64_t now_wall,
                              struct store_target *ret)
{
    int rc = write_begin(store);
    sqlite3_stmt *q;

    if (rc < 0)
        return rc;
    q = sql_use(store, SQL_TARGET_NEXT);
    sqlite3_bind_int64(q, 1, run);
    sqlite3_bind_int64(q, 2, now_wall);
    rc = target_one(store, q, ret);
    return write_end(store, rc);
}

static int result_put(struct store *store, int64_t target, struct span lines)
{
    sqlite3_stmt *q = sql_use(store, SQL_RESULT_PUT);

    sqlite3_bind_int64(q, 1, target);
    sql_text_bind(q, 2, lines);
    return sql_run(store, q);
}

int store_target_finish(struct store *store, const struct store_target *target, struct span result)
{
    int rc = limit(store, result, STORE_RESULT_MAX, "result");
    sqlite3_stmt *q;

    if (rc == 0)
        rc = limit(store, target->verdict, STORE_NAME_MAX, "verdict");
    if (rc == 0)
        rc = write_begin(store);
    if (rc < 0)
        return rc;
    q = sql_use(store, SQL_TARGET_FINISH);
    sqlite3_bind_int64(q, 1, target->id);
    sqlite3_bind_int(q, 2, (int)target->state);
    sql_text_bind(q, 3, target->verdict);
    sqlite3_bind_int(q, 4, target->exit_class);
    sqlite3_bind_int64(q, 5, target->ended_wall);
    sqlite3_bind_int64(q, 6, target->window_wall);
    rc = sql_run(store, q);
    if (rc == 0 && sqlite3_changes(store->db) == 0)
        rc = STORE_NONE;
    if (rc == 0 && result.p)
        rc = result_put(store, target->id, result);
    return write_end(store, rc);
}

int store_target_get(struct store *store, int64_t id, struct store_target *ret)
{
    sqlite3_stmt *q = sql_use(store, SQL_TARGET_GET);

    sqlite3_bind_int64(q, 1, id);
    return target_one(store, q, ret);
}

int store_target_find(struct store *store, uint32_t run, struct span name, struct store_target *ret)
{
    sqlite3_stmt *q = sql_use(store, SQL_TARGET_FIND);

    sqlite3_bind_int64(q, 1, run);
    sql_text_bind(q, 2, name);
    return target_one(store, q, ret);
}

struct each_target {
    store_target_fn *fn;
    void *ctx;
};

static int each_target(void *ctx, sqlite3_stmt *q)
{
    const struct each_target *each = ctx;
    struct store_target target;

    target_read(q, &target);
    return each->fn(each->ctx, &target);
}

int store_targets_each(struct store *store, uint32_t run, unsigned states, store_target_fn *fn,
                       void *ctx)
{
    struct each_target each = {fn, ctx};
    sqlite3_stmt *q = sql_use(store, SQL_TARGETS);

    sqlite3_bind_int64(q, 1, run);
    sqlite3_bind_int64(q, 2, states ? states : ~0u);
    return sql_each(store, q, each_target, &each);
}

int store_target_result(struct store *store, int64_t target, struct buf *ret)
{
    sqlite3_stmt *q = sql_use(store, SQL_RESULT_GET);
    int rc;

    sqlite3_bind_int64(q, 1, target);
    rc = sql_row(store, q);
    if (rc == STORE_OK) {
        buf_add(ret, sql_span(q, 0));
        if (ret->err)
            rc = fail(store, ret->err, "a target's result does not fit");
    }
    sql_done(q);
    return rc;
}

int store_transcript_add(struct store *store, const struct store_transcript *transcript)
{
    bool cut = transcript->text.n > STORE_TRANSCRIPT_MAX;
    int rc = limit(store, transcript->label, STORE_NAME_MAX, "label");
    sqlite3_stmt *q;

    if (rc == 0)
        rc = write_begin(store);
    if (rc < 0)
        return rc;
    q = sql_use(store, SQL_TRANSCRIPT_ADD);
    sqlite3_bind_int64(q, 1, transcript->target);
    sqlite3_bind_int64(q, 2, transcript->started_wall_ms);
    sql_text_bind(q, 3, transcript->label);
    sql_text_bind(q, 4, span_slice(transcript->text, 0, STORE_TRANSCRIPT_MAX));
    sqlite3_bind_int(q, 5, cut);
    return write_end(store, sql_run(store, q));
}

struct each_transcript {
    store_transcript_fn *fn;
    void *ctx;
};

static int each_transcript(void *ctx, sqlite3_stmt *q)
{
    const struct each_transcript *each = ctx;

    return each->fn(each->ctx, &(struct store_transcript){
                                   .id = sqlite3_column_int64(q, 0),
                                   .target = sqlite3_column_int64(q, 1),
                                   .started_wall_ms = sqlite3_column_int64(q, 2),
                                   .label = sql_span(q, 3),
                                   .text = sql_span(q, 4),
                                   .cut = sqlite3_column_int(q, 5) != 0,
                               });
}

int store_transcripts_each(struct store *store, int64_t target, store_transcript_fn *fn, void *ctx)
{
    struct each_transcript each = {fn, ctx};
    sqlite3_stmt *q = sql_use(store, SQL_TRANSCRIPTS);

    sqlite3_bind_int64(q, 1, target);
    return sql_each(store, q, each_transcript, &each);
}
