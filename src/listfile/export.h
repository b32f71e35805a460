/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A list for other programs, as text: one listing a line, in the order of the addresses and names,
 * byte for byte the same for the same list, so that rsync and diff have little to do.
 *
 *   ip4set, ip4trie, ip6trie, dnset, generic   a file for rbldnsd(8), the listings of one kind
 *   combined   all of it in one file; several values of one listing are several datasets. A dataset
 *              has one TTL, that of its first value; other ones are left out
 *   rpz        a response policy zone for resolvers: CNAME . for names and addresses in answers
 *   nftables   for nft -f: sets listed4 and listed6, replaced in one transaction
 *   postfix    a cidr table (cidr_table(5)), as few lines as will do: it is searched line by line
 *   csv, json  each listing with code, text and evidence: RFC 4180, and an object a line
 *
 * What one format can't say is counted, never silently lost.
 */
#ifndef POSTERN_LISTFILE_EXPORT_H
#define POSTERN_LISTFILE_EXPORT_H

#include "zone/view.h"

enum { EXPORT_CODES_MAX = 64 };

enum export_format {
    EXPORT_IP4SET,
    EXPORT_IP4TRIE,
    EXPORT_IP6TRIE,
    EXPORT_DNSET,
    EXPORT_GENERIC,
    EXPORT_COMBINED,
    EXPORT_RPZ,
    EXPORT_NFTABLES,
    EXPORT_POSTFIX,
    EXPORT_CSV,
    EXPORT_JSON,
    EXPORT_FORMATS
};

/* Takes the bytes: 0, or -errno, which ends the export and is returned by it. */
struct zone_sink {
    int (*put)(void *ctx, struct span bytes);
    void *ctx;
};

struct export_options {
    const char *zone; /* the zone's name, in texts that show it and as the head of rpz; or NULL */
    const uint32_t *codes; /* only listings that have one of these A values; none: all */
    size_t code_count;     /* EXPORT_CODES_MAX at most */
    const char *table;     /* nftables: the table's name; NULL is "postern" */
    const char *action;    /* postfix: what stands behind each prefix; NULL is "REJECT" */
    size_t most;           /* lines of entries; 0 any number */
};

struct export_count {
    uint64_t lines;    /* of entries */
    uint64_t left_out; /* entries or values that the format can't say */
    uint64_t cut;      /* texts: those of rbldnsd have 255 octets at most */
};

enum export_got {
    EXPORT_OK = 0,
    EXPORT_TOO_MANY, /* more lines than `most`: what was written is not whole */
    EXPORT_BAD_NAME, /* of a table, or an action with a line end */
};

const char *export_format_name(enum export_format format);
bool export_format_of(struct span name, enum export_format *ret);

/* An outcome, -ENOMEM, or what the sink returned. */
int export_write(enum export_format format, const struct zone_view *view,
                 const struct export_options *options, const struct zone_sink *sink,
                 struct export_count *ret_count);

#endif
