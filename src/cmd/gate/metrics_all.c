/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Workers count each into their own struct, in one shared mapping; whoever answers reads them all.
 * So nothing has to be asked of a worker, and a dead one's counts are still there.
 */
#include "cmd/gate/metrics_all.h"

#include <stdlib.h>
#include <sys/mman.h>

struct metrics *metrics_shared(size_t workers)
{
    void *p = mmap(NULL, workers * sizeof(struct metrics), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

bool metrics_all_text(void *all, struct buf *out)
{
    const struct metrics_all *m = all;
    const struct metrics **each = calloc(m->workers, sizeof(const struct metrics *));

    if (!each)
        return false;
    for (size_t i = 0; i < m->workers; i++)
        each[i] = &m->v[i];
    metrics_text(each, m->workers, out);
    free(each);
    return !out->err;
}
