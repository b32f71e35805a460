/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * XARF version 4 (X-ARF, xarf.org), the JSON that hosters' abuse desks read by machine. An open
 * relay is a vulnerability/misconfiguration there: the format knows no relay of its own, so service
 * and description say it, and members of our own ("smtp_relay") say it exactly; unknown members are
 * allowed in a report (additionalProperties).
 */
#ifndef POSTERN_LIST_XARF_H
#define POSTERN_LIST_XARF_H

#include "base/ip.h"

#include <jansson.h>
#include <stdint.h>

#define XARF_VERSION "4.0.0"

enum {
    XARF_UUID = 16,               /* octets of chance that make a report's id */
    XARF_DESCRIPTION_MAX = 1000,  /* octets, by the schema */
    XARF_EVIDENCE_MAX = 50,       /* items, by the schema */
    XARF_NAME_MAX = 200,          /* octets of an organisation's name, by the schema */
    XARF_SHOWN_MAX = 500,         /* octets of an item's description, by the schema */
    XARF_PAYLOAD_MAX = 256 << 10, /* octets of one item: the schema would allow 5 MB */
};

struct xarf_party {
    struct span org, contact, domain;
};

struct xarf_item {
    const char *content_type;
    const char *description;
    struct span payload;
};

struct xarf_relay {
    uint8_t uuid[XARF_UUID]; /* by chance: version and variant are set here (RFC 9562 §5.4) */
    int64_t happened_wall;   /* when the proof arrived */
    struct xarf_party reporter;
    struct ip source;    /* the relay */
    unsigned port;       /* that took the envelope */
    struct span host;    /* its name, or empty */
    struct span class;   /* "relay", "chain-input" */
    struct span listing; /* the number of the listing */
    struct span more;    /* URI of a page about it, or empty */
    struct span description;
    unsigned proofs; /* tokens that arrived */
    const struct xarf_item *items;
    size_t item_count;
};

/* A new reference; NULL when out of memory, or a text is no UTF-8 or too long. */
json_t *xarf_relay(const struct xarf_relay *r);
/* "550e8400-e29b-41d4-a716-446655440000" */
enum { XARF_UUID_TEXT = 37 };
const char *xarf_uuid(const uint8_t chance[XARF_UUID], char out[XARF_UUID_TEXT]);

#endif
