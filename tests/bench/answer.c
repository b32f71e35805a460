/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an answer costs without a socket: user time of zone_answer() for a list of random IPv4
 * addresses, a fifth of the questions hits. Prints one line a kind of question.
 *
 *     bench-answer [LISTINGS [QUESTIONS]]
 */
#include "base/num.h"
#include "zonelab.h"

#include <sys/resource.h>
#include <time.h>

static uint64_t seed = 42;

static uint32_t draw(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 32);
}

/* A random address outside the test network. */
static uint32_t draw_ip(void)
{
    uint32_t ip;

    do
        ip = draw();
    while (ip >> 24 == 127);
    return ip;
}

static double user_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct packets {
    uint8_t (*p)[128];
    uint8_t *n;
};

enum { KEPT = 1 << 16 }; /* different questions, asked in turn */

static void make(struct packets *k, const uint32_t *listed, size_t count, unsigned hits,
                 uint16_t type, bool edns, const char *zone)
{
    for (size_t i = 0; i < KEPT; i++) {
        bool hit = draw() % 100 < hits;
        uint32_t ip = hit ? listed[((uint64_t)draw() << 10 | draw() % 1024) % count] : draw_ip();
        char name[100];

        snprintf(name, sizeof(name), "%u.%u.%u.%u.%s", ip & 255, ip >> 8 & 255, ip >> 16 & 255,
                 ip >> 24, zone);
        k->n[i] = (uint8_t)lab_question(k->p[i], sizeof(k->p[i]), name, type, edns);
    }
}

static void measure(const struct zone_set *set, const struct packets *k, size_t asked,
                    const char *what)
{
    static uint8_t out[4096];
    struct zone_client client = {.ip = {IP_V4, {192, 0, 2, 53}}, .now_wall = 1800000000};
    struct zone_outcome outcome;
    uint64_t octets = 0, listed = 0;
    double from, took, best = 1e9;

    for (int round = 0; round < 3; round++) {
        octets = listed = 0;
        from = user_seconds();
        for (size_t i = 0; i < asked; i++) {
            size_t at = i % KEPT;

            octets += zone_answer(set, &client, k->p[at], k->n[at], out, sizeof(out), &outcome);
            listed += outcome.result == ZONE_LISTED;
        }
        took = user_seconds() - from;
        best = took < best ? took : best;
    }
    printf("%-28s %6.3f us  %5.1f octets  %4.1f %% listed\n", what, best / (double)asked * 1e6,
           (double)octets / (double)asked, 100.0 * (double)listed / (double)asked);
}

static void listing(struct lab_image *im, uint32_t *ips, size_t count)
{
    struct lab_row row = {.a = LAB_CODE(2), .text = "Open relay: https://bl.example.org/e/%"};
    struct zone_table *table;
    struct zone_data d;
    uint32_t value;

    zone_data_init(&d);
    value = lab_value(&d, &row);
    lab_need(zone_data_table(&d, ZONE_IPV4, ZONE_LONGEST, &table) == 0, "table");
    for (size_t i = 0; i < count; i++) {
        ips[i] = draw_ip();
        lab_need(zone_table_add4(table, ips[i], ips[i], value, (uint32_t)i + 1) == 0, "add");
    }
    lab_image_build(im, &d);
    zone_data_deinit(&d);
}

int main(int argc, char **argv)
{
    uint64_t count = 1000000, asked = 2000000;
    struct lab_image im;
    struct zone_source source = {.view = {.image = &im.image}, .has4 = true, .has6 = true};
    struct dns_name ns = lab_name("ns1.example.org");
    struct zone_spec spec = {.name = lab_name("bl.example.org"),
                             .sources = &source,
                             .source_count = 1,
                             .has_soa = true,
                             .soa = lab_soa(),
                             .ns = &ns,
                             .ns_count = 1};
    struct packets k = {malloc(KEPT * sizeof(*k.p)), malloc(KEPT)};
    struct zone_set_error err;
    struct zone_set *set;
    uint32_t *ips;

    if ((argc > 1 && !num_u64(span_str(argv[1]), 1, 100000000, &count)) ||
        (argc > 2 && !num_u64(span_str(argv[2]), 1, 1000000000, &asked))) {
        fprintf(stderr, "usage: %s [LISTINGS [QUESTIONS]]\n", argv[0]);
        return 64;
    }
    ips = malloc(count * sizeof(*ips));
    lab_need(ips && k.p && k.n, "memory");
    listing(&im, ips, count);
    lab_need(zone_set_new(&spec, 1, NULL, &set, &err) == 0, err.why);
    printf("%zu listings, image %.2f octets each, user time of one answer:\n", (size_t)count,
           (double)im.bytes.n / (double)count);
    make(&k, ips, count, 20, DNS_TYPE_A, false, "bl.example.org");
    measure(set, &k, asked, "A, 20 % hits");
    make(&k, ips, count, 100, DNS_TYPE_A, false, "bl.example.org");
    measure(set, &k, asked, "A, all hits");
    make(&k, ips, count, 0, DNS_TYPE_A, false, "bl.example.org");
    measure(set, &k, asked, "A, no hits");
    make(&k, ips, count, 100, DNS_TYPE_TXT, false, "bl.example.org");
    measure(set, &k, asked, "TXT, all hits");
    make(&k, ips, count, 20, DNS_TYPE_A, true, "bl.example.org");
    measure(set, &k, asked, "A with EDNS, 20 % hits");
    make(&k, ips, count, 0, DNS_TYPE_A, false, "other.example.net");
    measure(set, &k, asked, "not our zone");
    zone_set_free(set);
    lab_image_free(&im);
    free(ips);
    free(k.p);
    free(k.n);
    return 0;
}
