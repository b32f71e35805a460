/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The shape (zone/shape.h) that each of our own zones had when it was last published, and what
 * follows for its serial: that of the data, raised by one each time that the shape has changed. The
 * sum rises with each change of either, whatever the clock says. For zones of files that may be
 * transferred the shape is that and all data, and the serial the time of the newest file, or one
 * more than the last one where that is not enough. Kept in <state>/dns/serials,
 *
 *     ZONE SHAPE RAISED SINCE
 *
 * for a serial must not fall when the program begins anew.
 */
#ifndef POSTERN_CMD_DNS_SHAPES_H
#define POSTERN_CMD_DNS_SHAPES_H

#include "cmd/dns/site.h"

struct shape {
    struct dns_name zone;
    uint64_t sum;
    uint32_t raised; /* the SOA's serial is the data's and this */
    uint32_t since;  /* the first serial of the SOA that had this shape; of files: the last one */
};

struct shapes {
    struct shape *v;
    size_t count, cap;
    bool unsaved, failed; /* failed: the file can't be written, which was told */
};

void shapes_load(struct shapes *s, const char *state);
/* Before what has it is published. Logs when it can't, once. */
void shapes_save(struct shapes *s, const char *state);
void shapes_deinit(struct shapes *s);

/* NULL: the zone was never published. Good until the next shapes_see(). */
const struct shape *shapes_of(const struct shapes *s, const struct dns_name *zone);
/*
 * The zone is about to be published. False when it must be made anew first, for its serial rises,
 * or its `since` was not known. A zone that memory was too short for stays unknown.
 */
bool shapes_see(struct shapes *s, const struct zone_set *set, const struct zone *zone);

/*
 * A zone of files is about to be published, whose shape and data have this sum and whose files give
 * this serial: the one that it is to have. It never falls, and rises when the sum is another one.
 * `fixed`: the data name a serial, which holds whatever it is; a change without a higher one, which
 * no secondary would see, is told to the log.
 */
uint32_t shapes_serial(struct shapes *s, const struct zone *zone, uint64_t sum, uint32_t files,
                       bool fixed);

#endif
