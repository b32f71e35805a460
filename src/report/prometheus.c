/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prometheus text exposition 0.0.4, for node_exporter's textfile folder. All samples of a metric
 * stand together under its HELP and TYPE, and no series appears twice, so targets are walked once a
 * metric and a target that stands twice in the run counts with its last verdict. A verdict is a set
 * of series of which one is 1: alerts can say postern_relay_verdict{verdict="open"} == 1 and never
 * meet a stale word. The run's number is no label: it would make new series every day.
 */
#include "report/doc.h"
#include "report/report.h"
#include "report/text.h"

#include <errno.h>
#include <inttypes.h>

static void add_label(struct buf *out, const char *before, const char *name, struct span value)
{
    struct buf safe = BUF_INIT(REPORT_LINE_MAX);

    /* Printable ASCII after this: only quote and backslash are left for the format's own escape. */
    report_doc_show(&safe, value);
    buf_addf(out, "%s%s=\"", before, name);
    for (size_t i = 0; i < safe.n; i++) {
        if (safe.p[i] == '\\' || safe.p[i] == '"')
            buf_add_char(out, '\\');
        buf_add_char(out, safe.p[i]);
    }
    buf_add_char(out, '"');
    buf_deinit(&safe);
}

static void begin_metric(struct buf *out, const char *name, const char *help)
{
    buf_addf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void begin_sample(struct buf *out, const char *metric, const struct report_target *t)
{
    buf_add_str(out, metric);
    add_label(out, "{", "target", report_doc_target(t));
}

static void add_verdicts(struct buf *out, const struct report_target *t)
{
    enum report_verdict is = report_verdict_of(t->verdict);

    for (unsigned v = 0; v < REPORT_VERDICTS; v++) {
        if (v == REPORT_ABSENT)
            continue; /* a door's word only */
        begin_sample(out, "postern_relay_verdict", t);
        add_label(out, ",", "verdict", span_str(report_verdict_name((enum report_verdict)v)));
        buf_addf(out, "} %d\n", v == is || (v == REPORT_UNKNOWN && is == REPORT_ABSENT));
    }
}

static void add_doors(struct buf *out, const struct report_target *t)
{
    json_t *seen = json_object();

    for (size_t i = json_array_size(t->doors); seen && i-- > 0;) {
        const json_t *door = json_array_get(t->doors, i);
        struct buf labels = BUF_INIT(REPORT_LINE_MAX);

        add_label(&labels, ",", "address", report_doc_text(door, "address"));
        buf_addf(&labels, ",port=\"%" PRIu64 "\"", report_doc_count(door, "port"));
        add_label(&labels, ",", "tls", report_doc_text(door, "tls"));
        if (!json_object_get(seen, buf_str(&labels)) && !labels.err) {
            begin_sample(out, "postern_relay_door_exit", t);
            buf_add(out, buf_span(&labels));
            buf_addf(out, "} %d\n", report_exit_of(report_verdict_of(door)));
            json_object_set_new(seen, buf_str(&labels), json_true());
        }
        buf_deinit(&labels);
    }
    json_decref(seen);
}

static void add_probes(struct buf *out, const struct report_target *t)
{
    static const char *const states[] = {"tried",   "refused",  "accepted", "proved",
                                         "bounced", "deferred", "skipped"};
    const json_t *counts = report_doc_object(t->verdict, "counts");

    for (size_t i = 0; counts && i < sizeof(states) / sizeof(states[0]); i++) {
        begin_sample(out, "postern_relay_probes", t);
        add_label(out, ",", "state", span_str(states[i]));
        buf_addf(out, "} %" PRIu64 "\n", report_doc_count(counts, states[i]));
    }
}

static void add_findings(struct buf *out, const struct report_target *t)
{
    const json_t *findings = report_doc_array(t->verdict, "findings");
    unsigned by_severity[REPORT_SEVERITIES] = {0};

    if (!t->verdict)
        return;
    for (size_t i = 0; i < json_array_size(findings); i++)
        by_severity[report_text_severity(json_array_get(findings, i))]++;
    for (unsigned s = 0; s < REPORT_SEVERITIES; s++) {
        begin_sample(out, "postern_relay_findings", t);
        add_label(out, ",", "severity", span_str(report_severity_name((enum report_severity)s)));
        buf_addf(out, "} %u\n", by_severity[s]);
    }
}

static void add_length(struct buf *out, const struct report_target *t)
{
    int64_t micro = report_doc_milli(t->verdict, "ms");

    if (micro < 0)
        return;
    begin_sample(out, "postern_relay_test_seconds", t);
    buf_addf(out, "} %" PRId64 ".%06" PRId64 "\n", micro / 1000000, micro % 1000000);
}

static void add_end(struct buf *out, const struct report_target *t)
{
    int64_t at = report_doc_wall(report_doc_text(t->verdict, "ended"));

    if (at < 0)
        return;
    begin_sample(out, "postern_relay_test_end_timestamp_seconds", t);
    buf_addf(out, "} %" PRId64 "\n", at);
}

static const struct {
    const char *name, *help;
    void (*add)(struct buf *out, const struct report_target *t);
} metrics[] = {
    {"postern_relay_verdict", "Verdict of the last relay test: the series of its word is 1.",
     add_verdicts},
    {"postern_relay_door_exit",
     "Verdict by address, port and TLS: 0 closed, 1 accepts, 2 open, 3 undecided.", add_doors},
    {"postern_relay_probes", "Envelopes of the last relay test by what came of them.", add_probes},
    {"postern_relay_findings", "Findings of the last relay test by severity.", add_findings},
    {"postern_relay_test_seconds", "How long the last relay test took.", add_length},
    {"postern_relay_test_end_timestamp_seconds", "When the last relay test ended.", add_end},
};

/* The last place of each target's name: earlier ones are left out. NULL out of memory. */
static json_t *last_places(const struct report_target *targets, size_t count)
{
    json_t *last = json_object();

    for (size_t i = 0; last && i < count; i++) {
        struct span name = report_doc_target(&targets[i]);

        if (name.n && json_object_set_new(last, name.p, json_integer((json_int_t)i)) < 0) {
            json_decref(last);
            return NULL;
        }
    }
    return last;
}

void report_prometheus(struct buf *out, const struct report_target *targets, size_t count)
{
    json_t *last = last_places(targets, count);

    if (!last) {
        out->err = -ENOMEM;
        return;
    }
    for (size_t m = 0; m < sizeof(metrics) / sizeof(metrics[0]); m++) {
        begin_metric(out, metrics[m].name, metrics[m].help);
        for (size_t i = 0; i < count; i++) {
            struct span name = report_doc_target(&targets[i]);

            /* A target without a name would make a series that says nothing. */
            if (name.n && json_integer_value(json_object_get(last, name.p)) == (json_int_t)i)
                metrics[m].add(out, &targets[i]);
        }
    }
    json_decref(last);
}
