/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of data.h alone. */
#ifndef POSTERN_CMD_DNS_DATA_PRIV_H
#define POSTERN_CMD_DNS_DATA_PRIV_H

#include "cmd/dns/data.h"

struct stat;

struct data_stamp data_stamp_of(const struct stat *st);
struct data_image *data_image_ref(struct data_image *im);
void data_image_unref(struct data_image **im);
void data_shared_unref(struct data_shared **d);
struct loaded *loaded_new(size_t sources);
void data_say(struct data_result *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
uint64_t data_entries(const struct zone_image *im);
/* True when it may be served: sane, or let through by the operator (*ret_accepted, with `why`). */
bool data_sane(const struct site *s, const struct site_zone *z, const struct zone_rname *sub,
               const struct zone_image *im, const struct loaded *before, int64_t now_wall,
               char why[DATA_WHY_MAX], bool *ret_accepted);
/* Reads the acl files of a zone alone; *ret NULL when it has none. False with the reason. */
bool data_load_acl(const struct site *s, const struct site_zone *z, int64_t now_wall,
                   struct zone_acl **ret, struct data_result *result);
/* Entries and the earliest end, from the images. */
void data_sum(struct loaded *l);

#endif
