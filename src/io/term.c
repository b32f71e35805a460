/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Colour is off wherever there is doubt: a log full of escapes is worse than a plain terminal. */
#include "io/term.h"

#include "base/num.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_DEFAULT = 80, WIDTH_MIN = 20, WIDTH_MAX = 1000 };

bool term_color_parse(struct span text, enum term_color *ret)
{
    static const char *const names[] = {
        [TERM_COLOR_AUTO] = "auto", [TERM_COLOR_ALWAYS] = "always", [TERM_COLOR_NEVER] = "never"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (span_eq(text, span_str(names[i]))) {
            *ret = (enum term_color)i;
            return true;
        }
    }
    return false;
}

bool term_is(int fd)
{
    return isatty(fd) == 1;
}

bool term_color(enum term_color want, int fd)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

    if (want != TERM_COLOR_AUTO)
        return want == TERM_COLOR_ALWAYS;
    return term_is(fd) && term && *term && strcmp(term, "dumb") != 0 && (!no_color || !*no_color);
}

unsigned term_width(int fd)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    unsigned width;

    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= WIDTH_MIN)
        return size.ws_col;
    if (columns && num_uint(span_str(columns), WIDTH_MIN, WIDTH_MAX, &width))
        return width;
    return WIDTH_DEFAULT;
}
