/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A loop that runs until the one answer is there. */
#include "cmd/list/ask.h"

#include "io/resolver.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

struct ask {
    struct loop *loop;
    struct resolver *resolver;
    /* Of the question at hand. */
    void (*fn)(void *cookie, struct span text);
    void *cookie;
    struct ip ip;
    bool found, unknown;
};

int ask_open(const char *program, const char *server, struct ask **ret)
{
    struct resolver_options options = {.server = server};
    char err[RESOLVER_ERROR_MAX] = "out of memory";
    struct ask *a = calloc(1, sizeof(*a));

    *ret = a;
    if (a && loop_new(&a->loop) == 0 && resolver_new(a->loop, &options, &a->resolver, err) == 0)
        return 0;
    fprintf(stderr, "%s: DNS: %s\n", program, err);
    ask_close(ret);
    return EX_OSERR;
}

void ask_close(struct ask **a)
{
    if (!*a)
        return;
    resolver_free(&(*a)->resolver);
    loop_free(&(*a)->loop);
    free(*a);
    *a = NULL;
}

static bool wait_for(struct ask *a, int asked)
{
    a->found = a->unknown = false;
    if (asked == 0)
        loop_run(a->loop);
    return asked == 0 && !a->unknown;
}

static void on_ptr(void *cookie, const struct dns_answer *answer)
{
    struct ask *a = cookie;

    a->unknown = resolver_outcome_passing(answer->outcome) || answer->partial;
    for (size_t i = 0; i < answer->count; i++)
        if (answer->ptr[i].confirmed)
            a->fn(a->cookie, span_str(answer->ptr[i].name));
    loop_stop(a->loop);
}

bool ask_names(struct ask *a, struct ip ip, void (*fn)(void *cookie, struct span name),
               void *cookie)
{
    a->fn = fn;
    a->cookie = cookie;
    return wait_for(a, resolver_ptr(a->resolver, ip, on_ptr, a, NULL));
}

static void on_leads(void *cookie, const struct dns_answer *answer)
{
    struct ask *a = cookie;

    a->unknown = resolver_outcome_passing(answer->outcome);
    for (size_t i = 0; i < answer->count; i++)
        a->found |= ip_eq(answer->ips[i], a->ip);
    loop_stop(a->loop);
}

bool ask_leads_to(struct ask *a, struct span name, struct ip ip)
{
    a->ip = ip;
    return wait_for(a, resolver_addr(a->resolver, name, ip.family, on_leads, a, NULL)) && a->found;
}

static void on_txt(void *cookie, const struct dns_answer *answer)
{
    struct ask *a = cookie;

    a->unknown = resolver_outcome_passing(answer->outcome);
    for (size_t i = 0; i < answer->count; i++)
        a->fn(a->cookie, answer->txt[i]);
    loop_stop(a->loop);
}

bool ask_texts(struct ask *a, const char *name, void (*fn)(void *cookie, struct span text),
               void *cookie)
{
    a->fn = fn;
    a->cookie = cookie;
    return wait_for(a, resolver_txt(a->resolver, span_str(name), on_txt, a, NULL));
}

static void on_address(void *cookie, const struct dns_answer *answer)
{
    struct ask *a = cookie;

    if (answer->count) {
        a->found = true;
        a->ip = answer->ips[0];
    }
    loop_stop(a->loop);
}

struct ip ask_address(struct ask *a, struct span name)
{
    wait_for(a, resolver_addr(a->resolver, name, IP_NONE, on_address, a, NULL));
    return a->found ? a->ip : (struct ip){0};
}
