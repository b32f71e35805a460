/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * In a list of names "*.x" stands for everything under x, whatever else is there. In the DNS it
 * stands for what has no name of its own, and a name that is there, if only because something lies
 * below it, stops every wildcard above (RFC 4592 §3.3.1). So each name of the data, and each name
 * above one, is a node that must speak for itself: what it says, and what is said of the names
 * under it that nobody has written down, which becomes its own wildcard.
 *
 * All keys are collected and sorted, from the right, so that a walk meets a name before those under
 * it; the walk puts in the names between. A node of which nothing is said, under a node with a
 * wildcard, gets `_excluded` below it: that makes it an empty name, which is there and has nothing.
 */
#include "zone/nodes.h"

#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>

enum step {
    STEP_SELF,  /* what the node says */
    STEP_UNDER, /* its wildcard */
};

struct node {
    const uint8_t *key;
    uint8_t n;
};

struct zone_nodes {
    const struct zone *zone;
    const struct zone_branch *branch;
    struct node *v;
    size_t count, cap;
    size_t at; /* of the key that the walk goes to */
    enum step step;
    uint8_t depth[DNS_LABELS_MAX + 1]; /* octets of the key down to each label */
    unsigned label;                    /* of the node at hand; 0 the branch itself */
    bool wild;                         /* any wildcard in the data at all */
    bool under[DNS_LABELS_MAX + 1];    /* the node at this depth has one */
    bool in_key;                       /* depth, label and step are of the key at `at` */
};

static int add_node(struct zone_nodes *n, const uint8_t *key, size_t len)
{
    if (array_grow(&n->v, &n->cap, sizeof(*n->v), n->count + 1) < 0)
        return -ENOMEM;
    n->v[n->count++] = (struct node){key, (uint8_t)len};
    return 0;
}

static int node_cmp(const void *a, const void *b)
{
    const struct node *x = a, *y = b;

    return zone_rname_cmp(x->key, x->n, y->key, y->n);
}

/* Within a sub-zone of this branch, whose own data speak for it? */
static bool elsewhere(const struct zone_nodes *n, const uint8_t *key, size_t len)
{
    const struct zone_rname *here = &n->branch->rsub;

    for (size_t i = 0; i < n->zone->branch_count; i++) {
        const struct zone_rname *sub = &n->zone->branches[i].rsub;

        if (sub->n > here->n && sub->n - here->n <= (int)len &&
            memcmp(sub->b, here->b, here->n) == 0 &&
            memcmp(sub->b + here->n, key, (size_t)(sub->n - here->n)) == 0)
            return true;
    }
    return false;
}

static int add_source(struct zone_nodes *n, const struct zone_source *s, bool names)
{
    struct zone_view_cursor c = {0};
    struct zone_cursor rc = {0};
    struct zone_piece_record record;
    struct zone_piece_name name;

    while (names && zone_view_next_name(&s->view, &c, &name)) {
        if (elsewhere(n, name.key, name.key_len))
            continue;
        n->wild |= name.wild && !name.excluded;
        if (add_node(n, name.key, name.key_len) < 0)
            return -ENOMEM;
    }
    while (zone_image_next_record(s->view.image, &rc, &record))
        if (!elsewhere(n, record.key, record.key_len) &&
            add_node(n, record.key, record.key_len) < 0)
            return -ENOMEM;
    return 0;
}

static int collect(struct zone_nodes *n)
{
    static const uint8_t test[] = "\4test", invalid[] = "\7invalid";
    const struct zone_branch *b = n->branch;
    bool list = n->zone->state != ZONE_RETIRED;
    size_t kept = 0;

    if (add_node(n, test, 0) < 0)
        return -ENOMEM;
    if (list && b->tests_names && (add_node(n, test, 5) < 0 || add_node(n, invalid, 8) < 0))
        return -ENOMEM;
    for (size_t i = 0; i < b->source_count; i++)
        if (add_source(n, &b->sources[i], list && b->look_names) < 0)
            return -ENOMEM;
    qsort(n->v, n->count, sizeof(*n->v), node_cmp);
    for (size_t i = 0; i < n->count; i++)
        if (i == 0 || node_cmp(&n->v[i], &n->v[kept - 1]) != 0)
            n->v[kept++] = n->v[i];
    n->count = kept;
    return 0;
}

int zone_nodes_new(const struct zone *zone, const struct zone_branch *branch,
                   struct zone_nodes **ret)
{
    struct zone_nodes *n = calloc(1, sizeof(*n));

    if (!n)
        return -ENOMEM;
    n->zone = zone;
    n->branch = branch;
    if (collect(n) < 0) {
        zone_nodes_free(n);
        return -ENOMEM;
    }
    *ret = n;
    return 0;
}

void zone_nodes_free(struct zone_nodes *n)
{
    if (!n)
        return;
    free(n->v);
    free(n);
}

/* The node at hand as labels, with `before` in front and the sub-zone behind. 0: too long. */
static size_t node_labels(const struct zone_nodes *n, struct span before, uint8_t *out)
{
    const struct zone_branch *b = n->branch;
    size_t key_n = n->depth[n->label], len = before.n;

    if (before.n + key_n + b->sub_n + n->zone->name.n > DNS_NAME_MAX)
        return 0;
    memcpy(out, before.p, before.n);
    len += zone_rname_wire(n->v[n->at].key, key_n, out + len);
    memcpy(out + len, b->sub, b->sub_n);
    return len + b->sub_n;
}

/* What the node says. False when that is nothing to be written. */
static bool self(struct zone_nodes *n, struct zone_batch *batch)
{
    static const char hidden[] = "\11_excluded";
    uint8_t labels[DNS_NAME_MAX];
    size_t len = node_labels(n, SPAN_LIT(""), labels);

    zone_batch_name(batch, n->zone, labels, len);
    zone_batch_ask(batch);
    if (!zone_batch_empty(batch))
        return true;
    if (n->label == 0 || !n->under[n->label - 1])
        return false;
    len = node_labels(n, span_str(hidden), labels);
    if (len == 0)
        return false;
    /* One value by hand: a text that says what the record is for. */
    batch->say.count = 1;
    batch->say.v[0] = (struct zone_saying){
        .of = ZONE_OF_TEST, .ttl = n->zone->ttl, .text = SPAN_LIT("not listed")};
    zone_batch_rename(batch, labels, len);
    return true;
}

/* What is said of names under the node that are not in the data: asked with one that can't be. */
static bool under(struct zone_nodes *n, struct zone_batch *batch)
{
    uint8_t labels[DNS_NAME_MAX];
    size_t len = n->wild ? node_labels(n, SPAN_LIT("\2\1\1"), labels) : 0;

    n->under[n->label] = false;
    if (len == 0)
        return false;
    zone_batch_name(batch, n->zone, labels, len);
    zone_batch_ask(batch);
    if (batch->say.count == 0)
        return false;
    n->under[n->label] = true;
    len = node_labels(n, SPAN_LIT("\1*"), labels);
    zone_batch_rename(batch, labels, len);
    return true;
}

/* Where each label of the key at hand ends; the first that is not the key's before. */
static unsigned enter_key(struct zone_nodes *n)
{
    const struct node *key = &n->v[n->at], *last = n->at ? &n->v[n->at - 1] : NULL;
    unsigned labels = 0, shared = 0;
    size_t at = 0;

    n->depth[0] = 0;
    while (at < key->n) {
        at += 1u + key->key[at];
        n->depth[++labels] = (uint8_t)at;
        if (last && last->n >= at && memcmp(last->key, key->key, at) == 0)
            shared = labels;
    }
    /* The branch's own name is the first key, so every other one shares at least that. */
    return last ? shared + 1 : 0;
}

bool zone_nodes_next(struct zone_nodes *n, struct zone_batch *batch)
{
    bool found;

    for (;;) {
        if (!n->in_key) {
            if (n->at == n->count)
                break;
            n->label = enter_key(n);
            n->in_key = true;
            n->step = STEP_SELF;
        }
        if (n->step == STEP_SELF) {
            n->step = STEP_UNDER;
            if (self(n, batch))
                return true;
        }
        found = under(n, batch);
        n->step = STEP_SELF;
        if (n->depth[n->label] == n->v[n->at].n) {
            n->at++;
            n->in_key = false;
        } else {
            n->label++;
        }
        if (found)
            return true;
    }
    batch->zone = NULL; /* what a probe left behind is no name's */
    return false;
}
