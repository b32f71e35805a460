/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One struct tale a zone and secondary; dns/notify.h knows when to ask again. A tale is kept over a
 * reload when zone and secondary are the same, so that a reload alone tells nobody anything.
 */
#include "cmd/dns/notify.h"

#include "dns/notify.h"
#include "io/log.h"
#include "io/random.h"
#include "io/timer.h"
#include "io/udp.h"

#include <errno.h>
#include <stdlib.h>

enum { SOCKETS = 2, STEP = 250 /* ms */ };

struct tale {
    struct dns_name zone;
    struct ip ip;
    uint16_t port;
    const struct dns_tsig_key *key;
    struct dns_notify state;
    struct dns_soa soa;
    struct dns_tsig tsig; /* of the question that is out */
    bool told;
};

struct notifier {
    struct loop *loop;
    struct udp *sockets[SOCKETS]; /* IPv4, IPv6 */
    struct timer timer;
    const struct site *site;
    struct tale *tales;
    size_t count;
    struct notifier_counts counts;
};

static void finish(struct notifier *n, struct tale *t)
{
    char name[DNS_NAME_TEXT_MAX], rcode[DNS_RCODE_TEXT_MAX];

    dns_name_text(t->zone.wire, name);
    if (t->state.state == DNS_NOTIFY_GAVE_UP) {
        n->counts.gave_up++;
        log_warn("notify", "zone", name, "secondary", LOG_IP(t->ip), "result", "gave-up", "text",
                 "no answer; it will see the change when its refresh time comes", NULL);
        return;
    }
    n->counts.answered++;
    if (t->state.rcode) {
        n->counts.refused++;
        log_warn("notify", "zone", name, "secondary", LOG_IP(t->ip), "result", "refused", "rcode",
                 dns_wire_rcode_name(t->state.rcode, rcode), NULL);
    } else {
        log_debug("notify", "zone", name, "secondary", LOG_IP(t->ip), "result", "taken", NULL);
    }
}

static void on_answer(void *cookie, struct udp *u, struct ip from, uint16_t port, struct span bytes)
{
    struct notifier *n = cookie;
    uint8_t copy[UDP_SIZE_MAX];

    for (size_t i = 0; i < n->count; i++) {
        struct tale *t = &n->tales[i];
        size_t size = bytes.n;

        if (t->state.state != DNS_NOTIFY_DUE || !ip_eq(t->ip, from) || t->port != port)
            continue;
        memcpy(copy, bytes.p, bytes.n);
        if (t->key && dns_tsig_verify(&t->tsig, copy, &size, loop_wall()) != DNS_TSIG_OK)
            continue;
        if (dns_notify_answer(&t->state, &t->zone, copy, size)) {
            finish(n, t);
            return;
        }
    }
}

static void send_one(struct notifier *n, struct tale *t, int64_t now)
{
    uint8_t packet[UDP_SIZE_MAX];
    struct udp *u = n->sockets[t->ip.family == IP_V6];
    size_t size =
        dns_notify_step(&t->state, &t->zone, &t->soa, packet, sizeof(packet) - DNS_REPLY_MIN, now);

    if (t->state.state == DNS_NOTIFY_GAVE_UP)
        finish(n, t);
    if (size == 0)
        return;
    if (t->key)
        size = dns_tsig_ask(&t->tsig, t->key, packet, size, sizeof(packet), loop_wall());
    n->counts.sent++;
    if (u && size)
        (void)udp_send(u, t->ip, t->port, span_of(packet, size)); /* lost: it is asked again */
}

static void on_time(void *cookie)
{
    struct notifier *n = cookie;
    int64_t now = loop_now(n->loop);
    bool more = false;

    for (size_t i = 0; i < n->count; i++) {
        if (n->tales[i].state.state == DNS_NOTIFY_DUE)
            send_one(n, &n->tales[i], now);
        more = more || n->tales[i].state.state == DNS_NOTIFY_DUE;
    }
    if (more)
        timer_start(&n->timer, n->loop, STEP);
}

int notifier_new(struct loop *l, const struct listen_place *places, size_t count,
                 struct notifier **ret)
{
    static const enum ip_family families[SOCKETS] = {IP_V4, IP_V6};
    struct notifier *n = calloc(1, sizeof(*n));
    char err[LISTEN_ERROR_MAX];

    if (!n)
        return -ENOMEM;
    n->loop = l;
    timer_init(&n->timer, on_time, n);
    for (size_t f = 0; f < SOCKETS; f++) {
        struct listen_place at = {.ip = {.family = families[f]}};

        for (size_t i = 0; i < count; i++)
            if (places[i].ip.family == families[f]) {
                at.ip = places[i].ip;
                break;
            }
        (void)udp_open(l, &at, on_answer, n, &n->sockets[f], err);
    }
    *ret = n;
    return 0;
}

void notifier_free(struct notifier **pn)
{
    struct notifier *n = *pn;

    *pn = NULL;
    if (!n)
        return;
    timer_stop(&n->timer);
    for (size_t f = 0; f < SOCKETS; f++)
        udp_close(&n->sockets[f]);
    free(n->tales);
    free(n);
}

static const struct tale *known(const struct notifier *n, const struct tale *like)
{
    for (size_t i = 0; i < n->count; i++)
        if (dns_name_eq(&n->tales[i].zone, &like->zone) && ip_eq(n->tales[i].ip, like->ip) &&
            n->tales[i].port == like->port)
            return &n->tales[i];
    return NULL;
}

void notifier_site(struct notifier *n, const struct site *site)
{
    struct tale *tales = NULL;
    size_t count = 0, cap = 0;

    for (size_t i = 0; i < site->notify_count; i++) {
        const struct site_notify *rule = &site->notify[i];

        for (size_t z = 0; z < site->zone_count; z++) {
            struct tale t = {.zone = site->zones[z].name, .ip = rule->ip, .port = rule->port};
            const struct tale *old = known(n, &t);

            if ((rule->zone != SIZE_MAX && rule->zone != z) ||
                array_grow(&tales, &cap, sizeof(t), count + 1) < 0)
                continue;
            tales[count] = old ? *old : t;
            /* An answer to what the old key signed can't be checked any more: ask anew. */
            if (tales[count].key && tales[count].state.state == DNS_NOTIFY_DUE)
                dns_notify_start(&tales[count].state, tales[count].state.id, loop_now(n->loop));
            tales[count++].key = rule->key;
        }
    }
    free(n->tales);
    n->tales = tales;
    n->count = count;
    n->site = site;
}

void notifier_changed(struct notifier *n, size_t zone, const struct dns_soa *soa)
{
    bool any = false;

    for (size_t i = 0; i < n->count; i++) {
        struct tale *t = &n->tales[i];
        uint16_t id;

        if (!dns_name_eq(&t->zone, &n->site->zones[zone].name) ||
            (t->told && t->soa.serial == soa->serial) || random_bytes(&id, sizeof(id)) < 0)
            continue;
        t->soa = *soa;
        t->told = true;
        dns_notify_start(&t->state, id, loop_now(n->loop));
        any = true;
    }
    if (any && !timer_running(&n->timer))
        timer_start(&n->timer, n->loop, 0);
}

const struct notifier_counts *notifier_counts(const struct notifier *n)
{
    return &n->counts;
}
