/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One audit: its memory, the facts of its host, its inputs, and the order of the run.
 *
 * Memory is an arena, because an audit is short, all that it makes lives as long as it does, and
 * interpreters should read like the documents that they follow rather than like bookkeeping. The
 * first failure sticks in `err`; what is asked for afterwards gets a spare that nobody reads.
 *
 * Interpreters that tell facts (a compose file's ports and networks) run before those that need
 * them, whatever the order of the paths was.
 */
#include "audit/audit_priv.h"

#include "base/escape.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* --- memory ----------------------------------------------------------------------------------- */

void audit_stick(struct audit *a, int err)
{
    if (a->err == 0)
        a->err = err;
}

int audit_failed(const struct audit *a)
{
    return a->err;
}

bool audit_grow(struct audit *a, void *array, size_t *cap, size_t size, size_t want)
{
    int r = array_grow(array, cap, size, want);

    if (r < 0)
        audit_stick(a, r);
    return r == 0;
}

static void *spare(struct audit *a)
{
    memset(a->spare, 0, sizeof(a->spare));
    return a->spare;
}

void *audit_alloc(struct audit *a, size_t n)
{
    size_t need = (n + 15) & ~(size_t)15, cap = need > AUDIT_CHUNK ? need : AUDIT_CHUNK;
    struct audit_chunk *c = a->chunks;
    const size_t head = (sizeof(*c) + 15) & ~(size_t)15;
    char *p;

    assert(n <= AUDIT_MEMORY_MAX);
    if (a->err)
        return spare(a);
    if (!c || c->cap - c->used < need) {
        if (a->memory + cap > AUDIT_MEMORY_MAX) {
            audit_stick(a, -E2BIG);
            return spare(a);
        }
        c = calloc(1, head + cap);
        if (!c) {
            audit_stick(a, -ENOMEM);
            return spare(a);
        }
        c->cap = cap;
        c->next = a->chunks;
        a->chunks = c;
        a->memory += cap;
    }
    p = (char *)c + head + c->used;
    c->used += need;
    return p;
}

const char *audit_dup(struct audit *a, struct span s)
{
    char *p = audit_alloc(a, s.n + 1);

    if (a->err)
        return "";
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    return p;
}

const char *audit_fmt(struct audit *a, const char *fmt, ...)
{
    struct buf b = BUF_INIT(AUDIT_LINE_MAX);
    const char *text;
    va_list ap;

    va_start(ap, fmt);
    buf_addv(&b, fmt, ap);
    va_end(ap);
    if (b.err == -ENOMEM)
        audit_stick(a, -ENOMEM);
    text = audit_dup(a, buf_span(&b));
    buf_deinit(&b);
    return text;
}

int audit_bad(struct audit *a, struct audit_place at, const char *fmt, ...)
{
    struct buf why = BUF_INIT(sizeof(a->error) / 2), out = BUF_INIT(sizeof(a->error) - 1);
    va_list ap;

    if (a->error[0])
        return AUDIT_BAD;
    va_start(ap, fmt);
    buf_addv(&why, fmt, ap);
    va_end(ap);
    if (at.file)
        escape_text(&out, span_str(at.file));
    if (at.file && at.line)
        buf_addf(&out, ":%u", at.line);
    if (at.file)
        buf_add_str(&out, ": ");
    escape_text(&out, buf_span(&why));
    snprintf(a->error, sizeof(a->error), "%s", buf_str(&out));
    if (!a->error[0])
        snprintf(a->error, sizeof(a->error), "the audit failed");
    buf_deinit(&why);
    buf_deinit(&out);
    return AUDIT_BAD;
}

const char *audit_error(const struct audit *a)
{
    return a->error;
}

/* --- life ------------------------------------------------------------------------------------- */

struct audit *audit_new(const struct audit_files *files)
{
    struct audit *a = calloc(1, sizeof(*a));

    if (a)
        a->files = *files;
    return a;
}

void audit_free(struct audit **aa)
{
    struct audit *a = *aa;

    *aa = NULL;
    if (!a)
        return;
    for (size_t i = 0; i < a->door_count; i++) {
        free(a->doors[i]->trusted.v);
        free(a->doors[i]->proxies.v);
    }
    while (a->chunks) {
        struct audit_chunk *next = a->chunks->next;

        free(a->chunks);
        a->chunks = next;
    }
    relay_nets_deinit(&a->own);
    free(a->cached);
    free(a->aliases);
    free(a->inputs);
    free(a->interfaces);
    free(a->nats);
    free(a->published);
    free(a->forwarded);
    free(a->doors);
    free(a->findings);
    free(a);
}

/* --- facts ------------------------------------------------------------------------------------ */

void audit_host_name(struct audit *a, const char *name)
{
    a->name = audit_dup(a, span_str(name));
}

const char *audit_host_get_name(const struct audit *a)
{
    return a->name;
}

void audit_host_version(struct audit *a, const char *version)
{
    a->version = version ? audit_dup(a, span_str(version)) : NULL;
}

const char *audit_host_get_version(const struct audit *a)
{
    return a->version;
}

void audit_host_address(struct audit *a, struct ip ip, unsigned len)
{
    if (audit_grow(a, &a->interfaces, &a->interface_cap, sizeof(a->interfaces[0]),
                   a->interface_count + 1))
        a->interfaces[a->interface_count++] = (struct audit_interface){ip, len};
}

const struct audit_interface *audit_host_interfaces(const struct audit *a, size_t *ret_count)
{
    *ret_count = a->interface_count;
    return a->interfaces;
}

void audit_host_nat(struct audit *a, struct ip_prefix net, bool certain, const char *what,
                    struct audit_place place)
{
    if (audit_grow(a, &a->nats, &a->nat_cap, sizeof(a->nats[0]), a->nat_count + 1))
        a->nats[a->nat_count++] = (struct audit_nat){
            .net = net, .certain = certain, .what = audit_dup(a, span_str(what)), .place = place};
}

void audit_host_no_nat(struct audit *a)
{
    a->no_nat = true;
}

void audit_host_nat_told(struct audit *a)
{
    a->nat_told = true;
}

void audit_host_forward(struct audit *a, unsigned port)
{
    if (audit_grow(a, &a->forwarded, &a->forwarded_cap, sizeof(a->forwarded[0]),
                   a->forwarded_count + 1))
        a->forwarded[a->forwarded_count++] = port;
}

void audit_host_publish(struct audit *a, unsigned port, bool v4, bool v6)
{
    if (audit_grow(a, &a->published, &a->published_cap, sizeof(a->published[0]),
                   a->published_count + 1))
        a->published[a->published_count++] = (struct audit_publish){port, v4, v6};
}

void audit_host_own(struct audit *a, struct ip_prefix net)
{
    int r = relay_nets_add(&a->own, net);

    if (r < 0)
        audit_stick(a, r);
}

/* --- the run ---------------------------------------------------------------------------------- */

static int add_input(struct audit *a, const struct audit_kind *kind, const char *path, bool folder)
{
    if (!audit_grow(a, &a->inputs, &a->input_cap, sizeof(a->inputs[0]), a->input_count + 1))
        return a->err;
    a->inputs[a->input_count++] = (struct audit_input){kind, audit_dup(a, span_str(path)), folder};
    return a->err;
}

/* Two ways to write one path: "./a//b/" and "a/b". */
static bool same_path(const char *a, const char *b)
{
    struct span x = span_str(a), y = span_str(b), one = SPAN_NULL, two = SPAN_NULL;
    bool more_x, more_y;

    if ((a[0] == '/') != (b[0] == '/'))
        return false;
    do {
        while ((more_x = span_cut(&x, '/', &one)) && (one.n == 0 || span_eq(one, SPAN_LIT("."))))
            ;
        while ((more_y = span_cut(&y, '/', &two)) && (two.n == 0 || span_eq(two, SPAN_LIT("."))))
            ;
        if (more_x != more_y || (more_x && !span_eq(one, two)))
            return false;
    } while (more_x);
    return true;
}

void audit_input_add(struct audit *a, const struct audit_kind *kind, const char *path, bool folder)
{
    for (size_t i = 0; i < a->input_count; i++)
        if (a->inputs[i].kind == kind && same_path(a->inputs[i].path, path))
            return;
    add_input(a, kind, path, folder);
}

const char *const *audit_inputs(struct audit *a, const struct audit_kind *kind, size_t *ret_count)
{
    const char **v = audit_alloc(a, a->input_count * sizeof(v[0]) + 1);

    *ret_count = 0;
    for (size_t i = 0; i < a->input_count && !a->err; i++)
        if (a->inputs[i].kind == kind)
            v[(*ret_count)++] = a->inputs[i].path;
    return v;
}

static const struct audit_kind *kind_named(const char *name)
{
    for (size_t i = 0; audit_kind_table[i]; i++)
        if (strcmp(audit_kind_table[i]->name, name) == 0)
            return audit_kind_table[i];
    return NULL;
}

/* Of a folder all that are sure, else the likeliest; of two likeliest the user must choose. */
static int find_kinds(struct audit *a, const struct audit_probe *p)
{
    const struct audit_kind *best = NULL, *second = NULL;
    enum audit_guess best_guess = AUDIT_GUESS_NO;
    size_t sure = 0;
    int r = 0;

    for (size_t i = 0; audit_kind_table[i] && r == 0; i++) {
        const struct audit_kind *kind = audit_kind_table[i];
        enum audit_guess guess = kind->probe(a, p);

        if (p->folder && guess == AUDIT_GUESS_SURE) {
            sure++;
            r = add_input(a, kind, p->path, true);
        }
        if (guess > best_guess) {
            best_guess = guess;
            best = kind;
            second = NULL;
        } else if (guess == best_guess && guess != AUDIT_GUESS_NO) {
            second = kind;
        }
    }
    if (r != 0 || sure > 0)
        return r;
    if (!best)
        return audit_bad(a, (struct audit_place){p->path, 0},
                         "no configuration that is known; say what it is with --kind");
    if (second)
        return audit_bad(a, (struct audit_place){p->path, 0},
                         "could be of %s or of %s; say which with --kind %s or --kind %s",
                         best->title, second->title, best->name, second->name);
    return add_input(a, best, p->path, p->folder);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash && slash[1] ? slash + 1 : path;
}

int audit_path(struct audit *a, const char *kind, const char *path)
{
    struct audit_probe p = {.path = path, .name = last_part(path)};
    const struct audit_kind *k = kind ? kind_named(kind) : NULL;
    struct audit_source_file f;
    enum audit_file got;

    assert(!a->finished);
    if (kind && !k)
        return audit_bad(a, (struct audit_place){0}, "'%s' is no kind of configuration", kind);
    got = audit_text(a, path, &f);
    if (a->err)
        return a->err;
    if (got != AUDIT_FILE_OK && got != AUDIT_FILE_FOLDER)
        return audit_bad(a, (struct audit_place){path, 0}, "%s", audit_file_name(got));
    p.folder = got == AUDIT_FILE_FOLDER;
    p.text = p.folder ? SPAN_NULL : f.text;
    return k ? add_input(a, k, path, p.folder) : find_kinds(a, &p);
}

int audit_finish(struct audit *a)
{
    int r = 0;

    assert(!a->finished);
    a->finished = true;
    for (unsigned pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < a->input_count && r == 0; i++) {
            const struct audit_input *in = &a->inputs[i];

            if (in->kind->facts == (pass == 0))
                r = in->kind->read(a, in->kind, in->path, in->folder);
            if (r == 0)
                r = a->err ? a->err : a->error[0] ? AUDIT_BAD : 0;
        }
        if (pass == 0 && r == 0)
            r = audit_boxes_settle(a);
    }
    if (r == 0)
        audit_join(a);
    if (r == 0 && a->err == 0)
        audit_settle(a);
    if (r == 0 && a->err == -E2BIG)
        return audit_bad(a, (struct audit_place){0},
                         "the configuration is larger than an audit can hold; give its parts "
                         "one by one");
    return r ? r : a->err;
}

const struct audit_finding *const *audit_findings(const struct audit *a, size_t *ret_count)
{
    *ret_count = a->finding_count;
    return (const struct audit_finding *const *)a->findings;
}

const struct audit_door *const *audit_doors(const struct audit *a, size_t *ret_count)
{
    *ret_count = a->door_count;
    return (const struct audit_door *const *)a->doors;
}
