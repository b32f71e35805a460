/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the schema and the options meet: a setting is the option of the same name. A setting that
 * the program has no option for would be a fault of ours, and is reported like any other.
 */
#include "cmd/common/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct target {
    const struct options *options;
    void *args;
};

static bool set(void *cookie, const char *name, const char *value, char err[CONF_ERROR_MAX])
{
    struct target *t = cookie;

    return options_set(t->options, t->args, name, value, err);
}

/* Help is to be had also when the file is broken: it says where the file is. */
static bool only_asks(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0 ||
            strcmp(argv[i], "--version") == 0)
            return true;
    return false;
}

int settings_load(const struct options *o, const char *section, int argc, char **argv, void *args,
                  struct conf **ret)
{
    const char *given = options_peek(o, argc, argv, "config");
    struct target t = {o, args};
    struct conf *c = NULL;
    char err[CONF_ERROR_MAX];
    int r;

    *ret = NULL;
    if (only_asks(argc, argv))
        return 0;
    r = conf_load(given ? given : CONF_PATH, &c, err);
    if (r == -ENOENT && !given)
        return 0;
    if (r == 0 && conf_each(c, section, set, &t, err)) {
        *ret = c;
        return 0;
    }
    conf_free(&c);
    fprintf(stderr, "%s: %s\n", o->program, err);
    return r == 0 || r == -EINVAL ? EX_CONFIG : EX_NOINPUT;
}

struct search {
    struct span name;
    const char *text, *found;
    bool sure;
};

static bool look(void *cookie, const char *name, const char *value, char err[CONF_ERROR_MAX])
{
    struct search *s = cookie;
    bool sure = *value && strstr(s->text, value);

    if (span_eq(s->name, span_str(name)) && (!s->found || (sure && !s->sure))) {
        s->found = value;
        s->sure = sure;
    }
    return true;
}

void settings_place(const struct conf *conf, const char *section, const char *text, struct buf *out)
{
    struct search s = {.text = text};
    char err[CONF_ERROR_MAX];
    const char *file;
    unsigned line;
    size_t n = 0;

    while (ascii_is_alnum(text[n]) || text[n] == '-')
        n++;
    s.name = span_of(text, n);
    if (conf && conf_each(conf, section, look, &s, err) && s.found &&
        conf_where(conf, s.found, &file, &line))
        buf_addf(out, "%s:%u: ", file, line);
}

int settings_fail(const struct options *o, const struct conf *conf, const char *section, int status,
                  const char *text)
{
    struct buf place = BUF_INIT(5000);

    settings_place(conf, section, text, &place);
    fprintf(stderr, "%s: %s%s\n", o->program, buf_str(&place), text);
    buf_deinit(&place);
    return status;
}
