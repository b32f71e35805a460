/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JUnit XML for build servers. A suite is a target; its first case is the verdict, so that a suite
 * without probes still says something; then a case a probe, or a case a door where no probes are
 * held. A build goes red for the same things as for the exit code: failure is open or accepts,
 * error is undecided. There is no clock and no host name here: both are of the tested, not of the
 * tester.
 */
#include "report/doc.h"
#include "report/report.h"
#include "report/text.h"

#include <inttypes.h>

enum { XML_MAX = 256 << 20 };

struct suite {
    struct buf cases;
    unsigned tests, failures, errors, skipped;
};

static void add_attribute(struct buf *out, const char *name, struct span value)
{
    buf_addf(out, " %s=\"", name);
    report_doc_markup(out, value);
    buf_add_char(out, '"');
}

static void add_time(struct buf *out, int64_t micro)
{
    if (micro >= 0)
        buf_addf(out, " time=\"%" PRId64 ".%06" PRId64 "\"", micro / 1000000, micro % 1000000);
}

static void begin_case(struct suite *s, struct span name, struct span target, const json_t *door,
                       int64_t micro)
{
    struct buf where = BUF_INIT(REPORT_LINE_MAX);

    report_doc_show(&where, target);
    if (door) {
        buf_add_str(&where, " ");
        report_text_endpoint(&where, door, "address");
        buf_addf(&where, " %s", report_text_tls(door));
    }
    s->tests++;
    buf_add_str(&s->cases, "    <testcase");
    add_attribute(&s->cases, "name", name);
    add_attribute(&s->cases, "classname", span_trim(buf_span(&where)));
    add_time(&s->cases, micro);
    buf_deinit(&where);
}

/* Closes the case with an element of its own when it did not simply pass. */
static void end_case(struct suite *s, const char *element, struct span type, struct span message)
{
    if (!element) {
        buf_add_str(&s->cases, "/>\n");
        return;
    }
    buf_addf(&s->cases, ">\n      <%s", element);
    if (type.n)
        add_attribute(&s->cases, "type", type);
    add_attribute(&s->cases, "message", message);
    buf_add_str(&s->cases, "/>\n    </testcase>\n");
}

static void end_by_verdict(struct suite *s, const json_t *doc)
{
    enum report_verdict v = report_verdict_of(doc);
    struct span name = span_str(report_verdict_name(v)), why = report_doc_text(doc, "why");

    switch (report_exit_of(v)) {
    case REPORT_EXIT_CLOSED:
        end_case(s, NULL, SPAN_NULL, SPAN_NULL);
        return;
    case REPORT_EXIT_OPEN:
    case REPORT_EXIT_ACCEPTS:
        s->failures++;
        end_case(s, "failure", name, why);
        return;
    case REPORT_EXIT_UNDECIDED:
        break;
    }
    if (v == REPORT_ABSENT) {
        s->skipped++;
        end_case(s, "skipped", SPAN_NULL, why.n ? why : name);
        return;
    }
    s->errors++;
    end_case(s, "error", name, why);
}

static void add_probe(struct suite *s, const json_t *probe, struct span target)
{
    struct span state = report_doc_text(probe, "state");
    struct buf message = BUF_INIT(REPORT_LINE_MAX);
    uint64_t code = report_doc_count(probe, "code");
    struct span words;

    buf_add_str(&message, "HELO ");
    report_doc_show(&message, report_doc_text(probe, "helo"));
    buf_add_str(&message, ", MAIL FROM:");
    report_doc_show(&message, report_doc_text(probe, "mail"));
    buf_add_str(&message, ", RCPT TO:");
    report_doc_show(&message, report_doc_text(probe, "rcpt"));
    if (code)
        buf_addf(&message, ": %u ", (unsigned)(code % 1000));
    report_doc_show(&message, report_doc_text(probe, "text"));
    words = buf_span(&message);

    begin_case(s, report_doc_text(probe, "probe"), target, probe, report_doc_milli(probe, "ms"));
    if (span_eq(state, SPAN_LIT("refused")) || span_eq(state, SPAN_LIT("inferred"))) {
        end_case(s, NULL, SPAN_NULL, SPAN_NULL);
    } else if (span_eq(state, SPAN_LIT("skipped"))) {
        s->skipped++;
        end_case(s, "skipped", SPAN_NULL, words);
    } else if (span_eq(state, SPAN_LIT("proved")) || span_eq(state, SPAN_LIT("accepted")) ||
               span_eq(state, SPAN_LIT("bounced"))) {
        s->failures++;
        end_case(s, "failure", state, words);
    } else {
        s->errors++;
        end_case(s, "error", state.n ? state : SPAN_LIT("unknown"), words);
    }
    buf_deinit(&message);
}

static void add_property(struct buf *out, const char *name, const json_t *value)
{
    if (!json_is_string(value))
        return;
    buf_addf(out, "      <property name=\"%s\"", name);
    add_attribute(out, "value", span_of(json_string_value(value), json_string_length(value)));
    buf_add_str(out, "/>\n");
}

static void add_suite(struct buf *out, const struct report_target *t)
{
    struct suite s = {.cases = BUF_INIT(XML_MAX)};
    const json_t *addresses = report_doc_array(t->verdict, "addresses");
    struct span target = report_doc_target(t);
    struct span started = report_doc_text(t->verdict, "started");
    int64_t ms = report_doc_milli(t->verdict, "ms");

    begin_case(&s, SPAN_LIT("verdict"), target, NULL, ms);
    end_by_verdict(&s, t->verdict);
    for (size_t i = 0; i < json_array_size(t->probes); i++)
        add_probe(&s, json_array_get(t->probes, i), target);
    for (size_t i = 0; json_array_size(t->probes) == 0 && i < json_array_size(t->doors); i++) {
        const json_t *door = json_array_get(t->doors, i);

        begin_case(&s, SPAN_LIT("door"), target, door, report_doc_milli(door, "ms"));
        end_by_verdict(&s, door);
    }
    buf_add_str(out, "  <testsuite");
    add_attribute(out, "name", target);
    buf_addf(out, " tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\"", s.tests, s.failures,
             s.errors, s.skipped);
    add_time(out, ms);
    if (report_doc_wall(started) >= 0)
        add_attribute(out, "timestamp", span_slice(started, 0, 19));
    buf_add_str(out, ">\n");
    if (json_array_size(addresses) || json_is_string(json_object_get(t->verdict, "run"))) {
        buf_add_str(out, "    <properties>\n");
        add_property(out, "run", json_object_get(t->verdict, "run"));
        for (size_t i = 0; i < json_array_size(addresses); i++)
            add_property(out, "address", json_array_get(addresses, i));
        buf_add_str(out, "    </properties>\n");
    }
    buf_add(out, buf_span(&s.cases));
    if (s.cases.err)
        out->err = s.cases.err;
    buf_add_str(out, "  </testsuite>\n");
    buf_deinit(&s.cases);
}

void report_junit(struct buf *out, const struct report_target *targets, size_t count)
{
    buf_add_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"postern\">\n");
    for (size_t i = 0; i < count; i++)
        add_suite(out, &targets[i]);
    buf_add_str(out, "</testsuites>\n");
}
