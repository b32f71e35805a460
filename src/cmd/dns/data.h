/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The data of zones, loaded: images with what belongs to them, ready to be served and never
 * changed. Both ways of loading stand behind this: data_files.c compiles rbldnsd's files,
 * data_own.c maps what postern list has compiled and follows its journal. They log nothing: what is
 * wrong is in the result, one line a fault.
 *
 * Counts are the main thread's. What another thread made has one reference, which it hands over.
 */
#ifndef POSTERN_CMD_DNS_DATA_H
#define POSTERN_CMD_DNS_DATA_H

#include "cmd/dns/site.h"
#include "io/zonefile.h"
#include "zone/pattern.h"

#define DATA_JOURNAL_MAX ((uint64_t)256 << 20)

enum {
    DATA_WHY_MAX = 600,
    DATA_EXPIRE = 7 * 86400, /* seconds, of a SOA that the data don't give */
};

/* A mapped file that several images are in. */
struct data_shared {
    unsigned refs;
    struct zonefile_map map;
};

/* An image and the memory that it is in. */
struct data_image {
    unsigned refs;
    struct zonefile_map map; /* of a file of its own; bytes.p NULL: of memory, or of `shared` */
    struct data_shared *shared;
    void *memory;
    struct zone_image image;
    struct zone_patterns *patterns;
};

/* For the zone itself (sub.n 0), or for a name below it. */
struct data_source {
    struct zone_rname sub;
    struct data_image *image;
    struct zone_overlay *overlay; /* owned; or NULL */
};

struct loaded {
    unsigned refs;
    struct data_source *sources;
    size_t count;
    struct zone_acl *acl; /* of acl files; or NULL */
    int64_t expires_wall; /* the earliest end of the data; 0 none */
    uint64_t entries;
    struct zone_code codes[ZONE_CODES_MAX]; /* that the values of an own list have */
    size_t code_count;
    struct buf remarks, accepted; /* of files: as in struct data_result, to be kept with them */
    uint64_t skipped;
    uint64_t text_sum; /* of files: of their octets */
    bool young; /* a file had changed so shortly before that its times don't tell the next change */
};

struct loaded *loaded_ref(struct loaded *l);
void loaded_unref(struct loaded **l); /* safe on NULL */

/* A file as it was when it was looked at; zeroed when it was not there. */
struct data_stamp {
    uint64_t device, inode;
    int64_t size, mtime_ns, ctime_ns;
};

/*
 * The files of a zone (of our own: its image) as they are now, one stamp each, to be compared with
 * those of another time: an array for free(), NULL when out of memory.
 */
struct data_stamp *data_stamps(const struct site *s, const struct site_zone *z, size_t *ret_count);

/* What loading has brought. */
struct data_result {
    struct loaded *loaded; /* NULL: refused, and `why` says what for */
    char why[DATA_WHY_MAX];
    struct buf remarks; /* lines about single lines of files, for the log */
    uint64_t skipped;   /* lines that were left out */
    bool accepted;      /* insane in `why`, and let through because the operator said so */
    bool again;         /* no fault of the data: try again soon */
    bool kept;          /* written to the cache */
    int64_t took_ms;
};

void data_result_deinit(struct data_result *r);

/*
 * In any thread. Reads the zone's datasets, compiles, verifies, judges. `before` is what is served
 * now, or NULL; it is only looked at.
 */
void data_load_files(const struct site *s, const struct site_zone *z, const struct loaded *before,
                     int64_t now_wall, struct data_result *ret);

/* In any thread: reads the files once more. True when their octets are what `l` was made of. */
bool data_same_files(const struct site_zone *z, const struct loaded *l);

/*
 * In any thread. Maps the image of our own zone with its journal. `whole`: reads all of it against
 * its checksums and judges it, which takes about as long as reading it once.
 */
void data_load_own(const struct site *s, const struct site_zone *z, const struct loaded *before,
                   bool whole, int64_t now_wall, struct data_result *ret);
/* In any thread: the rest of a load that was not `whole`. False with the reason. */
bool data_verify(const struct site *s, const struct site_zone *z, const struct loaded *l,
                 int64_t now_wall, char why[DATA_WHY_MAX]);

enum data_follow {
    DATA_SAME,  /* nothing new in the journal */
    DATA_NEWER, /* *ret is to be served in its place */
    DATA_IMAGE, /* the image is another one, or must be: load it */
    DATA_BAD,   /* `why`: the journal can't be read or applied; what is served stays */
};

/* Main thread: what the journal says beyond `now`. Within milliseconds. */
enum data_follow data_follow_own(const struct site *s, const struct site_zone *z,
                                 const struct loaded *now, struct loaded **ret,
                                 char why[DATA_WHY_MAX]);
/* <state>/zones/<zone>; false when that is too long. */
bool data_folder(const struct site *s, const struct site_zone *z, char ret[4096]);

#endif
