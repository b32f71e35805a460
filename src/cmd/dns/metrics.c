/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counters are read while others add to them: each is one machine word, so what is shown was true a
 * moment ago. No label holds a client or a name that was asked for.
 */
#include "cmd/dns/metrics.h"

#include "cmd/dns/units.h"
#include "io/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { METRICS_LABEL_MAX = 2 * DNS_NAME_TEXT_MAX };

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_addf(out, "# HELP postern_dns_%s %s\n# TYPE postern_dns_%s %s\n", name, help, name, type);
}

static void one(struct buf *out, const char *name, const char *type, const char *help, uint64_t v)
{
    head(out, name, type, help);
    buf_addf(out, "postern_dns_%s %llu\n", name, (unsigned long long)v);
}

/* --- zones ------------------------------------------------------------------------------------ */

static struct zone_counters sum_of(const struct hub *h, size_t i)
{
    const struct served *now = hub_now(h);
    const char *name = i < now->zones ? zone_title(zone_set_at(now->set, i)) : "";
    const struct zone_counters *past = totals_of(&h->totals, name);
    struct zone_counters sum = {0};

    if (past)
        sum = *past;
    served_sum(now, i, &sum);
    return sum;
}

/* A label's value: names have backslashes and quotes of their own. */
static const char *label(const char *name, char out[METRICS_LABEL_MAX])
{
    size_t n = 0;

    for (; *name && n + 3 < METRICS_LABEL_MAX; name++) {
        if (*name == '\\' || *name == '"')
            out[n++] = '\\';
        out[n++] = *name;
    }
    out[n] = '\0';
    return out;
}

static void queries(const struct hub *h, struct buf *out)
{
    const struct served *now = hub_now(h);
    char text[METRICS_LABEL_MAX];

    head(out, "queries_total", "counter", "Questions by zone (\"\" none of ours) and result");
    for (size_t i = 0; i <= now->zones; i++) {
        const char *name = label(i < now->zones ? zone_title(zone_set_at(now->set, i)) : "", text);
        struct zone_counters sum = sum_of(h, i);

        for (unsigned k = 0; k < ZONE_RESULTS; k++)
            if (sum.result[k])
                buf_addf(out, "postern_dns_queries_total{zone=\"%s\",result=\"%s\"} %llu\n", name,
                         zone_result_name((enum zone_result)k), (unsigned long long)sum.result[k]);
    }
}

static void kinds(const struct hub *h, struct buf *out)
{
    const struct served *now = hub_now(h);
    struct zone_counters all = {0};

    for (size_t i = 0; i <= now->zones; i++) {
        struct zone_counters sum = sum_of(h, i);

        zone_counters_add(&all, &sum);
    }
    head(out, "types_total", "counter", "Questions by type");
    buf_addf(out,
             "postern_dns_types_total{type=\"A\"} %llu\npostern_dns_types_total{type=\"TXT\"} "
             "%llu\npostern_dns_types_total{type=\"other\"} %llu\n",
             (unsigned long long)all.type_a, (unsigned long long)all.type_txt,
             (unsigned long long)all.type_other);
    one(out, "edns_total", "counter", "Questions with EDNS", all.edns);
    one(out, "truncated_total", "counter", "Answers that did not fit (TC)", all.truncated);
}

static long long entries(const struct unit *u)
{
    return u->now ? (long long)u->now->entries : 0;
}

static long long loaded_wall(const struct unit *u)
{
    return u->loaded_wall;
}

static long long refused(const struct unit *u)
{
    return u->failed;
}

/* Zones of the same files have the same data, and each is told of: alerts are by zone. */
static void data(const struct hub *h, const char *what, const char *help,
                 long long (*of)(const struct unit *u), struct buf *out)
{
    char text[METRICS_LABEL_MAX];

    buf_addf(out, "# HELP postern_dns_data_%s %s\n# TYPE postern_dns_data_%s gauge\n", what, help,
             what);
    for (size_t i = 0; i < h->site->zone_count; i++) {
        const struct site_zone *z = &h->site->zones[i];
        const struct unit *u = unit_of(h, z);

        if (u)
            buf_addf(out, "postern_dns_data_%s{zone=\"%s\"} %lld\n", what, label(z->text, text),
                     of(u));
    }
}

static void zones(const struct hub *h, struct buf *out)
{
    const struct served *now = hub_now(h);
    char text[METRICS_LABEL_MAX];

    head(out, "zone_served", "gauge", "1 when the zone has good data");
    for (size_t i = 0; i < now->zones; i++) {
        const struct zone *z = zone_set_at(now->set, i);

        buf_addf(out, "postern_dns_zone_served{zone=\"%s\"} %d\n", label(zone_title(z), text),
                 zone_state(z) != ZONE_BROKEN);
    }
    head(out, "zone_serial", "gauge", "Serial of the SOA");
    for (size_t i = 0; i < now->zones; i++)
        buf_addf(out, "postern_dns_zone_serial{zone=\"%s\"} %u\n",
                 label(zone_title(zone_set_at(now->set, i)), text),
                 zone_serial(zone_set_at(now->set, i)));
    data(h, "entries", "Entries of the data", entries, out);
    data(h, "loaded_seconds", "When the data were loaded, since 1970", loaded_wall, out);
    data(h, "refused", "1 when the newest data were refused", refused, out);
    one(out, "published_total", "counter", "States that were swapped in", h->published);
    one(out, "loads_total", "counter", "Data that were loaded", h->loads);
    one(out, "refused_total", "counter", "Data that were refused", h->refused);
}

/* --- threads ---------------------------------------------------------------------------------- */

static void datagrams(const struct metrics_of *of, struct buf *out)
{
    struct worker_counts all = {0};
    uint64_t exhausted = 0, lost = of->tcp ? sample_lost(tcp_samples(of->tcp)) : 0;

    for (size_t i = 0; i < of->worker_count; i++) {
        const struct worker_counts *c = worker_counts(of->workers[i]);

        all.queries += c->queries;
        all.batches += c->batches;
        all.answers += c->answers;
        all.slipped += c->slipped;
        all.limited += c->limited;
        all.odd += c->odd;
        exhausted += worker_patterns_exhausted(of->workers[i]);
        lost += sample_lost(worker_samples(of->workers[i]));
    }
    one(out, "workers", "gauge", "Threads that answer datagrams", of->worker_count);
    one(out, "udp_received_total", "counter", "Datagrams that came", all.queries);
    one(out, "udp_answered_total", "counter", "Datagrams that were sent", all.answers);
    one(out, "udp_batches_total", "counter", "Times that a thread woke for some", all.batches);
    one(out, "udp_odd_total", "counter", "Datagrams too long or without a port", all.odd);
    one(out, "rate_slipped_total", "counter", "Answers that the rate limit made: ask by TCP",
        all.slipped);
    one(out, "rate_dropped_total", "counter", "Answers that the rate limit kept back", all.limited);
    one(out, "query_log_lost_total", "counter", "Questions of the sample that were too many to log",
        lost);
    one(out, "patterns_exhausted_total", "counter", "Matches that ran out of steps", exhausted);
}

static void connections(const struct tcp_counts *c, struct buf *out)
{
    one(out, "tcp_clients", "gauge", "Connections now", c->clients);
    one(out, "tcp_taken_total", "counter", "Connections", c->taken);
    one(out, "tcp_turned_away_total", "counter", "Connections over a limit", c->turned_away);
    one(out, "tcp_pushed_out_total", "counter", "Quiet connections that made room", c->pushed_out);
    one(out, "tcp_queries_total", "counter", "Questions by TCP", c->queries);
    one(out, "transfers", "gauge", "Zone transfers now", c->transfers);
    head(out, "transfers_total", "counter", "Zone transfers by kind");
    buf_addf(out,
             "postern_dns_transfers_total{kind=\"full\"} %llu\n"
             "postern_dns_transfers_total{kind=\"steps\"} %llu\n"
             "postern_dns_transfers_total{kind=\"same\"} %llu\n"
             "postern_dns_transfers_total{kind=\"failed\"} %llu\n",
             (unsigned long long)c->transfers_full, (unsigned long long)c->transfers_steps,
             (unsigned long long)c->transfers_same, (unsigned long long)c->transfers_failed);
    one(out, "transfer_bytes_total", "counter", "Octets of zone transfers", c->transfer_octets);
}

static void secondaries(const struct notifier_counts *c, struct buf *out)
{
    one(out, "notify_sent_total", "counter", "NOTIFY messages", c->sent);
    one(out, "notify_answered_total", "counter", "NOTIFY messages that were answered", c->answered);
    one(out, "notify_refused_total", "counter", "Answers that said no", c->refused);
    one(out, "notify_gave_up_total", "counter", "Secondaries that did not answer", c->gave_up);
}

static void metrics_text(const struct metrics_of *of, struct buf *out)
{
    struct rusage use;

    queries(of->hub, out);
    kinds(of->hub, out);
    zones(of->hub, out);
    datagrams(of, out);
    if (of->tcp)
        connections(tcp_counts(of->tcp), out);
    secondaries(notifier_counts(of->notifier), out);
    if (getrusage(RUSAGE_SELF, &use) == 0) {
        head(out, "cpu_seconds_total", "counter", "Processor time");
        buf_addf(out, "postern_dns_cpu_seconds_total %lld.%06lld\n",
                 (long long)(use.ru_utime.tv_sec + use.ru_stime.tv_sec +
                             (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1000000),
                 (long long)((use.ru_utime.tv_usec + use.ru_stime.tv_usec) % 1000000));
    }
}

bool metrics_page(void *of, struct buf *out)
{
    metrics_text(of, out);
    return !out->err;
}
