/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DNS lists of clients: what to ask, what an answer means, and the sum. RFC 5782 for names, test
 * points and values; the error codes are those that operators of lists have published.
 *
 * A list counts only while it passes its test (§5 there): 127.0.0.2 listed, 127.0.0.1 not. A dead
 * list that answers everything, a typing error that meets somebody's wildcard, and a resolver whose
 * questions the list refuses, are found that way, at start and hourly. No answer, late or an
 * error, is "not listed".
 */
#ifndef POSTERN_GATE_SCORE_H
#define POSTERN_GATE_SCORE_H

#include "base/buf.h"
#include "base/ip.h"

enum {
    SCORE_ZONES_MAX = 32,
    SCORE_CODES_MAX = 16, /* ranges in one zone's set */
    SCORE_ZONE_MAX = 186, /* octets of a zone: 253 less the 64 and dots of an IPv6 name */
    SCORE_NAME_MAX = 256, /* a question with its NUL */
    SCORE_ERROR_MAX = 300,
    SCORE_WEIGHT_MAX = 1000,
};
#define SCORE_TEST_EVERY (INT64_C(3600) * 1000) /* ms between tests of a zone */
#define SCORE_TEST_AGAIN (INT64_C(60) * 1000)   /* ms after a test without an answer */

enum score_health {
    SCORE_UNTESTED = 0, /* not counted yet */
    SCORE_GOOD,
    SCORE_BAD, /* failed its test, or answered with an error: not counted until it passes */
};

const char *score_health_name(enum score_health h);

struct score_codes {
    uint32_t from, to; /* IPv4 addresses in 127/8, host order, inclusive */
};

/* One list; zone and shown are the struct's own. */
struct score_zone {
    char zone[SCORE_ZONE_MAX + 1];
    char
        shown[SCORE_ZONE_MAX + 1]; /* the name for logs and replies; a key in `zone` stays secret */
    int weight;                    /* negative for a list of good clients */
    bool white;                    /* 127.0.0.255 is an error code there (DNSWL) */
    struct score_codes codes[SCORE_CODES_MAX]; /* none: every code that is no error */
    unsigned code_count;
    enum score_health health, health6; /* for IPv4 and IPv6 questions */
    int64_t test_at;                   /* when the next test is due */
    const char *why;                   /* of SCORE_BAD */
};

/*
 * "zen.example.org 3", "zen.example.org 3 127.0.0.2-127.0.0.11,127.0.0.20", and, to keep a key out
 * of sight, "key.zen.example.org=zen.example.org 3". white: the weight is taken off, as for dnswl.
 */
bool score_zone_parse(struct span text, bool white, struct score_zone *ret,
                      char err[SCORE_ERROR_MAX]);
/* The question for a client: "2.0.0.127.zone", or nibbles (RFC 5782 §2.4). */
void score_name(const struct score_zone *z, struct ip client, char out[SCORE_NAME_MAX]);
/* Whether a list may be asked for this client at all: public addresses only. */
bool score_askable(struct ip client);

enum score_got {
    SCORE_NO = 0, /* not listed, or with a code that does not count here */
    SCORE_LISTED,
    SCORE_REFUSED, /* 127.255.255.0/24, or 127.0.0.255 of a white list: it does not answer us */
    SCORE_FOREIGN, /* an address outside 127/8: the domain is parked, or somebody rewrites DNS */
};

const char *score_got_name(enum score_got got);
/* What the A records of an answer say. None: SCORE_NO. */
enum score_got score_read(const struct score_zone *z, const struct ip *answers, size_t count);
/* SCORE_REFUSED and SCORE_FOREIGN take the zone out until it passes a test. True: just now. */
bool score_spoiled(struct score_zone *z, enum score_got got, int64_t now);

/* The test of a zone: four questions, in any order. */
enum score_point {
    SCORE_POINT_LISTED,
    SCORE_POINT_FREE,
    SCORE_POINT_LISTED6,
    SCORE_POINT_FREE6,
    SCORE_POINTS
};

struct score_test {
    bool answered[SCORE_POINTS]; /* false: timeout or a server's failure */
    enum score_got got[SCORE_POINTS];
};

struct ip score_point_ip(enum score_point p);
/* Judges; true when the health changed. Sets test_at. */
bool score_test_judge(struct score_zone *z, const struct score_test *t, int64_t now);
/* Asked for clients of this family now? */
bool score_in_use(const struct score_zone *z, struct ip client);

/* The sum of one client. */
struct score_tally {
    int sum;
    uint32_t asked, answered, listed; /* bits by the index of the zone */
};

/* Counts an answer once. A question without an answer in time: SCORE_NO. */
void score_count(struct score_tally *t, const struct score_zone *zones, unsigned at,
                 enum score_got got);
bool score_complete(const struct score_tally *t);
/* "zen.example.org,bl.example.net": the shown names of lists with the client on them. */
void score_names(const struct score_tally *t, const struct score_zone *zones, unsigned count,
                 struct buf *out);

#endif
