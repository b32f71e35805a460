/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For `postern gate check`: whether what the service will make and write can be. */
#ifndef POSTERN_CMD_GATE_CHECK_PLACES_H
#define POSTERN_CMD_GATE_CHECK_PLACES_H

#include "cmd/gate/args.h"

/*
 * Says what is wrong with folders, sockets and ports, a text each that begins with the setting.
 * Nothing is made or written, and a port that is in use is taken for a running gate's. 0, or the
 * exit status: 73, or 71 when it can't be found out.
 */
int check_places(const struct gate_args *args, void (*say)(void *cookie, const char *text),
                 void *cookie);

#endif
