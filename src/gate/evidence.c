/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The line is made by hand rather than by a JSON library: it is one flat object, its texts are
 * printable after escape_text(), and what is left to do for JSON is the quote and the backslash.
 */
#include "gate/evidence.h"

#include "base/escape.h"
#include "base/num.h"

#include <stdio.h>
#include <time.h>

bool evidence_due(unsigned count)
{
    return count && (count & (count - 1)) == 0;
}

static void add_text(struct buf *out, const char *key, struct span s)
{
    struct buf text = BUF_INIT(EVIDENCE_TEXT_MAX * 4 + 8);

    escape_text(&text, span_slice(s, 0, EVIDENCE_TEXT_MAX));
    buf_addf(out, ",\"%s\":\"", key);
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"' || text.p[i] == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, text.p[i]);
    }
    buf_add_char(out, '"');
    if (text.err && !out->err)
        out->err = text.err;
    buf_deinit(&text);
}

void evidence_line(const struct evidence *e, struct buf *out)
{
    char stamp[80] = "", ip[IP_TEXT_MAX];
    time_t wall = (time_t)e->wall;
    struct tm tm;

    if (gmtime_r(&wall, &tm))
        snprintf(stamp, sizeof(stamp), "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    buf_addf(out, "{\"type\":\"nomination\",\"time\":\"%s\",\"wall\":%lld,\"ip\":\"%s\"", stamp,
             (long long)e->wall, ip_text(e->client, ip));
    buf_add_str(out, ",\"source\":\"gate\"");
    add_text(out, "reason", span_str(e->reason));
    add_text(out, "session", span_str(e->session));
    add_text(out, "helo", e->helo);
    add_text(out, "mail", e->mail);
    add_text(out, "rcpt", e->rcpt);
    buf_addf(out, ",\"count\":%u}\n", e->count);
}

void evidence_file(int64_t wall, char out[EVIDENCE_NAME_MAX])
{
    time_t at = (time_t)wall;
    struct tm tm = {0};

    gmtime_r(&at, &tm);
    snprintf(out, EVIDENCE_NAME_MAX, "%04u-%02u-%02u.jsonl", (unsigned)(tm.tm_year + 1900) % 10000U,
             (unsigned)(tm.tm_mon + 1) % 100U, (unsigned)tm.tm_mday % 100U);
}

bool evidence_stale(struct span name, int64_t wall)
{
    char oldest[EVIDENCE_NAME_MAX];
    unsigned n;

    if (name.n != 16 || name.p[4] != '-' || name.p[7] != '-' ||
        !num_uint(span_slice(name, 0, 4), 0, 9999, &n) ||
        !num_uint(span_slice(name, 5, 7), 1, 12, &n) ||
        !num_uint(span_slice(name, 8, 10), 1, 31, &n) ||
        !span_eq(span_slice(name, 10, 16), SPAN_LIT(".jsonl")))
        return false;
    evidence_file(wall - (int64_t)(EVIDENCE_DAYS - 1) * 86400, oldest);
    return memcmp(name.p, oldest, 10) < 0;
}
