/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prefixes, sorted by length and address, so that a question is one search for each length that
 * there can be. A file of good senders has some ten thousand lines; the guard is asked once for
 * each listing, so nothing faster is worth its code.
 *
 * A prefix with host bits is taken as its network here: what protects is read generously, what
 * lists strictly.
 */
#include "list/guard.h"

#include "base/buf.h"
#include "base/num.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

void list_guard_init(struct list_guard *g)
{
    *g = (struct list_guard){0};
}

void list_guard_deinit(struct list_guard *g)
{
    free(g->v);
    *g = (struct list_guard){0};
}

int list_guard_add(struct list_guard *g, enum list_guard_kind kind, struct ip_prefix net,
                   int64_t until_wall)
{
    if (array_grow(&g->v, &g->cap, sizeof(*g->v), g->count + 1) < 0)
        return -ENOMEM;
    g->v[g->count++] = (struct list_guard_entry){net, kind, until_wall};
    g->sorted = false;
    return 0;
}

static bool prefix_of(struct span word, struct ip_prefix *ret)
{
    size_t slash = span_find(word, '/');
    unsigned len;
    struct ip ip;

    if (!ip_parse(span_slice(word, 0, slash), &ip))
        return false;
    len = ip.family == IP_V4 ? 32 : 128;
    if (slash < word.n && !num_uint(span_slice(word, slash + 1, word.n), 0, len, &len))
        return false;
    *ret = ip_prefix_of(ip, len);
    return true;
}

/* The address or prefix that a line begins with. */
static struct span head_of(struct span line)
{
    static const char ends[] = " \t,;\"";
    size_t n = 0;

    if (line.n && line.p[0] == '"')
        line = span_slice(line, 1, line.n);
    while (n < line.n && !memchr(ends, line.p[n], sizeof(ends) - 1))
        n++;
    return span_slice(line, 0, n);
}

int list_guard_read(struct list_guard *g, enum list_guard_kind kind, struct span text,
                    unsigned *ret_line)
{
    struct span line;
    int rc = 0;

    *ret_line = 0;
    while (rc == 0 && span_cut(&text, '\n', &line)) {
        struct ip_prefix net;

        ++*ret_line;
        line = span_trim(line);
        if (line.n == 0 || memchr("#;$:!", line.p[0], 5))
            continue;
        rc = prefix_of(head_of(line), &net) ? list_guard_add(g, kind, net, 0) : -EINVAL;
    }
    return rc;
}

static int by_net(const void *a, const void *b)
{
    const struct list_guard_entry *x = a, *y = b;

    if (x->net.len != y->net.len)
        return x->net.len < y->net.len ? -1 : 1;
    return ip_cmp(x->net.ip, y->net.ip);
}

void list_guard_seal(struct list_guard *g)
{
    if (g->count)
        qsort(g->v, g->count, sizeof(*g->v), by_net);
    g->sorted = true;
}

static enum list_guard_answer answer_of(enum list_guard_kind kind)
{
    switch (kind) {
    case LIST_GUARD_OF_GOOD:
        return LIST_GUARD_PERSON;
    case LIST_GUARD_OF_OWN:
        return LIST_GUARD_OWN;
    case LIST_GUARD_OF_EXEMPT:
        return LIST_GUARD_EXEMPT;
    case LIST_GUARD_OF_LAB:
        break;
    }
    return LIST_GUARD_PASS;
}

/* The first entry of that very network, or where it would stand. */
static size_t lower(const struct list_guard *g, const struct list_guard_entry *key)
{
    size_t from = 0, to = g->count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (by_net(&g->v[middle], key) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

enum list_guard_answer list_guard_ask(const struct list_guard *g, struct ip ip, int64_t now_wall,
                                      struct ip_prefix *ret_net)
{
    enum list_guard_answer worst = LIST_GUARD_PASS;
    unsigned most = ip.family == IP_V4 ? 32 : 128;
    bool lab = false;

    assert(g->sorted || g->count == 0);
    *ret_net = (struct ip_prefix){0};
    for (unsigned len = 0; len <= most; len++) {
        struct list_guard_entry key = {.net = ip_prefix_of(ip, len)};

        for (size_t i = lower(g, &key); i < g->count && by_net(&g->v[i], &key) == 0; i++) {
            enum list_guard_answer a = answer_of(g->v[i].kind);

            if (g->v[i].until_wall && g->v[i].until_wall <= now_wall)
                continue;
            lab |= g->v[i].kind == LIST_GUARD_OF_LAB;
            if (a > worst) {
                worst = a;
                *ret_net = key.net;
            }
        }
    }
    return worst < LIST_GUARD_SPACE && !lab && !ip_public(ip) ? LIST_GUARD_SPACE : worst;
}

const char *list_guard_why(enum list_guard_answer a)
{
    switch (a) {
    case LIST_GUARD_PASS:
        return "may be listed";
    case LIST_GUARD_PERSON:
        return "is on the list of good senders, so a person must decide";
    case LIST_GUARD_SPACE:
        return "is in reserved space, which is never listed";
    case LIST_GUARD_OWN:
        return "is an address of our own";
    case LIST_GUARD_EXEMPT:
        return "is exempt";
    }
    return "?";
}
