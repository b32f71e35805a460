/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One interval type serves both families: an IPv4 address is a number below 2^32. Intervals are
 * twice as wide as IPv4 needs; ten million listings take 320 MB for the moment of a comparison,
 * and there is one code to be right.
 *
 * The walks over two sets are merges: each step leaves one interval behind. Sampling draws numbers
 * below the size by masking and drawing again, so that none is likelier, and keeps a sorted array
 * of what it has; for a sample as large as the set it would never end, so that case is the whole
 * set.
 */
#include "list/ranges.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static ranges_wide number(struct ip ip)
{
    ranges_wide n = 0;

    for (unsigned i = 0; i < (ip.family == IP_V4 ? 4 : 16); i++)
        n = n << 8 | ip.b[i];
    return n;
}

static struct ip address(enum ip_family family, ranges_wide n)
{
    struct ip ip = {.family = family};

    for (unsigned i = family == IP_V4 ? 4 : 16; i-- > 0; n >>= 8)
        ip.b[i] = (uint8_t)n;
    return ip;
}

static unsigned bits_of(enum ip_family family)
{
    return family == IP_V4 ? 32 : 128;
}

static ranges_wide top_of(enum ip_family family)
{
    return family == IP_V4 ? UINT32_MAX : ~(ranges_wide)0;
}

static struct range range_of(struct ip_prefix net)
{
    ranges_wide first = number(net.ip), rest = top_of(net.ip.family);

    rest = net.len >= bits_of(net.ip.family) ? 0 : rest >> net.len;
    return (struct range){first, first | rest};
}

static struct range_set *set_of(struct ranges *r, enum ip_family family)
{
    return family == IP_V4 ? &r->v4 : &r->v6;
}

static const struct range_set *const_set_of(const struct ranges *r, enum ip_family family)
{
    return family == IP_V4 ? &r->v4 : &r->v6;
}

static int push(struct range_set *s, struct range range)
{
    if (array_grow(&s->v, &s->cap, sizeof(*s->v), s->count + 1) < 0)
        return -ENOMEM;
    s->v[s->count++] = range;
    return 0;
}

int ranges_add(struct ranges *r, struct ip_prefix net)
{
    assert(net.ip.family != IP_NONE);
    return push(set_of(r, net.ip.family), range_of(net));
}

int ranges_add_span(struct ranges *r, struct ip first, struct ip last)
{
    assert(first.family == last.family && first.family != IP_NONE && ip_cmp(first, last) <= 0);
    return push(set_of(r, first.family), (struct range){number(first), number(last)});
}

static int by_first(const void *a, const void *b)
{
    const struct range *x = a, *y = b;

    return (x->first > y->first) - (x->first < y->first);
}

static void settle(struct range_set *s)
{
    size_t n = 0;

    if (s->count > 1)
        qsort(s->v, s->count, sizeof(*s->v), by_first);
    for (size_t i = 0; i < s->count; i++) {
        struct range *last = n ? &s->v[n - 1] : NULL;

        /* Touching ones are joined too; a `last` at the very top touches all that follows. */
        if (last && (last->last == ~(ranges_wide)0 || s->v[i].first <= last->last + 1)) {
            if (s->v[i].last > last->last)
                last->last = s->v[i].last;
        } else {
            s->v[n++] = s->v[i];
        }
    }
    s->count = n;
}

void ranges_settle(struct ranges *r)
{
    settle(&r->v4);
    settle(&r->v6);
}

void ranges_deinit(struct ranges *r)
{
    free(r->v4.v);
    free(r->v6.v);
    *r = (struct ranges){0};
}

static int both(const struct range_set *a, const struct range_set *b, struct range_set *ret)
{
    for (size_t i = 0, j = 0; i < a->count && j < b->count;) {
        struct range x = a->v[i], y = b->v[j];
        struct range common = {x.first > y.first ? x.first : y.first,
                               x.last < y.last ? x.last : y.last};

        if (common.first <= common.last && push(ret, common) < 0)
            return -ENOMEM;
        if (x.last < y.last)
            i++;
        else
            j++;
    }
    return 0;
}

/* What of `x` the intervals from *j on leave; *j is left at the first that may touch what follows.
 */
static int cut(struct range x, const struct range_set *b, size_t *j, struct range_set *ret)
{
    while (*j < b->count && b->v[*j].last < x.first)
        ++*j;
    for (size_t k = *j; k < b->count && b->v[k].first <= x.last; k++) {
        if (b->v[k].first > x.first && push(ret, (struct range){x.first, b->v[k].first - 1}) < 0)
            return -ENOMEM;
        if (b->v[k].last >= x.last)
            return 0;
        x.first = b->v[k].last + 1;
        *j = k;
    }
    return push(ret, x);
}

static int without(const struct range_set *a, const struct range_set *b, struct range_set *ret)
{
    size_t j = 0;

    for (size_t i = 0; i < a->count; i++)
        if (cut(a->v[i], b, &j, ret) < 0)
            return -ENOMEM;
    return 0;
}

typedef int set_fn(const struct range_set *a, const struct range_set *b, struct range_set *ret);

static int each_family(set_fn *fn, const struct ranges *a, const struct ranges *b,
                       struct ranges *ret)
{
    *ret = (struct ranges){0};
    if (fn(&a->v4, &b->v4, &ret->v4) == 0 && fn(&a->v6, &b->v6, &ret->v6) == 0)
        return 0;
    ranges_deinit(ret);
    return -ENOMEM;
}

int ranges_both(const struct ranges *a, const struct ranges *b, struct ranges *ret)
{
    return each_family(both, a, b, ret);
}

int ranges_without(const struct ranges *a, const struct ranges *b, struct ranges *ret)
{
    return each_family(without, a, b, ret);
}

/* The first interval that does not end before n, or count. */
static size_t find(const struct range_set *s, ranges_wide n)
{
    size_t low = 0, high = s->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (s->v[middle].last < n)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum ranges_cover ranges_cover(const struct ranges *r, struct ip_prefix net)
{
    const struct range_set *s = const_set_of(r, net.ip.family);
    struct range x = range_of(net);
    size_t at = find(s, x.first);

    if (at == s->count || s->v[at].first > x.last)
        return RANGES_NONE;
    return s->v[at].first <= x.first && s->v[at].last >= x.last ? RANGES_WHOLE : RANGES_PART;
}

bool ranges_has(const struct ranges *r, struct ip ip)
{
    return ip.family != IP_NONE && ranges_cover(r, ip_prefix_of(ip, 128)) == RANGES_WHOLE;
}

ranges_wide ranges_size(const struct range_set *set)
{
    ranges_wide n = 0;

    for (size_t i = 0; i < set->count; i++) {
        ranges_wide more = set->v[i].last - set->v[i].first;

        n += more == ~(ranges_wide)0 ? more : more + 1;
    }
    return n;
}

struct ip ranges_nth(const struct ranges *r, enum ip_family family, ranges_wide nth)
{
    const struct range_set *s = const_set_of(r, family);

    for (size_t i = 0; i < s->count; i++) {
        ranges_wide more = s->v[i].last - s->v[i].first;

        if (nth <= more)
            return address(family, s->v[i].first + nth);
        nth -= more + 1;
    }
    return (struct ip){0};
}

const char *ranges_wide_text(ranges_wide n, char out[RANGES_WIDE_TEXT])
{
    uint32_t limbs[4] = {(uint32_t)(n >> 96), (uint32_t)(n >> 64), (uint32_t)(n >> 32),
                         (uint32_t)n};
    char *p = out + RANGES_WIDE_TEXT;

    *--p = '\0';
    do { /* division by hand: the compiler's own would be a call out of the layer */
        uint64_t rest = 0;

        for (unsigned i = 0; i < 4; i++) {
            rest = rest << 32 | limbs[i];
            limbs[i] = (uint32_t)(rest / 10);
            rest %= 10;
        }
        *--p = (char)('0' + rest);
    } while (limbs[0] | limbs[1] | limbs[2] | limbs[3]);
    memmove(out, p, (size_t)(out + RANGES_WIDE_TEXT - p));
    return out;
}

/* splitmix64: chance enough to choose a sample, and the same for the same seed. */
static uint64_t next_chance(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static ranges_wide below(ranges_wide n, uint64_t *state)
{
    ranges_wide mask = n - 1, x;

    for (unsigned shift = 1; shift < 128; shift *= 2)
        mask |= mask >> shift;
    do {
        x = (ranges_wide)next_chance(state) << 64;
        x = (x | next_chance(state)) & mask;
    } while (x >= n);
    return x;
}

static int by_address(const void *a, const void *b)
{
    return ip_cmp(*(const struct ip *)a, *(const struct ip *)b);
}

static size_t drop_twins(struct ip *v, size_t n)
{
    size_t kept = 0;

    qsort(v, n, sizeof(*v), by_address);
    for (size_t i = 0; i < n; i++)
        if (!kept || !ip_eq(v[kept - 1], v[i]))
            v[kept++] = v[i];
    return kept;
}

size_t ranges_sample(const struct ranges *r, enum ip_family family, size_t want, uint64_t seed,
                     struct ip *ret)
{
    ranges_wide size = ranges_size(const_set_of(r, family));
    size_t got = 0;

    /* Near the whole set most draws would be known already: then draw what to leave out. */
    if (size <= want) {
        for (; got < size; got++)
            ret[got] = ranges_nth(r, family, got);
        return got;
    }
    while (got < want) {
        if (size < (ranges_wide)want * 2) { /* each in turn, with the chance that is left */
            size_t n = (size_t)size;

            for (size_t i = 0; i < n && got < want; i++)
                if (below(n - i, &seed) < want - got)
                    ret[got++] = ranges_nth(r, family, i);
            return got;
        }
        ret[got++] = ranges_nth(r, family, below(size, &seed));
        if (got == want)
            got = drop_twins(ret, got);
    }
    return got;
}

/* The longest block that begins at `first` and does not pass `last`. */
static unsigned block_bits(ranges_wide first, ranges_wide last, unsigned most)
{
    unsigned bits = 0;

    while (bits < most && !(first >> bits & 1)) {
        ranges_wide mask = bits + 1 >= 128 ? ~(ranges_wide)0 : ((ranges_wide)1 << (bits + 1)) - 1;

        if ((first | mask) > last)
            break;
        bits++;
    }
    return bits;
}

static int prefixes(const struct range_set *s, enum ip_family family,
                    int (*fn)(void *cookie, struct ip_prefix net), void *cookie)
{
    for (size_t i = 0; i < s->count; i++) {
        ranges_wide first = s->v[i].first, last = s->v[i].last;

        for (;;) {
            unsigned bits = block_bits(first, last, bits_of(family));
            ranges_wide mask = bits >= 128 ? ~(ranges_wide)0 : ((ranges_wide)1 << bits) - 1;
            struct ip_prefix net = {address(family, first), bits_of(family) - bits};
            int stop = fn(cookie, net);

            if (stop)
                return stop;
            if ((first | mask) >= last)
                break;
            first = (first | mask) + 1;
        }
    }
    return 0;
}

int ranges_prefixes(const struct ranges *r, int (*fn)(void *cookie, struct ip_prefix net),
                    void *cookie)
{
    int stop = prefixes(&r->v4, IP_V4, fn, cookie);

    return stop ? stop : prefixes(&r->v6, IP_V6, fn, cookie);
}
