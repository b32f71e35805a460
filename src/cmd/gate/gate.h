/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands of postern-gate; each returns an exit status. */
#ifndef POSTERN_CMD_GATE_GATE_H
#define POSTERN_CMD_GATE_GATE_H

#include "cmd/gate/args.h"

/* Both take args and conf over. argv is that of the whole program, for a reload. */
int gate_serve(int argc, char **argv, struct gate_args *args, struct conf *conf);
/* Reads everything, looks for open policies, tries the backends, and says what it found. */
int gate_check(struct gate_args *args, struct conf *conf);

#endif
