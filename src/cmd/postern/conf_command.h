/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POSTERN_CMD_POSTERN_CONF_COMMAND_H
#define POSTERN_CMD_POSTERN_CONF_COMMAND_H

/* argv[0] is the command's own name. Returns the exit status. */
int conf_command(int argc, char **argv);

#endif
