/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One address: its doors take turns, so that no host ever has two sessions of ours at a time. A
 * door that must wait (greylisting, the pace) lets the next one go on; only when all wait, the host
 * does.
 */
#include "cmd/test/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const uint16_t usual_ports[] = {25, 465, 587};

static int door_add(struct host *h, uint16_t port, enum door_tls tls, bool optional)
{
    struct test *t = h->target->test;
    int64_t now = loop_now(t->loop);
    size_t before = 0;
    int err;

    /*
     * Serials are given once for each address of a target: tokens name the address by themselves.
     */
    for (size_t i = 0; i < h->door_count; i++)
        before += h->doors[i].result_count;
    if (before + h->info.run->list->count > UINT16_MAX)
        return -E2BIG;
    err = door_init(&h->doors[h->door_count], &h->info, port, tls, (uint16_t)before, t->args.wait,
                    now);
    if (err < 0)
        return err;
    h->optional[h->door_count++] = optional;
    return 0;
}

static int doors_add(struct host *h, uint16_t port, bool optional)
{
    unsigned tls = h->target->test->args.tls;
    int err = 0;

    if (port == 465)
        return door_add(h, port, DOOR_IMPLICIT, optional);
    if (tls != ARGS_TLS_ONLY)
        err = door_add(h, port, DOOR_PLAIN, optional);
    if (!err && tls != ARGS_TLS_NO)
        err = door_add(h, port, DOOR_STARTTLS, optional);
    return err;
}

static int doors_make(struct host *h)
{
    const struct args *a = &h->target->test->args;
    size_t usual = sizeof(usual_ports) / sizeof(usual_ports[0]);
    int err = 0;

    /* Thousands of hosts at once: no more than two doors a port. */
    size_t ports = h->target->port ? 1 : a->port_count ? a->port_count : usual;

    h->doors = calloc(2 * ports, sizeof(h->doors[0]));
    h->optional = calloc(2 * ports, sizeof(h->optional[0]));
    if (!h->doors || !h->optional)
        return -ENOMEM;
    if (h->target->port)
        return doors_add(h, h->target->port, false);
    for (size_t i = 0; i < a->port_count && !err; i++)
        err = doors_add(h, a->port[i], false);
    for (size_t i = 0; a->port_count == 0 && i < usual && !err; i++)
        err = doors_add(h, usual_ports[i], usual_ports[i] != 25);
    return err;
}

/*
 * What the target must take, RFC 5321 §4.5.1: postmaster, with and without a domain. Operators
 * whose server knows better name their own.
 */
static int control_add(struct host *h, size_t *count, const char *before, const char *value)
{
    struct buf text = BUF_INIT(SMTP_PATH_MAX * 2);
    char *copy;

    if (*count == DOOR_CONTROLS_MAX || !value || !value[0])
        return 0;
    buf_addf(&text, "<%s%s>", before, value);
    copy = buf_take(&text);
    buf_deinit(&text);
    if (!copy)
        return -ENOMEM;
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(h->info.controls[i], copy) == 0) {
            free(copy);
            return 0;
        }
    }
    h->info.controls[(*count)++] = copy;
    return 0;
}

static int controls_make(struct host *h)
{
    const struct args *a = &h->target->test->args;
    size_t count = 0;
    int err = 0;

    for (size_t i = 0; i < a->controls.count && !err; i++)
        err = control_add(h, &count, "", a->controls.v[i]);
    if (count || err)
        return err;
    err = control_add(h, &count, "", "postmaster");
    if (!err)
        err = control_add(h, &count, "postmaster@", h->info.local_domain);
    return err ? err : control_add(h, &count, "postmaster@", h->info.name);
}

int host_new(struct target *target, struct ip ip, const char *name, struct host **ret)
{
    struct test *t = target->test;
    struct host *h = calloc(1, sizeof(*h));
    int err = 0;

    if (!h)
        return -ENOMEM;
    h->target = target;
    h->name = name ? span_dup(span_str(name)) : NULL;
    h->info = (struct door_host){
        .run = target->own ? &t->run_full : &t->run_quick,
        .name = h->name,
        .local_domain = target->local_domain,
        .mailbox = t->args.local_rcpt,
        .given = target->given,
        .ip = ip,
        .own = target->own,
    };
    for (size_t i = 0; name && i < target->label_mx_count; i++)
        if (span_eq_nocase(span_str(name), span_str(target->label_mx[i])))
            h->info.mx_label = target->label;
    pace_init(&h->info.pace, !target->own);
    err = controls_make(h);
    if (!err)
        err = doors_make(h);
    if (err < 0) {
        host_free(h);
        return err;
    }
    *ret = h;
    return 0;
}

void host_free(struct host *h)
{
    if (!h)
        return;
    link_stop(h);
    resolver_cancel(&h->query);
    timer_stop(&h->timer);
    for (size_t i = 0; i < h->door_count; i++)
        door_deinit(&h->doors[i]);
    for (size_t i = 0; i < DOOR_CONTROLS_MAX && h->info.controls[i]; i++)
        free((void *)(uintptr_t)h->info.controls[i]);
    free(h->doors);
    free(h->optional);
    free(h->name);
    free(h);
}

/* Whether the plain door of this port has shown that STARTTLS is not worth a connection. */
static bool tls_hopeless(const struct host *h, const struct door *d)
{
    if (d->tls != DOOR_STARTTLS)
        return false;
    for (size_t i = 0; i < h->door_count; i++) {
        const struct door *plain = &h->doors[i];

        if (plain->port != d->port || plain->tls != DOOR_PLAIN)
            continue;
        if (plain->last_end == DOOR_END_NONE)
            return false;
        return !plain->ehlo_seen || !plain->tls_offered;
    }
    return false;
}

static void host_turn(struct host *h)
{
    int64_t now = loop_now(h->worker->loop), until = 0, earliest = INT64_MAX;

    for (size_t i = 0; i < h->door_count; i++) {
        struct door *d = &h->doors[i];

        if (d->last_end == DOOR_END_NONE && tls_hopeless(h, d)) {
            d->last_end = DOOR_END_NO_TLS;
            d->gave_up = true;
        }
        switch (door_next(d, now, &until)) {
        case DOOR_SESSION:
            h->current = i;
            link_start(h);
            return;
        case DOOR_WAIT:
            earliest = until < earliest ? until : earliest;
            break;
        case DOOR_DONE:
            break;
        }
    }
    if (earliest < INT64_MAX) {
        timer_start_at(&h->timer, h->worker->loop, earliest > now ? earliest : now + 1);
        return;
    }
    h->turning = false;
}

/*
 * Given back only after the lock is: the main thread may free the host at once.
 */
static void on_timer(void *cookie)
{
    struct host *h = cookie;
    struct worker *w = h->worker;

    worker_lock(w);
    host_turn(h);
    worker_unlock(w);
    if (!h->turning)
        worker_give_back(h);
}

void host_run(struct host *h)
{
    h->turning = true;
    timer_init(&h->timer, on_timer, h);
    timer_start(&h->timer, h->worker->loop, 0);
}

/* Whether the operator has said that names below this one are the target's. */
static bool name_declared(const struct host *h, struct span name)
{
    const struct option_list *domains = &h->target->test->args.local_domains;

    for (size_t i = 0; i < domains->count; i++) {
        struct span domain = span_str(domains->v[i]);

        if (span_eq_nocase(name, domain) ||
            (name.n > domain.n && name.p[name.n - domain.n - 1] == '.' &&
             span_ends_nocase(name, domain)))
            return true;
    }
    return false;
}

static void name_settle(struct host *h, const char *name)
{
    h->name = name ? span_dup(span_str(name)) : NULL;
    h->info.name = h->name;
    h->info.name_checked = true;
    timer_start(&h->timer, h->worker->loop, 0);
}

static void on_name(void *cookie, const struct dns_answer *a)
{
    struct host *h = cookie;
    bool ours = false;

    worker_lock(h->worker);
    h->query = NULL;
    for (size_t i = 0; i < a->count && a->outcome == RESOLVER_FOUND; i++)
        ours = ours || ip_eq(a->ips[i], h->info.ip);
    name_settle(h, ours ? h->doors[h->current].name : NULL);
    worker_unlock(h->worker);
}

/*
 * A target given by address tells its name in the greeting. Forms with that name in them would go
 * to whomever it belongs to, so it is believed only when it leads back here.
 */
static bool name_asked(struct host *h, const struct door *d)
{
    const struct test *t = h->target->test;
    struct span name = span_str(d->name);

    if (h->info.name || h->info.name_checked || !d->banner_seen)
        return false;
    /* A server on this very machine is the operator's; its name need not be in DNS. */
    if (name.n == 0 || name_declared(h, name) ||
        (t->args.own && ip_space(h->info.ip) == IP_LOOPBACK)) {
        name_settle(h, name.n ? d->name : NULL);
        return true;
    }
    if (resolver_addr(h->worker->resolver, name, h->info.ip.family, on_name, h, &h->query) < 0)
        name_settle(h, NULL);
    return true;
}

void host_session_over(struct host *h)
{
    struct door *d = &h->doors[h->current];

    for (size_t i = 0; i < d->result_count; i++)
        if (d->results[i].state == PROBE_DELIVERED && d->results[i].sent_at > h->delivered_at)
            h->delivered_at = d->results[i].sent_at;
    /* From the loop, not from inside the connection's callback. */
    if (!name_asked(h, d))
        timer_start(&h->timer, h->worker->loop, 0);
}
