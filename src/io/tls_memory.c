/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One stretch of address space, cut into slots. A stack of free slots' numbers is all the
 * One stretch of address space, cut into slots. A stack of free slots' numbers is all the
 * and whether a pointer is a slot shows by its address. A slot is never handed out twice, and one
 * that is not a slot goes to the heap's functions: the pool can be full, never wrong.
 *
 * A lock guards the stack, since curl and the resolver may shake hands in threads of their own.
 */
#include "io/tls_memory.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static struct {
    pthread_mutex_t lock;
    char *base; /* NULL: no pool */
    unsigned free_count;
    uint16_t free[TLS_MEMORY_SLOTS];
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

_Static_assert(TLS_MEMORY_SLOTS <= UINT16_MAX + 1, "a slot's number fits");
_Static_assert(TLS_MEMORY_SLOT % 4096 == 0, "a slot is whole pages");

static bool is_slot(const void *p)
{
    return pool.base &&
           (uintptr_t)p - (uintptr_t)pool.base < (size_t)TLS_MEMORY_SLOTS * TLS_MEMORY_SLOT;
}

static void *slot_take(void)
{
    void *p = NULL;

    pthread_mutex_lock(&pool.lock);
    if (pool.free_count)
        p = pool.base + (size_t)pool.free[--pool.free_count] * TLS_MEMORY_SLOT;
    pthread_mutex_unlock(&pool.lock);
    return p;
}

/* Its pages go before it can be taken again. */
static void slot_give(char *p)
{
    pthread_mutex_lock(&pool.lock);
    if (TLS_MEMORY_SLOTS - pool.free_count > TLS_MEMORY_WARM)
        madvise(p, TLS_MEMORY_SLOT, MADV_DONTNEED);
    pool.free[pool.free_count++] = (uint16_t)((size_t)(p - pool.base) / TLS_MEMORY_SLOT);
    pthread_mutex_unlock(&pool.lock);
}

/* As OpenSSL's own: nothing for no octets. */
static void *take(size_t n, const char *file, int line)
{
    void *p = n >= TLS_MEMORY_FROM && n <= TLS_MEMORY_SLOT ? slot_take() : NULL;

    return p || !n ? p : malloc(n);
}

static void give(void *p, const char *file, int line)
{
    if (p && is_slot(p))
        slot_give(p);
    else
        free(p);
}

static void *change(void *p, size_t n, const char *file, int line)
{
    bool slot = p && is_slot(p);
    size_t had;
    void *to;

    if (!p)
        return take(n, file, line);
    if (!n) {
        give(p, file, line);
        return NULL;
    }
    if (slot && n <= TLS_MEMORY_SLOT)
        return p;
    if (!slot && (n < TLS_MEMORY_FROM || n > TLS_MEMORY_SLOT))
        return realloc(p, n);
    had = slot ? TLS_MEMORY_SLOT : malloc_usable_size(p);
    to = take(n, file, line);
    if (!to)
        return NULL;
    memcpy(to, p, had < n ? had : n);
    give(p, file, line);
    return to;
}

unsigned tls_memory_used(void)
{
    unsigned n;

    pthread_mutex_lock(&pool.lock);
    n = pool.base ? TLS_MEMORY_SLOTS - pool.free_count : 0;
    pthread_mutex_unlock(&pool.lock);
    return n;
}

bool tls_memory_init(void)
{
    void *base;

    if (pool.base)
        return true;
    if (CRYPTO_set_mem_functions(take, change, give) != 1)
        return false;
    base = mmap(NULL, (size_t)TLS_MEMORY_SLOTS * TLS_MEMORY_SLOT, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return false;
    pool.base = base;
    for (unsigned i = 0; i < TLS_MEMORY_SLOTS; i++)
        pool.free[i] = (uint16_t)(TLS_MEMORY_SLOTS - 1 - i);
    pool.free_count = TLS_MEMORY_SLOTS;
    return true;
}
