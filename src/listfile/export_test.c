/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each format of one small list, byte for byte; and what rbldnsd's formats say, read back. */
#include "listfile/export.h"

#include "listfile/rbl.h"
#include "zone/build.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char list[] = "$SOA 300 ns.test admin.test 7 1h 2h 1w 5m\n"
                           "$NS 1d ns1.test ns2.test\n"
                           "$DATASET ip4set @\n"
                           "192.0.2.1\n"
                           "192.0.2.2-5 :4:relay $ costs $$1\n"
                           "198.51.100/24 :9:\n"
                           "!198.51.100.7\n"
                           "203.0.113.9 :2:a \"b\", c\n"
                           "203.0.113.9 :4:second\n"
                           "$DATASET ip6trie @\n"
                           "2001:db8::/32 six\n"
                           "2001:db8:1::/48 :5: seven\n"
                           "$DATASET dnset @\n"
                           ".example.org names\n"
                           "!mail.example.org\n"
                           "*.example.net :3:==x\n"
                           "$DATASET generic @\n"
                           "@ A 192.0.2.80\n"
                           "www 300 MX 10 mx.test\n"
                           "about TXT \"some $ text\"\n";

static int put(void *ctx, struct span bytes)
{
    buf_add(ctx, bytes);
    return 0;
}

struct compiled {
    struct rbl_zones zones;
    struct zone_remarks remarks;
    struct span bytes;
    struct zone_image image;
    struct zone_view view;
};

static void compile(struct compiled *c, enum rbl_type type, struct span text)
{
    struct rbl_options o = {.now_wall = 1795295000};
    struct rbl_file file = {"list", text, 1795290000};

    *c = (struct compiled){0};
    assert_int_equal(rbl_read(type, &file, 1, &o, &c->zones, &c->remarks), RBL_OK);
    for (size_t i = 0; i < c->remarks.n; i++)
        print_error("%u: %s\n", c->remarks.v[i].line, c->remarks.v[i].text);
    assert_int_equal(c->remarks.n, 0);
    assert_int_equal(zone_build(&c->zones.v[0]->data, &c->bytes), 0);
    assert_int_equal(zone_image_open(c->bytes, &c->image), ZONE_IMAGE_OK);
    c->view.image = &c->image;
}

static void compiled_deinit(struct compiled *c)
{
    rbl_zones_deinit(&c->zones);
    zone_remarks_deinit(&c->remarks);
    free((void *)(uintptr_t)c->bytes.p);
}

static const struct {
    enum export_format format;
    unsigned left_out;
    const char *want;
} formats[] = {
    {EXPORT_IP4SET, 23,
     "192.0.2.1\n192.0.2.2/31 :4:relay $ costs $$1\n192.0.2.4/31 :4:relay $ costs $$1\n"
     "198.51.100.0/30 :9:\n198.51.100.4/31 :9:\n198.51.100.6 :9:\n198.51.100.8/29 :9:\n"
     "198.51.100.16/28 :9:\n198.51.100.32/27 :9:\n198.51.100.64/26 :9:\n198.51.100.128/25 :9:\n"
     "203.0.113.9 :2:a \"b\", c\n203.0.113.9 :4:second\n"},
    {EXPORT_IP6TRIE, 18,
     "2001:db8::/48 :2:six\n2001:db8:1::/48 :5:seven\n2001:db8:2::/47 :2:six\n"
     "2001:db8:4::/46 :2:six\n2001:db8:8::/45 :2:six\n2001:db8:10::/44 :2:six\n"
     "2001:db8:20::/43 :2:six\n2001:db8:40::/42 :2:six\n2001:db8:80::/41 :2:six\n"
     "2001:db8:100::/40 :2:six\n2001:db8:200::/39 :2:six\n2001:db8:400::/38 :2:six\n"
     "2001:db8:800::/37 :2:six\n2001:db8:1000::/36 :2:six\n2001:db8:2000::/35 :2:six\n"
     "2001:db8:4000::/34 :2:six\n2001:db8:8000::/33 :2:six\n"},
    {EXPORT_DNSET, 32,
     "*.example.net :3:==x\nexample.org :2:names\n*.example.org :2:names\n!mail.example.org\n"},
    {EXPORT_GENERIC, 32, "@ A 192.0.2.80\nwww 300 MX 10 mx.test\nabout TXT \"some $ text\"\n"},
    {EXPORT_POSTFIX, 6,
     "192.0.2.1\tREJECT\n192.0.2.2/31\tREJECT\n192.0.2.4/31\tREJECT\n198.51.100.0/30\tREJECT\n"
     "198.51.100.4/31\tREJECT\n198.51.100.6\tREJECT\n198.51.100.8/29\tREJECT\n"
     "198.51.100.16/28\tREJECT\n198.51.100.32/27\tREJECT\n198.51.100.64/26\tREJECT\n"
     "198.51.100.128/25\tREJECT\n203.0.113.9\tREJECT\n2001:db8::/32\tREJECT\n"},
    {EXPORT_NFTABLES, 6,
     "add table inet postern\n"
     "add set inet postern listed4 { type ipv4_addr; flags interval; }\n"
     "flush set inet postern listed4\n"
     "add set inet postern listed6 { type ipv6_addr; flags interval; }\n"
     "flush set inet postern listed6\n"
     "add element inet postern listed4 {\n"
     "192.0.2.1,\n192.0.2.2/31,\n192.0.2.4/31,\n198.51.100.0/30,\n198.51.100.4/31,\n"
     "198.51.100.6,\n198.51.100.8/29,\n198.51.100.16/28,\n198.51.100.32/27,\n"
     "198.51.100.64/26,\n198.51.100.128/25,\n203.0.113.9,\n}\n"
     "add element inet postern listed6 {\n2001:db8::/32,\n}\n"},
    {EXPORT_RPZ, 3,
     "$ORIGIN rpz.test.\n$TTL 300\n@ SOA ns.test. admin.test. 1795290000 3600 7200 604800 300\n"
     "@ NS localhost.\n"
     "32.1.2.0.192.rpz-ip CNAME .\n31.2.2.0.192.rpz-ip CNAME .\n31.4.2.0.192.rpz-ip CNAME .\n"
     "30.0.100.51.198.rpz-ip CNAME .\n31.4.100.51.198.rpz-ip CNAME .\n"
     "32.6.100.51.198.rpz-ip CNAME .\n29.8.100.51.198.rpz-ip CNAME .\n"
     "28.16.100.51.198.rpz-ip CNAME .\n27.32.100.51.198.rpz-ip CNAME .\n"
     "26.64.100.51.198.rpz-ip CNAME .\n25.128.100.51.198.rpz-ip CNAME .\n"
     "32.9.113.0.203.rpz-ip CNAME .\n32.zz.db8.2001.rpz-ip CNAME .\n"
     "*.example.net CNAME .\nexample.org CNAME .\n*.example.org CNAME .\n"
     "mail.example.org CNAME rpz-passthru.\n"},
};

static void bytes_of_formats(void **state)
{
    struct export_options o = {.zone = "rpz.test"};
    struct compiled c;

    compile(&c, RBL_COMBINED, span_str(list));
    for (size_t i = 0; i < COUNT(formats); i++) {
        struct buf got = BUF_INIT(100000);
        struct export_count count;
        struct zone_sink sink = {put, &got};

        assert_int_equal(export_write(formats[i].format, &c.view, &o, &sink, &count), EXPORT_OK);
        if (strcmp(buf_str(&got), formats[i].want) != 0)
            print_error("format %s\n", export_format_name(formats[i].format));
        assert_string_equal(buf_str(&got), formats[i].want);
        assert_int_equal(count.left_out, formats[i].left_out);
        buf_deinit(&got);
    }
    compiled_deinit(&c);
}

static void rows(void **state)
{
    static const char few[] = "192.0.2.1 :4:a \"b\", c \x01 \xe9 $\n198.51.100/24 plain\n";
    struct export_options o = {.zone = "bl.test"};
    struct export_count count;
    struct compiled c;
    struct buf got = BUF_INIT(100000);
    struct zone_sink sink = {put, &got};

    compile(&c, RBL_IP4TRIE, span_str(few));
    assert_int_equal(export_write(EXPORT_CSV, &c.view, &o, &sink, &count), EXPORT_OK);
    assert_string_equal(buf_str(&got), "kind,entry,code,state,evidence,text\r\n"
                                       "ipv4,192.0.2.1,127.0.0.4,listed,,"
                                       "\"a \"\"b\"\", c \\x01 \\xe9 192.0.2.1\"\r\n"
                                       "ipv4,198.51.100.0/24,127.0.0.2,listed,,plain\r\n");
    buf_clear(&got);
    assert_int_equal(export_write(EXPORT_JSON, &c.view, &o, &sink, &count), EXPORT_OK);
    assert_string_equal(buf_str(&got),
                        "{\"kind\":\"ipv4\",\"entry\":\"192.0.2.1\",\"code\":\"127.0.0.4\","
                        "\"text\":\"a \\\"b\\\", c \\\\x01 \\\\xe9 192.0.2.1\"}\n"
                        "{\"kind\":\"ipv4\",\"entry\":\"198.51.100.0/24\",\"code\":\"127.0.0.2\","
                        "\"text\":\"plain\"}\n");
    assert_int_equal(count.lines, 2);
    buf_deinit(&got);
    compiled_deinit(&c);
}

/* What we write for rbldnsd says the same when it is read, and is written the same again. */
static void round_trips(void **state)
{
    struct export_options o = {.zone = "bl.test"};
    struct export_count count;
    struct compiled first, again;
    struct buf one = BUF_INIT(100000), two = BUF_INIT(100000);
    struct zone_sink sink_one = {put, &one}, sink_two = {put, &two};

    compile(&first, RBL_COMBINED, span_str(list));
    assert_int_equal(export_write(EXPORT_COMBINED, &first.view, &o, &sink_one, &count), EXPORT_OK);
    assert_int_equal(count.left_out, 0);
    compile(&again, RBL_COMBINED, buf_span(&one));
    assert_int_equal(again.image.meta.ns_count, 2);
    assert_int_equal(again.image.meta.soa.minimum, 300);
    /* Both values of the one address, in two datasets. */
    struct zone_hit hit;

    assert_true(zone_image_find4(&again.image, 0xcb007109, &hit));
    assert_int_equal(zone_image_said_count(&again.image, hit), 2);
    assert_false(zone_image_find4(&again.image, 0xc6336407, &hit));
    assert_int_equal(export_write(EXPORT_COMBINED, &again.view, &o, &sink_two, &count), EXPORT_OK);
    assert_string_equal(buf_str(&one), buf_str(&two));
    buf_deinit(&one);
    buf_deinit(&two);
    compiled_deinit(&first);
    compiled_deinit(&again);
}

/* What would be read as something else, or not at all. */
static void odd_forms(void **state)
{
    static const struct {
        enum rbl_type type;
        enum export_format format;
        const char *in, *want;
    } cases[] = {
        {RBL_IP6TRIE, EXPORT_IP6TRIE, "::102:304\n::ffff:1:2\n",
         "0:0:0:0:0:0:102:304\n0:0:0:0:0:ffff:1:2\n"},
        {RBL_IP4TRIE, EXPORT_IP4TRIE, "192.0.2.1 :127.0:\n", "192.0.2.1 :127.0.0.0:\n"},
        {RBL_DNSET, EXPORT_DNSET, "\\036x\n\\042.y\n*.\\035\n", "*.\\035\n\\042.y\n\\036x\n"},
        {RBL_IP4TRIE, EXPORT_IP4TRIE, "192.0.2.1 = x\n192.0.2.2 ==y\n",
         "192.0.2.1 :2:= x\n192.0.2.2 :2:==y\n"},
        {RBL_DNSET, EXPORT_RPZ, "32.1.0.0.127.rpz-client-ip\nrpz-ip\n.rpz.example\n",
         "$TTL 300\n@ SOA localhost. hostmaster.localhost. 1795290000 3600 600 604800 300\n"
         "@ NS localhost.\nrpz.example CNAME .\n*.rpz.example CNAME .\n"},
    };
    struct export_options o = {0};
    struct export_count count;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct compiled c;
        struct buf got = BUF_INIT(10000);
        struct zone_sink sink = {put, &got};

        compile(&c, cases[i].type, span_str(cases[i].in));
        assert_int_equal(export_write(cases[i].format, &c.view, &o, &sink, &count), EXPORT_OK);
        assert_string_equal(buf_str(&got), cases[i].want);
        buf_deinit(&got);
        compiled_deinit(&c);
    }
}

/* rbldnsd has one TTL for a dataset. */
static void lives(void **state)
{
    struct export_options o = {0};
    struct export_count count;
    struct compiled c;
    struct buf got = BUF_INIT(100000);
    struct zone_sink sink = {put, &got};

    compile(&c, RBL_COMBINED,
            SPAN_LIT("$DATASET ip4trie @\n$TTL 60\n192.0.2.1\n192.0.2.3\n"
                     "$DATASET ip4trie @\n$TTL 90\n192.0.2.2 x @\n"));
    assert_int_equal(export_write(EXPORT_IP4TRIE, &c.view, &o, &sink, &count), EXPORT_OK);
    assert_string_equal(buf_str(&got), "$TTL 60\n192.0.2.1\n192.0.2.2 :2:x @\n192.0.2.3\n");
    assert_int_equal(count.left_out, 1);
    buf_deinit(&got);
    compiled_deinit(&c);
}

static int refuse(void *ctx, struct span bytes)
{
    (void)ctx;
    (void)bytes;
    return -EPIPE;
}

static void options(void **state)
{
    const uint32_t codes[] = {0x7f000004};
    struct export_options o = {.zone = "x", .codes = codes, .code_count = 1, .most = 3};
    struct export_count count;
    struct compiled c;
    struct buf got = BUF_INIT(100000);
    struct zone_sink sink = {put, &got}, bad = {refuse, NULL};
    enum export_format format;

    compile(&c, RBL_COMBINED, span_str(list));
    assert_int_equal(export_write(EXPORT_IP4SET, &c.view, &o, &sink, &count), EXPORT_OK);
    assert_string_equal(buf_str(&got),
                        "192.0.2.2/31 :4:relay $ costs $$1\n"
                        "192.0.2.4/31 :4:relay $ costs $$1\n203.0.113.9 :4:second\n");
    o.most = 2;
    assert_int_equal(export_write(EXPORT_IP4SET, &c.view, &o, &sink, &count), EXPORT_TOO_MANY);
    o = (struct export_options){.zone = "x", .table = "a b"};
    assert_int_equal(export_write(EXPORT_NFTABLES, &c.view, &o, &sink, &count), EXPORT_BAD_NAME);
    o = (struct export_options){.zone = "x", .action = "REJECT\nOK"};
    assert_int_equal(export_write(EXPORT_POSTFIX, &c.view, &o, &sink, &count), EXPORT_BAD_NAME);
    o = (struct export_options){.zone = "x"};
    assert_int_equal(export_write(EXPORT_CSV, &c.view, &o, &bad, &count), -EPIPE);
    /* One value for a prefix: the other is counted, with the 23 of other kinds. */
    assert_int_equal(export_write(EXPORT_IP4TRIE, &c.view, &o, &sink, &count), EXPORT_OK);
    assert_int_equal(count.left_out, 24);
    for (unsigned i = 0; i < EXPORT_FORMATS; i++) {
        assert_true(export_format_of(span_str(export_format_name(i)), &format));
        assert_int_equal(format, i);
    }
    assert_false(export_format_of(SPAN_LIT("xml"), &format));
    buf_deinit(&got);
    compiled_deinit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_of_formats), cmocka_unit_test(rows),
        cmocka_unit_test(round_trips),      cmocka_unit_test(lives),
        cmocka_unit_test(odd_forms),        cmocka_unit_test(options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
