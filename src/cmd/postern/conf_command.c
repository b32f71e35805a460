/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern conf: the configuration file without any program that would act on it. */
#include "cmd/postern/conf_command.h"

#include "conf/conf.h"
#include "io/options.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sysexits.h>

struct args {
    bool sample;
    const char *check;
};

static const struct option_row rows[] = {
    {"check", 0, "FILE", "read a file and say whether it is right", OPTION_TEXT,
     offsetof(struct args, check)},
    {"sample", 0, NULL, "print a file with every setting, commented out", OPTION_FLAG,
     offsetof(struct args, sample)},
    {0},
};

static const struct options options = {
    .program = "postern conf",
    .about = "Checks a configuration file, or writes a sample.",
    .usage = "--check FILE\n--sample",
    .text = "Exit status: 0 the file is right, 1 it is not, 64 misuse, 66 it can't be read.\n"
            "\n"
            "A first file:\n"
            "  postern conf --sample > " CONF_PATH,
    .rows = rows,
};

static int check(const char *path)
{
    char err[CONF_ERROR_MAX];
    struct conf *c = NULL;
    int r = conf_load(path, &c, err);

    if (r < 0) {
        fprintf(stderr, "%s\n", err);
        return r == -EINVAL || r == -EFBIG ? 1 : EX_NOINPUT;
    }
    printf("%s: right, %zu value%s set\n", path, conf_count(c), conf_count(c) == 1 ? "" : "s");
    conf_free(&c);
    return 0;
}

static int sample(void)
{
    struct buf text = BUF_INIT(1 << 20);
    int r = 0;

    conf_sample(&text);
    if (text.err || fputs(buf_str(&text), stdout) == EOF || fflush(stdout) == EOF) {
        perror("postern conf");
        r = EX_IOERR;
    }
    buf_deinit(&text);
    return r;
}

int conf_command(int argc, char **argv)
{
    struct args args = {0};
    int first, status;

    if (!options_start(&options, argc, argv, &args, &first, &status))
        return status;
    if (first < argc)
        return options_misuse(&options, "'%s' is too much", argv[first]);
    if (args.sample == (args.check != NULL))
        return options_misuse(&options, "give either --check FILE or --sample");
    return args.sample ? sample() : check(args.check);
}
