/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Questions. One may need several of c-ares' (A and AAAA), or several of ours (the names of a PTR
 * are confirmed by address questions of their own); `waiting` counts what is still out. When it
 * comes to zero the answer is given from the loop, never from inside the call that asked: c-ares
 * answers some questions at once.
 *
 * A cancelled question stays until c-ares has let go of it, since c-ares can't cancel one alone.
 */
#include "io/resolver_priv.h"

#include "base/buf.h"

#include <arpa/nameser.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONFIRM_MAX = 8
}; /* names of one address that are confirmed; a bot's PTR may have hundreds */

static const struct {
    const char *name, *text;
} outcomes[] = {
    [RESOLVER_FOUND] = {"found", ""},
    [RESOLVER_NO_NAME] = {"no-name", "the name does not exist"},
    [RESOLVER_NO_DATA] = {"no-data", "the name has no such record"},
    [RESOLVER_TIMEOUT] = {"timeout", "no name server answered in time"},
    [RESOLVER_SERVFAIL] = {"servfail", "the name servers failed or refused"},
    [RESOLVER_BAD] = {"bad", "the name can't be asked, or the answer was malformed"},
};

const char *resolver_outcome_name(enum resolver_outcome o)
{
    return outcomes[o].name;
}

bool resolver_outcome_passing(enum resolver_outcome o)
{
    return o == RESOLVER_TIMEOUT || o == RESOLVER_SERVFAIL;
}

static enum resolver_outcome outcome_of(int status)
{
    switch (status) {
    case ARES_SUCCESS:
        return RESOLVER_FOUND;
    case ARES_ENOTFOUND:
        return RESOLVER_NO_NAME;
    case ARES_ENODATA:
        return RESOLVER_NO_DATA;
    case ARES_ETIMEOUT:
        return RESOLVER_TIMEOUT;
    case ARES_EBADNAME:
    case ARES_EBADRESP:
    case ARES_EBADQUERY:
    case ARES_EBADSTR:
        return RESOLVER_BAD;
    default: /* SERVFAIL, REFUSED, NOTIMP, FORMERR, nobody at the server's port, out of memory */
        return RESOLVER_SERVFAIL;
    }
}

static void unlink_query(struct resolver_query *q)
{
    if (!q->linked)
        return;
    q->linked = false;
    if (q->prev)
        q->prev->next = q->next;
    else
        q->resolver->queries = q->next;
    if (q->next)
        q->next->prev = q->prev;
}

static void query_free(struct resolver_query *q)
{
    for (size_t i = 0; q->txt && i < q->count; i++)
        free((char *)(uintptr_t)q->txt[i].p);
    loop_undefer(&q->later);
    unlink_query(q);
    free(q->ips);
    free(q->mx);
    free(q->ptr);
    free(q->txt);
    free(q->confirms);
    free(q);
}

void resolver_forget_queries(struct resolver *r)
{
    while (r->queries)
        query_free(r->queries);
}

/* One outcome of the two families: what was found wins, then what may yet be found. */
static enum resolver_outcome combine(enum resolver_outcome a, enum resolver_outcome b)
{
    static const uint8_t rank[] = {
        [RESOLVER_FOUND] = 5,   [RESOLVER_TIMEOUT] = 4, [RESOLVER_SERVFAIL] = 3,
        [RESOLVER_NO_DATA] = 2, [RESOLVER_NO_NAME] = 1, [RESOLVER_BAD] = 0,
    };

    return rank[a] >= rank[b] ? a : b;
}

static void answer_outcome(const struct resolver_query *q, struct dns_answer *a)
{
    bool passing = false;

    a->outcome = RESOLVER_BAD;
    for (int i = 0; i < PARTS; i++) {
        if (!q->asked[i])
            continue;
        a->outcome = combine(a->outcome, q->outcomes[i]);
        passing = passing || resolver_outcome_passing(q->outcomes[i]);
    }
    a->partial = a->outcome == RESOLVER_FOUND && (passing || q->unsure);
    if (q->implicit_mx || q->null_mx)
        a->outcome = RESOLVER_FOUND;
    a->text = q->null_mx ? "the domain takes no mail (null MX)" : outcomes[a->outcome].text;
}

/* IPv4 first, each family in the order that DNS gave. */
static void sort_families(struct ip *ips, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct ip ip = ips[i];
        size_t j = i;

        for (; j > 0 && ips[j - 1].family > ip.family; j--)
            ips[j] = ips[j - 1];
        ips[j] = ip;
    }
}

static void on_later(void *cookie)
{
    struct resolver_query *q = cookie;
    struct dns_answer a = {.ips = q->ips,
                           .mx = q->mx,
                           .ptr = q->ptr,
                           .txt = q->txt,
                           .count = q->count,
                           .implicit_mx = q->implicit_mx,
                           .null_mx = q->null_mx};

    answer_outcome(q, &a);
    sort_families(q->ips, q->ips ? q->count : 0);
    unlink_query(q); /* fn may free the resolver */
    resolver_arm(q->resolver);
    if (q->fn)
        q->fn(q->cookie, &a);
    query_free(q);
}

static void part_done(struct resolver_query *q)
{
    assert(q->waiting > 0);
    q->waiting--;
    if (!q->waiting && !q->resolver->gone)
        loop_defer(q->resolver->loop, &q->later);
}

static void on_confirmed(void *cookie, const struct dns_answer *a)
{
    struct confirm *c = cookie;

    for (size_t i = 0; i < a->count; i++)
        if (ip_eq(a->ips[i], c->parent->ip))
            c->parent->ptr[c->at].confirmed = true;
    if (!c->parent->ptr[c->at].confirmed && (resolver_outcome_passing(a->outcome) || a->partial))
        c->parent->unsure = true;
    part_done(c->parent);
}

static void confirm_names(struct resolver_query *q)
{
    if (!q->fn || !q->count)
        return;
    q->confirms = calloc(CONFIRM_MAX, sizeof(q->confirms[0]));
    for (size_t i = 0; q->confirms && i < q->count && i < CONFIRM_MAX; i++) {
        struct confirm *c = &q->confirms[i];

        *c = (struct confirm){q, i};
        q->waiting++;
        if (resolver_addr(q->resolver, span_str(q->ptr[i].name), q->ip.family, on_confirmed, c,
                          NULL) < 0)
            q->waiting--;
    }
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *p, int n)
{
    struct part_of *part = arg;
    struct resolver_query *q = part->query;

    if (status == ARES_SUCCESS && q->fn && !q->resolver->gone) {
        status = resolver_read(q, part->part, p, n);
        if (part->part == PART_PTR)
            confirm_names(q);
    }
    if (part->part == PART_MX && status == ARES_ENODATA && !q->null_mx)
        resolver_imply_mx(q);
    q->outcomes[part->part] = outcome_of(status);
    part_done(q);
}

/* What can stand in a question: RFC 1035 sizes; c-ares would read a backslash as an escape. */
static bool askable(struct span name)
{
    struct span label;

    if (name.n == 0 || name.n > 253)
        return false;
    while (span_cut(&name, '.', &label)) {
        if (label.n == 0 || label.n > 63)
            return false;
        for (size_t i = 0; i < label.n; i++)
            if (!ascii_is_alnum(label.p[i]) && span_find(SPAN_LIT("-_/+=*"), label.p[i]) == 6)
                return false;
    }
    return true;
}

static struct resolver_query *query_new(struct resolver *r, struct span name, resolver_fn fn,
                                        void *cookie)
{
    struct resolver_query *q = calloc(1, sizeof(*q));

    if (!q)
        return NULL;
    q->resolver = r;
    q->fn = fn;
    q->cookie = cookie;
    q->later = (struct deferred)DEFERRED(on_later, q);
    if (name.n && name.p[name.n - 1] == '.')
        name.n--;
    if (askable(name))
        span_copy(name, q->name, sizeof(q->name));
    q->linked = true;
    q->next = r->queries;
    if (q->next)
        q->next->prev = q;
    r->queries = q;
    q->waiting = 1; /* for the asking itself */
    return q;
}

static void ask(struct resolver_query *q, enum part part, const char *name)
{
    static const int types[PARTS] = {
        [PART_A] = ns_t_a,     [PART_AAAA] = ns_t_aaaa, [PART_MX] = ns_t_mx,
        [PART_TXT] = ns_t_txt, [PART_PTR] = ns_t_ptr,
    };

    q->asked[part] = true;
    if (!*name) {
        q->outcomes[part] = RESOLVER_BAD;
        return;
    }
    q->parts[part] = (struct part_of){q, part};
    q->waiting++;
    ares_query(q->resolver->channel, name, ns_c_in, types[part], on_answer, &q->parts[part]);
}

/* The end of asking: from here the question may be answered. */
static void asked(struct resolver_query *q, struct resolver_query **ret)
{
    struct resolver *r = q->resolver;

    if (ret)
        *ret = q;
    part_done(q);
    resolver_arm(r);
}

static int ask_one(struct resolver *r, struct span name, enum part part, resolver_fn fn,
                   void *cookie, struct resolver_query **ret)
{
    struct resolver_query *q = query_new(r, name, fn, cookie);

    if (!q)
        return -ENOMEM;
    ask(q, part, q->name);
    asked(q, ret);
    return 0;
}

int resolver_mx(struct resolver *r, struct span name, resolver_fn fn, void *cookie,
                struct resolver_query **ret)
{
    return ask_one(r, name, PART_MX, fn, cookie, ret);
}

int resolver_txt(struct resolver *r, struct span name, resolver_fn fn, void *cookie,
                 struct resolver_query **ret)
{
    return ask_one(r, name, PART_TXT, fn, cookie, ret);
}

/* True when /etc/hosts knows the name, in whichever family. */
static bool from_hosts(struct resolver_query *q, enum ip_family family)
{
    static const int families[] = {AF_INET, AF_INET6};
    bool known = false;

    if (!q->resolver->use_hosts || !q->name[0])
        return false;
    for (size_t i = 0; i < 2; i++) {
        struct hostent *host = NULL;

        if (ares_gethostbyname_file(q->resolver->channel, q->name, families[i], &host) !=
            ARES_SUCCESS)
            continue;
        known = true;
        if (family == IP_NONE || (family == IP_V4) == (i == 0))
            resolver_add_host(q, host);
        ares_free_hostent(host);
    }
    if (known) {
        q->asked[PART_A] = true;
        q->outcomes[PART_A] = q->count ? RESOLVER_FOUND : RESOLVER_NO_DATA;
    }
    return known;
}

int resolver_addr(struct resolver *r, struct span name, enum ip_family family, resolver_fn fn,
                  void *cookie, struct resolver_query **ret)
{
    struct resolver_query *q = query_new(r, name, fn, cookie);

    if (!q)
        return -ENOMEM;
    if (!from_hosts(q, family)) {
        if (family != IP_V6)
            ask(q, PART_A, q->name);
        if (family != IP_V4)
            ask(q, PART_AAAA, q->name);
    }
    asked(q, ret);
    return 0;
}

/* RFC 1035 §3.5, RFC 3596 §2.5. */
static void reverse_name(struct ip ip, char out[RESOLVER_NAME_MAX])
{
    struct buf b = BUF_INIT(RESOLVER_NAME_MAX - 1);

    if (ip.family == IP_V4)
        buf_addf(&b, "%u.%u.%u.%u.in-addr.arpa", ip.b[3], ip.b[2], ip.b[1], ip.b[0]);
    for (int i = 15; ip.family == IP_V6 && i >= 0; i--)
        buf_addf(&b, "%x.%x.", ip.b[i] & 15U, ip.b[i] >> 4);
    if (ip.family == IP_V6)
        buf_add_str(&b, "ip6.arpa");
    span_copy(buf_span(&b), out, RESOLVER_NAME_MAX);
    buf_deinit(&b);
}

int resolver_ptr(struct resolver *r, struct ip ip, resolver_fn fn, void *cookie,
                 struct resolver_query **ret)
{
    struct resolver_query *q;
    char name[RESOLVER_NAME_MAX];

    reverse_name(ip, name);
    q = query_new(r, span_str(name), fn, cookie);
    if (!q)
        return -ENOMEM;
    q->ip = ip;
    ask(q, PART_PTR, q->name);
    asked(q, ret);
    return 0;
}

void resolver_cancel(struct resolver_query **pq)
{
    struct resolver_query *q = *pq;

    if (!q)
        return;
    *pq = NULL;
    q->fn = NULL;
}
