/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything here counts columns as bytes. That is right because all text has been escaped to
 * printable ASCII before it is measured; the few arrows and lines of the UTF-8 style are added by
 * those who draw, and never measured.
 */
#include "report/text.h"

#include "report/doc.h"

#include <inttypes.h>

unsigned report_text_width(const struct report_style *style)
{
    if (style->width == 0)
        return REPORT_WIDTH_DEFAULT;
    return style->width < REPORT_WIDTH_MIN ? REPORT_WIDTH_MIN : style->width;
}

void report_text_number(struct buf *out, uint64_t n)
{
    if (n >= 1000) {
        report_text_number(out, n / 1000);
        buf_addf(out, ",%03u", (unsigned)(n % 1000));
    } else {
        buf_addf(out, "%u", (unsigned)n);
    }
}

void report_text_plural(struct buf *out, uint64_t n, const char *noun)
{
    report_text_number(out, n);
    buf_addf(out, " %s%s", noun, n == 1 ? "" : "s");
}

void report_text_duration(struct buf *out, int64_t ms)
{
    int64_t s = ms / 1000;

    if (ms < 0)
        return;
    if (s >= 3600)
        buf_addf(out, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
    else if (s >= 60)
        buf_addf(out, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    else if (ms >= 100)
        buf_addf(out, "%" PRId64 ".%" PRId64 " s", s, ms / 100 % 10);
    else
        buf_addf(out, "%" PRId64 " ms", ms);
}

void report_text_wrap(struct buf *out, unsigned first, unsigned rest, unsigned width,
                      struct span text)
{
    size_t column = first;
    struct span word;
    bool begun = false;

    buf_addf(out, "%*s", (int)first, "");
    while (span_word(&text, &word)) {
        if (begun && column + 1 + word.n > width) {
            buf_addf(out, "\n%*s", (int)rest, "");
            column = rest;
            begun = false;
        }
        if (begun) {
            buf_add_char(out, ' ');
            column++;
        }
        buf_add(out, word);
        column += word.n;
        begun = true;
    }
    buf_add_char(out, '\n');
}

void report_text_pad(struct buf *out, size_t start, size_t column)
{
    while (!out->err && out->n < start + column)
        buf_add_char(out, ' ');
}

void report_text_colour(struct buf *out, const struct report_style *style, enum report_colour c,
                        const char *text)
{
    static const char *const codes[] = {
        [REPORT_RED] = "1;31",  [REPORT_YELLOW] = "1;33", [REPORT_GREEN] = "1;32",
        [REPORT_CYAN] = "1;36", [REPORT_DIM] = "2",
    };

    if (style->colour)
        buf_addf(out, "\033[%sm%s\033[0m", codes[c], text);
    else
        buf_add_str(out, text);
}

enum report_colour report_text_verdict_colour(enum report_verdict v)
{
    switch (v) {
    case REPORT_OPEN:
        return REPORT_RED;
    case REPORT_ACCEPTS:
        return REPORT_YELLOW;
    case REPORT_CLOSED:
        return REPORT_GREEN;
    case REPORT_ABSENT:
        return REPORT_DIM;
    case REPORT_BLOCKED:
    case REPORT_INCONCLUSIVE:
    case REPORT_UNREACHABLE:
    case REPORT_UNKNOWN:
    case REPORT_VERDICTS:
        break;
    }
    return REPORT_CYAN;
}

const char *report_text_headline(enum report_verdict v)
{
    static const char *const headlines[REPORT_VERDICTS] = {
        [REPORT_OPEN] = "OPEN RELAY",
        [REPORT_ACCEPTS] = "ACCEPTS, UNPROVED",
        [REPORT_CLOSED] = "CLOSED",
        [REPORT_BLOCKED] = "BLOCKED",
        [REPORT_INCONCLUSIVE] = "INCONCLUSIVE",
        [REPORT_UNREACHABLE] = "UNREACHABLE",
        [REPORT_ABSENT] = "ABSENT",
        [REPORT_UNKNOWN] = "NO VERDICT",
    };

    return headlines[v < REPORT_VERDICTS ? v : REPORT_UNKNOWN];
}

static const char *const severities[REPORT_SEVERITIES] = {
    [REPORT_CRITICAL] = "critical", [REPORT_HIGH] = "high", [REPORT_MEDIUM] = "medium",
    [REPORT_LOW] = "low",           [REPORT_INFO] = "info",
};

enum report_severity report_text_severity(const json_t *finding)
{
    for (unsigned s = 0; s < REPORT_INFO; s++)
        if (report_doc_is(finding, "severity", severities[s]))
            return (enum report_severity)s;
    return REPORT_INFO;
}

const char *report_severity_name(enum report_severity s)
{
    return severities[s < REPORT_SEVERITIES ? s : REPORT_INFO];
}

void report_text_endpoint(struct buf *out, const json_t *doc, const char *address)
{
    struct span a = report_doc_text(doc, address);
    uint64_t port = report_doc_count(doc, "port");
    bool bracket = port != 0 && span_find(a, ':') < a.n;

    buf_add_str(out, bracket ? "[" : "");
    report_doc_show(out, a);
    buf_add_str(out, bracket ? "]" : "");
    if (port != 0)
        buf_addf(out, ":%" PRIu64, port);
}

const char *report_text_tls(const json_t *doc)
{
    if (report_doc_is(doc, "tls", "starttls"))
        return "STARTTLS";
    if (report_doc_is(doc, "tls", "implicit"))
        return "TLS";
    return report_doc_is(doc, "tls", "none") ? "plain" : "";
}
