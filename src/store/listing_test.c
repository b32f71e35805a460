/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/fixture.h"

#include "store/listing.h"

static struct ip ip(const char *text)
{
    struct ip got;

    assert_true(ip_parse(span_str(text), &got));
    return got;
}

static struct store_record record(const char *was, const char *became, const char *why)
{
    return (struct store_record){.wall = 1000,
                                 .subject = SPAN_LIT("192.0.2.1"),
                                 .event = SPAN_LIT("nominate"),
                                 .was = span_str(was),
                                 .became = span_str(became),
                                 .class = SPAN_LIT("relay"),
                                 .who = SPAN_LIT("anna"),
                                 .reason = span_str(why),
                                 .run = 0xfffffffe,
                                 .expires_wall = 77};
}

static int64_t add(struct store *store, const char *address, enum store_side side, unsigned state,
                   int64_t due)
{
    struct store_listing l = {.address = ip(address),
                              .side = side,
                              .state = state,
                              .class = SPAN_LIT("relay"),
                              .digest = {1, 2, 3, 4, (uint8_t)state},
                              .created_wall = 10,
                              .changed_wall = 11,
                              .fresh_wall = 12,
                              .expires_wall = due ? due + 100 : 0,
                              .due_wall = due,
                              .tested_wall = 14,
                              .tries = 15,
                              .times = 16,
                              .failed = 17};
    struct store_record r = record("none", "nominated", "spam");
    struct store_change c = {.listing = &l, .records = &r, .record_count = 1, .dirty = true};

    assert_int_equal(store_listing_change(store, &c), STORE_OK);
    assert_true(l.id > 0);
    return l.id;
}

static int text_of(void *ctx, const struct store_listing *l)
{
    char text[IP_TEXT_MAX];

    buf_addf(ctx, "%s/%d/%u ", ip_text(l->address, text), (int)l->side, l->state);
    return 0;
}

static void comes_back_as_it_was(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct store_listing l;
    int64_t id = add(store, "192.0.2.1", STORE_SIDE_HOST, 5, 13);

    assert_int_equal(store_listing_get(store, ip("192.0.2.1"), STORE_SIDE_OUTPUT, &l), STORE_NONE);
    assert_int_equal(store_listing_by_id(store, id + 1, &l), STORE_NONE);
    assert_int_equal(store_listing_get(store, ip("192.0.2.1"), STORE_SIDE_HOST, &l), STORE_OK);
    assert_int_equal(l.id, id);
    assert_text(l.class, "relay");
    assert_int_equal(l.state, 5);
    assert_int_equal(l.digest[4], 5);
    assert_int_equal(l.created_wall, 10);
    assert_int_equal(l.changed_wall, 11);
    assert_int_equal(l.fresh_wall, 12);
    assert_int_equal(l.expires_wall, 113);
    assert_int_equal(l.due_wall, 13);
    assert_int_equal(l.tested_wall, 14);
    assert_int_equal(l.tries, 15);
    assert_int_equal(l.times, 16);
    assert_int_equal(l.failed, 17);

    struct store_listing changed = l;
    struct store_change c = {.listing = &changed};

    changed.state = 6;
    changed.class = SPAN_LIT("chain-input");
    changed.due_wall = 0;
    assert_int_equal(store_listing_change(store, &c), STORE_OK);
    assert_int_equal(store_listing_by_id(store, id, &l), STORE_OK);
    assert_int_equal(l.state, 6);
    assert_text(l.class, "chain-input");
    assert_int_equal(l.created_wall, 10);
    changed.id = 999;
    assert_int_equal(store_listing_change(store, &c), -ENOENT);
    store_close(store);
}

static void are_found(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct buf text = BUF_INIT(1000);
    struct ip_prefix net;
    struct store_listing_filter all = {.side = -1},
                                some = {.side = STORE_SIDE_HOST, .states = 1U << 5};

    add(store, "2001:db8::1", STORE_SIDE_HOST, 5, 50);
    add(store, "192.0.2.200", STORE_SIDE_HOST, 5, 30);
    add(store, "192.0.2.3", STORE_SIDE_HOST, 4, 40);
    add(store, "192.0.2.3", STORE_SIDE_OUTPUT, 5, 0);
    add(store, "192.0.3.0", STORE_SIDE_HOST, 0, 60);
    assert_int_equal(store_listings_each(store, &all, text_of, &text), STORE_OK);
    assert_string_equal(buf_str(&text), "192.0.2.3/0/4 192.0.2.3/1/5 192.0.2.200/0/5 192.0.3.0/0/0 "
                                        "2001:db8::1/0/5 ");
    buf_clear(&text);
    assert_int_equal(store_listings_each(store, &some, text_of, &text), STORE_OK);
    assert_string_equal(buf_str(&text), "192.0.2.200/0/5 2001:db8::1/0/5 ");
    buf_clear(&text);
    assert_true(ip_prefix_parse(SPAN_LIT("192.0.2.0/24"), &net));
    all.in = &net;
    all.limit = 2;
    assert_int_equal(store_listings_each(store, &all, text_of, &text), STORE_OK);
    assert_string_equal(buf_str(&text), "192.0.2.3/0/4 192.0.2.3/1/5 ");
    buf_clear(&text);
    assert_true(ip_prefix_parse(SPAN_LIT("2001:db8::/32"), &net));
    assert_int_equal(store_listings_each(store, &all, text_of, &text), STORE_OK);
    assert_string_equal(buf_str(&text), "2001:db8::1/0/5 ");
    buf_clear(&text);
    assert_int_equal(store_listings_due(store, 40, 0, text_of, &text), STORE_OK);
    assert_string_equal(buf_str(&text), "192.0.2.200/0/5 192.0.2.3/0/4 ");
    buf_clear(&text);
    assert_int_equal(store_listings_over(store, 140, 1, text_of, &text), STORE_OK);
    assert_string_equal(buf_str(&text), "192.0.2.200/0/5 ");
    buf_clear(&text);
    assert_int_equal(store_listings_of_token(store, (uint8_t[]){1, 2, 3, 4, 5}, text_of, &text),
                     STORE_OK);
    assert_string_equal(buf_str(&text), "2001:db8::1/0/5 192.0.2.200/0/5 ");
    buf_deinit(&text);
    store_close(store);
}

static int count_records(void *ctx, const struct store_record *r)
{
    buf_addf(ctx, "%lld:%.*s>%.*s ", (long long)r->seq, SPAN_ARG(r->was), SPAN_ARG(r->became));
    return 0;
}

static void records_hold_together(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct buf text = BUF_INIT(1000);
    struct store_chain chain;
    uint8_t head[STORE_HASH];
    struct store_listing l;
    int64_t id = add(store, "192.0.2.1", STORE_SIDE_HOST, 1, 0);
    struct store_record two[] = {record("testing", "confirmed", "arrived"),
                                 record("confirmed", "provisional", "one run")};
    struct store_change c = {.listing = &l, .records = two, .record_count = 2};

    assert_int_equal(store_listing_by_id(store, id, &l), STORE_OK);
    l.class = SPAN_LIT("relay");
    assert_int_equal(store_listing_change(store, &c), STORE_OK);
    add(store, "192.0.2.2", STORE_SIDE_HOST, 1, 0);
    assert_int_equal(store_records_each(store, &id, 0, count_records, &text), STORE_OK);
    assert_string_equal(buf_str(&text),
                        "1:none>nominated 2:testing>confirmed 3:confirmed>provisional ");
    buf_clear(&text);
    assert_int_equal(store_records_each(store, NULL, 2, count_records, &text), STORE_OK);
    assert_string_equal(buf_str(&text), "3:confirmed>provisional 4:none>nominated ");
    buf_clear(&text);
    assert_int_equal(store_record_counts(store, 0, count_records, &text), STORE_OK);
    assert_string_equal(buf_str(&text),
                        "1:confirmed>provisional 2:none>nominated 1:testing>confirmed ");
    assert_int_equal(store_records_check(store, &chain), 0);
    assert_int_equal(chain.records, 4);
    assert_int_equal(chain.broken, 0);
    memcpy(head, chain.head, sizeof(head));
    /* No slip of the hand changes a record. */
    assert_int_not_equal(
        sqlite3_exec(store->db, "UPDATE listing_records SET reason = ''", NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_not_equal(sqlite3_exec(store->db, "DELETE FROM listing_records", NULL, NULL, NULL),
                         SQLITE_OK);
    /* Intent does, and shows. */
    assert_int_equal(sqlite3_exec(store->db,
                                  "DROP TRIGGER listing_records_change;"
                                  "UPDATE listing_records SET reason = 'two runs' WHERE seq = 3",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(store_records_check(store, &chain), 0);
    assert_int_equal(chain.broken, 3);
    assert_int_equal(chain.records, 2);
    assert_memory_not_equal(head, chain.head, sizeof(head));
    buf_deinit(&text);
    store_close(store);
}

static void a_missing_record_shows(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct store_chain chain;

    for (unsigned i = 1; i < 6; i++) {
        char address[32];

        snprintf(address, sizeof(address), "192.0.2.%u", i);
        add(store, address, STORE_SIDE_HOST, 1, 0);
    }
    assert_int_equal(sqlite3_exec(store->db,
                                  "DROP TRIGGER listing_records_remove;"
                                  "DELETE FROM listing_records WHERE seq = 4",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(store_records_check(store, &chain), 0);
    assert_int_equal(chain.broken, 4);
    store_close(store);
}

static void from_a_record_on(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct store_chain chain;
    uint8_t third[STORE_HASH], other[STORE_HASH] = {1};

    for (unsigned i = 1; i < 6; i++) {
        char address[32];

        snprintf(address, sizeof(address), "192.0.2.%u", i);
        add(store, address, STORE_SIDE_HOST, 1, 0);
        if (i == 3) {
            assert_int_equal(store_records_check(store, &chain), 0);
            memcpy(third, chain.head, sizeof(third));
        }
    }
    assert_int_equal(store_records_check_since(store, 3, third, &chain), 0);
    assert_int_equal(chain.broken, 0);
    assert_int_equal(chain.records, 5);
    assert_int_equal(store_records_check_since(store, 3, other, &chain), 0);
    assert_int_equal(chain.broken, 3);
    assert_int_equal(store_records_check_since(store, 6, third, &chain), 0);
    assert_int_equal(chain.broken, 6);
    assert_int_equal(sqlite3_exec(store->db,
                                  "DROP TRIGGER listing_records_change;"
                                  "UPDATE listing_records SET reason = 'x' WHERE seq = 5;"
                                  "UPDATE listing_records SET reason = 'x' WHERE seq = 1",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(store_records_check_since(store, 3, third, &chain), 0);
    assert_int_equal(chain.broken, 5);
    store_close(store);
}

static int add_evidence(void *ctx, const struct store_evidence *e)
{
    buf_addf(ctx, "%.*s:%.*s:%zu ", SPAN_ARG(e->source), SPAN_ARG(e->witness), e->text.n);
    return 0;
}

static int add_proof(void *ctx, const struct store_listing_proof *p)
{
    char in[IP_TEXT_MAX], out[IP_TEXT_MAX];

    buf_addf(ctx, "%lld:%u:%s:%s:%.*s ", (long long)p->proof, p->run, ip_text(p->input, in),
             ip_text(p->output, out), SPAN_ARG(p->family));
    return 0;
}

static void evidence_and_proofs(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct buf text = BUF_INIT(1000), big = BUF_INIT(STORE_EVIDENCE_MAX + 1);
    int64_t id = add(store, "192.0.2.1", STORE_SIDE_HOST, 1, 0);
    struct store_evidence e = {.wall = 5,
                               .source = SPAN_LIT("gate"),
                               .reason = SPAN_LIT("relay-attempt"),
                               .witness = SPAN_LIT("own"),
                               .who = SPAN_LIT("anna"),
                               .text = SPAN_LIT("a\0b")};
    struct store_listing_proof proofs[] = {
        {.proof = 7,
         .run = 1,
         .wall = 100,
         .input = ip("192.0.2.1"),
         .output = ip("192.0.2.9"),
         .probe = SPAN_LIT("a.b"),
         .family = SPAN_LIT("plain")},
        {.proof = 8,
         .run = 2,
         .wall = 200,
         .input = ip("192.0.2.1"),
         .probe = SPAN_LIT("a.b"),
         .family = SPAN_LIT("auth")},
        {.proof = 7, .run = 1, .wall = 100, .input = ip("192.0.2.1")},
    };
    struct store_listing l;
    struct store_change c = {.listing = &l, .evidence = &e, .proofs = proofs, .proof_count = 3};

    assert_int_equal(store_listing_by_id(store, id, &l), STORE_OK);
    l.class = SPAN_LIT("relay");
    assert_int_equal(store_listing_change(store, &c), STORE_OK);
    assert_int_equal(store_listing_change(store, &c), STORE_OK);
    for (size_t i = 0; i <= STORE_EVIDENCE_MAX; i++)
        buf_add_char(&big, 'x');
    e.text = buf_span(&big);
    e.source = SPAN_LIT("message");
    assert_int_equal(store_listing_change(store, &c), STORE_OK);
    assert_int_equal(store_evidence_each(store, id, add_evidence, &text), STORE_OK);
    assert_string_equal(buf_str(&text), "gate:own:3 message:own:262144 ");
    buf_clear(&text);
    assert_int_equal(store_listing_proofs_each(store, id, 0, add_proof, &text), STORE_OK);
    assert_string_equal(buf_str(&text), "7:1:192.0.2.1:192.0.2.9:plain 8:2:192.0.2.1::auth ");
    buf_clear(&text);
    assert_int_equal(store_listing_proofs_each(store, id, 101, add_proof, &text), STORE_OK);
    assert_string_equal(buf_str(&text), "8:2:192.0.2.1::auth ");
    buf_deinit(&text);
    buf_deinit(&big);
    store_close(store);
}

static void marks_and_values(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct buf value = BUF_INIT(100);
    int64_t ids[4], one = add(store, "192.0.2.1", STORE_SIDE_HOST, 1, 0);
    int64_t two = add(store, "192.0.2.2", STORE_SIDE_HOST, 1, 0);
    struct store_record r = record("", "", "made for the test");
    size_t count;

    assert_int_equal(store_dirty_get(store, ids, 1, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(store_dirty_get(store, ids, 4, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(ids[0], one);
    assert_int_equal(store_dirty_clear(store, ids, 1), 0);
    assert_int_equal(store_dirty_get(store, ids, 4, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(ids[0], two);

    assert_int_equal(store_value_get(store, SPAN_LIT("step"), &value), STORE_NONE);
    assert_int_equal(store_value_set(store, SPAN_LIT("step"), SPAN_LIT("one"), NULL), 0);
    assert_int_equal(store_value_set(store, SPAN_LIT("step"), SPAN_LIT("two"), &r), 0);
    assert_int_equal(store_value_get(store, SPAN_LIT("step"), &value), STORE_OK);
    assert_string_equal(buf_str(&value), "two");
    buf_deinit(&value);
    store_close(store);
}

static int add_exempt(void *ctx, const struct store_exempt *e)
{
    buf_addf(ctx, "%.*s:%.*s:%lld ", SPAN_ARG(e->pattern), SPAN_ARG(e->reason),
             (long long)e->until_wall);
    return 0;
}

static void exemptions(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct store_exempt e = {SPAN_LIT("192.0.2.0/24"), SPAN_LIT("ours"), SPAN_LIT("anna"), 5, 0};
    struct store_record r = record("", "exempt", "ours");
    struct buf text = BUF_INIT(200);
    struct store_chain chain;

    assert_int_equal(store_exempt_add(store, &e, &r), 0);
    e.reason = SPAN_LIT("asked");
    e.until_wall = 9;
    assert_int_equal(store_exempt_add(store, &e, &r), 0);
    assert_int_equal(store_exempts_each(store, add_exempt, &text), STORE_OK);
    assert_string_equal(buf_str(&text), "192.0.2.0/24:asked:9 ");
    assert_int_equal(store_exempt_remove(store, SPAN_LIT("192.0.2.0/25"), &r), STORE_NONE);
    assert_int_equal(store_exempt_remove(store, SPAN_LIT("192.0.2.0/24"), &r), STORE_OK);
    assert_int_equal(store_records_check(store, &chain), 0);
    assert_int_equal(chain.records, 3);
    buf_deinit(&text);
    store_close(store);
}

static int add_count(void *ctx, unsigned state, enum store_side side, struct span class, uint64_t n)
{
    buf_addf(ctx, "%u/%d/%.*s=%u ", state, (int)side, SPAN_ARG(class), (unsigned)n);
    return 0;
}

static void counts(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct buf text = BUF_INIT(200);

    add(store, "192.0.2.1", STORE_SIDE_HOST, 5, 0);
    add(store, "192.0.2.2", STORE_SIDE_HOST, 5, 0);
    add(store, "192.0.2.2", STORE_SIDE_OUTPUT, 4, 0);
    assert_int_equal(store_listing_counts(store, add_count, &text), STORE_OK);
    assert_string_equal(buf_str(&text), "4/1/relay=1 5/0/relay=2 ");
    buf_deinit(&text);
    store_close(store);
}

static void limits_are_kept(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    struct store_listing l = {.address = ip("192.0.2.1"), .class = SPAN_LIT("relay")};
    struct buf long_text = BUF_INIT(STORE_TEXT_MAX + 1);
    struct store_record r = record("", "", "");
    struct store_change c = {.listing = &l, .records = &r, .record_count = 1};
    struct store_chain chain;

    for (size_t i = 0; i < STORE_TEXT_MAX; i++)
        buf_add_char(&long_text, 'x');
    r.reason = buf_span(&long_text);
    assert_int_equal(store_listing_change(store, &c), STORE_OK);
    buf_add_char(&long_text, 'x');
    r.reason = buf_span(&long_text);
    assert_int_equal(store_listing_change(store, &c), -EMSGSIZE);
    assert_int_equal(store_records_check(store, &chain), 0);
    assert_int_equal(chain.records, 1);
    buf_deinit(&long_text);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
        T(comes_back_as_it_was),   T(are_found),        T(records_hold_together),
        T(a_missing_record_shows), T(from_a_record_on), T(evidence_and_proofs),
        T(marks_and_values),       T(exemptions),       T(counts),
        T(limits_are_kept),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
