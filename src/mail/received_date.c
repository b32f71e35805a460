/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *     date-time = [ day-name "," ] day month year hour ":" minute [ ":" second ] [ zone ]
 *
 * RFC 5322 §3.3 and §4.3. Real lines also bring "Mon Oct  8 12:00:00 2001", "8-Oct-2001", commas in
 * odd places, 0 to 3 digit years and zones by name. A missing or unknown zone is read as UTC: the
 * clock of a stranger is weak evidence anyhow, and a date that is some hours off is worth more
 * than none.
 *
 * Days are counted by hand: timegm() would do, but a pure layer asks no C library about zones.
 */
#include "mail/received.h"

#include "base/num.h"

struct date {
    unsigned day, month, year, hour, minute, second;
    bool has_day, has_month, has_year, has_time, has_zone;
    int zone;
};

static const char months[12][4] = {"jan", "feb", "mar", "apr", "may", "jun",
                                   "jul", "aug", "sep", "oct", "nov", "dec"};

static const struct {
    char name[5];
    int minutes;
} zones[] = {
    {"ut", 0},     {"utc", 0},    {"gmt", 0},    {"z", 0},      {"est", -300}, {"edt", -240},
    {"cst", -360}, {"cdt", -300}, {"mst", -420}, {"mdt", -360}, {"pst", -480}, {"pdt", -420},
    {"bst", 60},   {"cet", 60},   {"met", 60},   {"cest", 120}, {"mest", 120}, {"eet", 120},
    {"eest", 180}, {"msk", 180},  {"jst", 540},  {"kst", 540},  {"aest", 600}, {"aedt", 660},
    {"nzst", 720}, {"nzdt", 780},
};

static bool is_separator(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',';
}

/* The next word; what stands in a comment and behind it is no part of a date. */
static bool next_word(struct span *s, struct span *ret)
{
    size_t from = 0, to;

    while (from < s->n && is_separator(s->p[from]))
        from++;
    for (to = from; to < s->n && !is_separator(s->p[to]) && s->p[to] != '('; to++)
        ;
    *ret = span_slice(*s, from, to);
    *s = span_slice(*s, to, s->n);
    return ret->n > 0;
}

static bool read_month(struct span word, struct date *d)
{
    for (unsigned i = 0; i < 12; i++) {
        if (word.n >= 3 && word.n <= 9 && span_starts_nocase(word, span_of(months[i], 3))) {
            d->month = i + 1;
            return d->has_month = true;
        }
    }
    return false;
}

static bool read_time(struct span word, struct date *d)
{
    struct span part[3] = {SPAN_NULL, SPAN_NULL, SPAN_NULL};
    size_t n = 0;

    while (n < 3 && span_cut(&word, ':', &part[n]))
        n++;
    if (n < 2 || word.p)
        return false;
    d->second = 0;
    if (n == 3)
        part[2] = span_slice(part[2], 0, span_find(part[2], '.')); /* 12:00:00.123 */
    d->has_time = num_uint(part[0], 0, 24, &d->hour) && num_uint(part[1], 0, 59, &d->minute) &&
                  (n == 2 || num_uint(part[2], 0, 60, &d->second));
    return d->has_time;
}

static bool read_zone(struct span word, struct date *d)
{
    unsigned v;

    if (word.n == 5 && (word.p[0] == '+' || word.p[0] == '-')) {
        if (!num_uint(span_slice(word, 1, 5), 0, 9999, &v) || v % 100 > 59)
            return false;
        d->zone = (int)(v / 100 * 60 + v % 100) * (word.p[0] == '-' ? -1 : 1);
        return d->has_zone = true;
    }
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        if (span_eq_nocase(word, span_str(zones[i].name))) {
            d->zone = zones[i].minutes;
            return d->has_zone = true;
        }
    }
    return false;
}

/* RFC 5322 §4.3: two digits are 1950 to 2049, three digits count from 1900. */
static bool read_year(struct span word, struct date *d)
{
    if (!num_uint(word, 0, 9999, &d->year))
        return false;
    if (word.n == 2)
        d->year += d->year < 50 ? 2000 : 1900;
    else if (word.n == 3)
        d->year += 1900;
    return d->has_year = d->year >= 1970;
}

static void read_word(struct span word, struct date *d)
{
    if (!d->has_time && span_find(word, ':') < word.n) {
        read_time(word, d);
    } else if (!d->has_month && read_month(word, d)) {
        return;
    } else if (!d->has_day && word.n <= 2 && num_uint(word, 1, 31, &d->day)) {
        d->has_day = true;
    } else if (!d->has_year && d->has_day && d->has_month && read_year(word, d)) {
        return;
    } else if (!d->has_zone && d->has_time) {
        read_zone(word, d);
    }
}

/* 8-Oct-2001 is three words; a zone's sign is no such hyphen. */
static void read_hyphened(struct span word, struct date *d)
{
    struct span part;

    if (word.n && word.p[0] != '-' && span_find(word, '-') < span_rfind(word, '-'))
        while (span_cut(&word, '-', &part))
            read_word(part, d);
    else
        read_word(word, d);
}

/* Days since 1970-01-01 of a day in the Gregorian calendar: March-based years, so that the leap day
 * is the last of its year. */
static int64_t days_of(unsigned year, unsigned month, unsigned day)
{
    int64_t y = (int64_t)year - (month <= 2);
    unsigned m = month <= 2 ? month + 9 : month - 3;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

bool received_date(struct span text, int64_t *ret_wall, int *ret_zone_minutes)
{
    struct date d = {0};
    struct span word;

    text = span_slice(text, 0, 200);
    for (unsigned i = 0; i < 10 && next_word(&text, &word); i++)
        read_hyphened(word, &d);
    if (!d.has_day || !d.has_month || !d.has_year || !d.has_time)
        return false;
    *ret_wall = days_of(d.year, d.month, d.day) * 86400 + d.hour * 3600 + d.minute * 60 + d.second -
                d.zone * 60;
    *ret_zone_minutes = d.zone;
    return true;
}
