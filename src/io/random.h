/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Randomness of the kernel, fit for keys. Pure layers get it as an argument. */
#ifndef POSTERN_IO_RANDOM_H
#define POSTERN_IO_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* 0, or a negative errno when the kernel has none to give: never go on without looking. */
int random_bytes(void *out, size_t n) __attribute__((warn_unused_result));
/* A number below `limit` (which is not 0), each equally likely. */
int random_below(uint32_t limit, uint32_t *ret) __attribute__((warn_unused_result));

#endif
