/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Those who forge lines know how a line looks, but seldom what an id is made of. Ids with a time in
 * them are second clocks:
 *
 *     Exim         tttttt-pppppp-ff or tttttt-ppppppppppp-ffff, base 62, t seconds since 1970
 *     Sendmail     8.10 on: year, month, day, hour, minute, second (UTC) in base 60, then a letter
 *                  and the process; before: the letter of the hour (local), AA, the process
 *     InterMail    yyyymmddhhmmss.….host@helo
 *     Domino       yyyymmddhhmmss… too, but is known to be years off: not held against it
 *     Exchange     the version of the product
 *     Postfix      hexadecimal, or letters without vowels
 *
 * Only what a writer that names itself never does is a fault. An unknown writer has no faults but
 * impossible dates and addresses.
 */
#include "trace/shape.h"

#include "base/num.h"

#include "trace/name.h"
#include <stdio.h>

enum { DAY = 86400 };

static bool all_in(struct span s, const char *set)
{
    for (size_t i = 0; i < s.n; i++)
        if (!memchr(set, s.p[i], strlen(set)))
            return false;
    return s.n > 0;
}

static bool all_alnum(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_alnum(s.p[i]))
            return false;
    return s.n > 0;
}

static unsigned digit_of(char c, unsigned base)
{
    unsigned v = 99;

    if (ascii_is_digit(c))
        v = (unsigned)(c - '0');
    else if (c >= 'A' && c <= 'Z')
        v = (unsigned)(c - 'A') + 10;
    else if (c >= 'a' && c <= 'z')
        v = (unsigned)(c - 'a') + 36;
    return v < base ? v : 99;
}

static bool is_exim_id(struct span id, int64_t *ret_wall)
{
    bool old = id.n == 16 && id.p[6] == '-' && id.p[13] == '-';
    bool new = id.n == 23 && id.p[6] == '-' && id.p[18] == '-';
    int64_t t = 0;

    if (!old && !new)
        return false;
    for (size_t i = 0; i < id.n; i++)
        if (id.p[i] != '-' && !ascii_is_alnum(id.p[i]))
            return false;
    for (size_t i = 0; i < 6; i++)
        t = t * 62 + digit_of(id.p[i], 62);
    *ret_wall = t;
    return true;
}

/* "g7MCJiZ06043": 2002, August, 22nd, 12:19:44. The year is known modulo 60. */
static bool is_sendmail_id(struct span id, const struct received *r, int64_t *ret_wall)
{
    unsigned v[6];
    char text[40];
    int zone;
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

    if (id.n < 12 || id.n > 15 || !all_alnum(id) || !ascii_is_alpha(id.p[0]))
        return false;
    for (size_t i = 0; i < 6; i++)
        v[i] = digit_of(id.p[i], 60);
    for (size_t i = 7; i < id.n; i++)
        if (!ascii_is_digit(id.p[i]))
            return false;
    if (v[0] > 59 || v[1] > 11 || v[2] < 1 || v[2] > 31 || v[3] > 23 || v[4] > 59 || v[5] > 60)
        return false;
    /* 1900 + v + 60k, the k that is nearest to the line's own date: 1960 to 2019, 2020 on. */
    snprintf(text, sizeof(text), "%u %s %u %u:%02u:%02u +0000", v[2], months[v[1]],
             1900 + v[0] + (v[0] < 30 ? 120 : 60), v[3], v[4], v[5]);
    return received_date(span_str(text), ret_wall, &zone);
}

/* 14 digits: a time without a zone. */
static bool stamp(struct span s, int64_t *ret_wall)
{
    unsigned v[6];
    static const unsigned char at[7] = {0, 4, 6, 8, 10, 12, 14};
    char text[40];
    int zone;
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

    for (size_t i = 0; i < 6; i++)
        if (s.n < 14 || !num_uint(span_slice(s, at[i], at[i + 1]), 0, 9999, &v[i]))
            return false;
    if (v[1] < 1 || v[1] > 12)
        return false;
    snprintf(text, sizeof(text), "%u %s %u %u:%02u:%02u +0000", v[2], months[v[1] - 1], v[0], v[3],
             v[4], v[5]);
    return received_date(span_str(text), ret_wall, &zone);
}

bool shape_id_time(const struct received *r, int64_t *ret_wall)
{
    if (r->writer == RECEIVED_BY_EXIM)
        return is_exim_id(r->id, ret_wall);
    if (r->writer == RECEIVED_BY_SENDMAIL)
        return is_sendmail_id(r->id, r, ret_wall);
    if (r->writer == RECEIVED_BY_INTERMAIL || r->writer == RECEIVED_BY_POSTOFFICE)
        return stamp(r->id, ret_wall);
    return false;
}

/* Sendmail 8.9 and before: 'A' is midnight, local time. */
static bool hour_differs(const struct received *r)
{
    int64_t local = r->date_wall + r->zone_minutes * 60;
    int hour = (int)(local % DAY / 3600), told, gap;

    if (r->id.n != 8 || r->id.p[0] < 'A' || r->id.p[0] > 'X' || !ascii_is_alpha(r->id.p[1]) ||
        !ascii_is_alpha(r->id.p[2]) || !ascii_is_digit(r->id.p[3]))
        return false;
    told = r->id.p[0] - 'A';
    gap = (told - hour + 24) % 24;
    /* A session may last; summer time may be in the zone's name only. */
    return gap > 2 && gap < 20;
}

static enum trace_fault id_fault(const struct received *r)
{
    int64_t t;

    switch ((int)r->writer) {
    case RECEIVED_BY_POSTFIX:
        if (r->id.n && !all_in(r->id, "0123456789ABCDEF") &&
            !all_in(r->id, "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"))
            return TRACE_BAD_ID;
        break;
    case RECEIVED_BY_EXIM:
        if (r->id.n && !is_exim_id(r->id, &t))
            return TRACE_BAD_ID;
        break;
    case RECEIVED_BY_QMAIL:
        if (r->id.n && r->by.n && span_find(r->id, '.') == r->id.n && !r->tls)
            return TRACE_BAD_SHAPE; /* qmail writes none; those derived from it do */
        break;
    case RECEIVED_BY_EXCHANGE:
        if (span_has_nocase(r->with, SPAN_LIT("SMTP Server")) && r->id.n &&
            !all_in(r->id, "0123456789."))
            return TRACE_BAD_ID;
        break;
    default:
        break;
    }
    if (!r->has_date || !r->id.n)
        return TRACE_SOUND;
    if (shape_id_time(r, &t) && (t > r->date_wall + 2 * DAY || t < r->date_wall - 5 * DAY))
        return TRACE_BAD_CLOCK;
    return r->writer == RECEIVED_BY_SENDMAIL && hour_differs(r) ? TRACE_BAD_CLOCK : TRACE_SOUND;
}

/* Houses whose lines are known by their look, and often forged. */
static bool is_impostor(const struct received *r)
{
    bool bare = !r->id.n && !r->writer;

    if (span_ends_nocase(r->by, SPAN_LIT(".aol.com")) || span_eq_nocase(r->by, SPAN_LIT("aol.com")))
        return bare;
    if (span_ends_nocase(r->by, SPAN_LIT("hotmail.com")) ||
        span_ends_nocase(r->by, SPAN_LIT("msn.com")))
        return !span_has_nocase(r->with, SPAN_LIT("Microsoft")) &&
               !span_starts_nocase(r->with, SPAN_LIT("HTTP")) &&
               !span_starts_nocase(r->with, SPAN_LIT("mapi"));
    return false;
}

/* "Aug, 22 2002 8:02:13 AM": no mail program writes twelve hours into this field. */
static bool is_twelve_hours(const struct received *r)
{
    struct span tail = span_slice(r->field, span_rfind(r->field, ';'), r->field.n);

    return span_has_nocase(tail, SPAN_LIT(" AM ")) || span_has_nocase(tail, SPAN_LIT(" PM "));
}

enum trace_fault shape_fault(const struct received *r)
{
    enum ip_space space = ip_space(r->ip);

    if (!r->has_date && r->by.n && r->writer != RECEIVED_BY_SENDGRID)
        return TRACE_BAD_DATE; /* SendGrid's inner lines have a clock of their own */
    if (r->has_date && is_twelve_hours(r))
        return TRACE_BAD_DATE;
    if (r->ip.family != IP_NONE && (space == IP_MULTICAST || space == IP_RESERVED) &&
        !ip_eq(r->ip, (struct ip){.family = IP_V4}))
        return TRACE_BAD_ADDRESS;
    if (is_impostor(r))
        return TRACE_BAD_SHAPE;
    return id_fault(r);
}
