/* SPDX-License-Identifier: GPL-3.0-or-later */
/* getrandom(2) blocks only before the kernel's pool is first filled, at boot. */
#include "io/random.h"

#include <assert.h>
#include <errno.h>
#include <sys/random.h>

int random_bytes(void *out, size_t n)
{
    char *p = out;

    while (n) {
        ssize_t got = getrandom(p, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        p += got;
        n -= (size_t)got;
    }
    return 0;
}

int random_below(uint32_t limit, uint32_t *ret)
{
    uint32_t v, uneven;

    assert(limit > 0);
    /* The numbers over the last whole multiple of the limit would favour small results. */
    uneven = (UINT32_MAX - limit + 1) % limit;
    do {
        int r = random_bytes(&v, sizeof(v));

        if (r < 0)
            return r;
    } while (v < uneven);
    *ret = v % limit;
    return 0;
}
