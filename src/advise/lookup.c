/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * People write "Exchange 5.5", "exchange-5.5", "sendmail 8.11.6" or "Lotus Notes". The name as a
 * whole is tried first, because ids hold versions; then without its last word, when that is a
 * version. What is only near is offered, never taken.
 */
#include "advise/lookup.h"

#include <string.h>

enum { KEY_MAX = 64 };

/* Letters and digits alone, in lower case; dots between digits stay, 5.5 is not 55. */
static size_t key_of(struct span name, char ret[KEY_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < name.n && n < KEY_MAX; i++)
        if (ascii_is_alnum(name.p[i]) || (name.p[i] == '.' && n) ||
            (unsigned char)name.p[i] >= 0x80)
            ret[n++] = ascii_lower(name.p[i]);
    return n;
}

static bool key_eq(struct span a, struct span b)
{
    char x[KEY_MAX], y[KEY_MAX];
    size_t n = key_of(a, x);

    return n && n == key_of(b, y) && memcmp(x, y, n) == 0;
}

static bool also(const struct advise_row *row, struct span name)
{
    struct span rest = span_str(row->also), one;

    while (rest.n && span_cut(&rest, ',', &one))
        if (key_eq(one, name))
            return true;
    return false;
}

/* The first row of its product stands for all of them. */
static bool leads(const struct advise_book *b, const struct advise_row *row)
{
    for (size_t i = 0; i < b->count && b->rows[i] != row; i++)
        if (strcmp(b->rows[i]->product, row->product) == 0)
            return false;
    return true;
}

static bool exact(const struct advise_book *b, struct span name, struct advise_named *ret)
{
    for (size_t i = 0; i < b->class_count; i++) {
        if (key_eq(span_str(b->classes[i].id), name)) {
            ret->klass = &b->classes[i];
            return true;
        }
    }
    for (size_t i = 0; i < b->count && !ret->product; i++)
        if (key_eq(span_str(b->rows[i]->product), name))
            ret->product = b->rows[i]->product;
    for (size_t i = 0; i < b->count && !ret->product && !ret->row; i++)
        if (key_eq(span_str(b->rows[i]->id), name))
            ret->row = b->rows[i];
    for (size_t i = 0; i < b->count && !ret->product && !ret->row; i++) {
        if (!also(b->rows[i], name) && !key_eq(span_str(b->rows[i]->name), name))
            continue;
        if (leads(b, b->rows[i]))
            ret->product = b->rows[i]->product;
        else
            ret->row = b->rows[i];
    }
    return ret->product || ret->row;
}

/* Where the version at the end of a name begins, or name.n. */
static size_t version_at(struct span name)
{
    size_t at = name.n;

    while (at > 0 && name.p[at - 1] != ' ' && name.p[at - 1] != '/' && name.p[at - 1] != '-')
        at--;
    if (at == 0 || at == name.n)
        return name.n;
    if (ascii_is_digit(name.p[at]))
        return at;
    return ascii_lower(name.p[at]) == 'v' && at + 1 < name.n && ascii_is_digit(name.p[at + 1])
               ? at
               : name.n;
}

bool advise_lookup(const struct advise_book *b, struct span name, struct advise_named *ret)
{
    struct advise_named got = {0};
    size_t at;

    name = span_trim(span_slice(name, 0, ADVISE_NAME_MAX));
    at = version_at(name);
    if (!exact(b, name, &got)) {
        struct span version = span_slice(name, at, name.n);

        if (at == name.n || version.n > ADVISE_VERSION_MAX ||
            !exact(b, span_trim(span_slice(name, 0, at - 1)), &got) || got.klass)
            return false;
        span_copy(version, got.version, sizeof(got.version));
    }
    *ret = got;
    return true;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* How many letters must be changed, put in or left out. */
static unsigned distance(const char *a, size_t an, const char *b, size_t bn)
{
    unsigned row[KEY_MAX + 1];

    for (size_t j = 0; j <= bn; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= an; i++) {
        unsigned corner = row[0];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= bn; j++) {
            unsigned old = row[j];

            row[j] = least(least(row[j], row[j - 1]) + 1, corner + (a[i - 1] != b[j - 1]));
            corner = old;
        }
    }
    return row[bn];
}

struct near {
    const char **names;
    unsigned far[ADVISE_NEAR_MAX];
    size_t count;
};

static void offer(struct near *near, const char *name, unsigned far)
{
    size_t at = 0;

    for (size_t i = 0; i < near->count; i++)
        if (strcmp(near->names[i], name) == 0)
            return;
    while (at < near->count && near->far[at] <= far)
        at++;
    if (at == ADVISE_NEAR_MAX)
        return;
    if (near->count < ADVISE_NEAR_MAX)
        near->count++;
    for (size_t i = near->count - 1; i > at; i--) {
        near->names[i] = near->names[i - 1];
        near->far[i] = near->far[i - 1];
    }
    near->names[at] = name;
    near->far[at] = far;
}

/* Compares with one text; what is offered for it is `name`. */
static void compare(struct near *near, struct span want, struct span text, const char *name)
{
    char a[KEY_MAX], b[KEY_MAX];
    size_t an = key_of(want, a), bn = key_of(text, b);
    unsigned far;

    if (an < 2 || bn == 0)
        return;
    if (an >= 3 && memmem(b, bn, a, an))
        offer(near, name, 1);
    far = distance(a, an, b, bn);
    if (far <= 1 + an / 4)
        offer(near, name, far);
}

size_t advise_near(const struct advise_book *b, struct span name, const char *ret[ADVISE_NEAR_MAX])
{
    struct near near = {.names = ret};
    struct span bare;

    name = span_trim(span_slice(name, 0, ADVISE_NAME_MAX));
    bare = span_trim(span_slice(name, 0, version_at(name)));
    for (size_t i = 0; i < b->count; i++) {
        const struct advise_row *row = b->rows[i];
        struct span rest = span_str(row->also), one;

        compare(&near, bare, span_str(row->product), row->product);
        compare(&near, name, span_str(row->id), row->id);
        compare(&near, name, span_str(row->name), row->id);
        while (rest.n && span_cut(&rest, ',', &one))
            compare(&near, bare, one, row->product);
    }
    return near.count;
}
