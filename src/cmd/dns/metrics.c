/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counters are read while others add to them: each is one machine word, so what is shown was true a
 * moment ago. No label holds a client or a name that was asked for.
 */
#include "cmd/dns/metrics.h"

#include "io/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

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

static void queries(const struct hub *h, struct buf *out)
{
    const struct served *now = hub_now(h);

    head(out, "queries_total", "counter", "Questions by zone (\"\" none of ours) and result");
    for (size_t i = 0; i <= now->zones; i++) {
        const char *name = i < now->zones ? zone_title(zone_set_at(now->set, i)) : "";
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

static void zones(const struct hub *h, struct buf *out)
{
    const struct served *now = hub_now(h);

    head(out, "zone_served", "gauge", "1 when the zone has good data");
    for (size_t i = 0; i < now->zones; i++) {
        const struct zone *z = zone_set_at(now->set, i);

        buf_addf(out, "postern_dns_zone_served{zone=\"%s\"} %d\n", zone_title(z),
                 zone_state(z) != ZONE_BROKEN);
    }
    head(out, "zone_serial", "gauge", "Serial of the SOA");
    for (size_t i = 0; i < now->zones; i++)
        buf_addf(out, "postern_dns_zone_serial{zone=\"%s\"} %u\n",
                 zone_title(zone_set_at(now->set, i)), zone_serial(zone_set_at(now->set, i)));
    head(out, "data_entries", "gauge", "Entries of the data");
    for (size_t i = 0; i < h->unit_count; i++)
        buf_addf(out, "postern_dns_data_entries{zone=\"%s\"} %llu\n", h->units[i]->zone->text,
                 (unsigned long long)(h->units[i]->now ? h->units[i]->now->entries : 0));
    head(out, "data_loaded_seconds", "gauge", "When the data were loaded, since 1970");
    for (size_t i = 0; i < h->unit_count; i++)
        buf_addf(out, "postern_dns_data_loaded_seconds{zone=\"%s\"} %lld\n",
                 h->units[i]->zone->text, (long long)h->units[i]->loaded_wall);
    head(out, "data_refused", "gauge", "1 when the newest data were refused and older are served");
    for (size_t i = 0; i < h->unit_count; i++)
        buf_addf(out, "postern_dns_data_refused{zone=\"%s\"} %d\n", h->units[i]->zone->text,
                 h->units[i]->failed);
    one(out, "published_total", "counter", "States that were swapped in", h->published);
    one(out, "loads_total", "counter", "Data that were loaded", h->loads);
    one(out, "refused_total", "counter", "Data that were refused", h->refused);
}

/* --- threads ---------------------------------------------------------------------------------- */

static void datagrams(const struct metrics_of *of, struct buf *out)
{
    struct worker_counts all = {0};
    uint64_t exhausted = 0;

    for (size_t i = 0; i < of->worker_count; i++) {
        const struct worker_counts *c = worker_counts(of->workers[i]);

        all.queries += c->queries;
        all.batches += c->batches;
        all.answers += c->answers;
        all.slipped += c->slipped;
        all.limited += c->limited;
        all.odd += c->odd;
        exhausted += worker_patterns_exhausted(of->workers[i]);
    }
    one(out, "workers", "gauge", "Threads that answer datagrams", of->worker_count);
    one(out, "udp_received_total", "counter", "Datagrams that came", all.queries);
    one(out, "udp_answered_total", "counter", "Datagrams that were sent", all.answers);
    one(out, "udp_batches_total", "counter", "Times that a thread woke for some", all.batches);
    one(out, "udp_odd_total", "counter", "Datagrams too long or without a port", all.odd);
    one(out, "rate_slipped_total", "counter", "Answers that the rate limit made: ask by TCP",
        all.slipped);
    one(out, "rate_dropped_total", "counter", "Answers that the rate limit kept back", all.limited);
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
