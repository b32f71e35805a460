/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows stand in one block and are filled from its front. A hash table of chains leads to them, and
 * a ring orders them by touch; both are numbers beside the rows, one more than the row's, so that
 * zeroed memory is an empty table and calloc() costs nothing before it is used.
 */
#include "auth/table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct link {
    struct auth_table_id id;
    uint32_t chain;      /* the next of the same bucket */
    uint32_t prev, next; /* by touch; next leads to older rows */
};

struct auth_table {
    size_t size;
    uint32_t rows, used, buckets; /* buckets: a power of two */
    uint32_t newest, oldest;
    uint32_t *bucket;
    struct link *links; /* links[n - 1] is of row n */
    char *data;
};

struct auth_table_id auth_table_id(const uint8_t key[MAC_KEY], char kind, struct span bytes)
{
    uint8_t own[MAC_KEY], mac[MAC_SIZE];
    struct auth_table_id id;

    memcpy(own, key, sizeof(own));
    own[0] ^= (uint8_t)kind;
    mac_hmac(own, bytes, mac);
    memcpy(id.b, mac, sizeof(id.b));
    return id;
}

struct auth_table_id auth_table_login(const uint8_t key[MAC_KEY], char kind, struct span login)
{
    char folded[256];
    size_t n = login.n < sizeof(folded) ? login.n : sizeof(folded);

    for (size_t i = 0; i < n; i++)
        folded[i] = ascii_lower(login.p[i]);
    return auth_table_id(key, kind, span_of(folded, n));
}

int auth_table_new(unsigned rows, size_t size, struct auth_table **ret)
{
    struct auth_table *t = calloc(1, sizeof(*t));

    assert(rows > 0);
    if (!t)
        return -ENOMEM;
    t->rows = rows;
    t->size = (size + 7) / 8 * 8;
    for (t->buckets = 16; t->buckets < rows && t->buckets < UINT32_C(1) << 30;)
        t->buckets *= 2;
    t->bucket = calloc(t->buckets, sizeof(*t->bucket));
    t->links = calloc(rows, sizeof(*t->links));
    t->data = calloc(rows, t->size);
    if (!t->bucket || !t->links || !t->data) {
        auth_table_free(&t);
        return -ENOMEM;
    }
    *ret = t;
    return 0;
}

void auth_table_free(struct auth_table **t)
{
    if (!*t)
        return;
    free((*t)->bucket);
    free((*t)->links);
    free((*t)->data);
    free(*t);
    *t = NULL;
}

static uint32_t *bucket_of(const struct auth_table *t, const struct auth_table_id *id)
{
    uint32_t hash;

    memcpy(&hash, id->b, sizeof(hash));
    return &t->bucket[hash & (t->buckets - 1)];
}

static void *row_at(const struct auth_table *t, uint32_t n)
{
    return t->data + (size_t)(n - 1) * t->size;
}

static uint32_t find(const struct auth_table *t, const struct auth_table_id *id)
{
    uint32_t n = *bucket_of(t, id);

    while (n && memcmp(&t->links[n - 1].id, id, sizeof(*id)) != 0)
        n = t->links[n - 1].chain;
    return n;
}

void *auth_table_find(const struct auth_table *t, const struct auth_table_id *id)
{
    uint32_t n = find(t, id);

    return n ? row_at(t, n) : NULL;
}

static void leave_ring(struct auth_table *t, uint32_t n)
{
    struct link *l = &t->links[n - 1];

    if (l->prev)
        t->links[l->prev - 1].next = l->next;
    else
        t->newest = l->next;
    if (l->next)
        t->links[l->next - 1].prev = l->prev;
    else
        t->oldest = l->prev;
    l->prev = l->next = 0;
}

static void join_ring(struct auth_table *t, uint32_t n)
{
    struct link *l = &t->links[n - 1];

    l->prev = 0;
    l->next = t->newest;
    if (t->newest)
        t->links[t->newest - 1].prev = n;
    t->newest = n;
    if (!t->oldest)
        t->oldest = n;
}

static void leave_chain(struct auth_table *t, uint32_t n)
{
    uint32_t *at = bucket_of(t, &t->links[n - 1].id);

    while (*at != n)
        at = &t->links[*at - 1].chain;
    *at = t->links[n - 1].chain;
}

/* A free row, or the oldest one. */
static uint32_t make_room(struct auth_table *t)
{
    uint32_t n = t->oldest;

    if (t->used < t->rows)
        return ++t->used;
    leave_ring(t, n);
    leave_chain(t, n);
    memset(row_at(t, n), 0, t->size);
    return n;
}

void *auth_table_take(struct auth_table *t, const struct auth_table_id *id)
{
    uint32_t n = find(t, id);

    if (n) {
        leave_ring(t, n);
    } else {
        uint32_t *bucket = bucket_of(t, id);

        n = make_room(t);
        t->links[n - 1].id = *id;
        t->links[n - 1].chain = *bucket;
        *bucket = n;
    }
    join_ring(t, n);
    return row_at(t, n);
}

void *auth_table_at(const struct auth_table *t, size_t n)
{
    return n < t->used ? row_at(t, (uint32_t)n + 1) : NULL;
}

size_t auth_table_count(const struct auth_table *t)
{
    return t->used;
}
