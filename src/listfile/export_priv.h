/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the writers of lists share. */
#ifndef POSTERN_LISTFILE_EXPORT_PRIV_H
#define POSTERN_LISTFILE_EXPORT_PRIV_H

#include "listfile/export.h"

#include "base/ip.h"

enum { EXPORT_NET_MAX = IP_TEXT_MAX + 4 };

struct export_work {
    const struct zone_view *view;
    const struct export_options *o;
    const struct zone_sink *sink;
    struct export_count *count;
    struct buf out;  /* what the sink has not got yet */
    struct buf text; /* one TXT in the making */
    int r;           /* an outcome or -errno: the export is over */
    void *ctx;       /* of the format */
};

/* Both may be called for thousands of entries of one piece; hit is a piece's. */
typedef void export_net(struct export_work *w, struct ip_prefix net, struct zone_hit hit);
typedef void export_name(struct export_work *w, const struct zone_piece_name *piece);

/* Each listed prefix, IPv4 or IPv6, in order. */
void export_each4(struct export_work *w, export_net *net);
void export_each6(struct export_work *w, export_net *net);
/* The same without regard to values: as few prefixes as will do. */
void export_merged4(struct export_work *w, export_net *net);
void export_merged6(struct export_work *w, export_net *net);
void export_each_name(struct export_work *w, export_name *name);

/* Is it wanted by its codes? An exclusion is. */
bool export_wanted(const struct export_work *w, struct zone_hit hit);
/* The i-th wanted value of a hit. */
bool export_said(const struct export_work *w, struct zone_hit hit, unsigned i,
                 struct zone_said *ret);
/* "192.0.2.1", "192.0.2.0/24"; a whole address has no length. */
const char *export_net_text(struct ip_prefix net, char out[EXPORT_NET_MAX]);
/*
 * A name of zone/rname.h into w->out; what is no letter, digit, hyphen or underscore is \DDD, for
 * at the head of a line much else means something. "@" for the zone's own.
 */
void export_put_name(struct export_work *w, const uint8_t *key, size_t n);
/* The TXT with this subject into w->text. */
void export_text(struct export_work *w, const struct zone_said *said, const char *subject);
/* A line of an entry is whole: counts it, and empties w->out into the sink now and then. */
void export_line(struct export_work *w);
void export_flush(struct export_work *w);

/* For forms that know no names. */
void export_count_name(struct export_work *w, const struct zone_piece_name *piece);

/* The formats. */
void export_rbl_nets(struct export_work *w, enum export_format format);
void export_rbl_names(struct export_work *w);
void export_rbl_records(struct export_work *w);
void export_rbl_combined(struct export_work *w);
void export_rpz(struct export_work *w);
void export_nftables(struct export_work *w);
void export_postfix(struct export_work *w);
void export_csv(struct export_work *w);
void export_json(struct export_work *w);

#endif
