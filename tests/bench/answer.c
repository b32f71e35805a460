/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an answer costs without a socket: processor time of zone_answer() for a list of random IPv4
 * addresses, by the batch. Prints one line a kind of question.
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

/* As many as come with one recvmmsg(2): they are made, then answered, while the caches are warm. */
enum { BATCH = 64 };

struct packets {
    uint8_t p[BATCH][128];
    size_t n[BATCH];
};

struct kind {
    const char *what;
    unsigned hits; /* percent */
    uint16_t type;
    bool edns;
    const char *zone;
};

static void make(struct packets *k, const struct kind *kind, const uint32_t *listed, size_t count)
{
    for (size_t i = 0; i < BATCH; i++) {
        bool hit = draw() % 100 < kind->hits;
        uint32_t ip = hit ? listed[((uint64_t)draw() << 10 | draw() % 1024) % count] : draw_ip();
        char name[100];

        snprintf(name, sizeof(name), "%u.%u.%u.%u.%s", ip & 255, ip >> 8 & 255, ip >> 16 & 255,
                 ip >> 24, kind->zone);
        k->n[i] = lab_question(k->p[i], sizeof(k->p[i]), name, kind->type, kind->edns);
    }
}

static void measure(const struct zone_set *set, const struct kind *kind, const uint32_t *ips,
                    size_t count, size_t asked)
{
    static uint8_t out[BATCH][1232];
    struct zone_client client = {.ip = {IP_V4, {192, 0, 2, 53}}, .now_wall = 1800000000};
    struct zone_outcome outcome;
    struct packets k;
    uint64_t octets = 0, listed = 0;
    double took = 0;

    for (size_t done = 0; done < asked; done += BATCH) {
        double from;

        make(&k, kind, ips, count);
        from = user_seconds();
        for (size_t i = 0; i < BATCH; i++) {
            octets += zone_answer(set, &client, k.p[i], k.n[i], out[i], sizeof(out[i]), &outcome);
            listed += outcome.result == ZONE_LISTED;
        }
        took += user_seconds() - from;
    }
    printf("%-28s %6.3f us  %5.1f octets  %5.1f %% listed\n", kind->what,
           took / (double)asked * 1e6, (double)octets / (double)asked,
           100.0 * (double)listed / (double)asked);
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
    uint64_t count = 1000000, asked = 1 << 20;
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
    const struct kind kinds[] = {
        {"A, 20 % hits", 20, DNS_TYPE_A, false, "bl.example.org"},
        {"A, all hits", 100, DNS_TYPE_A, false, "bl.example.org"},
        {"A, no hits", 0, DNS_TYPE_A, false, "bl.example.org"},
        {"TXT, all hits", 100, DNS_TYPE_TXT, false, "bl.example.org"},
        {"A with EDNS, 20 % hits", 20, DNS_TYPE_A, true, "bl.example.org"},
        {"not our zone", 0, DNS_TYPE_A, false, "other.example.net"},
    };
    struct zone_set_error err;
    struct zone_set *set;
    uint32_t *ips;

    if ((argc > 1 && !num_u64(span_str(argv[1]), 1, 100000000, &count)) ||
        (argc > 2 && !num_u64(span_str(argv[2]), 1, 1000000000, &asked))) {
        fprintf(stderr, "usage: %s [LISTINGS [QUESTIONS]]\n", argv[0]);
        return 64;
    }
    ips = malloc(count * sizeof(*ips));
    lab_need(ips != NULL, "memory");
    listing(&im, ips, count);
    lab_need(zone_set_new(&spec, 1, NULL, &set, &err) == 0, err.why);
    printf("%zu listings, image %.2f octets each, user time of one answer:\n", (size_t)count,
           (double)im.bytes.n / (double)count);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        measure(set, &kinds[i], ips, count, asked);
    zone_set_free(set);
    lab_image_free(&im);
    free(ips);
    return 0;
}
