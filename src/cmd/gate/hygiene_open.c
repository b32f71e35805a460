/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Settings of hygiene: all of them are read before any is taken, so that a reload with a mistake
 * changes nothing. Tables (the timed list, offenders, what the guard saw) live through a reload; of
 * the DNS lists there is a new set, and the old one answers what was asked of it.
 */
#include "cmd/gate/hygiene_priv.h"

#include "cmd/gate/bus.h"
#include "io/log.h"
#include "io/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define RESOLV_CONF "/etc/resolv.conf"

struct metrics *hygiene_metrics(struct hygiene *h)
{
    return h->metrics;
}

struct hygiene_log *hygiene_log(struct hygiene *h)
{
    return &h->log;
}

static int read_exempt(const struct gate_args *args, struct ip_prefix **ret,
                       char err[HYGIENE_ERROR_MAX])
{
    struct ip_prefix *v = calloc(args->exempt.count + 1, sizeof(*v));

    if (!v)
        return -ENOMEM;
    for (size_t i = 0; i < args->exempt.count; i++) {
        if (ip_prefix_parse(span_str(args->exempt.v[i]), &v[i]))
            continue;
        snprintf(err, HYGIENE_ERROR_MAX, "exempt: '%.80s' is no network: write it as 192.0.2.0/24",
                 args->exempt.v[i]);
        free(v);
        return -EINVAL;
    }
    *ret = v;
    return 0;
}

bool hygiene_check(const struct gate_args *args, char err[HYGIENE_ERROR_MAX])
{
    struct ip_prefix *exempt = NULL;
    bool fine;

    snprintf(err, HYGIENE_ERROR_MAX, "out of memory");
    fine = dnsbl_check(args, err) && traps_check(args, err) && read_exempt(args, &exempt, err) == 0;
    free(exempt);
    return fine;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Opens the folder only where it is another one: after rights are given up it may be out of reach.
 */
static int change_evidence(struct hygiene *h, const char *dir, char err[HYGIENE_ERROR_MAX])
{
    struct evidence_file *f;
    char *copy;
    int r;

    if (same_text(h->evidence_dir, dir))
        return 0;
    copy = dir ? strdup(dir) : NULL;
    if (dir && !copy)
        return -ENOMEM;
    r = evidence_file_open(dir, &f);
    if (r < 0) {
        snprintf(err, HYGIENE_ERROR_MAX, "evidence: %.200s: %s", dir, strerror(-r));
        free(copy);
        return r;
    }
    evidence_file_close(&h->evidence);
    free(h->evidence_dir);
    h->evidence = f;
    h->evidence_dir = copy;
    return 0;
}

/* A new one where another server is to be asked; who waits for the old one gets its answer. */
static int change_names(struct hygiene *h, const char *server, char err[HYGIENE_ERROR_MAX])
{
    char why[RESOLVER_ERROR_MAX] = "out of memory";
    struct names *names;
    char *copy;
    int r;

    if (h->names && same_text(h->names_server, server))
        return 0;
    copy = server ? strdup(server) : NULL;
    r = server && !copy ? -ENOMEM : names_open(h->loop, server, &names, why);
    if (r < 0) {
        snprintf(err, HYGIENE_ERROR_MAX, "resolver: %.200s", why);
        free(copy);
        return r;
    }
    names_close(&h->names);
    free(h->names_server);
    h->names = names;
    h->names_server = copy;
    return 0;
}

/* Without a server to ask every client would have to wait, and every look-up fail. */
static bool wants_names(const struct gate_args *args)
{
    if (!args->client_names || args->resolver || names_resolver_there(RESOLV_CONF))
        return args->client_names;
    log_warn("client-names", "file", RESOLV_CONF, "text",
             "it names no resolver: clients' names are not looked up", NULL);
    return false;
}

static void take_settings(struct hygiene *h, const struct gate_args *args)
{
    h->tarpit.config.on = args->tarpit;
    h->tarpit.config.sessions_max = args->tarpit_max;
    h->tarpit.config.delay_first = args->tarpit_delay;
    h->hops_max = args->hops_max;
    h->log.style = args->log_style == GATE_LOG_POSTFIX ? LOGLINE_POSTFIX : LOGLINE_PLAIN;
    h->log.all = args->verbose;
    h->names_on = wants_names(args);
}

int hygiene_change(struct hygiene *h, const struct gate_args *args, char err[HYGIENE_ERROR_MAX])
{
    struct ip_prefix *exempt;
    struct dnsbl *dnsbl;
    int r;

    snprintf(err, HYGIENE_ERROR_MAX, "out of memory");
    r = read_exempt(args, &exempt, err);
    if (r < 0)
        return r;
    r = dnsbl_open(h->loop, args, h->worker, h->metrics, &dnsbl, err);
    if (r == 0)
        r = change_evidence(h, args->evidence, err);
    if (r == 0)
        r = change_names(h, args->resolver, err);
    if (r == 0)
        r = traps_change(h->traps, args, err);
    if (r < 0) {
        dnsbl_close(&dnsbl);
        free(exempt);
        return r;
    }
    dnsbl_close(&h->dnsbl);
    h->dnsbl = dnsbl;
    free(h->exempt);
    h->exempt = exempt;
    h->exempt_count = args->exempt.count;
    guard_watch_change(h->guard, args);
    take_settings(h, args);
    return 0;
}

/* "offence <pid> <ip>": another worker has refused to relay for it. */
static void on_offence(void *cookie, struct span words)
{
    struct hygiene *h = cookie;
    struct span text;
    struct ip ip;

    if (bus_counted(&words) && span_word(&words, &text) && ip_parse(text, &ip))
        tarpit_heard(&h->tarpit, ip, loop_now(h->loop));
}

int hygiene_open(struct loop *l, const struct gate_args *args, unsigned worker, struct metrics *m,
                 struct hygiene **ret, char err[HYGIENE_ERROR_MAX])
{
    struct tarpit_config tarpit = {.on = args->tarpit};
    struct hygiene *h = calloc(1, sizeof(*h));
    uint32_t seed;
    int r = -ENOMEM;

    snprintf(err, HYGIENE_ERROR_MAX, "out of memory");
    if (!h)
        return r;
    if (random_below(UINT32_MAX, &seed) < 0)
        seed = (uint32_t)loop_clock();
    h->loop = l;
    h->metrics = m;
    h->worker = worker;
    hygiene_log_init(&h->log, l, m, seed);
    tarpit_init(&h->tarpit, &tarpit, seed);
    r = guard_watch_open(l, args, worker, m, &h->guard);
    if (r == 0)
        r = traps_open(l, args, worker, m, &h->traps, err);
    if (r == 0)
        r = hygiene_change(h, args, err);
    if (r < 0) {
        hygiene_close(&h);
        return r;
    }
    bus_hear("offence", on_offence, h);
    *ret = h;
    return 0;
}

void hygiene_close(struct hygiene **ph)
{
    struct hygiene *h = *ph;

    *ph = NULL;
    if (!h)
        return;
    hygiene_log_flush(&h->log);
    dnsbl_close(&h->dnsbl);
    names_close(&h->names);
    free(h->names_server);
    traps_close(&h->traps);
    guard_watch_close(&h->guard);
    evidence_file_close(&h->evidence);
    free(h->evidence_dir);
    free(h->exempt);
    free(h);
}

void hygiene_status(const struct hygiene *h, struct buf *out)
{
    guard_watch_status(h->guard, out);
    dnsbl_status(h->dnsbl, out);
    buf_addf(out, "teergrube held=%u delayed=%llu refused=%llu shed=%llu\n", h->tarpit.held_count,
             (unsigned long long)h->tarpit.delayed, (unsigned long long)h->tarpit.refused,
             (unsigned long long)h->tarpit.shed);
    buf_addf(out, "traps listed=%zu from-others=%zu\n", traps_count(h->traps),
             traps_count_from(h->traps));
}
