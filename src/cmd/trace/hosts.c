/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A host is its address, or where none is known its first name. A table with open addressing, half
 * full at most; the hash is FNV-1a, for what goes in was seen by a line we believe and is no key of
 * an attacker's choice beyond the hosts that he owns.
 */
#include "cmd/trace/hosts.h"

#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>

static uint64_t hash_of(struct ip ip, struct span name)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; ip.family != IP_NONE && i < sizeof(ip.b); i++)
        h = (h ^ ip.b[i]) * UINT64_C(1099511628211);
    for (size_t i = 0; ip.family == IP_NONE && i < name.n; i++)
        h = (h ^ (unsigned char)ascii_lower(name.p[i])) * UINT64_C(1099511628211);
    return h;
}

static bool is_host(const struct host *h, struct ip ip, struct span name)
{
    if (ip.family != IP_NONE || h->ip.family != IP_NONE)
        return ip_eq(h->ip, ip);
    return span_eq_nocase(span_str(h->name), name);
}

static size_t *slot_of(struct hosts *h, struct ip ip, struct span name)
{
    size_t at = (size_t)hash_of(ip, name) & (h->index_cap - 1);

    while (h->index[at] != SIZE_MAX && !is_host(&h->v[h->index[at]], ip, name))
        at = (at + 1) & (h->index_cap - 1);
    return &h->index[at];
}

static int grow_index(struct hosts *h)
{
    size_t cap = h->index_cap ? h->index_cap * 2 : 256;
    size_t *index = malloc(cap * sizeof(*index));

    if (!index)
        return -ENOMEM;
    for (size_t i = 0; i < cap; i++)
        index[i] = SIZE_MAX;
    free(h->index);
    h->index = index;
    h->index_cap = cap;
    for (size_t i = 0; i < h->count; i++)
        *slot_of(h, h->v[i].ip, span_str(h->v[i].name)) = i;
    return 0;
}

int hosts_add(struct hosts *h, const struct trace *t)
{
    const struct trace_host *c = &t->culprit;
    struct span name = c->name_count ? c->names[0] : SPAN_NULL;
    struct host *host;
    size_t *slot;

    if ((h->count + 1) * 2 > h->index_cap && grow_index(h) < 0)
        return -ENOMEM;
    slot = slot_of(h, c->ip, name);
    if (*slot == SIZE_MAX) {
        if (h->count == HOSTS_MAX)
            return 0;
        if (array_grow(&h->v, &h->cap, sizeof(h->v[0]), h->count + 1) < 0)
            return -ENOMEM;
        h->v[h->count] = (struct host){.ip = c->ip, .name = name.n ? span_dup(name) : NULL};
        *slot = h->count++;
    }
    host = &h->v[*slot];
    host->count++;
    host->by_class[t->class]++;
    host->product = c->writer ? received_writer_name(c->writer) : host->product;
    if (t->confidence > host->confidence)
        host->confidence = t->confidence;
    return 0;
}

static int by_count(const void *a, const void *b)
{
    const struct host *x = a, *y = b;

    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return ip_cmp(x->ip, y->ip);
}

void hosts_sort(struct hosts *h)
{
    if (h->count)
        qsort(h->v, h->count, sizeof(h->v[0]), by_count);
    free(h->index);
    h->index = NULL;
    h->index_cap = 0;
}

void hosts_deinit(struct hosts *h)
{
    for (size_t i = 0; i < h->count; i++)
        free(h->v[i].name);
    free(h->v);
    free(h->index);
    *h = (struct hosts){0};
}
