/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/set.h"

#include "zonelab.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct lab_row rows[] = {{'4', "192.0.2.1", LAB_CODE(2), "x", 0}};
static struct lab_image image;
static struct zone_source source = {.view = {.image = &image.image}, .has4 = true};

static struct zone_spec spec_of(const char *name)
{
    return (struct zone_spec){.name = lab_name(name),
                              .sources = &source,
                              .source_count = 1,
                              .has_soa = true,
                              .soa = lab_soa()};
}

static int setup(void **state)
{
    lab_image_new(&image, rows, COUNT(rows));
    return 0;
}

static int teardown(void **state)
{
    lab_image_free(&image);
    return 0;
}

/* The zone of a question, and which of its labels the zone's name begins at. */
static void finding(void **state)
{
    static const struct {
        const char *name, *question, *zone;
        unsigned label;
    } cases[] = {
        {"the zone", "bl.example.org", "bl.example.org", 0},
        {"below it", "1.2.0.192.bl.example.org", "bl.example.org", 4},
        {"the more specific one", "1.x.outputs.bl.example.org", "outputs.bl.example.org", 2},
        {"in another case", "1.OUTPUTS.bl.EXAMPLE.org", "outputs.bl.example.org", 1},
        {"above all", "example.org", NULL, 0},
        {"the end of a name is none", "xbl.example.org", NULL, 0},
        {"a zone of one label", "a.b.one", "one", 2},
        {"another of that length", "a.b.two", NULL, 0},
        {"between two zones", "q.deep.two.example.net", "example.net", 3},
        {"the deep one", "x.z.q.deep.two.example.net", "z.q.deep.two.example.net", 1},
    };
    struct zone_spec specs[] = {spec_of("bl.example.org"), spec_of("outputs.BL.example.org."),
                                spec_of("one"), spec_of("example.net"),
                                spec_of("z.q.deep.two.example.net")};
    struct zone_set_error err;
    struct zone_set *set;

    assert_int_equal(zone_set_new(specs, COUNT(specs), NULL, &set, &err), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t packet[300];
        struct dns_query q;
        unsigned label = 99;
        const struct zone *z;

        print_message("# %s\n", cases[i].name);
        assert_int_equal(dns_query_parse(&q, packet,
                                         lab_question(packet, sizeof(packet), cases[i].question,
                                                      DNS_TYPE_A, false)),
                         DNS_PARSE_OK);
        z = zone_set_find(set, &q, &label);
        assert_true((z == NULL) == (cases[i].zone == NULL));
        if (!z)
            continue;
        assert_string_equal(zone_title(z), cases[i].zone);
        assert_int_equal(label, cases[i].label);
        assert_ptr_equal(zone_set_at(set, zone_index(z)), z);
        assert_ptr_equal(zone_set_by_name(set, zone_wire(z)), z);
    }
    assert_null(zone_set_by_name(set, &(struct dns_name){.n = 1}));
    assert_int_equal(zone_set_count(set), COUNT(specs));
    assert_int_equal(zone_serial(zone_set_at(set, 0)), 7);
    assert_int_equal(zone_soa(zone_set_at(set, 0))->minimum, 60);
    zone_set_free(set);
}

/* A thousand zones that differ in one label, and one for the root. */
static void many(void **state)
{
    static struct zone_spec specs[1001];
    struct zone_set_error err;
    struct zone_set *set;
    char name[40];

    for (size_t i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "z%zu.bl.example.org", i);
        specs[i] = spec_of(name);
    }
    specs[1000] = spec_of(".");
    assert_int_equal(zone_set_new(specs, COUNT(specs), NULL, &set, &err), 0);
    for (size_t i = 0; i <= 1000; i++) {
        const struct zone *z = zone_set_by_name(set, &specs[i].name);

        assert_non_null(z);
        assert_int_equal(zone_index(z), i);
    }
    zone_set_free(set);
}

static void refused(void **state)
{
    static const struct zone_code dead = {.a = LAB_CODE(1)}, foreign = {.a = 0x0a000001};
    static char long_text[ZONE_TXT_MAX + 2];
    struct zone_code wordy = {.a = LAB_CODE(2), .text = {long_text, ZONE_TXT_MAX + 1}};
    struct zone_spec cases[11];
    struct zone_set_error err;
    struct zone_set *set;

    memset(long_text, 'x', sizeof(long_text) - 1);
    for (size_t i = 0; i < COUNT(cases); i++)
        cases[i] = spec_of("bl.example.org");
    cases[0].name.n = 0;
    cases[1].name.n--;
    cases[2].source_count = 0;
    cases[3].codes = &dead;
    cases[3].code_count = 1;
    cases[4].codes = &foreign;
    cases[4].code_count = 1;
    cases[5].codes = &wordy;
    cases[5].code_count = 1;
    cases[6].ns_count = ZONE_NS_MAX + 1;
    cases[7].apex_txt = span_of(long_text, ZONE_TXT_MAX + 1);
    cases[8].key_required = true;
    cases[9].soa.mname.n = 0;
    cases[10].apex_count = ZONE_APEX_MAX + 1;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct zone_spec two[2] = {spec_of("fine.example.org"), cases[i]};

        assert_int_equal(zone_set_new(two, 2, NULL, &set, &err), -EINVAL);
        print_message("# %s\n", err.why);
        assert_int_equal(err.zone, 1);
        assert_true(strlen(err.why) > 5);
    }
}

static void refused_options(void **state)
{
    static const char long_text[300];
    struct zone_set_options cases[] = {
        {.nsid = {long_text, DNS_NSID_MAX + 1}},
        {.version = {long_text, DNS_STRING_MAX + 1}},
        {.udp_max = DNS_UDP_MIN - 1},
        {.udp_max = 4097},
    };
    struct zone_spec twice[2] = {spec_of("bl.example.org"), spec_of("BL.example.org")};
    struct zone_set_error err;
    struct zone_set *set;

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(zone_set_new(twice, 1, &cases[i], &set, &err), -EINVAL);
        assert_true(err.zone == SIZE_MAX && strlen(err.why) > 5);
    }
    assert_int_equal(zone_set_new(twice, 2, NULL, &set, &err), -EINVAL);
    assert_int_equal(err.zone, 1);
    assert_string_equal(err.why, "bl.example.org is there twice");
}

/* RFC 1035 §3.3.14: a text over 255 octets is several strings of one record. */
static void long_texts(void **state)
{
    static char text[ZONE_TXT_MAX];
    struct zone_code code = {.a = LAB_CODE(2), .text = {text, 600}};
    struct zone_client client = {.ip = {IP_V4, {192, 0, 2, 53}}, .tcp = true};
    struct zone_spec spec = spec_of("bl.example.org");
    struct zone_outcome what;
    struct zone_set_error err;
    uint8_t packet[100], out[2048];
    struct zone_set *set;
    size_t n;

    memset(text, 'y', sizeof(text));
    spec.codes = &code;
    spec.code_count = 1;
    assert_int_equal(zone_set_new(&spec, 1, NULL, &set, &err), 0);
    n = lab_question(packet, sizeof(packet), "2.0.0.127.bl.example.org", DNS_TYPE_TXT, false);
    assert_int_equal(n, 42);
    assert_int_equal(zone_answer(set, &client, packet, n, out, sizeof(out), &what), n + 12 + 603);
    assert_int_equal(out[n + 10] << 8 | out[n + 11], 603);
    assert_int_equal(out[n + 12], 255);
    assert_int_equal(out[n + 12 + 256], 255);
    assert_int_equal(out[n + 12 + 512], 90);
    zone_set_free(set);
}

/* What the data tell goes where the spec says nothing. */
static void fill(void **state)
{
    struct zone_image im = image.image;
    struct zone_view view = {.image = &im};
    struct dns_name ns[ZONE_NS_MAX];
    struct zone_spec spec = {.ttl = 0};

    im.meta.has_soa = true;
    im.meta.soa = lab_soa();
    im.meta.soa_ttl = 77;
    im.meta.ttl = 88;
    im.meta.ns_count = 1;
    im.meta.ns_ttl = 99;
    im.meta.ns[0] = lab_name("ns.example.com");
    zone_spec_fill(&spec, &view, ns);
    assert_true(spec.has_soa && spec.soa.serial == 7 && spec.soa_ttl == 77 && spec.ttl == 88);
    assert_true(spec.ns_count == 1 && spec.ns_ttl == 99 && dns_name_eq(spec.ns, &im.meta.ns[0]));
    im.meta.soa.serial = 8;
    im.meta.ttl = 1;
    zone_spec_fill(&spec, &view, ns);
    assert_true(spec.soa.serial == 7 && spec.ttl == 88);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finding),         cmocka_unit_test(many),       cmocka_unit_test(refused),
        cmocka_unit_test(refused_options), cmocka_unit_test(long_texts), cmocka_unit_test(fill),
    };

    return cmocka_run_group_tests_name("zone/set", tests, setup, teardown);
}
