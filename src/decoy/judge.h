/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is this message a test of the relay, or spam? A spammer who finds an open relay first sends one
 * short message to himself, with the relay's address in it, and looks whether it comes back. The
 * recipient of a test is thus a mailbox that the tester reads: a drop-box.
 *
 * Each sign adds to or takes from a sum; JUDGE_TEST and more is a test. The signs that were seen
 * are told, so that a person can see why.
 */
#ifndef POSTERN_DECOY_JUDGE_H
#define POSTERN_DECOY_JUDGE_H

#include "base/ip.h"
#include "base/rows.h"

enum {
    JUDGE_TEST = 3,         /* the sum from which a message is a test */
    JUDGE_SIGNS_MAX = 24,   /* told of one message */
    JUDGE_MARKS_MAX = 500,  /* rows of marks */
    JUDGE_SHORT = 4096,     /* octets of a message that is short */
    JUDGE_LONG = 32768,     /* and long */
    JUDGE_CROWD = 5,        /* recipients from which it is a mailing */
    JUDGE_MASS = 25,        /* and a large one */
    JUDGE_BUSY = 50,        /* earlier messages of a client from which it is no tester */
    JUDGE_AGAIN = 3,        /* times a text was seen before, from which it is a mailing */
    JUDGE_TEXT_MAX = 65536, /* octets of a message that are looked at */
};

enum judge_where {
    JUDGE_HELO = 1 << 0,
    JUDGE_MAIL = 1 << 1,
    JUDGE_RCPT = 1 << 2,
    JUDGE_TEXT = 1 << 3,
};

/* A word that testers use: a row of data/personas/marks.rows. */
struct judge_mark {
    char *id, *match;
    unsigned where; /* enum judge_where */
    unsigned weight;
};

struct judge_marks {
    struct judge_mark *v;
    size_t count, cap;
};

/* 0; -EINVAL with *err filled; -ENOMEM. Empty when it fails. */
int judge_marks_read(struct span text, struct judge_marks *ret, struct rows_error *err);
void judge_marks_deinit(struct judge_marks *m);

/* A message and what is known about its sender. All borrowed. */
struct judge_case {
    struct span helo, mail;
    const struct span *rcpts; /* those that are kept */
    size_t rcpt_shown;
    size_t rcpt_count;    /* of all of them */
    struct span text;     /* header and body, or the front of it */
    uint64_t size;        /* of all of it */
    const char *host;     /* the decoy's name */
    const struct ip *own; /* the addresses that the decoy may be known by */
    size_t own_count;
    unsigned earlier; /* messages of this client before, in a day */
    unsigned again;   /* times that this body was seen before */
};

struct judge_sign {
    const char *name; /* static, or of the marks */
    int weight;
};

struct judge {
    bool test;
    int sum;
    struct judge_sign signs[JUDGE_SIGNS_MAX];
    size_t count;
};

void judge_message(const struct judge_marks *marks, const struct judge_case *c, struct judge *ret);

/* What the name in HELO tells, as words with commas between; "" for nothing odd. */
void judge_helo(struct span helo, struct ip client, const char *host, const struct ip *own,
                size_t own_count, struct buf *out);

#endif
