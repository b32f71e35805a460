/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small readers with rbldnsd's own grammar, which is laxer than ours elsewhere: a time may have no
 * unit, a time stamp may have its delimiters or not. A time stamp is turned into seconds by the day
 * count of the civil calendar, for no clock or time zone is to be had here. In one thing they are
 * stricter: "a..b" is no name, though rbldnsd takes it for "a.b".
 */
#include "listfile/rbl_word.h"

#include "base/num.h"

void rbl_blanks(struct span *s)
{
    while (s->n && (s->p[0] == ' ' || s->p[0] == '\t')) {
        s->p++;
        s->n--;
    }
}

bool rbl_keyword(struct span *s, const char *word)
{
    struct span rest = *s, first;

    if (!span_word(&rest, &first) || rest.n == 0 || !span_eq_nocase(first, span_str(word)))
        return false;
    rbl_blanks(&rest);
    *s = rest;
    return true;
}

bool rbl_u32(struct span *s, uint32_t *ret)
{
    struct span rest = *s, word;
    uint64_t v;

    if (!span_word(&rest, &word) || !num_u64(word, 0, UINT32_MAX, &v))
        return false;
    rbl_blanks(&rest);
    *s = rest;
    *ret = (uint32_t)v;
    return true;
}

static uint32_t unit_of(char c)
{
    switch (ascii_lower(c)) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    case 'w':
        return 604800;
    default:
        return 0;
    }
}

bool rbl_time(struct span *s, uint32_t *ret)
{
    struct span rest = *s, word;
    uint32_t unit = 1;
    uint64_t v;

    if (!span_word(&rest, &word))
        return false;
    if (!ascii_is_digit(word.p[word.n - 1])) {
        unit = unit_of(word.p[word.n - 1]);
        word.n--;
    }
    if (unit == 0 || !num_u64(word, 0, UINT32_MAX, &v) || v * unit > UINT32_MAX)
        return false;
    rbl_blanks(&rest);
    *s = rest;
    *ret = (uint32_t)(v * unit);
    return true;
}

/* Days since 1970-01-01 of a Gregorian date, counted in years that begin in March. */
static int64_t days_of(unsigned year, unsigned month, unsigned day)
{
    unsigned y = month > 2 ? year : year - 1;
    unsigned from_march = (month + 9) % 12;
    unsigned in_year = (153 * from_march + 2) / 5 + day - 1;

    return (int64_t)y * 365 + y / 4 - y / 100 + y / 400 + in_year - 719468;
}

/* Up to `digits` digits and one delimiter. */
static bool piece(struct span *word, unsigned digits, unsigned min, unsigned max, unsigned *ret)
{
    size_t n = 0;

    while (n < word->n && n < digits && ascii_is_digit(word->p[n]))
        n++;
    if (!num_uint(span_slice(*word, 0, n), min, max, ret))
        return false;
    if (n < word->n && (word->p[n] == ':' || word->p[n] == '-'))
        n++;
    *word = span_slice(*word, n, word->n);
    return true;
}

static unsigned month_days(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static bool stamp_of(struct span word, int64_t *ret_wall)
{
    unsigned year, month, day, clock[3] = {0, 0, 0};

    if (!piece(&word, 4, 1970, 2105, &year) || !piece(&word, 2, 1, 12, &month) ||
        !piece(&word, 2, 1, month_days(year, month), &day))
        return false;
    for (unsigned i = 0; i < 3 && word.n; i++)
        if (!piece(&word, 2, 0, i ? 59 : 23, &clock[i]))
            return false;
    if (word.n)
        return false;
    *ret_wall = ((days_of(year, month, day) * 24 + clock[0]) * 60 + clock[1]) * 60 + clock[2];
    return true;
}

bool rbl_stamp(struct span *s, int64_t *ret_wall)
{
    struct span rest = *s, word;
    int64_t wall = 0;

    if (!span_word(&rest, &word))
        return false;
    bool none = word.n == 1 && (word.p[0] == '0' || word.p[0] == '-' || word.p[0] == ':');

    if (!none && !stamp_of(word, &wall))
        return false;
    rbl_blanks(&rest);
    *s = rest;
    *ret_wall = wall;
    return true;
}

/* The next word without dots at its head; "." stays. */
static bool name_word(struct span *rest, struct span *ret)
{
    if (!span_word(rest, ret))
        return false;
    while (ret->n > 1 && ret->p[0] == '.')
        *ret = span_slice(*ret, 1, ret->n);
    rbl_blanks(rest);
    return true;
}

bool rbl_name(struct span *s, struct dns_name *ret)
{
    struct span rest = *s, word;

    if (!name_word(&rest, &word) || !dns_name_parse(word, ret))
        return false;
    *s = rest;
    return true;
}

bool rbl_rname(struct span *s, struct zone_rname *ret)
{
    struct span rest = *s, word;

    if (!name_word(&rest, &word) || !zone_rname_parse(word, ret))
        return false;
    *s = rest;
    return true;
}
