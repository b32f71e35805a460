/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an image keeps beside addresses and names, what is turned away, and damage of every kind. */
#include "zone/image.h"

#include "zone/build.h"
#include "zone/image_look_test.h"
#include "zone/model_test.h"
#include "zone/pattern.h"
#include "zone/text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct dns_name name_of(const char *text)
{
    struct dns_name n;

    assert_true(dns_name_parse(span_str(text), &n));
    return n;
}

static struct zone_rname rname_of(const char *text)
{
    struct zone_rname n;

    assert_true(zone_rname_parse(span_str(text), &n));
    return n;
}

/* Something of every kind. */
static void fill(struct zone_data *d, unsigned singles)
{
    struct buf text = BUF_INIT(100);
    struct zone_value v = {.a = 0x7f000002, .ttl = 300, .class_id = 7};
    struct zone_table *t;
    struct zone_rname x = rname_of("x.example"), apex = rname_of("@");
    uint32_t id, plain;

    zone_data_init(d);
    d->meta = (struct zone_meta){.zone = name_of("bl.example.org"),
                                 .serial = 42,
                                 .ttl = 600,
                                 .created_wall = 1700000000,
                                 .expires_wall = 1800000000,
                                 .has_soa = true,
                                 .soa_ttl = 3600,
                                 .ns_ttl = 7200,
                                 .ns_count = 2};
    d->meta.soa = (struct dns_soa){
        name_of("ns.example.org"), name_of("hostmaster.example.org"), 42, 1, 2, 3, 4};
    d->meta.ns[0] = name_of("a.ns.example.org");
    d->meta.ns[1] = name_of("b.ns.example.org");
    zone_text_add(&text, SPAN_LIT("see "));
    zone_text_add_evidence(&text);
    v.text = buf_span(&text);
    assert_int_equal(zone_data_value(d, &v, &id), 0);
    assert_int_equal(zone_data_value(d, &(struct zone_value){.a = 0x7f000003}, &plain), 0);
    assert_int_equal(zone_data_table(d, ZONE_IPV4, ZONE_LONGEST, &t), 0);
    for (unsigned i = 0; i < singles; i++)
        assert_int_equal(zone_table_add4(t, i * 9973, i * 9973, i % 3 ? id : plain, i), 0);
    assert_int_equal(zone_table_add4(t, 0x7f000000, 0x7fffffff, id, 3), 0);
    assert_int_equal(zone_data_table(d, ZONE_IPV6, ZONE_LONGEST, &t), 0);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(zone_table_add6(t, (struct zone_ip6){i << 4, 0}, 60 + i % 5, id, i), 0);
    assert_int_equal(zone_table_add6(t, (struct zone_ip6){9, 9}, 128, plain, 0), 0);
    assert_int_equal(zone_data_table(d, ZONE_NAME, ZONE_LONGEST, &t), 0);
    assert_int_equal(zone_table_add_name(t, &x, ZONE_PLAIN | ZONE_WILD, id, 5), 0);
    assert_int_equal(zone_table_add_name(t, &x, ZONE_PLAIN, plain, 0), 0);
    assert_int_equal(zone_data_table(d, ZONE_PATTERN, ZONE_LONGEST, &t), 0);
    assert_int_equal(zone_table_add_pattern(t, SPAN_LIT("^mail"), ZONE_EXCLUDED, 0), 0);
    assert_int_equal(zone_table_add_pattern(t, SPAN_LIT("\\d+-\\d+-\\d+"), id, 8), 0);
    assert_int_equal(zone_data_table(d, ZONE_RECORDS, ZONE_LONGEST, &t), 0);
    assert_int_equal(zone_table_add_record(t, &x, DNS_TYPE_TXT, 60, SPAN_LIT("\002hi")), 0);
    assert_int_equal(zone_table_add_record(t, &apex, DNS_TYPE_A, 0, SPAN_LIT("\x7f\0\0\1")), 0);
    assert_int_equal(zone_table_add_record(t, &x, DNS_TYPE_A, 61, SPAN_LIT("\x7f\0\0\2")), 0);
    assert_int_equal(zone_data_fact(d, "url", SPAN_LIT("https://old.example.org/")), 0);
    assert_int_equal(zone_data_fact(d, "contact", SPAN_LIT("list@example.org")), 0);
    assert_int_equal(zone_data_fact(d, "url", SPAN_LIT("https://bl.example.org/")), 0);
    buf_deinit(&text);
}

static struct span compile(unsigned singles)
{
    struct zone_data d;
    struct span bytes;

    fill(&d, singles);
    assert_int_equal(zone_build(&d, &bytes), 0);
    zone_data_deinit(&d);
    return bytes;
}

static void test_kept(void **state)
{
    struct span bytes = compile(10);
    struct zone_image im;
    struct zone_said said;
    struct zone_hit hit;
    struct zone_record record;
    struct zone_rname x = rname_of("x.example"), apex = rname_of("@"),
                      example = rname_of("example");
    struct dns_name want = name_of("b.ns.example.org");
    size_t first;
    char out[ZONE_TEXT_MAX];
    size_t n;

    assert_int_equal(zone_image_open(bytes, &im), ZONE_IMAGE_OK);
    assert_int_equal(zone_image_verify(&im), ZONE_IMAGE_OK);
    assert_int_equal(im.meta.serial, 42);
    assert_int_equal(im.meta.ttl, 600);
    assert_int_equal(im.meta.created_wall, 1700000000);
    assert_int_equal(im.meta.expires_wall, 1800000000);
    assert_true(im.meta.has_soa);
    assert_int_equal(im.meta.soa.minimum, 4);
    assert_int_equal(im.meta.soa_ttl, 3600);
    assert_int_equal(im.meta.ns_ttl, 7200);
    assert_int_equal(im.meta.ns_count, 2);
    assert_true(dns_name_eq(&im.meta.ns[1], &want));
    assert_true(span_eq(zone_image_fact(&im, "url"), SPAN_LIT("https://bl.example.org/")));
    assert_true(span_eq(zone_image_fact(&im, "contact"), SPAN_LIT("list@example.org")));
    assert_int_equal(zone_image_fact(&im, "none").n, 0);
    assert_true(zone_image_class(&im, 7, 99, &hit));
    assert_true(zone_image_said(&im, hit, 0, &said));
    assert_int_equal(said.ttl, 300);
    n = zone_text_put(said.text, &(struct zone_text_args){.evidence = said.evidence}, out,
                      sizeof(out));
    assert_true(span_eq(span_of(out, n), SPAN_LIT("see 99")));
    assert_false(zone_image_class(&im, 8, 99, &hit));
    assert_int_equal(zone_image_find_records(&im, &x, &first), 2);
    assert_true(zone_image_record(&im, first, &record));
    assert_int_equal(record.type, DNS_TYPE_A);
    assert_true(zone_image_record(&im, first + 1, &record));
    assert_int_equal(record.type, DNS_TYPE_TXT);
    assert_int_equal(record.ttl, 60);
    assert_true(span_eq(record.rdata, SPAN_LIT("\002hi")));
    assert_int_equal(zone_image_find_records(&im, &apex, &first), 1);
    assert_int_equal(zone_image_find_records(&im, &example, &first), 0);
    assert_true(zone_image_records_below(&im, &example));
    assert_false(zone_image_records_below(&im, &x));
    assert_true(zone_image_records_below(&im, &apex));
    free((void *)(uintptr_t)bytes.p);
}

static void test_patterns(void **state)
{
    static const struct {
        const char *name;
        bool found;
    } cases[] = {
        {"host-192-0-2.dyn.example.org", true},
        {"HOST-192-0-2.example.org", true},
        {"mail-1-2-3.example.org", false}, /* excluded before */
        {"www.example.org", false},
        {"", false},
    };
    struct span bytes = compile(10);
    struct zone_image im;
    struct zone_patterns *p;
    struct zone_matcher *m;
    struct zone_hit hit;
    size_t at;
    char why[128];

    assert_int_equal(zone_image_open(bytes, &im), ZONE_IMAGE_OK);
    assert_int_equal(zone_patterns_new(&im, &p, &at, why), ZONE_PATTERNS_OK);
    assert_int_equal(zone_patterns_count(p), 2);
    assert_int_equal(zone_matcher_new(&m), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (zone_patterns_find(p, m, span_str(cases[i].name), &hit) != cases[i].found)
            fail_msg("%s", cases[i].name);
        if (cases[i].found)
            assert_int_equal(hit.evidence, 8);
    }
    assert_int_equal(zone_matcher_exhausted(m), 0);
    assert_false(zone_patterns_find(NULL, m, SPAN_LIT("a-1-2-3"), &hit));
    assert_true(zone_pattern_ok(SPAN_LIT("^dyn"), why));
    assert_false(zone_pattern_ok(SPAN_LIT("dyn("), why));
    assert_true(why[0]);
    assert_false(zone_pattern_ok(SPAN_LIT("(*UTF)dyn"), why));
    zone_matcher_free(m);
    zone_patterns_free(p);
    free((void *)(uintptr_t)bytes.p);
}

/* A pattern that would run for hours is cut off, counted, and the next one is still tried. */
static void test_pattern_limit(void **state)
{
    struct zone_data d;
    struct zone_table *t;
    struct zone_image im;
    struct span bytes;
    struct zone_patterns *p;
    struct zone_matcher *m;
    struct zone_hit hit;
    uint32_t id;
    size_t at;
    char why[128];

    zone_data_init(&d);
    assert_int_equal(zone_data_value(&d, &(struct zone_value){.a = 1}, &id), 0);
    assert_int_equal(zone_data_table(&d, ZONE_PATTERN, ZONE_LONGEST, &t), 0);
    assert_int_equal(zone_table_add_pattern(t, SPAN_LIT("^(a|aa|a?)+$"), id, 1), 0);
    assert_int_equal(zone_table_add_pattern(t, SPAN_LIT("!$"), id, 2), 0);
    assert_int_equal(zone_build(&d, &bytes), 0);
    assert_int_equal(zone_image_open(bytes, &im), ZONE_IMAGE_OK);
    assert_int_equal(zone_patterns_new(&im, &p, &at, why), 0);
    assert_int_equal(zone_matcher_new(&m), 0);
    assert_true(zone_patterns_find(
        p, m, SPAN_LIT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"), &hit));
    assert_int_equal(hit.evidence, 2);
    assert_int_equal(zone_matcher_exhausted(m), 1);
    zone_matcher_free(m);
    zone_patterns_free(p);
    free((void *)(uintptr_t)bytes.p);
    zone_data_deinit(&d);
}

/* Every octet changed, one after the other; and cut at every length of the first part. */
static void damage(unsigned singles, size_t step)
{
    struct span bytes = compile(singles);
    char *p = (char *)(uintptr_t)bytes.p;
    struct zone_image im;

    for (size_t n = 0; n < bytes.n; n += n < 2000 ? 1 : step) {
        /* In memory of its own, so that a sanitizer sees the end. */
        char *cut = malloc(n + 1);

        memcpy(cut, p, n);
        assert_int_equal(zone_image_open(span_of(cut, n), &im), ZONE_IMAGE_SHORT);
        free(cut);
    }
    for (size_t n = 0; n < bytes.n; n += n < 4000 ? 1 : step) {
        p[n] ^= 0x41;
        if (zone_image_open(bytes, &im) == ZONE_IMAGE_OK) {
            bool padding = true;

            for (size_t s = 0; s < ZONE_SECTIONS; s++)
                padding &= (const uint8_t *)p + n < im.sec[s].p ||
                           (const uint8_t *)p + n >= im.sec[s].p + im.sec[s].n;
            assert_int_equal(zone_image_verify(&im), padding ? ZONE_IMAGE_OK : ZONE_IMAGE_DAMAGED);
            image_look(&im, p, 64);
        }
        p[n] ^= 0x41;
    }
    assert_int_equal(zone_image_open(bytes, &im), ZONE_IMAGE_OK);
    assert_int_equal(zone_image_verify(&im), ZONE_IMAGE_OK);
    free(p);
}

static void test_damage(void **state)
{
    damage(10, 1);
    damage(17000, 4801);
}

static void test_limits(void **state)
{
    static const char big[ZONE_RDATA_MAX + 1];
    struct zone_data d;
    struct zone_table *four, *six, *names, *records, *patterns, *t;
    struct zone_rname apex = rname_of("@"), x = rname_of("x");
    char fact[3];
    uint32_t id;

    zone_data_init(&d);
    assert_int_equal(zone_data_table(&d, ZONE_IPV4, ZONE_LONGEST, &four), 0);
    assert_int_equal(zone_table_add4(four, 1, 2, 0, 0), -EINVAL);
    assert_int_equal(zone_table_add4(four, 2, 1, 0, 0), -EINVAL);
    assert_int_equal(zone_table_add4(four, 2, 5, 0, 0), -EINVAL);
    assert_int_equal(zone_table_add4(four, 4, 7, 0, 0), 0);
    assert_int_equal(zone_data_table(&d, ZONE_IPV6, ZONE_LONGEST, &six), 0);
    assert_int_equal(zone_table_add6(six, (struct zone_ip6){0, 1}, 127, 0, 0), -EINVAL);
    assert_int_equal(zone_table_add6(six, (struct zone_ip6){0, 1}, 129, 0, 0), -EINVAL);
    assert_int_equal(zone_data_table(&d, ZONE_NAME, ZONE_LONGEST, &names), 0);
    assert_int_equal(zone_table_add_name(names, &x, 0, 0, 0), -EINVAL);
    assert_int_equal(zone_table_add_name(names, &x, 4, 0, 0), -EINVAL);
    assert_int_equal(zone_table_add_name(names, &apex, ZONE_PLAIN, 0, 0), -EINVAL);
    assert_int_equal(zone_data_table(&d, ZONE_RECORDS, ZONE_LONGEST, &records), 0);
    assert_int_equal(zone_table_add_record(records, &x, 1, 0, span_of(big, ZONE_RDATA_MAX)), 0);
    assert_int_equal(zone_table_add_record(records, &x, 1, 0, span_of(big, ZONE_RDATA_MAX + 1)),
                     -E2BIG);
    assert_int_equal(zone_data_table(&d, ZONE_PATTERN, ZONE_LONGEST, &patterns), 0);
    assert_int_equal(zone_table_add_pattern(patterns, span_of(big, ZONE_PATTERN_LEN_MAX + 1), 0, 0),
                     -E2BIG);
    assert_int_equal(
        zone_data_value(&d, &(struct zone_value){.text = span_of(big, ZONE_TEMPLATE_MAX + 1)}, &id),
        -E2BIG);
    for (unsigned i = 0; i < ZONE_FACTS_MAX; i++) {
        fact[0] = (char)('a' + i / 8);
        fact[1] = (char)('a' + i % 8);
        fact[2] = '\0';
        assert_int_equal(zone_data_fact(&d, fact, SPAN_LIT("x")), 0);
    }
    assert_int_equal(zone_data_fact(&d, "one more", SPAN_LIT("x")), -E2BIG);
    for (unsigned i = 1; i < ZONE_NAME_TABLES_MAX; i++)
        assert_int_equal(zone_data_table(&d, ZONE_NAME, ZONE_LONGEST, &t), 0);
    assert_int_equal(zone_data_table(&d, ZONE_NAME, ZONE_LONGEST, &t), -E2BIG);
    while (d.table_count < ZONE_TABLES_MAX)
        assert_int_equal(zone_data_table(&d, ZONE_IPV4, ZONE_LONGEST, &t), 0);
    assert_int_equal(zone_data_table(&d, ZONE_IPV4, ZONE_LONGEST, &t), -E2BIG);
    /* A value that there is not. */
    assert_int_equal(zone_build(&d, &(struct span){0}), -EINVAL);
    zone_data_deinit(&d);
    zone_data_deinit(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),          cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_pattern_limit), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
