/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Both tables are sorted arrays: small, exact, and quick to build from a file of a million lines. A
 * prefix is looked up once for each length that occurs in the table, so a table of many thousand
 * networks costs a few binary searches; a chain of "first match" rules costs the same, since each
 * rule knows its place in the file.
 */
#include "relay/rule.h"

#include "base/escape.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void relay_rule_deinit(struct relay_rule *rule)
{
    free(rule->text);
    rule->text = NULL;
}

int relay_fault_set(struct relay_fault *fault, unsigned line, const char *fmt, ...)
{
    va_list ap;

    fault->line = line;
    va_start(ap, fmt);
    vsnprintf(fault->why, sizeof(fault->why), fmt, ap);
    va_end(ap);
    return RELAY_BAD;
}

const char *relay_shown(struct span text, char out[RELAY_SHOWN_SIZE])
{
    struct buf b = BUF_INIT(RELAY_SHOWN_SIZE - 1);
    size_t n = text.n;

    /* An escape takes up to four octets for one. */
    do {
        buf_clear(&b);
        escape_text(&b, span_slice(text, 0, n));
        if (n < text.n)
            buf_add_str(&b, "...");
        n /= 2;
    } while (b.err == -EMSGSIZE && n > 0);
    if (!span_copy(buf_span(&b), out, RELAY_SHOWN_SIZE))
        out[0] = '\0';
    buf_deinit(&b);
    return out;
}

/* --- by address ------------------------------------------------------------------------------- */

int relay_table_add(struct relay_table *t, struct ip_prefix net, const struct relay_rule *rule)
{
    if (t->count >= RELAY_ENTRIES_MAX)
        return -E2BIG;
    if (array_grow(&t->v, &t->cap, sizeof(t->v[0]), t->count + 1) < 0)
        return -ENOMEM;
    t->v[t->count] = (struct relay_net){net, t->count + 1, *rule};
    t->count++;
    return 0;
}

static int net_cmp(struct ip_prefix a, struct ip_prefix b)
{
    if (a.ip.family == b.ip.family && a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return ip_cmp(a.ip, b.ip);
}

static int net_order(const void *pa, const void *pb)
{
    const struct relay_net *a = pa, *b = pb;
    int r = net_cmp(a->net, b->net);

    return r ? r : (a->order > b->order) - (a->order < b->order);
}

void relay_table_seal(struct relay_table *t)
{
    size_t kept = 0;

    if (t->count)
        qsort(t->v, t->count, sizeof(t->v[0]), net_order);
    for (size_t i = 0; i < t->count; i++) {
        struct relay_net *e = &t->v[i];

        if (kept && net_cmp(t->v[kept - 1].net, e->net) == 0) {
            relay_rule_deinit(&e->rule);
            continue;
        }
        t->lengths[e->net.ip.family == IP_V6][e->net.len / 64] |= UINT64_C(1) << e->net.len % 64;
        t->v[kept++] = *e;
    }
    t->count = kept;
}

static const struct relay_net *net_get(const struct relay_table *t, struct ip_prefix net)
{
    size_t low = 0, high = t->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int r = net_cmp(t->v[mid].net, net);

        if (r == 0)
            return &t->v[mid];
        if (r < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const struct relay_net *relay_table_find(const struct relay_table *t, struct ip ip)
{
    const struct relay_net *best = NULL;

    if (ip.family == IP_NONE)
        return NULL;
    for (unsigned len = ip.family == IP_V4 ? 33 : 129; len-- > 0;) {
        const struct relay_net *e;

        if (!(t->lengths[ip.family == IP_V6][len / 64] >> len % 64 & 1))
            continue;
        e = net_get(t, ip_prefix_of(ip, len));
        if (e && !t->first)
            return e;
        if (e && (!best || e->order < best->order))
            best = e;
    }
    return best;
}

void relay_table_deinit(struct relay_table *t)
{
    for (size_t i = 0; i < t->count; i++)
        relay_rule_deinit(&t->v[i].rule);
    free(t->v);
    *t = (struct relay_table){0};
}

/* --- by name ---------------------------------------------------------------------------------- */

int relay_keys_add(struct relay_keys *k, struct span key, const struct relay_rule *rule)
{
    char *copy;

    if (k->count >= RELAY_ENTRIES_MAX)
        return -E2BIG;
    if (array_grow(&k->v, &k->cap, sizeof(k->v[0]), k->count + 1) < 0)
        return -ENOMEM;
    copy = span_dup(key);
    if (!copy)
        return -ENOMEM;
    k->v[k->count] = (struct relay_key){copy, k->count, *rule};
    k->count++;
    return 0;
}

static int key_order(const void *pa, const void *pb)
{
    const struct relay_key *a = pa, *b = pb;
    int r = strcmp(a->key, b->key);

    return r ? r : (a->order > b->order) - (a->order < b->order);
}

void relay_keys_seal(struct relay_keys *k)
{
    size_t kept = 0;

    if (k->count)
        qsort(k->v, k->count, sizeof(k->v[0]), key_order);
    for (size_t i = 0; i < k->count; i++) {
        if (kept && strcmp(k->v[kept - 1].key, k->v[i].key) == 0) {
            relay_rule_deinit(&k->v[i].rule);
            free(k->v[i].key);
        } else {
            k->v[kept++] = k->v[i];
        }
    }
    k->count = kept;
}

static int span_cmp(const char *key, struct span s)
{
    size_t n = strlen(key), least = n < s.n ? n : s.n;
    int r = least ? memcmp(key, s.p, least) : 0;

    return r ? r : (n > s.n) - (n < s.n);
}

const struct relay_rule *relay_keys_get(const struct relay_keys *k, struct span key)
{
    size_t low = 0, high = k->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int r = span_cmp(k->v[mid].key, key);

        if (r == 0)
            return &k->v[mid].rule;
        if (r < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const struct relay_rule *relay_keys_domain(const struct relay_keys *k, const char *name)
{
    const struct relay_rule *rule = relay_keys_get(k, span_str(name));

    for (const char *dot = strchr(name, '.'); dot && !rule; dot = strchr(dot + 1, '.'))
        rule = relay_keys_get(k, span_str(dot));
    return rule ? rule : relay_keys_get(k, SPAN_LIT("."));
}

void relay_keys_deinit(struct relay_keys *k)
{
    for (size_t i = 0; i < k->count; i++) {
        relay_rule_deinit(&k->v[i].rule);
        free(k->v[i].key);
    }
    free(k->v);
    *k = (struct relay_keys){0};
}
