/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any packet gets an answer that can be read, or none; its first octet says who asks, and how. */
#include "zonelab.h"

#include <assert.h>

static const struct lab_row rows[] = {
    {'4', "192.0.2.1", LAB_CODE(2), "relay $ %", 77}, {'4', "10.0.0.0/8", LAB_CODE(3), "net", 0},
    {'4', "10.1.0.0/16", LAB_OUT, NULL, 0},           {'6', "2001:db8::/32", LAB_CODE(2), "$", 0},
    {'b', "x.example", LAB_CODE(2), "name $", 0},     {'n', "y.x.example", LAB_OUT, NULL, 0},
    {'r', "", DNS_TYPE_MX, "\0\12\2mx\3net", 10},     {'r', "www", DNS_TYPE_A, "abcd", 4},
};

static const struct zone_set *made(bool strict)
{
    static struct lab_image im;
    static struct zone_set *sets[2]; /* the second wants cookies */
    static const uint8_t secret[MAC_KEY] = "secret";
    static struct dns_cookie_keys cookies;
    struct zone_source source[2] = {
        {.view = {.image = &im.image}, .has4 = true, .has6 = true, .has_names = true},
        {.view = {.image = &im.image}}};
    struct dns_name ns = lab_name("ns1.example.org");
    struct zone_spec specs[4] = {{.name = lab_name("bl")},
                                 {.name = lab_name("k")},
                                 {.name = lab_name("x.bl")},
                                 {.name = lab_name("dead")}};
    struct zone_set_options options = {
        .nsid = SPAN_LIT("id"), .version = SPAN_LIT("v"), .cookie_keys = &cookies};
    struct zone_set_error err;

    if (sets[0])
        return sets[strict];
    lab_image_new(&im, rows, sizeof(rows) / sizeof(rows[0]));
    lab_need(zone_rname_parse(SPAN_LIT("sub"), &source[1].sub), "sub");
    for (int i = 0; i < 4; i++) {
        specs[i].sources = source;
        specs[i].source_count = 2;
        specs[i].has_soa = true;
        specs[i].soa = lab_soa();
        specs[i].ns = &ns;
        specs[i].ns_count = 1;
    }
    specs[1].keys = zone_keys_new(secret);
    specs[1].key_required = true;
    specs[3].state = ZONE_RETIRED;
    lab_need(zone_set_new(specs, 4, &options, &sets[0], &err) == 0, err.why);
    options.cookie_required = true;
    lab_need(zone_set_new(specs, 4, &options, &sets[1], &err) == 0, err.why);
    return sets[strict];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[65535];
    struct zone_client client = {.ip = {IP_V4, {192, 0, 2, 53}}, .now_wall = 1800000000};
    struct buf text = BUF_INIT(1 << 20);
    struct zone_outcome what;
    size_t max, n;

    if (size < 1)
        return 0;
    client.tcp = data[0] & 1;
    max = client.tcp ? sizeof(out) : 512 + 16u * (data[0] >> 1);
    n = zone_answer(made(data[0] & 0x40), &client, data + 1, size - 1, out, max, &what);
    assert(n <= max && (n == 0 || n >= DNS_HEADER));
    lab_text(out, n, &text);
    assert(strcmp(buf_str(&text), "BROKEN") != 0);
    assert(what.result != ZONE_LISTED || what.rcode == DNS_NOERROR);
    buf_deinit(&text);
    return 0;
}
