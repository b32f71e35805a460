/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * getopt_long(3) does the walking, so that "-w5", "--wait 5" and "--wait=5" are what people expect;
 * the table does the rest. A value is checked where it is given, against the bounds of its row, so
 * that no program has a check of its own to forget. The text of --help is in options_help.c.
 */
#include "io/options.h"

#include "base/num.h"
#include "io/term.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    VAL_ROW = 1000, /* of getopt_long: VAL_ROW + row */
    VAL_NO = 2000,  /* VAL_NO + row: --no-flag */
    VAL_HELP = 3000,
    VAL_VERSION = 3001,
    NAME_MAX_LENGTH = 40,
};

/* --- values ----------------------------------------------------------------------------------- */

static const char *time_text(uint64_t ms, char out[40])
{
    static const struct {
        uint64_t ms;
        const char *unit;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (ms >= units[i].ms && ms % units[i].ms == 0) {
            snprintf(out, 40, "%llu%s", (unsigned long long)(ms / units[i].ms), units[i].unit);
            return out;
        }
    }
    snprintf(out, 40, "%llu", (unsigned long long)(ms / 1000));
    return out;
}

static const char *plain_text(uint64_t n, char out[40])
{
    snprintf(out, 40, "%llu", (unsigned long long)n);
    return out;
}

static bool within(const struct option_row *row, uint64_t v, char err[OPTIONS_ERROR_MAX])
{
    const char *(*text)(uint64_t, char[40]) = row->kind == OPTION_TIME ? time_text : plain_text;
    char a[40], b[40];

    if (v >= row->min && (!row->max || v <= row->max))
        return true;
    if (row->max)
        snprintf(err, OPTIONS_ERROR_MAX, "must be between %s and %s", text(row->min, a),
                 text(row->max, b));
    else
        snprintf(err, OPTIONS_ERROR_MAX, "must be at least %s", text(row->min, a));
    return false;
}

static bool set_number(const struct option_row *row, void *field, const char *text,
                       char err[OPTIONS_ERROR_MAX])
{
    struct span s = span_str(text);
    uint64_t v = 0;
    int64_t ms = 0;
    bool ok;

    if (row->kind == OPTION_TIME)
        ok = num_duration(s, &ms);
    else if (row->kind == OPTION_SIZE)
        ok = num_size(s, &v);
    else
        ok = num_u64(s, 0, UINT_MAX, &v);
    if (!ok) {
        snprintf(err, OPTIONS_ERROR_MAX, "'%.100s' is no %s", text,
                 row->kind == OPTION_TIME   ? "time: write it as 90, 90s, 10m, 2h or 1d"
                 : row->kind == OPTION_SIZE ? "size: write it as 512, 64k or 1m"
                                            : "number");
        return false;
    }
    if (!within(row, row->kind == OPTION_TIME ? (uint64_t)ms : v, err))
        return false;
    if (row->kind == OPTION_TIME)
        *(int64_t *)field = ms;
    else if (row->kind == OPTION_SIZE)
        *(uint64_t *)field = v;
    else
        *(unsigned *)field = (unsigned)v;
    return true;
}

static bool set_choice(const struct option_row *row, unsigned *field, const char *text,
                       char err[OPTIONS_ERROR_MAX])
{
    struct buf all = BUF_INIT(OPTIONS_ERROR_MAX / 2);

    for (unsigned i = 0; row->choices[i]; i++) {
        if (strcmp(row->choices[i], text) == 0) {
            *field = i;
            buf_deinit(&all);
            return true;
        }
        buf_addf(&all, "%s%s", i == 0 ? "" : row->choices[i + 1] ? ", " : " or ", row->choices[i]);
    }
    snprintf(err, OPTIONS_ERROR_MAX, "'%.100s' is none of %s", text, buf_str(&all));
    buf_deinit(&all);
    return false;
}

static bool append(struct option_list *list, const char *text, char err[OPTIONS_ERROR_MAX])
{
    if (array_grow(&list->v, &list->cap, sizeof(list->v[0]), list->count + 1) < 0) {
        snprintf(err, OPTIONS_ERROR_MAX, "out of memory");
        return false;
    }
    list->v[list->count++] = text;
    return true;
}

static bool add_to_list(struct option_list *list, const char *text, char err[OPTIONS_ERROR_MAX])
{
    if (list->preset)
        list->count = 0;
    list->preset = false;
    return append(list, text, err);
}

static bool set_value(const struct option_row *row, void *args, const char *text,
                      char err[OPTIONS_ERROR_MAX])
{
    void *field = (char *)args + row->at;

    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return true;
    case OPTION_TEXT:
        *(const char **)field = text;
        return true;
    case OPTION_LIST:
        return add_to_list(field, text, err);
    case OPTION_UINT:
    case OPTION_TIME:
    case OPTION_SIZE:
        return set_number(row, field, text, err);
    case OPTION_CHOICE:
        return set_choice(row, field, text, err);
    case OPTION_CALL:
        return row->call(args, text, err);
    }
    return false;
}

void option_list_deinit(struct option_list *list)
{
    free(list->v);
    *list = (struct option_list){0};
}

/* --- names ------------------------------------------------------------------------------------ */

static const struct option_row *row_of(const struct options *o, const char *name)
{
    for (const struct option_row *row = o->rows; row->name || row->group; row++)
        if (row->name && strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

bool options_has(const struct options *o, const char *name)
{
    return row_of(o, name) != NULL;
}

bool options_set(const struct options *o, void *args, const char *name, const char *value,
                 char err[OPTIONS_ERROR_MAX])
{
    static const char *const yes[] = {"yes", "true", "on", "1"}, *const no[] = {"no", "false",
                                                                                "off", "0"};
    const struct option_row *row = row_of(o, name);

    if (!row) {
        snprintf(err, OPTIONS_ERROR_MAX, "no such option");
        return false;
    }
    if (row->kind == OPTION_LIST) {
        struct option_list *list = (struct option_list *)(void *)((char *)args + row->at);

        list->preset = true;
        return append(list, value, err);
    }
    if (row->kind != OPTION_FLAG)
        return set_value(row, args, value, err);
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
            *(bool *)((char *)args + row->at) = strcmp(value, yes[i]) == 0;
            return true;
        }
    }
    snprintf(err, OPTIONS_ERROR_MAX, "'%.100s' is neither yes nor no", value);
    return false;
}

/* Edits between two words: insert, delete, replace, swap of neighbours. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][NAME_MAX_LENGTH + 1], n = strlen(a), m = strlen(b);
    size_t *before = rows[0], *above = rows[1], *row = rows[2];

    if (n > NAME_MAX_LENGTH || m > NAME_MAX_LENGTH)
        return SIZE_MAX;
    for (size_t j = 0; j <= m; j++)
        above[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *free_row = before;

        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);

            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = before[j - 2] + 1 < best ? before[j - 2] + 1 : best;
            row[j] = best;
        }
        before = above;
        above = row;
        row = free_row;
    }
    return above[m];
}

const char *options_nearest(const char *word, const char *const *words, size_t count)
{
    const char *nearest = NULL;
    size_t n = strlen(word), least = n / 3 + 1; /* further off, a hint would be a guess */

    for (size_t i = 0; i < count; i++) {
        size_t d = distance(word, words[i]);

        /* A beginning that was typed right counts for more than its missing rest. */
        if (n >= 3 && strncmp(word, words[i], n) == 0)
            d = 1;
        if (d <= least && (!nearest || d < least)) {
            least = d;
            nearest = words[i];
        }
    }
    return nearest;
}

/* --- the command line ------------------------------------------------------------------------- */

static enum options_got misuse(const struct options *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void print_misuse(const struct options *o, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void print_misuse(const struct options *o, const char *fmt, va_list ap)
{
    fprintf(stderr, "%s: ", o->program);
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\nTry '%s --help'.\n", o->program);
}

static enum options_got misuse(const struct options *o, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    print_misuse(o, fmt, ap);
    va_end(ap);
    return OPTIONS_MISUSE;
}

int options_misuse(const struct options *o, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    print_misuse(o, fmt, ap);
    va_end(ap);
    return OPTIONS_EXIT_MISUSE;
}

struct table {
    struct option longs[2 * OPTIONS_ROWS_MAX + 3];
    char shorts[2 * OPTIONS_ROWS_MAX + 5];
    const char *names[OPTIONS_ROWS_MAX + 2]; /* for the hint */
    char no[OPTIONS_ROWS_MAX][NAME_MAX_LENGTH + 4];
    size_t n_longs, n_shorts, n_names;
};

static void add_long(struct table *t, const char *name, bool takes, int val)
{
    t->longs[t->n_longs++] =
        (struct option){name, takes ? required_argument : no_argument, NULL, val};
}

/* A row of this name speaks for itself. */
static bool is_row(const struct options *o, const char *name)
{
    for (size_t i = 0; o->rows[i].name || o->rows[i].group; i++)
        if (o->rows[i].name && strcmp(o->rows[i].name, name) == 0)
            return true;
    return false;
}

static void add_row(struct table *t, const struct options *o, size_t i)
{
    const struct option_row *row = &o->rows[i];

    assert(i < OPTIONS_ROWS_MAX && strlen(row->name) <= NAME_MAX_LENGTH);
    assert((row->arg == NULL) == (row->kind == OPTION_FLAG));
    add_long(t, row->name, row->arg != NULL, VAL_ROW + (int)i);
    if (!row->hidden)
        t->names[t->n_names++] = row->name;
    if (row->kind == OPTION_FLAG) {
        snprintf(t->no[i], sizeof(t->no[i]), "no-%s", row->name);
        if (!is_row(o, t->no[i]))
            add_long(t, t->no[i], false, VAL_NO + (int)i);
    }
    if (row->letter) {
        assert(row->letter != 'h'); /* help, everywhere */
        t->shorts[t->n_shorts++] = row->letter;
        if (row->arg)
            t->shorts[t->n_shorts++] = ':';
    }
}

static void build(struct table *t, const struct options *o)
{
    memset(t, 0, sizeof(*t));
    t->shorts[t->n_shorts++] = ':'; /* tell a missing argument from an unknown option */
    for (size_t i = 0; o->rows[i].name || o->rows[i].group; i++)
        if (o->rows[i].name)
            add_row(t, o, i);
    add_long(t, "help", false, VAL_HELP);
    add_long(t, "version", false, VAL_VERSION);
    t->names[t->n_names++] = "help";
    t->names[t->n_names++] = "version";
    t->shorts[t->n_shorts++] = 'h';
}

static enum options_got unknown(const struct options *o, const struct table *t, const char *word)
{
    char name[NAME_MAX_LENGTH + 1];
    const char *near;

    if (optopt > 0 && optopt < VAL_ROW)
        return misuse(o, "no option -%c", optopt);
    if (optopt >= VAL_ROW)
        return misuse(o, "%.*s takes no value", (int)span_find(span_str(word), '='), word);
    while (*word == '-')
        word++;
    if (!span_copy(span_slice(span_str(word), 0, span_find(span_str(word), '=')), name,
                   sizeof(name)))
        return misuse(o, "no option --%.60s…", word);
    near = options_nearest(name, t->names, t->n_names);
    if (near)
        return misuse(o, "no option --%s; did you mean --%s?", name, near);
    return misuse(o, "no option --%s", name);
}

static enum options_got print_help(const struct options *o)
{
    struct buf text = BUF_INIT(1 << 20);

    options_help(o, term_width(STDOUT_FILENO), &text);
    fputs(buf_str(&text), stdout);
    buf_deinit(&text);
    return OPTIONS_DONE;
}

static size_t row_of_letter(const struct options *o, int letter)
{
    size_t i = 0;

    while (o->rows[i].letter != letter || !o->rows[i].name)
        i++;
    return i;
}

/* One option that getopt found. OPTIONS_RUN: go on to the next. */
static enum options_got one(const struct options *o, const struct table *t, int val, void *args,
                            const char *word)
{
    char err[OPTIONS_ERROR_MAX];
    const struct option_row *row;

    if (val == ':')
        return misuse(o, "%s needs a value", word);
    if (val == '?')
        return unknown(o, t, word);
    if (val == VAL_HELP || val == 'h')
        return print_help(o);
    if (val == VAL_VERSION) {
        printf("%s (Postern) %s\n", o->program, POSTERN_VERSION);
        return OPTIONS_DONE;
    }
    if (val >= VAL_NO) {
        *(bool *)((char *)args + o->rows[val - VAL_NO].at) = false;
        return OPTIONS_RUN;
    }
    row = &o->rows[val >= VAL_ROW ? (size_t)(val - VAL_ROW) : row_of_letter(o, val)];
    if (set_value(row, args, optarg, err))
        return OPTIONS_RUN;
    return misuse(o, "--%s: %s", row->name, err);
}

const char *options_peek(const struct options *o, int argc, char **argv, const char *name)
{
    const struct option_row *row = row_of(o, name);
    size_t n = strlen(name);

    assert(row && row->arg);
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *a = argv[i];

        if (strncmp(a, "--", 2) == 0 && strncmp(a + 2, name, n) == 0) {
            if (a[2 + n] == '=')
                return a + 3 + n;
            if (!a[2 + n])
                return i + 1 < argc ? argv[i + 1] : NULL;
        } else if (row->letter && a[0] == '-' && a[1] == row->letter) {
            return a[2] ? a + 2 : i + 1 < argc ? argv[i + 1] : NULL;
        }
    }
    return NULL;
}

enum options_got options_parse(const struct options *o, int argc, char **argv, void *args,
                               int *ret_first)
{
    enum options_got got = OPTIONS_RUN;
    struct table *t = malloc(sizeof(*t));
    int val;

    if (!t)
        return misuse(o, "out of memory");
    build(t, o);
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while (got == OPTIONS_RUN && (val = getopt_long(argc, argv, t->shorts, t->longs, NULL)) != -1)
        got = one(o, t, val, args, argv[optind > 0 ? optind - 1 : 0]);
    *ret_first = optind;
    free(t);
    return got;
}

bool options_start(const struct options *o, int argc, char **argv, void *args, int *ret_first,
                   int *ret_status)
{
    enum options_got got = options_parse(o, argc, argv, args, ret_first);

    *ret_status = got == OPTIONS_MISUSE ? OPTIONS_EXIT_MISUSE : 0;
    return got == OPTIONS_RUN;
}
