/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verdict as words. Only what is in doubt and why is handed on: what was seen is each worker's
 * own, and old by the next start.
 */
#include "gate/guard_priv.h"

#include "base/num.h"

void guard_write(const struct guard *g, int64_t now, int64_t now_wall, struct buf *out)
{
    char text[IP_TEXT_MAX];

    if (!g->suspended)
        return;
    buf_addf(out, "%s %s %lld ", guard_cause_name(g->cause), g->only_culprits ? "only" : "all",
             (long long)(now_wall - (now - g->since) / 1000));
    for (unsigned i = 0; i < g->culprit_count; i++)
        buf_addf(out, "%s%s", i ? "," : "", ip_text(g->culprits[i], text));
    if (g->culprit_count == 0)
        buf_add_char(out, '-');
}

static bool read_cause(struct span word, enum guard_cause *ret)
{
    for (enum guard_cause c = GUARD_CAUSE_FIREWALL; c <= GUARD_CAUSE_TOLD; c++) {
        *ret = c;
        if (span_eq(word, span_str(guard_cause_name(c))))
            return true;
    }
    return false;
}

struct verdict {
    enum guard_cause cause;
    bool only;
    uint64_t since_wall;
    struct ip ips[GUARD_CULPRITS];
    unsigned count;
};

static bool read_addresses(struct span list, struct verdict *v)
{
    struct span word;

    if (span_eq(list, SPAN_LIT("-")))
        return true;
    while (span_cut(&list, ',', &word)) {
        if (v->count == GUARD_CULPRITS || !ip_parse(word, &v->ips[v->count]))
            return false;
        v->count++;
    }
    return true;
}

static bool read_verdict(struct span words, struct verdict *v)
{
    struct span cause, scope, since, list, more;

    *v = (struct verdict){0};
    if (!span_word(&words, &cause) || !span_word(&words, &scope) || !span_word(&words, &since) ||
        !span_word(&words, &list) || span_word(&words, &more) || !read_cause(cause, &v->cause) ||
        !num_u64(since, 0, INT64_MAX / 2000, &v->since_wall) || !read_addresses(list, v))
        return false;
    v->only = span_eq(scope, SPAN_LIT("only"));
    return v->only ? v->count > 0 : span_eq(scope, SPAN_LIT("all"));
}

/* How long it has been so by the clock on the wall, which may have been set. */
static int64_t begun(const struct verdict *v, int64_t now, int64_t now_wall)
{
    int64_t age = now_wall - (int64_t)v->since_wall;

    return age > 0 ? now - age * 1000 : now;
}

enum guard_event guard_take(struct guard *g, struct span words, int64_t now, int64_t now_wall)
{
    struct verdict v;
    bool more;

    if (span_trim(words).n == 0)
        return GUARD_SAME;
    if (!read_verdict(words, &v))
        return guard_suspend(g, now);
    more = !g->suspended || (g->only_culprits && !v.only);
    if (more) {
        guard_forget(g);
        if (!g->suspended)
            g->culprit_count = 0;
        g->cause = v.cause;
        g->only_culprits = v.only;
        g->since = begun(&v, now, now_wall);
    }
    for (unsigned i = 0; i < v.count; i++)
        if (guard_add_culprit(g, v.ips[i]))
            more = more || g->only_culprits;
    g->suspended = true;
    g->calm_since = now;
    return more ? GUARD_SUSPENDS : GUARD_SAME;
}
