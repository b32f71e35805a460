/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names are kept reversed by labels ("org/example/mail"), so that all that lies below a name stands
 * together and a parent is a prefix of its children. A separator below every other octet of a name
 * would make the order strictly by labels; for look-ups by key any one order will do.
 *
 * Not done: addresses inside names, and what two lists mean by their codes. A list that says "2"
 * and one that says "9" of an address both hold it.
 */
#include "list/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *compare_where_name(enum compare_where w)
{
    static const char *const names[] = {"only-a", "only-b", "both"};

    return w < COMPARE_WHERES ? names[w] : "?";
}

void compare_list_init(struct compare_list *l)
{
    *l = (struct compare_list){0};
    buf_init(&l->text, COMPARE_TEXT_MAX);
}

void compare_list_deinit(struct compare_list *l)
{
    ranges_deinit(&l->ranges);
    free(l->names);
    buf_deinit(&l->text);
    compare_list_init(l);
}

int compare_list_add(struct compare_list *l, struct ip_prefix net)
{
    l->entries++;
    return ranges_add(&l->ranges, net);
}

int compare_list_add_span(struct compare_list *l, struct ip first, struct ip last)
{
    l->entries++;
    return ranges_add_span(&l->ranges, first, last);
}

static bool name_ok(struct span name)
{
    struct span label;

    if (!name.n || name.n > COMPARE_NAME_MAX || name.p[name.n - 1] == '.')
        return false;
    while (name.n) {
        if (!span_cut(&name, '.', &label) || !label.n || label.n > 63)
            return false;
        for (size_t i = 0; i < label.n; i++)
            if (label.p[i] <= ' ' || label.p[i] > '~' || label.p[i] == '/' || label.p[i] == '*')
                return false;
    }
    return true;
}

/* Writes the labels from the last to the first. */
static bool put(struct compare_list *l, struct span name, bool below)
{
    struct compare_name kept = {.at = l->text.n, .n = (uint16_t)name.n, .below = below};
    char reversed[COMPARE_NAME_MAX];
    size_t n = 0;

    while (name.n) {
        size_t dot = span_rfind(name, '.');
        struct span label = dot == name.n ? name : span_slice(name, dot + 1, name.n);

        if (n)
            reversed[n++] = '/';
        for (size_t i = 0; i < label.n; i++)
            reversed[n++] = ascii_lower(label.p[i]);
        name = dot == name.n ? SPAN_NULL : span_slice(name, 0, dot);
    }
    buf_add(&l->text, span_of(reversed, n));
    if (l->text.err)
        return false;
    if (array_grow(&l->names, &l->name_cap, sizeof(kept), l->name_count + 1) < 0) {
        l->text.err = -ENOMEM;
        return false;
    }
    l->names[l->name_count++] = kept;
    return true;
}

bool compare_list_add_name(struct compare_list *l, struct span name)
{
    bool below = false, itself = true;

    name = span_trim(name);
    if (name.n && name.p[name.n - 1] == '.')
        name.n--;
    if (span_starts(name, SPAN_LIT("*."))) {
        below = true;
        itself = false;
        name = span_slice(name, 2, name.n);
    } else if (span_starts(name, SPAN_LIT("."))) {
        below = true;
        name = span_slice(name, 1, name.n);
    }
    if (!name_ok(name))
        return false;
    l->entries++;
    return (!itself || put(l, name, false)) && (!below || put(l, name, true));
}

static struct span text_of(const struct compare_list *l, const struct compare_name *name)
{
    return span_of(l->text.p + name->at, name->n);
}

static int compare_text(struct span a, struct span b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;

    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int by_name(const void *x, const void *y, void *list)
{
    const struct compare_name *a = x, *b = y;
    int order = compare_text(text_of(list, a), text_of(list, b));

    return order ? order : a->below - b->below;
}

int compare_list_settle(struct compare_list *l)
{
    size_t n = 0;

    ranges_settle(&l->ranges);
    if (l->name_count > 1)
        qsort_r(l->names, l->name_count, sizeof(*l->names), by_name, l);
    for (size_t i = 0; i < l->name_count; i++)
        if (!n || by_name(&l->names[n - 1], &l->names[i], l) != 0)
            l->names[n++] = l->names[i];
    l->name_count = n;
    return l->text.err;
}

static bool stands(const struct compare_list *l, struct span text, bool below)
{
    size_t low = 0, high = l->name_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_text(text_of(l, &l->names[middle]), text);

        if (!order)
            order = l->names[middle].below - below;
        if (!order)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool compare_list_has_name(const struct compare_list *l, const struct compare_list *of,
                           const struct compare_name *name)
{
    struct span text = text_of(of, name);

    if (stands(l, text, name->below))
        return true;
    for (;;) { /* a wildcard at a name above covers both the name and what is below it */
        size_t slash = span_rfind(text, '/');

        if (slash == text.n)
            return false;
        text = span_slice(text, 0, slash);
        if (stands(l, text, true))
            return true;
    }
}

static uint64_t covered(const struct compare_list *a, const struct compare_list *b)
{
    uint64_t n = 0;

    for (size_t i = 0; i < a->name_count; i++)
        n += compare_list_has_name(b, a, &a->names[i]);
    return n;
}

int compare_lists(const struct compare_list *a, const struct compare_list *b, struct compare *ret)
{
    struct compare c = {0};

    if (ranges_without(&a->ranges, &b->ranges, &c.addresses[COMPARE_ONLY_A]) < 0 ||
        ranges_without(&b->ranges, &a->ranges, &c.addresses[COMPARE_ONLY_B]) < 0 ||
        ranges_both(&a->ranges, &b->ranges, &c.addresses[COMPARE_BOTH]) < 0) {
        compare_deinit(&c);
        return -ENOMEM;
    }
    c.names_a_in_b = covered(a, b);
    c.names_b_in_a = covered(b, a);
    c.names[COMPARE_ONLY_A] = a->name_count - c.names_a_in_b;
    c.names[COMPARE_ONLY_B] = b->name_count - c.names_b_in_a;
    c.names[COMPARE_BOTH] = c.names_a_in_b < c.names_b_in_a ? c.names_a_in_b : c.names_b_in_a;
    *ret = c;
    return 0;
}

void compare_deinit(struct compare *c)
{
    for (unsigned i = 0; i < COMPARE_WHERES; i++)
        ranges_deinit(&c->addresses[i]);
    *c = (struct compare){0};
}

static void put_back(const struct compare_list *l, const struct compare_name *name, struct buf *out)
{
    struct span rest = text_of(l, name);

    buf_clear(out);
    if (name->below)
        buf_add_str(out, "*.");
    while (rest.n) {
        size_t slash = span_rfind(rest, '/');

        buf_add(out, slash == rest.n ? rest : span_slice(rest, slash + 1, rest.n));
        rest = slash == rest.n ? SPAN_NULL : span_slice(rest, 0, slash);
        if (rest.n)
            buf_add_char(out, '.');
    }
}

int compare_names_each(const struct compare_list *a, const struct compare_list *b, bool in_b,
                       int (*fn)(void *cookie, struct span name), void *cookie)
{
    struct buf name = BUF_INIT(COMPARE_NAME_MAX + 3);
    int stop = 0;

    for (size_t i = 0; i < a->name_count && !stop; i++)
        if (compare_list_has_name(b, a, &a->names[i]) == in_b) {
            put_back(a, &a->names[i], &name);
            stop = name.err ? name.err : fn(cookie, buf_span(&name));
        }
    buf_deinit(&name);
    return stop;
}
