/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every change of a journal ends a set, so this runs often, for a few zones. */
#include "cmd/dns/totals.h"

#include "base/buf.h"

#include <stdlib.h>

static struct total *find(struct totals *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->v[i].name, name) == 0)
            return &t->v[i];
    return NULL;
}

static void add(struct totals *t, const char *name, const struct zone_counters *sum)
{
    struct total *one = find(t, name);

    if (!one) {
        if (array_grow(&t->v, &t->cap, sizeof(*one), t->n + 1) < 0)
            return;
        one = &t->v[t->n];
        *one = (struct total){.name = strdup(name)};
        if (!one->name)
            return;
        t->n++;
    }
    zone_counters_add(&one->sum, sum);
}

void totals_add(struct totals *t, const struct served *s)
{
    for (size_t i = 0; i <= s->zones; i++) {
        struct zone_counters sum = {0};

        served_sum(s, i, &sum);
        add(t, i < s->zones ? zone_title(zone_set_at(s->set, i)) : "", &sum);
    }
}

const struct zone_counters *totals_of(const struct totals *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->v[i].name, name) == 0)
            return &t->v[i].sum;
    return NULL;
}

void totals_deinit(struct totals *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->v[i].name);
    free(t->v);
    *t = (struct totals){0};
}
