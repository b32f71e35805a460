/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "listfile/lists.h"

#include "guard.h"

#include "base/ip.h"
#include "zone/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void dump(const struct zone_data *d, const struct zone_remarks *remarks, struct buf *out)
{
    char text[DNS_NAME_TEXT_MAX];

    for (size_t t = 0; t < d->table_count; t++) {
        const struct zone_table *table = d->tables[t];

        for (size_t i = 0; i < table->count; i++) {
            uint32_t value, evidence;

            if (table->kind == ZONE_IPV4) {
                const struct zone_entry4 *e = &table->e.v4[i];

                buf_addf(out, "%u.%u.%u.%u+%u", e->from >> 24, e->from >> 16 & 255,
                         e->from >> 8 & 255, e->from & 255, e->to - e->from);
                value = e->value;
                evidence = e->evidence;
            } else if (table->kind == ZONE_IPV6) {
                const struct zone_entry6 *e = &table->e.v6[i];
                struct ip ip = {IP_V6, {0}};

                zone_ip6_bytes(e->from, ip.b);
                buf_addf(out, "%s/%u", ip_text(ip, text), e->len);
                value = e->value;
                evidence = e->evidence;
            } else {
                const struct zone_entry_name *e = &table->e.names[i];

                buf_addf(
                    out, "%s%s", (const char *[]){"", "", "*.", "."}[e->spans],
                    zone_rname_text((const uint8_t *)table->bytes.p + e->key, e->key_len, text));
                value = e->value;
                evidence = e->evidence;
            }
            if (d->values[value].a != 0x7f000002)
                buf_addf(out, " %x", d->values[value].a);
            if (evidence)
                buf_addf(out, " #%u", evidence);
            if (d->values[value].text.n)
                buf_add_char(out, ' ');
            zone_text_write(d->values[value].text, "$", "", "", out);
            buf_add_char(out, '\n');
        }
    }
    for (size_t i = 0; i < remarks->n; i++)
        buf_addf(out, "%s %u %s\n", zone_remark_kind_name(remarks->v[i].kind), remarks->v[i].line,
                 remarks->v[i].text);
}

static void reading(void **state)
{
    static const struct {
        const char *name;
        enum lists_format format;
        const char *in, *want;
    } cases[] = {
        {"nothing", LISTS_TEXT, "", ""},
        {"as Spamhaus' DROP was", LISTS_TEXT,
         "; Spamhaus DROP List\n192.0.2.0/24 ; SBL1\n198.51.100.0/25;SBL2\r\n",
         "192.0.2.0+255\n198.51.100.0+127\n"},
        {"each form", LISTS_TEXT,
         "# c\n192.0.2.1 some words\n192.0.2.4-192.0.2.7\n192.0.2.8 - 192.0.2.8\n0.0.0.0/0\n"
         "2001:db8::/32\n2001:db8::1-2001:db8::2\n::ffff:192.0.2.9\nexample.org // c\n"
         "*.Example.net\n.example.com\n",
         "192.0.2.1+0\n192.0.2.4+3\n192.0.2.8+0\n0.0.0.0+4294967295\n192.0.2.9+0\n"
         "2001:db8::/32\n2001:db8::1/128\n2001:db8::2/128\n"
         "example.org\n*.example.net\n.example.com\n"},
        {"a range of many prefixes", LISTS_TEXT,
         "255.255.255.253-255.255.255.255\n0.0.0.1-0.0.0.6\n",
         "255.255.255.253+0\n255.255.255.254+1\n0.0.0.1+0\n0.0.0.2+1\n0.0.0.4+1\n0.0.0.6+0\n"},
        {"bad", LISTS_TEXT,
         "192.0.2\n192.0.2.1/24\n192.0.2.2-192.0.2.1\n1.2.3.4-::1\na..b\n<html>\n12345\n",
         "skipped 1 neither an address nor a name: \"192.0.2\"\n"
         "skipped 2 neither an address nor a name: \"192.0.2.1/24\"\n"
         "skipped 3 neither an address nor a name: \"192.0.2.2-192.0.2.1\"\n"
         "skipped 4 neither an address nor a name: \"1.2.3.4-::1\"\n"
         "skipped 5 neither an address nor a name: \"a..b\"\n"
         "skipped 6 neither an address nor a name: \"<html>\"\n"
         "skipped 7 neither an address nor a name: \"12345\"\n"
         "refused 0 nothing but bad entries\n"},
        {"a byte order mark", LISTS_TEXT,
         "\xef\xbb\xbf"
         "192.0.2.1\r\n",
         "192.0.2.1+0\n"},
        {"CSV with a head", LISTS_CSV,
         "seen,IP,reason,code,evidence\n2026-11-21,192.0.2.1,\"a \"\"b\"\", c\",127.0.0.4,7\n"
         "x,192.0.2.2,,,\nx,example.org\n",
         "192.0.2.1+0 7f000004 #7 a \"b\", c\n192.0.2.2+0\nexample.org\n"},
        {"CSV without", LISTS_CSV, "192.0.2.1,x\n\n# c\n\"192.0.2.2\",\"y\nz\"\n192.0.2,1\n",
         "192.0.2.1+0\n192.0.2.2+0\nskipped 6 neither an address nor a name: \"192.0.2\"\n"},
        {"other separators", LISTS_CSV, "host;text\nexample.org;a,b\n", "example.org a,b\n"},
        {"CSV, bad", LISTS_CSV,
         "ip,code,evidence\n192.0.2.1,10.0.0.1\n192.0.2.2,127.0.0.1\n192.0.2.3,,x\n\"192.0.2.4\n",
         "skipped 2 no A value: \"10.0.0.1\"\nskipped 3 no A value: \"127.0.0.1\"\n"
         "skipped 4 no number of evidence: \"x\"\n"
         "skipped 5 a record without end, or too long: \"\"\n"
         "refused 0 nothing but bad entries\n"},
        {"UTF-16", LISTS_TEXT,
         "\xff\xfe"
         "1",
         "refused 0 a list in UTF-16\n"},
        {"a comment with other separators", LISTS_CSV,
         "\xef\xbb\xbf# made, by, us\n\nreason;IP Address\nx;192.0.2.1\n", "192.0.2.1+0 x\n"},
        {"an address goes before a name", LISTS_CSV,
         "Host-Name,src_ip\nexample.org,192.0.2.1\nexample.net,\n", "192.0.2.1+0\nexample.net\n"},
        {"columns that nobody knows", LISTS_CSV, "foo bar,baz\n192.0.2.1,x\n",
         "192.0.2.1+0\nskipped 1 no column that is known: \"foo bar\"\n"},
        {"JSON with a name and an address", LISTS_JSON,
         "{\"name\":\"SBL1\",\"cidr\":\"192.0.2.0/24\"}\n{\"name\":\"example.org\"}\n",
         "192.0.2.0+255\nexample.org\n"},
        {"JSON, nothing that we know", LISTS_JSON, "{\"prefixes\":\"192.0.2.1\"}\n",
         "skipped 1 no entry in it: \"{\"prefixes\":\"192.0.2.1\"}\"\n"
         "refused 0 nothing but bad entries\n"},
        {"JSON, lists in an object", LISTS_JSON,
         "{\n \"made\": 1, \"prefixes\": [\n {\"ip_prefix\": \"192.0.2.0/24\"},\n {\"x\": 1}\n ],\n"
         " \"more\": [\"2001:db8::/32\"]\n}\n",
         "192.0.2.0+255\n2001:db8::/32\nskipped 2 no entry in it: \"element\"\n"},
        {"JSON, arrays beside an entry", LISTS_JSON,
         "{\"ip\":\"192.0.2.1\",\"ns\":[\"ns.example.org\"]}\n", "192.0.2.1+0\n"},
        {"JSON, arrays in objects a line", LISTS_JSON,
         "{\"ns\":[\"ns.example.org\"]}\n{\"ip\":\"192.0.2.1\"}\n",
         "192.0.2.1+0\nskipped 1 no entry in it: \"{\"ns\":[\"ns.example.org\"]}\"\n"},
        {"JSON, an array cut off", LISTS_JSON, "[\"192.0.2.1\",\n",
         "refused 1 not JSON: ']' expected near end of file\n"},
    };
    struct guard guard = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t entries = 0;
        struct lists_options o = {.entries = &entries};
        struct zone_data d;
        struct zone_remarks remarks = {0};
        struct buf got = BUF_INIT(10000);

        zone_data_init(&d);
        int r =
            lists_read(cases[i].format, "list", guard_str(&guard, cases[i].in), &o, &d, &remarks);

        assert_int_equal(r == LISTS_REFUSED, remarks.refused > 0);
        assert_true(r >= 0);
        if (strcmp(cases[i].name, "a range of many prefixes") == 0)
            assert_int_equal(entries, 2);
        dump(&d, &remarks, &got);
        if (strcmp(buf_str(&got), cases[i].want) != 0)
            print_error("case \"%s\"\n", cases[i].name);
        assert_string_equal(buf_str(&got), cases[i].want);
        buf_deinit(&got);
        zone_data_deinit(&d);
        zone_remarks_deinit(&remarks);
    }
    guard_free(&guard);
}

static void guesses(void **state)
{
    static const struct {
        const char *in;
        enum lists_format want;
    } cases[] = {
        {"", LISTS_TEXT},
        {"192.0.2.1\n", LISTS_TEXT},
        {"# a, b\n192.0.2.1\n", LISTS_TEXT},
        {"ip,text\n", LISTS_CSV},
        {"\n [1]", LISTS_JSON},
        {"{\"ip\":\"x\"}\n", LISTS_JSON},
        {"reason;ip\n", LISTS_CSV},
        {"x\t\"src ip\"\n", LISTS_CSV},
        {"domain\n", LISTS_CSV},
        {"192.0.2.1 spam, 2020\n", LISTS_TEXT},
        {"192.0.2.1,x\n", LISTS_CSV},
        {"192.0.2.0/24 ; SBL1\n", LISTS_TEXT},
        {"\xef\xbb\xbf[1]", LISTS_JSON},
    };
    enum lists_format format;

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(lists_guess(span_str(cases[i].in)), cases[i].want);
    for (unsigned i = 0; i < LISTS_FORMATS; i++) {
        assert_true(lists_format_of(span_str(lists_format_name(i)), &format));
        assert_int_equal(format, i);
    }
    assert_false(lists_format_of(SPAN_LIT("xml"), &format));
}

static int read_buf(enum lists_format format, struct buf *in, size_t *ret_entries,
                    struct zone_remarks *remarks, bool strict)
{
    struct lists_options o = {.a = 0x7f000009, .text = SPAN_LIT("of $ all"), .strict = strict};
    struct zone_data d;

    zone_data_init(&d);
    int r = lists_read(format, "list", buf_span(in), &o, &d, remarks);

    *ret_entries = d.table_count ? d.tables[0]->count : 0;
    if (d.value_count) {
        struct buf text = BUF_INIT(100);

        assert_int_equal(d.values[0].a, 0x7f000009);
        zone_text_write(d.values[0].text, "?", "", "", &text);
        assert_string_equal(buf_str(&text), "of $ all");
        buf_deinit(&text);
    }
    zone_data_deinit(&d);
    buf_clear(in);
    return r;
}

static void limits(void **state)
{
    struct buf in = BUF_INIT(1 << 20);
    struct zone_remarks remarks = {0};
    size_t n;

    for (int over = 0; over < 2; over++) {
        buf_add_str(&in, "192.0.2.1 ");
        for (int i = 10; i < LISTS_LINE_MAX + over; i++)
            buf_add_char(&in, 'x');
        buf_add_char(&in, '\n');
    }
    assert_int_equal(read_buf(LISTS_TEXT, &in, &n, &remarks, false), LISTS_OK);
    assert_int_equal(n, 1);
    assert_int_equal(remarks.v[0].line, 2);
    for (int over = 0; over < 2; over++) {
        buf_add_str(&in, "192.0.2.1");
        for (int i = 1; i < LISTS_FIELDS_MAX + over; i++)
            buf_add_str(&in, ",x");
        buf_add_char(&in, '\n');
    }
    assert_int_equal(read_buf(LISTS_CSV, &in, &n, &remarks, false), LISTS_OK);
    assert_int_equal(n, 1);
    buf_add_str(&in, "5 y\n192.0.2.1\n");
    assert_int_equal(read_buf(LISTS_TEXT, &in, &n, &remarks, true), LISTS_REFUSED);
    for (int i = 0; i < LISTS_BAD_MIN; i++)
        buf_add_str(&in, "5\n");
    for (int i = 0; i < LISTS_BAD_MIN; i++)
        buf_add_str(&in, "192.0.2.1\n");
    assert_int_equal(read_buf(LISTS_TEXT, &in, &n, &remarks, false), LISTS_OK);
    for (int i = 0; i < LISTS_BAD_MIN; i++)
        buf_add_str(&in, "5\n");
    for (int i = 1; i < LISTS_BAD_MIN; i++)
        buf_add_str(&in, "192.0.2.1\n");
    assert_int_equal(read_buf(LISTS_TEXT, &in, &n, &remarks, false), LISTS_REFUSED);
    zone_remarks_deinit(&remarks);
    buf_deinit(&in);
}

/* A text is cut between two characters; what is no UTF-8 at its limit. */
static void long_texts(void **state)
{
    static const struct {
        const char *piece;
        size_t times, want;
    } cases[] = {{"x", 255, 255},        {"x", 256, 255},           {"\xc3\xbc", 127, 254},
                 {"\xc3\xbc", 128, 254}, {"\xe2\x82\xac", 85, 255}, {"\xf0\x9f\x9a\xaa", 64, 252},
                 {"\xbc", 300, 251}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf in = BUF_INIT(5000), text = BUF_INIT(5000);
        struct lists_options o = {0};
        struct zone_remarks remarks = {0};
        struct zone_data d;

        zone_data_init(&d);
        buf_add_str(&in, "ip,text\n192.0.2.1,");
        for (size_t k = 0; k < cases[i].times; k++)
            buf_add_str(&in, cases[i].piece);
        assert_int_equal(lists_read(LISTS_CSV, "list", buf_span(&in), &o, &d, &remarks), LISTS_OK);
        assert_int_equal(d.value_count, 1);
        zone_text_write(d.values[0].text, "", "", "", &text);
        assert_int_equal(text.n, cases[i].want);
        zone_data_deinit(&d);
        zone_remarks_deinit(&remarks);
        buf_deinit(&in);
        buf_deinit(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading),
        cmocka_unit_test(guesses),
        cmocka_unit_test(limits),
        cmocka_unit_test(long_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
