/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A query off the wire, RFC 1035 §4.1, strict where a sender is plainly broken (RFC 8906): just one
 * question, no compression in it, records that end where the packet ends. No memory is taken; what
 * is not needed for an answer is walked over, not kept.
 */
#ifndef POSTERN_DNS_QUERY_H
#define POSTERN_DNS_QUERY_H

#include "dns/edns.h"
#include "dns/name.h"
#include "dns/wire.h"

enum dns_parse {
    DNS_PARSE_OK = 0,
    DNS_PARSE_DROP = 1,    /* under 12 octets, or itself an answer: say nothing */
    DNS_PARSE_FORMERR = 2, /* answer with DNS_FORMERR */
    DNS_PARSE_NOTIMP = 3,  /* another opcode than QUERY: answer with DNS_NOTIMP */
    DNS_PARSE_BADVERS = 4, /* an EDNS version over 0: answer with DNS_BADVERS */
    DNS_PARSE_COOKIE = 5,  /* no question, only a cookie (RFC 7873 §5.4): answer with ours */
};

/*
 * After any outcome but DROP a reply can be begun from it: question_end is 0 when the question is
 * not to be given back, edns.present false when no OPT was understood.
 */
struct dns_query {
    const uint8_t *packet; /* borrowed: the caller keeps it while the query is in use */
    uint16_t n;            /* its octets */
    uint16_t id;
    uint8_t opcode; /* 0 to 15, enum dns_opcode */
    bool rd, cd;
    uint16_t type;         /* of the question; enum dns_type or any other */
    uint16_t klass;        /* enum dns_class or any other */
    uint16_t question_end; /* offset behind the question, 0 none. Its name stands at DNS_HEADER */
    uint16_t authority_at; /* the first record of the authority section (IXFR's SOA), or 0 */
    uint16_t tsig_at;      /* owner of the TSIG record, which is the last; 0: none */
    struct dns_edns edns;
    uint8_t name_n; /* octets of the name, root included */
    uint8_t labels; /* the root not counted */
    /* Where each label's length octet stands in `name`; label_at[labels] is the root's. */
    uint8_t label_at[DNS_LABELS_MAX + 1];
    uint8_t name[DNS_NAME_MAX + 1]; /* the question's name in lower case; what is behind, any */
};

enum dns_parse dns_query_parse(struct dns_query *q, const uint8_t *packet, size_t n);

/* What a UDP answer may hold: 512, or what the client takes up to `most` of the server. */
size_t dns_query_udp_max(const struct dns_query *q, size_t most);
/* The cookie option's value, empty when there is none. */
struct span dns_query_cookie(const struct dns_query *q);
/*
 * IXFR: the serial the client has (RFC 1995 §3); false when its SOA is missing, broken, or of
 * another zone.
 */
bool dns_query_ixfr_serial(const struct dns_query *q, uint32_t *ret);

/*
 * Questions for a server: no recursion, an OPT of DNS_UDP_USUAL when edns. Returns the octets
 * written, 0 when max is too little.
 */
size_t dns_query_write(uint8_t *out, size_t max, uint16_t id, const struct dns_name *name,
                       uint16_t type, bool edns);

#endif
