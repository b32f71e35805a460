/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list: what each address amounts to, every step that led there, the evidence and the proofs.
 * The store knows no rule of it; states and classes are the list's own. Conventions are those of
 * store/store.h.
 *
 * A step is one call, store_listing_change(): the listing, its records, its evidence and proofs,
 * and the mark that the zone's files must follow, all on disk or nothing.
 */
#ifndef POSTERN_STORE_LISTING_H
#define POSTERN_STORE_LISTING_H

#include "store/store.h"

enum {
    STORE_HASH = 32,                 /* octets of a record's hash, SHA-256 */
    STORE_EVIDENCE_MAX = 256 * 1024, /* of one piece of evidence; what is longer is cut */
};

enum store_side {
    STORE_SIDE_HOST,   /* the address that was tested */
    STORE_SIDE_OUTPUT, /* an address that brought a token back for another */
};

struct store_listing {
    int64_t id; /* set by the store; the evidence id in DNS */
    struct ip address;
    enum store_side side;
    unsigned state; /* the list's own number, below 32 */
    struct span class;
    uint8_t digest[STORE_DIGEST]; /* of the address, as tokens have it */
    int64_t created_wall, changed_wall;
    int64_t fresh_wall;   /* the start of its present life: older proofs do not count */
    int64_t expires_wall; /* 0: not at all */
    int64_t due_wall;     /* when it should be tested; 0: not at all */
    int64_t tested_wall;  /* when its last test began */
    unsigned tries;       /* undecided tests in a row */
    unsigned times;       /* how often it was listed */
    unsigned failed;      /* retests on request, of this listing, that found it open */
};

struct store_record {
    int64_t seq;     /* set by the store: 1, 2, 3, … without a gap */
    int64_t listing; /* 0: of the whole list, or of a network */
    int64_t wall;
    struct span subject; /* the address, network or zone as text */
    struct span event, was, became, class, who, reason;
    uint32_t run; /* 0: none */
    int64_t expires_wall;
    uint8_t hash[STORE_HASH]; /* set by the store */
};

struct store_evidence {
    int64_t id;      /* set by the store */
    int64_t listing; /* set by the store */
    int64_t wall;
    struct span source, reason, witness, who;
    struct span text; /* any bytes */
};

struct store_listing_proof {
    int64_t listing; /* set by the store */
    int64_t proof;   /* struct store_proof.id */
    uint32_t run;
    int64_t wall;
    struct ip input, output; /* output may be IP_NONE */
    struct span probe, family;
};

struct store_change {
    struct store_listing *listing;      /* id 0: a new one, which gets its id here; NULL: none */
    const struct store_record *records; /* their listing and seq are set by the store */
    size_t record_count;
    const struct store_evidence *evidence; /* NULL: none. The same text again is passed over */
    const struct store_listing_proof *proofs;
    size_t proof_count;
    bool dirty; /* what is served of the listing may have changed */
};

int store_listing_change(struct store *store, const struct store_change *change);

int store_listing_get(struct store *store, struct ip address, enum store_side side,
                      struct store_listing *ret);
int store_listing_by_id(struct store *store, int64_t id, struct store_listing *ret);

typedef int store_listing_fn(void *ctx, const struct store_listing *listing);

struct store_listing_filter {
    uint32_t states;            /* set of 1 << state; 0 all */
    int side;                   /* -1 both */
    struct span class;          /* empty: all */
    const struct ip_prefix *in; /* NULL: all */
    uint64_t limit;             /* 0: all */
};

/* By address, IPv4 first. */
int store_listings_each(struct store *store, const struct store_listing_filter *filter,
                        store_listing_fn *fn, void *ctx);
/* The hosts that a token's digest may mean. */
int store_listings_of_token(struct store *store, const uint8_t digest[STORE_DIGEST],
                            store_listing_fn *fn, void *ctx);
/* Whose test is due, the longest waiting first. */
int store_listings_due(struct store *store, int64_t now_wall, uint64_t limit, store_listing_fn *fn,
                       void *ctx);
/* Whose time is over, likewise. */
int store_listings_over(struct store *store, int64_t now_wall, uint64_t limit, store_listing_fn *fn,
                        void *ctx);

typedef int store_listing_count_fn(void *ctx, unsigned state, enum store_side side,
                                   struct span class, uint64_t count);
int store_listing_counts(struct store *store, store_listing_count_fn *fn, void *ctx);

typedef int store_record_fn(void *ctx, const struct store_record *record);

/* Records with a seq above `after`, in order; listing NULL is all. */
int store_records_each(struct store *store, const int64_t *listing, int64_t after,
                       store_record_fn *fn, void *ctx);
/* Records since `from_wall`, counted by what they say; seq is the count. Subject, reason empty. */
int store_record_counts(struct store *store, int64_t from_wall, store_record_fn *fn, void *ctx);

struct store_chain {
    uint64_t records;
    int64_t broken; /* seq of the first record whose hash is not what it must be; 0 none */
    uint8_t head[STORE_HASH]; /* the hash of the last sound record: it stands for all of them */
};

/* Reads every record and its hash. */
int store_records_check(struct store *store, struct store_chain *ret);
/*
 * From a record on whose number and hash somebody has kept: it must be there as it was, and those
 * behind it unbroken. What lies before it is not read; ret->records counts it nevertheless.
 */
int store_records_check_since(struct store *store, int64_t seq, const uint8_t hash[STORE_HASH],
                              struct store_chain *ret);

typedef int store_evidence_fn(void *ctx, const struct store_evidence *evidence);
int store_evidence_each(struct store *store, int64_t listing, store_evidence_fn *fn, void *ctx);

typedef int store_listing_proof_fn(void *ctx, const struct store_listing_proof *proof);
/* With `from_wall` only proofs from then on. */
int store_listing_proofs_each(struct store *store, int64_t listing, int64_t from_wall,
                              store_listing_proof_fn *fn, void *ctx);

struct store_exempt {
    struct span pattern; /* a prefix in its canonical text */
    struct span reason, who;
    int64_t added_wall, until_wall; /* until 0: for good */
};

typedef int store_exempt_fn(void *ctx, const struct store_exempt *exempt);

/* Adds or replaces, with its record. */
int store_exempt_add(struct store *store, const struct store_exempt *exempt,
                     const struct store_record *record);
/* STORE_NONE where there is none; nothing is recorded then. */
int store_exempt_remove(struct store *store, struct span pattern,
                        const struct store_record *record);
int store_exempts_each(struct store *store, store_exempt_fn *fn, void *ctx);

/* Listings that the zone's files may not follow yet, at most `limit`; *ret_count how many. */
int store_dirty_get(struct store *store, int64_t *ids, size_t limit, size_t *ret_count);
/* To be called when the files are on disk. All or none. */
int store_dirty_clear(struct store *store, const int64_t *ids, size_t count);

/* Small facts of the list, by name: the place in the proofs, the step of a shutdown. */
int store_value_set(struct store *store, struct span name, struct span value,
                    const struct store_record *record);
/* STORE_NONE where it was never set. */
int store_value_get(struct store *store, struct span name, struct buf *ret);

#endif
