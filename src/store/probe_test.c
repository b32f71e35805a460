/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/fixture.h"

/* Any byte may stand in an envelope. */
static const struct store_probe full = {
    .target = 1,
    .serial = 0xffff,
    .digest = {0, 1, 2, 0xfe, 0xff},
    .day = 19700,
    .probe = {"percent-host", 12},
    .address = {IP_V6, {0x20, 1, 0xd, 0xb8, [15] = 1}},
    .port = 65535,
    .tls = {"starttls", 8},
    .mail = {"<a\0b@x>", 7},
    .rcpt = {"<\xff\xfe\r\n>", 6},
    .helo = {"'; DROP TABLE probes; --", 24},
    .state = STORE_PROBE_DEFERRED,
    .meaning = {"greylisted", 10},
    .code = 451,
    .enhanced = {"4.7.1", 5},
    .text = {"\0\0", 2},
    .attempts = 3,
    .retry_wall = 1700000300,
    .sent_wall_ms = INT64_C(1700000000123),
};

struct copies {
    struct store_probe probe[8];
    char bytes[8][8][64];
    size_t count;
};

static void hold(struct span *s, char room[64])
{
    assert_true(s->n <= 64);
    if (s->n)
        memcpy(room, s->p, s->n);
    s->p = room;
}

static int copy(void *ctx, const struct store_probe *probe)
{
    struct copies *c = ctx;
    struct store_probe *p = &c->probe[c->count];

    assert_true(c->count < 8);
    *p = *probe;
    hold(&p->probe, c->bytes[c->count][0]);
    hold(&p->tls, c->bytes[c->count][1]);
    hold(&p->mail, c->bytes[c->count][2]);
    hold(&p->rcpt, c->bytes[c->count][3]);
    hold(&p->helo, c->bytes[c->count][4]);
    hold(&p->meaning, c->bytes[c->count][5]);
    hold(&p->enhanced, c->bytes[c->count][6]);
    hold(&p->text, c->bytes[c->count][7]);
    c->count++;
    return 0;
}

static void assert_probe(const struct store_probe *got, const struct store_probe *want)
{
    assert_int_equal(got->target, want->target);
    assert_int_equal(got->serial, want->serial);
    assert_memory_equal(got->digest, want->digest, STORE_DIGEST);
    assert_int_equal(got->day, want->day);
    assert_true(span_eq(got->probe, want->probe));
    assert_true(ip_eq(got->address, want->address));
    assert_int_equal(got->port, want->port);
    assert_true(span_eq(got->tls, want->tls));
    assert_true(span_eq(got->mail, want->mail));
    assert_true(span_eq(got->rcpt, want->rcpt));
    assert_true(span_eq(got->helo, want->helo));
    assert_int_equal(got->state, want->state);
    assert_true(span_eq(got->meaning, want->meaning));
    assert_int_equal(got->code, want->code);
    assert_true(span_eq(got->enhanced, want->enhanced));
    assert_true(span_eq(got->text, want->text));
    assert_int_equal(got->attempts, want->attempts);
    assert_int_equal(got->retry_wall, want->retry_wall);
    assert_int_equal(got->sent_wall_ms, want->sent_wall_ms);
}

static void fields_come_back(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct store_probe bare = {.target = 1, .serial = 0}, changed = full;
    struct copies *got = calloc(1, sizeof(*got));

    fixture_run(store, 1, 1);
    assert_int_equal(store_probes_put(store, &full, 1), STORE_OK);
    assert_int_equal(store_probes_put(store, &bare, 1), STORE_OK);
    assert_int_equal(store_probes_each(store, 1, copy, got), STORE_OK);
    assert_int_equal(got->count, 2);
    assert_probe(&got->probe[0], &bare);
    assert_probe(&got->probe[1], &full);
    /* The same place again replaces it. */
    changed.state = STORE_PROBE_PROVED;
    changed.text = SPAN_LIT("other");
    assert_int_equal(store_probes_put(store, &changed, 1), STORE_OK);
    got->count = 0;
    assert_int_equal(store_probes_each(store, 1, copy, got), STORE_OK);
    assert_int_equal(got->count, 2);
    assert_probe(&got->probe[1], &changed);
    free(got);
    store_close(store);
}

static void all_or_none(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct store_probe probes[3] = {full, full, full};
    struct copies *got = calloc(1, sizeof(*got));

    fixture_run(store, 1, 1);
    probes[1].serial = 2;
    probes[2].target = 99;
    assert_true(store_probes_put(store, probes, 3) < 0);
    assert_int_equal(store_probes_each(store, 1, copy, got), STORE_OK);
    assert_int_equal(got->count, 0);
    /* Also inside a batch, which lives on. */
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_probes_put(store, probes, 1), STORE_OK);
    assert_true(store_probes_put(store, probes + 1, 2) < 0);
    assert_int_equal(store_commit(store), 0);
    assert_int_equal(store_probes_each(store, 1, copy, got), STORE_OK);
    assert_int_equal(got->count, 1);
    char *text = calloc(1, STORE_TEXT_MAX + 1);
    probes[0].text = span_of(text, STORE_TEXT_MAX);
    assert_int_equal(store_probes_put(store, probes, 1), STORE_OK);
    probes[0].text.n++;
    assert_int_equal(store_probes_put(store, probes, 1), -EMSGSIZE);
    free(text);
    free(got);
    store_close(store);
}

static void found_by_token(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct store_token token = {.run = 1, .target = {0, 1, 2, 0xfe, 0xff}, .serial = 0xffff};
    struct store_probe other = full;
    struct copies *got = calloc(1, sizeof(*got));

    fixture_run(store, 1, 2);
    fixture_run(store, 2, 1);
    assert_int_equal(store_probes_of_token(store, &token, copy, got), STORE_NONE);
    assert_int_equal(store_probes_put(store, &full, 1), STORE_OK);
    other.serial = 5;
    assert_int_equal(store_probes_put(store, &other, 1), STORE_OK);
    other = full;
    other.target = 3; /* of run 2 */
    assert_int_equal(store_probes_put(store, &other, 1), STORE_OK);
    /* The same target by its second address: another digest. */
    other = full;
    other.serial = 6;
    other.digest[0] = 9;
    assert_int_equal(store_probes_put(store, &other, 1), STORE_OK);

    assert_int_equal(store_probes_of_token(store, &token, copy, got), STORE_OK);
    assert_int_equal(got->count, 1);
    assert_probe(&got->probe[0], &full);
    token.serial = 6;
    assert_int_equal(store_probes_of_token(store, &token, copy, got), STORE_NONE);
    token.target[0] = 9;
    assert_int_equal(store_probes_of_token(store, &token, copy, got), STORE_OK);
    assert_int_equal(got->count, 2);
    assert_probe(&got->probe[1], &other);
    token.run = 3;
    assert_int_equal(store_probes_of_token(store, &token, copy, got), STORE_NONE);
    /* One address under two names of a run. */
    token = (struct store_token){.run = 1, .target = {0, 1, 2, 0xfe, 0xff}, .serial = 0xffff};
    other = full;
    other.target = 2;
    assert_int_equal(store_probes_put(store, &other, 1), STORE_OK);
    got->count = 0;
    assert_int_equal(store_probes_of_token(store, &token, copy, got), STORE_OK);
    assert_int_equal(got->count, 2);
    free(got);
    store_close(store);
}

static void deferred(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct copies *got = calloc(1, sizeof(*got));
    struct store_probe p[4] = {full, full, full, full};
    int64_t next = 0;

    fixture_run(store, 1, 2);
    fixture_run(store, 2, 1);
    assert_int_equal(store_deferred_next(store, 1, &next), STORE_NONE);
    p[0].retry_wall = 300;
    p[1].serial = 1;
    p[1].retry_wall = 200;
    p[2].target = 2;
    p[2].retry_wall = 100;
    p[3].serial = 3;
    p[3].retry_wall = 50;
    p[3].state = STORE_PROBE_REFUSED;
    assert_int_equal(store_probes_put(store, p, 4), STORE_OK);
    assert_int_equal(store_deferred_next(store, 1, &next), STORE_OK);
    assert_int_equal(next, 100);
    assert_int_equal(store_deferred_next(store, 2, &next), STORE_NONE);
    assert_int_equal(store_deferred_due(store, 1, 99, copy, got), STORE_OK);
    assert_int_equal(got->count, 0);
    assert_int_equal(store_deferred_due(store, 1, 299, copy, got), STORE_OK);
    assert_int_equal(got->count, 2);
    assert_probe(&got->probe[0], &p[1]);
    assert_probe(&got->probe[1], &p[2]);
    /* Asked again, it is due no more; the same triple is still there. */
    p[2].state = STORE_PROBE_ACCEPTED;
    p[2].attempts++;
    assert_int_equal(store_probes_put(store, &p[2], 1), STORE_OK);
    got->count = 0;
    assert_int_equal(store_deferred_due(store, 1, 1000, copy, got), STORE_OK);
    assert_int_equal(got->count, 2);
    assert_int_equal(store_deferred_next(store, 1, &next), STORE_OK);
    assert_int_equal(next, 200);
    free(got);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
        T(fields_come_back),
        T(all_or_none),
        T(found_by_token),
        T(deferred),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
