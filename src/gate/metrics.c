/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One row a metric. A label's values come from a list here or from the _name() function of the enum
 * that is counted, so that a new reason is a new series without a line changed.
 *
 * Numbers are plain 64-bit words, written by one process: relaxed atomic access costs what a plain
 * one does on the machines that count, and lets another process read them through shared memory.
 */
#include "gate/metrics.h"

#include "gate/pass.h"
#include "relay/relay.h"
#include "smtp/server.h"

#include <assert.h>

enum kind { COUNTER, GAUGE };

struct row {
    const char *name, *help;
    enum kind kind;
    const char *label;              /* NULL: one series */
    const char *const *values;      /* NULL-ended; the last one is where unknown ones go */
    const char *(*value)(unsigned); /* or by function, */
    unsigned count;                 /* and how many it has */
};

static const char *reason_value(unsigned i)
{
    return relay_reason_name((enum relay_reason)i);
}

static const char *end_value(unsigned i)
{
    return smtp_server_end_name((enum smtp_server_end)i);
}

static const char *result_value(unsigned i)
{
    return gate_result_name((enum gate_result)i);
}

#define LIST(...)                                                                                  \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static const struct row rows[METRIC_COUNT] = {
    [METRIC_SESSIONS] = {"sessions", "Sessions begun", COUNTER, "role", LIST("mx", "submission")},
    [METRIC_SESSIONS_ACTIVE] = {"sessions_active", "Sessions now", GAUGE},
    [METRIC_SESSIONS_REFUSED] = {"sessions_refused", "Sessions turned away", COUNTER, "why",
                                 LIST("slots", "host", "early", "listed", "other")},
    [METRIC_SESSION_ENDS] = {"session_ends", "How sessions ended", COUNTER, "end", NULL, end_value,
                             SMTP_END_FAULT + 1},
    [METRIC_MAILS] = {"mails", "Transactions that came to an end", COUNTER, "result", NULL,
                      result_value, GATE_RESULT_UNKNOWN + 1},
    [METRIC_RCPTS] = {"recipients", "Recipients asked for", COUNTER, "outcome",
                      LIST("accepted", "refused", "backend", "other")},
    [METRIC_REFUSALS] = {"refusals", "Refusals by the gate's own word", COUNTER, "reason", NULL,
                         reason_value, RELAY_WHYS},
    [METRIC_BYTES] = {"message_bytes", "Octets of messages passed on", COUNTER},
    [METRIC_AUTHS] = {"logins", "Login attempts", COUNTER, "outcome",
                      LIST("ok", "failed", "error", "other")},
    [METRIC_TLS] = {"tls_handshakes", "TLS handshakes done", COUNTER, "side",
                    LIST("client", "backend", "other")},
    [METRIC_TLS_FAILED] = {"tls_failures", "TLS handshakes that failed", COUNTER, "side",
                           LIST("client", "backend", "other")},
    [METRIC_BACKENDS] = {"backend_connections", "Connections to backends", COUNTER, "outcome",
                         LIST("ok", "connect", "identity", "protocol", "timeout", "other")},
    [METRIC_BACKENDS_ACTIVE] = {"backend_connections_active", "Connections to backends now", GAUGE},
    [METRIC_BACKENDS_DOWN] = {"backends_down", "Backends that do not answer", GAUGE},
    [METRIC_DNSBL] = {"dnsbl_answers", "Answers of DNS lists", COUNTER, "outcome",
                      LIST("listed", "no", "error", "timeout", "other")},
    [METRIC_DNSBL_BAD] = {"dnsbl_zones_bad", "DNS lists that failed their test", GAUGE},
    [METRIC_TARPIT_HELD] = {"tarpit_held", "Sessions held by the teergrube now", GAUGE},
    [METRIC_TARPIT_DELAYS] = {"tarpit_delays", "Replies that were held", COUNTER},
    [METRIC_TARPIT_MS] = {"tarpit_delay_milliseconds", "Time that replies were held for", COUNTER},
    [METRIC_TARPIT_LINES] = {"tarpit_lines", "Lines said of replies that were held", COUNTER},
    [METRIC_TARPIT_SHED] = {"tarpit_shed", "Held sessions sent away for want of room", COUNTER},
    [METRIC_TRAPS] = {"traps", "Clients put on the timed list", COUNTER},
    [METRIC_TRAP_ENTRIES] = {"trap_entries", "Clients on the timed list", GAUGE},
    [METRIC_HOPS] = {"loops", "Messages refused for their Received fields", COUNTER},
    [METRIC_GUARD] = {"guard_suspended", "1 while relaying by address is suspended", GAUGE},
    [METRIC_GRANTS] = {"login_grants", "Addresses let in for a while by a POP or IMAP login",
                       COUNTER},
    [METRIC_EVIDENCE] = {"evidence_lines", "Relay attempts written down", COUNTER},
    [METRIC_LOG_DROPPED] = {"log_lines_dropped", "Log lines left out in floods", COUNTER},
};

static unsigned label_count(const struct row *row)
{
    unsigned n = 0;

    if (row->value)
        return row->count;
    while (row->values && row->values[n])
        n++;
    return n ? n : 1;
}

static const char *label_value(const struct row *row, unsigned i)
{
    return row->value ? row->value(i) : row->values[i];
}

static uint64_t *cell(struct metrics *m, enum metric which, unsigned label)
{
    unsigned count = label_count(&rows[which]);

    static_assert((int)RELAY_WHYS <= (int)METRICS_LABELS, "each reason has its number");
    return &m->v[which][label < count ? label : count - 1];
}

void metrics_add(struct metrics *m, enum metric which, unsigned label, uint64_t n)
{
    uint64_t *v = cell(m, which, label);

    __atomic_store_n(v, __atomic_load_n(v, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

void metrics_set(struct metrics *m, enum metric which, unsigned label, uint64_t value)
{
    __atomic_store_n(cell(m, which, label), value, __ATOMIC_RELAXED);
}

uint64_t metrics_get(const struct metrics *m, enum metric which, unsigned label)
{
    return label < METRICS_LABELS ? __atomic_load_n(&m->v[which][label], __ATOMIC_RELAXED) : 0;
}

void metrics_add_named(struct metrics *m, enum metric which, const char *word, uint64_t n)
{
    const struct row *row = &rows[which];
    unsigned count = label_count(row), i = 0;

    if (!row->label) {
        metrics_add(m, which, 0, n);
        return;
    }
    while (i < count && strcmp(label_value(row, i), word) != 0)
        i++;
    metrics_add(m, which, i, n);
}

static uint64_t sum(const struct metrics *const *all, size_t count, enum metric which,
                    unsigned label)
{
    uint64_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += metrics_get(all[i], which, label);
    return total;
}

void metrics_text(const struct metrics *const *all, size_t count, struct buf *out)
{
    for (unsigned which = 0; which < METRIC_COUNT; which++) {
        const struct row *row = &rows[which];
        const char *suffix = row->kind == COUNTER ? "_total" : "";

        buf_addf(out, "# TYPE postern_gate_%s %s\n", row->name,
                 row->kind == COUNTER ? "counter" : "gauge");
        buf_addf(out, "# HELP postern_gate_%s %s.\n", row->name, row->help);
        for (unsigned i = 0; i < label_count(row); i++) {
            buf_addf(out, "postern_gate_%s%s", row->name, suffix);
            if (row->label)
                buf_addf(out, "{%s=\"%s\"}", row->label, label_value(row, i));
            buf_addf(out, " %llu\n", (unsigned long long)sum(all, count, (enum metric)which, i));
        }
    }
    buf_add_str(out, "# EOF\n");
}
