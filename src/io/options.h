/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line of every program from one table: parsing, --help in one shape, the hint at the
 * nearest option. Values land in a struct of the caller, named by offset:
 *
 *     struct args { int64_t wait; bool json; struct option_list skip; enum color color; };
 *     static const struct option_row rows[] = {
 *         {.group = "Waiting"},
 *         {"wait", 'w', "TIME", "how long to wait for arrivals", OPTION_TIME,
 *          offsetof(struct args, wait), .min = 0, .max = 86400000, .shown = "10m"},
 *         {"json", 0, NULL, "one JSON object a line", OPTION_FLAG, offsetof(struct args, json)},
 *         {0},
 *     };
 *
 * The caller sets the defaults in the struct; `shown` is how --help words them. --help and
 * --version are in every table by themselves. A flag "json" can also be given as --no-json,
 * unless there is a row of that name.
 */
#ifndef POSTERN_IO_OPTIONS_H
#define POSTERN_IO_OPTIONS_H

#include "base/buf.h"

#include <stdint.h>

enum {
    OPTIONS_EXIT_MISUSE = 64, /* EX_USAGE of sysexits.h */
    OPTIONS_ERROR_MAX = 300,
    OPTIONS_ROWS_MAX = 100,
};

enum option_kind {
    OPTION_FLAG,   /* bool; no argument */
    OPTION_TEXT,   /* const char *; borrowed from argv */
    OPTION_LIST,   /* struct option_list; may be given again and again */
    OPTION_UINT,   /* unsigned, between min and max */
    OPTION_TIME,   /* int64_t milliseconds, from "90", "90s", "10m", "1h"; bounds in ms */
    OPTION_SIZE,   /* uint64_t bytes, from "512", "64k", "1m" */
    OPTION_CHOICE, /* unsigned: the index in `choices` */
    OPTION_CALL,   /* what `call` makes of it */
};

struct option_list {
    const char **v; /* the array is owned, the strings are borrowed */
    size_t count, cap;
    bool preset; /* from options_set(): the first value of the command line takes their place */
};

struct option_row {
    const char *name; /* without dashes; NULL in a row that only opens a group */
    char letter;      /* short form, or 0 */
    const char *arg;  /* what --help calls the argument; NULL: takes none */
    const char *help; /* no capital, no full stop, one sentence */
    enum option_kind kind;
    size_t at;                  /* offsetof the field */
    uint64_t min, max;          /* of UINT, TIME, SIZE; max 0: no bound */
    const char *shown;          /* the default, for --help, or NULL */
    const char *const *choices; /* NULL-ended */
    /* Reads the text into the struct; false with a reason in err (which goes behind "--name: "). */
    bool (*call)(void *args, const char *text, char err[OPTIONS_ERROR_MAX]);
    const char *group; /* opens a group of --help with this heading */
    bool hidden;       /* not in --help: for the project's own tests */
};

struct options {
    const char *program; /* "postern test" */
    const char *about;   /* one line */
    const char *usage;   /* "[OPTION]... TARGET..."; several lines allowed */
    const char *text;    /* paragraphs behind the options, or NULL: examples, exit codes */
    const struct option_row *rows; /* ended by a zeroed row */
};

enum options_got {
    OPTIONS_RUN,    /* go on; the operands are argv[*ret_first] and after */
    OPTIONS_DONE,   /* help or version was printed: exit 0 */
    OPTIONS_MISUSE, /* the reason was printed: exit OPTIONS_EXIT_MISUSE */
};

/* Options and operands may be mixed; "--" ends the options. argv is reordered. */
enum options_got options_parse(const struct options *o, int argc, char **argv, void *args,
                               int *ret_first);
/* The same for a main(): false with its exit status when there is nothing to go on with. */
bool options_start(const struct options *o, int argc, char **argv, void *args, int *ret_first,
                   int *ret_status);
/*
 * Sets one option as if it stood on the command line: for values of the configuration, before
 * options_parse(). `value` must live as long as args. False with a reason in err.
 */
bool options_set(const struct options *o, void *args, const char *name, const char *value,
                 char err[OPTIONS_ERROR_MAX]);
bool options_has(const struct options *o, const char *name);
/*
 * The value that the command line gives to an option, looked up before all else is parsed, for
 * --config; NULL when it is not given. Knows "--config X", "--config=X" and "-c X".
 */
const char *options_peek(const struct options *o, int argc, char **argv, const char *name);
/*
 * Misuse that the table can't see: prints it as options_parse() would; returns OPTIONS_EXIT_MISUSE.
 */
int options_misuse(const struct options *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The text of --help at a width. */
void options_help(const struct options *o, unsigned width, struct buf *out);
void option_list_deinit(struct option_list *list);

/* The nearest of `count` words to a misspelt one, or NULL when none is near. */
const char *options_nearest(const char *word, const char *const *words, size_t count);

#endif
