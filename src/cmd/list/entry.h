/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One listing in hand: steps of its life are taken, each with its record, and then all of them go
 * to the store at once.
 *
 *     entry_open(g, ip, STORE_SIDE_HOST, &t);
 *     if (entry_step(&t, LIST_DELIST, g->who, 0, "%s", reason))
 *         status = entry_commit(g, &t);
 *     entry_close(&t);
 */
#ifndef POSTERN_CMD_LIST_ENTRY_H
#define POSTERN_CMD_LIST_ENTRY_H

#include "cmd/list/ledger.h"
#include "list/rules.h"

enum { ENTRY_STEPS_MAX = 8 };

struct entry {
    struct store_listing l; /* as it will be; the numbers in it may be set directly */
    char *class;            /* owned; what l.class points to */
    struct store_record records[ENTRY_STEPS_MAX];
    char *texts[ENTRY_STEPS_MAX]; /* owned: the records' reasons */
    size_t count;
    char subject[IP_TEXT_MAX];
    bool served_before;
    int err; /* -ENOMEM */
};

/* Reads it from the store, or begins one that nothing is known of. 0 or -errno. */
int entry_open(struct ledger *g, struct ip address, enum store_side side, struct entry *t);
int entry_open_id(struct ledger *g, int64_t id, struct entry *t);
void entry_close(struct entry *t);

enum list_state entry_state(const struct entry *t);
/* False, and nothing is done, where the life has no such step. */
bool entry_step(struct ledger *g, struct entry *t, enum list_event event, const char *who,
                uint32_t run, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
void entry_class(struct entry *t, const char *class);
/* 0 or -errno. The zone's files do not follow yet: zones_follow(). */
int entry_commit(struct ledger *g, struct entry *t, const struct store_evidence *evidence,
                 const struct store_listing_proof *proofs, size_t proof_count);

/*
 * What the guard and the proofs make of a listing that proofs have just been added to, or that a
 * person has confirmed (`person`): admitted, held, or exempt. No step where nothing changes.
 */
void entry_admit(struct ledger *g, struct entry *t, struct list_judgement j, uint32_t run,
                 const char *person);

/* Evidence, or a person's word, has come in: a nomination of the address. */
enum entry_nominated {
    ENTRY_NOMINATED = 0,
    ENTRY_AGAIN,   /* known already; the evidence was added */
    ENTRY_REFUSED, /* the guard: *ret_why */
};

struct entry_nomination {
    struct ip ip;
    int64_t
        fresh_wall; /* proofs from then on count, unless a life of it ended since; 0: from now on */
    const char *who;
    bool first; /* to be tested before all others */
    struct store_evidence evidence;
};

/* enum entry_nominated with *ret_why a phrase, or -errno. */
int entry_nominate(struct ledger *g, const struct entry_nomination *n, const char **ret_why);

#endif
