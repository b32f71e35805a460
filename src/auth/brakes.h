/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Brakes on logins: how many recipients a login may have in an hour, from how many networks it may
 * come in a day, and how slow guessing of passwords gets. They only ever narrow what a login may
 * do.
 *
 * Tables are of a fixed number of rows; the row longest untouched makes room. A login's name is
 * kept as a keyed hash (without ASCII case), so that a row has one size and no attacker picks its
 * slot. Time is monotonic milliseconds.
 */
#ifndef POSTERN_AUTH_BRAKES_H
#define POSTERN_AUTH_BRAKES_H

#include "auth/limits.h"
#include "base/ip.h"
#include "base/mac.h"

struct auth_brakes;

enum {
    AUTH_BRAKES_PREFIXES_MAX = 64, /* that prefixes_per_day can be at most */
    AUTH_BRAKES_ROWS = 16384,      /* default of `rows` */
};

struct auth_brakes_config {
    unsigned recipients_per_hour; /* of one login; 0: no brake */
    unsigned prefixes_per_day;    /* IPv4 /24 and IPv6 /48 of one login; 0: no brake */
    unsigned failures_max; /* of one address (IPv6 /64) in failure_time; then 454 unasked; 0: no */
    int64_t failure_time;  /* ms after which a failure is forgotten */
    int64_t delay_first;   /* ms before the reply to a failure; doubles with each; 0: no delay */
    int64_t delay_max;     /* ms; RFC 5321 §4.5.3.2 clients wait 5 minutes */
    unsigned rows;         /* of each table */
    uint8_t key[MAC_KEY];  /* random: for the hash */
};

enum auth_brake {
    AUTH_BRAKE_NONE = 0,
    AUTH_BRAKE_RECIPIENTS, /* 450 4.7.1, at RCPT */
    AUTH_BRAKE_PREFIXES,   /* 454 4.7.0, at AUTH */
    AUTH_BRAKE_FAILURES,   /* 454 4.7.0, at AUTH */
};

const char *auth_brake_name(enum auth_brake b); /* "recipients" … */

/* 0 or -ENOMEM; the config is copied. */
int auth_brakes_new(const struct auth_brakes_config *config, struct auth_brakes **ret);
void auth_brakes_free(struct auth_brakes **b);
/* New limits; what was counted stays. `rows` and `key` stay as they were. */
void auth_brakes_change(struct auth_brakes *b, const struct auth_brakes_config *config);

/* Before AUTH is judged: may this address try at all? NONE or FAILURES. */
enum auth_brake auth_brakes_try(struct auth_brakes *b, struct ip ip, int64_t now);
/*
 * A login failed: how long to hold the reply back, in ms. login may be empty. A login's own
 * failures delay those who fail, never the one who knows the password: nobody can lock another out.
 */
int64_t auth_brakes_failed(struct auth_brakes *b, struct span login, struct ip ip, int64_t now);
/* A login worked: NONE, or PREFIXES: too many networks today; it must be refused. */
enum auth_brake auth_brakes_login(struct auth_brakes *b, struct span login, struct ip ip,
                                  int64_t now);
/* Counts one recipient of a login. NONE, or RECIPIENTS: not counted, must be put off. */
enum auth_brake auth_brakes_recipient(struct auth_brakes *b, struct span login, int64_t now);
/* Of another worker: counts, without asking. */
void auth_brakes_heard(struct auth_brakes *b, struct span login, unsigned recipients, int64_t now);

#endif
