/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libconfuse reads the grammar (sections, lists, quotes, comments); this file gives it a table made
 * from the schema, in which every setting is a text, and looks at each value as it comes in, while
 * the line is known. libconfuse would take a second value of a setting for a better one; we refuse
 * it and name the line of the first.
 *
 * libconfuse hands its callbacks no cookie, hence the one static pointer: parsing is one call long
 * and one thread's business.
 */
#include "conf/conf.h"

#include "base/ip.h"

#include <assert.h>
#include <confuse.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SECTIONS_MAX = 16,
    ROWS_MAX = 400,
};

/*
 * libconfuse takes the end of the file for the end of everything that is open. This setting, put
 * behind the text, is met at the top level only when all was closed.
 */
#define SENTINEL "__end__"

struct value {
    const struct conf_row *row;
    char *text; /* owned */
    unsigned line;
};

struct conf {
    char *path;
    struct value *values;
    size_t count, cap;
};

struct parsing {
    struct conf *conf;
    const char *path;
    char *err;
    unsigned lines; /* of the text; the sentinel stands behind */
    bool failed, ended;
};

static struct parsing *parsing;

static void complain(unsigned line, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The first complaint stands: what follows from it helps nobody. */
static void complain(unsigned line, const char *key, const char *fmt, ...)
{
    int n;
    va_list ap;

    if (parsing->failed)
        return;
    if (line > parsing->lines) /* at the sentinel */
        line = parsing->lines;
    parsing->failed = true;
    n = snprintf(parsing->err, CONF_ERROR_MAX, "%.150s:%u: %s%s", parsing->path, line,
                 key ? key : "", key ? ": " : "");
    va_start(ap, fmt);
    vsnprintf(parsing->err + n, CONF_ERROR_MAX - (size_t)n, fmt, ap);
    va_end(ap);
}

/* --- hints ------------------------------------------------------------------------------------ */

/* Letters that differ at the same place or are missing: enough for a typing error. */
static size_t far_from(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), head = 0, tail = 0;

    while (head < n && head < m && a[head] == b[head])
        head++;
    while (tail < n - head && tail < m - head && a[n - 1 - tail] == b[m - 1 - tail])
        tail++;
    n -= head + tail;
    m -= head + tail;
    return n > m ? n : m;
}

static const char *nearest(const char *section, const char *name)
{
    size_t least = strlen(name) / 3 + 2;
    const char *near = NULL;

    for (const struct conf_row *row = conf_rows; row->name; row++) {
        size_t far = strcmp(row->section, section) != 0 ? SIZE_MAX : far_from(name, row->name);

        if (far < least) {
            least = far;
            near = row->name;
        }
    }
    return near;
}

static void unknown_section(unsigned line, const char *name)
{
    const struct conf_row *row = conf_rows;

    for (const struct conf_section *s = conf_sections; s->name; s++) {
        if (far_from(name, s->name) < 3) {
            complain(line, name, "no such section; did you mean %s?", s->name);
            return;
        }
    }
    while (row->name && strcmp(row->name, name) != 0)
        row++;
    if (row->name)
        complain(line, name, "must stand in a section: %s { %s = … }", row->section, name);
    else
        complain(line, name, "no such section");
}

static void unknown(unsigned line, const char *section, const char *name)
{
    const char *near;

    if (strcmp(name, SENTINEL) == 0 && line > parsing->lines) {
        complain(parsing->lines, NULL, "the section %s is not closed", section);
        return;
    }
    if (strcmp(section, "root") == 0) { /* libconfuse's name for the top level */
        unknown_section(line, name);
        return;
    }
    near = nearest(section, name);
    if (near)
        complain(line, name, "no such setting in %s; did you mean %s?", section, near);
    else
        complain(line, name, "no such setting in %s", section);
}

/* --- what libconfuse calls -------------------------------------------------------------------- */

static void on_error(cfg_t *cfg, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
    static const char lead[] = "no such option '";
    char text[CONF_ERROR_MAX];
    size_t n;

    vsnprintf(text, sizeof(text), fmt, ap);
    n = strlen(text);
    if (strncmp(text, lead, sizeof(lead) - 1) == 0 && text[n - 1] == '\'') {
        text[n - 1] = '\0';
        unknown((unsigned)cfg->line, cfg->name, text + sizeof(lead) - 1);
    } else {
        complain((unsigned)cfg->line, NULL, "%s", text);
    }
}

static struct value *last_of(const struct conf *c, const struct conf_row *row, size_t *ret_count)
{
    struct value *last = NULL;

    *ret_count = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (c->values[i].row == row) {
            last = &c->values[i];
            ++*ret_count;
        }
    }
    return last;
}

static int keep(const struct conf_row *row, const char *text, unsigned line)
{
    struct conf *c = parsing->conf;
    char *copy = strdup(text);

    if (!copy || array_grow(&c->values, &c->cap, sizeof(c->values[0]), c->count + 1) < 0) {
        free(copy);
        complain(line, row->name, "out of memory");
        return -1;
    }
    c->values[c->count++] = (struct value){row, copy, line};
    return 0;
}

static int on_sentinel(cfg_t *cfg, cfg_opt_t *opt)
{
    if ((unsigned)cfg->line <= parsing->lines)
        unknown_section((unsigned)cfg->line, SENTINEL);
    parsing->ended = true;
    return parsing->failed ? -1 : 0;
}

/*
 * Called after each value, and once more at the end of a list with the values all there. A value
 * that is not new is that second call, or else a second setting.
 */
static int on_value(cfg_t *cfg, cfg_opt_t *opt)
{
    const struct conf_row *row = conf_row_of(cfg->name, opt->name);
    unsigned line = (unsigned)cfg->line, n = cfg_opt_size(opt);
    const char *text = n ? cfg_opt_getnstr(opt, n - 1) : NULL;
    char reason[CONF_REASON_MAX];
    size_t have;
    struct value *last = last_of(parsing->conf, row, &have);

    if (!text)
        return 0;
    if (row->list && last && n == have && strcmp(last->text, text) == 0)
        return 0;
    if (last && (!row->list || n <= have)) {
        complain(line, row->name, "is set already in line %u", last->line);
        return -1;
    }
    if (!conf_row_check(row, text, reason)) {
        complain(line, row->name, "%s", reason);
        return -1;
    }
    return keep(row, text, line);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* libconfuse's table, made from the schema: one array of options, cut into sections. */
struct table {
    cfg_opt_t top[SECTIONS_MAX + 2];
    cfg_opt_t options[ROWS_MAX + SECTIONS_MAX];
};

static void build(struct table *t)
{
    size_t at = 0, sections = 0;

    for (const struct conf_section *s = conf_sections; s->name; s++) {
        cfg_opt_t *first = &t->options[at];

        for (const struct conf_row *row = conf_rows; row->name; row++) {
            if (strcmp(row->section, s->name) != 0)
                continue;
            assert(at < ROWS_MAX);
            t->options[at++] = row->list ? (cfg_opt_t)CFG_STR_LIST(row->name, NULL, CFGF_NODEFAULT)
                                         : (cfg_opt_t)CFG_STR(row->name, NULL, CFGF_NODEFAULT);
        }
        t->options[at++] = (cfg_opt_t)CFG_END();
        assert(sections < SECTIONS_MAX);
        t->top[sections++] = (cfg_opt_t)CFG_SEC(s->name, first, CFGF_NODEFAULT);
    }
    t->top[sections++] = (cfg_opt_t)CFG_STR(SENTINEL, NULL, CFGF_NODEFAULT);
    t->top[sections] = (cfg_opt_t)CFG_END();
}

static cfg_t *confuse_new(void)
{
    struct table *t = calloc(1, sizeof(*t));
    cfg_t *cfg = NULL;

    if (!t)
        return NULL;
    build(t);
    cfg = cfg_init(t->top, CFGF_NONE); /* copies the table */
    free(t);
    if (!cfg)
        return NULL;
    cfg_set_error_function(cfg, on_error);
    cfg_set_validate_func(cfg, SENTINEL, on_sentinel);
    for (const struct conf_row *row = conf_rows; row->name; row++) {
        char where[100];

        snprintf(where, sizeof(where), "%s|%s", row->section, row->name);
        cfg_set_validate_func(cfg, where, on_value);
    }
    return cfg;
}

static void run(cfg_t *cfg, struct span text)
{
    struct buf with_end = BUF_INIT(CONF_SIZE_MAX + 100);

    parsing->lines = 1;
    for (size_t i = 0; i < text.n; i++)
        parsing->lines += text.p[i] == '\n';
    buf_add(&with_end, text);
    buf_add_str(&with_end, "\n" SENTINEL " = 1\n");
    if (with_end.err)
        complain(1, NULL, "is too long");
    else if (span_find(text, '\0') < text.n)
        complain(1, NULL, "holds a NUL, so it is no text file");
    else if (cfg_parse_buf(cfg, buf_str(&with_end)) != CFG_SUCCESS)
        complain((unsigned)cfg->line, NULL, "can't be read");
    else if (!parsing->ended)
        complain(parsing->lines, NULL, "a comment or a quoted text is not closed");
    buf_deinit(&with_end);
}

int conf_parse(struct span text, const char *path, struct conf **ret, char err[CONF_ERROR_MAX])
{
    struct parsing p = {.conf = calloc(1, sizeof(struct conf)), .path = path, .err = err};
    cfg_t *cfg = p.conf ? confuse_new() : NULL;
    bool ready = cfg && (p.conf->path = strdup(path));

    if (ready) {
        parsing = &p;
        run(cfg, text);
        parsing = NULL;
    } else {
        snprintf(err, CONF_ERROR_MAX, "%.150s: out of memory", path);
    }
    if (cfg)
        cfg_free(cfg);
    if (!ready || p.failed) {
        conf_free(&p.conf);
        return ready ? -EINVAL : -ENOMEM;
    }
    *ret = p.conf;
    return 0;
}

int conf_load(const char *path, struct conf **ret, char err[CONF_ERROR_MAX])
{
    struct buf text = BUF_INIT(CONF_SIZE_MAX);
    FILE *f = fopen(path, "re");
    char chunk[8192];
    size_t n;
    int r = f ? 0 : -errno;

    while (f && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        buf_add(&text, span_of(chunk, n));
    if (f && ferror(f))
        r = -errno;
    if (f)
        fclose(f);
    if (r == 0 && text.err)
        r = text.err == -EMSGSIZE ? -EFBIG : text.err;
    if (r < 0)
        snprintf(err, CONF_ERROR_MAX, "%.150s: can't be read: %s", path, strerror(-r));
    else
        r = conf_parse(buf_span(&text), path, ret, err);
    buf_deinit(&text);
    return r;
}

void conf_free(struct conf **pc)
{
    struct conf *c = *pc;

    if (!c)
        return;
    for (size_t i = 0; i < c->count; i++)
        free(c->values[i].text);
    free(c->values);
    free(c->path);
    free(c);
    *pc = NULL;
}

/* --- values ----------------------------------------------------------------------------------- */

size_t conf_count(const struct conf *c)
{
    return c->count;
}

const char *conf_get(const struct conf *c, const char *section, const char *name)
{
    const struct conf_row *row = conf_row_of(section, name);

    assert(row);
    for (size_t i = 0; i < c->count; i++)
        if (c->values[i].row == row)
            return c->values[i].text;
    return NULL;
}

bool conf_each(const struct conf *c, const char *section, conf_fn fn, void *cookie,
               char err[CONF_ERROR_MAX])
{
    for (size_t i = 0; i < c->count; i++) {
        const struct value *v = &c->values[i];
        char reason[CONF_ERROR_MAX] = "";

        if (strcmp(v->row->section, section) != 0 || fn(cookie, v->row->name, v->text, reason))
            continue;
        snprintf(err, CONF_ERROR_MAX, "%.150s:%u: %s: %.200s", c->path, v->line, v->row->name,
                 reason);
        return false;
    }
    return true;
}

bool conf_where(const struct conf *c, const char *value, const char **ret_file, unsigned *ret_line)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->values[i].text == value) {
            *ret_file = c->path;
            *ret_line = c->values[i].line;
            return true;
        }
    }
    return false;
}
