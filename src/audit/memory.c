/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file provider over an array: tests, fuzzing, and text that never was a file. */
#include "audit/audit.h"

#include <errno.h>

static int memory_read(void *ctx, const char *path, struct span *ret)
{
    const struct audit_memory *m = ctx;
    size_t n = strlen(path);

    while (n > 1 && path[n - 1] == '/')
        n--;
    for (size_t i = 0; i < m->count; i++) {
        const struct audit_memory_file *f = &m->v[i];

        if (strcmp(f->name, path) == 0) {
            *ret = span_of(f->text, f->n ? f->n : strlen(f->text));
            return AUDIT_FILE_OK;
        }
        if (strncmp(f->name, path, n) == 0 && f->name[n] == '/')
            return AUDIT_FILE_FOLDER;
    }
    return AUDIT_FILE_MISSING;
}

/* The part of a name behind the folder, up to the next slash; empty when it is not in it. */
static struct span part_in(const struct audit_memory_file *f, const char *path, size_t n)
{
    struct span rest;

    if (strncmp(f->name, path, n) != 0 || f->name[n] != '/')
        return SPAN_NULL;
    rest = span_str(f->name + n + 1);
    return span_slice(rest, 0, span_find(rest, '/'));
}

/* The least part in the folder that comes behind `after`; NULL `after`: the least of all. */
static struct span next_part(const struct audit_memory *m, const char *path, size_t n,
                             const char *after)
{
    struct span best = SPAN_NULL;

    for (size_t i = 0; i < m->count; i++) {
        struct span s = part_in(&m->v[i], path, n);
        size_t len = after ? strlen(after) : 0;
        int c = after ? memcmp(s.p ? s.p : "", after, s.n < len ? s.n : len) : 1;

        if (s.n == 0 || c < 0 || (c == 0 && s.n <= len))
            continue;
        c = best.n ? memcmp(s.p, best.p, s.n < best.n ? s.n : best.n) : -1;
        if (c < 0 || (c == 0 && s.n < best.n))
            best = s;
    }
    return best;
}

static int memory_list(void *ctx, const char *path, audit_name_fn each, void *cookie)
{
    char name[AUDIT_PATH_MAX];
    const char *after = NULL;
    size_t n = strlen(path);
    struct span s;

    while (n > 1 && path[n - 1] == '/')
        n--;
    while ((s = next_part(ctx, path, n, after)).n > 0) {
        int r;

        if (!span_copy(s, name, sizeof(name)))
            return AUDIT_FILE_FAILED;
        after = name;
        r = each(cookie, name);
        if (r < 0)
            return r;
    }
    return after ? AUDIT_FILE_OK : AUDIT_FILE_MISSING;
}

struct audit_files audit_files_memory(const struct audit_memory *memory)
{
    /* The provider's context is not const for others; this one only reads it. */
    union {
        const struct audit_memory *in;
        void *out;
    } ctx = {.in = memory};

    return (struct audit_files){ctx.out, memory_read, memory_list};
}
