/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images of rbldnsd's files that were compiled before, kept in <state>/dns/cache, so that a start
 * maps them instead of compiling for seconds. One file for each unit of data, zone/bundle.h has its
 * form; its name is a number made of the paths. Nobody needs these files: whatever is wrong with
 * one, the list is compiled from its sources as if there were none.
 */
#ifndef POSTERN_CMD_DNS_DATA_KEPT_H
#define POSTERN_CMD_DNS_DATA_KEPT_H

#include "cmd/dns/data.h"

enum {
    DATA_KEPT_LEAST = 256 << 10, /* octets of the files: what is smaller is compiled as fast */
    DATA_KEPT_ALONE = 86400,     /* seconds that one stays which no zone has any more */
};

#define DATA_KEPT_MAX  ((uint64_t)16 << 30) /* octets of one file */
#define DATA_KEPT_FREE ((uint64_t)64 << 20) /* octets that stay free on the disk */

enum data_kept {
    DATA_KEPT_NONE,    /* `why` says what is wrong, or is "" when nothing is */
    DATA_KEPT_OLDER,   /* its files are others now */
    DATA_KEPT_CURRENT, /* made of exactly these files */
};

/*
 * Maps what is kept of a zone, reads it against its checksums, and the rules for clients (acl) from
 * their files. What is older than its files is had only within the time that the zone's SOA gives
 * secondaries (expire), as one of them would serve it.
 */
enum data_kept data_kept_load(const struct site *s, const struct site_zone *z,
                              const struct data_stamp *stamps, size_t count, int64_t now_wall,
                              struct data_result *ret);

/*
 * In any thread: writes what was compiled from files with these stamps, takes a lock for it, and
 * gives it back mapped in ret->loaded (NULL: it stays in memory as it is). What is small is not
 * written but removed. False with `why`.
 */
bool data_kept_save(const struct site *s, const struct site_zone *z, const struct loaded *l,
                    const struct data_stamp *stamps, size_t count, int64_t now_wall,
                    struct data_result *ret);

/* In any thread: removes what no zone of the site has any more, and what a killed writer left. */
void data_kept_sweep(const struct site *s, int64_t now_wall);

#endif
