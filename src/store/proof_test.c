/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/fixture.h"

#include <signal.h>

static const struct store_proof full = {
    .token =
        {.run = 0xffffffff, .target = {1, 2, 3, 4, 5}, .serial = 65535, .day = 19700, .kind = 'r'},
    .received_wall_ms = INT64_C(1700000000123),
    .source = STORE_SOURCE_IMAP,
    .peer = {IP_V4, {192, 0, 2, 7}},
    .helo = {"mx.\0example", 11},
    .tls = {"TLSv1.3 TLS_AES_256_GCM_SHA384", 30},
    .mail = {"", 0},
    .rcpt = {"H:abc@probe.example", 19},
    .what = STORE_WHAT_AUTOREPLY,
    .scope = STORE_SCOPE_TRANSACTION,
    .chain = {"[]", 2},
    .raw = {"Received: x\r\n\r\n\0\xff", 17},
    .size = 1000,
};

struct tally {
    size_t count;
    int64_t last;
};

static int tally(void *ctx, const struct store_proof *proof)
{
    struct tally *t = ctx;

    assert_true(proof->id > t->last);
    t->last = proof->id;
    t->count++;
    return 0;
}

static void fields_come_back(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct buf raw = BUF_INIT(STORE_RAW_MAX);
    struct store_proof got;
    int64_t id = 0;

    assert_int_equal(store_proof_add(store, &full, &id), STORE_OK);
    assert_int_equal(store_proof_get(store, id, &got), STORE_OK);
    assert_int_equal(got.id, id);
    assert_int_equal(got.token.run, 0xffffffff);
    assert_memory_equal(got.token.target, full.token.target, STORE_DIGEST);
    assert_int_equal(got.token.serial, 65535);
    assert_int_equal(got.token.day, 19700);
    assert_int_equal(got.token.kind, 'r');
    assert_int_equal(got.received_wall_ms, full.received_wall_ms);
    assert_int_equal(got.last_wall_ms, full.received_wall_ms);
    assert_int_equal(got.source, STORE_SOURCE_IMAP);
    assert_true(ip_eq(got.peer, full.peer));
    assert_true(span_eq(got.helo, full.helo));
    assert_true(span_eq(got.tls, full.tls));
    assert_int_equal(got.mail.n, 0);
    assert_true(span_eq(got.rcpt, full.rcpt));
    assert_int_equal(got.what, STORE_WHAT_AUTOREPLY);
    assert_int_equal(got.scope, STORE_SCOPE_TRANSACTION);
    assert_text(got.chain, "[]");
    assert_int_equal(got.size, 1000);
    assert_true(got.cut);
    assert_int_equal(got.seen, 1);
    assert_int_equal(got.raw.n, 0);
    assert_int_equal(store_proof_raw(store, id, &raw), STORE_OK);
    assert_true(span_eq(buf_span(&raw), full.raw));
    assert_int_equal(store_proof_get(store, id + 1, &got), STORE_NONE);
    assert_int_equal(store_proof_raw(store, id + 1, &raw), STORE_NONE);
    buf_deinit(&raw);
    store_close(store);
}

static void doubles_are_counted(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct store_proof p = full, got;
    int64_t first = 0, again = 0;
    struct tally t = {0};

    assert_int_equal(store_proof_add(store, &p, &first), STORE_OK);
    p.received_wall_ms += 5000;
    assert_int_equal(store_proof_add(store, &p, &again), STORE_EXISTS);
    assert_int_equal(again, first);
    assert_int_equal(store_proof_get(store, first, &got), STORE_OK);
    assert_int_equal(got.seen, 2);
    assert_int_equal(got.received_wall_ms, full.received_wall_ms);
    assert_int_equal(got.last_wall_ms, full.received_wall_ms + 5000);
    /* What differs in any part of the key is a proof of its own. */
    for (int i = 0; i < 8; i++) {
        p = full;
        switch (i) {
        case 0:
            p.token.run--;
            break;
        case 1:
            p.token.target[4]++;
            break;
        case 2:
            p.token.serial--;
            break;
        case 3:
            p.token.day++;
            break;
        case 4:
            p.token.kind = 's';
            break;
        case 5:
            p.peer = (struct ip){0};
            break;
        case 6:
            p.raw.n--;
            break;
        default:
            p.what = STORE_WHAT_ARRIVAL;
        }
        assert_int_equal(store_proof_add(store, &p, NULL), STORE_OK);
        assert_int_equal(store_proof_add(store, &p, NULL), STORE_EXISTS);
    }
    assert_int_equal(store_proofs_since(store, NULL, 0, tally, &t), STORE_OK);
    assert_int_equal(t.count, 9);
    store_close(store);
}

static void long_messages_are_cut(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct buf raw = BUF_INIT(STORE_RAW_MAX);
    char *text = calloc(1, STORE_RAW_MAX + 1);
    struct store_proof p = full, got;
    int64_t id = 0;

    p.size = 0;
    p.raw = span_of(text, STORE_RAW_MAX);
    assert_int_equal(store_proof_add(store, &p, &id), STORE_OK);
    assert_int_equal(store_proof_get(store, id, &got), STORE_OK);
    assert_false(got.cut);
    assert_int_equal(got.size, STORE_RAW_MAX);
    p.raw.n++;
    /* One byte more is another message. */
    assert_int_equal(store_proof_add(store, &p, &id), STORE_OK);
    assert_int_equal(store_proof_get(store, id, &got), STORE_OK);
    assert_true(got.cut);
    assert_int_equal(got.size, STORE_RAW_MAX + 1);
    assert_int_equal(store_proof_raw(store, id, &raw), STORE_OK);
    assert_int_equal(raw.n, STORE_RAW_MAX);
    p.rcpt = span_of(text, STORE_TEXT_MAX + 1);
    assert_int_equal(store_proof_add(store, &p, &id), -EMSGSIZE);
    buf_deinit(&raw);
    free(text);
    store_close(store);
}

/* Fifty recipients of one body: one message in the file. */
static void one_body_for_many(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    char *text = calloc(1, 100000);
    struct store_proof p = full;
    uint64_t bytes = 0;

    p.raw = span_of(text, 100000);
    for (uint32_t i = 0; i < 50; i++) {
        p.token.serial = i;
        assert_int_equal(store_proof_add(store, &p, NULL), STORE_OK);
    }
    assert_int_equal(store_bytes(store, &bytes), STORE_OK);
    assert_true(bytes < 500000);
    free(text);
    store_close(store);
}

/* Acknowledged inside a batch that is then undone: the proof stays, what came after goes. */
static void outlives_a_batch(void **state)
{
    struct fixture *f = *state;
    struct store *store = fixture_open(f, STORE_CREATE), *other = fixture_open(f, STORE_READ);
    struct tally t = {0};
    struct store_run run;

    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_run_add(store, &(struct store_run){.id = 1}), STORE_OK);
    assert_int_equal(store_proof_add(store, &full, NULL), STORE_OK);
    assert_true(store_in_batch(store));
    assert_int_equal(store_proofs_since(other, NULL, 0, tally, &t), STORE_OK);
    assert_int_equal(t.count, 1);
    assert_int_equal(store_run_add(store, &(struct store_run){.id = 2}), STORE_OK);
    store_rollback(store);
    assert_int_equal(store_run_get(store, 1, &run), STORE_OK);
    assert_int_equal(store_run_get(store, 2, &run), STORE_NONE);
    store_close(store);
    store_close(other);
}

enum { STREAM = 200 };

/* A sink that reports each proof on a pipe only after store_proof_add has returned. */
static void sink(const struct fixture *f, int report)
{
    struct store *store = NULL;
    struct store_proof p = full;

    if (store_open(f->path, 0, &store) != 0)
        _exit(1);
    for (uint32_t i = 0; i < STREAM; i++) {
        p.token.run = i % 2 + 1;
        p.token.serial = i;
        if (store_proof_add(store, &p, NULL) != STORE_OK)
            _exit(2);
        if (write(report, &i, sizeof(i)) != sizeof(i))
            _exit(3);
    }
    _exit(0);
}

/*
 * A tester polls while another process writes: each proof once, none missed, in order. And it
 * writes itself, without pause and in batches that it never ends: they give way.
 */
static void polled_across_processes(void **state)
{
    struct fixture *f = *state;
    struct store *store = fixture_open(f, STORE_CREATE);
    struct tally mine = {0}, all = {0};
    const uint32_t run = 1;
    int report[2], status = 0;
    bool ended = false;

    fixture_run(store, 1, 1);
    assert_int_equal(pipe(report), 0);
    fcntl(report[1], F_SETPIPE_SZ, 1 << 16);
    pid_t pid = fork();
    if (pid == 0)
        sink(f, report[1]);
    close(report[1]);
    assert_int_equal(store_begin(store), 0);
    for (unsigned polls = 0; polls < 1000000; polls++) {
        struct store_transcript t = {.target = 1, .text = SPAN_LIT("S: 220\n")};

        assert_int_equal(store_transcript_add(store, &t), 0);
        assert_int_equal(store_proofs_since(store, &run, mine.last, tally, &mine), STORE_OK);
        if (ended)
            break;
        ended = waitpid(pid, &status, WNOHANG) == pid;
    }
    assert_true(ended);
    assert_int_equal(status, 0);
    assert_int_equal(store_commit(store), 0);
    close(report[0]);
    assert_int_equal(mine.count, STREAM / 2);
    assert_int_equal(store_proofs_since(store, NULL, 0, tally, &all), STORE_OK);
    assert_int_equal(all.count, STREAM);
    store_close(store);
}

typedef void sink_fn(const struct fixture *f, int report, unsigned round);

static void sink_of_proofs(const struct fixture *f, int report, unsigned round)
{
    sink(f, report);
}

/*
 * Kills a sink sixteen times, each time after a while that differs, and calls check() with what it
 * had acknowledged and what is kept.
 */
static void kill_sinks(const struct fixture *f, sink_fn *run,
                       void (*check)(unsigned acknowledged, unsigned kept))
{
    struct store *store;

    store_close(fixture_open(f, STORE_CREATE));
    for (unsigned round = 0; round < 16; round++) {
        uint32_t acknowledged = 0, n;
        struct tally all = {0};
        int report[2];

        store = fixture_open(f, 0);
        assert_int_equal(sqlite3_exec(store->db, "DELETE FROM proofs", NULL, NULL, NULL), 0);
        store_close(store);
        assert_int_equal(pipe(report), 0);
        pid_t pid = fork();
        if (pid == 0)
            run(f, report[1], round);
        close(report[1]);
        while (acknowledged < round + 1 && read(report[0], &n, sizeof(n)) == sizeof(n))
            acknowledged++;
        usleep(round * 53);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        while (read(report[0], &n, sizeof(n)) == sizeof(n))
            acknowledged++;
        close(report[0]);
        store = fixture_open(f, STORE_READ);
        assert_int_equal(store_proofs_since(store, NULL, 0, tally, &all), STORE_OK);
        assert_true(acknowledged > round);
        check(acknowledged, all.count);
        store_close(store);
    }
}

static void each_is_there(unsigned acknowledged, unsigned kept)
{
    assert_true(kept == acknowledged || kept == acknowledged + 1);
}

/* Killed at any point, a sink has lost no proof that it had acknowledged. */
static void killed_sink_loses_nothing(void **state)
{
    kill_sinks(*state, sink_of_proofs, each_is_there);
}

enum { MESSAGES = 60, TOKENS = 50 };

/* A sink whose messages prove fifty tokens each, half of them kept while a batch is open. */
static void sink_of_messages(const struct fixture *f, int report, unsigned round)
{
    struct store_proof proofs[TOKENS];
    struct store_added added[TOKENS];
    struct store *store = NULL;
    char raw[32];

    if (store_open(f->path, 0, &store) != 0)
        _exit(1);
    for (uint32_t i = 0; i < MESSAGES; i++) {
        if (round % 2 && !store->batch && store_begin(store) != 0)
            _exit(2);
        snprintf(raw, sizeof(raw), "message %u", i);
        for (uint32_t k = 0; k < TOKENS; k++) {
            proofs[k] = full;
            proofs[k].token.serial = i * TOKENS + k;
            proofs[k].raw = span_str(raw);
        }
        if (store_proofs_add(store, proofs, TOKENS, added) != STORE_OK)
            _exit(3);
        if (write(report, &i, sizeof(i)) != sizeof(i))
            _exit(4);
    }
    _exit(0);
}

static void all_of_each_is_there(unsigned acknowledged, unsigned kept)
{
    assert_int_equal(kept % TOKENS, 0);
    each_is_there(acknowledged, kept / TOKENS);
}

/* Of a message all tokens are there or none, whenever it is killed; what was reported is there. */
static void killed_sink_keeps_whole_messages(void **state)
{
    kill_sinks(*state, sink_of_messages, all_of_each_is_there);
}

/* One that cannot be kept, and nothing of its message is; again, and each is told for itself. */
static void one_message_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct store *store = fixture_open(f, STORE_CREATE);
    struct store_proof proofs[3] = {full, full, full};
    struct store_added added[3] = {{0}};
    struct tally all = {0};
    char *text = calloc(1, STORE_TEXT_MAX + 1);

    assert_non_null(text);
    for (uint32_t i = 0; i < 3; i++)
        proofs[i].token.serial = i;
    proofs[2].rcpt = span_of(text, STORE_TEXT_MAX + 1);
    assert_int_equal(store_proofs_add(store, proofs, 3, added), -EMSGSIZE);
    assert_int_equal(store_proofs_add(store, proofs, 0, added), STORE_OK);
    assert_int_equal(store_proofs_since(store, NULL, 0, tally, &all), STORE_OK);
    assert_int_equal(all.count, 0);
    assert_int_equal(store_proofs_add(store, proofs, 2, added), STORE_OK);
    assert_true(!added[0].again && !added[1].again && added[0].id != added[1].id);
    proofs[2].rcpt = full.rcpt;
    assert_int_equal(store_proofs_add(store, proofs, 3, added), STORE_OK);
    assert_true(added[0].again && added[1].again && !added[2].again);
    assert_int_equal(store_proofs_since(store, NULL, 0, tally, &all), STORE_OK);
    assert_int_equal(all.count, 3);
    free(text);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
        T(fields_come_back),          T(doubles_are_counted),
        T(long_messages_are_cut),     T(one_body_for_many),
        T(outlives_a_batch),          T(polled_across_processes),
        T(killed_sink_loses_nothing), T(killed_sink_keeps_whole_messages),
        T(one_message_at_a_time),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
