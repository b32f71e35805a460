/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the writers of lists share. */
#ifndef POSTERN_ZONE_EXPORT_PRIV_H
#define POSTERN_ZONE_EXPORT_PRIV_H

#include "zone/export.h"

#include "base/ip.h"

enum { ZONE_EXPORT_NET_MAX = IP_TEXT_MAX + 4 };

struct zone_export_work {
    const struct zone_view *view;
    const struct zone_export_options *o;
    const struct zone_sink *sink;
    struct zone_export_count *count;
    struct buf out;  /* what the sink has not got yet */
    struct buf text; /* one TXT in the making */
    int r;           /* an outcome or -errno: the export is over */
    void *ctx;       /* of the format */
};

/* Both may be called for thousands of entries of one piece; hit is a piece's. */
typedef void zone_export_net(struct zone_export_work *w, struct ip_prefix net, struct zone_hit hit);
typedef void zone_export_name(struct zone_export_work *w, const struct zone_piece_name *piece);

/* Each listed prefix, IPv4 or IPv6, in order. */
void zone_export_each4(struct zone_export_work *w, zone_export_net *net);
void zone_export_each6(struct zone_export_work *w, zone_export_net *net);
/* The same without regard to values: as few prefixes as will do. */
void zone_export_merged4(struct zone_export_work *w, zone_export_net *net);
void zone_export_merged6(struct zone_export_work *w, zone_export_net *net);
void zone_export_each_name(struct zone_export_work *w, zone_export_name *name);

/* Is it wanted by its codes? An exclusion is. */
bool zone_export_wanted(const struct zone_export_work *w, struct zone_hit hit);
/* The i-th wanted value of a hit. */
bool zone_export_said(const struct zone_export_work *w, struct zone_hit hit, unsigned i,
                      struct zone_said *ret);
/* "192.0.2.1", "192.0.2.0/24"; a whole address has no length. */
const char *zone_export_net_text(struct ip_prefix net, char out[ZONE_EXPORT_NET_MAX]);
/*
 * A name of zone/rname.h into w->out; what is no letter, digit, hyphen or underscore is \DDD, for
 * at the head of a line much else means something. "@" for the zone's own.
 */
void zone_export_put_name(struct zone_export_work *w, const uint8_t *key, size_t n);
/* The TXT with this subject into w->text. */
void zone_export_text(struct zone_export_work *w, const struct zone_said *said,
                      const char *subject);
/* A line of an entry is whole: counts it, and empties w->out into the sink now and then. */
void zone_export_line(struct zone_export_work *w);
void zone_export_flush(struct zone_export_work *w);

/* The formats. */
void zone_export_rbl_nets(struct zone_export_work *w, enum zone_export_format format);
void zone_export_rbl_names(struct zone_export_work *w);
void zone_export_rbl_records(struct zone_export_work *w);
void zone_export_rbl_combined(struct zone_export_work *w);
void zone_export_rpz(struct zone_export_work *w);
void zone_export_nftables(struct zone_export_work *w);
void zone_export_postfix(struct zone_export_work *w);
void zone_export_csv(struct zone_export_work *w);
void zone_export_json(struct zone_export_work *w);

#endif
