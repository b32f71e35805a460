/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/shape.h"

#include "zonelab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct dns_name ns[2];
static struct ip apex[2];
static struct zone_code codes[2];
static struct zone_source source;
static struct lab_image image;

/* An image of an own list: the classes and what is listed. */
static void make(struct lab_image *im, const char *text, uint32_t code, uint32_t ttl, bool more)
{
    struct zone_value v = {.a = LAB_CODE(code), .ttl = ttl, .class_id = 2};
    struct buf t = BUF_INIT(ZONE_TEMPLATE_MAX);
    struct zone_table *four;
    struct zone_data d;
    uint32_t value;

    zone_data_init(&d);
    lab_template(text, &t);
    v.text = buf_span(&t);
    lab_need(zone_data_value(&d, &v, &value) == 0, "value");
    lab_need(zone_data_table(&d, ZONE_IPV4, ZONE_LONGEST, &four) == 0, "table");
    for (uint32_t i = 0; i <= more; i++)
        lab_need(zone_table_add4(four, 0xc0000201 + i, 0xc0000201 + i, value, i + 1) == 0, "add");
    lab_image_build(im, &d);
    buf_deinit(&t);
    zone_data_deinit(&d);
}

/* The shape of the first zone. */
static uint64_t shape_of(const struct zone_spec *specs, size_t count)
{
    struct zone_set_error err;
    struct zone_set *set;
    uint64_t sum;

    assert_int_equal(zone_set_new(specs, count, NULL, &set, &err), 0);
    sum = zone_shape(set, zone_set_at(set, 0));
    zone_set_free(set);
    return sum;
}

static struct zone_spec usual(void)
{
    codes[0] = (struct zone_code){.a = LAB_CODE(2)};
    codes[1] = (struct zone_code){LAB_CODE(4), SPAN_LIT("four")};
    ns[0] = lab_name("ns1.example.org");
    ns[1] = lab_name("ns2.example.org");
    ip_parse(SPAN_LIT("192.0.2.80"), &apex[0]);
    ip_parse(SPAN_LIT("2001:db8::80"), &apex[1]);
    source = (struct zone_source){.view = {.image = &image.image}, .has4 = true, .has6 = true};
    return (struct zone_spec){.name = lab_name("bl.example.org"),
                              .sources = &source,
                              .source_count = 1,
                              .has_soa = true,
                              .soa = lab_soa(),
                              .ns = ns,
                              .ns_count = 1,
                              .apex = apex,
                              .apex_count = 1,
                              .codes = codes,
                              .code_count = 1,
                              .ttl = 300};
}

enum part {
    SERIAL,
    TTL,
    SOA_TTL,
    NS_TTL,
    REFRESH,
    RETRY,
    EXPIRE,
    MINIMUM,
    MNAME,
    RNAME,
    NS,
    NS_OTHER,
    APEX,
    APEX_OTHER,
    APEX_TXT,
    CODES,
    TEXT_OF_CODE,
    RETIRED,
    ANNOUNCED,
    SIX,
    KEYS,
    PARTS,
};

static void change(struct zone_spec *s, enum part part)
{
    static const struct zone_transfer anyone;

    switch (part) {
    case SERIAL:
        s->soa.serial += 77;
        break;
    case TTL:
        s->ttl = 301;
        break;
    case SOA_TTL:
        s->soa_ttl = 17;
        break;
    case NS_TTL:
        s->ns_ttl = 17;
        break;
    case REFRESH:
        s->soa.refresh++;
        break;
    case RETRY:
        s->soa.retry++;
        break;
    case EXPIRE:
        s->soa.expire++;
        break;
    case MINIMUM:
        s->soa.minimum++;
        break;
    case MNAME:
        s->soa.mname = lab_name("ns2.example.org");
        break;
    case RNAME:
        s->soa.rname = lab_name("postmaster.example.org");
        break;
    case NS:
        s->ns_count = 2;
        break;
    case NS_OTHER:
        ns[0] = lab_name("ns3.example.org");
        break;
    case APEX:
        s->apex_count = 2;
        break;
    case APEX_OTHER:
        apex[0].b[3]++;
        break;
    case APEX_TXT:
        s->apex_txt = SPAN_LIT("about");
        break;
    case CODES:
        s->code_count = 2;
        break;
    case TEXT_OF_CODE:
        codes[0].text = SPAN_LIT("another");
        break;
    case RETIRED:
        s->state = ZONE_RETIRED;
        break;
    case ANNOUNCED:
        s->state = ZONE_ANNOUNCED;
        break;
    case SIX:
        source.has6 = false;
        break;
    case KEYS:
        s->transfers = &anyone;
        s->transfer_count = 1;
        break;
    case PARTS:
        break;
    }
}

/* Each part shapes the zone, but for the serial and who may have it. */
static void parts(void **state)
{
    uint64_t seen[PARTS], base;
    struct zone_spec spec;

    make(&image, "open relay $", 2, 0, false);
    spec = usual();
    base = shape_of(&spec, 1);
    for (enum part part = 0; part < PARTS; part++) {
        spec = usual();
        change(&spec, part);
        seen[part] = shape_of(&spec, 1);
        print_message("# part %u\n", (unsigned)part);
        assert_true((seen[part] == base) == (part == SERIAL || part == KEYS));
        for (unsigned i = 1; i < part; i++)
            assert_true(seen[i] != seen[part]);
    }
    spec = usual();
    assert_true(shape_of(&spec, 1) == base);
    lab_image_free(&image);
}

static void zones_below(void **state)
{
    struct zone_spec specs[3];
    uint64_t alone, two, other;

    make(&image, "open relay $", 2, 0, false);
    specs[0] = specs[1] = specs[2] = usual();
    specs[1].name = lab_name("outputs.bl.example.org");
    specs[2].name = lab_name("other.example.org");
    alone = shape_of(specs, 1);
    two = shape_of(specs, 2);
    assert_true(alone != two);
    assert_true(two == shape_of(specs, 3));
    specs[1].ns_count = 2;
    other = shape_of(specs, 2);
    assert_true(other != two && other != alone);
    lab_image_free(&image);
}

static void images(void **state)
{
    static const struct {
        const char *name, *text;
        uint32_t code, ttl;
        bool more, same;
    } cases[] = {
        {"the same", "open relay $", 2, 0, false, true},
        {"more is listed", "open relay $", 2, 0, true, true},
        {"another text", "relay, open: $", 2, 0, false, false},
        {"another template", "open relay %", 2, 0, false, false},
        {"another code", "open relay $", 3, 0, false, false},
        {"a TTL", "open relay $", 2, 60, false, false},
    };
    uint64_t base;

    make(&image, cases[0].text, cases[0].code, cases[0].ttl, false);
    base = zone_shape_image(&image.image);
    lab_image_free(&image);
    for (size_t i = 0; i < COUNT(cases); i++) {
        make(&image, cases[i].text, cases[i].code, cases[i].ttl, cases[i].more);
        print_message("# %s\n", cases[i].name);
        assert_true((zone_shape_image(&image.image) == base) == cases[i].same);
        lab_image_free(&image);
    }
}

/* A serial of the SOA and the journal's behind it. */
static void serials(void **state)
{
    static const struct {
        const char *name;
        bool has_steps;
        uint32_t raised, since, serial, journal;
        bool told;
    } cases[] = {
        {"as it is", true, 0, 1000, 1000, 1000, true},
        {"before", true, 0, 1000, 999, 999, false},
        {"raised", true, 3, 1003, 1010, 1007, true},
        {"raised, and from before", true, 3, 1003, 1002, 999, false},
        {"around the circle", true, 3, UINT32_MAX, 1, UINT32_MAX - 1, true},
        {"before, around it", true, 3, 1, UINT32_MAX, UINT32_MAX - 3, false},
        {"none are had", false, 0, 1000, 1000, 1000, false},
    };
    struct zone_spec spec;
    struct zone_set_error err;
    struct zone_set *set;
    uint32_t got;

    make(&image, "open relay $", 2, 0, false);
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        spec = usual();
        spec.has_steps = cases[i].has_steps;
        spec.raised = cases[i].raised;
        spec.steps_since = cases[i].since;
        assert_int_equal(zone_set_new(&spec, 1, NULL, &set, &err), 0);
        assert_true(zone_journal_serial(zone_set_at(set, 0), cases[i].serial, &got) ==
                    cases[i].told);
        assert_int_equal(got, cases[i].journal);
        zone_set_free(set);
    }
    lab_image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts),
        cmocka_unit_test(zones_below),
        cmocka_unit_test(images),
        cmocka_unit_test(serials),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
