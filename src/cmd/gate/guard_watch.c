/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether we run in a container only helps to name the cause and to know a rootless one's loopback
 * for what it is: the signs are those that podman, docker and systemd-nspawn leave
 * (/run/.containerenv, /.dockerenv, container= of the first process as told by our own
 * environment), and Kubernetes' service variables.
 *
 * The facts are read anew now and then: a container's network may come up after us. Where the
 * filter of system calls or a missing /proc denies that, the last facts stay.
 */
#include "cmd/gate/guard_watch.h"

#include "cmd/gate/bus.h"
#include "io/log.h"
#include "io/netif.h"
#include "io/random.h"
#include "io/timer.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct guard_watch {
    struct loop *loop;
    struct metrics *metrics;
    struct timer timer;
    unsigned worker;
    bool on;
    struct guard guard;
};

static bool in_container(void)
{
    return access("/run/.containerenv", F_OK) == 0 || access("/.dockerenv", F_OK) == 0 ||
           getenv("container") || getenv("KUBERNETES_SERVICE_HOST");
}

static void read_host(struct guard_watch *w)
{
    static const enum guard_role roles[] = {
        [NETIF_ADDRESS] = GUARD_OWN,
        [NETIF_BRIDGE] = GUARD_BRIDGE,
        [NETIF_GATEWAY] = GUARD_GATEWAY,
    };
    struct netif_facts facts = {0};
    int r = netif_facts(&facts);

    if (r < 0) {
        log_debug("guard", "error", LOG_ERRNO(r), NULL);
        return;
    }
    guard_host_clear(&w->guard);
    for (size_t i = 0; i < facts.count; i++)
        if (ip_space(facts.v[i].ip) != IP_LOOPBACK)
            guard_host(&w->guard, facts.v[i].ip, roles[facts.v[i].kind]);
    netif_facts_deinit(&facts);
}

static void alarm_suspended(const struct guard_watch *w)
{
    log_error("guard", "state", "suspended", "cause", guard_cause_name(w->guard.cause), "client",
              LOG_IP(w->guard.culprits[0]), "addresses", LOG_NUM(w->guard.culprit_count), "meaning",
              "clients share an address: relaying by address is off, logins work", "advice",
              guard_cause_advice(w->guard.cause), NULL);
}

static void happened(struct guard_watch *w, enum guard_event e)
{
    switch (e) {
    case GUARD_SAME:
        return;
    case GUARD_SUSPENDS:
        alarm_suspended(w);
        break;
    case GUARD_CLEARS:
        log_warn("guard", "state", "watching", "meaning", "relaying by address is on again", NULL);
        break;
    }
    metrics_set(w->metrics, METRIC_GUARD, 0, w->worker == 0 && w->guard.suspended);
}

static void on_time(void *cookie)
{
    struct guard_watch *w = cookie;

    read_host(w);
    if (w->on && w->guard.suspended)
        alarm_suspended(w);
    timer_start(&w->timer, w->loop, GUARD_WATCH_EVERY);
}

static void on_bus(void *cookie, struct span words)
{
    struct guard_watch *w = cookie;
    struct span verb;

    if (!w->on || !span_word(&words, &verb))
        return;
    if (span_eq(verb, SPAN_LIT("suspend")))
        happened(w, guard_suspend(&w->guard, loop_now(w->loop)));
    else if (span_eq(verb, SPAN_LIT("clear")))
        happened(w, guard_clear(&w->guard, loop_now(w->loop)));
    else
        log_warn("guard", "error", "neither suspend nor clear", NULL);
}

/* Our own domains in HELO are no strangers' names: inside hosts say them. */
static bool is_ours(const struct relay_policy *policy, const char *helo)
{
    char name[RELAY_NAME_SIZE];
    struct relay_place place;
    bool routes;

    return relay_policy_ascii(policy, span_str(helo), name) &&
           relay_policy_own(policy, name, &place, &routes);
}

void guard_watch_helo(struct guard_watch *w, const struct gate_client *client,
                      const struct relay_policy *policy)
{
    struct guard_session s = {
        .client = client->ip,
        .helo = span_str(client->helo),
        .ptr = client->name_ok ? span_str(client->name) : SPAN_NULL,
    };
    enum guard_event e;

    if (!w->on)
        return;
    s.helo_ours = is_ours(policy, client->helo);
    e = guard_see(&w->guard, &s, loop_now(w->loop));
    happened(w, e);
    if (e == GUARD_SUSPENDS && !w->guard.only_culprits)
        bus_say("guard suspend %s", guard_cause_name(w->guard.cause));
}

bool guard_watch_doubtful(const struct guard_watch *w, struct ip client)
{
    return w->on && guard_doubtful(&w->guard, client);
}

void guard_watch_status(const struct guard_watch *w, struct buf *out)
{
    if (w->on)
        guard_report(&w->guard, loop_now(w->loop), out);
    else
        buf_add_str(out, "guard off");
    buf_add_char(out, '\n');
}

void guard_watch_change(struct guard_watch *w, const struct gate_args *args)
{
    w->on = args->guard;
    w->guard.sessions_min = args->guard_sessions ? args->guard_sessions : GUARD_SESSIONS;
    metrics_set(w->metrics, METRIC_GUARD, 0, w->worker == 0 && w->on && w->guard.suspended);
}

int guard_watch_open(struct loop *l, const struct gate_args *args, unsigned worker,
                     struct metrics *m, struct guard_watch **ret)
{
    struct guard_watch *w = calloc(1, sizeof(*w));
    uint32_t seed;

    if (!w)
        return -ENOMEM;
    if (random_below(UINT32_MAX, &seed) < 0)
        seed = (uint32_t)getpid();
    w->loop = l;
    w->metrics = m;
    w->worker = worker;
    guard_init(&w->guard, args->guard_sessions, seed, in_container());
    guard_watch_change(w, args);
    timer_init(&w->timer, on_time, w);
    read_host(w);
    timer_start(&w->timer, l, GUARD_WATCH_EVERY);
    bus_hear("guard", on_bus, w);
    *ret = w;
    return 0;
}

void guard_watch_close(struct guard_watch **pw)
{
    struct guard_watch *w = *pw;

    *pw = NULL;
    if (!w)
        return;
    timer_stop(&w->timer);
    free(w);
}
