/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A target from its name to its end. A name becomes addresses (of the host, or of every MX of the
 * domain), each address a host with its doors; then arrivals are waited for; then all of it becomes
 * documents, goes to the output and the store, and is forgotten.
 */
#include "cmd/test/test.h"

#include "io/idn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    GRACE_LEAST_MS = 3000, /* after an arrival: others of the same body may come a little later */
    GRACE_FACTOR = 4,      /* times the slowest delay so far */
    ROOM_MS = 200,         /* between looks whether this one may begin */
};

static void target_resolved(struct target *target);

/*
 * The name as it can stand in a message: "bücher.example:25" is "xn--bcher-kva.example:25" there.
 */
static char *given_of(const struct target *target)
{
    struct buf text = BUF_INIT(IDN_NAME_MAX + 20);
    char ascii[IDN_NAME_MAX];
    struct ip ip;
    char *given;

    if (ip_parse(target->host, &ip) || !idn_to_ascii(target->host, ascii))
        return span_dup(span_str(target->name));
    buf_add_str(&text, ascii);
    if (target->port)
        buf_addf(&text, ":%u", target->port);
    given = buf_take(&text);
    buf_deinit(&text);
    return given;
}

struct target *target_new(struct test *t, const char *name, uint64_t ordinal, int64_t store_id)
{
    struct target *target = calloc(1, sizeof(*target));
    struct span text = span_str(name);

    if (!target || !(target->name = span_dup(text))) {
        free(target);
        return NULL;
    }
    text = span_str(target->name);
    if (span_starts_nocase(text, SPAN_LIT("domain:"))) {
        target->domain = true;
        text = span_slice(text, 7, text.n);
    }
    target->test = t;
    target->ordinal = ordinal;
    target->store_id = store_id;
    if (!ip_host_port(text, &target->host, &target->port))
        target->host = SPAN_NULL;
    target->given = given_of(target);
    if (!target->given) {
        target_free(target);
        return NULL;
    }
    return target;
}

void target_free(struct target *target)
{
    timer_stop(&target->timer);
    for (size_t i = 0; i < target->host_count; i++)
        host_free(target->hosts[i]);
    for (size_t i = 0; i < target->arrival_count; i++)
        json_decref(target->arrivals[i].json);
    for (size_t i = 0; i < target->found_count; i++)
        free(target->found[i].name);
    for (size_t i = 0; i < target->label_mx_count; i++)
        free(target->label_mx[i]);
    free(target->label);
    free(target->arrivals);
    free(target->local_domain);
    free(target->given);
    free(target->name);
    free(target);
}

/* The first reason is kept: those after it follow from it. */
static void target_fail(struct target *target, const char *why, const char *detail)
{
    if (!target->failure[0])
        snprintf(target->failure, sizeof(target->failure), "%s%s%.200s", why, detail[0] ? ": " : "",
                 detail);
}

/* May this address be tested, and how? The first address that may decides for the budgets. */
static bool address_allowed(struct target *target, struct ip ip, const char *name)
{
    struct test *t = target->test;
    struct span names[2] = {target->host, span_str(name)};
    struct scope_question q = {
        .address = ip,
        .names = names,
        .count = name ? 2 : 1,
        .own = t->args.own,
        .now_wall = loop_wall(),
        .gap_s = SCOPE_GAP,
    };
    struct scope_decision d;
    char text[IP_TEXT_MAX];

    bool mine;

    if (t->store)
        store_tested_get(t->store, ip, &q.last_wall);
    /* A run that goes on has begun the test that stands in the way of a new one. */
    mine = t->args.resume && q.last_wall >= t->begun_wall;
    if (mine)
        q.last_wall = 0;
    d = scope_decide(&q, &t->scope, &t->never);
    if (!scope_answer_may(d.answer)) {
        snprintf(target->excluded, sizeof(target->excluded), "%s: %.200s%s%.60s%s",
                 ip_text(ip, text), d.why, d.rule && d.rule->reason[0] ? ": " : "",
                 d.rule ? d.rule->reason : "",
                 d.answer == SCOPE_TOO_SOON ? "; 24 hours lie between two tests, see --own" : "");
        return false;
    }
    if (!mine && t->store && d.answer == SCOPE_OUTSIDE &&
        store_tested_claim(t->store, ip, q.now_wall, q.gap_s, &q.last_wall) == STORE_SOON) {
        snprintf(target->excluded, sizeof(target->excluded),
                 "%s: another test of it began just now", ip_text(ip, text));
        return false;
    }
    target->decision = d;
    target->own = d.answer != SCOPE_OUTSIDE && !t->args.gentle;
    return true;
}

static void address_add(struct target *target, struct ip ip, const char *name)
{
    const struct args *a = &target->test->args;

    if ((a->v4_only && ip.family != IP_V4) || (a->v6_only && ip.family != IP_V6))
        return;
    for (size_t i = 0; i < target->found_count; i++)
        if (ip_eq(target->found[i].ip, ip))
            return;
    if (target->found_count == TARGET_HOSTS_MAX)
        return;
    target->found[target->found_count].ip = ip;
    target->found[target->found_count++].name = name ? span_dup(span_str(name)) : NULL;
}

/* A question that knows which name it was asked for. */
struct asked {
    struct target *target;
    char name[RESOLVER_NAME_MAX];
};

static void asked_done(struct asked *q)
{
    struct target *target = q->target;

    free(q);
    if (--target->pending == 0)
        target_resolved(target);
}

static void on_addresses(void *cookie, const struct dns_answer *a)
{
    struct asked *q = cookie;

    for (size_t i = 0; a->outcome == RESOLVER_FOUND && i < a->count; i++)
        address_add(q->target, a->ips[i], q->name);
    if (a->outcome != RESOLVER_FOUND)
        target_fail(q->target, "no address for the name",
                    a->text ? a->text : resolver_outcome_name(a->outcome));
    asked_done(q);
}

static void ask(struct target *target, struct span name, resolver_fn fn, bool mx)
{
    struct asked *q = calloc(1, sizeof(*q));
    char ascii[IDN_NAME_MAX];
    int err = -ENOMEM;

    if (!idn_to_ascii(name, ascii)) {
        target_fail(target, "this is neither an address nor a host name", "");
        free(q);
        return;
    }
    if (q) {
        q->target = target;
        span_copy(span_str(ascii), q->name, sizeof(q->name));
        err = mx ? resolver_mx(target->test->resolver, span_str(q->name), fn, q, NULL)
                 : resolver_addr(target->test->resolver, span_str(q->name), IP_NONE, fn, q, NULL);
    }
    if (err < 0) {
        target_fail(target, "out of memory", "");
        free(q);
        return;
    }
    target->pending++;
}

static void on_mx(void *cookie, const struct dns_answer *a)
{
    struct asked *q = cookie;

    if (a->null_mx)
        target_fail(q->target, "the domain says that it takes no mail", "null MX, RFC 7505");
    else if (a->outcome != RESOLVER_FOUND && !a->implicit_mx)
        target_fail(q->target, "no MX for the domain",
                    a->text ? a->text : resolver_outcome_name(a->outcome));
    for (size_t i = 0; i < a->count && i < TARGET_MX_MAX; i++)
        ask(q->target, span_str(a->mx[i].name), on_addresses, false);
    asked_done(q);
}

/* Whether a domain's mail really comes to this host: then it is a local domain of it. */
static void on_parent_mx(void *cookie, const struct dns_answer *a)
{
    struct asked *q = cookie;

    for (size_t i = 0; i < a->count && !a->implicit_mx && !q->target->local_domain; i++)
        if (span_eq_nocase(span_str(a->mx[i].name), q->target->host))
            q->target->local_domain = span_dup(span_str(q->name));
    asked_done(q);
}

/* Whom the label of the probe domain names as its mail servers; hosts look for themselves there. */
static void on_label(void *cookie, const struct dns_answer *a)
{
    struct asked *q = cookie;
    struct target *target = q->target;

    for (size_t i = 0; i < a->count && !a->implicit_mx && i < TARGET_MX_MAX; i++) {
        char *name = span_dup(span_str(a->mx[i].name));

        if (name)
            target->label_mx[target->label_mx_count++] = name;
    }
    if (target->label_mx_count)
        target->label = span_dup(span_str(q->name));
    asked_done(q);
}

static void ask_label(struct target *target)
{
    const struct test *t = target->test;
    struct buf name = BUF_INIT(RESOLVER_NAME_MAX);
    bool wanted = false;

    for (size_t i = 0; i < t->full.count && !wanted; i++)
        wanted = t->full.probes[i].needs & NEED_MX_LABEL;
    if (!wanted)
        return;
    if (t->args.mx_label)
        buf_add_str(&name, t->args.mx_label);
    else
        buf_addf(&name, "backup.%s", t->domain);
    ask(target, buf_span(&name), on_label, true);
    buf_deinit(&name);
}

static void resolve_host(struct target *target)
{
    struct span host = target->host;
    size_t dot = span_find(host, '.');
    struct span parent = span_slice(host, dot + 1, host.n);

    ask(target, host, on_addresses, false);
    /* mail.example.org: does example.org's mail come here? Only then may we use its name. */
    if (!target->local_domain && target->pending && dot < host.n &&
        span_find(parent, '.') < parent.n)
        ask(target, parent, on_parent_mx, true);
    if (!target->local_domain && target->pending)
        ask(target, host, on_parent_mx, true);
}

void target_begin(struct target *target)
{
    struct test *t = target->test;
    struct ip ip;

    target->phase = TARGET_RESOLVING;
    target->began = loop_now(t->loop);
    target->began_wall_ms = target->began + t->run_full.wall_offset;
    target->pending = 1;
    if (t->args.local_domains.count)
        target->local_domain = span_dup(span_str(t->args.local_domains.v[0]));
    if (target->host.n == 0) {
        target_fail(target, "this is no host name, address, HOST:PORT or [IPV6]:PORT", "");
    } else if (ip_parse(target->host, &ip)) {
        address_add(target, ip, NULL);
    } else if (target->domain) {
        if (!target->local_domain)
            target->local_domain = span_dup(target->host);
        ask(target, target->host, on_mx, true);
    } else {
        resolve_host(target);
    }
    ask_label(target);
    if (--target->pending == 0)
        target_resolved(target);
}

/* What closes it, as far as it is known: the verdict carries it into store, reports and notices. */
static void advise_target(const struct target *target, json_t *verdict, const json_t *doors,
                          const json_t *probes)
{
    const struct report_target t = {verdict, doors, probes};
    json_t *advice = advice_of_target(&target->test->book, &t);

    if (advice)
        json_object_set_new(verdict, "advice", advice);
}

static void target_finish(struct target *target)
{
    json_t *probes, *doors, *verdict;

    if (target->phase == TARGET_DONE)
        return;
    target->phase = TARGET_DONE;
    timer_stop(&target->timer);
    probes = document_probes(target);
    doors = document_doors(target);
    verdict = document_verdict(target);
    advise_target(target, verdict, doors, probes);
    save_target(target, probes, doors, verdict);
    output_target(target, probes, doors, verdict);
    json_decref(probes);
    json_decref(doors);
    json_decref(verdict);
    queue_target_done(target);
}

static void on_finish(void *cookie)
{
    target_finish(cookie);
}

static void host_add(struct target *target, struct ip ip, const char *name)
{
    struct host *h;

    if (!address_allowed(target, ip, name))
        return;
    if (host_new(target, ip, name, &h) < 0)
        target_fail(target, "out of memory, or too many probes for one address", "");
    else
        target->hosts[target->host_count++] = h;
}

/* Not the operator's, as far as its first address tells. */
static bool foreign(const struct target *target)
{
    struct span names[1] = {target->host};

    return target->found_count > 0 && !target->test->args.own &&
           !scope_list_match(&target->test->scope, target->found[0].ip, names, 1);
}

/*
 * Too many hosts of one network at once look like an attack on it; the operator's own are exempt.
 */
static bool crowded(struct target *target)
{
    struct ip ip = target->found_count ? target->found[0].ip : (struct ip){0};
    struct ip_prefix net = ip_prefix_of(ip, ip.family == IP_V4 ? 24 : 48);

    if (!foreign(target))
        return false;
    if (!queue_network_free(target->test, net))
        return true;
    target->network = net;
    return false;
}

static void on_room(void *cookie)
{
    target_resolved(cookie);
}

static void target_resolved(struct target *target)
{
    struct test *t = target->test;
    struct worker *worker;

    if ((foreign(target) && !preflight_over(t)) || crowded(target)) {
        timer_init(&target->timer, on_room, target);
        timer_start(&target->timer, t->loop, ROOM_MS);
        return;
    }
    target->phase = TARGET_TESTING;
    /* Only now, because a host's controls and conditions depend on the local domain. */
    for (size_t i = 0; i < target->found_count; i++)
        host_add(target, target->found[i].ip, target->found[i].name);
    if (target->host_count == 0) {
        timer_init(&target->timer, on_finish, target);
        timer_start(&target->timer, t->loop, 0);
        return;
    }
    save_restore(target);
    worker = worker_least(t);
    for (size_t i = 0; i < target->host_count; i++)
        worker_take(worker, target->hosts[i]);
}

static unsigned awaited(const struct target *target)
{
    unsigned n = 0;

    for (size_t h = 0; h < target->host_count; h++)
        for (size_t i = 0; i < target->hosts[h]->door_count; i++)
            n += door_count(&target->hosts[h]->doors[i]).delivered;
    return n;
}

/*
 * The window for arrivals: the whole wait while nothing has come; once the relay is proved, only as
 * long as it takes for the others of the same kind to come too.
 */
static int64_t window_end(const struct target *target)
{
    int64_t delivered_at = 0, whole, grace;

    for (size_t i = 0; i < target->host_count; i++)
        if (target->hosts[i]->delivered_at > delivered_at)
            delivered_at = target->hosts[i]->delivered_at;
    whole = delivered_at + target->test->args.wait;
    if (!target->arrived_at)
        return whole;
    grace = GRACE_FACTOR * target->slowest_ms;
    grace = target->arrived_at + (grace > GRACE_LEAST_MS ? grace : GRACE_LEAST_MS);
    return grace < whole ? grace : whole;
}

static void target_wait(struct target *target);

/* The window is over: what came in its last moments still counts. */
static void on_window(void *cookie)
{
    struct target *target = cookie;

    target->phase = TARGET_TESTING;
    proofs_look(target->test);
    target->phase = TARGET_WAITING;
    if (awaited(target) && window_end(target) > loop_now(target->test->loop))
        target_wait(target);
    else
        target_finish(target);
}

static void target_wait(struct target *target)
{
    struct test *t = target->test;

    if (awaited(target) == 0 || !t->has_source || t->stopping) {
        target_finish(target);
        return;
    }
    target->phase = TARGET_WAITING;
    timer_init(&target->timer, on_window, target);
    timer_start_at(&target->timer, t->loop, window_end(target));
}

void target_host_done(struct target *target)
{
    for (size_t i = 0; i < target->host_count; i++)
        if (!target->hosts[i]->done)
            return;
    target_wait(target);
}

void target_arrived(struct target *target)
{
    if (target->phase == TARGET_WAITING) {
        timer_stop(&target->timer);
        if (awaited(target) == 0) {
            timer_init(&target->timer, on_finish, target);
            timer_start(&target->timer, target->test->loop, 0);
        } else {
            target_wait(target);
        }
    }
}
