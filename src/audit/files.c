/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files as an interpreter sees them: each read once, counted, refused when it is no text, and found
 * where the user has it rather than where the configuration believes it to be.
 *
 * A configuration that was copied from its machine still names /etc/postfix/access. Reading that
 * file of the machine that we happen to run on would judge one host by another's, which is worse
 * than not reading it. So of a copy only what lies in the copy is looked at, at three places: below
 * the alias, below the copy's folder by the whole path, and in that folder by the last part.
 */
#include "audit/audit_priv.h"

#include <errno.h>
#include <stdlib.h>

const char *audit_file_name(enum audit_file got)
{
    static const char *const names[] = {
        [AUDIT_FILE_OK] = "is there",
        [AUDIT_FILE_MISSING] = "is missing",
        [AUDIT_FILE_DENIED] = "may not be read by this user; run as root, or copy it",
        [AUDIT_FILE_LARGE] =
            "is larger than 32 MiB, the most that is read; split it or leave it out",
        [AUDIT_FILE_FOLDER] = "is a folder",
        [AUDIT_FILE_ODD] = "is no regular file",
        [AUDIT_FILE_FAILED] = "can't be read",
        [AUDIT_FILE_BINARY] = "is no text: give the source that it was made from",
        [AUDIT_FILE_LIMIT] = "is one file too many for an audit",
    };

    return names[got];
}

/* --- looking ---------------------------------------------------------------------------------- */

/* Asks the provider, once a path. NULL: a sticky error. */
static const struct audit_cached *ask(struct audit *a, const char *path)
{
    struct audit_cached c = {.path = path};
    int got;

    for (size_t i = 0; i < a->cached_count; i++)
        if (strcmp(a->cached[i].path, path) == 0)
            return &a->cached[i];
    if (!audit_grow(a, &a->cached, &a->cached_cap, sizeof(a->cached[0]), a->cached_count + 1))
        return NULL;
    if (a->cached_count >= AUDIT_FILES_MAX || a->bytes_read > AUDIT_TOTAL_MAX)
        got = AUDIT_FILE_LIMIT;
    else if (!*path) /* nowhere in the copy */
        got = AUDIT_FILE_MISSING;
    else
        got = a->files.read(a->files.ctx, path, &c.text);
    if (got < 0) {
        audit_stick(a, got);
        return NULL;
    }
    c.got = (enum audit_file)got;
    if (c.got == AUDIT_FILE_OK && c.text.n > AUDIT_FILE_MAX)
        c.got = AUDIT_FILE_LARGE;
    if (c.got == AUDIT_FILE_OK)
        audit_utf16(a, &c.text);
    if (c.got == AUDIT_FILE_OK && span_find(c.text, '\0') < c.text.n)
        c.got = AUDIT_FILE_BINARY;
    if (c.got == AUDIT_FILE_OK)
        a->bytes_read += c.text.n;
    else
        c.text = SPAN_NULL;
    c.path = audit_dup(a, span_str(path));
    a->cached[a->cached_count] = c;
    return a->err ? NULL : &a->cached[a->cached_count++];
}

static bool below(const char *path, const char *folder)
{
    size_t n = strlen(folder);

    while (n > 1 && folder[n - 1] == '/')
        n--;
    return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static bool system_place(const char *path)
{
    static const char *const places[] = {"/etc",       "/usr",           "/opt",
                                         "/var/qmail", "/var/lib/exim4", "/var/spool"};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (below(path, places[i]))
            return true;
    return false;
}

void audit_whole(struct audit *a)
{
    a->whole = true;
}

void audit_alias(struct audit *a, const char *from, const char *to)
{
    size_t n = strlen(from);

    while (n > 1 && from[n - 1] == '/')
        n--;
    if (audit_grow(a, &a->aliases, &a->alias_cap, sizeof(a->aliases[0]), a->alias_count + 1))
        a->aliases[a->alias_count++] =
            (struct audit_alias){audit_dup(a, span_of(from, n)), audit_dup(a, span_str(to)),
                                 !a->whole && !system_place(to)};
}

/* The candidates of one alias for `path`, in their order; "" for none, NULL behind the last. */
static const char *candidate(struct audit *a, const struct audit_alias *al, const char *path,
                             unsigned i)
{
    const char *slash = strrchr(path, '/');
    size_t from = strlen(al->from), to = strlen(al->to);

    switch (i) {
    case 0:
        return below(path, al->from) ? audit_fmt(a, "%s%s", al->to, path + from) : "";
    case 1: /* the whole system was unpacked somewhere: ROOT/etc/postfix */
        if (!al->copy || path[0] != '/' || to <= from || strcmp(al->to + to - from, al->from) != 0)
            return "";
        return audit_fmt(a, "%.*s%s", (int)(to - from), al->to, path);
    case 2:
        return al->copy && path[0] == '/' ? audit_fmt(a, "%s%s", al->to, path) : "";
    case 3:
        return al->copy && slash ? audit_fmt(a, "%s%s", al->to, slash) : "";
    default:
        return NULL;
    }
}

static const struct audit_cached *look(struct audit *a, const char *path)
{
    bool own = true;

    /* What was given by the user, and what lies in it, is read where it is. */
    for (size_t i = 0; i < a->alias_count; i++) {
        own = own && !a->aliases[i].copy;
        if (below(path, a->aliases[i].to))
            return ask(a, path);
    }
    for (size_t i = 0; i < a->alias_count; i++) {
        const char *at;

        for (unsigned k = 0; (at = candidate(a, &a->aliases[i], path, k)); k++) {
            const struct audit_cached *got = *at ? ask(a, at) : NULL;

            if (*at && (!got || got->got != AUDIT_FILE_MISSING))
                return got;
        }
    }
    return ask(a, own || path[0] != '/' ? path : "");
}

enum audit_file audit_text(struct audit *a, const char *path, struct audit_source_file *ret)
{
    const struct audit_cached *c;

    *ret = (struct audit_source_file){.name = path};
    if (!*path || strlen(path) >= AUDIT_PATH_MAX)
        return AUDIT_FILE_MISSING;
    c = look(a, path);
    if (!c)
        return AUDIT_FILE_FAILED;
    *ret = (struct audit_source_file){c->path, c->text};
    return c->got;
}

bool audit_need(struct audit *a, const char *id, struct audit_place at, const char *path,
                const char *what, struct audit_source_file *ret)
{
    enum audit_file got = audit_text(a, path, ret);
    struct audit_finding *f;

    if (got == AUDIT_FILE_OK)
        return true;
    f = audit_undecided(a, id, AUDIT_OPEN, NULL, at);
    f->why = audit_fmt(a, "%s %s, so that it can't be told %s", path, audit_file_name(got), what);
    f->fix = audit_fmt(a, "give %s to the audit too, at its place below --root or beside this file",
                       path);
    return false;
}

bool audit_there(struct audit *a, const char *path)
{
    struct audit_source_file f;
    enum audit_file got = audit_text(a, path, &f);

    return got != AUDIT_FILE_MISSING && got != AUDIT_FILE_FOLDER;
}

enum audit_file audit_read_before(const struct audit *a, const char *file, struct span *ret)
{
    for (size_t i = 0; i < a->cached_count; i++)
        if (strcmp(a->cached[i].path, file) == 0) {
            *ret = a->cached[i].text;
            return a->cached[i].got;
        }
    return AUDIT_FILE_MISSING;
}

/* --- folders ---------------------------------------------------------------------------------- */

struct names {
    struct audit *a;
    const char **v;
    size_t count, cap;
};

static int add_name(void *cookie, const char *name)
{
    struct names *n = cookie;

    if (n->count >= AUDIT_FILES_MAX)
        return 0;
    if (!audit_grow(n->a, &n->v, &n->cap, sizeof(n->v[0]), n->count + 1))
        return -ENOMEM;
    n->v[n->count++] = audit_dup(n->a, span_str(name));
    return 0;
}

static enum audit_file list(struct audit *a, const char *path, struct names *n)
{
    int got = a->files.list(a->files.ctx, path, add_name, n);

    if (got < 0)
        audit_stick(a, got);
    return got < 0 ? AUDIT_FILE_FAILED : (enum audit_file)got;
}

enum audit_file audit_folder(struct audit *a, const char *path, const char *const **ret_names,
                             size_t *ret_count)
{
    struct names n = {.a = a};
    enum audit_file got = AUDIT_FILE_MISSING;
    const char **copy, *at;
    bool own = true;

    for (size_t i = 0; i < a->alias_count && got != AUDIT_FILE_OK; i++) {
        for (unsigned k = 0; got != AUDIT_FILE_OK && (at = candidate(a, &a->aliases[i], path, k));
             k++)
            if (*at && n.count == 0)
                got = list(a, at, &n);
        own = own && !a->aliases[i].copy;
    }
    if (got != AUDIT_FILE_OK && n.count == 0 && (own || path[0] != '/'))
        got = list(a, path, &n);
    copy = audit_alloc(a, n.count * sizeof(copy[0]) + 1);
    if (!a->err && n.count > 0)
        memcpy(copy, n.v, n.count * sizeof(copy[0]));
    *ret_names = copy;
    *ret_count = a->err ? 0 : n.count;
    free(n.v);
    return got;
}

/* --- paths ------------------------------------------------------------------------------------ */

const char *audit_join_path(struct audit *a, const char *dir, const char *name)
{
    size_t n = strlen(dir);

    if (name[0] == '/' || n == 0 || strcmp(dir, ".") == 0)
        return audit_dup(a, span_str(name));
    return audit_fmt(a, "%s%s%s", dir, dir[n - 1] == '/' ? "" : "/", name);
}

const char *audit_dirname(struct audit *a, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return ".";
    return slash == path ? "/" : audit_dup(a, span_of(path, (size_t)(slash - path)));
}
