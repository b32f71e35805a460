/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration file: a section a program, in it settings that are named as the program's long
 * options and are their defaults. The command line wins.
 *
 *     test {
 *         probe-domain = relaytest.example.org
 *         wait = 10m
 *         sink-listen = { 192.0.2.1:25, "[2001:db8::1]:25" }
 *     }
 *
 * What settings there are stands in schema.c, one row each; this parser knows none by name. A value
 * is checked when it is read, so that an error names file, line and key.
 */
#ifndef POSTERN_CONF_CONF_H
#define POSTERN_CONF_CONF_H

#include "base/buf.h"
#include "conf/schema.h"

#define CONF_PATH "/etc/postern/postern.conf"

enum {
    CONF_ERROR_MAX = 400,
    CONF_SIZE_MAX = 1 << 20, /* bytes of a file */
};

struct conf;

/*
 * Reads a file. 0, or with the reason in err: -EINVAL for a bad file, else the -errno of reading
 * it; -ENOENT is for the caller to judge: CONF_PATH need not be there, a file that was named must.
 */
int conf_load(const char *path, struct conf **ret, char err[CONF_ERROR_MAX]);
/* The same from memory; `path` is for the messages. */
int conf_parse(struct span text, const char *path, struct conf **ret, char err[CONF_ERROR_MAX]);
/* Safe on NULL and twice. Values that were handed out go with it. */
void conf_free(struct conf **c);

/* How many values are set in all. */
size_t conf_count(const struct conf *c);
/* The first value of a setting, or NULL when the file does not set it. */
const char *conf_get(const struct conf *c, const char *section, const char *name);

/*
 * Calls fn for each value of a section, in the order of the file; a list is called once a value.
 * Values are text as the command line takes it; a flag is "yes" or "no". When fn returns false with
 * a reason in err, conf_each() puts file, line and key before it and returns false.
 */
typedef bool (*conf_fn)(void *cookie, const char *name, const char *value,
                        char err[CONF_ERROR_MAX]);
bool conf_each(const struct conf *c, const char *section, conf_fn fn, void *cookie,
               char err[CONF_ERROR_MAX]);

/*
 * Where a value stands that conf_get() or conf_each() handed out: told by the pointer, so it must
 * be that text itself and no copy. False for any other text, one of the command line for example.
 */
bool conf_where(const struct conf *c, const char *value, const char **ret_file, unsigned *ret_line);

/* A file with every setting, its help and its default, all commented out. */
void conf_sample(struct buf *out);

#endif
