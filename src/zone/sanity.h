/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a list may never say, whoever wrote it (RFC 6471 §3.5 and §3.8): an image is looked at
 * before it is served, and one that is refused leaves the old one in place. Lists of the past have
 * blocked the world by a wildcard, by an empty file, by a file of yesteryear; each of these is a
 * finding.
 */
#ifndef POSTERN_ZONE_SANITY_H
#define POSTERN_ZONE_SANITY_H

#include "base/ip.h"

#include <stdint.h>

struct zone_image;

struct zone_limits {
    unsigned widest4;        /* the shortest prefix that may be listed whole; usual 16 */
    unsigned widest6;        /* usual 32 */
    uint32_t most4_ppm;      /* of the public IPv4 space, in millionths; usual 100000, a tenth */
    uint32_t grow_percent;   /* against the image before; usual 50 */
    uint32_t shrink_percent; /* usual 50 */
    uint32_t small;          /* changes of fewer entries than this are never too many; usual 1000 */
    uint32_t ahead;          /* seconds that `created` may be ahead of our clock; usual 300 */
    bool reserved;           /* reserved and private space may be listed: lists of bogons */
    bool empty;              /* no entry at all is fine */
};

enum zone_insane {
    ZONE_SANE = 0,
    ZONE_INSANE_ALL,       /* lists everybody: the space of a family, or every name */
    ZONE_INSANE_LOCALHOST, /* lists 127.0.0.1, ::1, ::ffff:127.0.0.1 or the name INVALID */
    ZONE_INSANE_RESERVED,  /* lists space that can be nobody's mail host */
    ZONE_INSANE_WIDE,      /* a whole prefix wider than allowed, in one entry or in many */
    ZONE_INSANE_MUCH,      /* too much of the space in all */
    ZONE_INSANE_VALUE,     /* a value outside 127/8, or 127.0.0.1 */
    ZONE_INSANE_EMPTY,
    ZONE_INSANE_GREW,
    ZONE_INSANE_SHRANK,
    ZONE_INSANE_EXPIRED,
    ZONE_INSANE_FUTURE,
    ZONE_INSANE_KINDS
};

struct zone_finding {
    enum zone_insane what;
    struct ip ip;  /* that it is about, of family IP_NONE where it is about no one address */
    char why[200]; /* a sentence with the figures, for the log */
};

extern const struct zone_limits zone_limits_usual;

const char *zone_insane_name(enum zone_insane what);
/*
 * Looks at all of it and stops at the first finding. `before` is the image that is served now, or
 * NULL. Returns finding->what; its `why` is "" when sane. No limit lets ZONE_INSANE_ALL through.
 */
enum zone_insane zone_sanity(const struct zone_image *image, const struct zone_image *before,
                             const struct zone_limits *limits, int64_t now_wall,
                             struct zone_finding *finding);
/* For data that are served though they are insane: do they list everybody? */
enum zone_insane zone_sanity_all(const struct zone_image *image, struct zone_finding *finding);
/* May this one prefix be listed at all? For `postern list`, before it appends to a journal. */
enum zone_insane zone_sanity_prefix(struct ip_prefix net, const struct zone_limits *limits,
                                    struct zone_finding *finding);

#endif
