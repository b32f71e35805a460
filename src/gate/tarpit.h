/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The teergrube: replies to clients that are listed, trapped, or keep trying to relay, come late,
 * and later each time; then the client is sent away. It costs the client a slot and us next to
 * nothing: who holds a delayed session should hold no buffer for it.
 *
 * Never delayed: logins, own networks, allow-listed clients, and whatever comes after 354 (a client
 * whose time runs out there sends the message twice). No reply waits longer than TARPIT_REPLY_MAX:
 * RFC 5321 §4.5.3.2 lets clients hang up after five minutes, and then come again.
 *
 * While a reply waits a line of it goes out now and then (tarpit_drip()): many clients' patience is
 * for the next octets and not for the whole reply, so they stay for as long as it lasts.
 *
 * Offences (refused relay attempts) are counted per client, an IPv6 client being its /64, and fade
 * by half every TARPIT_FADE.
 */
#ifndef POSTERN_GATE_TARPIT_H
#define POSTERN_GATE_TARPIT_H

#include "base/buf.h"
#include "base/ip.h"

enum {
    TARPIT_CLIENTS = 16384,     /* offenders that are remembered */
    TARPIT_OFFENCES = 3,        /* refused relay attempts before a client is delayed */
    TARPIT_OFFENCES_MAX = 1000, /* where the count stops */
    TARPIT_FIRST = 1000,        /* ms, default of the first delay; doubled with each reply */
    TARPIT_DELAY = 60000,       /* ms, default of the longest delay */
    TARPIT_REPLY_MAX = 280000,  /* ms, whatever is configured */
    TARPIT_DRIP = 20000,        /* ms between lines of a reply that is held */
    TARPIT_REPLIES = 20,        /* delayed replies of a session; then 421 */
};
#define TARPIT_FADE (INT64_C(3600) * 1000) /* ms in which offences fade by half */

struct tarpit_client {
    struct ip ip; /* IP_NONE: free */
    uint32_t offences;
    int64_t last;
    int32_t next; /* in its chain, -1 none */
};

/* In the session; zeroed at its start. Linked while a reply of it is being held. */
struct tarpit_session {
    struct tarpit_session *prev, *next;
    uint16_t replies;  /* delayed so far */
    uint16_t offences; /* its own: what the table has forgotten, the session still knows */
    bool held;
};

struct tarpit_config {
    bool on;
    unsigned sessions_max; /* held at a time; 0: no bound */
    int64_t delay_first;   /* ms; 0: TARPIT_FIRST */
    int64_t delay_max;     /* ms; 0: TARPIT_DELAY */
};

struct tarpit {
    struct tarpit_config config;
    uint32_t seed;
    struct tarpit_client clients[TARPIT_CLIENTS];
    int32_t buckets[TARPIT_CLIENTS];
    unsigned count, hand;       /* hand: of the clock that evicts */
    struct tarpit_session held; /* head of a ring, the longest held first */
    unsigned held_count;
    uint64_t shed, refused, delayed;
    int64_t delayed_ms;
};

/* What is known of a session when a reply is due. */
struct tarpit_facts {
    struct ip client;
    bool trusted;  /* login, certificate, own network, allow-listed: never delayed */
    bool listed;   /* its DNSBL score is over the threshold, or it is on the timed list */
    bool after354; /* the reply is about a message, or one is coming in */
};

enum tarpit_says {
    TARPIT_GO = 0, /* say it now */
    TARPIT_HOLD,   /* say it in *ret_ms */
    TARPIT_REFUSE, /* 421 4.7.0 instead, and close */
};

/* About 800 kB: keep it on the heap. */
void tarpit_init(struct tarpit *t, const struct tarpit_config *config, uint32_t seed);
/* A relay attempt was refused. Returns the client's offences, faded, with this one. */
unsigned tarpit_offence(struct tarpit *t, struct tarpit_session *s, struct ip client, int64_t now);
/* Another worker has refused one. */
void tarpit_heard(struct tarpit *t, struct ip client, int64_t now);
unsigned tarpit_offences(const struct tarpit *t, struct ip client, int64_t now);
/* A reply to a command is due. On TARPIT_HOLD the session is counted as held. */
enum tarpit_says tarpit_ask(struct tarpit *t, struct tarpit_session *s,
                            const struct tarpit_facts *f, int64_t now, int64_t *ret_ms);
/*
 * A line of a held reply that may go now (RFC 5321 §4.2.1: lines of one code). Takes the next line
 * of a reply of several off the front of *reply; of one with a single line left it makes another
 * with the same text, and leaves it. False, and nothing in *line: replies that have to be a single
 * line (3xx, RFC 4954 §4's 235, 421).
 */
bool tarpit_drip(struct buf *reply, struct buf *line);
/* The held reply was said, or the session is gone. Safe when it is not held, and twice. */
void tarpit_release(struct tarpit *t, struct tarpit_session *s);
/*
 * Slots run short: the session that was held longest, or NULL. It is released; the caller closes
 * it. Before good clients are turned away, all held ones go.
 */
struct tarpit_session *tarpit_shed(struct tarpit *t);

#endif
