/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the image of a list costs, without any server around it: `bench-zone [LISTINGS...]` compiles
 * that many random single IPv4 addresses (1 M and 10 M when none is told), each with an evidence
 * id, and prints one JSON object: time to compile sorted and unsorted input, octets a listing in
 * the whole file, time to open and to verify, and nanoseconds a look-up with one hit in five.
 * `bench-zone --write FILE LISTINGS` writes the same addresses as rbldnsd's ip4set, for its side of
 * the table.
 */
#include "base/num.h"
#include "zone/build.h"
#include "zone/image.h"
#include "zone/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { QUESTIONS = 1 << 20, ROUNDS = 5 };

#define LISTINGS_MAX 100000000

static uint64_t state = 88172645463325252;

static uint64_t chance(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Of this process alone: other load on the machine is not ours. */
static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int cmp_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/*
 * Different addresses between 1.0.0.0 and 223.255.255.255, sorted; fewer than asked for when two
 * met.
 */
static uint32_t *addresses(size_t *n)
{
    uint32_t *ip = malloc(*n * sizeof(*ip));
    size_t kept = 0;

    if (!ip)
        return NULL;
    for (size_t i = 0; i < *n; i++)
        ip[i] = UINT32_C(0x01000000) + (uint32_t)(chance() >> 32) % UINT32_C(0xdf000000);
    qsort(ip, *n, sizeof(*ip), cmp_u32);
    for (size_t i = 0; i < *n; i++) {
        if (!i || ip[i] != ip[kept - 1])
            ip[kept++] = ip[i];
    }
    *n = kept;
    return ip;
}

static int fill(struct zone_data *d, const uint32_t *ip, size_t n)
{
    struct buf text = BUF_INIT(100);
    struct zone_value v = {.a = 0x7f000002, .ttl = 900, .class_id = 1};
    struct zone_table *t;
    uint32_t value;
    int r;

    zone_text_add(&text, SPAN_LIT("Open relay, see https://bl.example.org/"));
    zone_text_add_evidence(&text);
    v.text = buf_span(&text);
    zone_data_init(d);
    r = zone_data_value(d, &v, &value);
    if (r == 0)
        r = zone_data_table(d, ZONE_IPV4, ZONE_LONGEST, &t);
    if (r == 0)
        zone_table_reserve(t, n);
    for (size_t i = 0; i < n && r == 0; i++)
        r = zone_table_add4(t, ip[i], ip[i], value, (uint32_t)i + 1);
    buf_deinit(&text);
    return r;
}

static void shuffle(struct zone_table *t)
{
    for (size_t i = t->count; i > 1; i--) {
        size_t k = chance() % i;
        struct zone_entry4 e = t->e.v4[k];

        t->e.v4[k] = t->e.v4[i - 1];
        t->e.v4[i - 1] = e;
    }
}

/* Nanoseconds a look-up, the best of some rounds; *ret_hits is for the eye and the optimizer. */
static double ask(const struct zone_image *im, const uint32_t *ip, size_t n, size_t *ret_hits)
{
    uint32_t *question = malloc(QUESTIONS * sizeof(*question));
    double best = 1e9;

    for (size_t i = 0; question && i < QUESTIONS; i++)
        question[i] = chance() % 5 ? (uint32_t)(chance() >> 32) : ip[chance() % n];
    for (unsigned round = 0; question && round < ROUNDS; round++) {
        double start = now_ms(), took;
        struct zone_hit hit;

        *ret_hits = 0;
        for (size_t i = 0; i < QUESTIONS; i++)
            *ret_hits += zone_image_find4(im, question[i], &hit) && hit.evidence;
        took = (now_ms() - start) * 1e6 / QUESTIONS;
        best = took < best ? took : best;
    }
    free(question);
    return best;
}

static int measure(size_t n, bool more)
{
    struct zone_data d;
    struct zone_image im;
    struct span sorted, other;
    uint32_t *ip = addresses(&n);
    double start, t_sorted, t_unsorted, t_open, t_verify, ns;
    size_t hits = 0;
    int r = ip ? fill(&d, ip, n) : -1;

    if (r < 0)
        return r;
    start = now_ms();
    r = zone_build(&d, &sorted);
    t_sorted = now_ms() - start;
    if (r < 0)
        return r;
    shuffle(d.tables[0]);
    start = now_ms();
    r = zone_build(&d, &other);
    t_unsorted = now_ms() - start;
    if (r < 0 || !span_eq(sorted, other))
        return -1;
    free((void *)(uintptr_t)other.p);
    zone_data_deinit(&d);
    start = now_ms();
    if (zone_image_open(sorted, &im) != ZONE_IMAGE_OK)
        return -1;
    t_open = now_ms() - start;
    start = now_ms();
    if (zone_image_verify(&im) != ZONE_IMAGE_OK)
        return -1;
    t_verify = now_ms() - start;
    ns = ask(&im, ip, n, &hits);
    printf("{\"listings\": %zu, \"octets\": %.3f, \"compile_sorted_ms\": %.1f, "
           "\"compile_unsorted_ms\": %.1f, \"open_ms\": %.3f, \"verify_ms\": %.1f, "
           "\"find_ns\": %.1f, \"hits\": %zu}%s\n",
           n, (double)sorted.n / (double)n, t_sorted, t_unsorted, t_open, t_verify, ns, hits,
           more ? "," : "");
    free((void *)(uintptr_t)sorted.p);
    free(ip);
    return 0;
}

static int write_ip4set(const char *path, size_t n)
{
    uint32_t *ip = addresses(&n);
    FILE *f = ip ? fopen(path, "w") : NULL;
    bool bad = !f;

    if (f) {
        fputs(":127.0.0.2:Open relay $\n", f);
        for (size_t i = 0; i < n; i++)
            fprintf(f, "%u.%u.%u.%u\n", ip[i] >> 24, ip[i] >> 16 & 255, ip[i] >> 8 & 255,
                    ip[i] & 255);
        bad = ferror(f);
        bad |= fclose(f) != 0;
    }
    free(ip);
    return bad ? 1 : 0;
}

static bool count_of(const char *text, size_t *ret)
{
    uint64_t n;

    if (!num_u64(span_str(text), 1, LISTINGS_MAX, &n)) {
        fprintf(stderr, "bench-zone: \"%s\" is no number of listings\n", text);
        return false;
    }
    *ret = (size_t)n;
    return true;
}

int main(int argc, char **argv)
{
    static char million[] = "1000000", ten[] = "10000000";
    char *usual[] = {million, ten};
    char **list = argc > 1 ? argv + 1 : usual;
    int count = argc > 1 ? argc - 1 : 2;
    size_t n;

    if (argc == 4 && span_eq(span_str(argv[1]), SPAN_LIT("--write")))
        return count_of(argv[3], &n) ? write_ip4set(argv[2], n) : 64;
    puts("[");
    for (int i = 0; i < count; i++) {
        if (!count_of(list[i], &n))
            return 64;
        if (measure(n, i + 1 < count) < 0) {
            fputs("bench-zone: it failed\n", stderr);
            return 1;
        }
    }
    puts("]");
    return 0;
}
