/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How much one client may ask of us: connections at a time, and deeds (connections and messages)
 * a minute. A client is an IPv4 address or an IPv6 /64. The table is of fixed size: when it is
 * full of clients that are connected, a new one is turned away; else the one longest silent is
 * forgotten.
 */
#ifndef POSTERN_SINK_RATE_H
#define POSTERN_SINK_RATE_H

#include "base/ip.h"

enum {
    RATE_CLIENTS = 1024, /* clients that are remembered */
};

struct rate_client {
    struct ip_prefix net; /* of family IP_NONE: the slot is free */
    unsigned active;      /* connections now */
    int64_t spent_until;  /* the time by which all deeds so far are paid for */
    int64_t last;
};

struct rate {
    unsigned at_once;    /* connections of one client; 0: no limit */
    unsigned per_minute; /* deeds of one client, and as many at once at the most; 0: no limit */
    struct rate_client clients[RATE_CLIENTS];
};

enum rate_got {
    RATE_OK = 0,
    RATE_BUSY, /* too many connections at a time, or no room to remember this client */
    RATE_FAST, /* too many deeds a minute */
};

const char *rate_got_name(enum rate_got got);

/* A new connection. On RATE_OK *ret_client is to be given back by rate_leave(). */
enum rate_got rate_enter(struct rate *r, struct ip ip, int64_t now,
                         struct rate_client **ret_client);
void rate_leave(struct rate *r, struct rate_client *client, int64_t now);
/* One more deed of a client that is connected. */
enum rate_got rate_deed(struct rate *r, struct rate_client *client, int64_t now);

#endif
