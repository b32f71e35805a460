/* SPDX-License-Identifier: GPL-3.0-or-later */
/* strtol and its kin take signs, spaces and half a number; a configuration or a peer may not. */
#include "base/num.h"

bool num_u64(struct span s, uint64_t min, uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;

    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned)(s.p[i] - '0');

        if (!ascii_is_digit(s.p[i]) || v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    if (v < min || v > max)
        return false;
    *ret = v;
    return true;
}

bool num_uint(struct span s, unsigned min, unsigned max, unsigned *ret)
{
    uint64_t v;

    if (!num_u64(s, min, max, &v))
        return false;
    *ret = (unsigned)v;
    return true;
}

/* Splits "12k" into 12 and 'k'; the unit is '\0' where the span ends in a digit. */
static bool with_unit(struct span s, uint64_t *ret_v, char *ret_unit)
{
    char unit = '\0';

    if (s.n && !ascii_is_digit(s.p[s.n - 1])) {
        unit = ascii_lower(s.p[s.n - 1]);
        s.n--;
    }
    *ret_unit = unit;
    return num_u64(s, 0, UINT64_MAX, ret_v);
}

bool num_duration(struct span s, int64_t *ret_ms)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {
        {'\0', 1000}, {'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}, {'w', 604800000},
    };
    uint64_t v;
    char unit;

    if (!with_unit(s, &v, &unit))
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (units[i].unit == unit && v <= (uint64_t)(NUM_DURATION_MAX / units[i].ms)) {
            *ret_ms = (int64_t)v * units[i].ms;
            return true;
        }
    }
    return false;
}

bool num_size(struct span s, uint64_t *ret_bytes)
{
    static const struct {
        char unit;
        unsigned shift;
    } units[] = {{'\0', 0}, {'k', 10}, {'m', 20}, {'g', 30}};
    uint64_t v;
    char unit;

    if (!with_unit(s, &v, &unit))
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (units[i].unit == unit && v <= NUM_SIZE_MAX >> units[i].shift) {
            *ret_bytes = v << units[i].shift;
            return true;
        }
    }
    return false;
}

void num_put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

void num_put32(uint8_t *p, uint32_t v)
{
    num_put16(p, (uint16_t)(v >> 16));
    num_put16(p + 2, (uint16_t)v);
}

uint16_t num_get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t num_get32(const uint8_t *p)
{
    return (uint32_t)num_get16(p) << 16 | num_get16(p + 2);
}
