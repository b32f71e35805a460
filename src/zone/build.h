/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compiles data to an image. Tables of addresses are flattened: each address gets what the rules
 * and the order of the tables say of it, and exclusions are gone. Names keep their keys, less those
 * that change nothing. The same data give the same bytes on every machine.
 *
 * 5 M sorted single addresses take a small part of a second, unsorted ones about three times as
 * long; memory at the peak is the data, 24 octets an address entry, and the image.
 */
#ifndef POSTERN_ZONE_BUILD_H
#define POSTERN_ZONE_BUILD_H

#include "zone/data.h"

/*
 * *ret owns the image: free(ret->p). 0, -ENOMEM, -E2BIG over a limit, or -EINVAL for data that no
 * adder would have let in. The data is left as it was, but entries may be sorted in place: of those
 * with one key the order stays.
 */
int zone_build(struct zone_data *d, struct span *ret);

#endif
