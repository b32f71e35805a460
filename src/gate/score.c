/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nothing here asks anybody: the caller has a resolver. What is written here are the ways in which
 * lists have hurt their users: a list that is gone and answers everything, one that answers an
 * error where a listing would stand, one that never heard of IPv6. So a zone counts nothing before
 * its test passed, and an answer that can't be a listing takes the zone out until the next test.
 *
 * IPv6 is tested by itself: many good lists know IPv4 alone, and stay in use for it.
 */
#include "gate/score.h"

#include "base/num.h"

#include <assert.h>
#include <stdio.h>

enum { LOOPBACK = 127U << 24 };

const char *score_health_name(enum score_health h)
{
    static const char *const names[] = {
        [SCORE_UNTESTED] = "untested",
        [SCORE_GOOD] = "good",
        [SCORE_BAD] = "bad",
    };

    return names[h];
}

const char *score_got_name(enum score_got got)
{
    static const char *const names[] = {
        [SCORE_NO] = "no",
        [SCORE_LISTED] = "listed",
        [SCORE_REFUSED] = "refused",
        [SCORE_FOREIGN] = "foreign",
    };

    return names[got];
}

/* --- the setting ---------------------------------------------------------------------------- */

static bool zone_ok(struct span zone)
{
    struct span label;

    if (zone.n == 0 || zone.n > SCORE_ZONE_MAX || span_find(zone, '.') == zone.n)
        return false;
    while (span_cut(&zone, '.', &label)) {
        if (label.n == 0 || label.n > 63)
            return false;
        for (size_t i = 0; i < label.n; i++)
            if (!ascii_is_alnum(label.p[i]) && label.p[i] != '-' && label.p[i] != '_')
                return false;
    }
    return true;
}

/* "127.0.0.2", or "2" for short. */
static bool read_code(struct span s, uint32_t *ret)
{
    unsigned last;
    struct ip ip;

    if (num_uint(s, 0, 255, &last)) {
        *ret = LOOPBACK | last;
        return true;
    }
    if (!ip_parse(s, &ip) || ip.family != IP_V4 || ip.b[0] != 127)
        return false;
    *ret = num_get32(ip.b);
    return true;
}

static bool read_codes(struct span s, struct score_zone *z)
{
    struct span piece;

    while (span_cut(&s, ',', &piece)) {
        size_t dash = span_find(piece, '-');
        struct score_codes *c = &z->codes[z->code_count];

        if (z->code_count == SCORE_CODES_MAX || !read_code(span_slice(piece, 0, dash), &c->from))
            return false;
        c->to = c->from;
        if (dash < piece.n && !read_code(span_slice(piece, dash + 1, piece.n), &c->to))
            return false;
        if (c->to < c->from)
            return false;
        z->code_count++;
    }
    return z->code_count > 0;
}

static bool read_names(struct span word, struct score_zone *z)
{
    size_t eq = span_find(word, '=');
    struct span zone = span_slice(word, 0, eq);
    struct span shown = eq < word.n ? span_slice(word, eq + 1, word.n) : zone;

    if (zone.n && zone.p[zone.n - 1] == '.')
        zone.n--;
    if (shown.n && shown.p[shown.n - 1] == '.')
        shown.n--;
    return zone_ok(zone) && zone_ok(shown) && span_copy(zone, z->zone, sizeof(z->zone)) &&
           span_copy(shown, z->shown, sizeof(z->shown));
}

bool score_zone_parse(struct span text, bool white, struct score_zone *ret,
                      char err[SCORE_ERROR_MAX])
{
    struct score_zone z = {.white = white};
    struct span word;
    unsigned weight;

    if (!span_word(&text, &word) || !read_names(word, &z)) {
        snprintf(err, SCORE_ERROR_MAX, "'ZONE WEIGHT [CODES]' needs the domain name of a list");
        return false;
    }
    if (!span_word(&text, &word) || !num_uint(word, 1, SCORE_WEIGHT_MAX, &weight)) {
        snprintf(err, SCORE_ERROR_MAX, "%s: the weight behind it must be 1 to %d", z.shown,
                 SCORE_WEIGHT_MAX);
        return false;
    }
    z.weight = white ? -(int)weight : (int)weight;
    if (span_word(&text, &word) && !read_codes(word, &z)) {
        snprintf(err, SCORE_ERROR_MAX,
                 "%s: codes are addresses in 127/8, as 127.0.0.2-127.0.0.11,127.0.0.20", z.shown);
        return false;
    }
    if (span_word(&text, &word)) {
        snprintf(err, SCORE_ERROR_MAX, "%s: nothing may stand behind the codes", z.shown);
        return false;
    }
    *ret = z;
    return true;
}

/* --- questions and answers ------------------------------------------------------------------ */

void score_name(const struct score_zone *z, struct ip client, char out[SCORE_NAME_MAX])
{
    struct buf b = BUF_INIT(SCORE_NAME_MAX - 1);

    if (client.family == IP_V4)
        buf_addf(&b, "%u.%u.%u.%u.", client.b[3], client.b[2], client.b[1], client.b[0]);
    for (int i = 15; client.family == IP_V6 && i >= 0; i--)
        buf_addf(&b, "%x.%x.", client.b[i] & 15U, client.b[i] >> 4);
    buf_add_str(&b, z->zone);
    span_copy(b.err ? SPAN_NULL : buf_span(&b), out, SCORE_NAME_MAX);
    buf_deinit(&b);
}

bool score_askable(struct ip client)
{
    return ip_public(client);
}

static bool code_counts(const struct score_zone *z, uint32_t code)
{
    for (unsigned i = 0; i < z->code_count; i++)
        if (code >= z->codes[i].from && code <= z->codes[i].to)
            return true;
    return z->code_count == 0;
}

/* Lists say that they won't answer by 127.255.255.x; DNSWL by 127.0.0.255. */
static bool is_error_code(const struct score_zone *z, uint32_t code)
{
    return (code & 0xffffff00U) == (LOOPBACK | 0xffff00U) ||
           (z->white && code == (LOOPBACK | 255U));
}

enum score_got score_read(const struct score_zone *z, const struct ip *answers, size_t count)
{
    enum score_got got = SCORE_NO;

    for (size_t i = 0; i < count; i++) {
        uint32_t code = num_get32(answers[i].b);

        if (answers[i].family != IP_V4 || code >> 24 != 127)
            return SCORE_FOREIGN;
        if (is_error_code(z, code))
            return SCORE_REFUSED;
        if (code_counts(z, code))
            got = SCORE_LISTED;
    }
    return got;
}

bool score_spoiled(struct score_zone *z, enum score_got got, int64_t now)
{
    bool was_in_use = z->health == SCORE_GOOD || z->health6 == SCORE_GOOD;

    if (got != SCORE_REFUSED && got != SCORE_FOREIGN)
        return false;
    z->health = z->health6 = SCORE_BAD;
    z->why = got == SCORE_REFUSED ? "it answers with an error code: too many questions, or by a "
                                    "public resolver"
                                  : "it answers with an address outside 127/8: parked or rewritten";
    z->test_at = now + SCORE_TEST_AGAIN;
    return was_in_use;
}

/* --- the test ------------------------------------------------------------------------------- */

struct ip score_point_ip(enum score_point p)
{
    bool v6 = p == SCORE_POINT_LISTED6 || p == SCORE_POINT_FREE6;
    uint8_t last = p == SCORE_POINT_LISTED || p == SCORE_POINT_LISTED6 ? 2 : 1;

    /* ::FFFF:7F00:2 as sixteen octets: struct ip would fold it if it were parsed from text. */
    if (v6)
        return (struct ip){.family = IP_V6, .b = {[10] = 255, [11] = 255, [12] = 127, [15] = last}};
    return (struct ip){.family = IP_V4, .b = {127, 0, 0, last}};
}

/* One family's two points. *why is set for SCORE_BAD only. */
static enum score_health points_say(const struct score_test *t, enum score_point listed,
                                    enum score_health was, const char **why)
{
    enum score_point clear = listed + 1;

    for (enum score_point p = listed; p <= clear; p++) {
        if (!t->answered[p])
            continue;
        if (t->got[p] == SCORE_REFUSED || t->got[p] == SCORE_FOREIGN) {
            *why = t->got[p] == SCORE_REFUSED
                       ? "it answers its test with an error code"
                       : "it answers its test with an address outside 127/8: parked or rewritten";
            return SCORE_BAD;
        }
    }
    if (t->answered[clear] && t->got[clear] == SCORE_LISTED) {
        *why = "it lists 127.0.0.1: it is shut down, or lists the world";
        return SCORE_BAD;
    }
    if (t->answered[listed] && t->got[listed] == SCORE_NO) {
        *why = "it does not list its test entry 127.0.0.2: not a list, empty, or wrong codes";
        return SCORE_BAD;
    }
    return t->answered[listed] && t->answered[clear] ? SCORE_GOOD : was;
}

bool score_test_judge(struct score_zone *z, const struct score_test *t, int64_t now)
{
    enum score_health before = z->health, before6 = z->health6;
    const char *why = NULL, *why6 = NULL;

    static_assert(SCORE_POINT_FREE == SCORE_POINT_LISTED + 1, "points_say() counts on it");
    static_assert(SCORE_POINT_FREE6 == SCORE_POINT_LISTED6 + 1, "points_say() counts on it");
    z->health = points_say(t, SCORE_POINT_LISTED, before, &why);
    z->health6 = points_say(t, SCORE_POINT_LISTED6, before6, &why6);
    z->why = z->health == SCORE_BAD ? (why ? why : z->why) : NULL;
    z->test_at =
        now + (t->answered[SCORE_POINT_LISTED] && t->answered[SCORE_POINT_FREE] ? SCORE_TEST_EVERY
                                                                                : SCORE_TEST_AGAIN);
    return z->health != before || z->health6 != before6;
}

bool score_in_use(const struct score_zone *z, struct ip client)
{
    return (client.family == IP_V6 ? z->health6 : z->health) == SCORE_GOOD;
}

/* --- the sum -------------------------------------------------------------------------------- */

void score_count(struct score_tally *t, const struct score_zone *zones, unsigned at,
                 enum score_got got)
{
    uint32_t bit = 1U << at;

    assert(at < SCORE_ZONES_MAX);
    if (t->answered & bit)
        return;
    t->answered |= bit;
    if (got != SCORE_LISTED)
        return;
    t->listed |= bit;
    t->sum += zones[at].weight;
}

bool score_complete(const struct score_tally *t)
{
    return t->answered == t->asked;
}

void score_names(const struct score_tally *t, const struct score_zone *zones, unsigned count,
                 struct buf *out)
{
    bool first = true;

    for (unsigned i = 0; i < count; i++) {
        if (!(t->listed & 1U << i))
            continue;
        if (!first)
            buf_add_char(out, ',');
        buf_add_str(out, zones[i].shown);
        first = false;
    }
}
