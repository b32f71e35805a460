/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration file as defaults of a program's options. */
#ifndef POSTERN_CMD_COMMON_SETTINGS_H
#define POSTERN_CMD_COMMON_SETTINGS_H

#include "conf/conf.h"
#include "io/options.h"

/*
 * Reads the file that --config names, or CONF_PATH when it is there, and sets the section's values
 * in args; call it before options_parse(), so that the command line wins. *ret owns the texts: free
 * it with conf_free() when args is no more used; NULL when there is no file. 0, or an exit status
 * after the reason was printed.
 */
int settings_load(const struct options *o, const char *section, int argc, char **argv, void *args,
                  struct conf **ret);
/*
 * "FILE:LINE: " of the setting that an error text begins with by its name ("cert: can't be read"),
 * or nothing: of several values, the one that stands in the text. conf may be NULL.
 */
void settings_place(const struct conf *conf, const char *section, const char *text,
                    struct buf *out);
/* "PROGRAM: FILE:LINE: text" to standard error, the place as above. Returns status. */
int settings_fail(const struct options *o, const struct conf *conf, const char *section, int status,
                  const char *text);

#endif
