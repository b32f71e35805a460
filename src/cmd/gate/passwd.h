/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POSTERN_CMD_GATE_PASSWD_H
#define POSTERN_CMD_GATE_PASSWD_H

#include "cmd/gate/args.h"

/*
 * postern gate passwd USER [lock|remove]: an entry of the password file (auth-file) is made,
 * changed or taken out. The words are those behind "passwd". An exit status.
 */
int gate_passwd(const struct gate_args *args, int argc, char **words);

#endif
