/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The image has no prefixes any more, only runs of addresses, so width is judged on what is listed,
 * not on how it was written: runs that touch are one, and the largest aligned block within a run is
 * what counts. A /8 written as 65,536 times a /24 is a /8.
 *
 * Reserved space is what base/ip.h calls so; its borders are known to that file alone. So a run is
 * asked at its ends, and at every border of the registries' blocks inside it: a table of those
 * stands below, and a test compares it with base/ip.h for each /16 and around each border.
 *
 * What lists everybody is a finding of its own, for nothing may let it through. A block of IPv4 as
 * wide as a /2 has space in it that is nobody's, so no true list of any kind has one. A list of all
 * countries' networks is not that: its blocks are narrower, and some of the space is given to none.
 */
#include "zone/sanity.h"

#include "zone/image.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

const struct zone_limits zone_limits_usual = {
    .widest4 = 16,
    .widest6 = 32,
    .most4_ppm = 100000,
    .grow_percent = 50,
    .shrink_percent = 50,
    .small = 1000,
    .ahead = 300,
};

static const char *const names[ZONE_INSANE_KINDS] = {
    "sane",  "all",   "localhost", "reserved", "wide",    "much",
    "value", "empty", "grew",      "shrank",   "expired", "future",
};

const char *zone_insane_name(enum zone_insane what)
{
    return names[what];
}

enum { ALL4 = 2 /* a whole prefix of this length or shorter is everybody */, ALL4_PPM = 999000 };

__attribute__((format(printf, 3, 4))) static enum zone_insane say(struct zone_finding *f,
                                                                  enum zone_insane what,
                                                                  const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    f->what = what;
    vsnprintf(f->why, sizeof(f->why), fmt, ap);
    va_end(ap);
    return what;
}

/* Where a kind of space begins or ends: the first address of each side. IPv4, rising. */
static const uint32_t borders4[] = {
    0x00000000, 0x01000000, /* 0/8 */
    0x0a000000, 0x0b000000, /* 10/8 */
    0x64400000, 0x64800000, /* 100.64/10 */
    0x7f000000, 0x80000000, /* 127/8 */
    0xa9fe0000, 0xa9ff0000, /* 169.254/16 */
    0xac100000, 0xac200000, /* 172.16/12 */
    0xc0000000, 0xc0000100, /* 192.0.0/24 */
    0xc0000200, 0xc0000300, /* 192.0.2/24 */
    0xc0586300, 0xc0586400, /* 192.88.99/24 */
    0xc0a80000, 0xc0a90000, /* 192.168/16 */
    0xc6120000, 0xc6140000, /* 198.18/15 */
    0xc6336400, 0xc6336500, /* 198.51.100/24 */
    0xcb007100, 0xcb007200, /* 203.0.113/24 */
    0xe0000000, 0xf0000000, /* 224/4, 240/4 */
};

static struct ip ip4_of(uint32_t a)
{
    return (struct ip){IP_V4, {a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255}};
}

/* Test networks are public here: ip_public() says so, and lists for a lab live there. */
static bool bad_space(struct ip ip)
{
    return !ip_public(ip);
}

/* The first address of [from, to] that may not be listed, the test network 127/8 left out. */
static bool reserved4(uint32_t from, uint32_t to, uint32_t *ret)
{
    struct ip ip = ip4_of(from);

    *ret = from;
    if (from >> 24 != 127 && bad_space(ip))
        return true;
    for (size_t i = 0; i < sizeof(borders4) / sizeof(borders4[0]); i++) {
        *ret = borders4[i];
        if (*ret > from && *ret <= to && *ret >> 24 != 127 && bad_space(ip4_of(*ret)))
            return true;
    }
    return false;
}

/* The length of the largest aligned block within [from, to], and where it begins. */
static unsigned widest4(uint32_t from, uint32_t to, uint32_t *ret_at)
{
    unsigned best = 33;
    uint64_t at = from;

    while (at <= to) {
        unsigned len = 32;

        while (len > 0) {
            uint64_t size = UINT64_C(1) << (33 - len);

            if (at & (size - 1) || at + size - 1 > to)
                break;
            len--;
        }
        if (len < best) {
            best = len;
            *ret_at = (uint32_t)at;
        }
        at += UINT64_C(1) << (32 - len);
    }
    return best;
}

struct state4 {
    uint32_t from, to; /* the run at hand */
    bool have;
    uint64_t public_addresses;
};

static enum zone_insane end_run4(const struct state4 *s, const struct zone_limits *l,
                                 struct zone_finding *f)
{
    uint32_t at = s->from;
    unsigned len = s->have ? widest4(s->from, s->to, &at) : 32;
    char text[IP_TEXT_MAX];

    if (len > ALL4 && len >= l->widest4)
        return ZONE_SANE;
    f->ip = ip4_of(at);
    if (len <= ALL4)
        return say(f, ZONE_INSANE_ALL, "all of %s/%u is listed: that is everybody",
                   ip_text(f->ip, text), len);
    return say(f, ZONE_INSANE_WIDE, "all of %s/%u is listed: a /%u is the widest allowed",
               ip_text(f->ip, text), len, l->widest4);
}

static enum zone_insane piece4(struct state4 *s, const struct zone_piece4 *p,
                               const struct zone_limits *l, struct zone_finding *f)
{
    char text[IP_TEXT_MAX];
    uint32_t bad;

    if (p->to - p->from >= UINT32_MAX >> ALL4) { /* before what it has in it */
        struct state4 alone = {.from = p->from, .to = p->to, .have = true};

        if (end_run4(&alone, &(struct zone_limits){0}, f))
            return f->what;
    }
    if (p->from <= 0x7f000001 && p->to >= 0x7f000001) {
        f->ip = ip4_of(0x7f000001);
        return say(
            f, ZONE_INSANE_LOCALHOST,
            "127.0.0.1 is listed: clients take that for a list gone mad (RFC 5782 section 5)");
    }
    if (!l->reserved && reserved4(p->from, p->to, &bad)) {
        f->ip = ip4_of(bad);
        return say(f, ZONE_INSANE_RESERVED, "%s is listed, which is %s space",
                   ip_text(ip4_of(bad), text), ip_space_name(ip_space(ip4_of(bad))));
    }
    s->public_addresses += (uint64_t)p->to - p->from + 1;
    if (s->have && s->to + UINT64_C(1) == p->from) {
        s->to = p->to;
        return ZONE_SANE;
    }
    if (end_run4(s, l, f))
        return f->what;
    *s = (struct state4){p->from, p->to, true, s->public_addresses};
    return ZONE_SANE;
}

/* Of the space that is not reserved, in millionths. */
static uint64_t ppm_of(uint64_t addresses)
{
    return addresses * 1000000 / UINT64_C(3702258432); /* 2^32 less what RFC 6890 reserves */
}

static enum zone_insane look4(const struct zone_image *im, const struct zone_limits *l,
                              struct zone_finding *f)
{
    struct zone_cursor c = {0};
    struct zone_piece4 p;
    struct state4 s = {0};
    uint64_t ppm;

    while (zone_image_next4(im, &c, &p))
        if (piece4(&s, &p, l, f))
            return f->what;
    if (end_run4(&s, l, f))
        return f->what;
    ppm = ppm_of(s.public_addresses);
    if (ppm >= ALL4_PPM)
        return say(f, ZONE_INSANE_ALL, "all of the IPv4 space is listed: that is everybody");
    if (ppm <= l->most4_ppm)
        return ZONE_SANE;
    return say(f, ZONE_INSANE_MUCH,
               "%" PRIu64 " IPv4 addresses are listed, %" PRIu64 ".%" PRIu64
               " %% of all: %u.%u %% is the most allowed",
               s.public_addresses, ppm / 10000, ppm / 1000 % 10, l->most4_ppm / 10000,
               l->most4_ppm / 1000 % 10);
}

/* How many leading bits [from, to] has in common, if it is all of that prefix; else one more. */
static unsigned width6(struct zone_ip6 from, struct zone_ip6 to)
{
    unsigned len = 0;

    for (; len < 128; len++) {
        struct zone_ip6 last = zone_ip6_last(from, len);
        bool aligned = len >= 64 ? !(from.lo & (UINT64_MAX >> (len - 64)))
                                 : !from.lo && !(from.hi & (UINT64_MAX >> len));

        if (aligned && zone_ip6_cmp(last, to) <= 0)
            return len;
    }
    return 128;
}

/* 2000::/3 is all that is given to anybody (RFC 4291 §2.4). */
static enum zone_insane all6(struct zone_ip6 from, struct zone_ip6 to, struct zone_finding *f)
{
    static const struct zone_ip6 first = {UINT64_C(0x2000) << 48, 0},
                                 last = {UINT64_C(0x3fffffffffffffff), UINT64_MAX};

    if (zone_ip6_cmp(from, first) > 0 || zone_ip6_cmp(to, last) < 0)
        return ZONE_SANE;
    f->ip = (struct ip){.family = IP_V6};
    zone_ip6_bytes(from, f->ip.b);
    return say(f, ZONE_INSANE_ALL, "all of 2000::/3 is listed: that is everybody");
}

static enum zone_insane piece6(const struct zone_piece6 *p, const struct zone_limits *l,
                               struct zone_finding *f)
{
    static const struct zone_ip6 bad[] = {{0, 1}, {0, UINT64_C(0xffff7f000001)}};
    struct ip ip = {.family = IP_V6};
    char text[IP_TEXT_MAX];
    unsigned len = width6(p->from, p->to);

    if (all6(p->from, p->to, f))
        return f->what;
    for (size_t i = 0; i < 2; i++)
        if (zone_ip6_cmp(p->from, bad[i]) <= 0 && zone_ip6_cmp(bad[i], p->to) <= 0) {
            zone_ip6_bytes(bad[i], ip.b);
            f->ip = ip;
            return say(f, ZONE_INSANE_LOCALHOST, "%s is listed (RFC 5782 section 5)",
                       i ? "::ffff:127.0.0.1" : "::1");
        }
    zone_ip6_bytes(p->from, ip.b);
    f->ip = ip;
    if (len < l->widest6)
        return say(f, ZONE_INSANE_WIDE, "all of %s/%u is listed: a /%u is the widest allowed",
                   ip_text(ip, text), len, l->widest6);
    if (!l->reserved && !(p->from.hi == 0 && p->from.lo >> 24 == 0xffff7f) && bad_space(ip))
        return say(f, ZONE_INSANE_RESERVED, "%s is listed, which is %s space", ip_text(ip, text),
                   ip_space_name(ip_space(ip)));
    f->ip = (struct ip){0};
    return ZONE_SANE;
}

static enum zone_insane look6(const struct zone_image *im, const struct zone_limits *l,
                              struct zone_finding *f)
{
    struct zone_cursor c = {0};
    struct zone_piece6 p, run = {0};
    bool have = false;

    while (zone_image_next6(im, &c, &p)) {
        struct zone_ip6 next = {run.to.hi + (run.to.lo == UINT64_MAX), run.to.lo + 1};

        if (piece6(&p, l, f))
            return f->what;
        if (have && zone_ip6_cmp(next, p.from) == 0) { /* many that make a wide one */
            run.to = p.to;
            if (all6(run.from, run.to, f))
                return f->what;
            if (width6(run.from, run.to) < l->widest6 && piece6(&run, l, f))
                return f->what;
        } else {
            run = p;
            have = true;
        }
    }
    return ZONE_SANE;
}

static enum zone_insane look_names(const struct zone_image *im, struct zone_finding *f)
{
    static const uint8_t invalid[] = "\7invalid";
    struct zone_cursor c = {0};
    struct zone_piece_name p;

    while (zone_image_next_name(im, &c, &p)) {
        if (p.excluded)
            continue;
        if (p.key_len == 0 && p.wild)
            return say(f, ZONE_INSANE_ALL, "every name is listed: that is everybody");
        if (p.key_len == 8 && memcmp(p.key, invalid, 8) == 0)
            return say(f, ZONE_INSANE_LOCALHOST, "the name INVALID is listed (RFC 5782 section 5)");
    }
    return ZONE_SANE;
}

/* Every value that a listing has: each is asked once for each run of listings that have it. */
static enum zone_insane look_value(const struct zone_image *im, struct zone_hit hit,
                                   struct zone_finding *f)
{
    unsigned n = zone_image_said_count(im, hit);
    struct zone_said said;

    for (unsigned i = 0; i < n; i++) {
        if (!zone_image_said(im, hit, i, &said) || said.a == 0)
            continue;
        if (said.a >> 24 != 127 || said.a == 0x7f000001)
            return say(
                f, ZONE_INSANE_VALUE,
                "a listing's value is %u.%u.%u.%u: it must be of 127/8 (RFC 5782 section 2.3), and "
                "127.0.0.1 says that the list is dead",
                said.a >> 24, said.a >> 16 & 255, said.a >> 8 & 255, said.a & 255);
    }
    return ZONE_SANE;
}

static enum zone_insane look_values(const struct zone_image *im, struct zone_finding *f)
{
    struct zone_hit last = {UINT32_MAX, 0};
    struct zone_piece_name name;
    struct zone_piece4 four;
    struct zone_piece6 six;

    for (struct zone_cursor c = {0}; zone_image_next4(im, &c, &four); last = four.hit)
        if (four.hit.ref != last.ref && look_value(im, four.hit, f))
            return f->what;
    for (struct zone_cursor c = {0}; zone_image_next6(im, &c, &six); last = six.hit)
        if (six.hit.ref != last.ref && look_value(im, six.hit, f))
            return f->what;
    for (struct zone_cursor c = {0}; zone_image_next_name(im, &c, &name); last = name.hit)
        if (!name.excluded && name.hit.ref != last.ref && look_value(im, name.hit, f))
            return f->what;
    return ZONE_SANE;
}

static uint64_t entries(const struct zone_image *im)
{
    const struct zone_image_counts *c = &im->counts;

    return c->v4_single + c->v4_range + c->v6_half + c->v6_full + c->v6_range + c->names +
           c->patterns;
}

static enum zone_insane look_size(const struct zone_image *im, const struct zone_image *before,
                                  const struct zone_limits *l, struct zone_finding *f)
{
    uint64_t now = entries(im), then = before ? entries(before) : 0;

    if (now == 0 && im->counts.records == 0 && !l->empty)
        return say(f, ZONE_INSANE_EMPTY, "there is no entry at all");
    if (!before)
        return ZONE_SANE;
    if (now > then && now - then >= l->small && now - then > then * l->grow_percent / 100)
        return say(f, ZONE_INSANE_GREW,
                   "grew from %" PRIu64 " to %" PRIu64 " entries: %u %% at once is the most", then,
                   now, l->grow_percent);
    if (now < then && then - now >= l->small && then - now > then * l->shrink_percent / 100)
        return say(f, ZONE_INSANE_SHRANK,
                   "shrank from %" PRIu64 " to %" PRIu64 " entries: %u %% at once is the most",
                   then, now, l->shrink_percent);
    return ZONE_SANE;
}

static enum zone_insane look_time(const struct zone_image *im, const struct zone_limits *l,
                                  int64_t now_wall, struct zone_finding *f)
{
    const struct zone_meta *m = &im->meta;

    if (m->expires_wall && m->expires_wall <= now_wall)
        return say(f, ZONE_INSANE_EXPIRED, "the data expired %" PRId64 " seconds ago",
                   now_wall - m->expires_wall);
    if (m->created_wall > now_wall + l->ahead)
        return say(f, ZONE_INSANE_FUTURE, "the data are of a time %" PRId64 " seconds ahead",
                   m->created_wall - now_wall);
    return ZONE_SANE;
}

enum zone_insane zone_sanity(const struct zone_image *image, const struct zone_image *before,
                             const struct zone_limits *limits, int64_t now_wall,
                             struct zone_finding *finding)
{
    *finding = (struct zone_finding){0};
    if (look4(image, limits, finding) || look6(image, limits, finding) ||
        look_names(image, finding) || look_values(image, finding) ||
        look_size(image, before, limits, finding))
        return finding->what;
    return look_time(image, limits, now_wall, finding);
}

static enum zone_insane all4(const struct zone_image *im, struct zone_finding *f)
{
    static const struct zone_limits loose = {.reserved = true};
    struct zone_cursor c = {0};
    struct zone_piece4 p;
    struct state4 s = {0};

    while (zone_image_next4(im, &c, &p)) {
        s.public_addresses += (uint64_t)p.to - p.from + 1;
        if (!s.have || s.to + UINT64_C(1) != p.from) {
            if (end_run4(&s, &loose, f))
                return f->what;
            s.from = p.from;
        }
        s.to = p.to;
        s.have = true;
    }
    if (end_run4(&s, &loose, f) || ppm_of(s.public_addresses) < ALL4_PPM)
        return f->what;
    return say(f, ZONE_INSANE_ALL, "all of the IPv4 space is listed: that is everybody");
}

enum zone_insane zone_sanity_all(const struct zone_image *image, struct zone_finding *finding)
{
    struct zone_cursor c = {0}, c_name = {0};
    struct zone_piece6 p, run = {0};
    struct zone_piece_name name;

    *finding = (struct zone_finding){0};
    if (all4(image, finding))
        return finding->what;
    for (bool have = false; zone_image_next6(image, &c, &p); have = true) {
        struct zone_ip6 next = {run.to.hi + (run.to.lo == UINT64_MAX), run.to.lo + 1};

        if (!have || zone_ip6_cmp(next, p.from) != 0)
            run = p;
        run.to = p.to;
        if (all6(run.from, run.to, finding))
            return finding->what;
    }
    while (zone_image_next_name(image, &c_name, &name))
        if (!name.excluded && name.key_len == 0 && name.wild)
            return say(finding, ZONE_INSANE_ALL, "every name is listed: that is everybody");
    return ZONE_SANE;
}

enum zone_insane zone_sanity_prefix(struct ip_prefix net, const struct zone_limits *limits,
                                    struct zone_finding *finding)
{
    struct zone_piece6 p;
    struct state4 s = {0};
    uint32_t from, to;

    *finding = (struct zone_finding){0};
    if (net.ip.family == IP_V4) {
        from = (uint32_t)net.ip.b[0] << 24 | net.ip.b[1] << 16 | net.ip.b[2] << 8 | net.ip.b[3];
        to = net.len ? from | (uint32_t)(UINT64_C(0xffffffff) >> net.len) : UINT32_MAX;
        if (net.len > ALL4 && (from >> 24 == 127 || to >> 24 == 127))
            return say(finding, ZONE_INSANE_LOCALHOST, "127/8 has the test entries, and no other");
        if (piece4(&s, &(struct zone_piece4){.from = from, .to = to}, limits, finding))
            return finding->what;
        return end_run4(&s, limits, finding);
    }
    p.from = zone_ip6_of(net.ip.b);
    p.to = zone_ip6_last(p.from, net.len);
    return piece6(&p, limits, finding);
}
