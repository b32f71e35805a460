/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A question goes out when the client connects, and is waited for only when a backend has to be
 * told: by then the answer is there, as a rule. A question whose client has gone, or has waited
 * long enough, still ends, so that the next one from there finds the answer.
 *
 * Kept are a few thousand addresses in a table of fixed size, each in the one slot that its hash
 * gives; a newcomer takes the slot. The hash is seeded: nobody can choose whom he pushes out.
 *
 * The loopback addresses have their name by RFC 6761 §6.3, and no server is asked for it.
 *
 * A reload makes a new struct beside the old one, which lives until its last question has ended.
 */
#include "cmd/gate/names.h"

#include "base/buf.h"
#include "io/file.h"
#include "io/random.h"
#include "io/timer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TRY = 1500, TRIES = 2, RESOLV_CONF_MAX = 65536 };

struct slot {
    struct ip ip;
    int64_t until; /* 0: free */
    char *name;    /* NULL: none */
    bool confirmed, failed;
};

struct names {
    struct loop *loop;
    struct resolver *resolver;
    struct names_ask *asks;
    unsigned count, waiting; /* asks; those of them with an fn */
    bool closing;
    uint64_t seed;
    struct slot slots[NAMES_SLOTS];
};

struct names_ask {
    struct names *n;
    struct names_ask *next, **link;
    struct ip ip;
    names_fn fn; /* NULL: nobody waits */
    void *cookie;
    struct resolver_query *query;
    struct timer timer;
};

static void ask_free(struct names_ask *a)
{
    struct names *n = a->n;

    resolver_cancel(&a->query);
    timer_stop(&a->timer);
    *a->link = a->next;
    if (a->next)
        a->next->link = a->link;
    n->count--;
    n->waiting -= a->fn != NULL;
    free(a);
}

static void free_now(struct names *n)
{
    while (n->asks)
        ask_free(n->asks);
    resolver_free(&n->resolver);
    for (size_t i = 0; i < NAMES_SLOTS; i++)
        free(n->slots[i].name);
    free(n);
}

void names_close(struct names **pn)
{
    struct names *n = *pn;

    *pn = NULL;
    if (!n)
        return;
    n->closing = true;
    if (n->waiting == 0)
        free_now(n);
}

static struct slot *slot_of(struct names *n, struct ip ip)
{
    return &n->slots[ip_hash(ip, n->seed) % NAMES_SLOTS];
}

static void keep(struct names *n, struct ip ip, const struct names_answer *a)
{
    struct slot *s = slot_of(n, ip);

    free(s->name);
    *s = (struct slot){
        .ip = ip,
        .until = loop_now(n->loop) + (a->failed ? NAMES_KEEP_FAILED : NAMES_KEEP),
        .name = *a->name ? strdup(a->name) : NULL,
        .confirmed = a->confirmed,
        .failed = a->failed,
    };
    if (*a->name && !s->name) /* no memory: asked for again */
        s->until = 0;
}

/* Counted as waiting until it has been told, lest what it does then frees all of this. */
static void tell(struct names_ask *a, const struct names_answer *answer)
{
    names_fn fn = a->fn;

    a->fn = NULL;
    timer_stop(&a->timer);
    if (!fn)
        return;
    fn(a->cookie, answer);
    a->n->waiting--;
}

static void answered(struct names_ask *a, const struct names_answer *answer)
{
    struct names *n = a->n;

    tell(a, answer);
    ask_free(a);
    if (n->closing && n->waiting == 0)
        free_now(n);
}

static void on_answer(void *cookie, const struct dns_answer *a)
{
    struct names_ask *ask = cookie;
    struct names_answer answer = {.name = ""};
    size_t at = 0;

    ask->query = NULL;
    while (at < a->count && !a->ptr[at].confirmed)
        at++;
    answer.confirmed = at < a->count;
    answer.failed = !answer.confirmed && (resolver_outcome_passing(a->outcome) || a->partial);
    if (a->count)
        answer.name = a->ptr[answer.confirmed ? at : 0].name;
    keep(ask->n, ask->ip, &answer);
    answered(ask, &answer);
}

/* Its question goes on, for those who come next. */
static void on_late(void *cookie)
{
    static const struct names_answer late = {.name = "", .failed = true};
    struct names_ask *a = cookie;
    struct names *n = a->n;

    tell(a, &late);
    if (n->closing && n->waiting == 0)
        free_now(n);
}

static bool is_localhost(struct ip ip)
{
    struct ip v4, v6;

    return ip_parse(SPAN_LIT("127.0.0.1"), &v4) && ip_parse(SPAN_LIT("::1"), &v6) &&
           (ip_eq(ip, v4) || ip_eq(ip, v6));
}

static bool at_hand(struct names *n, struct ip ip, struct names_answer *ret)
{
    const struct slot *s = slot_of(n, ip);

    if (is_localhost(ip)) {
        *ret = (struct names_answer){"localhost", true, false};
        return true;
    }
    if (!ip_eq(s->ip, ip) || s->until <= loop_now(n->loop))
        return false;
    *ret = (struct names_answer){s->name ? s->name : "", s->confirmed, s->failed};
    return true;
}

static bool start(struct names *n, struct ip ip, names_fn fn, void *cookie, struct names_ask **ret)
{
    struct names_ask *a = n->count < NAMES_ASKS_MAX ? calloc(1, sizeof(*a)) : NULL;

    if (!a)
        return false;
    *a = (struct names_ask){.n = n, .ip = ip, .next = n->asks, .link = &n->asks};
    timer_init(&a->timer, on_late, a);
    if (a->next)
        a->next->link = &a->next;
    n->asks = a;
    n->count++;
    if (resolver_ptr(n->resolver, ip, on_answer, a, &a->query) < 0) {
        ask_free(a);
        return false;
    }
    a->fn = fn;
    a->cookie = cookie;
    n->waiting++;
    timer_start(&a->timer, n->loop, NAMES_WAIT);
    *ret = a;
    return true;
}

void names_ask(struct names *n, struct ip ip, names_fn fn, void *cookie, struct names_ask **ret)
{
    struct names_answer answer;

    *ret = NULL;
    if (at_hand(n, ip, &answer)) {
        fn(cookie, &answer);
    } else if (!start(n, ip, fn, cookie, ret)) {
        answer = (struct names_answer){"", false, true};
        fn(cookie, &answer);
    }
}

void names_cancel(struct names_ask **pa)
{
    struct names_ask *a = *pa;
    struct names *n;

    *pa = NULL;
    if (!a)
        return;
    n = a->n;
    a->fn = NULL;
    n->waiting--;
    timer_stop(&a->timer);
    if (n->closing && n->waiting == 0)
        free_now(n);
}

int names_open(struct loop *l, const char *server, struct names **ret, char err[RESOLVER_ERROR_MAX])
{
    struct resolver_options options = {
        .server = server, .no_hosts = true, .timeout_ms = TRY, .tries = TRIES};
    struct names *n = calloc(1, sizeof(*n));
    int r;

    if (!n)
        return -ENOMEM;
    n->loop = l;
    r = random_bytes(&n->seed, sizeof(n->seed));
    if (r == 0)
        r = resolver_new(l, &options, &n->resolver, err);
    if (r < 0) {
        free(n);
        return r;
    }
    *ret = n;
    return 0;
}

bool names_resolver_there(const char *resolv_conf)
{
    struct buf text = BUF_INIT(RESOLV_CONF_MAX);
    struct span rest, line, word;
    bool found = false;

    if (file_read(resolv_conf, &text) == 0)
        for (rest = buf_span(&text); !found && span_cut(&rest, '\n', &line);)
            found = span_word(&line, &word) && span_eq(word, SPAN_LIT("nameserver"));
    buf_deinit(&text);
    return found;
}
