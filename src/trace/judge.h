/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the judgement share. A house is a run of genuine lines by one organisation;
 * house 0 is the receiving system. The lowest line of a house is its door: there somebody else came
 * in, and the question is what let him.
 */
#ifndef POSTERN_TRACE_JUDGE_H
#define POSTERN_TRACE_JUDGE_H

#include "trace/facts.h"

enum { JUDGE_HOUSES_MAX = 16 };

/* About when mail programs began to log in, and hosts to mistrust each other. */
#define JUDGE_YEAR_2006 INT64_C(1136073600)

struct house {
    size_t top, door; /* hops: newest and oldest of it */
    const struct received
        *seen;      /* the line above, which saw this house's address; NULL of house 0 */
    struct ip ip;   /* by that line, or the nearest that saw a public one */
    bool witnessed; /* that line is the receiving system's */
};

struct inquiry {
    struct trace *t;
    const struct facts *f;
    const struct trace_options *o;
    struct house houses[JUDGE_HOUSES_MAX];
    size_t count;
    int margin; /* of the last judge_sender(): points for it, below 0 against */
};

/* The whole judgement: class, confidence, culprit, source, notes, alternatives. */
void judge(struct trace *t, const struct facts *f, const struct trace_options *o);

/* ---- judge_client.c: what let the client in at this house's door ---- */

enum trace_class judge_door(struct inquiry *q, size_t house);

/* ---- judge_own.c: a sender of its own, or the spammer's machine ---- */

/* A host that brought the message, with the lines of `house` where it wrote some. */
struct sender {
    const struct received *seen; /* the line that saw it */
    size_t seen_hop;
    const struct house *house; /* NULL: nothing genuine below */
};

/* TRACE_OWN or TRACE_SPAMMER; q->margin is by how much. */
enum trace_class judge_sender(struct inquiry *q, const struct sender *s);

/* ---- judge_marks.c: single questions ---- */

/* Whether this domain is one of the house's: by its hosts' names, or by the name it was seen as. */
bool marks_of_house(const struct inquiry *q, size_t house, struct span domain);
/* Sender (From), reverse-path: is any of them the house's own, or signed for by a proved key? */
bool marks_aligned(const struct inquiry *q, size_t house);
bool marks_dkim(const struct inquiry *q, struct span domain);
/* SPF said so, by a line of the receiving system, for the reverse-path's domain. */
bool marks_spf_pass(const struct inquiry *q);
/* The envelope recipient that a line tells is of the receiving system, or of a house above. */
bool marks_list(const struct inquiry *q); /* a list that somebody on the way runs */
bool marks_list_here(const struct inquiry *q, size_t house);
/* Mail for one of its own users or domains, which then went on: what every MX may take. */
bool marks_passes_on(const struct inquiry *q, size_t house);
/* That, or our address is named after the house: it is one that was given to it. */
bool marks_forwards(const struct inquiry *q, size_t house);
/* An address as NAT devices, container bridges and balancers have it. */
bool marks_gateway(struct ip ip, struct span name);
bool marks_same_net(struct ip a, struct ip b);
bool marks_bounce(const struct inquiry *q);

/* ---- notes ---- */

void judge_note(struct inquiry *q, const char *why, size_t hop, struct span about);
void judge_note_line(struct inquiry *q, const char *why, unsigned line, struct span about);
void judge_other(struct inquiry *q, enum trace_class class, const char *why);

#endif
