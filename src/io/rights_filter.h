/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The system call filter. Private to src/io. */
#ifndef POSTERN_IO_RIGHTS_FILTER_H
#define POSTERN_IO_RIGHTS_FILTER_H

#include "io/rights.h"

/* 0 or -errno; -ENOTSUP in builds with a sanitizer, which needs calls that no program should. */
int rights_filter_load(enum rights_profile profile);

#endif
